"""custom_gradient, recompute_grad, grad_pass_through, stop_gradient."""

import gc
import weakref

import numpy as np
import pytest

import tapelab as tf
from tapelab.tensor import active


def gradient(f, *xs, **options):
    """(result, gradients) of f at constants."""
    xs = [tf.constant(x) for x in xs]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = f(*xs)
    return y, [None if g is None else g.numpy().tolist() for g in tape.gradient(y, xs, **options)]


def with_gradient(forward, grad_fn):
    """The function with that gradient."""
    return tf.custom_gradient(lambda *args: (forward(*args), grad_fn))


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))


# ---------------------------------------------------------------- one derivative


@pytest.mark.parametrize("x, slope", [(0.0, 0.5), (100.0, 1.0)])
def test_a_gradient_of_ones_own(x, slope):
    assert gradient(log1pexp, x)[1] == [slope]
    plain = gradient(lambda x: tf.math.log(1 + tf.exp(x)), x)[1]
    assert plain == [slope] if x == 0 else np.isnan(plain[0])


def test_the_operations_inside_do_not_count():
    f = with_gradient(lambda x: x * 5.0, lambda d: d * 0.0)
    assert gradient(f, 2.0)[1] == [0.0]


def test_returning_the_argument_itself_is_an_identity_with_a_gradient():
    f = tf.custom_gradient(lambda x: (x, lambda d: tf.clip_by_norm(d, 0.5)))
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = f(v * v)
    assert float(y) == 4.0 and float(tape.gradient(y, v)) == 2.0


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_inputs(kind):
    f = with_gradient(lambda x, y: x * y, lambda d: kind([d * 2.0, d * 3.0]))
    assert gradient(f, 1.0, 1.0)[1] == [2.0, 3.0]


def test_none_for_an_input():
    f = with_gradient(lambda x, n: x * n, lambda d: [d * 2.0, None])
    assert gradient(f, 1.0, 1.0)[1] == [2.0, None]
    assert gradient(with_gradient(lambda x: x * 1.0, lambda d: None), 1.0)[1] == [None]


@pytest.mark.parametrize(
    "answer, count", [(lambda d: [], 0), (lambda d: (d, d), 2), (lambda d: [d, d, d], 3)]
)
def test_a_wrong_number_of_gradients(answer, count):
    with pytest.raises(ValueError, match=f"expected to return 1 gradients, but returned {count}"):
        gradient(with_gradient(lambda x: x * 1.0, answer), 1.0)


def test_several_outputs_and_the_unused_one_is_zeros():
    seen = []

    def grad_fn(a, b):
        seen.append((a.numpy().tolist(), b.numpy().tolist()))
        return a * 10.0 + b[0] * 100.0

    f = with_gradient(lambda x: (x * 2.0, tf.stack([x, x])), grad_fn)
    x = tf.constant(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        p, q = f(x)
    assert [float(tape.gradient(t, x)) for t in (p, q, [p, q])] == [10.0, 100.0, 110.0]
    assert seen == [(1.0, [0.0, 0.0]), (0.0, [1.0, 1.0]), (1.0, [1.0, 1.0])]


@pytest.mark.parametrize(
    "wrap", [lambda a, b: [a, b], lambda a, b: {"a": a, "b": b}, lambda a, b: (a, [b])]
)
def test_results_keep_their_structure(wrap):
    f = with_gradient(lambda x: wrap(x * 2.0, x * 3.0), lambda *d: tf.add_n(list(d)))
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = f(x)
    assert type(z) is type(wrap(1, 2))
    tf.nest.assert_same_structure(z, wrap(1, 2))
    assert float(tape.gradient(z, x)) == 2.0


def test_arguments_in_a_structure():
    f = with_gradient(lambda pair: pair[0] * pair[1], lambda d: (d * 2.0, d * 3.0))
    assert gradient(lambda x, y: f((x, y)), 1.0, 1.0)[1] == [2.0, 3.0]


def test_arguments_are_passed_as_they_are():
    types = []

    @tf.custom_gradient
    def f(x, n, scale=None):
        types.append((type(n), type(scale)))
        return x * n * scale, lambda d: (d * 7.0, None)

    assert gradient(lambda x: f(x, 3, scale=2.0), 1.0)[1] == [7.0]
    assert types == [(int, float)]


def test_a_result_of_numpy_is_converted():
    f = tf.custom_gradient(lambda x: (np.sin(x.numpy()), lambda d: d * tf.cos(x)))
    y, (g,) = gradient(f, 0.0)
    assert isinstance(y, tf.Tensor) and g == 1.0


def test_integer_inputs():
    f = with_gradient(lambda x, n: x * tf.cast(n, tf.float32), lambda d: (d * 2.0, None))
    x, n = tf.constant(3.0), tf.constant(2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, n)
    assert float(y) == 6.0 and float(tape.gradient(y, x)) == 2.0


def test_as_a_method_and_with_parentheses():
    class Model:
        @tf.custom_gradient
        def f(self, x):
            """Its text."""
            return x * 1.0, lambda d: d * 4.0

        @tf.custom_gradient()
        def h(self, x):
            return x * 1.0, lambda d: d * 5.0

    assert Model.f.__name__ == "f" and Model.f.__doc__ == "Its text."
    assert gradient(lambda x: Model().f(x), 1.0)[1] == [4.0]
    assert gradient(lambda x: Model().h(x), 1.0)[1] == [5.0]


def test_a_gradient_function_that_is_none():
    with pytest.raises(TypeError, match="callable"):
        gradient(tf.custom_gradient(lambda x: (x * 2.0, 3.0)), 1.0)
    assert active.tapes == ()


def test_an_exception_reaches_the_caller():
    def grad_fn(d):
        raise RuntimeError("from the gradient")

    with pytest.raises(RuntimeError, match="from the gradient"):
        gradient(with_gradient(lambda x: x * 1.0, grad_fn), 1.0)


def test_an_exception_in_the_body_leaves_nothing_behind():
    @tf.custom_gradient
    def f(x):
        raise KeyError("body")

    with pytest.raises(KeyError), tf.GradientTape():
        f(tf.constant(1.0))
    assert active.tapes == ()


def test_it_is_only_called_when_it_is_needed():
    called = []
    f = with_gradient(lambda x: x * 1.0, lambda d: called.append(1) or d)
    x, v = tf.constant(1.0), tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = f(x) * v, x * 2.0
    tape.gradient(z, x)
    tape.gradient(y, v)
    assert called == []
    tape.gradient(y, x)
    assert called == [1]


def test_without_a_tape_nothing_is_kept():
    x = tf.constant(1.0)
    made = []

    @tf.custom_gradient
    def f(x):
        inside = x * 2.0
        made.append(weakref.ref(inside))
        return inside + 1.0, lambda d: d * inside

    f(x)
    gc.collect()
    assert made[0]() is None


# ---------------------------------------------------------------- variables inside


def test_variables_need_a_place_in_the_gradient_function():
    v = tf.Variable(3.0)
    f = with_gradient(lambda x: x * v, lambda d: d)
    with pytest.raises(TypeError, match="variables"):
        gradient(f, 2.0)


def _grad_named(d, variables=None):
    return d * 10.0, [d * 100.0 for _ in variables]


def _grad_keyword_only(*d, variables=None):
    return d[0] * 10.0, [d[0] * 100.0 for _ in variables]


def _grad_kwargs(d, **kwargs):
    return d * 10.0, [d * 100.0 for _ in kwargs["variables"]]


@pytest.mark.parametrize("grad_fn", [_grad_named, _grad_keyword_only, _grad_kwargs])
def test_gradients_of_variables(grad_fn):
    v = tf.Variable(3.0)
    f = with_gradient(lambda x: x * v, grad_fn)
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [10.0, 100.0]


@pytest.mark.parametrize("answer", [lambda d: (d, []), lambda d: (d, [d, d])])
def test_one_gradient_per_variable(answer):
    v = tf.Variable(3.0)
    f = with_gradient(lambda x: x * v, lambda d, variables=None: answer(d))
    with pytest.raises(ValueError, match="each variable"):
        gradient(f, 2.0)


def test_no_variables_no_keyword():
    got = []

    def grad_fn(d, variables="not given"):
        got.append(variables)
        return d

    gradient(with_gradient(lambda x: x * 2.0, grad_fn), 1.0)
    assert got == ["not given"]


def test_arguments_and_untrainable_variables_do_not_count():
    v, w = tf.Variable(3.0), tf.Variable(4.0, trainable=False)
    f = with_gradient(lambda x: x * x * w, lambda d: d * 10.0)
    with tf.GradientTape() as tape:
        y = f(v)
    assert float(tape.gradient(y, v)) == 10.0


def test_a_variable_inside_a_nested_one_counts_for_the_outer():
    v = tf.Variable(3.0)
    inner = with_gradient(lambda x: x * v, lambda d, variables=None: (d, [d * 5.0]))
    outer = with_gradient(
        lambda x: inner(x) * 2.0, lambda d, variables=None: (d * 7.0, [d * len(variables)])
    )
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = outer(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [7.0, 1.0]


# ---------------------------------------------------------------- higher orders


def second(f, at):
    """(first, second) derivative."""
    x = tf.constant(at)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        g = tape.gradient(y, x)
    h = outer.gradient(g, x)
    return float(g), None if h is None else float(h)


def test_values_kept_from_the_body_stay_differentiable():
    s = 1 / (1 + np.exp(-0.5))
    assert second(log1pexp, 0.5) == pytest.approx((s, s * (1 - s)), rel=1e-6)


def test_the_gradient_functions_operations_are_differentiated():
    f = tf.custom_gradient(lambda x: (x**3, lambda d: d * 3.0 * x * x))
    assert second(f, 2.0) == (12.0, 12.0)


def test_a_gradient_of_the_gradient():
    @tf.custom_gradient
    def op(x):
        def first(dy):
            @tf.custom_gradient
            def inner(x, dy):
                return dy * 11.0, lambda ddy: (ddy * 77.0, ddy * 5.0)

            return inner(x, dy)

        return x * x, first

    assert second(op, 2.0) == (11.0, 77.0)


def test_a_jacobian_of_one_that_is_not_elementwise():
    @tf.custom_gradient
    def total_times(x):
        s = tf.reduce_sum(x)
        return x * s, lambda d: d * s + tf.reduce_sum(d * x)

    x = tf.constant([1.0, 2.0, 4.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = total_times(x), x * tf.reduce_sum(x)
    np.testing.assert_allclose(tape.jacobian(y, x).numpy(), tape.jacobian(z, x).numpy(), rtol=1e-6)


def test_a_hessian_through_one():
    x = tf.constant([0.1, 0.7], tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(log1pexp(x) ** 2)
        g = tape.gradient(y, x)
    s, f = 1 / (1 + np.exp(-x.numpy())), np.log1p(np.exp(x.numpy()))
    expected = np.diag(2 * s * s + 2 * f * s * (1 - s))
    np.testing.assert_allclose(outer.jacobian(g, x).numpy(), expected, rtol=1e-12, atol=1e-15)


def test_gradients_from_numpy_take_the_dtype_of_the_argument():
    f = tf.custom_gradient(lambda x: (x * 2.0, lambda upstream: np.array([5.0, 7.0])))
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = f(x * x)
    found = tape.gradient(y, x)
    assert found.dtype == tf.float32 and found.numpy().tolist() == [10.0, 28.0]


def test_gradients_of_another_dtype_go_no_further():
    @tf.custom_gradient
    def double(x):
        return x * 2.0, lambda upstream: tf.cast(upstream, tf.float64)

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = double(x * x)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="double returned a gradient of float64"
    ):
        tape.gradient(y, x)


# ---------------------------------------------------------------- recompute_grad


def test_recomputing_gives_the_same_gradients():
    v, w = tf.Variable(2.0), tf.Variable(3.0)
    f = lambda x, y: tf.sin(x * w) * y
    found = []
    for g in (f, tf.recompute_grad(f)):
        with tf.GradientTape() as tape:
            y = g(v, v * 2.0)
        found.append([float(t) for t in tape.gradient(y, [v, w])])
    assert found[0] == found[1]


def test_recomputing_runs_the_function_again_and_keeps_nothing():
    calls, inside = [], []

    def f(x):
        calls.append(1)
        middle = tf.sin(x)
        inside.append(weakref.ref(middle))
        return middle * x

    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.recompute_grad(f)(x)
    gc.collect()
    assert inside[0]() is None and calls == [1]
    found = tape.gradient(y, x).numpy()
    assert calls == [1, 1]
    np.testing.assert_allclose(found, np.cos(x.numpy()) * x.numpy() + np.sin(x.numpy()), rtol=1e-6)


def test_recomputing_and_a_second_derivative():
    first, other = second(tf.recompute_grad(lambda x: x**4), 2.0)
    assert (first, other) == (32.0, 48.0)


def test_recomputing_with_one_tensor_in_two_places():
    for x in (tf.constant(3.0), tf.Variable(3.0)):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            product = tf.recompute_grad(lambda a, b: a * a * b)(x, x)
            first = tf.recompute_grad(lambda a, b: a * a)(x, x)
        assert float(tape.gradient(product, x)) == 27.0 and float(tape.gradient(first, x)) == 6.0


# ---------------------------------------------------------------- passing through, stopping


def test_pass_through():
    assert gradient(tf.grad_pass_through(tf.round), [1.4, 2.6])[1] == [[1.0, 1.0]]


def test_stop_gradient():
    y, (g,) = gradient(lambda x: x * tf.stop_gradient(x), 3.0)
    assert float(y) == 9.0 and g == 3.0
