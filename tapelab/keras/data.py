"""Batches for fit, evaluate and predict, from arrays or from anything that yields batches."""

import itertools

import numpy as np

from ..random import generator
from ..tensor import Tensor, Variable, as_tensor, integer, number
from .base_layer import leaves, map_leaves
from .registry import warn


def _is_arrays(x):
    if isinstance(x, (list, tuple, dict)):
        return all(_is_arrays(v) for v in (x.values() if isinstance(x, dict) else x))
    return isinstance(x, (np.ndarray, np.generic, Tensor, Variable, int, float, bool)) or hasattr(
        x, "__array__"
    )


def _array(x):
    """NumPy data; Python and float64 numbers as float32, the dtype of training."""
    try:
        a = x._a if isinstance(x, Tensor) else x.numpy() if isinstance(x, Variable) else np.asarray(x)
    except ValueError:  # rows of different lengths
        a = as_tensor(x)._a  # says so
    return a.astype(np.float32) if a.dtype == np.float64 else a


def _arrays(x):
    """A structure of arrays; nested lists of numbers are one array."""
    if isinstance(x, dict):
        return {k: _arrays(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)) and not any(
        isinstance(v, (int, float, bool, np.generic)) for v in leaves(x)
    ):
        return type(x)(_arrays(v) for v in x)
    return None if x is None else _array(x)


def split(data, fraction):
    """The first part of (x, y, sample_weight) and the last `fraction`; ValueError unless arrays."""
    fraction = number(fraction, "validation_split", "fit")
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {fraction}")
    if not _is_arrays(data[0]):
        raise ValueError(
            "`validation_split` is only supported for arrays and tensors; pass `validation_data` "
            "instead."
        )
    data = tuple(_arrays(x) for x in data)
    n = len(leaves(data)[0])
    cut = int(n * (1 - fraction))
    if cut in (0, n):
        raise ValueError(
            f"Training data contains {n} samples, which is not sufficient to split by {fraction}."
        )
    part = lambda s: tuple(map_leaves(lambda a: None if a is None else a[s], x) for x in data)
    return part(slice(None, cut)), part(slice(cut, None))


def batches_of(
    x, y=None, sample_weight=None, batch_size=None, shuffle=False, class_weight=None, steps=None
):
    """An object whose `epoch()` yields batches of tensors; `steps` says how many, None if not known.

    Raises ValueError for arrays of different lengths, or labels beside an iterable of batches.
    """
    if steps is not None:
        steps = integer(steps, "steps", "fit, evaluate, predict")
        if steps < 1:
            raise ValueError(f"`steps` (or `steps_per_epoch`) must be positive, got {steps}.")
    if not isinstance(class_weight, (dict, type(None))):
        raise TypeError(f"`class_weight` is a dict, class number -> weight. Received: {class_weight!r}")
    if _is_arrays(x):
        data = tuple(_arrays(v) for v in (x, y, sample_weight))
        if class_weight is not None:
            data = _weighted(data, class_weight)
        return _ArrayBatches(data, batch_size, shuffle, steps)
    if y is not None or sample_weight is not None:
        raise ValueError(
            "When `x` yields batches, they contain the labels: `y` and `sample_weight` must be "
            "None."
        )
    if not hasattr(x, "__iter__"):
        raise ValueError(f"`x` must be arrays, or yield batches of them; received {x!r}.")
    return _Iterated(x, steps, class_weight)


def _weighted(data, class_weight):
    """(x, labels, weights) with each sample's weight times that of its class."""
    x, labels, weight = (*data, None, None)[:3]
    if not isinstance(labels, np.ndarray):
        raise ValueError("`class_weight` needs `y`: one array of labels.")
    classes = (
        np.argmax(labels, -1)
        if labels.ndim > 1 and labels.shape[-1] > 1
        else labels.reshape(len(labels))
    )
    own = np.array([class_weight.get(int(c), 1.0) for c in classes], np.float32)
    return x, labels, own if weight is None else own * weight


class _Batches:
    """Subclasses set `total` (batches in all, None if not known) and `limit` (in an epoch, or None)
    and define `_once()`, an iterator over all batches."""

    running, seen = None, 0
    steps = property(lambda self: self.limit or self.total)

    def epoch(self):
        """The batches of one epoch; with a limit, the next ones."""
        if self.running is None or self.limit is None:
            self.running, self.seen = self._once(), 0
        count = 0
        for count, item in enumerate(itertools.islice(self.running, self.limit), 1):  # noqa: B007
            yield item
        self.seen += count
        if count < (self.limit or 1):
            warn(
                "Your input ran out of data; interrupting training. Make sure that your dataset "
                "or generator can generate at least `steps_per_epoch * epochs` batches. A dataset "
                "starts again with `.repeat()`; a generator does not."
            )
        if count < (self.limit or 1) or self.seen == self.total:
            self.running = None


class _ArrayBatches(_Batches):
    def __init__(self, data, batch_size, shuffle, steps):
        given = [a for a in leaves(data) if a is not None]
        if any(a.ndim == 0 for a in given):
            raise ValueError("Data must have a first axis that counts samples; received a scalar.")
        lengths = {len(a) for a in given}
        if len(lengths) > 1:
            raise ValueError(
                "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
                f"samples: {sorted(lengths)}."
            )
        self.size = max(lengths, default=0)
        if not self.size:
            raise ValueError("There are no samples: the arrays are empty.")
        if batch_size is None:
            batch_size = -(-self.size // steps) if steps else 32
        batch_size = integer(batch_size, "batch_size", "fit, evaluate, predict")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive, got {batch_size}.")
        while data[-1] is None:
            data = data[:-1]
        self.data, self.batch_size, self.shuffle = data, min(batch_size, self.size), shuffle
        self.total, self.limit = -(-self.size // self.batch_size), steps

    def _once(self):
        order = generator().permutation(self.size) if self.shuffle else None
        for start in range(0, self.size, self.batch_size):
            stop = min(start + self.batch_size, self.size)
            # Rows by number are copied; a slice would show what happens to the array later.
            rows = np.arange(start, stop) if order is None else order[start:stop]
            yield _one(
                map_leaves(lambda a, rows=rows: None if a is None else Tensor(a[rows]), self.data)
            )


class _Iterated(_Batches):
    def __init__(self, source, steps, class_weight):
        self.source, self.limit, self.class_weight = source, steps, class_weight
        try:
            self.total = len(source)
        except TypeError:
            self.total = None

    def _once(self):
        for item in self.source:
            if isinstance(item, list):
                item = tuple(item)
            if self.class_weight is not None:
                parts = item if isinstance(item, tuple) else (item,)
                item = _weighted(tuple(map_leaves(_array, part) for part in parts), self.class_weight)
            yield map_leaves(_tensor, item)


def _one(data):
    """x alone instead of (x,), as in Keras, unless x is a structure that would be taken for (x, y)."""
    return data if len(data) > 1 or isinstance(data[0], (list, tuple)) else data[0]


def _tensor(x):
    return x if isinstance(x, Tensor) or x is None else as_tensor(_array(x))
