"""Typical answers to E6.2, `sample_reparameterized(name, eps, **params)`: one function per row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any
Draw = Callable[..., Any]


def exponential(eps: Array, rate: Any) -> Array:
    return -np.log(eps) / rate


def cauchy(eps: Array, loc: Any, scale: Any) -> Array:
    return loc + scale * np.tan(np.pi * eps)


def laplace(eps: Array, loc: Any, scale: Any) -> Array:
    e = eps - 0.5
    return loc - scale * np.sign(e) * np.log(1.0 - 2.0 * np.abs(e))


def gaussian(eps: Array, mu: Any, sd: Any) -> Array:
    radius = np.sqrt(2.0 * np.log(1.0 / eps[:, 0]))
    return mu + sd * radius * np.cos(2.0 * np.pi * eps[:, 1])


def mvn(eps: Array, mu: Array, L: Array) -> Array:
    return mu + eps @ L.T


def lognormal(eps: Array, mu: Any, sd: Any) -> Array:
    return np.exp(mu + sd * eps)


ROWS: dict[str, Draw] = {
    "exponential": exponential,
    "cauchy": cauchy,
    "laplace": laplace,
    "gaussian": gaussian,
    "mvn": mvn,
    "lognormal": lognormal,
}


def _with(**changed: Draw) -> Implementation:
    rows = {**ROWS, **changed}

    def sample_reparameterized(name: str, eps: Array, **params: Any) -> Any:
        return rows[name](eps, **params)

    return {"sample_reparameterized": sample_reparameterized}


def _radius(eps: Array) -> Array:
    return np.sqrt(-2.0 * np.log(eps[:, 0]))


def _ways(**rows: tuple[Draw, ...]) -> tuple[Implementation, ...]:
    """One implementation for each single change."""
    return tuple(_with(**{name: way}) for name, ways in rows.items() for way in ways)


def own_noise(draw: str) -> Draw:
    """Draws that ignore the noise they are given."""

    def answer(eps: Array, **params: Any) -> Array:
        rng = np.random.default_rng(0)
        noise = rng.uniform(size=eps.shape)
        if draw in ("mvn", "lognormal"):
            noise = rng.standard_normal(eps.shape)
        return ROWS[draw](noise, **params)

    return answer


def rows_unpacked(eps: Array, mu: Any, sd: Any) -> Array:
    e1, e2 = eps
    return mu + sd * np.sqrt(-2.0 * np.log(e1)) * np.cos(2.0 * np.pi * e2)


_NAN = (
    lambda eps, loc, scale: loc - scale * np.sign(eps) * np.log(1.0 - 2.0 * np.abs(eps)),
    lambda eps, loc, scale: loc - scale * np.log(1.0 - 2.0 * eps),
)

WRONG = (
    Wrong(
        "laplace-noise-not-shifted",
        _with(laplace=_NAN[0]),
        "For eps above 1/2 your Laplace draws take the logarithm of a negative number: NaN. The "
        "formula with |e| and sign(e) needs e uniform on (−1/2, 1/2); eps is on (0, 1).",
        also=_ways(laplace=_NAN[1:]),
    ),
    Wrong(
        "box-muller-without-the-2",
        _with(
            gaussian=lambda eps, mu, sd: (
                mu + sd * np.sqrt(np.log(1.0 / eps[:, 0])) * np.cos(2 * np.pi * eps[:, 1])
            )
        ),
        "Your Gaussian draws have half the variance they should have. If e is uniform, "
        "−log e is exponential with mean 1; the squared radius of two normals has mean 2.",
    ),
    Wrong(
        "covariance-of-the-transpose",
        _with(mvn=lambda eps, mu, L: mu + eps @ L),
        "`eps @ L` is Lᵀ eps for each row, with covariance LᵀL. Each row of eps is a vector: what "
        "must stand on the right of `eps @` so that row s becomes L eps_s?",
    ),
    Wrong(
        "exponential-of-a-part",
        _with(lognormal=lambda eps, mu, sd: np.exp(mu) + sd * eps),
        "log x is N(mu, sd²): form the whole of mu + sd·eps first, then take the exponential of "
        "all of it.",
        also=_ways(
            lognormal=(
                lambda eps, mu, sd: mu + np.exp(sd * eps),
                lambda eps, mu, sd: np.exp(mu) + np.exp(sd * eps),
                lambda eps, mu, sd: mu + sd * np.exp(eps),
                lambda eps, mu, sd: np.exp(mu) + sd * np.exp(eps),
                lambda eps, mu, sd: sd * np.exp(mu + eps),
                lambda eps, mu, sd: np.exp(mu + eps),
            )
        ),
    ),
    Wrong(
        "exponential-forgotten",
        _with(lognormal=lambda eps, mu, sd: mu + sd * eps),
        "Those are draws of log x. A log-normal variable is positive: which step is missing?",
    ),
    Wrong(
        "rate-taken-as-scale",
        _with(exponential=lambda eps, rate: -rate * np.log(eps)),
        "With a larger rate events come sooner, so the draws must be smaller. The mean of the "
        "density rate·exp(−rate·x) is 1/rate.",
        also=_ways(exponential=(lambda eps, rate: -rate * np.log1p(-eps),)),
    ),
    Wrong(
        "minus-forgotten",
        _with(exponential=lambda eps, rate: np.log(eps) / rate),
        "The logarithm of a number below 1 is negative, and your draws are. Waiting times are "
        "positive.",
        also=_ways(exponential=(lambda eps, rate: np.log1p(-eps) / rate,)),
    ),
    Wrong(
        "sd-taken-as-variance",
        _with(
            gaussian=lambda eps, mu, sd: gaussian(eps, mu, np.sqrt(sd)),
            lognormal=lambda eps, mu, sd: lognormal(eps, mu, np.sqrt(sd)),
        ),
        "`sd` is a standard deviation already: noise of variance 1, times sd, has the variance "
        "sd². Compare `np.std` of many draws with sd.",
        also=_ways(
            gaussian=(
                lambda eps, mu, sd: gaussian(eps, mu, np.sqrt(sd)),
                lambda eps, mu, sd: gaussian(eps, mu, sd**2),
            ),
            lognormal=(
                lambda eps, mu, sd: lognormal(eps, mu, np.sqrt(sd)),
                lambda eps, mu, sd: lognormal(eps, mu, sd**2),
            ),
        ),
    ),
    Wrong(
        "one-uniform-for-both",
        _with(gaussian=lambda eps, mu, sd: mu + sd * _radius(eps) * np.cos(2 * np.pi * eps[:, 0])),
        "Radius and angle must be independent: each needs a uniform of its own. eps has two "
        "columns.",
        also=_ways(
            gaussian=(
                lambda eps, mu, sd: (
                    mu + sd * np.sqrt(-2.0 * np.log(eps)) * np.cos(2.0 * np.pi * eps)
                ),
                lambda eps, mu, sd: (
                    mu + sd * np.sqrt(-2 * np.log(eps[:, 1])) * np.cos(2 * np.pi * eps[:, 1])
                ),
            )
        ),
    ),
    Wrong(
        "uniform-taken-as-normal",
        _with(gaussian=lambda eps, mu, sd: mu + sd * eps[:, 0]),
        "In this row eps is uniform on (0, 1), not normal: your draws stay within one sd of mu. "
        "Turn two uniforms into a normal first (Box and Muller).",
        also=_ways(gaussian=(lambda eps, mu, sd: mu + sd * np.sum(eps, axis=1),)),
    ),
    Wrong(
        "both-normals-returned",
        _with(
            gaussian=lambda eps, mu, sd: (
                mu
                + sd
                * _radius(eps)[:, None]
                * np.stack([np.cos(2 * np.pi * eps[:, 1]), np.sin(2 * np.pi * eps[:, 1])], axis=1)
            )
        ),
        "Two uniforms do give two normals, cosine and sine. Here one draw for each row is asked "
        "for, (S,): keep either of them.",
        also=_ways(gaussian=(lambda eps, mu, sd: mu + sd * eps,)),
    ),
    Wrong(
        "angle-not-a-full-turn",
        _with(gaussian=lambda eps, mu, sd: mu + sd * _radius(eps) * np.cos(eps[:, 1])),
        "The angle must run through a full turn, 0 to 2π, while the uniform runs from 0 to 1. "
        "With less, the cosine is not symmetric about 0.",
        also=_ways(
            gaussian=(
                lambda eps, mu, sd: mu + sd * _radius(eps) * np.cos(np.pi / 2 * eps[:, 1]),
                lambda eps, mu, sd: mu + sd * _radius(eps) * np.sin(np.pi * eps[:, 1]),
                lambda eps, mu, sd: mu + sd * _radius(eps) * np.sin(eps[:, 1]),
            )
        ),
    ),
    Wrong(
        "tangent-without-pi",
        _with(cauchy=lambda eps, loc, scale: loc + scale * np.tan(eps)),
        "The tangent covers the whole line only if its argument runs through an interval of "
        "length π. Yours has length 1.",
        also=_ways(
            cauchy=(
                lambda eps, loc, scale: loc + scale * np.tan(eps - 0.5),
                lambda eps, loc, scale: loc + scale * np.tan(np.pi * eps / 2),
            )
        ),
    ),
    Wrong(
        "scale-inside",
        _with(cauchy=lambda eps, loc, scale: loc + np.tan(np.pi * scale * eps)),
        "First make a standard draw from the noise alone; then stretch it by the scale and shift "
        "it by loc. Inside the tangent or the logarithm the scale does something else.",
        also=_ways(
            cauchy=(
                lambda eps, loc, scale: np.tan(np.pi * (eps * scale + loc)),
                lambda eps, loc, scale: scale * np.tan(np.pi * eps + loc),
            ),
            laplace=(
                lambda eps, loc, scale: (
                    loc - np.sign(eps - 0.5) * np.log(1 - 2 * scale * np.abs(eps - 0.5))
                ),
            ),
        ),
    ),
    Wrong(
        "sign-forgotten",
        _with(laplace=lambda eps, loc, scale: loc - scale * np.log(1 - 2 * np.abs(eps - 0.5))),
        "All your Laplace draws lie on one side of loc: that is an exponential. Which half of the "
        "noise must go to the other side?",
        also=_ways(
            laplace=(
                lambda eps, loc, scale: loc + scale * np.log(1 - 2 * np.abs(eps - 0.5)),
                lambda eps, loc, scale: loc - scale * np.log(eps),
            )
        ),
    ),
    Wrong(
        "logistic",
        _with(laplace=lambda eps, loc, scale: loc + scale * np.log(eps / (1 - eps))),
        "log(u / (1 − u)) is a logistic draw: the two logarithms belong to the *same* uniform. The "
        "row ln(e₁/e₂) of a Laplace variable needs two; from one, use sign and |u − 1/2|.",
    ),
    Wrong(
        "matrix-on-the-left",
        _with(mvn=lambda eps, mu, L: mu + L @ eps),
        "`eps` holds one draw in each row, (S, D), so `L @ eps` does not fit. L times every row is "
        "`eps @ L.T`.",
    ),
    Wrong(
        "rows-for-columns",
        _with(gaussian=rows_unpacked),
        "`e1, e2 = eps` unpacks rows, one for each draw. The two uniforms of a draw are the two "
        "*columns*, `eps[:, 0]` and `eps[:, 1]`.",
        also=_ways(gaussian=(lambda eps, mu, sd: gaussian(eps.T, mu, sd),)),
    ),
    Wrong(
        "two-forgotten",
        _with(
            laplace=lambda eps, loc, scale: (
                loc - scale * np.sign(eps - 0.5) * np.log(1 - np.abs(eps - 0.5))
            )
        ),
        "|eps − 1/2| reaches 1/2 only, so your logarithm never goes below log(1/2): the draws end "
        "at 0.7 scales from loc. Which factor brings its argument down to 0?",
    ),
    Wrong(
        "precision-or-inverse-scale",
        _with(
            cauchy=lambda eps, loc, scale: cauchy(eps, loc, 1.0 / scale),
            laplace=lambda eps, loc, scale: laplace(eps, loc, 1.0 / scale),
        ),
        "A larger scale means a wider distribution: multiply the standard draw by it. (Only the "
        "exponential has a rate here, which divides.)",
        also=_ways(
            cauchy=(lambda eps, loc, scale: cauchy(eps, loc, 1.0 / scale),),
            laplace=(lambda eps, loc, scale: laplace(eps, loc, 1.0 / scale),),
        ),
    ),
    Wrong(
        "diagonal-only",
        _with(mvn=lambda eps, mu, L: mu + eps * np.diag(L)),
        "The entries of L below its diagonal make the coordinates correlated. You use the "
        "diagonal alone: multiply each eps by the whole matrix.",
        also=_ways(mvn=(lambda eps, mu, L: mu + eps * np.sqrt(np.sum(L**2, axis=1)),)),
    ),
    Wrong(
        "covariance-for-its-root",
        _with(mvn=lambda eps, mu, L: mu + eps @ (L @ L.T)),
        "L is already the root of the covariance: if x = L eps, the covariance of x is LLᵀ. With "
        "LLᵀ eps it would be the square of that.",
    ),
    Wrong(
        "distribution-function-not-inverted",
        _with(exponential=lambda eps, rate: 1.0 - np.exp(-rate * eps)),
        "That is F(eps). If u is uniform, F⁻¹(u) has the distribution function F: solve F(x) = u "
        "for x.",
        also=_ways(
            exponential=(lambda eps, rate: np.exp(-rate * eps),),
            cauchy=(lambda eps, loc, scale: 0.5 + np.arctan((eps - loc) / scale) / np.pi,),
            laplace=(lambda eps, loc, scale: stats.laplace(loc, scale).cdf(eps),),
        ),
    ),
    Wrong(
        "density-returned",
        _with(
            exponential=lambda eps, rate: rate * np.exp(-rate * eps),
            cauchy=lambda eps, loc, scale: stats.cauchy(loc, scale).pdf(eps),
            laplace=lambda eps, loc, scale: stats.laplace(loc, scale).pdf(eps),
        ),
        "That is a density, evaluated at the noise. A draw is a *place*: the x that belongs to "
        "this noise.",
        also=_ways(
            exponential=(lambda eps, rate: rate * np.exp(-rate * eps),),
            cauchy=(lambda eps, loc, scale: stats.cauchy(loc, scale).pdf(eps),),
            laplace=(lambda eps, loc, scale: stats.laplace(loc, scale).pdf(eps),),
        ),
    ),
    Wrong(
        "given-noise-ignored",
        _with(**{name: own_noise(name) for name in ROWS}),
        "Your draws do not depend on `eps`. The noise is an argument so that a draw is a function "
        "of it and of the parameters, and nothing else: a fixed noise must give a fixed draw.",
        also=_ways(**{name: (own_noise(name),) for name in ROWS}),
    ),
)


# Right


def reflected(eps: Array, rate: Any) -> Array:
    return -np.log1p(-eps) / rate


def exponential_of_scipy(eps: Array, rate: Any) -> Array:
    return stats.expon(scale=1.0 / rate).ppf(eps)


def gaussian_by_quantile(eps: Array, mu: Any, sd: Any) -> Array:
    """One uniform is enough for the quantile function; the other column is left over."""
    return stats.norm(mu, sd).ppf(eps[:, 0])


def gaussian_columns_exchanged(eps: Array, mu: Any, sd: Any) -> Array:
    radius = np.sqrt(-2.0 * np.log(eps[:, 1]))
    return mu + sd * radius * np.sin(2.0 * np.pi * eps[:, 0])


def laplace_in_a_loop(eps: Array, loc: Any, scale: Any) -> list[float]:
    return [loc + scale * (math.log(2 * u) if u < 0.5 else -math.log(2 * (1 - u))) for u in eps]


def mvn_in_a_loop(eps: Array, mu: Array, L: Array) -> list[Array]:
    return [mu + L @ row for row in eps]


RIGHT = (
    Right(
        "other uniforms",
        _with(
            exponential=reflected,
            cauchy=lambda eps, loc, scale: loc + scale * np.tan(np.pi * (eps - 0.5)),
            laplace=lambda eps, loc, scale: laplace(1.0 - eps, loc, scale),
            gaussian=gaussian_columns_exchanged,
            mvn=lambda eps, mu, L: mu - eps @ L.T,
            lognormal=lambda eps, mu, sd: np.exp(mu - sd * eps),
        ),
    ),
    Right(
        "scipy's quantile functions",
        _with(
            exponential=exponential_of_scipy,
            cauchy=lambda eps, loc, scale: stats.cauchy(loc, scale).ppf(eps),
            laplace=lambda eps, loc, scale: stats.laplace(loc, scale).ppf(eps),
            gaussian=gaussian_by_quantile,
            lognormal=lambda eps, mu, sd: stats.lognorm(sd, scale=np.exp(mu)).ppf(
                stats.norm.cdf(eps)
            ),
        ),
    ),
    Right(
        "loops and einsum",
        _with(
            laplace=laplace_in_a_loop,
            mvn=mvn_in_a_loop,
            cauchy=lambda eps, loc, scale: loc + scale * np.tan(2.0 * np.pi * eps),
        ),
    ),
    Right(
        "the symmetric root",
        _with(mvn=lambda eps, mu, L: mu + np.einsum("ij,sj->si", symmetric_root(L), eps)),
    ),
)


def symmetric_root(L: Array) -> Array:
    """Another root of LLᵀ: it gives other draws with the same distribution."""
    values, vectors = np.linalg.eigh(L @ L.T)
    return (vectors * np.sqrt(values)) @ vectors.T
