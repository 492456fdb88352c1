#!/bin/bash
# A suite and trainings on a real Slurm, on one machine: Debian's packages, two nodes on loopback.
#
#	bench/cluster/slurm.sh [FOLDER]
#
# Run it as root on Debian, from the repository's root; Go must be installed. It submits the job array
# that eval --emit slurm writes, stops one task by a signal and kills a node with all that runs on it,
# and compares the merged report with that of one process, byte for byte. Then it does the same with
# an array of single trainings. It prints PASS at the end; FOLDER (default: a new one) keeps the logs.
# It installs Debian's packages of munge and Slurm where they are missing; there it needs the network.
set -euo pipefail
dir=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$dir"/{state,log,d0,d1,run}
begin=$(date +%s)
say() { printf '%4d s  %s\n' $(($(date +%s) - begin)) "$*" | tee -a "$dir/log/summary"; }

missing() { for program; do command -v "$program" >/dev/null || return 0; done; return 1; }
if missing slurmctld slurmd munged pgrep; then
	say "installing munge and Slurm"
	apt-get update -qq >"$dir/log/apt" 2>&1
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurm-wlm munge procps >>"$dir/log/apt" 2>&1
fi

say "building"
go build -o "$dir/graphrl-eval" ./cmd/eval
go build -o "$dir/graphrl-train" ./cmd/train

host=$(hostname -s)
export SLURM_CONF=$dir/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=graphrl
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
SlurmctldPort=16817
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/d%n
SlurmctldPidFile=$dir/ctld.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/log/ctld.log
SlurmdLogFile=$dir/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=10
KillWait=5
NodeName=0 NodeAddr=127.0.0.1 NodeHostname=$host Port=17001 CPUs=1 RealMemory=1000 State=UNKNOWN
NodeName=1 NodeAddr=127.0.0.1 NodeHostname=$host Port=17002 CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

# Only what this script has started is stopped, by the numbers it has noted.
stop() {
	for name in 0 1 ctld munge; do
		[ -s "$dir/$name.pid" ] && kill "$(cat "$dir/$name.pid")" 2>/dev/null || true
	done
}
trap stop EXIT
trap 'exit 130' INT TERM
if [ ! -s "$dir/munge.key" ]; then (umask 077; head -c 1024 /dev/urandom >"$dir/munge.key"); fi
munged --force --key-file "$dir/munge.key" --socket "$dir/run/munge.socket" --pid-file "$dir/munge.pid" \
	--log-file "$dir/log/munge.log" --seed-file "$dir/munge.seed"
slurmctld -c
slurmd -N 0
slurmd -N 1

# until SECONDS COMMAND: waits until the command succeeds.
until_true() {
	local limit=$1
	shift
	for ((i = 0; i < limit; i++)); do
		if "$@"; then return 0; fi
		sleep 1
	done
	say "FAIL: not within $limit s: $*"
	exit 1
}
nodes_idle() { [ "$(sinfo -h -N -o %T 2>/dev/null | grep -c idle)" = 2 ]; }
running() { [ "$(squeue -h -t R -o %i 2>/dev/null | wc -l)" -ge "$1" ]; }
all_done() { [ -z "$(squeue -h -o %i)" ]; }
restarts() { scontrol show job "$1" | grep -o 'Restarts=[0-9]*' | awk -F= '{ sum += $2 } END { print sum }'; }
until_true 60 nodes_idle
say "Slurm runs: $(sinfo -h -o '%D nodes, %T')"

# crash NODE: ends a node's slurmd and everything below it, as if the machine had failed.
crash() {
	local pids=("$(cat "$dir/$1.pid")") next
	# A step writes to the log of the slurmd that started it.
	for pid in $(pgrep -x slurmstepd || true); do
		ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "$dir/log/$1.log" && pids+=("$pid")
	done
	for ((i = 0; i < ${#pids[@]}; i++)); do
		next=$(pgrep -P "${pids[i]}" || true)
		for child in $next; do pids+=("$child"); done
	done
	kill -9 "${pids[@]}" 2>/dev/null || true
	rm -f "$dir/$1.pid"
}

# disturb JOB: requeues one task by a signal and crashes the node of another.
disturb() {
	until_true 60 running 2
	sleep 3
	local first second
	first=$(squeue -h -t R -w 0 -o %i | head -1)
	second=$(squeue -h -t R -w 1 -o %i | head -1)
	say "SIGTERM to task $first, node 1 crashes with task $second"
	timeout 5 scancel --signal=TERM --batch "$first" || true # it repeats a signal to a task that is gone
	crash 1
	sleep 15
	slurmd -N 1
}

suite=(--suite quick --seeds 1 --slots "${SLOTS:-1000}")
say "one process: eval ${suite[*]}"
"$dir/graphrl-eval" "${suite[@]}" --results "$dir/one" >/dev/null 2>"$dir/log/one"
say "one process is done"

cd "$dir"
"$dir/graphrl-eval" "${suite[@]}" --results "$dir/many" --emit slurm --parts 6 --at-once 2 >"$dir/suite.sh"
job=$(sbatch --parsable "$dir/suite.sh")
say "array $job of 6 parts, two at a time"
disturb
until_true 400 all_done
say "array is done, tasks restarted: $(restarts "$job")"
[ "$(grep -l "^shard .* is done" "$dir"/quick-"$job"_*.log | wc -l)" = 6 ] || { say "FAIL: a part has not ended well"; exit 1; }
"$dir/graphrl-eval" "${suite[@]}" --results "$dir/many" --merge >/dev/null 2>>"$dir/log/merge"
for file in results.json runs.csv summary.csv tables.md; do
	cmp "$dir/one/quick/$file" "$dir/many/quick/$file" || { say "FAIL: $file differs"; exit 1; }
done
say "merged report equals that of one process, byte for byte"
grep -h "processor time" "$dir"/quick-*.log | sed 's/^/        /' | tee -a "$dir/log/summary"

# Single trainings, a seed to each task; a task that comes back goes on from its checkpoint.
cat >"$dir/train.sh" <<'JOB'
#!/bin/bash
#SBATCH --job-name=graphrl-train
#SBATCH --array=1-3%2
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
#SBATCH --open-mode=append
#SBATCH --output=train-%A_%a.log
folder=runs/seed$SLURM_ARRAY_TASK_ID
requeue() {
	kill -TERM "$child"
	wait "$child"
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
}
trap requeue TERM
if [ -d "$folder/checkpoint/latest" ]; then
	./graphrl-train --resume "$folder" &
else
	rm -rf "$folder"
	./graphrl-train --method GRLE --slots "$1" --seed "$SLURM_ARRAY_TASK_ID" --out "$folder" &
fi
child=$!
wait "$child"
JOB
slots=${TRAIN_SLOTS:-60000}
job=$(sbatch --parsable "$dir/train.sh" "$slots")
say "array $job of 3 trainings, two at a time"
disturb
until_true 400 all_done
say "array is done, tasks restarted: $(restarts "$job")"
for seed in 1 2 3; do
	"$dir/graphrl-train" --method GRLE --slots "$slots" --seed "$seed" --out "$dir/alone/seed$seed" >/dev/null 2>&1 &
	[ $((seed % 2)) = 1 ] || wait
done
wait
for seed in 1 2 3; do
	cmp "$dir/runs/seed$seed/metrics.jsonl" "$dir/alone/seed$seed/metrics.jsonl" || { say "FAIL: seed $seed differs"; exit 1; }
done
say "trainings that were stopped equal those that were not, byte for byte"
say PASS
