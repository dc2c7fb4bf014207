"""Forward mode, alone, nested, and over and under tapes."""

import numpy as np
from compare import attempt


def products(tf):
    x = tf.constant(-2.0)
    with tf.autodiff.ForwardAccumulator([x], [tf.constant(3.0)]) as acc:
        y = 3.0 * x
        inside = [acc.jvp(x), acc.jvp(y)]
    return [inside, acc.jvp(x), acc.jvp(y)]


def entered_again(tf):
    x = tf.constant(-2.0)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.5)) as acc:
        y = 4.0 * x
        again = attempt(acc.__enter__)
    outside = 4.0 * x
    with acc:
        z = y * y
    return [again, acc.jvp(outside), acc.jvp(z)]


def one_primal_twice(tf):
    x = tf.constant(1.0)
    return attempt(
        lambda: tf.autodiff.ForwardAccumulator([x, x], [tf.constant(1.0), tf.constant(2.0)])
    )


def pure_forward_orders(tf):
    def rate(f):
        def of(x):
            with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as acc:
                y = f(x)
            return acc.jvp(y)

        return of

    f, found = lambda x: x**3.5, []
    for _ in range(4):
        found.append(f(tf.constant(1.1)))
        f = rate(f)
    return found


def nested_accumulators(tf):
    x = tf.constant(1.1)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as outer:
        with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as inner:
            y = x**3.5
    return [y, inner.jvp(y), outer.jvp(inner.jvp(y)), inner.jvp(outer.jvp(y))]


def hessian_vector_products(tf):
    def f(x):
        return tf.reduce_prod(tf.tanh(x) ** 2)

    x, v = tf.constant([1.0, 2.0, 3.0]), tf.constant([3.0, 4.0, 5.0])
    with tf.autodiff.ForwardAccumulator(x, v) as acc:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        forward_over_back = acc.jvp(tape.gradient(y, x))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        g = inner.gradient(y, x)
    back_over_back = outer.gradient(g, x, output_gradients=v)
    return [forward_over_back, back_over_back]


def a_tape_around_an_accumulator(tf):
    c = tf.constant(1.0)
    with tf.GradientTape() as tape:
        with tf.autodiff.ForwardAccumulator(c, tf.constant(0.1)) as acc:
            tape.watch(c)
            d = tf.cos(c)
        rate = acc.jvp(d)
    return [rate, tape.gradient(rate, c)]


def variables_as_primals(tf):
    v = tf.Variable([1.0, 2.0, 3.0])
    with tf.autodiff.ForwardAccumulator(v, tf.constant([0.1, -0.2, 0.3])) as acc:
        x, y = v * 2.0, v + 0.1
        v.assign_sub([0.5, 0.5, 0.5])
    return acc.jvp([x, y])


def unconnected(tf):
    x, y = tf.constant(-1.0), tf.constant(-2.0)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(0.1)) as acc:
        pass
    return [acc.jvp(t, unconnected_gradients=u) for t in (x, y) for u in ("none", "zero")]


def loops_and_conditions(tf):
    y = tf.constant(1.0)
    with tf.autodiff.ForwardAccumulator(y, tf.constant(1.0)) as acc:
        total = 0.0
        for i in tf.range(5):
            total += y * tf.cast(i, tf.float32)
        branch = 3.0 * y if tf.constant(5) > 1 else y
    return acc.jvp([total, branch])


def columns_of_a_jacobian(tf):
    x = tf.constant([[2.0, 3.0], [1.0, 4.0]])
    columns = []
    for i in tf.range(tf.size(x)):
        tangent = tf.reshape(tf.one_hot(i, tf.size(x)), tf.shape(x))
        with tf.autodiff.ForwardAccumulator(x, tangent) as acc:
            wave = tf.sin(x) * tf.tan(x)
            y = tf.reduce_prod(wave + tf.reduce_sum(wave), axis=1)
        columns.append(tf.reshape(acc.jvp(y), [-1]))
    return tf.stack(columns, axis=1)


def through_opaque_custom_gradients(tf):
    @tf.custom_gradient
    def f(x):
        return np.sin(x.numpy()), lambda dy: dy * tf.cos(x)

    x = tf.constant([1.0, 2.0])
    with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.5])) as acc:
        y = f(x)
    return [y, acc.jvp(y)]


def errors_in_a_custom_gradient_come_out(tf):
    @tf.custom_gradient
    def f(x):
        def grad(dy):
            raise ValueError("on purpose")

        return 1.0, grad

    c = tf.constant(1.0)
    with tf.autodiff.ForwardAccumulator(c, tf.constant(2.0)) as acc:
        return attempt(lambda: acc.jvp(f(c)))


def a_hessian_by_rows(tf):
    rng = np.random.default_rng(1)
    m = tf.Variable(rng.standard_normal((4, 4)).astype(np.float32))
    x = tf.constant(rng.standard_normal(4).astype(np.float32))

    def row(v):
        with tf.autodiff.ForwardAccumulator(x, v) as acc:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(x[:, None] * m * x[None, :])
            g = tape.gradient(y, x)
        return acc.jvp(g)

    return [tf.map_fn(row, tf.eye(4)), m + tf.transpose(m)]


def shapes_of_tangents_are_checked(tf):
    x = tf.constant([1.0, 2.0])
    return [
        attempt(lambda: tf.autodiff.ForwardAccumulator(x, [tf.constant(1.0), tf.constant(1.0)])),
        attempt(lambda: tf.autodiff.ForwardAccumulator([x], tf.constant([1.0, 1.0]))),
    ]
