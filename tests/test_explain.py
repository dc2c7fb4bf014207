"""Every reason for a None, and its place: the line marked with `# <-`."""

import inspect
import linecache
import sys
import threading
import types

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

    with tf.GradientTape() as tape:
        y = f(x)
    return tape, y, x, tape.explain(y, x)


def computed_before():
    w = tf.Variable(2.0)
    y = w * 3.0  # <-
    with tf.GradientTape() as tape:
        loss = y + 1.0
    return tape, loss, w, tape.explain(loss, w)


def model_called_before():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    y = model(tf.ones([2, 3]))  # <-
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(y**2)
    w = model.trainable_variables[0]
    return tape, loss, w, tape.explain(loss, model.trainable_variables[0])


def computed_before_in_a_loop():
    w, total = tf.Variable(2.0), 0.0
    for k in range(3):
        total = total + w * float(k)  # <-
    with tf.GradientTape() as tape:
        loss = total**2
    return tape, loss, w, tape.explain(loss, w)


def called_outside():
    w = tf.Variable(2.0)

    def f():
        return w * 3.0

    with tf.GradientTape() as tape:
        pass
    y = f()  # <-
    return tape, y, w, tape.explain(y, w)


def first_line_outside():
    w = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = w * 3.0
    error = y - 1.0  # <-
    loss = error**2
    return tape, loss, w, tape.explain(loss, w)


def recording_stopped_half_way():
    w = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        a = w * 2.0
        with tape.stop_recording():
            b = a * a  # <-
        loss = b + 1.0
    return tape, loss, w, tape.explain(loss, w)


def inner_gradient_before():
    x = tf.Variable(2.0)
    with tf.GradientTape() as inner:
        y = x**3
    slope = inner.gradient(y, x)  # <-
    with tf.GradientTape() as outer:
        penalty = slope**2
    return outer, penalty, x, outer.explain(penalty, x)


def the_slope_of_a_line():
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = 3.0 * x
        slope = inner.gradient(y, x)  # <-
    return outer, slope, x, outer.explain(slope, x)


def rebound_in_the_block():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * 2.0
        x = x + 1.0  # <-
        z = y * y
    return tape, z, x, tape.explain(z, x)


def a_list_of_weights_rebound():
    weights = [tf.Variable(1.0), tf.Variable(2.0)]
    weights = [w - 0.1 for w in weights]  # <-
    with tf.GradientTape() as tape:
        loss = weights[0] * weights[1]
    return tape, loss, weights[0], tape.explain(loss, weights[0])


def another_variable_of_that_name():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * 2.0
    x = tf.Variable(3.0)  # <-
    return tape, y, x, tape.explain(y, x)


def a_tensor_rebound():
    data = tf.constant([1.0, 2.0])
    data = data / 2.0  # <-
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(data**2)
    return tape, y, data, tape.explain(y, data)


def an_attribute_rebound():
    model = types.SimpleNamespace(w=tf.Variable(2.0))
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = model.w**2
        asked, explanation = model.w, tape.explain(y, model.w)
        model.w = model.w - 0.1  # <-
    return tape, y, asked, explanation


def floats_in_a_list():
    w, losses = tf.Variable([1.0, 2.0]), []
    with tf.GradientTape() as tape:
        for k in range(2):
            losses.append(float(w[k] ** 2))  # <-
        y = tf.constant(sum(losses))
    return tape, y, w, tape.explain(y, w)


def a_block_of_one_line():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape: y = x * 2.0  # fmt: skip # noqa: E701 # <-
    return tape, y, x, tape.explain(y, x)


def a_variable_on_the_way():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        h = tf.Variable(x * 2.0)  # <-
        y = h**2
    return tape, y, x, tape.explain(y, x)


def order_of_values():
    x = tf.Variable([2.0, 1.0])
    with tf.GradientTape() as tape:
        places = tf.argsort(x)  # <-
        y = tf.reduce_sum(tf.cast(places, tf.float32))
    return tape, y, x, tape.explain(y, x)


def the_shape_alone():
    x = tf.Variable([2.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.ones_like(x))  # <-
    return tape, y, x, tape.explain(y, x)


def a_metric():
    x = tf.Variable([2.0, 1.0])
    mean = tf.keras.metrics.Mean()
    with tf.GradientTape() as tape:
        mean.update_state(x * 2.0)  # <-
        y = mean.result()
    return tape, y, x, tape.explain(y, x)


def stopped_in_a_comprehension():
    weights = [tf.Variable(1.0), tf.Variable(2.0)]
    with tf.GradientTape() as tape:
        parts = [tf.stop_gradient(w) ** 2 for w in weights]  # <-
        loss = tf.add_n(parts)
    return tape, loss, weights[1], tape.explain(loss, weights[1])


def asked_in_a_comprehension():
    weights = [tf.constant(1.0), tf.Variable(2.0)]
    with tf.GradientTape() as tape:
        loss = weights[0] * weights[1]  # <-
    return tape, loss, weights[0], [tape.explain(loss, w) for w in weights][0]


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
    computed_before: "outside the tape", model_called_before: "outside the tape",
    computed_before_in_a_loop: "outside the tape", called_outside: "outside the tape",
    first_line_outside: "outside the tape", recording_stopped_half_way: "recording stopped",
    inner_gradient_before: "inner gradient outside", the_slope_of_a_line: "unrelated",
    rebound_in_the_block: "rebound name", a_list_of_weights_rebound: "rebound name",
    another_variable_of_that_name: "rebound name", a_variable_on_the_way: "state",
    a_tensor_rebound: "computed before the tape", an_attribute_rebound: "rebound name",
    floats_in_a_list: "left through NumPy", a_block_of_one_line: "constant",
    order_of_values: "no gradient", the_shape_alone: "no gradient", a_metric: "left through NumPy",
    stopped_in_a_comprehension: "stop_gradient", asked_in_a_comprehension: "not watched",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda f: f.__name__)
def test_reason_and_place(case):
    tape, target, source, explanation = case()
    check(explanation, CASES[case], case)
    html = explanation._repr_html_()
    assert "None" in html and "Fix" in html and "line" in html
    assert tape._records is None or tape.gradient(target, source) is None


@pytest.mark.parametrize("answered", [False, True])
def test_a_gradient_function_that_returns_none_cuts_its_own_way_only(answered):
    @tf.custom_gradient
    def first_only(a, b):
        return a * b, lambda upstream: (upstream, None)

    x = tf.Variable(3.0)
    for f, path in {
        lambda x: first_only(1.0, x): None,
        lambda x: first_only(1.0, x) + x: ("AddV2",),
        lambda x: first_only(x, x): ("CustomGradient",),
        lambda x: first_only(tf.sin(x), first_only(1.0, x)): ("Sin", "CustomGradient"),
    }.items():
        with tf.GradientTape(persistent=not answered) as tape:
            y = f(x)
        gradient = tape.gradient(y, x) if answered else None
        found = tape.explain(y, x)
        gradient = gradient if answered else tape.gradient(y, x)
        assert found.connected == (gradient is not None) == (path is not None)
        assert found.path == (path or ()) and found.reason == ("" if path else "custom gradient")


def test_a_gradient_function_that_fails_is_no_reason_not_to_explain():
    @tf.custom_gradient
    def f(x):
        return x * 1.0, lambda upstream: 1 / 0

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = f(x)
    assert tape.explain(y, x).connected


@pytest.mark.parametrize("case", CASES, ids=lambda f: f.__name__)
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


FIXES = [
    "y = tf.constant(np.mean(x.numpy() ** 2))",
    "y = tf.constant(float(tf.reduce_sum(x)))",
    "y = tf.reduce_sum(np.array([x[0] * 2.0, x[1]]))",
    "y = tf.sqrt(np.linalg.norm(x))",
    "y = tf.constant(math.exp(x[0]))",
    "y = tf.reduce_sum((lambda v: np.log(v) + np.max(v))(x))",
    "h = tf.Variable(x * 2.0); y = tf.reduce_sum(h)",
    "h.append(float(x[0])); y = tf.reduce_sum(h)",
]


@pytest.mark.parametrize("line", FIXES)
def test_the_fix_of_a_line_can_be_put_in_its_place(line, tmp_path):
    def run(line):
        path = tmp_path / "program.py"
        first, *rest = line.split("; ")
        path.write_text(
            "import math, numpy as np, tapelab as tf\n"
            "x, h = tf.Variable([1.0, 2.0]), []\n"
            "with tf.GradientTape(persistent=True) as tape:\n"
            + "".join(f"    {part}\n" for part in (first, *rest))
            + "found, why = tape.gradient(y, x), tape.explain(y, x)\n"
        )
        linecache.checkcache()
        names = {}
        exec(compile(path.read_text(), str(path), "exec"), names)
        return names["found"], names["why"]

    found, why = run(line)
    assert found is None
    found, why = run("; ".join([why.fix.split("\n")[0], *line.split("; ")[1:]]))
    assert found is not None, why


def test_an_assignment_is_mended_under_its_own_names():
    w, cache = tf.Variable(2.0), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        cache.assign_sub(w * 3.0)
        y = cache * 2.0
    explanation = tape.explain(y, w)
    assert "the variable cache:" in explanation.message
    assert explanation.fix.startswith("z = cache - (w * 3.0)")


def test_a_source_is_called_as_it_is_written():
    parts = {"w": tf.Variable(2.0, trainable=False)}
    with tf.GradientTape() as tape:
        y = parts["w"] * 3.0
    explanation = tape.explain(target=y, source=parts["w"])
    assert explanation.fix == "tape.watch(parts['w'])   # first line of the block"
    assert explanation.place.text == 'y = parts["w"] * 3.0'


def run_cells(monkeypatch, *cells, counted=True):
    """Cells as a notebook runs them; the names they leave behind."""
    numbers, names = {}, {"tf": tf}
    shell = types.SimpleNamespace(compile=types.SimpleNamespace(_filename_map=numbers))
    shells = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", shells)
    for number, cell in enumerate(cells, start=1):
        file = f"<cell {hash(cell)}>"
        numbers[file] = number if counted else 1  # the same cell again: the same file, a new number
        linecache.cache[file] = len(cell), None, cell.splitlines(keepends=True), file
        exec(compile(cell, file, "exec"), names)
    return names


TAPED = "with tf.GradientTape() as tape:\n    y = w * w\n"


@pytest.mark.parametrize(
    "cells, reason, place",
    [
        (["w = tf.Variable(2.0)", "w = w + 1.0", TAPED], "rebound name", "cell 2"),
        (["w = tf.Variable(2.0)", TAPED, "w = tf.Variable(3.0)"], "rebound name", "cell 3"),
        (["w = tf.Variable(2.0)", TAPED, "w = tf.Variable(2.0)"], "rebound name", "cell 3"),
        (["w = tf.constant(2.0)", "q = 1", TAPED], "constant", "cell 3"),
        (["w = tf.zeros(2)", "w = tf.Variable(2.0)\nw = w + 1", TAPED], "rebound name", "cell 2"),
        (["v = tf.Variable(2.0)", "w = v * 3.0", TAPED], "outside the tape", "cell 2"),
        (
            ["v = tf.Variable(2.0)\nw = v * 3.0", "v = tf.Variable(1.0)", TAPED],
            "unrelated",
            "cell 3",
        ),
        (["w = tf.linspace(0.0, 1.0, 3)", TAPED], "computed before the tape", "cell 1"),
    ],
)
def test_all_cells_of_a_notebook_are_read(monkeypatch, cells, reason, place):
    source = "v" if cells[0].startswith("v") else "w"
    names = run_cells(monkeypatch, *cells, f"why = tape.explain(y, {source})")
    assert (names["why"].reason, names["why"].place.name) == (reason, place), names["why"]


def test_the_running_cell_comes_last_where_nobody_counts(monkeypatch):
    ask = "why = tape.explain(y, w)"
    first = "w = tf.constant(1.0)\n" + TAPED
    names = run_cells(monkeypatch, first, ask, "w = tf.zeros([2])", TAPED, ask, counted=False)
    assert names["why"].place.text == "w = tf.zeros([2])"


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
    address = id(y)
    del y
    others = [tf.constant(float(i)) for i in range(100)]
    [there] = [other for other in others if id(other) == address]
    assert not tape.explain(there, x).connected


def test_a_large_tape_that_gave_numbers_lets_go_of_everything():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x * 1.0
        for _ in range(1000):
            y = y * 1.0
    tape.gradient(y, x)
    assert tape._memory.shadow is None
    assert tape.explain(y, x).connected
    other = tf.constant(1.0)
    tape._memory.tracked.add(id(other))  # as if it had been made where a recorded tensor was
    assert tape.explain(y, other).reason == tape.explain(other, x).reason == "released"


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
