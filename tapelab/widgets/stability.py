"""log(1 + exp(x)): the gradient that dies of an overflow, beside the one that does not."""

from __future__ import annotations

import ipywidgets
import numpy as np

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots


def log1pexp(x: float = 60.0) -> Explorer:
    """The gradient of log(1 + exp(x)) as the tape finds it, and with a custom gradient.

    Args:
      x: where to look at first, between -20 and 120.

    Returns:
      An `Explorer` with the control `x`.
    """
    import tapelab as tf

    def naive(x):
        return tf.math.log(1.0 + tf.exp(x))

    @tf.custom_gradient
    def custom(x):
        e = tf.exp(x)
        return tf.math.log(1.0 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))

    def gradient(function, xs):
        points = tf.constant(xs, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(points)
            y = function(points)
        return tape.gradient(y, points).numpy()

    grid = np.arange(-20, 120.5, 0.5)
    lines = {name: gradient(f, grid) for name, f in (("naive", naive), ("custom", custom))}

    def draw(x):
        figure, axes = subplots(1, 2, height=3.2, sharey=True)
        said = {}
        for ax, (name, f), color in zip(
            axes, (("naive", naive), ("custom", custom)), (RED, BLUE), strict=True
        ):
            slope = float(gradient(f, [x])[0])
            said[name] = "nan" if np.isnan(slope) else f"{slope:.4f}"
            ax.plot(grid, lines[name], color=color)
            ax.axvline(x, color="black", linewidth=0.8)
            if np.isfinite(slope):
                ax.plot(x, slope, "o", color=color)
            dead = grid[~np.isfinite(lines[name])]
            if dead.size:
                ax.axvspan(dead[0], dead[-1], color="#CCCCCC", zorder=0)
                ax.text(dead.mean(), 0.5, "nan", ha="center", va="center")
            ax.set(xlabel="x", title=f"{name}: {said[name]} at x = {x:.0f}", ylim=(-0.1, 1.15))
        axes[0].set_ylabel("gradient of log(1 + exp(x))")
        return figure, (
            f"The gradient of log(1 + exp(x)) over x. At x = {x:.0f} the naive gradient is "
            f"{said['naive']} and the custom one is {said['custom']}. The naive one is nan from "
            f"x = {grid[np.isnan(lines['naive'])][0]:.1f} on."
        )

    return Explorer(draw, x=ipywidgets.FloatSlider(x, min=-20, max=120, step=1))
