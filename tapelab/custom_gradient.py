"""Gradients of one's own: custom_gradient, recompute_grad, grad_pass_through."""

import functools
import inspect
import types

import numpy as np

from . import nest
from .primitive import P, Primitive, dtype, record
from .tape import GradientTape, UnconnectedGradients
from .tensor import Tensor, Variable, active, as_tensor, only


class _Reads:
    """Stands among the tapes and notes which variables are read."""

    _tracked: frozenset = frozenset()

    def __init__(self):
        self.variables = {}

    def _accessed(self, v):
        self.variables[id(v)] = v

    def _assigned(self, variable, source):
        pass

    def _left(self, tensor):
        pass

    def _cut(self, p, z, inputs):
        pass

    def __enter__(self):
        active.tapes = (*active.tapes, self)
        return self

    def __exit__(self, *exception):
        active.tapes = tuple(t for t in active.tapes if t is not self)


def _joint(gs, zs, xs, grad_fn, places, count, variables, name):
    """The user's function: cotangents of all outputs in, cotangents of all inputs out."""
    boxed = bool(gs) and isinstance(gs[0], Tensor)
    upstream = [g if isinstance(g, Tensor) else Tensor(g) for g in gs]
    if variables:
        answer = grad_fn(*upstream, variables=list(variables))
        if not isinstance(answer, (list, tuple)) or len(answer) != 2:
            raise ValueError(
                f"{name}: with variables, grad_fn must return a pair (gradients of the inputs, gradients "
                f"of the variables)."
            )
        answer, of_variables = answer
        of_variables = nest.flatten(of_variables)
        if len(of_variables) != len(variables):
            raise ValueError(
                f"Must return gradient for each variable from @custom_gradient grad_fn: expected "
                f"{len(variables)}, got {len(of_variables)}."
            )
    else:
        answer, of_variables = grad_fn(*upstream), []
    found = nest.flatten(answer) if isinstance(answer, (list, tuple, dict)) else [answer]
    if len(found) != count:
        raise ValueError(
            f"custom_gradient function expected to return {count} gradients, but returned {len(found)} "
            f"instead. It must return one for each argument of {name} (None where there is none)."
        )
    found = [found[i] for i in places] + of_variables
    return [_plain(g, boxed, dtype(x)) for g, x in zip(found, xs)]


def _plain(g, boxed, own):
    """What the walk works with: tensors when boxed, arrays otherwise; numbers stay as they are.

    NumPy values take the argument's dtype, `own`, as beside any tensor.
    """
    if isinstance(g, Variable):
        g = as_tensor(g)
    if isinstance(g, Tensor):
        return g if boxed else g._a
    if isinstance(g, (np.ndarray, np.generic)):
        g = np.array(g, own if own.kind in "fc" and g.dtype.kind in "iuf" else g.dtype)[()]
        return Tensor(g) if boxed else g
    return g


_CUSTOM = Primitive("CustomGradient", None, joint=_joint, batched=False, real=True)


def custom_gradient(f=None):
    """Decorator for a function that brings its own gradient.

    The function returns `(result, grad_fn)`. The caller gets the result; a tape records `grad_fn`
    instead of the operations inside. `grad_fn` gets one cotangent per output (zeros for outputs
    that were not used) and returns one gradient per argument (None where there is none). When
    trainable variables were read inside, `grad_fn` must accept `variables=` and return a pair:
    the gradients of the arguments, and a list with one gradient per variable.

    Values captured by `grad_fn` stay differentiable for outer tapes, so second derivatives are right.

    Raises:
      TypeError: variables were used and grad_fn takes no `variables`; grad_fn is not callable.
      ValueError (when the gradient is asked for): a wrong number of gradients.

    >>> import tapelab as tf
    >>> @tf.custom_gradient
    ... def log1pexp(x):
    ...     e = tf.exp(x)
    ...     return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
    >>> x = tf.constant(100.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = log1pexp(x)
    >>> float(tape.gradient(y, x))
    1.0
    """
    return custom_gradient if f is None else _Custom(f)


class _Custom:
    """A function with a gradient of its own; used as a method, `self` is no argument of it."""

    def __init__(self, f):
        functools.update_wrapper(self, f)
        self._f = f

    def __call__(self, *args, **kwargs):
        return _apply(self._f, args, kwargs)

    def __get__(self, instance, owner=None):
        return self if instance is None else _Custom(types.MethodType(self._f, instance))


def _apply(f, args, kwargs):
    with _Reads() as reads:
        returned = f(*args, **kwargs)
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        kind = ValueError if isinstance(returned, (tuple, list)) else TypeError
        raise kind(
            f"A function under tf.custom_gradient returns (result, grad_fn), and {f} returned "
            f"{returned!r}."
        )
    result, grad_fn = returned
    flat = nest.flatten(list(args))
    given = {id(x) for x in nest.flatten([args, kwargs]) if isinstance(x, Variable)}
    variables = [v for v in reads.variables.values() if v._trainable and id(v) not in given]
    if not callable(grad_fn):
        raise TypeError(
            f"unsupported callable: {grad_fn!r} was returned as the gradient function of {f}"
        )
    _check_signature(grad_fn, variables)
    outputs = [as_tensor(x) for x in nest.flatten(result)]
    fresh = [Tensor(x._a) for x in outputs]
    if active.tapes:
        places = [i for i, x in enumerate(flat) if isinstance(x, (Tensor, Variable))]
        inputs = [flat[i]._read() if isinstance(flat[i], Variable) else flat[i] for i in places]
        inputs += [v._read() for v in variables]
        attrs = {
            "grad_fn": grad_fn, "places": places, "count": len(flat), "variables": variables,
            "name": getattr(f, "__name__", "the function"),
        }  # fmt: skip
        # A tape that tracks no input would not record this; it has what was done inside.
        keys = set(map(id, inputs))
        outside = [t for t in active.tapes if keys.isdisjoint(t._tracked)]
        with only(*(t for t in active.tapes if t not in outside)):
            record(_CUSTOM, attrs, tuple(fresh), inputs)
        with only(*outside):
            for z, x in zip(fresh, outputs):
                record(P.identity, {}, z, [x])
    return nest.pack_sequence_as(result, fresh)


def _check_signature(grad_fn, variables):
    if not variables:
        return
    try:
        spec = inspect.getfullargspec(grad_fn)
    except TypeError:
        return
    if "variables" not in spec.args and "variables" not in spec.kwonlyargs and not spec.varkw:
        raise TypeError(
            f"@tf.custom_gradient grad_fn must accept keyword argument 'variables', since function uses "
            f"variables: {variables}. Write def grad_fn(upstream, variables=None) and return "
            f"(gradients of the arguments, [one gradient per variable])."
        )


def recompute_grad(f):
    """`f`, run again during the backward pass instead of keeping its intermediate results.

    Saves memory at the price of a second forward pass; the gradients are the same.

    >>> import tapelab as tf
    >>> f = tf.recompute_grad(lambda x: tf.sin(x) * x)
    >>> x = tf.Variable(2.0)
    >>> with tf.GradientTape() as tape:
    ...     y = f(x)
    >>> print(f"{float(tape.gradient(y, x)):.4f}")
    0.0770
    """

    known = (Tensor, Variable)

    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        @custom_gradient
        def inner(*args, **kwargs):
            with only(*(t for t in active.tapes if isinstance(t, _Reads))):  # keep nothing inside
                result = f(*args, **kwargs)

            def grad_fn(*upstream, variables=None):
                variables = list(variables or [])
                with GradientTape() as tape:
                    # Copies: an argument given twice has two gradients, one for each place.
                    copies = nest.map_structure(
                        lambda x: P.identity(as_tensor(x)) if isinstance(x, known) else x,
                        list(args),
                    )
                    sources = [x for x in nest.flatten(copies) if isinstance(x, Tensor)]
                    tape.watch(sources + variables)
                    again = f(*copies, **kwargs)
                found = tape.gradient(
                    again, sources + variables, list(upstream), UnconnectedGradients.ZERO
                )
                of_args = iter(found[: len(sources)])
                answer = [
                    next(of_args) if isinstance(x, known) else None
                    for x in nest.flatten(list(args))
                ]
                return (answer, found[len(sources) :]) if variables else answer

            return result, grad_fn

        return inner(*args, **kwargs)

    wrapper.__wrapped__ = f
    return wrapper


def grad_pass_through(f):
    """`f` forward, the identity backward: its gradient is passed on unchanged.

    >>> import tapelab as tf
    >>> x = tf.Variable([1.4, 2.6])
    >>> with tf.GradientTape() as tape:
    ...     y = tf.grad_pass_through(tf.round)(x)
    >>> tape.gradient(y, x).numpy().tolist()
    [1.0, 1.0]
    """

    @custom_gradient
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        result = f(*args, **kwargs)
        result = nest.map_structure(lambda r: as_tensor(r), result)

        def grad_fn(*upstream, variables=None):
            found = upstream[0] if len(upstream) == 1 else list(upstream)
            return (found, [None] * len(variables)) if variables else found

        return result, grad_fn

    return wrapper
