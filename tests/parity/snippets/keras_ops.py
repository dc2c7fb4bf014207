"""The functions of tf.keras.ops: the dtypes that come out, functional models, layers of one's own."""

from functools import partial

import numpy as np
from compare import attempt

DTYPES = ["bool", "int8", "uint8", "int32", "int64", "float16", "float32", "float64"]
UNARY = (
    "exp log sqrt sin floor ceil tanh arctan isnan square sign absolute round cumsum sum prod mean var "
    "std max argmax sort argsort any all count_nonzero zeros_like norm"
).split()
BINARY = "add multiply divide floor_divide mod power maximum equal less logical_and arctan2 dot outer".split()


def dtypes_of_one(tf):
    ops = tf.keras.ops
    inputs = {d: tf.constant(np.array([1, 0, 1]).astype(d)) for d in DTYPES}
    return {f"{f} {d}": attempt(partial(getattr(ops, f), x)) for f in UNARY for d, x in inputs.items()}


def dtypes_of_two(tf):
    ops = tf.keras.ops
    inputs = {d: tf.constant(np.array([1, 1, 1]).astype(d)) for d in DTYPES}
    others = {**inputs, "int": 2, "float": 2.5, "list": [1, 2, 3]}
    return {
        f"{f} {d} {e}": attempt(partial(getattr(ops, f), x, y))
        for f in BINARY for d, x in inputs.items() for e, y in others.items()
        if (d, e) != ("bool", "bool") or f not in ("dot", "outer")
    }  # fmt: skip


def a_functional_model(tf):
    keras, ops = tf.keras, tf.keras.ops
    x = keras.Input((4, 3))
    y = ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1)], axis=-1)
    z = ops.softmax(ops.matmul(ops.expand_dims(y, 1), ops.transpose(x, (0, 2, 1)) @ x @ ops.ones((3, 6))))
    model = keras.Model(x, [ops.squeeze(z, 1), ops.argmax(z, axis=-1)])
    data = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("float32")
    return [tuple(o.shape) for o in model.outputs], [o.dtype for o in model.outputs], model(data)


def a_layer_of_ones_own(tf):
    keras, ops = tf.keras, tf.keras.ops

    class Attention(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], 3), initializer="ones")

        def call(self, x):
            _, length, _ = ops.shape(x)
            q = ops.matmul(x, self.w)
            scores = ops.einsum("bid,bjd->bij", q, q) / ops.sqrt(ops.cast(length, "float32"))
            mask = ops.arange(length)[:, None] >= ops.arange(length)
            scores = ops.where(mask, scores, -1e9)
            return ops.reshape(ops.matmul(ops.softmax(scores, axis=-1), x), (-1, length * x.shape[-1]))

    x = tf.constant(np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32"))
    layer = Attention()
    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(layer(x)))
    inputs = keras.Input((3, 4))
    return loss, tape.gradient(loss, layer.trainable_variables), keras.Model(inputs, layer(inputs)).output_shape


def gradients(tf):
    ops = tf.keras.ops
    x = tf.constant([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])
    found = {}
    for name, f in {
        "take": lambda: ops.take(x, [-1, 0, -1], axis=1),
        "take_along_axis": lambda: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
        "slice_update": lambda: ops.slice_update(x * 2, (0, 1), [[1.0]]) * x,
        "normalize": lambda: ops.normalize(x)[:, 0],
        "pad": lambda: ops.pad(x, ((0, 1), (2, 1)), mode="reflect"),
        "clip": lambda: ops.clip(x, -1, 1) * x,
        "where": lambda: ops.where(x > 0, ops.log1p(ops.abs(x)), ops.exp(x)),
        "logsumexp": lambda: ops.logsumexp(x, axis=0),
        "tril": lambda: ops.tril(x) ** 2,
        "std": lambda: ops.std(x, axis=1),
        "map": lambda: ops.map(lambda row: ops.dot(row, row), x),
        "scan": lambda: ops.scan(lambda c, row: (c * row, c + row), ops.ones(3), x)[1],
        "crossentropy": lambda: ops.binary_crossentropy(ops.ones((2, 3)), ops.sigmoid(x)),
    }.items():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f()
        found[name] = y, attempt(lambda t=tape, y=y: t.gradient(y, x))
    return found


def wrong_input(tf):
    ops, random = tf.keras.ops, tf.keras.random
    x = tf.constant([[1.0, 2.0, 3.0]])
    calls = [
        lambda: ops.matmul(x, x),
        lambda: ops.reshape(x, (2, 2)),
        lambda: ops.concatenate([x, x[0]]),
        lambda: ops.split(x, 2, axis=1),
        lambda: ops.where(x > 0, x),
        lambda: ops.moveaxis(x, (0, 1), (0,)),
        lambda: ops.max(x[:0]),
        lambda: ops.diag(x[None]),
        lambda: ops.pad(x, 1, mode="reflect", constant_values=1),
        lambda: random.normal((2,), dtype="int32"),
        lambda: random.uniform((2,), dtype="int32"),
        lambda: random.randint((2,), 0, 3, dtype="float32"),
        lambda: random.normal((2,), seed="wrong"),
        lambda: random.SeedGenerator("wrong"),
    ]
    return [attempt(call) for call in calls]


def random_numbers(tf):
    random = tf.keras.random
    seeds = random.SeedGenerator(3)
    draws = {
        "normal": lambda seed: random.normal((2, 3), seed=seed),
        "half": lambda seed: random.normal((2,), 1.0, 2.0, dtype="float16", seed=seed),
        "truncated": lambda seed: random.truncated_normal((4,), seed=seed),
        "uniform": lambda seed: random.uniform((4,), 1.0, 2.0, seed=seed),
        "randint": lambda seed: random.randint((4,), -3, 3, seed=seed),
        "int8": lambda seed: random.randint((4,), 0, 3, dtype="int8", seed=seed),
        "categorical": lambda seed: random.categorical([[0.0, 1.0]], 5, seed=seed),
        "dropout": lambda seed: random.dropout(tf.ones((3, 2)), 0.5, noise_shape=(3, 1), seed=seed),
        "none dropped": lambda seed: random.dropout(tf.ones(3), 0.0, seed=seed),
        "all dropped": lambda seed: random.dropout(tf.ones(3), 1.0, seed=seed),
        "shuffle": lambda seed: random.shuffle(tf.range(6), seed=seed),
        "columns": lambda seed: random.shuffle(tf.ones((2, 3)), axis=1, seed=seed),
    }
    found = {}
    for name, draw in draws.items():
        one, two = draw(1), draw(1)
        for t in (draw(None), draw(seeds)):
            assert t.shape == one.shape and t.dtype == one.dtype
        found[name] = one.shape, one.dtype.name, bool(tf.reduce_all(one == two))
    moved = [bool(tf.reduce_all(draws["normal"](seeds) == draws["normal"](seeds)))]
    return found, moved, seeds.next(), seeds.state.numpy(), random.SeedGenerator(5, name="s").get_config()
