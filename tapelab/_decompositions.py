"""Singular values, eigenvalues of symmetric matrices, QR and the pseudoinverse, of tf.linalg.

Every gradient rule is written in matrix products of the factors, so it differentiates again; and
for complex matrices, as TensorFlow's. They stand apart from linalg.py to keep that readable.
"""

from collections import namedtuple

import numpy as np

from .errors import InvalidArgumentError, ShapeError, UnimplementedError, wrong_dtype
from .primitive import P, bare, dtype, primitive, shape
from .tensor import Tensor, as_tensor


def _t(x):
    """The transpose of the last two axes."""
    if type(x) is np.ndarray:  # a view, without the words
        return x.swapaxes(-1, -2)
    return P.transpose(x, perm=(-1, -2))


def _h(x):
    """The transpose, complex conjugate."""
    return P.conj(_t(x)) if dtype(x).kind == "c" else _t(x)


def _row(s):
    """A vector that multiplies the columns of a matrix."""
    return P.reshape(s, shape=(*shape(s)[:-1], 1, shape(s)[-1]))


def _column(s):
    """A vector that multiplies the rows of a matrix."""
    return P.reshape(s, shape=(*shape(s), 1))


def _inverse(s):
    """1 / s, and 0 where s is 0."""
    return P.divide_no_nan(np.ones_like(bare(s)), s)


def _on_diagonal(s):
    """A diagonal matrix."""
    return _row(s) * np.eye(shape(s)[-1], dtype=dtype(s))


def _off(s, g):
    """g_ij / (s_j - s_i) off the diagonal: how mixing two vectors shows; 0 for equal values."""
    return g * _inverse(_row(s) - _column(s))


def _lower(x):
    """The matrix that keeps of another the lower triangle, and half of the diagonal."""
    n = shape(x)[-1]
    return np.tril(np.ones((n, n), dtype(x))) - 0.5 * np.eye(n, dtype=dtype(x))


def _wide(f):
    """NumPy's linear algebra, which has no half precision, in the inputs' own; its complaints as ours."""

    def forward(*arrays, **attrs):
        half = arrays[0].dtype == np.float16
        try:
            found = f(*[a.astype(np.float32) for a in arrays] if half else arrays, **attrs)
        except np.linalg.LinAlgError as e:
            raise InvalidArgumentError(str(e)) from None
        if not half:
            return found
        cast = lambda z: z.astype(np.float16)
        return tuple(map(cast, found)) if isinstance(found, tuple) else cast(found)

    return forward


def _svd_forward(x, full):
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    return s, u, np.conj(np.swapaxes(vh, -1, -2))


def _svd_joint(gs, zs, xs, full):
    """A = U S V^H (Townsend, 2016): rotations of U and of V, what leaves their spans, and dS.

    Complex vectors have a phase (Wan and Zhang, 2019, arXiv:1909.02659), which nothing may depend on.
    """
    (s, u, v), (gs, gu, gv), (x,) = zs, gs, xs
    m, n = shape(x)[-2:]
    if full and abs(m - n) > 1:
        raise UnimplementedError(
            "svd gradient is not implemented for abs(m - n) > 1 when full_matrices is True. Received: "
            f"m={m} and n={n} [Op:Svd]"
        )
    s, gs, k = P.cast(s, to=dtype(x)), P.cast(gs, to=dtype(x)), min(m, n)

    def turn(q, g):
        inside = P.matmul(_h(q[..., :k]), g[..., :k])
        return inside, _off(s * s, inside - _h(inside))

    def out(q, g, inside):
        found = g[..., :k] - P.matmul(q[..., :k], inside)
        if shape(q)[-1] > k:  # one vector is left over, and turns with the others
            found = found - P.matmul(q[..., k:], P.matmul(_h(g[..., k:]), q[..., :k]))
        return found * _row(_inverse(s))

    (u_gu, du), (v_gv, dv) = turn(u, gu), turn(v, gv)
    inner = _on_diagonal(gs) + du * _row(s) + _column(s) * dv
    if dtype(x).kind == "c":
        inner = inner + 0.5 * _column(_inverse(s)) * (_h(v_gv) - v_gv) * np.eye(k, dtype=dtype(x))
    u1, v1 = u[..., :k], v[..., :k]
    gx = P.matmul(P.matmul(u1, inner) + out(u, gu, u_gu), _h(v1))
    return [gx + P.matmul(u1, _h(out(v, gv, v_gv)))]


def _eigh_joint(gs, zs, xs):
    """A = V E V^H (Giles, 2008): dE is the diagonal of V^H dA V, dV mixes. Only A's lower triangle is read.

    Nothing may depend on the phases of complex vectors.
    """
    (e, v), (ge, gv) = zs, gs
    e, ge = P.cast(e, to=dtype(v)), P.cast(ge, to=dtype(v))
    inner = _on_diagonal(ge) + _off(e, P.matmul(_h(v), gv))
    g = P.matmul(P.matmul(v, inner), _h(v))
    return [(g + _h(g)) * _lower(v)]


def _qr_joint(gs, zs, xs, full):
    """A = Q R: (gQ + Q sym(R gR^H - gQ^H Q)) R^-H, sym mirroring the lower triangle, its diagonal real.

    Columns beyond the square ones are Q times theirs in R (Roberts and Roberts, 2020, arXiv:2009.10071).
    """
    (q, r), (gq, gr), (x,) = zs, gs, xs
    m, n = shape(x)[-2:]
    if full and m > n:
        raise UnimplementedError(
            f"QrGrad not implemented when nrows > ncols and full_matrices is true. Received {m} rows and "
            f"{n} columns [Op:Qr]"
        )
    beyond = gr[..., m:]
    if m < n:
        gq = gq + P.matmul(x[..., m:], _h(beyond))
        r, gr = r[..., :m], gr[..., :m]
    w = P.matmul(r, _h(gr)) - P.matmul(_h(gq), q)
    eye = np.eye(shape(w)[-1], dtype=dtype(x))
    low = w * np.tril(np.ones_like(eye), -1)
    sym = low + _h(low) + 0.5 * (w + _h(w)) * eye
    gx = _h(P.solve(r, _h(gq + P.matmul(q, sym))))
    return [P.concat(gx, P.matmul(q, beyond), axis=-1) if m < n else gx]


def _pinv_rule(g, z, x, rcond):
    """Golub and Pereyra (1973): -Z dX Z, and what leaves the row and the column space."""
    zt, gt = _h(z), _h(g)
    columns = P.matmul(gt - P.matmul(x, P.matmul(z, gt)), P.matmul(z, zt))
    rows = P.matmul(P.matmul(zt, z), gt)
    rows = rows - P.matmul(P.matmul(rows, z), x)
    return columns + rows - P.matmul(zt, P.matmul(g, zt))


primitive("svd", "Svd", _wide(_svd_forward), joint=_svd_joint, real=True, kinds="fc")
primitive(
    "eigh", "SelfAdjointEigV2",
    _wide(lambda x: tuple(np.linalg.eigh(x, UPLO="L"))), joint=_eigh_joint, real=True, kinds="fc",
)  # fmt: skip
primitive(
    "qr", "Qr",
    _wide(lambda x, full: tuple(np.linalg.qr(x, "complete" if full else "reduced"))),
    joint=_qr_joint, real=True, kinds="fc",
)  # fmt: skip
primitive(
    "pinv", "MatrixPseudoInverse", _wide(lambda x, rcond: np.linalg.pinv(x, rcond=rcond)), _pinv_rule,
    real=True, kinds="fc",
)  # fmt: skip


def _at_least_2d(x, op):
    if x._a.ndim < 2:
        raise ShapeError(f"input must be at least 2-dim, received shape: {list(x._a.shape)} [Op:{op}]")
    return x


def _square_matrix(x, op):
    x = as_tensor(x)
    if x._a.ndim < 2 or x._a.shape[-1] != x._a.shape[-2]:
        raise ShapeError(f"Input matrix must be square, got shape {list(x._a.shape)} [Op:{op}]")
    return x


def _matrix(x, op):
    x = _at_least_2d(as_tensor(x), op)
    if x._a.dtype.kind not in "fc":
        raise wrong_dtype(op, x.dtype)
    return x


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """Singular values, largest first, and vectors: tensor = u @ diag(s) @ transpose(v). (s, u, v)

    Args:
      tensor: (..., m, n). full_matrices: whether u and v are square. compute_uv: False gives s only.

    >>> import tapelab as tf
    >>> tf.linalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).numpy().tolist()
    [4.0, 3.0]
    """
    s, u, v = P.svd(_matrix(tensor, "Svd"), full=bool(full_matrices and compute_uv))
    return (_real(s), u, v) if compute_uv else _real(s)


def _real(s):
    return P.real(s) if s._a.dtype.kind == "c" else s


def eigh(tensor, name=None):
    """Eigenvalues, smallest first, and eigenvectors (columns) of symmetric matrices. (e, v)

    The lower triangle is read.

    >>> import tapelab as tf
    >>> tf.linalg.eigh([[2.0, 0.0], [0.0, 1.0]])[0].numpy().tolist()
    [1.0, 2.0]
    """
    x = _square_matrix(_matrix(tensor, "SelfAdjointEigV2"), "SelfAdjointEigV2")
    if not np.isfinite(x._a).all():
        raise InvalidArgumentError(
            "Self-adjoint eigen decomposition was not successful: there is NaN or infinity in the input "
            "[Op:SelfAdjointEigV2]"
        )
    e, v = P.eigh(x)
    return (P.cast(e, to=v._a.dtype) if e._a.dtype != v._a.dtype else e), v


def eigvalsh(tensor, name=None):
    """The eigenvalues of symmetric matrices, smallest first."""
    return eigh(tensor)[0]


Qr = namedtuple("Qr", ["q", "r"])


def qr(input, full_matrices=False, name=None):
    """Orthonormal columns and an upper triangle with q @ r = input. (q, r)"""
    return Qr(*P.qr(_matrix(input, "Qr"), full=bool(full_matrices)))


def pinv(a, rcond=None, validate_args=False, name=None):
    """The pseudoinverse: singular values below `rcond` times the largest count as 0.

    >>> import tapelab as tf
    >>> tf.linalg.pinv([[2.0, 0.0]]).numpy().tolist()
    [[0.5], [0.0]]
    """
    x = _matrix(a, "MatrixPseudoInverse")
    if rcond is None:
        rcond = 10 * max(x._a.shape[-2:]) * np.finfo(x._a.dtype).eps
    return P.pinv(x, rcond=bare(rcond))


def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values are above `tol` (the largest times max(m, n) times epsilon)."""
    x = _matrix(a, "MatrixRank")
    s = np.linalg.svd(x._a, compute_uv=False)
    if tol is None:
        tol = s.max(-1, keepdims=True, initial=0) * max(x._a.shape[-2:]) * np.finfo(s.dtype).eps
    return Tensor(np.sum(s > bare(tol), -1, dtype=np.int32))


def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """The x with the least |matrix @ x - rhs|^2 + l2_regularizer |x|^2; the shortest of several.

    Solved by the normal equations (fast=False: by the pseudoinverse, which regularises nothing).

    >>> import tapelab as tf
    >>> tf.linalg.lstsq([[1.0], [1.0]], [[1.0], [3.0]]).numpy().tolist()
    [[2.0]]
    """
    a, b = _matrix(matrix, "MatrixSolveLs"), as_tensor(rhs, as_tensor(matrix)._a.dtype)
    if not fast:
        return P.matmul(pinv(a), b)
    m, n = a._a.shape[-2:]
    ridge = np.eye(min(m, n), dtype=a._a.dtype) * a._a.dtype.type(l2_regularizer)
    if m >= n:
        return P.solve(P.matmul(_h(a), a) + ridge, P.matmul(_h(a), b))
    return P.matmul(_h(a), P.solve(P.matmul(a, _h(a)) + ridge, b))
