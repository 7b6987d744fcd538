"""A test bench for gradient estimators: is it unbiased, and how noisy is it?

On a Gaussian target the ELBO of a Gaussian q and its gradient are known in closed form,

    ELBO(lam) = log Z + log N(mu; m, C) - ½ tr(C⁻¹ S) + H[q],    target = N(m, C),

for every q with mean mu, covariance S and entropy in closed form, so an estimator's mean can be
compared with the truth, in units of its own standard error. For another bound, another target or a
family without these the caller brings the exact value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import autograd.numpy as np
import numpy as onp
from autograd import grad

from vi_lib import densities
from vi_lib._check import Array, ShapeError
from vi_lib._gradients import Estimator, differentiate, values_and_gradient
from vi_lib.families import Family, MeanField


class GaussianOracle(Protocol):
    """A target with a Gaussian posterior: log_joint = log_evidence + log N(theta; mean, cov)."""

    @property
    def mean(self) -> Array:
        """Posterior mean (D,)."""

    @property
    def cov(self) -> Array:
        """Posterior covariance (D, D)."""

    @property
    def log_evidence(self) -> float:
        """Log Z in nats."""

    def log_joint(self, theta: Array) -> Array:
        """Return the log joint density, (..., D) -> (...)."""


@dataclass(frozen=True, eq=False)
class EstimatorReport:
    """What `check_estimator` found. K points, P parameters.

    Attributes:
        name: of the estimator.
        elbo: exact ELBO at each point (K,), nats; where `exact` was given, its value.
        value: mean of the estimator's values at each point (K,), nats.
        value_z: (value - elbo) in standard errors (K,).
        exact_gradient: (K, P).
        gradient: mean of the estimator's gradients (K, P).
        gradient_z: their difference in standard errors (K, P).
        variance: of one gradient estimate from `num_draws` draws (K, P).
        finite_difference_error: largest difference between the gradient and central differences of
            the mean value at the same noise, relative to the gradient's size (K,). It is zero up to
            rounding for a total derivative; path-derivative and score-function gradients differ
            from it by design, so it does not decide.
        threshold: the largest |z| of an unbiased estimator, but for the rate `false_alarm`.
        false_alarm: the nominal probability that an unbiased estimator does not pass.
        num_draws: draws in one gradient estimate.
    """

    name: str
    elbo: Array
    value: Array
    value_z: Array
    exact_gradient: Array
    gradient: Array
    gradient_z: Array
    variance: Array
    finite_difference_error: Array
    threshold: float
    false_alarm: float
    num_draws: int

    @property
    def passed(self) -> bool:
        """Whether every z-score is within the threshold; NaN is not."""
        z = onp.concatenate([self.value_z, self.gradient_z.ravel()])
        return bool(onp.all(onp.abs(z) <= self.threshold))

    @property
    def total_derivative(self) -> bool:
        """Whether the gradient is the derivative of the value at fixed noise."""
        return bool(onp.all(self.finite_difference_error < 1e-6))

    def summary(self) -> str:
        """Return the report as a table, one row for the value and one for each coordinate."""
        verdict = "passed" if self.passed else "FAILED"
        lines = [
            f"{self.name}: {verdict} (an unbiased estimator has all |z| < {self.threshold:.2f},"
            f" false-alarm rate {self.false_alarm:g})",
            f"{'':>17}{'exact':>12}{'estimate':>12}{'z':>9}{'variance':>12}",
        ]
        for k in range(len(self.elbo)):
            lines.append(
                f"point {k}  value   {self.elbo[k]:>12.5g}{self.value[k]:>12.5g}"
                f"{self.value_z[k]:>9.2f}{self._mark(self.value_z[k])}"
            )
            for p in range(self.gradient.shape[1]):
                z = self.gradient_z[k, p]
                lines.append(
                    f"         grad {p:<3}{self.exact_gradient[k, p]:>12.5g}"
                    f"{self.gradient[k, p]:>12.5g}{z:>9.2f}"
                    f"{self.variance[k, p]:>12.4g}{self._mark(z)}"
                )
        kind = "is" if self.total_derivative else "is not"
        lines.append(f"The gradient {kind} the derivative of the value at fixed noise.")
        return "\n".join(lines)

    def _mark(self, z: float) -> str:
        return "" if abs(z) <= self.threshold else "  <- off"


def check_estimator(
    estimator: Estimator,
    oracle: GaussianOracle | None = None,
    family: Family | None = None,
    rng: onp.random.Generator | None = None,
    *,
    num_rep: int = 200,
    num_draws: int = 100,
    false_alarm: float = 1e-6,
    exact: Callable[[Array], float] | None = None,
) -> EstimatorReport:
    """Compare an estimator's values and gradients with the exact ones.

    At two points, q wider and q narrower than the target and both off its centre, the mean over
    `num_rep` independent estimates from `num_draws` draws each is compared with the truth by
    t-tests, Bonferroni over points and coordinates. The estimates are means of many draws, so the t
    distribution holds for the heavy-tailed score function as well.

    Args:
        estimator: the function to test.
        oracle: a target with a Gaussian posterior; by default a correlated one in two dimensions.
            With `exact` any target will do; its mean and cov only place the points.
        family: a family of the target's dimension, with `mean`, `cov` and `entropy` in closed form
            unless `exact` is given; by default `MeanField`.
        rng: by default a generator with a fixed seed, so that the report is reproducible.
        num_rep: independent gradient estimates at each point.
        num_draws: draws in each; for values of groups of K draws a multiple of K.
        false_alarm: the probability that an unbiased estimator does not pass.
        exact: what the values estimate, lam (P,) -> nats, for instance an importance-weighted bound
            by quadrature; by default the ELBO. It is differentiated numerically, with steps of
            .001, so it has to be smooth, and more accurate than the estimates by far.

    Returns:
        a report; `report.passed` is the verdict, `report.summary()` a table.

    Raises:
        ShapeError: if family and oracle differ in dimension, or the estimator's values are not
            (M,) or (G,).
        ValueError: if the oracle's posterior is not Gaussian and `exact` is not given.
    """
    target: GaussianOracle = _DefaultTarget() if oracle is None else oracle
    dim = len(target.mean)
    q = MeanField(dim) if family is None else family
    if q.dim != dim:
        raise ShapeError(f"family has dim {q.dim}, the oracle {dim}")
    rng = onp.random.default_rng(20240517) if rng is None else rng
    points = _points(target, q)
    if exact is None:
        _require_gaussian(target, rng)
        truth = onp.array([float(_exact_elbo(target, q, lam)) for lam in points])
        slope = onp.array([grad(lambda lam: _exact_elbo(target, q, lam))(lam) for lam in points])
    else:
        truth = onp.array([float(exact(lam)) for lam in points])
        slope = onp.array([_differences(exact, lam) for lam in points])
    values = onp.empty((len(points), num_rep))
    gradients = onp.empty((len(points), num_rep, q.num_params))
    f = differentiate(estimator, target.log_joint, q)
    for k, lam in enumerate(points):
        for rep in range(num_rep):
            values[k, rep], gradients[k, rep] = f(lam, q.noise(rng, num_draws))

    from scipy import stats  # its import takes longer than that of all of vi_lib

    num_tests = len(points) * (1 + q.num_params)
    return EstimatorReport(
        name=getattr(estimator, "__name__", repr(estimator)),
        elbo=truth,
        value=values.mean(axis=1),
        value_z=_z_score(values, truth),
        exact_gradient=slope,
        gradient=gradients.mean(axis=1),
        gradient_z=_z_score(gradients, slope),
        variance=gradients.var(axis=1, ddof=1),
        finite_difference_error=onp.array(
            [
                _finite_difference_error(estimator, target, q, lam, q.noise(rng, num_draws))
                for lam in points
            ]
        ),
        threshold=float(stats.t.isf(false_alarm / (2 * num_tests), num_rep - 1)),
        false_alarm=false_alarm,
        num_draws=num_draws,
    )


@dataclass(frozen=True)
class _DefaultTarget:
    """Two correlated coordinates with unequal sds, no sd and no evidence equal to 1."""

    log_evidence: float = -1.7

    @property
    def mean(self) -> Array:
        return onp.array([1.0, -0.5])

    @property
    def cov(self) -> Array:
        return onp.array([[0.49, 0.6 * 0.7 * 1.3], [0.6 * 0.7 * 1.3, 1.69]])

    def log_joint(self, theta: Array) -> Array:
        return self.log_evidence + densities.multivariate_normal(theta, self.mean, self.cov)


def _points(target: GaussianOracle, q: Family) -> list[Array]:
    """Return the parameters at which to test; all entries, correlations included, are generic."""
    sd = onp.sqrt(onp.diagonal(target.cov))
    generic = 0.1 * onp.cos(onp.arange(q.num_params))
    return [
        q.init(target.mean + 0.5 * sd, 1.6 * sd) + generic,
        q.init(target.mean - 0.8 * sd, 0.5 * sd) - generic,
    ]


def _exact_elbo(target: GaussianOracle, q: Family, lam: Array) -> Array:
    trace = np.sum(onp.linalg.inv(target.cov) * q.cov(lam))
    fit = densities.multivariate_normal(q.mean(lam), target.mean, target.cov)
    return target.log_evidence + fit - 0.5 * trace + q.entropy(lam)


def _require_gaussian(target: GaussianOracle, rng: onp.random.Generator) -> None:
    theta = rng.multivariate_normal(target.mean, target.cov, size=16)
    got = onp.asarray(target.log_joint(theta))
    want = target.log_evidence + densities.multivariate_normal(theta, target.mean, target.cov)
    if got.shape != (16,) or not onp.allclose(got, want, rtol=1e-8, atol=1e-8):
        raise ValueError(
            "check_estimator needs an oracle with log_joint ="
            f" log_evidence + log N(theta; mean, cov), got {type(target).__name__}, which differs"
            f" from that by up to {onp.max(onp.abs(got - want)):.3g} nats"
        )


def _z_score(estimates: Array, exact: Array) -> Array:
    """Return (mean - exact) / standard error over axis 1; for an exact estimate 0, not 0/0."""
    error = estimates.mean(axis=1) - exact
    se = estimates.std(axis=1, ddof=1) / onp.sqrt(estimates.shape[1])
    return error / onp.maximum(se, 1e-9 * (1.0 + onp.abs(exact)))


def _finite_difference_error(
    estimator: Estimator, target: GaussianOracle, q: Family, lam: Array, eps: Array
) -> float:
    def value(lam: Array) -> float:
        return float(onp.mean(estimator(lam, target.log_joint, q, eps)))

    differences = _differences(value, lam)
    _, gradient = values_and_gradient(estimator, lam, target.log_joint, q, eps)
    return float(onp.max(onp.abs(gradient - differences)) / (1.0 + onp.max(onp.abs(gradient))))


def _differences(value: Callable[[Array], float], lam: Array, step: float = 1e-3) -> Array:
    """Return the gradient by central differences of fourth order, error about step^4."""
    weights = {-2: 1.0 / 12.0, -1: -2.0 / 3.0, 1: 2.0 / 3.0, 2: -1.0 / 12.0}
    return onp.array(
        [
            sum(w * float(value(lam + k * step * unit)) for k, w in weights.items()) / step
            for unit in onp.eye(len(lam))
        ]
    )
