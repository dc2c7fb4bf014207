"""tf.data: elements, order, laziness."""

import numpy as np
import pytest

import tapelab as tf

Dataset = tf.data.Dataset


def ints(dataset):
    return [int(x) for x in dataset]


def test_slices_keep_structure_and_dtype():
    rows = list(Dataset.from_tensor_slices(({"x": np.eye(2)}, [1, 2])))
    assert rows[1][0]["x"].numpy().tolist() == [0.0, 1.0] and rows[1][0]["x"].dtype == tf.float64
    assert rows[1][1].dtype == tf.int32


@pytest.mark.parametrize(
    "of, expected",
    [
        (lambda d: d.take(2), [0, 1]),
        (lambda d: d.skip(5), [5, 6]),
        (lambda d: d.map(lambda x: x * 2).take(3), [0, 2, 4]),
        (lambda d: d.filter(lambda x: x > 4), [5, 6]),
        (lambda d: d.take(2).repeat(2), [0, 1, 0, 1]),
        (lambda d: d.repeat().take(8), [0, 1, 2, 3, 4, 5, 6, 0]),
        (lambda d: d.batch(3).unbatch(), list(range(7))),
        (lambda d: d.take(1).concatenate(d.skip(6)), [0, 6]),
        (lambda d: d.shard(3, 1), [1, 4]),
        (lambda d: d.take(3).flat_map(lambda n: Dataset.range(n)), [0, 0, 1]),
        (lambda d: d.cache().prefetch(1).take(1), [0]),
    ],
)
def test_transformations(of, expected):
    assert ints(of(Dataset.range(7))) == expected


def test_batches_of_a_dataset_and_what_remains():
    d = Dataset.range(7)
    assert [b.numpy().tolist() for b in d.batch(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(d.batch(3)) == 3 and len(d.batch(3, drop_remainder=True)) == 2
    assert [tuple(b.shape) for b in d.batch(3, drop_remainder=True)] == [(3,), (3,)]


@pytest.mark.parametrize("buffer", [1, 3, 7, 100])
@pytest.mark.parametrize("sliced", [True, False])
def test_shuffling_is_a_permutation_that_a_seed_repeats(buffer, sliced):
    d = Dataset.range(7) if sliced else Dataset.range(7).map(lambda x: x)
    first, again = (ints(d.shuffle(buffer, seed=3).batch(2).unbatch()) for _ in range(2))
    assert sorted(first) == list(range(7)) and first == again
    assert buffer > 1 or first == list(range(7))


def test_each_iteration_has_another_order_unless_told():
    d = Dataset.range(50)
    new, same = d.shuffle(50, seed=1), d.shuffle(50, seed=1, reshuffle_each_iteration=False)
    assert ints(new) != ints(new) and ints(same) == ints(same)


def test_a_buffer_only_delays():
    order = ints(Dataset.range(100).shuffle(10, seed=0))
    assert all(place >= x - 10 for place, x in enumerate(order))


def test_maps_are_lazy():
    seen = []
    d = Dataset.range(5).map(lambda x: seen.append(int(x)) or x)
    assert seen == []
    next(iter(d))
    assert seen == [0]


def test_zip_and_enumerate():
    a, b = Dataset.range(3), Dataset.range(10, 20)
    assert [(int(x), int(y)) for x, y in Dataset.zip((a, b))] == [(0, 10), (1, 11), (2, 12)]
    assert [(int(i), int(x)) for i, x in b.take(2).enumerate(5)] == [(5, 10), (6, 11)]


def test_element_spec_and_cardinality():
    d = Dataset.from_tensor_slices((np.zeros((4, 2), "float32"), [1, 2, 3, 4])).batch(2)
    assert d.element_spec == (tf.TensorSpec([None, 2], tf.float32), tf.TensorSpec([None], tf.int32))
    assert int(d.cardinality()) == 2
    assert int(d.repeat().cardinality()) == tf.data.INFINITE_CARDINALITY
    assert int(d.filter(lambda x, y: True).cardinality()) == tf.data.UNKNOWN_CARDINALITY


def test_datasets_under_one_seed_have_their_own_orders():
    d, orders = Dataset.range(50), []
    for _ in range(2):
        tf.random.set_seed(5)
        orders.append([ints(d.shuffle(50)), ints(d.shuffle(50))])
    assert orders[0] == orders[1] and orders[0][0] != orders[0][1]


def test_strings_pass_through():
    d = Dataset.from_tensor_slices((["a", "b"], [1, 2]))
    assert [(s.numpy(), int(n)) for s, n in d] == [(b"a", 1), (b"b", 2)]
    assert list(d.map(lambda s, n: s).as_numpy_iterator()) == [b"a", b"b"]


def test_structures_of_what_functions_return():
    d = Dataset.range(3)
    assert d.map(lambda x: [x, x + 1]).element_spec == (tf.TensorSpec([], tf.int64),) * 2
    assert d.flat_map(Dataset.range).element_spec == tf.TensorSpec([], tf.int64)
    assert Dataset.zip(d).element_spec == d.element_spec


def test_generators():
    d = Dataset.from_generator(lambda: iter([1, 2]), output_signature=tf.TensorSpec([], tf.int64))
    assert ints(d) == ints(d) == [1, 2]
    signature = tf.TensorSpec([3], tf.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="yielded an element of shape"):
        list(Dataset.from_generator(lambda: iter([[1, 2]]), output_signature=signature))


def test_what_is_refused():
    d = Dataset.range(3)
    for f, error in [
        (lambda: Dataset.from_tensor_slices(1.0), ValueError),
        (lambda: Dataset.from_tensor_slices(([1, 2], [1])), ValueError),
        (lambda: d.batch(0), tf.errors.InvalidArgumentError),
        (lambda: d.shuffle(0), tf.errors.InvalidArgumentError),
        (lambda: d.batch(2.5), TypeError),
        (lambda: ints(d.filter(lambda x: x)), ValueError),
        (lambda: list(d.batch(2).batch(2)), tf.errors.InvalidArgumentError),
        (lambda: Dataset.zip((d, [1])), TypeError),
        (lambda: d.window(2), AttributeError),
        (lambda: len(d.repeat()), TypeError),
        (lambda: d.get_single_element(), tf.errors.InvalidArgumentError),
    ]:
        with pytest.raises(error):
            f()


def test_lines_of_text_files(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntwo\r\n\nlast")
    (tmp_path / "b").write_text("more\n")
    d = tf.data.TextLineDataset([tmp_path / "a", str(tmp_path / "b")])  # paths and strings
    assert [x.numpy() for x in d] == [b"one", b"two", b"", b"last", b"more"]
    first = next(iter(tf.data.TextLineDataset(str(tmp_path / "a")).batch(2)))
    assert first.dtype == tf.string and first.numpy().tolist() == [b"one", b"two"]
    assert d.element_spec == tf.TensorSpec([], tf.string)
    with pytest.raises(ValueError, match="GZIP"):
        tf.data.TextLineDataset(str(tmp_path / "a"), compression_type="GZIP")
    with pytest.raises(TypeError, match="must contain `tf.string` elements"):
        tf.data.TextLineDataset(1.5)


def growing():
    return tf.data.Dataset.range(1, 5).map(lambda n: tf.fill([n], n))


def test_padded_batches_have_the_shape_and_the_filling_asked_for():
    of = lambda ds: [x.tolist() for x in ds.as_numpy_iterator()]
    assert of(growing().take(2).padded_batch(2, 3)) == [[[1, 0, 0], [2, 2, 0]]]
    assert of(growing().take(2).padded_batch(2, [None], -1)) == [[[1, -1], [2, 2]]]
    assert growing().padded_batch(2, [5], drop_remainder=True).element_spec.shape == (2, 5)
    pairs = tf.data.Dataset.zip((growing(), growing())).take(2)
    ((x, y),) = pairs.padded_batch(2, ([3], [None]), (None, 9)).as_numpy_iterator()
    assert x.tolist() == [[1, 0, 0], [2, 2, 0]] and y.tolist() == [[1, 9], [2, 2]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="smaller size"):
        list(growing().padded_batch(4, [2]))
    with pytest.raises(ValueError, match="2 parts"):
        list(pairs.padded_batch(2, ([3],)))


def test_rows_of_strings_are_strings():
    ds = tf.data.Dataset.from_tensor_slices(["a", "b"])
    assert [x.numpy() for x in ds] == [b"a", b"b"] == [x.numpy() for x in tf.constant(["a", "b"])]
    assert tf.gather(["a", "b"], 1).numpy() == b"b"


def test_iterators_are_asked_for_the_next_element():
    elements = iter(Dataset.range(2))
    assert isinstance(elements, tf.data.Iterator) and iter(elements) is elements
    assert int(elements.get_next()) == 0 and elements.element_spec == tf.TensorSpec([], tf.int64)
    assert int(next(elements)) == 1
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        elements.get_next()
    arrays = Dataset.range(2).as_numpy_iterator()
    assert arrays.next() == 0 and arrays.element_spec == elements.element_spec


def test_only_alike_is_concatenated():
    d, float_ = Dataset.range(2), Dataset.from_tensor_slices([1.0])
    for other in (float_, Dataset.zip((d, d)), Dataset.zip({"a": d})):
        with pytest.raises(TypeError, match="Incompatible dataset elements"):
            d.concatenate(other)
    with pytest.raises(TypeError, match="Incompatible dataset elements"):
        list(d.concatenate(float_.map(lambda x: x)))
    rows = lambda *shape: Dataset.from_tensor_slices(np.zeros((2, *shape)))
    assert rows(3).concatenate(rows(4)).element_spec.shape.as_list() == [None]
    assert rows(3).concatenate(rows(3, 1)).element_spec.shape.rank is None
    forever, unknown = d.repeat(), d.filter(lambda x: True)
    assert [int(d.repeat().concatenate(x).cardinality()) for x in (d, unknown)] == [-1, -1]
    assert len(rows(3).unbatch()) == 6 and int(rows(3).repeat().unbatch().cardinality()) == -1
    assert int(forever.repeat(0).cardinality()) == int(unknown.repeat(0).cardinality()) == 0


def test_padded_strings_are_strings():
    (batch,) = Dataset.from_tensor_slices(["ab", "c"]).padded_batch(2, [])
    assert batch.numpy().tolist() == [b"ab", b"c"]


def test_specs_without_an_element_and_of_unknown_sizes():
    none = Dataset.range(0)
    assert none.flat_map(Dataset.range).element_spec == tf.TensorSpec([], tf.int64)
    batches = none.map(lambda x: tf.cast(x, tf.float32)).batch(2)
    assert batches.element_spec == tf.TensorSpec([None], tf.float32)
    batches = Dataset.from_tensor_slices((np.zeros((5, 2)), np.arange(5))).batch(2)
    spec = batches.map(lambda x, y: (tf.reduce_sum(x, 0), x @ tf.ones([2, 3], tf.float64), y)).element_spec
    assert [s.shape.as_list() for s in spec] == [[2], [None, 3], [None]]
    for two in (lambda x, y: tf.reshape(x, [2, 2]), lambda x, y: {2: x}[len(x)]):
        assert batches.map(two).element_spec.shape == [2, 2]
    with pytest.raises(AttributeError, match="mean"):
        Dataset.range(2).map(lambda x: x.mean()).batch(2).element_spec  # noqa: B018


def test_the_state_of_a_reduction_keeps_its_dtypes_and_structure():
    d = Dataset.range(3)
    assert int(d.reduce(np.int64(0), lambda s, x: s + x)) == 3
    pair = d.reduce((0, 1), lambda s, x: [s[0] + 1, s[1] * 2])
    assert type(pair) is tuple and [int(x) for x in pair] == [3, 8]
    for wrong in (lambda s, x: tf.cast(s, tf.int64) + x, lambda s, x: 1.5):
        with pytest.raises(TypeError, match="must match the initial state"):
            d.reduce(tf.constant(0, tf.int32), wrong)
    with pytest.raises(ValueError):
        d.reduce((0, 1), lambda s, x: (s[0], (s[1], s[1])))


def test_what_a_generator_yields_has_the_structure_announced():
    spec, seen = tf.TensorSpec([], tf.int32), []
    of = lambda x, signature: list(Dataset.from_generator(lambda: iter([x]), output_signature=signature))
    for x, signature in (((1, 2), (spec,)), ([1, 2], (spec, spec)), ({"a": 1, "b": 2}, {"a": spec})):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected structure"):
            of(x, signature)
    of = lambda n: seen.append(n) or iter([n])
    list(Dataset.from_generator(of, args=[tf.constant(3)], output_signature=spec))
    assert type(seen[0]) is np.int32
    with pytest.raises(TypeError, match="callable"):
        Dataset.from_generator([1], output_signature=spec)
    with pytest.raises(tf.errors.InvalidArgumentError, match="non-zero"):
        Dataset.range(0, 3, 0)
    with pytest.raises(TypeError, match="tf.data.Dataset"):
        Dataset.range(3).apply(lambda d: 3)
