"""tf.train: what a checkpoint holds, what a manager keeps, and that a failed load changes nothing."""

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
