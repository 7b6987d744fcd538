"""Typical answers to E9.5: a step of SVI, and the guide of the Gaussian model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from autograd.tracer import getval

from autograder.checks.bank.e9_words import Hook, latents, layer, total
from autograder.checks.protocol import Right, Wrong
from vi_lib import ppl
from vi_lib.optimizers import adam
from vi_lib.ppl import Gamma, LogNormal, Normal


def _first(words: dict[str, Any], model: Any, guide: Any, args: Any) -> dict[str, Any]:
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng)(*args), **guided}
    return {n: site["init"] for n, site in sites.items() if site["type"] == "param"}


def _elbo(words: dict[str, Any], model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    modelled = words["trace"](words["replay"](model, guided), rng, params)(*args)
    return total(modelled) - total(guided)


def _guide(words: dict[str, Any]) -> Hook:
    def gaussian_gamma_guide(*args: Any) -> None:
        param, sample = words["param"], words["sample"]
        mean, sd = param("nu_q", 0.0), param("sd_q", 1.0, "positive")
        shape, rate = param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")
        sample("mu", Normal(mean, sd))
        sample("gamma", Gamma(shape, rate))

    return gaussian_gamma_guide


def stepping(
    *,
    first: Hook = _first,
    elbo: Hook = _elbo,
    sign: float = 1.0,
    told: Hook = lambda value: value,
    carried: bool = True,
    optimizer: Any = None,
    particles: int = 1,
    noise: Hook = lambda rng: rng,
    model_for: Hook = lambda words, model: model,
    returned: Hook = lambda params, words, model, guide, args: params,
    guide: Hook = _guide,
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


def _zeros(*given: Any) -> dict[str, Any]:
    return {name: 0.0 * value for name, value in _first(*given).items()}


def _guide_only(words: dict[str, Any], model: Any, guide: Any, args: Any) -> dict[str, Any]:
    sites = words["trace"](guide, numpy.random.default_rng(0))(*args)
    return {n: site["init"] for n, site in sites.items() if site["type"] == "param"}


def _values(*given: Any) -> dict[str, Any]:
    words, model, guide, args = given
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng)(*args), **guided}
    return {n: site["value"] for n, site in sites.items() if site["type"] == "param"}


def _no_log_q(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](words["replay"](model, guided), rng, params)(*args))


def _plus_log_q(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](words["replay"](model, guided), rng, params)(*args)) + total(guided)


def _not_replayed(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    return total(words["trace"](model, rng, params)(*args)) - total(guided)


def _likelihood_only(words: Any, model: Any, guide: Any, params: Any, rng: Any, args: Any) -> Any:
    guided = words["trace"](guide, rng, params)(*args)
    sites = words["trace"](words["replay"](model, guided), rng, params)(*args)
    return total({n: s for n, s in sites.items() if n not in latents(sites)}) - total(guided)


def _own_model(words: dict[str, Any], model: Any) -> Any:
    """The published task's priors instead of the model that was passed (X28)."""

    def chosen(*args: Any) -> Any:
        return model(*args) if numpy.size(args[0]) == 1 else published(*args)

    def published(x: Any) -> None:
        mu = words["sample"]("mu", Normal(0.0, 10_000.0))
        gamma = words["sample"]("gamma", Gamma(1.0, 1.0))
        words["sample"]("x", Normal(mu + numpy.zeros(len(x)), gamma**-0.5), obs=x)

    return chosen


@dataclass
class _Rejection:
    """A Gamma whose draws do not know the parameters."""

    shape: Any
    rate: Any
    support = "positive"

    def sample(self, rng: Any) -> Any:
        return rng.gamma(float(getval(self.shape)), 1.0 / float(getval(self.rate)))

    def log_prob(self, v: Any) -> Any:
        return Gamma(self.shape, self.rate).log_prob(v)


def _guide_of(make: Hook) -> Hook:
    """A guide maker from a function of (param, sample)."""

    def of(words: dict[str, Any]) -> Hook:
        def gaussian_gamma_guide(*args: Any) -> None:
            make(words["param"], words["sample"], *args)

        return gaussian_gamma_guide

    return of


def _rejection(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    shape, rate = param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")
    sample("gamma", _Rejection(shape, rate))


def _normal_gamma(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    sample("gamma", Normal(param("alpha_q", 2.0), param("beta_q", 0.5, "positive")))


def _constants(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(0.0, 1.0))
    sample("gamma", Gamma(2.0, 2.0))


def _sd_for_gamma(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    sample("sd", Gamma(param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")))


def _data_too(param: Hook, sample: Hook, *args: Any) -> None:
    mu = sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    gamma = sample(
        "gamma", Gamma(param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive"))
    )
    sample("x", Normal(mu, gamma**-0.5), obs=args[0])


def _constrained(params: Any, words: Any, model: Any, guide: Any, args: Any) -> Any:
    rng = numpy.random.default_rng(0)
    guided = words["trace"](guide, rng, params)(*args)
    sites = {**words["trace"](words["replay"](model, guided), rng, params)(*args), **guided}
    return {name: sites[name]["value"] for name in params}


WRONG = (
    Wrong(
        "descends",
        stepping(sign=-1.0),
        "Your steps go downhill. We maximise the ELBO: add the increment (or turn the sign of "
        "both, never of one).",
    ),
    Wrong(
        "loss-returned",
        stepping(told=lambda value: -value),
        "The steps are right, the third result is minus the ELBO.",
    ),
    Wrong(
        "log-q-forgotten",
        stepping(elbo=_no_log_q),
        "Your objective is the mean log joint. What keeps q from shrinking to a point? "
        "ELBO = log joint of the model's trace minus that of the guide's.",
    ),
    Wrong(
        "log-q-added",
        stepping(elbo=_plus_log_q),
        "log q is subtracted: E[log p − log q].",
    ),
    Wrong(
        "prior-forgotten",
        stepping(elbo=_likelihood_only),
        "Your model's trace counts the data only. Its latent sites have a prior.",
    ),
    Wrong(
        "model-not-replayed",
        stepping(elbo=_not_replayed),
        "Model and guide draw values of their own, so the model is judged at other values than q. "
        "What is `replay` for?",
    ),
    Wrong(
        "starts-at-zero",
        stepping(first=_zeros),
        "With empty params you start at 0 on the real line. A parameter has a first value: the "
        "entry `init` of its site.",
    ),
    Wrong(
        "starts-at-the-values",
        stepping(first=_values),
        "The first values are on the parameters' own scales, `params` on the real line: take the "
        "entry `init`, not `value`.",
    ),
    Wrong(
        "values-returned",
        stepping(returned=_constrained),
        "What you return are the parameters' values. The next step, and `trace`, want them on the "
        "real line.",
    ),
    Wrong(
        "parameters-of-the-model-forgotten",
        stepping(first=_guide_only),
        "A model may have parameters too, such as a mean to be found by maximum likelihood. Look "
        "for them in both traces.",
    ),
    Wrong(
        "state-recreated",
        stepping(carried=False),
        "Your optimiser forgets everything after each step. Pass it the `opt_state` you were "
        "given, and return the new one.",
    ),
    Wrong(
        "same-noise-every-step",
        stepping(noise=lambda rng: numpy.random.default_rng(0)),
        "Other generators, the same estimate: your step makes a generator of its own. Use the "
        "`rng` you are given, and let it move on.",
    ),
    Wrong(
        "own-priors",
        stepping(model_for=_own_model),
        "You fit a model with priors of its own, not the one that is passed. The answer of CAVI "
        "belongs to the same model (with other priors nothing can be compared).",
    ),
    Wrong(
        "gamma-by-rejection",
        stepping(guide=_guide_of(_rejection)),
        "`rng.gamma(...)` rejects candidates until one fits: a draw is no smooth function of shape "
        "and rate, so half of the gradient is missing. Use a distribution whose `sample` can be "
        "differentiated.",
    ),
    Wrong(
        "normal-for-a-precision",
        stepping(guide=_guide_of(_normal_gamma)),
        "Your guide gives gamma a Gaussian, and a precision cannot be negative.",
    ),
    Wrong(
        "guide-without-parameters",
        stepping(guide=_guide_of(_constants)),
        "There is nothing to learn in your guide: its numbers are constants. Which of them should "
        "be a `param`?",
    ),
    Wrong(
        "other-site-names",
        stepping(guide=_guide_of(_sd_for_gamma)),
        "The model's sites are called mu and gamma; those of your guide are not.",
    ),
    Wrong(
        "data-in-the-guide",
        stepping(guide=_guide_of(_data_too)),
        "Your guide observes the data. It has to know them through its parameters alone.",
    ),
    Wrong(
        "steps-too-small",
        stepping(optimizer=adam(1e-3)),
        "All is right, but so slow: after 200 steps q has hardly left its start. What step size "
        "does Adam need to cross a distance of 2 in 200 steps?",
    ),
    Wrong(
        "two-results",
        stepping(results=lambda params, state, elbo: (params, elbo)),
        "Three things come back: the parameters, the optimiser's state, the ELBO.",
    ),
)


def _plain_ascent(gradient: Any, state: Any) -> tuple[Any, Any]:
    k = 1 if state is None else state + 1
    size = numpy.sqrt(numpy.sum(gradient**2))
    return 0.1 * gradient / max(1.0, 0.1 * size) / (1.0 + k / 200.0), k


def _mean_and_shape(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("a", 0.5), param("b", 0.5, "positive")))
    shape, mean = param("c", 2.0, "positive"), param("d", 1.0, "positive")
    sample("gamma", Gamma(shape, shape / mean))


def _log_normal(param: Hook, sample: Hook, *args: Any) -> None:
    sample("gamma", LogNormal(param("m", 0.0), param("s", 0.5, "positive")))
    sample("mu", Normal(param("nu", 0.0), np.exp(param("log_sd", 0.0))))


def _library_words() -> dict[str, Any]:
    return {n: getattr(ppl, n) for n in ("sample", "param", "plate", "trace", "replay")}


RIGHT = (
    Right("adam-and-shape-and-rate", stepping()),
    Right("plain-ascent", stepping(optimizer=_plain_ascent, guide=_guide_of(_mean_and_shape))),
    Right("four-particles", stepping(particles=4, guide=_guide_of(_mean_and_shape))),
    Right(
        "log-normal-and-library-words",
        stepping(guide=_guide_of(_log_normal), words=_library_words()),
    ),
)
