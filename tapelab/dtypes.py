"""DType and TensorShape: what a tensor is made of, as TensorFlow spells it."""

import builtins

import numpy as np


class DType:
    """The element type of a tensor. Compares equal to its NumPy type and to its name.

    >>> float32 == np.float32, float32 == "float32", float32.is_floating
    (True, True, True)
    """

    def __init__(self, name, numpy_type):
        self.name = name
        self.as_numpy_dtype = numpy_type
        self._np = np.dtype(numpy_type)
        kind = self._np.kind
        self.is_floating = kind == "f"
        self.is_complex = kind == "c"
        self.is_integer = kind in "iu"
        self.is_bool = kind == "b"
        self.is_unsigned = kind == "u"
        self.is_numpy_compatible = True
        self.size = self._np.itemsize
        self.base_dtype = self

    @property
    def min(self):
        """Smallest finite value (TypeError for dtypes that have none)."""
        return self._limits().min

    @property
    def max(self):
        """Largest finite value (TypeError for dtypes that have none)."""
        return self._limits().max

    def _limits(self):
        if self.is_floating:
            return np.finfo(self._np)
        if self.is_integer:
            return np.iinfo(self._np)
        raise TypeError(f"Cannot find the limits of {self!r}.")

    @property
    def real_dtype(self):
        """The float type of a complex type's parts; itself otherwise."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def is_compatible_with(self, other):
        """True when ``other`` names the same dtype."""
        return self == other

    def __eq__(self, other):
        if self is other:
            return True
        if other is None:
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __hash__(self):
        return hash(self.name)

    def __repr__(self):
        return f"tf.{self.name}"

    def __str__(self):
        return f"<dtype: {self.name!r}>"

    def __reduce__(self):
        return as_dtype, (self.name,)


float16, float32, float64 = (DType(n, getattr(np, n)) for n in ("float16", "float32", "float64"))
int8, int16, int32, int64 = (DType(n, getattr(np, n)) for n in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (
    DType(n, getattr(np, n)) for n in ("uint8", "uint16", "uint32", "uint64")
)
complex64, complex128 = DType("complex64", np.complex64), DType("complex128", np.complex128)
bool = DType("bool", np.bool_)
string = DType("string", np.object_)
half, double = float16, float64

ALL = (float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
       complex64, complex128, bool, string)  # fmt: skip
_BY_NUMPY = {d._np: d for d in ALL}
_BY_NAME = {d.name: d for d in ALL} | {"half": float16, "float": float32, "double": float64}
_BY_NUMBER = {  # as TensorFlow numbers them: its guides write tf.zeros(1, 1)
    1: float32, 2: float64, 3: int32, 4: uint8, 5: int16, 6: int8, 7: string, 8: complex64, 9: int64,
    10: bool, 17: uint16, 18: complex128, 19: float16, 22: uint32, 23: uint64,
}  # fmt: skip
_BY_PYTHON = {float: float32, builtins.bool: bool, object: string}


def lowest(dtype):
    """The value below which a NumPy dtype has none: where a maximum begins."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype):
    """The value above which a NumPy dtype has none: where a minimum begins."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def as_dtype(type_value):
    """The DType for a DType, its name, a NumPy dtype, `float`, `bool` or TensorFlow's number.

    Raises TypeError for anything else, `int` too: which integer is meant has to be said.

    >>> as_dtype("int64")
    tf.int64
    """
    if isinstance(type_value, DType):
        return type_value
    try:
        if type(type_value) is int or type_value is None:  # None is float64 to NumPy
            return _BY_NUMBER[type_value]
        found = _BY_NAME.get(type_value) or _BY_PYTHON.get(type_value)
        if found is None:
            if isinstance(type_value, str) or (
                isinstance(type_value, type) and not issubclass(type_value, np.generic)
            ):
                raise TypeError
            dtype = np.dtype(type_value)
            found = string if dtype.kind in "OSU" else _BY_NUMPY[dtype.newbyteorder("=")]
        return found
    except (KeyError, TypeError, ValueError):
        raise TypeError(
            f"Cannot convert the argument `type_value`: {type_value!r} to a TensorFlow DType. "
            f"Known dtypes: {', '.join(_BY_NAME)}."
        ) from None


class TensorShape(tuple):
    """The sizes of a tensor's axes; ``None`` stands for a size that is not known yet.

    >>> s = TensorShape([2, 3])
    >>> s, s == [2, 3], s.rank, s.num_elements()
    (TensorShape([2, 3]), True, 2, 6)
    """

    def __new__(cls, dims=None):
        if isinstance(dims, TensorShape):
            return dims
        if dims is None:
            return super().__new__(_UnknownShape)
        if hasattr(dims, "__index__") and not getattr(dims, "ndim", 0):  # arrays have it, too
            dims = (dims,)
        try:
            sizes = [None if d is None else d.__index__() for d in dims]
        except (TypeError, AttributeError):
            raise TypeError(
                f"Failed to convert {dims!r} to a shape. A shape is a list of sizes, each an integer "
                f"or None."
            ) from None
        for d in sizes:
            if d is not None and d < 0:
                raise ValueError(f"Dimension {d} must be >= 0. A size that is not known is None.")
        return super().__new__(cls, sizes)

    @property
    def rank(self):
        """Number of axes, or None when not known."""
        return len(self)

    @property
    def ndims(self):
        """The same as `rank`."""
        return self.rank

    @property
    def dims(self):
        """The sizes as a list, or None when the rank is not known."""
        return None if self.rank is None else list(self)

    def as_list(self):
        """The sizes as a list of integers. ValueError when the rank is not known."""
        if self.rank is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self)

    def num_elements(self):
        """Product of the sizes, or None when one is not known."""
        if not self.is_fully_defined():
            return None
        n = 1
        for d in self:
            n *= d
        return n

    def is_fully_defined(self):
        """True when every size is known."""
        return self.rank is not None and None not in self

    def assert_is_fully_defined(self):
        """ValueError unless every size is known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def is_compatible_with(self, other):
        """True when a tensor could have both shapes."""
        other = TensorShape(other)
        if self.rank is None or other.rank is None:
            return True
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other)
        )

    def assert_is_compatible_with(self, other):
        """ValueError unless the shapes are compatible."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    def merge_with(self, other):
        """The sizes that are known of one shape or the other. ValueError unless they are compatible."""
        other = TensorShape(other)
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are not compatible")
        if self.rank is None or other.rank is None:
            return other if self.rank is None else self
        return TensorShape([b if a is None else a for a, b in zip(self, other)])

    def is_subtype_of(self, other):
        """True when the other shape allows every tensor that this one allows."""
        return self.most_specific_common_supertype([other]) == other

    def most_specific_common_supertype(self, others):
        """The shape of which this one and the others are subtypes: None for sizes that differ.

        >>> TensorShape([2, 3]).most_specific_common_supertype([TensorShape([2, 4])])
        TensorShape([2, None])
        """
        if any(s.rank is None or s.rank != self.rank for s in others):
            return TensorShape(None)
        return self and TensorShape([n.pop() if len(n) == 1 else None for n in map(set, zip(self, *others))])

    def with_rank(self, rank):
        """This shape, of so many axes. ValueError when it has another number of them."""
        self.assert_has_rank(rank)
        return self.merge_with([None] * rank)

    def with_rank_at_least(self, rank):
        """This shape. ValueError when it has fewer axes."""
        return self._with(rank, self.rank is None or self.rank >= rank, "at least ")

    def with_rank_at_most(self, rank):
        """This shape. ValueError when it has more axes."""
        return self._with(rank, self.rank is None or self.rank <= rank, "at most ")

    def assert_has_rank(self, rank):
        """ValueError when the number of axes is another one."""
        self._with(rank, self.rank in (None, rank))

    def _with(self, rank, holds, how=""):
        if not holds:
            raise ValueError(f"Shape {self} must have rank {how}{rank}")
        return self

    def assert_same_rank(self, other):
        """ValueError unless both shapes have as many axes."""
        other = TensorShape(other)
        if None not in (self.rank, other.rank) and self.rank != other.rank:
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def concatenate(self, other):
        """This shape followed by the other's sizes."""
        other = TensorShape(other)
        return TensorShape(None if None in (self.rank, other.rank) else (*self, *other))

    def __add__(self, other):
        return self.concatenate(other)

    def __radd__(self, other):
        return TensorShape(other).concatenate(self)

    def __getitem__(self, key):
        item = tuple.__getitem__(self, key)
        return TensorShape(item) if isinstance(key, slice) else item

    def __eq__(self, other):
        try:
            other = TensorShape(other)
        except TypeError:
            return NotImplemented
        return self.rank == other.rank and tuple.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return tuple.__hash__(self)

    def __bool__(self):
        return self.rank is not None

    def __repr__(self):
        return f"TensorShape({None if self.rank is None else list(self)})"

    def __str__(self):
        return "<unknown>" if self.rank is None else tuple.__repr__(self)

    def __reduce__(self):
        return TensorShape, (None if self.rank is None else list(self),)


class _UnknownShape(TensorShape):
    """The shape of which not even the rank is known: as a tuple of sizes, it is refused.

    A class of its own, so that other shapes are as fast as tuples.
    """

    rank = None

    def __len__(self):
        raise ValueError("Cannot take the length of shape with unknown rank.")

    def __iter__(self):
        raise ValueError("Cannot iterate over a shape with unknown rank.")

    def __contains__(self, size):
        iter(self)

    def __getitem__(self, key):
        if not isinstance(key, slice):
            return None
        start, stop = key.start or 0, key.stop
        return TensorShape(None if stop is None or min(start, stop) < 0 else [None] * (stop - start))


_UnknownShape.__name__ = "TensorShape"
