"""The way from a source to a target as a row of boxes, and the place where it is cut."""

from __future__ import annotations

import re

import ipywidgets
from matplotlib.figure import Figure

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLACK, BLUE, RED, subplots

_GREY = "#767676"
_WATCH = ("never", "before y = x²", "after y = x²")


def path(*rows: str, height: float | None = None) -> Figure:
    """Draw computations from left to right: boxes joined by arrows, cut where the tape loses them.

    Args:
      *rows: one computation each, `"x -> x² -> y"`; the arrow `-/>` is a cut.
      height: of the figure in inches; by default, as much as the rows need.

    Raises:
      ValueError: if a row has no arrow.

    >>> figure = path("x -> x² -> y", "x -/> np.square(x) -> y")
    >>> [text.get_text() for text in figure.axes[0].texts][-1]
    'None'
    """
    figure, ax = subplots(height=height or 0.3 + 0.6 * len(rows))
    reach = 0.0
    for line, row in enumerate(rows):
        boxes = [box.strip() for box in re.split(r"-/?>", row)]
        cuts = [arrow == "-/>" for arrow in re.findall(r"-/?>", row)]
        if not cuts:
            raise ValueError(f"path: {row!r} has no arrow; write 'x -> y', or 'x -/> y' for a cut")
        lost = max((place for place, cut in enumerate(cuts) if cut), default=-1)
        x, y = 0.0, -line
        for place, box in enumerate(boxes):
            color = _GREY if place <= lost else BLUE
            wide = 0.5 + 0.135 * len(box)
            style = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": color}
            ax.text(
                x + wide / 2, y, box, ha="center", va="center", family="monospace", fontsize=9,
                color=color, bbox=style | {"linestyle": "--" if place <= lost else "-"},
            )  # fmt: skip
            x += wide
            if place < len(cuts):
                ax.annotate(
                    "", (x + 0.62, y), (x, y),
                    arrowprops={"arrowstyle": "->", "color": RED if cuts[place] else BLACK,
                                "linestyle": ":" if cuts[place] else "-"},
                )  # fmt: skip
                if cuts[place]:
                    ax.text(x + 0.28, y, "✕", ha="center", va="center", color=RED, fontsize=13)
                x += 0.62
        verdict = "None" if lost >= 0 else "a number"
        ax.text(x + 0.25, y, verdict, va="center", fontsize=10, weight="bold",
                color=RED if lost >= 0 else BLUE)  # fmt: skip
        reach = max(reach, x + 1.5)
    ax.set(xlim=(-0.1, max(reach, 13.4)), ylim=(0.5 - len(rows), 0.5))
    ax.axis("off")
    return figure


def watching() -> Explorer:
    """Which sources a tape follows by itself, and what `tape.watch` changes, by running it.

    Returns:
      An `Explorer` with the controls `source` and `watch`.
    """
    import tapelab as tf

    sources = {
        "tf.Variable(3.0)": lambda: tf.Variable(3.0),
        "tf.Variable(3.0, trainable=False)": lambda: tf.Variable(3.0, trainable=False),
        "tf.Variable(2.0) + 1.0": lambda: tf.Variable(2.0) + 1.0,
        "tf.constant(3.0)": lambda: tf.constant(3.0),
    }

    def draw(source, watch):
        x = sources[source]()
        with tf.GradientTape() as tape:
            if watch == _WATCH[1]:
                tape.watch(x)
            y = x**2
            if watch == _WATCH[2]:
                tape.watch(x)
        gradient = tape.gradient(y, x)
        found = "None" if gradient is None else f"{float(gradient):.1f}"
        figure = path(f"x = {source} {'-/>' if gradient is None else '->'} y = x**2", height=1.1)
        figure.axes[0].set_title(f"watched: {watch}   gradient: {found}", loc="left")
        return figure, (
            f"The source is {source}, watched {watch}. tape.gradient(y, x) returns {found}."
        )

    return Explorer(
        draw,
        source=ipywidgets.Dropdown(options=list(sources), value="tf.constant(3.0)"),
        watch=ipywidgets.Dropdown(options=_WATCH, description="tape.watch(x)"),
    )
