"""Typical answers to E6.3, `reparameterization_gradient(...)`: the total derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.bank.e6_gradients import PATH, TOTAL, in_whole_numbers, other_noise
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any

of = TOTAL.of


def _none(_: Any) -> float:
    return 0.0


def _path() -> Implementation:
    return {TOTAL.function: PATH.of()[PATH.function]}


WRONG = (
    Wrong(
        "entropy-forgotten",
        of(extra=_none),
        "Nothing in your `g_sd` rewards width, so sd would shrink to 0. The ELBO has a second "
        "term, the entropy Σ log sd + constant: what is its derivative in `sd`?",
    ),
    Wrong(
        "entropy-in-mu-too",
        of(finish=lambda a, b, at: (a + 1 / at.sd, b)),
        "Does the entropy of a Gaussian change if it is shifted? 1/sd belongs to `g_sd` alone.",
    ),
    Wrong(
        "chain-factor-forgotten",
        of(in_sd=lambda at: at.r),
        "How far does a draw theta = mu + sd·eps move if `sd` grows a little? That derivative is "
        "the second factor of the chain rule in `g_sd`.",
    ),
    Wrong(
        "path-derivative",
        _path(),
        "That is the path derivative of E6.4. It is right on average; but here the total "
        "derivative is asked for, with the entropy's gradient in closed form, and on given noise "
        "the two differ.",
    ),
    Wrong(
        "entropy-counted-twice",
        of(in_mu=lambda at: at.inside, in_sd=lambda at: at.inside * at.eps),
        "You take −log q along the path *and* add the gradient of the entropy, which is the "
        "average of the same −log q. One of the two is enough: here the entropy.",
        also=(of(in_sd=lambda at: at.inside * at.eps), of(extra=lambda at: 2 / at.sd)),
    ),
    Wrong(
        "derivative-in-log-sd",
        of(finish=lambda a, b, at: (a, b * at.sd)),
        "Your `g_sd` is the derivative in log sd, that is, sd times the one we ask for. (ADVI, "
        "in lesson 7, will want it.)",
        also=(
            of(in_sd=lambda at: at.r * at.eps * at.sd),
            of(extra=lambda at: 1.0),
            of(extra=lambda at: np.ones(len(at.sd)), in_sd=lambda at: at.r * at.eps / at.sd),
        ),
    ),
    Wrong(
        "slope-at-the-mean",
        of(draws=lambda mu, sd, eps: mu + 0.0 * eps),
        "You evaluate `grad_log_joint` at mu for every draw. The slope is needed where the draw "
        "is: at theta = mu + sd·eps.",
        also=(of(draws=lambda mu, sd, eps: mu),),
    ),
    Wrong(
        "slope-at-the-noise",
        of(draws=lambda mu, sd, eps: eps),
        "You evaluate `grad_log_joint` at the noise. The model knows nothing of eps: transform it "
        "into theta first.",
    ),
    Wrong(
        "sd-taken-as-variance",
        of(draws=lambda mu, sd, eps: mu + np.sqrt(sd) * eps),
        "`sd` is a standard deviation: theta = mu + sd·eps, without a root and without a square.",
        also=(of(draws=lambda mu, sd, eps: mu + sd**2 * eps),),
    ),
    Wrong(
        "sd-left-out-of-the-draw",
        of(draws=lambda mu, sd, eps: mu + eps),
        "Your draws have sd 1 whatever q is. Where does `sd` enter theta?",
    ),
    Wrong(
        "product-of-means",
        of(
            finish=lambda a, b, at: (a, a * np.mean(at.eps, axis=0) + 1 / at.sd),
        ),
        "The average of a product is not the product of the averages: multiply draw by draw, then "
        "average.",
        also=(of(finish=lambda a, b, at: (a, a * np.mean(at.eps, axis=0))),),
    ),
    Wrong(
        "other-noise-in-the-chain-rule",
        of(noise=other_noise),
        "The factor eps of the chain rule must be the noise that made this theta. With other "
        "noise slope and factor are independent, and their product is 0 on average.",
        also=(of(noise=lambda eps: eps[::-1]),),
    ),
    Wrong(
        "score-times-slope",
        of(in_mu=lambda at: at.r * at.eps / at.sd, in_sd=lambda at: at.r * (at.eps**2 - 1) / at.sd),
        "You multiply the slope of log p by the score of q. The score belongs to lesson 5; here "
        "the second factor is how the draw moves, d theta / d mu and d theta / d sd.",
    ),
    Wrong(
        "entropy-gradient-wrong",
        of(extra=lambda at: at.sd**-2.0),
        "The entropy is log sd plus a constant in each coordinate. Differentiate that in `sd`, "
        "and check the sign: a wider q has more entropy.",
        also=(
            of(extra=lambda at: -1 / at.sd),
            of(extra=lambda at: np.log(at.sd)),
            of(extra=lambda at: 0.5 / at.sd),
            of(extra=lambda at: np.sum(1 / at.sd)),
            of(extra=lambda at: at.sd),
        ),
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
        also=(
            of(average=lambda rows: np.mean(rows, axis=-1), extra=lambda at: np.mean(1 / at.sd)),
        ),
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


@dataclass
class Parts:
    """Both gradients, named."""

    g_mu: Array
    g_sd: Array


def by_loops(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> list[list[float]]:
    g_mu, g_sd = [0.0] * len(mu), [1.0 / float(s) for s in sd]
    for row in eps:
        slope = grad_log_joint((mu + sd * row)[None])[0]
        for d, (r, e) in enumerate(zip(slope, row, strict=True)):
            g_mu[d] += float(r) / len(eps)
            g_sd[d] += float(r * e) / len(eps)
    return [g_mu, g_sd]


def with_monte_carlo_entropy(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Any:
    """Everything along the path, then the parameters of log q: 1 / sd comes out on each draw."""
    r = grad_log_joint(mu + sd * eps)
    inside = r + eps / sd
    score_mu, score_sd = eps / sd, (eps**2 - 1) / sd
    return np.mean(inside - score_mu, axis=0), np.mean(inside * eps - score_sd, axis=0)


def by_einsum(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Parts:
    r, share = grad_log_joint(mu + sd * eps), 1.0 / len(eps)
    return Parts(
        np.einsum("sd->d", r) * share,
        np.einsum("sd,sd->d", r, eps) * share + np.reciprocal(1.0 * sd),
    )


def in_single_precision(grad_log_joint: Any, mu: Array, sd: Array, eps: Array) -> Any:
    r = grad_log_joint(mu + sd * eps)
    g_mu, g_sd = np.mean(r, axis=0), np.mean(r * eps, axis=0) + 1.0 / sd
    return g_mu.astype(np.float32), g_sd.astype(np.float32)


RIGHT = (
    Right("loops and lists", {TOTAL.function: by_loops}),
    Right("log q along the path, minus its score", {TOTAL.function: with_monte_carlo_entropy}),
    Right("einsum, a dataclass", {TOTAL.function: by_einsum}),
    Right("single precision", {TOTAL.function: in_single_precision}),
)
