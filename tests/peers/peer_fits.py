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
METHODS = {"mean_field": "advi", "full_rank": "fullrank_advi"}


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


def pymc_lam(case: Case, family: str, **options: Any) -> np.ndarray:
    """The fit of `pymc.fit`, by default with its own optimiser and its one draw a step."""
    with pymc_model(case.name, case.model.data):
        approximation = pm.fit(
            STEPS, method=METHODS[family], random_seed=1, progressbar=False, **options
        )
    return _pymc_gaussian(approximation, family)


def pymc_averaged_lam(case: Case, family: str) -> np.ndarray:
    """The fit of PyMC with Adam, 5 draws a step, its parameters averaged over the last half."""
    kept: list[list[np.ndarray]] = []

    def keep(approximation: Any, losses: Any, i: int) -> None:
        if i > STEPS // 4 and i % 10 == 0:
            kept.append([p.get_value() for p in approximation.params])

    with pymc_model(case.name, case.model.data):
        approximation = pm.fit(
            STEPS // 2,
            method=METHODS[family],
            random_seed=1,
            progressbar=False,
            obj_optimizer=pm.adam(learning_rate=0.01),
            obj_n_mc=5,
            callbacks=[keep],
        )
    for parameter, *values in zip(approximation.params, *kept, strict=True):
        parameter.set_value(np.mean(values, axis=0))
    return _pymc_gaussian(approximation, family)


def _pymc_gaussian(approximation: Any, family: str) -> np.ndarray:
    mean = approximation.mean.eval()
    if family == "mean_field":
        return MeanField(len(mean)).pack(mean, np.log(approximation.std.eval()))
    return from_cov(mean, approximation.cov.eval())


def from_cov(mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """The lam of a full-rank Gaussian."""
    return FullRank(len(mean)).pack(mean, np.linalg.cholesky(cov))
