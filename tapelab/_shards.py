"""Data in shards: where the examples come from, and how the worker that holds some loads them."""

import os
from dataclasses import dataclass
from functools import partial

import numpy as np

from .tensor import integer, ints


class ShardError(RuntimeError):
    """A worker cannot take part: its data, or its tapelab, are not what they must be."""


@dataclass(frozen=True)
class Shard:
    """Examples that stay where they are: how many, and how the worker that holds them gets them.

    Attributes:
      key: names the shard in messages. size: number of examples.
      load: function that returns (inputs, labels), called with `arrays`, on a worker.
      files: what must exist on a worker that loads it. arrays: NumPy or Dask arrays.
    """

    key: str
    size: int
    load: object
    files: tuple = ()
    arrays: tuple = ()


def shards_from_idx(images, labels, parts, scale=1 / 255, channels=True):
    """Cuts a pair of IDX files (MNIST's format, plain or gzipped) into shards of nearly equal size.

    Workers read the files themselves, so the paths must exist where they run. Inputs become float32
    times `scale`, of shape (n, rows, columns, 1), or (n, rows * columns) without `channels`.
    """
    from .keras.datasets.mnist import read_idx

    files = os.path.abspath(images), os.path.abspath(labels)
    ends = _ends(len(read_idx(labels)), parts)
    return [
        Shard(f"{files[0]}[{a}:{b}]", b - a, partial(_idx, *files, a, b, scale, channels), files)
        for a, b in zip(ends, ends[1:])
    ]


def _idx(images, labels, start, stop, scale, channels):
    from .keras.datasets.mnist import read_idx

    x, y = (read_idx(file)[start:stop] for file in (images, labels))
    x = x.astype(np.float32) * np.float32(scale)
    return x.reshape((*x.shape, 1) if channels else (len(x), -1)), y.astype(np.int64)


def shards_from_npz(paths, inputs="x", labels="y"):
    """One shard for each .npz file with arrays named `inputs` and `labels`; without unpickling."""
    read = [partial(_npz, os.path.abspath(path), inputs, labels) for path in paths]
    return [Shard(r.args[0], len(r()[1]), r, r.args[:1]) for r in read]


def _npz(path, inputs, labels):
    with np.load(path, allow_pickle=False) as f:
        return f[inputs], f[labels]


def shards_from_arrays(x, y, parts):
    """Cuts arrays in memory into shards; `parts` is their number, or the list of their sizes.

    They travel to the workers once: for small data.
    """
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim:
        raise ValueError(f"x and y must be arrays with one row per example, got {x!r} and {y!r}.")
    if isinstance(parts, (list, tuple)):
        ends = np.cumsum([0, *ints(parts, "parts")]).tolist()
    else:
        ends = _ends(len(x), parts)
    if min(np.diff(ends), default=-1) < 0 or ends[-1] != len(x) or len(y) != len(x):
        raise ValueError(f"{len(x)} inputs and {len(y)} labels do not make shards of {parts}.")
    cuts = [slice(a, b) for a, b in zip(ends, ends[1:])]
    return [Shard(f"{c}", c.stop - c.start, _tuple, (), (x[c], y[c])) for c in cuts]


def shards_from_dask(x, y):
    """One shard for each block of rows of two Dask arrays that are cut alike along the first axis.

    Raises ValueError if they are cut differently, or if the sizes of the blocks are not known.
    """
    for name, a in (("x", x), ("y", y)):
        if not getattr(a, "chunks", None):
            raise TypeError(f"`{name}` must be a Dask array with axes (dask.array), got {a!r}.")
    if x.chunks[0] != y.chunks[0] or np.isnan(x.chunks[0]).any():
        raise ValueError(
            f"x and y must be cut into the same blocks of rows, of known sizes "
            f"(`compute_chunk_sizes`); got {x.chunks[0]} and {y.chunks[0]}."
        )
    x, y = (a.rechunk({i: -1 for i in range(1, a.ndim)}) for a in (x, y))
    return [
        Shard(f"block {i} of {x.name}", int(n), _tuple, (), (x.blocks[i], y.blocks[i]))
        for i, n in enumerate(x.chunks[0])
    ]


def _ends(total, parts):
    parts = integer(parts, "parts", "shards")
    if not 1 <= parts <= total:
        raise ValueError(f"{total} examples cannot be cut into {parts} shards.")
    return np.linspace(0, total, parts + 1).astype(int).tolist()


def _tuple(*items):
    return items


def load_shard(key, size, load, *arrays):
    """A shard's inputs and labels."""
    try:
        x, y = load(*arrays)
    except (OSError, KeyError, ValueError) as e:
        raise ShardError(f"shard {key!r} cannot be loaded: {type(e).__name__}: {e}") from e
    if len(x) != size or len(y) != size:
        raise ShardError(f"shard {key!r} has {len(x)} inputs and {len(y)} labels, not {size}.")
    return x, y
