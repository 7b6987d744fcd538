"""The exercises of lesson 8, full-rank ADVI: what is asked, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e8_1, e8_2, e8_3, e8_4
from autograder.checks.lesson08_elbo import ELBO_PARTS
from autograder.checks.lesson08_gradients import GRADIENT_PARTS
from autograder.checks.lesson08_kl import KL_PARTS
from autograder.checks.lesson08_triangle import TRIANGLE_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import divergences, full_rank

_FAMILY = tuple(
    f"vi_lib.families:FullRank.{name}" for name in ("pack", "unpack", "transport", "entropy")
)

EXERCISES = (
    Exercise(
        id="E8.1",
        title="A triangle of free numbers",
        names=("unpack_tril", "pack_tril"),
        reference={"unpack_tril": full_rank.unpack_tril, "pack_tril": full_rank.pack_tril},
        parts=TRIANGLE_PARTS,
        wrong=e8_1.WRONG,
        right=e8_1.RIGHT,
        forbidden=("vi_lib._matrices:unpack_tril", "vi_lib._matrices:pack_tril", *_FAMILY),
    ),
    Exercise(
        id="E8.2",
        title="The full-rank ELBO",
        names=("full_rank_elbo",),
        reference={"full_rank_elbo": full_rank.full_rank_elbo},
        parts=ELBO_PARTS,
        wrong=e8_2.WRONG,
        right=e8_2.RIGHT,
        forbidden=("vi_lib.full_rank:full_rank_elbo", *_FAMILY),
    ),
    Exercise(
        id="E8.3",
        title="The full-rank gradients",
        names=("full_rank_gradients",),
        reference={"full_rank_gradients": full_rank.full_rank_gradients},
        parts=GRADIENT_PARTS,
        wrong=e8_3.WRONG,
        right=e8_3.RIGHT,
        forbidden=("vi_lib.full_rank:full_rank_gradients",),
    ),
    Exercise(
        id="E8.4",
        title="The KL divergence of two Gaussians",
        names=("mvn_kl",),
        reference={"mvn_kl": divergences.mvn_kl},
        parts=KL_PARTS,
        wrong=e8_4.WRONG,
        right=e8_4.RIGHT,
        forbidden=("vi_lib.divergences:mvn_kl",),
    ),
)
