r"""Exponential families in natural parameters.

    log p(x; eta) = log h + eta · T(x) - A(eta)

`eta` is one flat vector (..., P) whose leading axes broadcast, T(x) the sufficient statistics
(..., P), A the log partition function, and the base measure h is constant in all families here.
Everything else follows from A:

    E[T(x)] = ∇A(eta)                                               the mean parameters
    KL(q, p) = (eta_q - eta_p) · E_q[T] - A(eta_q) + A(eta_p)        one formula for every family
    H[q] = A(eta) - eta · E[T] - log h

In a conjugate model eta_posterior = eta_prior + Σ_i T_i, and a natural-gradient step of length rho
is eta <- (1 - rho) eta + rho eta_hat.

Sources: Wainwright and Jordan, Graphical Models, Exponential Families, and Variational Inference
(2008), chapter 3; Bishop (2006), section 2.4 and appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, SupportError, plain, require_positive, require_shape
from vi_lib._special import LOG_2PI, digamma, gammaln
from vi_lib._wishart import MultivariateGaussian, NormalWishart

__all__ = [
    "Categorical",
    "Dirichlet",
    "ExponentialFamily",
    "Gamma",
    "Gaussian",
    "MultivariateGaussian",
    "NormalWishart",
    "entropy",
    "kl",
]


class ExponentialFamily(Protocol):
    """What all families here have in common, besides `natural`, whose arguments differ."""

    @property
    def num_params(self) -> int:
        """Length P of eta."""

    @property
    def log_base_measure(self) -> float:
        """The constant log h."""

    def standard(self, eta: Array) -> Any:
        """Return the usual parameters of eta (..., P); SupportError unless A is finite there."""

    def sufficient_statistics(self, x: Any) -> Array:
        """Return T(x), (..., P)."""

    def log_partition(self, eta: Array) -> Array:
        """Return A(eta), (..., P) -> (...)."""

    def mean_parameters(self, eta: Array) -> Array:
        """Return E[T(x)], (..., P) -> (..., P)."""

    def log_prob(self, eta: Array, x: Any) -> Array:
        """Return log p(x; eta), (...), nats."""


def kl(family: ExponentialFamily, eta_q: Array, eta_p: Array) -> Array:
    """Return KL(q, p) of two members of a family, (...), nats.

    (eta_q - eta_p) · ∇A(eta_q) - A(eta_q) + A(eta_p): what A lies above its tangent. It is exactly
    0 for equal eta; its absolute error is a rounding of the largest term, 1e-16 of A.
    """
    difference = np.sum((eta_q - eta_p) * family.mean_parameters(eta_q), axis=-1)
    return difference - (family.log_partition(eta_q) - family.log_partition(eta_p))


def entropy(family: ExponentialFamily, eta: Array) -> Array:
    """Return H = A(eta) - eta · ∇A(eta) - log h, (...), nats."""
    expected = np.sum(eta * family.mean_parameters(eta), axis=-1)
    return family.log_partition(eta) - expected - family.log_base_measure


def _log_prob(self: ExponentialFamily, eta: Array, x: Any) -> Array:
    """Return log p(x; eta) = log h + eta · T(x) - A(eta), (...), nats."""
    inner = np.sum(eta * self.sufficient_statistics(x), axis=-1)
    return self.log_base_measure + inner - self.log_partition(eta)


@dataclass(frozen=True)
class Gaussian:
    """N(mean, sd) on the line: eta = (mean / sd², -1 / (2 sd²)), T = (x, x²), h = 1 / √(2π)."""

    num_params: ClassVar[int] = 2
    log_base_measure: ClassVar[float] = -0.5 * LOG_2PI

    def natural(self, mean: Any, sd: Any) -> Array:
        """Return eta (..., 2)."""
        require_positive("sd", sd)
        return _stack(mean / sd**2, -0.5 / sd**2)

    def standard(self, eta: Array) -> tuple[Array, Array]:
        """Return mean and sd, (...) each; eta[..., 1] must be negative."""
        require_shape("eta", eta, (..., 2))
        _require_domain("eta[..., 1] = -1 / (2 sd²)", -eta[..., 1], "negative", eta[..., 1])
        var = -0.5 / eta[..., 1]
        return eta[..., 0] * var, np.sqrt(var)

    def sufficient_statistics(self, x: Any) -> Array:
        """Return (x, x²), (...) -> (..., 2)."""
        return _stack(x, x**2)

    def log_partition(self, eta: Array) -> Array:
        """Return mean² / (2 sd²) + log sd, (..., 2) -> (...)."""
        mean, sd = self.standard(eta)
        return 0.5 * mean * eta[..., 0] + np.log(sd)

    def mean_parameters(self, eta: Array) -> Array:
        """Return (mean, mean² + sd²), (..., 2) -> (..., 2)."""
        mean, sd = self.standard(eta)
        return _stack(mean, mean**2 + sd**2)

    log_prob = _log_prob


@dataclass(frozen=True)
class Gamma:
    """Gamma(shape, rate): eta = (shape - 1, -rate), T = (log x, x), h = 1."""

    num_params: ClassVar[int] = 2
    log_base_measure: ClassVar[float] = 0.0

    def natural(self, shape: Any, rate: Any) -> Array:
        """Return eta (..., 2)."""
        require_positive("shape", shape)
        require_positive("rate", rate)
        return _stack(shape - 1.0, -1.0 * rate)

    def standard(self, eta: Array) -> tuple[Array, Array]:
        """Return shape and rate, (...) each; eta[..., 0] > -1 and eta[..., 1] < 0."""
        require_shape("eta", eta, (..., 2))
        _require_domain("eta[..., 0] = shape - 1", eta[..., 0] + 1.0, "above -1", eta[..., 0])
        _require_domain("eta[..., 1] = -rate", -eta[..., 1], "negative", eta[..., 1])
        return eta[..., 0] + 1.0, -eta[..., 1]

    def sufficient_statistics(self, x: Any) -> Array:
        """Return (log x, x), (...) -> (..., 2)."""
        require_positive("x", x)
        return _stack(np.log(x), x)

    def log_partition(self, eta: Array) -> Array:
        """Return log Γ(shape) - shape log rate, (..., 2) -> (...)."""
        shape, rate = self.standard(eta)
        return gammaln(shape) - shape * np.log(rate)

    def mean_parameters(self, eta: Array) -> Array:
        """Return (ψ(shape) - log rate, shape / rate), (..., 2) -> (..., 2)."""
        shape, rate = self.standard(eta)
        return _stack(digamma(shape) - np.log(rate), shape / rate)

    log_prob = _log_prob


@dataclass(frozen=True)
class Dirichlet:
    """Dirichlet(alpha) on probabilities (..., K), K = size: eta = alpha - 1, T = log x, h = 1.

    Its log_prob is a density of the first K - 1 probabilities.
    """

    size: int
    log_base_measure: ClassVar[float] = 0.0

    @property
    def num_params(self) -> int:
        """K."""
        return self.size

    def natural(self, alpha: Any) -> Array:
        """Return eta (..., K)."""
        require_shape("alpha", alpha, (..., self.size))
        require_positive("alpha", alpha)
        return alpha - 1.0

    def standard(self, eta: Array) -> Array:
        """Return alpha (..., K); all of eta must be above -1."""
        require_shape("eta", eta, (..., self.size))
        _require_domain("eta = alpha - 1", eta + 1.0, "above -1", eta)
        return eta + 1.0

    def sufficient_statistics(self, x: Any) -> Array:
        """Return log x, (..., K)."""
        require_shape("x", x, (..., self.size))
        require_positive("x", x)
        return np.log(x)

    def log_partition(self, eta: Array) -> Array:
        """Return Σ log Γ(alpha_k) - log Γ(Σ alpha_k)."""
        alpha = self.standard(eta)
        return np.sum(gammaln(alpha), axis=-1) - gammaln(np.sum(alpha, axis=-1))

    def mean_parameters(self, eta: Array) -> Array:
        """Return ψ(alpha_k) - ψ(Σ alpha_k), (..., K) -> (..., K)."""
        alpha = self.standard(eta)
        return digamma(alpha) - digamma(np.sum(alpha, axis=-1, keepdims=True))

    log_prob = _log_prob


@dataclass(frozen=True)
class Categorical:
    """Labels 0..K-1, K = size: eta = logits, T = one-hot vector, h = 1.

    One entry more than needed: adding a constant to eta changes A and nothing else.
    """

    size: int
    log_base_measure: ClassVar[float] = 0.0

    @property
    def num_params(self) -> int:
        """K."""
        return self.size

    def natural(self, probs: Any) -> Array:
        """Return eta = log probs, (..., K); the probabilities must be positive and sum to 1."""
        require_shape("probs", probs, (..., self.size))
        require_positive("probs", probs)
        excess = onp.max(onp.abs(onp.sum(plain(probs), axis=-1) - 1.0), initial=0.0)
        if excess > 1e-8:
            raise SupportError(f"probs must sum to 1, got a sum that is {excess} from it")
        return np.log(probs)

    def standard(self, eta: Array) -> Array:
        """Return the probabilities exp(eta - A), (..., K)."""
        return np.exp(eta - self.log_partition(eta)[..., None])

    def sufficient_statistics(self, x: Any) -> Array:
        """Return the one-hot vectors of the labels, (...) -> (..., K)."""
        label = onp.asarray(x)
        if not onp.all(onp.isin(label, onp.arange(self.size))):
            raise SupportError(f"x must be labels 0..{self.size - 1}, got {label}")
        return (label[..., None] == onp.arange(self.size)).astype(float)

    def log_partition(self, eta: Array) -> Array:
        """Return log Σ_k exp(eta_k), (..., P) -> (...)."""
        require_shape("eta", eta, (..., self.size))
        if not onp.all(onp.isfinite(plain(eta))):
            raise SupportError(f"eta = logits must be finite, got {plain(eta)}")
        top = onp.max(plain(eta), axis=-1, keepdims=True)
        return top[..., 0] + np.log(np.sum(np.exp(eta - top), axis=-1))

    mean_parameters = standard

    log_prob = _log_prob


def _stack(*columns: Any) -> Array:
    """Broadcast the columns and join them on a new last axis."""
    zeros = onp.zeros(onp.broadcast_shapes(*(np.shape(column) for column in columns)))
    return np.stack([column + zeros for column in columns], axis=-1)


def _require_domain(what: str, positive: Array, wanted: str, got: Array) -> None:
    """Raise unless all of `positive` is; `got` is what the caller passed."""
    good = onp.isfinite(plain(positive)) & (plain(positive) > 0.0)
    if not onp.all(good):
        first = onp.asarray(plain(got))[~good].flat[0]
        raise SupportError(f"{what} must be {wanted} and finite, got {first}")
