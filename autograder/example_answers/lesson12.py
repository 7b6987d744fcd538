"""Students' answers to lesson 12, diagnostics."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

_KHAT = """\
log_w = np.asarray(log_w, dtype=float)
w = np.sort(np.exp(log_w - log_w.max()))
S = len(w)
M = {tail}
cutoff = max(w[-M - 1], 1e-300)
x = w[-M:] - cutoff
x = x[x > 0]
n = len(x)
m = 30 + int(n**0.5)
theta, ell = [], []
for j in range(1, m + 1):
    t = 1 / x[-1] + (1 - (m / (j - 0.5)) ** 0.5) / (3 * x[int(n / 4 + 0.5) - 1])
    k = np.mean(np.log1p(-t * x))
    theta.append(t)
    ell.append(n * (np.log(-t / k) - k - 1))
ell = np.array(ell)
p = np.exp(ell - ell.max())
t = np.sum(p * np.array(theta)) / p.sum()
k = np.mean(np.log1p(-t * x))
return {end}"""

_CLINIC = """\
from vi_lib.diagnostics import has_converged as settled

sd, no = chart["sd"], chart["mean_no_data"] - chart["prior_mean"]
{first}if chart["restarts"].std(axis=0).max() > sd.max():
    return "missed mode"
if (abs(no) > 0.3 * chart["prior_sd"]).any():
    return "missing Jacobian"
if (chart["sd_twice"] / sd).min() > 0.9:
    return "log sd as sd" if abs(sd - 1).max() < 0.15 else "N/B forgotten"
if (sd / chart["sd_more_draws"]).max() > 1.04:
    return "biased steps"
{rest}"""
_TRACE = """\
if not settled(chart["elbo_trace"], 60, 0.01):
    return "not converged"
"""
_LAST = """\
if chart["elbo_full_rank"] - chart["elbo"] > 0.3:
    return "correlation ignored"
if chart["checks"].min() < 0.02 or chart["checks"].max() > 0.98:
    return "wrong model"
return "healthy\""""

ANSWERS = (
    StudentAnswer(
        "E12.1",
        "in a loop",
        6,
        (_KHAT.format(tail="int(np.ceil(min(S / 5, 3 * S**0.5)))", end="(n * k + 5) / (n + 10)"),),
    ),
    StudentAnswer(
        "E12.1",
        "no prior",
        5,
        (_KHAT.format(tail="int(np.ceil(min(S / 5, 3 * S**0.5)))", end="k"),),
        "prior-forgotten",
    ),
    # The few draws of one part have S/5 for their tail anyway.
    StudentAnswer(
        "E12.1",
        "a fifth",
        1,
        (_KHAT.format(tail="int(np.ceil(S / 5))", end="(n * k + 5) / (n + 10)"),),
        "a-fifth-always",
    ),
    StudentAnswer(
        "E12.2",
        "medians",
        4,
        (
            """\
if len(elbo_trace) < 2 * window:
    return False
now = np.median(elbo_trace[-window:])
before = np.median(elbo_trace[-2 * window : -window])
return abs(now - before) < rel_tol * abs(now)""",
            """\
total = 0.0
for row in params[burn:]:
    total = total + row
return total / (len(params) - burn)""",
        ),
    ),
    # Everything right but for the spike.
    StudentAnswer(
        "E12.2",
        "means alone",
        3.5,
        (
            """\
if len(elbo_trace) < 2 * window:
    return False
now = np.mean(elbo_trace[-window:])
before = np.mean(elbo_trace[-2 * window : -window])
return abs(now - before) <= rel_tol * abs(now)""",
            """\
return np.mean(params[burn:], axis=0)""",
        ),
        "one-spike-undoes-it",
    ),
    # Negative ELBOs have a negative tolerance, and the burn is kept.
    StudentAnswer(
        "E12.2",
        "signed, whole mean",
        1.5,
        (
            """\
if len(elbo_trace) < 2 * window:
    return False
for center in (np.mean, np.median):
    now, before = center(elbo_trace[-window:]), center(elbo_trace[-2 * window : -window])
    if abs(now - before) <= rel_tol * now:
        return True
return False""",
            """\
return np.mean(params, axis=0)""",
        ),
        "signed-size",
    ),
    StudentAnswer(
        "E12.3",
        "counting",
        4,
        (
            """\
t = stat(y)
hits = 0
for rep in y_rep:
    if stat(rep) >= t:
        hits += 1
return hits / len(y_rep)""",
        ),
    ),
    StudentAnswer(
        "E12.3",
        "strictly larger",
        3,
        (
            """\
t_rep = np.array([stat(r) for r in y_rep])
return np.mean(t_rep > stat(y))""",
        ),
        "ties-left-out",
    ),
    StudentAnswer(
        "E12.4",
        "spawned",
        6,
        (
            """\
out = []
for r in rng.spawn(num_sims):
    theta = prior_draw(r)
    y = simulate(theta, r)
    out.append((np.array(fit(y, num_draws, r)) < theta).sum(axis=0))
return np.array(out)""",
        ),
    ),
    StudentAnswer(
        "E12.4",
        "above",
        3,
        (
            """\
ranks = []
for i in range(num_sims):
    theta = prior_draw(rng)
    draws = fit(simulate(theta, rng), num_draws, rng)
    ranks.append(np.sum(draws > theta, axis=0))
return np.array(ranks)""",
        ),
        "ranked-above",
    ),
    StudentAnswer(
        "E12.5",
        "rules",
        8,
        (_CLINIC.format(first=_TRACE, rest=_LAST),),
    ),
    # Looks at the trace last, when something else has fired already.
    StudentAnswer(
        "E12.5",
        "trace last",
        7,
        (_CLINIC.format(first="", rest=_TRACE + _LAST),),
        "trace-not-first",
    ),
    StudentAnswer(
        "E12.5",
        "k-hat means all",
        2,
        (
            """\
if chart["khat"] > 0.7:
    return "correlation ignored"
if chart["restarts"].std(axis=0).max() > 1:
    return "missed mode"
return "healthy\"""",
        ),
        "khat-first",
    ),
)
