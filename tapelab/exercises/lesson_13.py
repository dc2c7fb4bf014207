"""Exercises and quiz questions of lesson 13."""

import tapelab as tf
from tapelab.check import Exercise, Question, difference


def _judge_name(answer):
    if hasattr(answer, "operation"):
        return "That is the whole report. Its .operation is the name."
    return difference(answer, "Sqrt")


def _cube(x):
    return x**3


def _xlogx_slope(inner=True):
    """The slope of x log x, made safe around the function, and with `inner` inside it as well."""

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            ok = x > 0.0
            safe = tf.where(ok, x, 1.0) if inner else x
            y = tf.where(ok, safe * tf.math.log(safe), 0.0)
        return tape.gradient(y, x)

    return slope


def _loss(shift=True, back=True, of_label=True):
    """-log softmax(z)[label], by hand."""

    def loss(z, label):
        top = tf.reduce_max(z) if shift else 0.0
        total = tf.math.log(tf.reduce_sum(tf.exp(z - top))) + (top if back else 0.0)
        return total - z[label] if of_label else total

    return loss


EXERCISES = [
    Exercise(
        "13.1",
        hint="One step to the right, one to the left, and the distance between the two is 2h.",
        insight="For x³ the answer is 3x² + h²: the error of a central difference goes with h².",
        solution=lambda: lambda x, h: (_cube(x + h) - _cube(x - h)) / (2.0 * h),
        mistakes={
            "That is one-sided: measure from x - h to x + h.": (
                lambda: lambda x, h: (_cube(x + h) - _cube(x)) / h
            ),
            "The two points are 2h apart: divide by 2h.": (
                lambda: lambda x, h: (_cube(x + h) - _cube(x - h)) / h
            ),
            "That is the exact slope 3x²; measure it instead.": lambda: lambda x, h: 3.0 * x**2,
        },
        cases=lambda: [(2.0, 0.5), (-1.0, 0.25)],
    ),
    Exercise(
        "13.2",
        hint="tape.check_numerics(loss, [z]) before the tape is used up; its .operation is a name.",
        insight="The square root was sound, its slope at 0 is not. The values hid it from you.",
        solution=lambda: "Sqrt",
        mistakes={
            "All its inputs and outputs were finite, and so was its share. Ask the tape.": (
                lambda: "Exp"
            ),
            "The logarithm of 1 is 0 and its slope there is 1: innocent.": lambda: "Log",
            "It only passes on what arrives.": lambda: "Sum",
        },
        judge=_judge_name,
    ),
    Exercise(
        "13.3",
        hint="First a safe argument: tf.where(ok, x, 1.0). Then the function. Then where again.",
        insight="One `where` for the value, one for the gradient.",
        solution=_xlogx_slope,
        mistakes={
            "One where around the result mends the value only: at 0 the slope is still nan.": (
                lambda: _xlogx_slope(inner=False)
            ),
            "That is log x alone; the derivative of x log x has a second term.": (
                lambda: lambda x: tf.math.log(tf.where(x > 0.0, x, 1.0))
            ),
            "Those are the values of x log x; return their slopes.": (
                lambda: lambda x: tf.math.xlogy(x, x)
            ),
        },
        cases=lambda: [
            (tf.constant([0.0, 0.5, 2.0]),),
            (tf.constant([1.0, 0.0, 0.25, 0.0]),),
        ],
    ),
    Exercise(
        "13.4",
        hint="log(sum(exp(z))) = m + log(sum(exp(z - m))), for any m. Take the largest logit.",
        insight="The largest exponent is now 0. This is what the library's function does inside.",
        solution=_loss,
        mistakes={
            "For large logits exp overflows: subtract the largest logit first.": (
                lambda: _loss(shift=False)
            ),
            "You subtracted the maximum, now add it again to the logarithm.": (
                lambda: _loss(back=False)
            ),
            "That is log(sum(exp(z))): subtract the logit of the label.": (
                lambda: _loss(of_label=False)
            ),
        },
        cases=lambda: [
            (tf.constant([1.0, 2.0, 0.5]), 0),
            (tf.constant([200.0, 0.0, -5.0]), 1),
            (tf.constant([-300.0, -301.0]), 0),
        ],
    ),
]

QUESTIONS = [
    Question(
        "13.q1",
        "`tf.where(ok, f(x), 0.0)` has a finite value and a NaN gradient. Why?",
        choices={
            "`tf.where` has no gradient.": "It has one, and it is simple: pass on, or zero.",
            "`ok` is boolean, and booleans cut the path.": "Nothing has to flow through `ok`.",
            "The branch that was not chosen is walked back too: zero times infinity.": (
                "Both branches are computed and recorded. The zero meets an infinite slope."
            ),
        },
        answer="The branch that was not chosen is walked back too: zero times infinity.",
    ),
    Question(
        "13.q2",
        "Thirty sigmoid layers, and the first one does not learn. What is the first suspect?",
        choices={
            "The gradient is `None`.": "Possible, but then you would see None, not tiny numbers.",
            "Each layer multiplies the gradient by at most a quarter.": (
                "A quarter to the power of thirty is below one in a billion billions."
            ),
            "The learning rate is too large.": "Then all would shake; here one end rests.",
        },
        answer="Each layer multiplies the gradient by at most a quarter.",
    ),
    Question(
        "13.q3",
        "In float32, a central difference with h = 0.0000001 comes out badly. Why?",
        choices={
            "f(x + h) and f(x - h) agree in nearly all their digits; little is left.": (
                "The rounding of the two values is divided by a tiny number."
            ),
            "The curve bends too much between the points.": (
                "That is the error of a step that is too large."
            ),
            "The tape rounds the gradient.": "No tape is involved in a difference.",
        },
        answer="f(x + h) and f(x - h) agree in nearly all their digits; little is left.",
    ),
    Question(
        "13.q4",
        "A ReLU unit puts out 0 for every example. What is its gradient?",
        choices={
            "`None`": "The path is there, and the tape has walked it.",
            "Zero for every example, so it will stay as it is.": (
                "Left of the kink the slope is 0. Nothing can pull the unit back."
            ),
            "NaN": "Zero times a finite number is zero.",
        },
        answer="Zero for every example, so it will stay as it is.",
    ),
]
