"""The tape as a sequence, a table, a graph; numerics; costs."""

import inspect
import sys

import numpy as np
import pytest

import tapelab as tf


def dense_layer(**options):
    w = tf.Variable([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], name="w")
    b = tf.Variable(tf.zeros(2), name="b")
    with tf.GradientTape(persistent=True, **options) as tape:
        y = [[1.0, 2.0, 3.0]] @ w + b
        loss = tf.reduce_mean(y**2)
    return tape, w, b, y, loss


def test_a_tape_is_a_sequence_of_records():
    tape, w, b, y, loss = dense_layer()
    found = list(tape)
    assert len(tape) == len(found) == 4
    assert [r.operation for r in found] == ["MatMul", "AddV2", "Pow", "Mean"]
    assert found[0].inputs[1] is w._t and found[1].outputs == (y,) and found[3].outputs[0] is loss
    assert found[1].shapes == ((1, 2),) and found[1].dtypes == (tf.float32,) and found[1].bytes == 8
    assert found[3].attributes["axis"] == (-2, -1) and "MatMul" in repr(found[0])


def test_an_empty_tape_is_true_and_says_what_it_is():
    tape = tf.GradientTape()
    assert tape and len(tape) == 0 and list(tape) == [] and "never entered" in repr(tape)
    with tape:
        assert "recording" in repr(tape)
    tape.gradient(tf.constant(1.0), tf.Variable(1.0))
    assert "used up" in repr(tape) and tape.nbytes == 0


def test_a_view_of_new_memory_counts():
    """What a convolution gives is a view in another order."""
    x = tf.Variable(np.ones((1, 5, 5, 1), np.float32))
    with tf.GradientTape() as tape:
        tf.transpose(tf.nn.conv2d(x, tf.ones([3, 3, 1, 2]), 1, "SAME"))
    assert [r.bytes for r in tape] == [200, 0]


def test_bytes_count_each_array_once_and_views_not_at_all():
    x = tf.Variable(np.ones((100, 10), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        y = tf.reshape(x, [10, 100])
        y * 2.0
    assert [r.bytes for r in tape] == [0, 4000]
    assert tape.nbytes == 4000 + 4000 + 4
    before = tape.nbytes
    tape.gradient(y, x)
    assert tape.nbytes == before


def test_the_table_shows_operations_inputs_and_lines():
    tape, *_ = dense_layer(lines=True)
    text, html = str(tape), tape._repr_html_()
    lines, first = inspect.getsourcelines(dense_layer)
    line = str(first + next(i for i, source in enumerate(lines) if "@ w" in source))
    for part in ("MatMul", "#0, w1", "float32 (1, 2)", "8 bytes", line):
        assert part in text and part in html
    assert "line" not in str(dense_layer()[0]).splitlines()[1]


def test_a_long_table_leaves_out_the_middle():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x
        for _ in range(500):
            y = y * 1.0
    assert len(str(tape).splitlines()) < 70 and "440 more" in str(tape)


def test_the_graph_is_svg_with_names():
    pytest.importorskip("igraph")
    tape, w, b, y, loss = dense_layer()
    graph = tape.graph({"loss": loss})
    for part in ("<svg", "MatMul", ">w<", ">b<", ">loss<", "aria-label", "constant"):
        assert part in graph._repr_html_(), part
    assert graph.svg.count("<rect") == 4 + 2 + 2 and graph.svg.count("<line") == 7
    assert "4 operations" in repr(graph)


def test_a_graph_too_large_or_without_igraph_is_a_clear_error(monkeypatch):
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x
        for _ in range(300):
            y = y * 1.0
    with pytest.raises((ValueError, ImportError), match="300 records|igraph"):
        tape.graph()
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(ImportError, match="tapelab\\[lab\\]"):
        tape.graph()


def log_one_plus_exp(x):
    return tf.math.log(1 + tf.exp(x))


def naive_softmax(x):
    e = tf.exp(x)
    return e / tf.reduce_sum(e)


def guarded_log(x):
    return tf.where(x > 0, tf.math.log(x), 0.0)


def guarded_root(x):
    return tf.where(x > 0, x**0.5, 0.0)


@pytest.mark.parametrize(
    "f, x, phase, operation, remedy",
    [
        (log_one_plus_exp, 100.0, "value", "Exp", "softplus"),
        (naive_softmax, [1000.0, 0.0], "value", "Exp", "tf.nn.softmax"),
        (guarded_log, [0.0, 2.0], "value", "Log", "safe = tf.where"),
        (guarded_root, [0.0, 2.0], "gradient", "Pow", "safe = tf.where"),
        (tf.sqrt, [0.0, 1.0], "gradient", "Sqrt", "tf.sqrt(x + 1e-12)"),
        (tf.norm, [0.0, 0.0], "gradient", "Sqrt", "tf.sqrt(x + 1e-12)"),
        (lambda x: x / 0.0, 1.0, "value", "RealDiv", "divide_no_nan"),
        (lambda x: tf.math.log(x - 1.0), 1.0, "value", "Log", "1e-7"),
        (tf.math.log, -1.0, "value", "Log", "tf.maximum"),
        (lambda x: tf.math.log(tf.nn.softmax(x)[1]), [200.0, 0.0], "value", "Log", "log_softmax"),
        (lambda x: tf.math.log(tf.sigmoid(x)), -200.0, "value", "Log", "log_sigmoid"),
        (lambda x: 1.0 / (1.0 + tf.exp(-x)), -100.0, "value", "Exp", "tf.sigmoid"),
        (lambda x: tf.exp(tf.cast(x, tf.float16)), 12.0, "value", "Exp", "11 (float16)"),
        (lambda x: x**2, 1e30, "value", "Pow", "3.4e+38"),
        (lambda x: x * 1e30, 1e30, "value", "Mul", "3.4e+38"),
        (lambda x: x * 2.0, np.inf, "input", "Mul", "data"),
        (lambda x: tf.reduce_sum(x * [1.0, np.nan]), 2.0, "input", "Mul", "data"),
    ],
)
def test_where_a_nan_is_born(f, x, phase, operation, remedy):
    x = tf.Variable(x)
    with tf.GradientTape(lines=True) as tape:
        y = f(x)
    report = tape.check_numerics(y)
    assert not report.finite and (report.phase, report.operation) == (phase, operation)
    assert remedy in report.remedy and remedy in str(report)
    assert report.place.filename == __file__
    assert len(report.inputs) >= 1 and "input 0" in str(report) and "<pre>" in report._repr_html_()
    assert tape.gradient(y, x) is not None  # asking has used nothing up


def test_finite_numbers_are_said_to_be_finite():
    tape, w, b, y, loss = dense_layer()
    assert tape.check_numerics().finite and tape.check_numerics(loss).finite
    assert tape.check_numerics(loss, [w]).finite and "finite" in str(tape.check_numerics(loss, w))
    assert tape.check_numerics(loss).operation == "" and tape.check_numerics(loss).place is None


def test_a_used_up_tape_cannot_be_checked():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="persistent"):
        tape.check_numerics(y)
    with pytest.raises(RuntimeError, match="persistent"):
        tape.profile(y)


def test_profile_counts_times_and_bytes():
    x = tf.Variable(np.ones((200, 200), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        y = tf.reduce_sum(tf.sin(x @ x) * tf.sin(x))
    profile = tape.profile(y)
    rows = {op: rest for op, *rest in profile.rows}
    assert rows["Sin"][0] == 2 and rows["MatMul"][3] == 160000
    assert all(forward > 0 for _, forward, _, _ in rows.values()) and rows["MatMul"][2] > 0
    costs = [f + b for _, _, f, b, _ in profile.rows]
    assert costs == sorted(costs, reverse=True)
    assert "MatMul" in str(profile) and "<table>" in profile._repr_html_()
    assert tape.gradient(y, x) is not None
