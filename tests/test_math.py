"""Elementwise functions, reductions, scans: values as NumPy's; what happens at ties and edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapelab as tf
from tapelab.autodiff import check_gradients

InvalidArgument = tf.errors.InvalidArgumentError
arrays = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4), elements=st.floats(-9, 9)
)
quick = settings(max_examples=30, deadline=None)
inf, nan = float("inf"), float("nan")


def gradient(f, *xs):
    """Gradients of f at constants (float32), as lists."""
    xs = [tf.constant(x) for x in xs]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = f(*xs)
    return [None if g is None else g.numpy().tolist() for g in tape.gradient(y, xs)]


# ---------------------------------------------------------------- against NumPy

NUMPY = {
    "exp": np.exp, "math.expm1": np.expm1, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "square": np.square,
    "abs": np.abs,
    "sign": np.sign, "negative": np.negative, "floor": np.floor, "math.ceil": np.ceil,
    "round": np.round,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "math.softplus": lambda x: np.log1p(np.exp(x)),
    "math.log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "math.erf": np.vectorize(math.erf, otypes=[float]),
    "math.erfc": np.vectorize(math.erfc, otypes=[float]),
}  # fmt: skip


def named(path):
    f = tf
    for part in path.split("."):
        f = getattr(f, part)
    return f


@pytest.mark.parametrize("path", NUMPY)
@quick
@given(a=arrays)
def test_elementwise(path, a):
    np.testing.assert_allclose(named(path)(a).numpy(), NUMPY[path](a), rtol=1e-12, atol=1e-15)


def logsumexp(a, axis, keepdims):
    return np.log(np.sum(np.exp(a), axis=axis, keepdims=keepdims))


REDUCTIONS = {
    "reduce_sum": np.sum, "reduce_mean": np.mean, "reduce_max": np.max, "reduce_min": np.min,
    "reduce_prod": np.prod,
    "math.reduce_std": np.std, "math.reduce_variance": np.var, "reduce_logsumexp": logsumexp,
    "math.reduce_euclidean_norm": lambda a, axis,
    keepdims: np.sqrt(np.sum(a * a, axis=axis, keepdims=keepdims)),
}  # fmt: skip


@pytest.mark.parametrize("path", REDUCTIONS)
@quick
@given(a=arrays, keepdims=st.booleans(), data=st.data())
def test_reductions(path, a, keepdims, data):
    axes = st.lists(st.integers(0, a.ndim - 1), unique=True) if a.ndim else st.just([])
    axis = data.draw(st.none() | axes.map(lambda v: [i - a.ndim if i % 2 else i for i in v]))
    expected = REDUCTIONS[path](a, axis=None if axis is None else tuple(axis), keepdims=keepdims)
    found = named(path)(a, axis=axis, keepdims=keepdims)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("axis", [0, -1, tf.constant(1), [1], (0, 1)], ids=str)
def test_forms_of_an_axis(axis):
    a = np.arange(6.0).reshape(2, 3)
    n = int(axis) if isinstance(axis, tf.Tensor) else axis
    np.testing.assert_array_equal(
        tf.reduce_sum(a, axis).numpy(), np.sum(a, tuple(np.atleast_1d(n)))
    )


def test_reductions_of_nothing():
    empty = tf.zeros([0, 2])
    assert tf.reduce_sum(empty, 0).numpy().tolist() == [0, 0] and tf.reduce_prod(
        empty, 0
    ).numpy().tolist() == [1, 1]
    assert (
        tf.reduce_max(empty, 0).numpy().tolist() == [-inf, -inf]
        and np.isnan(tf.reduce_mean(empty, 0).numpy()).all()
    )


def test_reductions_of_integers_and_booleans():
    assert tf.reduce_mean([1, 2, 4]).numpy() == 2 and tf.reduce_mean([-1, -2]).numpy() == -1
    assert tf.reduce_sum(tf.constant([100, 100], tf.int8)).dtype == tf.int8
    assert bool(tf.reduce_any([True, False])) and not bool(tf.reduce_all([True, False]))
    assert int(tf.math.count_nonzero([0, 1, 2])) == 2


@quick
@given(
    a=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(0.5, 2)),
    data=st.data(),
)
def test_scans(a, data):
    axis = data.draw(st.integers(-a.ndim, a.ndim - 1))
    np.testing.assert_allclose(tf.cumsum(a, axis).numpy(), np.cumsum(a, axis), rtol=1e-12)
    np.testing.assert_allclose(tf.math.cumprod(a, axis).numpy(), np.cumprod(a, axis), rtol=1e-12)
    total, before = np.sum(a, axis, keepdims=True), tf.cumsum(a, axis, exclusive=True).numpy()
    np.testing.assert_allclose(before + a, np.cumsum(a, axis), rtol=1e-12)
    np.testing.assert_allclose(tf.cumsum(a, axis, reverse=True).numpy(), total - before, rtol=1e-12)
    both = tf.cumsum(a, axis, exclusive=True, reverse=True).numpy()
    np.testing.assert_allclose(both, total - np.cumsum(a, axis), rtol=1e-12, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    st.sampled_from(["maximum", "minimum", "atan2"]),
)
def test_two_arguments(shapes, name):
    a, b = (np.random.default_rng(i).standard_normal(s) for i, s in enumerate(shapes.input_shapes))
    numpys = {"maximum": np.maximum, "minimum": np.minimum, "atan2": np.arctan2}[name]
    np.testing.assert_array_equal(getattr(tf, name)(a, b).numpy(), numpys(a, b))


@settings(max_examples=15, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
@pytest.mark.parametrize("op", ["multiply", "divide", "pow", "maximum", "atan2"])
def test_gradients_where_shapes_broadcast(op, shapes):
    a, b = (np.random.default_rng(i).uniform(0.5, 2, s) for i, s in enumerate(shapes.input_shapes))
    check_gradients(getattr(tf, op), [tf.constant(a), tf.constant(b)], order=2)


# ------------------------------------------------------------ no overflow, no lost digits


def test_far_out():
    assert tf.math.softplus([-1000.0, 1000.0]).numpy().tolist() == [0.0, 1000.0]
    assert tf.sigmoid([-1000.0, 1000.0]).numpy().tolist() == [0.0, 1.0]
    assert tf.math.log_sigmoid([-1000.0, 1000.0]).numpy().tolist() == [-1000.0, 0.0]
    assert tf.nn.softmax([1000.0, 1000.0]).numpy().tolist() == [0.5, 0.5]
    assert float(tf.reduce_logsumexp([-1000.0, -1000.0])) == pytest.approx(-1000 + math.log(2))
    assert float(tf.reduce_logsumexp([-inf, -inf])) == -inf
    assert float(tf.sigmoid(tf.constant(-40.0, tf.float64))) == pytest.approx(
        math.exp(-40), rel=1e-14
    )
    assert gradient(tf.math.softplus, [-1000.0, 1000.0]) == [[0.0, 1.0]]
    assert gradient(tf.reduce_logsumexp, [1000.0, 1000.0]) == [[0.5, 0.5]]


# ---------------------------------------------------------------- ties and edges


@pytest.mark.parametrize("f, xs, expected", [
    (tf.maximum, (1.0, 1.0), [1.0, 0.0]), (tf.minimum, (1.0, 1.0), [1.0, 0.0]),
    (lambda x: tf.minimum(tf.maximum(x, -1.0), 1.0), ([-1.0, 1.0],), [[1.0, 1.0]]),
    (lambda x: tf.minimum(1.0, tf.maximum(-1.0, x)), ([-1.0, 1.0],), [[0.0, 0.0]]),
    (tf.reduce_max, ([3.0, 3.0, 1.0],), [[0.5, 0.5, 0.0]]),
    (tf.reduce_min, ([1.0, 1.0, 3.0],), [[0.5, 0.5, 0.0]]),
    (tf.abs, (0.0,), [0.0]), (tf.sign, (2.0,), [0.0]),
    (tf.sqrt, (0.0,), [inf]), (tf.math.log, (0.0,), [inf]),
    (lambda x: tf.sqrt(x) * 0.0, (0.0,), [0.0]),
    (lambda x: tf.math.rsqrt(x) * 0.0, (0.0,), [0.0]),
    (lambda x: tf.math.reciprocal(x) * 0.0, (0.0,), [0.0]),
    (lambda x: tf.math.log(x) * 0.0, (0.0,), [nan]), (lambda x: 1 / x * 0.0, (0.0,), [nan]),
    (lambda x: x**0.5 * 0.0, (0.0,), [nan]), (lambda x: x**0.0, (0.0,), [nan]),
    (lambda x: x**2.0, (0.0,), [0.0]),
    (tf.pow, (2.0, 3.0), [12.0, 8 * math.log(2)]), (tf.pow, (-2.0, 3.0), [12.0, 0.0]),
    (tf.pow, (0.0, 2.0), [0.0, 0.0]),
    (tf.reduce_prod, ([0.0, 3.0, 4.0],), [[12.0, 0.0, 0.0]]),
    (tf.reduce_prod, ([0.0, 0.0, 4.0],), [[0.0, 0.0, 0.0]]),
    (tf.math.xlogy, (0.0, 0.0), [0.0, 0.0]), (tf.math.divide_no_nan, (1.0, 0.0), [0.0, 0.0]),
    (tf.math.reduce_std, ([2.0, 2.0],), [[nan, nan]]),
    (tf.math.cumprod, ([1.0, 0.0, 2.0],), [[1.0, 0.0, 0.0]]),
    (lambda x, y: tf.math.floormod(x, y), (7.0, 2.0), [1.0, -3.0]),
    (tf.cumsum, ([1.0, 2.0, 3.0],), [[3.0, 2.0, 1.0]]),
    (tf.nn.relu, (0.0,), [0.0]), (tf.nn.relu6, ([0.0, 6.0],), [[0.0, 0.0]]),
    (tf.nn.elu, (0.0,), [1.0]),
    (tf.nn.leaky_relu, (0.0,), [0.2]),
    (lambda x: tf.where(x > 0, tf.sqrt(x), 0.0), (0.0,), [0.0]),
    (lambda x: tf.where(x > 0, tf.math.log(x), 0.0), (0.0,), [nan]),
])  # fmt: skip
def test_at_ties_and_edges(f, xs, expected):
    found = gradient(f, *xs)
    assert len(found) == len(expected)
    for one, two in zip(found, expected):
        assert one == pytest.approx(two, rel=1e-6, nan_ok=True)


def test_the_second_derivative_of_a_power():
    for p, expected in ((2.0, 2.0), (3.0, 0.0)):
        x = tf.constant(0.0)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x**p
            g = tape.gradient(y, x)
        assert float(outer.gradient(g, x)) == expected


# ---------------------------------------------------------------- dtypes and complex numbers


def test_cast():
    x = tf.constant([1.9, -1.9])
    assert tf.cast(x, tf.int32).numpy().tolist() == [1, -1] and tf.cast(x, tf.float32) is x
    assert tf.cast(1 + 2j, tf.float32).numpy() == 1.0
    assert tf.saturate_cast([300.0, -5.0], tf.uint8).numpy().tolist() == [255, 0]
    assert gradient(lambda x: tf.cast(x, tf.float64) * 3, [1.0]) == [[3.0]]


def test_complex_numbers_follow_tensorflows_convention():
    """The gradient of a holomorphic function is conj(f'(z)) times the cotangent."""
    z = tf.constant(1.0 + 2.0j)
    for f, slope in (
        (lambda z: z * z, 2 * (1 + 2j)),
        (tf.exp, np.exp(1 + 2j)),
        (lambda z: 1 / z, -1 / (1 + 2j) ** 2),
    ):
        with tf.GradientTape() as tape:
            tape.watch(z)
            y = f(z)
        assert tape.gradient(y, z).numpy() == pytest.approx(np.conj(slope), rel=1e-12)


def test_real_functions_of_complex_numbers():
    z = tf.constant(3.0 + 4.0j)
    expected = {
        "abs": (3 + 4j) / 5,
        "real": 1,
        "imag": 1j,
        "angle": (-4 + 3j) / 25,
        "|z|^2": 6 + 8j,
    }
    functions = {
        "abs": tf.abs, "real": tf.math.real, "imag": tf.math.imag, "angle": tf.math.angle,
        "|z|^2": lambda z: tf.math.real(z * tf.math.conj(z)),
    }  # fmt: skip
    for name, f in functions.items():
        with tf.GradientTape() as tape:
            tape.watch(z)
            y = f(z)
        assert not y.dtype.is_complex
        assert tape.gradient(y, z).numpy() == pytest.approx(expected[name], rel=1e-12)


# ---------------------------------------------------------------- what is wrong is named


@pytest.mark.parametrize("call, error, text", [
    (lambda: tf.reduce_sum([1.0], 1), InvalidArgument, r"1 for input with 1 dimension.*Sum"),
    (lambda: tf.reduce_sum([[1.0]], [0, -2]), InvalidArgument, "twice.*Sum"),
    (lambda: tf.reduce_sum(["a"]), InvalidArgument, "string"),
    (lambda: tf.reduce_any(tf.constant([1])), InvalidArgument, "int32.*Any"),
    (lambda: tf.math.reduce_variance([1, 2]), TypeError, "int32"),
    (lambda: tf.cumsum([1.0], 1), InvalidArgument, "1.*Cumsum"),
    (lambda: tf.argmax([1.0], 1), InvalidArgument, "1.*ArgMax"),
    (lambda: tf.logical_and([1], [0]), InvalidArgument, "LogicalAnd"),
    (lambda: tf.pow(tf.constant(2), -1), InvalidArgument, "Pow"),
    (lambda: tf.constant([1]) % 0, InvalidArgument, "zero.*FloorMod"),
    (lambda: tf.add_n([]), ValueError, "at least one"),
    (lambda: tf.add_n([tf.ones([1]), tf.ones([2])]), InvalidArgument, r"\[1\].*\[2\].*AddN"),
    (lambda: tf.add_n([tf.ones([1]), tf.ones([1], tf.int32)]), InvalidArgument, "int32.*AddN"),
    (lambda: tf.cast([1.0], "float99"), TypeError, "float99"),
])  # fmt: skip
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "have, to, values, expected",
    [
        ("uint8", "int8", [100, 200], [100, 127]),
        ("int8", "uint8", [100, -5], [100, 0]),
        ("float32", "int32", [3e9, -3e9, 5.0], [2147483520, -2147483648, 5]),
        ("float64", "float16", [1e9, -1e9], [65504, -65504]),
    ],
)
def test_saturating_casts_stay_in_both_ranges(have, to, values, expected):
    assert tf.saturate_cast(tf.constant(np.array(values, have)), to).numpy().tolist() == expected


@pytest.mark.parametrize(
    "have, to, value, expected",
    [("uint8", "uint16", 255, 65280), ("int16", "uint8", 1000, 7), ("uint8", "uint8", 9, 9)],
)
def test_images_are_rescaled_between_integers(have, to, value, expected):
    image = tf.fill([1, 1, 1], tf.constant(value, have))
    assert tf.image.convert_image_dtype(image, to).numpy().item() == expected
