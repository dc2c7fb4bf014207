"""Derivatives of higher order, and the Taylor polynomial they build."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLACK, BLUE, RED, subplots

_LIMIT = 4.0


def derivatives(function: Callable, x: float, order: int) -> list[float]:
    """f(x), f'(x), ..., up to the order asked for, from as many tapes inside one another.

    >>> import tapelab as tf
    >>> [round(d, 4) for d in derivatives(tf.exp, 0.0, 3)]
    [1.0, 1.0, 1.0, 1.0]
    """
    import tapelab as tf

    point = tf.constant(x, tf.float64)

    def nested(order):
        if order == 0:
            return [function(point)]
        with tf.GradientTape() as tape:
            tape.watch(point)
            lower = nested(order - 1)
        return [*lower, tape.gradient(lower[-1], point, unconnected_gradients="zero")]

    return [float(d) for d in nested(order)]


def taylor(
    functions: Mapping[str, Callable] | None = None, x: float = 0.5, order: int = 2
) -> Explorer:
    """The derivatives of a function at a point, and the polynomial that shares them.

    Args:
      functions: name -> function of a scalar tensor (float64), elementwise.
      x: where the polynomial touches at first, between -3 and 3.
      order: the highest derivative at first, 0 to 7.

    Returns:
      An `Explorer` with the controls `function`, `order` and `x`.
    """
    import tapelab as tf

    functions = functions or {
        "sin(x)": tf.sin,
        "exp(x)": tf.exp,
        "sigmoid(x)": tf.sigmoid,
        "x³": lambda x: x * x * x,
    }

    def draw(function, order, x):
        grid = np.linspace(-_LIMIT, _LIMIT, 301)
        values = functions[function](tf.constant(grid)).numpy()
        found = derivatives(functions[function], x, order)
        polynomial = np.polynomial.Polynomial([d / math.factorial(n) for n, d in enumerate(found)])
        near = np.linspace(-1, 1, 101)
        error = np.abs(polynomial(near) - functions[function](tf.constant(x + near)).numpy()).max()

        figure, (left, right) = subplots(1, 2, height=3.4, width_ratios=[1, 1.7])
        left.bar(range(order + 1), found, color=BLUE)
        left.axhline(0, color=BLACK, linewidth=0.8)
        left.set(xlabel="order", ylabel=f"derivative at x = {x:.1f}", xticks=range(order + 1))
        left.set_title("Derivatives")
        right.plot(grid, values, color=BLUE, label=function)
        right.plot(grid, polynomial(grid - x), "--", color=RED, label=f"Taylor, order {order}")
        right.plot(x, found[0], "o", color=RED)
        low, high = values.min(), values.max()
        margin = 0.15 * (high - low)
        right.set(xlabel="x", ylabel="y", ylim=(low - margin, high + margin))
        right.set_title(f"off by at most {error:.2g} within 1 of x")
        right.legend(loc="best")
        listed = ", ".join(f"{d:.4f}" for d in found)
        return figure, (
            f"{function} and its Taylor polynomial of order {order} around x = {x:.1f}. The "
            f"derivatives from order 0 on are {listed}. Within a distance of 1 the polynomial is "
            f"off by at most {error:.2g}."
        )

    return Explorer(
        draw,
        function=ipywidgets.Dropdown(options=list(functions)),
        order=ipywidgets.IntSlider(order, min=0, max=7),
        x=ipywidgets.FloatSlider(x, min=-3, max=3, step=0.1),
    )
