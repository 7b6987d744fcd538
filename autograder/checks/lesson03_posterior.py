"""Checks of E3.1, `exact_posterior_linreg(...) -> (mean, cov, log_evidence)`: three results.

Each result is judged by itself, so a mistake in one does not cost the points of the others; and the
bank knows the mistakes of each, so two at once are both named. A vector of prior precisions is
compared with the answer's own results for a single one, on rescaled covariates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.checks.bank import e3_1
from autograder.checks.bank.e3_regression import NAMES, At
from autograder.checks.compare import NUMERICAL, Mismatch, array, close, number, require, unpack
from autograder.checks.diagnose import same
from autograder.checks.protocol import Part, Recorder
from vi_lib.cavi import exact_posterior_linreg

Array = Any
Rng = np.random.Generator
Case = tuple[Array, Array, Any, float]

_TITLES = {"mean": "the mean", "cov": "the covariance", "log_evidence": "log p(y)"}
_FUNCTION = "exact_posterior_linreg"


def regression(rng: Rng, num: int, dim: int) -> Case:
    """X, y, prior_prec, noise_prec: a prior that counts, and no precision near 1."""
    X = rng.standard_normal((num, dim)) + 0.6 * rng.standard_normal((num, 1))
    X += rng.choice([-0.5, 0.5], dim)
    beta = rng.choice([-1.0, 1.0], dim) * rng.uniform(0.5, 1.5, dim)
    prior_prec, noise_prec = float(rng.uniform(1.6, 2.4)), float(rng.uniform(2.8, 4.0))
    return X, X @ beta + rng.standard_normal(num) / noise_prec**0.5, prior_prec, noise_prec


def whole_numbers(rng: Rng) -> Case:
    """The same in whole numbers."""
    X = np.array([[1, 0], [1, 1], [1, 2], [1, 4], [1, 5]])
    return X, rng.permutation([-2, 1, 3, 4, 7]), 2, 3


def _cases(rng: Rng) -> Iterator[tuple[Case, str]]:
    for num, dim in ((7, 2), (12, 4)):
        yield regression(rng, num, dim), f"for {num} data and {dim} coefficients"
    yield regression(rng, 5, 1), "for a single coefficient"
    yield regression(rng, 1, 2), "for a single datum"
    yield whole_numbers(rng), "for whole numbers"


def _results(answer: Recorder, case: Case) -> tuple[Any, ...]:
    return unpack(answer.call(_FUNCTION, *case), NAMES, f"`{_FUNCTION}`")


def _part(name: str) -> Callable[[Recorder, Rng], None]:
    index = NAMES.index(name)

    def part(answer: Recorder, rng: Rng) -> None:
        for case, where in _cases(rng):
            got = _results(answer, case)[index]
            want = exact_posterior_linreg(*case)[index]
            try:
                close(got, want, f"{_TITLES[name]} {where}", atol=1e-10)
            except Mismatch as error:
                error.name = _slip(name, case, got) or error.name
                raise

    return part


def _slip(name: str, case: Case, got: Any) -> str | None:
    """The mistake of the bank that gives this result, whatever the other two are."""
    at = At(*case)
    with np.errstate(all="ignore"):
        for slip, values in e3_1.SLIPS[name].items():
            for value in values:
                try:
                    if same(value(at), got):
                        return slip
                except np.linalg.LinAlgError:  # such as least squares with too few data
                    continue
    return None


def _precision_each(answer: Recorder, rng: Rng) -> None:
    """beta_j of precision p_j is beta_j / sqrt(p_j) of precision 1, with X_j / sqrt(p_j)."""
    for num, dim in ((9, 3), (3, 5)):
        X, y, _, noise_prec = regression(rng, num, dim)
        prior_prec = rng.uniform(0.3, 4.0, dim)
        root = np.sqrt(prior_prec)
        mean, cov, log_evidence = _results(answer, (X / root, y, 1.0, noise_prec))
        found = _results(answer, (X, y, prior_prec, noise_prec))
        where = f"with one prior precision for each of {dim} coefficients, {num} data"
        wants = (
            _shaped(mean, (dim,), "the mean") / root,
            _shaped(cov, (dim, dim), "the covariance") / np.outer(root, root),
            number(log_evidence, "log p(y)"),
        )
        for name, got, want in zip(NAMES, found, wants, strict=True):
            close(got, want, f"{_TITLES[name]} {where}", rtol=NUMERICAL)


def _shaped(value: Any, shape: tuple[int, ...], what: str) -> Array:
    found = array(value, what)
    require(found.shape == shape, f"{what}: expected shape {shape}, got {found.shape}.", got=value)
    return found.astype(float)


def _many(answer: Recorder, rng: Rng) -> None:
    """Determinants beyond the range of floating-point numbers: |A| = 1e350, |Cov[y]| = 1e-530."""
    for num, dim in ((200, 150), (700, 2)):
        X, y, prior_prec, _ = regression(rng, num, dim)
        case = X, y, prior_prec, 6.0
        got = _results(answer, case)[2]
        want = exact_posterior_linreg(*case)[2]
        what = f"log p(y) for {num} data and {dim} coefficients"
        try:
            close(got, want, what, rtol=NUMERICAL)
        except Mismatch as error:
            at_fault = None if error.name == "not-finite" else _slip("log_evidence", case, got)
            error.name = at_fault or error.name
            raise


POSTERIOR_PARTS = (
    Part("mean", 1.5, _part("mean")),
    Part("covariance", 1.0, _part("cov")),
    Part("log evidence", 1.5, _part("log_evidence")),
    Part("one prior precision for each coefficient", 0.5, _precision_each),
    Part("many data, many coefficients", 0.5, _many),
)
