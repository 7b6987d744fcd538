"""Typical answers to E8.3, `full_rank_gradients(grad_log_joint, mu, L, eps) -> (g_mu, g_L)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


@dataclass(frozen=True)
class At:
    """The draws of one call: r is the slope of log p at zeta = mu + L eps, (S, D)."""

    r: Array
    mu: Array
    L: Array
    eps: Array

    @property
    def inside(self) -> Array:
        """Slope of log p - log q in zeta, (S, D)."""
        return self.r + np.linalg.solve(self.L.T, self.eps.T).T

    @property
    def diagonal(self) -> Array:
        """Of L, (D,)."""
        return np.diag(self.L)


def place(mu: Array, L: Array, eps: Array) -> Array:
    return mu + eps @ L.T


def outer(at: At) -> Array:
    """The products r_i eps_j of each draw, (S, D, D)."""
    return at.r[:, :, None] * at.eps[:, None, :]


def entropy(at: At) -> Array:
    return np.diag(1.0 / at.diagonal)


def mean(rows: Array) -> Array:
    return np.mean(rows, axis=0)


def of(
    in_mu: Callable[[At], Array] = lambda at: at.r,
    in_L: Callable[[At], Array] = outer,
    extra: Callable[[At], Any] = entropy,
    average: Callable[[Array], Array] = mean,
    cut: Callable[[Array], Array] = np.tril,
    draws: Callable[..., Array] = place,
    noise: Callable[[Array], Array] = lambda eps: eps,
    finish: Callable[[Array, Array, At], Any] = lambda g_mu, g_L, at: (g_mu, g_L),
) -> Implementation:
    """An answer with these pieces changed: `in_L` gives one matrix a draw, `cut` is taken last."""

    def full_rank_gradients(grad_log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
        slope = np.asarray(grad_log_joint(draws(mu, L, eps)), dtype=float)
        at = At(slope + np.zeros(np.shape(eps)), mu, L, noise(eps))
        g_mu, g_L = average(in_mu(at)), cut(average(in_L(at)) + extra(at))
        return finish(g_mu, g_L, at)

    return {"full_rank_gradients": full_rank_gradients}


# Wrong


def _none(_: Any) -> float:
    return 0.0


def inverse(at: At) -> Array:
    return np.linalg.inv(at.L)


def log_diagonal(g_mu: Array, g_L: Array, at: At) -> Any:
    """The gradient in the packed space, where the diagonal is a logarithm."""
    return g_mu, np.where(np.eye(len(g_L)) > 0, g_L * at.L, g_L)


def in_covariance(at: At) -> Array:
    """The gradient in Sigma = LL', half of that in L times the inverse of L."""
    return 0.5 * (outer(at) @ np.linalg.inv(at.L) + np.linalg.inv(at.L @ at.L.T))


def in_whole_numbers(g_mu: Array, g_L: Array, at: At) -> Any:
    a, b = np.zeros_like(at.mu), np.zeros_like(at.L)
    a[:], b[:] = g_mu, g_L
    return a, b


def only_diagonal(matrix: Array) -> Array:
    return np.diag(np.diag(matrix))


WRONG = (
    Wrong(
        "full-matrix",
        of(cut=lambda g: g),
        "Above its diagonal L has no parameters, so nothing may be learnt there: a step would "
        "take L out of the triangle. What do you do with the upper part of mean(g εᵀ)?",
        also=(of(extra=lambda at: inverse(at).T, cut=lambda g: g),),
    ),
    Wrong(
        "entropy-forgotten",
        of(extra=_none),
        "Nothing in your `g_L` rewards width, so q would collapse onto the mode. The entropy "
        "holds Σ log L_ii: what is its derivative in `L`?",
    ),
    Wrong(
        "entropy-gradient-wrong",
        of(extra=lambda at: -entropy(at)),
        "Differentiate Σ log L_ii in one L_ii, and check the sign: a wider q has more entropy.",
        also=(
            of(extra=lambda at: 0.5 * entropy(at)),
            of(extra=lambda at: 2.0 * entropy(at)),
            of(extra=lambda at: np.diag(np.log(at.diagonal))),
            of(extra=lambda at: np.diag(1.0 / np.diag(at.L @ at.L.T))),
            of(extra=lambda at: np.diag(at.diagonal)),
        ),
    ),
    Wrong(
        "entropy-everywhere",
        of(extra=lambda at: 1.0 / at.diagonal),
        "The entropy knows the diagonal of L only. Your 1/L_ii reaches entries below it: a vector "
        "added to a matrix is added to each row.",
        also=(
            of(extra=lambda at: 1.0 / at.diagonal[:, None]),
            of(extra=lambda at: np.sum(1.0 / at.diagonal)),
            of(extra=lambda at: _elementwise_inverse(at.L)),
        ),
    ),
    Wrong(
        "inverse-not-transposed",
        of(extra=inverse),
        "The derivative of log |det L| in L is the *transposed* inverse. Its lower triangle is "
        "diagonal: is yours?",
    ),
    Wrong(
        "inverse-of-the-covariance",
        of(extra=lambda at: np.linalg.inv(at.L @ at.L.T)),
        "The inverse of LLᵀ belongs to the derivative in the covariance. The entropy is Σ log L_ii "
        "plus a constant: differentiate that.",
        also=(of(extra=lambda at: 0.5 * np.linalg.inv(at.L @ at.L.T)),),
    ),
    Wrong(
        "entropy-in-mu-too",
        of(finish=lambda a, b, at: (a + 1 / at.diagonal, b)),
        "Does the entropy of a Gaussian change if it is shifted? 1/L_ii belongs to `g_L` alone.",
    ),
    Wrong(
        "derivative-in-log-diagonal",
        of(finish=log_diagonal),
        "Your diagonal, or the entropy's part of it, is the derivative in log L_ii: L_ii times the "
        "one asked for. That factor belongs to the free numbers of E8.1; here L itself is the "
        "parameter.",
        also=(
            of(in_L=lambda at: outer(at) * _on_diagonal(at.L), extra=lambda at: np.eye(len(at.L))),
            of(extra=lambda at: np.eye(len(at.L))),
        ),
    ),
    Wrong(
        "gradient-in-the-covariance",
        of(in_L=in_covariance, extra=_none),
        "That is the gradient in the covariance Σ = LLᵀ. Asked is the one in L: how does a draw "
        "mu + L eps move with an entry of L?",
        also=(of(in_L=in_covariance, extra=_none, cut=lambda g: g),),
    ),
    Wrong(
        "product-of-means",
        of(finish=lambda a, b, at: (a, np.tril(np.outer(a, mean(at.eps)) + entropy(at)))),
        "The average of a product is not the product of the averages: form the outer product draw "
        "by draw, then average.",
        also=(of(finish=lambda a, b, at: (a, np.tril(np.outer(a, mean(at.eps))))),),
    ),
    Wrong(
        "outer-product-transposed",
        of(in_L=lambda at: np.swapaxes(outer(at), 1, 2)),
        "Entry (i, j) of L moves coordinate i of a draw, by eps_j. So which index of your outer "
        "product belongs to the slope, and which to the noise?",
    ),
    Wrong(
        "mean-field-gradient",
        of(cut=only_diagonal),
        "Your `g_L` is diagonal: with it L stays diagonal, and q without correlation. What moves "
        "if L_21 grows?",
        also=(of(in_L=lambda at: np.apply_along_axis(np.diag, 1, at.r * at.eps)),),
    ),
    Wrong(
        "diagonal-lost",
        of(cut=lambda g: np.tril(g, -1)),
        "The diagonal of your `g_L` is 0. `np.tril` keeps the diagonal if it is not given an "
        "offset.",
    ),
    Wrong(
        "chain-factor-forgotten",
        of(in_L=lambda at: np.repeat(at.r[:, :, None], len(at.mu), axis=2)),
        "How far does coordinate i of a draw move if L_ij grows a little? That derivative, eps_j, "
        "is the second factor of the chain rule.",
    ),
    Wrong(
        "draw-for-the-noise",
        of(in_L=lambda at: at.r[:, :, None] * place(at.mu, at.L, at.eps)[:, None, :]),
        "You multiply the slope by the draw zeta. The derivative of zeta = mu + L eps in L holds "
        "the noise eps.",
        also=(of(in_L=lambda at: at.r[:, :, None] * (at.eps @ at.L.T)[:, None, :]),),
    ),
    Wrong(
        "path-derivative",
        of(
            in_mu=lambda at: at.inside,
            in_L=lambda at: at.inside[:, :, None] * at.eps[:, None, :],
            extra=_none,
        ),
        "That is the path derivative of lesson 6: right on average, but here the total derivative "
        "is asked for, with the entropy in closed form. On given noise the two differ.",
    ),
    Wrong(
        "noise-times-L",
        of(draws=lambda mu, L, eps: mu + eps @ L),
        "`eps @ L` makes row s into Lᵀ eps_s. The slope is needed at the draw mu + L eps_s: what "
        "must stand on the right of `eps @`?",
    ),
    Wrong(
        "slope-at-the-mean",
        of(draws=lambda mu, L, eps: mu + 0.0 * eps),
        "You evaluate `grad_log_joint` at mu for every draw. The slope is needed where the draw "
        "is.",
        also=(of(draws=lambda mu, L, eps: mu[None]),),
    ),
    Wrong(
        "slope-at-the-noise",
        of(draws=lambda mu, L, eps: eps),
        "You evaluate `grad_log_joint` at the noise. The model knows nothing of eps: transform it "
        "into a draw first.",
        also=(of(draws=lambda mu, L, eps: eps @ L.T),),
    ),
    Wrong(
        "diagonal-draws",
        of(draws=lambda mu, L, eps: mu + eps * np.diag(L)),
        "Your draws use the diagonal of L only. Each coordinate of a draw is a sum over the noise "
        "of the coordinates before it, too.",
    ),
    Wrong(
        "summed",
        of(average=lambda rows: np.sum(rows, axis=0)),
        "With twice as many draws your gradient doubles: average over the draws.",
        also=(of(finish=lambda a, b, at: (a, b + (len(at.eps) - 1) * (b - entropy(at)))),),
    ),
    Wrong(
        "entropy-divided-by-the-draws",
        of(extra=lambda at: entropy(at) / len(at.eps)),
        "The entropy's gradient is exact and no sum over draws: divide the outer products alone "
        "by S.",
    ),
    Wrong(
        "columns-for-rows",
        of(draws=lambda mu, L, eps: mu + L @ eps),
        "The shapes do not fit. In `eps`, (S, D), and in the slopes each row belongs to a draw; "
        "does your code have `L @ eps`, or an outer product of all of them at once?",
        also=(
            of(draws=lambda mu, L, eps: mu + L @ eps.T),
            of(finish=lambda a, b, at: (a, np.outer(at.r, at.eps) + entropy(at))),
        ),
    ),
    Wrong(
        "not-averaged",
        of(average=lambda rows: rows),
        "Those are the gradients of the single draws. Return their averages, (D,) and (D, D).",
    ),
    Wrong(
        "order-swapped",
        of(finish=lambda a, b, at: (b, a)),
        "The two results came in the other order: first `g_mu`, then `g_L`.",
    ),
    Wrong(
        "integers-truncated",
        of(finish=in_whole_numbers),
        "With whole numbers as parameters your result is cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


def _elementwise_inverse(L: Array) -> Array:
    with np.errstate(divide="ignore"):
        return 1.0 / np.asarray(L, float)


def _on_diagonal(L: Array) -> Array:
    return np.where(np.eye(len(L)) > 0, L, 1.0)


# Right


class Gradients(NamedTuple):
    """Both gradients, named."""

    g_mu: Array
    g_L: Array  # noqa: N815  (the lesson's name)


def by_loops(grad_log_joint: Any, mu: Array, L: Array, eps: Array) -> list[Any]:
    dim = len(mu)
    g_mu, g_L = [0.0] * dim, [[0.0] * dim for _ in range(dim)]
    for row in eps:
        slope = grad_log_joint((mu + L @ row)[None])[0]
        for i in range(dim):
            g_mu[i] += float(slope[i]) / len(eps)
            for j in range(i + 1):
                g_L[i][j] += float(slope[i] * row[j]) / len(eps)
    for i in range(dim):
        g_L[i][i] += 1.0 / float(L[i][i])
    return [g_mu, g_L]


def by_einsum(grad_log_joint: Any, mu: Array, L: Array, eps: Array) -> Gradients:
    r = grad_log_joint(mu + np.einsum("ij,sj->si", L, eps))
    products = np.einsum("si,sj->ij", r, eps) / len(eps)
    return Gradients(r.mean(axis=0), np.tril(products + np.linalg.inv(L).T))


def with_monte_carlo_entropy(grad_log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
    """All along the path, minus the score of q: the entropy's gradient comes out on each draw."""
    r = grad_log_joint(mu + eps @ L.T)
    u = np.linalg.solve(L.T, eps.T).T
    score_L = u[:, :, None] * eps[:, None, :] - np.diag(1.0 / np.diag(L))
    g_L = (r + u)[:, :, None] * eps[:, None, :] - score_L
    return np.mean(r + u - u, axis=0), np.tril(np.mean(g_L, axis=0))


def in_single_precision(grad_log_joint: Any, mu: Array, L: Array, eps: Array) -> Any:
    r = grad_log_joint(mu + eps @ L.T)
    g_L = np.tril(r.T @ eps / len(eps)) + np.diag(1.0 / np.diag(L))
    return np.mean(r, axis=0).astype(np.float32), g_L.astype(np.float32)


RIGHT = (
    Right("loops and lists", {"full_rank_gradients": by_loops}),
    Right("einsum and the inverse", {"full_rank_gradients": by_einsum}),
    Right(
        "log q along the path, minus its score",
        {"full_rank_gradients": with_monte_carlo_entropy},
    ),
    Right("single precision", {"full_rank_gradients": in_single_precision}),
)
