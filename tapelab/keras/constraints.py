"""tf.keras.constraints: what an optimizer does to a weight after each update."""

from ..math import cast, reduce_sum, sqrt, square
from ..nn import relu
from ..tensor import as_tensor
from .registry import Configured, lookup, serialize, table_of  # noqa: F401

_EPSILON = 1e-7


class Constraint(Configured):
    """Base class: subclasses define `__call__(weight)` returning the weight made to comply.

    This one leaves the weight as it is.
    """

    def __call__(self, w):
        return w


class NonNeg(Constraint):
    """Negative weights become zero.

    >>> import tapelab as tf
    >>> tf.keras.constraints.NonNeg()([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """

    def __call__(self, w):
        return relu(as_tensor(w))


class MaxNorm(Constraint):
    """The weights of each unit get a norm of at most `max_value`; `axis` runs over a unit's inputs.

    >>> import tapelab as tf
    >>> tf.keras.constraints.MaxNorm(1.0)([[3.0], [4.0]]).numpy().round(3)
    array([[0.6],
           [0.8]], dtype=float32)
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        w = as_tensor(w)
        norms = sqrt(reduce_sum(square(w), self.axis, True))
        clipped = cast(norms > self.max_value, w.dtype) * (self.max_value - norms) + norms
        return w * (clipped / (norms + _EPSILON))


_TABLE = table_of(globals(), Constraint)


def get(identifier):
    """The constraint that a name, class, function or None stands for. ValueError if unknown."""
    return lookup("constraint", identifier, _TABLE)


deserialize = get
