"""tf.debugging: assertions on tensors. They raise InvalidArgumentError with the values that fail."""

import numpy as np

from . import nest
from .dtypes import as_dtype, float32
from .errors import InvalidArgumentError, wrong_dtype
from .math import equal, greater, greater_equal, less, less_equal, not_equal, subtract
from .primitive import P, primitive
from .tensor import Tensor, Variable, as_tensor, beside, integer, ints, is_tensor, number


def _said(message):
    return f"{message}.  " if message else ""


def _few(a, summarize):
    """The first elements: 3, or `summarize`, or all of them if that is negative."""
    n = 3 if summarize is None else summarize
    return np.ravel(a)[: n if n >= 0 else None]


def _listed(a, summarize):
    shown = [str(x) for x in _few(a, summarize)]
    return ", ".join(shown + ["..."] * (len(shown) < np.size(a)))


def _fail(message, fact, summarize, **values):
    shown = [
        f"\n{k} (shape={a.shape} dtype={as_dtype(a.dtype).name}) = \n{_listed(a, summarize)}"
        for k, a in values.items()
    ]
    raise InvalidArgumentError(_said(message) + fact + "".join(shown))


def _compares(name, op, sign):
    def check(x, y, message=None, summarize=None, name=None):
        x = beside(x, y.dtype._np) if isinstance(y, (Tensor, Variable)) else as_tensor(x)
        y = beside(y, x._a.dtype)
        holds = op(x, y)._a
        if not np.all(holds):
            lines, both = [f"Condition x {sign} y did not hold."], (("x", x._a), ("y", y._a))
            if x._a.shape == y._a.shape != ():
                n = len(_few(holds, summarize))
                at = np.argwhere(~holds)[:n]
                lines += [f"Indices of first {len(at)} different values:", at]
                for k, a in both:
                    lines += [f"Corresponding {k} values:", a[tuple(at.T)]]
            for k, a in both:
                few = _few(a, summarize)
                lines += [f"First {len(few)} elements of {k}:", few]
            raise InvalidArgumentError("\n".join(map(str, [message] * bool(message) + lines)))

    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"InvalidArgumentError unless x {sign} y everywhere (shapes broadcast)."
    return check


assert_equal = _compares("assert_equal", equal, "==")
_assert_none_equal = _compares("assert_none_equal", not_equal, "!=")
assert_less = _compares("assert_less", less, "<")
assert_less_equal = _compares("assert_less_equal", less_equal, "<=")
assert_greater = _compares("assert_greater", greater, ">")
assert_greater_equal = _compares("assert_greater_equal", greater_equal, ">=")


def assert_none_equal(x, y, summarize=None, message=None, name=None):
    """InvalidArgumentError unless x != y everywhere (shapes broadcast)."""
    _assert_none_equal(x, y, message, summarize)


def _signed(title, holds, what):
    def check(x, message=None, summarize=None, name=None):
        a = as_tensor(x)._a
        if a.dtype.kind not in "iuf":
            raise wrong_dtype(title, as_tensor(x).dtype)
        if not np.all(holds(a)):
            _fail(message, f"Condition x {what} did not hold element-wise:", summarize, x=a)

    check.__name__ = check.__qualname__ = title
    check.__doc__ = f"InvalidArgumentError unless x {what} everywhere."
    return check


assert_positive = _signed("assert_positive", lambda a: a > 0, "> 0")
assert_negative = _signed("assert_negative", lambda a: a < 0, "< 0")
assert_non_negative = _signed("assert_non_negative", lambda a: a >= 0, ">= 0")
assert_non_positive = _signed("assert_non_positive", lambda a: a <= 0, "<= 0")


def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    """InvalidArgumentError unless |x - y| <= atol + rtol |y| (10 eps of the dtype by default)."""
    x = as_tensor(x)
    y = beside(y, x._a.dtype)
    if x._a.dtype.kind not in "fc":
        raise wrong_dtype("assert_near", x.dtype)
    eps = 10 * np.finfo(x._a.dtype).eps
    rtol = eps if rtol is None else number(rtol, "rtol", "assert_near")
    atol = eps if atol is None else number(atol, "atol", "assert_near")
    subtract(x, y)  # shapes and dtypes that do not fit are refused there
    if not np.all(np.abs(x._a - y._a) <= atol + rtol * np.abs(y._a)):
        fact = f"x and y not equal to tolerance rtol = {rtol}, atol = {atol}"
        _fail(message, fact, summarize, x=x._a, y=y._a)


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """ValueError unless tensors have the shapes given; a letter stands for one size throughout.

    >>> import tapelab as tf
    >>> tf.debugging.assert_shapes([(tf.zeros([2, 3]), ("n", "k")), (tf.zeros([3]), ("k",))])
    """
    pairs = list(shapes.items()) if isinstance(shapes, dict) else shapes
    if not isinstance(pairs, (list, tuple)) or any(
        not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pairs
    ):
        raise TypeError(f"`shapes` must be pairs of a tensor and its shape, got {shapes!r}.")
    sizes = {}
    for x, wanted in pairs:
        have = tuple(as_tensor(x)._a.shape) or (1,)  # a scalar is of size 1
        if wanted is None:
            continue
        if not hasattr(wanted, "__iter__"):
            raise ValueError(f"A specified shape must be an iterable, got {wanted!r}.")
        # A string has a symbol or a size in each character.
        wanted = tuple(int(w) if isinstance(w, str) and w.isdigit() else w for w in wanted) or (1,)
        if wanted[0] in (Ellipsis, "*", "..."):
            wanted, have_ = wanted[1:], have[max(len(have) - len(wanted) + 1, 0) :]
        elif wanted[-1] in (Ellipsis, "*", "..."):
            wanted, have_ = wanted[:-1], have[: len(wanted) - 1]
        else:
            have_ = have
        if len(wanted) != len(have_):
            raise ValueError(f"{_said(message)}Specified shape {wanted} has another rank than {have}.")
        for i, (w, n) in enumerate(zip(wanted, have_)):
            known = (
                w if isinstance(w, int) else sizes.setdefault(w, n) if w not in (None, ".") else n
            )
            if known != n:
                raise ValueError(
                    f"{_said(message)}Specified shape {wanted}: dimension {i} must have size {known}.  "
                    f"Received size {n}, shape {have}"
                )


def _rank_of(x):
    return as_tensor(x)._a.ndim


def assert_rank(x, rank, message=None, name=None):
    """ValueError unless x has `rank` axes."""
    if _rank_of(x) != integer(rank, "rank", "assert_rank"):
        raise ValueError(
            f"{_said(message)}Tensor must have rank {rank}.  Received rank {_rank_of(x)}, shape "
            f"{as_tensor(x).shape}"
        )


def assert_rank_at_least(x, rank, message=None, name=None):
    """ValueError unless x has at least `rank` axes."""
    if _rank_of(x) < integer(rank, "rank", "assert_rank_at_least"):
        raise ValueError(
            f"{_said(message)}Tensor must have rank at least {rank}.  Received rank {_rank_of(x)}, "
            f"shape {as_tensor(x).shape}"
        )


def assert_rank_in(x, ranks, message=None, name=None):
    """ValueError unless the number of x's axes is one of `ranks`."""
    ranks = ints(ranks, "ranks")
    if _rank_of(x) not in ranks:
        raise ValueError(
            f"{_said(message)}Tensor must have rank in {ranks}.  Received rank {_rank_of(x)}, shape "
            f"{as_tensor(x).shape}"
        )


def assert_scalar(tensor, message=None, name=None):
    """ValueError unless the tensor has no axes."""
    x = as_tensor(tensor)
    if x._a.ndim:
        raise ValueError(f"{_said(message)}Expected scalar shape, saw shape: {x.shape}.")


def assert_type(tensor, tf_type, message=None, name=None):
    """TypeError unless the tensor has this dtype."""
    x = as_tensor(tensor)
    if x.dtype != tf_type:
        raise TypeError(f"{_said(message)}tensor must be of type {tf_type!r}; got {x.dtype!r}")


def assert_integer(x, message=None, name=None):
    """TypeError unless the dtype is an integer one."""
    if not as_tensor(x).dtype.is_integer:
        raise TypeError(
            f'{_said(message)}Expected "x" to be integer type.  Found: {as_tensor(x).dtype!r}'
        )


def assert_same_float_dtype(tensors=None, dtype=None):
    """The one float dtype of the tensors; ValueError when they differ or it is none."""
    found = {as_tensor(t).dtype for t in tensors or []} | ({dtype} if dtype else set())
    if len(found) > 1 or any(not d.is_floating for d in found):
        raise ValueError(f"Expected one floating point type, got {sorted(d.name for d in found)}.")
    return found.pop() if found else float32


def assert_proper_iterable(values):
    """TypeError unless `values` can be iterated without being a tensor, array or string."""
    if (
        is_tensor(values)
        or isinstance(values, (np.ndarray, str, bytes))
        or not hasattr(values, "__iter__")
    ):
        raise TypeError(f"Expected argument 'values' to be iterable. Found: {type(values)}")


def Assert(condition, data, summarize=None, name=None):
    """InvalidArgumentError with `data` unless the condition holds."""
    if not bool(as_tensor(condition)):
        shown = "\n".join(_listed(as_tensor(d).numpy(), summarize) for d in nest.flatten(data))
        raise InvalidArgumentError(f"Expected '{condition}' to be true. Summarized data: {shown}")


def _checked_numerics(x, message):
    if x.dtype.kind != "f":
        raise wrong_dtype("CheckNumerics", as_dtype(x.dtype))
    bad = [what for what, f in (("Inf", np.isinf), ("NaN", np.isnan)) if f(x).any()]
    if bad:
        at = np.argwhere(~np.isfinite(x))[0].tolist()
        raise InvalidArgumentError(
            f"{message} : Tensor had {' and '.join(bad)} values (first at index {at}) [Op:CheckNumerics]"
        )
    return x


def _check_numerics_rule(g, z, x, message):
    """The identity, which looks at the cotangent, too."""
    found = "Not a number (NaN) or infinity (Inf) values detected in gradient. "
    return P.check_numerics(g, message=message if message.startswith(found) else found + message)


primitive("check_numerics", "CheckNumerics", _checked_numerics, _check_numerics_rule, kinds="f")


def check_numerics(tensor, message, name=None):
    """The tensor, connected; InvalidArgumentError when NaN or infinity is in it, or in its gradient."""
    return P.check_numerics(as_tensor(tensor), message=str(message))


def assert_all_finite(x, message, name=None):
    """As `check_numerics`, without looking at the gradient."""
    x = as_tensor(x)
    _checked_numerics(x._a, message)
    return P.identity(x)


def is_numeric_tensor(tensor):
    """True for a tensor of numbers."""
    return (
        isinstance(tensor, Tensor)
        and tensor.dtype.as_numpy_dtype is not object
        and not tensor.dtype.is_bool
    )
