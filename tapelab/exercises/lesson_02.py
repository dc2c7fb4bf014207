"""Exercises and quiz questions of lesson 02."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _layer_gradients(reduce=tf.reduce_mean):
    x = tf.constant([[1.0, -1.0, 2.0], [0.0, 2.0, 1.0]])
    w = tf.Variable([[1.0, 0.0], [0.5, -1.0], [-1.0, 2.0]])
    b = tf.Variable([0.5, -0.5])
    with tf.GradientTape() as tape:
        y = tf.nn.relu(x @ w + b)
        loss = reduce(y)
    return tape.gradient(loss, [w, b])


def _descend(w, rate, steps):
    for _ in range(steps):
        w = w - rate * 2 * (w - 4)
    return w


def _with_the_first_gradient(w, rate, steps):
    return w - steps * rate * 2 * (w - 4)


def _uphill(w, rate, steps):
    return _descend(w, -rate, steps)


EXERCISES = [
    Exercise(
        "02.1",
        hint="Make w a tf.Variable, compute the loss inside the `with` block of a tape, and ask "
        "below the block.",
        insight="-6: the loss falls when w grows, so downhill is to the right, towards 5.",
        solution=lambda: tf.constant(-6.0),
        mistakes={
            "That is the loss itself. Ask the tape for its gradient.": lambda: 9.0,
            "That is w - 5. The square brings a factor of 2.": lambda: -3.0,
            "That is the slope of w² at 2. The loss is (w - 5)².": lambda: 4.0,
        },
    ),
    Exercise(
        "02.2",
        hint="Go through the block in the order in which Python computes it, and count every "
        "operation whose inputs depend on x.",
        insight="Sin, Mul, Mul, AddV2. The constant 2 * 3 is plain Python: the tape never saw it.",
        solution=lambda: 4,
        mistakes={
            "A record is an operation, not a line of code.": lambda: 2,
            "2.0 * 3.0 has nothing to do with x, and the tape does not see it.": lambda: 5,
            "There are two multiplications: by x, and by 6.": lambda: 3,
        },
    ),
    Exercise(
        "02.3",
        hint="Record y and the loss in one block. Then ask once, with a list of both variables; "
        "the answer is a list in the same order.",
        insight="(3, 2) and (2,): the shapes of w and b, though two examples went in. Where relu "
        "gave 0, nothing travelled back.",
        solution=_layer_gradients,
        mistakes={
            "That is the gradient of the sum. The loss is the mean.": lambda: _layer_gradients(
                tf.reduce_sum
            ),
            "The two are in the wrong order: w first, then b.": lambda: _layer_gradients()[::-1],
        },
    ),
    Exercise(
        "02.4",
        hint="Make w a tf.Variable before the loop. In the loop: a new tape, the loss, its "
        "gradient, and w.assign_sub(rate * gradient). Return w in the end.",
        insight="Each step shrinks the distance to 4 by the factor 1 - 2 · rate; at rate 0.5 one "
        "step is enough, and above 1 the distance grows.",
        solution=lambda: _descend,
        mistakes={
            "You walk uphill: subtract the gradient, do not add it.": lambda: _uphill,
            "All your steps use the first gradient. Open a new tape in every step.": (
                lambda: _with_the_first_gradient
            ),
            "You move by the gradient alone. Multiply it by the rate.": (
                lambda: lambda w, rate, steps: _descend(w, 1.0, steps)
            ),
            "That is one step only. Repeat it.": lambda: (
                lambda w, rate, steps: _descend(w, rate, 1)
            ),
        },
        cases=lambda: [(0.0, 0.1, 3), (10.0, 0.25, 2), (5.0, 0.75, 4)],
    ),
]


QUESTIONS = [
    Question(
        "02.q1",
        "What is on a tape after `with tf.GradientTape() as tape:` and its block?",
        choices={
            "The lines of code in the block": "The tape never sees your code. A loop of three "
            "turns leaves three times its operations, an `if` only the branch that ran.",
            "The gradients of everything in the block": "Not one has been computed yet. That "
            "happens when you ask.",
            "The operations that ran on something it follows, in order": "With their inputs and "
            "outputs, which the walk back will need.",
        },
        answer="The operations that ran on something it follows, in order",
    ),
    Question(
        "02.q2",
        "`y = w * w` stands above the `with` block, and `loss = y + 1.0` in it. What is the "
        "gradient of the loss by `w`?",
        choices={
            "`None`": "The tape was not running when `w` was used. It has no way from the loss "
            "back to `w`.",
            "2 · w": "It would be, if the first line had been in the block, too.",
            "an error": "The tape answers, and its answer is that it knows of no connection.",
        },
        answer="`None`",
    ),
    Question(
        "02.q3",
        "At w = 3 the gradient of the loss is 6, the learning rate is 0.1. What is w after one "
        "step of gradient descent?",
        choices={
            "3.6": "That is uphill: the gradient points to where the loss grows.",
            "2.4": "3 - 0.1 · 6: against the gradient, and a tenth of it.",
            "-3": "That would be a learning rate of 1, on the other side of the valley.",
        },
        answer="2.4",
    ),
    Question(
        "02.q4",
        "A layer has a weight matrix of shape (784, 128), and the batch holds 32 pictures. What "
        "is the shape of the loss's gradient by that matrix?",
        choices={
            "(32, 784, 128)": "One matrix per picture would be a Jacobian. The loss is one "
            "number, and every weight gets one answer.",
            "(784, 128)": "One number per weight, however many pictures were in the batch.",
            "(32, 128)": "That is the shape of the layer's output.",
        },
        answer="(784, 128)",
    ),
]
