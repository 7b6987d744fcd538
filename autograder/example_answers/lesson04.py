"""Students' answers to lesson 4, stochastic optimisation and SVI."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E4.1",
        "by both sums",
        4,
        (
            "return rho0 / (t + delay) ** kappa",
            """\
first_infinite = kappa <= 1
second_finite = 2 * kappa > 1
return first_infinite and second_finite""",
        ),
    ),
    # The rule for kappa is right, and arrays and whole numbers are no trouble.
    StudentAnswer(
        "E4.1",
        "delay ignored",
        3,
        (
            "return rho0 * t ** (-float(kappa))",
            "return 0.5 < kappa <= 1",
        ),
        "delay-ignored",
    ),
    StudentAnswer(
        "E4.1",
        "one half accepted",
        3,
        (
            "return rho0 * (t + delay) ** (-float(kappa))",
            "return kappa >= 0.5 and kappa <= 1",
        ),
        "one-half-accepted",
    ),
    StudentAnswer(
        "E4.2",
        "N times the mean",
        6,
        (
            """\
N = len(data)
rows = data[idx]
lik = N * np.mean(grad_log_lik(lam, rows), axis=0)
return lik + grad_log_prior(lam) + grad_entropy(lam)""",
        ),
    ),
    # Prior and entropy are right, each once.
    StudentAnswer(
        "E4.2",
        "N over B forgotten",
        2,
        (
            """\
total = grad_log_prior(lam) + grad_entropy(lam)
for row in grad_log_lik(lam, data[idx]):
    total = total + row
return total""",
        ),
        "N-over-B-forgotten",
    ),
    # The likelihood is right.
    StudentAnswer(
        "E4.2",
        "everything scaled",
        2.5,
        (
            """\
g = np.sum(grad_log_lik(lam, data[idx]), axis=0)
g = g + grad_log_prior(lam) + grad_entropy(lam)
return len(data) / len(idx) * g""",
        ),
        "everything-scaled",
    ),
    StudentAnswer(
        "E4.3",
        "old plus a part of the way",
        4,
        ("return eta + rho * (eta_hat - eta)",),
    ),
    # Rows and whole numbers do not depend on which weight is which.
    StudentAnswer(
        "E4.3",
        "weights swapped",
        1,
        ("return rho * eta + (1 - rho) * eta_hat",),
        "weights-swapped",
    ),
    # A full step and none at all lead where they should.
    StudentAnswer(
        "E4.3",
        "means and variances",
        1,
        (
            """\
m, v = eta[..., 0] / eta[..., 1], 1 / eta[..., 1]
m_hat, v_hat = eta_hat[..., 0] / eta_hat[..., 1], 1 / eta_hat[..., 1]
m = (1 - rho) * m + rho * m_hat
v = (1 - rho) * v + rho * v_hat
return np.array([m / v, 1 / v])""",
        ),
        "means-and-variances-mixed",
    ),
    StudentAnswer(
        "E4.4",
        "with the library's updates",
        6,
        (
            """\
mu0, tau0 = prior["mu0"], prior["tau0"]
a0, b0 = prior["alpha0"], prior["beta0"]
N = len(x)
eta = np.array([tau0 * mu0, tau0])
lam = np.array([a0, b0])
elbo = []
for t in range(1, num_steps + 1):
    rho = (t + delay) ** (-kappa)
    rows = x[rng.choice(N, size=batch_size, replace=False)]
    nu, tau = cavi.update_q_mu(rows, lam[0] / lam[1], mu0, tau0)
    added = np.array([tau * nu - tau0 * mu0, tau - tau0])
    hat = np.array([tau0 * mu0, tau0]) + N / batch_size * added
    eta = svi.natural_gradient_step(eta, hat, rho)
    nu, tau = eta[0] / eta[1], eta[1]
    a, b = cavi.update_q_gamma(rows, nu, tau, a0, b0)
    hat = np.array([a0 + N / batch_size * (a - a0), b0 + N / batch_size * (b - b0)])
    lam = svi.natural_gradient_step(lam, hat, rho)
    elbo.append(
        cavi.elbo_gaussian_gamma(x, mu0, tau0, a0, b0, nu, tau, lam[0], lam[1])
    )
return dict(nu_q=nu, tau_q=tau, alpha_q=lam[0], beta_q=lam[1], elbo=np.array(elbo))""",
        ),
    ),
    # With all data in each batch nothing is missing.
    StudentAnswer(
        "E4.4",
        "N over B forgotten",
        2.5,
        (
            """\
mu0, tau0 = prior["mu0"], prior["tau0"]
a0, b0 = prior["alpha0"], prior["beta0"]
eta, lam, elbo = np.array([tau0 * mu0, tau0]), np.array([a0, b0]), []
for t in range(1, num_steps + 1):
    rho = (t + delay) ** (-kappa)
    rows = x[rng.choice(len(x), size=batch_size, replace=False)]
    nu, tau = cavi.update_q_mu(rows, lam[0] / lam[1], mu0, tau0)
    eta = (1 - rho) * eta + rho * np.array([tau * nu, tau])
    nu, tau = eta[0] / eta[1], eta[1]
    lam = (1 - rho) * lam + rho * np.array(
        cavi.update_q_gamma(rows, nu, tau, a0, b0)
    )
    elbo.append(
        cavi.elbo_gaussian_gamma(x, mu0, tau0, a0, b0, nu, tau, lam[0], lam[1])
    )
return dict(nu_q=nu, tau_q=tau, alpha_q=lam[0], beta_q=lam[1], elbo=np.array(elbo))""",
        ),
        "N-over-B-forgotten",
    ),
    # Full steps do not show what is mixed, and in the end the optimum is reached all the same.
    StudentAnswer(
        "E4.4",
        "mean and precision mixed",
        5,
        (
            """\
N = len(x)
nu, tau = prior["mu0"], prior["tau0"]
a, b = prior["alpha0"], prior["beta0"]
elbo = np.zeros(num_steps)
for t in range(1, num_steps + 1):
    rho = (t + delay) ** (-kappa)
    rows = x[rng.choice(N, size=batch_size, replace=False)]
    E = a / b
    tau_hat = prior["tau0"] + N * E
    nu_hat = (prior["tau0"] * prior["mu0"] + E * N * np.mean(rows)) / tau_hat
    nu = (1 - rho) * nu + rho * nu_hat
    tau = (1 - rho) * tau + rho * tau_hat
    a_hat = prior["alpha0"] + N / 2
    b_hat = prior["beta0"] + N / 2 * (np.mean((rows - nu) ** 2) + 1 / tau)
    a = (1 - rho) * a + rho * a_hat
    b = (1 - rho) * b + rho * b_hat
    elbo[t - 1] = cavi.elbo_gaussian_gamma(
        x, prior["mu0"], prior["tau0"], prior["alpha0"], prior["beta0"], nu, tau, a, b
    )
return {"nu_q": nu, "tau_q": tau, "alpha_q": a, "beta_q": b, "elbo": elbo}""",
        ),
        "mean-and-precision-mixed",
    ),
)
