r"""Automatic differentiation variational inference (Kucukelbir et al., JMLR 2017).

Map every parameter to the real line, zeta = T(theta); fit a Gaussian q(zeta) with reparameterised
gradients of the ELBO; carry its draws back, theta = T^{-1}(zeta). `advi` does so for a `Model`. The
other functions are the algorithm in the open, with the signatures of lesson 7's exercises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import autograd.numpy as np
import numpy as onp
from autograd import make_vjp

from vi_lib._check import Array, ShapeError, plain, require_positive, require_shape
from vi_lib.estimators import LogDensity
from vi_lib.eta import search_eta
from vi_lib.families import Family, FullRank, LowRank, MeanField
from vi_lib.fit import fit
from vi_lib.model import Model, Target
from vi_lib.optimizers import advi_step
from vi_lib.result import Result
from vi_lib.transforms import Transform

FAMILIES: dict[str, Callable[[int], Family]] = {"mean_field": MeanField, "full_rank": FullRank}

#: Common factors of a low-rank q, or D if that is less.
RANK = 5
#: Draws per gradient in `advi_mean_field`.
NUM_DRAWS = 10


def advi(
    model: Target,
    family: str | Family = "mean_field",
    *,
    rank: int | None = None,
    start: Mapping[str, Any] | None = None,
    eta: float | Literal["search"] | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> Result:
    """Fit a Gaussian on the unconstrained scale of a model.

    Args:
        model: A `Model`, or a program that `ppl.compile` made; its parameters are continuous.
        family: `"mean_field"`, `"full_rank"`, `"low_rank"` or a family of the model's dimension.
        rank: Number of common factors of `"low_rank"`, by default 5, or D if that is less.
        start: Values to start from, by name, on the parameters' own scale, `{"sd": 2.0}`. They
            become zeta's mean; its sd is 1. Parameters not named start at zeta = 0.
        eta: Scale of the ADVI step, which is then the optimiser: a number, or `"search"` to try the
            scales of the paper on short runs first; the result's reason names the one taken.
        batch_size: Number of observations B in each gradient, drawn without replacement and
            weighted by N / B, or None for all of them.
        **options: Arguments of `fit`, such as `rng`, `num_draws`, `optimizer` or `resume`.

    Returns:
        A result whose samples and summary are on the scale of the parameters, by name.

    Raises:
        ValueError: If the family is unknown, the batch is larger than the data or two arguments
            contradict one another.
        ShapeError: If the family's dimension is not that of the model.
        SupportError: If a starting value lies outside its support.
    """
    q = _family(model, family, rank)
    if start is not None:
        _exclude("start", options, "lam", "resume")
        options["lam"] = q.init(model.layout.start(start))
    searched = ""
    if eta is not None:
        _exclude("eta", options, "optimizer")
        scale: Any = eta
        if eta == "search":
            _exclude('eta="search"', options, "resume")
            options["rng"] = options.get("rng") or onp.random.default_rng()
            scale = search_eta(model.log_p, q, options.get("lam"), rng=options["rng"]).eta
            searched = f"; eta = {scale:g} was searched for"
        options["optimizer"] = advi_step(scale)
    minibatch = None if batch_size is None else _batches(model, batch_size)
    result = fit(model.log_p, q, layout=model.layout, minibatch=minibatch, **options)
    return replace(result, reason=result.reason + searched) if searched else result


def _family(model: Target, family: str | Family, rank: int | None) -> Family:
    if rank is not None and family != "low_rank":
        raise ValueError(f'rank belongs to family="low_rank", got {family!r}')
    if family == "low_rank":
        return LowRank(model.dim, min(RANK, model.dim) if rank is None else rank)
    if isinstance(family, str):
        if family not in FAMILIES:
            known = ", ".join(map(repr, (*FAMILIES, "low_rank")))
            raise ValueError(f"family must be {known} or a family object, got {family!r}")
        return FAMILIES[family](model.dim)
    return family


def _exclude(what: str, options: Mapping[str, Any], *others: str) -> None:
    for name in others:
        if options.get(name) is not None:
            raise ValueError(f"{what} and {name} contradict one another: leave one out")


def _batches(model: Target, size: int) -> Callable[[onp.random.Generator], LogDensity]:
    if not isinstance(model, Model):
        raise ValueError(
            "batch_size needs a Model, whose observations are rows; got a compiled program:"
            " subsample its plate and fit it with ppl.svi"
        )
    if not 1 <= size <= model.num_data:
        raise ValueError(
            f"batch_size must lie between 1 and the {model.num_data} observations, got {size}"
        )
    return lambda rng: model.minibatch(rng.choice(model.num_data, size, replace=False))


def advi_gradients(
    log_joint: LogDensity, mu: Array, omega: Array, eps: Array
) -> tuple[Array, Array]:
    """Gradients of the ELBO of a mean-field Gaussian, (mu, omega) with sd = exp(omega).

    With zeta = mu + exp(omega) eps and the entropy's gradient, 1 per coordinate, taken exactly
    (Kucukelbir et al. 2017, eqs. (8) and (10)):

        g_mu = mean over draws of grad log p(zeta)
        g_omega = mean over draws of grad log p(zeta) * eps * exp(omega) + 1

    Args:
        log_joint: Log joint on the unconstrained scale, (M, D) -> (M,), in nats.
        mu: Means (D,).
        omega: Logarithms of the standard deviations (D,).
        eps: Standard normal noise (M, D).

    Returns:
        `(g_mu, g_omega)`, each (D,).

    Raises:
        ShapeError: Unless mu and omega are (D,) and eps (M, D).
    """
    mu, omega, eps = (onp.asarray(a, dtype=float) for a in (mu, omega, eps))
    require_shape("mu", mu, ("D",))
    require_shape("omega", omega, mu.shape)
    require_shape("eps", eps, ("M", len(mu)))
    _, gradient = _values_and_gradients(log_joint, mu + onp.exp(omega) * eps)
    return _chain(gradient, omega, eps)


def advi_mean_field(
    log_joint: LogDensity,
    transforms: Sequence[Transform],
    init: Array,
    num_iter: int,
    rng: onp.random.Generator,
    rate: float,
) -> dict[str, Array]:
    """Mean-field ADVI in one function.

    Starts at sd 1 (omega = 0) and takes `num_iter` corrected ADVI steps with 10 draws each.

    Args:
        log_joint: Log joint of the parameters themselves, theta (S, D) -> (S,), in nats.
        transforms: One transform per coordinate; `inverse` and `log_abs_det_jacobian` are called
            with columns (S, 1).
        init: Means of zeta to start from (D,).
        num_iter: Number of steps.
        rng: Source of the noise.
        rate: Scale eta of the steps; their size is eta / (sqrt(k) (1 + norm of past gradients)).

    Returns:
        `mu` (D,) and `omega` = log sd (D,) of zeta, and `elbo`, the estimate of each step
        (num_iter,).

    Raises:
        ShapeError: Unless init is (D,) with a transform for each coordinate.
        SupportError: Unless rate is positive.
    """
    mu = onp.array(init, dtype=float)
    require_shape("init", mu, ("D",))
    require_positive("rate", rate)
    if len(transforms) != len(mu):
        raise ShapeError(f"need one transform per coordinate, {len(mu)}, got {len(transforms)}")

    def log_p(zeta: Array) -> Array:
        columns = [zeta[:, d : d + 1] for d in range(len(mu))]
        pairs = list(zip(transforms, columns, strict=True))
        theta = np.concatenate([t.inverse(column) for t, column in pairs], axis=1)
        return log_joint(theta) + sum(t.log_abs_det_jacobian(column) for t, column in pairs)

    q, step = MeanField(len(mu)), advi_step(rate)
    omega, state, elbo = onp.zeros(len(mu)), None, onp.empty(num_iter)
    for k in range(num_iter):
        eps = q.noise(rng, NUM_DRAWS)
        values, gradient = _values_and_gradients(log_p, mu + onp.exp(omega) * eps)
        elbo[k] = onp.mean(values) + q.entropy(q.pack(mu, omega))
        increment, state = step(onp.concatenate(_chain(gradient, omega, eps)), state)
        mu, omega = mu + increment[: len(mu)], omega + increment[len(mu) :]
    return {"mu": mu, "omega": omega, "elbo": elbo}


def lognormal_mean(m: Array, s: Array) -> Array:
    """Mean exp(m + s^2 / 2) of exp(zeta), zeta ~ N(m, sd=s), elementwise; exp(m) is its median."""
    return onp.exp(onp.asarray(m) + onp.asarray(s) ** 2 / 2.0)


def _chain(gradient: Array, omega: Array, eps: Array) -> tuple[Array, Array]:
    """From gradients at the draws (M, D) to those of the ELBO with respect to mu and omega."""
    return gradient.mean(axis=0), (gradient * eps).mean(axis=0) * onp.exp(omega) + 1.0


def _values_and_gradients(log_joint: LogDensity, zeta: Array) -> tuple[Array, Array]:
    """Values (M,) and the gradient of each with respect to its own row, (M, D), in one pass."""
    vjp, values = make_vjp(log_joint)(zeta)
    require_shape("log_joint's value", values, (len(zeta),))
    return plain(values), vjp(onp.ones(len(zeta)))
