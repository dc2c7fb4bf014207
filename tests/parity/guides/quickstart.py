# The calls of TensorFlow's two quickstarts, on small images.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(8)
labels = rng.integers(0, 10, 128)
images = rng.integers(0, 60, (128, 12, 12)).astype("uint8")
for image, label in zip(images, labels):
    image[label] += 190
x_train, x_test = images[:96] / 255.0, images[96:] / 255.0
y_train, y_test = labels[:96], labels[96:]


def settle(model):
    draw = np.random.default_rng(1)
    model.set_weights(
        [0.1 * draw.standard_normal(w.shape).astype("float32") for w in model.get_weights()]
    )


# %% for beginners: a Sequential model, compile, fit, evaluate
model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Flatten(input_shape=(12, 12)),
        tf.keras.layers.Dense(16, activation="relu"),
        tf.keras.layers.Dropout(0.0),
        tf.keras.layers.Dense(10),
    ]
)
settle(model)
predictions = model(x_train[:1]).numpy()
print(predictions, tf.nn.softmax(predictions).numpy())
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print(loss_fn(y_train[:1], predictions).numpy())
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=3, shuffle=False, verbose=0).history
print(history)
print(model.evaluate(x_test, y_test, verbose=0))
probabilities = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
print(probabilities(x_test[:2]))
print(model.predict(x_test[:2], verbose=0).shape)


# %% for experts: a Model subclass, metrics, steps under tf.function
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.conv1 = tf.keras.layers.Conv2D(4, 3, activation="relu")
        self.flatten = tf.keras.layers.Flatten()
        self.d1 = tf.keras.layers.Dense(16, activation="relu")
        self.d2 = tf.keras.layers.Dense(10)

    def call(self, x):
        return self.d2(self.d1(self.flatten(self.conv1(x))))


x_train, x_test = x_train[..., tf.newaxis].astype("float32"), x_test[..., tf.newaxis]
train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(32)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(32)
net = Net()
net(x_train[:1])
settle(net)
optimizer = tf.keras.optimizers.Adam()
train_loss = tf.keras.metrics.Mean(name="train_loss")
train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy(name="train_accuracy")
test_loss = tf.keras.metrics.Mean(name="test_loss")
test_accuracy = tf.keras.metrics.SparseCategoricalAccuracy(name="test_accuracy")


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        predictions = net(x, training=True)
        loss = loss_fn(y, predictions)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    train_loss(loss)
    train_accuracy(y, predictions)


@tf.function
def test_step(x, y):
    predictions = net(x, training=False)
    test_loss(loss_fn(y, predictions))
    test_accuracy(y, predictions)


for epoch in range(3):
    for metric in (train_loss, train_accuracy, test_loss, test_accuracy):
        metric.reset_state()
    for x, y in train:
        train_step(x, y)
    for x, y in test:
        test_step(x, y)
    print(
        f"Epoch {epoch + 1}, loss {train_loss.result():0.2f}, {train_accuracy.result() * 100:0.2f}, "
        f"test {test_loss.result():0.2f}, {test_accuracy.result() * 100:0.2f}"
    )
print(f"{train_loss.result()} {train_accuracy.result() * 100}")
