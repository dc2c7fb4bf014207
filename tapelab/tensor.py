"""Tensor, Variable and the way Python and NumPy values become tensors.

A `Tensor` is an immutable box around a NumPy array (or NumPy scalar); what a tape tracks is the
box's identity, never its value. A `Variable` is the only thing with state: it holds a Tensor and
replaces it on `assign`. Reading a variable therefore costs nothing, later assignments never change
what was recorded, and the boxes a variable has held are the sources a gradient is asked for.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from .dtypes import DType, TensorShape, as_dtype
from .errors import (
    ConversionError,
    DtypeError,
    InvalidArgumentError,
    NotATensorError,
    ShapeError,
    shape_mismatch,
    wrong_dtype,
)


class _Active(threading.local):
    """Per thread: the tapes that are recording now, innermost last (a tuple, replaced as a whole),
    and the name scope, which stands before the names of new variables, with those around it.
    """

    tapes = ()
    scope = ""
    outer: tuple = ()


active = _Active()


@contextlib.contextmanager
def only(*tapes):
    """A context in which these tapes record, and no others."""
    before, active.tapes = active.tapes, tapes
    try:
        yield
    finally:
        # A tape may have answered in the block, and so have stopped.
        active.tapes = tuple(t for t in before if getattr(t, "_recording", True))


if TYPE_CHECKING:

    class _Operators:
        """Python's operators, for type checkers; math.py and array.py put them in place."""

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...

else:
    _Operators = object


class Absent:
    """An attribute that a class has not, and the words that help who looks for it.

    A `__getattr__` could say them, too; but Python 3.11 then gives up its shortcut to the attributes
    that are there.
    """

    def __init__(self, name, words):
        self.name, self.words = name, words

    def __get__(self, instance, owner=None):
        what = f"{owner.__name__!r} object has no attribute {self.name!r}"
        raise AttributeError(f"{what}{self.words}", name=self.name, obj=instance)

    @classmethod
    def put(cls, owner, words):
        """Give a class one for each name; `words` has what follows "no attribute 'name'"."""
        for name, instead in words.items():
            setattr(owner, name, cls(name, instead))
        owner.__dir__ = _listed


def _listed(self):
    """What `dir` lists, and so a notebook offers: nothing that is absent."""
    found = {n: v for c in reversed(type(self).__mro__) for n, v in vars(c).items()}
    found |= getattr(self, "__dict__", {})
    return [n for n in object.__dir__(self) if not isinstance(found.get(n), Absent)]


class Tensor(_Operators):
    """An immutable array with a dtype, a shape and an identity.

    Made by `constant`, `convert_to_tensor` and by every operation; not by calling this class.

    >>> import tapelab as tf
    >>> tf.constant([1.0, 2.0]) * 3
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([3., 6.], dtype=float32)>
    """

    __slots__ = ("_a", "__weakref__")
    __array_priority__ = 100  # ndarray + Tensor is our __radd__, a Tensor, as in TensorFlow

    def __init__(self, array):
        self._a = array

    @property
    def dtype(self):
        """The element type, a `DType`."""
        return as_dtype(self._a.dtype)

    @property
    def shape(self):
        """The sizes of the axes, a `TensorShape`."""
        return _tuple_as(TensorShape, self._a.shape)  # NumPy's sizes need not be looked at

    @property
    def ndim(self):
        """Number of axes."""
        return self._a.ndim

    @property
    def device(self):
        """Where TensorFlow would say the tensor lives."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    def get_shape(self):
        """The same as `.shape`."""
        return self.shape

    def set_shape(self, shape):
        """ValueError unless `shape` is compatible with the tensor's."""
        self.shape.assert_is_compatible_with(shape)

    def numpy(self):
        """The value: a copy as ndarray, or a NumPy scalar (bytes for a string) when 0-d.

        The copy carries no history: what is computed from it is invisible to a tape.
        """
        for tape in active.tapes:
            tape._left(self)
        a = self._a
        return a.copy() if a.ndim else a[()]

    def cpu(self):
        """The tensor itself: there is no other device."""
        return self

    def ref(self):
        """A hashable reference to this tensor: tensors compare by value, so they cannot be keys."""
        return Reference(self)

    def experimental_ref(self):
        return self.ref()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype=dtype)

    def __bool__(self):
        if self._a.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or "
                f"a.all(): of this tensor of shape {self._a.shape}, tf.reduce_any(x) or tf.reduce_all(x)."
            )
        return self._a.size > 0 and bool(self.numpy())

    def __float__(self):
        return float(_scalar(self))

    def __int__(self):
        return int(_scalar(self))

    def __complex__(self):
        return complex(_scalar(self))

    def __index__(self):
        a = self._a
        if a.ndim or a.dtype.kind not in "iub":
            raise TypeError(f"Only a scalar tensor of integers can be an index, got {self!r}.")
        return int(self.numpy())

    def __round__(self, ndigits=0):
        return Tensor(np.round(self._a, ndigits or 0))

    def __len__(self):
        if not self._a.ndim:
            raise TypeError("Scalar tensor has no `len()`")
        return len(self._a)

    def __iter__(self):
        if not self._a.ndim:
            raise TypeError("Cannot iterate over a scalar tensor.")
        return (self[i] for i in range(len(self._a)))

    def __hash__(self):
        raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")

    def __reduce__(self):
        return _rebuild, (self._a,)

    def __copy__(self):
        return _rebuild(self._a)

    def __deepcopy__(self, memo):
        return _rebuild(self._a)

    def __str__(self):
        return f"tf.Tensor({_text(self._a, str)}, shape={self._a.shape}, dtype={self.dtype.name})"

    def __repr__(self):
        text = _text(self._a, repr)
        return f"<tf.Tensor: shape={self._a.shape}, dtype={self.dtype.name}, numpy={text}>"

    def __format__(self, spec):
        return format(self.numpy(), spec)

    def __setitem__(self, key, value):
        raise TypeError(
            "Tensor object does not support item assignment: tensors are immutable. Use "
            "tf.tensor_scatter_nd_update(x, indices, updates), or a tf.Variable and v[i].assign(...)."
        )


_tuple_as = tuple.__new__
# What TensorFlow's users see when they print the type of a result.
Tensor.__name__ = "EagerTensor"
new = object.__new__

_NUMPY_ONLY = {
    "T": "tf.transpose(x)", "astype": "tf.cast(x, dtype)", "ravel": "tf.reshape(x, [-1])",
    "transpose": "tf.transpose(x)", "reshape": "tf.reshape(x, shape)", "clip": "tf.clip_by_value(x, a, b)",
    "size": "tf.size(x)", "tolist": "x.numpy().tolist()", "data": "x.numpy()", "mean": "tf.reduce_mean(x)",
    "sum": "tf.reduce_sum(x)", "max": "tf.reduce_max(x)", "min": "tf.reduce_min(x)",
    "argmax": "tf.argmax(x)", "item": "float(x)", "copy": "tf.identity(x)",
    "flatten": "tf.reshape(x, [-1])", "dot": "tf.tensordot(x, y, 1)",
}  # fmt: skip
Absent.put(Tensor, {
    name: f". If you are looking for NumPy's, write {here}, or x.numpy().{name} for a value outside the tape."
    for name, here in _NUMPY_ONLY.items()
})  # fmt: skip
Absent.put(Tensor, {
    name: f": Tensor.{name} is undefined when eager execution is enabled."
    for name in ("op", "name", "graph", "value_index", "consumers")
})  # fmt: skip


def _rebuild(array):
    return Tensor(array)


def _scalar(x):
    """The value of a 0-d tensor; TypeError otherwise, as NumPy from 2.4 on."""
    if x._a.ndim:
        raise TypeError(
            f"only 0-dimensional arrays can be converted to Python scalars (got shape {x._a.shape})"
        )
    return x.numpy()


def _text(a, show):
    text = repr(a[()]) if show is repr and a.ndim == 0 and a.dtype.kind == "O" else None
    if text is None:
        text = str(a[()]) if a.ndim == 0 else show(a)
    return "\n" + text if "\n" in text else text


class Reference:
    """A hashable handle on a tensor or variable; `deref()` gives it back."""

    __slots__ = ("_it", "__weakref__")

    def __init__(self, it):
        self._it = it

    def deref(self):
        """The tensor or variable itself."""
        return self._it

    def __eq__(self, other):
        return isinstance(other, Reference) and self._it is other._it

    def __lt__(self, other):
        """Some order, so that references can be keys of a structure."""
        return id(self._it) < id(other._it)

    def __hash__(self):
        return id(self._it)

    def __repr__(self):
        return f"<Reference wrapping {self._it!r}>"


class IndexedSlices:
    """Rows of a larger tensor: the gradient of `tf.gather`, before it is made dense.

    Args:
      values: tensor of shape (n, ...). indices: integer tensor of shape (n,).
      dense_shape: shape of the whole, or None.
    """

    def __init__(self, values, indices, dense_shape=None):
        self.values, self.indices = as_tensor(values), as_tensor(indices)
        # A list takes the dtype of the variable that it is written into.
        self._given = values if isinstance(values, (list, tuple)) else self.values
        self.dense_shape = None if dense_shape is None else as_tensor(dense_shape)

    @property
    def dtype(self):
        """The dtype of the values."""
        return self.values.dtype

    @property
    def shape(self):
        """The shape of the dense tensor, unknown when `dense_shape` was not given."""
        return TensorShape(None if self.dense_shape is None else self.dense_shape._a)

    @property
    def device(self):
        """Where TensorFlow would say the values live."""
        return self.values.device

    def __neg__(self):
        return IndexedSlices(-self.values, self.indices, self.dense_shape)

    def __repr__(self):
        return (
            f"IndexedSlices(indices={self.indices!s}, values={self.values!s}, "
            f"dense_shape={self.dense_shape!s})"
        )


# ---------------------------------------------------------------- values become tensors


def _unsupported(value):
    return ValueError(
        f"Attempt to convert a value ({value!r}) with an unsupported type ({type(value)}) to a Tensor. "
        f"Numbers, strings, nested lists, NumPy arrays, tensors and variables can be converted."
    )


def _leaves(value):
    """The leaves of nested lists, after checking that the nesting is rectangular."""
    if not isinstance(value, (list, tuple)):
        return [value], np.shape(value) if isinstance(value, np.ndarray) else ()
    parts = [_leaves(v) for v in value]
    shapes = {s for _, s in parts}
    if len(shapes) > 1:
        raise ValueError(
            "Can't convert non-rectangular Python sequence to Tensor. "
            f"Rows of different lengths or depths: shapes {sorted(shapes)}."
        )
    inner = shapes.pop() if shapes else ()
    return [leaf for p, _ in parts for leaf in p], (len(value), *inner)


def as_array(value, dtype=None):
    """A NumPy array or scalar, by TensorFlow's rules, from anything that holds no tensor.

    Python floats become float32, ints int32 (int64 when they need it), NumPy data keep their dtype.
    `dtype` is a NumPy dtype or None. Raises TypeError when a Python value cannot be of that dtype,
    ValueError for ragged or mixed sequences and for unsupported types.
    """
    kind = type(value)
    if kind is float:
        if dtype is None:
            a = np.float32(value)
            return a if -3e38 < value < 3e38 else _held(a, value)
        if dtype.kind in "fc":
            return dtype.type(value)
        raise _cannot(value, dtype)
    if kind is np.ndarray or isinstance(value, np.generic):
        return _from_numpy(np.array(value), dtype)
    if kind in (str, bytes):
        return _from_python([value], {kind}, dtype).reshape(
            ()
        )  # stays an array: bytes have no dtype
    if kind in (bool, int, complex):
        return _from_python([value], {kind}, dtype).reshape(())[()]
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, (list, tuple)):
        leaves, shape = _leaves(value)
        kinds = set(map(type, leaves))
        if kinds <= {bool, int, float, complex, str, bytes}:
            return _from_python(leaves, kinds, dtype).reshape(shape)
        if type(None) in kinds:
            raise _unsupported(None)
        numeric = [x for x in leaves if isinstance(x, (np.generic, np.ndarray))]
        if numeric and all(
            isinstance(x, (np.generic, np.ndarray, bool, int, float, complex)) for x in leaves
        ):
            flat = (
                np.concatenate([np.ravel(x) for x in leaves])
                if len(leaves) > 1
                else np.array(leaves[0]).ravel()
            )
            return _from_mixture(flat.reshape(shape), leaves, dtype)
        raise _unsupported(next((x for x in leaves if not isinstance(x, (int, float))), value))
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return _from_numpy(np.array(value), dtype)
    raise _unsupported(value)


def _held(a, value):
    """The float32s for Python floats of no dtype said, ValueError where one is too large for it."""
    if np.isinf(a).any() and not np.isinf(np.asarray(value, float))[np.isinf(a)].all():
        raise ValueError(
            f"Can't convert Python sequence with a value out of range for a float32: {value}. "
            "Say dtype=tf.float64."
        )
    return a


def _cannot(value, dtype):
    return DtypeError(
        f"Cannot convert {value} to EagerTensor of dtype {as_dtype(dtype).name}. "
        f"Write the value as that type, or tf.cast a float tensor."
    )


def _from_python(leaves, kinds, dtype):
    """A 1-d array from Python numbers or strings, all checked against the dtype."""
    if kinds & {str, bytes}:
        if not kinds <= {str, bytes}:
            raise _mixed()
        if dtype is not None and dtype.kind != "O":
            raise _cannot(leaves[0] if len(leaves) == 1 else leaves, dtype)
        a = np.empty(len(leaves), object)
        a[:] = [s.encode() if isinstance(s, str) else s for s in leaves]
        return a
    inferred = dtype is None
    late = complex in kinds and type(leaves[0]) is not complex
    if len(kinds) > 1 and (
        bool is type(leaves[0]) and dtype is None or late and getattr(dtype, "kind", "") != "c"
    ):  # as in TensorFlow: [1, True] is [1, 1], but what begins with a boolean holds booleans
        raise _mixed()
    if dtype is None:
        if complex in kinds:
            dtype = np.dtype(np.complex128)
        elif float in kinds or not kinds:
            dtype = np.dtype(np.float32)
        elif kinds == {bool}:
            dtype = np.dtype(bool)
        else:
            fits = all(-(2**31) <= v < 2**31 for v in leaves)
            dtype = np.dtype(np.int32 if fits else np.int64)
    rank = "biufcO".index
    value = leaves[0] if len(leaves) == 1 else leaves
    if float in kinds and rank(dtype.kind) < rank("f") or complex in kinds and dtype.kind != "c":
        raise _cannot(value, dtype)
    if kinds and dtype.kind in ("cO" if kinds == {bool} else "bO"):
        raise _cannot(value, dtype)
    with np.errstate(all="ignore"):
        try:
            a = np.array(leaves, dtype)
            return _held(a, leaves) if inferred and dtype == np.float32 else a
        except OverflowError:
            raise ConversionError(
                f"{value} is out of the range of {as_dtype(dtype).name}."
            ) from None


def _from_mixture(a, leaves, dtype):
    """The array of a list with NumPy numbers in it: the first leaf fixes a float type, integers are
    int32 (int64 when they need it) like Python's. `a` is what NumPy makes of the list.
    """
    kinds = {x.dtype.kind if hasattr(x, "dtype") else np.min_scalar_type(x).kind for x in leaves}
    kind = max(kinds, key="buifc".find)
    if dtype is None:
        first = leaves[0].dtype if hasattr(leaves[0], "dtype") else None
        if kind in "fc":
            dtype = (
                first
                if first is not None and first.kind == kind
                else np.dtype("f4" if kind == "f" else "c16")
            )
        elif kind == "b":
            dtype = np.dtype(bool)
        else:
            small = a.size == 0 or -(2**31) <= a.min() and a.max() < 2**31
            dtype = np.dtype(np.int32 if small else np.int64)
    elif (
        dtype.kind == "O"
        or kind == "b" != dtype.kind
        or "buifc".find(dtype.kind) < "buifc".find("u" if kind == "i" else kind)
    ):
        raise _cannot(leaves, dtype)
    return _from_numpy(a, dtype)


def _mixed():
    return ValueError(
        "Can't convert Python sequence with mixed types to Tensor. "
        "Use one kind of value: numbers, booleans or strings."
    )


def _from_numpy(a, dtype):
    """A private, native-order copy of NumPy data, of `dtype` when one is given."""
    if dtype is None or dtype == a.dtype:
        if a.dtype.kind in "USO" and all(isinstance(s, (str, bytes)) for s in a.flat):
            a = np.array(
                [s.encode() if isinstance(s, str) else s for s in a.ravel().tolist()], object
            ).reshape(a.shape)
        elif not a.dtype.isnative:
            a = a.astype(a.dtype.newbyteorder("="))
        elif np.dtype(a.dtype.str) not in dtypes._BY_NUMPY:
            raise _unsupported(a)
        elif a.dtype.kind == "O":
            raise _unsupported(a.tolist())
    elif dtype.kind == "O":
        if a.dtype.kind in "US":
            return _from_numpy(a, None)
        raise ValueError(f"Failed to convert a NumPy array of {a.dtype} to a tensor of strings.")
    else:
        if a.dtype.kind in "SUmMV":
            raise _cannot(repr(a), dtype)
        try:
            with np.errstate(all="ignore"):
                a = a.astype(dtype)
        except (TypeError, ValueError, OverflowError):  # objects that are no numbers
            raise _cannot(repr(a), dtype) from None
    return a if a.ndim else a[()] if a.dtype.kind != "O" else a


def _holds_tensor(value):
    return any(
        isinstance(v, (Tensor, Variable)) or isinstance(v, (list, tuple)) and _holds_tensor(v)
        for v in value
    )


def as_tensor(value, dtype=None):
    """`value` as a Tensor; tensors pass through, variables are read. `dtype` is a NumPy dtype.

    A list with tensors in it is stacked, on the tape. A tensor of another dtype is refused
    (ValueError): tensors are never converted silently.
    """
    if isinstance(value, Tensor):
        t = value
    elif isinstance(value, Variable):
        t = value._read()
    elif isinstance(value, (list, tuple)) and _holds_tensor(value):
        return _stack(value, dtype)
    elif isinstance(value, TensorShape):
        value.assert_is_fully_defined()
        return Tensor(np.array(value.as_list(), dtype or np.int32))
    elif isinstance(value, IndexedSlices):
        from .array import dense

        t = dense(value)
    else:
        return Tensor(as_array(value, dtype))
    if dtype is not None and t._a.dtype != dtype:
        raise ConversionError(
            f"Tensor conversion requested dtype {as_dtype(dtype).name} for Tensor with dtype "
            f"{t.dtype.name}: {t!r}. Convert it with tf.cast(x, tf.{as_dtype(dtype).name})."
        )
    return t


def beside(value, dtype):
    """As `as_tensor`, for what stands beside a tensor of this dtype: numbers take it, tensors keep theirs."""
    return as_tensor(value, None if is_tensor(value) else dtype)


def _stack(value, dtype):
    """A list that holds tensors somewhere, stacked; numbers take the tensors' dtype, all that asked for."""
    from .array import stack
    from .math import cast

    found = [v for v in value if isinstance(v, (Tensor, Variable))]
    if dtype is None:
        dtype = found[0].dtype._np if found else None
    elif found:
        value = [cast(v, dtype) if isinstance(v, (Tensor, Variable)) else v for v in value]
    return stack([as_tensor(v, dtype) for v in value])


def integer(value, what, op):
    """A size, count or other single integer that a user gives as argument `what`, as an int."""
    if type(value) is int:
        return value
    try:
        a = as_tensor(value)._a
        if a.dtype.kind not in "iub":
            raise TypeError
        return int(a.item())
    except (TypeError, ValueError):
        raise ConversionError(
            f"`{what}` must be a single integer, got {value!r} [Op:{op}]. "
            f"A whole number that is a float is made one by int(x)."
        ) from None


def number(value, what, op):
    """A rate, limit or other single real number that a user gives, as a Python float."""
    if type(value) is float:
        return value
    try:
        a = as_tensor(value)._a
        if a.dtype.kind not in "iuf":
            raise TypeError
        return float(a.item())
    except (TypeError, ValueError):
        raise ConversionError(f"`{what}` must be a single number, got {value!r} [Op:{op}].") from None


def function_of(f, what):
    """A function that a user gives as argument `what`."""
    if not callable(f):
        raise TypeError(f"'{what}' must be callable, got {f!r}.")
    return f


def ints(value, what="shape"):
    """A shape-like argument (list, tuple, TensorShape, tensor, one integer) as a tuple of ints.

    `what` names it in messages; a "sizes" is the shape of something new: no size below 0, and no
    more elements than can be counted.
    """
    given = value
    if isinstance(value, (Tensor, Variable)):
        value = np.atleast_1d(as_tensor(value)._a).tolist()
    elif isinstance(value, (int, np.integer)):
        value = [value]
    try:
        found = tuple(v.__index__() for v in value)
    except (TypeError, AttributeError):
        what = "shape" if what == "sizes" else what
        raise ConversionError(f"`{what}` must be integers, got {given!r}.") from None
    if what == "sizes":
        if any(n < 0 for n in found):
            raise ShapeError(f"Dimension {min(found)} must be >= 0 [Op:Fill]")
        if math.prod(found) >= 1 << 59:
            raise ShapeError(f"Shape {list(found)} has too many elements [Op:Fill]")
    return found


def numpy_dtype(dtype):
    """The NumPy dtype for anything that names one; None stays None."""
    return None if dtype is None else as_dtype(dtype)._np


def zero_array(shape, dtype):
    """Zeros of a NumPy dtype; empty strings, if it is that of strings."""
    return np.full(shape, b"", dtype) if dtype.kind == "O" else np.zeros(shape, dtype)[()]


def constant(value, dtype=None, shape=None, name=None):
    """A tensor holding `value`.

    Args:
      value: number, string, nested list, NumPy array or tensor.
      dtype: element type; by default float32 for floats, int32 (int64 when needed) for ints, and
        a NumPy value's own.
      shape: a single value is repeated to this shape; as many values as it holds are reshaped.
    Raises:
      TypeError: the value cannot be of that dtype, or does not fill the shape.
      ValueError: ragged or mixed lists, unsupported types.

    >>> import tapelab as tf
    >>> tf.constant(2, shape=[2, 2]).numpy().tolist()
    [[2, 2], [2, 2]]
    """
    wanted = numpy_dtype(dtype)
    if isinstance(value, Variable):
        value = value.numpy()  # a constant does not follow it
    if isinstance(value, Tensor) and wanted is not None and value._a.dtype != wanted:
        raise TypeError(
            f"Expected tensor {value} with dtype {as_dtype(dtype)!r}, but got dtype {value.dtype!r}. "
            f"Use tf.cast(x, tf.{as_dtype(dtype).name})."
        )
    t = as_tensor(value, wanted)
    if shape is None:
        return t
    shape = tuple(
        int(n) for n in (shape if hasattr(shape, "__len__") or hasattr(shape, "_a") else [shape])
    )
    size = int(np.prod(shape))
    if t._a.size == size:
        a = np.reshape(t._a, shape)
    elif t._a.size == 1:
        a = np.full(shape, t._a)
    else:
        raise TypeError(
            f"Eager execution of tf.constant with unsupported shape. Tensor {t._a} (converted from "
            f"{value}) has {t._a.size} elements, but got `shape` {shape} with {size} elements)."
        )
    return Tensor(a if a.ndim else a[()])


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """`value` as a tensor; a tensor is returned as it is, a variable is read.

    Args:
      value, dtype: as for `constant`. dtype_hint: used when the value allows it, ignored otherwise.
    Raises:
      ValueError: a tensor of another dtype, or an unsupported type. TypeError: see `constant`.

    >>> import tapelab as tf
    >>> x = tf.constant(1.0)
    >>> tf.convert_to_tensor(x) is x
    True
    """
    if isinstance(value, Variable):
        t = value.read_value()
        return as_tensor(t, numpy_dtype(dtype))
    if dtype is None and dtype_hint is not None:
        with contextlib.suppress(TypeError, ValueError):
            return as_tensor(value, numpy_dtype(dtype_hint))
    return as_tensor(value, numpy_dtype(dtype))


def is_tensor(x):
    """True for tensors, variables and IndexedSlices."""
    return isinstance(x, (Tensor, Variable, IndexedSlices))


def as_source(x):
    """The tensor or variable itself; NotATensorError for what has no identity on a tape."""
    if isinstance(x, (Tensor, Variable)):
        return x
    if isinstance(x, IndexedSlices):
        raise NotATensorError(
            "An IndexedSlices (the gradient of a gather, as rows) has no shape to differentiate or to be "
            "differentiated by: make it dense with tf.convert_to_tensor(g), inside the block of the tape "
            "that is asked."
        )
    raise NotATensorError(
        f"A gradient is taken of tensors with respect to tensors and variables (also lists, tuples and "
        f"dicts of them), which a tape can recognise; {type(x).__name__} is neither. Make it a "
        f"tf.Variable before the tape is opened. (Cannot convert the argument `type_value`: {x!r} of "
        f"type '{type(x).__name__}' to a TensorFlow DType: it has no attribute 'dtype'.)"
    )


class Variable(_Operators):
    """The only thing with state: a tensor that `assign` replaces.

    Trainable variables are watched by every tape that sees them read. State stops gradients:
    a tape sees the value at the time of reading, not how it came about.

    Args:
      initial_value: anything `convert_to_tensor` takes, or a function returning it.
      trainable: whether tapes watch it by themselves (default True).
      name: shown as 'name:0'. dtype: as in `constant`. shape: the shape assigned values must be
        compatible with (default: that of the initial value; `tf.TensorShape(None)` allows all).
      constraint: function kept for optimizers, applied to the value after an update.
    Raises:
      ValueError: no initial value, or one of another shape or dtype than asked for.

    >>> import tapelab as tf
    >>> v = tf.Variable([1.0, 2.0], name="w")
    >>> v.assign_add([1.0, 1.0]).numpy().tolist()
    [2.0, 3.0]
    """

    __array_priority__ = 100
    _count = itertools.count()

    def __init__(
        self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None,
        variable_def=None, dtype=None, import_scope=None, constraint=None, synchronization=None,
        aggregation=None, shape=None, experimental_enable_variable_lifting=True,
    ):  # fmt: skip
        if initial_value is None:
            raise ValueError(
                "The `initial_value` arg to `tf.Variable` must be specified except when you are not "
                "providing a `variable_def`. For example tf.Variable(0.0) or tf.Variable(tf.zeros([3]))."
            )
        if constraint is not None and not callable(constraint):
            raise ValueError(
                f"Argument `constraint` must be None or a callable. Got a {type(constraint)}: {constraint}"
            )
        if callable(initial_value):
            initial_value = initial_value()
        try:
            t = as_tensor(initial_value, numpy_dtype(dtype))
        except ValueError as e:
            raise ValueError(f"initial_value: {e}") from None
        self._t = Tensor(t._a)  # a box of its own: no history comes in with the initial value
        self._shape = TensorShape(t._a.shape if shape is None else shape)
        if not self._shape.is_compatible_with(t._a.shape):
            raise ValueError(
                f"In this `tf.Variable` creation, the initial value's shape ({t._a.shape}) is not "
                f"compatible with the explicitly supplied `shape` argument ({self._shape})."
            )
        self._trainable = True if trainable is None else bool(trainable)
        if name is not None and not isinstance(name, str):
            raise ValueError(f"`name` of a variable must be a string, not {name!r}.")
        self._name = active.scope + ("Variable" if name is None else name)
        self._constraint = constraint
        self._uid = next(Variable._count)
        for tape in active.tapes:
            tape._assigned(self, t)

    # -- reading

    def _read(self):
        """The tensor held now, after telling every recording tape that the variable was read."""
        for tape in active.tapes:
            tape._accessed(self)
        return self._t

    def read_value(self):
        """The value as a new tensor."""
        from .array import identity

        return identity(self._read())

    value = read_value

    def numpy(self):
        """The value as a copy: ndarray, or NumPy scalar when 0-d."""
        return self._read().numpy()

    @property
    def dtype(self):
        """The element type, a `DType`."""
        return self._t.dtype

    @property
    def shape(self):
        """The shape every assigned value must be compatible with."""
        return self._shape

    def get_shape(self):
        """The same as `.shape`."""
        return self.shape

    @property
    def name(self):
        """The name given at creation, followed by ':0' as in TensorFlow."""
        return f"{self._name}:0"

    @property
    def trainable(self):
        """Whether tapes watch this variable by themselves."""
        return self._trainable

    @property
    def constraint(self):
        """The constraint function, or None."""
        return self._constraint

    @property
    def device(self):
        """Where TensorFlow would say the variable lives."""
        return self._t.device

    def ref(self):
        """A hashable reference to this variable."""
        return Reference(self)

    # -- writing

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Replace the value; returns the variable (None with read_value=False).

        Raises ValueError for another shape or a tensor of another dtype, TypeError for a Python
        value that cannot have the dtype. Nothing broadcasts.
        """
        t = as_tensor(value, self._t._a.dtype)
        if not self._shape.is_compatible_with(t._a.shape):
            raise ValueError(
                f"Cannot assign value to variable '{self.name}': Shape mismatch. The variable shape "
                f"{self._shape}, and the assigned value shape {t._a.shape} are incompatible."
            )
        return self._replace(t, t._a, read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Add `delta` (same shape and dtype) to the value. InvalidArgumentError for another shape."""
        t = self._delta(delta, "assign_add")
        return self._replace(t, self._t._a + t._a, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtract `delta` (same shape and dtype). InvalidArgumentError for another shape."""
        t = self._delta(delta, "assign_sub")
        return self._replace(t, self._t._a - t._a, read_value)

    def _delta(self, delta, what):
        t = as_tensor(delta, self._t._a.dtype)
        if t._a.dtype.kind in "bO":
            raise wrong_dtype(what, t.dtype)
        if t._a.shape != self._t._a.shape:
            raise InvalidArgumentError(
                f"Cannot update variable with shape {list(self._t._a.shape)} using a Tensor with shape "
                f"{list(t._a.shape)}, shapes must be equal. ({what} of {self.name} does not broadcast; "
                f"use tf.broadcast_to first.)"
            )
        return t

    def _replace(self, source, array, read_value=True):
        """Hold a new box: tensors read earlier keep the old one and its value."""
        for tape in active.tapes:
            tape._accessed(self)
            tape._assigned(self, source)
        self._t = Tensor(array)
        return self if read_value else None

    def _scatter(self, write, indices, updates, what):
        """Write updates at multi-indices (their last axis); `write` is a ufunc, None to replace."""
        from .array import _indices, _ravel

        held, i = self._t._a, _indices(indices, "indices", what)
        source = as_tensor(updates, held.dtype)
        u = source._a
        depth = i.shape[-1]
        if depth > held.ndim:
            raise ShapeError(
                f"Indices of {depth} numbers do not fit a variable of shape {list(held.shape)} [Op:{what}]."
            )
        if u.shape not in (i.shape[:-1] + held.shape[depth:], ()):
            wanted = list(i.shape[:-1] + held.shape[depth:])
            raise ShapeError(
                f"Updates of shape {list(u.shape)} do not fit. Must have updates.shape = {wanted} (or []) "
                f"for these indices into a variable of shape {list(held.shape)} [Op:{what}]."
            )
        if write and held.dtype.kind in "bO":
            raise wrong_dtype(what, self.dtype)
        _ravel(i, held.shape[:depth], what)
        at, a = tuple(np.moveaxis(i, -1, 0)), np.array(held)
        if write is None:
            a[at] = u
        elif write is np.divide and not u.all():
            raise InvalidArgumentError(f"updates must not contain 0 [Op:{what}]")
        elif write is np.divide and a.dtype.kind in "iu":
            quotient = a.astype(float)
            write.at(quotient, at, u)
            a[...] = quotient  # towards zero, as C divides
        else:
            write.at(a, at, u)
        return self._replace(source, a)

    def _scatter_rows(self, write, s, what):
        if not isinstance(s, IndexedSlices):
            raise TypeError(
                f"Argument `sparse_delta` must be a `tf.IndexedSlices`. Received arg: {s}. Write "
                f"tf.IndexedSlices(values, indices)."
            )
        return self._scatter(write, s.indices._a[..., None], s._given, what)

    def scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Replace the rows that an `IndexedSlices` names."""
        return self._scatter_rows(None, sparse_delta, "ResourceScatterUpdate")

    def scatter_add(self, sparse_delta, use_locking=False, name=None):
        """Add an `IndexedSlices` to the rows it names; repeated rows add up."""
        return self._scatter_rows(np.add, sparse_delta, "ResourceScatterAdd")

    def scatter_sub(self, sparse_delta, use_locking=False, name=None):
        """Subtract an `IndexedSlices` from the rows it names."""
        return self._scatter_rows(np.subtract, sparse_delta, "ResourceScatterSub")

    def scatter_mul(self, sparse_delta, use_locking=False, name=None):
        """Multiply the rows that an `IndexedSlices` names."""
        return self._scatter_rows(np.multiply, sparse_delta, "ResourceScatterMul")

    def scatter_div(self, sparse_delta, use_locking=False, name=None):
        """Divide the rows that an `IndexedSlices` names."""
        return self._scatter_rows(np.divide, sparse_delta, "ResourceScatterDiv")

    def scatter_max(self, sparse_delta, use_locking=False, name=None):
        """The larger of the rows held and those of an `IndexedSlices`."""
        return self._scatter_rows(np.maximum, sparse_delta, "ResourceScatterMax")

    def scatter_min(self, sparse_delta, use_locking=False, name=None):
        """The smaller of the rows held and those of an `IndexedSlices`."""
        return self._scatter_rows(np.minimum, sparse_delta, "ResourceScatterMin")

    def batch_scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Replace what an `IndexedSlices` names within each item of a batch."""
        i = sparse_delta.indices._a
        i = np.stack([*np.indices(i.shape)[:-1], i], -1)
        return self._scatter(None, i, sparse_delta._given, "BatchScatterUpdate")

    def scatter_nd_update(self, indices, updates, name=None):
        """Replace the slices at the multi-indices in the last axis of `indices`."""
        return self._scatter(None, indices, updates, "ResourceScatterNdUpdate")

    def scatter_nd_add(self, indices, updates, name=None):
        """Add to the slices at the multi-indices in the last axis of `indices`."""
        return self._scatter(np.add, indices, updates, "ResourceScatterNdAdd")

    def scatter_nd_sub(self, indices, updates, name=None):
        """Subtract from the slices at the multi-indices in the last axis of `indices`."""
        return self._scatter(np.subtract, indices, updates, "ResourceScatterNdSub")

    def scatter_nd_max(self, indices, updates, name=None):
        """The larger of updates and the slices at the multi-indices in the last axis of `indices`."""
        return self._scatter(np.maximum, indices, updates, "ResourceScatterNdMax")

    def scatter_nd_min(self, indices, updates, name=None):
        """The smaller of updates and the slices at the multi-indices in the last axis of `indices`."""
        return self._scatter(np.minimum, indices, updates, "ResourceScatterNdMin")

    def sparse_read(self, indices, name=None):
        """The same as `tf.gather(variable, indices)`."""
        from .array import gather

        return gather(self, indices)

    def gather_nd(self, indices, name=None):
        """The same as `tf.gather_nd(variable, indices)`."""
        from .array import gather_nd

        return gather_nd(self, indices)

    # -- Python's protocols

    def __getitem__(self, key):
        from .array import getitem

        z = getitem(self._read(), key, VariableSlice)
        z._variable, z._key = self, key
        return z

    def __iter__(self):
        return iter(self.read_value())

    def __bool__(self):
        return bool(self._read())

    def __float__(self):
        return float(self._read())

    def __int__(self):
        return int(self._read())

    def __complex__(self):
        return complex(self._read())

    def __index__(self):
        return self._read().__index__()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype=dtype)

    def __hash__(self):
        raise TypeError(
            f"Variable is unhashable. Instead, use variable.ref() as the key. (Variable: {self!r})"
        )

    def __reduce__(self):
        own = {k: v for k, v in vars(self).items() if k not in ("_t", "_uid")}
        return _rebuild_variable, (type(self), self._t._a), own

    def __repr__(self):
        return (
            f"<tf.Variable '{self.name}' shape={self._shape} dtype={self.dtype.name}, "
            f"numpy={_text(self._t._a, repr)}>"
        )

    def _no_augmented(self, op, method):
        raise RuntimeError(
            f"`variable {op} value` with `tf.Variable`s is not supported. Use `variable.{method}(value)` "
            f"to modify the variable, or `out = variable {op[:-1]} value` if you need to get a new output "
            f"Tensor."
        )

    def __iadd__(self, other):
        self._no_augmented("+=", "assign_add")

    def __isub__(self, other):
        self._no_augmented("-=", "assign_sub")

    def __imul__(self, other):
        self._no_augmented("*=", "assign")

    def __itruediv__(self, other):
        self._no_augmented("/=", "assign")

    def __ipow__(self, other):
        self._no_augmented("**=", "assign")


Variable.__name__ = "ResourceVariable"


def _rebuild_variable(kind, array):
    """A copy, from a pickle or `copy`: a variable of its own, which pickle gives the rest."""
    v = new(kind)
    v._t, v._uid = Tensor(array), next(Variable._count)
    return v


Absent.put(Variable, dict.fromkeys(
    ("load", "initialized_value", "initial_value", "initializer", "count_up_to", "set_shape"),
    ": it belongs to TensorFlow 1. Use .assign(value), and keep a first value or a limit yourself."
))  # fmt: skip


class VariableSlice(Tensor):
    """`variable[key]`: a tensor that can also write back, `variable[key].assign(value)`."""

    __slots__ = ("_variable", "_key")

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Replace this part of the variable; the value broadcasts to the part's shape."""
        v = self._variable
        t, a = as_tensor(value, self._a.dtype), np.array(v._t._a)
        try:
            a[self._key] = t._a
        except (ValueError, IndexError):
            raise shape_mismatch("ResourceStridedSliceAssign", self._a.shape, t._a.shape) from None
        return v._replace(t, a, read_value)


VariableSlice.__name__ = "EagerTensor"

__all__ = [
    "DType", "IndexedSlices", "Tensor", "TensorShape", "Variable", "constant", "convert_to_tensor",
    "is_tensor",
]  # fmt: skip
