"""Typical answers to E7.3: the gradients (8) and (10) of the ELBO in mu and omega."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy
from autograd import elementwise_grad, grad

from autograder.checks.protocol import Right, Wrong

Function = Callable[..., Any]


def _exp(omega: Any) -> Any:
    return np.exp(omega)


def _answer(
    gradients: Callable[[Any, Any, Any, Any], tuple[Any, Any]],
    scale: Function = _exp,
    at: Function | None = None,
) -> dict[str, Function]:
    """`gradients(g, eps, omega, mu)` from the rows g of the log joint's gradient at mu + sd eps."""

    def advi_gradients(log_joint: Any, mu: Any, omega: Any, eps: Any) -> tuple[Any, Any]:
        zeta = mu + scale(omega) * eps if at is None else at(mu, omega, eps)
        g = grad(lambda z: np.sum(log_joint(z)))(zeta)
        return gradients(g, eps, omega, mu)

    return {"advi_gradients": advi_gradients}


def _mean(rows: Any) -> Any:
    return np.mean(rows, axis=0)


def _right(g: Any, eps: Any, omega: Any, mu: Any) -> tuple[Any, Any]:
    return _mean(g), _mean(g * eps) * np.exp(omega) + 1.0


def _gradient_of_a_vector(log_joint: Any, mu: Any, omega: Any, eps: Any) -> Any:
    g = grad(log_joint)(mu + np.exp(omega) * eps)
    return _right(g, eps, omega, mu)


WRONG = (
    Wrong(
        "omega-as-sd",
        _answer(_right, scale=lambda omega: omega),
        "omega is the log of the standard deviation. Which factor multiplies eps in "
        "zeta = mu + ... eps?",
    ),
    Wrong(
        "omega-as-log-variance",
        _answer(
            lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(0.5 * omega) + 1.0),
            scale=lambda omega: np.exp(0.5 * omega),
        ),
        "You take omega for the log of the variance. Here it is the log of the standard deviation: "
        "sd = exp(omega).",
    ),
    Wrong(
        "chain-factor-missing",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) + 1.0)),
        "zeta depends on omega through exp(omega). What is d zeta / d omega?",
    ),
    Wrong(
        "chain-factor-is-omega",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * omega + 1.0)),
        "You move zeta with exp(omega), so d zeta / d omega is not eps omega. Differentiate "
        "mu + exp(omega) eps.",
    ),
    Wrong(
        "entropy-missing",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(omega))),
        "Nothing in your g_omega rewards spread: q would collapse onto the mode. What is the "
        "derivative of the entropy in omega?",
    ),
    Wrong(
        "entropy-inverse-sd",
        _answer(
            lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(omega) + np.exp(-omega))
        ),
        "1/sd is the entropy's derivative in sd. You differentiate in omega = log sd, and the "
        "entropy is omega plus a constant.",
    ),
    Wrong(
        "entropy-sign",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(omega) - 1.0)),
        "The ELBO is E[log p] plus the entropy. Does a wider q have more or less entropy?",
    ),
    Wrong(
        "entropy-on-mu-too",
        _answer(lambda g, eps, omega, mu: (_mean(g) + 1.0, _mean(g * eps) * np.exp(omega) + 1.0)),
        "Move a Gaussian sideways: does its entropy change? It does not depend on mu.",
    ),
    Wrong(
        "entropy-times-dim",
        _answer(
            lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(omega) + float(len(mu)))
        ),
        "The entropy is the sum of all omegas. How much does it grow when only one of them does?",
    ),
    Wrong(
        "sum-over-draws",
        _answer(
            lambda g, eps, omega, mu: (
                np.sum(g, axis=0),
                np.sum(g * eps, axis=0) * np.exp(omega) + 1.0,
            )
        ),
        "You sum over the draws, but the expectation is their mean: with a sum, more draws would "
        "mean a steeper ELBO.",
    ),
    Wrong(
        "entropy-once-per-draw",
        _answer(
            lambda g, eps, omega, mu: (
                np.sum(g, axis=0),
                np.sum(g * eps * np.exp(omega) + 1.0, axis=0),
            )
        ),
        "You sum everything over the draws, the exact 1 of the entropy included. The ELBO is an "
        "expectation: which average of the draws estimates it?",
    ),
    Wrong(
        "mean-over-coordinates",
        _answer(lambda g, eps, omega, mu: (np.mean(g), np.mean(g * eps * np.exp(omega)) + 1.0)),
        "Average over the draws only: each coordinate keeps its own gradient, shape (D,).",
    ),
    Wrong(
        "one-row-per-draw",
        _answer(lambda g, eps, omega, mu: (g, g * eps * np.exp(omega) + 1.0)),
        "You return one gradient per draw. Average them: the results have shape (D,).",
    ),
    Wrong(
        "eps-forgotten",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g) * np.exp(omega) + 1.0)),
        "A draw at eps moves by eps exp(omega) when omega grows: one at the centre does not move "
        "at all. Where is eps in your g_omega?",
    ),
    Wrong(
        "product-of-means",
        _answer(lambda g, eps, omega, mu: (_mean(g), _mean(g) * _mean(eps) * np.exp(omega) + 1.0)),
        "The mean of a product is not the product of the means: multiply each draw's gradient by "
        "its own eps, then average.",
    ),
    Wrong(
        "gradient-at-the-mean",
        _answer(_right, at=lambda mu, omega, eps: mu + 0.0 * eps),
        "You take the slope of the log joint at mu for every draw. It is wanted at the draws "
        "zeta = mu + exp(omega) eps.",
    ),
    Wrong(
        "gradient-of-a-vector",
        {"advi_gradients": _gradient_of_a_vector},
        "`log_joint` returns one value per row, and `grad` wants a function with one value. "
        "Differentiate the sum over the rows: each row of the result is then its own row's "
        "gradient.",
    ),
    Wrong(
        "averages-twice",
        _answer(
            lambda g, eps, omega, mu: (
                _mean(g) / len(eps),
                _mean(g * eps) / len(eps) * np.exp(omega) + 1.0,
            )
        ),
        "You divide by the number of draws twice: once in the function that you differentiate and "
        "once more over its rows. Differentiate the sum, then take the mean.",
    ),
    Wrong(
        "path-derivative",
        _answer(
            lambda g, eps, omega, mu: (
                _mean(g + eps * np.exp(-omega)),
                _mean((g + eps * np.exp(-omega)) * eps) * np.exp(omega),
            )
        ),
        "Right on average, but not what is asked: you differentiate -log q along the draws, the "
        "path derivative of lesson 6. Here the entropy is taken exactly: what does it give?",
    ),
    Wrong(
        "entropy-twice",
        _answer(
            lambda g, eps, omega, mu: (
                _mean(g + eps * np.exp(-omega)),
                _mean((g + eps * np.exp(-omega)) * eps) * np.exp(omega) + 1.0,
            )
        ),
        "The entropy counts twice: once as -log q in the average, and once as the exact 1. One of "
        "them has to go.",
    ),
    Wrong(
        "gradient-of-minus-the-elbo",
        _answer(
            lambda g, eps, omega, mu: (-_mean(g), -_mean(g * eps) * np.exp(omega) - 1.0),
        ),
        "This is the gradient of minus the ELBO. We climb: which sign does the gradient of what "
        "we maximise have?",
    ),
    Wrong(
        "chain-factor-squared",
        _answer(
            lambda g, eps, omega, mu: (_mean(g), _mean(g * eps) * np.exp(2.0 * omega) + 1.0),
        ),
        "zeta moves by eps exp(omega) when omega grows by one. Why do you multiply by exp(omega) "
        "once more?",
    ),
    Wrong(
        "chain-factor-on-mu-too",
        _answer(
            lambda g, eps, omega, mu: (
                _mean(g) * np.exp(omega),
                _mean(g * eps) * np.exp(omega) + 1.0,
            ),
        ),
        "When mu grows by one, every draw moves by one. Which factor does the chain rule give "
        "for mu?",
    ),
    Wrong(
        "order-swapped",
        _answer(lambda g, eps, omega, mu: _right(g, eps, omega, mu)[::-1]),
        "Look at the order of the two results: first g_mu, then g_omega.",
    ),
)


def _of_the_elbo(log_joint: Any, mu: Any, omega: Any, eps: Any) -> Any:
    def elbo(lam: tuple[Any, Any]) -> Any:
        m, w = lam
        return np.mean(log_joint(m + np.exp(w) * eps)) + np.sum(w)

    return grad(elbo)((np.asarray(mu, dtype=float), np.asarray(omega, dtype=float)))


def _by_loop(log_joint: Any, mu: Any, omega: Any, eps: Any) -> Any:
    num_draws, dim = eps.shape
    sd = numpy.exp(omega)
    g_mu, g_omega = numpy.zeros(dim), numpy.ones(dim)
    for row in eps:
        g = grad(lambda z: log_joint(z[None, :])[0])(mu + sd * row)
        g_mu = g_mu + g / num_draws
        g_omega = g_omega + g * row * sd / num_draws
    return [g_mu, g_omega]


class _Gradients(NamedTuple):
    g_mu: Any
    g_omega: Any


def _named(log_joint: Any, mu: Any, omega: Any, eps: Any) -> _Gradients:
    g = elementwise_grad(log_joint)(mu + np.exp(omega) * eps)
    shift = (np.exp(omega) * eps)[:, :, None] * numpy.eye(eps.shape[1])
    return _Gradients(g.mean(axis=0), np.einsum("sd,sde->e", g, shift) / len(eps) + 1.0)


RIGHT = (
    Right("gradient-of-the-elbo", {"advi_gradients": _of_the_elbo}),
    Right("loop-over-draws", {"advi_gradients": _by_loop}),
    Right("named-tuple-and-einsum", {"advi_gradients": _named}),
)
