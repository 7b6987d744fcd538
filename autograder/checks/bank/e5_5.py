"""Typical answers to E5.5, `bbvi(log_joint, mu, log_sd, num_iter, num_samples, rho, rng)`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checks.bank.e5_densities import log_q, score
from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _noise(rng: Any, num: int, dim: int, t: int) -> Array:
    return rng.standard_normal((num, dim))


def _transposed_noise(rng: Any, num: int, dim: int, t: int) -> Array:
    return rng.standard_normal((dim, num)).T


def _noise_of_seed_0(rng: Any, num: int, dim: int, t: int) -> Array:
    return np.random.default_rng(t).standard_normal((num, dim))


def _leave_one_out(weight: Array) -> Array:
    return (weight - np.mean(weight)) * len(weight) / (len(weight) - 1)


def _run(
    log_joint: Any,
    mu: Array,
    log_sd: Array,
    num_iter: int,
    num_samples: int,
    rho: Any,
    rng: Any,
    *,
    sign: float = 1.0,
    chain: bool = True,
    shift: int = 0,
    frozen_step: bool = False,
    frozen_noise: bool = False,
    noise: Callable[..., Array] = _noise,
    sd_of: Callable[[Array], Array] = np.exp,
    log_q_sign: float = -1.0,
    elbo_sign: float = 1.0,
    elbo_log_q: float = -1.0,
    baseline: Callable[[Array], Array] = lambda weight: weight,
    total: bool = False,
    all_log_q: bool = False,
    elbo_total: bool = False,
    rho_ignored: bool = False,
    rho_never_called: bool = False,
    in_sd: bool = False,
    sequential: bool = False,
    history_before: bool = False,
    return_sd: bool = False,
    last_elbo: bool = False,
    fewer: int = 0,
    at_most: int = 10**9,
    stop_at_drop: bool = False,
    integers: bool = False,
    average: bool = False,
) -> dict[str, Array]:
    mean, omega = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
    kept = np.result_type(np.asarray(mu)) if integers else float
    elbo, history, omegas = [], [], []
    eps = noise(rng, num_samples, len(mean), 1) if frozen_noise else None
    for t in range(1, min(num_iter + 1 - fewer, at_most)):
        sd = sd_of(omega)
        drawn = noise(rng, num_samples, len(mean), t) if eps is None else eps
        theta = mean + sd * drawn
        log_p, log_density = log_joint(theta), log_q(theta, mean, sd)
        if all_log_q:
            log_density = np.sum(log_density)
        weight = baseline(log_p + log_q_sign * log_density)[:, None]
        scale = num_samples if total else 1
        rate = rho(1 if frozen_step else t + shift) if callable(rho) else rho
        if rho_never_called:
            rate = rho
        step = scale * sign * (1.0 if rho_ignored else rate)
        before = mean
        mean = mean + step * np.mean(score(theta, mean, sd)[0] * weight, axis=0)
        g_sd = np.mean(score(theta, mean if sequential else before, sd)[1] * weight, axis=0)
        gradient = g_sd * sd if chain else g_sd
        omega = np.log(sd + step * g_sd) if in_sd else omega + step * gradient
        estimate = elbo_sign * np.mean(log_p + elbo_log_q * log_density)
        elbo.append(estimate * num_samples if elbo_total else estimate)
        history.append((before if history_before else mean).astype(kept))
        omegas.append(omega)
        if stop_at_drop and len(elbo) > 1 and elbo[-1] < elbo[-2]:
            break
    if average:
        mean, omega = np.mean(history, axis=0), np.mean(omegas, axis=0)
    return {
        "mu": mean,
        "log_sd": np.exp(omega) if return_sd else omega,
        "elbo": elbo[-1] if last_elbo else np.array(elbo),
        "history": np.array(history),
    }


def _with(**change: Any) -> Implementation:
    return {"bbvi": functools.partial(_run, **change)}


@dataclass
class Fit:
    """What `bbvi` returns, as a dataclass."""

    mu: Array
    log_sd: Array
    elbo: Array
    history: Array


def as_dataclass(*args: Any, **kwargs: Any) -> Fit:
    return Fit(**_run(*args, **kwargs))


def in_lists(
    log_joint: Any,
    mu: Array,
    log_sd: Array,
    num_iter: int,
    num_samples: int,
    rho: Any,
    rng: Any,
    verbose: bool = True,
) -> dict[str, list[Any]]:
    """Loops over draws and coordinates, `rng.normal` for the draws, and a line of progress."""
    dim = len(mu)
    mu, log_sd = [float(m) for m in mu], [float(s) for s in log_sd]
    elbo: list[float] = []
    history: list[list[float]] = []
    for t in range(num_iter):
        rate = rho(t + 1) if callable(rho) else rho
        sd = np.exp(log_sd)
        theta = rng.normal(mu, sd, size=(num_samples, dim))
        weight = log_joint(theta) - log_q(theta, np.array(mu), sd)
        z = (theta - np.array(mu)) / sd
        for d in range(dim):
            mu[d] += rate * float(np.sum(weight * z[:, d])) / sd[d] / num_samples
            log_sd[d] += rate * float(np.sum(weight * (z[:, d] ** 2 - 1))) / num_samples
        elbo.append(float(np.mean(weight)))
        history.append(list(mu))
        if verbose and t % 100 == 0:
            print(t, elbo[-1])
    return {"mu": mu, "log_sd": log_sd, "elbo": elbo, "history": history}


WRONG = (
    Wrong(
        "descends",
        _with(sign=-1.0),
        "Your ELBO falls: you step against the gradient. We maximise, so add rho times it.",
    ),
    Wrong(
        "chain-rule-forgotten",
        _with(chain=False),
        "You stepped in log sd with the gradient in sd. "
        "By the chain rule d/d log sd = sd * d/d sd.",
    ),
    Wrong(
        "steps-in-sd",
        _with(in_sd=True),
        "You stepped in sd and took the logarithm afterwards. The parameter here is log sd: "
        "that is what keeps sd positive whatever the step.",
    ),
    Wrong(
        "t-starts-at-0",
        _with(shift=-1),
        "The step sizes are shifted by one: t counts from 1, so that rho(1) is the first.",
    ),
    Wrong(
        "t-starts-at-2",
        _with(shift=1),
        "The step sizes are shifted by one: the first step uses rho(1).",
    ),
    Wrong(
        "first-step-size-for-ever",
        _with(frozen_step=True),
        "You ask for rho(1) in every iteration; the noise never dies out. Use rho(t).",
    ),
    Wrong(
        "same-draws-every-iteration",
        _with(frozen_noise=True),
        "Every iteration uses the same noise: draw inside the loop, "
        "or the errors of one sample are climbed instead of the ELBO.",
    ),
    Wrong(
        "own-generator",
        _with(noise=_noise_of_seed_0),
        "Your draws do not come from `rng`: use the generator you are given, "
        "`rng.standard_normal((num_samples, D))`.",
    ),
    Wrong(
        "log-sd-used-as-sd",
        _with(sd_of=lambda omega: omega),
        "You scaled the noise by log sd. What turns `log_sd` into a standard deviation?",
    ),
    Wrong(
        "log-sd-used-as-log-variance",
        _with(sd_of=lambda omega: np.exp(0.5 * omega)),
        "You took exp(log_sd / 2), as if `log_sd` were a log variance.",
    ),
    Wrong(
        "log-q-left-out",
        _with(log_q_sign=0.0),
        "The weight is log p(x, theta) - log q(theta); without log q nothing keeps q from "
        "collapsing to a point.",
    ),
    Wrong(
        "log-q-summed-over-draws",
        _with(all_log_q=True),
        "Each draw needs a log q of its own: add up the coordinates of a draw (`axis=1`), "
        "not all entries of the array.",
    ),
    Wrong(
        "rho-ignored",
        _with(rho_ignored=True),
        "Your steps are the gradients themselves: multiply them by the step size rho.",
    ),
    Wrong(
        "rho-never-called",
        _with(rho_never_called=True),
        "`rho` is a number *or* a function of t, and you multiply by it as if it were always a "
        "number. How can you ask which it is? (`callable`)",
    ),
    Wrong(
        "elbo-summed",
        _with(elbo_total=True),
        "Your trace is a sum over the draws. The ELBO is an expectation: average the weights.",
    ),
    Wrong(
        "elbo-with-minus-entropy",
        _with(elbo_log_q=1.0),
        "Your trace adds log q: that subtracts the entropy. "
        "Which sign has E[log q] in the ELBO (E5.3)?",
    ),
    Wrong(
        "elbo-without-entropy",
        _with(elbo_log_q=0.0),
        "Your trace is E[log p(x, theta)] alone: where is the entropy?",
    ),
    Wrong(
        "elbo-negated",
        _with(elbo_sign=-1.0),
        "Your trace is minus the ELBO. We maximise, so note the ELBO itself.",
    ),
    Wrong(
        "summed-over-draws",
        _with(total=True),
        "Your step grows with `num_samples`: average the gradients over the draws.",
    ),
    Wrong(
        "mean-moved-first",
        _with(sequential=True),
        "You moved `mu` before you evaluated the score of sd. Both gradients belong to the "
        "same q, the one that made the draws.",
    ),
    Wrong(
        "history-before-the-step",
        _with(history_before=True),
        "Row t of `history` is the mean after step t: its last row must be the returned `mu`.",
    ),
    Wrong(
        "sd-returned",
        _with(return_sd=True),
        "You returned the standard deviation; the key `log_sd` asks for its logarithm.",
    ),
    Wrong(
        "one-iteration-short",
        _with(fewer=1),
        "One iteration is missing: `range(1, num_iter)` ends too early.",
    ),
    Wrong(
        "iterations-capped",
        _with(at_most=50),
        "You stop after a fixed number of iterations of your own. Do all `num_iter` of them.",
    ),
    Wrong(
        "stops-at-the-first-drop",
        _with(stop_at_drop=True),
        "You stop when an ELBO is lower than the one before. These are noisy estimates: "
        "they fall every few steps even while the fit improves. Do all `num_iter` steps.",
    ),
    Wrong(
        "integers-truncated",
        _with(integers=True),
        "With an integer start your history is rounded to integers: make the arrays of floats.",
    ),
)

RIGHT = (
    Right("last-elbo-alone", _with(last_elbo=True)),
    Right("as in the text", _with()),
    Right("a dataclass", {"bbvi": as_dataclass}),
    Right("lists and rng.normal", {"bbvi": in_lists}),
    Right("leave-one-out baseline", _with(baseline=_leave_one_out)),
    Right("noise drawn the other way round", _with(noise=_transposed_noise)),
    Right("average of the iterates", _with(average=True)),
    Right("leave-one-out and averaged", _with(baseline=_leave_one_out, average=True)),
)
