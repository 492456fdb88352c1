#!/usr/bin/env python3
"""Reads the event files of run folders with TensorBoard's own reader, and compares them with metrics.jsonl.

    go run ./cmd/train --slots 2000 --log tensorboard,csv --out /tmp/run
    PYTHON bench/peers/tensorboard_events.py /tmp/run/*/

PYTHON has `pip install tensorboard`. With --fixture it prints the records that a test of
internal/tfevents has.
"""
import argparse
import glob
import json
import os
import struct
import sys


def fixture():
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter
    import io

    def record(event):
        out = io.BytesIO()
        RecordWriter(out).write(event.SerializeToString(deterministic=True))
        return out.getvalue().hex()

    print("header", record(event_pb2.Event(wall_time=1.5, file_version="brain.Event:2")))
    values = [summary_pb2.Summary.Value(tag=t, simple_value=v) for t, v in (("accuracy", 0.5), ("latency_ms/p99", 28.5))]
    print("event", record(event_pb2.Event(wall_time=2.25, step=100, summary=summary_pb2.Summary(value=values))))


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, v in value.items():
            yield from leaves(v, f"{path}/{key}" if path else key)
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from leaves(v, f"{path}/{i + 1}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, float(value)


def check(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (name,) = glob.glob(os.path.join(folder, "*tfevents*"))
    events = EventAccumulator(name, size_guidance={"scalars": 0}).Reload()
    with open(os.path.join(folder, "metrics.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    step = next(k for k in ("step", "slot", "frame") if k in lines[0])
    tags, compared = events.Tags()["scalars"], 0
    assert tags, f"{name} has no scalars"
    for tag in tags:
        got = [(s.step, s.value) for s in events.Scalars(tag)]
        want = []
        for line in lines:
            value = dict(leaves(line)).get(tag)
            if value is not None:
                want.append((line[step], struct.unpack("f", struct.pack("f", value))[0]))
        assert got == want, f"{name}: {tag}: {got[:3]}... is not {want[:3]}..."
        compared += len(got)
    print(f"{folder}: {len(tags)} tags, {compared} scalars of {len(lines)} steps are those of metrics.jsonl")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--fixture", action="store_true")
    args = parser.parse_args()
    if args.fixture:
        fixture()
    elif not args.folders:
        sys.exit("name run folders")
    for folder in args.folders:
        check(folder)
