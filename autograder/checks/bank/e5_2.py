"""Typical answers to E5.2, `score_function_gradient(log_joint, mu, sd, theta) -> (g_mu, g_sd)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
from autograd import grad

from autograder.checks.bank.e5_densities import log_normal, log_q, score, weights
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Pair = tuple[Array, Array]


def _named(function: Callable[..., Any]) -> Implementation:
    return {"score_function_gradient": function}


def _mean_product(scores: Pair, weight: Array) -> Pair:
    d_mu, d_sd = scores
    return np.mean(d_mu * weight[:, None], axis=0), np.mean(d_sd * weight[:, None], axis=0)


def plain(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), weights(log_joint, theta, mu, sd))


def log_q_omitted(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), log_joint(theta))


def log_q_added(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), log_joint(theta) + log_q(theta, mu, sd))


def weight_reversed(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), -weights(log_joint, theta, mu, sd))


def model_differentiated(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    eps = (theta - mu) / sd
    model = grad(lambda moved: np.sum(log_joint(moved)))(np.array(theta, dtype=float))
    return np.mean(model, axis=0), np.mean(model * eps, axis=0) + 1.0 / sd


def moving_draws(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    eps, weight = (theta - mu) / sd, weights(log_joint, theta, mu, sd)

    def surrogate(m: Array, s: Array) -> Array:
        return np.mean(weight * log_q(m + s * eps, m, s))

    mu, sd = np.array(mu, dtype=float), np.array(sd, dtype=float)
    return grad(surrogate, 0)(mu, sd), grad(surrogate, 1)(mu, sd)


def weight_differentiated(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    d_mu, d_sd = score(theta, mu, sd)
    return -np.mean(d_mu, axis=0), -np.mean(d_sd, axis=0)


def product_of_means(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight = np.mean(weights(log_joint, theta, mu, sd))
    d_mu, d_sd = score(theta, mu, sd)
    return weight * np.mean(d_mu, axis=0), weight * np.mean(d_sd, axis=0)


def ratio_without_log(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), np.exp(weights(log_joint, theta, mu, sd)))


def weights_normalised(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    ratio = np.exp(weights(log_joint, theta, mu, sd))
    return _mean_product(score(theta, mu, sd), len(theta) * ratio / np.sum(ratio))


def summed(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    g_mu, g_sd = plain(log_joint, mu, sd, theta)
    return len(theta) * g_mu, len(theta) * g_sd


def not_averaged(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    d_mu, d_sd = score(theta, mu, sd)
    weight = weights(log_joint, theta, mu, sd)[:, None]
    return d_mu * weight, d_sd * weight


def averaged_over_everything(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    g_mu, g_sd = plain(log_joint, mu, sd, theta)
    return np.mean(g_mu), np.mean(g_sd)


def in_log_sd(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    g_mu, g_sd = plain(log_joint, mu, sd, theta)
    return g_mu, g_sd * sd


def score_in_theta(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    g_mu, g_sd = plain(log_joint, mu, sd, theta)
    return -g_mu, g_sd


def score_without_normaliser(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    z = (theta - mu) / sd
    return _mean_product((z / sd, z**2 / sd), weights(log_joint, theta, mu, sd))


def sd_as_variance_in_log_q(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    return _mean_product(score(theta, mu, sd), weights(log_joint, theta, mu, np.sqrt(sd)))


def log_q_summed_over_draws(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight = log_joint(theta) - np.sum(log_normal(theta, mu, sd))
    return _mean_product(score(theta, mu, sd), weight)


def log_q_averaged_over_coordinates(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight = log_joint(theta) - np.mean(log_normal(theta, mu, sd), axis=1)
    return _mean_product(score(theta, mu, sd), weight)


def log_q_averaged_over_everything(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight = log_joint(theta) - np.mean(log_normal(theta, mu, sd))
    return _mean_product(score(theta, mu, sd), weight)


def integer_sums(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    g_mu, g_sd = np.zeros_like(mu), np.zeros_like(sd)
    g_mu[:], g_sd[:] = plain(log_joint, mu, sd, theta)
    return g_mu, g_sd


def by_autograd(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight = weights(log_joint, theta, mu, sd)
    mu, sd = np.array(mu, dtype=float), np.array(sd, dtype=float)
    return (
        grad(lambda m: np.mean(weight * log_q(theta, m, sd)))(mu),
        grad(lambda s: np.mean(weight * log_q(theta, mu, s)))(sd),
    )


def by_loops(log_joint: Any, mu: Array, sd: Array, theta: Array) -> list[list[float]]:
    log_p = log_joint(theta)
    g_mu, g_sd = [0.0] * len(mu), [0.0] * len(mu)
    for s, row in enumerate(theta):
        weight = float(log_p[s]) - sum(map(log_normal, row, mu, sd))
        for d, value in enumerate(row):
            z = (value - mu[d]) / sd[d]
            g_mu[d] += weight * z / sd[d] / len(theta)
            g_sd[d] += weight * (z**2 - 1) / sd[d] / len(theta)
    return [g_mu, g_sd]


def row_by_row(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    pairs = [plain(log_joint, mu, sd, row[None]) for row in theta]
    return sum(pair[0] for pair in pairs) / len(theta), sum(p[1] for p in pairs) / len(theta)


def leave_one_out(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    weight, num = weights(log_joint, theta, mu, sd), len(theta)
    return _mean_product(score(theta, mu, sd), (weight - np.mean(weight)) * num / (num - 1))


def kernel_of_log_q(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    """The weight lacks log q's constant -log sd - log(2 pi) / 2: a constant baseline."""
    kernel = -0.5 * np.sum(((theta - mu) / sd) ** 2, axis=1)
    return _mean_product(score(theta, mu, sd), log_joint(theta) - kernel)


def own_factor_only(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    """Each coordinate's weight keeps its own factor of log q: Rao-Blackwell for the entropy."""
    weight = log_joint(theta)[:, None] - log_normal(theta, mu, sd)
    d_mu, d_sd = score(theta, mu, sd)
    return np.mean(d_mu * weight, axis=0), np.mean(d_sd * weight, axis=0)


def product_rule_kept(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    """The term E[d(-log q)] = 0 of the product rule is left in."""
    return _mean_product(score(theta, mu, sd), weights(log_joint, theta, mu, sd) - 1.0)


def control_variate_split(log_joint: Any, mu: Array, sd: Array, theta: Array) -> Pair:
    """Each half of the draws gets the coefficient of the other half."""
    h = np.concatenate(score(theta, mu, sd), axis=1)
    f = h * weights(log_joint, theta, mu, sd)[:, None]
    half = len(theta) // 2
    total = np.zeros(h.shape[1])
    for mine, other in ((slice(None, half), slice(half, None)), (slice(half, None), slice(half))):
        gap = h[other] - np.mean(h[other], axis=0)
        a = np.mean(gap * f[other], axis=0) / np.mean(gap**2, axis=0)
        total = total + np.sum(f[mine] - a * h[mine], axis=0)
    dim = len(mu)
    return total[:dim] / len(theta), total[dim:] / len(theta)


WRONG = (
    Wrong(
        "log-q-left-out",
        _named(log_q_omitted),
        "Your weight is log p(x, theta) alone. The gradient in `mu` survives that on average, "
        "the one in `sd` does not: which part of the ELBO keeps q from collapsing?",
    ),
    Wrong(
        "log-q-summed-over-draws",
        _named(log_q_summed_over_draws),
        "Each draw needs a log q of its own: add up the coordinates of a draw (`axis=1`), "
        "not all entries of the array.",
        also=(_named(log_q_averaged_over_everything),),
    ),
    Wrong(
        "log-q-averaged-over-coordinates",
        _named(log_q_averaged_over_coordinates),
        "q is a product over the coordinates: is its logarithm their mean or their sum?",
    ),
    Wrong(
        "log-q-added",
        _named(log_q_added),
        "Check the sign inside the weight: the ELBO is E[log p(x, theta)] plus the entropy, "
        "and the entropy is -E[log q].",
    ),
    Wrong(
        "weight-reversed",
        _named(weight_reversed),
        "Your arrows lead downhill. A draw on which log p(x, theta) exceeds log q should become "
        "more likely: which sign does its weight need?",
    ),
    Wrong(
        "model-differentiated",
        _named(model_differentiated),
        "`log_joint` is a black box here, with values but no gradient. In the score-function "
        "gradient only log q is differentiated; the model enters through a number per draw.",
    ),
    Wrong(
        "draws-move-with-the-parameters",
        _named(moving_draws),
        "You let the draws move with `mu` and `sd` while differentiating log q. Here `theta` is "
        "given and held fixed: only log q's parameters vary.",
    ),
    Wrong(
        "weight-differentiated",
        _named(weight_differentiated),
        "You differentiated the average of the weights. With `theta` fixed only -log q is left of "
        "it, whose gradient is 0 on average: the model has dropped out altogether. "
        "Multiply the score by the weight instead.",
    ),
    Wrong(
        "product-of-means",
        _named(product_of_means),
        "You multiplied two averages. The scores average to 0, so all the information lies in how "
        "score and weight vary together: multiply first, then average.",
    ),
    Wrong(
        "ratio-without-log",
        _named(ratio_without_log),
        "Your weight is the ratio p/q. The ELBO averages the logarithm of this ratio.",
    ),
    Wrong(
        "weights-normalised",
        _named(weights_normalised),
        "These are importance weights, exponentiated and normalised. Here the weight is simply "
        "log p(x, theta) - log q(theta); it may be negative and sums to nothing in particular.",
    ),
    Wrong(
        "summed-over-draws",
        _named(summed),
        "Give the same draws twice: the estimate of an expectation must not double.",
    ),
    Wrong(
        "not-averaged",
        _named(not_averaged),
        "You return one gradient per draw. Average over the draws: "
        "`g_mu` and `g_sd` have shape (D,).",
    ),
    Wrong(
        "averaged-over-coordinates",
        _named(averaged_over_everything),
        "Average over the draws only; each coordinate keeps a gradient of its own.",
    ),
    Wrong(
        "gradient-in-log-sd",
        _named(in_log_sd),
        "Your second part is the gradient in log sd. We ask for the one in `sd`: "
        "by which factor do they differ?",
    ),
    Wrong(
        "score-in-theta",
        _named(score_in_theta),
        "The score of `mu` has the wrong sign: it is the derivative of log q in `mu`, "
        "not in `theta`. E5.1 checks it by itself.",
    ),
    Wrong(
        "score-without-normaliser",
        _named(score_without_normaliser),
        "Your score of `sd` does not average to 0 under q. Get E5.1 right first, then come back.",
    ),
    Wrong(
        "sd-as-variance-in-log-q",
        _named(sd_as_variance_in_log_q),
        "The log q in your weight treats `sd` as a variance. Compare it with `scipy.stats.norm`.",
    ),
    Wrong(
        "integers-truncated",
        _named(integer_sums),
        "With an integer `mu` or `sd` your result is rounded to integers: "
        "an array made by `zeros_like` inherits the type of its model.",
    ),
)

RIGHT = (
    Right("autograd on log q only", _named(by_autograd)),
    Right("loops and lists", _named(by_loops)),
    Right("one row at a time", _named(row_by_row)),
    Right("leave-one-out baseline", _named(leave_one_out)),
    Right("log q without its constants", _named(kernel_of_log_q)),
    Right("own factor of q only", _named(own_factor_only)),
    Right("all terms of the product rule", _named(product_rule_kept)),
    Right("control variates from the other half", _named(control_variate_split)),
)
