"""A multiple-choice question that explains every choice."""

from __future__ import annotations

import html
import re

import ipywidgets

from tapelab import check
from tapelab.widgets.explore import with_static_page

# In a narrow window ipywidgets lets a choice of two lines run into the next one.
_STYLE = (
    "<style>.tapelab-quiz .widget-radio-box label {height: auto !important; display: flex; "
    "flex-direction: row-reverse; justify-content: flex-end; white-space: normal} "
    ".tapelab-quiz .widget-radio-box input {flex: none}</style>"
)


def quiz(key: str) -> Quiz:
    """The quiz question of that key (`"04.q1"`): pick a choice, read why it is right or wrong.

    Raises:
      KeyError: if there is no question of that key.

    >>> asked = quiz("04.q1")
    >>> asked.choices.value = asked.question.answer
    >>> "Right." in asked.html.value
    True
    """
    question = check.find(key)
    if not isinstance(question, check.Question):
        raise KeyError(f"{key!r} is an exercise; quiz questions are spelled like '02.q1'")
    return Quiz(question)


class Quiz(ipywidgets.VBox):
    """Radio buttons for the choices of a `check.Question`, and the explanation of the one picked.

    `choices.value` is the picked choice or None, `html.value` what is said about it. Where there
    is no kernel, the question shows as a lettered list with the explanations folded away.
    """

    def __init__(self, question: check.Question):
        self.question = question
        self._spelled = {_plain(choice): choice for choice in question.choices}
        self.choices = ipywidgets.RadioButtons(
            options=[(label, choice) for label, choice in self._spelled.items()],
            value=None,
            layout=ipywidgets.Layout(width="100%"),
        )
        self.html = ipywidgets.HTML()
        self.choices.observe(self._explain, names="value")
        asked = ipywidgets.HTML(f"{_STYLE}<b>{_code(question.text)}</b>")
        super().__init__([asked, self.choices, self.html])
        self.add_class("tapelab-quiz")

    def _explain(self, change=None):
        choice = self.choices.value
        if choice is None:
            self.html.value = ""
            return
        said = _code(self.question.choices[choice])
        self.html.value = f'<p aria-live="polite"><b>{self._verdict(choice)}</b> {said}</p>'

    def _verdict(self, choice):
        return "Right." if choice == self.question.answer else "Not quite."

    def __repr__(self) -> str:
        return f"[Question {self.question.key}: {_plain(self.question.text)}]"

    def _repr_mimebundle_(self, **kwargs):
        return with_static_page(self, self._static())

    def _static(self) -> str:
        question = self.question
        choices = "".join(f"<li>{_code(choice)}</li>" for choice in question.choices)
        answers = "".join(
            f"<li><b>{self._verdict(choice)}</b> {_code(why)}</li>"
            for choice, why in question.choices.items()
        )
        return (
            f'<p><b>{_code(question.text)}</b></p><ol type="A">{choices}</ol>'
            f'<details><summary>Answer</summary><ol type="A">{answers}</ol></details>'
        )


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _plain(text: str) -> str:
    return text.replace("`", "")
