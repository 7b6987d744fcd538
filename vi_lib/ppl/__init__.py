"""A tiny probabilistic programming language with effect handlers, in the spirit of mini-pyro.

    from vi_lib import ppl

    def model(y):
        temp = ppl.sample("temp", ppl.Normal(15.0, sd=2.0))
        with ppl.plate("readings", len(y)):
            ppl.sample("sensor", ppl.Normal(temp, sd=1.0), obs=y)

    guide = ppl.auto_normal(model)
    result = ppl.svi(model, guide, y, rng=np.random.default_rng(0))

Read it from the bottom: `primitives` and `plates` are the language, `handlers` says what its words
do, `elbo` and `svi` fit a guide, and `compile` hands a model to the rest of the library. Names are
Pyro's where the concept is the same (Bingham et al., JMLR 2019).
"""

from vi_lib.ppl.checks import check_guide
from vi_lib.ppl.compiled import Compiled, compile
from vi_lib.ppl.distributions import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Delta,
    Dirichlet,
    Distribution,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    LogNormal,
    MultivariateNormal,
    Normal,
    Poisson,
    StudentT,
    Uniform,
)
from vi_lib.ppl.elbo import elbo_and_gradient, elbo_values, init_params
from vi_lib.ppl.enumeration import config_enumerate, posterior_of_discrete
from vi_lib.ppl.guides import auto_delta, auto_full_rank, auto_normal, gaussian_gamma_guide
from vi_lib.ppl.handlers import (
    block,
    condition,
    log_joint,
    replay,
    seed,
    substitute,
    trace,
    uncondition,
)
from vi_lib.ppl.importance import Importance, importance
from vi_lib.ppl.plates import plate
from vi_lib.ppl.predictive import Predictive
from vi_lib.ppl.primitives import Handler, deterministic, param, sample
from vi_lib.ppl.render import dependencies, render, render_model
from vi_lib.ppl.svi import SVIResult, svi, svi_step

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Compiled",
    "Delta",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "Handler",
    "Importance",
    "LogNormal",
    "MultivariateNormal",
    "Normal",
    "Poisson",
    "Predictive",
    "SVIResult",
    "StudentT",
    "Uniform",
    "auto_delta",
    "auto_full_rank",
    "auto_normal",
    "block",
    "check_guide",
    "compile",
    "condition",
    "config_enumerate",
    "dependencies",
    "deterministic",
    "elbo_and_gradient",
    "elbo_values",
    "gaussian_gamma_guide",
    "importance",
    "init_params",
    "log_joint",
    "param",
    "plate",
    "posterior_of_discrete",
    "render",
    "render_model",
    "replay",
    "sample",
    "seed",
    "substitute",
    "svi",
    "svi_step",
    "trace",
    "uncondition",
]
