"""Checks of E11.6, `importance_weighted_bound(log_w)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.compare import Mismatch, array, close, require
from autograder.checks.protocol import Part, Recorder
from vi_lib import amortised, estimators

Array = Any
Rng = np.random.Generator


def _one(answer: Recorder, log_w: Array, what: str) -> None:
    found = answer.call("importance_weighted_bound", log_w)
    close(found, estimators.importance_weighted_bound(np.asarray(log_w, float)), what)


def _values(answer: Recorder, rng: Rng) -> None:
    _one(answer, rng.normal(-3.0, 1.2, (5, 3)), "the bounds of 3 images, 5 samples each")
    _one(answer, rng.normal(-4.0, 1.5, 6), "the bound of one image, log_w of shape (6,)")
    _one(answer, rng.normal(-3.0, 1.2, (2, 4)), "the bounds of 4 images, 2 samples each")
    _one(answer, np.array([[-2, 1], [-3, 3], [-1, 0]]), "the bounds of 2 images, whole numbers")


def _single(answer: Recorder, rng: Rng) -> None:
    """One sample: the bound is the log weight itself, as in the ELBO."""
    log_w = rng.normal(-3.0, 1.2, (1, 4))
    _one(answer, log_w, "the bounds from a single sample each")
    _one(answer, rng.normal(-4.0, 1.5, 1), "the bound of one image from a single sample")
    same = np.repeat(log_w, 5, axis=0)
    _one(answer, same, "the bounds from 5 samples of equal weight")


def _extreme(answer: Recorder, rng: Rng) -> None:
    """Call everything before comparing: one end alone does not tell the slips apart."""
    some = rng.normal(0.0, 1.0, (4, 1))
    centres = np.array([[-3000.0, 3000.0]])
    holes = np.array([[-np.inf, -2.0], [-1.0, -np.inf], [rng.uniform(-3.0, -1.0), -5.0]])
    cases = [
        (some + centres[:, :1], "log weights near -3000"),
        (some + centres[:, 1:], "log weights near 3000"),
        (some + np.array([[-3000.0, -10.0]]), "two images, log weights near -3000 and near -10"),
        (np.array([[-3000.0], [0.0], [-1.0]]), "log weights of -3000, 0 and -1"),
        (holes, "samples of weight 0, log_w = -inf"),
    ]
    found = [answer.call("importance_weighted_bound", log_w) for log_w, _ in cases]
    for (log_w, what), got in zip(cases, found, strict=True):
        close(got, estimators.importance_weighted_bound(log_w), what)


def _rises(answer: Recorder, rng: Rng) -> None:
    """On a linear-Gaussian decoder: higher with more samples, and below the exact evidence.

    The encoder is bad, so the bound rises by tenths of nats, many standard errors of a mean over
    2,000 images; a right answer fails if a 5-sigma event happens.
    """
    vae = amortised.LinearVAE(rng.normal(0.0, 1.0, (5, 2)), rng.normal(0.0, 1.0, 5), 0.8)
    x = vae.sample(rng, 2000)
    lam = vae.best_lam(x) + np.array([0.4, -0.4, 0.3, 0.3])
    z = vae.family.transport(lam, rng.standard_normal((16, len(x), 2)))
    log_w = vae.log_joint(x, z) - vae.family.log_prob(lam, z)
    evidence = vae.log_evidence(x)
    _one(answer, log_w[:3, :4], "the bounds of 4 images, 3 samples each")
    found = []
    for num in (1, 4, 16):
        got = array(answer.call("importance_weighted_bound", log_w[:num]), f"bounds, K = {num},")
        if got.shape != (len(x),):
            close(got, np.zeros(len(x)), f"bounds of {len(x)} images with K = {num}")
        found.append(got.astype(float))
    for low, high, name in (
        (found[0], found[1], "from K = 1 to K = 4"),
        (found[1], found[2], "from K = 4 to K = 16"),
        (found[2], evidence, "from K = 16 to the exact log evidence"),
    ):
        gain = high - low
        error = np.std(gain, ddof=1) / np.sqrt(len(gain))
        require(
            bool(np.mean(gain) > -5.0 * error),
            f"the mean of your bounds over {len(x)} images: expected a rise {name}, got "
            f"{np.mean(low):.4f} and then {np.mean(high):.4f}.",
        )
    want = estimators.importance_weighted_bound(log_w)
    if not np.allclose(found[2], want, rtol=1e-4):
        raise Mismatch(
            f"the mean bound with K = 16: expected {np.mean(want):.6f}, got "
            f"{np.mean(found[2]):.6f}.",
            want,
            found[2],
        )


BOUND_PARTS = (
    Part("the bound", 1.5, _values),
    Part("one sample, equal samples", 0.5, _single),
    Part("log weights of ±3000 and -inf", 1.0, _extreme),
    Part("rises with K, below the evidence", 1.0, _rises, false_alarm=2e-6),
)
