"""tf.nn: activations, losses on logits, convolution, pooling, normalisation, dropout."""

import numpy as np

from . import _conv, _relu
from .array import concat, gather, ints, same_dtypes
from .clip import clip_by_norm
from .errors import (
    DtypeError,
    InvalidArgumentError,
    ShapeError,
    UnimplementedError,
    shape_mismatch,
    wrong_dtype,
)
from .math import (
    _unary,
    axes_of,
    axis_of,
    cast,
    erf,
    reduce_mean,
    reduce_sum,
    rsqrt,
    sigmoid,
    squared_difference,
    tanh,
)
from .primitive import P, bare, dtype, lead, primitive, shape, unbroadcast
from .random import generator
from .tensor import Tensor, as_tensor, beside, convert_to_tensor, integer, number

# ---------------------------------------------------------------- activations


def _relu_rule(g, z, x):
    """1 where x > 0, else 0 (also at 0)."""
    return P.relu_grad(g, z)


def _flat(h, z, g, x, **attrs):
    """Piecewise linear: the slope does not move with x (0, and connected)."""
    return P.unlead(h * 0, inner=shape(x), extra=lead(h, z))


def _slope(forward, same):
    """The primitive `g * slope(x)` of a piecewise linear function; it is linear in g."""

    def wrt_g(h, z, g, x, **attrs):
        """The same slopes."""
        return getattr(P, same)(h, x, **attrs)

    primitive(same, same, forward, wrt_g, _flat)


def _unlead(h, inner, extra):
    """Sum over the axes between the leading ones and the input's: a stack's cotangents add up."""
    added = tuple(range(extra, h.ndim - len(inner)))
    return np.add.reduce(h, axis=added) if added else h


def _unlead_rule(k, z, h, inner, extra):
    """The adjoint of summing is repeating."""
    front = lead(k, z)
    have, want = shape(k), shape(h)
    mid = len(want) - extra - len(inner)
    k = P.reshape(k, shape=have[: front + extra] + (1,) * mid + tuple(inner))
    return P.broadcast_to(k, shape=have[:front] + want)


primitive("unlead", "Sum", _unlead, _unlead_rule)
_slope(_relu.relu_grad, "relu_grad")
_slope(lambda g, x: g * ((x > 0) & (x < 6)), "relu6_grad")
_slope(lambda g, x, alpha: g * np.where(x > 0, 1, alpha).astype(g.dtype), "leaky_relu_grad")


def _relu6(g, z, x):
    """1 where 0 < x < 6, else 0 (also at 0 and 6)."""
    return P.relu6_grad(g, z)


def _leaky(g, z, x, alpha):
    """1 where x > 0, else alpha (also at 0)."""
    return P.leaky_relu_grad(g, x, alpha=alpha)


def _elu(g, z, x):
    """1 where x > 0, else e^x = z + 1."""
    return g * P.where(bare(z) < 0, z + 1, np.ones_like(bare(z)))


def _selu(g, z, x):
    """scale where x > 0, else z + scale * alpha."""
    below = z + _SCALE * _ALPHA
    return g * P.where(bare(z) < 0, below, np.full_like(bare(below), _SCALE))


_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805


def _elu_forward(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))[()]


def _softsign(g, z, x):
    """d x/(1+|x|) = dx / (1+|x|)^2."""
    d = 1 + P.abs(x)
    return g / (d * d)


relu = _unary(
    "nn.relu",
    "Relu",
    _relu.relu,
    _relu_rule,
    "max(x, 0); the derivative at 0 is 0.",
    "-1.0",
    0.0,
    kinds="fiu",
    argument="features",
)
relu6 = _unary(
    "nn.relu6",
    "Relu6",
    lambda x: np.minimum(np.maximum(x, x.dtype.type(0)), x.dtype.type(6)),
    _relu6,
    "min(max(x, 0), 6).",
    "7.0",
    6.0,
    kinds="fiu",
    argument="features",
)
elu = _unary(
    "nn.elu",
    "Elu",
    _elu_forward,
    _elu,
    "x where x > 0, else e^x - 1.",
    "-1.0",
    -0.6321,
    kinds="f",
    argument="features",
)
selu = _unary(
    "nn.selu", "Selu", lambda x: _elu_forward(x) * np.where(x > 0, _SCALE, _SCALE * _ALPHA).astype(x.dtype),
    _selu, "Scaled elu (Klambauer et al., 2017).", "-1.0", -1.1113, argument="features",
    kinds="f",
)  # fmt: skip
softsign = _unary(
    "nn.softsign",
    "Softsign",
    lambda x: x / (1 + np.abs(x)),
    _softsign,
    "x / (1 + |x|).",
    "1.0",
    0.5,
    kinds="f",
    argument="features",
)
primitive(
    "leaky_relu",
    "LeakyRelu",
    lambda x, alpha: np.where(x > 0, x, x * x.dtype.type(alpha))[()],
    _leaky,
    kinds="f",
)


def leaky_relu(features, alpha=0.2, name=None):
    """x where x > 0, else alpha * x; the derivative at 0 is alpha.

    >>> import tapelab as tf
    >>> print(f"{float(tf.nn.leaky_relu(-1.0)):.4f}")
    -0.2000
    """
    x = as_tensor(features)
    if x._a.dtype.kind in "iu":
        x = cast(x, np.float32)
    return P.leaky_relu(x, alpha=number(alpha, "alpha", "LeakyRelu"))


def silu(features, beta=1.0):
    """x * sigmoid(beta x), also called swish.

    >>> import tapelab as tf
    >>> print(f"{float(tf.nn.silu(1.0)):.4f}")
    0.7311
    """
    x = as_tensor(features)
    return x * sigmoid(x if isinstance(beta, (int, float)) and beta == 1 else beta * x)


swish = silu


def gelu(features, approximate=False, name=None):
    """x times the normal distribution function of x (or its tanh approximation).

    >>> import tapelab as tf
    >>> print(f"{float(tf.nn.gelu(1.0)):.4f}")
    0.8413
    """
    x = as_tensor(features)
    if x._a.dtype.kind != "f":
        raise ValueError(f"`features.dtype` must be a floating point tensor. Received: {x.dtype!r}")
    if approximate:
        return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))
    return 0.5 * x * (1.0 + erf(x / 1.4142135623730951))


def crelu(features, axis=-1, name=None):
    """relu of x and of -x, joined along an axis."""
    x = as_tensor(features)
    return relu(concat([x, -x], axis))


# ---------------------------------------------------------------- softmax and losses on logits


def _softmax_forward(x, axis):
    if not x.size:
        return x
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    return e / np.add.reduce(e, axis=axis, keepdims=True)


def _softmax(g, z, x, axis):
    """d softmax = s (dx - sum(s dx))."""
    return z * (g - P.sum(g * z, axis=(axis,), keepdims=True))


def _log_softmax_forward(x, axis):
    if not x.size:
        return x
    x = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    return x - np.log(np.add.reduce(np.exp(x), axis=axis, keepdims=True))


def _log_softmax(g, z, x, axis):
    """d log softmax = dx - sum(softmax dx)."""
    return g - P.exp(z) * P.sum(g, axis=(axis,), keepdims=True)


primitive("softmax", "Softmax", _softmax_forward, _softmax, kinds="f")
primitive("log_softmax", "LogSoftmax", _log_softmax_forward, _log_softmax, kinds="f")


def _logits(x, op):
    x = as_tensor(x)
    if not x._a.ndim:
        raise ShapeError(f"{op} needs at least one axis, got a scalar [Op:{op}]")
    if x._a.dtype.kind != "f":
        raise wrong_dtype(op, x.dtype)
    return x


def softmax(logits, axis=None, name=None):
    """e^x / sum(e^x) along an axis (the last by default), without overflow.

    >>> import tapelab as tf
    >>> tf.nn.softmax([0.0, 0.0]).numpy().tolist()
    [0.5, 0.5]
    """
    x = _logits(logits, "Softmax")
    return P.softmax(x, axis=axis_of(x, -1 if axis is None else axis, "Softmax"))


def log_softmax(logits, axis=None, name=None):
    """log(softmax(x)) along an axis (the last by default), without overflow.

    >>> import tapelab as tf
    >>> print(tf.nn.log_softmax([0.0, 0.0]).numpy().round(4))
    [-0.6931 -0.6931]
    """
    x = _logits(logits, "LogSoftmax")
    return P.log_softmax(x, axis=axis_of(x, -1 if axis is None else axis, "LogSoftmax"))


def _row(g):
    """A cotangent per row, ready to multiply rows."""
    return P.reshape(g, shape=(*shape(g), 1))


def _xent_forward(x, labels):
    # The difference in this order is 0, not -0, where there is no loss.
    x = x - np.maximum.reduce(x, axis=-1, keepdims=True, initial=-np.inf)
    off = np.log(np.add.reduce(np.exp(x), axis=-1, keepdims=True)) - x
    return np.add.reduce(labels * off, axis=-1, where=labels != 0)


def _xent_x(g, z, x, labels):
    """d loss / d logits = softmax - labels (labels are taken to sum to 1)."""
    return _row(g) * (P.softmax(x, axis=-1) - labels)


def _xent_labels(g, z, x, labels):
    """d loss / d labels = -log softmax."""
    return -(_row(g) * P.log_softmax(x, axis=-1))


def _sparse_xent_forward(x, labels, saved=None):
    x = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    # Places in the flat array: take_along_axis would make an index for every axis.
    places = np.arange(0, x.size, x.shape[-1] or 1).reshape(labels.shape) + labels
    e = np.exp(x)
    total = np.add.reduce(e, axis=-1)
    if saved is not None:  # or the gradient would work them out again
        saved[:] = np.ascontiguousarray(e), total, places
    return np.log(total) - x.take(places)


def _sparse_xent_x(g, z, x, labels, saved=None):
    """d loss / d logits = softmax - one_hot(labels)."""
    if saved and not isinstance(g, Tensor):
        e, total, places = saved
        d = e / total[..., None]
        d.reshape(-1)[places] -= 1
        return _row(g) * d
    hot = bare(labels)[..., None] == np.arange(shape(x)[-1])
    return _row(g) * (P.softmax(x, axis=-1) - hot.astype(dtype(x)))


def _sigmoid_xent_forward(x, labels):
    return np.maximum(x, 0) - x * labels + np.log1p(np.exp(-np.abs(x)))


def _sigmoid_xent_x(g, z, x, labels):
    """d loss / d logits = sigmoid - labels."""
    return g * (P.sigmoid(x) - labels)


def _sigmoid_xent_labels(g, z, x, labels):
    """d loss / d labels = -logits."""
    return -(g * x)


primitive(
    "softmax_xent", "SoftmaxCrossEntropyWithLogits", _xent_forward, _xent_x, _xent_labels, kinds="f"
)
primitive(
    "sparse_xent", "SparseSoftmaxCrossEntropyWithLogits", _sparse_xent_forward, _sparse_xent_x, None,
    kinds="f", saves=True,
)
primitive(
    "sigmoid_xent",
    "SigmoidCrossEntropyWithLogits",
    _sigmoid_xent_forward,
    _sigmoid_xent_x,
    _sigmoid_xent_labels,
    kinds="f",
)


def softmax_cross_entropy_with_logits(labels, logits, axis=-1, name=None):
    """-sum(labels * log softmax(logits)) along an axis.

    Args:
      labels: probabilities, of the shape of `logits`. Rows should sum to 1.
    Returns:
      Tensor without the axis.
    Raises:
      InvalidArgumentError: shapes that differ.

    >>> import tapelab as tf
    >>> print(tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0]], [[0.0, 0.0]]).numpy().round(4))
    [0.6931]
    """
    x = as_tensor(logits)
    y = cast(beside(labels, x._a.dtype), x.dtype)
    if x._a.shape != y._a.shape:
        try:
            flat = [(int(np.prod(t._a.shape[:-1])), *t._a.shape[-1:]) for t in (x, y)]
            np.broadcast_shapes(*flat)  # as in TensorFlow, rows of a batch against one row or as many
            full = np.broadcast_shapes(x._a.shape, y._a.shape)
            if full[:-1] != x._a.shape[:-1]:
                raise ValueError("one loss per row of logits")
            x, y = P.broadcast_to(x, shape=full), P.broadcast_to(y, shape=full)
        except ValueError:
            raise ShapeError(
                f"logits and labels must be broadcastable: logits_size={list(x._a.shape)} "
                f"labels_size={list(y._a.shape)} [Op:SoftmaxCrossEntropyWithLogits]"
            ) from None
    axis = axis_of(x, axis, "SoftmaxCrossEntropyWithLogits")
    if axis != -1:
        n = x._a.ndim
        perm = tuple(i for i in range(-n, 0) if i != axis) + (axis,)
        x, y = P.transpose(x, perm=perm), P.transpose(y, perm=perm)
    return P.softmax_xent(x, y)


def sparse_softmax_cross_entropy_with_logits(labels, logits, name=None):
    """-log softmax(logits) at each row's label.

    Args:
      labels: integers in [0, classes), of shape logits.shape[:-1]. logits: (..., classes).
    Returns:
      Tensor of the labels' shape.
    Raises:
      ValueError: shapes that do not fit. InvalidArgumentError: labels out of range or not integers.

    >>> import tapelab as tf
    >>> print(tf.nn.sparse_softmax_cross_entropy_with_logits([1], [[0.0, 0.0]]).numpy().round(4))
    [0.6931]
    """
    x, y = _logits(logits, "SparseSoftmaxCrossEntropyWithLogits"), as_tensor(labels)
    if y._a.dtype.kind not in "iu":
        raise DtypeError(
            f"Value for attr 'Tlabels' of {y.dtype.name} is not in the list of allowed values: int32, int64 "
            f"[Op:SparseSoftmaxCrossEntropyWithLogits]. Labels are class numbers: tf.cast(labels, tf.int32)."
        )
    if y._a.shape != x._a.shape[:-1]:
        raise ValueError(
            f"`labels.shape` must equal `logits.shape` except for the last dimension. Received: "
            f"labels.shape={y._a.shape} and logits.shape={x._a.shape}"
        )
    n = x._a.shape[-1]
    if y._a.size and (
        np.minimum.reduce(y._a, axis=None) < 0 or np.maximum.reduce(y._a, axis=None) >= n
    ):
        bad = (y._a < 0) | (y._a >= n)
        raise InvalidArgumentError(
            f"Received a label value of {y._a[bad].flat[0]} which is outside the valid range of [0, {n}) "
            f"[Op:SparseSoftmaxCrossEntropyWithLogits]"
        )
    return P.sparse_xent(x, Tensor(np.asarray(y._a, np.int64)))


def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """-labels log s - (1 - labels) log(1 - s) with s = sigmoid(logits), elementwise, without overflow.

    Raises ValueError for shapes that differ.

    >>> import tapelab as tf
    >>> print(tf.nn.sigmoid_cross_entropy_with_logits([1.0], [0.0]).numpy().round(4))
    [0.6931]
    """
    if labels is None or logits is None:
        raise ValueError("Both `labels` and `logits` must be provided.")
    return P.sigmoid_xent(*_logits_and_labels(logits, labels))


def _logits_and_labels(logits, labels):
    x, y = same_dtypes([as_tensor(logits), as_tensor(labels)], "SigmoidCrossEntropyWithLogits")
    if x._a.shape != y._a.shape:
        raise ValueError(
            f"`logits` and `labels` must have the same shape, received ({x._a.shape} vs {y._a.shape})."
        )
    return x, y


# ---------------------------------------------------------------- convolution


def _conv_x(g, z, x, k, b=None, **attrs):
    """Convolution is linear in the image: its transpose."""
    return P.conv2d_input_grad(g, k, x_shape=shape(x)[-4:], **attrs)


def _conv_k(g, z, x, k, b=None, **attrs):
    """Convolution is linear in the filter: its transpose."""
    return P.conv2d_filter_grad(x, g, k_shape=shape(k)[-4:], **attrs)


def _conv_b(g, z, x, k, b, **attrs):
    """The bias is repeated over the images: the adjoint of repeating is summing."""
    return P.sum(g, axis=(-4, -3, -2), keepdims=False)


def _conv_relu_joint(gs, zs, inputs, needed, **attrs):
    """ReLU's rule, then those of the convolution and its bias."""
    (g,), (z,), (x, k, b) = gs, zs, inputs
    if needed[1] and not isinstance(g, Tensor):
        together = _conv.conv2d_relu_grad(g, z, x, k, **attrs, images_too=needed[0])
        if together:
            return together
    g = P.relu_grad(g, z)
    return [
        unbroadcast(rule(g, z, x, k, b, **attrs), shape(t), lead(g, z)) if asked else None
        for t, rule, asked in zip(inputs, (_conv_x, _conv_k, _conv_b), needed)
    ]


def _input_grad_g(h, z, g, k, x_shape, **attrs):
    """The transpose of the transpose."""
    return P.conv2d(h, k, **attrs)


def _input_grad_k(h, z, g, k, x_shape, **attrs):
    """<h, A(k)^T g> = <conv(h, k), g>: linear in k."""
    return P.conv2d_filter_grad(h, g, k_shape=shape(k)[-4:], **attrs)


def _filter_grad_x(h, z, x, g, k_shape, **attrs):
    """<h, B(x) g> = <conv(x, h), g>: linear in x."""
    return P.conv2d_input_grad(g, h, x_shape=shape(x)[-4:], **attrs)


def _filter_grad_g(h, z, x, g, k_shape, **attrs):
    """<h, B(x) g> = <conv(x, h), g>: linear in g."""
    return P.conv2d(x, h, **attrs)


primitive("conv2d", "Conv2D", _conv.conv2d, _conv_x, _conv_k, broadcasts=True)
primitive(
    "conv2d_bias", "_FusedConv2D", lambda x, k, b, **attrs: _conv.conv2d(x, k, bias=b, **attrs),
    _conv_x, _conv_k, _conv_b, broadcasts=True,
)  # fmt: skip
primitive(
    "conv2d_relu", "_FusedConv2D", lambda x, k, b, **attrs: _conv.conv2d(x, k, bias=b, relu=True, **attrs),
    joint=_conv_relu_joint, selective=True, broadcasts=True, kinds="f",
)  # fmt: skip
primitive(
    "conv2d_input_grad", "Conv2DBackpropInput", _conv.conv2d_input_grad, _input_grad_g, _input_grad_k,
    broadcasts=True,
)  # fmt: skip
primitive(
    "conv2d_filter_grad", "Conv2DBackpropFilter", _conv.conv2d_filter_grad, _filter_grad_x, _filter_grad_g,
    broadcasts=True,
)  # fmt: skip


def _pair(value, what):
    """One number, two, or TensorFlow's four (1, h, w, 1), as (h, w)."""
    if type(value) is tuple and [*map(type, value)] == [int, int] and min(value) > 0:
        return value
    v = ints(value, what)
    if any(n < 1 for n in v):
        raise ShapeError(f"{what} must be positive, got {v}")
    if len(v) == 1:
        return v * 2
    if len(v) == 4:
        if v[0] != 1 or v[3] != 1:
            raise ShapeError(f"{what} in the batch and depth dimensions must be 1, got {v}")
        return v[1:3]
    if len(v) == 2:
        return v
    raise ShapeError(f"{what} should be of length 1, 2 or 4 (with 1 first and last), got {v}")


def _nhwc(data_format):
    if data_format not in (None, "NHWC", "channels_last"):
        raise UnimplementedError(
            f"On the CPU only the NHWC data format is supported, got {data_format!r}."
        )


def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None, name=None):
    """Cross-correlation of images with filters.

    Args:
      input: (batch, height, width, channels in). filters: (height, width, channels in, channels out);
        with fewer channels in than the input, each group of channels has filters of its own.
      strides, dilations: one number or (height, width). padding: 'SAME', 'VALID', or pairs of numbers.
    Returns:
      (batch, new height, new width, channels out).
    Raises:
      InvalidArgumentError: shapes or dtypes that do not fit. UnimplementedError: not NHWC.

    >>> import tapelab as tf
    >>> tf.nn.conv2d(tf.ones([1, 3, 3, 1]), tf.ones([2, 2, 1, 1]), 1, "VALID").numpy().ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    return fused_conv2d(input, filters, None, None, strides, padding, data_format, dilations)


def fused_conv2d(
    input, filters, bias, activation, strides, padding, data_format="NHWC", dilations=None
):
    """activation(conv2d + bias), where both may be None: with a bias (channels out) one operation, as in
    TensorFlow's functions, and with ReLU as well."""
    _nhwc(data_format)
    x, k, *bias = same_dtypes([input, filters] + [bias] * (bias is not None), "Conv2D")
    for t, what, fits in ((x, "input", x._a.ndim >= 4), (k, "filters", k._a.ndim == 4)):
        if not fits:
            raise ShapeError(
                f"{what} must be 4-dimensional, got shape {list(t._a.shape)} [Op:Conv2D]"
            )
    s, d = _pair(strides, "strides"), _pair(1 if dilations is None else dilations, "dilations")
    pads = _padding(padding, x._a.shape[-3:-1], k._a.shape[:2], s, d)
    front = x._a.shape[:-3]
    if len(front) > 1:  # several axes count images
        x = P.reshape(x, shape=(int(np.prod(front)), *x._a.shape[-3:]))
    attrs = {"strides": s, "padding": pads, "dilations": d}
    if bias and activation is relu and x._a.dtype.kind == "f":
        z, activation = P.conv2d_relu(x, k, *bias, **attrs), None
    else:
        z = P.conv2d_bias(x, k, *bias, **attrs) if bias else P.conv2d(x, k, **attrs)
    z = z if len(front) < 2 else P.reshape(z, shape=(*front, *z._a.shape[1:]))
    return z if activation is None else activation(z)


def _padding(padding, hw, ksize, strides, dilations=(1, 1)):
    try:
        return _conv.resolve_padding(
            padding.upper() if isinstance(padding, str) else padding, hw, ksize, strides, dilations
        )
    except (ValueError, TypeError) as e:
        raise ValueError(f"padding: {e}. Write 'SAME', 'VALID' or pairs of integers.") from None


def conv2d_transpose(
    input,
    filters,
    output_shape,
    strides,
    padding="SAME",
    data_format="NHWC",
    dilations=None,
    name=None,
):
    """The transpose (gradient with respect to its input) of `conv2d`, used to enlarge images.

    Args:
      input: (batch, height, width, channels in). filters: (height, width, channels out, channels in).
      output_shape: (batch, new height, new width, channels out).
    """
    _nhwc(data_format)
    g, k = same_dtypes([input, filters], "Conv2DBackpropInput")
    s, d = _pair(strides, "strides"), _pair(1 if dilations is None else dilations, "dilations")
    full = ints(output_shape)
    if len(full) == 2 and g._a.ndim == 4:  # height and width alone
        full = (g._a.shape[0], *full, k._a.shape[2])
    if len(full) != 4 or g._a.ndim != 4 or full[::3] != (g._a.shape[0], k._a.shape[2]):
        raise ShapeError(
            f"output_shape {list(full)} must begin with the batch and end with the channels out of input "
            f"{list(g._a.shape)} and filters {list(k._a.shape)} [Op:Conv2DBackpropInput]"
        )
    pads = _padding(padding, full[1:3], k._a.shape[:2], s, d)
    return P.conv2d_input_grad(g, k, x_shape=full, strides=s, padding=pads, dilations=d)


# ---------------------------------------------------------------- pooling


def _max_pool_rule(g, z, x, **attrs):
    """The first maximum of each window takes its cotangent."""
    index = _conv.max_pool2d_argmax(bare(x), y=bare(z), **attrs)
    return P.pool_scatter(g, x, index=index, x_shape=shape(x))


def _pool_scatter_rule(h, z, g, x, index, x_shape):
    """Taking is the adjoint of putting."""
    return P.pool_gather(h, index=index)


def _pool_gather_rule(h, z, x, index):
    """Putting is the adjoint of taking."""
    return P.pool_scatter(h, x, index=index, x_shape=shape(x)[-4:])


def _avg_pool_rule(g, z, x, **attrs):
    """Every element of a window gets its share."""
    return P.avg_pool2d_grad(g, x_shape=shape(x)[-4:], **attrs)


def _avg_grad_rule(h, z, g, x_shape, **attrs):
    """Averaging is linear: the transpose of the transpose."""
    return P.avg_pool2d(h, **attrs)


primitive("max_pool2d", "MaxPool", _conv.max_pool2d, _max_pool_rule)
primitive(
    "pool_scatter", "MaxPoolGrad", lambda g, x, index, x_shape: _conv.pool_scatter(g, index, x_shape),
    _pool_scatter_rule, _flat,
)  # fmt: skip
primitive("pool_gather", "MaxPoolGradGrad", _conv.pool_gather, _pool_gather_rule)
primitive("avg_pool2d", "AvgPool", _conv.avg_pool2d, _avg_pool_rule, kinds="f")
primitive("avg_pool2d_grad", "AvgPoolGrad", _conv.avg_pool2d_grad, _avg_grad_rule)


def _pool(p, input, ksize, strides, padding, data_format):
    _nhwc(data_format)
    x = as_tensor(input)
    if x._a.ndim != 4:
        raise ShapeError(f"tensor_in must be 4-dimensional, got {list(x._a.shape)} [Op:{p.name}]")
    k, s = _pair(ksize, "ksize"), _pair(strides, "strides")
    return p(x, ksize=k, strides=s, padding=_padding(padding, x._a.shape[1:3], k, s))


def max_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):
    """The maximum of each window; the first of equals gets the gradient.

    Args:
      input: (batch, height, width, channels). ksize, strides: one number or (height, width).
      padding: 'SAME' or 'VALID'.

    >>> import tapelab as tf
    >>> tf.nn.max_pool2d(tf.reshape(tf.range(4.0), [1, 2, 2, 1]), 2, 2, "VALID").numpy().ravel().tolist()
    [3.0]
    """
    return _pool(P.max_pool2d, input, ksize, strides, padding, data_format)


def avg_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):
    """The mean of each window; padding does not count. Arguments as for `max_pool2d`.

    >>> import tapelab as tf
    >>> tf.nn.avg_pool2d(tf.reshape(tf.range(4.0), [1, 2, 2, 1]), 2, 2, "VALID").numpy().ravel().tolist()
    [1.5]
    """
    return _pool(P.avg_pool2d, input, ksize, strides, padding, data_format)



def max_pool(input, ksize, strides, padding, data_format=None, name=None):
    """`max_pool2d` for images, `max_pool1d` for sequences (batch, width, channels)."""
    op = max_pool1d if as_tensor(input)._a.ndim == 3 else max_pool2d
    return op(input, ksize, strides, padding, data_format)


def avg_pool(input, ksize, strides, padding, data_format=None, name=None):
    """`avg_pool2d` for images, `avg_pool1d` for sequences (batch, width, channels)."""
    op = avg_pool1d if as_tensor(input)._a.ndim == 3 else avg_pool2d
    return op(input, ksize, strides, padding, data_format)


# ---------------------------------------------------------------- normalisation, bias, dropout, lookup


def bias_add(value, bias, data_format=None, name=None):
    """value + bias along the last axis; along the second with a `data_format` such as 'NCHW'.

    Raises ValueError or InvalidArgumentError for a bias that is no vector of that length.

    >>> import tapelab as tf
    >>> tf.nn.bias_add([[1.0, 1.0]], [1.0, 2.0]).numpy().tolist()
    [[2.0, 3.0]]
    """
    x, b = same_dtypes([value, bias], "BiasAdd")
    if data_format is not None and data_format[:2] not in ("NC", "NH", "NW", "ND", "N."):
        raise ValueError(f"`data_format` must be of the form `N...C` or `NC...`, got {data_format!r}")
    after = x._a.ndim - 2 if data_format is not None and data_format.startswith("NC") else 0
    if b._a.ndim != 1 or x._a.ndim < 2 or x._a.ndim <= after or x._a.shape[-1 - after] != b._a.shape[0]:
        raise ShapeError(
            f"Must provide as many biases as the channels of the input tensor: {list(b._a.shape)} vs. "
            f"{list(x._a.shape)} [Op:BiasAdd]"
        )
    return x + P.reshape(b, shape=b._a.shape + (1,) * after) if after else x + b


def moments(x, axes, shift=None, keepdims=False, name=None):
    """Mean and variance over axes. (mean, variance)

    >>> import tapelab as tf
    >>> [float(t) for t in tf.nn.moments([1.0, 3.0], [0])]
    [2.0, 1.0]
    """
    x = as_tensor(x)
    axes = axes_of(x, axes, "Moments")
    mean = reduce_mean(x, list(axes), True)
    # The mean's own derivative cancels in the variance, so it is left out, as in TensorFlow.
    variance = reduce_mean(squared_difference(x, P.stop_gradient(mean)), list(axes), keepdims)
    if not keepdims:
        n = x._a.ndim
        mean = P.reshape(
            mean, shape=tuple(d for i, d in enumerate(x._a.shape) if i - n not in axes)
        )
    return mean, variance


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """scale * (x - mean) / sqrt(variance + epsilon) + offset; scale and offset may be None."""
    x = as_tensor(x)
    mean, variance = (beside(v, x._a.dtype) for v in (mean, variance))
    inv = rsqrt(variance + variance_epsilon)
    if scale is not None:
        inv = inv * scale
    shift = (offset if offset is not None else 0.0) - mean * inv
    return x * cast(inv, x._a.dtype) + cast(shift, x._a.dtype)


def dropout(x, rate, noise_shape=None, seed=None, name=None):
    """Zero each element with probability `rate`, scale the others by 1 / (1 - rate).

    Raises ValueError for a rate outside [0, 1) or an integer tensor.

    >>> import tapelab as tf
    >>> tf.nn.dropout([1.0, 1.0], 0.0).numpy().tolist()
    [1.0, 1.0]
    """
    x, rate = _scalable(as_tensor(x)), number(rate, "rate", "Dropout")
    if not 0 <= rate < 1:
        raise ValueError(
            f"rate must be a scalar tensor or a float in the range [0, 1), got {rate:g}"
        )
    return _dropped(x, rate, noise_shape, generator(seed)) if rate else convert_to_tensor(x)


def _scalable(x):
    if x._a.dtype.kind != "f":
        raise ValueError(
            f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype!r} tensor."
        )
    return x


def _dropped(x, rate, noise_shape, rng):
    """`x` with elements zeroed with probability `rate`, up to 1, and the others scaled."""
    noise = _scalable(x)._a.shape
    if noise_shape is not None:
        given = noise_shape if isinstance(noise_shape, (list, tuple)) else ints(noise_shape)
        if len(given) == x._a.ndim:
            given = [n if s is None else s for n, s in zip(noise, given)]
        noise = ints(given, "sizes")
        if len(noise) > x._a.ndim or any(m not in (1, n) for m, n in zip(noise[::-1], x._a.shape[::-1])):
            raise shape_mismatch("Dropout", x._a.shape, noise)
    keep = rng.random(noise, np.float32) >= rate
    scale = 1 / (1 - rate) if rate < 1 else 0.0
    return x * Tensor(keep * x._a.dtype.type(scale))


def embedding_lookup(params, ids, max_norm=None, name=None):
    """The rows of `params`, or of the list of its parts, that `ids` names."""
    if isinstance(params, list):
        if not params:
            raise ValueError("`params` is an empty list: at least one part is needed.")
        params = concat(params, 0) if len(params) > 1 else params[0]
    rows = gather(params, ids)
    n = as_tensor(ids)._a.ndim
    return rows if max_norm is None else clip_by_norm(rows, max_norm, list(range(n, rows._a.ndim)))


def l2_loss(t, name=None):
    """Half the sum of squares. InvalidArgumentError for integers."""
    x = as_tensor(t)
    if x._a.dtype.kind != "f":
        raise wrong_dtype("L2Loss", x.dtype)
    return reduce_sum(x * x) / 2


def zero_fraction(value, name=None):
    """The fraction of zeros, as float32."""
    a = as_tensor(value)._a
    return Tensor(np.float32(np.mean(a == 0) if a.size else np.nan))


def scale_regularization_loss(regularization_loss):
    """The sum of the loss divided by the number of replicas, which is one."""
    return reduce_sum(regularization_loss) / 1


# ---------------------------------------------------------------- made of the above


def weighted_cross_entropy_with_logits(labels, logits, pos_weight, name=None):
    """`sigmoid_cross_entropy_with_logits` with positive labels counting `pos_weight` times.

    Raises ValueError for shapes that differ.

    >>> import tapelab as tf
    >>> float(tf.nn.weighted_cross_entropy_with_logits([1.0], [0.0], 2.0)[0]) > 1.386
    True
    """
    x, y = _logits_and_labels(logits, labels)
    weight = 1 + (as_tensor(pos_weight, x._a.dtype) - 1) * y
    return (1 - y) * x + weight * (P.log1p(P.exp(-P.abs(x))) + relu(-x))


def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None):
    """The (weighted) sum of losses over the batch, divided by its size."""
    x = as_tensor(per_example_loss)
    if not x._a.ndim:
        raise ValueError("per_example_loss must have at least rank 1: one loss per example. Got a scalar.")
    if sample_weight is not None:
        x = x * cast(sample_weight, x.dtype)
    if not x._a.ndim:
        raise ShapeError("per_example_loss must have an axis for the batch [Op:compute_average_loss]")
    n = x._a.shape[0]
    if global_batch_size is not None:
        n = integer(global_batch_size, "global_batch_size", "compute_average_loss")
    return reduce_sum(x) / n


def _one_more_axis(x, f):
    """A function of (..., height, width, channels) on (..., width, channels)."""
    *front, w, c = x._a.shape
    z = f(P.reshape(x, shape=(*front, 1, w, c)))
    return P.reshape(z, shape=(*front, *z._a.shape[-2:]))


def _rank_3(input, op):
    x = as_tensor(input)
    if x._a.ndim != 3:
        raise ShapeError(f"input must be 3-dimensional, got shape {list(x._a.shape)} [Op:{op}]")
    return x


def _along_width(value, what):
    """A number for the middle axis of (batch, width, channels), given alone or among three."""
    found = ints(value, what)
    if len(found) not in (1, 3):
        raise ValueError(f"`{what}` should be of length 1 or 3, got {value!r}.")
    return found[len(found) // 2]


def conv1d(input, filters, stride, padding, data_format="NWC", dilations=None, name=None):
    """Cross-correlation of sequences (batch, width, channels in) with filters (width, in, out).

    >>> import tapelab as tf
    >>> tf.nn.conv1d(tf.ones([1, 3, 1]), tf.ones([2, 1, 1]), 1, "VALID").numpy().ravel().tolist()
    [2.0, 2.0]
    """
    if data_format not in ("NWC", None):
        raise UnimplementedError(f"On the CPU only the NWC data format is supported, got {data_format!r}.")
    x, k = same_dtypes([input, filters], "Conv2D")
    x = x if x._a.ndim > 3 else _rank_3(x, "Conv1D")  # several axes may count sequences
    s = _along_width(stride, "stride")
    d = 1 if dilations is None else _along_width(dilations, "dilations")
    k = P.reshape(k, shape=(1, *k._a.shape))
    return _one_more_axis(x, lambda x: conv2d(x, k, [1, s], padding, dilations=[1, d]))


def _pool1d(pool, op, input, ksize, strides, padding, data_format):
    """Sequences as images of one row; with channels in the middle they are turned around it."""
    if data_format not in ("NWC", "NCW", None):
        raise ValueError(f"data_format must be 'NWC' or 'NCW', got {data_format!r} [Op:{op}]")
    turn = lambda x: P.transpose(x, perm=(-3, -1, -2)) if data_format == "NCW" else x
    x, k, s = _rank_3(input, op), _along_width(ksize, "ksize"), _along_width(strides, "strides")
    return turn(_one_more_axis(turn(x), lambda x: pool(x, [1, k], [1, s], padding)))


def max_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The maximum of each window of sequences (batch, width, channels)."""
    return _pool1d(max_pool2d, "MaxPool", input, ksize, strides, padding, data_format)


def avg_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The mean of each window of sequences (batch, width, channels)."""
    return _pool1d(avg_pool2d, "AvgPool", input, ksize, strides, padding, data_format)


def depthwise_conv2d(
    input, filter, strides, padding, data_format=None, dilations=None, name=None
):
    """Every channel with filters of its own: (height, width, channels, how many per channel).

    Computed as a `conv2d` with as many groups as channels.

    >>> import tapelab as tf
    >>> tf.nn.depthwise_conv2d(tf.ones([1, 2, 2, 2]), tf.ones([2, 2, 2, 1]), [1, 1, 1, 1], "VALID").shape
    TensorShape([1, 1, 1, 2])
    """
    x, k = same_dtypes([input, filter], "DepthwiseConv2dNative")
    if x._a.ndim != 4 or k._a.ndim != 4:
        raise ShapeError(
            f"input and filter must be 4-dimensional, got {list(x._a.shape)} and {list(k._a.shape)} "
            f"[Op:DepthwiseConv2dNative]"
        )
    h, w, c, m = k._a.shape
    if x._a.shape[-1] != c:
        raise ShapeError(
            f"input and filter must have the same depth: {x._a.shape[-1]} vs {c} [Op:DepthwiseConv2dNative]"
        )
    k = P.reshape(k, shape=(h, w, min(c, 1), c * m))
    return conv2d(x, k, strides, padding, data_format or "NHWC", dilations)


def _blocks(input, block_size, data_format, op):
    _nhwc(data_format)
    x, k = as_tensor(input), integer(block_size, "block_size", op)
    if x._a.ndim != 4 or k < 2:
        raise ShapeError(
            f"{op} needs 4 axes and a block size of at least 2, got shape {list(x._a.shape)} and {k} "
            f"[Op:{op}]"
        )
    return x, k


def depth_to_space(input, block_size, data_format="NHWC", name=None):
    """Blocks of channels laid out as squares of pixels: (b, h, w, c) to (b, h k, w k, c / k^2)."""
    x, k = _blocks(input, block_size, data_format, "DepthToSpace")
    b, h, w, c = x._a.shape
    if c % (k * k):
        raise ShapeError(f"{c} channels are no multiple of {k * k} [Op:DepthToSpace]")
    x = P.reshape(x, shape=(b, h, w, k, k, c // (k * k)))
    return P.reshape(P.transpose(x, perm=(-6, -5, -3, -4, -2, -1)), shape=(b, h * k, w * k, c // (k * k)))


def space_to_depth(input, block_size, data_format="NHWC", name=None):
    """Squares of pixels laid out as channels, the inverse of `depth_to_space`."""
    x, k = _blocks(input, block_size, data_format, "SpaceToDepth")
    b, h, w, c = x._a.shape
    if h % k or w % k:
        raise ShapeError(f"{h} by {w} pixels are no multiple of {k} [Op:SpaceToDepth]")
    x = P.reshape(x, shape=(b, h // k, k, w // k, k, c))
    return P.reshape(P.transpose(x, perm=(-6, -5, -3, -4, -2, -1)), shape=(b, h // k, w // k, k * k * c))
