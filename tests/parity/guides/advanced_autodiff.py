# The calls of TensorFlow's guide to advanced automatic differentiation, in its order.
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape).astype("float32")


# %% stop recording, reset
x, y = tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape() as t:
    x_sq = x * x
    with t.stop_recording():
        y_sq = y * y
    z = x_sq + y_sq
grad = t.gradient(z, {"x": x, "y": y})
print("dz/dx:", grad["x"])
print("dz/dy:", grad["y"])
reset = True
with tf.GradientTape() as t:
    y_sq = y * y
    if reset:
        t.reset()
    z = x * x + y_sq
grad = t.gradient(z, {"x": x, "y": y})
print("dz/dx:", grad["x"])
print("dz/dy:", grad["y"])

# %% stop the gradient
with tf.GradientTape() as t:
    y_sq = y**2
    z = x**2 + tf.stop_gradient(y_sq)
grad = t.gradient(z, {"x": x, "y": y})
print("dz/dx:", grad["x"])
print("dz/dy:", grad["y"])


# %% a gradient of one's own
@tf.custom_gradient
def clip_gradients(y):
    def backward(dy):
        return tf.clip_by_norm(dy, 0.5)

    return y, backward


v = tf.Variable(2.0)
with tf.GradientTape() as t:
    output = clip_gradients(v * v)
print(t.gradient(output, v))

# %% several tapes
x0, x1 = tf.constant(0.0), tf.constant(0.0)
with tf.GradientTape() as tape0, tf.GradientTape() as tape1:
    tape0.watch(x0)
    tape1.watch(x1)
    y0 = tf.math.sin(x0)
    y1 = tf.nn.sigmoid(x1)
    y = y0 + y1
    ys = tf.reduce_sum(y)
print(tape0.gradient(ys, x0).numpy())
print(tape1.gradient(ys, x1).numpy())

# %% higher orders
x = tf.Variable(1.0)
with tf.GradientTape() as t2:
    with tf.GradientTape() as t1:
        y = x * x * x
    dy_dx = t1.gradient(y, x)
d2y_dx2 = t2.gradient(dy_dx, x)
print("dy_dx:", dy_dx.numpy())
print("d2y_dx2:", d2y_dx2.numpy())

# %% input gradient regularisation
x = tf.constant(normal(7, 5))
layer = tf.keras.layers.Dense(10, activation=tf.nn.relu)
layer.build((None, 5))
layer.set_weights([normal(5, 10), normal(10)])
with tf.GradientTape() as t2:
    with tf.GradientTape(watch_accessed_variables=False) as t1:
        t1.watch(x)
        y = layer(x)
        out = tf.reduce_sum(layer(x) ** 2)
    g1 = t1.gradient(out, x)
    g1_mag = tf.norm(g1)
dg1_mag = t2.gradient(g1_mag, layer.trainable_variables)
print([var.shape for var in dg1_mag])
print([float(tf.reduce_sum(g)) for g in dg1_mag])

# %% Jacobians of a scalar source, and of a tensor source
x = tf.linspace(-10.0, 10.0, 200 + 1)
delta = tf.Variable(0.0)
with tf.GradientTape() as tape:
    y = tf.nn.sigmoid(x + delta)
dy_dx = tape.jacobian(y, delta)
print(y.shape, dy_dx.shape, dy_dx.numpy()[::25])
x = tf.constant(normal(7, 5))
with tf.GradientTape(persistent=True) as tape:
    y = layer(x)
print(y.shape, layer.kernel.shape)
j = tape.jacobian(y, layer.kernel)
print(j.shape)
g = tape.gradient(y, layer.kernel)
j_sum = tf.reduce_sum(j, axis=[0, 1])
delta = tf.reduce_max(abs(g - j_sum)).numpy()
assert delta < 1e-3
print(np.round(g.numpy().sum(), 3))

# %% a Hessian, and a Newton step
x = tf.constant(normal(7, 5))
layer1 = tf.keras.layers.Dense(8, activation=tf.nn.relu)
layer2 = tf.keras.layers.Dense(6, activation=tf.nn.relu)
layer2(layer1(x))
layer1.set_weights([normal(5, 8), normal(8)])
layer2.set_weights([normal(8, 6), normal(6)])
with tf.GradientTape() as t2:
    with tf.GradientTape() as t1:
        x = layer1(x)
        x = layer2(x)
        loss = tf.reduce_mean(x**2)
    g = t1.gradient(loss, layer1.kernel)
h = t2.jacobian(g, layer1.kernel)
print(layer1.kernel.shape, h.shape)
n_params = tf.reduce_prod(layer1.kernel.shape)
g_vec = tf.reshape(g, [n_params, 1])
h_mat = tf.reshape(h, [n_params, n_params])
print(float(tf.reduce_sum(abs(h_mat))), float(tf.linalg.trace(h_mat)))
eye_eps = tf.eye(h_mat.shape[0]) * 0.1
update = tf.linalg.solve(h_mat + eye_eps, g_vec)
print(float(tf.norm(update)))
_ = layer1.kernel.assign_sub(tf.reshape(update, layer1.kernel.shape))

# %% batch Jacobians
x = tf.constant(normal(7, 5))
layer1 = tf.keras.layers.Dense(8, activation=tf.nn.elu)
layer2 = tf.keras.layers.Dense(6, activation=tf.nn.elu)
layer2(layer1(x))
layer1.set_weights([normal(5, 8), normal(8)])
layer2.set_weights([normal(8, 6), normal(6)])
with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
    tape.watch(x)
    y = layer1(x)
    y = layer2(y)
print(y.shape)
j = tape.jacobian(y, x)
print(j.shape)
j_sum = tf.reduce_sum(j, axis=2)
j_select = tf.einsum("bxby->bxy", j)
jb = tape.batch_jacobian(y, x)
print(jb.shape)
error = tf.reduce_max(abs(jb - j_sum))
assert error < 1e-3
print(float(tf.reduce_max(abs(jb - j_select))) < 1e-5, float(tf.reduce_sum(jb)))

# %% where the batch interacts
x = tf.constant(normal(7, 5))
layer1 = tf.keras.layers.Dense(8, activation=tf.nn.elu)
bn = tf.keras.layers.BatchNormalization()
layer2 = tf.keras.layers.Dense(6, activation=tf.nn.elu)
layer2(bn(layer1(x)))
layer1.set_weights([normal(5, 8), normal(8)])
layer2.set_weights([normal(8, 6), normal(6)])
with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
    tape.watch(x)
    y = layer1(x)
    y = bn(y, training=True)
    y = layer2(y)
j = tape.jacobian(y, x)
print(f"j.shape: {j.shape}")
jb = tape.batch_jacobian(y, x)
print(f"jb.shape: {jb.shape}", float(tf.reduce_sum(abs(jb))))
