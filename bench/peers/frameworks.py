"""gradbench-peer-frameworks torch|torch-compile|jax: whole operations as users of these frameworks call them (PEERS.md).

The frameworks' own overhead of a call is timed, for their users pay it too. Eager PyTorch writes into the operands where an
operation can; the compiled ones return new arrays, which are copied out after the timing.
"""
import ctypes
import mmap
import os
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
KNOWN = {"kernel", "dtype", "threads", "n", "d", "m", "c", "memory", "bytes", "layout", "accumulate", "reduction", "labels",
         "label_smoothing"}


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
        self.reduction, self.smoothing = keys.get("reduction", "mean"), float(keys.get("label_smoothing", "0"))
        n, d, m, c = (int(keys.get(name, "0")) for name in "ndmc")
        weights = (m, d) if self.out_in else (d, m)
        layer = self.kernel.startswith(("affine", "repeat"))
        shapes = {"w": weights, "dw": weights, "labels": (n,), "row_loss": (n,), "loss": (), "dloss": ()}
        shapes.update(dict.fromkeys(("p", "t"), (n, c)), class_weights=(c,))
        shapes.update(dict.fromkeys(("b", "db"), (m,) if layer else (n, d)))
        shapes.update(dict.fromkeys(("y", "dy", "mask"), (n, m if layer else d)))
        shapes.update(dict.fromkeys(("x", "dx"), (n, c if self.kernel.startswith("softmax") else d)))
        shapes.update(dict.fromkeys(("a", "da"), (n, d)))
        self.n, self.divisor = n, n if self.reduction == "mean" else 1
        with open(keys["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), int(keys["bytes"]))
        real = np.float64 if self.f64 else np.float32
        self.inputs, self.outputs = {}, {}
        for key, value in keys.items():
            if not key.startswith(("in.", "out.")):
                continue
            side, name = key.split(".", 1)
            label_type, name = np.int64 if name == "labels64" else np.int32, name.replace("labels64", "labels")
            if name not in shapes:
                raise Unsupported(f"an operand that it does not know: {name}")
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
        self.plain = not self.smoothing and "class_weights" not in self.inputs
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


def nodes(problem, xp, sigmoid, masked):
    """The element-wise kernels, as expressions that both frameworks understand; xp: where their functions are."""
    n = problem.n
    return {
        "repeat_forward": lambda b: {"y": xp.tile(b, (n, 1))},
        "relu_forward": lambda x: {"y": xp.maximum(x, xp.zeros((), dtype=x.dtype))},
        "relu_backward": lambda dy, mask: {"dx": masked(dy, mask)},
        "add_forward": lambda a, b: {"y": a + b},
        "mul_forward": lambda a, b: {"y": a * b},
        "mul_backward": lambda a, b, dy: {"da": dy * b, "db": dy * a},
        "max_forward": lambda a, b: {"y": xp.maximum(a, b)},
        "max_backward": lambda a, b, dy: {"da": xp.where(a >= b, dy, 0), "db": xp.where(a >= b, 0, dy)},
        "reciprocal_forward": lambda x: {"y": 1 / x},
        "reciprocal_backward": lambda y, dy: {"dx": -dy * y * y},
        "exp_forward": lambda x: {"y": xp.exp(x)},
        "exp_backward": lambda y, dy: {"dx": dy * y},
        "sigmoid_forward": lambda x: {"y": sigmoid(x)},
        "sigmoid_backward": lambda y, dy: {"dx": dy * (1 - y) * y},
    }


def find(known, kernel):
    if kernel not in known:
        if kernel == "add_backward":
            raise Unsupported("its users' gradient is the array itself, nothing is computed")
        raise Unsupported(f"this peer does not do {kernel}")
    return known[kernel]


def wanted(problem, out):
    return {name: value for name, value in out.items() if name in problem.outputs}


class Torch:
    def __init__(self, compiled):
        import torch

        self.torch, self.compiled, self.pure = torch, compiled, compiled
        torch.set_num_threads(THREADS)
        way = ", compiled" if compiled else ""
        self.description = f"PyTorch {torch.__version__}{way}, kernels for {torch.backends.cpu.get_cpu_capability()}"

    def function(self, problem):
        torch, kernel = self.torch, problem.kernel
        if kernel == "softmax_xent_backward" and not problem.plain:
            raise Unsupported("its users have no gradient of smoothed or weighted labels from probabilities")
        tensors = {name: torch.from_numpy(array) for name, array in problem.inputs.items()}
        out = {name: torch.from_numpy(array) for name, array in problem.outputs.items()}
        torch._dynamo.reset()
        if "labels" in tensors:
            tensors["labels"] = tensors["labels"].long()

        def masked(dy, mask):
            return torch.ops.aten.threshold_backward(dy, mask, 0)

        known = {**nodes(problem, torch, torch.sigmoid, masked), **self.softmax(problem)}
        if not self.compiled:
            known.update(self.nodes_into(problem, out), **self.softmax_into(problem, out))
        if kernel.startswith("affine"):
            function = affine(problem, masked) if self.compiled else self.into(problem, out, masked)
        else:
            function = find(known, kernel)
        if kernel == "softmax_xent":  # it takes its gradient outside of what is compiled
            return lambda: function(**tensors)
        if self.compiled:
            whole = function
            function = torch.compile(lambda **inputs: wanted(problem, whole(**inputs)), dynamic=False)
        function = torch.no_grad()(function)
        return lambda: function(**tensors)

    def softmax(self, problem):
        torch, F = self.torch, self.torch.nn.functional

        def reduced(rows, labels, weights=None):
            if problem.reduction != "mean":
                loss = rows.sum()
            else:
                loss = rows.mean() if weights is None else rows.sum() / weights[labels].sum()
            return {"loss": loss, "row_loss": rows}

        def losses(x, labels, class_weights=None):
            asked = {"weight": class_weights, "label_smoothing": problem.smoothing}
            if "row_loss" not in problem.outputs:
                return {"loss": F.cross_entropy(x, labels, reduction=problem.reduction, **asked)}
            return reduced(F.cross_entropy(x, labels, reduction="none", **asked), labels, class_weights)

        losses_here = torch.compile(losses, dynamic=False) if self.compiled else losses

        def both(x, labels, class_weights=None):
            x = x.detach().requires_grad_()
            out = losses_here(x, labels, class_weights)
            dx = torch.autograd.grad(out["loss"], x)[0]
            return {"dx": dx, **{name: value.detach() for name, value in out.items()}}

        def forward(x, labels, class_weights=None):
            if "p" not in problem.outputs:
                return losses(x, labels, class_weights)
            p = torch.softmax(x, 1)
            if not problem.plain:
                return {"p": p, **losses(x, labels, class_weights)}
            return {"p": p, **reduced(-torch.log(p.gather(1, labels[:, None])[:, 0]), labels)}

        def backward(p, labels):
            classes = torch.arange(p.shape[1])
            return {"dx": torch.where(labels[:, None] == classes, p - 1, p) / problem.divisor}

        return {"softmax_xent": both, "softmax_xent_forward": forward, "softmax_xent_backward": backward}

    def softmax_into(self, problem, out):
        """What eager PyTorch can write where it belongs."""
        torch = self.torch

        def backward(p, labels):
            torch.mul(p, 1 / problem.divisor, out=out["dx"])
            out["dx"].scatter_add_(1, labels[:, None], less)
            return {}

        less = torch.full((problem.n, 1), -1 / problem.divisor, dtype=torch.float64 if problem.f64 else torch.float32)
        return {"softmax_xent_backward": backward}

    def nodes_into(self, problem, out):
        """The same of the element-wise kernels: a function of each, which returns nothing."""
        torch = self.torch
        aten = torch.ops.aten

        def copies(dy):
            for gradient in out.values():
                gradient.copy_(dy)

        def products(a, b, dy):
            for name, other in (("da", b), ("db", a)):
                if name in out:
                    torch.mul(dy, other, out=out[name])

        def gated(a, b, dy):  # as a factor: torch.where takes ten times as long
            for name, passes in (("da", torch.ge), ("db", torch.lt)):
                if name in out:
                    torch.mul(dy, passes(a, b, out=gate), out=out[name])

        gate = torch.empty_like(next(iter(out.values())))
        functions = {
            "repeat_forward": lambda b: out["y"].copy_(b),
            "relu_forward": lambda x: torch.clamp_min(x, 0, out=out["y"]),
            "relu_backward": lambda dy, mask: aten.threshold_backward.grad_input(dy, mask, 0, grad_input=out["dx"]),
            "add_forward": lambda a, b: torch.add(a, b, out=out["y"]),
            "add_backward": copies,
            "mul_forward": lambda a, b: torch.mul(a, b, out=out["y"]),
            "mul_backward": products,
            "max_forward": lambda a, b: torch.maximum(a, b, out=out["y"]),
            "max_backward": gated,
            "reciprocal_forward": lambda x: torch.reciprocal(x, out=out["y"]),
            "reciprocal_backward": lambda y, dy: torch.mul(dy, y, out=out["dx"]).mul_(y).neg_(),
            "exp_forward": lambda x: torch.exp(x, out=out["y"]),
            "exp_backward": lambda y, dy: torch.mul(dy, y, out=out["dx"]),
            "sigmoid_forward": lambda x: torch.sigmoid(x, out=out["y"]),
            "sigmoid_backward": lambda y, dy: aten.sigmoid_backward.grad_input(dy, y, grad_input=out["dx"]),
        }

        def silent(function):
            def call(**inputs):
                function(**inputs)
                return {}

            return call

        return {name: silent(function) for name, function in functions.items()}

    def into(self, problem, out, masked):
        """And of the layer."""
        torch, accumulate = self.torch, problem.accumulate

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
        self.jax, self.pure = jax, True
        self.description = f"JAX {jax.__version__}, jit; operands are arrays of its own"

    def function(self, problem):
        jax, jnp = self.jax, self.jax.numpy
        if not problem.plain:
            raise Unsupported("JAX itself has no smoothed or weighted labels")
        arrays = {name: jax.device_put(array.copy()) for name, array in problem.inputs.items()}

        def masked(dy, mask):
            return jnp.where(mask > 0, dy, 0)

        def loss(x, labels):
            rows = jax.nn.logsumexp(x, 1) - jnp.take_along_axis(x, labels[:, None], 1)[:, 0]
            return rows.mean() if problem.reduction == "mean" else rows.sum(), rows

        def both(x, labels):
            (value, rows), gradient = jax.value_and_grad(loss, has_aux=True)(x, labels)
            return {"loss": value, "dx": gradient, "row_loss": rows}

        def forward(x, labels):
            if "p" not in problem.outputs:
                return dict(zip(("loss", "row_loss"), loss(x, labels)))
            p = jax.nn.softmax(x, 1)
            rows = -jnp.log(jnp.take_along_axis(p, labels[:, None], 1)[:, 0])
            return {"p": p, "loss": rows.sum() / problem.divisor, "row_loss": rows}

        def backward(p, labels):
            return {"dx": (p - jax.nn.one_hot(labels, p.shape[1], dtype=p.dtype)) / problem.divisor}

        known = {**nodes(problem, jnp, jax.nn.sigmoid, masked), "softmax_xent": both, "softmax_xent_forward": forward,
                 "softmax_xent_backward": backward}
        affine_here = problem.kernel.startswith("affine")
        whole = affine(problem, masked) if affine_here else find(known, problem.kernel)
        function = jax.jit(lambda **inputs: wanted(problem, whole(**inputs)))
        return lambda: jax.block_until_ready(function(**arrays))


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
                if framework.pure or not problem.accumulate:  # compiled now; an accumulated output must not change
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


def keep_memory():
    """What is freed is used again, as with the allocators that users are told to have: a result's pages are not new ones."""
    TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda *_: None)
    for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (ARENA_MAX, 1)):
        mallopt(option, value)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in ("torch", "torch-compile", "jax"):
        sys.exit("usage: gradbench-peer-frameworks torch|torch-compile|jax")
    answers = os.fdopen(os.dup(1), "w")  # a framework may print what it likes
    os.dup2(2, 1)

    def say(text):
        print(text, file=answers, flush=True)

    keep_memory()
    framework = start(sys.argv[1])
    if isinstance(framework, str):
        say(framework)
        return
    import numpy

    say(f"peer 1 {framework.description}")
    serve(framework, numpy, say)


main()
