"""Students' answers to lesson 8, full-rank ADVI."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E8.1",
        "row after row",
        4,
        (
            """\
rows, k = [], 0
for i in range(D):
    below = [vec[k + j] for j in range(i)]
    zeros = [0.0] * (D - i - 1)
    rows.append(below + [np.exp(vec[k + i])] + zeros)
    k = k + i + 1
return np.array(rows)""",
            """\
entries = []
for i in range(len(L)):
    for j in range(i):
        entries.append(float(L[i, j]))
    entries.append(np.log(L[i, i]))
return np.array(entries)""",
        ),
    ),
    # The values are right; autograd cannot follow.
    StudentAnswer(
        "E8.1",
        "by assignment",
        2.5,
        (
            """\
L = np.zeros((D, D))
L[np.tril_indices(D)] = vec
for i in range(D):
    L[i, i] = np.exp(L[i, i])
return L""",
            """\
packed = L.astype(float)
for i in range(len(L)):
    packed[i, i] = np.log(packed[i, i])
return packed[np.tril_indices(len(L))]""",
        ),
        "assigned-in-place",
    ),
    # The gradient is NaN for large entries below the diagonal.
    StudentAnswer(
        "E8.1",
        "where on all of it",
        3.5,
        (
            """\
place = np.zeros((D, D), dtype=int)
place[np.tril_indices(D)] = np.arange(D * (D + 1) // 2)
full = np.where(np.tri(D) > 0, vec[place], 0.0)
return np.where(np.eye(D) > 0, np.exp(full), full)""",
            """\
logs = np.where(np.eye(len(L)) > 0, np.log(np.abs(L) + (L == 0)), L)
return logs[np.tril_indices(len(L))]""",
        ),
        "where-computes-both",
    ),
    # Columns here, rows there: right for D = 1 and 2.
    StudentAnswer(
        "E8.1",
        "rows and columns",
        2,
        (
            """\
place = np.zeros((D, D), dtype=int)
place.T[np.triu_indices(D)] = np.arange(D * (D + 1) // 2)
below = np.where(np.tri(D, k=-1) > 0, vec[place], 0.0)
return below + np.diag(np.exp(vec[np.diag(place)]))""",
            """\
logs = np.tril(L, -1) + np.diag(np.log(np.diag(L)))
return logs[np.tril_indices(len(L))]""",
        ),
        "order-mixed",
    ),
    StudentAnswer(
        "E8.2",
        "log q by solving",
        5,
        (
            """\
zeta = mu + eps @ L.T
z = np.linalg.solve(L, (zeta - mu).T).T
log_q = -0.5 * np.sum(z**2, axis=1) - 0.5 * len(mu) * np.log(2 * np.pi)
log_q = log_q - np.linalg.slogdet(L)[1]
return np.mean(log_joint(zeta) - log_q)""",
        ),
    ),
    # The entropy alone is right.
    StudentAnswer(
        "E8.2",
        "not transposed",
        1,
        (
            """\
zeta = mu + eps @ L
H = np.sum(np.log(np.diag(L))) + len(mu) / 2 * np.log(2 * np.pi * np.e)
return np.mean(log_joint(zeta)) + H""",
        ),
        "noise-times-L",
    ),
    StudentAnswer(
        "E8.2",
        "by the determinant",
        4,
        (
            """\
cov = L @ L.T
H = 0.5 * np.log(np.linalg.det(cov)) + len(mu) / 2 * np.log(2 * np.pi * np.e)
return np.mean(log_joint(mu + eps @ L.T)) + H""",
        ),
        "determinant-underflows",
    ),
    StudentAnswer(
        "E8.2",
        "no constant",
        0,
        (
            """\
zeta = mu + eps @ L.T
return np.mean(log_joint(zeta)) + np.sum(np.log(np.diag(L)))""",
        ),
        "constant-forgotten",
    ),
    StudentAnswer(
        "E8.3",
        "loop over the draws",
        6,
        (
            """\
S, D = eps.shape
g_mu, g_L = np.zeros(D), np.diag(1 / np.diag(L))
for e in eps:
    g = grad_log_joint((mu + L @ e)[None, :])[0]
    g_mu = g_mu + g / S
    g_L = g_L + np.tril(np.outer(g, e)) / S
return g_mu, g_L""",
        ),
    ),
    # Everything but the zeros.
    StudentAnswer(
        "E8.3",
        "full matrix",
        5,
        (
            """\
g = grad_log_joint(mu + eps @ L.T)
return g.mean(axis=0), g.T @ eps / len(eps) + np.linalg.inv(L).T""",
        ),
        "full-matrix",
    ),
    StudentAnswer(
        "E8.3",
        "entropy forgotten",
        1,
        (
            """\
g = grad_log_joint(mu + eps @ L.T)
return np.mean(g, axis=0), np.tril(np.mean(g[:, :, None] * eps[:, None, :], axis=0))""",
        ),
        "entropy-forgotten",
    ),
    StudentAnswer(
        "E8.3",
        "mean field",
        1,
        (
            """\
g = grad_log_joint(mu + eps @ L.T)
return np.mean(g, axis=0), np.diag(np.mean(g * eps, axis=0) + 1 / np.diag(L))""",
        ),
        "mean-field-gradient",
    ),
    StudentAnswer(
        "E8.4",
        "by Cholesky",
        5,
        (
            """\
L0, L1 = np.linalg.cholesky(S0), np.linalg.cholesky(S1)
A = np.linalg.solve(L1, L0)
u = np.linalg.solve(L1, m0 - m1)
logs = np.sum(np.log(np.diag(L1))) - np.sum(np.log(np.diag(L0)))
return 0.5 * (np.sum(A**2) + np.sum(u**2) - len(m0)) + logs""",
        ),
    ),
    StudentAnswer(
        "E8.4",
        "determinants",
        4,
        (
            """\
P = np.linalg.inv(S1)
d = m1 - m0
logs = np.log(np.linalg.det(S1) / np.linalg.det(S0))
return (np.trace(P @ S0) + d @ P @ d - len(d) + logs) / 2""",
        ),
        "determinant-underflows",
    ),
    StudentAnswer(
        "E8.4",
        "the other way round",
        0,
        (
            """\
P = np.linalg.inv(S0)
d = m1 - m0
logs = np.linalg.slogdet(S0)[1] - np.linalg.slogdet(S1)[1]
return 0.5 * (np.trace(P @ S1) + d @ P @ d - len(d) + logs)""",
        ),
        "other-direction",
    ),
    # The covariances are right, the gap is not measured in units of p.
    StudentAnswer(
        "E8.4",
        "plain distance",
        1.5,
        (
            """\
P = np.linalg.inv(S1)
logs = np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1]
return 0.5 * (np.trace(P @ S0) + np.sum((m1 - m0) ** 2) - len(m0) + logs)""",
        ),
        "gap-not-scaled",
    ),
)
