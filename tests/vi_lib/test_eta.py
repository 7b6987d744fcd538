"""The search for the step scale: it finds the decade that works, and says when none does."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest

from vi_lib import densities
from vi_lib._check import SupportError
from vi_lib.estimators import reparam
from vi_lib.eta import CANDIDATES, search_eta
from vi_lib.families import MeanField
from vi_lib.fit import fit
from vi_lib.optimizers import advi_step


def rng(seed=0):
    return np.random.default_rng(seed)


def gaussian(mean, sd):
    return lambda z: anp.sum(densities.normal(z, mean, sd), axis=-1)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (gaussian(3.0, 0.5), {1.0}),  # a few units away, an sd of order one
        (gaussian(0.01, 1.0), {0.01, 0.1}),  # where it starts: steps only do harm
    ],
)
def test_it_finds_the_scale_of_the_problem(target, expected):
    found = search_eta(target, MeanField(2), rng=rng())
    assert found.eta in expected, found.summary()
    best = found.elbo[found.candidates.index(found.eta)]
    assert best == max(e for e, why in zip(found.elbo, found.diverged, strict=True) if not why)


def test_every_candidate_is_a_fit_on_the_same_noise():
    """Equal to separate fits from one seed, draws of the final ELBO included."""
    target, q = gaussian(3.0, 0.5), MeanField(1)
    found = search_eta(target, q, rng=rng(4), num_iters=20, num_draws=3)
    seed = int(rng(4).integers(2**63))
    for eta, elbo, se in zip(found.candidates, found.elbo, found.elbo_se, strict=True):
        r = fit(target, q, optimizer=advi_step(eta), num_draws=3, max_iters=20, stop=None,
                rng=rng(seed), on_nonfinite="stop")  # fmt: skip
        assert (r.elbo, r.elbo_se) == (elbo, se)
    again = search_eta(target, q, rng=rng(4), num_iters=20, num_draws=3)
    np.testing.assert_array_equal(again.elbo, found.elbo)
    nothing_moves = search_eta(target, q, rng=rng(4), candidates=(0.1, 0.1))
    assert nothing_moves.elbo[0] == nothing_moves.elbo[1]


def explosive(z):
    """Overflows for large z: the large step scales jump there."""
    return anp.sum(3.0 * z - anp.exp(z), axis=-1)


def test_candidates_that_diverge_are_reported_and_not_chosen():
    found = search_eta(explosive, MeanField(2), rng=rng())
    why = dict(zip(found.candidates, found.diverged, strict=True))
    assert "not finite" in why[100.0] or "inf" in why[100.0]
    assert found.elbo[found.candidates.index(100.0)] == -np.inf
    assert why[found.eta] == ""
    lines = found.summary().splitlines()
    assert len(lines) == 1 + len(CANDIDATES)
    assert sum("<- chosen" in line for line in lines) == 1
    assert why[100.0] in lines[1]


def test_a_trial_that_ends_where_the_elbo_is_not_finite_has_the_lowest_elbo():
    """One step, finite itself, to a place where log p overflows."""

    def cliff(z):
        return anp.sum(3.0 * z - anp.exp(20.0 * z), axis=-1)

    start = MeanField(1).init(-1.0, 0.1)
    found = search_eta(cliff, MeanField(1), start, rng=rng(), candidates=(100.0, 0.01), num_iters=1)
    assert found.diverged[0] == "the ELBO after 1 iterations is -inf"
    assert found.elbo[0] == -np.inf
    assert found.eta == 0.01


def test_a_fall_is_a_divergence_too():
    target = gaussian(0.0, 1.0)
    found = search_eta(target, MeanField(1), rng=rng(), candidates=(100.0, 0.01))
    assert "it fell from" in found.diverged[0]
    assert found.eta == 0.01


def test_all_diverging_is_an_error_that_names_each():
    """A density without a maximum in reach, so steep that every scale overflows."""

    def steep(z):
        return anp.sum(-anp.exp(50.0 * z) - anp.exp(-50.0 * z), axis=-1)

    with pytest.raises(ValueError, match=r"no step scale works, all 2 .*eta = 100: .*; eta = 10: "):
        search_eta(steep, MeanField(1), MeanField(1).init(0.0, 3.0), rng=rng(),
                   candidates=(100.0, 10.0))  # fmt: skip


def test_it_stays_at_an_optimum():
    """Nothing can be gained there, and losing nothing is no failure."""
    found = search_eta(gaussian(0.0, 1.0), MeanField(2), rng=rng(), estimator=reparam)
    assert found.eta <= 0.1
    assert found.diverged[-1] == ""


@pytest.mark.parametrize(
    ("candidates", "error", "message"),
    [
        ((), ValueError, "at least one step scale"),
        ((1.0, -0.1), SupportError, "candidates must be positive and finite, got -0.1"),
    ],
)
def test_errors(candidates, error, message):
    with pytest.raises(error, match=message):
        search_eta(explosive, MeanField(1), rng=rng(), candidates=candidates)
