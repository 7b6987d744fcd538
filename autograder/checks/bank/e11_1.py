"""Typical answers to E11.1, `bernoulli_log_likelihood(x, logits)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from autograder.checks.protocol import Implementation, Right, Wrong

Array = Any


def _named(function: Callable[..., Any]) -> Implementation:
    return {"bernoulli_log_likelihood": function}


def per_pixel(x: Array, logits: Array) -> Array:
    return x * logits - np.logaddexp(0.0, logits)


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def _reduced(reduce: Callable[[Array], Any]) -> Implementation:
    """The right values of the pixels (..., X), put together in another way."""
    return _named(lambda x, logits: reduce(per_pixel(x, logits)))


def _of_pixels(pixel: Callable[[Array, Array], Array]) -> Implementation:
    """Other values of the pixels, summed over each image."""
    return _named(lambda x, logits: np.sum(pixel(x, logits), axis=-1))


def two_logarithms(x: Array, p: Array) -> Array:
    return x * np.log(p) + (1 - x) * np.log(1 - p)


def guarded_by(tiny: float) -> Implementation:
    def pixel(x: Array, logits: Array) -> Array:
        p = sigmoid(logits)
        return x * np.log(p + tiny) + (1 - x) * np.log(1 - p + tiny)

    return _of_pixels(pixel)


def cut_at(tiny: float) -> Implementation:
    return _of_pixels(lambda x, logits: two_logarithms(x, np.clip(sigmoid(logits), tiny, 1 - tiny)))


def cut_logits(bound: float) -> Implementation:
    return _of_pixels(lambda x, logits: per_pixel(x, np.clip(logits, -bound, bound)))


def summed_over_batch(rows: Array) -> Any:
    return np.sum(rows)


WRONG = (
    # Before the next one: a guard of 1e-8 changes the values too little to part them.
    Wrong(
        "probabilities-clipped",
        cut_at(1e-7),
        "Clipping the probability caps what a wrong pixel can cost, and where it is cut the "
        "gradient is 0: the decoder never learns from its worst mistakes. The formula in logits "
        "needs no clipping. How much should an image of logit −800 at a 1 cost?",
        also=(
            cut_at(1e-10),
            cut_at(1e-6),
            guarded_by(1e-8),
            guarded_by(1e-10),
            guarded_by(1e-12),
            guarded_by(1e-6),
            guarded_by(1e-7),
            cut_logits(30.0),
            cut_logits(20.0),
            cut_logits(100.0),
        ),
    ),
    Wrong(
        "overflows",
        _of_pixels(lambda x, logits: two_logarithms(x, sigmoid(logits))),
        "At a logit of 40 the sigmoid is 1 to the last digit, and log(1 − 1) is −∞; times 0 it is "
        "NaN. Simplify log p and log(1 − p) on paper first: with l the logit, what is left of "
        "x log p + (1 − x) log(1 − p)?",
        also=(
            _of_pixels(lambda x, logits: x * logits - np.log(1 + np.exp(logits))),
            _of_pixels(lambda x, logits: x * logits - np.log1p(np.exp(logits))),
            _of_pixels(lambda x, logits: two_logarithms(x, special.expit(logits))),
            _of_pixels(lambda x, l: two_logarithms(x, np.exp(l) / (1 + np.exp(l)))),
        ),
    ),
    Wrong(
        "mean-over-pixels",
        _reduced(lambda rows: np.mean(rows, axis=-1)),
        "The log of a product over pixels is a sum. With the mean instead, 64 pixels weigh as much "
        "as one against the KL, and the posterior collapses. Did you mean `sum`?",
    ),
    Wrong(
        "summed-over-the-batch",
        _reduced(summed_over_batch),
        "One number came for the whole batch. Return one log likelihood for each image: sum over "
        "the last axis alone.",
        also=(_reduced(np.mean), _reduced(lambda rows: np.mean(np.sum(rows, axis=-1)))),
    ),
    Wrong(
        "wrong-axis",
        _reduced(lambda rows: np.sum(rows, axis=0)),
        "You sum over the images, and keep one value for each pixel position. Which axis holds the "
        "pixels of one image?",
        also=(
            _reduced(lambda rows: np.mean(rows, axis=0)),
            _reduced(lambda rows: sum(rows)),
        ),
    ),
    Wrong(
        "second-axis",
        _reduced(lambda rows: np.sum(rows, axis=1)),
        "`axis=1` is the axis of the pixels for a batch (B, X) only. For one image or for several "
        "draws it is another one, or none: which number always means the last axis?",
    ),
    Wrong(
        "not-summed",
        _reduced(lambda rows: rows),
        "Those are the values of the single pixels. Pixels are independent given z: what happens "
        "to the logarithm of a product?",
    ),
    Wrong(
        "cross-entropy",
        _of_pixels(lambda x, logits: -per_pixel(x, logits)),
        "That is the cross entropy, a loss to be minimised. The logarithm of a probability is at "
        "most 0; which sign does yours have?",
        also=(
            _reduced(lambda rows: -np.mean(rows, axis=-1)),
            _reduced(lambda rows: -np.sum(rows)),
            _reduced(lambda rows: -np.mean(rows)),
        ),
    ),
    Wrong(
        "ones-only",
        _of_pixels(lambda x, logits: x * -np.logaddexp(0.0, -logits)),
        "Only the pixels that are 1 count in your sum. A white pixel where ink was predicted "
        "should cost as well: what is log p(0)?",
        also=(_of_pixels(lambda x, logits: x * np.log(sigmoid(logits))),),
    ),
    Wrong(
        "normaliser-forgotten",
        _of_pixels(lambda x, logits: x * logits),
        "Without log(1 + exp(logit)) the probabilities of 0 and 1 do not sum to 1, and logits grow "
        "without bound. What is log p(1) if the logit is 0?",
        also=(_of_pixels(lambda x, logits: x * logits - (1 - x) * logits),),
    ),
    Wrong(
        "zeros-and-ones-swapped",
        _of_pixels(lambda x, logits: per_pixel(1 - x, logits)),
        "You compute the probability of the negative: 0 and 1 have changed places. A large logit "
        "should make a 1 likely.",
        also=(
            _of_pixels(lambda x, logits: per_pixel(x, -logits)),
            _of_pixels(lambda x, logits: two_logarithms(x, 1 / (1 + np.exp(logits)))),
        ),
    ),
    Wrong(
        "logits-taken-as-probabilities",
        _of_pixels(two_logarithms),
        "The decoder's output is any real number, −800 included: it is a logit, log p/(1 − p), not "
        "a probability. How do you get p from it?",
        also=(
            _of_pixels(lambda x, l: two_logarithms(x, np.clip(l, 1e-7, 1 - 1e-7))),
            _of_pixels(lambda x, l: special.xlogy(x, l) + special.xlog1py(1 - x, -l)),
        ),
    ),
    Wrong(
        "sigmoid-twice",
        _of_pixels(lambda x, logits: per_pixel(x, special.expit(logits))),
        "You put the logits through the sigmoid, and then through a formula that does it again: no "
        "pixel can be more certain than 0.73 then. Which of the two takes logits?",
        also=(_of_pixels(lambda x, l: two_logarithms(x, sigmoid(sigmoid(l)))),),
    ),
    Wrong(
        "binarised-again",
        _of_pixels(lambda x, logits: per_pixel(np.asarray(x) >= 8, logits)),
        "The pixels are 0 or 1 already; with a threshold of 8 all of them become 0. Binarise the "
        "data once, before training, not in the likelihood.",
        also=(
            _of_pixels(lambda x, logits: per_pixel(x / 16, logits)),
            _of_pixels(lambda x, logits: per_pixel(x / 255, logits)),
        ),
    ),
    Wrong(
        "squared-error",
        _of_pixels(lambda x, logits: -((x - special.expit(logits)) ** 2)),
        "A squared error is the log likelihood of a Gaussian, up to constants. Pixels that are 0 "
        "or 1 have a Bernoulli distribution: what is its log probability?",
        also=(
            _of_pixels(lambda x, logits: -0.5 * (x - special.expit(logits)) ** 2),
            _of_pixels(lambda x, logits: -((x - logits) ** 2)),
            _of_pixels(lambda x, logits: -0.5 * (x - logits) ** 2),
        ),
    ),
    Wrong(
        "not-the-logarithm",
        _named(lambda x, logits: np.exp(np.sum(per_pixel(x, logits), axis=-1))),
        "That is the probability itself. For a real image, it is so small that nothing is left of "
        "it: return its logarithm.",
        also=(_of_pixels(lambda x, logits: np.exp(per_pixel(x, logits))),),
    ),
    Wrong(
        "in-bits",
        _of_pixels(lambda x, logits: per_pixel(x, logits) / np.log(2)),
        "You took the logarithm to base 2. Everything in this course is in nats: `np.log`.",
    ),
)


# Right


def by_image(x: Array, logits: Array) -> Any:
    x, logits = np.broadcast_arrays(x, logits)
    if x.ndim == 1:
        signed = [float(l) if p else -float(l) for p, l in zip(x, logits, strict=True)]
        return -sum(np.logaddexp(0.0, -s) for s in signed)
    return [by_image(a, b) for a, b in zip(x, logits, strict=True)]


def largest_first(x: Array, logits: Array) -> Array:
    soft = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    return np.einsum("...i->...", x * logits - soft)


def chosen(x: Array, logits: Array) -> Array:
    return np.where(np.asarray(x) == 1, special.log_expit(logits), special.log_expit(-logits)).sum(
        -1
    )


RIGHT = (
    Right("one image after the other", _named(by_image)),
    Right("the larger of 0 and the logit taken out", _named(largest_first)),
    Right("np.where and SciPy's log_expit", _named(chosen)),
    Right(
        "the sign of a pixel",
        _named(lambda x, logits: -np.sum(np.logaddexp(0, (1 - 2 * np.asarray(x)) * logits), -1)),
    ),
)
