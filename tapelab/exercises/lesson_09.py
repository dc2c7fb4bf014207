"""Exercises and quiz questions of lesson 09."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _slope(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def _wave(x):
    return x * tf.sin(x)


def _bowl(x):
    return tf.reduce_sum(x**2) ** 2 / 4.0


def _score(w, x):
    return tf.tanh(tf.reduce_sum(w * x))


def _push(reduce=lambda slope: tf.reduce_sum(slope**2)):
    def push(w, x):
        with tf.GradientTape() as outer:
            sensitivity = reduce(_slope(lambda x: _score(w, x), x))
        return outer.gradient(sensitivity, w)

    return push


def _turn(along=lambda g, v: tf.reduce_sum(g * v)):
    return lambda x, v: _slope(lambda x: along(_slope(_bowl, x), v), x)


EXERCISES = [
    Exercise(
        "09.1",
        hint="Two blocks, one in the other; ask the inner tape while the outer one records.",
        insight="Each derivative of exp(2x) brings a factor 2, so the second is 4 at 0.",
        solution=lambda: tf.constant(4.0),
        mistakes={
            "That is the first derivative; differentiate it once more.": lambda: 2.0,
            "That is the value, or the factor 2 of the inner function got lost.": lambda: 1.0,
            "None: is inner.gradient(...) called inside the outer block?": lambda: None,
        },
    ),
    Exercise(
        "09.2",
        hint="Move the line with inner.gradient into the outer block, and let both tapes watch x.",
        insight="The second derivative of x sin x is 2 cos x - x sin x.",
        solution=lambda: lambda x: _slope(lambda x: _slope(_wave, x), x),
        mistakes={
            "Still None: is the inner gradient asked for inside the outer block, and does each "
            "tape watch x?": lambda: lambda x: None,
            "That is the first derivative; ask the outer tape for the slope of it.": (
                lambda: lambda x: _slope(_wave, x)
            ),
            "That is one derivative too many.": (
                lambda: lambda x: _slope(lambda x: _slope(lambda x: _slope(_wave, x), x), x)
            ),
        },
        cases=lambda: [(tf.Variable(1.0),), (tf.constant(0.5),)],
    ),
    Exercise(
        "09.3",
        hint="Inside the outer block, reduce the inner gradient times v to one number.",
        insight="You had the Hessian's product with v, and never more than vectors in memory.",
        solution=_turn,
        mistakes={
            "That is the gradient times v, element by element: differentiate its sum once more.": (
                lambda: lambda x, v: _slope(_bowl, x) * v
            ),
            "v plays no part: that is the sum of the Hessian's rows.": (
                lambda: _turn(along=lambda g, v: tf.reduce_sum(g))
            ),
            "None: compute the inner gradient inside the outer block.": lambda: lambda x, v: None,
        },
        cases=lambda: [
            (tf.constant([1.0, 2.0]), tf.constant([1.0, 0.0])),
            (tf.constant([1.0, -1.0, 0.5]), tf.constant([0.5, 1.0, 2.0])),
        ],
    ),
    Exercise(
        "09.4",
        hint="The inner tape watches x and gives ds/dx; the outer one is asked about w.",
        insight="The gradient for the weights passed through a gradient for the input.",
        solution=_push,
        mistakes={
            "That is the gradient of the score for w; the target is the sensitivity.": (
                lambda: lambda w, x: _slope(lambda w: _score(w, x), w)
            ),
            "That is the gradient of the sum of ds/dx: square it first.": (
                lambda: _push(reduce=tf.reduce_sum)
            ),
            "None: both ds/dx and the sum of its squares belong inside the outer block.": (
                lambda: lambda w, x: None
            ),
        },
        cases=lambda: [
            (tf.Variable([0.5, -0.2]), tf.constant([1.0, 2.0])),
            (tf.Variable([0.3, 0.1, -0.4]), tf.constant([-1.0, 0.5, 1.0])),
        ],
    ),
]

QUESTIONS = [
    Question(
        "09.q1",
        "Why must `inner.gradient(y, x)` stand inside the outer block?",
        choices={
            "Otherwise the inner tape has forgotten y.": (
                "The inner tape answers either way; the first derivative was right in both."
            ),
            "Otherwise x is no longer watched.": (
                "A tape remembers what it watched. What it lacks is a record of later work."
            ),
            "Because computing the gradient is what the outer tape has to record.": (
                "Its last step back must be the arithmetic of the inner gradient."
            ),
        },
        answer="Because computing the gradient is what the outer tape has to record.",
    ),
    Question(
        "09.q2",
        "A gradient penalty is part of the loss. Which gradient does the inner tape give?",
        choices={
            "the one with respect to the inputs": (
                "The penalty is made of it; then the loss is differentiated by the weights."
            ),
            "the one with respect to the weights": (
                "That one comes last: it needs the finished loss, penalty included."
            ),
            "both at once, by a persistent tape": (
                "The second passes through the first, so the first has to exist already."
            ),
        },
        answer="the one with respect to the inputs",
    ),
    Question(
        "09.q3",
        "Two nested tapes, `y = 5.0 * x + 1.0`. What is the second derivative they return?",
        choices={
            "0.0": (
                "On paper, yes. But the slope, 5, is computed without a look at x: no path."
            ),
            "`None`": "The slope does not depend on x, so the outer tape finds no way back to x.",
            "5.0": "That is the first derivative.",
        },
        answer="`None`",
    ),
    Question(
        "09.q4",
        "A network has a million weights. How many numbers does a Hessian-vector product have?",
        choices={
            "one": "That would be a second derivative along v: v · Hv.",
            "a million": "It is as long as the gradient; the table is a million times longer.",
            "a million times a million": "That is the whole Hessian, which nobody stores.",
        },
        answer="a million",
    ),
]
