"""Clipping a gradient: the circle it must stay in, and the explosion it prevents."""

from __future__ import annotations

import ipywidgets
import numpy as np
from matplotlib.patches import Circle

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, ORANGE, RED, subplots


def clip_circle(g: tuple[float, float] = (3.0, 2.0), clip_norm: float = 2.0) -> Explorer:
    """A gradient in two dimensions, and what `tf.clip_by_norm` makes of it.

    Args:
      g: the gradient's components at first, between -4 and 4.
      clip_norm: the largest norm let through at first.

    Returns:
      An `Explorer` with the controls `g0`, `g1` and `clip_norm`.
    """
    import tapelab as tf

    def draw(g0, g1, clip_norm):
        gradient = np.float32([g0, g1])
        clipped = tf.clip_by_norm(tf.constant(gradient), clip_norm).numpy()
        norm, after = np.linalg.norm(gradient), np.linalg.norm(clipped)
        figure, ax = subplots(width=4.8, height=4.4)
        ax.add_patch(Circle((0, 0), clip_norm, facecolor="#F2F2F2", edgecolor="black"))
        for vector, color, label, width in (
            (gradient, ORANGE, f"gradient, norm {norm:.3f}", 0.014),
            (clipped, BLUE, f"clipped, norm {after:.3f}", 0.008),
        ):
            ax.quiver(
                0, 0, *vector, angles="xy", scale_units="xy", scale=1, color=color, label=label,
                width=width, zorder=3,
            )  # fmt: skip
        ax.set(xlim=(-6, 6), ylim=(-5, 6.2), xlabel="first component", ylabel="second component")
        ax.set_aspect("equal")
        ax.legend(loc="upper left")
        what = "inside the circle and stays as it is"
        if norm > clip_norm:
            what = f"outside and is shortened to ({clipped[0]:.3f}, {clipped[1]:.3f})"
        return figure, (
            f"The gradient ({g0:.1f}, {g1:.1f}) has the norm {norm:.3f}; the circle has the radius "
            f"{clip_norm:.1f}. The gradient is {what}: norm {after:.3f}, same direction."
        )

    return Explorer(
        draw,
        g0=ipywidgets.FloatSlider(g[0], min=-4, max=4, step=0.1, description="first component"),
        g1=ipywidgets.FloatSlider(g[1], min=-4, max=4, step=0.1, description="second component"),
        clip_norm=ipywidgets.FloatSlider(
            clip_norm, min=0.5, max=5, step=0.1, description="limit"
        ),
    )


_STEPS = 25
_LOST = 1e30  # drawn far outside the picture, where a norm is not a number any more


def exploding_gradient(length: int = 12, clip_norm: float = 1.0) -> Explorer:
    """A linear recurrence h ← w h, unrolled: its loss has a cliff, and descent runs into it.

    The state starts at 1 and shall end at 0.5, so the loss is (wⁿ - 0.5)² with n the length; for
    |w| > 1 its gradient grows with wⁿ. Both runs start at the same weight; one clips.

    Args:
      length: time steps at first, between 2 and 30.
      clip_norm: the largest norm let through at first, between 0.1 and 5.

    Returns:
      An `Explorer` with the controls `length`, `rate` and `clip_norm`.
    """
    import tapelab as tf

    def loss(w, length):
        h = tf.constant(1.0)
        for _ in range(length):
            h = h * w
        return tf.square(h - 0.5)

    def descend(length, rate, clip_norm):
        w = tf.Variable(1.25)
        weights, norms = [1.25], []
        for _ in range(_STEPS):
            with tf.GradientTape() as tape:
                value = loss(w, length)
            gradient = tape.gradient(value, w)
            norms.append(abs(float(gradient)))
            if clip_norm is not None:
                gradient = tf.clip_by_norm(gradient, clip_norm)
            w.assign_sub(rate * gradient)
            weights.append(float(w))
        return np.array(weights), np.array(norms)

    def draw(length, rate, clip_norm):
        runs = {
            "without clipping": (*descend(length, rate, None), RED, "o"),
            "with clipping": (*descend(length, rate, clip_norm), BLUE, "s"),
        }
        figure, (left, right) = subplots(1, 2, height=3.4)
        ends = []
        for label, (weights, norms, color, marker) in runs.items():
            style = {"color": color, "marker": marker, "markersize": 4, "linewidth": 1}
            left.plot(weights, label=label, **style)
            seen = np.clip(np.nan_to_num(norms, nan=_LOST, posinf=_LOST), 1e-9, _LOST)
            right.semilogy(seen, label=label, **style)
            end = f"{weights[-1]:.4g}" if np.isfinite(weights[-1]) else "lost (not a number)"
            largest = np.nanmax(np.where(np.isfinite(norms), norms, np.inf))
            ends.append(f"{label} the weight ends at {end}, largest gradient {largest:.4g}")
        left.axhline(0.5 ** (1 / length), color="black", linewidth=0.8, linestyle=":")
        left.set(xlabel="step", ylabel="weight w", ylim=(-2, 2), title="Weight (dotted: the goal)")
        right.axhline(clip_norm, color="black", linewidth=0.8, linestyle="--")
        right.set(xlabel="step", ylabel="norm of the gradient", ylim=(1e-3, 1e8))
        right.minorticks_off()  # no room for them, and working that out takes long
        right.set_title("Gradient (dashed: the limit)")
        left.legend(loc="lower right")
        return figure, (
            f"Descent on a recurrence of {length} steps from w = 1.25, learning rate {rate:.2f}: "
            f"{'; '.join(ends)}."
        )

    return Explorer(
        draw,
        length=ipywidgets.IntSlider(length, min=2, max=30),
        rate=ipywidgets.FloatSlider(
            0.02, min=0.01, max=0.2, step=0.01, description="learning rate"
        ),
        clip_norm=ipywidgets.FloatSlider(
            clip_norm, min=0.1, max=5, step=0.1, description="limit"
        ),
    )
