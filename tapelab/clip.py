"""Clipping of values and of gradients, by value, by norm, and by the norm of a whole list."""

import numpy as np

from .errors import ShapeError, dtype_mismatch, shape_mismatch, wrong_dtype
from .math import axes_of, cast, reduce_sum, sqrt
from .primitive import P, bare, primitive
from .tensor import IndexedSlices, Tensor, as_tensor, beside, is_tensor

# ---------------------------------------------------------------- by value


def _clip_x(g, z, x, low, high):
    """1 inside and exactly at the bounds, 0 outside: as max(min(x, high), low)."""
    inside = P.logical_and(P.less_equal(x, high), P.greater_equal(x, low))
    return P.where(inside, g, np.zeros_like(bare(g)))


def _clip_low(g, z, x, low, high):
    """The lower bound gets the cotangent where x, or the upper bound, is below it."""
    return P.where(P.greater_equal(P.minimum(x, high), low), np.zeros_like(bare(g)), g)


def _clip_high(g, z, x, low, high):
    """The upper bound gets the cotangent where x is above it, unless the lower bound wins."""
    wins = P.greater_equal(P.minimum(x, high), low)
    above = P.logical_and(P.logical_not(P.less_equal(x, high)), wins)
    return P.where(above, g, np.zeros_like(bare(g)))


primitive(
    "clip_by_value", "ClipByValue", lambda x, low, high: np.maximum(np.minimum(x, high), low),
    _clip_x, _clip_low, _clip_high, broadcasts=True, kinds="fiu",
)  # fmt: skip


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """Values below the minimum become the minimum, values above the maximum the maximum.

    Args:
      t: tensor. clip_value_min, clip_value_max: of the same dtype, broadcasting to its shape.
    Raises:
      ValueError: bounds that would enlarge `t`. TypeError: float bounds for an integer tensor.
      InvalidArgumentError: shapes that do not broadcast.

    >>> import tapelab as tf
    >>> tf.clip_by_value([-5.0, 0.5, 5.0], -1.0, 1.0).numpy().tolist()
    [-1.0, 0.5, 1.0]
    """
    if isinstance(t, IndexedSlices):
        return IndexedSlices(
            clip_by_value(t.values, clip_value_min, clip_value_max), t.indices, t.dense_shape
        )
    x = as_tensor(t)
    bounds = []
    for i, b in ((2, clip_value_max), (1, clip_value_min)):  # TensorFlow's order: min(x, max) first
        b = beside(b, x._a.dtype)
        if b._a.dtype != x._a.dtype:
            raise dtype_mismatch("ClipByValue", i, x.dtype, b.dtype)
        try:
            full = np.broadcast_shapes(x._a.shape, b._a.shape)
        except ValueError:
            raise shape_mismatch("ClipByValue", x._a.shape, b._a.shape) from None
        if full != x._a.shape:
            raise ValueError(
                f"Shapes {x._a.shape} and {full} are incompatible: the bounds of clip_by_value may not "
                f"enlarge the tensor."
            )
        bounds.append(b)
    high, low = bounds
    return P.clip_by_value(x, low, high)


# ---------------------------------------------------------------- by norm


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """The tensor scaled down to norm `clip_norm` where its norm is larger.

    Args:
      t: float tensor or IndexedSlices. clip_norm: the largest norm allowed; negative counts as 0.
      axes: axes over which the norm is taken, all by default.
    Returns:
      t * clip_norm / max(norm(t), clip_norm), of t's shape and dtype.
    Raises:
      InvalidArgumentError: integers, or a `clip_norm` that does not broadcast.

    >>> import tapelab as tf
    >>> print(tf.clip_by_norm([3.0, 4.0], 1.0).numpy().round(4))
    [0.6 0.8]
    """
    if isinstance(t, IndexedSlices):
        return IndexedSlices(clip_by_norm(t.values, clip_norm, axes), t.indices, t.dense_shape)
    x = as_tensor(t)
    if x._a.dtype.kind not in "fc":
        raise wrong_dtype("ClipByNorm", x.dtype)
    limit = cast(clip_norm, x.dtype) if is_tensor(clip_norm) else as_tensor(clip_norm, x._a.dtype)
    limit = _at_least(limit, np.zeros((), limit._a.dtype))
    squares = reduce_sum(
        x * x, None if axes is None else axes_of(x, axes, "ClipByNorm"), keepdims=True
    )
    # sqrt only where the sum is positive: its derivative at 0 is infinite.
    positive = squares._a > 0
    safe = P.where(Tensor(positive), squares, Tensor(np.ones_like(squares._a)))
    length = P.where(Tensor(positive), sqrt(safe), squares)
    scaled = x * limit
    if scaled._a.shape != x._a.shape:
        raise ShapeError(
            f"clip_norm of shape {list(limit._a.shape)} would enlarge a tensor of shape "
            f"{list(x._a.shape)} [Op:ClipByNorm]"
        )
    return scaled / _at_least(length, limit)


def _at_least(x, y):
    return P.maximum(x, y if isinstance(y, Tensor) else Tensor(y))


def global_norm(t_list, name=None):
    """The square root of the sum of the squared norms of a list of tensors; None entries are left out.

    Raises TypeError for a bare tensor.

    >>> import tapelab as tf
    >>> float(tf.linalg.global_norm([tf.constant([3.0]), None, tf.constant([4.0])]))
    5.0
    """
    values = [_values(t) for t in _listed(t_list) if t is not None]
    if not values:
        return Tensor(np.float32(0))
    return sqrt(P.add_n(*[reduce_sum(v * v) for v in values]))


def _values(t):
    return t.values if isinstance(t, IndexedSlices) else as_tensor(t)


def _listed(t_list):
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(
            f"`t_list` should be a sequence (a list or tuple) of tensors, got {type(t_list).__name__}; "
            f"write [t] for one tensor."
        )
    return list(t_list)


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """All tensors of a list scaled by one factor, so that their global norm is at most `clip_norm`.

    Directions are kept. If the norm is not finite, everything becomes NaN.

    Args:
      t_list: list of tensors, IndexedSlices or None. use_norm: the norm, if known already.
    Returns:
      (list of clipped tensors, global norm); None stays None.
    Raises:
      TypeError: a bare tensor.

    >>> import tapelab as tf
    >>> clipped, norm = tf.clip_by_global_norm([tf.constant([3.0]), tf.constant([4.0])], 1.0)
    >>> [round(float(c[0]), 4) for c in clipped], float(norm)
    ([0.6, 0.8], 5.0)
    """
    tensors = _listed(t_list)
    total = global_norm(tensors) if use_norm is None else as_tensor(use_norm)
    limit = as_tensor(clip_norm, total._a.dtype if not isinstance(clip_norm, Tensor) else None)
    one = np.ones((), total._a.dtype)[()]
    scale = limit * P.minimum(1 / total, one / limit)
    # inf or NaN: 0 * inf is NaN, and so is everything.
    scale = scale + (total - total)
    out = []
    for t in tensors:
        if t is None:
            out.append(None)
            continue
        v = _values(t)
        s = scale if v._a.dtype == total._a.dtype else P.cast(scale, to=v._a.dtype)
        out.append(
            IndexedSlices(v * s, t.indices, t.dense_shape)
            if isinstance(t, IndexedSlices)
            else v * s
        )
    return out, total
