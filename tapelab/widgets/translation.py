"""One question in three spellings: TensorFlow (and so tapelab), PyTorch, JAX.

Each program leaves its result in `answer`. `said` is what the three of them answer;
`tests/parity/test_spellings.py` runs every program whose library is installed and compares.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from textwrap import dedent

import numpy as np

LIBRARIES = {
    "TensorFlow": "import tensorflow as tf",
    "PyTorch": "import torch",
    "JAX": "import jax\nimport jax.numpy as jnp",
}


@dataclass(frozen=True)
class Spelling:
    """A question put to the three libraries, what each says, and what to remember."""

    programs: tuple[str, str, str]
    said: tuple[str, str, str]
    remark: str

    def program(self, library: str, imports: bool = True) -> str:
        """The program in a library's spelling."""
        code = dedent(self.programs[list(LIBRARIES).index(library)]).strip()
        return f"{LIBRARIES[library]}\n\n{code}" if imports else code

    def result(self, library: str) -> str:
        """What the library answers, as `told` writes it."""
        return self.said[list(LIBRARIES).index(library)]


SPELLINGS = {
    "a gradient": Spelling(
        (
            """
            x = tf.Variable(3.0)
            with tf.GradientTape() as tape:
                y = x**2
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(3.0, requires_grad=True)
            y = x**2
            y.backward()
            answer = x.grad
            """,
            """
            def f(x):
                return x**2

            answer = jax.grad(f)(3.0)
            """,
        ),
        ("6", "6", "6"),
        "TensorFlow asks a tape. PyTorch has an invisible tape behind every result, and leaves the "
        "gradient on the source. JAX turns a function into another function.",
    ),
    "value and gradients": Spelling(
        (
            """
            w, b = tf.Variable(2.0), tf.Variable(1.0)
            with tf.GradientTape() as tape:
                loss = (3.0 * w + b) ** 2
            answer = loss, *tape.gradient(loss, [w, b])
            """,
            """
            w = torch.tensor(2.0, requires_grad=True)
            b = torch.tensor(1.0, requires_grad=True)
            loss = (3.0 * w + b) ** 2
            loss.backward()
            answer = loss, w.grad, b.grad
            """,
            """
            def loss(w, b):
                return (3.0 * w + b) ** 2

            value, slopes = jax.value_and_grad(loss, argnums=(0, 1))(2.0, 1.0)
            answer = value, *slopes
            """,
        ),
        ("49 42 14", "49 42 14", "49 42 14"),
        "Which sources? A list at the end; a flag at the beginning; positions of arguments.",
    ),
    "asked in two rounds": Spelling(
        (
            """
            x = tf.Variable(3.0)
            for _ in range(2):
                with tf.GradientTape() as tape:
                    y = x**2
                answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(3.0, requires_grad=True)
            for _ in range(2):
                y = x**2
                y.backward()
                answer = x.grad
            """,
            """
            for _ in range(2):
                answer = jax.grad(lambda x: x**2)(3.0)
            """,
        ),
        ("6", "12", "6"),
        "PyTorch's backward adds to what is in .grad. Reset it in every round: x.grad = None, or "
        "optimizer.zero_grad().",
    ),
    "one tape, asked twice": Spelling(
        (
            """
            x = tf.Variable(3.0)
            with tf.GradientTape(persistent=True) as tape:
                y = x**2
            tape.gradient(y, x)
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(3.0, requires_grad=True)
            y = x**2
            torch.autograd.grad(y, x, retain_graph=True)
            answer = torch.autograd.grad(y, x)[0]
            """,
            """
            y, pull = jax.vjp(lambda x: x**2, 3.0)
            pull(1.0)
            answer = pull(1.0)[0]
            """,
        ),
        ("6", "6", "6"),
        "By itself a tape answers once, PyTorch's too. JAX's pull function keeps what it needs as "
        "long as you keep it. torch.autograd.grad returns gradients and touches no .grad.",
    ),
    "a source nobody watched": Spelling(
        (
            """
            x = tf.constant(3.0)
            with tf.GradientTape() as tape:
                y = x**2
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(3.0)
            y = x**2
            y.backward()
            answer = x.grad
            """,
            """
            x = jnp.array(3.0)
            answer = jax.grad(lambda x: x**2)(x)
            """,
        ),
        ("None", "RuntimeError", "6"),
        "In TensorFlow tape.watch(x) repairs it, in PyTorch x.requires_grad_(). JAX has nothing to "
        "watch: an argument is followed because you differentiate with respect to it.",
    ),
    "an unrelated source": Spelling(
        (
            """
            x, z = tf.Variable(2.0), tf.Variable(3.0)
            with tf.GradientTape() as tape:
                y = z**2
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(2.0, requires_grad=True)
            z = torch.tensor(3.0, requires_grad=True)
            y = z**2
            answer = torch.autograd.grad(y, x)[0]
            """,
            """
            answer = jax.grad(lambda x, z: z**2)(2.0, 3.0)
            """,
        ),
        ("None", "RuntimeError", "0"),
        "None, an error, or zero. TensorFlow gives zeros with unconnected_gradients='zero', "
        "PyTorch gives None with allow_unused=True; and after y.backward() its x.grad is None, "
        "without a word.",
    ),
    "a vector as target": Spelling(
        (
            """
            x = tf.Variable(2.0)
            with tf.GradientTape() as tape:
                y = x * [3.0, 4.0]
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(2.0, requires_grad=True)
            y = x * torch.tensor([3.0, 4.0])
            y.backward()
            answer = x.grad
            """,
            """
            def f(x):
                return x * jnp.array([3.0, 4.0])

            answer = jax.grad(f)(2.0)
            """,
        ),
        ("7", "RuntimeError", "TypeError"),
        "TensorFlow adds the outputs up without a word. The others want you to say it: "
        "y.sum().backward(), or jax.grad of a function that returns the sum.",
    ),
    "the second derivative": Spelling(
        (
            """
            x = tf.Variable(2.0)
            with tf.GradientTape() as outer:
                with tf.GradientTape() as inner:
                    y = x**3
                slope = inner.gradient(y, x)
            answer = outer.gradient(slope, x)
            """,
            """
            x = torch.tensor(2.0, requires_grad=True)
            y = x**3
            (slope,) = torch.autograd.grad(y, x, create_graph=True)
            answer = torch.autograd.grad(slope, x)[0]
            """,
            """
            answer = jax.grad(jax.grad(lambda x: x**3))(2.0)
            """,
        ),
        ("12", "12", "12"),
        "A tape around a tape; a backward walk that is itself recorded; a function of a function.",
    ),
    "a Jacobian": Spelling(
        (
            """
            x = tf.Variable([1.0, 2.0])
            with tf.GradientTape() as tape:
                y = x**2
            answer = tape.jacobian(y, x)
            """,
            """
            x = torch.tensor([1.0, 2.0])
            answer = torch.func.jacrev(lambda x: x**2)(x)
            """,
            """
            x = jnp.array([1.0, 2.0])
            answer = jax.jacrev(lambda x: x**2)(x)
            """,
        ),
        ("2 0 0 4", "2 0 0 4", "2 0 0 4"),
        "Rows are outputs everywhere. PyTorch's torch.func is written after JAX's model.",
    ),
    "no gradient through here": Spelling(
        (
            """
            x = tf.Variable(3.0)
            with tf.GradientTape() as tape:
                y = x * tf.stop_gradient(x)
            answer = tape.gradient(y, x)
            """,
            """
            x = torch.tensor(3.0, requires_grad=True)
            y = x * x.detach()
            y.backward()
            answer = x.grad
            """,
            """
            def f(x):
                return x * jax.lax.stop_gradient(x)

            answer = jax.grad(f)(3.0)
            """,
        ),
        ("3", "3", "3"),
        "The same idea under three names.",
    ),
    "one step of descent": Spelling(
        (
            """
            w = tf.Variable(4.0)
            with tf.GradientTape() as tape:
                loss = w**2
            w.assign_sub(0.1 * tape.gradient(loss, w))
            answer = w
            """,
            """
            w = torch.tensor(4.0, requires_grad=True)
            loss = w**2
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
            answer = w
            """,
            """
            w = jnp.array(4.0)
            w = w - 0.1 * jax.grad(lambda w: w**2)(w)
            answer = w
            """,
        ),
        ("3.2", "3.2", "3.2"),
        "TensorFlow changes a variable. PyTorch changes the tensor itself, and has to be told not "
        "to record that. JAX changes nothing: the new w is a new value.",
    ),
}


def told(answer) -> str:
    """A result in a few characters, the same for all libraries: `6`, `2 0 0 4`, `None`."""
    if answer is None:
        return "None"
    parts = answer if isinstance(answer, (tuple, list)) else [answer]
    arrays = [np.asarray(part.detach() if hasattr(part, "detach") else part) for part in parts]
    return " ".join(f"{value:g}" for array in arrays for value in array.ravel())


def answer(code: str) -> str:
    """What a program leaves in `answer`, as `told` writes it, or the name of what it raises."""
    names: dict = {}
    try:
        exec(code, names)
    except Exception as error:
        return type(error).__name__
    return told(names["answer"])


def spellings():
    """The same question to tapelab and to another library, side by side.

    Returns:
      A `Reader` with the controls `question` and `library`; `alt` says what each of them answers.
    """
    import ipywidgets

    from tapelab.widgets.reading import Reader, listing

    def page(question, library):
        spelling = SPELLINGS[question]
        ours = spelling.program("TensorFlow").replace("tensorflow", "tapelab")
        columns = "".join(
            f'<td style="vertical-align: top; text-align: left; padding-right: 12px">'
            f"<b>{name}</b>{listing(code)}answer: <b>{_read(said)}</b></td>"
            for name, code, said in (
                ("tapelab", ours, spelling.result("TensorFlow")),
                (library, spelling.program(library), spelling.result(library)),
            )
        )
        text = (
            f"{question.capitalize()}: tapelab answers {spelling.result('TensorFlow')}, {library} "
            f"answers {spelling.result(library)}. {spelling.remark}"
        )
        return (
            f"<table><tr>{columns}</tr></table>"
            f'<p aria-live="polite" style="max-width: 720px">{html.escape(spelling.remark)}</p>',
            text,
        )

    return Reader(
        page,
        question=ipywidgets.Dropdown(options=list(SPELLINGS)),
        library=ipywidgets.Dropdown(options=list(LIBRARIES), value="PyTorch"),
    )


def _read(said):
    return f"{said} is raised" if said.endswith("Error") else said
