"""Checks of E11.1, E11.2 and E11.4: the two terms of a VAE's ELBO, and the weight between them.

Logits of different sizes are compared one by one: an image with a pixel at -800 sets a tolerance in
which everything else is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close
from autograder.checks.diagnose import same
from autograder.checks.protocol import Part, Recorder
from vi_lib import amortised

Array = Any
Rng = np.random.Generator


# E11.1


def images(rng: Rng, *shape: int) -> Array:
    """Pixels 0.0 and 1.0; every image has more than one of each, in unequal number."""
    x = (rng.uniform(size=shape) < 0.3).astype(float)
    x[..., :2], x[..., -3:] = 1.0, 0.0
    return x


def _log_lik(answer: Recorder, x: Array, logits: Array, what: str) -> None:
    found = answer.call("bernoulli_log_likelihood", x, logits)
    close(found, amortised.bernoulli_log_likelihood(np.asarray(x, float), logits), what)


def _likelihood(answer: Recorder, rng: Rng) -> None:
    for num, pixels in ((5, 12), (3, 7)):
        logits = rng.normal(0.3, 1.5, (num, pixels))
        what = f"the log likelihoods of {num} images of {pixels} pixels"
        _log_lik(answer, images(rng, num, pixels), logits, what)


def _likelihood_shapes(answer: Recorder, rng: Rng) -> None:
    x = images(rng, 3, 8)
    _log_lik(answer, x[0], rng.normal(0.3, 1.5, 8), "a single image, (X,)")
    _log_lik(answer, x[:1], rng.normal(0.3, 1.5, (1, 8)), "a batch of one image, (1, X)")
    draws = rng.normal(0.3, 1.5, (4, 3, 8))
    _log_lik(answer, x, draws, "4 draws of z for each of 3 images, logits (4, 3, X)")
    logits = rng.normal(0.3, 1.5, (3, 8))
    _log_lik(answer, x.astype(int), logits, "pixels that are whole numbers")


def _extreme_logits(answer: Recorder, rng: Rng) -> None:
    """Call everything before comparing: one end alone does not tell the slips apart."""
    cases = []
    for size in (40.0, 800.0):
        u = rng.uniform(0.3, 1.0)
        for ones in ((1.0, 0.0), (0.0, 1.0)):
            logits = np.array([[size, u], [-size, u]])
            cases.append((np.array([[ones[0], 1.0], [ones[1], 1.0]]), logits))
    found = [answer.call("bernoulli_log_likelihood", *case) for case in cases]
    for (x, logits), got in zip(cases, found, strict=True):
        fits = "that the image agrees with" if x[0, 0] == 1.0 else "that the image contradicts"
        for row, (one, logit) in enumerate(zip(x, logits, strict=True)):
            values = array(got, "the log likelihoods")
            if values.shape != (2,):
                close(got, np.zeros(2), "the log likelihoods of 2 images")
            want = amortised.bernoulli_log_likelihood(one, logit)
            try:
                close(values[row], want, f"a logit of {logit[0]:.0f} {fits}")
            except Mismatch as error:
                if error.name == "not-finite":
                    error.name = "overflows"  # in whichever form
                raise


LIKELIHOOD_PARTS = (
    Part("one value for each image", 2.0, _likelihood),
    Part("one image, several draws, whole numbers", 1.0, _likelihood_shapes),
    Part("logits of ±40 and ±800", 1.0, _extreme_logits),
)


# E11.2


def _codes(rng: Rng, *shape: int) -> tuple[Array, Array]:
    """Means and log sds, away from 0 so that each term of the KL shows."""
    signs = rng.choice([-1.0, 1.0], shape)
    return signs * rng.uniform(0.4, 1.6, shape), rng.uniform(-1.6, -0.3, shape)


def _one_kl(answer: Recorder, mu: Array, log_sd: Array, what: str, atol: float = 0.0) -> None:
    found = answer.call("kl_diag_gaussian_standard", mu, log_sd)
    try:
        close(found, amortised.kl_diag_gaussian_standard(mu, log_sd), what, atol=atol)
    except Mismatch as error:
        again = answer.call("kl_diag_gaussian_standard", mu, log_sd)
        if not same(found, again):
            error.name = "monte-carlo"
        raise


def _kl(answer: Recorder, rng: Rng) -> None:
    for num, dim in ((5, 2), (4, 3)):
        what = f"the KL of {num} posteriors with {dim} coordinates each"
        _one_kl(answer, *_codes(rng, num, dim), what)


def _kl_shapes(answer: Recorder, rng: Rng) -> None:
    _one_kl(answer, *_codes(rng, 3), "a single posterior, (D,)")
    _one_kl(answer, *_codes(rng, 4, 1), "one latent coordinate, (B, 1)")
    _one_kl(answer, *_codes(rng, 2, 3, 2), "a stack of batches, (2, 3, D)")
    whole = np.array([[1, -2], [0, 3]]), np.array([[-1, 0], [1, -2]])
    _one_kl(answer, *whole, "whole numbers")


def _kl_ends(answer: Recorder, rng: Rng) -> None:
    """Nothing is learnt: 0. Everything is: as large as the posterior is narrow, but finite."""
    _one_kl(answer, np.zeros((2, 3)), np.zeros((2, 3)), "q equal to the prior", atol=1e-9)
    mu = rng.uniform(0.5, 1.5, (3, 2)) * np.array([[1.0], [0.0], [1e-3]])
    log_sd = np.array([[-400.0, -40.0], [-3.0, 2.0], [1e-3, -1e-3]])
    for row, what in enumerate(("sds of e^-400 and e^-40", "sds of e^-3 and e^2", "q near p")):
        _one_kl(answer, mu[row], log_sd[row], what, atol=1e-12)


KL_PARTS = (
    Part("one value for each image", 2.0, _kl),
    Part("other shapes, whole numbers", 1.0, _kl_shapes),
    Part("q equal to the prior, very narrow q", 1.0, _kl_ends),
)


# E11.4


def _beta(answer: Recorder, cases: list[tuple[int, int]]) -> None:
    found = [answer.call("kl_annealing", step, warmup) for step, warmup in cases]
    for (step, warmup), got in zip(cases, found, strict=True):
        what = f"beta at step {step} of a warm-up of {warmup}"
        close(got, amortised.kl_annealing(step, warmup), what, atol=1e-12)


def _ramp(answer: Recorder, rng: Rng) -> None:
    warmup = int(rng.integers(40, 400))
    inside = sorted(int(step) for step in rng.choice(np.arange(2, warmup - 2), 4, replace=False))
    # Beyond the ramp slips part that look alike on it; what comes there is judged by the next part.
    answer.call("kl_annealing", 3 * warmup, warmup)
    _beta(answer, [(step, warmup) for step in (0, 1, *inside, warmup - 1, warmup)])


def _plateau(answer: Recorder, rng: Rng) -> None:
    warmup = int(rng.integers(40, 400))
    _beta(answer, [(warmup // 2, warmup)])  # so that a wrong ramp is not told anything else
    _beta(answer, [(warmup + extra, warmup) for extra in (1, 7, 3 * warmup)])


def _no_warmup(answer: Recorder, rng: Rng) -> None:
    _beta(answer, [(0, 0), (int(rng.integers(1, 50)), 0), (0, 1), (1, 1)])


ANNEALING_PARTS = (
    Part("a straight ramp from 0 to 1", 1.0, _ramp),
    Part("1 from then on", 0.5, _plateau),
    Part("no warm-up", 0.5, _no_warmup),
)
