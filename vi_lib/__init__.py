"""The library of a course in variational inference: every formula of a lesson is one function.

    from vi_lib import FullRank, Model, Param, advi, fit

We maximise the ELBO, in nats. The last axis is the event and leading axes broadcast: a log density
maps (..., D) to (...). Noise is an argument, variational parameters are one flat vector `lam`, and
what an algorithm remembers is data. Figures need matplotlib and are imported by name:
`from vi_lib import plots` and `from vi_lib.flipbook import flipbook`.
"""

from vi_lib import cavi, datasets, densities, estimators, optimizers, oracles, stopping, transforms
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.advi import advi
from vi_lib.families import Family, FullRank, MeanField
from vi_lib.fit import fit
from vi_lib.model import Model, Param
from vi_lib.result import Result, Status

__all__ = [
    "Family",
    "FullRank",
    "MeanField",
    "Model",
    "NonFiniteError",
    "Param",
    "Result",
    "ShapeError",
    "Status",
    "SupportError",
    "advi",
    "cavi",
    "datasets",
    "densities",
    "estimators",
    "fit",
    "optimizers",
    "oracles",
    "stopping",
    "transforms",
]
