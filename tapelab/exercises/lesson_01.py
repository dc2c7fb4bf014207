"""Exercises and quiz questions of lesson 01."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _cubic(x):
    return x**3 - 2 * x


def _numeric_slope(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def _swish_slopes():
    x = tf.linspace(-10.0, 10.0, 201)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * tf.sigmoid(x)
    return x, y, tape.gradient(y, x)


EXERCISES = [
    Exercise(
        "01.1",
        hint="Slope is rise over run: how far up, divided by how far to the right.",
        insight="Up 6 while going 2 to the right: slope 3, the same everywhere on a straight line.",
        solution=lambda: 3.0,
        mistakes={
            "That is run over rise. Turn the fraction over.": lambda: 1.0 / 3.0,
            "That is the rise alone. Divide it by the run.": lambda: 6.0,
            "That is y over x at the second point. Use the differences of both points.": (
                lambda: 8.0 / 3.0
            ),
        },
    ),
    Exercise(
        "01.2",
        hint="A number that is not a variable must be shown to the tape first: tape.watch(x). "
        "Then compute tf.sin(x) in the block, and ask.",
        insight="The slope of the sine is the cosine: -1 at π, as steep downhill as it gets.",
        solution=lambda: tf.constant(-1.0),
        mistakes={
            "That is the slope at 0. At π the sine comes down.": lambda: 1.0,
            "That is the value of the sine at π. Ask for its slope.": lambda: 0.0,
        },
    ),
    Exercise(
        "01.3",
        hint="Evaluate curve at x + h and at x - h. The run between these two places is 2h.",
        insight="Looking both ways cancels the bend of the curve: for x³ at 2 with h = 0.1 the "
        "error is 0.01, and looking ahead only it was 0.61.",
        solution=lambda: lambda x, h: _numeric_slope(_cubic, x, h),
        mistakes={
            "The run from x - h to x + h is 2h; you divided by h.": (
                lambda: lambda x, h: 2 * _numeric_slope(_cubic, x, h)
            ),
            "/ 2 * h divides by 2 and then multiplies by h: write / (2 * h).": (
                lambda: lambda x, h: (_cubic(x + h) - _cubic(x - h)) / 2 * h
            ),
            "That measures x³, the f of the lesson. Here the function is curve.": (
                lambda: lambda x, h: _numeric_slope(lambda x: x**3, x, h)
            ),
            "That looks ahead only. Start from x - h instead of x.": (
                lambda: lambda x, h: (_cubic(x + h) - _cubic(x)) / h
            ),
            "That is the rise. Divide it by the run, 2h.": (
                lambda: lambda x, h: _cubic(x + h) - _cubic(x - h)
            ),
            "That is the exact slope, so you did the derivative by hand. Measure it, with curve() alone.": (
                lambda: lambda x, h: 3 * x**2 - 2
            ),
        },
        cases=lambda: [(2.0, 0.5), (-1.0, 0.5), (0.5, 0.25)],
    ),
    Exercise(
        "01.4",
        hint="As with the sigmoid: watch x, compute y in the block, ask for the gradient. Then "
        "tf.reduce_max gives the steepest slope, and x[tf.argmax(slopes)] says where it is.",
        insight="About 1.1, at x = 2.4. Steeper than 1, although far to the right the curve is "
        "as good as the line y = x.",
        solution=lambda: (1.0998, 2.4),
        mistakes={
            "Those are the largest value and its place. Ask for the largest slope.": lambda: (
                float(_swish_slopes()[1].numpy().max()),
                10.0,
            ),
            "The slope is right. The second number is an index on the grid; look up x there.": (
                lambda: (1.0998, 124)
            ),
            "The other way round: first the slope, then the place.": lambda: (2.4, 1.0998),
        },
        rtol=1e-3,
    ),
]


QUESTIONS = [
    Question(
        "01.q1",
        "Where on the sigmoid is the slope largest?",
        choices={
            "Far to the right, where its value is largest": "There it is nearly flat. The value "
            "says how high you are, the slope how steep it is.",
            "In the middle, at x = 0": "There it is 0.25, and it shrinks on both sides.",
            "Nowhere: it is the same everywhere": "That holds for a straight line only.",
        },
        answer="In the middle, at x = 0",
    ),
    Question(
        "01.q2",
        "Why does a measured slope get worse again when the step becomes tiny?",
        choices={
            "The curve bends away": "That is the trouble with a large step.",
            "The derivative does not exist": "It does; the tape has just told you.",
            "Two nearly equal numbers are subtracted, and few of their digits are left": "float32 "
            "keeps about seven digits. If six of them agree, one is left.",
        },
        answer="Two nearly equal numbers are subtracted, and few of their digits are left",
    ),
    Question(
        "01.q3",
        "A loss depends on 1,000,000 weights. What does a tape need to get all their slopes?",
        choices={
            "One run of the loss, and one walk back": "The walk back visits each recorded "
            "operation once, whatever the number of weights.",
            "1,000,001 runs of the loss": "That is what measuring step by step needs.",
            "A formula for the derivative, written by you": "You write the loss. The tape knows "
            "the slope of each operation in it.",
        },
        answer="One run of the loss, and one walk back",
    ),
    Question(
        "01.q4",
        "`x = tf.constant(2.0)`, and nobody called `tape.watch(x)`. What does the tape answer?",
        choices={
            "`None`": "A tape follows variables by itself; constants only if you say so.",
            "zero": "Zero would mean: `y` does not react. The tape means: I did not follow `x`.",
            "the slope, as always": "It did so for variables. A constant must be watched.",
        },
        answer="`None`",
    ),
]
