"""What each fast path gains over the plain way that it replaces."""

import contextlib
import statistics
import time
from types import SimpleNamespace
from unittest import mock

import numpy as np

import tapelab as tf
from tapelab import _conv, _relu, _threads
from tapelab.keras import optimizers
from tapelab.primitive import P

from . import harness
from .tape import LINKS, _chain_tapelab


def _images(h, w, c):
    """32 random images in the order [H][C][W][N] of memory, as a convolution gives them."""
    return np.random.default_rng(0).standard_normal((h, c, w, 32), np.float32).transpose(3, 0, 2, 1)


def _convolutions():
    one = {"strides": (1, 1), "padding": ((0, 0), (0, 0))}
    for c, o in (1, 16), (16, 16):
        x, g, k = _images(28, 28, c), _images(26, 26, o), np.ones((3, 3, c, o), np.float32)
        for name, f in {
            "forward": lambda x=x, k=k: _conv.conv2d(x, k, **one),
            "input's gradient": lambda x=x, g=g, k=k: _conv.conv2d_input_grad(g, k, x.shape, **one),
            "filter's gradient": lambda x=x, g=g, k=k: _conv.conv2d_filter_grad(x, g, k.shape, **one),
        }.items():
            columns = mock.patch.object(_conv, "_by_rows", lambda *about: False)
            yield f"convolution, {c} -> {o} channels, {name}: rows, not columns", f, _within(columns, f)


def _fused():
    how = {"strides": (1, 1), "padding": ((0, 0), (0, 0))}
    x, k, b = _images(26, 26, 16), np.ones((3, 3, 16, 16), np.float32), np.ones(16, np.float32)
    yield (
        "convolution, bias and ReLU: in each block of rows, not one after the other",
        lambda: _conv.conv2d(x, k, **how, bias=b, relu=True),
        lambda: _relu.relu(_conv.conv2d(x, k, **how) + b),
    )
    y, g = _images(24, 24, 16), np.broadcast_to(np.ones((32, 1, 1, 16), np.float32), (32, 24, 24, 16))

    def apart():
        d = _relu.relu_grad(g, y)
        P.sum(d, axis=(-4, -3, -2), keepdims=False)
        _conv.conv2d_input_grad(d, k, x.shape, **how)
        return _conv.conv2d_filter_grad(x, d, k.shape, **how)

    yield (
        "the gradients of all three: in each block of rows, not one after the other",
        lambda: _conv.conv2d_relu_grad(g, y, x, k, **how)[1], apart,
    )  # fmt: skip


def _depthwise():
    x, k = _images(14, 14, 64), np.ones((3, 3, 1, 64), np.float32)
    f = lambda: _conv.conv2d(x, k, (1, 1), ((0, 0), (0, 0)))
    cut = lambda core, depthwise, groups, k_shape, *about: lambda x, k: np.concatenate(
        [core(*pair, *about) for pair in zip(np.split(x, groups, 3), np.split(k, groups, 3))], 3
    )
    groups = mock.patch.object(_conv, "_by_group", cut)
    yield "depthwise convolution of 64 channels: sums, not a product for each", f, _within(groups, f)


def _within(context, f):
    def run():
        with context:
            return f()

    return run


def _elementwise():
    x, g = _images(26, 26, 16), np.broadcast_to(np.ones((32, 1, 1, 16), np.float32), (32, 26, 26, 16))
    yield (
        "ReLU: against a stretch of zeros, not a number",
        lambda: P.relu(x), lambda: np.maximum(x, np.float32(0)),
    )  # fmt: skip
    yield (
        "ReLU's gradient of a mean: in the image's order, not in NumPy's",
        lambda: _relu.relu_grad(g, x), lambda: g * (x > 0),
    )  # fmt: skip
    yield (
        "bias' gradient: along the memory, not across it",
        lambda: P.sum(x, axis=(-4, -3, -2), keepdims=False), lambda: np.add.reduce(x, axis=(0, 1, 2)),
    )  # fmt: skip


def _after_pauses():
    """How many times as long ten convolutions take, just after a pause, if threads may share a core."""
    x, k = _images(26, 26, 16), np.ones((3, 3, 16, 16), np.float32)
    free, times = mock.patch.object(_threads, "_stay", lambda: None), ([], [])
    for i in range(30):
        time.sleep(0.15)
        with free if i % 2 else contextlib.nullcontext():
            start = time.perf_counter()
            for _ in range(10):
                _conv.conv2d(x, k, (1, 1), ((0, 0), (0, 0)))
            times[i % 2].append(time.perf_counter() - start)
    apart, anywhere = map(statistics.median, times)
    return anywhere / apart


class _General(tf.GradientTape):
    """A tape whose walk takes every record for one that may be complex, and so the general way."""

    _complex = property(lambda self: True, lambda self, value: None)


def _engine():
    x = tf.constant(0.7)
    general = SimpleNamespace(GradientTape=_General, sin=tf.sin)
    yield (
        f"a chain of {3 * LINKS} operations: the walk written out for most records",
        _chain_tapelab(tf, x), _chain_tapelab(general, x),
    )  # fmt: skip
    yield "x * x: the operation written out", lambda: tf.multiply(x, x), lambda: P.multiply(x, x)


def _layers():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1) for _ in range(4)])
    model(np.ones((1, 1), np.float32))
    variables = model.trainable_variables

    def collected():
        found: dict = {}
        model._collect(found)
        return [*found.values()]

    assert [*map(id, variables)] == [*map(id, collected())]
    yield (
        "trainable_variables of four layers: kept, not collected",
        lambda: len(model.trainable_variables), lambda: len(collected()),
    )  # fmt: skip


def _optimizers():
    """Two of a kind after 1,000 steps in which one gradient in 20 was 0."""

    def adam():
        v = tf.Variable(tf.ones(100_000))
        g = np.ones(100_000, np.float32)
        optimizer = tf.keras.optimizers.Adam()
        for _ in range(1000):
            optimizer.apply([tf.constant(g)], [v])
            g[::20] = 0

        def step():
            optimizer.apply([tf.constant(g)], [v])
            return len(g)

        return step

    unflushed = mock.patch.object(optimizers._Flat, "flush", lambda self: None)
    yield (
        "Adam: means that have become too small to be normal numbers are zeros",
        adam(), _within(unflushed, _within(unflushed, adam)()),
    )  # fmt: skip


def fast_paths():
    """How many times as long the plain way takes; OMP_NUM_THREADS=1 leaves threads out of it."""
    lines = [f"fast paths: how many times as long the plain way takes ({tf.get_threads()} threads)"]
    for maker in _convolutions, _fused, _depthwise, _elementwise, _engine, _layers, _optimizers:
        for title, fast, plain in maker():
            both = harness.Workload(title, title, "ms", {"tapelab": fast, "plain": plain}, budget=2)
            lines.append(f"  {1 / harness.measure(both)[1].ratio:5.2f}  {title}")
    lines.append(f"  {_after_pauses():5.2f}  convolutions after a pause: each thread on a core of its own")
    return "\n".join(lines)


WORKLOADS = []
REPORTS = [fast_paths]
