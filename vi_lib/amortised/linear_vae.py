"""A VAE that can be solved: with a linear Gaussian decoder posterior and evidence are exact.

    z ~ N(0, I_D),    x | z ~ N(W z + b, noise_sd² I)

    x ~ N(b, W W' + noise_sd² I)                                         evidence
    z | x ~ N(S W' (x - b) / noise_sd², S),  S = (I + W' W / noise_sd²)⁻¹   posterior

It is probabilistic principal component analysis. The posterior covariance is the same for every
observation, and the mean is linear in x: a linear encoder can be exact, up to what a family without
correlations cannot express. So the gap between evidence and ELBO splits into two numbers.

Sources: Tipping and Bishop, Probabilistic Principal Component Analysis (1999), section 3; Cremer,
Li and Duvenaud, Inference Suboptimality in Variational Autoencoders (2018), for the two gaps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, require_positive, require_shape
from vi_lib.families import MeanField


class Gaps(NamedTuple):
    """Where the evidence is lost, one value an observation, in nats: total = family + amortization.

    Attributes:
        total: log evidence - ELBO(lam) = KL(q || posterior).
        family: log evidence - the family's best ELBO: what no lam can win.
        amortization: the family's best ELBO - ELBO(lam): what a lam for each observation would win.
    """

    total: Array
    family: Array
    amortization: Array


@dataclass(frozen=True, eq=False)
class LinearVAE:
    """A linear Gaussian decoder and all that follows from it in closed form.

    Attributes:
        W: loadings (X, D).
        b: offset (X,).
        noise_sd: standard deviation of the observations' noise.

    Raises:
        ShapeError: unless W is a matrix and b fits it.
        SupportError: unless noise_sd is positive.
    """

    W: Array
    b: Array
    noise_sd: float

    def __post_init__(self) -> None:
        require_shape("W", self.W, ("X", "D"))
        require_shape("b", self.b, (len(self.W),))
        require_positive("noise_sd", self.noise_sd)

    @property
    def family(self) -> MeanField:
        """The q of an encoder: independent Gaussians over the D latent coordinates."""
        return MeanField(self.W.shape[1])

    def log_joint(self, x: Array, z: Array) -> Array:
        """Return log N(z; 0, I) + log N(x; W z + b, noise_sd² I) for x (..., X), z (..., D)."""
        mean = np.dot(z, self.W.T) + self.b
        log_lik = np.sum(densities.normal(x, mean, self.noise_sd), axis=-1)
        return np.sum(densities.normal(z), axis=-1) + log_lik

    def log_evidence(self, x: Array) -> Array:
        """Return log N(x; b, W W' + noise_sd² I) for x (..., X), (...), nats."""
        cov = self.W @ self.W.T + self.noise_sd**2 * onp.eye(len(self.W))
        return densities.multivariate_normal(x, self.b, cov)

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Return the posterior means (..., D) of x (..., X) and the one covariance (D, D)."""
        cov = onp.linalg.inv(self._precision())
        return (x - self.b) @ self.W @ cov / self.noise_sd**2, cov

    def best_lam(self, x: Array) -> Array:
        """Return the lam (..., 2 D) of the best `MeanField` of each x (..., X).

        It has the posterior's means and, because KL(q || p) is minimised, the *conditional* sds:
        1 / sqrt of the diagonal of the posterior's precision.
        """
        mean, _ = self.posterior(x)
        omega = -0.5 * onp.log(onp.diag(self._precision()))
        return self.family.pack(mean, onp.broadcast_to(omega, mean.shape))

    def elbo(self, x: Array, lam: Array) -> Array:
        """Return the exact ELBO of q = MeanField(lam) for x (..., X), lam (..., 2 D), nats.

        log p(x, z) is quadratic in z, so its mean under q is its value at mu less ½ Σ_d P_dd sd_d²,
        with P = I + W' W / noise_sd² the posterior's precision; plus the entropy of q.
        """
        q = self.family
        mu, omega = q.unpack(lam)
        trace = np.sum((np.diagonal(self._precision())) * np.exp(2.0 * omega), axis=-1)
        return self.log_joint(x, mu) - 0.5 * trace + q.entropy(lam)

    def gaps(self, x: Array, lam: Array) -> Gaps:
        """Return the gap of q = MeanField(lam) and its two parts, for x (B, X), lam (B, 2 D)."""
        evidence, best = self.log_evidence(x), self.elbo(x, self.best_lam(x))
        elbo = self.elbo(x, lam)
        return Gaps(evidence - elbo, evidence - best, best - elbo)

    def sample(self, rng: onp.random.Generator, num: int) -> Array:
        """Draw observations (num, X)."""
        z = rng.standard_normal((num, self.W.shape[1]))
        return z @ self.W.T + self.b + self.noise_sd * rng.standard_normal((num, len(self.W)))

    def _precision(self) -> Array:
        """The posterior's precision I + W' W / noise_sd², (D, D)."""
        return onp.eye(self.W.shape[1]) + self.W.T @ self.W / self.noise_sd**2


def probabilistic_pca(x: Array, dim: int) -> LinearVAE:
    """Return the linear VAE of largest evidence for x (N, X).

    With the eigenvalues l_1 >= l_2 >= ... and eigenvectors u_d of the covariance (denominator N),
    noise_sd² is the mean of the discarded eigenvalues and W_d = u_d sqrt(l_d - noise_sd²). The
    rotation of z is not determined; this one has orthogonal columns, so the posterior has no
    correlations and a mean-field q no family gap.

    Raises:
        ShapeError: unless x is a matrix.
        ValueError: unless 1 <= dim < X, or if x has no variance beyond dim directions.
    """
    require_shape("x", x, ("N", "X"))
    num_pixels = x.shape[1]
    if not 1 <= dim < num_pixels:
        raise ValueError(f"dim must lie in 1..{num_pixels - 1}, got {dim}")
    values, vectors = onp.linalg.eigh(onp.cov(x.T, ddof=0))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise_var = float(onp.mean(values[dim:]))
    if noise_var <= 1e-12 * values[0]:
        raise ValueError(f"x has no variance beyond {dim} directions: the evidence is unbounded")
    W = vectors[:, :dim] * onp.sqrt(onp.maximum(values[:dim] - noise_var, 0.0))
    return LinearVAE(W, onp.mean(x, axis=0), math.sqrt(noise_var))
