"""The exercises of lesson 10, Bayesian neural nets: what is asked, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e10_1, e10_2, e10_3, e10_4
from autograder.checks.lesson10_likelihood import BOUND_PARTS, LIKELIHOOD_PARTS
from autograder.checks.lesson10_predictive import MOMENT_PARTS
from autograder.checks.lesson10_weights import LOSS_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import amortised

_REGRESSION = "vi_lib.amortised.regression"
_NET = "vi_lib.amortised.bayes_net"

EXERCISES = (
    Exercise(
        id="E10.1",
        title="A Gaussian log likelihood",
        names=("gaussian_log_likelihood",),
        reference={"gaussian_log_likelihood": amortised.gaussian_log_likelihood},
        parts=LIKELIHOOD_PARTS,
        wrong=e10_1.WRONG,
        right=e10_1.RIGHT,
        forbidden=(f"{_REGRESSION}:gaussian_log_likelihood", "vi_lib.densities:normal"),
    ),
    Exercise(
        id="E10.2",
        title="The repaired bound",
        names=("latent_regression_elbo",),
        reference={"latent_regression_elbo": amortised.latent_regression_elbo},
        parts=BOUND_PARTS,
        wrong=e10_2.WRONG,
        right=e10_2.RIGHT,
        forbidden=(f"{_REGRESSION}:latent_regression_elbo",),
    ),
    Exercise(
        id="E10.3",
        title="The loss of Bayes by backprop",
        names=("bayes_by_backprop_loss",),
        reference={"bayes_by_backprop_loss": amortised.bayes_by_backprop_loss},
        parts=LOSS_PARTS,
        wrong=e10_3.WRONG,
        right=e10_3.RIGHT,
        forbidden=tuple(
            f"{_NET}:{name}"
            for name in (
                "bayes_by_backprop_loss",
                "bayes_net_elbo",
                "bayes_net_outputs",
                "weight_kl",
            )
        ),
    ),
    Exercise(
        id="E10.4",
        title="Moments of a prediction",
        names=("predictive_moments",),
        reference={"predictive_moments": amortised.predictive_moments},
        parts=MOMENT_PARTS,
        wrong=e10_4.WRONG,
        right=e10_4.RIGHT,
        forbidden=tuple(
            f"vi_lib.amortised.prediction:{name}"
            for name in ("predictive_moments", "variance_split")
        ),
    ),
)
