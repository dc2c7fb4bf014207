"""The public names: shared objects, and refusals that help."""

import ast
import builtins
import inspect
from pathlib import Path

import pytest

import tapelab as tf
from tapelab import namespaces


@pytest.mark.parametrize(
    "one, other",
    [
        ("math.exp", "exp"),
        ("math.reduce_sum", "reduce_sum"),
        ("math.sigmoid", "sigmoid"),
        ("nn.sigmoid", "sigmoid"),
        ("math.tanh", "tanh"),
        ("math.softplus", "nn.softplus"),
        ("math.argmax", "argmax"),
        ("linalg.norm", "norm"),
        ("linalg.matmul", "matmul"),
        ("linalg.eye", "eye"),
        ("linalg.einsum", "einsum"),
        ("math.top_k", "nn.top_k"),
        ("math.l2_normalize", "nn.l2_normalize"),
        ("debugging.assert_equal", "assert_equal"),
        ("math.round", "round"),
        ("math.add", "add"),
        ("math.conj", "math.conj"),
    ],
)
def test_one_object_in_two_places(one, other):
    found = []
    for path in (one, other):
        x = tf
        for name in path.split("."):
            x = getattr(x, name)
        found.append(x)
    assert found[0] is found[1]


@pytest.mark.parametrize("place", namespaces.ABSENT)
def test_what_is_absent_says_so(place):
    module = tf
    for name in place.split(".") if place else ():
        module = getattr(module, name)
    for name, instead in namespaces.ABSENT[place].items():
        with pytest.raises(AttributeError) as caught:
            getattr(module, name)
        assert "tapelab has no tf." in str(caught.value) and instead in str(caught.value)
        assert not hasattr(module, name)


def test_what_is_absent_points_to_names_that_exist():
    """Every `tf.something` in the table is there."""
    import re

    for table in list(namespaces.ABSENT.values()):
        for instead in table.values():
            for path in re.findall(r"\btf\.([\w.]*\w)", instead):
                x = tf
                for name in path.split("."):
                    x = getattr(x, name)


def test_a_slip_of_the_pen_gets_a_suggestion():
    with pytest.raises(AttributeError, match="did you mean tf.reduce_sum"):
        _ = tf.reduce_sums
    with pytest.raises(AttributeError, match=r"dir\(tf\) lists"):
        _ = tf.quxquux
    with pytest.raises(AttributeError, match=r"dir\(tf.linalg\) lists"):
        _ = tf.linalg.quxquux


def test_names_of_arguments_are_tensorflows():
    named = [
        (tf.nn.relu, "features"),
        (tf.math.softplus, "features"),
        (tf.exp, "x"),
        (tf.atan2, "y"),
    ]
    for f, first in named:
        assert next(iter(inspect.signature(f).parameters)) == first
    assert float(tf.nn.relu(features=tf.constant(-1.0))) == 0.0


@pytest.mark.parametrize(
    "line, words",
    [
        ("from tapelab.keras.ops import fft", "tf.keras.ops.fft: write it with the functions"),
        ("from tapelab.keras.random import gamma", "tf.keras.random.gamma: draw with numpy.random"),
        ("from tapelab.keras.layers import Dense, LSTM", "tf.keras.layers.LSTM: write it as a subclass"),
        ("from tapelab.keras.models import clone_model", "set_weights"),
        ("from tapelab import raw_ops", "tf.raw_ops: use the public functions"),
    ],
)
def test_an_import_of_what_is_absent_says_so_too(line, words):
    with pytest.raises(ImportError, match=words):
        exec(line)


def test_attributes_that_are_imported_as_modules():
    from tapelab.keras.optimizers.schedules import CosineDecay
    from tapelab.keras.preprocessing.image import array_to_img

    assert CosineDecay is tf.keras.optimizers.schedules.CosineDecay
    assert array_to_img is tf.keras.utils.array_to_img
    assert tf.keras.__version__ == tf.__version__


def test_no_module_calls_a_function_of_its_own_where_it_means_pythons():
    """In math.py `abs` is TensorFlow's: what means Python's `abs` there would make tensors."""
    for file in Path(tf.__file__).parent.rglob("*.py"):
        tree = ast.parse(file.read_text())
        own = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        own |= {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if hasattr(t, "id")}
        called = {n.func.id: n.lineno for n in ast.walk(tree)
                  if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not {*own & called.keys() & vars(builtins).keys()}, (file.name, called)
