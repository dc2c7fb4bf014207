"""tapelab: TensorFlow's gradient tape on NumPy, small enough to read and to teach with.

>>> import tapelab as tf
>>> x = tf.Variable(3.0)
>>> with tf.GradientTape() as tape:
...     y = x ** 2
>>> float(tape.gradient(y, x))
6.0
"""

try:
    from . import dtypes
except ModuleNotFoundError as error:
    if error.name != "numpy":
        raise
    raise ModuleNotFoundError(
        "tapelab needs NumPy: python -m pip install 'numpy>=2'. The lessons need more, in the folder of "
        "tapelab: python -m pip install -e '.[lab]'", name="numpy",
    ) from None  # fmt: skip
from . import (  # noqa: I001
    array, autodiff, bitwise, config, data, debugging, errors, image, linalg, math, namespaces, nest, nn,
    random, segments, special, test, train,
)  # fmt: skip
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
from .control import (
    Function, RegisterGradient, TensorArray, TensorSpec, case, cond, control_dependencies, device, ensure_shape,
    executing_eagerly, foldl, foldr, function, get_static_value, gradients, group, hessians, init_scope, map_fn,
    name_scope, no_gradient, no_op, numpy_function, py_function, scan, switch_case, timestamp, vectorized_map,
    while_loop,
)  # fmt: skip
from .control import print_ as print
from .control import tuple_ as tuple
from .clip import clip_by_global_norm, clip_by_norm, clip_by_value
from .custom_gradient import custom_gradient, grad_pass_through, recompute_grad
from .debugging import Assert, assert_equal, assert_greater, assert_less, assert_rank
from .dtypes import (
    DType, TensorShape, as_dtype, bool, complex64, complex128, double, float16, float32, float64, half, int8,
    int16, int32, int64, string, uint8, uint16, uint32, uint64,
)  # fmt: skip
from .linalg import einsum, matmul, norm, tensordot
from .math import (
    abs, acos, acosh, add, add_n, argmax, argmin, asin, asinh, atan, atan2, atanh, cast, complex, cos, cosh,
    cumsum, divide, equal, exp, floor, greater, greater_equal, less, less_equal, logical_and, logical_not,
    logical_or, maximum, minimum, multiply, negative, not_equal, pow, reduce_all, reduce_any,
    reduce_logsumexp, reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum, round, saturate_cast, scalar_mul, sigmoid,
    sign, sin, sinh, sqrt, square, subtract, tan, tanh, truediv, truncatediv, truncatemod,
)  # fmt: skip
from .module import Module
from .segments import (
    dynamic_partition, dynamic_stitch, searchsorted, tensor_scatter_nd_max, tensor_scatter_nd_min,
    unique_with_counts, unravel_index,
)  # fmt: skip
from .tape import GradientTape, UnconnectedGradients, get_logger
from .tensor import IndexedSlices, Tensor, Variable, constant, convert_to_tensor, is_tensor
from ._threads import get_threads, keep_freed_memory, set_threads

keep_freed_memory()
newaxis = None
realdiv = divide
__version__ = "0.1.0"

namespaces.complete(__name__)
