"""Multilayer perceptrons in PyTorch: the cases of the benchmarks in ./nn."""

import harness
from harness import case
from adam import optimizers

torch = harness.import_torch()
F = torch.nn.functional


def mlp(widths):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU(inplace=True)]
    return torch.nn.Sequential(*layers[:-1])


def parse(widths):
    return [int(w) for w in widths.split("-")]


def train_step(widths, batch, compiled):
    """Forward, binary cross-entropy of the logits, backward, Adam."""
    widths, batch = parse(widths), int(batch)
    variants = {}
    for name, make in optimizers(torch).items():
        torch.manual_seed(1)
        net = mlp(widths)
        opt = make(net.parameters())
        x = torch.rand(batch, widths[0])
        target = (torch.rand(batch, widths[-1]) < 0.5).float()

        def loss_of(x, target, net=net):
            return F.binary_cross_entropy_with_logits(net(x), target)

        if compiled:
            loss_of = harness.compiled(torch, loss_of)

        def step(loss_of=loss_of, opt=opt, x=x, target=target):
            loss_of(x, target).backward()
            opt.step()
            opt.zero_grad(set_to_none=True)

        variants[name] = step
    return variants


@case(r"nn:TrainStep/mlp-([\d-]+)-b(\d+)", "PyTorch")
def _(widths, batch):
    return train_step(widths, batch, False)


@case(r"nn:TrainStep/mlp-([\d-]+)-b(\d+)", "PyTorch compiled")
def _(widths, batch):
    return train_step(widths, batch, True)


def forward(widths, batch, compiled):
    """The probabilities of a batch."""
    widths = parse(widths)
    net = mlp(widths)
    x = torch.rand(int(batch), widths[0])
    weights = [(l.weight, l.bias) for l in net if isinstance(l, torch.nn.Linear)]

    def modules(x):
        return net(x).sigmoid_()

    def functions(x):
        for w, b in weights[:-1]:
            x = F.linear(x, w, b).relu_()
        w, b = weights[-1]
        return F.linear(x, w, b).sigmoid_()

    def timed(f):
        f = harness.compiled(torch, f) if compiled else f
        return lambda: f(x)

    return {"modules": timed(modules), "functions": timed(functions)}


@case(r"nn:Forward/mlp-([\d-]+)-b(\d+)", "PyTorch", torch.inference_mode)
def _(widths, batch):
    return forward(widths, batch, False)


@case(r"nn:Forward/mlp-([\d-]+)-b(\d+)", "PyTorch compiled", torch.inference_mode)
def _(widths, batch):
    return forward(widths, batch, True)


if __name__ == "__main__":
    harness.main(__doc__, ["nn:TrainStep/mlp-10-120-80-10-b128", "nn:TrainStep/mlp-140-128-64-140-b64", "nn:Forward/mlp-10-120-80-10-b1"])
