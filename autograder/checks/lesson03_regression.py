"""Checks of E3.2, coordinate ascent for regression, and E3.3, its ELBO.

E3.2 fixes the start and the number of sweeps, not the order of the coefficients within a sweep. In
E3.3 answers return one number, but its terms can be told apart by what they depend on: so a wrong
term costs its own points, and the bank knows the mistakes of each.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.checks.bank import e3_2, e3_3
from autograder.checks.bank.e3_elbo import At
from autograder.checks.compare import Mismatch, array, close, number, require, unpack
from autograder.checks.lesson03_posterior import regression, whole_numbers
from autograder.checks.protocol import Part, Recorder
from autograder.checks.slips import looking_up, nth
from vi_lib import cavi

Array = Any
Rng = np.random.Generator
Case = tuple[Array, Array, Any, float]

# E3.2

MEAN, PREC = (nth(index, ("mean", "prec")) for index in range(2))


def _fit(answer: Recorder, case: Case, num_sweeps: int) -> tuple[Any, ...]:
    found = answer.call("cavi_linreg", *case, num_sweeps)
    return unpack(found, ("mean", "prec"), "`cavi_linreg`")


def _precisions(answer: Recorder, rng: Rng) -> None:
    with looking_up(answer, e3_2.WRONG, PREC):
        for num, dim in ((9, 3), (6, 2)):
            case = regression(rng, num, dim)
            _, prec = _fit(answer, case, 2)
            want = cavi.cavi_linreg(*case, 1)[1]
            close(prec, want, f"the precisions for {dim} coefficients")


def _at_rest(answer: Recorder, rng: Rng) -> None:
    with looking_up(answer, e3_2.WRONG, MEAN):
        for num, dim in ((12, 3), (9, 2)):
            case = regression(rng, num, dim)
            mean, _ = _fit(answer, case, 250)
            want = cavi.exact_posterior_linreg(*case)[0]
            close(mean, want, "the means after 250 sweeps, against the exact posterior mean")


def _on_the_way(answer: Recorder, rng: Rng) -> None:
    case = regression(rng, 8, 3)
    with looking_up(answer, e3_2.WRONG, MEAN):
        for num_sweeps in (1, 2):
            mean, _ = _fit(answer, case, num_sweeps)
            found = array(mean, "the means")
            require(found.shape == (3,), f"the means: expected shape (3,), got {found.shape}.")
            wants = _in_any_order(case, num_sweeps)
            nearest = min(wants, key=lambda want: float(np.max(np.abs(want - found))))
            expected = wants[0] if np.max(np.abs(nearest - found)) > 1e-6 else nearest
            close(mean, expected, f"the means after num_sweeps = {num_sweeps}, from means of 0")


def _in_any_order(case: Case, num_sweeps: int) -> list[Array]:
    """The means after these sweeps, each of which may take the coefficients in its own order."""
    X, y, prior_prec, noise_prec = case
    A = prior_prec * np.eye(X.shape[1]) + noise_prec * X.T @ X
    b = noise_prec * X.T @ y
    orders = list(itertools.permutations(range(len(b))))
    ends = []
    for chosen in itertools.product(orders, repeat=num_sweeps):
        mean = np.zeros(len(b))
        for j in itertools.chain(*chosen):
            mean[j] += (b[j] - A[j] @ mean) / A[j, j]
        ends.append(mean)
    return ends


def _correlated(answer: Recorder, rng: Rng) -> None:
    """Correlations of 0.8 between four covariates: simultaneous updates run away.

    They double in each sweep and so stay finite: what has overflowed is no longer told apart.
    """
    _, y, prior_prec, noise_prec = regression(rng, 15, 4)
    root = np.linalg.cholesky(np.full((4, 4), 0.8) + 0.2 * np.eye(4))
    X = 3.0 * np.linalg.qr(rng.standard_normal((15, 4)))[0] @ root.T
    case = X, y, prior_prec, noise_prec
    with looking_up(answer, e3_2.WRONG, MEAN):
        mean, _ = _fit(answer, case, 150)
        want = cavi.exact_posterior_linreg(*case)[0]
        close(mean, want, "the means for strongly correlated covariates, after 150 sweeps")


def _kinds_of_input(answer: Recorder, rng: Rng) -> None:
    _, y, _, noise_prec = regression(rng, 7, 3)
    X = 2.0 * np.linalg.qr(rng.standard_normal((7, 3)))[0] + 0.2 * rng.standard_normal((7, 3))
    cases: tuple[tuple[Case, str], ...] = (
        (whole_numbers(rng), "for whole numbers"),
        ((X, y, rng.uniform(0.5, 4.0, 3), noise_prec), "with one prior precision for each"),
        (regression(rng, 5, 1), "for a single coefficient"),
    )
    for case, where in cases:
        mean, prec = _fit(answer, case, 300)
        close(prec, cavi.cavi_linreg(*case, 1)[1], f"the precisions {where}")
        close(mean, cavi.exact_posterior_linreg(*case)[0], f"the means {where}")


ASCENT_PARTS = (
    Part("precisions", 1.0, _precisions),
    Part("means at rest", 1.5, _at_rest),
    Part("one sweep, two sweeps", 1.0, _on_the_way),
    Part("strongly correlated covariates", 0.5, _correlated),
    Part("whole numbers, a vector of prior precisions", 1.0, _kinds_of_input),
)

# E3.3


def _elbo(answer: Recorder, at: At) -> Any:
    """The ELBO as a number; in single precision it stays so, and is compared accordingly."""
    found = array(answer.call("elbo_linreg", *at.arguments), "the ELBO")
    value = number(found, "the ELBO")
    if not np.isfinite(value):
        raise Mismatch(f"the ELBO: expected a finite number, got {value}.", name="not-finite")
    return np.float32(value) if found.dtype == np.float32 else value


def _at(rng: Rng, num: int = 6, dim: int = 3) -> At:
    X, y, prior_prec, noise_prec = regression(rng, num, dim)
    mean = rng.choice([-1.0, 1.0], dim) * rng.uniform(0.6, 1.6, dim)
    return At(X, y, prior_prec, noise_prec, mean, rng.uniform(2.0, 8.0, dim))


def _negated(answer: Recorder, at: At) -> bool:
    return bool(np.isclose(_elbo(answer, at), -cavi.elbo_linreg(*at.arguments), rtol=1e-6))


def _term(answer: Recorder, name: str, got: Any, before: At, after: At, what: str) -> None:
    """Compare the change of a term, and name the slip that gives the same change."""

    def change(term: e3_3.Term) -> float:
        return term(after) - term(before)

    try:
        close(got, change(e3_3.RIGHT_TERMS[name]), what, atol=1e-8)
    except Mismatch as error:
        if _negated(answer, after):  # then no term is wrong by itself
            error.name = "negated"
            raise
        tolerance = 1e-7 * (1.0 + abs(got))
        for slip, terms in e3_3.SLIPS[name].items():
            if any(abs(change(term) - got) <= tolerance for term in terms):
                error.name = slip
                break
        raise


def _likelihood(answer: Recorder, rng: Rng) -> None:
    """Further data add E[log p(y | beta)] of their own and nothing else."""
    for num, dim in ((6, 3), (9, 2)):
        at, more = _at(rng, num, dim), _at(rng, num + 3, dim)
        both = at.change(X=np.concatenate([at.X, more.X]), y=np.concatenate([at.y, more.y]))
        got = _elbo(answer, both) - _elbo(answer, at)
        what = f"E[log p(y|β)] of {num + 3} data, found as your ELBO with them minus without them"
        _term(answer, "log_lik", got, at, both, what)


def _prior(answer: Recorder, rng: Rng) -> None:
    """Changing prior_prec changes E[log p(beta)] and nothing else."""
    at = _at(rng)
    for other in (at.change(prior_prec=4.7), at.change(prior_prec=rng.uniform(3.0, 6.0, 3))):
        got = _elbo(answer, other) - _elbo(answer, at)
        what = "E[log p(β)], found as the change of your ELBO with `prior_prec`"
        _term(answer, "log_prior", got, at, other, what)


def _entropies(answer: Recorder, rng: Rng) -> None:
    """Under a flat prior 2 ELBO(y) - ELBO(y, y) is H[q], up to what does not depend on q."""
    at = _at(rng).change(prior_prec=1e-9)
    twice = at.change(X=np.concatenate([at.X, at.X]), y=np.concatenate([at.y, at.y]))
    narrow, wide = rng.uniform(6.0, 9.0, 3), rng.uniform(0.5, 2.0, 3)

    def entropy(prec: Array) -> Any:
        once = _elbo(answer, at.change(prec=prec))
        return once + once - _elbo(answer, twice.change(prec=prec))

    what = "H[q], by how much it favours a wide q over a narrow one in your ELBO under a flat prior"
    got = entropy(wide) - entropy(narrow)
    _term(answer, "entropy", got, at.change(prec=narrow), at.change(prec=wide), what)


def _value(answer: Recorder, rng: Rng) -> None:
    X, y, prior_prec, noise_prec = regression(rng, 10, 3)
    mean, prec = cavi.cavi_linreg(X, y, prior_prec, noise_prec, 300)
    best = At(X, y, prior_prec, noise_prec, mean, prec)
    whole = At(*whole_numbers(rng), np.array([2, -1]), np.array([3, 5]))
    cases = (
        (_at(rng), "the ELBO, all terms together"),
        (best, "the ELBO of the best q: log p(y) − KL"),
        (_at(rng, 5, 1), "the ELBO for a single coefficient"),
        (whole, "the ELBO of whole numbers"),
    )
    for at, what in cases:
        want = cavi.elbo_linreg(*at.arguments)
        got = _elbo(answer, at)
        try:
            close(got, want, what, atol=1e-9)
        except Mismatch as error:
            top = cavi.exact_posterior_linreg(*at.arguments[:4])[2]
            if got > top + 1e-9:
                error.message += f" It lies above log p(y) = {top:.6g}: no lower bound can."
            raise


ELBO_PARTS = (
    Part("expected log-likelihood", 1.5, _likelihood),
    Part("prior of β", 1.0, _prior),
    Part("entropies", 1.0, _entropies),
    Part("value, and the bound on log p(y)", 1.5, _value),
)
