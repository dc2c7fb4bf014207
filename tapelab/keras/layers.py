"""tf.keras.layers: the building blocks of networks."""

import math

import numpy as np

from .. import nn
from ..array import broadcast_to, concat, pad, repeat, reshape
from ..array import gather as _gather
from ..image import resize
from ..linalg import matmul
from ..math import cast, exp, reduce_logsumexp, reduce_max, reduce_mean, sqrt
from ..math import maximum as _maximum
from ..primitive import P
from ..random import generator, whole
from ..tensor import Absent, Tensor, as_tensor, function_of, integer, ints, number
from . import activations, constraints, initializers, regularizers
from .base_layer import InputSpec, KerasTensor, Layer
from .registry import deserialize as _deserialize
from .registry import serialize, table_of, unique_name, warn  # noqa: F401


def Input(
    shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, name=None,
    tensor=None, optional=False,
):  # fmt: skip
    """A placeholder for a model's input: `shape` without the batch, None for unknown sizes.

    >>> import tapelab as tf
    >>> x = tf.keras.Input(shape=(784,))
    >>> tf.keras.Model(x, tf.keras.layers.Dense(10)(x)).output_shape
    (None, 10)
    """
    return InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name).output


class InputLayer(Layer):
    """The layer behind `Input`; as first layer of a Sequential model it gives the input's shape."""

    def __init__(
        self, shape=None, batch_size=None, dtype=None, batch_shape=None, name=None, **kwargs
    ):
        super().__init__(name=name or unique_name("input_layer"), dtype=dtype, **kwargs)
        shape = self._given_shape if shape is None else shape  # input_shape, as it was called
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        if batch_shape is None:
            batch_shape = (batch_size, *KerasTensor(shape).shape)
        self.input = self.output = KerasTensor(batch_shape, self.dtype, self.name)
        self.output.layer = self
        self.built, self.output_shape = True, self.output.shape

    batch_shape = property(lambda self: self.output.shape)

    def get_config(self):
        """The arguments that make such a layer."""
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "name": self.name}

    def call(self, inputs):
        return inputs


def _pair(value, what="kernel_size"):
    """One number or two, as (height, width)."""
    try:
        pair = ints(value, what)
    except TypeError:
        pair = ()
    pair = pair * 2 if len(pair) == 1 and not np.ndim(value) else pair
    if len(pair) != 2 or any(v < 1 for v in pair):
        raise ValueError(
            f"The `{what}` argument must be a tuple of 2 positive integers (or one). Received: "
            f"{what}={value}"
        )
    return pair


def _channels_last(data_format):
    if data_format not in (None, "channels_last"):
        raise ValueError(
            "Only data_format='channels_last' runs on the CPU (images of shape (height, width, "
            f"channels)); received {data_format!r}. tf.transpose moves the channels."
        )


def _not_empty(z, x, layer):
    """z itself; ValueError when windows did not fit into the images x at all."""
    if not all(z._a.shape[1:3]) and all(x._a.shape[1:3]):
        raise ValueError(
            f"Computed output size would be zero or negative: images of shape {x._a.shape[1:3]} "
            f"are too small for layer '{layer.name}' ({type(layer).__name__})."
        )
    return z


class _Weighted(Layer):
    """Layers whose arguments say, by names such as `kernel_initializer`, how a weight is made."""

    def _options(self, name, initializer, regularizer, constraint):
        """Keep what the weight of this name will be made with."""
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{name}_constraint", constraints.get(constraint))

    def _weight(self, name, shape):
        """Make the weight, and an attribute of its name."""
        weight = self.add_weight(
            shape, getattr(self, f"{name}_initializer"), name=name,
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )  # fmt: skip
        setattr(self, name, weight)


def _floating(x, layer):
    """Floats as they are, anything else in the layer's dtype."""
    return x if x._a.dtype.kind == "f" else cast(x, layer._np)


class _Linear(_Weighted):
    """What Dense and the convolutions share: kernel, bias, activation."""

    def __init__(
        self, activation, use_bias, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        kernel_constraint=None, bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.activation, self.use_bias, self.bias = activations.get(activation), use_bias, None
        self._options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def __setattr__(self, name, value):
        if name in ("kernel", "bias") and isinstance(value, Tensor):
            raise AttributeError(
                f"property {name!r} of {type(self).__name__!r} object has no setter: it is a variable. "
                f"layer.{name}.assign(value) changes its value; to differentiate through a changed "
                "value, compute with it: tf.matmul(x, value)."
            )
        if name == "activation":
            vars(self)["_activates"] = value is not None and value is not activations.linear
        super().__setattr__(name, value)

    def _make(self, kernel_shape, units):
        self._weight("kernel", kernel_shape)
        if self.use_bias:
            self._weight("bias", (units,))

    def _finish(self, z, biased=False):
        if self.bias is not None and not biased:
            z = z + self.bias._read()
        return self.activation(z) if self._activates else z

    def _float(self, x):
        if x._a.dtype is self._np:
            return x
        if x._a.dtype.kind == "c":
            raise ValueError(
                f"Layer '{self.name}' ({type(self).__name__}) computes in {self.dtype}, and its input is "
                f"{x._a.dtype}: give it tf.math.real(x), tf.math.imag(x) or tf.abs(x)."
            )
        return cast(x, self._np)


class Dense(_Linear):
    """activation(x @ kernel + bias), over the last axis.

    Args:
      units: size of the last axis of the output. activation: name or function.
      use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
      activity_regularizer, kernel_constraint, bias_constraint: as in Keras.
    Returns (when called):
      Tensor of shape (..., units) for an input of shape (..., n), n fixed by the first call.
    Raises:
      ValueError: an input of rank below 2 or with another last axis; an unknown activation.

    >>> import tapelab as tf
    >>> layer = tf.keras.layers.Dense(2, kernel_initializer="ones", activation="relu")
    >>> layer(tf.ones([1, 3])).numpy().tolist(), layer.kernel.shape
    ([[3.0, 3.0]], TensorShape([3, 2]))
    """

    def __init__(
        self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", **kwargs
    ):
        if not isinstance(units, (int, np.integer)) or units <= 0:
            raise ValueError(
                "Received an invalid value for `units`, expected a positive integer. Received: "
                f"units={units}"
            )
        super().__init__(activation, use_bias, kernel_initializer, **kwargs)
        self.units, self.input_spec = int(units), InputSpec(min_ndim=2)

    def build(self, input_shape):
        (n,) = _sizes(input_shape, [-1], self)
        self._make((n, self.units), self.units)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: n})

    def call(self, inputs):
        return self._finish(matmul(self._float(inputs), self.kernel._read()))


def _sizes(shape, axes, layer):
    """The sizes of axes of a shape; ValueError if there are no such axes, or their sizes are not known."""
    if not isinstance(shape, (tuple, list)) or any(
        not -len(shape) <= axis < len(shape) or shape[axis] is None for axis in axes
    ):
        raise ValueError(
            f"The axes {list(axes)} of the inputs to layer '{layer.name}' ({type(layer).__name__}) must "
            f"exist and be of known size, to make its weights. Full shape received: {shape}"
        )
    return tuple(shape[axis] for axis in axes)


class _Conv(_Linear):
    """What convolution and its transpose share."""

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None,
        dilation_rate=(1, 1), groups=1, activation=None, use_bias=True, **kwargs,
    ):  # fmt: skip
        super().__init__(activation, use_bias, **kwargs)
        _channels_last(data_format)
        if not isinstance(filters, (int, np.integer)) or filters <= 0:
            raise ValueError(
                "Invalid value for argument `filters`. Expected a strictly positive value. "
                f"Received filters={filters}."
            )
        if not isinstance(groups, int) or groups < 1 or filters % groups:
            raise ValueError(
                "The number of filters must be a multiple of the number of groups. Received: "
                f"groups={groups}, filters={filters}."
            )
        self.filters, self.kernel_size, self.groups = int(filters), _pair(kernel_size), groups
        self.strides, self.dilation_rate = (
            _pair(strides, "strides"),
            _pair(dilation_rate, "dilation_rate"),
        )
        self.padding = _padding(padding)
        self.input_spec = InputSpec(min_ndim=4)


def _padding(padding):
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(
            f"The `padding` argument must be one of 'valid', 'same'. Received: {padding}"
        )
    return str(padding).lower()


class Conv2D(_Conv):
    """activation(cross-correlation of images with filters + bias).

    Args:
      filters: number of output channels. kernel_size, strides, dilation_rate: one number or
        (height, width). padding: 'valid' or 'same'. groups: parts into which the channels are cut,
        each with filters of its own. The rest as for `Dense`.
    Returns (when called):
      (batch, new height, new width, filters) for images (batch, height, width, channels).
    Raises:
      ValueError: an input that is not of rank 4, or with another number of channels.

    >>> import tapelab as tf
    >>> layer = tf.keras.layers.Conv2D(16, [3, 3], activation="relu")
    >>> layer(tf.zeros([2, 28, 28, 1])).shape, layer.kernel.shape
    (TensorShape([2, 26, 26, 16]), TensorShape([3, 3, 1, 16]))
    """

    def build(self, input_shape):
        (channels,) = _sizes(input_shape, [-1], self)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be divisible by the number of groups. Received "
                f"groups={self.groups}, but the input has {channels} channels (full input shape is "
                f"{tuple(input_shape)})."
            )
        self._make((*self.kernel_size, channels // self.groups, self.filters), self.filters)
        self.input_spec = InputSpec(min_ndim=4, axes={-1: channels})

    def call(self, inputs):
        if type(self).convolution_op is not Conv2D.convolution_op:
            return self._finish(self.convolution_op(self._float(inputs), self.kernel._read()))
        bias = None if self.bias is None else self.bias._read()
        relu = nn.relu if self.activation in (activations.relu, nn.relu) else None
        z = self._convolve(self._float(inputs), self.kernel._read(), bias, relu)
        return z if relu else self._finish(z, biased=True)

    def convolution_op(self, inputs, kernel):
        """The convolution itself, for layers that change the kernel first."""
        return self._convolve(inputs, kernel)

    def _convolve(self, inputs, kernel, bias=None, activation=None):
        z = nn.fused_conv2d(
            inputs, kernel, bias, activation, self.strides, self.padding.upper(), dilations=self.dilation_rate
        )
        return _not_empty(z, inputs, self)


class Conv2DTranspose(_Conv):
    """The transpose of a convolution, which enlarges images. Arguments as for `Conv2D`.

    The kernel has shape (height, width, filters, channels of the input).

    >>> import tapelab as tf
    >>> tf.keras.layers.Conv2DTranspose(1, 2, strides=2)(tf.ones([1, 3, 3, 4])).shape
    TensorShape([1, 6, 6, 1])
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None,
        data_format=None, dilation_rate=(1, 1), activation=None, use_bias=True, **kwargs,
    ):  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation,
            use_bias, **kwargs,
        )  # fmt: skip
        del self.groups  # no argument of this one
        pad = None if output_padding is None else ints(output_padding, "output_padding")
        if pad is not None and (len(pad) not in (1, 2) or min(pad) < 0):
            raise ValueError(
                "The `output_padding` argument must be a tuple of 2 integers (or one), none of them "
                f"negative. Received: output_padding={output_padding}"
            )
        self.output_padding = pad and (pad * 2)[:2]

    def build(self, input_shape):
        (channels,) = _sizes(input_shape, [-1], self)
        self._make((*self.kernel_size, self.filters, channels), self.filters)
        self.input_spec = InputSpec(min_ndim=4, axes={-1: channels})

    def call(self, inputs):
        n, *sizes, _ = inputs._a.shape
        full = []
        for i, (size, k, s, d) in enumerate(
            zip(sizes, self.kernel_size, self.strides, self.dilation_rate)
        ):
            k = (k - 1) * d + 1
            if self.output_padding is None:
                full.append(size * s + (max(k - s, 0) if self.padding == "valid" else 0))
            else:
                pad = 0 if self.padding == "valid" else k // 2
                full.append((size - 1) * s + k - 2 * pad + self.output_padding[i])
        z = nn.conv2d_transpose(
            self._float(inputs), self.kernel._read(), (n, *full, self.filters), self.strides,
            self.padding.upper(), dilations=self.dilation_rate,
        )  # fmt: skip
        return self._finish(z)


# ---------------------------------------------------------------- shapes


class Flatten(Layer):
    """All axes but the first made one.

    >>> import tapelab as tf
    >>> tf.keras.layers.Flatten()(tf.zeros([2, 28, 28])).shape
    TensorShape([2, 784])
    """

    input_spec = InputSpec(min_ndim=1)

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        _channels_last(data_format)

    def call(self, inputs):
        return P.reshape(inputs, shape=(inputs._a.shape[0], math.prod(inputs._a.shape[1:])))


class Reshape(Layer):
    """The axes after the first in another shape; one size may be -1.

    >>> import tapelab as tf
    >>> tf.keras.layers.Reshape((28, 28, 1))(tf.zeros([2, 784])).shape
    TensorShape([2, 28, 28, 1])
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = ints(target_shape, "target_shape")

    def call(self, inputs):
        return reshape(inputs, (inputs._a.shape[0], *self.target_shape))


# ---------------------------------------------------------------- activations


class Activation(Layer):
    """An activation function, by name or as a function, as a layer of its own."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)


class Lambda(Layer):
    """A function as a layer. It has no weights: what the function reads is not found.

    >>> import tapelab as tf
    >>> tf.keras.layers.Lambda(lambda x: 2 * x)([1.0]).numpy().tolist()
    [2.0]
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.function = function_of(function, "function")
        self.arguments = {} if arguments is None else arguments
        if not isinstance(self.arguments, dict):
            raise TypeError(f"`arguments` of a Lambda layer is a dict, name -> value, not {arguments!r}.")

    def call(self, inputs):
        return self.function(inputs, **self.arguments)


class ReLU(Layer):
    """max(x, 0), or with a slope below the threshold and a ceiling.

    >>> import tapelab as tf
    >>> tf.keras.layers.ReLU(max_value=6.0)([1.0, 9.0]).numpy().tolist()
    [1.0, 6.0]
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        for what, v in dict(max_value=max_value, negative_slope=negative_slope, threshold=threshold).items():
            v = None if v is None and what == "max_value" else number(v, what, "ReLU")
            if v is not None and v < 0:
                raise ValueError(f"`{what}` of a ReLU layer cannot be a negative value. Received: {v}")
            setattr(self, what, v)

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope * x.

    >>> import tapelab as tf
    >>> tf.keras.layers.LeakyReLU(0.5)([-1.0, 1.0]).numpy().tolist()
    [-0.5, 1.0]
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warn("Argument `alpha` is deprecated. Use `negative_slope` instead.")
        super().__init__(**kwargs)
        if negative_slope is None or number(negative_slope, "negative_slope", "LeakyReLU") < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. "
                f"Expected a float. Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs):
        return nn.leaky_relu(inputs, self.negative_slope)


class ELU(Layer):
    """x where x > 0, else alpha (e^x - 1)."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha", "ELU")

    def call(self, inputs):
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """e^x / sum(e^x) along an axis, or a list of them.

    >>> import tapelab as tf
    >>> tf.keras.layers.Softmax()([[0.0, 0.0]]).numpy().tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        axes = self.axis if isinstance(self.axis, (list, tuple)) else [self.axis]
        if len(axes) > 1:
            return exp(inputs - reduce_logsumexp(inputs, axes, True))
        return activations.softmax(inputs, *axes)


# ---------------------------------------------------------------- pooling


class _Pooling(Layer):
    input_spec = InputSpec(ndim=4)

    def __init__(
        self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        _channels_last(data_format)
        self.pool_size = _pair(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else _pair(strides, "strides")
        self.padding = _padding(padding)

    def call(self, inputs):
        z = type(self).pool(inputs, self.pool_size, self.strides, self.padding.upper())
        return _not_empty(z, inputs, self)


class MaxPooling2D(_Pooling):
    """The maximum of each window of (batch, height, width, channels).

    >>> import tapelab as tf
    >>> tf.keras.layers.MaxPooling2D()(tf.zeros([1, 26, 26, 16])).shape
    TensorShape([1, 13, 13, 16])
    """

    pool = staticmethod(nn.max_pool2d)


class AveragePooling2D(_Pooling):
    """The mean of each window of (batch, height, width, channels); padding does not count."""

    pool = staticmethod(nn.avg_pool2d)

    def __init__(self, pool_size, *args, **kwargs):  # in Keras, too, this one has no default
        super().__init__(pool_size, *args, **kwargs)


class UpSampling2D(Layer):
    """Every pixel repeated `size` times in height and width, or 'bilinear' steps between them.

    >>> import tapelab as tf
    >>> x = tf.reshape(tf.constant([1.0, 2.0]), [1, 1, 2, 1])
    >>> tf.keras.layers.UpSampling2D((1, 2))(x).numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    input_spec = InputSpec(ndim=4)

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        _channels_last(data_format)
        if interpolation not in ("nearest", "bilinear"):
            raise ValueError(
                f"interpolation must be 'nearest' or 'bilinear' here, not {interpolation!r}."
            )
        self.size, self.interpolation = _pair(size, "size"), interpolation

    def call(self, inputs):
        if self.interpolation == "bilinear":
            return cast(resize(inputs, np.multiply(inputs._a.shape[1:3], self.size)), inputs.dtype)
        return repeat(repeat(inputs, self.size[0], axis=1), self.size[1], axis=2)


def _edges(value, what):
    """One number, (height, width) or ((top, bottom), (left, right)), as the latter."""
    try:
        rows = value if np.ndim(value) > 1 else np.broadcast_to(value, 2)[:, None]
        pairs = tuple(ints(row, what) for row in np.broadcast_to(rows, (2, 2)))
    except (TypeError, ValueError):
        pairs = ((-1,),)
    if min(map(min, pairs)) < 0:
        raise ValueError(
            f"`{what}` should be either an int, a tuple of 2 ints (height, width), or a tuple of 2 "
            f"tuples of 2 ints ((top, bottom), (left, right)), not negative. Received: {what}={value}."
        )
    return pairs


class ZeroPadding2D(Layer):
    """Zeros around images: `padding` is one number, (height, width) or ((top, bottom), (left, right)).

    >>> import tapelab as tf
    >>> tf.keras.layers.ZeroPadding2D(((1, 0), (2, 2)))(tf.ones([1, 3, 3, 1])).shape
    TensorShape([1, 4, 7, 1])
    """

    input_spec = InputSpec(ndim=4)

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        _channels_last(data_format)
        self.padding = _edges(padding, "padding")

    def call(self, inputs):
        return pad(inputs, [(0, 0), *self.padding, (0, 0)])


class Cropping2D(Layer):
    """Images without their edges; `cropping` as the padding of `ZeroPadding2D`.

    >>> import tapelab as tf
    >>> tf.keras.layers.Cropping2D((1, 0))(tf.ones([1, 4, 4, 1])).shape
    TensorShape([1, 2, 4, 1])
    """

    input_spec = InputSpec(ndim=4)

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        _channels_last(data_format)
        self.cropping = _edges(cropping, "cropping")

    def call(self, inputs):
        (top, bottom), (left, right) = self.cropping
        _, height, width, _ = inputs._a.shape
        z = inputs[:, top : max(height - bottom, top), left : max(width - right, left)]
        return _not_empty(z, inputs, self)


class _GlobalPooling(Layer):
    input_spec = InputSpec(ndim=4)

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        _channels_last(data_format)
        self.keepdims = keepdims

    def call(self, inputs):
        return type(self).reduce(inputs, [*range(1, inputs._a.ndim - 1)], self.keepdims)


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over height and width.

    >>> import tapelab as tf
    >>> tf.keras.layers.GlobalAveragePooling2D()(tf.ones([2, 8, 8, 3])).shape
    TensorShape([2, 3])
    """

    reduce = staticmethod(reduce_mean)


class GlobalMaxPooling2D(_GlobalPooling):
    """The maximum of each channel over height and width."""

    reduce = staticmethod(reduce_max)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel over the steps of (batch, steps, channels)."""

    input_spec = InputSpec(ndim=3)
    reduce = staticmethod(reduce_mean)


class GlobalMaxPooling1D(_GlobalPooling):
    """The maximum of each channel over the steps of (batch, steps, channels)."""

    input_spec = InputSpec(ndim=3)
    reduce = staticmethod(reduce_max)


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D


# ---------------------------------------------------------------- normalisation, regularisation


class Dropout(Layer):
    """In training, zeroes each element with probability `rate`, scales the rest by 1 / (1 - rate).

    Raises ValueError for a rate outside [0, 1].

    >>> import tapelab as tf
    >>> tf.keras.layers.Dropout(0.5)(tf.ones([2])).numpy().tolist()  # not in training
    [1.0, 1.0]
    """

    input_spec = InputSpec()

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        rate = number(rate, "rate", "Dropout")
        if not 0 <= rate <= 1:
            raise ValueError(
                "Invalid value received for argument `rate`. Expected a float value between 0 and "
                f"1. Received: rate={rate}"
            )
        fits = noise_shape is None or isinstance(noise_shape, (tuple, list))
        if not fits or any(n is not None and (type(n) is not int or n < 1) for n in noise_shape or ()):
            raise ValueError(
                "Invalid value received for argument `noise_shape`. Expected a tuple of positive integers "
                f"or None. Received: noise_shape={noise_shape}"
            )
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed
        self._rng = None if seed is None else np.random.default_rng(whole(seed))

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        return nn._dropped(inputs, self.rate, self.noise_shape, self._rng or generator())


class _Scaled(_Weighted):
    """What the normalisations share: gamma and beta."""

    input_spec = InputSpec()

    def __init__(
        self, axis, epsilon, center, scale, beta_initializer="zeros", gamma_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.axis, self.center, self.scale = axis, center, scale
        self.epsilon = number(epsilon, "epsilon", type(self).__name__)
        self._options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.gamma = self.beta = None

    def _make(self, shape):
        if self.scale:
            self._weight("gamma", shape)
        if self.center:
            self._weight("beta", shape)


class BatchNormalization(_Scaled):
    """Each channel with mean 0 and variance 1, then scaled by gamma and shifted by beta.

    In training the batch's own mean and variance are used, and the moving ones come nearer to them
    by 1 - momentum; otherwise the moving ones are used.

    Args:
      axis: the channels. momentum, epsilon: as in Keras.
      center, scale: whether there is a beta, a gamma.

    >>> import tapelab as tf
    >>> layer = tf.keras.layers.BatchNormalization()
    >>> layer(tf.constant([[1.0], [3.0]]), training=True).numpy().round(2).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(
        self, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True,
        beta_initializer="zeros", gamma_initializer="ones", moving_mean_initializer="zeros",
        moving_variance_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
        beta_constraint=None, gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = integer(axis, "axis", "BatchNormalization")
        self.momentum = number(momentum, "momentum", "BatchNormalization")
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape):
        (n,) = _sizes(input_shape, [self.axis], self)
        self._make((n,))
        self.moving_mean = self.add_weight(
            (n,), self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            (n,), self.moving_variance_initializer, trainable=False, name="moving_variance"
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: n})

    def call(self, inputs, training=None, mask=None):
        inputs = _floating(inputs, self)
        rank = inputs._a.ndim
        shape = [1] * rank
        shape[self.axis] = inputs._a.shape[self.axis]
        wide = (lambda v: v) if self.axis in (-1, rank - 1) else (lambda v: reshape(v, shape))
        if training and self._trainable:
            mean, variance = nn.moments(inputs, [i for i in range(rank) if i != self.axis % rank])
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                old = moving._t._a
                moving._replace(
                    now, (old * self.momentum + now._a * (1 - self.momentum)).astype(old.dtype)
                )
        else:
            mean, variance = self.moving_mean._read(), self.moving_variance._read()
        beta = None if self.beta is None else wide(self.beta._read())
        gamma = None if self.gamma is None else wide(self.gamma._read())
        return nn.batch_normalization(inputs, wide(mean), wide(variance), beta, gamma, self.epsilon)


class LayerNormalization(_Scaled):
    """Each item with mean 0 and variance 1 over `axis`, then scaled by gamma and shifted by beta.

    >>> import tapelab as tf
    >>> tf.keras.layers.LayerNormalization()(tf.constant([[1.0, 3.0]])).numpy().round(2).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, axis=-1, epsilon=0.001, center=True, scale=True, *args, **kwargs):
        super().__init__(axis, epsilon, center, scale, *args, **kwargs)
        self._axes = ints(axis, "axis")

    def build(self, input_shape):
        self._make(_sizes(input_shape, self._axes, self))

    def call(self, inputs):
        inputs = _floating(inputs, self)
        rank = inputs._a.ndim
        axes = [a % rank for a in self._axes]
        shape = [inputs._a.shape[i] if i in axes else 1 for i in range(rank)]
        mean, variance = nn.moments(inputs, axes, keepdims=True)
        gamma, beta = (
            None if v is None else reshape(v._read(), shape) for v in (self.gamma, self.beta)
        )
        return nn.batch_normalization(inputs, mean, variance, beta, gamma, self.epsilon)


class Normalization(Layer):
    """(x - mean) / sqrt(variance), over `axis`; `adapt` finds both from data.

    >>> import tapelab as tf
    >>> layer = tf.keras.layers.Normalization(axis=-1)
    >>> layer.adapt([[1.0], [3.0]])
    >>> layer(tf.constant([[5.0]])).numpy().tolist()
    [[3.0]]
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        self.axis = () if axis is None else ints(axis, "axis")
        self.invert, self._given = invert, None
        if mean is not None:
            self._given = as_tensor(mean, self._np), as_tensor(variance, self._np)

    def build(self, input_shape):
        n = len(input_shape)
        _sizes(input_shape, self.axis, self)
        keep = {a % n for a in self.axis}
        self._shape = [input_shape[i] if i in keep else 1 for i in range(n)]
        if self._given is None:
            shape = [input_shape[i] for i in sorted(keep)]
            for name, start in (("mean", "zeros"), ("variance", "ones")):
                v = self.add_weight(shape, start, trainable=False, name=name)
                setattr(self, f"adapt_{name}", v)
            self.count = self.add_weight((), "zeros", "int64", trainable=False, name="count")

    def get_config(self):
        """The arguments that make such a layer."""
        given = (None, None) if self._given is None else [t.numpy().tolist() for t in self._given]
        return super().get_config() | dict(zip(("mean", "variance"), given))

    mean = property(lambda self: self._wide(0))
    variance = property(lambda self: self._wide(1))

    def _wide(self, which):
        """Mean or variance, of a shape that broadcasts over the input's."""
        if self._given is not None:
            return broadcast_to(self._given[which], self._shape)
        return reshape((self.adapt_mean, self.adapt_variance)[which]._read(), self._shape)

    def adapt(self, data):
        """Take mean and variance from data: an array or tensor, or an iterable of batches."""
        if self._given is not None:
            raise ValueError(f"Layer '{self.name}' was given its mean and variance: it adapts to no data.")
        if not hasattr(data, "shape") and not isinstance(data, list):
            batches = list(data) if hasattr(data, "__iter__") and not isinstance(data, (str, dict)) else []
            if not batches:
                raise TypeError(f"`adapt` takes an array or batches of them. Received: {data!r}")
            data = np.concatenate([as_tensor(b)._a for b in batches])
        a = cast(as_tensor(data), np.float64)._a
        if not self.built:
            self.build(a.shape)
        keep = {k % a.ndim for k in self.axis}
        rest = tuple(i for i in range(a.ndim) if i not in keep)
        self.adapt_mean.assign(a.mean(rest))
        self.adapt_variance.assign(a.var(rest))

    def call(self, inputs):
        inputs = cast(inputs, self._np)
        spread = _maximum(sqrt(self.variance), 1e-7)
        return self.mean + inputs * spread if self.invert else (inputs - self.mean) / spread


class Rescaling(Layer):
    """x * scale + offset, as floats.

    >>> import tapelab as tf
    >>> tf.keras.layers.Rescaling(1 / 255)(tf.constant([255], tf.uint8)).numpy().tolist()
    [1.0]
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs):
        return cast(inputs, self._np) * self.scale + self.offset


class Embedding(_Weighted):
    """A vector for each integer: rows of a table, looked up.

    Args:
      input_dim: number of integers, 0 to input_dim - 1. output_dim: length of the vectors.
    Returns (when called):
      Tensor of shape (..., output_dim) for integers of shape (...).

    >>> import tapelab as tf
    >>> tf.keras.layers.Embedding(10, 4)(tf.constant([[1, 2, 3]])).shape
    TensorShape([1, 3, 4])
    """

    input_spec = InputSpec()

    def __init__(
        self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
        embeddings_constraint=None, mask_zero=False, **kwargs,
    ):  # fmt: skip
        if mask_zero:
            raise ValueError("Masks are not handed on here: give 0 a row of its own, or use tf.where.")
        kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        self.input_dim = integer(input_dim, "input_dim", "Embedding")
        self.output_dim = integer(output_dim, "output_dim", "Embedding")
        if self.input_dim < 1 or self.output_dim < 1:
            raise ValueError(
                "An Embedding has a positive number of rows and columns. Received: "
                f"input_dim={input_dim}, output_dim={output_dim}"
            )
        self._options(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )

    def build(self, input_shape=None):
        self._weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs):
        if inputs._a.dtype.kind not in "iu":
            inputs = cast(inputs, "int32")
        return _gather(self.embeddings, inputs)


_UNBUILT = ": build the layer before, by a call or by build(input_shape)."
Absent.put(_Linear, {"kernel": _UNBUILT})
Absent.put(Embedding, {"embeddings": _UNBUILT})
Absent.put(BatchNormalization, dict.fromkeys(("moving_mean", "moving_variance"), _UNBUILT))


# ---------------------------------------------------------------- several inputs


class _Merge(Layer):
    def _alike(self, inputs):
        """The inputs, integers among floats as floats; ValueError unless they are a list of tensors."""
        if not isinstance(inputs, (list, tuple)) or not all(isinstance(t, Tensor) for t in inputs or [None]):
            raise ValueError(
                f"A merge layer should be called on a list of inputs; '{self.name}' was called on "
                f"{inputs!r}."
            )
        kinds = {x._a.dtype.kind for x in inputs}
        if "f" not in kinds or len(kinds) == 1:
            return inputs
        return [_floating(x, self) for x in inputs]


class Concatenate(_Merge):
    """A list of tensors joined along an axis.

    >>> import tapelab as tf
    >>> tf.keras.layers.Concatenate()([tf.ones([1, 2]), tf.ones([1, 3])]).shape
    TensorShape([1, 5])
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return concat(self._alike(inputs), self.axis)


class Add(_Merge):
    """The sum of a list of tensors, which may broadcast."""

    def call(self, inputs):
        total, *rest = self._alike(inputs)
        for x in rest:
            total = total + x
        return total


class Average(Add):
    """The mean of a list of tensors, which may broadcast."""

    def call(self, inputs):
        return super().call(inputs) / float(len(inputs))


def concatenate(inputs, axis=-1, **kwargs):
    """`Concatenate` as a function of the tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def add(inputs, **kwargs):
    """`Add` as a function of the tensors."""
    return Add(**kwargs)(inputs)


def average(inputs, **kwargs):
    """`Average` as a function of the tensors."""
    return Average(**kwargs)(inputs)


def deserialize(config, custom_objects=None):
    """A new layer of what `serialize` returned; `custom_objects`: name -> class of your own.

    >>> import tapelab as tf
    >>> layer = tf.keras.layers.Dense(2, activation="relu", name="hidden")
    >>> tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
    <Dense name=hidden, built=False>
    """
    if not isinstance(config, dict):
        raise TypeError(f"`deserialize` takes a dict as `serialize` returns it, not {config!r}.")
    return _deserialize("layer", config, table_of(globals(), Layer) | (custom_objects or {}))
