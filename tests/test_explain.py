"""Every reason for a None, and its place: the line marked with `# <-`."""

import inspect
import threading

import numpy as np
import pytest

import tapelab as tf
from tapelab import explain as explain_module
from tapelab.explain import Explanation


def check(explanation, reason, function, connected=False):
    """The reason, and that the place is the marked line of the function."""
    assert isinstance(explanation, Explanation)
    assert (explanation.connected, explanation.reason) == (connected, reason), str(explanation)
    lines, first = inspect.getsourcelines(function)
    marked = [first + i for i, line in enumerate(lines) if line.rstrip().endswith("# <-")]
    assert explanation.place.line == marked[0], f"{explanation}\nexpected line {marked}"
    assert explanation.place.text == lines[marked[0] - first].strip()
    assert explanation.fix and explanation.message
    assert explanation.message in str(explanation) and "test_explain.py" in str(explanation)


def non_trainable():
    x = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        y = x**2  # <-
    return tape, y, x, tape.explain(y, x)


def tensor_made_before():
    x = tf.Variable(2.0) + 1.0  # <-
    with tf.GradientTape() as tape:
        y = x**2
    return tape, y, x, tape.explain(y, x)


def constant():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x**2  # <-
    return tape, y, x, tape.explain(y, x)


def watched_too_late():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x**2  # <-
        tape.watch(x)
    return tape, y, x, tape.explain(y, x)


def accessed_variables_not_watched():
    x = tf.Variable(3.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        y = x**2  # <-
    return tape, y, x, tape.explain(y, x)


def unrelated():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        u = a * a
        z = b * b  # <-
    del u
    return tape, z, a, tape.explain(z, a)


def through_numpy():
    x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        x2 = x**2
        y = np.mean(x2, axis=0)  # <-
        y = tf.reduce_mean(y, axis=0)
    return tape, y, x, tape.explain(y, x)


def through_dot_numpy():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.constant(x.numpy() ** 2)  # <-
    return tape, y, x, tape.explain(y, x)


def through_float():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.sin(float(x * x))  # <-
    return tape, y, x, tape.explain(y, x)


def integer_source():
    x = tf.constant(10)  # <-
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(x, tf.float32) * 2.0
    return tape, y, x, tape.explain(y, x)


def cast_to_int_and_back():
    x = tf.Variable(3.7)
    with tf.GradientTape() as tape:
        whole = tf.cast(x, tf.int32)  # <-
        y = tf.cast(whole, tf.float32) * 2.0
    return tape, y, x, tape.explain(y, x)


def integer_target():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.argmax(x)  # <-
    return tape, y, x, tape.explain(y, x)


def rounding():
    x = tf.Variable(1.4)
    with tf.GradientTape() as tape:
        y = tf.round(x) * 2.0  # <-
    return tape, y, x, tape.explain(y, x)


def rebound():
    x = tf.Variable(2.0)
    x = x + 1  # <-
    with tf.GradientTape() as tape:
        y = x * 2
    return tape, y, x, tape.explain(y, x)


def rebound_in_a_loop():
    x = tf.Variable(2.0)
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = x + 1
        tape.gradient(y, x)
        explanation, asked = tape.explain(y, x), x
        x = x + 1  # <-
    return tape, y, asked, explanation


def state():
    x0, x1 = tf.Variable(3.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        x1.assign_add(x0)  # <-
        y = x1**2
    return tape, y, x0, tape.explain(y, x0)


def stopped_gradient():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = 2.0 * tf.stop_gradient(x * x)  # <-
    return tape, y, x, tape.explain(y, x)


def recording_stopped():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            y = x * x  # <-
    return tape, y, x, tape.explain(y, x)


def reset():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        tape.reset()  # <-
    return tape, y, x, tape.explain(y, x)


def computed_outside():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = x * x
    y = z * 2.0  # <-
    return tape, y, x, tape.explain(y, x)


def inner_gradient_outside():
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
    g = inner.gradient(y, x)  # <-
    return outer, g, x, outer.explain(g, x)


def custom_gradient_returns_none():
    x = tf.Variable(3.0)

    @tf.custom_gradient
    def f(x):
        def backward(upstream):  # <-
            return None

        return x * 1.0, backward

    with tf.GradientTape(persistent=True) as tape:
        y = f(x)
    tape.gradient(y, x)
    return tape, y, x, tape.explain(y, x)


CASES = {
    non_trainable: "non-trainable", tensor_made_before: "computed before the tape", constant: "constant",
    watched_too_late: "watched too late", accessed_variables_not_watched: "not watched",
    unrelated: "unrelated", through_numpy: "left through NumPy", through_dot_numpy: "left through NumPy",
    through_float: "left through NumPy", integer_source: "integer dtype",
    cast_to_int_and_back: "integer dtype", integer_target: "no gradient", rounding: "no gradient",
    rebound: "rebound name", rebound_in_a_loop: "rebound name", state: "state",
    stopped_gradient: "stop_gradient", recording_stopped: "recording stopped", reset: "reset",
    computed_outside: "outside the tape", inner_gradient_outside: "inner gradient outside",
    custom_gradient_returns_none: "custom gradient",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda f: f.__name__)
def test_reason_and_place(case):
    tape, target, source, explanation = case()
    check(explanation, CASES[case], case)
    html = explanation._repr_html_()
    assert "None" in html and "Fix" in html and "line" in html


def test_the_gradient_is_none_in_every_case():
    for case in CASES:
        tape, target, source, _ = case()
        if tape._records is not None:
            assert tape.gradient(target, source) is None, case.__name__


@pytest.mark.parametrize(
    "case", [c for c in CASES if c is not custom_gradient_returns_none], ids=lambda f: f.__name__
)
def test_a_tape_that_has_answered_still_explains(case, monkeypatch):
    explain = explain_module.explain

    def after_gradient(tape, target, source):
        if tape._records is not None:
            tape.gradient(target, source)
        return explain(tape, target, source)

    # Disguised as part of the package, so that the question still seems to come from the case.
    code = after_gradient.__code__.replace(co_filename=explain_module.__file__)
    after_gradient.__code__ = code
    monkeypatch.setattr(explain_module, "explain", after_gradient)
    *_, explanation = case()
    check(explanation, CASES[case], case)


def test_connected_names_the_path():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.exp(tf.sin(x) * 3.0)
    explanation = tape.explain(y, x)
    assert explanation.connected and explanation.path == ("Sin", "Mul", "Exp")
    tape.gradient(y, x)
    assert tape.explain(y, x).path == ("Sin", "Mul", "Exp")
    assert "Sin" in str(explanation) and "Connected" in explanation._repr_html_()


def test_a_tensor_at_a_dead_ones_address_is_not_mistaken_for_it():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    del y
    others = [tf.constant(float(i)) for i in range(100)]
    assert not any(tape.explain(other, x).connected for other in others)


def test_a_large_tape_that_gave_numbers_lets_go_of_everything():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x * 1.0
        for _ in range(1000):
            y = y * 1.0
    middle = tf.constant(1.0)
    tape.gradient(y, x)
    assert tape._memory.outline is None
    assert tape.explain(y, x).connected
    assert tape.explain(y, middle).reason == "released"


def test_a_tape_never_entered():
    explanation = tf.GradientTape().explain(tf.constant(1.0), tf.Variable(1.0))
    assert explanation.reason == "never entered" and "with tf.GradientTape()" in explanation.fix


def test_a_second_name_made_after_the_block_misleads_nobody():
    shifted = tf.Variable(2.0) + 1.0
    with tf.GradientTape() as tape:
        y = shifted**2
    for x in [shifted]:
        explanation = tape.explain(y, x)
    assert explanation.reason == tensor_made_before()[3].reason
    assert "shifted" in explanation.message


def test_bad_questions():
    with tf.GradientTape() as tape:
        y = tf.Variable(1.0) * 2.0
    with pytest.raises(TypeError, match="float"):
        tape.explain(y, 3.0)
    with pytest.raises(TypeError, match="one tensor"):
        tape.explain([y], y)


def test_events_are_bounded_and_per_thread():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        for _ in range(10):
            (x * 1.0).numpy()
        thread = threading.Thread(target=lambda: (x * 1.0).numpy())
        thread.start()
        thread.join()
    assert len([e for e in tape._memory.events if e.kind == "left"]) == 10
