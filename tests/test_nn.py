"""tf.nn: activations, losses on logits, convolution, pooling, normalisation, dropout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapelab as tf
from tapelab import _conv
from tapelab.autodiff import check_gradients

InvalidArgument = tf.errors.InvalidArgumentError
rng = np.random.default_rng(0)
X = rng.standard_normal((2, 4, 3, 2))
quick = settings(max_examples=20, deadline=None)


def close(found, expected, rtol=1e-10):
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=rtol, atol=1e-12)


# ---------------------------------------------------------------- activations

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "tanh": np.tanh,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "softsign": lambda x: x / (1 + np.abs(x)), "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "crelu": lambda x: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], -1),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    f = getattr(tf.nn, name)
    x = X * 4
    close(f(x), ACTIVATIONS[name](x))
    check_gradients(f, tf.constant(x[0, 0]), order=2)


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate):
    f = lambda x: tf.nn.gelu(x, approximate=approximate)
    assert float(f(tf.constant(1.0, tf.float64))) == pytest.approx(
        0.841192 if approximate else 0.841345, abs=1e-6
    )
    check_gradients(f, tf.constant(X[0, 0]), order=2)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax(axis):
    x = X[0, :, :, 0]
    e = np.exp(x)
    close(tf.nn.softmax(x, axis), e / e.sum(axis, keepdims=True))
    close(tf.nn.log_softmax(x, axis), np.log(e / e.sum(axis, keepdims=True)))
    for f in (tf.nn.softmax, tf.nn.log_softmax):
        check_gradients(lambda x, f=f: f(x, axis), tf.constant(x), order=2)


# ---------------------------------------------------------------- losses on logits


@quick
@given(st.integers(0, 3), st.integers(2, 5), st.integers(0, 99))
def test_cross_entropies_agree(rows, classes, seed):
    r = np.random.default_rng(seed)
    logits, labels = r.standard_normal((rows, classes)) * 5, r.integers(0, classes, rows)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -log_p[np.arange(rows), labels]
    close(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), expected)
    hot = np.eye(classes)[labels].reshape(rows, classes)
    close(tf.nn.softmax_cross_entropy_with_logits(hot, logits), expected)
    close(tf.nn.softmax_cross_entropy_with_logits(hot.T, logits.T, axis=0), expected)
    s = 1 / (1 + np.exp(-logits))
    close(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=hot, logits=logits),
        -hot * np.log(s) - (1 - hot) * np.log(1 - s),
        1e-8,
    )


def test_losses_to_second_order():
    logits, labels = tf.constant(X[0, :, :, 0]), np.array([0, 2, 1, 1])
    hot = np.eye(3)[labels]
    for loss in (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x),
        lambda x: tf.nn.softmax_cross_entropy_with_logits(hot, x),
        lambda x: tf.nn.softmax_cross_entropy_with_logits(hot.T, tf.transpose(x), axis=0),
        lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=hot, logits=x),
    ):
        check_gradients(loss, logits, order=2)
    soft = tf.nn.softmax(tf.constant(X[1, :, :, 0]))
    check_gradients(lambda y: tf.nn.softmax_cross_entropy_with_logits(y, logits), soft, order=2)


def test_losses_far_out():
    x = tf.constant([[1000.0, -1000.0]])
    assert tf.nn.sparse_softmax_cross_entropy_with_logits([1], x).numpy().tolist() == [2000.0]
    assert tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0]], x).numpy().tolist() == [2000.0]
    assert tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.constant([[0.0, 0.0]]), logits=x
    ).numpy().tolist() == [[1000.0, 0.0]]


# ---------------------------------------------------------------- convolution and pooling


def kernel(x, k, strides, padding, dilations):
    """What test_conv_kernels.py holds against the definition."""
    pads = _conv.resolve_padding(padding, x.shape[1:3], k.shape[:2], strides, dilations)
    return _conv.conv2d(x, k, strides, pads, dilations)


GEOMETRY = [
    (1, "VALID", 1), (1, "SAME", 1), ((2, 1), "SAME", 1), (2, "VALID", 1), (1, "SAME", 2),
    (1, "VALID", (2, 1)),
    ([1, 2, 2, 1], "same", None),
]  # fmt: skip


@pytest.mark.parametrize("strides, padding, dilations", GEOMETRY, ids=str)
def test_conv2d(strides, padding, dilations):
    k = rng.standard_normal((2, 3, 2, 3)) if dilations != 2 else rng.standard_normal((2, 2, 2, 3))
    pair = lambda v: tuple(v) if isinstance(v, tuple) else (v or 1, v or 1)
    s = (2, 2) if isinstance(strides, list) else pair(strides)
    close(
        tf.nn.conv2d(X, k, strides, padding, dilations=dilations),
        kernel(X, k, s, padding.upper(), pair(dilations)),
    )
    f = lambda x, k: tf.nn.conv2d(x, k, strides, padding, dilations=dilations)
    check_gradients(f, [tf.constant(X[:1]), tf.constant(k[..., :1])], order=2)


@pytest.mark.parametrize("channels, filters", [(3, (2, 4)), (4, (2, 3)), (0, (3, 2)), (2, (0, 2))])
def test_channels_must_fit_the_filters(channels, filters):
    x, k = tf.ones([1, 3, 3, channels]), tf.ones([2, 2, *filters])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{channels} vs {filters[0]};.* {filters[1]} "):
        tf.nn.conv2d(x, k, 1, "SAME")


def test_conv2d_with_borders_given():
    k = rng.standard_normal((2, 2, 2, 1))
    padded = np.pad(X, ((0, 0), (1, 0), (0, 2), (0, 0)))
    close(
        tf.nn.conv2d(X, k, 1, [[0, 0], [1, 0], [0, 2], [0, 0]]),
        kernel(padded, k, (1, 1), "VALID", (1, 1)),
    )


def test_conv2d_transpose_is_the_transpose():
    k, g = rng.standard_normal((2, 3, 2, 3)), rng.standard_normal((2, 2, 2, 3))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.conv2d(x, k, 2, "SAME")
    expected = tape.gradient(y, x, output_gradients=tf.constant(g)).numpy()
    close(tf.nn.conv2d_transpose(g, k, X.shape, 2, "SAME"), expected)
    f = lambda g, k: tf.nn.conv2d_transpose(g, k, X[:1].shape, 2, "SAME")
    check_gradients(f, [tf.constant(g[:1]), tf.constant(k)], order=2)


@pytest.mark.parametrize("k, s", [(2, 2), (2, 1), (3, 1), (1, 2)])
def test_pooling(k, s):
    for f, kernel in ((tf.nn.max_pool2d, _conv.max_pool2d), (tf.nn.avg_pool2d, _conv.avg_pool2d)):
        close(f(X, k, s, "VALID"), kernel(X, (k, k), (s, s), ((0, 0), (0, 0))))
        for padding in ("VALID", "SAME"):
            check_gradients(
                lambda x, f=f, p=padding: f(x, k, s, p) ** 2, tf.constant(X[:1]), order=2
            )


def test_windows_far_larger_than_the_image():
    """Only taps that see the image are gone through."""
    x = tf.Variable(tf.reshape(tf.range(6.0), [1, 2, 3, 1]))
    for f, expected, slope in ((tf.nn.max_pool2d, 5.0, [0, 0, 0, 0, 0, 6]), (tf.nn.avg_pool2d, 2.5, [1] * 6)):
        with tf.GradientTape() as tape:
            y = f(x, 10**9, 1, "SAME")
        assert y.shape == x.shape and (y.numpy() == expected).all()
        assert tape.gradient(y, x).numpy().ravel().tolist() == slope
        assert f(tf.zeros([1, 0, 3, 1]), 10**9, 1, "SAME").shape == [1, 0, 3, 1]


def test_the_first_maximum_of_a_window_gets_the_gradient():
    x = tf.ones([1, 2, 2, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.max_pool2d(x, 2, 2, "VALID")
    assert tape.gradient(y, x).numpy().ravel().tolist() == [1.0, 0.0, 0.0, 0.0]


def small_convnet(x, k, w):
    h = tf.nn.elu(tf.nn.conv2d(x, k, 1, "SAME"))
    h = tf.nn.max_pool2d(h, 2, 2, "VALID") + tf.nn.avg_pool2d(h, 2, 2, "VALID")
    return tf.nn.softmax(tf.reshape(h, [h.shape[0], -1]) @ w)


@pytest.fixture
def convnet():
    return [
        tf.constant(v) for v in (X, rng.standard_normal((3, 3, 2, 2)), rng.standard_normal((4, 3)))
    ]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_jacobians_of_a_convnet(convnet, which):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(convnet)
        y = small_convnet(*convnet)
    found = {
        d: tape.jacobian(y, convnet[which], direction=d).numpy() for d in ("reverse", "forward")
    }
    np.testing.assert_allclose(found["reverse"], found["forward"], rtol=1e-10, atol=1e-14)
    rows = []
    for at in np.ndindex(*y.shape):
        unit = np.zeros(y.shape)
        unit[at] = 1
        rows.append(tape.gradient(y, convnet[which], output_gradients=tf.constant(unit)).numpy())
    np.testing.assert_allclose(
        found["reverse"].reshape(np.shape(rows)), rows, rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize("which", [0, 1, 2])
def test_hessians_of_a_convnet(convnet, which):
    """t2.jacobian(t1.gradient) against a product of the outer tape, that against differences."""
    source = convnet[which]
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(source)
        with tf.GradientTape() as tape:
            tape.watch(source)
            loss = tf.reduce_sum(small_convnet(*convnet)[:, 0] ** 2)
        g = tape.gradient(loss, source)
    full = outer.jacobian(g, source).numpy().reshape(g.shape.num_elements(), -1)
    np.testing.assert_allclose(full, full.T, rtol=1e-8, atol=1e-12)
    u = rng.standard_normal(g.shape)
    product = outer.gradient(g, source, output_gradients=tf.constant(u)).numpy().ravel()
    np.testing.assert_allclose(full @ u.ravel(), product, rtol=1e-9, atol=1e-12)
    h, slopes = 1e-5, []
    for sign in (1, -1):
        moved = [tf.constant(v.numpy() + sign * h * u) if v is source else v for v in convnet]
        with tf.GradientTape() as tape:
            tape.watch(moved[which])
            loss = tf.reduce_sum(small_convnet(*moved)[:, 0] ** 2)
        slopes.append(tape.gradient(loss, moved[which]).numpy().ravel())
    np.testing.assert_allclose(product, (slopes[0] - slopes[1]) / (2 * h), rtol=1e-5, atol=1e-8)


# ------------------------------------------------------------ normalisation, bias, dropout, lookup


def test_moments_and_normalisation():
    mean, variance = tf.nn.moments(X, [0, 1, 2])
    close(mean, X.mean((0, 1, 2)))
    close(variance, X.var((0, 1, 2)))
    kept = tf.nn.moments(X, [-1], keepdims=True)
    assert [t.shape for t in kept] == [(2, 4, 3, 1)] * 2
    scale, offset = np.array([2.0, 3.0]), np.array([1.0, -1.0])
    found = tf.nn.batch_normalization(X, mean, variance, offset, scale, 1e-3)
    close(found, (X - X.mean((0, 1, 2))) / np.sqrt(X.var((0, 1, 2)) + 1e-3) * scale + offset)
    close(
        tf.nn.batch_normalization(X, mean, variance, None, None, 1e-3),
        (found.numpy() - offset) / scale,
    )

    def normalised(x):
        return tf.nn.batch_normalization(x, *tf.nn.moments(x, [0]), None, None, 1e-3)

    check_gradients(normalised, tf.constant(X[0, :, :, 0]), order=1)


def test_bias_add():
    close(tf.nn.bias_add(X, [1.0, 2.0]), X + [1.0, 2.0])
    check_gradients(
        tf.nn.bias_add, [tf.constant(X[0, 0]), tf.constant([1.0, 2.0], tf.float64)], order=2
    )


def test_dropout():
    x = tf.ones([10_000])
    tf.random.set_seed(1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.dropout(x, 0.25)
    kept = y.numpy() != 0
    assert 0.73 < kept.mean() < 0.77 and np.allclose(y.numpy()[kept], 4 / 3)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), y.numpy())
    rows = tf.nn.dropout(tf.ones([4, 1000]), 0.5, noise_shape=[1, None]).numpy()
    assert (rows == rows[0]).all() and 0 < (rows[0] == 0).mean() < 1
    assert tf.nn.dropout(x, 0.0).numpy().all()


def test_lookup_and_small_things():
    table = tf.Variable(X[0, :, :, 0])
    with tf.GradientTape() as tape:
        y = tf.nn.embedding_lookup(table, [3, 1, 3])
    assert tape.gradient(y, table).indices.numpy().tolist() == [3, 1, 3]
    close(tf.nn.l2_loss(X), (X * X).sum() / 2)
    assert float(tf.nn.zero_fraction([0.0, 1.0, 2.0, 0.0])) == 0.5
    close(tf.nn.l2_normalize(X, 1), X / np.sqrt((X * X).sum(1, keepdims=True)))


@pytest.mark.parametrize("call, error, text", [
    (lambda: tf.nn.conv2d(X[0], X[0], 1, "SAME"), InvalidArgument,
     r"4-dimensional.*\[4, 3, 2\].*Conv2D"),
    (lambda: tf.nn.conv2d(X, tf.ones([2, 2, 5, 1], tf.float64), 1, "SAME"), InvalidArgument,
     "2 vs 5.*Conv2D"),
    (lambda: tf.nn.conv2d(tf.constant(X), tf.ones([2, 2, 2, 1]), 1, "SAME"), InvalidArgument,
     "float tensor.*Conv2D"),
    (lambda: tf.nn.conv2d(X, X[..., None], 1, "SAME"), InvalidArgument,
     r"filters.*\[2, 4, 3, 2, 1\]"),
    (lambda: tf.nn.conv2d(X, X[:, :, :2], 1, "FULL"), ValueError, "FULL"),
    (lambda: tf.nn.conv2d(X, tf.ones([9, 9, 2, 1], tf.float64), 1, "VALID"), InvalidArgument,
     "window.*Conv2D"),
    (lambda: tf.nn.conv2d(X, tf.ones([2, 2, 2, 1], tf.float64), 1, "SAME", "NCHW"),
     tf.errors.UnimplementedError, "NHWC"),
    (lambda: tf.nn.max_pool2d(X[0], 2, 2, "SAME"), InvalidArgument, "4-dimensional.*MaxPool"),
    (lambda: tf.nn.bias_add(X, [1.0, 2.0, 3.0]), InvalidArgument,
     r"\[3\].*\[2, 4, 3, 2\].*BiasAdd"),
    (lambda: tf.nn.softmax(1.0), InvalidArgument, "scalar.*Softmax"),
    (lambda: tf.nn.softmax([1, 2]), InvalidArgument, "int32.*Softmax"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([3], [[1.0, 2.0]]), InvalidArgument,
     r"3 .*\[0, 2\)"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1], [[1.0, 2.0]]), ValueError,
     r"\(2,\).*\(1, 2\)"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0.0], [[1.0, 2.0]]), InvalidArgument,
     "float32.*tf.cast"),
    (lambda: tf.nn.softmax_cross_entropy_with_logits(tf.ones([2, 3]), tf.ones([2, 2])),
     InvalidArgument, r"\[2, 2\].*\[2, 3\]"),
    (lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones([2]), logits=tf.ones([3])),
     ValueError, r"\(3,\) vs \(2,\)"),
    (lambda: tf.nn.dropout([1.0], 1.5), ValueError, "1.5"),
    (lambda: tf.nn.dropout([1], 0.5), ValueError, "floating"),
    (lambda: tf.nn.gelu([1]), ValueError, "int32"),
])  # fmt: skip
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_pooling_of_sequences_with_channels_in_the_middle():
    x = tf.reshape(tf.range(8.0), [1, 2, 4])
    assert tf.nn.max_pool1d(x, 2, 2, "VALID", "NCW").numpy().tolist() == [[[1.0, 3.0], [5.0, 7.0]]]
    assert tf.nn.avg_pool1d(x, 2, 2, "VALID", "NCW").numpy().tolist() == [[[0.5, 2.5], [4.5, 6.5]]]
    with pytest.raises(ValueError, match="NWC"):
        tf.nn.max_pool1d(x, 2, 2, "VALID", "WNC")
