"""Single operations in PyTorch: the cases of the benchmarks in ./internal/kernel."""

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


@case(r"internal/kernel:(Exp|Sigmoid|Tanh)/(\d+)", "PyTorch", torch.inference_mode)
def _(name, n):
    x = torch.linspace(-8, 8, int(n))
    y = torch.empty_like(x)
    function = getattr(torch, name.lower())
    return lambda: function(x, out=y)


@case(r"internal/kernel:BiasReLU/(\d+)x(\d+)", "PyTorch", torch.inference_mode)
def _(rows, n):
    y, bias = torch.rand(int(rows), int(n)) - 0.5, torch.zeros(int(n))
    return lambda: y.add_(bias).relu_()


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
        + [f"internal/kernel:{name}/16384" for name in ("Exp", "Sigmoid", "Tanh", "Adam")]
        + ["internal/kernel:BiasReLU/128x128"],
    )
