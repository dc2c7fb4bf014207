"""tf.data: datasets composed lazily.

A dataset is a function that starts an iterator over its elements. Elements are kept as
structures of NumPy arrays until they are handed out as tensors. A dataset made by slicing arrays
remembers them, so that `shuffle(...).batch(...)` takes whole batches by index instead of stacking
rows one by one.
"""

import contextlib
import itertools
import os

import numpy as np

from . import nest
from .control import TensorSpec
from .errors import InvalidArgumentError, OutOfRangeError
from .random import _state, generator
from .tensor import Absent, Tensor, as_tensor, function_of, integer, zero_array

AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = -1, -1, -2


def _arrays(structure):
    """A structure of tensors, arrays and numbers as one of NumPy arrays; a list is one tensor."""
    if isinstance(structure, dict):
        return {k: _arrays(v) for k, v in structure.items()}
    if isinstance(structure, tuple):
        parts = [_arrays(v) for v in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return np.asarray(as_tensor(structure)._a)


def _each(f, *structures):
    """`f` on corresponding leaves; only tuples and dicts are structure here."""
    first = structures[0]
    if isinstance(first, dict):
        return {k: _each(f, *[s[k] for s in structures]) for k in first}
    if isinstance(first, tuple):
        parts = [_each(f, *parts) for parts in zip(*structures)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return f(*structures)


def _fits(x, like):
    """Whether a structure has the parts that another has; what stands for a leaf is not looked at."""
    if isinstance(like, dict):
        return isinstance(x, dict) and x.keys() == like.keys() and all(_fits(x[k], like[k]) for k in like)
    return not isinstance(like, tuple) or (
        isinstance(x, tuple) and len(x) == len(like) and all(map(_fits, x, like))
    )


def _either(a, b):
    """The structure of specs that elements of both fit; TypeError when there is none."""
    if not (_fits(a, b) and _fits(b, a)) or [s.dtype for s in _leaves(a)] != [s.dtype for s in _leaves(b)]:
        raise TypeError(f"Incompatible dataset elements: {a} vs. {b}")
    return _each(
        lambda s, t: TensorSpec(s.shape.most_specific_common_supertype([t.shape]), s.dtype), a, b
    )


def _example(spec):
    """An element of zeros, where there is none to look at."""
    return np.asarray(zero_array([n or 0 for n in spec.shape.dims or ()], spec.dtype._np))


def _sizes(shape):
    """The sizes of a shape, None for those that are free (None or -1)."""
    if shape is None:
        return None
    shape = [shape] if np.ndim(shape) == 0 else list(shape)
    return [None if n is None or n == -1 else int(n) for n in shape]


def _leaves(structure):
    return nest.flatten(structure)


def _box(a):
    a = np.array(a, object) if type(a) is bytes else a  # a single string
    return Tensor(a if isinstance(a, np.generic) or a.ndim else a[()] if a.dtype.kind != "O" else a)


class Iterator(map):
    """The elements of a dataset, one after the other: what `iter(dataset)` returns.

    >>> import tapelab as tf
    >>> elements = iter(tf.data.Dataset.range(3))
    >>> int(elements.get_next()), int(next(elements))
    (0, 1)
    """

    next = map.__next__

    @property
    def element_spec(self):
        """The specs of an element."""
        return self._dataset.element_spec

    def get_next(self, name=None):
        """The next element. OutOfRangeError after the last."""
        for x in self:
            return x
        raise OutOfRangeError("End of sequence [Op:IteratorGetNext]")


class Dataset:
    """A sequence of elements, each a tensor or a tuple or dict of tensors.

    >>> import tapelab as tf
    >>> ds = tf.data.Dataset.from_tensor_slices(([1.0, 2.0, 3.0], [0, 1, 0])).batch(2)
    >>> [(x.numpy().tolist(), y.numpy().tolist()) for x, y in ds]
    [([1.0, 2.0], [0, 1]), ([3.0], [0])]
    """

    def __init__(self, start, size, spec, columns=None, order=None):
        # start: () -> iterator of structures of arrays. size: number of elements, or negative.
        # columns, order: what the elements are rows of, and () -> which rows, when that is known.
        self._start, self._size, self._spec = start, size, spec
        self._columns, self._order = columns, order

    # -- sources

    @staticmethod
    def from_tensor_slices(tensors, name=None):
        """A dataset of the rows of tensors that have the same first size.

        Raises ValueError for scalars, or first sizes that differ.
        """
        columns = _arrays(tensors)
        flat = _leaves(columns)
        if not flat:
            raise ValueError("Invalid `tensors`: it has no elements to slice.")
        for a in flat:
            if not a.ndim:
                raise ValueError(
                    "Unbatching a tensor is only supported for rank >= 1: a scalar has no rows."
                )
        sizes = {len(a) for a in flat}
        if len(sizes) > 1:
            raise ValueError(
                f"Dimensions {sorted(sizes)} are not compatible: all tensors need the same number of rows."
            )
        n = sizes.pop()
        return _rows(columns, n, None)

    @staticmethod
    def from_tensors(tensors, name=None):
        """A dataset with one element."""
        whole = _arrays(tensors)
        return Dataset(lambda: iter([whole]), 1, _each(_spec, whole))

    @staticmethod
    def from_generator(
        generator,
        output_types=None,
        output_shapes=None,
        args=None,
        output_signature=None,
        name=None,
    ):
        """A dataset of what `generator()` yields, of the specs `output_signature`."""
        if output_signature is None:
            if output_types is None:
                raise TypeError(
                    "from_generator needs output_signature=tf.TensorSpec(shape, dtype)."
                )
            shapes = (
                output_shapes if output_shapes is not None else _each(lambda t: None, output_types)
            )
            output_signature = _each(lambda t, s: TensorSpec(s, t), output_types, shapes)

        function_of(generator, "generator")
        given = [as_tensor(a).numpy() for a in args or ()]

        def start():
            for x in generator(*given):
                if not _fits(x, output_signature):
                    raise InvalidArgumentError(
                        "`generator` yielded an element that did not match the expected structure. The "
                        f"expected structure was {output_signature}, but the yielded element was {x!r}."
                    )
                yield _each(array, output_signature, x)

        def array(spec, x):
            x = as_tensor(x, spec.dtype._np)
            if not spec.is_compatible_with(x):
                raise InvalidArgumentError(
                    f"`generator` yielded an element of shape {x._a.shape} where an element of "
                    f"shape {spec.shape} was expected."
                )
            return np.asarray(x._a)

        return Dataset(start, UNKNOWN_CARDINALITY, output_signature)

    @staticmethod
    def range(*args, **kwargs):
        """The integers that Python's range gives, int64 unless `output_type` says otherwise."""
        kwargs.pop("name", None)
        out = kwargs.pop("output_type", "int64")
        if not 1 <= len(args) <= 3:
            raise TypeError(f"Dataset.range takes 1 to 3 integers as Python's range, got {args!r}.")
        if kwargs:
            raise TypeError(f"Dataset.range has no argument {next(iter(kwargs))!r}.")
        args = [integer(a, "start, stop, step", "RangeDataset") for a in args]
        if args[2:] == [0]:
            raise InvalidArgumentError("step must be a non-zero integer. [Op:RangeDataset]")
        numbers = np.arange(*args, dtype=np.int64).astype(getattr(out, "_np", out))
        return _rows(numbers, len(numbers), None)

    @staticmethod
    def zip(*args, datasets=None, name=None):
        """Elements of several datasets side by side, until the shortest ends."""
        parts = args if len(args) > 1 else args[0] if args else datasets
        flat = nest.flatten(parts)
        if isinstance(parts, list) or not all(isinstance(d, Dataset) for d in flat) or not flat:
            raise TypeError(
                "Inputs to `zip` are expected to be `tf.data.Dataset` objects, or tuples and "
                f"dictionaries of them. Received: {parts!r}"
            )

        def start():
            return map(
                lambda row: nest.pack_sequence_as(parts, row), zip(*[d._start() for d in flat])
            )

        sizes = [d._size for d in flat]
        known = [n for n in sizes if n != INFINITE_CARDINALITY]
        size = (
            UNKNOWN_CARDINALITY
            if UNKNOWN_CARDINALITY in sizes
            else min(known, default=INFINITE_CARDINALITY)
        )
        specs = lambda: nest.pack_sequence_as(parts, [d.element_spec for d in flat])
        return Dataset(start, size, _known(specs, *flat))

    # -- transformations

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None):
        """The elements in random order, drawn from a buffer of `buffer_size`.

        With a buffer as large as the dataset every order is equally likely. Each iteration has a
        new order unless `reshuffle_each_iteration` is False; `seed` (or tf.random.set_seed) makes
        them repeatable. Raises InvalidArgumentError for a buffer size below 1.
        """
        buffer_size = integer(buffer_size, "buffer_size", "ShuffleDataset")
        if buffer_size < 1 and buffer_size != AUTOTUNE:
            raise InvalidArgumentError(
                f"buffer_size must be greater than zero, got {buffer_size} [Op:ShuffleDatasetV3]"
            )
        again = reshuffle_each_iteration is None or reshuffle_each_iteration
        draws = _streams(seed, again)
        if self._columns is not None:
            n, order = self._size, self._order
            size = n if buffer_size == AUTOTUNE else buffer_size

            def mixed():
                picked = _from_buffer(draws(), n, size)
                return picked if order is None else order()[picked]

            return _rows(self._columns, n, mixed, self._spec)

        def start():
            rng, buffer = draws(), []
            for x in self._start():
                if len(buffer) < buffer_size or buffer_size == AUTOTUNE:
                    buffer.append(x)
                    continue
                i = rng.integers(len(buffer))
                out, buffer[i] = buffer[i], x
                yield out
            for i in rng.permutation(len(buffer)):
                yield buffer[i]

        return Dataset(start, self._size, self._spec)

    def batch(
        self,
        batch_size,
        drop_remainder=False,
        num_parallel_calls=None,
        deterministic=None,
        name=None,
    ):
        """Consecutive elements stacked, `batch_size` at a time; the last batch may be smaller."""
        size, count, chunks = self._chunks(batch_size, drop_remainder, "BatchDatasetV2")
        first = size if drop_remainder else None
        spec = self._specs(lambda s: TensorSpec([first] + s.shape, s.dtype))
        if self._columns is not None:
            columns, order, n = self._columns, self._order, self._size

            def start():
                rows = order() if order else None
                for a in range(0, n - size + 1 if drop_remainder else n, size):
                    b = min(a + size, n)
                    # slices of the source cost nothing; rows in another order are copied once
                    yield _each(
                        lambda c, a=a, b=b, rows=rows: c[a:b] if rows is None else c[rows[a:b]],
                        columns,
                    )

            return Dataset(start, count, spec)

        return Dataset(lambda: (_each(_stack, *chunk) for chunk in chunks()), count, spec)

    def _chunks(self, batch_size, drop_remainder, op):
        """The size of a batch, how many there are, and () -> iterator of lists of elements."""
        size = integer(batch_size, "batch_size", op)
        if size < 1:
            raise InvalidArgumentError(f"Batch size must be greater than zero, got {size} [Op:{op}]")

        def chunks():
            elements = self._start()
            while chunk := list(itertools.islice(elements, size)):
                if len(chunk) == size or not drop_remainder:
                    yield chunk

        n = self._size
        return size, n if n < 0 else n // size if drop_remainder else -(-n // size), chunks

    def padded_batch(
        self, batch_size, padded_shapes=None, padding_values=None, drop_remainder=False, name=None
    ):
        """As `batch`, with elements padded to the largest shape in the batch.

        Args:
          padded_shapes: shapes to pad to (structured like an element), None for sizes that follow
            the batch. padding_values: what to pad with, one value or a structure of them (zeros).
        Raises:
          InvalidArgumentError: an element larger than `padded_shapes`.

        >>> import tapelab as tf
        >>> ds = tf.data.Dataset.range(1, 3).map(lambda n: tf.fill([n], n))
        >>> [x.tolist() for x in ds.padded_batch(2, [3], padding_values=-1).as_numpy_iterator()]
        [[[1, -1, -1], [2, 2, -1]]]
        """
        size, count, chunks = self._chunks(batch_size, drop_remainder, "PaddedBatchDatasetV2")

        def alike(given, element):  # one for each part of an element
            if not isinstance(given, (tuple, dict)) or not isinstance(element, (tuple, dict)):
                return _each(lambda _: given, element)
            if len(given) != len(element):
                raise ValueError(
                    f"padded_shapes and padding_values have a part for each of the {len(element)} parts "
                    f"of an element, got {given}."
                )
            return given

        def pad(x, shape, value, *others):
            xs = (x, *others)
            full = np.max([x.shape for x in xs], axis=0).astype(int)
            if shape is not None:
                wanted = [m if d is None else d for d, m in zip(_sizes(shape), full, strict=True)]
                if any(d < m for d, m in zip(wanted, full)):
                    raise InvalidArgumentError(
                        f"Attempted to pad to a smaller size than the input element: padded_shapes of "
                        f"{list(wanted)}, an element of {full.tolist()} [Op:PaddedBatchDatasetV2]"
                    )
                full = wanted
            if value is None:
                value = b"" if x.dtype.kind == "O" else 0
            value = as_tensor(value, x.dtype)._a
            out = np.full((len(xs), *full), value, x.dtype)
            for k, x in enumerate(xs):
                out[(k, *map(slice, x.shape))] = x[()]  # the string, not an array of it
            return out

        def start():
            for first, *others in chunks():
                shapes, values = alike(padded_shapes, first), alike(padding_values, first)
                yield _each(pad, first, shapes, values, *others)

        def spec(s, shape):
            first = size if drop_remainder else None
            return TensorSpec([first, *(_sizes(shape) or [None] * (s.rank or 0))], s.dtype)

        specs = lambda: _each(spec, self.element_spec, alike(padded_shapes, self.element_spec))
        return Dataset(start, count, _known(specs, self))

    def unbatch(self, name=None):
        """The rows of the elements, one by one."""

        def start():
            for x in self._start():
                sizes = {np.shape(a)[:1] for a in _leaves(x)}
                if len(sizes) != 1 or () in sizes:
                    raise InvalidArgumentError(
                        "unbatch: all parts of an element must have one and the same number of rows, got "
                        f"shapes {[np.shape(a) for a in _leaves(x)]}."
                    )
                for i in range(*sizes.pop()):
                    yield _each(lambda a, i=i: np.asarray(a[i]), x)

        rows = [] if callable(self._spec) else [s.shape[0] for s in _leaves(self._spec) if s.rank]
        rows = max((n for n in rows if n is not None), default=None)
        size = UNKNOWN_CARDINALITY if rows is None else self._size * rows if self._size > 0 else self._size
        return Dataset(start, size, self._specs(lambda s: TensorSpec(s.shape[1:], s.dtype)))

    def map(
        self, map_func, num_parallel_calls=None, deterministic=None, synchronous=None,
        use_unbounded_threadpool=False, name=None,
    ):  # fmt: skip
        """`map_func` of every element; an element that is a tuple is passed as several arguments."""
        function_of(map_func, "map_func")
        spec = []

        def start():
            for x in self._start():
                yield made(x)

        def made(x):
            z = _call(map_func, x)
            return _arrays(tuple(z) if isinstance(z, list) else z)

        def peek():
            if not spec:
                sample, given = self._sample(), self.element_spec
                found = _each(_spec, made(sample))
                if any(None in (s.shape.dims or ()) for s in _leaves(given)):  # which sizes follow those?
                    grow = lambda n, m: n + (m is None)
                    longer = lambda a, s: np.resize(a, [*map(grow, a.shape, s.shape.dims or a.shape)])
                    with contextlib.suppress(Exception):  # where the function takes other sizes
                        found = _either(found, _each(_spec, made(_each(longer, sample, given))))
                spec.append(found)
            return spec[0]

        return Dataset(start, self._size, peek)

    def filter(self, predicate, name=None):
        """The elements for which `predicate` is True."""
        function_of(predicate, "predicate")

        def start():
            return (x for x in self._start() if wanted(x))

        def wanted(x):
            found = as_tensor(_call(predicate, x))._a
            if found.dtype != bool or found.ndim:
                raise ValueError(
                    "Invalid `predicate`: it must return a `tf.bool` scalar tensor, but it returned "
                    f"{found.dtype} of shape {found.shape}."
                )
            return bool(found)

        return Dataset(start, UNKNOWN_CARDINALITY, self._spec)

    def take(self, count, name=None):
        """The first `count` elements; all of them for -1."""
        count = integer(count, "count", "TakeDataset")
        if count < 0:
            return self
        if self._columns is not None:
            return self._part(slice(count))
        size = (
            count
            if self._size == INFINITE_CARDINALITY
            else min(count, self._size)
            if self._size >= 0
            else self._size
        )
        return Dataset(lambda: itertools.islice(self._start(), count), size, self._spec)

    def skip(self, count, name=None):
        """Without the first `count` elements; nothing is left for -1."""
        count = integer(count, "count", "SkipDataset")
        if self._columns is not None:
            return self._part(slice(count if count >= 0 else self._size, None))
        size = 0 if count < 0 else max(self._size - count, 0) if self._size >= 0 else self._size
        return Dataset(
            lambda: itertools.islice(
                self._start(), count if count >= 0 else 0, None if count >= 0 else 0
            ),
            size,
            self._spec,
        )

    def _part(self, which):
        n, order = len(range(self._size)[which]), self._order
        if order is None:
            return _rows(
                _each(lambda c: c[: self._size][which], self._columns), n, None, self._spec
            )
        return _rows(self._columns, n, lambda: order()[which], self._spec)

    def shard(self, num_shards, index, name=None):
        """Every `num_shards`-th element, starting with number `index`."""
        num_shards, index = (
            integer(v, what, "ShardDataset") for v, what in ((num_shards, "num_shards"), (index, "index"))
        )
        if not 0 <= index < num_shards:
            raise InvalidArgumentError(
                f"index must be in [0, num_shards), got {index} and {num_shards} [Op:ShardDataset]"
            )
        size = self._size if self._size < 0 else len(range(index, self._size, num_shards))
        return Dataset(
            lambda: itertools.islice(self._start(), index, None, num_shards), size, self._spec
        )

    def repeat(self, count=None, name=None):
        """The elements `count` times over; for ever without one."""
        count = -1 if count is None else integer(count, "count", "RepeatDataset")
        forever = count < 0

        def start():
            for _ in itertools.count() if forever else range(count):
                none = True
                for x in self._start():
                    none = False
                    yield x
                if none:
                    return

        size = (
            INFINITE_CARDINALITY
            if forever and self._size
            else self._size * count
            if self._size > 0 and not forever or not count
            else self._size
        )
        return Dataset(start, size, self._spec)

    def concatenate(self, dataset, name=None):
        """The elements of this dataset, then those of the other, of the same structure and dtypes."""
        if not isinstance(dataset, Dataset):
            raise TypeError(f"`dataset` must be a tf.data.Dataset, got {dataset!r}.")
        sizes = (self._size, dataset._size)
        size = max(n for n in sizes if n < 0) if min(sizes) < 0 else sum(sizes)

        def start():
            x = None
            for x in self._start():
                yield x
            for i, y in enumerate(dataset._start()):
                if x is not None and not i:  # where a `map` stands in between, nobody has looked yet
                    _either(_each(_spec, x), _each(_spec, y))
                yield y

        return Dataset(
            start, size, _known(lambda: _either(self.element_spec, dataset.element_spec), self, dataset)
        )

    def enumerate(self, start=0, name=None):
        """(number, element), counting from `start` as int64."""

        def begin():
            return ((np.asarray(i, np.int64), x) for i, x in enumerate(self._start(), start))

        counted = lambda: (TensorSpec([], "int64"), self.element_spec)
        return Dataset(begin, self._size, _known(counted, self))

    def flat_map(self, map_func, name=None):
        """The elements of the datasets that `map_func` makes of the elements."""
        function_of(map_func, "map_func")

        def start():
            return itertools.chain.from_iterable(_call(map_func, x)._start() for x in self._start())

        peek = lambda: _call(map_func, self._sample()).element_spec
        return Dataset(start, UNKNOWN_CARDINALITY, peek)

    def cache(self, filename="", name=None):
        """The elements, kept in memory after the first time through."""
        if self._columns is not None and self._order is None:
            return self
        kept = []

        def start():
            if kept:
                return iter(kept[0])
            return gather()

        def gather():
            seen = []
            for x in self._start():
                seen.append(x)
                yield x
            kept.append(seen)

        return Dataset(start, self._size, self._spec)

    def prefetch(self, buffer_size, name=None):
        """The dataset itself: elements are ready when they are asked for."""
        return self

    def with_options(self, options, name=None):
        """The dataset itself."""
        return self

    def apply(self, transformation_func):
        """`transformation_func(dataset)`."""
        found = function_of(transformation_func, "transformation_func")(self)
        if not isinstance(found, Dataset):
            raise TypeError(
                f"`transformation_func` must return a `tf.data.Dataset` object. Got {type(found)}."
            )
        return found

    def reduce(self, initial_state, reduce_func, name=None):
        """`reduce_func(state, element)` over all the elements.

        Raises TypeError for a state of other dtypes than the initial one, ValueError for other parts.
        """
        function_of(reduce_func, "reduce_func")
        state = nest.map_structure(as_tensor, initial_state)
        kinds = lambda s: [t.dtype for t in nest.flatten(s)]
        for x in self:
            found = map(as_tensor, nest.flatten(reduce_func(state, x)))
            before, state = state, nest.pack_sequence_as(state, found)
            if kinds(state) != kinds(before):
                raise TypeError(
                    "The element types for the new state must match the initial state. Expected "
                    f"{kinds(before)} but got {kinds(state)}."
                )
        return state

    def _sample(self):
        """An element to try a function on: the first, or zeros."""
        found = next(self._start(), None)
        return _each(_example, self.element_spec) if found is None else found

    def _specs(self, f):
        """`f` of every spec of an element."""
        return _known(lambda: _each(f, self.element_spec), self)

    # -- looking at it

    @property
    def element_spec(self):
        """A structure of `tf.TensorSpec`: the shapes and dtypes of an element."""
        return self._spec() if callable(self._spec) else self._spec

    def cardinality(self, name=None):
        """The number of elements as int64; -1 for infinitely many, -2 when not known."""
        return Tensor(np.int64(self._size))

    def __len__(self):
        if self._size == INFINITE_CARDINALITY:
            raise TypeError("The dataset is infinite.")
        if self._size < 0:
            raise TypeError("The dataset length is unknown.")
        return self._size

    def __bool__(self):
        return True

    def __iter__(self):
        return self._iterator(_box)

    def as_numpy_iterator(self):
        """The elements as NumPy arrays and scalars."""
        return self._iterator(lambda a: np.array(a)[()])

    def _iterator(self, convert):
        elements = Iterator(lambda x: _each(convert, x), self._start())
        elements._dataset = self
        return elements

    def get_single_element(self, name=None):
        """The only element. InvalidArgumentError when there are none or several."""
        found = list(itertools.islice(iter(self), 2))
        if len(found) != 1:
            raise InvalidArgumentError(
                f"Dataset had {'more than one element' if found else 'no elements'}."
            )
        return found[0]

    def __repr__(self):
        return f"<Dataset element_spec={self.element_spec!r}>"


# No `__getattr__`: it would hide what an `element_spec` that runs a function raises.
Absent.put(Dataset, dict.fromkeys(
    "window interleave group_by_window bucket_by_sequence_length take_while scan unique rebatch ragged_batch "
    "sparse_batch snapshot save load random counter list_files choose_from_datasets sample_from_datasets "
    "rejection_resample ignore_errors options".split(),
    ": map, filter, flat_map and batch go far; from_generator takes what a Python generator yields.",
))  # fmt: skip


def TextLineDataset(filenames, compression_type=None, buffer_size=None, num_parallel_reads=None,
                    name=None):  # fmt: skip
    """A dataset of the lines of text files, each a string tensor without its line end.

    Args:
      filenames: path, list of paths, or string tensor.
    """
    if compression_type:
        raise ValueError(f"TextLineDataset reads plain text; unpack the {compression_type} file.")
    paths = [filenames] if isinstance(filenames, (str, bytes, os.PathLike)) else filenames
    if isinstance(paths, (list, tuple)):
        paths = [os.fspath(p) if isinstance(p, os.PathLike) else p for p in paths]
    names = as_tensor(paths)
    if names._a.dtype.kind != "O":
        raise TypeError(
            f"The `filenames` argument must contain `tf.string` elements. Got {names.dtype!r} elements."
        )

    def start():
        for path in np.ravel(names._a).tolist():
            with open(path, "rb") as file:
                for line in file:
                    yield np.asarray(line.removesuffix(b"\n").removesuffix(b"\r"), object)

    return Dataset(start, UNKNOWN_CARDINALITY, TensorSpec([], "string"))


def _rows(columns, n, order, spec=None):
    """The dataset of the rows of arrays, in the order that `order()` gives (None: as they are)."""

    def start():
        for i in range(n) if order is None else order().tolist():
            yield _each(lambda c, i=i: c[i] if c.dtype.kind != "O" else c[i, ...], columns)

    return Dataset(
        start, n, spec or _each(lambda c: TensorSpec(c.shape[1:], c.dtype), columns), columns, order
    )


def _stack(*xs):
    if len({x.shape for x in xs}) > 1:
        raise InvalidArgumentError(
            "Cannot batch tensors with different shapes: "
            f"{sorted({x.shape for x in xs})} [Op:IteratorGetNext]. padded_batch fills them up."
        )
    return np.stack(xs)


def _spec(a):
    return TensorSpec(a.shape, a.dtype)


def _known(specs, *datasets):
    """`specs()`, or that it is to be called when asked: a `map` has to look at an element."""
    return specs if any(callable(d._spec) for d in datasets) else specs()


def _call(f, x):
    boxed = _each(_box, x)
    return f(*boxed) if isinstance(boxed, tuple) else f(boxed)


def _from_buffer(rng, n, size):
    """The numbers below n in the order in which a buffer of `size` gives them away at random."""
    if size >= n:
        return rng.permutation(n)
    buffer, out = list(range(size)), []
    for i, j in enumerate(rng.integers(0, size, n - size).tolist(), size):
        out.append(buffer[j])
        buffer[j] = i
    return np.array([*out, *np.array(buffer)[rng.permutation(size)]])


def _streams(seed, again):
    """() -> a NumPy generator, for every iteration of a shuffled dataset."""
    if seed is None and _state["seed"] is None:
        if again:
            return np.random.default_rng
        fixed = int(generator().integers(2**31))
        return lambda: np.random.default_rng(fixed)
    which = _state["shuffles"] if seed is None else 0  # each dataset without a seed has its own
    _state["shuffles"] += seed is None
    base, own = [_state["seed"] or 0, 0 if seed is None else int(seed)], [which] if which else []
    turns = itertools.count()
    return lambda: np.random.default_rng([*base, next(turns) if again else 0, *own])
