"""The shipped data sets: their recipes, digits and the numbers the lessons quote."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from vi_lib import datasets, oracles


def regression_200():
    r = np.random.RandomState(2017)
    X = r.randn(200, 2)
    return {"X": X, "y": X @ [5, -3.5] + 2.5 * r.randn(200)}


def line_5():
    x = np.linspace(0, 1, 5)
    return {"x": x, "y": 1 + 0.5 * x + 0.1 * np.random.RandomState(12345).randn(5)}


def two_groups():
    r = np.random.RandomState(1)
    x = np.concatenate([r.gamma(1.5, 0.9, 60), r.gamma(1.5, 0.6, 23), [4.9, 5.6]])
    group = np.repeat([0.0, 1.0], [60, 25])
    y = np.where(group == 0, 0.9 - 0.25 * x, -1.0 + 0.05 * x) + 0.8 * r.randn(85)
    return {"x": x, "group": group, "y": np.append(y[:-2], [1.1, 1.5])}


def mixture_1000():
    r = np.random.RandomState(4)
    centres, label = 10 * r.randn(3), r.randint(3, size=1000)
    return {"x": centres[label] + r.randn(1000), "label": label.astype(float)}


def wave_500():
    r = np.random.RandomState(12)
    x = r.uniform(-10, 10, 500)
    return {"x": x, "y": 7 * np.sin(0.75 * x) + 0.5 * x + 3 * r.randn(500)}


# The recipes in the files, as code. NumPy froze RandomState's streams, so they hold for good.
RECIPES = {
    "gaussian_100": lambda: {"x": 5 + np.random.RandomState(123).randn(100)},
    "line_5": line_5,
    "mixture_1000": mixture_1000,
    "normal_100": lambda: {"x": np.random.RandomState(207).randn(100)},
    "regression_200": regression_200,
    "two_groups": two_groups,
    "wave_500": wave_500,
}

#: Results of long runs, with tests beside the script that makes them.
COMPUTED = ["wave_hmc"]


# Name -> shape of X, sum of X, sum of y and the digest of both, as scikit-learn 1.9 ships them.
COLLECTED = {
    "diabetes": ((442, 10), 276404.2336, 67243.0, "e9c1f7559552854a"),
    "digits": ((1797, 64), 561718.0, 8070.0, "f19a7d92591ca0a1"),
    "iris": ((150, 4), 2078.7, 150.0, "18565d0da72dafd5"),
}


#: Draws of a sampler, which no seed brings back elsewhere; held against quadrature below.
SAMPLED = ("normal_100_nuts",)


# Name -> its two columns, their length and sums, and the digest of both, as statsmodels ships them.
COLUMNS = {
    "engel": ("income", "food", 235, 230881.16533838297, 146675.27615863856, "1969844503bed78b"),
    "nile": ("year", "flow", 100, 192050.0, 91935.0, "073ae61c8c4883e7"),
}


def test_every_data_set_has_a_recipe_or_a_source():
    assert datasets.names() == sorted([*RECIPES, *COLLECTED, *COMPUTED, *SAMPLED, *COLUMNS])


def test_sampled_draws_are_those_of_the_posterior():
    """Means and sds within four standard errors of nearly independent draws."""
    draws = datasets.load("normal_100_nuts")
    exact = oracles.NormalMeanSd(datasets.load("normal_100")["x"])
    for i, values in enumerate((draws["mu"], draws["sd"])):
        assert values.shape == (2000,)
        assert abs(values.mean() - exact.mean[i]) < 4 * exact.sd[i] / 2000**0.5
        assert abs(values.std(ddof=1) / exact.sd[i] - 1) < 4 / 4000**0.5
    assert "rhat 1.00" in datasets.describe("normal_100_nuts")


@pytest.mark.parametrize("name", COLUMNS)
def test_pairs_of_columns_are_those_of_their_source(name):
    first, second, num, sum_first, sum_second, digest = COLUMNS[name]
    data = datasets.load(name)
    assert list(data) == [first, second]
    assert data[first].shape == data[second].shape == (num,)
    np.testing.assert_allclose(
        [data[first].sum(), data[second].sum()], [sum_first, sum_second], rtol=1e-12
    )
    both = data[first].tobytes() + data[second].tobytes()
    assert hashlib.sha256(both).hexdigest()[:16] == digest
    assert "Source: " in datasets.describe(name)
    assert "public domain" in datasets.describe(name)


@pytest.mark.parametrize("name", COLLECTED)
def test_collected_data_are_those_of_their_source(name):
    shape, sum_x, sum_y, digest = COLLECTED[name]
    data = datasets.load(name)
    X, y = data["X"], data["y"]
    assert (X.shape, y.shape) == (shape, shape[:1])
    np.testing.assert_allclose([X.sum(), y.sum()], [sum_x, sum_y], rtol=1e-12)
    assert hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest()[:16] == digest
    assert "Source: " in datasets.describe(name)


@pytest.mark.parametrize("name", RECIPES)
def test_files_hold_what_their_recipes_make(name):
    got, want = datasets.load(name), RECIPES[name]()
    assert list(got) == list(want)
    for key, values in want.items():
        # A sum of products may round differently elsewhere; the draws may not.
        np.testing.assert_allclose(got[key], values, rtol=1e-14)
        assert got[key].dtype == np.float64
        assert got[key].flags.c_contiguous
        assert got[key].shape == values.shape


@pytest.mark.parametrize("name", RECIPES)
def test_descriptions_name_the_seed(name):
    seeds = {"gaussian_100": 123, "line_5": 12345, "normal_100": 207, "regression_200": 2017}
    seed = {**seeds, "mixture_1000": 4, "two_groups": 1, "wave_500": 12}[name]
    assert f"numpy.random.RandomState({seed})" in datasets.describe(name)
    assert "#" not in datasets.describe(name)


def test_numbers_survive_the_text_file():
    """17 significant digits bring every float64 back bit for bit."""
    want = 5 + np.random.RandomState(123).randn(100)
    np.testing.assert_array_equal(datasets.load("gaussian_100")["x"], want)


def test_a_caller_cannot_damage_the_next_one():
    datasets.load("line_5")["x"][:] = 0.0
    x = datasets.load("line_5")["x"]
    assert np.sum(x**2) == 1.875


def test_unknown_name():
    with pytest.raises(
        KeyError, match="unknown data set 'moons', expected one of diabetes, digits, eng"
    ):
        datasets.load("moons")
    with pytest.raises(KeyError, match="unknown data set"):
        datasets.describe("../oracles")
