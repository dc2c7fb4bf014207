"""Exercises and quiz questions of lesson 11."""

import tapelab as tf
from tapelab.check import Exercise, Question


def _cubes(power=3):
    w = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(w**power)
    return tape.gradient(loss, w)


def _slope(which=1, sign=1.0):
    """The gradient of the sum of a · b² for one of its two arguments."""

    def slope(a, b):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            y = tf.reduce_sum(a * b**2)
        return sign * tape.gradient(y, [a, b])[which]

    return slope


def _accumulated(forget=False):
    """What PyTorch's .grad holds after `rounds` backward passes of (2w - 6)²."""

    def accumulated(w, rounds):
        total = tf.zeros_like(w)
        for _ in range(rounds):
            with tf.GradientTape() as tape:
                tape.watch(w)
                loss = tf.reduce_sum((2.0 * w - 6.0) ** 2)
            gradient = tape.gradient(loss, w)
            total = gradient if forget else total + gradient
        return total

    return accumulated


def _step(clip=None, sign=-1.0, through=False):
    """One step of the loop of exercise 11.4."""

    def step(w, b, x, t):
        with tf.GradientTape() as tape:
            tape.watch([w, b])
            scale = tf.reduce_max(tf.abs(x @ w))
            if not through:
                scale = tf.stop_gradient(scale)
            error = x @ w / scale + b - t
            loss = tf.reduce_mean(error**2)
        gradients = tape.gradient(loss, [w, b])
        if clip is None:
            gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        else:
            gradients = [clip(g) for g in gradients]
        return [v + sign * 0.1 * g for v, g in zip([w, b], gradients)]

    return step


def _data(*numbers):
    w0, w1, b = numbers
    return (
        tf.constant([[w0], [w1]]),
        tf.constant([b]),
        tf.constant([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]),
        tf.constant([[4.0], [-2.0], [1.0]]),
    )


EXERCISES = [
    Exercise(
        "11.1",
        hint="requires_grad=True becomes tf.Variable, .backward() becomes a tape around the loss.",
        insight="The slope of w³ is 3w²: the same numbers that w.grad would hold.",
        solution=_cubes,
        mistakes={
            "That is the gradient of the sum of squares: count the factors again.": (
                lambda: _cubes(2)
            ),
            "That is the loss itself; ask the tape for its gradient.": lambda: 9.0,
            "None: in TensorFlow a constant is not followed. Make w a tf.Variable.": lambda: None,
        },
    ),
    Exercise(
        "11.2",
        hint="argnums=1 is the second argument, b. The arguments are tensors: watch it.",
        insight="A position in JAX, an object in TensorFlow: watch b, and ask for b.",
        solution=_slope,
        mistakes={
            "That is the gradient for a; positions count from 0, so argnums=1 is b.": (
                lambda: _slope(0)
            ),
            "None: a and b come as tensors. Watch b before you compute.": (
                lambda: lambda a, b: None
            ),
            "That is the function's value.": lambda: lambda a, b: tf.reduce_sum(a * b**2),
        },
        cases=lambda: [
            (tf.constant([1.0, 2.0]), tf.constant([3.0, -1.0])),
            (tf.constant([2.0, 0.5]), tf.constant([1.0, 4.0])),
        ],
    ),
    Exercise(
        "11.3",
        hint="Start with zeros, and add the tape's answer to them in every round.",
        insight="That is all `.grad` is: a tensor of zeros that every backward adds to.",
        solution=_accumulated,
        mistakes={
            "That is the gradient of the last round alone; nobody reset .grad in between.": (
                lambda: _accumulated(forget=True)
            ),
            "Those are zeros: add the gradient of every round to them.": (
                lambda: lambda w, rounds: tf.zeros_like(w)
            ),
            "None: w comes as a tensor, so the tape has to watch it.": (
                lambda: lambda w, rounds: None
            ),
        },
        cases=lambda: [
            (tf.constant([1.0, 4.0]), 3),
            (tf.constant([0.0, 2.0]), 2),
        ],
    ),
    Exercise(
        "11.4",
        hint="detach is tf.stop_gradient; clip_grad_norm_ measures all gradients together.",
        insight="Three words changed their name, the mathematics did not.",
        solution=_step,
        mistakes={
            "The gradient flows through the scale as well: `.detach()` is tf.stop_gradient.": (
                lambda: _step(through=True)
            ),
            "You clipped each gradient by itself; clip_grad_norm_ takes the norm of all of them: "
            "tf.clip_by_global_norm.": lambda: _step(lambda g: tf.clip_by_norm(g, 1.0)),
            "The clipping is missing.": lambda: _step(lambda g: g),
            "It walks uphill: subtract.": lambda: _step(sign=1.0),
        },
        cases=lambda: [_data(1.0, -1.0, 3.0), _data(0.5, 2.0, -2.0)],
    ),
]

QUESTIONS = [
    Question(
        "11.q1",
        "A PyTorch loop forgets `optimizer.zero_grad()`. What goes wrong?",
        choices={
            "The second `backward` raises an error.": (
                "Each round builds a new graph, so nothing is asked twice. It runs, silently."
            ),
            "Every step uses the sum of all gradients so far.": (
                "`.backward()` adds to `.grad`. The steps grow and the descent overshoots."
            ),
            "Nothing: gradients are returned, not stored.": (
                "In TensorFlow and JAX they are. In PyTorch they are left on the parameters."
            ),
        },
        answer="Every step uses the sum of all gradients so far.",
    ),
    Question(
        "11.q2",
        "The loss does not depend on `x` at all. Who says so?",
        choices={
            "TensorFlow with `None`, torch.autograd.grad with an error, JAX with zeros": (
                "Three honest answers to one question. (And after y.backward() PyTorch says "
                "nothing: x.grad stays None.) Know which one you will get."
            ),
            "All three with `None`": (
                "TensorFlow does, and PyTorch's x.grad stays None after y.backward(). But "
                "torch.autograd.grad raises an error, and JAX gives zeros."
            ),
            "All three with zeros": "Only JAX, where f(x) is a function of x in any case.",
        },
        answer="TensorFlow with `None`, torch.autograd.grad with an error, JAX with zeros",
    ),
    Question(
        "11.q3",
        "Which line does the work of `tape.watch(x)` in JAX?",
        choices={
            "x = jnp.array(3.0)": "That only makes an array; JAX follows no array by itself.",
            "x = jax.lax.stop_gradient(x)": "The opposite: nothing flows back through it.",
            "jax.grad(f, argnums=0)": (
                "What is followed is decided by the position of the argument, from outside."
            ),
        },
        answer="jax.grad(f, argnums=0)",
    ),
]
