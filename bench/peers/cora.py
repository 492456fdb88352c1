#!/usr/bin/env python3
"""An epoch of GCN on Cora in PyTorch: the case of the benchmark in ./examples/nodeclass.

    python3 bench/peers/cora.py --data DIR_WITH_PLANETOID_FILES

Kipf and Welling's network and training: dropout 0.5 of features and hidden units, 1433-16-7, cross-entropy of 140 vertices, an L2
penalty on the first layer, Adam. Normalised adjacency and row-normalised features are made beforehand. "PyTorch dense" keeps the
features with their zeros, "PyTorch sparse" does not; the adjacency is in whichever form is fastest, dense only in the former.
"""

import functools
import itertools
import pathlib
import pickle
import warnings

import harness
from harness import Unavailable, case
from adam import optimizers

np = harness.import_numpy()
torch = harness.import_torch()
F = torch.nn.functional
folder = None


def options(parser):
    parser.add_argument("--data", metavar="DIR", type=pathlib.Path, help="the folder with ind.cora.x and so on")


def configure(args):
    global folder
    folder = args.data
    check()


@functools.cache
def cora():
    """Normalised adjacency, normalised features, classes; the first 140 vertices are those to train on."""
    if folder is None:
        raise Unavailable("name the folder with the Planetoid files by --data")

    def read(part):
        with open(folder / f"ind.cora.{part}", "rb") as f, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the files name modules of SciPy that have moved
            return pickle.load(f, encoding="latin1")

    test = np.loadtxt(folder / "ind.cora.test.index", dtype=int)
    x = np.vstack([read("allx").toarray(), read("tx").toarray()]).astype(np.float32)
    y = np.vstack([read("ally"), read("ty")]).argmax(1)
    x[test], y[test] = x[-len(test):].copy(), y[-len(test):].copy()
    x /= np.maximum(x.sum(1, keepdims=True), 1)
    a = torch.eye(len(x))
    for i, neighbours in read("graph").items():
        for j in neighbours:
            a[i, j] = a[j, i] = 1
    inv = a.sum(1).rsqrt()
    return inv[:, None] * a * inv, torch.from_numpy(x), torch.from_numpy(y)


class _Product(torch.autograd.Function):
    """a x for a constant sparse a, whose transpose is at hand for the gradient."""

    @staticmethod
    def forward(ctx, a, a_t, x):
        ctx.a_t = a_t
        return torch.mm(a, x)

    @staticmethod
    def backward(ctx, grad):
        return None, None, torch.mm(ctx.a_t, grad)


class Dense:
    """A matrix with its zeros."""

    def __init__(self, a):
        self.a = a

    def mm(self, x):
        return torch.mm(self.a, x)

    def dropped_mm(self, x):
        return torch.mm(F.dropout(self.a), x)


class Csr:
    """Compressed sparse rows, and the transpose for gradients. Dropout makes new matrices over the same indices."""

    def __init__(self, a, index=torch.long):
        self.values = a[a != 0]
        numbered = torch.zeros(a.shape, dtype=torch.float64)  # tells where the transpose has each value
        numbered[a != 0] = torch.arange(len(self.values), dtype=torch.float64) + 1
        rows, columns = numbered.to_sparse_csr(), numbered.t().contiguous().to_sparse_csr()
        self.order = columns.values().long() - 1
        self.indices = [(m.crow_indices().to(index), m.col_indices().to(index), m.shape) for m in (rows, columns)]
        self.pair = self.matrices(self.values)
        self.mm(torch.ones(a.shape[1], 1))  # not every PyTorch has this product

    def matrices(self, values):
        return [torch.sparse_csr_tensor(ptr, col, v, shape) for (ptr, col, shape), v in zip(self.indices, (values, values[self.order]))]

    def mm(self, x):
        return _Product.apply(*self.pair, x)

    def dropped_mm(self, x):
        return _Product.apply(*self.matrices(F.dropout(self.values)), x)


class Coo:
    """Coordinates, with PyTorch's own gradient."""

    def __init__(self, a):
        self.a = a.to_sparse().coalesce()

    def mm(self, x):
        return torch.sparse.mm(self.a, x)

    def dropped_mm(self, x):
        values = F.dropout(self.a.values())
        return torch.sparse.mm(torch.sparse_coo_tensor(self.a.indices(), values, self.a.shape, is_coalesced=True), x)


def sparse_forms(a):
    """The matrix in each of the forms that this PyTorch has."""
    found = {"COO": Coo(a)}
    for name, index in (("CSR", torch.long), ("CSR, 32 bit", torch.int)):
        try:
            found[name] = Csr(a, index)
        except RuntimeError:
            continue
    return found


def glorot(i, o):
    w = torch.empty(i, o)
    torch.nn.init.xavier_uniform_(w)
    return w.requires_grad_()


def epoch(a, x, make):
    """A function that trains for one epoch and returns the loss."""
    torch.manual_seed(1)
    y = cora()[2][:140]
    w1, b1 = glorot(1433, 16), torch.zeros(16, requires_grad=True)
    w2, b2 = glorot(16, 7), torch.zeros(7, requires_grad=True)
    opt = make([{"params": [w1, b1], "weight_decay": 5e-4}, {"params": [w2, b2]}])

    def step():
        h = F.dropout((a.mm(x.dropped_mm(w1)) + b1).relu_())
        z = a.mm(torch.mm(h, w2)) + b2
        loss = F.cross_entropy(z[:140], y)
        loss.backward()
        opt.step()
        opt.zero_grad(set_to_none=True)
        return loss.detach()

    return step


def variants(graphs, features):
    """Epochs with each form of the graph, of the features, and of Adam."""
    adams = optimizers(torch, rate=0.01)
    return {
        f"graph {g}, features {f}, {adam} Adam": epoch(a, x, make)
        for (g, a), (f, x), (adam, make) in itertools.product(graphs.items(), features.items(), adams.items())
    }


@case(r"examples/nodeclass:Epoch/gcn-cora", "PyTorch dense")
def _():
    a, x, _ = cora()
    return variants({"dense": Dense(a), **sparse_forms(a)}, {"dense": Dense(x)})


@case(r"examples/nodeclass:Epoch/gcn-cora", "PyTorch sparse")
def _():
    a, x, _ = cora()
    return variants(sparse_forms(a), sparse_forms(x))


def check():
    """All forms are one function, and training works."""
    torch.manual_seed(1)
    a = torch.rand(40, 30) * (torch.rand(40, 30) < 0.1)
    x = torch.rand(30, 5, requires_grad=True)
    want = a @ x
    grad = torch.autograd.grad(want.square().sum(), x)[0]
    for form in (Dense(a), *sparse_forms(a).values()):
        got = form.mm(x)
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(torch.autograd.grad(got.square().sum(), x)[0], grad)
        torch.manual_seed(2)
        seen = torch.stack([form.dropped_mm(torch.eye(30)) for _ in range(200)])
        kept = seen[:, a != 0] / a[a != 0]  # 0 or 2
        assert set(kept.unique().round(decimals=4).tolist()) == {0, 2} and 0.9 < kept.mean() < 1.1
        assert not seen[:, a == 0].any()
    if folder is None:
        return
    g, f, _ = cora()
    for step in (epoch(Dense(g), Dense(f), torch.optim.Adam), epoch(Csr(g), Csr(f), torch.optim.Adam)):
        losses = [step().item() for _ in range(30)]
        assert abs(losses[0] - np.log(7)) < 0.05 and losses[-1] < losses[0] - 0.01, losses


if __name__ == "__main__":
    harness.main(__doc__, ["examples/nodeclass:Epoch/gcn-cora"], options, configure)
