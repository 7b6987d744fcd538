"""The distributions of the language, by the names of Pyro.

One notation: the second argument of a Gaussian is its standard deviation `sd`, that of a Gamma its
`rate`. All are frozen dataclasses of their parameters, which broadcast.
"""

from vi_lib.ppl._continuous import (
    Beta,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
)
from vi_lib.ppl._discrete import Bernoulli, Binomial, Categorical, Poisson
from vi_lib.ppl._distribution import Distribution, Transformed
from vi_lib.ppl._multivariate import Delta, Dirichlet, MultivariateNormal
from vi_lib.ppl._support import Support

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Delta",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "LogNormal",
    "MultivariateNormal",
    "Normal",
    "Poisson",
    "StudentT",
    "Support",
    "Transformed",
    "Uniform",
]
