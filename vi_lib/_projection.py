"""The Gaussian nearest to a density on the line, in either direction of the KL divergence.

Part of `vi_lib.divergences`, which exports both.

Source: Bishop (2006), section 10.1.2 and figure 10.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, require_positive

LogDensity = Callable[[Array], Array]


def project_forward(log_p: LogDensity, low: float, high: float) -> tuple[float, float]:
    """Return (mean, sd) of the Gaussian q with the smallest KL(p, q): those of p itself.

    This direction punishes a q that misses some of p, so it covers all modes.

    Args:
        log_p: log density on the line, (S,) -> (S,); need not be normalised.
        low: left end of an interval outside which p is negligible.
        high: its right end. The trapezoidal rule with 20 001 points is used on it.
    """
    grid = onp.linspace(low, high, 20_001)
    values = log_p(grid)
    weights = onp.exp(values - onp.max(values))
    weights = weights / onp.sum(weights)
    mean = onp.sum(weights * grid)
    return float(mean), float(onp.sqrt(onp.sum(weights * (grid - mean) ** 2)))


def project_reverse(log_p: LogDensity, mean: float, sd: float) -> tuple[float, float]:
    """Return (mean, sd) of a Gaussian q that minimises KL(q, p) locally, from a start.

    This direction punishes a q that puts mass where p has none, so it settles in one mode; which
    one depends on the start. Expectations by Gauss-Hermite quadrature with 100 points, which is
    exact for log densities that are polynomials up to degree 199.

    Args:
        log_p: log density on the line, (S,) -> (S,), for autograd; need not be normalised.
        mean: mean to start from.
        sd: standard deviation to start from.

    Raises:
        SupportError: unless sd is positive and finite.
        RuntimeError: if the minimisation fails.
    """
    from autograd import value_and_grad
    from scipy import optimize

    require_positive("sd", sd)
    nodes, weights = onp.polynomial.hermite_e.hermegauss(100)
    weights = weights / onp.sum(weights)

    def kl(parameters: Array) -> Array:
        """KL(q, p) up to a constant; parameters are (mean, log sd)."""
        expected = np.sum(weights * log_p(parameters[0] + np.exp(parameters[1]) * nodes))
        return -parameters[1] - expected

    start = onp.array([mean, math.log(sd)])
    with onp.errstate(all="ignore"):  # the line search takes back a step too far
        found = optimize.minimize(value_and_grad(kl), start, jac=True, options={"gtol": 1e-9})
    # A NaN compares as False, so ask whether the slope is small, not whether it is large.
    if not (found.success or onp.max(onp.abs(found.jac)) <= 1e-6):
        raise RuntimeError(
            f"the reverse projection needs a minimum of the KL, got to mean {found.x[0]:.6g} and"
            f" log sd {found.x[1]:.6g}: {found.message}"
        )
    return float(found.x[0]), math.exp(found.x[1])
