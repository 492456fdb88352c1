"""Runs exported models in onnxruntime and compares them with what the library computes.

    go test ./gnn/onnx -run TestExport -args -onnx DIR
    go test ./tasks/mecoffload/agent -run TestONNX -args -onnx DIR
    python bench/peers/onnx_check.py DIR
"""

import glob
import json
import sys

import numpy as np
import onnxruntime as ort

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


def array(tensor, kind):
    return np.array(tensor["data"], TYPES[kind]).reshape(tensor["shape"])


def difference(got, want):
    """The largest one, relative to values beyond 1; infinities must agree."""
    same = got == want
    relative = np.abs(got - want)[~same] / np.maximum(1, np.abs(want[~same]))
    return float(np.max(np.nan_to_num(relative, nan=np.inf), initial=0))


def main(folder):
    worst, files = {}, 0
    for path in sorted(glob.glob(folder + "/*.json")):
        with open(path) as f:
            case = json.load(f)
        session = ort.InferenceSession(path[:-4] + "onnx", providers=["CPUExecutionProvider"])
        feed = {i.name: array(case["inputs"][i.name], i.type) for i in session.get_inputs()}
        name = path.split("/")[-1].split(".")[0]
        for output, got in zip(session.get_outputs(), session.run(None, feed)):
            want = array(case["outputs"][output.name], output.type)
            if got.shape != want.shape:
                sys.exit(f"{path}: {output.name} has shape {got.shape}, want {want.shape}")
            with np.errstate(invalid="ignore"):
                error = difference(got, want)
            worst[name] = max(worst.get(name, 0), error)
        files += 1
    for name, error in worst.items():
        print(f"{name:24} {error:.1e}")
    bad = [n for n, e in worst.items() if not e <= 1e-5]
    print(f"{files} files, onnxruntime {ort.__version__}, {len(bad)} beyond 1e-5: {bad}")
    sys.exit(bool(bad) or files == 0)


main(sys.argv[1])
