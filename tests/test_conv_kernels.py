"""The convolution and pooling kernels against loops written straight from the definition."""

import functools
import itertools
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tapelab import _conv, _threads
from tapelab._conv import (
    avg_pool2d,
    avg_pool2d_grad,
    conv2d,
    conv2d_filter_grad,
    conv2d_input_grad,
    conv2d_relu_grad,
    max_pool2d,
    max_pool2d_argmax,
    output_size,
    pool_gather,
    pool_scatter,
    resolve_padding,
    same_padding,
)
from tapelab._relu import relu_grad


def naive(x, k, strides, padding, dilations, g=None):
    """The definition, element by element of the output and of the window: y, or (y, gx, gk)."""
    kh, kw, _, o = k.shape
    before = [pair[0] for pair in padding]
    shape = x.shape
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    ho = max((x.shape[1] - (kh - 1) * dilations[0] - 1) // strides[0] + 1, 0)
    wo = max((x.shape[2] - (kw - 1) * dilations[1] - 1) // strides[1] + 1, 0)
    y, gx, gk = np.zeros((x.shape[0], ho, wo, o), np.result_type(x, k)), x * 0, k * 0
    for p, q, i, j in itertools.product(range(ho), range(wo), range(kh), range(kw)):
        at = slice(None), p * strides[0] + i * dilations[0], q * strides[1] + j * dilations[1]
        y[:, p, q] += (x[at][:, :, None] * k[i, j]).sum(1)
        if g is not None:
            gx[at] += (k[i, j] * g[:, p, q][:, None, :]).sum(2)
            gk[i, j] += (x[at][:, :, None] * g[:, p, q][:, None, :]).sum(0)
    if g is None:
        return y
    inside = tuple(slice(b, b + n) for b, n in zip(before, shape[1:3]))
    return y, gx[:, *inside], gk


# (N, H, W, C), (kh, kw, O), strides, padding, dilations
SAME3 = ((1, 1), (1, 1))
VALID = ((0, 0), (0, 0))
GEOMETRIES = [
    ((2, 5, 6, 3), (3, 3, 4), (1, 1), SAME3, (1, 1)),
    ((2, 5, 6, 3), (3, 3, 4), (1, 1), VALID, (1, 1)),
    ((3, 7, 4, 1), (1, 1, 1), (1, 1), VALID, (1, 1)),
    ((3, 7, 4, 2), (1, 1, 5), (2, 3), VALID, (1, 1)),
    ((1, 8, 9, 2), (2, 3, 1), (2, 1), ((0, 1), (1, 1)), (1, 1)),
    ((2, 7, 8, 1), (3, 2, 2), (3, 2), ((2, 0), (1, 3)), (1, 1)),
    ((1, 9, 8, 2), (3, 2, 3), (1, 1), ((2, 2), (0, 1)), (2, 3)),
    ((2, 9, 9, 2), (2, 3, 3), (2, 3), ((1, 1), (3, 2)), (3, 2)),
    ((2, 4, 3, 2), (5, 4, 3), (1, 1), ((2, 2), (1, 2)), (1, 1)),
    ((2, 3, 3, 2), (2, 2, 3), (1, 1), ((4, 3), (3, 5)), (1, 1)),  # taps that see padding only
    ((2, 1, 1, 2), (3, 3, 3), (1, 1), SAME3, (1, 1)),
    ((1, 1, 6, 1), (1, 5, 1), (1, 1), ((0, 0), (2, 2)), (1, 1)),
    ((1, 6, 1, 1), (5, 1, 1), (1, 1), ((2, 2), (0, 0)), (1, 1)),
    ((0, 5, 5, 2), (3, 3, 4), (1, 1), SAME3, (1, 1)),
    ((0, 5, 5, 2), (3, 3, 4), (2, 2), VALID, (1, 1)),
    ((2, 2, 2, 2), (3, 3, 4), (1, 1), VALID, (1, 1)),  # an empty output
    ((2, 5, 5, 0), (3, 3, 4), (1, 1), SAME3, (1, 1)),
    ((2, 5, 5, 3), (3, 3, 0), (1, 1), SAME3, (1, 1)),
    ((9, 12, 11, 16), (3, 3, 16), (1, 1), SAME3, (1, 1)),
    ((8, 6, 14, 5), (4, 2, 17), (1, 1), ((3, 0), (0, 1)), (1, 1)),
]


@functools.lru_cache(None)
def case(geometry):
    """x, k, g and naive y, gx, gk in float64, and (strides, padding, dilations)."""
    (n, h, w, c), (kh, kw, o), *rest = geometry
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal((n, h, w, c)), rng.standard_normal((kh, kw, c, o))
    g = rng.standard_normal(naive(x, k, *rest).shape)
    arrays = x, k, g, *naive(x, k, *rest, g=g)
    for a in arrays:
        a.flags.writeable = False  # the kernels must not modify what they are given
    return *arrays, rest


def physical(a, order):
    """The same array, laid out in memory with its axes in another order."""
    return np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))


@pytest.fixture(params=["as it comes", "cut small"])
def cut(request, monkeypatch):
    """The same work in one piece, or in many blocks and chunks on three threads."""
    if request.param == "cut small":
        monkeypatch.setattr(_conv, "_CACHE", 1)
        monkeypatch.setattr(_conv, "_BLOCK_COST", 1)
        monkeypatch.setattr(_conv, "_SMALL_PRODUCT", 1)
        monkeypatch.setattr(_conv, "_cuts", _conv._cuts.__wrapped__)  # what is remembered was cut otherwise
        monkeypatch.setattr(_threads, "_threads", 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("group", [(1, 1), (1, 2), (2, 3)], ids=str)
@pytest.mark.parametrize("place", [
    ((1, 1), SAME3, (1, 1)), ((2, 1), VALID, (1, 2)), ((1, 1), ((2, 2), (2, 0)), (1, 1)),
])  # fmt: skip
def test_groups_have_filters_of_their_own(place, group, dtype, cut):
    rng, (c, o), groups = np.random.default_rng(0), group, 5
    x = rng.standard_normal((3, 7, 6, groups * c)).astype(dtype)
    k = rng.standard_normal((3, 2, c, groups * o)).astype(dtype)
    parts = [*zip(np.split(x, groups, 3), np.split(k, groups, 3))]
    y = np.concatenate([conv2d(a, b, *place) for a, b in parts], 3)
    g = rng.standard_normal(y.shape).astype(dtype)
    parts = [*zip(*zip(*parts), np.split(g, groups, 3))]
    gx = np.concatenate([conv2d_input_grad(g, k, x.shape, *place) for x, k, g in parts], 3)
    gk = np.concatenate([conv2d_filter_grad(x, g, k.shape, *place) for x, k, g in parts], 3)
    tolerance = {np.float64: 1e-12, np.float32: 1e-5, np.float16: 5e-3}[dtype]
    for found, expected in (
        (conv2d(x, k, *place), y),
        (conv2d_input_grad(g, k, x.shape, *place), gx),
        (conv2d_filter_grad(x, g, k.shape, *place), gk),
    ):
        assert found.shape == expected.shape and found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max(initial=1))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_convolutions_are_their_definition(geometry, dtype, cut):
    *wide, rest = case(geometry)
    x, k, g = (a.astype(dtype) for a in wide[:3])
    kept = [a.copy() for a in (x, k, g)]
    y = conv2d(x, k, *rest)
    gx = conv2d_input_grad(g, k, x.shape, *rest)
    gk = conv2d_filter_grad(x, g, k.shape, *rest)
    tolerance = {np.float64: 1e-12, np.float32: 1e-5, np.float16: 5e-3}[dtype]
    for got, expected in zip((y, gx, gk), wide[3:], strict=True):
        assert got.shape == expected.shape and got.dtype == dtype
        scale = np.abs(expected).max(initial=1)
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)
    for now, then in zip((x, k, g), kept, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_bias_and_relu_together_are_one_after_the_other(geometry, dtype, cut):
    *wide, rest = case(geometry)
    x, k, dense = (a.astype(dtype) for a in wide[:3])
    b = np.random.default_rng(0).standard_normal(k.shape[3]).astype(dtype)
    y = conv2d(x, k, *rest, bias=b, relu=True)
    tolerance = {np.float64: 1e-12, np.float32: 1e-5, np.float16: 1e-2}[dtype]
    expected = np.maximum(conv2d(x, k, *rest) + b, 0)
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance * np.abs(expected).max(initial=1))
    for g in (dense, np.broadcast_to(dense.sum((1, 2), keepdims=True), dense.shape)):
        found = conv2d_relu_grad(g, y, x, k, *rest)
        assert (found is not None) == _conv._by_rows(x, y, k.shape, *rest)
        if found is None:
            continue
        pulled = relu_grad(g, y)
        wanted = (
            conv2d_input_grad(pulled, k, x.shape, *rest),
            conv2d_filter_grad(x, pulled, k.shape, *rest),
            pulled.sum((0, 1, 2)),
        )
        gx, *others = conv2d_relu_grad(g, y, x, k, *rest, images_too=False)
        assert gx is None
        for got, expected in zip((*found, *others), wanted + wanted[1:], strict=True):
            assert got.shape == expected.shape and got.dtype == dtype
            scale = np.abs(expected).max(initial=1)
            np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3), (1, 3, 2, 0), (0, 3, 1, 2), (3, 2, 1, 0), (2, 0, 3, 1)]
)
@pytest.mark.parametrize("geometry", [GEOMETRIES[i] for i in (0, 1, 3, 10, 13, 18, 19)], ids=str)
def test_memory_order_does_not_change_values(geometry, order):
    x, k, g, expected, gx, gk, rest = case(geometry)
    np.testing.assert_allclose(conv2d(physical(x, order), physical(k, order), *rest), expected)
    np.testing.assert_allclose(
        conv2d_input_grad(physical(g, order), physical(k, order), x.shape, *rest),
        gx,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        conv2d_filter_grad(physical(x, order), physical(g, order), k.shape, *rest),
        gk,
        atol=1e-12,
    )


def test_views_and_integer_input():
    x, k, g, expected, _, gk, rest = case(GEOMETRIES[0])
    big = np.zeros((4, 10, 12, 6))
    big[::2, ::2, ::-2, 1::2] = x
    view = big[::2, ::2, ::-2, 1::2]
    np.testing.assert_allclose(conv2d(view, k, *rest), expected)
    np.testing.assert_allclose(conv2d_filter_grad(view, g, k.shape, *rest), gk)
    zero_strides = np.broadcast_to(x[:1, :1, :1], x.shape)
    np.testing.assert_allclose(
        conv2d(zero_strides, k, *rest), naive(zero_strides, k, *rest), atol=1e-12
    )
    whole = (x * 9).astype(np.int32), (k * 9).astype(np.int32)
    np.testing.assert_array_equal(conv2d(*whole, *rest), naive(*whole, *rest))
    assert conv2d(*whole, *rest).dtype == np.int32


def test_length_one_axes_with_stride_zero():
    """`x[..., None]` has stride 0 on the new axis; windows must not inherit it."""
    rng = np.random.default_rng(3)
    image, k = rng.standard_normal((4, 6, 7)), rng.standard_normal((3, 3, 1, 2))
    for x in (image[..., None], image[:, None], image[:, :, None], image[None]):
        k = rng.standard_normal((3, 3, x.shape[3], 2))
        expected = naive(x, k, (1, 1), SAME3, (1, 1))
        np.testing.assert_allclose(conv2d(x, k, (1, 1), SAME3), expected, atol=1e-12)
        g = rng.standard_normal(expected.shape)
        np.testing.assert_allclose(
            np.sum(conv2d_filter_grad(x, g, k.shape, (1, 1), SAME3) * k), np.sum(g * expected)
        )


@pytest.mark.parametrize("geometry", [GEOMETRIES[i] for i in (0, 5, 7, 13, 18)], ids=str)
@pytest.mark.parametrize(
    "lead_a, lead_b",
    [((3,), ()), ((), (3,)), ((3,), (3,)), ((2, 1), (3,)), ((0,), ()), ((), (0,)), ((0,), (0,))],
)
def test_extra_leading_axes_are_mapped_over(geometry, lead_a, lead_b):
    (x, k, g, *_, rest), rng = case(geometry), np.random.default_rng(5)
    lead = np.broadcast_shapes(lead_a, lead_b)

    def check(function, a, b):
        a, b = rng.standard_normal(lead_a + a.shape), rng.standard_normal(lead_b + b.shape)
        got = function(a, b)
        plain = function(np.zeros(a.shape[-4:]), np.zeros(b.shape[-4:]))
        assert got.shape == lead + plain.shape
        a_all = np.broadcast_to(a, lead + a.shape[-4:])
        b_all = np.broadcast_to(b, lead + b.shape[-4:])
        for index in np.ndindex(lead):
            one = function(a_all[index], b_all[index])
            np.testing.assert_allclose(got[index], one, atol=1e-11)

    check(lambda x, k: conv2d(x, k, *rest), x, k)
    check(lambda g, k: conv2d_input_grad(g, k, x.shape, *rest), g, k)
    check(lambda x, g: conv2d_filter_grad(x, g, k.shape, *rest), x, g)


def test_finite_differences():
    x, k, g, *_, rest = case(GEOMETRIES[7])
    step, rng = 1e-6, np.random.default_rng(2)
    dx, dk = rng.standard_normal(x.shape), rng.standard_normal(k.shape)

    def loss(x, k):
        return np.sum(g * np.sin(conv2d(x, k, *rest)))

    slope = (loss(x + step * dx, k + step * dk) - loss(x - step * dx, k - step * dk)) / (2 * step)
    upstream = g * np.cos(conv2d(x, k, *rest))
    got = np.sum(dx * conv2d_input_grad(upstream, k, x.shape, *rest))
    got += np.sum(dk * conv2d_filter_grad(x, upstream, k.shape, *rest))
    assert abs(slope - got) < 1e-6 * max(1, abs(slope))


def test_wrong_shapes_are_named():
    x, k = np.ones((2, 5, 5, 3)), np.ones((3, 3, 4, 1))
    with pytest.raises(ValueError, match="filter depth: 3 vs 4"):
        conv2d(x, k, (1, 1), VALID)
    with pytest.raises(ValueError, match=r"filter_grad.*must end in \(3, 3, 1\)"):
        conv2d_filter_grad(x, np.ones((2, 4, 3, 1)), (3, 3, 3, 1), (1, 1), VALID)
    with pytest.raises(ValueError, match=r"input_grad.*must end in \(3, 3, 1\)"):
        conv2d_input_grad(np.ones((2, 3, 3, 2)), np.ones((3, 3, 3, 1)), x.shape, (1, 1), VALID)
    with pytest.raises(ValueError, match="does not fit"):
        conv2d(np.ones((1, 1, 1, 1)), np.ones((3, 3, 1, 1)), (1, 1), VALID)


# ------------------------------------------------------------------------------------- padding


@pytest.mark.parametrize(
    "size, k, stride, dilation, expected",
    [  # tf.nn's documented examples and cases checked against TensorFlow
        (28, 3, 1, 1, (1, 1)),
        (28, 3, 2, 1, (0, 1)),
        (13, 6, 5, 1, (1, 2)),  # "(13 - 1) % 5": the example of the tf.nn page
        (5, 2, 1, 1, (0, 1)),
        (5, 1, 3, 1, (0, 0)),
        (7, 3, 1, 2, (2, 2)),
        (4, 4, 1, 3, (4, 5)),
        (3, 2, 5, 1, (0, 0)),
        (0, 3, 1, 1, (1, 1)),
    ],
)
def test_same_padding(size, k, stride, dilation, expected):
    assert same_padding(size, k, stride, dilation) == expected
    assert output_size(size, k, stride, expected, dilation) == -(-size // stride)


def test_resolve_padding():
    assert resolve_padding("VALID", (9, 9), (3, 3), (1, 1)) == ((0, 0), (0, 0))
    assert resolve_padding("SAME", (9, 8), (3, 2), (2, 1)) == ((1, 1), (0, 1))
    explicit = np.array([[0, 0], [1, 2], [3, 0], [0, 0]])
    assert resolve_padding(explicit, (9, 9), (3, 3), (1, 1)) == ((1, 2), (3, 0))
    for wrong in (
        "same",
        "FULL",
        [[1, 1], [0, 0], [0, 0], [0, 0]],
        [[1, 1], [1, 1]],
        [[0, 0], [-1, 0], [0, 0], [0, 0]],
    ):
        with pytest.raises(ValueError, match="padding must be"):
            resolve_padding(wrong, (9, 9), (3, 3), (1, 1))


# ------------------------------------------------------------------------------------- pooling

POOLS = [
    ((2, 4, 6, 3), (2, 2), (2, 2), VALID),
    ((2, 5, 7, 2), (3, 2), (2, 3), ((1, 1), (0, 1))),
    ((1, 6, 5, 2), (3, 3), (1, 1), SAME3),
    ((2, 3, 3, 1), (1, 1), (2, 2), VALID),
    ((2, 7, 7, 1), (2, 2), (3, 3), ((0, 1), (0, 1))),
    ((0, 4, 4, 2), (2, 2), (2, 2), VALID),
    ((2, 1, 1, 3), (2, 2), (2, 2), ((0, 1), (0, 1))),
    ((2, 4, 4, 0), (2, 2), (2, 2), VALID),
]


def windows(shape, ksize, strides, padding):
    """(p, q, row slice, column slice) of each window, padding left out."""
    (_, h, w, _), ((top, bottom), (left, right)) = shape, padding
    for p in range((h + top + bottom - ksize[0]) // strides[0] + 1):
        for q in range((w + left + right - ksize[1]) // strides[1] + 1):
            row, col = p * strides[0] - top, q * strides[1] - left
            yield p, q, slice(max(row, 0), row + ksize[0]), slice(max(col, 0), col + ksize[1])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32])
@pytest.mark.parametrize("shape, ksize, strides, padding", POOLS, ids=str)
def test_pooling_is_its_definition(shape, ksize, strides, padding, dtype):
    # few distinct, negative values: many ties, and a padding of zeros would win
    x = np.random.default_rng(0).integers(-9, -5, shape).astype(dtype)
    top = max_pool2d(x, ksize, strides, padding)
    index = max_pool2d_argmax(x, ksize, strides, padding)
    np.testing.assert_array_equal(index, max_pool2d_argmax(x, ksize, strides, padding, y=top))
    mean = avg_pool2d(x, ksize, strides, padding)
    assert top.dtype == x.dtype and top.shape == index.shape == mean.shape
    w, places = shape[2], np.arange(shape[1] * shape[2]).reshape(shape[1:3])
    for p, q, rows, cols in windows(shape, ksize, strides, padding):
        window = x[:, rows, cols].reshape(shape[0], -1, shape[3]) if x.size else x[:, 0]
        if not x.size:
            continue
        np.testing.assert_array_equal(top[:, p, q], window.max(1))
        np.testing.assert_array_equal(index[:, p, q], places[rows, cols].ravel()[window.argmax(1)])
        np.testing.assert_allclose(mean[:, p, q], window.mean(1, dtype=np.float64), rtol=2e-3)
    assert not x.size or index.max() < shape[1] * w
    if dtype != np.int32:
        assert mean.dtype == x.dtype


@pytest.mark.parametrize("lead", [(), (3,), (0,), (2, 3)])
@pytest.mark.parametrize("shape, ksize, strides, padding", POOLS, ids=str)
def test_pooling_gradients_are_transposes(shape, ksize, strides, padding, lead):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, shape).astype(np.float64)
    index = max_pool2d_argmax(x, ksize, strides, padding)
    np.testing.assert_array_equal(pool_gather(x, index), max_pool2d(x, ksize, strides, padding))
    v, g = rng.standard_normal(lead + shape), rng.standard_normal(lead + index.shape)
    for forward, back in [
        (pool_gather(v, index), pool_scatter(g, index, shape)),
        (
            avg_pool2d(v, ksize, strides, padding),
            avg_pool2d_grad(g, shape, ksize, strides, padding),
        ),
    ]:
        assert forward.shape == g.shape and back.shape == v.shape
        # <g, A v> = <A' g, v>, slice by slice
        axes = (-4, -3, -2, -1)
        np.testing.assert_allclose(np.sum(forward * g, axes), np.sum(v * back, axes), atol=1e-12)


@pytest.mark.parametrize("order", [(1, 3, 2, 0), (3, 2, 1, 0)])
def test_pooling_keeps_the_memory_order_of_a_convolution(order):
    """Else every operation after a pooling would have to transpose."""
    shape, ksize, strides, padding = POOLS[1]
    plain = np.random.default_rng(0).standard_normal(shape)
    x, geometry = physical(plain, order), (ksize, strides, padding)
    index, expected = max_pool2d_argmax(x, *geometry), max_pool2d_argmax(plain, *geometry)
    g = physical(np.random.default_rng(1).standard_normal(index.shape), order)
    for got, want in [
        (index, expected),
        (max_pool2d(x, *geometry), max_pool2d(plain, *geometry)),
        (avg_pool2d(x, *geometry), avg_pool2d(plain, *geometry)),
        (pool_gather(x, index), pool_gather(plain, expected)),
        (pool_scatter(g, index, shape), pool_scatter(g, expected, shape)),
        (avg_pool2d_grad(g, shape, *geometry), avg_pool2d_grad(g.copy("C"), shape, *geometry)),
    ]:
        np.testing.assert_allclose(got, want)
        assert got.transpose(order).flags.c_contiguous


def test_relu_grad_keeps_the_memory_order_of_a_convolution():
    """Its cotangent often comes from a mean: broadcast, in NumPy's order."""
    x = physical(np.random.default_rng(0).standard_normal((3, 4, 5, 2)), (1, 3, 2, 0))
    g = np.broadcast_to(np.array([[[[1.0, 2.0]]]]), x.shape)
    got = relu_grad(g, x)
    np.testing.assert_array_equal(got, g * (x > 0))
    assert got.strides == x.strides
    np.testing.assert_array_equal(relu_grad(np.stack([g, 2 * g]), x)[1], 2 * got)


def test_max_pool_ties_infinities_and_nan():
    x = np.full((1, 2, 2, 1), -np.inf)
    assert max_pool2d_argmax(x, (3, 3), (1, 1), SAME3).ravel()[0] == 0
    g = pool_scatter(np.ones((1, 1, 1, 1)), max_pool2d_argmax(x, (2, 2), (2, 2), VALID), x.shape)
    np.testing.assert_array_equal(g.ravel(), [1, 0, 0, 0])
    x = np.array([1.0, np.nan, 5.0, 2.0]).reshape(1, 2, 2, 1)
    assert np.isnan(max_pool2d(x, (2, 2), (2, 2), VALID)).all()
    assert max_pool2d_argmax(x, (2, 2), (2, 2), VALID).item() == 1


def test_pooling_a_window_of_padding_only_is_an_error():
    for pool in (max_pool2d, avg_pool2d):
        with pytest.raises(ValueError, match="smaller than the window"):
            pool(np.ones((1, 4, 4, 1)), (2, 2), (1, 1), ((2, 0), (0, 0)))


# ------------------------------------------------------------------------------------- threads


def test_set_threads(monkeypatch):
    monkeypatch.setattr(_threads, "_threads", 1)  # put back afterwards
    _threads.set_threads(3)
    assert _threads.get_threads() == 3
    with pytest.raises(ValueError, match="at least 1"):
        _threads.set_threads(0)
    for value, error in (("two", ValueError), ([2], TypeError)):
        with pytest.raises(error, match="set_threads: .* must be an integer, not"):
            _threads.set_threads(value)
    assert _threads.get_threads() == 3
    _threads.set_threads()
    assert _threads.get_threads() == _threads._usable_cores() >= 1


def test_parallel_keeps_order_and_uses_the_threads():
    meet = threading.Barrier(3, timeout=30)  # passed only if three run at the same time

    def task(i, j):
        meet.wait()
        return i + j

    assert _threads.parallel(task, [(i, 10) for i in range(6)], 3) == [*range(10, 16)]
    assert _threads.parallel(lambda i: i, [(i,) for i in range(4)], 1) == [0, 1, 2, 3]
    assert _threads.parallel(task, [], 3) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_block_is_raised_and_the_threads_live_on(error):
    def task(i):
        if i == 2:
            raise error("block 2")
        return i

    for _ in range(3):
        with pytest.raises(error, match="block 2"):
            _threads.parallel(task, [(i,) for i in range(5)], 3)
    assert _threads.parallel(abs, [(-i,) for i in range(5)], 3) == [0, 1, 2, 3, 4]


@pytest.mark.skipif(_threads._core() is None, reason="no choice of cores on this system")
def test_threads_keep_off_each_others_core(monkeypatch):
    """While others work for it the caller stays on one core, and they on others; then it is free again."""
    before, caller, meet = os.sched_getaffinity(0), threading.get_ident(), threading.Barrier(2, timeout=30)
    if len(before) < 2:
        pytest.skip("only one core")

    def task(fails):
        meet.wait()  # passed only if both threads have a task
        if fails:
            raise KeyboardInterrupt
        return threading.get_ident() == caller, os.sched_getaffinity(0)

    def cores():
        found = dict(_threads.parallel(task, [(False,), (False,)], 2))
        assert os.sched_getaffinity(0) == before
        return found[True], found[False]

    home, elsewhere = cores()
    assert len(home) == 1 and elsewhere == before - home
    with pytest.raises(KeyboardInterrupt):
        _threads.parallel(task, [(True,), (False,)], 2)
    assert os.sched_getaffinity(0) == before
    os.sched_setaffinity(0, home)  # a Ctrl-C before the caller was free again
    _threads._local.cores = before
    assert cores()[1] != home
    monkeypatch.setattr(_threads, "_core", lambda: None)
    assert cores()[0] == before


def test_convolutions_from_several_threads_at_once(monkeypatch):
    monkeypatch.setattr(_conv, "_BLOCK_COST", 1)
    monkeypatch.setattr(_conv, "_cuts", _conv._cuts.__wrapped__)
    monkeypatch.setattr(_threads, "_threads", 2)
    x, k, _, expected, *_, rest = case(GEOMETRIES[18])
    with ThreadPoolExecutor(4) as users:
        for y in users.map(lambda _: conv2d(x, k, *rest), range(40)):
            np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_threads_work_after_a_fork():
    _threads.parallel(abs, [(1,), (2,)], 2)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs dies, and the test fails
        os._exit(_threads.parallel(abs, [(-1,), (-2,)], 2) != [1, 2])
    assert os.waitpid(child, 0)[1] == 0
