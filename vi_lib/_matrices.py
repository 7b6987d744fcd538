"""Matrices with leading axes: a packed triangle, products and solves, all differentiable.

The functions broadcast leading axes, and take the fast road where all points share one matrix.
Those for a triangle are public in `vi_lib.full_rank`.
"""

from __future__ import annotations

from functools import lru_cache

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, SupportError, plain, require_positive, require_shape
from vi_lib._family import require_count


def pack_tril(L: Array) -> Array:
    """Return the lower triangle of L row by row, with the logarithm of each diagonal entry.

    Args:
        L: lower triangular with a positive diagonal (..., D, D).

    Returns:
        vec (..., D (D + 1) / 2); every vec is the packed form of exactly one such L.

    Raises:
        ShapeError: unless the last two axes are equal.
        SupportError: unless L is lower triangular with a positive diagonal.
    """
    dim = np.shape(L)[-1] if np.ndim(L) else 0
    require_shape("L", L, (..., dim, dim))
    if onp.any(onp.triu(plain(L), k=1) != 0.0):
        raise SupportError("L must be lower triangular, got entries above its diagonal")
    require_positive("L's diagonal", onp.diagonal(plain(L), axis1=-2, axis2=-1))
    rows, columns = onp.tril_indices(dim)
    entries = L[..., rows, columns]
    log_diagonal = np.log(np.where(rows == columns, entries, 1.0))
    return np.where(rows == columns, log_diagonal, entries)


def unpack_tril(vec: Array, D: int) -> Array:
    """Return the lower triangular L (..., D, D) that `pack_tril` turns into `vec`.

    Args:
        vec: rows of the triangle, logarithms on the diagonal (..., D (D + 1) / 2).
        D: number of rows.

    Raises:
        ShapeError: if vec does not have that length, or D is not a whole number of at least 1.
    """
    require_count("D", D)
    require_shape("vec", vec, (..., D * (D + 1) // 2))
    diagonal, scatter = _lower_triangle(D)
    # Zero where the entry is not diagonal first: exp of an off-diagonal entry could overflow.
    entries = np.where(diagonal, np.exp(np.where(diagonal, vec, 0.0)), vec)
    return np.reshape(np.dot(entries, scatter), (*np.shape(vec)[:-1], D, D))


def packed_log_det(vec: Array, dim: int) -> Array:
    """Return Σ_i log L_ii (...) of the packed triangle vec (..., D (D + 1) / 2)."""
    return np.sum(vec[..., _lower_triangle(dim)[0]], axis=-1)


def dot(x: Array, A: Array) -> Array:
    """Return x A, (..., K), for x (..., D) and A (..., D, K)."""
    if np.ndim(A) == 2:
        return np.dot(x, A)
    return np.matmul(x[..., None, :], A)[..., 0, :]


def transpose(A: Array) -> Array:
    """Swap the last two axes."""
    return np.swapaxes(A, -1, -2)


def solve(A: Array, b: Array) -> Array:
    """Return A⁻¹ b, (..., D), for A (..., D, D) and b (..., D)."""
    dim = np.shape(A)[-1]
    if np.ndim(A) == 2:  # all points share A: factorise it once
        return np.reshape(np.linalg.solve(A, np.reshape(b, (-1, dim)).T).T, np.shape(b))
    leading = onp.broadcast_shapes(np.shape(A)[:-2], np.shape(b)[:-1])
    # Adding zeros, because autograd's broadcast_to cannot add leading axes.
    A = A + onp.zeros((*leading, 1, 1))
    b = b + onp.zeros((*leading, 1))
    return np.linalg.solve(A, b[..., None])[..., 0]


@lru_cache(maxsize=32)
def _lower_triangle(dim: int) -> tuple[Array, Array]:
    """Return which packed entries are diagonal (K,) and the 0/1 matrix (K, D²) that places them.

    autograd cannot assign in place; multiplying by a constant matrix is the fastest differentiable
    way.
    """
    rows, columns = onp.tril_indices(dim)
    scatter = onp.zeros((rows.size, dim * dim))
    scatter[onp.arange(rows.size), rows * dim + columns] = 1.0
    scatter.setflags(write=False)
    diagonal = rows == columns
    diagonal.setflags(write=False)
    return diagonal, scatter
