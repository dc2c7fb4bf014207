"""Every exercise of every lesson: the solution is accepted, each typical mistake is named."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import tapelab as tf
import tapelab.exercises
from tapelab.check import Exercise, Question, assess, difference

FOLDER = Path(tapelab.exercises.__file__).parent
NUMBERS = sorted(path.stem.removeprefix("lesson_") for path in FOLDER.glob("lesson_*.py"))
MODULES = {number: import_module(f"tapelab.exercises.lesson_{number}") for number in NUMBERS}
EXERCISES = [spec for module in MODULES.values() for spec in module.EXERCISES]
MISTAKES = [(spec, message) for spec in EXERCISES for message in spec.mistakes]


def named(items):
    return {"argvalues": items, "ids": [item.key for item in items]}


@pytest.mark.parametrize("number", NUMBERS)
def test_keys_carry_the_number_of_their_lesson(number):
    module = MODULES[number]
    keys = [item.key for item in (*module.EXERCISES, *module.QUESTIONS)]
    assert [spec.key for spec in module.EXERCISES] == [
        f"{number}.{place}" for place in range(1, len(module.EXERCISES) + 1)
    ]
    assert [question.key for question in module.QUESTIONS] == [
        f"{number}.q{place}" for place in range(1, len(module.QUESTIONS) + 1)
    ]
    assert len(set(keys)) == len(keys)
    assert all(isinstance(spec, Exercise) for spec in module.EXERCISES)
    assert all(isinstance(question, Question) for question in module.QUESTIONS)


@pytest.mark.parametrize("spec", **named(EXERCISES))
def test_the_solution_is_accepted(spec):
    assert assess(spec, spec.solution()) == ("right", spec.insight)


def leaves(item):
    if isinstance(item, dict):
        item = list(item.values())
    return [x for part in item for x in leaves(part)] if isinstance(item, (list, tuple)) else [item]


@pytest.mark.parametrize("spec", **named([spec for spec in EXERCISES if spec.cases]))
def test_each_call_gets_arguments_of_its_own(spec):
    changeable = (np.ndarray, tf.Variable)
    first, second = ([x for x in leaves(spec.cases()) if isinstance(x, changeable)] for _ in "ab")
    assert not any(x is y for x in first for y in second)


@pytest.mark.parametrize("spec", **named(EXERCISES))
def test_a_blank_gets_the_hint(spec):
    assert assess(spec, ...) == ("open", spec.hint)


@pytest.mark.parametrize("spec", **named(EXERCISES))
def test_hint_and_insight_are_sentences(spec):
    for said in (spec.hint, spec.insight, *spec.mistakes):
        assert said.rstrip().endswith((".", "!", "?")), said
    assert len(spec.mistakes) >= 2 or spec.judge, "name two typical mistakes, or judge"


@pytest.mark.parametrize(
    "spec, message", MISTAKES, ids=[f"{spec.key}-{message[:40]}" for spec, message in MISTAKES]
)
def test_a_typical_mistake_is_named(spec, message):
    assert assess(spec, spec.mistakes[message]()) == ("wrong", message)


def _spoilt(spec, answer):
    """Wrong answers of every general kind for a right one."""
    yield None if answer is not None else 0.0
    yield "no idea"
    yield lambda: None
    if spec.judge is not None:
        return  # many numbers may be right
    if answer is None or isinstance(answer, (str, bool, dict)) or callable(answer):
        return
    if isinstance(answer, (list, tuple)):
        yield answer[:-1]
        return
    try:
        value = answer.numpy() if hasattr(answer, "numpy") else answer
        yield -value if value.any() else value + 1
        yield value + 1
        yield value[None]
    except (AttributeError, TypeError):
        yield answer + 1


@pytest.mark.parametrize("spec", **named(EXERCISES))
def test_general_mistakes_are_rejected(spec):
    answer = spec.solution()
    for wrong in _spoilt(spec, answer):
        status, message = assess(spec, wrong)
        assert status == "wrong", f"{wrong!r} was taken for the answer"
        assert message


@pytest.mark.parametrize("spec", **named([spec for spec in EXERCISES if spec.cases]))
def test_the_cases_tell_functions_apart(spec):
    right = spec.solution()
    results = [right(*case) for case in spec.cases()]
    assert len(results) >= 2
    assert difference(results[0], results[1]) is not None, "two cases with the same result"


@pytest.mark.parametrize("number", NUMBERS)
def test_the_right_choice_is_not_always_in_the_same_place(number):
    questions = MODULES[number].QUESTIONS
    places = [list(question.choices).index(question.answer) for question in questions]
    assert len(places) < 2 or len(set(places)) > 1
