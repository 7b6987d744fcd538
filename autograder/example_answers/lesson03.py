"""Students' answers to lesson 3, coordinate ascent for regression and mixtures."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

_RUN = """\
def bound(m, s2, r):
    l2p = np.log(2 * np.pi)
    out = -0.5 * np.sum(r * (l2p + (x[:, None] - m) ** 2 + s2))
    out += -0.5 * np.sum(l2p + 2 * np.log(prior_sd) + (m**2 + s2) / prior_sd**2)
    out += 0.5 * np.sum(1 + l2p + np.log(s2)) - np.sum(r[r > 0] * np.log(r[r > 0]))
    return out - len(x) * np.log(K)

def one_run(m):
    s2, elbo = np.ones(K), []
    while len(elbo) < 2 or abs(elbo[-1] - elbo[-2]) > 1e-11 * abs(elbo[-1]):
        r = cavi.gmm_responsibilities(x, m, s2, np.full(K, -np.log(K)))
        s2 = 1 / (prior_sd**-2.0 + r.sum(axis=0))
        m = s2 * (r.T @ x)
        elbo.append(bound(m, s2, r))
    return dict(m=m, s2=s2, resp=r, elbo=elbo)

"""
_BEST = """\
best = None
for n in range(num_restarts):
    if n == 0 and init is not None:
        start = np.array(init, dtype=float)
    else:
        start = np.sort(rng.uniform(x.min() - 1, x.max() + 1, K))
    result = one_run(start)
    if best is None or result["elbo"][-1] > best["elbo"][-1]:
        best = result
return best"""
_LAST = """\
for n in range(num_restarts):
    start = rng.choice(x, K, replace=False) + 0.1 * rng.standard_normal(K)
    if n == 0 and init is not None:
        start = init + 0.0
    result = one_run(start)
return result"""

# Two that were written by themselves, so that the report does not take them for copies.
_BY_SWEEPS = """\
def sweep(means, var):
    logits = np.outer(x, means) - 0.5 * (means**2 + var)
    table = np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])
    var = prior_sd**2 / (1 + prior_sd**2 * table.sum(0))
    return table, var * np.dot(x, table), var

def value(table, means, var):
    fit = -0.5 * table * (np.log(2 * np.pi) + np.subtract.outer(x, means) ** 2 + var)
    ratio = var / prior_sd**2
    kl = 0.5 * (means**2 / prior_sd**2 + ratio - 1 - np.log(ratio))
    logs = np.log(table, out=np.zeros(table.shape), where=table > 0)
    return fit.sum() - np.vdot(table, logs) - kl.sum()

finished = []
for attempt in range(num_restarts):
    means, var, trace = rng.normal(np.mean(x), np.std(x), K), np.ones(K), []
    if attempt == 0 and init is not None:
        means = np.asarray(init, float)
    for _ in range(5000):
        table, means, var = sweep(means, var)
        trace.append(value(table, means, var))
        if len(trace) > 1 and trace[-1] - trace[-2] < 1e-12 * abs(trace[-1]):
            break
    finished.append({"m": means, "s2": var, "resp": table, "elbo": trace})
return max(finished, key=lambda run: run["elbo"][-1])"""
_BY_COMPONENTS = """\
top = -np.inf
for restart in range(num_restarts):
    mu = rng.choice(x, K) + rng.normal(0, 0.5, K)
    if restart == 0 and init is not None:
        mu = 1.0 * np.array(init)
    width = np.full(K, 0.1)
    history = [-np.inf]
    while True:
        resp = np.empty((len(x), K))
        for k in range(K):
            resp[:, k] = -((x - mu[k]) ** 2 + width[k]) / 2
        resp = np.exp(resp - resp.max(axis=1).reshape(-1, 1))
        resp = resp / resp.sum(axis=1).reshape(-1, 1)
        total = -len(x) * np.log(K)
        for k in range(K):
            width[k] = 1 / (1 / prior_sd + sum(resp[:, k]))
            mu[k] = width[k] * sum(resp[:, k] * x)
            sure = resp[:, k] > 1e-300
            total -= sum(resp[sure, k] * np.log(resp[sure, k]))
            square = (x - mu[k]) ** 2 + width[k]
            total -= sum(resp[:, k] * (square + np.log(2 * np.pi))) / 2
            total -= (mu[k] ** 2 + width[k]) / prior_sd**2 / 2 + np.log(prior_sd)
            total += 0.5 + np.log(width[k]) / 2
        history.append(total)
        if abs(history[-1] - history[-2]) < 1e-8:
            break
    if total > top:
        top = total
        answer = {"m": mu, "s2": width, "resp": resp, "elbo": history[1:]}
return answer"""


ANSWERS = (
    StudentAnswer(
        "E3.1",
        "by the covariance of y",
        5,
        (
            """\
N, D = X.shape
P = np.diag(np.ones(D) / prior_prec)
S = X @ P @ X.T + np.eye(N) / noise_prec
gain = np.linalg.solve(S, X @ P).T
sign, logdet = np.linalg.slogdet(2 * np.pi * S)
return gain @ y, P - gain @ X @ P, -0.5 * (logdet + y @ np.linalg.solve(S, y))""",
        ),
    ),
    # Mean and covariance are right; the evidence is the likelihood at the posterior mean.
    StudentAnswer(
        "E3.1",
        "evidence plugged in",
        3,
        (
            """\
A = prior_prec * np.eye(X.shape[1]) + noise_prec * X.T @ X
cov = np.linalg.inv(A)
mean = noise_prec * cov @ X.T @ y
res = y - X @ mean
loglik = np.sum(0.5 * np.log(noise_prec / (2 * np.pi)) - 0.5 * noise_prec * res**2)
return mean, cov, loglik""",
        ),
        "plugged-in",
    ),
    # A number added to a matrix goes to every entry; with a vector of ones for prior_prec, too.
    StudentAnswer(
        "E3.1",
        "prior in every entry",
        0,
        (
            """\
A = prior_prec + noise_prec * X.T @ X
mean = np.linalg.solve(A, noise_prec * X.T @ y)
ev = 0.5 * len(y) * np.log(noise_prec / (2 * np.pi))
ev -= 0.5 * noise_prec * np.sum((y - X @ mean) ** 2)
ev += 0.5 * np.sum(np.log(prior_prec * np.ones(len(mean))) - prior_prec * mean**2)
return mean, np.linalg.inv(A), ev - 0.5 * np.linalg.slogdet(A)[1]""",
        ),
        "prior-added-to-every-entry",
    ),
    StudentAnswer(
        "E3.2",
        "on the normal equations",
        5,
        (
            """\
A = noise_prec * X.T @ X + prior_prec * np.eye(X.shape[1])
b = noise_prec * X.T @ y
m = np.zeros(len(b))
for sweep in range(num_sweeps):
    for j in range(len(b)):
        m[j] = (b[j] - A[j] @ m + A[j, j] * m[j]) / A[j, j]
return m, np.diag(A)""",
        ),
    ),
    # All at once from the old means: runs away where covariates are correlated.
    StudentAnswer(
        "E3.2",
        "all at once",
        3.5,
        (
            """\
A = noise_prec * X.T @ X + prior_prec * np.eye(X.shape[1])
b = noise_prec * X.T @ y
prec = np.diag(A)
m = np.zeros(len(b))
for sweep in range(num_sweeps):
    m = (b - A @ m + prec * m) / prec
return m, prec""",
        ),
        "old-means-in-the-sweep",
    ),
    # The mistake of the published notebook: an array like the whole numbers of X.
    StudentAnswer(
        "E3.2",
        "whole numbers",
        4,
        (
            """\
m = np.zeros_like(X[0])
prec = np.zeros_like(X[0])
tau = np.broadcast_to(prior_prec, m.shape)
for j in range(len(m)):
    prec[j] = tau[j] + noise_prec * np.sum(X[:, j] ** 2)
for sweep in range(num_sweeps):
    for j in range(len(m)):
        rest = y - np.delete(X, j, axis=1) @ np.delete(m, j)
        m[j] = noise_prec * np.sum(X[:, j] * rest) / prec[j]
return m, prec""",
        ),
        "whole-numbers-truncated",
    ),
    StudentAnswer(
        "E3.3",
        "fit minus penalty",
        5,
        (
            """\
v = 1 / prec
sq = np.sum((y - X @ mean) ** 2) + np.sum((X**2) @ v)
fit = 0.5 * len(y) * np.log(noise_prec / 2 / np.pi) - 0.5 * noise_prec * sq
ratio = prior_prec * v
return fit - 0.5 * np.sum(ratio - 1 - np.log(ratio) + prior_prec * mean**2)""",
        ),
    ),
    # Two mistakes, and each is named: the variance of x'beta, and the sign of the entropy.
    StudentAnswer(
        "E3.3",
        "means plugged in, entropy subtracted",
        1,
        (
            """\
lik = np.sum(0.5 * np.log(noise_prec / (2 * np.pi)) - 0.5 * noise_prec * (y - X @ mean) ** 2)
tau = prior_prec * np.ones(len(mean))
prior = np.sum(0.5 * np.log(tau / (2 * np.pi)) - 0.5 * tau * (mean**2 + 1 / prec))
ent = np.sum(0.5 * np.log(2 * np.pi * np.e / prec))
return lik + prior - ent""",
        ),
        "uncertainty-of-q-forgotten",
    ),
    StudentAnswer(
        "E3.3",
        "pi e",
        3.5,
        (
            """\
N, D = X.shape
tau = np.ones(D) * prior_prec
E_sq = np.sum((y - X @ mean) ** 2) + np.sum(X**2 / prec)
E_log_p = 0.5 * N * np.log(noise_prec) - 0.5 * N * np.log(2 * np.pi) - 0.5 * noise_prec * E_sq
E_log_p += 0.5 * np.sum(np.log(tau)) - 0.5 * D * np.log(2 * np.pi)
E_log_p -= 0.5 * np.sum(tau * (mean**2 + 1 / prec))
return E_log_p + np.sum(0.5 * np.log(1 * np.pi * np.e / prec))""",
        ),
        "pi-e-for-two-pi-e",
    ),
    StudentAnswer(
        "E3.4",
        "with logaddexp",
        4,
        (
            """\
a = log_pi + np.outer(x, m) - 0.5 * (m**2 + s2)
return np.exp(a - np.logaddexp.reduce(a, axis=1)[:, None])""",
        ),
    ),
    StudentAnswer(
        "E3.4",
        "no shift",
        3,
        (
            """\
w = np.exp(log_pi - 0.5 * ((x[:, None] - m[None, :]) ** 2 + s2))
return w / w.sum(axis=1, keepdims=True)""",
        ),
        "overflows",
    ),
    # Right only where there is a single component, which does not count by itself.
    StudentAnswer(
        "E3.4",
        "means plugged in",
        0,
        (
            """\
a = log_pi - 0.5 * (x[:, None] - m) ** 2
a = a - a.max(axis=1, keepdims=True)
return np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)""",
        ),
        "uncertainty-of-the-means-forgotten",
    ),
    StudentAnswer("E3.5", "uniform starts", 6, (_RUN + _BEST,)),
    # The fit is right, and its bound lacks a constant.
    StudentAnswer(
        "E3.5",
        "prior of the labels missing",
        4.5,
        (_BY_SWEEPS,),
        "prior-of-the-assignments-forgotten",
    ),
    # Another fixed point; the trace is that of the wrong updates, and consistent with them.
    StudentAnswer(
        "E3.5",
        "prior sd for variance",
        0,
        (_BY_COMPONENTS,),
        "prior-sd-not-squared",
    ),
    StudentAnswer("E3.5", "keeps the last run", 3.5, (_RUN + _LAST,), "not-the-best-run"),
)
