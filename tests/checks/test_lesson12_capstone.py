"""The numbers in the model answer to lesson 12's capstone, by quadrature and summation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vi_lib import Model, Param, dadvi, datasets, densities

TEXT = Path(__file__).parents[2] / "solutions" / "12_diagnostics.py"
FLOW = datasets.load("nile")["flow"]
YEARS = datasets.load("nile")["year"]
SD = np.linspace(90.0, 260.0, 341)
PRIOR_MEAN, PRIOR_SD = 1000.0, 300.0


def given_sd(y, sd):
    """Log evidence, mean and sd of mu for y ~ N(mu, sd), mu ~ N(1000, 300)."""
    prec = len(y) / sd**2 + PRIOR_SD**-2
    mean = (np.sum(y) / sd**2 + PRIOR_MEAN / PRIOR_SD**2) / prec
    quadratic = np.sum(y**2) / sd**2 + PRIOR_MEAN**2 / PRIOR_SD**2 - prec * mean**2
    log_evidence = -len(y) * np.log(sd) - 0.5 * np.log(prec) - 0.5 * quadratic
    return log_evidence - np.log(PRIOR_SD), mean, prec**-0.5


def lag_one(y):
    return np.corrcoef(y[1:], y[:-1])[0, 1]


def normalised(log_w):
    w = np.exp(log_w - np.max(log_w))
    return w / np.sum(w)


@pytest.fixture(scope="module")
def one():
    """Weights of the grid of sds, and mean and sd of mu, in the first model."""
    log_w, mean, sd = given_sd(FLOW, SD)
    return normalised(log_w - 0.5 * (SD / PRIOR_SD) ** 2), mean, sd


@pytest.fixture(scope="module")
def two():
    """Weights (99, sds), and the two means, in the second model."""
    rows = []
    for change in range(1, 100):
        before, after = given_sd(FLOW[:change], SD), given_sd(FLOW[change:], SD)
        rows.append((before[0] + after[0], before[1], after[1], before[2], after[2]))
    log_w, *rest = (np.array(column) for column in zip(*rows, strict=True))
    return normalised(log_w - 0.5 * (SD / PRIOR_SD) ** 2), *rest


def test_the_first_model(one):
    w, mean, sd = one
    mu = np.sum(w * mean)
    mu_sd = np.sqrt(np.sum(w * (sd**2 + mean**2)) - mu**2)
    sigma = np.sum(w * SD)
    assert (round(mu), round(mu_sd)) == (920, 17)
    assert (round(sigma), round(np.sqrt(np.sum(w * SD**2) - sigma**2))) == (171, 12)


def test_the_checks_of_the_first_model(one):
    rng = np.random.default_rng(0)
    w, mean, sd = one
    at = rng.choice(len(SD), 4000, p=w)
    mu = mean[at] + sd[at] * rng.standard_normal(4000)
    y_rep = mu[:, None] + SD[at, None] * rng.standard_normal((4000, 100))
    lags = np.array([lag_one(y) for y in y_rep])
    assert round(lag_one(FLOW), 2) == 0.51
    assert abs(np.mean(lags)) < 0.02
    assert round(np.std(lags), 1) == 0.1
    assert np.mean(lags >= lag_one(FLOW)) < 1e-3
    gap = y_rep[:, :28].mean(axis=1) - y_rep[:, 28:].mean(axis=1)
    assert np.mean(gap >= FLOW[:28].mean() - FLOW[28:].mean()) < 1e-3


def test_the_second_model(two):
    w, before, after, sd_before, sd_after = two
    by_year = np.sum(w, axis=1)
    assert YEARS[np.argmax(by_year)] == 1898
    assert 0.7 < np.max(by_year) < 0.85
    assert np.sum(by_year[(YEARS[:99] >= 1896) & (YEARS[:99] <= 1900)]) > 0.95
    assert (round(np.sum(w * before)), round(np.sum(w * after))) == (1096, 851)
    fall = before - after
    mean = np.sum(w * fall)
    sd = np.sqrt(np.sum(w * (fall**2 + sd_before**2 + sd_after**2)) - mean**2)
    assert (round(mean), round(sd)) == (245, 29)
    residual = FLOW - np.where(YEARS <= 1898, np.sum(w * before), np.sum(w * after))
    assert round(lag_one(residual), 2) == 0.16


def test_engels_line_fails_where_the_answer_says():
    data = datasets.load("engel")
    x, y = data["income"], data["food"]
    line = stats.linregress(x, y)
    residual = y - line.intercept - line.slope * x
    assert stats.pearsonr(np.abs(residual), x).pvalue < 1e-6
    logs = stats.linregress(np.log(x), np.log(y))
    spread = np.log(y) - logs.intercept - logs.slope * np.log(x)
    width = {at: 2 * 1.645 * np.std(spread) * np.exp(logs.intercept) * at**logs.slope
             for at in (500.0, 2000.0)}  # fmt: skip
    constant = 2 * 1.645 * np.std(residual)
    assert width[500.0] < constant < width[2000.0]


@pytest.mark.slow
def test_dadvi_agrees_with_quadrature_and_narrows_with_the_data():
    params = {"mu": Param(), "sd": Param(support="positive")}

    def fitted(y, start, seed):
        model = Model(
            params,
            lambda t: (
                densities.normal(t["mu"], PRIOR_MEAN, PRIOR_SD)
                + densities.half_normal(t["sd"], PRIOR_SD)
            ),
            lambda t, y: densities.normal(y, t["mu"][:, None], t["sd"][:, None]),
            y,
        )
        result = dadvi(model, start=start, rng=np.random.default_rng(seed))
        draws = result.sample(np.random.default_rng(1), 20_000)
        moments = [v.mean() for v in draws.values()], [v.std() for v in draws.values()]
        return np.array(moments), result.trust.level

    starts = ({"mu": mu, "sd": sd} for mu, sd in ((700.0, 100.0), (1000.0, 300.0), (1400.0, 200.0)))
    once = [fitted(FLOW, start, seed) for seed, start in enumerate(starts)]
    for (mean, sd), level in once:
        np.testing.assert_allclose(mean, [920.0, 171.0], rtol=0.01)
        np.testing.assert_allclose(sd, [17.0, 12.2], rtol=0.1)
        assert level == "trust"
    (_, twice), _ = fitted(np.repeat(FLOW, 2), {"mu": 900.0, "sd": 200.0}, 5)
    np.testing.assert_allclose(twice / once[0][0][1], 0.71, atol=0.02)


@pytest.mark.parametrize(
    "number",
    [
        "\\mu = 920 \\pm 17",
        "\\sigma = 171 \\pm 12",
        "data 0.51",
        "probability about 0.7 to 0.8",
        "Means 1096 and\n# 851",
        "correlation is 0.16",
        "245 ± 29",
    ],
)
def test_these_numbers_stand_in_the_answer(number):
    assert number in TEXT.read_text(encoding="utf-8")
