"""Objects that checks pass into answers by name, built on both sides of the pipe.

See `values.Named`. Log joints take rows, (S, D) -> (S,), in nats, and are written with
autograd.numpy so that answers may differentiate them.
"""

from __future__ import annotations

import itertools
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


def constant_log_joint(value: float) -> Callable[[Array], Array]:
    """A log joint that is the same everywhere, (S, D) -> (S,)."""
    return lambda theta: value + 0.0 * np.sum(theta, axis=-1)


def box_log_density(low: Array, high: Array) -> Callable[[Array], Array]:
    """The log density of the uniform distribution on a box, -inf outside; `low`, `high` (D,)."""
    low, high = numpy.asarray(low, float), numpy.asarray(high, float)
    inside = -numpy.sum(numpy.log(high - low))

    def log_density(theta: Array) -> Array:
        within = numpy.all((theta >= low) & (theta <= high), axis=-1)
        return np.where(within, inside, -numpy.inf)

    return log_density


def location_row_gradients(noise_sd: float) -> Callable[[Array, Array], Array]:
    """Gradients of E_q[log N(x_i; mu, noise_sd)], one row an observation, in lam = (m, log s).

    q(mu) = N(m, s); rows (B,) -> (B, 2).
    """

    def grad_log_lik(lam: Array, rows: Array) -> Array:
        m, log_s = lam
        by_mean = (numpy.asarray(rows) - m) / noise_sd**2
        return numpy.stack(
            [by_mean, numpy.full(by_mean.shape, -numpy.exp(2 * log_s) / noise_sd**2)], axis=1
        )

    return grad_log_lik


def regression_row_gradients(noise_sd: float) -> Callable[[Array, Array], Array]:
    """Gradients of E_q[log N(y_i; x_i beta, noise_sd)] in lam = (m, log s), each (D,).

    q(beta) = N(m, s), and a row of the data is (x_i, y_i): rows (B, D + 1) -> (B, 2 D).
    """

    def grad_log_lik(lam: Array, rows: Array) -> Array:
        x, y = rows[:, :-1], rows[:, -1]
        m, log_s = numpy.split(numpy.asarray(lam, float), 2)
        by_mean = x * (y - x @ m)[:, None] / noise_sd**2
        by_log_s = -(x**2) * numpy.exp(2 * log_s) / noise_sd**2
        return numpy.concatenate([by_mean, by_log_s], axis=1)

    return grad_log_lik


def prior_gradient(prior_sd: float) -> Callable[[Array], Array]:
    """The gradient of E_q[log N(beta; 0, prior_sd)] in lam = (m, log s), (2 D,) -> (2 D,)."""

    def grad_log_prior(lam: Array) -> Array:
        m, log_s = numpy.split(numpy.asarray(lam, float), 2)
        return -numpy.concatenate([m, numpy.exp(2 * log_s)]) / prior_sd**2

    return grad_log_prior


def entropy_gradient() -> Callable[[Array], Array]:
    """The gradient of the entropy of q = N(m, s) in lam = (m, log s), (2 D,) -> (2 D,)."""

    def grad_entropy(lam: Array) -> Array:
        return numpy.repeat([0.0, 1.0], len(lam) // 2)

    return grad_entropy


def zero_gradient() -> Callable[..., Array]:
    """A gradient that is 0: (P,) -> (P,), and with rows (B, ...) also (B, P)."""

    def gradient(lam: Array, rows: Array | None = None) -> Array:
        return numpy.zeros((len(lam),) if rows is None else (len(rows), len(lam)))

    return gradient


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


def table_estimator(rows: Array) -> Callable[[numpy.random.Generator], Array]:
    """An "estimator" that returns the rows (R, P) one after the other, over and over."""
    rows, count = numpy.asarray(rows), itertools.count()
    return lambda rng: rows[next(count) % len(rows)].copy()


def gaussian_estimator(mean: Array, sd: Array) -> Callable[[numpy.random.Generator], Array]:
    """An estimator whose estimates (P,) are independent N(mean, sd²)."""
    mean, sd = numpy.asarray(mean, float), numpy.asarray(sd, float)
    return lambda rng: mean + sd * rng.standard_normal(len(mean))


def regression_gradient(name: str) -> Callable[[numpy.random.Generator], Array]:
    """One draw's gradient (4,) in mu and sd at the best mean field of lesson 5's regression.

    `name` is "score", "total" or "path".
    """
    from vi_lib import bbvi, datasets, oracles, pathwise

    line = datasets.load("line_5")
    X = numpy.stack([numpy.ones(5), line["x"]], axis=1)
    model = oracles.LinearRegression(X, line["y"], prior_sd=10.0, noise_sd=0.1)
    mu, sd, _ = model.mean_field()
    slope = gaussian_grad_log_joint(model.mean, numpy.linalg.inv(model.cov))

    def gradient(rng: numpy.random.Generator) -> Array:
        eps = rng.standard_normal((1, 2))
        if name == "score":
            pair = bbvi.score_function_gradient(model.log_joint, mu, sd, mu + sd * eps)
        elif name == "total":
            pair = pathwise.reparameterization_gradient(slope, mu, sd, eps)
        else:
            pair = pathwise.path_derivative_gradient(slope, mu, sd, eps)
        return numpy.concatenate(pair)

    return gradient


def statistic(name: str) -> Callable[[Array], Any]:
    """A statistic of one data set, by its name below."""
    known: dict[str, Callable[[Array], Any]] = {
        "max": numpy.max,
        "range": numpy.ptp,
        "count of zeros": lambda y: int(numpy.sum(numpy.asarray(y) == 0)),
        "lag product": lambda y: float(numpy.sum(y[1:] * y[:-1])),
        "last column": lambda y: float(numpy.max(y[:, -1]) - numpy.min(y[:, 0])),
    }
    return known[name]


class _Table:
    """A prior whose draws stand in a table, and draws of a "posterior" at known places.

    Data are a disguise of theta, 2 theta + 1. The draws are theta + s, with shifts s of which a
    number that depends on theta alone is negative: that number is the rank.
    """

    def __init__(self, thetas: Array) -> None:
        self.thetas = numpy.asarray(thetas, float)
        self._next = itertools.count()

    def prior_draw(self, rng: numpy.random.Generator) -> Any:
        return self.thetas[next(self._next) % len(self.thetas)].copy()[()]


def table_prior(thetas: Array) -> Callable[[numpy.random.Generator], Any]:
    """A "prior" that returns the numbers (T,), or the rows (T, D), one after the other."""
    return _Table(thetas).prior_draw


def disguise() -> Callable[[Any, numpy.random.Generator], Any]:
    """A "simulator" without noise: the data are 2 theta + 1."""
    return lambda theta, rng: 2.0 * numpy.asarray(theta) + 1.0


def ladder_fit(offset: float = 0.0) -> Callable[[Any, int, numpy.random.Generator], Array]:
    """A "posterior" whose draws lie around theta so that the share below it is theta's fraction.

    With y = 2 theta + 1 the draws are theta + (l + ½) / L - frac(theta) for l = 0 .. L - 1, in a
    shuffled order; the rank of theta is the number of rungs below it. `offset` shifts all draws.
    """

    def fit(y: Any, num_draws: int, rng: numpy.random.Generator) -> Array:
        theta = (numpy.asarray(y) - 1.0) / 2.0
        rungs = (numpy.arange(num_draws) + 0.5) / num_draws
        rungs = rungs.reshape(-1, *[1] * theta.ndim)
        return (theta + offset + rungs - theta % 1.0)[(7 * numpy.arange(num_draws)) % num_draws]

    return fit


def normal_prior(mean: Any, sd: Any) -> Callable[[numpy.random.Generator], Any]:
    """The prior N(mean, sd) of a number or of (D,)."""
    return lambda rng: mean + sd * rng.standard_normal(numpy.shape(mean))


def normal_simulator(num: int, lik_sd: float) -> Callable[[Any, numpy.random.Generator], Array]:
    """Data y_i ~ N(theta, lik_sd), (num,), or (num, D) for theta (D,)."""
    return lambda theta, rng: theta + lik_sd * rng.standard_normal((num, *numpy.shape(theta)))


def normal_fit(
    mean: Any, sd: Any, lik_sd: float, width: float = 1.0
) -> Callable[[Array, int, numpy.random.Generator], Array]:
    """Draws from the exact posterior of `normal_prior` and `normal_simulator`, (num_draws, ...).

    With `width` other than 1 its sd is multiplied by it: a fit that is too sure of itself.
    """

    def fit(y: Array, num_draws: int, rng: numpy.random.Generator) -> Array:
        prec = 1.0 / numpy.square(sd) + len(y) / lik_sd**2
        centre = (mean / numpy.square(sd) + numpy.sum(y, axis=0) / lik_sd**2) / prec
        eps = rng.standard_normal((num_draws, *numpy.shape(centre)))
        return centre + width * eps / numpy.sqrt(prec)

    return fit
