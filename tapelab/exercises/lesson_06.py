"""Exercises and quiz questions of lesson 06."""

import tapelab as tf
from tapelab.check import Exercise, Question, difference

NO_PAIR = (
    "Return two things, the value and a function: return value, grad_fn. Leave the decorator "
    "out: the check puts it on."
)
FORGETFUL = (
    "On its own the gradient is right, but grad_fn ignores upstream: in 10 * f(x) it should come "
    "out ten times as large."
)
SELECTIVE = (
    "upstream may be any number, large or negative: multiply by it as it is. In -30 * f(x) the "
    "gradient should come out -30 times as large."
)


def _judge(value, slope, curvature=None, points=(-1.5, 0.5, 2.0)):
    """A judge for pairs (value, grad_fn), given the true value and derivatives as functions."""

    def judge(answer):
        pair = answer(tf.constant(points[0]))
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and callable(pair[1])):
            return NO_PAIR
        function = tf.custom_gradient(answer)
        for point in points:
            x = tf.Variable(point)
            with tf.GradientTape(persistent=True) as outer:
                with tf.GradientTape(persistent=True) as inner:
                    y = function(x)
                first = inner.gradient(y, x)
            truth = slope(x)
            checks = [("value", y, value(x)), ("gradient", first, truth)]
            if curvature is not None:
                checks.append(("second derivative", outer.gradient(first, x), curvature(x)))
            for what, mine, right in checks:
                wrong = difference(mine, right)
                if wrong is not None:
                    return f"At x = {point:g}, the {what}: {wrong}"
            for upstream, wrong in ((10.0, FORGETFUL), (-30.0, SELECTIVE)):
                g = inner.gradient(y, x, output_gradients=tf.constant(upstream))
                if difference(g, upstream * truth) is not None:
                    return wrong
        return None

    return judge


def _pair(value, grad_fn):
    """The function x -> (value(x), upstream -> grad_fn(upstream, x))."""
    return lambda x: (value(x), lambda upstream: grad_fn(upstream, x))


def _softplus(x):
    return tf.maximum(x, 0.0) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))


def _overflowing(x):
    return tf.math.log(1.0 + tf.exp(x))


def _bump(x):
    return tf.sigmoid(x) * (1.0 - tf.sigmoid(x))


def _judge_rounded(answer):
    for point in (1.4, -0.7):
        x = tf.Variable(point)
        with tf.GradientTape() as tape:
            y = answer(x)
        if isinstance(y, tuple):
            return "Return the rounded value only, not a pair."
        wrong = difference(y, tf.round(x))
        if wrong is not None:
            return f"At x = {point:g}, the value: {wrong}"
        slope = tape.gradient(y, x)
        if slope is None:
            return (
                "The value is right, but no gradient comes through. Leave an x outside "
                "stop_gradient and outside round: start with x + ..."
            )
        wrong = difference(slope, tf.constant(1.0))
        if wrong is not None:
            return f"The value is right, but the gradient should be 1. {wrong}"
    return None


def _points(*points):
    return lambda: [(tf.constant(point),) for point in points]


EXERCISES = [
    Exercise(
        "06.1",
        hint="Inside cube, define grad_fn(upstream) that returns upstream times the derivative "
        "3x², then return x**3, grad_fn.",
        insight="You have written what the tape holds for every operation: a value and a way back.",
        solution=lambda: _pair(lambda x: x**3, lambda upstream, x: upstream * 3.0 * x**2),
        mistakes={
            NO_PAIR: lambda: lambda x: x**3,
            FORGETFUL: lambda: _pair(lambda x: x**3, lambda upstream, x: 3.0 * x**2),
            "At x = -1.5, the gradient: It is 0.3333 times what it should be.": lambda: _pair(
                lambda x: x**3, lambda upstream, x: upstream * x**2
            ),
        },
        cases=_points(-1.5, 2.0),
        judge=_judge(lambda x: x**3, lambda x: 3.0 * x**2),
    ),
    Exercise(
        "06.2",
        hint="The value is tf.identity(x). What should grad_fn do with upstream?",
        insight="The part behind it learns as usual; everything before it learns the opposite.",
        solution=lambda: _pair(tf.identity, lambda upstream, x: -upstream),
        mistakes={
            "At x = -1.5, the value: The sign is flipped.": lambda: _pair(
                lambda x: -x, lambda upstream, x: -upstream
            ),
            "At x = -1.5, the gradient: The sign is flipped.": lambda: _pair(
                tf.identity, lambda upstream, x: upstream
            ),
            FORGETFUL: lambda: _pair(tf.identity, lambda upstream, x: -tf.ones_like(x)),
            SELECTIVE: lambda: _pair(tf.identity, lambda upstream, x: -tf.abs(upstream)),
        },
        cases=_points(-1.5, 2.0),
        judge=_judge(tf.identity, lambda x: -tf.ones_like(x)),
    ),
    Exercise(
        "06.3",
        hint="Compute the value with the form given, and let grad_fn return upstream * "
        "tf.sigmoid(x).",
        insight="Value and gradient each got a formula that cannot overflow, and the sigmoid's "
        "own rule looks after the second derivative. tf.nn.softplus is this function.",
        solution=lambda: _pair(_softplus, lambda upstream, x: upstream * tf.sigmoid(x)),
        mistakes={
            "At x = 100, the value: There is inf in it: something overflowed or was divided by "
            "zero on the way.": lambda: _pair(
                _overflowing, lambda upstream, x: upstream * tf.sigmoid(x)
            ),
            "At x = 100, the second derivative: There is nan in it: something overflowed or was "
            "divided by zero on the way.": lambda: _pair(
                _softplus, lambda upstream, x: upstream * (1.0 - 1.0 / (1.0 + tf.exp(x)))
            ),
            FORGETFUL: lambda: _pair(_softplus, lambda upstream, x: tf.sigmoid(x)),
        },
        cases=_points(-1.5, 2.0),
        judge=_judge(_softplus, tf.sigmoid, _bump, points=(0.5, 2.0, 100.0, -100.0)),
    ),
    Exercise(
        "06.4",
        hint="x plus the correction tf.round(x) - x is the rounded value. Now make the "
        "correction count as a constant.",
        insight="Forward, x cancels and the rounded value is left; backward, only the first x is "
        "seen.",
        solution=lambda: lambda x: x + tf.stop_gradient(tf.round(x) - x),
        mistakes={
            "Nothing is rounded: x and -x do not meet. Which of them is inside stop_gradient?": (
                lambda: lambda x: x + tf.stop_gradient(tf.round(x))
            ),
            "That is the correction alone. Add it to x.": (
                lambda: lambda x: tf.stop_gradient(tf.round(x) - x)
            ),
        },
        cases=_points(1.4, -0.7, 2.6),
        judge=_judge_rounded,
    ),
]

QUESTIONS = [
    Question(
        "06.q1",
        "What does `grad_fn` receive as its argument?",
        choices={
            "The input of the function": "The input is known from the function around it. What "
            "arrives is news from the other side.",
            "The value of the function": "The value was returned long ago. What arrives belongs to "
            "the way back.",
            "How strongly the final result reacts to the function's output": "The upstream "
            "gradient. Times your derivative, it tells how strongly the result reacts to the "
            "input.",
        },
        answer="How strongly the final result reacts to the function's output",
    ),
    Question(
        "06.q2",
        "The `grad_fn` of `f` returns 2.0 whatever comes in. What is the gradient of `5 * f(x)`?",
        choices={
            "10": "It would be, if `grad_fn` multiplied by upstream, which is 5 here.",
            "2": "The 5 arrives as upstream and is thrown away.",
            "An error": "The tape trusts you. It does not check gradients.",
        },
        answer="2",
    ),
    Question(
        "06.q3",
        "What is the gradient of `x * tf.stop_gradient(x)` at x = 4?",
        choices={
            "4": "The stopped factor counts as the constant 4, and the derivative of 4x is 4.",
            "8": "That is the derivative of x², with both factors counted.",
            "0": "Only one of the two factors is stopped.",
        },
        answer="4",
    ),
]
