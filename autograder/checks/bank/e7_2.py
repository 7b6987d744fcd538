"""Typical answers to E7.2: the unconstrained log joint, and the mean of a log-normal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy
from autograd.scipy.stats import norm

from autograder.checks.protocol import Right, Wrong

LOG_2PI = float(numpy.log(2.0 * numpy.pi))
Function = Callable[..., Any]


def _log_normal_density(x: Any, mean: Any, sd: Any) -> Any:
    return -0.5 * LOG_2PI - np.log(sd) - 0.5 * ((x - mean) / sd) ** 2


def _prior_mu(mu: Any, log_sd: Any) -> Any:
    return _log_normal_density(mu, 0.0, 1.0)


def _prior_sd(mu: Any, log_sd: Any) -> Any:
    return np.log(2.0) + _log_normal_density(np.exp(log_sd), 0.0, 1.0)


def _terms(x: Any, mu: Any, log_sd: Any) -> Any:
    return _log_normal_density(x, mu[:, None], np.exp(log_sd)[:, None])


def _likelihood(x: Any, mu: Any, log_sd: Any) -> Any:
    return np.sum(_terms(x, mu, log_sd), axis=1)


def _jacobian(mu: Any, log_sd: Any) -> Any:
    return log_sd


def _mean(m: Any, s: Any) -> Any:
    return np.exp(m + 0.5 * s**2)


def _answer(
    prior_mu: Function = _prior_mu,
    prior_sd: Function = _prior_sd,
    likelihood: Function = _likelihood,
    jacobian: Function = _jacobian,
    lognormal_mean: Function = _mean,
    finish: Function = lambda rows: rows,
) -> dict[str, Function]:
    """The two functions, with some of their terms replaced."""

    def unconstrained_log_joint(zeta: Any, x: Any) -> Any:
        mu, log_sd = zeta[:, 0], zeta[:, 1]
        log_prior = prior_mu(mu, log_sd) + prior_sd(mu, log_sd)
        return finish(log_prior + likelihood(x, mu, log_sd) + jacobian(mu, log_sd))

    return {"unconstrained_log_joint": unconstrained_log_joint, "lognormal_mean": lognormal_mean}


def _nothing(mu: Any, log_sd: Any) -> Any:
    return 0.0 * log_sd


def _columns_swapped(zeta: Any, x: Any) -> Any:
    return _answer()["unconstrained_log_joint"](zeta[:, ::-1], x)


def _one_point_only(zeta: Any, x: Any) -> Any:
    mu, log_sd = zeta
    log_lik = np.sum(_log_normal_density(x, mu, np.exp(log_sd)))
    return log_lik + _prior_mu(mu, log_sd) + _prior_sd(mu, log_sd) + log_sd


def _data_against_rows(x: Any, mu: Any, log_sd: Any) -> Any:
    return np.sum(_log_normal_density(x, mu, np.exp(log_sd)))


def _fills_an_array(zeta: Any, x: Any) -> Any:
    out = numpy.zeros(len(zeta))
    for i in range(len(zeta)):
        out[i] = _answer()["unconstrained_log_joint"](zeta[i : i + 1], x)[0]
    return out


def _plain_numpy(zeta: Any, x: Any) -> Any:
    mu, sd = zeta[:, 0], numpy.exp(zeta[:, 1])
    gaps = (numpy.asarray(x)[None, :] - mu[:, None]) / sd[:, None]
    log_lik = -0.5 * numpy.sum(gaps**2, axis=1) - len(x) * (0.5 * LOG_2PI + numpy.log(sd))
    log_prior = numpy.log(2.0) - LOG_2PI - 0.5 * (mu**2 + sd**2)
    return log_prior + log_lik + zeta[:, 1]


WRONG = (
    Wrong(
        "no-jacobian",
        _answer(jacobian=_nothing),
        "You evaluate the joint of theta at theta(zeta). Integrate it over zeta: the evidence "
        "differs from the one over theta. Which factor turns d theta into d zeta?",
    ),
    Wrong(
        "jacobian-sign",
        _answer(jacobian=lambda mu, log_sd: -log_sd),
        "d sd / d zeta = exp(zeta). Is its log plus or minus zeta? The evidence tells: it must be "
        "the same in both spaces.",
    ),
    Wrong(
        "jacobian-without-log",
        _answer(jacobian=lambda mu, log_sd: np.exp(log_sd)),
        "You add the Jacobian itself. Densities are multiplied by |J|; to log densities one adds "
        "log |J|.",
    ),
    Wrong(
        "jacobian-on-mu-too",
        _answer(jacobian=lambda mu, log_sd: mu + log_sd),
        "mu is on the real line already: its transform is the identity. What is the log of a slope "
        "of 1?",
    ),
    Wrong(
        "half-normal-without-2",
        _answer(prior_sd=lambda mu, log_sd: _log_normal_density(np.exp(log_sd), 0.0, 1.0)),
        "Your prior of sd integrates to 1/2. A normal density folded onto the positive half-line "
        "is twice as high.",
    ),
    Wrong(
        "sd-prior-at-zeta",
        _answer(prior_sd=lambda mu, log_sd: np.log(2.0) + _log_normal_density(log_sd, 0.0, 1.0)),
        "The prior is a density of sd, not of log sd. Evaluate it at sd = exp(zeta).",
    ),
    Wrong(
        "sd-prior-forgotten",
        _answer(prior_sd=_nothing),
        "The joint has three densities: the likelihood, the prior of mu, and the prior of sd. "
        "Which one is missing?",
    ),
    Wrong(
        "mu-prior-forgotten",
        _answer(prior_mu=_nothing),
        "Your joint knows the data and sd, but what was known of mu before? Its prior is a "
        "factor of the joint, too.",
    ),
    Wrong(
        "likelihood-mean",
        _answer(likelihood=lambda x, mu, log_sd: np.mean(_terms(x, mu, log_sd), axis=1)),
        "N independent observations give N factors, so the logs are summed. With a mean, more data "
        "would not narrow the posterior.",
    ),
    Wrong(
        "priors-once-per-datum",
        _answer(
            likelihood=lambda x, mu, log_sd: np.sum(
                _terms(x, mu, log_sd)
                + (1.0 - 1.0 / len(x))
                * (
                    np.log(2.0)
                    + _log_normal_density(np.exp(log_sd), 0.0, 1.0)
                    + _log_normal_density(mu, 0.0, 1.0)
                )[:, None],
                axis=1,
            )
        ),
        "You add the priors for each datum. mu and sd are drawn once, whatever the number of data: "
        "how often does each prior stand in the joint?",
    ),
    Wrong(
        "jacobian-once-per-datum",
        _answer(
            likelihood=lambda x, mu, log_sd: (
                np.sum(_terms(x, mu, log_sd), axis=1) + (len(x) - 1.0) * log_sd
            )
        ),
        "You add log |J| for each datum. One point zeta is moved once: it has one Jacobian, not N.",
    ),
    Wrong(
        "sd-as-variance",
        _answer(
            likelihood=lambda x, mu, log_sd: np.sum(
                _log_normal_density(x, mu[:, None], np.exp(0.5 * log_sd)[:, None]), axis=1
            )
        ),
        "exp(zeta) is the standard deviation of the data. In the likelihood you use it as their "
        "variance.",
    ),
    Wrong(
        "sd-at-zeta-in-the-likelihood",
        _answer(
            likelihood=lambda x, mu, log_sd: np.sum(
                _log_normal_density(x, mu[:, None], np.abs(log_sd)[:, None]), axis=1
            )
        ),
        "The likelihood is written in theta. Go back from zeta first: sd = exp(zeta).",
    ),
    Wrong(
        "likelihood-without-log-sd",
        _answer(
            likelihood=lambda x, mu, log_sd: np.sum(_terms(x, mu, log_sd), axis=1) + len(x) * log_sd
        ),
        "A Gaussian density has 1/sd in front of its exponential, N times here. Without it a large "
        "sd would cost nothing.",
    ),
    Wrong(
        "without-2-pi",
        _answer(
            likelihood=lambda x, mu, log_sd: (
                np.sum(_terms(x, mu, log_sd), axis=1) + 0.5 * len(x) * LOG_2PI
            )
        ),
        "You dropped -N/2 log(2 pi) of the likelihood. It does not move the posterior, but "
        "the evidence needs it.",
    ),
    Wrong(
        "summed-over-rows",
        _answer(finish=np.sum),
        "Each row of zeta is one point and gets its own log density: (S, 2) -> (S,). Sum over the "
        "data, not over the rows.",
    ),
    Wrong(
        "columns-swapped",
        {**_answer(), "unconstrained_log_joint": _columns_swapped},
        "The first column of zeta is mu, the second is log sd.",
    ),
    Wrong(
        "fills-an-array",
        {**_answer(), "unconstrained_log_joint": _fills_an_array},
        "Right numbers, but autograd cannot follow an assignment into an array, and ADVI has to "
        "differentiate your log joint. Compute all rows at once, or collect them in a list and "
        "call `np.array` at the end.",
    ),
    Wrong(
        "one-point-only",
        {**_answer(), "unconstrained_log_joint": _one_point_only},
        "zeta holds many points, one per row: mu is its first column, zeta[:, 0], and log sd its "
        "second. Each row gets its own log density.",
    ),
    Wrong(
        "data-against-rows",
        _answer(likelihood=_data_against_rows),
        "x has N entries and mu one per row of zeta, S: they must not be paired up. Make a table "
        "(S, N), with mu[:, None], and sum over the data, axis=1.",
    ),
    Wrong(
        "lognormal-median",
        _answer(lognormal_mean=lambda m, s: np.exp(m) + 0.0 * s),
        "exp(m) is the median: half of the draws lie below. The long right tail pulls the mean up. "
        "Complete the square in E[exp(zeta)].",
    ),
    Wrong(
        "lognormal-s-not-squared",
        _answer(lognormal_mean=lambda m, s: np.exp(m + 0.5 * s)),
        "s is a standard deviation. Which power of it stands in E[exp(zeta)]?",
    ),
    Wrong(
        "lognormal-without-half",
        _answer(lognormal_mean=lambda m, s: np.exp(m + s**2)),
        "Complete the square again: zeta - (zeta - m)^2 / (2 s^2) has its maximum at m + s^2, but "
        "how high is it there?",
    ),
    Wrong(
        "lognormal-mode",
        _answer(lognormal_mean=lambda m, s: np.exp(m - s**2)),
        "exp(m - s^2) is where the density of theta is highest, its mode. Asked is E[exp(zeta)].",
    ),
    Wrong(
        "lognormal-without-exp",
        _answer(lognormal_mean=lambda m, s: m + 0.5 * s**2),
        "That is the log of the mean of theta. Go one step further.",
    ),
)


def _one_row(zeta: Any, x: Any) -> Any:
    mu, log_sd = zeta[0], zeta[1]
    total = np.log(2.0) + norm.logpdf(np.exp(log_sd)) + norm.logpdf(mu) + log_sd
    for value in x:
        total = total + norm.logpdf(value, mu, np.exp(log_sd))
    return total


def _by_loop(zeta: Any, x: Any) -> Any:
    return np.array([_one_row(row, x) for row in zeta])


def _by_moments(zeta: Any, x: Any) -> Any:
    x = numpy.asarray(x, dtype=float)
    mu, prec = zeta[..., 0], np.exp(-2.0 * zeta[..., 1])
    squares = numpy.sum((x - x.mean()) ** 2) + x.size * (x.mean() - mu) ** 2
    constant = numpy.log(2.0) - 0.5 * (x.size + 2) * LOG_2PI
    return constant - 0.5 * (mu**2 + 1.0 / prec + prec * squares) + (1 - x.size) * zeta[..., 1]


def _lognormal_by_log(m: Any, s: Any) -> Any:
    return numpy.exp(numpy.add(m, numpy.square(s) / 2.0)).tolist()


RIGHT = (
    Right("loop-over-rows-and-data", {**_answer(), "unconstrained_log_joint": _by_loop}),
    Right("plain-numpy", {**_answer(), "unconstrained_log_joint": _plain_numpy}),
    Right("from-moments", {**_answer(), "unconstrained_log_joint": _by_moments}),
    Right("median-times-factor", _answer(lognormal_mean=lambda m, s: np.exp(m) * np.exp(s**2 / 2))),
    Right("python-numbers", _answer(lognormal_mean=_lognormal_by_log)),
)
