"""Comparing traces: what the checks of lesson 9 have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.answer import Call, Words
from autograder.checks.compare import Mismatch, close, require, show
from autograder.checks.protocol import Recorder, Unanswered
from vi_lib import ppl

OURS = Words(vars(ppl))
"""The library's words, with which a scene gives what is expected."""
WORDS = ("sample", "param", "plate", "trace")
LOOSE = 1e-5
"""Relative tolerance of log probabilities that depend on values which a program has seen."""
ENTRIES = ("type", "name", "observed", "scale", "value", "log_prob")


def name_of_site(rng: np.random.Generator, start: str = "z") -> str:
    """A name that stands in no message by accident."""
    return start + "".join(rng.choice(list("aeiou"), 2)) + str(rng.integers(100, 1000))


def sites_of(got: Any, what: str) -> dict[str, dict[str, Any]]:
    """The sites of a trace that came as values, without plates, which may be sites or not."""
    if not isinstance(got, dict) or not all(isinstance(site, dict) for site in got.values()):
        raise Mismatch(f"{what}: expected a dict of sites, got {show(got)}.", got=got)
    return {name: site for name, site in got.items() if not _is_plate(site)}


def _is_plate(site: dict[str, Any]) -> bool:
    return isinstance(site.get("type"), str) and site["type"] == "plate"


def same_sites(
    got: Any, want: dict[str, Any], what: str, entries: tuple[str, ...] = ENTRIES
) -> None:
    """Require the same sites with the same entries."""
    found, wanted = sites_of(got, what), sites_of(want, what)
    require(
        found.keys() == wanted.keys(),
        f"{what}: expected the sites {listed(wanted)}, got {listed(found)}.",
        expected=sorted(wanted),
        got=sorted(found),
    )
    for name, site in wanted.items():
        for key in entries:
            same_entry(found[name].get(key), site[key], key, f"{what}, site {name!r}, `{key}`")


def same_entry(got: Any, want: Any, key: str, what: str) -> None:
    """Require one entry of a site to be as expected."""
    if key in ("type", "name"):
        right = isinstance(got, str) and got == want
        require(right, f"{what}: expected {want!r}, got {show(got)}.", expected=want, got=got)
    elif key == "observed":
        right = np.asarray(got).dtype.kind in "biuf" and bool(np.all(got)) == want
        require(right, f"{what}: expected {want}, got {show(got)}.", expected=want, got=got)
    elif key == "log_prob":
        close(got, want, f"{what} (summed)", rtol=LOOSE)
    else:
        close(got, want, what)


def listed(names: Any) -> str:
    """Names in a message."""
    return ", ".join(sorted(map(str, names))) or "none"


def refused(answer: Recorder, what: str, *names: str, scene: tuple[Any, ...]) -> None:
    """Require a scene to end in a ValueError whose text has these names."""
    got = answer.scene(*scene, names)
    if got["error"] == "ValueError" and got["named"] == list(names):
        return
    wanted = f"a ValueError that names {' and '.join(map(repr, names))}"
    came = said(answer, got["error"], scene)
    raise Mismatch(f"{what}: expected {wanted}, got {came}.", list(names), got["named"])


def said(answer: Recorder, error: str, scene: tuple[Any, ...]) -> str:
    """An error with its text, for a message."""
    if error == "none":
        return "no error"
    text = str(unrecorded(answer, *scene, (), True))[:200]
    return f"one that says {text!r}" if error == "ValueError" else f"another error, {text!r}"


def unrecorded(answer: Recorder, target: str, scene: str, *args: Any) -> Any:
    """A long scene that is not put to the bank when it fails; a short one stands for it."""
    outcome = answer.answer.perform(Call(target, args, scene=scene))
    if outcome.fault is not None:
        raise Unanswered(outcome)
    return outcome.value


def latent(sites: Any, what: str) -> dict[str, Any]:
    """The sample sites that came, without parameters and plates."""
    return {n: s for n, s in sites_of(sites, what).items() if s.get("type") == "sample"}
