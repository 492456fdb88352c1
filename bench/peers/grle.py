"""The methods GRLE and DROO in PyTorch and NumPy: the cases of the benchmarks in ./tasks/mecoffload/agent.

Weights, states and what our agents make of them come from a file that compare.py, or the command in README.md, has our tests
write. Every case first checks itself against that file: logits, values of candidates, losses of training steps.
"""

import itertools
import json
import types

import harness
from harness import Unavailable, case
from adam import optimizers

np = harness.import_numpy()
torch = harness.import_torch()
F = torch.nn.functional
fixture = None
MAX_RATIO = 4  # as in features.go


def options(parser):
    parser.add_argument("--fixture", metavar="FILE", help="the cases as written by our tests")


def configure(args):
    global fixture
    if args.fixture:
        with open(args.fixture) as f:
            fixture = {c["Name"]: c for c in json.load(f)}


class Problem:
    """A case of the file: network profile, weights and states."""

    def __init__(self, name):
        if fixture is None:
            raise Unavailable("needs --fixture, see README.md")
        if name not in fixture:
            raise Unavailable(f"no case {name} in the fixture")
        c = fixture[name]
        self.devices, self.servers, self.exits = c["Devices"], c["Servers"], c["Exits"]
        self.options = self.servers * self.exits
        self.slot, self.weight, self.rate = c["Slot"], c["RewardWeight"], c["LearningRate"]
        self.accuracy = np.array(c["Accuracy"], dtype=float)
        self.times = np.array(c["Times"], dtype=float).reshape(self.servers, self.exits)
        self.losses = c["Losses"]
        self.params = {
            p["Name"]: torch.tensor(p["Data"], dtype=torch.float32).reshape(p["Shape"]).t().contiguous() for p in c["Params"]
        }  # matrices as PyTorch keeps them, [out x in]
        self.states = []
        for s in c["States"]:
            o = s["Observation"]
            self.states.append(
                types.SimpleNamespace(
                    bits=np.array(o["Bits"], dtype=float),
                    deadline=np.array(o["Deadline"], dtype=float),
                    rate=np.array(o["Rate"], dtype=float).reshape(-1, self.servers),
                    capacity=np.array(o["Capacity"], dtype=float),
                    backlog=np.array(o["Backlog"], dtype=float),
                    id=np.array(o["ID"]),
                    decision=np.array(s["Decision"]),
                    logits=np.array(s["Logits"], dtype=np.float32).reshape(-1, self.options),
                    candidates=np.array(s["Candidates"]),
                    values=np.array(s["Values"], dtype=float),
                )
            )

    def graph_features(self, s):
        """device [M x 4], option [N*L x 4], edge [M x N*L x 4]."""
        m, n, l = len(s.bits), self.servers, self.exits
        work = self.times / s.capacity[:, None]
        arrive = s.bits[:, None] / s.rate
        deadline = s.deadline[:, None]

        option = np.empty((n, l, 4), np.float32)
        np.minimum(work / self.slot, MAX_RATIO, out=option[:, :, 0], casting="same_kind")
        option[:, :, 1] = np.minimum(s.backlog / self.slot, MAX_RATIO)[:, None]
        option[:, :, 2] = self.accuracy
        option[:, :, 3] = s.capacity[:, None]

        edge = np.empty((m, n, l, 4), np.float32)
        finish = np.maximum(arrive, s.backlog)[:, :, None] + work
        edge[..., 0] = np.minimum(arrive / deadline, MAX_RATIO)[:, :, None]
        np.minimum(finish / deadline[:, :, None], MAX_RATIO, out=edge[..., 1], casting="same_kind")
        edge[..., 2] = finish <= deadline[:, :, None]
        np.minimum(np.maximum(finish - self.slot, 0) / self.slot, MAX_RATIO, out=edge[..., 3], casting="same_kind")

        device = np.empty((m, 4), np.float32)
        mean = arrive.mean(1)
        device[:, 0] = self.slot / s.deadline
        device[:, 1] = arrive.min(1) / s.deadline
        device[:, 2] = mean / s.deadline
        device[:, 3] = mean / self.slot
        np.minimum(device, MAX_RATIO, out=device)
        return device, option.reshape(n * l, 4), edge.reshape(m, n * l, 4)

    def flat_features(self, s):
        """The state of all devices in one row; absent ones are zero."""
        n, d = self.servers, self.devices
        row = np.zeros(d * (1 + 2 * n) + 3 * n, np.float32)
        devices, servers = row[: d * (1 + 2 * n)].reshape(d, 1 + 2 * n), row[d * (1 + 2 * n) :].reshape(n, 3)
        arrive = s.bits[:, None] / s.rate
        devices[s.id, 0] = np.minimum(self.slot / s.deadline, MAX_RATIO)
        devices[s.id, 1::2] = np.minimum(arrive / self.slot, MAX_RATIO)
        devices[s.id, 2::2] = np.minimum(arrive / s.deadline[:, None], MAX_RATIO)
        servers[:, 0] = s.capacity
        servers[:, 1] = np.minimum(s.backlog / self.slot, MAX_RATIO)
        servers[:, 2] = np.minimum(self.times[:, -1] / s.capacity / self.slot, MAX_RATIO)
        return row

    def candidates(self, logits, k, rng):
        """The most probable decision, then different ones drawn from the softmax of each row, at most k [K x M]."""
        m, o = logits.shape
        rows = np.arange(m)
        best = logits.argmax(1)
        cumulative = np.exp(logits.astype(np.float64) - logits[rows, best][:, None]).cumsum(1)
        # One sorted list for all rows: row i has its probabilities between i and i+1.
        cumulative /= cumulative[:, -1:]
        cumulative += rows[:, None]
        found = {best.tobytes()}
        order = [best]
        draws = 4 * k
        while len(order) < k and draws > 0:
            count = min(k - len(order), draws)
            draws -= count
            place = np.searchsorted(cumulative.ravel(), rng.random((count, m)) + rows, side="right")
            for choice in np.minimum(place - o * rows, o - 1):
                key = choice.tobytes()
                if key not in found:
                    found.add(key)
                    order.append(choice)
        return np.array(order)

    def critic(self, s, choice):
        """The reward of each candidate [K x M] by the nominal values [K].

        Servers take tasks first come first served. Tasks go by their rank of arrival, one rank of all servers and candidates at a
        time.
        """
        m, n, l = len(s.bits), self.servers, self.exits
        k = len(choice)
        arrive = s.bits[:, None] / s.rate  # [M x N]
        order = arrive.argsort(axis=0, kind="stable")  # [M x N] task of each rank
        ranked = np.take_along_axis(arrive, order, 0)[:, :, None]  # [M x N x 1]
        deadline = s.deadline[order][:, :, None]
        chosen = choice.T[order]  # [M x N x K]
        # Tasks of other servers have a deadline that has always passed.
        limit = np.where(chosen // l == np.arange(n)[:, None], deadline, -1.0)
        work = (self.times / s.capacity[:, None]).ravel()[chosen]
        finish = np.empty((m, n, k))
        free = np.broadcast_to(s.backlog[:, None], (n, k)).copy()
        start, served = np.empty((n, k)), np.empty((m, n, k), bool)
        for a, d, w, f, ok in zip(ranked, limit, work, finish, served):
            np.maximum(free, a, out=start)
            np.less_equal(start, d, out=ok)
            np.add(start, w, out=f)
            np.copyto(free, f, where=ok)
        served &= finish <= limit
        gain = self.accuracy[chosen % l] * (1 - self.weight * finish / deadline)
        return np.einsum("mnk,mnk->k", gain, served) / m

    def check_critic(self):
        """Against our values, and against the text of the task's description done word for word."""
        for s in self.states:
            np.testing.assert_allclose(self.critic(s, s.candidates), s.values, rtol=1e-9, atol=1e-12)
        s = self.states[-1]
        for choice, value in zip(s.candidates, s.values):
            reward, free = 0.0, list(s.backlog)
            by_server = [c // self.exits for c in choice]
            for i in sorted(range(len(choice)), key=lambda i: s.bits[i] / s.rate[i, by_server[i]]):
                n, x = by_server[i], choice[i] % self.exits
                start = max(s.bits[i] / s.rate[i, n], free[n])
                if start > s.deadline[i]:
                    continue  # dropped
                free[n] = start + self.times[n, x] / s.capacity[n]
                if free[n] <= s.deadline[i]:
                    reward += self.accuracy[x] * (1 - self.weight * free[n] / s.deadline[i])
            np.testing.assert_allclose(reward / len(choice), value, rtol=1e-9, atol=1e-12)


class GraphActor(torch.nn.Module):
    """The actor of GRL and GRLE, gnn.BipartiteScorer, on batches of complete bipartite graphs of equal size.

    Such graphs need no edge lists: what an edge computes is a sum that broadcasting spreads over devices x options.
    """

    def __init__(self, problem):
        super().__init__()
        for name, value in problem.params.items():
            self.register_parameter(name.removeprefix("actor.").replace(".", "_"), torch.nn.Parameter(value.clone()))
        self.rounds = sum(name.endswith(".to_dst.edge") for name in problem.params)

    def linear(self, name, x):
        return F.linear(x, self._parameters[f"{name}_weight"], self._parameters.get(f"{name}_bias"))

    def edge_hidden(self, name, device, option, edge):
        """relu of the sum of what both ends and the edge say [B x M x O x h]."""
        x = F.linear(edge, self._parameters[f"{name}_edge"])
        return x.add_(device.unsqueeze(-2)).add_(option.unsqueeze(-3)).relu_()

    def forward(self, device, option, edge):
        """device [B x M x 4], option [B x O x 4], edge [B x M x O x 4] -> logits [B x M x O], or all without the B."""
        d = self.linear("src", device).relu_()
        o = self.linear("dst", option).relu_()
        for r in range(self.rounds):
            name = f"round{r}_to_dst"
            heard = self.edge_hidden(name, self.linear(f"{name}_src", d), self.linear(f"{name}_dst", o), edge).mean(-3)
            o = self.linear(f"round{r}_dst", torch.cat([o, heard], -1)).relu_()
            name = f"round{r}_to_src"
            heard = self.edge_hidden(name, self.linear(f"{name}_dst", d), self.linear(f"{name}_src", o), edge).mean(-2)
            d = self.linear(f"round{r}_src", torch.cat([d, heard], -1)).relu_()
        x = self.edge_hidden("score", self.linear("score_src", d), self.linear("score_dst", o), edge)
        return F.linear(x, self._parameters["score_out"], self._parameters["score_bias"]).squeeze(-1)


class MLPActor(torch.nn.Module):
    """The actor of DROO and DROOE."""

    def __init__(self, problem):
        super().__init__()
        layers, p = [], problem.params
        for i in itertools.count():
            if f"actor.{i}.weight" not in p:
                break
            layer = torch.nn.Linear(1, 1)
            layer.weight = torch.nn.Parameter(p[f"actor.{i}.weight"].clone())
            layer.bias = torch.nn.Parameter(p[f"actor.{i}.bias"].clone())
            layers += [layer, torch.nn.ReLU(inplace=True)]
        self.layers = torch.nn.Sequential(*layers[:-1])
        self.shape = (-1, problem.options)

    def forward(self, state):
        return self.layers(state).view(self.shape)


class Agent:
    """Actor, quantizer and critic of one case."""

    def __init__(self, name, compiled):
        self.problem = Problem(name)
        self.graph = name.startswith("GRL")
        self.actor = (GraphActor if self.graph else MLPActor)(self.problem)
        self.forward = harness.compiled(torch, self.actor) if compiled else self.actor
        self.rng = np.random.default_rng(1)
        self.turn = itertools.cycle(self.problem.states)
        for s in self.problem.states:
            np.testing.assert_allclose(self.logits(s), s.logits, rtol=1e-3, atol=1e-4)
        self.problem.check_critic()

    def logits(self, s):
        if self.graph:
            return self.forward(*map(torch.from_numpy, self.problem.graph_features(s))).numpy()
        return self.forward(torch.from_numpy(self.problem.flat_features(s))).numpy()[s.id]

    def decide(self):
        s = next(self.turn)
        candidates = self.problem.candidates(self.logits(s), 28, self.rng)
        return candidates[self.problem.critic(s, candidates).argmax()]


@case(r"tasks/mecoffload/agent:Decide/(\S+)", "PyTorch", torch.inference_mode)
def _(name):
    return Agent(name, compiled=False).decide


@case(r"tasks/mecoffload/agent:Decide/(\S+)", "PyTorch compiled", torch.inference_mode)
def _(name):
    return Agent(name, compiled=True).decide


def train_step(name, batch, compiled):
    """Forward, cross-entropy over each device's options, backward, Adam, on features computed beforehand."""
    problem = Problem(name)
    if len(problem.states) != int(batch) or not name.startswith("GRL"):
        raise Unavailable(f"no batch of {batch} in the fixture")
    features = [torch.from_numpy(np.stack(f)) for f in zip(*map(problem.graph_features, problem.states))]
    target = torch.from_numpy(np.concatenate([s.decision for s in problem.states])).long()
    variants = {}
    for adam, make in optimizers(torch, problem.rate).items():
        actor = GraphActor(problem)
        opt = make(actor.parameters())

        def loss_of(device, option, edge, target, actor=actor):
            return F.cross_entropy(actor(device, option, edge).view(-1, problem.options), target)

        if compiled:
            loss_of = harness.compiled(torch, loss_of)

        def step(loss_of=loss_of, opt=opt):
            loss = loss_of(*features, target)
            loss.backward()
            opt.step()
            opt.zero_grad(set_to_none=True)
            return loss

        losses = [step().item() for _ in problem.losses]
        np.testing.assert_allclose(losses, problem.losses, rtol=1e-3)
        variants[adam] = step
    return variants


@case(r"tasks/mecoffload/agent:TrainStep/(\S+)-b(\d+)", "PyTorch")
def _(name, batch):
    return train_step(name, batch, False)


@case(r"tasks/mecoffload/agent:TrainStep/(\S+)-b(\d+)", "PyTorch compiled")
def _(name, batch):
    return train_step(name, batch, True)


if __name__ == "__main__":
    harness.main(
        __doc__,
        [f"tasks/mecoffload/agent:Decide/{c}" for c in ("GRLE-M14-N2-L5", "DROO-M14-N2-L1", "GRLE-M100-N4-L5", "GRLE-M1000-N20-L5")]
        + [f"tasks/mecoffload/agent:TrainStep/{c}" for c in ("GRLE-M14-N2-L5-b64", "GRLE-M100-N4-L5-b16", "GRLE-M1000-N20-L5-b4")],
        options,
        configure,
    )
