"""ReLU and its gradient on bare arrays that are large: where NumPy's plain way takes several times as long.

The figures are printed by `python -m benchmarks fast_paths`.
"""

import numpy as np

_NOUGHT = np.zeros(1 << 16, np.uint8)  # zeros of any dtype


def relu(x, out=None):
    """max(x, 0). Of a large array, with zeros as long as a stretch of its memory, read again and again:
    NumPy's loop for an array and a number takes more than twice as long."""
    if x.size < 1 << 14:
        return np.maximum(x, x.dtype.type(0), out=out)
    strides, run = [0] * x.ndim, x.itemsize
    for a in sorted(range(x.ndim), key=x.strides.__getitem__):
        if x.shape[a] > 1:
            if x.strides[a] != run or run * x.shape[a] > _NOUGHT.size:
                break
            strides[a] = run
            run *= x.shape[a]
    return np.maximum(x, np.ndarray(x.shape, x.dtype, _NOUGHT, 0, strides), out=out)


def relu_grad(g, x):
    """g where x > 0, else 0, in x's memory order: a convolution's output is not in NumPy's.

    Multiplied directly, a broadcast g (from a mean over the image) would be walked through in NumPy's
    order, in 7 times the time, and give that order, which the convolution's gradient would have to
    copy into the other.
    """
    if g.shape != x.shape or g.strides == x.strides or x.flags.c_contiguous:
        return g * (x > 0)
    out = np.empty_like(x)
    np.copyto(out, g)
    out *= x > 0
    return out
