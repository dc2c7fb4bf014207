"""Convolution and pooling on bare NumPy arrays: images NHWC, filters HWIO, as in TensorFlow.

Nothing here knows about tapes or tensors. What makes these functions enough for derivatives of
every order is that they are closed: each is linear in each array argument, and the transpose of
each is another one. (A bias and a ReLU, which `conv2d` may end in, have their gradients in
`conv2d_relu_grad`.)

    y  = conv2d(x, k)               y[n,p,q,o] = sum_ijc x[n, p*s + i*d - t, q*s + j*d - l, c]
                                                         * k[i,j,c,o]
    gx = conv2d_input_grad(g, k)    the transpose in x (also: transposed convolution)
    gk = conv2d_filter_grad(x, g)   the transpose in k
    max pooling: pool_gather and pool_scatter at fixed indices; average pooling and its transpose

Any array argument may have extra leading axes (a stack of cotangents, or of tangents); the
result then has them too, in front.
"""

import functools
import itertools
import math

import numpy as np

from . import _relu, _threads
from .dtypes import lowest

# ---------------------------------------------------------------------------- sizes and padding


def same_padding(size, k, stride=1, dilation=1):
    """Zeros ``(before, after)`` that make the output ``ceil(size / stride)`` long.

    TensorFlow's SAME: an odd total puts the extra zero after.

    >>> same_padding(28, 3), same_padding(28, 3, stride=2), same_padding(5, 2)
    ((1, 1), (0, 1), (0, 1))
    """
    total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def resolve_padding(padding, in_hw, ksize, strides, dilations=(1, 1)):
    """``((top, bottom), (left, right))`` from 'SAME', 'VALID' or TensorFlow's explicit list.

    >>> resolve_padding("SAME", (28, 28), (3, 3), (2, 2))
    ((0, 1), (0, 1))
    >>> resolve_padding([[0, 0], [1, 2], [3, 4], [0, 0]], (28, 28), (3, 3), (1, 1))
    ((1, 2), (3, 4))
    """
    if isinstance(padding, str):
        if padding == "SAME":
            return tuple(map(same_padding, in_hw, ksize, strides, dilations))
        if padding == "VALID":
            return (0, 0), (0, 0)
    else:
        pairs = [tuple(int(p) for p in pair) for pair in padding]
        framed = [len(p) for p in pairs] == [2] * 4 and pairs[0] == pairs[3] == (0, 0)
        if framed and min(pairs[1] + pairs[2]) >= 0:
            return pairs[1], pairs[2]
    raise ValueError(
        f"padding must be 'SAME', 'VALID' or [[0, 0], [top, bottom], [left, right], [0, 0]] "
        f"with no negative entry, not {padding!r}"
    )


def output_size(size, k, stride, padding, dilation=1):
    """Length of the output along one axis; 0 is allowed, less is a ValueError (as TensorFlow)."""
    room = size + sum(padding) - (k - 1) * dilation - 1
    if room <= -2 * stride:
        raise ValueError(
            f"a window of {(k - 1) * dilation + 1} does not fit in {size} + padding "
            f"{tuple(padding)} at stride {stride}: use a smaller window or more padding"
        )
    return max(room // stride + 1, 0)


@functools.lru_cache(1024)
def _spans(size, out, k, stride, padding, dilation=1):
    """For each tap of a window that sees the image: which it is, where it reads and what it feeds.

    Input positions outside ``[0, size)`` are padding: they are left out of the slices, so no
    padded copy is needed and padding can never win a maximum.
    """
    spans = []
    sees = -((stride * (out - 1) - padding[0]) // dilation), (size - 1 + padding[0]) // dilation + 1
    for tap in range(max(sees[0], 0), min(sees[1], k)):
        shift = tap * dilation - padding[0]  # output p reads input p * stride + shift
        first = max(-(shift // stride), 0)
        last = min((size - 1 - shift) // stride + 1, out)
        if first < last:
            start = first * stride + shift
            stop = start + (last - first - 1) * stride + 1
            spans.append((tap, slice(start, stop, stride), slice(first, last)))
    return spans


def _taps(hw, out_hw, ksize, strides, padding, dilations=(1, 1)):
    """``(i, j, input slices, output slices)`` for each tap of a 2-D window, row-major."""
    rows = _spans(hw[0], out_hw[0], ksize[0], strides[0], padding[0], dilations[0])
    cols = _spans(hw[1], out_hw[1], ksize[1], strides[1], padding[1], dilations[1])
    for i, r_in, r_out in rows:
        for j, c_in, c_out in cols:
            yield i, j, (..., r_in, c_in, slice(None)), (..., r_out, c_out, slice(None))


@functools.lru_cache(1024)
def _out_hw(hw, ksize, strides, padding, dilations=(1, 1)):
    return tuple(map(output_size, hw, ksize, strides, padding, dilations))


# --------------------------------------------------------------------------------- convolution


def conv2d(x, k, strides, padding, dilations=(1, 1), bias=None, relu=False):
    """Cross-correlate ``x`` (N, H, W, C) with ``k`` (kh, kw, C, O) into (N, Ho, Wo, O).

    ``strides`` and ``dilations`` are pairs of ints, ``padding`` is what `resolve_padding`
    returns. ``x`` and ``k`` may have extra leading axes, which broadcast against each other.
    ``bias`` (O) is added, and ``relu`` applied, while the output is in the cache.
    Filters of fewer channels see a group of the images' each: C is then that of a group.
    Raises ValueError if the channels do not fit or the window does not.

    >>> x, k = np.ones((2, 5, 5, 3)), np.ones((3, 3, 3, 4))
    >>> conv2d(x, k, (1, 1), ((0, 0), (0, 0))).shape
    (2, 3, 3, 4)
    """
    groups = x.shape[-1] // max(k.shape[-2], 1)
    if groups * k.shape[-2] != x.shape[-1] or (k.shape[-1] % groups if groups else k.shape[-2]):
        raise ValueError(
            f"input depth must be evenly divisible by filter depth: {x.shape[-1]} vs {k.shape[-2]}; "
            f"and as many groups must divide {k.shape[-1]} filters"
        )
    hw = _out_hw(x.shape[-3:-1], k.shape[-4:-2], strides, padding, dilations)
    shape = (x.shape[-4], *hw, k.shape[-1])
    now = bias if k.ndim == 4 and groups < 2 else None  # axes in front of the filters become channels
    forward = functools.partial(_forward, bias=now, relu=relu and now is bias)
    core = _by_group(forward, _forward_depthwise, groups, k.shape, hw, strides, padding, dilations)
    y = _bilinear(core, x, k, shape, (0, 0), (3, 3) if groups < 2 else None)
    return y if now is bias else _finish(y + bias, None, relu)


def conv2d_input_grad(g, k, x_shape, strides, padding, dilations=(1, 1)):
    """Transpose of `conv2d` in ``x``: ``g`` (N, Ho, Wo, O), ``k`` (kh, kw, C, O) to ``x_shape``.

    Also transposed convolution. ``g`` and ``k`` may have extra leading axes; ``x_shape`` is
    (N, H, W, C) without them.

    >>> g, k = np.ones((2, 3, 3, 4)), np.ones((3, 3, 5, 4))
    >>> conv2d_input_grad(g, k, (2, 5, 5, 5), (1, 1), ((0, 0), (0, 0))).shape
    (2, 5, 5, 5)
    """
    hw = tuple(x_shape[-3:-1])
    _check("conv2d_input_grad", g.shape, hw, k.shape, strides, padding, dilations)
    groups, shape = x_shape[-1] // max(k.shape[-2], 1), (g.shape[-4], *hw, x_shape[-1])
    core = _by_group(
        _input_grad, _input_grad_depthwise, groups, k.shape, hw, strides, padding, dilations
    )
    return _bilinear(core, g, k, shape, (0, 0), (2, 3) if groups < 2 else None)


def conv2d_filter_grad(x, g, k_shape, strides, padding, dilations=(1, 1)):
    """Transpose of `conv2d` in ``k``: ``x`` (N, H, W, C), ``g`` (N, Ho, Wo, O) to ``k_shape``.

    ``x`` and ``g`` may have extra leading axes; ``k_shape`` is (kh, kw, C, O) without them.

    >>> x, g = np.ones((2, 5, 5, 3)), np.ones((7, 2, 3, 3, 4))
    >>> conv2d_filter_grad(x, g, (3, 3, 3, 4), (1, 1), ((0, 0), (0, 0))).shape
    (7, 3, 3, 3, 4)
    """
    _check("conv2d_filter_grad", g.shape, x.shape[-3:-1], k_shape, strides, padding, dilations)
    ksize, groups = tuple(k_shape[-4:-2]), x.shape[-1] // max(k_shape[-2], 1)
    core = _by_group(
        _filter_grad, _filter_grad_depthwise, groups, k_shape, ksize, strides, padding, dilations
    )
    shape = (*ksize, k_shape[-2], g.shape[-1])
    axes = ((3, 2), (3, 3)) if groups < 2 else (None, None)
    return _bilinear(core, x, g, shape, *axes)


def conv2d_relu_grad(g, y, x, k, strides, padding, dilations=(1, 1), images_too=True):
    """Pull ``g`` back through ``y = conv2d(x, k, ..., bias=b, relu=True)``: (gx, gk, gb).

    A block of rows goes through all three while it is in the cache: ReLU's gradient, with the rows
    around it that the images' gradient sees (masked once more by the next block: threads need not
    wait for each other), then both products. Without ``images_too`` gx is None. Returns None where
    there is no such way: then take one after the other.

    >>> x, k = np.ones((2, 5, 5, 3)), np.ones((3, 3, 3, 4))
    >>> y = conv2d(x, k, (1, 1), ((0, 0), (0, 0)), bias=np.ones(4), relu=True)
    >>> [t.shape for t in conv2d_relu_grad(y, y, x, k, (1, 1), ((0, 0), (0, 0)))]
    [(2, 5, 5, 3), (3, 3, 3, 4), (4,)]
    """
    fits = g.ndim == x.ndim == k.ndim == 4 and x.shape[3] == k.shape[2] and g.dtype == y.dtype
    if not (fits and _by_rows(x, y, k.shape, strides, padding, dilations)):
        return None
    (n, ho, wo, o), (h, w, c), ksize = y.shape, x.shape[1:], k.shape[:2]
    gx, top, more = None, 0, 0
    blocks, chunks, threads = _cut(x, o, ksize, (ho, wo))
    if images_too:  # then a block is of rows of the images, which see `more` rows of y beyond as many
        edges, (turned, copies) = _transposed_padding(k, padding), _matrices(_turned(k), w * n)
        blocks, wide, threads = _cut(y, c, ksize, (h, w), copies)
        gx, top, more = np.empty((h, c, w * n), x.dtype), edges[0][0], ksize[0] - 1
    g, y = g.transpose(1, 3, 2, 0), y.transpose(1, 3, 2, 0)
    if not g.strides[0]:  # all rows are the same, as from a mean
        row = np.ascontiguousarray(g[0])
        g = np.ndarray(g.shape, g.dtype, row, 0, (0, *row.strides))

    def block(p, q):
        start, stop = max(p - top, 0), min(q - top + more, ho)  # the rows of y that rows p to q feed
        first, last = start - (p - top), stop - (p - top)
        rows = _threads.scratch("masked", (q - p + more, o, wo, n), y.dtype)
        rows[:first] = rows[last:] = 0
        np.copyto(rows[first:last], y[start:stop] > 0)  # a product with truths would go through buffers
        rows[first:last] *= g[start:stop]
        if gx is not None:
            _forward_rows(rows.transpose(3, 0, 2, 1), turned, gx[p:q], ksize, ((0, 0), edges[1]), wide)
        fresh = min(max(p - top + more, 0), stop) if p else 0  # from here on no block before had them
        new = rows[fresh - (p - top) : last]
        gk = _filter_grad_rows(x, new.transpose(3, 0, 2, 1), fresh, ksize, padding, chunks)
        return gk, np.einsum("hown->o", new)

    gk, gb = map(sum, zip(*_threads.parallel(block, blocks, threads), strict=True))
    if gx is not None:
        gx = gx.reshape(h, c, w, n).transpose(3, 0, 2, 1)
    return gx, _as_filters(gk, k.shape), gb


def _check(name, g_shape, hw, k_shape, strides, padding, dilations):
    expected = *_out_hw(hw, k_shape[-4:-2], strides, padding, dilations), k_shape[-1]
    if tuple(g_shape[-3:]) != expected:
        raise ValueError(
            f"{name}: the cotangent's shape {tuple(g_shape)} must end in {expected}, the output "
            f"of filters {tuple(k_shape)} on images of {tuple(hw)}"
        )


def _bilinear(core, a, b, shape, a_axes, b_axes):
    """Apply ``core``, which knows rank 4 only, to arguments with extra leading axes.

    ``a_axes`` is (axis of a, axis of the result) that may grow without touching anything else,
    e.g. the batch: there the extra axes are folded in. None: there is no such axis. ``shape`` is the
    result's without them.
    """
    dtype = np.result_type(a, b)
    if dtype == np.float16:  # half has no BLAS, and would lose digits in long sums
        a, b = a.astype(np.float32), b.astype(np.float32)
    lead_a, lead_b = a.shape[:-4], b.shape[:-4]
    if lead_a and (lead_b or not a_axes) or lead_b and not b_axes:
        lead = np.broadcast_shapes(lead_a, lead_b)
        a = np.broadcast_to(a, lead + a.shape[-4:])
        b = np.broadcast_to(b, lead + b.shape[-4:])
        out = np.empty(lead + shape, dtype)
        for where in np.ndindex(lead):
            out[where] = core(a[where], b[where])
        return out
    if lead_a:
        out = _unfold(core(_fold(a, a_axes[0]), b), lead_a, shape, a_axes[1])
    elif lead_b:
        out = _unfold(core(a, _fold(b, b_axes[0])), lead_b, shape, b_axes[1])
    else:
        out = core(a, b)
    return out.astype(dtype, copy=False)


def _fold(a, axis):
    """Merge all axes but the last four into one of those four."""
    shape = list(a.shape[-4:])
    a = np.moveaxis(a.reshape(-1 if a.size else math.prod(a.shape[:-4]), *shape), 0, axis)
    shape[axis] *= a.shape[axis]
    return a.reshape(shape)


def _unfold(out, lead, shape, axis):
    """Undo `_fold` on a result: ``lead + shape``."""
    count = math.prod(lead)
    out = out.reshape(*shape[:axis], count, *shape[axis:])
    return np.moveaxis(out, axis, 0).reshape(lead + shape)


# The three kernels at rank 4: by rows (further down) where that can be, else by columns, the
# textbook way: all windows as rows of one matrix, a few images at a time.


def _forward(x, k, out_hw, strides, padding, dilations, bias=None, relu=False):
    if min(out_hw) > 0 and _by_rows(x, k, k.shape, strides, padding, dilations):
        return _forward_by_rows(x, k, out_hw, padding, bias, relu)
    y = np.empty((x.shape[0], *out_hw, k.shape[3]), np.result_type(x, k))
    for few in _few_images(y.shape, k.shape):
        columns = _columns(x[few], out_hw, k.shape[:2], strides, padding, dilations)
        y[few] = np.tensordot(columns, k, 3)
        _finish(y[few], bias, relu)
    return y


def _finish(y, bias, relu):
    """Add the bias, and apply ReLU, in place."""
    if bias is not None:
        y += bias
    return _relu.relu(y, out=y) if relu else y


def _input_grad(g, k, hw, strides, padding, dilations):
    if min(hw) > 0 and _by_rows(g, k, k.shape, strides, padding, dilations):
        return _forward_by_rows(g, _turned(k), hw, _transposed_padding(k, padding))
    gx = np.zeros((g.shape[0], *hw, k.shape[2]), np.result_type(g, k))
    taps = [*_taps(hw, g.shape[1:3], k.shape[:2], strides, padding, dilations)]
    for few in _few_images(g.shape, k.shape):
        columns = np.tensordot(g[few], k, (3, 3))
        for i, j, read, write in taps:
            gx[few][read] += columns[:, :, :, i, j][write]
    return gx


# At stride 1 the transpose is the forward, with the filter turned around and the complementary padding.


def _turned(k):
    return k[::-1, ::-1].transpose(0, 1, 3, 2)


def _transposed_padding(k, padding):
    (kh, kw), ((top, bottom), (left, right)) = k.shape[:2], padding
    return (kh - 1 - top, kh - 1 - bottom), (kw - 1 - left, kw - 1 - right)


def _filter_grad(x, g, ksize, strides, padding, dilations):
    k_shape = *ksize, x.shape[3], g.shape[3]
    if _by_rows(x, g, k_shape, strides, padding, dilations):
        return _filter_grad_by_rows(x, g, ksize, padding)
    gk = np.zeros(k_shape, np.result_type(x, g))
    for few in _few_images(g.shape, k_shape):
        columns = _columns(x[few], g.shape[1:3], ksize, strides, padding, dilations)
        gk += np.tensordot(columns, g[few], ((0, 1, 2), (0, 1, 2)))
    return gk


def _columns(x, out_hw, ksize, strides, padding, dilations):
    """What each output position sees: (N, Ho, Wo, kh, kw, C)."""
    columns = np.zeros((x.shape[0], *out_hw, *ksize, x.shape[3]), x.dtype)
    for i, j, read, write in _taps(x.shape[1:3], out_hw, ksize, strides, padding, dilations):
        columns[:, :, :, i, j][write] = x[read]
    return columns


def _few_images(y_shape, k_shape):
    """Slices of the batch whose columns have at most ``_COLUMNS`` numbers each."""
    each = math.prod(y_shape[1:3]) * math.prod(k_shape[:3])
    return [slice(a, b) for a, b in _parts(y_shape[0], _COLUMNS // max(each, 1) or 1)]


_COLUMNS = 1 << 19  # 2 MB of float32, which stays in the cache


# Groups of channels with filters of their own: one after the other. With one filter for each channel
# (depthwise), sums over the taps are faster than products with one row (`python -m benchmarks fast_paths`).


def _by_group(core, depthwise, groups, k_shape, *about):
    """A function of two arrays: ``core``, given ``about``, of each group, or where it has one filter
    for each channel, ``depthwise`` of all."""
    if groups < 2:
        return lambda a, b: core(a, b, *about)
    if (k_shape[-2], k_shape[-1]) == (1, groups):
        return lambda a, b: depthwise(a, b, *about)
    cut = lambda a: np.split(a, groups, 3)
    return lambda a, b: np.concatenate([core(*pair, *about) for pair in zip(cut(a), cut(b))], 3)


def _by_channel(x):
    """(C, H, W, N): what is in one channel lies together."""
    return np.ascontiguousarray(x.transpose(3, 1, 2, 0))


def _seen_by_channel(x, y, ksize, *geometry):
    """For each tap of filters (kh, kw, C): which it is, what it sees and what it feeds, channels first.

    A few channels at a time: they stay in the cache.
    """
    taps = [*_taps(x.shape[1:3], y.shape[1:3], ksize, *geometry)]
    for a, b in _parts(len(x), _CACHE // max(x[0].nbytes, 1) or 1):
        for i, j, read, write in taps:
            yield (i, j, slice(a, b)), x[a:b][read], y[a:b][write]


def _forward_depthwise(x, k, out_hw, *geometry):
    y, k = np.zeros((k.shape[3], *out_hw, len(x)), np.result_type(x, k)), k[:, :, 0, :, None, None, None]
    for at, seen, fed in _seen_by_channel(_by_channel(x), y, k.shape[:2], *geometry):
        fed += seen * k[at]
    return y.transpose(3, 1, 2, 0)


def _input_grad_depthwise(g, k, hw, *geometry):
    gx, k = np.zeros((k.shape[3], *hw, len(g)), np.result_type(g, k)), k[:, :, 0, :, None, None, None]
    for at, seen, fed in _seen_by_channel(gx, _by_channel(g), k.shape[:2], *geometry):
        seen += fed * k[at]
    return gx.transpose(3, 1, 2, 0)


def _filter_grad_depthwise(x, g, ksize, *geometry):
    gk = np.zeros((*ksize, x.shape[3]), np.result_type(x, g))
    for at, seen, fed in _seen_by_channel(_by_channel(x), _by_channel(g), ksize, *geometry):
        gk[at] = np.einsum("chwn,chwn->c", seen, fed)
    return gk[:, :, None]


# By rows: the fast way. In memory the order is [H][C][W][N]. Then the part of the input that one
# output row and one column of taps see, as a matrix of (tap's row, channel) x (column, image), is
# plain strided memory, and the next column of taps is the same N numbers further on. So blocks of
# rows go straight to BLAS. The results are NHWC views of that order: elementwise operations keep
# it, and the next convolution need not copy them. On one thread by columns takes 3 to 7 times as
# long (32 images of 28 x 28, 1 or 16 to 16 channels: `python -m benchmarks fast_paths`).


def _by_rows(a, b, k_shape, strides, padding, dilations):
    """Whether the fast way exists here. For a 1 x 1 window it only pays in the right order."""
    (top, bottom), (left, right) = padding
    return (
        (*strides, *dilations) == (1, 1, 1, 1)
        and (k_shape[0] * k_shape[1] > 1 or a.transpose(1, 3, 2, 0).flags.c_contiguous)
        and max(top, bottom) < k_shape[0]
        and max(left, right) < k_shape[1]
        and a.dtype == b.dtype
        and a.dtype.char in "fd"
        and a.size > 0 < b.size
    )


def _seen(x, p, q, ksize, wo, padding, chunks):
    """What output rows p to q see of the input through each column of taps, without the padding.

    Yields (where, products): of a part ``where`` of the output (Ho, O, Wo * N), for each column j of
    the taps that sees something, (inside, j, taps, matrices): the columns ``inside`` of the part see
    through ``taps``, a slice of (tap's row, channel), the ``matrices``, of shape (rows, taps, columns):
    views, if x has the order [H][C][W][N].
    """
    x, top = x.transpose(1, 3, 2, 0), padding[0][0]
    views = _views(x.shape, p, q, ksize, wo, padding, chunks)
    x = np.ascontiguousarray(x[max(p - top, 0) : min(q - top + ksize[0] - 1, len(x))])
    row, channel, one = x[0].nbytes, x[0, 0].nbytes, x.itemsize
    for where, products in views:
        yield where, [
            (inside, j, taps, np.ndarray(shape, x.dtype, x, corner * one, (row, channel, one)))
            for inside, j, taps, shape, corner in products
        ]


@functools.lru_cache(1024)
def _views(x_shape, p, q, ksize, wo, padding, chunks):
    """For `_seen`: where, and for each product inside, j, taps, the matrices' shape and first element."""
    (h, c, w, n), (kh, kw), top = x_shape, ksize, padding[0][0]
    found, spans = [], _spans(w, wo, kw, 1, padding[1])
    for (i0, i1), rows in itertools.groupby(
        range(p, q), lambda row: (max(top - row, 0), min(h + top - row, kh))
    ):
        rows = [*rows]
        first = rows[0] + i0 - top - max(p - top, 0)
        for a, b in chunks:
            products = []
            for j, read, write in spans:
                start, stop = max(a, write.start * n), min(b, write.stop * n)
                if start < stop:
                    corner = first * c * w * n + start + (read.start - write.start) * n
                    products.append((
                        slice(start - a, stop - a), j, slice(i0 * c, i1 * c),
                        (len(rows), (i1 - i0) * c, stop - start), corner,
                    ))  # fmt: skip
            found.append(((slice(rows[0] - p, rows[-1] + 1 - p), slice(None), slice(a, b)), products))
    return found


def _windows(x, p, q, ksize, wo, padding, copies=1):
    """What output rows p to q see: (q - p, kw - copies + 1, kh * copies * C, Wo * N).

    Axis 1 is the column of taps. With ``copies=kw`` all of them stand below each other instead.
    The memory may be scratch, which the next call on this thread overwrites.
    """
    (kh, kw), ((top, _), (left, _)) = ksize, padding
    x = x.transpose(1, 3, 2, 0)
    h, c, w, n = x.shape
    width, height = wo + kw - copies, q - p + kh - 1
    start, stop = max(p - top, 0), min(q - top + kh - 1, h)
    if copies == 1 and (stop - start, w) == (height, width) and x.flags.c_contiguous:
        rows = x[start:stop]  # no padding, and in this order already: no copy
    else:
        rows = _threads.scratch("windows", (height, copies, c, width, n), x.dtype)
        seen = np.ascontiguousarray(x[start:stop]) if copies > 1 else x[start:stop]
        first, last = start - (p - top), stop - (p - top)
        if last - first < height:
            rows[:first] = rows[last:] = 0
        for j in range(copies):
            a = min(max(left - j, 0), width)
            b = max(min(w + left - j, width), a)
            if b - a < width:
                rows[first:last, j, :, :a] = rows[first:last, j, :, b:] = 0
            rows[first:last, j, :, a:b] = seen[:, :, a + j - left : b + j - left]
    # strides from sizes: the stride NumPy reports for an axis of length 1 may be anything
    one = x.itemsize
    strides = copies * c * width * n * one, n * one, width * n * one, one
    return np.ndarray((q - p, kw - copies + 1, kh * copies * c, wo * n), x.dtype, rows, 0, strides)


def _forward_by_rows(x, k, out_hw, padding, bias=None, relu=False):
    ksize, o, n, (ho, wo) = k.shape[:2], k.shape[3], x.shape[0], out_hw
    y = np.empty((ho, o, wo * n), x.dtype)
    k, copies = _matrices(k, wo * n)
    blocks, chunks, threads = _cut(x, o, ksize, out_hw, copies)
    if bias is not None:  # where a channel's part of a row is short, NumPy's loop over it would be, too
        bias = np.repeat(bias[:, None], wo * n if wo * n < 4096 else 1, axis=1)

    def block(p, q):
        _forward_rows(x, k, y[p:q], ksize, padding, chunks, p)
        _finish(y[p:q], bias, relu)

    _threads.parallel(block, blocks, threads)
    return y.reshape(ho, o, wo, n).transpose(3, 0, 2, 1)


def _matrices(k, columns):
    """Filters as one matrix (O, taps), or as one for each column of taps, (kw, O, taps); and how many
    copies of the input, a column further on each, that matrix is multiplied by.

    One product for all columns of taps, or one for each and then their sum? The first copies the
    input kw times, the second passes kw - 1 times over the output, so the smaller of the two
    decides; where they are equal, small products, which cost their calls, are put together.
    """
    kh, kw, c, o = k.shape
    if o >= 2 * c or o == c and c * kh * o * columns < _SMALL_ROW:
        return k.reshape(kh * kw * c, o).T, kw
    return k.transpose(1, 3, 0, 2).reshape(kw, o, kh * c), 1


def _forward_rows(x, k, y, ksize, padding, chunks, p=0):
    """Write ``y`` (rows, O, Wo * N), the rows of the output from ``p`` on; ``k`` is from `_matrices`."""
    q, n = p + len(y), x.shape[0]
    wo = y.shape[2] // n
    if k.ndim == 2:
        windows = _windows(x, p, q, ksize, wo, padding, ksize[1])
        for a, b in chunks:
            np.matmul(k, windows[:, 0, :, a:b], out=y[:, :, a:b])
        return
    for where, products in _seen(x, p, q, ksize, wo, padding, chunks):
        out = part = y[where]
        for inside, j, taps, seen in products:
            if seen.shape[2] < part.shape[2]:
                part[:, :, : inside.start] = part[:, :, inside.stop :] = 0
            np.matmul(k[j, :, taps], seen, out=part[:, :, inside])
            if part is out:
                part = _threads.scratch("product", out.shape, x.dtype)
            else:
                out += part


def _filter_grad_by_rows(x, g, ksize, padding):
    blocks, chunks, threads = _cut(x, g.shape[3], ksize, g.shape[1:3])

    def block(p, q):
        return _filter_grad_rows(x, g[:, p:q], p, ksize, padding, chunks)

    gk = sum(_threads.parallel(block, blocks, threads))
    return _as_filters(gk, (*ksize, x.shape[3], g.shape[3]))


def _filter_grad_rows(x, g, p, ksize, padding, chunks):
    """What rows of the output's cotangent ``g``, from ``p`` on, add to the filters' gradient."""
    n, rows, wo, o = g.shape
    g = np.ascontiguousarray(g.transpose(1, 3, 2, 0)).reshape(rows, 1, o, wo * n).swapaxes(2, 3)
    windows = _windows(x, p, p + rows, ksize, wo, padding)
    parts = [np.add.reduce(windows[..., a:b] @ g[:, :, a:b], axis=0) for a, b in chunks]
    return sum(parts[1:], parts[0])


def _as_filters(gk, k_shape):
    kh, kw, c, o = k_shape
    return gk.reshape(kw, kh, c, o).transpose(1, 0, 2, 3)


# How the work is cut. OpenBLAS spreads larger products over its own threads; called from several
# Python threads at once these get in each other's way, and afterwards they keep a core busy waiting.
# So either our threads and products so small that BLAS never starts its own, or one thread of ours
# and whole rows for BLAS to spread. Thus BLAS's settings need not be touched. The limits are
# OpenBLAS's: products up to 10^6 multiplications take a path without packing on processors with
# AVX-512, if the result of an A B' product has at most 1200 entries; elsewhere products up to 2^18
# stay on the calling thread.

_SMALL_FILTER = 1200
_SMALL_ROW = 100_000  # multiplications for an output row and a column of taps
_CACHE = 1 << 20  # bytes of input rows at a time: they stay in the level 2 cache
_BLOCK_COST = 1_800_000  # multiplications in the time that a block waits for Python's lock


def _small_product():
    try:
        from numpy._core._multiarray_umath import __cpu_features__
    except ImportError:
        return 1 << 18
    return 1_000_000 if __cpu_features__.get("AVX512_SKX") else 1 << 18


_SMALL_PRODUCT = _small_product()


def _cut(x, o, ksize, out_hw, copies=1):
    """Blocks of output rows, chunks of columns, and the number of threads for the blocks."""
    return _cuts(x.shape, x.itemsize, o, ksize, out_hw, copies, _threads.get_threads())


@functools.lru_cache(1024)  # this arithmetic is the same in each step of a training
def _cuts(x_shape, itemsize, o, ksize, out_hw, copies, cores):
    (n, _, w, c), (kh, kw), (ho, wo) = x_shape, ksize, out_hw
    threads, most = 1, wo * n
    if c * kh * o <= _SMALL_FILTER:
        most = max(_SMALL_PRODUCT // (c * kh * copies * o) // 16 * 16, 16)
        # t / threads + threads * (cost of a block) is least at sqrt(t / cost)
        best = math.isqrt(c * kh * kw * o * ho * wo * n // _BLOCK_COST)
        threads = max(min(cores, best), 1)
    rows = max(_CACHE // (n * w * c * copies * itemsize) - kh, 2 * kh)
    # The caller takes the last block, while others must be woken: it is larger by what they do meanwhile.
    last = 13 / 12 if threads > 1 else 1
    return _parts(ho, rows, threads, last), tuple(_parts(wo * n, most)), threads


def _parts(length, most, multiple=1, last=1):
    """``range(length)`` in equal parts ``(start, stop)`` no longer than ``most``; or the last is longer."""
    count = max(-(-length // most), 1)
    count = min(-(-count // multiple) * multiple, max(length, 1))
    edges = [*(max(int(length * i / (count - 1 + last)), i) for i in range(count)), length]
    return [*zip(edges, edges[1:], strict=False)]


# ------------------------------------------------------------------------------------- pooling


def max_pool2d(x, ksize, strides, padding):
    """Largest value of each window, padding left out: (..., H, W, C) to (..., Ho, Wo, C).

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), (2, 2), (2, 2), ((0, 0), (0, 0))).ravel()
    array([ 5.,  7., 13., 15.])
    """
    hw = x.shape[-3:-1]
    out_hw = _out_hw(hw, ksize, strides, padding)
    _window_counts("max_pool2d", hw, out_hw, ksize, strides, padding)
    y = np.full_like(x, lowest(x.dtype), shape=(*x.shape[:-3], *out_hw, x.shape[-1]))
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        np.maximum(y[write], x[read], out=y[write])
    return y


def max_pool2d_argmax(x, ksize, strides, padding, y=None):
    """Where each maximum sits: ``row * W + column``, int64 (..., Ho, Wo, C).

    The first one in row-major order, as in TensorFlow. ``y``, the pooled maximum, saves time.
    """
    y = max_pool2d(x, ksize, strides, padding) if y is None else y
    (h, w), out_hw = x.shape[-3:-1], y.shape[-3:-1]
    nan = bool(np.isnan(y).any())  # NaN is the maximum of its window, but equals nothing
    # count the taps before the first hit, instead of writing places with a mask
    taps = [*_taps((h, w), out_hw, ksize, strides, padding)]
    before, found = np.zeros_like(y, np.min_scalar_type(len(taps))), np.zeros_like(y, bool)
    for _, _, read, write in taps:
        hit = x[read] == y[write]
        found[write] |= (hit | np.isnan(x[read])) if nan else hit
        before += ~found
    place = np.array([i * w + j for i, j, *_ in taps], np.int64)
    rows = np.arange(out_hw[0]) * strides[0] - padding[0][0]
    columns = np.arange(out_hw[1]) * strides[1] - padding[1][0]
    index = place[before]
    index += np.add.outer(rows * w, columns)[..., None]
    return index


def pool_gather(x, index):
    """``x`` (..., N, H, W, C) at ``index`` (N, Ho, Wo, C): (..., N, Ho, Wo, C).

    Linear in ``x``: the derivative of max pooling applied to a tangent. Transposed `pool_scatter`.
    """
    order, at = _addresses(index, x.shape[-4:])
    flat = _reorder(x, order)
    picked = flat.reshape(*x.shape[:-4], math.prod(x.shape[-4:]))[..., at]
    return _reorder(picked, np.argsort(order))


def pool_scatter(g, index, x_shape):
    """Add ``g`` (..., N, Ho, Wo, C) up at ``index`` (N, Ho, Wo, C): (..., N, H, W, C).

    The gradient of max pooling. ``x_shape`` is (N, H, W, C), without the extra axes.
    """
    order, at = _addresses(index, x_shape)
    stack = _reorder(g, order).reshape(math.prod(g.shape[:-4]), index.size)
    shape = [x_shape[axis] for axis in order]
    out = np.empty((len(stack), math.prod(shape)), g.dtype)
    for row, values in zip(out, stack, strict=True):
        row[:] = np.bincount(at.ravel(), weights=values, minlength=row.size)
    return _reorder(out.reshape(*g.shape[:-4], *shape), np.argsort(order))


def _addresses(index, x_shape):
    """The order of ``index``'s axes in memory, and where it points in an ``x`` of that order.

    Working in memory order avoids transposing, and the result keeps it for what follows.
    """
    order = sorted(range(4), key=lambda axis: -index.strides[axis])
    shape = [x_shape[axis] for axis in order]
    n, h, w, c = (math.prod(shape[order.index(axis) + 1 :]) for axis in range(4))
    row, column = np.divmod(index, x_shape[2] or 1)
    at = row * h + column * w
    at += np.arange(x_shape[0]).reshape(-1, 1, 1, 1) * n + np.arange(x_shape[3]) * c
    return order, at.transpose(order)


def _reorder(a, order):
    """Permute the last four axes."""
    lead = a.ndim - 4
    return a.transpose(*range(lead), *(lead + axis for axis in order))


def avg_pool2d(x, ksize, strides, padding):
    """Mean of each window, padding left out of sum and count: (..., Ho, Wo, C).

    >>> avg_pool2d(np.ones((1, 3, 3, 1)), (2, 2), (2, 2), ((0, 1), (0, 1))).ravel()
    array([1., 1., 1., 1.])
    """
    hw = x.shape[-3:-1]
    out_hw = _out_hw(hw, ksize, strides, padding)
    counts = _window_counts("avg_pool2d", hw, out_hw, ksize, strides, padding)
    dtype = np.result_type(x, np.float16)
    y = np.zeros_like(x, dtype, shape=(*x.shape[:-3], *out_hw, x.shape[-1]))
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        y[write] += x[read]
    y /= counts.astype(dtype)
    return y


def avg_pool2d_grad(g, x_shape, ksize, strides, padding):
    """Transpose of `avg_pool2d`: ``g`` (..., N, Ho, Wo, C) to (..., N, H, W, C).

    ``x_shape`` is (N, H, W, C), without the extra leading axes.
    """
    hw = tuple(x_shape[-3:-1])
    out_hw = _out_hw(hw, ksize, strides, padding)
    counts = _window_counts("avg_pool2d_grad", hw, out_hw, ksize, strides, padding)
    share = np.empty_like(g, np.result_type(g, np.float16))
    np.divide(g, counts.astype(share.dtype), out=share)
    gx = np.zeros_like(share, shape=(*g.shape[:-3], *hw, g.shape[-1]))
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        gx[read] += share[write]
    return gx


def _window_counts(name, hw, out_hw, ksize, strides, padding):
    """How many real positions each window holds, (Ho, Wo, 1); ValueError if one holds none."""
    counts = np.zeros((*out_hw, 1), np.int32)
    for *_, write in _taps(hw, out_hw, ksize, strides, padding):
        counts[write] += 1
    if not counts.all():
        raise ValueError(
            f"{name}: padding {padding} is so large that some windows of {tuple(ksize)} hold "
            f"nothing else; padding must be smaller than the window"
        )
    return counts
