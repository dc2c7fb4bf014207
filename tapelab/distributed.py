"""Training on more than one process or machine: gradients are computed where the data are.

The gradient of a sum is the sum of gradients. Each shard of the data has an owner, the worker that
holds it and pulls back its part of a global batch; the parts are added up in a tree on the workers,
and the optimizer applies the mean once, here. Dask does the scheduling and the moving (extra
`dask`); without a client the same calls run in this process. A step's result depends on its batch
alone, not on who computed it.
"""

import sys
import threading
import time
import uuid
from collections import Counter, defaultdict, namedtuple

import numpy as np

from . import __version__
from ._shards import (
    Shard,
    ShardError,
    load_shard,
    shards_from_arrays,
    shards_from_dask,
    shards_from_idx,
    shards_from_npz,
)  # fmt: skip
from .math import add_n, reduce_sum
from .tape import GradientTape
from .tensor import Tensor, as_tensor, function_of, integer

Part = namedtuple("Part", ["gradients", "loss", "count"])
Step = namedtuple("Step", ["loss", "seconds", "compute", "transfer", "waiting", "apply"])
Job = namedtuple("Job", ["key", "build", "loss", "version"])
_PATIENCE = 60  # seconds for workers that are being started again, before it is an error
_FAN_IN = 4  # parts added in one task: transfers as for 2, with a third of the tasks


# ---------------------------------------------------------------- what runs on a worker


def _hold(task):
    """Job and weights, held by a task: if its worker dies, Dask runs it again, here or there."""
    return task


_built = threading.local()  # one model a thread: on a shared one, others would assign under a tape


def _gradient(task, data, rows):
    """The sum of gradients over some rows of a shard."""
    job, weights = task
    if job.version != __version__:
        raise ShardError(f"a worker has tapelab {__version__}, the trainer {job.version}.")
    if getattr(_built, "key", None) != job.key:
        _built.model, _built.key = job.build(), job.key
    model, (x, y) = _built.model, data
    for v, a in zip(model.weights, weights, strict=True):
        v.assign(a)
    state = [(v, v._t) for v in model.non_trainable_variables]
    with GradientTape() as tape:
        losses = job.loss(y[rows], model(x[rows], training=True))
        if losses.shape.rank != 1 or losses.shape[0] != len(rows):
            raise ValueError(
                f"the loss must give one number for each of {len(rows)} examples, got the shape "
                f"{losses.shape}. A mean will not do, for the mean of means is not the mean: make "
                f"a Keras loss with reduction=None."
            )
        total = reduce_sum(losses)
        if model.losses:  # regularizers', which a mean loss gets once
            total += len(rows) * add_n(model.losses)
    for v, before in state:
        if v._t is not before:
            raise ValueError(
                f"the model changes {v.name} in training, and a shard's statistics are not the "
                f"whole batch's. Use LayerNormalization in place of BatchNormalization."
            )
    gradients = tape.gradient(total, model.trainable_variables, unconnected_gradients="zero")
    return Part([np.asarray(as_tensor(g)._a) for g in gradients], float(total), len(rows))


def _add(*parts):
    """Parts as one."""
    gradients = [sum(gs[1:], gs[0]) for gs in zip(*(p.gradients for p in parts))]
    return Part(gradients, sum(p.loss for p in parts), sum(p.count for p in parts))


# ---------------------------------------------------------------- who runs it


class _InProcess:
    """The executor without a client: what is submitted runs at once."""

    lanes = 1

    def __init__(self, shards):
        arrays = [[a.compute() if hasattr(a, "dask") else a for a in s.arrays] for s in shards]
        self.data = [load_shard(s.key, s.size, s.load, *a) for s, a in zip(shards, arrays)]

    def submit(self, f, *args, owner=None):
        return f(*args)

    def result(self, start):
        return start()

    def measured(self, run):
        start = time.perf_counter()
        value = run()
        return value, time.perf_counter() - start, 0.0


class _OnDask:
    """The executor with a Dask client.

    A shard's tasks are bound to its owner's address, so that data stay where they are. Dask cannot
    run a bound task whose address is gone, and a worker that is started again has a new one. So
    `result` watches: a step that lost an owner is dropped as a whole, the owner's shards get other
    owners, and the step is asked for again.
    """

    def __init__(self, client, shards):
        self.client, self.shards, self.keys = client, shards, set()
        self.owners, self.data = [None] * len(shards), [None] * len(shards)
        self.place(patience=0)

    @property
    def lanes(self):
        """Number of tasks that can run at a time."""
        return sum(self.client.nthreads().values())

    def submit(self, f, *args, owner=None):
        import dask

        where = None if owner is None else [self.owners[owner]]
        # Dask warns of more than 10 MB in a call; weights are new in each step and must travel.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
            future = self.client.submit(f, *args, workers=where, pure=False)
        self.keys.add(future.key)
        return future

    def able(self):
        """For each shard, the workers that can load it."""

        def look(files):  # made here to travel by value: a worker without tapelab can run it
            import os

            try:
                # Now, as a whole: Python gives up when a task and a message begin with parts of it at once.
                import tapelab.keras
            except ImportError as e:
                return f"no usable tapelab ({e})", ()
            return f"tapelab {tapelab.__version__}", {f for f in files if os.path.exists(f)}

        files = sorted({f for s in self.shards for f in s.files})
        seen = self.client.run(look, files, on_error="return")
        has = {w: v for w, v in seen.items() if isinstance(v, tuple)}  # the others are dying
        self.workers = set(has)
        for worker, (version, _) in has.items():
            if version != f"tapelab {__version__}":
                raise ShardError(
                    f"worker {worker} has {version}, the trainer tapelab {__version__}. Install "
                    f"the same on both."
                )
        return [[w for w in has if has[w][1].issuperset(s.files)] for s in self.shards]

    def place(self, patience=_PATIENCE):
        """Gives each shard an owner, evenly; who owns a shard keeps it if it can."""
        deadline = time.monotonic() + patience
        while not all(able := self.able()):
            if time.monotonic() > deadline:
                s = self.shards[able.index([])]
                raise ShardError(
                    f"none of {len(self.workers)} workers can read shard {s.key!r}"
                    f"{' from ' * bool(s.files)}{', '.join(s.files)}. Put the files where a worker "
                    f"can read them, or start a worker where they are."
                )
            time.sleep(0.5)
        share, load, homeless = -(-len(self.shards) // len(self.workers)), Counter(), []
        for i, owner in enumerate(self.owners):
            if owner in able[i] and load[owner] < share:
                load[owner] += 1
            else:
                homeless.append(i)
        for i in homeless:
            best, s = min(able[i], key=lambda w: load[w]), self.shards[i]
            load[best] += 1
            if best == self.owners[i]:  # the only one that has the files
                continue
            self.owners[i] = best
            arrays = [self.client.compute(a) if hasattr(a, "dask") else a for a in s.arrays]
            self.data[i] = self.submit(load_shard, s.key, s.size, s.load, *arrays, owner=i)

    def result(self, start):
        """The result of the task that start() submits, whatever happens to workers meanwhile."""
        from distributed import wait

        self.keys.clear()
        for _ in range(4):
            if set(self.client.nthreads()) != self.workers:
                self.place()
            future = start()
            while set(self.owners).issubset(self.client.nthreads()):
                try:
                    wait(future, timeout=0.2)
                except TimeoutError:  # not yet; also if it is there, or has failed, just now
                    continue
                try:
                    return future.result(timeout=30)  # it can be lost while it is on its way
                except TimeoutError:
                    if future.status == "error":  # the model's own
                        raise
                except ImportError as e:
                    raise ShardError(f"a worker cannot import what its task needs: {e}.") from e
        raise ShardError("workers died in four attempts at one step. Do they run out of memory?")

    def measured(self, run):
        """run()'s result; seconds of computing, and of only moving data, as means over lanes."""
        from distributed import get_task_stream

        with get_task_stream(self.client) as stream:
            value = run()
        spans = defaultdict(lambda: {"compute": [], "transfer": []})
        for task in stream.data:
            for s in task["startstops"]:
                if task["key"] in self.keys and s["action"] in ("compute", "transfer"):
                    spans[task["worker"]][s["action"]].append((s["start"], s["stop"]))
        compute = transfer = 0.0
        threads = self.client.nthreads()
        for worker, n in threads.items():
            computing, moving = spans[worker]["compute"], spans[worker]["transfer"]
            compute += sum(b - a for a, b in computing)
            transfer += n * (_covered(computing + moving) - _covered(computing))
        lanes = sum(threads.values())
        return value, compute / lanes, transfer / lanes


def _covered(spans):
    """The length of the union of intervals."""
    total, end = 0.0, float("-inf")
    for a, b in sorted(spans):
        total += max(0.0, b - max(a, end))
        end = max(end, b)
    return total


class Trainer:
    """Trains one model on shards, in this process or on a Dask cluster.

    Args:
      build: function without arguments that returns the model, built; it runs here and on workers.
      loss: function (labels, predictions) -> losses, one for each example (a Keras loss with
        reduction=None).
      optimizer: Keras optimizer. It lives here and gets the mean gradient of a whole batch, so its
        `global_clipnorm` bounds the global norm.
      shards: list of `Shard`. client: Dask client, or None for this process.

    Attributes:
      model: the model being trained. steps: a `Step` for each update made.

    Raises:
      ShardError: a worker lacks tapelab or has another version, or no worker has a shard's files;
        at once, or in the step in which it turns out. ValueError: there are no shards.

    Layers that draw random numbers (Dropout) draw where they run, so runs with them differ.

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

    def __init__(self, build, loss, optimizer, shards, client=None):
        function_of(build, "build"), function_of(loss, "loss")
        if not isinstance(shards, (list, tuple)) or not all(isinstance(s, Shard) for s in shards):
            raise TypeError(f"`shards` must be a list of Shard (shards_from_arrays, ...): {shards!r}.")
        if not shards:
            raise ValueError("There must be at least one shard.")
        self.shards, self.optimizer, self.model, self.steps = list(shards), optimizer, build(), []
        self._ends = np.cumsum([0] + [s.size for s in self.shards])
        self._on = _InProcess(self.shards) if client is None else _OnDask(client, self.shards)
        self._job = Job(uuid.uuid4().hex, build, loss, __version__)

    def __len__(self):
        """Number of examples in all shards."""
        return int(self._ends[-1])

    def gradient(self, rows):
        """The mean gradient of the loss over a global batch, and the mean loss.

        Args:
          rows: indices of examples, counted through all shards in their order.
        Returns:
          (list of arrays, one for each trainable variable; loss as a float).
        Raises:
          IndexError: a row that does not exist, or no row. ShardError: see the class.
        """
        rows = np.asarray(rows)
        if (
            rows.ndim != 1 or not rows.size or rows.dtype.kind not in "iu"
            or rows.min() < 0 or rows.max() >= len(self)
        ):  # fmt: skip
            raise IndexError(f"rows must be a list of one or more indices in [0, {len(self)}).")
        part = self._on.result(lambda: self._tree(self._pull(rows)))
        return [g / np.asarray(part.count, g.dtype) for g in part.gradients], part.loss / part.count

    def _pull(self, rows):
        """One task for each shard that has rows of the batch."""
        submit = self._on.submit
        task = submit(_hold, (self._job, [np.asarray(v.numpy()) for v in self.model.weights]))
        tasks = []
        for i, (start, end) in enumerate(zip(self._ends, self._ends[1:])):
            mine = rows[(rows >= start) & (rows < end)] - start
            if len(mine):
                tasks.append(submit(_gradient, task, self._on.data[i], mine, owner=i))
        return tasks

    def _tree(self, parts):
        """Parts added up, always in this order: rounding does not depend on who is first."""
        while len(parts) > 1:
            groups = [parts[i : i + _FAN_IN] for i in range(0, len(parts), _FAN_IN)]
            parts = [self._on.submit(_add, *g) if len(g) > 1 else g[0] for g in groups]
        return parts[0]

    def step(self, rows):
        """One update from a global batch; returns its mean loss (before the update)."""
        start = time.perf_counter()
        (gradients, loss), compute, transfer = self._on.measured(lambda: self.gradient(rows))
        reduced = time.perf_counter()
        pairs = zip(map(Tensor, gradients), self.model.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs)
        end = time.perf_counter()
        waiting = max(0.0, reduced - start - compute - transfer)
        self.steps.append(Step(loss, end - start, compute, transfer, waiting, end - reduced))
        return loss

    def fit(self, epochs=1, batch_size=256, seed=0, progress=True):
        """Trains; every epoch visits every example once, in an order that the seed fixes.

        The batches are the same whatever the shards and the workers. `progress` shows a bar (tqdm).
        Returns the mean loss of each step.
        """
        epochs, batch_size = (
            integer(n, what, "fit") for n, what in ((epochs, "epochs"), (batch_size, "batch_size"))
        )
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive, got {batch_size}.")
        orders = (np.random.default_rng([seed, e]).permutation(len(self)) for e in range(epochs))
        batches = [o[i : i + batch_size] for o in orders for i in range(0, len(o), batch_size)]
        bar = _bar(batches) if progress else batches
        losses = []
        for rows in bar:
            losses.append(self.step(rows))
            if progress:
                bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)
        return losses

    def costs(self):
        """Where the time of a step went, on average: a table."""
        return Costs(self.steps, self._on.lanes)


def _bar(batches):
    """A progress bar: a widget in a notebook, elsewhere on stdout; stderr is for trouble."""
    if "ipykernel" in sys.modules:
        from tqdm.notebook import tqdm

        return tqdm(batches, unit="step")
    from tqdm import tqdm

    return tqdm(batches, unit="step", file=sys.stdout)


class Costs:
    """Mean milliseconds of a step, and what they went into; prints as a table.

    A lane is a worker's thread. Computing and moving data (while nothing is computed) are means
    over the lanes. Waiting is the rest until the gradient is here: for the scheduler, for weights
    that are sent out, for the slowest.

    Attributes:
      rows: (what, milliseconds) pairs; all but the first add up to the first.
    """

    def __init__(self, steps, lanes):
        self.title = f"mean of {len(steps)} steps on {lanes} lane(s), in ms"
        what = {
            "seconds": "a step", "compute": "computing gradients", "transfer": "moving data",
            "waiting": "waiting", "apply": "applying the update",
        }  # fmt: skip
        self.rows = [
            (what[f], 1e3 * sum(getattr(s, f) for s in steps) / max(1, len(steps))) for f in what
        ]

    def __repr__(self):
        return "\n".join([self.title, *(f"  {what:<22}{ms:10.2f}" for what, ms in self.rows)])


__all__ = [
    "Costs", "Part", "Shard", "ShardError", "Step", "Trainer", "shards_from_arrays",
    "shards_from_dask", "shards_from_idx", "shards_from_npz",
]  # fmt: skip
