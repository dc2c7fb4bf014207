"""tf.math: elementwise functions, comparisons, reductions and scans.

Each function stands with its gradient rule. A rule gets the cotangent `g`, the result `z` and the
inputs; its docstring is the derivative it implements.
"""

import functools
import math as _math
import operator

import numpy as np

from .dtypes import as_dtype, highest, lowest
from .errors import (
    ConversionError,
    DtypeError,
    InvalidArgumentError,
    ShapeError,
    UnimplementedError,
    wrong_dtype,
)  # fmt: skip
from .primitive import (
    ALL_KINDS,
    P,
    bare,
    binary,
    called,
    coerce,
    dtype,
    lead,
    left_to,
    operators,
    primitive,
    public,
    shape,
    unary,
)
from .tensor import Tensor, Variable, as_tensor, beside, convert_to_tensor, is_tensor, numpy_dtype

UNARY_DOC = """{summary}

Args:
  {argument}: tensor{floats} of any shape. name: accepted and ignored, as everywhere.
Returns:
  A tensor of the same shape and dtype.
Raises:
  InvalidArgumentError: {raises}

>>> import tapelab as tf
>>> print(f"{{float({path}({arg})):.4f}}")
{value}
"""

BINARY_DOC = """{summary}

Args:
  x, y: tensors of one dtype whose shapes broadcast; numbers take the other's dtype.
Returns:
  A tensor of the broadcast shape.
Raises:
  InvalidArgumentError: different dtypes, or shapes that do not broadcast.

>>> import tapelab as tf
>>> {path}({arg}).numpy().item()
{value}
"""


def _unary(path, opname, forward, rule, summary, arg, value, kinds="fc", argument="x", **options):
    name = path.rpartition(".")[2]
    p = primitive(name, opname, forward, *([rule] if rule else []), kinds=kinds, **options)
    doc = UNARY_DOC.format(
        summary=summary, path="tf." + path, arg=arg, value=f"{float(value):.4f}",
        argument=argument, floats=" of a float or complex dtype" if kinds == "fc" else "",
        raises="integers or booleans; cast them first."
        if kinds in ("f", "fc")
        else "dtypes the operation is not defined on.",
    )  # fmt: skip
    module = "tapelab.nn" if path.startswith("nn.") else "tapelab.math"
    return public(called(unary(p), argument), name, doc, module)


def _binary(
    path, opname, forward, rule_x, rule_y, summary, arg, value, arguments=("x", "y"), **options
):
    name = path.rpartition(".")[2]
    rules = (rule_x, rule_y) if rule_x or rule_y else ()
    options = {"kinds": "fciu", **options}
    p = primitive(name, opname, forward, *rules, broadcasts=True, **options)
    doc = BINARY_DOC.format(summary=summary, path="tf." + path, arg=arg, value=value)
    return public(called(binary(p), *arguments), name, doc, "tapelab.math")


def _discrete(path, opname, forward, *about, **options):
    """A `_binary` without a gradient."""
    return _binary(path, opname, forward, None, None, *about, **options)


def _only_floats(f):
    """`f`, refusing integers as TensorFlow does (NumPy would go on in float64)."""

    def forward(x, y):
        if x.dtype.kind not in "fc":
            raise TypeError("not defined on integers or booleans; tf.cast them first")
        return f(x, y)

    return forward


# ---------------------------------------------------------------- arithmetic


def _add_x(g, z, x, y):
    """d(x + y) = dx + dy."""
    return g


def _add_y(g, z, x, y):
    """d(x + y) = dx + dy."""
    return g


def _sub_y(g, z, x, y):
    """d(x - y) = dx - dy."""
    return -g


def _mul_x(g, z, x, y):
    """d(xy) = y dx + x dy."""
    return g * y


def _mul_y(g, z, x, y):
    """d(xy) = y dx + x dy."""
    return g * x


def _div_x(g, z, x, y):
    """d(x/y) = dx / y - x dy / y^2."""
    return g / y


def _div_y(g, z, x, y):
    """d(x/y) = dx / y - x dy / y^2."""
    return g * (-x / y) / y


_plus = _binary(
    "add", "AddV2", operator.add, _add_x, _add_y, "x + y, elementwise.", "1.0, 2.0", 3.0
)
subtract = _binary(
    "subtract", "Sub", operator.sub, _add_x, _sub_y, "x - y, elementwise.", "1.0, 2.0", -1.0
)
multiply = _binary(
    "multiply", "Mul", operator.mul, _mul_x, _mul_y, "x * y, elementwise.", "2.0, 3.0", 6.0
)
_real_divide = _binary(
    "divide", "RealDiv", operator.truediv, _div_x, _div_y, "x / y, elementwise.", "1.0, 2.0", 0.5
)


@functools.wraps(_plus)
def add(x, y, name=None):
    # `2 + x` turns the 2 into x's dtype, tf.add(2, x) does not.
    return _plus(x if isinstance(x, (Tensor, Variable)) else as_tensor(x), y)


def divide(x, y, name=None):
    """x / y, elementwise; integers are divided as floats (float64; float32 for 8 and 16 bits).

    Args:
      x, y: tensors of one dtype whose shapes broadcast; numbers take the other's dtype.
    Returns:
      A float (or complex) tensor of the broadcast shape.
    Raises:
      InvalidArgumentError: different dtypes, or shapes that do not broadcast.

    >>> import tapelab as tf
    >>> (tf.constant(7) / tf.constant(2)).numpy().item()
    3.5
    """
    if type(x) is Tensor and x._a.dtype.kind in "fc":
        return _real_divide(x, y)
    if not isinstance(x, (Tensor, Variable)) and isinstance(y, (Tensor, Variable)):
        x = as_tensor(x, y.dtype._np)
    x = as_tensor(x)
    if x._a.dtype.kind in "iub":
        y = beside(y, x._a.dtype)
        if x._a.dtype == y._a.dtype:
            if x._a.dtype.kind == "b":
                raise wrong_dtype("RealDiv", x.dtype)
            x, y = _as_floats(x, y)
    return _real_divide(x, y)


def _as_floats(x, y):
    """Integers of one dtype as floats: TensorFlow takes float32 for 8 and 16 bits, float64 for more."""
    wide = np.float32 if x._a.dtype.itemsize < 4 else np.float64
    return cast(x, wide), cast(y, wide)


def truediv(x, y, name=None):
    """As `divide`, but the first argument is converted by itself: TypeError for two dtypes."""
    return divide(x if isinstance(x, (Tensor, Variable)) else as_tensor(x), y)


def _power(x, y):
    if x.dtype.kind in "iu" and np.any(y < 0):
        raise ValueError("Integers to negative integer powers are not allowed; cast to float first")
    if type(y) is not np.ndarray and y == 2:
        return x * x
    return x**y


def _pow_x(g, z, x, y):
    """d(x^y)/dx = y x^(y-1)."""
    return g * (y * P.pow(x, y - 1))


def _pow_y(g, z, x, y):
    """d(x^y)/dy = x^y log x, taken as 0 where x <= 0."""
    return g * (z * P.log_or_zero(x))


def _log_or_zero(x):
    safe = np.where(x != 0, x, 1) if x.dtype.kind == "c" else np.where(x > 0, x, 1)
    return np.log(safe)[()]


def _log_or_zero_rule(g, z, x):
    """1/x where x > 0, else 0."""
    x_ = bare(x)
    positive = x_ != 0 if x_.dtype.kind == "c" else x_ > 0
    return P.where(positive, g / P.where(positive, x, np.ones_like(x_)), np.zeros_like(x_))


primitive("log_or_zero", "Log", _log_or_zero, _log_or_zero_rule)
pow = _binary(
    "pow", "Pow", _power, _pow_x, _pow_y, "x to the power y, elementwise.", "2.0, 3.0", 8.0
)


def _divisible(x, y):
    if x.dtype.kind in "iu" and np.any(y == 0):
        raise ValueError("Integer division by zero")


def _floordiv(x, y):
    _divisible(x, y)
    # NumPy's own floor division of floats is exact (1.0 // 0.1 is 9); TensorFlow rounds x / y first.
    return np.floor(x / y) if x.dtype.kind == "f" else x // y


def _floormod(x, y):
    _divisible(x, y)
    if x.dtype.kind == "f":  # a remainder of zero keeps the sign of x; NumPy gives it that of y
        r = np.fmod(x, y)
        return np.where((r != 0) & ((r < 0) != (y < 0)), r + y, r)[()]
    return x % y


def _mod_y(g, z, x, y):
    """x mod y = x - y floor(x / y), and floor does not move."""
    return -g * P.floordiv(x, y)


floordiv = _discrete(
    "math.floordiv", "FloorDiv", _floordiv, "floor(x / y), elementwise.", "7.0, 2.0", 3.0
)
floormod = _binary(
    "math.floormod", "FloorMod", _floormod, _add_x, _mod_y,
    "x - y floor(x / y), with the sign of y.", "-7.0, 3.0", 2.0,
)  # fmt: skip
mod = floormod


def _truncatediv(x, y):
    if x.dtype.kind == "f":
        return np.trunc(x / y)
    _divisible(x, y)
    down = x // y  # the least integer has no absolute value
    return down + ((x % y != 0) & ((x < 0) != (y < 0))).astype(x.dtype)


def _truncatemod(x, y):
    _divisible(x, y)
    return np.fmod(x, y)


def _nextafter_y(g, z, x, y):
    """y only says where to go."""
    return g * np.zeros_like(bare(y))


truncatediv = _discrete(
    "truncatediv", "TruncateDiv", _truncatediv, "x / y of integers, rounded towards 0.", "-7, 2", -3
)
truncatemod = _discrete(
    "truncatemod", "TruncateMod", _truncatemod, "The remainder, with the sign of x.", "-7, 2", -1
)
nextafter = _binary(
    "math.nextafter", "NextAfter", _only_floats(np.nextafter), _add_x, _nextafter_y,
    "The next float after x towards y.", "0.0, 1.0",
    1.401298464324817e-45, arguments=("x1", "x2"),
)  # fmt: skip


def _max_x(g, z, x, y):
    """The larger input gets the cotangent; the first wins a tie."""
    return P.where(P.greater_equal(x, y), g, np.zeros_like(bare(g)))


def _max_y(g, z, x, y):
    """The larger input gets the cotangent; the first wins a tie."""
    return P.where(P.greater_equal(x, y), np.zeros_like(bare(g)), g)


def _min_x(g, z, x, y):
    """The smaller input gets the cotangent; the first wins a tie."""
    return P.where(P.less_equal(x, y), g, np.zeros_like(bare(g)))


def _min_y(g, z, x, y):
    """The smaller input gets the cotangent; the first wins a tie."""
    return P.where(P.less_equal(x, y), np.zeros_like(bare(g)), g)


maximum = _binary(
    "maximum",
    "Maximum",
    np.maximum,
    _max_x,
    _max_y,
    "The larger of x and y, elementwise.",
    "1.0, 2.0",
    2.0,
    kinds="fiu",
)
minimum = _binary(
    "minimum",
    "Minimum",
    np.minimum,
    _min_x,
    _min_y,
    "The smaller of x and y, elementwise.",
    "1.0, 2.0",
    1.0,
    kinds="fiu",
)


def _sqdiff_x(g, z, x, y):
    """d(x-y)^2 = 2 (x-y) (dx - dy)."""
    return g * (2 * (x - y))


def _sqdiff_y(g, z, x, y):
    """d(x-y)^2 = 2 (x-y) (dx - dy)."""
    return g * (2 * (y - x))


squared_difference = _binary(
    "math.squared_difference", "SquaredDifference", lambda x, y: (x - y) * np.conj(x - y),
    _sqdiff_x, _sqdiff_y, "(x - y)^2, elementwise; |x - y|^2 for complex numbers.", "1.0, 3.0", 4.0,
    real=True,
)  # fmt: skip


def _atan2_y(g, z, y, x):
    """d atan2(y, x) = (x dy - y dx) / (x^2 + y^2)."""
    return g * (x / (x * x + y * y))


def _atan2_x(g, z, y, x):
    """d atan2(y, x) = (x dy - y dx) / (x^2 + y^2)."""
    return g * (-y / (x * x + y * y))


atan2 = _binary(
    "atan2",
    "Atan2",
    _only_floats(np.arctan2),
    _atan2_y,
    _atan2_x,
    "Angle of the point (y first, then x), in radians.",
    "0.0, 1.0",
    0.0,
    arguments=("y", "x"),
)


def _zero_where(operand, f):
    """`f`, and 0 where operand number `operand` is 0, whatever the other is."""

    @_only_floats
    def forward(*xs):
        return np.where(xs[operand] == 0, np.zeros_like(xs[operand]), f(*xs))[()]

    return forward


def _divnn_x(g, z, x, y):
    """As division, and 0 where y is 0."""
    return P.divide_no_nan(g, y)


def _divnn_y(g, z, x, y):
    """As division, and 0 where y is 0."""
    return g * P.divide_no_nan(P.divide_no_nan(-x, y), y)


def _mulnn_x(g, z, x, y):
    """As multiplication, and 0 where y is 0."""
    return P.multiply_no_nan(g, y)


def _mulnn_y(g, z, x, y):
    """As multiplication, and 0 where the cotangent is 0."""
    return P.multiply_no_nan(x, g)


_divide_no_nan = _binary(
    "math.divide_no_nan", "DivNoNan", _zero_where(1, operator.truediv), _divnn_x, _divnn_y,
    "x / y, and 0 where y is 0.", "1.0, 0.0", 0.0,
)  # fmt: skip


@functools.wraps(_divide_no_nan)
def divide_no_nan(x, y, name=None):
    x, y = coerce(P.divide_no_nan, x, y)
    if x._a.dtype.kind in "iu" and x._a.dtype == y._a.dtype:
        x, y = _as_floats(x, y)
    return _divide_no_nan(x, y)


multiply_no_nan = _binary(
    "math.multiply_no_nan", "MulNoNan", _zero_where(1, operator.mul), _mulnn_x, _mulnn_y,
    "x * y, and 0 where y is 0 even if x is not finite.", "float('inf'), 0.0", 0.0,
)  # fmt: skip


def _nonzero(x):
    return P.cast(P.not_equal(x, np.zeros_like(bare(x))), to=dtype(x))


def _xlogy_x(g, z, x, y):
    """d(x log y) = log y dx + x/y dy, with 0 where x is 0."""
    return g * P.xlogy(_nonzero(x), y)


def _xlogy_y(g, z, x, y):
    """d(x log y) = log y dx + x/y dy, with 0 where x is 0."""
    return g * P.xdivy(x, y)


def _xlog1py_x(g, z, x, y):
    """d(x log(1+y)) = log(1+y) dx + x/(1+y) dy, with 0 where x is 0."""
    return g * P.xlog1py(_nonzero(x), y)


def _xlog1py_y(g, z, x, y):
    """d(x log(1+y)) = log(1+y) dx + x/(1+y) dy, with 0 where x is 0."""
    return g * P.xdivy(x, y + 1)


def _xdivy_x(g, z, x, y):
    """d(x/y) = dx/y - x/y^2 dy, with 0 where x is 0."""
    return g * P.xdivy(_nonzero(x), y)


def _xdivy_y(g, z, x, y):
    """d(x/y) = dx/y - x/y^2 dy, with 0 where x is 0."""
    return g * P.xdivy(-x, y * y)


xlogy = _binary(
    "math.xlogy",
    "Xlogy",
    _zero_where(0, lambda x, y: x * np.log(y)),
    _xlogy_x,
    _xlogy_y,
    "x log y, and 0 where x is 0.",
    "0.0, 0.0",
    0.0,
)
xlog1py = _binary(
    "math.xlog1py",
    "Xlog1py",
    _zero_where(0, lambda x, y: x * np.log1p(y)),
    _xlog1py_x,
    _xlog1py_y,
    "x log(1 + y), and 0 where x is 0.",
    "0.0, -1.0",
    0.0,
)
xdivy = _binary(
    "math.xdivy",
    "Xdivy",
    _zero_where(0, operator.truediv),
    _xdivy_x,
    _xdivy_y,
    "x / y, and 0 where x is 0.",
    "0.0, 0.0",
    0.0,
)

# ---------------------------------------------------------------- comparisons and logic: no gradient

_compare = {
    "equal": ("Equal", np.equal, "x == y"), "not_equal": ("NotEqual", np.not_equal, "x != y"),
    "less": ("Less", np.less, "x < y"), "less_equal": ("LessEqual", np.less_equal, "x <= y"),
    "greater": ("Greater", np.greater, "x > y"),
    "greater_equal": ("GreaterEqual", np.greater_equal, "x >= y"),
}  # fmt: skip
equal, not_equal, less, less_equal, greater, greater_equal = (
    _discrete(
        name, op, f, f"{what}, elementwise; booleans, without a gradient.", "1.0, 1.0", bool(f(1, 1)),
        kinds=ALL_KINDS if name in ("equal", "not_equal") else "fiu",
    )  # fmt: skip
    for name, (op, f, what) in _compare.items()
)


logical_and = _discrete(
    "logical_and", "LogicalAnd", np.logical_and,
    "x and y, elementwise.", "True, False", False, kinds="b",
)  # fmt: skip
logical_or = _discrete(
    "logical_or", "LogicalOr", np.logical_or, "x or y, elementwise.", "True, False", True, kinds="b"
)
logical_xor = _discrete(
    "math.logical_xor", "LogicalXor", np.logical_xor,
    "x or y but not both, elementwise.", "True, False", True, kinds="b",
)  # fmt: skip
logical_not = _unary(
    "logical_not",
    "LogicalNot",
    np.logical_not,
    None,
    "not x, elementwise.",
    "True",
    "0.0",
    kinds="b",
)
bitwise_and = _discrete(
    "bitwise.bitwise_and", "BitwiseAnd", np.bitwise_and,
    "Bits set in both x and y (integers or booleans).", "6, 3", 2, kinds="biu",
)  # fmt: skip
bitwise_or = _discrete(
    "bitwise.bitwise_or", "BitwiseOr", np.bitwise_or,
    "Bits set in x or y (integers or booleans).", "6, 3", 7, kinds="biu",
)  # fmt: skip
bitwise_xor = _discrete(
    "bitwise.bitwise_xor", "BitwiseXor", np.bitwise_xor,
    "Bits set in one of x and y (integers or booleans).", "6, 3", 5, kinds="biu",
)  # fmt: skip
left_shift = _discrete(
    "bitwise.left_shift", "LeftShift", np.left_shift,
    "Bits of x moved y places to the left.", "3, 1", 6,
)  # fmt: skip
right_shift = _discrete(
    "bitwise.right_shift", "RightShift", np.right_shift,
    "Bits of x moved y places to the right.", "6, 1", 3,
)  # fmt: skip
invert = _unary(
    "bitwise.invert",
    "Invert",
    np.invert,
    None,
    "All bits flipped (integers or booleans).",
    "0",
    -1.0,
    kinds="biu",
)

# ---------------------------------------------------------------- one argument


def _neg(g, z, x):
    """d(-x) = -dx."""
    return -g


def _abs(g, z, x):
    """d|x| = sign(x) dx; for complex x the sign is x/|x|."""
    if dtype(x).kind == "c":
        return P.multiply_no_nan(P.sign(x), P.cast(g, to=dtype(x)))
    return g * P.sign(x)


def _sign(g, z, x):
    """sign is flat: 0, whatever g is (and not None: the path is there); x/|x| turns with x."""
    if dtype(x).kind == "c":
        return P.divide_no_nan(g - z * z * P.conj(g), P.cast(2 * P.abs(x), to=dtype(x)))
    return P.zeros_like(g, to=dtype(x))


def _exp(g, z, x):
    """d e^x = e^x dx."""
    return g * z


def _expm1(g, z, x):
    """d(e^x - 1) = e^x dx."""
    return g * P.exp(x)


def _log(g, z, x):
    """d log x = dx / x."""
    return g * P.reciprocal(x)


def _log1p(g, z, x):
    """d log(1+x) = dx / (1+x)."""
    return g * P.reciprocal(1 + x)


def _sqrt(g, z, x):
    """d sqrt(x) = dx / (2 sqrt x); a zero cotangent stays zero even where that is infinite."""
    return P.multiply_no_nan(0.5 / z, g)


def _rsqrt(g, z, x):
    """d x^(-1/2) = -1/2 x^(-3/2) dx; a zero cotangent stays zero."""
    return P.multiply_no_nan(-0.5 * (z * z * z), g)


def _square(g, z, x):
    """d x^2 = 2 x dx."""
    return g * (2 * x)


def _reciprocal(g, z, x):
    """d(1/x) = -dx / x^2; a zero cotangent stays zero."""
    return P.multiply_no_nan(-(z * z), g)


def _sin(g, z, x):
    """d sin x = cos x dx."""
    return g * P.cos(x)


def _cos(g, z, x):
    """d cos x = -sin x dx."""
    return -g * P.sin(x)


def _tan(g, z, x):
    """d tan x = dx / cos^2 x."""
    c = P.reciprocal(P.cos(x))
    return g * (c * c)


def _asin(g, z, x):
    """d asin x = dx / sqrt(1 - x^2)."""
    return g * P.rsqrt(1 - x * x)


def _acos(g, z, x):
    """d acos x = -dx / sqrt(1 - x^2)."""
    return -g * P.rsqrt(1 - x * x)


def _atan(g, z, x):
    """d atan x = dx / (1 + x^2)."""
    return g * P.reciprocal(1 + x * x)


def _sinh(g, z, x):
    """d sinh x = cosh x dx."""
    return g * P.cosh(x)


def _cosh(g, z, x):
    """d cosh x = sinh x dx."""
    return g * P.sinh(x)


def _tanh(g, z, x):
    """d tanh x = (1 - tanh^2 x) dx."""
    return g * (1 - z * z)


def _asinh(g, z, x):
    """d asinh x = dx / cosh(asinh x)."""
    return g / P.cosh(z)


def _acosh(g, z, x):
    """d acosh x = dx / sinh(acosh x)."""
    return g / P.sinh(z)


def _atanh(g, z, x):
    """d atanh x = dx / (1 - x^2)."""
    return g * P.reciprocal(1 - x * x)


def _erf(g, z, x):
    """d erf x = 2/sqrt(pi) e^(-x^2) dx."""
    return g * (2 / _math.sqrt(_math.pi) * P.exp(-(x * x)))


def _erfc(g, z, x):
    """d erfc x = -2/sqrt(pi) e^(-x^2) dx."""
    return g * (-2 / _math.sqrt(_math.pi) * P.exp(-(x * x)))


def _sigmoid(g, z, x):
    """d sigmoid x = s (1 - s) dx."""
    return g * (z * (1 - z))


def _softplus(g, z, x):
    """d log(1 + e^x) = sigmoid(x) dx."""
    return g * P.sigmoid(x)


def _conj(g, z, x):
    """Conjugation is linear over the reals."""
    return P.conj(g)


def _sigmoid_forward(x):
    # e^-|x| never overflows; both halves are exact where they are used. tanh would lose the tail.
    e = np.exp(-np.abs(x)) if x.dtype.kind != "c" else np.exp(-x)
    return (
        np.where(x >= 0, 1, e)[()].astype(x.dtype) / (1 + e) if x.dtype.kind != "c" else 1 / (1 + e)
    )


def _elementwise(f):
    """A Python function of one float for arrays, in the array's dtype."""
    vectorised = np.frompyfunc(f, 1, 1)

    def forward(x):
        return np.asarray(vectorised(x)).astype(x.dtype)[()]

    return forward


negative = _unary(
    "negative", "Neg", operator.neg, _neg, "-x, elementwise.", "2.0", -2.0, kinds="fciu"
)
abs = _unary(
    "abs",
    "Abs",
    np.abs,
    _abs,
    "|x|, elementwise; real for complex x.",
    "-2.0",
    2.0,
    kinds="fciu",
    real=True,
)
sign = _unary(
    "sign",
    "Sign",
    np.sign,
    _sign,
    "-1, 0 or 1 (x/|x| for complex x).",
    "-2.0",
    -1.0,
    kinds="fciu",
    real=True,
)
exp = _unary("exp", "Exp", np.exp, _exp, "e to the power x.", "1.0", 2.7183)
expm1 = _unary("math.expm1", "Expm1", np.expm1, _expm1, "e^x - 1, exact near 0.", "1.0", 1.7183)
log = _unary("math.log", "Log", np.log, _log, "Natural logarithm.", "1.0", 0.0)
log1p = _unary("math.log1p", "Log1p", np.log1p, _log1p, "log(1 + x), exact near 0.", "1.0", 0.6931)
sqrt = _unary("sqrt", "Sqrt", np.sqrt, _sqrt, "Square root.", "4.0", 2.0)
rsqrt = _unary("math.rsqrt", "Rsqrt", lambda x: 1 / np.sqrt(x), _rsqrt, "1 / sqrt(x).", "4.0", 0.5)
square = _unary("square", "Square", lambda x: x * x, _square, "x^2.", "3.0", 9.0, kinds="fciu")
reciprocal = _unary(
    "math.reciprocal", "Reciprocal", lambda x: 1 / x, _reciprocal, "1 / x.", "4.0", 0.25
)
sin = _unary("sin", "Sin", np.sin, _sin, "Sine of x in radians.", "1.0", 0.8415)
cos = _unary("cos", "Cos", np.cos, _cos, "Cosine of x in radians.", "0.0", 1.0)
tan = _unary("tan", "Tan", np.tan, _tan, "Tangent of x in radians.", "1.0", 1.5574)
asin = _unary("asin", "Asin", np.arcsin, _asin, "Inverse sine, in radians.", "1.0", 1.5708)
acos = _unary("acos", "Acos", np.arccos, _acos, "Inverse cosine, in radians.", "1.0", 0.0)
atan = _unary("atan", "Atan", np.arctan, _atan, "Inverse tangent, in radians.", "1.0", 0.7854)
sinh = _unary("sinh", "Sinh", np.sinh, _sinh, "Hyperbolic sine.", "1.0", 1.1752)
cosh = _unary("cosh", "Cosh", np.cosh, _cosh, "Hyperbolic cosine.", "0.0", 1.0)
tanh = _unary("tanh", "Tanh", np.tanh, _tanh, "Hyperbolic tangent.", "1.0", 0.7616)
asinh = _unary("asinh", "Asinh", np.arcsinh, _asinh, "Inverse hyperbolic sine.", "1.0", 0.8814)
acosh = _unary("acosh", "Acosh", np.arccosh, _acosh, "Inverse hyperbolic cosine.", "2.0", 1.317)
atanh = _unary("atanh", "Atanh", np.arctanh, _atanh, "Inverse hyperbolic tangent.", "0.5", 0.5493)
erf = _unary(
    "math.erf", "Erf", _elementwise(_math.erf), _erf, "Gauss's error function.", "1.0", 0.8427
)
erfc = _unary(
    "math.erfc",
    "Erfc",
    _elementwise(_math.erfc),
    _erfc,
    "1 - erf(x), exact for large x.",
    "1.0",
    0.1573,
)
sigmoid = _unary("sigmoid", "Sigmoid", _sigmoid_forward, _sigmoid, "1 / (1 + e^-x).", "1.0", 0.7311)
softplus = _unary(
    "math.softplus",
    "Softplus",
    lambda x: np.logaddexp(x, x.dtype.type(0)),
    _softplus,
    "log(1 + e^x), without overflow.",
    "0.0",
    0.6931,
    argument="features",
)
floor = _unary(
    "floor", "Floor", np.floor, None, "Largest integer not above x; no gradient.", "1.7", 1.0
)
ceil = _unary(
    "math.ceil", "Ceil", np.ceil, None, "Smallest integer not below x; no gradient.", "1.2", 2.0
)
_round = _unary(
    "round",
    "Round",
    np.rint,
    None,
    "Nearest integer, halves to even; no gradient.",
    "2.5",
    2.0,
    kinds="fiu",
)
rint = _unary(
    "math.rint", "Rint", np.rint, None, "Nearest integer, halves to even; no gradient.", "1.5", 2.0
)
is_nan = _unary("math.is_nan", "IsNan", np.isnan, None, "True where x is NaN.", "0.0", 0.0, kinds="f")
is_inf = _unary(
    "math.is_inf", "IsInf", np.isinf, None, "True where x is infinite.", "0.0", 0.0, kinds="f"
)
is_finite = _unary(
    "math.is_finite", "IsFinite", np.isfinite, None, "True where x is finite.", "0.0", 1.0, kinds="f"
)
_conj_all = _unary(
    "math.conj",
    "Conj",
    np.conj,
    _conj,
    "Complex conjugate; real x as it is.",
    "1.0",
    1.0,
    kinds=ALL_KINDS,
    real=True,
)


def reciprocal_no_nan(x, name=None):
    """1 / x, and 0 where x is 0."""
    x = as_tensor(x)
    return _divide_no_nan(Tensor(np.ones_like(x._a)), x)


def angle(input, name=None):
    """The angle of complex numbers in the plane; 0 or pi for real ones."""
    x = as_tensor(input)
    if x._a.dtype.kind == "c":
        return atan2(imag(x), real(x))
    if x._a.dtype.kind not in "fiu":
        raise wrong_dtype("Angle", x.dtype)
    return Tensor(np.where(x._a < 0, x._a.dtype.type(_math.pi), x._a.dtype.type(0))[()])


def polyval(coeffs, x, name=None):
    """The polynomial with these coefficients, the highest power first, at x (Horner's scheme).

    >>> import tapelab as tf
    >>> float(tf.math.polyval([1.0, 2.0, 3.0], 2.0))
    11.0
    """
    if not isinstance(coeffs, list):
        raise ValueError(f"Argument coeffs must be list type. Received type {type(coeffs)}.")
    x = as_tensor(x)
    if not coeffs:
        return Tensor(np.zeros_like(x._a))
    p = beside(coeffs[0], x._a.dtype)
    for c in coeffs[1:]:
        p = c + p * x
    return p


def scalar_mul(scalar, x, name=None):
    """A 0-d tensor times a tensor. ValueError when the first has axes."""
    from .tensor import IndexedSlices

    if isinstance(x, IndexedSlices):
        return IndexedSlices(scalar_mul(scalar, x.values), x.indices, x.dense_shape)
    x = as_tensor(x)
    s = beside(scalar, x._a.dtype)
    if s._a.ndim:
        raise ValueError(f"The input scalar must be a 0-D value. Received shape {s._a.shape}.")
    return multiply(s, x)


@functools.wraps(_round)
def round(x, name=None):
    x = convert_to_tensor(x)
    return x if x._a.dtype.kind in "iu" else _round(x)  # integers: the very same tensor


@functools.wraps(_conj_all)
def conj(x, name=None):
    x = convert_to_tensor(x)
    if x._a.dtype.kind in "bO":
        raise TypeError(f"Expected numeric or variant tensor, got dtype {x.dtype!r}.")
    return _conj_all(x) if x._a.dtype.kind == "c" else x  # real numbers: the very same tensor


def log_sigmoid(x, name=None):
    """log(sigmoid(x)) = -softplus(-x), without underflow.

    >>> import tapelab as tf
    >>> print(f"{float(tf.math.log_sigmoid(0.0)):.4f}")
    -0.6931
    """
    return -softplus(-as_tensor(x))


# ---------------------------------------------------------------- dtype


def _cast_forward(x, to):
    if to.kind in "iub" and x.dtype.kind == "c" or to.kind == "f" and x.dtype.kind == "c":
        x = x.real
    return x.astype(to)


def _cast_rule(g, z, x, to):
    """Converting is linear among floats; integers have no derivative (the path ends there)."""
    return P.cast(g, to=dtype(x))


primitive("cast", "Cast", _cast_forward, _cast_rule, real=True)


def cast(x, dtype, name=None):
    """`x` converted to `dtype`; the same object when it has that dtype already.

    Args:
      x: tensor, or anything that converts. dtype: what to convert to; floats are truncated to ints.
    Raises:
      TypeError: `dtype` names no dtype.

    >>> import tapelab as tf
    >>> tf.cast([1.9, -1.9], tf.int32).numpy().tolist()
    [1, -1]
    """
    to = as_dtype(dtype)._np
    if isinstance(x, Variable) and x.dtype._np == to:
        return x  # as TensorFlow: nothing is read, nothing is copied
    x = as_tensor(x)
    if to.kind == "O" != x._a.dtype.kind:
        raise UnimplementedError(
            f"Cast {x.dtype.name} to string is not supported [Op:Cast]; use Python's str(number)."
        )
    if x._a.dtype.kind == "O" != to.kind:
        raise UnimplementedError(
            f"Cast string to {as_dtype(dtype).name} is not supported [Op:Cast]; use Python's float(text)."
        )
    return x if x._a.dtype == to else P.cast(x, to=to)


def saturate_cast(value, dtype, name=None):
    """`cast`, with values outside the range of `dtype` moved to its nearest end."""
    x, to = as_tensor(value), as_dtype(dtype)
    if x._a.dtype.kind == "c" and to.is_integer:
        x = real(x)
    have = x._a.dtype
    if have.kind in "iuf" and (to.is_integer or to.is_floating):
        known = np.iinfo(have) if have.kind in "iu" else np.finfo(have)
        lo, hi = (have.type(v) for v in (max(to.min, known.min), min(to.max, known.max)))
        if have.kind == "f" and to.is_integer and int(hi) > to.max:  # rounded up, out of the range
            hi = np.nextafter(hi, have.type(0))
        x = minimum(maximum(x, Tensor(lo)), Tensor(hi))
    return cast(x, to)


def _real_rule(g, z, x):
    """The cotangent of the real part, as a complex number."""
    return P.complex(g, np.zeros_like(bare(g)))


def _imag_rule(g, z, x):
    """The cotangent of the imaginary part, as a complex number."""
    return P.complex(np.zeros_like(bare(g)), g)


def _complex_re(g, z, re, im):
    """The real part of the cotangent."""
    return P.real(g)


def _complex_im(g, z, re, im):
    """The imaginary part of the cotangent."""
    return P.imag(g)


primitive("real", "Real", lambda x: np.real(x) + 0, _real_rule, real=True)
primitive("imag", "Imag", lambda x: np.imag(x) + 0, _imag_rule, real=True)


def _complex_forward(re, im):
    """Part by part: re + 1j * im would make a NaN of an infinite part."""
    z = np.empty(np.broadcast(re, im).shape, np.complex64 if re.dtype == np.float32 else np.complex128)
    z.real, z.imag = re, im
    return z[()]


primitive(
    "complex", "Complex", _complex_forward, _complex_re, _complex_im, real=True, broadcasts=True
)


def real(input, name=None):
    """The real part of a complex tensor; a real tensor as it is."""
    x = convert_to_tensor(input)
    if x._a.dtype.kind == "O":
        raise wrong_dtype("Real", x.dtype)
    return P.real(x) if x._a.dtype.kind == "c" else x


def imag(input, name=None):
    """The imaginary part of a complex tensor; zeros for a real one."""
    x = as_tensor(input)
    if x._a.dtype.kind == "O":
        raise wrong_dtype("Imag", x.dtype)
    return P.imag(x) if x._a.dtype.kind == "c" else Tensor(np.zeros_like(x._a))


def complex(real, imag, name=None):
    """A complex tensor from its real and imaginary parts (float32 or float64)."""
    x = as_tensor(real)
    y = beside(imag, x._a.dtype)
    if x._a.dtype != y._a.dtype or x._a.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"The `real` and `imag` components have incorrect types: {x.dtype.name} {y.dtype.name}. "
            "They must "
            f"be consistent, and one of float32 and float64."
        )
    return P.complex(x, y)


# ---------------------------------------------------------------- reductions


def axes_of(x, axis, op):
    """An axis argument as a sorted tuple of negative axes; None means all.

    Raises InvalidArgumentError for an axis the tensor does not have, ValueError for one named twice.
    """
    n = x._a.ndim
    if axis is None:
        return tuple(range(-n, 0))
    found, axes = [], [axis] if type(axis) is int else axis
    if type(axes) not in (list, tuple) or set(map(type, axes)) - {int}:
        axes = as_tensor(axis)._a
        if axes.size and axes.dtype.kind not in "iub":
            raise ConversionError(f"axis must be integers, got {axis!r} [Op:{op}]")
        axes = np.ravel(axes).tolist()
    for a in axes:
        if not -n <= a < n:
            raise ShapeError(
                f"Invalid reduction dimension ({a} for input with {n} dimension(s)) [Op:{op}]. "
                f"The tensor has shape {x._a.shape}; its axes are {-n} to {n - 1}."
            )
        found.append(a % n - n)
    if len(set(found)) < len(found):
        raise ShapeError(f"Invalid reduction arguments: axis {axis} named twice [Op:{op}].")
    return tuple(sorted(found))


def axis_of(x, axis, op):
    """One axis argument as a negative axis."""
    if not isinstance(axis, int):
        axis = as_tensor(axis)._a
        if axis.ndim or axis.dtype.kind not in "iu":
            raise ConversionError(f"axis must be a scalar integer, got {axis!r} [Op:{op}]")
        axis = int(axis)
    n = x._a.ndim
    if not -n <= axis < n:
        raise ShapeError(
            f"Expected dimension in the range [{-n}, {n}), but got {axis} [Op:{op}] for shape {x._a.shape}."
        )
    return axis % n - n


def spread(g, z, x, axis, keepdims):
    """A reduction's cotangent, repeated over the axes that were reduced."""
    extra, inner = lead(g, z), shape(x)
    if not extra and (keepdims or len(axis) == len(inner)):  # broadcasts as it is
        return P.broadcast_to(g, shape=inner)
    keep = [1 if i - len(inner) in axis else n for i, n in enumerate(inner)]
    front = shape(g)[:extra]
    return P.broadcast_to(P.reshape(g, shape=front + tuple(keep)), shape=front + inner)


def _kept(z, x, axis):
    """A reduction's result with its reduced axes back as size 1."""
    inner = shape(x)
    return P.reshape(
        z, shape=tuple(1 if i - len(inner) in axis else n for i, n in enumerate(inner))
    )


def count(x, axis):
    """Number of elements that go into each element of a reduction."""
    inner = shape(x)
    return _math.prod([inner[a] for a in axis])


def _sum_forward(x, axis, keepdims):
    return _add_up(x, axis, keepdims, None if x.dtype.kind in "fc" else x.dtype)


def _add_up(x, axis, keepdims, dtype):
    """np.add.reduce. Several axes of a large array that is not in NumPy's order (an output of a
    convolution) go another way, along the memory: all but the channels by einsum, others one by one,
    the outermost in memory first."""
    if len(axis) < 2 or x.flags.c_contiguous or x.size < 10_000:
        return np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=dtype)
    if len(axis) == x.ndim - 1 and not keepdims and x.dtype.char in "fdFD":
        kept = [a for a in range(x.ndim) if a - x.ndim not in axis]
        return np.einsum(x, [*range(x.ndim)], kept)
    for a in sorted(axis, key=x.strides.__getitem__, reverse=True):
        x = np.add.reduce(x, axis=a, keepdims=True, dtype=dtype)
    return x if keepdims else np.squeeze(x, axis)


def _sum_rule(g, z, x, axis, keepdims):
    """Every summand gets the sum's cotangent."""
    return spread(g, z, x, axis, keepdims)


def _mean_forward(x, axis, keepdims):
    if x.dtype.kind in "iu":  # integers divide as integers, towards zero
        total = _add_up(x, axis, keepdims, np.dtype(x.dtype.kind + "8"))
        return (np.sign(total) * (np.abs(total) // max(count(x, axis), 1))).astype(x.dtype)
    total = _add_up(x, axis, keepdims, x.dtype)
    return total / x.dtype.type(x.size // max(total.size, 1))


def _mean_rule(g, z, x, axis, keepdims):
    """Every element gets its share, 1/n, of the mean's cotangent."""
    n = bare(x).size // max(bare(z).size, 1)
    return spread(g / max(n, 1), z, x, axis, keepdims)


def _prod_rule(g, z, x, axis, keepdims):
    """d prod = (product of the others) dx, without dividing, so that zeros are right."""
    inner = shape(x)
    rest = tuple(i - len(inner) for i in range(len(inner)) if i - len(inner) not in axis)
    perm = rest + axis
    flat = tuple(inner[a] for a in rest) + (count(x, axis),)
    rows = P.reshape(P.transpose(x, perm=perm), shape=flat)
    before = P.cumprod(rows, axis=-1, exclusive=True, reverse=False)
    after = P.cumprod(rows, axis=-1, exclusive=True, reverse=True)
    others = P.reshape(before * after, shape=tuple(inner[a] for a in perm))
    back = tuple(perm.index(i - len(inner)) - len(inner) for i in range(len(inner)))
    return spread(g, z, x, axis, keepdims) * P.transpose(others, perm=back)


def _extreme_rule(g, z, x, axis, keepdims):
    """The extreme elements share the cotangent evenly."""
    hit = P.cast(P.equal(x, _kept(z, x, axis)), to=dtype(x))
    ties = P.sum(hit, axis=axis, keepdims=True)
    return spread(g, z, x, axis, keepdims) * (hit / ties)


def _extreme_forward(f, worst):
    def forward(x, axis, keepdims):
        if x.size == 0:
            start = worst(x.dtype)
            return f.reduce(x, axis=axis, keepdims=keepdims, initial=start)
        return f.reduce(x, axis=axis, keepdims=keepdims)

    return forward


def _top(x, axis):
    """The largest x over the axes, 0 where that is not finite; taken out before e^x is."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0).astype(x.dtype)


def _lse_forward(x, axis, keepdims):
    top = _top(x, axis)
    z = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return (
        z
        if keepdims
        else z.reshape([n for i, n in enumerate(x.shape) if i - x.ndim not in axis])[()]
    )


def _lse_rule(g, z, x, axis, keepdims):
    """d log sum e^x = softmax(x) dx."""
    e = P.exp(x - _top(bare(x), axis))
    return spread(g, z, x, axis, keepdims) * (e / P.sum(e, axis=axis, keepdims=True))


def _norm_forward(x, axis, keepdims):
    total = np.add.reduce(np.real(x * np.conj(x)), axis=axis, keepdims=keepdims)
    return np.sqrt(total).astype(x.dtype)


def _norm_rule(g, z, x, axis, keepdims):
    """d |x| = x / |x| dx, and real also for complex x."""
    if dtype(x).kind == "c":
        g = P.cast(P.real(g), to=dtype(x))
    return x * spread(g / z, z, x, axis, keepdims)


primitive("sum", "Sum", _sum_forward, _sum_rule, kinds="fciu")
primitive("mean", "Mean", _mean_forward, _mean_rule, kinds="fciu")
primitive(
    "prod", "Prod",
    lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims, dtype=x.dtype),
    _prod_rule, kinds="fciu",
)  # fmt: skip
primitive("max", "Max", _extreme_forward(np.maximum, lowest), _extreme_rule, kinds="fiu")
primitive("min", "Min", _extreme_forward(np.minimum, highest), _extreme_rule, kinds="fiu")
primitive("logsumexp", "Logsumexp", _lse_forward, _lse_rule, kinds="f")
primitive("euclidean_norm", "EuclideanNorm", _norm_forward, _norm_rule, real=True, kinds="fciu")
primitive(
    "any", "Any", lambda x, axis, keepdims: np.logical_or.reduce(x, axis=axis, keepdims=keepdims),
    kinds="b",
)
primitive(
    "all", "All", lambda x, axis, keepdims: np.logical_and.reduce(x, axis=axis, keepdims=keepdims),
    kinds="b",
)

REDUCE_DOC = """{summary}

Args:
  input_tensor: tensor of any shape. axis: one axis or several (negative ones count from the end);
    None for all. keepdims: whether the reduced axes stay, with size 1.
Returns:
  A tensor of the same dtype without (or with size 1 in) the reduced axes.
Raises:
  InvalidArgumentError: an axis that the tensor does not have, or a dtype that does not fit.

>>> import tapelab as tf
>>> tf.{path}({arg}).numpy().tolist()
{value}
"""


def _reduction(path, key, summary, arg, value):
    name, p = path.rpartition(".")[2], getattr(P, key)
    logical = p.kinds == "b"

    def op(input_tensor, axis=None, keepdims=False, name=None):
        x = as_tensor(input_tensor, np.dtype(bool) if logical and not is_tensor(input_tensor) else None)
        return p(x, axis=axes_of(x, axis, p.name), keepdims=bool(keepdims))

    return public(
        op,
        name,
        REDUCE_DOC.format(summary=summary, path=path, arg=arg, value=value),
        "tapelab.math",
    )


reduce_sum = _reduction(
    "reduce_sum", "sum", "The sum over axes.", "[[1., 2.], [3., 4.]], axis=1", "[3.0, 7.0]"
)
reduce_mean = _reduction(
    "reduce_mean",
    "mean",
    "The mean over axes; integers divide as integers.",
    "[[1., 2.], [3., 4.]]",
    "2.5",
)
reduce_prod = _reduction("reduce_prod", "prod", "The product over axes.", "[1., 2., 3.]", "6.0")
reduce_max = _reduction(
    "reduce_max",
    "max",
    "The maximum over axes; ties share the gradient evenly.",
    "[1., 3., 2.]",
    "3.0",
)
reduce_min = _reduction(
    "reduce_min",
    "min",
    "The minimum over axes; ties share the gradient evenly.",
    "[1., 3., 2.]",
    "1.0",
)
reduce_logsumexp = _reduction(
    "reduce_logsumexp",
    "logsumexp",
    "log of the sum of e^x over axes, without overflow.",
    "[1000., -1000.]",
    "1000.0",
)
reduce_euclidean_norm = _reduction(
    "math.reduce_euclidean_norm",
    "euclidean_norm",
    "Square root of the sum of squares over axes.",
    "[3., 4.]",
    "5.0",
)
reduce_any = _reduction(
    "reduce_any", "any", "Whether any element is True.", "[True, False]", "True"
)
reduce_all = _reduction(
    "reduce_all", "all", "Whether all elements are True.", "[True, False]", "False"
)


def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    """The variance over axes: the mean squared distance from the mean (divided by n).

    Args and Raises as for `reduce_mean`; integers are refused with TypeError.

    >>> import tapelab as tf
    >>> tf.math.reduce_variance([1.0, 3.0]).numpy().item()
    1.0
    """
    x = as_tensor(input_tensor)
    axes_of(x, axis, "Mean")
    if x._a.dtype.kind in "iub":
        raise DtypeError(
            f"Input must be either real or complex. Received integer type {x.dtype!r}; tf.cast it."
        )
    off = x - reduce_mean(x, axis=axis, keepdims=True)
    squared = real(off * conj(off)) if x._a.dtype.kind == "c" else square(off)
    return reduce_mean(squared, axis=axis, keepdims=keepdims)


def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    """The standard deviation over axes, the square root of `reduce_variance`.

    Its gradient is NaN where all values are equal.

    >>> import tapelab as tf
    >>> tf.math.reduce_std([1.0, 3.0]).numpy().item()
    1.0
    """
    return sqrt(reduce_variance(input_tensor, axis, keepdims))


def count_nonzero(input, axis=None, keepdims=None, dtype="int64", name=None):
    """How many elements are not zero, as integers of `dtype`."""
    x = as_tensor(input)
    nothing = b"" if x._a.dtype.kind == "O" else 0
    ones = Tensor(np.asarray(x._a != nothing).astype(numpy_dtype(dtype)))
    return reduce_sum(ones, axis, bool(keepdims))


# ---------------------------------------------------------------- scans and arguments of extremes


def _scan(f):
    def forward(x, axis, exclusive, reverse):
        if not x.size:
            return x
        z = np.flip(x, axis) if reverse else x
        z = f.accumulate(z, axis=axis, dtype=x.dtype)
        if exclusive:
            z = np.roll(z, 1, axis)
            z[(..., 0) + (slice(None),) * (-1 - axis)] = f.identity
        return np.flip(z, axis) if reverse else z

    return forward


def _cumsum_rule(g, z, x, axis, exclusive, reverse):
    """The adjoint of summing forwards is summing backwards."""
    return P.cumsum(g, axis=axis, exclusive=exclusive, reverse=not reverse)


def _cumprod_rule(g, z, x, axis, exclusive, reverse):
    """d cumprod_j = sum over i <= j of (cumprod_j / x_i) dx_i, and 0 where x_i is 0."""
    return P.divide_no_nan(P.cumsum(g * z, axis=axis, exclusive=exclusive, reverse=not reverse), x)


primitive("cumsum", "Cumsum", _scan(np.add), _cumsum_rule, kinds="fciu")
primitive("cumprod", "Cumprod", _scan(np.multiply), _cumprod_rule, kinds="fciu")


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running sums along an axis.

    Args:
      x: tensor. axis: along which. exclusive: leave the element itself out. reverse: from the end.
    Raises:
      InvalidArgumentError: no such axis.

    >>> import tapelab as tf
    >>> tf.cumsum([1, 2, 3]).numpy().tolist()
    [1, 3, 6]
    """
    x = as_tensor(x)
    return P.cumsum(
        x, axis=axis_of(x, axis, "Cumsum"), exclusive=bool(exclusive), reverse=bool(reverse)
    )


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running products along an axis; arguments as for `cumsum`.

    Its gradient divides by x and is taken as 0 where x is 0, as in TensorFlow.

    >>> import tapelab as tf
    >>> tf.math.cumprod([1, 2, 3]).numpy().tolist()
    [1, 2, 6]
    """
    x = as_tensor(x)
    return P.cumprod(
        x, axis=axis_of(x, axis, "Cumprod"), exclusive=bool(exclusive), reverse=bool(reverse)
    )


def cumulative_logsumexp(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running log-sum-exp along an axis, without overflow; arguments as for `cumsum`."""
    x = as_tensor(x)
    if x._a.dtype.kind != "f":
        raise wrong_dtype("CumulativeLogsumexp", x.dtype)
    at = axis_of(x, axis, "CumulativeLogsumexp")
    return P.cumlogsumexp(x, axis=at, exclusive=bool(exclusive), reverse=bool(reverse))


def _cumlogsumexp_rule(g, z, x, axis, exclusive, reverse):
    """d z_j = sum over i up to j of e^(x_i - z_j) dx_i.

    The shares e^(x_i - z_j) stand in a matrix: taken apart as e^x_i and e^-z_j they overflow.
    """
    n = shape(x)[axis]
    i, j = np.indices((n, n))
    goes_in = (i >= j if reverse else i <= j) & ((i != j) | (not exclusive))
    last = _moved_last(x, axis), _moved_last(z, axis)
    off = P.reshape(last[0], shape=(*shape(last[0]), 1)) - P.reshape(
        last[1], shape=(*shape(last[1])[:-1], 1, n)
    )
    share = P.exp(P.where(goes_in, off, np.full_like(bare(off), -np.inf)))
    g = _moved_last(g, axis)
    g = P.sum(share * P.reshape(g, shape=(*shape(g)[:-1], 1, n)), axis=(-1,), keepdims=False)
    return _moved_last(g, axis, back=True)


def _moved_last(x, axis, back=False):
    """The axis moved to the end, or from there back to its place."""
    if axis == -1:
        return x
    return P.transpose(x, perm=(-1, *range(axis, -1)) if back else (*range(axis + 1, 0), axis))


primitive(
    "cumlogsumexp", "CumulativeLogsumexp", _scan(np.logaddexp), _cumlogsumexp_rule, kinds="f"
)


def _extreme_index(f):
    def forward(x, axis, to):
        if not x.shape[axis]:
            raise ShapeError(
                f"Reduction axis {axis % x.ndim} is empty in shape {list(x.shape)} [Op:ArgMax]"
            )
        if x.dtype.kind == "f":  # a NaN never wins against a number, as in TensorFlow
            x = np.where(np.isnan(x), -np.inf if f is np.argmax else np.inf, x)
        return np.asarray(f(x, axis=axis)).astype(to)[()]

    return forward


primitive("argmax", "ArgMax", _extreme_index(np.argmax), kinds="fiub")
primitive("argmin", "ArgMin", _extreme_index(np.argmin), kinds="fiub")


def argmax(input, axis=None, output_type="int64", name=None):
    """The index of the largest value along an axis (default 0); the first of equals. No gradient.

    >>> import tapelab as tf
    >>> tf.argmax([1.0, 3.0, 3.0]).numpy().item()
    1
    """
    x = as_tensor(input)
    return P.argmax(
        x, axis=axis_of(x, 0 if axis is None else axis, "ArgMax"), to=numpy_dtype(output_type)
    )


def argmin(input, axis=None, output_type="int64", name=None):
    """The index of the smallest value along an axis (default 0); the first of equals. No gradient.

    >>> import tapelab as tf
    >>> tf.argmin([2.0, 1.0, 1.0]).numpy().item()
    1
    """
    x = as_tensor(input)
    return P.argmin(
        x, axis=axis_of(x, 0 if axis is None else axis, "ArgMin"), to=numpy_dtype(output_type)
    )


def _addn_rule(g, z, *xs, index):
    """Every summand gets the sum's cotangent."""
    return g


def _addn_forward(*xs):
    total = xs[0]
    for x in xs[1:]:
        if x.shape != total.shape:
            raise ValueError(f"Shapes must be equal: {list(total.shape)} and {list(x.shape)}")
        total = total + x
    return total


primitive("add_n", "AddN", _addn_forward, _addn_rule, variadic=True, kinds="fciu")


def add_n(inputs, name=None):
    """The sum of a list of tensors of one shape and dtype (nothing broadcasts).

    Raises ValueError for an empty list, InvalidArgumentError for different shapes or dtypes.

    >>> import tapelab as tf
    >>> tf.add_n([[1.0], [2.0], [3.0]]).numpy().tolist()
    [6.0]
    """
    from .array import same_dtypes

    inputs = list(inputs) if np.iterable(inputs) and not isinstance(inputs, str) else None
    if not inputs:
        raise ValueError(
            "inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape"
        )
    xs = same_dtypes([as_tensor(x) for x in inputs], "AddN")
    return P.add_n(*xs) if len(xs) > 1 else convert_to_tensor(inputs[0])



def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """As `add_n`; shape and dtype, when given, must be those of the inputs."""
    z = add_n(inputs)
    if tensor_dtype is not None and as_dtype(tensor_dtype) != z.dtype:
        raise TypeError(f"tensor_dtype is {as_dtype(tensor_dtype)!r}, but input is of type {z.dtype!r}")
    if shape is not None and not z.shape.is_compatible_with(shape):
        raise ShapeError(f"Shapes {z.shape} and {shape} are incompatible [Op:AccumulateNV2]")
    return z


# ---------------------------------------------------------------- Python's operators


def _equals(x, y):
    if y is None:
        return False
    try:
        return equal(x, y)
    except InvalidArgumentError as e:
        if "Incompatible shapes" in str(e):
            return Tensor(np.False_)
        raise


def _differs(x, y):
    same = _equals(x, y)
    return logical_not(same) if isinstance(same, Tensor) else True


_quotient = binary(P.divide, "__rtruediv__")


def _over(x, y):
    if type(x) is Tensor and x._a.dtype.kind in "fc":
        return _quotient(x, y)
    try:
        return divide(x, y)
    except (TypeError, ValueError) as e:
        return left_to(y, "__rtruediv__", e)


operators({
    "add": P.add, "sub": P.subtract, "mul": P.multiply, "truediv": _over, "pow": P.pow,
    "floordiv": P.floordiv, "mod": P.floormod, "and": P.bitwise_and, "or": P.bitwise_or, "xor": P.bitwise_xor,
})  # fmt: skip
operators({
    "lt": less, "le": less_equal, "gt": greater, "ge": greater_equal, "eq": _equals, "ne": _differs,
    "neg": negative, "abs": abs, "invert": invert,
}, exchanged=False)  # fmt: skip
