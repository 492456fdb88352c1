"""The network of tasks/earlyexit in PyTorch: a training step of the default recipe, and one image up to each exit.

    PYTHON bench/peers/earlyexit.py [--threads N] [--steps N] [--channels-last] [--cpu-time]

Prints the median milliseconds; with --cpu-time those of the processor instead of the wall clock, for machines that do
other things. Compare with

    go test ./tasks/earlyexit -run xxx -bench .
"""
import argparse
import statistics
import time

import torch
from torch import nn

BLOCKS = [[64, 64], [128, 128], [256] * 3, [512] * 3, [512] * 3]
AFTER = [2, 4, 6, 7, 13]  # the convolutions after which exits stand, counted from 1


class Network(nn.Module):
    def __init__(self, width=0.5, classes=10, after=AFTER):
        super().__init__()
        self.after = list(after)
        self.units, self.exits = nn.ModuleList(), nn.ModuleList()
        self.ends, self.pool = [], nn.MaxPool2d(2)  # units after which a block ends, counted from 1
        last = 3
        for channels in BLOCKS:
            for c in channels:
                c = int(c * width)
                self.units.append(nn.Sequential(nn.Conv2d(last, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(inplace=True)))
                last = c
                if len(self.units) in self.after:
                    self.exits.append(nn.Linear(last, classes))
            self.ends.append(len(self.units))

    def forward(self, x, upto=4):
        logits = []
        for number, unit in enumerate(self.units[: self.after[upto]], 1):
            x = unit(x)
            pooled = self.pool(x) if number in self.ends or number in self.after else None
            if number in self.after and (self.training or number == self.after[upto]):
                logits.append(self.exits[self.after.index(number)](pooled.mean((2, 3))))
            if number in self.ends:
                x = pooled
        return logits


class Muon(torch.optim.Optimizer):
    """Jordan's Muon for filters, as nn.Muon of this library: torch.optim.Muon takes no tensors of four dimensions, and
    computes in bfloat16, for which most processors have no instructions. The Newton-Schulz iterations go over the small
    matrix X X' only, as ours do."""

    def __init__(self, params, lr, momentum, iterations):
        super().__init__(params, dict(lr=lr, momentum=momentum, iterations=iterations))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                velocity.mul_(group["momentum"]).add_(p.grad)
                x = p.grad.add(velocity, alpha=group["momentum"]).flatten(1)
                x /= x.norm()
                r, q, eye = x @ x.T, None, torch.eye(len(x))
                for k in range(group["iterations"]):
                    poly = torch.addmm(r, r, r, beta=-4.7750, alpha=2.0315).add_(eye, alpha=3.4445)
                    q = poly if q is None else poly @ q
                    if k + 1 < group["iterations"]:
                        r = poly @ (r @ poly)
                p.mul_(len(p) ** 0.5 / p.norm())
                p.add_((q @ x).view_as(p), alpha=-group["lr"])


def median(f, n, clock):
    f()
    f()
    times = []
    for _ in range(n):
        start = clock()
        f()
        times.append(clock() - start)
    return 1000 * statistics.median(times)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--cpu-time", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    clock = time.process_time if a.cpu_time else time.perf_counter
    layout = torch.channels_last if a.channels_last else torch.contiguous_format
    net = Network().to(memory_format=layout)
    net.units[0][0].weight.requires_grad_(False)  # the recipe's principal components are not trained
    filters = [u[0].weight for u in net.units[1:]]
    rest = [p for p in net.parameters() if p.requires_grad and p.dim() < 4]
    optimizers = [
        Muon(filters, lr=0.06, momentum=0.8, iterations=3),
        torch.optim.SGD(rest, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ]
    batch = 256
    x = torch.randn(batch, 3, 32, 32).to(memory_format=layout)
    y = torch.randint(10, (batch,))
    weights = [0.2, 0.2, 0.3, 0.3, 1]

    def step():
        for opt in optimizers:
            opt.zero_grad()
        loss = sum(w * nn.functional.cross_entropy(z, y, label_smoothing=0.2) for w, z in zip(weights, net(x)))
        loss.backward()
        for opt in optimizers:
            opt.step()

    print(f"torch {torch.__version__}, {a.threads} threads, {layout}")
    print(f"train batch {batch}: {median(step, a.steps, clock):.1f} ms")
    net.eval()
    torch.set_num_threads(1)
    one = x[:1].contiguous(memory_format=layout)
    with torch.inference_mode():
        for e in range(5):
            print(f"exit {e + 1}: {median(lambda: net(one, e), 20 * a.steps, clock):.3f} ms")


if __name__ == "__main__":
    main()
