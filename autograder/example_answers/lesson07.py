"""Students' answers to lesson 7, automatic differentiation variational inference."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

_TRANSFORMS = '''\
class Identity:
    """theta = zeta."""

    def forward(self, theta):
        return theta

    def inverse(self, zeta):
        return zeta

    def log_abs_det_jacobian(self, zeta):
        return np.sum(np.zeros(np.shape(zeta)) * zeta, axis=-1)


class Log:
    """theta = exp(zeta)."""

    def forward(self, theta):
        return np.log(theta)

    def inverse(self, zeta):
        return np.exp(zeta)

    def log_abs_det_jacobian(self, zeta):
        return np.sum(zeta, axis=-1)


class Softplus:
    """theta = log(1 + exp(zeta))."""

    def forward(self, theta):
        return theta + np.log(-np.expm1(-theta))

    def inverse(self, zeta):
        return {softplus}

    def log_abs_det_jacobian(self, zeta):
        return {slope}


class Logit:
    """theta = a + (b - a) / (1 + exp(-zeta))."""

    def __init__(self, a, b):
        self.a = a
        self.b = b

    def forward(self, theta):
        return np.log(theta - self.a) - np.log(self.b - theta)

    def inverse(self, zeta):
        return self.a + (self.b - self.a) * np.exp(-np.logaddexp(0, -zeta))

    def log_abs_det_jacobian(self, zeta):
        log_slope = -np.logaddexp(0, -zeta) - np.logaddexp(0, zeta)
        return np.sum(np.log(self.b - self.a) + log_slope, axis=-1)'''

_STABLE, _NAIVE = "np.logaddexp(0, zeta)", "np.log(1 + np.exp(zeta))"
_SLOPE = "np.sum(-np.logaddexp(0, -zeta), axis=-1)"

_LOG_JOINT = """\
mu, log_sd = zeta[:, 0:1], zeta[:, 1:2]
sd = np.exp(log_sd)
half = 0.5 * np.log(2 * np.pi)
log_prior = (-half - 0.5 * mu**2) + ({half_normal} - 0.5 * sd**2)
log_lik = np.sum(-half - log_sd - 0.5 * ((x - mu) / sd) ** 2, axis=1)
return log_lik + np.sum(log_prior{jacobian}, axis=1)"""
_HALF_NORMAL, _JACOBIAN = "np.log(2) - half", " + log_sd"
_MEAN = "return np.exp(m + s**2 / 2)"

_FIT = """\
from autograd import value_and_grad

D, num_draws = len(init), 5


def total_log_p(zeta):
    total = 0.0
    columns = []
    for d in range(D):
        column = zeta[:, d : d + 1]
        columns.append(transforms[d].inverse(column))
        total = total + transforms[d].log_abs_det_jacobian(column)
    return np.sum(log_joint(np.concatenate(columns, axis=1)) + total)


# Adam on (mu, omega), with a rate that falls as 1/sqrt(k)
lam = np.concatenate([np.array(init, dtype=float), np.zeros(D)])
m, v = np.zeros(2 * D), np.zeros(2 * D)
trace = []
for k in range(1, num_iter + 1):
    mu, omega = lam[:D], lam[D:]
    eps = rng.standard_normal((num_draws, D))
    value, g = value_and_grad(total_log_p)(mu + np.exp(omega) * eps)
    entropy = np.sum(omega) + 0.5 * D * np.log(2 * np.pi * np.e)
    trace.append(value / num_draws + entropy)
    g_omega = np.mean(g * eps, axis=0) * np.exp(omega) + 1
    g_lam = np.concatenate([np.mean(g, axis=0), g_omega])
    m = 0.9 * m + 0.1 * g_lam
    v = 0.999 * v + 0.001 * g_lam**2
    ratio = (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    lam = lam + rate / np.sqrt(k) * ratio
return {{"mu": lam[:D], "omega": {omega}, "elbo": np.array(trace)}}"""


ANSWERS = (
    StudentAnswer(
        "E7.1", "by formulas", 6, (_TRANSFORMS.format(softplus=_STABLE, slope=_SLOPE),), whole=True
    ),
    # Only at zeta = 800 does log(1 + exp(zeta)) overflow.
    StudentAnswer(
        "E7.1",
        "naive softplus",
        5,
        (_TRANSFORMS.format(softplus=_NAIVE, slope=_SLOPE),),
        "naive-softplus",
        whole=True,
    ),
    # There and back is right; the slope of exp instead of a sigmoid spoils all the rest.
    StudentAnswer(
        "E7.1",
        "slope of exp",
        2,
        (_TRANSFORMS.format(softplus=_STABLE, slope="np.sum(zeta, axis=-1)"),),
        "softplus-jacobian-is-zeta",
        whole=True,
    ),
    StudentAnswer(
        "E7.2",
        "on columns",
        5,
        (_LOG_JOINT.format(half_normal=_HALF_NORMAL, jacobian=_JACOBIAN), _MEAN),
    ),
    StudentAnswer(
        "E7.2",
        "median for mean",
        4,
        (_LOG_JOINT.format(half_normal=_HALF_NORMAL, jacobian=_JACOBIAN), "return np.exp(m)"),
        "lognormal-median",
    ),
    # A constant is missing; only the mean of the log-normal is right.
    StudentAnswer(
        "E7.2",
        "half-normal without 2",
        1,
        (_LOG_JOINT.format(half_normal="-half", jacobian=_JACOBIAN), _MEAN),
        "half-normal-without-2",
    ),
    # Only the mean of the log-normal is right.
    StudentAnswer(
        "E7.2",
        "no Jacobian",
        1,
        (_LOG_JOINT.format(half_normal=_HALF_NORMAL, jacobian=""), _MEAN),
        "no-jacobian",
    ),
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


m, w = np.array(mu, dtype=float), np.array(omega, dtype=float)
return grad(elbo, 0)(m, w), grad(elbo, 1)(m, w)""",
        ),
    ),
    # The gradient in mu is right.
    StudentAnswer(
        "E7.3",
        "entropy missing",
        1,
        (
            """\
from autograd import elementwise_grad

sd = np.exp(omega)
g = elementwise_grad(log_joint)(mu + sd * eps)
return np.mean(g, axis=0), np.mean(g * eps * sd, axis=0)""",
        ),
        "entropy-missing",
    ),
    # The published code: omega taken for the sd.
    StudentAnswer(
        "E7.3",
        "omega as sd",
        0,
        (
            """\
from autograd import elementwise_grad

zeta = mu + omega * eps
g = elementwise_grad(log_joint)(zeta)
g_mu = np.mean(g, axis=0)
g_omega = np.mean(g * eps, axis=0) * np.exp(omega) + 1
return g_mu, g_omega""",
        ),
        "omega-as-sd",
    ),
    StudentAnswer(
        "E7.4",
        "on one line",
        4,
        (
            """\
s = g**2 if k == 1 else alpha * g**2 + (1 - alpha) * s_prev
return rate * float(k) ** (-0.5 + eps) / (tau + np.sqrt(s)), s""",
        ),
    ),
    # The first step does not use the weights.
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
    StudentAnswer("E7.5", "with Adam", 6, (_FIT.format(omega="lam[D:]"),)),
    # A good fit, but with sds where their logs are asked for: the dict and the means are right.
    StudentAnswer(
        "E7.5", "returns the sd", 3, (_FIT.format(omega="np.exp(lam[D:])"),), "returns-the-sd"
    ),
)
