"""Pictures that keep their description: a figure, its alternative text, and a house style.

A plain PNG output loses its alternative text in JupyterLab, in nbconvert and on GitHub. A
`Picture` therefore offers itself as HTML (`<img alt="...">`), as PNG and as text: whoever shows
the notebook picks what it can show, and nobody is left without the sentence.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/): distinct for colour-blind readers.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
RED = "#D55E00"
PINK = "#CC79A7"
PALETTE = (BLUE, RED, GREEN, ORANGE, SKY, PINK, BLACK)

# Read when axes are made, so none of it has to stay set afterwards.
_STYLE: dict[Any, Any] = {
    "axes.prop_cycle": cycler(color=PALETTE) + cycler(linewidth=[2.0] * len(PALETTE)),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
}
_DPI = 120


def subplots(rows: int = 1, columns: int = 1, *, width: float = 7.5, height: float = 3.6, **kwargs):
    """A figure in the house style and its axes, as `matplotlib.pyplot.subplots` returns them.

    The figure belongs to nobody but you: pyplot does not know it, no setting stays changed, and
    it vanishes when the last reference goes. `width` and `height` are inches at 120 dots each;
    other keywords go to `matplotlib.figure.Figure.subplots`.

    >>> fig, ax = subplots()
    >>> line, = ax.plot([0, 1, 2], [0, 1, 4])
    >>> ax.get_xlabel()
    ''
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        return figure, figure.subplots(rows, columns, **kwargs)


class Picture:
    """A drawn figure with its alternative text, ready for any front end.

    Args:
      figure: a `matplotlib.figure.Figure`; it is drawn at once and not kept.
      alt: one or more full sentences saying what the figure shows.

    Raises:
      ValueError: if `alt` is not a sentence (too short, or without a full stop).
    """

    def __init__(self, figure: Figure, alt: str):
        self.alt = sentence(alt)
        self.png = _png(figure)
        pixels = Image.open(io.BytesIO(self.png)).size
        self.width = round(pixels[0] * 96 / _DPI)

    @property
    def html(self) -> str:
        """The picture as one `<img>` element with its alternative text."""
        data = base64.b64encode(self.png).decode("ascii")
        return (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" style="max-width: 100%" '
            f'src="data:image/png;base64,{data}">'
        )

    def __repr__(self) -> str:
        return f"[Figure: {self.alt}]"

    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": repr(self), "text/html": self.html, "image/png": self.png}


def show(figure: Figure, alt: str) -> None:
    """Display a figure under the cell, with a full-sentence description of what it shows.

    >>> fig, ax = subplots()
    >>> show(fig, alt="An empty pair of axes from zero to one.")
    [Figure: An empty pair of axes from zero to one.]
    """
    from IPython.display import display

    picture = Picture(figure, alt)
    if getattr(figure.canvas, "manager", None) is not None:
        # A pyplot figure would be shown a second time, without its text, when the cell ends.
        from matplotlib import pyplot

        pyplot.close(figure)
    display(picture)


def sentence(alt: str) -> str:
    """`alt` itself, if it reads like a sentence; `ValueError` if it does not."""
    text = " ".join(str(alt).split())
    if len(text) < 20 or not text.endswith((".", "!", "?")):
        raise ValueError(
            f"alt={alt!r} is not a description. Say in full sentences what the figure shows, for "
            'readers who cannot see it: "The loss falls from 2.3 to 0.4 in 100 steps."'
        )
    return text


def _png(figure: Figure) -> bytes:
    """The figure as a PNG of at most 256 colours: smaller, and the same to the eye.

    Drawn once, straight into memory: `savefig` lays everything out a second time and makes a file
    that would have to be read again, while a slider waits.
    """
    before = figure.canvas, figure.dpi, figure.get_facecolor()
    figure.set(dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    figure.set(canvas=before[0], dpi=before[1], facecolor=before[2])
    small = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        small, format="PNG"
    )
    return small.getvalue()
