"""What the checks of lesson 2 promise beyond the bank: points by term, power, and fairness."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from bank_entries import ODD_RESULTS

from autograder.checks import grade, lesson02_cavi, lesson02_elbo
from autograder.checks.answer import LocalAnswer
from autograder.checks.bank import e2_1, e2_2, e2_3, e2_4
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


# Fairness

ODD = {
    **ODD_RESULTS,
    "a dict": {"nu_q": 1.0, "tau_q": None, "alpha_q": [1.0, 2.0], "beta_q": "x", "elbo": 0.0},
    "a dict of numbers": dict.fromkeys(("nu_q", "tau_q", "alpha_q", "beta_q", "elbo"), 1.0),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert (verdict.status, verdict.score) == ("not yet correct", 0.0)
    assert verdict.hints


def as_rows(found: tuple) -> tuple:
    return tuple(np.reshape(value, (1, -1)) for value in found)


def test_a_vector_as_a_row_is_told_both_shapes() -> None:
    verdict = grade(
        "E2.1", {"mean_field_gaussian": lambda *args: as_rows(e2_1.solution(*args))}, seed=1
    )
    assert verdict.parts[2].earned == 2.0  # a (1, 1) array is one number
    assert "expected an array of shape (2,), got an array of shape (1, 2)" in verdict.hints[0]


WRAPS = {
    "0-d arrays": lambda value: np.array(value),
    "arrays of one": lambda value: np.array([value]),
    "single precision": lambda value: np.float32(value),
    "nested": lambda value: [[value]],
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_numbers_may_come_wrapped(wrap: str) -> None:
    wrapped = WRAPS[wrap]
    answers = {
        "E2.2": {"update_q_mu": lambda *a: [wrapped(v) for v in e2_2.solution(*a)]},
        "E2.3": {"update_q_gamma": lambda *a: [wrapped(v) for v in e2_3.solution(*a)]},
        "E2.4": {"elbo_gaussian_gamma": lambda *a: wrapped(elbo()["elbo_gaussian_gamma"](*a))},
        "E2.5": {
            "cavi_gaussian_gamma": lambda *a, **k: {
                key: value if key == "elbo" else wrapped(value)
                for key, value in loop()["cavi_gaussian_gamma"](*a, **k).items()
            }
        },
    }
    for exercise, answer in answers.items():
        verdict = grade(exercise, answer, seed=2)
        assert verdict.score == verdict.max_score, str(verdict)


def test_a_slow_loop_gets_full_marks_in_time() -> None:
    """Every sum a loop over Python floats, and twenty times as many sweeps as needed."""

    def slow_gamma(x, nu_q, tau_q, alpha0, beta0):
        total = 0.0
        for value in x:
            total += (float(value) - nu_q) ** 2 + 1.0 / tau_q
        return alpha0 + len(x) / 2, beta0 + total / 2

    def patient(x, prior, init=None, max_iter=1000, rel_tol=1e-10):
        run = loop(update=slow_gamma)["cavi_gaussian_gamma"]
        found = run(x, prior, init, max_iter, rel_tol)
        for _ in range(20):
            if max_iter > 1:
                again = {key: value for key, value in found.items() if key != "elbo"}
                found = run(x, prior, again, max_iter, rel_tol)
        return found

    started = time.process_time()
    verdict = grade("E2.5", {"cavi_gaussian_gamma": patient})
    assert verdict.score == verdict.max_score, str(verdict)
    assert time.process_time() - started < 20.0


def test_numbers_in_the_lessons_prose() -> None:
    """What the text says without a cell beside it."""
    sweeps = np.ceil(np.log(1000.0) / (-2.0 * np.log([0.99, 0.8])))
    assert sweeps.tolist() == [344.0, 16.0]
    assert 1.0 / np.sqrt(2 * 1000) == pytest.approx(0.022, abs=5e-4)
    assert 0.51667 - cavi.mean_field_gaussian(np.zeros(2), np.array([[1, 0.8], [0.8, 1]]))[
        2
    ] == pytest.approx(0.006, abs=5e-4)
    assert np.log(0.7) == pytest.approx(-0.357, abs=5e-4)
    assert 1e-6**-0.5 == 1000.0


X = datasets.load("gaussian_100")["x"]
FLAT = lesson02_cavi.LESSON_PRIOR


@pytest.mark.parametrize(
    ("count", "change", "e_gamma", "nu", "sd", "gap"),
    [
        (100, {"alpha0": 100.0, "beta0": 100.0}, 0.914, None, None, 0.0017),
        (100, {"tau0": 1.0}, None, 4.963, None, 0.0082),
        (100, {"tau0": 10.0}, 0.505, 4.197, 0.129, 0.461),
        (100, {"tau0": 1000.0}, None, 0.019, None, 0.0036),
        (10, {}, None, None, 0.412, 0.0544),
        (20, {}, None, None, 0.281, 0.0261),
        (50, {}, None, None, 0.170, 0.0102),
        (100, {}, None, None, 0.113, 0.0050),
    ],
)
def test_numbers_in_the_model_answer(count, change, e_gamma, nu, sd, gap) -> None:
    prior = {**FLAT, **change}
    fit = cavi.cavi_gaussian_gamma(X[:count], prior, rel_tol=0.0)
    left = oracles.GaussianGamma(X[:count], **prior).log_evidence - fit["elbo"][-1]
    found = (fit["alpha_q"] / fit["beta_q"], fit["nu_q"], fit["tau_q"] ** -0.5, left)
    for value, want in zip(found, (e_gamma, nu, sd, gap), strict=True):
        if want is not None:
            digits = len(str(want).split(".")[1])
            assert round(float(value), digits) == want
