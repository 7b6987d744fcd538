"""Binary outcomes and counts."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp

from posteriors._case import Case, generator
from posteriors._regressions import design
from vi_lib import Model, Param
from vi_lib._special import gammaln
from vi_lib.densities import bernoulli_logits, gamma, normal, poisson


def logistic() -> Case:
    """Model: y ~ Bernoulli(logit = X beta), beta ~ N(0, sd 2.5)."""
    rng = generator(11)
    X = design(rng, 150, 4)
    X[:, 2] = 0.6 * X[:, 1] + 0.8 * X[:, 2]
    logits = X @ onp.array([-0.5, 1.0, -0.8, 0.0, 0.6])
    y = (rng.random(150) < 1.0 / (1.0 + onp.exp(-logits))).astype(float)
    model = Model(
        params={"beta": Param((5,))},
        log_prior=lambda theta: np.sum(normal(theta["beta"], 0.0, 2.5), axis=-1),
        log_lik=lambda theta, data: bernoulli_logits(data["y"], np.dot(theta["beta"], data["X"].T)),
        data={"X": X, "y": y},
    )
    return Case("logistic", "Logistic regression, 4 predictors, 150 points", model, "full_rank")


def poisson_regression() -> Case:
    """Model: y ~ Poisson(exp(X beta)), beta ~ N(0, sd 2)."""
    rng = generator(12)
    X = design(rng, 100, 3)
    y = rng.poisson(onp.exp(X @ onp.array([1.0, 0.4, -0.3, 0.1]))).astype(float)
    model = Model(
        params={"beta": Param((4,))},
        log_prior=lambda theta: np.sum(normal(theta["beta"], 0.0, 2.0), axis=-1),
        log_lik=lambda theta, data: poisson(data["y"], np.exp(np.dot(theta["beta"], data["X"].T))),
        data={"X": X, "y": y},
    )
    return Case("poisson", "Poisson regression, 3 predictors, 100 points", model, "full_rank")


def negative_binomial() -> Case:
    """Model: y ~ NegBinomial(mean exp(X beta), shape phi): variance mu + mu^2 / phi."""
    rng = generator(13)
    X = design(rng, 120, 2)
    rate = onp.exp(X @ onp.array([1.2, 0.5, -0.4])) * rng.gamma(2.0, 1.0 / 2.0, size=120)
    y = rng.poisson(rate).astype(float)

    def log_lik(theta: dict, data: dict) -> onp.ndarray:
        eta, phi = np.dot(theta["beta"], data["X"].T), theta["phi"][:, None]
        log_total = np.logaddexp(eta, np.log(phi))
        constant = gammaln(data["y"] + phi) - gammaln(phi) - gammaln(data["y"] + 1.0)
        return constant + phi * (np.log(phi) - log_total) + data["y"] * (eta - log_total)

    model = Model(
        params={"beta": Param((3,)), "phi": Param(support="positive")},
        log_prior=lambda theta: (
            np.sum(normal(theta["beta"], 0.0, 2.0), axis=-1) + gamma(theta["phi"], 2.0, 0.5)
        ),
        log_lik=log_lik,
        data={"X": X, "y": y},
    )
    return Case(
        "negative_binomial",
        "Negative binomial regression, 2 predictors, 120 points",
        model,
        "full_rank",
    )


def bioassay() -> Case:
    """Deaths of 5 animals at each of 4 doses; a ~ N(0, sd 2), b ~ N(10, sd 10)."""
    model = Model(
        params={"a": Param(), "b": Param()},
        log_prior=lambda theta: normal(theta["a"], 0.0, 2.0) + normal(theta["b"], 10.0, 10.0),
        log_lik=lambda theta, data: binomial(
            data["deaths"],
            data["animals"],
            theta["a"][:, None] + theta["b"][:, None] * data["log_dose"],
        ),
        data={
            "log_dose": onp.array([-0.86, -0.30, -0.05, 0.73]),
            "animals": onp.full(4, 5.0),
            "deaths": onp.array([0.0, 1.0, 3.0, 5.0]),
        },
    )
    return Case(
        "bioassay",
        "Dose-response, 20 animals (Gelman et al., Bayesian Data Analysis, section 3.7)",
        model,
        "none",
    )


def beta_binomial() -> Case:
    """13 of 40, p ~ Beta(2, 2): conjugate."""
    model = Model(
        params={"p": Param(support="unit")},
        log_prior=lambda theta: np.log(6.0 * theta["p"] * (1.0 - theta["p"])),
        log_lik=lambda theta, data: binomial(
            data["successes"],
            data["trials"],
            (np.log(theta["p"]) - np.log1p(-theta["p"]))[:, None],
        ),
        data={"successes": onp.array([13.0]), "trials": onp.array([40.0])},
    )
    return Case(
        "beta_binomial", "A probability after 13 of 40, prior Beta(2, 2)", model, "mean_field"
    )


def die() -> Case:
    """60 rolls of a five-sided die, its probabilities ~ Dirichlet(2, ..., 2): conjugate."""
    prior = onp.full(5, 2.0)
    constant = gammaln(onp.sum(prior)) - onp.sum(gammaln(prior))
    model = Model(
        params={"p": Param((5,), "simplex")},
        log_prior=lambda theta: constant + np.sum((prior - 1.0) * np.log(theta["p"]), axis=-1),
        log_lik=lambda theta, data: np.dot(np.log(theta["p"]), data.T),
        data=onp.repeat(onp.eye(5), [21, 4, 17, 10, 8], axis=0),
    )
    return Case("die", "Five probabilities after 60 rolls, Dirichlet prior", model, "mean_field")


def ordinal() -> Case:
    """P(y <= k) = sigmoid(cut_k - slope x): 4 ordered answers, 3 increasing cuts."""
    rng = generator(14)
    x = rng.standard_normal(120)
    latent = 1.2 * x + rng.logistic(size=120)
    answer = onp.searchsorted(onp.array([-1.0, 0.5, 1.5]), latent)

    def log_lik(theta: dict, data: dict) -> onp.ndarray:
        gap = theta["cut"][:, None, :] - (theta["slope"][:, None] * data["x"])[:, :, None]
        below, above = -np.logaddexp(0.0, -gap), -np.logaddexp(0.0, gap)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a))
        width = np.log(-np.expm1(gap[..., :-1] - gap[..., 1:]))
        middle = below[..., 1:] + above[..., :-1] + width
        each = np.concatenate([below[..., :1], middle, above[..., -1:]], axis=-1)
        return np.sum(each * data["answer"], axis=-1)

    model = Model(
        params={"cut": Param((3,), "ordered"), "slope": Param()},
        log_prior=lambda theta: (
            np.sum(normal(theta["cut"], 0.0, 3.0), axis=-1) + normal(theta["slope"], 0.0, 2.0)
        ),
        log_lik=log_lik,
        data={"x": x, "answer": onp.eye(4)[answer]},
    )
    description = "Ordinal regression, 4 ordered answers, 120 points"
    return Case("ordinal", description, model, "full_rank")


def binomial(y: onp.ndarray, n: onp.ndarray, logits: onp.ndarray) -> onp.ndarray:
    """Log probability of y successes in n trials."""
    choose = gammaln(n + 1.0) - gammaln(y + 1.0) - gammaln(n - y + 1.0)
    return choose + y * logits - n * np.logaddexp(0.0, logits)


CASES = (logistic, poisson_regression, negative_binomial, bioassay, beta_binomial, die, ordinal)
