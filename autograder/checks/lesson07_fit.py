"""Check of E7.5, mean-field ADVI. Any optimiser may be used: fits are judged by where they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.bank import e7_5
from autograder.checks.compare import Mismatch, array, entry, require
from autograder.checks.lesson07_transforms import bounds
from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.checks.values import generator, made
from vi_lib.advi import advi_mean_field

Rng = np.random.Generator
HERE = "autograder.checks.inputs."

NUM_ITER, RATE = 400, 0.3
MEAN_TOLERANCE, SD_TOLERANCE, ELBO_TOLERANCE = 0.2, 0.15, 0.4
FIT_SEEDS = 3


def _fit(
    answer: Recorder, log_joint: Any, maps: tuple[Any, ...], num_iter: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One run of the answer; mu, omega and the trace, as arrays of the right shapes."""
    init = np.zeros(len(maps))
    got = answer.call("advi_mean_field", log_joint, maps, init, num_iter, generator(seed), RATE)
    what = "advi_mean_field"
    parts = []
    for key, shape in (("mu", (len(maps),)), ("omega", (len(maps),)), ("elbo", (num_iter,))):
        values = array(entry(got, key, what), f"{what}'s {key}").astype(float)
        require(
            values.shape == shape,
            f"{what}'s {key}: expected shape {shape}, got {values.shape}.",
            got=values,
        )
        parts.append(values)
    return parts[0], parts[1], parts[2]


def _regression(rng: Rng) -> tuple[Any, tuple[Any, ...], Any]:
    """An intercept and a slope, correlated a posteriori; log joint, transforms, oracle."""
    X = np.column_stack([np.ones(40), 1.0 + rng.standard_normal(40)])
    beta = rng.uniform(1.0, 2.0, 2) * rng.choice([-1.0, 1.0]) * np.array([1.0, -1.0])
    y = X @ beta + 1.2 * rng.standard_normal(40)
    model = made("vi_lib.oracles.LinearRegression", X, y, 3.0, 1.2)
    identity = made("vi_lib.transforms.Identity")
    return made(f"{HERE}log_joint_of", model), (identity, identity), model.build()


def _any_of_three(
    answer: Recorder,
    rng: Rng,
    log_joint: Any,
    maps: tuple[Any, ...],
    judge: Callable[[np.ndarray, np.ndarray, np.ndarray], None],
) -> None:
    """Pass if one of three fits passes `judge`; else raise what it said of the last one.

    The short runs come first, because the first call is watched and slow, and last, because a
    diagnosis starts from the last call: most answers of the bank are then told apart at once.
    """
    seeds = [int(seed) for seed in rng.integers(2**31, size=FIT_SEEDS)]
    _fit(answer, log_joint, maps, 3, seeds[0])
    failure: Mismatch | None = None
    for seed in seeds:
        mu, omega, elbo = _fit(answer, log_joint, maps, NUM_ITER, seed)
        try:
            require(
                bool(np.isfinite(mu).all() and np.isfinite(omega).all()),
                f"After {NUM_ITER} steps: expected finite mu and omega, got {mu} and {omega}: "
                "the steps are too long, or they lead downhill.",
            )
            judge(mu, omega, elbo)
            return
        except Mismatch as mismatch:
            failure = mismatch
            if not np.mean(elbo[-NUM_ITER // 4 :]) > np.mean(elbo[:5]):
                failure.name = "gradient-descent"
    assert failure is not None
    _fit(answer, log_joint, maps, 4, seeds[-1])
    raise failure


def _near(mu: np.ndarray, expected: np.ndarray, what: str) -> None:
    require(
        bool(np.all(np.abs(mu - expected) <= MEAN_TOLERANCE)),
        f"{what}: expected {np.round(expected, 3)} ± {MEAN_TOLERANCE}, got {np.round(mu, 3)}.",
        expected=expected,
        got=mu,
    )


def _sds_near(omega: np.ndarray, sd: np.ndarray, what: str) -> None:
    got = np.exp(np.minimum(omega, 50.0))
    if not np.all(np.abs(got / sd - 1.0) <= SD_TOLERANCE):
        raise Mismatch(
            f"{what}: expected exp(omega) = {np.round(sd, 3)} ± 15 %, got {np.round(got, 3)}.",
            expected=sd,
            got=got,
            name=_symptom(omega, sd),
        )


def _symptom(omega: np.ndarray, sd: np.ndarray) -> str | None:
    """The mistake of the bank that such sds betray, whatever the code looks like."""
    if np.allclose(omega, 2.0 * np.log(sd), rtol=0.0, atol=0.15):
        return "omega-as-log-variance"
    with np.errstate(over="ignore"):  # an ascent that went astray
        found = np.exp(omega)
        if np.allclose(omega * found, sd**2, rtol=0.3, atol=0.02):
            return "published-code"  # zeta = mu + omega eps has this fixed point
    if np.allclose(omega, sd, rtol=0.2):
        return "returns-the-sd"
    return "entropy-missing" if np.all(found < 0.5 * sd) else None


def _bookkeeping(answer: Recorder, rng: Rng) -> None:
    log_joint, maps, _ = _regression(rng)
    seed = int(rng.integers(2**31))
    first = _fit(answer, log_joint, maps, 25, seed)
    again = _fit(answer, log_joint, maps, 25, seed)
    for name, a, b in zip(("mu", "omega", "elbo"), first, again, strict=True):
        require(
            bool(np.array_equal(a, b, equal_nan=True)),
            f"advi_mean_field's {name} differs between two runs with the same rng: "
            "draw all noise from the `rng` you are given.",
        )


def _means(answer: Recorder, rng: Rng) -> None:
    log_joint, maps, oracle = _regression(rng)
    mean, _, _ = oracle.mean_field()
    _any_of_three(
        answer, rng, log_joint, maps, lambda mu, omega, elbo: _near(mu, mean, "The means of q")
    )


def _sds(answer: Recorder, rng: Rng) -> None:
    log_joint, maps, oracle = _regression(rng)
    _, sd, _ = oracle.mean_field()
    _any_of_three(
        answer, rng, log_joint, maps, lambda mu, omega, elbo: _sds_near(omega, sd, "The sds of q")
    )


def _supports(answer: Recorder, rng: Rng) -> None:
    """A positive and a bounded parameter whose best q and ELBO are known exactly."""
    low_high = bounds(rng)
    maps = (made("vi_lib.transforms.Softplus"), made("vi_lib.transforms.Logit", *low_high))
    mean = np.array([rng.uniform(-1.4, -0.8), rng.uniform(0.8, 1.4) * rng.choice([-1.0, 1.0])])
    sd, log_evidence = rng.uniform(0.7, 0.9, 2), float(rng.uniform(-9.0, -5.0))
    log_joint = made(f"{HERE}pushed_forward_gaussian", maps, mean, sd, log_evidence)

    def judge(mu: np.ndarray, omega: np.ndarray, elbo: np.ndarray) -> None:
        try:
            _near(mu, mean, "The means of q on the real line, a positive and a bounded parameter")
        except Mismatch as mismatch:
            mismatch.message += (
                " If the regression is right, look at log |det J|: is it added, with a plus, and "
                "once per draw (pass `zeta[:, d:d+1]`)?"
            )
            raise
        _sds_near(omega, sd, "The sds of q on the real line")
        last = float(np.mean(elbo[-NUM_ITER // 4 :]))
        require(
            abs(last - log_evidence) <= ELBO_TOLERANCE,
            "The mean of the last quarter of the ELBO trace, where q can be exact: expected the "
            f"log evidence {log_evidence:.2f} ± {ELBO_TOLERANCE}, got {last:.2f}.",
            expected=log_evidence,
            got=last,
        )

    _any_of_three(answer, rng, log_joint, maps, judge)


E7_5 = Exercise(
    id="E7.5",
    title="Mean-field ADVI",
    names=("advi_mean_field",),
    reference={"advi_mean_field": advi_mean_field},
    parts=(
        Part("A dict with mu, omega and one ELBO per step", 1.0, _bookkeeping),
        Part("Means of a regression's coefficients", 2.0, _means, false_alarm=3.4e-6),
        Part("Their sds, within 15 % of exact mean field", 2.0, _sds, false_alarm=3.4e-6),
        Part(
            "A positive and a bounded parameter, and the ELBO", 1.0, _supports, false_alarm=3.4e-6
        ),
    ),
    wrong=e7_5.WRONG,
    right=e7_5.RIGHT,
    forbidden=(
        "vi_lib.advi:advi_mean_field",
        "vi_lib.advi:advi",
        "vi_lib.fit:fit",
        "vi_lib.model:Model.log_p",
    ),
)
