"""The exercises of lesson 1, KL and the ELBO: what is asked, what it earns, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e1_1, e1_2, e1_3, e1_4, e1_5
from autograder.checks.lesson01_kl import KL_PARTS
from autograder.checks.lesson01_monte_carlo import ELBO_PARTS, MONTE_CARLO_PARTS
from autograder.checks.lesson01_normal import NORMAL_PARTS
from autograder.checks.lesson01_stable import STABLE_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import divergences

_AVERAGES = ("vi_lib.divergences:kl_monte_carlo", "vi_lib.divergences:elbo_monte_carlo")

EXERCISES = (
    Exercise(
        id="E1.1",
        title="The KL divergence of two Gaussians",
        names=("gaussian_kl",),
        reference={"gaussian_kl": divergences.gaussian_kl},
        parts=KL_PARTS,
        wrong=e1_1.WRONG,
        right=e1_1.RIGHT,
        forbidden=(
            "vi_lib.divergences:gaussian_kl",
            "vi_lib.divergences:mvn_kl",
            "vi_lib.divergences:renyi_gaussian",
        ),
    ),
    Exercise(
        id="E1.2",
        title="A Monte Carlo estimate with its error",
        names=("kl_monte_carlo",),
        reference={"kl_monte_carlo": divergences.kl_monte_carlo},
        parts=MONTE_CARLO_PARTS,
        wrong=e1_2.WRONG,
        right=e1_2.RIGHT,
        forbidden=_AVERAGES,
    ),
    Exercise(
        id="E1.3",
        title="The ELBO from draws",
        names=("elbo_monte_carlo",),
        reference={"elbo_monte_carlo": divergences.elbo_monte_carlo},
        parts=ELBO_PARTS,
        wrong=e1_3.WRONG,
        right=e1_3.RIGHT,
        forbidden=_AVERAGES,
    ),
    Exercise(
        id="E1.4",
        title="ELBO, evidence and KL of a normal mean",
        names=("elbo_normal_mean",),
        reference={"elbo_normal_mean": divergences.elbo_normal_mean},
        parts=NORMAL_PARTS,
        wrong=e1_4.WRONG,
        right=e1_4.RIGHT,
        forbidden=(
            "vi_lib.divergences:elbo_normal_mean",
            "vi_lib.oracles:NormalNormal.log_evidence",
            "vi_lib.oracles:LinearRegression.log_evidence",
        ),
    ),
    Exercise(
        id="E1.5",
        title="The logarithm of a mean of exponentials",
        names=("log_mean_exp",),
        reference={"log_mean_exp": divergences.log_mean_exp},
        parts=STABLE_PARTS,
        wrong=e1_5.WRONG,
        right=e1_5.RIGHT,
        forbidden=("vi_lib.divergences:log_mean_exp",),
    ),
)
