# The calls of TensorFlow's guide to a multilayer perceptron from the core, on synthetic digits.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(3)
labels = rng.integers(0, 10, 600)
images = np.clip(
    rng.normal(60, 40, (600, 8, 8))
    + 120 * (np.arange(64).reshape(8, 8) % 10 == labels[:, None, None]),
    0,
    255,
)
x_all, y_all = images.astype("uint8"), labels.astype("int64")


def preprocess(x, y):
    x = tf.reshape(x, shape=[-1, 64])
    x = x / 255
    return tf.cast(x, tf.float32), y


train_data = tf.data.Dataset.from_tensor_slices((x_all, y_all)).batch(100).map(preprocess)
x_train, y_train = next(iter(train_data))
print(x_train.shape, x_train.dtype, y_train.dtype)


def xavier_init(shape):
    in_dim, out_dim = shape
    xavier_lim = tf.sqrt(6.0) / tf.sqrt(tf.cast(in_dim + out_dim, tf.float32))
    unit = tf.constant(rng.uniform(-1, 1, shape).astype("float32"))
    return unit * xavier_lim


class DenseLayer(tf.Module):
    def __init__(self, out_dim, weight_init=xavier_init, activation=tf.identity):
        self.out_dim = out_dim
        self.weight_init = weight_init
        self.activation = activation
        self.built = False

    def __call__(self, x):
        if not self.built:
            self.in_dim = x.shape[1]
            self.w = tf.Variable(self.weight_init(shape=(self.in_dim, self.out_dim)))
            self.b = tf.Variable(tf.zeros(shape=(self.out_dim,)))
            self.built = True
        z = tf.add(tf.matmul(x, self.w), self.b)
        return self.activation(z)


class MLP(tf.Module):
    def __init__(self, layers):
        self.layers = layers

    @tf.function
    def __call__(self, x, preds=False):
        for layer in self.layers:
            x = layer(x)
        return x


mlp_model = MLP(
    [
        DenseLayer(out_dim=32, activation=tf.nn.relu),
        DenseLayer(out_dim=24, activation=tf.nn.relu),
        DenseLayer(out_dim=10),
    ]
)


def cross_entropy_loss(y_pred, y):
    sparse_ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=y_pred)
    return tf.reduce_mean(sparse_ce)


def accuracy(y_pred, y):
    class_preds = tf.argmax(tf.nn.softmax(y_pred), axis=1)
    is_equal = tf.equal(y, class_preds)
    return tf.reduce_mean(tf.cast(is_equal, tf.float32))


class Adam:
    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, ep=1e-7):
        self.beta_1, self.beta_2, self.learning_rate, self.ep = beta_1, beta_2, learning_rate, ep
        self.t = 1.0
        self.v_dvar, self.s_dvar = [], []
        self.built = False

    def apply_gradients(self, grads, vars):
        if not self.built:
            for var in vars:
                self.v_dvar.append(tf.Variable(tf.zeros(shape=var.shape)))
                self.s_dvar.append(tf.Variable(tf.zeros(shape=var.shape)))
            self.built = True
        for i, (d_var, var) in enumerate(zip(grads, vars)):
            self.v_dvar[i].assign(self.beta_1 * self.v_dvar[i] + (1 - self.beta_1) * d_var)
            self.s_dvar[i].assign(
                self.beta_2 * self.s_dvar[i] + (1 - self.beta_2) * tf.square(d_var)
            )
            v_dvar_bc = self.v_dvar[i] / (1 - (self.beta_1**self.t))
            s_dvar_bc = self.s_dvar[i] / (1 - (self.beta_2**self.t))
            var.assign_sub(self.learning_rate * (v_dvar_bc / (tf.sqrt(s_dvar_bc) + self.ep)))
        self.t += 1.0


def train_step(x_batch, y_batch, loss, acc, model, optimizer):
    with tf.GradientTape() as tape:
        y_pred = model(x_batch)
        batch_loss = loss(y_pred, y_batch)
    batch_acc = acc(y_pred, y_batch)
    grads = tape.gradient(batch_loss, model.variables)
    optimizer.apply_gradients(grads, model.variables)
    return batch_loss, batch_acc


optimizer = Adam(learning_rate=5e-3)
for epoch in range(4):
    losses, accs = [], []
    for x_batch, y_batch in train_data:
        batch_loss, batch_acc = train_step(
            x_batch, y_batch, cross_entropy_loss, accuracy, mlp_model, optimizer
        )
        losses.append(batch_loss)
        accs.append(batch_acc)
    print(f"Epoch: {epoch} loss {tf.reduce_mean(losses):.4f} accuracy {tf.reduce_mean(accs):.2f}")
print([v.shape for v in mlp_model.variables], len(mlp_model.trainable_variables))


class ExportModule(tf.Module):
    def __init__(self, model, preprocess, class_pred):
        self.model, self.preprocess, self.class_pred = model, preprocess, class_pred

    @tf.function(input_signature=[tf.TensorSpec(shape=[None, None, None], dtype=tf.uint8)])
    def __call__(self, x):
        x = tf.reshape(x, shape=[-1, 64])
        y = self.model(tf.cast(x, tf.float32) / 255)
        return self.class_pred(y)


def class_pred_test(y):
    return tf.argmax(tf.nn.softmax(y), axis=1)


exported = ExportModule(model=mlp_model, preprocess=preprocess, class_pred=class_pred_test)
classes = exported(x_all[:50])
print(
    classes.dtype, float(tf.reduce_mean(tf.cast(tf.equal(classes, y_all[:50]), tf.float32))) > 0.5
)
