"""A step on Dask workers against a step in the process, and what that says about 1,000 workers.

Two workers on one machine share its cores, so nothing can be gained here. What is measured are the
parts of a step's time: computing, the scheduler's work for each task, moving bytes. A model adds
them up for more workers and is first compared with the steps that were measured.
"""

import os
import statistics

import numpy as np

import tapelab as tf
from tapelab.distributed import _FAN_IN, Trainer, shards_from_arrays, shards_from_idx

from . import mnist
from .harness import Workload, measure, table

BATCHES = 256, 2048
WORKERS = np.unique(np.round(np.logspace(0, 3, 61)).astype(int))
TERMS = {
    "computing": "#0072B2", "scheduling tasks": "#D55E00", "weights, sent by one worker": "#E69F00",
    "gradients, up the tree": "#009E73", "round trips and update": "#56B4E9",
}  # fmt: skip


def _build(images, shapes):
    def build():
        return mnist._keras_model(tf, images, shapes)

    return build


MODELS = {"MLP": _build((784,), mnist.MLP), "conv": _build((28, 28, 1), mnist.CONV)}


def _trainer(model, parts, client):
    folder = os.path.join(os.path.dirname(tf.keras.datasets.mnist.__file__), "data")
    files = (os.path.join(folder, f"train-{f}-ubyte.gz") for f in ("images-idx3", "labels-idx1"))
    shards = shards_from_idx(*files, parts, channels=model == "conv")
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    return Trainer(MODELS[model], loss, tf.keras.optimizers.Adam(), shards, client)


def _stepper(trainer, size):
    rng = np.random.default_rng(0)
    return lambda: trainer.step(rng.choice(len(trainer), size, replace=False))


def _adds(k):
    """Tasks that add up k parts, and how many of them one after the other."""
    tasks = levels = 0
    while k > 1:
        tasks, levels, k = tasks + k // _FAN_IN + (k % _FAN_IN > 1), levels + 1, -(-k // _FAN_IN)
    return tasks, levels


def _line(x, y):
    """Intercept and slope, both at least 0, least squares of the relative error."""
    slope, start = np.polyfit(x, y, 1, w=1 / np.asarray(y))
    return max(start, 0.0), max(slope, 0.0)


def _scheduling(client):
    """Seconds of a step with nothing to compute, and more for each task in it."""

    def build():
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False)])
        model(np.zeros((1, 1), np.float32))
        return model

    def loss(labels, predictions):
        return tf.squeeze(predictions, 1)

    x, tasks, seconds = np.ones((64, 1), np.float32), [], []
    for k in (1, 2, 4, 8, 16, 32, 64):
        trainer = Trainer(
            build, loss, tf.keras.optimizers.SGD(), shards_from_arrays(x, x, k), client
        )
        for _ in range(12):
            trainer.step(np.arange(64))
        tasks.append(1 + k + _adds(k)[0])
        seconds.append(statistics.median(s.seconds - s.compute for s in trainer.steps[2:]))
    return _line(tasks, seconds)


def _moving(client):
    """Seconds for a message from worker to worker, and more for each byte."""
    from distributed import get_task_stream, wait

    here, there = client.nthreads()
    sizes, seconds = [2**k for k in range(13, 25, 2)], []
    for n in sizes:
        spans = []
        for _ in range(7):
            data = client.submit(np.ones, n, np.uint8, workers=[here], pure=False)
            wait(data)
            with get_task_stream(client) as stream:
                wait(client.submit(len, data, workers=[there], pure=False))
            spans += [
                s["stop"] - s["start"]
                for task in stream.data
                for s in task["startstops"]
                if s["action"] == "transfer"
            ]
        seconds.append(statistics.median(spans))
    return _line(sizes, seconds)


def _computing(model):
    """Seconds of a gradient on one thread, and more for each example: what a worker does."""
    trainer, sizes, seconds = _trainer(model, 1, None), (32, 128, 512), []
    for n in sizes:
        step, times = _stepper(trainer, n), []
        for _ in range(5):
            step()
            times.append(trainer.steps[-1].compute)
        seconds.append(statistics.median(times[1:]))
    return _line(sizes, seconds)


def expected(workers, batch, size, computing, scheduling, moving, apply):
    """A step's seconds by term, for one shard a worker; pairs are (fixed, for each unit) seconds.

    computing: for an example. scheduling: for a task. moving: for a byte, of which the weights (and
    so the gradients) have `size`. They go out over one worker's line, one worker after the other.
    """
    tasks, levels = _adds(workers)
    message = moving[0] + size * moving[1]
    return {
        "computing": computing[0] + computing[1] * batch / workers,
        "scheduling tasks": scheduling[1] * (1 + workers + tasks),
        "weights, sent by one worker": message * (workers - 1),
        "gradients, up the tree": (moving[0] + (_FAN_IN - 1) * size * moving[1]) * levels,
        "round trips and update": scheduling[0] + 2 * size * moving[1] + apply,
    }


def _verdict(model, batch, here, curve):
    """What the model says, in words."""
    totals = [sum(t.values()) for t in curve]
    best = int(np.argmin(totals))
    heavy = max(curve[-1], key=curve[-1].get)
    faster = [w for w, t in zip(WORKERS, totals) if t < here]
    where = (
        f"faster than one machine from {faster[0]} workers to {faster[-1]}"
        if faster
        else "ONE MACHINE IS FASTER than any number of workers"
    )
    return (
        f"  {model}, batch {batch}: {where}. Shortest step {totals[best] * 1e3:.3g} ms, with "
        f"{WORKERS[best]} (one machine {here * 1e3:.3g} ms); with 1,000 it is "
        f"{totals[-1] * 1e3:.3g} ms, and {curve[-1][heavy] / totals[-1]:.0%} of that is {heavy}."
    )


def _picture(results, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(
        len(BATCHES), len(MODELS), figsize=(10, 7.5), sharex=True, layout="constrained"
    )
    for ax, ((model, batch), (measured, curve)) in zip(axes.T.flat, results.items()):
        for (term, colour), style in zip(TERMS.items(), ("--", "-.", ":", (0, (5, 1)), "--")):
            values = [1e3 * t[term] or np.nan for t in curve]
            ax.plot(WORKERS, values, label=term, color=colour, linestyle=style)
        ax.plot(WORKERS, [1e3 * sum(t.values()) for t in curve], "k", linewidth=2, label="a step")
        ax.plot(
            [1, 2], [1e3 * measured[n] for n in ("1 worker", "2 workers")], "ko", label="measured"
        )
        ax.axhline(1e3 * measured["tapelab"], color="#CC79A7", label="one machine, measured")
        ax.set(xscale="log", yscale="log", title=f"{model}, batch {batch}", ylabel="ms a step")
        ax.set(xlabel="workers (one shard each)", ylim=(0.05, None))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fig.savefig(path, dpi=120)
    plt.close(fig)


def scaling(path="build/distributed.png"):
    """Steps in the process, on 1 and on 2 workers; the model for up to 1,000; a picture."""
    try:
        import distributed
    except ImportError:
        return "scaling: not measured, for Dask is not installed (pip install 'tapelab[dask]')"
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": 40}
    lines, results = ["A step in the process (tapelab) and on workers of one thread each"], {}
    with (
        distributed.LocalCluster(n_workers=1, **options) as one,
        distributed.LocalCluster(n_workers=2, **options) as two,
        one.get_client() as client1,
        two.get_client() as client2,
    ):
        computing = {m: client1.submit(_computing, m).result() for m in MODELS}
        scheduling, moving = _scheduling(client2), _moving(client2)
        for model in MODELS:
            for batch in BATCHES:
                trainers = {
                    "tapelab": _trainer(model, 1, None), "1 worker": _trainer(model, 1, client1),
                    "2 workers": _trainer(model, 2, client2),
                }  # fmt: skip
                workload = Workload(
                    f"scaling-{model}", f"{model}, batch {batch}", "ms",
                    {n: _stepper(t, batch) for n, t in trainers.items()}, budget=6.0,
                )  # fmt: skip
                found = measure(workload)
                measured = {r.contender: r.median for r in found}
                size = sum(w.nbytes for w in trainers["tapelab"].model.get_weights())
                apply = statistics.median(s.apply for s in trainers["2 workers"].steps)
                curve = [
                    expected(int(w), batch, size, computing[model], scheduling, moving, apply)
                    for w in WORKERS
                ]
                results[model, batch] = measured, curve
                lines += [table(workload, found), f"  2 workers, {trainers['2 workers'].costs()}"]
                lines.append("  the model says " + ", ".join(
                    f"{1e3 * sum(curve[i].values()):.4g} ms for {WORKERS[i]} worker(s)" for i in (0, 1)
                ))  # fmt: skip
    lines += [
        "The model's figures, from this machine",
        f"  a step without computing: {1e3 * scheduling[0]:.3g} ms, and {1e3 * scheduling[1]:.3g} ms a task",
        f"  from worker to worker: {1e3 * moving[0]:.3g} ms, and {1e-6 / max(moving[1], 1e-15):.4g} MB/s",
        *(
            f"  {m}: a gradient takes {1e3 * a:.3g} ms and {1e6 * b:.3g} us an example on one thread"
            for m, (a, b) in computing.items()
        ),
        "What the model says (every worker a machine as fast as one thread of this)",
        *(_verdict(*k, measured["tapelab"], curve) for k, (measured, curve) in results.items()),
    ]
    try:
        _picture(results, path)
        lines.append(f"  picture: {path}")
    except ImportError:
        lines.append("  (no picture: matplotlib is not installed)")
    return "\n".join(lines)


WORKLOADS = []
REPORTS = [scaling]
