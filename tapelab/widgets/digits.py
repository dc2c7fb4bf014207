"""Draw a digit: what the model reads, and which pixels its answer hangs on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots


class DrawingPad(anywidget.AnyWidget):
    """A 28 x 28 canvas for mouse, finger and keyboard.

    Arrow keys move the pen, space draws a dot, shift with an arrow draws a line, delete clears.
    `value` holds 784 bytes of ink, row by row, and is synchronised with the browser; `image` is
    the same as an array.

    >>> pad = DrawingPad()
    >>> pad.image = np.eye(28)
    >>> pad.image.shape, float(pad.image.sum())
    ((28, 28), 28.0)
    """

    _esm = Path(__file__).with_name("drawing_pad.js")
    _css = """
    .tapelab-pad canvas { width: 224px; height: 224px; border: 1px solid #767676;
                          touch-action: none; cursor: crosshair; display: block; }
    .tapelab-pad canvas:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
    .tapelab-pad button { margin: 4px 0; }
    .tapelab-pad-help { font-size: 12px; }
    """
    value = traitlets.CBytes(bytes(784)).tag(sync=True)  # a memoryview when it comes from there
    description = traitlets.Unicode("digit").tag(sync=True)

    @property
    def image(self) -> np.ndarray:
        """The drawing as float32 of shape (28, 28), 0 for paper and 1 for ink."""
        return np.frombuffer(self.value, np.uint8).reshape(28, 28).astype(np.float32) / 255

    @image.setter
    def image(self, image) -> None:
        image = np.asarray(image, np.float32)
        if image.shape != (28, 28):
            raise ValueError(f"a drawing has the shape (28, 28), not {image.shape}")
        self.value = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8).tobytes()


def drawing_pad(probabilities: Callable, saliency: Callable | None = None, image=None) -> Explorer:
    """A pad to draw on beside what a model makes of the drawing.

    Args:
      probabilities: called with the drawing, a float32 array of shape (28, 28) between 0 and 1;
        returns the ten probabilities.
      saliency: called with the drawing; returns an array of shape (28, 28), the gradient of
        the winning class with respect to the pixels. Without it only probabilities are shown.
      image: what is on the pad at the start, (28, 28) between 0 and 1.

    Returns:
      An `Explorer` whose control `digit` is the `DrawingPad`.
    """
    pad = DrawingPad()
    if image is not None:
        pad.image = image

    def draw(digit):
        ink = pad.image
        p = np.asarray(probabilities(ink), np.float64).reshape(10)
        best = int(p.argmax())
        figure, axes = subplots(1, 2 if saliency else 1, width=6.5, height=2.9, squeeze=False)
        bars = axes[0, 0]
        bars.bar(range(10), 100 * p, color=[RED if d == best else BLUE for d in range(10)])
        bars.set(xlabel="digit", ylabel="probability in %", ylim=(0, 105), xticks=range(10))
        bars.set_title(f"{best}, with {100 * p[best]:.0f} %")
        alt = f"The model reads the digit {best} with a probability of {100 * p[best]:.0f} %."
        if not ink.any():
            alt = f"Nothing is drawn yet. {alt}"
        if saliency:
            weight = np.asarray(saliency(ink), np.float64).reshape(28, 28)
            most = np.abs(weight).max() or 1.0
            look = axes[0, 1]
            shown = look.imshow(weight, cmap="PuOr_r", vmin=-most, vmax=most)
            look.contour(ink, levels=[0.5], colors="black", linewidths=1) if ink.any() else None
            look.set(xticks=[], yticks=[], title=f"orange: ink speaks for {best}")
            look.grid(False)
            figure.colorbar(shown, ax=look, label=f"gradient of {best} by pixel")
            row, column = np.unravel_index(np.abs(weight).argmax(), weight.shape)
            alt += f" Its gradient is largest at row {row}, column {column}."
        return figure, alt

    return Explorer(draw, beside=True, digit=pad)
