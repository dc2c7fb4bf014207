"""GradientTape: its life, what it watches, what it answers, and what it lets go of."""

import collections
import dataclasses
import gc
import logging
import math
import signal
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tapelab as tf
from tapelab.tensor import active

X = 3.0


def watched(value=X, **options):
    """A constant, and a tape (not entered) that will be asked about it."""
    return tf.constant(value), tf.GradientTape(**options)


def value(g):
    """A gradient (or structure of them) as Python numbers."""
    return tf.nest.map_structure(lambda t: None if t is None else t.numpy().tolist(), g)


# ---------------------------------------------------------------- life


def test_only_the_block_is_recorded():
    x, tape = watched()
    before = x * 2.0
    with tape:
        tape.watch(x)
        y = x * x + before
    after = y * 2.0
    assert value(tape.gradient([y, after], x)) == 6.0


@pytest.mark.parametrize("persistent", [False, True])
def test_a_closed_tape_goes_on_when_entered_again(persistent):
    x, tape = watched(persistent=persistent)
    with tape:
        tape.watch(x)
        y = 2.0 * x
    with tape:
        z = y * y
    assert value(tape.gradient(z, x)) == 24.0


def test_an_active_tape_cannot_be_entered():
    tape = tf.GradientTape()
    with tape:
        with pytest.raises(ValueError, match="still recording"):
            tape.__enter__()
        assert active.tapes == (tape,)


@pytest.mark.parametrize("persistent", [False, True])
def test_a_tape_never_entered_cannot_answer(persistent):
    v = tf.Variable(1.0)
    with pytest.raises(RuntimeError, match="non-persistent GradientTape can only"):
        tf.GradientTape(persistent=persistent).gradient(v, v)


def test_an_empty_tape_can_answer():
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        pass
    assert tape.gradient(tf.constant(2.0), v) is None


ASK = {
    "gradient": lambda tape, y, x: tape.gradient(y, x),
    "jacobian": lambda tape, y, x: tape.jacobian(y, x),
    "batch_jacobian": lambda tape, y, x: tape.batch_jacobian(y, x),
}


@pytest.mark.parametrize("first", ASK)
@pytest.mark.parametrize("second", ASK)
def test_one_answer_of_any_kind(first, second):
    x, tape = watched([[1.0, 2.0]])
    with tape:
        tape.watch(x)
        y = x * x
    ASK[first](tape, y, x)
    with pytest.raises(RuntimeError, match="persistent=True"):
        ASK[second](tape, y, x)


@pytest.mark.parametrize("first", ASK)
def test_a_persistent_tape_answers_again_and_the_same(first):
    x, tape = watched([[1.0, 2.0]], persistent=True)
    with tape:
        tape.watch(x)
        y = tf.exp(x) * x
    one, two = ASK[first](tape, y, x), ASK[first](tape, y, x)
    assert value(one) == value(two) is not None


def test_asked_inside_its_block_a_tape_stops_recording():
    x, tape = watched()
    with tape:
        tape.watch(x)
        y = x * x
        assert value(tape.gradient(y, x)) == 6.0
        assert active.tapes == ()
        z = y * y
    with pytest.raises(RuntimeError):
        tape.gradient(z, x)


def test_a_used_tape_entered_again_starts_empty_and_answers_once_more():
    v = tf.Variable(X)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with tape:
        z = y * v
    assert value(tape.gradient(z, v)) == 9.0  # y came from before
    with pytest.raises(RuntimeError):
        tape.gradient(z, v)


def test_a_persistent_tape_asked_inside_records_its_own_backward_pass(caplog):
    v = tf.Variable(X)
    with tf.GradientTape(persistent=True) as tape, caplog.at_level(logging.WARNING, "tapelab"):
        y = v**4
        first = tape.gradient(y, v)
        second = tape.gradient(first, v)
    assert value([first, second, tape.gradient(second, v)]) == [108.0, 108.0, 72.0]
    assert "significantly less efficient" in caplog.text


def test_outside_a_tape_the_backward_pass_leaves_no_trace():
    v = tf.Variable(X)
    with tf.GradientTape(persistent=True) as tape:
        y = v**3
    assert tape.gradient(tape.gradient(y, v), v) is None


def test_reset_forgets_and_goes_on():
    v, c = tf.Variable(2.0), tf.constant(5.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        y = v * v * c
        tape.reset()
        z = v * v * c + y
    assert value(tape.gradient(z, [v, c])) == [20.0, None]
    with pytest.raises(ValueError):
        tape.reset()


def test_stop_recording_stops_this_tape_only():
    v = tf.Variable(X)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        with inner.stop_recording():
            assert active.tapes == (outer,)
            y = v * v
        z = y * v
    assert value(inner.gradient(z, v)) == 9.0
    assert value(outer.gradient(z, v)) == 27.0


def test_stop_recording_needs_a_recording_tape():
    tape = tf.GradientTape()
    with pytest.raises(RuntimeError, match="not recording"), tape.stop_recording():
        pass
    with tape:
        pass
    with pytest.raises(ValueError, match="not recording"), tape.stop_recording():
        pass
    tape.gradient(tf.constant(1.0), tf.constant(1.0))
    with pytest.raises(RuntimeError, match="not recording"), tape.stop_recording():
        pass


def test_after_an_exception_in_stop_recording_the_tape_records_again():
    v = tf.Variable(X)
    with tf.GradientTape() as tape:
        with pytest.raises(KeyError), tape.stop_recording():
            raise KeyError
        y = v * v
    assert value(tape.gradient(y, v)) == 6.0


def test_positional_arguments():
    v = tf.Variable(2.0)
    with tf.GradientTape(True, False) as tape:
        y = v * v
    assert value([tape.gradient(y, v), tape.gradient(y, v)]) == [None, None]
    with pytest.raises(TypeError):
        tf.GradientTape(presistent=True)


# ---------------------------------------------------------------- leaving the block for any reason


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_leaving_with_an_exception_closes_every_tape(reason):
    v = tf.Variable(2.0)
    outer, inner = tf.GradientTape(), tf.GradientTape()
    with pytest.raises(reason), outer:
        with inner, inner.stop_recording():
            pass
        with inner:
            y = v * v
            raise reason
    assert active.tapes == ()
    assert value(inner.gradient(y, v)) == value(outer.gradient(y, v)) == 4.0


def test_ctrl_c_in_the_middle_of_a_computation():
    v = tf.Variable(2.0)
    # A shell that starts us in the background has the interrupt ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), tf.GradientTape() as tape:
            y = v * v
            for _ in range(1000):
                y = y * 1.0
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert active.tapes == ()
    assert value(tape.gradient(y, v)) == 4.0


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("ask", ASK)
def test_an_exception_in_the_backward_pass_leaves_no_tape(reason, ask):
    @tf.custom_gradient
    def bad(x):
        def grad_fn(upstream):
            raise reason

        return x * 1.0, grad_fn

    x = tf.constant([[1.0, 2.0]])
    outer, tape = tf.GradientTape(), tf.GradientTape()
    with pytest.raises(reason), outer:
        with tape:
            tape.watch(x)
            y = bad(x)
        ASK[ask](tape, y, x)
    assert active.tapes == ()


def test_an_operation_that_fails_leaves_the_tape_as_it_was():
    x, tape = watched([1.0, 2.0, 3.0], persistent=True)
    with tape:
        tape.watch(x)
        y = x * x
        count = len(tape)
        for wrong in (
            lambda: x + tf.constant([1.0, 2.0]),
            lambda: x * tf.constant(1),
            lambda: x[5],
            lambda: tf.reshape(x, [2]),
        ):
            with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
                wrong()
        assert len(tape) == count
    assert value(tape.gradient(y, x)) == [2.0, 4.0, 6.0]


def test_tapes_are_per_thread():
    v, found = tf.Variable(2.0), {}
    go = threading.Barrier(2)

    def work(power):
        with tf.GradientTape() as tape:
            go.wait(10)
            y = v**power
            go.wait(10)
            found[power] = len(active.tapes)
        found[f"d{power}"] = float(tape.gradient(y, v))

    with tf.GradientTape() as here:
        threads = [threading.Thread(target=work, args=(p,)) for p in (2.0, 3.0)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(here) == 0
    assert found == {2.0: 1, 3.0: 1, "d2.0": 4.0, "d3.0": 12.0}


# ---------------------------------------------------------------- watching


def test_trainable_variables_are_watched_when_read():
    a, b = tf.Variable(3.0), tf.Variable(4.0, trainable=False)
    with tf.GradientTape() as tape:
        y = a * b
    assert value(tape.gradient(y, [a, b])) == [4.0, None]


@pytest.mark.parametrize(
    "read",
    [
        lambda v: v.numpy(),
        lambda v: v.read_value(),
        lambda v: v + 1.0,
        lambda v: v[0],
        lambda v: v.assign([7.0]),
    ],
)
def test_what_counts_as_reading(read):
    v = tf.Variable([3.0])
    with tf.GradientTape() as tape:
        v.shape, v.dtype, v.name, v.trainable  # noqa: B018 (looking is no reading)
        assert tape.watched_variables() == ()
        read(v)
    assert tape.watched_variables()[0] is v


def test_watch_accessed_variables_off():
    a, b = tf.Variable(3.0), tf.Variable(4.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(b)
        y = a * b
    assert value(tape.gradient(y, [a, b])) == [None, 3.0]


def test_watching_counts_from_then_on():
    x, tape = watched()
    with tape:
        y = x * x
        tape.watch(x)
        z = x * 2.0
    assert value(tape.gradient(y + z, x)) is None  # the sum was made outside
    with tf.GradientTape() as tape:
        y = x * x
        tape.watch(x)
        s = y + x * 2.0
    assert value(tape.gradient(s, x)) == 2.0


def test_watching_is_per_tape():
    x = tf.constant(X)
    with tf.GradientTape() as a, tf.GradientTape() as b:
        b.watch(x)
        y = x * x
    assert value([a.gradient(y, x), b.gradient(y, x)]) == [None, 6.0]


def test_what_is_not_watched_has_no_gradient_though_its_partner_has():
    x, c = tf.constant(X), tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * c
    assert value([tape.gradient(y, c), tape.gradient(y, [x, c])]) == [None, [2.0, None]]
    assert tape.jacobian(y, c) is None


def test_watching_in_stop_recording_is_void():
    x, tape = watched()
    with tape:
        with tape.stop_recording():
            tape.watch(x)
        y = x * x
    assert tape.gradient(y, x) is None


def test_watching_structures_and_intermediates():
    a, b = tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch({"a": a, "more": (b,)})
        y = a * b
        tape.watch(y)
        z = y * y
    assert value(tape.gradient(z, [a, b, y])) == [36.0, 24.0, 12.0]


@pytest.mark.parametrize(
    "wrong, name", [(np.ones(2), "ndarray"), (1.0, "float"), (None, "NoneType"), ("x", "str")]
)
def test_only_tensors_and_variables_can_be_watched(wrong, name):
    with tf.GradientTape() as tape, pytest.raises(ValueError, match=name):
        tape.watch(wrong)


@pytest.mark.parametrize("x", [1, True], ids=["int", "bool"])
def test_watching_what_has_no_derivative_only_warns(x, caplog):
    x = tf.constant(x)
    with tf.GradientTape() as tape, caplog.at_level(logging.WARNING, "tapelab"):
        tape.watch(x)
        y = tf.cast(x, tf.float32) * 2.0
    assert "must be floating" in caplog.text
    assert tape.gradient(y, x) is None


def test_watched_variables_come_in_order_of_creation_and_stay():
    a, b, c = tf.Variable(1.0), tf.Variable(2), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = c * a * tf.cast(b, tf.float32)
    assert [id(v) for v in tape.watched_variables()] == [id(a), id(b), id(c)]
    tape.gradient(y, a)
    assert len(tape.watched_variables()) == 3


def test_identity_counts_not_value():
    x, twin = tf.constant(X), tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        copy = tf.identity(x)
        y = copy * copy
    assert value(tape.gradient(y, [x, twin, copy])) == [6.0, None, 6.0]


def test_a_tensor_that_dies_is_not_mistaken_for_another():
    """Ids are used again: what a tape tracks must stay alive as long as it is tracked."""
    x, tape = watched()
    with tape:
        tape.watch(x)
        for _ in range(100):
            tf.floor(x), tf.stop_gradient(x), x + 1.0, tf.cast(x, tf.int32)
        gc.collect()
        others = [tf.constant(float(i)) for i in range(400)]
        y = tf.add_n([o * 2.0 for o in others])
    assert tape.gradient(y, [x, *others]) == [None] * 401


# ---------------------------------------------------------------- targets and sources

Pair = collections.namedtuple("Pair", ["one", "two"])


@pytest.mark.parametrize("make", [
    lambda a, b: [a, b], lambda a, b: (a, b), lambda a, b: {"b": b, "a": a}, lambda a,
    b: Pair(a, b),
    lambda a, b: [a, (b, {"c": a})], lambda a, b: {"x": [a], "y": Pair(b, a)}, lambda a, b: [],
    lambda a, b: a,
    lambda a, b: collections.OrderedDict([("b", b), ("a", a)]), lambda a, b: [a, a],
])  # fmt: skip
def test_gradients_have_the_structure_of_the_sources(make):
    a, b = tf.Variable(2.0), tf.Variable(5.0)
    with tf.GradientTape() as tape:
        y = a * a * b
    sources = make(a, b)
    found = tape.gradient(y, sources)
    assert type(found) is type(sources) or not tf.nest.is_nested(sources)
    expected = tf.nest.map_structure(lambda s: 20.0 if s is a else 4.0, sources)
    assert value(found) == expected
    if isinstance(sources, dict):
        assert list(found) == list(sources)


@dataclasses.dataclass
class Weights:
    one: object
    rest: list
    name: str = ""

    def __tf_flatten__(self):
        return (self.name,), (self.one, self.rest)

    @classmethod
    def __tf_unflatten__(cls, remembered, parts):
        return cls(*parts, *remembered)


def test_sources_of_other_kinds():
    a, b = tf.Variable(2.0), tf.Variable(5.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(Weights(a, [b]))
        y = a * a * b
    found = tape.gradient(y, Weights(a, [b], "w"))
    assert value(found.one) == 20.0 and value(found.rest) == [4.0] and found.name == "w"
    found = tape.gradient({"y": y}.values(), collections.defaultdict(list, k=a))
    assert value(found) == {"k": 20.0} and found.default_factory is list
    assert value(list(tape.gradient(y, collections.deque([a, b])))) == [20.0, 4.0]
    assert value(tape.gradient(y, {"a": a}.values())) == [20.0]


def test_structures_are_packed_from_sequences():
    with pytest.raises(TypeError, match="str"):
        tf.nest.pack_sequence_as([1, 2], "ab")
    with pytest.raises(ValueError, match="2 atoms, but flat_sequence had 3 items"):
        tf.nest.pack_sequence_as([1, 2], [1, 2, 3])
    tf.nest.assert_same_structure({"a": 1}, [1], check_types=False)
    leaves, one = [1, 2], [1, 2]
    assert tf.nest.flatten(one) == leaves and tf.nest.flatten(one) is not one


def test_targets_are_summed():
    x, tape = watched(2.0, persistent=True)
    with tape:
        tape.watch(x)
        a, b = x * [1.0, 2.0], x * [[1.0, 1.0], [1.0, 1.0]]
    assert value(tape.gradient(a, x)) == 3.0
    assert value(tape.gradient([a, {"b": (b,)}], x)) == 7.0
    assert value(tape.gradient([a, a], x)) == 6.0
    assert tape.gradient([], x) is None
    assert value(tape.gradient([x, a], x)) == 4.0
    assert value(tape.gradient(x, x, output_gradients=tf.constant(9.0))) == 9.0


def test_output_gradients(caplog):
    x, tape = watched([1.0, 2.0], persistent=True)
    with tape:
        tape.watch(x)
        a, b = x * 2.0, x * 3.0
    ask = lambda gs, target=a: value(tape.gradient(target, x, output_gradients=gs))
    assert ask(tf.constant([1.0, 10.0])) == [2.0, 20.0]
    assert ask(10.0) == [20.0, 20.0]
    assert ask(np.array([1.0, 10.0], np.float32)) == [2.0, 20.0]
    assert ask([tf.constant([1.0, 0.0])], [a, b]) == [5.0, 3.0]  # the rest are ones
    with pytest.raises(ValueError):
        ask([None, tf.constant([1.0, 0.0])], [a, b])
    with pytest.raises(tf.errors.InvalidArgumentError, match="float64"):
        ask(tf.constant([1.0, 2.0], tf.float64))
    assert ask([1.0, 10.0]) == [2.0, 2.0]  # as TensorFlow, which says nothing
    assert "2 entries for 1 target" in caplog.text


def test_strings_have_no_gradient():
    x, s = tf.constant(3.0), tf.constant("text")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, s])
        y = x * x
    assert tape.gradient(s, s) is None and tape.gradient(s, x) is None
    assert value(tape.gradient([x, y, s], [x, s])) == [7.0, None]


@pytest.mark.parametrize("target, error", [(None, TypeError), (3.0, (TypeError, AttributeError))])
def test_wrong_targets(target, error):
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        v * v
    with pytest.raises(error, match=str(target)):
        tape.gradient(target, v)


@pytest.mark.parametrize("source", [3.0, None, np.ones(2), "x"], ids=str)
def test_wrong_sources(source):
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
    with pytest.raises((TypeError, AttributeError), match=type(source).__name__):
        tape.gradient(y, [v, source])


def test_rows_as_a_target_count_as_their_values():
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.gather(x, [0, 2, 2]) ** 3
        rows = tape.gradient(y, x)
    assert isinstance(rows, tf.IndexedSlices) and rows.shape == (3,)
    assert (-rows).values.numpy().tolist() == (-rows.values).numpy().tolist()
    found = outer.gradient(rows, x)
    assert value(tf.convert_to_tensor(found)) == [6.0, 0.0, 36.0]


# ---------------------------------------------------------------- None or zero


@pytest.mark.parametrize("how", ["zero", tf.UnconnectedGradients.ZERO])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "complex64"])
def test_zeros_for_the_unconnected(how, dtype):
    v, loose = tf.Variable(2.0), tf.Variable(np.ones((2, 3), dtype))
    with tf.GradientTape() as tape:
        y = v * v
    found = tape.gradient(y, [v, loose], unconnected_gradients=how)[1]
    assert found.dtype == dtype and found.shape == (2, 3) and not found.numpy().any()


def test_unknown_unconnected_gradients():
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
    with pytest.raises(ValueError, match="nil"):
        tape.gradient(y, v, unconnected_gradients="nil")
    assert value(tape.gradient(y, v)) == 4.0  # the question was refused, the answer not used up


CUTS = {
    "argmax": lambda x: tf.cast(tf.argmax(x), tf.float32),
    "less": lambda x: tf.cast(x < 1.0, tf.float32),
    "round": tf.round, "floor": tf.floor, "ceil": tf.math.ceil, "floordiv": lambda x: x // 2.0,
    "zeros_like": tf.zeros_like, "ones_like": tf.ones_like, "stop_gradient": tf.stop_gradient,
    "cast": lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32),
    "numpy": lambda x: tf.constant(x.numpy()),
    "float": lambda x: tf.constant(float(x[0])),
    "variable": lambda x: tf.Variable(x, trainable=False) * 1.0,
    "shape": lambda x: tf.cast(tf.shape(x), tf.float32),
    "one_hot": lambda x: tf.one_hot(tf.cast(x, tf.int32), 3),
}  # fmt: skip


@pytest.mark.parametrize("cut", CUTS)
def test_none_where_a_path_ends(cut):
    x, tape = watched([1.5, 2.5])
    with tape:
        tape.watch(x)
        y = CUTS[cut](x) * 2.0
    assert tape.gradient(y, x) is None


@pytest.mark.parametrize("flat", [tf.sign, lambda x: x * 0.0, lambda x: tf.where(x > 9.0, x, 1.0)])
def test_zero_where_a_path_is_flat(flat):
    x, tape = watched([1.5, 2.5])
    with tape:
        tape.watch(x)
        y = flat(x)
    assert value(tape.gradient(y, x)) == [0.0, 0.0]


@pytest.mark.parametrize("cut", ["floor", "round", "ceil", "floordiv", "zeros_like"])
def test_what_came_out_of_a_flat_operation_is_a_source_itself(cut):
    x, tape = watched([1.5, 2.5])
    with tape:
        tape.watch(x)
        y = CUTS[cut](x)
        z = y * 3.0
    assert value(tape.gradient(z, [x, y])) == [None, [3.0, 3.0]]


def test_what_came_out_of_stop_gradient_is_none():
    x, tape = watched([1.5, 2.5])
    with tape:
        tape.watch(x)
        y = tf.stop_gradient(x)
        z = y * 3.0
    assert tape.gradient(z, [x, y]) == [None, None]


@pytest.mark.parametrize(
    "op", [tf.exp, tf.reduce_sum, lambda x: tf.reshape(x, [2, 1]), tf.math.cumsum]
)
@pytest.mark.parametrize("order", [1, 2])
def test_intermediate_results_as_sources(op, order):
    """Their cotangent is kept while the walk goes on to what they came from."""
    x = tf.constant([1.0, 2.0])
    outer, tape = tf.GradientTape(), tf.GradientTape()
    with outer if order == 2 else tape:
        if order == 2:
            outer.watch(x)
            tape.__enter__()
        tape.watch(x)
        y = op(x)
        z = tf.reduce_sum(y * y)
        if order == 2:
            tape.__exit__(None, None, None)
            g, back = tape.gradient(z, [y, x])
    if order == 1:
        g, back = tape.gradient(z, [y, x])
    np.testing.assert_allclose(g.numpy(), 2 * y.numpy())
    assert back.shape == x.shape and back.numpy().all()


def test_an_unused_output_of_several_is_connected():
    x, tape = watched([1.0, 2.0])
    with tape:
        tape.watch(x)
        a, b = tf.identity_n([x, x * 2.0])
        parts = tf.unstack(x)
        y = parts[0] * 3.0
    assert value(tape.gradient([a, y], x)) == [4.0, 1.0]
    assert b is not None


@pytest.mark.parametrize("f, expected", [
    (lambda x: 3.0 * x, None), (lambda x: x + x, None), (lambda x: tf.maximum(x, 0.0), None),
    (tf.nn.relu, 0.0), (tf.abs, 0.0), (tf.nn.leaky_relu, 0.0), (lambda x: x**2, 2.0),
])  # fmt: skip
def test_the_second_derivative_of_what_is_straight(f, expected):
    x = tf.constant(2.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        g = tape.gradient(y, x)
    assert value(outer.gradient(g, x)) == expected


# ---------------------------------------------------------------- tapes within tapes

CLOSED = {
    "exp": (tf.exp, 0.7, lambda x, n: math.exp(x)),
    "sin": (tf.sin, 0.7, lambda x, n: math.sin(x + n * math.pi / 2)),
    "x**12": (lambda x: x**12, 1.1, lambda x, n: math.perm(12, n) * x ** (12 - n)),
    "1/x": (lambda x: 1 / x, 1.3, lambda x, n: (-1) ** n * math.factorial(n) / x ** (n + 1)),
    "log": (tf.math.log, 1.3, lambda x, n: (-1) ** (n - 1) * math.factorial(n - 1) / x**n),
    "exp(2x)": (lambda x: tf.exp(2.0 * x), 0.3, lambda x, n: 2**n * math.exp(2 * x)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_derivatives_to_the_tenth_order_have_their_closed_form(name):
    f, at, expected = CLOSED[name]
    x = tf.constant(at, tf.float64)

    def nth(n):
        if n == 0:
            return f(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nth(n - 1)
        return tape.gradient(y, x)

    for n in range(1, 11 if name != "sin" else 9):
        assert float(nth(n)) == pytest.approx(expected(at, n), rel=1e-9)


def test_the_gradient_must_be_asked_for_inside_the_outer_block():
    x = tf.Variable(X)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = x**3
    assert outer.gradient(inner.gradient(y, x), x) is None
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
        g = inner.gradient(y, x)
    assert value(outer.gradient(g, x)) == 18.0


def test_tapes_may_overlap_without_nesting():
    v = tf.Variable(2.0)
    one, two = tf.GradientTape(), tf.GradientTape()
    one.__enter__()
    y = v * v
    two.__enter__()
    z = y * v
    one.__exit__(None, None, None)
    w = z * v
    two.__exit__(None, None, None)
    assert value([one.gradient(z, v), two.gradient(w, v)]) == [
        12.0,
        16.0,
    ]  # to the second, y is a constant


def test_a_gradient_penalty():
    """The norm of a gradient with respect to one thing, differentiated with respect to another."""
    x, w = tf.constant([[1.0, 2.0]], tf.float64), tf.Variable([[0.3], [0.5]], dtype=tf.float64)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(x @ w)
        g = tape.gradient(y, x)
        penalty = tf.reduce_sum(g * g)
    found = outer.gradient(penalty, w).numpy().ravel()
    a, s = w.numpy().ravel(), (x.numpy() @ w.numpy()).item()
    expected = (
        2 * a * math.cos(s) ** 2 - 2 * math.cos(s) * math.sin(s) * (a @ a) * x.numpy().ravel()
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# ---------------------------------------------------------------- memory and length


def test_a_hundred_thousand_records():
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v * 1.0
        for _ in range(99_999):
            y = y * 1.0
    assert len(tape) == 100_000
    assert value(tape.gradient(y, v)) == 1.0


def test_memory_returns_when_the_tape_is_gone():
    def work():
        v = tf.Variable(1.0)
        with tf.GradientTape() as tape:
            y = v
            for _ in range(5_000):
                y = tf.sin(y)
        held = tracemalloc.get_traced_memory()[0]
        tape.gradient(y, v)
        return held

    tracemalloc.start()
    try:
        work()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        held = work()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held - before > 500_000
    assert after - before < 5_000


@pytest.mark.parametrize("persistent", [False, True])
def test_who_holds_what_and_how_long(persistent):
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=persistent) as tape:
        middle = v * 2.0
        y = middle * v
    ghost = weakref.ref(middle)
    del middle
    assert ghost() is not None
    tape.gradient(y, v)
    assert (ghost() is None) is not persistent
    del tape
    assert ghost() is None


def test_a_tape_that_fails_lets_go_of_everything_too():
    @tf.custom_gradient
    def bad(x):
        return x * 1.0, lambda upstream: 1 / 0

    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        middle = v * 2.0
        y = bad(middle)
    ghost = weakref.ref(middle)
    del middle
    with pytest.raises(ZeroDivisionError):
        tape.gradient(y, v)
    gc.collect()
    assert ghost() is None


# ---------------------------------------------------------------- jacobian, batch_jacobian


def net(x, w, u):
    return tf.nn.elu(tf.sin(x @ w) @ u)


@pytest.fixture
def small_net():
    rng = np.random.default_rng(0)
    return [tf.Variable(rng.standard_normal(s)) for s in ((3, 4), (4, 5), (5, 2))]


def rows_one_by_one(tape, y, source):
    rows = []
    for at in np.ndindex(*y.shape):
        unit = np.zeros(y.shape)
        unit[at] = 1
        rows.append(tape.gradient(y, source, output_gradients=tf.constant(unit)).numpy())
    return np.reshape(rows, (*y.shape, *source.shape))


@pytest.mark.parametrize("direction", [None, "reverse", "forward"])
@pytest.mark.parametrize("budget", [None, 1, 400, 3000])
def test_a_jacobian_is_its_rows(small_net, direction, budget):
    with tf.GradientTape(persistent=True) as tape:
        y = net(*small_net)
    found = tape.jacobian(y, small_net, direction=direction, memory_budget=budget)
    for source, jac in zip(small_net, found):
        assert jac.shape == y.shape + source.shape
        np.testing.assert_allclose(jac.numpy(), rows_one_by_one(tape, y, source), rtol=1e-12)


@pytest.mark.parametrize("size", [1, 127, 128, 129, 255, 256, 257, 513])
@pytest.mark.parametrize("direction", ["reverse", "forward"])
def test_jacobians_at_the_borders_of_chunks(size, direction):
    x = tf.constant(np.linspace(-1, 1, size))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(x) * 2.0
        jac = tape.jacobian(y, x, direction=direction)
        total = tf.reduce_sum(jac)
    np.testing.assert_allclose(jac.numpy(), np.diag(2 * np.cos(x.numpy())), rtol=1e-15)
    np.testing.assert_allclose(outer.gradient(total, x).numpy(), -2 * np.sin(x.numpy()), rtol=1e-14)


def test_a_hessian_three_ways(small_net):
    x, w, u = small_net

    def loss():
        return tf.reduce_mean(net(x, w, u) ** 2)

    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = loss()
        g = tape.gradient(y, w)
    one = outer.jacobian(g, w).numpy()
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as tape:
            y = loss()
        g = tape.gradient(y, w)
        parts = tf.unstack(tf.reshape(g, [-1]))
    two = np.reshape([outer.gradient(p, w).numpy() for p in parts], one.shape)
    three = []
    for at in np.ndindex(*w.shape):
        tangent = np.zeros(w.shape)
        tangent[at] = 1
        with tf.autodiff.ForwardAccumulator(w, tf.constant(tangent)) as acc:
            with tf.GradientTape() as tape:
                y = loss()
            g = tape.gradient(y, w)
        three.append(acc.jvp(g).numpy())
    np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(one, np.reshape(three, one.shape), rtol=1e-10, atol=1e-14)
    flat = one.reshape(w.shape[0] * w.shape[1], -1)
    np.testing.assert_allclose(flat, flat.T, rtol=1e-10, atol=1e-14)


def test_jacobian_details():
    x, loose = tf.constant([1.0, 2.0]), tf.Variable([[1.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x[0] * x
        empty = x[2:]
    assert value(tape.jacobian(y, x)) == [[2.0, 0.0], [2.0, 1.0]]
    assert tape.jacobian(y, {"x": [x]})["x"][0].shape == (2, 2)
    assert tape.jacobian(y, loose) is None
    assert tape.jacobian(y, loose, unconnected_gradients="zero").shape == (2, 1, 1)
    assert tape.jacobian(empty, x).shape == (0, 2)
    with pytest.raises((TypeError, AttributeError), match="list"):
        tape.jacobian([y], x)
    with pytest.raises(ValueError, match="sideways"):
        tape.jacobian(y, x, direction="sideways")


@pytest.mark.parametrize(
    "settings", [{"experimental_use_pfor": False}, {"parallel_iterations": 2}], ids=str
)
@pytest.mark.parametrize("ask", ["jacobian", "batch_jacobian"])
def test_settings_of_a_loop_need_a_persistent_tape(ask, settings):
    x = tf.constant([[1.0, 2.0]])
    for persistent in (True, False):
        with tf.GradientTape(persistent=persistent) as tape:
            tape.watch(x)
            y = x * x
        if persistent:
            assert getattr(tape, ask)(y, x, **settings) is not None
        else:
            with pytest.raises(RuntimeError, match="persistent=True"):
                getattr(tape, ask)(y, x, **settings)


@pytest.mark.parametrize("direction", [None, "reverse", "forward"])
def test_batch_jacobian_is_the_diagonal_of_the_jacobian(small_net, direction):
    x, *weights = small_net
    with tf.GradientTape(persistent=True) as tape:
        y = net(x, *weights)
    found = tape.batch_jacobian(y, x, direction=direction, verify=True).numpy()
    full = tape.jacobian(y, x).numpy()
    np.testing.assert_allclose(found, np.einsum("bibj->bij", full), rtol=1e-12)


def test_batch_jacobian_where_items_interact():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * tf.reduce_sum(x)
        loose = tf.ones([2, 3])
    assert tape.batch_jacobian(y, x).shape == (2, 2, 2)  # sums over the batch, as in TensorFlow
    with pytest.raises(ValueError, match="interact"):
        tape.batch_jacobian(y, x, verify=True)
    assert value(tape.batch_jacobian(loose, x)) == np.zeros((2, 3, 2)).tolist()


@pytest.mark.parametrize(
    "target, source", [((2,), (2, 2)), ((2, 2), (2,)), ((3, 2), (2, 2))], ids=str
)
def test_batch_jacobian_of_wrong_shapes(target, source):
    x = tf.Variable(tf.zeros(source))
    with tf.GradientTape() as tape:
        y = tf.zeros(target) + tf.reduce_sum(x)
    with pytest.raises(ValueError, match="rank at least 2|first dimension"):
        tape.batch_jacobian(y, x)


def test_a_jacobian_of_gathered_rows_is_dense():
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.gather(x, [2, 2, 0]) ** 2
    assert value(tape.jacobian(y, x)) == [[0.0, 0.0, 6.0], [0.0, 0.0, 6.0], [2.0, 0.0, 0.0]]


def test_only_a_custom_gradient_is_looped_over():
    calls = []

    @tf.custom_gradient
    def cube(x):
        def grad_fn(upstream):
            calls.append(upstream.shape)
            return upstream * 3.0 * x * x

        return x * x * x, grad_fn

    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sin(cube(x * 2.0))
    found = tape.jacobian(y, x).numpy()
    expected = np.cos(8 * x.numpy() ** 3) * 24 * x.numpy() ** 2
    np.testing.assert_allclose(found, np.diag(expected), rtol=1e-4, atol=1e-4)
    assert calls == [(3,)] * 3


def test_a_wrong_setting_does_not_use_up_the_tape():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x * x
    for wrong in ({"direction": "sideways"}, {"memory_budget": "x"}, {"memory_budget": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            tape.jacobian(y, x, **wrong)
    assert tape.jacobian(y, x).shape == [2, 2]


def test_a_tape_asked_where_no_tape_listens_is_closed_all_the_same():
    v = tf.Variable(2.0)
    metric = tf.keras.metrics.MeanMetricWrapper(lambda a, b: tape.gradient(loss, v))
    with tf.GradientTape() as tape:
        loss = v * v
        metric.update_state([1.0], [2.0])
    assert active.tapes == () and float(metric.result()) == 4.0


def test_what_a_list_holds_is_copied():
    a = np.ones(3, np.float32)
    x, v = tf.constant([a]), tf.Variable([a])
    a[0] = 9
    assert x.numpy().tolist() == v.numpy().tolist() == [[1.0, 1.0, 1.0]]
