"""Checks of E6.2, `sample_reparameterized(name, eps, **params)`, a point for each row.

First on the given noise. Another transformation of the same noise, such as -log(1 - u), may give
other draws with the right distribution; it is judged by Kolmogorov and Smirnov's test, and each
draw must come from its own noise alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.compare import Mismatch, array, close, require
from autograder.checks.diagnose import same
from autograder.checks.lesson05_cases import exactly_or_in_expectation
from autograder.checks.protocol import Part, Recorder
from vi_lib import sampling

Array = Any
Rng = np.random.Generator

KS_ALPHA = 1e-6
"""False-alarm rate of one row, all its tests together."""
NUM_DRAWS = 40_000


@dataclass(frozen=True)
class Row:
    """One distribution: parameters, noise (rng, S), and the tests of its draws.

    `uniforms(x, **params)` lists samples that are uniform on (0, 1) if the draws are right.
    """

    params: Callable[[Rng], dict[str, Any]]
    noise: Callable[[Rng, int, dict[str, Any]], Array]
    uniforms: Callable[..., list[Array]]


def _sign(rng: Rng) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _off_one(rng: Rng) -> float:
    """A scale that differs from 1, from its square and from its inverse."""
    return float(rng.choice([rng.uniform(0.4, 0.6), rng.uniform(1.7, 2.5)]))


def _location_and_scale(loc: str, scale: str) -> Callable[[Rng], dict[str, Any]]:
    return lambda rng: {loc: _sign(rng) * float(rng.uniform(0.5, 1.5)), scale: _off_one(rng)}


def _mvn_params(rng: Rng) -> dict[str, Any]:
    """Two coordinates of different spread; L and its transpose have different products."""
    L = np.array([[rng.uniform(1.5, 2.0), 0.0], [rng.uniform(0.8, 1.2), rng.uniform(0.4, 0.6)]])
    L[1, 0] *= _sign(rng)
    return {"mu": _sign(rng) * rng.uniform(0.5, 1.5, 2), "L": L}


def _uniform(columns: int) -> Callable[[Rng, int, dict[str, Any]], Array]:
    """Stratified, so that a few draws already lie on both sides of 1/2."""

    def noise(rng: Rng, num: int, params: dict[str, Any]) -> Array:
        if num > 100:
            u = rng.uniform(size=(num, columns))
        else:
            order = np.argsort(rng.uniform(size=(num, columns)), axis=0)
            u = (order + rng.uniform(0.15, 0.85, (num, columns))) / num
        return u[:, 0] if columns == 1 else u

    return noise


def _mvn_uniforms(x: Array, mu: Array, L: Array) -> list[Array]:
    """Of z = L⁻¹(x - mu): the coordinates, their sums and differences, and the squared length."""
    z = np.linalg.solve(L, (x - mu).T).T
    lines = [z[:, 0], z[:, 1], (z[:, 0] + z[:, 1]) / 2**0.5, (z[:, 0] - z[:, 1]) / 2**0.5]
    length = stats.chi2(z.shape[1]).cdf(np.sum(z**2, axis=1))
    return [*(stats.norm.cdf(line) for line in lines), length]


ROWS = {
    "exponential": Row(
        lambda rng: {"rate": _off_one(rng)},
        _uniform(1),
        lambda x, rate: [stats.expon(scale=1.0 / rate).cdf(x)],
    ),
    "cauchy": Row(
        _location_and_scale("loc", "scale"),
        _uniform(1),
        lambda x, loc, scale: [stats.cauchy(loc, scale).cdf(x)],
    ),
    "laplace": Row(
        _location_and_scale("loc", "scale"),
        _uniform(1),
        lambda x, loc, scale: [stats.laplace(loc, scale).cdf(x)],
    ),
    "gaussian": Row(
        _location_and_scale("mu", "sd"),
        _uniform(2),
        lambda x, mu, sd: [stats.norm(mu, sd).cdf(x)],
    ),
    "mvn": Row(
        _mvn_params,
        lambda rng, num, params: rng.standard_normal((num, len(params["mu"]))),
        _mvn_uniforms,
    ),
    "lognormal": Row(
        _location_and_scale("mu", "sd"),
        lambda rng, num, params: rng.standard_normal(num),
        lambda x, mu, sd: [stats.lognorm(sd, scale=np.exp(mu)).cdf(x)],
    ),
}


def _draw(answer: Recorder, name: str, eps: Array, params: dict[str, Any]) -> Any:
    return answer.call("sample_reparameterized", name, eps, **params)


def _part(name: str) -> Callable[[Recorder, Rng], None]:
    row = ROWS[name]

    def part(answer: Recorder, rng: Rng) -> None:
        params = row.params(rng)
        eps = row.noise(rng, 8, params)
        want = sampling.sample_reparameterized(name, eps, **params)

        def exact() -> None:
            got = _draw(answer, name, eps, params)
            try:
                close(got, want, f"8 draws of {name}({_listed(params)})")
            except Mismatch as mismatch:
                if not same(_draw(answer, name, eps, params), got):
                    mismatch.message += " The same noise gave other draws the second time."
                    mismatch.name = "given-noise-ignored"
                raise

        exactly_or_in_expectation(exact, lambda: _distribution(answer, rng, name, params))

    return part


def _distribution(answer: Recorder, rng: Rng, name: str, params: dict[str, Any]) -> None:
    row = ROWS[name]
    eps = row.noise(rng, NUM_DRAWS, params)
    x = array(_draw(answer, name, eps, params), f"`{name}`").astype(float)
    shape = (NUM_DRAWS, 2) if name == "mvn" else (NUM_DRAWS,)
    require(x.shape == shape, f"`{name}`: expected draws of shape {shape}, got {x.shape}.")
    require(bool(np.isfinite(x).all()), f"`{name}`: some of the draws are not finite.")
    few = np.array([5, 1, 3])
    close(_draw(answer, name, eps[few], params), x[few], "3 draws from their own noise alone")
    tests = row.uniforms(x, **params)
    worst = min(float(stats.kstest(u, "uniform", method="asymp").pvalue) for u in tests)
    require(
        worst > KS_ALPHA / len(tests),
        f"`{name}`: the distribution of {NUM_DRAWS} draws is not the one asked for.",
    )


def _listed(params: dict[str, Any]) -> str:
    return ", ".join(
        key if isinstance(value, np.ndarray) else f"{key}={value:.3g}"
        for key, value in params.items()
    )


SAMPLING_PARTS = tuple(Part(name, 1.0, _part(name), false_alarm=KS_ALPHA) for name in ROWS)
