"""Students' answers to lesson 2, mean field and coordinate ascent."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E2.1",
        "by solving",
        4,
        (
            """\
D = len(mu)
L = np.linalg.solve(np.asarray(cov, dtype=float), np.eye(D))
var = 1.0 / np.diag(L)
sign, logdet = np.linalg.slogdet(cov)
kl = 0.5 * (logdet - np.sum(np.log(var)))
return np.array(mu), np.sqrt(var), kl""",
        ),
    ),
    # Wrong sds, but the KL divergence is that of the right q.
    StudentAnswer(
        "E2.1",
        "marginal sds",
        2,
        (
            """\
sd = np.sqrt(np.diag(cov))
kl = 0.5 * (np.sum(np.log(np.diag(np.linalg.inv(cov)))) + np.log(np.linalg.det(cov)))
return mu, sd, kl""",
        ),
        "marginal-sds",
    ),
    # The means and sds are right.
    StudentAnswer(
        "E2.1",
        "KL without the half",
        2,
        (
            """\
Lambda = np.linalg.inv(cov)
d = np.diag(Lambda)
kl = np.sum(np.log(d)) - np.log(np.linalg.det(Lambda))
return mu, 1 / np.sqrt(d), kl""",
        ),
        "kl-without-the-half",
    ),
    StudentAnswer(
        "E2.2",
        "loop over the data",
        4,
        (
            """\
tau_q = tau0
weighted = tau0 * mu0
for x_i in x:
    tau_q = tau_q + E_gamma
    weighted = weighted + E_gamma * x_i
return weighted / tau_q, tau_q""",
        ),
    ),
    StudentAnswer(
        "E2.2",
        "one observation only",
        0,
        (
            """\
tau_q = tau0 + E_gamma
nu_q = (tau0 * mu0 + E_gamma * np.sum(x)) / tau_q
return nu_q, tau_q""",
        ),
        "one-observation-only",
    ),
    # The mean is right.
    StudentAnswer(
        "E2.2",
        "variance returned",
        1.5,
        (
            """\
N = len(x)
precision = tau0 + N * E_gamma
nu_q = (tau0 * mu0 + E_gamma * np.sum(x)) / precision
return nu_q, 1 / precision""",
        ),
        "variance-returned",
    ),
    StudentAnswer(
        "E2.3",
        "squares multiplied out",
        4,
        (
            """\
x = np.asarray(x, dtype=float)
N = len(x)
E_mu = nu_q
E_mu2 = nu_q**2 + 1 / tau_q
S = np.sum(x**2) - 2 * E_mu * np.sum(x) + N * E_mu2
return alpha0 + N / 2, beta0 + S / 2""",
        ),
    ),
    # The shape is right.
    StudentAnswer(
        "E2.3",
        "uncertainty forgotten",
        1,
        (
            """\
alpha_q = alpha0 + len(x) / 2
beta_q = beta0 + 0.5 * np.sum((x - nu_q) ** 2)
return alpha_q, beta_q""",
        ),
        "uncertainty-of-mu-forgotten",
    ),
    # The shape is right.
    StudentAnswer(
        "E2.3",
        "uncertainty once",
        1,
        (
            """\
alpha_q = alpha0 + len(x) / 2
beta_q = beta0 + 0.5 * (np.sum((x - nu_q) ** 2) + 1 / tau_q)
return alpha_q, beta_q""",
        ),
        "uncertainty-once-instead-of-N-times",
    ),
    StudentAnswer(
        "E2.4",
        "log likelihood minus KL",
        6,
        (
            """\
from scipy.special import digamma, gammaln

x = np.asarray(x, dtype=float)
E_g = alpha_q / beta_q
E_log_g = digamma(alpha_q) - np.log(beta_q)
S = np.sum((x - nu_q) ** 2) + len(x) / tau_q
log_lik = len(x) / 2 * (E_log_g - np.log(2 * np.pi)) - E_g * S / 2
r = tau0 / tau_q
kl_mu = 0.5 * (r - 1 - np.log(r) + tau0 * (nu_q - mu0) ** 2)
kl_gamma = (
    (alpha_q - alpha0) * digamma(alpha_q)
    - gammaln(alpha_q)
    + gammaln(alpha0)
    + alpha0 * (np.log(beta_q) - np.log(beta0))
    + alpha_q * (beta0 - beta_q) / beta_q
)
return log_lik - kl_mu - kl_gamma""",
        ),
    ),
    # The prior of mu and, under a flat prior of gamma, the entropies are right.
    StudentAnswer(
        "E2.4",
        "log of the mean",
        2,
        (
            """\
from scipy.special import digamma, gammaln

N = len(x)
E_gamma = alpha_q / beta_q
E_log_gamma = np.log(alpha_q / beta_q)
square = np.sum((x - nu_q) ** 2) + N / tau_q
log_lik = 0.5 * N * (E_log_gamma - np.log(2 * np.pi)) - 0.5 * E_gamma * square
log_p_mu = 0.5 * np.log(tau0 / (2 * np.pi)) - 0.5 * tau0 * (
    (nu_q - mu0) ** 2 + 1 / tau_q
)
log_p_gamma = (
    alpha0 * np.log(beta0)
    - gammaln(alpha0)
    + (alpha0 - 1) * E_log_gamma
    - beta0 * E_gamma
)
H_mu = 0.5 * np.log(2 * np.pi * np.e / tau_q)
H_gamma = (
    alpha_q - np.log(beta_q) + gammaln(alpha_q) + (1 - alpha_q) * digamma(alpha_q)
)
return log_lik + log_p_mu + log_p_gamma + H_mu + H_gamma""",
        ),
        "log-of-the-mean",
    ),
    # Likelihood and both priors are right; the entropies and the whole are not.
    StudentAnswer(
        "E2.4",
        "entropy upside down",
        3.5,
        (
            """\
from scipy.special import digamma, gammaln

N = len(x)
E_gamma = alpha_q / beta_q
E_log_gamma = digamma(alpha_q) - np.log(beta_q)
square = np.sum((x - nu_q) ** 2) + N / tau_q
log_lik = 0.5 * N * (E_log_gamma - np.log(2 * np.pi)) - 0.5 * E_gamma * square
log_p_mu = 0.5 * np.log(tau0 / (2 * np.pi)) - 0.5 * tau0 * (
    (nu_q - mu0) ** 2 + 1 / tau_q
)
log_p_gamma = (
    alpha0 * np.log(beta0)
    - gammaln(alpha0)
    + (alpha0 - 1) * E_log_gamma
    - beta0 * E_gamma
)
H_mu = 0.5 * np.log(2 * np.pi * np.e * tau_q)
H_gamma = (
    alpha_q - np.log(beta_q) + gammaln(alpha_q) + (1 - alpha_q) * digamma(alpha_q)
)
return log_lik + log_p_mu + log_p_gamma + H_mu + H_gamma""",
        ),
        "entropy-of-mu-upside-down",
    ),
    # For those whose updates or ELBO are not right, as the task suggests.
    StudentAnswer(
        "E2.5",
        "with the library's updates",
        5,
        (
            """\
a0, b0 = prior["alpha0"], prior["beta0"]
E = a0 / b0 if init is None else init["alpha_q"] / init["beta_q"]
elbo, old = [], -np.inf
for sweep in range(max_iter):
    nu, tau = cavi.update_q_mu(x, E, prior["mu0"], prior["tau0"])
    a, b = cavi.update_q_gamma(x, nu, tau, a0, b0)
    E = a / b
    new = cavi.elbo_gaussian_gamma(
        x, prior["mu0"], prior["tau0"], a0, b0, nu, tau, a, b
    )
    elbo.append(new)
    if new - old <= rel_tol * abs(new):
        break
    old = new
return dict(nu_q=nu, tau_q=tau, alpha_q=a, beta_q=b, elbo=np.array(elbo))""",
        ),
    ),
    # The stopping rule compares an ELBO with itself; nothing comes of it, not even an error.
    StudentAnswer(
        "E2.5",
        "never stops",
        0,
        (
            """\
E_gamma = prior["alpha0"] / prior["beta0"]
if init is not None:
    E_gamma = init["alpha_q"] / init["beta_q"]
change, elbo = 1.0, []
while change > rel_tol:
    nu_q = np.mean(x)
    tau_q = prior["tau0"] + len(x) * E_gamma
    S = np.sum((x - nu_q) ** 2) + len(x) / tau_q
    alpha_q = prior["alpha0"] + len(x) / 2
    beta_q = prior["beta0"] + S / 2
    E_gamma = alpha_q / beta_q
    # the ELBO comes later, first the updates
    change = abs(change)
return {
    "nu_q": nu_q,
    "tau_q": tau_q,
    "alpha_q": alpha_q,
    "beta_q": beta_q,
    "elbo": np.array(elbo),
}""",
        ),
    ),
    StudentAnswer(
        "E2.5",
        "one sweep only",
        0,
        (
            """\
from scipy.special import digamma, gammaln

mu0, tau0 = prior["mu0"], prior["tau0"]
a0, b0 = prior["alpha0"], prior["beta0"]
E = a0 / b0 if init is None else init["alpha_q"] / init["beta_q"]
N = len(x)
tau = tau0 + N * E
nu = (tau0 * mu0 + E * np.sum(x)) / tau
S = np.sum((x - nu) ** 2) + N / tau
a, b = a0 + N / 2, b0 + S / 2
E, E_log = a / b, digamma(a) - np.log(b)
elbo = 0.5 * N * (E_log - np.log(2 * np.pi)) - 0.5 * E * S
elbo += 0.5 * (np.log(tau0) - np.log(2 * np.pi) - tau0 * ((nu - mu0) ** 2 + 1 / tau))
elbo += a0 * np.log(b0) - gammaln(a0) + (a0 - 1) * E_log - b0 * E
elbo += 0.5 * (1 + np.log(2 * np.pi) - np.log(tau))
elbo += a - np.log(b) + gammaln(a) + (1 - a) * digamma(a)
return {"nu_q": nu, "tau_q": tau, "alpha_q": a, "beta_q": b, "elbo": np.array([elbo])}""",
        ),
        "one-sweep-only",
    ),
)
