"""Errors of the probabilistic programming language; every one names the site."""

from __future__ import annotations

import numpy as np

from vi_lib import NonFiniteError, ShapeError, SupportError, ppl
from vi_lib.ppl import checks, enumeration, primitives

nan = np.nan
EYE, INDEFINITE = np.eye(2), np.array([[1.0, 2.0], [2.0, 1.0]])
ONE_OF_TWO = ("exactly one of the two", "probs or logits")


def rng():
    return np.random.default_rng(0)


def model():
    ppl.sample("mu", ppl.Normal(0.0, 2.0))


def guide():
    ppl.sample("mu", ppl.Normal(ppl.param("m", 0.0), 1.0))


def empty():
    return None


def inside():
    ppl.sample("mu", ppl.Uniform(0.0, 1.0))


def outside():
    ppl.sample("mu", ppl.Normal(5.0, 0.1))


def no_number():
    ppl.sample("mu", ppl.Normal(nan, 1.0))


def observed():
    ppl.sample("mu", ppl.Normal(0.0, 2.0), obs=1.0)


def discrete():
    return ppl.sample("z", ppl.Bernoulli(0.5))


def count():
    ppl.sample("n", ppl.Poisson(2.0))


def twice():
    model()
    model()


def wrong_rows():
    with ppl.plate("rows", 4):
        ppl.sample("x", ppl.Normal(np.zeros(3)))


def escaped():
    with ppl.plate("a", 4):
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    ppl.sample("x", ppl.Normal(np.sum(z), 1.0), obs=0.0)


def event():
    ppl.sample("z", ppl.Bernoulli(np.array([0.5, 0.5])).to_event(1))


def subsampled():
    with ppl.plate("rows", 4, 2):
        ppl.sample("x", ppl.Normal())


def crossed():
    a, b = ppl.plate("a", 2, dim=-1), ppl.plate("b", 3, dim=-2)
    with a:
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    with b:
        w = ppl.sample("w", ppl.Bernoulli(0.5))
    with a, b:
        ppl.sample("x", ppl.Normal(z + w, 1.0), obs=0.0)


def run(program):
    return ppl.trace(program, rng())()


def summed(program):
    return enumeration.log_density(ppl.config_enumerate(program), (), {}, rng())


def marginal(program):
    return enumeration.marginal_log_joint(
        *enumeration.enumerated_trace(ppl.config_enumerate(program), -3, (), rng())
    )


def values(model, guide, **options):
    return ppl.elbo_values(model, guide, {}, (), rng(), **options)


def weigh(model, guide, num_samples=30):
    return ppl.importance(model, guide, rng=rng(), num_samples=num_samples)


def in_program(word, *args):
    return ppl.seed(lambda: word(*args), rng())()


MISSING = ("latent sites of the model: 'mu'", "'mu' is missing in the guide")
#: So wide that the model's density underflows at its draws.
WIDE = ppl.auto_normal(model, init_sd=1e200)
TOO_WIDE = ("site 'mu' in the model must be finite", "got -inf at ")
OUTSIDE = ("site 'mu' in the model must be finite", "got -inf")

ROWS = [
    # distributions
    ("ppl.Bernoulli", lambda: ppl.Bernoulli(), ValueError, ONE_OF_TWO),
    ("ppl.Bernoulli", lambda: ppl.Bernoulli(1.0),
     SupportError, ("strictly between 0 and 1", "got 1.0")),
    ("ppl.Binomial", lambda: ppl.Binomial(3, 0.5, 0.0), ValueError, ONE_OF_TWO),
    ("ppl.Binomial", lambda: ppl.Binomial(3, -0.5),
     SupportError, ("strictly between 0 and 1", "got -0.5")),
    ("ppl.Categorical", lambda: ppl.Categorical(), ValueError, ONE_OF_TWO),
    ("ppl.Categorical", lambda: ppl.Categorical([0.5, 0.75]),
     SupportError, ("must sum to 1", "got 1.25")),
    ("ppl.Normal", lambda: ppl.Normal(0.0, -1.0),
     SupportError, ("Normal's sd must be positive", "got -1.0")),
    ("ppl.LogNormal", lambda: ppl.LogNormal(0.0, -1.0),
     SupportError, ("LogNormal's sd must be positive", "got -1.0")),
    ("ppl.HalfNormal", lambda: ppl.HalfNormal(-1.0),
     SupportError, ("HalfNormal's sd must be positive", "got -1.0")),
    ("ppl.HalfCauchy", lambda: ppl.HalfCauchy(-1.0),
     SupportError, ("HalfCauchy's scale must be positive", "got -1.0")),
    ("ppl.Exponential", lambda: ppl.Exponential(-1.0),
     SupportError, ("Exponential's rate must be positive", "got -1.0")),
    ("ppl.Gamma", lambda: ppl.Gamma(1.0, -1.0),
     SupportError, ("Gamma's rate must be positive", "got -1.0")),
    ("ppl.Beta", lambda: ppl.Beta(-1.0, 1.0),
     SupportError, ("Beta's alpha must be positive", "got -1.0")),
    ("ppl.StudentT", lambda: ppl.StudentT(-1.0),
     SupportError, ("StudentT's df must be positive", "got -1.0")),
    ("ppl.Poisson", lambda: ppl.Poisson(-1.0),
     SupportError, ("Poisson's rate must be positive", "got -1.0")),
    ("ppl.Uniform", lambda: ppl.Uniform(1.0, 1.0), SupportError, ("low < high", "got 1.0 and 1.0")),
    ("ppl.Categorical", lambda: ppl.Categorical(0.5),
     ShapeError, ("one probability for each value (..., K)", "got ()")),
    ("ppl.Dirichlet", lambda: ppl.Dirichlet(2.0), ShapeError, ("K >= 2", "got ()")),
    ("ppl.Dirichlet", lambda: ppl.Dirichlet([1.0, -1.0]),
     SupportError, ("must be positive", "got -1.0")),
    ("ppl.Distribution.expand", lambda: ppl.Normal(np.zeros(3)).expand((4,)),
     ShapeError, ("does not expand to (4,)", "batch shape (3,)")),
    ("ppl.Distribution.to_event", lambda: ppl.Normal().to_event(1),
     ShapeError, ("to_event(1) needs as many batch axes", "got ()")),
    ("ppl.MultivariateNormal", lambda: ppl.MultivariateNormal(np.zeros(2)),
     ValueError, ("exactly one of the two", "cov or L")),
    ("ppl.MultivariateNormal", lambda: ppl.MultivariateNormal(np.zeros(2), np.eye(3)),
     ShapeError, ("mean (..., D) and cov or L (D, D)", "got (2,), (3, 3)")),
    ("ppl.MultivariateNormal",
     lambda: ppl.MultivariateNormal(np.zeros(2), INDEFINITE).log_prob(np.zeros(2)),
     np.linalg.LinAlgError, ("not positive definite",)),
    # words
    ("ppl.sample", lambda: in_program(ppl.sample, "x", 3.0),
     ValueError, ("site 'x' needs a distribution", "got 3.0")),
    ("ppl.sample", lambda: in_program(ppl.sample, "x", ppl.Normal(), nan),
     ValueError, ("site 'x': obs must lie in 'real'", "got nan")),
    ("ppl.sample", model, ValueError, ("'mu' must be drawn", "there is no generator")),
    ("ppl.param", lambda: in_program(ppl.param, "a", 1.0, "happy"),
     ValueError, ("param 'a': support must be", "got 'happy'")),
    ("ppl.param", lambda: in_program(ppl.param, "a", 0.0, "positive"),
     ValueError, ("param 'a' must lie inside 'positive'", "got 0.")),
    ("ppl.primitives.transform_of", lambda: primitives.transform_of("a", "happy"),
     ValueError, ("param 'a': support must be", "got 'happy'")),
    ("ppl.primitives.unconstrain", lambda: primitives.unconstrain("a", -1.0, "positive"),
     ValueError, ("param 'a': theta must be in [0.0, inf]", "got -1.0")),
    ("ppl.primitives.generator",
     lambda: primitives.generator({"rng": None, "type": "sample", "name": "x"}),
     ValueError, ("sample site 'x' must be drawn", "there is no generator")),
    ("ppl.plate", lambda: ppl.plate("rows", 4, 5),
     ValueError, ("plate 'rows' needs 1 <= subsample_size <= size", "got 5 of 4 rows")),
    ("ppl.plate", lambda: run(wrong_rows),
     ValueError, ("plate 'rows' has 4", "site 'x' has 3 rows")),
    # handlers
    ("ppl.trace", lambda: run(twice), ValueError, ("name of its own", "site 'mu' occurs twice")),
    ("ppl.condition", lambda: run(ppl.condition(inside, {"mu": 2.0})),
     ValueError, ("site 'mu': the value to condition on must lie in (0.0, 1.0)", "got 2.0")),
    ("ppl.replay", lambda: run(ppl.replay(model, run(observed))),
     ValueError, ("site 'mu'", "is observed in the replayed program")),
    ("ppl.check_guide", lambda: ppl.check_guide(model, empty), ValueError, MISSING),
    ("ppl.checks.require_same_sites", lambda: checks.require_same_sites(run(model), run(empty)),
     ValueError, MISSING),
    ("ppl.config_enumerate", lambda: run(ppl.config_enumerate(count, ["n"])),
     ValueError, ("have no finite list", "site 'n' cannot be enumerated")),
    ("ppl.enumeration.log_density", lambda: summed(escaped),
     ValueError, ("index from the right", "site 'x' does not broadcast")),
    ("ppl.enumeration.marginal_log_joint", lambda: marginal(crossed),
     ValueError, ("does not factorise", "couple the rows of their plates")),
    ("ppl.enumeration.enumerated_trace", lambda: marginal(event),
     ValueError, ("leave out to_event", "site 'z': an event with axes")),
    # inference
    ("ppl.compile", lambda: ppl.compile(discrete),
     ValueError, ("config_enumerate(model)", "site 'z' is discrete")),
    ("ppl.compile", lambda: ppl.compile(guide), ValueError, ("needs a value", "param 'm'")),
    ("ppl.auto_normal", lambda: run(ppl.auto_normal(discrete)),
     ValueError, ("config_enumerate(model)", "site 'z' is discrete")),
    ("ppl.auto_full_rank", lambda: run(ppl.auto_full_rank(subsampled)),
     ValueError, ("use auto_normal", "site 'x' is in a subsampled plate")),
    ("ppl.elbo_values", lambda: values(model, empty), ValueError, MISSING),
    ("ppl.elbo_values", lambda: values(discrete, discrete, estimator="reparam"),
     ValueError, ("use the score function", "site 'z' has no pathwise gradient")),
    ("ppl.elbo_values", lambda: values(inside, outside), NonFiniteError, OUTSIDE),
    ("ppl.svi", lambda: ppl.svi(model, guide), ValueError, ("rng, or resume", "exactly one")),
    ("ppl.svi", lambda: ppl.svi(model, empty, rng=rng(), num_steps=1), ValueError, MISSING),
    ("ppl.svi", lambda: ppl.svi(model, WIDE, rng=rng(), num_steps=1), NonFiniteError, TOO_WIDE),
    ("ppl.svi_step", lambda: ppl.svi_step(model, empty, {}, None, rng()), ValueError, MISSING),
    ("ppl.svi_step",
     lambda: ppl.svi_step(model, WIDE, ppl.init_params(model, WIDE, ()), None, rng()),
     NonFiniteError, TOO_WIDE),
    ("ppl.importance", lambda: weigh(model, empty), ValueError, MISSING),
    ("ppl.importance", lambda: weigh(model, guide, 0),
     ValueError, ("num_samples must be at least 1", "got 0")),
    ("ppl.importance", lambda: weigh(no_number, outside),
     NonFiniteError, ("must be finite", "got nan")),
    ("ppl.Predictive", lambda: ppl.Predictive(model),
     ValueError, ("needs num_samples", "unless it gets a posterior")),
    ("ppl.Predictive", lambda: ppl.Predictive(model, {"a": np.ones(3), "b": np.ones(2)}),
     ShapeError, ("one number of draws", "got {'a': 3, 'b': 2}")),
]  # fmt: skip
