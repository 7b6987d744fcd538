"""The exercises of lesson 6, reparameterization gradients: what is asked, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e6_1, e6_2, e6_3, e6_4, e6_5
from autograder.checks.lesson06_pathwise import PATH_PARTS, TOTAL_PARTS
from autograder.checks.lesson06_sampling import SAMPLING_PARTS
from autograder.checks.lesson06_softplus import SOFTPLUS_PARTS
from autograder.checks.lesson06_variance import VARIANCE_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import pathwise, sampling, transforms

_SOFTPLUS = tuple(
    f"vi_lib.transforms:{name}"
    for name in (
        "softplus",
        "inverse_softplus",
        "log_sigmoid",
        "Softplus.forward",
        "Softplus.inverse",
    )
)
_ROWS = tuple(f"vi_lib.sampling:{name}" for name in ("sample_reparameterized", *sampling.ROWS))
_PATHWISE = (
    "vi_lib.pathwise:reparameterization_gradient",
    "vi_lib.pathwise:path_derivative_gradient",
)

EXERCISES = (
    Exercise(
        id="E6.1",
        title="Softplus and its inverse",
        names=("softplus", "inverse_softplus"),
        reference={
            "softplus": transforms.softplus,
            "inverse_softplus": transforms.inverse_softplus,
        },
        parts=SOFTPLUS_PARTS,
        wrong=e6_1.WRONG,
        right=e6_1.RIGHT,
        forbidden=_SOFTPLUS,
    ),
    Exercise(
        id="E6.2",
        title="Draws by transformation",
        names=("sample_reparameterized",),
        reference={"sample_reparameterized": sampling.sample_reparameterized},
        parts=SAMPLING_PARTS,
        wrong=e6_2.WRONG,
        right=e6_2.RIGHT,
        forbidden=_ROWS,
    ),
    Exercise(
        id="E6.3",
        title="The total pathwise gradient",
        names=("reparameterization_gradient",),
        reference={"reparameterization_gradient": pathwise.reparameterization_gradient},
        parts=TOTAL_PARTS,
        wrong=e6_3.WRONG,
        right=e6_3.RIGHT,
        forbidden=_PATHWISE,
    ),
    Exercise(
        id="E6.4",
        title="The path derivative",
        names=("path_derivative_gradient",),
        reference={"path_derivative_gradient": pathwise.path_derivative_gradient},
        parts=PATH_PARTS,
        wrong=e6_4.WRONG,
        right=e6_4.RIGHT,
        forbidden=_PATHWISE,
    ),
    Exercise(
        id="E6.5",
        title="The variance of a gradient estimator",
        names=("gradient_variance",),
        reference={"gradient_variance": pathwise.gradient_variance},
        parts=VARIANCE_PARTS,
        wrong=e6_5.WRONG,
        right=e6_5.RIGHT,
        forbidden=("vi_lib.pathwise:gradient_variance", "vi_lib._gradients:gradient_variance"),
    ),
)
