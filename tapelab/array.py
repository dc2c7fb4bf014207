"""Making, shaping, joining, cutting and gathering tensors.

Most of these are linear, and come in pairs: each one's gradient rule is the other (a slice and
"put back into zeros", a gather and a scatter-add).
"""

import contextlib
import math
import operator
from collections import namedtuple

import numpy as np

from .dtypes import TensorShape
from .errors import (
    DtypeError,
    InvalidArgumentError,
    ShapeError,
    dtype_mismatch,
    shape_mismatch,
    wrong_dtype,
)
from .math import axis_of
from .primitive import P, bare, lead, primitive, record, shape, unbroadcast
from .tensor import (
    IndexedSlices,
    Tensor,
    Variable,
    active,
    as_tensor,
    beside,
    convert_to_tensor,
    integer,
    ints,
    is_tensor,
    new,
    numpy_dtype,
    zero_array,
)

_float32 = np.dtype(np.float32)


def same_dtypes(values, op):
    """A list as tensors of one dtype: the first tensor among them decides, or else the first value."""
    if not isinstance(values, (list, tuple)):
        values = unstack(values)
    if not values:
        raise ShapeError(f"{op} needs at least one tensor, got an empty list [Op:{op}].")
    if type(values[0]) is Tensor:  # mostly there is nothing to do
        dtype = values[0]._a.dtype
        for v in values:
            if type(v) is not Tensor or v._a.dtype is not dtype:
                break
        else:
            return values
    found = next((v.dtype._np for v in values if is_tensor(v)), None)
    if found is None:
        found = as_tensor(values[0])._a.dtype
    xs = [beside(v, found) for v in values]
    for i, x in enumerate(xs):
        if x._a.dtype != xs[0]._a.dtype:
            raise dtype_mismatch(op, i, xs[0].dtype, x.dtype, [y._a.shape for y in xs])
    return xs


# ---------------------------------------------------------------- shape


def _reshape_rule(g, z, x, shape):
    """The cotangent in the input's shape."""
    inner = bare(x).shape
    return P.reshape(g, shape=bare(g).shape[: lead(g, z)] + inner)


def _reshape_forward(x, shape):
    return x.reshape(shape) if shape or x.dtype.kind == "O" else x.reshape(shape)[()]


def _broadcast_forward(x, shape):
    """A view; of a single number made directly, without the iterator that np.broadcast_to makes."""
    if x.size == 1 and x.dtype.kind != "O" and shape:
        return np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    return np.broadcast_to(x, shape)


def _broadcast_rule(g, z, x, shape):
    """The adjoint of repeating is summing."""
    return unbroadcast(g, bare(x).shape, lead(g, z))


def _transpose_rule(g, z, x, perm):
    """The inverse permutation."""
    n = len(perm)
    return P.transpose(g, perm=tuple(perm.index(i - n) - n for i in range(n)))


def _transpose_forward(x, perm):
    """`perm` counts from the right; axes further left stay in front."""
    return np.transpose(x, (*range(x.ndim - len(perm)), *[p + x.ndim for p in perm]))


primitive("reshape", "Reshape", _reshape_forward, _reshape_rule)
primitive("broadcast_to", "BroadcastTo", _broadcast_forward, _broadcast_rule)
primitive("transpose", "Transpose", _transpose_forward, _transpose_rule)


def reshape(tensor, shape, name=None):
    """The same elements in another shape; one size may be -1 and is worked out.

    Raises InvalidArgumentError when the number of elements differs.

    >>> import tapelab as tf
    >>> tf.reshape(tf.range(6), [2, -1]).shape
    TensorShape([2, 3])
    """
    x, new_shape = as_tensor(tensor), ints(shape)
    known = math.prod([n for n in new_shape if n != -1])
    unknown = new_shape.count(-1)
    size = x._a.size
    if unknown > 1 or any(n < -1 for n in new_shape):
        raise ShapeError(
            f"Only one input size may be -1, and the others must be non-negative, not "
            f"{list(new_shape)} [Op:Reshape]"
        )
    if known != size if not unknown else (size % known if known else size):
        raise ShapeError(
            f"Input to reshape is a tensor with {size} values, but the requested shape "
            f"{'requires a multiple of' if unknown else 'has'} {known}: "
            f"cannot make {list(new_shape)} from {list(x._a.shape)} [Op:Reshape]"
        )
    if unknown:
        if not known:  # of an empty tensor: the sizes that are not 0 decide
            size, known = (
                int(np.prod([n for n in s if n > 0], dtype=np.int64)) for s in (x._a.shape, new_shape)
            )
        new_shape = tuple(size // known if n == -1 else n for n in new_shape)
    return P.reshape(x, shape=new_shape)


def broadcast_to(input, shape, name=None):
    """The tensor repeated to a larger shape. InvalidArgumentError when the shapes do not fit.

    >>> import tapelab as tf
    >>> tf.broadcast_to([1, 2], [2, 2]).numpy().tolist()
    [[1, 2], [1, 2]]
    """
    x, shape = as_tensor(input), ints(shape, "sizes")
    fits = zip(x._a.shape[::-1], shape[::-1])
    if len(shape) < x._a.ndim or any(n not in (1, m) for n, m in fits):
        raise shape_mismatch("BroadcastTo", x._a.shape, shape)
    return P.broadcast_to(x, shape=shape)


def broadcast_static_shape(shape_x, shape_y):
    """The shape two shapes broadcast to. ValueError when they do not fit."""
    shapes = ints(shape_x), ints(shape_y)
    try:
        return TensorShape(np.broadcast_shapes(*shapes))
    except ValueError:
        raise shape_mismatch("BroadcastArgs", *shapes) from None


def transpose(a, perm=None, conjugate=False, name="transpose"):
    """The tensor with its axes permuted; reversed without `perm`.

    >>> import tapelab as tf
    >>> tf.transpose([[1, 2], [3, 4]]).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    x = as_tensor(a)
    n = x._a.ndim
    perm = tuple(range(n - 1, -1, -1)) if perm is None else ints(perm, "perm")
    if sorted(p % n if n else p for p in perm) != list(range(n)):
        raise ShapeError(
            f"perm {list(perm)} is not a permutation of the {n} axes of shape {list(x._a.shape)} "
            "[Op:Transpose]"
        )
    z = P.transpose(x, perm=tuple(p % n - n for p in perm))
    return P.conj(z) if conjugate and z._a.dtype.kind == "c" else z


def expand_dims(input, axis, name=None):
    """The tensor with an axis of size 1 inserted at `axis`.

    >>> import tapelab as tf
    >>> tf.expand_dims([1, 2], 0).shape
    TensorShape([1, 2])
    """
    x, n = as_tensor(input), as_tensor(input)._a.ndim + 1
    axis = _indices(axis, "axis", "ExpandDims")
    if axis.size != 1:
        raise ShapeError(f"'dim' must be a tensor with a single value, got {axis!r} [Op:ExpandDims]")
    axis = int(axis.ravel()[0])
    if not -n <= axis < n:
        raise ShapeError(
            f"Tried to expand dim index {axis} for tensor with {n - 1} dimensions [Op:ExpandDims]"
        )
    at = axis % n
    return P.reshape(x, shape=(*x._a.shape[:at], 1, *x._a.shape[at:]))


def squeeze(input, axis=None, name=None):
    """The tensor without its axes of size 1, or without those named.

    Raises InvalidArgumentError when a named axis has another size.

    >>> import tapelab as tf
    >>> tf.squeeze([[[1], [2]]]).shape
    TensorShape([2])
    """
    x = as_tensor(input)
    s, n = x._a.shape, x._a.ndim
    axes = (
        [i for i in range(n) if s[i] == 1]
        if axis is None or not (named := ints(axis, "axis"))
        else [axis_of(x, a, "Squeeze") % n for a in named]
    )
    for a in axes:
        if s[a] != 1:
            raise ShapeError(
                f"Can not squeeze dim[{a}], expected a dimension of 1, got {s[a]} (shape {list(s)}) "
                "[Op:Squeeze]"
            )
    return P.reshape(x, shape=tuple(d for i, d in enumerate(s) if i not in axes))


def shape_of(input, out_type="int32", name=None):
    """The shape as an integer tensor.

    >>> import tapelab as tf
    >>> tf.shape([[1, 2]]).numpy().tolist()
    [1, 2]
    """
    return Tensor(np.array(as_tensor(input)._a.shape, numpy_dtype(out_type or "int32")))


def size(input, out_type="int32", name=None):
    """The number of elements as an integer tensor."""
    return Tensor(numpy_dtype(out_type or "int32").type(as_tensor(input)._a.size))


def rank(input, name=None):
    """The number of axes as an int32 tensor."""
    return Tensor(np.int32(as_tensor(input)._a.ndim))


# ---------------------------------------------------------------- identity and stops


def _identity_rule(g, z, x):
    """The cotangent as it is."""
    return g


primitive("identity", "Identity", lambda x: x, _identity_rule, real=True, rows=True)
primitive("stop_gradient", "StopGradient", lambda x: x)


def identity(input, name=None):
    """The same value as a new tensor, connected to the old one."""
    return P.identity(as_tensor(input))


def stop_gradient(input, name=None):
    """The same value as a new tensor that no gradient passes.

    >>> import tapelab as tf
    >>> x = tf.Variable(2.0)
    >>> with tf.GradientTape() as tape:
    ...     y = x * tf.stop_gradient(x)
    >>> float(tape.gradient(y, x))
    2.0
    """
    return P.stop_gradient(as_tensor(input))


def _identity_n_joint(gs, zs, xs):
    """Each cotangent as it is."""
    return gs


primitive("identity_n", "IdentityN", lambda *xs: tuple(xs), joint=_identity_n_joint, real=True)


def identity_n(input, name=None):
    """The same values as new tensors, from one operation: all inputs count as connected."""
    if not isinstance(input, (list, tuple)):
        input = unstack(input)
    return list(P.identity_n(*[as_tensor(x) for x in input]))


# ---------------------------------------------------------------- slices


def _getitem_rule(g, z, x, key):
    """The cotangent put back at the place it was taken from, zeros elsewhere."""
    return P.unslice(g, key=key, inner=shape(x))


def _unslice_forward(g, key, inner):
    """Adds `g` into zeros at `key`. Only a repeated index needs the slow, adding assignment."""
    extra = g.ndim - np.empty(inner, np.bool_)[key].ndim
    z = np.zeros(g.shape[:extra] + inner, g.dtype)
    z[(slice(None),) * extra + key] = g
    return z[()]


def _unslice_rule(h, z, g, key, inner):
    """Taking is the adjoint of putting back."""
    return P.getitem(h, key=(slice(None),) * (h.ndim - len(inner)) + key)


primitive("getitem", "StridedSlice", lambda x, key: x[key], _getitem_rule)
primitive("unslice", "StridedSliceGrad", _unslice_forward, _unslice_rule)


def _index(x, key):
    """A Python index as NumPy's, checked as TensorFlow checks it."""
    # A list at the top is a tuple, as in TensorFlow: x[[0, 1]] is x[0, 1].
    key = tuple(key) if isinstance(key, tuple | list) else (key,)
    if (
        len(key) == 1
        and isinstance(key[0], (Tensor, np.ndarray))
        and bare(key[0]).dtype.kind == "b"
    ):
        mask = np.asarray(bare(key[0]))
        if not mask.ndim:
            raise ValueError("mask cannot be scalar.")
        if mask.shape != x._a.shape[: mask.ndim]:
            raise shape_mismatch("BooleanMask", mask.shape, x._a.shape)
        return (mask,)
    if sum(k is Ellipsis for k in key) > 1:
        raise ShapeError("Multiple ellipses in slice spec not allowed [Op:StridedSlice]")
    out, used = [], 0
    for k in key:
        k = as_tensor(k) if isinstance(k, Variable) else k
        if isinstance(k, (Tensor, np.ndarray, np.generic)):
            a = bare(k)
            if a.ndim or a.dtype.kind not in "iu":
                raise _bad_index(k)
            k = int(a)
        if isinstance(k, slice):
            k = slice(*[None if v is None else _whole(v) for v in (k.start, k.stop, k.step)])
            if k.step == 0:
                raise ShapeError(f"strides[{len(out)}] must be non-zero [Op:StridedSlice]")
        elif not (
            k is None or k is Ellipsis or hasattr(k, "__index__") and not isinstance(k, bool)
        ):
            raise _bad_index(k)
        used += k is not None and k is not Ellipsis
        out.append(k)
    s = x._a.shape
    if used > len(s):
        raise ShapeError(
            f"Index out of range using input dim {len(s)}; input has only {len(s)} dims [Op:StridedSlice]"
        )
    return tuple(out)


def _bad_index(k):
    return TypeError(
        f"Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 "
        f"tensors are valid indices, got {k!r}. A list of rows is for tf.gather(x, rows)."
    )


def _whole(k):
    """The end or step of a slice as an integer."""
    try:
        return operator.index(k)
    except (TypeError, AttributeError):
        raise _bad_index(k) from None


def getitem(x, key, box=Tensor):
    """`x[key]`: integers, slices, `...`, `None`, scalar integer tensors, or one boolean mask."""
    key = _index(x, key)
    try:
        a = x._a[key]
    except IndexError as e:
        raise InvalidArgumentError(f"slice index out of bounds: {e} [Op:StridedSlice]") from e
    z = new(box)
    z._a = a if type(a) is not bytes else np.array(a, object)
    if active.tapes:
        record(P.getitem, {"key": key}, z, (x,))
    return z


Tensor.__getitem__ = getitem  # type: ignore[assignment,method-assign]


def slice_(input_, begin, size, name=None):
    """The block of `size` that starts at `begin`; a size of -1 runs to the end.

    >>> import tapelab as tf
    >>> tf.slice([1, 2, 3], [1], [2]).numpy().tolist()
    [2, 3]
    """
    x, begin, size = as_tensor(input_), ints(begin), ints(size)
    if not len(begin) == len(size) == x._a.ndim:
        raise ShapeError(
            f"Expected begin and size arguments to be 1-D tensors of size {x._a.ndim}, but got {begin} "
            f"and {size} [Op:Slice]"
        )
    for b, s, n in zip(begin, size, x._a.shape):
        if not 0 <= b <= n or s != -1 and not 0 <= s <= n - b:
            raise ShapeError(
                f"Expected begin and size inside the shape {list(x._a.shape)}, but got {begin} and "
                f"{size} [Op:Slice]"
            )
    return getitem(x, tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size)))


def strided_slice(
    input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
    shrink_axis_mask=0, var=None, name=None,
):  # fmt: skip
    """What `x[begin:end:strides, ...]` stands for; bits of the masks change single axes."""
    begin, end = ints(begin), ints(end)
    strides = ints(strides) if strides is not None else (1,) * len(begin)
    if not len(begin) == len(end) == len(strides):
        raise ShapeError(
            f"begin, end and strides must have one number for each axis, got {begin}, {end} and {strides} "
            f"[Op:StridedSlice]"
        )
    key = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        if ellipsis_mask >> i & 1:
            key.append(Ellipsis)
        elif new_axis_mask >> i & 1:
            key.append(None)
        elif shrink_axis_mask >> i & 1:
            key.append(b)
        else:
            key.append(
                slice(None if begin_mask >> i & 1 else b, None if end_mask >> i & 1 else e, s)
            )
    return getitem(as_tensor(input_), tuple(key))


def boolean_mask(tensor, mask, axis=None, name="boolean_mask"):
    """The elements (along `axis`) where a boolean mask is True.

    >>> import tapelab as tf
    >>> tf.boolean_mask([1, 2, 3], [True, False, True]).numpy().tolist()
    [1, 3]
    """
    x, m = as_tensor(tensor), as_tensor(mask)._a
    if not m.ndim:
        raise ValueError("mask cannot be scalar.")
    at = 0 if axis is None else axis_of(x, axis, "BooleanMask") % x._a.ndim
    if x._a.shape[at : at + m.ndim] != m.shape:
        raise ValueError(f"Shapes {x._a.shape[at:]} and {m.shape} are incompatible")
    return P.getitem(x, key=(slice(None),) * at + (np.asarray(m, bool),))


# ---------------------------------------------------------------- joining and splitting


def _concat_rule(g, z, *xs, axis, index):
    """Each input's own stretch of the cotangent."""
    start = sum(shape(x)[axis] for x in xs[:index])
    stretch = slice(start, start + shape(xs[index])[axis])
    return P.getitem(g, key=(Ellipsis, stretch) + (slice(None),) * (-1 - axis))


def _stack_rule(g, z, *xs, axis, index):
    """Each input's own layer of the cotangent."""
    return P.getitem(g, key=(Ellipsis, index) + (slice(None),) * (-1 - axis))


primitive(
    "concat", "ConcatV2", lambda *xs, axis: np.concatenate(xs, axis), _concat_rule, variadic=True
)
primitive("stack", "Pack", lambda *xs, axis: np.stack(xs, axis), _stack_rule, variadic=True)


def concat(values, axis, name="concat"):
    """Tensors joined along an axis they have.

    Raises InvalidArgumentError for different dtypes, or shapes that differ elsewhere.

    >>> import tapelab as tf
    >>> tf.concat([[1], [2, 3]], axis=0).numpy().tolist()
    [1, 2, 3]
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    xs = same_dtypes(values, "ConcatV2")
    if not isinstance(axis, int) and as_tensor(axis)._a.size == 1:
        axis = as_tensor(axis)._a.ravel()[0]  # [0] is taken for 0
    axis = axis_of(xs[0], axis, "ConcatV2")
    if len(xs) == 1:
        return identity(xs[0])
    # From the left: stacks of cotangents in front must not shift the axis.
    return P.concat(*xs, axis=axis)


def stack(values, axis=0, name="stack"):
    """Tensors of one shape joined along a new axis.

    Raises InvalidArgumentError for different shapes or dtypes.

    >>> import tapelab as tf
    >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    if isinstance(values, (Tensor, Variable)):
        values = unstack(values)
    elif axis == 0 and not any(map(is_tensor, values if isinstance(values, (list, tuple)) else ())):
        with contextlib.suppress(ValueError, TypeError):  # or else one by one
            return as_tensor(values)
    xs = same_dtypes(values, "Pack")
    n, axis = xs[0]._a.ndim + 1, integer(axis, "axis", "Pack")
    if not -n <= axis < n:
        raise ValueError(f"Argument `axis` = {axis} not in range [{-n}, {n})")
    for i, x in enumerate(xs):
        if x._a.shape != xs[0]._a.shape:
            raise ShapeError(
                f"Shapes of all inputs must match: values[0].shape = {list(xs[0]._a.shape)} != "
                f"values[{i}].shape = {list(x._a.shape)} [Op:Pack]"
            )
    return P.stack(*xs, axis=axis % n - n)


def unstack(value, num=None, axis=0, name="unstack"):
    """The layers of a tensor along an axis, as a list.

    >>> import tapelab as tf
    >>> [float(t) for t in tf.unstack([1.0, 2.0])]
    [1.0, 2.0]
    """
    x = as_tensor(value)
    axis = axis_of(x, axis, "Unpack")
    if num is not None and num != x._a.shape[axis]:
        raise ShapeError(f"Axis {axis} has {x._a.shape[axis]} layers, not num = {num} [Op:Unpack]")
    tail = (slice(None),) * (-1 - axis)
    return [P.getitem(x, key=(Ellipsis, i) + tail) for i in range(x._a.shape[axis])]


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """The tensor cut along an axis: into equal parts, or parts of given sizes (one may be -1).

    Raises InvalidArgumentError when the parts do not add up.

    >>> import tapelab as tf
    >>> [t.numpy().tolist() for t in tf.split([1, 2, 3], [1, 2])]
    [[1], [2, 3]]
    """
    x = as_tensor(value)
    axis = axis_of(x, axis, "Split")
    n = x._a.shape[axis]
    if not as_tensor(num_or_size_splits)._a.ndim:
        parts = integer(num_or_size_splits, "num_or_size_splits", "Split")
        if parts < 1 or n % parts:
            raise ShapeError(
                f"Dimension size, {n}, must be evenly divisible by the number of splits, {parts} [Op:Split]"
            )
        sizes = [n // parts] * parts
    else:
        sizes = list(ints(num_or_size_splits, "num_or_size_splits"))
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = n - sum(sizes) - 1
        if sum(sizes) != n or min(sizes, default=0) < 0:
            raise ShapeError(
                f"Determined shape must match the input: sizes {list(ints(num_or_size_splits))} do not add "
                f"up to {n} [Op:SplitV]"
            )
    ends = np.cumsum([0, *sizes]).tolist()
    tail = (slice(None),) * (-1 - axis)
    return [P.getitem(x, key=(Ellipsis, slice(a, b), *tail)) for a, b in zip(ends, ends[1:])]


def _tile_rule(g, z, x, multiples):
    """Every copy's cotangent, added up."""
    front, inner = shape(g)[: lead(g, z)], shape(x)
    both = [n for pair in zip(multiples, inner) for n in pair]
    g = P.reshape(g, shape=front + tuple(both))
    return P.sum(g, axis=tuple(range(-2 * len(inner), 0, 2)), keepdims=False)


def _repeat_rule(g, z, x, repeats, axis):
    """Every copy's cotangent, added up."""
    rows = np.repeat(np.arange(shape(x)[axis]), repeats)
    return P.scatter_rows(g, indices=rows, axis=axis, size=shape(x)[axis])


primitive(
    "tile",
    "Tile",
    lambda x, multiples: np.tile(x, (1,) * (x.ndim - len(multiples)) + multiples),
    _tile_rule,
)
primitive("repeat", "Repeat", lambda x, repeats, axis: np.repeat(x, repeats, axis), _repeat_rule)


def tile(input, multiples, name=None):
    """The tensor laid out `multiples[i]` times along each axis.

    >>> import tapelab as tf
    >>> tf.tile([1, 2], [2]).numpy().tolist()
    [1, 2, 1, 2]
    """
    x, multiples = as_tensor(input), ints(multiples)
    if len(multiples) != x._a.ndim:
        raise ShapeError(
            f"Expected multiples argument to be a vector of length {x._a.ndim} but got length "
            f"{len(multiples)} [Op:Tile]"
        )
    return P.tile(x, multiples=multiples)


def repeat(input, repeats, axis=None, name=None):
    """Each element `repeats` times in a row, along an axis (flattened without one).

    >>> import tapelab as tf
    >>> tf.repeat([1, 2], 2).numpy().tolist()
    [1, 1, 2, 2]
    """
    x = as_tensor(input)
    if axis is None or not x._a.ndim:
        x, axis = reshape(x, [-1]), axis or 0
    axis = axis_of(x, axis, "Repeat")
    counts = np.asarray(_indices(repeats, "repeats", "Repeat"))
    if counts.size and counts.min() < 0:
        raise ShapeError(f"`repeats` must be >= 0, got {counts.min()} [Op:Repeat]")
    if counts.ndim > 1 or counts.size not in (1, x._a.shape[axis]):
        raise ShapeError(
            f"Dimensions {counts.size} and {x._a.shape[axis]} are not compatible: repeats is one number "
            "or one for each element [Op:Repeat]"
        )
    # Beyond what an array can hold NumPy does not stop.
    ints([max(1, int(np.sum(counts, dtype=float))) * max(1, x._a.size)], "sizes")
    return P.repeat(x, repeats=np.broadcast_to(counts, (x._a.shape[axis],)), axis=axis)


def _reverse_rule(g, z, x, axis):
    """Reversed again."""
    return P.reverse(g, axis=axis)


def _roll_rule(g, z, x, shift, axis):
    """Rolled back."""
    return P.roll(g, shift=tuple(-s for s in shift), axis=axis)


primitive("reverse", "ReverseV2", lambda x, axis: np.flip(x, axis), _reverse_rule)
primitive("roll", "Roll", lambda x, shift, axis: np.roll(x, shift, axis), _roll_rule)


def reverse(tensor, axis, name=None):
    """The tensor with some axes back to front.

    >>> import tapelab as tf
    >>> tf.reverse([1, 2, 3], [0]).numpy().tolist()
    [3, 2, 1]
    """
    x, axes = convert_to_tensor(tensor), ints(axis)
    if not x._a.ndim:
        return P.identity(x)
    if not np.ndim(axis):
        raise ShapeError(f"axis must be a list of axes, got {axis!r} [Op:ReverseV2]")
    n, found = x._a.ndim, []
    for i, a in enumerate(axes):
        if not -n <= a < n:
            raise ShapeError(f"'axis'[{i}] = {a} is out of valid range [{-n}, {n - 1}] [Op:ReverseV2]")
        if a % n - n in found:
            raise ShapeError(f"axis {a % n} specified more than once [Op:ReverseV2]")
        found.append(a % n - n)
    return P.reverse(x, axis=tuple(found))


def roll(input, shift, axis, name=None):
    """The tensor with its elements moved along axes; what falls off comes in at the other end.

    >>> import tapelab as tf
    >>> tf.roll([1, 2, 3], 1, 0).numpy().tolist()
    [3, 1, 2]
    """
    x, shift = as_tensor(input), ints(shift, "shift")
    axis = tuple(axis_of(x, a, "Roll") for a in ints(axis, "axis"))
    if len(shift) != len(axis):
        raise ShapeError(f"shift and axis must have the same size: {len(shift)} and {len(axis)} [Op:Roll]")
    return P.roll(x, shift=shift, axis=axis)


def _pad_rule(g, z, x, paddings):
    """The part that is not padding."""
    return P.getitem(g, key=(Ellipsis, *(slice(a, a + n) for (a, _), n in zip(paddings, shape(x)))))


def _pad_forward(x, paddings, value=0):
    front = ((0, 0),) * (x.ndim - len(paddings))
    if not x.ndim:
        return x
    return np.pad(x, front + paddings, constant_values=value)


primitive(
    "pad", "Pad", _pad_forward, lambda g, z, x, paddings, value=0: _pad_rule(g, z, x, paddings)
)


def pad(tensor, paddings, mode="CONSTANT", constant_values=0, name=None):
    """The tensor with a border: a constant, or its own values mirrored (REFLECT, SYMMETRIC).

    Args:
      paddings: integers of shape (rank, 2), before and after each axis.
    Raises:
      InvalidArgumentError: paddings of another shape. ValueError: an unknown mode.

    >>> import tapelab as tf
    >>> tf.pad([1, 2], [[1, 0]], constant_values=9).numpy().tolist()
    [9, 1, 2]
    """
    x = as_tensor(tensor)
    if as_tensor(paddings)._a.ndim != 2 or as_tensor(paddings)._a.shape[1] != 2:
        raise ShapeError(f"paddings must be a matrix with 2 columns, got {paddings!r} [Op:Pad]")
    pairs = tuple(map(tuple, _indices(paddings, "paddings", "Pad").tolist()))
    if len(pairs) != x._a.ndim:
        raise ShapeError(
            f"The first dimension of paddings must be the rank of inputs: {len(pairs)} pairs for shape "
            f"{list(x._a.shape)} [Op:Pad]"
        )
    if any(n < 0 for pair in pairs for n in pair):
        raise ShapeError(f"paddings must be non-negative, got {list(pairs)} [Op:Pad]")
    mode = str(mode).upper()
    if mode == "CONSTANT":
        if not is_tensor(constant_values):  # a zero of any type will do
            zero = isinstance(constant_values, (int, float)) and constant_values == 0
            zero = zero_array((), x._a.dtype) if zero else None
            constant_values = as_tensor(constant_values, x._a.dtype) if zero is None else Tensor(zero)
        value = as_tensor(constant_values)._a
        if value.ndim:
            raise ShapeError(f"constant_values must be a scalar, got {list(value.shape)} [Op:PadV2]")
        return P.pad(x, paddings=pairs, value=value)
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise ValueError(
            "Value of argument `mode` expected to be 'CONSTANT', 'REFLECT' or 'SYMMETRIC'. Received "
            f"`mode` = {mode}"
        )
    for axis, pair in enumerate(pairs):
        if max(pair) > x._a.shape[axis] - (mode == "REFLECT"):
            raise ShapeError(
                f"paddings must be no greater than the dimension size (REFLECT: less): {pair} for "
                f"size {x._a.shape[axis]} [Op:MirrorPad]"
            )
        if any(pair):
            rows = np.pad(np.arange(x._a.shape[axis]), pair, mode=mode.lower())
            x = P.gather_dense(x, indices=rows, axis=axis - len(pairs))
    return x


# ---------------------------------------------------------------- gather and scatter


def _gather_rule(g, z, x, indices, axis):
    """Each cotangent goes back to the row its value came from; repeated rows add up."""
    if axis == -x.ndim and lead(g, z) == 0:
        inner = shape(x)[1:]
        values = P.reshape(g, shape=(indices.size, *inner))
        return IndexedSlices(
            _box(values), Tensor(indices.reshape(-1)), Tensor(np.array(shape(x), np.int32))
        )
    return P.scatter_rows(g, indices=indices, axis=axis, size=shape(x)[axis])


def _box(x):
    return x if isinstance(x, Tensor) else Tensor(x)


def _scatter_forward(g, indices, axis, size):
    """Adds rows of `g` into zeros. `axis` counts from the right after the indices' axes are one."""
    tail = -1 - axis
    head = g.ndim - tail - indices.ndim
    z = np.zeros(g.shape[:head] + (size,) + g.shape[g.ndim - tail :], g.dtype)
    np.add.at(z, (slice(None),) * head + (indices,), g)
    return z


def _scatter_rule(h, z, g, indices, axis, size):
    """Gathering is the adjoint of scattering."""
    return P.gather_dense(h, indices=indices, axis=axis)


def _gather_dense_rule(g, z, x, indices, axis):
    """Scattering is the adjoint of gathering."""
    return P.scatter_rows(g, indices=indices, axis=axis, size=shape(x)[axis])


def _take(x, indices, axis):
    return np.take(x, indices, axis=axis)


primitive("gather_sparse", "GatherV2", _take, _gather_rule, real=True)
primitive("gather_dense", "GatherV2", _take, _gather_dense_rule)
primitive("scatter_rows", "UnsortedSegmentSum", _scatter_forward, _scatter_rule)


def _indices(value, what, op, rank=None):
    """An argument that must be integers (and have `rank` axes, at least), as an array."""
    a = as_tensor(value)._a
    if a.dtype.kind not in "iu":
        raise DtypeError(
            f"Value for attr 'Tindices' of {as_tensor(value).dtype.name} is not in the list of allowed "
            f"values: int16, int32, int64 ({what} must be integers) [Op:{op}]"
        )
    if rank is not None and a.ndim < rank:
        raise ShapeError(f"{what} must have at least {rank} axes, got shape {a.shape} [Op:{op}]")
    return a


def _brief(numbers):
    return "[" + ",".join(str(int(n)) for n in numbers) + "]"


def _checked(indices, n, what, name="indices"):
    a = _indices(indices, name, what)
    bad = np.argwhere((a < 0) | (a >= n))
    if len(bad):
        at = tuple(bad[0])
        raise InvalidArgumentError(
            f"{name}{_brief(at)} = {a[at]} is not in [0, {n}) [Op:{what}]"
        )
    return np.asarray(a)


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """The rows (or layers along `axis`) that `indices` names.

    Args:
      params: tensor. indices: integer tensor. axis: default `batch_dims`.
      batch_dims: leading axes that params and indices share.
    Returns:
      Tensor of shape params.shape[:axis] + indices.shape[batch_dims:] + params.shape[axis+1:]. Its
      gradient along axis 0 is an `IndexedSlices`.
    Raises:
      InvalidArgumentError: an index outside the axis.

    >>> import tapelab as tf
    >>> tf.gather([10, 20, 30], [2, 0]).numpy().tolist()
    [30, 10]
    """
    x = as_tensor(params)
    at_front = axis is None or axis == 0
    axis = axis_of(x, batch_dims if axis is None else axis, "GatherV2")
    n = x._a.shape[axis]
    i = _checked(indices, n, "GatherV2")
    if batch_dims:
        b = batch_dims + i.ndim if batch_dims < 0 else batch_dims
        if i.shape[:b] != x._a.shape[:b]:
            raise shape_mismatch("GatherV2", x._a.shape[:b], i.shape[:b])
        front = int(np.prod(i.shape[:b]))
        at = axis + x._a.ndim
        moved = transpose(x, [*range(b), at, *[a for a in range(b, x._a.ndim) if a != at]])
        flat = reshape(moved, [front * n, *moved._a.shape[b + 1 :]])
        rows = i.reshape(front, int(np.prod(i.shape[b:]))) + np.arange(front)[:, None] * n
        z = P.gather_dense(flat, indices=rows.reshape(i.shape), axis=-flat._a.ndim)
        if at == b:
            return z
        k, extra = i.ndim - b, at - b
        order = [
            *range(b),
            *range(b + k, b + k + extra),
            *range(b, b + k),
            *range(b + k + extra, z._a.ndim),
        ]
        return transpose(z, order)
    # Rows for an axis of 0 as written; TensorFlow makes -1 of a vector dense.
    p = P.gather_sparse if axis == -x._a.ndim and at_front else P.gather_dense
    return p(x, indices=i, axis=axis)


def gather_nd(params, indices, batch_dims=0, name=None, bad_indices_policy=""):
    """Slices of `params` at the multi-indices in the last axis of `indices`.

    >>> import tapelab as tf
    >>> tf.gather_nd([[1, 2], [3, 4]], [[1, 1], [0, 0]]).numpy().tolist()
    [4, 1]
    """
    x, i = as_tensor(params), _indices(indices, "indices", "GatherNd", 1)
    batch_dims = integer(batch_dims, "batch_dims", "GatherNd")
    if batch_dims:
        if x._a.shape[:1] != i.shape[:1]:
            raise shape_mismatch("GatherNd", x._a.shape, i.shape)
        parts = [gather_nd(p, ix, batch_dims - 1) for p, ix in zip(unstack(x), unstack(Tensor(i)))]
        return stack(parts)
    flat, n, depth = _ravel(i, x._a.shape, "GatherNd")
    if depth == 1:
        flat = np.asarray(i[..., 0])  # keeps the dtype of the indices
    rows = reshape(x, [n, *x._a.shape[depth:]]) if depth != 1 else x
    p = P.gather_sparse if depth == 1 and i.ndim == 2 else P.gather_dense
    return p(rows, indices=flat, axis=-rows._a.ndim)


def _ravel(i, full, what):
    """Multi-indices into the leading axes of a shape, checked: (flat ones, their range, their depth)."""
    if not i.ndim or i.shape[-1] > len(full):
        raise ShapeError(
            f"index innermost dimension length must be <= params rank; saw: {list(i.shape[-1:])} vs. "
            f"{len(full)}. The last axis of indices holds one index per axis of {list(full)}, from the "
            f"first on; got indices of shape {list(i.shape)} [Op:{what}]"
        )
    depth = i.shape[-1]
    dims = full[:depth]
    n = int(np.prod(dims))
    bad = np.argwhere(((i < 0) | (i >= np.array(dims, np.int64))).any(-1))
    if len(bad):
        at = tuple(bad[0])
        raise InvalidArgumentError(
            f"indices{_brief(at)} = {i[at].tolist()} does not index into shape {_brief(dims)} "
            f"[Op:{what}]"
        )
    flat = np.zeros(i.shape[:-1], np.int64)
    for k, d in enumerate(dims):
        flat = flat * d + i[..., k]
    return np.asarray(flat), n, depth


def _scattered(indices, updates, full, what):
    """`_ravel`, for updates of the shape that fits."""
    i = _indices(indices, "indices", what)
    flat, n, depth = _ravel(i, full, what)
    have, m = updates._a.shape, i.ndim - 1
    if i.ndim < 2:
        raise ShapeError(
            f"indices must be a matrix at least, one row per update, got {list(i.shape)} [Op:{what}]"
        )
    if have[:m] != i.shape[:-1]:
        raise ShapeError(
            f"Dimensions [0,{m}) of indices[shape={_brief(i.shape)}] must match dimensions [0,{m}) of "
            f"updates[shape={_brief(have)}] [Op:{what}]"
        )
    if have[m:] != full[depth:]:
        raise ShapeError(
            f"Dimensions [{depth},{len(full)}) of input[shape={_brief(full)}] must match dimensions "
            f"[{m},{len(have)}) of updates[shape={_brief(have)}] [Op:{what}]"
        )
    return flat, n, depth


def scatter_nd(indices, updates, shape, name=None):
    """Updates added into zeros of `shape` at the multi-indices given.

    >>> import tapelab as tf
    >>> tf.scatter_nd([[1], [1]], [5, 6], [3]).numpy().tolist()
    [0, 11, 0]
    """
    u, full = as_tensor(updates), ints(shape)
    if 0 in full and as_tensor(indices)._a.size and u._a.size:
        raise ShapeError("Indices and updates specified for empty output shape [Op:ScatterNd]")
    flat, n, depth = _scattered(indices, u, full, "ScatterNd")
    z = P.scatter_rows(u, indices=flat, axis=depth - 1 - len(full), size=n)
    return P.reshape(z, shape=full)


def tensor_scatter_nd_add(tensor, indices, updates, name=None):
    """`tensor` with updates added at the multi-indices given."""
    x = as_tensor(tensor)
    return x + scatter_nd(indices, beside(updates, x._a.dtype), x._a.shape)


def tensor_scatter_nd_sub(tensor, indices, updates, name=None):
    """`tensor` with updates subtracted at the multi-indices given."""
    x = as_tensor(tensor)
    u = beside(updates, x._a.dtype)
    return tensor_scatter_nd_add(x, indices, -u)


def tensor_scatter_nd_update(tensor, indices, updates, name=None):
    """`tensor` with updates written at the multi-indices given; where two meet, the last one stays.

    >>> import tapelab as tf
    >>> tf.tensor_scatter_nd_update([1, 2, 3], [[1]], [9]).numpy().tolist()
    [1, 9, 3]
    """
    x = as_tensor(tensor)
    u = beside(updates, x._a.dtype)
    full = x._a.shape
    flat, n, depth = _scattered(indices, u, full, "TensorScatterUpdate")
    if not flat.size:
        return P.identity(x)
    winner = np.full(n, -1)
    winner[flat.ravel()] = np.arange(flat.size)  # of updates at one place the last one stays
    rows = reshape(u, [flat.size, *full[depth:]])
    new = P.gather_dense(rows, indices=np.maximum(winner, 0), axis=depth - 1 - len(full))
    hit = (winner >= 0).reshape(full[:depth] + (1,) * (len(full) - depth))
    return where(Tensor(hit), reshape(new, full), x)


def dense(slices):
    """An `IndexedSlices` as a tensor: repeated rows add up. ValueError without a dense shape."""
    if slices.dense_shape is None:
        raise ValueError("Tensor conversion requested for IndexedSlices without a dense_shape.")
    full = ints(slices.dense_shape)
    if slices.values._a.ndim == len(full):  # else there is a stack of them
        return unsorted_segment_sum(slices.values, slices.indices, full[0])
    return P.scatter_rows(slices.values, indices=slices.indices._a, axis=-len(full), size=full[0])


def _along_rule(g, z, x, indices):
    """Back along the last axis to where each value came from."""
    return P.put_along(g, indices=indices, size=shape(x)[-1])


def _put_along(g, indices, size):
    z = np.zeros(g.shape[:-1] + (size,), g.dtype)
    np.put_along_axis(z, np.broadcast_to(indices, g.shape), g, -1)
    return z


def _put_along_rule(h, z, g, indices, size):
    """Taking is the adjoint of putting."""
    return P.take_along(h, indices=indices)


def _take_along(x, indices):
    return np.take_along_axis(
        x, np.broadcast_to(indices, x.shape[: x.ndim - indices.ndim] + indices.shape), -1
    )


primitive("take_along", "GatherV2", _take_along, _along_rule)
primitive("put_along", "ScatterNd", _put_along, _put_along_rule)


TopKV2 = namedtuple("TopKV2", ["values", "indices"])


def top_k(input, k=1, sorted=True, index_type="int32", name=None):
    """The `k` largest values along the last axis, and where they are. (values, indices)

    >>> import tapelab as tf
    >>> v, i = tf.math.top_k([3.0, 1.0, 2.0], k=2)
    >>> v.numpy().tolist(), i.numpy().tolist()
    ([3.0, 2.0], [0, 2])
    """
    x = as_tensor(input)
    if x._a.dtype.kind not in "fiu":
        raise wrong_dtype("TopKV2", x.dtype)
    k = integer(k, "k", "TopKV2")
    if k < 0:
        raise ShapeError(f"Need k >= 0, got {k} [Op:TopKV2]")
    if not x._a.ndim or k > x._a.shape[-1]:
        raise ShapeError(
            f"input must have at least k={k} columns, and k be at least 0: got shape "
            f"{list(x._a.shape)} [Op:TopKV2]"
        )
    order = np.argsort(_turned(x._a), axis=-1, kind="stable")[..., :k]
    return TopKV2(P.take_along(x, indices=order), Tensor(order.astype(numpy_dtype(index_type))))


def _turned(a):
    """Values in the opposite order; integers by their bits, because -a can overflow."""
    return -a if a.dtype.kind == "f" else ~a


def _order(x, axis, direction):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"Argument `direction` should be ASCENDING or DESCENDING, got {direction}")
    a = x if direction == "ASCENDING" else _turned(x)
    return np.argsort(a, axis=axis, kind="stable")


def _argsort_forward(x, axis, direction):
    return _order(x, axis, direction).astype(np.int32)


primitive("argsort", "TopKV2", _argsort_forward, kinds="fiu")


def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """The indices that sort a tensor along an axis (int32); equal values keep their order."""
    x = as_tensor(values)
    return P.argsort(x, axis=axis_of(x, axis, "ArgSort"), direction=direction)


def sort(values, axis=-1, direction="ASCENDING", name=None):
    """The values in order along an axis.

    >>> import tapelab as tf
    >>> tf.sort([3.0, 1.0, 2.0]).numpy().tolist()
    [1.0, 2.0, 3.0]
    """
    x = as_tensor(values)
    if x._a.dtype.kind not in "fiu":
        raise wrong_dtype("TopKV2", x.dtype)
    axis = axis_of(x, axis, "Sort")
    if axis == -1:
        return P.take_along(x, indices=_order(x._a, -1, direction))
    n = x._a.ndim
    perm = [a for a in range(n) if a != n + axis] + [n + axis]
    z = sort(transpose(x, perm), -1, direction)
    return transpose(z, [perm.index(a) for a in range(n)])


def unsorted_segment_sum(data, segment_ids, num_segments, name=None):
    """The sum of the rows with the same segment id; negative ids are dropped.

    >>> import tapelab as tf
    >>> tf.math.unsorted_segment_sum([1.0, 2.0, 3.0], [0, 1, 0], 2).numpy().tolist()
    [4.0, 2.0]
    """
    x, ids, n = _segments(data, segment_ids, num_segments, "UnsortedSegmentSum")
    return P.scatter_rows(x, indices=ids, axis=-1 - (x._a.ndim - ids.ndim), size=n)


def _segments(data, segment_ids, num_segments, op):
    """Data, ids (the negative ones dropped) and how many segments, checked."""
    x, ids = as_tensor(data), _indices(segment_ids, "segment_ids", op)
    n = integer(num_segments, "num_segments", op)
    if x._a.dtype.kind not in "fciu":
        raise wrong_dtype(op, x.dtype)
    if x._a.shape[: ids.ndim] != ids.shape:
        raise ShapeError(
            f"data.shape = {list(x._a.shape)} does not start with segment_ids.shape = {list(ids.shape)} "
            f"[Op:{op}]"
        )
    ints([n, *x._a.shape[ids.ndim :]], "sizes")
    keep = ids >= 0
    if not keep.all():
        x, ids = P.getitem(x, key=(np.asarray(keep),)), ids[keep]
    return x, _checked(Tensor(ids), n, op), n


def segment_sum(data, segment_ids, name=None):
    """The sum of the rows with the same segment id; ids start at 0 and never fall."""
    x = as_tensor(data)
    ids, n = as_sorted(x, segment_ids, "SegmentSum")
    return unsorted_segment_sum(x, ids, n)


def as_sorted(x, segment_ids, op):
    """Segment ids, checked to be a vector as long as `x` that starts at 0 and never falls."""
    ids = as_tensor(segment_ids)._a
    if not x._a.ndim or ids.ndim != 1:
        raise ShapeError(
            f"input must be at least rank 1, segment_ids should be a vector: got shapes "
            f"{list(x._a.shape)} and {list(ids.shape)} [Op:{op}]"
        )
    ids = _indices(segment_ids, "segment_ids", op)
    if len(ids) != len(x._a):
        raise ShapeError(
            f"segment_ids should be the same size as dimension 0 of input: {len(ids)} and "
            f"{len(x._a)} [Op:{op}]"
        )
    if np.any(np.diff(ids) < 0) or np.any(ids < 0):
        raise InvalidArgumentError(
            f"segment ids are not increasing; segment ids must be >= 0, got {ids.tolist()} [Op:{op}]"
        )
    n = int(ids[-1]) + 1 if ids.size else 0
    if n > np.iinfo(np.int32).max:
        raise InvalidArgumentError(f"{n} segments do not fit into memory [Op:{op}]")
    return ids, n


# ---------------------------------------------------------------- where


def _where_x(g, z, c, x, y):
    """The cotangent where the condition holds, 0 elsewhere."""
    return P.where(c, g, np.zeros_like(bare(g)))


def _where_y(g, z, c, x, y):
    """The cotangent where the condition does not hold, 0 elsewhere."""
    return P.where(c, np.zeros_like(bare(g)), g)


primitive(
    "where",
    "SelectV2",
    lambda c, x, y: np.asarray(np.where(c, x, y))[()],
    None,
    _where_x,
    _where_y,
    broadcasts=True,
)


def where(condition, x=None, y=None, name=None):
    """`x` where the condition holds, `y` elsewhere; the indices of True without x and y.

    Both branches are computed before choosing: a NaN or infinity in the gradient of the branch not
    taken, times 0, is NaN. Make the argument safe first.

    >>> import tapelab as tf
    >>> tf.where([True, False], 1.0, 2.0).numpy().tolist()
    [1.0, 2.0]
    """
    c = as_tensor(condition)
    if x is None and y is None:
        if not c._a.ndim:
            raise ShapeError("tf.where of a condition without axes has no indices to give [Op:Where]")
        return Tensor(np.argwhere(c._a).astype(np.int64))
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    if isinstance(condition, np.ndarray) and c._a.dtype.kind in "iuf":
        c = Tensor(c._a != 0)  # NumPy's numbers count as truth values
    if c._a.dtype.kind != "b":
        raise DtypeError(
            f"cannot compute SelectV2 as input #0(zero-based) was expected to be a bool tensor but is a "
            f"{c.dtype.name} tensor [Op:SelectV2]. Compare first: x > 0."
        )
    x, y = same_dtypes([x, y], "SelectV2")
    return P.where(c, x, y)


# ---------------------------------------------------------------- making tensors


def zeros(shape, dtype="float32", name=None, layout=None):
    """Zeros of a shape.

    >>> import tapelab as tf
    >>> tf.zeros([2]).numpy().tolist()
    [0.0, 0.0]
    """
    return Tensor(zero_array(ints(shape, "sizes"), numpy_dtype(dtype)))


def ones(shape, dtype="float32", name=None, layout=None):
    """Ones of a shape.

    >>> import tapelab as tf
    >>> tf.ones([2]).numpy().tolist()
    [1.0, 1.0]
    """
    dt = numpy_dtype(dtype)
    if dt.kind == "O":
        raise DtypeError("There is no string that is one: tf.ones makes numbers and booleans.")
    return Tensor(np.ones(ints(shape, "sizes"), dt)[()])


def fill(dims, value, name=None, layout=None):
    """A shape filled with one value.

    >>> import tapelab as tf
    >>> tf.fill([2], 3).numpy().tolist()
    [3, 3]
    """
    v = as_tensor(value)
    if v._a.shape not in ((), (1,)):
        raise ShapeError(f"value must represent a scalar, got shape {list(v._a.shape)} [Op:Fill]")
    v = P.reshape(v, shape=()) if v._a.ndim else v
    return P.broadcast_to(v, shape=ints(dims, "sizes"))


primitive("zeros_like", "ZerosLike", lambda x, to: zero_array(x.shape, to))
def _ones_like(x, to):
    if to.kind == "O":
        raise DtypeError("There is no string that is one [Op:OnesLike]")
    return np.ones(x.shape, to)[()]


primitive("ones_like", "OnesLike", _ones_like)


def zeros_like(input, dtype=None, name=None, layout=None):
    """Zeros of a tensor's shape (and dtype, unless another is given); no gradient."""
    x = as_tensor(input)
    return P.zeros_like(x, to=numpy_dtype(dtype) or x._a.dtype)


def ones_like(input, dtype=None, name=None, layout=None):
    """Ones of a tensor's shape (and dtype, unless another is given); no gradient."""
    x = as_tensor(input)
    return P.ones_like(x, to=numpy_dtype(dtype) or x._a.dtype)


def eye(num_rows, num_columns=None, batch_shape=None, dtype="float32", name=None):
    """Ones on the diagonal, zeros elsewhere.

    >>> import tapelab as tf
    >>> tf.eye(2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    n = integer(num_rows, "num_rows", "MatrixDiag")
    m = n if num_columns is None else integer(num_columns, "num_columns", "MatrixDiag")
    batch = ints(() if batch_shape is None else batch_shape, "sizes")
    shape = ints((*batch, n, m), "sizes")
    return Tensor(np.broadcast_to(np.eye(n, m, dtype=numpy_dtype(dtype)), shape).copy())


def range_(start, limit=None, delta=1, dtype=None, name="range"):
    """Numbers from `start` up to but not including `limit`, `delta` apart; one argument is the limit.

    >>> import tapelab as tf
    >>> tf.range(3, 10, 3).numpy().tolist()
    [3, 6, 9]
    """
    if limit is None:
        start, limit = 0, start
    dt = numpy_dtype(dtype)
    arrays = [beside(v, dt)._a for v in (start, limit, delta)]
    for a, what in zip(arrays, ("start", "limit", "delta")):
        if a.ndim:
            raise ShapeError(f"{what} must be a scalar, not shape {list(a.shape)} [Op:Range]")
        if a.dtype.kind not in "iuf" or not np.isfinite(a):
            raise InvalidArgumentError(f"{what} must be a finite number, not {a} [Op:Range]")
    if dt is None:
        dt = np.result_type(*arrays)
        if dt == np.float64 and not any(a.dtype == np.float64 for a in arrays):
            dt = _float32
    start, limit, delta = [a.astype(dt) if dt.kind == "f" else int(a) for a in arrays]
    if delta == 0:
        raise InvalidArgumentError("Requires delta != 0 [Op:Range]")
    if delta > 0 and start > limit or delta < 0 and start < limit:
        raise InvalidArgumentError(
            f"Requires start <= limit when delta > 0: {start}/{limit} [Op:Range]"
        )
    # The count and the values are worked out in the dtype itself, as in TensorFlow.
    count = np.ceil(abs((limit - start) / delta)) if dt.kind == "f" else -((start - limit) // delta)
    (count,) = ints([int(min(count, 1 << 62))], "sizes")
    return Tensor((start + np.arange(count).astype(dt) * dt.type(delta)).astype(dt))


def linspace(start, stop, num, name=None, axis=0):
    """`num` evenly spaced numbers from `start` to `stop`, both included; differentiable in both.

    >>> import tapelab as tf
    >>> tf.linspace(0.0, 1.0, 3).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    a, b = same_dtypes([start, stop], "LinSpace")
    num = integer(num, "num", "LinSpace")
    if num < 0:
        raise ShapeError(f"Requires num >= 0: {num} [Op:LinSpace]")
    ints([num], "sizes")
    full = tuple(broadcast_static_shape(a._a.shape, b._a.shape))
    if a._a.dtype.kind in "iu":
        a, b = P.cast(a, to=np.dtype(np.float64)), P.cast(b, to=np.dtype(np.float64))
    a, b = (expand_dims(P.broadcast_to(x, shape=full), axis) for x in (a, b))
    at = integer(axis, "axis", "LinSpace") % a._a.ndim - a._a.ndim
    behind = -1 - at
    steps = np.arange(1, num - 1, dtype=a._a.dtype).reshape(-1, *(1,) * behind)
    z = concat([a, a + (b - a) / max(num - 1, 1) * Tensor(steps), b], at)
    return z if num > 1 else z[(..., slice(num), *[slice(None)] * behind)]


def meshgrid(*args, **kwargs):
    """Coordinate grids from vectors; `indexing` is 'xy' (default) or 'ij'.

    >>> import tapelab as tf
    >>> [t.numpy().tolist() for t in tf.meshgrid([1, 2], [3])]
    [[[1, 2]], [[3, 3]]]
    """
    indexing = kwargs.pop("indexing", "xy")
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function.")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Argument `indexing` must be either 'xy' or 'ij', got '{indexing}'")
    xs = [reshape(x, [-1]) for x in args]
    n = len(xs)
    full = tuple(x._a.size for x in xs)
    grids = [
        P.broadcast_to(reshape(x, [-1 if i == k else 1 for i in range(n)]), shape=full)
        for k, x in enumerate(xs)
    ]
    if indexing == "xy" and n > 1:
        grids = [transpose(g, [1, 0, *range(2, n)]) for g in grids]
    return grids


def _hinted(value, dt):
    """A value as an array of a dtype if it converts, else of its own."""
    with contextlib.suppress(TypeError):
        return beside(value, dt)._a
    return as_tensor(value)._a


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """Rows with `on_value` (1) at the index and `off_value` (0) elsewhere; indices outside give all off.

    >>> import tapelab as tf
    >>> tf.one_hot([1], 3).numpy().tolist()
    [[0.0, 1.0, 0.0]]
    """
    i, depth = as_tensor(indices)._a, integer(depth, "depth", "OneHot")
    if i.dtype.kind not in "iu":
        raise DtypeError(f"one_hot takes integer indices, got {i.dtype} [Op:OneHot].")
    if depth < 0:
        raise ShapeError(f"depth must be non-negative, got: {depth} [Op:OneHot]")
    ints([*i.shape, depth], "sizes")
    dt = numpy_dtype(dtype)
    on, off = (v if v is None else _hinted(v, dt) for v in (on_value, off_value))
    for v, what in ((on, "on_value"), (off, "off_value")):
        dt = dt or (v is not None and v.dtype) or None
        if v is not None and v.dtype != dt:
            raise TypeError(f"dtype {v.dtype} of {what} does not match dtype {dt} of the others.")
    dt = dt or _float32
    on, off = dt.type(1) if on is None else on, dt.type(0) if off is None else off
    if axis is not None and not (isinstance(axis, int) and -1 <= axis <= i.ndim):
        kind = ShapeError if isinstance(axis, int) else TypeError
        raise kind(f"Expected axis to be -1 or between [0, {i.ndim + 1}), got {axis!r} [Op:OneHot]")
    z = np.where(i[..., None] == np.arange(depth), on, off)
    return Tensor(z if axis in (None, -1) else np.moveaxis(z, -1, axis))


def sequence_mask(lengths, maxlen=None, dtype="bool", name=None):
    """Rows that are True (1) for the first `lengths[i]` places."""
    n = _indices(lengths, "lengths", "SequenceMask")
    top = int(n.max(initial=0)) if maxlen is None else integer(maxlen, "maxlen", "SequenceMask")
    ints([*n.shape, top], "sizes")
    return Tensor((np.arange(top) < n[..., None]).astype(numpy_dtype(dtype)))


Unique = namedtuple("Unique", ["y", "idx"])


def unique(x, out_idx="int32", name=None):
    """The distinct values of a vector in order of appearance, and each element's place among them."""
    a = as_tensor(x)._a
    if a.ndim != 1:
        raise ShapeError(f"unique expects a vector, got shape {list(a.shape)} [Op:Unique]")
    _, first, inverse = np.unique(a, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Unique(Tensor(a[np.sort(first)]), Tensor(place[inverse].astype(numpy_dtype(out_idx))))
