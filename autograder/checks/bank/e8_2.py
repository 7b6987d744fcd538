"""Typical answers to E8.2, `full_rank_elbo(log_joint, mu, L, eps)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any

LOG_2PI = float(np.log(2.0 * np.pi))


def place(mu: Array, L: Array, eps: Array) -> Array:
    return mu + eps @ L.T


def constant(dim: int) -> float:
    return 0.5 * dim * (1.0 + LOG_2PI)


def log_diagonal(L: Array) -> Array:
    return np.sum(np.log(np.diag(L)))


def of(
    draws: Callable[..., Array] = place,
    average: Callable[[Array], Any] = np.mean,
    size: Callable[[Array], Any] = log_diagonal,
    rest: Callable[[int], float] = constant,
    sign: float = 1.0,
    finish: Callable[[Any, Array], Any] = lambda elbo, L: elbo,
) -> Implementation:
    """An answer with these pieces changed: its draws, its average, and the entropy's two terms."""

    def full_rank_elbo(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        values = np.asarray(log_joint(draws(mu, L, eps)), dtype=float)
        return finish(average(values) + sign * (size(L) + rest(len(mu))), L)

    return {"full_rank_elbo": full_rank_elbo}


# Wrong


def log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def log_of_det(matrix: Array) -> Any:
    return np.log(np.linalg.det(matrix))


def marginal_sds(L: Array) -> Array:
    return 0.5 * np.sum(np.log(np.diag(L @ L.T)))


def by_solving(mu: Array, L: Array, eps: Array) -> Array:
    return mu + np.linalg.solve(L.T, eps.T).T


def root_of_root(mu: Array, L: Array, eps: Array) -> Array:
    """L taken for the covariance matrix, of which its lower triangle is read."""
    symmetric = np.tril(L) + np.tril(L, -1).T
    values, vectors = np.linalg.eigh(symmetric)
    return mu + eps @ (vectors * np.sqrt(np.abs(values))).T


def monte_carlo(log_q: Callable[[Array, Array], Any]) -> Implementation:
    """Minus the average of log q for the entropy; `log_q(eps, L)` gives (S,)."""

    def full_rank_elbo(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        return np.mean(log_joint(place(mu, L, eps)) - log_q(eps, L))

    return {"full_rank_elbo": full_rank_elbo}


def entropy_divided() -> Implementation:
    """Everything divided by the number of draws."""

    def full_rank_elbo(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        total = np.sum(log_joint(place(mu, L, eps)))
        return (total + log_diagonal(L) + constant(len(mu))) / len(eps)

    return {"full_rank_elbo": full_rank_elbo}


def standard(eps: Array) -> Array:
    return -0.5 * np.sum(eps**2, axis=1) - 0.5 * eps.shape[1] * LOG_2PI


def _none(_: Any) -> float:
    return 0.0


WRONG = (
    Wrong(
        "noise-times-L",
        of(draws=lambda mu, L, eps: mu + eps @ L),
        "`eps @ L` makes row s into Lᵀ eps_s, with covariance LᵀL. What must stand on the right "
        "of `eps @` so that each row becomes L eps_s?",
    ),
    Wrong(
        "entropy-without-the-half",
        of(size=lambda L: log_det(L @ L.T)),
        "The log determinant of LLᵀ is twice that of L. With D = 1 the entropy is log sd plus a "
        "constant: what is yours?",
        also=(of(size=lambda L: 2 * log_diagonal(L)),),
    ),
    Wrong(
        "constant-forgotten",
        of(rest=_none),
        "Your ELBO lacks a constant. It does not move the optimum, but without it the number is "
        "no bound on log p(x). What is the entropy of N(0, I) in D dimensions?",
        also=(of(rest=lambda dim: 0.5 * dim * LOG_2PI), of(rest=lambda dim: 0.5 * dim)),
    ),
    Wrong(
        "constant-of-one-dimension",
        of(rest=lambda dim: constant(1)),
        "½ log 2πe is the entropy of *one* standard normal. How many does q hold?",
        also=(of(rest=lambda dim: 2 * constant(dim)),),
    ),
    Wrong(
        "entropy-forgotten",
        of(size=_none, rest=_none),
        "That is the average log joint alone. The ELBO has a second term, which grows as q gets "
        "wider.",
    ),
    Wrong(
        "entropy-subtracted",
        of(sign=-1.0),
        "ELBO = E[log p] + H[q]: a narrower q should cost, not pay. Check the sign of the entropy.",
        also=(
            of(size=lambda L: -log_diagonal(L)),
            of(size=lambda L: -0.5 * log_det(L @ L.T)),
            of(rest=lambda dim: -constant(dim)),
        ),
    ),
    Wrong(
        "determinant-underflows",
        of(size=log_of_det),
        "In 120 dimensions with sds of a thousandth the determinant is 10⁻³⁶⁰, which is 0 in "
        "floating point. The logarithm of a product is a sum of logarithms.",
        also=(
            of(size=lambda L: 0.5 * log_of_det(L @ L.T)),
            of(size=lambda L: np.log(np.prod(np.diag(L)))),
        ),
    ),
    Wrong(
        "entropy-of-the-marginals",
        of(size=marginal_sds),
        "Your entropy is that of independent coordinates with q's sds, the diagonal of LLᵀ. "
        "Correlation lowers the entropy: which numbers of L make the determinant?",
    ),
    Wrong(
        "average-of-the-logs",
        of(size=lambda L: np.mean(np.log(np.diag(L)))),
        "You average the log L_ii over the coordinates. The log determinant is their sum.",
    ),
    Wrong(
        "logarithm-forgotten",
        of(size=lambda L: np.sum(np.diag(L))),
        "You add up the L_ii themselves. A determinant is a product; what turns it into a sum?",
        also=(of(size=lambda L: np.prod(np.diag(L))), of(size=np.linalg.det)),
    ),
    Wrong(
        "first-result-of-slogdet",
        of(size=lambda L: float(np.linalg.slogdet(L)[0])),
        "`np.linalg.slogdet` returns two things, the sign of the determinant first. You need the "
        "other one.",
        also=(of(size=lambda L: 0.5 * float(np.linalg.slogdet(L @ L.T)[0])),),
    ),
    Wrong(
        "L-taken-as-covariance",
        of(size=lambda L: 0.5 * log_diagonal(L)),
        "L is the Cholesky factor of the covariance, not the covariance: draws are mu + L eps, and "
        "log |LLᵀ|^½ = log |L|, without another half.",
        also=(of(draws=root_of_root, size=lambda L: 0.5 * log_diagonal(L)), of(draws=root_of_root)),
    ),
    Wrong(
        "covariance-for-the-factor",
        of(draws=lambda mu, L, eps: mu + eps @ (L @ L.T)),
        "You multiply the noise by the covariance LLᵀ; the draws then have the covariance "
        "(LLᵀ)². The factor L is what the noise needs.",
    ),
    Wrong(
        "L-taken-as-precision",
        of(draws=by_solving),
        "You divide the noise by L, as if LLᵀ were the precision. Here LLᵀ is the covariance.",
        also=(
            of(draws=lambda mu, L, eps: mu + np.linalg.solve(L, eps.T).T),
            of(draws=by_solving, size=lambda L: -log_diagonal(L)),
        ),
    ),
    Wrong(
        "diagonal-draws",
        of(draws=lambda mu, L, eps: mu + eps * np.diag(L)),
        "Your draws use the diagonal of L only: that is mean field. Each coordinate of a draw is a "
        "sum over the noise of the coordinates before it, too.",
        also=(of(draws=lambda mu, L, eps: mu + eps * np.sqrt(np.diag(L @ L.T))),),
    ),
    Wrong(
        "mean-forgotten",
        of(draws=lambda mu, L, eps: eps @ L.T),
        "Your draws are centred at 0. Where does `mu` enter?",
        also=(of(draws=lambda mu, L, eps: eps),),
    ),
    Wrong(
        "summed",
        of(average=np.sum),
        "With twice as many draws your ELBO doubles: average the log joint over the draws.",
    ),
    Wrong(
        "not-averaged",
        of(average=lambda values: values),
        "Those are the values of single draws, (S,). The ELBO is one number: their average.",
    ),
    Wrong(
        "averaged-over-coordinates",
        of(average=lambda v: v, finish=lambda rows, L: np.sum(rows) / len(L)),
        "You divide by the number of coordinates. The average of the log joint goes over the draws "
        "alone.",
        also=(of(average=lambda v: np.sum(v), finish=lambda elbo, L: elbo / len(L)),),
    ),
    Wrong(
        "entropy-divided-by-the-draws",
        entropy_divided(),
        "The entropy is exact and no sum over draws: divide the log joint's sum alone by S.",
    ),
    Wrong(
        "log-joint-at-the-mean",
        of(draws=lambda mu, L, eps: mu[None] + 0.0 * eps),
        "You evaluate `log_joint` at mu alone. Its average over the draws mu + L eps is asked for: "
        "away from its mode a log density falls.",
    ),
    Wrong(
        "columns-for-rows",
        of(draws=lambda mu, L, eps: mu + L @ eps),
        "The shapes do not fit. In `eps`, (S, D), each row is a vector; does your code have "
        "`L @ eps` or `L @ eps.T`, which want or give columns?",
        also=(of(draws=lambda mu, L, eps: mu + L @ eps.T),),
    ),
    Wrong(
        "log-q-without-its-determinant",
        monte_carlo(lambda eps, L: standard(eps)),
        "You take the density of the noise for that of the draw. The map mu + L eps stretches "
        "space: by which factor?",
    ),
)


# Right


def by_slogdet(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
    draws = np.stack([mu + L @ row for row in eps])
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * (L @ L.T))[1]
    return np.array([sum(log_joint(draws)) / len(eps) + entropy])


def by_loops(log_joint: Any, mu: Array, L: Array, eps: Array) -> float:
    total = 0.0
    for row in eps:
        zeta = [
            float(m) + sum(float(a) * float(e) for a, e in zip(r, row, strict=True))
            for m, r in zip(mu, L, strict=True)
        ]
        total += float(log_joint(np.array([zeta]))[0]) / len(eps)
    for i in range(len(mu)):
        total += float(np.log(L[i, i]) + 0.5 * np.log(2 * np.pi * np.e))
    return total


def by_scipy(log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
    draws = mu + np.einsum("ij,sj->si", L, eps)
    log_q = np.sum(stats.norm.logpdf(np.linalg.solve(L, (draws - mu).T)), axis=0)
    return np.mean(log_joint(draws) - (log_q - np.sum(np.log(np.diag(L)))))


RIGHT = (
    Right("slogdet of the covariance", {"full_rank_elbo": by_slogdet}),
    Right("loops", {"full_rank_elbo": by_loops}),
    Right("entropy from the draws", monte_carlo(lambda eps, L: standard(eps) - log_diagonal(L))),
    Right("log q by solving", {"full_rank_elbo": by_scipy}),
)
