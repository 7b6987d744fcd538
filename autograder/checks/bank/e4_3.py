"""Typical answers to E4.3, `natural_gradient_step(eta, eta_hat, rho)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Step = Callable[[Array, Array, Any], Any]


def _named(step: Step) -> Implementation:
    return {"natural_gradient_step": step}


def step(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return (1 - rho) * eta + rho * eta_hat


# Wrong


def _in_terms_of(
    there: Callable[[Array, Array], tuple[Array, Array]],
    back: Callable[[Array, Array], tuple[Array, Array]],
) -> Implementation:
    """The step taken with other parameters than (precision times mean, precision)."""

    def mixed(eta: Array, eta_hat: Array, rho: Any) -> Any:
        pairs = (there(eta[..., 0], eta[..., 1]), there(eta_hat[..., 0], eta_hat[..., 1]))
        own = [step(a, b, rho) for a, b in zip(*pairs, strict=True)]
        return np.stack(back(*own), axis=-1)

    return _named(mixed)


def fisher(eta: Array) -> Array:
    """The Fisher matrix of a Gaussian in (tau nu, tau), whose statistics are (mu, -mu² / 2)."""
    tau = eta[1]
    nu = eta[0] / tau
    return np.array([[1 / tau, -nu / tau], [-nu / tau, nu**2 / tau + 0.5 / tau**2]])


def fisher_divided(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return eta + rho * np.linalg.solve(fisher(eta), eta_hat - eta)


def fisher_multiplied(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return eta + rho * fisher(eta) @ (eta_hat - eta)


def unit_length(eta: Array, eta_hat: Array, rho: Any) -> Any:
    gap = eta_hat - eta
    length = np.linalg.norm(gap)
    return eta + rho * gap / length if length > 0 else eta


def like_eta(eta: Array, eta_hat: Array, rho: Any) -> Any:
    new = np.empty_like(eta)
    new[...] = step(eta, eta_hat, rho)
    return new


def first_row(eta: Array, eta_hat: Array, rho: Any) -> Any:
    a, b = np.ravel(eta)[:2], np.ravel(eta_hat)[:2]
    return step(a, b, rho) if np.size(eta) != 3 else step(eta, eta_hat, rho)


WRONG = (
    Wrong(
        "weights-swapped",
        _named(lambda eta, eta_hat, rho: rho * eta + (1 - rho) * eta_hat),
        "ρ = 1 must give η̂, the update of coordinate ascent, and ρ = 0 no move at all. Which way "
        "round is it in yours?",
    ),
    Wrong(
        "eta-hat-added",
        _named(lambda eta, eta_hat, rho: eta + rho * eta_hat),
        "You step *along* η̂; the natural gradient is η̂ − η, the way *to* it. Where do you stand "
        "after a step with ρ = 1?",
    ),
    Wrong(
        "wrong-way",
        _named(lambda eta, eta_hat, rho: eta - rho * (eta_hat - eta)),
        "You walk away from η̂. We maximise: add ρ times the natural gradient.",
    ),
    Wrong(
        "old-forgotten",
        _named(lambda eta, eta_hat, rho: rho * eta_hat),
        "Where is the old η? A step of size ρ keeps 1 − ρ of it.",
    ),
    Wrong(
        "step-alone",
        _named(lambda eta, eta_hat, rho: rho * (eta_hat - eta)),
        "That is the step, from where you stand. Return the new η: where you arrive.",
    ),
    Wrong(
        "rho-ignored",
        _named(lambda eta, eta_hat, rho: eta_hat + 0 * eta),
        "You go all the way, whatever ρ is. With a noisy η̂ one wants a part of it.",
    ),
    Wrong(
        "midpoint",
        _named(lambda eta, eta_hat, rho: (eta + eta_hat) / 2),
        "You take the midpoint, whatever ρ is.",
    ),
    Wrong(
        "means-and-variances-mixed",
        _in_terms_of(lambda w, tau: (w / tau, 1 / tau), lambda nu, var: (nu / var, 1 / var)),
        "Mix the natural parameters as they come. You mix means and variances: the average of two "
        "variances is not the inverse of the average precision.",
        also=(
            _in_terms_of(lambda w, tau: (w / tau, tau), lambda nu, tau: (nu * tau, tau)),
            _in_terms_of(
                lambda w, tau: (w / tau, tau**-0.5), lambda nu, sd: (nu / sd**2, 1 / sd**2)
            ),
        ),
    ),
    Wrong(
        "logarithms-mixed",
        _named(lambda eta, eta_hat, rho: eta ** (1 - rho) * eta_hat**rho),
        "You mix logarithms, a geometric mean. Natural parameters are mixed as they are: some of "
        "them are negative.",
        also=(_named(lambda eta, eta_hat, rho: np.exp(step(np.log(eta), np.log(eta_hat), rho))),),
    ),
    Wrong(
        "fisher-applied-again",
        _named(fisher_divided),
        "η̂ − η *is* the natural gradient: the Fisher matrix has been divided out already. No "
        "matrix is needed.",
        also=(_named(fisher_multiplied),),
    ),
    Wrong(
        "brackets-missing",
        _named(lambda eta, eta_hat, rho: 1 - rho * eta + rho * eta_hat),
        "Python reads `1 - rho * eta` as 1 − (ρ η): put 1 − ρ in brackets.",
    ),
    Wrong(
        "new-weighs-by-the-step-twice",
        _named(lambda eta, eta_hat, rho: (1 - rho) * eta + rho * (eta_hat - eta)),
        "You shrink η by 1 − ρ *and* subtract ρη in the difference. Choose one form: "
        "(1 − ρ)η + ρη̂, or η + ρ(η̂ − η).",
    ),
    Wrong(
        "step-of-fixed-length",
        _named(unit_length),
        "You divide by the length of η̂ − η, so all steps are equally long. How far it is to η̂ is "
        "part of the gradient.",
    ),
    Wrong(
        "first-row-only",
        _named(first_row),
        "`eta` may hold several factors, one a row: step with all of them. NumPy does that by "
        "itself if you do not take the array apart.",
    ),
    Wrong(
        "whole-numbers-truncated",
        _named(like_eta),
        "An array made like `eta` holds whole numbers if `eta` does, and cuts off what you store "
        "in it. Give it `dtype=float`.",
    ),
)


# Right


def difference(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return eta + rho * (eta_hat - eta)


def in_a_loop(eta: Array, eta_hat: Array, rho: Any) -> Any:
    if np.ndim(eta) == 0:
        return float(eta) + rho * float(eta_hat - eta)
    return [in_a_loop(a, b, rho) for a, b in zip(eta, eta_hat, strict=True)]


def weighted_average(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return np.average([eta, eta_hat], axis=0, weights=[1 - rho, rho])


def inverse_fisher_times_gradient(eta: Array, eta_hat: Array, rho: Any) -> Any:
    """For one Gaussian: the gradient of the ELBO is F (eta_hat - eta); then F is divided out."""
    if np.shape(eta) != (2,):
        return difference(eta, eta_hat, rho)
    matrix = fisher(np.asarray(eta, dtype=float))
    return eta + rho * np.linalg.solve(matrix, matrix @ (eta_hat - eta))


def single_precision(eta: Array, eta_hat: Array, rho: Any) -> Any:
    return np.float32(difference(eta, eta_hat, rho))


RIGHT = (
    Right("old plus rho times the difference", _named(difference)),
    Right("in a loop, lists", _named(in_a_loop)),
    Right("np.average", _named(weighted_average)),
    Right("Fisher matrix there and back", _named(inverse_fisher_times_gradient)),
    Right("single precision", _named(single_precision)),
)
