"""Exercises and quiz questions of lesson 00."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _slope_at(x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = 3.0 * x + x * x
    return tape.gradient(y, x)


EXERCISES = [
    Exercise(
        "00.1",
        hint="At x = 3 the slope of x² was 6. What was it at 1 and at 2? Replace the three dots "
        "by the number you expect at 5, run that cell, then run this one again.",
        insight="The slope of x² is twice x, so it is 10 at x = 5. Every check looks like this.",
        solution=lambda: 10.0,
        mistakes={
            "That is the value of x² at 5. The question is how fast it grows there.": lambda: 25.0,
            "That is the slope at 3. At 5 the square has longer sides.": lambda: 6.0,
            "One side of the square grows that fast. How many sides grow?": lambda: 5.0,
        },
    ),
    Exercise(
        "00.2",
        hint="Ask the tape for the gradient of y by x, as the lesson's first tape did. The line "
        "belongs below the `with` block.",
        insight="3x² is 12 at x = 2. You did not need to know that rule; the tape did.",
        solution=lambda: tf.constant(12.0),
        mistakes={
            "That is the value, y itself. Ask the tape for its gradient.": lambda: 8.0,
            "That is the slope of x². Here x is multiplied three times.": lambda: 4.0,
        },
    ),
    Exercise(
        "00.3",
        hint="Inside the function: make a tf.Variable of x, open a tape, compute y in its block, "
        "and return what the tape says.",
        insight="A slope finder for any x, and the formula appears once: in the block.",
        solution=lambda: _slope_at,
        mistakes={
            "That returns the value of 3x + x². Return the gradient.": (
                lambda: lambda x: 3.0 * x + x * x
            ),
            "That is the slope of x² alone; the 3x in front makes it steeper.": (
                lambda: lambda x: 2.0 * x
            ),
            "That is right at one place only. Use the x that your function is given.": (
                lambda: lambda x: tf.constant(9.0)
            ),
        },
        cases=lambda: [(3.0,), (0.0,), (-4.0,)],
    ),
]


QUESTIONS = [
    Question(
        "00.q1",
        "You ran a check cell, and it says: not answered yet. What happened?",
        choices={
            "Your answer is wrong": "Then it would say: not yet, and what is wrong with it.",
            "The blank `...` is still there, or its cell was not run again after you filled it": (
                "A check sees what has been run. Fill in the blank, run that cell, then the check."
            ),
            "Something broke": "No, this is how every check begins. An error looks different: it "
            "is red, and its last line says what is the matter.",
        },
        answer="The blank `...` is still there, or its cell was not run again after you filled it",
    ),
    Question(
        "00.q2",
        "You changed cells here and there, and now nothing fits together any more. What helps?",
        choices={
            "In the menu: Kernel, then Restart Kernel and Run All Cells": "All names are "
            "forgotten, and everything runs once, from top to bottom. Your text stays.",
            "Download the lesson again": "That would cost you your own answers. Restart the "
            "kernel first.",
            "Run the last cell again": "It sees the names that other cells left behind, in "
            "whatever order you ran them. Start from a clean slate instead.",
        },
        answer="In the menu: Kernel, then Restart Kernel and Run All Cells",
    ),
    Question(
        "00.q3",
        "The slope of a curve at x = 4 is -2. You push x from 4 to 4.01. What does y do?",
        choices={
            "It becomes -2": "The slope is not the value. It says how the value changes.",
            "It falls by about 2": "That would be the change for a whole step of 1, and only if "
            "the curve kept its slope that far.",
            "It falls by about 0.02": "Slope times push: -2 times 0.01.",
        },
        answer="It falls by about 0.02",
    ),
]
