"""tf.Module, tf.function, tf.train.Checkpoint."""

import copy
import threading

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


def test_names_are_scoped():
    class Tree(tf.Module):
        def __init__(self, depth):
            super().__init__()
            with self.name_scope:
                self.child = Tree(depth - 1) if depth else None
                self.w = tf.Variable(1.0, name="w")

        @tf.Module.with_name_scope
        def late(self):
            return tf.Variable(1.0)

    with tf.name_scope("forest"):
        m = Tree(1)
    assert m.name_scope.name == "forest/tree/" and m.name_scope is m.name_scope
    assert m.w.name == "forest/tree/w:0" and m.child.w.name == "forest/tree/tree/w:0"
    assert m.late().name == "forest/tree/Variable:0" and tf.Variable(1.0).name == "Variable:0"
    with tf.name_scope("a"):
        with tf.name_scope("b"), tf.name_scope(""):
            assert tf.Variable(1.0).name == "Variable:0"
        assert tf.keras.Variable(1.0, name="k").name == "k"
        assert copy.deepcopy(m.w).name == m.w.name


def test_one_name_scope_in_two_threads():
    scope, names, both = tf.name_scope("shared"), [], threading.Barrier(2)

    def work(outside):
        with tf.name_scope(outside):
            with scope:
                both.wait()
            both.wait()
            names.append(tf.Variable(1.0, name="w").name)

    threads = [threading.Thread(target=work, args=[name]) for name in "ab"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(names) == ["a/w:0", "b/w:0"]


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


class Lazy(tf.Module):
    """Makes its variable at the first call."""

    def __call__(self, x):
        if not hasattr(self, "w"):
            self.w = tf.Variable(tf.zeros([]))
        return self.w * x


def test_variables_made_after_restore_get_their_stored_values(tmp_path):
    class Pair(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts = {"a": Lazy(), "b": Lazy()}

        def __call__(self, x):
            return self.parts["b"](self.parts["a"](x))

    stored = Pair()
    stored(1.0)
    for v, value in zip(stored.variables, (2.0, 3.0)):
        v.assign(value)
    path = tf.train.Checkpoint(m=stored).write(tmp_path / "c")
    model = Pair()
    status = tf.train.Checkpoint(m=model).restore(path)
    with pytest.raises(AssertionError, match="m/parts/a/w"):
        status.assert_consumed()
    assert float(model(1.0)) == 6.0
    status.assert_consumed()
    model.variables[0].assign(5.0)
    model.note = "an attribute"
    assert float(model(1.0)) == 15.0  # given once, not at every attribute
    assert len(model.submodules) == 2 and not hasattr(model, "_awaits")


def test_the_checkpoint_restored_last_counts(tmp_path):
    stored = Lazy()
    stored(1.0)
    ckpt, paths = tf.train.Checkpoint(m=stored), []
    for value in (1.0, 2.0):
        stored.w.assign(value)
        paths.append(ckpt.write(tmp_path / str(value)))
    again = Lazy()
    ckpt = tf.train.Checkpoint(m=again)
    for path in paths:
        ckpt.restore(path)
    assert float(again(1.0)) == 2.0


def test_models_and_optimizers_continue_from_a_checkpoint_restored_before_they_are_built(tmp_path):
    layers = tf.keras.layers
    x, y = tf.constant([[0.0, 1.0], [2.0, 3.0], [1.0, 5.0]]), tf.ones([3, 1])

    def make():
        parts = [layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.Dense(1)]
        return tf.keras.Sequential(parts), tf.keras.optimizers.Adam(0.1)

    def losses(model, optimizer, steps=3):
        found = []
        for _ in range(steps):
            with tf.GradientTape() as tape:
                found.append(tf.reduce_mean((model(x, training=True) - y) ** 2))
            w = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(found[-1], w), w))
        return [float(v) for v in found]

    model, optimizer = make()
    losses(model, optimizer)
    path = tf.train.Checkpoint(model=model, optimizer=optimizer).save(tmp_path / "ckpt")
    model2, optimizer2 = make()
    status = tf.train.Checkpoint(model=model2, optimizer=optimizer2).restore(path)
    assert losses(model2, optimizer2) == losses(model, optimizer)
    status.assert_consumed()


def test_a_model_whose_layers_are_built_in_another_order_than_listed_is_restored(tmp_path):
    class Crossed(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.outer = tf.keras.layers.Dense(2)
            self.inner = [tf.keras.layers.Dense(1)]
            self.scale = tf.Variable(2.0)

        def call(self, x):
            return self.outer(self.inner[0](x)) * self.scale

    stored, again = Crossed(), Crossed()
    y = stored(tf.ones([1, 3]))
    stored.scale.assign(4.0)
    path = tf.train.Checkpoint(stored).write(tmp_path / "c")
    status = tf.train.Checkpoint(again).restore(path)
    assert np.array_equal(again(tf.ones([1, 3])), 2 * y)
    status.assert_consumed()


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


def test_checkpoints_refuse_what_they_would_not_keep():
    for x in (3, np.ones(2), tf.random.Generator.from_seed(1)):
        with pytest.raises(ValueError, match="expecting step to be a trackable object"):
            tf.train.Checkpoint(step=x)


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
