"""Check of E7.5, mean-field ADVI. Any optimiser may be used: fits are judged by where they end.

Where the rates of false alarms come from: single fits of right answers were counted. The reference,
Adam and the printed step, with 10 or 20 draws a step, landed 700 times out of 700 in each part.
With one draw a step, the worst answer that is still right, 0 of 700 missed the means, 5 of 700 the
sds, and 0 of 250 the part with supports. Clopper-Pearson's upper bounds (95 %, two-sided) on these
rates are .0053, .0166 and .0147; a part fails when three independent fits do, so the third powers
bound its false alarms. (With 15 % in place of 20 %, 37 of 700 missed the sds.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.bank import advi_pieces, e7_5
from autograder.checks.compare import Mismatch, array, entry, require
from autograder.checks.lesson07_transforms import bounds
from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.checks.values import generator, made
from vi_lib import oracles
from vi_lib.advi import advi_mean_field

Rng = np.random.Generator
HERE = "autograder.checks.inputs."

NUM_ITER, RATE = 400, 0.3
MEAN_TOLERANCE, SD_TOLERANCE, ELBO_TOLERANCE = 0.2, 0.2, 0.4
FIT_SEEDS = 3

Judge = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
"""Raises `Mismatch` when mu, omega or the ELBO trace of a fit is not what it should be."""
Problem = tuple[Any, tuple[Any, ...], Judge]
"""A log joint, the transforms of its coordinates, and the judge of a fit to it."""


def _fit(
    answer: Recorder,
    log_joint: Any,
    maps: tuple[Any, ...],
    num_iter: int,
    seed: int,
    init: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One run of the answer; mu, omega and the trace, as arrays of the right shapes."""
    init = np.zeros(len(maps)) if init is None else init
    got = answer.call("advi_mean_field", log_joint, maps, init, num_iter, generator(seed), RATE)
    if num_iter == NUM_ITER:
        # The search for a hint repeats what is on record: the short runs tell mistakes apart.
        answer.records.pop()
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
    """An intercept and a slope, correlated a posteriori; log joint, transforms, oracle.

    The log joint is log evidence + log posterior: the same function, quicker than 40 likelihoods.
    """
    X = np.column_stack([np.ones(40), 1.0 + rng.standard_normal(40)])
    beta = rng.uniform(1.0, 2.0, 2) * rng.choice([-1.0, 1.0]) * np.array([1.0, -1.0])
    y = X @ beta + 1.2 * rng.standard_normal(40)
    oracle = oracles.LinearRegression(X, y, 3.0, 1.2)
    identity = made("vi_lib.transforms.Identity")
    posterior = (oracle.mean, np.linalg.inv(oracle.cov), float(oracle.log_evidence))
    return made(f"{HERE}gaussian_log_joint", *posterior), (identity, identity), oracle


def _any_of_three(answer: Recorder, rng: Rng, problem: Callable[[Rng], Problem]) -> None:
    """Pass if one of three fits passes; else raise what was said of the first that had a name.

    Each try has a problem of its own, so that the tries are independent: the rate at which a right
    answer fails all three is exactly the third power of the rate at which it fails one.

    The short runs come first, because the first call is watched and slow, and last, because a
    diagnosis starts from the last call: most answers of the bank are then told apart at once.
    """
    failure: Mismatch | None = None
    for attempt in range(FIT_SEEDS):
        log_joint, maps, judge = problem(rng)
        seed = int(rng.integers(2**31))
        if attempt == 0:
            _fit(answer, log_joint, maps, 3, seed)
        mu, omega, elbo = _fit(answer, log_joint, maps, NUM_ITER, seed)
        with np.errstate(all="ignore"):  # the numbers of an ascent that went astray
            try:
                require(
                    bool(np.isfinite(mu).all() and np.isfinite(omega).all()),
                    f"After {NUM_ITER} steps: expected finite mu and omega, got {mu} and {omega}: "
                    "the steps are too long, or they lead downhill.",
                )
                judge(mu, omega, elbo)
                return
            except Mismatch as mismatch:
                mismatch.name = mismatch.name or _trace_of_a_mistake(elbo)
                failure = failure if failure is not None and failure.name else mismatch
    assert failure is not None
    _fit(answer, log_joint, maps, 12, seed)
    raise failure


def _trace_of_a_mistake(elbo: np.ndarray) -> str | None:
    """What the course of an ELBO trace gives away, when the end of q did not."""
    if np.std(np.diff(elbo[-NUM_ITER // 4 :])) < 1e-3:
        return "same-noise-every-step"  # fresh draws make a trace rough
    if not np.mean(elbo[-NUM_ITER // 4 :]) > np.mean(elbo[:5]):
        return "gradient-descent"
    return None


def _near(mu: np.ndarray, expected: np.ndarray, what: str) -> None:
    if not np.all(np.abs(mu - expected) <= MEAN_TOLERANCE):
        still = "first-coordinate-forgotten" if mu[0] == 0.0 and np.all(mu[1:] != 0.0) else None
        raise Mismatch(
            f"{what}: expected {np.round(expected, 3)} ± {MEAN_TOLERANCE}, got {np.round(mu, 3)}.",
            expected=expected,
            got=mu,
            name=still,
        )


def _sds_near(omega: np.ndarray, sd: np.ndarray, what: str, short: float = 0.0) -> None:
    """Require the sds; `short` is how far the ELBO ends below that of the best q, in nats."""
    got = np.exp(np.minimum(omega, 50.0))
    if not np.all(np.abs(got / sd - 1.0) <= SD_TOLERANCE):
        raise Mismatch(
            f"{what}: expected exp(omega) = {np.round(sd, 3)} ± {100 * SD_TOLERANCE:.0f} %, "
            f"got {np.round(got, 3)}.",
            expected=sd,
            got=got,
            name=_symptom(omega, sd, short),
        )


def _symptom(omega: np.ndarray, sd: np.ndarray, short: float = 0.0) -> str | None:
    """The mistake of the bank that such sds betray, whatever the code looks like."""
    if np.allclose(omega, 2.0 * np.log(sd), rtol=0.0, atol=0.15):
        # Either the sd is right and its name is not, or q itself is too narrow.
        return "omega-as-log-variance" if short < ELBO_TOLERANCE else "chain-factor-missing"
    if np.allclose(omega, np.log(sd) + 0.5 * np.log(2.0), rtol=0.0, atol=0.1):
        return "entropy-counted-twice"
    found = np.exp(omega)
    if np.allclose(omega * found, sd**2, rtol=0.3, atol=0.02):
        return "published-code"  # zeta = mu + omega eps has this fixed point
    if np.allclose(omega, sd, rtol=0.2):
        return "returns-the-sd"
    return "entropy-missing" if np.all(found < 0.5 * sd) else None


def _trace_symptom(last: float, log_evidence: float, omega: np.ndarray) -> str | None:
    """The same for the end of the ELBO trace."""
    constant = 0.5 * len(omega) * (1.0 + np.log(2.0 * np.pi))
    for name, value in (
        ("elbo-negated", -log_evidence),
        ("elbo-without-constant", log_evidence - constant),
        ("elbo-without-entropy", log_evidence - constant - float(np.sum(omega))),
    ):
        if abs(last - value) <= ELBO_TOLERANCE:
            return name
    return None


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
    far = np.array([40.0, -40.0])
    mu, _, _ = _fit(answer, log_joint, maps, 2, seed, far)
    require(
        bool(np.all(np.abs(mu - far) < 20.0)),
        f"mu after 2 steps from init = {far}: expected values near init, got {np.round(mu, 2)}.",
        expected=far,
        got=mu,
    )


def _means(answer: Recorder, rng: Rng) -> None:
    def problem(rng: Rng) -> Problem:
        log_joint, maps, oracle = _regression(rng)
        mean, _, _ = oracle.mean_field()
        return log_joint, maps, lambda mu, omega, elbo: _near(mu, mean, "The means of q")

    _any_of_three(answer, rng, problem)


def _sds(answer: Recorder, rng: Rng) -> None:
    def problem(rng: Rng) -> Problem:
        log_joint, maps, oracle = _regression(rng)
        _, sd, kl = oracle.mean_field()
        best = float(oracle.log_evidence) - kl

        def judge(mu: np.ndarray, omega: np.ndarray, elbo: np.ndarray) -> None:
            _sds_near(omega, sd, "The sds of q", best - float(np.mean(elbo[-NUM_ITER // 4 :])))

        return log_joint, maps, judge

    _any_of_three(answer, rng, problem)


def _supports(answer: Recorder, rng: Rng) -> None:
    _any_of_three(answer, rng, _two_supports)


def _two_supports(rng: Rng) -> Problem:
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
            mismatch.name = _wrong_target(log_joint, maps, mean, mu, omega) or mismatch.name
            raise
        _sds_near(omega, sd, "The sds of q on the real line")
        last = float(np.mean(elbo[-NUM_ITER // 4 :]))
        if not abs(last - log_evidence) <= ELBO_TOLERANCE:
            raise Mismatch(
                "The mean of the last quarter of the ELBO trace, where q can be exact: expected "
                f"the log evidence {log_evidence:.2f} ± {ELBO_TOLERANCE}, got {last:.2f}.",
                expected=log_evidence,
                got=last,
                name=_trace_symptom(last, log_evidence, omega),
            )

    return log_joint, maps, judge


def _wrong_target(
    log_joint: Any, maps: tuple[Any, ...], mean: np.ndarray, mu: np.ndarray, omega: np.ndarray
) -> str | None:
    """The mistake whose best q this is: the image of the mean, or another factor of log |det J|."""
    built = [each.build() for each in maps]
    image = [float(t.inverse(np.array(m))) for t, m in zip(built, mean, strict=True)]
    if np.allclose(mu, image, atol=MEAN_TOLERANCE):
        return "returns-constrained-mu"
    for name, factor in (("no-jacobian", 0.0), ("jacobian-sign", -1.0)):
        wrong = advi_pieces.answer(
            log_p=lambda f, t, by=factor: advi_pieces.log_p(f, t, by), num_draws=20
        )["advi_mean_field"]
        with np.errstate(all="ignore"):
            end = wrong(
                log_joint.build(), built, np.zeros(len(mu)), 200, generator(1).build(), RATE
            )
        if np.allclose(mu, end["mu"], atol=MEAN_TOLERANCE) and np.allclose(
            omega, end["omega"], atol=2 * SD_TOLERANCE
        ):
            return name
    return None


E7_5 = Exercise(
    id="E7.5",
    title="Mean-field ADVI",
    names=("advi_mean_field",),
    reference={"advi_mean_field": advi_mean_field},
    parts=(
        Part("A dict with mu, omega and one ELBO per step", 1.0, _bookkeeping),
        Part("Means of a regression's coefficients", 2.0, _means, false_alarm=2e-7),
        Part("Their sds, within 20 % of exact mean field", 2.0, _sds, false_alarm=4.6e-6),
        Part(
            "A positive and a bounded parameter, and the ELBO", 1.0, _supports, false_alarm=3.2e-6
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
