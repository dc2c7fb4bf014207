"""Fair timing: everybody's results are compared first, then everybody runs in turn, round by round.

A machine's speed drifts; two sides that take turns drift together. So absolute times are printed
for orientation, and ratios within one run are what counts. A turn is a stretch of calls as in a
training: first some that are not timed, for they find the caches full of another's program, and its
threads perhaps still spinning. Who runs after whom is drawn anew in each round. Libraries run in
processes of their own (`processes`).
"""

import math
import random
import statistics
import time
from dataclasses import asdict, dataclass, field

import numpy as np


@dataclass
class Workload:
    """One row of the table.

    Attributes:
      name: key on the command line. title: what is done. unit: what the times are in.
      contenders: name -> function that does it once and returns its result. 'tapelab' is the subject.
      scale: the times are divided by this many repetitions inside one call.
      targets: name of a contender -> the largest ratio tapelab / contender wanted.
      tolerance: how far results may differ from the reference's, relative; None: not compared.
      budget: seconds for the whole workload.
    """

    name: str
    title: str
    unit: str
    contenders: dict
    scale: float = 1.0
    targets: dict = field(default_factory=dict)
    tolerance: float | None = 1e-3
    budget: float = 10.0
    note: str = ""


@dataclass
class Result:
    """Median and quartiles of one contender, in seconds per repetition; ratio of tapelab to it."""

    workload: str
    contender: str
    median: float
    low: float
    high: float
    rounds: int
    ratio: float = float("nan")
    target: float | None = None
    title: str = ""
    unit: str = "s"


def agree(workload, results):
    """Every contender's result is the first one's, or ValueError."""
    if workload.tolerance is None:
        return
    items = list(results.items())
    reference = np.asarray(items[0][1], np.float64)
    for name, value in items[1:]:
        value = np.asarray(value, np.float64)
        scale = np.abs(reference).max() + 1e-12
        if value.shape != reference.shape or not np.all(
            np.abs(value - reference) <= workload.tolerance * scale
        ):
            off = (
                np.abs(value - reference).max() / scale
                if value.shape == reference.shape
                else value.shape
            )
            raise ValueError(
                f"{workload.name}: {name} computes something else than {items[0][0]} (off by {off})"
            )


WARM, TIMED = 0.01, 0.02  # seconds of a turn, before and while the clock runs; at least one call


def turn(f, warm=0, calls=1):
    """Seconds of a call, the mean of some, after `warm` others."""
    if hasattr(f, "turn"):  # it runs in another process, which has the clock
        return f.turn(warm, calls)
    for _ in range(warm):
        f()
    start = time.perf_counter()
    for _ in range(calls):
        f()
    return (time.perf_counter() - start) / calls


def measure(workload, rounds=None):
    """Results of all contenders, from interleaved rounds."""
    first = {name: f() for name, f in workload.contenders.items()}  # also warms up
    agree(workload, {n: r for n, r in first.items() if r is not None})
    # The best of three, for a single call may meet a hiccup.
    cost = {name: min(turn(f) for _ in range(3)) for name, f in workload.contenders.items()}
    many = {name: (int(WARM / c), math.ceil(TIMED / c)) for name, c in cost.items()}
    # Slow peers run in fewer rounds: they get at most the budget's share, but three turns at least.
    share = workload.budget / len(cost)
    turns = {n: max(3, min(200, int(share / (sum(many[n]) * c)))) for n, c in cost.items()}
    if rounds:
        turns = {n: min(rounds, t) for n, t in turns.items()}
    times = {n: [] for n in turns}
    most = max(turns.values())
    order, drawn = [*workload.contenders.items()], random.Random(0)
    for i in range(most):
        drawn.shuffle(order)
        for name, f in order:
            # spread the fewer turns of slow peers over the whole run
            if i * turns[name] // most == (i - 1) * turns[name] // most and i:
                continue
            times[name].append(turn(f, *many[name]) / workload.scale)
    own = statistics.median(times["tapelab"])
    out = []
    for name, values in times.items():
        low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        middle = statistics.median(values)
        out.append(
            Result(
                workload.name,
                name,
                middle,
                low,
                high,
                len(values),
                own / middle,
                workload.targets.get(name),
                workload.title,
                workload.unit,
            )
        )
    return out


_SCALES = {"ms": 1e3, "us": 1e6, "s": 1.0, "bytes": 1.0, "x": 1.0}


def table(workload, results):
    """The results of a workload as text."""
    factor = _SCALES[workload.unit]
    lines = [f"{workload.title}  [{workload.unit}]"]
    for r in results:
        verdict = ""
        if r.target is not None:
            verdict = f"  wanted <= {r.target:.3g} x: " + (
                "reached" if r.ratio <= r.target else "NOT reached"
            )
        ratio = "" if r.contender == "tapelab" else f"tapelab / this = {r.ratio:7.3g}"
        lines.append(
            f"  {r.contender:<22}{r.median * factor:>11.4g}   ({r.low * factor:.4g} - {r.high * factor:.4g}, "
            f"{r.rounds} rounds)  {ratio}{verdict}"
        )
    if workload.note:
        lines.append(f"  {workload.note}")
    return "\n".join(lines)


def as_json(machine, results, reports):
    """Everything as plain data."""
    return {"machine": machine, "results": [asdict(r) for r in results], "reports": reports}


# The README's table: its columns, and the contenders whose first one measured fills them.
COLUMNS = {
    "NumPy by hand": ("numpy by hand",),
    "PyTorch": ("torch eager", "torch.func", "torch jacfwd"),
    "TensorFlow, eager": ("tensorflow eager", "keras eager"),
    "TensorFlow, function": ("tensorflow function", "keras function"),
    "JAX, jit": ("jax jit", "jax jacfwd jit"),
}


def markdown(saved):
    """The table of the README, from what `as_json` gave: times of tapelab, and ratios to it."""
    about, works = saved["machine"], {}
    for r in saved["results"]:
        works.setdefault(r["workload"], {})[r["contender"]] = r
    versions = {"Python": about["python"], "NumPy": about["numpy"]} | about["peers"]
    lines = [
        f"Measured on {about['date']}: {about['cpu']}, {about['cores']} cores, "
        + ", ".join(f"{n} {v}" for n, v in versions.items())
        + ".",
        "",
        f"| work | tapelab | {' | '.join(COLUMNS)} |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for found in works.values():
        own = found["tapelab"]
        cells = []
        for contenders in COLUMNS.values():
            there = [found[c] for c in contenders if c in found]
            ratio = there[0]["median"] / own["median"] if there else None
            cells.append("" if ratio is None else f"{ratio:.0f} x" if ratio > 99 else f"{ratio:.2g} x")
        if any(cells):
            title, factor = own["title"], _SCALES[own["unit"]]
            lines.append(
                f"| {title} | {own['median'] * factor:.3g} {own['unit']} | {' | '.join(cells)} |"
            )
    return "\n".join(lines)
