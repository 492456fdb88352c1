"""What the peer scripts share: one thread, a clock, and a way to be asked for measurements.

Import it before numpy and torch, whose thread pools it limits.

A script registers cases with @case. Alone it measures the cases named on its command line (or all it has by default) and
prints one JSON object per line. With --serve it measures what it is asked for, one JSON request per line of standard input, so
that compare.py can let it take turns with others.
"""

import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"):
    os.environ[_variable] = "1"

import argparse
import contextlib
import gc
import itertools
import json
import platform
import re
import statistics
import sys
import time

versions = {"python": platform.python_version()}
_patterns = []  # (compiled regular expression, peer, context, factory)
_prepared = {}  # (case, peer) -> (variant, function, baseline, context)


class Unavailable(Exception):
    """A case cannot be measured here; the message says why."""


def case(pattern, peer, context=contextlib.nullcontext):
    """Registers a factory for the cases whose whole name matches pattern. Everything about them runs inside context().

    The factory is called with the pattern's groups. It returns a function to be timed, or a dictionary of several ways to do
    the same, of which the fastest counts. In place of a function there may be a pair (function, baseline): the time of the
    baseline is subtracted. A function that does several operations in a call has their number as its attribute operations.
    """

    def register(factory):
        _patterns.append((re.compile(pattern), peer, context, factory))
        return factory

    return register


def import_torch():
    """torch, on one thread and without the slow arithmetic on denormal numbers."""
    import warnings

    import torch

    warnings.filterwarnings("ignore", message="Sparse ")
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    versions["torch"] = torch.__version__
    versions["torch BLAS"] = "MKL" if torch.backends.mkl.is_available() else "system BLAS"
    return torch


def compiled(torch, function):
    """function by torch.compile, where that works."""
    if not hasattr(torch, "compile"):
        raise Unavailable("this PyTorch has no torch.compile")
    return torch.compile(function)


def import_numpy():
    import numpy

    versions["numpy"] = numpy.__version__
    return numpy


def clock(function, seconds):
    """Nanoseconds per operation of function, the mean over at least the given time."""
    count = 1
    while True:
        calls = itertools.repeat(None, count)
        start = time.perf_counter_ns()
        for _ in calls:
            function()
        elapsed = time.perf_counter_ns() - start
        if elapsed >= seconds * 1e9:
            return elapsed / count / getattr(function, "operations", 1)
        count = max(count + 1, min(100 * count, int(1.1 * count * seconds * 1e9 / max(elapsed, 1))))


def _prepare(name, peer):
    """Builds a case, warms it up and settles on its fastest variant."""
    for pattern, p, context, factory in _patterns:
        match = pattern.fullmatch(name)
        if match and p == peer:
            break
    else:
        raise Unavailable(f"no case {name} of {peer}")
    with context():
        variants = factory(*match.groups())
        if not isinstance(variants, dict):
            variants = {"": variants}
        timed = []
        for variant, function in variants.items():
            function, baseline = function if isinstance(function, tuple) else (function, None)
            clock(function, 0.1)
            timed.append((min(clock(function, 0.05) for _ in range(3)), variant, function, baseline))
    return min(timed, key=lambda t: t[0])[1:] + (context,)


def measure(name, peer, seconds):
    if (name, peer) not in _prepared:
        _prepared[name, peer] = _prepare(name, peer)
    variant, function, baseline, context = _prepared[name, peer]
    gc.collect()
    with context():
        ns = clock(function, seconds)
        if baseline:
            ns -= min(clock(baseline, seconds / 30) for _ in range(5))
    return {"case": name, "peer": peer, "variant": variant, "ns_per_op": ns, "versions": versions}


def _answer(request):
    try:
        if "list" in request:  # which of these names there are cases for
            return [[name, peer] for name in request["list"] for pattern, peer, *_ in _patterns if pattern.fullmatch(name)]
        return measure(request["case"], request["peer"], request["seconds"])
    except Exception as e:  # the asker decides what an absent result means
        return {"error": f"{type(e).__name__}: {e}"}


def main(description, defaults, options=None, configure=None):
    """Runs a script.

    defaults are the names of the cases measured when none is given; options adds arguments to the parser; configure is called
    with the parsed ones.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("cases", nargs="*", default=defaults, help="names of cases (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of one repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=9, help="repeats, of which the median counts (default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help="measure what standard input asks for")
    if options:
        options(parser)
    args = parser.parse_args()
    if configure:
        configure(args)
    gc.disable()
    if args.serve:
        replies, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is not a reply
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line))), file=replies, flush=True)
        return
    for name, peer in _answer({"list": args.cases}):
        try:
            results = [measure(name, peer, args.seconds) for _ in range(args.repeats)]
        except Unavailable as e:
            print(f"{name}, {peer}: {e}", file=sys.stderr)
            continue
        ns = statistics.median(r["ns_per_op"] for r in results)
        print(json.dumps({**results[0], "ns_per_op": ns}), flush=True)
