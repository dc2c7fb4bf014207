# The calls of TensorFlow's Core guides: linear and logistic regression, optimizers of one's own.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(4)
table = rng.standard_normal((120, 5)) * [1.0, 3.0, 10.0, 0.2, 1.0] + [0.0, 5.0, 0.0, 1.0, 2.0]
table[:, 4] = rng.integers(1, 4, 120)
data = tf.convert_to_tensor(table, dtype=tf.float32)
train, test = data[30:], data[:30]
x_train, y_train = train[:, 1:], train[:, 0] + 2.0 * train[:, 1]
x_test, y_test = test[:, 1:], test[:, 0] + 2.0 * test[:, 1]


# %% features
def expanded(x):
    kinds = tf.one_hot(tf.cast(x[:, -1], tf.int32) - 1, 3)
    return tf.concat([x[:, :-1], kinds], axis=1)


class Normalize(tf.Module):
    def __init__(self, x):
        self.mean = tf.Variable(tf.math.reduce_mean(x, axis=0))
        self.std = tf.Variable(tf.math.reduce_std(x, axis=0))

    def norm(self, x):
        return (x - self.mean) / self.std

    def unnorm(self, x):
        return (x * self.std) + self.mean


norm_x, norm_y = Normalize(expanded(x_train)), Normalize(y_train)
x, y = norm_x.norm(expanded(x_train)), norm_y.norm(y_train)
print(expanded(x_train)[:2].numpy(), x[:2], y[:3])


# %% linear regression in minibatches
class Linear(tf.Module):
    def __init__(self):
        self.built = False

    @tf.function
    def __call__(self, x, train=True):
        if not self.built:
            self.w = tf.Variable(tf.fill([x.shape[-1], 1], 0.1))
            self.b = tf.Variable(tf.zeros(shape=[]))
            self.built = True
        z = tf.squeeze(tf.add(tf.matmul(x, self.w), self.b), axis=1)
        return z if train else tf.sigmoid(z)


def fit(model, loss, y, epochs, rate):
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    for epoch in range(epochs):
        losses = []
        for x_batch, y_batch in dataset:
            with tf.GradientTape() as tape:
                value = loss(model(x_batch), y_batch)
            for g, v in zip(tape.gradient(value, model.variables), model.variables):
                v.assign_sub(rate * g)
            losses.append(value)
        if epoch % 10 == 0:
            print(f"{epoch}: {tf.reduce_mean(losses).numpy():0.3f}")
    return tf.reduce_mean(losses)


def mse(y_pred, y):
    return tf.reduce_mean(tf.square(y_pred - y))


model = Linear()
print(norm_y.unnorm(model(x[:1])).numpy())
print(f"final: {fit(model, mse, y, 31, 0.05):0.3f}")


class Export(tf.Module):
    def __init__(self, model):
        self.model = model

    @tf.function(input_signature=[tf.TensorSpec(shape=[None, None], dtype=tf.float32)])
    def __call__(self, x):
        return norm_y.unnorm(self.model(norm_x.norm(expanded(x))))


print(Export(model)(x_test)[:5].numpy(), y_test[:5].numpy())

# %% logistic regression
classes = tf.cast(y > 0.0, tf.float32)


def log_loss(y_pred, y):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=y_pred))


def accuracy(y_pred, y):
    found = tf.cast(tf.math.sigmoid(y_pred) > 0.5, tf.float32)
    return tf.reduce_mean(tf.cast(found == y, tf.float32))


model = Linear()
print(model(x[:3], train=False).numpy())
print(f"final: {fit(model, log_loss, classes, 21, 0.3):.3f}, {accuracy(model(x), classes):.3f}")
print(tf.math.confusion_matrix(classes, tf.cast(model(x) > 0.0, tf.float32)).numpy())


# %% optimizers of one's own
class Momentum(tf.Module):
    def __init__(self, rate, momentum=0.7):
        self.rate, self.momentum, self.change = rate, momentum, 0.0
        self.title = f"momentum: rate={rate}"

    def apply_gradients(self, grads, variables):
        for g, v in zip(grads, variables):
            change = self.rate * g + self.momentum * self.change
            v.assign_sub(change)
            self.change = change


def bowl(x):
    return 2 * (x**4) + 3 * (x**3) + 2


def slope(f, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = f(x)
    return tape.gradient(result, x)


grid = tf.cast(tf.linspace(-2, 2, 5), tf.float32)
print(bowl(grid), slope(bowl, grid), bowl(-9 / 8), bowl(0))
for rate in (1e-3, 1e-2, 1e-1):
    optimizer, star = Momentum(rate), tf.Variable(2.0)
    print(optimizer.title)
    for step in range(200):
        g = slope(bowl, star)
        if tf.math.is_nan(g):
            print("exploded at", step)
            break
        before = star.numpy()
        optimizer.apply_gradients([g], [star])
        if star == before:
            print("converged at", step)
            break
    else:
        print("ended at", star.numpy())
t, v = tf.meshgrid(tf.range(1.0, 4.0), grid)
print(tf.math.log(bowl(v))[:2], t.shape)
