"""Deterministic ADVI: freeze the draws, maximise the ELBO as an ordinary function.

    eps_1, ..., eps_M ~ noise, once
    lam^ = argmax of 1/M sum_m log p(t(lam, eps_m)) + H[q]        Newton's method, no step size
    repeat with twice the draws until the error they leave in each mean is small

What stochastic gradients cannot give comes with it: a maximum up to rounding, the error of the
means, and linear-response covariances, which undo most of what a mean-field sd is too small by.

Sources: Giordano, Ingram and Broderick (JMLR 2024); Giordano, Broderick and Jordan (JMLR 2018).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vi_lib._check import Array
from vi_lib._dadvi import (
    Design,
    Frozen,
    arrange,
    curvature,
    curvature_agrees,
    linear_response,
    parameter_error,
)
from vi_lib._dadvi_plan import coordinates, first, plan, target
from vi_lib._dadvi_result import DadviResult, finish
from vi_lib._newton import Point, ascend
from vi_lib.estimators import LogDensity
from vi_lib.families import Family
from vi_lib.layout import Layout
from vi_lib.model import Target
from vi_lib.result import Status

__all__ = ["DadviResult", "dadvi"]


@dataclass(frozen=True, eq=False)
class _Search:
    """Where the search stands; replaced as a whole, so no interrupt can tear it."""

    lam: Array
    f: Frozen
    history: tuple[float, ...] = ()
    refused: int = 0
    rounds: tuple[tuple[int, float], ...] = ()
    mean_error: Array | None = None
    lr_cov: Array | None = None


def dadvi(
    model: Target | LogDensity,
    family: str | Family = "mean_field",
    *,
    start: Mapping[str, Any] | None = None,
    lam: Array | None = None,
    num_draws: int | None = None,
    max_draws: int = 1024,
    tol: float = 0.1,
    design: Design | None = None,
    lr_for: Sequence[int | str] | None = None,
    max_steps: int = 500,
    rng: np.random.Generator | None = None,
    progress: bool | None = None,
    layout: Layout | None = None,
) -> DadviResult:
    """Fit a Gaussian by maximising the ELBO on frozen draws, and say how exact its means are.

    Args:
        model: A `Model`, a compiled program, or a log density (M, D) -> (M,) in nats, then with a
            family object. It is called with all M draws at once, so a model holds M times N log
            likelihoods.
        family: `"mean_field"`, `"full_rank"`, or `MeanField(D)` or `FullRank(D)`. On few draws the
            objective of a full-rank q is unbounded, and on not many more its sds are too large;
            mean-field with linear response gives correlations from fewer draws.
        start: Values to start from, by name, on the parameters' own scale; the rest at zeta = 0.
        lam: Parameters to start from (P,), such as `lam` of an earlier result, in place of `start`.
        num_draws: Draws M to begin with, 64 by default, and at least 4 D for a full-rank q.
        max_draws: The doubling of the draws stops here.
        tol: Wanted error of each mean, as a share of the posterior sd. At .1 the root mean square
            error of a mean that is judged by its posterior grows by half a per cent.
        design: `"plain"` independent draws, as in the paper; `"antithetic"` pairs +eps, -eps, which
            make the means of a Gaussian posterior exact; `"matched"`, pairs with variance exactly
            1; `"whitened"`, pairs with covariance exactly I, which needs M >= 2 D and makes
            everything about a Gaussian exact. By default whitened if M >= 4 D or q is full rank,
            else matched. The error stated is that of plain draws or pairs and too large for the
            other two.
        lr_for: Coordinates of the linear-response covariance, numbers or names; by default all if q
            has at most 600 parameters, else none.
        max_steps: Largest number of Newton steps in all.
        rng: Source of the noise; by default a fresh one, so two calls differ.
        progress: Whether to show a progress bar; by default only if standard error is a terminal.
        layout: Names and supports of the coordinates of a bare log density.

    Returns:
        The result. Ctrl-C gives one, too, with `Status.INTERRUPTED` and the means found so far.

    Raises:
        NonFiniteError: If log p or its gradient is not finite at the start, naming draw and
            coordinate. On the way, a step to such a point is refused, and the result counts them.
        ShapeError: If the family does not fit the model.
        ValueError: If an argument contradicts another or is out of range, or for draws on which a
            full-rank objective has no maximum.
    """
    log_p, q, layout = target(model, family, layout)
    num_draws, max_draws, design = plan(q, num_draws, max_draws, tol, design)
    index = coordinates(lr_for, layout, q)
    rng = np.random.default_rng() if rng is None else rng
    raw = _rows(q, rng, num_draws, design)
    f = _freeze(log_p, q, raw, design)
    search = _Search(first(model, f, start, lam, layout), f)

    status, reason = Status.CONVERGED, ""
    with ExitStack() as stack:
        show = _bar(stack, progress)

        def tell(point: Point) -> None:
            nonlocal search
            search = replace(search, lam=point.x, history=(*search.history, point.value))
            show(f"ELBO {point.value:.3f} on {len(search.f.eps)} draws")

        try:
            if not curvature_agrees(search.f, search.lam):
                search = replace(search, f=replace(search.f, exact_curvature=False))
            while True:
                steps_left = max_steps - len(search.history)
                point = ascend(search.f, search.lam, max_steps=steps_left, tell=tell)
                search = replace(search, lam=point.x, refused=search.refused + point.refused)
                if not point.settled:
                    status, reason = Status.MAX_ITERS, _why(point, max_steps)
                    break
                search = _assess(search, index)
                drawn, worst = search.rounds[-1]
                if worst <= tol:
                    reason = f"the error of every mean is at most {worst:.2g} posterior sd"
                    break
                if 2 * drawn > max_draws:
                    status = Status.MAX_DRAWS
                    reason = f"on {drawn} draws the error of a mean is {worst:.2g} posterior sd"
                    break
                raw = np.concatenate([raw, _rows(q, rng, drawn, design)])
                exact = search.f.exact_curvature
                f = replace(_freeze(log_p, q, raw, design), exact_curvature=exact)
                search = replace(search, f=f, lr_cov=None, mean_error=None)
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
            reason = "stopped by the keyboard; dadvi(..., lam=result.lam) goes on from here"
    if search.refused:
        reason += f"; {search.refused} steps to where log p is not finite were refused"
    return finish(
        log_p,
        q,
        search.lam,
        status=status,
        reason=reason,
        history=search.history,
        layout=layout,
        rng=rng,
        mean_error=search.mean_error,
        lr_cov=search.lr_cov,
        lr_index=index,
        eps=search.f.eps,
        rounds=search.rounds,
    )


def _rows(q: Family, rng: np.random.Generator, num_draws: int, design: Design) -> Array:
    return q.noise(rng, num_draws if design == "plain" else num_draws // 2)


def _freeze(log_p: LogDensity, q: Family, raw: Array, design: Design) -> Frozen:
    return Frozen(log_p, q, arrange(raw, design), 1 if design == "plain" else 2)


def _assess(search: _Search, index: Sequence[int]) -> _Search:
    """The search with the error of its means, in posterior sds, and the linear response."""
    f, lam, dim = search.f, search.lam, search.f.q.dim
    sd = f.q.sd(lam)
    try:
        c = curvature(f, lam)
        error = parameter_error(f, lam, c)[:dim]
        lr_cov = linear_response(f.q, c, index)
        sd[list(index)] = np.sqrt(np.diagonal(lr_cov))
        worst = float(np.max(error / sd))
    except ArithmeticError:  # no maximum in every direction: no draw can be enough
        error, lr_cov, worst = np.full(dim, np.inf), None, math.inf
    rounds = (*search.rounds, (len(f.eps), worst))
    return replace(search, mean_error=error, lr_cov=lr_cov, rounds=rounds)


def _why(point: Point, max_steps: int) -> str:
    if not point.steps:
        return f"max_steps = {max_steps} left none for the last doubling of the draws"
    if point.refused == point.steps:
        return "log p was not finite after any step"
    return f"after {max_steps} steps at most, the next still promised {point.gain:.2g} nats"


def _bar(stack: ExitStack, progress: bool | None) -> Callable[[str], None]:
    """Show a text and one more step, or do nothing."""
    if not (sys.stderr.isatty() if progress is None else progress):
        return lambda text: None
    from tqdm import tqdm  # costs import time, and most runs show no bar

    bar = stack.enter_context(tqdm(unit="step", desc="ELBO"))

    def show(text: str) -> None:
        bar.set_description_str(text, refresh=False)
        bar.update()

    return show
