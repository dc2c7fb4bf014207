"""tf.keras.initializers: the first values of a layer's weights.

An initializer is called with a shape. Like Keras's, one made without a seed draws a seed when it is
made, so that calling the same object twice gives the same numbers.
"""

import math

import numpy as np

from ..random import _within_two, generator, whole
from ..tensor import Tensor, as_tensor, ints, number, numpy_dtype
from .registry import Configured, lookup, serialize, table_of  # noqa: F401


class Initializer(Configured):
    """Base class: subclasses define `__call__(shape, dtype=None)` returning a tensor."""

    def __call__(self, shape, dtype=None, **kwargs):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def _tensor(self, values, dtype):
        return Tensor(np.asarray(values, numpy_dtype(dtype or "float32"))[()])


class Constant(Initializer):
    """Every weight the same value.

    >>> import tapelab as tf
    >>> tf.keras.initializers.Constant(3.0)([2]).numpy().tolist()
    [3.0, 3.0]
    """

    def __init__(self, value=0.0):
        if as_tensor(value)._a.dtype.kind not in "iufcb":
            raise TypeError(f"`value` of a Constant initializer must be a number or many, not {value!r}.")
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        shape, value = ints(shape, "sizes"), np.asarray(self.value)
        if value.size == math.prod(shape):  # as many values as weights
            value = value.reshape(shape)
        try:
            return self._tensor(np.full(shape, value), dtype)
        except ValueError:
            raise ValueError(
                f"Constant values of shape {value.shape} do not fit a weight of shape {shape}."
            ) from None


class Zeros(Constant):
    """All zeros."""

    def __init__(self):
        super().__init__(0)


class Ones(Constant):
    """All ones."""

    def __init__(self):
        super().__init__(1)


class Identity(Initializer):
    """The identity matrix, times `gain`. ValueError for a shape that is no matrix's."""

    def __init__(self, gain=1.0):
        self.gain = number(gain, "gain", "Identity")

    def __call__(self, shape, dtype=None, **kwargs):
        shape = ints(shape, "sizes")
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        return self._tensor(self.gain * np.eye(*shape), dtype)


class _Random(Initializer):
    """What draws numbers: a seed, and the same numbers every time."""

    def __init__(self, seed=None):
        self._seed, self.seed = seed, int(generator().integers(1 << 62)) if seed is None else whole(seed)

    def get_config(self):
        """The arguments that make such an initializer; a seed only if one was given."""
        return super().get_config() | {"seed": self._seed}

    def __call__(self, shape, dtype=None, **kwargs):
        return self._tensor(self._draw(np.random.default_rng(self.seed), ints(shape, "sizes")), dtype)


class RandomNormal(_Random):
    """The normal distribution."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = number(mean, "mean", type(self).__name__)
        self.stddev = number(stddev, "stddev", type(self).__name__)

    def _draw(self, rng, shape):
        return self.mean + self.stddev * rng.standard_normal(shape)


class TruncatedNormal(RandomNormal):
    """The normal distribution, without what is further than two standard deviations away."""

    def _draw(self, rng, shape):
        return self.mean + self.stddev * _within_two(rng, shape)


class RandomUniform(_Random):
    """The uniform distribution on [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval = number(minval, "minval", "RandomUniform")
        self.maxval = number(maxval, "maxval", "RandomUniform")

    def _draw(self, rng, shape):
        return self.minval + (self.maxval - self.minval) * rng.random(shape)


def fans(shape):
    """Inputs to, and outputs of, each unit of a layer whose kernel has this shape.

    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    if len(shape) < 2:
        n = int(shape[0]) if shape else 1
        return n, n
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class VarianceScaling(_Random):
    """Random numbers of variance scale / n, where n counts a unit's connections.

    Args:
      mode: what n is: 'fan_in', 'fan_out' or 'fan_avg'.
      distribution: 'truncated_normal', 'untruncated_normal' or 'uniform'.

    Source: Glorot and Bengio, 2010; He et al., 2015.

    >>> import tapelab as tf
    >>> kernel = tf.keras.initializers.GlorotUniform(seed=1)([30, 50])
    >>> bool(tf.reduce_max(tf.abs(kernel)) <= (6 / 80) ** 0.5)
    True
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        super().__init__(seed)
        for what, value, known in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform")),
        ):
            if value not in known:
                raise ValueError(f"Invalid `{what}`: {value}. It is one of {', '.join(known)}.")
        self.mode, self.distribution = mode, distribution
        self.scale = number(scale, "scale", "VarianceScaling")
        if not self.scale > 0:
            raise ValueError(f"Argument `scale` must be a positive float. Received: scale={scale}")

    def _draw(self, rng, shape):
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0, math.sqrt(variance), shape)
        # 0.8796...: the standard deviation of a standard normal truncated at two.
        return math.sqrt(variance) / 0.87962566103423978 * _within_two(rng, shape)


def _scaling(name, scale, mode, distribution, summary):
    def __init__(self, seed=None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    return type(
        name, (VarianceScaling,), {"__init__": __init__, "__doc__": summary, "__module__": __name__}
    )


GlorotUniform = _scaling(
    "GlorotUniform", 1.0, "fan_avg", "uniform", "Uniform of variance 2 / (fan_in + fan_out)."
)
GlorotNormal = _scaling(
    "GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Normal of variance 2 / (fan_in + fan_out)."
)
HeUniform = _scaling("HeUniform", 2.0, "fan_in", "uniform", "Uniform of variance 2 / fan_in.")
HeNormal = _scaling("HeNormal", 2.0, "fan_in", "truncated_normal", "Normal of variance 2 / fan_in.")
LecunUniform = _scaling("LecunUniform", 1.0, "fan_in", "uniform", "Uniform of variance 1 / fan_in.")
LecunNormal = _scaling(
    "LecunNormal", 1.0, "fan_in", "truncated_normal", "Normal of variance 1 / fan_in."
)

_TABLE = table_of(globals(), Initializer)
_TABLE |= {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform}


def get(identifier):
    """The initializer that a name, class, function or None stands for. ValueError if unknown."""
    return lookup("initializer", identifier, _TABLE)


deserialize = get
