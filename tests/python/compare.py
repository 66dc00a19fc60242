"""A training step by gradkern, NumPy and, where it is installed, PyTorch: the same net, weights and batches.

Gradients agree within the error bound of their sums, losses lie on each other, and the times of a step are printed, which
decide nothing."""

import gzip
import os
import sys
import time

import numpy as np

import gradkern

D, M, C, N, LR, STEPS = 784, 50, 10, 100, np.float32(0.1), 60
U = 2.0**-24


def idx(path):
    with gzip.open(path) as file:
        data = file.read()
    sizes = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, -1, 4 + 4 * data[3]).reshape(sizes)


def digits(folder):
    images = idx(f"{folder}/t10k-images-idx3-ubyte.gz").reshape(-1, D)[:N * STEPS].astype(np.float32) / np.float32(255)
    return images, idx(f"{folder}/t10k-labels-idx1-ubyte.gz")[:N * STEPS].astype(np.int64)


def weights():
    random = np.random.default_rng(1)
    w1 = random.standard_normal((D, M), np.float32) * np.float32(np.sqrt(2 / D))
    w2 = random.standard_normal((M, C), np.float32) * np.float32(np.sqrt(2 / M))
    return [w1, np.zeros(M, np.float32), w2, np.zeros(C, np.float32)]


class ByGradkern:
    """Calls that were prepared once: each reads what its operands hold then."""

    name = "gradkern"

    def __init__(self, context):
        self.p = weights()
        w1, b1, w2, b2 = self.p
        self.x, self.labels = np.empty((N, D), np.float32), np.empty(N, np.int64)
        self.y1, self.h, self.y2 = (np.empty((N, k), np.float32) for k in (M, M, C))
        self.dy2, self.dh, self.loss = np.empty((N, C), np.float32), np.empty((N, M), np.float32), np.empty(1, np.float32)
        self.mask, self.g = np.empty((N, 1), np.uint64), [np.empty_like(p) for p in self.p]
        one, two, last = dict(n=N, d=D, m=M, x=self.x), dict(n=N, d=M, m=C, x=self.h), dict(n=N, c=C, x=self.y2, dx=self.dy2)
        added = dict(accumulate_dw=True, accumulate_db=True)
        self.forward = [
            context.prepare("affine_forward", w=w1, b=b1, y=self.y1, **one),
            context.prepare("relu_forward", n=N, d=M, x=self.y1, y=self.h, mask=self.mask),
            context.prepare("affine_forward", w=w2, b=b2, y=self.y2, **two),
        ]
        self.backward = [
            context.prepare("softmax_xent", labels64=self.labels, loss=self.loss, **last),
            context.prepare("affine_backward", dy=self.dy2, w=w2, dx=self.dh, dw=self.g[2], db=self.g[3], **two),
            context.prepare("affine_backward", dy=self.dh, mask=self.mask, dw=self.g[0], db=self.g[1], **one),
        ]
        # The gradient of -lr loss, added to the parameters, is the step: nothing is written but these.
        self.descent = [
            context.prepare("softmax_xent", labels64=self.labels, loss=self.loss, dloss=np.array([-LR]), **last),
            context.prepare("affine_dx", n=N, d=M, m=C, dy=self.dy2, w=w2, dx=self.dh),
            context.prepare("affine_backward", dy=self.dy2, dw=w2, db=b2, **added, **two),
            context.prepare("affine_backward", dy=self.dh, mask=self.mask, dw=w1, db=b1, **added, **one),
        ]

    def load(self, x, labels):
        self.x[:], self.labels[:] = x, labels

    def gradients(self):
        for call in self.forward + self.backward:
            call()

    def step(self):
        for call in self.forward + self.descent:
            call()
        return self.loss[0]


class ByNumpy:
    name = "NumPy"

    def __init__(self):
        self.p = weights()

    def load(self, x, labels):
        self.x, self.labels = x, labels

    def step(self):
        w1, b1, w2, b2 = self.p
        y1 = self.x @ w1 + b1
        h = np.maximum(y1, 0)
        y2 = h @ w2 + b2
        z = y2 - y2.max(axis=1, keepdims=True)
        e = np.exp(z)
        s = e.sum(axis=1, keepdims=True)
        rows = np.arange(N)
        loss = (np.log(s[:, 0]) - z[rows, self.labels]).mean()
        dy2 = e / s
        dy2[rows, self.labels] -= 1
        dy2 /= N
        dh = dy2 @ w2.T
        dh[y1 <= 0] = 0
        self.g = [self.x.T @ dh, dh.sum(axis=0), h.T @ dy2, dy2.sum(axis=0)]
        for p, g in zip(self.p, self.g):
            g *= LR  # in place: a new array for the product costs more than the product
            p -= g
        return loss


class ByTorch:
    name = "PyTorch"

    def __init__(self, torch):
        self.torch = torch
        self.p = [torch.tensor(p, requires_grad=True) for p in weights()]
        self.optimizer = torch.optim.SGD(self.p, lr=float(LR))

    def load(self, x, labels):
        self.x, self.labels = self.torch.from_numpy(x), self.torch.from_numpy(labels)

    def step(self):
        functional = self.torch.nn.functional
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(functional.relu(self.x @ self.p[0] + self.p[1]) @ self.p[2] + self.p[3], self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def within(name, got, a, b):
    """got is a b in float, in an order of its own: no element is further from the sum in double than the bound."""
    k = a.shape[1]
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = (k + 1) * U / (1 - (k + 1) * U) * (np.abs(a) @ np.abs(b)) + (k + 1) * 2.0**-149
    share = np.abs(got - a @ b) / bound
    assert np.all(share <= 1), f"{name}: {share.max():.3g} of the error bound"
    return share.max()


def check_gradients(net, x, labels):
    """Each gradient of a step, and NumPy's of the same operands, from those operands in double."""
    net.load(x, labels)
    net.gradients()
    dy1 = np.where(net.y1 <= 0, np.float32(0), net.dh)
    z = net.y2.astype(np.float64) - net.y2.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    t = np.eye(C)[labels]
    bound = (p * (4 * U + U * (np.abs(z) + np.log(C) + 3) + 8 * U) + U * np.abs(p - t)) / N + 3 * U * np.abs(p - t) / N
    assert np.all(np.abs(net.dy2 - (p - t) / N) <= bound), "the gradient of the logits"
    ones = np.ones((1, N), np.float32)
    sums = [("dw1", net.g[0], x.T, dy1), ("db1", net.g[1], ones, dy1), ("dw2", net.g[2], net.h.T, net.dy2),
            ("db2", net.g[3], ones, net.dy2), ("dh", net.dh, net.dy2, net.p[2].T)]
    for name, got, a, b in sums:
        ours, theirs = within(name, got, a, b), within(f"NumPy's {name}", a @ b, a, b)
        print(f"  {name:4} at most {ours:.3f} of the error bound, NumPy's {theirs:.3f}")


def curve(net, images, labels):
    losses = []
    for i in range(STEPS):
        net.load(images[i * N:(i + 1) * N], labels[i * N:(i + 1) * N])
        losses.append(float(net.step()))
    return np.array(losses)


def time_steps(nets, rounds=15, steps=20):
    """In turns: whatever else the machine does hits all of them. The best of each counts."""
    best = {net.name: np.inf for net in nets}
    for _ in range(rounds):
        for net in nets:
            net.step()
            start = time.perf_counter()
            for _ in range(steps):
                net.step()
            best[net.name] = min(best[net.name], (time.perf_counter() - start) / steps)
    return best


def main(library, folder):
    images, labels = digits(folder)
    threads = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))  # all three take
    try:
        import torch
        torch.set_num_threads(threads)
    except ImportError:
        torch = None
        print("skipped: PyTorch is not installed (bench/peers/install torch)")
    with gradkern.Context(library=gradkern.load(library)) as context:
        print("gradients of a step, from their operands in double:")
        check_gradients(ByGradkern(context), images[:N], labels[:N])
        nets = [ByGradkern(context), ByNumpy()] + ([ByTorch(torch)] if torch else [])
        curves = [curve(net, images, labels) for net in nets]
        for net, losses in zip(nets[1:], curves[1:]):
            apart = np.max(np.abs(losses - curves[0]) / curves[0])
            print(f"losses of {STEPS} steps: {curves[0][0]:.4f} to {curves[0][-1]:.4f}, {net.name}'s within {apart:.1e} of it")
            assert curves[0][-1] < curves[0][0] / 2 and apart < 1e-4, "the losses do not lie on each other"
        best = time_steps(nets)
        times = [f"{name} {1e6 * t:.0f} us" for name, t in best.items()]
        ratios = [f"{best[net.name] / best['gradkern']:.2f} times as fast as {net.name}" for net in nets[1:]]
        print(f"a step of 784-50-10 at n = 100, {threads} threads: " + ", ".join(times) + "; " + ", ".join(ratios))


if __name__ == "__main__":
    main(*sys.argv[1:])
