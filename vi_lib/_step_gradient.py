"""The gradient of one step of a fit, recorded where that is safe.

A `Model`'s functions and those of a compiled program depend on zeta and on the data alone, and so
do the estimators of the library that need no value on the way: what they do at one step is what
they do at every step, and runs as a straight program. Any other log density or estimator, which may
count its calls or draw its own random numbers, is called as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import autograd.numpy as np
from autograd import make_vjp

from vi_lib._check import Array
from vi_lib._replay import OfArrays, Replay
from vi_lib.estimators import Estimator, LogDensity, reparam, reparam_entropy, values_and_gradient
from vi_lib.families import Family, FullRank, LowRank, MeanField

_ESTIMATORS = (reparam, reparam_entropy)
_FAMILIES = (MeanField, FullRank, LowRank)


@dataclass(frozen=True, eq=False)
class StepGradient:
    """(target, lam, eps) -> values (M,) and the gradient (P,) of their mean.

    Attributes:
        estimator: As for `fit`.
        log_p: The log density of all data.
        q: The family.
    """

    estimator: Estimator
    log_p: LogDensity
    q: Family

    def __call__(self, target: LogDensity, lam: Array, eps: Array) -> tuple[Array, Array]:
        """Return what `values_and_gradient` returns for the target, log_p or a minibatch of it."""
        if self._known:
            if target is self.log_p:
                return self._all(lam, eps)
            if type(target) is OfArrays:
                return self._some(target)(lam, eps, *target.columns)
        return values_and_gradient(self.estimator, lam, target, self.q, eps)

    @cached_property
    def _known(self) -> bool:
        """Whether all parts depend on their arguments alone."""
        marked = getattr(self.log_p, "recordable", False)
        return marked and self.estimator in _ESTIMATORS and type(self.q) in _FAMILIES

    @cached_property
    def _all(self) -> Replay:
        return Replay(lambda lam, eps: self._gradient(self.log_p, lam, eps))

    @cached_property
    def _batches(self) -> dict[object, Replay]:
        return {}

    def _some(self, batch: OfArrays) -> Replay:
        if batch.function not in self._batches:
            self._batches[batch.function] = Replay(
                lambda lam, eps, *columns: self._gradient(
                    OfArrays(batch.function, columns), lam, eps
                )
            )
        return self._batches[batch.function]

    def _gradient(self, target: LogDensity, lam: Array, eps: Array) -> tuple[Array, Array]:
        vjp, values = make_vjp(lambda lam: self.estimator(lam, target, self.q, eps))(lam)
        return values, vjp(np.full(len(eps), 1.0 / len(eps)))
