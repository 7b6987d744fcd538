"""What the checks of lesson 11 promise beyond the bank: points by part, two mistakes, fairness."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from bank_entries import ODD_RESULTS, entry

from autograder import notebooks
from autograder.checks import grade
from autograder.checks import lesson11_network as network_checks
from autograder.checks.bank import e11_1, e11_2, e11_3, e11_4, e11_5, e11_6
from autograder.checks.bank.e11_training import Climb, training
from autograder.checks.lesson11 import EXERCISES
from autograder.checks.lesson11_elbo import case
from autograder.checks.lesson11_terms import images
from autograder.checks.registry import find
from vi_lib import amortised, datasets, estimators

Array = Any
IDS = [exercise.id for exercise in EXERCISES]
CHEAP = [exercise for exercise in EXERCISES if exercise.id != "E11.5"]


def test_points_are_those_of_the_syllabus() -> None:
    assert {exercise.id: exercise.points for exercise in EXERCISES} == {
        "E11.1": 4.0,
        "E11.2": 4.0,
        "E11.3": 6.0,
        "E11.4": 2.0,
        "E11.5": 6.0,
        "E11.6": 4.0,
    }


# Partial credit: a mistake costs its own points and no others


@pytest.mark.parametrize(
    ("exercise", "bank", "mistake", "earned"),
    [
        ("E11.1", e11_1, "overflows", [2, 1, 0]),
        ("E11.1", e11_1, "probabilities-clipped", [2, 1, 0]),
        ("E11.1", e11_1, "mean-over-pixels", [0, 0, 0]),
        ("E11.2", e11_2, "log-sd-taken-as-log-variance", [0, 0, 0]),
        ("E11.2", e11_2, "averaged-over-the-batch", [0, 0, 0]),
        ("E11.3", e11_3, "summed-over-the-batch", [0, 0, 0, 0, 0]),
        ("E11.3", e11_3, "kl-added", [0, 0, 1, 0, 0]),
        ("E11.3", e11_3, "beta-on-the-likelihood", [2, 0, 1, 1, 1]),
        ("E11.3", e11_3, "beta-ignored", [2, 0, 1, 1, 1]),
        ("E11.3", e11_3, "autograd-cannot-follow", [2, 1, 1, 0, 1]),
        ("E11.4", e11_4, "no-warm-up-divides-by-zero", [1, 0.5, 0]),
        ("E11.4", e11_4, "not-clamped", [1, 0, 0.5]),
        ("E11.4", e11_4, "decreasing", [0, 0, 0]),
        ("E11.5", e11_5, "no-non-linearity", [1, 0, 0.5, 1, 2]),
        ("E11.5", e11_5, "biases-not-counted", [1, 1.5, 0, 1, 2]),
        ("E11.5", e11_5, "one-head", [0, 1.5, 0.5, 1, 2]),
        ("E11.5", e11_5, "pixel-mean", [1, 1.5, 0.5, 1, 0]),
        ("E11.5", e11_5, "own-generator", [0, 1.5, 0.5, 1, 2]),
        ("E11.6", e11_6, "exp-overflows", [1.5, 0.5, 0, 1]),
        ("E11.6", e11_6, "shifted-by-the-mean", [1.5, 0.5, 0, 1]),
        ("E11.6", e11_6, "mean-of-the-logs", [0, 0.5, 0, 0]),
        ("E11.6", e11_6, "log-of-the-sum", [0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_mistake_costs_its_own_points(exercise, bank, mistake, earned, seed) -> None:
    verdict = grade(exercise, entry(bank, mistake).answer, seed)
    assert [part.earned for part in verdict.parts] == earned, str(verdict)


# Two mistakes at once

FITS = {
    "pixel mean": {"fit": lambda x, logits: np.mean(x * logits - np.logaddexp(0.0, logits), -1)},
    "sigmoid first": {"fit": lambda x, logits: e11_3.log_lik(x, 1.0 / (1.0 + np.exp(-logits)))},
}
CODES = {
    "log variance": {"place": lambda mu, s, eps: mu + anp.exp(0.5 * s) * eps},
    "swapped": {"split": lambda out: e11_3.halves(out)[::-1]},
    "sampled kl": {"kl": e11_3.sampled_kl},
}
SUMS = {
    "kl added": {"combine": lambda fit, kl, beta: anp.mean(fit + beta * kl)},
    "batch sum": {"combine": lambda fit, kl, beta: anp.sum(fit - beta * kl)},
    "beta on the fit": {"combine": lambda fit, kl, beta: anp.mean(beta * fit - kl)},
}
PAIRS = [
    pytest.param({**one[a], **other[b]}, id=f"{a}, {b}")
    for one, other in itertools.combinations((FITS, CODES, SUMS), 2)
    for a, b in itertools.product(one, other)
]


@pytest.mark.parametrize("pieces", PAIRS)
def test_two_mistakes_in_a_bound_are_rejected(pieces) -> None:
    verdict = grade("E11.3", e11_3.vae(**pieces), seed=3)
    assert verdict.score <= 1.0, str(verdict)


@pytest.mark.parametrize(
    "pixel",
    [
        lambda x, l: -x * l,
        lambda x, l: -((x - l) ** 2) / 2 - 1,
        lambda x, l: e11_1.per_pixel(1 - x, l) / np.log(2),
    ],
)
def test_two_mistakes_in_a_likelihood_are_rejected(pixel) -> None:
    assert grade("E11.1", e11_1._of_pixels(pixel), seed=3).score == 0.0


@pytest.mark.parametrize(
    "term",
    [
        lambda mu, s: mu**2 + np.exp(s) - 1.0 - s,
        lambda mu, s: -0.5 * (mu**2 + np.exp(s) - 1.0 - s),
        lambda mu, s: 0.5 * (mu + np.exp(2 * s)) - s,
    ],
)
def test_two_mistakes_in_a_kl_are_rejected(term) -> None:
    assert grade("E11.2", e11_2._of(term), seed=3).score == 0.0


def test_a_wrong_ramp_that_does_not_stop_either_gets_nothing_for_both() -> None:
    def answer(step: int, warmup_steps: int) -> float:
        return (step + 1) / warmup_steps if warmup_steps else 0.0

    assert grade("E11.4", {"kl_annealing": answer}, seed=3).score == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("climb", "options"),
    [
        (Climb(per_pixel=True, at_the_mean=True), {}),
        (Climb(beta=0.0, at_the_mean=True), {}),
        (Climb(beta=64.0), {"noise": "fixed"}),
        (Climb(at_the_mean=True), {"rate": 0.001}),
    ],
)
def test_two_mistakes_in_a_training_run_are_rejected(climb, options) -> None:
    answer = e11_5._with(train_vae=training(climb, **options))
    verdict = grade("E11.5", answer, seed=3)
    assert verdict.parts[-1].earned == 0.0, str(verdict)


# Fairness


@pytest.mark.parametrize("exercise", CHEAP, ids=[e.id for e in CHEAP])
def test_an_error_of_a_millionth_is_seen(exercise) -> None:
    def off(function: Any) -> Any:
        return lambda *arguments, **options: function(*arguments, **options) * (1.0 + 1e-6)

    unguarded = dataclasses.replace(exercise, forbidden=())
    verdict = grade(unguarded, {n: off(f) for n, f in exercise.reference.items()}, seed=8)
    assert verdict.parts[0].earned == 0.0


def test_every_term_of_the_bound_is_far_beyond_the_tolerance() -> None:
    for seed in range(100):
        params, x, eps = case(np.random.default_rng(seed))
        mu, log_sd = e11_3.halves(amortised.encode(params, x))
        fit = np.mean(e11_3.log_lik(x, amortised.mlp_decoder(params, mu + np.exp(log_sd) * eps)))
        terms = [np.mean(np.sum(t, axis=1)) for t in (mu**2, np.exp(2 * log_sd), 2 * log_sd)]
        assert min(np.abs([fit, *terms])) > 1e-3 * abs(fit) > 100 * 1e-9 * abs(fit)


def test_images_of_the_checks_have_ones_and_zeros_in_unequal_number() -> None:
    x = images(np.random.default_rng(0), 50, 7)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert np.all(x.sum(axis=1) != 3.5)
    assert np.all((x.sum(axis=1) >= 2) & (x.sum(axis=1) <= 4))


def test_own_networks_may_be_used_in_the_training_run_and_not_in_the_decoder() -> None:
    library = entry(e11_5, "one vector, the library's ELBO and Adam").answer
    verdict = grade("E11.5", {**library, "mlp_decoder": lambda p, z: amortised.mlp_decoder(p, z)})
    assert [part.earned for part in verdict.parts] == [1.0, 0.0, 0.5, 1.0, 2.0], str(verdict)
    assert verdict.misconception == "calls-the-library"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"batch": 50}, {"batch": 300}, {"rate": 0.02}, {"rate": 0.006}]
)
def test_other_batches_and_steps_reach_the_goal(options) -> None:
    verdict = grade("E11.5", e11_5._with(train_vae=training(**options)), seed=4)
    assert verdict.status == "correct", str(verdict)


@pytest.mark.slow
def test_the_goal_is_far_from_where_right_runs_end() -> None:
    """Twenty runs, each with a split of its own: four of their sds and more below their mean."""
    ends = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        train, test = network_checks.split(rng)
        params = training()(train, (64, 32, 2), 300, rng)
        eps = rng.standard_normal((5, len(test), 2))
        ends.append(float(amortised.vae_elbo(params, test, eps)))
    assert min(ends) > network_checks.GOAL + 0.2
    assert np.mean(ends) - 3.5 * np.std(ends, ddof=1) > network_checks.GOAL


def test_a_run_that_misses_gets_two_more_chances_with_other_digits() -> None:
    """One right run of three is enough, so three independent ones must miss for a false alarm."""
    seen = []

    def lucky(x: Array, sizes: Any, num_steps: int, rng: Any) -> Any:
        seen.append(x)
        return training(steps=None if len(seen) % 4 == 0 else 0)(x, sizes, num_steps, rng)

    part = network_checks.NETWORK_PARTS[-1]
    only = dataclasses.replace(find("E11.5"), parts=(part,))
    verdict = grade(only, e11_5._with(train_vae=lucky), seed=5)
    assert verdict.status == "correct", str(verdict)
    runs = [x for x in seen if len(x) == network_checks.NUM_TRAIN]
    assert len(runs) == network_checks.FIT_SEEDS
    assert not np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[1], runs[2])


@pytest.mark.slow
def test_a_start_with_large_weights_is_named_whatever_the_run_makes_of_it() -> None:
    """Smaller batches, fixed noise: the ELBO ends elsewhere than in the bank's own run."""
    init = entry(e11_5, "weights-too-large").answer["init_vae"]
    answer = e11_5._with(init_vae=init, train_vae=training(init=init, noise="fixed", batch=50))
    verdict = grade("E11.5", answer, seed=3)
    assert verdict.parts[-1].earned == 0.0, str(verdict)
    assert verdict.misconception == "weights-too-large"


# MNIST, where it is at hand


class StoredMnist(ModuleType):
    """What of `sklearn.datasets` the lesson's cell uses: a cache, and no way to download."""

    def __init__(self, home: Path, num: int | None) -> None:
        super().__init__("sklearn.datasets")
        self.home, self.num = home, num
        if num is not None:
            folder = home / "openml" / "openml.org" / "data" / "v1" / "download" / "52667"
            folder.mkdir(parents=True)
            (folder / "mnist_784.arff.gz").touch()

    def get_data_home(self) -> str:
        return str(self.home)

    def fetch_openml(self, name: str, *, version: int, as_frame: bool) -> Any:
        assert self.num is not None, "a download was tried"
        assert (name, version, as_frame) == ("mnist_784", 1, False)
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 10, self.num).astype(str).astype(object)
        data = rng.integers(0, 256, (self.num, 784))
        return SimpleNamespace(data=data, target=labels)


@pytest.fixture
def images_of_the_lesson(monkeypatch, tmp_path) -> Callable[[bool, int | None], Any]:
    """Run the lesson's function with its switch off or on; num: images in scikit-learn's cache."""
    notebook = notebooks.from_text(notebooks.solution_text("11_vae"))
    (cell,) = (c.source for c in notebook.cells if c.source.startswith("MNIST = "))
    functions = cell.split("\n\n\nx, digit")[0]

    def run(switch: bool, num: int | None) -> Any:
        module = StoredMnist(tmp_path, num)
        package = ModuleType("sklearn")
        package.datasets = module
        monkeypatch.setitem(sys.modules, "sklearn", package)
        monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
        scope: dict[str, Any] = {"Path": Path, "amortised": amortised, "datasets": datasets}
        exec(functions, scope)
        assert scope["MNIST"] is False, "the large images are never the default"
        scope["MNIST"] = switch
        return scope["black_and_white_images"]()

    return run


def test_mnist_is_taken_from_the_cache_and_fits_the_lectures_networks(images_of_the_lesson) -> None:
    x, labels, height, sizes = images_of_the_lesson(True, 60)
    assert x.shape == (60, 784)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert labels.dtype.kind == "i"
    assert (height**2, sizes) == (784, (784, 256, 64, 2))
    fitted = amortised.fit_vae(x, sizes, 2, np.random.default_rng(0), batch_size=20)
    assert amortised.count_parameters(fitted.params) == 217_668 + 218_320
    assert amortised.encode(fitted.params, x).shape == (60, 4)


@pytest.mark.parametrize(("switch", "num"), [(False, None), (False, 60), (True, None)])
def test_without_the_switch_or_the_cache_the_small_digits_are_taken(
    images_of_the_lesson, capsys, switch, num
) -> None:
    x, labels, height, sizes = images_of_the_lesson(switch, num)
    assert (x.shape, height, sizes) == ((1797, 64), 8, (64, 64, 32, 2))
    assert set(labels) == set(range(10))
    assert ("No MNIST on this machine" in capsys.readouterr().out) is switch


@pytest.mark.slow
def test_eight_coordinates_gain_a_nat() -> None:
    """As the model answer to the lesson's open question says: about -18.9."""
    x = amortised.binarise(datasets.load("digits")["X"])
    x = x[np.random.default_rng(0).permutation(len(x))]
    params = amortised.train_vae(x[:-397], (64, 64, 8), 600, np.random.default_rng(11))
    eps = np.random.default_rng(1).standard_normal((10, 397, 8))
    assert -19.2 < float(amortised.vae_elbo(params, x[-397:], eps)) < -18.6


def test_the_gradient_by_hand_is_that_of_autograd() -> None:
    from autograd import grad

    params, x, eps = case(np.random.default_rng(7))
    for beta in (1.0, 0.3):
        want = grad(lambda p, beta=beta: amortised.vae_elbo(p, x, eps, beta))(params)
        found = Climb(beta=beta).gradient(params, x, eps)
        assert all(np.allclose(found[name], want[name], rtol=1e-10) for name in want)


def test_the_bounds_of_the_part_on_means_are_many_errors_apart() -> None:
    """So its false-alarm rate is that of a 5-sigma event, with room."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        vae = amortised.LinearVAE(rng.normal(0.0, 1.0, (5, 2)), rng.normal(0.0, 1.0, 5), 0.8)
        x = vae.sample(rng, 2000)
        lam = vae.best_lam(x) + np.array([0.4, -0.4, 0.3, 0.3])
        z = vae.family.transport(lam, rng.standard_normal((16, len(x), 2)))
        log_w = vae.log_joint(x, z) - vae.family.log_prob(lam, z)
        bounds = [estimators.importance_weighted_bound(log_w[:k]) for k in (1, 4, 16)]
        for low, high in itertools.pairwise(bounds):
            assert np.mean(high - low) > 5 * np.std(high - low) / np.sqrt(len(x))


ODD = {**ODD_RESULTS, "a dict": {"enc_W1": 1.0, "dec_W1": None}}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("exercise", EXERCISES, ids=IDS)
def test_odd_results_are_judged_and_never_stop_the_check(exercise, odd) -> None:
    verdict = grade(exercise, dict.fromkeys(exercise.names, lambda *_, **__: ODD[odd]), seed=1)
    assert verdict.score == 0.0
    assert verdict.hints
