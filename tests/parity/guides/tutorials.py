# The calls of TensorFlow's tutorials and Keras's examples with a tape: generators and their critics,
# actors, dreams, steps and optimizers of one's own.
import numpy as np
import tensorflow as tf

keras, layers = tf.keras, tf.keras.layers


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def settle(model):
    model.set_weights([0.3 * draw(*w.shape, seed=i) for i, w in enumerate(model.get_weights())])


def sizes(tensors):
    return [(tuple(t.shape), float(tf.reduce_sum(tf.abs(t)))) for t in tensors]


keras.backend.clear_session()


# %% a penalty on the gradient's norm, in a step that gets the images alone
class Wasserstein(keras.Model):
    def __init__(self, critic, generator):
        super().__init__()
        self.critic, self.generator = critic, generator

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile()
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer

    def train_step(self, images):
        if isinstance(images, tuple):
            images = images[0]
        noise = tf.ones((tf.shape(images)[0], 3))
        with tf.GradientTape() as tape:
            made = self.generator(noise, training=True)
            cost = tf.reduce_mean(self.critic(made)) - tf.reduce_mean(self.critic(images))
            between = images + 0.4 * (made - images)
            with tf.GradientTape() as inner:
                inner.watch(between)
                judged = self.critic(between, training=True)
            slopes = tf.sqrt(tf.reduce_sum(inner.gradient(judged, between) ** 2, axis=[1, 2, 3]))
            cost += 10.0 * tf.reduce_mean((slopes - 1.0) ** 2)
        weights = self.critic.trainable_variables
        self.critic_optimizer.apply_gradients(zip(tape.gradient(cost, weights), weights))
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic(self.generator(noise, training=True)))
        weights = self.generator.trainable_variables
        self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"cost": cost, "loss": loss}


image, noise = keras.Input((6, 6, 1)), keras.Input((3,))
y = layers.Conv2D(4, 5, strides=2, padding="same")(layers.ZeroPadding2D(((1, 0), (2, 1)))(image))
critic = keras.Model(image, layers.Dense(1)(layers.Flatten()(layers.LeakyReLU(0.2)(y))))
y = layers.LeakyReLU(0.2)(layers.BatchNormalization()(layers.Dense(4 * 4 * 2, use_bias=False)(noise)))
y = layers.UpSampling2D(2, interpolation="bilinear")(layers.Reshape((4, 4, 2))(y))
generator = keras.Model(noise, layers.Cropping2D(1)(layers.Conv2D(1, 3, padding="same")(y)))
settle(critic)
settle(generator)
gan = Wasserstein(critic, generator)
gan.compile(keras.optimizers.Adam(2e-3, beta_1=0.5), keras.optimizers.Adam(2e-3, beta_1=0.5))
history = gan.fit(draw(8, 6, 6, 1), epochs=2, batch_size=4, shuffle=False, verbose=0).history
print([history[k] for k in sorted(history)], sizes(critic.weights), generator.output_shape)

# %% an actor and a critic: weights in Keras's order, an episode in arrays
state = keras.Input((4,))
common = layers.Dense(8, activation="relu", name="common")(state)
value = layers.Dense(1, name="value")(layers.Dense(5, name="before")(common))
model = keras.Model(state, [layers.Dense(2, name="action")(common), value])
print([x.name for x in model.layers])
settle(model)
with tf.GradientTape() as tape:
    chances = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    values = tf.TensorArray(tf.float32, size=3)
    for t in tf.range(3):
        action, value = model(tf.cos(tf.range(4.0) + tf.cast(t, tf.float32))[None])
        chances = chances.write(t, tf.nn.softmax(action)[0, t % 2])
        values = values.write(t, tf.squeeze(value))
    advantage = tf.constant([3.0, 2.0, 1.0]) - values.stack()
    loss = keras.losses.Huber(reduction=keras.losses.Reduction.SUM)(tf.zeros((1, 3)), advantage[None])
    loss -= tf.reduce_sum(tf.math.log(chances.stack()) * advantage)
print(loss, sizes(tape.gradient(loss, model.trainable_variables)))

# %% a dream in octaves; the classes' heat on the last convolution
given = keras.Input((None, None, 3))
last = layers.Conv2D(4, 3, activation="relu", name="last")(given)
y = layers.GlobalAveragePooling2D()(last)
cnn = keras.Model(given, layers.Dense(3, activation="softmax")(y))
settle(cnn)
cnn.layers[-1].activation = None
picture = tf.constant(draw(8, 8, 3))
for scale in (0.8, 1.0, 1.3):
    picture = tf.image.resize(picture, tf.cast(8.0 * tf.constant([scale, scale]), tf.int32))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        loss = tf.reduce_mean(cnn(picture[None]))
    g = tape.gradient(loss, picture)
    picture = tf.clip_by_value(picture + 0.1 * g / (tf.math.reduce_std(g) + 1e-8), -1, 1)
    print(picture.shape, loss, tf.reduce_sum(picture))
print(tf.reduce_sum(tf.abs(tf.image.sobel_edges(picture[None]))))
inside = keras.Model(cnn.inputs, [cnn.get_layer("last").output, cnn.output])
with tf.GradientTape() as tape:
    found, classes = inside(picture[None])
    channel = classes[:, tf.argmax(classes[0])]
print(tf.squeeze(found[0] @ tf.reduce_mean(tape.gradient(channel, found), axis=(0, 1, 2))[:, None])[:2])


# %% an optimizer, a loss, a model and a rate of one's own
class Momentum(keras.optimizers.Optimizer):
    def build(self, variables):
        super().build(variables)
        self.moments = [self.add_variable_from_reference(v, name="moment") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        m = self.moments[self._get_variable_index(variable)]
        m.assign(0.9 * m - gradient)
        variable.assign_add(m * learning_rate)


class Reconstructs(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = layers.Dense(4, activation="relu"), layers.Dense(1)

    def build(self, batch_input_shape):
        self.back = layers.Dense(batch_input_shape[-1])

    def call(self, x):
        y = self.inner(x)
        self.add_loss(0.05 * tf.reduce_mean((self.back(y) - x) ** 2))
        return self.outer(y)


model = Reconstructs()
model(tf.ones((1, 3)))
settle(model)
model.compile(Momentum(0.05), loss=lambda y_true, y_pred: tf.reduce_mean(tf.abs(y_true - y_pred)))
halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
add = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(twice=2 * logs["loss"]))
history = model.fit(draw(6, 3), draw(6), epochs=3, shuffle=False, verbose=0, callbacks=[halve, add]).history
print([history[k] for k in sorted(history)], sorted(history), [v.shape for v in model.optimizer.variables])
print(keras.optimizers.schedules.InverseTimeDecay(0.1, 10, 1.0)(np.linspace(0.0, 30.0, 4)))
