"""tf.keras.ops and tf.keras.random: what Keras 3.15 prints, gradients, functional models."""

import numpy as np
import pytest

import tapelab as tf
from tapelab.keras import ops

GIVEN = {
    "ops": ops,
    "I": tf.constant([1, 2, 3]),
    "I8": tf.constant([[1, 2], [3, 4]], "int8"),
    "U8": tf.constant([200, 100], "uint8"),
    "I64": tf.constant([1, 2, 4], "int64"),
    "F16": tf.constant([1.0, 2.0], "float16"),
    "F": tf.constant([1.0, -2.0, 3.0]),
    "M": tf.constant([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]),
}

PRINTED = [
    ("ops.add(I, 1.5)", "float32", [2.5, 3.5, 4.5]),
    ("ops.add(I8, F16)", "float16", [[2.0, 4.0], [4.0, 6.0]]),
    ("ops.add(I64, F)", "float32", [2.0, 0.0, 7.0]),
    ("ops.add(True, 2)", "int32", 3),
    ("ops.add(U8, I8)", "int16", [[201, 102], [203, 104]]),
    ("ops.subtract(2, F)", "float32", [1.0, 4.0, -1.0]),
    ("ops.multiply([1, 2], 2.0)", "float32", [2.0, 4.0]),
    ("ops.divide(I, 2)", "float32", [0.5, 1.0, 1.5]),
    ("ops.divide(I64, I64)", "float32", [1.0, 1.0, 1.0]),
    ("ops.true_divide(7, 2)", "float32", 3.5),
    ("ops.divide_no_nan(I, 0)", "float32", [0.0, 0.0, 0.0]),
    ("ops.floor_divide(I, 2)", "int32", [0, 1, 1]),
    ("ops.mod(-3, I)", "int32", [0, 1, 0]),
    ("ops.power(I, 2.0)", "float32", [1.0, 4.0, 9.0]),
    ("ops.power(2, I)", "int32", [2, 4, 8]),
    ("ops.maximum(F, 0)", "float32", [1.0, 0.0, 3.0]),
    ("ops.minimum(I, 2.5)", "float32", [1.0, 2.0, 2.5]),
    ("ops.arctan2(1, I)", "float32", [0.7854, 0.46365, 0.32175]),
    ("ops.equal(I, 2.0)", "bool", [False, True, False]),
    ("ops.greater(F, I)", "bool", [False, False, False]),
    ("ops.not_equal(I8, 2)", "bool", [[True, False], [True, True]]),
    ("ops.logical_and(I, [0.0, 1.0, 0.0])", "bool", [False, True, False]),
    ("ops.logical_not(F)", "bool", [False, False, False]),
    ("ops.logical_xor([True], [1])", "bool", [False]),
    ("ops.sum(I8)", "int32", 10),
    ("ops.sum(U8, keepdims=True)", "uint32", [300]),
    ("ops.sum(F > 0)", "int32", 2),
    ("ops.sum(M, axis=0)", "float32", [7.0, 7.0, 7.0]),
    ("ops.sum(M, axis=(0, 1), keepdims=True)", "float32", [[21.0]]),
    ("ops.prod(I8)", "int32", 24),
    ("ops.mean(I)", "float32", 2.0),
    ("ops.mean(I64)", "float32", 2.3333),
    ("ops.mean(F16)", "float16", 1.5),
    ("ops.mean(F > 0)", "float32", 0.66667),
    ("ops.mean(M, axis=-1, keepdims=True)", "float32", [[2.0], [5.0]]),
    ("ops.var(I)", "float32", 0.66667),
    ("ops.std(M, axis=1)", "float32", [0.8165, 0.8165]),
    ("ops.max(M, axis=1)", "float32", [3.0, 6.0]),
    ("ops.max(F > 0)", "bool", True),
    ("ops.max(F, initial=9.0)", "float32", 9.0),
    ("ops.amin(M)", "float32", 1.0),
    ("ops.min(F > 0)", "bool", False),
    ("ops.any(F)", "bool", True),
    ("ops.all(M, axis=1)", "bool", [True, True]),
    ("ops.logsumexp(M, axis=1)", "float32", [3.4076, 6.4076]),
    ("ops.count_nonzero(F)", "int32", 3),
    ("ops.argmax(M)", "int32", 4),
    ("ops.argmax(M, axis=1, keepdims=True)", "int32", [[0], [1]]),
    ("ops.argmin(M, keepdims=True)", "int32", [[1]]),
    ("ops.argsort(F)", "int32", [1, 0, 2]),
    ("ops.argsort(M, axis=None)", "int32", [1, 2, 0, 3, 5, 4]),
    ("ops.sort(M, axis=0)", "float32", [[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]),
    ("ops.sort(F > 0)", "bool", [False, True, True]),
    ("ops.cumsum(M)", "float32", [3.0, 4.0, 6.0, 10.0, 16.0, 21.0]),
    ("ops.cumsum(M, axis=1)", "float32", [[3.0, 4.0, 6.0], [4.0, 10.0, 15.0]]),
    ("ops.cumsum(F > 0)", "int32", [1, 1, 2]),
    ('ops.cumprod(I, dtype="float32")', 'float32', [1.0, 2.0, 6.0]),
    ("ops.top_k(F, 2)[1]", "int32", [2, 0]),
    ("ops.in_top_k([0, 1], [[1.0, 2.0], [1.0, 2.0]], 1)", "bool", [False, True]),
    ("ops.exp(I)", "float32", [2.7183, 7.3891, 20.086]),
    ("ops.log(I64)", "float32", [0.0, 0.69315, 1.3863]),
    ("ops.sqrt(I)", "float32", [1.0, 1.4142, 1.7321]),
    ("ops.rsqrt(F16 + 4)", "float16", [0.44727, 0.4082]),
    ("ops.square(F > 0)", "int32", [1, 0, 1]),
    ("ops.absolute(U8)", "uint8", [200, 100]),
    ("ops.abs(F)", "float32", [1.0, 2.0, 3.0]),
    ("ops.sign(U8)", "uint8", [1, 1]),
    ("ops.floor(I)", "float32", [1.0, 2.0, 3.0]),
    ("ops.ceil(F)", "float32", [1.0, -2.0, 3.0]),
    ("ops.round(F * 1.26, 1)", "float32", [1.3, -2.5, 3.8]),
    ("ops.round(I, 2)", "int32", [1, 2, 3]),
    ("ops.log2(I)", "float32", [0.0, 1.0, 1.585]),
    ("ops.log10(F * F + 1)", "float32", [0.30103, 0.69897, 1.0]),
    ("ops.arcsin(0.5)", "float32", 0.5236),
    ("ops.arctanh(F / 9)", "float32", [0.11157, -0.22599, 0.34657]),
    ("ops.isnan(I)", "bool", [False, False, False]),
    ("ops.isfinite(F)", "bool", [True, True, True]),
    ("ops.negative(I)", "int32", [-1, -2, -3]),
    ("ops.reciprocal(F + 9)", "float32", [0.1, 0.14286, 0.083333]),
    ("ops.erf(F)", "float32", [0.8427, -0.99532, 0.99998]),
    ("ops.clip(F, -1, 1)", "float32", [1.0, -1.0, 1.0]),
    ("ops.clip(I, 1, 2)", "int32", [1, 2, 2]),
    ("ops.relu(F)", "float32", [1.0, 0.0, 3.0]),
    ("ops.relu6(I)", "int32", [1, 2, 3]),
    ("ops.sigmoid(F)", "float32", [0.73106, 0.1192, 0.95257]),
    ("ops.softmax(M)", "float32", [[0.66524, 0.090031, 0.24473], [0.090031, 0.66524, 0.24473]]),
    ("ops.softmax(M, axis=None)", "float32",
     [[0.03155, 0.0042698, 0.011606], [0.085761, 0.63369, 0.23312]]),
    ("ops.log_softmax(M, axis=0)", "float32",
     [[-1.3133, -5.0067, -3.0486], [-0.31326, -0.0067153, -0.048587]]),
    ("ops.gelu(F)", "float32", [0.84119, -0.045402, 2.9964]),
    ("ops.gelu(F, approximate=False)", "float32", [0.84134, -0.0455, 2.996]),
    ("ops.elu(F, alpha=0.5)", "float32", [1.0, -0.43233, 3.0]),
    ("ops.leaky_relu(F)", "float32", [1.0, -0.4, 3.0]),
    ("ops.hard_sigmoid(F)", "float32", [0.66667, 0.16667, 1.0]),
    ("ops.silu(F)", "float32", [0.73106, -0.23841, 2.8577]),
    ("ops.log_sigmoid(F)", "float32", [-0.31326, -2.1269, -0.048587]),
    ("ops.softplus(F)", "float32", [1.3133, 0.12693, 3.0486]),
    ("ops.matmul(M, [1.0, 2.0, 3.0])", "float32", [11.0, 31.0]),
    ("ops.matmul([1, 2], M)", "float32", [11.0, 13.0, 12.0]),
    ("ops.matmul(I8, I8)", "int32", [[7, 10], [15, 22]]),
    ("ops.matmul(M, ops.transpose(M))", "float32", [[14.0, 28.0], [28.0, 77.0]]),
    ('ops.matmul(ops.ones((2, 3), "int8"), ops.ones((3, 2), "int8"))', 'int32', [[3, 3], [3, 3]]),
    ('ops.matmul(ops.ones((2, 1, 3)), ops.ones((3, 2), "int32"))', 'float32', [[[3.0, 3.0]], [[3.0, 3.0]]]),
    ("ops.dot(I, 2.0)", "float32", [2.0, 4.0, 6.0]),
    ("ops.dot(M, F)", "float32", [7.0, 7.0]),
    ("ops.dot(ops.ones((1, 2)), ops.ones((3, 2, 1)))", "float32", [[[2.0], [2.0], [2.0]]]),
    ("ops.outer(I, F)", "float32", [[1.0, -2.0, 3.0], [2.0, -4.0, 6.0], [3.0, -6.0, 9.0]]),
    ("ops.tensordot(M, M)", "float32", 91.0),
    ("ops.tensordot(I, F, axes=1)", "float32", 6.0),
    ('ops.einsum("ij,j->i", M, I)', 'float32', [11.0, 31.0]),
    ('ops.einsum("i,i->", I, I)', 'int32', 14),
    ("ops.reshape(M, (3, -1))", "float32", [[3.0, 1.0], [2.0, 4.0], [6.0, 5.0]]),
    ("ops.ravel(M)", "float32", [3.0, 1.0, 2.0, 4.0, 6.0, 5.0]),
    ("ops.transpose(M)", "float32", [[3.0, 4.0], [1.0, 6.0], [2.0, 5.0]]),
    ("ops.transpose(ops.ones((1, 2, 3)), axes=(0, -1, 1))", "float32",
     [[[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]]),
    ("ops.swapaxes(ops.ones((1, 2, 3)), 0, -1)", "float32",
     [[[1.0], [1.0]], [[1.0], [1.0]], [[1.0], [1.0]]]),
    ("ops.moveaxis(ops.ones((1, 2, 3)), (0, 1), (-1, 0))", "float32",
     [[[1.0], [1.0], [1.0]], [[1.0], [1.0], [1.0]]]),
    ("ops.expand_dims(F, (0, -1))", "float32", [[[1.0], [-2.0], [3.0]]]),
    ("ops.expand_dims(F, -1)", "float32", [[1.0], [-2.0], [3.0]]),
    ("ops.squeeze(ops.ones((1, 2, 1)))", "float32", [1.0, 1.0]),
    ("ops.squeeze(ops.ones((1, 2, 1)), axis=-1)", "float32", [[1.0, 1.0]]),
    ("ops.broadcast_to(I, (2, 3))", "int32", [[1, 2, 3], [1, 2, 3]]),
    ("ops.concatenate([I, F])", "float32", [1.0, 2.0, 3.0, 1.0, -2.0, 3.0]),
    ("ops.concatenate([M, M], axis=-1)", "float32",
     [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0], [4.0, 6.0, 5.0, 4.0, 6.0, 5.0]]),
    ("ops.stack([I, F], axis=1)", "float32", [[1.0, 1.0], [2.0, -2.0], [3.0, 3.0]]),
    ("ops.stack([1, 2.5])", "float32", [1.0, 2.5]),
    ("ops.unstack(M, axis=1)[2]", "float32", [2.0, 5.0]),
    ("ops.split(M, 3, axis=1)[1]", "float32", [[1.0], [6.0]]),
    ("ops.split(F, [1, 2])[1]", "float32", [-2.0]),
    ("ops.repeat(I, 2)", "int32", [1, 1, 2, 2, 3, 3]),
    ("ops.repeat(M, 2, axis=0)", "float32",
     [[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [4.0, 6.0, 5.0], [4.0, 6.0, 5.0]]),
    ("ops.tile(I, 2)", "int32", [1, 2, 3, 1, 2, 3]),
    ("ops.tile(I, (2, 1))", "int32", [[1, 2, 3], [1, 2, 3]]),
    ("ops.tile(M, 2)", "float32", [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0], [4.0, 6.0, 5.0, 4.0, 6.0, 5.0]]),
    ("ops.flip(M)", "float32", [[5.0, 6.0, 4.0], [2.0, 1.0, 3.0]]),
    ("ops.flip(M, axis=1)", "float32", [[2.0, 1.0, 3.0], [5.0, 6.0, 4.0]]),
    ("ops.roll(M, 1)", "float32", [[5.0, 3.0, 1.0], [2.0, 4.0, 6.0]]),
    ("ops.roll(M, 1, axis=1)", "float32", [[2.0, 3.0, 1.0], [5.0, 4.0, 6.0]]),
    ("ops.pad(I, 1)", "int32", [0, 1, 2, 3, 0]),
    ("ops.pad(M, ((0, 0), (1, 1)), constant_values=7)", "float32",
     [[7.0, 3.0, 1.0, 2.0, 7.0], [7.0, 4.0, 6.0, 5.0, 7.0]]),
    ('ops.pad(F, ((1, 1),), mode="reflect")', 'float32', [-2.0, 1.0, -2.0, 3.0, -2.0]),
    ("ops.take(I, [-1, 0])", "int32", [3, 1]),
    ("ops.take(M, [1], axis=1)", "float32", [[1.0], [6.0]]),
    ("ops.take(M, 4)", "float32", 6.0),
    ("ops.take_along_axis(M, [[2], [0]], axis=1)", "float32", [[2.0], [4.0]]),
    ("ops.take_along_axis(M, [[-1, 0, 0]], axis=0)", "float32", [[4.0, 1.0, 2.0]]),
    ("ops.take_along_axis(M, [5, 0])", "float32", [5.0, 3.0]),
    ("ops.get_item(M, (0, 1))", "float32", 1.0),
    ("ops.where(F > 0, F, 0)", "float32", [1.0, 0.0, 3.0]),
    ("ops.where(F > 0, I, 0.5)", "float32", [1.0, 0.5, 3.0]),
    ("ops.where(I, 1, 0)", "int32", [1, 1, 1]),
    ("ops.where(F > 0)[0]", "int32", [0, 2]),
    ("ops.nonzero(M > 2)[1]", "int32", [0, 0, 1, 2]),
    ("ops.scatter([[1]], [2.0], (3,))", "float32", [0.0, 2.0, 0.0]),
    ("ops.scatter_update(F, [[0], [2]], [7.0, 8.0])", "float32", [7.0, -2.0, 8.0]),
    ('ops.scatter_update(F, [[0], [0]], [7.0, 8.0], reduction="add")', 'float32', [16.0, -2.0, 3.0]),
    ('ops.scatter_update(F, [[0], [2]], [7.0, 8.0], reduction="max")', 'float32', [7.0, -2.0, 8.0]),
    ("ops.slice(M, (0, 1), (2, 2))", "float32", [[1.0, 2.0], [6.0, 5.0]]),
    ("ops.slice_update(M, (1, 1), [[7.0, 8.0]])", "float32", [[3.0, 1.0, 2.0], [4.0, 7.0, 8.0]]),
    ("ops.one_hot([0, 2], 3)", "float32", [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    ('ops.one_hot([0.0, 2.0], 3, axis=0, dtype="int32")', 'int32', [[1, 0], [0, 0], [0, 1]]),
    ('ops.one_hot([-1], 2, dtype="bool")', 'bool', [[False, False]]),
    ("ops.zeros((2,))", "float32", [0.0, 0.0]),
    ('ops.ones((2,), dtype="int32")', 'int32', [1, 1]),
    ("ops.full((2,), 3)", "float32", [3.0, 3.0]),
    ('ops.full((2,), 2.5, dtype="int32")', 'int32', [2, 2]),
    ("ops.full_like(I, 2.5)", "int32", [2, 2, 2]),
    ('ops.zeros_like(M, dtype="int32")', 'int32', [[0, 0, 0], [0, 0, 0]]),
    ("ops.ones_like(I)", "int32", [1, 1, 1]),
    ("ops.eye(2)", "float32", [[1.0, 0.0], [0.0, 1.0]]),
    ('ops.eye(2, 3, k=1, dtype="int32")', 'int32', [[0, 1, 0], [0, 0, 1]]),
    ("ops.arange(3)", "int32", [0, 1, 2]),
    ("ops.arange(1, 2, 0.5)", "float32", [1.0, 1.5]),
    ("ops.arange(3.0)", "float32", [0.0, 1.0, 2.0]),
    ('ops.arange(5, 0, -2, dtype="float32")', 'float32', [5.0, 3.0, 1.0]),
    ("ops.linspace(0, 1, 3)", "float32", [0.0, 0.5, 1.0]),
    ("ops.linspace(0.0, 1.0, 4, endpoint=False)", "float32", [0.0, 0.25, 0.5, 0.75]),
    ("ops.linspace(0, 1, 5, retstep=True)[1]", "float32", 0.25),
    ("ops.meshgrid(I, [1, 2])[0]", "int32", [[1, 2, 3], [1, 2, 3]]),
    ('ops.meshgrid(I, [1, 2], indexing="ij")[1]', 'int32', [[1, 2], [1, 2], [1, 2]]),
    ("ops.diag(I)", "int32", [[1, 0, 0], [0, 2, 0], [0, 0, 3]]),
    ("ops.diag(M, k=1)", "float32", [1.0, 5.0]),
    ("ops.diagonal(M)", "float32", [3.0, 6.0]),
    ("ops.trace(M)", "float32", 9.0),
    ('ops.trace(ops.ones((2, 2), "int8"))', 'int32', 2),
    ("ops.tril(M)", "float32", [[3.0, 0.0, 0.0], [4.0, 6.0, 0.0]]),
    ("ops.triu(M, k=1)", "float32", [[0.0, 1.0, 2.0], [0.0, 0.0, 5.0]]),
    ("ops.tril(M, k=-1)", "float32", [[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]]),
    ("ops.norm(M)", "float32", 9.5394),
    ("ops.norm(M, ord=1)", "float32", 7.0),
    ("ops.norm(M, axis=1, keepdims=True)", "float32", [[3.7417], [8.775]]),
    ("ops.norm(I)", "float32", 3.7417),
    ('ops.norm(M, ord="fro", axis=(0, 1))', 'float32', 9.5394),
    ("ops.normalize(M)", "float32", [[0.80178, 0.26726, 0.53452], [0.45584, 0.68376, 0.5698]]),
    ("ops.normalize(M, axis=0, order=1)", "float32",
     [[0.42857, 0.14286, 0.28571], [0.57143, 0.85714, 0.71429]]),
    ("ops.det([[1.0, 2.0], [3.0, 4.0]])", "float32", -2.0),
    ("ops.inv([[2.0, 0.0], [0.0, 4.0]])", "float32", [[0.5, 0.0], [0.0, 0.25]]),
    ("ops.solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [4.0]])", "float32", [[1.0], [1.0]]),
    ('ops.cast(F, "int32")', 'int32', [1, -2, 3]),
    ('ops.convert_to_tensor([1.5, 2.5], dtype="int32")', 'int32', [1, 2]),
    ('ops.convert_to_tensor(I, dtype="float16")', 'float16', [1.0, 2.0, 3.0]),
    ('ops.convert_to_tensor(0.1, dtype="float64")', 'float64', 0.1),
    ("ops.array([1, 2])", "int32", [1, 2]),
    ("ops.size(M)", "int32", 6),
    ('ops.shape(M)', None, (2, 3)),
    ("ops.stop_gradient(F)", "float32", [1.0, -2.0, 3.0]),
    ("ops.cond(True, lambda: F, lambda: I)", "float32", [1.0, -2.0, 3.0]),
    ("ops.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + i), (0, 0))[1]", "int32", 3),
    ("ops.fori_loop(0, 3, lambda i, s: s + i, 10)", "int32", 13),
    ("ops.map(lambda row: ops.sum(row), M)", "float32", [6.0, 15.0]),
    ("ops.vectorized_map(lambda row: row * 2, M)", "float32", [[6.0, 2.0, 4.0], [8.0, 12.0, 10.0]]),
    ("ops.scan(lambda s, x: (s + x, s * x), 1.0, F)[1]", "float32", [1.0, -4.0, 0.0]),
    ("ops.scan(lambda s, x: (s + x, s + x), 1.0, F, reverse=True)[1]", "float32", [3.0, 2.0, 4.0]),
    ("ops.binary_crossentropy([[1.0, 0.0]], [[0.5, 0.25]])", "float32", [[0.69315, 0.28768]]),
    ("ops.binary_crossentropy([[1.0, 0.0]], [[2.0, 0.25]], from_logits=True)", "float32",
     [[0.12693, 0.82594]]),
    ("ops.categorical_crossentropy([[1.0, 0.0]], [[0.5, 0.25]])", "float32", [0.40547]),
    ("ops.sparse_categorical_crossentropy([1], [[2.0, 0.25]], from_logits=True)", "float32", [1.9102]),
    ('ops.conv(ops.ones((1, 4, 1)), ops.ones((2, 1, 1)), strides=2, padding="same")', 'float32',
     [[[2.0], [2.0]]]),
    ("ops.conv(ops.ones((1, 3, 3, 1)), ops.ones((2, 2, 1, 1)))", "float32",
     [[[[4.0], [4.0]], [[4.0], [4.0]]]]),
    ("ops.depthwise_conv(ops.ones((1, 2, 2, 2)), ops.ones((2, 2, 2, 1)))", "float32", [[[[4.0, 4.0]]]]),
    ("ops.max_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2)", "float32", [[[1.0], [3.0]]]),
    ("ops.average_pool(ops.reshape(ops.arange(4.0), (1, 2, 2, 1)), (2, 2), strides=1)", "float32",
     [[[[1.5]]]]),
    ("ops.moments(M, [0])[1]", "float32", [0.25, 6.25, 2.25]),
    ("ops.segment_sum(F, ops.array([0, 1, 0]))", "float32", [4.0, -2.0]),
    ("ops.segment_sum(F, ops.array([0, 1, 0]), num_segments=3)", "float32", [4.0, -2.0, 0.0]),
    ("ops.segment_max(F, ops.array([0, 0, 1]), sorted=True)", "float32", [1.0, 3.0]),
    ("ops.segment_max(F, ops.array([1, 0, 1]))", "float32", [-2.0, 3.0]),
]  # fmt: skip


@pytest.mark.parametrize("expression, dtype, value", PRINTED, ids=[e for e, *_ in PRINTED])
def test_as_keras_prints(expression, dtype, value):
    z = eval(expression, GIVEN)
    if dtype is None:
        assert z == value
        return
    assert z.dtype.name == dtype
    assert z.shape == np.shape(value)
    np.testing.assert_allclose(z.numpy(), value, rtol=2e-3 if dtype == "float16" else 2e-4, atol=1e-6)


def test_gradients_flow():
    x = tf.Variable([[1.0, -2.0, 3.0]])
    with tf.GradientTape() as tape:
        y = ops.sum(ops.take(ops.square(ops.relu(x)), [-1, 0, -1], axis=1))
    assert tape.gradient(y, x).numpy().tolist() == [[2.0, 0.0, 12.0]]
    with tf.GradientTape() as tape:
        y = ops.slice_update(x * 2, (0, 1), [[1.0]])
    assert tape.gradient(y, x).numpy().tolist() == [[2.0, 0.0, 2.0]]
    with tf.GradientTape() as tape:
        y = ops.divide(ops.cast(x, "float16"), 2)
    assert tape.gradient(y, x).numpy().tolist() == [[0.5, 0.5, 0.5]]


def test_a_functional_model():
    x = tf.keras.Input((4, 3))
    y = ops.concatenate([ops.mean(x, axis=1), ops.max(x, axis=1)], axis=-1)
    model = tf.keras.Model(x, [ops.expand_dims(y, 1), ops.argmax(y, axis=-1)])
    assert [o.shape for o in model.outputs] == [(None, 1, 6), (None,)]
    assert [o.dtype for o in model.outputs] == ["float32", "int32"]
    assert ops.shape(x) == (None, 4, 3) and ops.dtype(x) == "float32"
    rows, places = model(tf.reshape(tf.range(24.0), (2, 4, 3)))
    assert rows.numpy()[0].tolist() == [[4.5, 5.5, 6.5, 9.0, 10.0, 11.0]]
    assert places.numpy().tolist() == [5, 5]
    model.compile("sgd", "mse")
    dense = tf.keras.layers.Dense(1)
    trained = tf.keras.Model(x, ops.mean(dense(ops.transpose(x, (0, 2, 1))), axis=(1, 2)))
    trained.compile("sgd", "mse")
    trained.fit(np.ones((8, 4, 3), "f"), np.ones(8, "f"), verbose=0)
    assert len(trained.trainable_variables) == 2


def test_crossentropy_of_a_softmax_is_computed_from_its_logits():
    z = tf.constant([[1000.0, 0.0]])
    assert ops.categorical_crossentropy([[0.0, 1.0]], ops.softmax(z)).numpy().tolist() == [1000.0]
    loss = ops.binary_crossentropy([[0.0, 1.0]], ops.sigmoid(z)).numpy()
    np.testing.assert_allclose(loss, [[1000.0, np.log(2.0)]], rtol=1e-6)


def test_names():
    assert tf.keras.ops is ops
    assert ops.matmul.__doc__ and ops.arange.__name__ == "arange"
    with pytest.raises(AttributeError, match="did you mean tf.keras.ops.softmax"):
        _ = ops.softmaxx
    with pytest.raises(AttributeError, match="tf.keras.ops.numpy: its functions are in tf.keras.ops"):
        _ = ops.numpy
    with pytest.raises(TypeError, match="no_such"):
        ops.exp(1.0, no_such=2)


def test_seeds():
    random = tf.keras.random
    a, b = (random.normal((3,), seed=7).numpy().tolist() for _ in range(2))
    assert a == b
    seeds = random.SeedGenerator(7)
    a2, c = (random.normal((3,), seed=seeds).numpy().tolist() for _ in range(2))
    assert a2 == a != c and seeds.next().numpy().tolist() == [7, 2]
    again = random.SeedGenerator.from_config(seeds.get_config())
    assert random.normal((3,), seed=again).numpy().tolist() == a
    tf.keras.utils.set_random_seed(1)
    d = random.uniform((3,), -1.0, 1.0).numpy().tolist()
    tf.keras.utils.set_random_seed(1)
    assert random.uniform((3,), -1.0, 1.0).numpy().tolist() == d
    assert random.randint((100,), 2, 5, seed=1).numpy().min() == 2
    with pytest.raises(ValueError, match="must be either an integer or an instance of `SeedGenerator`"):
        random.normal((2,), seed="wrong")


def test_dropout_and_shuffle():
    random = tf.keras.random
    x = tf.Variable(tf.ones((4, 5)))
    with tf.GradientTape() as tape:
        y = random.dropout(x, 0.5, noise_shape=(4, 1), seed=1)
    assert set(y.numpy().ravel().tolist()) == {0.0, 2.0}
    assert (tape.gradient(y, x).numpy() == y.numpy()).all()
    assert sorted(random.shuffle(tf.range(9), seed=1).numpy().tolist()) == list(range(9))
