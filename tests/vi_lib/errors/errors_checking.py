"""Errors of the diagnostics."""

from __future__ import annotations

import numpy as np

from vi_lib import NonFiniteError, ShapeError, SupportError, clinic, diagnostics

nan = np.nan
RNG = np.random.default_rng(0)
W, Z = np.linspace(-1.0, 1.0, 30), np.linspace(-1.0, 1.0, 30)[:, None]
BAD_W, BAD_Z = np.append(W[1:], nan), np.append(Z[1:], [[nan]], axis=0)
RANKS, HIGH = np.arange(10), np.arange(1, 11)


def standard(z):
    return -0.5 * np.sum(z**2, axis=-1)


def sbc(prior=lambda rng: rng.normal(), fit=lambda y, n, rng: rng.normal(size=n), num_sims=2):
    return diagnostics.sbc_ranks(prior, lambda theta, rng: theta, fit, num_sims, 3, RNG)


def statistic(stat, y_rep=None):
    return diagnostics.replicated_statistics(W, np.ones((2, 30)) if y_rep is None else y_rep, stat)


NO_ROW = ("log_w must have shape (S,)", "got (30, 1)")

ROWS = [
    ("diagnostics.khat", lambda: diagnostics.khat(Z), ShapeError, NO_ROW),
    ("diagnostics.khat", lambda: diagnostics.khat(W[:24]),
     ShapeError, ("at least 25 draws", "got 24")),
    ("diagnostics.khat", lambda: diagnostics.khat(BAD_W),
     NonFiniteError, ("log_w must be finite", "got nan among 30")),
    ("diagnostics.khat", lambda: diagnostics.khat(np.full(30, -np.inf)),
     NonFiniteError, ("-inf for some", "got -inf among 30")),
    ("diagnostics.psis", lambda: diagnostics.psis(Z), ShapeError, NO_ROW),
    ("diagnostics.psis", lambda: diagnostics.psis(BAD_W),
     NonFiniteError, ("log_w must be finite", "got nan among 30")),
    ("diagnostics.effective_draws", lambda: diagnostics.effective_draws(Z), ShapeError, NO_ROW),
    ("diagnostics.cubo", lambda: diagnostics.cubo(Z), ShapeError, NO_ROW),
    ("diagnostics.cubo", lambda: diagnostics.cubo(W, order=0.5),
     ValueError, ("order must be at least 1", "got 0.5")),
    ("diagnostics.error_bounds", lambda: diagnostics.error_bounds(W[:29], Z),
     ShapeError, ("log_w must have shape (30,)", "got (29,)")),
    ("diagnostics.error_bounds", lambda: diagnostics.error_bounds(W[:9], Z[:9]),
     ShapeError, ("at least 25 draws", "got 9")),
    ("diagnostics.error_bounds", lambda: diagnostics.error_bounds(W, BAD_Z),
     NonFiniteError, ("z must be finite", "got nan")),
    ("diagnostics.stein_matrix", lambda: diagnostics.stein_matrix(Z, W),
     ShapeError, ("score must have shape (30, 1)", "got (30,)")),
    ("diagnostics.stein_matrix", lambda: diagnostics.stein_matrix(Z, BAD_Z),
     NonFiniteError, ("score must be finite", "got nan")),
    ("diagnostics.stein_matrix", lambda: diagnostics.stein_matrix(Z, Z, 0.0),
     SupportError, ("bandwidth must be positive", "got 0.0")),
    ("diagnostics.ksd", lambda: diagnostics.ksd(standard, W),
     ShapeError, ("z must have shape (S, D)", "got (30,)")),
    ("diagnostics.ksd", lambda: diagnostics.ksd(standard, BAD_Z),
     NonFiniteError, ("z must be finite", "got nan")),
    ("diagnostics.ksd", lambda: diagnostics.ksd(standard, Z, -1.0),
     SupportError, ("bandwidth must be positive", "got -1.0")),
    ("diagnostics.ksd_test", lambda: diagnostics.ksd_test(standard, Z[:1], RNG),
     ShapeError, ("at least 2 draws", "got 1")),
    ("diagnostics.ksd_test", lambda: diagnostics.ksd_test(standard, BAD_Z, RNG),
     NonFiniteError, ("z must be finite", "got nan")),
    ("diagnostics.ksd_test", lambda: diagnostics.ksd_test(standard, Z, RNG, bandwidth=nan),
     SupportError, ("bandwidth must be positive", "got nan")),
    ("diagnostics.ksd_test", lambda: diagnostics.ksd_test(standard, Z, RNG, num_bootstrap=0),
     ValueError, ("num_bootstrap must be at least 1", "got 0")),
    ("diagnostics.has_converged", lambda: diagnostics.has_converged(Z, 5, 0.01),
     ShapeError, ("elbo_trace must have shape (K,)", "got (30, 1)")),
    ("diagnostics.has_converged", lambda: diagnostics.has_converged(BAD_W, 5, 0.01),
     NonFiniteError, ("elbo_trace must be finite", "got nan")),
    ("diagnostics.has_converged", lambda: diagnostics.has_converged(W, 0, 0.01),
     ValueError, ("window must be at least 1", "got 0")),
    ("diagnostics.has_converged", lambda: diagnostics.has_converged(W, 5, -0.01),
     SupportError, ("rel_tol must be positive", "got -0.01")),
    ("diagnostics.average_iterates", lambda: diagnostics.average_iterates(W, 0),
     ShapeError, ("params must have shape (K, P)", "got (30,)")),
    ("diagnostics.average_iterates", lambda: diagnostics.average_iterates(Z, 30),
     ShapeError, ("must leave an iterate", "got burn=30 of 30")),
    ("diagnostics.average_iterates", lambda: diagnostics.average_iterates(Z, -1),
     ValueError, ("burn must not be negative", "got -1")),
    ("diagnostics.elbo_windows", lambda: diagnostics.elbo_windows(Z, 5),
     ShapeError, ("history must have shape (K, 2)", "got (30, 1)")),
    ("diagnostics.elbo_windows", lambda: diagnostics.elbo_windows(W, 31),
     ShapeError, ("at least 31 iterations", "got 30")),
    ("diagnostics.elbo_windows", lambda: diagnostics.elbo_windows(W, 1),
     ValueError, ("window must be at least 2", "got 1")),
    ("diagnostics.sbc_ranks", lambda: sbc(fit=lambda y, n, rng: rng.normal(size=n + 1)),
     ShapeError, ("draws of fit must have shape (3,)", "got (4,)")),
    ("diagnostics.sbc_ranks", lambda: sbc(prior=lambda rng: nan),
     NonFiniteError, ("theta must be finite", "got nan")),
    ("diagnostics.sbc_ranks", lambda: sbc(num_sims=0),
     ValueError, ("need num_sims, num_draws >= 1", "got 0 and 3")),
    ("diagnostics.coverage", lambda: diagnostics.coverage(Z, 10),
     ShapeError, ("ranks must have shape (num_sims,)", "got (30, 1)")),
    ("diagnostics.coverage", lambda: diagnostics.coverage(HIGH, 9),
     ValueError, ("whole numbers in 0..9", "got 1 to 10")),
    ("clinic.patient", lambda: clinic.patient("fever", RNG),
     ValueError, ("one of not converged", "got 'fever'")),
    ("diagnostics.coverage", lambda: diagnostics.coverage(RANKS, 9, [1.5]),
     ValueError, ("levels must be in (0, 1)", "got (1.5,)")),
    ("diagnostics.rank_uniformity", lambda: diagnostics.rank_uniformity(Z, 9),
     ShapeError, ("ranks must have shape (num_sims,)", "got (30, 1)")),
    ("diagnostics.rank_uniformity", lambda: diagnostics.rank_uniformity(RANKS, 9, 20),
     ValueError, ("multiple of num_bins", "got 10 and 20")),
    ("diagnostics.vsbc", lambda: diagnostics.vsbc(RANKS[:0], 9),
     ShapeError, ("at least one simulation", "got none")),
    ("diagnostics.vsbc", lambda: diagnostics.vsbc(HIGH, 9),
     ValueError, ("whole numbers in 0..9", "got 1 to 10")),
    ("diagnostics.replicated_statistics", lambda: statistic(np.mean, np.ones((2, 29))),
     ShapeError, ("y_rep must have shape (S, 30)", "got (2, 29)")),
    ("diagnostics.replicated_statistics", lambda: statistic(np.sort),
     ShapeError, ("stat's value must have shape ()", "got (30,)")),
    ("diagnostics.replicated_statistics", lambda: statistic(lambda y: nan),
     NonFiniteError, ("stat of y must be finite", "got nan")),
    ("diagnostics.posterior_predictive_pvalue",
     lambda: diagnostics.posterior_predictive_pvalue(W, Z, np.mean),
     ShapeError, ("y_rep must have shape (S, 30)", "got (30, 1)")),
    ("diagnostics.posterior_predictive_pvalue",
     lambda: diagnostics.posterior_predictive_pvalue(W, np.ones((1, 30)), lambda y: np.inf),
     NonFiniteError, ("stat of y must be finite", "got inf")),
]  # fmt: skip
