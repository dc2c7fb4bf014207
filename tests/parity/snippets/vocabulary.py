"""One line or two of each family of operations, with gradients."""

import numpy as np
from compare import attempt

X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])
IMAGE = np.sin(np.arange(2 * 4 * 4 * 4.0)).reshape(2, 4, 4, 4)


def values_and_gradients(tf, functions, x=X):
    """For each function of one tensor: its value, and the gradient of its sum with weights."""
    found = []
    for f in functions:
        t = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(t)
            y = attempt(lambda f=f, t=t: f(t))
            if not hasattr(y, "numpy"):
                found.append(y)
                continue
            weights = np.cos(np.arange(float(np.prod(y.shape)))).reshape(tuple(y.shape))
            z = tf.reduce_sum(tf.cast(y, tf.float64) * weights)
        found.append([y, attempt(lambda tape=tape, z=z, t=t: tape.gradient(z, t))])
    return found


def special_functions(tf):
    m = tf.math
    return values_and_gradients(
        tf,
        [
            m.lgamma,
            m.digamma,
            lambda x: m.polygamma(tf.ones_like(x) * 2.0, x),
            lambda x: m.zeta(x + 1.0, x * 0.5 + 1),
            m.erf,
            m.erfc,
            lambda x: m.erfinv(x / 9.0),
            lambda x: m.ndtri(x / 9.0),
            lambda x: m.erfcinv(x / 9.0),
            m.lbeta,
            lambda x: m.xlogy(x, x),
            m.log_sigmoid,
            m.softplus,
            m.expm1,
            m.log1p,
            m.rsqrt,
            m.sinh,
            m.atan,
        ],
        np.array([[0.5, 1.25, 2.0], [1.5, 0.75, 3.5]]),
    )


def scans_and_sorts(tf):
    m = tf.math
    return values_and_gradients(
        tf,
        [
            lambda x: m.cumulative_logsumexp(x, 1),
            lambda x: m.cumulative_logsumexp(x, 1, exclusive=True),
            lambda x: m.cumulative_logsumexp(x, 1, reverse=True),
            lambda x: tf.cumsum(x, 1, reverse=True),
            lambda x: m.cumprod(x, 1, exclusive=True),
            lambda x: tf.sort(x, direction="DESCENDING"),
            lambda x: m.top_k(x, 2)[0],
            lambda x: tf.gather(x, tf.argsort(x), batch_dims=1),
            lambda x: tf.scan(lambda a, r: a * r, x),
            lambda x: tf.foldr(lambda a, r: a * 2.0 + r, x),
        ],
    )


def segments(tf):
    m, ids = tf.math, [1, 0, 1, 3]
    x = np.array([[1.0, 2.0], [3.0, -4.0], [1.0, 6.0], [0.5, -2.0]])
    return values_and_gradients(
        tf,
        [
            lambda x: m.unsorted_segment_sum(x, ids, 4),
            lambda x: m.unsorted_segment_mean(x, ids, 4),
            lambda x: m.unsorted_segment_max(x, ids, 4)[0],
            lambda x: m.unsorted_segment_min(x, ids, 4)[1],
            lambda x: m.unsorted_segment_prod(x, ids, 4),
            lambda x: m.unsorted_segment_sqrt_n(x, ids, 4),
            lambda x: m.segment_sum(x, [0, 0, 1, 2]),
            lambda x: m.segment_mean(x, [0, 0, 1, 2]),
            lambda x: m.segment_max(x, [0, 0, 1, 3]),
            lambda x: m.segment_min(x, [0, 0, 1, 3]),
            lambda x: m.segment_prod(x, [0, 0, 1, 2]),
            lambda x: tf.dynamic_partition(x, [1, 0, 1, 0], 2)[1],
            lambda x: tf.dynamic_stitch([[0, 2], [1, 3]], [x[:2], x[2:]]),
        ],
        x,
    )


def counting(tf):
    m = tf.math
    return [
        m.bincount([1, 1, 3]),
        m.bincount([1, 1, 3], minlength=6),
        m.bincount([0, 2], weights=[0.5, 1.5]),
        m.confusion_matrix([0, 1, 1], [0, 0, 1]),
        m.in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], 1),
        m.invert_permutation([2, 0, 1]),
        m.is_non_decreasing([1, 1, 2]),
        m.is_strictly_increasing([1, 1, 2]),
        tf.searchsorted([1.0, 3.0, 5.0], [0.0, 3.0, 6.0]),
        tf.searchsorted([1, 3], [3], side="right"),
        tf.unique([3, 1, 3]),
        tf.unique_with_counts([3, 1, 3]),
        tf.unravel_index([5, 7], [3, 4]),
        m.count_nonzero([[0, 1], [2, 0]], axis=1),
        tf.sequence_mask([1, 3]),
        tf.one_hot([2, -1], 3, 5, -5),
        tf.truncatediv(-7, 2),
        tf.truncatemod(-7, 2),
        tf.bitwise.left_shift([1, 2], [3, 1]),
        m.nextafter(tf.constant(1.0), 2.0),
        m.polyval([2.0, 0.0, -1.0], 3.0),
        m.angle(tf.constant([-1.0, 1.0])),
    ]


def scatters(tf):
    x = tf.Variable([1.0, 5.0, 3.0])
    u = tf.Variable([4.0, 4.0])
    found = []
    for f in (
        tf.tensor_scatter_nd_update,
        tf.tensor_scatter_nd_add,
        tf.tensor_scatter_nd_sub,
        tf.tensor_scatter_nd_max,
        tf.tensor_scatter_nd_min,
    ):
        with tf.GradientTape() as tape:
            y = f(x, [[0], [1]], u) * [1.0, 10.0, 100.0]
        found.append([y, tape.gradient(y, [x, u])])
    return found


def matrices(tf):
    la, square = tf.linalg, np.array([[2.0, 0.5, 0.1], [0.5, 3.0, 0.2], [0.1, 0.2, 4.0]])
    return values_and_gradients(
        tf,
        [
            la.inv,
            la.det,
            la.logdet,
            lambda x: la.slogdet(x)[1],
            la.trace,
            la.diag_part,
            lambda x: la.diag(x[0]),
            lambda x: la.solve(x, x[:, :2] + 1.0),
            lambda x: la.solve(x, x, adjoint=True),
            la.cholesky,
            lambda x: la.triangular_solve(x, x[:, :1]),
            lambda x: la.cholesky_solve(la.cholesky(x), x[:, :1]),
            lambda x: la.band_part(x, 1, 0),
            lambda x: la.set_diag(x, x[0]),
            lambda x: la.matvec(x, x[0]),
            lambda x: la.norm(x, ord=1),
            lambda x: la.norm(x, ord=3, axis=1),
            lambda x: la.norm(x, axis=[0, 1]),
            lambda x: la.norm(x, ord=np.inf, axis=1),
            lambda x: la.cross(x, x[::-1]),
            la.matrix_transpose,
            lambda x: la.tensor_diag(x[0]),
            lambda x: la.tensor_diag_part(x),
            lambda x: tf.tensordot(x, x, [[0], [1]]),
            lambda x: tf.einsum("ii->i", x),
            lambda x: tf.einsum("ij,kj->", x, x),
            lambda x: la.global_norm([x, x[0]]),
        ],
        square,
    )


def layers_of_networks(tf):
    nn, k = tf.nn, np.cos(np.arange(2 * 2 * 4 * 2.0)).reshape(2, 2, 4, 2)
    return values_and_gradients(
        tf,
        [
            lambda x: nn.conv2d(x, k, 1, "SAME"),
            lambda x: nn.conv2d(x, k, [1, 2, 1, 1], "VALID"),
            lambda x: nn.conv2d(x, k, 1, "VALID", dilations=2),
            lambda x: nn.conv2d(x, k, 1, [[0, 0], [1, 0], [0, 1], [0, 0]]),
            lambda x: nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "SAME"),
            lambda x: nn.conv1d(x[0], k[0], 1, "SAME"),
            lambda x: nn.max_pool2d(x, 2, 2, "VALID"),
            lambda x: nn.max_pool2d(x, 3, 1, "SAME"),
            lambda x: nn.avg_pool2d(x, [2, 3], 1, "SAME"),
            lambda x: nn.max_pool1d(x[0], 2, 2, "VALID"),
            lambda x: nn.avg_pool1d(x[0], 2, 1, "SAME"),
            lambda x: nn.depth_to_space(x, 2),
            lambda x: nn.space_to_depth(x, 2),
            lambda x: nn.bias_add(x, [1.0, 2.0, 3.0, 4.0]),
            lambda x: nn.moments(x, [0, 1, 2])[1],
            lambda x: nn.batch_normalization(x, 0.5, 2.0, 1.0, 3.0, 1e-3),
            lambda x: nn.l2_normalize(x, -1),
            lambda x: nn.crelu(x),
            lambda x: nn.gelu(x, approximate=True),
            lambda x: nn.conv2d_transpose(x[:, :2, :2], np.ones((2, 2, 3, 4)), [2, 4, 4, 3], 2),
        ],
        IMAGE,
    )


def losses_on_logits(tf):
    nn = tf.nn
    return values_and_gradients(
        tf,
        [
            lambda x: nn.softmax_cross_entropy_with_logits([[0.0, 1.0, 0.0]] * 2, x),
            lambda x: nn.softmax_cross_entropy_with_logits([[0.5] * 3] * 2, x, axis=0),
            lambda x: nn.softmax_cross_entropy_with_logits(tf.nn.softmax(x), x),
            lambda x: nn.sparse_softmax_cross_entropy_with_logits([1, 2], x),
            lambda x: nn.sigmoid_cross_entropy_with_logits(tf.ones_like(x) * 0.25, x),
            lambda x: nn.weighted_cross_entropy_with_logits(tf.ones_like(x) * 0.25, x, 3.0),
            lambda x: nn.log_poisson_loss(tf.abs(x), x),
            lambda x: nn.log_poisson_loss(tf.abs(x), x, True),
            lambda x: nn.compute_average_loss(x[:, 0], global_batch_size=8),
            nn.l2_loss,
        ],
    )


def images(tf):
    i = tf.image
    return values_and_gradients(
        tf,
        [
            lambda x: i.adjust_brightness(x, 0.5),
            i.flip_left_right,
            i.flip_up_down,
            i.transpose,
            lambda x: i.rgb_to_grayscale(x[..., :3]),
            i.per_image_standardization,
        ],
        np.abs(IMAGE),
    )


def control_flow_by_name(tf):
    x = tf.constant([1.0, 2.0])
    f, g = (lambda: x * 2.0), (lambda: x * 3.0)
    return [
        tf.case([(tf.constant(False), f), (tf.constant(True), g)], default=f),
        attempt(lambda: tf.case([(False, f)], default=g)),
        attempt(lambda: tf.switch_case(1, [f, g])),
        tf.switch_case(tf.constant(7), [f, g]),
        tf.switch_case(tf.constant(1), {0: f, 1: g}),
        attempt(lambda: tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])),
        tf.while_loop(lambda i: i < 3, lambda i: [i + 1], [0]),
        tf.while_loop(
            lambda i, a: i < 9,
            lambda i, a: (i + 1, a + i),
            (0, 1.5) and (0, 1),
            maximum_iterations=2,
        ),
        tf.map_fn(lambda r: r[0] + r[1], (x, x * 10.0), fn_output_signature=tf.float32),
        tf.map_fn(lambda r: (r, -r), x, fn_output_signature=(tf.float32, tf.float32)),
        tf.vectorized_map(lambda r: tf.reduce_sum(r) > 1.5, x[:, None]),
        attempt(lambda: tf.map_fn(lambda r: r > 1.0, x)),
        attempt(lambda: tf.cond(True, 1, 2)),
        attempt(lambda: tf.case([(x[0] > 5.0, f)])),
        attempt(lambda: tf.case([(x[0] > 0.0, f), (x[1] > 0.0, g)], exclusive=True)),
        tf.foldl(lambda a, r: a - r, x, initializer=10.0),
        tf.scan(lambda a, r: a * r, x, initializer=tf.constant(2.0)),
        attempt(lambda: tf.ensure_shape(x, [None, 1])),
        tf.ensure_shape(x, [None]),
    ]


def assertions(tf):
    d, x = tf.debugging, tf.constant([1.0, 2.0])
    return [
        attempt(f)
        for f in (
            lambda: d.assert_equal(x, x),
            lambda: d.assert_equal(x, [1.0, 3.0]),
            lambda: d.assert_less(x, 2.0),
            lambda: d.assert_greater_equal(x, 1.0),
            lambda: d.assert_none_equal(x, 1.0),
            lambda: d.assert_positive(-x),
            lambda: d.assert_non_negative(x),
            lambda: d.assert_near(x, x + 1e-9),
            lambda: d.assert_near(x, x + 1.0),
            lambda: d.assert_rank(x, 2),
            lambda: d.assert_rank_at_least(x, 1),
            lambda: d.assert_rank_in(x, [0, 2]),
            lambda: d.assert_scalar(x),
            lambda: d.assert_type(x, tf.int32),
            lambda: d.assert_integer(x),
            lambda: d.assert_shapes([(x, ("n",)), (x[None], ("m", "n"))]),
            lambda: d.assert_shapes([(x, (3,))]),
            lambda: d.check_numerics(x, "fine"),
            lambda: d.check_numerics(x / 0.0, "bad"),
            lambda: d.assert_all_finite(x / 0.0, "bad"),
            lambda: d.Assert(x[0] > 5.0, [x]),
            lambda: d.is_numeric_tensor(x),
        )
    ]


def datasets(tf):
    of = tf.data.Dataset
    numbers = of.range(7)
    sets = {
        "slices": of.from_tensor_slices(([1.0, 2.0], {"a": [[1], [2]]})),
        "tensors": of.from_tensors([1, 2]),
        "range": of.range(2, 9, 3),
        "batch": numbers.batch(3),
        "whole": numbers.batch(3, drop_remainder=True),
        "map": numbers.map(lambda x: x * 2),
        "two": of.zip((numbers, numbers.skip(1))).map(lambda a, b: a * b),
        "take": numbers.take(2),
        "skip": numbers.skip(5),
        "filter": numbers.filter(lambda x: x % 2 == 0),
        "repeat": numbers.take(2).repeat(2),
        "enumerate": numbers.take(2).enumerate(start=5),
        "unbatch": numbers.batch(3).unbatch(),
        "chain": numbers.take(1).concatenate(numbers.skip(6)),
        "cache": numbers.cache().batch(4),
        "prefetch": numbers.prefetch(tf.data.AUTOTUNE),
        "shard": numbers.shard(3, 1),
        "flat": numbers.take(3).flat_map(lambda x: of.range(x)),
        "none": numbers.take(0),
        "pairs": of.from_tensor_slices((np.arange(4), np.arange(4.0))).batch(2),
        "padded": of.from_tensor_slices([1, 3]).map(lambda n: tf.ones([n])).padded_batch(2),
    }
    found = {
        name: [list(s), s.cardinality(), str(s.element_spec)]
        for name, s in sets.items()
        if name != "flat"
    }
    found["flat"] = list(sets["flat"])
    found["numpy"] = [str(x) for x in sets["pairs"].as_numpy_iterator()]
    found["reduced"] = numbers.reduce(np.int64(0), lambda a, x: a + x)
    found["refused"] = [
        attempt(lambda: of.from_tensor_slices(1.0)),
        attempt(lambda: of.from_tensor_slices(([1, 2], [1]))),
        attempt(lambda: numbers.batch(0)),
        attempt(lambda: len(numbers.filter(lambda x: True))),
        attempt(lambda: len(numbers.repeat())),
        len(numbers),
    ]
    found["shuffled"] = sorted(int(x) for x in numbers.shuffle(7, seed=1).batch(2).unbatch())
    return found


def variables(tf):
    v = tf.Variable([1.0, 2.0, 3.0], name="v")
    steps = [
        lambda: v.assign([4.0, 5.0, 6.0]),
        lambda: v.assign_add([1.0, 1.0, 1.0]),
        lambda: v.assign_sub(v * 0.5),
        lambda: v[1].assign(7.0),
        lambda: v[:2].assign([0.0, 1.0]),
        lambda: v.assign([1.0]),
        lambda: v.assign_add([1.0]),
        lambda: v.assign("text"),
        lambda: v.assign(tf.constant([1, 2, 3])),
        lambda: v.assign(np.arange(3)),
        lambda: v.scatter_add(tf.IndexedSlices([1.0, 1.0], [0, 0])),
        lambda: v.scatter_update(tf.IndexedSlices([9.0], [2])),
    ]
    found = []
    for step in steps:
        found.append(attempt(step))
        found.append(v.numpy())
    return [*found, v.shape, v.dtype, v.name, v.trainable, str(v), repr(v.read_value())]


def shapes_and_dtypes(tf):
    s, d = tf.TensorShape([2, None, 3]), tf.float32
    return [
        str(s),
        repr(s),
        s.rank,
        s.as_list(),
        s[0],
        str(s[1:]),
        s == [2, None, 3],
        s.is_fully_defined(),
        s.num_elements(),
        s.is_compatible_with([2, 5, 3]),
        str(s + [4]),
        str(tf.TensorShape(None)),
        attempt(lambda: tf.TensorShape(None).as_list()),
        str(d),
        repr(d),
        d.name,
        d.size,
        d == "float32",
        d == np.float32,
        float(d.max),
        tf.int8.min,
        d.is_floating,
        tf.as_dtype("int64"),
        attempt(lambda: tf.as_dtype("nonsense")),
        str(tf.TensorSpec([None, 2], tf.int32)),
        tf.TensorSpec([None], tf.float32).is_compatible_with(tf.zeros([3])),
    ]


def indexing(tf):
    x = tf.reshape(tf.range(24), [2, 3, 4])
    keys = [
        0,
        -1,
        (0, 1),
        (slice(None), 1),
        (Ellipsis, 0),
        None,
        (0, None),
        slice(None, None, -1),
        (1, slice(0, 2)),
        (slice(1, 9), Ellipsis, slice(None, None, 2)),
        tf.constant(1),
        (0, tf.constant(2)),
        5,
        (0, 0, 0, 0),
        1.5,
        "a",
        [0, 1],
    ]
    return [attempt(lambda k=k: x[k]) for k in keys] + [
        attempt(lambda: x[x > 20]),
        attempt(lambda: x[tf.constant([0, 1])]),
    ]
