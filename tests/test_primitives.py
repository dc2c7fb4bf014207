"""Every primitive of the table: derivatives, stacks of cotangents, both paths, dtypes.

The table itself is the list of tests. `EXAMPLES` has inputs for each row, and a row without an
example fails, so there is no untested primitive. References are central finite differences; what
they have confirmed then serves as the reference for the batched and higher passes.
"""

import importlib
import itertools
import pkgutil
import zlib
from typing import NamedTuple

import numpy as np
import pytest

import tapelab
import tapelab as tf
from tapelab.primitive import P
from tapelab.tensor import Tensor

for module in pkgutil.iter_modules(tapelab.__path__):  # some rows are entered when they are needed
    if not module.ispkg:
        importlib.import_module(f"tapelab.{module.name}")


class Case(NamedTuple):
    key: str
    inputs: tuple
    attrs: dict
    note: str = ""

    @property
    def p(self):
        return getattr(P, self.key)

    @property
    def wrt(self):
        """The inputs that have a derivative."""
        rules = self.p.rules
        return [
            i
            for i, x in enumerate(self.inputs)
            if x.dtype.kind in "fc"
            and (self.p.joint or self.p.variadic or i < len(rules) and rules[i])
        ]

    @property
    def real(self):
        """No complex number goes in or comes out."""
        to_complex = self.key == "complex" or self.key == "cast" and self.attrs["to"].kind == "c"
        return not to_complex and all(x.dtype.kind != "c" for x in self.inputs)

    def __str__(self):
        shapes = "-".join("x".join(map(str, x.shape)) or "scalar" for x in self.inputs)
        return f"{self.key}:{shapes}{':' if self.note else ''}{self.note}"


def frozen(a):
    """A private copy nobody can write to: a rule or a forward that tries fails loudly."""
    a = np.array(a)
    a.setflags(write=False)
    return a


class Draw:
    """Repeatable numbers for one key."""

    def __init__(self, key):
        self.rng = np.random.default_rng(zlib.crc32(key.encode()))

    def __call__(self, *shape, low=-2.0, high=2.0):
        return frozen(self.rng.uniform(low, high, shape))

    def spd(self, *shape):
        a = self(*shape)
        return frozen(a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1]))

    def regular(self, *shape):
        return frozen(self(*shape) + 4 * np.eye(shape[-1]))


# ---------------------------------------------------------------- examples

POSITIVE, ANY, UNIT = (0.3, 2.0), (-2.0, 2.0), (-0.8, 0.8)

# key: domain. Points are drawn at random, so that none sits on a kink.
UNARY = dict.fromkeys(
    "negative abs sign exp expm1 square sin cos tan atan sinh cosh tanh asinh erf erfc sigmoid "
    "softplus conj identity stop_gradient floor ceil round rint is_nan is_inf is_finite relu relu6 "
    "elu selu softsign log_or_zero".split(),
    ANY,
) | {
    "lgamma": POSITIVE, "digamma": POSITIVE, "erfinv": UNIT, "ndtri": (0.1, 0.9),
    "log": POSITIVE, "log1p": (-0.7, 2.0), "sqrt": POSITIVE, "rsqrt": POSITIVE,
    "reciprocal": POSITIVE,
    "asin": UNIT, "acos": UNIT, "acosh": (1.2, 3.0), "atanh": UNIT,
}  # fmt: skip
UNARY_SHAPES = [(), (3,), (2, 3), (2, 0), (2, 1, 2)]

# key: domain of x, domain of y
BINARY = {
    "add": (ANY, ANY), "subtract": (ANY, ANY), "multiply": (ANY, ANY), "divide": (ANY, POSITIVE),
    "pow": (POSITIVE, ANY), "floordiv": (ANY, POSITIVE), "floormod": (ANY, POSITIVE),
    "maximum": (ANY, ANY), "minimum": (ANY, ANY), "squared_difference": (ANY, ANY),
    "atan2": (ANY, ANY), "divide_no_nan": (ANY, POSITIVE), "multiply_no_nan": (ANY, ANY),
    "xlogy": (ANY, POSITIVE), "xlog1py": (ANY, (-0.7, 2.0)), "xdivy": (ANY, POSITIVE),
    "equal": (ANY, ANY), "not_equal": (ANY, ANY), "less": (ANY, ANY), "less_equal": (ANY, ANY),
    "greater": (ANY, ANY), "greater_equal": (ANY, ANY), "complex": (ANY, ANY),
    "nextafter": (ANY, ANY),
    "zeta": ((1.5, 3.0), POSITIVE), "truncatemod": (ANY, POSITIVE),
}  # fmt: skip
BINARY_SHAPES = [
    ((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((3,), ()),
    ((1,), (3,)),
    ((2, 3), (1, 1, 3)), ((2, 1, 2), (3, 1)), ((1, 1), ()), ((0, 3), (1, 3)), ((2, 0), ()),
]  # fmt: skip

REDUCTIONS = "sum mean prod max min logsumexp euclidean_norm".split()
REDUCED = [
    ((), ()), ((4,), (-1,)), ((2, 3), (-1,)), ((2, 3), (-2,)), ((2, 3), (-2, -1)),
    ((2, 3, 2), (-3, -1)),
    ((2, 3, 2), (-2,)), ((2, 1), (-1,)), ((2, 3), ()), ((0, 2), (-1,)),
]  # fmt: skip


# Rules apply these to stacks of cotangents: one more axis in front must be carried along.
STACKED_BY_RULES = set(
    "transpose cumsum unslice scatter_rows gather_dense take_along put_along reverse roll "
    "undiagonal diag_part undiagonal_rect avg_pool2d avg_pool2d_grad pool_gather softmax "
    "log_softmax".split()
)


# Defined for complex numbers too: two examples of each are run again with imaginary parts.
COMPLEX = set(
    (
        "add subtract multiply divide pow divide_no_nan multiply_no_nan negative abs sign exp "
        "expm1 log log1p sqrt rsqrt square reciprocal sin cos tan asin acos atan sinh cosh tanh "
        "asinh acosh atanh sigmoid conj identity sum mean prod cumsum cumprod add_n identity_n "
        "reshape broadcast_to transpose getitem unslice concat stack tile repeat reverse roll "
        "pad gather_sparse gather_dense scatter_rows take_along put_along where matmul einsum "
        "undiagonal diag_part undiagonal_rect inv det solve unlead qr pinv"
    ).split()
)


def _conv_cases(d):
    """(x, k, geometry): strides, padding and dilations that all leave some pixel unread."""
    yield (
        d(1, 3, 3, 1),
        d(2, 2, 1, 1),
        dict(strides=(1, 1), padding=((0, 0), (0, 0)), dilations=(1, 1)),
    )
    yield (
        d(2, 4, 3, 2),
        d(2, 3, 2, 2),
        dict(strides=(2, 1), padding=((0, 1), (1, 1)), dilations=(1, 1)),
    )
    yield (
        d(1, 5, 4, 1),
        d(2, 2, 1, 2),
        dict(strides=(1, 2), padding=((1, 0), (0, 1)), dilations=(2, 1)),
    )
    for channels, filters in ((2, (1, 2)), (2, (1, 4)), (4, (2, 2))):  # groups
        yield (
            d(1, 3, 2, channels),
            d(2, 1, *filters),
            dict(strides=(1, 1), padding=((1, 0), (0, 0)), dilations=(1, 1)),
        )


def _others():
    d = Draw("others")
    b = lambda *shape: frozen(d(*shape) > 0)
    ints = lambda *shape: frozen(d.rng.integers(0, 8, shape))
    yield Case("logical_and", (b(2, 3), b(3)), {})
    yield Case("logical_or", (b(2, 3), b(3)), {})
    yield Case("logical_xor", (b(2, 3), b(3)), {})
    yield Case("logical_not", (b(2, 3),), {})
    yield Case("bitwise_and", (ints(2, 3), ints(3)), {})
    yield Case("bitwise_or", (ints(2, 3), ints(3)), {})
    yield Case("bitwise_xor", (ints(2, 3), ints(3)), {})
    yield Case("left_shift", (ints(2, 3), ints(3)), {})
    yield Case("right_shift", (ints(2, 3), ints(3)), {})
    yield Case("truncatediv", (ints(2, 3), frozen(ints(3) + 1)), {})
    yield Case("invert", (ints(2, 3),), {})
    for n, x in ((1, d(2, 3, low=0.3)), (2, d(low=0.3)), (0, d(3, low=0.3))):
        yield Case("polygamma", (frozen(float(n)), x), {})
    yield Case("adjust_contrast", (d(1, 2, 2, 3), frozen(1.5)), {})
    for to in (np.float64, np.complex128):
        yield Case("cast", (d(2, 3),), {"to": np.dtype(to)})
    yield Case("cast", (frozen(d(3) + 1j * d(3)),), {"to": np.dtype(np.float64)})
    for key in ("real", "imag"):
        yield Case(key, (frozen(d(2, 3) + 1j * d(2, 3)),), {})
        yield Case(key, (frozen(d() + 1j * d()),), {})
    for key in ("any", "all"):
        yield Case(key, (b(2, 3),), {"axis": (-1,), "keepdims": False})
    for key in ("cumsum", "cumprod", "cumlogsumexp"):
        for shape, axis in (((4,), -1), ((2, 3), -1), ((3, 2), -2), ((2, 3, 2), -2)):
            for exclusive, reverse in itertools.product((False, True), repeat=2):
                attrs = {"axis": axis, "exclusive": exclusive, "reverse": reverse}
                yield Case(key, (d(*shape, low=0.5),), attrs, f"{axis}{exclusive:d}{reverse:d}")
    for key in ("argmax", "argmin"):
        yield Case(key, (d(2, 3),), {"axis": -1, "to": np.dtype(np.int64)})
    yield Case("argsort", (d(2, 3),), {"axis": -1, "direction": "ASCENDING"})
    yield Case("shuffle", (d(2, 3),), {"order": np.array([1, 0])})
    yield Case("add_n", (d(2, 3), d(2, 3), d(2, 3)), {})
    yield Case("add_n", (d(), d()), {})
    yield Case("identity_n", (d(2, 3), d()), {})
    yield Case("check_numerics", (d(2, 3),), {"message": "here"})
    for old, to in (
        ((2, 3), (3, 2)),
        ((6,), (1, 2, 3)),
        ((), (1, 1)),
        ((1,), ()),
        ((0, 2), (2, 0, 3)),
    ):
        yield Case("reshape", (d(*old),), {"shape": to}, "x".join(map(str, to)))
    for old, to in (
        ((), (2, 3)),
        ((1,), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 3, 1), (2, 1, 3, 2)),
    ):
        yield Case("broadcast_to", (d(*old),), {"shape": to}, "x".join(map(str, to)))
    for shape, perm in (((2, 3), (-1, -2)), ((2, 3, 2), (-1, -3, -2)),
     ((2, 3, 2, 2), (-3, -4, -1, -2)),
                        ((3, 2, 2), (-1, -2)), ((), ())):  # fmt: skip
        yield Case("transpose", (d(*shape),), {"perm": perm}, str(perm))
    keys = [
        ((4,), (2,)), ((4,), (slice(1, 3),)), ((4,), (slice(None, None, -2),)),
        ((3, 4), (1, slice(None, None, 2))),
        ((3, 4), (slice(None), -1)), ((3, 4), (Ellipsis, 2)), ((3, 4), (None, 1, None)),
        ((3, 4), (Ellipsis,)),
        ((2, 3, 2), (slice(0, 1), Ellipsis, 1)), ((2, 3, 2), (Ellipsis, slice(0, 2), slice(None))),
        ((), ()),
        ((), (None,)), ((3, 4), (slice(2, 2),)), ((3, 2), (np.array([True, False, True]),)),
        ((2, 3), (slice(None), np.array([True, False, True]))),
        ((2, 2), (np.array([[True, False], [True, True]]),)),
    ]  # fmt: skip
    for i, (shape, key) in enumerate(keys):
        x = d(*shape)
        yield Case("getitem", (x,), {"key": key}, str(i))
        yield Case("unslice", (d(*x[key].shape),), {"key": key, "inner": shape}, str(i))
    for shapes, axis in ((((2,), (3,)), -1), (((2, 3), (2, 1)), -1), (((1, 2), (2, 2), (0, 2)), -2),
                         (((2, 1, 2), (2, 3, 2)), -2)):  # fmt: skip
        yield Case("concat", tuple(d(*s) for s in shapes), {"axis": axis})
    for shape, axis in (((), -1), ((2,), -1), ((2,), -2), ((2, 3), -2), ((2, 3), -3)):
        yield Case("stack", (d(*shape), d(*shape), d(*shape)), {"axis": axis}, str(axis))
    for shape, multiples in (
        ((2,), (3,)),
        ((2, 3), (1, 2)),
        ((2, 3), (2, 2)),
        ((1, 2), (3, 0)),
        ((), ()),
    ):
        yield Case("tile", (d(*shape),), {"multiples": multiples}, str(multiples))
    for shape, repeats, axis in (
        ((3,), (2, 0, 1), -1),
        ((2, 3), (1, 3), -2),
        ((2, 3), (2, 2, 2), -1),
    ):
        yield Case("repeat", (d(*shape),), {"repeats": np.array(repeats), "axis": axis})
    for shape, axis in (((3,), (-1,)), ((2, 3), (-2,)), ((2, 3, 2), (-3, -1)), ((2, 3), ())):
        yield Case("reverse", (d(*shape),), {"axis": axis}, str(axis))
    for shape, shift, axis in (
        ((4,), (1,), (-1,)),
        ((2, 3), (1, -1), (-2, -1)),
        ((2, 3, 2), (2,), (-2,)),
    ):
        yield Case("roll", (d(*shape),), {"shift": shift, "axis": axis})
    for shape, paddings in (((2,), ((1, 2),)), ((2, 3), ((0, 1), (2, 0))), ((), ())):
        yield Case("pad", (d(*shape),), {"paddings": paddings, "value": 0.5})
    for shape, indices, axis in (
        ((4,), [2, 0, 2], -1), ((4,), 1, -1), ((3, 2), [[0, 2], [2, 2]], -2),
        ((2, 3), [1, 1, 0, 2], -1),
        ((2, 3), [[1], [0]], -1), ((2, 3, 2), [2, 0], -2), ((3, 2), [], -2),
    ):  # fmt: skip
        indices = np.array(indices, int)
        keys = ("gather_sparse", "gather_dense") if axis == -len(shape) else ("gather_dense",)
        for key in keys:
            yield Case(
                key, (d(*shape),), {"indices": indices, "axis": axis}, f"{indices.shape}{axis}"
            )
        out = np.take(d(*shape), indices, axis=axis).shape
        yield Case(
            "scatter_rows",
            (d(*out),),
            {"indices": indices, "axis": axis, "size": shape[axis]},
            str(axis),
        )
    for shape, indices in (
        ((3,), [2, 0]),
        ((2, 3), [[2, 0], [1, 2]]),
        ((2, 2, 3), [[[0], [1]], [[2], [2]]]),
    ):
        yield Case("take_along", (d(*shape),), {"indices": np.array(indices)})
        yield Case("put_along", (d(*np.shape(indices)),), {"indices": np.array(indices), "size": 3})
    for shapes in (((3,), (3,), (3,)), ((2, 1), (1, 3), ()), ((), (2, 3), (3,)), ((2, 3), (), ())):
        yield Case("where", (b(*shapes[0]), d(*shapes[1]), d(*shapes[2])), {})
    for key in ("zeros_like", "ones_like"):
        yield Case(key, (d(2, 3),), {"to": np.dtype(np.float64)})
    for a, c in (((2, 3), (3, 2)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 1)),
     ((2, 1, 1, 2), (3, 2, 2)),
                 ((1, 2, 2), (3, 2, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3))):  # fmt: skip
        yield Case("matmul", (d(*a), d(*c)), {})
    for equation, shapes in (
        ("ij,jk->ik", ((2, 3), (3, 2))), ("ij->j", ((2, 3),)), ("ij->", ((2, 3),)),
        ("ii->i", ((3, 3),)),
        ("ii->", ((3, 3),)), ("ij,j->i", ((2, 3), (3,))), ("bij,bjk->bik", ((2, 2, 2), (2, 2, 2))),
        ("i,j->ij", ((2,), (3,))), ("ij,ij->", ((2, 3), (2, 3))), ("ij->ji", ((2, 3),)),
        ("iij->j", ((2, 2, 3),)),
        ("i,i,i->i", ((3,), (3,), (3,))), ("ij,jk,kl->il", ((2, 2), (2, 3), (3, 2))),
        ("i,j->", ((2,), (3,))),
        ("ij,k->i", ((2, 3), (2,))), ("ii,i->i", ((2, 2), (2,))), (",i->i", ((), (3,))),
        ("->", ((),)),
        ("aij,a->ij", ((2, 2, 2), (2,))),
    ):  # fmt: skip
        left, out = equation.split("->")
        yield Case(
            "einsum",
            tuple(d(*s) for s in shapes),
            {"equation": (tuple(left.split(",")), out)},
            equation,
        )
    yield Case("undiagonal", (d(3),), {"letters": "ii", "inner": (3, 3)})
    yield Case("undiagonal", (d(2, 3),), {"letters": "iij", "inner": (2, 2, 3)})
    yield Case("undiagonal", (d(2, 2),), {"letters": "iji", "inner": (2, 2, 2)})
    for shape in ((3, 3), (2, 3), (3, 2), (2, 2, 2)):
        yield Case("diag_part", (d(*shape),), {})
        yield Case(
            "undiagonal_rect", (d(*shape[:-2], min(shape[-2:])),), {"inner": shape[-2:]}, str(shape)
        )
    for shape in ((1, 1), (3, 3), (2, 2, 2)):
        for key in ("inv", "det", "slogdet"):
            yield Case(key, (d.regular(*shape),), {})
        yield Case("cholesky", (d.spd(*shape),), {})
        yield Case("eigh", (d(*shape),), {})
    for shape in ((2, 2), (3, 2), (2, 3), (2, 3, 2)):
        yield Case("svd", (d(*shape),), {"full": False}, "thin")
        yield Case("pinv", (d(*shape),), {"rcond": 1e-9})
        yield Case("qr", (d(*shape),), {"full": False}, "thin")
    for shape in ((2, 2), (2, 3), (3, 2)):
        yield Case("svd", (d(*shape),), {"full": True}, "full")
    for shape in ((2, 2), (2, 3), (1, 3)):
        yield Case("qr", (d(*shape),), {"full": True}, "full")
    for a, c in (
        ((3, 3), (3, 2)),
        ((2, 2, 2), (2, 2, 1)),
        ((1, 2, 2), (3, 2, 1)),
        ((2, 2, 2), (1, 2, 1)),
    ):
        yield Case("solve", (d.regular(*a), d(*c)), {})
    yield Case("unlead", (d(2, 3, 2),), {"inner": (2,), "extra": 1})
    yield Case("unlead", (d(2, 3, 2),), {"inner": (2,), "extra": 0})
    yield Case("unlead", (d(2, 3),), {"inner": (2, 3), "extra": 0})
    for shape in UNARY_SHAPES:
        for key in ("relu_grad", "relu6_grad"):
            yield Case(key, (d(*shape), d(*shape)), {})
        yield Case("leaky_relu_grad", (d(*shape), d(*shape)), {"alpha": 0.2})
        yield Case("leaky_relu", (d(*shape),), {"alpha": 0.2})
    for key in ("relu_grad", "relu6_grad"):
        yield Case(key, (d(4, 2, 3), d(2, 3)), {})  # a stack of cotangents
    yield Case("leaky_relu_grad", (d(4, 2), d(2)), {"alpha": 0.2})
    for key in ("softmax", "log_softmax"):
        for shape, axis in (((3,), -1), ((2, 3), -1), ((3, 2), -2), ((2, 3, 2), -2)):
            yield Case(key, (d(*shape),), {"axis": axis}, str(axis))
    for shape in ((3,), (2, 3), (2, 2, 3)):
        e = np.exp(d(*shape))
        yield Case("softmax_xent", (d(*shape), frozen(e / e.sum(-1, keepdims=True))), {})
        yield Case("sparse_xent", (d(*shape), frozen(d.rng.integers(0, 3, shape[:-1]))), {})
        yield Case("sigmoid_xent", (d(*shape), d(*shape, low=0, high=1)), {})
    for i, (x, k, attrs) in enumerate(_conv_cases(d)):
        g = P.conv2d(x, k, **attrs)
        g = d(*g.shape)
        note = str(i)
        yield Case("conv2d", (x, k), attrs, note)
        for key in ("conv2d_bias", "conv2d_relu"):
            yield Case(key, (x, k, d(k.shape[-1])), attrs, note)
        yield Case("conv2d_input_grad", (g, k), attrs | {"x_shape": x.shape}, note)
        yield Case("conv2d_filter_grad", (x, g), attrs | {"k_shape": k.shape}, note)
    for i, (x, k, attrs) in enumerate(_conv_cases(d)):
        if i in (1, 2):  # the first of one group, and those of several
            continue
        g = d(2, *P.conv2d(x, k, **attrs).shape)
        yield Case("conv2d", (d(2, *x.shape), k), attrs, f"stacked x {i}")
        for key in ("conv2d_bias", "conv2d_relu"):
            yield Case(key, (d(2, *x.shape), k, d(k.shape[-1])), attrs, f"stacked x {i}")
            yield Case(key, (x, d(2, *k.shape), d(k.shape[-1])), attrs, f"stacked k {i}")
        yield Case("conv2d", (x, d(2, *k.shape)), attrs, f"stacked k {i}")
        yield Case("conv2d", (d(2, *x.shape), d(2, *k.shape)), attrs, f"stacked both {i}")
        to_x = attrs | {"x_shape": x.shape}
        yield Case("conv2d_input_grad", (g, k), to_x, f"stacked g {i}")
        yield Case("conv2d_input_grad", (g[0], d(2, *k.shape)), to_x, f"stacked k {i}")
        yield Case("conv2d_filter_grad", (x, g), attrs | {"k_shape": k.shape}, f"stacked g {i}")
    for i, (shape, ksize, strides, padding) in enumerate((
        ((1, 4, 4, 1), (2, 2), (2, 2), ((0, 0), (0, 0))),
        ((2, 3, 4, 2), (2, 3), (1, 2), ((0, 1), (1, 1))),
    )):  # fmt: skip
        attrs = dict(ksize=ksize, strides=strides, padding=padding)
        x = d(*shape)
        out = P.max_pool2d(x, **attrs).shape
        index = _max_index(x, attrs)
        yield Case("max_pool2d", (x,), attrs, str(i))
        yield Case("avg_pool2d", (x,), attrs, str(i))
        yield Case("avg_pool2d_grad", (d(*out),), attrs | {"x_shape": shape}, str(i))
        yield Case("pool_gather", (d(*shape),), {"index": index}, str(i))
        attrs = {"index": index, "x_shape": shape}
        yield Case("pool_scatter", (d(*out), x), attrs, str(i))
        yield Case("pool_scatter", (d(2, *out), x), attrs, f"stacked {i}")
    for shapes in (((5,), (), ()), ((2, 5), (5,), (1, 1)), ((2, 3), (2, 3), (2, 3)), ((), (), ())):
        low, high = d(*shapes[1], low=-1.5, high=-0.5), d(*shapes[2], low=0.5, high=1.5)
        yield Case("clip_by_value", (d(*shapes[0]), low, high), {})


def _max_index(x, attrs):
    from tapelab import _conv

    return _conv.max_pool2d_argmax(x, **attrs)


def _examples():
    for key, (low, high) in UNARY.items():
        d = Draw(key)
        for shape in UNARY_SHAPES:
            yield Case(key, (d(*shape, low=low, high=high),), {})
    for key, ((low, high), (low2, high2)) in BINARY.items():
        d = Draw(key)
        for one, two in BINARY_SHAPES:
            yield Case(key, (d(*one, low=low, high=high), d(*two, low=low2, high=high2)), {})
    for key in REDUCTIONS:
        d = Draw(key)
        for (shape, axis), keepdims in itertools.product(REDUCED, (False, True)):
            attrs = {"axis": axis, "keepdims": keepdims}
            yield Case(key, (d(*shape),), attrs, f"{axis}{'k' * keepdims}")
    d = Draw("stacked")
    for case in _others():
        yield case
        if case.key in STACKED_BY_RULES and case.inputs[0].ndim:
            first, *rest = case.inputs
            yield case._replace(inputs=(d(2, *first.shape), *rest), note=f"{case.note} stacked")


def _complex(cases):
    d, count = Draw("complex"), dict.fromkeys(COMPLEX, 2) | {"qr": 4, "pinv": 3}
    for case in cases:
        if count.get(case.key) and case.real and all(x.size for x in case.inputs):
            count[case.key] -= 1
            inputs = [
                x if x.dtype.kind != "f" else frozen(x + 0.5j * d(*x.shape)) for x in case.inputs
            ]
            yield case._replace(inputs=tuple(inputs), note=f"{case.note} complex")


EXAMPLES = list(_examples())
EXAMPLES += _complex(EXAMPLES)
REFUSED = {"adjust_contrast"}  # TensorFlow has no gradient for these and says so
SMOOTH = [c for c in EXAMPLES if (c.p.rules or c.p.joint) and c.key not in REFUSED]
FLAT = [c for c in EXAMPLES if not (c.p.rules or c.p.joint)]
SMALL = [c for c in SMOOTH if 0 < sum(x.size for x in c.inputs) <= 16]
each = lambda cases: pytest.mark.parametrize("case", cases, ids=str)


def test_no_primitive_is_without_an_example():
    missing = {p.key for p in P} - {c.key for c in EXAMPLES}
    assert not missing, f"add examples to tests/test_primitives.py for: {sorted(missing)}"


def test_examples_name_primitives_of_the_table_only():
    assert {c.key for c in EXAMPLES} == {p.key for p in P}


# ---------------------------------------------------------------- tools


def box(arrays):
    return [Tensor(a if a.ndim else a[()]) for a in arrays]


def parts(z):
    """One output or several, as a list."""
    return list(z) if isinstance(z, tuple) else [z]


def run(case, arrays):
    """The outputs of the forward on bare arrays."""
    return [
        np.asarray(z)
        for z in parts(case.p.forward(*[a if a.ndim else a[()] for a in arrays], **case.attrs))
    ]


def dense(g, like):
    """A gradient as tensor: IndexedSlices summed up, None as zeros."""
    return tf.zeros_like(like) if g is None else tf.convert_to_tensor(g)


def draws(case, outputs):
    d = Draw(str(case))
    values = []
    for z in outputs:
        v = d(*z.shape)
        values.append(frozen(v + 1j * d(*z.shape)) if z.dtype.kind == "c" else v)
    return values


def pull(case, xs, gs):
    """Gradients with respect to `case.wrt` of tensors `xs`, given tensors `gs` as cotangents."""
    with tf.GradientTape() as tape:
        tape.watch([xs[i] for i in case.wrt])
        z = case.p(*xs, **case.attrs)
    sources = [xs[i] for i in case.wrt]
    found = tape.gradient(list(parts(z)), sources, output_gradients=list(gs))
    return [dense(g, x) for g, x in zip(found, sources)]


def pull2(case, xs, gs, ks):
    """Gradients of <ks, pull(xs, gs)> with respect to the inputs and the cotangents."""
    sources = [xs[i] for i in case.wrt] + list(gs)
    with tf.GradientTape() as outer:
        outer.watch(sources)
        inner = pull(case, xs, gs)
    found = outer.gradient(inner, sources, output_gradients=list(ks))
    return [dense(g, x) for g, x in zip(found, sources)]


def numeric(f, arrays, wrt, cotangents, h=1e-6):
    """Finite differences of Re sum(conj(cotangent) f): d/dRe + i d/dIm for each element."""

    def scalar(moved):
        finite = [
            np.where(np.isfinite(z), z, 0) for z in f(moved)
        ]  # -inf stays -inf: no difference
        return sum(np.sum(np.conj(c) * z).real for c, z in zip(cotangents, finite))

    found = []
    for i in wrt:
        x = arrays[i]
        g = np.zeros(x.shape, x.dtype)
        for at in np.ndindex(x.shape):
            for step in (h, 1j * h) if x.dtype.kind == "c" else (h,):
                up, down = np.array(x), np.array(x)
                up[at] += step
                down[at] -= step
                rise = [scalar([*arrays[:i], v, *arrays[i + 1 :]]) for v in (up, down)]
                g[at] += (rise[0] - rise[1]) / (2 * h) * (step / h)
        found.append(g)
    return found


def symmetric(case, arrays):
    """Cholesky reads one triangle; its gradient is that of a symmetric matrix, as in TensorFlow."""
    if case.key != "cholesky":
        return arrays
    return [(a + np.swapaxes(a, -1, -2)) / 2 if i == 0 else a for i, a in enumerate(arrays)]


def close(found, expected, rtol=1e-9, atol=1e-9):
    assert len(found) == len(expected)
    for f, e in zip(found, expected):
        f = f.numpy() if isinstance(f, Tensor) else f
        e = e.numpy() if isinstance(e, Tensor) else e
        assert np.shape(f) == np.shape(e)
        np.testing.assert_allclose(f, e, rtol=rtol, atol=atol)


fd = dict(rtol=1e-5, atol=1e-7)


# ---------------------------------------------------------------- the tests


@each(FLAT)
def test_without_rules_there_is_no_gradient(case):
    xs = box(case.inputs)
    with tf.GradientTape() as tape:
        tape.watch([x for x in xs if x.dtype.is_floating])
        z = case.p(*xs, **case.attrs)
        total = tf.reduce_sum(tf.cast(z, tf.float64))
    floats = [x for x in xs if x.dtype.is_floating]
    assert tape.gradient(total, floats) == [None] * len(floats)


@each([c for c in EXAMPLES if c.key in REFUSED])
def test_a_missing_gradient_is_an_error_where_tensorflow_has_one(case):
    xs = box(case.inputs)
    with pytest.raises(LookupError, match=case.p.name):
        pull(case, xs, box(draws(case, run(case, case.inputs))))


@each(EXAMPLES)
def test_arrays_in_array_out_tensors_in_tensor_out(case):
    bare = parts(case.p(*[a if a.ndim else a[()] for a in case.inputs], **case.attrs))
    boxed = parts(case.p(*box(case.inputs), **case.attrs))
    for a, t in zip(bare, boxed):
        assert isinstance(a, (np.ndarray, np.generic)) and isinstance(t, Tensor)
        assert t._a.dtype == a.dtype
        np.testing.assert_array_equal(t._a, a)


@each(SMOOTH)
def test_first_derivative(case):
    outputs = run(case, case.inputs)
    gs = draws(case, outputs)
    expected = numeric(lambda arrays: run(case, arrays), list(case.inputs), case.wrt, gs)
    close(pull(case, box(case.inputs), box(gs)), symmetric(case, expected), **fd)


@each([c for c in SMOOTH if None in c.p.rules and c.real])
def test_an_input_without_a_rule_has_no_gradient(case):
    xs = box(case.inputs)
    with tf.GradientTape() as tape:
        tape.watch([x for x in xs if x.dtype.is_floating])
        z = case.p(*xs, **case.attrs)
    found = tape.gradient(z, xs)
    assert [i for i, g in enumerate(found) if g is not None] == case.wrt


@each(SMOOTH)
def test_second_derivative(case):
    gs = draws(case, run(case, case.inputs))
    xs, n = box(case.inputs), len(case.inputs)
    ks = draws(case, [case.inputs[i] for i in case.wrt])

    def inner(arrays):
        return [t.numpy() for t in pull(case, box(arrays[:n]), box(arrays[n:]))]

    places = case.wrt + list(range(n, n + len(gs)))
    expected = numeric(inner, [*case.inputs, *gs], places, ks)
    close(pull2(case, xs, box(gs), box(ks)), symmetric(case, expected), **fd)


@each(SMOOTH)
def test_rules_give_the_same_on_arrays_and_on_a_tape(case):
    gs = draws(case, run(case, case.inputs))
    alone = pull(case, box(case.inputs), box(gs))
    xs, cotangents = box(case.inputs), box(gs)
    with tf.GradientTape() as listening:
        listening.watch(xs)
        listening.watch(cotangents)
        recorded = pull(case, xs, cotangents)
    for a, b in zip(alone, recorded):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@each(SMOOTH)
def test_linear_in_the_cotangent(case):
    outputs = run(case, case.inputs)
    one, two = draws(case, outputs), [frozen(np.flip(g)) for g in draws(case, outputs)]
    xs = box(case.inputs)
    mix = [frozen(2 * a - 3 * b) for a, b in zip(one, two)]
    expected = [
        2 * a.numpy() - 3 * b.numpy()
        for a, b in zip(pull(case, xs, box(one)), pull(case, xs, box(two)))
    ]
    close(pull(case, xs, box(mix)), expected)


@each(SMOOTH)
def test_forward_mode_is_the_transpose(case):
    xs, wrt = box(case.inputs), case.wrt
    vs = symmetric(case, draws(case, [case.inputs[i] for i in wrt]))
    with tf.autodiff.ForwardAccumulator([xs[i] for i in wrt], box(vs)) as acc:
        z = parts(case.p(*xs, **case.attrs))
    rates = acc.jvp(z)
    h = 1e-6

    def moved(sign):
        arrays = list(case.inputs)
        for i, v in zip(wrt, vs):
            arrays[i] = arrays[i] + sign * h * v
        return run(case, arrays)

    with np.errstate(invalid="ignore"):  # -inf - -inf
        expected = [
            np.where(np.isfinite(a), a - b, 0) / (2 * h) for a, b in zip(moved(1), moved(-1))
        ]
    rates = [np.zeros(e.shape, e.dtype) if r is None else r for r, e in zip(rates, expected)]
    close(rates, expected, **fd)


@each([c for c in SMOOTH if c.real and not c.p.joint])
def test_stack_of_cotangents(case):
    """A Jacobian, which is one pass with a stack, has the single gradients as its rows."""
    xs, wrt = box(case.inputs), case.wrt
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([xs[i] for i in wrt])
        z = case.p(*xs, **case.attrs)
    shape = tuple(z.shape)
    for i, jac in zip(wrt, tape.jacobian(z, [xs[i] for i in wrt])):
        rows = [
            dense(tape.gradient(z, xs[i], output_gradients=tf.constant(unit)), xs[i]).numpy()
            for unit in units(shape)
        ]
        expected = np.reshape(rows, shape + case.inputs[i].shape)
        close([dense(jac, expected)], [expected])


def units(shape):
    """All cotangents with a single 1."""
    for at in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[at] = 1
        yield unit


@each([c for c in SMALL if c.real])
def test_stack_of_cotangents_over_a_backward_pass(case):
    """t2.jacobian(t1.gradient(...)): the records of a backward pass take a stack too."""
    gs = draws(case, run(case, case.inputs))
    xs, cotangents = box(case.inputs), box(gs)
    sources = [xs[i] for i in case.wrt] + cotangents
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(sources)
        inner = pull(case, xs, cotangents)
    for k, first in enumerate(inner):
        found = outer.jacobian(first, sources, unconnected_gradients="zero")
        for source, jac in zip(sources, found):
            rows = []
            for unit in units(tuple(first.shape)):
                ks = [
                    Tensor(unit[()] if j == k else np.zeros(t.shape)[()])
                    for j, t in enumerate(inner)
                ]
                row = outer.gradient(
                    inner, source, output_gradients=ks, unconnected_gradients="zero"
                )
                rows.append(tf.convert_to_tensor(row).numpy())
            expected = np.reshape(rows, tuple(first.shape) + tuple(source.shape))
            close([jac], [expected])


@each([c for c in SMALL if c.real and not c.p.joint])
def test_a_jacobian_differentiates_again(case):
    """t2.gradient and t2.jacobian of t1.jacobian(...): rules recorded with a stack in front."""
    xs, wrt = box(case.inputs), case.wrt
    sources = [xs[i] for i in wrt]
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(sources)
        with tf.GradientTape() as tape:
            tape.watch(sources)
            z = case.p(*xs, **case.attrs)
        jacs = tape.jacobian(z, sources)
    shape = tuple(z.shape)
    for which, jac in enumerate(jacs):
        weight = Draw(str(case))(*jac.shape)
        found = outer.gradient(
            jac, sources, output_gradients=Tensor(weight[()]), unconnected_gradients="zero"
        )
        expected = [np.zeros(s.shape) for s in sources]
        full = outer.jacobian(jac, sources, unconnected_gradients="zero")
        for at, unit in zip(np.ndindex(shape), units(shape)):
            ks = [
                Tensor(np.array(weight[at])[()] if j == which else np.zeros(s.shape)[()])
                for j, s in enumerate(sources)
            ]
            second = pull2(case, xs, [Tensor(unit[()])], ks)
            expected = [e + t.numpy() for e, t in zip(expected, second)]
        close([tf.convert_to_tensor(f) for f in found], expected)
        contracted = [np.tensordot(weight, f.numpy(), weight.ndim) for f in full]
        close(contracted, expected)


@each(SMOOTH)
def test_dtypes_are_kept(case):
    for real, complex_ in ((np.float16, None), (np.float32, np.complex64)):
        if complex_ is None and not case.real:
            continue  # there is no complex half
        narrow = {"f": np.dtype(real), "c": complex_ and np.dtype(complex_)}
        xs = [x.astype(narrow.get(x.dtype.kind, x.dtype)) for x in case.inputs]
        attrs = dict(case.attrs)
        if case.key == "cast":
            attrs["to"] = narrow[attrs["to"].kind]
        small = case._replace(inputs=tuple(xs), attrs=attrs)
        outputs = run(small, xs)
        assert all(z.dtype == narrow[z.dtype.kind] for z in outputs)
        gs = [g.astype(z.dtype) for g, z in zip(draws(small, outputs), outputs)]
        sources = [xs[i] for i in small.wrt]
        ones = [np.ones_like(x) for x in sources]
        found = pull(small, box(xs), box(gs)) + pull2(small, box(xs), box(gs), box(ones))
        assert [g._a.dtype for g in found] == [x.dtype for x in sources + sources + gs]
