"""Typical answers to E6.4, `path_derivative_gradient(...)`: the path derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd import elementwise_grad

from autograder.checks.bank.e5_densities import log_normal
from autograder.checks.bank.e6_gradients import PATH, TOTAL, in_whole_numbers, other_noise
from autograder.checks.protocol import Right, Wrong

Array = Any

of = PATH.of

WRONG = (
    Wrong(
        "total-derivative",
        {PATH.function: TOTAL.of()[TOTAL.function]},
        "That is the total derivative of E6.3: its 1/sd is the entropy's gradient. Here −log q is "
        "differentiated along the path instead. What is the slope of −log q in theta?",
    ),
    Wrong(
        "log-q-left-out",
        of(in_mu=lambda at: at.r, in_sd=lambda at: at.r * at.eps),
        "You follow log p alone; sd would shrink to 0. The path runs through −log q(theta) as "
        "well: add its slope in theta.",
    ),
    Wrong(
        "entropy-added",
        of(extra=lambda at: 1 / at.sd),
        "The slope of −log q along the path is already there. Adding the entropy's 1/sd counts it "
        "twice: at q = p each draw must give 0.",
    ),
    Wrong(
        "sign-of-log-q",
        of(
            in_mu=lambda at: at.r - at.eps / at.sd,
            in_sd=lambda at: (at.r - at.eps / at.sd) * at.eps,
        ),
        "log q falls away from mu, so its slope in theta is −(theta − mu)/sd². Which sign has the "
        "slope of *minus* log q?",
    ),
    Wrong(
        "score-kept-with-a-plus",
        of(
            in_mu=lambda at: at.inside + at.eps / at.sd,
            in_sd=lambda at: at.inside * at.eps + (at.eps**2 - 1) / at.sd,
        ),
        "You have added the score, the derivative of log q in its parameters at fixed theta. It "
        "comes with a minus, and in the path derivative it is left out altogether.",
    ),
    Wrong(
        "score-in-place-of-the-slope",
        of(in_sd=lambda at: at.r * at.eps + (at.eps**2 - 1) / at.sd),
        "In `g_sd` you use the derivative of log q in `sd`. Along the path it is the slope in "
        "theta, times d theta / d sd.",
        also=(
            of(in_sd=lambda at: at.r * at.eps - (at.eps**2 - 1) / at.sd),
            of(
                in_mu=lambda at: at.r - at.eps / at.sd,
                in_sd=lambda at: at.r * at.eps - (at.eps**2 - 1) / at.sd,
            ),
        ),
    ),
    Wrong(
        "units-of-the-slope",
        of(in_mu=lambda at: at.r + at.eps, in_sd=lambda at: (at.r + at.eps) * at.eps),
        "Check the units: a slope of log q in theta is measured in 1/theta, eps has none. With "
        "theta − mu = sd·eps, what is (theta − mu)/sd²?",
        also=(
            of(
                in_mu=lambda at: at.r + at.eps / at.sd**2,
                in_sd=lambda at: (at.r + at.eps / at.sd**2) * at.eps,
            ),
            of(
                in_mu=lambda at: at.r + at.eps * at.sd,
                in_sd=lambda at: (at.r + at.eps * at.sd) * at.eps,
            ),
        ),
    ),
    Wrong(
        "chain-factor-forgotten",
        of(in_sd=lambda at: at.inside),
        "How far does theta = mu + sd·eps move if `sd` grows a little? `g_sd` needs that factor on "
        "each draw.",
    ),
    Wrong(
        "chain-factor-on-a-part",
        of(in_sd=lambda at: at.r * at.eps + at.eps / at.sd),
        "The factor eps of the chain rule belongs to the whole slope, that of log p and that of "
        "−log q. One of the two lacks it.",
        also=(of(in_sd=lambda at: at.r + at.eps**2 / at.sd),),
    ),
    Wrong(
        "derivative-in-log-sd",
        of(finish=lambda a, b, at: (a, b * at.sd)),
        "Your `g_sd` is the derivative in log sd: sd times the one we ask for.",
    ),
    Wrong(
        "log-q-in-mu-only",
        of(in_sd=lambda at: at.r * at.eps),
        "In `g_mu` you have the slope of −log q, in `g_sd` you do not. Both follow the same path.",
        also=(of(in_mu=lambda at: at.r),),
    ),
    Wrong(
        "sd-taken-as-variance",
        of(draws=lambda mu, sd, eps: mu + np.sqrt(sd) * eps),
        "`sd` is a standard deviation: theta = mu + sd·eps, without a root and without a square.",
        also=(of(draws=lambda mu, sd, eps: mu + sd**2 * eps),),
    ),
    Wrong(
        "slope-at-the-mean",
        of(draws=lambda mu, sd, eps: mu + 0.0 * eps),
        "You evaluate `grad_log_joint` at mu for every draw. The slope is needed where the draw "
        "is: at theta = mu + sd·eps.",
        also=(of(draws=lambda mu, sd, eps: mu), of(draws=lambda mu, sd, eps: eps)),
    ),
    Wrong(
        "product-of-means",
        of(
            finish=lambda a, b, at: (a, a * np.mean(at.eps, axis=0)),
        ),
        "The average of a product is not the product of the averages: multiply draw by draw, then "
        "average.",
    ),
    Wrong(
        "other-noise-in-the-chain-rule",
        of(noise=other_noise),
        "The noise in the chain rule and in log q must be the one that made this theta.",
        also=(of(noise=lambda eps: eps[::-1]),),
    ),
    Wrong(
        "summed",
        of(average=lambda rows: np.sum(rows, axis=0)),
        "With twice as many draws your gradient doubles: average over the draws.",
    ),
    Wrong(
        "averaged-over-coordinates",
        of(average=np.mean),
        "Each coordinate has its own parameters and its own gradient: average over the draws "
        "(axis 0) and over nothing else.",
        also=(of(average=lambda rows: np.mean(rows, axis=-1)),),
    ),
    Wrong(
        "not-averaged",
        of(average=lambda rows: rows),
        "Those are the gradients of the single draws, (S, D). Return their averages, (D,) each.",
    ),
    Wrong(
        "order-swapped",
        of(finish=lambda a, b, at: (b, a)),
        "The two results came in the other order: first `g_mu`, then `g_sd`.",
    ),
    Wrong(
        "integers-truncated",
        of(finish=in_whole_numbers),
        "With whole numbers as parameters your result is cut to whole numbers: an array made by "
        "`zeros_like` inherits the type of its model.",
    ),
)


# Right


def with_autograd(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Any:
    """The slope of log q by autograd in theta, the parameters being constants there."""
    theta = mu + sd * eps
    slope_q = elementwise_grad(log_normal)(theta, mu * np.ones(eps.shape), sd * np.ones(eps.shape))
    inside = grad_log_joint(theta) - slope_q
    return np.mean(inside, axis=0), np.mean(inside * eps, axis=0)


def total_plus_score(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> list[Any]:
    """The total derivative plus the score, which has mean zero."""
    r = grad_log_joint(mu + sd * eps)
    return [
        np.mean(r, axis=0) + np.mean(eps / sd, axis=0),
        np.mean(r * eps, axis=0) + 1 / sd + np.mean((eps**2 - 1) / sd, axis=0),
    ]


def by_loops(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Any:
    g_mu, g_sd = np.zeros(len(mu)), np.zeros(len(mu))
    for row in eps:
        theta = mu + sd * row
        inside = grad_log_joint(theta[None])[0] + (theta - mu) / sd**2
        g_mu += inside / len(eps)
        g_sd += inside * row / len(eps)
    return {"g_mu": g_mu, "g_sd": g_sd}


RIGHT = (
    Right("slope of log q by autograd", {PATH.function: with_autograd}),
    Right("total derivative plus score", {PATH.function: total_plus_score}),
    Right("loops, a dict", {PATH.function: by_loops}),
)
