"""Figures: the numbers behind the lines, alternative texts, stable bytes."""

from __future__ import annotations

import base64
import io

import matplotlib
import numpy as np
import pytest
from scipy import stats

matplotlib.use("agg")

import matplotlib.pyplot as plt
from PIL import Image

from vi_lib import plots


@pytest.fixture
def ax():
    with matplotlib.rc_context():
        plots.use_style()
        fig, ax = plt.subplots()
        yield ax
        plt.close(fig)


def standard_normal(z):
    return -0.5 * np.sum(z**2, axis=-1)


def test_show_gives_png_with_alternative_text_and_closes_the_figure():
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, 1], [1, 0])
    picture = plots.show(fig, 'A "falling" line.')
    data = picture._repr_mimebundle_()
    assert data["text/plain"] == 'Figure: A "falling" line.'
    assert 'alt="A &quot;falling&quot; line."' in data["text/html"]
    assert base64.b64encode(picture.png).decode() in data["text/html"]
    assert Image.open(io.BytesIO(picture.png)).format == "PNG"
    assert not plt.fignum_exists(fig.number)


def test_same_figure_same_bytes():
    def draw():
        fig, ax = plt.subplots()
        ax.plot([0, 1, 2], [0, 1, 4])
        return plots.show(fig, "A parabola.").png

    assert draw() == draw()


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_show_wants_an_alternative_text(alt, ax):
    with pytest.raises(ValueError, match="alternative text"):
        plots.show(ax.figure, alt)


def test_style_is_600_pixels_wide_with_distinct_colours():
    with matplotlib.rc_context():
        plots.use_style()
        fig = plt.figure()
        assert tuple(fig.get_size_inches() * fig.dpi) == (600.0, 360.0)
        plt.close(fig)
    assert len(set(plots.CYCLE)) == 7


def test_trace_averages_a_window_and_its_band_shrinks(ax):
    elbo, se = np.array([0.0, 2.0, 4.0, 6.0]), np.array([0.3, 0.4, 0.0, 1.2])
    plots.elbo_trace(ax, elbo, se, window=2)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [2, 3, 4])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.0, 3.0, 5.0])
    band = ax.collections[0].get_paths()[0].vertices
    # Two standard errors of the mean of two: 2 sqrt(.3^2 + .4^2) / 2 = .5 at iteration 2.
    at_two = band[band[:, 0] == 2][:, 1]
    np.testing.assert_allclose([at_two.min(), at_two.max()], [0.5, 1.5])


def test_trace_view_holds_all_traces_and_the_evidence(ax):
    plots.elbo_trace(ax, np.array([-1e4, -3.0, -2.0]), view_from=2, log_evidence=-1.0)
    plots.elbo_trace(ax, np.array([-1e4, -5.0, -4.9]), view_from=2)
    low, high = ax.get_ylim()
    assert -5.5 < low < -5.0
    assert -1.0 < high < 0.0


def test_contours_enclose_their_mass(ax):
    plots.contours(ax, standard_normal, (-6, 6), (-6, 6), mass=(0.5, 0.95), num=241)
    levels = sorted(ax.collections[-1].levels)
    # exp(-r^2 / 2) = 1 - mass on the boundary of a standard Gaussian in two dimensions.
    np.testing.assert_allclose(levels, [0.05, 0.5], rtol=0.01)


def test_contours_cope_with_a_boundary_of_the_support(ax):
    def log_density(z):
        inside = z[:, 1] > 0
        return np.where(inside, standard_normal(z), np.where(z[:, 1] < -1, np.nan, -np.inf))

    plots.contours(ax, log_density, (-3, 3), (-3, 3))
    drawn = np.vstack([path.vertices for path in ax.collections[-1].get_paths()])
    assert drawn[:, 1].min() > -0.06  # within one cell of the grid


def test_ellipse_holds_its_mass(ax):
    mean, cov = np.array([1.0, -2.0]), np.array([[1.0, 0.8], [0.8, 2.0]])
    plots.ellipse(ax, mean, cov, mass=0.9)
    angle = np.linspace(0.0, 2.0 * np.pi, 50)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    edge = ax.patches[0].get_patch_transform().transform(circle) - mean
    distance = np.einsum("gi,ij,gj->g", edge, np.linalg.inv(cov), edge)
    np.testing.assert_allclose(distance, stats.chi2(2).ppf(0.9), rtol=1e-10)


@pytest.mark.parametrize(
    ("support", "draw", "low", "high"),
    [
        ("real", lambda rng: rng.standard_normal(4000), -np.inf, np.inf),
        ("positive", lambda rng: np.abs(rng.standard_normal(4000)), 0.0, np.inf),
        ("unit", lambda rng: rng.beta(0.5, 2.0, 4000), 0.0, 1.0),
        ((2.0, 5.0), lambda rng: 2.0 + 3.0 * rng.beta(3.0, 2.0, 4000), 2.0, 5.0),
    ],
)
def test_marginal_stays_in_its_support_and_integrates_to_one(ax, support, draw, low, high):
    plots.marginal(ax, draw(np.random.default_rng(0)), support, label="draws")
    theta, density = ax.lines[0].get_data()
    assert np.all((theta >= low) & (theta <= high))
    assert np.trapezoid(density, theta) == pytest.approx(1.0, abs=0.02)


def test_marginal_is_the_density_smoothed_and_folded_back_at_the_end(ax):
    draws = stats.halfnorm.ppf((np.arange(4000) + 0.5) / 4000)  # no noise: quantiles
    plots.marginal(ax, draws, "positive")
    theta, density = ax.lines[0].get_data()
    iqr = np.subtract(*np.quantile(draws, [0.75, 0.25]))
    width = 0.9 * min(np.std(draws), iqr / 1.34) * 4000**-0.2
    # A half-normal folded back is the normal, whose smoothing only widens it.
    smoothed = 2.0 * stats.norm(0.0, np.hypot(1.0, width)).pdf(theta)
    assert theta[0] == 0.0
    np.testing.assert_allclose(density, smoothed, atol=1e-3)


def test_all_densities_stay_in_view(ax):
    plots.density(ax, stats.norm(0, 0.1).logpdf, -1, 1)
    plots.density(ax, stats.norm(0, 1.0).logpdf, -1, 1)
    assert ax.get_ylim()[1] > stats.norm(0, 0.1).pdf(0)


def test_marginal_refuses_draws_outside_the_support(ax):
    with pytest.raises(ValueError, match=r"support \[0.0, inf\], got -1.0 to 2.0"):
        plots.marginal(ax, np.array([-1.0, 2.0]), "positive")


def test_density_normalises(ax):
    plots.density(ax, lambda t: 7.0 - 0.5 * t**2, -8.0, 8.0, normalise=True)
    t, p = ax.lines[0].get_data()
    np.testing.assert_allclose(p, stats.norm.pdf(t), atol=1e-12)


def test_arrows_show_sign_and_mean(ax):
    ax.set(xlim=(-2, 2), ylim=(-2, 2))
    theta = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    weights = np.array([2.0, -1.0, 3.0])
    gradients = weights[:, None] * theta
    plots.gradient_arrows(ax, theta, gradients, weights, np.zeros(2), scale=0.1)
    arrows = [c for c in ax.collections if hasattr(c, "U")]
    steps = [np.column_stack([a.U, a.V]) for a in arrows]
    np.testing.assert_allclose(steps[0], 0.1 * gradients[weights > 0])
    np.testing.assert_allclose(steps[1], 0.1 * gradients[weights < 0])
    np.testing.assert_allclose(steps[2], [0.1 * gradients.mean(axis=0)])
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["weight > 0 (+)", "weight < 0 (−)", "mean gradient"]


def test_arrows_scale_to_a_quarter_of_the_view(ax):
    ax.set(xlim=(0, 8), ylim=(0, 8))
    gradients = np.array([[30.0, 40.0], [0.0, 0.0]])
    plots.gradient_arrows(ax, np.ones((2, 2)), gradients, np.ones(2), np.ones(2))
    arrows = [np.hypot(c.U, c.V) for c in ax.collections if hasattr(c, "U")]
    assert np.max(np.concatenate(arrows)) == pytest.approx(2.0)


def test_vanishing_gradients_are_drawn(ax):
    plots.gradient_arrows(ax, np.ones((2, 2)), np.zeros((2, 2)), np.ones(2), np.ones(2))
    plots.show(ax.figure, "No arrows: every gradient vanishes.")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda ax: plots.elbo_trace(ax, np.zeros(3), window=4), "between 1 and the 3 iter"),
        (lambda ax: plots.contours(ax, lambda z: z, (0, 1), (0, 1)), r"got \(14641, 2\)"),
        (
            lambda ax: plots.contours(ax, lambda z: np.full(len(z), np.nan), (0, 1), (0, 1)),
            "not finite anywhere",
        ),
        (
            lambda ax: plots.gradient_arrows(ax, np.ones(2), np.ones(2), np.ones(1), np.ones(2)),
            r"theta must have shape \(M, 2\)",
        ),
        (
            lambda ax: plots.gradient_arrows(
                ax, np.ones((3, 2)), np.ones((3, 2)), np.ones(2), np.ones(2)
            ),
            r"weights must have shape \(3,\), got \(2,\)",
        ),
    ],
)
def test_errors_say_what_came(ax, call, match):
    with pytest.raises(ValueError, match=match):
        call(ax)
