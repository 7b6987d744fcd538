"""Checks of E10.3, `bayes_by_backprop_loss(params, X, y, eps, num_batches)`.

Exact on the given noise. The KL divergence may be taken in closed form, or as the source does from
the one draw of the weights, log q(w) - log p(w): both are unbiased and both are compared exactly.
Differences of two losses isolate a term: in y the fit, in num_batches the KL divergence.
"""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad

from autograder.checks.bank import e10_3
from autograder.checks.compare import Mismatch, array, close, entry, require, show
from autograder.checks.protocol import Part, PartTest, Recorder
from autograder.checks.slips import compared_alike
from vi_lib import densities
from vi_lib.amortised import bayes_by_backprop_loss, sample_weights, weight_kl
from vi_lib.transforms import softplus

Array = Any
Rng = np.random.Generator
Params = dict[str, Any]
Case = tuple[Params, Array, Array, Array]
"""params, X, y and eps."""

LOSS = "bayes_by_backprop_loss"


def _case(rng: Rng, inputs: int = 2, hidden: int = 3, rows: int = 5, sign: float = 1.0) -> Case:
    """Means of both signs, sds from .2 to 1.3, a noise sd away from 1; nothing saturates.

    `sign` is that of log_noise_sd: where it is positive, a log that was not undone is no NaN.
    """
    count = hidden * (inputs + 2) + 1
    params = {
        "mu": rng.choice([-1.0, 1.0], count) * rng.uniform(0.3, 1.0, count),
        "rho": rng.permutation(np.linspace(-1.5, 1.0, count)) + rng.uniform(-0.05, 0.05, count),
        "log_noise_sd": float(sign * rng.uniform(0.3, 0.6)),
    }
    X = rng.choice([-1.0, 1.0], (rows, inputs)) * rng.uniform(0.3, 1.2, (rows, inputs))
    eps = rng.choice([-1.0, 1.0], count) * rng.uniform(0.3, 1.5, count)
    return params, X, rng.choice([-1.0, 1.0], rows) * rng.uniform(1.0, 2.5, rows), eps


def _loss(answer: Recorder, case: Case, num_batches: float) -> Any:
    """The loss as a number that keeps its precision, single or double."""
    params, X, y, eps = case
    found = array(answer.call(LOSS, params, X, y, eps, num_batches), f"`{LOSS}`")
    if found.size != 1:
        raise Mismatch(
            f"the loss of {len(y)} rows: expected one number, got {show(found)}.", got=found
        )
    return found.reshape(())[()]


def sampled_kl(params: Params, eps: Array) -> Any:
    """Log q(w) - log p(w) at the one draw of the weights, nats."""
    w, sd = sample_weights(params, eps), softplus(params["rho"])
    log_q = anp.sum(densities.normal(eps)) - anp.sum(anp.log(sd))
    return log_q - anp.sum(densities.normal(w))


def _exact(case: Case, num_batches: float) -> tuple[float, float]:
    """The loss with the KL in closed form, and from the one draw."""
    params, X, y, eps = case
    loss = float(bayes_by_backprop_loss(params, X, y, eps, num_batches))
    other = float(sampled_kl(params, eps) - weight_kl(params)) / num_batches
    return loss, loss + other


def _either(got: Any, wanted: tuple[Any, Any], what: str) -> None:
    """Close to the first or to the second; the first is what a student is told."""
    try:
        close(got, wanted[0], what)
    except Mismatch as mismatch:
        try:
            close(got, wanted[1], what)
        except Mismatch:
            raise mismatch from None


def fit_of_the_data(answer: Recorder, rng: Rng) -> None:
    """By how much the loss changes with y: everything but the misfit cancels."""
    params, X, y, eps = _case(rng)
    other = y + rng.choice([-1.0, 1.0], len(y)) * rng.uniform(0.5, 1.5, len(y))
    change = _loss(answer, (params, X, y, eps), 4) - _loss(answer, (params, X, other, eps), 4)
    want = _exact((params, X, y, eps), 4)[0] - _exact((params, X, other, eps), 4)[0]
    close(change, want, "the loss of 5 rows minus that with other y, which no KL can change")


def share_of_the_kl(answer: Recorder, rng: Rng) -> None:
    """By how much the loss changes with the number of batches."""
    case = _case(rng)
    change = _loss(answer, case, 2) - _loss(answer, case, 10)
    want = tuple(a - b for a, b in zip(_exact(case, 2), _exact(case, 10), strict=True))
    _either(change, (want[0], want[1]), "the loss with 2 batches minus that with 10: .4 of the KL")


def whole_loss(answer: Recorder, rng: Rng) -> None:
    """Several nets and batches, one row, whole numbers."""
    whole = _case(rng, 1, 2, 4)
    count = len(whole[3])
    whole = (
        {"mu": np.arange(count) % 3 - 1, "rho": np.arange(count) % 2, "log_noise_sd": 1},
        rng.integers(-2, 3, (4, 1)),
        rng.integers(1, 5, 4),
        np.array([1, -2, 0, 1, 2, -1, 1]),
    )
    cases = (
        (_case(rng), 1, "5 rows of 2 inputs, 3 units"),
        (_case(rng, sign=-1.0), 3, "5 rows of 2 inputs, 3 units, 3 batches"),
        (_case(rng, 3, 2, 4), 2.5, "4 rows of 3 inputs, 2 units, 2.5 batches"),
        (_case(rng, 1, 4, 1, -1.0), 7, "1 row of 1 input, 4 units, 7 batches"),
        (whole, 2, "4 rows of whole numbers, 2 batches"),
    )
    for case, num_batches, what in cases:
        _either(_loss(answer, case, num_batches), _exact(case, num_batches), f"the loss of {what}")


def batches_add_up(answer: Recorder, rng: Rng) -> None:
    """With a common eps the losses of the batches sum to that of all data: own values only."""
    params, X, y, eps = _case(rng, 2, 3, 6)
    full = _loss(answer, (params, X, y, eps), 1)
    twice = _loss(answer, (params, np.tile(X, (2, 1)), np.tile(y, 2), eps), 1)
    for num_batches in (3, 6):
        cuts = [slice(k, None, num_batches) for k in range(num_batches)]
        parts = [_loss(answer, (params, X[c], y[c], eps), num_batches) for c in cuts]
        what = f"the sum of your losses of {num_batches} batches, which is your loss of all data"
        single = np.asarray(parts[0]).dtype == np.float32
        total = np.sum(parts, dtype=np.float32 if single else float)
        try:
            close(total, full, what)
        except Mismatch as mismatch:
            # Rows that are there twice leave a mean as it is, whatever else is wrong.
            if abs(twice - full) <= 1e-6 * abs(full):
                mismatch.name = "mean-likelihood-with-the-whole-kl"
            raise
    once = _loss(answer, (params, X, y, eps), 3)
    require(
        bool(abs(full - once) > 1e-3),
        f"expected another loss of the same rows when they are one batch of three, got {show(once)}"
        " both times.",
        expected=_exact((params, X, y, eps), 3)[0],
        got=once,
    )


def _gradients(case: Case, num_batches: float) -> tuple[Any, Any]:
    params, X, y, eps = case

    def loss(p: Params) -> Any:
        return bayes_by_backprop_loss(p, X, y, eps, num_batches)

    def other(p: Params) -> Any:
        return loss(p) + (sampled_kl(p, eps) - weight_kl(p)) / num_batches

    return grad(loss)(params), grad(other)(params)


def gradient_in_the_parameters(answer: Recorder, rng: Rng) -> None:
    """By autograd, in all parameters; among the weights one that is all but known, rho = -40."""
    params, X, y, eps = _case(rng)
    tiny = {**params, "rho": np.where(np.arange(len(eps)) == 1, -40.0, params["rho"])}
    found = []
    for chosen in (params, tiny):
        case = (chosen, X, y, eps)
        _loss(answer, case, 2)  # so that no number at all is reported as such
        found.append((answer.gradient(LOSS, 0, chosen, X, y, eps, 2), _gradients(case, 2)))
    # Both calls are on record before anything is compared: one alone tells less.
    for (got, wanted), where in zip(found, ("", ", one rho being -40"), strict=True):
        for name in ("mu", "rho", "log_noise_sd"):
            what = f"the gradient of the loss in `{name}`{where}"
            came = entry(got, name, what)
            _either(came, (wanted[0][name], wanted[1][name]), what)


_ONE_TERM = tuple(wrong for wrong in e10_3.WRONG if wrong.name != "elbo-returned")
"""What a single term may be told: that all signs are wrong shows in the whole alone."""


def _named(part: PartTest) -> PartTest:
    return compared_alike(_ONE_TERM, part)


LOSS_PARTS = (
    Part("fit of the data", 1.0, _named(fit_of_the_data)),
    Part("share of the KL divergence", 1.0, _named(share_of_the_kl)),
    Part("the whole loss", 2.0, whole_loss),
    Part("batches add up", 1.0, batches_add_up),
    Part("gradient by autograd", 1.0, gradient_in_the_parameters),
)
