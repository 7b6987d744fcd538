"""ADVI by NumPyro and by PyMC; what they found as parameters of our families."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import numpyro
import pymc as pm
from jax.flatten_util import ravel_pytree
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoDiagonalNormal, AutoMultivariateNormal
from posteriors._case import Case
from posteriors.twins import TWINS
from pymc_models import pymc_model

from vi_lib import FullRank, MeanField

STEPS = 20_000


def numpyro_lam(case: Case, family: str) -> np.ndarray:
    """The fit of an autoguide by Adam, 10 draws a step and a rate that falls from .02 to .0002."""
    guides = {"mean_field": AutoDiagonalNormal, "full_rank": AutoMultivariateNormal}
    guide = guides[family](TWINS[case.name])

    def rate(step: Any) -> Any:
        return 0.02 * 0.01 ** (step / STEPS)

    svi = SVI(TWINS[case.name], guide, numpyro.optim.Adam(rate), Trace_ELBO(num_particles=10))
    found = svi.run(jax.random.PRNGKey(0), STEPS, case.model.data, progress_bar=False).params
    # Their coordinates follow the alphabet, ours the model.
    ours, first = {}, 0
    for name, param in case.model.params.items():
        ours[name] = np.arange(first, first + param.dim).reshape(param.zeta_shape)
        first += param.dim
    place = np.argsort(np.asarray(ravel_pytree(ours)[0]))
    mean = np.asarray(found["auto_loc"])[place]
    if family == "mean_field":
        return MeanField(case.model.dim).pack(mean, np.log(found["auto_scale"])[place])
    L = np.asarray(found["auto_scale_tril"])
    return from_cov(mean, (L @ L.T)[np.ix_(place, place)])


def pymc_lam(case: Case, family: str, steps: int = STEPS, **options: Any) -> np.ndarray:
    """The fit of `pymc.fit`, by default with its own optimiser and its one draw a step."""
    method = {"mean_field": "advi", "full_rank": "fullrank_advi"}[family]
    with pymc_model(case.name, case.model.data):
        approximation = pm.fit(
            steps, method=method, random_seed=1, progressbar=False, **options
        )
    mean = approximation.mean.eval()
    if family == "mean_field":
        return MeanField(case.model.dim).pack(mean, np.log(approximation.std.eval()))
    return from_cov(mean, approximation.cov.eval())


def from_cov(mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """The lam of a full-rank Gaussian."""
    return FullRank(len(mean)).pack(mean, np.linalg.cholesky(cov))
