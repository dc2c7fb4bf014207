"""Variables: the only state; what a tape sees of it."""

import numpy as np
import pytest

import tapelab as tf

InvalidArgument = tf.errors.InvalidArgumentError


def test_creation():
    v = tf.Variable([1, 2.5], name="w")
    assert v.dtype == tf.float32 and v.shape == (2,) and v.name == "w:0" and v.trainable
    assert tf.Variable(lambda: tf.ones([2])).shape == (2,)
    assert tf.Variable(1, dtype=tf.float64).dtype == tf.float64
    assert tf.Variable(np.ones(2), trainable=False).trainable is False
    with pytest.raises(ValueError, match="initial_value"):
        tf.Variable()
    with pytest.raises(ValueError, match="initial_value"):
        tf.Variable(tf.ones([2]), dtype=tf.float64)
    with pytest.raises(ValueError, match="compatible"):
        tf.Variable([1.0, 2.0], shape=[3])


def test_class_names_are_tensorflows():
    assert type(tf.Variable(1.0)).__name__ == "ResourceVariable"
    assert type(tf.constant(1.0)).__name__ == "EagerTensor"
    assert not isinstance(tf.Variable(1.0), tf.Tensor) and tf.is_tensor(tf.Variable(1.0))


def test_reads_are_snapshots():
    v = tf.Variable([1.0, 2.0])
    before, out = v.read_value(), v.numpy()
    v.assign([5.0, 6.0])
    out[0] = 99
    assert before.numpy().tolist() == [1.0, 2.0] and v.numpy().tolist() == [5.0, 6.0]


def test_assigning_leaves_what_was_recorded_alone():
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v
        v.assign(100.0)
    v.assign(1000.0)
    assert float(tape.gradient(y, v)) == 6.0


def test_gradient_sums_over_the_values_a_variable_had():
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        a = v * v
        v.assign(5.0)
        y = a + v * v * v
    assert float(tape.gradient(y, v)) == 4.0 + 75.0


@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
def test_state_stops_gradients(method):
    x, v = tf.constant(3.0), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        getattr(v, method)(x * 2.0)
        y = v * v
    assert tape.gradient(y, x) is None


def test_assign():
    v = tf.Variable([1.0, 2.0])
    assert v.assign([3.0, 4.0]) is v and v.assign([3.0, 4.0], read_value=False) is None
    assert v.assign_add([1.0, 1.0]).numpy().tolist() == [4.0, 5.0]
    assert v.assign_sub(np.array([1.0, 1.0])).numpy().tolist() == [3.0, 4.0]


@pytest.mark.parametrize("method, value, error", [
    ("assign", [1.0], ValueError), ("assign", 1.0, ValueError),
    ("assign", tf.ones([2], tf.float64), ValueError),
    ("assign_add", [1.0], InvalidArgument), ("assign_sub", 1.0, InvalidArgument),
    ("assign", "a", TypeError),
    ("assign_add", tf.ones([2], tf.int32), ValueError), ("assign", None, ValueError),
    ("assign", [1j, 1.0], TypeError),
])  # fmt: skip
def test_a_refused_assignment_changes_nothing(method, value, error):
    v = tf.Variable([1.0, 2.0])
    with pytest.raises(error):
        getattr(v, method)(value)
    assert v.numpy().tolist() == [1.0, 2.0]


def test_shapes_are_named_when_they_differ():
    v = tf.Variable([1.0, 2.0], name="w")
    with pytest.raises(ValueError, match=r"w:0.*\(2,\).*\(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(InvalidArgument, match=r"\[2\].*\[3\]"):
        v.assign_add([1.0, 2.0, 3.0])


def test_a_free_shape():
    v = tf.Variable([1.0], shape=tf.TensorShape(None))
    assert v.assign([[1.0, 2.0]]).numpy().shape == (1, 2)


def test_integers_to_float_and_back():
    v, n = tf.Variable([1.5]), tf.Variable([1])
    assert v.assign([3]).numpy().tolist() == [3.0]
    with pytest.raises(TypeError, match="int32"):
        n.assign([1.5])


@pytest.mark.parametrize(
    "operator, method",
    [("+", "assign_add"), ("-", "assign_sub"), ("*", "assign"), ("/", "assign"), ("**", "assign")],
)
def test_augmented_assignment_is_refused_and_explained(operator, method):
    names = {"v": tf.Variable(1.0)}
    with pytest.raises(RuntimeError, match=method):
        exec(f"v {operator}= 2.0", names)
    exec(f"v = v {operator} 2.0", names)
    assert isinstance(names["v"], tf.Tensor)


def test_slices_write_back():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    v[0, 1].assign(9.0)
    v[1].assign([7.0, 8.0])
    v[:, 0].assign(0.0)
    assert v.numpy().tolist() == [[0.0, 9.0], [0.0, 8.0]]
    with pytest.raises(InvalidArgument, match=r"\[2\] vs\. \[3\]"):
        v[0].assign([1.0, 2.0, 3.0])
    assert v.numpy().tolist() == [[0.0, 9.0], [0.0, 8.0]]


def test_slices_are_differentiable_reads():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        y = v[0, 1] * v[1, 0] + tf.reduce_sum(v[:, 1])
    assert tape.gradient(y, v).numpy().tolist() == [[0.0, 4.0], [2.0, 1.0]]


def test_scatter():
    v = tf.Variable([[1.0], [2.0], [3.0]])
    rows = tf.IndexedSlices(tf.constant([[10.0], [20.0]]), tf.constant([2, 2]))
    assert v.scatter_add(rows).numpy().ravel().tolist() == [1.0, 2.0, 33.0]
    assert v.scatter_sub(rows).numpy().ravel().tolist() == [1.0, 2.0, 3.0]
    v.scatter_update(tf.IndexedSlices(tf.constant([[7.0]]), tf.constant([0])))
    assert v.numpy().ravel().tolist() == [7.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "method, expected",
    {
        "mul": [12.0, 5.0], "div": [2.0 / 6, 5.0], "max": [3.0, 5.0], "min": [2.0, 5.0],
    }.items(),
)  # fmt: skip
def test_scatter_takes_repeated_rows_one_by_one(method, expected):
    rows = tf.IndexedSlices([2, 3], [0, 0])
    v = getattr(tf.Variable([2.0, 5.0]), f"scatter_{method}")(rows)
    assert v.numpy().tolist() == pytest.approx(expected)


def test_scatter_div_of_integers_rounds_towards_zero():
    rows = tf.IndexedSlices([2, 2], [0, 1])
    assert tf.Variable([7, -7]).scatter_div(rows).numpy().tolist() == [3, -3]
    with pytest.raises(InvalidArgument, match="contain 0"):
        tf.Variable([7, -7]).scatter_div(tf.IndexedSlices([0], [0]))


def test_scatter_refuses_what_does_not_fit():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    for index in (2, -1):
        with pytest.raises(InvalidArgument, match="does not index"):
            v.scatter_add(tf.IndexedSlices([[1.0, 1.0]], [index]))
    for updates, indices in (([1.0, 1.0], [1]), ([[1.0, 1.0]], [0, 1])):
        with pytest.raises(InvalidArgument, match="do not fit"):
            v.scatter_add(tf.IndexedSlices(updates, indices))
    with pytest.raises(TypeError, match="int32"):
        tf.Variable([1, 2]).scatter_add(tf.IndexedSlices([1.5], [0]))
    with pytest.raises(ValueError, match="int32"):
        tf.Variable([1, 2]).scatter_add(tf.IndexedSlices(tf.constant([1.5]), [0]))
    with pytest.raises(TypeError, match="IndexedSlices"):
        v.scatter_update([0])
    assert v.numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_scatter_nd():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], dtype=tf.float64)
    v.scatter_nd_add([[0, 1], [0, 1]], [1.0, 1.0]).scatter_nd_sub([[1]], [[1, 1]])
    assert v.numpy().tolist() == [[1.0, 4.0], [2.0, 3.0]]
    v.scatter_nd_update([[0, 0]], [9.0]).scatter_nd_max([[1, 0]], [7.0]).scatter_nd_min(
        [[0, 1]], [0.0]
    )
    assert v.numpy().tolist() == [[9.0, 0.0], [7.0, 3.0]]
    rows = tf.IndexedSlices(tf.constant([[5.0], [6.0]], tf.float64), [[1], [0]])
    assert v.batch_scatter_update(rows).numpy().tolist() == [[9.0, 5.0], [6.0, 3.0]]


def test_reading_rows_is_differentiable():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(v.sparse_read([0, 0])) + v.gather_nd([1, 1]) ** 2
    assert tf.convert_to_tensor(tape.gradient(y, v)).numpy().tolist() == [[2.0, 2.0], [0.0, 8.0]]


def test_a_constraint_is_a_function():
    assert tf.Variable(1.0, constraint=tf.abs).constraint is tf.abs
    with pytest.raises(ValueError, match="callable"):
        tf.Variable(1.0, constraint=0)


def test_references_can_be_keys_of_a_structure():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = a * b
    found = tape.gradient(y, {a.ref(): a, b.ref(): b})
    assert float(found[a.ref()]) == 2.0 and float(found[b.ref()]) == 1.0


def test_pythons_protocols():
    v = tf.Variable([1.0, 2.0])
    with pytest.raises(TypeError, match=r"\.ref\(\)"):
        hash(v)
    assert v.ref() == v.ref() and v.ref().deref() is v
    with pytest.raises(TypeError):
        len(v)
    assert [float(x) for x in v] == [1.0, 2.0] and float(tf.Variable(1.5)) == 1.5
    assert np.asarray(v).tolist() == [1.0, 2.0]
    assert (
        repr(tf.Variable(1.0, name="w")) == "<tf.Variable 'w:0' shape=() dtype=float32, numpy=1.0>"
    )


def test_a_training_loop_in_a_block_of_its_own():
    """Assigning inside and outside of tapes, step after step: no history piles up."""
    v = tf.Variable(5.0)
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = (v - 3.0) ** 2
        v.assign_sub(0.1 * tape.gradient(loss, v))
    assert float(v) == pytest.approx(3.0, abs=1e-5)


def test_the_initial_value_brings_no_history():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        v = tf.Variable(x * 2.0)
        y = v * v
    assert [g if g is None else float(g) for g in tape.gradient(y, [x, v])] == [None, 12.0]
