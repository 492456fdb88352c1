"""Runs exported models in onnxruntime and compares them with the tape.

    go test ./gnn/onnx -run TestExport -args -onnx DIR
    python bench/peers/onnx_check.py DIR
"""

import glob
import json
import sys

import numpy as np
import onnxruntime as ort


def main(folder):
    worst, files = {}, 0
    for path in sorted(glob.glob(folder + "/*.json")):
        with open(path) as f:
            case = json.load(f)
        session = ort.InferenceSession(path[:-4] + "onnx", providers=["CPUExecutionProvider"])
        feed = {}
        for i in session.get_inputs():
            a = case["inputs"][i.name]
            dtype = np.int64 if "int64" in i.type else np.float32
            feed[i.name] = np.array(a["Data"] or [], dtype).reshape(a["Shape"])
        want = np.array(case["out"]["Data"] or [], np.float32).reshape(case["out"]["Shape"])
        (got,) = session.run(["out"], feed)
        if got.shape != want.shape:
            sys.exit(f"{path}: shape {got.shape}, want {want.shape}")
        error = float(np.max(np.abs(got - want) / np.maximum(1, np.abs(want)), initial=0))
        name = path.split("/")[-1].split(".")[0]
        worst[name] = max(worst.get(name, 0), error)
        files += 1
    for name, error in worst.items():
        print(f"{name:24} {error:.1e}")
    bad = [n for n, e in worst.items() if not e <= 1e-5]
    print(f"{files} files, onnxruntime {ort.__version__}, {len(bad)} beyond 1e-5: {bad}")
    sys.exit(bool(bad) or files == 0)


main(sys.argv[1])
