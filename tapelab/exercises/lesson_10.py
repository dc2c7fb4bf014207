"""Exercises and quiz questions of lesson 10."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _jacobian(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.jacobian(y, x)


def _gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def _squares():
    return tf.constant([1.0, 2.0, 3.0])


def _point(polar):
    return tf.stack([polar[0] * tf.cos(polar[1]), polar[0] * tf.sin(polar[1])])


def _ground(p):
    return p[0] ** 4 / 4.0 + p[0] * p[1] + p[1] ** 2


def _step(move):
    """The step of `move(gradient, Hessian)`, both as the ground has them at p."""
    return lambda p: p + move(
        _gradient(_ground, p)[:, tf.newaxis], _jacobian(lambda p: _gradient(_ground, p), p)
    )[:, 0]


def _newton():
    return _step(lambda g, hessian: -tf.linalg.solve(hessian, g))


def _each(w, inputs, targets):
    with tf.GradientTape() as tape:
        losses = (tf.reduce_sum(inputs * w, axis=1) - targets) ** 2
    return tape.jacobian(losses, w)


EXERCISES = [
    Exercise(
        "10.1",
        hint="Watch x, compute y, and ask with tape.jacobian(y, x).",
        insight="Each square depends on its own x only: 2x on the diagonal, zero elsewhere.",
        solution=lambda: _jacobian(tf.square, _squares()),
        mistakes={
            "That is the gradient, the sum over the outputs; ask for the jacobian.": (
                lambda: _gradient(tf.square, _squares())
            ),
            "Those are the squares themselves.": lambda: tf.square(_squares()),
            "None: x is a constant, so the tape must be told to watch it.": lambda: None,
        },
    ),
    Exercise(
        "10.2",
        hint="Take r and theta out of polar inside the block, and tf.stack the two results.",
        insight="Columns: a step in r goes outwards, a step in θ goes around, r times as far.",
        solution=lambda: lambda polar: _jacobian(_point, polar),
        mistakes={
            "Rows and columns are exchanged: row i belongs to output i.": (
                lambda: lambda polar: tf.transpose(_jacobian(_point, polar))
            ),
            "That is the gradient of x + y; the jacobian keeps the two apart.": (
                lambda: lambda polar: _gradient(_point, polar)
            ),
            "None: watch polar, and take r and theta out of it inside the block.": (
                lambda: lambda polar: None
            ),
        },
        cases=lambda: [(tf.constant([2.0, 0.5]),), (tf.constant([1.0, -1.0]),)],
    ),
    Exercise(
        "10.3",
        hint="Two tapes: inner.gradient, then outer.jacobian of it, then tf.linalg.solve.",
        insight="A step whose direction and length both come from the bending of the ground.",
        solution=_newton,
        mistakes={
            "That is a step of gradient descent with rate 1: solve H s = g for the step.": (
                lambda: _step(lambda g, hessian: -g)
            ),
            "You added the step; Newton subtracts it.": (
                lambda: _step(lambda g, hessian: tf.linalg.solve(hessian, g))
            ),
            "You multiplied by the Hessian; the step needs its inverse: tf.linalg.solve(H, g).": (
                lambda: _step(lambda g, hessian: -(hessian @ g))
            ),
            "That is the step alone: subtract it from p.": (
                lambda: lambda p: p - _newton()(p)
            ),
        },
        cases=lambda: [(tf.constant([1.5, 1.0]),), (tf.constant([-1.0, 2.0]),)],
    ),
    Exercise(
        "10.4",
        hint="One loss for each example, tape.jacobian(losses, w), and the norm of each row.",
        insight="The Jacobian's rows are the gradients of the single examples.",
        solution=lambda: lambda *data: tf.norm(_each(*data), axis=1),
        mistakes={
            "Those are the gradients themselves; return the length of each row.": (
                lambda: lambda *data: _each(*data)
            ),
            "That is one length, of everything together: take the norm along axis 1.": (
                lambda: lambda *data: tf.norm(_each(*data))
            ),
            "That is the gradient of the whole batch: the examples are mixed already.": (
                lambda: lambda *data: tf.reduce_sum(_each(*data), axis=0)
            ),
            "Those are squared lengths: a square root is missing.": (
                lambda: lambda *data: tf.reduce_sum(_each(*data) ** 2, axis=1)
            ),
        },
        cases=lambda: [
            (
                tf.Variable([0.5, -1.0]),
                tf.constant([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]),
                tf.constant([1.0, 0.0, 2.0]),
            ),
            (
                tf.Variable([1.0, 0.0, 2.0]),
                tf.constant([[1.0, 0.5, 0.0], [2.0, 1.0, 1.0]]),
                tf.constant([0.0, 1.0]),
            ),
        ],
    ),
]

QUESTIONS = [
    Question(
        "10.q1",
        "The target has the shape (32, 10) and the source (784,). What shape has the Jacobian?",
        choices={
            "(32, 10, 784)": "The target's shape, followed by the source's.",
            "(784, 32, 10)": "The target comes first: one row for each output.",
            "(784,)": "That is the gradient, with all outputs added up.",
        },
        answer="(32, 10, 784)",
    ),
    Question(
        "10.q2",
        "For which function does `gradient` tell all that `jacobian` does?",
        choices={
            "softmax": "Its outputs depend on all inputs; added up, their slopes are even zero.",
            "cumsum": "Its Jacobian is a triangle; the sum hides which output depends on what.",
            "sigmoid, element by element": (
                "Its Jacobian is diagonal, so the sum over the outputs has one term for each input."
            ),
        },
        answer="sigmoid, element by element",
    ),
    Question(
        "10.q3",
        "Newton's step brought you to a place with gradient zero. What do you know?",
        choices={
            "It is the lowest point.": "It may be a saddle or a hilltop: Newton seeks the level.",
            "The ground is level there; the eigenvalues of the Hessian tell what it is.": (
                "All positive: a lowest point nearby. Of both signs: a saddle."
            ),
            "The learning rate was well chosen.": "Newton's step has none in its formula.",
        },
        answer="The ground is level there; the eigenvalues of the Hessian tell what it is.",
    ),
    Question(
        "10.q4",
        "A layer subtracts the mean of the batch. What does `batch_jacobian` return through it?",
        choices={
            "an error": "It cannot tell that examples mix, and says nothing.",
            "sums of slopes that belong to several examples": (
                "It differentiates the sum over the batch, and the examples influence each other."
            ),
            "the right blocks": "Only if no example influences another; here the mean ties them.",
        },
        answer="sums of slopes that belong to several examples",
    ),
]
