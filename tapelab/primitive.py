"""What a primitive is: a forward on NumPy arrays and its gradient rules, side by side.

A rule is a vector-Jacobian product for one input: it takes the cotangent `g` of the output, the
output, and the inputs, and returns the cotangent of its input. Three things hold for every rule:

1. It runs on bare arrays when no tape is listening, and on tensors (so that it is recorded) when
   one is. Rules are therefore written with Python operators and with the primitives of the table
   `P`, which take both: arrays in, array out; a tensor in, a tensor out.
2. It counts axes from the right: `g` may have extra leading axes (a stack of cotangents), over
   which the rule maps. `lead(g, z)` tells how many there are.
3. It is linear in `g`, by construction, so that transposing it gives the forward mode.

Broadcasting is undone in one place, `unbroadcast`, for every primitive marked `broadcasts`.
"""

import functools
import warnings
from typing import Any

import numpy as np

from .errors import DtypeError, OpError, ShapeError, dtype_mismatch, shape_mismatch, wrong_dtype
from .tensor import Tensor, Variable, active, as_array, as_tensor, new

# inf and nan are values here, as in TensorFlow, not warnings. np.errstate would be entered for every
# operation; a filter for warnings raised from these modules is only looked at when there is one.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"tapelab\.")


ndarray = np.ndarray
COMPLAINTS = (
    ValueError, TypeError, IndexError, np.linalg.LinAlgError, RuntimeWarning, FloatingPointError,
)  # fmt: skip
ALL_KINDS = "fciubO"
SCALARS = tuple(np.sctypeDict.values())


class Primitive:
    """A row of the table: name, forward, rules.

    Args:
      name: TensorFlow's name for the operation; used in messages and on the tape.
      forward: function of NumPy arrays (and keyword attributes) returning an array, or a tuple.
      rules: one per input: `rule(g, z, *inputs, **attrs)`; None where no gradient flows. Without
        any the operation is not differentiable: its result is connected to nothing.
      broadcasts: inputs broadcast against each other.
      joint: instead of rules, one function for all inputs, of an operation with several outputs or
        whose rules share work: `joint(gs, zs, inputs, **attrs)` returns a list of cotangents.
      variadic: any number of inputs share the one rule, which gets the keyword `index`.
      real: the rule is right for complex numbers as it stands; otherwise rules are written for
        holomorphic functions and the walk conjugates around them (TensorFlow's convention).
      batched: False when `joint` cannot take a stack of cotangents and must be looped over.
      saves: forward and rules take a keyword `saved`, a list, None when nothing is recorded: what the
        forward puts there (arrays), the rules need not work out again on bare arrays.
      selective: `joint` takes a keyword `needed`, a list of whether each input's cotangent is asked for.
      rows: the rule takes a cotangent of rows (`IndexedSlices`) as it is, not only as a dense one.
      kinds: the dtypes of the (first) input on which the operation is defined, by NumPy's letters:
        f float, c complex, i and u integers, b booleans, O strings.
    """

    __slots__ = (
        "name", "forward", "rules", "broadcasts", "joint", "batched", "variadic", "real", "key", "plain",
        "kinds", "refused", "saves", "rows", "selective",
    )  # fmt: skip

    def __init__(
        self, name, forward, *rules, broadcasts=False, joint=None, batched=True, variadic=False,
        real=False, kinds=ALL_KINDS, saves=False, rows=False, selective=False,
    ):  # fmt: skip
        self.name, self.forward, self.rules, self.key = name, forward, rules, None
        self.broadcasts, self.joint, self.batched = broadcasts, joint, batched
        self.variadic, self.real, self.kinds, self.saves = variadic, real, kinds, saves
        self.rows, self.selective = rows, selective
        self.refused = frozenset(t for t in SCALARS if np.dtype(t).kind not in kinds)
        # A rule for each of one or two inputs: without attributes, the walk's short path will do.
        self.plain = not (variadic or joint) and len(rules) < 3

    def __call__(self, *inputs, **attrs):
        """Apply to bare arrays (result: array) or, when one input is a Tensor, to tensors."""
        for x in inputs:
            if type(x) is not ndarray and isinstance(x, Tensor):
                xs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
                if xs[0]._a.dtype.kind not in self.kinds:
                    raise wrong_dtype(self.name, xs[0].dtype)
                arrays = [x._a for x in xs]
                if self.saves and active.tapes:
                    attrs["saved"] = []
                try:
                    z = self.forward(*arrays, **attrs)
                except COMPLAINTS:
                    z = self.run(arrays, attrs)
                if type(z) is tuple:
                    z = tuple(map(Tensor, z))
                else:
                    z = Tensor(np.array(z, object) if type(z) is bytes else z)  # a single string
                if active.tapes:
                    record(self, attrs, z, xs)
                return z
        return self.forward(*inputs, **attrs)

    def run(self, arrays, attrs):
        """The forward once more, after NumPy complained: its complaints turned into ours."""
        try:
            with np.errstate(all="ignore"):  # perhaps somebody made warnings errors
                return self.forward(*arrays, **attrs)
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError) as e:
            raise self.explain(arrays, e) from e

    def explain(self, arrays, error):
        """An InvalidArgumentError that names the operation, its shapes and its dtypes."""
        if self.broadcasts and "broadcast" in str(error):
            try:
                np.broadcast_shapes(*[np.shape(a) for a in arrays])
            except ValueError:
                return shape_mismatch(self.name, *[np.shape(a) for a in arrays][:2])
        what = ", ".join(f"{a.dtype} {list(a.shape)}" for a in arrays if hasattr(a, "dtype"))
        kind = DtypeError if isinstance(error, TypeError) else ShapeError
        return kind(f"{error} [Op:{self.name}] (inputs: {what})")

    def __repr__(self):
        return f"<primitive {self.name}>"


class Table:
    """The table of primitives: `P.sin` is a row, iterating gives all of them."""

    def __iter__(self):
        return iter(vars(self).values())

    def __len__(self):
        return len(vars(self))


P: Any = Table()


def primitive(key, name, forward, *rules, **options):
    """Make a primitive and enter it in the table under `key`."""
    p = Primitive(name, forward, *rules, **options)
    if hasattr(P, key):
        raise ValueError(f"There is a primitive called {key} already.")
    p.key = key
    setattr(P, key, p)
    return p


def record(p, attrs, z, inputs):
    """Append `z = p(inputs)` to every recording tape that tracks one of the inputs."""
    if not (p.rules or p.joint):
        for tape in active.tapes:
            tape._cut(p, z, inputs)
        return
    if attrs or not p.plain:
        entry = (p, attrs, z, tuple(inputs), None)
    else:
        entry = (p, None, z, inputs[0], inputs[1] if len(inputs) > 1 else None)
    for tape in active.tapes:
        tracked = tape._tracked
        for x in inputs:
            if id(x) in tracked:
                if type(z) is tuple:
                    tracked.update(id(part) for part in z if part._a.dtype.kind in "fc")
                elif z._a.dtype.kind in "fc":
                    tracked.add(id(z))
                else:
                    tape._cut(p, z, inputs)
                    break
                tape._records.extend(entry)
                if type(z) is not tuple and z._a.dtype.kind == "c":
                    tape._complex = True
                break


# ---------------------------------------------------------------- shapes of cotangents


# Most of what rules ask about is an array, which its exact type tells first.


def bare(x):
    """The array of a tensor, for values that a rule uses as a constant."""
    return x._a if type(x) is not ndarray and isinstance(x, Tensor) else x


def shape(x):
    """The shape of an array or tensor, as a plain tuple."""
    return x.shape if type(x) is ndarray else bare(x).shape


def dtype(x):
    """The NumPy dtype of an array or tensor."""
    return x.dtype if type(x) is ndarray else bare(x).dtype


def lead(g, z):
    """How many leading axes the cotangent `g` has beyond those of its output `z`."""
    return g.ndim - z.ndim


def unbroadcast(g, to, extra):
    """Sum a cotangent over the axes that broadcasting added to or stretched from shape `to`.

    `extra` leading axes of `g` count cotangents and are kept. The adjoint of broadcasting is
    summation.
    """
    have = shape(g)
    if have[extra:] == to:
        return g
    axes, stretched = _broadcast_axes(have, to, extra)
    if axes:
        g = P.sum(g, axis=axes, keepdims=False)
    return P.reshape(g, shape=have[:extra] + to) if stretched else g


@functools.lru_cache(1024)  # the same few shapes come again in every step of a training
def _broadcast_axes(have, to, extra):
    """The axes (from the right) to sum over, and whether any was stretched and must be put back."""
    added = len(have) - extra - len(to)
    axes = [i - len(have) for i in range(extra, extra + added)]
    axes += [i - len(to) for i, n in enumerate(to) if n == 1 and have[extra + added + i] != 1]
    return tuple(axes), len(axes) != added


# ---------------------------------------------------------------- public operations


def coerce(p, x, y):
    """Two operands as tensors of one dtype: a tensor's dtype decides what numbers become."""
    if type(y) is float and type(x) is Tensor and x._a.dtype.kind in "fc":
        return x, Tensor(x._a.dtype.type(y))  # as below, without the ways round: most numbers are these
    if type(x) is float and type(y) is Tensor and y._a.dtype.kind in "fc":
        return Tensor(y._a.dtype.type(x)), y
    if isinstance(x, Variable):
        x = x._read()
    if isinstance(y, Variable):
        y = y._read()
    if isinstance(x, Tensor):
        if not isinstance(y, Tensor):
            try:
                y = as_tensor(y, x._a.dtype)
            except TypeError as e:
                if isinstance(y, (int, float, complex, list, tuple)):
                    got = as_array(y)
                    raise dtype_mismatch(p.name, 1, x.dtype, Tensor(got).dtype) from e
                raise
    elif isinstance(y, Tensor):
        x = as_tensor(x, y._a.dtype)
    else:
        x = as_tensor(x)
        y = as_tensor(y, x._a.dtype)  # no tensor yet: the first value fixes the type
    return x, y


def left_to(y, reflected, error):
    """NotImplemented for a value that is none of ours and knows the operator `reflected`; else the error."""
    foreign = not isinstance(y, (Tensor, Variable)) and not isinstance(error, OpError)
    if reflected and foreign and hasattr(type(y), reflected):
        return NotImplemented
    raise error


def binary(p, reflected=None):
    """The public function of a primitive with two operands that broadcast, or Python's operator.

    `reflected` is the name under which an operator asks the other operand, where ours cannot go on.

    This is the path that every `x * y` takes, so it is written out: no generic call, no tuple of
    inputs, no errstate. `p(x, y)` takes almost 3 times as long (`python -m benchmarks fast_paths`).
    """
    forward, rules, kinds, refused = p.forward, p.rules, p.kinds, p.refused

    def op(x, y, name=None):
        if type(x) is not Tensor or type(y) is not Tensor:
            try:
                x, y = coerce(p, x, y)
            except (TypeError, ValueError) as e:
                return left_to(y, reflected, e)
        a = x._a
        b = y._a
        kind = type(a)
        if kind is ndarray or kind is not type(b):
            d = a.dtype
            if d is not b.dtype and d != b.dtype:  # unpickled arrays have dtypes of their own
                raise dtype_mismatch(p.name, 1, x.dtype, y.dtype, (a.shape, b.shape))
            if d.kind not in kinds:  # NumPy would go on, adding booleans and taking roots of integers
                raise wrong_dtype(p.name, x.dtype)
        elif kind in refused:
            raise wrong_dtype(p.name, x.dtype)
        z = new(Tensor)
        try:
            z._a = forward(a, b)
        except (ValueError, TypeError, RuntimeWarning, FloatingPointError):
            z._a = p.run((a, b), {})
        tapes = active.tapes
        if tapes:
            if not rules:
                for tape in tapes:
                    tape._cut(p, z, (x, y))
                return z
            for tape in tapes:
                tracked = tape._tracked
                if id(x) in tracked or id(y) in tracked:
                    tracked.add(id(z))
                    tape._records.extend((p, None, z, x, y))
        return z

    return op


def operators(table, exchanged=True):
    """Give tensors and variables Python's operators `__name__`, and `__rname__` with operands exchanged."""
    for name, op in table.items():
        op = binary(op, f"__r{name}__") if isinstance(op, Primitive) else op
        for cls in (Tensor, Variable):
            setattr(cls, f"__{name}__", op)
            if exchanged:
                setattr(cls, f"__r{name}__", lambda y, x, op=op: op(x, y))


def unary(p):
    """The public function of a primitive with one operand; written out like `binary`."""
    forward, rules, kinds = p.forward, p.rules, p.kinds

    def op(x, name=None):
        if type(x) is not Tensor:
            x = as_tensor(x)
        a = x._a
        if a.dtype.kind not in kinds:
            raise wrong_dtype(p.name, x.dtype)
        z = new(Tensor)
        try:
            z._a = forward(a)
        except (ValueError, TypeError, RuntimeWarning, FloatingPointError):
            z._a = p.run((a,), {})
        tapes = active.tapes
        if tapes:
            if not rules:
                for tape in tapes:
                    tape._cut(p, z, (x,))
                return z
            for tape in tapes:
                tracked = tape._tracked
                if id(x) in tracked:
                    tracked.add(id(z))
                    tape._records.extend((p, None, z, x, None))
        return z

    return op


def called(op, *names):
    """`op` with its arguments named as TensorFlow names them, at no cost for the call."""
    old = op.__code__.co_varnames
    op.__code__ = op.__code__.replace(co_varnames=(*names, *old[len(names) :]))
    return op


def public(op, name, doc, module):
    """Give a generated function its name, docstring and module."""
    op.__name__ = op.__qualname__ = name
    op.__doc__, op.__module__ = doc, module
    return op
