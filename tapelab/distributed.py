"""Training on more than one process or machine: gradients are computed where the data are.

The gradient of a sum is the sum of gradients. Each shard pulls back its part of a global batch, the
parts are added up in a tree on the workers, and the optimizer applies the mean once. Dask does the
scheduling, the moving and the recovering (extra `dask`); without a client the same calls run in
this process. Either way a step's result depends on the batch alone, not on who computed it.
"""

import os
import time
import uuid
from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from . import __version__
from .clip import clip_by_global_norm
from .tape import GradientTape
from .tensor import Tensor

Part = namedtuple("Part", ["gradients", "loss", "count"])
Step = namedtuple("Step", ["loss", "seconds", "compute", "transfer", "waiting", "apply"])


class ShardError(RuntimeError):
    """A worker cannot take part: its data, or its version of tapelab, are not what they must be."""


@dataclass(frozen=True)
class Shard:
    """Examples that stay where they are: a way to load them, on the worker, and their number.

    Attributes:
      key: names the data; a worker loads each key once. size: number of examples.
      load: function returning (inputs, labels). files: what must exist on a worker that loads it.
    """

    key: str
    size: int
    load: object
    files: tuple = ()


def shards_from_idx(images, labels, parts, scale=1 / 255, channels=True):
    """Cut a pair of IDX files (MNIST's format, plain or gzipped) into shards of nearly equal size.

    Workers read the files themselves, so the paths must exist there. Inputs become float32 times
    `scale`, of shape (n, rows, columns, 1), or (n, rows * columns) without `channels`.
    """
    from .keras.datasets.mnist import read_idx

    total = len(read_idx(labels))
    ends = np.linspace(0, total, parts + 1).astype(int)
    images, labels = os.fspath(images), os.fspath(labels)
    return [
        Shard(f"{images}[{a}:{b}]{scale}{channels}", int(b - a), _Idx(images, labels, int(a), int(b), scale, channels),
              (images, labels))
        for a, b in zip(ends, ends[1:])
    ]  # fmt: skip


@dataclass(frozen=True)
class _Idx:
    images: str
    labels: str
    start: int
    stop: int
    scale: float
    channels: bool

    def __call__(self):
        from .keras.datasets.mnist import read_idx

        x = read_idx(self.images)[self.start : self.stop].astype(np.float32) * np.float32(self.scale)
        shape = (len(x), -1) if not self.channels else (*x.shape, 1)
        return x.reshape(shape), read_idx(self.labels)[self.start : self.stop].astype(np.int64)


def shards_from_npz(paths, inputs="x", labels="y"):
    """One shard for each .npz file, with arrays named `inputs` and `labels`; never unpickled."""
    found = []
    for path in map(os.fspath, paths):
        with np.load(path, allow_pickle=False) as f:
            size = len(f[labels])
        found.append(Shard(path, size, _Npz(path, inputs, labels), (path,)))
    return found


@dataclass(frozen=True)
class _Npz:
    path: str
    inputs: str
    labels: str

    def __call__(self):
        with np.load(self.path, allow_pickle=False) as f:
            return f[self.inputs], f[self.labels]


def shards_from_arrays(x, y, parts):
    """Shards of arrays in memory. They travel with the tasks: for small data and for lessons."""
    ends = np.linspace(0, len(x), parts + 1).astype(int)
    name = uuid.uuid4().hex
    return [Shard(f"{name}-{i}", int(b - a), _Held(x[a:b], y[a:b])) for i, (a, b) in enumerate(zip(ends, ends[1:]))]


@dataclass(frozen=True)
class _Held:
    x: np.ndarray
    y: np.ndarray

    def __call__(self):
        return self.x, self.y


def shards_from_dask(x, y):
    """One shard for each block of rows of two Dask arrays chunked alike along the first axis."""
    if x.chunks[0] != y.chunks[0]:
        raise ValueError(f"x and y must have the same chunks of rows, got {x.chunks[0]} and {y.chunks[0]}.")
    x = x.rechunk({i: -1 for i in range(1, x.ndim)})
    name, out, start = f"{x.name}-{y.name}", [], 0
    for i, n in enumerate(x.chunks[0]):
        out.append(Shard(f"{name}-{i}", int(n), _Block(x[start : start + n], y[start : start + n])))
        start += n
    return out


@dataclass(frozen=True)
class _Block:
    x: object
    y: object

    def __call__(self):
        # Computed inside the worker's own thread: a task must not wait for other tasks of its cluster.
        return self.x.compute(scheduler="synchronous"), self.y.compute(scheduler="synchronous")


# ---------------------------------------------------------------- what runs on a worker

_kept = {}  # per process: loaded shards and built models


def _keep(key, make):
    if key not in _kept:
        _kept[key] = make()
    return _kept[key]


def _weights(arrays):
    """A task that holds the weights: if its worker dies, Dask runs it again."""
    return arrays


def _gradient(shard, rows, weights, key, build, loss, version):
    """The sum of gradients over some rows of a shard, at given weights."""
    if version != __version__:
        raise ShardError(f"this worker has tapelab {__version__}, the trainer {version}; install the same on both.")
    try:
        x, y = _keep(("data", shard.key), shard.load)
    except (OSError, KeyError) as e:
        raise ShardError(
            f"a worker cannot load shard {shard.key!r}: {e}. Put the file where this worker can read it, or start the "
            f"worker where the file is."
        ) from e
    if len(x) != shard.size or len(y) != shard.size:
        raise ShardError(f"shard {shard.key!r} has {len(x)} examples and {len(y)} labels, {shard.size} were announced.")
    model = _keep(("model", key), build)
    for v, a in zip(model.trainable_variables, weights):
        v.assign(a)
    with GradientTape() as tape:
        losses = loss(y[rows], model(x[rows], training=True))
        total = _total(losses, len(rows))
    gradients = tape.gradient(total, model.trainable_variables, unconnected_gradients="zero")
    return Part([_dense(g) for g in gradients], float(total), len(rows))


def _total(losses, count):
    """The sum over examples; a mean is refused, for the mean of means is not the mean."""
    from .math import reduce_sum

    if losses.shape.rank != 1 or losses.shape[0] != count:
        raise ValueError(
            f"the loss must give one number for each of the {count} examples, got shape {losses.shape}. A Keras loss is "
            f"made with reduction=None."
        )
    return reduce_sum(losses)


def _dense(g):
    from .tensor import as_tensor

    return np.asarray(as_tensor(g)._a)


def _add(a, b):
    """Two parts as one."""
    return Part([x + y for x, y in zip(a.gradients, b.gradients)], a.loss + b.loss, a.count + b.count)


def _look(files):
    """What a worker has: its version, and which files."""
    return __version__, [f for f in files if os.path.exists(f)]


# ---------------------------------------------------------------- who runs it


class _InProcess:
    """The executor without a client: a submitted call runs at once."""

    workers = 1

    def submit(self, f, *args, where=None):
        return f(*args)

    def result(self, value):
        return value

    def measured(self, run):
        start = time.perf_counter()
        value = run()
        return value, time.perf_counter() - start, 0.0


class _OnDask:
    """The executor with a Dask client."""

    def __init__(self, client):
        self.client = client

    @property
    def workers(self):
        return sum(w["nthreads"] for w in self.client.scheduler_info(n_workers=-1)["workers"].values())

    def submit(self, f, *args, where=None):
        # Not pure: equal arguments in different steps are different tasks. Workers may die thrice.
        return self.client.submit(f, *args, workers=where, pure=False, retries=3)

    def result(self, future):
        return future.result()

    def measured(self, run):
        with self.client.get_task_stream() as stream:
            value = run()
        spent = {"compute": 0.0, "transfer": 0.0}
        for task in stream.data:
            for span in task["startstops"]:
                if span["action"] in spent:
                    spent[span["action"]] += span["stop"] - span["start"]
        return value, spent["compute"], spent["transfer"]


class Trainer:
    """Trains one model on shards, in this process or on a Dask cluster.

    Args:
      build: function without arguments that returns the model, built; it runs once on each worker.
      loss: function (labels, predictions) -> losses, one for each example (a Keras loss with
        reduction=None).
      optimizer: Keras optimizer; it lives here. shards: list of `Shard`.
      client: Dask client, or None for this process. global_clipnorm: clip the mean gradient to
        this norm, over all variables and all shards together.
    Raises:
      ShardError: a worker has another version of tapelab, or nobody has a shard's files.

    >>> import numpy as np, tapelab as tf
    >>> from tapelab.distributed import Trainer, shards_from_arrays
    >>> def build():
    ...     model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    ...     model(np.zeros((1, 2), np.float32))
    ...     return model
    >>> x = np.eye(2, dtype=np.float32).repeat(4, axis=0)
    >>> trainer = Trainer(build, tf.keras.losses.MeanSquaredError(reduction=None),
    ...                   tf.keras.optimizers.SGD(0.1), shards_from_arrays(x, x[:, :1], 3))
    >>> losses = trainer.fit(epochs=20, batch_size=8, progress=False)
    >>> losses[-1] < losses[0]
    True
    """

    def __init__(self, build, loss, optimizer, shards, client=None, global_clipnorm=None):
        if not shards:
            raise ValueError("There must be at least one shard.")
        self.build, self.loss, self.optimizer, self.shards = build, loss, optimizer, list(shards)
        self.global_clipnorm = global_clipnorm
        self.model = build()
        self.steps = []
        self._key = uuid.uuid4().hex
        self._executor = _InProcess() if client is None else _OnDask(client)
        self._where = self._find(client)
        self._ends = np.cumsum([0] + [s.size for s in self.shards])

    def __len__(self):
        """Number of examples in all shards."""
        return int(self._ends[-1])

    def _find(self, client):
        """Which workers may take which shard: names of workers, or None for all."""
        files = sorted({f for s in self.shards for f in s.files})
        if client is None:
            return [None] * len(self.shards)
        try:
            seen = client.run(_look, files)
        except ImportError as e:
            raise ShardError(f"a worker cannot import tapelab: {e}. Install tapelab {__version__} there.") from e
        for worker, (version, _) in seen.items():
            if version != __version__:
                raise ShardError(
                    f"worker {worker} has tapelab {version}, this is {__version__}; install the same on both."
                )
        names = {w: info["name"] for w, info in client.scheduler_info(n_workers=-1)["workers"].items()}
        where = []
        for s in self.shards:
            have = [names[w] for w, (_, there) in seen.items() if set(s.files) <= set(there)]
            if not have:
                raise ShardError(
                    f"no worker can read shard {s.key!r} (files {', '.join(s.files)}). Copy them to a worker, or start "
                    f"a worker where they are."
                )
            where.append(None if len(have) == len(seen) else have)
        return where

    def gradient(self, rows):
        """The mean gradient of the loss over a global batch, and the mean loss.

        Args:
          rows: indices into all shards' examples, counted through in the shards' order.
        Returns:
          (list of arrays, one per trainable variable; loss as a float).
        Raises:
          IndexError: a row that does not exist. ShardError: see the class.
        """
        part = self._executor.result(self._submit(rows))
        return [g / np.asarray(part.count, g.dtype) for g in part.gradients], part.loss / part.count

    def _submit(self, rows):
        """The whole of a step's work as a tree of tasks; its root holds the sum."""
        rows = np.asarray(rows)
        if not len(rows) or rows.min() < 0 or rows.max() >= len(self):
            raise IndexError(f"rows must be a batch of indices in [0, {len(self)}).")
        run = self._executor.submit
        weights = run(_weights, [np.asarray(v.numpy()) for v in self.model.trainable_variables])
        parts = []
        for i, shard in enumerate(self.shards):
            mine = rows[(rows >= self._ends[i]) & (rows < self._ends[i + 1])] - self._ends[i]
            if len(mine):
                args = (shard, mine, weights, self._key, self.build, self.loss, __version__)
                parts.append(run(_gradient, *args, where=self._where[i]))
        while len(parts) > 1:  # always in this order: rounding does not depend on who is first
            pairs = zip(parts[::2], parts[1::2])
            parts = [run(_add, a, b) for a, b in pairs] + ([parts[-1]] if len(parts) % 2 else [])
        return parts[0]

    def step(self, rows):
        """One update from a global batch; returns its mean loss (before the update)."""
        start = time.perf_counter()
        (gradients, loss), compute, transfer = self._executor.measured(lambda: self.gradient(rows))
        if self.global_clipnorm is not None:
            gradients = [t.numpy() for t in clip_by_global_norm([Tensor(g) for g in gradients], self.global_clipnorm)[0]]
        computed = time.perf_counter()
        self.optimizer.apply_gradients(
            [(Tensor(g), v) for g, v in zip(gradients, self.model.trainable_variables)]
        )
        end = time.perf_counter()
        waiting = max(0.0, (computed - start) * self._executor.workers - compute - transfer)
        self.steps.append(Step(loss, end - start, compute, transfer, waiting, end - computed))
        return loss

    def fit(self, epochs=1, batch_size=256, seed=0, progress=True):
        """Train; every epoch visits every example once, in an order that the seed fixes.

        Returns the mean loss of each step. The batches are the same whatever the shards and workers.
        """
        batches = []
        for epoch in range(epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(self))
            batches += [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        if progress:
            import sys

            from tqdm import tqdm

            batches = tqdm(batches, unit="step", file=sys.stdout)
        losses = []
        for rows in batches:
            losses.append(self.step(rows))
            if progress:
                batches.set_postfix(loss=f"{losses[-1]:.4f}")
        return losses

    def costs(self):
        """Where a step's time went, on average: a table that prints."""
        return Costs(self.steps, self._executor.workers)


class Costs:
    """Mean seconds per step: computing, moving data, waiting (all workers together), applying."""

    def __init__(self, steps, workers):
        self.steps, self.workers = list(steps), workers

    def rows(self):
        """(what, milliseconds per step) pairs."""
        if not self.steps:
            return []
        mean = {f: 1e3 * float(np.mean([getattr(s, f) for s in self.steps])) for f in Step._fields[1:]}
        return [
            ("a step, on the clock", mean["seconds"]), ("computing gradients (all workers)", mean["compute"]),
            ("moving data between workers", mean["transfer"]), ("workers waiting", mean["waiting"]),
            ("applying the update, here", mean["apply"]),
        ]  # fmt: skip

    def __str__(self):
        lines = [f"{len(self.steps)} steps on {self.workers} worker threads, milliseconds per step"]
        return "\n".join(lines + [f"  {what:<36}{ms:10.2f}" for what, ms in self.rows()])

    __repr__ = __str__

    def _repr_html_(self):
        body = "".join(f"<tr><td style='text-align:left'>{w}</td><td>{ms:.2f}</td></tr>" for w, ms in self.rows())
        return f"<table><caption>{str(self).splitlines()[0]}</caption>{body}</table>"


__all__ = [
    "Costs", "Part", "Shard", "ShardError", "Trainer", "shards_from_arrays", "shards_from_dask", "shards_from_idx",
    "shards_from_npz",
]  # fmt: skip
