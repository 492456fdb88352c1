"""What PyTorch computes in the layers of nn/cnn, forward and backward, for a test of ours.

    PYTHON bench/peers/cnn_golden.py > nn/cnn/testdata/torch.json

Values are rounded before PyTorch sees them, so that the file has them exactly. Maps are written as ours are, a row per
pixel, and filters as rows of (height, width, input channel).
"""
import json

import torch
from torch import nn

torch.manual_seed(1)


def draw(*shape):
    return (torch.randn(*shape) * 64).round() / 64


def rows(x):
    """NCHW to a list of pixels."""
    return x.detach().permute(0, 2, 3, 1).flatten().tolist()


def filters(w):
    """[out, in, height, width] to a list of [height*width*in, out]."""
    return w.detach().permute(2, 3, 1, 0).flatten().tolist()


def case(name, layer, images, height, width, channels, **settings):
    for p in layer.parameters():
        p.data = draw(*p.shape)
    x = draw(images, channels, height, width).requires_grad_()
    c = {"name": name, "images": images, "in": [height, width, channels], **settings}
    for k, v in layer.named_buffers():
        if v.dtype == torch.float32:
            v.copy_(draw(*v.shape).abs() + 0.5)
            c[k + "_before"] = v.tolist()
    y = layer(x)
    dy = draw(*y.shape)
    y.backward(dy)
    c |= {"x": rows(x), "y": rows(y), "dy": rows(dy), "dx": rows(x.grad)}
    for k, v in layer.named_buffers():
        if v.dtype == torch.float32:
            c[k] = v.tolist()
    for k, p in layer.named_parameters():
        flat = filters if p.dim() == 4 else torch.flatten
        c[k], c["d" + k] = [t if isinstance(t, list) else t.tolist() for t in (flat(p.detach()), flat(p.grad))]
    return c


def conv(name, images, height, width, channels, out, kernel, stride, padding, bias):
    layer = nn.Conv2d(channels, out, kernel, stride, padding, bias=bias)
    return case(name, layer, images, height, width, channels, out=out, kernel=kernel, stride=stride, padding=padding)


def pool(name, layer, kernel, stride, padding):
    return case(name, layer, 2, 5, 7, 3, kernel=kernel, stride=stride, padding=padding)


cases = [
    conv("conv 3x3, padding 1", 2, 5, 4, 3, 6, 3, 1, 1, False),
    conv("conv 3x3, stride 2, bias", 2, 6, 5, 2, 5, 3, 2, 1, True),
    conv("conv 1x1", 2, 3, 3, 4, 3, 1, 1, 0, True),
    conv("conv 5x5, stride 3", 1, 8, 9, 2, 3, 5, 3, 2, False),
    pool("max 2x2", nn.MaxPool2d(2), 2, 2, 0),
    pool("max 3x3, stride 2, padding 1", nn.MaxPool2d(3, 2, 1), 3, 2, 1),
    pool("avg 2x2", nn.AvgPool2d(2), 2, 2, 0),
    pool("avg 3x3, stride 2, padding 1", nn.AvgPool2d(3, 2, 1, count_include_pad=False), 3, 2, 1),
    pool("global avg", nn.AdaptiveAvgPool2d(1), 0, 0, 0),
    case("norm, training", nn.BatchNorm2d(4), 3, 3, 2, 4),
    case("norm, inference", nn.BatchNorm2d(4).eval(), 3, 3, 2, 4),
]
print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, separators=(",", ":")))
