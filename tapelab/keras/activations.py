"""tf.keras.activations: elementwise functions and softmax, by name or as functions."""

import weakref

from .. import math, nn
from ..array import where
from ..math import exp as exponential
from ..math import minimum, softplus, tanh
from ..nn import gelu, log_softmax, relu6, selu, silu, softsign, swish
from ..tensor import as_tensor, number
from .registry import lookup, serialize  # noqa: F401

_logits: dict = {}  # id of a tensor of probabilities -> (weak reference to it, what it was made of)


def _remember(z, x):
    """Crossentropies compute from logits where they can, as in Keras: log(softmax(x)) overflows."""
    k = id(z)
    _logits[k] = (weakref.ref(z, lambda _: _logits.pop(k, None)), x)
    return z


def logits_of(z, function):
    """What `function` ('softmax' or 'sigmoid') made `z` of, or None."""
    made = _logits.get(id(z))
    return made[1][1] if made is not None and made[0]() is z and made[1][0] == function else None


def linear(x):
    """x itself."""
    return x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0), or with a slope below the threshold and a ceiling.

    >>> import tapelab as tf
    >>> tf.keras.activations.relu([-1.0, 9.0], negative_slope=0.5, max_value=6.0).numpy().tolist()
    [-0.5, 6.0]
    """
    if not negative_slope and max_value is None and not threshold:
        return nn.relu(x)
    x = as_tensor(x)
    x = where(x > threshold, x, negative_slope * (x - threshold) if negative_slope else 0.0)
    return x if max_value is None else minimum(x, number(max_value, "max_value", "relu"))


def leaky_relu(x, negative_slope=0.2):
    """x where x > 0, else negative_slope * x."""
    return nn.leaky_relu(x, negative_slope)


def elu(x, alpha=1.0):
    """x where x > 0, else alpha (e^x - 1)."""
    if alpha == 1.0:
        return nn.elu(x)
    x = as_tensor(x)
    return nn.relu(x) + alpha * nn.elu(-nn.relu(-x))


def softmax(x, axis=-1):
    """e^x / sum(e^x) along an axis. ValueError for a tensor of rank 1 or less, as in Keras."""
    x = as_tensor(x)
    return _remember(nn.softmax(x, axis), ("softmax", x))


def sigmoid(x):
    """1 / (1 + e^-x)."""
    x = as_tensor(x)
    return _remember(math.sigmoid(x), ("sigmoid", x))


def mish(x):
    """x tanh(softplus(x))."""
    return as_tensor(x) * tanh(softplus(x))


def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return relu6(as_tensor(x) + 3.0) / 6.0


_TABLE = {
    f.__name__: f
    for f in (linear, relu, relu6, leaky_relu, elu, selu, gelu, silu, sigmoid, tanh, softmax,
              log_softmax, softplus, softsign, hard_sigmoid, mish)
} | {"exponential": exponential, "swish": swish}  # fmt: skip


def get(identifier):
    """The function that a name or None stands for; a function is returned as it is."""
    if identifier is None:
        return linear
    return lookup("activation function", identifier, _TABLE)


deserialize = get
