"""Exercises and quiz questions of lesson 05."""

import tapelab as tf
from tapelab.check import Exercise, Question, difference


def _both():
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        f = tf.sin(x)
        g = f * x
    return tape.gradient(f, x), tape.gradient(g, x)


def _recorded_bytes():
    layers = [tf.Variable(tf.eye(60)) for _ in range(5)]
    with tf.GradientTape() as tape:
        h = tf.ones([100, 60])
        for w in layers:
            h = tf.tanh(h @ w)
    return sum(record.bytes for record in tape)


def _spread(w):
    return tf.reduce_max(tf.abs(tf.expand_dims(w, 0) - tf.expand_dims(w, 1)))


def _heavy(w):
    with tf.GradientTape() as tape:
        spread = _spread(w)
        loss = tf.reduce_sum(w**2)
    return tape, loss, spread


def _lean(w):
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            spread = _spread(w)
        loss = tf.reduce_sum(w**2)
    return tape, loss, spread


def _all_paused(w):
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            spread = _spread(w)
            loss = tf.reduce_sum(w**2)
    return tape, loss, spread


TOO_HEAVY = (
    "The tape still holds more than 20 000 bytes. Is everything that leads to spread inside "
    "`with tape.stop_recording():`?"
)
LOST = (
    "The tape is light, but the gradient of the loss is None: the loss must be recorded, outside "
    "the pause."
)


def _judge_lean(answer):
    w = tf.Variable(tf.linspace(-1.0, 2.0, 500))
    result = answer(w)
    if not (isinstance(result, (tuple, list)) and len(result) == 3):
        return "Return three things: tape, loss, spread."
    tape, loss, spread = result
    if not isinstance(tape, tf.GradientTape):
        return "The first of the three should be the tape."
    for what, mine, right in (("loss", loss, tf.reduce_sum(w**2)), ("spread", spread, _spread(w))):
        wrong = difference(mine, right)
        if wrong is not None:
            return f"The {what}: {wrong}"
    if tape.nbytes > 20_000:
        return TOO_HEAVY
    gradient = tape.gradient(loss, w)
    if gradient is None:
        return LOST
    wrong = difference(gradient, 2.0 * w)
    return wrong and f"The gradient of the loss: {wrong}"


EXERCISES = [
    Exercise(
        "05.1",
        hint="Two targets, two calls: write tf.GradientTape(persistent=True), and put the two "
        "answers into a list.",
        insight="One recording, two questions.",
        solution=lambda: list(_both()),
        mistakes={
            "You asked once, with a list of targets, and the tape added their gradients. Ask "
            "twice.": lambda: sum(_both()),
            "The other way round: df/dx first.": lambda: list(_both())[::-1],
            "Twice df/dx. The second question is about g.": lambda: [_both()[0]] * 2,
        },
    ),
    Exercise(
        "05.2",
        hint="The second argument of tape.gradient may be a list: [w, x, b].",
        insight="One target, three sources, one call: no persistent tape needed.",
        solution=lambda: [tf.constant(n) for n in (30.0, 20.0, 10.0)],
        mistakes={
            "That is the order x, w, b. Asked for were w, x, b.": lambda: (
                [tf.constant(n) for n in (20.0, 30.0, 10.0)]
            ),
            "That is the derivative by w alone. Give all three sources in a list.": lambda: (
                tf.constant(30.0)
            ),
            "Those are the derivatives of w * x + b, without the square: a factor of 2 * 5 is "
            "missing.": lambda: [tf.constant(n) for n in (3.0, 2.0, 1.0)],
        },
    ),
    Exercise(
        "05.3",
        hint="Each layer records two results, the product h @ w and its tanh, of 100 times 60 "
        "numbers each. A float32 takes 4 bytes.",
        insight="5 layers, 2 results each, 100 · 60 numbers, 4 bytes. The weights themselves take "
        "less than a third of that.",
        solution=_recorded_bytes,
        rtol=0.0,
        atol=0.5,
        mistakes={
            "That counts one result per layer. h @ w is a result, too.": lambda: 120_000,
            "Those are numbers. How many bytes does one float32 take?": lambda: 60_000,
            "That is right for float64. A float32 is half as large.": lambda: 480_000,
            "Those are the bytes of the weights. Asked for are the recorded results.": lambda: (
                72_000
            ),
        },
    ),
    Exercise(
        "05.4",
        hint="Inside the tape's block, put `with tape.stop_recording():` around the lines that "
        "compute pairs and spread. The loss stays outside the pause.",
        insight="What needs no gradient needs no place on the tape. Computing the spread after "
        "the block would do as well.",
        solution=lambda: _lean,
        mistakes={
            TOO_HEAVY: lambda: _heavy,
            LOST: lambda: _all_paused,
            "Return three things: tape, loss, spread.": lambda: lambda w: _lean(w)[1:],
        },
        cases=lambda: [(tf.Variable([0.0, 1.0, 4.0]),), (tf.Variable([2.0, -1.0]),)],
        judge=_judge_lean,
    ),
]

QUESTIONS = [
    Question(
        "05.q1",
        "You need the gradients of one loss with respect to a weight matrix and a bias. Which tape?",
        choices={
            "A persistent one, asked twice": "It works, but it keeps everything in memory for "
            "nothing.",
            "An ordinary one, asked once with a list": "One target, two sources: "
            "`tape.gradient(loss, [weights, bias])`.",
            "Two ordinary ones": "It works, but the forward pass is recorded twice.",
        },
        answer="An ordinary one, asked once with a list",
    ),
    Question(
        "05.q2",
        "When does an ordinary tape let go of the results it holds?",
        choices={
            "When it has answered": "That is why it refuses a second question.",
            "When the `with` block ends": "Then it only stops recording. It still has to answer.",
            "Only with `del tape`": "That is how it is with a persistent tape.",
        },
        answer="When it has answered",
    ),
    Question(
        "05.q3",
        "After `del tape`, what about a tensor `y` that was computed inside its block?",
        choices={
            "It is gone, too": "It has a name of its own, `y`, and lives as long as that.",
            "It becomes a NumPy array": "It stays the tensor that it was.",
            "It keeps its value, but nobody can differentiate it any more": "The value is in `y`; "
            "how it came about was on the tape.",
        },
        answer="It keeps its value, but nobody can differentiate it any more",
    ),
]
