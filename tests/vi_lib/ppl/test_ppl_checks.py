"""check_guide: what is missing, extra, observed, misshapen or off the support, by name."""

from __future__ import annotations

import numpy as onp
import pytest

from vi_lib import ppl


def model(y=0.0):
    ppl.param("unused", 1.0)
    a = ppl.sample("a", ppl.Normal())
    b = ppl.sample("b", ppl.Gamma(2.0, 1.0))
    ppl.sample("w", ppl.Normal(onp.zeros(2), 1.0).to_event(1))
    ppl.sample("y", ppl.Normal(a, b), obs=y)


def guide(a=None, b=None, w=None, extra=None, observe=False, y=None):
    def program(*args):
        ppl.param("location", 0.0)
        # Another order than the model's: names are a set.
        ppl.sample("w", w or ppl.Normal(onp.zeros(2), 1.0).to_event(1))
        if b is not False:
            ppl.sample("b", b or ppl.LogNormal(), obs=1.0 if observe else None)
        if a is not False:
            ppl.sample("a", a or ppl.Normal())
        if extra:
            ppl.sample(extra, ppl.Normal())

    return program


def test_a_guide_that_fits_passes():
    assert ppl.check_guide(model, guide(), 1.0) is None
    assert ppl.check_guide(model, ppl.auto_normal(model), 1.0) is None
    assert ppl.check_guide(model, ppl.auto_full_rank(model), 1.0) is None
    assert ppl.check_guide(model, ppl.auto_delta(model), 1.0) is None


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (guide(a=False), "'a' is missing in the guide: it would keep its prior"),
        (guide(extra="c"), "'c' is not in the model, but the guide samples it"),
        (guide(extra="y"), "'y' is observed in the model, but the guide samples it"),
        (guide(observe=True), "'b' is observed in the guide"),
        (guide(w=ppl.Normal()), r"'w' has shape \(2,\) in the model, \(\) in the guide"),
        (
            guide(a=ppl.Normal(onp.zeros(3))),
            r"'a' has shape \(\) in the model, \(3,\)",
        ),
        (guide(b=ppl.Normal()), "'b' has support 'positive' in the model, 'real' in the guide"),
        (guide(b=ppl.Delta(-1.0)), "'b' must lie in 'positive', the guide gives -1.0"),
    ],
)
def test_each_problem_names_its_site_and_both_lists(bad, match):
    with pytest.raises(ValueError, match=match) as error:
        ppl.check_guide(model, bad, 1.0)
    assert "latent sites of the model: 'a', 'b', 'w'" in str(error.value)
    assert "sites of the guide: 'w'" in str(error.value)


def test_all_problems_come_at_once():
    with pytest.raises(ValueError, match=r"(?s)'a' is missing.*'c' is not in the model"):
        ppl.check_guide(model, guide(a=False, extra="c"), 1.0)


def test_a_narrower_support_is_allowed():
    ppl.check_guide(model, guide(a=ppl.LogNormal(), b=ppl.Beta(2.0, 2.0)))


def test_computed_values_may_be_recorded_in_model_guide_and_under_all_handlers():
    def recorded(y):
        a = ppl.sample("a", ppl.Normal())
        ppl.deterministic("square", a**2)
        with ppl.plate("rows", len(y)):
            z = ppl.sample("z", ppl.Bernoulli(0.3))
            mean = ppl.deterministic("mean", a + z)
            ppl.sample("y", ppl.Normal(mean, 1.0), obs=y)

    def guide(y):
        sd = ppl.deterministic("sd", 2.0 * ppl.param("half", 0.5, "positive"))
        ppl.sample("a", ppl.Normal(0.0, sd))

    y, marked = onp.array([0.3, -0.2]), ppl.config_enumerate(recorded)
    ppl.check_guide(marked, guide, y)
    rng = onp.random.default_rng(0)
    values, slope = ppl.elbo_and_gradient(
        marked, guide, {"half": 0.0}, (y,), rng, num_particles=3, vectorize_particles=True
    )
    assert values.shape == (3,)
    assert slope["half"] != 0.0
    assert ppl.compile(marked, y).vectorized
    new = ppl.Predictive(recorded, guide=guide, params={}, num_samples=4, fresh=["z"])(rng, y)
    onp.testing.assert_array_equal(new["square"], new["a"] ** 2)
    onp.testing.assert_array_equal(new["mean"], new["a"][:, None] + new["z"])


def test_plates_must_be_the_same():
    def rows(size):
        def program():
            with ppl.plate("rows", 6, size):
                ppl.sample("z", ppl.Normal(onp.zeros(size), 1.0))

        return program

    def bare():
        ppl.sample("z", ppl.Normal(onp.zeros(2), 1.0))

    ppl.check_guide(rows(2), rows(2))
    with pytest.raises(ValueError, match=r"'z' is scaled by 3\.0 in the model, 1\.0 in the guide"):
        ppl.check_guide(rows(2), bare)


def test_discrete_sites_have_two_remedies():
    def discrete(y):
        z = ppl.sample("z", ppl.Bernoulli(0.5))
        ppl.sample("y", ppl.Normal(z, 1.0), obs=y)

    def sampled(y):
        ppl.sample("z", ppl.Bernoulli(0.3))

    def nothing(y):
        ppl.sample("other", ppl.Normal())

    ppl.check_guide(discrete, sampled, 1.0)
    with pytest.raises(ValueError, match=r"'z' is missing.*config_enumerate\(model\).*score"):
        ppl.check_guide(discrete, nothing, 1.0)
    with pytest.raises(ValueError, match="'z' is enumerated in the model, and the guide samples"):
        ppl.check_guide(ppl.config_enumerate(discrete), sampled, 1.0)
    with pytest.raises(ValueError, match=r"site 'z' is discrete.*config_enumerate.*score"):
        ppl.check_guide(discrete, ppl.auto_normal(discrete), 1.0)
    with pytest.raises(ValueError, match="site 'z' is discrete: sum it out"):
        ppl.compile(discrete, 1.0)
    ppl.check_guide(ppl.config_enumerate(discrete), lambda y: None, 1.0)


def test_the_check_does_not_touch_the_handlers_around_it():
    def program():
        ppl.check_guide(model, guide())
        ppl.sample("after", ppl.Normal())

    assert list(ppl.trace(program, onp.random.default_rng(0))()) == ["after"]
