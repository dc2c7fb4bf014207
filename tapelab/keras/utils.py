"""tf.keras.utils: small things around training."""

import random as _random

import numpy as np

from ..math import cast
from ..random import set_seed
from ..tensor import Tensor, as_tensor, integer
from .registry import clear_session  # noqa: F401 (tf.keras.utils.clear_session)


def set_random_seed(seed):
    """Make Python's, NumPy's and this package's random numbers repeatable from here on.

    >>> import tapelab as tf
    >>> tf.keras.utils.set_random_seed(1); a = tf.random.normal([2])
    >>> tf.keras.utils.set_random_seed(1); b = tf.random.normal([2])
    >>> bool(tf.reduce_all(a == b))
    True
    """
    if not isinstance(seed, int):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed} (of type "
            f"{type(seed)})"
        )
    np.random.seed(seed)  # noqa: NPY002 (Keras seeds this one, too)
    _random.seed(seed)  # after what refuses a seed that is out of range
    set_seed(seed)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows: a float32 tensor for a tensor, a float64 array otherwise.

    >>> import tapelab as tf
    >>> tf.keras.utils.to_categorical([0, 2], num_classes=3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    a = np.asarray(cast(as_tensor(x), np.int64)._a)
    shape = a.shape[:-1] if a.ndim > 1 and a.shape[-1] == 1 else a.shape
    classes = integer(num_classes or a.max(initial=-1) + 1, "num_classes", "to_categorical")
    if a.size and not -classes <= a.min() <= a.max() < classes:
        raise IndexError(f"Class numbers must be below num_classes={classes}, got {a.max()}.")
    rows = np.zeros((a.size, classes))
    rows[np.arange(a.size), a.ravel()] = 1
    rows = rows.reshape(*shape, classes)
    return Tensor(rows.astype(np.float32)) if isinstance(x, Tensor) else rows


def unpack_x_y_sample_weight(data):
    """What a batch holds, as (x, y, sample_weight), None for what it does not."""
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found a sequence of length {len(data)}."
        )
    return (*data, None, None)[:3]


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array (height, width, channels) as a PIL image. ImportError without Pillow.

    Args:
      scale: stretch the values to 0 ... 255.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("array_to_img needs Pillow: pip install pillow") from None
    a = np.asarray(x, "float32")
    if a.ndim != 3 or a.shape[2] not in (1, 3, 4):
        raise ValueError(
            "Expected an image of shape (height, width, 1, 3 or 4), got an array with shape: "
            f"{a.shape}"
        )
    if scale:
        a = a - a.min()
        a = a / a.max() * 255 if a.max() else a
    a = a.astype("uint8")
    return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)
