"""Losses and metrics: closed forms, gradients, weights, bad input."""

import numpy as np
import pytest

import tapelab as tf

K = tf.keras.losses
Y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], "f")
P = np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4]], "f")
Z = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 2.0]], "f")


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# name, options, y_true, y_pred, one value per item
CLOSED_FORMS = [
    ("MeanSquaredError", {}, Y, P, ((Y - P) ** 2).mean(-1)),
    ("MeanAbsoluteError", {}, Y, P, np.abs(Y - P).mean(-1)),
    ("Huber", {"delta": 0.5}, Y, P,
     np.where(np.abs(Y - P) <= 0.5, (Y - P) ** 2 / 2, 0.5 * np.abs(Y - P) - 0.125).mean(-1)),
    ("Hinge", {}, Y, P, np.maximum(1 - (2 * Y - 1) * P, 0).mean(-1)),
    ("KLDivergence", {}, P, P[::-1], (P * np.log(P / P[::-1])).sum(-1)),
    ("CosineSimilarity", {}, Y, P, -(Y * P).sum(-1) / np.sqrt((P * P).sum(-1))),
    ("BinaryCrossentropy", {}, Y, P, -(Y * np.log(P) + (1 - Y) * np.log(1 - P)).mean(-1)),
    ("BinaryCrossentropy", {"from_logits": True}, Y, Z, (np.log1p(np.exp(Z)) - Y * Z).mean(-1)),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, Y, P,
     -((0.8 * Y + 0.1) * np.log(P) + (0.9 - 0.8 * Y) * np.log(1 - P)).mean(-1)),
    ("CategoricalCrossentropy", {}, Y, P, -np.log([0.7, 0.3])),
    ("CategoricalCrossentropy", {}, Y, 2 * P, -np.log([0.7, 0.3])),
    ("CategoricalCrossentropy", {"from_logits": True}, Y, Z, -(Y * np.log(softmax(Z))).sum(-1)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.3}, Y, P,
     -((0.7 * Y + 0.1) * np.log(P)).sum(-1)),
    ("SparseCategoricalCrossentropy", {}, np.array([1, 0]), P, -np.log([0.7, 0.3])),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, np.array([[1], [0]]), Z,
     -np.log(softmax(Z)[[0, 1], [1, 0]])),
]  # fmt: skip


@pytest.mark.parametrize("name, options, y, p, expected", CLOSED_FORMS)
def test_closed_form_mean_sum_and_weights(name, options, y, p, expected):
    make, w = getattr(K, name), np.array([1.0, 3.0], "f")
    loss = lambda **more: make(**options, **more)
    np.testing.assert_allclose(loss(reduction=None)(y, p), expected, rtol=2e-5)
    np.testing.assert_allclose(loss()(y, p), expected.mean(), rtol=2e-5)
    np.testing.assert_allclose(loss(reduction="sum")(y, p), expected.sum(), rtol=2e-5)
    np.testing.assert_allclose(loss()(y, p, sample_weight=w), (w * expected).mean(), rtol=2e-5)


@pytest.mark.parametrize("name, options, y, p, expected", CLOSED_FORMS)
def test_gradients_are_those_of_finite_differences(name, options, y, p, expected):
    loss = getattr(K, name)(**options, dtype="float64")
    p = p.astype("float64")
    x = tf.Variable(p)
    with tf.GradientTape() as tape:
        z = loss(y, x)
    g = tape.gradient(z, x).numpy()
    for i in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[i] = 1e-6
        difference = (float(loss(y, p + step)) - float(loss(y, p - step))) / 2e-6
        assert abs(difference - g[i]) < 1e-7


def test_ignored_classes_count_nothing():
    y, p = np.array([0, -1, 1]), np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], "f")
    loss = K.SparseCategoricalCrossentropy(ignore_class=-1)
    np.testing.assert_allclose(loss(y, p), -np.log([0.5, 0.8]).mean(), rtol=1e-6)


def test_probabilities_of_an_activation_keep_their_gradient_when_saturated():
    x = tf.Variable([[0.0, 60.0]])
    for activation, loss, y in (
        (tf.keras.activations.softmax, K.SparseCategoricalCrossentropy(), [0]),
        (tf.keras.activations.sigmoid, K.BinaryCrossentropy(), [[1.0, 0.0]]),
    ):
        with tf.GradientTape() as tape:
            z = loss(y, activation(x))
        assert float(z) > 30 and abs(float(tape.gradient(z, x)[0, 1])) >= 0.5
    from tapelab.keras.activations import _logits

    del tape, z
    assert not _logits  # nothing is remembered longer than the probabilities live


def test_probabilities_are_clipped():
    assert float(K.BinaryCrossentropy()([[1.0]], [[0.0]])) == pytest.approx(16.118095)
    assert float(K.SparseCategoricalCrossentropy()([0], [[0.0, 1.0]])) == pytest.approx(16.118095)


def test_shapes_with_and_without_a_last_axis():
    assert float(K.MeanSquaredError()(np.array([1.0, 2.0]), np.array([[1.0], [3.0]]))) == 0.5
    with pytest.raises(ValueError, match="same shape"):
        K.CategoricalCrossentropy()(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="class numbers"):
        K.SparseCategoricalCrossentropy()(Y, P)
    with pytest.raises(tf.errors.InvalidArgumentError, match="valid range"):
        K.SparseCategoricalCrossentropy(from_logits=True)([3, 0], Z)
    with pytest.raises(ValueError, match="reduction"):
        K.MeanSquaredError(reduction="nope")


def test_names():
    assert K.MeanSquaredError().name == "mean_squared_error" and K.Huber().name == "huber_loss"
    assert isinstance(K.get("MeanSquaredError"), K.Loss) and K.get("mse") is K.mean_squared_error
    with pytest.raises(ValueError, match="Could not interpret loss identifier: nope"):
        K.get("nope")


# ---------------------------------------------------------------- metrics

M = tf.keras.metrics


@pytest.mark.parametrize(
    "metric, y, p, expected",
    [
        (M.SparseCategoricalAccuracy(), [1, 0], P, 0.5),
        (M.SparseCategoricalAccuracy(), [[1], [0]], P, 0.5),
        (M.SparseTopKCategoricalAccuracy(k=2), [1, 1], P, 0.5 + 0.5),
        (M.TopKCategoricalAccuracy(k=1), Y, P, 0.5),
        (M.CategoricalAccuracy(), Y, P, 0.5),
        (M.BinaryAccuracy(), [[1.0], [0.0]], [[0.6], [0.4]], 1.0),
        (M.BinaryAccuracy(threshold=0.7), [[1.0], [0.0]], [[0.6], [0.4]], 0.5),
        (M.Accuracy(), [1, 2], [1, 3], 0.5),
        (M.MeanSquaredError(), Y, P, ((Y - P) ** 2).mean()),
        (M.MeanAbsoluteError(), Y, P, np.abs(Y - P).mean()),
        (M.CategoricalCrossentropy(), Y, P, -np.log([0.7, 0.3]).mean()),
    ],
)
def test_metrics_are_means_over_all_batches(metric, y, p, expected):
    for start in range(2):
        metric.update_state(y[start : start + 1], p[start : start + 1])
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_weighted_means_and_sums():
    mean, total = M.Mean(), M.Sum()
    for m in (mean, total):
        m.update_state([1.0, 2.0], sample_weight=[1.0, 3.0])
        m.update_state([[5.0]])
    assert float(mean.result()) == np.float32(2.4) and float(total.result()) == 12
    assert [v.name for v in mean.variables] == ["total", "count"]
    accuracy = M.SparseCategoricalAccuracy()
    assert float(accuracy([1, 0], P, sample_weight=[1.0, 3.0])) == 0.25


def test_a_mean_counts_items_not_elements():
    """As in Keras: an item's elements are averaged before its weight is applied."""
    m = M.Mean()
    m.update_state([[1.0, 2.0], [3.0, 4.0]])
    m.update_state(5.0)
    assert float(m.result()) == pytest.approx(10 / 3)
    m.reset_state()
    m.update_state([[1.0, 3.0], [5.0, 7.0]], sample_weight=[1.0, 0.0])
    assert float(m.count) == 1 and float(m.result()) == 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="Weights of shape"):
        m.update_state([1.0, 2.0, 3.0], sample_weight=[1.0, 2.0])


def test_no_gradient_flows_through_a_metric():
    x = tf.Variable(P)
    with tf.GradientTape() as tape:
        z = M.MeanSquaredError()(Y, x * 1.0)
    assert tape.gradient(z, x) is None


def test_labels_that_do_not_fit_scores_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\).*\(2, 3\)"):
        M.SparseCategoricalAccuracy()([1, 0, 1], P)


def test_metrics_refuse_wrong_options_and_take_k_first():
    with pytest.raises(TypeError, match="treshold"):
        tf.keras.metrics.BinaryAccuracy(treshold=0.3)
    metric = tf.keras.metrics.TopKCategoricalAccuracy(2)
    assert float(metric([[0, 1, 0]], [[0.5, 0.3, 0.2]])) == 1.0
    assert metric.name == "top_k_categorical_accuracy"


def test_the_class_to_ignore_is_a_number():
    with pytest.raises(TypeError, match="`ignore_class` must be a single integer"):
        tf.keras.losses.SparseCategoricalCrossentropy(ignore_class="x")([0], [[0.5, 0.5]])


def test_reductions_by_their_older_names():
    R = tf.keras.losses.Reduction
    each = lambda r: tf.keras.losses.MeanSquaredError(reduction=r)([[1.0], [2.0]], [[0.0], [0.0]])
    assert each(R.NONE).numpy().tolist() == [1.0, 4.0]
    assert each(R.SUM) == 5 and each(R.AUTO) == each(R.SUM_OVER_BATCH_SIZE) == 2.5


def test_truths_and_predictions_are_brought_to_one_rank_for_a_function_of_ones_own():
    """Or else (batch,) and (batch, 1) would be broadcast to (batch, batch), and nobody would notice."""
    seen = []

    def own(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape))
        return tf.square(y_true - y_pred)

    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", own)
    x = np.ones((3, 2), "float32")
    model.fit(x, np.ones(3), verbose=0)
    model.fit(x, np.ones((3, 1)), verbose=0)
    assert seen == [((3, 1), (3, 1))] * 2
