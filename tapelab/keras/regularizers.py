"""tf.keras.regularizers: what a layer's weights add to the loss."""

from ..math import abs as _abs
from ..math import reduce_sum, square
from ..tensor import as_tensor
from .registry import Configured, lookup, serialize, table_of  # noqa: F401


class Regularizer(Configured):
    """Base class: subclasses define `__call__(weight)` returning a scalar tensor."""

    def __call__(self, x):
        raise NotImplementedError("Regularizer subclasses must implement the `__call__()` method.")


class L1L2(Regularizer):
    """l1 * sum(|w|) + l2 * sum(w^2).

    >>> import tapelab as tf
    >>> float(tf.keras.regularizers.L1L2(l1=1.0, l2=0.5)([-2.0]))
    4.0
    """

    def __init__(self, l1=0.0, l2=0.0):
        l1, l2 = (0.0 if v is None else v for v in (l1, l2))
        for name, value in (("l1", l1), ("l2", l2)):
            if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise ValueError(
                    f"Invalid value for argument {name}: expected a non-negative float. Received: "
                    f"{value}"
                )
        self.l1, self.l2 = float(l1), float(l2)

    def __call__(self, x):
        x = as_tensor(x)
        total = self.l1 * reduce_sum(_abs(x)) if self.l1 else 0.0
        return total + self.l2 * reduce_sum(square(x)) if self.l2 else as_tensor(total)


class L1(L1L2):
    """l1 * sum(|w|), which drives weights to zero."""

    def __init__(self, l1=0.01):
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 * sum(w^2), which keeps weights small.

    >>> import tapelab as tf
    >>> round(float(tf.keras.regularizers.L2(0.1)([1.0, 2.0])), 4)
    0.5
    """

    def __init__(self, l2=0.01):
        super().__init__(l2=l2)


l1, l2, l1_l2 = L1, L2, L1L2
_TABLE = table_of({"L1": L1, "L2": L2, "L1L2": L1L2}, Regularizer)


def get(identifier):
    """The regularizer that a name, class, function or None stands for. ValueError if unknown."""
    return lookup("regularizer", identifier, _TABLE)


deserialize = get
