"""The loop of stochastic variational inference, for all models with closed-form updates.

Where coordinate ascent sets a factor's natural parameters to eta_hat = prior + sum_i message_i, one
message an observation, a minibatch of B of the N observations gives the unbiased estimate

    eta_hat = prior + (N / B) sum_{i in batch} message_i,   eta <- (1 - rho) eta + rho eta_hat.

The natural gradient of the ELBO, inverse Fisher matrix times gradient, is eta_hat - eta, so this is
a step of size rho along it (Hoffman, Blei, Wang and Paisley 2013, section 2). With the whole data
and rho = 1 it is coordinate ascent.

Natural parameters are kept in a handy form: a Gaussian's as (prec mean, prec), a Gamma's as (shape,
rate). The usual ones, such as (prec mean, -prec / 2) and (shape - 1, -rate), are affine in these,
and a weighted mean does not see an affine map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from vi_lib._check import Array, require_finite, require_shape
from vi_lib.optimizers import robbins_monro

Update: TypeAlias = Callable[[Sequence[Array], Array], Array]
"""Maps all factors' natural parameters and a batch's indices (B,) to one factor's best ones."""


def natural_gradient_step(eta: Array, eta_hat: Array, rho: float) -> Array:
    """Return (1 - rho) eta + rho eta_hat, a step rho along the natural gradient; all (..., P).

    rho = 1 is the coordinate-ascent update, rho = 0 none at all. In between the result is a valid
    parameter wherever eta and eta_hat are, the set of natural parameters being convex.

    Raises:
        ShapeError: If the shapes differ.
        ValueError: If rho is not in [0, 1].
    """
    eta, eta_hat = np.asarray(eta, dtype=float), np.asarray(eta_hat, dtype=float)
    require_shape("eta_hat", eta_hat, eta.shape)
    if not 0.0 <= rho <= 1.0:
        raise ValueError(f"rho must be in [0, 1], got {rho}")
    return (1.0 - rho) * eta + rho * eta_hat


def stochastic_ascent(
    updates: Sequence[Update],
    priors: Sequence[Array],
    elbo: Callable[[Sequence[Array]], float],
    num_rows: int,
    batch_size: int,
    kappa: float,
    delay: float,
    num_steps: int,
    rng: np.random.Generator,
    start: Sequence[Array] | None = None,
) -> tuple[list[Array], Array]:
    """Take natural-gradient steps, each factor in turn, on one fresh batch a step.

    Args:
        updates: One coordinate-ascent update a factor, which pretends that the batch is all data.
            Local variables are optimised within it.
        priors: The factors' prior natural parameters, which are not scaled by N / B.
        elbo: The full-data ELBO, in nats, of the factors' natural parameters.
        num_rows: N.
        batch_size: B, drawn without replacement within a batch.
        kappa: Forgetting rate; step t has rho_t = (t + delay)^-kappa. With 0, rho = 1 always.
        delay: At least 0; a larger one makes the first steps smaller.
        num_steps: Number of steps.
        rng: Source of the batches.
        start: The factors' natural parameters to start from; the priors without it.

    Returns:
        The factors' last natural parameters, and the trace: one ELBO after each step.

    Raises:
        ValueError: If `batch_size` is not in 1..N, `num_steps` is less than 1, or a step size
            exceeds 1.
        NonFiniteError: If an ELBO is not finite; it names the step.
    """
    if not 1 <= batch_size <= num_rows:
        raise ValueError(f"batch_size must be in 1..{num_rows}, got {batch_size}")
    if num_steps < 1:
        raise ValueError(f"num_steps must be at least 1, got {num_steps}")
    rate, scale = robbins_monro(1.0, kappa, delay), num_rows / batch_size
    etas = list(priors if start is None else start)
    trace: list[float] = []
    for t in range(1, num_steps + 1):
        # Sorted, so that a batch of all rows sums them in the order in which they came.
        idx = np.sort(rng.choice(num_rows, size=batch_size, replace=False, shuffle=False))
        for k, (update, prior) in enumerate(zip(updates, priors, strict=True)):
            eta_hat = prior + scale * (update(etas, idx) - prior)
            etas[k] = natural_gradient_step(etas[k], eta_hat, rate(t))
        trace.append(float(elbo(etas)))
        require_finite("the ELBO", trace[-1], iteration=t)
    return etas, np.array(trace)
