"""tf.linalg: products, decompositions, norms and diagonals of matrices (the last two axes)."""

import math as _math
from collections import namedtuple

import numpy as np

from ._decompositions import (  # noqa: F401
    _at_least_2d,
    _h,
    _lower,
    _square_matrix,
    _t,
    _wide,
    eigh,
    eigvalsh,
    lstsq,
    matrix_rank,
    pinv,
    qr,
    svd,
)  # fmt: skip
from .array import broadcast_static_shape, expand_dims, same_dtypes, transpose
from .errors import InvalidArgumentError, ShapeError, wrong_dtype
from .math import abs as _abs
from .math import axes_of, axis_of, cast, reduce_max, reduce_sum, sqrt
from .primitive import (
    P,
    binary,
    coerce,
    dtype,
    lead,
    left_to,
    operators,
    primitive,
    shape,
    unbroadcast,
)
from .tensor import Tensor, Variable, as_tensor, beside, integer, ints

_SignLog = namedtuple("LogMatrixDeterminant", ["sign", "log_abs_determinant"])  # type: ignore[name-match]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# ---------------------------------------------------------------- products


def _matmul_a(g, z, a, b):
    """d(AB) = dA B + A dB: the cotangent of A is G B^T."""
    if g.ndim == 2:  # then nothing was broadcast or stacked
        return P.matmul(g, _t(b))
    extra = lead(g, z)
    if a.ndim == b.ndim == 2 and extra:  # one flat product instead of a batch of small ones
        front = shape(g)[:-2]
        flat = P.matmul(P.reshape(g, shape=(_math.prod(front) * shape(g)[-2], shape(g)[-1])), _t(b))
        return P.reshape(flat, shape=(*front, *shape(a)))
    return unbroadcast(P.matmul(g, _t(b)), shape(a), extra)


def _matmul_b(g, z, a, b):
    """d(AB) = dA B + A dB: the cotangent of B is A^T G."""
    if g.ndim == 2:
        return P.matmul(_t(a), g)
    return unbroadcast(P.matmul(_t(a), g), shape(b), lead(g, z))


# When nothing is to be checked or turned: every layer's path.
_product = binary(
    primitive("matmul", "MatMul", np.matmul, _matmul_a, _matmul_b, kinds="fciu")
)


def matmul(
    a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False,
    b_is_sparse=False, output_type=None, grad_a=False, grad_b=False, name=None,
):  # fmt: skip
    """Matrix product over the last two axes; axes in front broadcast.

    Args:
      a: (..., m, k). b: (..., k, n), of the same dtype. transpose_*, adjoint_*: swap the last two
        axes first (and conjugate).
    Returns:
      (..., m, n).
    Raises:
      InvalidArgumentError: different dtypes, rank below 2, or inner sizes that differ.

    >>> import tapelab as tf
    >>> tf.matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy().tolist()
    [[11.0]]
    """
    if type(a) is not Tensor:
        a = as_tensor(a)
    if isinstance(b, Variable):
        b = b._read()
    if type(b) is Tensor:
        if not (transpose_a or transpose_b or adjoint_a or adjoint_b or output_type):
            m, k = a._a, b._a
            if m.ndim > 1 and k.ndim > 1 and m.shape[-1] == k.shape[-2]:
                return _product(a, b)
    for letter, both in (("a", transpose_a and adjoint_a), ("b", transpose_b and adjoint_b)):
        if both:
            raise ValueError(f"Only one of `transpose_{letter}` and `adjoint_{letter}` can be True.")
    x, y = same_dtypes([a, b], "MatMul")  # the first fixes the dtype
    if output_type is not None:
        x, y = cast(x, output_type), cast(y, output_type)
    for i, t in enumerate((x, y)):
        if t._a.ndim < 2:
            raise ShapeError(
                f"In[{i}] ndims must be >= 2: {t._a.ndim} (shape {list(t._a.shape)}) [Op:MatMul]. A vector "
                f"becomes a row with x[None, :], a column with x[:, None]; tf.linalg.matvec multiplies "
                f"matrix and vector, tf.tensordot(x, y, 1) two vectors."
            )
    if transpose_a or adjoint_a:
        x = P.conj(_t(x)) if adjoint_a and x._a.dtype.kind == "c" else _t(x)
    if transpose_b or adjoint_b:
        y = P.conj(_t(y)) if adjoint_b and y._a.dtype.kind == "c" else _t(y)
    if x._a.shape[-1] != y._a.shape[-2]:
        raise ShapeError(
            f"Matrix size-incompatible: In[0]: {list(x._a.shape)}, In[1]: {list(y._a.shape)} [Op:MatMul]. "
            f"The last size of the first, {x._a.shape[-1]}, must equal the last but one of the second, "
            f"{y._a.shape[-2]}."
        )
    return P.matmul(x, y)


def _operator(x, y):
    try:
        x, y = coerce(P.matmul, x, y)
    except (TypeError, ValueError) as e:
        return left_to(y, "__rmatmul__", e)
    return matmul(x, y)


operators({"matmul": _operator})


def matvec(
    a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False, name=None
):
    """Matrix (..., m, k) times vector (..., k), giving (..., m).

    >>> import tapelab as tf
    >>> tf.linalg.matvec([[1.0, 2.0]], [3.0, 4.0]).numpy().tolist()
    [11.0]
    """
    x, y = same_dtypes([as_tensor(a), as_tensor(b)], "MatMul")
    z = matmul(x, expand_dims(y, -1), transpose_a=transpose_a, adjoint_a=adjoint_a)
    return P.reshape(z, shape=z._a.shape[:-1])


def _existing(axis, rank):
    if not -rank <= axis < rank:
        raise IndexError(f"tensordot: there is no axis {axis} in a tensor of rank {rank}.")
    return axis % rank


def tensordot(a, b, axes, name=None):
    """Products summed over axes of `a` paired with axes of `b`.

    Args:
      axes: a number n (the last n of `a` with the first n of `b`), or a pair of lists of axes.
    Raises:
      InvalidArgumentError: paired axes of different size.

    >>> import tapelab as tf
    >>> float(tf.tensordot([1.0, 2.0], [3.0, 4.0], 1))
    11.0
    """
    x, y = same_dtypes([as_tensor(a), as_tensor(b)], "MatMul")
    n, m = x._a.ndim, y._a.ndim
    if not isinstance(axes, (list, tuple)) and not as_tensor(axes)._a.ndim:
        k = integer(axes, "axes", "Tensordot")
        if k < 0 or k > min(n, m):
            raise ValueError(
                f"`axes` must be an integer from 0 to {min(n, m)} for these shapes, got {k}."
            )
        xa, ya = list(range(n - k, n)), list(range(k))
    else:
        pair = list(axes) if isinstance(axes, (list, tuple)) else as_tensor(axes)._a.tolist()
        if len(pair) != 2:
            raise ValueError(f"`axes` must be an integer or have length 2, got {axes!r}.")
        xa, ya = ([_existing(ax, r) for ax in ints(v, "axes")] for v, r in zip(pair, (n, m)))
    if [x._a.shape[i] for i in xa] != [y._a.shape[i] for i in ya]:
        raise ShapeError(
            f"Matrix size-incompatible: axes {xa} of {list(x._a.shape)} against axes {ya} of "
            f"{list(y._a.shape)} [Op:MatMul]"
        )
    xf, yf = [i for i in range(n) if i not in xa], [i for i in range(m) if i not in ya]
    inner = int(np.prod([x._a.shape[i] for i in xa]))
    left = P.reshape(
        transpose(x, xf + xa), shape=(int(np.prod([x._a.shape[i] for i in xf])), inner)
    )
    right = P.reshape(
        transpose(y, ya + yf), shape=(inner, int(np.prod([y._a.shape[i] for i in yf])))
    )
    full = tuple(x._a.shape[i] for i in xf) + tuple(y._a.shape[i] for i in yf)
    return P.reshape(P.matmul(left, right), shape=full)


def _einsum_rule(g, z, *xs, equation, index):
    """The cotangent takes the output's letters; the einsum with the input's place left out.

    Letters that only this input has were summed: they are spread back with ones. A letter twice in
    one input is a diagonal: the cotangent goes back onto it.
    """
    terms, out = equation
    mine = terms[index]
    others = [t for i, t in enumerate(terms) if i != index]
    rest = [x for i, x in enumerate(xs) if i != index]
    inner = shape(xs[index])
    sizes = dict(zip(mine, inner))
    distinct = "".join(dict.fromkeys(mine))
    lonely = "".join(c for c in distinct if c not in out and not any(c in t for t in others))
    ones = [np.ones([sizes[c] for c in lonely], dtype(g))] if lonely else []
    batch = next(c for c in _LETTERS if c not in out + "".join(terms))
    extra = lead(g, z) > 0
    lhs = ((batch if extra else "") + out, *others, *([lonely] if lonely else []))
    gx = P.einsum(g, *rest, *ones, equation=(lhs, (batch if extra else "") + distinct))
    if len(distinct) < len(mine):
        front = shape(g)[: lead(g, z)]
        gx = P.undiagonal(gx, letters=mine, inner=inner)
        gx = P.reshape(gx, shape=front + inner)
    return gx


def _einsum_forward(*xs, equation):
    terms, out = equation
    return np.asarray(np.einsum(",".join(terms) + "->" + out, *xs, optimize=len(xs) > 1)).astype(
        xs[0].dtype
    )[()]


def _undiagonal(g, letters, inner):
    """Put values with distinct letters onto the diagonals that repeated letters name."""
    distinct = list(dict.fromkeys(letters))
    front = g.shape[: g.ndim - len(distinct)]
    z = np.zeros(front + inner, g.dtype)
    grid = np.ix_(*[np.arange(inner[letters.index(c)]) for c in distinct])
    key = tuple(grid[distinct.index(c)] for c in letters)
    z[(slice(None),) * len(front) + key] = g
    return z


def _undiagonal_rule(h, z, g, letters, inner):
    """Taking the diagonal is the adjoint of putting it there."""
    distinct = "".join(dict.fromkeys(letters))
    front = "".join(c for c in _LETTERS if c not in letters)[: h.ndim - len(letters)]
    return P.einsum(h, equation=((front + letters,), front + distinct))


primitive("einsum", "Einsum", _einsum_forward, _einsum_rule, variadic=True, kinds="fciu")
primitive("undiagonal", "MatrixDiagV3", _undiagonal, _undiagonal_rule)


def einsum(equation, *inputs, **kwargs):
    """Sums of products by index letters, '...' included: 'ij,jk->ik' is a matrix product.

    Raises ValueError for an equation that does not fit the inputs, InvalidArgumentError for sizes
    or dtypes that do not agree.

    >>> import tapelab as tf
    >>> tf.einsum("ij->j", [[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
    [4.0, 6.0]
    """
    kwargs.pop("optimize", None), kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"Invalid keyword arguments for einsum: {', '.join(kwargs)}")
    if not isinstance(equation, str):
        raise TypeError(f"The equation must be a string such as 'ij,jk->ik', got {equation!r}.")
    xs = same_dtypes(inputs, "Einsum")
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise ValueError(f"Got {len(xs)} inputs for equation '{equation}', expecting {len(terms)}")
    free = iter(c for c in _LETTERS if c not in equation)
    dots = max(
        [x._a.ndim - len(t.replace("...", "")) for t, x in zip(terms, xs) if "..." in t], default=0
    )
    names = "".join(next(free) for _ in range(dots))
    for i, (t, x) in enumerate(zip(terms, xs)):
        if "..." in t:
            own = x._a.ndim - len(t) + 3
            terms[i] = t.replace("...", names[dots - own :] if own else "")
    if not arrow:
        letters = "".join(terms)
        out = ("..." if dots else "") + "".join(
            sorted(c for c in set(letters) - set(names) if letters.count(c) == 1)
        )
    if dots and arrow and "..." not in out:
        raise ShapeError(
            f"Output subscripts '{out}' of '{equation}' must contain '...': there are {dots} axes under "
            "it [Op:Einsum]"
        )
    out = out.replace("...", names)
    for t, x in zip(terms, xs):
        if len(t) != x._a.ndim:
            raise ShapeError(
                f"Expected an input of rank {len(t)} for the subscripts '{t}' of '{equation}', got rank "
                f"{x._a.ndim}, shape {list(x._a.shape)} [Op:Einsum]"
            )
    if set(out) - set("".join(terms)) or len(set(out)) < len(out):
        raise ValueError(
            f"Output subscripts '{out}' of '{equation}' must be distinct letters of the inputs."
        )
    xs = _stretch(terms, xs, names)
    return P.einsum(*xs, equation=(tuple(terms), out))


def _stretch(terms, xs, names):
    """Size-1 axes under '...' broadcast: give every input the full size there. Letters do not."""
    sizes = {}
    for t, x in zip(terms, xs):
        for c, n in zip(t, x._a.shape):
            if c in names and n != 1:
                sizes[c] = n
            elif c not in names and sizes.setdefault(c, n) != n:
                raise ShapeError(
                    f"Expected dimension {sizes[c]} for the subscript '{c}' but got {n}, in inputs of "
                    f"shapes {', '.join(str(list(x._a.shape)) for x in xs)} [Op:Einsum]"
                )
    out = []
    for t, x in zip(terms, xs):
        full = tuple(sizes.get(c, n) for c, n in zip(t, x._a.shape))
        out.append(x if full == x._a.shape else P.broadcast_to(x, shape=full))
    return out


# ---------------------------------------------------------------- diagonals and triangles


def _diag_part_rule(g, z, x):
    """The cotangent on the diagonal, zeros elsewhere."""
    return P.undiagonal_rect(g, inner=shape(x)[-2:])


def _undiagonal_rect(g, inner):
    z = np.zeros(g.shape[:-1] + tuple(inner), g.dtype)
    i = np.arange(g.shape[-1])
    z[..., i, i] = g
    return z


def _undiagonal_rect_rule(h, z, g, inner):
    """Taking the diagonal is the adjoint of making one."""
    return P.diag_part(h)


primitive(
    "diag_part",
    "MatrixDiagPartV3",
    lambda x: np.diagonal(x, axis1=-2, axis2=-1).copy(),
    _diag_part_rule,
)
primitive("undiagonal_rect", "MatrixDiagV3", _undiagonal_rect, _undiagonal_rect_rule)


def _diagonals(rows, columns, k, align):
    """The places of diagonals `k`, a number or (lowest, highest), in a matrix.

    Returns (i, j, there): row and column of each place, and which cells of the packed form, a line
    per diagonal from the highest down, have one; the packed form of one diagonal is a vector.
    """
    low, high = (int(n) for n in np.broadcast_to(as_tensor(k)._a, (2,)))
    if low > high or not -max(rows, 1) < low <= high < max(columns, 1):
        raise ShapeError(
            f"k must be increasing and name diagonals of the matrix, got {(low, high)} for "
            f"{rows} rows and {columns} columns [Op:MatrixDiag]"
        )
    to_right = {"RIGHT": True, "LEFT": False}
    if [part in to_right for part in align.split("_")] != [True, True]:
        raise ValueError(f"align must be such as 'RIGHT_LEFT' (super-, subdiagonals), got {align!r}")
    sides = [to_right[part] for part in align.split("_")]
    length = lambda d: min(rows + min(d, 0), columns - max(d, 0))
    longest = max(map(length, range(low, high + 1)))
    i, j, there = [], [], np.zeros((high - low + 1, longest), bool)
    for line, d in enumerate(range(high, low - 1, -1)):
        n = length(d)
        start = longest - n if sides[d < 0] else 0
        there[line, start : start + n] = True
        i.append(np.arange(n) - min(d, 0))
        j.append(np.arange(n) + max(d, 0))
    return np.concatenate(i), np.concatenate(j), there[0] if low == high else there


def diag_part(input, name="diag_part", k=0, padding_value=0, align="RIGHT_LEFT"):
    """A diagonal of the last two axes (0 is the main one, 1 the one above), or several packed.

    Args:
      k: which one; or (lowest, highest), giving a line for each from the highest down. Shorter ones
        are filled up with `padding_value`, on the side that `align` says (super-, subdiagonals).
    Raises:
      InvalidArgumentError: less than two axes, or diagonals the matrix does not have.

    >>> import tapelab as tf
    >>> tf.linalg.diag_part([[1, 2], [3, 4]]).numpy().tolist()
    [1, 4]
    """
    x = _at_least_2d(as_tensor(input), "MatrixDiagPartV3")
    if np.ndim(k) == 0 and k == 0:
        return P.diag_part(x)
    i, j, there = _diagonals(*x._a.shape[-2:], k, align)
    z = P.getitem(x, key=(Ellipsis, i, j))
    if there.ndim == 1:
        return z
    z = P.unslice(z, key=(Ellipsis, there), inner=x._a.shape[:-2] + there.shape)
    return P.where(Tensor(there), z, as_tensor(padding_value, x._a.dtype))


def _on_diagonals(values, inner, k, align):
    """Packed diagonals put into zeros of shape `inner`, and where they stand."""
    i, j, there = _diagonals(*inner[-2:], k, align)
    if values._a.shape != inner[:-2] + there.shape:
        raise ShapeError(
            f"diagonal of shape {list(values._a.shape)} does not fit a matrix of shape {list(inner)}: "
            f"it must have shape {list(inner[:-2] + there.shape)} [Op:MatrixSetDiagV3]"
        )
    on = np.zeros(inner[-2:], bool)
    on[i, j] = True
    if there.ndim == 2:
        values = P.getitem(values, key=(Ellipsis, there))
    return P.unslice(values, key=(Ellipsis, i, j), inner=inner), Tensor(on)


def diag(diagonal, name="diag", k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT"):
    """A matrix with the given diagonals (see `diag_part`) and `padding_value` elsewhere.

    `num_rows` and `num_cols` may enlarge it to one side; it is square otherwise.

    >>> import tapelab as tf
    >>> tf.linalg.diag([1, 2]).numpy().tolist()
    [[1, 0], [0, 2]]
    """
    x = as_tensor(diagonal)
    if not x._a.ndim:
        raise ShapeError("diagonal must be at least 1-dim, received shape: [] [Op:MatrixDiagV3]")
    low, high = (int(n) for n in np.broadcast_to(as_tensor(k)._a, (2,)))
    least = x._a.shape[-1] - min(high, 0), x._a.shape[-1] + max(low, 0)
    given = tuple(int(as_tensor(n)._a) for n in (num_rows, num_cols))
    if given == (-1, -1):
        given = (max(least),) * 2
    size = tuple(n if n != -1 else m for n, m in zip(given, least))
    if size[0] < least[0] or size[1] < least[1] or size != (max(least),) * 2 and not (
        size[0] == least[0] or size[1] == least[1]
    ):
        raise ShapeError(
            f"The number of rows or columns, {list(size)}, is not consistent with k and the diagonal, "
            f"which need {list(least)} [Op:MatrixDiagV3]"
        )
    front = x._a.shape[: -1 if low == high else -2]
    z, on = _on_diagonals(x, front + size, k, align)
    return P.where(on, z, as_tensor(padding_value, x._a.dtype)) if padding_value else z


def set_diag(input, diagonal, name="set_diag", k=0, align="RIGHT_LEFT"):
    """The matrix with some of its diagonals (see `diag_part`) replaced."""
    x = _at_least_2d(as_tensor(input), "MatrixSetDiagV3")
    d = beside(diagonal, x._a.dtype)
    z, on = _on_diagonals(d, x._a.shape, k, align)
    return P.where(on, z, x)


def trace(x, name=None):
    """The sum of the main diagonal of the last two axes.

    >>> import tapelab as tf
    >>> float(tf.linalg.trace([[1.0, 2.0], [3.0, 4.0]]))
    5.0
    """
    return reduce_sum(diag_part(x), -1)


def band_part(input, num_lower, num_upper, name=None):
    """The matrix with only its central band kept; a negative number keeps that whole triangle."""
    lower, upper = (integer(n, "The number of diagonals", "MatrixBandPart") for n in (num_lower, num_upper))
    x = _at_least_2d(as_tensor(input), "MatrixBandPart")
    for n, what, size, of in zip((lower, upper), ("lower", "upper"), x._a.shape[-2:], ("rows", "columns")):
        if n > size:
            raise ShapeError(
                f"num_{what} must be negative or less or equal to number of {of} ({size}), got {n} "
                "[Op:MatrixBandPart]"
            )
    i, j = np.indices(x._a.shape[-2:])
    keep = ((lower < 0) | (i - j <= lower)) & ((upper < 0) | (j - i <= upper))
    return P.where(Tensor(keep), x, np.zeros_like(x._a))


def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """The last two axes exchanged."""
    x = as_tensor(a)
    if x._a.ndim < 2:
        raise ShapeError(
            f"Argument `a` should be a (batch) matrix with rank >= 2, got shape {list(x._a.shape)} "
            "[Op:Transpose]"
        )
    z = _t(x)
    return P.conj(z) if conjugate and z._a.dtype.kind == "c" else z


def adjoint(matrix, name=None):
    """The last two axes exchanged, and the complex conjugate taken."""
    return matrix_transpose(matrix, conjugate=True)


# ---------------------------------------------------------------- inverses and decompositions


def _invert(x):
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise InvalidArgumentError("Input is not invertible. [Op:MatrixInverse]") from None


def _solve_forward(a, b):
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise InvalidArgumentError("Input matrix is not invertible. [Op:MatrixSolve]") from None


def _inv_rule(g, z, x):
    """d X^-1 = -X^-1 dX X^-1."""
    zt = _t(z)
    return -P.matmul(zt, P.matmul(g, zt))


def _det_rule(g, z, x):
    """d det X = det X tr(X^-1 dX) (Jacobi)."""
    n = (1, 1)
    return P.reshape(g * z, shape=shape(g) + n) * _t(P.inv(x))


def _det_forward(x, f=np.linalg.det):
    """A determinant, and NaN where the matrix holds one: LAPACK may lose it."""
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    with np.errstate(all="ignore"):
        z = np.asarray(f(wide))
    return np.where(np.isnan(x).any((-2, -1)), np.nan, z).astype(x.dtype)


def _slogdet_forward(x):
    return tuple(z[()] for z in _det_forward(x, np.linalg.slogdet))


def _slogdet_joint(gs, zs, xs):
    """d log |det X| = tr(X^-1 dX); the sign does not move."""
    (x,) = xs
    g = P.conj(gs[1]) if dtype(x).kind == "c" else gs[1]
    gx = P.reshape(g, shape=(*shape(g), 1, 1)) * _t(P.inv(x))
    return [P.conj(gx) if dtype(x).kind == "c" else gx]


def _solve_a(g, z, a, b):
    """X = A^-1 B: the cotangent of A is -A^-T G X^T."""
    return unbroadcast(-P.matmul(_solve_t(a, g), _t(z)), shape(a), lead(g, z))


def _solve_b(g, z, a, b):
    """X = A^-1 B: the cotangent of B is A^-T G."""
    return unbroadcast(_solve_t(a, g), shape(b), lead(g, z))


def _solve_t(a, g):
    return P.solve(_t(a), g)


def _chol_rule(g, z, x):
    """Murray (2016), "Differentiation of the Cholesky decomposition", the symmetric form."""
    inner = P.matmul(_h(z), g)
    li = P.inv(z)
    s = P.matmul(_h(li), P.matmul(inner * _lower(z), li))
    return 0.5 * (s + _h(s))


def _cholesky_forward(x):
    try:
        return np.linalg.cholesky(np.tril(x) + np.swapaxes(np.conj(np.tril(x, -1)), -1, -2))
    except np.linalg.LinAlgError:
        raise InvalidArgumentError(
            "Cholesky decomposition was not successful. The input might not be valid."
        ) from None


primitive("inv", "MatrixInverse", _wide(_invert), _inv_rule, kinds="fc")
primitive("det", "MatrixDeterminant", lambda x: _det_forward(x)[()], _det_rule, kinds="fc")
primitive("slogdet", "LogMatrixDeterminant", _slogdet_forward, joint=_slogdet_joint, real=True, kinds="fc")
primitive("solve", "MatrixSolve", _wide(_solve_forward), _solve_a, _solve_b, kinds="fc")
primitive("cholesky", "Cholesky", _wide(_cholesky_forward), _chol_rule, real=True, kinds="fc")


def inv(input, adjoint=False, name=None):
    """The inverse of square matrices (..., n, n). InvalidArgumentError when there is none.

    >>> import tapelab as tf
    >>> tf.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).numpy().tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = _square_matrix(input, "MatrixInverse")
    return P.inv(matrix_transpose(x, conjugate=True) if adjoint else x)


def det(input, name=None):
    """The determinant of square matrices (..., n, n).

    >>> import tapelab as tf
    >>> print(f"{float(tf.linalg.det([[1.0, 2.0], [3.0, 4.0]])):.4f}")
    -2.0000
    """
    return P.det(_square_matrix(input, "MatrixDeterminant"))


def slogdet(input, name=None):
    """Sign and logarithm of the absolute value of the determinant. (sign, log_abs_determinant)

    Exact where the determinant itself would overflow. The sign is flat.
    """
    x = _square_matrix(input, "LogMatrixDeterminant")
    return _SignLog(*P.slogdet(x))


def logdet(matrix, name=None):
    """log of the determinant of a positive definite matrix, by its Cholesky factor."""
    from .math import log, real

    return 2.0 * reduce_sum(log(real(diag_part(cholesky(matrix)))), -1)


def solve(matrix, rhs, adjoint=False, name=None):
    """The X with matrix @ X = rhs.

    Args:
      matrix: (..., n, n). rhs: (..., n, k), of the same dtype.
    Raises:
      InvalidArgumentError: shapes that do not fit, or a matrix that is not invertible.

    >>> import tapelab as tf
    >>> tf.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [4.0]]).numpy().tolist()
    [[1.0], [1.0]]
    """
    a, b = same_dtypes([matrix, rhs], "MatrixSolve")
    if a._a.ndim != b._a.ndim:
        raise ShapeError(
            f"All input tensors must have the same rank: {list(a._a.shape)} and {list(b._a.shape)} "
            f"[Op:MatrixSolve]. A vector b is written b[:, None]."
        )
    a = _square_matrix(a, "MatrixSolve")
    if a._a.shape[-1] != b._a.shape[-2]:
        raise ShapeError(
            f"Input matrix and rhs are incompatible: {list(a._a.shape)} and {list(b._a.shape)} "
            "[Op:MatrixSolve]"
        )
    return P.solve(matrix_transpose(a, conjugate=True) if adjoint else a, b)


def cholesky(input, name=None):
    """The lower triangular L with L L^T = the positive definite input (its lower triangle is read).

    >>> import tapelab as tf
    >>> tf.linalg.cholesky([[4.0, 0.0], [0.0, 9.0]]).numpy().tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return P.cholesky(_square_matrix(input, "Cholesky"))


def triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """The X with T @ X = rhs, where T is the lower (or upper) triangle of `matrix`."""
    a, b = same_dtypes([matrix, rhs], "MatrixTriangularSolve")
    # Unlike in solve, the axes in front broadcast.
    front = tuple(broadcast_static_shape(a._a.shape[:-2], b._a.shape[:-2]))
    a, b = (P.broadcast_to(x, shape=front + x._a.shape[-2:]) for x in (a, b))
    a = band_part(a, -1 if lower else 0, 0 if lower else -1)
    return solve(a, b, adjoint=adjoint)


# ---------------------------------------------------------------- norms


def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None):
    """The norm of a vector (or of all elements), or along axes.

    Args:
      ord: 'euclidean', 1, 2, np.inf or a positive p; of matrices 'euclidean', 'fro', 1, 2, np.inf.
      axis: None for all elements; one axis for vectors; two axes (rows, columns) for matrices.
    Raises:
      ValueError: an `ord` that is not defined for these axes.
      The gradient of the euclidean norm at 0 is NaN.

    >>> import tapelab as tf
    >>> float(tf.norm([3.0, 4.0]))
    5.0
    """
    x = as_tensor(tensor)
    if x._a.dtype.kind in "iub" and ord not in (1, np.inf):
        raise wrong_dtype("Norm", x.dtype)
    if isinstance(axis, (tuple, list)):
        if len(axis) != 2 or axis[0] == axis[1] or not all(hasattr(a, "__index__") for a in axis):
            raise ValueError(
                f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}"
            )
        if ord not in ("euclidean", "fro", 1, 2, np.inf):
            raise ValueError(
                f"'ord' must be a supported matrix norm ('euclidean', 'fro', 1, 2, np.inf), got {ord}"
            )
        z = _matrix_norm(x, ord, *(axis_of(x, int(a), "Norm") for a in axis))
    else:
        if ord != "euclidean" and not (isinstance(ord, (int, float, np.number)) and ord > 0):
            raise ValueError(
                "'ord' must be a supported vector norm ('euclidean', 1, 2, np.inf or a positive "
                f"number), got {ord}"
            )
        z = _vector_norm(x, ord, axis)
    if keepdims:
        return z
    gone = axes_of(x, axis, "Norm")
    n = x._a.ndim
    return P.reshape(z, shape=tuple(d for i, d in enumerate(x._a.shape) if i - n not in gone))


def _vector_norm(x, ord, axis):
    """With the axes kept."""
    if ord in ("euclidean", 2):
        sq = P.real(x * P.conj(x)) if x._a.dtype.kind == "c" else x * x
        return cast_back(sqrt(reduce_sum(sq, axis, True)), x)
    if ord == 1:
        return reduce_sum(_abs(x), axis, True)
    if ord == np.inf:
        return reduce_max(_abs(x), axis, True)
    return reduce_sum(_abs(x) ** float(ord), axis, True) ** (1.0 / ord)


def _matrix_norm(x, ord, rows, columns):
    """With the axes kept: the largest column sum (1), row sum (inf) or singular value (2)."""
    if ord in ("euclidean", "fro"):
        return _vector_norm(x, "euclidean", [rows, columns])
    if ord == 1:
        return reduce_max(reduce_sum(_abs(x), rows, True), columns, True)
    if ord == np.inf:
        return reduce_max(reduce_sum(_abs(x), columns, True), rows, True)
    n = x._a.ndim
    rest = [i for i in range(-n, 0) if i not in (rows, columns)]
    s = svd(transpose(x, [*rest, rows, columns]), compute_uv=False)
    kept = tuple(1 if i - n in (rows, columns) else d for i, d in enumerate(x._a.shape))
    return P.reshape(reduce_max(s, -1), shape=kept)


def cast_back(z, x):
    """A norm in the dtype TensorFlow gives it: the input's own."""
    return z if z._a.dtype == x._a.dtype else cast(z, x.dtype)


def normalize(tensor, ord="euclidean", axis=None, name=None):
    """The tensor divided by its norm, and the norm. (normalized, norm)"""
    n = norm(tensor, ord, axis, keepdims=True)
    return as_tensor(tensor) / n, n


def l2_normalize(x, axis=None, epsilon=1e-12, name=None):
    """x / sqrt(max(sum(x^2), epsilon)) along axes.

    >>> import tapelab as tf
    >>> print(tf.math.l2_normalize([3.0, 4.0]).numpy().round(4))
    [0.6 0.8]
    """
    from .math import maximum, rsqrt, square

    x = as_tensor(x)
    squares = square(_abs(x)) if x._a.dtype.kind == "c" else square(x)
    return x * cast(rsqrt(maximum(reduce_sum(squares, axis, True), epsilon)), x.dtype)


def cross(a, b, name=None):
    """The cross product of vectors of three elements (the last axis).

    >>> import tapelab as tf
    >>> tf.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).numpy().tolist()
    [0.0, 0.0, 1.0]
    """
    x, y = same_dtypes([a, b], "Cross")
    if x._a.shape != y._a.shape or not x._a.ndim or x._a.shape[-1] != 3:
        raise ShapeError(
            f"cross needs two tensors of one shape ending in 3, got {list(x._a.shape)} and "
            f"{list(y._a.shape)} [Op:Cross]"
        )
    turned = lambda t, k: P.roll(t, shift=(k,), axis=(-1,))
    return turned(x, -1) * turned(y, -2) - turned(x, -2) * turned(y, -1)


def tensor_diag(diagonal, name=None):
    """A tensor of twice the rank with `diagonal` where the first half of the indices is the second."""
    x = as_tensor(diagonal)
    flat = diag(P.reshape(x, shape=(x._a.size,)))
    return P.reshape(flat, shape=x._a.shape * 2)


def tensor_diag_part(input, name=None):
    """The elements where the first half of the indices is the second; inverts `tensor_diag`."""
    x = as_tensor(input)
    half = x._a.shape[: x._a.ndim // 2]
    if half * 2 != x._a.shape or not half:
        raise ShapeError(f"the two halves of the shape {list(x._a.shape)} differ [Op:DiagPart]")
    n = int(np.prod(half))
    return P.reshape(diag_part(P.reshape(x, shape=(n, n))), shape=half)


def cholesky_solve(chol, rhs, name=None):
    """The X with A X = rhs, given the Cholesky factor of A."""
    return triangular_solve(chol, triangular_solve(chol, rhs, lower=True), lower=True, adjoint=True)
