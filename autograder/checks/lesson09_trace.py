"""Checks of E9.1: sample, param, plate and trace."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from autograder.checks import scenes
from autograder.checks.bank import e9_1
from autograder.checks.compare import EXACT, Mismatch, close, number, require, show, z_test
from autograder.checks.lesson09_sites import (
    ENTRIES,
    LOOSE,
    OURS,
    WORDS,
    name_of_site,
    refused,
    same_sites,
    sites_of,
)
from autograder.checks.protocol import Exercise, Part, Recorder
from vi_lib import densities, ppl

Array = Any
Rng = np.random.Generator
ALPHA, KS_ALPHA = 1e-6, 1e-7
RUNS = 400


def seed_of(rng: Rng) -> int:
    """A seed for the answer's side."""
    return int(rng.integers(2**31))


def _draws(answer: Recorder, rng: Rng) -> None:
    y = rng.normal(1.0, 2.0, 4)
    spec = ("kinds", float(rng.normal(3.0, 1.0)), float(rng.uniform(2.0, 4.0)))
    seed = seed_of(rng)
    what = "The trace of a program"
    got = answer.scene("trace", "record", spec, (y,), seed)
    want = scenes.record(OURS, spec, (y,), seed)
    same_sites(got, want, what, ("type", "name", "observed", "scale"))
    found = sites_of(got, what)
    close(found["y"]["value"], y, "The value of the observed site 'y'")
    values = {name: _values(found[name]["value"], want[name], name) for name in found}
    if not all(np.allclose(values[n], want[n]["value"], rtol=EXACT, atol=0) for n in values):
        _other_draws(answer, spec, y, seed, values)
    # The log probabilities at the values on record, of which those of the program's data depend on
    # what `sample` has given to the program.
    mean, shape = spec[1:]
    level, spread, effect = values["level"], values["spread"], values["effect"]
    log_probs = {
        "level": densities.normal(level, mean, 2.0),
        "spread": densities.gamma(spread, shape, 2.0),
        "effect": np.sum(densities.normal(effect, 0.0, 0.7)),
        "y": np.sum(densities.normal(y, level + effect, spread)),
    }
    for name, log_prob in log_probs.items():
        close(found[name]["log_prob"], log_prob, f"log_prob of {name!r} (summed)", rtol=LOOSE)


def _values(value: Any, site: dict[str, Any], name: str) -> Array:
    shape = np.shape(site["value"])
    kind = f"an array of shape {shape}" if shape else "a number"
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        found = np.asarray(np.nan)
    if found.size != np.size(site["value"]) or not np.isfinite(found).all():
        raise Mismatch(f"The value of {name!r}: expected {kind}, got {show(value)}.", got=value)
    return found.reshape(shape)


def _other_draws(
    answer: Recorder, spec: tuple[Any, ...], y: Array, seed: int, values: dict[str, Array]
) -> None:
    """Draws that are not those of dist.sample(rng) in the program's order: are they right?"""
    again = sites_of(answer.scene("trace", "record", spec, (y,), seed), "The trace of a program")
    for name in ("level", "spread", "effect"):
        if not np.array_equal(_values(again[name]["value"], again[name], name), values[name]):
            raise Mismatch(
                f"Two traces with generators of one seed: expected the same value of {name!r}, "
                f"got {show(values[name])} and {show(again[name]['value'])}.",
                name="own-generator",
            )
    other = sites_of(answer.scene("trace", "record", spec, (y,), seed + 1), "Another trace")
    require(
        not np.array_equal(other["level"]["value"], values["level"]),
        "Two traces with generators of different seeds: expected different values of 'level', "
        f"got {show(values['level'])} twice.",
    )
    mean, shape = spec[1:]
    rows = np.asarray(answer.scene("trace", "many", spec, (y,), seed, RUNS), dtype=float)
    require(
        rows.shape == (RUNS, 6),
        f"The latent values of {RUNS} runs: expected 6 a run, got an array of shape {rows.shape}.",
    )
    exact = (stats.norm(mean, 2.0), stats.gamma(shape, scale=0.5), *[stats.norm(0.0, 0.7)] * 4)
    u = np.stack([d.cdf(row) for d, row in zip(exact, rows.T, strict=True)], axis=1) - 0.5
    for name, column in zip(("level", "spread", *["effect"] * 4), u.T, strict=True):
        p = stats.kstest(column, stats.uniform(-0.5, 1.0).cdf).pvalue
        require(
            p > KS_ALPHA,
            f"The values of {name!r} in {RUNS} runs: expected draws of its distribution, "
            f"got others (Kolmogorov-Smirnov test, p = {p:.1e}).",
        )
    pairs = np.stack([u[:, 0] * u[:, 2], u[:, 2] * u[:, 3]], axis=1)
    z_test(pairs, np.zeros(2), "Products of independent values", alpha=ALPHA)


def _observed(answer: Recorder, rng: Rng) -> None:
    spec = ("data_only", float(rng.normal(0.5, 0.3)), float(rng.uniform(0.6, 1.5)))
    for what, data in (
        ("The trace of a program with data", (float(rng.normal()), rng.normal(size=3))),
        ("The trace of a program with the datum 0", (0.0, np.zeros(2))),
        ("The trace of a program with whole numbers", (2, np.array([1, 0, 3]))),
    ):
        got = answer.scene("trace", "record", spec, data, seed_of(rng))
        same_sites(got, scenes.record(OURS, spec, data, 0), what)


def _params(answer: Recorder, rng: Rng) -> None:
    m, s = float(rng.normal(0.5, 0.5)), float(rng.uniform(1.4, 2.6))
    y, spec = rng.normal(0.5, 2.0, 3), ("parameters", m, s)
    what = "The trace of a program with parameters"
    first = answer.scene("trace", "record", spec, (y,), None)
    want = scenes.record(OURS, spec, (y,), None)
    same_sites(first, want, f"{what} at their first values")
    start = number(sites_of(first, what)["s"].get("init"), "`init` of the positive parameter")
    mean = m + float(rng.uniform(0.5, 1.0))
    got = answer.scene("trace", "record", spec, (y,), None, {"m": mean, "s": start})
    want = scenes.record(OURS, spec, (y,), None, {"m": mean})
    same_sites(got, want, f'{what}, params = {{"m": {mean:.4f}, "s": its init}}')
    widths = [s]
    for way in (-1.0, 1.0):
        given = {"m": m, "s": start + 2.0 * way}
        got = answer.scene("trace", "record", spec, (y,), None, given)
        width = number(sites_of(got, what)["s"].get("value"), "The positive parameter's value")
        require(
            way * (width - widths[0]) > 0.1 and width > 0.0,
            f"The positive parameter is {s:.4g} at its `init`. With params two "
            f"{'above' if way > 0 else 'below'} that: expected a positive number on the same side "
            f"of {s:.4g}, got {width:.6g}.",
            expected=s,
            got=width,
        )
        widths.append(width)
    got = answer.scene("trace", "slope", spec, (y,), {"m": m})
    slope = np.sum(y - m) / s**2
    close(got["m"], slope, "The slope of the log probability in a parameter", rtol=LOOSE)


def _plates(answer: Recorder, rng: Rng) -> None:
    length = int(rng.integers(2, 5))
    size = length * int(rng.integers(2, 5)) + 1
    spec: tuple[Any, ...] = ("plates", size, length)
    y, seed = rng.normal(0.4, 1.0, length), seed_of(rng)
    entries = ("type", "name", "observed", "scale")
    first = answer.scene("trace", "record", spec, (y,), seed)
    what = f"A plate of {length} of {size} rows"
    same_sites(first, scenes.record(OURS, spec, (y,), seed), what, entries)
    second = answer.scene("trace", "record", spec, (y,), seed + 1)
    third = answer.scene("trace", "record", spec, (y,), seed + 2)
    rows = [
        _rows(sites_of(t, what)["chosen"]["value"], size, length) for t in (first, second, third)
    ]
    again = answer.scene("trace", "record", spec, (y,), seed)
    require(
        _rows(sites_of(again, what)["chosen"]["value"], size, length) == rows[0],
        f"{what}: expected the same rows from two generators of one seed, got others.",
    )
    # Three subsamples of at least 2 of 5 agree by chance once in 100: look at 30 more then.
    if rows[0] == rows[1] == rows[2]:
        more = [answer.scene("trace", "record", spec, (y,), seed + 3 + k) for k in range(30)]
        others = [_rows(sites_of(t, what)["chosen"]["value"], size, length) for t in more]
        require(
            any(other != rows[0] for other in others),
            f"{what}: expected other rows in other runs, got {rows[0]} each time.",
            expected="rows drawn with rng",
            got=rows[0],
        )
    spec, y = ("whole_plate", size), rng.normal(0.4, 1.0, size)
    got = answer.scene("trace", "record", spec, (y,), seed)
    same_sites(got, scenes.record(OURS, spec, (y,), seed), f"A plate of {size} rows, all of them")
    few, less = (int(n) for n in rng.integers(2, 4, 2))
    spec = ("nested_plates", 3 * few, few, 5 * less, less)
    y = rng.normal(size=(max(less, 2), few))[:less]
    y = y if less > 1 else np.repeat(y, 2, axis=0)
    got = answer.scene("trace", "record", spec, (y,), seed)
    want = scenes.record(OURS, spec, (y,), seed)
    same_sites(got, want, "A plate in a plate", (*entries, "log_prob"))


def _rows(value: Any, size: int, length: int) -> list[int]:
    """The rows of a plate in order, which must be different ones of range(size)."""
    found = np.sort(np.ravel(np.asarray(value, dtype=float)))
    right = len(found) == length and np.isin(found, np.arange(size)).all()
    require(
        bool(right) and len(np.unique(found)) == length,
        f"The rows of a plate: expected {length} different ones of 0 to {size - 1}, "
        f"got {show(np.asarray(value))}.",
    )
    return [int(row) for row in found]


def _misuse(answer: Recorder, rng: Rng) -> None:
    name = name_of_site(rng)
    refused(
        answer, "Two sites of one name", name,
        scene=("trace", "refusal", ("twice", name), (), seed_of(rng)),
    )  # fmt: skip
    refused(
        answer, "A site that must be drawn, and no rng", name,
        scene=("trace", "refusal", ("drawn", name), (), None),
    )  # fmt: skip


def _restored(answer: Recorder, rng: Rng) -> None:
    one, two = name_of_site(rng, "p"), name_of_site(rng, "r")
    good, want = ("one_observed", two), scenes.record(OURS, ("one_observed", two), (), None)
    entries = tuple(entry for entry in ENTRIES if entry != "value")
    for in_plate in (False, True):
        got = answer.scene(
            "trace", "after_an_error", ("stumbles", in_plate), good, (), seed_of(rng)
        )
        place = "inside a plate" if in_plate else "half-way"
        same_sites(got, want, f"A trace after a program that raised an error {place}", entries)
    inner = ("drawn", one)
    got = answer.scene("trace", "inside", inner, (), good, seed_of(rng))
    found = sites_of(got, "A program that traces another one")
    found.pop(one, None)  # whether the outer trace sees the inner one's sites is free
    same_sites(
        found, want, "A program that traces another one, and its own site after that", entries
    )


E9_1 = Exercise(
    id="E9.1",
    title="sample, param, plate, trace",
    names=WORDS,
    reference={name: getattr(ppl, name) for name in WORDS},
    parts=(
        Part("Draws are recorded", 1.5, _draws, 3e-6),
        Part("Observed sites", 1.0, _observed),
        Part("Parameters", 1.5, _params),
        Part("Plates scale by N / B", 1.0, _plates),
        Part("Misuse raises, and names the site", 0.5, _misuse),
        Part("Handlers are gone after an error", 0.5, _restored),
    ),
    wrong=e9_1.WRONG,
    right=e9_1.RIGHT,
    forbidden=(
        "vi_lib.ppl.primitives:sample",
        "vi_lib.ppl.primitives:param",
        "vi_lib.ppl.primitives:send",
        "vi_lib.ppl.plates:plate.__init__",
        "vi_lib.ppl.handlers:trace",
        "vi_lib.ppl.handlers:trace.<locals>.run",
    ),
)
