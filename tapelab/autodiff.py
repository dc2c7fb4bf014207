"""tf.autodiff: forward mode; and derivatives of functions, for people who think in functions.

A VJP is linear in its cotangent, so the VJP of the VJP is the JVP. Everything here is thin over
the tape; of TensorFlow's, only `ForwardAccumulator` stands in `tf.autodiff`.
"""

import functools

import numpy as np

from . import nest
from .tape import GradientTape, UnconnectedGradients, _wants_zeros, _zeros, densify
from .tensor import (
    Tensor,
    Variable,
    active,
    as_source,
    as_tensor,
    convert_to_tensor,
    function_of,
    only,
)


class ForwardAccumulator:
    """Computes Jacobian-vector products of everything calculated in its block.

    Args:
      primals: tensor, variable or structure of them. tangents: the same structure, one per primal.
    Raises:
      ValueError: structures that differ, or a primal given twice.

    >>> import tapelab as tf
    >>> x = tf.constant([1.0, 2.0])
    >>> with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as acc:
    ...     y = tf.reduce_sum(x ** 2)
    >>> float(acc.jvp(y))
    2.0
    """

    def __init__(self, primals, tangents):
        nest.assert_same_structure(primals, tangents)
        self._primals = [as_source(p) for p in nest.flatten(primals)]
        self._tangents = []
        for p, t in zip(self._primals, nest.flatten(tangents)):
            self._tangents.append(as_tensor(t, p.dtype._np))
        seen = set()
        for p in self._primals:
            if id(p) in seen:
                raise ValueError(
                    f"Tensor {p!r} was specified as a primal multiple times. This may indicate an error. If "
                    f"it was intended, please sum the corresponding tangents."
                )
            seen.add(id(p))
        self._tape = GradientTape(persistent=True, watch_accessed_variables=False)
        self._tape._clear()  # what was watched before the block counts
        self._tape.watch(self._primals)
        self._around = ()  # tapes around the block: what is asked here is recorded there

    def __enter__(self):
        if self._tape._recording:
            raise ValueError("Accumulator is already recording.")
        self._around = tuple(t for t in active.tapes if isinstance(t, GradientTape))
        self._tape.__enter__()
        self._tape.watch([p for p in self._primals if isinstance(p, Variable)])  # what it holds now
        return self

    def __exit__(self, *exception):
        self._tape.__exit__(*exception)

    def jvp(self, primals, unconnected_gradients=UnconnectedGradients.NONE):
        """The Jacobian-vector products of results: their rates of change along the tangents.

        Tapes and accumulators around this one's block see the products, as they see the results.

        Args:
          primals: tensor or structure of them, computed in the block.
        Returns:
          The same structure; None (or zeros) where nothing depends on the primals given at first.
        """
        zero = _wants_zeros(unconnected_gradients)
        return nest.map_structure(lambda p: self._one(p, zero), primals)

    def _one(self, target, zero):
        z = target._t if isinstance(target, Variable) else as_source(target)
        tape, rate = self._tape, None
        # As if the rate had been computed when its value was, whenever it is asked for.
        with only(*(t for t in self._around if t._records is not None)):
            if id(z) in tape._tracked:
                # Pull a dummy cotangent back, on a tape; then pull the tangents back through that.
                dummy = Tensor(np.ones(z._a.shape, z._a.dtype)[()])
                with GradientTape(watch_accessed_variables=False) as transpose:
                    transpose.watch(dummy)
                    found = tape._pull(tape._records, {id(z): (z, dummy)}, self._primals)
                    pairs = [
                        (densify(g), t) for g, t in zip(found, self._tangents) if g is not None
                    ]
                if pairs:
                    gs, ts = zip(*pairs)
                    rate = transpose.gradient(list(gs), dummy, output_gradients=list(ts))
        return _zeros(target) if rate is None and zero else rate


# ---------------------------------------------------------------- derivatives of functions


def _tensors(args):
    """Arguments as tensors: what is a tensor stays itself, so that outer tapes recognise it.

    A list of numbers is one tensor; a structure with tensors or arrays in it stays a structure.
    """

    def one(a):
        return a if isinstance(a, (Tensor, Variable)) else convert_to_tensor(a)

    def holds(a):
        return any(isinstance(v, (Tensor, Variable, np.ndarray)) for v in nest.flatten(a))

    return [nest.map_structure(one, a) if nest.is_nested(a) and holds(a) else one(a) for a in args]


def _taped(f, args, argnums):
    """Run f on a tape of its own. (tape, result, the arguments to differentiate)"""
    function_of(f, "f")
    args = _tensors(args)
    many = isinstance(argnums, (tuple, list))
    chosen = [args[i] for i in argnums] if many else args[argnums]
    tape = GradientTape(persistent=True, watch_accessed_variables=False)
    with tape:
        tape.watch(chosen)
        result = f(*args)
    return tape, result, tuple(chosen) if many else chosen


def _scalar_result(f, y):
    y = as_source(y)
    if y.shape.rank:
        raise ValueError(
            f"{getattr(f, '__name__', 'the function')} must return a scalar for a gradient, got "
            f"shape {y.shape}. Reduce "
            f"it (tf.reduce_sum), or ask for the jacobian."
        )
    return y


def _gradient(tape, y, chosen, cotangent=None):
    """Gradients as tensors: rows of a gather are added up here, where outer tapes see it."""
    found = tape.gradient(y, chosen, output_gradients=cotangent, unconnected_gradients="zero")
    return nest.map_structure(convert_to_tensor, found)


def value_and_grad(f, argnums=0):
    """A function that returns f's scalar value and its gradient with respect to some arguments.

    Args:
      f: function of tensors returning a scalar. argnums: position of an argument, or several.
    Returns:
      Function of the same arguments returning (value, gradient); gradients have the arguments'
      structure, zeros where f does not depend on them.
    Raises (when called):
      ValueError: f's result is not a scalar.

    >>> from tapelab import autodiff
    >>> value, slope = autodiff.value_and_grad(lambda x: x ** 2)(3.0)
    >>> float(value), float(slope)
    (9.0, 6.0)
    """

    @functools.wraps(f)
    def wrapper(*args):
        tape, y, chosen = _taped(f, args, argnums)
        return y, _gradient(tape, _scalar_result(f, y), chosen)

    return wrapper


def grad(f, argnums=0):
    """The gradient function of a scalar function; nest it for higher orders.

    >>> from tapelab import autodiff
    >>> float(autodiff.grad(autodiff.grad(lambda x: x ** 3))(2.0))
    12.0
    """

    @functools.wraps(f)
    def wrapper(*args):
        return value_and_grad(f, argnums)(*args)[1]

    return wrapper


def vjp(f, *primals):
    """f's value at `primals`, and the function that pulls a cotangent of it back to the primals.

    >>> import tapelab as tf
    >>> y, pull = tf.autodiff.vjp(lambda x: x * [3.0, 4.0], 2.0)
    >>> float(pull(tf.constant([1.0, 10.0]))[0])
    43.0
    """
    tape, y, chosen = _taped(f, primals, tuple(range(len(primals))))

    def pull(cotangent):
        return _gradient(tape, y, chosen, cotangent)

    return y, pull


def jvp(f, primals, tangents):
    """f's value at `primals`, and its rate of change along `tangents` (both lists, one per argument).

    >>> import tapelab as tf
    >>> y, rate = tf.autodiff.jvp(tf.sin, [0.0], [2.0])
    >>> float(rate)
    2.0
    """
    function_of(f, "f")
    for given, what in ((primals, "primals"), (tangents, "tangents")):
        if not isinstance(given, (list, tuple)):
            raise TypeError(f"`{what}` must be a list, one per argument of f; got {given!r}.")
    args = _tensors(primals)
    along = nest.map_structure(
        lambda a, t: as_tensor(t, a.dtype._np), args, list(tangents), check_types=False
    )
    with ForwardAccumulator(args, along) as acc:
        y = f(*args)
    return y, acc.jvp(y, unconnected_gradients="zero")


def jacobian(f, argnums=0, direction=None, memory_budget=None):
    """The Jacobian function of f: result.shape + argument.shape. Keywords as for `tape.jacobian`.

    >>> from tapelab import autodiff
    >>> autodiff.jacobian(lambda x: x * x)([1.0, 2.0]).numpy().tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """

    @functools.wraps(f)
    def wrapper(*args):
        tape, y, chosen = _taped(f, args, argnums)
        return tape.jacobian(
            y,
            chosen,
            unconnected_gradients="zero",
            direction=direction,
            memory_budget=memory_budget,
        )

    return wrapper


def hessian(f, argnums=0, memory_budget=None):
    """The Hessian function of a scalar f: argument.shape + argument.shape.

    >>> from tapelab import autodiff
    >>> autodiff.hessian(lambda x: x[0] ** 2 * x[1])([1.0, 2.0]).numpy().tolist()
    [[4.0, 2.0], [2.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums, memory_budget=memory_budget)


def hvp(f, primal, tangent):
    """The Hessian of a scalar f at `primal` times a vector, without forming the Hessian.

    The gradient of f is pulled back along the vector (Pearlmutter, 1994).

    >>> from tapelab import autodiff
    >>> autodiff.hvp(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], [1.0, 0.0]).numpy().tolist()
    [4.0, 2.0]
    """
    return vjp(grad(f), primal)[1](as_tensor(tangent, _tensors([primal])[0].dtype._np))[0]


class GradientCheckError(AssertionError):
    """A gradient does not agree with finite differences."""


def check_gradients(f, x, order=2, delta=None, tolerance=None):
    """Compare f's derivatives with central differences, element by element.

    The numeric derivative is (f(x + delta) - f(x - delta)) / (2 delta); its error is of order
    delta^2. Work in float64 when you can: float32 leaves few digits to compare.

    Args:
      f: function of tensors returning a tensor. x: its argument, or a list of arguments (floats).
      order: 1 checks first derivatives, 2 the derivatives of those too.
      delta: step, by default the cube root of the dtype's epsilon. tolerance: largest difference
        allowed, relative to the larger of 1 and the values compared.
    Raises:
      GradientCheckError: names the argument, the element, both values and the likely cause.

    >>> import tapelab as tf
    >>> tf.autodiff.check_gradients(tf.sin, tf.constant(0.5, tf.float64))
    """
    xs = _tensors(x if isinstance(x, (list, tuple)) else [x])
    xs = [as_tensor(v) for v in xs]
    for v in xs:
        if not v.dtype.is_floating:
            raise TypeError(f"check_gradients needs float arguments, got {v.dtype!r}.")
    _compare(f, xs, delta, tolerance, "derivative")
    if order > 1:
        for i in range(len(xs)):

            def slope(*args, i=i):
                tape, y, chosen = _taped(f, args, i)
                return _gradient(tape, y, chosen)

            _compare(
                slope,
                xs,
                delta,
                tolerance,
                f"second derivative (first with respect to argument {i})",
            )


def numeric_jacobian(f, xs, i, delta=None):
    """d f / d xs[i] by central differences, shape result.shape + xs[i].shape, as a float64 array."""
    a = np.asarray(xs[i]._a)
    step = delta or float(np.cbrt(np.finfo(a.dtype).eps))

    def at(offset, k):
        moved = np.array(a).reshape(-1)
        moved[k] += offset
        args = [Tensor(moved.reshape(a.shape)[()]) if j == i else v for j, v in enumerate(xs)]
        return np.asarray(as_tensor(f(*args))._a, np.float64)

    columns = [(at(step, k) - at(-step, k)) / (2 * step) for k in range(a.size)]
    shape = np.shape(as_tensor(f(*xs))._a)
    return (
        np.stack(columns, -1).reshape(shape + a.shape) if columns else np.zeros((*shape, *a.shape))
    )


def _compare(f, xs, delta, tolerance, what):
    for i, v in enumerate(xs):
        tape, y, chosen = _taped(f, xs, i)
        taped = tape.jacobian(y, chosen)
        numeric = numeric_jacobian(f, xs, i, delta)
        exact = np.zeros_like(numeric) if taped is None else np.asarray(taped._a, np.float64)
        limit = tolerance or float(np.finfo(v.dtype._np).eps) ** 0.5 * 10
        off = np.abs(exact - numeric) / np.maximum(1, np.maximum(np.abs(exact), np.abs(numeric)))
        off = np.where(np.isnan(exact) ^ np.isnan(numeric), np.inf, off)
        bad = np.nan_to_num(off, nan=0.0, posinf=np.inf) > limit
        if bad.any():
            at = np.unravel_index(
                np.argmax(np.where(bad, np.nan_to_num(off, posinf=1e300), -1)), off.shape
            )
            n = len(as_tensor(y).shape)
            one, two = exact[at], numeric[at]
            raise GradientCheckError(
                f"The {what} of result element {tuple(map(int, at[:n]))} with respect to argument "
                f"{i}, element "
                f"{tuple(map(int, at[n:]))}: the tape says {one:.6g}, finite differences say {two:.6g}. "
                f"{_cause(taped is None, one, two, exact, numeric)}"
            )


def _cause(unconnected, one, two, exact, numeric):
    """What most often produces such a pair of values."""
    if unconnected:
        return "The tape has no path at all (the gradient is None): stop_gradient, NumPy, a cast to int?"
    if np.isnan(one):
        return (
            "The tape's value is NaN: infinity times zero in a rule; look at the argument's edge."
        )
    if one == 0:
        return "The tape's value is 0: is a path cut, or a term of the gradient forgotten?"
    if np.isclose(one, -two, rtol=1e-3):
        return "The sign is wrong."
    good = np.isfinite(exact) & (np.abs(numeric) > 1e-8)
    ratios = exact[good] / numeric[good]
    if ratios.size and np.allclose(ratios, ratios.flat[0], rtol=1e-2):
        return f"All entries are off by the factor {ratios.flat[0]:.4g}: a constant is missing in a rule."
    square = exact.ndim == 2 and exact.shape[0] == exact.shape[1]
    if square and np.allclose(exact.T, numeric, rtol=1e-2, atol=1e-6):
        return "The tape's Jacobian is transposed."
    return "A wrong rule, or a kink of the function within the step (try another point or delta)."
