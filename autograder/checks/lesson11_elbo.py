"""Checks of E11.3, `vae_elbo(params, x, eps, beta=1.0)`: the bound of a batch on given noise."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad

from autograder.checks.compare import NUMERICAL, close, number, require
from autograder.checks.lesson11_terms import images
from autograder.checks.protocol import Part, Recorder
from vi_lib import amortised

Array = Any
Rng = np.random.Generator


def network(rng: Rng, pixels: int = 9, hidden: int = 6, latent: int = 2) -> dict[str, Array]:
    """Encoder and decoder whose means, sds and logits all matter; no bias is 0."""
    params = amortised.init_vae((pixels, hidden, latent), rng)
    params = {
        name: rng.uniform(0.2, 0.7, value.shape) * rng.choice([-1.0, 1.0], value.shape)
        for name, value in params.items()
    }
    # Narrow posteriors of different width, so that exp(log_sd) is none of its neighbours.
    params["enc_b2"][latent:] = rng.uniform(-1.3, -0.9, latent)
    return params


Case = tuple[dict[str, Array], Array, Array]


def case(rng: Rng, num: int = 4, pixels: int = 9, hidden: int = 6, latent: int = 2) -> Case:
    """Parameters, a batch and its noise, none of it near 0."""
    eps = rng.choice([-1.0, 1.0], (num, latent)) * rng.uniform(0.4, 1.8, (num, latent))
    return network(rng, pixels, hidden, latent), images(rng, num, pixels), eps


def _exact(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    return amortised.vae_elbo(params, np.asarray(x, float), eps, beta)


def _value(answer: Recorder, rng: Rng) -> None:
    for num in (4, 7):
        given = case(rng, num)
        close(answer.call("vae_elbo", *given), _exact(*given), f"the ELBO of {num} images")


def _weight(answer: Recorder, rng: Rng) -> None:
    given = case(rng)
    close(answer.call("vae_elbo", *given), _exact(*given), "the ELBO without `beta`")
    for beta in (0.0, 0.3, 2.0):
        got = answer.call("vae_elbo", *given, beta=beta)
        close(got, _exact(*given, beta), f"the weighted ELBO with beta={beta:g}")


def _batches(answer: Recorder, rng: Rng) -> None:
    """The answer's own values: twice the batch has its ELBO, two halves have their mean."""
    params, x, eps = case(rng, 6)
    first, second = (
        number(answer.call("vae_elbo", params, x[rows], eps[rows]), "the ELBO of 3 images")
        for rows in (slice(0, 3), slice(3, 6))
    )
    require(
        first != second,
        f"the ELBOs of two different batches: expected two numbers, got {first:.6g} twice.",
    )
    twice = answer.call("vae_elbo", params, np.tile(x[:3], (2, 1)), np.tile(eps[:3], (2, 1)))
    close(twice, first, "your ELBO of the same 3 images standing twice in the batch")
    both = answer.call("vae_elbo", params, x, eps)
    close(both, 0.5 * (first + second), "your ELBO of two batches joined, the mean of theirs")


def _gradient(answer: Recorder, rng: Rng) -> None:
    params, x, eps = case(rng)
    # The value first: only an answer that has it can be told that its gradient is missing.
    close(answer.call("vae_elbo", params, x, eps), _exact(params, x, eps), "the ELBO")
    found = answer.gradient("vae_elbo", 0, params, x, eps)
    want = grad(lambda params: anp.sum(_exact(params, x, eps)))(params)
    require(
        isinstance(found, dict) and set(found) == set(want),
        f"the gradient: expected one array for each of {', '.join(want)}, got {found!r:.80}.",
    )
    for name, expected in want.items():
        what = f"the derivative in `{name}`, by autograd"
        close(found[name], expected, what, rtol=NUMERICAL, atol=1e-12)


def _other_sizes(answer: Recorder, rng: Rng) -> None:
    for num, pixels, hidden, latent in ((1, 9, 6, 2), (3, 5, 4, 1), (2, 8, 7, 3)):
        given = case(rng, num, pixels, hidden, latent)
        what = f"the ELBO of {num} image(s) of {pixels} pixels, {latent} latent coordinate(s)"
        close(answer.call("vae_elbo", *given), _exact(*given), what)
    params, x, _ = case(rng, 3)
    got = answer.call("vae_elbo", params, x.astype(int), np.array([[1, -2], [-1, 1], [2, -1]]))
    want = _exact(params, x, np.array([[1.0, -2.0], [-1.0, 1.0], [2.0, -1.0]]))
    close(got, want, "the ELBO with pixels and noise in whole numbers")


ELBO_PARTS = (
    Part("the ELBO of a batch", 2.0, _value),
    Part("`beta` weighs the KL", 1.0, _weight),
    Part("a mean over the batch", 1.0, _batches),
    Part("autograd finds its gradient", 1.0, _gradient),
    Part("other sizes, whole numbers", 1.0, _other_sizes),
)
