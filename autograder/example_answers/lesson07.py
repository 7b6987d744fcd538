"""Students' answers to lesson 7, automatic differentiation variational inference."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS: tuple[StudentAnswer, ...] = (
    StudentAnswer(
        "E7.3",
        "by autograd",
        6,
        (
            """\
from autograd import grad


def elbo(m, w):
    # one Monte Carlo estimate; the entropy of a Gaussian is sum(w) + constant
    return np.mean(log_joint(m + np.exp(w) * eps)) + np.sum(w)


mu, omega = np.array(mu, dtype=float), np.array(omega, dtype=float)
return grad(elbo, 0)(mu, omega), grad(elbo, 1)(mu, omega)""",
        ),
    ),
    StudentAnswer(
        "E7.3",
        "entropy missing",
        3,
        (
            """\
from autograd import elementwise_grad

mu, omega = np.array(mu, dtype=float), np.array(omega, dtype=float)
zeta = mu + np.exp(omega) * eps
g = elementwise_grad(log_joint)(zeta)
return np.mean(g, axis=0), np.mean(g * eps * np.exp(omega), axis=0)""",
        ),
        "entropy-missing",
    ),
    StudentAnswer(
        "E7.4",
        "on one line each",
        4,
        (
            """\
s = g**2 if k == 1 else alpha * g**2 + (1 - alpha) * s_prev
return rate * float(k) ** (-0.5 + eps) / (tau + np.sqrt(s)), s""",
        ),
    ),
    StudentAnswer(
        "E7.4",
        "weights swapped",
        1,
        (
            """\
if k == 1:
    s = g**2
else:
    s = (1 - alpha) * g**2 + alpha * s_prev
rho = rate * k ** (-1 / 2 + eps) / (tau + np.sqrt(s))
return rho, s""",
        ),
        "alpha-swapped",
    ),
)
