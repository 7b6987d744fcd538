"""Do a model and a guide fit each other?

A guide must sample every latent site of its model, and no other, with values of the same shape and
within the support. A site that is missing would silently keep its prior, so this is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vi_lib._check import plain
from vi_lib.ppl._multivariate import Delta
from vi_lib.ppl._support import contains, in_support, is_discrete
from vi_lib.ppl.handlers import Program, Site, Trace, prototype


def check_guide(
    model: Program, guide: Program, *args: Any, rng: np.random.Generator | None = None
) -> None:
    """Raise unless the guide fits the model.

    Both are run once, so sites that exist only for some data or some draws are judged as they come.
    Parameters are no sites of the posterior and are not compared, nor is the order.

    Args:
        model: The model.
        guide: The guide, with the same arguments.
        *args: The arguments.
        rng: Source of the draws of the two runs; by default a fixed one.

    Raises:
        ValueError: With one line for each problem, naming its site (missing, extra, observed in the
            guide, of another shape, outside of the support), and both lists of sites.
    """
    require_same_sites(prototype(model, args, rng), prototype(guide, args, rng), thorough=True)


def latent_sites(trace: Trace) -> dict[str, Site]:
    """Return the sample sites of a trace that are not observed."""
    return {
        name: site
        for name, site in trace.items()
        if site["type"] == "sample" and not site["observed"]
    }


def require_same_sites(model: Trace, guide: Trace, *, thorough: bool = False) -> None:
    """Raise unless two traces have the same latent sites; `thorough` compares them as well.

    Raises:
        ValueError: As `check_guide`.
    """
    wanted, given = latent_sites(model), latent_sites(guide)
    problems = [_missing(wanted[name]) for name in wanted if name not in given]
    problems = [problem for problem in problems if problem]
    for name, site in guide.items():
        if site["type"] == "sample" and site["observed"] and not is_deterministic(site):
            problems.append(f"{name!r} is observed in the guide: only the model sees data")
    for name in given:
        if name not in wanted:
            role = "is observed in the model" if name in model else "is not in the model"
            problems.append(f"{name!r} {role}, but the guide samples it")
        elif wanted[name]["enumerate"]:
            problems.append(f"{name!r} is enumerated in the model, and the guide samples it")
        elif (shape := np.shape(plain(given[name]["value"]))) != (
            here := value_shape(wanted[name])
        ):
            problems.append(f"{name!r} has shape {here} in the model, {shape} in the guide")
        elif thorough:
            problems += _differences(wanted[name], given[name])
    if problems:
        listed = [", ".join(map(repr, sites)) or "none" for sites in (wanted, given)]
        raise ValueError(
            "the guide does not fit the model:\n  "
            + "\n  ".join(problems)
            + f"\nlatent sites of the model: {listed[0]}\nsites of the guide: {listed[1]}"
        )


def is_deterministic(site: Site) -> bool:
    """Return whether a site records a computed value (`deterministic`), which is no data."""
    dist: Any = site["dist"]
    while hasattr(dist, "base"):
        dist = dist.base
    return isinstance(dist, Delta) and site["observed"]


def value_shape(site: Site) -> tuple[int, ...]:
    """Return the shape that a site's distribution wants: batch and event."""
    value, dist = np.shape(plain(site["value"])), site["dist"]
    return (*dist.batch_shape, *value[len(value) - dist.event_dim :])


def _missing(site: Site) -> str:
    name = site["name"]
    if site["enumerate"]:
        return ""
    if is_discrete(site["dist"].support):
        return (
            f"{name!r} is missing in the guide; it is discrete: sum it out with"
            " config_enumerate(model), or sample it in the guide (score-function gradient)"
        )
    return f"{name!r} is missing in the guide: it would keep its prior"


def _differences(wanted: Site, given: Site) -> list[str]:
    problems = []
    name, support = wanted["name"], wanted["dist"].support
    if not contains(support, given["dist"].support):
        problems.append(
            f"{name!r} has support {support!r} in the model, {given['dist'].support!r} in the guide"
        )
    elif not np.all(in_support(support, given["value"])):
        problems.append(f"{name!r} must lie in {support!r}, the guide gives {given['value']}")
    if wanted["scale"] != given["scale"]:
        problems.append(
            f"{name!r} is scaled by {wanted['scale']} in the model, {given['scale']} in the guide:"
            " use the same plates"
        )
    return problems
