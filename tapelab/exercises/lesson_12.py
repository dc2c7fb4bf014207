"""Exercises and quiz questions of lesson 12."""

import numpy as np

from tapelab.check import Exercise, Question

NO_TUPLE = "That is one array; a rule returns a tuple with one share for each input: (share,)."


def _arrays():
    g, x, y = np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.2, -0.7]), np.array([2.0, 5.0, -1.0])
    return [(g, x, y), (y, g, x)]


def _one_input():
    return [case[:2] for case in _arrays()]


def _rows():
    return [
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
        (np.array([3.0, -1.0, 0.5]), np.ones((3, 4))),
    ]


def _shares(g, operation, values):
    if operation == "add":
        return [g, g]
    return [g * values[1], g * values[0]]


def _walk(add_up=True, forwards=False):
    """The walk of exercise 12.4, and the usual ways to get it wrong."""

    def walk(records, values, target):
        cotangents = {target: 1.0}
        for operation, output, a, b in records if forwards else reversed(records):
            if output not in cotangents:
                continue
            shares = _shares(cotangents[output], operation, (values[a], values[b]))
            for name, share in zip((a, b), shares):
                cotangents[name] = share + (cotangents.get(name, 0.0) if add_up else 0.0)
        return cotangents

    return walk


def _tapes():
    return [
        (
            [("mul", "t1", "x", "w"), ("mul", "t2", "x", "x"), ("add", "y", "t1", "t2")],
            {"x": 3.0, "w": 2.0, "t1": 6.0, "t2": 9.0, "y": 15.0},
            "y",
        ),
        (
            [("mul", "p", "a", "a"), ("mul", "unused", "a", "b"), ("mul", "q", "p", "p")],
            {"a": 2.0, "b": 5.0, "p": 4.0, "unused": 10.0, "q": 16.0},
            "q",
        ),
    ]


def _tanh_second(x):
    return -2.0 * np.tanh(x) * (1.0 - np.tanh(x) ** 2)


EXERCISES = [
    Exercise(
        "12.1",
        hint="If y grows, x - y shrinks, as fast as y grows.",
        insight="One share for each input, and each is g times a slope: 1 and -1.",
        solution=lambda: lambda g, x, y: (g, -g),
        mistakes={
            "Those are the shares of an addition: more y makes the difference smaller.": (
                lambda: lambda g, x, y: (g, g)
            ),
            "Those are the slopes alone: multiply each by g, or nothing after this step counts.": (
                lambda: lambda g, x, y: (np.ones_like(g), -np.ones_like(g))
            ),
            "The two shares are exchanged: x comes first.": lambda: lambda g, x, y: (-g, g),
        },
        cases=_arrays,
    ),
    Exercise(
        "12.2",
        hint="The slope of tanh is 1 - tanh(x)². One input: one share, in a tuple.",
        insight="The formula you know, times what arrives from above.",
        solution=lambda: lambda g, x: (g * (1.0 - np.tanh(x) ** 2),),
        mistakes={
            "The g is missing: the rule says what becomes of what arrives from above.": (
                lambda: lambda g, x: (1.0 - np.tanh(x) ** 2,)
            ),
            "The slope is 1 - tanh(x)², the square of the result, not 1 - x².": (
                lambda: lambda g, x: (g * (1.0 - x**2),)
            ),
            NO_TUPLE: lambda: lambda g, x: g * (1.0 - np.tanh(x) ** 2),
        },
        cases=_one_input,
    ),
    Exercise(
        "12.3",
        hint="Each of the m numbers of a row has the slope 1/m. g has one number for each row.",
        insight="Forward it adds up, backward it spreads out: the mirror image of unbroadcast.",
        solution=lambda: lambda g, x: (g[:, None] * np.ones_like(x) / x.shape[1],),
        mistakes={
            "That is right for the sum of a row; its mean moves only 1/m as far.": (
                lambda: lambda g, x: (g[:, None] * np.ones_like(x),)
            ),
            "You divided by the number of all elements; the mean runs over one row.": (
                lambda: lambda g, x: (g[:, None] * np.ones_like(x) / x.size,)
            ),
            "The share must have the shape of x: give each row its number, g[:, None].": (
                lambda: lambda g, x: (g / x.shape[1],)
            ),
            NO_TUPLE: lambda: lambda g, x: g[:, None] * np.ones_like(x) / x.shape[1],
        },
        cases=_rows,
    ),
    Exercise(
        "12.4",
        hint="Start with {target: 1.0}; go through reversed(records); skip what is not in it.",
        insight="That is reverse-mode differentiation, the whole of it.",
        solution=_walk,
        mistakes={
            "A name that is used twice gets two shares, and they add up; yours overwrites.": (
                lambda: _walk(add_up=False)
            ),
            "You start with the first record, where nothing has arrived yet: begin at the end.": (
                lambda: _walk(forwards=True)
            ),
        },
        cases=_tapes,
    ),
    Exercise(
        "12.5",
        hint="tanh's rule in your own operations: g * (1 - tanh(x) * tanh(x)), with + and * only.",
        insight="The rule of tanh calls tanh: written once, good for every order.",
        solution=lambda: _tanh_second,
        mistakes={
            "That is the first derivative. Put a second tape around the first.": (
                lambda: lambda x: 1.0 - np.tanh(x) ** 2
            ),
            "None: a rule written with np leaves no records for the outer tape. Use your own "
            "operations in it.": lambda: lambda x: None,
            "The sign is wrong: the slope of tanh falls on the right side of 0.": (
                lambda: lambda x: -_tanh_second(x)
            ),
        },
        cases=lambda: [(0.5,), (-1.2,)],
    ),
]

QUESTIONS = [
    Question(
        "12.q1",
        "Why does the walk add to a cotangent that is already there?",
        choices={
            "To make it larger in each training step": (
                "That is PyTorch's `.grad`, a different matter. This is within one walk."
            ),
            "Because of rounding": "It adds up different paths, not small errors.",
            "Because a value that is used twice matters in two ways": (
                "Each use sends its share back; together they are the derivative."
            ),
        },
        answer="Because a value that is used twice matters in two ways",
    ),
    Question(
        "12.q2",
        "A bias of shape (2,) was added to a matrix of shape (100, 2). Its cotangent is",
        choices={
            "the cotangent of the result, summed over the 100 rows": (
                "Each bias was used a hundred times, once for each row, and uses add up."
            ),
            "the cotangent of the result": "That has the shape (100, 2); the bias has two numbers.",
            "the mean of the 100 rows": "A mean appears only if the loss takes one.",
        },
        answer="the cotangent of the result, summed over the 100 rows",
    ),
    Question(
        "12.q3",
        "A rule is written with `np`. What is lost?",
        choices={
            "Nothing": "The first derivative is right. Ask for the second.",
            "An outer tape cannot differentiate the gradient": (
                "NumPy leaves no record, so the outer tape finds no path: None."
            ),
            "The first derivative": "It is right; only its history is missing.",
        },
        answer="An outer tape cannot differentiate the gradient",
    ),
]
