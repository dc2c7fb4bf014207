"""The checks behind the exercises: right is accepted, every usual mistake is named."""

import numpy as np
import pytest

from tapelab import check
from tapelab.check import Exercise, Question, assess, difference


@pytest.mark.parametrize(
    "answer, expected, said",
    [
        (None, 6.0, "None"),
        (6.0, None, "here the answer is None"),
        (-6.0, 6.0, "sign"),
        (12.0, 6.0, "2 times"),
        (3.0, 6.0, "0.5 times"),
        (6.5, 6.0, "too large"),
        (5.5, 6.0, "too small"),
        (0.0, 6.0, "zero"),
        (np.nan, 6.0, "nan"),
        (np.inf, 6.0, "inf"),
        (1.0, np.inf, "not be finite"),
        ("6", 6.0, "text in quotes, '6'"),
        (np.ones((2, 3)), np.ones((3, 2)), "transposed"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 3.0], [2.0, 4.0]]), "transposed"),
        (7.0, np.array([3.0, 4.0]), "summed up"),
        (np.array([3.0, 4.0]), 7.0, "one number"),
        (np.ones((3, 1)), np.ones(3), "axis of length 1"),
        (np.ones(4), np.ones(3), "(4,); expected (3,)"),
        (np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0]), "term"),
        (np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 3.0]), "1 of 3 elements differ; the first"),
        ([1.0, None], [None, None], "Part 1"),
        ([None], [None, None], "1 parts; expected 2"),
        ({"a": 1.0}, {"a": 2.0}, "At 'a'"),
        ({"a": 1.0}, {"b": 1.0}, "keys"),
        ("tensor", "variable", "not 'tensor'"),
        (1.0, True, "True or False"),
        (False, True, "not False"),
        (len, 6.0, "function"),
        (len, np.ones(2), "expected an array"),
        (6.0, len, "a number; expected a function"),  # the answers of 06.1, the one for the other
        (1.0004, 1.0, "too large"),  # and not "1 times what it should be"
        ((1.0, np.ones(1)), (1.0, 2.0), "Part 2: The shape is (1,)"),
    ],
)
def test_a_mistake_is_named(answer, expected, said):
    assert said in difference(answer, expected)


@pytest.mark.parametrize(
    "answer, expected",
    [
        (6, 6.0),
        (np.float32(0.1), 0.1),
        ([3.0, 4.0], np.array([3.0, 4.0])),
        ((np.ones(2), None), [np.ones(2), None]),
        (" Variable", "variable"),
        ({"a": 1}, {"a": 1.0}),
        (np.bool_(True), True),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0])),
        (np.ones((2, 3)), [np.ones(3), np.ones(3)]),  # stacked instead of listed
    ],
)
def test_an_equal_answer_is_accepted(answer, expected):
    assert difference(answer, expected) is None


def test_the_kind_of_a_tensor_counts_and_not_its_precision():
    class Tensor:
        def __init__(self, dtype):
            self.value = np.ones(2, dtype)

        def numpy(self):
            return self.value

    assert difference(Tensor("int32"), Tensor("float32")) == "The dtype is int32; expected float32."
    assert difference(Tensor("float64"), Tensor("float32")) is None
    assert difference(np.ones(2), Tensor("float32")) is None


SQUARE = Exercise(
    "99.1",
    hint="Multiply.",
    insight="A square.",
    solution=lambda: lambda x: x * x,
    mistakes={"That is twice the number.": lambda: lambda x: x + x},
    cases=lambda: [(3.0,), (-1.5,)],
)


@pytest.mark.parametrize(
    "function, status, said",
    [
        (..., "open", "Multiply."),
        (lambda x: ..., "open", "Multiply."),
        (lambda x: x**2, "right", "A square."),
        (lambda x: x + x, "wrong", "twice"),
        (lambda x: -x * x, "wrong", "your function(3.0): The sign is flipped."),
        (lambda: 1, "wrong", "raised TypeError"),
        (9.0, "wrong", "should be a function"),
        (lambda x: None, "wrong", "returned None. Does your function end with `return`?"),
        (lambda x: x * None, "wrong", "Is it a gradient that is None?"),
    ],
)
def test_a_function_is_judged_by_what_it_returns(function, status, said):
    verdict, message = assess(SQUARE, function)
    assert verdict == status
    assert said in message


@pytest.mark.parametrize("blank", [..., (1.0, ...), [[...]], {"a": ...}])
def test_a_blank_anywhere_is_not_an_answer(blank):
    spec = Exercise("99.2", hint="Think.", insight="", solution=lambda: 1.0)
    assert assess(spec, blank) == ("open", "Think.")


def test_a_judge_replaces_the_comparison():
    spec = Exercise(
        "99.3", "hint", "insight", lambda: 4, judge=lambda n: "It is odd." if n % 2 else None
    )
    assert assess(spec, 8) == ("right", "insight")
    assert assess(spec, 7) == ("wrong", "It is odd.")
    assert assess(spec, None)[0] == "wrong"


@pytest.mark.parametrize(
    "fault", [{"answer": "d"}, {"choices": {"a": "x", "b": "y"}}, {"choices": {"a" * 91: "x"}}]
)
def test_a_question_without_a_fair_choice_is_refused(fault):
    good = dict(key="99.q1", text="?", choices={"a": "x", "b": "y", "c": "z"}, answer="a")
    Question(**good)
    with pytest.raises(ValueError, match="question 99"):
        Question(**good | fault)


def test_an_unknown_exercise_is_named():
    with pytest.raises(KeyError, match="no exercises for lesson 'zz'"):
        check.exercise("zz.1", 1.0)


def test_an_answer_may_change_its_arguments():
    def total(parts):
        result = parts[0]
        for part in parts[1:]:
            result += part  # in place, as a beginner would
        return result

    spec = Exercise(
        "00.9",
        hint="Add them up.",
        insight="Yes.",
        solution=lambda: lambda parts: sum(parts),
        cases=lambda: [([np.array([1.0, 2.0]), np.array([3.0, 4.0])],)],
    )
    assert assess(spec, total) == ("right", "Yes.")


def test_a_forgotten_return_is_named():
    def forgets(x):
        2 * x

    def says_none(x):
        return [None][0]

    spec = Exercise(
        "00.9",
        hint="Twice.",
        insight="Yes.",
        solution=lambda: lambda x: 2 * x,
        mistakes={"Watch x.": lambda: lambda x: None},
        cases=lambda: [(1.0,), (2.0,)],
    )
    assert "begin with `return`" in assess(spec, forgets)[1]
    assert assess(spec, says_none) == ("wrong", "Watch x.")
    assert assess(spec, lambda x: None) == ("wrong", "Watch x.")
