"""Mean field for the Ising model: the best product of independent signs.

    p(z) = exp(z'J z / 2 + h'z) / Z,   z_i in {-1, 1},   J symmetric with a zero diagonal.

q(z) = prod_i q_i(z_i) is given by its means m_i in [-1, 1], and the ELBO is a lower bound of log Z:

    ELBO(m) = m'J m / 2 + h'm + sum_i H((1 + m_i) / 2),   H(p) = -p log p - (1 - p) log(1 - p).

Its fixed points satisfy m_i = tanh(sum_j J_ij m_j + h_i) (MacKay 2003, chapter 33; Wainwright and
Jordan 2008, chapter 5). A coupling z_i z_j is counted once: J_ij + J_ji in z'J z / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vi_lib._check import Array, SupportError, require_finite, require_positive, require_shape
from vi_lib._conjugate import coordinate_ascent


def cavi_ising(
    J: Array,
    h: Array,
    init: Array | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> dict[str, Any]:
    """Coordinate ascent m_i <- tanh(sum_j J_ij m_j + h_i) until the ELBO stands still.

    Sites without a coupling between them are updated together, which is the same as one after the
    other: on a grid a sweep has two steps, as on the fields of a chessboard.

    Args:
        J: Couplings (n, n).
        h: Fields (n,).
        init: Means (n,) to start from, 0 without it. Where h = 0, m = 0 is a fixed point, and with
            strong couplings a poor one: then start elsewhere. Strong couplings have several optima.
        max_iter: Largest number of sweeps.
        rel_tol: Stop when a sweep raises the ELBO by at most this fraction of its size.

    Returns:
        `m` (n,), the means of q, and `elbo`, the trace with one value a sweep, in nats.

    Raises:
        ShapeError, NonFiniteError: Naming the argument.
        SupportError: If J is not symmetric with a zero diagonal, or `init` leaves [-1, 1].
        ValueError: If `max_iter` is less than 1.
        ArithmeticError: If a sweep lowers the ELBO by more than round-off; only a wrong update can.
    """
    J, h = require_couplings(J, h)
    start = np.zeros(len(h)) if init is None else _means(init, len(h))
    groups = [(sites, J[sites], h[sites]) for sites in _uncoupled_groups(J)]

    def sweep(m: Array) -> Array:
        m = m.copy()
        for sites, couplings, field in groups:
            m[sites] = _best_means(couplings, field, m)
        return m

    m, trace = coordinate_ascent(sweep, lambda m: _elbo(J, h, m), start, max_iter, rel_tol)
    return {"m": m, "elbo": trace}


def elbo_ising(J: Array, h: Array, m: Array) -> float:
    """ELBO of independent signs with means m, a lower bound of log Z, in nats.

    Args:
        J: Couplings (n, n).
        h: Fields (n,).
        m: Means of q (n,), each in [-1, 1].

    Raises:
        ShapeError, NonFiniteError, SupportError: Naming the argument.
    """
    J, h = require_couplings(J, h)
    return _elbo(J, h, _means(m, len(h)))


def _elbo(J: Array, h: Array, m: Array) -> float:
    """The ELBO of checked arguments: the checks cost more than a sweep."""
    entropy = 0.0
    for p in (0.5 * (1.0 + m), 0.5 * (1.0 - m)):
        entropy -= np.sum(p * np.log(np.where(p > 0.0, p, 1.0)))
    return float(0.5 * m @ J @ m + h @ m + entropy)


def grid_couplings(height: int, width: int, coupling: float) -> Array:
    """Couplings J (n, n), n = height * width, of a grid whose sites are numbered row by row.

    Neighbours to the left, right, above and below have J_ij = `coupling`; nothing wraps around.

    Raises:
        ValueError: If the grid has no site.
    """
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, got {height} and {width}")
    site = np.arange(height * width).reshape(height, width)
    J = np.zeros((site.size, site.size))
    for one, other in ((site[:, :-1], site[:, 1:]), (site[:-1], site[1:])):
        J[one, other] = J[other, one] = coupling
    return J


def noisy_image_field(image: Array, flip_prob: float) -> Array:
    """Field h (n,) that an image adds, each of whose pixels was turned over with this probability.

    p(image_i | z_i) is proportional, in z_i, to exp(h_i z_i) with
    h_i = image_i log((1 - flip_prob) / flip_prob) / 2. So the posterior of the clean image z under
    a grid prior is an Ising model with J of `grid_couplings` and this h.

    Args:
        image: Pixels -1 and 1, (height, width).
        flip_prob: Probability in (0, 1) that a pixel was turned over.

    Raises:
        ShapeError: If `image` is not a matrix.
        SupportError: If a pixel is not -1 or 1, or `flip_prob` is not in (0, 1).
    """
    image = np.asarray(image, dtype=float)
    require_shape("image", image, ("height", "width"))
    if not np.all(np.abs(image) == 1.0):
        other = image[np.abs(image) != 1.0][0]
        raise SupportError(f"image must consist of -1 and 1, got {other}")
    require_positive("flip_prob", flip_prob)
    if flip_prob >= 1.0:
        raise SupportError(f"flip_prob must be less than 1, got {flip_prob}")
    return 0.5 * np.log((1.0 - flip_prob) / flip_prob) * image.ravel()


def require_couplings(J: Array, h: Array) -> tuple[Array, Array]:
    """Return J and h as float arrays.

    Raises:
        ShapeError: Unless J is (n, n) and h (n,).
        NonFiniteError: If an entry is not finite.
        SupportError: Unless J is symmetric with a zero diagonal: J_ii z_i^2 is a constant, but
            mean field would take it for J_ii m_i^2.
    """
    J, h = np.asarray(J, dtype=float), np.asarray(h, dtype=float)
    require_shape("h", h, ("n",))
    require_shape("J", J, (len(h), len(h)))
    require_finite("J", J)
    require_finite("h", h)
    if np.any(np.diag(J) != 0.0):
        raise SupportError(f"J must have a zero diagonal, got {np.diag(J)[np.diag(J) != 0.0][0]}")
    if not np.array_equal(J, J.T):
        i, j = np.argwhere(J != J.T)[0]
        raise SupportError(f"J must be symmetric, got J[{i}, {j}] = {J[i, j]}, but {J[j, i]} back")
    return J, h


def _best_means(couplings: Array, field: Array, m: Array) -> Array:
    """Means of some sites given all others; `couplings` are these sites' rows of J."""
    return np.tanh(couplings @ m + field)


def _uncoupled_groups(J: Array) -> list[Array]:
    """Groups of sites, in each of which no site is coupled to another; greedily from the first."""
    coupled = J != 0.0
    colour = np.full(len(J), -1)
    for i in range(len(J)):
        taken = set(colour[coupled[i]].tolist())
        colour[i] = next(c for c in range(len(J)) if c not in taken)
    return [np.flatnonzero(colour == c) for c in range(colour.max(initial=-1) + 1)]


def _means(m: Array, n: int) -> Array:
    """Checked means of signs, a new array (n,)."""
    m = np.array(m, dtype=float)
    require_shape("m", m, (n,))
    require_finite("m", m)
    if np.any(np.abs(m) > 1.0):
        raise SupportError(f"a mean of a sign must be in [-1, 1], got {m[np.abs(m) > 1.0][0]}")
    return m
