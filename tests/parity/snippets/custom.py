"""Gradients of one's own."""

from compare import attempt


def wrong_numbers_of_gradients(tf):
    found = []
    for answer in ([], [1.0, 2.0], (1.0,)):

        @tf.custom_gradient
        def f(x, answer=answer):
            return x, lambda g: answer

        x = tf.Variable(1.0)
        with tf.GradientTape() as tape:
            y = attempt(lambda f=f, x=x: f(x))
        found.append(attempt(lambda t=tape, y=y, x=x: t.gradient(y, [x])))
    return found


def errors_come_out(tf):
    @tf.custom_gradient
    def f(x):
        def grad(_):
            raise RuntimeError("on purpose")

        return x, grad

    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return attempt(lambda: tape.gradient(y, x))


def a_gradient_inside_the_body(tf):
    @tf.custom_gradient
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        y = tape.gradient(y, x)
        return y, lambda dy: [2 * dy]

    return f(tf.constant(1.0))


def a_variable_and_an_affine_gradient(tf):
    @tf.custom_gradient
    def my_square(x):
        return tf.square(x), lambda dr: 2 * dr * x + 1

    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = my_square(v)
    return [tape.gradient(y, v), len(tape.watched_variables())]


def training_through_a_custom_product(tf):
    @tf.custom_gradient
    def product(x, y):
        return x * y, lambda dr: [dr * y, dr * x]

    v, losses = tf.Variable(2.0), []
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = product(2.0, v.read_value())
        losses.append(loss)
        v.assign_sub(0.25 * tape.gradient(loss, v))
    return losses


def without_arguments(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    x = tf.constant([1.0, 2.0, 3.0])

    @tf.custom_gradient
    def f():
        def grad(dy, variables=None):
            with tf.GradientTape(persistent=True) as tape:
                y = a * x * x + b * x
            return (), [2 * tf.reduce_sum(dy * tape.jacobian(y, v)) for v in variables]

        return a * x * x + b * x, grad

    with tf.GradientTape(persistent=True) as tape:
        y = f()
    return [y, tape.gradient(y, x), tape.gradient(y, [a, b])]


def second_orders_of_ones_own(tf):
    @tf.custom_gradient
    def f(x):
        def first(dz):
            @tf.custom_gradient
            def slope(_):
                return -1.1, lambda ddz: -2.1 * ddz

            return dz * slope(x)

        return x + 10.0, first

    c = tf.constant(1.0)
    with tf.GradientTape() as outer:
        outer.watch(c)
        with tf.GradientTape() as inner:
            inner.watch(c)
            d = f(c) ** 4.0
        dd = inner.gradient(d, c)
    return [dd, outer.gradient(dd, c)]


def the_transpose_of_a_gradient(tf):
    @tf.custom_gradient
    def f(x):
        def g(dz):
            @tf.custom_gradient
            def first(_x, _dz):
                return 2.1, lambda _: (2.2, 3.1)

            return first(x, dz)

        return 2.0, g

    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            c, seed = tf.constant(1.0), tf.ones([])
            outer.watch([c, seed])
            inner.watch(c)
            y = f(c)
        g = inner.gradient(y, c, output_gradients=seed)
    return [y, g, outer.gradient(g, c), outer.gradient(g, seed)]


def recomputed_blocks(tf):
    w = tf.Variable(0.5)

    @tf.recompute_grad
    def block(x):
        return tf.reduce_prod(tf.tanh(x * w) ** 2)

    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = block(x)
        gx, gw = tape.gradient(y, [x, w])
    return [y, gx, gw, outer.gradient(gx, x)]


def functions_inside_functions(tf):
    @tf.recompute_grad
    @tf.function
    def outer(x):
        @tf.function
        def inner(z):
            return z + 1

        y, _ = tf.while_loop(
            lambda y, i: i < 10.0, lambda y, i: (inner(y), i + 1.0), [x, tf.constant(0.0)]
        )
        return y

    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = outer(x)
    return [y, tape.gradient(y, x)]


def passing_through_rounding(tf):
    x = tf.Variable([1.4, 2.6])
    with tf.GradientTape() as tape:
        y = tf.grad_pass_through(tf.round)(x) * [2.0, 3.0]
    return [y, tape.gradient(y, x)]


def keyword_arguments(tf):
    @tf.custom_gradient
    def scaled(x, scale=2.0):
        return x * scale, lambda g: (g * 10.0, None)

    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = attempt(lambda: scaled(x, 5.0))
    return [y, attempt(lambda: tape.gradient(y, x))]


def nested_outputs(tf):
    @tf.custom_gradient
    def f(x):
        return {"a": x * 2.0, "b": [x * x]}, lambda *gs: tf.add_n(list(gs))

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = attempt(lambda: f(x))
    return [y, attempt(lambda: tape.gradient(y, x))]
