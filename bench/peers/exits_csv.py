"""Measures every exit of a network in PyTorch, one image at a time, for `go run ./cmd/profile csv`.

    PYTHON bench/peers/exits_csv.py CHECKPOINT.safetensors test.zip > samples.csv

The network is one that examples/earlyexit has trained, so it also checks our accuracies: PyTorch gets the same ones from
the same weights. For your own network replace `load` and `classify`; the rest stays. Needs torch, safetensors and Pillow.
"""
import argparse
import csv
import io
import sys
import time
import zipfile

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from earlyexit import BLOCKS, Network


def load(checkpoint):
    """Our weights in PyTorch's layout: filters are [height*width*in, out] here and [out, in, height, width] there."""
    ours = {k.removeprefix("model/"): v for k, v in load_file(checkpoint).items() if k.startswith("model/")}
    after = ours["exits_after"].tolist() if "exits_after" in ours else [2, 4, 7, 10, 13]
    net = Network(width=len(ours["exit5.weight"]) / 512, classes=len(ours["exit5.bias"]), after=after)
    names = [(b, i) for b, channels in enumerate(BLOCKS, 1) for i in range(1, len(channels) + 1)]
    with torch.no_grad():
        for (b, i), (conv, norm, _) in zip(names, net.units):
            w = ours[f"block{b}/conv{i}.weight"]
            conv.weight.copy_(w.reshape(3, 3, -1, w.shape[1]).permute(3, 2, 0, 1))
            at = f"block{b}/norm{i}."
            norm.weight.copy_(ours[at + "gamma"])
            norm.bias.copy_(ours[at + "beta"])
            norm.running_mean.copy_(ours[at + "running_mean"])
            norm.running_var.copy_(ours[at + "running_var"])
        for e, exit in enumerate(net.exits, 1):
            exit.weight.copy_(ours[f"exit{e}.weight"].T)
            exit.bias.copy_(ours[f"exit{e}.bias"])
    classes = bytes(ours["classes"].tolist()).decode().split("\n")
    return net.eval(), classes, ours["mean"], ours["std"]


def images(archive, classes):
    """Label and pixels, [3, height, width] from 0 to 1, of each CLASS/NAME.jpg."""
    with zipfile.ZipFile(archive) as z:
        for name in sorted(z.namelist()):
            if name.lower().endswith((".jpg", ".jpeg", ".png")):
                pixels = np.asarray(Image.open(io.BytesIO(z.read(name))).convert("RGB"))
                yield classes.index(name.split("/")[-2]), torch.tensor(pixels).permute(2, 0, 1) / 255


def main():
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint")
    p.add_argument("images")
    p.add_argument("--cpu-time", action="store_true", help="processor time, for a machine that does other things")
    a = p.parse_args()
    clock = time.process_time if a.cpu_time else time.perf_counter
    torch.set_num_threads(1)
    net, classes, mean, std = load(a.checkpoint)
    out = csv.writer(sys.stdout)
    out.writerow(["image", "exit", "correct", "latency_ms"])
    with torch.inference_mode():
        for i, (label, pixels) in enumerate(images(a.images, classes)):
            for e in range(len(net.exits)):
                start = clock()
                x = ((pixels - mean[:, None, None]) / std[:, None, None])[None]
                answer = net(x, e)[-1].argmax().item()
                took = clock() - start
                if i >= 20:  # warm
                    out.writerow([i, e + 1, int(answer == label), f"{1000 * took:.6f}"])


main()
