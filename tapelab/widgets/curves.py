"""A tangent that rides along a curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, GREEN, RED, subplots

_LIMIT = 5.0


def tangent(curves: Mapping[str, Callable] | None = None, x: float = 1.0) -> Explorer:
    """A curve, its tangent at x, and below it the slope the tape gives for every x.

    Args:
      curves: name -> a function of a tensor, of the same shape; by default the usual ones.
      x: where the tangent touches at first, between -5 and 5.

    Returns:
      An `Explorer` with the controls `curve` (a dropdown) and `x` (a slider).
    """
    import tapelab as tf

    curves = curves or {
        "sigmoid(x)": tf.sigmoid,
        "tanh(x)": tf.tanh,
        "relu(x)": tf.nn.relu,
        "x²": tf.square,
        "sin(x)": tf.sin,
        "exp(x)": tf.exp,
        "|x|": tf.abs,
    }
    grid = np.linspace(-_LIMIT, _LIMIT, 401, dtype=np.float32)

    def draw(curve, x):
        values, slopes = _with_slope(curves[curve], grid)
        value, slope = (float(v[0]) for v in _with_slope(curves[curve], np.float32([x])))
        figure, (above, below) = subplots(2, 1, height=4.4, sharex=True)
        low, high = values.min(), values.max()
        margin = 0.1 * (high - low)
        above.plot(grid, values, color=BLUE, label=curve)
        above.plot(grid, value + slope * (grid - x), "--", color=RED, label="tangent")
        above.plot(x, value, "o", color=RED)
        above.set(ylabel="y", ylim=(low - margin, high + margin))
        above.set_title(f"x = {x:.1f}: value {value:.4f}, slope {slope:.4f}", loc="left")
        # Above the picture: wherever it stood inside, it would hide a part of some curve.
        above.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
        below.plot(grid, slopes, color=GREEN)
        below.plot(x, slope, "o", color=RED)
        below.set(xlabel="x", ylabel="slope dy/dx")
        return figure, (
            f"The curve {curve} with its tangent at x = {x:.1f}: the value is {value:.4f} and the "
            f"slope {slope:.4f}. Below, the slope for every x, with the same point marked."
        )

    choice = ipywidgets.Dropdown(options=list(curves))
    if len(curves) == 1:
        choice.layout.display = "none"
    return Explorer(
        draw,
        curve=choice,
        x=ipywidgets.FloatSlider(x, min=-_LIMIT, max=_LIMIT, step=0.1),
    )


def _with_slope(function, xs):
    """Values and slopes of an elementwise function, from one tape."""
    import tapelab as tf

    points = tf.constant(xs)
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = function(points)
    return values.numpy(), tape.gradient(values, points).numpy()
