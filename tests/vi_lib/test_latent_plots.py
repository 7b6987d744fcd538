"""Pictures of the latent plane: what stands where, and what is refused."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from scipy import stats

matplotlib.use("agg")

import matplotlib.pyplot as plt

from vi_lib import latent_plots, plots
from vi_lib._check import ShapeError


@pytest.fixture
def ax():
    with matplotlib.rc_context():
        plots.use_style()
        fig, ax = plt.subplots()
        yield ax
        plt.close(fig)


def canvas(ax):
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def test_scatter_shows_each_class_by_colour_and_marker(ax):
    rng = np.random.default_rng(0)
    mean, labels = rng.standard_normal((40, 2)), np.repeat(np.arange(10.0), 4)
    latent_plots.latent_scatter(ax, mean, labels, sd=np.full((40, 2), 0.1))
    ellipses, dots = ax.collections[::2], ax.collections[1::2]
    assert len(ellipses) == len(dots) == 10
    for k, dot in enumerate(dots):
        np.testing.assert_array_equal(dot.get_offsets(), mean[4 * k : 4 * k + 4])
    looks = {(tuple(dot.get_facecolor()[0]), dot.get_paths()[0].vertices.tobytes()) for dot in dots}
    assert len(looks) == 10
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [str(k) for k in range(10)]


def test_scatter_s_ellipses_reach_one_sd(ax):
    latent_plots.latent_scatter(ax, np.zeros((1, 2)), np.zeros(1), sd=np.array([[0.2, 0.5]]))
    ellipse = ax.collections[0]
    # Widths and heights are diameters; angles 0.
    np.testing.assert_allclose(ellipse.get_widths(), [0.4])
    np.testing.assert_allclose(ellipse.get_heights(), [1.0])


def test_grid_puts_quantiles_where_the_ticks_say(ax):
    """Images of one pixel that show Φ(z_1), or Φ(z_2): right is more, and up is more."""
    for coordinate, direction in ((0, "right"), (1, "up")):
        ax.clear()
        seen = []

        def decode(z, coordinate=coordinate, seen=seen):
            seen.append(z)
            return stats.norm.cdf(z[:, [coordinate]])

        latent_plots.latent_grid(ax, decode, 5, tail=0.1)
        assert seen[0].shape == (25, 2)
        picture = canvas(ax)[::2, ::2]  # every second row and column is a seam
        levels = np.linspace(0.1, 0.9, 5)
        want = np.tile(levels, (5, 1)) if direction == "right" else np.tile(levels[::-1], (5, 1)).T
        np.testing.assert_allclose(picture, want, rtol=1e-10)
        assert np.all(np.isnan(canvas(ax)[1::2]))
        labels = [t.get_text() for t in ax.get_yticklabels()]
        assert labels == [t.get_text() for t in ax.get_xticklabels()]
        assert (labels[0], labels[-1]) == ("−1.3", "1.3")
        # The tick of the largest z_2 stands at the first row of tiles, the uppermost.
        assert ax.get_yticks()[-1] == 0.0
        assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_strip_shows_images_above_their_reconstructions(ax):
    rng = np.random.default_rng(0)
    images, decoded = rng.random((3, 6)), rng.random((2, 3, 6))
    latent_plots.reconstruction_strip(ax, images, decoded, shape=(2, 3))
    picture = canvas(ax)
    assert picture.shape == (8, 11)
    np.testing.assert_array_equal(picture[:2, 4:7], images[1].reshape(2, 3))
    np.testing.assert_array_equal(picture[6:, 8:], decoded[1, 2].reshape(2, 3))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["image", "decoded", "decoded"]
    ax.clear()
    latent_plots.reconstruction_strip(ax, images, decoded[0], shape=(2, 3))
    assert canvas(ax).shape == (5, 11)


def test_bars_are_means_and_collapsed_ones_look_different(ax):
    kl = np.array([[1.0, 0.0], [3.0, 0.1]])
    latent_plots.kl_per_coordinate(ax, kl)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, [2.0, 0.05])
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    assert [bar.get_hatch() or "" for bar in ax.patches] == ["", "//"]


def test_same_picture_same_bytes():
    def draw():
        fig, ax = plt.subplots()
        latent_plots.latent_grid(ax, lambda z: np.abs(np.tanh(np.tile(z, 2))), 3)
        return plots.show(fig, "Nine images.").png

    assert draw() == draw()


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda ax: latent_plots.latent_scatter(ax, np.ones((3, 3)), np.ones(3)),
            ShapeError,
            r"mean must have shape \(N, 2\)",
        ),
        (
            lambda ax: latent_plots.latent_scatter(ax, np.ones((3, 2)), np.ones(2)),
            ShapeError,
            "labels must have",
        ),
        (
            lambda ax: latent_plots.latent_scatter(ax, np.ones((3, 2)), np.ones(3), names=()),
            ShapeError,
            "1 names, one a class, got 0",
        ),
        (
            lambda ax: latent_plots.latent_grid(ax, lambda z: np.ones((9, 6)), 3),
            ShapeError,
            "2 x 2 pixels cannot hold 6",
        ),
        (
            lambda ax: latent_plots.latent_grid(ax, lambda z: z, 3, tail=0.5),
            ValueError,
            "tail must be in",
        ),
        (
            lambda ax: latent_plots.reconstruction_strip(ax, np.ones((3, 4)), np.ones((2, 4))),
            ShapeError,
            "reconstructions must have",
        ),
        (lambda ax: latent_plots.kl_per_coordinate(ax, np.ones((1, 1, 1))), ShapeError, "kl must"),
    ],
)
def test_errors_say_what_came(call, error, match, ax):
    with pytest.raises(error, match=match):
        call(ax)
