"""Students' answers to lesson 1, the KL divergence and the ELBO."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

ANSWERS = (
    StudentAnswer(
        "E1.1",
        "by the ratio of variances",
        4,
        (
            """\
r = (sd_q / sd_p) ** 2
return (r - 1 - np.log(r) + ((mu_q - mu_p) / sd_p) ** 2) / 2""",
        ),
    ),
    # Two points for the value and one for the direction are lost, broadcasting is not.
    StudentAnswer(
        "E1.1",
        "of p from q",
        1,
        (
            """\
gap = mu_q - mu_p
return np.log(sd_q / sd_p) + (sd_p**2 + gap**2) / (2 * sd_q**2) - 0.5""",
        ),
        "direction-swapped",
    ),
    StudentAnswer(
        "E1.1",
        "without the half",
        2,
        (
            """\
return np.log(sd_p / sd_q) + (sd_q**2 + (mu_q - mu_p) ** 2) / (2 * sd_p**2)""",
        ),
        "half-forgotten",
    ),
    StudentAnswer(
        "E1.2",
        "never negative",
        4,
        (
            """\
# E_q[p/q] = 1, so adding p/q - 1 changes nothing on average
log_r = log_p(theta) - log_q(theta)
terms = np.exp(log_r) - 1 - log_r
return np.mean(terms), np.std(terms, ddof=1) / np.sqrt(len(terms))""",
        ),
    ),
    # The estimate is right; its error is the spread of single terms, not divided by the root of S.
    StudentAnswer(
        "E1.2",
        "spread for error",
        2.5,
        (
            """\
diff = log_q(theta) - log_p(theta)
return diff.mean(), diff.std()""",
        ),
        "spread-for-error",
    ),
    # Infinite where p excludes a draw all the same, and no trouble with whole numbers.
    StudentAnswer(
        "E1.2",
        "q twice",
        1,
        (
            """\
lq, lp = log_q(theta), log_p(theta)
terms = np.exp(lq) * (lq - lp)
return np.mean(terms), np.std(terms) / np.sqrt(len(terms))""",
        ),
        "density-multiplied-again",
    ),
    StudentAnswer(
        "E1.3",
        "loop over the draws",
        3,
        (
            """\
total = 0
for s in range(len(theta)):
    total = total + log_joint(theta[s : s + 1])[0] - log_q(theta[s : s + 1])[0]
return total / len(theta)""",
        ),
    ),
    StudentAnswer(
        "E1.3",
        "minus the entropy",
        0,
        (
            """\
entropy = -np.mean(log_q(theta))
return np.mean(log_joint(theta)) - entropy""",
        ),
        "entropy-subtracted",
    ),
    StudentAnswer(
        "E1.4",
        "one observation after the other",
        6,
        (
            """\
mean, var, log_evidence = prior_mean, prior_sd**2, 0.0
for value in x:
    pred = var + lik_sd**2
    log_evidence += -0.5 * np.log(2 * np.pi * pred) - (value - mean) ** 2 / (2 * pred)
    gain = var / pred
    mean, var = mean + gain * (value - mean), var * (1 - gain)
kl = 0.5 * np.log(var / s**2) + (s**2 + (m - mean) ** 2) / (2 * var) - 0.5
return log_evidence - kl, log_evidence, kl""",
        ),
    ),
    # The evidence is wrong, and with it the KL divergence that was found as a difference.
    StudentAnswer(
        "E1.4",
        "data taken as independent",
        2,
        (
            """\
N = len(x)
log_lik = -0.5 * N * np.log(2 * np.pi * lik_sd**2)
log_lik -= np.sum((x - m) ** 2 + s**2) / (2 * lik_sd**2)
kl_prior = np.log(prior_sd / s) + (s**2 + (m - prior_mean) ** 2) / (2 * prior_sd**2) - 0.5
elbo = log_lik - kl_prior
var = prior_sd**2 + lik_sd**2
log_evidence = np.sum(-0.5 * np.log(2 * np.pi * var) - (x - prior_mean) ** 2 / (2 * var))
return elbo, log_evidence, log_evidence - elbo""",
        ),
        "product-of-marginals",
    ),
    # Two different mistakes: the ELBO lacks the uncertainty of q, and the KL is that to the prior.
    StudentAnswer(
        "E1.4",
        "means plugged in",
        2,
        (
            """\
N = len(x)
log_lik = -0.5 * N * np.log(2 * np.pi * lik_sd**2) - np.sum((x - m) ** 2) / (2 * lik_sd**2)
log_prior = -0.5 * np.log(2 * np.pi * prior_sd**2) - (m - prior_mean) ** 2 / (2 * prior_sd**2)
entropy = 0.5 * np.log(2 * np.pi * np.e * s**2)
cov = lik_sd**2 * np.eye(N) + prior_sd**2
gap = x - prior_mean
log_evidence = -0.5 * np.linalg.slogdet(2 * np.pi * cov)[1]
log_evidence -= 0.5 * gap @ np.linalg.inv(cov) @ gap
kl = np.log(prior_sd / s) + (s**2 + (m - prior_mean) ** 2) / (2 * prior_sd**2) - 0.5
return log_lik + log_prior + entropy, log_evidence, kl""",
        ),
        "uncertainty-of-q-forgotten",
    ),
    StudentAnswer(
        "E1.5",
        "with logaddexp",
        3,
        (
            """\
a = np.asarray(a, dtype=float)
n = a.size if axis is None else a.shape[axis]
result = np.logaddexp.reduce(a, axis=axis, keepdims=keepdims)
return result - np.log(n)""",
        ),
    ),
    StudentAnswer(
        "E1.5",
        "as it is defined",
        1,
        (
            """\
return np.log(np.mean(np.exp(a), axis=axis, keepdims=keepdims))""",
        ),
        "overflows",
    ),
    # Right except where all entries are -inf.
    StudentAnswer(
        "E1.5",
        "no guard",
        2.5,
        (
            """\
m = np.max(a, axis=axis, keepdims=True)
out = m + np.log(np.mean(np.exp(a - m), axis=axis, keepdims=True))
return out if keepdims else np.squeeze(out, axis=axis)""",
        ),
        "minus-infinity-unguarded",
    ),
)
