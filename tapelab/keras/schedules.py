"""tf.keras.optimizers.schedules: learning rates that depend on the step."""

import math

import numpy as np

from ..math import cast
from ..tensor import Tensor, as_tensor, number
from .registry import Configured, lookup, serialize, table_of  # noqa: F401


class LearningRateSchedule(Configured):
    """Base class: subclasses define `__call__(step)`."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)`.")


class _Formula(LearningRateSchedule):
    """A schedule given by a formula in Python numbers, returned as a float32 tensor."""

    def __init__(self, name, **numbers):
        self.name = name
        for k, v in numbers.items():
            setattr(self, k, self._number(v, k))
        if getattr(self, "decay_steps", 1) <= 0:
            raise ValueError(
                f"Argument `decay_steps` must be > 0. Received: decay_steps={self.decay_steps}"
            )

    def _number(self, v, what):
        return v if type(v) is int else number(v, what, type(self).__name__)

    def __call__(self, step):
        a = as_tensor(step)._a
        if a.ndim or a.dtype.kind not in "iuf":  # steps to draw a curve of, or no number
            a = cast(step, np.float64)._a
            return Tensor(np.float32([self._rate(s) for s in a.ravel().tolist()]).reshape(a.shape))
        return Tensor(np.float32(self._rate(float(a))))


class ExponentialDecay(_Formula):
    """initial * decay_rate ** (step / decay_steps), the quotient rounded down if `staircase`.

    >>> import tapelab as tf
    >>> rate = tf.keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> round(float(rate(20)), 4)
    0.025
    """

    def __init__(
        self, initial_learning_rate, decay_steps, decay_rate, staircase=False,
        name="ExponentialDecay",
    ):  # fmt: skip
        super().__init__(
            name, initial_learning_rate=initial_learning_rate, decay_steps=decay_steps,
            decay_rate=decay_rate,
        )  # fmt: skip
        self.staircase = staircase

    def _turns(self, step):
        p = step / self.decay_steps
        return math.floor(p) if self.staircase else p

    def _rate(self, step):
        return self.initial_learning_rate * self.decay_rate ** self._turns(step)


class InverseTimeDecay(ExponentialDecay):
    """initial / (1 + decay_rate * step / decay_steps), the quotient rounded down if `staircase`.

    >>> import tapelab as tf
    >>> rate = tf.keras.optimizers.schedules.InverseTimeDecay(1.0, decay_steps=10, decay_rate=1.0)
    >>> rate([0, 10, 30]).numpy().tolist()
    [1.0, 0.5, 0.25]
    """

    def __init__(
        self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def _rate(self, step):
        return self.initial_learning_rate / (1 + self.decay_rate * self._turns(step))


class PiecewiseConstantDecay(_Formula):
    """values[i] up to and including step boundaries[i], the last value afterwards.

    >>> import tapelab as tf
    >>> rate = tf.keras.optimizers.schedules.PiecewiseConstantDecay([10], [1.0, 0.5])
    >>> float(rate(10)), float(rate(11))
    (1.0, 0.5)
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        super().__init__(name)
        for what, given in (("boundaries", boundaries), ("values", values)):
            if not isinstance(given, (list, tuple)):
                raise TypeError(f"`{what}` must be a list of numbers. Received: {given!r}")
            setattr(self, what, [self._number(v, what) for v in given])
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries}, values={values}"
            )

    def _rate(self, step):
        return self.values[sum(step > b for b in self.boundaries)]


class CosineDecay(_Formula):
    """Half a cosine from initial down to alpha * initial, after an optional linear warm-up.

    Source: Loshchilov and Hutter, 2017.

    >>> import tapelab as tf
    >>> rate = tf.keras.optimizers.schedules.CosineDecay(1.0, decay_steps=100)
    >>> round(float(rate(50)), 4)
    0.5
    """

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None,
        warmup_steps=0,
    ):  # fmt: skip
        super().__init__(
            name, initial_learning_rate=initial_learning_rate, decay_steps=decay_steps, alpha=alpha,
            warmup_steps=warmup_steps,
        )  # fmt: skip
        warm = warmup_target is not None
        self.warmup_target = self._number(warmup_target, "warmup_target") if warm else None

    def _rate(self, step):
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top, step = self.warmup_target, step - self.warmup_steps
        p = min(step, self.decay_steps) / self.decay_steps
        return top * ((1 - self.alpha) * (1 + math.cos(math.pi * p)) / 2 + self.alpha)


def deserialize(config):
    """A new schedule of what `serialize` returned.

    >>> import tapelab as tf
    >>> schedules = tf.keras.optimizers.schedules
    >>> config = schedules.serialize(schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5))
    >>> round(float(schedules.deserialize(config)(20)), 4)
    0.025
    """
    return lookup("schedule", config, table_of(globals(), LearningRateSchedule))
