"""The exercises of lesson 4, stochastic optimisation and stochastic variational inference."""

from __future__ import annotations

from autograder.checks.bank import e4_1, e4_2, e4_3, e4_4
from autograder.checks.lesson04_minibatch import MINIBATCH_PARTS
from autograder.checks.lesson04_steps import RATE_PARTS, STEP_PARTS
from autograder.checks.lesson04_svi import SVI_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import optimizers, svi

EXERCISES = (
    Exercise(
        id="E4.1",
        title="Step sizes that shrink, and how fast they may",
        names=("robbins_monro", "is_robbins_monro"),
        reference={
            "robbins_monro": svi.robbins_monro_rate,
            "is_robbins_monro": optimizers.is_robbins_monro,
        },
        parts=RATE_PARTS,
        wrong=e4_1.WRONG,
        right=e4_1.RIGHT,
        forbidden=(
            "vi_lib.svi:robbins_monro_rate",
            "vi_lib.optimizers:robbins_monro",
            "vi_lib.optimizers:robbins_monro.<locals>.schedule",
            "vi_lib.optimizers:is_robbins_monro",
        ),
    ),
    Exercise(
        id="E4.2",
        title="The gradient from a minibatch",
        names=("minibatch_elbo_gradient",),
        reference={"minibatch_elbo_gradient": svi.minibatch_elbo_gradient},
        parts=MINIBATCH_PARTS,
        wrong=e4_2.WRONG,
        right=e4_2.RIGHT,
        forbidden=("vi_lib.svi:minibatch_elbo_gradient",),
    ),
    Exercise(
        id="E4.3",
        title="A step along the natural gradient",
        names=("natural_gradient_step",),
        reference={"natural_gradient_step": svi.natural_gradient_step},
        parts=STEP_PARTS,
        wrong=e4_3.WRONG,
        right=e4_3.RIGHT,
        forbidden=("vi_lib._stochastic:natural_gradient_step",),
    ),
    Exercise(
        id="E4.4",
        title="Stochastic variational inference",
        names=("svi_gaussian_gamma",),
        reference={"svi_gaussian_gamma": svi.svi_gaussian_gamma},
        parts=SVI_PARTS,
        wrong=e4_4.WRONG,
        right=e4_4.RIGHT,
        forbidden=(
            "vi_lib.svi:svi_gaussian_gamma",
            "vi_lib._stochastic:stochastic_ascent",
            "vi_lib.cavi:cavi_gaussian_gamma",
            "vi_lib._conjugate:coordinate_ascent",
        ),
    ),
)
