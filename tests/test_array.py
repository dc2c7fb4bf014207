"""Shaping, joining, cutting, gathering: values as NumPy's, composite functions differentiated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapelab as tf
from tapelab.autodiff import check_gradients

InvalidArgument = tf.errors.InvalidArgumentError
arrays = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=st.floats(-9, 9)
)
quick = settings(max_examples=30, deadline=None)
A = np.arange(24.0).reshape(2, 3, 4)


def same(found, expected):
    assert found.shape == np.shape(expected)
    np.testing.assert_array_equal(found.numpy(), expected)


# ------------------------------------------------------------ one line per operation


def axis_for(data, a, extra=0):
    return data.draw(st.integers(-a.ndim - extra, a.ndim + extra - 1), label="axis")


@quick
@given(a=arrays, data=st.data())
def test_shapes(a, data):
    axis, perm = axis_for(data, a), data.draw(st.permutations(range(a.ndim)))
    new = axis_for(data, a, extra=1)
    same(tf.transpose(a), a.T)
    same(tf.transpose(a, perm), a.transpose(perm))
    same(tf.transpose(a, [p - a.ndim for p in perm]), a.transpose(perm))
    same(tf.expand_dims(a, new), np.expand_dims(a, new))
    same(tf.squeeze(a[..., None, :]), np.squeeze(a))
    same(tf.squeeze(tf.expand_dims(a, new), new), a)
    same(tf.reshape(a, [-1]), a.ravel())
    same(tf.reshape(a, tf.constant([1, -1])), a.reshape(1, -1))
    same(tf.broadcast_to(a, (2, *a.shape)), np.broadcast_to(a, (2, *a.shape)))
    same(tf.reverse(a, [axis]), np.flip(a, axis))
    same(tf.roll(a, 2, axis), np.roll(a, 2, axis))
    same(tf.tile(a, [2] * a.ndim), np.tile(a, [2] * a.ndim))
    same(tf.repeat(a, 2, axis=axis), np.repeat(a, 2, axis))
    same(tf.repeat(a, 2), np.repeat(a, 2))
    same(tf.shape(a), np.array(a.shape))
    assert int(tf.size(a)) == a.size and int(tf.rank(a)) == a.ndim


@quick
@given(a=arrays, data=st.data())
def test_joining_and_cutting(a, data):
    axis, new = axis_for(data, a), axis_for(data, a, extra=1)
    cut = data.draw(st.integers(0, a.shape[axis]))
    same(tf.concat([a, a * 2, a], axis), np.concatenate([a, a * 2, a], axis))
    same(tf.stack([a, a * 2], new), np.stack([a, a * 2], new))
    for part, expected in zip(tf.unstack(a, axis=axis), np.moveaxis(a, axis, 0)):
        same(part, expected)
    for part, expected in zip(tf.split(a, [cut, -1], axis), np.split(a, [cut], axis)):
        same(part, expected)
    for part, expected in zip(tf.split(a, a.shape[axis], axis), np.split(a, a.shape[axis], axis)):
        same(part, expected)
    pads = data.draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=a.ndim, max_size=a.ndim)
    )
    same(tf.pad(a, pads, constant_values=7.0), np.pad(a, pads, constant_values=7.0))


@quick
@given(a=arrays, data=st.data())
def test_gathering_and_ordering(a, data):
    axis = axis_for(data, a)
    indices = data.draw(
        hnp.arrays(
            int,
            hnp.array_shapes(max_dims=2, max_side=3),
            elements=st.integers(0, a.shape[axis] - 1),
        )
    )
    same(tf.gather(a, indices, axis=axis), np.take(a, indices, axis))
    same(tf.sort(a, axis), np.sort(a, axis))
    same(tf.sort(a, axis, "DESCENDING"), -np.sort(-a, axis))
    same(tf.argsort(a, axis), np.argsort(a, axis, kind="stable"))
    same(tf.argmax(a, axis), np.argmax(a, axis))
    same(tf.argmin(a, axis), np.argmin(a, axis))
    k = data.draw(st.integers(0, a.shape[-1]))
    values, where = tf.math.top_k(a, k)
    same(values, -np.sort(-a, -1)[..., :k])
    same(tf.gather(a, where, axis=-1, batch_dims=a.ndim - 1), values.numpy())
    same(tf.where(a > 0, a, -a), np.abs(a))
    same(tf.where(a > 0), np.argwhere(a > 0))
    same(tf.boolean_mask(a, a > 0), a[a > 0])


def test_the_first_of_equals_comes_first():
    assert tf.math.top_k([1.0, 3.0, 3.0], 2).indices.numpy().tolist() == [1, 2]
    assert tf.argsort([2, 1, 2, 1]).numpy().tolist() == [1, 3, 0, 2]
    assert int(tf.argmax([3.0, 3.0])) == 0


@pytest.mark.parametrize("mode", ["REFLECT", "symmetric"])
def test_mirrored_borders(mode):
    same(
        tf.pad(A, [[1, 1], [2, 0], [0, 3]], mode), np.pad(A, [[1, 1], [2, 0], [0, 3]], mode.lower())
    )


@pytest.mark.parametrize(
    "axis, batch", [(None, 1), (None, 2), (1, 1), (2, 1), (2, 2), (-1, 1), (-1, 2)]
)
def test_gather_with_batch_axes(axis, batch):
    rng, at = np.random.default_rng(0), batch if axis is None else axis % 3
    i = rng.integers(0, A.shape[at], (*A.shape[:batch], 2))
    expected = (
        np.stack([np.take(x, j, at - 1) for x, j in zip(A, i)])
        if batch == 1
        else np.take_along_axis(A, i, -1)
    )
    same(tf.gather(A, i, axis=axis, batch_dims=batch), expected)


def test_gather_nd_and_scatter_nd():
    i = np.array([[1, 2], [0, 0], [1, 2]])
    same(tf.gather_nd(A, i), A[i[:, 0], i[:, 1]])
    same(tf.gather_nd(A, [[1]]), A[[1]])
    same(tf.gather_nd(A, [[[1, 2, 3]]]), A[[[1]], [[2]], [[3]]])
    same(tf.gather_nd(A, [[2], [0]], batch_dims=1), A[[0, 1], [2, 0]])
    z = np.zeros((2, 3, 4))
    np.add.at(z, (i[:, 0], i[:, 1]), A[0])
    same(tf.scatter_nd(i, A[0], [2, 3, 4]), z)
    same(tf.tensor_scatter_nd_add(A, i, A[0]), A + z)
    same(tf.tensor_scatter_nd_sub(A, i, A[0]), A - z)
    same(tf.tensor_scatter_nd_update(tf.range(4), [[1], [3]], [8, 9]), [0, 8, 2, 9])
    same(
        tf.math.unsorted_segment_sum(A[0], [1, -1, 1], 3),
        [A[0, 0] * 0, A[0, 0] + A[0, 2], A[0, 0] * 0],
    )


def test_slices():
    same(tf.slice(A, [1, 0, 2], [1, -1, 2]), A[1:2, :, 2:4])
    same(tf.strided_slice(A, [0, 2, -1], [2, 0, -4], [1, -1, -2]), A[0:2, 2:0:-1, -1:-4:-2])
    same(tf.strided_slice(A, [0, 1], [2, 2], shrink_axis_mask=2), A[0:2, 1])


def test_making_tensors():
    same(tf.zeros([2, 3]), np.zeros((2, 3)))
    same(tf.ones(3, tf.int32), np.ones(3))
    same(tf.fill([2, 2], 7), np.full((2, 2), 7))
    same(tf.eye(2, 3, batch_shape=[2]), np.broadcast_to(np.eye(2, 3), (2, 2, 3)))
    same(tf.range(5, 1, -2), [5, 3])
    same(tf.range(0.0, 1.0, 0.25), [0.0, 0.25, 0.5, 0.75])
    same(tf.linspace(0.0, 1.0, 5), np.linspace(0, 1, 5))
    same(tf.linspace([0.0, 1.0], [1.0, 3.0], 3, axis=-1), [[0.0, 0.5, 1.0], [1.0, 2.0, 3.0]])
    same(tf.one_hot([0, 2, 5, -1], 3), [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    same(tf.one_hot([1, 0], 2, on_value=5, off_value=-1, axis=0), [[-1, 5], [5, -1]])
    same(tf.sequence_mask([1, 3]), [[True, False, False], [True, True, True]])
    for indexing in ("xy", "ij"):
        for found, expected in zip(
            tf.meshgrid([1, 2], [3, 4, 5], indexing=indexing),
            np.meshgrid([1, 2], [3, 4, 5], indexing=indexing),
        ):
            same(found, expected)
    values, places = tf.unique([3, 1, 3])
    assert values.numpy().tolist() == [3, 1] and places.numpy().tolist() == [0, 1, 0]


# ---------------------------------------------------------------- what is wrong is named


@pytest.mark.parametrize("call, error, text", [
    (lambda: tf.reshape(A, [5, -1]), InvalidArgument, r"\[5, -1\].*\[2, 3, 4\].*Reshape"),
    (lambda: tf.reshape(A, [-1, -1]), InvalidArgument, "Reshape"),
    (lambda: tf.reshape(A, [2.5]), TypeError, "integers"),
    (lambda: tf.broadcast_to([1, 2], [3]), InvalidArgument, "BroadcastTo"),
    (lambda: tf.transpose(A, [0, 0, 1]), InvalidArgument, r"\[0, 0, 1\].*Transpose"),
    (lambda: tf.squeeze(A, 0), InvalidArgument, "got 2.*Squeeze"),
    (lambda: tf.expand_dims(A, 5), InvalidArgument, "5.*ExpandDims"),
    (lambda: tf.concat([A, A[0]], 0), InvalidArgument, "ConcatV2"),
    (lambda: tf.concat([tf.ones([1]), tf.ones([1], tf.int32)], 0), InvalidArgument,
     "int32.*ConcatV2"),
    (lambda: tf.concat([A, A], 3), InvalidArgument, "3.*ConcatV2"),
    (lambda: tf.stack([A, A[0]]), InvalidArgument, r"\[2, 3, 4\].*\[3, 4\].*Pack"),
    (lambda: tf.stack([A, A], 7), ValueError, "7"),
    (lambda: tf.unstack(A, num=5), ValueError, "5"),
    (lambda: tf.split(A, 5, 1), InvalidArgument, "3.*5.*Split"),
    (lambda: tf.split(A, [1, 1], 1), InvalidArgument, r"\[1, 1\].*3"),
    (lambda: tf.tile(A, [2]), InvalidArgument, "length 3.*length 1.*Tile"),
    (lambda: tf.pad(A, [[1, 1]]), InvalidArgument, "Pad"),
    (lambda: tf.pad(A, [[1, 1]] * 3, "WRAP"), ValueError, "WRAP"),
    (lambda: tf.gather(A, [2]), InvalidArgument, r"indices\[0\] = 2 is not in \[0, 2\).*GatherV2"),
    (lambda: tf.gather(A, [-1]), InvalidArgument, "-1"),
    (lambda: tf.gather(A, [0.0]), InvalidArgument, "float32.*GatherV2"),
    (lambda: tf.gather(A, [0], axis=3), InvalidArgument, "3.*GatherV2"),
    (lambda: tf.gather_nd(A, [[0, 5]]), InvalidArgument, r"\[0, 5\].*GatherNd"),
    (lambda: tf.scatter_nd([[9]], [1.0], [3]), InvalidArgument, r"\[9\].*ScatterNd"),
    (lambda: tf.scatter_nd([[0]], [1.0, 2.0], [3]), InvalidArgument, "updates.*ScatterNd"),
    (lambda: tf.math.top_k([1.0], 2), InvalidArgument, "k=2.*TopKV2"),
    (lambda: tf.sort(A, 3), InvalidArgument, "3.*Sort"),
    (lambda: tf.sort(A, direction="UP"), ValueError, "UP"),
    (lambda: tf.where([1.0], 1.0, 2.0), InvalidArgument, "bool.*SelectV2"),
    (lambda: tf.where([True], 1.0), ValueError, "both"),
    (lambda: tf.boolean_mask(A, [True]), ValueError, "incompatible"),
    (lambda: tf.range(1, 5, 0), InvalidArgument, "delta"),
    (lambda: tf.linspace(0.0, 1.0, -1), ValueError, "num"),
    (lambda: tf.slice(A, [0, 0, 3], [1, 1, 2]), InvalidArgument, "Slice"),
    (lambda: tf.meshgrid([1], indexing="yx"), ValueError, "yx"),
    (lambda: tf.roll(A, 1, 4), InvalidArgument, "Roll"),
])  # fmt: skip
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ------------------------------------------------------------ derivatives of what is put together

X = np.random.default_rng(0).standard_normal((2, 3, 4))
COMPOSED = {
    "batched gather": lambda x: tf.gather(x, [[0, 2], [2, 2]], batch_dims=1) ** 2,
    "batched gather, later axis": lambda x: (
        tf.gather(x, [[3, 0], [1, 1]], batch_dims=1, axis=2) ** 2
    ),
    "gather of rows": lambda x: tf.gather(x * x, [1, 1, 0]),
    "gather_nd": lambda x: tf.gather_nd(x, [[1, 2], [0, 0], [1, 2]]) ** 2,
    "gather_nd of rows": lambda x: tf.gather_nd(x, [[1], [1]]) ** 2,
    "scatter_nd": lambda x: tf.scatter_nd([[0, 1], [2, 1], [0, 1]], x[0] ** 2, [3, 2, 4]),
    "scatter add": lambda x: tf.tensor_scatter_nd_add(x**2, [[1], [1]], x**3),
    "scatter update": lambda x: tf.tensor_scatter_nd_update(x**2, [[1]], x[:1] ** 3),
    "segments": lambda x: tf.math.unsorted_segment_sum(x**2, [1, -1], 2),
    "mirrored": lambda x: tf.pad(x**2, [[0, 1], [2, 1], [3, 0]], "REFLECT"),
    "sorted": lambda x: tf.sort(x, 1) ** 2 * tf.sort(x, 1, "DESCENDING"),
    "top": lambda x: tf.math.top_k(x, 2).values ** 2,
    "pieces": lambda x: tf.concat([p**k for k, p in enumerate(tf.split(x, [1, 2], 1), 2)], 1),
    "layers": lambda x: tf.stack([p**k for k, p in enumerate(tf.unstack(x, axis=2), 1)], axis=1),
    "slices": lambda x: x[:, ::-1, None, 1:3] * x[1, ..., :2] ** 2,
    "mask": lambda x: tf.boolean_mask(x, [True, False, True], axis=1) ** 2,
    "mask by value": lambda x: x[x > 0.0] ** 2,
    "repeated": lambda x: tf.repeat(x**2, [1, 0, 3], axis=1) + tf.tile(x, [1, 1, 1])[:, :1],
    "rolled": lambda x: tf.roll(x, [1, -2], [1, 2]) * tf.reverse(x, [0, 2]),
    "spread": lambda x: tf.broadcast_to(x[:, :1] ** 2, [2, 2, 3, 4]),
    "between": lambda x: tf.linspace(x[0], x[1] ** 2, 4, axis=1),
    "grids": lambda x: tf.meshgrid(x[0, 0], x[0, 1])[0] * tf.meshgrid(x[0, 0], x[0, 1])[1],
    "unrolled": lambda x: tf.add_n([row**2 for row in x]),
    "identity_n": lambda x: tf.identity_n([x**2, x**3])[1] * tf.identity_n([x, x])[0],
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_functions_to_second_order(name):
    check_gradients(COMPOSED[name], tf.constant(X), order=2)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_functions_in_a_stack(name):
    """One batched pass is as good as one pass per row, forwards too."""
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = COMPOSED[name](x)
    reverse, forward = (tape.jacobian(y, x, direction=d).numpy() for d in ("reverse", "forward"))
    np.testing.assert_allclose(reverse, forward, rtol=1e-12, atol=1e-14)
    u = np.random.default_rng(1).standard_normal(y.shape)
    g = tf.convert_to_tensor(tape.gradient(y, x, output_gradients=tf.constant(u))).numpy()
    np.testing.assert_allclose(np.tensordot(u, reverse, u.ndim), g, rtol=1e-12, atol=1e-14)


def test_rows_of_a_source_come_as_rows():
    x = tf.Variable(X[0])
    with tf.GradientTape(persistent=True) as tape:
        first, again = tf.gather(x, [2, 0]), tf.gather(x, [[2]])
        later = tf.gather(x * 1.0, [1])
        cross = tf.gather(x, [1], axis=1)
        y = tf.reduce_sum(first) + tf.reduce_sum(again)
    rows = tape.gradient(y, x)
    assert isinstance(rows, tf.IndexedSlices) and rows.indices.numpy().tolist() == [2, 0, 2]
    assert rows.values.shape == (3, 4) and rows.dense_shape.numpy().tolist() == [3, 4]
    np.testing.assert_array_equal(tf.convert_to_tensor(rows).numpy()[:, 0], [1.0, 0.0, 2.0])
    assert isinstance(tape.gradient(later, x), tf.Tensor) and isinstance(
        tape.gradient(cross, x), tf.Tensor
    )
    mixed = tape.gradient([y, cross], x)
    assert isinstance(mixed, tf.Tensor)
    np.testing.assert_array_equal(mixed.numpy(), tf.convert_to_tensor(rows).numpy() + np.eye(4)[1])


def test_rows_have_no_jacobian_until_they_are_dense():
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.gather(x, [0, 2, 2]) ** 3)
        rows = tape.gradient(y, x)
        dense = tf.convert_to_tensor(rows)
    with pytest.raises((TypeError, AttributeError), match="convert_to_tensor"):
        outer.jacobian(rows, x)
    np.testing.assert_array_equal(outer.jacobian(dense, x).numpy(), np.diag([6.0, 0.0, 36.0]))
