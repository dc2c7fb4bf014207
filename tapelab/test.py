"""tf.test: numerical derivatives to check gradients against."""

import numpy as np

from . import nest
from .tape import GradientTape
from .tensor import Tensor, as_tensor


def compute_gradient(f, x, delta=None):
    """Jacobians of `f` at `x`, by the tape and by central differences.

    Args:
      f: function of tensors returning one tensor. x: list of arguments. delta: the step, by default
        2^-10 (2^-20 for float64), small against 1 and large against the rounding error.
    Returns:
      (theoretical, numerical): lists of NumPy matrices of shape (f(x).size, x[i].size).

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
    theory, numbers = [], []
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = as_tensor(f(*x))
    for i, v in enumerate(x):
        size = v._a.size
        j = tape.jacobian(y, v, unconnected_gradients="zero")
        theory.append(np.reshape(nest.flatten(j)[0]._a, (y._a.size, size)))
        step = delta if delta is not None else 2.0**-20 if v._a.dtype.itemsize >= 8 else 2.0**-10
        matrix = np.zeros((y._a.size, size), y._a.dtype)
        for k in range(size):
            ends = []
            for sign in (1, -1):
                a = np.array(v._a)
                a.reshape(-1)[k] += sign * step
                ends.append(np.ravel(as_tensor(f(*x[:i], Tensor(a), *x[i + 1 :]))._a))
            matrix[:, k] = (ends[0] - ends[1]) / (2 * step)
        numbers.append(matrix)
    return theory, numbers


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """False: everything runs on the CPU. (`tf.config.list_physical_devices("GPU")` is newer.)"""
    return False


def gpu_device_name():
    """The empty string: there is no GPU."""
    return ""
