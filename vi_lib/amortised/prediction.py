"""What a regression with uncertain weights predicts, and whether to believe its bands.

Each of S draws of the weights gives a mean f_s(x) and a noise variance; the prediction is their
mixture. Its variance has two parts, by the law of total variance:

    Var(y | x) = mean_s of the noise variance   (aleatoric: stays, however much data there is)
               + Var_s of f_s(x)                (epistemic: what more data at x would remove)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from vi_lib._check import Array, ShapeError, require_shape


class VarianceSplit(NamedTuple):
    """The two parts of a predictive variance; their sum is that of `predictive_moments`.

    Attributes:
        aleatoric: mean of the noise variances (N,).
        epistemic: variance of the means over the draws of the weights (N,).
    """

    aleatoric: Array
    epistemic: Array


def predictive_moments(f_mean: Array, f_var_noise: Array | float) -> tuple[Array, Array]:
    """Return mean and variance of y over draws of the weights, the law of total variance.

    mean = mean_s f_s,    var = mean_s noise variance_s + mean_s (f_s - mean)².

    Args:
        f_mean: means of y, one row a draw of the weights (S, N).
        f_var_noise: noise variances, *not* sds: a number, (N,) or (S, N).

    Returns:
        mean (N,), variance (N,).

    Raises:
        ShapeError: unless f_mean is (S, N) and f_var_noise fits.
        ValueError: if a variance is negative.
    """
    split = variance_split(f_mean, f_var_noise)
    return np.mean(f_mean, axis=0), split.aleatoric + split.epistemic


def variance_split(f_mean: Array, f_var_noise: Array | float) -> VarianceSplit:
    """Return the aleatoric and the epistemic part of the predictive variance, (N,) each.

    Args and errors as in `predictive_moments`.

    Raises:
        ShapeError: unless f_mean is (S, N) and f_var_noise fits.
        ValueError: if a variance is negative.
    """
    f_mean = np.asarray(f_mean, dtype=float)
    require_shape("f_mean", f_mean, ("S", "N"))
    noise = np.asarray(f_var_noise, dtype=float)
    if noise.shape not in ((), f_mean.shape[1:], f_mean.shape, (len(f_mean), 1)):
        raise ShapeError(
            f"f_var_noise must be a number, {f_mean.shape[1:]} or {f_mean.shape}, got {noise.shape}"
        )
    if np.any(noise < 0.0):
        raise ValueError(f"f_var_noise must not be negative, got {noise.min()}: are they log sds?")
    # One value an observation: its mean over the draws is itself.
    per_point = noise if noise.ndim < 2 else np.mean(noise, axis=0)
    aleatoric = np.broadcast_to(per_point, f_mean.shape[1:]).copy()
    return VarianceSplit(aleatoric, np.var(f_mean, axis=0))


def predictive_band(
    f_mean: Array, noise_sd: Array | float, eps: Array, level: float = 0.9
) -> tuple[Array, Array]:
    """Return the central band of y = f_s + noise_sd eps_s, by quantiles over the S draws.

    Unlike mean ± z sd it needs no Gaussian predictive distribution.

    Args:
        f_mean: means of y (S, N).
        noise_sd: a number, (N,) or (S, N).
        eps: standard normal noise (S, N).
        level: mass of the band, in (0, 1).

    Returns:
        lower ends (N,), upper ends (N,).

    Raises:
        ShapeError: unless f_mean and eps have the same shape (S, N).
        ValueError: if level is out of range.
    """
    _require_level(level)
    require_shape("f_mean", f_mean, ("S", "N"))
    require_shape("eps", eps, np.shape(f_mean))
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(f_mean + noise_sd * eps, [tail, 1.0 - tail], axis=0)
    return low, high


def gaussian_band(mean: Array, var: Array, level: float = 0.9) -> tuple[Array, Array]:
    """Return mean ± z sqrt(var), (N,) each, z the normal quantile: the band of matched moments.

    Raises:
        ValueError: if level is out of range.
    """
    _require_level(level)
    from scipy.special import ndtri

    reach = ndtri(0.5 * (1.0 + level)) * np.sqrt(var)
    return mean - reach, mean + reach


def coverage(y: Array, low: Array, high: Array) -> tuple[float, float]:
    """Return the fraction of y inside [low, high] and its standard error sqrt(p (1 - p) / N).

    Raises:
        ShapeError: unless all three have the same shape (N,).
    """
    require_shape("y", y, ("N",))
    require_shape("low", low, np.shape(y))
    require_shape("high", high, np.shape(y))
    inside = float(np.mean((low <= y) & (y <= high)))
    return inside, math.sqrt(inside * (1.0 - inside) / len(y))


def calibration_curve(
    y: Array, f_mean: Array, noise_sd: Array | float, levels: Array | None = None
) -> tuple[Array, Array]:
    """Return nominal levels (L,) and the fraction of y inside the central band of each, (L,).

    The predictive distribution is the mixture of the S Gaussians N(f_s, noise_sd_s²). A point lies
    in the central band of mass p where |2 F(y) - 1| <= p, F the mixture's distribution function; so
    the whole curve comes from N probabilities. A calibrated prediction lies on the diagonal;
    below it is overconfident.

    Args:
        y: held-out targets (N,).
        f_mean: means of y (S, N).
        noise_sd: a number, (N,) or (S, N).
        levels: masses in (0, 1), by default .05, .1, ..., .95.

    Raises:
        ShapeError: if the shapes do not fit.
        ValueError: if a level is out of range.
    """
    require_shape("f_mean", f_mean, ("S", "N"))
    require_shape("y", y, np.shape(f_mean)[1:])
    levels = np.linspace(0.05, 0.95, 19) if levels is None else np.asarray(levels, dtype=float)
    for level in levels:
        _require_level(float(level))
    from scipy.special import ndtr

    centred = np.abs(2.0 * np.mean(ndtr((y - f_mean) / noise_sd), axis=0) - 1.0)
    return levels, np.mean(centred <= levels[:, None], axis=1)


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), got {level}")
