"""Typical answers to E11.3, `vae_elbo(params, x, eps, beta=1.0)`: a bound put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy as onp

from autograder.checks.protocol import Implementation, Right, Wrong
from vi_lib import amortised

Array = Any


def log_lik(x: Array, logits: Array) -> Array:
    return np.sum(x * logits - np.logaddexp(0.0, logits), axis=-1)


def kl_terms(mu: Array, log_sd: Array) -> Array:
    return 0.5 * (mu**2 + np.exp(2.0 * log_sd) - 1.0 - 2.0 * log_sd)


def halves(out: Array) -> tuple[Array, Array]:
    dim = out.shape[-1] // 2
    return out[..., :dim], out[..., dim:]


def draw(mu: Array, log_sd: Array, eps: Array) -> Array:
    return mu + np.exp(log_sd) * eps


def kl_of(mu: Array, log_sd: Array, z: Array, eps: Array) -> Array:
    return np.sum(kl_terms(mu, log_sd), axis=-1)


def sampled_kl(mu: Array, log_sd: Array, z: Array, eps: Array) -> Array:
    """The log ratio of q and the prior at the draw: right on average."""
    return np.sum(0.5 * z**2 - 0.5 * eps**2 - log_sd, axis=-1)


def combined(fit: Array, kl: Array, beta: float) -> Array:
    return np.mean(fit - beta * kl)


def vae(
    split: Callable[[Array], tuple[Array, Array]] = halves,
    place: Callable[..., Array] = draw,
    fit: Callable[[Array, Array], Array] = log_lik,
    kl: Callable[..., Array] = kl_of,
    combine: Callable[..., Array] = combined,
) -> Implementation:
    """A right answer with some of its pieces changed."""

    def answer(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
        mu, log_sd = split(amortised.encode(params, x))
        z = place(mu, log_sd, eps)
        return combine(fit(x, amortised.mlp_decoder(params, z)), kl(mu, log_sd, z, eps), beta)

    return {"vae_elbo": answer}


def log_variance_kl(mu: Array, s: Array, z: Array, eps: Array) -> Array:
    return np.sum(0.5 * (mu**2 + np.exp(s) - 1.0 - s), axis=-1)


def unpacked(out: Array) -> tuple[Array, Array]:
    """The rows as a pair, which works for two images."""
    mu, log_sd = out
    return mu, log_sd


def divided_by_pixels(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    return vae()["vae_elbo"](params, x, eps, beta) * len(x) / x.shape[1]


def plain_numpy(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    """Right values from `import numpy as np`: autograd cannot follow."""
    mu, log_sd = halves(amortised.encode(params, x))
    z = mu + onp.exp(onp.asarray(log_sd, dtype=float)) * eps
    return combined(log_lik(x, amortised.mlp_decoder(params, z)), kl_of(mu, log_sd, z, eps), beta)


def as_a_float(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    return float(vae()["vae_elbo"](params, x, eps, beta))


def filled_in(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    """Values put into an array that exists already."""
    mu, log_sd = halves(amortised.encode(params, x))
    values = onp.zeros(len(x))
    for i in range(len(x)):
        z = draw(mu[i], log_sd[i], eps[i])
        fit = log_lik(x[i], amortised.mlp_decoder(params, z))
        values[i] = fit - beta * kl_of(mu[i], log_sd[i], z, eps[i])
    return np.mean(values)


WRONG = (
    Wrong(
        "kl-added",
        vae(combine=lambda fit, kl, beta: np.mean(fit + beta * kl)),
        "Your bound grows when q moves away from the prior. The ELBO is fit *minus* KL: a code has "
        "to pay for what it says.",
    ),
    Wrong(
        "mean-over-pixels",
        vae(fit=lambda x, logits: np.mean(x * logits - np.logaddexp(0.0, logits), axis=-1)),
        "A mean over pixels beside a summed KL: the likelihood counts as if an image had one "
        "pixel. Maximise that and every code collapses onto the prior. Sum over the pixels.",
        also=(
            vae(
                fit=lambda x, l: np.mean(x * l - np.logaddexp(0.0, l), axis=-1),
                kl=lambda mu, s, z, eps: np.mean(kl_terms(mu, s), axis=-1),
            ),
        ),
    ),
    Wrong(
        "summed-over-the-batch",
        vae(combine=lambda fit, kl, beta: np.sum(fit - beta * kl)),
        "With the same images twice in the batch your ELBO doubles. Average over the batch.",
    ),
    Wrong(
        "divided-by-the-pixels",
        {"vae_elbo": divided_by_pixels},
        "You divide by the number of pixels, `x.shape[1]`. The mean is over the images: how many "
        "rows has x?",
    ),
    Wrong(
        "two-coordinates-built-in",
        vae(split=lambda out: (out[..., :2], out[..., 2:])),
        "Your function knows codes of two numbers only. How many there are, the last axis of `eps` "
        "says.",
    ),
    Wrong(
        "encoder-unpacked-as-a-pair",
        vae(split=unpacked),
        "`amortised.encode` returns one array (B, 2D), not a pair. Cut it by columns: the means "
        "come first.",
    ),
    Wrong(
        "kl-summed-over-the-batch",
        vae(combine=lambda fit, kl, beta: np.mean(fit) - beta * np.sum(kl)),
        "The likelihood is averaged over the batch and the KL is summed over it: its weight grows "
        "with the batch size. Each image pays for its own code.",
        also=(
            vae(combine=lambda fit, kl, beta: np.sum(fit) - beta * np.mean(kl)),
            vae(combine=lambda fit, kl, beta: np.mean(fit) - beta * np.mean(kl) / len(kl)),
        ),
    ),
    Wrong(
        "kl-averaged-over-coordinates",
        vae(kl=lambda mu, s, z, eps: np.mean(kl_terms(mu, s), axis=-1)),
        "The KL is averaged over the latent coordinates. They are independent, so their KLs add "
        "up; only the images are averaged.",
    ),
    Wrong(
        "loss",
        vae(combine=lambda fit, kl, beta: -np.mean(fit - beta * kl)),
        "That is minus the ELBO, a loss. We maximise: return the ELBO itself, which is negative "
        "here.",
        also=(
            vae(
                place=lambda mu, s, eps: mu + np.exp(0.5 * s) * eps,
                kl=log_variance_kl,
                combine=lambda fit, kl, beta: -np.mean(fit - beta * kl),
            ),
            vae(
                place=lambda mu, s, eps: mu + np.exp(0.5 * s) * eps,
                kl=log_variance_kl,
                combine=lambda fit, kl, beta: -np.sum(fit - beta * kl),
            ),
            vae(combine=lambda fit, kl, beta: -np.sum(fit - beta * kl)),
        ),
    ),
    Wrong(
        "beta-on-the-likelihood",
        vae(combine=lambda fit, kl, beta: np.mean(beta * fit - kl)),
        "`beta` weighs the KL, and you have put it on the likelihood. With beta = 0 only "
        "reconstruction should be left.",
        also=(vae(combine=lambda fit, kl, beta: beta * np.mean(fit - kl)),),
    ),
    Wrong(
        "beta-ignored",
        vae(combine=lambda fit, kl, beta: np.mean(fit - kl)),
        "`beta` changes nothing in your result. A published program lost its annealing in just "
        "this way. Which term should it weigh?",
        also=(
            vae(combine=lambda fit, kl, beta: np.mean(fit - beta**2 * kl)),
            vae(combine=lambda fit, kl, beta: np.mean(fit - kl / beta) if beta else np.mean(fit)),
        ),
    ),
    Wrong(
        "log-sd-taken-as-log-variance",
        vae(place=lambda mu, s, eps: mu + np.exp(0.5 * s) * eps),
        "exp(log_sd / 2) is the sd if the encoder returns a log *variance*. Ours returns the log "
        "of the sd.",
        also=(
            vae(place=lambda mu, s, eps: mu + np.exp(0.5 * s) * eps, kl=log_variance_kl),
            vae(kl=log_variance_kl),
        ),
    ),
    Wrong(
        "sd-not-exponentiated",
        vae(place=lambda mu, s, eps: mu + s * eps),
        "The second half of the encoder's output is the *log* of the sd, and may be negative. What "
        "has to be done before it multiplies the noise?",
        also=(
            vae(place=lambda mu, s, eps: mu + np.exp(2.0 * s) * eps),
            vae(place=lambda mu, s, eps: mu + np.log1p(np.exp(s)) * eps),
            vae(place=lambda mu, s, eps: mu + np.exp(-s) * eps),
            vae(place=lambda mu, s, eps: mu + eps),
        ),
    ),
    Wrong(
        "noise-unused",
        vae(place=lambda mu, s, eps: mu),
        "You decode the mean of q. The likelihood is to be averaged over q, and a draw is needed "
        "for that; at the mean, nothing would keep sds from doing what they like.",
        also=(vae(place=lambda mu, s, eps: eps), vae(place=lambda mu, s, eps: mu + np.exp(s))),
    ),
    Wrong(
        "means-and-sds-swapped",
        vae(split=lambda out: halves(out)[::-1]),
        "The encoder returns the means in its first D columns and the log sds in the others.",
        also=(vae(split=lambda out: (out[..., ::2], out[..., 1::2])),),
    ),
    Wrong(
        "kl-from-the-draw",
        vae(kl=sampled_kl),
        "You estimate the KL from the draw, log q − log p: right on average, and noisy. Here it is "
        "known exactly (E11.2), so only the likelihood has to be sampled.",
    ),
    Wrong(
        "kl-without-entropy",
        vae(kl=lambda mu, s, z, eps: np.sum(0.5 * z**2, axis=-1)),
        "You add the prior's log density at the draw and leave out log q. Without the entropy "
        "nothing rewards width, and the sds shrink to 0.",
        also=(
            vae(kl=lambda mu, s, z, eps: np.sum(0.5 * (z**2 + np.log(2 * np.pi)), axis=-1)),
            vae(kl=lambda mu, s, z, eps: np.sum(0.5 * (mu**2 + np.exp(2 * s) - 1.0), axis=-1)),
        ),
    ),
    Wrong(
        "kl-forgotten",
        vae(combine=lambda fit, kl, beta: np.mean(fit)),
        "Only the likelihood is left: that is a plain autoencoder. Its sds go to 0 and its codes "
        "anywhere, and draws from the prior decode to nothing. What does a code cost?",
    ),
    Wrong(
        "sigmoid-before-the-likelihood",
        vae(fit=lambda x, logits: log_lik(x, 1.0 / (1.0 + np.exp(-logits)))),
        "The decoder's output is put through the sigmoid, and E11.1 does it once more. It takes "
        "logits.",
    ),
    Wrong(
        "not-averaged",
        vae(combine=lambda fit, kl, beta: fit - beta * kl),
        "Those are the ELBOs of the single images, (B,). Return their mean, one number.",
    ),
    Wrong(
        "autograd-cannot-follow",
        {"vae_elbo": plain_numpy},
        "The values are right, but autograd cannot differentiate them: use `np` from "
        "`autograd.numpy` throughout, no `float(…)` and no assignment into arrays.",
        also=({"vae_elbo": as_a_float}, {"vae_elbo": filled_in}),
    ),
)


# Right


def by_images(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    total = 0.0
    for row, noise in zip(x, eps, strict=True):
        out = amortised.encode(params, row[None])[0]
        mu, log_sd = out[: len(noise)], out[len(noise) :]
        z = mu + np.exp(log_sd) * noise
        fit = log_lik(row, amortised.mlp_decoder(params, z[None])[0])
        total = total + fit - beta * np.sum(kl_terms(mu, log_sd))
    return total / len(x)


def own_networks(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    hidden = np.tanh(np.dot(x, params["enc_W1"]) + params["enc_b1"])
    mu, log_sd = np.split(np.dot(hidden, params["enc_W2"]) + params["enc_b2"], 2, axis=1)
    z = mu + eps * np.exp(log_sd)
    hidden = np.tanh(np.dot(z, params["dec_W1"]) + params["dec_b1"])
    logits = np.dot(hidden, params["dec_W2"]) + params["dec_b2"]
    sign = 2.0 * x - 1.0
    fit = -np.sum(np.logaddexp(0.0, -sign * logits)) / len(x)
    return fit - beta * np.sum(kl_terms(mu, log_sd)) / len(x)


def any_number_of_draws(params: Any, x: Array, eps: Array, beta: float = 1.0) -> Any:
    """Also takes noise (M, B, D), and returns an array of one entry."""
    mu, log_sd = halves(amortised.encode(params, x))
    draws = eps if eps.ndim == 3 else eps[None]
    fits = [log_lik(x, amortised.mlp_decoder(params, draw(mu, log_sd, e))) for e in draws]
    fit = np.mean(np.array(fits))
    return np.reshape(fit - beta * np.mean(amortised.kl_diag_gaussian_standard(mu, log_sd)), (1,))


RIGHT = (
    Right("image by image", {"vae_elbo": by_images}),
    Right("networks written out", {"vae_elbo": own_networks}),
    Right("averaged over draws, the library's terms", {"vae_elbo": any_number_of_draws}),
    Right("in pieces", vae()),
)
