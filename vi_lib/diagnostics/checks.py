"""Posterior predictive checks: does the model, as fitted, produce data like those observed?

T is a statistic of a data set; y_rep are data sets simulated from the model with parameters drawn
from the posterior. The p-value P(T(y_rep) >= T(y)) near 0 or 1 says that the model does not
reproduce this side of the data. It is not uniform under a true model with fitted parameters but
drawn towards 1/2, because the parameters have seen y; with parameters from the prior it is uniform.

Source: Gelman, Meng and Stern, Posterior predictive assessment of model fitness via realized
discrepancies (Statistica Sinica 1996).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vi_lib._check import Array, ShapeError, require_finite, require_shape


def replicated_statistics(
    y: Array, y_rep: Array, stat: Callable[[Array], Any]
) -> tuple[float, Array]:
    """Return T(y) and T of each replicated data set, (S,).

    Args:
        y: data (N, ...).
        y_rep: replicated data (S, N, ...), one data set for each posterior draw.
        stat: data set -> number.

    Raises:
        ShapeError: if y_rep does not hold data sets of y's shape, or stat returns no number.
        NonFiniteError: if a statistic is not finite.
    """
    y, y_rep = np.asarray(y), np.asarray(y_rep)
    require_shape("y_rep", y_rep, ("S", *y.shape))
    if len(y_rep) == 0:
        raise ShapeError("y_rep must hold at least one data set, got none")
    values = [np.asarray(stat(data), dtype=float) for data in (y, *y_rep)]
    for value in values:
        require_shape("stat's value", value, ())
    observed, replicated = float(values[0]), np.array(values[1:])
    require_finite("stat of y", observed)
    require_finite("stat of y_rep", replicated)
    return observed, replicated


def posterior_predictive_pvalue(y: Array, y_rep: Array, stat: Callable[[Array], Any]) -> float:
    """Return the share of replicated data sets with T(y_rep) >= T(y); ties count as larger.

    As in `replicated_statistics`, y has any shape and y_rep is (S, *y.shape). One-sided: values
    near 0 mean that the data's statistic is larger than the model's, values near 1 that it is
    smaller.

    Raises:
        ShapeError, NonFiniteError: as `replicated_statistics`.
    """
    observed, replicated = replicated_statistics(y, y_rep, stat)
    return float(np.mean(replicated >= observed))
