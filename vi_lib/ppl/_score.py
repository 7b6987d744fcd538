"""The score-function part of the ELBO's gradient: which cost a site answers for, and the baseline.

For a site z of the guide that is treated as a constant, the gradient gains

    E[(cost - baseline) d log q(z)],

where cost are all terms of the ELBO that may depend on z. Sources as in `vi_lib.ppl.elbo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, plain
from vi_lib.ppl.checks import latent_sites
from vi_lib.ppl.handlers import Site, Trace
from vi_lib.ppl.primitives import Frame


class Cost(NamedTuple):
    """One summand of the ELBO, a constant: particles on the first axis, batch axes after it."""

    frames: frozenset[Frame]
    value: Array


class ScoreTerm(NamedTuple):
    """log q of a score site (M, ...) and the cost (M, ...) that it is answerable for."""

    log_q: Array
    cost: Array


def cost_of(weight: float, site: Site, keep: frozenset[int]) -> Cost:
    """Return a site's weighted log probability as a constant; `keep` has the particles' axis."""
    frames = frozenset(frame for frame in site["plates"] if frame.dim not in keep)
    table = onp.asarray(weight * plain(site["log_prob"]))
    return Cost(frames, table if keep else table[None])


def score_terms(
    draws: Trace, scored: Mapping[str, bool], costs: list[Cost], keep: frozenset[int]
) -> dict[str, ScoreTerm]:
    """Return what the gradient needs of each score site.

    Rows of a plate answer for their own costs, as long as every site drawn later is in the plate
    too: a later site outside would carry one row's draw to all the others.
    """
    terms: dict[str, ScoreTerm] = {}
    later: frozenset[Frame] | None = None  # plates that hold all sites drawn afterwards
    for name, site in reversed(latent_sites(draws).items()):
        frames = frozenset(frame for frame in site["plates"] if frame.dim not in keep)
        if scored[name]:
            own = frames if later is None else frames & later
            log_q = site["log_prob"] if keep else np.reshape(site["log_prob"], (1, *_shape(site)))
            rows = [_rows(cost.value, own & cost.frames, np.ndim(log_q)) for cost in costs]
            terms[name] = ScoreTerm(log_q, sum(rows[1:], rows[0]))
        later = frames if later is None else later & frames
    return terms


def _shape(site: Site) -> tuple[int, ...]:
    return onp.shape(plain(site["log_prob"]))


def _rows(value: Array, frames: frozenset[Frame], ndim: int) -> Array:
    """Sum over all axes but the particles' and those of the given plates, and give it ndim axes."""
    kept = {0, *(onp.ndim(value) + frame.dim for frame in frames)}
    total = onp.sum(value, axis=tuple(set(range(onp.ndim(value))) - kept), keepdims=True)
    rows = (1,) * ndim + onp.shape(total)[1:]
    return onp.reshape(total, (len(total), *rows[len(rows) - ndim + 1 :]))


def surrogate_of(terms: list[ScoreTerm], num_particles: int) -> Array:
    """Return the mean over particles of (cost - baseline) log q, summed over rows.

    Its derivative is the score-function gradient. The baseline of a particle is the mean of the
    others, so it is independent of the particle's own draw.
    """
    if len({(t.cost.shape, onp.shape(plain(t.log_q))) for t in terms}) > 1:
        # The program changed its shape: what the particles have in common is no baseline.
        parts = [surrogate_of([term], num_particles) for term in terms]
        return sum(parts[1:], parts[0])
    cost = onp.concatenate([term.cost for term in terms])
    log_q = np.concatenate([term.log_q for term in terms])
    if len(cost) > 1:
        cost = cost - (onp.sum(cost, axis=0) - cost) / (len(cost) - 1)
    return np.sum(cost * log_q) / num_particles
