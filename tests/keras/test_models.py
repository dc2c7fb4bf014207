"""Models: training, evaluation, symbolic models, summaries, files of weights, and MNIST."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import tapelab as tf
from tapelab import _files
from tapelab.tensor import active

K, L = tf.keras, tf.keras.layers
X = np.linspace(-1, 1, 64, dtype="f")[:, None]


def linear(**options):
    model = K.Sequential([L.Dense(1, kernel_initializer="zeros", **options)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def by_hand(epochs, batch, n=64, rate=0.01):
    """The loss of every epoch of gradient descent on y = w x + b, and w, b."""
    w = b = 0.0
    x, losses = X[:n, 0].astype("d"), []
    for _ in range(epochs):
        errors = []
        for i in range(0, n, batch):
            part = x[i : i + batch]
            e = w * part + b - (2 * part + 1)
            errors += list(e**2)
            w, b = w - rate * 2 * np.mean(e * part), b - rate * 2 * np.mean(e)
        losses.append(np.mean(errors))
    return losses, w, b


def test_fit_is_gradient_descent_by_hand():
    model = linear()
    history = model.fit(X, 2 * X + 1, epochs=3, batch_size=10, shuffle=False, verbose=0)
    losses, w, b = by_hand(3, 10)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose([v.numpy().item() for v in model.weights], [w, b], rtol=1e-4)
    assert list(history.history) == ["loss", "mae"] and history.epoch == [0, 1, 2]
    loss, mae = model.evaluate(X, 2 * X + 1, verbose=0)
    np.testing.assert_allclose(loss, np.mean((w * X + b - 2 * X - 1) ** 2), rtol=1e-4)
    np.testing.assert_allclose(mae, np.mean(np.abs(w * X + b - 2 * X - 1)), rtol=1e-4)
    np.testing.assert_allclose(model.predict(X, verbose=0), w * X + b, rtol=1e-4, atol=1e-6)


def test_the_last_part_is_kept_for_validation():
    model = linear()
    history = model.fit(
        X, 2 * X + 1, batch_size=8, shuffle=False, verbose=0, validation_split=0.25
    ).history
    losses, w, b = by_hand(1, 8, n=48)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(
        history["val_loss"], np.mean(((w - 2) * X[48:] + b - 1) ** 2), rtol=1e-4
    )


def test_every_sample_comes_once_an_epoch_shuffled_or_not():
    seen = []

    class Watching(K.Sequential):
        def train_step(self, data):
            seen.append(data[0].numpy()[:, 0])
            return {"loss": tf.constant(0.0)}

    model = Watching([L.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X, epochs=2, batch_size=10, verbose=0)
    assert [len(x) for x in seen[:7]] == [10] * 6 + [4]
    first, second = np.concatenate(seen[:7]), np.concatenate(seen[7:])
    np.testing.assert_array_equal(np.sort(first), X[:, 0])
    np.testing.assert_array_equal(np.sort(second), X[:, 0])
    assert np.any(first != X[:, 0]) and np.any(first != second)


def test_data_may_be_arrays_tensors_datasets_or_generators():
    def batches():
        for i in range(0, 64, 16):
            yield X[i : i + 16], 2 * X[i : i + 16] + 1

    found = []
    for data in (
        (X, 2 * X + 1), (tf.constant(X), tf.constant(2 * X + 1)), (batches(),), (list(batches()),),
        (tf.data.Dataset.from_tensor_slices((X, 2 * X + 1)).batch(16),),
    ):  # fmt: skip
        model = linear()
        y = data[1:] or ()
        # A list of pairs is a structure of arrays to Keras, so it goes in as an iterator.
        x = iter(data[0]) if isinstance(data[0], list) else data[0]
        model.fit(x, *y, batch_size=None if not y else 16, shuffle=False, verbose=0)
        found.append([v.numpy().item() for v in model.weights])
    np.testing.assert_allclose(found, [found[0]] * 5)


def test_steps_go_on_where_the_last_epoch_ended():
    """Five batches, two an epoch: the third epoch has only one left, and the fourth starts anew."""
    seen = []

    class Watching(K.Sequential):
        def train_step(self, data):
            seen.append(round(float(data[0][0, 0]) * 10))
            return {"loss": tf.constant(0.0)}

    x = np.arange(50, dtype="f")[:, None] / 100
    for data in ((x, x), (tf.data.Dataset.from_tensor_slices((x, x)).batch(10),)):
        model, seen[:] = Watching([L.Dense(1)]), []
        model.compile("sgd", "mse")
        options = {"batch_size": 10, "shuffle": False} if len(data) == 2 else {}
        with pytest.warns(UserWarning, match="ran out of data"):
            model.fit(*data, epochs=4, steps_per_epoch=2, verbose=0, **options)
        assert seen == [0, 1, 2, 3, 4, 0, 1]
    seen.clear()
    model.fit(x, x, steps_per_epoch=2, verbose=0, shuffle=False)
    assert len(seen) == 2  # half of the data each


def test_a_generator_does_not_start_again_and_that_is_said():
    model = linear()
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(((X, X) for _ in range(2)), epochs=2, verbose=0)


def test_the_optimizer_is_rmsprop_unless_told():
    model = K.Sequential([L.Dense(1)])
    model.compile(loss="mse")
    assert type(model.optimizer) is K.optimizers.RMSprop


def test_steps_go_on_through_an_endless_dataset():
    model = linear()
    data = tf.data.Dataset.from_tensor_slices((X, X)).batch(8).repeat()
    model.fit(data, epochs=2, steps_per_epoch=3, verbose=0)
    assert int(model.optimizer.iterations) == 6


@pytest.mark.parametrize(
    "option",
    [{"sample_weight": np.where(X[:, 0] > 0, 3.0, 1.0)}, {"class_weight": {0: 1.0, 1: 3.0}}],
)
def test_weights_of_samples_and_classes(option):
    model = K.Sequential([L.Dense(2, kernel_initializer="zeros")])
    model.compile("sgd", K.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(X, X[:, 0] > 0, verbose=0, batch_size=64, **option).history
    np.testing.assert_allclose(history["loss"], [np.log(2) * 2], rtol=1e-6)


def test_train_step_loss_and_metrics_can_be_overridden():
    class Mine(K.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.mine = L.Dense(1), K.metrics.Mean(name="mine")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            self.optimizer.apply(
                tape.gradient(loss, self.trainable_variables), self.trainable_variables
            )
            self.mine.update_state(loss)
            return {"mine": self.mine.result()}

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return tf.reduce_sum((y - y_pred) ** 2) + 7.0

        @property
        def metrics(self):
            return [self.mine]

    model = Mine()
    model.compile("adam")
    history = model.fit(X, X, epochs=2, verbose=0).history
    assert list(history) == ["mine"] and all(v > 7 for v in history["mine"])
    assert len(model.weights) == 2  # a metric's variables are no weights


def test_accuracy_means_what_the_shapes_say():
    for y, units in (
        (np.array([0, 1]), 2),
        (np.eye(2, dtype="f"), 2),
        (np.array([[1.0], [0.0]]), 1),
    ):
        loss = (
            "mse"
            if units == 1
            else "sparse_categorical_crossentropy"
            if y.ndim == 1
            else "categorical_crossentropy"
        )
        model = K.Sequential(
            [L.Dense(units, "softmax" if units == 2 else "sigmoid", kernel_initializer="ones")]
        )
        model.compile("sgd", loss, metrics=["accuracy"])
        assert model.evaluate(np.ones((2, 3), "f"), y, verbose=0)[1] == 0.5


def test_a_tf_variable_as_attribute_is_not_trained_and_that_is_said():
    class Bare(K.Model):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(0.0)

        def call(self, x):
            return self.w * x

    model = Bare()
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no|not have any trainable weights"):
        model.fit(X, X, verbose=0)
    assert float(model.w) == 0


@pytest.mark.parametrize(
    "action, message",
    [
        (lambda m: m.fit(X, X), "compile"),
        (lambda m: m.compile("nope"), "optimizer identifier: nope"),
        (lambda m: m.compile("sgd", "nope"), "loss identifier: nope"),
        (lambda m: (m.compile("sgd", "mse"), m.fit(X, X[:3], verbose=0)), "number of samples"),
        (lambda m: (m.compile("sgd", "mse"), m.fit(X[:0], X[:0], verbose=0)), "empty"),
        (lambda m: (m.compile("sgd"), m.fit(X, X, verbose=0)), "No loss"),
        (lambda m: m.count_params(), "isn't built"),
        (lambda m: m.save_weights("never_written.npz"), "not built"),
        (lambda m: m.add(3), "Only instances"),
        (lambda m: m.add(L.Dense(1, name="one")), "unique names"),
    ],
)
def test_mistakes_are_named(action, message):
    with pytest.raises(ValueError, match=message):
        action(K.Sequential([L.Dense(1, name="one")]))


# ---------------------------------------------------------------- models of inputs and outputs


def test_a_symbolic_model_runs_its_graph():
    one, two = K.Input((3,), name="one"), K.Input((2,), name="two")
    shared = L.Dense(2)
    joined = L.Concatenate()([shared(one) * 2 - 1, two])
    model = K.Model([one, two], {"sum": L.Add()([two, shared(one)]), "all": joined}, name="m")
    a, b = np.ones((4, 3), "f"), np.full((4, 2), 5, "f")
    h = shared(a).numpy()
    for inputs in ([a, b], {"one": a, "two": b}):
        z = model(inputs)
        np.testing.assert_allclose(z["sum"], b + h)
        np.testing.assert_allclose(z["all"], np.concatenate([2 * h - 1, b], 1))
    assert len(model.weights) == 2 and model.output_shape == {"sum": (None, 2), "all": (None, 4)}
    assert [layer.name for layer in model.layers][:1] == ["one"] and joined.shape == (None, 4)
    with pytest.raises(ValueError, match="not connected"):
        K.Model(one, joined)
    with pytest.raises(ValueError, match="found shape"):
        model([b, b])
    with pytest.raises(ValueError, match="symbolic"):
        tf.nn.relu(joined)


def test_several_outputs_have_several_losses():
    x = K.Input((1,))
    outputs = [L.Dense(1, kernel_initializer="zeros")(x), L.Dense(1, kernel_initializer="zeros")(x)]
    model = K.Model(x, outputs)
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    loss = model.fit(X, [X, 2 * X], batch_size=64, verbose=0).history["loss"][0]
    np.testing.assert_allclose(loss, np.mean(X**2) + 0.5 * np.mean(np.abs(2 * X)), rtol=1e-6)
    with pytest.raises(ValueError, match="The outputs are"):
        model.fit(X, [X, X, X], verbose=0)
    assert [p.shape for p in model.predict(X, verbose=0)] == [(64, 1), (64, 1)]


def test_outputs_may_be_told_apart_by_name():
    x = K.Input((1,))
    model = K.Model(x, [L.Dense(1, kernel_initializer="zeros", name=name)(x) for name in "ab"])
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"b": ["mse", "mae"]})
    history = model.fit(X, {"b": 2 * X, "a": X}, batch_size=64, verbose=0).history
    assert list(history) == ["a_loss", "b_loss", "b_mae", "b_mse", "loss"]
    a, b = np.mean(X**2), np.mean(np.abs(2 * X))
    found = [v[0] for v in history.values()]
    np.testing.assert_allclose(found, [a, b, b, np.mean((2 * X) ** 2), a + b], rtol=1e-6)
    found = model.evaluate(X, [X, 2 * X], batch_size=10, verbose=0)  # loss, a, b, then the metrics
    np.testing.assert_allclose(found[0], found[1] + found[2], rtol=1e-6)
    assert len(found) == 5


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (lambda: L.Conv2D(4, 3), (None, 28, 28, 1), (None, 26, 26, 4)),
        (lambda: L.Conv2D(4, 3, padding="same"), (None, None, None, 1), (None, None, None, 4)),
        (lambda: L.Flatten(), (None, 3, 4), (None, 12)),
        (lambda: L.GlobalMaxPooling2D(), (8, 3, 4, 5), (8, 5)),
    ],
)
def test_shapes_without_data(layer, shape, expected):
    assert layer().compute_output_shape(shape) == expected


def test_building_without_data():
    built = K.Sequential([K.Input((4,)), L.Dense(3, name="a"), L.Dense(2, name="b")], name="s")
    later = K.Sequential([L.Dense(3), L.Dense(2)])
    assert built.built and not later.built and later.weights == []
    later.build((None, 4))
    assert built.count_params() == later.count_params() == 23 and later.output_shape == (None, 2)
    assert [v.path for v in built.weights] == ["s/a/kernel", "s/a/bias", "s/b/kernel", "s/b/bias"]
    built.pop()
    assert built.count_params() == 15 and built(np.ones((1, 4))).shape == (1, 3)
    assert built.output_shape == (None, 3) and built.outputs[0].shape == (None, 3)
    with pytest.raises(ValueError, match="found shape"):
        built(np.ones((1, 5)))


def test_outputs_of_layers_make_another_model():
    """To look at activations inside a model that is there already."""
    model = K.Sequential([K.Input((3,)), L.Dense(4, "relu", name="first"), L.Dense(2)])
    inner = K.Model(model.inputs, [layer.output for layer in model.layers])
    x = np.ones((2, 3), "f")
    first, last = inner(x)
    np.testing.assert_array_equal(first, model.layers[0](x))
    np.testing.assert_array_equal(last, model(x))
    later = K.Sequential([L.Dense(2)])
    later(x)
    with pytest.raises(AttributeError, match="not called on a tf.keras.Input"):
        _ = later.layers[0].output
    later = K.Sequential([L.Dense(2), L.Dense(3)])
    later.build((None, 3))
    assert later.layers[0].output.shape == (None, 2) and later.input_shape == (None, 3)
    assert later.pop() and later.output_shape == (None, 2) == later.outputs[0].shape


def test_a_list_of_one_output_is_that_output():
    x = K.Input((2,))
    model = K.Model([x], [x > 0.0])
    assert model(np.array([[1.0, -1.0]])).numpy().tolist() == [[True, False]]
    assert model(np.ones((4, 2, 1))).shape == (4, 2)  # a last axis of 1 is taken off, as in Keras
    with pytest.raises(TypeError, match="inputs and outputs"):
        K.Model(x)


def test_the_input_layer_of_older_programs():
    with pytest.warns(UserWarning, match="input_shape"):
        first = L.InputLayer(input_shape=(3,))
    assert K.Sequential([first, L.Dense(2)]).output_shape == (None, 2)
    with pytest.raises(ValueError, match="wrong"):
        L.InputLayer((3,), wrong=1)


def test_summary(capsys):
    K.Sequential(
        [K.Input((4,)), L.Dense(3, name="one"), L.BatchNormalization(name="two")], name="s"
    ).summary()
    text = capsys.readouterr().out
    assert text.splitlines() == [
        'Model: "s"',
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓",
        "┃ Layer (type)             ┃ Output Shape ┃ Param # ┃",
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩",
        "│ one (Dense)              │ (None, 3)    │      15 │",
        "├──────────────────────────┼──────────────┼─────────┤",
        "│ two (BatchNormalization) │ (None, 3)    │      12 │",
        "└──────────────────────────┴──────────────┴─────────┘",
        " Total params: 27 (108.00 B)",
        " Trainable params: 21 (84.00 B)",
        " Non-trainable params: 6 (24.00 B)",
    ]


def test_what_fit_prints_goes_to_stdout(capsys):
    model = linear()
    for verbose in (1, 2):
        model.fit(X, X, epochs=2, verbose=verbose)
        printed = capsys.readouterr()
        assert printed.err == "" and "Epoch 2/2" in printed.out and printed.out.count("loss: ") == 2
    model.fit(X, X, verbose=0)
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- callbacks


def test_callbacks_are_called_in_order():
    calls = []
    hooks = ("train_begin", "epoch_begin", "train_batch_end", "test_end", "epoch_end", "train_end")
    note = lambda h: lambda *args: calls.append((h, args[0] if len(args) > 1 else None))
    callback = K.callbacks.LambdaCallback(**{f"on_{h}": note(h) for h in hooks})
    linear().fit(X, X, batch_size=32, verbose=0, callbacks=[callback], validation_data=(X, X))
    assert [c for c in calls if c[0] != "train_begin"] == [
        ("epoch_begin", 0), ("train_batch_end", 0), ("train_batch_end", 1), ("test_end", None),
        ("epoch_end", 0), ("train_end", None),
    ]  # fmt: skip


def test_callbacks_of_predict_and_of_older_programs():
    calls = []

    class Older(K.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            calls.append(("batch", batch))

        def on_predict_batch_end(self, batch, logs=None):
            calls.append(("predict", logs["outputs"].shape))

    model = linear()
    model.fit(X, X, batch_size=32, verbose=0, callbacks=[Older()])
    model.predict(X, batch_size=48, verbose=0, callbacks=[Older()])
    assert calls == [("batch", 0), ("batch", 1), ("predict", (48, 1)), ("predict", (16, 1))]


def test_a_baseline_never_reached_is_no_reason_to_wait(capsys):
    model, options = linear(), {"monitor": "loss", "verbose": 1, "restore_best_weights": True}
    stop = K.callbacks.EarlyStopping(baseline=0.0, patience=2, **options)
    losses = model.fit(X, X + 9, epochs=9, verbose=0, callbacks=[stop]).history["loss"]
    assert len(losses) == 9 and stop.best == min(losses)  # each better than the last
    model.fit(X, np.nan * X, epochs=9, verbose=0, callbacks=[stop])
    assert stop.stopped_epoch == 1 and np.isnan(stop.best)
    assert "early stopping" in capsys.readouterr().out


def test_early_stopping_stops_and_restores():
    model = linear()
    rates = iter([0.1, 0.1, -0.5, -0.5, -0.5, -0.5])

    def change(epoch, logs=None):
        model.optimizer.learning_rate = next(rates)

    stop = K.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    adjust = K.callbacks.LambdaCallback(on_epoch_begin=change)
    history = model.fit(X, X, epochs=6, verbose=0, shuffle=False, callbacks=[adjust, stop])
    losses = history.history["loss"]
    assert len(losses) == 5 and stop.best_epoch == int(np.argmin(losses))


# ---------------------------------------------------------------- files


def two_layers():
    model = K.Sequential([L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    model.build((None, 4))
    return model


@pytest.mark.parametrize("name", ["w.weights.h5", "w.npz", "plain"])
def test_weights_come_back(tmp_path, name):
    one, two = two_layers(), two_layers()
    one.save_weights(tmp_path / name)
    two.load_weights(tmp_path / name)
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    with pytest.raises(FileExistsError):
        one.save_weights(tmp_path / name, overwrite=False)


def test_what_normalization_was_adapted_to_is_saved(tmp_path):
    one, two = K.Sequential([L.Normalization()]), K.Sequential([L.Normalization()])
    one.layers[0].adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    for model in (one, two):
        model(np.ones((1, 2)))
    assert two(np.ones((1, 2))).numpy().tolist() == [[1.0, 1.0]]  # mean 0, variance 1 until adapted
    one.save_weights(tmp_path / "n.weights.h5")
    two.load_weights(tmp_path / "n.weights.h5")
    np.testing.assert_allclose(two(np.array([[5.0, 50.0]])), [[3.0, 3.0]])
    assert one.trainable_weights == [] and one.count_params() == 5


def refused(model, path, error, message):
    before = model.get_weights()
    with pytest.raises(error, match=message):
        model.load_weights(path)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_files_that_do_not_fit_change_nothing(tmp_path):
    model, path = two_layers(), tmp_path / "w.npz"
    refused(model, path, FileNotFoundError, "no such file")
    for layers, message in (
        ([L.Dense(3), L.Dense(2)], "another model"),
        ([L.Dense(3), L.BatchNormalization(), L.Dense(5)], r"shape \(3, 5\) there"),
        ([L.Dense(3), L.LayerNormalization(), L.Dense(2)], "another model"),
    ):
        other = K.Sequential(layers)
        other.build((None, 4))
        other.save_weights(path)
        refused(model, path, ValueError, message)
    model.save_weights(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    refused(model, path, ValueError, "HDF5")
    for damaged in (b"", b"text", whole[:middle], whole[:200] + b"\xff" * 8 + whole[208:]):
        path.write_bytes(damaged)
        refused(model, path, ValueError, "damaged")
    with open(path, "wb") as f:  # a pickle, which must not run
        np.savez(f, *[np.array([{}], dtype=object)])
    refused(model, path, ValueError, "damaged")


def test_what_does_not_match_can_be_left_alone(tmp_path):
    one = K.Sequential([K.Input((4,)), L.Dense(3), L.Dense(2)])
    other = K.Sequential([K.Input((4,)), L.Dense(3), L.Dense(5)])
    one.save_weights(tmp_path / "w.weights.h5")
    before = other.get_weights()
    other.load_weights(tmp_path / "w.weights.h5", skip_mismatch=True)
    found = other.get_weights()
    np.testing.assert_array_equal(found[0], one.get_weights()[0])
    np.testing.assert_array_equal(found[2], before[2])


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model, path = two_layers(), tmp_path / "w.npz"
    model.save_weights(path)
    before = path.read_bytes()

    def fail(*paths):
        raise OSError("disk full")

    monkeypatch.setattr(_files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save_weights(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


# ---------------------------------------------------------------- MNIST


@pytest.fixture(scope="module")
def mnist():
    (x, y), (x_test, y_test) = K.datasets.mnist.load_data()
    return (x / np.float32(255), y), (x_test / np.float32(255), y_test)


def test_one_epoch_of_the_dense_network_reaches_95_5_percent(mnist):
    train, test = mnist
    K.utils.set_random_seed(0)
    model = K.Sequential([L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10)])
    model.compile(
        "adam", K.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    model.fit(*train, batch_size=32, verbose=0)
    assert model.evaluate(*test, verbose=0)[1] >= 0.955


def test_the_articles_convolutional_model_learns(mnist):
    (x, y), _ = mnist
    K.utils.set_random_seed(0)
    model = K.Sequential(
        [L.Conv2D(16, [3, 3], activation="relu"), L.Conv2D(16, [3, 3], activation="relu"),
         L.GlobalAveragePooling2D(), L.Dense(10)]
    )  # fmt: skip
    optimizer, losses = K.optimizers.Adam(0.01), []  # ten times the article's rate: 150 steps
    loss_object = K.losses.SparseCategoricalCrossentropy(from_logits=True)
    data = tf.data.Dataset.from_tensor_slices((x[..., None], y)).shuffle(1000).batch(32)
    for images, labels in data.take(150):
        with tf.GradientTape() as tape:
            loss = loss_object(labels, model(images, training=True))
        losses.append(float(loss))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    assert 2.2 < np.mean(losses[:10]) < 2.4 and np.mean(losses[-30:]) < 2.0


# ---------------------------------------------------------------- the namespace


def test_keras_is_imported_when_it_is_asked_for():
    program = (
        "import sys, tapelab as tf; before = 'tapelab.keras' in sys.modules; "
        "tf.keras.layers.Dense(1); print(before)"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n" and "keras" in dir(tf)


def test_absent_names_say_what_to_use():
    for get, message in (
        (lambda: K.layers.LSTM, "subclass of tf.keras.layers.Layer"),
        (lambda: K.optimizers.adam, "did you mean tf.keras.optimizers.Adam"),
        (lambda: K.applications, "no trained networks"),
        (lambda: K.layers.Maximum, "Maximum: write it as a subclass"),
        (lambda: K.metrics.Meen, "did you mean tf.keras.metrics.Mean. Otherwise: any function"),
        (lambda: K.datasets.cifar10, "only MNIST"),
        (lambda: K.Sequential().save, "save_weights"),
    ):
        with pytest.raises(AttributeError, match=message):
            get()


def test_what_a_model_cannot_do_says_what_to_use():
    model = linear()
    for name in ("save", "export", "to_json"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'.*save_weights"):
            getattr(model, name)
        assert not hasattr(model, name) and name not in dir(model)
    assert "input" not in dir(K.layers.Dense(1)) and "input" in dir(K.Sequential([K.Input((1,))]))
    for get, message in (
        (lambda: K.models.load_model, "save_weights"),
        (lambda: K.random.gamma, "numpy.random.Generator"),
        (lambda: L.LSTMCell, "subclass of tf.keras.layers.Layer"),
        (lambda: K.callbacks.TensorBoard, "matplotlib"),
        (lambda: K.datasets.cifar10, "tf.keras.datasets.mnist"),
        (lambda: K.utils.get_file, "downloaded"),
    ):
        with pytest.raises(AttributeError, match=message):
            get()


def test_compile_without_an_optimizer_takes_keras_default():
    model = K.Sequential([L.Dense(1)])
    model.compile(loss="mse")
    assert isinstance(model.optimizer, K.optimizers.RMSprop)
    assert set(model.evaluate(X, X, verbose=0, return_dict=True)) == {"loss"}


def test_the_summary_of_a_trained_model_counts_the_optimizer(capsys):
    model = K.Sequential([K.Input((1,)), L.Dense(1)], name="s")
    model.compile("adam", "mse")
    model.fit(X, X, verbose=0)
    model.summary()
    assert capsys.readouterr().out.splitlines()[-4:] == [
        " Total params: 8 (36.00 B)",
        " Trainable params: 2 (8.00 B)",
        " Non-trainable params: 0 (0.00 B)",
        " Optimizer params: 6 (28.00 B)",
    ]


def test_an_empty_name_is_a_name():
    class Block(K.Model):
        def __init__(self):
            super().__init__(name="")

    assert Block().name == ""


def test_layers_remember_what_they_were_first_called_on_symbolically():
    model = K.Sequential([K.Input((4,)), L.Dense(3, name="a"), L.Dense(2, name="b")])
    parts = K.Model(model.inputs, [layer.output for layer in model.layers])
    x = np.ones((5, 4), "f")
    hidden, end = parts(x)
    assert hidden.shape == (5, 3) and np.array_equal(end, model(x))
    assert model.get_layer("b").input is model.get_layer("a").output
    one, two = K.Input((2,), name="one"), K.Input((3,), name="two")
    both = K.Model([one, two], L.concatenate([one, two]))
    assert both.input == [one, two] and both.output.shape == (None, 5)
    with pytest.raises(ValueError, match=r"input 'two'.*keys \['one'\].*\['one', 'two'\]"):
        both({"one": np.ones((1, 2), "f")})
    with pytest.raises(AttributeError, match="not called on a tf.keras.Input"):
        _ = L.Dense(1).output


def test_names_of_results_are_sorted_and_one_epoch_needs_no_heading(capsys):
    model = K.Sequential([L.Dense(2, kernel_initializer="ones")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.eye(2, dtype="f"), np.array([0, 1])
    history = model.fit(x, y, validation_data=(x, y), verbose=2).history
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == ["accuracy", "loss"]
    assert model.evaluate(x, y, verbose=0)[1] in (0.0, 0.5, 1.0)  # a list has the loss first
    assert "Epoch" not in capsys.readouterr().out


def test_names_are_counted_anew_after_clear_session():
    K.backend.clear_session()
    first = L.Dense(1).name
    assert (first, L.Dense(1).name) == ("dense", "dense_1")
    K.utils.clear_session()
    assert L.Dense(1).name == "dense"
    assert (K.backend.epsilon(), K.backend.floatx()) == (1e-7, "float32")
    with pytest.raises(AttributeError, match="is in tf"):
        _ = K.backend.mean


# ---------------------------------------------------------------- found by Keras's own tests


def test_a_weight_for_the_one_loss():
    losses = []
    for weight in (None, 0.2, [0.2]):
        model = K.Sequential([L.Dense(1, kernel_initializer="ones", use_bias=False)])
        model.compile("sgd", "mse", loss_weights=weight)
        losses.append(model.evaluate(X, 0 * X, verbose=0))
    assert losses[1] == losses[2] == pytest.approx(0.2 * losses[0])


def test_a_loss_of_ones_own_gets_truths_and_predictions_of_one_dtype():
    class Squares(K.losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    for loss in (lambda a, b: (a - b) ** 2, Squares()):
        for dtype in ("int64", "float64", "bool"):
            model = K.Sequential([L.Dense(1)])
            model.compile("sgd", loss)
            model.fit(X, np.ones((64, 1), dtype), verbose=0)
    assert Squares(dtype="float16")([1.0], [2.0]).dtype == tf.float16


def test_compute_loss_need_not_ask_whether_it_trains():
    class Doubled(K.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return 2.0 * super().compute_loss(x, y, y_pred, sample_weight)

    model = Doubled([L.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    assert model.evaluate(X, X * 0 + 1, verbose=0) == 2.0
    model.fit(X, X, verbose=0)


def test_evaluating_and_predicting_can_be_stopped():
    class Stop(K.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 2

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = batch == 2

    model = linear()
    assert len(model.predict(X, batch_size=4, callbacks=[Stop()], verbose=0)) == 12
    endless = ((X[:4], X[:4]) for _ in iter(int, 1))
    assert len(model.evaluate(endless, callbacks=[Stop()], verbose=0)) == 2


def test_callbacks_get_numbers_after_every_batch():
    seen = []
    hook = K.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    linear().fit(X, X, batch_size=32, callbacks=[hook], verbose=0)
    assert len(seen) == 2 and all(type(v) is float for v in seen)


def test_building_again_is_no_mistake():
    class Block(K.Model):
        def __init__(self):
            super().__init__()
            self.d = L.Dense(2)

        def call(self, x):
            return self.d(x)

    model = Block()
    model(tf.ones((1, 3)))
    model.build((None, 3))
    assert model.count_params() == 8


def test_stopping_early_begins_anew_with_each_training():
    stop = K.callbacks.EarlyStopping("loss", patience=0)
    model = linear()
    model.optimizer.learning_rate = 0.0
    model.fit(X, X, epochs=5, callbacks=[stop], verbose=0)
    assert stop.stopped_epoch == 1
    model.optimizer.learning_rate = 0.1
    model.fit(X, X, epochs=1, callbacks=[stop], verbose=0)
    assert stop.stopped_epoch == 0


def test_build_gets_the_shape_of_every_input_that_it_names():
    class Two(L.Layer):
        def build(self, a_shape, b_shape=None):
            self.shapes = (tuple(a_shape), tuple(b_shape))

        def call(self, a, b):
            return tf.reduce_sum(a) + tf.reduce_sum(b)

    for call in (lambda f, a, b: f(a, b), lambda f, a, b: f(a, b=b), lambda f, a, b: f(a=a, b=b)):
        layer = Two()
        call(layer, tf.ones([2, 3]), tf.ones([2, 1]))
        assert layer.shapes == ((2, 3), (2, 1))


def test_the_input_may_be_given_by_name():
    x = tf.ones([1, 3])
    for layer in (L.Dense(2), L.ReLU(), L.Flatten(), L.LayerNormalization(), L.Dropout(0.5)):
        assert (layer(inputs=x).numpy() == layer(x).numpy()).all()
    assert L.Dense(2)(inputs=K.Input((3,))).shape == (None, 2)


def test_a_metric_owns_the_variables_and_metrics_that_it_holds():
    class Counter(K.metrics.Metric):
        def __init__(self):
            super().__init__()
            self.held = [K.Variable(1.0), K.Variable(2.0)]
            self.mean = K.metrics.Mean()

    m = Counter()
    m.mean.update_state(4.0)
    assert len(m.variables) == 4
    m.reset_state()
    assert not any(v.numpy() for v in m.variables)


def test_short_names_of_losses():
    for space in (K.losses, K.metrics):
        for names in ("MSE mse", "MAE mae", "KLD kld"):
            one, two = (getattr(space, n) for n in names.split())
            assert one is two and float(one([[0.5]], [[0.5]])[0]) == 0
    assert K.constraints.Constraint()(3.0) == 3.0


def test_a_convolution_in_groups():
    layer = L.Conv2D(4, 2, groups=2)
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 5, 6)).astype("f"))
    with tf.GradientTape() as tape:
        z = layer(x)
    assert layer.kernel.shape == (2, 2, 3, 4) and len(tape.gradient(z, layer.trainable_variables)) == 2
    k = layer.kernel.numpy()
    halves = [tf.nn.conv2d(x[..., 3 * i : 3 * i + 3], k[..., 2 * i : 2 * i + 2], 1, "VALID") for i in (0, 1)]
    assert np.allclose(z.numpy(), tf.concat(halves, -1).numpy(), atol=1e-5)
    for wrong in (lambda: L.Conv2D(3, 2, groups=2), lambda: L.Conv2D(4, 2, groups=4)(x)):
        with pytest.raises(ValueError, match="groups"):
            wrong()


def test_a_model_that_begins_with_a_built_one_is_built():
    inner = K.Sequential([K.Input((3,)), L.Dense(2)])
    model = K.Sequential([inner, L.Dense(1)])
    assert model.built and len(model.weights) == 4 and model.output_shape == (None, 1)
    unbuilt = K.Sequential([K.Sequential([L.Dense(2)]), L.Dense(1)])
    assert not unbuilt.built and unbuilt(tf.ones([1, 3])).shape == [1, 1]


def test_a_metric_keeps_the_name_it_was_asked_for_by():
    model = K.Sequential([L.Dense(1, activation="sigmoid")])
    model.compile("sgd", "bce", metrics=["bce", "mae"])
    assert sorted(model.fit(X, X > 0, verbose=0).history) == ["bce", "loss", "mae"]


def test_a_constraint_can_be_set_later():
    v = K.Variable([1.0])
    v.constraint = "non_neg"
    K.optimizers.SGD(1.0).apply_gradients([(tf.constant([5.0]), v)])
    assert v.numpy().tolist() == [0.0]
    with pytest.raises(ValueError, match="Masks"):
        L.Embedding(3, 2, mask_zero=True)


# ---------------------------------------------------------------- nothing is lost, nothing is left


def test_a_build_that_fails_leaves_no_weights():
    tries = []

    def late(shape, dtype=None):
        tries.append(shape)
        if len(tries) == 1:
            raise RuntimeError("not yet")
        return tf.zeros(shape, dtype)

    layer = L.Dense(2, bias_initializer=late)
    with pytest.raises(RuntimeError, match="not yet"):
        layer(tf.ones([1, 3]))
    assert layer.weights == []
    layer(tf.ones([1, 3]))
    assert [tuple(w.shape) for w in layer.weights] == [(3, 2), (2,)]


def test_threads_that_make_the_first_call_together_make_one_set_of_weights():
    for _ in range(20):
        layer = L.Dense(2)
        threads = [threading.Thread(target=layer, args=[tf.ones([1, 3])]) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(layer.weights) == 2


def test_looking_at_an_optimizer_changes_nothing():
    rng, v = np.random.default_rng(0), tf.Variable(np.zeros(1000, "f"))
    adam = K.optimizers.Adam()
    adam.apply_gradients([(tf.constant(rng.normal(size=1000).astype("f")), v)])
    before = {k: a.copy() for k, a in adam._groups[0].slots.items()}
    assert len(adam.variables) == 4
    assert all((adam._groups[0].slots[k] == a).all() for k, a in before.items())


def test_describing_a_model_teaches_it_nothing():
    bn = L.BatchNormalization()
    bn(K.Input((3,)), training=True)
    assert (bn.moving_variance.numpy() == 1).all()


def test_what_is_handed_out_is_a_copy():
    class Weights(K.Model):
        def __init__(self):
            super().__init__()
            self.w = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            self.w.assign(x[0])
            return self.w.value

    model, x = Weights(), np.ones((1, 2), "f")
    model.predict_on_batch(x)[...] = 9
    model.predict(x, verbose=0)
    x[...] = 9
    assert model.w.numpy().tolist() == [1.0, 1.0]


def test_weights_of_classes_count_in_datasets_too():
    x, y = np.ones((8, 3), "f"), np.array([0, 1] * 4)

    def loss(*data, **options):
        model = K.Sequential([L.Dense(1, activation="sigmoid", kernel_initializer="ones")])
        model.compile(K.optimizers.SGD(0.0), "bce")
        return model.fit(*data, class_weight={0: 0.0}, verbose=0, **options).history["loss"][0]

    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    assert loss(dataset) == pytest.approx(loss(x, y, batch_size=4, shuffle=False))
    with pytest.raises(ValueError, match="class_weight"):
        loss(x)


def test_unknown_metrics_are_refused_when_compiled():
    with pytest.raises(ValueError, match="nonsense"):
        linear().compile("sgd", "mse", metrics=["mae", "nonsense"])
    model = K.Model(i := K.Input((1,)), {"a": L.Dense(1)(i)})
    metric = K.metrics.MeanSquaredError(name="k")
    for _ in range(2):
        model.compile("sgd", "mse", metrics={"a": metric})
        assert "a_k" in model.evaluate(X, {"a": X}, return_dict=True, verbose=0)
    assert metric.name == "k"


def test_no_batches():
    for method in ("evaluate", "predict"):
        with pytest.raises(ValueError, match="nothing to"):
            getattr(linear(), method)(iter([]), verbose=0)


def test_a_wrong_gradient_leaves_the_optimizer_as_it_was():
    sgd, v = K.optimizers.SGD(0.5), tf.Variable([1.0, 2.0])
    with pytest.raises(ValueError, match="does not fit"):
        sgd.apply_gradients([(tf.ones([3]), v)])
    other = tf.Variable(1.0)
    sgd.apply_gradients([(tf.constant(1.0), other)])
    assert float(other) == 0.5
    for v in (3, None, tf.constant(1.0)):
        with pytest.raises(TypeError, match="changes variables"):
            K.optimizers.SGD(0.5).apply_gradients([(tf.constant(1.0), v)])
    for g, v in ((tf.constant(1), tf.Variable(1)), (tf.constant(1j), tf.Variable(1.0))):
        with pytest.raises(TypeError):
            K.optimizers.SGD(0.5).apply_gradients([(g, v)])


def test_a_layer_that_does_not_fit_is_left_out():
    model = K.Sequential([K.Input((4,)), L.Dense(2)])
    with pytest.raises(ValueError):
        model.add(L.Conv2D(2, 2))
    assert len(model.layers) == 1 and model(tf.ones([1, 4])).shape == [1, 2]


def test_weights_that_do_not_fit_change_nothing():
    layer = L.Dense(2)
    layer(tf.ones([1, 2]))
    before = layer.kernel.numpy()
    with pytest.raises(tf.errors.UnimplementedError):
        layer.set_weights([np.zeros((2, 2)), np.array(["x", "y"])])
    assert (layer.kernel.numpy() == before).all()


@pytest.mark.parametrize("where", ["on_train_batch_end", "on_test_batch_end", "call"])
def test_ctrl_c_loses_nothing_of_the_training_before_it(where):
    """As in Keras: no on_train_end, `model.history` has the epochs that ended, fit can go on."""
    seen = []

    def interrupt(*_):
        if seen == ["end of epoch"]:
            seen.append("interrupt")
            raise KeyboardInterrupt

    class Watched(tf.keras.layers.Layer):
        def call(self, x, training=None):
            return interrupt(x) if where == "call" and training and "end of epoch" in seen[-1:] else x

    model = tf.keras.Sequential([tf.keras.Input((3,)), Watched(), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    hooks = {"on_epoch_end": lambda *_: seen.append("end of epoch")}
    hooks |= {"on_train_end": lambda *_: seen.append("end of training")}
    hooks |= {where: interrupt} if where != "call" else {}
    x, y = tf.ones([64, 3]), tf.ones([64, 1])
    callbacks = [tf.keras.callbacks.LambdaCallback(**hooks)]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=callbacks)
    assert seen == ["end of epoch", "interrupt"] and model.history.epoch == [0]
    assert set(model.history.history) == {"loss", "val_loss"}
    assert active.tapes == ()
    steps, w = int(model.optimizer.iterations), model.get_weights()
    assert steps == {"on_train_batch_end": 3, "on_test_batch_end": 4, "call": 2}[where]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(x))
    assert tape.gradient(loss, model.trainable_weights)[0].shape == [3, 1]
    history = model.fit(x, y, verbose=0)
    assert history is model.history and int(model.optimizer.iterations) == steps + 2
    assert (model.get_weights()[0] != w[0]).any()


def test_ctrl_c_closes_the_bar():
    class Bar:
        closed = False

        def close(self):
            self.closed = True

    class Stop(tf.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    bar, made = Bar(), []
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")

    class Progress(tf.keras.callbacks.Progress):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            self.bar = bar
            made.append(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tapelab.keras.models.Progress", Progress)
        model.fit(tf.ones([4, 3]), tf.ones([4, 1]), verbose=0, callbacks=[Stop()])
    assert bar.closed and made[0].bar is None


def test_layers_are_counted_from_the_back_too():
    model = tf.keras.Sequential([tf.keras.layers.Dense(2), tf.keras.layers.ReLU()])
    assert [model.get_layer(index=i) for i in (-1, -2, 1)] == [model.layers[i] for i in (-1, -2, 1)]
    for i in (2, -3):
        with pytest.raises(ValueError, match="No such layer"):
            model.get_layer(index=i)


def test_names_of_metrics_are_keras_names():
    model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
    assert model.metrics_names == []
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.metrics_names == ["loss", "compile_metrics"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": "x"}, "`epochs` must be a single integer"),
        ({"epochs": 1.5}, "`epochs` must be a single integer"),
        ({"initial_epoch": None}, "`initial_epoch` must be a single integer"),
        ({"validation_freq": 0}, "`validation_freq` must be positive"),
        ({"validation_split": "x"}, "`validation_split` must be a single number"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch`.* must be positive, got 0"),
        ({"steps_per_epoch": "x"}, "`steps` must be a single integer"),
        ({"class_weight": [1.0]}, "`class_weight` is a dict"),
        ({"callbacks": ["x"]}, "not 'x'"),
        ({"callbacks": [K.callbacks.EarlyStopping]}, "are objects of classes like Callback"),
        ({"x": {}}, "should be tensors. Got {}"),
    ],
)
def test_what_fit_cannot_do_is_named_and_nothing_is_trained(options, message):
    model = linear()
    model(X)
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(**{"x": X, "y": X, "verbose": 0} | options)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: K.Sequential(L.Dense(2)), "`layers` must be a list of layers"),
        (lambda: K.Sequential().pop(), "There are no layers"),
        (lambda: linear().load_weights(3), "a string or `Path`, not 3"),
        (lambda: linear().summary(line_length="x"), "`line_length` must be a single integer"),
        (lambda: K.Model(K.Input((3,)), L.Dense(1)(K.Input((3,)))), "not connected"),
        (lambda: K.callbacks.EarlyStopping(3), "monitor=3"),
        (lambda: K.callbacks.EarlyStopping(patience="x"), "`patience` must be a single integer"),
        (lambda: K.callbacks.EarlyStopping(min_delta=None), "`min_delta` must be a single number"),
        (lambda: K.callbacks.EarlyStopping(mode="up"), "mode='up'"),
        (lambda: K.callbacks.LambdaCallback(on_epoch_end=3), "'on_epoch_end' must be callable"),
        (lambda: linear().fit(X, verbose=0), "There are no labels for the loss"),
        (lambda: linear().evaluate(X, verbose=0), "There are no labels for the loss"),
        (lambda: linear().get_layer(), "either a layer name or layer index"),
        (lambda: float(K.Input((3,))), "KerasTensor is symbolic"),
        (lambda: linear()(), "was not called as its `call`.*'inputs'"),
    ],
)
def test_what_models_cannot_do_is_named(make, message):
    with pytest.raises((TypeError, ValueError, IndexError), match=message):
        make()


def test_training_needs_an_optimizer_and_a_loss():
    model = K.Sequential([L.Dense(1)])
    model.compile(None, "mse")
    assert model.evaluate(X, X, verbose=0) >= 0
    with pytest.raises(ValueError, match="`fit..` needs an optimizer, and `compile..` was given None"):
        model.fit(X, X, verbose=0)
    model.compile("sgd", [])
    with pytest.raises(ValueError, match="No loss to compute"):
        model.fit(X, X, verbose=0)


def test_a_step_gets_x_alone_where_there_is_nothing_but_x():
    seen = []

    class Looks(tf.keras.Model):
        def train_step(self, data):
            seen.append(data)
            return {"loss": 0.0}

        test_step = train_step

        def predict_step(self, data):
            seen.append(data)
            return data

    model, x = Looks(), np.ones((2, 3), "float32")
    model.compile()
    batches = tf.data.Dataset.from_tensor_slices(x).batch(2)
    for data in (x, batches):
        model.fit(data, verbose=0)
        model.evaluate(data, verbose=0)
        model.predict(data, verbose=0)
    model.fit({"a": x}, verbose=0, validation_data=(x,))
    model.train_on_batch(x)
    assert [type(d) for d in seen] == [tf.Tensor] * 6 + [dict, tf.Tensor, tf.Tensor]
    del seen[:]
    for data in ([x, x], batches.map(lambda t: (t,))):
        model.fit(data, verbose=0)
    model.fit(x, x, verbose=0)
    assert [(type(d), len(d)) for d in seen] == [(tuple, 1), (tuple, 1), (tuple, 2)]


def test_layers_are_listed_as_they_come_upon_from_the_outputs():
    """Keras's order, so that get_weights and set_weights carry weights over."""
    D = lambda n, name: tf.keras.layers.Dense(n, name=name)
    names = lambda *model: [x.name for x in tf.keras.Model(*model).layers]
    a, b = tf.keras.Input((2,), name="a"), tf.keras.Input((3,), name="b")
    t1 = D(3, "t1")(a)
    t2 = D(2, "t2")(t1)
    s1 = D(3, "s1")(a)
    s2 = D(2, "s2")(s1)
    assert names(a, [s2, t2]) == ["a", "s1", "t1", "s2", "t2"]
    assert names(a, [t2, s2]) == ["a", "t1", "s1", "t2", "s2"]
    assert names(a, {"b": s2, "a": t2}) == ["a", "t1", "s1", "t2", "s2"]
    late = tf.keras.layers.Concatenate(name="cat")([t2, b])
    assert names([b, a], late) == ["a", "t1", "t2", "b", "cat"]
    assert names([a, b], t2) == ["a", "t1", "b", "t2"]
    assert names(t1, t2) == ["t2"]
    shared = D(2, "shared")
    again = shared(D(2, "q")(shared(a)))
    assert names(a, again + D(2, "late")(a)) == ["a", "shared", "q", "late"]
    model = tf.keras.Model(a, [s2, t2])
    assert [v.path for v in model.trainable_weights[::2]] == [f"{n}/kernel" for n in ("s1", "t1", "s2", "t2")]


def test_a_train_step_of_older_programs():
    class Older(tf.keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compiled_loss(y, self(x), regularization_losses=self.losses)
            self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
            self.compiled_metrics.update_state(y, self(x))
            return {m.name: m.result() for m in self.metrics}

    inputs = tf.keras.Input((1,))
    layer = tf.keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=K.regularizers.L2(1.0))
    model = Older(inputs, layer(inputs))
    for metrics in (None, ["mae"]):
        model.compile("sgd", "mse", metrics=metrics)
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
        logs = model.fit(np.ones((2, 1)), np.full((2, 1), 3.0), verbose=0).history
        assert logs["loss"] == [5.0] and ("mae" in logs) == bool(metrics)
    assert model.metrics_names == ["loss", "compile_metrics"]


def test_summary_can_tell_what_is_trainable(capsys):
    L = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((3,)), L.Dense(2, trainable=False), L.ReLU(), L.Dense(1)])
    model.summary(show_trainable=True)
    rows = [line.split()[-2] for line in capsys.readouterr().out.splitlines() if line.startswith(("│", "┃"))]
    assert rows == ["Trainable", "N", "-", "Y"]


def test_what_a_callback_adds_to_the_logs_is_history(capsys):
    add = K.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(twice=2 * logs["loss"]))
    history = linear().fit(X, X, epochs=2, verbose=2, callbacks=[add]).history
    assert history["twice"] == [2 * loss for loss in history["loss"]]
    assert capsys.readouterr().out.count("twice: ") == 2


def test_a_schedule_of_learning_rates_by_epoch(capsys):
    model = linear()
    schedule = lambda epoch, rate: rate if epoch < 1 else rate / 2
    fit = lambda f: model.fit(X, X, epochs=3, verbose=0, callbacks=[K.callbacks.LearningRateScheduler(f, 1)])
    model.optimizer.learning_rate = 0.5
    assert fit(schedule).history["learning_rate"] == [0.5, 0.25, 0.125]
    assert "Epoch 3: LearningRateScheduler setting learning rate to 0.125." in capsys.readouterr().out
    assert fit(lambda epoch: 2.0**-epoch).history["learning_rate"] == [1.0, 0.5, 0.25]
    with pytest.raises(ValueError, match="should be a float. Got: 1"):
        fit(lambda epoch, rate: 1)
    model.compile(K.optimizers.SGD(K.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)), "mse")
    with pytest.raises(TypeError, match="not settable"):
        fit(schedule)


def test_the_build_of_a_model_of_ones_own_is_called():
    class Reconstructs(K.Model):
        def __init__(self):
            super().__init__()
            self.inner = L.Dense(2)

        def build(self, batch_input_shape):
            self.back = L.Dense(batch_input_shape[-1])
            self.scale = self.add_weight(shape=(batch_input_shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            return self.back(self.inner(x * self.scale))

    model = Reconstructs()
    assert model(tf.ones([1, 4])).shape == (1, 4) and model.scale.path == "reconstructs/scale"
    assert len(model.weights) == 5
    model = Reconstructs()
    model.compile("sgd", "mse")
    x = np.ones((2, 3), "float32")
    model.fit(x, x, verbose=0)
    assert model.back.units == 3
