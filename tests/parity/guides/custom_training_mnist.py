# The calls of the older guide to custom training on MNIST: a small convolutional model.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(2)
mnist_images = rng.integers(0, 256, (96, 12, 12)).astype("uint8")
mnist_labels = rng.integers(0, 10, 96)
dataset = tf.data.Dataset.from_tensor_slices(
    (tf.cast(mnist_images[..., tf.newaxis] / 255, tf.float32), tf.cast(mnist_labels, tf.int64))
)
dataset = dataset.batch(32)

mnist_model = tf.keras.Sequential(
    [
        tf.keras.Input(shape=(None, None, 1)),
        tf.keras.layers.Conv2D(16, [3, 3], activation="relu"),
        tf.keras.layers.Conv2D(16, [3, 3], activation="relu"),
        tf.keras.layers.GlobalAveragePooling2D(),
        tf.keras.layers.Dense(10),
    ]
)
draw = np.random.default_rng(11)
for v in mnist_model.trainable_variables:
    v.assign((0.2 * draw.standard_normal(tuple(v.shape))).astype("float32"))
for images, _ in dataset.take(1):
    print("Logits: ", mnist_model(images[0:1]).numpy())

optimizer = tf.keras.optimizers.Adam()
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
loss_history = []


def train_step(images, labels):
    with tf.GradientTape() as tape:
        logits = mnist_model(images, training=True)
        tf.debugging.assert_equal(logits.shape, (32, 10))
        loss_value = loss_object(labels, logits)
    loss_history.append(loss_value.numpy().mean())
    grads = tape.gradient(loss_value, mnist_model.trainable_variables)
    optimizer.apply_gradients(zip(grads, mnist_model.trainable_variables))


for epoch in range(3):
    for _, (images, labels) in enumerate(dataset):
        train_step(images, labels)
    print(f"Epoch {epoch} finished")
print(np.round(loss_history, 4))


class Linear(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.W = tf.Variable(5.0, name="weight")
        self.B = tf.Variable(10.0, name="bias")

    def call(self, inputs):
        return inputs * self.W + self.B


training_inputs = tf.constant(rng.standard_normal(200).astype("float32"))
noise = tf.constant(rng.standard_normal(200).astype("float32"))
training_outputs = training_inputs * 3 + 2 + noise


def loss(model, inputs, targets):
    error = model(inputs) - targets
    return tf.reduce_mean(tf.square(error))


def grad(model, inputs, targets):
    with tf.GradientTape() as tape:
        loss_value = loss(model, inputs, targets)
    return tape.gradient(loss_value, [model.W, model.B])


model = Linear()
optimizer = tf.keras.optimizers.SGD(learning_rate=0.01)
print(f"Initial loss: {loss(model, training_inputs, training_outputs):.3f}")
for i in range(300):
    grads = grad(model, training_inputs, training_outputs)
    model.W.assign_sub(0.01 * grads[0])
    model.B.assign_sub(0.01 * grads[1])
    if i % 60 == 0:
        print(f"Loss at step {i:03d}: {loss(model, training_inputs, training_outputs):.3f}")
print(f"Final loss: {loss(model, training_inputs, training_outputs):.3f}")
print(f"W = {model.W.numpy():.4f}, B = {model.B.numpy():.4f}")
