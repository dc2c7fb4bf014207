"""A picture with controls: move a control, the picture is drawn again.

Every interactive picture of the lessons is an `Explorer`: ordinary ipywidgets controls above one
`HTML` widget that holds an `<img alt="...">`. No output area is involved, so nothing leaks into
the cell, the picture survives in the saved notebook, and a test can move a control from Python
and read what a learner would see.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable

import ipywidgets

from tapelab.widgets.figure import Picture

_SLOW = 0.05  # seconds: above this, draw when a slider is released, not while it moves


class Explorer(ipywidgets.VBox):
    """Controls above one picture that follows them.

    Args:
      draw: called with the controls' values as keywords; returns `(figure, alt)`, the
        matplotlib figure and the full sentences that describe it, numbers included.
      continuous: draw while a slider moves (True) or when it is released (False). By default
        the first drawing is timed, and only pictures faster than 50 ms follow continuously.
      beside: controls to the left of the picture instead of above it.
      **controls: the ipywidgets controls by name. One without a description gets its name.

    What a test or a curious learner can reach: `controls` (by name), `values`, `alt`, `html`
    (the widget that holds the picture), `error` (what `draw` raised last, or None).

    >>> import ipywidgets
    >>> from tapelab import widgets
    >>> def draw(w):
    ...     fig, ax = widgets.subplots()
    ...     ax.plot([0, 1], [0, w])
    ...     return fig, f"A line from the origin that reaches {w:.1f} at x = 1."
    >>> explorer = widgets.Explorer(draw, w=ipywidgets.FloatSlider(1.0, min=-3, max=3))
    >>> explorer.controls["w"].value = 2.0
    >>> explorer.alt
    'A line from the origin that reaches 2.0 at x = 1.'
    """

    def __init__(
        self, draw: Callable, *, continuous: bool | None = None, beside: bool = False, **controls
    ):
        self.draw = draw
        self.controls = controls
        self.alt = ""
        self.error: Exception | None = None
        self.html = ipywidgets.HTML()
        for name, control in controls.items():
            control.description = control.description or name
            if hasattr(control, "style"):  # not every control is ipywidgets' own
                control.style.description_width = "initial"
            if isinstance(control, (ipywidgets.FloatSlider, ipywidgets.IntSlider)):
                control.layout.width = "340px"
        panel = ipywidgets.HBox(
            list(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        content = [panel, self.html]
        super().__init__([ipywidgets.HBox(content)] if beside else content)

        started = time.perf_counter()
        self.redraw()
        if continuous is None:
            continuous = time.perf_counter() - started < _SLOW
        for control in controls.values():
            if control.has_trait("continuous_update"):
                control.continuous_update = continuous
            control.observe(self.redraw, names="value")

    @property
    def values(self) -> dict:
        """The controls' present values, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self, change=None) -> None:
        """Draw with the present values; an error of `draw` is shown in place of the picture."""
        try:
            figure, alt = self.draw(**self.values)
            picture = Picture(figure, alt)
        except Exception as error:  # whatever a learner's function raises belongs on the screen
            self.error = error
            self.alt = f"Nothing to show: {type(error).__name__}: {error}"
            self.html.value = f'<p role="alert"><b>{html.escape(self.alt)}</b></p>'
            return
        self.error = None
        self.alt = picture.alt
        self.html.value = picture.html

    def __repr__(self) -> str:
        settings = ", ".join(
            f"{control.description} = {_text(control.value)}"
            for control in self.controls.values()
            if not isinstance(control.value, bytes)
        )
        return f"[Interactive figure{settings and f' with {settings}'}. {self.alt}]"

    def _repr_mimebundle_(self, **kwargs):
        # The picture as HTML is for pages without a kernel (GitHub, slides, paper).
        return with_static_page(self, self.html.value)


def with_static_page(widget: ipywidgets.Widget, static: str) -> dict:
    """What a cell shows: the live widget, and `static` HTML where there is no JupyterLab."""
    bundle = ipywidgets.DOMWidget._repr_mimebundle_(widget)
    return bundle | {"text/plain": repr(widget), "text/html": static}


def _text(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
