"""The detective's table: predict whether a gradient is None or a number, then look."""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping

import ipywidgets
import numpy as np

from tapelab.widgets.explore import with_static_page

# name -> (code that leaves its answer in `grad`, why it comes out as it does)
CASES = {
    "a variable": (
        "x = tf.Variable(3.0)\nwith tf.GradientTape() as tape:\n    y = x**2\n"
        "grad = tape.gradient(y, x)",
        "A trainable variable is watched as soon as it is read.",
    ),
    "not trainable": (
        "x = tf.Variable(3.0, trainable=False)\nwith tf.GradientTape() as tape:\n    y = x**2\n"
        "grad = tape.gradient(y, x)",
        "Only trainable variables are watched by themselves; call tape.watch(x).",
    ),
    "variable + number": (
        "x = tf.Variable(2.0) + 1.0\nwith tf.GradientTape() as tape:\n    y = x**2\n"
        "grad = tape.gradient(y, x)",
        "A variable plus a number is a tensor, and tensors are not watched by themselves.",
    ),
    "a constant": (
        "x = tf.constant(3.0)\nwith tf.GradientTape() as tape:\n    y = x**2\n"
        "grad = tape.gradient(y, x)",
        "A constant is not watched by itself; call tape.watch(x).",
    ),
    "a watched constant": (
        "x = tf.constant(3.0)\nwith tf.GradientTape() as tape:\n    tape.watch(x)\n    y = x**2\n"
        "grad = tape.gradient(y, x)",
        "Watched from before its use, a constant is as good as a variable.",
    ),
    "an intermediate result": (
        "x = tf.Variable(3.0)\nwith tf.GradientTape() as tape:\n    y = x * x\n    z = y * y\n"
        "grad = tape.gradient(z, y)",
        "What is computed from a watched value is on the tape too: dz/dy = 2y.",
    ),
    "unrelated": (
        "x = tf.Variable(3.0)\ny = tf.Variable(2.0)\nwith tf.GradientTape() as tape:\n"
        "    z = y * y\ngrad = tape.gradient(z, x)",
        "z was never computed from x: no path, no gradient.",
    ),
    "through NumPy": (
        "x = tf.Variable([1.0, 2.0])\nwith tf.GradientTape() as tape:\n"
        "    y = tf.reduce_mean(np.square(x.numpy()))\ngrad = tape.gradient(y, x)",
        "NumPy computes where the tape cannot see it; use tf.square.",
    ),
    "an integer": (
        "x = tf.constant(3)\nwith tf.GradientTape() as tape:\n    tape.watch(x)\n"
        "    y = tf.cast(x, tf.float32) ** 2\ngrad = tape.gradient(y, x)",
        "Integers have no neighbours to compare with: a cast from int cuts the path.",
    ),
    "x = x + 1, second round": (
        "x = tf.Variable(2.0)\nfor epoch in range(2):\n    with tf.GradientTape() as tape:\n"
        "        y = x + 1\n    grad = tape.gradient(y, x)\n    x = x + 1",
        "After the first round x is a tensor, no longer the variable; use x.assign_add(1.0).",
    ),
    "assign_add on the way": (
        "x = tf.Variable(3.0)\nv = tf.Variable(0.0)\nwith tf.GradientTape() as tape:\n"
        "    v.assign_add(x)\n    y = v**2\ngrad = tape.gradient(y, x)",
        "State has no history: the tape sees what v holds, not where it came from. Use v + x.",
    ),
    "integers inside": (
        "x = tf.Variable(3.0)\nwith tf.GradientTape() as tape:\n    y = tf.cast(x, tf.int32)\n"
        "    z = tf.cast(y, tf.float32) ** 2\ngrad = tape.gradient(z, x)",
        "The way from x to z leads through an integer, and ends there.",
    ),
    "before the block": (
        "w = tf.Variable(3.0)\ny = w * 2.0\nwith tf.GradientTape() as tape:\n"
        "    loss = y**2\ngrad = tape.gradient(loss, w)",
        "The tape was not running when y was computed; move that line into the block.",
    ),
}


def detective(cases: Mapping[str, tuple[str, str]] | None = None) -> Detective:
    """A table of short programs: predict the gradient of each, then run it and read why.

    Args:
      cases: name -> (code, explanation); the code finds `tf` and `np` and leaves its answer in
        `grad`. By default every way the article's section on None knows, the step that was
        computed before the block, and a few sound ones.

    Returns:
      A `Detective`: `rows[name]` has `guess` (a dropdown), `look()`, `found`; `score` counts.
    """
    return Detective(CASES if cases is None else cases)


class Row:
    """One case: its code, a prediction, and what really comes out."""

    def __init__(self, number, code, why):
        self.number, self.code, self.why = number, code, why
        self.found: str | None = None  # "None" or "a number", once looked
        self.guess = ipywidgets.Dropdown(
            # "" and not None: to ipywidgets None is "nothing selected", and whether that or the
            # first option wins depends on the order of a set, that is on the hash seed.
            options=[("predict ...", ""), ("None", "None"), ("a number", "a number")],
            description=f"Case {number}",
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="200px"),
        )
        self.button = ipywidgets.Button(
            description="Look",
            tooltip=f"Run case {number}",
            disabled=True,
            layout={"width": "70px"},
        )
        self.html = ipywidgets.HTML()
        self.guess.observe(self._guessed, names="value")
        self.box = ipywidgets.HBox(
            [
                ipywidgets.HTML(_listing(code), layout={"width": "370px"}),
                ipywidgets.VBox([ipywidgets.HBox([self.guess, self.button]), self.html]),
            ],
            layout={"border_top": "1px solid #CCCCCC", "padding": "4px 0"},
        )

    def _guessed(self, change):
        self.button.disabled = not self.guess.value

    def look(self) -> None:
        """Run the code and say what `grad` is and why."""
        grad = run(self.code)
        self.found = "None" if grad is None else "a number"
        shown = "None" if grad is None else f"{np.asarray(grad).tolist()}"
        right = self.guess.value == self.found
        self.html.value = (
            f'<p aria-live="polite" style="line-height: 1.4; max-width: 360px">'
            f"<b>{'Right' if right else 'No'}: grad is {html.escape(shown)}.</b> "
            f"{html.escape(self.why)}</p>"
        )
        self.guess.disabled = True


class Detective(ipywidgets.VBox):
    """What `detective` returns."""

    def __init__(self, cases):
        self.rows = {
            name: Row(number, code, why)
            for number, (name, (code, why)) in enumerate(cases.items(), start=1)
        }
        self.status = ipywidgets.HTML()
        for row in self.rows.values():
            row.button.on_click(lambda button, row=row: self.look(row))
        super().__init__([*(row.box for row in self.rows.values()), self.status])
        self._tell()

    @property
    def score(self) -> tuple[int, int]:
        """How many predictions were right, of how many looked at."""
        looked = [row for row in self.rows.values() if row.found]
        return sum(row.guess.value == row.found for row in looked), len(looked)

    def look(self, row) -> None:
        """What the button of a row does."""
        row.look()
        row.button.disabled = True
        self._tell()

    def _tell(self):
        right, looked = self.score
        self.status.value = (
            f'<p aria-live="polite"><b>{right} right of {looked}</b> looked at; '
            f"{len(self.rows)} cases in all.</p>"
        )

    def __repr__(self) -> str:
        return f"[Detective's table of {len(self.rows)} gradients: a number, or None?]"

    def _repr_mimebundle_(self, **kwargs):
        rows = "".join(
            f"<tr><td>{number}</td><td>{_listing(row.code)}</td><td>None, or a number?</td></tr>"
            for number, row in enumerate(self.rows.values(), start=1)
        )
        page = f"<table><tr><th>Case</th><th>Code</th><th>grad is</th></tr>{rows}</table>"
        return with_static_page(self, page)


def run(code: str):
    """Run a case; its `grad`. What the tape would warn about is part of the riddle: not shown."""
    import tapelab as tf

    names = {"tf": tf, "np": np}
    logger = logging.getLogger("tapelab")
    logger.disabled, before = True, logger.disabled
    try:
        exec(code, names)
    finally:
        logger.disabled = before
    return names["grad"]


def _listing(code):
    return (
        '<pre style="margin: 0; text-align: left; font-size: 12px; line-height: 1.35">'
        f"{html.escape(code)}</pre>"
    )
