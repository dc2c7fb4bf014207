"""A vector output: its rows of derivatives, and the sum that `gradient` returns."""

from __future__ import annotations

import ipywidgets

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots


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
        right.set(ylabel="derivative", title="each row, and their sum")
        for place, value in enumerate([*rows, total]):
            right.annotate(
                f"{value:.1f}", (place, value), ha="center", va="bottom" if value >= 0 else "top"
            )
        for axes in (left, right):
            axes.axhline(0, color="black", linewidth=0.8)
            axes.margins(y=0.15)
        listed = " and ".join(f"{v:.1f}" for v in rows)
        return figure, (
            f"y = x times [{', '.join(f'{v:.1f}' for v in w)}] at x = {x:.1f}. The derivatives of "
            f"the components are {listed}; tape.gradient returns their sum, {total:.1f}."
        )

    sliders = {
        f"w{i}": ipywidgets.FloatSlider(w, min=-5, max=5, step=0.5) for i, w in enumerate(weights)
    }
    return Explorer(draw, x=ipywidgets.FloatSlider(x, min=-3, max=3, step=0.5), **sliders)
