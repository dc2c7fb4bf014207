"""Exercises and quiz questions of lesson 04."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _errors():
    w = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        errors = (w * [1.0, 2.0, 3.0, 4.0] - [2.0, 4.0, 6.0, 9.0]) ** 2
    return tape, errors, w


def _importance():
    tape, errors, w = _errors()
    return tape.gradient(errors, w, output_gradients=tf.constant([0.1, 0.2, 0.3, 0.4]))


def _plain_sum():
    tape, errors, w = _errors()
    return tape.gradient(errors, w)


def _rows(x):
    return tf.stack([tf.stack([x[1], x[0]]), tf.stack([tf.ones([]), 2.0 * x[1]])])


EXERCISES = [
    Exercise(
        "04.1",
        hint="Each component contributes its own derivative, and the tape adds them up.",
        insight="2 - 5 + 10: contributions of different signs partly cancel.",
        solution=lambda: 7.0,
        mistakes={
            "Those are the three derivatives. The gradient has the shape of x, one number: "
            "what does the tape do with the three?": lambda: [2.0, -5.0, 10.0],
            "You added the sizes; the -5 keeps its sign.": lambda: 17.0,
            "That is the mean; the tape adds and does not divide.": lambda: 7.0 / 3.0,
        },
    ),
    Exercise(
        "04.2",
        hint="output_gradients takes one weight for each component of y. Which weights leave "
        "nothing but the last component?",
        insight="A single 1 among zeros picks one row: 3x² is 12 at x = 2.",
        solution=lambda: tf.constant(12.0),
        mistakes={
            "That is the sum of all three rows, 1 + 4 + 12. Weight them.": lambda: 17.0,
            "That is the first row. The last weight should be the 1.": lambda: 1.0,
            "That is the row in the middle. The last weight should be the 1.": lambda: 4.0,
            "That is the value of x³. You want its derivative.": lambda: 8.0,
        },
    ),
    Exercise(
        "04.3",
        hint="The importance of each example is what its component should count: pass it as "
        "output_gradients.",
        insight="A weighted sum needs no line of its own: the weights travel back with the tape.",
        solution=_importance,
        mistakes={
            "Here every example counts the same. Where did the importance go?": _plain_sum,
            "Here every example counts one quarter: that is the plain mean.": lambda: (
                _plain_sum() / 4.0
            ),
        },
    ),
    Exercise(
        "04.4",
        hint="In a loop over the outputs: open a tape, watch x, compute f(x), and ask with a 1 at "
        "this output and zeros elsewhere. Then tf.stack the answers.",
        insight="One backward walk per row: that is what a Jacobian costs. tape.jacobian sends "
        "all rows back together.",
        solution=lambda: _rows,
        mistakes={
            "Both rows are the sum of the rows. Ask with output_gradients, one 1 at a time.": (
                lambda: lambda x: tf.stack([tf.reduce_sum(_rows(x), axis=0)] * 2)
            ),
            "The table lies on its side: row i should belong to output i.": (
                lambda: lambda x: tf.transpose(_rows(x))
            ),
        },
        cases=lambda: [(tf.constant([2.0, 3.0]),), (tf.constant([-1.0, 0.5]),)],
    ),
]


QUESTIONS = [
    Question(
        "04.q1",
        "`x` has the shape (5,) and `y` the shape (3, 4). What is the shape of "
        "`tape.gradient(y, x)`?",
        choices={
            "(3, 4)": "That is the shape of the target. The answer is about `x`, one number per "
            "component of `x`.",
            "(3, 4, 5)": "That is the shape of the Jacobian, where nothing has been added up yet.",
            "(5,)": "A gradient has the shape of its source. The twelve outputs were added up.",
        },
        answer="(5,)",
    ),
    Question(
        "04.q2",
        "`y = tf.nn.softmax(x)`, and `tape.gradient(y, x)` is all zeros. Why?",
        choices={
            "The outputs always add up to 1, so their sum does not change": "And the sum is what "
            "`gradient` differentiates. Ask for one class, or for a loss.",
            "The tape did not watch `x`": "Then the answer would be `None`. Zero means: watched, "
            "connected, and cancelled.",
            "Softmax has no derivative": "It has one, in every component. They cancel when they "
            "are added.",
        },
        answer="The outputs always add up to 1, so their sum does not change",
    ),
    Question(
        "04.q3",
        "At x = 1, with `a = x**3` and `b = 2 * x`: what is `tape.gradient([a, b], x)`?",
        choices={
            "[3, 2]": "A list of targets does not give a list of answers; a list of sources does.",
            "5": "3 + 2: targets in a list are added, like the components of a vector.",
            "2.5": "The tape adds; it never takes a mean.",
        },
        answer="5",
    ),
]
