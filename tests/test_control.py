"""Control flow by name, assertions, segments, special functions, numerical derivatives."""

import contextlib
import io
import sys

import numpy as np
import pytest

import tapelab as tf

Invalid = tf.errors.InvalidArgumentError


def test_gradients_flow_through_loops_and_branches():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.cond(x > 1.0, lambda: x * x, lambda: x)
        _, z = tf.while_loop(lambda i, z: i < 3, lambda i, z: (i + 1, z * x), [0, y])
    assert float(tape.gradient(z, x)) == 5 * 2.0**4


@pytest.mark.parametrize(
    "f, slopes",
    [
        (lambda x: tf.map_fn(lambda r: r * r, x), [2.0, 4.0, 6.0]),
        (lambda x: tf.vectorized_map(lambda r: r**3, x), [3.0, 12.0, 27.0]),
        (lambda x: tf.foldl(lambda a, r: a * r, x), [6.0, 3.0, 2.0]),
        (lambda x: tf.foldr(lambda a, r: a + r, x), [1.0, 1.0, 1.0]),
        (lambda x: tf.scan(lambda a, r: a + r, x), [3.0, 2.0, 1.0]),
        (lambda x: tf.py_function(tf.square, [x], tf.float32), [2.0, 4.0, 6.0]),
    ],
)
def test_gradients_of_maps_and_folds(f, slopes):
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = f(x)
    assert tape.gradient(y, x).numpy().tolist() == slopes


def test_python_functions_without_a_result():
    assert tf.py_function(lambda x: None, [1.0], []) == []


def test_python_functions_decorate():
    @tf.py_function(Tout=tf.float32)
    def cube(x):
        """Its third power."""
        return x**3

    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = cube(x)
    assert float(tape.gradient(y, x)) == 12.0 and cube.__doc__ == "Its third power."
    kind = tf.numpy_function(Tout=tf.string)(lambda x: type(x).__name__)
    assert kind(1.0).numpy() == b"ndarray"


def test_python_functions_return_as_many_values_as_announced():
    x = tf.ones([2, 3])
    (whole,) = tf.py_function(tf.exp, [x], [tf.float32])
    assert whole.shape == (2, 3)
    (whole,) = tf.numpy_function(np.exp, [x], [tf.float32])
    assert whole.shape == (2, 3)
    with pytest.raises(Invalid, match="2 values, but Tout has 1"):
        tf.py_function(lambda x: (x, x), [x], [tf.float32])
    names = tf.numpy_function(lambda: np.array(["a", "b"], object), [], tf.string)
    assert names.numpy().tolist() == [b"a", b"b"]


def test_maps_return_the_structure_announced():
    x = tf.constant([1.0, 2.0])
    with pytest.raises(TypeError, match="nested structure"):
        tf.map_fn(lambda r: (r, r), x, fn_output_signature=[tf.float32, tf.float32])
    with pytest.raises(ValueError, match="nested structure"):
        tf.map_fn(lambda r: [r, r], x, fn_output_signature=tf.float32)
    with pytest.raises(ValueError, match="not scalars"):
        tf.map_fn(lambda r: r, [1, 2])
    pair = (x, x)
    with pytest.raises(TypeError, match="nested structure"):
        tf.map_fn(lambda r: [r[0], r[1]], pair)
    with pytest.raises(ValueError, match="Incompatible shape"):
        tf.map_fn(lambda r: r, tf.zeros([2, 3]), fn_output_signature=tf.TensorSpec([2]))
    assert tf.map_fn(lambda r: r, x, fn_output_signature=np.float32).shape == [2]


def test_maps_without_rows_have_the_shapes_announced():
    none = tf.zeros([0, 3])
    assert tf.map_fn(lambda r: r, none).shape == [0]  # nobody has said more
    signature = (tf.TensorSpec([3]), {"a": tf.TensorSpec([5], tf.int32)}, tf.string)
    x, y, z = tf.map_fn(lambda r: None, none, fn_output_signature=signature)
    assert x.shape == [0, 3] and y["a"].shape == [0, 5] and y["a"].dtype == tf.int32
    assert z.shape == [0] and z.dtype == tf.string


def test_folds_keep_their_structure():
    x = tf.constant([1.0, 2.0])
    for fold in (tf.scan, tf.foldl):
        with pytest.raises(ValueError, match="nested structure"):
            fold(lambda a, r: (a, r), x)
    none = tf.scan(lambda a, r: a + r, tf.zeros([0, 2]), tf.zeros([2]))
    assert none.shape == (0, 2)
    with pytest.raises(Invalid, match="TensorArray dtype is float32"):
        tf.scan(lambda a, r: tf.cast(a, tf.int32), x)
    assert tf.scan(lambda a, r: 1, x).dtype == tf.float32
    assert tf.foldl(lambda a, r: tf.cast(a, tf.int32), x).dtype == tf.int32


def test_a_single_row_goes_with_all_the_others():
    x, y = tf.Variable([[1.0], [2.0], [3.0]]), tf.Variable([[5.0]])
    with tf.GradientTape() as tape:
        z = tf.vectorized_map(lambda r: r[0] * r[1], (x, y))
    assert tf.convert_to_tensor(tape.gradient(z, y)).numpy().tolist() == [[6.0]]
    with pytest.raises(ValueError, match="different first dimensions"):
        tf.vectorized_map(lambda r: r[0] * r[1], (x, tf.ones([2, 1])))


def test_values_known_beforehand():
    assert tf.get_static_value(tf.constant(1.0)) == 1.0 == tf.get_static_value(1.0)
    assert tf.get_static_value(tf.Variable(1.0)) is None


def test_numpy_functions_cut_the_path():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.numpy_function(np.sin, [x], tf.float32)
    assert tape.gradient(y, x) is None


def test_map_fn_wants_to_know_another_dtype():
    x = tf.constant([1.0, 2.0])
    with pytest.raises(Invalid, match="fn_output_signature=tf.bool"):
        tf.map_fn(lambda r: r > 1.0, x)
    assert tf.map_fn(lambda r: r > 1.0, x, fn_output_signature=tf.bool).numpy().tolist() == [
        False,
        True,
    ]


def test_print_goes_where_it_is_told():
    err, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        tf.print(tf.constant([1.5, 2.0]), "is", {"a": tf.constant(3)}, sep="|", end="!")
        tf.print("here", output_stream=sys.stdout)
    assert err.getvalue() == "[1.5 2]|is|{'a': 3}!" and out.getvalue() == "here\n"


def test_an_input_signature_has_defaults_and_structures():
    scalar = tf.TensorSpec([], tf.float32)

    @tf.function(input_signature=[scalar, scalar])
    def minus(x, y=3.0, negate=False):
        return y - x if negate else x - y

    assert float(minus(1.0)) == -2.0 and float(minus(y=1.0, x=2.0)) == 1.0
    with pytest.raises(TypeError, match="takes 2 arguments, got 3"):
        minus(1.0, 2.0, True)
    with pytest.raises(TypeError, match="'x'"):
        minus(1.0, x=2.0)

    @tf.function(input_signature=[{"a": scalar, "b": [scalar]}])
    def product(of):
        return of["a"] * of["b"][0]

    assert float(product({"a": 2.0, "b": [tf.constant(3.0)]})) == 6.0
    for wrong in ({"a": 2.0}, {"a": 2.0, "b": (3.0,)}, {"a": 2.0, "b": [3.0, 4.0]}, [2.0, 3.0]):
        with pytest.raises(TypeError, match="Can not cast"):
            product(wrong)
    with pytest.raises(TypeError, match="TensorSpec"):
        tf.function(lambda x: x, input_signature=[3])


def test_graph_functions_are_refused():
    for f in (tf.gradients, tf.hessians):
        with pytest.raises(RuntimeError, match="eager"):
            f(tf.constant(1.0), tf.constant(1.0))


@pytest.mark.parametrize(
    "fails, error",
    [
        (lambda d, x: d.assert_equal(x, [1.0, 3.0], message="halt"), Invalid),
        (lambda d, x: d.assert_less(x, 2.0), Invalid),
        (lambda d, x: d.assert_positive(-x), Invalid),
        (lambda d, x: d.assert_near(x, x + 1.0), Invalid),
        (lambda d, x: d.check_numerics(x / 0.0, "bad"), Invalid),
        (lambda d, x: d.assert_rank(x, 2), ValueError),
        (lambda d, x: d.assert_type(x, tf.int32), TypeError),
        (lambda d, x: d.assert_shapes([(x, (3,))]), ValueError),
        (lambda d, x: d.Assert(x[0] > 2.0, [x]), Invalid),
    ],
)
def test_assertions_that_fail(fails, error):
    with pytest.raises(error):
        fails(tf.debugging, tf.constant([1.0, 2.0]))


def test_assertions_say_what_failed():
    d, x = tf.debugging, tf.ones([2, 3])
    differing = "did not hold.\nIndices of first 1 different values:\n[[2]]\nCorresponding x values:\n[3]"
    few = "did not hold element-wise:\nx (shape=(4,) dtype=int32) = \n"
    for fails, words in (
        (lambda: d.assert_equal([1, 2, 3], [1, 2, 4], "here"), f"here\nCondition x == y {differing}"),
        (lambda: d.assert_equal(tf.range(9), 0, summarize=2), "First 2 elements of x:\n[0 1]"),
        (lambda: d.assert_less(tf.range(4), tf.range(4), summarize=-1), "First 4 elements of y:\n[0 1 2 3]"),
        (lambda: d.assert_positive(tf.range(4), "m"), f"m.  Condition x > 0 {few}0, 1, 2, ..."),
        (lambda: d.assert_near([1.0], [2.0], message="m"), "m.  x and y not equal to tolerance rtol = 1.19"),
        (lambda: d.assert_positive("a"), "assert_positive"),
        (lambda: d.assert_rank(x, 3, "m"), "m.  Tensor must have rank 3.  Received rank 2, shape (2, 3)"),
        (lambda: d.assert_rank_in(x, [0, 1]), "Tensor must have rank in (0, 1).  Received rank 2"),
        (lambda: d.assert_type(1.0, tf.int32, "m"), "m.  tensor must be of type tf.int32; got tf.float32"),
        (lambda: d.assert_scalar([1], "m"), "m.  Expected scalar shape, saw shape: (1,)."),
        (lambda: d.assert_shapes([(x, (2, 4))]), "dimension 1 must have size 4.  Received size 3"),
        (lambda: d.assert_shapes([(x, (..., 1, 2, 3))], message="m"), "m.  Specified shape (1, 2, 3)"),
        (lambda: d.Assert(False, ["m", tf.range(4)], summarize=2), "Summarized data: b'm'\n0, 1, ..."),
    ):  # fmt: skip
        with pytest.raises((Invalid, ValueError, TypeError)) as caught:
            fails()
        assert words in str(caught.value)
    assert not d.is_numeric_tensor(tf.Variable(1.0)) and d.is_numeric_tensor(tf.constant(1.0))


def test_check_numerics_is_differentiable():
    x = tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = tf.debugging.check_numerics(x * 2.0, "fine")
    assert tape.gradient(y, x).numpy().tolist() == [2.0]


@pytest.mark.parametrize(
    "name, expected, slopes",
    [
        ("sum", [4.0, 2.0], [1.0, 1.0, 1.0]),
        ("mean", [2.0, 2.0], [0.5, 1.0, 0.5]),
        ("max", [3.0, 2.0], [0.0, 1.0, 1.0]),
        ("min", [1.0, 2.0], [1.0, 1.0, 0.0]),
        ("prod", [3.0, 2.0], [3.0, 1.0, 1.0]),
    ],
)
def test_unsorted_segments(name, expected, slopes):
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = getattr(tf.math, f"unsorted_segment_{name}")(x, [0, 1, 0], 2)
    assert y.numpy().tolist() == expected
    assert tape.gradient(y, x).numpy().tolist() == slopes


def test_sorted_segments_are_sorted():
    assert tf.math.segment_max([1.0, 5.0, 2.0], [0, 0, 1]).numpy().tolist() == [5.0, 2.0]
    with pytest.raises(Invalid, match="not increasing"):
        tf.math.segment_mean([1.0, 2.0], [1, 0])


def test_counts():
    rows = [[0, 2, 2], [1, 1, 1]]
    count = lambda **kw: tf.math.bincount(rows, **kw).numpy().tolist()
    assert count() == [1, 3, 2] and count(axis=-1) == [[1, 0, 2], [0, 3, 0]]
    assert count(axis=-1, binary_output=True) == [[1, 0, 1], [0, 1, 0]]
    assert count(axis=-1, weights=[[1.0, 2.0, 3.0]] * 2, maxlength=2) == [[1.0, 0.0], [0.0, 6.0]]
    with pytest.raises(ValueError, match="axis=1"):
        count(axis=1)
    with pytest.raises(ValueError, match="exclusive"):
        count(weights=rows, binary_output=True)


EXACT = [
    ("digamma", 1.0, -0.5772156649015329),
    ("digamma", -0.5, 0.03648997397857652),
    ("lgamma", 5.0, np.log(24.0)),
    ("erfinv", 0.5, 0.4769362762044699),
    ("ndtri", 0.975, 1.959963984540054),
    ("erfcinv", 0.5, 0.4769362762044699),
]


@pytest.mark.parametrize("name, x, value", EXACT)
def test_special_functions(name, x, value):
    f = getattr(tf.math, name)
    found = f(tf.constant(x, tf.float64))
    assert abs(float(found) - value) < 1e-12
    theory, numbers = tf.test.compute_gradient(f, [tf.constant([x], tf.float64)])
    np.testing.assert_allclose(theory, numbers, rtol=1e-6)


def test_numerical_derivatives_of_complex_numbers_are_of_their_parts():
    z = tf.constant(0.3 + 0.4j, tf.complex128)
    for f, expected in (
        (lambda z: z * (5 + 7j), [[5, -7], [7, 5]]),
        (tf.math.conj, [[1, 0], [0, -1]]),
        (tf.abs, [[0.6, 0.8]]),
    ):
        theory, numbers = tf.test.compute_gradient(f, [z])
        np.testing.assert_allclose(theory[0], expected, rtol=1e-12)
        np.testing.assert_allclose(numbers[0], expected, rtol=1e-5, atol=1e-8)


def test_numerical_derivatives_notice_a_gradient_of_another_shape():
    turned = tf.custom_gradient(lambda x: (tf.identity(x), tf.transpose))
    with pytest.raises(ValueError, match=r"Empty gradient has wrong shape: expected \(0, 3\)"):
        tf.test.compute_gradient(turned, [tf.zeros([0, 3])])


def test_zeta_and_polygamma():
    """zeta(2, 1) = pi^2/6, zeta(4, 1) = pi^4/90, and polygamma(1, x) = zeta(2, x)."""
    one = tf.constant(1.0, tf.float64)
    assert abs(float(tf.math.zeta(one * 2, one)) - np.pi**2 / 6) < 1e-12
    assert abs(float(tf.math.zeta(one * 4, one)) - np.pi**4 / 90) < 1e-12
    assert abs(float(tf.math.polygamma(one, one)) - np.pi**2 / 6) < 1e-12


def test_contrast_has_no_gradient_and_says_so():
    image = tf.Variable([[[0.5, 0.0, 0.0]]])
    with tf.GradientTape(persistent=True) as tape:
        y = tf.image.adjust_contrast(image, 0.1)
        z = image * 2.0
    with pytest.raises(LookupError, match="gradient registry has no entry for: AdjustContrast"):
        tape.gradient(y, image)
    assert tape.gradient(z, image) is not None


def test_one_device():
    assert (
        tf.config.experimental.list_physical_devices("GPU") == []
        and not tf.test.is_gpu_available()
        and tf.test.gpu_device_name() == ""
        and tf.config.list_physical_devices("GPU") == []
        and len(tf.config.list_physical_devices()) == 1
    )
    with tf.device("/cpu:0"), tf.name_scope("a") as scope, tf.init_scope():
        assert scope == "a/" and tf.executing_eagerly()


def test_generators_split_begin_again_and_are_shared():
    g = tf.random.Generator.from_seed(1)
    first, second = float(g.normal([])), float(g.normal([]))
    g.reset_from_seed(1)
    assert first == float(g.normal([])) and second != first
    parts = tf.random.Generator.from_seed(1).split(3)
    numbers = {float(p.normal([])) for p in parts}
    assert len(numbers) == 3 and first not in numbers
    again = [float(p.normal([])) for p in tf.random.Generator.from_seed(1).split(3)]
    assert set(again) == numbers
    shared = tf.random.get_global_generator()
    assert shared is tf.random.get_global_generator() and shared.uniform([2]).shape == (2,)
    tf.random.set_global_generator(g)
    assert tf.random.get_global_generator() is g


@pytest.mark.parametrize("kind", ["normal", "uniform", "truncated_normal"])
def test_stateless_numbers_depend_on_their_seed_alone(kind):
    draw = getattr(tf.random, f"stateless_{kind}")
    a, b = draw([3], seed=[1, 2]), draw([3], tf.constant([1, 2]))
    assert np.array_equal(a, b) and not np.array_equal(a, draw([3], seed=[1, -2]))
    assert draw([2], seed=(0, 0), dtype=tf.float64).dtype == tf.float64
    with pytest.raises(ValueError, match="shape"):
        draw([3], seed=1)


def test_stateless_integers():
    x = tf.random.stateless_uniform([100], seed=[2, 3], minval=5, maxval=8, dtype=tf.int32)
    assert set(x.numpy().tolist()) == {5, 6, 7}
