"""A program as text: the table of one run, and who depends on whom."""

from __future__ import annotations

from typing import Any

import numpy as np

from vi_lib._check import plain
from vi_lib.ppl._distribution import Distribution, parameters
from vi_lib.ppl.handlers import Program, Site, Trace, prototype, replay, trace

#: Fresh values of a site that are tried before it counts as without influence.
TRIALS = 3


def render(sites: Trace) -> str:
    """Return a table with a line for each site: kind, shape, distribution, value, log probability.

    The log probability is that of the whole site, scaled, in nats; the last line has the sum.
    """
    rows = [("site", "kind", "shape", "distribution", "value", "scale", "log p")]
    total = 0.0
    for name, site in sites.items():
        value = np.asarray(plain(site["value"]))
        log_p = site["scale"] * np.sum(plain(site["log_prob"]))
        total += log_p if site["type"] == "sample" else 0.0
        kind = "observed" if site["observed"] else site["type"]
        sampled = site["type"] == "sample"
        rows.append(
            (
                name,
                "latent" if kind == "sample" else kind,
                str(value.shape),
                name_of(site["dist"]) if sampled else "",
                _short(value),
                f"{site['scale']:g}",
                f"{log_p:.4f}" if sampled else "",
            )
        )
    rows.append(("log joint", "", "", "", "", "", f"{total:.4f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def render_model(model: Program, *args: Any, rng: np.random.Generator | None = None) -> str:
    """Return one line a site: its distribution, the sites it depends on, and its plates."""
    rng = np.random.default_rng(0) if rng is None else rng
    parents = dependencies(model, *args, rng=rng)
    sites = prototype(model, args, rng)
    width = max(map(len, parents), default=0)
    lines = []
    for name, above in parents.items():
        site = sites[name]
        given = f"({', '.join(above)})" if above else "()"
        plates = ", ".join(
            f"{frame.name} ({frame.length} of {frame.size})"
            if frame.length < frame.size
            else f"{frame.name} ({frame.size})"
            for frame in reversed(site["plates"])
        )
        lines.append(
            f"{name:<{width}} ~ {name_of(site['dist'])}{given}"
            + (", observed" if site["observed"] else "")
            + (f", in plate {plates}" if plates else "")
        )
    return "\n".join(lines)


def dependencies(
    model: Program, *args: Any, rng: np.random.Generator | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the sites on which the distribution of each sample site depends directly.

    One latent site at a time gets a fresh value while all others keep theirs; what then changes its
    distribution depends on it. An influence that three fresh values do not show is missed.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    with np.errstate(all="ignore"):
        before = prototype(model, args, rng)
        samples = {name: site for name, site in before.items() if site["type"] == "sample"}
        parents: dict[str, list[str]] = {name: [] for name in samples}
        for name, site in samples.items():
            if site["observed"]:
                continue
            for _ in range(TRIALS):
                other = {**site, "value": site["dist"].sample(rng)}
                after = trace(replay(model, {**before, name: other}), rng)(*args)
                for child in samples:
                    changed = child in after and not _same(samples[child], after[child])
                    if changed and name not in parents[child]:
                        parents[child].append(name)
    return {name: tuple(above) for name, above in parents.items()}


def name_of(dist: Distribution) -> str:
    """Return the name of a distribution, without `expand` and `to_event`."""
    while hasattr(dist, "base"):
        dist = dist.base
    return type(dist).__name__


def _same(one: Site, two: Site) -> bool:
    left, right = _numbers(one["dist"]), _numbers(two["dist"])
    return len(left) == len(right) and all(map(np.array_equal, left, right))


def _numbers(dist: Any) -> list[Any]:
    values: list[Any] = []
    for value in parameters(dist).values():
        values += _numbers(value) if hasattr(value, "log_prob") else [plain(value)]
    return values


def _short(value: Any) -> str:
    if value.ndim == 0:
        return f"{value:.4g}"
    text = ", ".join(f"{entry:.4g}" for entry in value.ravel()[:3])
    return f"[{text}{', ...' if value.size > 3 else ''}]"
