"""tf.keras.optimizers.schedules: learning rates that depend on the step."""

import math

import numpy as np

from ..tensor import Tensor, as_tensor, number


class LearningRateSchedule:
    """Base class: subclasses define `__call__(step)`."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(self, step)`.")


class _Formula(LearningRateSchedule):
    """A schedule given by a formula in Python numbers, returned as a float32 tensor."""

    def __call__(self, step):
        a = as_tensor(step)._a
        if a.ndim:  # to be plotted
            return Tensor(np.array([self._rate(float(s)) for s in a.flat], np.float32).reshape(a.shape))
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
        if number(decay_steps, "decay_steps", type(self).__name__) <= 0:
            raise ValueError(
                f"Argument `decay_steps` must be > 0. Received: decay_steps={decay_steps}"
            )
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

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
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries}, values={values}"
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

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
        if number(decay_steps, "decay_steps", type(self).__name__) <= 0:
            raise ValueError(
                f"Argument `decay_steps` must be > 0. Received: decay_steps={decay_steps}"
            )
        self.initial_learning_rate, self.decay_steps, self.alpha = (
            initial_learning_rate,
            decay_steps,
            alpha,
        )
        self.warmup_target, self.warmup_steps, self.name = warmup_target, warmup_steps, name

    def _rate(self, step):
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top, step = self.warmup_target, step - self.warmup_steps
        p = min(step, self.decay_steps) / self.decay_steps
        return top * ((1 - self.alpha) * (1 + math.cos(math.pi * p)) / 2 + self.alpha)
