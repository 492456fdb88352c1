#!/usr/bin/env python3
"""Records episodes of Gymnasium's CartPole-v1 and Acrobot-v1, which a test in rl/envs plays again:

    python3 bench/peers/gymnasium_reference.py > rl/envs/testdata/gymnasium.json

An episode is its actions, the state before every twentieth of them and the last one, in full precision, and how it ended. Both
systems are unstable: a difference in the last digit grows until it decides when an episode ends. So the test begins again at each
state.
"""

import json
import math

import gymnasium
import numpy as np

EVERY = 20


def record(env_id, policy, seed, width):
    """An episode of a policy from a state drawn from [-width, width)."""
    env = gymnasium.make(env_id)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed, options={"low": -width, "high": width})
    actions, states, done = "", [], False
    while not done:
        state = [float(x) for x in env.unwrapped.state]
        if len(actions) % EVERY == 0:
            states.append(state)
        action = policy(state, rng)
        actions += str(action)
        _, reward, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
    states.append([float(x) for x in env.unwrapped.state])
    return {
        "env": env_id, "actions": actions, "states": states,
        "terminated": terminated, "truncated": truncated, "last_reward": float(reward),
    }  # fmt: skip


def any_of(n):
    return lambda state, rng: int(rng.integers(n))


def balance(lean):
    """Keeps the pole at an angle; at any but 0 the cart runs after it until the track ends."""

    def policy(state, rng):
        x, dx, theta, dtheta = state
        centre = 0.05 * x + 0.2 * dx if lean == 0 else 0
        return int(centre + 3 * (theta - lean) + dtheta > 0)

    return policy


def pump(noise):
    """Pushes the second link the way it goes, which swings the first higher, but for some actions at random."""
    return lambda state, rng: int(rng.integers(3)) if rng.random() < noise else 2 * int(state[3] > 0)


def main():
    episodes = [record("CartPole-v1", any_of(2), seed, 0.05) for seed in range(8)]
    episodes += [record("CartPole-v1", balance(0), seed, 0.05) for seed in range(4)]
    episodes += [record("CartPole-v1", balance(lean), seed, 0.1) for seed, lean in enumerate((0.05, -0.05, 0.1, -0.1, 0.02, -0.02))]
    episodes += [record("Acrobot-v1", any_of(3), seed, 0.1) for seed in range(3)]
    episodes += [record("Acrobot-v1", pump(noise), seed, 0.1) for seed, noise in enumerate((0, 0, 0.2, 0.2, 0.5, 0.5, 0.7, 0.7))]
    # From anywhere, and fast: angles wrap around.
    episodes += [record("Acrobot-v1", pump(0.5), seed, math.pi) for seed in range(10, 16)]
    print('{"gymnasium": %s, "every": %d, "episodes": [' % (json.dumps(gymnasium.__version__), EVERY))
    print(",\n".join(json.dumps(e, separators=(",", ":")) for e in episodes))
    print("]}")


if __name__ == "__main__":
    main()
