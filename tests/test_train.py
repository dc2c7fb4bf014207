"""tf.train: what a checkpoint holds, what a manager keeps, and that a failed load changes nothing."""

import copy

import numpy as np
import pytest

import tapelab as tf


def test_a_manager_never_removes_what_it_has_just_written(tmp_path):
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(w=tf.Variable(1.0)), tmp_path, 1)
    manager.save(5)
    assert manager.save(5) == str(tmp_path / "ckpt-5") == manager.latest_checkpoint
    assert [f.name for f in tmp_path.iterdir()] == ["ckpt-5.npz"]


def test_a_manager_goes_on_where_an_earlier_one_ended(tmp_path):
    w = tf.Variable(1.0)
    tf.train.CheckpointManager(tf.train.Checkpoint(w=w), tmp_path, None).save()
    tf.train.CheckpointManager(tf.train.Checkpoint(w=w), tmp_path, None).save()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["ckpt-1.npz", "ckpt-2.npz"]
    later = tf.train.CheckpointManager(tf.train.Checkpoint(w=w), tmp_path, 2)
    assert len(later.checkpoints) == 2
    later.save()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["ckpt-2.npz", "ckpt-3.npz"]
    again = tf.train.Checkpoint(w=w)
    again.restore(tf.train.latest_checkpoint(tmp_path))
    assert again.save(tmp_path / "ckpt").endswith("-4")


def test_two_variables_of_one_path_are_refused(tmp_path):
    both = {"a/b": tf.Variable(1.0), "a": {"b": tf.Variable(2.0)}}
    with pytest.raises(ValueError, match="d/a/b"):
        tf.train.Checkpoint(d=both).write(tmp_path / "x")


def test_any_name_and_strings_come_back(tmp_path):
    file, allow = tf.Variable(["abc", "d"]), tf.Variable(2.0)
    checkpoint = tf.train.Checkpoint(file=file, allow_pickle=allow)
    path = checkpoint.write(tmp_path / "x")
    file.assign(["", ""]), allow.assign(0.0)
    checkpoint.restore(path).assert_consumed()
    assert file.numpy().tolist() == [b"abc", b"d"] and float(allow) == 2.0
    assert tf.train.load_variable(path, "allow_pickle") == 2.0
    with pytest.raises(tf.errors.NotFoundError, match="nothing"):
        tf.train.load_variable(path, "nothing")


@pytest.mark.parametrize("stored", [np.array([1.7, 2.9]), np.array(["x", "y"]), np.array([1, 2, 3])])
def test_what_does_not_fit_changes_nothing(tmp_path, stored):
    a, b = tf.Variable(0.0), tf.Variable([1, 2])
    np.savez(tmp_path / "x.npz", a=np.float32(5.0), b=stored)
    with pytest.raises(ValueError, match="restore"):
        tf.train.Checkpoint(a=a, b=b).restore(tmp_path / "x")
    assert float(a) == 0.0 and b.numpy().tolist() == [1, 2]


def test_a_variable_of_any_shape_takes_any(tmp_path):
    v = tf.Variable([1.0, 2.0, 3.0], shape=tf.TensorShape(None))
    path = tf.train.Checkpoint(v=v).write(tmp_path / "x")
    v.assign([0.0])
    tf.train.Checkpoint(v=v).restore(path)
    assert v.numpy().tolist() == [1.0, 2.0, 3.0]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"x\.npz is damaged"):
        tf.train.Checkpoint(v=tf.Variable(1.0)).restore(tmp_path / "x")


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*paths):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        tf.train.Checkpoint(v=tf.Variable(1.0)).write(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_stored_value_of_another_shape_is_reported_once(tmp_path):
    layer = tf.keras.layers.Dense(2)
    layer(tf.ones([1, 3]))
    path = tf.train.Checkpoint(layer=layer).write(tmp_path / "x")
    other = tf.keras.layers.Dense(2)
    tf.train.Checkpoint(layer=other).restore(path)
    with pytest.raises(ValueError, match="incompatible"):
        other(tf.ones([1, 5]))
    other.note = "free again"
    assert other(tf.ones([1, 5])).shape == [1, 2] and len(other.weights) == 2


def test_attributes_set_later_are_saved_and_restored(tmp_path):
    checkpoint = tf.train.Checkpoint()
    checkpoint.v, checkpoint.note = tf.Variable(3.0), "not kept"
    path = checkpoint.save(tmp_path / "x")
    checkpoint.v.assign(0.0)
    checkpoint.restore(path).assert_consumed()
    assert float(checkpoint.v) == 3.0
    later = tf.train.Checkpoint()
    later.restore(path)
    later.v = tf.Variable(0.0)
    assert float(later.v) == 3.0

    class Mine(tf.train.Checkpoint):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(0.0)

    mine = Mine()
    mine.restore(path).assert_consumed()
    assert float(mine.v) == 3.0
    mine.v = other = tf.Variable(5.0)
    assert tf.train.load_variable(mine.write(tmp_path / "y"), "v") == 5.0 and float(other) == 5.0


def test_a_variable_with_two_names_is_read_by_either(tmp_path):
    v = tf.Variable(1.0)
    path = tf.train.Checkpoint(a=v, b={"c": [v]}).write(tmp_path / "x")
    other, both = tf.Variable(0.0), [tf.Variable(0.0), tf.Variable(0.0)]
    tf.train.Checkpoint(b={"c": [other]}).restore(path).assert_consumed()
    tf.train.Checkpoint(a=both[0], b={"c": both[1:]}).restore(path).assert_consumed()
    assert [float(x) for x in (other, *both)] == [1.0, 1.0, 1.0]
    assert tf.train.load_variable(path, "b/c/0") == 1.0
    assert tf.train.list_variables(path) == [("a", [])]
    path = tf.train.Checkpoint(a=tf.Variable(3.0), b=tf.Variable(4.0)).write(tmp_path / "y")
    tf.train.Checkpoint(a=v, b=v).restore(path).assert_consumed()
    assert float(v) == 3.0


def test_modules_with_two_names_and_in_circles(tmp_path):
    def make(value):
        m = tf.Module()
        m.v, m.inner, m.inner.back = tf.Variable(value), tf.Module(), m
        return m

    one = make(5.0)
    path = tf.train.Checkpoint(z=one, a=one.inner).write(tmp_path / "x")
    for names in ({"z"}, {"a"}, {"a", "z"}):
        again = make(0.0)
        here = {k: x for k, x in {"z": again, "a": again.inner}.items() if k in names}
        tf.train.Checkpoint(**here).restore(path).assert_consumed()
        assert float(again.v) == 5.0


def test_lists_and_dicts_filled_after_restore_are_restored(tmp_path):
    def fill(m):
        for value in (1.0, 2.0):
            m.parts.append([])
            m.parts[-1].append(tf.Variable(value))
        m.named["k"] = tf.Variable(3.0)
        m.named.update(late={})
        m.named["late"]["x"] = tf.Variable(4.0)
        return m

    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts, self.named, self.seen = [], {}, []

    stored = fill(Net())
    path = tf.train.Checkpoint(m=stored).write(tmp_path / "x")
    for v in stored.variables:
        v.assign(0.0)
    again, seen = Net(), []
    again.seen = seen
    status = tf.train.Checkpoint(m=again).restore(path)
    assert again.seen is seen  # nothing stored belongs into it
    fill(again)
    status.assert_consumed()
    assert sorted(float(v) for v in again.variables) == [1.0, 2.0, 3.0, 4.0]
    assert type(copy.deepcopy(again).parts) is list and not hasattr(again.parts, "_awaits")


def test_layers_added_after_restore_are_restored(tmp_path):
    def make():
        return tf.keras.layers.Dense(2, kernel_initializer="ones")

    model = tf.keras.Sequential([make(), make()])
    y = model(tf.ones([1, 3]))
    path = tf.train.Checkpoint(model).write(tmp_path / "x")
    other = tf.keras.Sequential()
    status = tf.train.Checkpoint(other).restore(path)
    for _ in range(2):
        other.add(tf.keras.layers.Dense(2))
    assert np.array_equal(other(tf.ones([1, 3])), y)
    status.assert_consumed()


def test_a_checkpoint_may_hold_checkpoints(tmp_path):
    inner = tf.train.Checkpoint(v=tf.Variable(5.0))
    outer = tf.train.Checkpoint(inner, w=tf.Variable(6.0), again=inner)
    path = outer.save(tmp_path / "x")
    assert tf.train.list_variables(path) == [("again/v", []), ("v", []), ("w", [])][1:]
    late = tf.train.Checkpoint()
    status = tf.train.Checkpoint(late).restore(path)
    late.v, late.w = tf.Variable(0.0), tf.Variable(0.0)
    status.assert_consumed()
    assert float(late.v) == 5.0 and float(late.w) == 6.0


def test_a_root_is_stored_without_a_name_as_in_tensorflow(tmp_path):
    m = tf.Module()
    m.v = tf.Variable(5.0)
    path = tf.train.Checkpoint(m).write(tmp_path / "x")
    v = tf.Variable(0.0)
    tf.train.Checkpoint(v=v).restore(path).assert_consumed()
    assert float(v) == 5.0 and tf.train.list_variables(path) == [("v", [])]
    path = tf.train.Checkpoint(v).write(tmp_path / "y")
    v.assign(0.0)
    tf.train.Checkpoint(v).restore(path).assert_consumed()
    assert float(v) == 5.0


def test_a_compiled_models_optimizer_is_saved_with_it(tmp_path):
    x, y = tf.ones([4, 3]), tf.ones([4, 2])

    def make():
        model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
        model.compile("adam", "mse")
        return model

    model = make()
    model.fit(x, y, verbose=0)
    path = tf.train.Checkpoint(model=model).save(tmp_path / "x")
    again = make()
    status = tf.train.Checkpoint(model=again).restore(path)
    again.fit(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    status.assert_consumed()
    assert int(again.optimizer.iterations) == 2
    for a, b in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)
    status = tf.train.Checkpoint(optimizer=again.optimizer, model=again).restore(path)
    with pytest.raises(AssertionError, match="optimizer"):  # it has moved
        tf.train.Checkpoint(model=tf.keras.Sequential(model.layers)).restore(path).assert_consumed()


def test_a_manager_restores_the_latest_or_begins(tmp_path):
    v, begun = tf.Variable(1.0), []
    checkpoint = tf.train.Checkpoint(v=v)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, 3, init_fn=lambda: begun.append(1))
    assert manager.checkpoint is checkpoint and manager.directory == str(tmp_path)
    assert manager.restore_or_initialize() is None and begun == [1]
    checkpoint.save(tmp_path / "other")
    assert manager.latest_checkpoint is None  # that one is not the manager's
    path = manager.save()
    v.assign(0.0)
    assert manager.restore_or_initialize() == path and float(v) == 1.0 and begun == [1]
    assert int(checkpoint.save_counter) == 2


def test_a_manager_waits_for_its_interval(tmp_path):
    step = tf.Variable(0)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=step), tmp_path, 9, step_counter=step, checkpoint_interval=2
    )
    saved = [manager.save() is not None for _ in range(5) if step.assign_add(1) is not None]
    assert saved == [True, False, True, False, True]
    assert manager.save() is None and manager.save(check_interval=False).endswith("-4")


@pytest.mark.parametrize(
    "options",
    [{"max_to_keep": k} for k in ("2", 0, -1, 1.5, [1, 2])]
    + [{"max_to_keep": 1, "checkpoint_interval": 2}]
    + [{"max_to_keep": 1, "keep_checkpoint_every_n_hours": 1.0}],
)
def test_what_a_manager_cannot_do_is_refused_when_it_is_made(tmp_path, options):
    name = [*options][-1] if len(options) == 1 else "should be passed|max_to_keep=None"
    with pytest.raises((TypeError, ValueError), match=name):
        tf.train.CheckpointManager(tf.train.Checkpoint(v=tf.Variable(1.0)), tmp_path, **options)
    with pytest.raises(TypeError, match="must be a tf.train.Checkpoint"):
        tf.train.CheckpointManager(tf.Variable(1.0), tmp_path, 1)


def test_a_directory_stands_for_its_latest_checkpoint(tmp_path):
    tf.train.Checkpoint(v=tf.Variable(1.0)).save(tmp_path / "x")
    assert tf.train.load_variable(tmp_path, "v") == 1.0
    for f in (tf.train.Checkpoint().restore, tf.train.Checkpoint().write, tf.train.latest_checkpoint):
        with pytest.raises(TypeError, match="has a path"):
            f(3)


def test_numbers_go_on_from_the_checkpoint_and_not_from_its_directory(tmp_path):
    checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))
    checkpoint.save(tmp_path / "run-7" / "x")
    other = tf.train.Checkpoint(v=tf.Variable(0.0))
    other.restore(tmp_path / "run-7").assert_consumed()
    assert int(other.save_counter) == 1 and float(other.v) == 1.0
    tf.train.Checkpoint(v=tf.Variable(2.0)).write(tmp_path / "run-7")  # the very name comes first
    assert tf.train.load_variable(tmp_path / "run-7", "v") == 2.0


def test_paths_may_be_bytes(tmp_path):
    path = tf.train.Checkpoint(v=tf.Variable(1.0)).save(bytes(tmp_path / "x"))
    assert path == str(tmp_path / "x-1")
    assert tf.train.load_variable(path.encode(), "v") == 1.0
