"""Nested structures, modules, functions and clipping of lists."""

from collections import OrderedDict, namedtuple

import numpy as np
from compare import attempt

Point = namedtuple("Point", ["x", "y"])


def flattening(tf):
    nest = tf.nest
    things = [
        {"b": 1, "a": [2, (3, 4)]},
        [],
        (),
        {},
        None,
        "text",
        [[]],
        OrderedDict([("b", 1), ("a", 2)]),
        Point(1, [2]),
        [1, [2, [3, [4]]]],
        {2: "b", 1: "a"},
    ]
    return [nest.flatten(t) for t in things]


def packing(tf):
    nest = tf.nest
    return [
        attempt(f)
        for f in (
            lambda: nest.pack_sequence_as({"b": 0, "a": [0, 0]}, [1, 2, 3]),
            lambda: nest.pack_sequence_as(Point(0, [0]), [1, 2]),
            lambda: nest.pack_sequence_as([0, 0], [1]),
            lambda: nest.pack_sequence_as(0, [1]),
            lambda: nest.pack_sequence_as(0, [1, 2]),
            lambda: nest.pack_sequence_as([], []),
            lambda: nest.pack_sequence_as([0], 1),
            lambda: type(nest.pack_sequence_as(OrderedDict([("b", 0), ("a", 0)]), [1, 2])).__name__,
        )
    ]


def mapping(tf):
    nest = tf.nest
    return [
        attempt(f)
        for f in (
            lambda: nest.map_structure(
                lambda a, b: a + b, {"a": 1, "b": [2]}, {"a": 10, "b": [20]}
            ),
            lambda: nest.map_structure(lambda a, b: a + b, [1, 2], (10, 20)),
            lambda: nest.map_structure(lambda a, b: a + b, [1, 2], (10, 20), check_types=False),
            lambda: nest.map_structure(lambda a, b: a + b, [1, 2], [10]),
            lambda: nest.map_structure(lambda a, b: a + b, [1, [2]], [10, 20]),
            lambda: nest.map_structure(lambda: 1),
            lambda: nest.map_structure(1, [1]),
            lambda: nest.assert_same_structure([1, [2]], [3, [4]]),
            lambda: nest.assert_same_structure({"a": 1}, {"b": 1}),
            lambda: nest.assert_same_structure([1], (1,)),
            lambda: nest.assert_same_structure(Point(1, 2), (1, 2)),
            lambda: nest.is_nested([]),
            lambda: nest.is_nested(1),
            lambda: nest.is_nested("ab"),
        )
    ]


def modules(tf):
    class Dense(tf.Module):
        def __init__(self, n_in, n_out, name=None):
            super().__init__(name=name)
            self.w = tf.Variable(tf.ones([n_in, n_out]), name="w")
            self.b = tf.Variable(tf.zeros([n_out]), name="b")

        def __call__(self, x):
            return tf.nn.relu(x @ self.w + self.b)

    class Stack(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [Dense(3, 2, name="first"), Dense(2, 2, name="second")]
            self.scale = tf.Variable(2.0, trainable=False, name="scale")
            self.table = {"z": tf.Variable(1.0, name="z"), "a": tf.Variable(2.0, name="a")}
            self.again = self.layers[0]

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x * self.scale

    m = Stack()
    with tf.GradientTape() as tape:
        y = m(tf.ones([1, 3]))
    return [
        m.name,
        [v.name for v in m.variables],
        [v.name for v in m.trainable_variables],
        [v.name for v in m.non_trainable_variables],
        [s.name for s in m.submodules],
        y,
        tape.gradient(y, m.trainable_variables),
        attempt(lambda: tf.Module(name="not a name")),
    ]


def functions(tf):
    @tf.function
    def f(x, scale=2.0):
        """Doubles."""
        return {"y": x * scale, "n": 3}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def g(x):
        return tf.reduce_sum(x)

    class Thing:
        def __init__(self):
            self.v = tf.Variable(2.0)

        @tf.function
        def method(self, x):
            self.v.assign_add(1.0)
            return self.v * x

    thing = Thing()
    return [
        f(tf.constant(1.0)),
        f(tf.constant(1.0), scale=3.0),
        f.__name__,
        f.__doc__,
        g([1.0, 2.0]),
        g(tf.ones([5])),
        attempt(lambda: g(tf.ones([2, 2]))),
        attempt(lambda: g(tf.constant([1, 2]))),
        attempt(lambda: g()),
        thing.method(3.0),
        thing.v,
        f.python_function(tf.constant(1.0))["n"],
        tf.function(lambda: None)(),
    ]


def clipping(tf):
    rows = tf.IndexedSlices(
        tf.constant([[3.0, 4.0], [3.0, 4.0]]), tf.constant([0, 2]), tf.constant([3, 2])
    )
    x = tf.constant([[3.0, 4.0], [0.0, 0.5]])
    return [
        attempt(f)
        for f in (
            lambda: tf.clip_by_norm(x, 1.0),
            lambda: tf.clip_by_norm(x, 1.0, axes=[1]),
            lambda: tf.clip_by_norm(x, 100.0),
            lambda: tf.clip_by_norm(x, [[1.0], [0.25]], axes=[1]),
            lambda: tf.clip_by_norm(rows, 1.0).values,
            lambda: tf.clip_by_global_norm([x, None, x[0]], 1.0),
            lambda: tf.clip_by_global_norm([rows, x], 2.0)[1],
            lambda: tf.clip_by_global_norm([x], 1.0, use_norm=tf.constant(10.0)),
            lambda: tf.clip_by_global_norm([x * np.inf], 1.0),
            lambda: tf.clip_by_global_norm([], 1.0),
            lambda: tf.clip_by_global_norm([None], 1.0),
            lambda: tf.clip_by_global_norm(x, 1.0),
            lambda: tf.clip_by_global_norm((x, x), 1.0)[1],
            lambda: tf.clip_by_value(x, [1.0, 2.0], 3.0),
            lambda: tf.clip_by_value(x, 0.0, [1.0, 2.0, 3.0]),
            lambda: tf.clip_by_value(tf.constant([1, 9]), 2, 5),
            lambda: tf.clip_by_value(tf.constant([1, 9]), 2.0, 5),
            lambda: tf.clip_by_value(rows, 0.0, 3.5).values,
            lambda: tf.linalg.global_norm([rows, x]),
            lambda: tf.clip_by_value(tf.constant([np.nan, 1.0]), 0.0, 0.5),
            lambda: tf.linalg.global_norm([]),
            lambda: tf.linalg.global_norm([None]),
        )
    ]


def rows_of_tables(tf):
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    found = []
    for f in (
        lambda: tf.gather(table, [2, 0, 2]),
        lambda: tf.nn.embedding_lookup(table, [[0, 1], [1, 1]]),
        lambda: tf.gather(table, [0]) * 2.0 + table[1],
        lambda: tf.gather(tf.gather(table, [2, 1]), [0, 0]),
        lambda: tf.gather(table, tf.constant([1], tf.int64)),
        lambda: tf.gather(table, 1),
        lambda: table[1:],
        lambda: tf.gather(table, [[1, 0], [0, 1], [1, 1]], batch_dims=1),
        lambda: tf.gather(table, [1, 1], axis=1),
    ):
        with tf.GradientTape() as tape:
            y = f()
        g = tape.gradient(y, table)
        found.append([y, g, tf.convert_to_tensor(g)])
    return found


def errors_and_their_families(tf):
    e = tf.errors
    return [
        [
            issubclass(getattr(e, n), e.OpError)
            for n in ("InvalidArgumentError", "NotFoundError", "OutOfRangeError")
        ],
        issubclass(e.InvalidArgumentError, ValueError),
        attempt(lambda: tf.ones([2]) + tf.ones([3])),
        attempt(lambda: tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))),
        attempt(lambda: tf.reshape(tf.ones([4]), [3])),
        attempt(lambda: tf.concat([tf.ones([2]), tf.ones([2, 2])], 0)),
        attempt(lambda: tf.stack([tf.ones([2]), tf.ones([3])])),
        attempt(lambda: tf.reduce_sum(tf.ones([2]), axis=3)),
        attempt(lambda: tf.transpose(tf.ones([2, 3]), [0, 0])),
        attempt(lambda: tf.squeeze(tf.ones([2]), 0)),
        attempt(lambda: tf.split(tf.ones([5]), 2)),
        attempt(lambda: tf.broadcast_to(tf.ones([2]), [3])),
        attempt(lambda: tf.gather(tf.ones([2]), [5])),
        attempt(lambda: tf.one_hot([1.5], 3)),
        attempt(lambda: tf.random.uniform([2], dtype=tf.int32)),
        attempt(lambda: bool(tf.ones([2]))),
        attempt(lambda: int(tf.ones([2]))),
        attempt(lambda: len(tf.constant(1.0))),
        attempt(lambda: list(tf.constant(1.0))),
        attempt(lambda: hash(tf.constant(1.0))),
        attempt(lambda: {tf.Variable(1.0): 1}),
        attempt(lambda: tf.constant([1, 2]).astype(float)),
        attempt(lambda: tf.constant([[1], [2, 3]])),
        attempt(lambda: tf.zeros([2, -1])),
        attempt(lambda: tf.fill([2], [1, 2])),
        attempt(lambda: tf.eye(2, dtype="nonsense")),
        attempt(lambda: tf.linalg.inv(tf.ones([2, 2]))),
        attempt(lambda: tf.linalg.solve(tf.eye(2), tf.ones([3, 1]))),
        attempt(lambda: tf.linalg.inv(tf.ones([2, 3]))),
        attempt(lambda: tf.einsum("ij,jk->ik", tf.ones([2, 3]), tf.ones([2, 3]))),
        attempt(lambda: tf.constant(1) // 0),
        attempt(
            lambda: tf.nn.softmax_cross_entropy_with_logits(
                [[1.0]], [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
            )
        ),
        attempt(lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([5], [[1.0, 2.0]])),
        attempt(lambda: tf.nn.dropout(tf.ones([2]), 1.5)),
        attempt(lambda: tf.nn.conv2d(tf.ones([1, 3, 3, 2]), tf.ones([2, 2, 3, 1]), 1, "SAME")),
        attempt(lambda: tf.nn.max_pool2d(tf.ones([3, 3]), 2, 1, "SAME")),
        attempt(lambda: tf.nn.bias_add(tf.ones([2, 3]), tf.ones([2]))),
        attempt(lambda: tf.Variable()),
        attempt(lambda: tf.Variable(1.0, shape=[2])),
        attempt(lambda: tf.norm(tf.ones([2]), ord="x")),
        attempt(lambda: tf.tensordot(tf.ones([2, 3]), tf.ones([2, 3]), 1)),
        attempt(lambda: tf.cumsum(tf.ones([2]), axis=2)),
        attempt(lambda: tf.linspace(0.0, 1.0, 0)),
        attempt(lambda: tf.range(0, 5, 0)),
        attempt(lambda: tf.pad(tf.ones([2]), [[1, 1]], mode="X")),
        attempt(lambda: tf.meshgrid([1], [2], indexing="xx")),
        attempt(lambda: tf.tile(tf.ones([2]), [1, 2])),
        attempt(lambda: tf.add_n([])),
        attempt(lambda: tf.identity(None)),
        attempt(lambda: tf.cast([1.0], "nonsense")),
        attempt(lambda: tf.ones([2])[3]),
    ]
