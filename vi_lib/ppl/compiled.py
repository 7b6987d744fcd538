"""From a program to a log density: what `vi_lib.fit` and every other method of the library want.

The latent sites of a model, flattened and mapped to the real line, are one vector zeta (D,); a run
of the model with these values gives

    log p(zeta) = log_joint(trace) + log|det d theta / d zeta|.

If the program broadcasts, all draws (M, D) are one run: each site gets a further axis to the left
of the plates'. Whether it does is tried out, by comparing with single runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, require_shape
from vi_lib._replay import recordable
from vi_lib.layout import Layout, Param
from vi_lib.ppl._support import is_discrete
from vi_lib.ppl.checks import latent_sites, value_shape
from vi_lib.ppl.enumeration import log_density
from vi_lib.ppl.handlers import Program, Trace, log_joint, plate_depth, prototype, substitute
from vi_lib.ppl.plates import plate

#: Draws on which broadcasting is tried, and how well they must agree with single runs.
TRIAL_DRAWS = 3
AGREEMENT = 1e-9


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model with its data as a log density on the real line, made by `compile`.

    `fit(c.log_p, MeanField(c.dim), layout=c.layout)` fits it, and the result's samples are by site.

    Attributes:
        model: The program.
        args: Its arguments.
        layout: Where each site sits in zeta.
        depth: Number of plates' axes.
        batch_dims: How many axes of each site belong to its batch.
        vectorized: Whether all draws are one run.
    """

    model: Program
    args: tuple[Any, ...]
    layout: Layout
    depth: int
    batch_dims: Mapping[str, int]
    vectorized: bool

    @property
    def dim(self) -> int:
        """Number of unconstrained coordinates D."""
        return self.layout.dim

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each entry of the sites."""
        return self.layout.names

    def constrain(self, zeta: Array) -> dict[str, Array]:
        """Map zeta (..., D) to site -> value `(..., *shape)`."""
        return self.layout.constrain(zeta)

    def unconstrain(self, theta: Mapping[str, Any]) -> Array:
        """Map site -> value `(..., *shape)` to zeta (..., D)."""
        return self.layout.unconstrain(theta)

    @recordable
    def log_p(self, zeta: Array) -> Array:
        """Return the log joint on the unconstrained scale, (..., D) -> (...), nats."""
        require_shape("zeta", zeta, (..., self.dim))
        leading = np.shape(zeta)[:-1]
        rows = np.reshape(zeta, (-1, self.dim))
        theta = self.layout.constrain(rows)
        if self.vectorized:
            total = self._together(theta, len(rows))
        else:
            total = np.stack([self._one(theta, m) for m in range(len(rows))])
        return np.reshape(total + self.layout.log_abs_det_jacobian(rows), leading)

    def _one(self, theta: Mapping[str, Array], m: int) -> Array:
        values = {name: value[m] for name, value in theta.items()}
        sites, marginal = self._run(values, frozenset())
        return log_joint(sites) if marginal is None else marginal

    def _together(self, theta: Mapping[str, Array], num: int) -> Array:
        values, axis = {}, -1 - self.depth
        for name, value in theta.items():
            between = (1,) * (self.depth - self.batch_dims[name])
            values[name] = np.reshape(value, (num, *between, *np.shape(value)[1:]))
        with plate("draws", num, dim=axis):
            sites, marginal = self._run(values, frozenset({axis}))
        if marginal is not None:
            return marginal + onp.zeros(num)
        tables = [s["scale"] * s["log_prob"] for s in sites.values() if s["type"] == "sample"]
        return sum(np.sum(np.reshape(table, (num, -1)), axis=-1) for table in tables)

    def _run(self, values: Mapping[str, Array], keep: frozenset[int]) -> tuple[Trace, Array | None]:
        # Draws of enumerated sites are compared with the sum's terms, and do not enter it.
        rng = onp.random.default_rng(0)
        sites, marginal = log_density(self.model, self.args, _as_trace(values), rng, keep)
        for name, site in latent_sites(sites).items():
            if name not in values and not site["enumerate"]:
                raise ValueError(f"site {name!r} was not in the first run: keep the sites")
        return sites, marginal


def compile(
    model: Program,
    *args: Any,
    params: Mapping[str, Array] | None = None,
    vectorize: bool | None = None,
) -> Compiled:
    """Turn a model and its arguments into a log density with names and supports.

    Args:
        model: The model; its latent sites must be continuous, or marked by `config_enumerate`, and
            the same in every run.
        *args: Its arguments.
        params: Values of its `param`s on the real line, if it has any.
        vectorize: Whether all draws are one run; by default, whether that agrees with single runs
            on three draws.

    Raises:
        ValueError: Naming the site, if a latent one is discrete, a parameter has no value, or a
            plate is subsampled (a log density has all the data).
    """
    fixed = substitute(model, params or {})
    sites = prototype(fixed, args)
    for name, site in sites.items():
        if site["type"] == "param" and name not in (params or {}):
            raise ValueError(f"param {name!r} needs a value: compile(model, ..., params=...)")
        if site["type"] == "plate" and site["scale"] != 1.0:
            raise ValueError(f"plate {name!r} is subsampled: a log density needs all its rows")
    latent = {n: s for n, s in latent_sites(sites).items() if not s["enumerate"]}
    for name, site in latent.items():
        if is_discrete(site["dist"].support):
            raise ValueError(
                f"site {name!r} is discrete: sum it out with config_enumerate(model), or use svi"
                " with a guide that samples it (score function)"
            )
    layout = Layout({n: Param(value_shape(s), s["dist"].support) for n, s in latent.items()})
    dims = {name: len(site["dist"].batch_shape) for name, site in latent.items()}
    single = Compiled(fixed, args, layout, plate_depth(sites), dims, False)
    many = Compiled(fixed, args, layout, plate_depth(sites), dims, True)
    if vectorize is None:
        vectorize = _agree(single, many)
    return many if vectorize else single


def _agree(single: Compiled, many: Compiled) -> bool:
    """Whether one run of three draws gives what three runs give."""
    zeta = 0.5 * onp.random.default_rng(0).standard_normal((TRIAL_DRAWS, single.dim))
    with onp.errstate(all="ignore"):
        expected = single.log_p(zeta)
        try:
            got = many.log_p(zeta)
        except Exception:  # whatever a program does that was not written for arrays
            return False
    return bool(onp.allclose(got, expected, rtol=AGREEMENT, atol=AGREEMENT, equal_nan=True))


def _as_trace(values: Mapping[str, Array]) -> Trace:
    return {
        name: {"type": "sample", "value": value, "observed": False}
        for name, value in values.items()
    }
