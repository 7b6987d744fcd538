"""Typical answers to E12.3, `posterior_predictive_pvalue(y, y_rep, stat)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Stat = Callable[[Array], Any]


def _named(function: Callable[..., Any]) -> Implementation:
    return {"posterior_predictive_pvalue": function}


def of(reduce: Callable[[Array, Any], Any]) -> Implementation:
    """What `reduce` makes of the replicated statistics (S,) and the observed one."""

    def answer(y: Array, y_rep: Array, stat: Stat) -> Any:
        return reduce(np.array([stat(data) for data in y_rep], float), float(stat(y)))

    return _named(answer)


def p_value(t_rep: Array, t: Any) -> Any:
    return np.mean(t_rep >= t)


def two_sided(t_rep: Array, t: Any) -> Any:
    return 2 * min(np.mean(t_rep >= t), np.mean(t_rep <= t))


def per_observation(y: Array, y_rep: Array, stat: Stat) -> Any:
    """The statistic of each datum's replicates, (N,)."""
    columns = np.moveaxis(np.asarray(y_rep, float), 0, -1).reshape(-1, len(y_rep))
    return np.mean([stat(np.reshape(c, (-1, 1))) >= stat(y) for c in columns])


def on_everything(y: Array, y_rep: Array, stat: Stat) -> Any:
    return float(stat(np.reshape(y_rep, (-1, *np.shape(y)[1:]))) >= stat(y))


def of_the_mean_data(y: Array, y_rep: Array, stat: Stat) -> Any:
    return float(stat(np.mean(y_rep, axis=0)) >= stat(y))


def one_data_set(y: Array, y_rep: Array, stat: Stat) -> Any:
    return float(stat(y_rep[0]) >= stat(y))


def datum_by_datum(y: Array, y_rep: Array, stat: Stat) -> Any:
    return np.mean(np.asarray(y_rep) >= np.asarray(y))


def normal_approximation(t_rep: Array, t: Any) -> Any:
    from scipy import stats

    return stats.norm.sf((t - np.mean(t_rep)) / np.std(t_rep))


WRONG = (
    Wrong(
        "other-tail",
        of(lambda t_rep, t: np.mean(t_rep <= t)),
        "That is P(T(y_rep) ≤ T(y)), the other tail. If the data's statistic is larger than all "
        "replicated ones, should the p-value be 0 or 1?",
        also=(
            of(lambda t_rep, t: np.mean(t_rep < t)),
            of(lambda t_rep, t: np.mean(t >= t_rep)),
            of(lambda t_rep, t: 1 - np.mean(t_rep >= t)),
        ),
    ),
    Wrong(
        "ties-left-out",
        of(lambda t_rep, t: np.mean(t_rep > t)),
        "Counts have ties: how often is T(y_rep) *equal* to T(y)? The definition is ≥.",
        also=(of(lambda t_rep, t: np.mean(t_rep >= t) - np.mean(t_rep == t)),),
    ),
    Wrong(
        "ties-by-half",
        of(lambda t_rep, t: np.mean(t_rep > t) + 0.5 * np.mean(t_rep == t)),
        "You count ties by half (the mid-p-value). A good idea, but another definition: here it is "
        "P(T(y_rep) ≥ T(y)), ties in full.",
    ),
    Wrong(
        "two-sided",
        of(two_sided),
        "That is a two-sided p-value. The one asked for is one-sided: near 0 and near 1 mean "
        "different things, so keep them apart.",
        also=(
            of(lambda t_rep, t: min(1.0, two_sided(t_rep, t))),
            of(lambda t_rep, t: min(np.mean(t_rep >= t), np.mean(t_rep <= t))),
        ),
    ),
    Wrong(
        "statistic-per-observation",
        _named(per_observation),
        "You take the statistic over the replicates of one observation. It belongs to one *data "
        "set*: which axis of `y_rep` numbers the data sets?",
    ),
    Wrong(
        "datum-by-datum",
        _named(datum_by_datum),
        "You compare datum with datum and never call `stat`. Compare T(y_rep) with T(y), one pair "
        "for each replicated data set.",
    ),
    Wrong(
        "all-in-one-heap",
        _named(on_everything),
        "You take the statistic of all replicated data at once. The largest of 400 numbers is no "
        "match for the largest of 10: one statistic for each data set.",
    ),
    Wrong(
        "averaged-first",
        _named(of_the_mean_data),
        "You average the replicated data sets and take the statistic of the average, which is "
        "smoother than any data set. First the statistic, then the average.",
    ),
    Wrong(
        "one-data-set-only",
        _named(one_data_set),
        "You use one replicated data set. The p-value is a share of all of them, one for each "
        "draw from the posterior.",
        also=(_named(lambda y, y_rep, stat: float(stat(y_rep[-1]) >= stat(y))),),
    ),
    Wrong(
        "count-returned",
        of(lambda t_rep, t: np.sum(t_rep >= t)),
        "That is the number of data sets. A p-value is their share.",
    ),
    Wrong(
        "plus-one",
        of(lambda t_rep, t: (1 + np.sum(t_rep >= t)) / (1 + len(t_rep))),
        "You count the data themselves as one more data set, as permutation tests do. Here it is "
        "the plain share of the replicated ones.",
    ),
    Wrong(
        "normal-approximation",
        of(normal_approximation),
        "You assume that the statistic is Gaussian. A maximum is not; simply count.",
    ),
    Wrong(
        "absolute-values",
        of(lambda t_rep, t: np.mean(np.abs(t_rep - np.mean(t_rep)) >= np.abs(t - np.mean(t_rep)))),
        "You compare distances from the mean, which makes the p-value two-sided. Compare the "
        "statistics themselves.",
    ),
    Wrong(
        "statistics-returned",
        of(lambda t_rep, t: t_rep),
        "Those are the statistics of the replicated data sets. One number is asked for: the share "
        "that is at least T(y).",
        also=(of(lambda t_rep, t: t_rep >= t),),
    ),
)


# Right


def in_a_loop(y: Array, y_rep: Array, stat: Stat) -> float:
    hits, observed = 0, stat(y)
    for data in y_rep:
        if not stat(data) < observed:
            hits += 1
    return hits / len(y_rep)


def one_minus_the_smaller(t_rep: Array, t: Any) -> Any:
    return 1.0 - np.mean(t_rep < t)


def by_sorting(t_rep: Array, t: Any) -> Array:
    below = np.searchsorted(np.sort(t_rep), t, side="left")
    return np.array([(len(t_rep) - below) / len(t_rep)])


RIGHT = (
    Right("in a loop", _named(in_a_loop)),
    Right("one minus the share below", of(one_minus_the_smaller)),
    Right("by sorting, as an array", of(by_sorting)),
)
