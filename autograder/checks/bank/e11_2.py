"""Typical answers to E11.2, `kl_diag_gaussian_standard(mu, log_sd)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"kl_diag_gaussian_standard": function}


def terms(mu: Array, log_sd: Array) -> Array:
    return 0.5 * (mu**2 + np.exp(2.0 * log_sd) - 1.0 - 2.0 * log_sd)


def _of(term: Callable[[Array, Array], Array]) -> Implementation:
    """Other terms of the coordinates, summed over each image's."""
    return _named(lambda mu, log_sd: np.sum(term(mu, log_sd), axis=-1))


def _reduced(reduce: Callable[[Array], Any]) -> Implementation:
    return _named(lambda mu, log_sd: reduce(terms(mu, log_sd)))


def sampled(seed: int | None, num: int) -> Implementation:
    """The mean of log q - log p over draws: right on average."""

    def answer(mu: Array, log_sd: Array) -> Array:
        eps = np.random.default_rng(seed).standard_normal((num, *np.shape(mu)))
        z = mu + np.exp(log_sd) * eps
        return np.mean(np.sum(0.5 * z**2 - 0.5 * eps**2 - log_sd, axis=-1), axis=0)

    return _named(answer)


WRONG = (
    Wrong(
        "log-sd-taken-as-log-variance",
        _of(lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1.0 - s)),
        "That is the formula for a log *variance*, which many programs let the encoder return. "
        "Ours returns the log of the sd. What is sd² in terms of log sd, and what is log sd²?",
        also=(_of(lambda mu, s: -0.5 * (1.0 + s - mu**2 - np.exp(s))),),
    ),
    Wrong(
        "half-forgotten",
        _of(lambda mu, s: 2.0 * terms(mu, s)),
        "Twice too large. In E1.1 the KL of two Gaussians had a ½ before the squares: where is it?",
        also=(
            _of(lambda mu, s: mu**2 + np.exp(2 * s) - 1.0 - s),
            _of(lambda mu, s: mu**2 + np.exp(2 * s) - 0.5 - s),
            _of(lambda mu, s: mu**2 + np.exp(2 * s) - s),
        ),
    ),
    Wrong(
        "mean-over-coordinates",
        _reduced(lambda rows: np.mean(rows, axis=-1)),
        "Independent coordinates: their log ratios add up, and so do their KLs. Sum over the last "
        "axis. With a mean, a second latent coordinate would cost nothing.",
    ),
    Wrong(
        "negated",
        _of(lambda mu, s: -terms(mu, s)),
        "A KL divergence is never negative, yours is never positive. (The ELBO *subtracts* it: "
        "the minus stands there.)",
        also=(_reduced(lambda rows: -np.sum(rows)), _reduced(lambda rows: -np.mean(rows, axis=-1))),
    ),
    Wrong(
        "averaged-over-the-batch",
        _reduced(lambda rows: np.mean(np.sum(rows, axis=-1))),
        "One number came for the batch. Return one KL for each image; the average over the batch "
        "is for E11.3.",
        also=(_reduced(np.sum), _reduced(np.mean), _reduced(lambda rows: np.sum(rows) / len(rows))),
    ),
    Wrong(
        "wrong-axis",
        _reduced(lambda rows: np.sum(rows, axis=0)),
        "You sum over the images and keep one value for each latent coordinate. Sum over the "
        "coordinates of one image: the last axis.",
        also=(_reduced(lambda rows: np.mean(rows, axis=0)),),
    ),
    Wrong(
        "second-axis",
        _reduced(lambda rows: np.sum(rows, axis=1)),
        "`axis=1` holds the coordinates for a batch (B, D) only. A single code has no such axis: "
        "which number always means the last one?",
    ),
    Wrong(
        "images-counted-for-coordinates",
        _named(
            lambda mu, s: 0.5 * (np.sum(mu**2 + np.exp(2 * s) - 2 * s, axis=-1) - np.shape(mu)[0])
        ),
        "One 1 is subtracted for each coordinate, D of them. You subtract the length of the first "
        "axis, which is the number of images.",
    ),
    Wrong(
        "not-summed",
        _reduced(lambda rows: rows),
        "Those are the KLs of the single coordinates. An image has one code of D coordinates, and "
        "one KL.",
    ),
    Wrong(
        "minus-one-forgotten",
        _of(lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s)) - s),
        "What should come out where q *is* the prior, mu = 0 and log sd = 0? Something is missing "
        "that makes it 0.",
        also=(_of(lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) + 1.0) - s),),
    ),
    Wrong(
        "log-with-a-plus",
        _of(lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) - 1.0) + s),
        "The sign of log sd: a very narrow q knows much and must cost much, so the KL grows "
        "without bound as log sd goes to −∞. Does yours?",
    ),
    Wrong(
        "sd-not-squared",
        _of(lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1.0) - s),
        "E_q[z²] is mu² + sd². You have mu² + sd: which power of exp(log_sd) is a variance?",
        also=(_of(lambda mu, s: 0.5 * (mu**2 + np.exp(s) - 1.0 - 2.0 * s) + 0.0),),
    ),
    Wrong(
        "half-of-the-logarithm",
        _of(lambda mu, s: 0.5 * (mu**2 + np.exp(2 * s) - 1.0 - s)),
        "Inside the ½( … ) stands the log of the *variance*. How many log sds is that?",
    ),
    Wrong(
        "log-sd-taken-as-sd",
        _of(lambda mu, s: 0.5 * (mu**2 + s**2 - 1.0) - np.log(s)),
        "You treat `log_sd` as the sd. It may be negative: it is the logarithm.",
        also=(
            _of(lambda mu, s: 0.5 * (mu**2 + s**2 - 1.0) - np.log(np.abs(s))),
            _of(lambda mu, s: 0.5 * (mu**2 + s**2 - 1.0) - s),
        ),
    ),
    Wrong(
        "mean-not-squared",
        _of(lambda mu, s: terms(0.0 * mu, s) + 0.5 * mu),
        "Can the KL depend on the sign of mu? The prior is symmetric.",
        also=(
            _of(lambda mu, s: terms(0.0 * mu, s) + 0.5 * np.abs(mu)),
            _of(lambda mu, s: terms(0.0 * mu, s)),
        ),
    ),
    Wrong(
        "directions-swapped",
        _of(lambda mu, s: s + 0.5 * (1.0 + mu**2) * np.exp(-2 * s) - 0.5),
        "That is KL(prior ‖ q), the other direction. The ELBO holds KL(q ‖ prior): under which of "
        "the two is the average taken?",
    ),
    Wrong(
        "monte-carlo",
        sampled(None, 1),
        "Right on average, and noisy. For two Gaussians the integral is known: write E_q[log q] "
        "and E_q[log p] in closed form. (A difference of samples is for cases where it is not.)",
        also=(sampled(0, 1), sampled(0, 1000), sampled(None, 1000), sampled(0, 100)),
    ),
    Wrong(
        "entropy-alone",
        _of(lambda mu, s: -s - 0.5 * np.log(2 * np.pi * np.e)),
        "That is E_q[log q]. The KL is E_q[log q] − E_q[log p]: what is the average of the prior's "
        "log density?",
        also=(_of(lambda mu, s: s + 0.5 * np.log(2 * np.pi * np.e)),),
    ),
)


# Right


def by_coordinates(mu: Array, log_sd: Array) -> Any:
    mu, log_sd = np.asarray(mu, float), np.asarray(log_sd, float)
    total = np.zeros(mu.shape[:-1])
    for d in range(mu.shape[-1]):
        var = np.exp(log_sd[..., d]) ** 2
        total = total + (var + mu[..., d] ** 2) / 2 - 0.5 - log_sd[..., d]
    return total.tolist()


def by_determinants(mu: Array, log_sd: Array) -> Array:
    """-D/2 - log det + trace and square, as for two multivariate Gaussians."""
    log_var = 2.0 * np.asarray(log_sd)
    trace = np.sum(np.exp(log_var), axis=-1)
    square = np.sum(np.square(mu), axis=-1)
    return (trace + square - np.shape(mu)[-1] - np.sum(log_var, axis=-1)) / 2.0


RIGHT = (
    Right("one coordinate after the other", _named(by_coordinates)),
    Right("trace, square and determinant", _named(by_determinants)),
    Right(
        "entropy and cross entropy",
        _of(
            lambda mu, s: (
                0.5 * np.log(2 * np.pi)
                + 0.5 * (mu**2 + np.exp(2 * s))
                - (s + 0.5 * np.log(2 * np.pi * np.e))
            )
        ),
    ),
    Right("with expm1", _of(lambda mu, s: 0.5 * (mu * mu + np.expm1(2 * s)) - s)),
)
