"""Typical answers to E2.1, `mean_field_gaussian(mu, cov) -> (mean, sd, kl)`.

With Lambda = cov^-1 the answer is mean = mu, sd_i = Lambda_ii^(-1/2) and
KL = (sum_i log Lambda_ii + log|cov|) / 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograder.checks.protocol import Right, Wrong

Array = Any


def log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def solution(mu: Array, cov: Array) -> tuple[Array, Array, float]:
    precision = np.linalg.inv(cov)
    diagonal = np.diag(precision)
    return np.array(mu, float), diagonal**-0.5, 0.5 * (np.log(diagonal).sum() + log_det(cov))


# Wrong


def marginal_sds(mu: Array, cov: Array) -> Any:
    mean, _, kl = solution(mu, cov)
    return mean, np.sqrt(np.diag(cov)), kl


def marginal_sds_and_their_kl(mu: Array, cov: Array) -> Any:
    variances = np.diag(cov)
    trace = np.trace(np.linalg.inv(cov) @ np.diag(variances))
    kl = 0.5 * (trace - len(mu) - np.log(variances).sum() + log_det(cov))
    return mu, np.sqrt(variances), kl


def diagonal_then_inverted(mu: Array, cov: Array) -> Any:
    precision = 1.0 / np.diag(cov)
    return mu, precision**-0.5, 0.5 * (np.log(precision).sum() + log_det(cov))


def not_inverted(mu: Array, cov: Array) -> Any:
    diagonal = np.diag(cov)
    return mu, diagonal**-0.5, 0.5 * (np.log(diagonal).sum() - log_det(cov))


def variances(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, sd**2, kl


def precisions(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, sd**-2.0, kl


def roots_of_precisions(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, 1.0 / sd, kl


def mean_moved(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return np.linalg.inv(cov) @ mean * sd**2, sd, kl


def mean_rotated(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return np.linalg.inv(cov) @ mean, sd, kl


def kl_negated(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, sd, -kl


def kl_doubled(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, sd, 2.0 * kl


def half_of_one_term(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    return mean, sd, -np.log(sd).sum() + log_det(cov)


def kl_of_sds(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    return mean, sd, 0.5 * (log_det(cov) - np.log(sd).sum())


def diagonal_for_the_determinant(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    return mean, sd, 0.5 * np.log(np.diag(cov)).sum() - np.log(sd).sum()


def marginals_in_the_kl(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    return mean, sd, 0.5 * (log_det(cov) - np.log(np.diag(cov)).sum())


def sign_of_the_determinant(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    return mean, sd, 0.5 * float(np.linalg.slogdet(cov)[0]) - np.log(sd).sum()


def other_direction(mu: Array, cov: Array) -> Any:
    mean, sd, _ = solution(mu, cov)
    scaled = np.sum(np.diag(cov) / sd**2) - len(mean)
    return mean, sd, 0.5 * (scaled + 2.0 * np.log(sd).sum() - log_det(cov))


def trace_term_kept(mu: Array, cov: Array) -> Any:
    mean, sd, kl = solution(mu, cov)
    return mean, sd, kl + 0.5 * len(mean)


def pairs_only(mu: Array, cov: Array) -> Any:
    shrink = 1.0 - cov[0, 1] ** 2 / (cov[0, 0] * cov[1, 1])
    return mu, np.sqrt(np.diag(cov) * shrink), -0.5 * np.log(shrink)


def whole_numbers(mu: Array, cov: Array) -> Any:
    _, found, kl = solution(mu, cov)
    sd = np.zeros_like(mu)
    sd[:] = found
    return mu, sd, kl


WRONG = (
    Wrong(
        "marginal-sds",
        {"mean_field_gaussian": marginal_sds},
        "Your sds are those of the marginals, √Σᵢᵢ: that is the answer for KL(p‖q). Maximising the "
        "ELBO minimises KL(q‖p), and there the precision matrix Λ = Σ⁻¹ speaks first.",
    ),
    Wrong(
        "marginal-sds-and-their-kl",
        {"mean_field_gaussian": marginal_sds_and_their_kl},
        "Your KL is right for your q, but another factorised q comes closer. What is the sd of θᵢ "
        "when the other coordinates are held fixed?",
    ),
    Wrong(
        "diagonal-then-inverted",
        {"mean_field_gaussian": diagonal_then_inverted},
        "Invert first, then take the diagonal: (Σ⁻¹)ᵢᵢ is not 1/Σᵢᵢ. Your KL gives it away, for it "
        "is negative.",
    ),
    Wrong(
        "covariance-not-inverted",
        {"mean_field_gaussian": not_inverted},
        "You use Σᵢᵢ where the precision Λᵢᵢ belongs. Scale a coordinate by 10: its sd must grow "
        "by 10, does yours?",
    ),
    Wrong(
        "variances-returned",
        {"mean_field_gaussian": variances},
        "The second result is asked as standard deviations; 1/Λᵢᵢ is a variance.",
    ),
    Wrong(
        "precisions-returned",
        {"mean_field_gaussian": precisions},
        "The second result is asked as standard deviations; Λᵢᵢ is a precision, in units of 1/θ².",
    ),
    Wrong(
        "roots-of-precisions-returned",
        {"mean_field_gaussian": roots_of_precisions},
        "A precision is one over a variance, so √Λᵢᵢ is one over the sd. The tighter Λ holds a "
        "coordinate, the narrower q must be.",
    ),
    Wrong(
        "mean-is-a-single-step",
        {"mean_field_gaussian": mean_moved},
        "Your mean is one coordinate step from zero, not where the steps come to rest. Put m = μ "
        "into the update of mᵢ: does it move?",
    ),
    Wrong(
        "mean-is-a-natural-parameter",
        {"mean_field_gaussian": mean_rotated},
        "Λμ is a natural parameter, not a mean. Mean field narrows the posterior; does it also "
        "move its centre?",
    ),
    Wrong(
        "kl-negated",
        {"mean_field_gaussian": kl_negated},
        "Your KL is negative, and a KL divergence never is. The wider of the two Gaussians has the "
        "larger log determinant: which one is it?",
    ),
    Wrong(
        "kl-without-the-half",
        {"mean_field_gaussian": kl_doubled},
        "Your KL is twice too large: log |Σ|^½ is ½ log |Σ|. At ρ = 0.8 it should be 0.5108.",
    ),
    Wrong(
        "half-on-one-term-only",
        {"mean_field_gaussian": half_of_one_term},
        "One of your two logarithms has lost its ½. Try a diagonal Σ: q can then equal p, so what "
        "must the KL be?",
    ),
    Wrong(
        "log-of-the-sds",
        {"mean_field_gaussian": kl_of_sds},
        "log |Σ| is the log of variances multiplied; its partner must be made of variances too, "
        "log sd² and not log sd.",
    ),
    Wrong(
        "diagonal-for-the-determinant",
        {"mean_field_gaussian": diagonal_for_the_determinant},
        "Your log |Σ| is the sum of log Σᵢᵢ, which is right for a diagonal matrix only. The "
        "determinant knows the correlations.",
    ),
    Wrong(
        "marginals-in-the-kl",
        {"mean_field_gaussian": marginals_in_the_kl},
        "Your KL takes Σᵢᵢ for the variances of q: they are 1/Λᵢᵢ. That is why it is negative.",
    ),
    Wrong(
        "sign-of-the-determinant",
        {"mean_field_gaussian": sign_of_the_determinant},
        "`np.linalg.slogdet` returns two things, the sign of the determinant first. You need the "
        "other one.",
    ),
    Wrong(
        "the-other-direction",
        {"mean_field_gaussian": other_direction},
        "That is KL(p‖q). We average under q, KL(q‖p): there the trace term tr(Λ diag(sd²)) is "
        "exactly D.",
    ),
    Wrong(
        "trace-term-not-cancelled",
        {"mean_field_gaussian": trace_term_kept},
        "You keep ½ tr(Λ diag(sd²)) = D/2 but not the −D/2 that cancels it. For a diagonal Σ the "
        "KL must be 0.",
    ),
    Wrong(
        "for-pairs-only",
        {"mean_field_gaussian": pairs_only},
        "Your formula with one correlation ρ is right for two coordinates. With more, or with one, "
        "let the precision matrix do that work.",
    ),
    Wrong(
        "rounded-to-whole-numbers",
        {"mean_field_gaussian": whole_numbers},
        "When `mu` holds whole numbers, an array made like it (`zeros_like`) holds whole numbers "
        "too, and your sds are cut off. Ask for dtype float.",
    ),
)


# Right


class Factorised(NamedTuple):
    """A named result, which is as good as a tuple."""

    mean: Array
    sd: Array
    kl: float


def by_solving(mu: Array, cov: Array) -> Any:
    diagonal = np.diag(np.linalg.solve(np.asarray(cov, float), np.eye(len(mu))))
    return Factorised(mu, 1.0 / np.sqrt(diagonal), (np.log(diagonal).sum() + log_det(cov)) / 2)


def by_cholesky(mu: Array, cov: Array) -> Any:
    inverse_root = np.linalg.inv(np.linalg.cholesky(cov))
    diagonal = np.sum(inverse_root**2, axis=0)
    kl = 0.5 * np.log(diagonal).sum() - np.log(np.diag(inverse_root)).sum()
    return [list(mu), list(diagonal**-0.5), np.array([kl])]


def by_conditioning(mu: Array, cov: Array) -> Any:
    sd = []
    for i in range(len(mu)):
        rest = [j for j in range(len(mu)) if j != i]
        across = cov[i, rest]
        variance = cov[i, i] - across @ np.linalg.solve(cov[np.ix_(rest, rest)], across)
        sd.append(variance**0.5)
    return mu, np.array(sd), 0.5 * log_det(cov) - np.log(sd).sum()


def by_general_kl(mu: Array, cov: Array) -> Any:
    precision = np.linalg.inv(cov)
    own = np.diag(1.0 / np.diag(precision))
    kl = 0.5 * (np.trace(precision @ own) - len(mu) - log_det(own) + log_det(cov))
    return mu, np.sqrt(np.diag(own)), kl


RIGHT = (
    Right("solve", {"mean_field_gaussian": by_solving}),
    Right("Cholesky", {"mean_field_gaussian": by_cholesky}),
    Right("variance given the others", {"mean_field_gaussian": by_conditioning}),
    Right("KL of two Gaussians", {"mean_field_gaussian": by_general_kl}),
)
