"""Checks of E9.5: steps of SVI, and the guide of the Gaussian model."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograder.checks.bank import e9_5
from autograder.checks.compare import Mismatch, close, number, require, show, z_test
from autograder.checks.lesson09_sites import LOOSE, WORDS, latent, listed, sites_of, unrecorded
from autograder.checks.lesson09_trace import seed_of
from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.checks.scene_fits import grid_of
from vi_lib import cavi, densities, ppl

Array = Any
Rng = np.random.Generator
MODEL = ("temperature",)
#: Steps of a run, of which the last two fifths are averaged. A slow answer has three longer runs.
RUNS = (200, 600, 600, 600)
DRAWS, NEAR, FAR = 300, 0.5, 1.7


def _one(answer: Recorder, guide: tuple[Any, ...], seed: int, params: Any = None) -> Any:
    return answer.scene("svi_step", "svi_steps", MODEL, guide, (18.0,), params, (seed,))


def _numbers(params: Any, names: tuple[str, ...], what: str) -> dict[str, float]:
    if not isinstance(params, dict) or set(params) != set(names):
        got = listed(params) if isinstance(params, dict) else show(params)
        raise Mismatch(f"{what}: expected the parameters {listed(names)}, got {got}.", got=params)
    found = {name: number(params[name], f"{what}: {name!r}") for name in names}
    require(
        bool(np.isfinite(list(found.values())).all()),
        f"{what}: expected finite numbers, got {show(params)}.",
    )
    return found


def _first_step(answer: Recorder, rng: Rng) -> None:
    m, s = float(rng.normal(14.0, 0.5)), float(rng.uniform(0.3, 0.6))
    guide = ("guide_of_temperature", m, s)
    got = _one(answer, guide, seed_of(rng))
    what = "The first step, with empty params"
    start = _numbers(got["start"], ("m", "s"), "The guide's first parameters")
    now = _numbers(got["trail"][0], ("m", "s"), what)
    for name in start:
        # A first step of up to 3, in one coordinate, can be Adam's or that of plain ascent.
        require(
            0.0 < abs(now[name] - start[name]) < 3.0,
            f"{what}: expected {name!r} to move a little from its `init` {start[name]:.6g}, "
            f"got {now[name]:.6g}.",
            expected=start[name],
            got=now[name],
        )
    model = ("guided_by_param", 12.0)
    got = answer.scene("svi_step", "svi_steps", model, guide, (18.0,), None, (seed_of(rng),))
    _numbers(got["trail"][0], ("m", "s", "mean_temp"), "A step for a model with a parameter")


def _elbo_of_step(answer: Recorder, rng: Rng) -> None:
    m, s = float(rng.normal(16.5, 0.5)), float(rng.uniform(0.6, 1.2))
    guide, seed = ("guide_of_temperature", m, s), seed_of(rng)
    start = _one(answer, guide, seed)["start"]
    got = [_one(answer, guide, seed + k, start)["elbos"][0] for k in range(2)]
    found = [number(value, "The ELBO that a step returns") for value in got]
    eps = [np.random.default_rng(seed + k).standard_normal() for k in range(2)]
    z = m + s * np.array(eps)
    want = (
        densities.normal(z, 15.0, 2.0)
        + densities.normal(np.array(18.0), z, 1.0)
        - densities.normal(z, m, s)
    )
    what = "The ELBO that a step returns, of a single run of guide and model"
    if np.allclose(found, want, rtol=LOOSE):
        return
    exact = (
        densities.normal(np.array(m), 15.0, 2.0) - 0.5 * s**2 / 4.0
        + densities.normal(np.array(18.0), m, 1.0) - 0.5 * s**2
        + 0.5 * math.log(2.0 * math.pi * math.e) + np.log(s)
    )  # fmt: skip
    if found[0] != found[1]:
        more = [_one(answer, guide, seed + k, start)["elbos"][0] for k in range(2, 62)]
        rows = np.array([number(value, what) for value in more])
        z_test(rows[:, None], exact, f"{what}, from the same params, on average", alpha=1e-6)
        require(
            float(np.std(rows)) < 5.0,
            f"{what}: expected estimates that vary by about 1 nat, "
            f"got an sd of {np.std(rows):.3g}.",
        )
        return
    close(np.array(found), want, what, rtol=LOOSE)


def _uphill(answer: Recorder, rng: Rng) -> None:
    for (m, s), name, way in (
        ((11.0, 0.5), "m", 1), ((24.0, 0.5), "m", -1),
        ((17.4, 0.01), "s", 1), ((17.4, 90.0), "s", -1),
    ):  # fmt: skip
        for seed in rng.integers(2**31, size=3):
            if s > 1.0 and abs(np.random.default_rng(seed).standard_normal()) < 0.1:
                continue  # so near the centre that a width does not show
            got = _one(answer, ("guide_of_temperature", m, s), int(seed))
            start, now = (number(p[name], name) for p in (got["start"], got["trail"][0]))
            direction = "up" if way > 0 else "down"
            require(
                way * (now - start) > 0.0,
                f"A step from q = N({m:g}, sd {s:g}); the posterior is N(17.4, sd 0.8944): "
                f"expected {name!r} to go {direction} from {start:.6g}, got {now:.6g}.",
                expected=start,
                got=now,
            )


def _state(answer: Recorder, rng: Rng) -> None:
    """Only where steps are normalised, as Adam's are, must a state be carried."""
    guide, seeds = ("guide_of_temperature", 12.0, 0.4), (seed_of(rng), -1)
    got, fresh = (
        answer.scene("svi_step", "svi_steps", MODEL, guide, (18.0,), None, seeds, carry)
        for carry in (True, False)
    )
    start, (first, second) = got["start"], got["trail"]
    sizes = [abs(number(first[name], name) - number(start[name], name)) for name in ("m", "s")]
    if abs(sizes[0] - sizes[1]) > 1e-3 * sizes[0]:
        return
    require(
        any(number(second[n], n) != number(fresh["trail"][1][n], n) for n in ("m", "s")),
        "Your first step has the same length in every parameter, so its rule has a memory. Two "
        "steps with the `opt_state` of the first, and with None: expected different second steps, "
        "got the same.",
        expected="another step",
        got=second,
    )


def _guide(answer: Recorder, rng: Rng) -> None:
    x, (gamma, weight) = rng.normal(0.8, 1.0, 5), grid_of("positive")
    gamma, weight = gamma[gamma < 60.0], weight[gamma < 60.0]
    seed, what = seed_of(rng), "A trace of gaussian_gamma_guide"
    got = answer.scene("gaussian_gamma_guide", "gamma_guide", (x,), seed, gamma)
    found = latent(got["sites"], what)
    require(
        found.keys() == {"mu", "gamma"},
        f"{what}: expected the sites gamma, mu, got {listed(found)}.",
        got=sorted(found),
    )
    params = [n for n, site in sites_of(got["sites"], what).items() if site.get("type") == "param"]
    require(
        len(params) > 1, f"{what}: expected parameters to learn, got {listed(params)}.", got=params
    )
    for name in ("mu", "gamma"):
        number(found[name]["value"], f"{what}: the value of {name!r}")
        require(
            not np.any(found[name]["observed"]),
            f"{what}: expected {name!r} to be drawn, got an observed site.",
        )
    require(
        found["gamma"]["support"] != "real",
        f"{what}: expected a distribution over positive numbers for 'gamma', "
        "got one over the whole real line.",
    )
    with np.errstate(all="ignore"):
        mass = float(np.sum(np.exp(np.asarray(got["log_q"], dtype=float)) * weight))
    close(mass, 1.0, "The integral of q over gamma > 0", rtol=1e-3)


@functools.cache
def _data() -> tuple[Array, dict[str, float], dict[str, float]]:
    x = np.array([0.1, 1.3, -0.4, 1.9])
    prior = {"mu0": -0.5, "tau0": 4.0, "alpha0": 4.0, "beta0": 3.0}
    q = cavi.cavi_gaussian_gamma(x, prior)
    return x, prior, {name: float(q[name]) for name in ("nu_q", "tau_q", "alpha_q", "beta_q")}


def _fit(answer: Recorder, rng: Rng) -> None:
    x, prior, best = _data()
    seed = seed_of(rng)
    answer.scene("svi_step", "svi_fit", prior, x, best, (3, 1, seed, 2))
    slope = answer.scene("gaussian_gamma_guide", "gamma_slope", (x,), seed)
    # Where the draws are constants, half of a pathwise gradient is missing, and what is left is a
    # random walk: it comes near once in twenty runs, a score-function gradient each time.
    pathwise = number(slope, "The derivative of gamma's draw in its parameters") > 0.0
    kls: list[float] = []
    for k, steps in enumerate(RUNS if pathwise else 2 * RUNS[:1]):
        plan = (steps, 2 * steps // 5, seed + k, DRAWS)
        found = unrecorded(answer, "svi_step", "svi_fit", prior, x, best, plan)
        kls.append(number(found["kl"], "KL(q ‖ the answer of CAVI)"))
        near = kls[-1] < NEAR
        if near and (pathwise or k == 1):
            return
        if not (near or pathwise) or sum(not kl < FAR for kl in kls) == 2:
            break  # not slow, but lost
    lengths = " and ".join(map(str, sorted(set(RUNS[: len(kls)]))))
    raise Mismatch(
        f"Runs of {lengths} steps for the Gaussian model, parameters averaged over the last two "
        f"fifths: expected KL(q ‖ the answer of CAVI) below {NEAR} nats, "
        f"got {', '.join(f'{kl:.3g}' for kl in kls)}.",
        NEAR,
        np.array(kls),
        name="steps-too-small" if len(kls) == len(RUNS) and max(kls[1:]) < 0.8 * kls[0] else "",
    )


E9_5 = Exercise(
    id="E9.5",
    title="A step of SVI, and the guide of the Gaussian model",
    names=("svi_step", "gaussian_gamma_guide"),
    needs=WORDS,
    reference={
        name: getattr(ppl, name)
        for name in (*WORDS, "log_joint", "replay", "svi_step", "gaussian_gamma_guide")
    },
    parts=(
        Part("The first step, from empty params", 1.0, _first_step),
        Part("The ELBO of a step", 1.5, _elbo_of_step, 1e-6),
        Part("Steps go uphill, in mean and in sd", 1.0, _uphill),
        Part("The optimiser's state is carried", 0.5, _state),
        Part("The guide of mu and gamma", 1.0, _guide),
        Part("Fitted: near the answer of CAVI", 1.0, _fit, 8e-6),
    ),
    wrong=e9_5.WRONG,
    right=e9_5.RIGHT,
    forbidden=(
        "vi_lib.ppl.svi:svi_step",
        "vi_lib.ppl.svi:svi",
        "vi_lib.ppl.svi:_step",
        "vi_lib.ppl.elbo:elbo_and_gradient",
        "vi_lib.ppl.elbo:elbo_values",
        "vi_lib.ppl.guides:gaussian_gamma_guide",
    ),
)
