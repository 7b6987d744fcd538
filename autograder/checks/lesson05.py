"""The exercises of lesson 5, black-box VI: what is asked, what it earns, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e5_1, e5_2, e5_3, e5_4, e5_5
from autograder.checks.lesson05_bound import BOUND_PARTS
from autograder.checks.lesson05_control import CONTROL_PARTS
from autograder.checks.lesson05_fit import FIT_PARTS
from autograder.checks.lesson05_gradients import GRADIENT_PARTS, SCORE_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import bbvi

_SCORES = ("vi_lib.bbvi:score_gaussian", "vi_lib.estimators:score", "vi_lib.estimators:score_cv")
_GRADIENTS = (*_SCORES, "vi_lib.bbvi:score_function_gradient")

EXERCISES = (
    Exercise(
        id="E5.1",
        title="The score of a Gaussian",
        names=("score_gaussian",),
        reference={"score_gaussian": bbvi.score_gaussian},
        parts=SCORE_PARTS,
        wrong=e5_1.WRONG,
        right=e5_1.RIGHT,
        forbidden=_SCORES,
    ),
    Exercise(
        id="E5.2",
        title="The score-function gradient",
        names=("score_function_gradient",),
        reference={"score_function_gradient": bbvi.score_function_gradient},
        parts=GRADIENT_PARTS,
        wrong=e5_2.WRONG,
        right=e5_2.RIGHT,
        forbidden=_GRADIENTS,
    ),
    Exercise(
        id="E5.3",
        title="Repair a published ELBO",
        names=("evidence_lower_bound",),
        reference={"evidence_lower_bound": bbvi.evidence_lower_bound},
        parts=BOUND_PARTS,
        wrong=e5_3.WRONG,
        right=e5_3.RIGHT,
        forbidden=("vi_lib.bbvi:evidence_lower_bound",),
    ),
    Exercise(
        id="E5.4",
        title="A control variate",
        names=("control_variate",),
        reference={"control_variate": bbvi.control_variate},
        parts=CONTROL_PARTS,
        wrong=e5_4.WRONG,
        right=e5_4.RIGHT,
        forbidden=("vi_lib.bbvi:control_variate",),
    ),
    Exercise(
        id="E5.5",
        title="Black-box VI",
        names=("bbvi",),
        reference={"bbvi": bbvi.bbvi},
        parts=FIT_PARTS,
        wrong=e5_5.WRONG,
        right=e5_5.RIGHT,
        forbidden=(*_GRADIENTS, "vi_lib.bbvi:bbvi"),
    ),
)
