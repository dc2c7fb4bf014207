# The calls of TensorFlow's guide to tensor slicing.
import numpy as np
import tensorflow as tf

# %% slices taken
row = tf.constant([0, 10, 20, 30, 40, 50, 60])
table = tf.reshape(tf.range(20), [4, 5])
block = tf.reshape(tf.range(1, 33, 2), [2, 2, 4])
print(tf.slice(row, begin=[1], size=[3]), row[1:4], row[-3:], row[::3])
print(table[:-1, 1:3], table[..., -1], table[:, tf.newaxis, 2])
print(tf.slice(block, begin=[1, 1, 0], size=[1, 1, 2]))
print(tf.strided_slice(table, [0, 1], [4, 5], [2, 2]))

# %% elements gathered
print(tf.gather(row, indices=[0, 3, 6]), tf.gather(table, [4, 0], axis=1))
print(tf.gather(tf.constant(list("abcdefgh")), indices=[2, 0, 7]))
print(tf.gather_nd(table, indices=[[2], [3], [0]]))
cube = np.reshape(np.arange(18), [2, 3, 3])
print(tf.gather_nd(cube, indices=[[0, 0, 0], [1, 2, 1]]))
print(tf.gather_nd(cube, indices=[[[0, 0], [0, 2]], [[1, 0], [1, 2]]]))

# %% elements put in
print(tf.scatter_nd(indices=tf.constant([[1], [3], [1]]), updates=[2, 4, 6], shape=[5]))
places = tf.constant([[0, 2], [2, 1], [3, 3]])
print(tf.scatter_nd(places, tf.gather_nd(table, places), shape=tf.constant([4, 5])))
square = tf.constant([[2, 7, 0], [9, 0, 1], [0, 3, 8]])
corners = [[0, 2], [1, 1], [2, 0]]
print(tf.tensor_scatter_nd_add(square, indices=corners, updates=[6, 5, 4]))
print(tf.tensor_scatter_nd_sub(square, indices=[[0, 0], [0, 1]], updates=[1, 7]))
print(tf.tensor_scatter_nd_min(-square, indices=corners, updates=[-6, -5, -4]))
print(tf.tensor_scatter_nd_max(-square, indices=corners, updates=[6, 5, 4]))
print(tf.tensor_scatter_nd_update(square, indices=corners, updates=[1, 1, 1]))
