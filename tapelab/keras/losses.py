"""tf.keras.losses: what training makes small.

Functions return one value per item of the batch; classes take their (weighted) mean.
"""

import inspect

import numpy as np

from .. import nn
from ..array import where
from ..clip import clip_by_value
from ..linalg import l2_normalize
from ..math import abs as _abs
from ..math import cast, divide_no_nan, log, maximum, reduce_mean, reduce_sum, square
from ..primitive import P
from ..tensor import Tensor, as_tensor, integer, number, numpy_dtype
from . import activations
from .registry import Configured, lookup, serialize, snake_case  # noqa: F401

EPSILON = 1e-7  # keeps probabilities away from 0 and 1


def _floating(x):
    x = as_tensor(x)
    return x if x._a.dtype.kind == "f" else cast(x, np.float32)


def same_rank(x, y):
    """Two tensors whose ranks differ by a last axis of length 1, made equal in rank."""
    if abs(x._a.ndim - y._a.ndim) == 1:
        long, short = (x, y) if x._a.ndim > y._a.ndim else (y, x)
        if long._a.shape[-1] == 1:
            if short._a.ndim == 1:
                short = P.reshape(short, shape=(*short._a.shape, 1))
            else:
                long = P.reshape(long, shape=long._a.shape[:-1])
            return (long, short) if x._a.ndim > y._a.ndim else (short, long)
    return x, y


def _pair(y_true, y_pred):
    """Predictions as floats, truths of the same dtype and rank."""
    y_pred = _floating(y_pred)
    y_true = y_true if isinstance(y_true, Tensor) else as_tensor(y_true)
    return same_rank(
        y_true if y_true._a.dtype == y_pred._a.dtype else cast(y_true, y_pred._a.dtype), y_pred
    )


def mean_squared_error(y_true, y_pred):
    """mean((y_true - y_pred)^2) over the last axis.

    >>> import tapelab as tf
    >>> tf.keras.losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
    [2.5]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return reduce_mean(square(y_true - y_pred), -1)


def mean_absolute_error(y_true, y_pred):
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return reduce_mean(_abs(y_true - y_pred), -1)


MSE = mse = mean_squared_error
MAE = mae = mean_absolute_error


def huber(y_true, y_pred, delta=1.0):
    """Half the square of errors up to delta, linear beyond; the mean over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    size = _abs(error)
    return reduce_mean(where(size <= delta, 0.5 * square(error), delta * size - 0.5 * delta**2), -1)


def _signs(y_true):
    """Labels 0 and 1 as -1 and 1; labels that are neither as they are."""
    return 2.0 * y_true - 1.0 if np.isin(y_true._a, (0, 1)).all() else y_true


def hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)) over the last axis, for labels -1 and 1 (or 0 and 1)."""
    y_true, y_pred = _pair(y_true, y_pred)
    return reduce_mean(maximum(1.0 - _signs(y_true) * y_pred, 0.0), -1)


def kl_divergence(y_true, y_pred):
    """sum(y_true log(y_true / y_pred)) over the last axis, with both clipped to [1e-7, 1]."""
    y_true, y_pred = (clip_by_value(y, EPSILON, 1.0) for y in _pair(y_true, y_pred))
    return reduce_sum(y_true * log(y_true / y_pred), -1)


KLD = kld = kl_divergence


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between the vectors: -1 for the same direction."""
    y_true, y_pred = _pair(y_true, y_pred)
    return -reduce_sum(l2_normalize(y_true, axis) * l2_normalize(y_pred, axis), axis)


def _same_shape(y_true, y_pred):
    if y_true._a.shape != y_pred._a.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={y_true._a.shape}, output.shape={y_pred._a.shape}. Labels that are "
            "class numbers go with the sparse losses."
        )


def _logits(y_pred, from_logits, function):
    """The logits themselves when an activation made probabilities of them just before."""
    found = None if from_logits else activations.logits_of(y_pred, function)
    return (y_pred, from_logits) if found is None else (found, True)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-mean(y log p + (1 - y) log(1 - p)) over an axis. ValueError for shapes that differ.

    >>> import tapelab as tf
    >>> tf.keras.losses.binary_crossentropy([[1.0]], [[0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if smooth := number(label_smoothing, "label_smoothing", "binary_crossentropy"):
        y_true = y_true * (1.0 - smooth) + 0.5 * smooth
    _same_shape(y_true, y_pred)
    y_pred, from_logits = _logits(y_pred, from_logits, "sigmoid")
    if from_logits:
        return reduce_mean(nn.sigmoid_cross_entropy_with_logits(y_true, y_pred), axis)
    p = clip_by_value(y_pred, EPSILON, 1 - EPSILON)
    return -reduce_mean(y_true * log(p) + (1.0 - y_true) * log(1.0 - p), axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum(y log p) over an axis, for probabilities (or one-hot rows) y of the shape of p.

    Raises ValueError for shapes that differ.

    >>> import tapelab as tf
    >>> tf.keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if smooth := number(label_smoothing, "label_smoothing", "categorical_crossentropy"):
        y_true = y_true * (1.0 - smooth) + smooth / y_true._a.shape[-1]
    _same_shape(y_true, y_pred)
    y_pred, from_logits = _logits(y_pred, from_logits, "softmax")
    if from_logits:
        return nn.softmax_cross_entropy_with_logits(y_true, y_pred, axis)
    p = y_pred / reduce_sum(y_pred, axis, True)
    return -reduce_sum(y_true * log(clip_by_value(p, EPSILON, 1 - EPSILON)), axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p of each item's class, for class numbers y_true.

    Args:
      y_true: integers (or floats that are whole) of shape (batch, ...) or (batch, ..., 1).
      y_pred: probabilities, or logits with `from_logits=True`, of shape (batch, ..., classes).
      ignore_class: a class number whose items count nothing.
    Raises:
      ValueError: shapes that do not fit. InvalidArgumentError: a class number that does not exist.

    >>> import tapelab as tf
    >>> tf.keras.losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    y_pred = _floating(y_pred)
    if not y_pred._a.ndim:
        raise ValueError("`y_pred` must have a last axis with one score per class, got a scalar.")
    labels = as_tensor(y_true)
    labels = labels._a if labels._a.dtype == np.int64 else cast(labels, np.int64)._a
    if labels.ndim and labels.ndim == y_pred._a.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    labels = np.asarray(labels)
    if labels.shape != y_pred._a.shape[:-1]:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={labels.shape}, output.shape={y_pred._a.shape}. Labels here are class "
            "numbers, one per item; one-hot rows go with categorical_crossentropy."
        )
    if axis not in (-1, y_pred._a.ndim - 1):
        raise ValueError(f"Only axis=-1 is currently supported. Received: axis={axis}")
    kept = None
    if ignore_class is not None:
        kept = labels != integer(ignore_class, "ignore_class", "sparse_categorical_crossentropy")
    if kept is not None:
        labels = np.where(kept, labels, 0)
    y_pred, from_logits = _logits(y_pred, from_logits, "softmax")
    if not from_logits:
        y_pred = log(clip_by_value(y_pred, EPSILON, 1 - EPSILON))
    largest = np.maximum.reduce(labels.view(np.uint64), axis=None, initial=0)
    if largest >= y_pred._a.shape[-1]:  # or negative
        nn.sparse_softmax_cross_entropy_with_logits(Tensor(labels), y_pred)  # says which
    loss = P.sparse_xent(y_pred, Tensor(labels))
    return loss if kept is None else loss * Tensor(kept.astype(y_pred._a.dtype))


class Reduction:
    """The names of the reductions, as older programs spell them: `Reduction.SUM` is 'sum'."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    SUM, NONE = "sum", "none"


class Loss(Configured):
    """Base class: subclasses define `call(y_true, y_pred)`, one value per item.

    Args:
      name: for messages. reduction: 'sum_over_batch_size' (mean), 'sum' or None.

    >>> import tapelab as tf
    >>> class Cubic(tf.keras.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return tf.reduce_mean(tf.abs(y_true - y_pred) ** 3, axis=-1)
    >>> float(Cubic()([[0.0], [0.0]], [[1.0], [2.0]]))
    4.5
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        known = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
        if reduction not in known:
            raise ValueError(
                f"Invalid value for argument `reduction`. Expected one of {known}. Received: "
                f"reduction={reduction}"
            )
        self._np = numpy_dtype(dtype or "float32")
        self.name, self.reduction = name or snake_case(type(self).__name__), reduction

    _casts = True  # the truths, too; the functions below do it themselves, as they need them

    def call(self, y_true, y_pred):
        """One value per item of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no `call(y_true, y_pred)`.")

    def mask(self, y_true):
        """Which items count (a boolean array), or None for all."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        if y_pred._a.dtype != self._np:
            y_pred = cast(y_pred, self._np)
        if self._casts and y_true._a.dtype != self._np:
            y_true = cast(y_true, self._np)
        values = self.call(y_true, y_pred)
        mask = self.mask(y_true)
        if sample_weight is not None:
            sample_weight = cast(sample_weight, values.dtype)
        if mask is not None and self.reduction not in (None, "none"):
            n = max(1, np.count_nonzero(mask))
            share = mask.size / n if self.reduction != "sum" else 1.0
            values = values * Tensor(
                (mask * share).astype(values._a.dtype).reshape(values._a.shape)
            )
        if sample_weight is not None:
            values, sample_weight = same_rank(values, sample_weight)
            values = values * sample_weight
        if self.reduction in (None, "none") or not values._a.ndim:
            return values
        if self.reduction == "sum":
            return reduce_sum(values)
        if self.reduction == "mean_with_sample_weight" and sample_weight is not None:
            return divide_no_nan(reduce_sum(values), reduce_sum(sample_weight))
        return (
            P.mean(values, axis=tuple(range(-values._a.ndim, 0)), keepdims=False)
            if values._a.size
            else reduce_sum(values)
        )


class LossFunctionWrapper(Loss):
    """The mean over the batch of a function of y_true and y_pred."""

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self.options = fn, kwargs
        self._casts = fn not in FUNCTIONS.values()

    def call(self, y_true, y_pred):
        """One value per item."""
        return self.fn(*same_rank(as_tensor(y_true), as_tensor(y_pred)), **self.options)

    def get_config(self):
        """The arguments that make such a loss."""
        return super().get_config() | self.options


def _loss(name, function, default_name=None):
    """The class of a loss function: its own parameters first, then reduction, name and dtype."""
    own = list(inspect.signature(function).parameters.values())[2:]
    rest = inspect.signature(Loss.__init__).parameters
    signature = inspect.Signature([*own, *(rest[k] for k in ("reduction", "name", "dtype"))])

    def __init__(self, *args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        given["name"] = given["name"] or default_name
        LossFunctionWrapper.__init__(self, function, **given)

    __init__.__signature__ = signature
    doc = f"The mean of `{function.__name__}`.\n\n    {function.__doc__.splitlines()[0]}\n"
    return type(
        name, (LossFunctionWrapper,), {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    )


MeanSquaredError = _loss("MeanSquaredError", mean_squared_error)
MeanAbsoluteError = _loss("MeanAbsoluteError", mean_absolute_error)
Huber = _loss("Huber", huber, "huber_loss")
Hinge = _loss("Hinge", hinge)
KLDivergence = _loss("KLDivergence", kl_divergence, "kl_divergence")
CosineSimilarity = _loss("CosineSimilarity", cosine_similarity)
BinaryCrossentropy = _loss("BinaryCrossentropy", binary_crossentropy)
CategoricalCrossentropy = _loss("CategoricalCrossentropy", categorical_crossentropy)
SparseCategoricalCrossentropy = _loss(
    "SparseCategoricalCrossentropy", sparse_categorical_crossentropy
)


def _ignored(self, y_true):
    ignored = self.options["ignore_class"]
    return None if ignored is None else y_true._a != ignored


SparseCategoricalCrossentropy.mask = _ignored

FUNCTIONS = {
    f.__name__: f
    for f in (
        mean_squared_error, mean_absolute_error, huber, hinge, kl_divergence, cosine_similarity,
        binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy,
    )
} | {"mse": mean_squared_error, "mae": mean_absolute_error, "bce": binary_crossentropy}  # fmt: skip


def get(identifier):
    """The loss that a name, class, function or None stands for. ValueError if unknown."""
    classes = {k: v for k, v in globals().items() if isinstance(v, type) and issubclass(v, Loss)}
    return lookup("loss", identifier, FUNCTIONS | classes)


deserialize = get


def as_loss(identifier):
    """The same, as an object: functions are wrapped."""
    found = get(identifier)
    return found if found is None or isinstance(found, Loss) else LossFunctionWrapper(found)
