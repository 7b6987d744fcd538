"""What each family should make of each posterior, and why, stated by hand.

- `good`: means within .1 posterior sd, sds within 10 %.
- `narrow`: means within .1 posterior sd, some sd too small by more than 10 %.
- `off`: some mean off by more than .1 posterior sd.

All on the unconstrained scale, where the families live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["good", "narrow", "off"]


@dataclass(frozen=True)
class Expected:
    """Outcomes of a mean-field and a full-rank Gaussian, and of linear response at the former."""

    mean_field: Outcome
    full_rank: Outcome
    linear_response: Outcome
    why: str


EXPECTED: dict[str, Expected] = {
    "normal_mean_sd": Expected("good", "good", "good", "mean and log sd are nearly independent"),
    "mixture": Expected("narrow", "good", "good", "low and gap are correlated by about -.75"),
    "funnel": Expected(
        "narrow", "narrow", "narrow", "its mouth is wider than any Gaussian; means by symmetry"
    ),
    "banana": Expected("off", "off", "off", "uncorrelated and bent: no Gaussian follows a curve"),
    "two_modes": Expected(
        "narrow", "narrow", "narrow", "one Gaussian over two modes; linear response knows one"
    ),
    "linear_known_sd": Expected(
        "narrow", "good", "good", "Gaussian; 80 rows leave the coefficients a little correlated"
    ),
    "linear_unknown_sd": Expected("good", "good", "good", "as before, other rows, less correlated"),
    "linear_correlated": Expected(
        "narrow", "good", "good", "Gaussian; coefficients correlated, sds 1/sqrt(Lambda_ii)"
    ),
    "robust_regression": Expected("good", "good", "good", "x is centred, outliers count little"),
    "logistic": Expected("narrow", "good", "good", "two predictors correlated by .6"),
    "poisson": Expected("good", "good", "good", "many counts, hardly correlated predictors"),
    "negative_binomial": Expected("good", "good", "good", "as Poisson; the shape is well known"),
    "bioassay": Expected("narrow", "narrow", "good", "4 points: skewed and correlated"),
    "beta_binomial": Expected("good", "good", "good", "one coordinate, nearly Gaussian"),
    "die": Expected("good", "good", "good", "the sticks of a Dirichlet are independent"),
    "ordinal": Expected("narrow", "good", "good", "neighbouring cuts move together"),
    "eight_schools_centered": Expected(
        "off", "off", "off", "a funnel: as tau goes to 0, so does the width of all thetas"
    ),
    "eight_schools_noncentered": Expected(
        "narrow", "narrow", "good", "log tau has a long tail to the left"
    ),
    "radon_centered": Expected(
        "off", "narrow", "off", "tau depends on all levels together; log tau is skewed"
    ),
    "radon_noncentered": Expected(
        "off", "narrow", "off", "mu and all z are correlated; log tau is skewed"
    ),
    "irt_2pl": Expected("off", "narrow", "off", "each slope is correlated with many abilities"),
    "ar1": Expected("narrow", "narrow", "good", "rho near 1: skewed, and correlated with a"),
    "gaussian_process": Expected("off", "off", "off", "12 points: heavy tails of all three logs"),
    "weibull_censored": Expected("narrow", "good", "good", "the two groups share a and shape"),
}
