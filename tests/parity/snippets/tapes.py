"""Tapes: what they record, watch, answer and refuse. Each function returns what is compared."""

import numpy as np
from compare import attempt


def rows_of_one_table_multiplied(tf):
    x = tf.constant([[0.1, 0.9], [0.4, 0.3], [0.7, 0.2], [0.6, 0.5]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        a, b, c = (tf.nn.embedding_lookup(x, np.array(i)) for i in ([0, 1], [2, 3], [1, 3]))
        y = a * b * c
    return tf.convert_to_tensor(tape.gradient(y, x))


def rows_and_the_whole_table(tf):
    x = tf.constant([[0.1, 0.9], [0.4, 0.3], [0.7, 0.2]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.gather(x, np.array([0, 1])) * tf.reduce_sum(x * 2.0)
    return tf.convert_to_tensor(tape.gradient(y, x))


def operations_that_change_nothing_are_still_operations(tf):
    x = tf.constant(10.0)
    others = [tf.identity(x), tf.add(x, 0), tf.subtract(x, 0), tf.multiply(x, 1)]
    with tf.GradientTape() as tape:
        tape.watch([x, *others])
        loss = x * 2.0
        for other in others:
            loss += other * 3.0
    return tape.gradient(loss, [x, *others])


def targets_that_are_sources(tf):
    x, y = tf.constant(3.0), tf.constant(5.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, y])
        z = y * y
    return [
        tape.gradient([x, y, z], [x, y]),
        tape.gradient([y, y], y),
        tape.gradient(x, [x]),
        tape.gradient([z, x], [x], output_gradients=[1.0, 2.0]),
    ]


def strings_have_no_gradient(tf):
    s, x = tf.constant("unknown"), tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(s)
        tape.watch(x)
        z = x * x
    return [tape.gradient(s, x), tape.gradient(s, s), tape.gradient([x, z, s], [x, s])]


def integers_have_no_gradient(tf):
    n = tf.constant(1)
    with tf.GradientTape() as tape:
        tape.watch(n)
        y = n + n
    return tape.gradient(y, n)


def reading_a_variable_is_the_identity(tf):
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v.read_value()
    return tape.gradient(y, v)


def stop_and_go_on(tf):
    with tf.GradientTape(persistent=True) as tape:
        x = tf.Variable(1.0)
        doubled = x * 2
        with tape.stop_recording():
            unseen = doubled * doubled
        seen = doubled * doubled
    return [tape.gradient(unseen, doubled), tape.gradient(seen, doubled), tape.gradient(seen, x)]


def reset_forgets_the_first_half(tf):
    with tf.GradientTape() as tape:
        v = tf.Variable(1.0)
        loss = v * v
        tape.reset()
        loss += v * v
    return tape.gradient(loss, v)


def pythons_max_of_variables(tf):
    x = [tf.Variable(2.0), tf.Variable(5.0), tf.Variable(3.0)]
    with tf.GradientTape() as tape:
        largest = max(x)
    return [largest, tape.gradient(largest, x)]


def watched_variables_through_reset(tf):
    counts = []
    with tf.GradientTape() as tape:
        counts.append(len(tape.watched_variables()))
        v = tf.Variable(1.0)
        loss = v * v
        counts.append(len(tape.watched_variables()))
        tape.reset()
        counts.append(len(tape.watched_variables()))
        loss += v * v
        counts.append(len(tape.watched_variables()))
        tape.reset()
        tape.watch(v)
        counts.append(len(tape.watched_variables()))
    return counts


def watched_variables_after_the_answer(tf):
    with tf.GradientTape() as tape:
        x = tf.Variable(1.0)
        tape.watch(x)
    tape.gradient(x, x)
    return [v is x for v in tape.watched_variables()]


def asked_inside_its_own_block(tf):
    v = tf.Variable(1.0)
    found = []
    for persistent in (False, True):
        with tf.GradientTape(persistent=persistent) as tape:
            found.append(tape.gradient(2 * v, v))
    return found


def entered_twice_at_once(tf):
    with tf.GradientTape() as tape:
        return attempt(tape.__enter__)


def entered_again_later(tf):
    tape = tf.GradientTape()
    with tape:
        x = tf.constant(3.0)
        tape.watch(x)
        y = 2 * x
    with tape:
        z = 2 * y
    return tape.gradient(target=z, sources=[x])


def watching_is_a_matter_of_one_tape(tf):
    a, b = tf.Variable(2.0, trainable=False), tf.Variable(2.0, trainable=False)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            outer.watch(a)
            inner.watch([a, b])
            first = inner.gradient([a**3, b**2], [a, b])
        return [first, outer.gradient(first, [a, b])]


def structures_come_back(tf):
    x, y, z = tf.constant(3.0), tf.constant(3.1), tf.constant(3.2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, y, z])
        w = x + 2 * y + 3 * z
    wanted = [x, (x,), (x, y), [(x, y), (y, z)], (x, y, [x, z]), [x, {"y": y, "z": z}], []]
    return [tape.gradient(w, sources) for sources in wanted]


def orders_on_one_persistent_tape(tf):
    with tf.GradientTape(persistent=True) as tape:
        x = tf.constant(3.0)
        tape.watch(x)
        y = x**3
        first = tape.gradient(y, x)
        second = tape.gradient(first, x)
    return [first, second, tape.gradient(second, x)]


def an_inner_gradient_as_a_number(tf):
    with tf.GradientTape(persistent=True) as outer:
        x = tf.constant(3.0)
        outer.watch(x)
        y = x * x
        with tf.GradientTape(persistent=True) as inner:
            inner.watch(y)
            z = 2 * y
        for _ in range(2):
            inside = inner.gradient(z, [y])[0]
        y += inside
    return [inside, outer.gradient(y, x), outer.gradient(z, x)]


def asked_twice(tf):
    with tf.GradientTape() as tape:
        x = tf.constant(3.0)
        tape.watch(x)
        y = x * x
    return [tape.gradient(y, [x]), attempt(lambda: tape.gradient(y, [x]))]


def two_equal_constants_are_two_sources(tf):
    with tf.GradientTape() as tape:
        a, b = tf.constant(3.0), tf.constant(3.0)
        tape.watch(a)
        tape.watch(b)
        y = a + b
    return tape.gradient(y, [a])


def chosen_variables_only(tf):
    a, b = tf.Variable(1.0), tf.Variable(1.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(b)
        y, z = a**2, b**3
    return [[v is b for v in tape.watched_variables()], tape.gradient([y, z], [a, b])]


def what_cannot_be_watched(tf):
    tape = tf.GradientTape()
    return [attempt(lambda x=x: tape.watch(x)) for x in (np.array(1.0), 1.0, None, "x")]


def what_cannot_be_asked(tf):
    x = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
    questions = [
        lambda: tape.gradient(None, x),
        lambda: tape.gradient(y, None),
        lambda: tape.gradient(y, 1.0),
        lambda: tape.gradient(2.0, x),
        lambda: tape.gradient(y, x, unconnected_gradients="nonsense"),
        lambda: tape.gradient(y, np.array(1.0)),
        lambda: tape.gradient(y, [x, None]),
    ]
    return [attempt(q) for q in questions]


def a_source_after_a_condition(tf):
    found = []
    for value in (5.0, 50.0):
        x = tf.constant(value)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.where(x < 10, x, x * x)
        found.append(tape.gradient(y, x))
    return found


def a_condition_and_a_loop(tf):
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cond(x < x, lambda: x, lambda: x * x)
        _, z = tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * 2), [tf.constant(1), y])
    return tape.gradient([y, z], [x])


def jacobians_in_both_ways(tf):
    with tf.GradientTape(persistent=True) as tape:
        x, y = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
        tape.watch([x, y])
        z = x * x * y
    return [tape.jacobian(z, [x, y]), tape.jacobian(z, [x, y], experimental_use_pfor=False)]


def jacobians_that_are_refused(tf):
    with tf.GradientTape() as tape:
        x = tf.constant([1.0, 2.0])
        tape.watch(x)
        y = x * x
    a, b = tf.ones([2, 3]), tf.ones([4, 3])
    return [
        attempt(lambda: tape.jacobian(y, x, experimental_use_pfor=False)),
        attempt(lambda: tape.batch_jacobian(b, a)),
        attempt(lambda: tape.batch_jacobian(a, x)),
        attempt(lambda: tape.batch_jacobian(x, a)),
        attempt(lambda: tape.jacobian([y, y], x)),
    ]


def batch_jacobian_without_columns(tf):
    x = tf.zeros([1, 0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**2
    return tape.batch_jacobian(y, x).shape


def a_split_and_its_unused_half(tf):
    x = tf.constant(2.0, shape=[3, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        left, _ = tf.split(x, num_or_size_splits=2, axis=1)
        y = tf.concat([left**2, tf.ones([3, 4])], axis=1)
    return tape.gradient(y, x)


def convolution_and_pooling(tf):
    image = tf.constant(np.sin(np.arange(50.0)).reshape(1, 5, 5, 2).astype(np.float32))
    kernel = tf.Variable(np.cos(np.arange(24.0)).reshape(2, 2, 2, 3).astype(np.float32))
    found = []
    for padding, strides in (("SAME", 1), ("VALID", 2), ("SAME", 2)):
        with tf.GradientTape() as tape:
            tape.watch(image)
            y = tf.nn.relu(tf.nn.conv2d(image, kernel, strides, padding))
            z = tf.nn.max_pool2d(y, 2, 1, "SAME") + tf.nn.avg_pool2d(y, 2, 1, "SAME")
        found.append([z, tape.gradient(z, [image, kernel])])
    return found


def a_transposed_convolution(tf):
    x = tf.constant(np.sin(np.arange(18.0)).reshape(1, 3, 3, 2).astype(np.float32))
    k = tf.Variable(np.cos(np.arange(24.0)).reshape(2, 2, 3, 2).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.conv2d_transpose(x, k, [1, 6, 6, 3], 2)
    return [y, tape.gradient(y, [x, k])]
