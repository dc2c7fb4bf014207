"""tapelab: TensorFlow's gradient tape on NumPy, small enough to read and to teach with.

>>> import tapelab as tf
>>> x = tf.Variable(3.0)
>>> with tf.GradientTape() as tape:
...     y = x ** 2
>>> float(tape.gradient(y, x))
6.0
"""

from . import array, autodiff, errors, linalg, math, nest, nn, random  # noqa: I001
from .array import (
    argsort, boolean_mask, broadcast_static_shape, broadcast_to, concat, expand_dims, eye, fill, gather,
    gather_nd, identity, identity_n, linspace, meshgrid, one_hot, ones, ones_like, pad, rank, repeat, reshape,
    reverse, roll, scatter_nd, sequence_mask, size, sort, split, squeeze, stack, stop_gradient, strided_slice,
    tensor_scatter_nd_add, tensor_scatter_nd_sub, tensor_scatter_nd_update, tile, transpose, unique, unstack,
    where, zeros, zeros_like,
)  # fmt: skip
from .array import range_ as range
from .array import shape_of as shape
from .array import slice_ as slice
from .clip import clip_by_global_norm, clip_by_norm, clip_by_value
from .custom_gradient import custom_gradient, grad_pass_through, recompute_grad
from .dtypes import (
    DType, TensorShape, as_dtype, bool, complex64, complex128, double, float16, float32, float64, half, int8,
    int16, int32, int64, string, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .linalg import einsum, matmul, norm, tensordot
from .math import (
    abs, acos, acosh, add, add_n, argmax, argmin, asin, asinh, atan, atan2, atanh, cast, complex, cos, cosh,
    cumsum, divide, equal, exp, floor, greater, greater_equal, less, less_equal, logical_and, logical_not,
    logical_or, maximum, minimum, multiply, negative, not_equal, pow, reduce_all, reduce_any,
    reduce_logsumexp, reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum, round, saturate_cast, sigmoid,
    sign, sin, sinh, sqrt, square, subtract, tan, tanh, truediv,
)  # fmt: skip
from .tape import GradientTape, UnconnectedGradients, get_logger
from .tensor import IndexedSlices, Tensor, Variable, constant, convert_to_tensor, is_tensor

newaxis = None
__version__ = "0.1.0"
