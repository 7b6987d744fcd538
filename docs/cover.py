"""Draw docs/cover.png, for the README and the web site: one method of the course per panel.

Run as `python docs/cover.py`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from vi_lib import bbvi, cavi, plots
from vi_lib.advi import advi_mean_field
from vi_lib.datasets import load
from vi_lib.oracles import CorrelatedGaussian, LinearRegression
from vi_lib.transforms import Identity


def main() -> None:
    """Draw and save the picture."""
    plots.use_style()
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
    coordinate_ascent(axes[0])
    score_function(axes[1])
    movie_stills(axes[2])
    figure.savefig(Path(__file__).with_name("cover.png"), dpi=110)


def coordinate_ascent(ax: plt.Axes) -> None:
    """CAVI's path towards the mean of a correlated Gaussian."""
    mu, cov = np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]])
    plots.contours(ax, CorrelatedGaussian(mu, cov).log_joint, (-3, 3), (-3, 3))
    path = cavi.coordinate_path_gaussian(mu, cov, np.array([-2.4, 1.2]), 6)
    ax.plot(*path.T, "o-", color=plots.VERMILLION, markersize=4)
    mean, sd, kl = cavi.mean_field_gaussian(mu, cov)
    plots.ellipse(ax, mean, np.diag(sd**2), color=plots.BLUE)
    ax.set(title=f"Coordinate ascent (KL {kl:.3f} nats)", xlabel="θ₁", ylabel="θ₂")


def score_function(ax: plt.Axes) -> None:
    """The score function's arrows for ten draws."""
    mean, cov = np.array([1.6, 1.2]), np.array([[0.5, 0.2], [0.2, 0.4]])
    target = CorrelatedGaussian(mean, cov)
    mu, sd = np.zeros(2), np.ones(2)
    theta = mu + sd * np.random.default_rng(4).standard_normal((10, 2))
    ax.set(xlim=(-3, 3), ylim=(-3, 3))
    plots.contours(ax, target.log_joint, (-3, 3), (-3, 3))
    plots.ellipse(ax, mu, np.diag(sd**2), color=plots.BLUE, linestyle="--")
    log_q = -0.5 * np.sum(theta**2, axis=1) - np.log(2 * np.pi)
    weights = target.log_joint(theta) - log_q
    scores, _ = bbvi.score_gaussian(theta, mu, sd)
    plots.gradient_arrows(ax, theta, weights[:, None] * scores, weights, mu)
    ax.set(title="Black-box gradients, 10 draws", xlabel="θ₁", ylabel="θ₂")


def movie_stills(ax: plt.Axes) -> None:
    """An ADVI fit on its way, and the exact posterior."""
    data = load("regression_200")
    target = LinearRegression(data["X"], data["y"], prior_sd=10.0, noise_sd=2.5)
    span = 6 * target.sd
    low, high = target.mean - span, target.mean + span
    plots.contours(ax, target.log_joint, (low[0], high[0]), (low[1], high[1]))
    for steps, color in ((8, plots.SKY), (30, plots.ORANGE), (2000, plots.VERMILLION)):
        rng = np.random.default_rng(1)
        start = target.mean - 4.5 * target.sd
        found = advi_mean_field(target.log_joint, [Identity()] * 2, start, steps, rng, 0.1)
        cov = np.diag(np.exp(2 * found["omega"]))
        plots.ellipse(ax, found["mu"], cov, color=color, label=f"step {steps}")
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(title="ADVI finds β = (5, −3.5)", xlabel="β₁", ylabel="β₂")
    ax.legend(loc="lower right")


if __name__ == "__main__":
    main()
