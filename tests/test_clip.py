"""Clipping by value, by norm and by the norm of a list: values as NumPy's, and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapelab as tf

InvalidArgument = tf.errors.InvalidArgumentError
finite = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-10, 10, width=32)
)
nan = float("nan")


def derivative(f, x, dtype=tf.float32):
    x = tf.constant(x, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x).numpy().tolist()


# ---------------------------------------------------------------- by value


@settings(deadline=None)
@given(x=finite, low=st.floats(-5, 5), high=st.floats(-5, 5))
def test_by_value_is_numpys(x, low, high):
    np.testing.assert_array_equal(
        tf.clip_by_value(x, low, high).numpy(), np.maximum(np.minimum(x, high), low)
    )


def test_by_value_gradients():
    assert derivative(lambda x: tf.clip_by_value(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0]) == [
        0.0,
        1.0,
        1.0,
        1.0,
        0.0,
    ]
    x, low, high = tf.constant([-2.0, 0.0, 2.0]), tf.Variable(-1.0), tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = tf.clip_by_value(x, low, high)
    assert [g.numpy().tolist() for g in tape.gradient(y, [low, high])] == [1.0, [1.0]]


def test_by_value_edges():
    assert np.isnan(tf.clip_by_value([nan], -1.0, 1.0).numpy()).all()
    assert tf.clip_by_value([5], 1, 3).numpy().tolist() == [3]
    with pytest.raises(ValueError, match=r"\(2,\).*\(3, 2\)"):
        tf.clip_by_value(tf.ones([2]), tf.zeros([3, 1]), 1.0)
    with pytest.raises(TypeError, match="int32"):
        tf.clip_by_value([1, 2], 0.5, 1.5)
    with pytest.raises(InvalidArgument, match="ClipByValue"):
        tf.clip_by_value([1.0], tf.constant(0.0, tf.float64), 1.0)
    with pytest.raises(InvalidArgument, match="ClipByValue"):
        tf.clip_by_value(tf.ones([2]), tf.zeros([3]), 1.0)


# ---------------------------------------------------------------- by norm


@settings(deadline=None)
@given(x=finite, limit=st.floats(0.1, 20))
def test_by_norm_keeps_the_direction(x, limit):
    found, norm = tf.clip_by_norm(x, limit).numpy(), np.linalg.norm(x)
    np.testing.assert_allclose(
        found, x if norm <= limit else x * (limit / norm), rtol=1e-12, atol=1e-300
    )


@pytest.mark.parametrize("axes", [0, 1, -1, [0], [0, 1]], ids=str)
def test_by_norm_along_axes(axes):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    norm = np.sqrt((x * x).sum(tuple(np.atleast_1d(axes)), keepdims=True))
    np.testing.assert_allclose(
        tf.clip_by_norm(x, 4.0, axes).numpy(), x * np.minimum(1, 4 / norm), rtol=1e-12
    )


@pytest.mark.parametrize("x, limit, expected", [
    ([3.0, 4.0], 5.0, [3.0, 4.0]), ([3.0, 4.0], 10.0, [3.0, 4.0]), ([0.0, 0.0], 1.0, [0.0, 0.0]),
    ([0.0, 0.0], 0.0, [nan, nan]), ([3.0, 4.0], 0.0, [0.0, 0.0]), ([3.0, 4.0], -1.0, [0.0, 0.0]),
    ([nan, 1.0], 1.0, [nan, nan]),
])  # fmt: skip
def test_by_norm_edges(x, limit, expected):
    np.testing.assert_array_equal(tf.clip_by_norm(x, limit).numpy(), np.float32(expected))


def test_by_norm_gradients():
    h, x, limit = 1e-6, np.array([3.0, 4.0]), 2.0
    f = lambda x: (x * min(1, limit / np.linalg.norm(x))).sum()
    numeric = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(
        derivative(lambda t: tf.clip_by_norm(t, limit), x, tf.float64), numeric, rtol=1e-6
    )
    assert derivative(lambda t: tf.clip_by_norm(t, 10.0), [3.0, 4.0]) == [1.0, 1.0]
    assert derivative(lambda t: tf.clip_by_norm(t, 1.0), [0.0, 0.0]) == [1.0, 1.0]


def test_by_norm_refuses():
    with pytest.raises(InvalidArgument, match="int32"):
        tf.clip_by_norm([1, 2], 1)
    with pytest.raises(InvalidArgument, match=r"\[3\].*\[1\]"):
        tf.clip_by_norm([1.0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64])
def test_dtypes_are_kept(dtype):
    x = tf.constant([3.0, 4.0], dtype)
    clipped, norm = tf.clip_by_global_norm([x], 1.0)
    assert (
        tf.clip_by_norm(x, 1.0).dtype
        == tf.clip_by_value(x, 0.0, 1.0).dtype
        == clipped[0].dtype
        == norm.dtype
        == dtype
    )


def test_rows_stay_rows():
    rows = tf.IndexedSlices(tf.constant([[3.0, 4.0]]), tf.constant([1]), tf.constant([5, 2]))
    for clipped in (
        tf.clip_by_norm(rows, 1.0),
        tf.clip_by_value(rows, 0.0, 0.9),
        tf.clip_by_global_norm([rows], 1.0)[0][0],
    ):
        assert isinstance(clipped, tf.IndexedSlices)
        assert clipped.indices.numpy().tolist() == [1] and clipped.dense_shape.numpy().tolist() == [
            5,
            2,
        ]
    np.testing.assert_allclose(tf.clip_by_norm(rows, 1.0).values.numpy(), [[0.6, 0.8]], rtol=1e-6)


# ---------------------------------------------------------------- by the norm of a list


@settings(deadline=None)
@given(xs=st.lists(finite, min_size=1, max_size=4), limit=st.floats(0.1, 20))
def test_by_global_norm_scales_all_alike(xs, limit):
    clipped, norm = tf.clip_by_global_norm([tf.constant(x) for x in xs], limit)
    expected = np.sqrt(sum((x * x).sum() for x in xs))
    np.testing.assert_allclose(norm.numpy(), expected, rtol=1e-12)
    for x, c in zip(xs, clipped):
        np.testing.assert_allclose(
            c.numpy(), x * min(1, limit / expected) if expected else x, rtol=1e-9, atol=1e-300
        )


def test_by_global_norm_details():
    a, b = tf.constant([3.0]), tf.constant([4.0])
    clipped, norm = tf.clip_by_global_norm((a, None, b), 2.5)
    assert isinstance(clipped, list) and clipped[1] is None and float(norm) == 5.0
    assert [float(c[0]) for c in (clipped[0], clipped[2])] == [1.5, 2.0]
    clipped, norm = tf.clip_by_global_norm([a, b], 2.5, use_norm=tf.constant(10.0))
    assert [float(c[0]) for c in clipped] == [0.75, 1.0] and float(norm) == 10.0
    assert float(tf.linalg.global_norm([a, None, b])) == 5.0
    assert float(tf.linalg.global_norm([])) == 0.0


@pytest.mark.parametrize("bad", [float("inf"), nan])
def test_a_norm_that_is_not_finite_spoils_everything(bad):
    clipped, norm = tf.clip_by_global_norm([tf.constant([bad]), tf.constant([1.0])], 1.0)
    assert not np.isfinite(float(norm)) and all(np.isnan(c.numpy()).all() for c in clipped)


def test_a_bare_tensor_is_no_list():
    with pytest.raises(TypeError, match="sequence"):
        tf.clip_by_global_norm(tf.ones([2]), 1.0)
    with pytest.raises(TypeError, match="sequence"):
        tf.clip_by_global_norm((x for x in [tf.ones([2])]), 1.0)


def test_by_global_norm_gradients():
    def f(x):
        clipped, norm = tf.clip_by_global_norm([x, 2.0 * x], 1.0)
        return tf.reduce_sum(clipped[0]) + norm

    x, h = np.array([0.5, -0.3, 0.8]), 1e-6
    numeric = [
        float(f(tf.constant(x + h * e)) - f(tf.constant(x - h * e))) / (2 * h) for e in np.eye(3)
    ]
    np.testing.assert_allclose(derivative(f, x, tf.float64), numeric, rtol=1e-6)
