"""Typical answers to E2.5, `cavi_gaussian_gamma(x, prior, init, max_iter, rel_tol) -> dict`.

Most mistakes are in the loop and not in the formulas, so the answers share one loop and differ in
the sweep, the record or the rule that stops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize, special

from autograder.checks.bank.e2_loop import (
    NAMES,
    Params,
    bound,
    cavi,
    mu_then_gamma,
    start,
    with_gamma,
)
from autograder.checks.protocol import Right, Wrong
from vi_lib.cavi import update_q_mu

Array = Any

# Wrong


def lagging_tau(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    new = mu_then_gamma(x, prior, q)
    return {**with_gamma(x, prior, new["nu_q"], q["tau_q"]), "tau_q": new["tau_q"]}


def both_at_once(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    new = mu_then_gamma(x, prior, q)
    return {**with_gamma(x, prior, q["nu_q"], q["tau_q"]), "nu_q": new["nu_q"],
            "tau_q": new["tau_q"]}  # fmt: skip


def inverted_mean(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    return mu_then_gamma(x, prior, {**q, "alpha_q": q["beta_q"], "beta_q": q["alpha_q"]})


def product_for_the_mean(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    return mu_then_gamma(x, prior, {**q, "alpha_q": q["alpha_q"] * q["beta_q"], "beta_q": 1.0})


def prior_overwritten(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    own = {"mu0": q["nu_q"], "tau0": q["tau_q"], "alpha0": q["alpha_q"], "beta0": q["beta_q"]}
    return mu_then_gamma(x, own, q)


def shape_grows(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    return mu_then_gamma(x, {**prior, "alpha0": q["alpha_q"], "beta0": q["beta_q"]}, q)


def mu_only(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    nu_q, tau_q = update_q_mu(x, q["alpha_q"] / q["beta_q"], prior["mu0"], prior["tau0"])
    return {**q, "nu_q": nu_q, "tau_q": tau_q}


def uncertainty_forgotten(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    new = mu_then_gamma(x, prior, q)
    return {**with_gamma(x, prior, new["nu_q"], np.inf), "tau_q": new["tau_q"]}


def above_the_evidence(x: Array, prior: Mapping[str, float], q: Params) -> float:
    return bound(x, prior, q) + float(special.gammaln(prior["alpha0"]))


def start_required(
    x: Array,
    prior: Mapping[str, float],
    init: Mapping[str, float] | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> Any:
    q = {name: init[name] for name in NAMES}  # type: ignore[index]
    return cavi()["cavi_gaussian_gamma"](x, prior, q, max_iter, rel_tol)


def without_a_trace(*args: Any, **kwargs: Any) -> Any:
    found = cavi()["cavi_gaussian_gamma"](*args, **kwargs)
    return {name: found[name] for name in NAMES}


def last_value_only(*args: Any, **kwargs: Any) -> Any:
    found = cavi()["cavi_gaussian_gamma"](*args, **kwargs)
    return {**found, "elbo": found["elbo"][-1]}


WRONG = (
    Wrong(
        "start-required",
        {"cavi_gaussian_gamma": start_required},
        "`init=None` means the default start, E[γ] = α₀/β₀. Look what `init` is before you read "
        "from it.",
    ),
    Wrong(
        "one-sweep-only",
        cavi(most=1),
        "One sweep is not a fixed point: put your result in as `init` and sweep again. Does it "
        "stay?",
    ),
    Wrong(
        "mean-of-gamma-upside-down",
        cavi(inverted_mean),
        "E[γ] of a Gamma(α, rate=β) is α/β; you hand β/α to the update of q(μ).",
    ),
    Wrong(
        "rate-as-a-scale",
        cavi(product_for_the_mean),
        "E[γ] of a Gamma(α, rate=β) is α/β; α·β would be right if β were a scale.",
    ),
    Wrong(
        "mean-of-gamma-never-refreshed",
        cavi(stale=True),
        "Your q(μ) is the same in every sweep: E[γ] is computed once, before the loop. It must "
        "follow the new α_q and β_q.",
    ),
    Wrong(
        "posterior-as-the-next-prior",
        cavi(prior_overwritten, most=200),
        "Each sweep starts from the last q as if it were the prior, so the data are counted again "
        "and again. Prior parameters never change.",
    ),
    Wrong(
        "gamma-counts-the-data-again",
        cavi(shape_grows, most=200),
        "α_q and β_q grow with every sweep. q(γ) is computed afresh from α₀ and β₀, not from the "
        "last α_q and β_q.",
    ),
    Wrong(
        "gamma-never-updated",
        cavi(mu_only),
        "q(γ) stays where it started. One sweep updates both factors in turn.",
    ),
    Wrong(
        "uncertainty-of-mu-forgotten",
        cavi(uncertainty_forgotten),
        "Your q(γ) does not see how uncertain q(μ) is: hand it τ_q as well (E2.3).",
    ),
    Wrong(
        "old-tau-with-new-nu",
        cavi(lagging_tau),
        "The update of q(γ) takes the new ν_q but the old τ_q. Update in order and always use the "
        "newest factors; otherwise the ELBO may fall.",
    ),
    Wrong(
        "both-factors-from-the-old-ones",
        cavi(both_at_once),
        "You update both factors from the old ones. Coordinate ascent uses each new factor at "
        "once; only that makes sure that the ELBO never falls.",
    ),
    Wrong(
        "no-trace",
        {"cavi_gaussian_gamma": without_a_trace},
        "The dict should also hold `elbo`: its values, one after each sweep.",
    ),
    Wrong(
        "only-the-last-elbo",
        {"cavi_gaussian_gamma": last_value_only},
        "`elbo` should be the whole trace, one value after each sweep: a bug shows as a step down "
        "on the way.",
    ),
    Wrong(
        "minus-the-elbo",
        cavi(elbo=lambda x, prior, q: -bound(x, prior, q)),
        "Your trace falls: it holds minus the ELBO. We maximise, so store the ELBO itself.",
    ),
    Wrong(
        "elbo-above-the-evidence",
        cavi(elbo=above_the_evidence),
        "Your last ELBO stands above log p(x), which no bound can. Compare your normaliser of the "
        "prior of γ with β₀^α₀/Γ(α₀).",
    ),
    Wrong(
        "elbo-before-the-update",
        cavi(before=True),
        "Your trace holds the ELBO from before each sweep: the last value does not belong to the "
        "parameters you return.",
    ),
    Wrong(
        "stops-too-early",
        cavi(tolerance=0.1),
        "You stop once a sweep gains less than a tenth of a nat. With few data coordinate ascent "
        "creeps: be as strict as `rel_tol` says.",
    ),
    Wrong(
        "raises-on-round-off",
        cavi(strict=True),
        "Near the optimum the ELBO wobbles in its last digits, some 1e-14 of its size. That is "
        "round-off and no bug: allow a fall of about 1e-9 of the ELBO's size before you raise.",
    ),
)


# Right


def gamma_then_mu(x: Array, prior: Mapping[str, float], q: Params) -> Params:
    new = with_gamma(x, prior, q["nu_q"], q["tau_q"])
    e_gamma = new["alpha_q"] / new["beta_q"]
    nu_q, tau_q = update_q_mu(x, e_gamma, prior["mu0"], prior["tau0"])
    return {**new, "nu_q": nu_q, "tau_q": tau_q}


def from_the_sample_variance(
    x: Array,
    prior: Mapping[str, float],
    init: Mapping[str, float] | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> Any:
    q = start(prior, {"nu_q": 0.0, "tau_q": 1.0, "alpha_q": 1.0, "beta_q": float(np.var(x)) + 1e-3})
    return cavi()["cavi_gaussian_gamma"](x, prior, q, max_iter, rel_tol)


def until_the_parameters_rest(
    x: Array,
    prior: Mapping[str, float],
    init: Mapping[str, float] | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> Any:
    q = start(prior, init)
    trace = [bound(x, prior, q)]
    for _ in range(max_iter):
        old, q = q, mu_then_gamma(x, prior, q)
        trace.append(bound(x, prior, q))
        if all(abs(q[name] - old[name]) <= rel_tol * abs(old[name]) for name in NAMES):
            break
    return {**q, "elbo": trace}


def a_value_after_each_factor(
    x: Array,
    prior: Mapping[str, float],
    init: Mapping[str, float] | None = None,
    max_iter: int = 1000,
    rel_tol: float = 1e-10,
) -> Any:
    q = start(prior, init)
    trace: list[float] = []
    for _ in range(max_iter):
        q = mu_only(x, prior, q)
        trace.append(bound(x, prior, q))
        q = with_gamma(x, prior, q["nu_q"], q["tau_q"])
        trace.append(bound(x, prior, q))
        if len(trace) > 2 and trace[-1] - trace[-3] <= rel_tol * abs(trace[-3]):
            break
    return {**q, "elbo": trace}


def root_of_the_fixed_point(x: Array, prior: Mapping[str, float], *_: Any, **__: Any) -> Any:
    def sweep_from(log_e_gamma: float) -> Params:
        e_gamma = float(np.exp(log_e_gamma))
        return mu_then_gamma(x, prior, {"alpha_q": e_gamma, "beta_q": 1.0})

    def surplus(log_e_gamma: float) -> float:
        q = sweep_from(log_e_gamma)
        return log_e_gamma - float(np.log(q["alpha_q"] / q["beta_q"]))

    q = sweep_from(optimize.brentq(surplus, -40.0, 40.0, xtol=1e-13))
    return {**q, "elbo": [bound(x, prior, q)]}


RIGHT = (
    Right("gamma before mu", cavi(gamma_then_mu)),
    Right("another start", {"cavi_gaussian_gamma": from_the_sample_variance}),
    Right("stops on the parameters", {"cavi_gaussian_gamma": until_the_parameters_rest}),
    Right("a value after each factor", {"cavi_gaussian_gamma": a_value_after_each_factor}),
    Right("root of the fixed-point equation", {"cavi_gaussian_gamma": root_of_the_fixed_point}),
)
