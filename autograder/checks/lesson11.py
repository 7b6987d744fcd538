"""The exercises of lesson 11, the variational autoencoder: what is asked, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e11_1, e11_2, e11_3, e11_4, e11_5, e11_6
from autograder.checks.lesson11_bound import BOUND_PARTS
from autograder.checks.lesson11_elbo import ELBO_PARTS
from autograder.checks.lesson11_network import NETWORK_PARTS
from autograder.checks.lesson11_terms import ANNEALING_PARTS, KL_PARTS, LIKELIHOOD_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import amortised, estimators

_VAE = "vi_lib.amortised.vae:"
_TRAINING = (
    "vi_lib.amortised.vae_training:train_vae",
    "vi_lib.amortised.vae_training:fit_vae",
    "vi_lib.amortised.training:train",
)

EXERCISES = (
    Exercise(
        id="E11.1",
        title="The log likelihood of black and white pixels",
        names=("bernoulli_log_likelihood",),
        reference={"bernoulli_log_likelihood": amortised.bernoulli_log_likelihood},
        parts=LIKELIHOOD_PARTS,
        wrong=e11_1.WRONG,
        right=e11_1.RIGHT,
        forbidden=(f"{_VAE}bernoulli_log_likelihood", "vi_lib.densities:bernoulli_logits"),
    ),
    Exercise(
        id="E11.2",
        title="The KL of a code from the prior",
        names=("kl_diag_gaussian_standard",),
        reference={"kl_diag_gaussian_standard": amortised.kl_diag_gaussian_standard},
        parts=KL_PARTS,
        wrong=e11_2.WRONG,
        right=e11_2.RIGHT,
        forbidden=(
            f"{_VAE}kl_diag_gaussian_standard",
            "vi_lib.divergences:gaussian_kl",
            "vi_lib.divergences:mvn_kl",
        ),
    ),
    Exercise(
        id="E11.3",
        title="The ELBO of a batch",
        names=("vae_elbo",),
        reference={"vae_elbo": amortised.vae_elbo},
        parts=ELBO_PARTS,
        wrong=e11_3.WRONG,
        right=e11_3.RIGHT,
        forbidden=(f"{_VAE}vae_elbo", f"{_VAE}vae_values", "vi_lib.amortised.vae_bounds:vae_iwae"),
    ),
    Exercise(
        id="E11.4",
        title="KL annealing",
        names=("kl_annealing",),
        reference={"kl_annealing": amortised.kl_annealing},
        parts=ANNEALING_PARTS,
        wrong=e11_4.WRONG,
        right=e11_4.RIGHT,
        forbidden=(f"{_VAE}kl_annealing",),
    ),
    Exercise(
        id="E11.5",
        title="Networks and their training",
        names=("init_vae", "mlp_decoder", "count_parameters", "train_vae"),
        reference={
            "init_vae": amortised.init_vae,
            "mlp_decoder": amortised.mlp_decoder,
            "count_parameters": amortised.count_parameters,
            "train_vae": amortised.train_vae,
        },
        parts=NETWORK_PARTS,
        wrong=e11_5.WRONG,
        right=e11_5.RIGHT,
        forbidden=(
            f"{_VAE}init_vae",
            "vi_lib.amortised.mlp:init_mlp",
            "vi_lib.amortised.mlp:count_parameters",
            *_TRAINING,
        ),
    ),
    Exercise(
        id="E11.6",
        title="The importance-weighted bound",
        names=("importance_weighted_bound",),
        reference={"importance_weighted_bound": estimators.importance_weighted_bound},
        parts=BOUND_PARTS,
        wrong=e11_6.WRONG,
        right=e11_6.RIGHT,
        forbidden=(
            "vi_lib._importance:importance_weighted_bound",
            "vi_lib._importance:renyi_bound",
            "vi_lib._importance:_log_mean_exp",
            "vi_lib.divergences:log_mean_exp",
        ),
    ),
)
