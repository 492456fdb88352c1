#!/usr/bin/env python3
"""Learning CartPole-v1 from rewards in PyTorch and Gymnasium: the cases of our benchmarks in ./examples/cartpole and ./rl/envs.

    python3 bench/peers/control.py --check     # do they learn what ours learn?

Each learner is a class of its own, in the manner of CleanRL: the algorithm from top to bottom, with the hyper-parameters of
examples/cartpole/recipe.go as constants. An operation is a step of one environment, learning included.

Steps that start an episode instead of executing an action are left out of what is learned, as ours does, but count as
operations here. "Stable-Baselines3" is the library of that name where it is installed.
"""

import collections
import importlib.metadata
import itertools

import harness
from harness import Unavailable, case
from adam import optimizers

np = harness.import_numpy()
torch = harness.import_torch()
nn, F = torch.nn, torch.nn.functional

try:
    import gymnasium
except ImportError:
    gymnasium = None
else:
    harness.versions["gymnasium"] = gymnasium.__version__


def need_gymnasium():
    if gymnasium is None:
        raise Unavailable("gymnasium is not installed")


def mlp(outputs, gain, activation):
    """Two hidden layers of 64 for the four features, with orthogonal weights."""
    layers = []
    for i, (width, scale) in enumerate(((64, 2**0.5), (64, 2**0.5), (outputs, gain))):
        layer = nn.Linear(layers and 64 or 4, width)
        nn.init.orthogonal_(layer.weight, scale)
        nn.init.zeros_(layer.bias)
        layers += [layer] if i == 2 else [layer, activation()]
    return nn.Sequential(*layers)


def vector_env(kind, n):
    """n environments as one: stepped one after the other, or by Gymnasium's vectorised equations."""
    if kind == "vectorised":
        return gymnasium.make_vec("CartPole-v1", num_envs=n, vectorization_mode="vector_entry_point")
    single = lambda: gymnasium.make("CartPole-v1", disable_env_checker=True)
    return gymnasium.vector.SyncVectorEnv([single] * n)


class Returns:
    """Returns of the episodes of n environments; the mean of the last hundred."""

    def __init__(self, n):
        self.running, self.ended = np.zeros(n), collections.deque(maxlen=100)

    def add(self, rewards, done):
        self.running += rewards
        if done.any():
            self.ended.extend(self.running[done])
            self.running[done] = 0

    def mean(self):
        return float(np.mean(self.ended)) if self.ended else float("nan")


class OnPolicy:
    """What PPO and A2C share: rollouts of a categorical policy, with advantages by GAE."""

    def __init__(self, seed, env, wrap):
        torch.manual_seed(seed)
        self.loss = wrap(self.loss)
        self.actor, self.critic = mlp(2, 0.01, nn.Tanh), mlp(1, 1, nn.Tanh)
        self.params = [*self.actor.parameters(), *self.critic.parameters()]
        self.env = vector_env(env, self.ENVS)
        self.obs = self.env.reset(seed=seed)[0]
        self.resetting = np.zeros(self.ENVS, bool)  # the next step starts an episode
        self.returns = Returns(self.ENVS)
        self.operations = self.ENVS * self.STEPS
        n = (self.STEPS, self.ENVS)
        self.observations = torch.zeros(*n, 4)
        self.actions, self.log_probs, self.values = torch.zeros(n, dtype=torch.long), torch.zeros(n), torch.zeros(n)
        self.rewards, self.terminated, self.done, self.skipped = (np.zeros(n, t) for t in (np.float32, bool, bool, bool))

    @torch.inference_mode()
    def act(self):
        """Lets the policy act for a rollout, and returns the values of what it saw last."""
        for t in range(self.STEPS):
            obs = torch.from_numpy(self.obs)
            log_p = F.log_softmax(self.actor(obs), 1)
            action = torch.multinomial(log_p.exp(), 1)
            self.observations[t], self.actions[t] = obs, action[:, 0]
            self.log_probs[t], self.values[t] = log_p.gather(1, action)[:, 0], self.critic(obs)[:, 0]
            self.skipped[t] = self.resetting
            self.obs, self.rewards[t], self.terminated[t], truncated, _ = self.env.step(action[:, 0].numpy())
            self.done[t] = self.resetting = self.terminated[t] | truncated
            self.returns.add(self.rewards[t], self.resetting)
        return self.critic(torch.from_numpy(self.obs))[:, 0].numpy()

    def collect(self):
        """Steps of the policy: observations, actions, log-probabilities, advantages and returns of those that acted."""
        following, values = self.act(), self.values.numpy()
        advantages, advantage = np.zeros_like(values), 0.0
        for t in reversed(range(self.STEPS)):
            # A truncated episode is continued in thought by the value of its last observation, which the next step shows.
            delta = self.rewards[t] + self.GAMMA * np.where(self.terminated[t], 0, following) - values[t]
            advantage = delta + self.GAMMA * self.LAMBDA * np.where(self.done[t], 0, advantage)
            advantage = np.where(self.skipped[t], 0, advantage)
            advantages[t], following = advantage, values[t]
        acted = torch.from_numpy(np.flatnonzero(~self.skipped))
        advantages = torch.from_numpy(advantages)
        steps = (self.actions, self.log_probs, advantages, advantages + self.values)
        return [self.observations.reshape(-1, 4)[acted], *(x.reshape(-1)[acted] for x in steps)]

    def step(self, loss):
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, 0.5)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class PPO(OnPolicy):
    ENVS, STEPS, BATCH, EPOCHS = 8, 32, 256, 20
    GAMMA, LAMBDA, CLIP, RATE = 0.98, 0.8, 0.2, 1e-3

    def __init__(self, seed, env, make, wrap):
        super().__init__(seed, env, wrap)
        self.optimizer, self.left = make(self.params), 1.0

    def anneal(self, left):
        self.left = left
        self.optimizer.param_groups[0]["lr"] = self.RATE * left

    def update(self):
        rollout, clip = self.collect(), torch.tensor(self.CLIP * self.left)
        for _ in range(self.EPOCHS):
            for index in torch.randperm(len(rollout[0])).split(self.BATCH):
                self.step(self.loss(*(x[index] for x in rollout), clip))

    def loss(self, obs, actions, old, advantages, returns, clip):
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_p = F.log_softmax(self.actor(obs), 1).gather(1, actions[:, None])[:, 0]
        ratio = (log_p - old).exp()
        surrogate = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()
        return 0.25 * F.mse_loss(self.critic(obs)[:, 0], returns) - surrogate


class A2C(OnPolicy):
    ENVS, STEPS = 16, 8
    GAMMA, LAMBDA, RATE = 0.99, 0.95, 2e-3

    def __init__(self, seed, env, make, wrap):
        super().__init__(seed, env, wrap)
        self.optimizer = make(self.params)

    def anneal(self, left):
        self.optimizer.param_groups[0]["lr"] = self.RATE * left

    def update(self):
        self.step(self.loss(*self.collect()))

    def loss(self, obs, actions, _, advantages, returns):
        log_p = F.log_softmax(self.actor(obs), 1).gather(1, actions[:, None])[:, 0]
        return 0.25 * F.mse_loss(self.critic(obs)[:, 0], returns) - (log_p * advantages).mean()


class DQN:
    """Double Q-learning from returns of eight steps; the target network follows slowly."""

    GAMMA, N, RATE, TAU = 0.99, 8, 5e-4, 0.005
    BATCH, MEMORY, STARTS, INTERVAL = 128, 50_000, 1000, 2

    def __init__(self, seed, make, wrap):
        torch.manual_seed(seed)
        self.loss = wrap(self.loss)
        self.rng = np.random.default_rng(seed)
        self.online, self.target = mlp(2, 1, nn.ReLU), mlp(2, 1, nn.ReLU)
        self.target.load_state_dict(self.online.state_dict())
        self.params, self.behind = list(self.online.parameters()), list(self.target.parameters())
        self.optimizer = make(self.params)
        self.env = gymnasium.make("CartPole-v1", disable_env_checker=True)
        self.obs = self.env.reset(seed=seed)[0]
        self.returns, self.total = Returns(1), 0.0
        self.pending = collections.deque()  # [observation, action, return so far, discount]
        m = self.MEMORY
        self.o, self.next = np.zeros((m, 4), np.float32), np.zeros((m, 4), np.float32)
        self.a, self.r, self.d = np.zeros((m, 1), np.int64), np.zeros(m, np.float32), np.zeros(m, np.float32)
        self.added = self.steps = 0
        self.epsilon = 0.05
        self.operations = self.INTERVAL

    def anneal(self, left):
        self.epsilon = max(0.05, 1 - 0.95 * (1 - left) / 0.2)

    @torch.inference_mode()
    def act(self):
        self.steps += 1
        if self.rng.random() < self.epsilon:
            action = int(self.rng.integers(2))
        else:
            action = int(self.online(torch.from_numpy(self.obs)).argmax())
        self.pending.append([self.obs, action, 0.0, 1.0])
        self.obs, reward, terminated, truncated, _ = self.env.step(action)
        for e in self.pending:
            e[2] += e[3] * reward
            e[3] *= self.GAMMA
        done = terminated or truncated
        while self.pending and (done or len(self.pending) == self.N):
            i = self.added % self.MEMORY
            self.o[i], self.a[i], self.r[i], discount = self.pending.popleft()
            self.d[i], self.next[i] = 0 if terminated else discount, self.obs
            self.added += 1
        self.total += reward
        if done:
            self.returns.ended.append(self.total)
            self.total, self.obs = 0.0, self.env.reset()[0]

    def update(self):
        for _ in range(self.INTERVAL):
            self.act()
        if self.steps <= self.STARTS:
            return
        i = self.rng.integers(min(self.added, self.MEMORY), size=self.BATCH)
        self.loss(*(torch.from_numpy(x[i]) for x in (self.o, self.a, self.r, self.d, self.next))).backward()
        nn.utils.clip_grad_norm_(self.params, 10)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(self.behind, self.params, self.TAU)

    def loss(self, obs, action, ret, discount, following):
        with torch.no_grad():
            best = self.online(following).argmax(1, keepdim=True)
            target = ret + discount * self.target(following).gather(1, best)[:, 0]
        return F.smooth_l1_loss(self.online(obs).gather(1, action)[:, 0], target)


def timed(learner):
    """The learner's update, to be measured per step of the environments."""
    update = lambda: learner.update()
    update.operations = learner.operations
    return update


def rmsprops(rate):
    """Makers of the variants of torch.optim.RMSprop."""
    make = lambda foreach: lambda params: torch.optim.RMSprop(params, lr=rate, alpha=0.99, eps=1e-5, foreach=foreach)
    return {"foreach": make(True), "for loop": make(False)}


LEARNERS = {
    "ppo": (PPO, 100_000, optimizers(torch, rate=PPO.RATE, eps=1e-5)),
    "a2c": (A2C, 500_000, rmsprops(A2C.RATE)),
    "dqn": (DQN, 100_000, optimizers(torch, rate=DQN.RATE)),
}  # with the steps to train for, and the optimisers to choose from


def variants(algo, wrap=lambda function: function):
    """Makers of an algorithm's learner, by what they are made of. Losses go through wrap."""
    need_gymnasium()
    learner, _, makers = LEARNERS[algo]
    if learner is DQN:
        return {name: lambda seed, make=make: DQN(seed, make, wrap) for name, make in makers.items()}
    return {
        f"{env} environments, {name}": lambda seed, env=env, make=make: learner(seed, env, make, wrap)
        for env, (name, make) in itertools.product(("sequential", "vectorised"), makers.items())
    }


def prepared(makers):
    learners = {name: make(1) for name, make in makers.items()}
    for learner in learners.values():
        while getattr(learner, "steps", DQN.STARTS) < DQN.STARTS:  # begin where learning does
            learner.update()
    return {name: timed(learner) for name, learner in learners.items()}


@case(r"examples/cartpole:Train/(ppo|a2c|dqn)", "PyTorch")
def _(algo):
    return prepared(variants(algo))


@case(r"examples/cartpole:Train/(ppo|a2c|dqn)", "PyTorch compiled")
def _(algo):
    return prepared(variants(algo, lambda function: harness.compiled(torch, function)))


@case(r"examples/cartpole:Train/(ppo|a2c|dqn)", "Stable-Baselines3")
def _(algo):
    need_gymnasium()
    try:
        import stable_baselines3 as sb3
    except ImportError:
        raise Unavailable("stable_baselines3 is not installed") from None
    harness.versions["stable-baselines3"] = importlib.metadata.version("stable-baselines3")
    make = lambda: sb3.common.monitor.Monitor(gymnasium.make("CartPole-v1", disable_env_checker=True))
    envs = lambda n: sb3.common.vec_env.DummyVecEnv([make] * n)
    network = {"net_arch": [64, 64]}
    common = {"verbose": 0, "seed": 1, "device": "cpu"}
    if algo == "ppo":
        model = sb3.PPO(
            "MlpPolicy", envs(PPO.ENVS), n_steps=PPO.STEPS, batch_size=PPO.BATCH, n_epochs=PPO.EPOCHS, gamma=PPO.GAMMA,
            gae_lambda=PPO.LAMBDA, learning_rate=PPO.RATE, ent_coef=0, policy_kwargs=network, **common,
        )  # fmt: skip
        operations = 4 * PPO.ENVS * PPO.STEPS
    elif algo == "a2c":
        model = sb3.A2C(
            "MlpPolicy", envs(A2C.ENVS), n_steps=A2C.STEPS, gamma=A2C.GAMMA, gae_lambda=A2C.LAMBDA, learning_rate=A2C.RATE,
            ent_coef=0, policy_kwargs=network, **common,
        )  # fmt: skip
        operations = 4 * A2C.ENVS * A2C.STEPS
    else:
        model = sb3.DQN(
            "MlpPolicy", envs(1), buffer_size=DQN.MEMORY, batch_size=DQN.BATCH, learning_starts=DQN.STARTS, train_freq=DQN.INTERVAL,
            gradient_steps=1, gamma=DQN.GAMMA, learning_rate=DQN.RATE, tau=DQN.TAU, target_update_interval=1, n_steps=DQN.N,
            policy_kwargs=network, **common,
        )  # fmt: skip
        model.learn(DQN.STARTS + 100)
        operations = 100

    def learn():
        model.learn(operations, reset_num_timesteps=False)

    learn.operations = operations
    return learn


@case(r"rl/envs:Step/(CartPole|Acrobot)", "Gymnasium")
def _(name):
    need_gymnasium()
    env = gymnasium.make(f"{name}-v1", disable_env_checker=True)
    actions = np.random.default_rng(1).integers(env.action_space.n, size=1024).tolist()
    env.reset(seed=1)

    def steps():
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    steps.operations = len(actions)
    return steps


@case(r"rl/envs:Step/CartPole", "Gymnasium, 100 as one")
def _():
    need_gymnasium()
    n = 100
    env = vector_env("vectorised", n)
    actions = list(np.random.default_rng(1).integers(2, size=(100, n)))
    env.reset(seed=1)

    def steps():
        for action in actions:
            env.step(action)

    steps.operations = n * len(actions)
    return steps


def options(parser):
    parser.add_argument("--check", action="store_true", help="train each learner as our example does, and print the returns")


def configure(args):
    if not args.check:
        return
    for algo, (_, total, _) in LEARNERS.items():
        make = list(variants(algo).values())[-1]
        for seed in (1, 2, 3):
            learner, steps = make(seed), 0
            while steps < total:
                learner.anneal(1 - steps / total)
                learner.update()
                steps += learner.operations
            print(f"{algo}, seed {seed}: mean return of the last 100 episodes of training {learner.returns.mean():.1f}", flush=True)
    raise SystemExit


if __name__ == "__main__":
    cases = [*(f"examples/cartpole:Train/{algo}" for algo in LEARNERS), "rl/envs:Step/CartPole", "rl/envs:Step/Acrobot"]
    harness.main(__doc__, cases, options, configure)
