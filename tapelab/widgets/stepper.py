"""Step a tape forward and backward, record by record, with values and cotangents."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from tapelab.records import last
from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLACK, BLUE, RED, subplots

_MOST = 16  # rows that fit under each other
_COLUMNS = (0.3, 4.4, 6.7)


def tape_stepper(function: Callable, **inputs) -> Explorer:
    """What a tape records while a function runs, and how it walks back.

    The slider starts before the first operation. Each step forward adds a record with its value;
    then each step backward takes the last record not yet visited, and hands the cotangent of its
    output on to its inputs, where contributions add up.

    Args:
      function: called with the inputs as tensors by name; returns the target. At most 16
        operations can be shown.
      **inputs: numbers or arrays; each becomes a watched tensor of that name.

    Returns:
      An `Explorer` with the control `step`; its `tape` is the persistent tape that was recorded.

    Raises:
      ValueError: if the function records nothing, or more than 16 operations.
    """
    import tapelab as tf

    sources = {
        name: tf.constant(value, None if hasattr(value, "dtype") else tf.float32)
        for name, value in inputs.items()
    }
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sources)
        target = function(**sources)
    recorded = list(tape)
    if not 0 < len(recorded) <= _MOST:
        raise ValueError(f"{len(recorded)} operations were recorded; 1 to {_MOST} can be shown.")
    story = _Story(tape, recorded, sources, target)

    explorer = Explorer(
        story.draw,
        step=ipywidgets.IntSlider(0, min=0, max=2 * len(recorded)),
    )
    explorer.tape = tape
    explorer.story = story
    return explorer


class _Story:
    """The names of all tensors on a tape, and the cotangents after each step backward."""

    def __init__(self, tape, records, sources, target):
        self.records, self.sources, self.target = records, sources, target
        self.names = {id(tensor): name for name, tensor in sources.items()}
        for number, record in enumerate(records, start=1):
            for output in record.outputs:
                self.names[id(output)] = f"t{number}"
        self.names[id(target)] = "y"
        tensors = [*sources.values(), *(out for record in records for out in record.outputs)]
        self.tensors = {id(tensor): tensor for tensor in tensors}
        # After k steps backward: the walk over the last k records only.
        self.cotangents = [
            dict(zip(self.tensors, _walk_back(tape, k, target, tensors), strict=True))
            for k in range(len(records) + 1)
        ]

    def draw(self, step):
        count = len(self.records)
        forward, backward = min(step, count), max(0, step - count)
        now = forward if not backward else count - backward + 1
        cotangents = self.cotangents[backward] if backward else {}
        waiting = {id(x) for record in self.records[: count - backward] for x in record.inputs}
        rows = [(name, f"{name} (watched)", tensor, 0) for name, tensor in self.sources.items()]
        for number, record in enumerate(self.records, start=1):
            name, arguments = (
                self._name(record.outputs[0]),
                ", ".join(map(self._name, record.inputs)),
            )
            line = f"{name} = {record.operation}({arguments})"
            rows.append((name, line, record.outputs[0], number))

        figure, ax = subplots(width=8, height=0.5 + 0.29 * (len(rows) + 1))
        ax.set(xlim=(0, 10), ylim=(len(rows) - 0.5, -1.5))
        ax.axis("off")
        headings = ("tape", "forward: value", "backward: cotangent")
        for x, heading in zip(_COLUMNS, headings, strict=True):
            ax.text(x, -1, heading, weight="bold", va="center")
        for row, (name, line, tensor, number) in enumerate(rows):
            there = number <= forward
            cells = [(line, BLACK if there else "#B0B0B0"), (_short(tensor) * there, BLUE)]
            if cotangents.get(id(tensor)) is not None:
                more = " so far" if backward < count and id(tensor) in waiting else ""
                cells.append((f"dy/d{name} = {_short(cotangents[id(tensor)])}{more}", RED))
            for x, (text, color) in zip(_COLUMNS, cells, strict=False):
                ax.text(x, row, text, color=color, va="center", family="monospace", fontsize=9)
            if number and number == now:
                ax.axhspan(row - 0.45, row + 0.45, color="#FBE6DC" if backward else "#E3F0FA")
                ax.text(
                    0, row, "▲" if backward else "▼", color=RED if backward else BLUE, va="center"
                )
        return figure, self._say(step, now, cotangents)

    def _name(self, x):
        return self.names.get(id(x)) or _short(x)

    def _say(self, step, now, cotangents):
        count = len(self.records)
        if step == 0:
            return f"A tape of {count} operations, before the first one: it is empty."
        record = self.records[now - 1]
        output = record.outputs[0]
        name = self.names[id(output)]
        if step <= count:
            return (
                f"Forward, record {step} of {count}: {record.operation} makes {name} = "
                f"{_short(output)}."
            )
        given = [
            f"dy/d{self.names[key]} = {_short(cotangents[key])}"
            for key in dict.fromkeys(map(id, record.inputs))
            if cotangents.get(key) is not None
        ]
        return (
            f"Backward, record {now} of {count}: {record.operation} turns dy/d{name} = "
            f"{_short(cotangents[id(output)])} into {' and '.join(given) or 'nothing'}."
        )


def _walk_back(tape, k, target, tensors):
    """The cotangents of all tensors when only the last k records have been visited."""
    import tapelab as tf

    seeds = {id(target): (target, tf.ones_like(target))}
    return tape._pull(last(tape._records, k), seeds, tensors)


def _short(tensor) -> str:
    value = np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)
    if value.size == 1:
        return f"{value.item():.4g}"
    if value.size <= 4 and value.ndim == 1:
        return "[" + ", ".join(f"{v:.3g}" for v in value) + "]"
    return f"{'x'.join(map(str, value.shape))}, norm {np.linalg.norm(value):.4g}"
