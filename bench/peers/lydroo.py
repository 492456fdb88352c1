"""The published LyDROO on random frames, which it also writes for `eval lydroo --data`.

    PYTHON bench/peers/lydroo.py PATH_TO_LYDROO --frames 3000 --seed 1 --write stream.mat
    go run ./cmd/eval lydroo --data stream.mat

PATH_TO_LYDROO is a copy of github.com/revenol/LyDROO; PYTHON needs PyTorch, NumPy, SciPy and Matplotlib. Networks, quantizer
and resource allocation are the repository's; the loop and its settings follow its LyDROO.py. Prints one JSON object.
"""
import argparse
import json
import sys
import time

import numpy as np
import scipy.io


def stream(users, frames, seed):
    """Rician channels and exponential arrivals as in the paper."""
    rng = np.random.default_rng(seed)
    mean = 3 * (3e8 / (4 * np.pi * 915e6 * np.linspace(120, 255, users))) ** 3
    s = np.sqrt(0.35 * mean)
    a = np.sqrt(0.3 * mean) + s * rng.standard_normal((frames, users))
    b = s * rng.standard_normal((frames, users))
    return a * a + b * b, rng.exponential(3, (frames, users))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("path")
    p.add_argument("--users", type=int, default=10)
    p.add_argument("--frames", type=int, default=3000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--write", default="")
    args = p.parse_args()
    sys.path.insert(0, args.path)
    import torch
    from memory import MemoryDNN
    from ResourceAllocation import Algo1_NUM

    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    n, frames = args.users, args.frames
    gains, arrivals = stream(n, frames, args.seed)
    if args.write:
        scipy.io.savemat(args.write, {"input_h": gains, "data_arrival": arrivals})
    weights = [1.5 if i % 2 == 0 else 1 for i in range(n)]
    net = MemoryDNN(net=[3 * n, 256, 128, n], learning_rate=0.01, training_interval=20, batch_size=128, memory_size=1024)
    queue, energy_queue = np.zeros(n), np.zeros(n)
    queues, energies, rates, best, k = [], [], [], [], n
    start = time.perf_counter()
    for t in range(frames):
        if t > 0 and t % 32 == 0:
            k = min(max(i % k for i in best[-32:-1]) + 2, n)
        state = np.concatenate((gains[t] * 1e10, queue / 10000, energy_queue / 10000))
        modes = net.decode(state, k, "OPN")
        results = [Algo1_NUM(m, gains[t] * 1e10, weights, queue, energy_queue, 20) for m in modes]
        best.append(int(np.argmax([r[0] for r in results])))
        net.encode(state, modes[best[-1]])
        _, rate, energy = results[best[-1]]
        queues.append(queue.mean())
        energies.append(np.asarray(energy))
        rates.append(float(np.dot(weights, rate)))
        queue = np.maximum(queue + arrivals[t] - rate, 0)
        energy_queue = np.maximum(energy_queue + 1000 * (np.asarray(energy) - 0.08), 0)
    seconds = time.perf_counter() - start
    print(json.dumps({
        "method": "published code", "users": n, "frames": frames, "seed": args.seed, "torch": torch.__version__,
        "queue_mbit": {"mean": float(np.mean(queues)), "last_third": float(np.mean(queues[-(frames // 3):]))},
        "energy_j": {"mean": float(np.mean(energies)), "max_user": float(np.mean(energies, 0).max())},
        "weighted_rate": float(np.mean(rates)), "frame_us": 1e6 * seconds / frames,
    }))


main()
