"""Gradient descent downhill, or, with too large a learning rate, uphill."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np
from matplotlib.ticker import MaxNLocator

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots


def gradient_descent(
    loss: Callable | None = None, name: str = "w²", start: float = 2.5
) -> Explorer:
    """Gradient descent on a loss of one weight, each step taken with a gradient from the tape.

    Args:
      loss: a function of a scalar tensor; w² by default, which diverges for rates above 1.
      name: how the loss is written on the axis.
      start: the first weight, between -3 and 3.

    Returns:
      An `Explorer` with the controls `rate`, `steps` and `start`.
    """
    import tapelab as tf

    loss = loss or tf.square

    def draw(rate, steps, start):
        weights, losses = [start], []
        for _ in range(steps + 1):
            w = tf.Variable(weights[-1])
            with tf.GradientTape() as tape:
                value = loss(w)
            losses.append(float(value))
            weights.append(float(w - rate * tape.gradient(value, w)))
        weights = np.array(weights[:-1])

        figure, (left, right) = subplots(1, 2, height=3.4)
        reach = 3.2
        grid = np.linspace(-reach, reach, 201, dtype=np.float32)
        curve = np.array([float(loss(tf.constant(v))) for v in grid[::4]])
        left.plot(grid[::4], curve, color=BLUE)
        inside = np.abs(weights) <= reach
        visible = len(weights) if inside.all() else int(inside.argmin()) + 1
        left.plot(weights[:visible], losses[:visible], "o-", color=RED, markersize=4, linewidth=1)
        left.set(xlabel="w", ylabel=name, title=f"learning rate {rate:.2f}", xlim=(-reach, reach))
        left.set_ylim(curve.min() - 0.5, 1.1 * curve.max())
        shown = np.maximum(losses, 1e-12)
        right.semilogy(range(steps + 1), shown, "o-", color=RED, markersize=4)
        if shown.max() > 100 * shown.min():
            right.minorticks_off()  # no room for them, and working that out takes long
        how = "0 is drawn at $10^{-12}$" if 0 in losses else "logarithmic"
        right.set(xlabel="step", ylabel="loss", title=f"Loss ({how})")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))

        verdict = "It converges"
        if losses[-1] > losses[0]:
            verdict = "It diverges"
        elif losses[-1] == losses[0]:
            verdict = "It gets nowhere" if np.ptp(weights) else "It has not moved"
        return figure, (
            f"Gradient descent on {name} from w = {start:.2f} with learning rate {rate:.2f}: after "
            f"{steps} steps w = {weights[-1]:.4g} and the loss is {losses[-1]:.4g}. {verdict}."
        )

    return Explorer(
        draw,
        rate=ipywidgets.FloatSlider(
            0.1, min=0.01, max=1.2, step=0.01, description="learning rate", readout_format=".2f"
        ),
        steps=ipywidgets.IntSlider(10, min=0, max=40),
        start=ipywidgets.FloatSlider(start, min=-3, max=3, step=0.1),
    )
