"""The mistakes of E3.5 in an update, with their own fixed points, and in the ELBO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.bank.e3_mixture import (
    LOG_2PI,
    TERMS,
    Bound,
    Model,
    Q,
    bound,
    entropy_m,
    exponent,
    log_lik,
    log_prior_c,
    log_prior_m,
    shrunk,
)

Array = Any


@dataclass(frozen=True)
class Slip:
    """A mistake: its name, its hint, and what to change in the loop, in one or more ways."""

    name: str
    hint: str
    ways: tuple[dict[str, Any], ...]


def with_prior_prec(value: Any) -> Any:
    def means(model: Model, q: Q) -> tuple[Array, Array]:
        s2 = 1.0 / (value(model) + q.counts)
        return s2 * (model.x @ q.resp), s2

    return means


def weighted_average(model: Model, q: Q) -> tuple[Array, Array]:
    return (model.x @ q.resp) / q.counts, 1.0 / (model.prior_prec + q.counts)


def point_estimates(model: Model, q: Q) -> tuple[Array, Array]:
    return (model.x @ q.resp) / q.counts, 1.0 / q.counts


def sds(model: Model, q: Q) -> tuple[Array, Array]:
    m, s2 = shrunk(model, q)
    return m, np.sqrt(s2)


def sds_throughout(model: Model, q: Q) -> tuple[Array, Array]:
    _, s2 = shrunk(model, q)
    return np.sqrt(s2) * (model.x @ q.resp), np.sqrt(s2)


def sums(model: Model, q: Q) -> tuple[Array, Array]:
    _, s2 = shrunk(model, q)
    return s2 * np.sum(q.resp, axis=0) * np.mean(model.x), s2


def precisions(model: Model, q: Q) -> tuple[Array, Array]:
    m, s2 = shrunk(model, q)
    return m, 1.0 / s2


def spread_of_the_data(model: Model, q: Q) -> tuple[Array, Array]:
    m, _ = shrunk(model, q)
    gaps = (model.x[:, None] - m) ** 2
    return m, np.maximum(np.sum(q.resp * gaps, axis=0) / q.counts, 1e-6)


def no_uncertainty(model: Model, q: Q) -> Array:
    return -0.5 * (model.x[:, None] - q.m) ** 2


def s2_as_data_variance(model: Model, q: Q) -> Array:
    return -0.5 * ((model.x[:, None] - q.m) ** 2 / q.s2)


def learned_weights(model: Model, q: Q) -> Array:
    return exponent(model, q) + np.log(np.maximum(q.counts, 1e-300) / len(model.x))


def plus_uncertainty(model: Model, q: Q) -> Array:
    return -0.5 * ((model.x[:, None] - q.m) ** 2 - q.s2)


UPDATE_SLIPS = (
    Slip(
        "prior-sd-not-squared",
        "The prior adds a *precision* to N_k, 1/prior_sd²: check how `prior_sd` enters s2.",
        (
            {"means": with_prior_prec(lambda model: 1.0 / model.prior_sd)},
            {"means": with_prior_prec(lambda model: float(model.prior_sd))},
            {"means": with_prior_prec(lambda model: float(model.prior_sd) ** 2)},
        ),
    ),
    Slip(
        "prior-precision-one",
        "You add 1 to N_k, which would be right for prior_sd = 1. What does the prior add in "
        "general?",
        ({"means": with_prior_prec(lambda model: 1.0)},),
    ),
    Slip(
        "prior-forgotten",
        "m_k is the weighted average of the data, as in EM. The prior N(0, prior_sd²) pulls it "
        "towards 0, and s2_k = 1/(1/prior_sd² + N_k).",
        ({"means": point_estimates},),
    ),
    Slip(
        "mean-without-the-prior",
        "Your s2_k knows the prior, and your m_k is the plain average. m_k = s2_k Σ r_ik x_i: the "
        "same denominator for both.",
        ({"means": weighted_average},),
    ),
    Slip(
        "variance-for-sd-of-the-means",
        "`s2` is the variance of q(μ_k), 1/(1/prior_sd² + N_k): neither its root nor its inverse.",
        ({"means": sds}, {"means": precisions}, {"means": sds_throughout, "most": 200}),
    ),
    Slip(
        "s2-as-spread-of-the-data",
        "s2_k is the variance of q(μ_k), how well the mean is known, not the spread of the data "
        "around it: it must shrink as 1/N_k.",
        ({"means": spread_of_the_data},),
    ),
    Slip(
        "uncertainty-of-the-means-forgotten",
        "In the responsibilities you put in m_k for μ_k. E[(x − μ_k)²] = (x − m_k)² + s2_k, as in "
        "E3.4.",
        ({"exponents": no_uncertainty},),
    ),
    Slip(
        "uncertainty-with-a-plus",
        "In the responsibilities s2_k comes with the wrong sign: E[(x − μ_k)²] is larger than "
        "(x − m_k)².",
        ({"exponents": plus_uncertainty},),
    ),
    Slip(
        "s2-as-variance-of-the-data",
        "In the responsibilities you divide the squared distance by s2. The variance of the data "
        "around their component is 1; s2 says how well q knows μ_k.",
        ({"exponents": s2_as_data_variance},),
    ),
    Slip(
        "weights-learned",
        "You learn weights N_k/N, as EM does. In this model all components have the weight 1/K, "
        "known and fixed.",
        ({"exponents": learned_weights},),
    ),
    Slip(
        "hard-assignment",
        "You give each observation to its best component alone: that is K-means. Keep the "
        "responsibilities soft.",
        ({"harden": True},),
    ),
    Slip(
        "a-single-sweep",
        "You stop after one sweep. Is it a fixed point? Sweep until the ELBO stands still.",
        ({"most": 1},),
    ),
)


def negative(model: Model, q: Q) -> float:
    return -bound()(model, q)


def mixture_likelihood(model: Model, q: Q) -> float:
    each = -0.5 * (LOG_2PI + (model.x[:, None] - q.m) ** 2)
    top = each.max(axis=1, keepdims=True)
    return float(np.sum(np.log(np.mean(np.exp(each - top), axis=1)) + top[:, 0]))


def prior_scale(power: float) -> Bound:
    def term(model: Model, q: Q) -> float:
        return log_prior_m(model, q) + 0.5 * (2.0 - power) * model.K * float(np.log(model.prior_sd))

    return term


def half_two_pi(name: str, count: Any) -> tuple[str, Bound]:
    def term(model: Model, q: Q) -> float:
        sign = -1.0 if name == "entropy_m" else 1.0
        return TERMS[name](model, q) + sign * 0.5 * LOG_2PI * count(model)

    return name, term


NO_2PI = dict(
    (
        half_two_pi("log_lik", lambda model: len(model.x)),
        half_two_pi("log_prior_m", lambda model: model.K),
        half_two_pi("entropy_m", lambda model: model.K),
    )
)


def _elbos(*changes: dict[str, Bound]) -> tuple[dict[str, Any], ...]:
    return tuple({"elbo": bound(**change)} for change in changes)


BOUND_SLIPS = (
    Slip(
        "entropy-of-the-assignments-forgotten",
        "q has two kinds of factors, and so two entropies: where is that of q(c), "
        "−Σ r_ik log r_ik? Without it the trace need not rise.",
        _elbos({"entropy_c": lambda model, q: 0.0}),
    ),
    Slip(
        "entropy-of-the-means-forgotten",
        "Where is the entropy of the q(μ_k), ½ Σ log(2πe s2_k)?",
        _elbos({"entropy_m": lambda model, q: 0.0}),
    ),
    Slip(
        "entropies-left-out",
        "That is E[log p(x, c, μ)] alone. The ELBO also has the entropies of q(c) and q(μ).",
        _elbos({"entropy_m": lambda model, q: 0.0, "entropy_c": lambda model, q: 0.0}),
    ),
    Slip(
        "entropies-subtracted",
        "ELBO = E[log p] + H[q]: entropies are added. Check the sign of r log r, too: it is "
        "negative.",
        _elbos(
            {"entropy_c": lambda model, q: -TERMS["entropy_c"](model, q)},
            {"entropy_m": lambda model, q: -entropy_m(model, q)},
            {
                "entropy_c": lambda model, q: -TERMS["entropy_c"](model, q),
                "entropy_m": lambda model, q: -entropy_m(model, q),
            },
        ),
    ),
    Slip(
        "prior-of-the-assignments-forgotten",
        "E[log p(c)] = −N log K is missing: a component has to be drawn for each of the N "
        "observations.",
        _elbos(
            {"log_prior_c": lambda model, q: 0.0},
            {"log_prior_c": lambda model, q: -float(np.log(model.K))},
            {"log_prior_c": lambda model, q: -log_prior_c(model, q)},
        ),
    ),
    Slip(
        "prior-of-the-means-forgotten",
        "Where is E[log p(μ)]? The ELBO averages the whole log joint.",
        _elbos({"log_prior_m": lambda model, q: 0.0}),
    ),
    Slip(
        "uncertainty-forgotten-in-the-elbo",
        "In the ELBO E[(x − μ_k)²] and E[μ_k²] each have the variance s2_k in them.",
        _elbos(
            {"log_lik": lambda model, q: log_lik(model, q, 0.0)},
            {
                "log_prior_m": lambda model, q: (
                    log_prior_m(model, q) + 0.5 * float(np.sum(q.s2)) * model.prior_prec
                )
            },
            {
                "log_lik": lambda model, q: log_lik(model, q, 0.0),
                "log_prior_m": lambda model, q: (
                    log_prior_m(model, q) + 0.5 * float(np.sum(q.s2)) * model.prior_prec
                ),
            },
        ),
    ),
    Slip(
        "normaliser-of-the-prior",
        "The normaliser of the prior holds −log prior_sd for each of the K means.",
        _elbos({"log_prior_m": prior_scale(0.0)}, {"log_prior_m": prior_scale(1.0)}),
    ),
    Slip(
        "two-pi-dropped",
        "Check your −½ log 2π: one for each observation, one for each mean in the prior, and with "
        "a plus in the entropies.",
        _elbos(
            {"log_lik": NO_2PI["log_lik"]},
            {name: NO_2PI[name] for name in ("log_lik", "log_prior_m")},
            NO_2PI,
            {"log_prior_m": NO_2PI["log_prior_m"]},
        ),
    ),
    Slip(
        "likelihood-for-the-elbo",
        "Your trace is the log likelihood of the mixture at the means m, which EM climbs. The ELBO "
        "averages over q and has its entropies.",
        ({"elbo": mixture_likelihood},),
    ),
    Slip(
        "minus-the-elbo",
        "Your trace falls: it is minus the ELBO. We maximise, so store the ELBO itself, and keep "
        "the run with the highest.",
        ({"elbo": negative, "choose": lambda runs: min(runs, key=lambda run: run[1][-1])},),
    ),
)

UPDATES: dict[str, tuple[dict[str, Any], ...]] = {slip.name: slip.ways for slip in UPDATE_SLIPS}
BOUNDS: dict[str, tuple[Bound, ...]] = {
    slip.name: tuple(way["elbo"] for way in slip.ways) for slip in BOUND_SLIPS
}
