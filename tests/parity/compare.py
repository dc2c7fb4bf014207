"""What a program did, in a form that can be compared between TensorFlow and tapelab."""

import logging
import warnings

import numpy as np

# TensorFlow's names of its own classes -> the public ones.
PUBLIC = {"ResourceVariable": "Variable", "_UnreadVariable": "Variable", "EagerTensor": "Tensor"}


class Raised:
    """An exception as an outcome."""

    def __init__(self, error):
        self.error = error
        self.names = {c.__name__ for c in type(error).__mro__} - {
            "object",
            "BaseException",
            "Exception",
        }

    def __repr__(self):
        return f"raised {type(self.error).__name__}: {str(self.error)[:300]}"


def attempt(f):
    """What `f()` returns, or the exception it raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f()
    except Exception as e:  # any class: classes are what is compared
        return Raised(e)


def quiet():
    """Neither side logs while programs run."""
    logging.getLogger("tapelab").setLevel(logging.ERROR)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def tolerance(dtype):
    """(relative, absolute): what different orders of summation and libraries of functions may cost."""
    return {"float16": (5e-2, 5e-2), "float32": (1e-3, 1e-4), "complex64": (2e-4, 2e-5)}.get(
        str(dtype), (1e-6, 1e-8)
    )


# What TensorFlow cannot do and tapelab can: no kernel for a dtype, no second derivative.
LACKING = (
    "gradient registry has no entry for",
    "Could not find device for node",
    "No gradient defined",
    "DataType float16 not in list",
    "of half is not in the list",
    "of int8 is not in the list",
    "object has no attribute '_id'",
    "do not yet support dilation rates",
    "while vectorizing the jacobian",
    "recompute_grad tried to transpose",
    "node gradient_tape/MatrixInverse",  # forward mode's, before a rate is asked for
)


def lacking(outcome):
    """Whether TensorFlow gave up on something that tapelab is free to do."""
    return isinstance(outcome, Raised) and any(text in str(outcome.error) for text in LACKING)


def _columns(values):
    """The numbers of rows, column by column, rounded so that equal rows sort alike."""
    a = np.asarray(values)
    return np.round(a.reshape(len(a), int(np.prod(a.shape[1:]))).T, 2)


def difference(want, got, path="result", scale=None):
    """The first difference between TensorFlow's outcome and tapelab's as text, or None."""
    if lacking(want) and "AdjustContrast" not in str(want.error):
        return None
    if isinstance(want, Raised) or isinstance(got, Raised):
        if not (isinstance(want, Raised) and isinstance(got, Raised)):
            return f"{path}: TensorFlow {want!r}; tapelab {got!r}"
        # A subclass of what a user would catch is caught too.
        if type(want.error).__name__ not in got.names:
            return f"{path}: TensorFlow {want!r}; tapelab {got!r}"
        return None
    if want is None or got is None:
        return None if want is got else f"{path}: TensorFlow {want!r}; tapelab {got!r}"
    if hasattr(want, "indices") and hasattr(want, "values") and hasattr(want, "dense_shape"):
        if not hasattr(got, "indices"):  # rows may have become dense
            rows = np.zeros(np.asarray(want.dense_shape), want.values.numpy().dtype)
            np.add.at(rows, np.asarray(want.indices), want.values.numpy())
            return difference(rows, np.asarray(got.numpy()), path)
        # In which order rows are listed depends on the order of TensorFlow's walk.
        order = [np.lexsort((*_columns(x.values), np.asarray(x.indices))) for x in (want, got)]
        for part in ("values", "indices"):
            a, b = [np.asarray(getattr(x, part))[i] for x, i in zip((want, got), order)]
            if found := difference(a, b, f"{path}.{part}"):
                return found
        return None
    if hasattr(want, "numpy") and hasattr(want, "dtype"):
        kinds = [PUBLIC.get(type(x).__name__, type(x).__name__) for x in (want, got)]
        if kinds[0] != kinds[1]:
            return f"{path}: TensorFlow a {kinds[0]}; tapelab a {kinds[1]}"
        if want.dtype.name != got.dtype.name:
            return f"{path}: TensorFlow {want.dtype.name}; tapelab {got.dtype.name}"
        return difference(np.asarray(want.numpy()), np.asarray(got.numpy()), path, scale)
    if isinstance(want, (np.ndarray, np.generic)):
        want, got = np.asarray(want), np.asarray(got)
        if want.dtype != got.dtype or want.shape != got.shape:
            return f"{path}: TensorFlow {want.dtype} {want.shape}; tapelab {got.dtype} {got.shape}"
        if want.dtype.kind in "fc":
            rtol, atol = tolerance(want.dtype)
            finite = np.abs(want[np.isfinite(want)])
            atol *= max(1.0, float(finite.max(initial=0)))
            same = np.allclose(want, got, rtol, atol, equal_nan=True)
        else:
            same = np.array_equal(want, got)
        return None if same else f"{path}: TensorFlow {want!r}; tapelab {got!r}"
    if isinstance(want, dict) and list(want) in (["where finite"], ["where both are finite"]):
        (key,) = want
        return _finite_difference(want[key], got[key], path, both="both" in key)
    if isinstance(want, dict) and isinstance(got, dict):
        if list(want) != list(got):
            return f"{path}: TensorFlow's keys {list(want)}; tapelab's {list(got)}"
        return next((d for k in want if (d := difference(want[k], got[k], f"{path}[{k!r}]"))), None)
    if isinstance(want, (list, tuple)) and type(want).__name__ != "TensorShape":
        if (
            not isinstance(got, (list, tuple))
            or len(want) != len(got)
            and not (want and lacking(want[-1]))
        ):
            return f"{path}: TensorFlow {want!r}; tapelab {got!r}"
        if isinstance(want, tuple) != isinstance(got, tuple):
            return f"{path}: TensorFlow a {type(want).__name__}; tapelab a {type(got).__name__}"
        return next(
            (
                d
                for i, (a, b) in enumerate(zip(want, got))
                if (d := difference(a, b, f"{path}[{i}]"))
            ),
            None,
        )
    if isinstance(want, float):
        return (
            None
            if isinstance(got, float) and np.isclose(want, got, 1e-5, equal_nan=True)
            else (f"{path}: TensorFlow {want!r}; tapelab {got!r}")
        )
    same = str(want) == str(got)
    return None if same else f"{path}: TensorFlow {want!r}; tapelab {got!r}"


def _finite_difference(want, got, path, both=False):
    """As `difference`, leaving out the elements of tensors that are not finite in TensorFlow.

    At a pole its forward mode and its Jacobians meet 0 * inf where tapelab's, going the other way
    through the same program, need not; a derivative of such a rate (`both`) has poles of its own.
    """
    if isinstance(want, (list, tuple, dict)) and type(want) is type(got) and len(want) == len(got):
        pairs = zip(want.values(), got.values()) if isinstance(want, dict) else zip(want, got)
        return next((d for a, b in pairs if (d := _finite_difference(a, b, path, both))), None)
    if hasattr(want, "numpy") and hasattr(got, "numpy") and want.shape == tuple(got.shape):
        a, b = np.asarray(want.numpy()), np.asarray(got.numpy())
        if a.dtype == b.dtype and a.dtype.kind in "fc":
            keep = np.isfinite(a) & np.isfinite(b) if both else np.isfinite(a)
            return difference(a, np.where(keep, b, a), path)
    return difference(want, got, path)


def run(source, tf):
    """The outcome of a program: what it put into the list `out`, then the exception that ended it."""
    out = []
    names = {"tf": tf, "np": np, "out": out, "attempt": attempt}
    end = attempt(lambda: exec(compile(source, "<program>", "exec"), names))
    return [*out, end] if isinstance(end, Raised) else out
