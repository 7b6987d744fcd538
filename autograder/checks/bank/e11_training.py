"""What the typical answers to E11.5 are put together from: weights, layers, a training run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp
from scipy import special

from autograder.checks.bank.e11_3 import halves

Array = Any
Params = dict[str, Array]


def glorot(fan_in: int, fan_out: int) -> float:
    return float((2.0 / (fan_in + fan_out)) ** 0.5)


def initial(
    scale: Callable[[int, int], float] = glorot,
    bias: bool = True,
    heads: int = 2,
    mirrored: bool = True,
    turned: bool = False,
    seed: int | None = None,
) -> Callable[..., Params]:
    """Makes `init_vae`: with other scales, without biases, with one head, ..."""

    def init_vae(sizes: Sequence[int], rng: Any) -> Params:
        rng = rng if seed is None else onp.random.default_rng(seed)
        *encoder, latent = sizes
        decoder = tuple(reversed(tuple(sizes))) if mirrored else tuple(sizes)
        params = {}
        for prefix, widths in (("enc_", (*encoder, heads * latent)), ("dec_", decoder)):
            for k, (a, b) in enumerate(itertools.pairwise(widths), start=1):
                shape = (b, a) if turned else (a, b)
                params[f"{prefix}W{k}"] = scale(a, b) * rng.standard_normal(shape)
                if bias:
                    params[f"{prefix}b{k}"] = onp.zeros(b)
        return params

    return init_vae


def decoder(
    between: Callable[[Array], Array] = np.tanh,
    last: Callable[[Array], Array] = lambda h: h,
    prefix: str = "dec_",
    num_layers: int | None = None,
    bias: bool = True,
) -> Callable[..., Array]:
    """Makes `mlp_decoder`."""

    def mlp_decoder(params: Params, z: Array) -> Array:
        count = num_layers or sum(name.startswith(f"{prefix}W") for name in params)
        h = z
        for k in range(1, count + 1):
            h = np.dot(h, params[f"{prefix}W{k}"])
            h = h + params[f"{prefix}b{k}"] if bias else h
            h = between(h) if k < count else last(h)
        return h

    return mlp_decoder


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def relu(a: Array) -> Array:
    return np.maximum(a, 0.0)


def no_change(a: Array) -> Array:
    return a


def count(skip: str = "") -> Callable[[Params], int]:
    """Makes `count_parameters`; `skip` leaves out names with this letter in them."""
    return lambda params: sum(
        onp.size(value) for name, value in params.items() if not skip or skip not in name
    )


@dataclass(frozen=True)
class Climb:
    """What a training run climbs: the ELBO, or something that was mistaken for it."""

    beta: float = 1.0
    per_pixel: bool = False
    at_the_mean: bool = False
    rectified: bool = False

    def gradient(self, params: Params, x: Array, eps: Array) -> Params:
        """By hand, for one hidden layer each: autograd would take six times as long."""

        def hidden(h: Array) -> tuple[Array, Array]:
            """Value and slope."""
            value = onp.maximum(h, 0.0) if self.rectified else onp.tanh(h)
            return value, (value > 0.0) * 1.0 if self.rectified else 1.0 - value**2

        p = params
        h, slope_h = hidden(x @ p["enc_W1"] + p["enc_b1"])
        mu, log_sd = halves(h @ p["enc_W2"] + p["enc_b2"])
        sd = onp.exp(log_sd)
        z = mu if self.at_the_mean else mu + sd * eps
        g, slope_g = hidden(z @ p["dec_W1"] + p["dec_b1"])
        by_logit = (x - special.expit(g @ p["dec_W2"] + p["dec_b2"])) / len(x)
        by_logit = by_logit / x.shape[1] if self.per_pixel else by_logit
        by_g = by_logit @ p["dec_W2"].T * slope_g
        by_z = by_g @ p["dec_W1"].T
        by_log_sd = 0.0 * by_z if self.at_the_mean else by_z * eps * sd
        price = self.beta / len(x)
        by_code = onp.concatenate([by_z - price * mu, by_log_sd - price * (sd**2 - 1)], axis=1)
        by_h = by_code @ p["enc_W2"].T * slope_h
        layers = {
            "enc_W1": x.T @ by_h,
            "enc_b1": by_h,
            "enc_W2": h.T @ by_code,
            "enc_b2": by_code,
            "dec_W1": z.T @ by_g,
            "dec_b1": by_g,
            "dec_W2": g.T @ by_logit,
            "dec_b2": by_logit,
        }
        return {name: v if "W" in name else v.sum(axis=0) for name, v in layers.items()}


def training(
    climbs: Climb | None = None,
    sign: float = 1.0,
    rate: float = 0.01,
    steps: int | None = None,
    init: Callable[..., Params] | None = None,
    noise: str = "fresh",
    batch: int = 100,
    rule: str = "adam",
    seed: int | None = None,
) -> Callable[..., Params]:
    """Makes `train_vae`: the loop with batches, noise, a gradient and a step rule."""
    climb, start = climbs or Climb(), init or initial()

    def train_vae(x: Array, sizes: Sequence[int], num_steps: int, rng: Any) -> Params:
        rng = rng if seed is None else onp.random.default_rng(seed)
        params = start(sizes, rng)
        first = {name: onp.zeros_like(value) for name, value in params.items()}
        second = {name: onp.zeros_like(value) for name, value in params.items()}
        fixed = rng.standard_normal((len(x), sizes[-1]))
        for t in range(1, (num_steps if steps is None else steps) + 1):
            rows = rng.choice(len(x), min(batch, len(x)), replace=False)
            eps = rng.standard_normal((len(rows), sizes[-1])) if noise == "fresh" else fixed[rows]
            with onp.errstate(all="ignore"):
                slopes = climb.gradient(params, x[rows], eps)
            moved = {}
            for name, g in slopes.items():
                first[name] = 0.9 * first[name] + 0.1 * g
                second[name] = 0.999 * second[name] + 0.001 * g**2
                m, v = first[name] / (1 - 0.9**t), second[name] / (1 - 0.999**t)
                step = m / (onp.sqrt(v) + 1e-8) if rule == "adam" else g
                moved[name] = params[name] + sign * rate * step
            params = moved
        return params

    return train_vae
