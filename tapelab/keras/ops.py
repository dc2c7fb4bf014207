"""tf.keras.ops: functions of tf.* by Keras 3's names and arguments, in the dtypes of Keras.

Operands of several dtypes meet in the widest, floats before integers, and Python's numbers take the
dtype of the tensors. What can only be a float is float32 for integers and booleans. Functions of
KerasTensors are KerasTensors: parts of a functional model.

>>> import tapelab as tf
>>> tf.keras.ops.mean(tf.constant([[1, 2], [3, 4]]), axis=1).numpy().tolist()
[1.5, 3.5]
"""

import functools
from typing import Any

import numpy as np

import tapelab

from .. import nest
from ..array import _checked, _indices
from ..control import _rows, _stacked
from ..custom_gradient import custom_gradient  # noqa: F401
from ..errors import ShapeError
from ..math import axis_of
from ..nn import _nhwc
from ..primitive import P, public
from ..tensor import Tensor, as_tensor, function_of, integer, ints, is_tensor, number, numpy_dtype
from . import activations, losses
from .base_layer import KerasTensor, is_symbolic, symbolic

tf: Any = tapelab  # some names come to their namespaces only as it is imported


_PLAIN = {Tensor, tf.Variable, int, float, bool, str, type(None)}  # no KerasTensor, nor has one inside


def _op(f):
    """`f`, which of KerasTensors makes KerasTensors."""

    @functools.wraps(f)
    def op(*args, **kwargs):
        if {type(x) for x in (*args, *kwargs.values())} <= _PLAIN or not is_symbolic(args, kwargs):
            return f(*args, **kwargs)
        return symbolic(f, args, kwargs)

    return op


def _as(x, dtype):
    """A tensor of `dtype`, converted as `cast` does, and from Python's numbers without a detour."""
    dt = numpy_dtype(dtype)
    return tf.cast(x, dt) if is_tensor(x) or dt.kind in "iub" else as_tensor(x, dt)


def _together(xs, floats=False):
    """Tensors of one dtype, which is that of floats if `floats`."""
    xs = [x if type(x) in (int, float) else as_tensor(x) for x in xs]
    own = [x._a.dtype for x in xs if isinstance(x, Tensor)]
    if len({*own}) == 1 and len(own) == len(xs) and (not floats or own[0].kind in "fc"):
        return xs
    wide = [d for d in own if d.kind in "fc"]
    if wide:
        dt = np.result_type(*wide)
    elif floats or float in [type(x) for x in xs]:
        dt = np.dtype("float32")
    else:
        dt = np.result_type(*own or ["int32"])
        dt = np.dtype("int32") if dt.kind == "b" and len(own) < len(xs) else dt
        dt = np.dtype("float32") if dt.kind == "f" else dt  # int64 and uint64
    return [_as(x, dt) for x in xs]


def _tensors(*xs, floats=False):
    """As `_together`, but Python's numbers have a dtype, too."""
    return _together([as_tensor(x) for x in xs], floats)


def _floats(x):
    return _tensors(x, floats=True)[0]


def _bools(x):
    return tf.cast(x, "bool")


def _numbers(x, dtype="int32"):
    """Booleans as integers, the rest as it is."""
    x = as_tensor(x)
    return tf.cast(x, dtype) if x._a.dtype.kind == "b" else x


def _wide(x, dtype=None):
    """What sums and products are made of: integers of 32 bits and more."""
    x = as_tensor(x)
    if dtype is None and x._a.dtype.kind in "iub" and x._a.dtype.itemsize < 4:
        dtype = "uint32" if x._a.dtype.kind == "u" else "int32"
    return x if dtype is None else tf.cast(x, dtype)


def _flat(x, axis):
    """All elements in a row, if there is no axis."""
    return (tf.reshape(x, [-1]), 0) if axis is None else (as_tensor(x), axis)


def _axes(x, axis, op="Transpose"):
    """One axis or several, counted from the front."""
    return [axis_of(x, a, op) + x._a.ndim for a in ints(axis, "axis")]


# ---------------------------------------------------------------- what needs more than a line


@_op
def where(condition, x1=None, x2=None):
    """`x1` where the condition holds, else `x2`; without them, the indices of what is not 0, by axis."""
    if x1 is None and x2 is None:
        return [tf.cast(i, "int32") for i in tf.unstack(tf.where(_bools(condition)), axis=1)]
    if x1 is None or x2 is None:
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    return tf.where(_bools(condition), *_together([x1, x2]))


@_op
def round(x, decimals=0):
    """`tf.round`, half to even, to so many decimals."""
    if not decimals:
        return tf.round(x)
    x, factor = as_tensor(x), 10.0 ** number(decimals, "decimals", "Round")
    return tf.cast(tf.round(_floats(x) * factor) / factor, x.dtype)


@_op
def norm(x, ord=None, axis=None, keepdims=False):
    """`tf.norm`; with an `ord` and no axis, a matrix has a matrix norm, as in NumPy."""
    x = _floats(x)
    if axis is None and ord is not None and x._a.ndim == 2:
        axis = (0, 1)
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    return tf.norm(x, "euclidean" if ord is None else ord, axis, keepdims)


@_op
def normalize(x, axis=-1, order=2, epsilon=None):
    """x / (its norm along an axis, or `epsilon` if that is larger)."""
    x, least = as_tensor(x), number(losses.EPSILON if epsilon is None else epsilon, "epsilon", "Normalize")
    if integer(order, "order", "Normalize") == 2:
        squares = tf.reduce_sum(tf.square(x), axis, True)
        return x * tf.minimum(tf.math.rsqrt(squares), 1.0 / least)
    return x / tf.maximum(tf.norm(x, order, axis, True), least)


@_op
def matmul(x1, x2):
    """NumPy's x1 @ x2: of matrices, of vectors, or of one and the other."""
    x1, x2 = _tensors(x1, x2)
    if x1._a.dtype == np.int8:
        x1, x2 = _wide(x1), _wide(x2)
    if x2._a.ndim == 1:
        return tf.tensordot(x1, x2, 1)
    return tf.tensordot(x1, x2, [[0], [-2]]) if x1._a.ndim == 1 else tf.matmul(x1, x2)


@_op
def dot(x1, x2):
    """NumPy's dot: the last axis of x1 with the last but one of x2."""
    x1, x2 = _tensors(x1, x2)
    if not x1._a.ndim or not x2._a.ndim:
        return tf.multiply(x1, x2)
    return tf.tensordot(x1, x2, [[-1], [-1 if x2._a.ndim == 1 else -2]])


@_op
def moveaxis(x, source, destination):
    """The tensor with axes moved to other places, the others in their order."""
    x = as_tensor(x)
    come, go = _axes(x, source), _axes(x, destination)
    if len(come) != len(go):
        raise ValueError(f"Inconsistent number of `source` and `destination`: {source}, {destination}.")
    perm = [a for a in range(x._a.ndim) if a not in come]
    for to, a in sorted(zip(go, come)):
        perm.insert(to, a)
    return tf.transpose(x, perm)


@_op
def expand_dims(x, axis):
    """`tf.expand_dims`, of several axes as well."""
    x = as_tensor(x)
    if not isinstance(axis, (list, tuple)):
        return tf.expand_dims(x, axis)
    n = x._a.ndim + len(axis)
    for a in sorted(a + n if a < 0 else a for a in ints(axis, "axis")):
        x = tf.expand_dims(x, a)
    return x


@_op
def split(x, indices_or_sections, axis=0):
    """So many equal parts, or the parts between the indices of a list."""
    x, cuts = as_tensor(x), as_tensor(indices_or_sections)
    if not cuts._a.ndim:
        return tf.split(x, integer(cuts, "indices_or_sections", "Split"), axis)
    ends = [0, *ints(cuts, "indices_or_sections"), x._a.shape[axis_of(x, axis, "Split")]]
    return tf.split(x, [b - a for a, b in zip(ends, ends[1:])], axis)


@_op
def tile(x, repeats):
    """`tf.tile`; axes that are not named, at the left, are not repeated."""
    x, times = as_tensor(x), tuple(_indices(repeats, "repeats", "Tile").ravel().tolist())
    n = x._a.ndim
    times = (1,) * (n - len(times)) + times
    return tf.tile(tf.reshape(x, (1,) * (len(times) - n) + x._a.shape), times)


@_op
def pad(x, pad_width, mode="constant", constant_values=None):
    """`tf.pad`, by one width, one (before, after) or one such pair for each axis."""
    x, widths = as_tensor(x), _indices(pad_width, "pad_width", "Pad")
    if constant_values is not None and mode != "constant":
        raise ValueError(f"`constant_values` can only be provided when `mode == 'constant'`, not {mode!r}.")
    if widths.size in (1, 2):
        widths = np.broadcast_to(widths.ravel(), (x._a.ndim, 2))
    return tf.pad(x, widths, mode, 0 if constant_values is None else constant_values)


def _from_end(indices, n):
    """Indices as an array, negative ones counted from the end."""
    i = _indices(indices, "indices", "GatherV2")
    return np.where(i < 0, i + n, i)


@_op
def take(x, indices, axis=None):
    """`tf.gather`, negative indices counting from the end; of all in a row, if `axis` is None."""
    x, axis = _flat(x, axis)
    return tf.gather(x, _from_end(indices, x._a.shape[axis_of(x, axis, "GatherV2")]), axis=axis)


@_op
def take_along_axis(x, indices, axis=None):
    """For each row along an axis its own indices, as `argsort` makes them.

    >>> import tapelab as tf
    >>> x = tf.constant([[3, 1], [5, 7]])
    >>> tf.keras.ops.take_along_axis(x, tf.keras.ops.argsort(x), axis=-1).numpy().tolist()
    [[1, 3], [5, 7]]
    """
    x, axis = _flat(x, axis)
    at = axis_of(x, axis, "GatherV2")
    n = x._a.shape[at]
    i = _from_end(indices, n)
    if i.ndim != x._a.ndim:
        raise ShapeError(f"`indices` must have the axes of x: got shapes {i.shape} and {x._a.shape}.")
    x, i = moveaxis(x, at, -1), np.moveaxis(_checked(Tensor(i), n, "GatherV2"), at, -1)
    front = tuple(tf.broadcast_static_shape(x._a.shape[:-1], i.shape[:-1]))
    i = np.broadcast_to(i, (*front, i.shape[-1]))
    return moveaxis(P.take_along(tf.broadcast_to(x, (*front, n)), indices=i), -1, at)


@_op
def scatter_update(inputs, indices, updates, reduction=None):
    """`tf.tensor_scatter_nd_update`, or `_add`, `_max`, `_min` by the name of a `reduction`."""
    how = "update" if reduction is None else reduction
    if how not in ("update", "add", "max", "min"):
        raise ValueError(f"`reduction` must be None, 'add', 'max' or 'min', got {reduction!r}.")
    return getattr(tf, f"tensor_scatter_nd_{how}")(inputs, indices, updates)


@_op
def slice_update(inputs, start_indices, updates):
    """`inputs` with `updates` written over it from `start_indices` on."""
    updates, start = as_tensor(updates), ints(start_indices, "start_indices")
    if len(start) != updates._a.ndim:
        raise ShapeError(f"`start_indices` must name one place for each axis of `updates`, got {start}.")
    at = [np.arange(n) + a for a, n in zip(start, updates._a.shape)]
    at = np.stack(np.meshgrid(*at, indexing="ij"), -1) if at else np.zeros((0,), int)
    return tf.tensor_scatter_nd_update(inputs, at, updates)


def eye(N, M=None, k=0, dtype=None):
    """Ones on the diagonal number `k`, zeros elsewhere."""
    rows, columns = ints([N, N if M is None else M], "sizes")
    return Tensor(np.eye(rows, columns, integer(k, "k", "Eye"), numpy_dtype(dtype or "float32")))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`tf.linspace`; without the end point, or with the distance, if asked for. (numbers, distance)"""
    (a, b), n = _together([start, stop], True), integer(num, "num", "LinSpace")
    step = (b - a) / (n - bool(endpoint) or np.nan)
    z = tf.linspace(a, b if endpoint or n < 2 else b - step, n, axis=axis)
    z = z if dtype is None else tf.cast(z, dtype)
    return (z, step) if retstep else z


@_op
def diag(x, k=0):
    """A matrix with a vector on diagonal `k`; of a matrix, its diagonal `k`."""
    x = as_tensor(x)
    if x._a.ndim not in (1, 2):
        raise ValueError(f"`x` must be 1d or 2d. Received: x.shape={x.shape}")
    return tf.linalg.diag(x, k=k) if x._a.ndim == 1 else tf.linalg.diag_part(x, k=k)


def _triangle(x, k, upper):
    x = as_tensor(x)
    if x._a.ndim < 2:
        raise ShapeError(f"A triangle is part of a matrix, got shape {list(x._a.shape)}.")
    lower = np.tri(*x._a.shape[-2:], integer(k, "k", "MatrixBandPart") - upper, dtype=bool)
    return tf.where(lower != upper, x, tf.zeros_like(x))


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """`tf.while_loop`; several variables come back as a tuple."""
    found = tf.while_loop(cond, body, loop_vars, maximum_iterations=maximum_iterations)
    return tuple(found) if isinstance(found, list) else found


def fori_loop(lower, upper, body_fun, init_val):
    """`body_fun(i, value)` for i from `lower` to before `upper`; the last value.

    >>> import tapelab as tf
    >>> int(tf.keras.ops.fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    function_of(body_fun, "body_fun")
    value = nest.map_structure(as_tensor, init_val)
    for i in range(integer(lower, "lower", "While"), integer(upper, "upper", "While")):
        value = body_fun(tf.constant(i), value)
    return value


@_op
def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """`carry, y = f(carry, row)` for each row. (the last carry, all y stacked)

    >>> import tapelab as tf
    >>> total, sums = tf.keras.ops.scan(lambda s, x: (s + x, s + x), 0, tf.constant([1, 2, 3]))
    >>> int(total), sums.numpy().tolist()
    (6, [1, 3, 6])
    """
    function_of(f, "f")
    rows = [None] * integer(length, "length", "Scan") if xs is None else _rows(xs)
    if not rows:
        raise ValueError("Got no rows to scan over.")
    carry, ys = nest.map_structure(as_tensor, init), []
    for row in rows[::-1] if reverse else rows:
        carry, y = f(carry, row)
        ys.append(y)
    return carry, None if ys[0] is None else _stacked(ys[::-1] if reverse else ys)


@_op
def binary_crossentropy(target, output, from_logits=False):
    """-(y log p + (1 - y) log(1 - p)), for each element: no mean is taken."""
    y, p = _tensors(target, output, floats=True)
    losses._same_shape(y, p)
    p, from_logits = losses._logits(p, from_logits, "sigmoid")
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(y, p)
    p = tf.clip_by_value(p, losses.EPSILON, 1 - losses.EPSILON)
    return -(y * tf.math.log(p) + (1.0 - y) * tf.math.log(1.0 - p))


@_op
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """`tf.nn.conv2d` of images, `tf.nn.conv1d` of sequences."""
    _nhwc(data_format)
    x, k = _tensors(inputs, kernel)
    f = tf.nn.conv1d if x._a.ndim == 3 else tf.nn.conv2d
    return f(x, k, strides, padding, dilations=dilation_rate)


# ---------------------------------------------------------------- what does not


def _extreme(f):
    meet = tf.maximum if f is tf.reduce_max else tf.minimum

    def op(x, axis=None, keepdims=False, initial=None):
        x = as_tensor(x)
        if initial is None and not x._a.size:
            raise ShapeError(f"Cannot compute the max or min of an empty tensor, shape {list(x._a.shape)}.")
        z = f(_numbers(x), axis, keepdims)
        return tf.cast(z if initial is None else meet(z, initial), x.dtype)

    return op


def _place(f):
    def op(x, axis=None, keepdims=False):
        z = f(*_flat(x, axis), "int32")
        if axis is None and keepdims:
            return tf.reshape(z, [1] * as_tensor(x)._a.ndim)
        return tf.expand_dims(z, axis) if keepdims else z

    return op


def _segments(f):
    any_order = vars(tf.math)[f"unsorted_{f.__name__}"]

    def op(data, segment_ids, num_segments=None, sorted=False):
        if sorted and num_segments is None:
            return f(data, segment_ids)
        if num_segments is None:
            num_segments = _indices(segment_ids, "segment_ids", "SegmentSum").max(initial=-1) + 1
        return any_order(data, segment_ids, num_segments)

    return op


def _pool(f):
    def op(inputs, pool_size, strides=None, padding="valid", data_format=None):
        _nhwc(data_format)
        return f(inputs, pool_size, pool_size if strides is None else strides, padding)

    return op


def _listed(xs):
    return xs if isinstance(xs, (list, tuple)) else tf.unstack(xs)


def _full(shape, value, dtype):
    return tf.broadcast_to(_as(value, dtype), ints(shape, "sizes"))


def _softmax(x, axis):
    flat = activations.softmax(*_flat(x, axis))
    return flat if axis is not None else tf.reshape(flat, as_tensor(x)._a.shape)


def _give(name, target, f):
    """Put a function into this namespace, as what it makes of tf.{target}."""
    doc = f"`tf.{target}`, by the arguments and in the dtypes of Keras."
    globals()[name] = _op(public(f, name, doc, __name__))


# Alike: "name" or "name=its name in tf.{place}", and what is made of the function there.
for _path, _names, _make in [
    ("math", "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh floor ceil arcsin=asin arccos=acos "
     "arctan=atan arcsinh=asinh arccosh=acosh arctanh=atanh isnan=is_nan isinf=is_inf isfinite=is_finite",
     lambda f: lambda x: f(_floats(x))),
    ("math", "negative reciprocal rsqrt erf erfc erfinv sign", lambda f: lambda x: f(as_tensor(x))),
    ("nn", "relu relu6 softplus softsign selu silu swish", lambda f: lambda x: f(as_tensor(x))),
    ("math", "add subtract multiply floor_divide=floordiv power=pow maximum minimum equal not_equal greater "
     "greater_equal less less_equal", lambda f: lambda x1, x2: f(*_together([x1, x2]))),
    ("math", "divide true_divide=divide divide_no_nan",
     lambda f: lambda x1, x2: f(*_together([x1, x2], True))),
    ("math", "logical_and logical_or logical_xor", lambda f: lambda x1, x2: f(_bools(x1), _bools(x2))),
    ("math", "mean=reduce_mean var=reduce_variance std=reduce_std logsumexp=reduce_logsumexp",
     lambda f: lambda x, axis=None, keepdims=False: f(_floats(x), axis, keepdims)),
    ("math", "any=reduce_any all=reduce_all",
     lambda f: lambda x, axis=None, keepdims=False: f(_bools(x), axis, keepdims)),
    ("math", "max=reduce_max amax=reduce_max min=reduce_min amin=reduce_min", _extreme),
    ("math", "argmax argmin", _place),
    ("math", "cumsum cumprod", lambda f: lambda x, axis=None, dtype=None: f(
        *_flat(_numbers(x) if dtype is None else _as(x, dtype), axis))),
    ("math", "segment_sum segment_max segment_min segment_prod", _segments),
    ("linalg", "det inv", lambda f: lambda x: f(_floats(x))),
    ("nn", "max_pool average_pool=avg_pool", _pool),
]:  # fmt: skip
    for _name in _names.split():
        _name, _, _target = _name.partition("=")
        _target = _target or _name
        _give(_name, f"{_path}.{_target}", _make(vars(getattr(tf, _path))[_target]))

# Each for itself: "name" or "name=its name in tf".
for _name, _f in {
    "absolute=abs": lambda x: tf.abs(x) if as_tensor(x)._a.dtype.kind in "ifc" else as_tensor(x),
    "arange=range": lambda start, stop=None, step=None, dtype=None: tf.range(
        start, stop, 1 if step is None else step, dtype),
    "arctan2=atan2": lambda x1, x2: tf.atan2(*_tensors(x1, x2, floats=True)),
    "argsort": lambda x, axis=-1: tf.argsort(*_flat(_numbers(x, "uint8"), axis)),
    "broadcast_to": lambda x, shape: tf.broadcast_to(x, shape),
    "cast": lambda x, dtype: tf.cast(x, dtype),
    "categorical_crossentropy=keras.losses.categorical_crossentropy":
        lambda target, output, from_logits=False, axis=-1: losses.categorical_crossentropy(
            target, output, from_logits, axis=axis),
    "clip=clip_by_value": lambda x, x_min, x_max: tf.clip_by_value(_numbers(x), x_min, x_max),
    "concatenate=concat": lambda xs, axis=0: tf.concat(_together(_listed(xs)), axis),
    "cond": lambda pred, true_fn, false_fn: tf.cond(pred, true_fn, false_fn),
    "convert_to_tensor": lambda x, dtype=None, sparse=None, ragged=None: (
        as_tensor(x) if dtype is None else _as(x, dtype)),
    "count_nonzero=math.count_nonzero": lambda x, axis=None: tf.math.count_nonzero(x, axis, dtype="int32"),
    "depthwise_conv=nn.depthwise_conv2d":
        lambda inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1:
            tf.nn.depthwise_conv2d(*_tensors(inputs, kernel), strides, padding, data_format, dilation_rate),
    "diagonal=linalg.diag_part": lambda x, offset=0, axis1=0, axis2=1: tf.linalg.diag_part(
        moveaxis(x, (axis1, axis2), (-2, -1)), k=offset),
    "einsum": lambda subscripts, *operands: tf.einsum(subscripts, *_tensors(*operands)),
    "elu=keras.activations.elu": lambda x, alpha=1.0: activations.elu(x, alpha),
    "flip=reverse": lambda x, axis=None: tf.reverse(
        x, _axes(as_tensor(x), range(as_tensor(x)._a.ndim) if axis is None else axis, "ReverseV2")),
    "full=fill": lambda shape, fill_value, dtype=None: _full(shape, fill_value, dtype or "float32"),
    "full_like=fill": lambda x, fill_value, dtype=None: _full(
        as_tensor(x)._a.shape, fill_value, dtype or as_tensor(x).dtype),
    "gelu=nn.gelu": lambda x, approximate=True: tf.nn.gelu(x, approximate),
    "get_item=Tensor.__getitem__": lambda x, key: as_tensor(x)[key],
    "hard_sigmoid=keras.activations.hard_sigmoid": lambda x: activations.hard_sigmoid(x),
    "in_top_k=math.in_top_k": lambda targets, predictions, k: tf.math.in_top_k(targets, predictions, k),
    "leaky_relu=nn.leaky_relu": lambda x, negative_slope=0.2: tf.nn.leaky_relu(x, negative_slope),
    "log10=math.log": lambda x: tf.math.log(_floats(x)) / np.log(10.0),
    "log2=math.log": lambda x: tf.math.log(_floats(x)) / np.log(2.0),
    "log_sigmoid=math.log_sigmoid": lambda x: tf.math.log_sigmoid(x),
    "log_softmax=nn.log_softmax": lambda x, axis=-1: tf.reshape(
        tf.nn.log_softmax(*_flat(x, axis)), as_tensor(x)._a.shape),
    "logical_not=math.logical_not": lambda x: tf.math.logical_not(_bools(x)),
    "map=vectorized_map": lambda f, xs: tf.vectorized_map(f, xs),
    "meshgrid": lambda *x, indexing="xy": tf.meshgrid(*x, indexing=indexing),
    "mod=math.mod": lambda x1, x2: tf.math.mod(*[_numbers(x) for x in _tensors(x1, x2)]),
    "moments=nn.moments": lambda x, axes, keepdims=False, synchronized=False: tf.nn.moments(
        x, axes, keepdims=keepdims),
    "nonzero=where": lambda x: where(x),
    "one_hot": lambda x, num_classes, axis=-1, dtype=None, sparse=False: tf.one_hot(
        tf.cast(x, "int64"), num_classes, axis=axis, dtype=dtype or "float32"),
    "ones": lambda shape, dtype=None: tf.ones(shape, dtype or "float32"),
    "ones_like": lambda x, dtype=None: tf.ones_like(x, dtype),
    "outer=tensordot": lambda x1, x2: tf.tensordot(*[tf.reshape(x, [-1]) for x in _tensors(x1, x2)], 0),
    "prod=math.reduce_prod": lambda x, axis=None, keepdims=False, dtype=None: tf.reduce_prod(
        _wide(x, dtype), axis, keepdims),
    "ravel=reshape": lambda x: tf.reshape(x, [-1]),
    "repeat": lambda x, repeats, axis=None: tf.repeat(x, repeats, axis),
    "reshape": lambda x, newshape: tf.reshape(x, newshape),
    "roll": lambda x, shift, axis=None: tf.reshape(
        tf.roll(_flat(x, axis)[0], shift, 0 if axis is None else axis), as_tensor(x)._a.shape),
    "scatter=scatter_nd": lambda indices, values, shape: tf.scatter_nd(indices, values, shape),
    "sigmoid=keras.activations.sigmoid": lambda x: activations.sigmoid(x),
    "size": lambda x: tf.size(x),
    "slice": lambda inputs, start_indices, shape: tf.slice(inputs, start_indices, shape),
    "softmax=keras.activations.softmax": lambda x, axis=-1: _softmax(x, axis),
    "solve=linalg.solve": lambda a, b: tf.linalg.solve(*_tensors(a, b, floats=True)),
    "sort": lambda x, axis=-1: tf.cast(tf.sort(*_flat(_numbers(x, "uint8"), axis)), as_tensor(x).dtype),
    "sparse_categorical_crossentropy=keras.losses.sparse_categorical_crossentropy":
        lambda target, output, from_logits=False, axis=-1: losses.sparse_categorical_crossentropy(
            target, output, from_logits, axis=axis),
    "square": lambda x: tf.square(_numbers(x)),
    "squeeze": lambda x, axis=None: tf.squeeze(x, axis),
    "stack": lambda x, axis=0: tf.stack(_together(_listed(x)), axis),
    "stop_gradient": lambda variable: tf.stop_gradient(variable),
    "sum=math.reduce_sum": lambda x, axis=None, keepdims=False: tf.reduce_sum(_wide(x), axis, keepdims),
    "swapaxes=transpose": lambda x, axis1, axis2: moveaxis(x, (axis1, axis2), (axis2, axis1)),
    "tensordot": lambda x1, x2, axes=2: tf.tensordot(*_tensors(x1, x2), axes),
    "top_k=math.top_k": lambda x, k, sorted=True: tf.math.top_k(x, k, sorted),
    "trace=linalg.trace": lambda x, offset=0, axis1=0, axis2=1: tf.reduce_sum(
        _wide(tf.linalg.diag_part(moveaxis(x, (axis1, axis2), (-2, -1)), k=offset)), -1),
    "transpose": lambda x, axes=None: tf.transpose(x, None if axes is None else _axes(as_tensor(x), axes)),
    "tril=linalg.band_part": lambda x, k=0: _triangle(x, k, False),
    "triu=linalg.band_part": lambda x, k=0: _triangle(x, k, True),
    "unstack": lambda x, num=None, axis=0: tf.unstack(x, num, axis),
    "vectorized_map": lambda function, elements: tf.vectorized_map(function, elements),
    "zeros": lambda shape, dtype=None: tf.zeros(shape, dtype or "float32"),
    "zeros_like": lambda x, dtype=None: tf.zeros_like(x, dtype),
}.items():  # fmt: skip
    _name, _, _target = _name.partition("=")
    _give(_name, _target or _name, _f)

abs, array = globals()["absolute"], globals()["convert_to_tensor"]


def convert_to_numpy(x):
    """A NumPy array of the values."""
    return np.array(x if isinstance(x, KerasTensor) else as_tensor(x)._a)


def shape(x):
    """The shape as a tuple; of a KerasTensor, with None for what is not known."""
    return x.shape if isinstance(x, KerasTensor) else as_tensor(x)._a.shape


def dtype(x):
    """The name of the dtype."""
    return str(x.dtype) if isinstance(x, KerasTensor) else as_tensor(x).dtype.name
