"""Checks of E9.4: a guide that writes itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks import scenes
from autograder.checks.bank import e9_4
from autograder.checks.compare import NUMERICAL, close, number, require, show
from autograder.checks.lesson09_sites import (
    OURS,
    WORDS,
    latent,
    listed,
    same_sites,
    sites_of,
    unrecorded,
)
from autograder.checks.lesson09_trace import seed_of
from autograder.checks.protocol import Exercise, Part, Recorder
from autograder.checks.scene_fits import grid_of
from vi_lib import ppl

Rng = np.random.Generator


def _same_latents(answer: Recorder, rng: Rng) -> None:
    low = float(rng.uniform(1.0, 2.0))
    spec, what = (
        ("mixed", low, low + float(rng.uniform(2.0, 3.0))),
        "A trace of the automatic guide",
    )
    data = (float(rng.normal()),)
    seed = seed_of(rng)
    for shift, where in ((0.0, ""), (-5.0, ", with every parameter 5 lower on the real line")):
        got = answer.scene("auto_normal", "auto_sites", spec, data, seed, shift)
        want = scenes.auto_sites(OURS, spec, data, seed, shift)
        traces = [latent(got[name], what) for name in ("first", "second")]
        same_sites(
            traces[0], latent(want["first"], what), what + where, ("type", "name", "observed")
        )
        for name, site in traces[0].items():
            _inside(site["value"], want["first"][name], f"{what}{where}: the value of {name!r}")
            log_q = number(site["log_prob"], f"{what}{where}: log_prob of {name!r}")
            require(
                np.isfinite(log_q),
                f"{what}{where}: log_prob of {name!r}: expected a finite number, got {log_q}.",
            )
        if shift:
            continue
        params = [n for n, s in sites_of(got["first"], what).items() if s.get("type") == "param"]
        require(
            len(params) >= len(traces[0]),
            f"{what}: expected parameters for {listed(traces[0])}, got {listed(params)}.",
            got=len(params),
        )
        free = [number(t["free"]["value"], "The value of 'free'") for t in traces]
        require(
            max(map(abs, free)) < 6.0,
            f"{what}, at its start: expected a value near 0 at the site on the real line, "
            f"got {free[0]:.4g} and {free[1]:.4g}.",
            got=free,
        )
        require(
            free[0] != free[1],
            "Two traces of the automatic guide: expected different values, "
            f"got {free[0]:.6g} twice.",
        )


def _inside(value: Any, want: dict[str, Any], what: str) -> None:
    found, support = np.asarray(value, dtype=float), want["support"]
    shape = np.shape(want["value"])
    require(
        found.shape == shape or (found.size == 1 and not shape),
        f"{what}: expected shape {shape}, got {found.shape}.",
        expected=shape,
        got=found.shape,
    )
    low, high = support if isinstance(support, tuple) else (-np.inf, np.inf)
    low = 0.0 if support == "positive" else low
    inside = np.isfinite(found).all() and np.all((found >= low) & (found <= high))
    require(bool(inside), f"{what}: expected it within ({low:.4g}, {high:.4g}), got {show(found)}.")


def _density(answer: Recorder, rng: Rng) -> None:
    low = float(rng.uniform(1.0, 2.0))
    high = low + float(rng.uniform(2.0, 3.0))
    for site, support in (("free", "real"), ("positive", "positive"), ("share", (low, high))):
        theta, weight = grid_of(support)
        scene = ("auto_density", ("mixed", low, high), (0.3,), site, theta)
        log_q = np.asarray(answer.scene("auto_normal", *scene), dtype=float)
        with np.errstate(all="ignore"):
            mass = np.sum(np.exp(log_q) * weight)
        close(mass, 1.0, f"The integral of q over the site {site!r}", rtol=NUMERICAL)


def _scales(answer: Recorder, rng: Rng) -> None:
    readings, size = rng.normal(19.0, 1.0, 3), 3 * int(rng.integers(2, 5)) + 1
    spec = ("days", size)
    got = answer.scene("auto_normal", "auto_sites", spec, (readings,), seed_of(rng))
    what = f"The automatic guide of a model with a plate of 3 of {size} rows"
    found = latent(got["first"], what)
    require(
        found.keys() == {"mean_temp", "temp"},
        f"{what}: expected the sites mean_temp, temp, got {listed(found)}.",
        got=sorted(found),
    )
    for name, scale in (("mean_temp", 1.0), ("temp", size / 3)):
        close(found[name]["scale"], scale, f"{what}: the scale of {name!r}")


def _auto_fit(answer: Recorder, rng: Rng) -> None:
    readings = 19.75 + np.array([-1.75, -1.05, -0.55, -1.95, 0.55, 2.65, 0.55, 1.45, -0.25, 0.35])
    readings = readings + float(rng.uniform(-1.0, 1.0))
    spec, seed = ("days", 10), seed_of(rng)
    answer.scene("auto_normal", "auto_sites", spec, (readings,), seed)
    answer.scene("auto_normal", "auto_sites", spec, (readings,), seed, 0.5)
    found = unrecorded(answer, "auto_normal", "auto_fit", readings)
    prec = np.diag([0.25 + 10 / 4, *np.full(10, 1.25)])
    prec[0, 1:] = prec[1:, 0] = -0.25
    mean = np.linalg.solve(prec, np.concatenate([[15.0 / 4.0], readings]))
    sd = np.diag(prec) ** -0.5
    what = "The automatic guide of the model with an unknown mean, fitted: the"
    close(found["sd"], sd, f"{what} sds of mean_temp and of the ten temperatures", rtol=1e-2)
    close(found["mean"], mean, f"{what} means of mean_temp and of the ten temperatures", rtol=1e-3)


E9_4 = Exercise(
    id="E9.4",
    title="A guide that writes itself",
    names=("auto_normal",),
    needs=WORDS,
    reference={name: getattr(ppl, name) for name in (*WORDS, "auto_normal")},
    parts=(
        Part("The model's latent sites, shapes and supports", 1.5, _same_latents),
        Part("log q is a density of theta", 1.5, _density),
        Part("In the model's plates", 0.5, _scales),
        Part("Fitted: mean_temp has the sd of the best mean field", 1.5, _auto_fit),
    ),
    wrong=e9_4.WRONG,
    right=e9_4.RIGHT,
    forbidden=(
        "vi_lib.ppl.guides:auto_normal",
        "vi_lib.ppl.guides:_automatic",
        "vi_lib.ppl.guides:_automatic.<locals>.guide",
        "vi_lib.ppl.guides:transformed",
        "vi_lib.ppl._distribution:Transformed.log_prob",
    ),
)
