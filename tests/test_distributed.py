"""Training on shards: one machine's numbers, whatever the shards, the workers, the accidents.

The tests with Dask start clusters of real processes on free ports of this machine, and one kills
them.
"""

import gc
import logging
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

import tapelab as tf
from tapelab import distributed
from tapelab.distributed import (
    Shard,
    ShardError,
    Trainer,
    shards_from_arrays,
    shards_from_dask,
    shards_from_idx,
    shards_from_npz,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
Y = RNG.integers(0, 3, 60)


# Functions made inside functions travel to workers by value; these workers cannot import this file.
def network(seed=0, **options):
    def build():
        tf.keras.utils.set_random_seed(seed)
        layers = tf.keras.layers
        model = tf.keras.Sequential([layers.Dense(16, "tanh", **options), layers.Dense(3)])
        model(np.zeros((1, 8), np.float32))
        return model

    return build


def cross_entropy(**options):
    return tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)


def trainer(shards, client=None, build=None, optimizer=None, loss=None):
    optimizer = optimizer or tf.keras.optimizers.Adam(0.01)
    loss = loss or cross_entropy(reduction=None)
    return Trainer(build or network(), loss, optimizer, shards, client)


def one_tape(model, rows):
    """What the whole batch gives on one machine, with one tape and a mean."""
    with tf.GradientTape() as tape:
        loss = cross_entropy()(Y[rows], model(X[rows], training=True))
        loss += sum(model.losses)
    return tape.gradient(loss, model.trainable_variables), loss


def assert_same(gradients, expected):
    for g, e in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(g, np.asarray(e), rtol=2e-5, atol=2e-7)


SHARDS = {"one": 1, "three": 3, "unequal": [50, 1, 9], "one example each": 60}


@pytest.mark.parametrize("parts", SHARDS.values(), ids=SHARDS)
def test_the_gradient_is_that_of_one_machine(parts):
    rows = np.array([59, 0, 3, 3, 17, 42, 51, 58])  # any order, and one of them twice
    found, loss = trainer(shards_from_arrays(X, Y, parts)).gradient(rows)
    expected, mean = one_tape(network()(), rows)
    assert_same(found, expected)
    assert loss == pytest.approx(float(mean), rel=1e-6)


@pytest.mark.parametrize("options", [{}, {"global_clipnorm": 0.1}, {"clipnorm": 0.05}], ids=str)
def test_the_losses_are_those_of_one_machine(options):
    t = trainer(shards_from_arrays(X, Y, 5), optimizer=tf.keras.optimizers.Adam(0.05, **options))
    model, optimizer = network()(), tf.keras.optimizers.Adam(0.05, **options)
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(60)[:25]
        gradients, expected = one_tape(model, rows)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        assert t.step(rows) == pytest.approx(float(expected), rel=1e-5)


def test_clipping_bounds_the_norm_over_all_shards_and_variables():
    t = trainer(
        shards_from_arrays(X, Y, 4), optimizer=tf.keras.optimizers.SGD(1.0, global_clipnorm=0.01)
    )
    before = [v.numpy() for v in t.model.trainable_variables]
    t.step(np.arange(60))
    moved = [v.numpy() - b for v, b in zip(t.model.trainable_variables, before)]
    assert np.sqrt(sum(np.sum(m**2) for m in moved)) == pytest.approx(0.01, rel=1e-3)


def test_regularizers_count_once():
    build = network(kernel_regularizer=tf.keras.regularizers.L2(0.1))
    found, loss = trainer(shards_from_arrays(X, Y, [50, 10]), build=build).gradient(np.arange(60))
    expected, mean = one_tape(build(), np.arange(60))
    assert_same(found, expected)
    assert loss == pytest.approx(float(mean), rel=1e-6)


def test_a_mean_is_refused():
    t = trainer(shards_from_arrays(X, Y, 2), loss=cross_entropy())
    with pytest.raises(ValueError, match="mean of means.*reduction=None"):
        t.gradient([0, 1])


def test_batch_statistics_are_refused():
    def build():
        model = tf.keras.Sequential(
            [tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(3)]
        )
        model(X[:1])
        return model

    t = trainer(shards_from_arrays(X, Y, 2), build=build)
    with pytest.raises(ValueError, match="moving_mean.*LayerNormalization"):
        t.gradient(np.arange(30))


@pytest.mark.parametrize("rows", [[], [60], [-1], [[0, 1]], [0.5], None, "ab", np.zeros(0, int)], ids=str)
def test_rows_that_do_not_exist(rows):
    with pytest.raises(IndexError, match=r"\[0, 60\)"):
        trainer(shards_from_arrays(X, Y, 2)).gradient(rows)


def test_fit_visits_every_example_once_an_epoch():
    seen = []

    def loss(labels, predictions):
        seen.extend(labels.tolist())
        return tf.reduce_sum(predictions, axis=1)

    t = trainer(shards_from_arrays(X, np.arange(60), 7), loss=loss)
    assert len(t.fit(epochs=2, batch_size=25, seed=3, progress=False)) == 6
    assert sorted(seen[:60]) == sorted(seen[60:]) == list(range(60))
    assert seen[:60] != seen[60:]


def test_the_batches_of_fit_do_not_depend_on_the_shards():
    losses = [
        trainer(shards_from_arrays(X, Y, parts)).fit(2, batch_size=16, progress=False)
        for parts in (1, 6)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_the_progress_bar_is_on_stdout(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.delitem(__import__("sys").modules, "ipykernel", raising=False)
    trainer(shards_from_arrays(X, Y, 2)).fit(batch_size=30)
    said = capsys.readouterr()
    assert "2/2" in said.out and "loss=" in said.out and not said.err


def assert_adds_up(costs):
    step, *spent = [ms for _, ms in costs.rows]
    assert step > 0 and min(spent) >= 0
    assert sum(spent) == pytest.approx(step, rel=0.05)


def test_costs_in_the_process():
    t = trainer(shards_from_arrays(X, Y, 2))
    t.fit(batch_size=30, progress=False)
    assert_adds_up(t.costs())
    assert dict(t.costs().rows)["moving data"] == 0.0
    assert repr(t.costs()).startswith("mean of 2 steps on 1 lane(s), in ms\n  a step ")


def test_threads_do_not_share_a_model():
    """Each thread at other weights: with a model in common, gradients would be mixed, or zero."""
    make, loss = network(), cross_entropy(reduction=None)

    def slow(labels, predictions):
        time.sleep(0.005)
        return loss(labels, predictions)

    job = distributed.Job("threads", make, slow, tf.__version__)
    tasks = [(job, [v.numpy() for v in network(seed)().weights]) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda t: distributed._gradient(t, (X, Y), np.arange(60)), tasks))
    for seed, part in enumerate(parts):
        expected, _ = one_tape(network(seed)(), np.arange(60))
        assert_same([g / 60 for g in part.gradients], expected)


def test_arrays_that_came_by_pickle_are_computed_with():
    x = pickle.loads(pickle.dumps(np.ones(3, np.float32)))  # its dtype is equal, not identical
    assert (tf.Variable(x) * tf.ones(3) + x).numpy().tolist() == [2.0] * 3


# ---------------------------------------------------------------- where examples come from


@pytest.fixture
def idx(tmp_path):
    images = RNG.integers(0, 256, (60, 4, 2)).astype(np.uint8)
    for name, a in (("images", images), ("labels", Y.astype(np.uint8))):
        header = bytes([0, 0, 8, a.ndim]) + b"".join(n.to_bytes(4, "big") for n in a.shape)
        (tmp_path / name).write_bytes(header + a.tobytes())
    return tmp_path / "images", tmp_path / "labels", images


def test_shards_of_idx_files(idx):
    images, labels, raw = idx
    shards = shards_from_idx(images, labels, 7)
    assert sum(s.size for s in shards) == 60 and {s.size for s in shards} == {8, 9}
    assert len({s.key for s in shards}) == 7
    x, y = map(np.concatenate, zip(*(s.load() for s in shards)))
    np.testing.assert_allclose(x, raw[..., np.newaxis] / 255, rtol=1e-6)
    assert x.dtype == np.float32 and y.dtype == np.int64 and (y == Y).all()
    assert shards_from_idx(images, labels, 7, channels=False)[0].load()[0].shape == (8, 8)
    flat = trainer(shards_from_idx(images, labels, 3, scale=1, channels=False))
    assert len(flat) == 60 and flat.step(np.arange(60)) > 0


def test_shards_of_npz_files(tmp_path):
    for i in range(3):
        np.savez(tmp_path / f"{i}.npz", features=X[i::3], classes=Y[i::3])
    shards = shards_from_npz([tmp_path / f"{i}.npz" for i in range(3)], "features", "classes")
    expected, _ = one_tape(network()(), np.concatenate([np.arange(i, 60, 3) for i in range(3)]))
    assert_same(trainer(shards).gradient(np.arange(60))[0], expected)
    with pytest.raises(KeyError, match="nothing"):
        shards_from_npz([tmp_path / "0.npz"], "features", "nothing")


def test_pickles_are_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=np.array([{}] * 60, object))
    with pytest.raises(ValueError, match="allow_pickle"):
        shards_from_npz([tmp_path / "a.npz"])


def test_a_file_that_has_gone_is_named(idx):
    images, labels, _ = idx
    shards = shards_from_idx(images, labels, 2)
    images.unlink()
    with pytest.raises(ShardError, match=r"images\[0:30\].*FileNotFoundError"):
        trainer(shards)


def test_a_file_that_has_changed_is_noticed(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    shards = shards_from_npz([tmp_path / "a.npz"])
    np.savez(tmp_path / "a.npz", x=X[:10], y=Y[:10])
    with pytest.raises(ShardError, match="10 inputs and 10 labels, not 60"):
        trainer(shards)


@pytest.mark.parametrize("parts", [0, 61, [30, 20]], ids=str)
def test_impossible_shards(parts):
    with pytest.raises(ValueError, match="60"):
        shards_from_arrays(X, Y, parts)


@pytest.mark.parametrize("wrong", [None, "wrong", [None], 1.5, [], [70, -10]], ids=str)
def test_what_are_no_shards(wrong):
    with pytest.raises((TypeError, ValueError)) as caught:
        shards_from_arrays(X, Y, wrong)
    assert "parts" in str(caught.value) or "shards" in str(caught.value)
    with pytest.raises((TypeError, ValueError), match="must be a list of Shard|at least one"):
        Trainer(network(), cross_entropy(reduction=None), None, wrong)
    with pytest.raises(TypeError, match="must be a Dask array"):
        shards_from_dask(wrong, wrong)


def test_no_shards():
    with pytest.raises(ValueError, match="at least one shard"):
        trainer([])


# ---------------------------------------------------------------- on Dask


@contextmanager
def cluster(**options):
    """A client of two worker processes."""
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    # LocalCluster gives up a worker that is away now and was away this long ago. Dies here twice.
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL, **options,
        ) as local,
        local.get_client() as client,
    ):  # fmt: skip
        yield client


@pytest.fixture(scope="module")
def client():
    with cluster() as client:
        pids = client.run(os.getpid)
        yield client
        pids = [*pids.values(), *client.run(os.getpid).values()]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("parts", SHARDS.values(), ids=SHARDS)
def test_on_dask_the_losses_are_those_of_the_process(client, parts, recwarn):
    here, there = (trainer(shards_from_arrays(X, Y, parts), c) for c in (None, client))
    for rows in ([3, 3, 59, 0], [7], np.arange(60), np.arange(50, 60)):
        assert there.step(rows) == pytest.approx(here.step(rows), rel=1e-5)
    assert_same(there.model.get_weights(), here.model.get_weights())
    assert_adds_up(there.costs())
    assert dict(there.costs().rows)["computing gradients"] > 0
    assert not recwarn.list


def test_shards_lie_evenly_and_stay_and_go_with_the_trainer(client):
    t = trainer(shards_from_arrays(X, Y, 6), client)
    first = list(t._on.owners)
    assert {first.count(w) for w in client.nthreads()} == {3}
    for _ in range(3):
        t.step(np.arange(60))
    assert t._on.owners == first
    where = client.who_has(t._on.data)
    assert [where[d.key] for d in t._on.data] == [(w,) for w in first]
    del t
    gc.collect()
    deadline = time.monotonic() + 60
    while client.who_has() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not client.who_has()  # neither data nor gradients of old steps


def test_many_weights_do_not_make_dask_complain(client, recwarn):
    def build():
        model = tf.keras.Sequential([tf.keras.layers.Dense(400_000)])
        model(X[:1])
        return model

    def loss(labels, predictions):
        return tf.reduce_mean(predictions, axis=1)

    t = trainer(shards_from_arrays(X[:4], Y[:4], 2), client, build, loss=loss)
    assert sum(w.nbytes for w in t.model.get_weights()) > 10e6
    t.gradient(np.arange(4))
    assert not recwarn.list


def test_dask_arrays_are_shards(client):
    da = pytest.importorskip("dask.array")
    x, y = da.from_array(X, chunks=(25, 4)), da.from_array(Y, chunks=25).persist()
    expected, _ = one_tape(network()(), np.arange(60))
    for c in (client, None):
        t = trainer(shards_from_dask(x * 1, y), c)
        assert [s.size for s in t.shards] == [25, 25, 10]
        assert_same(t.gradient(np.arange(60))[0], expected)
    with pytest.raises(ValueError, match="same blocks"):
        shards_from_dask(x, y.rechunk(30))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        shards_from_dask(x[y > 0], y[y > 0])


def test_an_error_in_the_model_comes_back(client):
    def loss(labels, predictions):
        raise ZeroDivisionError("in the loss")

    with pytest.raises(ZeroDivisionError, match="in the loss"):
        trainer(shards_from_arrays(X, Y, 2), client, loss=loss).gradient([0])


def test_an_error_at_the_end_of_a_wait_is_still_the_models(client, monkeypatch):
    dask = pytest.importorskip("distributed")
    wait, waits = dask.wait, []

    def late(future, timeout):
        wait(future)
        waits.append(timeout)
        if len(waits) == 1:
            raise TimeoutError

    def loss(labels, predictions):
        raise ZeroDivisionError("in the loss")

    monkeypatch.setattr(dask, "wait", late)
    with pytest.raises(ZeroDivisionError, match="in the loss"):
        trainer(shards_from_arrays(X, Y, 2), client, loss=loss).gradient([0])
    assert len(waits) == 2


def test_another_version_on_a_worker(client):
    t = trainer(shards_from_arrays(X, Y, 2), client)
    worker = t._on.owners[1]

    def age():
        import tapelab.distributed

        tapelab.__version__ = tapelab.distributed.__version__ = "0.0"

    client.run(age, workers=[worker])
    try:
        with pytest.raises(ShardError, match=r"worker tcp.* has tapelab 0\.0, the trainer tapelab"):
            trainer(shards_from_arrays(X, Y, 2), client)
        with pytest.raises(ShardError, match=r"has tapelab 0\.0, the trainer"):
            t.gradient(np.arange(60))
    finally:
        client.restart()
    assert t.gradient(np.arange(60))[1] > 0  # everything was lost, and is there again


ONES = np.eye(8, dtype=np.float32)


def counting(folder, seconds):
    """A model whose gradient counts the examples seen, and a loss that says when it is running."""

    def build():
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False)])
        model(np.zeros((1, 8), np.float32))
        return model

    def loss(labels, predictions):
        (folder / str(os.getpid())).touch()
        time.sleep(seconds)
        return tf.squeeze(predictions, axis=1)

    return build, loss


@pytest.mark.parametrize("victims", [1, 2])
def test_workers_killed_in_the_middle_of_a_step(client, tmp_path, victims):
    build, loss = counting(tmp_path, 0.5)
    client.wait_for_workers(2)
    t = trainer(shards_from_arrays(ONES, ONES, 4), client, build, loss=loss)
    pids = list(client.run(os.getpid).values())
    killed = []

    def kill():
        deadline = time.monotonic() + 120
        while not all((tmp_path / str(p)).exists() for p in pids[:victims]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for p in pids[:victims]:
            os.kill(p, signal.SIGKILL)
            killed.append(p)

    killer = threading.Thread(target=kill)
    killer.start()
    rows = np.array([0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 7])
    (found,), _ = t.gradient(rows)
    killer.join()
    assert len(killed) == victims
    np.testing.assert_allclose(found[:, 0] * len(rows), [1, 1, 2, 1, 1, 1, 1, 3], rtol=1e-6)
    client.wait_for_workers(2)
    (found,), _ = t.gradient(np.arange(8))  # and on: who is back gets shards again
    np.testing.assert_allclose(found[:, 0], 1 / 8, rtol=1e-6)
    assert set(t._on.owners) == set(client.nthreads())


@pytest.fixture(scope="module")
def own_folders(tmp_path_factory):
    """A cluster whose workers 0 and 1 have folders of their own, also after they start again."""
    root = tmp_path_factory.mktemp("workers")
    for name in "01":
        (root / name).mkdir()
        np.savez(root / name / f"{name}.npz", x=ONES, y=np.full(8, int(name)))
    preload = root / "preload.py"
    preload.write_text(
        "import os\n"
        f"def dask_setup(worker): os.chdir(os.path.join({str(root)!r}, str(worker.name)))"
    )
    with cluster(preload=[str(preload)]) as client:
        yield root, client


def file_shards():
    def load(path):
        with np.load(path) as f:
            return f["x"], f["y"]

    return [Shard(n, 8, lambda n=n: load(f"{n}.npz"), (f"{n}.npz",)) for n in "01"]


def test_a_shard_goes_where_its_file_is_and_waits_for_a_restart(own_folders, tmp_path):
    _, client = own_folders
    build, loss = counting(tmp_path, 0.0)
    t = trainer(file_shards(), client, build, loss=loss)
    name = {w: v["name"] for w, v in client.scheduler_info()["workers"].items()}
    assert [name[w] for w in t._on.owners] == [0, 1]
    before = list(t._on.owners)
    os.kill(client.run(os.getpid)[before[0]], signal.SIGKILL)
    (found,), _ = t.gradient(np.arange(16))
    np.testing.assert_allclose(found[:, 0], 1 / 8, rtol=1e-6)
    assert t._on.owners[0] not in before and t._on.owners[1] == before[1]


def test_a_shard_whose_file_nobody_has(own_folders, monkeypatch):
    root, client = own_folders
    client.wait_for_workers(2)
    missing = [Shard("2", 8, print, ("2.npz",))]
    with pytest.raises(ShardError, match=r"none of 2 workers can read shard '2' from 2\.npz"):
        trainer([*file_shards(), *missing], client)
    # The file goes away, and then the only worker that had loaded it: no hang either.
    t = trainer(file_shards(), client)
    (root / "0" / "0.npz").unlink()
    monkeypatch.setattr(distributed._OnDask.place, "__defaults__", (1.0,))
    os.kill(client.run(os.getpid)[t._on.owners[0]], signal.SIGKILL)
    with pytest.raises(ShardError, match=r"can read shard '0' from 0\.npz"):
        t.gradient(np.arange(16))


def test_a_worker_without_tapelab(tmp_path):
    preload = tmp_path / "preload.py"
    preload.write_text("import sys\nsys.modules['tapelab'] = None")
    with cluster(preload=[str(preload)]) as client:
        with pytest.raises(
            ShardError, match=r"worker tcp.* has no usable tapelab .*, the trainer tapelab"
        ):
            trainer(shards_from_arrays(X, Y, 2), client)


def test_workers_have_all_of_keras_before_their_first_task():
    """Else a task and a message may import parts of it at once, which Python can fail at."""

    def parts():
        import sys

        return {m for m in sys.modules if m.startswith("tapelab.keras.")}

    with cluster() as client:
        assert list(client.run(parts).values()) == [set()] * 2
        distributed._OnDask(client, []).able()
        assert all("tapelab.keras.losses" in found for found in client.run(parts).values())
