"""tf.random: numbers from seeds. The streams are NumPy's, so they differ from TensorFlow's."""

import numpy as np

from .dtypes import as_dtype
from .errors import InvalidArgumentError, ShapeError
from .primitive import P, primitive
from .tensor import Tensor, as_tensor, integer, ints, numpy_dtype

# The generator is made when first used: importing numpy.random takes longer than tapelab.
_state = {"seed": None, "rng": None, "calls": 0, "shuffles": 0}


def set_seed(seed):
    """Make everything random from here on repeatable.

    >>> import tapelab as tf
    >>> tf.random.set_seed(1); a = tf.random.normal([2])
    >>> tf.random.set_seed(1); b = tf.random.normal([2])
    >>> bool(tf.reduce_all(a == b))
    True
    """
    seed = None if seed is None else whole(seed)
    _state.update(seed=seed, rng=np.random.default_rng(seed), calls=0, shuffles=0)


def whole(seed):
    """A seed as NumPy takes it: any number does, below zero too."""
    try:
        return int(seed) % (1 << 64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"A seed must be a number, got {seed!r}.") from None


def generator(seed=None):
    """The NumPy generator to draw from; an operation's own seed gives its own repeatable stream."""
    if isinstance(seed, np.random.Generator):
        return seed
    if seed is None:
        if _state["rng"] is None:
            _state["rng"] = np.random.default_rng()
        return _state["rng"]
    _state["calls"] += 1  # same seeds, same call: same numbers; the next call goes on
    return np.random.default_rng([_state["seed"] or 0, whole(seed), _state["calls"]])


def normal(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
    """Numbers from the normal distribution, of the given shape."""
    dt = numpy_dtype(dtype)
    draw = generator(seed).standard_normal(ints(shape, "sizes")).astype(dt)[()]
    return Tensor(draw) * as_tensor(stddev, dt) + as_tensor(mean, dt)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
    """Normal numbers, those further than two standard deviations drawn again."""
    dt, draw = numpy_dtype(dtype), _within_two(generator(seed), ints(shape, "sizes"))
    return Tensor(np.asarray(draw).astype(dt)[()]) * as_tensor(stddev, dt) + as_tensor(mean, dt)


def _within_two(rng, shape):
    """An array of standard normal numbers, those beyond 2 and -2 drawn again."""
    draw = rng.standard_normal(shape)
    while np.any(far := np.abs(draw) > 2):
        draw = np.where(far, rng.standard_normal(shape), draw)
    return draw


def uniform(shape, minval=0, maxval=None, dtype="float32", seed=None, name=None):
    """Numbers from [minval, maxval), floats from [0, 1) by default; integers need a maxval.

    Raises ValueError for integers without `maxval`.
    """
    dt, full = as_dtype(dtype)._np, ints(shape, "sizes")
    if dt.kind not in "fiu":
        raise ValueError(f"Argument `dtype` got invalid value {dt}: floats or integers are drawn.")
    if dt.kind in "iu":
        if maxval is None:
            raise ValueError(f"Must specify maxval for integer dtype {dt}")
        low, high = (integer(v, "minval, maxval", "RandomUniformInt") for v in (minval, maxval))
        if low >= high:
            raise InvalidArgumentError(
                f"Need minval < maxval, got {low} >= {high} [Op:RandomUniformInt]"
            )
        if low < np.iinfo(dt).min or high - 1 > np.iinfo(dt).max:
            raise InvalidArgumentError(f"[{low}, {high}) does not fit into {dt} [Op:RandomUniformInt]")
        return Tensor(
            np.asarray(generator(seed).integers(low, high, full)).astype(dt)[()]
        )
    draw = np.asarray(generator(seed).random(full)).astype(dt)
    draw = np.minimum(draw, np.nextafter(dt.type(1), dt.type(0)))[()]  # rounding may have made a 1
    low, high = as_tensor(minval, dt), as_tensor(1 if maxval is None else maxval, dt)
    return Tensor(draw) * (high - low) + low


def shuffle(value, seed=None, name=None):
    """The rows of a tensor in random order; no gradient. Gather them by shuffled indices for one."""
    x = as_tensor(value)
    return P.shuffle(x, order=generator(seed).permutation(len(x))) if x._a.ndim else x


primitive("shuffle", "RandomShuffle", lambda x, order: x[order])


def categorical(logits, num_samples, dtype="int64", seed=None, name=None):
    """Class numbers drawn with probabilities softmax(logits), shape (batch, num_samples)."""
    x = as_tensor(logits)._a
    if x.ndim != 2 or x.dtype.kind != "f":
        raise ShapeError(f"logits must be a matrix of floats, got {x!r} [Op:Multinomial]")
    n = integer(num_samples, "num_samples", "Multinomial")
    noise = generator(seed).gumbel(size=ints((x.shape[0], n, x.shape[1]), "sizes"))
    return Tensor(np.argmax(x[:, None, :] + noise, axis=-1).astype(numpy_dtype(dtype or "int64")))


class Generator:
    """A stream of random numbers of its own: `tf.random.Generator.from_seed(1).normal([3])`."""

    def __init__(self, rng):
        self._rng = rng

    @classmethod
    def from_seed(cls, seed, alg=None):
        """The stream that a seed names."""
        return cls(np.random.default_rng(whole(seed)))

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        """A stream that nothing repeats."""
        return cls(np.random.default_rng())

    def reset_from_seed(self, seed):
        """Begin again, as `from_seed(seed)`."""
        self._rng = np.random.default_rng(whole(seed))

    def split(self, count=1):
        """A list of `count` generators, independent of each other and of this one."""
        return [Generator(rng) for rng in self._rng.spawn(integer(count, "count", "Generator.split"))]

    def normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        """As `tf.random.normal`."""
        return normal(shape, mean, stddev, dtype, self._rng)

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        """As `tf.random.truncated_normal`."""
        return truncated_normal(shape, mean, stddev, dtype, self._rng)

    def uniform(self, shape, minval=0, maxval=None, dtype="float32", name=None):
        """As `tf.random.uniform`."""
        return uniform(shape, minval, maxval, dtype, self._rng)


def get_global_generator():
    """The generator that everybody shares; the first call makes it."""
    if _state.get("global") is None:
        _state["global"] = Generator.from_non_deterministic_state()
    return _state["global"]


def set_global_generator(generator):
    """Put another generator in the place of the one that everybody shares."""
    if not isinstance(generator, Generator):
        raise TypeError(f"A tf.random.Generator is needed, got {generator!r}.")
    _state["global"] = generator


def _stateless(f):
    """`f` with a seed of two integers in place of a state: the same numbers at every call."""

    def draw(shape, seed, *args, alg="auto_select", **kwargs):
        pair = as_tensor(seed)._a
        if pair.shape != (2,) or pair.dtype.kind not in "iu":
            raise ShapeError(f"seed must have shape [2], two integers such as [1, 2]; got {seed!r}.")
        rng = np.random.default_rng([whole(n) for n in pair])
        return f(shape, *args, **kwargs, seed=rng)

    draw.__name__ = draw.__qualname__ = f"stateless_{f.__name__}"
    draw.__doc__ = f"As `tf.random.{f.__name__}`, from a `seed` of two integers and nothing else."
    return draw


stateless_normal, stateless_uniform = _stateless(normal), _stateless(uniform)
stateless_truncated_normal = _stateless(truncated_normal)
