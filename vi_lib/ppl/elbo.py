"""The ELBO of a model and a guide, and its gradient, for every kind of latent site.

    ELBO = E_guide[ Σ_sites scale · log p  -  Σ_sites scale · log q ]

A *particle* is one run of the guide and one of the model with the guide's values. The guide's sites
enter the gradient in two ways, each unbiased, and one program may mix them:

    reparam   the draw is a differentiable function of the parameters: derivative through it
    stl       the same, with the parameters of log q held fixed ("sticking the landing")
    score     the draw is a constant, and its cost times d log q is added; for discrete sites

The cost of a score site inside a plate is that of its own rows, and of all that is outside. With
two particles or more, the mean cost of the *other* particles is the baseline (`vi_lib.ppl._score`).

Sources: Ranganath, Gerrish and Blei (2014) for score and for leaving out other rows' cost; Roeder,
Wu and Duvenaud (2017) for stl; Kool, van Hoof and Welling (2019) for the baseline; Schulman, Heess,
Weber and Abbeel (2015) for the mixture of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib._check import Array, NonFiniteError, plain
from vi_lib.estimators import stop_gradient, with_gradient_of
from vi_lib.ppl._score import Cost, ScoreTerm, cost_of, score_terms, surrogate_of
from vi_lib.ppl.checks import latent_sites, require_same_sites
from vi_lib.ppl.enumeration import log_density
from vi_lib.ppl.handlers import (
    Program,
    Trace,
    plate_depth,
    prototype,
    replay,
    substitute,
    trace,
)
from vi_lib.ppl.plates import plate
from vi_lib.ppl.primitives import Handler, Message

Params: TypeAlias = dict[str, Array]
"""Name of a `param` -> its value on the real line."""

Estimator: TypeAlias = str | Mapping[str, str]
"""`"mixed"` (reparam where the distribution can, score elsewhere), `"reparam"`, `"stl"`, `"score"`,
or name of a guide's site -> `"reparam"` or `"score"`; sites not named are mixed."""

ESTIMATORS = ("mixed", "reparam", "stl", "score")


def elbo_values(
    model: Program,
    guide: Program,
    params: Mapping[str, Array],
    args: tuple[Any, ...],
    rng: onp.random.Generator,
    *,
    num_particles: int = 1,
    estimator: Estimator = "mixed",
    vectorize_particles: bool = False,
    depth: int | None = None,
) -> Array:
    """Return one ELBO estimate a particle, (M,), nats; the mean's derivative is the gradient's.

    Args:
        model: The model; sites marked by `config_enumerate` are summed out.
        guide: The guide.
        params: Parameters of both on the real line; those missing keep their first values.
        args: Arguments of both.
        rng: Source of the draws.
        num_particles: Number of particles M.
        estimator: How the gradient passes each latent site.
        vectorize_particles: Run all particles at once, on an axis to the left of all others; for
            programs that broadcast. They share the rows of subsampled plates.
        depth: `batch_depth(model, guide, args)` if it is known; it saves a run of both.

    Raises:
        ValueError: If guide and model do not have the same latent sites, or a site cannot be
            estimated as asked: with its name.
        NonFiniteError: Naming the site whose log probability is not finite.
    """
    if num_particles < 1:
        raise ValueError(f"num_particles must be at least 1, got {num_particles}")
    if isinstance(estimator, str) and estimator not in ESTIMATORS:
        raise ValueError(f"estimator must be one of {', '.join(ESTIMATORS)}, got {estimator!r}")
    if vectorize_particles:
        depth = batch_depth(model, guide, args) if depth is None else depth
        axis = -1 - depth
        with plate("particles", num_particles, dim=axis):
            values, scores = _run(model, guide, params, args, rng, estimator, {axis})
        values = values + onp.zeros(num_particles)
        listed = {name: [term] for name, term in scores.items()}
    else:
        runs = [
            _run(model, guide, params, args, rng, estimator, set()) for _ in range(num_particles)
        ]
        values = np.concatenate([values for values, _ in runs])
        listed = {name: [s[name] for _, s in runs if name in s] for _, s in runs for name in s}
    surrogate = sum((surrogate_of(terms, num_particles) for terms in listed.values()), 0.0)
    # Spread over the particles, so that the mean's derivative has the sum's.
    return with_gradient_of(values, surrogate + onp.zeros(num_particles)) if listed else values


def elbo_and_gradient(
    model: Program,
    guide: Program,
    params: Params,
    args: tuple[Any, ...],
    rng: onp.random.Generator,
    **settings: Any,
) -> tuple[Array, Params]:
    """Return the particles' values (M,), nats, and the gradient of their mean by name.

    Args and errors are those of `elbo_values`.
    """
    names, values = list(params), onp.zeros(0)

    def mean(params: Any) -> Array:
        nonlocal values
        boxed = {name: params[name] for name in names}
        estimates = elbo_values(model, guide, boxed, args, rng, **settings)
        values = plain(estimates)
        return np.mean(estimates)

    with onp.errstate(all="ignore"):  # _run says which site is not finite
        if not names:
            mean({})
            return values, {}
        vjp, _ = make_vjp(mean)(dict(params))
        return values, vjp(1.0)


def init_params(model: Program, guide: Program, args: tuple[Any, ...]) -> Params:
    """Return the first values of all parameters of guide and model, on the real line."""
    guided = prototype(guide, args)
    sites = {**prototype(replay(model, guided), args), **guided}
    return {name: site["init"] for name, site in sites.items() if site["type"] == "param"}


def batch_depth(model: Program, guide: Program, args: tuple[Any, ...]) -> int:
    """Return how many axes the plates of a model and its guide take."""
    guided = prototype(guide, args)
    return max(plate_depth(guided), plate_depth(prototype(replay(model, guided), args)))


def _run(
    model: Program,
    guide: Program,
    params: Mapping[str, Array],
    args: tuple[Any, ...],
    rng: onp.random.Generator,
    estimator: Estimator,
    particles: set[int],
) -> tuple[Array, dict[str, ScoreTerm]]:
    """Values (M,) and the score sites' terms of one particle, or of all on the axis given."""
    keep = frozenset(particles)
    draws = trace(_stop_at(substitute(guide, params), estimator), rng)(*args)
    modelled, marginal = log_density(substitute(model, params), args, draws, rng, keep)
    require_same_sites(modelled, draws)
    fixed = draws
    if estimator == "stl":
        constants = {name: stop_gradient(value) for name, value in params.items()}
        fixed = trace(replay(substitute(guide, constants), draws), rng)(*args)

    # E[d log q] = 0: of score sites, only the value of log q enters, which leaves out its noise.
    scored = {n: _is_score(site, estimator) for n, site in latent_sites(draws).items()}
    signed = [(-s["scale"], s, scored[n]) for n, s in latent_sites(fixed).items()]
    if marginal is None:
        observed_too = [s for s in modelled.values() if s["type"] == "sample"]
        signed += [(s["scale"], s, False) for s in observed_too]
    values = [] if marginal is None else [np.reshape(marginal, (-1,))]
    for weight, site, constant in signed:
        table = stop_gradient(site["log_prob"]) if constant else site["log_prob"]
        rows = np.reshape(table, (len(table), -1)) if keep else np.reshape(table, (1, -1))
        values.append(weight * np.sum(rows, axis=-1))
    total = sum(values[1:], values[0])
    _require_finite(total, draws, modelled)
    if not any(scored.values()):
        return total, {}
    costs = [cost_of(weight, site, keep) for weight, site, _ in signed]
    if marginal is not None:
        costs.append(Cost(frozenset(), onp.reshape(plain(marginal), (-1,))))
    return total, score_terms(draws, scored, costs, keep)


def _is_score(site: Mapping[str, Any], estimator: Estimator) -> bool:
    """Whether a site's draw is a constant for the gradient."""
    way = estimator if isinstance(estimator, str) else estimator.get(site["name"], "mixed")
    if way == "reparam" and not site["dist"].pathwise:
        raise ValueError(
            f"site {site['name']!r} has no pathwise gradient, its values are"
            f" {site['dist'].support!r}: use the score function for it (estimator 'mixed' or"
            " 'score'), or take it out of the guide and sum it out with config_enumerate(model)"
        )
    return way == "score" or not site["dist"].pathwise


def _stop_at(guide: Program, estimator: Estimator) -> Handler:
    """The guide with the draws of its score sites cut off from the parameters."""

    def postprocess(message: Message) -> None:
        if message["type"] == "sample" and _is_score(message, estimator):
            message["value"] = stop_gradient(message["value"])

    return Handler(guide, postprocess=postprocess)


def _require_finite(values: Array, draws: Trace, modelled: Trace) -> None:
    bad = ~onp.isfinite(plain(values))
    if not bad.any():
        return
    for role, sites in (("guide", draws), ("model", modelled)):
        for name, site in sites.items():
            if not onp.all(onp.isfinite(plain(site["log_prob"]))):
                raise NonFiniteError(
                    f"the log probability of site {name!r} in the {role} must be finite, got"
                    f" {onp.sum(plain(site['log_prob']))} at {onp.asarray(plain(site['value']))}",
                    coordinate=name,
                    draw=int(onp.argmax(bad)),
                )
    raise NonFiniteError(f"the ELBO must be finite, got {plain(values)[bad][0]}")
