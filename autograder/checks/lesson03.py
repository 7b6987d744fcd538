"""The exercises of lesson 3, coordinate ascent for regression and for a mixture of Gaussians."""

from __future__ import annotations

from autograder.checks.bank import e3_1, e3_2, e3_3, e3_4, e3_5
from autograder.checks.lesson03_fit import MIXTURE_PARTS
from autograder.checks.lesson03_mixture import RESPONSIBILITY_PARTS
from autograder.checks.lesson03_posterior import POSTERIOR_PARTS
from autograder.checks.lesson03_regression import ASCENT_PARTS, ELBO_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import cavi

EXERCISES = (
    Exercise(
        id="E3.1",
        title="The exact posterior of a regression",
        names=("exact_posterior_linreg",),
        reference={"exact_posterior_linreg": cavi.exact_posterior_linreg},
        parts=POSTERIOR_PARTS,
        wrong=e3_1.WRONG,
        right=e3_1.RIGHT,
        forbidden=(
            "vi_lib._regression:exact_posterior_linreg",
            "vi_lib.oracles:LinearRegression.mean",
            "vi_lib.oracles:LinearRegression.cov",
            "vi_lib.oracles:LinearRegression.log_evidence",
        ),
    ),
    Exercise(
        id="E3.2",
        title="Coordinate ascent for a regression",
        names=("cavi_linreg",),
        reference={"cavi_linreg": cavi.cavi_linreg},
        parts=ASCENT_PARTS,
        wrong=e3_2.WRONG,
        right=e3_2.RIGHT,
        forbidden=("vi_lib._regression:cavi_linreg", "vi_lib.cavi:coordinate_path_gaussian"),
    ),
    Exercise(
        id="E3.3",
        title="The ELBO of a regression",
        names=("elbo_linreg",),
        reference={"elbo_linreg": cavi.elbo_linreg},
        parts=ELBO_PARTS,
        wrong=e3_3.WRONG,
        right=e3_3.RIGHT,
        forbidden=(
            "vi_lib._regression:elbo_linreg",
            "vi_lib._regression:elbo_linreg_unknown_noise",
        ),
    ),
    Exercise(
        id="E3.4",
        title="Responsibilities",
        names=("gmm_responsibilities",),
        reference={"gmm_responsibilities": cavi.gmm_responsibilities},
        parts=RESPONSIBILITY_PARTS,
        wrong=e3_4.WRONG,
        right=e3_4.RIGHT,
        forbidden=("vi_lib._gaussian_mixture:gmm_responsibilities",),
    ),
    Exercise(
        id="E3.5",
        title="Coordinate ascent for a mixture, with restarts",
        names=("cavi_gmm",),
        reference={"cavi_gmm": cavi.cavi_gmm},
        parts=MIXTURE_PARTS,
        wrong=e3_5.WRONG,
        right=e3_5.RIGHT,
        forbidden=(
            "vi_lib._gaussian_mixture:cavi_gmm",
            "vi_lib._gaussian_mixture:gmm_restarts",
            "vi_lib._gaussian_mixture:update_gmm_means",
            "vi_lib._gaussian_mixture:elbo_gmm",
            "vi_lib._gaussian_mixture:elbo_terms_gmm",
            "vi_lib._bayesian_mixture:cavi_bayesian_gmm",
        ),
        replayed=False,
    ),
)
