"""Students' answers to lesson 11, the variational autoencoder."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

_DRAW = """\
dim = eps.shape[1]
lam = amortised.encode(params, x)
mu, log_sd = lam[:, :dim], lam[:, dim:]
"""

_ADAM = """\
from autograd import value_and_grad
from vi_lib import optimizers

params = init_vae(sizes, rng)
shapes = amortised.shapes_of(params)
flat = amortised.pack(params)
step, state = optimizers.adam(0.01), None

def objective(flat, rows, eps):
    return {value}

slope = value_and_grad(objective)
for t in range(num_steps):
    rows = rng.integers(len(x), size=100)
    eps = rng.standard_normal((100, sizes[-1]))
    value, g = slope(flat, rows, eps)
    more, state = step(g, state)
    flat = flat + more
return amortised.unpack(flat, shapes)"""

_ELBO = "amortised.vae_elbo(amortised.unpack(flat, shapes), x[rows], eps)"

_INIT = """\
widths = {"enc": [*sizes[:-1], 2 * sizes[-1]], "dec": list(sizes)[::-1]}
params = {}
for net in widths:
    w = widths[net]
    for i in range(1, len(w)):
        params[f"{net}_W{i}"] = 0.1 * rng.standard_normal((w[i - 1], w[i]))
        params[f"{net}_b{i}"] = np.zeros(w[i])
return params"""

_DECODER = """\
layers = len([name for name in params if name.startswith("dec_W")])
for i in range(1, layers + 1):
    z = np.dot(z, params[f"dec_W{i}"]) + params[f"dec_b{i}"]
    if i < layers:
        z = np.tanh(z)
return z"""

ANSWERS = (
    StudentAnswer(
        "E11.1",
        "by the sign of a pixel",
        4,
        (
            """\
sign = 2 * x - 1
return -np.sum(np.logaddexp(0, -sign * logits), axis=-1)""",
        ),
    ),
    # Right for moderate logits: at 40 the log of 0.
    StudentAnswer(
        "E11.1",
        "as it is defined",
        3,
        (
            """\
p = 1 / (1 + np.exp(-logits))
return np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=-1)""",
        ),
        "overflows",
    ),
    StudentAnswer(
        "E11.1",
        "clipped and averaged",
        0,
        (
            """\
p = 1 / (1 + np.exp(-logits))
p = np.clip(p, 1e-7, 1 - 1e-7)
return np.mean(x * np.log(p) + (1 - x) * np.log(1 - p), axis=-1)""",
        ),
        "mean-over-pixels",
    ),
    StudentAnswer(
        "E11.2",
        "by the variance",
        4,
        (
            """\
var = np.exp(log_sd) ** 2
return np.sum((mu**2 + var - 1) / 2 - log_sd, axis=-1)""",
        ),
    ),
    # From a tutorial whose encoder returns the log of the variance; 0 at the prior, too.
    StudentAnswer(
        "E11.2",
        "log variance",
        0,
        (
            """\
return -0.5 * np.sum(1 + log_sd - mu**2 - np.exp(log_sd), axis=-1)""",
        ),
        "log-sd-taken-as-log-variance",
    ),
    StudentAnswer(
        "E11.2",
        "averaged",
        0,
        (
            """\
kl = 0.5 * (mu**2 + np.exp(2 * log_sd) - 1) - log_sd
return np.mean(np.sum(kl, axis=-1))""",
        ),
        "averaged-over-the-batch",
    ),
    StudentAnswer(
        "E11.3",
        "sums divided by the batch",
        6,
        (
            _DRAW
            + """\
z = mu + np.exp(log_sd) * eps
logits = amortised.mlp_decoder(params, z)
fit = amortised.bernoulli_log_likelihood(x, logits).sum()
kl = amortised.kl_diag_gaussian_standard(mu, log_sd).sum()
return (fit - beta * kl) / len(x)""",
        ),
    ),
    # The published slip: beta arrives nowhere. Value, batches and gradient are right.
    StudentAnswer(
        "E11.3",
        "beta lost",
        5,
        (
            _DRAW
            + """\
logits = amortised.mlp_decoder(params, mu + np.exp(log_sd) * eps)
fit = amortised.bernoulli_log_likelihood(x, logits)
return np.mean(fit - amortised.kl_diag_gaussian_standard(mu, log_sd))""",
        ),
        "beta-ignored",
    ),
    # Averages over the batch, as asked, of the wrong thing.
    StudentAnswer(
        "E11.3",
        "mean over pixels",
        1,
        (
            _DRAW
            + """\
logits = amortised.mlp_decoder(params, mu + np.exp(log_sd) * eps)
fit = np.mean(x * logits - np.logaddexp(0, logits))
kl = amortised.kl_diag_gaussian_standard(mu, log_sd)
return fit - beta * np.mean(kl)""",
        ),
        "mean-over-pixels",
    ),
    StudentAnswer(
        "E11.4",
        "clipped",
        2,
        ("return float(np.clip(step / max(warmup_steps, 1), 0, 1)) if warmup_steps else 1.0",),
    ),
    StudentAnswer(
        "E11.4",
        "divides by 0",
        1.5,
        ("return min(1.0, step / warmup_steps)",),
        "no-warm-up-divides-by-zero",
    ),
    StudentAnswer(
        "E11.4",
        "grows on",
        1,
        ("return step / warmup_steps",),
        "not-clamped",
    ),
    StudentAnswer(
        "E11.5",
        "one vector",
        6,
        (
            _INIT,
            _DECODER,
            "return len(amortised.pack(params))",
            _ADAM.replace("{value}", _ELBO),
        ),
    ),
    # The training run has the average over pixels that a library's cross entropy would have.
    StudentAnswer(
        "E11.5",
        "collapsed",
        4,
        (
            _INIT,
            _DECODER,
            "return sum([value.size for value in params.values()])",
            _ADAM.replace("{value}", _ELBO.replace("eps)", "eps, beta=64.0)")),
        ),
        "pixel-mean",
    ),
    StudentAnswer(
        "E11.5",
        "probabilities, weights only",
        4,
        (
            _INIT,
            _DECODER.replace("return z", "return 1 / (1 + np.exp(-z))"),
            "return sum([v.size for k, v in params.items() if 'W' in k])",
            _ADAM.replace("{value}", _ELBO),
        ),
        "output-squashed",
    ),
    StudentAnswer(
        "E11.6",
        "largest taken out",
        4,
        (
            """\
m = np.max(log_w, axis=0)
K = len(log_w)
return m + np.log(np.sum(np.exp(log_w - m), axis=0)) - np.log(K)""",
        ),
    ),
    StudentAnswer(
        "E11.6",
        "no average",
        0,
        (
            """\
m = np.max(log_w, axis=0)
return m + np.log(np.sum(np.exp(log_w - m), axis=0))""",
        ),
        "log-of-the-sum",
    ),
    # Right as long as nothing underflows.
    StudentAnswer(
        "E11.6",
        "without a shift",
        3,
        ("return np.log(np.mean(np.exp(log_w), axis=0))",),
        "exp-overflows",
    ),
)
