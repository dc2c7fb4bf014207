"""Exercises and quiz questions of lesson 07."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _global_norm(gradients):
    return tf.sqrt(tf.add_n([tf.reduce_sum(g**2) for g in gradients]))


def _step(w, rate, limit, clip=tf.clip_by_norm):
    return w - rate * clip(_slope(w), limit)


def _slope(w):
    w = tf.Variable(w)
    with tf.GradientTape() as tape:
        loss = (w**12 - 0.5) ** 2
    return tape.gradient(loss, w)


def _with_sum_of_norms(gradients, limit):
    norm = tf.add_n([tf.norm(g) for g in gradients])
    return [g * limit / tf.maximum(norm, limit) for g in gradients], norm


def _with_norm_after(gradients, limit):
    clipped = [g * limit / tf.maximum(_global_norm(gradients), limit) for g in gradients]
    return clipped, _global_norm(clipped)


EXERCISES = [
    Exercise(
        "07.1",
        hint="The norm of [6, -8] is 10. By which factor must the arrow shrink?",
        insight="Half the length, the same direction, and the sign stays.",
        solution=lambda: [3.0, -4.0],
        mistakes={
            "You clipped each component by itself: that is clip_by_value.": lambda: [5.0, -5.0],
            "That has the norm 1: you divided by the norm. Now multiply by the limit.": (
                lambda: [0.6, -0.8]
            ),
            "That divides by the limit. Divide by the norm and multiply by the limit.": (
                lambda: [1.2, -1.6]
            ),
        },
    ),
    Exercise(
        "07.2",
        hint="gradient * limit / norm is right for long gradients. For short ones the divisor "
        "must be the limit: which of the two is larger?",
        insight="Dividing by max(norm, limit) covers all three cases without an if, and never "
        "divides by zero.",
        solution=lambda: lambda g, limit: g * limit / tf.maximum(tf.norm(g), limit),
        mistakes={
            "Short gradients come out longer. They should be left alone.": lambda: (
                lambda g, limit: g * limit / tf.maximum(tf.norm(g), 1e-12)
            ),
            "Short gradients come out longer, and zeros come out as nan: zero was divided by "
            "zero.": lambda: lambda g, limit: g * limit / tf.norm(g),
            "That is clip_by_value: the direction changes.": lambda: (
                lambda g, limit: tf.clip_by_value(g, -limit, limit)
            ),
            "The norm ends up as 1 instead of the limit.": lambda: (
                lambda g, limit: g / tf.maximum(tf.norm(g), 1.0)
            ),
        },
        cases=lambda: [
            (tf.constant([3.0, 4.0]), 2.0),
            (tf.constant([0.3, 0.4]), 2.0),
            (tf.constant([[1.0, -2.0], [2.0, 4.0]]), 2.5),
            (tf.constant([0.0, 0.0]), 1.0),
        ],
    ),
    Exercise(
        "07.3",
        hint="Add up the squares of all components of all gradients, take the root once, and "
        "multiply every gradient by limit / max(norm, limit).",
        insight="One factor for all: the long arrow shrinks and does not turn.",
        solution=lambda: (
            lambda gs, limit: (
                [g * limit / tf.maximum(_global_norm(gs), limit) for g in gs],
                _global_norm(gs),
            )
        ),
        mistakes={
            "Each gradient is clipped by itself. All should shrink by the same factor.": lambda: (
                lambda gs, limit: ([tf.clip_by_norm(g, limit) for g in gs], _global_norm(gs))
            ),
            "The norms are added up. Add up the squares, and take the root at the end.": lambda: (
                _with_sum_of_norms
            ),
            "Return two things: the list of clipped gradients, and the norm.": lambda: (
                lambda gs, limit: [g * limit / tf.maximum(_global_norm(gs), limit) for g in gs]
            ),
            "The norm to return is the one before clipping.": lambda: _with_norm_after,
            "Short gradients come out longer. They should be left alone.": lambda: (
                lambda gs, limit: ([g * limit / _global_norm(gs) for g in gs], _global_norm(gs))
            ),
        },
        cases=lambda: [
            ([tf.constant([3.0, 4.0]), tf.constant([12.0])], 1.0),
            ([tf.constant([0.3]), tf.constant([[0.4]])], 1.0),
        ],
    ),
    Exercise(
        "07.4",
        hint="Inside the tape: loss = (w**12 - 0.5)**2. After it: the gradient, "
        "tf.clip_by_norm(gradient, limit), and w - rate * clipped.",
        insight="From 1.25 the step is 0.02 instead of 79, and where the gradient is below "
        "the limit the step is the ordinary one.",
        solution=lambda: _step,
        mistakes={
            "The step is not clipped: the gradient at 1.25 is 3926.": lambda: (
                lambda w, rate, limit: _step(w, rate, limit, clip=lambda g, limit: g)
            ),
            "You clipped rate times the gradient. Clip the gradient, then multiply.": lambda: (
                lambda w, rate, limit: w - tf.clip_by_norm(rate * _slope(w), limit)
            ),
            "You went uphill: subtract.": lambda: lambda w, rate, limit: _step(w, -rate, limit),
            "That is the clipped gradient. Take the step with it.": lambda: (
                lambda w, rate, limit: tf.clip_by_norm(_slope(w), limit)
            ),
        },
        cases=lambda: [(1.25, 0.02, 1.0), (0.95, 0.02, 1.0), (1.25, 0.02, 100.0)],
    ),
]

QUESTIONS = [
    Question(
        "07.q1",
        "Which of these can change the direction of a gradient?",
        choices={
            "clip_by_norm": "It multiplies all components by one factor, and a factor turns "
            "nothing.",
            "clip_by_value": "Each component is cut by itself, so large ones lose more than small "
            "ones.",
            "Neither of the two": "Try [4, 1] between -1 and 1: it becomes [1, 1].",
        },
        answer="clip_by_value",
    ),
    Question(
        "07.q2",
        "A gradient has the norm 0.5. What is its norm after `tf.clip_by_norm(g, 2.0)`?",
        choices={
            "0.5": "It is within the limit already and stays as it is.",
            "2.0": "Clipping never makes a gradient longer.",
            "1.0": "Clipping does not normalise; the limit is where it starts to act.",
        },
        answer="0.5",
    ),
    Question(
        "07.q3",
        "Where does clipping belong in a training loop?",
        choices={
            "Inside the `with` block, on the loss": "A clipped loss is flat where it is clipped, "
            "so its gradient there is zero.",
            "After the update, on the variables": "Then the long step has happened already, and "
            "you cut weights that may be right.",
            "Between `tape.gradient` and the update": "The tape has answered and nothing has "
            "moved: this is the moment.",
        },
        answer="Between `tape.gradient` and the update",
    ),
]
