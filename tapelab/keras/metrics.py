"""tf.keras.metrics: numbers to watch, added up batch by batch. No gradient flows through them."""

import inspect

import numpy as np

from ..errors import InvalidArgumentError, ShapeError, shape_mismatch
from ..math import argmax, cast, greater
from ..tensor import Tensor, active, as_tensor, integer, only
from . import losses
from .base_layer import Stateful, Variable
from .registry import lookup, serialize, table_of  # noqa: F401


def _array(x):
    """The bare array; tapes learn, as from `numpy()`, that its history ends here."""
    x = as_tensor(x)
    for tape in active.tapes:
        tape._left(x)
    return x._a


class Metric(Stateful):
    """Base class: subclasses make variables in `__init__` and define `update_state` and `result`.

    Calling a metric updates it and returns the result.

    >>> import tapelab as tf
    >>> class Largest(tf.keras.metrics.Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.largest = self.add_weight(name="largest", initializer="zeros")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         error = tf.reduce_max(tf.abs(y_true - y_pred))
    ...         self.largest.assign(tf.maximum(self.largest, error))
    ...     def result(self):
    ...         return self.largest.value
    >>> float(Largest()(tf.constant([0.0, 1.0]), tf.constant([2.0, 1.5])))
    2.0
    """

    def __init__(self, dtype=None, name=None):
        super().__init__(name, dtype)

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """A variable that `reset_state` sets to zero."""
        return super().add_weight(shape, initializer or "zeros", dtype, trainable=False, name=name)

    add_variable = add_weight
    @property
    def variables(self):
        """What the metric has added up, that of metrics inside it included."""
        found = list(self._weights)
        for x in self._held():
            found += x.variables if isinstance(x, Metric) else [x] if isinstance(x, Variable) else []
        return found

    def update_state(self, *args, **kwargs):
        """Add a batch."""
        raise NotImplementedError("Metric subclasses must implement the `update_state()` method.")

    def result(self):
        """The metric's value now, a scalar tensor."""
        raise NotImplementedError("Metric subclasses must implement the `result()` method.")

    def reset_state(self):
        """Start anew."""
        for v in self.variables:
            v._replace(None, np.zeros_like(v._t._a))

    def get_config(self):
        """The arguments that make such a metric, as far as attributes of their names hold them."""
        return {"name": self.name, "dtype": self.dtype} | super().get_config()

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"


class _Reduction(Metric):
    def __init__(self, name, dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_weight(name="total")

    def _add(self, variable, amount):
        variable._replace(None, variable._t._a + variable._t._a.dtype.type(amount))


def _samplewise(values, sample_weight, reduce):
    """One value per item of the batch, times its weight, and the weights (None without)."""
    x, w = _array(values), None
    x = x if x.dtype.kind == "f" else cast(Tensor(x), np.float32)._a
    after = lambda a, n: reduce(a, axis=tuple(range(n, a.ndim))) if a.ndim > n else a
    if sample_weight is not None:
        x, w = (t._a for t in losses.same_rank(Tensor(x), as_tensor(sample_weight)))
        x = after(x, w.ndim)
        try:
            w = np.broadcast_to(w, x.shape).astype(x.dtype)
        except ValueError:
            what = f"Weights of shape {w.shape} do not fit values of shape {x.shape}"
            raise ShapeError(f"{what}: there must be one weight for each.") from None
        x, w = x * w, after(w, 1)
    return after(x, 1), w


class Sum(_Reduction):
    """The (weighted) sum of all values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, values, sample_weight=None):
        """Add values of any shape."""
        x, _ = _samplewise(values, sample_weight, np.sum)
        self._add(self.total, np.add.reduce(x, axis=None))

    def result(self):
        """The sum."""
        return self.total._t


class Mean(_Reduction):
    """The (weighted) mean of all values; 0 when there are none.

    >>> import tapelab as tf
    >>> m = tf.keras.metrics.Mean()
    >>> m.update_state([1.0, 2.0]); m.update_state(6.0)
    >>> float(m.result())
    3.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name, dtype)
        self.count = self.add_weight(name="count")

    def update_state(self, values, sample_weight=None):
        """Add values of any shape."""
        x, w = _samplewise(values, sample_weight, np.mean)
        self._add(self.total, np.add.reduce(x, axis=None))
        n = len(x) if x.ndim else 1
        self._add(self.count, n if w is None else np.add.reduce(w, axis=None))

    def result(self):
        """The mean."""
        n = self.count._t._a
        return Tensor(self.total._t._a / n if n else self.total._t._a * 0)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred)`."""

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name or fn.__name__, dtype)
        self._fn, self._options = fn, kwargs

    def get_config(self):
        """The arguments that make such a metric."""
        return super().get_config() | self._options

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch of truths and predictions."""
        with only():
            values = self._fn(as_tensor(y_true), as_tensor(y_pred), **self._options)
        super().update_state(values, sample_weight)


# ---------------------------------------------------------------- accuracies


def _equal(a, b):
    try:
        return Tensor((a == b).astype(np.float32))
    except ValueError:
        raise shape_mismatch("Equal", a.shape, b.shape) from None


def accuracy(y_true, y_pred):
    """1 where equal, else 0."""
    x, y = losses.same_rank(as_tensor(y_true), as_tensor(y_pred))
    return _equal(x._a, y._a)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where y_pred is on the label's side of the threshold, else 0."""
    x, y = losses.same_rank(as_tensor(y_true), as_tensor(y_pred))
    return _equal(x._a, greater(y, as_tensor(threshold, y._a.dtype))._a)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest score is at the place of the largest label, else 0.

    >>> import tapelab as tf
    >>> tf.keras.metrics.categorical_accuracy([[0, 1]], [[0.3, 0.7]]).numpy().tolist()
    [1.0]
    """
    return _equal(argmax(y_true, -1)._a, argmax(y_pred, -1)._a)


def _labels(y_true, y_pred):
    labels = _array(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels[..., 0]
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(
            f"Class numbers of shape {labels.shape} do not fit predictions of shape "
            f"{y_pred.shape}: they must have the shape of the predictions without the last axis."
        )
    return labels


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest score is at the class number's place, else 0.

    >>> import tapelab as tf
    >>> scores = [[0.1, 0.9], [0.2, 0.8]]
    >>> tf.keras.metrics.sparse_categorical_accuracy([1, 0], scores).numpy().tolist()
    [1.0, 0.0]
    """
    scores = _array(y_pred)
    return Tensor((_labels(y_true, scores) == np.argmax(scores, -1)).astype(np.float32))


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class number's score is among the k largest, else 0."""
    scores, k = _array(y_pred), integer(k, "k", "sparse_top_k_categorical_accuracy")
    labels = cast(_labels(y_true, scores), np.int64)._a
    n = scores.shape[-1]
    if labels.size and not 0 <= labels.min() <= labels.max() < n:
        raise InvalidArgumentError(f"Class numbers must be in [0, {n}), got {labels.tolist()}.")
    own = np.take_along_axis(scores, labels[..., None], -1)
    return Tensor((np.count_nonzero(scores > own, axis=-1) < k).astype(np.float32))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """The same for one-hot labels."""
    return sparse_top_k_categorical_accuracy(argmax(y_true, -1), y_pred, k)


def _metric(name, fn):
    """The class of the mean of a function: `k`, name, dtype, and the function's other parameters."""
    own = list(inspect.signature(fn).parameters.values())[2:]
    rest = inspect.signature(MeanMetricWrapper.__init__).parameters
    own.sort(key=lambda p: p.name != "k")
    at = sum(p.name == "k" for p in own)
    signature = inspect.Signature([*own[:at], rest["name"], rest["dtype"], *own[at:]])

    def __init__(self, *args, **kwargs):
        MeanMetricWrapper.__init__(self, fn, **signature.bind(*args, **kwargs).arguments)

    __init__.__signature__ = signature
    doc = f"The mean of `{fn.__name__}` over all batches.\n\n    {fn.__doc__.splitlines()[0]}\n"
    return type(
        name, (MeanMetricWrapper,), {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    )


Accuracy = _metric("Accuracy", accuracy)
BinaryAccuracy = _metric("BinaryAccuracy", binary_accuracy)
CategoricalAccuracy = _metric("CategoricalAccuracy", categorical_accuracy)
SparseCategoricalAccuracy = _metric("SparseCategoricalAccuracy", sparse_categorical_accuracy)
TopKCategoricalAccuracy = _metric("TopKCategoricalAccuracy", top_k_categorical_accuracy)
SparseTopKCategoricalAccuracy = _metric(
    "SparseTopKCategoricalAccuracy", sparse_top_k_categorical_accuracy
)
MSE = mse = losses.mean_squared_error
MAE = mae = losses.mean_absolute_error
KLD = kld = losses.kl_divergence
MeanSquaredError = _metric("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _metric("MeanAbsoluteError", losses.mean_absolute_error)
KLDivergence = _metric("KLDivergence", losses.kl_divergence)
Hinge = _metric("Hinge", losses.hinge)
BinaryCrossentropy = _metric("BinaryCrossentropy", losses.binary_crossentropy)
CategoricalCrossentropy = _metric("CategoricalCrossentropy", losses.categorical_crossentropy)
SparseCategoricalCrossentropy = _metric(
    "SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy
)


_TABLE = table_of(globals(), Metric) | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "acc": Accuracy,
}
_CROSSENTROPY = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)


def get(identifier):
    """The metric that a name, class, function or None stands for. ValueError if unknown."""
    return lookup("metric", identifier, losses.FUNCTIONS | _TABLE)


deserialize = get


def _known(identifier):
    """ValueError for the name of no metric."""
    if isinstance(identifier, str) and identifier not in ("accuracy", "acc", "crossentropy", "ce"):
        get(identifier)


def for_shapes(identifier, y_true, y_pred):
    """A metric; what 'accuracy' and 'crossentropy' mean depends on the shapes.

    One score per item: binary. As many labels as scores: categorical. Class numbers: sparse.
    """
    short = (
        {"acc": "accuracy", "ce": "crossentropy"}.get(identifier, identifier)
        if isinstance(identifier, str)
        else None
    )
    if short in ("accuracy", "crossentropy"):
        x, y = _array(y_true).shape, _array(y_pred).shape
        which = 0 if y[-1:] == (1,) or not y else 1 if x == y else 2
        kinds = (
            (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy)
            if short == "accuracy"
            else _CROSSENTROPY
        )
        return kinds[which](name=identifier)
    metric = get(identifier)
    if not isinstance(metric, Metric):
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric
