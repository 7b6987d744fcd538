"""Typical answers to E12.5, `diagnose(chart)`: rules in the wrong order, or read the wrong way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks.protocol import Implementation, Right, Wrong

Chart = dict[str, Any]
Rule = Callable[[Chart], bool]


def rising(chart: Chart) -> bool:
    trace = np.asarray(chart["elbo_trace"])
    return bool(abs(np.mean(trace[-50:]) - np.mean(trace[-100:-50])) > 0.01 * abs(trace[-1]))


def scattered(chart: Chart) -> bool:
    return bool(np.any(np.ptp(chart["restarts"], axis=0) > 2 * np.asarray(chart["sd"])))


def prior_missed(chart: Chart) -> bool:
    gap = np.abs(chart["mean_no_data"] - chart["prior_mean"])
    return bool(np.any(gap > 0.2 * chart["prior_sd"]))


def not_narrower(chart: Chart) -> bool:
    return bool(np.all(chart["sd_twice"] > 0.9 * chart["sd"]))


def near_one(chart: Chart) -> bool:
    return bool(np.all(np.abs(chart["sd"] - 1.0) < 0.15))


def confused(chart: Chart) -> bool:
    return not_narrower(chart) and near_one(chart)


def shrunk(chart: Chart) -> bool:
    return bool(np.any(chart["sd"] > 1.04 * chart["sd_more_draws"]))


def high_khat(chart: Chart) -> bool:
    return bool(chart["khat"] > 0.7)


def extreme(chart: Chart) -> bool:
    return bool(np.any(chart["checks"] < 0.01) or np.any(chart["checks"] > 0.99))


RULES: dict[str, Rule] = {
    "not converged": rising,
    "missed mode": scattered,
    "missing Jacobian": prior_missed,
    "log sd as sd": confused,
    "N/B forgotten": not_narrower,
    "biased steps": shrunk,
    "correlation ignored": high_khat,
    "wrong model": extreme,
}


def by(order: Sequence[str] = tuple(RULES), **changed: Rule | None) -> Implementation:
    """The first rule that fires names the ailment; `not_converged=None` drops a rule."""
    rules = dict(RULES)
    for key, rule in changed.items():
        name = next(
            n for n in RULES if n.replace(" ", "_").replace("/", "_").lower() == key.lower()
        )
        if rule is None:
            del rules[name]
        else:
            rules[name] = rule

    def diagnose(chart: Chart) -> str:
        return next((name for name in order if name in rules and rules[name](chart)), "healthy")

    return {"diagnose": diagnose}


def _first(*names: str) -> tuple[str, ...]:
    return (*names, *(name for name in RULES if name not in names))


def last_two_values(chart: Chart) -> bool:
    trace = chart["elbo_trace"]
    return bool(abs(trace[-1] - trace[-2]) > 0.05)


def scattered_in_nats(chart: Chart) -> bool:
    return bool(np.any(np.ptp(chart["restarts"], axis=0) > 10.0))


WRONG = (
    Wrong(
        "khat-first",
        by(_first("correlation ignored")),
        "You look at k-hat first. While a run has not arrived, or its sds are wrong for another "
        "reason, k-hat is high as well: which tests must come before it?",
    ),
    Wrong(
        "trace-not-first",
        by((*list(RULES)[1:], "not converged")),
        "A run that has not arrived upsets every other entry: its restarts disagree, and without "
        "data it does not give the prior. Is the trace the first thing that you look at?",
        also=(by(_first("missed mode")), by(_first("missing Jacobian")), by(not_converged=None)),
    ),
    Wrong(
        "trace-by-two-values",
        by(not_converged=last_two_values),
        "You compare two single values of the trace, whose noise is 0.3 nats. Compare the means of "
        "two windows, as in exercise 12.2.",
    ),
    Wrong(
        "restarts-not-looked-at",
        by(missed_mode=None),
        "You never say 'missed mode'. k-hat cannot see a mode where q never goes; which entry of "
        "the chart can?",
        also=(by(missed_mode=scattered_in_nats),),
    ),
    Wrong(
        "no-data-not-looked-at",
        by(missing_Jacobian=None),
        "You never say 'missing Jacobian'. Without data the posterior is the prior: which two "
        "entries should agree then?",
    ),
    Wrong(
        "no-data-against-the-mean",
        by(
            missing_Jacobian=lambda c: bool(
                np.any(np.abs(c["mean_no_data"] - c["mean"]) > 0.25 * c["prior_sd"])
            )
        ),
        "You compare the fit without data with the fit *with* data. Those ought to differ. What "
        "should a fit without data be equal to?",
    ),
    Wrong(
        "twice-the-data-not-looked-at",
        by(N_B_forgotten=None, log_sd_as_sd=None),
        "You never say 'N/B forgotten' or 'log sd as sd'. If every datum is given twice, what "
        "should become of the sds?",
        also=(by(N_B_forgotten=None), by(log_sd_as_sd=None)),
    ),
    Wrong(
        "twice-the-data-reversed",
        by(
            N_B_forgotten=lambda c: not not_narrower(c),
            log_sd_as_sd=lambda c: not not_narrower(c) and near_one(c),
        ),
        "Twice the data *should* shrink the sds, to about 0.7 of what they were. It is the fit "
        "whose sds stay the same that is ill.",
    ),
    Wrong(
        "two-causes-exchanged",
        by(
            N_B_forgotten=confused,
            log_sd_as_sd=lambda c: not_narrower(c) and not near_one(c),
        ),
        "Two ailments leave the sds as they are when the data are doubled. Exchanging sd and log "
        "sd puts all of them near one particular number. Which?",
    ),
    Wrong(
        "more-draws-not-looked-at",
        by(biased_steps=None),
        "You miss 'biased steps'. Steps divided by their own gradient make the sds 8 to 15 % too "
        "*large*, and more draws a step cure it: which of two sds is the larger one then, and how "
        "large a difference do you let pass?",
        also=(
            by(biased_steps=lambda c: bool(np.any(c["sd"] > 1.3 * c["sd_more_draws"]))),
            by(biased_steps=lambda c: bool(np.any(c["sd_more_draws"] > 1.04 * c["sd"]))),
        ),
    ),
    Wrong(
        "khat-not-looked-at",
        by(correlation_ignored=None),
        "You never say 'correlation ignored'. Which two numbers say that q does not cover the "
        "posterior, or that a richer family would do better?",
        also=(by(correlation_ignored=lambda c: bool(c["khat"] > 2.0)),),
    ),
    Wrong(
        "khat-reversed",
        by(correlation_ignored=lambda c: bool(c["khat"] < 0.7)),
        "A *high* k-hat is the bad sign.",
    ),
    Wrong(
        "checks-not-looked-at",
        by(wrong_model=None),
        "You never say 'wrong model'. All tests of the inference may pass when the model does not "
        "fit the data; which entry compares the two?",
        also=(by(wrong_model=lambda c: bool(np.mean(c["checks"]) < 0.05)),),
    ),
    Wrong(
        "checks-one-sided",
        by(wrong_model=lambda c: bool(np.any(np.asarray(c["checks"]) < 0.01))),
        "A p-value near 1 is as bad as one near 0: the smallest residual of these data is smaller "
        "than nearly all that the model makes.",
        also=(by(wrong_model=lambda c: bool(np.any(np.asarray(c["checks"]) > 0.99))),),
    ),
)


# Right


def full_rank_gain(chart: Chart) -> bool:
    return bool(chart["elbo_full_rank"] > chart["elbo"] + 0.5)


def two_groups(chart: Chart) -> bool:
    """The largest gap between neighbouring restarts, in sds."""
    ordered = np.sort(np.asarray(chart["restarts"]), axis=0)
    return bool(np.max(np.diff(ordered, axis=0) / chart["sd"]) > 3.0)


def by_hand(chart: Chart) -> str:
    e = list(chart["elbo_trace"])
    if sum(e[-40:]) / 40 - sum(e[-80:-40]) / 40 > 2.0:
        return "Not converged"
    if two_groups(chart):
        return "missed_mode"
    found = "healthy"
    for i in range(2):
        if not 0.05 < sorted(chart["checks"])[i + (i == 1)] < 0.95 and found == "healthy":
            found = "wrong model"
    if full_rank_gain(chart):
        found = "correlation-ignored"
    for i in range(2):
        ratio = chart["sd"][i] / chart["sd_more_draws"][i]
        if ratio > 1.05:
            found = "biased steps"
        if abs(chart["mean_no_data"][i] - chart["prior_mean"][i]) > 0.3 * chart["prior_sd"][i]:
            found = "missing jacobian"
    if chart["sd_twice"][0] / chart["sd"][0] > 0.85:
        found = "log sd as sd" if 0.9 < chart["sd"][0] < 1.2 < 2 else "N/B forgotten"
    return found


RIGHT = (
    Right("rules in order", by()),
    Right(
        "by the gain of full rank",
        by(correlation_ignored=full_rank_gain, missed_mode=two_groups),
    ),
    Right("by hand, from the end", {"diagnose": by_hand}),
)
