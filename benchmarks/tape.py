"""What a recorded operation costs: chains, long tapes, nesting, import."""

import gc
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np

import tapelab as tf

from .harness import Workload
from .peers import peer

# One link of the chain: three recorded operations with three different rules.
LINKS = 333


def _chain_tapelab(t, x):
    def run():
        with t.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(LINKS):
                y = t.sin(y) * x + 0.5
        return np.asarray(tape.gradient(y, x))

    return run


def _chain_numpy(x):
    """The same by hand: values kept going forward, cotangents going back."""

    def run():
        y, kept = x, []
        half = x.dtype.type(0.5)
        for _ in range(LINKS):
            s = np.sin(y)
            kept.append((y, s))
            y = s * x + half
        g, gx = np.ones_like(x), 0
        for y, s in reversed(kept):
            gx = gx + g * s
            g = g * x * np.cos(y)
        return np.asarray(gx + g)

    return run


def _chain_torch(torch, x0):
    x = torch.tensor(x0, requires_grad=True)

    def run():
        y = x
        for _ in range(LINKS):
            y = torch.sin(y) * x + 0.5
        (g,) = torch.autograd.grad(y.sum(), x)
        return g.numpy()

    return run


def _chain_jax(jax, x0, jit):
    def f(x):
        y = x
        for _ in range(LINKS):
            y = jax.numpy.sin(y) * x + 0.5
        return y.sum()

    x = jax.numpy.asarray(x0)
    g = jax.jit(jax.grad(f)) if jit else jax.grad(f)
    return lambda: np.asarray(g(x).block_until_ready())


def _chain_autograd(autograd, x0):
    import autograd.numpy as anp

    def f(x):
        y = x
        for _ in range(LINKS):
            y = anp.sin(y) * x + np.float32(0.5)
        return anp.sum(y)

    g = autograd.grad(f)
    return lambda: np.asarray(g(x0))


def _chain_mygrad(mg, x0):
    def run():
        x = mg.tensor(x0)
        y = x
        for _ in range(LINKS):
            y = mg.sin(y) * x + np.float32(0.5)
        y.sum().backward()
        return np.asarray(x.grad)

    return run


def _chain_contenders(x0):
    out = {"numpy by hand": _chain_numpy(x0), "tapelab": _chain_tapelab(tf, tf.constant(x0))}
    if torch := peer("torch"):
        out["torch eager"] = _chain_torch(torch, x0)
    if tensorflow := peer("tensorflow"):
        x = tensorflow.constant(x0)
        out["tensorflow eager"] = _chain_tapelab(tensorflow, x)
        out["tensorflow function"] = _function(tensorflow, x)
    if jax := peer("jax"):
        out["jax jit"] = _chain_jax(jax, x0, True)
        out["jax eager"] = _chain_jax(jax, x0, False)
    if autograd := peer("autograd"):
        out["autograd"] = _chain_autograd(autograd, x0)
    if mg := peer("mygrad"):
        out["mygrad"] = _chain_mygrad(mg, x0)
    return out


def _function(t, x):
    @t.function
    def step(x):
        with t.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(LINKS):
                y = t.sin(y) * x + 0.5
        return tape.gradient(y, x)

    return lambda: np.asarray(step(x))


def scalar_chain():
    """A thousand operations on scalars."""
    return Workload(
        "scalar",
        "chain of 999 scalar operations (sin, mul, add), forward and backward, per operation",
        "us",
        _chain_contenders(np.float32(0.7)),
        scale=3 * LINKS,
        tolerance=1e-2,
        targets={"numpy by hand": 10, "torch eager": 0.5, "tensorflow eager": 1 / 20},
    )


def array_chain():
    """A thousand operations on arrays of a thousand."""
    x = np.linspace(0.1, 1.0, 1000).astype(np.float32)
    return Workload(
        "arrays",
        "chain of 999 operations on arrays of 1,000, per operation",
        "us",
        _chain_contenders(x),
        scale=3 * LINKS,
        tolerance=1e-2,
        targets={"torch eager": 0.6},
    )


def _long(t, n):
    x, c = t.constant(1.0), t.constant(1.0000001)

    def run():
        with t.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(n):
                y = y * c
        return float(tape.gradient(y, x))

    return run


def _long_torch(torch, n):
    def run():
        x = torch.tensor(1.0, requires_grad=True)
        c = torch.tensor(1.0000001)
        y = x
        for _ in range(n):
            y = y * c
        y.backward()
        return float(x.grad)

    return run


def million():
    """A tape of a million records."""
    n = 1_000_000
    out = {"tapelab": _long(tf, n)}
    if torch := peer("torch"):
        out["torch eager"] = _long_torch(torch, n)
    return Workload(
        "million",
        "1,000,000 recorded operations, per operation",
        "us",
        out,
        scale=n,
        tolerance=1e-2,
        targets={"torch eager": 1 / 3},
        budget=20,
    )


def growth():
    """The cost of an operation on a long tape against a short one; garbage collection included."""
    small = _long(tf, 1000)

    def thousand_times():
        for _ in range(1000):
            small()

    return Workload(
        "growth",
        "a tape of 1,000,000 operations against 1,000 tapes of 1,000",
        "s",
        {"tapelab": _long(tf, 1_000_000), "1,000 short tapes": thousand_times},
        tolerance=None,
        targets={"1,000 short tapes": 3},
        budget=20,
    )


def memory():
    """Bytes that a recorded operation keeps, as Python's allocator counts them."""
    n = 100_000
    x, c = tf.constant(1.0), tf.constant(1.0000001)
    gc.collect()
    tracemalloc.start()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(n):
            y = y * c
    held = tracemalloc.get_traced_memory()[0] / n
    tape.gradient(y, x)
    del tape
    after = tracemalloc.get_traced_memory()[0] / n
    tracemalloc.stop()
    return (
        f"memory of a recorded scalar operation: {held:.0f} bytes (wanted <= 400: "
        f"{'reached' if held <= 400 else 'NOT reached'}); {after:.1f} when the tape is gone"
    )


def _nested(t, order):
    x = t.constant(0.5)

    def derivative(n):
        if n == 0:
            return t.sin(x) * x * x
        with t.GradientTape() as tape:
            tape.watch(x)
            y = derivative(n - 1)
        return tape.gradient(y, x)

    return lambda: float(derivative(order))


def _nested_torch(torch, order):
    def run():
        x = torch.tensor(0.5, requires_grad=True)
        y = torch.sin(x) * x * x
        for i in range(order):
            (y,) = torch.autograd.grad(y, x, create_graph=i < order - 1)
        return float(y)

    return run


def nesting():
    """The eighth derivative of a scalar function by eight nested tapes."""
    out = {"tapelab": _nested(tf, 8)}
    if torch := peer("torch"):
        out["torch eager"] = _nested_torch(torch, 8)
    if t := peer("tensorflow"):
        out["tensorflow eager"] = _nested(t, 8)
    return Workload(
        "nesting",
        "8th derivative of x^2 sin x by nesting",
        "ms",
        out,
        tolerance=1e-2,
        targets={"torch eager": 2},
    )


def orders():
    """How the cost grows with the order of the derivative, 1 to 10."""
    lines, before = [], None
    for n in range(1, 11):
        f = _nested(tf, n)
        f()
        best = min(_time(f) for _ in range(5 if n > 8 else 20))
        tracemalloc.start()
        f()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        ratio = f"{best / before:5.2f} x the order before" if before else ""
        lines.append(f"  order {n:>2}: {best * 1e3:9.3f} ms  peak {peak / 1e3:9.1f} kB  {ratio}")
        before = best
    return (
        "derivatives of x^2 sin x by nesting (wanted: growth <= 2.3 per order from 5 on)\n"
        + "\n".join(lines)
    )


def _time(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def _importing(name):
    # The interpreter's own start is the same for both; it is measured and taken off.
    code = f"import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    env = {
        k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"
    }  # as a user's second start

    def run():
        return float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, env=env
            ).stdout
        )

    return run


def importing():
    """The time `import tapelab` takes, against `import numpy`, each in fresh processes."""
    times = {name: [] for name in ("tapelab", "numpy")}
    runs = {name: _importing(name) for name in times}
    for _ in range(15):
        for name, run in runs.items():
            times[name].append(run())
    own, floor = (float(np.median(times[n])) for n in ("tapelab", "numpy"))
    return (
        f"import: tapelab {own * 1e3:.0f} ms, numpy {floor * 1e3:.0f} ms, ratio {own / floor:.2f} "
        "(wanted <= 1.3: "
        f"{'reached' if own / floor <= 1.3 else 'NOT reached'})"
    )


def explanations():
    """What the memory for explanations costs an ordinary tape: entering, watching, letting go."""
    from tapelab import events

    run = _chain_tapelab(tf, tf.constant(np.float32(0.7)))

    class Nothing(events.Memory):
        """A memory that remembers nothing."""

        __slots__ = ()

        def note(self, *event, **more):
            """Nothing."""

        def keep(self, tape, some_none=False):
            """Nothing."""

    from tapelab import tape as module

    def without():
        kept, place = module.Memory, module.here
        module.Memory, module.here = Nothing, lambda: None
        try:
            return run()
        finally:
            module.Memory, module.here = kept, place

    return Workload(
        "explain",
        "an ordinary tape of 999 operations, with and without its memory for explanations",
        "us",
        {"tapelab": run, "without the memory": without},
        scale=3 * LINKS,
        targets={"without the memory": 1.05},
    )


WORKLOADS = [scalar_chain, array_chain, million, growth, nesting, explanations]
REPORTS = [memory, orders, importing]
