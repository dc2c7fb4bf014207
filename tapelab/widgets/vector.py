"""A vector output: its rows of derivatives, and the sum that `gradient` returns."""

from __future__ import annotations

import ipywidgets

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots

_MOST_X, _MOST_W = 3.0, 5.0


def vector_weights(weights: tuple[float, ...] = (3.0, 4.0), x: float = 2.0) -> Explorer:
    """y = x * weights: one derivative per component of y, and their sum from the tape.

    Args:
      weights: what x is multiplied with; each becomes a slider `w0`, `w1`, ...
      x: where the derivative is taken.

    Returns:
      An `Explorer` with the controls `w0`, `w1`, ... and `x`.
    """
    import tapelab as tf

    def draw(x, **sliders):
        w = list(sliders.values())
        source = tf.Variable(x)
        with tf.GradientTape(persistent=True) as tape:
            y = source * w
        rows = tape.jacobian(y, source).numpy()
        total = float(tape.gradient(y, source))

        figure, (left, right) = subplots(1, 2, height=3.2, width_ratios=[1, 1.2])
        names = [f"y{i}" for i in range(len(w))]
        left.bar(names, y.numpy(), color=BLUE)
        left.set(ylabel="value", title=f"y = x · w at x = {x:.1f}")
        bars = [f"d{name}/dx" for name in names] + ["gradient"]
        right.bar(bars, [*rows, total], color=[BLUE] * len(w) + [RED])
        right.set(ylabel="derivative", title="each derivative, and their sum")
        for place, value in enumerate([*rows, total]):
            right.annotate(
                f"{value:.1f}", (place, value), ha="center", va="bottom" if value >= 0 else "top"
            )
        # The same scale wherever the sliders stand, so that one sees what a slider changes.
        for axes, most in ((left, _MOST_X * _MOST_W), (right, len(w) * _MOST_W)):
            axes.axhline(0, color="black", linewidth=0.8)
            axes.set_ylim(-1.15 * most, 1.15 * most)
        listed = " and ".join(f"{v:.1f}" for v in rows)
        return figure, (
            f"y = x times [{', '.join(f'{v:.1f}' for v in w)}] at x = {x:.1f}. The derivatives of "
            f"the components are {listed}; tape.gradient returns their sum, {total:.1f}."
        )

    sliders = {
        f"w{i}": ipywidgets.FloatSlider(w, min=-_MOST_W, max=_MOST_W, step=0.5)
        for i, w in enumerate(weights)
    }
    x = ipywidgets.FloatSlider(x, min=-_MOST_X, max=_MOST_X, step=0.5)
    return Explorer(draw, x=x, **sliders)
