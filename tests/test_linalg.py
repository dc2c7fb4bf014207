"""Matrices: values as NumPy's, identities that must hold, derivatives to second order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapelab as tf
from tapelab.autodiff import check_gradients

InvalidArgument = tf.errors.InvalidArgumentError
rng = np.random.default_rng(0)
M, B = rng.standard_normal((2, 3, 3)) + 3 * np.eye(3), rng.standard_normal((2, 3, 2))
SPD = M @ M.swapaxes(-1, -2)


def close(found, expected):
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- products

fronts = st.sampled_from(
    [((), ()), ((2,), ()), ((), (3,)), ((2,), (2,)), ((3, 1), (2,)), ((1,), (4,)), ((0,), (1,))]
)


@settings(max_examples=40, deadline=None)
@given(fronts, *[st.integers(0, 3)] * 3, st.booleans(), st.booleans())
def test_matmul(front, m, k, n, ta, tb):
    a, b = rng.standard_normal((*front[0], m, k)), rng.standard_normal((*front[1], k, n))
    x, y = (a.swapaxes(-1, -2) if ta else a), (b.swapaxes(-1, -2) if tb else b)
    close(tf.matmul(x, y, transpose_a=ta, transpose_b=tb), a @ b)


@settings(max_examples=15, deadline=None)
@given(fronts, *[st.integers(0, 2)] * 3)
def test_matmul_gradients(front, m, k, n):
    a, b = rng.standard_normal((*front[0], m, k)), rng.standard_normal((*front[1], k, n))
    check_gradients(tf.matmul, [tf.constant(a), tf.constant(b)], order=2)


def test_adjoints():
    z = M[0] + 1j * M[1]
    close(tf.matmul(z, z, adjoint_a=True), z.conj().T @ z)
    close(tf.linalg.adjoint(z), z.conj().T)
    close(tf.transpose(z, conjugate=True), z.conj().T)


@pytest.mark.parametrize(
    "axes", [0, 1, 2, [[2], [0]], [[0, 2], [0, 1]], ([-1], [-2]), [[], []], (1, 1)], ids=str
)
def test_tensordot(axes):
    a = rng.standard_normal((2, 3, 2))
    b = a if axes in (2, (1, 1)) else rng.standard_normal((2, 2, 3))
    if axes == 2:
        b = rng.standard_normal((3, 2, 2))
    close(tf.tensordot(a, b, axes), np.tensordot(a, b, axes))


def test_matvec_and_outer():
    close(tf.linalg.matvec(M, B[..., 0]), np.einsum("bij,bj->bi", M, B[..., 0]))
    close(tf.linalg.matvec(M, B[..., 0], transpose_a=True), np.einsum("bji,bj->bi", M, B[..., 0]))


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij->ji", (2, 3)), ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)), ("...i->...", (2, 3)),
    ("b...,b...->...", (2, 3), (2, 3)),
    ("i...->...i", (2, 3, 4)), ("ij,i,j->", (2, 3), (2,), (3,)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 2), (2, 2, 2, 2)),
    ("i,j,k->kij", (2,), (3,), (2,)), ("iij->ij", (2, 2, 3)), ("ijij->", (2, 3, 2, 3)),
    ("...,...->...", (2,), (1,)),
    ("ab,cd->", (2, 2), (3, 2)), (" i j , j -> i ", (2, 3), (3,)), ("...ii->...i", (4, 3, 3)),
    ("ji", (2, 3)),
    ("i...,j->...ij", (2, 3), (2,)), (",ij->ij", (), (2, 3)),
    ("ij,ij,ij->ij", (2, 2), (2, 2), (2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EINSUMS])
def test_einsum(equation, shapes):
    xs = [rng.standard_normal(s) for s in shapes]
    close(tf.einsum(equation, *xs), np.einsum(equation, *xs))
    check_gradients(lambda *xs: tf.einsum(equation, *xs), [tf.constant(x) for x in xs], order=2)


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EINSUMS])
def test_einsum_in_a_stack_of_stacks(equation, shapes):
    """A Jacobian of a Jacobian: the cotangent carries axes of its own through the rule, twice."""
    xs = [tf.constant(rng.standard_normal([min(n, 2) for n in s])) for s in shapes]
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(xs)
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = tf.sin(tf.einsum(equation, *xs))
        jac = tape.jacobian(y, xs[0])
    u = rng.standard_normal(jac.shape)
    for x in xs:
        single = outer.gradient(jac, x, output_gradients=tf.constant(u)).numpy()
        stacked = outer.jacobian(jac, x).numpy()
        np.testing.assert_allclose(np.tensordot(u, stacked, u.ndim), single, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- diagonals and triangles


def test_diagonals():
    close(tf.linalg.diag_part(B), np.diagonal(B, axis1=-2, axis2=-1))
    close(tf.linalg.diag(B[..., 0]), np.stack([np.diag(v) for v in B[..., 0]]))
    close(tf.linalg.trace(M), np.trace(M, axis1=-2, axis2=-1))
    changed = M.copy()
    changed[:, range(3), range(3)] = 7
    close(tf.linalg.set_diag(M, tf.fill([2, 3], tf.constant(7.0, tf.float64))), changed)
    for low, high in ((-1, 0), (0, -1), (1, 0), (0, 0), (-1, -1)):
        i, j = np.indices((3, 3))
        keep = ((i - j <= low) | (low < 0)) & ((j - i <= high) | (high < 0))
        close(tf.linalg.band_part(M, low, high), M * keep)


PACKED = [  # k, align, diagonals of the matrix 0 1 2 3 / 4 5 6 7 / 8 9 10 11
    (1, "RIGHT_LEFT", [1, 6, 11]),
    (-1, "RIGHT_LEFT", [4, 9]),
    ((-1, 1), "RIGHT_LEFT", [[1, 6, 11], [0, 5, 10], [4, 9, -1]]),
    ((-1, 1), "RIGHT_RIGHT", [[1, 6, 11], [0, 5, 10], [-1, 4, 9]]),
    ((1, 2), "LEFT_RIGHT", [[2, 7, -1], [1, 6, 11]]),
    ((1, 2), "RIGHT_LEFT", [[-1, 2, 7], [1, 6, 11]]),
]


@pytest.mark.parametrize("k, align, packed", PACKED)
def test_packed_diagonals(k, align, packed):
    x = tf.constant(np.arange(12.0).reshape(3, 4))
    found = tf.linalg.diag_part(x, k=k, padding_value=-1, align=align)
    assert found.numpy().tolist() == packed
    low, high = np.broadcast_to(k, 2)
    j_less_i = np.subtract.outer(np.arange(4), np.arange(3)).T
    band = (low <= j_less_i) & (j_less_i <= high)
    back = tf.linalg.set_diag(tf.fill([3, 4], tf.constant(-2.0, tf.float64)), found, k=k, align=align)
    assert back.numpy().tolist() == np.where(band, x, -2.0).tolist()
    made = tf.linalg.diag(found, k=k, num_rows=3, num_cols=4, padding_value=-3, align=align)
    if np.ndim(k) or k > 0:  # one diagonal below needs 3 rows and 2 columns
        assert made.numpy().tolist() == np.where(band, x, -3.0).tolist()
    check_gradients(lambda x: tf.linalg.diag_part(x**2, k=k, align=align), x, order=1)
    check_gradients(lambda d: tf.linalg.diag(d**2, k=k, align=align), found, order=1)


def test_diagonals_that_do_not_fit():
    for f in (
        lambda: tf.linalg.diag_part(M, k=3), lambda: tf.linalg.diag_part(M, k=(1, 0)),
        lambda: tf.linalg.set_diag(M, tf.zeros([2, 3], tf.float64), k=1),
        lambda: tf.linalg.diag([1, 2], num_rows=3, num_cols=4), lambda: tf.linalg.diag([1, 2], num_rows=1),
    ):  # fmt: skip
        with pytest.raises(InvalidArgument):
            f()
    with pytest.raises(ValueError, match="align"):
        tf.linalg.diag_part(M, k=(0, 1), align="UP_DOWN")


# ---------------------------------------------------------------- inverses and decompositions


def test_decompositions_against_numpy():
    close(tf.linalg.inv(M), np.linalg.inv(M))
    close(tf.linalg.det(M), np.linalg.det(M))
    close(tf.linalg.cholesky(SPD), np.linalg.cholesky(SPD))
    close(tf.linalg.solve(M, B), np.linalg.solve(M, B))
    close(tf.linalg.solve(M, B, adjoint=True), np.linalg.solve(M.swapaxes(-1, -2), B))
    close(tf.linalg.logdet(SPD), np.log(np.linalg.det(SPD)))
    sign, logarithm = tf.linalg.slogdet(-M)
    close(sign, np.sign(np.linalg.det(-M)))
    close(logarithm, np.log(np.abs(np.linalg.det(M))))
    close(tf.linalg.triangular_solve(M, B), np.linalg.solve(np.tril(M), B))
    close(tf.linalg.triangular_solve(M, B, lower=False), np.linalg.solve(np.triu(M), B))


def test_singular_and_eigenvalues_against_numpy():
    for a in (B, B.swapaxes(-1, -2), M):
        s, u, v = tf.linalg.svd(a)
        close(s, np.linalg.svd(a, compute_uv=False))
        close(u @ tf.linalg.diag(s) @ tf.linalg.adjoint(v), a)
        close(tf.linalg.svd(a, compute_uv=False), s)
        s, u, v = tf.linalg.svd(a, full_matrices=True)
        assert u.shape[-2:] == (a.shape[-2],) * 2 and v.shape[-2:] == (a.shape[-1],) * 2
        q, r = tf.linalg.qr(a)
        close(q @ r, a)
        close(tf.linalg.pinv(a), np.linalg.pinv(a))
        assert tf.linalg.matrix_rank(a).numpy().tolist() == [min(a.shape[-2:])] * 2
    e, v = tf.linalg.eigh(np.tril(M))  # the lower triangle is read
    full = np.tril(M) + np.tril(M, -1).swapaxes(-1, -2)
    close(v @ tf.linalg.diag(e) @ tf.linalg.adjoint(v), full)
    close(tf.linalg.eigvalsh(np.tril(M)), e)
    assert int(tf.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]])) == 1


def test_least_squares():
    for a, b in ((B, M[..., :1]), (B.swapaxes(-1, -2), M[..., :2, :1])):
        best = np.stack([np.linalg.lstsq(x, y, rcond=None)[0] for x, y in zip(a, b)])
        for fast in (True, False):
            np.testing.assert_allclose(tf.linalg.lstsq(a, b, fast=fast).numpy(), best, rtol=1e-8)
        short = tf.linalg.lstsq(a, b, l2_regularizer=1.0)
        assert np.all(np.linalg.norm(short, axis=-2) < np.linalg.norm(best, axis=-2))


def test_what_decompositions_do_not_differentiate():
    tall = tf.constant(rng.standard_normal((4, 2)))
    for f, source in (
        (lambda x: tf.linalg.svd(x, full_matrices=True)[1], tall),
        (lambda x: tf.linalg.svd(x, full_matrices=True)[0], tf.transpose(tall)),
        (lambda x: tf.linalg.qr(x, full_matrices=True)[1], tall),
    ):
        with tf.GradientTape() as tape:
            tape.watch(source)
            y = f(source)
        with pytest.raises(NotImplementedError, match="full_matrices"):
            tape.gradient(y, source)


@pytest.mark.parametrize("name, shape", [
    ("eigh", (3, 3)), ("svd", (3, 3)), ("svd", (2, 3)), ("svd", (3, 2)), ("full", (3, 2)), ("full", (2, 3)),
])  # fmt: skip
def test_complex_vectors_whatever_their_phases(name, shape):
    """LAPACK chooses the phases: compared is what does not depend on them."""
    draw = np.random.default_rng(7)

    def vectors(x):
        if name == "eigh":
            v = tf.linalg.eigh(x)[1]
            return (v * tf.constant([1.0, 2.0, 4.0], x.dtype)) @ tf.linalg.adjoint(v)
        s, u, v = tf.linalg.svd(x, full_matrices=name == "full")
        k = s.shape[-1]
        found = (u[..., :k] * tf.constant([1.0, 3.0, 2.0][:k], x.dtype)) @ tf.linalg.adjoint(v[..., :k])
        return found * tf.cast(tf.abs(u[0, -1]) + 2 * tf.abs(v[1, -1]), x.dtype)

    def parts(re, im):
        z = vectors(tf.complex(re, im))
        return tf.stack([tf.math.real(z), tf.math.imag(z)])

    re, im = (tf.constant(draw.standard_normal(shape)) for _ in range(2))
    check_gradients(parts, [re, im])
    with tf.GradientTape(persistent=True) as tape, tf.autodiff.ForwardAccumulator(re, im) as forward:
        tape.watch(re)
        y = parts(re, im)
    whole = tape.jacobian(y, re)
    close(tape.jacobian(y, re, experimental_use_pfor=False), whole)
    close(forward.jvp(y), tf.tensordot(whole, im, 2))


def test_the_gradient_of_complex_singular_values():
    z = tf.constant(M[0] + 1j * M[1])
    with tf.GradientTape() as tape:
        tape.watch(z)
        s = tf.linalg.svd(z, compute_uv=False)
    u, _, vh = np.linalg.svd(z.numpy())
    close(tape.gradient(s, z), u @ vh)


NORMS = [("fro", None), ("fro", -1), (0, None), (-1.1, 0), ("foo", [0, 1]), (1.1, [0, 1])]
AXES = [[], [0, 1, 2], [[0]], [[0], [1]], [0.5, 1], [1, 1]]


@pytest.mark.parametrize("ord, axis", NORMS + [("euclidean", axis) for axis in AXES])
def test_norms_that_are_not_defined(ord, axis):
    with pytest.raises(ValueError, match="'ord' must|'axis' must"):
        tf.norm(M, ord=ord, axis=axis)


@pytest.mark.parametrize("ord", ["fro", 1, 2, np.inf])
def test_norms_of_matrices_tell_rows_from_columns(ord):
    for axis in ((-2, -1), (-1, -2), (0, 2)):
        for keep in (False, True):
            close(tf.norm(B, ord, axis, keep), np.linalg.norm(B, ord, axis, keep))


FUNCTIONS = {
    "inv": lambda m, b: tf.linalg.inv(m),
    "det": lambda m, b: tf.linalg.det(m),
    "solve": tf.linalg.solve,
    "solve, adjoint": lambda m, b: tf.linalg.solve(m, b, adjoint=True),
    "triangular": lambda m, b: tf.linalg.triangular_solve(m, b),
    "logdet": lambda m, b: tf.linalg.logdet(m @ tf.transpose(m, [0, 2, 1])),
    "cholesky": lambda m, b: tf.linalg.cholesky(m @ tf.transpose(m, [0, 2, 1])),
    "whitened": lambda m, b: tf.linalg.solve(tf.linalg.cholesky(m @ tf.transpose(m, [0, 2, 1])), b),
    "slogdet": lambda m, b: tf.linalg.slogdet(m).log_abs_determinant,
    "trace": lambda m, b: tf.linalg.trace(m @ m),
    "normalized": lambda m, b: (
        tf.linalg.normalize(b, axis=1)[0] + tf.math.l2_normalize(b, axis=[1])
    ),
    "set_diag": lambda m, b: tf.linalg.set_diag(m * m, b[..., 0] ** 2),
    "singular values": lambda m, b: tf.linalg.svd(b, compute_uv=False),
    "projection": lambda m, b: (lambda s, u, v: u @ tf.transpose(u, [0, 2, 1]))(*tf.linalg.svd(b)),
    "eigenvectors": lambda m, b: tf.linalg.eigh(m)[1] ** 2,
    "spectral norm": lambda m, b: tf.norm(b, ord=2, axis=[-2, -1]),
    "qr": lambda m, b: tf.linalg.qr(b)[1],
    "pinv": lambda m, b: tf.linalg.pinv(b),
    "lstsq": lambda m, b: tf.linalg.lstsq(b, m[..., :1], l2_regularizer=0.1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_to_second_order(name):
    check_gradients(
        FUNCTIONS[name], [tf.constant(M[:1]), tf.constant(B[:1])], order=2, tolerance=1e-5
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_batches_of_matrices_do_not_interact(name):
    m, b = tf.constant(M), tf.constant(B)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([m, b])
        y = FUNCTIONS[name](m, b)
        y = tf.reshape(y, [2, -1])
    for source in (m, b):
        tape.batch_jacobian(y, source, verify=True)


@pytest.mark.parametrize("ord, axis", [
    ("euclidean", None), ("euclidean", 0), ("euclidean", -1), ("fro", [0, 1]),
    ("euclidean", (0, 1)), (1, None), (1, 0),
    (2, 1), (3, 0), (1.5, -1), (np.inf, 0), (np.inf, None), (1, [0, 1]), (np.inf, [0, 1]),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(ord, axis, keepdims):
    a = B[0]
    flat = axis is None
    n = {"euclidean": None, "fro": "fro"}.get(ord, ord)
    if axis == (0, 1):
        n = "fro"
    expected = np.linalg.norm(
        a.ravel() if flat else a,
        n,
        tuple(axis) if isinstance(axis, list) else None if flat else axis,
    )
    found = tf.norm(a, ord, axis, keepdims)
    if keepdims:
        assert len(found.shape) == 2
    np.testing.assert_allclose(found.numpy().ravel(), np.ravel(expected), rtol=1e-12)
    check_gradients(lambda x: tf.norm(x, ord, axis), tf.constant(a), order=2)


def test_the_norm_at_zero():
    x = tf.constant([0.0, 0.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.norm(x)
    assert np.isnan(tape.gradient(y, x).numpy()).all()


@pytest.mark.parametrize("call, error, text", [
    (lambda: tf.matmul(tf.ones([2, 3]), tf.ones([2, 3])), InvalidArgument,
     r"\[2, 3\].*\[2, 3\].*MatMul.*3.*2"),
    (lambda: tf.matmul(tf.ones([3]), tf.ones([3, 1])), InvalidArgument, r"In\[0\].*>= 2.*MatMul"),
    (lambda: tf.matmul(tf.ones([2, 1, 3]), tf.ones([3, 3, 1])), InvalidArgument, "MatMul"),
    (lambda: tf.matmul(tf.ones([1, 1]), tf.ones([1, 1], tf.int32)), InvalidArgument,
     "int32.*MatMul"),
    (lambda: tf.tensordot(tf.ones([2, 3]), tf.ones([2, 3]), 1), InvalidArgument, r"\[2, 3\]"),
    (lambda: tf.tensordot(tf.ones([2]), tf.ones([2]), 2), ValueError, "0 to 1"),
    (lambda: tf.einsum("ij,jk->ik", tf.ones([2, 3])), ValueError, "ij,jk->ik"),
    (lambda: tf.einsum("ij->i", tf.ones([2])), (ValueError, InvalidArgument), "ij"),
    (lambda: tf.einsum("ij->k", tf.ones([2, 2])), ValueError, "k"),
    (lambda: tf.einsum("ij,jk->ik", tf.ones([2, 3]), tf.ones([2, 3])), InvalidArgument, "Einsum"),
    (lambda: tf.linalg.inv(tf.ones([2, 2])), InvalidArgument, "not invertible.*MatrixInverse"),
    (lambda: tf.linalg.inv(tf.ones([2, 3])), InvalidArgument, r"square.*\[2, 3\]"),
    (lambda: tf.linalg.solve(tf.ones([2, 2]), tf.ones([2, 1])), InvalidArgument, "not invertible"),
    (lambda: tf.linalg.solve(tf.eye(2), tf.ones([2])), InvalidArgument, "same rank.*MatrixSolve"),
    (lambda: tf.linalg.solve(tf.eye(2), tf.ones([3, 1])), InvalidArgument,
     "incompatible.*MatrixSolve"),
    (lambda: tf.linalg.cholesky(-tf.eye(2)), InvalidArgument, "Cholesky"),
    (lambda: tf.norm([1, 2]), InvalidArgument, "int32"),
    (lambda: tf.norm([1.0], "nuclear"), ValueError, "nuclear"),
    (lambda: tf.norm(tf.eye(2), 3, [0, 1]), ValueError, "matrix norm"),
    (lambda: tf.linalg.eigh(tf.ones([2, 3])), InvalidArgument, r"square.*\[2, 3\]"),
    (lambda: tf.linalg.svd([1, 2]), InvalidArgument, "2-dim"),
    (lambda: tf.linalg.qr([[1, 2]]), InvalidArgument, "int32"),
])  # fmt: skip
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
