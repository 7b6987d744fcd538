"""Mean-field ADVI in pieces, from which the typical answers to E7.5 are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from autograd import make_vjp

Function = Callable[..., Any]


def log_p(log_joint: Any, transforms: Any, jacobian: float = 1.0) -> Function:
    """The log density of zeta; `jacobian` multiplies log |det J|."""

    def log_p(zeta: Any) -> Any:
        columns = [zeta[:, d : d + 1] for d in range(len(transforms))]
        pairs = list(zip(transforms, columns, strict=True))
        theta = np.concatenate([t.inverse(column) for t, column in pairs], axis=1)
        log_det = sum(t.log_abs_det_jacobian(column) for t, column in pairs)
        return log_joint(theta) + jacobian * log_det

    return log_p


def gradients(g: Any, eps: Any, omega: Any) -> tuple[Any, Any]:
    return g.mean(axis=0), (g * eps).mean(axis=0) * numpy.exp(omega) + 1.0


def entropy(omega: Any) -> float:
    return float(numpy.sum(omega) + 0.5 * len(omega) * (1.0 + numpy.log(2.0 * numpy.pi)))


def noise(rng: Any, num_draws: int, dim: int) -> Any:
    return rng.standard_normal((num_draws, dim))


def ratio(g: Any, s: Any, s_prev: Any) -> Any:
    return numpy.clip(g / (1.0 + numpy.sqrt(s_prev)), -10.0, 10.0)


def result(mu: Any, omega: Any, elbo: Any, transforms: Any) -> dict[str, Any]:
    return {"mu": mu, "omega": omega, "elbo": numpy.array(elbo)}


@dataclass(frozen=True)
class Pieces:
    """What the algorithm is made of; a wrong answer has one piece wrong."""

    log_p: Function = log_p
    gradients: Function = gradients
    entropy: Function = entropy
    scale: Function = numpy.exp
    noise: Function = noise
    ratio: Function = ratio
    decay: Function = lambda k: k**-0.5
    sign: float = 1.0
    result: Function = result
    start: Function = lambda init: numpy.array(init, dtype=float)
    num_draws: int = 10
    frozen_noise: bool = False
    stops_at_a_drop: bool = False


def answer(**changed: Any) -> dict[str, Function]:
    pieces = Pieces(**changed)

    def advi_mean_field(
        log_joint: Any, transforms: Any, init: Any, num_iter: int, rng: Any, rate: float
    ) -> dict[str, Any]:
        log_p = pieces.log_p(log_joint, transforms)
        mu = pieces.start(init)
        dim = len(mu)
        omega, s, elbo = numpy.zeros(dim), numpy.empty(0), []
        fixed = pieces.noise(rng, pieces.num_draws, dim)
        for k in range(1, num_iter + 1):
            eps = fixed if pieces.frozen_noise else pieces.noise(rng, pieces.num_draws, dim)
            vjp, values = make_vjp(log_p)(mu + pieces.scale(omega) * eps)
            g = vjp(numpy.ones(len(values)))
            elbo.append(float(numpy.mean(values)) + pieces.entropy(omega))
            if pieces.stops_at_a_drop and k > 1 and elbo[-1] < elbo[-2]:
                break
            step = numpy.concatenate(pieces.gradients(g, eps, omega))
            s_prev, s = (step**2, step**2) if k == 1 else (s, 0.1 * step**2 + 0.9 * s)
            step = pieces.sign * rate * pieces.decay(k) * pieces.ratio(step, s, s_prev)
            mu, omega = mu + step[:dim], omega + step[dim:]
        return pieces.result(mu, omega, elbo, transforms)

    return {"advi_mean_field": advi_mean_field}
