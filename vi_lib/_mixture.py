"""A mixture of Gaussians as a variational family, with gradients along the paths of its draws.

Sources: Graves, Stochastic Backpropagation through Mixture Density Distributions (2016), for the
draws coordinate by coordinate; Figurnov, Mohamed and Mnih, Implicit Reparameterization Gradients
(2018), for the derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib._check import Array, require_shape
from vi_lib._family import mean_and_sd, no_closed_entropy, require_count, require_lam
from vi_lib._quantile import logsumexp, mixture_quantile
from vi_lib.densities import LOG_2PI

#: Distance of the components' means from the common one in `init`, relative to the sds.
START = 0.7


@dataclass(frozen=True)
class Mixture:
    """Σ_k w_k N(mu_k, diag(exp(2 omega_k))) with w = softmax(logits), P = K + 2 K D.

    lam holds the K logits, then the means and then the log sds, component by component. All K
    logits are free, so that no component is special, and so lam is not identified: a constant added
    to all logits changes nothing, and neither does another order of the components. The logits'
    gradients sum to zero. Compare weights, not logits.

    A draw is made coordinate by coordinate, from D standard normals: z_d solves

        F_d(z_d | z_1, ..., z_{d-1}) = Φ(eps_d),

    where F_d is a one-dimensional mixture whose weights are the components' probabilities given the
    earlier coordinates. No component is chosen at random, so z is a smooth function of lam and the
    path derivative is that of the whole mixture, weights included. Between components that are far
    apart the path is steep, so `reparam`'s gradients of the weights are noisy; on a target that the
    mixture can match `stl` ended a thousand times nearer after the same number of steps.

    Mean, sd and covariance are closed forms. The entropy is none; an estimator that evaluates
    log q at the draws (`reparam`, `stl`, `score`) does without.

    Raises:
        ShapeError: unless dim and components are whole numbers of at least 1.
    """

    dim: int
    components: int

    def __post_init__(self) -> None:
        require_count("dim", self.dim)
        require_count("components", self.components)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.dim

    @property
    def num_params(self) -> int:
        """K + 2 K D."""
        return self.components * (1 + 2 * self.dim)

    def init(self, mean: Any = 0.0, sd: Any = 1.0) -> Array:
        """Return a lam (P,) with exactly this mean and these marginal sds, numbers or (D,).

        Components that are equal have equal gradients and would stay equal in every fit. So with
        equal weights the means are mean_d + 0.7 sd_d c_kd, where c_kd = cos((k + 1)(d + 1)), k and
        d from 0, less its mean over the components: the same at every call, and different from
        component to component. The sds of the components make up the rest of the variance.
        """
        mean, sd = mean_and_sd(mean, sd, self.dim)
        k, d = onp.ogrid[1 : self.components + 1, 1 : self.dim + 1]
        offset = START * onp.cos(k * d)
        offset = offset - offset.mean(axis=0)
        omega = onp.log(sd) + 0.5 * onp.log1p(-onp.mean(offset**2, axis=0))
        return self.pack(
            onp.zeros(self.components), mean + sd * offset, onp.tile(omega, (self.components, 1))
        )

    def pack(self, logits: Array, mu: Array, omega: Array) -> Array:
        """Join logits (..., K), mu (..., K, D) and omega (..., K, D) to lam (..., P)."""
        shape = (self.components, self.dim)
        require_shape("logits", logits, (..., self.components))
        require_shape("mu", mu, (..., *shape))
        require_shape("omega", omega, (..., *shape))
        flat = [np.reshape(a, (*np.shape(a)[:-2], shape[0] * shape[1])) for a in (mu, omega)]
        return np.concatenate([logits, *flat], axis=-1)

    def unpack(self, lam: Array) -> tuple[Array, Array, Array]:
        """Split lam (..., P) into logits (..., K), mu (..., K, D) and omega (..., K, D), log sd."""
        require_lam(self, lam)
        K, size = self.components, self.components * self.dim
        shape = (*np.shape(lam)[:-1], K, self.dim)
        mu, omega = lam[..., K : K + size], lam[..., K + size :]
        return lam[..., :K], np.reshape(mu, shape), np.reshape(omega, shape)

    def weights(self, lam: Array) -> Array:
        """Return softmax(logits), (..., K)."""
        return np.exp(_normalise(self.unpack(lam)[0]))

    def noise(self, rng: onp.random.Generator, num_draws: int) -> Array:
        """Draw eps (num_draws, D), standard normal."""
        return rng.standard_normal((num_draws, self.dim))

    def transport(self, lam: Array, eps: Array) -> Array:
        """Return the z (..., D) with F_d(z_d | z_<d) = Φ(eps_d) for each d.

        The order of the coordinates matters for the path, not for the distribution. dz/deps is
        lower triangular with diagonal φ(eps_d) / f_d(z_d | z_<d).
        """
        require_shape("eps", eps, (..., self.dim))
        logits, mu, omega = self.unpack(lam)
        log_w = _normalise(logits)
        z = []
        for d in range(self.dim):
            mu_d, omega_d = mu[..., d], omega[..., d]
            z_d = mixture_quantile(log_w, mu_d, omega_d, eps[..., d])
            z.append(z_d)
            log_w = _normalise(log_w + _log_normal(z_d[..., None], mu_d, omega_d))
        return np.stack(z, axis=-1)

    def log_prob(self, lam: Array, z: Array) -> Array:
        """Return log Σ_k w_k Π_d N(z_d; mu_kd, exp(omega_kd)), (...), nats."""
        require_shape("z", z, (..., self.dim))
        logits, mu, omega = self.unpack(lam)
        parts = np.sum(_log_normal(z[..., None, :], mu, omega), axis=-1)
        return logsumexp(_normalise(logits) + parts)

    def entropy(self, lam: Array) -> Array:
        """Raise for every lam (..., P): the entropy of a mixture has no closed form.

        Raises:
            NotImplementedError: always, with the names of estimators that do without.
        """
        raise no_closed_entropy(self)

    def mean(self, lam: Array) -> Array:
        """Return Σ_k w_k mu_k, (..., D)."""
        _, mu, _ = self.unpack(lam)
        return np.sum(self.weights(lam)[..., None] * mu, axis=-2)

    def sd(self, lam: Array) -> Array:
        """Return the root of Σ_k w_k [sd_kd² + (mu_kd - mean_d)²], (..., D)."""
        w, centred, var = self._spread(lam)
        return np.sqrt(np.sum(w[..., None] * (var + centred**2), axis=-2))

    def cov(self, lam: Array) -> Array:
        """Return Σ_k w_k [diag(sd_k²) + (mu_k - mean) (mu_k - mean)'], (..., D, D)."""
        w, centred, var = self._spread(lam)
        within = np.sum(w[..., None] * var, axis=-2)[..., None] * onp.eye(self.dim)
        return within + np.matmul(np.swapaxes(w[..., None] * centred, -1, -2), centred)

    def _spread(self, lam: Array) -> tuple[Array, Array, Array]:
        """Return the weights (..., K), the centred means and the variances (..., K, D)."""
        _, mu, omega = self.unpack(lam)
        return self.weights(lam), mu - self.mean(lam)[..., None, :], np.exp(2.0 * omega)


def _normalise(log_w: Array) -> Array:
    """Return the log weights of sum 1, (..., K)."""
    return log_w - logsumexp(log_w)[..., None]


def _log_normal(z: Array, mu: Array, omega: Array) -> Array:
    """Return log N(z; mu, exp(omega)), elementwise."""
    return -0.5 * LOG_2PI - omega - 0.5 * ((z - mu) * np.exp(-omega)) ** 2
