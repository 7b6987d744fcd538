"""The long run behind `datasets.load("wave_hmc")`: what a Bayesian net's own posterior predicts.

    python tests/vi_lib/amortised/wave_reference.py     writes both files, about three minutes

Hamiltonian Monte Carlo on the weights of the net that lesson 10 fits: 20 tanh units, weights
N(0, 1), inputs x / 2, targets y / 7, noise sd 3 known. Permuted units give the same function, so
chains are compared by what they predict. Source: Neal, Bayesian Learning for Neural Networks
(1996), chapter 3.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vi_lib.amortised import mlp

Array = Any
UNITS, NOISE_SD = 20, 3.0
X_SCALE, Y_SCALE = 2.0, 7.0
GRID = np.linspace(-20.0, 20.0, 81)
FOLDER = Path(__file__).parents[3] / "vi_lib/data"

WAVE = """\
# r = numpy.random.RandomState(12), x = r.uniform(-10, 10, 500),
# y = 7 sin(0.75 x) + 0.5 x + 3 r.randn(500): a wave on a slope, noise sd 3.
x,y
"""
REFERENCE = """\
# What a net with 20 tanh units predicts from wave_500 at 81 inputs x: mean and sd of the function,
# without the noise, and the standard errors of both. Weights N(0, sd=1), inputs x / 2, targets
# y / 7, noise sd 3 known. {chains} chains of Hamiltonian Monte Carlo with {draws} draws each, by
# tests/vi_lib/amortised/wave_reference.py.
x,mean,sd,mean_error,sd_error
"""


def log_posterior(X: Array, y: Array, noise_sd: float) -> Callable[[Array], tuple[float, Array]]:
    """Value and gradient of log p(y, w) without its constants, in the flat weights w (P,)."""
    K, H = X.shape[1], UNITS

    def value_and_gradient(w: Array) -> tuple[float, Array]:
        W1, b1 = w[: K * H].reshape(K, H), w[K * H : K * H + H]
        h = np.tanh(X @ W1 + b1)
        W2 = w[K * H + H : K * H + 2 * H]
        residual = (y - h @ W2 - w[-1]) / noise_sd**2
        back = residual[:, None] * W2 * (1.0 - h * h)
        parts = ((X.T @ back).ravel(), back.sum(0), h.T @ residual, [residual.sum()])
        value = -0.5 * noise_sd**2 * (residual @ residual) - 0.5 * (w @ w)
        return float(value), np.concatenate(parts) - w

    return value_and_gradient


def chain(
    target: Callable[[Array], tuple[float, Array]],
    w: Array,
    rng: np.random.Generator,
    burn: int,
    draws: int,
    leaps: int = 60,
) -> Array:
    """Draws (draws, P) of Hamiltonian Monte Carlo; the step is tuned during the burn-in."""
    step, kept = 0.004, []
    value, slope = target(w)
    for iteration in range(burn + draws):
        p = rng.standard_normal(len(w))
        size = step * rng.uniform(0.8, 1.2)
        there, level, incline, q = w, value, slope, p + 0.5 * size * slope
        for leap in range(leaps):
            there = there + size * q
            level, incline = target(there)
            q = q + (size if leap < leaps - 1 else 0.5 * size) * incline
        accepted = np.log(rng.random()) < level - value - 0.5 * (q @ q - p @ p)
        if accepted:
            w, value, slope = there, level, incline
        if iteration < burn:
            step *= np.exp(0.05 * (float(accepted) - 0.8))
        else:
            kept.append(w)
    return np.array(kept)


def predictions(x: Array, y: Array, chains: int, burn: int, draws: int, seed: int = 0) -> Array:
    """The function at GRID for each draw (chains, draws, 81), in the units of y."""
    target = log_posterior(x[:, None] / X_SCALE, y / Y_SCALE, NOISE_SD / Y_SCALE)
    found = []
    for rng in np.random.default_rng(seed).spawn(chains):
        start = 0.5 * rng.standard_normal(3 * UNITS + 1)
        w = chain(target, start, rng, burn, draws)
        found.append(Y_SCALE * mlp(w, GRID[:, None] / X_SCALE, sizes=(1, UNITS, 1))[..., 0])
        sds = np.std(found[-1], axis=0)[[0, 40, 80]]
        print(f"chain {len(found)}: sd at -20, 0, 20", sds, flush=True)
    return np.array(found)


def main(chains: int = 12, burn: int = 500, draws: int = 1000) -> None:
    """Write both data sets."""
    r = np.random.RandomState(12)
    x = r.uniform(-10, 10, 500)
    y = 7 * np.sin(0.75 * x) + 0.5 * x + 3 * r.randn(500)
    f = predictions(x, y, chains, burn, draws)
    mean, sd = np.mean(f, axis=(0, 1)), np.std(f, axis=(0, 1))
    mean_error = np.std(np.mean(f, axis=1), axis=0, ddof=1) / np.sqrt(chains)
    # The sd's error from leaving out a chain at a time.
    left = [np.std(np.delete(f, k, axis=0), axis=(0, 1)) for k in range(chains)]
    sd_error = np.sqrt((chains - 1) * np.var(left, axis=0))
    rows = zip(GRID, mean, sd, mean_error, sd_error, strict=True)
    head = REFERENCE.format(chains=chains, draws=draws)
    lines = [",".join([f"{r[0]:.1f}", *(f"{v:.4f}" for v in r[1:])]) for r in rows]
    (FOLDER / "wave_hmc.csv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    points = [f"{float(a)!r},{float(b)!r}" for a, b in zip(x, y, strict=True)]
    (FOLDER / "wave_500.csv").write_text(WAVE + "\n".join(points) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
