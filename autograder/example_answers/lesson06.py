"""Students' answers to lesson 6, reparameterization gradients."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E6.1",
        "by cases",
        4,
        (
            """\
return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))""",
            """\
small = np.where(y > 30, 1.0, y)
return np.where(y > 30, y, np.log(np.expm1(small)))""",
        ),
    ),
    # Right for moderate numbers; overflows, loses tiny values, and the gradients are NaN.
    StudentAnswer(
        "E6.1",
        "as they are defined",
        1,
        (
            """\
return np.log(1 + np.exp(x))""",
            """\
return np.log(np.exp(y) - 1)""",
        ),
        "overflows",
    ),
    # softplus is right, the inverse of 1e-300 is not, nor is its gradient at 1e-12.
    StudentAnswer(
        "E6.1",
        "tiny numbers lost",
        2,
        (
            """\
return np.logaddexp(0, x)""",
            """\
# exp(y) taken out of the logarithm
return y + np.log(1 - np.exp(-y))""",
        ),
        "inverse-loses-tiny-y",
    ),
    StudentAnswer(
        "E6.2",
        "other uniforms",
        6,
        (
            """\
p = params
if name == "exponential":
    return -np.log(1 - eps) / p["rate"]
if name == "cauchy":
    return p["loc"] + p["scale"] * np.tan(np.pi * (eps - 0.5))
if name == "laplace":
    tail = np.log(2 * np.minimum(eps, 1 - eps))
    return p["loc"] + p["scale"] * np.where(eps < 0.5, -tail, tail)
if name == "gaussian":
    r = np.sqrt(-2 * np.log(eps[:, 1]))
    return p["mu"] + p["sd"] * r * np.sin(2 * np.pi * eps[:, 0])
if name == "mvn":
    return p["mu"] + np.einsum("ij,sj->si", p["L"], eps)
return np.exp(p["mu"] + p["sd"] * eps)""",
        ),
    ),
    # The table as printed: NaN for half of the Laplace draws, half of the Gaussian's variance.
    StudentAnswer(
        "E6.2",
        "as printed",
        4,
        (
            """\
if name == "exponential":
    return np.log(1 / eps) / params["rate"]
if name == "cauchy":
    return params["loc"] + params["scale"] * np.tan(np.pi * eps)
if name == "laplace":
    mu, b = params["loc"], params["scale"]
    return mu - b * np.sign(eps) * np.log(1 - 2 * np.abs(eps))
if name == "gaussian":
    e1, e2 = eps[:, 0], eps[:, 1]
    z = np.sqrt(np.log(1 / e1)) * np.cos(2 * np.pi * e2)
    return params["mu"] + params["sd"] * z
if name == "mvn":
    return params["mu"] + eps @ params["L"].T
if name == "lognormal":
    return np.exp(params["mu"] + params["sd"] * eps)""",
        ),
        "laplace-noise-not-shifted",
    ),
    # Two rows have a slip, the last one is missing.
    StudentAnswer(
        "E6.2",
        "rows missing",
        3,
        (
            """\
if name == "exponential":
    return -params["rate"] * np.log(eps)
if name == "cauchy":
    return params["loc"] + params["scale"] * np.tan(np.pi * eps)
if name == "laplace":
    e = eps - 0.5
    return params["loc"] - params["scale"] * np.sign(e) * np.log(1 - 2 * abs(e))
if name == "gaussian":
    z = np.sqrt(-2 * np.log(eps[:, 0])) * np.cos(2 * np.pi * eps[:, 1])
    return params["mu"] + params["sd"] * z
if name == "mvn":
    return params["mu"] + eps @ params["L"]""",
        ),
        "rate-taken-as-scale",
    ),
    StudentAnswer(
        "E6.3",
        "loop over the draws",
        5,
        (
            """\
S, D = eps.shape
g_mu, g_sd = np.zeros(D), np.zeros(D)
for s in range(S):
    theta = mu + sd * eps[s]
    r = grad_log_joint(theta[None, :])[0]
    g_mu = g_mu + r / S
    g_sd = g_sd + r * eps[s] / S
return g_mu, g_sd + 1 / sd""",
        ),
    ),
    # The gradient in mu is right; nothing keeps sd from shrinking.
    StudentAnswer(
        "E6.3",
        "entropy forgotten",
        1,
        (
            """\
r = grad_log_joint(mu + sd * eps)
return np.mean(r, axis=0), np.mean(r * eps, axis=0)""",
        ),
        "entropy-forgotten",
    ),
    # Right on average, but not what is asked for.
    StudentAnswer(
        "E6.3",
        "the other one",
        1,
        (
            """\
theta = mu + sd * eps
inside = grad_log_joint(theta) + (theta - mu) / sd**2
return np.mean(inside, axis=0), np.mean(inside * eps, axis=0)""",
        ),
        "path-derivative",
    ),
    StudentAnswer(
        "E6.4",
        "total plus score",
        5,
        (
            """\
r = grad_log_joint(mu + sd * eps)
z = eps
total_mu, total_sd = r, r * z + 1 / sd
score_mu, score_sd = z / sd, (z**2 - 1) / sd
return np.mean(total_mu + score_mu, axis=0), np.mean(total_sd + score_sd, axis=0)""",
        ),
    ),
    StudentAnswer(
        "E6.4",
        "total derivative",
        0,
        (
            """\
r = grad_log_joint(mu + sd * eps)
return r.mean(axis=0), (r * eps).mean(axis=0) + 1 / sd""",
        ),
        "total-derivative",
    ),
    # Right but for the last factor: the gradient in log sd, which vanishes at the posterior too.
    StudentAnswer(
        "E6.4",
        "in log sd",
        3,
        (
            """\
theta = mu + sd * eps
slope = grad_log_joint(theta) + eps / sd
return np.mean(slope, axis=0), np.mean(slope * eps * sd, axis=0)""",
        ),
        "derivative-in-log-sd",
    ),
    StudentAnswer(
        "E6.5",
        "Welford",
        5,
        (
            """\
mean, M2 = 0.0, 0.0
for n in range(1, num_rep + 1):
    g = np.array(estimator(rng), dtype=float)
    delta = g - mean
    mean = mean + delta / n
    M2 = M2 + delta * (g - mean)
return M2 / (num_rep - 1)""",
        ),
    ),
    # Wrong on tables; among noisy estimates a factor of 1999/2000 does not show.
    StudentAnswer(
        "E6.5",
        "np.var as it is",
        2,
        (
            """\
g = np.array([estimator(rng) for i in range(num_rep)])
return np.var(g, axis=0)""",
        ),
        "divided-by-the-number",
    ),
    StudentAnswer(
        "E6.5",
        "one pass",
        4,
        (
            """\
s1, s2 = 0.0, 0.0
for i in range(num_rep):
    g = estimator(rng)
    s1 = s1 + g
    s2 = s2 + g**2
return (s2 - s1**2 / num_rep) / (num_rep - 1)""",
        ),
        "one-pass-formula",
    ),
)
