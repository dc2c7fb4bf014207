"""A training step on MNIST: the MLP 784-128-10 and the article's convolutional model, with Adam.

Everybody starts from the same weights and sees the same batches, each as arrays of its own kind,
made beforehand; the loss of the first step must be the same before anything is timed.
"""

import itertools

import numpy as np

import tapelab as tf
from tapelab import _conv

from .harness import Workload
from .peers import peer


def data(images):
    """Real images and labels, scaled to [0, 1], as float32 and int64."""
    (x, y), _ = tf.keras.datasets.mnist.load_data()
    return (x[:6400].reshape(-1, *images) / 255).astype(np.float32), y[:6400].astype(np.int64)


def batches(arrays, size):
    """Batches of a size, over and over."""
    n = len(arrays[0]) // size
    return itertools.cycle([[a[i * size : (i + 1) * size] for a in arrays] for i in range(n)])


def weights(shapes):
    """The same random weights for everybody, as Glorot would draw them."""
    rng = np.random.default_rng(0)
    out = []
    for s in shapes:
        limit = np.sqrt(6 / (np.prod(s[:-1]) + s[-1] * np.prod(s[:-2]))) if len(s) > 1 else 0
        out.append(
            rng.uniform(-limit, limit, s).astype(np.float32)
            if len(s) > 1
            else np.zeros(s, np.float32)
        )
    return out


MLP = [(784, 128), (128,), (128, 10), (10,)]
CONV = [(3, 3, 1, 16), (16,), (3, 3, 16, 16), (16,), (16, 10), (10,)]


class Adam:
    """Adam by hand, in place (Kingma and Ba, 2015; epsilon outside the root, as Keras)."""

    def __init__(self, parameters):
        self.p, self.t = parameters, 0
        self.m, self.v, self.s = ([np.zeros_like(p) for p in parameters] for _ in range(3))

    def step(self, gradients):
        """One update."""
        self.t += 1
        rate = np.float32(1e-3 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t))
        for p, g, m, v, s in zip(self.p, gradients, self.m, self.v, self.s):
            np.subtract(g, m, out=s)
            s *= np.float32(0.1)
            m += s
            np.multiply(g, g, out=s)
            s -= v
            s *= np.float32(0.001)
            v += s
            np.sqrt(v, out=s)
            s += np.float32(1e-7)
            np.divide(m, s, out=s)
            s *= rate
            p -= s


def _softmax_loss(z, y):
    """Mean cross-entropy and its gradient with respect to the logits; z is used up."""
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    s = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = (np.log(s[:, 0]) - z[rows, y]).mean()
    e /= s
    e[rows, y] -= 1
    e /= np.float32(len(y))
    return loss, e


def _mlp_numpy(size):
    feed, (w1, b1, w2, b2) = batches(data((784,)), size), weights(MLP)
    adam = Adam([w1, b1, w2, b2])

    def step():
        x, y = next(feed)
        h = x @ w1
        h += b1
        np.maximum(h, 0, out=h)
        z = h @ w2
        z += b2
        loss, dz = _softmax_loss(z, y)
        dh = dz @ w2.T
        dh *= h > 0
        adam.step([x.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0)])
        return loss

    return step


def _keras_model(t, images, shapes):
    layers = t.keras.layers
    if len(shapes) == 4:
        stack = [layers.Dense(128, activation="relu"), layers.Dense(10)]
    else:
        stack = [
            layers.Conv2D(16, [3, 3], activation="relu"),
            layers.Conv2D(16, [3, 3], activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    model = t.keras.Sequential(stack)
    model(np.zeros((1, *images), np.float32))
    model.set_weights(weights(shapes))
    return model


def _keras_step(t, images, shapes, size, function=False):
    """The loop that the lesson teaches, in TensorFlow's spelling, for tapelab and for TensorFlow."""
    model = _keras_model(t, images, shapes)
    loss_object = t.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = t.keras.optimizers.Adam()
    feed = batches([t.constant(a) for a in data(images)], size)

    def train(x, y):
        with t.GradientTape() as tape:
            loss = loss_object(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    if function:
        train = t.function(train)

    def step():
        x, y = next(feed)
        return float(train(x, y))

    return step


def _torch_step(torch, images, shapes, size):
    nn = torch.nn
    if len(shapes) == 4:
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    else:
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights(shapes)):
            p.copy_(torch.from_numpy(w.transpose(3, 2, 0, 1).copy() if w.ndim == 4 else w.T.copy()))
    x, y = data(images)
    if len(images) == 3:
        x = x.reshape(-1, 1, 28, 28)
    feed = batches((torch.from_numpy(x), torch.from_numpy(y)), size)
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7)
    cross = nn.CrossEntropyLoss()

    def step():
        x, y = next(feed)
        optimizer.zero_grad()
        loss = cross(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _jax_step(jax, images, shapes, size):
    jnp = jax.numpy

    def logits(p, x):
        if len(p) == 4:
            return jax.nn.relu(x @ p[0] + p[1]) @ p[2] + p[3]
        for i in (0, 2):
            x = jax.lax.conv_general_dilated(
                x, p[i], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + p[i + 1])
        return x.mean((1, 2)) @ p[4] + p[5]

    def loss(p, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(logits(p, x)), y[:, None], 1).mean()

    @jax.jit
    def update(p, m, v, t, x, y):
        value, g = jax.value_and_grad(loss)(p, x, y)
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g)]
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = [a - rate * b / (jnp.sqrt(c) + 1e-7) for a, b, c in zip(p, m, v)]
        return value, p, m, v

    p = [jnp.asarray(w) for w in weights(shapes)]
    state = [p, [jnp.zeros_like(w) for w in p], [jnp.zeros_like(w) for w in p], 0]
    x, y = data(images)
    feed = batches([jnp.asarray(x), jnp.asarray(y.astype(np.int32))], size)

    def step():
        x, y = next(feed)
        state[3] += 1
        value, *state[:3] = update(*state[:3], float(state[3]), x, y)
        return float(value)

    return step


def _conv_numpy():
    """The convolutional model by hand on the same kernels: what is left is the cost of the tape."""
    feed, p = batches(data((28, 28, 1)), 32), weights(CONV)
    k1, b1, k2, b2, w, b = p
    adam = Adam(p)
    how = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilations": (1, 1)}

    def step():
        x, y = next(feed)
        h1 = _conv.conv2d(x, k1, **how, bias=b1, relu=True)
        h2 = _conv.conv2d(h1, k2, **how, bias=b2, relu=True)
        area = np.float32(h2.shape[1] * h2.shape[2])
        pooled = h2.sum(axis=1).sum(axis=1) / area
        z = pooled @ w
        z += b
        loss, dz = _softmax_loss(z, y)
        dp = (dz @ w.T) / area
        d2 = np.broadcast_to(dp[:, None, None, :], h2.shape)
        d1, g2, gb2 = _conv.conv2d_relu_grad(d2, h2, h1, k2, **how)
        _, g1, gb1 = _conv.conv2d_relu_grad(d1, h1, x, k1, **how, images_too=False)
        adam.step([g1, gb1, g2, gb2, pooled.T @ dz, dz.sum(axis=0)])
        return loss

    return step


def _contenders(images, shapes, size, floor):
    out = {"numpy by hand": floor, "tapelab": _keras_step(tf, images, shapes, size)}
    if torch := peer("torch"):
        out["torch eager"] = _torch_step(torch, images, shapes, size)
    if t := peer("tensorflow"):
        out["keras function"] = _keras_step(t, images, shapes, size, function=True)
        out["keras eager"] = _keras_step(t, images, shapes, size)
    if jax := peer("jax"):
        out["jax jit"] = _jax_step(jax, images, shapes, size)
    return out


def mlp():
    """The MLP, batches of 32 and of 256."""
    small = Workload(
        "mlp-32",
        "MLP 784-128-10, Adam, batch 32, per step",
        "ms",
        _contenders((784,), MLP, 32, _mlp_numpy(32)),
        targets={"numpy by hand": 1.3, "torch eager": 0.7, "keras function": 0.4},
    )
    large = Workload(
        "mlp-256",
        "MLP 784-128-10, Adam, batch 256, per step",
        "ms",
        _contenders((784,), MLP, 256, _mlp_numpy(256)),
        targets={"numpy by hand": 1.2, "torch eager": 1.0},
    )
    return [small, large]


def conv():
    """The article's convolutional model, batch 32, on all cores."""
    return Workload(
        "conv-32",
        "the article's convolutional model, Adam, batch 32, per step, all cores",
        "ms",
        _contenders((28, 28, 1), CONV, 32, _conv_numpy()),
        budget=20,
        targets={"torch eager": 1.1, "keras function": 1.0, "keras eager": 1 / 6},
    )


def _on_one_thread(step):
    def run():
        before = tf.get_threads()
        tf.set_threads(1)
        try:
            return step()
        finally:
            tf.set_threads(before)

    return run


def conv_one_thread():
    """The same on one thread, against NumPy by hand on one thread."""
    images = (28, 28, 1)
    return Workload(
        "conv-32-one-thread",
        "the convolutional model on one thread",
        "ms",
        {
            "numpy by hand": _on_one_thread(_conv_numpy()),
            "tapelab": _on_one_thread(_keras_step(tf, images, CONV, 32)),
        },
        targets={"numpy by hand": 1.25},
    )


WORKLOADS = [mlp, conv, conv_one_thread]
REPORTS = []
