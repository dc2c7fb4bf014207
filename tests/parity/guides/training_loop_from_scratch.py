# The calls of TensorFlow's guide to writing a training loop from scratch, on synthetic data.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(5)


def weigh(model):
    """The same weights in both, whatever the initialisers draw."""
    draw = np.random.default_rng(11)
    for v in model.trainable_weights:
        v.assign((0.1 * draw.standard_normal(tuple(v.shape))).astype("float32"))


x_train = rng.uniform(0, 1, (256, 20)).astype("float32")
y_train = (x_train @ rng.standard_normal((20, 4))).argmax(1)
x_val, y_val = x_train[-64:], y_train[-64:]
x_train, y_train = x_train[:-64], y_train[:-64]

inputs = tf.keras.Input(shape=(20,), name="digits")
x1 = tf.keras.layers.Dense(16, activation="relu")(inputs)
x2 = tf.keras.layers.Dense(16, activation="relu")(x1)
outputs = tf.keras.layers.Dense(4, name="predictions")(x2)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
weigh(model)

optimizer = tf.keras.optimizers.SGD(learning_rate=0.5)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
batch_size = 32
train_dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(batch_size)
val_dataset = tf.data.Dataset.from_tensor_slices((x_val, y_val)).batch(batch_size)

for _ in range(2):
    for step, (x_batch_train, y_batch_train) in enumerate(train_dataset):
        with tf.GradientTape() as tape:
            logits = model(x_batch_train, training=True)
            loss_value = loss_fn(y_batch_train, logits)
        grads = tape.gradient(loss_value, model.trainable_weights)
        optimizer.apply_gradients(zip(grads, model.trainable_weights))
        if step % 3 == 0:
            print(f"step {step}: {float(loss_value):.4f}, seen {(step + 1) * batch_size} samples")

train_acc_metric = tf.keras.metrics.SparseCategoricalAccuracy()
val_acc_metric = tf.keras.metrics.SparseCategoricalAccuracy()


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_acc_metric.update_state(y, logits)
    return loss_value


@tf.function
def test_step(x, y):
    val_acc_metric.update_state(y, model(x, training=False))


for _ in range(2):
    for x_batch, y_batch in train_dataset:
        loss_value = train_step(x_batch, y_batch)
    print(
        f"Training acc over epoch: {float(train_acc_metric.result()):.4f}, loss {float(loss_value):.4f}"
    )
    train_acc_metric.reset_state()
    for x_batch, y_batch in val_dataset:
        test_step(x_batch, y_batch)
    print(f"Validation acc: {float(val_acc_metric.result()):.4f}")
    val_acc_metric.reset_state()


# a layer that adds a loss of its own
class ActivityRegularizationLayer(tf.keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(1e-2 * tf.reduce_sum(inputs))
        return inputs


inputs = tf.keras.Input(shape=(20,), name="digits")
x = tf.keras.layers.Dense(16, activation="relu")(inputs)
x = ActivityRegularizationLayer()(x)
outputs = tf.keras.layers.Dense(4)(x)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
weigh(model)
model(tf.constant(x_train[:8]))
print(len(model.losses), f"{float(sum(model.losses)):.4f}")

# the pieces of a GAN: one step of both networks
discriminator = tf.keras.Sequential(
    [
        tf.keras.Input(shape=(8, 8, 1)),
        tf.keras.layers.Conv2D(6, (3, 3), strides=(2, 2), padding="same"),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Conv2D(8, (3, 3), strides=(2, 2), padding="same"),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.GlobalMaxPooling2D(),
        tf.keras.layers.Dense(1),
    ],
    name="discriminator",
)
latent_dim = 5
generator = tf.keras.Sequential(
    [
        tf.keras.Input(shape=(latent_dim,)),
        tf.keras.layers.Dense(2 * 2 * 5),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Reshape((2, 2, 5)),
        tf.keras.layers.Conv2DTranspose(6, (4, 4), strides=(2, 2), padding="same"),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Conv2DTranspose(6, (4, 4), strides=(2, 2), padding="same"),
        tf.keras.layers.LeakyReLU(negative_slope=0.2),
        tf.keras.layers.Conv2D(1, (7, 7), padding="same", activation="sigmoid"),
    ],
    name="generator",
)
weigh(discriminator)
weigh(generator)
d_optimizer = tf.keras.optimizers.Adam(learning_rate=0.003)
g_optimizer = tf.keras.optimizers.Adam(learning_rate=0.004)
loss_fn = tf.keras.losses.BinaryCrossentropy(from_logits=True)
real_images = tf.constant(rng.uniform(0, 1, (4, 8, 8, 1)).astype("float32"))
for _ in range(2):
    vectors = tf.constant(rng.standard_normal((4, latent_dim)).astype("float32"))
    generated_images = generator(vectors)
    combined_images = tf.concat([generated_images, real_images], axis=0)
    labels = tf.concat([tf.ones((4, 1)), tf.zeros((real_images.shape[0], 1))], axis=0)
    with tf.GradientTape() as tape:
        predictions = discriminator(combined_images)
        d_loss = loss_fn(labels, predictions)
    grads = tape.gradient(d_loss, discriminator.trainable_weights)
    d_optimizer.apply_gradients(zip(grads, discriminator.trainable_weights))
    misleading_labels = tf.zeros((4, 1))
    with tf.GradientTape() as tape:
        predictions = discriminator(generator(vectors))
        g_loss = loss_fn(misleading_labels, predictions)
    grads = tape.gradient(g_loss, generator.trainable_weights)
    g_optimizer.apply_gradients(zip(grads, generator.trainable_weights))
    print(
        f"discriminator {float(d_loss):.4f}, generator {float(g_loss):.4f}", generated_images.shape
    )
