"""A step of SVI with a hook at every place where answers to E9.5 differ, and what is hooked in."""

from __future__ import annotations

from typing import Any

import numpy
from autograd import value_and_grad
from autograd.tracer import getval

from autograder.checks.bank.e9_guides import shape_and_rate
from autograder.checks.bank.e9_words import Hook, latents, layer, total
from vi_lib.optimizers import adam
from vi_lib.ppl import Gamma, Normal


def first_values(words: dict[str, Any], model: Any, guide: Any, args: Any) -> dict[str, Any]:
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng)(*args), **guided}
    return {n: site["init"] for n, site in sites.items() if site["type"] == "param"}


def elbo_of_runs(
    words: dict[str, Any], model: Any, guide: Any, params: Any, rng: Any, args: Any
) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    modelled = words["trace"](words["replay"](model, guided), rng, params)(*args)
    return total(modelled) - total(guided)


def stepping(
    *,
    first: Hook = first_values,
    elbo: Hook = elbo_of_runs,
    sign: float = 1.0,
    told: Hook = lambda value: value,
    carried: bool = True,
    optimizer: Any = None,
    particles: int = 1,
    noise: Hook = lambda rng: rng,
    model_for: Hook = lambda words, model: model,
    returned: Hook = lambda params, words, model, guide, args: params,
    guide: Hook = shape_and_rate,
    results: Hook = lambda params, state, elbo: (params, state, elbo),
    words: dict[str, Any] | None = None,
) -> dict[str, Any]:
    words = layer() if words is None else words
    rule = adam(0.1) if optimizer is None else optimizer

    def svi_step(model: Any, q: Any, params: Any, state: Any, rng: Any, *args: Any) -> Any:
        model = model_for(words, model)
        params = params or first(words, model, q, args)
        rng = noise(rng)

        def mean(given: Any) -> Any:
            given = {name: given[name] for name in params}
            values = [elbo(words, model, q, given, rng, args) for _ in range(particles)]
            return sum(values) / particles

        value, slope = value_and_grad(mean)({n: numpy.asarray(v, float) for n, v in params.items()})
        flat = numpy.concatenate([numpy.ravel(g) for g in slope.values()])
        step, state = rule(sign * flat, state if carried else None)
        moved, at = {}, 0
        for name, old in params.items():
            size = numpy.size(old)
            moved[name] = old + numpy.reshape(step[at : at + size], numpy.shape(old))
            at += size
        moved = returned(moved, words, model, q, args)
        return results(moved, state, told(float(getval(value))))

    return {**words, "svi_step": svi_step, "gaussian_gamma_guide": guide(words)}


def zeros(*given: Any) -> dict[str, Any]:
    return {name: 0.0 * value for name, value in first_values(*given).items()}


def guide_only(words: dict[str, Any], model: Any, guide: Any, args: Any) -> dict[str, Any]:
    sites = words["trace"](guide, numpy.random.default_rng(0))(*args)
    return {n: site["init"] for n, site in sites.items() if site["type"] == "param"}


def values(*given: Any) -> dict[str, Any]:
    words, model, guide, args = given
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng)(*args), **guided}
    return {n: site["value"] for n, site in sites.items() if site["type"] == "param"}


def no_log_q(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](words["replay"](model, guided), rng, params)(*args))


def plus_log_q(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](words["replay"](model, guided), rng, params)(*args)) + total(guided)


def not_replayed(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](model, rng, params)(*args)) - total(guided)


def likelihood_only(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    sites = words["trace"](words["replay"](model, guided), rng, params)(*args)
    return total({n: s for n, s in sites.items() if n not in latents(sites)}) - total(guided)


def own_model(words: dict[str, Any], model: Any) -> Any:
    """The published task's priors instead of the model that was passed (X28)."""

    def chosen(*args: Any) -> Any:
        return model(*args) if numpy.size(args[0]) == 1 else published(*args)

    def published(x: Any) -> None:
        mu = words["sample"]("mu", Normal(0.0, 10_000.0))
        gamma = words["sample"]("gamma", Gamma(1.0, 1.0))
        words["sample"]("x", Normal(mu + numpy.zeros(len(x)), gamma**-0.5), obs=x)

    return chosen


def constrained(params: Any, words: Any, model: Any, guide: Any, args: Any) -> Any:
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng, params)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng, params)(*args), **guided}
    return {name: sites[name]["value"] for name in params}


def plain_ascent(gradient: Any, state: Any) -> tuple[Any, Any]:
    k = 1 if state is None else state + 1
    size = numpy.sqrt(numpy.sum(gradient**2))
    return 0.1 * gradient / max(1.0, 0.1 * size) / (1.0 + k / 200.0), k
