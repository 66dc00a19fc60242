"""gradbench-peer-frameworks torch|torch-compile|jax: whole operations as users of these frameworks call them (PEERS.md).

The frameworks' own overhead of a call is timed, for their users pay it too. Eager PyTorch writes into the operands where an
operation can; the compiled ones return new arrays, which are copied out after the timing.
"""
import mmap
import os
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
KNOWN = {"kernel", "dtype", "threads", "n", "d", "m", "c", "memory", "bytes", "layout", "accumulate", "reduction",
         "labels"}


class Unsupported(Exception):
    pass


class Problem:
    """What prepare said; its operands are NumPy arrays that share the memory."""

    def __init__(self, words, np):
        keys = dict(word.split("=", 1) for word in words)
        unknown = [key for key in keys if key not in KNOWN and not key.startswith(("in.", "out."))]
        if unknown:
            raise Unsupported(f"an option that it does not know: {unknown[0]}")
        self.kernel, self.f64 = keys["kernel"], keys["dtype"] == "f64"
        self.out_in, self.accumulate = keys.get("layout") == "out_in", keys.get("accumulate") == "1"
        self.reduction = keys.get("reduction", "mean")
        n, d, m, c = (int(keys.get(name, "0")) for name in "ndmc")
        weights = (m, d) if self.out_in else (d, m)
        width = d if self.kernel.startswith("relu") else m if self.kernel.startswith("affine") else c
        shapes = {"w": weights, "dw": weights, "b": (m,), "db": (m,), "labels": (n,), "row_loss": (n,), "loss": (), "dloss": (),
                  "y": (n, width), "dy": (n, width), "mask": (n, width), "p": (n, c), "t": (n, c)}
        shapes["x"] = shapes["dx"] = (n, c if self.kernel.startswith("softmax") else d)
        with open(keys["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), int(keys["bytes"]))
        real = np.float64 if self.f64 else np.float32
        self.inputs, self.outputs = {}, {}
        for key, value in keys.items():
            if not key.startswith(("in.", "out.")):
                continue
            side, name = key.split(".", 1)
            label_type, name = np.int64 if name == "labels64" else np.int32, name.replace("labels64", "labels")
            offset, ld = map(int, value.split(","))
            if name == "mask":
                array = self.unpack(np, shapes[name], offset, ld).astype(real)
            else:
                dtype = np.dtype(label_type if name == "labels" else real)
                strides = (ld * dtype.itemsize, dtype.itemsize) if len(shapes[name]) == 2 else None
                array = np.ndarray(shapes[name], dtype, self.memory, offset, strides)
            if side == "in" or self.accumulate:
                self.inputs[name] = array
            if side == "out":
                self.outputs[name] = array
        for name in ("dloss", "t"):
            if name in self.inputs:
                raise Unsupported(f"{name} is not what users of a framework pass")
        if "mask" in self.outputs:
            raise Unsupported("frameworks keep no mask as bits")

    def unpack(self, np, shape, offset, ld):
        words = np.ndarray((shape[0], (shape[1] + 63) // 64), np.uint64, self.memory, offset, (8 * ld, 8))
        bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")
        return bits[:, :shape[1]]


def affine(problem, masked):
    """The gradients and outputs of the layer, as expressions that both frameworks understand."""
    kernel, accumulate, wants = problem.kernel, problem.accumulate, problem.outputs

    def weights(w):
        return w.T if problem.out_in else w

    def forward(x, w, b=None):
        y = x @ weights(w)
        return {"y": y if b is None else y + b}

    def backward(dy, x=None, w=None, mask=None, dx=None, dw=None, db=None):
        out = {}
        if mask is not None:
            dy = masked(dy, mask)
        if "dx" in wants:
            out["dx"] = dy @ weights(w).T
        if "dw" in wants:
            out["dw"] = dy.T @ x if problem.out_in else x.T @ dy
        if "db" in wants:
            out["db"] = dy.sum(0)
        old = {"dx": dx, "dw": dw, "db": db}
        return {name: old[name] + value if accumulate else value for name, value in out.items()}

    return forward if kernel == "affine_forward" else backward


class Torch:
    def __init__(self, compiled):
        import torch

        self.torch, self.compiled = torch, compiled
        torch.set_num_threads(THREADS)
        way = ", compiled" if compiled else ""
        self.description = f"PyTorch {torch.__version__}{way}, kernels for {torch.backends.cpu.get_cpu_capability()}"

    def function(self, problem):
        torch, F = self.torch, self.torch.nn.functional
        tensors = {name: torch.from_numpy(array) for name, array in problem.inputs.items()}
        torch._dynamo.reset()
        if "labels" in tensors:
            tensors["labels"] = tensors["labels"].long()
        n = problem.inputs[next(iter(problem.inputs))].shape[0]

        def masked(dy, mask):
            return torch.ops.aten.threshold_backward(dy, mask, 0)

        def losses(x, labels):
            if "row_loss" not in problem.outputs:
                return {"loss": F.cross_entropy(x, labels, reduction=problem.reduction)}
            rows = F.cross_entropy(x, labels, reduction="none")
            return {"loss": rows.mean() if problem.reduction == "mean" else rows.sum(), "row_loss": rows}

        losses_here = torch.compile(losses, dynamic=False) if self.compiled else losses

        def xent(x, labels):
            x = x.detach().requires_grad_()
            out = losses_here(x, labels)
            dx = torch.autograd.grad(out["loss"], x)[0]
            return {"dx": dx, **{name: value.detach() for name, value in out.items()}}

        def xent_forward(x, labels):
            out = losses(x, labels)
            if "p" in problem.outputs:
                out["p"] = torch.softmax(x, 1)
            return out

        def xent_backward(p, labels):
            return {"dx": (p - F.one_hot(labels, p.shape[1])) / (n if problem.reduction == "mean" else 1)}

        functions = {"relu_forward": lambda x: {"y": torch.relu(x)}, "relu_backward": lambda dy, mask: {"dx": masked(dy, mask)},
                     "softmax_xent": xent, "softmax_xent_forward": xent_forward, "softmax_xent_backward": xent_backward}
        function = functions.get(problem.kernel) or affine(problem, masked)
        if self.compiled and problem.kernel != "softmax_xent":  # the gradient is taken outside
            function = torch.compile(function, dynamic=False)
        elif problem.kernel.startswith("affine"):
            function = self.into(problem, masked)
        if problem.kernel != "softmax_xent":
            function = torch.no_grad()(function)
        return lambda: function(**tensors)

    def into(self, problem, masked):
        """Eager PyTorch can write the layer's outputs where they belong."""
        torch, accumulate = self.torch, problem.accumulate
        out = {name: torch.from_numpy(array) for name, array in problem.outputs.items()}

        def product(name, a, b):
            if accumulate:
                torch.addmm(out[name], a, b, out=out[name])
            else:
                torch.mm(a, b, out=out[name])

        def forward(x, w, b=None):
            w = w.T if problem.out_in else w
            if b is None:
                torch.mm(x, w, out=out["y"])
            else:
                torch.addmm(b, x, w, out=out["y"])
            return {}

        def backward(dy, x=None, w=None, mask=None, **_):
            if mask is not None:
                dy = masked(dy, mask)
            if "dx" in out:
                product("dx", dy, w if problem.out_in else w.T)
            if "dw" in out:
                product("dw", *((dy.T, x) if problem.out_in else (x.T, dy)))
            if "db" in out and accumulate:
                out["db"] += dy.sum(0)
            elif "db" in out:
                torch.sum(dy, 0, out=out["db"])
            return {}

        return forward if problem.kernel == "affine_forward" else backward


class Jax:
    def __init__(self):
        if THREADS == 1:
            os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.description = f"JAX {jax.__version__}, jit; operands are arrays of its own"

    def function(self, problem):
        jax, jnp = self.jax, self.jax.numpy
        arrays = {name: jax.device_put(array.copy()) for name, array in problem.inputs.items()}

        def masked(dy, mask):
            return jnp.where(mask > 0, dy, 0)

        def loss(x, labels):
            rows = jax.nn.logsumexp(x, 1) - jnp.take_along_axis(x, labels[:, None], 1)[:, 0]
            return rows.mean() if problem.reduction == "mean" else rows.sum(), rows

        def xent(x, labels):
            (value, rows), gradient = jax.value_and_grad(loss, has_aux=True)(x, labels)
            return {"loss": value, "dx": gradient, "row_loss": rows}

        def xent_forward(x, labels):
            out = dict(zip(("loss", "row_loss"), loss(x, labels)))
            if "p" in problem.outputs:
                out["p"] = jax.nn.softmax(x, 1)
            return out

        def xent_backward(p, labels):
            rows = p.shape[0] if problem.reduction == "mean" else 1
            return {"dx": (p - jax.nn.one_hot(labels, p.shape[1], dtype=p.dtype)) / rows}

        functions = {"relu_forward": lambda x: {"y": jnp.maximum(x, 0)},
                     "relu_backward": lambda dy, mask: {"dx": masked(dy, mask)}, "softmax_xent": xent,
                      "softmax_xent_forward": xent_forward, "softmax_xent_backward": xent_backward}
        whole = functions.get(problem.kernel) or affine(problem, masked)
        wanted = jax.jit(lambda **inputs: {name: value for name, value in whole(**inputs).items() if name in problem.outputs})
        return lambda: jax.block_until_ready(wanted(**arrays))


def start(which):
    try:
        return Jax() if which == "jax" else Torch(which == "torch-compile")
    except ImportError as error:
        return f"absent {error}"


def serve(framework, np, say):
    function = problem = last = None
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "quit":
            return
        try:
            if word == "prepare":
                function = problem = last = None
                problem = Problem(rest, np)
                function = framework.function(problem)
                if not problem.accumulate:  # compiled now; an accumulated output must not change
                    function()
                answer = "ready"
            elif word == "run":
                start_ns = time.perf_counter_ns()
                for _ in range(int(rest[0])):
                    last = function()
                answer = f"ran {time.perf_counter_ns() - start_ns}"
            else:
                for name, value in last.items():
                    if name in problem.outputs:
                        problem.outputs[name][...] = np.asarray(value)
                answer = "done"
        except Unsupported as reason:
            answer = f"unsupported {reason}"
        except Exception as error:
            answer = f"error {type(error).__name__}: {error}".splitlines()[0][:150]
        say(answer)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in ("torch", "torch-compile", "jax"):
        sys.exit("usage: gradbench-peer-frameworks torch|torch-compile|jax")
    answers = os.fdopen(os.dup(1), "w")  # a framework may print what it likes
    os.dup2(2, 1)

    def say(text):
        print(text, file=answers, flush=True)

    framework = start(sys.argv[1])
    if isinstance(framework, str):
        say(framework)
        return
    import numpy

    say(f"peer 1 {framework.description}")
    serve(framework, numpy, say)


main()
