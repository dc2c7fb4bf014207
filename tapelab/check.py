"""The checks behind the exercises: say "not answered yet", or precisely what is wrong, or why it
is right.

A check cell reads `check.exercise("02.1", answer)`. What the right answer is, which mistakes are
typical and what to say about each stands in `tapelab/exercises/lesson_02.py`, where a test finds
every exercise, accepts its solution and makes sure that each mistake is recognised.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np


@dataclass(frozen=True)
class Exercise:
    """One exercise: how to recognise a right answer and the usual wrong ones.

    Args:
      key: lesson and number, as in `"02.1"`.
      hint: said while the answer is still `...`.
      insight: one line said after "Well done".
      solution: called without arguments; returns the right answer. Numbers, arrays, tensors,
        strings, None, lists and dicts of these are compared by value; a function is compared
        by calling it on each of `cases`.
      mistakes: what to say -> a function returning the wrong answer that deserves it.
      cases: for functions: called without arguments; returns the argument tuples to try.
      judge: replaces the comparison; takes the answer, returns what is wrong with it or None.
      rtol, atol: how far a number may be off, as in `numpy.isclose`.
    """

    key: str
    hint: str
    insight: str
    solution: Callable[[], object]
    mistakes: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    cases: Callable[[], Sequence[tuple]] | None = None
    judge: Callable[[object], str | None] | None = None
    rtol: float = 1e-4
    atol: float = 1e-6


@dataclass(frozen=True)
class Question:
    """One quiz question: the choices in order, each with its explanation, and the right one.

    Args:
      key: lesson and number, as in `"02.q1"`.
      text: the question; `code` between backticks.
      choices: choice -> the explanation shown when it is picked.
      answer: the right choice, spelled as in `choices`.

    Raises:
      ValueError: if there are fewer than three choices, `answer` is not one of them, or a
        choice is too long for one line.
    """

    key: str
    text: str
    choices: Mapping[str, str]
    answer: str

    def __post_init__(self):
        if len(self.choices) < 3:
            raise ValueError(f"question {self.key} needs at least three choices")
        if self.answer not in self.choices:
            raise ValueError(f"question {self.key}: the answer {self.answer!r} is not a choice")
        for choice, why in self.choices.items():
            if len(choice) > 90 or not why.strip():
                raise ValueError(
                    f"question {self.key}: {choice!r} must have at most 90 characters and an "
                    "explanation"
                )


def lesson(number: str) -> dict[str, Exercise | Question]:
    """All exercises and questions of a lesson (`"02"`), by key and in order."""
    try:
        module = import_module(f"tapelab.exercises.lesson_{number}")
    except ModuleNotFoundError:
        raise KeyError(f"there are no exercises for lesson {number!r}") from None
    return {item.key: item for item in (*module.EXERCISES, *module.QUESTIONS)}


def find(key: str) -> Exercise | Question:
    """The exercise (`"02.1"`) or quiz question (`"02.q1"`) of that name."""
    known = lesson(key.partition(".")[0])
    if key not in known:
        raise KeyError(f"no exercise {key!r}; this lesson has {', '.join(known)}")
    return known[key]


def exercise(key: str, *answer) -> None:
    """Say what a check has to say about an answer.

    Prints one of "not answered yet" with a hint, "not yet" with what is wrong, or "well done".
    It never raises because of an answer, so that a whole notebook can run with blanks in it.

    Args:
      key: lesson and number of the exercise, as in `"02.1"`.
      *answer: the answer; several values are one answer in several parts.
    """
    spec = find(key)
    if not isinstance(spec, Exercise):
        raise KeyError(f"{key!r} is a quiz question; exercises are spelled like '02.1'")
    status, message = assess(spec, answer[0] if len(answer) == 1 else answer)
    said = {"open": "not answered yet. Hint:", "wrong": "not yet.", "right": "well done!"}
    print(textwrap.fill(f"Exercise {key}: {said[status]} {message}", width=88))


def assess(spec: Exercise, answer) -> tuple[str, str]:
    """`("open" | "wrong" | "right", what to say)` for an answer to an exercise."""
    if spec.cases is not None:
        return _assess_function(spec, answer)
    return _assess_value(spec, answer)


def _assess_value(spec, answer):
    if _blank(answer):
        return "open", spec.hint
    for message, mistaken in spec.mistakes.items():
        if difference(answer, mistaken(), spec.rtol, spec.atol) is None:
            return "wrong", message
    if spec.judge is not None:
        wrong = _judged(spec, answer)
    else:
        wrong = difference(answer, spec.solution(), spec.rtol, spec.atol)
    return ("right", spec.insight) if wrong is None else ("wrong", wrong)


def _assess_function(spec, answer):
    if _blank(answer):
        return "open", spec.hint
    if not callable(answer):
        return "wrong", f"Your answer should be a function; it is {_kind(answer)}."
    results = []
    for case in spec.cases():
        try:
            results.append(answer(*case))
        except Exception as error:
            said = f"{_call(case)} raised {type(error).__name__}: {error}"
            # the answer to `w = w - rate * gradient` in a loop, or to a gradient of None
            if "NoneType" in said or "received None" in said:
                said += ". Is it a gradient that is None? Then the tape saw no path to its source."
            return "wrong", said
    if any(_blank(result) for result in results):
        return "open", spec.hint
    if all(result is None for result in results) and _forgets_to_return(answer):
        return "wrong", "Your function returns nothing: its last line should begin with `return`."
    cases = list(spec.cases())  # made anew: the answer may have changed its arguments

    def same_everywhere(function):
        return all(
            difference(result, function(*case), spec.rtol, spec.atol) is None
            for case, result in zip(cases, results, strict=True)
        )

    for message, mistaken in spec.mistakes.items():
        if same_everywhere(mistaken()):
            return "wrong", message
    if all(result is None for result in results) and spec.solution()(*cases[0]) is not None:
        return "wrong", (
            f"{_call(cases[0])} returned None. Does your function end with `return`? If it returns "
            "a gradient, the tape saw no path from the source to the target."
        )
    if spec.judge is not None:
        wrong = _judged(spec, answer)
        return ("right", spec.insight) if wrong is None else ("wrong", wrong)
    right = spec.solution()
    for case, result in zip(cases, results, strict=True):
        wrong = difference(result, right(*case), spec.rtol, spec.atol)
        if wrong is not None:
            return "wrong", f"For {_call(case)}: {wrong}"
    return "right", spec.insight


def _forgets_to_return(function) -> bool:
    """Whether a `def` has no `return` with something after it."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_name == "<lambda>":
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return False
    return not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(tree))


def _judged(spec, answer):
    try:
        return spec.judge(answer)
    except Exception as error:
        what = "Your function" if callable(answer) else _kind(answer).capitalize()
        return f"{what} does not fit: {type(error).__name__}: {error}"


def difference(answer, expected, rtol: float = 1e-4, atol: float = 1e-6) -> str | None:
    """What distinguishes an answer from the expected one, in a sentence; None if nothing does.

    The sentence names the kind of mistake (shape, dtype, None, sign, factor, transposed, a
    missing term), never the expected number.

    >>> difference(-6.0, 6.0)
    'The sign is flipped.'
    >>> difference([1.0, 2.0], [1.0, 2.0]) is None
    True
    """
    if expected is None or answer is None:
        return _none_difference(answer, expected)
    if isinstance(expected, Mapping) or isinstance(answer, Mapping):
        return _mapping_difference(answer, expected, rtol, atol)
    if isinstance(expected, str) or isinstance(answer, str):
        return _string_difference(answer, expected)
    if _is_structure(expected) or (isinstance(answer, (list, tuple)) and not _numeric(answer)):
        if _is_array(answer) and np.ndim(_array(answer)) > 0:
            answer = list(_array(answer))  # stacked is as good as listed
        return _sequence_difference(answer, expected, rtol, atol)
    return _array_difference(answer, expected, rtol, atol)


def _none_difference(answer, expected):
    if answer is None and expected is None:
        return None
    if answer is None:
        return (
            "Your answer is None. A gradient is None when the tape saw no path from the source to "
            "the target. Is everything computed inside the `with` block, from a watched input? In "
            "floats (2.0, not 2)? And is the question tape.gradient(target, source)?"
        )
    return f"You gave {_kind(answer)}, but here the answer is None."


def _mapping_difference(answer, expected, rtol, atol):
    if not isinstance(answer, Mapping) or not isinstance(expected, Mapping):
        return f"Your answer is {_kind(answer)}; expected {_kind(expected)}."
    if answer.keys() != expected.keys():
        return (
            f"The keys should be {sorted(expected, key=str)}; yours are {sorted(answer, key=str)}."
        )
    for key, value in expected.items():
        wrong = difference(answer[key], value, rtol, atol)
        if wrong is not None:
            return f"At {key!r}: {wrong}"
    return None


def _string_difference(answer, expected):
    if not isinstance(expected, str):
        return f"Your answer is text in quotes, {answer!r}; expected {_kind(expected)}."
    if not isinstance(answer, str):
        return f"Your answer is {_kind(answer)}; expected {_kind(expected)}."
    if answer.strip().lower() == expected.strip().lower():
        return None
    return f"It is not {answer!r}."


def _sequence_difference(answer, expected, rtol, atol):
    if not isinstance(expected, (list, tuple)):
        expected = [expected]
    if not isinstance(answer, (list, tuple)):
        return f"Your answer is {_kind(answer)}; expected {len(expected)} values."
    if len(answer) != len(expected):
        return f"Your answer has {len(answer)} parts; expected {len(expected)}."
    for position, (mine, right) in enumerate(zip(answer, expected, strict=True), start=1):
        wrong = difference(mine, right, rtol, atol)
        if wrong is not None:
            return f"Part {position}: {wrong}"
    return None


def _array_difference(answer, expected, rtol, atol):
    mine, right = _array(answer), _array(expected)
    if mine.dtype.kind not in "biufc" or right.dtype.kind not in "biufc":
        return f"Your answer is {_kind(answer)}; expected {_kind(expected)}."
    if right.dtype.kind == "b" and mine.dtype.kind != "b":
        return f"Your answer is {_kind(answer)}; expected True or False."
    if mine.shape != right.shape:
        return _shape_difference(mine.shape, right.shape)
    tensors = hasattr(answer, "numpy") and hasattr(expected, "numpy")
    if tensors and mine.dtype.kind != right.dtype.kind:
        return f"The dtype is {mine.dtype}; expected {right.dtype}."
    if right.dtype.kind == "b":
        return None if np.array_equal(mine, right) else f"It is not {_short(mine)}."
    close = np.isclose(mine, right, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return None
    return _value_difference(mine, right, close, rtol, atol)


def _shape_difference(mine, right):
    said = f"The shape is {mine}; expected {right}."
    if mine == right[::-1]:
        return said + " It looks transposed."
    if mine == ():
        return said + " It looks summed up: keep the components apart."
    if right == ():
        return said + " Reduce it to one number."
    if [n for n in mine if n != 1] == [n for n in right if n != 1]:
        return said + " An axis of length 1 is missing or too many."
    return said


def _value_difference(mine, right, close, rtol, atol):
    """Name the mistake: not finite, zero, sign, factor, transposed, shifted, or where it is."""

    def same(a, b):
        return np.allclose(a, b, rtol=rtol, atol=atol)

    if np.isfinite(right).all() and not np.isfinite(mine).all():
        what = "nan" if np.isnan(mine).any() else "inf"
        return f"There is {what} in it: something overflowed or was divided by zero on the way."
    if not np.isfinite(right).all():
        return "Some values should not be finite, and yours are not the same ones."
    if not mine.any():
        return "It is zero, and should not be."
    if same(mine, -right):
        return "The sign is flipped."
    if mine.ndim >= 2 and mine.shape[-1] == mine.shape[-2] and same(mine.swapaxes(-1, -2), right):
        return "It is transposed."
    factor = _factor(mine, right)
    if factor is not None and same(mine, factor * right):
        return f"It is {factor:.4g} times what it should be."
    if mine.size > 1 and same(mine - right, (mine - right).flat[0]):
        return "Every element is off by the same amount: is a term missing, or one too many?"
    off = np.argwhere(~close)
    how = "large" if mine[tuple(off[0])] > right[tuple(off[0])] else "small"
    if mine.size == 1:
        return f"{_short(mine)} is too {how}."
    where = "[" + ", ".join(str(i) for i in off[0]) + "]"
    return f"{len(off)} of {mine.size} elements differ; the first, at {where}, is too {how}."


def _factor(mine, right) -> float | None:
    """The ratio of two arrays; of two single numbers only if it is tidy, as 2 or 1/3 are."""
    nonzero = (mine != 0) & (right != 0)
    if not nonzero.any():
        return None
    factor = mine[nonzero].flat[0] / right[nonzero].flat[0]
    tidy = any(0 < abs(n) < 1e4 and abs(n - round(n)) < 1e-3 for n in (factor, 1 / factor))
    tidy = tidy and round(factor, 3) != 1
    return factor if tidy or mine.size > 1 else None


def _blank(answer) -> bool:
    if answer is ...:
        return True
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    return isinstance(answer, (list, tuple)) and any(_blank(part) for part in answer)


def _array(value) -> np.ndarray:
    if isinstance(value, (list, tuple)):
        return np.asarray([_array(part) for part in value])
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _numeric(value) -> bool:
    """Whether nested lists hold numbers only, and make a rectangular array."""
    try:
        return _array(value).dtype.kind in "biufc"
    except ValueError:
        return False


def _is_structure(value) -> bool:
    """Whether a list or tuple is compared part by part: when its parts are not plain numbers."""
    if not isinstance(value, (list, tuple)):
        return False
    return not all(isinstance(part, (bool, int, float)) for part in value)


def _is_array(value) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "numpy")


def _kind(value) -> str:
    if value is None:
        return "None"
    if callable(value) and hasattr(value, "__name__"):
        return "a function (call it?)"
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return "a number"
    if _is_array(value):
        return "a tensor" if hasattr(value, "numpy") else "an array"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _short(array) -> str:
    return f"{array.item():.6g}" if array.dtype.kind in "iuf" and array.size == 1 else str(array)


def _call(case) -> str:
    """How a call of the learner's function reads: `your function(3.0)`."""

    def show(value):
        if isinstance(value, (list, tuple)) and not _numeric(value):
            return f"[{', '.join(map(show, value))}]"
        value = _array(value) if _numeric(value) or hasattr(value, "numpy") else value
        return re.sub(r"\s+", " ", str(value.tolist() if isinstance(value, np.ndarray) else value))

    return f"your function({', '.join(show(value) for value in case)})"
