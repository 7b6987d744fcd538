"""The exercises of lesson 2, mean field and coordinate ascent. All their checks are exact."""

from __future__ import annotations

from autograder.checks.bank import e2_1, e2_2, e2_3, e2_4, e2_5
from autograder.checks.lesson02_cavi import CAVI_PARTS
from autograder.checks.lesson02_elbo import ELBO_PARTS
from autograder.checks.lesson02_gaussian import GAUSSIAN_PARTS
from autograder.checks.lesson02_updates import GAMMA_PARTS, MU_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import cavi

EXERCISES = (
    Exercise(
        id="E2.1",
        title="The best factorised Gaussian",
        names=("mean_field_gaussian",),
        reference={"mean_field_gaussian": cavi.mean_field_gaussian},
        parts=GAUSSIAN_PARTS,
        wrong=e2_1.WRONG,
        right=e2_1.RIGHT,
        forbidden=("vi_lib.cavi:mean_field_gaussian",),
    ),
    Exercise(
        id="E2.2",
        title="The update of q(μ)",
        names=("update_q_mu",),
        reference={"update_q_mu": cavi.update_q_mu},
        parts=MU_PARTS,
        wrong=e2_2.WRONG,
        right=e2_2.RIGHT,
        forbidden=("vi_lib.gaussian_gamma:update_q_mu",),
    ),
    Exercise(
        id="E2.3",
        title="The update of q(γ)",
        names=("update_q_gamma",),
        reference={"update_q_gamma": cavi.update_q_gamma},
        parts=GAMMA_PARTS,
        wrong=e2_3.WRONG,
        right=e2_3.RIGHT,
        forbidden=("vi_lib.gaussian_gamma:update_q_gamma",),
    ),
    Exercise(
        id="E2.4",
        title="The ELBO, term by term",
        names=("elbo_gaussian_gamma",),
        reference={"elbo_gaussian_gamma": cavi.elbo_gaussian_gamma},
        parts=ELBO_PARTS,
        wrong=e2_4.WRONG,
        right=e2_4.RIGHT,
        forbidden=(
            "vi_lib.gaussian_gamma:elbo_gaussian_gamma",
            "vi_lib.gaussian_gamma:elbo_terms_gaussian_gamma",
        ),
    ),
    Exercise(
        id="E2.5",
        title="Coordinate ascent",
        names=("cavi_gaussian_gamma",),
        reference={"cavi_gaussian_gamma": cavi.cavi_gaussian_gamma},
        parts=CAVI_PARTS,
        wrong=e2_5.WRONG,
        right=e2_5.RIGHT,
        forbidden=("vi_lib.cavi:cavi_gaussian_gamma",),
    ),
)
