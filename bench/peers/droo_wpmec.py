#!/usr/bin/env python3
"""Compares train wpmec with the code that the authors of DROO published, on the data they published with it.

Run it from the repository's root, with an interpreter that has torch, NumPy and SciPy:

    git clone https://github.com/revenol/DROO /tmp/DROO
    PYTHON bench/peers/droo_wpmec.py /tmp/DROO > table.md

Theirs is mainPyTorch.py as it is, but for the number of frames and without the plots at its end; ours is cmd/train. They see the
same frames in the same order, take turns, seed after seed, and each has one thread on one and the same processor. A ratio is the
median of the seeds' ratios, with the lowest and the highest.
"""

import harness  # before numpy and torch: limits their threads

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

MAIN = "mainPyTorch.py"
DATA = "data/data_10.mat"
REPEATS = 5  # of ours, which takes a second where theirs takes minutes and so would be hit harder by whatever else happens
# Ours by the name in the table: the method and what its configuration says beside the defaults.
OURS = {
    "train wpmec": ("droo", ""),
    "train wpmec, published hyper-parameters": ("droo", "learning_rate: 0.01\nbeta1: 0.09\nnoise: 0\n"),
    "train wpmec, graph actor": ("droo-graph", ""),
}


def log(*text):
    print(*text, file=sys.stderr, flush=True)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("droo", type=pathlib.Path, help="folder of the published code, a clone of https://github.com/revenol/DROO")
    p.add_argument("--frames", type=int, default=10_000, help="frames of a run (default: %(default)s)")
    p.add_argument("--seeds", type=int, default=3, help="runs of each, with seeds from 1 on (default: %(default)s)")
    p.add_argument("--cpu", type=int, help="the processor to run on (default: the last one allowed)")
    p.add_argument("--theirs", type=int, metavar="SEED", help=argparse.SUPPRESS)  # run theirs, in this process
    args = p.parse_args()
    for name in (MAIN, DATA):
        if not (args.droo / name).is_file():
            p.error(f"{args.droo} has no {name}: it is not a clone of https://github.com/revenol/DROO")
    if args.frames < 10 or args.seeds < 1:
        p.error("want at least 10 frames and 1 seed")
    return args


def last_fifth(rates):
    """The mean over the frames that the published code calls the test frames."""
    tests = len(rates) - int(0.8 * len(rates))
    return statistics.fmean(rates[-tests:])


def theirs(droo, frames, seed):
    """Runs the published program in this process and prints what it measured."""
    numpy = harness.import_numpy()
    torch = harness.import_torch()
    torch.manual_seed(seed)
    numpy.random.seed(seed)

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # what torch imports when it is first used is not to be timed

    text = (droo / MAIN).read_text(encoding="utf-8")
    for what, pattern, replacement, places in (
        ("set the number of frames", r"^(\s*n\s*=\s*)\d+", rf"\g<1>{frames}", 1),
        ("plot", r"^(\s*)(mem\.plot_cost|plot_rate)\(.*\)", r"\1pass", 2),
    ):
        text, found = re.subn(pattern, replacement, text, flags=re.M)
        if found != places:
            sys.exit(f"{droo / MAIN}: {found} places that {what}, want {places}: another version?")
    droo = droo.resolve()
    sys.path.insert(0, str(droo))
    program = {"__name__": "__main__", "__file__": MAIN}
    with tempfile.TemporaryDirectory() as work:  # it reads from and writes to the current folder
        os.symlink(droo / "data", pathlib.Path(work, "data"))
        os.chdir(work)
        with contextlib.redirect_stdout(sys.stderr):
            exec(compile(text, MAIN, "exec"), program)
        os.chdir(droo)
    rates = [float(r) for r in program["rate_his_ratio"]]
    if len(rates) != frames:
        sys.exit(f"{droo / MAIN}: {len(rates)} rates of {frames} frames: another version?")
    print(json.dumps({"rate": last_fifth(rates), "frame_us": program["total_time"] / frames * 1e6, "versions": harness.versions}))


def run_theirs(args, seed):
    python = [sys.executable, "-B", "-W", "ignore::SyntaxWarning"]  # leave no files in the clone
    command = [*python, __file__, args.droo, "--frames", str(args.frames), "--theirs", str(seed)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def run_ours(binary, args, name, seed, work):
    method, settings = OURS[name]
    config = pathlib.Path(work, "config.yaml")
    config.write_text(settings)
    out = pathlib.Path(tempfile.mkdtemp(dir=work))
    command = [binary, "wpmec", "--config", config, "--method", method, "--data", args.droo / DATA, "--frames", str(args.frames)]
    command += ["--seed", str(seed), "--format", "json"]
    rows = []
    for repeat in range(REPEATS):
        done = subprocess.run([*command, "--out", out / str(repeat)], capture_output=True, text=True, env={**os.environ, "GOMAXPROCS": "1"})
        if done.returncode:
            sys.exit(done.stderr)
        rows.append(json.loads(done.stdout)[0])
    return {"rate": rows[0]["normalized_rate"], "frame_us": statistics.median(r["frame_us"]["mean"] for r in rows)}


def main():
    args = arguments()
    if args.theirs is not None:
        theirs(args.droo, args.frames, args.theirs)
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {args.cpu if args.cpu is not None else max(os.sched_getaffinity(0))})
    runs = {name: [] for name in ["published code", *OURS]}
    with tempfile.TemporaryDirectory() as work:
        binary = pathlib.Path(work, "train")
        log("building ./cmd/train")
        subprocess.run(["go", "build", "-o", binary, "./cmd/train"], check=True)
        for seed in range(1, args.seeds + 1):
            for name in runs:
                log(f"seed {seed}: {name}")
                result = run_theirs(args, seed) if name not in OURS else run_ours(binary, args, name, seed, work)
                versions = result.pop("versions", None) or versions
                runs[name].append(result)
                log(f"seed {seed}: {name}: normalized rate {result['rate']:.5f}, {result['frame_us']:.1f} µs a frame")

    print(f"{DATA}, {args.frames} frames, {args.seeds} seeds, one thread; {', '.join(f'{k} {v}' for k, v in versions.items())}.\n")
    print("| | normalized rate, last 20 % (worst seed) | µs a frame | times ours (lowest, highest) |")
    print("|---|--:|--:|--:|")
    for name, results in runs.items():
        rates = [r["rate"] for r in results]
        frame = statistics.median(r["frame_us"] for r in results)
        ratios = [r["frame_us"] / ours["frame_us"] for r, ours in zip(results, runs["train wpmec"])]
        times = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}, {max(ratios):.1f})"
        print(f"| {name} | {statistics.fmean(rates):.5f} ({min(rates):.5f}) | {frame:.1f} | {times} |")


if __name__ == "__main__":
    main()
