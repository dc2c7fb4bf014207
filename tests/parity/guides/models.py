# The calls of Keras's guides to sequential, functional and subclassed models and custom steps.
import numpy as np
import tensorflow as tf

keras, layers = tf.keras, tf.keras.layers
rng = np.random.default_rng(6)


def settle(model):
    draw = np.random.default_rng(2)
    model.set_weights(
        [0.2 * draw.standard_normal(w.shape).astype("float32") for w in model.get_weights()]
    )


# %% Sequential: add, pop, inner outputs
keras.backend.clear_session()
model = keras.Sequential(name="mine")
model.add(keras.Input(shape=(20, 20, 3)))
model.add(layers.Conv2D(4, 5, strides=2, activation="relu"))
model.add(layers.Conv2D(4, 3, activation="relu", name="middle"))
model.add(layers.MaxPooling2D(2))
print(model.output_shape, model.count_params(), len(model.layers))
model.add(layers.GlobalMaxPooling2D())
model.add(layers.Dense(3))
model.pop()
print([x.name for x in model.layers], model.output_shape)
settle(model)
x = rng.standard_normal((2, 20, 20, 3)).astype("float32")
parts = keras.Model(inputs=model.inputs, outputs=[x.output for x in model.layers])
print([(p.shape, float(tf.reduce_sum(p))) for p in parts(x)])
middle = keras.Model(inputs=model.inputs, outputs=model.get_layer(name="middle").output)
print(float(tf.reduce_sum(middle(x))), model.get_layer("middle").input.shape)
for layer in model.layers[:-1]:
    layer.trainable = False
print(len(model.trainable_weights), len(model.non_trainable_weights))
late = keras.Sequential([layers.Dense(2, activation="relu"), layers.Dense(1)])
print(late.weights, late(tf.ones((1, 4))).shape, len(late.weights))

# %% functional: an encoder and its mirror, models in models, an ensemble, branches
image = keras.Input(shape=(8, 8, 1), name="image")
y = layers.Conv2D(4, 3, activation="relu")(image)
y = layers.MaxPooling2D(3)(y)
code = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 1, activation="relu")(y))
encoder = keras.Model(image, code, name="encoder")
given = keras.Input(shape=(4,), name="code")
y = layers.Reshape((2, 2, 1))(given)
y = layers.UpSampling2D(2)(layers.Conv2DTranspose(2, 1, activation="relu")(y))
decoder = keras.Model(given, layers.Conv2DTranspose(1, 5, activation="relu")(y), name="decoder")
whole = keras.Model(image, decoder(encoder(image)), name="whole")
settle(whole)
pictures = rng.standard_normal((3, 8, 8, 1)).astype("float32")
print(whole(pictures).shape, float(tf.reduce_sum(whole(pictures))), whole.count_params())
print([x.name for x in whole.layers], whole.input.shape, whole.output.shape, image.dtype)
source = keras.Input(shape=(5,))
members = [keras.Model(source, layers.Dense(1)(source)) for _ in range(3)]
ensemble = keras.Model(source, layers.average([m(source) for m in members]))
settle(ensemble)
print(ensemble(tf.ones([2, 5])))
y = layers.Dense(5, activation="relu")(source)
y = layers.Dense(5)(layers.add([y, source]))
branches = keras.Model(source, layers.concatenate([y, source]))
settle(branches)
print(branches(tf.ones([1, 5])))

# %% several inputs and outputs, by name
one, two = keras.Input((3,), name="one"), keras.Input((2,), name="two")
y = layers.concatenate([one, two])
both = keras.Model(
    [one, two],
    {"kind": layers.Dense(3, name="kind")(y), "score": layers.Dense(1, name="score")(y)},
)
settle(both)
both.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={
        "score": keras.losses.BinaryCrossentropy(from_logits=True),
        "kind": keras.losses.CategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"score": 1.0, "kind": 0.2},
)
a, b = rng.standard_normal((64, 3)), rng.standard_normal((64, 2))
score, kind = rng.random((64, 1)), np.eye(3)[rng.integers(0, 3, 64)]
history = both.fit(
    {"one": a, "two": b}, {"score": score, "kind": kind}, epochs=2, shuffle=False, verbose=0
).history
print(history["loss"])
try:
    both({"one": a.astype("float32")})
except ValueError as e:
    print("Missing data for input" in str(e))


# %% layers with losses and state
class Running(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(size,), trainable=False)

    def call(self, inputs):
        self.add_loss(1e-2 * tf.reduce_sum(inputs))
        self.total.assign_add(tf.reduce_sum(inputs, axis=0))
        return self.total


running = Running(2)
print(running(tf.ones((2, 2))).numpy(), running(tf.ones((2, 2))).numpy(), running.losses)
print(len(running.weights), len(running.non_trainable_weights), running.trainable_weights)
punished = layers.Dense(
    3, kernel_regularizer=keras.regularizers.l2(1e-3), kernel_initializer="ones"
)
punished(tf.zeros((1, 2)))
print(punished.losses)


# %% steps of one's own inside fit and evaluate
class Custom(keras.Model):
    def train_step(self, data):
        x, y = data[:2]
        weights = data[2] if len(data) == 3 else None
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=weights)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.report(loss, y, y_pred, weights)

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        return self.report(self.compute_loss(y=y, y_pred=y_pred), y, y_pred, None)

    def report(self, loss, y, y_pred, weights):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=weights)
        return {m.name: m.result() for m in self.metrics}


x, y, weights = rng.random((96, 5)), rng.random((96, 1)), rng.random((96, 1))
source = keras.Input(shape=(5,))
custom = Custom(source, layers.Dense(1)(source))
settle(custom)
custom.compile(optimizer="adam", loss="mse", metrics=["mae"])
print(custom.fit(x, y, epochs=2, shuffle=False, verbose=0).history)
print(custom.fit(x, y, sample_weight=weights, shuffle=False, verbose=0).history)
custom.compile(loss="mse", metrics=["mae"])  # with the optimizer that Keras takes by itself
print(custom.evaluate(x, y, verbose=0), type(custom.optimizer).__name__)
