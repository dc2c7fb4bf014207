"""Rows reduced by group, counting, and partitions: the tf.math functions on class numbers."""

import math
from collections import namedtuple
from functools import partial

import numpy as np

from .array import (
    _checked,
    _indices,
    _scattered,
    _segments,
    as_sorted,
    concat,
    gather,
    gather_nd,
    same_dtypes,
    scatter_nd,
    unique,
    unsorted_segment_sum,
    where,
)  # fmt: skip
from .dtypes import highest, lowest
from .errors import InvalidArgumentError, ShapeError, shape_mismatch, wrong_dtype
from .math import cast, divide, equal, reduce_prod, sqrt, truncatediv
from .primitive import P
from .tensor import Tensor, as_tensor, beside, integer, ints, numpy_dtype


def _groups(data, segment_ids, num_segments, op):
    """As `_segments`; the ids in one row, and as many axes of the data."""
    x, ids, n = _segments(data, segment_ids, num_segments, op)
    if ids.ndim != 1:
        x = P.reshape(x, shape=(ids.size, *x._a.shape[ids.ndim :]))
    return x, ids.ravel(), n


def _counts(ids, n, x):
    shape = (n,) + (1,) * (x._a.ndim - 1)
    return np.bincount(ids, minlength=n)[:n].reshape(shape).astype(x._a.dtype)


def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    """The mean of the rows with the same segment id; 0 where there are none.

    >>> import tapelab as tf
    >>> tf.math.unsorted_segment_mean([1.0, 2.0, 3.0], [0, 1, 0], 2).numpy().tolist()
    [2.0, 2.0]
    """
    x, ids, n = _groups(data, segment_ids, num_segments, "UnsortedSegmentMean")
    return unsorted_segment_sum(x, Tensor(ids), n) / np.maximum(_counts(ids, n, x), 1)


def _mean_in_kind(data, ids, n):
    """As `unsorted_segment_mean`, but integers divide as integers, as in `reduce_mean`."""
    x, ids, n = _groups(data, ids, n, "SegmentMean")
    z = unsorted_segment_sum(x, Tensor(ids), n)
    counts = np.maximum(_counts(ids, n, x), 1)
    return truncatediv(z, counts) if x._a.dtype.kind in "iu" else z / counts


def unsorted_segment_sqrt_n(data, segment_ids, num_segments, name=None):
    """The sum of the rows with the same segment id, divided by the root of their number."""
    x, ids, n = _groups(data, segment_ids, num_segments, "UnsortedSegmentSqrtN")
    return unsorted_segment_sum(x, Tensor(ids), n) / sqrt(np.maximum(_counts(ids, n, x), 1))


def _extreme_of(f, start, name, *groups):
    """The extreme of each group, and `start(dtype)` where that is nearer or there is nothing."""
    x, ids, n = _groups(*groups, name)
    dt = x._a.dtype
    if dt.kind == "c":
        raise wrong_dtype(name, x.dtype)
    best = np.full((n, *x._a.shape[1:]), start(dt), dt)
    f.at(best, ids, x._a)
    # The rows that reach the extreme share its cotangent, so the result is their mean.
    hit = (x._a == best[ids]).astype(dt)
    ties = np.zeros_like(best)
    np.add.at(ties, ids, hit)
    if dt.kind != "f":
        return Tensor(best)
    total = unsorted_segment_sum(where(hit > 0, x, np.zeros_like(x._a)), Tensor(ids), n)
    return where(ties > 0, divide(total, np.maximum(ties, 1)), best)


def _extreme(name, f, limit, what):
    def op(data, segment_ids, num_segments, name=None):
        start = lambda dt: getattr(np.finfo(dt) if dt.kind == "f" else np.iinfo(dt), limit)
        return _extreme_of(f, start, op.__name__, data, segment_ids, num_segments)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"The {what} of the rows with the same segment id; ties share the gradient evenly."
    return op


unsorted_segment_max = _extreme("unsorted_segment_max", np.maximum, "min", "maximum")
unsorted_segment_min = _extreme("unsorted_segment_min", np.minimum, "max", "minimum")


def unsorted_segment_prod(data, segment_ids, num_segments, name=None):
    """The product of the rows with the same segment id; 1 where there are none."""
    x, ids, n = _groups(data, segment_ids, num_segments, "UnsortedSegmentProd")
    if not n:
        return P.getitem(x, key=(slice(0),))
    parts = [reduce_prod(P.getitem(x, key=(np.flatnonzero(ids == i),)), 0) for i in range(n)]
    return P.stack(*parts, axis=-x._a.ndim)


def _sorted(name, unsorted, empty=None):
    def op(data, segment_ids, name=None):
        x = as_tensor(data)
        ids, n = as_sorted(x, segment_ids, op.__name__)
        z = cast(unsorted(x, ids, n), x.dtype)
        if empty is None or not n:
            return z
        none = (np.bincount(ids, minlength=n) == 0).reshape((n,) + (1,) * (z._a.ndim - 1))
        return where(none, z._a.dtype.type(empty), z)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"As `unsorted_{name}`, for ids that start at 0 and never fall."
    return op


segment_max = _sorted("segment_max", partial(_extreme_of, np.maximum, lowest, "SegmentMax"), 0)
segment_min = _sorted("segment_min", partial(_extreme_of, np.minimum, highest, "SegmentMin"), 0)
segment_mean = _sorted("segment_mean", _mean_in_kind)
segment_prod = _sorted("segment_prod", unsorted_segment_prod)


# ---------------------------------------------------------------- class numbers


def in_top_k(targets, predictions, k, name=None):
    """Whether each row's target is among the `k` largest predictions of the row; ties count.

    >>> import tapelab as tf
    >>> tf.math.in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], 1).numpy().tolist()
    [True, False]
    """
    y, x = _indices(targets, "targets", "InTopKV2", 1), as_tensor(predictions)._a
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ShapeError(
            f"predictions must be a matrix with one row per target, got shapes {x.shape} and "
            f"{y.shape} [Op:InTopKV2]"
        )
    k = integer(k, "k", "InTopKV2")
    inside = (y >= 0) & (y < x.shape[1])
    own = x[np.arange(len(y)), np.where(inside, y, 0)]
    return Tensor(inside & np.isfinite(x).all(1) & ((x > own[:, None]).sum(1) < k))


def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype="int32", name=None):
    """How often each label (row) was predicted as each class (column).

    >>> import tapelab as tf
    >>> tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]).numpy().tolist()
    [[1, 0], [1, 1]]
    """
    y, p = (cast(as_tensor(v), "int64")._a for v in (labels, predictions))
    if abs(y.ndim - p.ndim) == 1:  # a column of one
        y, p = (a[..., 0] if a.ndim > b.ndim and a.shape[-1] == 1 else a for a, b in ((y, p), (p, y)))
    if y.shape != p.shape:
        raise shape_mismatch("ConfusionMatrix", y.shape, p.shape)
    n = int(max(y.max(initial=-1), p.max(initial=-1))) + 1
    if num_classes is not None:
        n = integer(num_classes, "num_classes", "ConfusionMatrix")
    for a, what in ((y, "labels"), (p, "predictions")):
        if a.size and (a.min() < 0 or a.max() >= n):
            raise InvalidArgumentError(
                f"`{what}` out of bound: they must be in [0, {n}) [Op:ConfusionMatrix]"
            )
    z = np.zeros(ints([n, n], "sizes"), numpy_dtype(dtype))
    w = 1 if weights is None else cast(as_tensor(weights), z.dtype)._a
    if np.shape(w) not in ((), y.shape):
        raise shape_mismatch("ConfusionMatrix", y.shape, np.shape(w))
    np.add.at(z, (y, p), w)
    return Tensor(z)


def bincount(
    arr,
    weights=None,
    minlength=None,
    maxlength=None,
    dtype="int32",
    name=None,
    axis=None,
    binary_output=False,
):
    """How often each integer occurs; with weights, the sum of its weights.

    Args:
      minlength, maxlength: bounds of the result's length; larger integers are not counted.
      axis: None or 0 to count all together, -1 to count each row of a matrix.
      binary_output: 1 for what occurs, however often.

    >>> import tapelab as tf
    >>> tf.math.bincount([[0, 2], [1, 1]], axis=-1).numpy().tolist()
    [[1, 0, 1], [0, 2, 0]]
    """
    if axis not in (None, 0, -1):
        raise ValueError(
            f"Unsupported value for argument axis={axis}. Only 0 and -1 are currently supported."
        )
    if binary_output and weights is not None:
        raise ValueError("Arguments `binary_output` and `weights` are mutually exclusive.")
    a = as_tensor(arr)._a
    a = a if a.dtype.kind in "iu" else cast(Tensor(a), "int64")._a
    if a.size and a.min() < 0:
        raise InvalidArgumentError("Input arr must be non-negative! [Op:Bincount]")
    if axis == -1 and a.ndim > 2:
        raise ShapeError(f"Shape must be at most rank 2 but is rank {a.ndim} [Op:DenseBincount]")
    n = max(int(a.max()) + 1 if a.size else 0, int(minlength or 0))
    n = n if maxlength is None else min(n, int(maxlength))
    w = None if weights is None else as_tensor(weights)._a
    if w is not None and w.shape != a.shape and w.size:
        raise shape_mismatch("Bincount", a.shape, w.shape)

    def count(a, w):
        keep = a < n
        return np.bincount(a[keep], None if w is None else w[keep], n)[:n]

    if axis == -1 and a.ndim == 2:
        z = np.zeros((len(a), n), np.int64 if w is None else w.dtype)
        for i, row in enumerate(a):
            z[i] = count(row, None if w is None else w[i])
    else:
        z = count(np.ravel(a), None if w is None else np.ravel(w))
    z = z > 0 if binary_output else z
    return Tensor(z.astype(numpy_dtype(dtype) if w is None else w.dtype))


def dynamic_partition(data, partitions, num_partitions, name=None):
    """The rows of `data` sorted into a list of tensors by their partition numbers."""
    x, n = as_tensor(data), integer(num_partitions, "num_partitions", "DynamicPartition")
    if n < 1:
        raise InvalidArgumentError(f"num_partitions must be at least 1, got {n} [Op:DynamicPartition]")
    numbers = beside(partitions, np.dtype(np.int32))
    p = _checked(numbers, n, "DynamicPartition", "partitions")
    if x._a.shape[: p.ndim] != p.shape:
        raise ShapeError(
            f"data.shape must start with partitions.shape, got {list(x._a.shape)} and "
            f"{list(p.shape)} [Op:DynamicPartition]"
        )
    return [P.getitem(x, key=(np.asarray(p == i),)) for i in range(n)]


def dynamic_stitch(indices, data, name=None):
    """Rows put together again: data[m][i] becomes row indices[m][i]; later ones win."""
    lists = all(isinstance(x, (list, tuple)) for x in (indices, data))
    if not lists or not indices or len(indices) != len(data):
        raise ShapeError(
            "indices and data must be lists of tensors, one and the same number of each "
            f"[Op:DynamicStitch], got {indices!r}"
        )
    flat = [np.ravel(_indices(i, "indices", "DynamicStitch")) for i in indices]
    xs = same_dtypes(data, "DynamicStitch")
    rows = [
        P.reshape(x, shape=(i.size, *x._a.shape[as_tensor(j)._a.ndim :]))
        for x, i, j in zip(xs, flat, indices)
    ]
    at = np.concatenate(flat)
    if at.size and at.min() < 0:
        raise InvalidArgumentError(f"indices must not be negative, got {at.min()} [Op:DynamicStitch]")
    source = np.zeros(int(at.max()) + 1 if at.size else 0, np.int64)
    source[at] = np.arange(at.size)
    return gather(concat(rows, 0), source)


def searchsorted(sorted_sequence, values, side="left", out_type="int32", name=None):
    """Where along the last axis values would be inserted to keep the order."""
    both = same_dtypes([as_tensor(sorted_sequence), as_tensor(values)], "SearchSorted")
    s, v = (x._a for x in both)
    if not s.ndim or s.ndim > 1 and s.shape[:-1] != v.shape[:-1]:
        raise shape_mismatch("SearchSorted", s.shape, v.shape)
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'right' or 'left', got {side!r}.")
    if s.ndim == 1:
        z = np.searchsorted(s, v, side)
    else:
        z = np.zeros(v.shape, np.int64)
        for row in np.ndindex(s.shape[:-1]):
            z[row] = np.searchsorted(s[row], v[row], side)
    return Tensor(z.astype(numpy_dtype(out_type)))


def invert_permutation(x, name=None):
    """The permutation that undoes one."""
    a = as_tensor(x)._a
    if a.ndim != 1 or sorted(a.tolist()) != list(range(len(a))):
        raise InvalidArgumentError(f"{a.tolist()} is not a permutation [Op:InvertPermutation]")
    return Tensor(np.argsort(a).astype(a.dtype))


def _in_order(x, compare):
    x = as_tensor(x)
    if x._a.dtype.kind not in "fiu":
        raise wrong_dtype("IsIncreasing", x.dtype)
    a = np.ravel(x._a)
    return Tensor(np.bool_(compare(a[:-1], a[1:]).all()))


def is_non_decreasing(x, name=None):
    """Whether the elements never fall."""
    return _in_order(x, np.less_equal)


def is_strictly_increasing(x, name=None):
    """Whether the elements always rise."""
    return _in_order(x, np.less)


def unravel_index(indices, dims, name=None):
    """Flat indices as multi-indices of a shape, one row per axis."""
    i, full = _indices(indices, "indices", "UnravelIndex"), ints(dims, "sizes")
    _checked(Tensor(i), math.prod(full), "UnravelIndex")
    return Tensor(np.stack(np.unravel_index(i, full)).astype(i.dtype))


UniqueWithCounts = namedtuple("UniqueWithCounts", ["y", "idx", "count"])


def unique_with_counts(x, out_idx="int32", name=None):
    """The distinct values, each element's place among them, and how often each occurs."""
    y, idx = unique(x, out_idx)
    count = np.bincount(idx._a, minlength=len(y._a)).astype(numpy_dtype(out_idx))
    return UniqueWithCounts(y, idx, Tensor(count))


def tensor_scatter_nd_max(tensor, indices, updates, name=None):
    """`tensor` with the larger of old value and update at the multi-indices given."""
    return _scatter_extreme(tensor, indices, updates, np.maximum)


def tensor_scatter_nd_min(tensor, indices, updates, name=None):
    """`tensor` with the smaller of old value and update at the multi-indices given."""
    return _scatter_extreme(tensor, indices, updates, np.minimum)


def _scatter_extreme(tensor, indices, updates, f):
    x, i = as_tensor(tensor), as_tensor(indices)
    u = beside(updates, x._a.dtype)
    _scattered(i, u, x._a.shape, "TensorScatter")
    z = np.array(x._a)
    f.at(z, tuple(np.moveaxis(i._a, -1, 0)), u._a)
    z = Tensor(z)
    # Old values and updates that reach the result share its cotangent.
    kept, hit = equal(x, z), equal(u, gather_nd(z, i))
    ties = cast(kept, x.dtype) + scatter_nd(i, cast(hit, x.dtype), x._a.shape)
    shared = where(kept, x, np.zeros_like(x._a)) + scatter_nd(
        i, where(hit, u, np.zeros_like(u._a)), x._a.shape
    )
    return shared / ties if x._a.dtype.kind == "f" else z
