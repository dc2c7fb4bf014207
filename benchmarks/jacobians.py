"""Jacobians and Hessians: hand-written NumPy, tapelab, TensorFlow, torch.func, JAX, autograd."""

import tracemalloc

import numpy as np

import tapelab as tf

from .harness import Workload
from .peers import peer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 32)).astype(np.float32)
K1 = (RNG.standard_normal((32, 24)) * 0.3).astype(np.float32)
K2 = (RNG.standard_normal((24, 16)) * 0.3).astype(np.float32)


def _net(t, x, k1, k2):
    return t.nn.elu(t.nn.elu(x @ k1) @ k2)


def _slopes():
    """Forward values and slopes of the two elu layers, by hand."""
    a = X @ K1
    h = np.where(a > 0, a, np.expm1(np.minimum(a, 0)))
    b = h @ K2
    return h, np.where(a > 0, 1, h + 1), np.where(b > 0, 1, np.exp(np.minimum(b, 0)))


def _by_hand_items():
    """(64, 16, 32): item by item, as they do not interact."""
    _, d1, d2 = _slopes()
    return (d2[:, :, None] * K2.T * d1[:, None, :]) @ K1.T


CHUNK = 128  # rows at a time: all 1,024 at once are slower, their cotangents leave the cache


def _by_hand_rows(last):
    """The backward pass by hand on a stack of unit cotangents, in chunks; `last` ends each chunk."""
    _, d1, d2 = _slopes()
    out = None
    for start in range(0, 64 * 16, CHUNK):
        g = np.zeros((CHUNK, 64 * 16), np.float32)
        g[np.arange(CHUNK), start + np.arange(CHUNK)] = 1
        g = g.reshape(CHUNK, 64, 16) * d2
        g = (g.reshape(-1, 16) @ K2.T).reshape(CHUNK, 64, 24)
        g *= d1
        part = last(g)
        out = np.empty((64 * 16, *part.shape[1:]), np.float32) if out is None else out
        out[start : start + CHUNK] = part
    return out.reshape(64, 16, *out.shape[1:])


def _by_hand_x():
    """(64, 16, 64, 32)."""
    return _by_hand_rows(lambda g: (g.reshape(-1, 24) @ K1.T).reshape(CHUNK, 64, 32))


def _by_hand_k1():
    """(64, 16, 32, 24)."""
    return _by_hand_rows(lambda g: X.T @ g)


def _tape_jacobian(t, of, items=False):
    x, k1, k2 = t.constant(X), t.Variable(K1), t.constant(K2)
    source = x if of == "x" else k1

    def run():
        with t.GradientTape() as tape:
            tape.watch(source)
            y = _net(t, x, k1, k2)
        return (tape.batch_jacobian(y, x) if items else tape.jacobian(y, source)).numpy()

    return run


def _torch_jacobian(torch, of, items=False):
    x, k1, k2 = (torch.from_numpy(a) for a in (X, K1, K2))
    elu = torch.nn.functional.elu
    f = lambda x, k1: elu(elu(x @ k1) @ k2)
    if items:
        one = torch.func.vmap(torch.func.jacrev(lambda row: f(row, k1)))
        return lambda: one(x).numpy()
    j = torch.func.jacrev(f, argnums=0 if of == "x" else 1)
    return lambda: j(x, k1).detach().numpy()


def _jax_jacobian(jax, of, items=False, jit=False):
    x, k1, k2 = (jax.numpy.asarray(a) for a in (X, K1, K2))
    f = lambda x, k1: jax.nn.elu(jax.nn.elu(x @ k1) @ k2)
    if items:
        j = lambda x, k1: jax.vmap(jax.jacrev(lambda row: f(row, k1)))(x)
    else:
        j = jax.jacrev(f, argnums=0 if of == "x" else 1)
    j = jax.jit(j) if jit else j
    return lambda: np.asarray(j(x, k1))


def _autograd_jacobian(autograd, of):
    import autograd.numpy as anp

    elu = lambda a: anp.where(a > 0, a, anp.exp(anp.minimum(a, 0)) - 1)
    f = lambda x, k1: elu(anp.dot(elu(anp.dot(x, k1)), K2))
    j = autograd.jacobian(f, 0 if of == "x" else 1)
    return lambda: j(X, K1)


def _function(t, run):
    graph = t.function(run)
    return lambda: graph().numpy()


def _contenders(of, by_hand, items=False):
    out = {"numpy by hand": by_hand, "tapelab": _tape_jacobian(tf, of, items)}
    if torch := peer("torch"):
        out["torch.func"] = _torch_jacobian(torch, of, items)
    if t := peer("tensorflow"):
        out["tensorflow eager"] = _tape_jacobian(t, of, items)
        x, k1, k2 = t.constant(X), t.Variable(K1), t.constant(K2)
        source = x if of == "x" else k1

        def traced():
            with t.GradientTape() as tape:
                tape.watch(source)
                y = _net(t, x, k1, k2)
            return tape.batch_jacobian(y, x) if items else tape.jacobian(y, source)

        out["tensorflow function"] = _function(t, traced)
    if jax := peer("jax"):
        out["jax jit"] = _jax_jacobian(jax, of, items, jit=True)
        out["jax eager"] = _jax_jacobian(jax, of, items)
    if (autograd := peer("autograd")) and not items:
        out["autograd"] = _autograd_jacobian(autograd, of)
    return out


def jacobian():
    """The Jacobian of dense-elu-dense-elu, with respect to its input and to its first kernel."""
    targets = {"numpy by hand": 2.5, "tensorflow eager": 0.1, "torch.func": 1.0}
    return [
        Workload(
            "jacobian-x",
            "jacobian of dense-elu-dense-elu, (64, 16) by x (64, 32)",
            "ms",
            _contenders("x", _by_hand_x),
            targets=targets,
        ),
        Workload(
            "jacobian-k1",
            "jacobian of the same by the first kernel (32, 24)",
            "ms",
            _contenders("k1", _by_hand_k1),
            targets=targets,
        ),
    ]


def batch_jacobian():
    """The same, item by item of the batch."""
    return Workload(
        "batch-jacobian",
        "batch_jacobian of the same by x",
        "ms",
        _contenders("x", _by_hand_items, items=True),
        targets={"tensorflow eager": 1 / 20, "torch.func": 2.0},
    )


T = np.linspace(-1, 1, 10_001).astype(np.float32)


def _tall(t):
    s, x = t.Variable(0.3), t.constant(T)

    def run():
        with t.GradientTape() as tape:
            y = t.nn.sigmoid(x + s)
        return tape.jacobian(y, s).numpy()

    return run


def tall():
    """10,001 outputs with respect to one scalar."""

    def by_hand():
        z = 1 / (1 + np.exp(-(T + np.float32(0.3))))
        return z * (1 - z)

    out = {"numpy by hand": by_hand, "tapelab": _tall(tf)}
    if torch := peer("torch"):
        x, s = torch.from_numpy(T), torch.tensor(0.3)
        j = torch.func.jacfwd(lambda s: torch.sigmoid(x + s))
        out["torch jacfwd"] = lambda: j(s).numpy()
    if jax := peer("jax"):
        xs = jax.numpy.asarray(T)
        jf = jax.jacfwd(lambda s: jax.nn.sigmoid(xs + s))
        out["jax jacfwd"] = lambda: np.asarray(jf(0.3))
        compiled = jax.jit(jf)
        out["jax jacfwd jit"] = lambda: np.asarray(compiled(0.3))
    if t := peer("tensorflow"):
        out["tensorflow eager"] = _tall(t)
    return Workload(
        "tall",
        "10,001 outputs with respect to a scalar",
        "ms",
        out,
        targets={"tensorflow eager": 1 / 1000},
    )


def tall_memory():
    """The peak memory of the same, beyond the result."""
    run = _tall(tf)
    result = run()
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1] - result.nbytes
    tracemalloc.stop()
    return f"memory of 10,001 outputs by a scalar, beyond the result: {peak / 1e6:.2f} MB (wanted <= 20)"


def _hessian(t, x, k1, k2):
    x, v, k2 = t.constant(x), t.Variable(k1), t.constant(k2)

    def run():
        with t.GradientTape() as outer:
            with t.GradientTape() as inner:
                loss = t.reduce_mean(t.square(t.nn.elu(x @ v) @ k2))
            g = inner.gradient(loss, v)
        return outer.jacobian(g, v).numpy()

    return run


def _hessian_torch(torch, x, k1, k2):
    x, k1, k2 = (torch.from_numpy(a) for a in (x, k1, k2))
    h = torch.func.hessian(lambda k: ((torch.nn.functional.elu(x @ k) @ k2) ** 2).mean())
    return lambda: h(k1).numpy()


def _hessian_jax(jax, x, k1, k2, jit):
    h = jax.hessian(lambda k: ((jax.nn.elu(x @ k) @ k2) ** 2).mean())
    h = jax.jit(h) if jit else h
    k = jax.numpy.asarray(k1)
    return lambda: np.asarray(h(k))


def hessian():
    """The Hessian of a two-layer network's loss, for a small and a larger kernel."""
    made = []
    for m, n in ((5, 8), (20, 25)):
        args = [RNG.standard_normal(s).astype(np.float32) for s in ((16, m), (m, n), (n, 4))]
        out = {"tapelab": _hessian(tf, *args)}
        if torch := peer("torch"):
            out["torch.func"] = _hessian_torch(torch, *args)
        if t := peer("tensorflow"):
            out["tensorflow eager"] = _hessian(t, *args)
        if jax := peer("jax"):
            out["jax jit"] = _hessian_jax(jax, *args, True)
            out["jax eager"] = _hessian_jax(jax, *args, False)
        made.append(
            Workload(
                f"hessian-{m}x{n}",
                f"Hessian of a two-layer network's loss, kernel {m} x {n}",
                "ms",
                out,
                targets={"torch.func": 1.0, "tensorflow eager": 1 / 20},
            )
        )
    return made


WORKLOADS = [jacobian, batch_jacobian, tall, hessian]
REPORTS = [tall_memory]
