"""Layers: values against hand-written NumPy, gradients against finite differences, errors."""

import copy
import json
import pickle

import numpy as np
import pytest

import tapelab as tf

L = tf.keras.layers


def image(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# layer, shape of its input; all in float64, so that differences are exact enough
LAYERS = {
    "dense": (lambda: L.Dense(3, activation="tanh", dtype="float64"), (4, 5)),
    "dense of rank 3": (lambda: L.Dense(3, dtype="float64"), (2, 4, 5)),
    "conv": (lambda: L.Conv2D(3, (3, 2), activation="sigmoid", dtype="float64"), (2, 6, 5, 2)),
    "conv same": (lambda: L.Conv2D(2, 3, 2, "same", dtype="float64"), (2, 5, 6, 3)),
    "conv dilated": (lambda: L.Conv2D(2, 2, dilation_rate=2, dtype="float64"), (1, 6, 6, 2)),
    "transpose": (lambda: L.Conv2DTranspose(2, 3, 2, "same", dtype="float64"), (1, 3, 4, 3)),
    "transpose valid": (lambda: L.Conv2DTranspose(2, 2, 3, dtype="float64"), (1, 3, 2, 3)),
    "flatten": (lambda: L.Flatten(dtype="float64"), (2, 3, 2)),
    "reshape": (lambda: L.Reshape((3, -1), dtype="float64"), (2, 6)),
    "activation": (lambda: L.Activation("softplus", dtype="float64"), (2, 3)),
    "relu": (lambda: L.ReLU(1.0, 0.1, 0.2, dtype="float64"), (3, 4)),
    "leaky relu": (lambda: L.LeakyReLU(dtype="float64"), (3, 4)),
    "elu": (lambda: L.ELU(2.0, dtype="float64"), (3, 4)),
    "softmax": (lambda: L.Softmax(dtype="float64"), (3, 4)),
    "max pooling": (lambda: L.MaxPooling2D(2, dtype="float64"), (2, 4, 5, 2)),
    "mean pooling": (lambda: L.AveragePooling2D(2, padding="same", dtype="float64"), (2, 4, 5, 2)),
    "global mean": (lambda: L.GlobalAveragePooling2D(dtype="float64"), (2, 3, 4, 2)),
    "global max": (lambda: L.GlobalMaxPooling2D(keepdims=True, dtype="float64"), (2, 3, 4, 2)),
    "batch normalisation": (lambda: L.BatchNormalization(dtype="float64"), (5, 3)),
    "batch normalisation, axis 1": (lambda: L.BatchNormalization(1, dtype="float64"), (3, 2, 4)),
    "layer normalisation": (lambda: L.LayerNormalization(dtype="float64"), (3, 4)),
    "layer normalisation, two axes": (
        lambda: L.LayerNormalization([1, 2], dtype="float64"),
        (2, 3, 2),
    ),
    "rescaling": (lambda: L.Rescaling(0.5, 1.0, dtype="float64"), (2, 3)),
    "normalization": (lambda: L.Normalization(mean=1.0, variance=4.0, dtype="float64"), (2, 3)),
    "dropout": (lambda: L.Dropout(0.5, seed=1, dtype="float64"), (4, 5)),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_finite_differences(name, training):
    make, shape = LAYERS[name]
    if name == "dropout" and training:
        make = lambda: L.Dropout(0.5, dtype="float64")
    layer, x = make(), tf.Variable(image(*shape))
    layer(x)
    for v in layer.weights:  # away from zeros and ones, where a mistake may not show
        v.assign(v + 0.1 * image(*v.shape, seed=1))
    moving = [v.numpy() for v in layer.non_trainable_weights]

    def loss():
        tf.random.set_seed(3)
        y = layer(x, training=training)
        for v, a in zip(layer.non_trainable_weights, moving):
            v.assign(a)
        return tf.reduce_sum(y * image(*y.shape, seed=2))

    sources = [x, *layer.trainable_weights]
    with tf.GradientTape() as tape:
        z = loss()
    for v, g in zip(sources, tape.gradient(z, sources)):
        g, value = tf.convert_to_tensor(g).numpy(), v.numpy()
        for index in list(np.ndindex(value.shape))[::3]:
            around = []
            for step in (1e-6, -1e-6):
                moved = value.copy()
                moved[index] += step
                v.assign(moved)
                around.append(float(loss()))
            v.assign(value)
            difference = (around[0] - around[1]) / 2e-6
            assert abs(difference - g[index]) < 1e-6 * max(1, abs(difference)), (v, index)


def test_dense_is_a_product_a_sum_and_an_activation():
    layer = L.Dense(4, activation="relu")
    x = image(2, 3).astype("f")
    y = layer(x)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(y, np.maximum(x @ kernel + bias, 0), rtol=1e-6)


def test_conv2d_is_a_sum_over_the_window():
    layer = L.Conv2D(3, 2, strides=2)
    x = image(2, 4, 6, 2).astype("f")
    y, (kernel, bias) = layer(x).numpy(), layer.get_weights()
    for n, i, j, c in np.ndindex(y.shape):
        window = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        np.testing.assert_allclose(
            y[n, i, j, c], np.sum(window * kernel[..., c]) + bias[c], rtol=1e-5
        )


def test_conv2d_transpose_puts_what_conv2d_takes():
    forward, back = L.Conv2D(3, 3, 2, use_bias=False), L.Conv2DTranspose(2, 3, 2, use_bias=False)
    x, y = image(1, 7, 9, 2).astype("f"), image(1, 3, 4, 3).astype("f")
    forward(x), back(y)
    back.set_weights(forward.get_weights())
    np.testing.assert_allclose(np.sum(forward(x) * y), np.sum(x * back(y)), rtol=1e-5)


def test_batch_normalization_remembers_batches():
    layer = L.BatchNormalization(momentum=0.9)
    x = image(50, 3).astype("f") * [1, 2, 3] + [4, 5, 6]
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(0), x.var(0) / (x.var(0) + 1e-3), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * x.var(0), rtol=1e-5)
    layer.trainable = False  # frozen: as in inference, whatever is asked
    np.testing.assert_array_equal(layer(x, training=True), layer(x))


def test_dropout_keeps_the_mean_and_only_works_in_training():
    x = np.ones(10_000, "f")
    y = L.Dropout(0.25)(x, training=True).numpy()
    assert set(np.unique(y)) == {0, np.float32(4 / 3)} and abs(y.mean() - 1) < 0.05
    np.testing.assert_array_equal(L.Dropout(0.25)(x), x)
    assert not L.Dropout(1.0)(x, training=True).numpy().any()


def test_embedding_gathers_rows_and_its_gradient():
    layer = L.Embedding(4, 2)
    with tf.GradientTape() as tape:
        y = layer(tf.constant([[3, 3, 0]]))
    g = tf.convert_to_tensor(tape.gradient(y, layer.embeddings)).numpy()
    np.testing.assert_array_equal(y[0, 0], layer.embeddings.numpy()[3])
    np.testing.assert_array_equal(g, [[1, 1], [0, 0], [0, 0], [2, 2]])


def test_integers_and_doubles_come_in_as_floats():
    layer = L.Dense(1, kernel_initializer="ones")
    for x in (np.ones((1, 2)), np.ones((1, 2), int), tf.ones([1, 2], tf.float64), [[1.0, 1.0]]):
        y = layer(x)
        assert y.dtype == tf.float32 and float(y[0, 0]) == 2


@pytest.mark.parametrize(
    "make, shape, words",
    [
        (lambda: L.Dense(2), (3,), "expected min_ndim=2, found ndim=1"),
        (lambda: L.Conv2D(2, 3), (5, 5, 1), "expected min_ndim=4, found ndim=3"),
        (lambda: L.MaxPooling2D(), (5, 5), "expected ndim=4, found ndim=2"),
        (lambda: L.MaxPooling2D(3), (1, 2, 5, 1), "too small for layer"),
        (lambda: L.Add(), (2, 5), "list of inputs"),
    ],
)
def test_inputs_of_a_wrong_rank_are_refused(make, shape, words):
    layer = make()
    with pytest.raises(ValueError, match=words):
        layer(np.ones(shape))
    assert layer.weights == []


@pytest.mark.parametrize("x", [None, "text"])
def test_what_is_no_tensor_is_refused(x):
    with pytest.raises(ValueError, match="Inputs to a layer should be tensors"):
        L.Dense(2)(x)


def test_a_kernel_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match=r"images of shape \(2, 2\) are too small"):
        L.Conv2D(2, 3)(np.ones((1, 2, 2, 1)))


def test_a_second_input_must_fit_the_weights():
    layer = L.Dense(2, name="mine")
    layer(np.ones((1, 3)))
    with pytest.raises(ValueError, match="'mine'.*axis -1 of input shape to have value 3"):
        layer(np.ones((1, 4)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Dense(0), lambda: L.Dense(2, activation="nope"), lambda: L.Dense(2, wrong=1),
        lambda: L.Conv2D(2, (1, 2, 3)), lambda: L.Conv2D(2, 3, padding="full"),
        lambda: L.Conv2D(2, 3, data_format="channels_first"), lambda: L.Dropout(1.5),
        lambda: L.LeakyReLU(-1.0), lambda: L.Dense(2, kernel_initializer="nope"),
        lambda: L.Dense(2, kernel_regularizer="nope"), lambda: L.Input(),
    ],
)  # fmt: skip
def test_impossible_layers_are_refused(make):
    with pytest.raises(ValueError):
        make()


class Blocks(L.Layer):
    """Layers in a list, a dictionary and a tuple; variables of its own, one not trained."""

    def __init__(self):
        super().__init__()
        self.list, self.named = [L.Dense(2)], {"a": L.Dense(2)}
        self.pair = (L.Dense(2), 3)
        self.list.append(L.Dense(2))
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.plain = tf.Variable(1.0)

    def call(self, x):
        self.steps.assign_add(1.0)
        for layer in (*self.list, self.named["a"], self.pair[0]):
            x = layer(x)
        return x * self.scale


def test_weights_are_found_wherever_they_are():
    blocks = Blocks()
    blocks(np.ones((1, 2)))
    assert len(blocks.weights) == 10 and len(blocks.trainable_weights) == 9
    assert [v.name for v in blocks.weights][:2] == [
        "scale",
        "steps",
    ]  # own ones first, trained first
    assert blocks.weights[2].path == f"{blocks.name}/{blocks.list[0].name}/kernel"
    assert float(blocks.steps) == 1
    blocks.list[0].trainable = False
    assert len(blocks.trainable_weights) == 7
    blocks.trainable = False
    assert blocks.trainable_weights == [] and len(blocks.non_trainable_weights) == 10
    blocks.trainable = True
    assert len(blocks.trainable_weights) == 9
    blocks.list = None
    assert len(blocks.weights) == 6


def test_a_built_layer_takes_no_new_weights_or_layers():
    class MakesWeight(L.Layer):
        def call(self, x):
            return x * self.add_weight(shape=(2,))

    class MakesLayer(L.Layer):
        def call(self, x):
            self.inner = [L.Dense(2)]
            return self.inner[0](x)

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(2)

        def call(self, x):
            self.last = [self.dense]  # nothing new
            return self.dense(x)

    class SuperFirst(L.Layer):
        def build(self, shape):
            super().build(shape)
            self.w = self.add_weight(shape=(2,))

        def call(self, x):
            return x * self.w

    x, model = np.ones((3, 2), "f"), Model()
    for layer in (model, SuperFirst()):
        layer(x)
        layer(x)
    for change in (
        lambda: MakesWeight()(x), lambda: MakesLayer()(x),
        lambda: setattr(model, "dense", L.Dense(3)), lambda: model.dense.build((None, 2)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="cannot add new elements of state"):
            change()
    assert len(model.weights) == 2


def test_a_layer_can_be_made_again_from_its_arguments():
    class Scale(L.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units

        def get_config(self):
            return super().get_config() | {"units": self.units}

    assert Scale.from_config(Scale(3, name="three").get_config()).units == 3
    again = L.Dense.from_config(L.Dense(4, activation="relu", name="d").get_config())
    assert again.name == "d" and again(-np.ones((1, 2), "f")).shape == (1, 4)


def test_forgetting_super_is_explained():
    class Forgot(L.Layer):
        def __init__(self):
            self.dense = L.Dense(2)

    class ForgotQuietly(L.Layer):
        def __init__(self):
            self.units = 2

        def call(self, x):
            return x

    for use in (lambda: Forgot()(np.ones(2)), lambda: ForgotQuietly()(np.ones(2))):
        with pytest.raises(RuntimeError, match="super"):
            use()


def test_the_training_flag_reaches_inner_layers_and_ends_with_the_call():
    class Flag(L.Layer):
        def call(self, x, training=None):
            return x + {None: 0, False: 1, True: 2}[training]

    class Failing(L.Layer):
        def call(self, x):
            raise ZeroDivisionError

    model = tf.keras.Sequential([Flag(), tf.keras.Sequential([Flag()])])
    x = tf.zeros([1])
    assert [float(model(x, training=t)[0]) for t in (None, False, True)] == [0, 2, 4]
    with pytest.raises(ZeroDivisionError):
        tf.keras.Sequential([Failing()])(x, training=True)
    assert float(model(x)[0]) == 0


class Tells(L.Layer):
    """Adds 100 in training, 10 when told that it is not, 1 when nobody says."""

    def call(self, x, training=None):
        return x + {True: 100.0, False: 10.0, None: 1.0}[training]


@pytest.mark.parametrize("default, expected", [(None, 1), (False, 10), (True, 100)])
def test_the_default_of_the_training_flag_reaches_inner_layers(default, expected):
    class Outer(L.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Tells()

        def call(self, x, training=default):
            return self.inner(x)

    x = np.zeros((1, 1), "f")
    assert float(Outer()(x)[0, 0]) == expected
    assert float(Outer()(x, training=None)[0, 0]) == 1
    assert float(Outer()(x, training=True)[0, 0]) == 100


def test_fit_tells_only_models_whose_call_has_the_training_flag():
    """As in Keras; there nobody says why Dropout does nothing."""

    class Deaf(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = Tells()

        def call(self, x):
            return self.inner(x)

    class Hears(Deaf):
        def call(self, x, training=None):
            return self.inner(x)

    x = np.zeros((1, 1), "f")
    for make, train, test in ((Deaf, 1, 1), (Hears, 100, 10)):
        model = make()
        model.compile("sgd", "mae")
        with pytest.warns(UserWarning) as seen:  # of weights, there are none
            assert model.fit(x, x, verbose=0).history["loss"] == [train]
        assert any("no argument `training`" in str(w.message) for w in seen) == (make is Deaf)
        assert model.evaluate(x, x, verbose=0) == test == model.predict(x, verbose=0)[0, 0]


def test_losses_of_layers():
    class Adding(L.Layer):
        def call(self, x):
            self.add_loss(tf.reduce_sum(x))
            return x

    model = tf.keras.Sequential(
        [Adding(), Adding(), L.Dense(1, kernel_regularizer="l2", kernel_initializer="ones")]
    )
    for _ in range(2):  # those of the last call only
        model(tf.ones([1, 2]))
        np.testing.assert_allclose(model.losses, [2, 2, 0.02], rtol=1e-6)
    layer = L.Dense(
        2, activity_regularizer=tf.keras.regularizers.L1(1.0), kernel_initializer="ones"
    )
    layer(tf.ones([4, 3]))
    assert [float(v) for v in layer.losses] == [6.0]  # 24 over a batch of 4


def test_set_weights_is_all_or_nothing():
    layer = L.Dense(1, kernel_initializer="ones", name="all")
    layer(np.ones((1, 2)))
    with pytest.raises(ValueError, match="length 1.*2 weights"):
        layer.set_weights([np.zeros((2, 1))])
    with pytest.raises(ValueError, match=r"\(1,\)"):
        layer.set_weights([np.zeros((2, 1)), np.zeros(3)])
    np.testing.assert_array_equal(layer.kernel, [[1], [1]])
    layer.set_weights([np.zeros((2, 1)), np.ones(1)])
    assert layer(np.ones((1, 2))).numpy().tolist() == [[1.0]]


def test_a_keras_variable_is_a_variable():
    v = tf.keras.Variable([1.0, 2.0], name="v")
    assert repr(v) == "<Variable path=v, shape=(2,), dtype=float32, value=[1. 2.]>"
    with tf.GradientTape() as tape:
        y = v * v
    np.testing.assert_array_equal(tape.gradient(y, v), [2, 4])
    before = v.value
    v.assign_sub([1.0, 1.0])
    np.testing.assert_array_equal(before, [1, 2])
    np.testing.assert_array_equal(v, [0, 1])
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    v += 1
    assert not isinstance(v, tf.keras.Variable)


def test_a_constant_initializer_takes_as_many_values_as_weights():
    fill = tf.constant_initializer([0, 1, 2, 3])
    assert fill([2, 2]).numpy().tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert tf.constant_initializer(2.0)([2]).numpy().tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "name, variance",
    [
        ("GlorotUniform", 2 / 80), ("GlorotNormal", 2 / 80), ("HeUniform", 2 / 30),
        ("HeNormal", 2 / 30),
        ("LecunUniform", 1 / 30), ("LecunNormal", 1 / 30), ("RandomNormal", 0.05**2),
        ("RandomUniform", 0.1**2 / 12),
    ],
)  # fmt: skip
def test_initializers_have_their_variance(name, variance):
    make = getattr(tf.keras.initializers, name)
    draws = np.concatenate([make(seed=i)((30, 50)).numpy().ravel() for i in range(20)])
    assert abs(draws.mean()) < 3e-3 and abs(draws.var() / variance - 1) < 0.03
    np.testing.assert_array_equal(make(seed=1)((2, 3)), make(seed=1)((2, 3)))
    assert np.any(make()((2, 3)).numpy() != make()((2, 3)).numpy())


def test_seeds_make_layers_repeatable():
    found = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(1)
        layer = L.Dense(3)
        layer(np.ones((1, 2)))
        found.append(layer.get_weights())
    np.testing.assert_array_equal(found[0][0], found[1][0])


def test_the_name_of_a_weight_is_a_keyword():
    class Old(L.Layer):
        def build(self, input_shape):
            self.w = self.add_weight("w", shape=(input_shape[-1], 2))

    with pytest.raises(ValueError, match=r"add_weight\(shape=..., name='w'\)"):
        Old()(np.ones((1, 3), "f"))


def test_activations_have_both_of_their_names():
    x = tf.constant([-1.0, 2.0])
    assert np.array_equal(L.Activation("swish")(x), L.Activation("silu")(x))


def test_merging_functions_and_upsampling():
    a, b = tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 6.0]])
    assert L.add([a, b]).numpy().tolist() == [[4.0, 8.0]]
    assert L.average([a, b]).numpy().tolist() == [[2.0, 4.0]]
    assert L.concatenate([a, b], axis=0).shape == (2, 2)
    x = tf.Variable(tf.reshape(tf.range(4.0), [1, 2, 2, 1]))
    with tf.GradientTape() as tape:
        y = L.UpSampling2D((1, 3))(x)
        z = tf.reduce_sum(y[0, :, :, 0] * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert y.shape == (1, 2, 6, 1) and y[0, 1, :, 0].numpy().tolist() == [2, 2, 2, 3, 3, 3]
    assert tape.gradient(z, x).numpy().ravel().tolist() == [6.0, 15.0, 6.0, 15.0]
    assert L.UpSampling2D(2, interpolation="bilinear", dtype="float64")(x).dtype == tf.float64
    assert L.UpSampling2D(2, interpolation="bilinear")(x)[0, :, 0, 0].numpy().tolist() == [0, 0.5, 1.5, 2]
    with pytest.raises(ValueError, match="nearest"):
        L.UpSampling2D(2, interpolation="bicubic")


@pytest.mark.parametrize(
    "use",
    [
        lambda layer: layer(tf.ones([1, 2])),
        lambda layer: layer([1.0, 2.0]),
        lambda layer: layer.add_weight((2,)),
        lambda layer: layer.weights,
        lambda layer: layer.trainable_variables,
        repr,
    ],
)
def test_a_forgotten_super_init_is_told(use):
    class Forgetful(L.Layer):
        def __init__(self):
            self.units = 3

        def call(self, x):
            return x

    with pytest.raises(RuntimeError, match=r"`Forgetful`.*forgot to call `super\(\).__init__\(\)`"):
        use(Forgetful())


def test_attributes_may_be_set_before_super_init():
    class Early(L.Layer):
        def __init__(self):
            self.inner, self.sizes, self.more = L.Dense(1), [1, 2], [L.Dense(2)]
            super().__init__()

        def call(self, x):
            return self.more[0](self.inner(x))

    class Chain(tf.keras.Sequential):
        def __init__(self):
            self.sizes = [3, 1]
            super().__init__([L.Dense(n) for n in self.sizes])

    for make in (Early, Chain):
        model = make()
        model(tf.ones([1, 2]))
        assert len(model.weights) == 4 and len(model.sizes) == 2

    class Forgetful(tf.keras.Sequential):
        def __init__(self):
            self.add(L.Dense(2))

    with pytest.raises(RuntimeError, match="forgot to call"):
        Forgetful()


def test_softmax_over_several_axes():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    e = np.exp(x.numpy())
    np.testing.assert_allclose(L.Softmax([0, 1])(x).numpy(), e / e.sum(), rtol=1e-6)
    np.testing.assert_allclose(L.Softmax((0,))(x).numpy(), e / e.sum(0), rtol=1e-6)


CONFIGURED = [
    L.Dense(2, activation="relu", kernel_regularizer="l2", kernel_constraint="non_neg"),
    L.Conv2D(2, 3, padding="same"), L.Conv2DTranspose(2, 3), L.Flatten(), L.Dropout(0.5),
    L.BatchNormalization(beta_regularizer="l1"), L.LayerNormalization(axis=[1, 2]), L.Embedding(3, 4),
    L.MaxPooling2D(), L.Reshape((2, 3)), L.ReLU(6.0), L.Activation("tanh"), L.Rescaling(2.0),
    L.Normalization(mean=1.0, variance=4.0), L.Concatenate(0), L.InputLayer((3,)), L.UpSampling2D(3),
]  # fmt: skip


@pytest.mark.parametrize("layer", CONFIGURED, ids=lambda layer: type(layer).__name__)
def test_configs_are_plain_data_that_make_the_layer_again(layer):
    config = json.loads(json.dumps(L.serialize(layer)))
    assert config["module"] == "keras.layers" and config["config"]["name"] == layer.name
    again = L.deserialize(config)
    assert type(again) is type(layer)
    assert json.dumps(L.serialize(again)) == json.dumps(L.serialize(layer))


def test_configs_are_keras_configs():
    k = tf.keras
    dense = L.Dense(2, activation="relu", kernel_regularizer="l2").get_config()
    assert dense["activation"] == "relu" and dense["units"] == 2
    assert dense["kernel_regularizer"] == {
        "module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01},
        "registered_name": None,
    }  # fmt: skip
    assert dense["kernel_initializer"]["config"] == {"seed": None}
    first = L.Dense(2)
    first.build((None, 3))
    again = L.Dense.from_config(first.get_config())
    again.build((None, 3))
    assert (again.kernel.numpy() != first.kernel.numpy()).any()  # no seed was given: new numbers
    for made, config in (
        (k.initializers.Zeros(), {}),
        (k.initializers.RandomNormal(seed=3), {"seed": 3, "mean": 0.0, "stddev": 0.05}),
        (k.regularizers.L1(0.2), {"l1": 0.2}),
        (k.constraints.MaxNorm(3), {"max_value": 3, "axis": 0}),
        (k.losses.MeanSquaredError(), {"name": "mean_squared_error", "reduction": "sum_over_batch_size"}),
        (k.metrics.Mean(), {"name": "mean", "dtype": "float32"}),
        (k.metrics.BinaryAccuracy(threshold=0.3),
         {"name": "binary_accuracy", "dtype": "float32", "threshold": 0.3}),
    ):  # fmt: skip
        assert made.get_config() == config
        assert type(made).from_config(config).get_config() == config
    assert k.initializers.get({"class_name": "Constant", "config": {"value": 2.0}}).value == 2.0
    assert k.activations.deserialize(k.activations.serialize(tf.nn.relu)) is k.activations.relu
    for wrong in ({"class_name": "nope"}, {"class_name": "mse"}, {"class_name": ["Huber"]},
                  {"class_name": "Huber", "config": 3}):  # fmt: skip
        with pytest.raises(ValueError, match="Could not interpret loss config: .*'class_name', one.*'Huber'"):
            k.losses.deserialize(wrong)


def test_classes_of_ones_own_are_deserialized():
    class Scale(L.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self.factor = factor

        def call(self, x):
            return self.factor * x

    config = L.serialize(Scale(3.0, name="three"))
    again = L.deserialize(config, custom_objects={"Scale": Scale})
    assert float(again(1.0)) == 3.0 and again.name == "three"
    with pytest.raises(ValueError, match="Could not interpret layer config"):
        L.deserialize(config)


def test_layer_normalization_has_regularizers_and_constraints():
    layer = L.LayerNormalization(
        beta_regularizer="l2", gamma_regularizer="l1", gamma_constraint="non_neg"
    )
    layer(tf.ones([1, 2]))
    np.testing.assert_allclose([float(loss) for loss in layer.losses], [0.02, 0.0])
    assert layer.gamma.constraint is layer.gamma_constraint is not None


@pytest.mark.parametrize(
    "make, message",
    [
        *[(lambda s=s: tf.keras.Input(s), "Cannot convert '.*' to a shape")
          for s in ("x", -1, (-1,), ("a",), (1.5,), 3)],
        (lambda: tf.keras.Input((2,), batch_size="x"), "Cannot convert"),
        *[(lambda s=s: L.Dense(2).build(s), r"axes \[-1\] of the inputs to layer.*Dense.*received: ")
          for s in ("a", None, (2, None), ())],
        *[(lambda f=f: f([tf.ones([1, 2, 2, 2])] * 2), "Inputs to a layer should be tensors. Got ")
          for f in (L.Dense(2), L.Conv2D(2, 1), L.BatchNormalization(), L.LayerNormalization(),
                    L.Embedding(3, 2), L.Dropout(0.5), L.Flatten())],
        (lambda: L.Dense(2, name=3), "`name` must be a string.*name=3"),
        (lambda: L.Dense(2, name="a/b"), "cannot contain character `/`"),
        (lambda: L.Dense(2)(), r"\(Dense\) was not called as its `call`.*'inputs'"),
        (lambda: L.Dense(2)(tf.ones([1, 2]), foo=1), r"\(Dense\) was not called as its `call`.*'foo'"),
        (lambda: L.Add()(), "not called as its `call`"),
        (lambda: L.Dense(2)(tf.constant([[1j]])), r"\(Dense\) computes in float32.*complex128"),
        (lambda: L.Dense(2).set_weights(None), "takes a list of arrays, not None"),
        (lambda: L.Layer().add_loss("a"), "`add_loss` takes a scalar tensor"),
        (lambda: L.Layer().add_weight((2,), initializer=lambda s, dtype: np.ones(3)),
         r"made values of shape \(3,\) for a variable of shape \(2,\)"),
        *[(lambda n=n: L.Dropout(0.5, noise_shape=n), "argument `noise_shape`")
          for n in ("x", 3, (-1, 2), (1.5,))],
        (lambda: L.Dropout(0.3)(tf.constant([1, 2]), training=True), "has to be a floating point tensor"),
        (lambda: L.Embedding(-1, 2), "positive number of rows and columns"),
        (lambda: L.Embedding(1.5, 2), "`input_dim` must be a single integer"),
        (lambda: L.Conv2DTranspose(1, 2, output_padding="x"), "`output_padding` must be integers"),
        (lambda: L.Conv2DTranspose(1, 2, output_padding=(1, -1)), "none of them negative"),
        (lambda: L.Lambda(lambda x: x, arguments=3), "is a dict, name -> value, not 3"),
        (lambda: L.ReLU(max_value="x"), "`max_value` must be a single number"),
        (lambda: L.ReLU(max_value=[-1]), "`max_value` of a ReLU layer cannot be a negative"),
        (lambda: L.ReLU(negative_slope=-1), "`negative_slope` of a ReLU layer cannot be a negative"),
        (lambda: L.ELU("x"), "`alpha` must be a single number"),
        (lambda: L.Activation(object), "makes .*, no function"),
        (lambda: L.BatchNormalization(axis=5)(tf.ones([1, 2])), r"axes \[5\].*BatchNormalization"),
        (lambda: L.LayerNormalization(axis=5)(tf.ones([1, 2])), r"axes \[5\].*LayerNormalization"),
        *[(lambda d=d: L.Normalization().adapt(d), "`adapt` takes an array or batches of them")
          for d in ("x", None, 3.0, {}, ())],
        (lambda: L.Normalization(mean=0.0, variance=1.0).adapt([[1.0]]), "adapts to no data"),
        (lambda: L.AveragePooling2D(), "pool_size"),
    ],
)  # fmt: skip
def test_impossible_layers_and_inputs_are_named(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_weights_are_told_of_before_they_are_there():
    with pytest.raises(AttributeError, match="'kernel': build the layer before"):
        L.Dense(2).kernel  # noqa: B018
    assert not hasattr(L.Dense(2), "kernel") and not hasattr(L.Embedding(2, 2), "embeddings")


def test_constant_values_are_repeated_where_they_fit():
    constant = tf.keras.initializers.Constant([1.0, 2.0])
    assert constant((2, 2)).numpy().tolist() == [[1, 2], [1, 2]] and constant((2, 1)).shape == [2, 1]


@pytest.mark.parametrize("make", [L.BatchNormalization, L.LayerNormalization])
def test_normalizations_take_integers(make):
    assert make()(tf.constant([[1, 3]])).dtype == tf.float32


def test_a_call_that_does_not_fit_makes_no_weights():
    layer = L.Dense(2)
    with pytest.raises(TypeError, match="not called as its `call`"):
        layer(tf.ones([1, 3]), foo=1)
    assert not layer.built and layer.weights == []


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda i: i.Constant("x"), "`value` of a Constant initializer must be a number"),
        (lambda i: i.Constant([[1], [1, 2]]), "rows|shape|length"),
        (lambda i: i.Constant(np.ones(3))((2, 2)), r"shape \(3,\) do not fit a weight of shape \(2, 2\)"),
        (lambda i: i.Zeros()(None), "must be integers"),
        (lambda i: i.Identity()(-1), "must"),
        (lambda i: i.RandomNormal("x"), "`mean` must be a single number"),
        (lambda i: i.TruncatedNormal(stddev=None), "`stddev` must be a single number"),
        (lambda i: i.RandomUniform("x"), "`minval` must be a single number"),
        (lambda i: i.VarianceScaling(-1.0), "`scale` must be a positive float"),
    ],
)
def test_impossible_initializers_are_named(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(tf.keras.initializers)


def test_merging_takes_integers_among_floats():
    x, n = tf.constant([[1.5]]), tf.constant([[2]])
    assert L.Add()([x, n]).numpy().tolist() == [[3.5]]
    assert L.Concatenate()([n, x]).numpy().tolist() == [[2.0, 1.5]]
    assert L.Add()([n, n]).dtype == tf.int32


@pytest.mark.parametrize("make", [L.Add, L.Average, L.Concatenate])
def test_a_merge_layer_takes_nothing_but_lists_also_once_it_was_called(make):
    layer, x = make(), tf.ones([2, 2])
    layer([x, x])
    for wrong in (x, [], {"a": x}, tf.keras.Input((2,))):
        with pytest.raises(ValueError, match="should be called on a list of inputs"):
            layer(wrong)


def test_configs_of_classes_of_ones_own_are_keras_configs():
    class Mine(tf.keras.regularizers.Regularizer):
        def __init__(self, strength):
            self.strength = strength

        def __call__(self, w):
            return self.strength * tf.reduce_sum(w)

    assert L.Dense(2, kernel_regularizer=Mine(0.5)).get_config()["kernel_regularizer"] == {
        "module": None, "class_name": "Mine", "config": {"strength": 0.5}, "registered_name": "Mine",
    }  # fmt: skip


def test_training_and_masks_may_be_needed_by_call():
    class Needs(L.Layer):
        def call(self, x, mask, training):
            return x * mask if training else x

    x = tf.constant([[1.0, 2.0]])
    mask = tf.constant([[1.0, 0.0]])
    assert Needs()(x, mask=mask, training=True).numpy().tolist() == [[1.0, 0.0]]
    assert Needs()(x, mask, True).numpy().tolist() == [[1.0, 0.0]]
    assert Needs()(x, mask, training=False).numpy().tolist() == [[1.0, 2.0]]
    with pytest.raises(TypeError, match="'mask'"):
        Needs()(x)


def test_an_activation_may_be_exchanged_later():
    layer = L.Dense(1, kernel_initializer="ones")
    assert layer([[-2.0]]).numpy() == -2
    layer.activation = tf.nn.relu
    assert layer([[-2.0]]).numpy() == 0
    layer.activation = None  # as for a Grad-CAM: the logits
    assert layer([[-2.0]]).numpy() == -2


def test_a_kernel_is_assigned_not_replaced():
    for layer, x in ((L.Dense(2), tf.ones([1, 3])), (L.Conv2D(2, 2), tf.ones([1, 3, 3, 1]))):
        layer(x)
        with pytest.raises(AttributeError, match=r"'kernel' of .* has no setter.*kernel\.assign"):
            layer.kernel = layer.kernel * 2
        layer.kernel.assign(layer.kernel * 2)


def test_padding_and_cropping_of_images():
    x = tf.Variable(tf.ones([1, 4, 5, 2]))
    for given, (top, bottom), (left, right) in (
        (2, (2, 2), (2, 2)), ([2, 1], (2, 2), (1, 1)), (((1, 2), (0, 3)), (1, 2), (0, 3)),
    ):  # fmt: skip
        pads = L.ZeroPadding2D(given)
        assert pads.padding == ((top, bottom), (left, right))
        with tf.GradientTape() as tape:
            padded = pads(x)
            y = L.Cropping2D(given)(padded) ** 2
        assert padded.shape == (1, 4 + top + bottom, 5 + left + right, 2)
        assert tf.reduce_sum(padded) == 40 and y.shape == x.shape
        assert tape.gradient(y, x).numpy().tolist() == (2 * x).numpy().tolist()
    assert L.ZeroPadding2D()(x).shape == (1, 6, 7, 2) and L.Cropping2D()(x).shape == x.shape
    assert L.ZeroPadding2D()(tf.keras.Input((None, 4, 1))).shape == (None, None, 6, 1)
    for wrong in ((1, 2, 3), -1, 1.5, "a", ((1, 2), (3,))):
        with pytest.raises(ValueError, match="padding"):
            L.ZeroPadding2D(wrong)
    for wrong in (2, ((0, 5), (0, 0))):
        with pytest.raises(ValueError, match="too small"):
            L.Cropping2D(wrong)(x)


def test_pooling_over_steps():
    x = tf.constant([[[1.0, 5.0], [3.0, 1.0]]])
    assert L.GlobalAveragePooling1D()(x).numpy().tolist() == [[2.0, 3.0]]
    assert L.GlobalMaxPooling1D(keepdims=True)(x).numpy().tolist() == [[[3.0, 5.0]]]
    with pytest.raises(ValueError, match="expected ndim=3"):
        L.GlobalMaxPooling1D()(x[None])


def test_the_config_of_a_layer_of_ones_own_has_no_more_than_in_keras():
    class Linear(L.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

    expected = {"name": "a", "trainable": True, "dtype": "float32", "units": 4}
    assert Linear(4, name="a").get_config() == expected
    assert "activity_regularizer" in Linear(activity_regularizer="l2").get_config()


def test_a_convolution_that_changes_its_kernel():
    class Doubled(L.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, 2 * kernel)

    x = tf.ones([1, 2, 2, 1])
    options = {"kernel_initializer": "ones", "bias_initializer": "ones", "activation": lambda z: -z}
    assert L.Conv2D(1, 2, **options)(x).numpy().item() == -5
    assert Doubled(1, 2, **options)(x).numpy().item() == -9
    plain = L.Conv2D(1, 2, kernel_initializer="ones")
    plain(x)
    assert plain.convolution_op(x, 3 * plain.kernel).numpy().item() == 12


def _dense():
    layer = L.Dense(1)
    layer.build((None, 1))
    return layer


def _changes():
    """Ways to hold other variables than before: (a model, what changes it, what it trains then)."""

    class Holder(tf.keras.Model):
        def __init__(self, **held):
            super().__init__()
            for name, value in held.items():
                setattr(self, name, value)

    a, b = _dense(), _dense()
    yield Holder(a=a), lambda m: setattr(m, "b", b), [a, b]
    yield Holder(a=a, b=b), lambda m: delattr(m, "b"), [a]
    yield Holder(a=a, b=b), lambda m: setattr(m, "b", None), [a]
    yield Holder(a=a, b=b), lambda m: setattr(m, "a", b), [b]
    yield Holder(held=[a]), lambda m: m.held.append(b), [a, b]
    yield Holder(held=([a],)), lambda m: m.held[0].append(b), [a, b]
    yield Holder(held={"a": a}), lambda m: m.held.update(b=b), [a, b]
    yield Holder(inner=Holder(held=[a])), lambda m: m.inner.held.append(b), [a, b]
    yield Holder(inner=Holder(a=a)), lambda m: setattr(m.inner, "b", b), [a, b]
    yield Holder(held=(a,)), lambda m: setattr(m, "held", (a, b)), [a, b]
    yield tf.keras.Sequential([a]), lambda m: m.add(b), [a, b]
    yield tf.keras.Sequential([a, b]), lambda m: m.pop(), [a]
    yield tf.keras.Sequential([a, tf.keras.Sequential([b])]), lambda m: m.layers[1].pop(), [a]
    c, d, e = _dense(), _dense(), _dense()
    yield Holder(a=a, c=c), lambda m: setattr(c, "trainable", False), [a]
    yield Holder(a=a, d=d), lambda m: setattr(d.kernel, "trainable", False), [a, d.bias]
    yield Holder(a=a, e=e), lambda m: setattr(m, "trainable", False), []
    a.trainable = b.trainable = True

    class Late(L.Layer):
        _locks = False

    late = Late()
    late.build(None)
    yield Holder(a=a, late=late), lambda m: m.late.add_weight(name="late"), [a, late]


def test_trainable_weights_see_every_change():
    for model, change, left in _changes():
        asked = [model.trainable_weights, model.trainable_variables]
        assert [*map(id, asked[0])] == [*map(id, asked[1])] and asked[0]
        asked[0].clear()  # a list of one's own
        change(model)
        expected = [v for x in left for v in (x.trainable_weights if isinstance(x, L.Layer) else [x])]
        assert [*map(id, model.trainable_weights)] == [*map(id, expected)]
        assert [*map(id, model.trainable_weights)] == [*map(id, expected)]


def test_trainable_weights_see_a_build_that_failed():
    class Half(L.Layer):
        def build(self, input_shape):
            self.add_weight(name="half")
            assert len(self.trainable_weights) == 1
            raise OSError

    layer = Half()
    with pytest.raises(OSError):
        layer.build(None)
    assert layer.trainable_weights == []


def test_a_copy_trains_its_own_weights():
    model = tf.keras.Sequential([_dense()])
    before = model.trainable_weights
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [v.shape for v in other.trainable_weights] == [v.shape for v in before]
        assert not {*map(id, before)} & {*map(id, other.trainable_weights)}
        assert [*map(id, other.trainable_weights)] == [*map(id, other.layers[0].trainable_weights)]
