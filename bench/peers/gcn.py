"""Graph convolutions in PyTorch: the cases of the benchmarks in ./gnn."""

import functools
import itertools

import harness
from harness import case
from adam import optimizers

torch = harness.import_torch()
F = torch.nn.functional


def random_edges(nodes, edges):
    """edges/nodes in-edges at each vertex, one from its predecessor: source and destination of each."""
    dst = torch.arange(nodes).repeat_interleave(edges // nodes)
    src = torch.randint(nodes, dst.shape)
    src[:: edges // nodes] = (torch.arange(nodes) - 1) % nodes
    return src, dst


def gcn_matrix(nodes, edges):
    """D^-1/2 (A+I) D^-1/2 of a random graph, dense; self loops drawn by chance are not counted twice."""
    src, dst = random_edges(nodes, edges)
    keep = src != dst
    a = torch.zeros(nodes, nodes).index_put_((dst[keep], src[keep]), torch.ones(1), accumulate=True) + torch.eye(nodes)
    inv = a.sum(1).rsqrt()
    return inv[:, None] * a * inv


def mean_matrix(nodes, edges):
    """The mean over in-neighbours in a random graph, dense."""
    src, dst = random_edges(nodes, edges)
    a = torch.zeros(nodes, nodes).index_put_((dst, src), torch.ones(1), accumulate=True)
    return a / a.sum(1, keepdim=True)


class _Product(torch.autograd.Function):
    """a x with a constant sparse a, whose transpose is at hand for the gradient."""

    @staticmethod
    def forward(ctx, a, a_t, x):
        ctx.a_t = a_t
        return torch.mm(a, x)

    @staticmethod
    def backward(ctx, grad):
        return None, None, torch.mm(ctx.a_t, grad)


class Csr:
    """Compressed sparse rows; gradients by a transpose made beforehand."""

    def __init__(self, a):
        self.a, self.a_t = a.to_sparse_csr(), a.t().contiguous().to_sparse_csr()
        torch.mm(self.a, torch.ones(a.shape[1], 1))  # not every PyTorch has this product

    def mm(self, x):
        return torch.mm(self.a, x)

    def product(self, x):
        return _Product.apply(self.a, self.a_t, x)


class Csr32(Csr):
    """The same with 32-bit indices, which MKL takes as they are."""

    def __init__(self, a):
        super().__init__(a)
        self.a, self.a_t = (
            torch.sparse_csr_tensor(m.crow_indices().int(), m.col_indices().int(), m.values(), m.shape) for m in (self.a, self.a_t)
        )
        torch.mm(self.a, torch.ones(a.shape[1], 1))


class CsrAutograd(Csr):
    """Compressed sparse rows; PyTorch's own gradients."""

    def product(self, x):
        return torch.sparse.mm(self.a, x)


class Coo:
    """Coordinates, sorted."""

    def __init__(self, a):
        self.a, self.a_t = a.to_sparse().coalesce(), a.t().to_sparse().coalesce()

    mm, product = Csr.mm, Csr.product


class Scatter:
    """Gather, scale and index_add_ over the edge list."""

    def __init__(self, a):
        dst, src = a.nonzero(as_tuple=True)
        self.rows, self.src, self.dst, self.weight = a.shape[0], src, dst, a[dst, src][:, None]

    def mm(self, x):
        return x.new_zeros(self.rows, x.shape[1]).index_add_(0, self.dst, x[self.src] * self.weight)

    product = mm


class Dense:
    """The matrix with its zeros."""

    def __init__(self, a):
        self.a = a

    def mm(self, x):
        return torch.mm(self.a, x)

    product = mm


SPARSE = {"CSR": Csr, "CSR, 32 bit": Csr32, "CSR, own gradient": CsrAutograd, "COO": Coo, "index_add": Scatter}
FORWARD = [name for name in SPARSE if name != "CSR, own gradient"]


def forms(names, matrices):
    """The matrices in each of the forms that this PyTorch has."""
    found = {}
    for name in names:
        try:
            found[name] = [SPARSE[name](a) for a in matrices]
        except RuntimeError:  # without MKL there is no CSR product
            continue
    return found


def glorot(i, o):
    w = torch.empty(i, o)
    torch.nn.init.xavier_uniform_(w)
    return w.requires_grad_()


def gcn_weights(hidden):
    widths = [16, hidden, hidden, 1]
    return [(glorot(i, o), torch.zeros(o, requires_grad=True)) for i, o in zip(widths, widths[1:])]


def gcn(product, x, weights):
    """Logits [nodes x 1]; features are carried along the edges while they are narrow, which is the faster order."""
    for i, (w, b) in enumerate(weights):
        if w.shape[0] > w.shape[1]:
            x = product(torch.mm(x, w)) + b
        else:
            x = torch.addmm(b, product(x), w)
        if i + 1 < len(weights):
            x = x.relu_()
    return x


@case(r"gnn:TrainStep/gcn-h(\d+)-nodes(\d+)-edges(\d+)", "PyTorch")
def _(hidden, nodes, edges):
    """Forward, binary cross-entropy, backward, Adam, on another of three graphs each step."""
    hidden, nodes, edges = int(hidden), int(nodes), int(edges)
    torch.manual_seed(1)
    matrices = [gcn_matrix(nodes, edges) for _ in range(3)]
    x, target = torch.rand(nodes, 16), torch.zeros(nodes, 1)
    variants = {}
    for form, graphs in forms(SPARSE, matrices).items():
        for adam, make in optimizers(torch).items():
            weights = gcn_weights(hidden)
            opt = make([p for layer in weights for p in layer])
            turn = itertools.cycle(graphs)

            def step(weights=weights, opt=opt, turn=turn):
                z = gcn(next(turn).product, x, weights)
                F.binary_cross_entropy_with_logits(z, target).backward()
                opt.step()
                opt.zero_grad(set_to_none=True)

            variants[f"{form}, {adam} Adam"] = step
    return variants


def forward(hidden, nodes, forms):
    x, weights = torch.rand(int(nodes), 16), gcn_weights(int(hidden))
    return {name: functools.partial(gcn, graph.mm, x, weights) for name, (graph,) in forms.items()}


@case(r"gnn:Forward/gcn-h(\d+)-nodes(\d+)", "PyTorch", torch.inference_mode)
def _(hidden, nodes):
    return forward(hidden, nodes, forms(FORWARD, [gcn_matrix(int(nodes), 10 * int(nodes))]))


@case(r"gnn:Forward/gcn-h(\d+)-nodes(\d+)", "PyTorch dense", torch.inference_mode)
def _(hidden, nodes):
    return forward(hidden, nodes, {"dense": [Dense(gcn_matrix(int(nodes), 10 * int(nodes)))]})


def products(nodes, edges, f, names):
    x = torch.rand(nodes, f)
    return {name: functools.partial(m.mm, x) for name, (m,) in forms(names, [mean_matrix(nodes, edges)]).items()}


@case(r"gnn:SpMM/nodes(\d+)-edges(\d+)-f(\d+)", "PyTorch", torch.inference_mode)
def _(*sizes):
    return products(*map(int, sizes), FORWARD)


@case(r"gnn:SpMM/nodes(\d+)-edges(\d+)-f(\d+)", "PyTorch COO", torch.inference_mode)
def _(*sizes):
    return products(*map(int, sizes), ["COO"])["COO"]


def check():
    """All forms are one function."""
    a, x = gcn_matrix(30, 300), torch.rand(30, 16)
    weights = gcn_weights(8)
    want = gcn(Dense(a).product, x, weights)
    want.sum().backward()
    grads = [p.grad.clone() for layer in weights for p in layer]
    for name, (m,) in forms(SPARSE, [a]).items():
        for layer in weights:
            for p in layer:
                p.grad = None
        got = gcn(m.product, x, weights)
        got.sum().backward()
        torch.testing.assert_close(got, want)
        torch.testing.assert_close([p.grad for layer in weights for p in layer], grads)


if __name__ == "__main__":
    check()
    harness.main(
        __doc__,
        [
            "gnn:TrainStep/gcn-h64-nodes1600-edges16000",
            "gnn:Forward/gcn-h64-nodes25",
            "gnn:SpMM/nodes1600-edges16000-f16",
            "gnn:SpMM/nodes1600-edges16000-f64",
        ],
    )
