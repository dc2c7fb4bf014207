"""A Jacobian as a picture, and what curvature is good for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, ORANGE, RED, subplots


def jacobian_heatmap(layers: Mapping[str, Callable] | None = None, inputs=None) -> Explorer:
    """The Jacobian of a function of a vector: row i, column j is dy[i]/dx[j].

    Args:
      layers: name -> function of a vector tensor.
      inputs: the vector at which it is taken; each component can be scaled by the slider.

    Returns:
      An `Explorer` with the controls `layer` and `scale`.
    """
    import tapelab as tf

    layers = layers or {
        "softmax(x)": tf.nn.softmax,
        "sigmoid(x)": tf.sigmoid,
        "relu(x)": tf.nn.relu,
        "cumsum(x)": tf.cumsum,
        "x · sum(x)": lambda x: x * tf.reduce_sum(x),
    }
    base = np.array([1.0, -0.5, 0.5, 0.0, -1.0] if inputs is None else inputs, np.float32)

    def jacobian(layer, x):
        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layers[layer](x)
        return tape.jacobian(y, x).numpy()

    def draw(layer, scale):
        x = np.float32(scale) * base
        matrix = jacobian(layer, x)
        figure, ax = subplots(width=5.4, height=4)
        # Colors as at scale 1, unless the numbers are larger: a matrix that fades must look faded.
        most = max(np.abs(matrix).max(), np.abs(jacobian(layer, base)).max()) or 1.0
        shown = ax.imshow(matrix, cmap="PuOr_r", vmin=-most, vmax=most)
        for (i, j), value in np.ndenumerate(matrix):
            color = "white" if abs(value) > 0.7 * most else "black"
            shown_as = f"{round(float(value), 2) + 0.0:.2f}"  # no minus zero
            ax.text(j, i, shown_as, ha="center", va="center", fontsize=8, color=color)
        ax.set(xlabel="input j", ylabel="output i", title=f"dy[i]/dx[j] of {layer}")
        ax.set(xticks=range(matrix.shape[1]), yticks=range(matrix.shape[0]))
        ax.grid(False)
        figure.colorbar(shown, ax=ax)
        off = matrix[~np.eye(*matrix.shape, dtype=bool)]
        kind = "diagonal: no output depends on another input" if not off.any() else "not diagonal"
        return figure, (
            f"The Jacobian of {layer} at [{', '.join(f'{v:.2f}' for v in x)}], shape "
            f"{matrix.shape}. It is {kind}. The top left entry is {matrix[0, 0]:.4f} and the sum "
            f"of the first column, what tape.gradient would give, is "
            f"{round(float(matrix[:, 0].sum()), 4) + 0.0:.4f}."
        )

    return Explorer(
        draw,
        layer=ipywidgets.Dropdown(options=list(layers)),
        scale=ipywidgets.FloatSlider(1.0, min=0.1, max=6, step=0.1, description="scale of x"),
    )


def newton(surface: Callable | None = None, start: tuple[float, float] = (-1.5, 1.5)) -> Explorer:
    """Newton's method against gradient descent, both with derivatives from the tape.

    Args:
      surface: a function of a float64 tensor of shape (2,), also elementwise over leading axes;
        by default a long valley with a slight bend.
      start: where both begin.

    Returns:
      An `Explorer` with the controls `steps` and `rate`.
    """
    import tapelab as tf

    def valley(p):
        x, y = p[..., 0], p[..., 1]
        return 0.5 * tf.square(x) + 5.0 * tf.square(y - 0.2 * tf.square(x))

    surface = surface or valley

    def derivatives(p):
        point = tf.constant(p, tf.float64)
        with tf.GradientTape() as outer:
            outer.watch(point)
            with tf.GradientTape() as inner:
                inner.watch(point)
                value = surface(point)
            gradient = inner.gradient(value, point)
        return gradient.numpy(), outer.jacobian(gradient, point).numpy()

    def path(steps, move):
        points = [np.array(start)]
        for _ in range(steps):
            points.append(points[-1] - move(*derivatives(points[-1])))
        return np.array(points)

    axis = np.linspace(-2.2, 2.2, 89)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    heights = surface(tf.constant(grid)).numpy()

    def draw(steps, rate):
        runs = {
            "gradient descent": (path(steps, lambda g, h: rate * g), RED, "o"),
            "Newton": (path(steps, lambda g, h: np.linalg.solve(h, g)), BLUE, "s"),
        }
        figure, (left, right) = subplots(1, 2, height=3.6, width_ratios=[1.1, 1])
        left.contour(axis, axis, np.log1p(heights), levels=12, colors="#888888", linewidths=0.8)
        ends = []
        for label, (points, color, marker) in runs.items():
            left.plot(*points.T, marker=marker, color=color, markersize=4, linewidth=1, label=label)
            losses = surface(tf.constant(points)).numpy()
            right.semilogy(np.maximum(losses, 1e-16), marker=marker, color=color, markersize=4,
                           linewidth=1, label=label)  # fmt: skip
            x, y = np.round(points[-1], 3) + 0.0  # no minus zero, no digits of mere rounding
            loss = "0.000" if losses[-1] <= 1e-9 else f"{losses[-1]:.3g}"
            here = f"is at ({x:.3f}, {y:.3f}), loss {loss}"
            ends.append(
                f"{label} {here if np.isfinite(losses[-1]) else 'has run away to infinity'}"
            )
        left.plot(*start, "*", color=ORANGE, markersize=12)
        left.set(xlabel="x", ylabel="y", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), title="Paths")
        left.grid(False)
        right.set(xlabel="step", ylabel="loss", title="Loss (logarithmic)")
        right.legend(loc="best")
        return figure, (
            f"On the left two paths over the contour lines, both from {start}; on the right their losses, "
            f"step by step. After {steps} steps, with the rate {rate:.2f}: {'; '.join(ends)}."
        )

    return Explorer(
        draw,
        steps=ipywidgets.IntSlider(6, min=0, max=20),
        rate=ipywidgets.FloatSlider(
            0.08, min=0.01, max=0.25, step=0.01, description="learning rate"
        ),
    )
