"""What the mutation run knows beforehand: which tests to try first, and which mutants are none."""

from __future__ import annotations

#: Module -> test files (below tests/vi_lib) that notice most, where their names do not say so.
FIRST: dict[str, tuple[str, ...]] = {
    "_implicit": ("test_implicit.py", "test_sampling.py"),
    "_low_rank": ("test_low_rank.py", "test_family_laws.py"),
    "_matrices": ("test_family_laws.py", "test_full_rank.py"),
    "_mixture": ("test_mixture.py", "test_family_laws.py"),
    "_flow": ("test_flow.py", "test_family_laws.py"),
    "_projection": ("test_divergences.py",),
    "_quantile": ("test_mixture.py", "test_family_laws.py"),
    "_simplex": ("test_transform_laws.py", "test_transforms.py"),
    "_special": ("test_special.py", "test_expfam.py", "test_mixture.py"),
    "_wishart": ("test_expfam.py",),
    "families": ("test_family_laws.py", "test_families.py"),
    "_quadrature": ("test_quadrature_oracle.py",),
    "_dadvi_plan": ("test_dadvi.py",),
    "_dadvi_result": ("test_dadvi.py",),
    "_stochastic": ("test_svi.py",),
    "_scale_mixture": ("test_oracles.py",),
    "_unknown_scale": ("test_oracles.py",),
    "_clinic_cases": ("test_clinic.py",),
    "gaussian_gamma": ("test_cavi.py",),
    "_certify": ("test_estimators.py",),
    "fit": ("test_fit.py", "test_saved_fits.py", "test_anneal.py"),
    "_gradients": ("test_estimators.py",),
    "amortised.bayes_net_training": ("amortised/test_amortised_bayes_net.py",),
    "amortised.gap": ("amortised/test_amortised_linear_vae.py", "amortised/test_amortised_vae.py"),
    "amortised.synthetic": (
        "amortised/test_amortised_regression.py",
        "amortised/test_amortised_prediction.py",
    ),
    "ppl._continuous": ("ppl/test_ppl_distributions.py",),
    "ppl._discrete": ("ppl/test_ppl_distributions.py",),
    "ppl._multivariate": ("ppl/test_ppl_distributions.py",),
    "ppl._score": ("ppl/test_ppl_elbo.py",),
    "ppl._support": ("ppl/test_ppl_distributions.py",),
    "ppl.compiled": ("ppl/test_ppl_guides.py",),
    "ppl.importance": ("ppl/test_ppl_guides.py", "ppl/test_ppl_models.py"),
    "ppl.plates": ("ppl/test_ppl_primitives.py",),
    "ppl.render": ("ppl/test_ppl_guides.py",),
    "ppl.svi": ("ppl/test_ppl_guides.py", "ppl/test_ppl_models.py"),
}

#: (module, label) -> why the change changes nothing that can be observed.
EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "_clinic_cases",
        "sign: -0.5 * z ** 2 - np.log(sd) - 0.5 * math.log(2.0 * math.pi)"
        "  ->  -0.5 * z ** 2 - np.log(sd) + 0.5 * math.log(2.0 * math.pi)",
    ): "the constant of the prior cancels that of q",
    (
        "_clinic_cases",
        "sign: self.prior_mean + self.prior_sd * offset"
        "  ->  self.prior_mean - self.prior_sd * offset",
    ): "the offset is as likely on either side: another patient, as likely",
    (
        "_clinic_cases",
        "sign: self.X @ theta + self.noise_sd * noise  ->  self.X @ theta - self.noise_sd * noise",
    ): "symmetric noise, outliers on either side: another patient, as likely",
    (
        "_clinic_cases",
        "sign: self.root ** 2 + slope * self.X[:, 1] + residual"
        "  ->  self.root ** 2 + slope * self.X[:, 1] - residual",
    ): "residuals of symmetric noise: another patient, as likely",
    (
        "_clinic_cases",
        "sign: self.prior_mean + 0.6 * self.prior_sd * rng.choice([-1.0, 1.0], 2)"
        "  ->  self.prior_mean - 0.6 * self.prior_sd * rng.choice([-1.0, 1.0], 2)",
    ): "either side is as likely: another patient, as likely",
    (
        "clinic",
        "sign: mean + left * rng.choice([-1.0, 1.0], 2) * rng.uniform(3.0, 5.0, 2)"
        "  ->  mean - left * rng.choice([-1.0, 1.0], 2) * rng.uniform(3.0, 5.0, 2)",
    ): "either side is as likely: another patient, as likely",
    (
        "clinic",
        "sign: starts + left * rng.standard_normal((8, 2))"
        "  ->  starts - left * rng.standard_normal((8, 2))",
    ): "symmetric noise: another patient, as likely",
    (
        "clinic",
        "sign: starts + MEAN_NOISE * sd * rng.standard_normal((8, 2))"
        "  ->  starts - MEAN_NOISE * sd * rng.standard_normal((8, 2))",
    ): "symmetric noise: another patient, as likely",
    (
        "clinic",
        "sign: mean_none + MEAN_NOISE * case.prior_sd * rng.standard_normal(2)"
        "  ->  mean_none - MEAN_NOISE * case.prior_sd * rng.standard_normal(2)",
    ): "symmetric noise: another patient, as likely",
    (
        "clinic",
        "sign: elbo + _path(k, speed, gap) + noise  ->  elbo + _path(k, speed, gap) - noise",
    ): "symmetric noise: another patient, as likely",
    (
        "clinic",
        "sign: case.location(theta) + case.noise_sd * rng.standard_normal((len(theta), NUM_DATA))"
        "  ->  case.location(theta) - case.noise_sd * rng.standard_normal((len(theta), NUM_DATA))",
    ): "symmetric noise: another patient, as likely",
    ("_quadrature", "sign: mode + standard @ root.T  ->  mode - standard @ root.T"): (
        "the grid is symmetric about the mode"
    ),
    ("_gaussian_mixture", "sign: -np.log(K)  ->  np.log(K)"): (
        "equal weights need not be normalised: they cancel from the responsibilities"
    ),
    ("svi", "sign: -np.log(K)  ->  np.log(K)"): (
        "equal weights need not be normalised: they cancel from the responsibilities"
    ),
    (
        "_gaussian_mixture",
        "sign: rng.choice(x, size=K, replace=len(x) < K) + rng.standard_normal(K)"
        "  ->  rng.choice(x, size=K, replace=len(x) < K) - rng.standard_normal(K)",
    ): "symmetric noise: the starts have the same distribution",
    ("_scale_mixture", "sign: dim - num_rows  ->  dim + num_rows"): (
        "more rows of zeros add nothing either"
    ),
    (
        "_toy_targets",
        "sign: self.curvature * (x ** 2 - self.scale ** 2) + noise"
        "  ->  self.curvature * (x ** 2 - self.scale ** 2) - noise",
    ): "symmetric noise: the draws have the same distribution",
    (
        "_toy_targets",
        "sign: onp.asarray(self.means)[k] + onp.asarray(self.sds)[k] * noise"
        "  ->  onp.asarray(self.means)[k] - onp.asarray(self.sds)[k] * noise",
    ): "symmetric noise: the draws have the same distribution",
    (
        "ppl._continuous",
        "sign: self.loc + self.scale * eps / np.sqrt(2.0 * halves / self.df)"
        "  ->  self.loc - self.scale * eps / np.sqrt(2.0 * halves / self.df)",
    ): "symmetric noise: the draws have the same distribution",
    ("_certify", "sign: -1.7  ->  1.7"): (
        "the invented evidence of the default target: exact values and estimates have it in common"
    ),
    ("_certify", "sign: -0.5  ->  0.5"): (
        "the invented mean of the default target: exact values and estimates have it in common"
    ),
    (
        "_certify",
        "sign: q.init(target.mean + 0.5 * sd, 1.6 * sd) + generic"
        "  ->  q.init(target.mean + 0.5 * sd, 1.6 * sd) - generic",
    ): "a small shift of either sign keeps the entries from being special",
    (
        "_certify",
        "sign: q.init(target.mean - 0.8 * sd, 0.5 * sd) - generic"
        "  ->  q.init(target.mean - 0.8 * sd, 0.5 * sd) + generic",
    ): "a small shift of either sign keeps the entries from being special",
    (
        "amortised.synthetic",
        "sign: mean + sd * rng.standard_normal(num)  ->  mean - sd * rng.standard_normal(num)",
    ): "symmetric noise: the draws have the same distribution",
    (
        "diagnostics.psis",
        "sign: np.log(-theta / k) - k - 1.0  ->  np.log(-theta / k) - k + 1.0",
    ): "a constant in every log likelihood cancels from their weights",
    ("_quantile", "sign: new - y  ->  new + y"): (
        "a measure of progress: it decides between a Newton step and halving, not where they end"
    ),
    ("_implicit", "square: onp.sqrt(a)  ->  a"): (
        "where Newton's method starts; it ends at the same point"
    ),
    ("_implicit", "sign: 1.0 - a / (x + y)  ->  1.0 + a / (x + y)"): (
        "shorter steps towards the point at which an integral is cut; the rest is below round-off"
    ),
    (
        "_projection",
        "sign: parameters[0] + np.exp(parameters[1]) * nodes"
        "  ->  parameters[0] - np.exp(parameters[1]) * nodes",
    ): "the Gauss-Hermite points are symmetric",
}
