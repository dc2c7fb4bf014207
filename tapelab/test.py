"""tf.test: numerical derivatives to check gradients against."""

import numpy as np

from .tape import GradientTape
from .tensor import as_tensor


def compute_gradient(f, x, delta=None):
    """Jacobians of `f` at `x`, by the tape and by central differences.

    Args:
      f: function of tensors returning one tensor. x: list of arguments. delta: the step, by default
        2^-10 (2^-20 for float64), small against 1 and large against the rounding error.
    Returns:
      (theoretical, numerical): lists of NumPy matrices of shape (f(x).size, x[i].size). A complex
      number counts as two real ones, its parts.

    >>> import tapelab as tf
    >>> theory, numbers = tf.test.compute_gradient(tf.square, [tf.constant([1.0, 2.0])])
    >>> theory[0].tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    if not isinstance(x, (list, tuple)):
        raise ValueError(
            "`x` must be a list or tuple of values convertible to a Tensor (arguments to `f`), not "
            "a single one."
        )
    x = [as_tensor(v) for v in x]
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = as_tensor(f(*x))
    for v, what in [*((v, f"argument {i}") for i, v in enumerate(x)), (y, "the result")]:
        if v._a.dtype.kind not in "fc":
            raise TypeError(f"Cannot compute a gradient: {what} is {v.dtype.name}, not a float.")
    theory, numbers = [], []
    for i, v in enumerate(x):
        step = delta if delta is not None else 2.0**-20 if _reals(v._a).itemsize >= 8 else 2.0**-10
        theory.append(_rows(tape, y, v))
        numbers.append(np.zeros_like(theory[-1]))
        for k in range(_reals(v._a).size):
            ends = []
            for sign in (1, -1):
                a = np.array(v._a, order="C")
                _reals(a)[k] += sign * step
                ends.append(_reals(as_tensor(f(*x[:i], as_tensor(a), *x[i + 1 :]))._a))
            numbers[-1][:, k] = (ends[0] - ends[1]) / (2 * step)
    return theory, numbers


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """False: everything runs on the CPU. (`tf.config.list_physical_devices("GPU")` is newer.)"""
    return False


def gpu_device_name():
    """The empty string: there is no GPU."""
    return ""


def _reals(a):
    """The real numbers in an array: itself, flat, or the real and imaginary parts in turn."""
    a = np.asarray(a)
    return a.reshape(-1).view(a.real.dtype)


def _rows(tape, y, x):
    """The Jacobian, row by row: the gradient of each real number in `y`."""
    unit = np.zeros(y._a.shape, y._a.dtype)
    rows = np.zeros((_reals(unit).size, _reals(x._a).size), _reals(y._a).dtype)
    for k in range(len(rows)) or [None]:  # without rows, the shape is still checked
        unit[...] = 0
        if k is not None:
            _reals(unit)[k] = 1
        g = as_tensor(tape.gradient(y, x, as_tensor(unit), "zero"))
        if g._a.shape != x._a.shape:
            what = "Gradient" if len(rows) else "Empty gradient"
            raise ValueError(
                f"{what} has wrong shape: expected {x._a.shape}, got {g._a.shape}. The gradient of a "
                f"tf.custom_gradient has the shape of its argument."
            )
        if k is not None:
            rows[k] = _reals(g._a)
    return rows
