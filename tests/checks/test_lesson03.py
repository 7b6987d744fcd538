"""What the checks of lesson 3 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry
from scipy import stats

from autograder.checks import grade, lesson03_fit, lesson03_regression
from autograder.checks.bank import e3_1, e3_2, e3_3, e3_4, e3_5
from autograder.checks.bank.e3_elbo import RIGHT_TERMS, elbo
from autograder.checks.bank.e3_elbo import At as Bound
from autograder.checks.bank.e3_mixture import cavi as ascent
from autograder.checks.bank.e3_regression import RIGHT_VALUES, At, answer
from autograder.checks.lesson03 import EXERCISES
from autograder.checks.lesson03_posterior import regression
from vi_lib import cavi, oracles

Array = Any
IDS = [exercise.id for exercise in EXERCISES]
DETERMINISTIC = EXERCISES[:4]


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E3.1": 5.0,
        "E3.2": 5.0,
        "E3.3": 5.0,
        "E3.4": 4.0,
        "E3.5": 6.0,
    }


def test_only_the_restarts_are_left_to_chance() -> None:
    rates = {e.id: sum(part.false_alarm for part in e.parts) for e in EXERCISES}
    assert all(rates[e.id] == 0.0 for e in DETERMINISTIC)
    assert rates["E3.5"] <= 3.4e-6


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E3.1", e3_1, "noise-precision-forgotten", [0, 0, 0, 0.5, 0]),
        ("E3.1", e3_1, "noise-precision-forgotten-in-the-mean", [0, 1, 1.5, 0.5, 0.5]),
        ("E3.1", e3_1, "precision-for-covariance", [1.5, 0, 1.5, 0, 0.5]),
        ("E3.1", e3_1, "plugged-in", [1.5, 1, 0, 0.5, 0]),
        ("E3.1", e3_1, "determinant-overflows", [1.5, 1, 1.5, 0.5, 0]),
        ("E3.1", e3_1, "prior-precision-as-a-number-only", [1.5, 1, 1.5, 0, 0.5]),
        ("E3.2", e3_2, "old-means-in-the-sweep", [1, 1.5, 0, 0, 1]),
        ("E3.2", e3_2, "own-coordinate-left-in", [1, 0, 0, 0, 0]),
        ("E3.2", e3_2, "marginal-variances", [0, 1.5, 1, 0.5, 0]),
        ("E3.2", e3_2, "whole-numbers-truncated", [1, 1.5, 1, 0.5, 0]),
        ("E3.2", e3_2, "solved-at-once", [1, 1.5, 0, 0.5, 1]),
        ("E3.2", e3_2, "rests-after-one-sweep", [1, 0, 0, 0, 0]),
        ("E3.3", e3_3, "uncertainty-of-q-forgotten", [0, 1, 1, 0]),
        ("E3.3", e3_3, "uncertainty-of-q-forgotten-in-the-prior", [1.5, 0, 1, 0]),
        ("E3.3", e3_3, "entropy-subtracted", [1.5, 1, 0, 0]),
        ("E3.3", e3_3, "pi-e-for-two-pi-e", [1.5, 1, 1, 0]),
        ("E3.4", e3_4, "uncertainty-of-the-means-forgotten", [0, 0, 0]),
        ("E3.4", e3_4, "overflows", [2, 0, 1]),
        ("E3.4", e3_4, "normalised-over-the-data", [0, 0, 0]),
        ("E3.4", e3_4, "whole-numbers-truncated", [2, 1, 0]),
        ("E3.5", e3_5, "prior-of-the-assignments-forgotten", [1.5, 0, 1, 1.5, 0.5]),
        ("E3.5", e3_5, "not-the-best-run", [1.5, 1.5, 0, None, 0.5]),
        ("E3.5", e3_5, "restarts-from-the-same-place", [1.5, 1.5, 1, 0, 0.5]),
        ("E3.5", e3_5, "sorted-means-alone", [0, 0, 0, 0, None]),
        ("E3.5", e3_5, "init-ignored", [0, 1.5, None, 1.5, 0.5]),
        ("E3.5", e3_5, "equal-starts", [1.5, 1.5, 1, 0, 0.5]),
        ("E3.5", e3_5, "starts-without-rng", [1.5, 1.5, 1, 0, 0.5]),
        ("E3.5", e3_5, "zero-log-zero", [1.5, 1.5, 1, 1.5, 0]),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    for part, points in zip(verdict.parts, earned, strict=True):
        assert points is None or part.earned == points, str(verdict)


# Two mistakes at once


def _pairs(slips: dict[str, Any], most: int) -> list[Any]:
    return [
        pytest.param(a, b, one, two, id=f"{one}+{two}")
        for a, b in itertools.combinations(slips, 2)
        for one, two in itertools.product(list(slips[a])[-most:], list(slips[b])[-most:])
    ]


@pytest.mark.parametrize(("a", "b", "one", "two"), _pairs(e3_1.SLIPS, 4))
def test_slips_in_two_results_are_both_named(a, b, one, two) -> None:
    changed = {a: e3_1.SLIPS[a][one][0], b: e3_1.SLIPS[b][two][0]}
    verdict = grade("E3.1", answer(**changed), seed=6)
    assert verdict.score <= 3.0
    hints = {wrong.name: wrong.hint for wrong in e3_1.WRONG}
    assert hints[one] in verdict.hints, str(verdict)
    assert hints[two] in verdict.hints, str(verdict)


#: Slips that also change what the check takes for the entropy.
DROWNING = {
    "prior-variance-for-precision",
    "uncertainty-once-instead-of-N-times",
    "log-terms-once-instead-of-N-times",
}


@pytest.mark.parametrize(("a", "b", "one", "two"), _pairs(e3_3.SLIPS, 20))
def test_slips_in_two_terms_are_both_named(a, b, one, two) -> None:
    changed = {a: e3_3.SLIPS[a][one][0], b: e3_3.SLIPS[b][two][0]}
    verdict = grade("E3.3", elbo(**changed), seed=6)
    assert verdict.score <= 1.5
    hints = {wrong.name: wrong.hint for wrong in e3_3.WRONG}
    expected = {hints[one], hints[two]}
    if "entropy-upside-down" in (one, two):  # differs from a subtracted one by a constant only
        expected = {hints[one]}
    if b == "entropy" and one in DROWNING:
        expected = {hints[one]}
    assert expected <= set(verdict.hints), str(verdict)


SWEEPS = [
    {"residual": e3_2.with_own},
    {"divisor": e3_2.no_prior},
    {"weight": lambda c: 1.0},
    {"prec": lambda c: 1.0 / c.prec},
    {"count": lambda n: n - 1},
    {"start": lambda c: np.ones(len(c.prior))},
]


def _score_of_sweeps(**mistakes) -> float:
    return grade("E3.2", e3_2.sweeps(**mistakes), seed=3).score


@pytest.mark.parametrize("pair", list(itertools.combinations(range(len(SWEEPS)), 2)))
def test_two_mistakes_in_the_sweeps_never_score_more_than_one(pair) -> None:
    one, two = (SWEEPS[i] for i in pair)
    worse = min(_score_of_sweeps(**one), _score_of_sweeps(**two))
    assert worse < 5.0
    assert _score_of_sweeps(**one, **two) <= worse


EXPONENTS = (
    lambda x, m, s2, log_pi: log_pi - 0.5 * (x - m) ** 2,
    lambda x, m, s2, log_pi: e3_4.logits(x, m, s2, 0.0),
    lambda x, m, s2, log_pi: e3_4.logits(x, m, s2**2, log_pi),
    lambda x, m, s2, log_pi: log_pi - ((x - m) ** 2 + s2),
)
NORMALS = (e3_4.unshifted, e3_4.over_the_data, e3_4.unnormalised, e3_4.hard, e3_4.logarithms)


@pytest.mark.parametrize("pair", list(itertools.product(range(4), range(5))))
def test_two_mistakes_in_the_responsibilities_are_rejected(pair) -> None:
    both = e3_4.answer(EXPONENTS[pair[0]], NORMALS[pair[1]])
    verdict = grade("E3.4", both, seed=3)
    assert verdict.parts[0].earned == 0.0, str(verdict)


# Zeros and ones have no entropy: of hard assignments these two ELBOs are right, and the third lacks
# the entropy of the means alone.
BOUNDS_OF_HARD = {
    "entropy-of-the-assignments-forgotten": None,
    "entropies-subtracted": None,
    "entropies-left-out": "entropy-of-the-means-forgotten",
}


@pytest.mark.slow
@pytest.mark.parametrize("bound", list(e3_5.BOUNDS))
@pytest.mark.parametrize("update", ["prior-forgotten", "weights-learned", "hard-assignment"])
def test_a_wrong_update_and_a_wrong_elbo_are_both_named(update, bound) -> None:
    both = ascent(**e3_5.UPDATES[update][0], elbo=e3_5.BOUNDS[bound][0])
    verdict = grade("E3.5", both, seed=4)
    assert verdict.score <= 3.0
    hints = {wrong.name: wrong.hint for wrong in e3_5.WRONG}
    assert hints[update] in verdict.hints, str(verdict)
    named = BOUNDS_OF_HARD.get(bound, bound) if update == "hard-assignment" else bound
    assert named is None or hints[named] in verdict.hints, str(verdict)


# No hint is better than a false one


def told(exercise: Any, function: Any, seed: int = 7) -> tuple[list[str], Any]:
    """The names of the entries whose hints this answer is told, and the verdict."""
    (found,) = (e for e in EXERCISES if e.id == exercise)
    verdict = grade(exercise, {found.names[0]: function}, seed)
    names = {wrong.hint: wrong.name for wrong in found.wrong}
    return [names[hint] for hint in verdict.hints if hint in names], verdict


def test_a_wrong_shape_is_not_explained_by_another_error_of_its_type() -> None:
    """`np.diag` of a number raises ValueError, and so does adding XX' to a (D, D) matrix."""

    def turned(X, y, prior_prec, noise_prec):
        return prior_prec * np.eye(X.shape[1]) + noise_prec * X @ X.T

    assert told("E3.1", turned)[0] == []


def test_emphasis_in_a_hint_is_shown_as_such() -> None:
    verdict = told("E3.2", e3_2.sweeps(residual=e3_2.with_own)["cavi_linreg"])[1]
    shown = verdict._repr_mimebundle_()["text/html"]
    assert "the <em>other</em> coefficients" in shown


def test_two_slips_in_the_sweeps_are_both_named() -> None:
    both = e3_2.sweeps(residual=e3_2.with_own, prec=lambda c: 1.0 / c.prec)["cavi_linreg"]
    assert told("E3.2", both)[0] == ["variances-for-precisions", "own-coordinate-left-in"]


@pytest.mark.parametrize("seed", range(2))
def test_sweeps_that_run_away_stay_finite_and_so_are_told_apart(seed) -> None:
    away = e3_2.sweeps(residual=lambda c, mean, j: c.y - c.X @ mean - 1.5 * c.X[:, j] * mean[j])
    assert "old-means-in-the-sweep" not in told("E3.2", away["cavi_linreg"], seed)[0]


def test_minus_the_elbo_is_not_taken_for_three_slips() -> None:
    assert told("E3.3", lambda *at: -cavi.elbo_linreg(*at))[0] == []


def test_nothing_but_nan_is_not_taken_for_an_overflow() -> None:
    names, _ = told("E3.4", lambda x, m, s2, log_pi: np.full((len(x), len(m)), np.nan))
    assert "overflows" not in names


def test_whole_numbers_tell_the_mistakes_in_responsibilities_apart() -> None:
    """Small whole numbers coincide easily: a sign of s2 is no sign of log_pi."""
    case = np.array([0, 2, 5]), np.array([1, 4]), np.array([2, 4]), np.array([-1, -4])
    found = {}
    for wrong in e3_4.WRONG:
        with np.errstate(all="ignore"):
            rows = np.asarray(wrong.answer["gmm_responsibilities"](*case))
        if rows.shape == (3, 2) and not np.allclose(rows, cavi.gmm_responsibilities(*case)):
            found[wrong.name] = np.round(np.nan_to_num(rows, nan=-1.0), 6).tobytes()
    assert len(set(found.values())) == len(found)


def test_the_bank_is_not_put_through_the_calls_where_starts_differ() -> None:
    calls = []

    def nothing(*arguments):
        calls.append(arguments)

    names, verdict = told("E3.5", nothing)
    assert names == []
    assert verdict.score == 0.0
    assert len(calls) == 5  # one for each part


def test_a_run_that_stops_early_is_not_told_that_it_starts_from_the_same_place() -> None:
    both = ascent(tolerance=1e-4, choose=lambda runs: runs[-1])["cavi_gmm"]
    names, _ = told("E3.5", both)
    assert names[0] == "stops-too-early"
    assert "restarts-from-the-same-place" not in names


def test_a_wrong_update_is_not_told_that_runs_were_joined_or_not_kept() -> None:
    for update in ("prior-forgotten", "mean-without-the-prior", "hard-assignment"):
        wrong = ascent(**e3_5.UPDATES[update][0], tolerance=3e-10)["cavi_gmm"]
        assert told("E3.5", wrong, 102)[0] == [update]


@pytest.mark.parametrize("seed", range(4))
def test_a_run_from_init_is_told_apart_from_others(seed) -> None:
    """Ten times: a run that leaves `init` aside comes to rest in the same place in one of eight."""
    rng = np.random.default_rng(seed)
    x, _ = lesson03_fit.crowd(rng)
    start, low = lesson03_fit.poor_start(x)
    assert cavi.cavi_gmm(x, 8, 8.0, rng, 1, start)["elbo"][-1] == pytest.approx(low, abs=1e-4)
    ends = [ascent()["cavi_gmm"](x, 8, 8.0, rng, 1)["elbo"][-1] for _ in range(10)]
    assert np.sum(np.abs(np.array(ends) - low) < 1e-3) <= 5


# Hints that do not depend on how an answer stops or starts


@pytest.mark.slow
@pytest.mark.parametrize("name", list(e3_5.UPDATES))
def test_wrong_updates_are_named_whatever_the_stopping_rule(name) -> None:
    if name == "a-single-sweep":
        pytest.skip("it is a stopping rule")
    other = ascent(**e3_5.UPDATES[name][0], tolerance=3e-9, starts=e3_5.from_the_prior)
    verdict = grade("E3.5", other, seed=5)
    assert verdict.misconception == name, str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", DETERMINISTIC, ids=IDS[:4])
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    (name,) = exercise.names

    def off(*arguments: Any) -> Any:
        found = exercise.reference[name](*arguments)
        if isinstance(found, tuple):
            return tuple(value * (1.0 + 1e-6) for value in found)
        return found * (1.0 + 1e-6)

    verdict = grade(exercise, {name: off}, seed=8)
    assert verdict.parts[0].earned == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_values_of_the_bank_are_those_of_the_library(seed) -> None:
    """They were written twice, independently; and SciPy knows the evidence."""
    rng = np.random.default_rng(seed)
    case = regression(rng, 7, 3)
    X, y, prior_prec, noise_prec = case
    for ours, want in zip(RIGHT_VALUES.values(), cavi.exact_posterior_linreg(*case), strict=True):
        np.testing.assert_allclose(ours(At(*case)), want, rtol=1e-10)
    cov = X @ X.T / prior_prec + np.eye(7) / noise_prec
    want = stats.multivariate_normal(np.zeros(7), cov).logpdf(y)
    assert RIGHT_VALUES["log_evidence"](At(*case)) == pytest.approx(float(want), rel=1e-10)
    q = rng.standard_normal(3), rng.uniform(1.0, 3.0, 3)
    total = sum(term(Bound(*case, *q)) for term in RIGHT_TERMS.values())
    assert total == pytest.approx(cavi.elbo_linreg(*case, *q), rel=1e-12)


@pytest.mark.parametrize("seed", range(50))
def test_terms_of_the_regression_are_far_beyond_the_tolerance(seed) -> None:
    at = lesson03_regression._at(np.random.default_rng(seed))
    terms = (
        at.noise_prec * at.spread,
        np.sum(at.prior * at.var),
        np.sum(at.prior * at.mean**2),
        np.abs(np.log(at.noise_prec)),
        np.abs(np.sum(np.log(at.prior))),
    )
    assert min(terms) > 1e-2  # the tolerance is about 1e-8


@pytest.mark.parametrize("seed", range(30))
def test_the_clumps_have_two_optima_far_apart_and_both_stable(seed) -> None:
    x, good, bad = lesson03_fit.four_clumps(np.random.default_rng(seed))
    ends = [cavi.cavi_gmm(x, 3, 4.0, np.random.default_rng(0), 1, m) for m in (good, bad)]
    assert ends[0]["elbo"][-1] > ends[1]["elbo"][-1] + 1.0
    runs = cavi.gmm_restarts(x, 3, 4.0, np.random.default_rng(seed), 20)
    assert max(run["elbo"][-1] for run in runs) < ends[0]["elbo"][-1] + 1e-6


@pytest.mark.slow
def test_any_reasonable_start_finds_the_better_optimum_often() -> None:
    """A third of the runs: then twenty runs fail once in 2,000 times, three tries in 1e10."""
    schemes = [
        cavi.cavi_gmm,
        *(entry(e3_5, right.name).answer["cavi_gmm"] for right in e3_5.RIGHT[:4]),
    ]
    for scheme in schemes:
        hits = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            x, good, _ = lesson03_fit.four_clumps(rng)
            best = cavi.cavi_gmm(x, 3, 4.0, rng, 1, good)["elbo"][-1]
            hits += [scheme(x, 3, 4.0, rng, 1)["elbo"][-1] > best - 1e-3 for _ in range(3)]
        assert np.mean(hits) > 0.4


@pytest.mark.parametrize("K", [2, 3])
def test_the_bound_of_the_bank_lies_below_the_exact_evidence(K) -> None:
    x = np.array([-2.0, -1.2, 0.3, 1.9, 2.8])
    found = ascent()["cavi_gmm"](x, K, 2.0, np.random.default_rng(0), 5)
    gap = oracles.SmallMixture(x, K, 2.0).log_evidence - found["elbo"][-1]
    assert 0.0 < gap < 2.5


ODD = {
    **ODD_RESULTS,
    "a dict": {"m": 1.0, "s2": None, "resp": [1.0, 2.0], "elbo": "x"},
    "zeros": {"m": np.zeros(3), "s2": np.zeros(3), "resp": np.zeros((20, 3)), "elbo": []},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score <= 0.5
    assert verdict.hints


def test_shapes_are_forgiven_where_nothing_is_lost() -> None:
    """Lists, columns of numbers and float32, as far as its digits go."""

    def lists(*arguments):
        mean, cov, evidence = cavi_exact(*arguments)
        return [mean.tolist(), cov.tolist(), np.array([[evidence]])]

    def single(*arguments):
        return cavi_responsibilities(*arguments).astype(np.float32)

    cavi_exact = answer()["exact_posterior_linreg"]
    cavi_responsibilities = e3_4.answer()["gmm_responsibilities"]
    for name, exercise, function in (
        ("exact_posterior_linreg", "E3.1", lists),
        ("gmm_responsibilities", "E3.4", single),
    ):
        verdict = grade(exercise, {name: function}, seed=2)
        assert verdict.score == verdict.max_score, str(verdict)


def test_the_librarys_responsibilities_may_be_used_in_the_loop() -> None:
    def with_library(x, K, prior_sd, rng, num_restarts, init=None):
        found = []
        for number in range(num_restarts):
            near = rng.choice(x, K, replace=False) + rng.standard_normal(K)
            m = np.array(init if init is not None and number == 0 else near, dtype=float)
            s2, trace = np.ones(K), []
            for _ in range(1000):
                resp = cavi.gmm_responsibilities(x, m, s2, -np.log(K))
                s2 = 1 / (prior_sd**-2.0 + resp.sum(axis=0))
                m = s2 * (x @ resp)
                trace.append(e3_5.bound()(e3_5.Model(x, K, prior_sd), e3_5.Q(m, s2, resp)))
                if len(trace) > 1 and trace[-1] - trace[-2] < 1e-10 * abs(trace[-1]):
                    break
            found.append({"m": m, "s2": s2, "resp": resp, "elbo": trace})
        return max(found, key=lambda run: run["elbo"][-1])

    verdict = grade("E3.5", {"cavi_gmm": with_library})
    assert verdict.score == verdict.max_score, str(verdict)
