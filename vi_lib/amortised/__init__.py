"""Inference by networks: amortised posteriors, Bayesian nets and the variational autoencoder.

    from vi_lib import amortised

    x = amortised.binarise(datasets.load("digits")["X"])
    params = amortised.train_vae(x, (64, 128, 2), 1000, np.random.default_rng(0))

Every module is one idea: `mlp` networks as pure functions, `training` the loop over minibatches,
`regression` and `bayes_net` networks that predict with an error, `prediction` what to make of it,
`vae` the formulas of the variational autoencoder, `vae_bounds` tighter ones from several samples
and `vae_training` its recipe, `gap` what a q of its own would win for each
observation, `linear_vae` the autoencoder that can be solved exactly.
"""

from vi_lib.amortised.bayes_net import (
    bayes_by_backprop_loss,
    bayes_net_elbo,
    bayes_net_outputs,
    init_bayes_net,
    sample_weights,
    weight_kl,
)
from vi_lib.amortised.bayes_net_training import fit_bayes_net
from vi_lib.amortised.gap import AmortizationGap, amortization_gap, refine
from vi_lib.amortised.linear_vae import Gaps, LinearVAE, probabilistic_pca
from vi_lib.amortised.mlp import count_parameters, init_mlp, mlp, pack, relu, shapes_of, unpack
from vi_lib.amortised.prediction import (
    VarianceSplit,
    calibration_curve,
    coverage,
    gaussian_band,
    predictive_band,
    predictive_moments,
    variance_split,
)
from vi_lib.amortised.regression import (
    amortised_regression_values,
    fit_mlp_regression,
    gaussian_log_likelihood,
    init_amortised_regression,
    latent_regression_elbo,
    predict_mlp_regression,
    published_objective,
    published_optimum,
)
from vi_lib.amortised.synthetic import growing_noise, tilted_wave
from vi_lib.amortised.training import Training, TrainingRecord, train
from vi_lib.amortised.vae import (
    bernoulli_log_likelihood,
    encode,
    init_vae,
    kl_annealing,
    kl_diag_gaussian_standard,
    latent_dim,
    mlp_decoder,
    vae_elbo,
    vae_values,
)
from vi_lib.amortised.vae_bounds import vae_dreg, vae_iwae, vae_log_evidence
from vi_lib.amortised.vae_training import binarise, fit_vae, train_vae

__all__ = [
    "AmortizationGap",
    "Gaps",
    "LinearVAE",
    "Training",
    "TrainingRecord",
    "VarianceSplit",
    "amortised_regression_values",
    "amortization_gap",
    "bayes_by_backprop_loss",
    "bayes_net_elbo",
    "bayes_net_outputs",
    "bernoulli_log_likelihood",
    "binarise",
    "calibration_curve",
    "count_parameters",
    "coverage",
    "encode",
    "fit_bayes_net",
    "fit_mlp_regression",
    "fit_vae",
    "gaussian_band",
    "gaussian_log_likelihood",
    "growing_noise",
    "init_amortised_regression",
    "init_bayes_net",
    "init_mlp",
    "init_vae",
    "kl_annealing",
    "kl_diag_gaussian_standard",
    "latent_dim",
    "latent_regression_elbo",
    "mlp",
    "mlp_decoder",
    "pack",
    "predict_mlp_regression",
    "predictive_band",
    "predictive_moments",
    "probabilistic_pca",
    "published_objective",
    "published_optimum",
    "refine",
    "relu",
    "sample_weights",
    "shapes_of",
    "tilted_wave",
    "train",
    "train_vae",
    "unpack",
    "vae_dreg",
    "vae_elbo",
    "vae_iwae",
    "vae_log_evidence",
    "vae_values",
    "variance_split",
    "weight_kl",
]
