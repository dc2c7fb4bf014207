"""Exercises and quiz questions of lesson 08."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _variables():
    return [(tf.Variable([3.0, -1.0]),), (tf.Variable([0.0, 2.0, 5.0, 1.0]),)]


def _slope_of_loss(reduce=tf.reduce_mean, target=1.0):
    def slope(w):
        with tf.GradientTape() as tape:
            loss = reduce(tf.square(w - target))
        return tape.gradient(loss, w)

    return slope


def _descend(sign=1.0, most=10**6):
    def descend(start, rate, steps):
        x = tf.Variable(start)
        for _ in range(min(steps, most)):
            with tf.GradientTape() as tape:
                loss = (x - 4.0) ** 2
            x.assign_sub(sign * rate * tape.gradient(loss, x))
        return x

    return descend


def _slope_of_memory(w, remember=lambda memory: memory, last=lambda memory: memory**2):
    with tf.GradientTape() as tape:
        memory = tf.constant(0.0)
        for _ in range(3):
            memory = 0.5 * remember(memory) + w
        y = last(memory)
    return tape.gradient(y, w)


EXERCISES = [
    Exercise(
        "08.1",
        hint="A constant is followed from the moment you watch it: tape.watch(x), before y.",
        insight="d(x³)/dx = 3x² is 12 at x = 2, now that the tape follows x.",
        solution=lambda: tf.constant(12.0),
        mistakes={
            "That is still None: the tape does not follow x when y is computed. Watch x first, "
            "on the line before y.": lambda: None,
            "That is y, the value; ask the tape for its slope.": lambda: 8.0,
            "That is x² times 1: the rule for x³ has a factor 3.": lambda: 4.0,
        },
    ),
    Exercise(
        "08.2",
        hint="Open a tape, and write the loss without .numpy() and without np.",
        insight="The same formula in tf: now subtraction, square and mean are all on the tape.",
        solution=_slope_of_loss,
        mistakes={
            "None: something between w and the loss is still done by NumPy.": (
                lambda: lambda w: None
            ),
            "That is the gradient of the sum of squares; the loss is their mean.": (
                lambda: _slope_of_loss(tf.reduce_sum)
            ),
            "That is the loss itself; return tape.gradient(loss, w).": (
                lambda: lambda w: tf.reduce_mean(tf.square(w - 1.0))
            ),
        },
        cases=_variables,
    ),
    Exercise(
        "08.3",
        hint="Keep x the variable it is: let it subtract with x.assign_sub(...).",
        insight="x stayed the same variable all the way, so each new tape followed it by itself.",
        solution=_descend,
        mistakes={
            "It walks uphill: subtract the gradient, do not add it.": lambda: _descend(sign=-1.0),
            "It takes one step only: return after the loop, not inside it.": (
                lambda: _descend(most=1)
            ),
            "x never moved: use the gradient to change it.": lambda: _descend(most=0),
        },
        cases=lambda: [(0.0, 0.1, 3), (7.0, 0.25, 2)],
    ),
    Exercise(
        "08.4",
        hint="Let memory be a tensor, and give the name to a new tensor at each moment.",
        insight="Memory ends as 1.75 w, so y = 1.75² w², and its slope is 2 · 1.75² · w.",
        solution=lambda: _slope_of_memory,
        mistakes={
            "None: as long as memory is a variable that you assign to, its history is lost.": (
                lambda: lambda w: None
            ),
            "That counts only the last addition of w: the earlier ones are in memory too, so it "
            "must be a tensor the tape can follow.": (
                lambda: lambda w: _slope_of_memory(w, remember=tf.stop_gradient)
            ),
            "That is the slope of memory; the target is its square.": (
                lambda: lambda w: _slope_of_memory(w, last=lambda memory: memory)
            ),
        },
        cases=lambda: [(tf.Variable(2.0),), (tf.Variable(-1.0),)],
    ),
]

QUESTIONS = [
    Question(
        "08.q1",
        "`tape.gradient(y, x)` returned `None`. What do you know for certain?",
        choices={
            "A small change of x does not change y.": (
                "That would be a gradient of zero. y may well depend on x, through a step that "
                "the tape did not see."
            ),
            "The tape found no recorded path from y back to x.": (
                "That is all it says. Whether there should have been one is for you to judge."
            ),
            "x is not a variable.": (
                "Often, but not always: a variable that takes no part, or whose value left "
                "through NumPy, gets `None` too."
            ),
        },
        answer="The tape found no recorded path from y back to x.",
    ),
    Question(
        "08.q2",
        "`x` is a constant and `y = x * x` is computed inside the block. Where must "
        "`tape.watch(x)` stand?",
        choices={
            "before the line that computes y": (
                "The tape writes down what happens to x from that moment on."
            ),
            "anywhere inside the block": (
                "After y is computed it is too late: the past is not on the tape."
            ),
            "after the block, before tape.gradient": (
                "By then nothing is being recorded any more."
            ),
        },
        answer="before the line that computes y",
    ),
    Question(
        "08.q3",
        "Which line, inside the block, keeps the path from `w` to the loss whole?",
        choices={
            "h = tf.Variable(w * 2.0)": (
                "A new variable holds the number and knows nothing of where it came from."
            ),
            "h = tf.constant(w.numpy() * 2.0)": "The value left through NumPy.",
            "h = w * 2.0": "An operation on a followed value: it is recorded.",
        },
        answer="h = w * 2.0",
    ),
    Question(
        "08.q4",
        "When is `unconnected_gradients=\"zero\"` a good idea?",
        choices={
            "Whenever a gradient is `None` and you do not know why.": (
                "Then the zeros hide a mistake: the weight stays where it is, and nothing warns."
            ),
            "Never: `None` and zero are the same.": (
                "They are not. Zero is a measured slope, `None` is the absence of one."
            ),
            "When you expect that a source takes no part, and want to go on calculating.": (
                "Zeros of the right shape then save you an `if`."
            ),
        },
        answer="When you expect that a source takes no part, and want to go on calculating.",
    ),
]
