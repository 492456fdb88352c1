"""Single operations in PyTorch: the cases of the benchmarks in ./internal/kernel."""

import functools

import harness
from harness import case
from adam import optimizers

torch = harness.import_torch()


@case(r"internal/kernel:GEMM/(\d+)x(\d+)x(\d+)/(NN|NT|TN)", "PyTorch", torch.inference_mode)
def _(m, k, n, form):
    m, k, n = int(m), int(k), int(n)
    a = torch.rand(k, m).t() if form == "TN" else torch.rand(m, k)
    b = torch.rand(n, k).t() if form == "NT" else torch.rand(k, n)
    c = torch.empty(m, n)
    return lambda: torch.mm(a, b, out=c)


def products(rows, degree, f):
    """A random sparse matrix times a dense one, in each form that this PyTorch has."""
    row = torch.arange(rows).repeat_interleave(torch.randint(2 * degree + 1, (rows,)))
    entries = torch.unique(row * rows + torch.randint(rows, row.shape))  # PyTorch wants them sorted and distinct
    row, col = entries // rows, entries % rows
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(row, minlength=rows).cumsum(0)])
    val, x = torch.rand(len(col)), torch.rand(rows, f)
    variants = {}
    for name, index in (("CSR", torch.long), ("CSR, 32 bit", torch.int)):
        a = torch.sparse_csr_tensor(ptr.to(index), col.to(index), val, (rows, rows))
        try:
            torch.mm(a, x)
        except RuntimeError:  # not every PyTorch has this product
            continue
        variants[name] = functools.partial(torch.mm, a, x)
    coo = torch.sparse_csr_tensor(ptr, col, val, (rows, rows)).to_sparse().coalesce()
    variants["COO"] = functools.partial(torch.mm, coo, x)
    return variants


@case(r"internal/kernel:SpMM/(\d+)x(\d+)x(\d+)", "PyTorch", torch.inference_mode)
def _(*sizes):
    return products(*map(int, sizes))


@case(r"internal/kernel:SpMM/(\d+)x(\d+)x(\d+)", "PyTorch COO", torch.inference_mode)
def _(*sizes):
    return products(*map(int, sizes))["COO"]


@case(r"internal/kernel:(Exp|Sigmoid|Tanh)/kernel", "PyTorch", torch.inference_mode)
def _(name):
    x = 8 * torch.rand(4096) - 4
    return functools.partial(getattr(torch, name.lower()), x, out=torch.empty_like(x))


@case(r"internal/kernel:BiasAct/relu/(\d+)", "PyTorch", torch.inference_mode)
def _(n):
    y, bias = torch.rand(128, int(n)) - 0.5, torch.zeros(int(n))
    return lambda: y.add_(bias).relu_()


@case(r"internal/kernel:Softmax/(\d+)x(\d+)", "PyTorch", torch.inference_mode)
def _(segments, length):
    z = torch.rand(int(segments), int(length))
    return functools.partial(torch.softmax, z, 1)


@case(r"internal/kernel:Adam/(\d+)", "PyTorch", torch.inference_mode)
def _(n):
    variants = {}
    for name, make in optimizers(torch).items():
        p = torch.nn.Parameter(torch.rand(int(n)))
        p.grad = torch.rand(int(n)) - 0.5
        variants[name] = make([p]).step
    return variants


if __name__ == "__main__":
    shapes = ["128x10x120", "128x120x80", "1536x64x64", "1536x128x128", "512x512x512"]
    harness.main(
        __doc__,
        [f"internal/kernel:GEMM/{s}/{form}" for s in shapes for form in ("NN", "NT", "TN")]
        + [f"internal/kernel:{name}/kernel" for name in ("Exp", "Sigmoid", "Tanh")]
        + [f"internal/kernel:{rest}" for rest in ("SpMM/2708x10x64", "BiasAct/relu/128", "Softmax/1000x100", "Adam/16384")],
    )
