"""The library of a course in variational inference: every formula of a lesson is one function.

    from vi_lib import FullRank, Model, Param, advi, dadvi, fit

We maximise the ELBO, in nats. The last axis is the event and leading axes broadcast: a log density
maps (..., D) to (...). Noise is an argument, variational parameters are one flat vector `lam`, and
what an algorithm remembers is data.

    find q             fit, advi, dadvi, cavi, svi, ppl, amortised
    what q can be      families, expfam, transforms, sampling
    how to follow it   estimators, optimizers, stopping
    is it any good?    Result.trust, diagnostics, oracles, divergences
    what it says       predictive, inference_data, plots

The modules in the right column are imported when they are first used. Figures need matplotlib and
are imported by name: `from vi_lib import plots` and `from vi_lib.flipbook import flipbook`.
"""

import importlib
from types import ModuleType

from vi_lib import cavi, datasets, densities, estimators, optimizers, oracles, stopping, transforms
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.advi import advi
from vi_lib.dadvi import dadvi
from vi_lib.families import CouplingFlow, Family, FullRank, LowRank, MeanField, Mixture
from vi_lib.fit import fit
from vi_lib.model import Model, Param
from vi_lib.result import Result, Status

#: Modules that `import vi_lib` does not load.
_ON_DEMAND = (
    "amortised",
    "diagnostics",
    "divergences",
    "expfam",
    "families",
    "full_rank",
    "inference_data",
    "pathwise",
    "ppl",
    "predictive",
    "sampling",
    "svi",
)

__all__ = [
    "CouplingFlow",
    "Family",
    "FullRank",
    "LowRank",
    "MeanField",
    "Mixture",
    "Model",
    "NonFiniteError",
    "Param",
    "Result",
    "ShapeError",
    "Status",
    "SupportError",
    "advi",
    "amortised",
    "cavi",
    "dadvi",
    "datasets",
    "densities",
    "diagnostics",
    "divergences",
    "estimators",
    "expfam",
    "families",
    "fit",
    "full_rank",
    "inference_data",
    "optimizers",
    "oracles",
    "ppl",
    "predictive",
    "sampling",
    "stopping",
    "svi",
    "transforms",
]


def __getattr__(name: str) -> ModuleType:
    if name in _ON_DEMAND:
        return importlib.import_module(f"vi_lib.{name}")
    raise AttributeError(f"module 'vi_lib' has no attribute {name!r}")
