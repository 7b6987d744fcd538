"""The exercises of lesson 12, diagnostics: what is asked, what goes wrong."""

from __future__ import annotations

from autograder.checks.bank import e12_1, e12_2, e12_3, e12_4, e12_5
from autograder.checks.lesson12_clinic import CLINIC_PARTS
from autograder.checks.lesson12_predictive import PREDICTIVE_PARTS
from autograder.checks.lesson12_psis import PSIS_PARTS
from autograder.checks.lesson12_sbc import SBC_PARTS
from autograder.checks.lesson12_traces import TRACE_PARTS
from autograder.checks.protocol import Exercise
from vi_lib import clinic, diagnostics

#: In the order in which the lesson comes to them.
EXERCISES = (
    Exercise(
        id="E12.2",
        title="Has it arrived?",
        names=("has_converged", "average_iterates"),
        reference={
            "has_converged": diagnostics.has_converged,
            "average_iterates": diagnostics.average_iterates,
        },
        parts=TRACE_PARTS,
        wrong=e12_2.WRONG,
        right=e12_2.RIGHT,
        forbidden=(
            "vi_lib.diagnostics.traces:has_converged",
            "vi_lib.diagnostics.traces:average_iterates",
        ),
    ),
    Exercise(
        id="E12.1",
        title="k-hat",
        names=("psis_khat",),
        reference={"psis_khat": diagnostics.khat},
        parts=PSIS_PARTS,
        wrong=e12_1.WRONG,
        right=e12_1.RIGHT,
        forbidden=tuple(
            f"vi_lib.diagnostics.psis:{name}" for name in ("khat", "psis", "pareto_fit")
        ),
    ),
    Exercise(
        id="E12.4",
        title="Simulation-based calibration",
        names=("sbc_ranks",),
        reference={"sbc_ranks": diagnostics.sbc_ranks},
        parts=SBC_PARTS,
        wrong=e12_4.WRONG,
        right=e12_4.RIGHT,
        forbidden=("vi_lib.diagnostics.calibration:sbc_ranks",),
    ),
    Exercise(
        id="E12.3",
        title="A posterior predictive p-value",
        names=("posterior_predictive_pvalue",),
        reference={"posterior_predictive_pvalue": diagnostics.posterior_predictive_pvalue},
        parts=PREDICTIVE_PARTS,
        wrong=e12_3.WRONG,
        right=e12_3.RIGHT,
        forbidden=(
            "vi_lib.diagnostics.checks:posterior_predictive_pvalue",
            "vi_lib.diagnostics.checks:replicated_statistics",
        ),
    ),
    Exercise(
        id="E12.5",
        title="The clinic",
        names=("diagnose",),
        reference={"diagnose": clinic.diagnose},
        parts=CLINIC_PARTS,
        wrong=e12_5.WRONG,
        right=e12_5.RIGHT,
        forbidden=("vi_lib.clinic:diagnose",),
    ),
)
