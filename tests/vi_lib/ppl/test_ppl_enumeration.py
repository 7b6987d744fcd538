"""Discrete sites summed out: equal to the sum over all combinations, whatever the plates."""

from __future__ import annotations

import itertools

import autograd.numpy as np
import numpy as onp
import pytest

from vi_lib import densities, ppl
from vi_lib.ppl.enumeration import log_density

X = onp.array([0.3, 2.0, 1.1, -0.5])
LOCS = onp.array([0.0, 2.0, -1.0])
W = onp.array([0.2, 0.5, 0.3])


def rng(seed=0):
    return onp.random.default_rng(seed)


def log_evidence(model, *args, values=None):
    return log_density(ppl.config_enumerate(model), args, values or {}, rng())[1]


def by_hand(model, sites, *args):
    """Log of the sum over all values of the given sites, name -> (number of values, shape)."""
    names, terms = list(sites), []
    ranges = [
        [onp.reshape(v, shape) for v in itertools.product(range(k), repeat=int(onp.prod(shape)))]
        for k, shape in sites.values()
    ]
    for values in itertools.product(*ranges):
        fixed = ppl.condition(model, dict(zip(names, values, strict=True)))
        terms.append(float(ppl.log_joint(ppl.trace(fixed, rng())(*args))))
    return onp.logaddexp.reduce(terms)


def index(z):
    return onp.asarray(z).astype(int)


def two_state_sensor(reading):
    broken = ppl.sample("broken", ppl.Bernoulli(0.1))
    ppl.sample("reading", ppl.Normal(20.0, onp.array([0.5, 5.0])[index(broken)]), obs=reading)


def mixture(x):
    with ppl.plate("rows", len(x)):
        z = ppl.sample("z", ppl.Categorical(W))
        ppl.sample("x", ppl.Normal(LOCS[index(z)], 1.0), obs=x)


def global_and_local(x):
    g = ppl.sample("g", ppl.Bernoulli(0.3))
    with ppl.plate("rows", len(x)):
        z = ppl.sample(
            "z", ppl.Categorical(onp.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])[index(g)])
        )
        ppl.sample("x", ppl.Normal(LOCS[index(z)] + g, 1.0), obs=x)
    ppl.sample("total", ppl.Poisson(1.0 + 2.0 * g), obs=2.0)


def chain(x):
    z = 0
    move = onp.array([[0.8, 0.2], [0.3, 0.7]])
    for t in range(len(x)):
        z = ppl.sample(f"z_{t}", ppl.Categorical(move[index(z)]))
        ppl.sample(f"x_{t}", ppl.Normal(LOCS[index(z)], 1.0), obs=x[t])


def nested(x):
    with ppl.plate("groups", 2):
        a = ppl.sample("a", ppl.Bernoulli(0.4))
        with ppl.plate("members", 2):
            b = ppl.sample("b", ppl.Bernoulli(0.2 + 0.5 * a))
            ppl.sample("x", ppl.Normal(a + 2.0 * b, 1.0), obs=x)


def without_plate(x):
    z = ppl.sample("z", ppl.Categorical(onp.tile(W, (4, 1))))
    ppl.sample("x", ppl.Normal(LOCS[index(z)], 1.0), obs=x)


def binomial(x):
    n = ppl.sample("n", ppl.Binomial(4, 0.3))
    ppl.sample("x", ppl.Normal(n, 1.0), obs=x)


CASES = [
    (two_state_sensor, {"broken": (2, ())}, 23.0),
    (mixture, {"z": (3, (4,))}, X),
    (global_and_local, {"g": (2, ()), "z": (3, (4,))}, X),
    (chain, {f"z_{t}": (2, ()) for t in range(4)}, X),
    (nested, {"a": (2, (2,)), "b": (2, (2, 2))}, X.reshape(2, 2)),
    (without_plate, {"z": (3, (4,))}, X),
    (binomial, {"n": (5, ())}, 1.7),
]


@pytest.mark.parametrize(("model", "sites", "data"), CASES)
def test_evidence_is_the_sum_over_all_combinations(model, sites, data):
    expected = by_hand(model, sites, data)
    assert log_evidence(model, data) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("model", "sites", "data"), CASES)
def test_the_posterior_of_each_site_is_that_of_bayes(model, sites, data):
    posterior = ppl.posterior_of_discrete(ppl.config_enumerate(model), (data,), {})
    assert set(posterior) == set(sites)
    evidence = by_hand(model, sites, data)
    for name, (count, shape) in sites.items():
        assert posterior[name].shape == (count, *shape)
        onp.testing.assert_allclose(posterior[name].sum(axis=0), 1.0, rtol=1e-12)
        for k in range(count):  # the first row alone: sum over the rest by hand
            rest = dict(sites)
            first = onp.zeros(shape, dtype=bool)
            first.flat[0] = True
            joint = _by_hand_with(model, rest, name, first, k, data)
            got = posterior[name][k].flat[0]
            assert got == pytest.approx(onp.exp(joint - evidence), rel=1e-9)


def _by_hand_with(model, sites, name, where, k, *args):
    names, terms = list(sites), []
    ranges = [
        [onp.reshape(v, shape) for v in itertools.product(range(n), repeat=int(onp.prod(shape)))]
        for n, shape in sites.values()
    ]
    for values in itertools.product(*ranges):
        chosen = dict(zip(names, values, strict=True))
        if onp.all(chosen[name][where] == k):
            terms.append(
                float(ppl.log_joint(ppl.trace(ppl.condition(model, chosen), rng())(*args)))
            )
    return onp.logaddexp.reduce(terms)


def test_a_subsample_scales_the_sum_and_not_its_terms():
    def some(x, size):
        with ppl.plate("rows", len(x), size) as idx:
            z = ppl.sample("z", ppl.Categorical(W))
            ppl.sample("x", ppl.Normal(LOCS[index(z)], 1.0), obs=x[idx])

    full = [onp.log(W @ onp.exp(densities.normal(x, LOCS, 1.0))) for x in X]
    for i in range(4):
        rows = {"rows": {"type": "plate", "observed": False, "value": onp.array([i])}}
        assert log_evidence(some, X, 1, values=rows) == pytest.approx(4 * full[i], rel=1e-12)
        posterior = ppl.posterior_of_discrete(ppl.config_enumerate(some), (X, 1), rows)["z"]
        expected = W * onp.exp(densities.normal(X[i], LOCS, 1.0) - full[i])
        onp.testing.assert_allclose(posterior[:, 0], expected, rtol=1e-12)


def test_only_the_named_sites_are_enumerated():
    marked = ppl.config_enumerate(global_and_local, ["z"])
    values = {"g": {"type": "sample", "observed": False, "value": onp.array(1.0)}}
    _, got = log_density(marked, (X,), values, rng())
    fixed = ppl.condition(global_and_local, {"g": 1.0})
    assert got == pytest.approx(by_hand(fixed, {"z": (3, (4,))}, X), rel=1e-12)


def test_svi_of_what_is_left():
    """Mixture with unknown centres: value and gradient equal those of the model summed by hand."""

    def centres(x):
        with ppl.plate("components", 2):
            locs = ppl.sample("locs", ppl.Normal(0.0, 3.0))
        with ppl.plate("rows", len(x)):
            z = ppl.sample("z", ppl.Bernoulli(0.4))
            ppl.sample("x", ppl.Normal(locs[index(z)], 1.0), obs=x)

    def summed(x):
        with ppl.plate("components", 2):
            locs = ppl.sample("locs", ppl.Normal(0.0, 3.0))
        with ppl.plate("rows", len(x)):
            lik = 0.6 * np.exp(densities.normal(x, locs[0])) + 0.4 * np.exp(
                densities.normal(x, locs[1])
            )
            ppl.sample("x", ppl.Exponential(lik), obs=onp.zeros(4))  # density lik at 0

    model = ppl.config_enumerate(centres)
    guide = ppl.auto_normal(model)
    params = ppl.init_params(model, guide, (X,))
    one = ppl.elbo_and_gradient(model, guide, params, (X,), rng(1))
    two = ppl.elbo_and_gradient(summed, guide, params, (X,), rng(1))
    onp.testing.assert_allclose(one[0], two[0], rtol=1e-12)
    for name in params:
        onp.testing.assert_allclose(one[1][name], two[1][name], rtol=1e-10)


@pytest.mark.parametrize("vectorize", [True, False])
def test_compiled_with_all_draws_at_once(vectorize):
    def model(x):
        mu = ppl.sample("mu", ppl.Normal(0.0, 3.0))
        with ppl.plate("rows", len(x)):
            z = ppl.sample("z", ppl.Bernoulli(0.4))
            ppl.sample("x", ppl.Normal(mu * z, 1.0), obs=x)

    marked = ppl.compile(ppl.config_enumerate(model), X, vectorize=vectorize)
    mu = onp.array([[0.3], [-1.0], [2.0]])
    lik = 0.6 * onp.exp(densities.normal(X)) + 0.4 * onp.exp(densities.normal(X, mu))
    expected = densities.normal(mu[:, 0], 0.0, 3.0) + onp.log(lik).sum(axis=1)
    onp.testing.assert_allclose(marked.log_p(mu), expected, rtol=1e-12)
    assert ppl.compile(ppl.config_enumerate(model), X).vectorized


def coupled():
    with ppl.plate("a", 2, dim=-1):
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    with ppl.plate("b", 3, dim=-2):
        w = ppl.sample("w", ppl.Bernoulli(0.5))
    with ppl.plate("c", 2, dim=-1), ppl.plate("d", 3, dim=-2):
        ppl.sample("x", ppl.Normal(z + w, 1.0), obs=0.0)


def crossed():
    a, b = ppl.plate("a", 2, dim=-1), ppl.plate("b", 3, dim=-2)
    with a:
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    with b:
        w = ppl.sample("w", ppl.Bernoulli(0.5))
    with a, b:
        ppl.sample("x", ppl.Normal(z + w, 1.0), obs=0.0)


def escaped():
    with ppl.plate("a", 2):
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    ppl.sample("x", ppl.Normal(np.sum(z, axis=-1), 1.0), obs=0.0)


def summed_up():
    with ppl.plate("a", 4):
        z = ppl.sample("z", ppl.Bernoulli(0.5))
    ppl.sample("x", ppl.Normal(np.sum(z), 1.0), obs=0.0)


def looped():
    z = ppl.sample("z", ppl.Bernoulli(0.5))
    for i in ppl.plate("a", 4, 2):
        ppl.sample(f"x_{i}", ppl.Normal(z, 1.0), obs=0.0)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (crossed, "couple the rows of their plates"),
        (coupled, "outside of its plate|couple the rows"),
        (escaped, "'x' does not broadcast"),
        (summed_up, "'x' does not broadcast"),
        (looped, "'x_.' depends on an enumerated site"),
        (lambda: ppl.sample("z", ppl.Bernoulli([0.5, 0.5]).to_event(1)), "'z': an event with axes"),
    ],
)
def test_what_cannot_be_summed_is_refused(model, match):
    with pytest.raises(ValueError, match=match):
        log_evidence(model)


def test_a_site_without_a_finite_list_is_refused():
    model = ppl.config_enumerate(lambda: ppl.sample("n", ppl.Poisson(2.0)), ["n"])
    with pytest.raises(ValueError, match="'n' cannot be enumerated"):
        ppl.trace(model, rng())()
