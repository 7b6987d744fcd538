"""Scenes of lesson 9 with guides: what an automatic guide samples, and where steps of SVI lead."""

from __future__ import annotations

import itertools
from typing import Any

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp, value_and_grad
from autograd.tracer import getval
from scipy.optimize import minimize

from autograder.checks.scene_programs import days_log_joint, gaussian_log_ratio
from autograder.checks.scene_traces import (
    Words,
    look,
    plain_sites,
    program,
    run,
    runnable,
    scene,
    tracing,
)
from vi_lib.transforms import for_support

Array = Any


def _automatic(words: Words, spec: tuple[Any, ...]) -> Any:
    return runnable(words.auto_normal(program(words, spec)), "auto_normal(model)")


@scene
def auto_sites(
    words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], seed: int, shift: float = 0.0
) -> Any:
    """Two traces of an automatic guide with one generator, its parameters shifted if asked for."""
    guide, params = _automatic(words, spec), None
    if shift:
        start = run(tracing(words, guide, onp.random.default_rng(seed))(*data))
        first = {n: look(s, "init") for n, s in start.items() if look(s, "type") == "param"}
        params = {name: onp.asarray(value, dtype=float) + shift for name, value in first.items()}
    once = tracing(words, guide, onp.random.default_rng(seed), params)
    first = plain_sites(once(*data))
    return {"first": first, "second": plain_sites(once(*data))}


@scene
def auto_density(
    words: Words, spec: tuple[Any, ...], data: tuple[Any, ...], site: str, theta: Array
) -> Any:
    """The log density of a site of an automatic guide at numbers theta (S,)."""
    guide = _automatic(words, spec)
    sites = run(tracing(words, guide, onp.random.default_rng(0))(*data))
    dist = look(sites[site], "dist")
    return onp.array([float(np.sum(dist.log_prob(value))) for value in theta])


class Design(onp.random.Generator):
    """A generator whose noise in D dimensions has mean 0 and covariance I over D + 1 runs, exactly.

    The runs are the corners of a regular simplex: of a log density that is quadratic, they give
    the exact expectation under a Gaussian.
    """

    def __new__(cls, dim: int) -> Design:
        """Make a generator, whose own stream is never used."""
        return super().__new__(cls, onp.random.PCG64(0))  # type: ignore[call-arg]

    def __init__(self, dim: int) -> None:
        super().__init__(onp.random.PCG64(0))
        corners = onp.eye(dim + 1) - 1.0 / (dim + 1)
        basis = onp.linalg.svd(corners)[0][:, :dim]
        self.eps, self.row, self.at = basis * onp.sqrt(dim + 1), 0, 0

    def begin(self, row: int) -> None:
        """Begin a run."""
        self.row, self.at = row, 0

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> Any:
        """The next numbers of this run; the first ones again when they are used up."""
        count = int(onp.prod(() if size is None else size))
        columns = (self.at + onp.arange(count)) % self.eps.shape[1]
        self.at += count
        found = self.eps[self.row, columns]
        return float(found[0]) if size is None else found.reshape(size)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Loc + scale eps."""
        shape = onp.broadcast_shapes(onp.shape(loc), onp.shape(scale)) if size is None else size
        return loc + scale * self.standard_normal(shape)


@scene
def auto_fit(words: Words, readings: Array) -> Any:
    """Means and sds of the automatic guide of `days` that has the highest ELBO."""
    guide, design = _automatic(words, ("days", len(readings))), Design(len(readings) + 1)
    start = run(tracing(words, guide, design)(readings))
    first = {n: look(s, "init") for n, s in start.items() if look(s, "type") == "param"}
    shapes = {name: onp.shape(value) for name, value in first.items()}
    ends = onp.cumsum([int(onp.prod(shape)) for shape in shapes.values()])[:-1]
    runs = len(design.eps)

    def one(params: Any, row: int) -> Any:
        design.begin(row)
        sites = run(tracing(words, guide, design, params)(readings))
        latent = {n: s for n, s in sites.items() if look(s, "type") == "sample"}
        log_q = sum(np.sum(look(s, "log_prob")) for s in latent.values())
        return {n: look(s, "value") for n, s in latent.items()}, log_q

    def named(flat: Any) -> dict[str, Any]:
        bounds = [0, *ends.tolist(), len(flat)]
        parts = [flat[a:b] for a, b in itertools.pairwise(bounds)]
        return {n: np.reshape(p, s) for (n, s), p in zip(shapes.items(), parts, strict=True)}

    def minus_elbo(flat: Any) -> Any:
        total = 0.0
        for row in range(runs):
            values, log_q = one(named(flat), row)
            total = total + log_q - days_log_joint(values, readings)
        return total / runs

    flat = onp.concatenate([onp.ravel(value) for value in first.values()]).astype(float)
    if not onp.isfinite(minus_elbo(flat)):
        return {
            "mean": onp.full(len(readings) + 1, onp.nan),
            "sd": onp.full(len(readings) + 1, 1.0),
        }
    with_gradient = value_and_grad(minus_elbo)
    found = minimize(with_gradient, flat, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    rows = [one(named(found.x), row)[0] for row in range(runs)]
    means = [onp.ravel(values["mean_temp"]) for values in rows]
    temps = [onp.ravel(values["temp"]) for values in rows]
    draws = onp.concatenate([onp.stack(means), onp.stack(temps)], axis=1)
    return {"mean": draws.mean(axis=0), "sd": draws.std(axis=0)}


@scene
def svi_steps(
    words: Words,
    model: tuple[Any, ...],
    guide: tuple[Any, ...],
    data: tuple[Any, ...],
    params: dict[str, Any] | None,
    seeds: tuple[int, ...],
    carry: bool = True,
) -> Any:
    """Steps of SVI one after the other: parameters and ELBO after each, and where they began.

    A new seed is a new generator; the seed -1 goes on with the last one. Without `carry` every step
    is given None for the optimiser's state.
    """
    programs, rng = [program(words, spec) for spec in (model, guide)], onp.random.default_rng(0)
    sites = plain_sites(tracing(words, programs[1], rng)(*data))
    start = {n: site["init"] for n, site in sites.items() if site["type"] == "param"}
    now, state, trail, elbos = {} if params is None else {**start, **params}, None, [], []
    begin = {**start, **now}
    for seed in seeds:
        rng = rng if seed == -1 else onp.random.default_rng(seed)
        now, new_state, elbo = _step(words, *programs, now, state, rng, *data)
        state = new_state if carry else None
        trail.append({str(n): onp.array(getval(v), dtype=float) for n, v in now.items()})
        elbos.append(elbo)
    return {"start": begin, "trail": trail, "elbos": elbos}


def _step(words: Words, model: Any, guide: Any, params: Any, state: Any, *rest: Any) -> Any:
    """One step, whose results must be three, and the parameters a dict of numbers."""
    given = dict(params)
    copies = {n: onp.array(v) for n, v in given.items()}
    result = words.svi_step(model, guide, given, state, *rest)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        raise NotThree(
            "`svi_step`: expected (params, opt_state, elbo), "
            f"got {len(result)} results" if isinstance(result, (tuple, list))
            else f"`svi_step`: expected (params, opt_state, elbo), got {type(result).__name__}"
        )  # fmt: skip
    now, state, elbo = result
    if not isinstance(now, dict):
        raise NotThree(f"`svi_step`: expected a dict of parameters first, got {type(now).__name__}")
    changed = given.keys() != copies.keys() or any(
        not onp.array_equal(given[n], copies[n]) for n in copies
    )
    if changed:
        raise Changed("`svi_step`: expected the given params to stay as they are, got changed ones")
    return now, state, elbo


class NotThree(TypeError):
    """A step returned something else than parameters, state and ELBO."""


class Changed(ValueError):
    """A step changed the parameters that it was given."""


@scene
def gamma_guide(words: Words, data: tuple[Any, ...], seed: int, gamma: Array) -> Any:
    """The sites of `gaussian_gamma_guide`, and its density of gamma at the numbers given."""
    fn = runnable(words.gaussian_gamma_guide, "gaussian_gamma_guide")
    sites = run(tracing(words, fn, onp.random.default_rng(seed))(*data))
    found = plain_sites(sites)
    if "gamma" not in found:
        return {"sites": found, "log_q": None}
    dist = look(sites["gamma"], "dist")
    log_q = onp.array([float(np.sum(dist.log_prob(value))) for value in gamma])
    return {"sites": found, "log_q": log_q}


@scene
def gamma_slope(words: Words, data: tuple[Any, ...], seed: int) -> Any:
    """How much the draw of gamma in `gaussian_gamma_guide` moves with the guide's parameters."""
    fn = runnable(words.gaussian_gamma_guide, "gaussian_gamma_guide")

    def draw(params: Any) -> Any:
        rng = onp.random.default_rng(seed)
        sites = run(tracing(words, fn, rng, {name: params[name] for name in first})(*data))
        return np.sum(look(sites["gamma"], "value")) if "gamma" in sites else 0.0

    sites = run(tracing(words, fn, onp.random.default_rng(seed))(*data))
    params = {n: look(s, "init") for n, s in sites.items() if look(s, "type") == "param"}
    first = {name: onp.asarray(value, dtype=float) for name, value in params.items()}
    vjp, _ = make_vjp(draw)(first)
    return float(sum(onp.sum(onp.abs(part)) for part in vjp(1.0).values()))


@scene
def svi_fit(
    words: Words, prior: dict[str, float], x: Array, best: dict[str, float], plan: Any
) -> Any:
    """The KL divergence of the fitted `gaussian_gamma_guide` from `best`, by Monte Carlo.

    `plan`: number of steps, how many of the last are averaged, seed, number of draws.
    """
    steps, last, seed, draws = plan
    model, guide = program(words, ("gaussian_gamma", prior)), words.gaussian_gamma_guide
    rng = onp.random.default_rng(seed)
    params: Any = {}
    state, kept, elbos = None, [], []
    for k in range(steps):
        params, state, elbo = _step(words, model, guide, params, state, rng, x)
        elbos.append(elbo)
        if k >= steps - last:
            kept.append({n: onp.array(getval(v), dtype=float) for n, v in params.items()})
    mean = {name: onp.mean([p[name] for p in kept], axis=0) for name in kept[0]}
    once = tracing(words, guide, onp.random.default_rng(seed + 1), mean)
    return {
        "kl": float(onp.mean([gaussian_log_ratio(run(once(x)), best, look) for _ in range(draws)])),
        "params": mean,
        "elbos": onp.array(elbos, dtype=float),
    }


def grid_of(support: Any) -> tuple[Array, Array]:
    """Numbers of a support, and d theta / d zeta there, for an even grid of zeta."""
    zeta = onp.linspace(-9.0, 9.0, 451)
    transform = for_support(support)
    slope = onp.exp([transform.log_abs_det_jacobian(z[None]) for z in zeta])
    return transform.inverse(zeta), slope * (zeta[1] - zeta[0])
