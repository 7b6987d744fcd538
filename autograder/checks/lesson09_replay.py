"""Checks of E9.2 and E9.3: log_joint, replay and check_guide."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks import scenes
from autograder.checks.bank import e9_2, e9_3
from autograder.checks.compare import Mismatch, close, number
from autograder.checks.lesson09_sites import (
    ENTRIES,
    LOOSE,
    OURS,
    WORDS,
    name_of_site,
    refused,
    said,
    same_sites,
)
from autograder.checks.lesson09_trace import seed_of
from autograder.checks.protocol import Exercise, Part, Recorder
from vi_lib import ppl

Rng = np.random.Generator


# E9.2


def _unchanged(got: Any, what: str) -> None:
    if not got:
        raise Mismatch(
            f"{what}: expected the given trace to stay as it is, got a changed one.",
            name="changes-its-input",
        )


def _joint(answer: Recorder, rng: Rng) -> None:
    for temp in rng.normal(17.0, 2.0, 5):
        _same_joint(answer, f"log p(18, {temp:.4f})", ("known_temperature", float(temp)), (18.0,))
    y = rng.normal(0.4, 1.0, 3)
    what = "The log joint of a program with parameters"
    _same_joint(answer, what, ("parameters", 0.4, 1.7), (y,))
    size = 3 * int(rng.integers(2, 5))
    _same_joint(
        answer, f"A plate of 3 of {size} rows: its log joint", ("weighed", size, 3), (y,), 5
    )
    # No plate in a plate: whose `plate` forgets the outer one has paid for it in E9.1.
    y = rng.normal(0.4, 1.0, 2)
    _same_joint(
        answer, f"A plate of 2 of {size} rows: its log joint", ("weighed", size, 2), (y,), 6
    )


def _same_joint(
    answer: Recorder,
    what: str,
    spec: tuple[Any, ...],
    data: tuple[Any, ...],
    seed: int | None = None,
) -> None:
    got = answer.scene("log_joint", "joint", spec, data, seed)
    want = scenes.joint(OURS, spec, data, seed)
    close(number(got["value"], what), float(want["value"]), what, rtol=LOOSE)
    _unchanged(got["unchanged"], what)


def _values(answer: Recorder, rng: Rng) -> None:
    temp = float(rng.normal(17.0, 1.0))
    _same_replay(answer, ("temperature",), (18.0,), {"temp": temp}, None)
    y = float(rng.normal(1.0, 1.0))
    b, a = (float(v) for v in rng.normal(2.0, 1.0, 2))
    _same_replay(answer, ("pair", 0.7), (y,), {"b": b, "a": a}, None)
    readings = rng.normal(19.0, 1.0, 4)
    values = {"temp": rng.normal(18.0, 1.0, 4), "mean_temp": float(rng.normal(17.0, 1.0))}
    _same_replay(answer, ("days", 4), (readings,), values, None)


def _same_replay(
    answer: Recorder,
    spec: tuple[Any, ...],
    data: tuple[Any, ...],
    values: dict[str, Any],
    seed: int | None,
    entries: tuple[str, ...] = ENTRIES,
) -> None:
    got = answer.scene("replay", "replayed", spec, data, values, seed)
    want = scenes.replayed(OURS, spec, data, values, seed)
    what = f"A program replayed with values of {' and '.join(sorted(values))}"
    same_sites(got["sites"], want["sites"], what, entries)
    _unchanged(got["unchanged"], what)


def _the_rest(answer: Recorder, rng: Rng) -> None:
    spec, seed = ("temperature",), seed_of(rng)
    old, new = (float(rng.normal(18.0, 0.3)),), (float(rng.normal(13.0, 0.3)),)
    got = answer.scene("replay", "replayed_on_new_data", spec, old, new, seed)
    temp = number(got["first"]["temp"]["value"], "The temperature on record")
    want = scenes.replayed(OURS, spec, new, {"temp": temp}, None)
    same_sites(got["sites"], want["sites"], "A program replayed with its own trace, on new data")
    y, a = float(rng.normal(1.0, 1.0)), float(rng.normal(2.0, 1.0))
    extra = name_of_site(rng)
    values = {"a": a, extra: float(rng.normal(50.0, 1.0))}
    # b is not in the trace, so it is drawn; how is the answer's affair, if only it is drawn.
    entries = ("type", "name", "observed", "scale")
    _same_replay(answer, ("pair", 0.7), (y,), values, seed, entries)
    drawn = [
        number(
            answer.scene("replay", "replayed", ("pair", 0.7), (y,), values, s)["sites"]["b"][
                "value"
            ],
            "The value of 'b'",
        )
        for s in (seed, seed, seed + 1)
    ]
    if drawn[0] != drawn[1] or drawn[0] == drawn[2]:
        raise Mismatch(
            "A latent site that the trace does not have: expected a draw with the given rng, "
            f"got {drawn[0]:.6g} and {drawn[1]:.6g} with one seed, {drawn[2]:.6g} with another.",
            got=drawn,
        )


E9_2 = Exercise(
    id="E9.2",
    title="The log joint of a trace, and replay",
    names=("log_joint", "replay"),
    needs=WORDS,
    reference={name: getattr(ppl, name) for name in (*WORDS, "log_joint", "replay")},
    parts=(
        Part("log_joint, with the scale of plates", 2.0, _joint),
        Part("replay takes over the latent values", 2.0, _values),
        Part("Observed sites, unknown sites, sites too many", 1.0, _the_rest),
    ),
    wrong=e9_2.WRONG,
    right=e9_2.RIGHT,
    forbidden=("vi_lib.ppl.handlers:log_joint", "vi_lib.ppl.handlers:replay"),
)


# E9.3

Site = tuple[str, str, bool, int]


def _guide_refused(
    answer: Recorder, what: str, model: tuple[Site, ...], guide: tuple[Site, ...], *names: str
) -> None:
    scene = ("check_guide", "verdict_on_guide", ("sites", *model), ("sites", *guide), (0.0,))
    refused(answer, what, *names, scene=scene)


def _plain_cases(answer: Recorder) -> None:
    """A missing site and one too many, not judged: they tell apart those who miss everything."""
    one, two = ("u711", "normal", False, 0), ("w713", "normal", False, 0)
    for model, guide in (((one, two), (one,)), ((one,), (one, two))):
        answer.scene(
            "check_guide", "verdict_on_guide",
            ("sites", *model), ("sites", *guide), (0.0,), ("u711", "w713"),
        )  # fmt: skip


def _accepted(
    answer: Recorder,
    what: str,
    model: tuple[Any, ...],
    guide: tuple[Any, ...],
    data: tuple[Any, ...],
) -> None:
    scene = ("check_guide", "verdict_on_guide", model, guide, data)
    got = answer.scene(*scene)
    if got["error"] != "none":
        came = said(answer, got["error"], scene)
        raise Mismatch(f"{what}: expected no error, got {came}.", "none", got["error"])


def _cast(rng: Rng) -> tuple[str, ...]:
    return tuple(name_of_site(rng, start) for start in ("f", "g", "h", "k", "m"))


def _missing(answer: Recorder, rng: Rng) -> None:
    _plain_cases(answer)
    one, two, three, four, data = _cast(rng)
    model = (
        (one, "normal", False, 0), (two, "gamma", False, 0),
        (three, "normal", False, 2), (data, "normal", True, 0),
    )  # fmt: skip
    _guide_refused(answer, "A guide that lacks a site", model, (model[0], model[2]), two)
    _guide_refused(answer, "A guide that lacks two sites", model, model[1:2], one, three)
    _guide_refused(
        answer, "A guide that lacks a site and has one too many",
        model, (*model[:2], (four, "normal", False, 0)), three, four,
    )  # fmt: skip


def _extra(answer: Recorder, rng: Rng) -> None:
    _plain_cases(answer)
    one, two, three, _, data = _cast(rng)
    model = ((one, "normal", False, 0), (data, "normal", True, 0))
    guide: tuple[Site, ...] = (model[0], (two, "gamma", False, 0))
    _guide_refused(answer, "A guide with a site too many", model, guide, two)
    guide = (*guide, (three, "normal", False, 0))
    _guide_refused(answer, "A guide with two sites too many", model, guide, two, three)


def _observed_in_guide(answer: Recorder, rng: Rng) -> None:
    _plain_cases(answer)
    one, two, _, _, data = _cast(rng)
    model = ((one, "normal", False, 0), (two, "normal", False, 0), (data, "normal", True, 0))
    _guide_refused(answer, "A guide that observes the data again", model, model, data)
    guide = (model[0], (two, "normal", True, 0))
    _guide_refused(answer, "A guide that observes what the model leaves latent", model, guide, two)


def _shapes(answer: Recorder, rng: Rng) -> None:
    _plain_cases(answer)
    one, two, _, _, data = _cast(rng)
    model = ((one, "normal", False, 3), (two, "normal", False, 0), (data, "normal", True, 0))
    guide = ((one, "normal", False, 0), model[1])
    _guide_refused(answer, "A guide with one number for three", model, guide, one)
    guide = ((one, "normal", False, 4), model[1])
    _guide_refused(answer, "A guide with four numbers for three", model, guide, one)


def _good(answer: Recorder, rng: Rng) -> None:
    one, two, three, param, data = _cast(rng)
    model = (
        (one, "normal", False, 0), (two, "gamma", False, 0),
        (three, "normal", False, 3), (data, "normal", True, 2),
    )  # fmt: skip
    for what, guide in (
        ("A guide that fits", model[:3]),
        ("A guide that fits, in another order", (model[2], model[0], model[1])),
        ("A guide that fits, with parameters", ((param, "param", False, 0), *model[:3])),
        (
            "A guide that fits, with another distribution",
            ((one, "gamma", False, 0), *model[1:3]),
        ),
    ):
        _accepted(answer, what, ("sites", *model), ("sites", *guide), (0.0,))
    _accepted(
        answer, "A guide that fits a model with an argument",
        ("temperature",), ("guide_of_temperature", 17.0, 1.0), (18.0,),
    )  # fmt: skip
    _accepted(
        answer, "A guide that fits a model with a plate, and has none itself",
        ("plates_and_a_site", 6, 3), ("drawn", "level"), (rng.normal(size=3),),
    )  # fmt: skip


E9_3 = Exercise(
    id="E9.3",
    title="Does the guide fit the model?",
    names=("check_guide",),
    needs=WORDS,
    reference={name: getattr(ppl, name) for name in (*WORDS, "check_guide")},
    parts=(
        Part("Missing sites are named", 1.0, _missing),
        Part("Sites too many are named", 1.0, _extra),
        Part("Observed in the guide", 0.5, _observed_in_guide),
        Part("Other shapes", 0.5, _shapes),
        Part("Guides that fit are let through", 1.0, _good),
    ),
    wrong=e9_3.WRONG,
    right=e9_3.RIGHT,
    forbidden=("vi_lib.ppl.checks:check_guide", "vi_lib.ppl.checks:require_same_sites"),
)
