"""ForwardAccumulator: forward mode, alone, over and under tapes; and derivatives of functions."""

import numpy as np
import pytest

import tapelab as tf
from tapelab import autodiff
from tapelab.tensor import active

Forward = tf.autodiff.ForwardAccumulator


def hairy(x, w):
    """Reductions, gathers, a product, a choice: values of every kind of rule."""
    h = tf.tanh(x @ w)
    h = tf.where(h > 0.0, h * h, tf.gather(h, [1, 0, 1], axis=0))
    h = tf.concat([h, tf.cumsum(h, axis=1)], axis=1)
    return tf.nn.softmax(h) * tf.reduce_max(h, axis=0) + tf.linalg.det(w @ tf.transpose(w))


@pytest.fixture
def inputs():
    rng = np.random.default_rng(1)
    return [rng.standard_normal(s) for s in ((3, 2), (2, 4), (3, 2), (2, 4))]


def test_a_jvp_is_a_directional_derivative(inputs):
    x, w, dx, dw = inputs
    primals, h = [tf.constant(x), tf.Variable(w)], 1e-6
    with Forward(primals, [tf.constant(dx), tf.constant(dw)]) as acc:
        y = hairy(*primals)
    up, down = (
        hairy(tf.constant(x + s * h * dx), tf.constant(w + s * h * dw)).numpy() for s in (1, -1)
    )
    np.testing.assert_allclose(acc.jvp(y).numpy(), (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


def test_forward_and_reverse_agree(inputs):
    x, w, dx, dw = map(tf.constant, inputs)
    with Forward([x, w], [dx, dw]) as acc, tf.GradientTape() as tape:
        tape.watch([x, w])
        y = hairy(x, w)
    u = tf.constant(np.random.default_rng(2).standard_normal(y.shape))
    gx, gw = tape.gradient(y, [x, w], output_gradients=u)
    backward = tf.reduce_sum(gx * dx) + tf.reduce_sum(gw * dw)
    assert float(tf.reduce_sum(acc.jvp(y) * u)) == pytest.approx(float(backward), rel=1e-12)


def test_primals_themselves_and_strangers():
    x, t = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
    with Forward(x, t) as acc:
        y, z = x * 2.0, tf.constant([1.0]) * 2.0
    assert acc.jvp(x).numpy().tolist() == [3.0, 4.0]
    assert acc.jvp(z) is None and acc.jvp(tf.Variable(1.0)) is None
    assert acc.jvp(z, unconnected_gradients=tf.UnconnectedGradients.ZERO).numpy().tolist() == [0.0]
    found = acc.jvp({"y": [y], "z": z})
    assert found["y"][0].numpy().tolist() == [6.0, 8.0] and found["z"] is None


def test_only_the_block_counts():
    x = tf.constant(2.0)
    acc = Forward(x, tf.constant(1.0))
    before = x * x
    with acc:
        y = x * x
    after = y * y
    assert acc.jvp(before) is None and acc.jvp(after) is None and float(acc.jvp(y)) == 4.0


def test_stop_gradient_stops_tangents_too():
    x = tf.constant(2.0)
    with Forward(x, tf.constant(1.0)) as acc:
        y = tf.stop_gradient(x) * 2.0
    assert acc.jvp(y) is None


def test_bad_input():
    x = tf.constant(1.0)
    with pytest.raises(ValueError, match="multiple times"):
        Forward([x, x], [tf.constant(1.0), tf.constant(1.0)])
    with pytest.raises(ValueError, match="structure"):
        Forward([x], [tf.constant(1.0), tf.constant(1.0)])
    with pytest.raises((TypeError, AttributeError), match="float"):
        Forward(1.0, 1.0)
    with Forward(x, tf.constant(1.0)) as acc, pytest.raises(ValueError, match="already"):
        acc.__enter__()


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
def test_an_exception_closes_it(reason):
    with pytest.raises(reason), Forward(tf.constant(1.0), tf.constant(1.0)):
        raise reason
    assert active.tapes == ()


# ---------------------------------------------------------------- over, under, nested

CUBIC = np.array([[2.0, 1.0], [1.0, 3.0]])


def cubic(x):
    """sum x_i A_ij x_j^2: its derivatives are easy to write down."""
    return tf.reduce_sum(x * tf.linalg.matvec(tf.constant(CUBIC), x * x))


def cubic_hessian(x):
    return 2 * (CUBIC * x + CUBIC.T * x[:, None]) + np.diag(2 * CUBIC.T @ x)


def test_hessian_vector_products_three_ways():
    at, v = np.array([0.5, -1.5]), np.array([1.0, 2.0])
    x, t = tf.constant(at), tf.constant(v)
    with Forward(x, t) as acc:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = cubic(x)
        g = tape.gradient(y, x)
    forward_over_reverse = acc.jvp(g)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with Forward(x, t) as acc:
            y = cubic(x)
        rate = acc.jvp(y)
    reverse_over_forward = tape.gradient(rate, x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = cubic(x)
        g = tape.gradient(y, x)
    reverse_over_reverse = outer.gradient(g, x, output_gradients=t)
    for found in (
        forward_over_reverse,
        reverse_over_forward,
        reverse_over_reverse,
        autodiff.hvp(cubic, x, t),
    ):
        np.testing.assert_allclose(np.asarray(found), cubic_hessian(at) @ v, rtol=1e-12)


def test_forward_within_forward():
    x = tf.constant(0.7, tf.float64)
    one = tf.constant(1.0, tf.float64)
    with Forward(x, one) as outer, Forward(x, one) as inner:
        y = tf.sin(x) * x
        first = inner.jvp(y)
    assert float(first) == pytest.approx(np.cos(0.7) * 0.7 + np.sin(0.7), rel=1e-14)
    assert float(outer.jvp(first)) == pytest.approx(2 * np.cos(0.7) - 0.7 * np.sin(0.7), rel=1e-14)


def test_a_rate_counts_as_computed_when_its_value_was():
    """Whenever it is asked for: tapes around the block see it, tapes inside do not."""
    x = tf.constant(0.5, tf.float64)
    one = tf.constant(1.0, tf.float64)
    with Forward(x, one) as outer, Forward(x, one) as inner:
        y = x**3
    first = inner.jvp(y)
    assert float(outer.jvp(first)) == 3.0 and inner.jvp(outer.jvp(y)) is None
    with tf.GradientTape() as tape:
        tape.watch(x)
        with Forward(x, one) as acc:
            y = x**3
    assert float(tape.gradient(acc.jvp(y), x)) == 3.0
    with Forward(x, one) as acc, tf.GradientTape() as tape:
        tape.watch(x)
        y = x**3
    assert tape.gradient(acc.jvp(y), x) is None


def test_a_closed_accumulator_goes_on_when_entered_again():
    x = tf.constant(-2.0)
    with Forward(x, tf.constant(1.5)) as acc:
        y = 4.0 * x
    lost = 4.0 * x
    with acc:
        z = y * y
    assert acc.jvp(lost) is None and float(acc.jvp(z)) == 6.0 * -8.0 * 2.0


def test_variables_and_what_is_written_into_them():
    v = tf.Variable(1.0)
    with Forward(v, tf.constant(11.0)) as acc:
        v.assign_sub(0.5)
        y = [v.read_value(), 2.0 * v]
    assert [float(r) for r in acc.jvp(y)] == [11.0, 22.0]


def test_jacobians_by_columns(inputs):
    x, w = map(tf.constant, inputs[:2])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = hairy(x, w)
    jac = tape.jacobian(y, x).numpy()
    for at in np.ndindex(*x.shape):
        unit = np.zeros(x.shape)
        unit[at] = 1
        with Forward(x, tf.constant(unit)) as acc:
            y = hairy(x, w)
        np.testing.assert_allclose(acc.jvp(y).numpy(), jac[(..., *at)], rtol=1e-10, atol=1e-12)


def test_through_a_custom_gradient():
    opaque = tf.custom_gradient(lambda x: (tf.constant(np.sin(x.numpy())), lambda d: d * tf.cos(x)))
    x = tf.constant(0.5)
    with Forward(x, tf.constant(2.0)) as acc:
        y = opaque(x) * 3.0
    assert float(acc.jvp(y)) == pytest.approx(6 * np.cos(0.5), rel=1e-6)


# ---------------------------------------------------------------- derivatives of functions


def test_functions_of_functions():
    x = tf.constant([0.5, -1.5], tf.float64)
    a = x.numpy()
    gradient = CUBIC @ (a * a) + 2 * a * (CUBIC.T @ a)
    np.testing.assert_allclose(autodiff.grad(cubic)(x).numpy(), gradient, rtol=1e-12)
    y, g = autodiff.value_and_grad(cubic)(x)
    assert float(y) == float(cubic(x)) and np.allclose(g.numpy(), gradient)
    np.testing.assert_allclose(autodiff.hessian(cubic)(x).numpy(), cubic_hessian(a), rtol=1e-12)
    np.testing.assert_allclose(autodiff.jacobian(tf.sin)(x).numpy(), np.diag(np.cos(a)), rtol=1e-12)


def test_a_wrong_gradient_is_found():
    wrong = tf.custom_gradient(lambda x: (tf.sin(x), lambda d: d * tf.sin(x)))
    with pytest.raises(AssertionError):
        autodiff.check_gradients(wrong, tf.constant([0.5], tf.float64), order=1)
    autodiff.check_gradients(cubic, tf.constant([0.5, -1.5], tf.float64), order=2)
