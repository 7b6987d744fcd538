"""The ELBO of a model and a guide, and its gradient, for every kind of latent site.

    ELBO = E_guide[ Σ_sites scale · log p  -  Σ_sites scale · log q ]

A *particle* is one run of the guide and one of the model with the guide's values. The guide's sites
enter the gradient in two ways, each unbiased, and one program may mix them:

    reparam   the draw is a differentiable function of the parameters: derivative through it
    stl       the same, with the parameters of log q held fixed ("sticking the landing")
    score     the draw is a constant, and its cost times d log q is added; for discrete sites

The cost of a score site inside a plate is that of its own rows, and of all that is outside. With
two particles or more, the mean cost of the *other* particles is the baseline.

Sources: Ranganath, Gerrish and Blei (2014) for score and for leaving out other rows' cost; Roeder,
Wu and Duvenaud (2017) for stl; Kool, van Hoof and Welling (2019) for the baseline; Schulman, Heess,
Weber and Abbeel (2015) for the mixture of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib._check import Array, NonFiniteError, plain
from vi_lib.estimators import stop_gradient, with_gradient_of
from vi_lib.ppl.checks import latent_sites, require_same_sites
from vi_lib.ppl.enumeration import log_density
from vi_lib.ppl.handlers import (
    Program,
    Site,
    Trace,
    plate_depth,
    prototype,
    replay,
    substitute,
    trace,
)
from vi_lib.ppl.plates import plate
from vi_lib.ppl.primitives import Frame, Handler, Message

Params: TypeAlias = dict[str, Array]
"""Name of a `param` -> its value on the real line."""

Estimator: TypeAlias = str | Mapping[str, str]
"""`"mixed"` (reparam where the distribution can, score elsewhere), `"reparam"`, `"stl"`, `"score"`,
or name of a guide's site -> `"reparam"` or `"score"`; sites not named are mixed."""

ESTIMATORS = ("mixed", "reparam", "stl", "score")


class Term(NamedTuple):
    """One summand of the ELBO: particles on the first axis, batch axes after it."""

    frames: frozenset[Frame]
    value: Array


class ScoreTerm(NamedTuple):
    """log q of a score site (M, ...) and the cost (M, ...) that it is answerable for."""

    log_q: Array
    cost: Array


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
        values, scores = _run(model, guide, params, args, rng, estimator, num_particles)
        listed = {name: [term] for name, term in scores.items()}
    else:
        runs = [
            _run(model, guide, params, args, rng, estimator, None) for _ in range(num_particles)
        ]
        values = np.concatenate([values for values, _ in runs])
        listed = {name: [s[name] for _, s in runs if name in s] for _, s in runs for name in s}
    surrogate = sum((np.sum(_score(terms)) for terms in listed.values()), 0.0)
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


def _run(
    model: Program,
    guide: Program,
    params: Mapping[str, Array],
    args: tuple[Any, ...],
    rng: onp.random.Generator,
    estimator: Estimator,
    num_particles: int | None,
) -> tuple[Array, dict[str, ScoreTerm]]:
    """Values (M,) of one particle (num_particles None) or of all, and the score sites' terms."""
    around: Any = nullcontext()
    if num_particles is not None:
        guided = prototype(guide, args)
        depth = max(plate_depth(guided), plate_depth(prototype(replay(model, guided), args)))
        around = plate("particles", num_particles, dim=-1 - depth)
    keep = frozenset() if num_particles is None else frozenset({-1 - depth})
    with around:
        draws = trace(_stop_at(substitute(guide, params), estimator), rng)(*args)
        modelled, marginal = log_density(substitute(model, params), args, draws, rng, keep)
        require_same_sites(modelled, draws)
        fixed = draws
        if estimator == "stl":
            constants = {name: stop_gradient(value) for name, value in params.items()}
            fixed = trace(replay(substitute(guide, constants), draws), rng)(*args)

    costs = [_term(site, -1.0, keep, estimator) for site in latent_sites(fixed).values()]
    if marginal is not None:
        costs.append(Term(frozenset(), np.reshape(marginal, (-1,))))
    else:
        costs += [_term(s, 1.0, keep, "") for s in modelled.values() if s["type"] == "sample"]
    values = sum(np.sum(np.reshape(v, (len(v), -1)), axis=-1) for _, v in costs)
    values = values + onp.zeros(num_particles or 1)
    _require_finite(values, draws, modelled)
    return values, _score_terms(draws, costs, keep, estimator)


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


def _term(site: Site, sign: float, keep: frozenset[int], estimator: Estimator) -> Term:
    table = site["log_prob"]
    if estimator and _is_score(site, estimator):
        table = stop_gradient(table)  # E[d log q] = 0, and its noise is left out
    frames = frozenset(frame for frame in site["plates"] if frame.dim not in keep)
    table = sign * site["scale"] * table
    return Term(frames, table if keep else np.reshape(table, (1, *np.shape(table))))


def _score_terms(
    draws: Trace, costs: list[Term], keep: frozenset[int], estimator: Estimator
) -> dict[str, ScoreTerm]:
    terms: dict[str, ScoreTerm] = {}
    later: frozenset[Frame] | None = None  # plates that hold all sites drawn afterwards
    for name, site in reversed(latent_sites(draws).items()):
        frames = frozenset(frame for frame in site["plates"] if frame.dim not in keep)
        if _is_score(site, estimator):
            own = frames if later is None else frames & later
            log_q = _term(site, 1.0, keep, "").value / site["scale"]
            cost: Any = sum(
                _rows(stop_gradient(v), own & theirs, np.ndim(log_q)) for theirs, v in costs
            )
            terms[name] = ScoreTerm(log_q, cost)
        later = frames if later is None else later & frames
    return terms


def _rows(value: Array, frames: frozenset[Frame], ndim: int) -> Array:
    """Sum over all axes but the particles' and those of the given plates, and give it ndim axes."""
    kept = {0, *(onp.ndim(value) + frame.dim for frame in frames)}
    total = onp.sum(value, axis=tuple(set(range(onp.ndim(value))) - kept), keepdims=True)
    rows = (1,) * ndim + onp.shape(total)[1:]
    return onp.reshape(total, (len(total), *rows[len(rows) - ndim + 1 :]))


def _score(terms: list[ScoreTerm]) -> Array:
    """Mean over particles of (cost - baseline) log q, summed over rows."""
    if len(terms) > 1 and len({(onp.shape(t.cost), onp.shape(t.log_q)) for t in terms}) > 1:
        parts = [_score([term]) for term in terms]  # programs that changed shape: no baseline
        return sum(parts[1:], parts[0]) / len(terms)
    cost = onp.concatenate([term.cost for term in terms])
    log_q = np.concatenate([term.log_q for term in terms])
    num = len(cost)
    if num > 1:
        cost = cost - (onp.sum(cost, axis=0) - cost) / (num - 1)
    return np.sum(cost * log_q) / num


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
