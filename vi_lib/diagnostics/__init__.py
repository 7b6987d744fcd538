"""Is this fit any good? What to look at, each with its theory and its limits.

    question                                    look at
    has the optimisation come to rest?          elbo_windows, has_converged, average_iterates
    does q cover p?                             khat, psis, effective_draws
    how wrong can means and sds be?             error_bounds, cubo
    do these draws come from p?                 ksd, ksd_test
    is the procedure calibrated?                sbc_ranks, rank_uniformity, coverage, vsbc
    does the model produce data like mine?      posterior_predictive_pvalue

None of them sees a mode of p where q never goes.
"""

from vi_lib.diagnostics.bounds import ErrorBounds, cubo, error_bounds
from vi_lib.diagnostics.calibration import Coverage, coverage, rank_uniformity, sbc_ranks, vsbc
from vi_lib.diagnostics.checks import posterior_predictive_pvalue, replicated_statistics
from vi_lib.diagnostics.psis import effective_draws, khat, psis
from vi_lib.diagnostics.stein import SteinTest, ksd, ksd_test, stein_matrix
from vi_lib.diagnostics.traces import average_iterates, elbo_windows, has_converged

__all__ = [
    "Coverage",
    "ErrorBounds",
    "SteinTest",
    "average_iterates",
    "coverage",
    "cubo",
    "effective_draws",
    "elbo_windows",
    "error_bounds",
    "has_converged",
    "khat",
    "ksd",
    "ksd_test",
    "posterior_predictive_pvalue",
    "psis",
    "rank_uniformity",
    "replicated_statistics",
    "sbc_ranks",
    "stein_matrix",
    "vsbc",
]
