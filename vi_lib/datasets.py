"""The small data sets of the lessons, shipped as text that gives back every float64 bit for bit.

Nothing is downloaded, and no lesson relies on a random stream: the first lines of each file say how
its numbers were made or where they come from, and `describe` returns them.

Five are not ours. digits: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits
(1998), the test set of 1797 images, UCI Machine Learning Repository, licence CC BY 4.0; compressed.
diabetes: Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression (Annals of Statistics,
2004). iris: R. A. Fisher, The use of multiple measurements in taxonomic problems (Annals of
Eugenics, 1936). These hold the numbers that scikit-learn ships, in its order. nile: G. W. Cobb, The
problem of the Nile (Biometrika, 1978); engel: E. Engel's data of 1857 as used by Koenker and
Bassett, Robust tests for heteroscedasticity (Econometrica, 1982); both in the public domain, as
statsmodels ships them.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from vi_lib._check import Array

_FOLDER = Path(__file__).parent / "data"


def names() -> list[str]:
    """Return the names that `load` knows."""
    return sorted(path.name.split(".")[0] for path in _FOLDER.glob("*.csv*"))


def load(name: str) -> dict[str, Array]:
    """Return a data set as a dict of new float64 arrays, each (N,), or (N, K) for a matrix.

    gaussian_100: x (100,), N(5, sd=1). line_5: x, y (5,), a line with noise sd .1.
    normal_100: x (100,), N(0, sd=1). normal_100_nuts: mu, sd (2000,), posterior draws for its
    x. regression_200: X (200, 2), y (200,), y ~ N(X beta, sd=2.5).
    two_groups: x, group, y (85,), two lines with noise sd .8 and two outliers. mixture_1000: x,
    label (1000,), three Gaussians of sd 1. wave_500: x, y (500,), a wave on a slope, noise sd 3.
    wave_hmc: x, mean, sd, mean_error, sd_error (81,), the exact prediction of a Bayesian net from
    wave_500, by a long run. iris: X (150, 4) in cm, y (150,), which species.
    diabetes: X (442, 10), y (442,), in their own units. digits: X (1797, 64), ink from 0 to 16 in
    8 x 8 pixels row by row, y (1797,), which digit; `amortised.binarise` makes X black and white.
    nile: year, flow (100,), in 1e8 m³. engel: income, food (235,), in francs a year.

    Raises:
        KeyError: naming the data sets that exist.
    """
    lines = [line for line in _text(name).splitlines() if not line.startswith("#")]
    columns = np.loadtxt(lines[1:], delimiter=",", ndmin=2).T
    data: dict[str, list[Array]] = {}
    for column, values in zip(lines[0].split(","), columns, strict=True):
        data.setdefault(column.split("[")[0], []).append(values)
    # "X[0],X[1]" are the columns of one matrix, "x" alone is a vector.
    return {
        key: np.ascontiguousarray(np.stack(parts, axis=-1) if f"{key}[0]" in lines[0] else parts[0])
        for key, parts in data.items()
    }


def describe(name: str) -> str:
    """Return how a data set was made.

    Raises:
        KeyError: naming the data sets that exist.
    """
    lines = [line for line in _text(name).splitlines() if line.startswith("#")]
    return "\n".join(line.removeprefix("#").strip() for line in lines)


def _text(name: str) -> str:
    if name not in names():
        raise KeyError(f"unknown data set {name!r}, expected one of {', '.join(names())}")
    path = _FOLDER / f"{name}.csv"
    if path.exists():
        return path.read_text(encoding="utf-8")
    return gzip.decompress((_FOLDER / f"{name}.csv.gz").read_bytes()).decode("utf-8")
