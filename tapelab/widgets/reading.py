"""Texts to look things up in: controls above a page of text that follows them."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable

import ipywidgets

from tapelab.widgets.explore import with_static_page


class Reader(ipywidgets.VBox):
    """Controls above a page of HTML.

    Args:
      page: called with the controls' values as keywords; returns `(html, text)`, the page and the
        sentences that say the same without it.
      **controls: the ipywidgets controls by name.
    """

    def __init__(self, page: Callable, **controls):
        self.page, self.controls = page, controls
        self.html = ipywidgets.HTML()
        self.alt = ""
        for name, control in controls.items():
            control.description = control.description or name
            control.style.description_width = "initial"
            control.layout.width = "auto"
            control.observe(self.turn, names="value")
        panel = ipywidgets.HBox(
            list(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        super().__init__([panel, self.html])
        self.turn()

    def turn(self, change=None) -> None:
        """Write the page for the present values."""
        values = {name: control.value for name, control in self.controls.items()}
        self.html.value, self.alt = self.page(**values)

    def __repr__(self) -> str:
        return f"[Text to look up. {self.alt}]"

    def _repr_mimebundle_(self, **kwargs):
        return with_static_page(self, self.html.value)


def listing(code: str) -> str:
    """A program as an HTML element, to be read and copied."""
    return (
        '<pre style="margin: 4px 0; padding: 6px 8px; background: #F5F5F5; color: #000000; '
        'font-size: 12.5px; line-height: 1.4; text-align: left; overflow-x: auto">'
        f"{html.escape(code)}</pre>"
    )


def rules() -> Reader:
    """The table of tapelab's primitives: choose one, read its gradient rules as they are written.

    Returns:
      A `Reader` with the control `operation`; `alt` says what is on the page.
    """
    from tapelab.primitive import P

    known = {p.key: p for p in P if p.rules and all(p.rules)}

    def page(operation):
        primitive = known[operation]
        source = "\n".join(map(inspect.getsource, dict.fromkeys(primitive.rules))).rstrip()
        home = primitive.rules[0].__module__.replace(".", "/") + ".py"
        count = f"{len(primitive.rules)} rule{'s' if len(primitive.rules) > 1 else ''}"
        text = f"{primitive.name} has {count}, from {home}."
        return f"<p>{html.escape(text)}</p>{listing(source)}", text

    return Reader(page, operation=ipywidgets.Dropdown(options=sorted(known), value="multiply"))
