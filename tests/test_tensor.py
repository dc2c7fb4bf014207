"""Tensors: conversion, dtypes that never mix, operators, indexing, Python's protocols."""

import copy
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapelab as tf

InvalidArgument = tf.errors.InvalidArgumentError
f32, i32 = tf.constant([1.0, 2.0]), tf.constant([7, -7])


# ---------------------------------------------------------------- conversion


@pytest.mark.parametrize("value, dtype", [
    (1.0, "float32"), (1, "int32"), (2**31, "int64"), (-(2**31), "int32"), (True, "bool"),
    (1j, "complex128"),
    ([1, 2.5], "float32"), ([], "float32"), ("text", "string"), ([[1, 2], [3, 4]], "int32"),
    (range(3), "int32"),
    (np.float64(1), "float64"), (np.arange(3), "int64"), (np.float16([1]), "float16"),
    ([np.float64(1), 2], "float64"),
    (np.array([True]), "bool"), (np.arange(3, dtype=">f4"), "float32"), (np.ma.ones(2), "float64"),
])  # fmt: skip
def test_dtypes_by_default(value, dtype):
    t = tf.constant(value)
    assert t.dtype == dtype
    assert tf.convert_to_tensor(value).dtype == dtype
    assert t.shape == np.shape(value)


@pytest.mark.parametrize("value, dtype, error", [
    (1.5, tf.int32, TypeError), (1j, tf.float32, TypeError), (2, tf.bool, TypeError),
    (2**40, tf.int32, TypeError), ([[1], [2, 3]], None, ValueError), ([True, 1], None, ValueError),
    ([1, "a"], None, ValueError), (None, None, ValueError), ([None], None, ValueError),
    (object(), None, ValueError),
    (300, tf.uint8, TypeError), ([1.0, [2.0]], None, ValueError), ("a", tf.float32, TypeError),
])  # fmt: skip
def test_values_that_cannot_be(value, dtype, error):
    with pytest.raises(error):
        tf.constant(value, dtype)


def test_what_fails_to_convert_is_named():
    with pytest.raises(TypeError, match="1.5.*int32"):
        tf.constant(1.5, tf.int32)
    with pytest.raises(ValueError, match="non-rectangular"):
        tf.constant([[1], [2, 3]])
    with pytest.raises(ValueError, match="unsupported type.*object"):
        tf.constant(object())
    with pytest.raises(TypeError, match="float33.*Known dtypes"):
        tf.constant(1.0, "float33")


def test_a_list_with_tensors_is_stacked_on_the_tape():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.convert_to_tensor([[x, x * x], [1.0, 0.0]])
        z = tf.reduce_sum(y * [[1.0, 10.0], [100.0, 1000.0]])
    assert y.shape == (2, 2) and y.dtype == tf.float32
    assert float(tape.gradient(z, x)) == 41.0


def test_numpy_data_are_copied_in_and_out():
    a = np.array([1.0, 2.0])
    t = tf.constant(a)
    a[0] = 9
    out = t.numpy()
    out[1] = 9
    np.asarray(t)[0] = 9
    assert t.numpy().tolist() == [1.0, 2.0]
    assert isinstance(tf.constant(1.0).numpy(), np.float32)


def test_numbers_become_complex_when_asked():
    assert tf.constant([1.0, 2j], tf.complex64).numpy().tolist() == [1.0, 2j]
    with pytest.raises(ValueError, match="mixed"):
        tf.constant([1.0, 2j])


def test_what_has_an_array_interface_is_an_array():
    array = np.array([1.0, 2.0])

    class Wrapper:
        __array_interface__ = array.__array_interface__

    assert tf.constant(Wrapper()).numpy().tolist() == [1.0, 2.0]


def test_constant_fills_and_reshapes():
    assert tf.constant(2, shape=[2, 2]).numpy().tolist() == [[2, 2], [2, 2]]
    assert tf.constant([1, 2, 3, 4], shape=(2, 2)).numpy().tolist() == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="3 elements"):
        tf.constant([1, 2, 3], shape=[2, 2])
    with pytest.raises(TypeError, match="tf.cast"):
        tf.constant(f32, tf.float64)
    with pytest.raises(ValueError, match="tf.cast"):
        tf.convert_to_tensor(f32, tf.float64)
    assert tf.convert_to_tensor(f32) is f32
    assert tf.convert_to_tensor([1, 2], dtype_hint=tf.float32).dtype == tf.float32
    assert tf.convert_to_tensor([1.5], dtype_hint=tf.int32).dtype == tf.float32


# ---------------------------------------------------------------- dtypes never mix


@pytest.mark.parametrize(
    "op", [tf.add, tf.multiply, tf.maximum, tf.pow, tf.less, tf.matmul, tf.math.squared_difference]
)
def test_two_tensors_of_different_dtype(op):
    a, b = tf.ones([2, 2]), tf.ones([2, 2], tf.float64)
    with pytest.raises(InvalidArgument, match=r"float tensor.*double tensor.*\[Op:\w+\]") as e:
        op(a, b)
    assert "tf.cast" in str(e.value)
    with pytest.raises(InvalidArgument, match="double tensor.*float tensor"):
        op(b, a)


@pytest.mark.parametrize("compute, dtype", [
    (lambda: f32 * 2, "float32"), (lambda: 2 * f32, "float32"),
    (lambda: f32 + np.float64(1), "float32"),
    (lambda: np.ones(2) * f32, "float32"), (lambda: f32 / np.arange(1, 3), "float32"),
    (lambda: i32 + 1, "int32"),
    (lambda: i32 * np.int64(2), "int32"), (lambda: i32 + np.float64(1.9), "int32"),
    (lambda: i32 / i32, "float64"),
    (lambda: tf.constant([1], tf.int8) / tf.constant([2], tf.int8), "float32"),
    (lambda: [1.0, 2.0] - f32, "float32"),
    (lambda: tf.constant(1.0, tf.float64) * 0.1, "float64"), (lambda: 2**f32, "float32"),
    (lambda: f32 > 1, "bool"),
])  # fmt: skip
def test_numbers_and_arrays_take_the_tensors_dtype(compute, dtype):
    assert compute().dtype == dtype


def test_a_python_float_beside_integers():
    with pytest.raises(InvalidArgument, match="int32.*float"):
        i32 * 1.5
    with pytest.raises(TypeError, match="1.5.*int32"):
        1.5 * i32


def test_precision_of_python_floats_is_the_tensors():
    x = tf.constant(1.0, tf.float64)
    assert float(x * 0.1) == 0.1
    assert float(tf.constant(1.0) * 0.1) == float(np.float32(0.1))


@pytest.mark.parametrize("a, b", [((2,), (3,)), ((2, 3), (2,)), ((4, 1, 3), (2, 2))], ids=str)
def test_shapes_that_do_not_broadcast_are_both_named(a, b):
    text = r"\[{}\] vs\. \[{}\].*\[Op:AddV2\]".format(",".join(map(str, a)), ",".join(map(str, b)))
    with pytest.raises(InvalidArgument, match=text):
        tf.ones(a) + tf.ones(b)


@pytest.mark.parametrize(
    "op, name", [(tf.sin, "Sin"), (tf.exp, "Exp"), (tf.sqrt, "Sqrt"), (tf.nn.softmax, "Softmax")]
)
def test_integers_where_floats_are_needed(op, name):
    with pytest.raises(InvalidArgument, match=rf"int32.*\[Op:{name}\]"):
        op(i32)


# ---------------------------------------------------------------- operators


OPERATORS = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "//": np.floor_divide,
    "%": np.mod,
    "**": np.power, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


@pytest.mark.parametrize("sign", OPERATORS)
@settings(max_examples=25, deadline=None)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    seed=st.integers(0, 999),
)
def test_operators_are_numpys_with_numpys_broadcasting(sign, shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(1, 4, s).astype(float) / 2 for s in shapes.input_shapes)
    expected = OPERATORS[sign](a, b)
    compute = eval(f"lambda x, y: x {sign} y")
    for x, y in ((tf.constant(a), tf.constant(b)), (tf.Variable(a), tf.constant(b)),
     (tf.constant(a), tf.Variable(b)),
                 (a, tf.constant(b)), (tf.constant(a), b)):  # fmt: skip
        z = compute(x, y)
        assert isinstance(z, tf.Tensor) and z.shape == shapes.result_shape
        np.testing.assert_array_equal(z.numpy(), expected)


def test_signs_of_integer_division():
    assert (i32 // 2).numpy().tolist() == [3, -4] and (i32 % 2).numpy().tolist() == [1, 1]
    with pytest.raises(InvalidArgument, match="zero"):
        i32 // 0


def test_unary_operators_and_matmul():
    assert (-f32).numpy().tolist() == [-1.0, -2.0] and abs(i32).numpy().tolist() == [7, 7]
    assert (~tf.constant([True, False])).numpy().tolist() == [False, True]
    m = tf.constant([[1.0, 2.0]])
    assert (m @ tf.transpose(m)).numpy().tolist() == [[5.0]]
    assert (np.ones((2, 1), np.float32) @ m).shape == (2, 2)
    with pytest.raises(InvalidArgument, match="ndims must be >= 2.*MatMul"):
        m @ f32


def test_comparison_with_what_is_no_tensor():
    assert (f32 == None) is False and (f32 != None) is True  # noqa: E711 (the operator is meant)
    assert not (f32 == tf.ones([3]))


# ---------------------------------------------------------------- indexing

KEYS = [
    0, -1, slice(1), slice(None, None, -1), (0, 1), (slice(None), -2), (Ellipsis, 0), (None, 1),
    (0, Ellipsis, None),
    (slice(None, None, 2), slice(3, 0, -1)), (slice(0), slice(None)), Ellipsis, (), slice(-2, None),
    None,
    np.int64(1), np.array(1), slice(np.int32(0), np.int32(2)), (1, None, slice(1, 9)),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("make", [tf.constant, tf.Variable])
def test_indexing_is_numpys(make, key):
    a = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(make(a)[key].numpy(), a[key])


def test_indexing_with_tensors_and_masks():
    a = np.arange(12.0).reshape(3, 4)
    t = tf.constant(a)
    np.testing.assert_array_equal(t[tf.constant(1), tf.Variable(2) :].numpy(), a[1, 2:])
    np.testing.assert_array_equal(t[t > 4.0].numpy(), a[a > 4])
    np.testing.assert_array_equal(t[tf.constant([True, False, True])].numpy(), a[[0, 2]])


@pytest.mark.parametrize("key, error", [
    (3, InvalidArgument), (-4, InvalidArgument), ((0, 0, 0), InvalidArgument),
    ([0, 0, 0], InvalidArgument),  # a list is read as a tuple
    (1.0, TypeError), ("a", TypeError), (np.array([0, 1]), TypeError), (True, TypeError),
], ids=str)  # fmt: skip
def test_indices_that_do_not_exist(key, error):
    with pytest.raises(error):
        tf.zeros([3, 4])[key]


def test_tensors_do_not_change():
    for attempt in ("f32[0] = 1.0", "del f32[0]", "f32.x = 1", "f32.shape = (1, 2)"):
        with pytest.raises((TypeError, AttributeError)):
            exec(attempt)
    with pytest.raises(TypeError, match="immutable.*assign"):
        f32[0] = 1.0


# ---------------------------------------------------------------- Python's protocols


def test_numbers_out_of_tensors():
    assert (
        float(tf.constant(1.5)) == 1.5
        and int(tf.constant(3.7)) == 3
        and complex(tf.constant(1j)) == 1j
    )
    assert bool(tf.constant(True)) and not bool(tf.constant(0.0)) and [10, 20][tf.constant(1)] == 20
    assert list(range(tf.constant(3))) == [0, 1, 2] and f"{tf.constant(1.23456):.2f}" == "1.23"
    for convert in (float, int, complex):
        with pytest.raises(TypeError, match=r"\(2,\)"):
            convert(f32)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(f32)


def test_length_and_iteration():
    assert len(f32) == 2 and [float(x) for x in f32] == [1.0, 2.0]
    with pytest.raises(TypeError, match="Scalar tensor"):
        len(tf.constant(1.0))
    with pytest.raises(TypeError, match="scalar"):
        iter(tf.constant(1.0))
    with tf.GradientTape() as tape:
        tape.watch(f32)
        y = sum(x * x for x in f32)
    assert tape.gradient(y, f32).numpy().tolist() == [2.0, 4.0]


def test_tensors_are_not_keys_but_their_references_are():
    with pytest.raises(TypeError, match=r"\.ref\(\)"):
        hash(f32)
    twin = tf.identity(f32)
    assert {f32.ref(): 1}[f32.ref()] == 1 and twin.ref() != f32.ref() and f32.ref().deref() is f32


@pytest.mark.parametrize(
    "round_trip", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
@pytest.mark.parametrize("make", [tf.constant, tf.Variable])
def test_copies(make, round_trip):
    t = make([1.0, 2.0])
    twin = round_trip(t)
    assert twin is not t and type(twin) is type(t) and twin.numpy().tolist() == [1.0, 2.0]


def test_text():
    assert repr(tf.constant(1.0)) == "<tf.Tensor: shape=(), dtype=float32, numpy=1.0>"
    assert str(f32) == "tf.Tensor([1. 2.], shape=(2,), dtype=float32)"
    assert repr(tf.zeros([2, 1], tf.int32)).startswith(
        "<tf.Tensor: shape=(2, 1), dtype=int32, numpy=\narray([[0]"
    )


def test_numpys_attributes_are_explained():
    for name in ("T", "astype", "reshape", "sum", "item"):
        with pytest.raises(AttributeError, match="tf\\.|numpy|float"):
            getattr(f32, name)
    with pytest.raises(AttributeError, match="no_such"):
        f32.no_such  # noqa: B018 (the asking is the test)


def test_shapes():
    shape = tf.zeros([2, 3]).shape
    assert (
        shape == (2, 3) == shape
        and shape == [2, 3]
        and shape.as_list() == [2, 3]
        and shape.rank == 2
    )
    assert (
        shape[0] == 2 and shape[1:] == (3,) and list(shape) == [2, 3] and shape.num_elements() == 6
    )
    assert shape + [4] == (2, 3, 4) and np.zeros(shape).shape == (2, 3) and len(shape) == 2
    unknown = tf.TensorShape(None)
    assert unknown.rank is None and not unknown and unknown.is_compatible_with([1])
    assert tf.TensorShape([None, 3]).is_compatible_with([5, 3]) and not shape.is_compatible_with(
        [2, 4]
    )
    with pytest.raises(ValueError, match="Dimension -1 must be >= 0"):
        tf.TensorShape([None, -1])
    with pytest.raises(ValueError, match="incompatible"):
        f32.set_shape([3])


def test_dtypes():
    assert (
        tf.float32 == np.float32 == tf.float32
        and tf.float32 == "float32"
        and tf.float32 != tf.float64
    )
    assert (
        tf.as_dtype(np.int8) is tf.int8
        and tf.as_dtype(float) is tf.float32
        and tf.half is tf.float16
    )
    assert (
        {tf.int32: 1}[tf.as_dtype("int32")] == 1 and tf.float16.max == 65504 and tf.uint8.min == 0
    )
    assert (
        tf.float32.is_floating and tf.complex64.is_complex and tf.complex64.real_dtype is tf.float32
    )
    assert (
        tf.int64.as_numpy_dtype is np.int64
        and np.zeros(1, tf.int64.as_numpy_dtype).dtype == np.int64
    )
    for d in (tf.float32, tf.TensorShape([1, None])):
        assert pickle.loads(pickle.dumps(d)) == d


def test_warnings_of_numpy_stay_quiet_even_as_errors(recwarn):
    with np.errstate(all="raise"):
        assert np.isinf(float(tf.constant(1.0) / 0.0)) and np.isnan(float(tf.math.log(-1.0)))
        assert np.isinf(float(tf.exp(1000.0)))
    x = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)
    assert np.isinf(float(tape.gradient(y, x)))
    assert not recwarn


def test_what_a_tensor_has_not_is_told_and_not_offered():
    x = tf.constant([1.0, 2.0])
    for name, words in {"mean": r"tf\.reduce_mean\(x\)", "T": r"tf\.transpose", "op": "eager"}.items():
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*{words}") as e:
            getattr(x, name)
        assert (e.value.name, e.value.obj) == (name, x)
        assert not hasattr(x, name) and not hasattr(tf.Tensor, name) and name not in dir(x)
    with pytest.raises(AttributeError, match="'EagerTensor' object has no attribute 'mena'"):
        x.mena  # noqa: B018
    assert {"numpy", "shape", "dtype"} <= set(dir(x))


@pytest.mark.parametrize("cls", [tf.Tensor, tf.Variable, tf.GradientTape, tf.keras.Model])
def test_attributes_are_found_on_the_short_way(cls):
    """With a `__getattr__`, Python 3.11 looks every attribute up on the long one."""
    assert not hasattr(cls, "__getattr__") and cls.__getattribute__ is object.__getattribute__


def test_operators_leave_what_is_none_of_theirs_to_the_other_operand():
    names = "add sub mul truediv pow floordiv mod matmul and or xor".split()
    other = type("Other", (), {f"__r{n}__": lambda self, x, n=n: (n, x.shape) for n in names})()
    for x in (tf.constant([1.0]), tf.Variable([1.0])):
        for name in names:
            operator_name = name + "_" * (name in ("and", "or"))
            assert getattr(operator, operator_name)(x, other) == (name, [1])
    x = tf.constant([1])
    assert x / other == ("truediv", [1])
    for wrong in (lambda: x + object(), lambda: object() + x, lambda: tf.add(x, other), lambda: x < other):
        with pytest.raises(ValueError, match="Attempt to convert"):
            wrong()
    for wrong in (lambda: x + 1.5, lambda: x * [1.5]):  # no list that is repeated
        with pytest.raises(tf.errors.InvalidArgumentError):
            wrong()
    symbolic = tf.keras.Input([2])
    assert isinstance(tf.ones([2]) * symbolic, tf.keras.KerasTensor)
    assert (tf.ones([3, 1]) @ tf.keras.Input([1, 2])).shape == (None, 3, 2)


def test_shapes_are_merged_and_compared():
    S, unknown = tf.TensorShape, tf.TensorShape(None)
    assert S([2, None]).merge_with([None, 3]) == unknown.merge_with([2, 3]) == S([2, 3]).merge_with(None)
    assert S([2, 3]).with_rank(2) == S([2, 3]).with_rank_at_least(1).with_rank_at_most(2) == [2, 3]
    assert unknown.with_rank(2) == [None, None] and unknown.with_rank_at_least(1).rank is None
    assert S([2, 3]).is_subtype_of(S([2, None])) and not S([2, None]).is_subtype_of(S([2, 3]))
    assert S([2]).is_subtype_of(unknown) and not unknown.is_subtype_of(S([2]))
    assert S([2, 3]).most_specific_common_supertype([S([2, 4])]) == [2, None]
    assert S([2, 3]).most_specific_common_supertype([S([2])]).rank is None
    assert (S([3]) + unknown).rank is ([1] + unknown).rank is None
    assert S([2, 3])[1:] == [3] and type(S([2, 3])[1:]) is S
    with pytest.raises(IndexError):
        S([2, 3])[2]
    for wrong, words in (
        (lambda: S([2, 3]).merge_with([2, 4]), r"Shapes \(2, 3\) and \(2, 4\) are not compatible"),
        (lambda: S([2, 3]).with_rank(3), r"Shape \(2, 3\) must have rank 3"),
        (lambda: S([2, 3]).assert_has_rank(1), r"Shape \(2, 3\) must have rank 1"),
        (lambda: S([2, 3]).with_rank_at_least(3), r"Shape \(2, 3\) must have rank at least 3"),
        (lambda: S([2, 3]).with_rank_at_most(1), r"Shape \(2, 3\) must have rank at most 1"),
        (lambda: S([2, 3]).assert_same_rank([2]), r"Shapes \(2, 3\) and \(2,\) must have the same rank"),
        (lambda: S([2, None]).assert_is_fully_defined(), r"Shape \(2, None\) is not fully defined"),
        (lambda: tf.constant(S([2, None])), "not fully defined"),
    ):
        with pytest.raises(ValueError, match=words):
            wrong()


def test_an_unknown_shape_is_no_tuple_of_sizes():
    unknown = tf.Variable([1.0], shape=tf.TensorShape(None)).shape
    for use in (len, list, tuple, iter, lambda s: 2 in s, tf.zeros, lambda s: s.as_list()):
        with pytest.raises(ValueError, match="unknown"):
            use(unknown)
    assert not unknown and unknown == tf.TensorShape(None) and unknown != [] and unknown[0] is None
    assert unknown[:2] == [None, None] and unknown[1:].rank is unknown[:-1].rank is None
    assert copy.deepcopy(unknown).dims is None and repr(unknown) == "TensorShape(None)"
