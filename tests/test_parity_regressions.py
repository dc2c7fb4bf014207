"""What once differed from TensorFlow, found by random programs and snippets under both.

Each test is named for what differed; what it expects is what TensorFlow 2.21 gave. None of them
needs TensorFlow.
"""

import collections
import copy
import sys

import numpy as np
import pytest

import tapelab as tf

Invalid = tf.errors.InvalidArgumentError


def gradient(f, *values, **options):
    """The gradient of f at constants or variables."""
    with tf.GradientTape() as tape:
        tape.watch([v for v in values if isinstance(v, tf.Tensor)])
        y = f(*values)
    return tape.gradient(y, values[0] if len(values) == 1 else list(values), **options)


# ---------------------------------------------------------------- tapes


def test_unconnected_targets_do_not_check_output_gradients():
    x, other = tf.Variable([1.0, 2.0]), tf.constant([[1.0]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(other)
    assert tape.gradient(tf.constant(1), other, output_gradients=x * 2.0) is None


def test_output_gradients_of_a_foreign_shape_are_invalid():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x * x
    with pytest.raises(Invalid, match="Incompatible shapes"):
        tape.gradient(y, x, output_gradients=tf.ones([3]))


def test_jacobian_of_what_the_tape_does_not_track_is_none():
    x, y = tf.constant([1.0, 2.0]), tf.constant([3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(y)
    assert tape.jacobian(x, x) is None
    assert tape.gradient(x, x).numpy().tolist() == [1.0, 1.0]


def test_jacobian_of_an_unwatched_variable_is_none():
    v = tf.Variable([1.0])
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        v * v
    assert tape.jacobian(v, v) is None


def test_jacobian_of_a_variable_assigned_after_watching_is_the_identity():
    v = tf.Variable([1.0, 2.0], trainable=False)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(v)
        v.assign([3.0, 4.0])
    assert tape.jacobian(v, v).numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_batch_jacobian_of_integers_is_zeros_of_their_dtype():
    v = tf.Variable([[1.0, 3.0]])
    with tf.GradientTape() as tape:
        order = tf.argsort(v)
    found = tape.batch_jacobian(order, v)
    assert found.dtype == tf.int32 and not found.numpy().any()


def test_a_variable_watched_late_has_no_gradient_from_before():
    a, b = tf.Variable([1.0]), tf.Variable([[-2.0]], trainable=False)
    with tf.GradientTape() as tape:
        early = a * b
        tape.watch(b)
        late = a * b * b
    assert tape.gradient([early, late], b).numpy().tolist() == [[-4.0]]
    with tf.GradientTape() as tape:
        early = a * b
        tape.watch(b)
    assert tape.gradient(early, b) is None


# ---------------------------------------------------------------- forward mode


def test_sign_has_no_rate():
    x = tf.constant([2.0])
    with tf.autodiff.ForwardAccumulator(x, tf.ones([1])) as acc:
        y = tf.sign(x)
    assert acc.jvp(y) is None
    assert gradient(tf.sign, x).numpy().tolist() == [0.0]


def test_accumulators_see_the_rates_of_those_inside_also_when_asked_later():
    x = tf.constant(1.1)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as outer:
        with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as inner:
            y = x**3.5
    assert abs(float(outer.jvp(inner.jvp(y))) - 3.5 * 2.5 * 1.1**1.5) < 1e-4
    assert inner.jvp(outer.jvp(y)) is None


def test_tapes_see_the_rates_of_accumulators_inside_also_when_asked_later():
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with tf.autodiff.ForwardAccumulator(x, tf.constant(0.1)) as acc:
            y = tf.cos(x)
    assert abs(float(tape.gradient(acc.jvp(y), x)) + 0.1 * np.cos(1.0)) < 1e-6


# ---------------------------------------------------------------- the same object


def test_cast_of_a_variable_to_its_own_dtype_is_the_variable():
    v = tf.Variable([1.0])
    assert tf.cast(v, tf.float32) is v


@pytest.mark.parametrize("f", [tf.math.conj, tf.math.real, tf.convert_to_tensor])
def test_what_changes_nothing_returns_the_very_same_tensor(f):
    x = tf.constant([1.0])
    assert f(x) is x


def test_rounding_integers_returns_the_very_same_tensor():
    n = tf.constant([1, 2])
    assert tf.round(n) is n


def test_conj_of_a_variable_is_read_from_it():
    v = tf.Variable([-2.0], trainable=False)
    with tf.GradientTape() as tape:
        y = tf.math.conj(v)
    assert tape.gradient(y, v) is None


# ---------------------------------------------------------------- values and gradients at edges


def test_repeat_of_a_scalar_along_axis_0():
    assert tf.repeat(2.0, 2, axis=0).numpy().tolist() == [2.0, 2.0]


def test_reverse_of_a_scalar_is_the_scalar():
    assert float(tf.reverse(tf.constant(2.0), [-1])) == 2.0


def test_softmax_of_nothing_is_nothing():
    empty = tf.zeros([0])
    assert tf.nn.softmax(empty).shape == tf.nn.log_softmax(empty).shape == [0]
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=empty, logits=empty)
    assert float(loss) == 0.0


def test_set_diag_of_a_matrix_that_is_not_square():
    z = tf.linalg.set_diag(tf.zeros([3, 2]), tf.constant([1.0, 2.0]))
    assert z.numpy().tolist() == [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]


def test_divide_no_nan_of_integers_is_float64():
    z = tf.math.divide_no_nan(tf.constant([3, 3]), tf.constant([2, 0]))
    assert z.dtype == tf.float64 and z.numpy().tolist() == [1.5, 0.0]


def test_the_bounds_of_clip_by_value_may_cross():
    high = tf.Variable([-0.83, 1.0])
    with tf.GradientTape() as tape:
        y = tf.clip_by_value(tf.constant([0.3, 3.0]), -0.75, high)
    assert y.numpy().tolist() == [-0.75, 1.0]
    assert tape.gradient(y, high).numpy().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("f", [tf.nn.relu, tf.nn.elu])
def test_a_zero_cotangent_is_zero_through_elu_of_nan(f):
    g = gradient(lambda x: tf.nn.relu(f(tf.sqrt(x))), tf.constant([-1.0]))
    assert g.numpy().tolist() == [0.0]


def test_gather_along_the_last_axis_of_a_vector_has_a_dense_gradient():
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        last, first = tf.gather(v, [0, 0], axis=-1), tf.gather(v, [0, 0], axis=0)
    assert isinstance(tape.gradient(last, v), tf.Tensor)
    assert isinstance(tape.gradient(first, v), tf.IndexedSlices)


def test_gathered_rows_keep_the_dtype_of_their_indices():
    v = tf.Variable([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        y = tf.gather_nd(v, [[1], [1]])
    assert tape.gradient(y, v).indices.dtype == tf.int32


# ---------------------------------------------------------------- conversions


@pytest.mark.parametrize(
    "value, dtype",
    [
        ([np.int64(1), np.int64(2)], "int32"),
        ([np.array([1, 2]), [3, 4]], "int32"),
        ([np.float64(1), 2], "float64"),
        ([np.float32(1), np.float64(2)], "float32"),
        ([np.int64(1), 2.5], "float32"),
        ([True, np.bool_(False)], "bool"),
        ([1.0, np.array(2.0)], "float32"),
    ],
)
def test_lists_with_numpy_numbers_in_them(value, dtype):
    assert tf.constant(value).dtype.name == dtype


def test_stack_converts_a_list_of_numbers_as_a_whole():
    assert tf.stack([1, 2.5]).dtype == tf.float32
    assert tf.stack([1, 2**40]).dtype == tf.int64
    assert tf.stack([]).shape == [0]


@pytest.mark.parametrize(
    "f", [tf.maximum, tf.pow, tf.math.squared_difference, lambda x, y: tf.where(True, x, y)]
)
def test_of_two_values_that_are_no_tensors_the_first_fixes_the_dtype(f):
    assert f([3.0, 2.0], np.array([1.0, 2.0])).dtype == tf.float32
    assert f(np.array([3.0, 2.0]), 2).dtype == tf.float64


def test_tf_add_converts_its_first_argument_by_itself():
    x = tf.constant([1.0], tf.float64)
    assert (2.0 + x).dtype == tf.float64
    with pytest.raises(Invalid):
        tf.add(2.0, x)


# ---------------------------------------------------------------- what is refused, by the right name

REFUSED = {
    "a float beside an int tensor": (lambda: tf.constant([1]) % 2.0, (TypeError, Invalid)),
    "two dtypes": (lambda: tf.constant([1]) * tf.constant([1.0]), (TypeError, Invalid, ValueError)),
    "complex numbers of half precision": (lambda: tf.complex(*[tf.ones([1], tf.float16)] * 2), (TypeError,)),
    "booleans added": (lambda: tf.constant([True]) + tf.constant([True]), (Invalid,)),
    "strings added": (lambda: tf.constant("a") + tf.constant("b"), (Invalid,)),
    "floor of integers": (lambda: tf.floor(tf.constant([1])), (Invalid,)),
    "xlogy of integers": (lambda: tf.math.xlogy(tf.constant([1]), tf.constant([1])), (Invalid,)),
    "l2_loss of integers": (lambda: tf.nn.l2_loss(tf.constant([1])), (Invalid,)),
    "running sums of integers": (lambda: tf.math.cumulative_logsumexp(tf.constant([1])), (Invalid,)),
    "reciprocal_no_nan of integers": (lambda: tf.math.reciprocal_no_nan(tf.constant([1])), (Invalid,)),
    "einsum of a scalar": (lambda: tf.einsum("...i,...i->...", 1.0, tf.constant(1.0)), (Invalid,)),
    "a mask of no axes": (lambda: tf.boolean_mask(tf.constant(1.0), tf.constant(True)), (ValueError,)),
    "unstack of a scalar": (lambda: tf.unstack(tf.constant(1.0)), (ValueError,)),
    "band_part of a scalar": (lambda: tf.linalg.band_part(tf.constant(1.0), 0, -1), (Invalid,)),
    "diag of a scalar": (lambda: tf.linalg.diag(tf.constant(1.0)), (Invalid,)),
    "padding of a scalar": (lambda: tf.pad(tf.constant(1.0), []), (Invalid,)),
    "range between vectors": (lambda: tf.range([1, 2], [3, 4]), (Invalid,)),
    "scan over a scalar": (lambda: tf.scan(lambda a, b: a + b, tf.constant(1)), (IndexError,)),
    "map_fn over a scalar": (lambda: tf.map_fn(lambda a: a, tf.constant(1)), (ValueError,)),
    "add_n of two dtypes": (lambda: tf.add_n([tf.constant(1.0, tf.float64), 2.0]), (Invalid,)),
    "a string as a number": (lambda: tf.cast("1", tf.float32), (tf.errors.UnimplementedError,)),
    "numbers and strings": (lambda: tf.constant([1, "a"], tf.float32), (ValueError,)),
    "a number beyond 64 bits": (lambda: tf.constant(2**70), (ValueError,)),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    f, classes = REFUSED[what]
    with pytest.raises(classes) as caught:
        f()
    assert all(isinstance(caught.value, c) for c in classes)
    assert len(str(caught.value)) > 15


def test_an_infinite_cotangent_does_not_pass_the_smaller_of_two():
    x = tf.Variable([0.5, 0.0])
    with tf.GradientTape() as tape:
        y = tf.math.rsqrt(tf.minimum(x, [0.0, 4.0]))
    assert tape.gradient(y, x).numpy().tolist() == [0.0, -np.inf]


def test_the_gradient_of_a_determinant_of_a_singular_matrix_is_invalid():
    x = tf.Variable([[1.0, 1.0], [1.0, 1.0]])
    with tf.GradientTape() as tape:
        y = tf.linalg.det(x)
    with pytest.raises(Invalid, match="not invertible"):
        tape.gradient(y, x)


def test_segment_prod_without_rows_has_a_gradient():
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.math.unsorted_segment_prod(x, [0, 2], 3)
    assert y.numpy().tolist() == [2.0, 1.0, 3.0]
    assert tape.gradient(y, x).numpy().tolist() == [1.0, 1.0]


def test_a_list_as_an_index_is_a_tuple():
    x = tf.constant([[1, 2], [3, 4]])
    assert int(x[[1, 0]]) == 3


def test_linspace_of_no_numbers_is_empty():
    assert tf.linspace(0.0, 1.0, 0).shape == [0]


def test_fill_takes_a_scalar_and_sizes_from_0():
    for f in (
        lambda: tf.fill([2], [1, 2]),
        lambda: tf.zeros([2, -1]),
        lambda: tf.one_hot([1.5], 3),
    ):
        with pytest.raises(Invalid):
            f()


def test_nothing_to_map_is_said():
    with pytest.raises(ValueError, match="at least one structure"):
        tf.nest.map_structure(lambda: 1)


def test_a_remainder_of_zero_keeps_the_sign_of_the_dividend():
    z = tf.constant([-2.0, 2.0, -2.0, 7.0, -7.0]) % tf.constant([0.25, -2.0, -2.0, -3.0, 3.0])
    assert z.numpy().tolist() == [0.0, 0.0, 0.0, -2.0, 2.0]
    assert np.signbit(z.numpy()).tolist() == [True, False, True, True, False]


def test_floor_division_of_floats_rounds_the_quotient():
    assert float(tf.constant(1.0) // 0.1) == 10.0
    assert float(tf.constant(1.0) // -np.inf) == 0.0


def test_a_bound_that_is_nan_takes_the_cotangent_from_x():
    x, high = tf.Variable([1.0]), tf.Variable([np.nan])
    with tf.GradientTape() as tape:
        y = tf.clip_by_value(x, 0.0, high)
    assert tape.gradient(y, x).numpy().tolist() == [0.0]


def test_gamma_functions_of_infinities():
    x = tf.constant([np.inf, -np.inf, np.nan])
    assert np.array_equal(tf.math.lgamma(x), [np.inf, np.inf, np.nan], equal_nan=True)
    assert np.array_equal(tf.math.digamma(x), [np.inf, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: tf.cumsum(x, axis=[0, 1]), Invalid),
        (lambda x: tf.argmin(x, axis=[0, 1]), Invalid),
        (lambda x: tf.sort(x, axis=[0, 1]), ValueError),
        (lambda x: tf.gather(x, [0], axis=[0, 1]), Invalid),
        (lambda x: tf.concat([x, x], [0, 1]), Invalid),
        (lambda x: tf.expand_dims(x, [0, 1]), Invalid),
        (lambda x: tf.split(x, 1, [0, 1]), Invalid),
        (lambda x: tf.roll(x, 1, [0, 1]), Invalid),
        (lambda x: tf.squeeze(x, 2), Invalid),
        (lambda x: tf.one_hot([1], 3, axis=5), Invalid),
        (lambda x: tf.tensordot(x, x, [[2], [2]]), IndexError),
        (lambda x: tf.where(tf.constant(True)), Invalid),
        (lambda x: tf.cumsum(x, axis=None), ValueError),
        (lambda x: tf.reduce_max(x, axis=[None]), ValueError),
    ],
)
def test_axes_that_are_none(f, error):
    with pytest.raises(error):
        f(tf.ones([2, 3]))


def test_the_largest_column_sum_of_integers_is_a_norm():
    assert int(tf.norm(tf.constant([[1, -2], [2, 3]]), ord=1, axis=[0, 1])) == 5


# ---------------------------------------------------------------- dtypes that are refused, or kept


BOOLS, COMPLEX, INTS = [True, False], [1 + 1j, 2.0], [1, 2]


@pytest.mark.parametrize(
    "f, value",
    [
        *(
            (f, BOOLS)
            for f in (tf.square, tf.abs, tf.cumsum, tf.sort, tf.argsort, tf.round, tf.nn.relu)
        ),
        *((f, BOOLS) for f in (tf.math.top_k, lambda x: tf.add_n([x, x]), lambda x: x[0] + x[0])),
        *((f, BOOLS) for f in (lambda x: x[0] ** x[0], lambda x: tf.maximum(x[0], x[0]))),
        *((f, BOOLS) for f in (lambda x: tf.clip_by_value(x, x, x), lambda x: tf.matmul([x], [x]))),
        *((lambda x, f=f: f(x, [0, 0]), BOOLS) for f in (tf.math.segment_sum, tf.math.segment_max)),
        *(
            (f, COMPLEX)
            for f in (tf.sort, tf.argmax, tf.math.top_k, tf.reduce_max, tf.nn.relu, tf.nn.elu)
        ),
        *((f, COMPLEX) for f in (tf.reduce_logsumexp, lambda x: tf.maximum(x, x), lambda x: x < x)),
        *((lambda x, f=f: f([x, x]), INTS) for f in (tf.linalg.inv, tf.linalg.det)),
        (lambda x: tf.nn.avg_pool2d(tf.reshape(x, [1, 2, 1, 1]), 1, 1, "SAME"), INTS),
    ],
)
def test_dtypes_on_which_an_operation_is_not_defined(f, value):
    with pytest.raises(Invalid):
        f(tf.constant(value))


def test_the_mean_of_a_segment_of_integers_is_an_integer():
    z = tf.math.segment_mean([7, 2, -3, -4], [0, 0, 1, 1])
    assert z.dtype == tf.int32 and z.numpy().tolist() == [4, -3]


def test_unconnected_zeros_of_a_batch_jacobian_have_the_dtype_of_the_source():
    x, y = tf.constant([[1, 2]]), tf.constant([[1.0]])
    with tf.GradientTape(persistent=True) as tape:
        pass
    zeros = tape.batch_jacobian(y, x, unconnected_gradients="zero")
    assert zeros.dtype == tf.int32 and zeros.shape == [1, 1, 2]
    assert tape.batch_jacobian(y, x).dtype == tf.float32


def test_complex_numbers_are_normalised_by_their_length():
    z = tf.math.l2_normalize(tf.constant([3j, 4.0], tf.complex64))
    assert z.numpy().round(4).tolist() == np.array([0.6j, 0.8], np.complex64).round(4).tolist()
    assert tf.linalg.logdet(tf.eye(2, dtype=tf.complex64)).dtype == tf.float32


def test_the_largest_integers_first():
    for dtype in ("uint8", "int8"):
        x = tf.constant([0, 1, np.iinfo(dtype).min], dtype)
        assert tf.sort(x, direction="DESCENDING").numpy().tolist() == sorted(
            x.numpy(), reverse=True
        )
        assert tf.math.top_k(x).values.numpy().tolist() == [1]


# ---------------------------------------------------------------- paddings, multi-indices, diagonals


def test_paddings_by_which_an_axis_cannot_be_mirrored():
    for paddings, mode in (([2, 0], "REFLECT"), ([3, 0], "SYMMETRIC"), ([-1, 0], "CONSTANT")):
        with pytest.raises(Invalid, match="addings must be"):
            tf.pad([1.0, 2.0], [paddings], mode=mode)
    assert tf.pad([True], [[0, 1]]).numpy().tolist() == [True, False]


def test_of_updates_at_one_place_the_last_stays():
    x, u = tf.Variable([1.0, 2.0]), tf.Variable([5.0, 6.0])
    with tf.GradientTape() as tape:
        y = tf.tensor_scatter_nd_update(x, [[0], [0]], u)
    assert y.numpy().tolist() == [6.0, 2.0]
    dx, du = tape.gradient(y, [x, u])
    assert dx.numpy().tolist() == [0.0, 1.0] and du.numpy().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "indices, updates", [([[9]], [5.0]), ([[-1]], [5.0]), ([[1]], [5.0, 6.0]), ([[1]], 5.0)]
)
@pytest.mark.parametrize("what", ["add", "sub", "update", "max", "min"])
def test_multi_indices_and_updates_that_do_not_fit(what, indices, updates):
    with pytest.raises(Invalid):
        getattr(tf, f"tensor_scatter_nd_{what}")([1.0, 2.0, 3.0], indices, updates)


def test_multi_indices_that_are_no_such_thing():
    for indices in (1, [0, 0], [[0.0]]):
        with pytest.raises(Invalid):
            tf.gather_nd([1.0, 2.0], indices)


def test_variables_are_written_at_multi_indices():
    v = tf.Variable([1.0, 2.0, 3.0])
    v.scatter_nd_update([[0], [0]], [5.0, 6.0])
    v.scatter_nd_add([[1], [1]], [1, 1])
    v.scatter_nd_sub([[2]], [3])
    assert v.numpy().tolist() == [6.0, 4.0, 0.0]
    with pytest.raises(Invalid):
        v.scatter_update(tf.IndexedSlices(tf.constant([1.0]), tf.constant([7])))


@pytest.mark.parametrize(
    "method, values",
    [
        ("scatter_mul", [5, 2, 0]), ("scatter_max", [5, 2, 3]), ("scatter_min", [1, 2, 0]),
        ("scatter_add", [6, 2, 3]), ("scatter_sub", [-4, 2, 3]), ("scatter_update", [5, 2, 0]),
    ],
)  # fmt: skip
def test_rows_of_variables_are_written(method, values):
    rows = tf.IndexedSlices(tf.constant([5.0, 0.0]), tf.constant([0, 2]))
    assert getattr(tf.Variable([1.0, 2.0, 3.0]), method)(rows).numpy().tolist() == values


def test_diagonals_beside_the_main_one():
    x = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for k in (-1, 0, 1, 2):
        assert tf.linalg.diag_part(x, k=k).numpy().tolist() == np.diag(x, k).tolist()
        assert tf.linalg.diag([1.0, 2.0], k=k).numpy().tolist() == np.diag([1.0, 2.0], k).tolist()
        filled = tf.linalg.set_diag(x, np.diag(x, k) * 0, k=k).numpy()
        assert filled.tolist() == np.where(np.eye(2, 3, k), 0, x).tolist()
    with pytest.raises(Invalid):
        tf.linalg.diag_part(x, k=3)


def test_a_band_keeps_infinities_out():
    x = tf.constant([[1.0, np.inf], [np.nan, 1.0]])
    assert tf.linalg.band_part(x, 0, 0).numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_no_items_under_dots_of_an_einsum():
    assert tf.einsum("...ab->...ba", tf.zeros([0, 2, 3])).shape == [0, 3, 2]


def test_a_bias_wants_a_batch():
    with pytest.raises(Invalid):
        tf.nn.bias_add([1.0, 2.0], [1.0, 2.0])


def test_what_an_unwatched_variable_holds_is_not_the_variable():
    v = tf.Variable([1.0], trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        y = tf.nn.dropout(v, 0.0)
    assert tape.gradient(y, v) is None and tape.gradient(v, v).numpy().tolist() == [1.0]


def test_a_scalar_turned_around_is_another_tensor():
    x = tf.constant(0)
    with tf.GradientTape() as tape:
        y = tf.reverse(x, [-1])
    assert tape.gradient(y, x) is None
    with pytest.raises(Invalid):
        tf.reverse([1, 2], 0)


@pytest.mark.parametrize("key", [(None, [0, 1]), ([0, 1], 0), slice(1.5, None), slice(None, "a")])
def test_keys_that_do_not_index(key):
    with pytest.raises(TypeError):
        tf.ones([2, 2])[key]


def test_a_step_of_zero():
    with pytest.raises(Invalid):
        tf.ones([2])[::0]


def test_dimensions_in_front_counted_from_the_back_of_the_indices():
    x, rows = tf.reshape(tf.range(8), [2, 4]), [[3, 1], [1, 1]]
    assert tf.gather(x, rows, axis=-1, batch_dims=-1).numpy().tolist() == [[3, 1], [5, 5]]


def test_rows_of_gather_nd_are_slices_by_the_shape_of_the_indices():
    x = tf.Variable([1.0, 2.0, 3.0])
    assert isinstance(gradient(lambda x: tf.gather_nd(x, [[1]]), x), tf.IndexedSlices)
    assert not isinstance(gradient(lambda x: tf.gather_nd(x, [[[1]]]), x), tf.IndexedSlices)


def test_losses_of_integers():
    for loss in (tf.nn.sigmoid_cross_entropy_with_logits, tf.nn.softmax_cross_entropy_with_logits):
        with pytest.raises(Invalid):
            loss(labels=[[1, 0]], logits=[[1, 2]])


def test_complex_numbers_of_a_determinant_and_booleans_transposed():
    assert tf.linalg.slogdet(tf.eye(2, dtype=tf.complex64))[1].dtype == tf.complex64
    assert tf.linalg.adjoint([[True]]).dtype == tf.bool
    with pytest.raises(Invalid):
        tf.math.invert_permutation(3)
# ---------------------------------------------------------------- operations at their edges


def test_gradient_of_cumulative_logsumexp_where_elements_are_far_apart():
    x = tf.Variable([-1000.0, -1000.0, 1.0])
    g = gradient(lambda x: tf.reduce_sum(tf.math.cumulative_logsumexp(x)), x)
    np.testing.assert_allclose(g.numpy(), [1.5, 0.5, 1.0], rtol=1e-4)
    x = tf.Variable([1.0, -np.inf, 2.0])
    g = gradient(lambda x: tf.reduce_sum(tf.math.cumulative_logsumexp(x)), x)
    np.testing.assert_allclose(g.numpy(), [2 + 1 / (1 + np.e), 0.0, np.e / (1 + np.e)], rtol=1e-6)


def test_rate_of_elu_at_infinity():
    x = tf.constant([np.inf, -np.inf])
    with tf.autodiff.ForwardAccumulator(x, tf.ones([2])) as acc:
        y = tf.nn.elu(x)
    assert acc.jvp(y).numpy().tolist() == [1.0, 0.0]


def test_second_derivative_of_a_logarithm_not_chosen_is_zero():
    x = tf.Variable([1.0, 0.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = tf.where(x > 0, tf.math.log(x), 0.0)
        g = tape.gradient(y, x)
    assert outer.gradient(g, x).numpy().tolist() == [-1.0, 0.0]


def test_second_derivative_of_max_pooling_is_zero():
    x = tf.Variable(tf.reshape(tf.range(16.0), [1, 4, 4, 1]))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = tf.nn.max_pool2d(x, 2, 2, "VALID")
        g = tape.gradient(y, x)
    assert not np.any(outer.gradient(g, x))


def test_logarithm_of_a_determinant_that_overflows():
    x = tf.Variable(1000.0 * tf.eye(30))
    with tf.GradientTape() as tape:
        sign, log = tf.linalg.slogdet(x)
    assert float(sign) == 1.0 and abs(float(log) - 30 * np.log(1000.0)) < 1e-3
    np.testing.assert_allclose(tape.gradient(log, x).numpy(), np.eye(30) / 1000, rtol=1e-6)


def test_band_part_does_not_multiply_what_it_leaves_out():
    x = tf.constant([[1.0, np.inf], [np.nan, 2.0]])
    assert tf.linalg.band_part(x, 0, 0).numpy().tolist() == [[1.0, 0.0], [0.0, 2.0]]


def test_reshape_of_nothing_works_out_a_size():
    assert tf.reshape(tf.zeros([0, 3]), [0, -1]).shape == [0, 3]
    assert tf.reshape(tf.zeros([0, 6]), [-1, 2, 3]).shape == [0, 2, 3]


def test_mirrored_borders_are_no_wider_than_the_tensor():
    for mode, wide in (("REFLECT", 1), ("SYMMETRIC", 2)):
        assert tf.pad([1, 2], [[wide, 0]], mode).shape == [2 + wide]
        with pytest.raises(Invalid, match="MirrorPad"):
            tf.pad([1, 2], [[wide + 1, 0]], mode)


def test_batch_dims_count_back_from_the_axes_of_the_indices():
    x, i = tf.reshape(tf.range(24), [2, 3, 4]), [[0, 2], [1, 1]]
    ahead, back = (tf.gather(x, i, batch_dims=b, axis=1) for b in (1, -1))
    assert ahead.numpy().tolist() == back.numpy().tolist()


def test_the_last_of_two_updates_of_one_place_wins():
    x, u = tf.Variable([1.0, 2.0]), tf.Variable([5.0, 6.0, 7.0])
    with tf.GradientTape() as tape:
        y = tf.tensor_scatter_nd_update(x, [[1], [0], [1]], u)
    assert y.numpy().tolist() == [6.0, 7.0]
    gx, gu = tape.gradient(y, [x, u])
    assert gx.numpy().tolist() == [0.0, 0.0] and gu.numpy().tolist() == [0.0, 1.0, 1.0]


def test_segments_of_integers_and_of_nothing():
    assert tf.math.segment_mean([1, 2, 3], [0, 0, 1]).numpy().tolist() == [1, 3]
    assert tf.math.segment_prod(tf.zeros([0, 2]), tf.zeros([0], tf.int32)).shape == [0, 2]


def test_bincount_of_rows_and_of_occurrence():
    rows = tf.math.bincount([[1, 1], [0, 2]], axis=-1)
    assert rows.numpy().tolist() == [[0, 2, 0], [1, 0, 1]]
    assert tf.math.bincount([1, 1, 2], binary_output=True).numpy().tolist() == [0, 1, 1]


def test_angles_of_infinite_reals():
    z = tf.math.angle(tf.constant([np.inf, -np.inf]))
    np.testing.assert_allclose(z.numpy(), [0.0, np.pi], rtol=1e-6)


def test_polygamma_of_infinite_order_is_nan():
    assert np.isnan(tf.math.polygamma(np.inf, 1.0))


def test_l2_normalize_of_complex_numbers():
    z = tf.math.l2_normalize(tf.constant([3j, 4.0], tf.complex64))
    np.testing.assert_allclose(z.numpy(), [0.6j, 0.8], rtol=1e-6)


def test_matmul_of_small_integers_into_larger_ones():
    x = tf.constant([[100, 100]], tf.int8)
    z = tf.matmul(x, x, transpose_b=True, output_type=tf.int32)
    assert z.dtype == tf.int32 and z.numpy().tolist() == [[20000]]


# ---------------------------------------------------------------- images


def test_biases_of_channels_first():
    z = tf.nn.bias_add(tf.zeros([1, 2, 1, 2]), [1.0, 2.0], data_format="NCHW")
    assert z.numpy().ravel().tolist() == [1.0, 1.0, 2.0, 2.0]
    with pytest.raises(ValueError, match="data_format"):
        tf.nn.bias_add(tf.zeros([1, 2]), [1.0, 2.0], data_format="CN")


def test_convolution_in_groups_of_channels():
    rng = np.random.default_rng(0)
    x, k = (tf.constant(rng.standard_normal(s)) for s in ((1, 4, 4, 4), (2, 2, 2, 6)))
    z = tf.nn.conv2d(x, k, 1, "SAME")
    for i in (0, 1):
        own = tf.nn.conv2d(x[..., 2 * i : 2 * i + 2], k[..., 3 * i : 3 * i + 3], 1, "SAME")
        np.testing.assert_allclose(z[..., 3 * i : 3 * i + 3].numpy(), own.numpy())
    with pytest.raises(Invalid, match="4 vs 3"):
        tf.nn.conv2d(x, k[:, :, :1].numpy().repeat(3, 2), 1, "SAME")


def test_convolution_where_several_axes_count_images():
    x, k = tf.random.normal([2, 3, 4, 4, 1]), tf.random.normal([2, 2, 1, 2])
    z = tf.nn.conv2d(x, k, 1, "VALID")
    flat = tf.nn.conv2d(tf.reshape(x, [6, 4, 4, 1]), k, 1, "VALID")
    np.testing.assert_allclose(z.numpy(), flat.numpy().reshape(2, 3, 3, 3, 2))


def test_max_pool_of_sequences():
    x = tf.constant([[[1.0], [3.0], [2.0]]])
    assert tf.nn.max_pool(x, 2, 1, "VALID").numpy().ravel().tolist() == [3.0, 3.0]
    assert tf.nn.avg_pool(x, 2, 1, "VALID").numpy().ravel().tolist() == [2.0, 2.5]


# ---------------------------------------------------------------- numerical derivatives


def test_a_complex_number_counts_as_two_in_compute_gradient():
    c = tf.constant(5 + 7j, tf.complex64)
    theory, numbers = tf.test.compute_gradient(lambda x: c * x, [tf.constant(1 + 2j, tf.complex64)])
    assert theory[0].tolist() == [[5.0, -7.0], [7.0, 5.0]]
    np.testing.assert_allclose(numbers[0], theory[0], rtol=1e-3)
    theory, _ = tf.test.compute_gradient(tf.math.conj, [tf.constant(1 + 2j, tf.complex64)])
    assert theory[0].tolist() == [[1.0, 0.0], [0.0, -1.0]]


def test_compute_gradient_checks_the_gradient_of_nothing():
    @tf.custom_gradient
    def turned(x):
        return tf.identity(x), tf.transpose

    with pytest.raises(ValueError, match=r"expected \(0, 3\), got \(3, 0\)"):
        tf.test.compute_gradient(turned, [tf.zeros([0, 3])])
    with pytest.raises(TypeError, match="argument 0 is int32"):
        tf.test.compute_gradient(tf.identity, [[1, 2]])


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "f, message",
    [
        (lambda x: x[..., 0, ...], "Multiple ellipses"),
        (lambda x: tf.linalg.matrix_transpose(x[0]), "should be a .batch. matrix"),
        (lambda x: tf.reverse(x, [2]), "is out of valid range"),
        (lambda x: tf.reverse(x, [0, -2]), "axis 0 specified more than once"),
        (lambda x: tf.einsum("...i,...i->i", x, x), "must contain"),
        (lambda x: tf.reshape(x, [-1, -1]), "Only one input size may be -1"),
        (lambda x: tf.reshape(x, [-2, 3]), "must be non-negative"),
        (lambda x: tf.reshape(x, [-1, 4]), "requires a multiple of 4"),
        (lambda x: tf.broadcast_to(x, [3]), r"Incompatible shapes: \[2,3\] vs. \[3\] .Op:BroadcastTo"),
        (lambda x: tf.broadcast_to(x, [2, 2]), "Incompatible shapes"),
        (lambda x: tf.repeat(x, [1, 2], axis=1), "2 and 3 are not compatible"),
        (lambda x: tf.unstack(x, 3), "not num = 3"),
        (lambda x: tf.pad(x, [[1], [2]]), "paddings must be a matrix with 2 columns"),
        (lambda x: tf.pad(x, [[1, 0]]), "paddings must be the rank of inputs"),
        (lambda x: tf.pad(x, [[1, 0], [-1, 0]]), "must be non-negative"),
        (lambda x: tf.pad(x, [[1, 0], [0, 0]], constant_values=[1.0]), "must be a scalar"),
        (lambda x: tf.gather_nd(x, [[0, 0, 0]]), "innermost dimension length"),
        (lambda x: tf.scatter_nd([[0]], x, [0, 3]), "specified for empty output"),
        (lambda x: tf.scatter_nd([[0]], x, [4, 3]), r"Dimensions \[0,1\) of indices\[shape=\[1,1\]\]"),
        (lambda x: tf.scatter_nd([[0], [1]], x, [4]), r"Dimensions \[1,1\) of input\[shape=\[4\]\]"),
        (lambda x: tf.math.top_k(x, -1), "Need k >= 0"),
        (lambda x: tf.math.segment_sum(x, [0]), "same size as dimension 0"),
        (lambda x: tf.math.segment_mean(x, [[0], [1]]), "should be a vector"),
        (lambda x: tf.math.segment_max(1.0, []), "at least rank 1"),
        (lambda x: tf.argmax(x[:0]), r"Reduction axis 0 is empty in shape \[0, 3\]"),
        (lambda x: tf.one_hot([0], -1), "depth must be non-negative"),
        (lambda x: tf.eye(-1), "must be >= 0"),
    ],
)
def test_refused_in_tensorflows_words(f, message):
    with pytest.raises(Invalid, match=message) as caught:
        f(tf.ones([2, 3]))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "f, message",
    [
        (lambda: tf.gather([[1, 2]], [[7]]), r"indices\[0,0\] = 7 is not in \[0, 1\)"),
        (lambda: tf.dynamic_partition([1, 2], [0, 5], 2), r"partitions\[1\] = 5 is not in"),
        (lambda: tf.dynamic_partition([1, 2], [0], 2), "must start with partitions.shape"),
        (lambda: tf.math.segment_sum([1, 2], [-1, 0]), "segment ids must be >= 0"),
        (lambda: tf.math.segment_sum([1, 2], [1, 0]), "segment ids are not increasing"),
    ],
)
def test_indices_refused_in_tensorflows_words(f, message):
    with pytest.raises(Invalid, match=message):
        f()


def test_values_of_one_hot_have_one_dtype():
    for on, off, dtype in ((1.0, None, tf.int32), (tf.constant(1), tf.constant(0.0), None), (1, 0.0, None)):
        with pytest.raises(TypeError, match="does not match dtype"):
            tf.one_hot([0], 2, on, off, dtype=dtype)
    assert tf.one_hot([0], 2, on_value=True, dtype=tf.float32).numpy().tolist() == [[1.0, 0.0]]
    assert tf.one_hot([0], 2, on_value=2).dtype == tf.int32
    with pytest.raises(TypeError):
        tf.one_hot([0], 2.0)


def test_unknown_ways_to_pad_and_to_transpose():
    with pytest.raises(ValueError, match="expected to be .* Received `mode` = WEIRD"):
        tf.pad([1], [[1, 1]], "weird")
    for letter in "ab":
        with pytest.raises(ValueError, match=f"Only one of `transpose_{letter}`"):
            tf.matmul([[1.0]], [[1.0]], **{f"transpose_{letter}": True, f"adjoint_{letter}": True})


def test_a_zero_of_any_type_pads_integers():
    assert tf.pad([1], [[1, 0]], constant_values=0.0).numpy().tolist() == [0, 1]
    with pytest.raises(TypeError):
        tf.pad([1], [[1, 0]], constant_values=1.5)


def test_the_mean_of_small_integers_does_not_overflow():
    assert int(tf.reduce_mean(tf.fill([300], tf.constant(200, tf.uint8)))) == 200
    assert int(tf.reduce_mean([2**31 - 1] * 4)) == 2**31 - 1
    assert tf.reduce_mean([[-7, 2], [7, -2]], 1).numpy().tolist() == [-2, 2]


def test_integers_that_have_no_negative_fall():
    for dtype, values in ((tf.uint8, [0, 255, 7]), (tf.int8, [-128, 127, 0])):
        x = tf.constant(values, dtype)
        assert tf.sort(x, direction="DESCENDING").numpy().tolist() == sorted(values, reverse=True)
        assert tf.math.top_k(x, len(values))[0].numpy().tolist() == sorted(values, reverse=True)


def test_axes_that_are_tensors_and_strings_that_are_scalars():
    assert tf.boolean_mask([1, 2], [True, False], axis=tf.constant(0)).numpy().tolist() == [1]
    assert tf.squeeze(["word"]).shape == []
    assert int(tf.math.count_nonzero(["", "word"])) == 1


def test_an_axis_that_is_a_float():
    for f in (tf.cumsum, tf.math.cumprod, tf.argmax):
        with pytest.raises(TypeError):
            f(tf.ones([2]), axis=1.5)
    with pytest.raises(Invalid):
        tf.math.reduce_std([True])


def test_no_rows_to_map():
    z = tf.vectorized_map(lambda row: tf.cast(tf.reduce_sum(row), tf.float64), tf.zeros([0, 3]))
    assert z.shape == [0] and z.dtype == tf.float64


def test_letters_of_an_einsum_do_not_broadcast():
    for equation in ("ab,ab->b", "...b,...b->..."):
        with pytest.raises(Invalid):
            tf.einsum(equation, tf.ones([2, 1]), tf.ones([2, 3]))
    assert tf.einsum("b...,b...->...", tf.ones([2, 1]), tf.ones([2, 3])).shape == [3]


def test_numbers_and_booleans_in_one_list():
    assert tf.constant([1, True]).dtype == tf.int32 and tf.constant([1.0, True]).dtype == tf.float32
    with pytest.raises(ValueError):
        tf.constant([True, 1])


def test_nothing_is_false():
    assert not tf.zeros([0]) and not tf.Variable(tf.zeros([2, 0]))


def test_casts_that_saturate():
    assert tf.saturate_cast([1e10, -1e10], tf.int32).numpy().tolist() == [2147483520, -(2**31)]
    assert tf.saturate_cast([1.7 + 2j, 300], tf.uint8).numpy().tolist() == [1, 255]


def test_partitions_and_k_that_do_not_exist():
    for partitions, n in (([0, 2], 2), ([0, -1], 2), ([], 0)):
        with pytest.raises(Invalid):
            tf.dynamic_partition(tf.ones([len(partitions)]), partitions, n)
    for k in (-1, 1.5, [1, 2]):
        with pytest.raises(Invalid):
            tf.math.top_k([1.0, 2.0], k)


def test_losses_of_examples():
    with pytest.raises(ValueError):
        tf.nn.compute_average_loss(1.0)
    with pytest.raises(ValueError):
        tf.nn.log_poisson_loss([1.0], [1.0, 2.0])
    assert float(tf.nn.scale_regularization_loss([1.0, 2.0])) == 3.0
    assert tf.nn.scale_regularization_loss(tf.constant([1, 2])).dtype == tf.float64  # a quotient, too


def test_the_first_operand_of_a_product_fixes_the_dtype():
    x, n = tf.ones([2, 2]), np.ones([2, 2])
    assert (n @ x).dtype == (x @ n).dtype == tf.matmul(x, n).dtype == tf.float32
    for f in (
        tf.matmul,
        lambda a, b: tf.tensordot(a, b, 1),
        lambda a, b: tf.linalg.matvec(a, b[0]),
    ):
        with pytest.raises(Invalid):
            f(n, x)


def test_labels_and_their_dtypes():
    x, n = tf.ones([1, 2]), np.ones([1, 2])
    assert tf.nn.softmax_cross_entropy_with_logits(tf.constant([[0, 1]]), x).dtype == tf.float32
    for f in (tf.nn.sigmoid_cross_entropy_with_logits, tf.nn.log_poisson_loss):
        with pytest.raises(Invalid):
            f(n, x)


def test_what_is_one_integer():
    x = tf.ones([2, 2])
    for f in (
        lambda n: tf.linalg.band_part(x, n, 0),
        lambda n: tf.math.unsorted_segment_sum(x, [0, 1], n),
        lambda n: tf.linspace(0.0, 1.0, n),
        lambda n: tf.one_hot([1], n),
        lambda n: tf.expand_dims(x, n),
        lambda n: tf.reshape(x, [n]),
    ):
        for n in (0.5, [1, 2]):
            with pytest.raises(Invalid):
                f(n)
    assert tf.concat([x, x], [1]).shape == [2, 4]


def test_a_constant_made_of_a_variable_does_not_follow_it():
    assert gradient(tf.constant, tf.Variable([1.0])) is None


def test_comparing_shapes_that_differ_gives_a_tensor():
    x = tf.ones([2])
    assert (
        isinstance(x == tf.ones([3]), tf.Tensor) and not (x == tf.ones([3])) and x != tf.ones([3])
    )


def test_floats_divided_by_zero_and_truncated():
    z = tf.truncatediv([1.0, 7.0], [0.0, -2.0])
    assert z.numpy().tolist() == [np.inf, -3.0]
    for f in (tf.math.is_nan, tf.math.is_finite, lambda x: tf.debugging.check_numerics(x, "")):
        with pytest.raises(Invalid):
            f(tf.constant(1j))


def test_third_derivatives_of_relu_are_connected():
    x = tf.Variable([1.0, -1.0])
    for f in (tf.nn.relu, tf.nn.relu6):
        with tf.GradientTape(persistent=True) as tape:
            g = tape.gradient(f(x), x)
            g = tape.gradient(g, x)
        assert tape.gradient(g, x).numpy().tolist() == [0.0, 0.0]


def test_no_segments_to_multiply():
    assert tf.math.segment_prod(tf.zeros([0, 2]), tf.constant([], tf.int32)).shape == [0, 2]
    with pytest.raises(Invalid):
        tf.math.segment_min([1j, 2.0], [0, 0])


def test_gradients_of_diagonals_of_several_matrices():
    x, m = tf.Variable(tf.ones([2, 3])), tf.Variable(tf.ones([2, 3, 3]))
    assert gradient(lambda x: tf.linalg.diag(x, k=1) * 2.0, x).numpy().tolist() == [[2.0] * 3] * 2
    dx, dm = gradient(lambda x, m: tf.linalg.set_diag(m, x[:, :2], k=-1), x, m)
    assert dx.numpy().tolist() == [[1.0, 1.0, 0.0]] * 2
    assert dm.numpy().tolist() == (1.0 - np.eye(3, k=-1)[None].repeat(2, 0)).tolist()


def test_windows_along_one_axis():
    x, k = tf.reshape(tf.range(6.0), [1, 6, 1]), tf.ones([2, 1, 1])
    for f in (
        lambda s: tf.nn.conv1d(x, k, s, "VALID"),
        lambda s: tf.nn.max_pool1d(x, 2, s, "VALID"),
    ):
        assert f([1, 3, 1]).shape == f(3).shape == [1, 2, 1]
        for s in ([], [1, 2]):
            with pytest.raises(ValueError):
                f(s)
    with pytest.raises(Invalid):
        tf.dynamic_stitch([[0, -1], [1]], [[1.0, 2.0], [3.0]])
def test_conjugates_of_what_is_no_number():
    for value in ("word", True):
        with pytest.raises(TypeError, match="Expected numeric or variant tensor"):
            tf.math.conj(tf.constant(value))


def test_the_determinant_of_a_matrix_with_nan_is_nan():
    x = tf.constant([[[np.nan, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]])
    assert np.array_equal(tf.linalg.det(x), [np.nan, 2.0], equal_nan=True)
    assert np.isnan(tf.linalg.slogdet(x)[1].numpy()).tolist() == [True, False]


def test_the_logarithm_of_a_complex_determinant_is_real():
    x = tf.constant(np.array([[2.0, 1j], [-1j, 2.0]]), tf.complex64)
    z = tf.linalg.logdet(x)
    assert z.dtype == tf.float32 and abs(float(z) - np.log(3.0)) < 1e-6


def test_strides_of_convolutions_that_do_not_stride():
    x, k = tf.ones([1, 2, 2, 1]), tf.ones([1, 1, 1, 1])
    with pytest.raises(ValueError, match="strides in the batch and depth"):
        tf.nn.conv2d(x, k, [2, 1, 1, 1], "SAME")
    for strides in (0, [1, -1, 1, 1]):
        with pytest.raises(ValueError, match="strides must be positive"):
            tf.nn.conv2d(x, k, strides, "SAME")


def test_blocks_of_pixels_have_a_size():
    for f in (tf.nn.depth_to_space, tf.nn.space_to_depth):
        for x, k in ((tf.ones([1, 2, 2, 4]), 1), (tf.ones([2, 2]), 2)):
            with pytest.raises(Invalid, match="4 axes and a block size of at least 2"):
                f(x, k)


def test_no_loss_has_no_sign():
    z = tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], [[100.0, 0.0]])
    assert not np.signbit(z.numpy()).any()


def test_labels_of_one_batch_for_logits_of_another():
    f = tf.nn.softmax_cross_entropy_with_logits
    assert (
        f(tf.ones([2]), tf.ones([3, 2])).shape == f(tf.ones([3, 2]), tf.ones([3, 2])).shape == [3]
    )
    with pytest.raises(Invalid):
        f(tf.ones([4, 1]), tf.ones([3, 4, 1]))
    with pytest.raises(Invalid):
        f(tf.ones([3, 2]), tf.ones([1, 2]))
    with pytest.raises(Invalid):
        tf.slice(tf.ones([2, 2]), [0], [1])


def test_sizes_below_zero_and_steps_through_the_batch():
    for f in (tf.random.normal, tf.random.uniform, tf.zeros, lambda s: tf.eye(s[0])):
        with pytest.raises(Invalid):
            f([-1])
    with pytest.raises(TypeError):
        tf.eye(2.5)
    with pytest.raises(Invalid):
        tf.nn.conv2d(tf.ones([1, 2, 2, 1]), tf.ones([1, 1, 1, 1]), [1, 1, 1, 2], "SAME")


@pytest.mark.parametrize(
    "f",
    [
        tf.math.reduce_euclidean_norm, lambda x: tf.linalg.cholesky(tf.matmul(x, x, adjoint_b=True)),
        tf.linalg.det, tf.linalg.inv, tf.math.cumprod, lambda x: tf.math.xlogy(x, x + 1),
        lambda x: tf.math.multiply_no_nan(x, x), lambda x: tf.linalg.svd(x, compute_uv=False),
    ],
)  # fmt: skip
def test_gradients_of_complex_numbers(f):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.uniform(0.5, 1.5, (2, 2)) + 1j * rng.uniform(0.3, 1.3, (2, 2)))
    theory, numbers = tf.test.compute_gradient(f, [x])
    np.testing.assert_allclose(theory[0], numbers[0], atol=1e-7)


def test_images_of_integers_are_adjusted_between_black_and_white():
    x = tf.constant([[[0, 100, 200], [255, 50, 150]]], tf.uint8)
    assert tf.image.adjust_brightness(x, 0.5).numpy().ravel().tolist() == [127, 227, 255, 255, 177, 255]
    assert tf.image.adjust_contrast(x, 2.0).numpy().ravel().tolist() == [0, 125, 225, 255, 25, 125]
    assert tf.image.rgb_to_grayscale(x).numpy().ravel().tolist() == [81, 122]


def test_images_of_integers_in_other_integers():
    x = tf.constant([[[0, 100, 255]]], tf.uint8)
    wide = tf.image.convert_image_dtype(x, tf.uint16)
    assert wide.numpy().ravel().tolist() == [0, 25600, 65280]
    assert tf.image.convert_image_dtype(wide, tf.uint8).numpy().tolist() == x.numpy().tolist()


def test_accumulate_n_checks_what_is_said_of_the_result():
    xs = [tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])]
    assert tf.math.accumulate_n(xs, [2], tf.float32).numpy().tolist() == [4.0, 6.0]
    with pytest.raises(TypeError, match="tensor_dtype"):
        tf.math.accumulate_n(xs, tensor_dtype=tf.int32)
    with pytest.raises(ValueError, match="incompatible"):
        tf.math.accumulate_n(xs, shape=[3])


def test_arguments_that_have_no_default():
    with pytest.raises(TypeError, match="pos_weight"):
        tf.nn.weighted_cross_entropy_with_logits([1.0], [0.0])
    assert tf.nest.is_nested(seq=[1])


def test_of_two_wrong_bounds_the_upper_one_is_named():
    with pytest.raises(ValueError, match="may not enlarge"):
        tf.clip_by_value(tf.constant(0), -0.75, tf.constant([[0]]))


def test_complex_numbers_of_infinite_parts():
    z = tf.complex(tf.constant([-np.inf, 1.0]), tf.constant(-np.inf))
    assert z.numpy().tolist() == [complex(-np.inf, -np.inf), complex(1.0, -np.inf)]


def test_a_nan_stays_in_its_channel_of_a_depthwise_convolution():
    x = np.ones((1, 3, 3, 2), np.float32)
    x[0, 1, 1, 0] = np.nan
    k = tf.constant(np.arange(16.0, dtype=np.float32).reshape(2, 2, 2, 2))
    z = tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "VALID").numpy()
    assert np.isnan(z[..., :2]).all()
    assert z[0, 0, 0, 2:].tolist() == k.numpy()[:, :, 1].sum((0, 1)).tolist()
    with pytest.raises(Invalid, match="same depth: 4 vs 2"):
        tf.nn.depthwise_conv2d(tf.ones([1, 3, 3, 4]), k, [1, 1, 1, 1], "VALID")


def test_batch_normalization_computes_in_the_dtype_of_its_statistics():
    x = tf.constant([[1.0, 2.0]], tf.float64)
    z = tf.nn.batch_normalization(x, tf.constant([1.0, 1.0]), tf.constant([1.0, 1.0]), None, None, 0.0)
    assert z.dtype == tf.float64 and z.numpy().tolist() == [[0.0, 1.0]]


def test_a_band_wider_than_the_matrix():
    m = tf.ones([2, 3])
    assert tf.linalg.band_part(m, 2, 3).numpy().sum() == 6
    for lower, upper, what in ((3, 0, "num_lower"), (0, 4, "num_upper")):
        with pytest.raises(Invalid, match=what):
            tf.linalg.band_part(m, lower, upper)


def test_layers_that_hold_each_other_list_each_weight_once():
    one, two = tf.keras.layers.Dense(1), tf.keras.layers.Dense(2)
    one(tf.ones([1, 3])), two(tf.ones([1, 3]))

    class Pair(tf.keras.layers.Layer):
        def __init__(self, first, second):
            super().__init__()
            self.first, self.second, self.mine = first, second, [first]

    pair = Pair(one, two)
    pair.itself = pair
    assert [w.shape[0] for w in pair.weights] == [3, 1, 3, 2]
    assert len(pair.trainable_variables) == 4


def test_a_custom_gradient_without_a_tracked_argument_leaves_its_body_connected():
    x, n = tf.constant(3.0), tf.constant(2.0)
    f = tf.custom_gradient(lambda n: (n * x**3, lambda d: d * 100.0))
    with tf.GradientTape() as outer:
        outer.watch([x, n])
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(n)
        slope = inner.gradient(y, x)  # the inner tape does not know n, the outer one does
    assert float(slope) == 54.0 and float(outer.gradient(y, n)) == 100.0
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.grad_pass_through(lambda n: n * x)(2.0)
    assert float(tape.gradient(y, x)) == 2.0
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as acc:
        y = f(2.0)
    assert float(acc.jvp(y)) == 54.0


def test_a_variable_given_by_keyword_is_an_argument():
    x, v = tf.constant(2.0), tf.Variable(3.0)
    for f in (
        tf.custom_gradient(lambda x, k=None: (x * k, lambda d: d * 3.0)),
        tf.recompute_grad(lambda x, k=None: x * k),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x, k=v)
        assert [g if g is None else float(g) for g in tape.gradient(y, [x, v])] == [3.0, None]


@pytest.mark.parametrize("one", [1.0, np.float32(1.0), tf.constant(1.0)])
def test_a_number_as_the_gradient_of_a_vector_counts_for_every_element(one):
    x = tf.constant([1.0, 2.0])
    f = tf.custom_gradient(lambda z: (z * 2.0, lambda d: one))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = f(x * 3.0)
    assert tape.gradient(y, x).numpy().tolist() == [3.0, 3.0]
    assert tape.jacobian(y, x).shape == (2, 2)
    f = tf.custom_gradient(lambda z: (z * 2.0, lambda d: tf.ones([3])))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x * 3.0)
    with pytest.raises(Invalid, match=r"shape \[3\] for an argument of shape \[2\]"):
        tape.gradient(y, x)


def test_rows_stay_rows_through_a_copy():
    w = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    for copy_of in (tf.identity, tf.convert_to_tensor, lambda w: w.read_value()):
        with tf.GradientTape() as tape:
            y = tf.gather(copy_of(w), [0, 0])
        g = tape.gradient(y, w)
        assert isinstance(g, tf.IndexedSlices) and g.indices.numpy().tolist() == [0, 0]


def test_zeros_of_strings_are_empty():
    assert tf.zeros([2], tf.string).numpy().tolist() == [b"", b""]
    s = tf.constant("a")
    assert tf.zeros_like(s).numpy() == b""
    with tf.GradientTape() as tape:
        tape.watch(s)
    assert tape.gradient(tf.constant(1.0), s, unconnected_gradients="zero").numpy() == b""
    with pytest.raises(TypeError, match="string"):
        tf.ones([2], tf.string)
    for held in (["a"], [True]):
        with pytest.raises(Invalid):
            tf.Variable(held).assign_add(held)


def test_rows_of_a_list_take_the_dtype_of_the_variable():
    v = tf.Variable([0.0], dtype=tf.float64)
    assert v.scatter_add(tf.IndexedSlices([0.1], [0])).numpy()[0] == 0.1
    assert tf.Variable([0], dtype=tf.int64).scatter_update(tf.IndexedSlices([7], [0])).numpy() == [7]
    with pytest.raises(ValueError, match="float32"):
        tf.Variable([1.0]).scatter_add(tf.IndexedSlices(tf.constant([1]), [0]))


def test_rows_become_dense_as_a_segment_sum():
    rows = lambda *indices: tf.IndexedSlices([[1.0, 2.0]], list(indices), [3, 2])
    assert not tf.convert_to_tensor(rows(-1)).numpy().any()
    with pytest.raises(Invalid):
        tf.convert_to_tensor(rows(0, 1))


def test_a_norm_of_another_dtype():
    x = tf.constant([3.0, 4.0], tf.float64)
    for limit in (tf.constant(1.0), tf.constant(1), tf.Variable(1.0)):
        z = tf.clip_by_norm(x, limit)
        assert z.dtype == tf.float64 and z.numpy().round(6).tolist() == [0.6, 0.8]


def test_a_copy_of_a_variable_keeps_its_constraint_and_shape():
    v = tf.Variable([1.0], constraint=tf.nn.relu, shape=tf.TensorShape(None), name="w", trainable=False)
    c = copy.deepcopy(v)
    assert c.constraint is tf.nn.relu and c.name == "w:0" and not c.trainable
    assert c.assign([1.0, 2.0]).shape.rank is None and v.numpy().tolist() == [1.0]
    k = tf.keras.Variable([1.0], name="k", constraint=tf.keras.constraints.NonNeg())
    k.trainable = False
    assert copy.deepcopy(k).constraint is not None and not copy.deepcopy(k).trainable
    with pytest.raises(AttributeError, match="TensorFlow 1"):
        v.load([2.0])


def test_accumulators_know_their_primals_before_the_block():
    for x in (tf.constant([1.0, 2.0]), tf.Variable([1.0, 2.0])):
        acc = tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 3.0]))
        assert acc.jvp(x).numpy().tolist() == [1.0, 3.0]
    with pytest.raises(TypeError, match="same nested structure"):
        tf.autodiff.ForwardAccumulator([x], (tf.constant([1.0, 3.0]),))


@pytest.mark.parametrize(
    "arguments, count",
    [((0.0, 1.0, 1 / 25), 25), ((-2.0, 1.0, 0.00375), 800), ((1.0, 0.0, -1 / 25), 25), ((9, 0, -3), 3)],
)
def test_a_range_has_as_many_numbers_as_in_tensorflow(arguments, count):
    assert tf.range(*arguments).shape == [count]


def test_a_range_of_doubles_is_exact():
    assert float(tf.range(0.0, 1.0, 0.1, dtype=tf.float64)[1]) == 0.1
    with pytest.raises(Invalid, match="too many"):
        tf.range(0.0, 3e38, 1e-38)


def test_linspace_is_the_same_with_and_without_a_tape():
    for a, b in ((0.0, 0.7), ([0.0, 1.0], [2.0, 5.0]), (0.0, [1.0, 2.0])):
        a, b = tf.constant(a), tf.constant(b)
        for n in (1, 2, 7):
            with tf.GradientTape() as tape:
                tape.watch([a, b])
                z = tf.linspace(a, b, n, axis=-1)
            assert z.numpy().tolist() == tf.linspace(a, b, n, axis=-1).numpy().tolist()
            assert z.shape == (*np.broadcast_shapes(a.shape, b.shape), n)
            assert n < 2 or (z.numpy()[..., -1] == b.numpy()).all()
            ga, gb = (float(tf.reduce_sum(g)) for g in tape.gradient(z, [a, b]))
            assert ga + gb == pytest.approx(z.numpy().size, rel=1e-5)


def test_what_a_module_holds_in_containers():
    m = tf.Module()
    m.many = {i: tf.Variable(float(i)) for i in (10, 2, 1)}
    m.queue = collections.deque([tf.Variable(7.0)])
    m.inner = tf.Module()
    m.inner.owner = m  # in a circle
    assert [float(v) for v in m.variables] == [1.0, 2.0, 10.0, 7.0] and m.submodules == (m.inner,)
    paths = dict(m._flatten(with_path=True, predicate=lambda x: isinstance(x, tf.Variable)))
    assert ("many", 10) in paths and ("queue", 0) in paths
    m.wrong = {1: tf.Variable(1.0), "a": 2}
    with pytest.raises(ValueError, match="Error processing property 'wrong'"):
        print(m.variables)
    with pytest.raises(TypeError, match="string"):
        tf.Module(name=3)


def test_dtypes_by_tensorflows_numbers():
    assert tf.zeros(1, 1).numpy().tolist() == [0.0] and tf.as_dtype(9) is tf.int64
    with pytest.raises(TypeError, match="Known dtypes"):
        tf.zeros(1, 99)


def test_how_much_neighbouring_pixels_differ():
    x = tf.constant(np.arange(24.0, dtype=np.float32).reshape(2, 2, 3, 2) ** 2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.image.total_variation(x)
    assert z.numpy().tolist() == [572.0, 1820.0]
    assert float(tf.image.total_variation(x[0])) == 572.0 and tape.gradient(z, x).shape == x.shape
    with pytest.raises(ValueError, match="3 or 4-dimensional"):
        tf.image.total_variation(x[0, 0])


def test_rows_print_as_in_tensorflow():
    assert str(tf.IndexedSlices([[1.0]], [0])) == (
        "IndexedSlices(indices=tf.Tensor([0], shape=(1,), dtype=int32), "
        "values=tf.Tensor([[1.]], shape=(1, 1), dtype=float32), dense_shape=None)"
    )


def test_truncated_division_of_the_least_integer():
    x = tf.constant([-(2**31), -7, 7, 2**31 - 1])
    assert tf.truncatediv(x, 2).numpy().tolist() == [-(2**30), -3, 3, 2**30 - 1]
    assert tf.truncatediv(x, -(2**31)).numpy().tolist() == [1, 0, 0, 0]
    x = tf.constant([-128, 127, -1], tf.int8)
    assert tf.truncatediv(x, tf.constant([3, -128, -128], tf.int8)).numpy().tolist() == [-42, 0, 0]


def test_a_window_much_larger_than_the_image():
    x = tf.reshape(tf.range(16.0), [1, 4, 4, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.nn.max_pool2d(x, 10**4, 1, "SAME")
    assert (z.numpy() == 15).all() and tape.gradient(z, x).numpy().ravel().tolist() == [0.0] * 15 + [16.0]


def test_nothing_to_gather_or_to_search():
    assert tf.gather(tf.zeros([0, 4]), tf.zeros([0, 2], tf.int32), batch_dims=1).shape == [0, 2]
    assert tf.searchsorted(tf.zeros([0]), tf.ones([3])).numpy().tolist() == [0, 0, 0]
    assert tf.searchsorted([1.0, 2.0], tf.ones([0])).shape == [0]
    assert tf.searchsorted(tf.ones([0, 3]), tf.ones([0, 2])).shape == [0, 2]


def test_lists_take_the_dtype_of_the_tensor_they_are_subtracted_from():
    x = tf.constant([1.0, 2.0], tf.float64)
    assert tf.tensor_scatter_nd_sub(x, [[0]], [1.0]).numpy().tolist() == [0.0, 2.0]


def test_the_sum_of_whatever_can_be_listed():
    parts = {"a": tf.constant(1.0), "b": tf.constant(2.0)}
    for given in (parts.values(), (p for p in parts.values()), tf.stack(list(parts.values()))):
        assert float(tf.add_n(given)) == 3.0
    for given in ([], 3, "ab", tf.constant(1.0)):
        with pytest.raises((ValueError, TypeError)):
            tf.add_n(given)


def test_results_in_parts_have_names():
    assert tf.unique([3, 1, 3]).y.numpy().tolist() == [3, 1]
    assert tf.unique_with_counts([3, 1, 3]).count.numpy().tolist() == [2, 1]
    assert tf.linalg.qr([[1.0, 0.0], [0.0, 2.0]]).r.shape == [2, 2]


def test_masks_of_another_length():
    for x in (tf.ones([3, 2]), tf.Variable(tf.ones([3, 2]))):
        for mask in (tf.constant([True, False]), np.array([True, False]), tf.constant(True)):
            with pytest.raises(ValueError, match="scalar|BooleanMask"):
                print(x[mask])
        assert x[tf.constant([True, False, True])].shape == [2, 2]


def test_a_transposed_convolution_makes_what_it_can():
    x, k = tf.ones([2, 6, 4, 3]), tf.ones([3, 3, 2, 3])
    assert tf.nn.conv2d_transpose(x, k, [2, 6, 4, 2], 1).shape == [2, 6, 4, 2]
    for wrong in ([1, 6, 4, 2], [2, 6, 4, 3], [2, 6, 4]):
        with pytest.raises(Invalid, match="output_shape"):
            tf.nn.conv2d_transpose(x, k, wrong, 1)


def test_the_shape_of_the_noise():
    x = tf.ones([4, 3])
    for noise in ([4, 1], [None, 1], [3]):
        z = tf.nn.dropout(x, 0.5, noise_shape=noise).numpy()
        assert z.shape == (4, 3)
    assert tf.nn.dropout(x[:, 0], 0.5, noise_shape=4).shape == [4]
    for wrong in ([4, 3, 5], [2, 3]):
        with pytest.raises(Invalid):
            tf.nn.dropout(x, 0.5, noise_shape=wrong)


def test_more_axes_than_usual():
    assert tf.nn.conv1d(tf.ones([2, 1, 4, 1]), tf.ones([2, 1, 1]), 1, "VALID").shape == [2, 1, 3, 1]
    z = tf.linalg.triangular_solve(2 * tf.eye(2, batch_shape=[3]), tf.ones([2, 1]))
    assert z.shape == [3, 2, 1] and (z.numpy() == 0.5).all()
    assert tf.linalg.cholesky_solve(tf.eye(2), tf.ones([3, 2, 1])).shape == [3, 2, 1]
    assert tf.nn.bias_add(tf.ones([1, 2, 3]), [1.0, 2.0, 3.0], data_format="N...C").shape == [1, 2, 3]
    assert tf.nn.swish(tf.constant([1.0, 2.0]), tf.constant([1.0, 0.0])).numpy()[1] == 1.0
    assert tf.nn.embedding_lookup([tf.constant([[1.0], [2.0]])], [1]).numpy().tolist() == [[2.0]]


def test_strings_are_padded_with_empty_ones_and_have_no_real_part():
    assert tf.pad(tf.constant(["a"]), [[0, 1]]).numpy().tolist() == [b"a", b""]
    for part in (tf.math.real, tf.math.imag):
        with pytest.raises(TypeError):
            part(tf.constant(["a"]))
    with pytest.raises(Invalid):
        tf.math.bincount([1, 2], weights=[1.0])


def test_counting_and_ranking_at_the_edges():
    assert tf.math.bincount([], minlength=5).numpy().tolist() == [0] * 5
    assert tf.math.bincount([1.0, 2.7, 2.2]).numpy().tolist() == [0, 1, 2]
    assert tf.math.bincount(tf.zeros([0, 2], tf.int32), axis=-1, minlength=2).shape == [0, 2]
    assert not tf.math.in_top_k([1], [[np.nan, 1.0]], 1).numpy().any()
    assert tf.math.confusion_matrix([[1], [0]], [1, 0]).numpy().tolist() == [[1, 0], [0, 1]]
    assert tf.math.cumulative_logsumexp(tf.zeros([0, 3]), 0, exclusive=True).shape == [0, 3]
    for segments in (tf.math.unsorted_segment_prod, tf.math.unsorted_segment_max):
        with pytest.raises(Invalid):
            segments(np.ones(3), [0, 1, 2], num_segments=8327099846119777499)


def test_the_variance_of_complex_numbers_is_real():
    assert tf.nn.moments(tf.constant([1 + 1j, 2]), [0])[1].numpy() == 0.5


def test_eigenvalues_of_nan_are_refused():
    with pytest.raises(Invalid, match="not successful"):
        tf.linalg.eigvalsh([[np.nan, 1.0], [1.0, 1.0]])


def test_a_transposed_convolution_takes_height_and_width_alone():
    x, k = tf.ones([2, 3, 3, 1]), tf.ones([2, 2, 4, 1])
    assert tf.nn.conv2d_transpose(x, k, [6, 6], 2).shape == [2, 6, 6, 4]


def test_batches_of_other_sizes_are_not_mixed():
    with pytest.raises(Invalid, match="GatherV2"):
        tf.gather(tf.zeros([2, 3, 4]), tf.zeros([3, 2, 1], tf.int32), batch_dims=2)
    with pytest.raises(Invalid, match="GatherNd"):
        tf.gather_nd(tf.zeros([3, 2]), tf.zeros([2, 1], tf.int32), batch_dims=1)
    assert tf.gather_nd(tf.range(300), np.array([[44]], np.uint8)).numpy().tolist() == [44]
    assert tf.squeeze([[1.0]], np.array([0])).shape == [1]
    with pytest.raises(Invalid):
        tf.slice([1, 2, 3], [3], [-2])
    with pytest.raises(Invalid, match="one number for each axis"):
        tf.strided_slice([[1, 2], [3, 4]], [0, 0], [1])


def test_random_numbers_stay_below_their_bound():
    tf.random.set_seed(1)
    assert (tf.random.uniform([200_000], dtype=tf.float16).numpy() < 1).all()
    for low, high, dtype in ((0, 1000, tf.int8), (-5, 5, tf.uint8)):
        with pytest.raises(Invalid, match="does not fit"):
            tf.random.uniform([3], low, high, dtype)
    one, two = (tf.random.Generator.from_seed(1) for _ in range(2))
    assert (one.normal([3]).numpy() == two.normal([3]).numpy()).all()
    with pytest.raises(Invalid, match="greater than zero"):
        tf.data.Dataset.range(3).padded_batch(0)
    with pytest.raises(ValueError, match="SAME"):
        tf.nn.conv2d(tf.ones([1, 2, 2, 1]), tf.ones([1, 1, 1, 1]), 1, 5)


def test_check_numerics_looks_at_the_gradient_too():
    x = tf.constant([1.0, 0.0])
    for check, finds in ((tf.debugging.check_numerics, True), (tf.debugging.assert_all_finite, False)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sqrt(check(x, "here"))
        if finds:
            with pytest.raises(Invalid, match="detected in gradient. here"):
                tape.gradient(y, x)
        else:
            assert tape.gradient(y, x).numpy().tolist() == [0.5, np.inf]
    with pytest.raises(Invalid, match="Inf and NaN"):
        tf.debugging.check_numerics([np.inf, np.nan], "both")


def test_shapes_as_strings_of_symbols():
    check, x = tf.debugging.assert_shapes, tf.ones([3, 2])
    scalar = tf.constant(5.0)
    for shape in ("NQ", ".2", "*Q", "3*", "32", None, ("N", 2), ("...", 2)):
        check([(x, shape)])
    check([(scalar, (1,)), (scalar, "a"), (tf.ones([1]), ())])
    check([(x, "NQ"), (tf.ones([2]), "Q")])
    for wrong in ("NN", "33", ("N",), "NQR", 2):
        with pytest.raises(ValueError):
            check([(x, wrong)])


def test_conversions_that_there_are_not():
    with pytest.raises(tf.errors.UnimplementedError, match="string"):
        tf.cast([1], tf.string)
    with pytest.raises(TypeError):
        tf.ones_like(["a"])
    for bad in (lambda: tf.cast([1.5], None), lambda: tf.as_dtype(None)):
        with pytest.raises(TypeError, match="Known dtypes"):
            bad()
    for bad in (lambda: tf.zeros([None, 2]), lambda: tf.reshape(tf.ones([4]), [2, None])):
        with pytest.raises(ValueError, match="integers"):
            bad()
    assert tf.where(np.array([1, 0]), [1.0, 2.0], [3.0, 4.0]).numpy().tolist() == [1.0, 4.0]
    with pytest.raises(Invalid, match="bool"):
        tf.where(tf.constant([1, 0]), [1.0, 2.0], [3.0, 4.0])


def test_rows_of_unequal_parts_and_conditions_of_no_value():
    for parts in ((np.arange(2), np.arange(3)), (np.arange(3), np.arange(2)), np.float32(1.0)):
        with pytest.raises(Invalid, match="unbatch"):
            list(tf.data.Dataset.from_tensors(parts).unbatch())
    for nothing in (None, [], tf.zeros([0]), tf.constant([True, False])):
        with pytest.raises(ValueError):
            tf.cond(nothing, lambda: 1, lambda: 2)
    assert tf.cond(tf.Variable(True), lambda: 1, lambda: 2) == 1


def test_branches_are_counted_from_0_without_a_gap():
    f, g = (lambda: 1), (lambda: 2)
    assert tf.switch_case(tf.constant(7), [f, g]) == tf.switch_case(tf.constant(1), {0: f, 1: g}) == 2
    for wrong in ({0: f, 2: g}, {1: f, 2: g}, [(0, f), (0, g)]):
        with pytest.raises(ValueError, match="contiguous"):
            tf.switch_case(tf.constant(1), wrong)
    with pytest.raises(TypeError, match="integer"):
        tf.switch_case(tf.constant(1.7), [f, g])
    x = tf.constant(2)
    pairs = [(x == 2, f), (x == 2, g)]
    assert tf.case(pairs, exclusive=True) == tf.case(pairs, default=g) == 1
    with pytest.raises(Invalid, match="More than one"):
        tf.case(pairs, default=g, exclusive=True)
    with pytest.raises(ValueError, match="loop_vars"):
        tf.while_loop(lambda: True, lambda: [], [])


def test_an_array_of_tensors():
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        found = tf.TensorArray(tf.float32, size=3)
        for i in tf.range(3):
            found = found.write(i, x[i] ** 2)
        y = tf.reduce_sum(found.stack() * [1.0, 2.0, 3.0])
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 8.0, 18.0]
    _, found = tf.while_loop(
        lambda i, a: i < 2, lambda i, a: (i + 1, a.write(i, i)), [0, tf.TensorArray(tf.int32, 2)]
    )
    assert found.stack().numpy().tolist() == [0, 1]

    grows = tf.TensorArray(tf.int32, size=0, dynamic_size=True)
    assert grows.stack().shape == 0
    assert grows.write(2, [1, 2]).size() == 3
    assert grows.stack().numpy().tolist() == [[0, 0], [0, 0], [1, 2]]
    rows = tf.TensorArray(tf.float32, 2, clear_after_read=False).unstack([[1.0, 2.0], [3.0, 4.0]])
    assert rows.gather([1, 1]).numpy().tolist() == [[3.0, 4.0]] * 2
    assert rows.concat().numpy().tolist() == [1.0, 2.0, 3.0, 4.0]
    assert rows.unstack([[5.0, 6.0]]).size() == 1
    empty = tf.TensorArray(tf.float32, 3)
    assert empty.scatter([2, 0], [[1.0], [2.0]]).stack().numpy().tolist() == [[2.0], [0.0], [1.0]]
    assert tf.TensorArray(tf.float32, 2, element_shape=[1]).stack().numpy().tolist() == [[0.0], [0.0]]

    once = tf.TensorArray(tf.float32, size=2).write(0, 5.0)
    assert once.read(0) == 5 and once.read(1) == 0
    for error, words, wrong in (
        (Invalid, "twice", lambda: once.read(0)),
        (tf.errors.OutOfRangeError, "size is: 2", lambda: once.read(2)),
        (tf.errors.OutOfRangeError, "not resizeable", lambda: once.write(2, 1.0)),
        (tf.errors.OutOfRangeError, "negative", lambda: once.write(-1, 1.0)),
        (Invalid, "float32 but Op is trying to write dtype int32", lambda: once.write(0, tf.constant(1))),
        (ValueError, r"\(\(2,\)\), expected \(\(\)\)", lambda: once.write(0, [1.0, 2.0])),
        (ValueError, "static size 1", lambda: tf.TensorArray(tf.float32, 1).unstack([1.0, 2.0])),
        (ValueError, "nothing was written", lambda: tf.TensorArray(tf.float32, 1).stack()),
        (ValueError, "Size must be declared", lambda: tf.TensorArray(tf.float32)),
        ((TypeError, ValueError), "`indices` must be integers", lambda: once.scatter(None, [1.0])),
        ((TypeError, ValueError), "`indices` must be integers", lambda: once.gather(None)),
    ):
        with pytest.raises(error, match=words):
            wrong()


def test_images_of_another_size():
    x = tf.Variable(tf.reshape(tf.range(6.0) ** 2, [1, 2, 3, 1]))
    values = lambda t: t.numpy().ravel().astype("d").round(4).tolist()
    resize = tf.image.resize
    with tf.GradientTape(persistent=True) as tape:
        y, z = resize(x, [3, 2]), resize(x, [3, 2], "nearest")
    assert values(y) == [0.25, 3.25, 5.5, 13.0, 10.75, 22.75]
    assert values(z) == [0.0, 4.0, 9.0, 25.0, 9.0, 25.0]
    assert values(tape.gradient(y, x)) == [1.125, 0.75, 1.125, 1.125, 0.75, 1.125]
    assert values(tape.gradient(z, x)) == [1.0, 0.0, 1.0, 2.0, 0.0, 2.0]
    smooth = resize([[[0.0], [8.0], [0.0], [0.0]]], [1, 2], antialias=True)
    assert values(smooth) == [3.4286, 1.1429] and values(resize([[[0.0], [8.0]]], [1, 1])) == [4.0]
    small = tf.constant([[[0], [200]]], tf.uint8)
    assert resize(small, [1, 2]).dtype == tf.float32 and resize(small, [1, 2], "nearest").dtype == tf.uint8
    assert resize(x, tf.constant([4, 9]), preserve_aspect_ratio=True).shape == (1, 4, 6, 1)
    for wrong in (
        lambda: resize(x, [3]), lambda: resize(x[0, 0], [3, 3]), lambda: resize(x, [0, 3]),
        lambda: resize(x, [3.0, 3.0]), lambda: resize(x, [3, 3], "foo"), lambda: resize(x[:, :0], [3, 3]),
        lambda: resize(x[:, :, :0], [3, 3], "nearest", preserve_aspect_ratio=True),
        lambda: resize(tf.zeros([1, 100, 1]), [1, 10], preserve_aspect_ratio=True),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            wrong()


def test_edges_of_images():
    x = tf.Variable(tf.reshape(tf.range(9.0) ** 2, [1, 3, 3, 1]))
    with tf.GradientTape() as tape:
        y = tf.image.sobel_edges(x)
    assert y.shape == (1, 3, 3, 1, 2) and y[0, 1, 1, 0].numpy().tolist() == [192.0, 64.0]
    assert tape.gradient(y, x).numpy().sum() == 0
    with pytest.raises(Invalid, match="rank"):
        tf.image.sobel_edges(x[0])


def test_dtypes_by_the_names_that_tensorflow_knows():
    assert tf.as_dtype(float) == tf.float32 and tf.as_dtype(bool) == tf.bool
    assert tf.as_dtype(np.dtype(">f4")) == tf.as_dtype(np.single) == tf.as_dtype("float") == tf.float32
    for unknown in (int, complex, str, bytes, list, "int", "f4", "uint", "object"):
        with pytest.raises(TypeError, match="Known dtypes"):
            tf.as_dtype(unknown)
    with pytest.raises(TypeError):
        tf.cast([1.5], int)


def test_a_python_float_beyond_float32_needs_its_dtype_said():
    for value in (1e40, [1.0, -1e40], [[1e39]], [np.inf, 1e40]):
        with pytest.raises(ValueError, match="out of range"):
            tf.constant(value)
    assert tf.constant([np.inf, 1.0]).numpy()[0] == np.inf
    assert tf.constant(1e40, tf.float64) == 1e40 and tf.constant(1e40, tf.float32) == np.inf
    assert tf.constant(1.0) * 1e40 == np.inf  # the tensor's dtype is said


def test_order_without_differences():
    order, strict = tf.math.is_non_decreasing, tf.math.is_strictly_increasing
    assert order([np.inf, np.inf]) and strict([-np.inf, np.inf]) and not order([np.nan, 1.0])
    assert not order(np.array([3, 1], np.uint8)) and not strict(np.array([3, 1], np.uint8))
    for wrong in ([True, False], ["a", "b"], [1j, 2j]):
        with pytest.raises(Invalid):
            order(wrong)


def test_a_shuffle_has_no_gradient():
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.random.shuffle(x))
    assert tape.gradient(y, x) is None
    assert "tf.gather" in tape.explain(y, x).fix


def test_extremes_of_infinities():
    ids = [0, 0, 2]
    assert tf.math.segment_min([np.inf, np.inf, 1.0], ids).numpy().tolist() == [np.inf, 0, 1]
    assert tf.math.segment_max([-np.inf, -np.inf, 1.0], ids).numpy().tolist() == [-np.inf, 0, 1]
    assert tf.math.unsorted_segment_min([np.inf], [0], 1).numpy() == np.finfo("f4").max


def test_arguments_that_are_taken_as_well():
    x = tf.ones([1, 2])
    assert tf.squeeze(x, ()).shape == tf.squeeze(x, np.array([], int)).shape == [2]
    assert tf.fill([2], [1.0]).numpy().tolist() == [1, 1]
    with pytest.raises(Invalid):
        tf.fill([2], [[1.0]])
    loss = tf.constant([1.0, 2.0], tf.float64)
    assert tf.nn.compute_average_loss(loss, tf.constant([1.0, 0.5])) == 1.0
    assert tf.realdiv(1.0, tf.constant(2.0, tf.float64)) == 0.5
    x = tf.linalg.lstsq([[1.0, 2.0]], [[1.0]], 2.0, fast=False).numpy()
    np.testing.assert_allclose(x, [[0.2], [0.4]], rtol=1e-5)
    assert tf.debugging.assert_scalar(1.0) is None
    pair = (loss, 1.0)
    assert tf.tuple(pair) is pair


def test_arguments_that_are_refused():
    for dtype in (tf.complex64, tf.bool):
        with pytest.raises(ValueError, match="invalid value"):
            tf.random.uniform([2], dtype=dtype)
    for f in (tf.image.flip_left_right, tf.image.flip_up_down, tf.image.transpose,
              tf.image.per_image_standardization):  # fmt: skip
        assert f(tf.ones([0, 2, 2, 1])).shape == [0, 2, 2, 1]
        for shape in ([2, 2], [2, 0, 1]):
            with pytest.raises(ValueError):
                f(tf.ones(shape))
    v = tf.Variable([1.0, 2.0])
    with pytest.raises(Invalid, match="must not contain 0"):
        v.scatter_div(tf.IndexedSlices([0.0], [0]))


def test_zeta_at_its_poles():
    z = tf.math.zeta([2.0, 3.0, 2.5, 100.0], [-2.0, -2.0, -2.0, 1e-30]).numpy()
    np.testing.assert_array_equal(z, [np.inf, np.nan, np.nan, np.inf])


def test_print_shows_numbers_as_tensorflow_does(capsys):
    def shown(*values, **how):
        tf.print(*values, output_stream=sys.stdout, **how)
        return capsys.readouterr().out[:-1]

    assert shown(tf.range(20)) == "[0 1 2 ... 17 18 19]"  # nothing is aligned
    assert shown(tf.range(20), summarize=1) == "[0 ... 19]"
    assert shown(tf.range(8), summarize=-1) == "[0 1 2 3 4 5 6 7]"
    x = tf.reshape(tf.range(14), [7, 2])
    assert shown(x) == "[[0 1]\n [2 3]\n [4 5]\n ...\n [8 9]\n [10 11]\n [12 13]]"
    assert shown(tf.reshape(tf.range(8), [2, 2, 2])) == "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]"
    assert shown(tf.constant([True, False])) == "[1 0]"
    assert shown(tf.constant([0.1, 1 / 3, 1e-4])) == "[0.1 0.333333343 0.0001]"
    assert shown(tf.constant([0.1, 1 / 3], tf.float64)) == "[0.1 0.33333333333333331]"
    assert shown(tf.constant(1 / 3, tf.float16)) == "0.333251953"
    assert shown(np.ones(2), tf.float32, "a", ["a"]) == "array([1., 1.]) tf.float32 a ['a']"
    assert shown((tf.constant(1),), [tf.constant("b"), None]) == '(1,) ["b", None]'
    assert shown({"b": tf.constant([1.5]), "a": 2}, range(3)) == "{'a': 2, 'b': [1.5]} [0, 1, 2]"
    assert shown(tf.constant(b"\xff"), tf.constant([b"a\xff"])) == '\ufffd ["a\ufffd"]'
    long = tf.fill([1, 9], "0123456789")
    assert "\n" not in shown((long, long), summarize=-1)


def test_structures_of_other_types_are_told_before_other_lengths():
    with pytest.raises(TypeError):
        tf.nest.assert_same_structure([1, 2], ())


def test_tensors_in_lists_take_the_dtype_asked_for():
    for made in (
        tf.constant([1.0, 2.0]) * [tf.constant([2, 2])],
        tf.convert_to_tensor([[tf.constant(2), 4.0]], tf.float32),
        tf.Variable([[0.0, 0.0]]).assign([[tf.constant(2, tf.int64), 4]]),
    ):
        assert made.dtype == tf.float32 and made.numpy().tolist() == [[2, 4]]
    with pytest.raises(Invalid):
        tf.convert_to_tensor([tf.constant(1), tf.constant(1.5)])
    x = tf.constant(3.0, tf.float64)
    assert gradient(lambda x: tf.reduce_sum(tf.constant([1.0, 2.0]) * [x, x]), x) == 3.0
    tf.random.set_seed(None)


def test_a_dtype_that_an_operation_has_not_is_any_of_three_errors():
    x = tf.constant([1.0])
    for refused in (lambda: tf.reduce_any(x), lambda: tf.logical_and([True], x)):
        for error in (Invalid, TypeError, ValueError):
            with pytest.raises(error):
                refused()


def test_a_table_in_parts():
    lookup, parts = tf.nn.embedding_lookup, [tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[5.0, 6.0]])]
    assert lookup(parts, [1, 2]).numpy().tolist() == [[3, 4], [5, 6]]
    assert lookup([[1.0, 2.0], [3.0, 4.0]], [0, 2]).numpy().tolist() == [1, 3]
    assert lookup(([1.0, 2.0], [3.0, 4.0]), [1]).numpy().tolist() == [[3, 4]]
    with pytest.raises(ValueError):
        lookup([], [0])


def test_what_is_no_tensor_is_made_boolean_for_any_and_all():
    assert tf.reduce_any(np.array([0, 2])) and not tf.reduce_all(np.array([0.0, 2.0]))
    assert not tf.reduce_any([]) and tf.reduce_all([])
    with pytest.raises(TypeError):
        tf.reduce_any([1])
    with pytest.raises(Invalid):
        tf.reduce_all(tf.constant([1]))


def test_rows_read_before_and_after_an_assignment_are_listed_in_that_order():
    v = tf.Variable([-2.0, 1.0])
    with tf.GradientTape() as tape:
        before = tf.gather(v, [0, 0])
        v.assign(v * 0.5)
        after = tf.abs(tf.gather(v, [1, 0]))
    rows = tape.gradient([after, before], v)
    assert rows.indices.numpy().tolist() == [0, 0, 1, 0]
    assert rows.values.numpy().tolist() == [1, 1, 1, -1]
