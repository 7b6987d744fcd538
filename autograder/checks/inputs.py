"""Objects that checks pass into answers by name, built on both sides of the pipe.

See `values.Named`. Log joints take rows, (S, D) -> (S,), in nats, and are written with
autograd.numpy so that answers may differentiate them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

Array = Any


def generator(seed: int) -> numpy.random.Generator:
    """A fresh random generator."""
    return numpy.random.default_rng(seed)


def gaussian_log_joint(
    mean: Array, prec: Array, log_evidence: float = 0.0
) -> Callable[[Array], Array]:
    """The log of exp(log_evidence) N(theta; mean, prec^-1), with `prec` (D, D)."""
    mean, prec = numpy.asarray(mean, float), numpy.asarray(prec, float)
    constant = log_evidence + 0.5 * numpy.linalg.slogdet(prec)[1]
    constant -= 0.5 * len(mean) * numpy.log(2 * numpy.pi)

    def log_joint(theta: Array) -> Array:
        gap = theta - mean
        return constant - 0.5 * np.sum(np.dot(gap, prec) * gap, axis=-1)

    return log_joint


def gaussian_grad_log_joint(mean: Array, prec: Array) -> Callable[[Array], Array]:
    """The gradient of `gaussian_log_joint` in theta: (S, D) -> (S, D)."""
    mean, prec = numpy.asarray(mean, float), numpy.asarray(prec, float)
    return lambda theta: -np.dot(theta - mean, prec)


def black_box_log_joint(
    mean: Array, prec: Array, log_evidence: float = 0.0
) -> Callable[[Array], Array]:
    """`gaussian_log_joint` as values only: `TypeError` for an answer that differentiates it."""
    log_joint = gaussian_log_joint(mean, prec, log_evidence)

    def values_only(theta: Array) -> Array:
        if isbox(theta):
            raise TypeError("log_joint is a black box: it gives values and has no gradient")
        return log_joint(numpy.asarray(theta, float))

    return values_only


def box_log_density(low: Array, high: Array) -> Callable[[Array], Array]:
    """The log density of the uniform distribution on a box, -inf outside; `low`, `high` (D,)."""
    low, high = numpy.asarray(low, float), numpy.asarray(high, float)
    inside = -numpy.sum(numpy.log(high - low))

    def log_density(theta: Array) -> Array:
        within = numpy.all((theta >= low) & (theta <= high), axis=-1)
        return np.where(within, inside, -numpy.inf)

    return log_density


def harmonic_steps(rho0: float, delay: float) -> Callable[[int], float]:
    """The step sizes rho(t) = rho0 / (t + delay) for t = 1, 2, ..."""
    return lambda t: rho0 / (t + delay)


@dataclass
class Gaussian:
    """A bag with a mean and an sd, for exercises whose arguments are described that way."""

    mean: Array
    sd: Array


def log_joint_of(oracle: Any) -> Callable[[Array], Array]:
    """The log joint of one of the library's oracles, (S, D) -> (S,)."""
    return oracle.log_joint


def unconstrained_log_joint_of(oracle: Any) -> Callable[[Array], Array]:
    """The log joint of an oracle on the unconstrained scale, (S, D) -> (S,)."""
    return oracle.unconstrained_log_joint


def pushed_forward_gaussian(
    transforms: tuple[Any, ...], mean: Array, sd: Array, log_evidence: float = 0.0
) -> Callable[[Array], Array]:
    """The log joint, in theta, of exp(log_evidence) N(zeta; mean, sd) with zeta = T(theta).

    One transform per coordinate. The best mean field is (mean, sd) itself and its ELBO is
    `log_evidence`, whatever the transforms: only an answer that handles them right finds it.
    """
    mean, sd = numpy.asarray(mean, float), numpy.asarray(sd, float)
    constant = log_evidence - 0.5 * len(mean) * numpy.log(2 * numpy.pi) - numpy.sum(numpy.log(sd))

    def log_joint(theta: Array) -> Array:
        columns = [t.forward(theta[:, d : d + 1]) for d, t in enumerate(transforms)]
        pairs = zip(transforms, columns, strict=True)
        log_jacobian = sum(t.log_abs_det_jacobian(column) for t, column in pairs)
        gap = (np.concatenate(columns, axis=1) - mean) / sd
        return constant - 0.5 * np.sum(gap**2, axis=1) - log_jacobian

    return log_joint
