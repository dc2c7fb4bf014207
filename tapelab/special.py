"""Special functions of tf.math: gamma and its kin, inverses of the error function.

Values come from Python's math module where it has them; digamma, zeta and the inverse error
function are summed here, to double precision, and returned in the argument's dtype.
"""

import math as _math

import numpy as np

from .array import where
from .math import _binary, _unary, log, reduce_sum
from .primitive import P
from .tensor import Tensor, as_tensor


def _lgamma_of(x):
    if not _math.isfinite(x):
        return x * x  # NaN stays, both infinities are inf
    return _math.inf if x <= 0 and x == _math.floor(x) else _math.lgamma(x)


def _digamma_of(x):
    """Recurrence up to x >= 10, then the asymptotic series (Abramowitz and Stegun 6.3.18)."""
    if not _math.isfinite(x):
        return x if x > 0 else _math.nan
    if x <= 0 and x == _math.floor(x):
        return _math.nan
    if x < 0.5:  # reflection, 6.3.7
        return _digamma_of(1 - x) - _math.pi / _math.tan(_math.pi * x)
    shift = 0.0
    while x < 10:
        shift -= 1 / x
        x += 1
    s = 1 / (x * x)
    tail = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132)))))
    return shift + _math.log(x) - 0.5 / x - tail


def _zeta_of(s, a):
    """The Hurwitz zeta function by Euler-Maclaurin summation (NIST DLMF 25.11.28)."""
    if not _math.isfinite(s) or not _math.isfinite(a):
        return 0.0 if a == _math.inf and s > 1 else _math.nan
    if s == 1:
        return _math.inf
    if s < 1 or a <= 0 and (a == _math.floor(a) or s != _math.floor(s)):
        return _math.inf if a <= 0 and a == _math.floor(a) and s > 1 and s % 2 == 0 else _math.nan
    n = 12
    while a + n < 12:
        n += 1
    total = sum((a + k) ** -s for k in range(n))
    x = a + n
    total += x ** (1 - s) / (s - 1) + 0.5 * x**-s
    term = s * x ** (-s - 1)
    for k, b in enumerate((1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160), 1):
        total += b * term
        term *= (s + 2 * k - 1) * (s + 2 * k) / (x * x)
    return total


def _ndtri_of(p):
    """The inverse of the normal distribution function, from the standard library."""
    from statistics import NormalDist

    if 0 < p < 1:
        return NormalDist().inv_cdf(p)
    return -_math.inf if p == 0 else _math.inf if p == 1 else _math.nan


def _each(f):
    def value(*numbers):
        try:
            return f(*numbers)
        except OverflowError:  # a pole so near that nothing else counts
            return _math.inf

    vectorised = np.frompyfunc(value, f.__code__.co_argcount, 1)

    def forward(*xs):
        if xs[0].dtype.kind != "f":
            raise TypeError("not defined on integers; tf.cast them first")
        return np.asarray(vectorised(*[x.astype(np.float64) for x in xs])).astype(xs[0].dtype)[()]

    return forward


def _lgamma(g, z, x):
    """d lgamma(x) = digamma(x) dx."""
    return g * P.digamma(x)


def _digamma(g, z, x):
    """d digamma(x) = trigamma(x) dx, and trigamma(x) = zeta(2, x)."""
    return g * P.polygamma(np.ones_like(P.stop_gradient(x)._a if isinstance(x, Tensor) else x), x)


def _polygamma_x(g, z, n, x):
    """d polygamma(n, x) = polygamma(n + 1, x) dx."""
    return g * P.polygamma(n + 1, x)


def _zeta_a(g, z, s, a):
    """d zeta(s, a)/da = -s zeta(s + 1, a)."""
    return g * (-s * P.zeta(s + 1, a))


def _polygamma_of(n, x):
    """(-1)^(n+1) n! zeta(n + 1, x), and digamma for n = 0."""
    if n == 0:
        return _digamma_of(x)
    if not _math.isfinite(n) or n < 0 or n != _math.floor(n):
        return _math.nan
    factorial = _math.factorial(int(n)) if n < 171 else _math.inf  # beyond float64
    return (-1 if n % 2 == 0 else 1) * factorial * _zeta_of(n + 1, x)


def _erfinv(g, z, x):
    """d erfinv(x) = sqrt(pi)/2 e^(erfinv(x)^2) dx."""
    return g * (_math.sqrt(_math.pi) / 2 * P.exp(z * z))


def _ndtri(g, z, x):
    """d ndtri(x) = sqrt(2 pi) e^(ndtri(x)^2 / 2) dx."""
    return g * (_math.sqrt(2 * _math.pi) * P.exp(z * z / 2))


def _erfinv_of(x):
    return _ndtri_of((x + 1) / 2) / _math.sqrt(2)


lgamma = _unary(
    "math.lgamma", "Lgamma", _each(_lgamma_of), _lgamma, "log |gamma(x)|.", "3.0", 0.6931
)
digamma = _unary(
    "math.digamma",
    "Digamma",
    _each(_digamma_of),
    _digamma,
    "The derivative of lgamma.",
    "1.0",
    -0.5772,
)
erfinv = _unary(
    "math.erfinv", "Erfinv", _each(_erfinv_of), _erfinv, "The inverse of erf.", "0.5", 0.4769
)
ndtri = _unary(
    "math.ndtri",
    "Ndtri",
    _each(_ndtri_of),
    _ndtri,
    "The inverse of the normal distribution function.",
    "0.5",
    0.0,
)
zeta = _binary(
    "math.zeta",
    "Zeta",
    _each(_zeta_of),
    None,
    _zeta_a,
    "The Hurwitz zeta function.",
    "2.0, 1.0",
    1.6449340581893921,
    arguments=("x", "q"),
)
polygamma = _binary(
    "math.polygamma",
    "Polygamma",
    _each(_polygamma_of),
    None,
    _polygamma_x,
    "The n-th derivative of digamma.",
    "1.0, 1.0",
    1.6449340581893921,
    arguments=("a", "x"),
)


def erfcinv(x, name=None):
    """The inverse of erfc."""
    x = as_tensor(x)
    return -ndtri(0.5 * x) * _math.sqrt(0.5)


def lbeta(x, name=None):
    """log |Beta(x)| along the last axis: the sum of lgamma less lgamma of the sum."""
    x = as_tensor(x)
    return reduce_sum(lgamma(x), -1) - lgamma(reduce_sum(x, -1))


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """e^log_input - log_input * targets, and with `compute_full_loss` Stirling's approximation."""
    x = as_tensor(log_input)
    y = as_tensor(targets)
    if x._a.shape != y._a.shape:
        raise ValueError(
            f"`log_input` and `targets` must have the same shape, received ({x._a.shape} vs {y._a.shape})."
        )
    z = P.exp(x) - x * y
    if compute_full_loss:
        stirling = y * log(y) - y + 0.5 * log(2 * _math.pi * y)
        z = z + where((y >= 0) & (y <= 1), np.zeros_like(y._a), stirling)
    return z
