"""Students' answers to lesson 5, black-box VI."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E5.1",
        "with z",
        4,
        (
            """\
z = (theta - mu) / sd
return z / sd, (z**2 - 1) / sd""",
        ),
    ),
    StudentAnswer(
        "E5.1",
        "by autograd",
        4,
        (
            """\
from autograd import elementwise_grad

theta = np.asarray(theta, dtype=float)
m = mu + np.zeros(theta.shape)
s = sd + np.zeros(theta.shape)


def log_q(m, s):
    return -0.5 * np.log(2 * np.pi) - np.log(s) - (theta - m) ** 2 / (2 * s**2)


return elementwise_grad(log_q, 0)(m, s), elementwise_grad(log_q, 1)(m, s)""",
        ),
    ),
    # Right in mu; without the normaliser the derivative in sd is wrong wherever it is looked at.
    StudentAnswer(
        "E5.1",
        "normaliser forgotten",
        1,
        (
            """\
d_mu = (theta - mu) / sd**2
d_sd = (theta - mu) ** 2 / sd**3
return d_mu, d_sd""",
        ),
        "normaliser-forgotten",
    ),
    # Right in mu, and the score in log sd averages to 0 as well.
    StudentAnswer(
        "E5.1",
        "in log sd",
        2,
        (
            """\
gap = theta - mu
d_mu = gap / sd**2
d_log_sd = gap**2 / sd**2 - 1
return d_mu, d_log_sd""",
        ),
        "derivative-in-log-sd",
    ),
    StudentAnswer(
        "E5.2",
        "loop over the draws",
        6,
        (
            """\
S, D = theta.shape
g_mu, g_sd = np.zeros(D), np.zeros(D)
log_p = log_joint(theta)
for s in range(S):
    z = (theta[s] - mu) / sd
    log_q = np.sum(-0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * z**2)
    weight = log_p[s] - log_q
    g_mu = g_mu + weight * z / sd / S
    g_sd = g_sd + weight * (z**2 - 1) / sd / S
print("weights up to", weight)
return g_mu, g_sd""",
        ),
    ),
    # Not the plain estimate, but with the same expectation: judged on average.
    StudentAnswer(
        "E5.2",
        "with a baseline",
        6,
        (
            """\
z = (theta - mu) / sd
log_q = np.sum(-0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * z**2, axis=1)
w = log_joint(theta) - log_q
# subtract the mean weight of the other draws: less variance
w = w - (np.sum(w) - w) / (len(w) - 1)
g_mu = np.mean(w[:, None] * z / sd, axis=0)
g_sd = np.mean(w[:, None] * (z**2 - 1) / sd, axis=0)
return g_mu, g_sd""",
        ),
    ),
    # The gradient in mu has the right mean without log q; the one in sd lacks the entropy's part.
    StudentAnswer(
        "E5.2",
        "log q left out",
        2,
        (
            """\
log_p = log_joint(theta)
d_mu = (theta - mu) / sd**2
d_sd = (theta - mu) ** 2 / sd**3 - 1 / sd
g_mu = np.mean(log_p[:, None] * d_mu, axis=0)
g_sd = np.mean(log_p[:, None] * d_sd, axis=0)
return g_mu, g_sd""",
        ),
        "log-q-left-out",
    ),
    StudentAnswer(
        "E5.2",
        "product of means",
        0,
        (
            """\
z = (theta - mu) / sd
log_q = np.sum(-0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * z**2, axis=1)
weight = np.mean(log_joint(theta) - log_q)
return weight * np.mean(z / sd, axis=0), weight * np.mean((z**2 - 1) / sd, axis=0)""",
        ),
        "product-of-means",
    ),
    StudentAnswer(
        "E5.3",
        "with the KL",
        5,
        (
            """\
m, s = np.asarray(q.mean), np.asarray(q.sd)
m0, s0 = np.asarray(prior.mean), np.asarray(prior.sd)
x, y = data["x"], data["y"]
kl = np.sum(np.log(s0 / s) + (s**2 + (m - m0) ** 2) / (2 * s0**2) - 0.5)
square = (y - m[0] - m[1] * x) ** 2 + s[0] ** 2 + x**2 * s[1] ** 2
log_lik = -0.5 * np.log(2 * np.pi) - np.log(noise_sd) - square / (2 * noise_sd**2)
return np.sum(log_lik) - kl""",
        ),
    ),
    # Two of the five bugs are still in: the sign of the entropy and the factor of log noise_sd.
    StudentAnswer(
        "E5.3",
        "three of five",
        3,
        (
            """\
m, s = q.mean, q.sd
second = m**2 + s**2
log_prior = 0.0
for j in range(2):
    log_prior += -0.5 * np.log(2 * np.pi) - np.log(prior.sd[j])
    log_prior -= (second[j] - 2 * prior.mean[j] * m[j] + prior.mean[j] ** 2) / (
        2 * prior.sd[j] ** 2
    )
log_lik = 0.0
for x_i, y_i in zip(data["x"], data["y"]):
    square = y_i**2 + second[0] + second[1] * x_i**2
    square += 2 * m[0] * m[1] * x_i - 2 * y_i * (m[0] + m[1] * x_i)
    log_lik += -0.5 * np.log(2 * np.pi) - 0.5 * np.log(noise_sd)
    log_lik -= square / (2 * noise_sd**2)
entropy = np.sum(0.5 * np.log(2 * np.pi * np.e * s**2))
return log_prior + log_lik - entropy""",
        ),
        "entropy-subtracted",
    ),
    StudentAnswer(
        "E5.3",
        "cross term without x",
        4,
        (
            """\
m, s = q.mean, q.sd
second = m**2 + s**2
log_prior = np.sum(
    -0.5 * np.log(2 * np.pi)
    - np.log(prior.sd)
    - (second - 2 * prior.mean * m + prior.mean**2) / (2 * prior.sd**2)
)
x, y = data["x"], data["y"]
square = y**2 + second[0] + second[1] * x**2 + 2 * m[0] * m[1]
square = square - 2 * y * (m[0] + m[1] * x)
log_lik = np.sum(
    -0.5 * np.log(2 * np.pi) - np.log(noise_sd) - square / (2 * noise_sd**2)
)
entropy = np.sum(0.5 * np.log(2 * np.pi * np.e * s**2))
return log_prior + log_lik + entropy""",
        ),
        "cross-term-without-x",
    ),
    StudentAnswer(
        "E5.4",
        "with np.cov",
        5,
        (
            """\
f, h = np.asarray(f, dtype=float), np.asarray(h, dtype=float)
a = np.zeros(f.shape[1])
for d in range(f.shape[1]):
    C = np.cov(f[:, d], h[:, d])
    if C[1, 1] > 0:
        a[d] = C[0, 1] / C[1, 1]
return f - a * h, a""",
        ),
    ),
    # Right, but 0/0 where a column of h does not vary.
    StudentAnswer(
        "E5.4",
        "zero variance",
        4,
        (
            """\
h_c = h - np.mean(h, axis=0)
a = np.mean((f - np.mean(f, axis=0)) * h_c, axis=0) / np.mean(h_c**2, axis=0)
return f - a * h, a""",
        ),
        "zero-variance-unguarded",
    ),
    StudentAnswer(
        "E5.4",
        "one a for all",
        0,
        (
            """\
h_c = h - np.mean(h, axis=0)
f_c = f - np.mean(f, axis=0)
a = np.sum(f_c * h_c) / np.sum(h_c**2)
return f - a * h, a * np.ones(f.shape[1])""",
        ),
        "one-coefficient-for-all",
    ),
    # Right but for the numbers it reports: the trace is that of minus the ELBO.
    StudentAnswer(
        "E5.5",
        "reports minus the ELBO",
        3,
        (
            """\
mu, log_sd = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
losses, history = [], []
for t in range(1, num_iter + 1):
    sd = np.exp(log_sd)
    z = rng.standard_normal((num_samples, len(mu)))
    theta = mu + sd * z
    log_q = np.sum(-0.5 * np.log(2 * np.pi) - log_sd - 0.5 * z**2, axis=1)
    w = log_joint(theta) - log_q
    step = rho(t) if callable(rho) else rho
    mu = mu + step * np.mean(w[:, None] * z / sd, axis=0)
    log_sd = log_sd + step * np.mean(w[:, None] * (z**2 - 1), axis=0)
    losses.append(-np.mean(w))
    history.append(mu)
return {
    "mu": mu,
    "log_sd": log_sd,
    "elbo": np.array(losses),
    "history": np.array(history),
}""",
        ),
        "elbo-negated",
    ),
    # A baseline, and NumPy's sampler of means and sds: judged on average and by the fit.
    StudentAnswer(
        "E5.5",
        "with a baseline",
        5,
        (
            """\
mu, log_sd = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
elbo, history = np.zeros(num_iter), np.zeros((num_iter, len(mu)))
for t in range(num_iter):
    sd = np.exp(log_sd)
    theta = rng.normal(mu, sd, size=(num_samples, len(mu)))
    z = (theta - mu) / sd
    log_q = np.sum(-0.5 * np.log(2 * np.pi) - log_sd - 0.5 * z**2, axis=1)
    w = log_joint(theta) - log_q
    elbo[t] = np.mean(w)
    w = w - (np.sum(w) - w) / (num_samples - 1)
    step = rho(t + 1) if callable(rho) else rho
    mu = mu + step * np.mean(w[:, None] * z / sd, axis=0)
    log_sd = log_sd + step * np.mean(w[:, None] * (z**2 - 1), axis=0)
    history[t] = mu
return {"mu": mu, "log_sd": log_sd, "elbo": elbo, "history": history}""",
        ),
    ),
    StudentAnswer(
        "E5.5",
        "descends",
        0,
        (
            """\
mu, log_sd = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
elbo, history = [], []
for t in range(1, num_iter + 1):
    sd = np.exp(log_sd)
    theta = mu + sd * rng.standard_normal((num_samples, len(mu)))
    z = (theta - mu) / sd
    log_q = np.sum(-0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * z**2, axis=1)
    weight = log_joint(theta) - log_q
    g_mu = np.mean(weight[:, None] * z / sd, axis=0)
    g_log_sd = np.mean(weight[:, None] * (z**2 - 1), axis=0)
    rate = rho(t) if callable(rho) else rho
    mu = mu - rate * g_mu
    log_sd = log_sd - rate * g_log_sd
    elbo.append(np.mean(weight))
    history.append(mu)
return {
    "mu": mu,
    "log_sd": log_sd,
    "elbo": np.array(elbo),
    "history": np.array(history),
}""",
        ),
        "descends",
    ),
)
