"""tf.Module, tf.function, tf.train.Checkpoint."""

import numpy as np
import pytest

import tapelab as tf


class Dense(tf.Module):
    def __init__(self, size, name=None):
        super().__init__(name=name)
        self.w = tf.Variable(tf.ones([size, size]), name="w")
        self.b = tf.Variable(tf.zeros([size]), name="b", trainable=False)

    def __call__(self, x):
        return x @ self.w + self.b


class Stack(tf.Module):
    def __init__(self):
        self.second = [Dense(2), {"inner": Dense(2)}]
        self.first = tf.Variable(1.0, name="first")
        self.again = self.second[0]


def test_variables_are_found_in_order_and_once():
    m = Stack()
    assert [v.name for v in m.variables] == ["first:0", "b:0", "w:0", "b:0", "w:0"]
    assert [v.name for v in m.trainable_variables] == ["first:0", "w:0", "w:0"]
    assert len(m.submodules) == 2 and m.name == "stack"


def test_names_are_checked():
    assert Dense(1, name="mine").name == "mine"
    with pytest.raises(ValueError, match="valid module name"):
        Dense(1, name="not mine")


def test_functions_run_as_they_are_written():
    calls = []

    @tf.function
    def f(x, scale=2.0):
        """Scales."""
        calls.append(1)
        return x * scale, 3

    y, n = f(tf.constant(1.0), scale=4.0)
    f(tf.constant(1.0))
    assert float(y) == 4.0 and isinstance(n, tf.Tensor) and len(calls) == 2
    assert (
        f.__name__ == "f" and f.__doc__ == "Scales." and f.get_concrete_function()(tf.constant(1.0))
    )


def test_methods_keep_their_object():
    class Counter:
        v = tf.Variable(0.0)

        @tf.function
        def up(self, by):
            self.v.assign_add(by)
            return self.v

    c = Counter()
    assert [float(c.up(1.0)), float(c.up(2.0))] == [1.0, 3.0]


def test_signatures_are_checked():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def f(x):
        return tf.reduce_sum(x)

    assert float(f([1.0, 2.0])) == 3.0
    for bad in ((tf.ones([2, 2]),), (tf.constant([1]),), ()):
        with pytest.raises(TypeError):
            f(*bad)


def test_checkpoints_bring_back_every_variable(tmp_path):
    m = Stack()
    ckpt = tf.train.Checkpoint(model=m, step=tf.Variable(7))
    path = ckpt.save(tmp_path / "deep" / "ckpt")
    before = [v.numpy() for v in m.variables]
    for v in m.variables:
        v.assign(tf.zeros_like(v))
    ckpt.restore(tf.train.latest_checkpoint(tmp_path / "deep")).assert_consumed()
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, m.variables))
    assert path.endswith("ckpt-1") and ("step", []) in tf.train.list_variables(path)


def test_checkpoints_that_do_not_fit_change_nothing(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable([1.0]), b=tf.Variable([1.0, 2.0])).write(
        tmp_path / "c"
    )
    a, b = tf.Variable([5.0]), tf.Variable([6.0])
    with pytest.raises(ValueError, match="incompatible"):
        tf.train.Checkpoint(a=a, b=b).restore(path)
    assert a.numpy().tolist() == [5.0] and b.numpy().tolist() == [6.0]
    with pytest.raises(AssertionError):
        tf.train.Checkpoint(a=a).restore(path).assert_consumed()
    with pytest.raises(tf.errors.NotFoundError):
        tf.train.Checkpoint(a=a).restore(tmp_path / "nowhere")


def test_checkpoints_hold_arrays_only(tmp_path):
    """An archive with a pickle in it is refused, not run."""
    np.savez(tmp_path / "evil.npz", a=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        tf.train.Checkpoint(a=tf.Variable(1.0)).restore(tmp_path / "evil")


def test_a_manager_keeps_the_last_few(tmp_path):
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(v=tf.Variable(1.0)), tmp_path, max_to_keep=2
    )
    for _ in range(4):
        manager.save()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ckpt-3.npz", "ckpt-4.npz"]
    assert manager.latest_checkpoint.endswith("ckpt-4")
