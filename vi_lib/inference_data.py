"""A fit as ArviZ InferenceData: `az.summary`, `az.plot_*`, `az.loo` and files that others can read.

    group                 holds
    posterior             draws of the parameters on their own scale, by name: 1 chain
    sample_stats          lp: log p of each draw; log_q: log q of each draw
    log_likelihood        log density of each observation, unscaled, for az.loo and az.waic
    posterior_predictive  new data, if the model can simulate
    observed_data, constant_data    the model's data

`lp` is ArviZ's name of Stan's `lp__`, and of the `log_p__` of its variational output: the log joint
on the *unconstrained* scale, Jacobian included. `log_q` is the `log_g__` of that output. Their
difference is a log importance weight, which `az.psislw` takes.

The draws are independent, so chains, R-hat and the effective sample size say nothing here.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from vi_lib._check import Array
from vi_lib.model import Model
from vi_lib.predictive import simulate
from vi_lib.result import Fitted

if TYPE_CHECKING:
    from arviz import InferenceData

#: Name of the observations where the data are a single array.
OBSERVATIONS = "obs"
#: Name of the axis of observations.
ROWS = "obs_id"


def to_arviz(
    model: Model,
    result: Fitted,
    rng: np.random.Generator,
    num_draws: int = 1000,
    *,
    observed: str | None = None,
    log_likelihood: bool = True,
    dims: Mapping[str, Sequence[str]] | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
) -> InferenceData:
    """Turn a fit into `arviz.InferenceData`.

    Args:
        model: The model.
        result: A result of `advi`, `fit` or `dadvi` on it.
        rng: Source of the draws.
        num_draws: Number S of draws.
        observed: Name of the column of the data that holds the observations; the other columns
            become constant data. By default "y" if there is one, or the only column; a single array
            is called "obs".
        log_likelihood: Whether to keep the S times N log densities of the observations.
        dims: Names of the axes of parameters, as in ArviZ: `{"beta": ["covariate"]}`.
        coords: Labels along the axes: `{"covariate": ["age", "dose"]}`.

    Returns:
        The draws, everything about them that the table above lists, and as attributes of the
        posterior group ELBO, its standard error, k-hat, status, verdict and library.

    Raises:
        ImportError: If arviz is missing; the message says how to install it.
        ValueError: If it is unclear which column holds the observations.
    """
    az = _arviz()
    q, lam = result.family, result.lam
    zeta = q.transport(lam, q.noise(rng, num_draws))
    theta = result.layout.constrain(zeta)
    columns, observed = _columns(model, observed)
    groups: dict[str, dict[str, Array]] = {
        "posterior": theta,
        "sample_stats": {"lp": model.log_p(zeta), "log_q": q.log_prob(lam, zeta)},
    }
    if log_likelihood:
        groups["log_likelihood"] = {observed: model.pointwise_log_lik(theta)}
    if model.simulate is not None:
        groups["posterior_predictive"] = {observed: simulate(model, theta, rng)}
    one_chain = {
        group: {name: np.asarray(values)[None] for name, values in parts.items()}
        for group, parts in groups.items()
    }
    data = {"observed_data": {observed: columns.pop(observed)}}
    if columns:
        data["constant_data"] = columns
    rows = {name: [ROWS] for name in (observed, *columns)}
    return az.from_dict(
        **one_chain,
        **data,
        coords={**(coords or {}), ROWS: np.arange(model.num_data)},
        dims={**rows, **{name: list(axes) for name, axes in (dims or {}).items()}},
        posterior_attrs=_attributes(result),
    )


def _columns(model: Model, observed: str | None) -> tuple[dict[str, Array], str]:
    """The data by name, and the name of the observations."""
    arrays = model.arrays
    if not isinstance(arrays, Mapping):
        name = OBSERVATIONS if observed is None else observed
        columns = {name: arrays}
    else:
        columns = dict(arrays)
        name = observed or ("y" if "y" in columns else next(iter(columns)))
        if name not in columns or (observed is None and name != "y" and len(columns) > 1):
            raise ValueError(
                f"observed must name the column of the observations, one of {', '.join(columns)},"
                f" got {observed!r}"
            )
    shared = set(columns) & set(model.params)
    if shared:
        raise ValueError(
            f"{', '.join(sorted(shared))} names a parameter and a column of the data: rename one"
        )
    return columns, name


def _attributes(result: Fitted) -> dict[str, Any]:
    """What a reader of the file should know of the fit; numbers and texts, as netCDF wants."""
    attributes = {
        "inference_library": "vi_lib",
        "status": result.status.name,
        "trust": result.trust.level,
        "trust_reasons": "; ".join(result.trust.reasons),
        "elbo": result.elbo,
        "elbo_se": result.elbo_se,
        "khat": result.khat,
        "family": type(result.family).__name__,
    }
    try:
        version = importlib.metadata.version("variational-inference-course")
    except importlib.metadata.PackageNotFoundError:  # used from its folder, without installation
        return attributes
    return {**attributes, "inference_library_version": version}


def _arviz() -> ModuleType:
    """The module, without what it announces about its own future."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import arviz  # not a dependency of the library
    except ImportError as error:
        raise ImportError(
            "to_arviz needs ArviZ, which is not installed: pip install 'arviz>=0.22,<1'"
        ) from error
    if not hasattr(arviz, "InferenceData"):
        raise ImportError(
            f"to_arviz needs ArviZ 0.x with InferenceData, found {arviz.__version__}:"
            " pip install 'arviz>=0.22,<1'"
        )
    return arviz
