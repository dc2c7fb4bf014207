"""Convolution and pooling on bare NumPy arrays: images NHWC, filters HWIO, as in TensorFlow.

Nothing here knows about tapes or tensors. What makes these functions enough for derivatives of
every order is that they are closed: each is linear in each array argument, and the transpose of
each is another one.

    y  = conv2d(x, k)               y[n,p,q,o]  = sum_{i,j,c} x[n, p*s+i*d-t, q*s+j*d-l, c] k[i,j,c,o]
    gx = conv2d_input_grad(g, k)    the transpose in x (also: transposed convolution)
    gk = conv2d_filter_grad(x, g)   the transpose in k
    max pooling: pool_gather and pool_scatter at fixed indices; average pooling and its transpose

Any array argument may have extra leading axes (a stack of cotangents, or of tangents); the
result then has them too, in front.
"""

import os

import numpy as np

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


def _spans(size, out, k, stride, padding, dilation=1):
    """For each tap of a window: where it reads and what it feeds, as two slices.

    Input positions outside ``[0, size)`` are padding: they are left out of the slices, so no
    padded copy is needed and padding can never win a maximum.
    """
    spans = []
    for tap in range(k):
        shift = tap * dilation - padding[0]  # output p reads input p * stride + shift
        first = max(-(shift // stride), 0)
        last = min((size - 1 - shift) // stride + 1, out)
        last = max(last, first)
        start = first * stride + shift
        stop = start + (last - first - 1) * stride + 1 if last > first else start
        spans.append((slice(start, stop, stride), slice(first, last)))
    return spans


def _taps(hw, out_hw, ksize, strides, padding, dilations=(1, 1)):
    """``(i, j, input slices, output slices)`` for each tap of a 2-D window, row-major."""
    rows = _spans(hw[0], out_hw[0], ksize[0], strides[0], padding[0], dilations[0])
    cols = _spans(hw[1], out_hw[1], ksize[1], strides[1], padding[1], dilations[1])
    for i, (r_in, r_out) in enumerate(rows):
        for j, (c_in, c_out) in enumerate(cols):
            yield i, j, (..., r_in, c_in, slice(None)), (..., r_out, c_out, slice(None))


def _out_hw(hw, ksize, strides, padding, dilations=(1, 1)):
    return tuple(map(output_size, hw, ksize, strides, padding, dilations))


# --------------------------------------------------------------------------------- convolution


def conv2d(x, k, strides, padding, dilations=(1, 1)):
    """Cross-correlate ``x`` (N, H, W, C) with ``k`` (kh, kw, C, O) into (N, Ho, Wo, O).

    ``strides`` and ``dilations`` are pairs of ints, ``padding`` is what `resolve_padding`
    returns. ``x`` and ``k`` may have extra leading axes, which broadcast against each other.
    Raises ValueError if the channels differ or the window does not fit.

    >>> x, k = np.ones((2, 5, 5, 3)), np.ones((3, 3, 3, 4))
    >>> conv2d(x, k, (1, 1), ((0, 0), (0, 0))).shape
    (2, 3, 3, 4)
    """
    if x.shape[-1] != k.shape[-2]:
        raise ValueError(
            f"conv2d: the images {x.shape} have {x.shape[-1]} channels (last axis), "
            f"the filters {k.shape} expect {k.shape[-2]} (last axis but one)"
        )
    hw = _out_hw(x.shape[-3:-1], k.shape[-4:-2], strides, padding, dilations)
    geometry = strides, padding, dilations
    shape = (x.shape[-4], *hw, k.shape[-1])
    return _bilinear(lambda x, k: _forward(x, k, hw, *geometry), x, k, shape, (0, 0), (3, 3))


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
    geometry = strides, padding, dilations
    shape = (g.shape[-4], *hw, k.shape[-2])
    return _bilinear(lambda g, k: _input_grad(g, k, hw, *geometry), g, k, shape, (0, 0), (2, 3))


def conv2d_filter_grad(x, g, k_shape, strides, padding, dilations=(1, 1)):
    """Transpose of `conv2d` in ``k``: ``x`` (N, H, W, C), ``g`` (N, Ho, Wo, O) to ``k_shape``.

    ``x`` and ``g`` may have extra leading axes; ``k_shape`` is (kh, kw, C, O) without them.

    >>> x, g = np.ones((2, 5, 5, 3)), np.ones((7, 2, 3, 3, 4))
    >>> conv2d_filter_grad(x, g, (3, 3, 3, 4), (1, 1), ((0, 0), (0, 0))).shape
    (7, 3, 3, 3, 4)
    """
    _check("conv2d_filter_grad", g.shape, x.shape[-3:-1], k_shape, strides, padding, dilations)
    ksize = tuple(k_shape[-4:-2])
    geometry = strides, padding, dilations
    shape = (*ksize, x.shape[-1], g.shape[-1])
    return _bilinear(lambda x, g: _filter_grad(x, g, ksize, *geometry), x, g, shape, (3, 2), (3, 3))


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
    e.g. the batch: there the extra axes are folded in. ``shape`` is the result's without them.
    """
    dtype = np.result_type(a, b)
    if dtype == np.float16:  # half has no BLAS, and would lose digits in long sums
        a, b = a.astype(np.float32), b.astype(np.float32)
    lead_a, lead_b = a.shape[:-4], b.shape[:-4]
    if lead_a and lead_b:
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
    a = np.moveaxis(a.reshape(-1 if a.size else int(np.prod(a.shape[:-4])), *shape), 0, axis)
    shape[axis] *= a.shape[axis]
    return a.reshape(shape)


def _unfold(out, lead, shape, axis):
    """Undo `_fold` on a result: ``lead + shape``."""
    count = int(np.prod(lead))
    out = out.reshape(*shape[:axis], count, *shape[axis:])
    return np.moveaxis(out, axis, 0).reshape(lead + shape)


# The three kernels at rank 4: one matrix product per tap of the window.


def _forward(x, k, out_hw, strides, padding, dilations):
    y = np.zeros((x.shape[0], *out_hw, k.shape[3]), np.result_type(x, k))
    for i, j, read, write in _taps(x.shape[1:3], out_hw, k.shape[:2], strides, padding, dilations):
        y[write] += x[read] @ k[i, j]
    return y


def _input_grad(g, k, hw, strides, padding, dilations):
    gx = np.zeros((g.shape[0], *hw, k.shape[2]), np.result_type(g, k))
    for i, j, read, write in _taps(hw, g.shape[1:3], k.shape[:2], strides, padding, dilations):
        gx[read] += g[write] @ k[i, j].T
    return gx


def _filter_grad(x, g, ksize, strides, padding, dilations):
    gk = np.zeros((*ksize, x.shape[3], g.shape[3]), np.result_type(x, g))
    for i, j, read, write in _taps(x.shape[1:3], g.shape[1:3], ksize, strides, padding, dilations):
        gk[i, j] = np.tensordot(x[read], g[write], axes=((0, 1, 2), (0, 1, 2)))
    return gk


# ------------------------------------------------------------------------------------- pooling


def max_pool2d(x, ksize, strides, padding):
    """Largest value of each window, padding left out: (..., H, W, C) to (..., Ho, Wo, C).

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), (2, 2), (2, 2), ((0, 0), (0, 0))).ravel()
    array([ 5.,  7., 13., 15.])
    """
    hw = x.shape[-3:-1]
    out_hw = _out_hw(hw, ksize, strides, padding)
    _window_counts("max_pool2d", hw, out_hw, ksize, strides, padding)
    y = np.full((*x.shape[:-3], *out_hw, x.shape[-1]), _lowest(x.dtype), x.dtype)
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        np.maximum(y[write], x[read], out=y[write])
    return y


def max_pool2d_argmax(x, ksize, strides, padding, y=None):
    """Where each maximum sits: ``row * W + column``, int64 (..., Ho, Wo, C).

    The first one in row-major order, as in TensorFlow. ``y``, the pooled maximum, saves time.
    """
    y = max_pool2d(x, ksize, strides, padding) if y is None else y
    hw = x.shape[-3:-1]
    where = np.arange(hw[0] * hw[1]).reshape(*hw, 1)
    index = np.zeros(y.shape, np.int64)
    for _, _, read, write in reversed([*_taps(hw, y.shape[-3:-1], ksize, strides, padding)]):
        hit = (x[read] == y[write]) | (x[read] != x[read])  # NaN wins, as in np.maximum
        np.copyto(index[write], where[read], where=hit)
    return index


def pool_gather(x, index):
    """``x`` (..., N, H, W, C) at ``index`` (N, Ho, Wo, C): (..., N, Ho, Wo, C).

    Linear in ``x``: the derivative of max pooling applied to a tangent. Transposed `pool_scatter`.
    """
    (h, w, c), (n, ho, wo, _) = x.shape[-3:], index.shape
    flat = x.reshape(*x.shape[:-3], h * w, c)
    at = index.reshape((1,) * (x.ndim - 4) + (n, ho * wo, c))
    return np.take_along_axis(flat, at, axis=-2).reshape(*x.shape[:-4], *index.shape)


def pool_scatter(g, index, x_shape):
    """Add ``g`` (..., N, Ho, Wo, C) up at ``index`` (N, Ho, Wo, C): (..., N, H, W, C).

    The gradient of max pooling. ``x_shape`` is (N, H, W, C), without the extra axes.
    """
    n, h, w, c = x_shape[-4:]
    at = ((np.arange(n).reshape(n, 1, 1, 1) * (h * w) + index) * c + np.arange(c)).ravel()
    size = n * h * w * c
    stack = g.reshape(int(np.prod(g.shape[:-4])), index.size)
    out = np.empty((stack.shape[0], size), g.dtype)
    for row, values in zip(out, stack):
        row[:] = np.bincount(at, weights=values, minlength=size)
    return out.reshape(*g.shape[:-4], n, h, w, c)


def avg_pool2d(x, ksize, strides, padding):
    """Mean of each window, padding left out of sum and count: (..., Ho, Wo, C).

    >>> avg_pool2d(np.ones((1, 3, 3, 1)), (2, 2), (2, 2), ((0, 1), (0, 1))).ravel()
    array([1., 1., 1., 1.])
    """
    hw = x.shape[-3:-1]
    out_hw = _out_hw(hw, ksize, strides, padding)
    counts = _window_counts("avg_pool2d", hw, out_hw, ksize, strides, padding)
    y = np.zeros((*x.shape[:-3], *out_hw, x.shape[-1]), np.result_type(x, np.float16))
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        y[write] += x[read]
    y /= counts
    return y


def avg_pool2d_grad(g, x_shape, ksize, strides, padding):
    """Transpose of `avg_pool2d`: ``g`` (..., N, Ho, Wo, C) to (..., N, H, W, C).

    ``x_shape`` is (N, H, W, C), without the extra leading axes.
    """
    hw = tuple(x_shape[-3:-1])
    out_hw = _out_hw(hw, ksize, strides, padding)
    counts = _window_counts("avg_pool2d_grad", hw, out_hw, ksize, strides, padding)
    share = np.divide(g, counts, dtype=np.result_type(g, np.float16))
    gx = np.zeros((*g.shape[:-3], *hw, g.shape[-1]), share.dtype)
    for _, _, read, write in _taps(hw, out_hw, ksize, strides, padding):
        gx[read] += share[write]
    return gx


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


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


# ------------------------------------------------------------------------------------- threads


def _usable_cores():
    if hasattr(os, "sched_getaffinity"):  # respects taskset and containers; Linux only
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


_threads = _usable_cores()


def set_threads(n=None):
    """Let a convolution use ``n`` threads; None: as many as there are usable cores."""
    global _threads
    n = _usable_cores() if n is None else int(n)
    if n < 1:
        raise ValueError(f"set_threads: the number of threads must be at least 1, not {n}")
    _threads = n


def get_threads():
    """Number of threads a convolution may use."""
    return _threads
