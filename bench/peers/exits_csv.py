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

from earlyexit import Network


def load(checkpoint):
    """Our weights in PyTorch's layout: filters are [height*width*in, out] here and [out, in, height, width] there."""
    ours = {k.removeprefix("model/"): v for k, v in load_file(checkpoint).items() if k.startswith("model/")}
    net = Network(width=len(ours["exit5.weight"]) / 512, classes=len(ours["exit5.bias"]))
    with torch.no_grad():
        for b, block in enumerate(net.blocks, 1):
            convs = [m for m in block if isinstance(m, torch.nn.Conv2d)]
            norms = [m for m in block if isinstance(m, torch.nn.BatchNorm2d)]
            for i, (conv, norm) in enumerate(zip(convs, norms), 1):
                w = ours[f"block{b}/conv{i}.weight"]
                conv.weight.copy_(w.reshape(3, 3, -1, w.shape[1]).permute(3, 2, 0, 1))
                at = f"block{b}/norm{i}."
                norm.weight.copy_(ours[at + "gamma"])
                norm.bias.copy_(ours[at + "beta"])
                norm.running_mean.copy_(ours[at + "running_mean"])
                norm.running_var.copy_(ours[at + "running_var"])
            net.exits[b - 1].weight.copy_(ours[f"exit{b}.weight"].T)
            net.exits[b - 1].bias.copy_(ours[f"exit{b}.bias"])
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
