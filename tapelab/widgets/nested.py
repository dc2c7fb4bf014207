"""Two tapes on one time line: when each records, and when the inner one is asked."""

from __future__ import annotations

import ipywidgets

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, ORANGE, RED, subplots

# where the inner tape is asked -> (when the inner tape closes, when that is on the time line)
PLACES = {
    "inside the outer block": (2.2, 2.9),
    "after the outer block": (2.2, 4.6),
    "inside both blocks": (3.1, 2.8),
}
_OUTER = 3.6  # when the outer tape closes


def nesting(where: str = "inside the outer block") -> Explorer:
    """The second derivative of x³ at 1, for each place where the inner tape may be asked.

    Args:
      where: the place at first, a key of `PLACES`.

    Returns:
      An `Explorer` with the control `where`.
    """
    return Explorer(
        draw,
        where=ipywidgets.Dropdown(
            options=list(PLACES),
            value=where,
            description="inner.gradient is called",
            layout={"width": "340px"},
        ),
    )


def draw(where: str):
    """The time line for one place, and the second derivative found by running it."""
    closes, asked = PLACES[where]
    first, second = derivatives(where)
    found = "None" if second is None else f"{float(second):.1f}"
    figure, ax = subplots(height=2.5)
    for row, (label, color, start, end) in enumerate(
        [("outer tape", ORANGE, 0.0, _OUTER), ("inner tape", BLUE, 0.6, closes)]
    ):
        ax.barh(-row, end - start, left=start, color=color, height=0.5)
        ax.text(start + 0.08, -row, f"{label} records", va="center", fontsize=9,
                color="white" if color == BLUE else "black")  # fmt: skip
    for moment, text in ((1.9, "y = x³"), (asked, "inner.gradient"), (6.0, "outer.gradient")):
        ax.axvline(moment, ymin=0.2, color=RED, linewidth=1.2, linestyle="--")
        ax.text(moment, -1.75, text, ha="center", va="center", fontsize=9, color=RED)
    ax.set(xlim=(-0.1, 6.8), ylim=(-2.0, 0.5), xlabel="time", xticks=[], yticks=[])
    ax.set_title(f"first derivative {float(first):.1f}, second derivative {found}")
    ax.grid(False)
    ax.spines.left.set_visible(False)
    return figure, (
        f"A time line of two tapes. The inner tape is asked {where}. The first derivative of x³ "
        f"at 1 is {float(first):.1f} and the second comes out as {found}."
    )


def derivatives(where: str):
    """The first and the second derivative of x³ at 1 by two tapes, the inner one asked `where`."""
    import tapelab as tf

    x = tf.Variable(1.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
            if where == "inside both blocks":
                first = inner.gradient(y, x)
        if where == "inside the outer block":
            first = inner.gradient(y, x)
    if where == "after the outer block":
        first = inner.gradient(y, x)
    return first, outer.gradient(first, x)
