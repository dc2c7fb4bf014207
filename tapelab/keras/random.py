"""tf.keras.random: random numbers from a seed that is an int, a `SeedGenerator` or None.

An int gives the same numbers at every call, a SeedGenerator other ones each time; None draws from
the stream that `tf.random.set_seed` starts. The streams are NumPy's, as in `tf.random`.
"""

import numpy as np

from .. import nn
from .. import random as _random
from ..array import gather, zeros_like
from ..dtypes import as_dtype
from ..errors import ConversionError
from ..math import axis_of, cast
from ..tensor import Tensor, Variable, as_tensor, number
from .registry import Configured, unique_name


class SeedGenerator(Configured):
    """Seeds for functions of tf.keras.random, another one at each call.

    >>> import tapelab as tf
    >>> seeds = tf.keras.random.SeedGenerator(1)
    >>> a, b = (tf.keras.random.normal((2,), seed=seeds) for _ in range(2))
    >>> bool(tf.reduce_any(a == b)), bool(tf.reduce_all(a == tf.keras.random.normal((2,), seed=1)))
    (False, True)
    """

    def __init__(self, seed=None, name=None):
        if seed is not None and not isinstance(seed, int):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.seed, self.name = seed, name or unique_name("seed_generator")
        first = int(_random.generator().integers(1, 10**9)) if seed is None else seed
        self.state = Variable([first, 0], trainable=False, dtype="int64", name="seed_generator_state")

    def next(self, ordered=True):
        """A seed of two integers, for tf.random.stateless_normal and its like."""
        seed = self.state.read_value()
        self.state.assign_add([0, 1])
        return seed


def _drawn(seed):
    """The NumPy generator for a seed, None for the shared one."""
    if isinstance(seed, SeedGenerator):
        seed = seed.next().numpy().tolist()
    elif isinstance(seed, (int, np.integer)):
        seed = [seed, 0]
    elif seed is not None:
        raise ValueError(
            "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
            f"Received: seed={seed!r} (of type {type(seed)})"
        )
    return None if seed is None else np.random.default_rng([_random.whole(n) for n in seed])


def _kind(dtype, kinds, what):
    """The dtype, float32 for None; an error if it is not of the kinds that are drawn."""
    dtype = as_dtype(dtype or "float32")
    if dtype._np.kind not in kinds:
        raise ConversionError(f"`keras.random.{what}` requires another `dtype`. Received: dtype={dtype.name}")
    return dtype


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Numbers from the normal distribution."""
    return _random.normal(shape, mean, stddev, _kind(dtype, "f", "normal"), _drawn(seed))


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal numbers, those further than two standard deviations drawn again."""
    return _random.truncated_normal(shape, mean, stddev, _kind(dtype, "f", "truncated_normal"), _drawn(seed))


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Floats from [minval, maxval)."""
    return _random.uniform(shape, minval, maxval, _kind(dtype, "f", "uniform"), _drawn(seed))


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Integers from `minval` up to but not including `maxval`."""
    dtype = _kind(dtype, "iu", "randint")
    return cast(_random.uniform(shape, minval, maxval, "int64", _drawn(seed)), dtype)


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Class numbers drawn with probabilities softmax(logits), shape (batch, num_samples)."""
    return _random.categorical(logits, num_samples, dtype, _drawn(seed))


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Each element zeroed with probability `rate`, the others scaled by 1 / (1 - rate)."""
    if number(rate, "rate", "Dropout") in (0.0, 1.0):  # no seed is used up
        return zeros_like(inputs) if rate else as_tensor(inputs)
    return nn.dropout(inputs, rate, noise_shape, _drawn(seed))


def shuffle(x, axis=0, seed=None):
    """The rows (or layers along an axis) in random order."""
    x = as_tensor(x)
    n = x._a.shape[axis_of(x, axis, "RandomShuffle")]
    return gather(x, Tensor(_random.generator(_drawn(seed)).permutation(n)), axis=axis)
