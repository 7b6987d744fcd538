"""Checks of E1.2 and E1.3: the KL divergence and the ELBO as averages over draws.

The draws are given, so the plain averages are compared exactly. Other unbiased estimators of the KL
exist, such as that of r - 1 - log r with r = p / q; they are judged on average.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.checks.bank import e1_2
from autograder.checks.compare import Mismatch, close, number, require, unpack
from autograder.checks.diagnose import same
from autograder.checks.lesson05_cases import Z_ALPHA, in_two_tries, unbiased_and_no_noisier
from autograder.checks.protocol import Part, Recorder, Unanswered
from autograder.checks.values import build, made
from vi_lib.divergences import mvn_kl

Array = Any
Rng = np.random.Generator

_GAUSSIAN = "autograder.checks.inputs.gaussian_log_joint"
_BOX = "autograder.checks.inputs.box_log_density"


def _covariance(sd: Array) -> Array:
    """Correlation 0.4 between all coordinates."""
    dim = len(sd)
    return (0.6 * np.eye(dim) + 0.4 * np.ones((dim, dim))) * np.outer(sd, sd)


def _gaussian(mean: Array, cov: Array, log_evidence: float = 0.0) -> Any:
    return made(_GAUSSIAN, mean, np.linalg.inv(cov), log_evidence)


class _Pair:
    """Two Gaussians, p shifted by `gap` and scaled by `scale` sds of q, in `dim` dimensions."""

    def __init__(self, rng: Rng, dim: int, gap: float = 0.8, scale: float = 0.7):
        self.mean, sd = rng.uniform(-1.0, 1.0, dim), rng.uniform(0.8, 1.6, dim)
        self.cov = _covariance(sd)
        self.mean_p = self.mean + rng.choice([-1.0, 1.0], dim) * gap * sd
        self.log_q = _gaussian(self.mean, self.cov)
        self.log_p = _gaussian(self.mean_p, scale**2 * self.cov)
        self.kl = float(mvn_kl(self.mean, self.cov, self.mean_p, scale**2 * self.cov))

    def draws(self, rng: Rng, *shape: int) -> Array:
        eps = rng.standard_normal((*shape, len(self.mean)))
        return self.mean + eps @ np.linalg.cholesky(self.cov).T

    def terms(self, theta: Array) -> Array:
        return build(self.log_q)(theta) - build(self.log_p)(theta)


# E1.2


def _estimate(answer: Recorder, pair: _Pair, theta: Array) -> tuple[Any, ...]:
    return _unpacked(answer.call("kl_monte_carlo", pair.log_q, pair.log_p, theta))


def _unpacked(found: Any) -> tuple[Any, ...]:
    return unpack(found, ("estimate", "std_error"), "`kl_monte_carlo`")


def _plain_estimates(answer: Recorder, rng: Rng) -> None:
    for dim, num in ((2, 7), (1, 5)):
        pair = _Pair(rng, dim)
        theta = pair.draws(rng, num)
        _plain_estimate(answer, pair, theta, f"the estimate from {num} draws")
    near = pair.mean_p + 0.05 * rng.standard_normal((3, 1))
    what = "the estimate from 3 draws that happen to lie near the centre of p"
    _plain_estimate(answer, pair, near, what)


def _plain_estimate(answer: Recorder, pair: _Pair, theta: Array, what: str) -> None:
    estimate, _ = _estimate(answer, pair, theta)
    with _recognised(e1_2.ESTIMATES, estimate, pair.log_q, pair.log_p, theta):
        close(estimate, np.mean(pair.terms(theta)), what)


@contextlib.contextmanager
def _recognised(
    slips: e1_2.Slips, got: Any, log_q: Any, log_p: Any, theta: Array
) -> Iterator[None]:
    """Name a mismatch by the mistake that gives this number, whatever the other number is."""
    try:
        yield
    except Mismatch as error:
        came = error.got
        if isinstance(came, np.ndarray) and np.isfinite(came).all():  # infinities are all alike
            at = build(log_q)(theta), build(log_p)(theta)
            error.name = _named(slips, got, *at) or error.name
        raise


def _named(slips: e1_2.Slips, got: Any, at_q: Array, at_p: Array) -> str | None:
    with np.errstate(all="ignore"):
        for name, (_, ways) in slips.items():
            if any(same(way(at_q, at_p), got) for way in ways):
                return name
    return None


def _unbiased(answer: Recorder, rng: Rng) -> None:
    """Many draws at a time, and few where q is so near to p that estimates are often negative."""
    for pair, repeats, num in ((_Pair(rng, 2), 30, 700), (_Pair(rng, 1, 0.3, 0.95), 600, 8)):
        thetas = pair.draws(rng, repeats, num)
        rows = [number(_estimate(answer, pair, t)[0], "the estimate") for t in thetas]
        plain = np.mean(pair.terms(thetas), axis=1)
        what = f"the mean of {repeats} estimates, each from {num} draws"
        unbiased_and_no_noisier(np.array(rows)[:, None], pair.kl, plain[:, None], what, Z_ALPHA / 2)


def _mc_estimate(answer: Recorder, rng: Rng) -> None:
    _or_on_average(lambda: _plain_estimates(answer, rng), lambda: _unbiased(answer, rng))


def _or_on_average(exact: Callable[[], None], on_average: Callable[[], None]) -> None:
    """Accept what is exact on the given draws, or right on average unless the bank knows better."""
    try:
        exact()
    except Mismatch as mismatch:
        if mismatch.name is not None:
            raise
        try:
            in_two_tries(on_average)
        except (Mismatch, Unanswered):
            raise mismatch from None


def _mc_error(answer: Recorder, rng: Rng) -> None:
    """Sd / √S with ddof 0 or 1; an unbiased estimator of another kind has to know its own error."""
    pair = _Pair(rng, 2)
    theta = pair.draws(rng, 9)
    terms = pair.terms(theta)
    estimate, error = _estimate(answer, pair, theta)

    def exact() -> None:
        got = number(error, "the standard error")
        wants = [float(np.std(terms, ddof=ddof)) / 3.0 for ddof in (1, 0)]
        nearest = min(wants, key=lambda want: abs(want - got))
        with _recognised(e1_2.ERRORS, error, pair.log_q, pair.log_p, theta):
            close(error, nearest, "the standard error of the estimate from 9 draws")

    def on_average() -> None:
        _unbiased(answer, rng)
        _calibrated(answer, rng)

    try:
        with _recognised(e1_2.ESTIMATES, estimate, pair.log_q, pair.log_p, theta):
            close(estimate, np.mean(terms), "the estimate")
    except Mismatch as mismatch:
        if mismatch.name is None:
            _or_on_average(exact, on_average)
            return
    exact()


def _calibrated(answer: Recorder, rng: Rng) -> None:
    pair = _Pair(rng, 2)
    found = [_estimate(answer, pair, theta) for theta in pair.draws(rng, 300, 50)]
    estimates, errors = (
        np.array([number(value, "a result") for value in column])
        for column in zip(*found, strict=True)
    )
    spread = float(np.std(estimates))
    require(spread > 0.0, "the estimate does not depend on the draws.")
    ratio = float(np.sqrt(np.mean(errors**2))) / spread
    # The ratio of a right error has a standard deviation of 0.05.
    require(
        0.7 < ratio < 1.4,
        f"the standard error: over 300 repetitions your estimates spread {1 / ratio:.3g} times as "
        "much as your standard errors say.",
    )


def _excluded(answer: Recorder, rng: Rng) -> None:
    """Where p has no mass but q has, the divergence is infinite, and so is the estimate."""
    half = np.round(rng.uniform(1.0, 1.5, 2), 2)
    log_q, log_p = _gaussian(np.zeros(2), np.eye(2)), made(_BOX, -half, half)
    theta = rng.uniform(-0.9, 0.9, (6, 2)) * half
    _unpacked(answer.call("kl_monte_carlo", log_q, log_p, theta))  # so that a mistake shows
    theta[int(rng.integers(6)), 0] = half[0] + 0.5
    estimate, _ = _unpacked(answer.call("kl_monte_carlo", log_q, log_p, theta))
    with _recognised(e1_2.ESTIMATES, estimate, log_q, log_p, theta):
        close(estimate, np.inf, "the estimate if p is 0 at one of the draws (log p = -inf)")


def _whole_numbers(answer: Recorder, rng: Rng) -> None:
    """Two draws, whole numbers; compared with the same numbers as floats."""
    pair = _Pair(rng, 2)
    theta = np.array([[1, -2], [-1, 3]])
    own = _estimate(answer, pair, theta.astype(float))
    names = ("the estimate", "the standard error")
    for got, want, name in zip(_estimate(answer, pair, theta), own, names, strict=True):
        expected = number(want, name)
        require(np.isfinite(expected), f"{name} from two draws: got {expected}.")
        close(got, expected, f"{name} from two draws that are whole numbers")


MONTE_CARLO_PARTS = (
    Part("estimate", 1.5, _mc_estimate, false_alarm=1e-6),
    Part("standard error", 1.5, _mc_error, false_alarm=1e-6),
    Part("infinite where p excludes a draw", 0.5, _excluded),
    Part("two draws, whole numbers", 0.5, _whole_numbers),
)

# E1.3


def _elbo(answer: Recorder, log_joint: Any, log_q: Any, theta: Array) -> Any:
    return answer.call("elbo_monte_carlo", log_joint, log_q, theta)


def _model(rng: Rng, dim: int) -> tuple[_Pair, Any, float]:
    """A q, a log joint whose posterior is another Gaussian, and the log evidence."""
    pair = _Pair(rng, dim)
    log_evidence = float(rng.uniform(-4.0, -2.0))
    joint = made(_GAUSSIAN, *pair.log_p.args[:2], log_evidence)
    return pair, joint, log_evidence


def _elbo_values(answer: Recorder, rng: Rng) -> None:
    for dim, num in ((2, 7), (1, 4), (3, 12)):
        pair, log_joint, log_evidence = _model(rng, dim)
        theta = pair.draws(rng, num)
        want = log_evidence - np.mean(pair.terms(theta))
        close(_elbo(answer, log_joint, pair.log_q, theta), want, f"the ELBO from {num} draws")


def _elbo_constant(answer: Recorder, rng: Rng) -> None:
    """If q is the posterior, each draw gives the log evidence: no draws can change the answer."""
    pair, log_joint, log_evidence = _model(rng, 2)
    posterior = pair.log_p
    for num in (1, 2, 5, 20):
        theta = pair.draws(rng, num)
        what = f"the ELBO from {num} draw(s) if q is the posterior, which is log p(x)"
        close(_elbo(answer, log_joint, posterior, theta), log_evidence, what)


def _elbo_edges(answer: Recorder, rng: Rng) -> None:
    pair, log_joint, log_evidence = _model(rng, 2)
    for theta, where in (
        (pair.draws(rng, 1), "from a single draw"),
        (np.array([[1, -2], [-1, 3], [0, 1]]), "from draws that are whole numbers"),
    ):
        want = log_evidence - np.mean(pair.terms(theta))
        close(_elbo(answer, log_joint, pair.log_q, theta), want, f"the ELBO {where}")


ELBO_PARTS = (
    Part("value on given draws", 1.5, _elbo_values),
    Part("constant if q is the posterior", 1.0, _elbo_constant),
    Part("a single draw, whole numbers", 0.5, _elbo_edges),
)
