"""tf.image: a few everyday functions on (..., height, width, channels)."""

import numpy as np

from .array import gather, pad, reshape, reverse, stack
from .dtypes import as_dtype
from .errors import ShapeError
from .linalg import matmul
from .math import abs as _abs
from .math import cast, maximum, reduce_mean, reduce_std, reduce_sum, saturate_cast
from .primitive import P, primitive
from .tensor import Tensor, as_tensor, ints


def total_variation(images, name=None):
    """How much neighbouring pixels differ: the sum of absolute differences along height and width.

    Args:
      images: tensor of shape (height, width, channels) or (batch, height, width, channels).
    Returns:
      A scalar, or one value per image of the batch.
    Raises:
      ValueError: another number of axes.

    >>> import tapelab as tf
    >>> float(tf.image.total_variation([[[0.0], [3.0]], [[1.0], [1.0]]]))
    6.0
    """
    x = as_tensor(images)
    if x._a.ndim not in (3, 4):
        raise ShapeError(f"'images' must be either 3 or 4-dimensional, got shape {x._a.shape}.")
    down = x[..., 1:, :, :] - x[..., :-1, :, :]
    right = x[..., 1:, :] - x[..., :-1, :]
    return reduce_sum(_abs(down), [-3, -2, -1]) + reduce_sum(_abs(right), [-3, -2, -1])


def _contrast(images, factor):
    mean = images.mean(axis=(-3, -2), keepdims=True, dtype=images.dtype)
    return (images - mean) * factor.astype(images.dtype) + mean


def _no_gradient(g, z, *inputs):
    """TensorFlow registers no gradient for this operation: asking for one is a LookupError."""
    raise LookupError(
        "gradient registry has no entry for: AdjustContrastv2. tf.image.adjust_contrast has no gradient; "
        "(x - mean) * factor + mean, written out with tf.reduce_mean, has one."
    )


primitive("adjust_contrast", "AdjustContrastv2", _contrast, _no_gradient, _no_gradient)


def _in_floats(f, images, saturate=True):
    """f of images as floats, from 0 to 1 if they are integers, and back in their own dtype."""
    x = as_tensor(images)
    if x._a.dtype.kind == "f":
        return f(x)
    return convert_image_dtype(f(convert_image_dtype(x, "float32")), x.dtype, saturate)


def adjust_contrast(images, contrast_factor):
    """(x - mean) * factor + mean, with each channel's mean over the image. It has no gradient.

    Asking a tape for a gradient through it raises LookupError, as in TensorFlow.

    >>> import tapelab as tf
    >>> tf.image.adjust_contrast([[[0.0], [1.0]]], 2.0).numpy().ravel().tolist()
    [-0.5, 1.5]
    """
    adjust = lambda x: P.adjust_contrast(x, as_tensor(contrast_factor, np.dtype(np.float32)))
    return _in_floats(adjust, images)


def adjust_brightness(image, delta):
    """x + delta, on the scale where white is 1; integers stay in their range."""
    return _in_floats(lambda x: x + as_tensor(delta, x._a.dtype), image)


def _image(image):
    x = as_tensor(image)
    if x._a.ndim < 3 or 0 in x._a.shape[-3:]:
        raise ShapeError(
            f"'image' must have at least three axes (height, width, channels) of more than 0, got {x.shape}."
        )
    return x


def flip_left_right(image):
    """The columns in reverse order."""
    return reverse(_image(image), [-2])


def flip_up_down(image):
    """The rows in reverse order."""
    return reverse(_image(image), [-3])


def transpose(image, name=None):
    """Rows and columns exchanged."""
    return P.transpose(_image(image), perm=(-2, -3, -1))


def rgb_to_grayscale(images, name=None):
    """The luma of RGB images, with one channel: 0.2989 R + 0.587 G + 0.114 B."""
    luma = lambda x: x * np.array([0.2989, 0.587, 0.114], x._a.dtype)
    return _in_floats(lambda x: reduce_sum(luma(x), -1, keepdims=True), images, saturate=False)


def convert_image_dtype(image, dtype, saturate=False, name=None):
    """Between integers (0 to the largest) and floats (0 to 1), rescaled.

    >>> import tapelab as tf
    >>> int(tf.image.convert_image_dtype(tf.constant(255, tf.uint8), tf.uint16))
    65280
    """
    x, to = as_tensor(image), as_dtype(dtype)._np
    have = x._a.dtype
    if have.kind in "iu" and to.kind == "f":
        return cast(x, to) * to.type(1.0 / np.iinfo(have).max)
    if have.kind == "f" and to.kind in "iu":
        scaled = x * have.type(np.iinfo(to).max + 0.5)
        return saturate_cast(scaled, to) if saturate else cast(scaled, to)
    if have.kind in "iu" and to.kind in "iu":  # scaled by powers of two, in the larger dtype
        old, new = int(np.iinfo(have).max) + 1, int(np.iinfo(to).max) + 1
        if old > new:
            x = x // (old // new)
        x = saturate_cast(x, to) if saturate else cast(x, to)
        return x if old >= new else x * (new // old)
    return cast(x, to)


def per_image_standardization(image):
    """Each image with mean 0 and variance 1 (the deviation is at least 1/sqrt(pixels))."""
    x = cast(_image(image), "float32")
    n = float(np.prod(x._a.shape[-3:]))
    return (x - reduce_mean(x, [-3, -2, -1], True)) / maximum(
        reduce_std(x, [-3, -2, -1], True), n**-0.5
    )


class ResizeMethod:
    """The methods of `resize`, by name."""

    BILINEAR, NEAREST_NEIGHBOR = "bilinear", "nearest"


def resize(
    images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, name=None
):
    """Images of another height and width.

    Args:
      images: tensor of shape (height, width, channels) or (batch, height, width, channels).
      size: the new (height, width). method: 'bilinear' or 'nearest'.
      preserve_aspect_ratio: make it as large as fits into `size`, with the old ratio.
      antialias: when it gets smaller, let every pixel count, not only the nearest ones.
    Returns:
      float32 tensor; for 'nearest' of the images' own dtype.
    Raises:
      ValueError: another number of axes, a size that is no pair of positive integers, a method that
        there is not here.

    >>> import tapelab as tf
    >>> tf.image.resize([[[0.0], [4.0]]], [1, 4]).numpy().ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    x = as_tensor(images)
    if x._a.ndim not in (3, 4):
        raise ShapeError(f"'images' must have either 3 or 4 dimensions, got shape {x._a.shape}.")
    size, old = ints(size, "size"), x._a.shape[-3:-1]
    if 0 in x._a.shape[-3:]:
        raise ShapeError(f"input image must be of non-zero size, got shape {x._a.shape}.")
    if preserve_aspect_ratio and len(size) == 2:
        ratio = min(new / n for new, n in zip(size, old))
        size = tuple(round(n * ratio) for n in old)
    if len(size) != 2 or min(size) < 1:
        raise ShapeError(
            f"'size' must be a 1-D Tensor of 2 positive elements: new_height, new_width, got {size}."
        )
    if method not in ("bilinear", "nearest"):
        raise ValueError(
            f"Resize method is not implemented: {method}. Here are 'bilinear' and 'nearest'."
        )
    at = [
        (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(n / new)
        for n, new in zip(old, size)
    ]
    if method == "nearest":
        for axis, centers, n in zip((-3, -2), at, old):
            x = gather(x, np.minimum(centers.astype(int), n - 1), axis=axis)
        return x
    x = cast(x, "float32")
    if size == old:
        return x
    # Rows of weights, so that gradients are those of two matrix products.
    down, across = (
        _tents(centers - np.float32(0.5), n, max(n / len(centers), 1) if antialias else 1)
        for centers, n in zip(at, old)
    )
    *batch, height, width, channels = x._a.shape
    x = matmul(down, reshape(x, [*batch, height, width * channels]))
    return matmul(across, reshape(x, [*batch, len(down._a), width, channels]))


def _tents(centers, n, radius):
    """For each center the weights of n pixels, which fall off linearly; they add up to 1."""
    w = np.maximum(0, 1 - np.abs(centers[:, None] - np.arange(n, dtype=np.float32)) / np.float32(radius))
    return Tensor(w / w.sum(1, keepdims=True))


def sobel_edges(image):
    """How the pixels change downwards and to the right, by Sobel's filters, as a new last axis.

    >>> import tapelab as tf
    >>> tf.image.sobel_edges(tf.reshape(tf.range(9.0), [1, 3, 3, 1]))[0, 1, 1, 0].numpy().tolist()
    [24.0, 8.0]
    """
    x = pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    down, right = x[:, 2:] - x[:, :-2], x[:, :, 2:] - x[:, :, :-2]
    down = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    right = right[:, :-2] + 2 * right[:, 1:-1] + right[:, 2:]
    return stack([down, right], -1)
