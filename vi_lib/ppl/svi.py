"""Stochastic variational inference: gradient ascent on the ELBO of a model and a guide.

    values, gradient = elbo_and_gradient(model, guide, params, args, rng)
    params <- params + step(gradient)

The parameters are a dictionary, the optimiser's memory and the generator's state are data, so a run
can be stopped, stored and resumed. Names are Pyro's; what Pyro keeps in a global store is handed in
and out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vi_lib._check import Array, NonFiniteError
from vi_lib.optimizers import Step, adam
from vi_lib.ppl.checks import check_guide, latent_sites
from vi_lib.ppl.elbo import Params, batch_depth, elbo_and_gradient, elbo_values, init_params
from vi_lib.ppl.handlers import Program, prototype, replay, substitute, trace
from vi_lib.result import fresh_stream, restore_generator

#: Particles of the ELBO that the result reports.
FINAL_PARTICLES = 100


@dataclass(frozen=True, eq=False)
class SVIResult:
    """The outcome of `svi`.

    Attributes:
        params: Parameters on the real line, as `substitute` takes them.
        values: The same on their own scales.
        elbo: ELBO from 100 runs that the fit did not use, nats.
        elbo_se: Its Monte Carlo standard error, nats.
        history: ELBO estimate of each step and its standard error (K, 2), nats; the latter is NaN
            with a single particle.
        opt_state: What the optimiser remembers.
        rng_state: State of the bit generator after the last step.
        guide: The guide.
        args: Its arguments.
    """

    params: Params
    values: dict[str, Array]
    elbo: float
    elbo_se: float
    history: Array = field(repr=False)
    opt_state: Any = field(repr=False)
    rng_state: Mapping[str, Any] = field(repr=False)
    guide: Program = field(repr=False)
    args: tuple[Any, ...] = field(repr=False)

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each latent site from the guide, site -> `(n, *shape)`.

        A site in a subsampled plate has the rows of one run, which differ from draw to draw.
        """
        run = trace(substitute(self.guide, self.params), rng)
        draws = [latent_sites(run(*self.args)) for _ in range(n)]
        return {name: np.stack([draw[name]["value"] for draw in draws]) for name in draws[0]}


def svi_step(
    model: Program,
    guide: Program,
    params: Params,
    opt_state: Any,
    rng: np.random.Generator,
    *args: Any,
    optimizer: Step | None = None,
    **settings: Any,
) -> tuple[Params, Any, float]:
    """Take one step of gradient ascent on the ELBO.

    Args:
        model: The model.
        guide: The guide, with the same arguments.
        params: Parameters on the real line; empty at first, when the guide is checked, too.
        opt_state: What the last step returned, None at first.
        rng: Source of the draws; it moves on.
        *args: Arguments of model and guide.
        optimizer: A step rule of `vi_lib.optimizers`, by default `adam(0.05)`. Adam's second
            moment remembers 1000 steps; after a start far away, `beta2=0.98` is much faster.
        **settings: `num_particles`, `estimator`, `vectorize_particles`, `depth` of `elbo_values`.

    Returns:
        The new parameters, the optimiser's state, and the ELBO estimate before the step, nats.

    Raises:
        ValueError: If the guide does not fit the model.
        NonFiniteError: Naming the site or the parameter, if something is not finite.
    """
    params, opt_state, values = _step(
        model, guide, params, opt_state, rng, args, optimizer or adam(0.05), settings
    )
    return params, opt_state, float(np.mean(values))


def svi(
    model: Program,
    guide: Program,
    *args: Any,
    rng: np.random.Generator | None = None,
    num_steps: int = 1000,
    optimizer: Step | None = None,
    resume: SVIResult | None = None,
    callback: Callable[[int, Params, float], None] | None = None,
    **settings: Any,
) -> SVIResult:
    """Take `num_steps` steps of `svi_step`.

    Args:
        model: The model.
        guide: The guide, with the same arguments.
        *args: Arguments of model and guide.
        rng: Source of the draws; not with `resume`, which brings its own.
        num_steps: Number of steps.
        optimizer: A step rule of `vi_lib.optimizers`, by default `adam(0.05)`.
        resume: A result to go on from; the outcome is that of an uninterrupted run, bit for bit.
        callback: Called after each step with its number, the parameters and the ELBO estimate.
        **settings: `num_particles`, `estimator`, `vectorize_particles`, `depth` of `elbo_values`.

    Raises:
        ValueError: If the guide does not fit the model, or unless exactly one of `rng` and `resume`
            is given.
        NonFiniteError: Naming the site or the parameter, if something is not finite.
    """
    if (rng is None) == (resume is None):
        raise ValueError("svi takes rng, or resume, which brings its own: exactly one of the two")
    params: Params = {}
    opt_state, history = None, []
    if resume is not None:
        params, opt_state = resume.params, resume.opt_state
        history = list(map(tuple, resume.history))
        rng = restore_generator(resume.rng_state)
    assert rng is not None
    step = optimizer or adam(0.05)
    if settings.get("vectorize_particles") and settings.get("depth") is None:
        settings["depth"] = batch_depth(model, guide, args)
    for _ in range(num_steps):
        params, opt_state, values = _step(
            model, guide, params, opt_state, rng, args, step, settings
        )
        history.append(_mean_and_se(values))
        if callback is not None:
            callback(len(history), params, history[-1][0])
    rng_state = rng.bit_generator.state
    settings = {**settings, "num_particles": FINAL_PARTICLES}
    with np.errstate(all="ignore"):  # elbo_values says which site is not finite
        final = elbo_values(model, guide, params, args, fresh_stream(rng_state), **settings)
    return SVIResult(
        params,
        constrained(model, guide, params, args),
        *_mean_and_se(final),
        np.array(history, dtype=float).reshape(-1, 2),
        opt_state,
        rng_state,
        guide,
        args,
    )


def constrained(
    model: Program, guide: Program, params: Params, args: tuple[Any, ...]
) -> dict[str, Array]:
    """Return the parameters of guide and model on their own scales, by name."""
    guided = prototype(substitute(guide, params), args)
    sites = {**prototype(replay(substitute(model, params), guided), args), **guided}
    return {name: site["value"] for name, site in sites.items() if site["type"] == "param"}


def _step(
    model: Program,
    guide: Program,
    params: Params,
    opt_state: Any,
    rng: np.random.Generator,
    args: tuple[Any, ...],
    step: Step,
    settings: dict[str, Any],
) -> tuple[Params, Any, Array]:
    if not params:
        check_guide(model, guide, *args)
        params = init_params(model, guide, args)
    values, gradient = elbo_and_gradient(model, guide, params, args, rng, **settings)
    for name, part in gradient.items():
        if not np.all(np.isfinite(part)):
            raise NonFiniteError(
                f"the gradient with respect to param {name!r} must be finite, got {part}",
                coordinate=name,
            )
    if not params:  # a model without parameters and a guide without: nothing to learn
        return params, opt_state, values
    increment, opt_state = step(_flat(gradient), opt_state)
    sizes = np.cumsum([np.size(value) for value in params.values()])[:-1]
    parts = np.split(increment, sizes)
    params = {
        name: value + part.reshape(np.shape(value))
        for (name, value), part in zip(params.items(), parts, strict=True)
    }
    return params, opt_state, values


def _flat(values: Params) -> Array:
    return np.concatenate([np.ravel(value) for value in values.values()])


def _mean_and_se(values: Array) -> tuple[float, float]:
    se = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(se)
