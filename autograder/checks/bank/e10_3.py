"""Typical answers to E10.3, `bayes_by_backprop_loss(params, X, y, eps, num_batches)`."""

from __future__ import annotations

import math
from typing import Any

import autograd.numpy as np

from autograder.checks.bank.e10_3_pieces import (
    LOG_2PI,
    At,
    cut,
    kl,
    kl_of_the_draw,
    log_lik,
    loss,
    net,
    softplus,
)
from autograder.checks.protocol import Right, Wrong

Array = Any


def one_noise_for_all(mu: Array, sd: Array, eps: Array) -> Array:
    return mu + sd * eps[0]


def noise_reused_in_each_layer(mu: Array, sd: Array, eps: Array) -> Array:
    half = len(eps) // 2
    return mu + sd * np.concatenate([eps[:half], eps[: len(eps) - half]])


def without_tanh(w: Array, X: Array) -> Array:
    W1, b1, W2, b2 = cut(w, X.shape[1])
    return (np.dot(np.dot(X, W1) + b1, W2) + b2)[:, 0]


def with_relu(w: Array, X: Array) -> Array:
    W1, b1, W2, b2 = cut(w, X.shape[1])
    h = np.dot(X, W1) + b1
    return (np.dot(np.where(h > 0, h, 0.0), W2) + b2)[:, 0]


def with_sigmoid(w: Array, X: Array) -> Array:
    W1, b1, W2, b2 = cut(w, X.shape[1])
    return (np.dot(1.0 / (1.0 + np.exp(-np.dot(X, W1) - b1)), W2) + b2)[:, 0]


def with_tanh_on_top(w: Array, X: Array) -> Array:
    return np.tanh(net(w, X))


def without_biases(w: Array, X: Array) -> Array:
    W1, _, W2, _ = cut(w, X.shape[1])
    return np.dot(np.tanh(np.dot(X, W1)), W2)[:, 0]


def without_last_bias(w: Array, X: Array) -> Array:
    W1, b1, W2, _ = cut(w, X.shape[1])
    return np.dot(np.tanh(np.dot(X, W1) + b1), W2)[:, 0]


def without_first_bias(w: Array, X: Array) -> Array:
    W1, _, W2, b2 = cut(w, X.shape[1])
    return (np.dot(np.tanh(np.dot(X, W1)), W2) + b2)[:, 0]


def column_by_column(w: Array, X: Array) -> Array:
    K = X.shape[1]
    W1, b1, W2, b2 = cut(w, K)
    H = len(b1)
    W1 = np.transpose(np.reshape(w[: K * H], (H, K)))
    return (np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2)[:, 0]


def biases_first(w: Array, X: Array) -> Array:
    K = X.shape[1]
    H = (len(w) - 1) // (K + 2)
    b1, W1 = w[:H], np.reshape(w[H : H + K * H], (K, H))
    b2, W2 = w[H + K * H], w[H + K * H + 1 :]
    return np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2


def weights_before_biases(w: Array, X: Array) -> Array:
    K = X.shape[1]
    H = (len(w) - 1) // (K + 2)
    W1, W2 = np.reshape(w[: K * H], (K, H)), w[K * H : K * H + H]
    b1, b2 = w[K * H + H : K * H + 2 * H], w[-1]
    return np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2


def as_a_column(w: Array, X: Array) -> Array:
    return np.reshape(net(w, X), (-1, 1))


def only_misfit(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return -0.5 * (y - f) ** 2 * np.exp(-2.0 * log_noise_sd)


def without_two_pi(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return log_lik(y, f, log_noise_sd) + 0.5 * LOG_2PI


def without_log_noise(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return log_lik(y, f, log_noise_sd) + log_noise_sd


def noise_one(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return log_lik(y, f, 0.0)


def squared_error(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return -((y - f) ** 2)


def noise_not_exponentiated(y: Array, f: Array, log_noise_sd: Any) -> Array:
    sd = log_noise_sd + 0.0 * f
    return -0.5 * ((y - f) / sd) ** 2 - np.log(np.abs(sd)) - 0.5 * LOG_2PI


def noise_not_exponentiated_nan(y: Array, f: Array, log_noise_sd: Any) -> Array:
    sd = log_noise_sd + 0.0 * f
    return -0.5 * ((y - f) / sd) ** 2 - np.log(sd) - 0.5 * LOG_2PI


def log_variance(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return log_lik(y, f, 0.5 * log_noise_sd)


def softplus_noise(y: Array, f: Array, log_noise_sd: Any) -> Array:
    return log_lik(y, f, np.log(softplus(log_noise_sd)))


WRONG = (
    Wrong(
        "kl-not-divided",
        loss(total=lambda rows, penalty, num: -np.sum(rows) + penalty),
        "Add your losses over all batches: how often is the KL divergence counted? The weights "
        "leave the prior once a pass over the data, not once a batch.",
        also=(loss(penalty=kl_of_the_draw, total=lambda rows, kl_, num: -np.sum(rows) + kl_),),
    ),
    Wrong(
        "mean-likelihood-with-the-whole-kl",
        loss(total=lambda rows, penalty, num: -np.mean(rows) + penalty / num),
        "The likelihood of a batch is a *sum* over its rows. Beside a mean the KL divergence "
        "weighs too much, by as many times as the batch has rows, and the fit goes back to the "
        "prior.",
        also=(
            loss(total=lambda rows, penalty, num: -np.mean(rows) + penalty),
            loss(total=lambda rows, penalty, num: -np.mean(rows) + penalty / (num * len(rows))),
        ),
    ),
    Wrong(
        "elbo-returned",
        loss(finish=lambda value: -value),
        "That is the ELBO's share, which is maximised. Here, as in the source, a *loss* is asked "
        "for: minus it.",
        also=(loss(penalty=kl_of_the_draw, finish=lambda value: -value),),
    ),
    Wrong(
        "kl-rewarded",
        loss(total=lambda rows, penalty, num: -np.sum(rows) - penalty / num),
        "In a loss the KL divergence has a plus: leaving the prior costs. Loss = −(fit − KL).",
        also=(
            loss(total=lambda rows, penalty, num: -np.sum(rows) - penalty),
            loss(penalty=lambda at: -kl_of_the_draw(at)),
        ),
    ),
    Wrong(
        "likelihood-rewarded-the-wrong-way",
        loss(total=lambda rows, penalty, num: np.sum(rows) + penalty / num),
        "A loss falls when the data become more probable. Which sign has the log likelihood in it?",
    ),
    Wrong(
        "kl-forgotten",
        loss(penalty=lambda at: 0.0),
        "Only the data are in your loss. Without the KL divergence the sds shrink to 0 and you "
        "have trained an ordinary network.",
    ),
    Wrong(
        "kl-multiplied",
        loss(total=lambda rows, penalty, num: -np.sum(rows) + penalty * num),
        "You multiply the KL divergence by the number of batches. It is shared among them.",
    ),
    Wrong(
        "kl-divided-by-the-rows",
        loss(total=lambda rows, penalty, num: -np.sum(rows) + penalty / len(rows)),
        "You divide the KL divergence by the number of *rows*. It is shared among the batches: "
        "`num_batches`.",
        also=(loss(total=lambda rows, penalty, num: -np.sum(rows) + penalty / (num * len(rows))),),
    ),
    Wrong(
        "likelihood-scaled-up",
        loss(total=lambda rows, penalty, num: -num * np.sum(rows) + penalty),
        "That estimates the loss of *all* data from this batch, num_batches times its share. "
        "Asked is the share: the losses of all batches are to add up to the whole.",
        also=(loss(total=lambda rows, penalty, num: -num * np.sum(rows) + penalty / num),),
    ),
    Wrong(
        "one-noise-for-all-weights",
        loss(draws=one_noise_for_all),
        "Each weight has noise of its own, eps[j]. With one number for all of them the weights "
        "would go up and down together.",
        also=(
            loss(draws=noise_reused_in_each_layer),
            loss(draws=lambda mu, sd, eps: mu + sd * np.mean(eps)),
        ),
    ),
    Wrong(
        "noise-ignored",
        loss(draws=lambda mu, sd, eps: mu + 0.0 * eps),
        "Your network runs on the mean weights. Where does `eps` enter?",
        also=(loss(draws=lambda mu, sd, eps: mu),),
    ),
    Wrong(
        "exp-for-softplus",
        loss(sds=np.exp),
        "The sd is softplus(rho) = log(1 + exp(rho)) in this exercise, not exp(rho).",
    ),
    Wrong(
        "rho-taken-as-sd",
        loss(sds=lambda rho: rho),
        "rho may be any number, an sd may not be negative: sd = softplus(rho).",
        also=(
            loss(sds=np.abs),
            loss(draws=lambda mu, sd, eps: mu + np.log(np.expm1(sd)) * eps),
            loss(penalty=lambda at: np.sum(0.5 * (at.mu**2 + at.rho**2 - 1.0) - np.log(at.rho))),
        ),
    ),
    Wrong(
        "sd-taken-as-variance",
        loss(draws=lambda mu, sd, eps: mu + np.sqrt(sd) * eps),
        "softplus(rho) is the sd of a weight: w = mu + sd·eps, without a root or a square.",
        also=(
            loss(draws=lambda mu, sd, eps: mu + sd**2 * eps),
            loss(sds=lambda rho: np.sqrt(softplus(rho))),
        ),
    ),
    Wrong(
        "softplus-underflows",
        loss(sds=lambda rho: np.log(1.0 + np.exp(rho))),
        "log(1 + exp(rho)) is exactly 0 at rho = −40, and the KL divergence needs its log. "
        "`np.logaddexp(0, rho)` keeps the digits (E6.1).",
        also=(loss(sds=lambda rho: np.log(1.0 + np.exp(rho)) + 1e-8),),
    ),
    Wrong(
        "prediction-is-a-column",
        loss(nets=as_a_column),
        "The network's output has shape (B, 1), y has (B,): their difference is a table (B, B), "
        "and every target is compared with every prediction. Print the shape.",
    ),
    Wrong(
        "no-activation",
        loss(nets=without_tanh),
        "Without tanh between the layers the network is a straight line, however many units it "
        "has.",
    ),
    Wrong(
        "other-activation",
        loss(nets=with_relu),
        "The hidden units of this network are tanh units.",
        also=(loss(nets=with_sigmoid),),
    ),
    Wrong(
        "activation-on-the-output",
        loss(nets=with_tanh_on_top),
        "The last layer is linear: behind a tanh no prediction could leave (−1, 1).",
    ),
    Wrong(
        "bias-forgotten",
        loss(nets=without_last_bias),
        "Count the weights: H (K + 2) + 1. Are b1 and b2 both added?",
        also=(loss(nets=without_first_bias), loss(nets=without_biases)),
    ),
    Wrong(
        "order-of-the-weights",
        loss(nets=weights_before_biases),
        "The flat vector holds W1 (K, H) row by row, then b1, then W2, then b2. Cut it in this "
        "order, and reshape W1 to (K, H).",
        also=(loss(nets=column_by_column), loss(nets=biases_first)),
    ),
    Wrong(
        "noise-not-exponentiated",
        loss(rows=noise_not_exponentiated),
        "`log_noise_sd` is the logarithm of the noise's sd; take its exponential.",
        also=(
            loss(rows=noise_not_exponentiated_nan),
            loss(rows=log_variance),
            loss(rows=softplus_noise),
        ),
    ),
    Wrong(
        "noise-is-one",
        loss(rows=noise_one),
        "Your loss treats the noise as known and 1. `log_noise_sd` has to stand in it, or the "
        "band will have a width that nobody learnt from the data.",
        also=(loss(rows=lambda y, f, _: -0.5 * (y - f) ** 2), loss(rows=squared_error)),
    ),
    Wrong(
        "normaliser-forgotten",
        loss(rows=only_misfit),
        "A part of the Gaussian's normaliser is missing, −log noise_sd − ½ log 2π for each row. "
        "Without the first, a larger noise sd always pays.",
        also=(loss(rows=without_log_noise), loss(rows=without_two_pi)),
    ),
    Wrong(
        "kl-without-the-half",
        loss(penalty=lambda at: 2.0 * kl(at)),
        "Your KL divergence is not that of two Gaussians: Σ ½(mu² + sd² − 1) − log sd. At mu = 0, "
        "sd = 1 it must be 0.",
        also=(
            loss(penalty=lambda at: np.sum(at.mu**2 + at.sd**2 - 1.0 - np.log(at.sd))),
            loss(penalty=lambda at: np.sum(0.5 * (at.mu**2 + at.sd**2) - np.log(at.sd))),
        ),
    ),
    Wrong(
        "kl-averaged-over-weights",
        loss(penalty=lambda at: np.mean(0.5 * (at.mu**2 + at.sd**2 - 1.0) - np.log(at.sd))),
        "The KL divergence of independent weights is the *sum* of theirs.",
    ),
    Wrong(
        "kl-with-sd-for-variance",
        loss(penalty=lambda at: np.sum(0.5 * (at.mu**2 + at.sd - 1.0 - np.log(at.sd)))),
        "In the KL divergence stand the variances: sd², and ½ log sd² = log sd.",
        also=(loss(penalty=lambda at: np.sum(0.5 * (at.mu**2 + at.sd**2 - 1.0 - np.log(at.sd)))),),
    ),
    Wrong(
        "prior-alone",
        loss(penalty=lambda at: np.sum(0.5 * at.w**2 + 0.5 * LOG_2PI)),
        "−log p(w) is there, log q(w) is not. Without the entropy of q nothing keeps the sds from "
        "shrinking to 0.",
        also=(
            loss(penalty=lambda at: np.sum(0.5 * at.w**2)),
            loss(penalty=lambda at: np.sum(0.5 * at.mu**2)),
            loss(penalty=lambda at: np.sum(0.5 * (at.mu**2 + at.sd**2))),
        ),
    ),
    Wrong(
        "kl-the-other-way",
        loss(penalty=lambda at: np.sum(0.5 * (1.0 + at.mu**2) / at.sd**2 - 0.5 + np.log(at.sd))),
        "That is KL(prior ‖ q). The ELBO averages under q.",
    ),
)


# Right


def by_loops(params: Any, X: Array, y: Array, eps: Array, num_batches: float) -> Any:
    """Unit by unit; the KL divergence weight by weight."""
    mu, rho = params["mu"], params["rho"]
    P, K = len(eps), X.shape[1]
    H = (P - 1) // (K + 2)
    sd = [np.logaddexp(0.0, rho[j]) for j in range(P)]
    w = [mu[j] + sd[j] * eps[j] for j in range(P)]
    noise = np.exp(params["log_noise_sd"])
    total = 0.0
    for i in range(len(y)):
        f = w[P - 1]
        for h in range(H):
            pre = w[K * H + h]
            for k in range(K):
                pre = pre + X[i, k] * w[k * H + h]
            f = f + w[(K + 1) * H + h] * np.tanh(pre)
        total = total + 0.5 * ((y[i] - f) / noise) ** 2 + np.log(noise * np.sqrt(2 * np.pi))
    for j in range(P):
        total = total + (0.5 * (mu[j] ** 2 + sd[j] ** 2 - 1) - np.log(sd[j])) / num_batches
    return total


def with_the_librarys_net(params: Any, X: Array, y: Array, eps: Array, num_batches: float) -> Any:
    from vi_lib import amortised, densities

    sd = softplus(params["rho"])
    H = (len(eps) - 1) // (X.shape[1] + 2)
    f = amortised.mlp(params["mu"] + sd * eps, X, sizes=(X.shape[1], H, 1))[:, 0]
    fit = np.sum(densities.normal(y, f, np.exp(params["log_noise_sd"])))
    return kl(At(params["mu"], sd, params["rho"], eps, None)) / num_batches - fit


def stable_by_cases(rho: Array) -> Array:
    return np.where(rho > 0, rho, 0.0) + np.log1p(np.exp(-np.abs(rho)))


def log_densities_of_the_draw(at: At) -> Array:
    log_q = -0.5 * at.eps**2 - np.log(at.sd) - 0.5 * math.log(2 * math.pi)
    log_p = -0.5 * at.w**2 - 0.5 * math.log(2 * math.pi)
    return np.sum(log_q - log_p)


RIGHT = (
    Right("KL from the draw, as the source has it", loss(penalty=log_densities_of_the_draw)),
    Right("KL from the draw, constants cancelled", loss(penalty=kl_of_the_draw)),
    Right("loops over rows, units and weights", {"bayes_by_backprop_loss": by_loops}),
    Right("with the library's network", {"bayes_by_backprop_loss": with_the_librarys_net}),
    Right("softplus by cases", loss(sds=stable_by_cases)),
)
