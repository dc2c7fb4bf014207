# The calls of TensorFlow's guide to modules, layers and models.
import tempfile

import numpy as np
import tensorflow as tf

rng = np.random.default_rng(5)


def drawn(*shape):
    return rng.standard_normal(shape).astype("float32")


# %% a module and its variables
class Scale(tf.Module):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.factor = tf.Variable(5.0, name="factor")
        self.offset = tf.Variable(5.0, trainable=False, name="offset")

    def __call__(self, x):
        return self.factor * x + self.offset


scale = Scale(name="scale")
print(scale.name, scale(tf.constant(5.0)))
print("trainable:", scale.trainable_variables)
print("all:", scale.variables)
print([v.name for v in scale.non_trainable_variables])


# %% modules in modules, with variables made at the first call
class Line(tf.Module):
    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.units, self.is_built = units, False

    def __call__(self, x):
        if not self.is_built:
            self.w = tf.Variable(drawn(x.shape[-1], self.units), name="w")
            self.b = tf.Variable(tf.zeros([self.units]), name="b")
            self.is_built = True
        return tf.nn.relu(tf.matmul(x, self.w) + self.b)


class Chain(tf.Module):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.first = Line(units=3)
        self.second = Line(units=2)

    @tf.function
    def __call__(self, x):
        return self.second(self.first(x))


chain = Chain(name="chain")
x = tf.constant([[2.0, 1.0, -2.0]])
chain.first(x), chain.second(chain.first(x))
print("result:", chain(x))
print("of a list:", chain([[2.0, 2.0, 2.0]]), chain([[[1.0, 2.0, 2.0], [2.0, 2.0, 2.0]]]))
print("submodules:", [m.name for m in chain.submodules])
for v in chain.variables:
    print(v, "\n")

# %% a checkpoint, restored before the new module has any variables
path = tf.train.Checkpoint(model=chain).write(tempfile.mkdtemp() + "/chain")
again = Chain()
status = tf.train.Checkpoint(model=again).restore(path)
print("again:", again.first(x), np.array_equal(again.second(again.first(x)), chain(x)))
stored = [name for name, _ in tf.train.list_variables(path)]
print(
    [any(name.startswith(f"model/{part}") for name in stored) for part in ("first/w", "second/b")]
)


# %% the same as Keras layers
class Flexible(tf.keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return tf.matmul(inputs, self.w) + self.b


layer = Flexible(3, name="flexible")
print(layer.variables)
print(layer(tf.ones([2, 3])).shape, [(v.path, v.shape) for v in layer.variables])
layer.set_weights([drawn(3, 3), drawn(3)])
print(layer(tf.constant([[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]])))
print(layer.variables)
try:
    layer(tf.ones([1, 4]))
except tf.errors.InvalidArgumentError as e:
    print("Matrix size-incompatible" in str(e))


class Net(tf.keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Flexible(3)
        self.second = Flexible(2)

    def call(self, x):
        return self.second(self.first(x))


net = Net(name="net")
print(net(x).shape, len(net.variables), [type(m).__name__ for m in net.layers], net.name)
inputs = tf.keras.Input(shape=[3])
functional = tf.keras.Model(inputs=inputs, outputs=Flexible(2)(Flexible(3)(inputs)))
functional.set_weights([drawn(3, 3), drawn(3), drawn(3, 2), drawn(2)])
print(functional(x), functional.count_params(), functional.output_shape)
