"""Checks of E12.3, `posterior_predictive_pvalue(y, y_rep, stat)`; ties count as larger."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.compare import close, number, require
from autograder.checks.protocol import Part, Recorder
from autograder.checks.values import build, made
from vi_lib.diagnostics import posterior_predictive_pvalue

Array = Any
Rng = np.random.Generator

KS_ALPHA = 1e-6


def _statistic(name: str) -> Any:
    return made("autograder.checks.inputs.statistic", name)


def _compare(answer: Recorder, y: Array, y_rep: Array, name: str, what: str) -> None:
    stat = _statistic(name)
    want = posterior_predictive_pvalue(y, y_rep, build(stat))
    close(answer.call("posterior_predictive_pvalue", y, y_rep, stat), want, what)


def _values(answer: Recorder, rng: Rng) -> None:
    """Four data sets of either kind of statistic; the first and the last replicate are extreme."""
    cases: list[tuple[Array, Array, str]] = []
    for num, count, name, share in ((12, 41, "max", 0.74), (9, 30, "range", 0.2)) * 2:
        T = build(_statistic(name))
        y, y_rep = rng.standard_normal(num), rng.standard_normal((count, num))
        values = np.array([T(row) for row in y_rep])
        y = y * np.quantile(values, share) / T(y)
        y_rep = y_rep[np.argsort(values)]
        cases.append((y, y_rep if len(cases) < 2 else y_rep[::-1].copy(), name))
    stats_ = [_statistic(name) for _, _, name in cases]
    found = [
        answer.call("posterior_predictive_pvalue", y, y_rep, stat)
        for (y, y_rep, _), stat in zip(cases, stats_, strict=True)
    ]
    for got, (y, y_rep, name), stat in zip(found, cases, stats_, strict=True):
        want = posterior_predictive_pvalue(y, y_rep, build(stat))
        close(got, want, f"P(T(y_rep) ≥ T(y)) from {len(y_rep)} data sets, T = {name}")


def _one_for_each(answer: Recorder, rng: Rng) -> None:
    """A statistic that sees the order of the data; as many replicates as data; data in rows."""
    y = np.cumsum(rng.standard_normal(10))
    y_rep = np.cumsum(rng.standard_normal((10, 10)), axis=1)
    _compare(answer, y, y_rep, "lag product", "the p-value of Σ y_i y_(i+1), 10 data sets of 10")
    y, y_rep = rng.standard_normal((6, 3)), rng.standard_normal((25, 6, 3))
    _compare(answer, y, y_rep, "last column", "the p-value for data (6, 3), y_rep (25, 6, 3)")
    _compare(answer, y[:, 0], y_rep[:1, :, 0], "max", "the p-value from a single data set")


def _ties(answer: Recorder, rng: Rng) -> None:
    y = np.array([0, 2, 0, 1, 3, 1, 2, 0])
    stat, cases = _statistic("count of zeros"), []
    for _ in range(3):
        y_rep = rng.poisson(1.0, (40, 8))
        y_rep[:8] = rng.permuted(np.tile(y, (8, 1)), axis=1)  # at least eight ties
        cases.append(y_rep)
    found = [answer.call("posterior_predictive_pvalue", y, y_rep, stat) for y_rep in cases]
    for got, y_rep in zip(found, cases, strict=True):
        ties = int(np.sum(np.sum(y_rep == 0, axis=1) == 3))
        want = posterior_predictive_pvalue(y, y_rep, build(stat))
        close(got, want, f"the p-value of the number of zeros, {ties} ties among 40 data sets")


def _uniform(answer: Recorder, rng: Rng) -> None:
    """With theta from the prior, y and y_rep are exchangeable: the p-value is uniform."""
    found, num_rep = [], 39
    stat = _statistic("max")
    for _ in range(120):
        data = rng.standard_normal((num_rep + 1, 1)) + rng.standard_normal((num_rep + 1, 6))
        found.append(
            number(answer.call("posterior_predictive_pvalue", data[0], data[1:], stat), "p")
        )
    p = (np.array(found) * num_rep + rng.uniform(size=120)) / (num_rep + 1)
    require(
        bool(np.isfinite(p).all()) and stats.kstest(p, "uniform").pvalue > KS_ALPHA,
        "120 p-values of data from the model itself, theta from the prior: expected them to be "
        f"uniform on [0, 1], got quartiles {np.round(np.quantile(found, [0.25, 0.5, 0.75]), 3)}.",
    )


PREDICTIVE_PARTS = (
    Part("the share of replicated data sets", 1.5, _values),
    Part("one statistic for each data set", 1.0, _one_for_each),
    Part("ties", 1.0, _ties),
    Part("uniform under the prior predictive", 0.5, _uniform, false_alarm=KS_ALPHA),
)
