"""Typical answers to E7.5: mean-field ADVI from transforms to a fitted Gaussian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy
from autograd import grad

from autograder.checks.bank.advi_pieces import (
    answer,
    entropy,
    gradients,
    log_p,
    noise,
    ratio,
    result,
)
from autograder.checks.protocol import Right, Wrong

Function = Callable[..., Any]


def _jacobian_of_all_draws(log_joint: Any, transforms: Any) -> Function:
    def log_p(zeta: Any) -> Any:
        columns = [t.inverse(zeta[:, d]) for d, t in enumerate(transforms)]
        log_det = sum(t.log_abs_det_jacobian(zeta[:, d]) for d, t in enumerate(transforms))
        return log_joint(np.stack(columns, axis=1)) + log_det

    return log_p


def _log_everywhere(log_joint: Any, transforms: Any) -> Function:
    return lambda zeta: log_joint(np.exp(zeta)) + np.sum(zeta, axis=1)


def _constrained(mu: Any, omega: Any, elbo: Any, transforms: Any) -> dict[str, Any]:
    theta = [float(t.inverse(m)) for t, m in zip(transforms, mu, strict=True)]
    return result(numpy.array(theta), omega, elbo, transforms)


def _without_first(g: Any, eps: Any, omega: Any) -> tuple[Any, Any]:
    keep = numpy.arange(len(omega)) > 0
    g_mu, g_omega = gradients(g, eps, omega)
    return g_mu * keep, g_omega * keep


def _noise_on_theta(
    log_joint: Any, transforms: Any, init: Any, num_iter: int, rng: Any, rate: float
) -> dict[str, Any]:
    """The noise is added after the back-transform: draws leave the support."""
    dim = len(init)

    def elbo_at(lam: Any, eps: Any) -> Any:
        mu, omega = lam[:dim], lam[dim:]
        centre = np.concatenate(
            [t.inverse(mu[d : d + 1]) for d, t in enumerate(transforms)], axis=0
        )
        log_det = sum(t.log_abs_det_jacobian(mu[d : d + 1]) for d, t in enumerate(transforms))
        return np.mean(log_joint(centre + np.exp(omega) * eps)) + log_det + np.sum(omega)

    slope = grad(elbo_at)
    lam, s, elbo = numpy.concatenate([init, numpy.zeros(dim)]), numpy.empty(0), []
    for k in range(1, num_iter + 1):
        eps = noise(rng, 10, dim)
        elbo.append(float(elbo_at(lam, eps)) + entropy(numpy.zeros(dim)))
        g = slope(lam, eps)
        s_prev, s = (g**2, g**2) if k == 1 else (s, 0.1 * g**2 + 0.9 * s)
        lam = lam + rate * k**-0.5 * ratio(g, s, s_prev)
    return result(lam[:dim], lam[dim:], elbo, transforms)


WRONG = (
    Wrong(
        "published-code",
        answer(scale=lambda omega: omega),
        "Your means are right and your sds are near 1 whatever the data. You draw with "
        "mu + omega eps, but omega is the log of the sd: which function of omega belongs there?",
    ),
    Wrong(
        "omega-as-log-variance",
        answer(
            scale=lambda omega: numpy.exp(0.5 * omega),
            gradients=lambda g, eps, omega: (
                g.mean(axis=0),
                0.5 * (g * eps).mean(axis=0) * numpy.exp(0.5 * omega) + 0.5,
            ),
            entropy=lambda omega: entropy(0.5 * omega),
        ),
        "Your omega is the log of the variance. The exercise asks for the log of the standard "
        "deviation: zeta = mu + exp(omega) eps.",
    ),
    Wrong(
        "returns-the-sd",
        answer(result=lambda mu, omega, elbo, t: result(mu, numpy.exp(omega), elbo, t)),
        "Under the key omega you return the sd. Asked is its logarithm.",
    ),
    Wrong(
        "gradient-descent",
        answer(sign=-1.0),
        "Your ELBO falls. We maximise it: add the step, do not subtract it.",
    ),
    Wrong(
        "entropy-missing",
        answer(
            gradients=lambda g, eps, omega: (
                g.mean(axis=0),
                (g * eps).mean(axis=0) * numpy.exp(omega),
            )
        ),
        "Your sds go on shrinking: nothing holds q open. Which term of the gradient in omega does "
        "the entropy give?",
    ),
    Wrong(
        "chain-factor-missing",
        answer(
            gradients=lambda g, eps, omega: (g.mean(axis=0), (g * eps).mean(axis=0) + 1.0),
        ),
        "Your means are right, your sds are not. Look at the gradient in omega: what is "
        "d zeta / d omega for zeta = mu + exp(omega) eps?",
    ),
    Wrong(
        "entropy-counted-twice",
        answer(
            gradients=lambda g, eps, omega: (
                g.mean(axis=0),
                (g * eps).mean(axis=0) * numpy.exp(omega) + 2.0,
            )
        ),
        "Your sds are too wide by the root of 2: the entropy seems to count twice, as -log q in "
        "the average and as the exact 1. One of them has to go.",
    ),
    Wrong(
        "init-ignored",
        answer(start=lambda init: numpy.zeros(len(init))),
        "Where does your mu begin? It is given: `init`. (omega begins at 0.)",
    ),
    Wrong(
        "first-coordinate-forgotten",
        answer(gradients=_without_first),
        "The first coordinate has not moved from where it started. Does your update leave out "
        "index 0, the intercept?",
    ),
    Wrong(
        "stops-at-the-first-drop",
        answer(stops_at_a_drop=True),
        "Your run ends early. The ELBO you see is a noisy estimate: one lower value means nothing. "
        "Run all `num_iter` steps, or compare the means of long windows.",
    ),
    Wrong(
        "same-noise-every-step",
        answer(frozen_noise=True, num_draws=1),
        "You draw eps once and use it in every step, so you fit that one draw. Draw inside the "
        "loop.",
    ),
    Wrong(
        "one-noise-for-all-coordinates",
        answer(noise=lambda rng, num_draws, dim: rng.standard_normal((num_draws, 1))),
        "All coordinates share the same eps, so your q is perfectly correlated. Mean field needs "
        "noise of its own for each coordinate: shape (S, D).",
    ),
    Wrong(
        "raw-gradient",
        answer(ratio=lambda g, s, s_prev: g),
        "The gradients are in the hundreds, and rate times that overshoots more at each step. "
        "Divide by the size of past gradients, as in E7.4.",
    ),
    Wrong(
        "steps-die-too-fast",
        answer(decay=lambda k: k**-1.0),
        "Your steps shrink like 1/k and stop before q has arrived. The rule of E7.4 shrinks like "
        "the root of 1/k.",
    ),
    Wrong(
        "noise-on-theta",
        {"advi_mean_field": _noise_on_theta},
        "You add the noise after going back to theta, and draws leave the support. Draw zeta "
        "first, then map every draw back.",
    ),
    Wrong(
        "log-everywhere",
        answer(log_p=_log_everywhere),
        "theta = exp(zeta) cannot be negative, but a coefficient can. Use the transform you are "
        "given for each coordinate.",
    ),
    Wrong(
        "no-jacobian",
        answer(log_p=lambda log_joint, t: log_p(log_joint, t, 0.0)),
        "You evaluate the log joint of theta at theta(zeta). Which term makes it a log density of "
        "zeta (E7.2)?",
    ),
    Wrong(
        "jacobian-sign",
        answer(log_p=lambda log_joint, t: log_p(log_joint, t, -1.0)),
        "Is log |det J| added or subtracted? It is the slope of theta in zeta: the density of zeta "
        "is that of theta times |J|.",
    ),
    Wrong(
        "jacobian-of-all-draws",
        answer(log_p=_jacobian_of_all_draws),
        "`log_abs_det_jacobian` sums over the last axis. For a column zeta[:, d] of shape (S,) "
        "that is the axis of the draws: pass zeta[:, d:d+1].",
    ),
    Wrong(
        "returns-constrained-mu",
        answer(result=_constrained),
        "mu is the mean of zeta. What you return is its image in theta, which is not even "
        "the mean of theta (E7.2): return mu as it is.",
    ),
    Wrong(
        "elbo-negated",
        answer(
            result=lambda mu, omega, elbo, t: result(mu, omega, -numpy.array(elbo), t),
        ),
        "Your trace falls while q improves: it is minus the ELBO.",
    ),
    Wrong(
        "elbo-without-entropy",
        answer(entropy=lambda omega: 0.0),
        "Your trace is the mean of the log joint alone. The ELBO adds the entropy of q: "
        "the sum of omega plus D/2 (1 + log 2 pi).",
    ),
    Wrong(
        "elbo-without-constant",
        answer(entropy=lambda omega: float(numpy.sum(omega))),
        "Your trace does not come near the log evidence. The entropy of a Gaussian has a constant "
        "too: D/2 (1 + log 2 pi).",
    ),
)


def _adam(
    log_joint: Any, transforms: Any, init: Any, num_iter: int, rng: Any, rate: float
) -> dict[str, Any]:
    """Adam on one flat vector, 20 draws, steps that fall to zero, the last quarter averaged."""
    density, dim = log_p(log_joint, transforms), len(init)

    def elbo(lam: Any, eps: Any) -> Any:
        zeta = lam[:dim] + np.exp(lam[dim:]) * eps
        return np.mean(density(zeta)) + np.sum(lam[dim:]) + 0.5 * dim * np.log(2 * np.pi * np.e)

    slope = grad(elbo)
    lam = numpy.concatenate([numpy.asarray(init, dtype=float), numpy.zeros(dim)])
    m, v, trace, kept = numpy.zeros(2 * dim), numpy.zeros(2 * dim), [], []
    for k in range(1, num_iter + 1):
        eps = rng.normal(size=(20, dim))
        trace.append(float(elbo(lam, eps)))
        g = slope(lam, eps)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        step = (m / (1 - 0.9**k)) / (numpy.sqrt(v / (1 - 0.99**k)) + 1e-8)
        lam = lam + 0.1 * (1.0 - k / (num_iter + 1)) * step
        if 4 * k > 3 * num_iter:
            kept.append(lam)
    final = numpy.mean(kept, axis=0)
    return {"mu": final[:dim].tolist(), "omega": final[dim:].tolist(), "elbo": trace}


@dataclass(frozen=True)
class _Fit:
    mu: Any
    omega: Any
    elbo: Any


RIGHT = (
    Right("adam-with-averaging", {"advi_mean_field": _adam}),
    Right("one-draw-per-step", answer(num_draws=1)),
    Right(
        "printed-step-and-more-draws",
        answer(
            num_draws=20,
            ratio=lambda g, s, s_prev: g / (1.0 + numpy.sqrt(s)),
            result=lambda mu, omega, elbo, t: _Fit(mu, omega, elbo),
        ),
    ),
)
