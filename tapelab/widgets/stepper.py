"""Step a tape forward and backward, record by record, with values and cotangents."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots

_MOST = 16  # rows that fit under each other


def tape_stepper(function: Callable, **inputs) -> Explorer:
    """What a tape records while a function runs, and how it walks back.

    The slider starts before the first operation. Each step forward adds a record with its value;
    then each step backward takes the last record not yet visited, and hands the cotangent of its
    output on to its inputs, where contributions add up.

    Args:
      function: called with the inputs as tensors by name; returns the target. At most 16
        operations can be shown.
      **inputs: numbers or arrays; each becomes a variable of that name.

    Returns:
      An `Explorer` with the control `step`; its `tape` is the persistent tape that was recorded.

    Raises:
      ValueError: if the function records nothing, or more than 16 operations.
    """
    import tapelab as tf

    variables = {
        name: tf.Variable(value, dtype=None if hasattr(value, "dtype") else tf.float32, name=name)
        for name, value in inputs.items()
    }
    sources = {}
    with tf.GradientTape(persistent=True) as tape:
        for name, variable in variables.items():
            sources[name] = tf.convert_to_tensor(variable)
        target = function(**sources)
    records = list(tape)
    if not 0 < len(records) <= _MOST:
        raise ValueError(f"{len(records)} operations were recorded; 1 to {_MOST} can be shown.")
    story = _Story(tape, records, sources, target)

    explorer = Explorer(
        story.draw,
        step=ipywidgets.IntSlider(0, min=0, max=2 * len(records)),
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
        cotangents = self.cotangents[backward] if step > count else {}
        rows = len(self.sources) + count
        figure, ax = subplots(width=8, height=0.9 + 0.33 * (rows + 1))
        ax.set(xlim=(0, 10), ylim=(rows + 0.6, -0.9))
        ax.axis("off")
        for x, heading in (
            (0.3, "tape"),
            (5.0, "value (forward, down)"),
            (7.5, "cotangent (backward, up)"),
        ):
            ax.text(x, -0.5, heading, weight="bold")
        now = None
        for row, (name, tensor) in enumerate(self.sources.items()):
            self._row(ax, row, f"{name}", "watched", _short(tensor), cotangents.get(id(tensor)))
        for number, record in enumerate(self.records, start=1):
            row = len(self.sources) + number - 1
            output = record.outputs[0]
            there = number <= forward
            visited = backward and number > count - backward
            active = number == forward if step <= count else number == count - backward + 1
            if active:
                now = number
                ax.axhspan(row - 0.45, row + 0.45, color="#FFF3D6" if not backward else "#E3F0FA")
                ax.text(0.0, row, "▶", va="center", color=RED if backward else BLUE)
            arguments = ", ".join(self._name(x) for x in record.inputs)
            self._row(
                ax, row, self.names[id(output)], f"{record.operation}({arguments})",
                _short(output) if there else None,
                cotangents.get(id(output)) if step > count else None,
                color="black" if there else "#B5B5B5", strong=visited,
            )  # fmt: skip
        return figure, self._say(step, now, cotangents)

    def _row(self, ax, row, name, how, value, cotangent, color="black", strong=False):
        ax.text(0.3, row, f"{name} = {how}" if how != "watched" else f"{name} (watched)",
                va="center", color=color, family="monospace", fontsize=9)  # fmt: skip
        if value is not None:
            ax.text(5.0, row, value, va="center", color=BLUE, family="monospace", fontsize=9)
        if cotangent is not None:
            ax.text(7.5, row, f"dy/d{name} = {_short(cotangent)}", va="center", color=RED,
                    family="monospace", fontsize=9)  # fmt: skip

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
            f"dy/d{self.names[id(x)]} = {_short(cotangents[id(x)])}"
            for x in dict.fromkeys(record.inputs)
            if cotangents.get(id(x)) is not None
        ]
        return (
            f"Backward, record {now} of {count}: {record.operation} turns dy/d{name} = "
            f"{_short(cotangents[id(output)])} into {' and '.join(given) or 'nothing'}."
        )


def _walk_back(tape, k, target, tensors):
    """The cotangents of all tensors when only the last k records have been visited."""
    raise NotImplementedError


def _short(tensor) -> str:
    value = np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)
    if value.size == 1:
        return f"{value.item():.4g}"
    if value.size <= 4 and value.ndim == 1:
        return "[" + ", ".join(f"{v:.3g}" for v in value) + "]"
    return f"{'x'.join(map(str, value.shape))}, norm {np.linalg.norm(value):.4g}"
