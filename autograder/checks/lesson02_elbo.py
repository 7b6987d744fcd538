"""Checks of E2.4, the ELBO of the Gaussian-Gamma model, term by term.

Answers return one number, but its terms can be told apart by what they depend on: the likelihood
doubles with the data, each prior changes with its own parameters, and what is left are the
entropies. So a wrong term costs its own points and not those of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.bank import e2_4
from autograder.checks.compare import Mismatch, array, close, require, show
from autograder.checks.protocol import Part, PartTest, Recorder
from autograder.checks.slips import compared_alike
from vi_lib import cavi, datasets

Array = Any
Rng = np.random.Generator

LESSON_PRIOR = {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01}
"""The nearly flat prior of the lesson's example."""

ELBO_ERROR = 1e-3
"""Largest error of a term, in nats. A closed form has 1e-12; a good quadrature is right too."""


def _elbo(answer: Recorder, x: Array, prior: tuple[Any, ...], q: tuple[Any, ...]) -> float:
    found = array(answer.call("elbo_gaussian_gamma", x, *prior, *q), "`elbo_gaussian_gamma`")
    require(found.size == 1, f"the ELBO: expected one number, got {show(found)}.", got=found)
    value = float(found.reshape(()))
    if not np.isfinite(value):
        raise Mismatch(
            f"the ELBO: expected a finite number, got {value}.", got=value, name="not-finite"
        )
    return value


def _elbo_inputs(rng: Rng) -> tuple[Array, tuple[float, ...], tuple[float, ...]]:
    x = rng.normal(rng.uniform(1.0, 3.0), 1.5, int(rng.integers(5, 9)))
    prior = (rng.uniform(-2.0, 0.0), rng.uniform(0.4, 0.6), rng.uniform(2.5, 3.5), 1.7)
    q = (rng.uniform(0.5, 2.5), rng.uniform(0.4, 0.7), rng.uniform(3.0, 4.0), rng.uniform(2.0, 3.0))
    return x, prior, q


def _elbo_likelihood(answer: Recorder, rng: Rng) -> None:
    """Taking the data twice adds E[log p(x | mu, gamma)] and nothing else."""
    x, prior, q = _elbo_inputs(rng)
    twice = np.concatenate([x, x])
    got = _elbo(answer, twice, prior, q) - _elbo(answer, x, prior, q)
    want = cavi.elbo_terms_gaussian_gamma(x, *prior, *q)["log_lik"]
    what = "E[log p(x|μ,γ)], found as your ELBO with the data taken twice minus that with them once"
    try:
        close(got, want, what, atol=ELBO_ERROR)
    except Mismatch as error:
        again = _elbo(answer, twice, prior, q) - _elbo(answer, x, prior, q)
        if abs(again - got) > ELBO_ERROR:
            raise Mismatch(
                f"two calls with the same arguments differ by {abs(again - got):.3g} nats: a "
                f"Monte Carlo average must be right to {ELBO_ERROR} nats. All five expectations "
                "have closed forms.",
                name="noisy",
            ) from error
        raise


def _elbo_prior_mu(answer: Recorder, rng: Rng) -> None:
    """Changing mu0 and tau0 changes E[log p(mu)] and nothing else."""
    x, (mu0, tau0, *gamma), q = _elbo_inputs(rng)
    other = (mu0 + 3.0, 4.0 * tau0, *gamma)
    got = _elbo(answer, x, other, q) - _elbo(answer, x, (mu0, tau0, *gamma), q)
    close(
        got,
        _difference("log_prior_mu", x, other, (mu0, tau0, *gamma), q),
        "E[log p(μ)], the change of your ELBO with μ₀ and τ₀",
        atol=ELBO_ERROR,
    )


def _elbo_prior_gamma(answer: Recorder, rng: Rng) -> None:
    """Changing alpha0 and beta0 changes E[log p(gamma)] and nothing else."""
    x, (mu0, tau0, alpha0, beta0), q = _elbo_inputs(rng)
    other = (mu0, tau0, alpha0 / 5.0, beta0 / 2.0)
    got = _elbo(answer, x, other, q) - _elbo(answer, x, (mu0, tau0, alpha0, beta0), q)
    close(
        got,
        _difference("log_prior_gamma", x, other, (mu0, tau0, alpha0, beta0), q),
        "E[log p(γ)], the change of your ELBO with α₀ and β₀",
        atol=ELBO_ERROR,
    )


def _difference(
    term: str, x: Array, prior: tuple[Any, ...], other: tuple[Any, ...], q: tuple[Any, ...]
) -> float:
    terms = [cavi.elbo_terms_gaussian_gamma(x, *at, *q)[term] for at in (prior, other)]
    return terms[0] - terms[1]


def _elbo_entropies(answer: Recorder, rng: Rng) -> None:
    """With alpha0 = 1 and tau0, beta0 near 0 the priors are flat: 2 ELBO(x) - ELBO(x, x) is H[q].

    What is left of the priors, 1e-6 of their size, is in the reference too.
    """
    x, flat = rng.normal(1.0, 1.0, 2), (0.0, 1e-6, 1.0, 1e-6)
    narrow = (1.0, rng.uniform(3.0, 5.0), rng.uniform(4.0, 6.0), rng.uniform(4.0, 6.0))
    wide = (1.0, rng.uniform(0.2, 0.4), rng.uniform(1.5, 2.5), rng.uniform(0.5, 0.8))

    def entropy(elbo: Any, q: tuple[float, ...]) -> float:
        return 2.0 * elbo(x, flat, q) - elbo(np.concatenate([x, x]), flat, q)

    def theirs(*at: Any) -> float:
        return _elbo(answer, *at)

    def ours(x: Array, prior: tuple[Any, ...], q: tuple[Any, ...]) -> float:
        return cavi.elbo_gaussian_gamma(x, *prior, *q)

    close(
        entropy(theirs, wide) - entropy(theirs, narrow),
        entropy(ours, wide) - entropy(ours, narrow),
        "H[q], by how much it favours a wide q over a narrow one in your ELBO under flat priors",
        atol=ELBO_ERROR,
    )


def _elbo_value(answer: Recorder, rng: Rng) -> None:
    lesson = datasets.load("gaussian_100")["x"]
    best = cavi.cavi_gaussian_gamma(lesson, LESSON_PRIOR)
    optimum = tuple(best[name] for name in ("nu_q", "tau_q", "alpha_q", "beta_q"))
    cases = [
        (*_elbo_inputs(rng), "the ELBO, all terms together"),
        (rng.integers(-2, 7, 6), (1, 2, 3, 2), (2, 3, 4, 5), "the ELBO of whole numbers"),
        (lesson, tuple(LESSON_PRIOR.values()), optimum, "the ELBO at the lesson's optimum"),
    ]
    for x, prior, q, what in cases:
        want = cavi.elbo_gaussian_gamma(x, *prior, *q)
        close(_elbo(answer, x, prior, q), want, what, atol=ELBO_ERROR)


def _term(name: str, points: float, test: PartTest) -> Part:
    """A part that looks at one term; a slip in it is named, whatever the other terms are."""
    return Part(name, points, compared_alike(e2_4.WRONG, test))


ELBO_PARTS = (
    _term("expected log-likelihood", 1.5, _elbo_likelihood),
    _term("prior of μ", 1.0, _elbo_prior_mu),
    _term("prior of γ", 1.0, _elbo_prior_gamma),
    _term("entropies of q(μ) and q(γ)", 1.0, _elbo_entropies),
    Part("value, and the bound on log p(x)", 1.5, _elbo_value),
)
