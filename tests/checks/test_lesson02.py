"""What the checks of lesson 2 promise beyond the bank: points by term, power, and fairness."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from autograder.checks import grade, lesson02_cavi, lesson02_elbo
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e2_4
from autograder.checks.bank.e2_terms import TERMS, At, elbo
from autograder.checks.compare import Mismatch
from autograder.checks.grading import NEGATED
from autograder.checks.lesson02 import EXERCISES
from autograder.checks.protocol import Recorder
from vi_lib import cavi, datasets, oracles

POINTS = {"E2.1": 4.0, "E2.2": 4.0, "E2.3": 4.0, "E2.4": 6.0, "E2.5": 5.0}


def earned(verdict) -> dict[str, float]:
    return {part.name.split(",")[0]: part.earned for part in verdict.parts}


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == POINTS


def test_no_part_can_fail_by_chance() -> None:
    assert all(part.false_alarm == 0.0 for exercise in EXERCISES for part in exercise.parts)


# E2.4: one number, five terms


@pytest.mark.parametrize(
    ("mistake", "lost"),
    [
        ("uncertainty-of-mu-forgotten", {"expected log-likelihood"}),
        ("no-uncertainty-in-the-prior-of-mu", {"prior of μ"}),
        ("log-gamma-function-forgotten", {"prior of γ"}),
        ("entropy-of-mu-upside-down", {"entropies of q(μ) and q(γ)"}),
        ("pi-e-for-two-pi-e", set()),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_term_costs_its_own_points_and_the_value(mistake, lost, seed) -> None:
    (entry,) = (entry for entry in e2_4.WRONG if entry.name == mistake)
    points = earned(grade("E2.4", entry.answer, seed))
    assert {name for name, value in points.items() if value == 0.0} == lost | {"value"}


CHANGES = {
    "log_lik": lambda at: TERMS["log_lik"](at) + 0.5 * at.count / at.tau_q,
    "log_prior_mu": lambda at: TERMS["log_prior_mu"](at) - 0.5 * float(np.log(at.tau0)),
    "log_prior_gamma": lambda at: TERMS["log_prior_gamma"](at) + 0.2 * at.alpha0,
    "entropy_mu": lambda at: -TERMS["entropy_mu"](at),
    "entropy_gamma": lambda at: TERMS["entropy_gamma"](at) + float(np.log(at.beta_q)),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CHANGES, 2)))
def test_two_mistakes_do_not_make_up_for_each_other(one: str, other: str) -> None:
    verdict = grade("E2.4", elbo(**{one: CHANGES[one], other: CHANGES[other]}), seed=3)
    assert verdict.score <= 3.5, str(verdict)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("entry", e2_4.WRONG, ids=lambda entry: entry.name)
def test_every_mistake_is_far_beyond_the_tolerance(entry, seed: int) -> None:
    """Term-visibility rule: a wrong term shows at 100 times the tolerance somewhere."""
    gaps = []
    for index, (_, test) in enumerate(_elbo_tests()):
        rng = np.random.default_rng([seed, index])
        try:
            test(Recorder(LocalAnswer(entry.answer)), rng)
        except Mismatch as error:
            gaps.append(abs(float(error.got) - float(error.expected)))
    noise = 30.0 if entry.name == "a-thousand-draws" else 100.0
    assert max(gaps) > noise * lesson02_elbo.ELBO_ERROR


def _elbo_tests():
    (exercise,) = (exercise for exercise in EXERCISES if exercise.id == "E2.4")
    return [(part.name, part.test) for part in exercise.parts]


def test_minus_the_elbo_is_recognised() -> None:
    right = elbo()["elbo_gaussian_gamma"]
    verdict = grade("E2.4", {"elbo_gaussian_gamma": lambda *values: -right(*values)})
    assert (verdict.score, verdict.misconception) == (0.0, "negated")
    assert verdict.hints[0] == NEGATED


def test_a_noisy_monte_carlo_average_is_told_so() -> None:
    rng = np.random.default_rng(0)

    def noisy(*values):
        at = At(*values)
        mu = at.nu_q + rng.standard_normal((500, 1)) / np.sqrt(at.tau_q)
        gamma = rng.gamma(at.alpha_q, 1.0 / at.beta_q, (500, 1))
        return e2_4.average(at, mu, gamma)

    verdict = grade("E2.4", {"elbo_gaussian_gamma": noisy})
    assert verdict.score == 0.0
    assert verdict.misconception == "noisy"
    assert "two calls with the same arguments differ" in verdict.hints[0]


def test_the_terms_of_the_bank_are_those_of_the_library() -> None:
    """They were written twice, independently."""
    values = (np.array([1.0, 2.5, -0.5]), 0.3, 0.7, 1.6, 2.1, 0.9, 3.0, 4.5, 2.0)
    ours = cavi.elbo_terms_gaussian_gamma(*values)
    for name, term in TERMS.items():
        assert term(At(*values)) == pytest.approx(ours[name], rel=1e-12)


def test_the_bound_at_the_lessons_optimum() -> None:
    x, prior = datasets.load("gaussian_100")["x"], lesson02_cavi.LESSON_PRIOR
    q = cavi.cavi_gaussian_gamma(x, prior, rel_tol=0.0)
    parameters = [q[name] for name in ("nu_q", "tau_q", "alpha_q", "beta_q")]
    value = elbo()["elbo_gaussian_gamma"](x, *prior.values(), *parameters)
    forgotten = {e.name: e.answer for e in e2_4.WRONG}["log-gamma-function-forgotten"]
    published = forgotten["elbo_gaussian_gamma"](x, *prior.values(), *parameters)
    evidence = oracles.GaussianGamma(x, **prior).log_evidence
    assert value == pytest.approx(-168.738299, abs=5e-7)
    assert evidence == pytest.approx(-168.733258, abs=5e-7)
    assert published == pytest.approx(-164.1388, abs=5e-5)
    assert value < evidence < published


# E2.5: any way to the fixed point is right


@pytest.mark.parametrize("seed", range(40))
def test_there_is_one_fixed_point_wherever_an_answer_starts(seed: int) -> None:
    """Another start must be free to end at the same optimum, also with few data."""
    x, prior = lesson02_cavi._few_data(np.random.default_rng(seed))
    ends = [
        cavi.cavi_gaussian_gamma(
            x, prior, {"nu_q": 0.0, "tau_q": 1.0, "alpha_q": e_gamma, "beta_q": 1.0}, rel_tol=0.0
        )
        for e_gamma in (1e-8, 1.0, 1e8)
    ]
    for name in ("nu_q", "tau_q", "beta_q"):
        np.testing.assert_allclose([end[name] for end in ends], ends[0][name], rtol=1e-6)


def loop(*, strict: bool = False, update=cavi.update_q_gamma):
    """A student's loop with the library's updates."""

    def cavi_gaussian_gamma(x, prior, init=None, max_iter=1000, rel_tol=1e-10):
        q = init or {"alpha_q": prior["alpha0"], "beta_q": prior["beta0"]}
        e_gamma, trace = q["alpha_q"] / q["beta_q"], []
        for _ in range(max_iter):
            nu_q, tau_q = cavi.update_q_mu(x, e_gamma, prior["mu0"], prior["tau0"])
            alpha_q, beta_q = update(x, nu_q, tau_q, prior["alpha0"], prior["beta0"])
            e_gamma = alpha_q / beta_q
            found = {"nu_q": nu_q, "tau_q": tau_q, "alpha_q": alpha_q, "beta_q": beta_q}
            trace.append(cavi.elbo_gaussian_gamma(x, **prior, **found))
            if len(trace) > 1 and strict and trace[-1] < trace[-2]:
                raise RuntimeError("the bound went down")
            if len(trace) > 1 and trace[-1] - trace[-2] <= rel_tol * abs(trace[-1]):
                break
        return {**found, "elbo": trace}

    return {"cavi_gaussian_gamma": cavi_gaussian_gamma}


def test_the_librarys_updates_may_be_used_in_the_loop() -> None:
    verdict = grade("E2.5", loop())
    assert verdict.score == verdict.max_score, str(verdict)


@pytest.mark.parametrize("seed", range(8))
def test_raising_on_round_off_is_found_in_any_loop(seed: int) -> None:
    """Rounding differs from answer to answer, so the bank's own trace need not be reproduced."""

    def expanded(x, nu_q, tau_q, alpha0, beta0):
        total = np.dot(x, x) - 2.0 * nu_q * np.sum(x) + len(x) * (nu_q * nu_q + 1.0 / tau_q)
        return alpha0 + len(x) / 2.0, beta0 + total / 2.0

    verdict = grade("E2.5", loop(strict=True, update=expanded), seed)
    assert (verdict.score, verdict.misconception) == (4.5, "raises-on-round-off")
    assert "the bound went down" in verdict.hints[-1]


def test_an_answer_that_never_runs_is_not_blamed_on_round_off() -> None:
    def broken(x, prior, init=None, max_iter=1000, rel_tol=1e-10):
        raise TypeError("no")

    verdict = grade("E2.5", {"cavi_gaussian_gamma": broken})
    assert (verdict.score, verdict.misconception) == (0.0, None)
