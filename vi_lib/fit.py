"""The one optimisation loop: stochastic gradient ascent on the ELBO.

    eps ~ noise
    values = estimator(lam, log_p, q, eps)
    lam <- lam + step(gradient of the mean of the values)

until the stopping rule is content. The loop owns nothing but the order of these lines: what is
estimated, how a step is made, what is averaged and when to stop are arguments, and what they
remember is data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from vi_lib._anneal import Memory, Stages, chunked, gain_on, judge, moved, reported
from vi_lib._check import Array, NonFiniteError, ShapeError, require_shape
from vi_lib._fit_checks import diagnose, require_fit
from vi_lib._progress import Record, bar
from vi_lib._step_gradient import StepGradient
from vi_lib.diagnostics.psis import khat
from vi_lib.estimators import Estimator, LogDensity, reparam
from vi_lib.families import Family
from vi_lib.layout import Layout, unnamed
from vi_lib.optimizers import Average, Step, adam
from vi_lib.result import Result, Status, fresh_stream, restore_generator
from vi_lib.stopping import StopRule

__all__ = ["Record", "Stages", "fit", "fresh_elbo"]

OnNonFinite = Literal["raise", "skip", "stop"]
Minibatch = Callable[[np.random.Generator], LogDensity]

#: Draws of the ELBO that the result reports.
FINAL_DRAWS = 1000
#: So many skipped iterations in a row are no accident.
MAX_SKIPPED = 100
DEFAULT_STOP = Stages()


def fit(
    log_p: LogDensity,
    q: Family,
    lam: Array | None = None,
    *,
    estimator: Estimator = reparam,
    optimizer: Step | None = None,
    num_draws: int = 10,
    max_iters: int = 20_000,
    stop: StopRule | Stages | None = DEFAULT_STOP,
    rng: np.random.Generator | None = None,
    on_nonfinite: OnNonFinite = "raise",
    progress: bool | None = None,
    callbacks: Sequence[Callable[[Record], None]] = (),
    resume: Result | None = None,
    layout: Layout | None = None,
    minibatch: Minibatch | None = None,
    average: Average | None = None,
) -> Result:
    """Fit q to an unnormalised density by maximising the ELBO.

    Args:
        log_p: Log density (M, D) -> (M,), in nats, up to a constant.
        q: Variational family over D coordinates.
        lam: Parameters to start from (P,), by default `q.init()`, standard normal.
        estimator: Estimator of the ELBO whose gradient is followed; your own function will do.
        optimizer: Step rule, by default `adam(0.05)`.
        num_draws: Draws M of each gradient estimate. With 1 the ELBO has no standard error.
        max_iters: Largest number of iterations of this call; those of `resume` do not count.
        stop: By default stages of smaller and smaller steps, see `Stages`; their averages are
            what the result reports. With a rule on the history of (ELBO, standard error), or None
            to run all iterations, steps are those of the optimizer and nothing else.
        rng: Source of the noise; by default a fresh one, so two calls differ.
        on_nonfinite: On a value, gradient or step that is not finite: `"raise"` a `NonFiniteError`
            that names the draw and the coordinate, `"skip"` the step and count it in the result, or
            `"stop"` and return the parameters before it.
        progress: Whether to show a progress bar; by default only if standard error is a terminal.
        callbacks: Called with a `Record` after each step.
        resume: A result to continue from. With the settings of the first call, the outcome is that
            of an uninterrupted one, bit for bit.
        layout: Names and supports of the coordinates, for the result and for error messages.
        minibatch: Draws the log density of one iteration, unbiased for `log_p`; the ELBO of the
            result is still that of `log_p`.
        average: Rule such as `polynomial_average(3)`; the result reports the average of the
            iterates by it. In stages it averages the end of each, by default with equal weights.

    Returns:
        The result. Ctrl-C gives one, too, with `Status.INTERRUPTED`.

    Raises:
        NonFiniteError: As `on_nonfinite` says.
        ShapeError: If the family does not fit the log density.
        ValueError: If an argument contradicts another or is out of range.
    """
    _require(
        on_nonfinite in get_args(OnNonFinite), "on_nonfinite", on_nonfinite, "raise, skip or stop"
    )
    _require(num_draws >= 1, "num_draws", num_draws, "at least 1")
    _require(max_iters >= 0, "max_iters", max_iters, "at least 0")
    layout = layout or (unnamed(q.dim) if resume is None else resume.layout)
    if layout.dim != q.dim:
        raise ShapeError(f"the model has {layout.dim} coordinates, the family {q!r} has {q.dim}")
    step = adam(0.05) if optimizer is None else optimizer
    state, history, rng = _start(q, lam, rng, resume)
    require_fit(log_p, q, state.lam, estimator, num_draws)
    gradient_of = StepGradient(estimator, log_p, q)

    status = Status.COMPLETED if stop is None else Status.MAX_ITERS
    reason = f"all {max_iters} iterations were run"
    first = state.iteration

    def gain(lam: Array, before: Array) -> tuple[float, float]:
        other = fresh_stream({"for": "stages", "rng": state.rng})
        return gain_on(estimator, log_p, q, other, num_draws)(lam, before)

    try:
        with bar(max_iters, progress) as advance:
            while True:
                if not state.judged:
                    state, verdict = judge(state, history, stop, gain)
                    if verdict:
                        status, reason = Status.CONVERGED, verdict
                        break
                if state.iteration >= first + max_iters:
                    break
                target = log_p if minibatch is None else minibatch(rng)
                eps = q.noise(rng, num_draws)
                outcome = _step(state, target, eps, gradient_of, step)
                if outcome is None:
                    error = diagnose(state.iteration + 1, state.lam, target, q, eps, layout)
                    if on_nonfinite == "raise":
                        raise error
                    skipped = (*state.skipped, state.iteration + 1)
                    state = replace(state, rng=rng.bit_generator.state, skipped=skipped)
                    if on_nonfinite == "stop" or _stuck(state):
                        status, reason = Status.NON_FINITE, str(error)
                        break
                    continue
                record, memory = outcome
                history.append((record.elbo, record.elbo_se))
                state = moved(
                    state,
                    stop,
                    average,
                    lam=record.lam,
                    optimizer=memory,
                    rng=rng.bit_generator.state,
                )
                for callback in callbacks:
                    callback(record)
                advance(record)
    except KeyboardInterrupt:
        status, reason = Status.INTERRUPTED, "stopped by the keyboard"

    lam, log_w = state.lam, np.full(FINAL_DRAWS, np.nan)
    try:
        lam = reported(state, stop, gain)
        log_w = _log_weights(log_p, q, lam, fresh_stream(state.rng), FINAL_DRAWS)
    except KeyboardInterrupt:
        status, reason = Status.INTERRUPTED, "stopped by the keyboard before the final ELBO"
    except (ValueError, ArithmeticError) as error:  # the parameters are worth more than the report
        reason += f"; the final ELBO is missing, since log_p fails on draws of q: {error}"
    elbo, elbo_se = _mean(log_w)
    return Result(
        family=q,
        lam=lam,
        status=status,
        reason=reason,
        elbo=elbo,
        elbo_se=elbo_se,
        # An interrupt between two lines may have left one value too many.
        history=np.array(history[: state.steps], dtype=float).reshape(-1, 2),
        skipped=state.skipped,
        layout=layout,
        optimizer_state=state.optimizer,
        rng_state=state.rng,
        khat=_khat(log_w),
        loop_state=state.stored(),
    )


def fresh_elbo(
    log_p: LogDensity, q: Family, lam: Array, rng: np.random.Generator, num_draws: int = FINAL_DRAWS
) -> tuple[float, float]:
    """Return the ELBO at lam (P,) from draws of its own and its standard error, in nats."""
    return _mean(_log_weights(log_p, q, lam, rng, num_draws))


def _log_weights(
    log_p: LogDensity, q: Family, lam: Array, rng: np.random.Generator, num_draws: int
) -> Array:
    """Log weights, log p(z) - log q(z), of fresh draws (S,)."""
    return chunked(reparam, log_p, q, lam, q.noise(rng, num_draws), 1)


def _mean(values: Array) -> tuple[float, float]:
    """The mean and its standard error."""
    with np.errstate(all="ignore"):
        se = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        return float(np.mean(values)), float(se)


def _khat(log_w: Array) -> float:
    """k-hat; NaN if the weights have no tail to speak of because some are not numbers."""
    try:
        with np.errstate(all="ignore"):
            return float(khat(log_w))
    except NonFiniteError:
        return float("nan")


def _start(
    q: Family, lam: Array | None, rng: np.random.Generator | None, resume: Result | None
) -> tuple[Memory, list[tuple[float, float]], np.random.Generator]:
    """Memory, history and generator of the first iteration."""
    if resume is None:
        rng = np.random.default_rng() if rng is None else rng
        lam = q.init() if lam is None else np.array(lam, dtype=float)
        require_shape("lam", lam, (q.num_params,))
        return Memory(lam, None, rng.bit_generator.state), [], rng
    if lam is not None or rng is not None:
        raise ValueError("resume brings its own lam and rng: leave both out")
    if resume.family != q:
        raise ValueError(f"resume is a fit of {resume.family!r}, got the family {q!r}")
    memory = Memory(
        **{"lam": resume.lam, **(resume.loop_state or {})},
        optimizer=resume.optimizer_state,
        rng=resume.rng_state,
        steps=len(resume.history),
        skipped=resume.skipped,
    )
    history = [(float(elbo), float(se)) for elbo, se in resume.history]
    return memory, history, restore_generator(resume.rng_state)


def _step(
    state: Memory, log_p: LogDensity, eps: Array, gradient_of: StepGradient, step: Step
) -> tuple[Record, Any] | None:
    """One iteration, or None if anything in it is not finite."""
    # NumPy's warnings would say less than the error that names draw and coordinate.
    with np.errstate(all="ignore"):
        try:
            values, gradient = gradient_of(log_p, state.lam, eps)
        except np.linalg.LinAlgError:  # a factor whose diagonal has underflowed
            return None
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(gradient))):
            return None
        try:
            increment, optimizer = step(gradient, state.optimizer)
        except KeyError as error:
            raise ValueError(
                f"the optimizer misses {error} in its state, which has"
                f" {', '.join(state.optimizer)}: resume with the optimizer of the first call"
            ) from None
        lam = state.lam + state.scale * increment
        if not np.all(np.isfinite(lam)):
            return None
    elbo, se = _mean(np.asarray(values, dtype=float))
    return Record(state.iteration + 1, lam, elbo, se, gradient, state.scale), optimizer


def _stuck(state: Memory) -> bool:
    """Whether the last iterations were all skipped."""
    tail = state.skipped[-MAX_SKIPPED:]
    return len(tail) == MAX_SKIPPED and tail[0] == state.iteration - MAX_SKIPPED + 1


def _require(holds: bool, name: str, got: Any, wanted: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {wanted}, got {got!r}")
