"""Exercises and quiz questions of lesson 03."""

import numpy as np

import tapelab as tf
from tapelab.check import Exercise, Question

_LOGITS = [[2.0, 1.0, 0.0], [0.0, 3.0, 2.5], [1.0, 2.0, 3.0], [0.5, 0.1, 0.2]]
_OTHER = [[0.0, 1.0], [5.0, 4.0]]


def _top_two(logits, labels):
    best = np.argsort(np.asarray(logits), axis=1)[:, -2:]
    return np.mean([label in row for row, label in zip(best, labels, strict=True)])


def _top_one(logits, labels):
    return np.mean(np.argmax(np.asarray(logits), axis=1) == labels)


def _step(w, b, x, labels, rate):
    w, b = tf.Variable(w), tf.Variable(b)
    loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = loss_object(labels, x @ w + b)
    dw, db = tape.gradient(loss, [w, b])
    return [w - rate * dw, b - rate * db]


EXERCISES = [
    Exercise(
        "03.1",
        hint="With ten digits it was -log(1/10). The letters share the probability among 26.",
        insight="log 26. If the first loss of a new model is far from this, look for a mistake "
        "before you train.",
        solution=lambda: float(np.log(26.0)),
        mistakes={
            "That is the loss of somebody who guesses among ten.": lambda: float(np.log(10.0)),
            "That is the probability of each letter. The loss is minus its logarithm.": (
                lambda: 1 / 26
            ),
            "A loss falls as the model gets better, towards 0. Mind the minus sign.": (
                lambda: float(-np.log(26.0))
            ),
            "That is the logarithm to the base 10; here it is the natural one.": (
                lambda: float(np.log10(26.0))
            ),
        },
        rtol=2e-3,
    ),
    Exercise(
        "03.2",
        hint="A dense layer has a matrix, inputs times outputs, and one bias per output. There are "
        "three of them.",
        insight="784 · 300 + 300, 300 · 100 + 100, 100 · 10 + 10: nearly all of them sit in the "
        "first matrix.",
        solution=lambda: 784 * 300 + 300 + 300 * 100 + 100 + 100 * 10 + 10,
        mistakes={
            "You left out the biases: one for each output of a layer.": lambda: (
                784 * 300 + 300 * 100 + 100 * 10
            ),
            "That is the first layer only.": lambda: 784 * 300 + 300,
            "Each input has a weight to each output, so multiply, do not add.": lambda: (
                784 + 300 + 300 + 100 + 100 + 10
            ),
        },
        rtol=1e-9,
        atol=0,
    ),
    Exercise(
        "03.3",
        hint="np.argsort(logits, axis=1)[:, -2:] holds the two best guesses of every row. Is the "
        "label one of them?",
        insight="Forgiving scores like this are usual where many classes look alike.",
        solution=lambda: _top_two,
        mistakes={
            "That counts the best guess only; the second best shall count, too.": lambda: _top_one,
            "That is a number of rows. Divide by how many there are.": (
                lambda: lambda logits, labels: _top_two(logits, labels) * len(labels)
            ),
            "Those are the two worst guesses: argsort begins with the smallest.": (
                lambda: lambda logits, labels: _top_two(-np.asarray(logits), labels)
            ),
        },
        cases=lambda: [
            (np.array(_LOGITS), np.array([2, 2, 0, 1])),
            (np.array(_LOGITS), np.array([0, 2, 0, 1])),
            (np.array(_LOGITS), np.array([0, 1, 1, 2])),
            (np.array(_OTHER), np.array([1, 1])),
        ],
    ),
    Exercise(
        "03.4",
        hint="Make variables of w and b. On a tape: logits x @ w + b, then the loss. Ask for both "
        "gradients at once, and return [w - rate * dw, b - rate * db].",
        insight="Forward, loss, gradients, step. This is what an optimizer and a model hide, and "
        "nothing else.",
        solution=lambda: _step,
        mistakes={
            "You walk uphill: subtract the gradients.": (
                lambda: lambda w, b, x, labels, rate: _step(w, b, x, labels, -rate)
            ),
            "w is right, but b has not moved.": (
                lambda: lambda w, b, x, labels, rate: [_step(w, b, x, labels, rate)[0], b]
            ),
            "That is a step with the rate 1. Multiply the gradients by the rate.": (
                lambda: lambda w, b, x, labels, rate: _step(w, b, x, labels, 1.0)
            ),
            "Nothing has moved: return the new values.": (
                lambda: lambda w, b, x, labels, rate: [w, b]
            ),
        },
        cases=lambda: [
            (
                np.array([[0.5, -0.5, 0.0], [1.0, 0.0, -1.0]], np.float32),
                np.array([0.0, 0.1, -0.1], np.float32),
                np.array([[1.0, 2.0], [-1.0, 0.5]], np.float32),
                np.array([2, 0]),
                0.5,
            ),
            (
                np.array([[1.0, 0.0], [0.0, 1.0]], np.float32),
                np.array([0.0, 0.0], np.float32),
                np.array([[1.0, 1.0]], np.float32),
                np.array([1]),
                0.1,
            ),
        ],
    ),
]


QUESTIONS = [
    Question(
        "03.q1",
        "The first loss of a new ten-digit model is 2.3. What does that tell you?",
        choices={
            "It already reads 23 % of the digits": "A loss is no percentage.",
            "It is as clueless as it should be": "All ten equally likely: -log(1/10) = 2.3.",
            "The learning rate is too large": "No step has been made yet.",
        },
        answer="It is as clueless as it should be",
    ),
    Question(
        "03.q2",
        "Why is the accuracy measured on digits the model was not trained with?",
        choices={
            "They are easier": "They are as hard as the others; other people wrote them.",
            "It is faster": "There are fewer, true. But that is not why.",
            "A model can know the training digits by heart and still be unable to read": (
                "Only new digits tell reading from remembering."
            ),
        },
        answer="A model can know the training digits by heart and still be unable to read",
    ),
    Question(
        "03.q3",
        "What does `tape.gradient(loss, model.trainable_variables)` return?",
        choices={
            "A list of tensors, each in the shape of its variable": "In the order of the "
            "variables, so that `zip` pairs each gradient with its own.",
            "One number: how much better the model got": "Nothing got better yet. The step comes "
            "after.",
            "The new values of the variables": "Gradients say how the loss reacts. The optimizer "
            "makes new values of them.",
        },
        answer="A list of tensors, each in the shape of its variable",
    ),
    Question(
        "03.q4",
        "The gradient of the winning logit by the pixels is strongly negative at one pixel. So?",
        choices={
            "The pixel is white": "The gradient is not about what the pixel is, but about what a "
            "change of it would do.",
            "Ink there would speak against the winner": "More ink, smaller logit.",
            "The model ignores the pixel": "Then the gradient would be 0.",
        },
        answer="Ink there would speak against the winner",
    ),
]
