"""Layer: a function with weights. Variables, the layers inside layers, and calls.

A layer finds its weights and inner layers by looking at its attributes (also inside lists, tuples
and dicts) at the moment it is asked, so that nothing has to be registered. Only `trainable_weights`,
which every step of a training asks for, keeps its answer until an attribute of some layer changes.
"""

import functools
import inspect
import itertools
import math
import threading

import numpy as np

from ..dtypes import as_dtype
from ..math import cast
from ..tensor import Absent, Tensor, as_tensor, only
from ..tensor import Variable as _Variable
from . import constraints, initializers, regularizers
from .registry import Configured, snake_case, unique_name, warn


class _Calls(threading.local):
    """What the layer calls under way in this thread share."""

    training = None  # what the innermost `training=` said
    root = None  # the outermost layer
    scope = ()  # layers being built, outermost first: they give variables their paths


_calls = _Calls()


class _Structure:
    """Which layers hold what, everywhere: `state` is another object whenever some of it has changed."""

    state = object()

    def changed(self):
        self.state = object()


_structure = _Structure()


class DTypeName(str):
    """A dtype as Keras shows it, a plain string, that also answers as a `DType`."""

    def __getattr__(self, name):
        return getattr(as_dtype(str(self)), name)


class Variable(_Variable):
    """A Keras variable: a `tf.Variable` with a short name and a path.

    Args:
      initializer: a value, or a function (an initializer) that is called with shape and dtype.
      shape: needed with a function. dtype: float32 by default for functions.
      trainable: whether it is listed among `trainable_variables`; can be set later.
    Raises:
      ValueError: a function without a shape.

    >>> import tapelab as tf
    >>> tf.keras.Variable([1.0], name="w")
    <Variable path=w, shape=(1,), dtype=float32, value=[1.]>
    """

    def __init__(
        self, initializer, shape=None, dtype=None, trainable=True, autocast=True,
        aggregation="none", synchronization="auto", name=None, regularizer=None, constraint=None,
    ):  # fmt: skip
        if isinstance(initializer, str):
            initializer = initializers.get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    "When creating a Variable from an initializer, the `shape` argument should be "
                    f"specified. Received: initializer={initializer} and shape={shape}"
                )
            made_by, shape = initializer, tuple(shape)
            initializer = as_tensor(made_by(shape, dtype=dtype or "float32"))
            if initializer._a.shape != shape:
                raise ValueError(
                    f"The initializer {made_by} made values of shape {initializer._a.shape} for a "
                    f"variable of shape {shape}."
                )
        value = as_tensor(initializer)
        if dtype is not None and value.dtype != dtype:
            value = cast(value, dtype)
        super().__init__(value, trainable=trainable)
        self._name = name or unique_name("variable")  # Keras knows no name scopes
        self.regularizer, self._constraint = regularizer, constraint
        self._listed = bool(trainable)
        self.path = "/".join([layer.name for layer in _calls.scope] + [self._name])

    # What TensorFlow's tape goes by stays as it was made; what Keras lists can change.
    @property
    def trainable(self):
        return self._listed

    @trainable.setter
    def trainable(self, value):
        self._listed = bool(value)
        _structure.changed()

    name = property(lambda self: self._name)
    constraint = property(
        lambda self: self._constraint,
        lambda self, function: setattr(self, "_constraint", constraints.get(function)),
    )
    value = property(lambda self: self._read())
    dtype = property(lambda self: DTypeName(self._t.dtype.name))
    ndim = property(lambda self: self._t._a.ndim)

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Replace the value. ValueError for another shape; dtypes are converted."""
        t = value if isinstance(value, (Tensor, _Variable)) else as_tensor(value)
        t = as_tensor(t if t.dtype == self.dtype else cast(t, self.dtype))
        if t._a.shape != self._t._a.shape:
            raise ValueError(
                "The shape of the target variable and the shape of the target value in "
                f"`variable.assign(value)` must match. variable.shape={tuple(self._shape)}, "
                f"Received: value.shape={t._a.shape}. Target variable: {self!r}"
            )
        return self._replace(t, t._a, read_value)

    def assign_add(self, value, use_locking=False, name=None, read_value=True):
        """Add to the value."""
        return self.assign(self + value, read_value=read_value)

    def assign_sub(self, value, use_locking=False, name=None, read_value=True):
        """Subtract from the value."""
        return self.assign(self - value, read_value=read_value)

    def __iadd__(self, other):
        return self + other

    def __isub__(self, other):
        return self - other

    def __imul__(self, other):
        return self * other

    def __itruediv__(self, other):
        return self / other

    def __repr__(self):
        value = f", value={self._t._a}"
        return f"<Variable path={self.path}, shape={tuple(self._shape)}, dtype={self.dtype}{value}>"


Variable.__name__ = Variable.__qualname__ = "Variable"


def _named_by_keyword(add_weight):
    """Refuse what Keras 2 took, a name in front, with the words Keras 3 has for it."""

    @functools.wraps(add_weight)
    def checked(self, *args, **kwargs):
        if args and isinstance(args[0], str):
            raise ValueError(
                f"`name` must be passed as a keyword argument. Received: add_weight({args[0]!r}, "
                f"...). Use: add_weight(shape=..., name={args[0]!r})."
            )
        return add_weight(self, *args, **kwargs)

    return checked


class _Unmade:
    """What `__init__` makes, before it has run: an error that says so."""

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        raise RuntimeError(
            f"In layer `{owner.__name__}`, you forgot to call `super().__init__()` as the first "
            "statement in the `__init__()` method."
        )


class Stateful(Configured):
    """What layers and metrics share: a name, variables of their own, attributes that are found."""

    _weights = name = _np = _Unmade()

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls)
        vars(made).update(_tracked={}, _locked=False)  # attributes may be set before `__init__` runs
        return made

    def __init__(self, name=None, dtype=None):
        vars(self).setdefault("_weights", [])
        self.name = unique_name(snake_case(type(self).__name__)) if name is None else str(name)
        self._np = as_dtype("float32" if dtype is None else getattr(dtype, "name", dtype))._np

    def __setattr__(self, name, value):
        if isinstance(value, (Variable, Stateful, list, tuple, dict)):
            inside = _contents(value, [])
            if self._locked and any(isinstance(x, (Variable, Layer)) for x in inside):
                known = {id(x) for x in (*self._weights, *self._held())}
                if not all(id(x) in known for x in inside):
                    self._refuse_state()
            # a tuple cannot change; what add_weight made is known
            if inside or not isinstance(value, tuple):
                if not any(value is v for v in vars(self).get("_weights", ())):
                    self._tracked[name] = None
        object.__setattr__(self, name, value)
        if name in self._tracked:
            _structure.changed()
        if "_awaits" in vars(self):
            self._awaits.match()

    def __delattr__(self, name):
        object.__delattr__(self, name)
        _structure.changed()

    def _refuse_state(self):
        raise ValueError(
            "You cannot add new elements of state (variables or sub-layers) to a layer that is "
            "already built. All state must be created in the `__init__()` method or in the "
            f"`build()` method. ({self.name!r} was built by its first call or by `build()`. In "
            "`call` this would be new, and untrained, at each call.)"
        )

    dtype = property(lambda self: self._np.name, doc="The dtype of the weights, a string.")

    def _held(self):
        """Variables, layers and metrics that attributes hold, in the order they were assigned."""
        attributes, found = vars(self), []
        for name in self._tracked:
            _contents(attributes.get(name), found)
        return found

    @_named_by_keyword
    def add_weight(
        self, shape=None, initializer=None, dtype=None, trainable=True, autocast=True,
        regularizer=None, constraint=None, aggregation="none",
        overwrite_with_gradient=False, name=None,
    ):  # fmt: skip
        """Make a variable that belongs to this object.

        Args:
          shape: of the variable, () by default. initializer: name, function or object;
            'glorot_uniform' by default, 'zeros' for integers.
          regularizer: name, function or object; what it returns appears among `losses`.
          constraint: applied by optimizers after each update.
        Returns:
          A `Variable`.
        Raises:
          ValueError: the layer is built already.
        """
        if self._locked:
            self._refuse_state()
        dtype, shape = as_dtype(dtype or self._np), () if shape is None else shape
        if initializer is None:
            initializer = "glorot_uniform" if dtype.is_floating else "zeros"
        outer, inner = _calls.scope, self in _calls.scope
        _calls.scope = outer if inner else (*outer, self)
        try:
            v = Variable(
                initializers.get(initializer), tuple(np.atleast_1d(shape).tolist()),
                dtype, trainable, name=name, regularizer=regularizers.get(regularizer),
                constraint=constraints.get(constraint),
            )  # fmt: skip
        finally:
            _calls.scope = outer
        self._weights.append(v)
        _structure.changed()
        if "_awaits" in vars(self):  # a checkpoint restored before this variable was made
            self._awaits.match()
        return v


_MODEL = "the model is your program, and save_weights keeps its weights"
_UNKNOWN = "it was not called on a tf.keras.Input, which can be the first layer of a Sequential"
Absent.put(Stateful, dict.fromkeys(("save", "export", "to_json"), f": {_MODEL}."))
Absent.put(
    Stateful,
    dict.fromkeys(("input", "output", "inputs", "outputs"), f": {_UNKNOWN}.")
    | {"input_shape": ": layer.input.shape is it, once the layer was called on a tf.keras.Input."},
)


def _contents(value, found):
    """Append the variables, layers and metrics in nested lists, tuples and dicts."""
    if isinstance(value, (Variable, Stateful)):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for v in value:
            if isinstance(v, Stateful):
                found.append(v)
            else:
                _contents(v, found)
    elif isinstance(value, dict):
        for v in value.values():
            _contents(v, found)
    return found


def _settled(value):
    """Whether what is in an attribute can only change by setting the attribute: no list, no dict."""
    return all(map(_settled, value)) if isinstance(value, tuple) else not isinstance(value, (list, dict))


class InputSpec:
    """What a layer demands of its input: dtype, rank, sizes of axes."""

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None):
        self.dtype, self.shape, self.ndim = dtype, shape, ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, axes or {}

    def check(self, shape, layer):
        """ValueError, in Keras's words, for an input of another shape."""
        n, problem = len(shape), None
        if self.ndim is not None and n != self.ndim:
            problem = f"expected ndim={self.ndim}, found ndim={n}. Full shape received: {shape}"
        elif self.max_ndim is not None and n > self.max_ndim:
            problem = f"expected max_ndim={self.max_ndim}, found ndim={n}"
        elif self.min_ndim is not None and n < self.min_ndim:
            problem = (
                f"expected min_ndim={self.min_ndim}, found ndim={n}. Full shape received: {shape}"
            )
        for axis, size in self.axes.items():
            if problem is None and size is not None and shape[axis] not in (size, None):
                problem = f"expected axis {axis} of input shape to have value {size}, "
                problem += f"but received input with shape {shape}"
        if problem:
            raise ValueError(
                f"Input 0 with name 'None' of layer '{layer.name}' is incompatible with the layer: "
                f"{problem}"
            )


def _checked(shape):
    """A shape as a tuple of sizes, None where one is not known; ValueError for anything else."""
    try:
        shape = tuple(shape)
        if any(n is not None and n.__index__() < 0 for n in shape):
            raise ValueError
        return tuple([n if n is None else n.__index__() for n in shape])
    except (TypeError, AttributeError, ValueError):
        raise ValueError(
            f"Cannot convert '{shape}' to a shape: a tuple of sizes that are not negative, such as (784,), "
            "with None for what is not known."
        ) from None


class KerasTensor:
    """A tensor that is only a shape and a dtype: what layers are called on to describe a model.

    `shape` has None where the size is not known, as for the batch. Made by `tf.keras.Input`.
    """

    _serial = itertools.count()

    def __init__(self, shape, dtype="float32", name=None):
        self.shape, self._np = _checked(shape), as_dtype(dtype)._np
        self.name = name or unique_name("keras_tensor")
        self.node = None  # (function, args, kwargs, all outputs): where it comes from
        self.serial = next(KerasTensor._serial)

    dtype = property(lambda self: DTypeName(self._np.name))
    ndim = property(lambda self: len(self.shape))

    def __repr__(self):
        what = f"shape={self.shape}, dtype={self.dtype}, sparse=False, ragged=False"
        return f"<KerasTensor {what}, name={self.name}>"

    def __array__(self, *args, **kwargs):
        raise ValueError(
            "A KerasTensor is symbolic: it's a placeholder for a shape and a dtype and has no "
            "value. It can be passed to layers and models, and to the operators + - * / @ and [ ]; "
            "not to tf.* functions. Put those into the `call` method of a layer."
        )

    __float__ = __int__ = __array__

    def __bool__(self):
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __iter__(self):
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")


def _operator(name):
    def method(self, *others):
        return symbolic(lambda *xs: getattr(xs[0], name)(*xs[1:]), (self, *others), {})

    return method


for _name in (
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "rpow",
    "floordiv",
    "rfloordiv",
    "mod",
    "rmod",
    "matmul",
    "rmatmul",
    "neg",
    "abs",
    "gt",
    "ge",
    "lt",
    "le",
    "getitem",
):
    setattr(KerasTensor, f"__{_name}__", _operator(f"__{_name}__"))


def map_leaves(f, x):
    """`f` applied inside lists, tuples and dicts."""
    if isinstance(x, (list, tuple)):
        return (
            type(x)(*[map_leaves(f, v) for v in x])
            if hasattr(x, "_fields")
            else type(x)(map_leaves(f, v) for v in x)
        )
    return {k: map_leaves(f, v) for k, v in x.items()} if isinstance(x, dict) else f(x)


def leaves(x):
    """The leaves of nested lists, tuples and dicts, dicts in their own order."""
    found = []
    map_leaves(found.append, x)
    return found


def is_symbolic(*values):
    """Whether a KerasTensor is among the leaves."""
    return any(isinstance(leaf, KerasTensor) for leaf in leaves(values))


def shapes_of(x):
    """The shapes of tensors, as plain tuples, in a structure like theirs."""
    return map_leaves(lambda t: tuple(t.shape) if hasattr(t, "shape") else None, x)


def placeholders(shape):
    """KerasTensors of a shape, or of a list of shapes."""
    nested = shape and isinstance(shape[0], (list, tuple))
    return [KerasTensor(s) for s in shape] if nested else KerasTensor(shape)


_building_now = threading.RLock()


def symbolic(function, args, kwargs):
    """Call `function` on KerasTensors: the outputs are some too, and remember what made them.

    Shapes are found by calling it on zeros, twice, with different numbers for the unknown sizes.
    """

    def probe(k):
        def stand_in(t):
            if not isinstance(t, KerasTensor):
                return t
            sizes = [(k if i == 0 else 32 + k) if n is None else n for i, n in enumerate(t.shape)]
            return Tensor(np.zeros(sizes, t._np))

        root, _calls.root = _calls.root, KerasTensor  # not a call whose losses count
        try:
            with only():
                return function(*map_leaves(stand_in, args), **map_leaves(stand_in, kwargs))
        finally:
            _calls.root = root

    held = [(v, v._t) for v in function.variables] if isinstance(function, Layer) else []
    try:
        one, two = probe(1), probe(2)
    finally:
        for v, t in held:  # zeros are no batch to learn from
            v._t = t
    others = iter(leaves(two))

    def describe(t):
        shape = zip(t.shape, next(others).shape)
        return KerasTensor([a if a == b else None for a, b in shape], t.dtype.name)

    outputs = map_leaves(describe, one)
    for z in leaves(outputs):
        z.node = (function, args, kwargs, outputs)
    return outputs


class Layer(Stateful):
    """A function with weights: subclass it, make the weights in `build`, compute in `call`.

    Once it is built, no weights and no inner layers can be added.

    Args:
      trainable: whether the weights are listed among `trainable_variables`. dtype: of weights and
        computation, float32 by default: floating inputs of another dtype are cast.
      name: by default the class's name in snake case, counted. activity_regularizer: a function of
        the output whose value is added to `losses`.
    Raises:
      ValueError: when called on a tensor of a shape that the layer cannot take.

    >>> import tapelab as tf
    >>> class Scale(tf.keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.c = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="c")
    ...     def call(self, x):
    ...         return x * self.c
    >>> layer = Scale()
    >>> layer([[1.0, 2.0]]).numpy().tolist(), [v.path for v in layer.trainable_variables]
    ([[1.0, 2.0]], ['scale/c'])
    """

    _trainable = autocast = _Unmade()
    _known: tuple = (None, [])  # the answer of trainable_weights, and the state of `_structure` it is for
    _locks = True  # whether building ends the time for making weights and inner layers
    _training_default = None  # what `call` takes when nobody says: then inner layers are told, too
    _builds_for = ("input_shape",)  # the parameters of `build`
    _called_with = ()  # the parameters of `call`
    _training_at = None  # position of `training` among call's parameters, None if it has none
    input_spec: InputSpec | None = None
    _any_losses = (
        False  # whether any layer has ever called add_loss: calls need not clear them before
    )

    def __init__(
        self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None,
        **kwargs,
    ):  # fmt: skip
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. Received: "
                f"name={name} (of type {type(name)})"
            )
        super().__init__(name, dtype)
        shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}. The "
                "arguments every layer takes are name, dtype, trainable, autocast and "
                "activity_regularizer."
            )
        if shape is not None:
            warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using "
                "Sequential models, prefer using an `Input(shape)` object as the first layer in "
                "the model instead."
            )
        vars(self).update(
            built=False, autocast=autocast, output_shape=None,
            activity_regularizer=regularizers.get(activity_regularizer),
            _trainable=bool(trainable), _losses=[], _called=False, _fits=None, _given_shape=shape,
        )  # fmt: skip

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls._builds_for = (*inspect.signature(cls.build).parameters,)[1:]
            cls.build = _building(cls.build)
        if "call" in vars(cls):
            parameters = inspect.signature(cls.call).parameters
            cls._called_with = (*parameters,)[1:]
            takes = "training" in parameters
            cls._training_at = list(parameters).index("training") - 1 if takes else None
            default = parameters["training"].default if takes else None
            cls._training_default = None if default is inspect.Parameter.empty else default

    # -- to be overridden

    def build(self, input_shape):
        """Make the weights, knowing the input's shape (None for sizes that are not known)."""
        self.built = True

    def call(self, *args, **kwargs):
        """Compute. TensorFlow operations and other layers may be used."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call()` method implemented."
        )

    # -- calling

    compute_dtype = property(lambda self: self.dtype, doc="The dtype of the computation, a string.")
    variable_dtype = compute_dtype

    def __call__(self, *args, **kwargs):
        if (
            len(args) != 1 or type(args[0]) is not Tensor or args[0]._a.dtype is not self._np
            or kwargs and (len(kwargs) > 1 or "training" not in kwargs)
        ):  # fmt: skip
            if not args and self._called_with[:1] and self._called_with[0] in kwargs:
                args = (kwargs.pop(self._called_with[0]),)
            args = tuple([self._convert(x) for x in args])
            kwargs = {
                k: self._convert(x) if k not in ("training", "mask") else x
                for k, x in kwargs.items()
            }
            if is_symbolic(args, kwargs):
                return self._symbolic_call(args, kwargs)
            # A number may be meant for a layer that a user writes.
            if args and not isinstance(args[0], (Tensor, list, tuple, dict, int)):
                self._refuse_input(args[0])
        x = args[0] if args else None
        if not self.built:
            self._build_once(args, kwargs)
        if self.input_spec is not None and (not isinstance(x, Tensor) or x._a.shape != self._fits):
            if not isinstance(x, Tensor):
                self._refuse_input(x)
            self.input_spec.check(x._a.shape, self)
            object.__setattr__(self, "_fits", x._a.shape)
        outer_training, outer_root = _calls.training, _calls.root
        given, at = "training" in kwargs, self._training_at
        training = kwargs.pop("training") if given else None
        if at is not None and len(args) > at:
            training = args[at]
        elif training is None:
            training = outer_training
            if training is None and not given:
                training = self._training_default
        if at is not None and (given or training is not None) and len(args) <= at:
            kwargs["training"] = training
        if outer_root is not None and training is outer_training:  # an inner layer, told nothing
            z = self.call(*args, **kwargs) if self._called else self._first_call(args, kwargs)
        else:
            _calls.training = training
            if outer_root is None:
                _calls.root = self
                if Layer._any_losses:
                    self._forget_losses()
            try:
                z = self.call(*args, **kwargs) if self._called else self._first_call(args, kwargs)
            finally:
                _calls.training, _calls.root = outer_training, outer_root
        if self.activity_regularizer is not None:
            for part in leaves(z):
                batch = max(1, part._a.shape[0] if part._a.ndim else 1)
                self.add_loss(self.activity_regularizer(part) / batch)
        return z

    def _refuse_input(self, x):
        raise ValueError(
            f"Inputs to a layer should be tensors. Got {x!r} (of type {type(x)}) as input for layer "
            f"'{self.name}'."
        )

    def _convert(self, x):
        """Arrays and numbers as tensors of the layer's dtype if they are floating."""
        if isinstance(x, (list, tuple)) and not any(
            isinstance(v, (int, float, bool)) for v in leaves(x)
        ):
            return map_leaves(self._convert, x)
        if isinstance(x, dict):
            return map_leaves(self._convert, x)
        if isinstance(x, (np.ndarray, np.generic, float, list)):
            x = as_tensor(x)
        if isinstance(x, _Variable):
            x = x._read()
        if (
            isinstance(x, Tensor)
            and self.autocast
            and x._a.dtype is not self._np
            and x._a.dtype.kind == "f"
        ):
            x = cast(x, self._np) if x._a.dtype != self._np else x
        return x

    def _build_once(self, args, kwargs):
        with _building_now:  # two threads may make the first call together
            if not self.built:
                self._check_call(args, kwargs)
                self._build_for(args, kwargs)
                vars(self)["_locked"] = self._locks

    def _check_call(self, args, kwargs):
        """TypeError, before anything is made, for arguments that `call` does not take."""
        known = self._called_with
        given = {k: v for k, v in kwargs.items() if k in known or k not in ("training", "mask")}
        if self._training_at is not None and len(args) <= self._training_at:
            given["training"] = None  # it is told in any case
        try:
            inspect.signature(self.call).bind(*args, **given)
        except TypeError as e:
            layer = f"Layer '{self.name}' ({type(self).__name__})"
            raise TypeError(f"{layer} was not called as its `call` wants it: {e}.") from None

    def _build_for(self, args, kwargs):
        if self.input_spec is not None and args:
            if not isinstance(args[0], (Tensor, KerasTensor)):
                self._refuse_input(args[0])
            self.input_spec.check(tuple(args[0].shape), self)
        given = dict(zip(self._called_with, args)) | kwargs
        several = {f"{k}_shape": shapes_of(x) for k, x in given.items() if k not in ("training", "mask")}
        several = {k: shape for k, shape in several.items() if k in self._builds_for}
        if len(self._builds_for) > 1 and several:
            self.build(**several)
        else:
            given = args or [x for k, x in kwargs.items() if k != "training"]
            self.build(shapes_of(given[0]) if given else None)
        self.built = True

    def _first_call(self, args, kwargs):
        """A call that may make weights: it gives their paths this layer's name."""
        with _Scope(self):
            z = self.call(*args, **kwargs)
        object.__setattr__(self, "_called", True)
        if self.output_shape is None:
            vars(self)["output_shape"] = map_leaves(
                lambda t: (None, *t.shape[1:]) if hasattr(t, "shape") else None, z
            )
        return z

    def _symbolic_call(self, args, kwargs):
        if not self.built:
            with _Scope(*_calls.scope):
                self._build_once(args, kwargs)
        if self.input_spec is not None:
            self.input_spec.check(leaves(args)[0].shape, self)
        z = symbolic(self, args, kwargs)
        self._forget_losses()
        vars(self)["output_shape"] = z.shape if isinstance(z, KerasTensor) else shapes_of(z)
        vars(self).setdefault("input", args[0] if len(args) == 1 else args)
        vars(self).setdefault("output", z)
        return z

    def compute_output_shape(self, input_shape):
        """The shape that `call` returns for an input of this shape (None for unknown sizes)."""
        return shapes_of(self(placeholders(input_shape)))

    # -- weights

    @property
    def weights(self):
        """All variables: the layer's own, trainable ones first, then those of its inner layers."""
        found = {}
        self._collect(found)
        return list(found.values())

    def _collect(self, found, around=()):
        """Add id -> variable for all variables of this layer; `around` it are layers at work already.

        Returns whether the answer holds until `_structure` changes: a list or dict may change unseen.
        """
        own, inner, last, settled = self._weights, [], [], True
        if self._tracked:
            own = own.copy()
            settled = all(map(_settled, map(vars(self).get, self._tracked)))
            for x in self._held():
                if isinstance(x, Layer):
                    inner.append(x)
                elif isinstance(x, Variable):
                    own.append(x)
        for v in own:
            if v._trainable:
                found[id(v)] = v
            else:
                last.append(v)
        for v in last:
            found[id(v)] = v
        if inner:
            around = (*around, self)
            for layer in inner:
                if layer not in around:  # two layers may hold each other
                    settled &= layer._collect(found, around)
        return settled

    variables = property(lambda self: self.weights, doc="The same as `weights`.")

    @property
    def trainable_weights(self):
        """The variables that training changes."""
        state, (known, variables) = _structure.state, self._known
        if known is not state:  # every step of a training asks, mostly twice
            found: dict = {}
            settled = not self._trainable or self._collect(found)
            variables = [v for v in found.values() if v._listed]
            vars(self)["_known"] = state if settled else None, variables
        return variables.copy()

    @property
    def non_trainable_weights(self):
        """The variables that training leaves alone."""
        return [v for v in self.weights if not v._listed] if self._trainable else self.weights

    trainable_variables = property(
        lambda self: self.trainable_weights, doc="The same as `trainable_weights`."
    )
    non_trainable_variables = property(lambda self: self.non_trainable_weights)

    @property
    def trainable(self):
        """Whether the weights are trained; setting it reaches the inner layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        vars(self)["_trainable"] = bool(value)
        for x in itertools.chain(self._weights, self._held()):
            if isinstance(x, Layer) or isinstance(x, Variable) and x._trainable:
                x.trainable = value

    def _inner(self):
        """The layers directly inside this one, each once."""
        return list({id(x): x for x in self._held() if isinstance(x, Layer)}.values())

    def _flatten_layers(self):
        """This layer and all inside it."""
        found, todo = {}, [self]
        while todo:
            layer = todo.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                todo += reversed(layer._inner())
        return list(found.values())

    def get_weights(self):
        """The values of `weights`, as a list of arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights):
        """Replace the values of all `weights`; ValueError, and no change, if they do not fit."""
        if not isinstance(weights, (list, tuple, np.ndarray)):
            raise TypeError(f"`set_weights` takes a list of arrays, not {weights!r}.")
        variables, arrays = self.weights, [np.asarray(w) for w in weights]
        if len(variables) != len(arrays):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of "
                f"length {len(arrays)}, but the layer was expecting {len(variables)} weights."
            )
        for v, a in zip(variables, arrays):
            if v.shape != a.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {tuple(v.shape)} ({v.path}) is not compatible "
                    f"with provided weight shape {a.shape}."
                )
        arrays = [cast(as_tensor(a), v.dtype) for v, a in zip(variables, arrays)]
        for v, a in zip(variables, arrays):
            v.assign(a)

    def get_config(self):
        """The arguments that make such a layer, as far as attributes of their names hold them.

        `from_config` makes one, with new weights.
        """
        own = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        unset = {"autocast": True, "activity_regularizer": None}  # Keras names these only if they are set
        return own | {k: v for k, v in super().get_config().items() if (k, v) not in unset.items()}

    def count_params(self):
        """The number of scalars in the weights. ValueError when the layer is not built."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't "
                "built. You can build it manually via: `layer.build(input_shape)`."
            )
        return sum(math.prod(v.shape) for v in self.weights)

    # -- losses

    def add_loss(self, loss):
        """Add a scalar tensor (or a list of them) that `losses` will list until the next call."""
        added = loss if isinstance(loss, (list, tuple)) else [loss]
        for x in added:
            if not isinstance(x, (Tensor, _Variable, int, float, np.number)):
                raise ValueError(f"`add_loss` takes a scalar tensor. Received invalid value: {x!r}")
        self._losses.extend(added)
        Layer._any_losses = True

    def _forget_losses(self):
        for layer in self._flatten_layers():
            layer._losses.clear()

    @property
    def losses(self):
        """What `add_loss` and the weights' regularizers add to the loss, as a list of tensors."""
        layers = self._flatten_layers() if Layer._any_losses else ()
        found = [loss for layer in layers for loss in layer._losses]
        return found + [
            v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None
        ]

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


class _Scope:
    """While it is open, variables made get these layers' names in front of theirs."""

    def __init__(self, *layers):
        self.layers = layers

    def __enter__(self):
        self.saved = _calls.scope
        _calls.scope += tuple(x for x in self.layers if x not in self.saved)

    def __exit__(self, *exception):
        _calls.scope = self.saved


def _building(build):
    """What is wrapped around a subclass's `build`: paths of variables, and the mark that it ran."""

    @functools.wraps(build)
    def wrapped(self, *args, **kwargs):
        outermost, before = self not in _calls.scope, len(self._weights)
        try:
            with _Scope(self):
                build(self, *args, **kwargs)
        except BaseException:
            del self._weights[before:]  # the next try makes them again
            _structure.changed()
            raise
        self.built = True
        vars(self)["_locked"] = self._locks and outermost

    return wrapped
