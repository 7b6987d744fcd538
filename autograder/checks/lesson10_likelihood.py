"""Checks of E10.1 and E10.2: a Gaussian log likelihood from a log variance, and a bound with it.

Both are closed forms, one value an element, and compared exactly. What E10.2 is a bound *on* is
known here, so that a mistake which breaks the bound is shown the evidence it exceeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograder.checks.compare import EXACT, SINGLE, Mismatch, array, close, require, show
from autograder.checks.diagnose import same
from autograder.checks.protocol import Part, Recorder
from vi_lib import densities
from vi_lib.amortised import gaussian_log_likelihood, latent_regression_elbo

Array = Any
Rng = np.random.Generator


@contextmanager
def _a_single_number_is(name: str, got: Any) -> Iterator[None]:
    """Where one number came for several elements, that is the mistake, whatever the number is."""
    try:
        yield
    except Mismatch as mismatch:
        if array(got, "the answer").size == 1 and np.size(mismatch.expected) > 1:
            mismatch.name = name
        raise


# E10.1: gaussian_log_likelihood(y, mu, log_var)

LIKELIHOOD = "gaussian_log_likelihood"


def _signs(rng: Rng, *shape: int) -> Array:
    return rng.choice([-1.0, 1.0], shape)


def _residual_case(rng: Rng, *shape: int) -> tuple[Array, Array, Array]:
    """y, mu and log_var; residuals of .5 to 2 sds, so that no term of the answer is small."""
    log_var = _signs(rng, *shape) * rng.uniform(0.5, 1.5, shape)
    mu = rng.normal(0.0, 2.0, shape)
    z = _signs(rng, *shape) * rng.uniform(0.5, 2.0, shape)
    return mu + z * np.exp(0.5 * log_var), mu, log_var


def likelihood_values(answer: Recorder, rng: Rng) -> None:
    """Six observations, each with a mean and a log variance of its own."""
    case = _residual_case(rng, 6)
    got = answer.call(LIKELIHOOD, *case)
    with _a_single_number_is("averaged-over-points", got):
        close(got, gaussian_log_likelihood(*case), "log N of 6 numbers")


def likelihood_shapes(answer: Recorder, rng: Rng) -> None:
    """One log variance for all, several nets at once, single numbers, whole numbers."""
    y, mu, log_var = _residual_case(rng, 4)
    several = mu + rng.normal(0.0, 1.0, (3, 4))
    whole = (np.array([3, -1, 4, 2]), np.array([1, -2, 2, 5]), np.array([1, 2, -1, 1]))
    cases = (
        ((y, mu, float(log_var[0])), "with one log variance for all 4 points"),
        ((y, several, log_var), "with means of shape (3, 4), one row a net"),
        ((float(y[0]), float(mu[0]), float(log_var[0])), "of single numbers"),
        (whole, "of whole numbers"),
    )
    for case, what in cases:
        close(answer.call(LIKELIHOOD, *case), gaussian_log_likelihood(*case), f"log N {what}")


def likelihood_extremes(answer: Recorder, rng: Rng) -> None:
    """Variances from e^-30 to e^30; everything is called before anything is compared."""
    cases = []
    for centre in (-30.0, 30.0, -20.0):
        log_var = centre * rng.uniform(0.95, 1.0, 2)
        mu = _signs(rng, 2) * rng.uniform(1.0, 2.0, 2)
        z = _signs(rng, 2) * rng.uniform(2.0, 3.0, 2)
        cases.append((mu + z * np.exp(0.5 * log_var), mu, log_var))
    found = [answer.call(LIKELIHOOD, *case) for case in cases]
    for case, got in zip(cases, found, strict=True):
        close(got, gaussian_log_likelihood(*case), f"log N for log_var = {show(case[2])}")


LIKELIHOOD_PARTS = (
    Part("value", 1.0, likelihood_values),
    Part("other shapes, whole numbers", 1.0, likelihood_shapes),
    Part("variances from e⁻³⁰ to e³⁰", 1.0, likelihood_extremes),
)


# E10.2: latent_regression_elbo(y, m, s, noise_sd)

BOUND = "latent_regression_elbo"


def _latent_case(rng: Rng, num: int) -> tuple[Array, Array, Array, Array]:
    """y, m, s and noise_sd, elementwise; s and noise_sd differ from 1 and from each other."""
    noise_sd = rng.permutation(np.where(np.arange(num) % 2 == 0, 0.6, 1.5))
    noise_sd = noise_sd * rng.uniform(0.9, 1.1, num)
    s = rng.uniform(0.25, 0.45, num)
    y = _signs(rng, num) * rng.uniform(0.8, 2.0, num)
    m = y * rng.uniform(0.3, 0.6, num)
    return y, m, s, noise_sd


def _evidence(y: Array, noise_sd: Array) -> Array:
    return densities.normal(y, 0.0, np.sqrt(1.0 + noise_sd**2))


def _compare_bound(answer: Recorder, case: tuple[Any, ...], what: str) -> None:
    """Compare with the closed form; two calls that differ are drawn at random."""
    got = answer.call(BOUND, *case)
    try:
        with _a_single_number_is("summed", got):
            close(got, latent_regression_elbo(*case), what)
    except Mismatch as mismatch:
        if not same(answer.call(BOUND, *case), got):
            mismatch.message += " The same arguments gave another value the second time."
            mismatch.name = "drawn-at-random"
        raise


def bound_values(answer: Recorder, rng: Rng) -> None:
    """Five observations, each with its own q."""
    _compare_bound(answer, _latent_case(rng, 5), "the ELBO of 5 observations")


def bound_shapes(answer: Recorder, rng: Rng) -> None:
    """One noise for all, one q for all, single numbers, whole numbers."""
    y, m, s, noise_sd = _latent_case(rng, 4)
    whole = (np.array([2, -1, 3]), np.array([1, 1, -2]), np.array([2, 3, 1]), 2)
    cases = (
        ((y, m, s, float(noise_sd[0])), "with one noise_sd for 4 observations"),
        ((y, float(m[0]), float(s[0]), float(noise_sd[1])), "of 4 observations under one q"),
        (tuple(float(value[0]) for value in (y, m, s, noise_sd)), "of single numbers"),
        (whole, "of whole numbers"),
    )
    for case, what in cases:
        _compare_bound(answer, case, f"the ELBO {what}")


def bound_is_tight(answer: Recorder, rng: Rng) -> None:
    """At the exact posterior the ELBO is the log evidence."""
    y, _, _, noise_sd = _latent_case(rng, 5)
    var = 1.0 / (1.0 + noise_sd**-2.0)
    got = answer.call(BOUND, y, y / (1.0 + noise_sd**2), np.sqrt(var), noise_sd)
    close(got, _evidence(y, noise_sd), "the ELBO where q is the exact posterior: log p(y)")


def bound_holds(answer: Recorder, rng: Rng) -> None:
    """Never above the log evidence, and below it by KL(q || exact posterior)."""
    y, m, s, noise_sd = _latent_case(rng, 8)
    y[:2], m[:2], s[:2] = y[:2] / 10.0, 0.0, 0.05
    came = array(answer.call(BOUND, y, m, s, noise_sd), "the ELBO")
    require(
        came.shape == (8,), f"the ELBO: expected an array of shape (8,), got shape {came.shape}."
    )
    exact, evidence = latent_regression_elbo(y, m, s, noise_sd), _evidence(y, noise_sd)
    slack = float(SINGLE if came.dtype == np.float32 else EXACT) * np.max(np.abs(exact))
    require(
        bool(np.all(came <= evidence + slack)),
        f"expected at most the log evidence {show(evidence)}, got {show(came)}: no lower bound "
        "may exceed it.",
        expected=exact,
        got=came,
    )
    var = 1.0 / (1.0 + noise_sd**-2.0)
    gap = 0.5 * (np.log(var / s**2) + (s**2 + (m - y / (1.0 + noise_sd**2)) ** 2) / var - 1.0)
    close(evidence - came, gap, "log p(y) minus your ELBO, which is KL(q ‖ posterior)",
          rtol=1e-8 if came.dtype == float else 1e-3)  # fmt: skip


BOUND_PARTS = (
    Part("value", 2.0, bound_values),
    Part("other shapes, whole numbers", 1.0, bound_shapes),
    Part("tight at the exact posterior", 1.0, bound_is_tight),
    Part("never above the evidence", 1.0, bound_holds),
)
