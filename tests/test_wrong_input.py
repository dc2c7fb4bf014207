"""The wrong thing given to everything public: an error of tapelab's own, and nothing left open.

Which class of error is right is tested beside each operation. Here: what comes out was raised by
tapelab, not by whatever Python or NumPy met first inside, and no tape is left recording.
"""

import importlib
import inspect
import linecache
import traceback
from pathlib import Path

import numpy as np
import pytest

import tapelab as tf
from tapelab.tensor import active

ROOT = str(Path(tf.__file__).parent)
PLACES = (
    "math linalg nn random debugging image bitwise segments special clip control autodiff data nest module "
    "custom_gradient keras.losses keras.metrics keras.layers keras.activations keras.initializers "
    "keras.regularizers keras.constraints keras.optimizers keras.models keras.ops keras.random"
)
INNER = {  # in a namespace only because its file is one, and so not for users
    "DType", "axes_of", "axis_of", "count", "spread", "cast_back", "same_rank",
    "LossFunctionWrapper", "MeanMetricWrapper", "Iterator", "for_shapes", "fans", "SlotVariable",
    "numeric_jacobian",
}  # fmt: skip
FRIENDLY = {
    "axis": 0, "dtype": "float32", "shape": [2, 2], "dims": [2, 2], "indices": [0, 1], "depth": 2,
    "segment_ids": [0, 1], "num_segments": 2, "perm": [1, 0], "multiples": [1, 1], "num": 2, "k": 1,
    "repeats": 2, "shift": 1, "paddings": [[0, 1], [0, 0]], "equation": "ij->j", "rate": 0.5,
    "fn": lambda *a: a[0], "units": 2, "filters": 2, "kernel_size": 2, "mask": [True, False],
}  # fmt: skip
WRONG = {
    "None": None, "a string": "wrong", "an object": object(), "a ragged list": [[1.0], [2.0, 3.0]],
    "too many axes": np.zeros((2, 1, 3, 1, 2), np.float32), "no axes": tf.constant(3.5),
    "far below": -9, "far above": 10**30, "not finite": float("nan"), "nothing": [], "objects": [None],
}  # fmt: skip


def public():
    """(path, function or class) of what the namespaces offer, each once."""
    for place in ["", *PLACES.split()]:
        module = importlib.import_module(f"tapelab.{place}" if place else "tapelab")
        for name, f in sorted(vars(module).items()):
            own = getattr(f, "__module__", None) or ""
            if (
                callable(f) and own.startswith("tapelab") and name not in INNER
                and name[0] != "_" and (own == module.__name__ or not place)
                and not (isinstance(f, type) and issubclass(f, Exception))
            ):  # fmt: skip
                yield pytest.param(f, id=f"{place}.{name}".strip("."))


def raised_inside(error):
    """The line of tapelab at which something else than tapelab raised, or None."""
    *_, last = every = traceback.extract_tb(error.__traceback__)
    frames = [f for f in every if f.filename.startswith(ROOT)]
    if not frames:  # the call itself: a missing or unknown argument, no member of an enum
        return None
    # Not the words of the message: what a `raise` computes may fail, too.
    line = linecache.getline(last.filename, last.lineno)
    if last is frames[-1] and line[last.colno :].startswith("raise "):
        return None
    return f"{frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}"


@pytest.mark.parametrize("f", list(public()))
def test_wrong_input_is_refused_by_tapelab(f):
    parameters = [
        p.name
        for p in inspect.signature(f).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    for place, name in enumerate(parameters):
        for what, wrong in WRONG.items():
            given = [FRIENDLY.get(n, tf.constant([[1.0, 2.0], [3.0, 4.0]])) for n in parameters]
            given[place] = wrong
            try:
                f(*given)
            except Exception as error:
                at = raised_inside(error)
                assert at is None, f"{name}: {what}: {type(error).__name__}: {error}\n{at}"
            assert active.tapes == ()
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        f(*[FRIENDLY.get(n, tf.constant([[1.0]])) for n in parameters], no_such_argument=1)


def test_repeating_more_often_than_an_array_can_hold_is_refused():
    """NumPy crashes there."""
    with pytest.raises(ValueError, match="too many elements"):
        tf.repeat([1, 2], 2**62)


@pytest.mark.parametrize("wrong", [None, "wrong", 1.5, [1, 2], object()])
def test_numbers_that_count_are_integers(wrong):
    for call in (
        lambda: tf.one_hot([0], wrong),
        lambda: tf.eye(wrong),
        lambda: tf.linspace(0.0, 1.0, wrong),
        lambda: tf.math.top_k([1.0, 2.0], wrong),
        lambda: tf.data.Dataset.range(3).batch(wrong),
    ):
        with pytest.raises((TypeError, ValueError), match="must be a single integer"):
            call()


def test_an_axis_is_not_rounded():
    for call in (tf.expand_dims, tf.reduce_sum, tf.concat, tf.stack, tf.split, tf.squeeze):
        with pytest.raises((TypeError, ValueError)):
            call(*[[[[1.0]]]] + [1] * (call is tf.split), axis=0.5)


def test_a_shape_compares_with_anything():
    assert tf.TensorShape([2]) != "wrong" and tf.TensorShape([2]) != 1.5


@pytest.mark.parametrize("wrong", [None, "wrong", object()])
def test_layers_say_that_they_take_tensors(wrong):
    layers = tf.keras.layers
    for layer in (
        layers.Dense(2),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
    ):
        with pytest.raises(ValueError, match=f"should be tensors.*'{layer.name}'"):
            layer(wrong)


@pytest.mark.parametrize(
    "wrong", [None, "ab", object(), [1.0, [2.0]], [1.0] * 3, 10**400, np.array(["a", "b"])]
)
def test_an_assign_that_fails_changes_nothing(wrong):
    v = tf.Variable([1.0, 2.0])
    for method in (v.assign, v.assign_add, v.assign_sub, v[:2].assign):
        with pytest.raises((TypeError, ValueError, tf.errors.InvalidArgumentError)):
            method(wrong)
        assert v.numpy().tolist() == [1.0, 2.0]


def test_a_mask_of_integers_is_a_mask():
    assert tf.boolean_mask([1, 2, 3], [1, 0, 1]).numpy().tolist() == [1, 3]
