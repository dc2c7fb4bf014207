# The calls of TensorFlow's tutorials on customization: basics, layers, and a training loop.
import os
import tempfile

import numpy as np
import tensorflow as tf

# %% tensors, arrays, devices
print(tf.math.add(1, 2), tf.math.add([1, 2], [3, 4]), tf.math.square(5), tf.math.reduce_sum([1, 2]))
print(tf.math.square(2) + tf.math.square(3))
x = tf.linalg.matmul([[1]], [[2, 3]])
print(x, x.shape, x.dtype)
tensor = tf.math.multiply(np.ones([3, 3]), 42)
print(tensor, np.add(tensor, 1), tensor.numpy())
print(tf.config.list_physical_devices("GPU"), tf.config.experimental.list_physical_devices("GPU"))
print(tf.ones([2]).device.endswith("CPU:0"), tf.test.is_gpu_available())
with tf.device("CPU:0"):
    print(tf.matmul(tf.ones([4, 4]), tf.ones([4, 4]))[0])

# %% datasets, of numbers and of lines
numbers = tf.data.Dataset.from_tensor_slices([1, 2, 3, 4, 5, 6]).map(tf.math.square).batch(4)
for part in numbers:
    print(part)
handle, name = tempfile.mkstemp()
os.write(handle, b"first line\nsecond line\nthird line\n  ")
os.close(handle)
for part in tf.data.TextLineDataset(name).batch(3):
    print(part)


# %% layers and blocks of layers
class Dense(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=[int(input_shape[-1]), self.units], initializer="ones"
        )

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel)


layer = Dense(3)
print(layer(tf.ones([2, 5])), [v.name for v in layer.trainable_variables])
try:
    layer.add_weight("second", shape=[2])
except ValueError as e:
    print("keyword" in str(e))


class Block(tf.keras.Model):
    def __init__(self, size, filters):
        super().__init__(name="")
        self.convs = [tf.keras.layers.Conv2D(n, size, padding="same") for n in filters]
        self.norms = [tf.keras.layers.BatchNormalization() for _ in filters]

    def call(self, inputs, training=False):
        x = inputs
        for conv, norm in zip(self.convs, self.norms):
            x = tf.nn.relu(norm(conv(x), training=training))
        x += inputs
        return tf.nn.relu(x)


block = Block(1, [1, 2, 3])
print(block(tf.zeros([1, 2, 3, 3])).shape, len(block.variables), repr(block.name))
print([type(x).__name__ for x in block.layers], block.count_params())

# %% a training loop over a dataset of dictionaries
rng = np.random.default_rng(3)
labels = rng.integers(0, 3, 60).astype("int32")
columns = {
    name: (labels * factor + rng.standard_normal(60)).astype("float32")
    for name, factor in zip(("a", "b", "c", "d"), (1.0, -2.0, 0.5, 3.0))
}


def stacked(features, label):
    return tf.stack(list(features.values()), axis=1), label


dataset = tf.data.Dataset.from_tensor_slices((columns, labels)).batch(16)
features, label = next(iter(dataset))
print(sorted(features), features["b"][:3], label[:5])
dataset = dataset.map(stacked)
features, label = next(iter(dataset))
print(features[:2])
model = tf.keras.Sequential(
    [
        tf.keras.Input((4,)),
        tf.keras.layers.Dense(10, activation=tf.nn.relu),
        tf.keras.layers.Dense(3),
    ]
)
model.set_weights(
    [0.3 * rng.standard_normal(w.shape).astype("float32") for w in model.get_weights()]
)
logits = model(features)
print(tf.nn.softmax(logits[:3]), f"prediction: {tf.argmax(logits, axis=1)}")
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.SGD(learning_rate=0.01)


def loss_of(x, y, training):
    return loss_object(y_true=y, y_pred=model(x, training=training))


def grad(x, y):
    with tf.GradientTape() as tape:
        value = loss_of(x, y, training=True)
    return value, tape.gradient(value, model.trainable_variables)


value, grads = grad(features, label)
print(f"step {optimizer.iterations.numpy()}: {value.numpy()}")
optimizer.apply_gradients(zip(grads, model.trainable_variables))
print(f"step {optimizer.iterations.numpy()}: {loss_of(features, label, training=True).numpy()}")
for epoch in range(21):
    mean, accuracy = tf.keras.metrics.Mean(), tf.keras.metrics.SparseCategoricalAccuracy()
    for x, y in dataset:
        value, grads = grad(x, y)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        mean.update_state(value)
        accuracy.update_state(y, model(x, training=True))
    if epoch % 10 == 0:
        print(f"Epoch {epoch:03d}: loss {mean.result():.3f}, accuracy {accuracy.result():.3%}")
accuracy = tf.keras.metrics.Accuracy()
for x, y in dataset:
    prediction = tf.math.argmax(model(x, training=False), axis=1, output_type=tf.int32)
    accuracy(prediction, y)
print(f"{accuracy.result():.3%}", tf.stack([y, prediction], axis=1)[:4])
for i, row in enumerate(model(features[:3], training=False)):
    best = tf.argmax(row).numpy()
    print(f"{i}: {best} ({100 * tf.nn.softmax(row)[best]:4.1f}%)")
