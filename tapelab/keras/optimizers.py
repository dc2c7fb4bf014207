"""tf.keras.optimizers: how gradients change variables.

The gradients of a step are copied into one flat array, and a few in-place NumPy calls turn it, with
the flat arrays that hold the optimizer's state, into the step and then into the new values; the
variables become views of it. So a step costs a few passes over memory however many variables there
are, and no tensor read earlier is written to: the array is new each time.
"""

import math

import numpy as np

from ..clip import global_norm
from ..dtypes import as_dtype
from ..errors import DtypeError, ShapeError
from ..tensor import Absent, IndexedSlices, Tensor, as_tensor, number
from ..tensor import Variable as CoreVariable
from . import schedules
from .base_layer import Variable
from .registry import Configured, lookup, serialize, snake_case, table_of, unique_name, warn
from .schedules import LearningRateSchedule


class SlotVariable(Variable):
    """A part of an optimizer's flat state, seen as a variable."""

    def __init__(self, view, scale, path):
        self._view, self._scale = np.empty_like(view), scale  # the base class writes what it is given
        super().__init__(view * scale, trainable=False, name=path.rpartition("/")[2])
        self._view, self.path = view, path  # nothing is rounded by being looked at

    def settle(self):
        """Round the state to what a checkpoint gives back: the training goes on from it bit for bit."""
        self._t = self._t

    _t = property(
        lambda self: Tensor(self._view * self._scale),
        lambda self, t: np.divide(t._a, self._scale, out=self._view),
    )


class _Flat:
    """Variables of one dtype laid out in one flat array, with state of the same layout."""

    def __init__(self, variables, slots):
        self.variables, self.boxes, self.values = variables, [None] * len(variables), None
        ends = np.cumsum([0] + [math.prod(v.shape) for v in variables]).tolist()
        self.parts = [slice(*ends) for ends in zip(ends, ends[1:])]
        self.shapes = [v._t._a.shape for v in variables]
        self.size, self.dtype = ends[-1], variables[0]._t._a.dtype
        self.slots = {name: np.full(self.size, start, self.dtype) for name, start in slots.items()}

    def current(self):
        """The values of all variables, flat; copied only where somebody else has assigned."""
        for v, box in zip(self.variables, self.boxes):
            if v._t is not box:
                return np.concatenate([v._t._a.ravel() for v in self.variables])
        return self.values

    def flush(self):
        """Put zeros for what is too small to be a normal number, as TensorFlow always does.

        Where gradients are 0 a mean of them shrinks to such a number and stays there; the processor
        takes longer for those (`python -m benchmarks fast_paths`).
        """
        if self.dtype.char in "fd":
            for state in self.slots.values():
                state[np.abs(state) < np.finfo(self.dtype).smallest_normal] = 0


_KERAS = {  # arguments of Keras's taken at their defaults only: (default, what to do instead)
    "use_ema": (False, "a callback can keep the mean of `model.get_weights()`"),
    "ema_momentum": (0.99, ""),
    "ema_overwrite_frequency": (None, ""),
    "loss_scale_factor": (None, "multiply the loss, and divide the gradients"),
    "gradient_accumulation_steps": (None, "add up the gradients of several batches, and apply their mean"),
}


class Optimizer(Configured):
    """Base class: subclasses name their `slots` and turn gradients into a step in `update`, or, as in
    Keras, change one variable after the other in `update_step`.

    Args:
      learning_rate: number, `LearningRateSchedule`, or function without arguments.
      weight_decay: fraction of each variable, times the learning rate, subtracted at each step.
      clipnorm, clipvalue, global_clipnorm: bounds (one of them) on each gradient's norm, on each
        element, on the norm of all together.
    """

    slots: dict = {}  # name -> first value, per element of the variables

    def __init__(
        self, learning_rate=0.01, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, name=None, **kwargs,
    ):  # fmt: skip
        if unknown := {k: v for k, v in kwargs.items() if k not in _KERAS or v != _KERAS[k][0]}:
            instead = "; ".join(_KERAS[k][1] for k in unknown if k in _KERAS and _KERAS[k][1])
            raise ValueError(
                f"Argument(s) not recognized by {type(self).__name__}: {sorted(unknown)}"
                f"{instead and f' ({instead})'}"
            )
        clip = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [k for k, v in clip.items() if v is not None]
        if len(given) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"{', '.join(given)}."
            )
        if any(number(clip[k], k, "Optimizer") < 0 for k in given):
            raise ValueError(f"`{given[0]}` must not be negative.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        if weight_decay is not None:
            self._set(weight_decay=weight_decay)
        self.global_clipnorm, self.built = global_clipnorm, False
        self.iterations = self._counter(np.int64(0), "iteration")
        self._learning_rate = learning_rate
        if not callable(learning_rate):
            try:
                rate = np.float32(number(learning_rate, "learning_rate", "Optimizer"))
            except TypeError:
                raise ValueError(
                    "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, "
                    "or a callable (that returns the corresponding learning rate value). Received "
                    f"instead: learning_rate={learning_rate!r}"
                ) from None
            self._learning_rate = self._counter(rate, "learning_rate")
        self._groups, self._place, self._added = [], {}, []

    def _set(self, **numbers):
        """Set attributes to numbers that were given; Adam's betas are in [0, 1)."""
        for k, v in numbers.items():
            v = number(v, k, type(self).__name__)
            setattr(self, k, v)
            if k.startswith("beta") and not 0 <= v < 1:
                raise ValueError(f"`{k}` of {type(self).__name__} must be in [0, 1). Received: {v}")

    def get_config(self):
        """The arguments that make such an optimizer."""
        rate = self._learning_rate
        rate = float(rate) if isinstance(rate, Variable) else serialize(rate)
        return {"name": self.name, "learning_rate": rate} | super().get_config()

    @classmethod
    def from_config(cls, config):
        """A new optimizer, without state, of what `get_config` returned.

        >>> import tapelab as tf
        >>> tf.keras.optimizers.SGD.from_config({"learning_rate": 0.5, "momentum": 0.9}).momentum
        0.9
        """
        rate = config.get("learning_rate")
        rate = {"learning_rate": schedules.deserialize(rate)} if isinstance(rate, dict) else {}
        return cls(**config | rate)

    def _counter(self, value, name):
        v = Variable(value, trainable=False, name=name)
        v.path = f"{self.name}/{name}"
        return v

    # -- the learning rate

    @property
    def learning_rate(self):
        """The learning rate now; it can be set (unless a schedule gives it) or assigned."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return as_tensor(rate(self.iterations))
        return rate if isinstance(rate, Variable) else as_tensor(rate())

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(value)
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` (or function) as its "
                "`learning_rate`, hence its learning rate is not settable. Make the optimizer with "
                "a number to set it later."
            )

    # -- applying

    def build(self, var_list):
        """Make the state for these variables, which are then the only ones the optimizer takes."""
        if self.built:
            return
        if not isinstance(var_list, (list, tuple)):
            raise TypeError(f"An optimizer is built for a list of variables, not {var_list!r}.")
        for v in var_list:
            _check_variable(v)
        by_dtype = {}
        for v in {id(v): v for v in var_list}.values():
            by_dtype.setdefault(v._t._a.dtype, []).append(v)
        self._groups = [_Flat(variables, self.slots) for variables in by_dtype.values()]
        place = {
            id(v): (k, i)
            for k, group in enumerate(self._groups)
            for i, v in enumerate(group.variables)
        }
        self._place = {id(v): place[id(v)] for v in var_list}  # in their own order
        self.built = True
        if "_awaits" in vars(self):  # a checkpoint restored before this state was made
            self._awaits.match()

    def apply_gradients(self, grads_and_vars):
        """Update variables with their gradients: `apply_gradients(zip(gradients, variables))`.

        Args:
          grads_and_vars: pairs. A gradient of None leaves its variable alone, with a warning.
        Returns:
          The variable that counts iterations.
        Raises:
          ValueError: no gradient at all, one of another shape, or a variable that the optimizer
            was not built with. Then no variable has changed.

        >>> import tapelab as tf
        >>> v = tf.Variable([1.0, 2.0])
        >>> tf.keras.optimizers.SGD(0.1).apply_gradients([(tf.constant([1.0, 1.0]), v)]).numpy()
        np.int64(1)
        >>> v.numpy()
        array([0.9, 1.9], dtype=float32)
        """
        grads, variables = [], []
        try:
            for g, v in grads_and_vars:
                grads.append(g)
                variables.append(v)
        except (TypeError, ValueError):
            raise TypeError(
                "apply_gradients takes pairs (gradient, variable): "
                "optimizer.apply_gradients(zip(gradients, variables))."
            ) from None
        if not grads:
            raise ValueError("No gradients provided for any variable.")
        self.apply(grads, variables)
        return self.iterations

    def apply(self, grads, trainable_variables=None):
        """Update variables with gradients, given as two lists (Keras 3). See `apply_gradients`.

        Without any gradient in the list nothing happens, and no iteration is counted.
        """
        variables = trainable_variables
        if isinstance(grads, (list, tuple)) and not grads:
            return
        if variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built "
                    "on a list of variables. Call `optimizer.build(trainable_variables)` first."
                )
            variables = [v for group in self._groups for v in group.variables]
        try:
            grads, variables = list(grads), list(variables)
        except TypeError:
            raise TypeError("Gradients and variables must each be a list.") from None
        if len(grads) != len(variables):
            raise ValueError(f"There are {len(grads)} gradients for {len(variables)} variables.")
        if all([g is None for g in grads]):
            raise ValueError("No gradients provided for any variable.")
        if not self.built:  # which only happens when all gradients fit
            for v in variables:
                _check_variable(v)
        arrays, missing = [], []
        for g, v in zip(grads, variables):
            if self.built and id(v) not in self._place:
                raise ValueError(
                    f"Unknown variable: {v!r}. This optimizer can only be called for the variables "
                    "it was originally built with. When working with a new set of variables, you "
                    "should recreate a new optimizer instance."
                )
            if type(g) is Tensor and g._a.shape == v._t._a.shape and g._a.dtype is v._t._a.dtype:
                arrays.append(g._a)
                continue
            arrays.append(_dense(g, v))
            if g is None:
                missing.append(_path(v))
        if not self.built:
            self.build(variables)
        if missing:
            warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. If "
                "using `model.compile()`, did you forget to provide a `loss` argument?"
            )
        self._apply(arrays, variables)

    def _apply(self, grads, variables):
        scale = self._clip(grads)
        own = self._learning_rate
        rate = float(own._t._a if isinstance(own, Variable) else self.learning_rate)
        step = int(self.iterations._t._a) + 1
        found = [[None] * len(group.variables) for group in self._groups]
        for g, v in zip(grads, variables):
            k, i = self._place[id(v)]
            found[k][i] = g if found[k][i] is None else found[k][i] + g
        for group, gs in zip(self._groups, found):
            if any([g is not None for g in gs]):
                self._update_group(group, gs, rate, step, scale)
        self.iterations._replace(None, self.iterations._t._a + 1)
        for v in variables:
            if v._constraint is not None:
                v.assign(v._constraint(v))

    @np.errstate(all="ignore")
    def _update_group(self, group, gs, rate, step, scale):
        if type(self).update_step is not Optimizer.update_step:
            return self._update_each(group, gs, rate, scale)
        old, new = group.current(), np.empty(group.size, group.dtype)
        runs = []  # stretches of variables that have a gradient
        for part, g in zip(group.parts, gs):
            if g is not None:
                new[part] = g.ravel()
                if runs and runs[-1].stop == part.start:
                    part = slice(runs.pop().start, part.stop)
                runs.append(part)
        for run in runs:
            g, p = new[run], old[run]
            if scale != 1.0:
                g *= group.dtype.type(scale)
            self.update(g, rate, step, **{name: a[run] for name, a in group.slots.items()})
            if self.weight_decay:
                g += p * group.dtype.type(self.weight_decay * rate)
            np.subtract(p, g, out=g)
        boxes = []
        for v, shape, part, g in zip(group.variables, group.shapes, group.parts, gs):
            if g is not None:
                v._replace(None, new[part].reshape(shape) if shape else new[part.start])
            boxes.append(None if g is None else v._t)  # None: not in the new array
        if step % 100 == 0:
            group.flush()
        group.boxes, group.values = boxes, new  # not before: Ctrl-C may have come in between

    def _update_each(self, group, gs, rate, scale):
        for v, g in zip(group.variables, gs):
            if g is not None:
                if self.weight_decay:
                    v.assign_sub(v * (self.weight_decay * rate))
                self.update_step(Tensor(g * g.dtype.type(scale)), v, Tensor(np.float32(rate)))

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable. A subclass may define this, as in Keras, instead of `update`.

        >>> import tapelab as tf
        >>> class Sign(tf.keras.optimizers.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         variable.assign_sub(learning_rate * tf.sign(gradient))
        >>> v = tf.Variable([1.0, 2.0])
        >>> _ = Sign(0.5).apply_gradients([(tf.constant([3.0, -3.0]), v)])
        >>> v.numpy().tolist()
        [0.5, 2.5]
        """
        k, i = self._place[id(variable)]
        part, g = self._groups[k].parts[i], np.array(gradient._a).ravel()
        slots = {name: a[part] for name, a in self._groups[k].slots.items()}
        self.update(g, float(learning_rate), int(self.iterations._t._a) + 1, **slots)
        variable.assign_sub(Tensor(g.reshape(gradient._a.shape)))

    def add_variable(
        self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None
    ):
        """A variable of the optimizer's own: state for `update_step`."""
        v = Variable(initializer, tuple(shape), dtype, trainable=False, name=name)
        v.path = f"{self.name}/{v.name}"
        self._added.append(v)
        return v

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """The same, of the shape and dtype of another variable."""
        v = reference_variable
        name = f"{_flat_path(v)}_{name or 'variable'}"
        return self.add_variable(v.shape, initializer, v.dtype.name, name=name)

    def _get_variable_index(self, variable):
        return list(self._place).index(id(variable))

    def _clip(self, grads):
        """Clip the gradients in the list; what remains to multiply all of them by is returned."""
        if self.global_clipnorm is not None:
            norm = float(global_norm([Tensor(g) for g in grads if g is not None]))
            if not math.isfinite(norm):
                return math.nan
            return self.global_clipnorm / norm if norm > self.global_clipnorm else 1.0
        for i, g in enumerate(grads):
            if g is None:
                continue
            if self.clipvalue is not None:
                grads[i] = np.clip(g, -self.clipvalue, self.clipvalue)
            elif self.clipnorm is not None:
                norm = np.sqrt(np.sum(g * g))
                if not norm <= self.clipnorm:  # a NaN spreads over the whole gradient
                    grads[i] = g * g.dtype.type(self.clipnorm / norm)
        return 1.0

    def update(self, g, rate, step, **slots):
        """Turn the flat gradient `g`, in place, into what is subtracted from the variables.

        Args:
          g: 1-d array. rate: learning rate. step: 1 at the first call.
          slots: 1-d arrays of the state, to be changed in place.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no `update(g, rate, step, **slots)`. A subclass computes "
            "its step there: in place, for the gradients of all variables in one flat array."
        )

    # -- state

    @property
    def variables(self):
        """The optimizer's state: iterations, learning rate, and slots per variable."""
        found = [self.iterations] + [self._learning_rate] * isinstance(
            self._learning_rate, Variable
        )
        scales = self._scales()
        for group in self._groups:
            for v, part in zip(group.variables, group.parts):
                for name, flat in group.slots.items():
                    path = f"{self.name}/{_flat_path(v)}_{name}"
                    view = flat[part].reshape(v._t._a.shape)
                    found.append(SlotVariable(view, scales.get(name, 1.0), path))
        return found + self._added

    def _scales(self):
        """Slots that are kept divided by a factor, to save a pass: name -> factor."""
        return {}


def _path(v):
    return getattr(v, "path", v.name)


def _flat_path(v):
    return _path(v).replace("/", "_").replace(":", "_")


def _check_variable(v):
    if not isinstance(v, CoreVariable):
        raise TypeError(f"An optimizer changes variables, and {v!r} is none.")
    if v._t._a.dtype.kind not in "fc":
        raise TypeError(f"An optimizer changes floating variables, and {v!r} is none.")


def _dense(g, v):
    """The gradient's array; ShapeError when it is not of its variable's shape."""
    if g is None:
        return None
    a = (as_tensor(g) if isinstance(g, (Tensor, IndexedSlices)) else as_tensor(g, v._t._a.dtype))._a
    if a.shape != v._t._a.shape:
        raise ShapeError(
            f"The gradient of shape {a.shape} does not fit variable {_path(v)} "
            f"of shape {tuple(v.shape)}."
        )
    if a.dtype.kind not in "iufb" and a.dtype.kind != v._t._a.dtype.kind:
        kind = "complex" if a.dtype.kind == "c" else as_dtype(a.dtype).name
        raise DtypeError(f"A {kind} gradient does not fit the {v.dtype.name} variable {_path(v)}.")
    return a


class SGD(Optimizer):
    """w -= rate * g; with momentum: m = momentum * m - rate * g, w += m.

    Args:
      momentum: in [0, 1]. nesterov: w += momentum * m - rate * g instead.
      The rest: see `Optimizer`.

    >>> import tapelab as tf
    >>> v = tf.Variable(1.0); opt = tf.keras.optimizers.SGD(0.1, momentum=0.9)
    >>> for _ in range(2): _ = opt.apply_gradients([(tf.constant(1.0), v)])
    >>> round(float(v), 4)
    0.71
    """

    def __init__(
        self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, **kwargs
    ):
        super().__init__(learning_rate, weight_decay, **kwargs)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = {"momentum": 0.0} if momentum else {}

    def update(self, g, rate, step, momentum=None):
        """See `Optimizer.update`."""
        g *= g.dtype.type(rate)
        if momentum is not None:
            momentum *= g.dtype.type(self.momentum)
            momentum -= g
            if self.nesterov:
                g -= momentum * g.dtype.type(self.momentum)
            else:
                np.negative(momentum, out=g)


class Adam(Optimizer):
    """w -= rate * corrected mean of g / (root of corrected mean of g^2 + epsilon).

    The means are exponential, with factors beta_1 and beta_2; the correction for their start at
    zero is in the rate, and epsilon is added to the uncorrected root, as in Keras.

    Source: Kingma and Ba, 2015, before section 2.1; amsgrad: Reddi et al., 2018.

    >>> import tapelab as tf
    >>> v = tf.Variable([1.0]); opt = tf.keras.optimizers.Adam(0.1)
    >>> _ = opt.apply_gradients([(tf.constant([5.0]), v)])
    >>> v.numpy().round(4)
    array([0.9], dtype=float32)
    """

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
        weight_decay=None, **kwargs,
    ):  # fmt: skip
        super().__init__(learning_rate, weight_decay, **kwargs)
        self._set(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.amsgrad = amsgrad
        self.slots = {"momentum": 0.0, "velocity": 0.0} | ({"velocity_hat": 0.0} if amsgrad else {})

    def _scales(self):
        return {
            "momentum": 1 - self.beta_1,
            "velocity": 1 - self.beta_2,
            "velocity_hat": 1 - self.beta_2,
        }

    def update(self, g, rate, step, momentum, velocity, velocity_hat=None):
        """See `Optimizer.update`. State is kept as m / (1 - beta_1) and v / (1 - beta_2)."""
        number, root = g.dtype.type, math.sqrt(1 - self.beta_2)
        momentum *= number(self.beta_1)
        momentum += g
        np.multiply(g, g, out=g)
        velocity *= number(self.beta_2)
        velocity += g
        if velocity_hat is not None:
            np.maximum(velocity_hat, velocity, out=velocity_hat)
            velocity = velocity_hat
        np.sqrt(velocity, out=g)
        g += number(self.epsilon / root)
        np.divide(momentum, g, out=g)
        corrected = rate * math.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        g *= number(corrected * (1 - self.beta_1) / root)


class AdamW(Adam):
    """Adam with weight decay, 0.004 by default. Source: Loshchilov and Hutter, 2019."""

    def __init__(
        self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
        amsgrad=False, **kwargs,
    ):  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, **kwargs)


class RMSprop(Optimizer):
    """w -= rate * g / sqrt(mean of g^2 + epsilon), the mean exponential with factor rho.

    Args:
      momentum: steps add up with this factor.
      centered: the variance instead of the mean of squares.

    Source: Hinton, lecture 6e of "Neural networks for machine learning", 2012.
    """

    def __init__(
        self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False,
        weight_decay=None, **kwargs,
    ):  # fmt: skip
        super().__init__(learning_rate, weight_decay, **kwargs)
        self._set(rho=rho, momentum=momentum, epsilon=epsilon)
        self.centered = centered
        self.slots = (
            {"velocity": 0.0}
            | ({"momentum": 0.0} if momentum else {})
            | ({"average": 0.0} if centered else {})
        )

    def update(self, g, rate, step, velocity, momentum=None, average=None):
        """See `Optimizer.update`."""
        number = g.dtype.type
        velocity *= number(self.rho)
        velocity += number(1 - self.rho) * g * g
        spread = velocity
        if average is not None:
            average *= number(self.rho)
            average += number(1 - self.rho) * g
            spread = velocity - average * average
        g *= number(rate) / np.sqrt(spread + number(self.epsilon))
        if momentum is not None:
            momentum *= number(self.momentum)
            momentum += g
            g[:] = momentum


class Adagrad(Optimizer):
    """w -= rate * g / sqrt(sum of g^2 + epsilon). Source: Duchi et al., 2011."""

    def __init__(
        self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(learning_rate, weight_decay, **kwargs)
        self._set(initial_accumulator_value=initial_accumulator_value, epsilon=epsilon)
        self.slots = {"accumulator": initial_accumulator_value}

    def update(self, g, rate, step, accumulator):
        """See `Optimizer.update`."""
        accumulator += g * g
        g *= g.dtype.type(rate) / np.sqrt(accumulator + g.dtype.type(self.epsilon))


Absent.put(
    Optimizer,
    {
        "lr": ": it is `learning_rate`.",
        "minimize": ": apply_gradients(zip(tape.gradient(loss, variables), variables)) does it.",
        **dict.fromkeys(("get_weights", "set_weights"), ": `variables` has the state."),
        "exclude_from_weight_decay": ": use two optimizers, one of them without `weight_decay`.",
    },
)


def get(identifier):
    """The optimizer that a name, dict, class or object stands for. ValueError if unknown."""
    if isinstance(identifier, Optimizer):
        return identifier
    table = table_of(globals(), Optimizer)
    if not isinstance(identifier, dict):
        table = {k.lower(): v for k, v in table.items() if "_" not in k.lower()}
    name = identifier.lower() if isinstance(identifier, str) else identifier
    found = lookup("optimizer", name, table)
    if found is not None and not isinstance(found, Optimizer):
        raise ValueError(f"Could not interpret optimizer identifier: {identifier}. It is no Optimizer.")
    return found


deserialize = get
