"""The ways in which PyTorch runs Adam on the CPU."""


def optimizers(torch, rate=1e-3, eps=1e-8):
    """Makers of the variants of torch.optim.Adam that this PyTorch has, by name."""
    makers = {}
    for name in ("fused", "foreach", "for loop"):
        options = {} if name == "for loop" else {name: True}

        def make(params, options=options):
            return torch.optim.Adam(params, lr=rate, eps=eps, **options)

        p = torch.nn.Parameter(torch.zeros(1))
        p.grad = torch.zeros(1)
        try:
            make([p]).step()
        except (RuntimeError, TypeError):  # older versions fuse on accelerators only
            continue
        makers[name] = make
    return makers
