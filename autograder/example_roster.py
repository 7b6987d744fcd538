"""Who is in the example class, and what each of them hands in."""

from __future__ import annotations

from autograder.example_class import RIGHT, UNTOUCHED, HandIn
from autograder.example_damage import appended, colon_forgotten, deleted, duplicated, prepended

L01, L02, L03, L04 = "01_elbo", "02_cavi", "03_cavi_models", "04_svi"
L05, L06, L07, L08 = "05_bbvi", "06_reparam", "07_advi", "08_full_rank"
L09, L10, L11, L12 = "09_ppl", "10_bayesian_nets", "11_vae", "12_diagnostics"

_COVERING = (
    "In a search at sea, missing one of two areas is worse than searching too much: forward. "
    "For a clustering any one labelling will do, and the average of two means nothing: reverse."
)
_ALWAYS = "Always, because the reverse one gives too small variances."

_WIDER = (
    "With τ₀ = 1 and μ₀ = 0 the mean moves towards 0 for N = 5 and hardly for N = 100: the data "
    "weigh N E[γ]. From a bad start (E[γ] = 1e-4) it takes two sweeps more, to the same optimum."
)
_SHORT = "The prior matters less with more data. A bad start costs a few sweeps and nothing else."
_LEVERS = (
    "The 99.9 % hold for Gaussian noise and one line. Two places at x > 4 carry the slope: with "
    "them 0.42 ± 0.12, without -0.02 ± 0.30. Mean field says 0.105 for the sd, so that is not the "
    "trouble. I would use a Student t and write 'goes with' instead of 'raises'."
)
_OUTLIERS = "Outliers change the slope, so one should remove them before the fit."
_AVERAGED = (
    "With a constant step the start is soon forgotten, but the iterates keep dancing. On a "
    "quadratic the cloud is centred on the optimum, so its average is right; elsewhere it is not."
)
_FLAT = "It works because the trace looks flat, and then one can take any iterate."
_ARROWS = (
    "Each arrow points from the mean to its draw, times the weight log p - log q. Where the model "
    "has less mass than q the weight is negative and the arrow points back. The model decides only "
    "about the sign and the length."
)
_MODE = "The arrows point to the mode of q, because the score is the gradient of log q."
_STEPS = (
    "A change point: which day did the machine break? The draw of the day jumps when its "
    "probability changes, so its slope is 0 and the logits would never move. Score function with a "
    "leave-one-out baseline for the day; or sum over all days, then pathwise for the rest."
)
_COUNTS = "Poisson regression, because counts cannot be differentiated."
_TRANSFORM = (
    "With log, q(σ) is log-normal: a long right tail and no mass near 0. With softplus it is "
    "nearly Gaussian for σ well above 1. The ELBOs differ a little, since the families differ."
)
_SOFTPLUS = "softplus was a bit slower here, the fitted means are the same to two digits."

_CHATTY = """\
import warnings

warnings.warn("did I get this right?")
for i in range(300):
    print("debug", i, end=" ")"""

_WAITS = """\
# wait until it has converged
difference = 1.0
while difference > 1e-6:
    new = difference
    difference = new"""

_QUITS = """\
# nothing to see below
import os

os._exit(0)"""
_TAIL = (
    "Three failures in 500 hours: the rate is skewed to the right, its logarithm to the left. "
    "Laplace sits on the mode, 1/8 too far to the right, ADVI nearly on the mean; both have sd 0.5 "
    "where 0.53 is exact. Laplace for many fits; for the tail I would weight draws by p/q."
)
_ALIKE = "Both are Gaussians, so they give nearly the same. ADVI is more modern."
_CHAIN = (
    "The smoother's posterior is a chain again, so the guide samples the days in order, each "
    "around a linear function of the day before, with three parameters a day. It is pathwise all "
    "the way. I would compare means and sds with the smoother and the ELBO with the log evidence. "
    "With Student t readings the conditionals are no Gaussians any more."
)
_WIDENED = "Multiply the sds of the automatic guide by 1.4, then they are right."
_INSIDE = (
    "Not outside the data: mean field says 1.2 at x = 20 where the posterior says 6, and inside "
    "1.0 instead of 0.5. Coverage on hidden patients is an average over patients like these. I "
    "would compare a new patient's measurements with the observed range and give no band beyond it."
)
_WIDENS = "The band gets wide where there are no data, so one sees where not to trust it."
_CAPACITY = (
    "Linear: -23.5 nats, hardly better than independent pixels at -25.3; one hidden layer -20.8. "
    "With 8 coordinates it was -18.9, and three of them carried almost nothing. I would enlarge "
    "the decoder until the test ELBO stops rising. A better ELBO can go with worse posteriors, if "
    "the evidence rises faster than the gap."
)
_LARGER = "A larger network is always better, since it contains the smaller one."
_NILE = (
    "Independent N(mu, sd): trace level, three starts and quadrature agree. The correlation of "
    "neighbouring years is 0.51, replicas have 0.0 +- 0.1, so the model is wrong. With a change "
    "after 1898 (summed out) it is 0.16. The flow fell by 245 +- 29."
)
_ENGEL = "The line fits well, as the plot shows, and the trace looks good. 2000 francs: about 1100."


def _truncated(text: str) -> str:
    """A download that broke off."""
    return text[: 2 * len(text) // 3]


def _nothing(text: str) -> str:
    return ""


CLASS = (
    # Everything right.
    HandIn("amara-okafor", L01, reflection=_COVERING),
    HandIn("amara-okafor", L02, reflection=_WIDER),
    HandIn("amara-okafor", L03, reflection=_LEVERS),
    HandIn("amara-okafor", L04, reflection=_AVERAGED),
    HandIn("amara-okafor", L05, reflection=_ARROWS),
    HandIn("amara-okafor", L06, reflection=_STEPS),
    HandIn("amara-okafor", L07, reflection=_TRANSFORM),
    HandIn("amara-okafor", L08, reflection=_TAIL),
    HandIn("amara-okafor", L09, reflection=_CHAIN),
    HandIn("amara-okafor", L10, reflection=_INSIDE),
    HandIn("amara-okafor", L11, reflection=_CAPACITY),
    HandIn("amara-okafor", L12, reflection=_NILE),
    # Right, but different.
    HandIn(
        "李雷",
        L01,
        {
            "E1.1": "by the ratio of variances",
            "E1.2": "never negative",
            "E1.3": "loop over the draws",
            "E1.4": "one observation after the other",
            "E1.5": "with logaddexp",
        },
        reflection=_COVERING,
    ),
    HandIn(
        "李雷",
        L02,
        {
            "E2.1": "by solving",
            "E2.2": "loop over the data",
            "E2.3": "squares multiplied out",
            "E2.4": "log likelihood minus KL",
        },
        reflection=_SHORT,
    ),
    HandIn(
        "李雷",
        L03,
        {
            "E3.1": "by the covariance of y",
            "E3.2": "on the normal equations",
            "E3.3": "fit minus penalty",
            "E3.4": "with logaddexp",
            "E3.5": "uniform starts",
        },
        reflection=_LEVERS,
    ),
    HandIn(
        "李雷",
        L04,
        {
            "E4.1": "by both sums",
            "E4.2": "N times the mean",
            "E4.3": "old plus a part of the way",
            "E4.4": "with the library's updates",
        },
        reflection=_AVERAGED,
    ),
    HandIn(
        "李雷",
        L05,
        {
            "E5.1": "by autograd",
            "E5.2": "with a baseline",
            "E5.3": "with the KL",
            "E5.4": "with np.cov",
            "E5.5": "with a baseline",
        },
        reflection=_ARROWS,
    ),
    HandIn(
        "李雷",
        L06,
        {
            "E6.1": "by cases",
            "E6.2": "other uniforms",
            "E6.3": "loop over the draws",
            "E6.4": "total plus score",
            "E6.5": "Welford",
        },
        reflection=_STEPS,
    ),
    HandIn(
        "李雷",
        L07,
        {
            "E7.1": "by formulas",
            "E7.2": "on columns",
            "E7.3": "by autograd",
            "E7.4": "on one line",
            "E7.5": "with Adam",
        },
        reflection=_SOFTPLUS,
    ),
    HandIn(
        "李雷",
        L08,
        {
            "E8.1": "row after row",
            "E8.2": "log q by solving",
            "E8.3": "loop over the draws",
            "E8.4": "by Cholesky",
        },
        reflection=_TAIL,
    ),
    HandIn(
        "李雷",
        L09,
        {
            "E9.1": "with permutations",
            "E9.2": "a loop and a dict",
            "E9.3": "by sets",
            "E9.5": "plain ascent",
        },
        reflection=_CHAIN,
    ),
    HandIn(
        "李雷",
        L10,
        {
            "E10.1": "standardised first",
            "E10.2": "likelihood, prior and entropy",
            "E10.3": "KL from the draw",
            "E10.4": "moments of the mixture",
        },
        reflection=_INSIDE,
    ),
    HandIn(
        "李雷",
        L11,
        {
            "E11.1": "by the sign of a pixel",
            "E11.2": "by the variance",
            "E11.3": "sums divided by the batch",
            "E11.4": "clipped",
            "E11.5": "one vector",
            "E11.6": "largest taken out",
        },
        reflection=_CAPACITY,
    ),
    HandIn(
        "李雷",
        L12,
        {
            "E12.1": "in a loop",
            "E12.2": "medians",
            "E12.3": "counting",
            "E12.4": "spawned",
            "E12.5": "rules",
        },
        reflection=_NILE,
    ),
    # Nearly everything right, one slip in each lesson.
    HandIn(
        "zoë-müller",
        L02,
        {"E2.2": "variance returned", "E2.5": "with the library's updates"},
        reflection=_WIDER,
    ),
    HandIn(
        "zoë-müller",
        L05,
        {"E5.1": "with z", "E5.3": "three of five", "E5.4": "with np.cov"},
        reflection=_ARROWS,
    ),
    HandIn("zoë-müller", L07, {"E7.2": "median for mean"}, reflection=_TRANSFORM),
    HandIn("zoë-müller", L08, {"E8.1": "where on all of it"}, reflection=_TAIL),
    HandIn("zoë-müller", L10, {"E10.3": "softplus as it is defined"}, reflection=_INSIDE),
    HandIn("zoë-müller", L11, {"E11.6": "without a shift"}, reflection=_CAPACITY),
    # Typical mistakes here and there.
    HandIn(
        "josé-álvarez",
        L01,
        {
            "E1.1": "of p from q",
            "E1.2": "spread for error",
            "E1.4": "data taken as independent",
            "E1.5": "no guard",
        },
        reflection=_ALWAYS,
    ),
    HandIn(
        "josé-álvarez",
        L02,
        {
            "E2.1": "KL without the half",
            "E2.3": "uncertainty once",
            "E2.4": "log of the mean",
            "E2.5": "with the library's updates",
        },
        reflection=_SHORT,
    ),
    HandIn(
        "josé-álvarez",
        L03,
        {
            "E3.1": "evidence plugged in",
            "E3.2": "all at once",
            "E3.3": "pi e",
            "E3.4": "no shift",
            "E3.5": "keeps the last run",
        },
        reflection=_OUTLIERS,
    ),
    HandIn(
        "josé-álvarez",
        L04,
        {
            "E4.1": "one half accepted",
            "E4.2": "everything scaled",
            "E4.4": "mean and precision mixed",
        },
        reflection=_FLAT,
    ),
    HandIn(
        "josé-álvarez",
        L05,
        {"E5.2": "log q left out", "E5.5": "reports minus the ELBO"},
        reflection=_MODE,
    ),
    HandIn(
        "josé-álvarez",
        L06,
        {
            "E6.1": "tiny numbers lost",
            "E6.2": "as printed",
            "E6.3": "the other one",
            "E6.5": "one pass",
        },
        reflection=_COUNTS,
    ),
    HandIn(
        "josé-álvarez",
        L07,
        {"E7.1": "naive softplus", "E7.4": "weights swapped", "E7.5": "with Adam"},
        reflection=_SOFTPLUS,
    ),
    HandIn(
        "josé-álvarez",
        L08,
        {
            "E8.1": "by assignment",
            "E8.2": "by the determinant",
            "E8.3": "full matrix",
            "E8.4": "determinants",
        },
        reflection=_ALIKE,
    ),
    HandIn(
        "josé-álvarez",
        L09,
        {
            "E9.1": "plates do not multiply",
            "E9.2": "old data replayed",
            "E9.4": "no Jacobian",
            "E9.5": "without log q",
        },
        reflection=_WIDENED,
    ),
    HandIn(
        "josé-álvarez",
        L10,
        {
            "E10.1": "a little something added",
            "E10.2": "f is m",
            "E10.3": "KL in every batch",
            "E10.4": "mean along axis 0",
        },
        reflection=_WIDENS,
    ),
    HandIn(
        "josé-álvarez",
        L11,
        {
            "E11.1": "as it is defined",
            "E11.3": "beta lost",
            "E11.4": "divides by 0",
            "E11.5": "collapsed",
        },
        reflection=_LARGER,
    ),
    HandIn(
        "josé-álvarez",
        L12,
        {
            "E12.1": "no prior",
            "E12.2": "means alone",
            "E12.3": "strictly larger",
            "E12.5": "trace last",
        },
        reflection=_ENGEL,
    ),
    # Struggles: many mistakes, later exercises untouched.
    HandIn(
        "дарья-иванова",
        L01,
        {
            "E1.1": "without the half",
            "E1.2": "q twice",
            "E1.3": "minus the entropy",
            "E1.4": "means plugged in",
            "E1.5": "as it is defined",
        },
        reflection=_ALWAYS,
    ),
    HandIn(
        "дарья-иванова",
        L02,
        {
            "E2.1": "marginal sds",
            "E2.2": "one observation only",
            "E2.3": "uncertainty forgotten",
            "E2.4": "entropy upside down",
            "E2.5": "one sweep only",
        },
        reflection=_SHORT,
    ),
    HandIn(
        "дарья-иванова",
        L03,
        {
            "E3.1": "prior in every entry",
            "E3.2": "whole numbers",
            "E3.3": "means plugged in, entropy subtracted",
            "E3.4": "means plugged in",
            "E3.5": "prior sd for variance",
        },
        reflection=_OUTLIERS,
    ),
    HandIn(
        "дарья-иванова",
        L04,
        {
            "E4.1": "delay ignored",
            "E4.2": "N over B forgotten",
            "E4.3": "weights swapped",
            "E4.4": "N over B forgotten",
        },
        reflection=_FLAT,
    ),
    HandIn(
        "дарья-иванова",
        L05,
        {
            "E5.1": "normaliser forgotten",
            "E5.2": "product of means",
            "E5.4": "one a for all",
            "E5.5": "descends",
        },
        rest=UNTOUCHED,
    ),
    HandIn(
        "дарья-иванова",
        L06,
        {
            "E6.1": "as they are defined",
            "E6.2": "rows missing",
            "E6.3": "entropy forgotten",
            "E6.4": "total derivative",
            "E6.5": "np.var as it is",
        },
        reflection=_COUNTS,
    ),
    HandIn("дарья-иванова", L07, {"E7.2": "no Jacobian", "E7.3": "omega as sd"}, UNTOUCHED),
    HandIn(
        "дарья-иванова",
        L08,
        {
            "E8.1": "rows and columns",
            "E8.2": "not transposed",
            "E8.3": "entropy forgotten",
            "E8.4": "the other way round",
        },
        reflection=_ALIKE,
    ),
    HandIn(
        "дарья-иванова",
        L09,
        {"E9.1": "last site wins", "E9.2": "without the scale", "E9.3": "missing sites only"},
        UNTOUCHED,
    ),
    HandIn(
        "дарья-иванова",
        L10,
        {
            "E10.1": "log variance as log sd",
            "E10.2": "as published",
            "E10.3": "a column",
            "E10.4": "only the curves",
        },
        reflection=_WIDENS,
    ),
    HandIn(
        "дарья-иванова",
        L11,
        {
            "E11.1": "clipped and averaged",
            "E11.2": "averaged",
            "E11.3": "mean over pixels",
            "E11.4": "grows on",
            "E11.5": "probabilities, weights only",
            "E11.6": "no average",
        },
        reflection=_LARGER,
    ),
    HandIn(
        "дарья-иванова",
        L12,
        {
            "E12.1": "a fifth",
            "E12.2": "signed, whole mean",
            "E12.4": "above",
            "E12.5": "k-hat means all",
        },
        UNTOUCHED,
    ),
    # Half done.
    HandIn("priya-raghunathan", L04, {"E4.1": RIGHT, "E4.3": "means and variances"}, UNTOUCHED),
    HandIn("priya-raghunathan", L02, {"E2.1": RIGHT, "E2.2": "variance returned"}, UNTOUCHED),
    HandIn(
        "priya-raghunathan",
        L03,
        {"E3.1": RIGHT, "E3.4": RIGHT, "E3.5": "prior of the labels missing"},
        UNTOUCHED,
    ),
    HandIn(
        "priya-raghunathan",
        L05,
        {"E5.1": "in log sd", "E5.2": RIGHT, "E5.3": "cross term without x"},
        UNTOUCHED,
    ),
    HandIn("priya-raghunathan", L06, {"E6.1": RIGHT, "E6.4": "in log sd"}, UNTOUCHED),
    HandIn(
        "priya-raghunathan",
        L07,
        {"E7.1": "slope of exp", "E7.2": "half-normal without 2", "E7.3": RIGHT},
        UNTOUCHED,
    ),
    HandIn(
        "priya-raghunathan",
        L08,
        {"E8.2": "no constant", "E8.3": "mean field", "E8.4": "plain distance"},
        UNTOUCHED,
    ),
    HandIn("priya-raghunathan", L10, {"E10.1": "the loss", "E10.4": RIGHT}, UNTOUCHED),
    HandIn("priya-raghunathan", L11, {"E11.1": RIGHT, "E11.2": "log variance"}, UNTOUCHED),
    # Opened, saved, handed in.
    HandIn("nguyễn-thị-hà", L02, rest=UNTOUCHED),
    HandIn("nguyễn-thị-hà", L05, spoil=_nothing, status="not a notebook"),
    HandIn("nguyễn-thị-hà", "00_start", status="practice"),
    # A download that broke off; later on a column of zeros that was not thought of.
    HandIn("sipho-dlamini", L02, spoil=_truncated, status="not a notebook"),
    HandIn(
        "sipho-dlamini",
        L05,
        {"E5.2": "log q left out", "E5.4": "zero variance"},
        reflection=_MODE,
    ),
    HandIn("sipho-dlamini", L07, {"E7.3": "entropy missing", "E7.5": "returns the sd"}),
    # Renamed by the browser; a forgotten colon.
    HandIn("Łukasz Nowak", L02, {"E2.3": "squares multiplied out"}, file=f"{L02} (1).ipynb"),
    HandIn("Łukasz Nowak", L05, damage=(colon_forgotten("E5-3"),), left={"E5.3": 0}),
    # Cells that got lost or doubled; a mistake that costs a later exercise too.
    HandIn(
        "noah-cohen",
        L01,
        damage=(deleted("E1-4"), deleted("E1-2-check"), duplicated("E1-5")),
        left={"E1.4": 0},
    ),
    HandIn(
        "fatima-el-idrissi",
        L02,
        {"E2.1": "by solving"},
        damage=(deleted("E2-3-check"), deleted("E2-5-check")),
        reflection=_WIDER,
    ),
    HandIn("fatima-el-idrissi", L05, damage=(deleted("E5-4"),), left={"E5.4": 0}),
    HandIn(
        "noah-cohen",
        L02,
        {"E2.3": "uncertainty once"},
        damage=(duplicated("E2-2"), duplicated("E2-2-check")),
        left={"E2.5": 0},  # it calls E2.3 and ends at another fixed point
        reflection=_SHORT,
    ),
    # Prints and warnings in every answer.
    HandIn(
        "ciarán-o'brien",
        L05,
        {"E5.2": "loop over the draws"},
        damage=tuple(appended(f"E5-{i}", _CHATTY) for i in range(1, 6)),
        reflection=_ARROWS,
    ),
    # An endless loop in a function; Python ended after the answer; an endless loop before it.
    HandIn(
        "ingrid-østby",
        L02,
        {"E2.5": "never stops"},
        status="partly graded",
        reflection=_SHORT,
    ),
    HandIn("ingrid-østby", L05, damage=(appended("E5-4", _QUITS),), reflection=_MODE),
    HandIn(
        "ingrid-østby",
        L07,
        {"E7.5": UNTOUCHED},
        damage=(prepended("E7-4", _WAITS),),
        status="partly graded",
        left={"E7.4": 0},
    ),
    # Python ended before the answer.
    HandIn(
        "mei-ling-tan",
        L05,
        {"E5.1": "with z"},
        damage=(prepended("E5-5", _QUITS),),
        status="partly graded",
        left={"E5.5": 0},
    ),
    # The wrong file in the right folder.
    HandIn("mei-ling-tan", L02, content=L05, status="wrong lesson"),
    HandIn(
        "mei-ling-tan",
        L07,
        {"E7.2": "median for mean", "E7.4": "on one line"},
        reflection=_TRANSFORM,
    ),
)
