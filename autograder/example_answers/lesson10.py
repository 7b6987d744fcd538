"""Students' answers to lesson 10, Bayesian neural nets."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E10.1",
        "standardised first",
        3,
        (
            """\
sd = np.exp(log_var / 2)
z = (y - mu) / sd
return -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)""",
        ),
    ),
    # "For stability": right where the variance is moderate, wrong at e^-30.
    StudentAnswer(
        "E10.1",
        "a little something added",
        0,
        (
            """\
var = np.exp(log_var) + 1e-6
return -0.5 * (np.log(2 * np.pi) + np.log(var) + (y - mu) ** 2 / var)""",
        ),
        "variance-padded",
    ),
    StudentAnswer(
        "E10.1",
        "log variance as log sd",
        0,
        (
            """\
sd = np.exp(log_var)
return -0.5 * np.log(2 * np.pi) - np.log(sd) - (y - mu) ** 2 / (2 * sd**2)""",
        ),
        "log-var-taken-as-log-sd",
    ),
    StudentAnswer(
        "E10.1",
        "the loss",
        0,
        (
            """\
nll = 0.5 * (np.log(2 * np.pi) + log_var + (y - mu) ** 2 / np.exp(log_var))
return nll""",
        ),
        "negated",
    ),
    StudentAnswer(
        "E10.2",
        "likelihood, prior and entropy",
        5,
        (
            """\
e_lik = -0.5 * np.log(2 * np.pi * noise_sd**2)
e_lik = e_lik - ((y - m) ** 2 + s**2) / (2 * noise_sd**2)
e_prior = -0.5 * np.log(2 * np.pi) - (m**2 + s**2) / 2
entropy = 0.5 * np.log(2 * np.pi * np.e * s**2)
return e_lik + e_prior + entropy""",
        ),
    ),
    StudentAnswer(
        "E10.2",
        "as published",
        0,
        (
            """\
log_lik = -0.5 * np.log(2 * np.pi * s**2) - (y - m) ** 2 / (2 * s**2)
kl = 0.5 * (m**2 + s**2 - 1) - np.log(s)
return log_lik - kl""",
        ),
        "likelihood-under-q",
    ),
    StudentAnswer(
        "E10.2",
        "f is m",
        0,
        (
            """\
log_lik = -0.5 * np.log(2 * np.pi * noise_sd**2) - (y - m) ** 2 / (2 * noise_sd**2)
return log_lik - (0.5 * (m**2 + s**2 - 1) - np.log(s))""",
        ),
        "uncertainty-of-f-forgotten",
    ),
    StudentAnswer(
        "E10.3",
        "KL from the draw",
        6,
        (
            """\
sd = np.logaddexp(0, params["rho"])
w = params["mu"] + sd * eps
num_in = X.shape[1]
units = (len(w) - 1) // (num_in + 2)
f = amortised.mlp(w, X, sizes=(num_in, units, 1))[:, 0]
log_q = densities.normal(w, params["mu"], sd)
log_p = densities.normal(w)
fit = np.sum(densities.normal(y, f, np.exp(params["log_noise_sd"])))
return np.sum(log_q - log_p) / num_batches - fit""",
        ),
    ),
    # The commonest slip: fit and batches' sum show it, the other terms are right.
    StudentAnswer(
        "E10.3",
        "KL in every batch",
        1,
        (
            """\
mu, sd = params["mu"], np.logaddexp(0, params["rho"])
w = mu + sd * eps
K = X.shape[1]
H = (len(w) - 1) // (K + 2)
hidden = np.tanh(X @ w[: K * H].reshape(K, H) + w[K * H : K * H + H])
f = hidden @ w[K * H + H : K * H + 2 * H] + w[-1]
noise = np.exp(params["log_noise_sd"])
nll = np.sum(0.5 * ((y - f) / noise) ** 2 + np.log(noise) + 0.5 * np.log(2 * np.pi))
kl = np.sum(0.5 * (mu**2 + sd**2 - 1) - np.log(sd))
return nll + kl""",
        ),
        "kl-not-divided",
    ),
    # y (B,) minus a column (B, 1) is a table: only the KL is right.
    StudentAnswer(
        "E10.3",
        "a column",
        1,
        (
            """\
mu, sd = params["mu"], np.logaddexp(0, params["rho"])
w = mu + sd * eps
K = X.shape[1]
H = (len(w) - 1) // (K + 2)
W1 = np.reshape(w[: K * H], (K, H))
W2 = np.reshape(w[K * H + H : -1], (H, 1))
f = np.dot(np.tanh(np.dot(X, W1) + w[K * H : K * H + H]), W2) + w[-1]
noise = np.exp(params["log_noise_sd"])
nll = -np.sum(densities.normal(y, f, noise))
kl = np.sum(0.5 * (mu**2 + sd**2 - 1) - np.log(sd))
return nll + kl / num_batches""",
        ),
        "prediction-is-a-column",
    ),
    # Everything but the weight with rho = -40.
    StudentAnswer(
        "E10.3",
        "softplus as it is defined",
        5,
        (
            """\
mu, sd = params["mu"], np.log(1 + np.exp(params["rho"]))
w = mu + sd * eps
K = X.shape[1]
H = (len(w) - 1) // (K + 2)
f = amortised.mlp(w, X, sizes=(K, H, 1))[:, 0]
nll = -np.sum(densities.normal(y, f, np.exp(params["log_noise_sd"])))
kl = np.sum(0.5 * (mu**2 + sd**2 - 1) - np.log(sd))
return nll + kl / num_batches""",
        ),
        "softplus-underflows",
    ),
    StudentAnswer(
        "E10.4",
        "moments of the mixture",
        6,
        (
            """\
S, N = f_mean.shape
noise = np.zeros((S, N)) + f_var_noise
mean = f_mean.sum(axis=0) / S
centred = f_mean - mean
return mean, (noise + centred**2).sum(axis=0) / S""",
        ),
    ),
    StudentAnswer(
        "E10.4",
        "only the curves",
        1,
        (
            """\
return np.mean(f_mean, axis=0), np.var(f_mean, axis=0)""",
        ),
        "noise-forgotten",
    ),
    # Right for (S, N); one variance a point is averaged over the points.
    StudentAnswer(
        "E10.4",
        "mean along axis 0",
        5,
        (
            """\
noise = np.mean(np.atleast_1d(f_var_noise), axis=0)
return np.mean(f_mean, axis=0), noise + np.var(f_mean, axis=0)""",
        ),
        "noise-averaged-over-points",
    ),
)
