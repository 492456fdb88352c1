#!/usr/bin/env python3
"""Compares our benchmarks with the same work done by PyTorch, NumPy, OpenBLAS, Gorgonia, GoMLX and Gymnasium.

Run it from the repository's root on an otherwise idle machine:

    python3 bench/peers/compare.py --python PYTHON_WITH_TORCH > table.md

Ours and theirs take turns, round after round, each on one thread of one and the same processor, so that whatever else changes on
the machine meets all of them alike. The tables give the medians over the rounds, and how many times as long as ours the others
take: the median of the ratios of each round, with the lowest and the highest.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

PACKAGES = ["nn", "gnn", "internal/kernel", "rl/envs", "examples/cartpole", "tasks/mecoffload/agent"]
CASES = (
    r"(nn:(TrainStep|Forward)/.*|gnn:(TrainStep|Forward|SpMM)/.*|tasks/mecoffload/agent:(Decide|TrainStep|Slot)/.*"
    r"|internal/kernel:(GEMM/\w+/(NN|NT|TN)|SpMM/\w+|(Exp|Sigmoid|Tanh)/kernel|BiasAct/relu/\d+|Softmax/\w+|Adam/\d+)"
    r"|rl/envs:Step/\w+|examples/cartpole:Train/(ppo|a2c|dqn))$"
)
# Cases whose operation is a step of an environment: readers want steps per second.
STEPS = r"(rl/envs|examples/cartpole):"
# Modules with Go benchmarks: name of the peer, folder, and the package of ours whose names they share.
GO_PEERS = [("Gorgonia", "gorgonia", "nn"), ("GoMLX", "gomlx", "nn")]
# References that are benchmarks of ours, beside the case: name of the peer, and what in the case's name becomes what.
REFERENCES = [("gonum", r"$", "/gonum"), ("math", r"/kernel$", "/math")]
TORCH_SCRIPTS = ["mlp.py", "gcn.py", "kernels.py", "control.py", "grle.py"]
HERE = pathlib.Path("bench/peers")
GO_ENV = {**os.environ, "GOMAXPROCS": "1"}


def log(*text):
    print(*text, file=sys.stderr, flush=True)


class GoBenchmarks:
    """A test binary and the benchmarks in it."""

    def __init__(self, name, folder, package, binary):
        self.name, self.folder, self.package = name, folder, package
        self.binary = binary
        if not binary.exists():
            log("building", folder)
            subprocess.run(["go", "test", "-c", "-o", binary, "."], cwd=folder, check=True)

    def run(self, pattern, benchtime, *options):
        """Name, ns/op and allocations of each benchmark that the pattern selects."""
        command = [self.binary, "-test.run=^$", "-test.bench=" + pattern, "-test.benchtime=" + benchtime, "-test.benchmem", *options]
        done = subprocess.run(command, cwd=self.folder, env=GO_ENV, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
        self.cpu = (re.search(r"^cpu: (.*)$", done.stdout, re.M) or [None, "unknown processor"])[1]
        line = re.compile(r"^Benchmark(\S+)\s+\d+\s+([\d.]+) ns/op.*?(\d+) allocs/op", re.M)
        return [(f"{self.package}:{name}", float(ns), int(allocs)) for name, ns, allocs in line.findall(done.stdout)]

    def cases(self):
        return [name for name, *_ in self.run(".", "1x")]

    def measure(self, case, seconds):
        pattern = "/".join(f"^{part}$" for part in ("Benchmark" + case.split(":")[1]).split("/"))
        ((_, ns, allocs),) = self.run(pattern, f"{seconds}s", f"-test.skip={pattern}/.")
        return {"ns_per_op": ns, "allocs": allocs}


class Reference:
    """A benchmark of ours that does the case by other means."""

    def __init__(self, name, benchmarks, case):
        self.name, self.benchmarks, self.case = name, benchmarks, case

    def measure(self, _, seconds):
        return self.benchmarks.measure(self.case, seconds)


class Script:
    """A script of peers, kept waiting for requests in a process of its own."""

    def __init__(self, python, script, arguments):
        self.name, self.python = f"{python} {script}", python
        # Large results reuse memory, as in a process that has run for long, instead of new pages from the kernel each time.
        keep = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
        self.process = subprocess.Popen(
            [python, HERE / script, "--serve", *arguments], env={**os.environ, **keep}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name}: ended without an answer")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class PythonPeer:
    """One way in which a script does the cases."""

    def __init__(self, script, peer):
        self.script, self.peer = script, peer

    def measure(self, case, seconds):
        return {"python": self.script.python, **self.script.ask(case=case, peer=self.peer, seconds=seconds)}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cases", default="", metavar="REGEXP", help="the cases to compare, such as ^nn:Forward or mecoffload (default: all)")
    p.add_argument("--rounds", type=int, default=7, help="rounds to measure (default: %(default)s)")
    p.add_argument("--seconds", type=float, default=0.3, help="time of one measurement (default: %(default)s)")
    p.add_argument("--python", action="append", metavar="FILE", help="an interpreter that has torch; may be repeated to compare several (default: this one)")
    p.add_argument("--openblas", metavar="FILE", help="the shared library of OpenBLAS (default: the one that the system finds)")
    p.add_argument("--cpu", type=int, help="the processor to run on (default: the last one allowed)")
    p.add_argument("--json", metavar="FILE", help="write every single measurement to this file")
    args = p.parse_args()
    if args.rounds < 1:
        p.error("--rounds: at least one")
    if not pathlib.Path("go.mod").exists() or not HERE.exists():
        p.error("run it from the repository's root")
    return args


def pin(cpu):
    """Runs this process, and those it starts, on one processor."""
    if not hasattr(os, "sched_setaffinity"):
        log("cannot choose a processor on this system: the ratios will vary more")
        return
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0)) if cpu is None else cpu})


def find_peers(ours, packages, args, tmp):
    """The peers that have each case: case -> [peer], scripts to close."""
    known = collections.defaultdict(list)
    for benchmarks, cases in packages.items():
        for case in ours:
            for name, old, new in REFERENCES:
                other = re.sub(old, new, case, count=1)
                if other != case and other in cases:
                    known[case].append(Reference(name, benchmarks, other))
    for name, folder, package in GO_PEERS:
        if any(case.startswith(package + ":") for case in ours):
            peer = GoBenchmarks(name, HERE / folder, package, tmp / f"{folder}.test")
            for case in peer.cases():
                known[case].append(peer)
    fixture = tmp / "agents.json"
    if any(case.startswith("tasks/mecoffload/agent:") for case in ours):
        log("writing the agents' weights and states")
        test = [tmp / "agent.test", "-test.run=^TestWritePeerCases$", f"-peers={fixture}"]
        subprocess.run(test, cwd="tasks/mecoffload/agent", check=True, stdout=subprocess.DEVNULL)
    scripts = []
    for i, python in enumerate(args.python or [sys.executable]):
        for name in TORCH_SCRIPTS + ["openblas.py"] * (i == 0):
            options = []
            if name == "grle.py" and fixture.exists():
                options = [f"--fixture={fixture}"]
            if name == "openblas.py" and args.openblas:
                options = [f"--openblas={args.openblas}"]
            script = Script(python, name, options)
            scripts.append(script)
            for case, peer in script.ask(list=list(ours)):
                known[case].append(PythonPeer(script, peer))
    return known, scripts


def label(peer, result):
    """The column of a peer: PyTorch goes with its version, as there may be several."""
    if not isinstance(peer, PythonPeer):
        return peer.name
    torch = result["versions"].get("torch", "").split("+")[0]
    return peer.peer.replace("PyTorch", f"PyTorch {torch}")


def compare(ours, known, args):
    """Lets ours and theirs take turns: case -> column -> [result of each round]."""
    results = {}
    for case, mine in ours.items():
        turns = {"ours": mine}
        for peer in known[case]:  # a first time, which also tells who cannot
            result = peer.measure(case, args.seconds)
            if "error" in result:
                log(f"{case}: no {peer.peer}: {result['error']}")
            else:
                turns[label(peer, result)] = peer
        mine.measure(case, args.seconds)
        log(case, "against", ", ".join(list(turns)[1:]) or "nobody")
        results[case] = {column: [] for column in turns}
        for _ in range(args.rounds):
            for column, peer in turns.items():
                result = peer.measure(case, args.seconds)
                if "error" in result:
                    sys.exit(f"{case}: {column}: {result['error']}")
                results[case][column].append(result)
    return results


def duration(ns):
    for unit, scale in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 1000 * scale or unit == "ms":
            return f"{ns / scale:.3g} {unit}" if ns < 999.5 * scale else f"{ns / scale:.0f} {unit}"


def figure(case, ns):
    return f"{float(f'{1e9 / ns:.3g}'):,.0f} steps/s" if re.match(STEPS, case) else duration(ns)


def tables(results):
    """Markdown, for each package a table for all that have the same peers."""
    grouped = {}
    for case, row in results.items():
        grouped.setdefault((case.split(":")[0], tuple(c for c in row if c != "ours")), {})[case] = row
    headed = None
    for (package, columns), rows in grouped.items():
        if package != headed:
            print(f"\n### `{package}`")
        headed = package
        print()
        print("| benchmark | ours | allocations |" + "".join(f" {c} | ratio |" for c in columns))
        print("|---|--:|--:|" + "--:|--:|" * len(columns))
        for case, row in rows.items():
            times = {c: [r["ns_per_op"] for r in rs] for c, rs in row.items()}
            mine = times["ours"]
            allocations = max(r["allocs"] for r in row["ours"])
            cells = [f"`{case.split(':')[1]}`", figure(case, statistics.median(mine)), str(allocations)]
            for c in columns:
                ratios = sorted(t / m for t, m in zip(times[c], mine))
                cells += [figure(case, statistics.median(times[c])), f"**{statistics.median(ratios):.3g}** ({ratios[0]:.3g}–{ratios[-1]:.3g})"]
            print("| " + " | ".join(cells) + " |")


def notes(results, ours, args):
    """What the tables were measured with."""
    go = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout.split()
    print(f"\nMeasured on one thread of: {next(iter(ours.values())).cpu}. {args.rounds} rounds of {args.seconds} s each.\n")
    versions = [f"{go[2]} {go[3]}"]
    for folder, module in ((HERE / "gorgonia", "gorgonia.org/gorgonia"), (HERE / "gomlx", "github.com/gomlx/gomlx"), (".", "gonum.org/v1/gonum")):
        command = ["go", "list", "-m", "-f", "{{.Path}} {{.Version}}", module]
        versions.append(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip())
    scripts = {}  # of one interpreter, each knows the versions of what it imports
    for row in results.values():
        for r in (r for rs in row.values() for r in rs[:1] if "versions" in r):
            scripts.setdefault(r["python"], {}).update(r["versions"])
    versions += [", ".join(f"{name} {version}" for name, version in v.items()) for v in scripts.values()]
    for v in versions:
        print("-", v)
    ways = collections.defaultdict(list)
    for case, row in results.items():
        for column, rs in row.items():
            if rs[0].get("variant"):
                ways[column, rs[0]["variant"]].append(f"`{case.split(':')[1]}`")
    if ways:
        print("\nWhere there are several ways to do the same, the fastest was taken:\n")
    for (column, way), cases in ways.items():
        print(f"- {column}, {way}: {', '.join(cases)}")


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        packages = [GoBenchmarks("ours", p, p, tmp / f"{pathlib.Path(p).name}.test") for p in PACKAGES]
        pin(args.cpu)
        packages = {p: p.cases() for p in packages}
        ours = {case: p for p, cases in packages.items() for case in cases if re.match(CASES, case) and re.search(args.cases, case)}
        if not ours:
            sys.exit(f"no benchmark matches {args.cases}")
        known, scripts = find_peers(ours, packages, args, tmp)
        if os.getloadavg()[0] > 2:
            log("the machine is busy: what it measures now means little")
        results = compare(ours, known, args)
        for script in scripts:
            script.close()
    tables(results)
    notes(results, ours, args)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(results, f)


if __name__ == "__main__":
    main()
