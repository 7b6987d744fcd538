"""New data from a model: with draws of the posterior, or of the prior.

Each draw of the latent sites gives one run of the model in which the observed sites are drawn too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vi_lib._check import Array, ShapeError
from vi_lib.ppl.checks import latent_sites
from vi_lib.ppl.handlers import Program, Trace, replay, substitute, trace, uncondition


@dataclass(frozen=True, eq=False)
class Predictive:
    """Draws of all sites of a model, observed ones included; the name is Pyro's.

    With neither `posterior` nor `guide` it is the prior predictive distribution.

    Attributes:
        model: The model. Its observations are ignored, so the arguments may be those of the fit.
        posterior: Site -> draws `(S, *shape)`, such as `Result.sample` or `Importance.resample`.
        guide: A guide to draw from instead.
        params: Parameters of guide and model on the real line, such as `svi(...).params`.
        num_samples: Number of draws; with `posterior`, its own.
        fresh: Latent sites to draw from the model though the posterior has or lacks them, such as
            those of new rows.

    Raises:
        ValueError: If both `posterior` and `guide` are given, or the number of draws is missing.
        ShapeError: If the posterior's sites have different numbers of draws.
    """

    model: Program
    posterior: Mapping[str, Array] | None = None
    guide: Program | None = None
    params: Mapping[str, Array] | None = None
    num_samples: int | None = None
    fresh: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.posterior is not None and self.guide is not None:
            raise ValueError("Predictive takes posterior or guide, not both")
        if self.posterior is None and self.num_samples is None:
            raise ValueError("Predictive needs num_samples, unless it gets a posterior")
        if self.posterior is not None:
            lengths = {name: len(values) for name, values in self.posterior.items()}
            if len(set(lengths.values())) != 1:
                raise ShapeError(f"posterior needs one number of draws at all sites, got {lengths}")

    def __call__(self, rng: np.random.Generator, *args: Any) -> dict[str, Array]:
        """Return site -> draws `(S, *shape)`.

        Raises:
            ValueError: Naming the site, if the posterior lacks a latent site that is not `fresh`.
        """
        given = {} if self.params is None else self.params
        count = self.num_samples
        if self.posterior is not None:
            count = len(next(iter(self.posterior.values())))
        assert count is not None
        draws: dict[str, list[Array]] = {}
        for s in range(count):
            values = {
                n: v for n, v in self._latents(rng, given, args, s).items() if n not in self.fresh
            }
            program = replay(uncondition(substitute(self.model, given)), values)
            if s == 0 and (self.posterior is not None or self.guide is not None):
                self._require_complete(values, trace(replay(self.model, values), rng)(*args))
            for name, site in trace(program, rng)(*args).items():
                if site["type"] == "sample":
                    draws.setdefault(name, []).append(site["value"])
        return {name: np.stack(values) for name, values in draws.items()}

    def _latents(
        self, rng: np.random.Generator, given: Mapping[str, Array], args: tuple[Any, ...], s: int
    ) -> Trace:
        if self.posterior is not None:
            return {
                name: {"type": "sample", "value": np.asarray(values)[s], "observed": False}
                for name, values in self.posterior.items()
            }
        if self.guide is None:
            return {}
        return latent_sites(trace(substitute(self.guide, given), rng)(*args))

    def _require_complete(self, values: Trace, sites: Trace) -> None:
        for name, site in latent_sites(sites).items():
            if name not in values and name not in self.fresh and not site["enumerate"]:
                raise ValueError(
                    f"site {name!r} is latent in the model and the posterior has no draws of it: it"
                    " would come from its prior. If that is meant, list it in `fresh`"
                )
