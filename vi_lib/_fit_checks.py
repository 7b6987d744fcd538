"""What `fit` says about a log density that does not suit it.

Before the first step: whether it fits the family. After a step that failed: which draw and which
coordinate the NaN came from.
"""

from __future__ import annotations

import numpy as np
from autograd import make_vjp

from vi_lib._check import Array, NonFiniteError, ShapeError, SupportError
from vi_lib.estimators import Estimator, LogDensity, values_and_gradient
from vi_lib.families import Family
from vi_lib.layout import Layout


def require_fit(
    log_p: LogDensity, q: Family, lam: Array, estimator: Estimator, batch: int = 2
) -> None:
    """Try log density and estimator on a few draws; shapes tell whether family and model fit.

    Args:
        log_p: Log density.
        q: The family.
        lam: Parameters to start from (P,).
        estimator: The estimator.
        batch: Draws of one gradient; estimators that group them accept no other number.

    Raises:
        ShapeError: If log_p fails on draws of q, or does not map (M, D) to (M,).
        TypeError: If the estimator's gradient cannot be computed.
    """
    num_draws = 2 if q.dim != 2 else 3  # other than D, lest a transposed result look right
    eps = q.noise(np.random.default_rng(0), num_draws)
    with np.errstate(all="ignore"):
        z = q.transport(lam, eps)
    try:
        with np.errstate(all="ignore"):
            got = np.shape(log_p(z))
    except (NonFiniteError, SupportError, np.linalg.LinAlgError):
        raise
    except (ValueError, IndexError, TypeError) as error:
        raise ShapeError(
            f"log_p fails on draws of shape {z.shape} from {q!r}: {error}. Does the family have"
            " the number of coordinates that log_p expects?"
        ) from error
    if got != (num_draws,):
        raise ShapeError(
            f"log_p must map draws (M, D) to values (M,): draws of shape {z.shape} from {q!r} gave"
            f" shape {got}, expected {(num_draws,)}. Sum over the coordinates, the last axis, only"
        )
    try:
        with np.errstate(all="ignore"):
            values_and_gradient(estimator, lam, log_p, q, q.noise(np.random.default_rng(0), batch))
    except (ShapeError, NonFiniteError, SupportError):
        raise
    except np.linalg.LinAlgError:
        return  # a matter of the numbers, not of how log_p is written: the first step will tell
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the gradient cannot be computed: {error}. log_p and the estimator must be written"
            " with autograd.numpy (import autograd.numpy as np), or the estimator must not"
            " differentiate log_p, as the score function does not"
        ) from error


def diagnose(
    iteration: int, lam: Array, log_p: LogDensity, q: Family, eps: Array, layout: Layout
) -> NonFiniteError:
    """The error that names iteration, draw and coordinate of the first value that is not finite.

    Called only after a step has failed, so it may evaluate everything again. In this order: the
    draws z themselves, the gradient of log p at each draw, the value of log p, and at last the
    estimator or the step, which have failed where log p did not.

    Args:
        iteration: Counted from 1.
        lam: Parameters of the step that failed (P,).
        log_p: The log density of that step.
        q: The family.
        eps: The noise of that step (M, D).
        layout: Names of the coordinates.
    """
    with np.errstate(all="ignore"):
        return _diagnose(iteration, lam, log_p, q, eps, layout)


def _diagnose(
    iteration: int, lam: Array, log_p: LogDensity, q: Family, eps: Array, layout: Layout
) -> NonFiniteError:
    z = q.transport(lam, eps)
    where = _first(z)
    if where is not None:
        return _error(iteration, "a draw", float(z[where]), where, z, layout)
    # A log density that cannot be differentiated has no gradient to look at.
    try:
        vjp, values = make_vjp(log_p)(z)
        gradient = vjp(np.ones(len(z)))
    except np.linalg.LinAlgError as error:
        return NonFiniteError(f"iteration {iteration}: log_p fails: {error}", iteration=iteration)
    except (TypeError, NotImplementedError):
        values, gradient = log_p(z), np.zeros_like(z)
    where = _first(gradient)
    if where is not None:
        what = f"log_p is {float(values[where[0]]):.6g} and its gradient"
        return _error(iteration, what, float(gradient[where]), where, z, layout)
    where = _first(values)
    if where is not None:
        return _error(iteration, "log_p", float(values[where]), where, z, layout)
    centre, spread = np.mean(z, axis=0), np.std(z, axis=0)  # not every family knows its own
    return NonFiniteError(
        f"iteration {iteration}: log_p and its gradient are finite, but the estimate or the step"
        f" is not; the draws have mean {_short(centre)} and sd {_short(spread)}",
        iteration=iteration,
    )


def _error(
    iteration: int, what: str, value: float, where: tuple[int, ...], z: Array, layout: Layout
) -> NonFiniteError:
    draw = where[0]
    coordinate = layout.coordinates[where[1]] if len(where) > 1 else None
    for_whom = "" if coordinate is None else f" for {coordinate}"
    at = ", ".join(f"{n} = {v:.6g}" for n, v in zip(layout.coordinates[:6], z[draw], strict=False))
    more = ", ..." if len(layout.coordinates) > 6 else ""
    return NonFiniteError(
        f"iteration {iteration}: {what} is {value}{for_whom} at draw {draw}, where the"
        f" unconstrained coordinates are {at}{more}",
        iteration=iteration,
        coordinate=coordinate,
        draw=draw,
    )


def _first(x: Array) -> tuple[int, ...] | None:
    """Index of the first entry that is not finite."""
    bad = np.argwhere(~np.isfinite(x))
    return tuple(int(i) for i in bad[0]) if len(bad) else None


def _short(x: Array) -> str:
    return np.array2string(np.asarray(x), precision=4, threshold=6)
