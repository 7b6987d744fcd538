"""The ELBO's estimators: exact on given noise, unbiased where there is no noise to give."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import grad
from scipy import stats

from vi_lib import densities, estimators, families, ppl
from vi_lib._check import NonFiniteError

pytestmark = pytest.mark.slow

Y = onp.array([0.3, -1.2, 0.8])
W = onp.array([0.6, 0.4])
LOCS = onp.array([-1.0, 2.0])


def rng(seed=0):
    return onp.random.default_rng(seed)


def model(y):
    mu = ppl.sample("mu", ppl.Normal(0.0, 2.0))
    sd = ppl.sample("sd", ppl.HalfNormal(1.0))
    with ppl.plate("rows", len(y)):
        ppl.sample("y", ppl.Normal(mu, sd), obs=y)


def guide(y):
    m = ppl.param("m", 0.2)
    mu = ppl.sample("mu", ppl.Normal(m, ppl.param("s", 0.7, "positive")))
    ppl.sample("sd", ppl.LogNormal(0.3 * mu, ppl.param("t", 0.4, "positive")))


PARAMS = ppl.init_params(model, guide, (Y,))


def gradient(*args, **settings):
    return ppl.elbo_and_gradient(*args, **settings)[1]


def test_first_values_of_the_parameters():
    expected = {"m": 0.2, "s": onp.log(0.7), "t": onp.log(0.4)}
    assert pytest.approx(expected, rel=1e-12) == PARAMS


@pytest.mark.parametrize("vectorize", [False, True])
def test_the_pathwise_gradient_is_the_derivative_on_fixed_noise(vectorize):
    settings = {"num_particles": 4, "vectorize_particles": vectorize}
    values, got = ppl.elbo_and_gradient(model, guide, PARAMS, (Y,), rng(), **settings)
    assert values.shape == (4,)
    for name, value in PARAMS.items():
        up, down = (
            ppl.elbo_values(model, guide, {**PARAMS, name: value + h}, (Y,), rng(), **settings)
            for h in (1e-5, -1e-5)
        )
        assert got[name] == pytest.approx(onp.mean(up - down) / 2e-5, rel=1e-7, abs=1e-8)


def test_a_value_is_log_joint_minus_log_guide():
    values = ppl.elbo_values(model, guide, PARAMS, (Y,), rng(3))
    draws = ppl.trace(ppl.substitute(guide, PARAMS), rng(3))(Y)
    joint = ppl.log_joint(ppl.trace(ppl.replay(model, draws))(Y))
    assert values == pytest.approx([joint - ppl.log_joint(draws)], rel=1e-12)


# One Gaussian coordinate, for which the library has every estimator on given noise.
Q = families.MeanField(1)
LAM = onp.array([0.3, -0.5])
EPS = rng(1).standard_normal((5, 1))
SAME = {
    "mixed": estimators.reparam,
    "reparam": estimators.reparam,
    "stl": estimators.stl,
    "score": estimators.score_cv,
}


def one(y):
    theta = ppl.sample("theta", ppl.Normal(0.0, 2.0))
    with ppl.plate("rows", len(y)):
        ppl.sample("y", ppl.StudentT(3.0, theta, 1.0), obs=y)


def one_guide(y):
    ppl.sample("theta", ppl.Normal(ppl.param("mu", 0.0), ppl.param("sd", 1.0, "positive")))


def one_log_p(z):
    log_lik = np.sum(densities.student_t(Y, 3.0, z, 1.0), axis=-1)
    return densities.normal(z[..., 0], 0.0, 2.0) + log_lik


@pytest.mark.parametrize("vectorize", [False, True])
@pytest.mark.parametrize("name", SAME)
def test_estimators_are_those_of_the_library_on_the_same_noise(name, vectorize):
    values, expected = estimators.values_and_gradient(SAME[name], LAM, one_log_p, Q, EPS)
    params = {"mu": LAM[0], "sd": LAM[1]}
    got, slopes = ppl.elbo_and_gradient(
        one, one_guide, params, (Y,), rng(1), num_particles=5, estimator=name,
        vectorize_particles=vectorize,
    )  # fmt: skip
    onp.testing.assert_allclose(got, values, rtol=1e-12)
    onp.testing.assert_allclose([slopes["mu"], slopes["sd"]], expected, rtol=1e-10)


def test_score_with_one_particle_has_no_baseline():
    _, expected = estimators.values_and_gradient(estimators.score, LAM, one_log_p, Q, EPS[:1])
    params = {"mu": LAM[0], "sd": LAM[1]}
    _, slopes = ppl.elbo_and_gradient(one, one_guide, params, (Y,), rng(1), estimator="score")
    onp.testing.assert_allclose([slopes["mu"], slopes["sd"]], expected, rtol=1e-10)


def replicates(model, guide, params, runs, **settings):
    """Rows of (ELBO, gradients), each the mean of 16 particles; they are nearly Gaussian."""
    rows = []
    for seed in range(runs):
        values, got = ppl.elbo_and_gradient(
            model, guide, params, (Y,), rng(seed), num_particles=16, vectorize_particles=True,
            **settings,
        )  # fmt: skip
        rows.append(onp.concatenate([[onp.mean(values)], *map(onp.ravel, got.values())]))
    return onp.array(rows)


def require_mean(rows, exact):
    """t-test at 1e-6 for each column; one without spread must be exact."""
    off, se = rows.mean(axis=0) - exact, rows.std(axis=0, ddof=1) / onp.sqrt(len(rows))
    assert onp.all(off[se == 0.0] == 0.0)
    t = off[se > 0.0] / se[se > 0.0]
    assert onp.all(stats.t.sf(onp.abs(t), len(rows) - 1) > 5e-7), t


def test_stl_is_unbiased_where_a_site_depends_on_another():
    """Paired with the pathwise gradient of the same draws; only the score of q differs."""
    stl, mixed = (replicates(model, guide, PARAMS, 150, estimator=e) for e in ("stl", "mixed"))
    onp.testing.assert_allclose(stl[:, 0], mixed[:, 0], rtol=1e-12)
    require_mean((stl - mixed)[:, 1:], 0.0)


def test_a_score_site_may_depend_on_a_pathwise_one_and_the_other_way_round():
    """Both are unbiased for what the pathwise gradient of all sites estimates."""
    mixed = replicates(model, guide, PARAMS, 150)
    for site in ("mu", "sd"):
        other = replicates(model, guide, PARAMS, 150, estimator={site: "score"})
        onp.testing.assert_allclose(other[:, 0], mixed[:, 0], rtol=1e-12)
        require_mean((other - mixed)[:, 1:], 0.0)


def test_a_site_that_not_every_particle_has_counts_for_those_that_have_it():
    """The guide draws z only if its coin shows 1; the exact gradient is by the sum over both."""

    def branching():
        coin = ppl.sample("coin", ppl.Bernoulli(0.5))
        z = ppl.sample("z", ppl.Bernoulli(0.3)) if coin else 0.0
        ppl.sample("y", ppl.Normal(coin + z, 1.0), obs=1.5)

    def branching_guide():
        if ppl.sample("coin", ppl.Bernoulli(logits=ppl.param("a", 0.4))):
            ppl.sample("z", ppl.Bernoulli(logits=ppl.param("b", 1.0)))

    def exact(ab):
        heads, tails = (np.exp(densities.bernoulli_logits(k, ab[0])) for k in (1.0, 0.0))
        inner = 0.0
        for z in (0.0, 1.0):
            log_q = densities.bernoulli_logits(z, ab[1])
            log_p = onp.log(0.3 if z else 0.7) + densities.normal(1.5, 1.0 + z)
            inner = inner + np.exp(log_q) * (log_p - log_q)
        above = onp.log(0.5) - np.log(heads) + inner
        below = onp.log(0.5) - np.log(tails) + densities.normal(1.5, 0.0)
        return heads * above + tails * below

    ab = onp.array([0.4, 1.0])
    rows = []
    for seed in range(300):
        values, got = ppl.elbo_and_gradient(
            branching, branching_guide, {"a": ab[0], "b": ab[1]}, (), rng(seed), num_particles=4
        )
        rows.append([values.mean(), got["a"], got["b"]])
    require_mean(onp.array(rows), [exact(ab), *grad(exact)(ab)])


def test_stl_has_no_variance_at_the_posterior():
    """Temp model: the guide of the exact posterior makes every draw's gradient zero."""

    def temp_model():
        temp = ppl.sample("temp", ppl.Normal(15.0, 2.0))
        ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=18.0)

    def exact_guide():
        sd = ppl.param("sd", onp.sqrt(0.8), "positive")
        ppl.sample("temp", ppl.Normal(ppl.param("mu", 17.4), sd))

    params = ppl.init_params(temp_model, exact_guide, ())
    values, stl = ppl.elbo_and_gradient(
        temp_model, exact_guide, params, (), rng(), num_particles=3, estimator="stl"
    )
    assert stl == pytest.approx({"mu": 0.0, "sd": 0.0}, abs=1e-12)
    expected = densities.normal(18.0, 15.0, onp.sqrt(5.0))
    onp.testing.assert_allclose(values, expected, rtol=1e-12)


# --- discrete sites in the guide


def total(z):
    """Sum over the rows, for one particle or many."""
    return np.sum(z, axis=-1, keepdims=np.ndim(z) > 1)


def switch_model(x):
    shift = ppl.sample("shift", ppl.Normal(0.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.sample("z", ppl.Bernoulli(0.4))
        ppl.sample("x", ppl.Normal(LOCS[z.astype(int)] + 2.0 * shift, 1.0), obs=x)
    ppl.sample("total", ppl.Normal(shift + total(z), 2.0), obs=1.0)


def switch_guide(x):
    with ppl.plate("rows", len(x)):
        ppl.sample("z", ppl.Bernoulli(logits=ppl.param("logits", onp.array([0.2, -0.3, 0.5]))))
    ppl.sample("shift", ppl.Normal(ppl.param("m", 0.1), ppl.param("s", 0.8, "positive")))


def late_guide(x):
    """The global site is drawn after the rows and depends on them."""
    with ppl.plate("rows", len(x)):
        logits = ppl.param("logits", onp.array([0.2, -0.3, 0.5]))
        z = ppl.sample("z", ppl.Bernoulli(logits=logits))
    m = ppl.param("m", 0.1) - 0.7 * total(z)
    ppl.sample("shift", ppl.Normal(m, ppl.param("s", 0.8, "positive")))


def first_guide(x):
    """The global site is drawn first, so the rows may leave out one another's cost."""
    ppl.sample("shift", ppl.Normal(ppl.param("m", 0.1), ppl.param("s", 0.8, "positive")))
    with ppl.plate("rows", len(x)):
        ppl.sample("z", ppl.Bernoulli(logits=ppl.param("logits", onp.array([0.2, -0.3, 0.5]))))


def exact_switch_elbo(vector, slope=0.0):
    """By the sum over all z; given z, everything else is Gaussian and quadratic."""
    logits, m, s = vector[:3], vector[3], np.exp(vector[4])
    total = 0.0
    for code in range(8):
        z = onp.array([code >> 2 & 1, code >> 1 & 1, code & 1], dtype=float)
        log_q = np.sum(densities.bernoulli_logits(z, logits))
        log_p = onp.sum(z * onp.log(0.4) + (1 - z) * onp.log(0.6))
        mean = m + slope * onp.sum(z)
        residual = Y - LOCS[z.astype(int)] - 2.0 * mean
        log_p = log_p + np.sum(-0.5 * densities.LOG_2PI - 0.5 * (residual**2 + 4.0 * s**2))
        second = mean**2 + s**2  # of the shift
        log_p = log_p - 0.5 * densities.LOG_2PI - 0.5 * second
        off = 1.0 - onp.sum(z)  # what is left of the total for the shift
        squares = second - 2 * off * mean + off**2
        log_p = log_p - 0.5 * densities.LOG_2PI - np.log(2.0) - squares / 8.0
        entropy = 0.5 * (1.0 + densities.LOG_2PI) + np.log(s)
        total = total + np.exp(log_q) * (log_p - log_q + entropy)
    return total


@pytest.mark.parametrize(
    ("guide", "slope", "settings"),
    [
        (switch_guide, 0.0, {}),
        (switch_guide, 0.0, {"estimator": "score"}),
        (switch_guide, 0.0, {"estimator": {"shift": "score"}}),
        (first_guide, 0.0, {}),
        (first_guide, 0.0, {"estimator": "stl"}),
        (late_guide, -0.7, {}),
        (late_guide, -0.7, {"estimator": "stl"}),
    ],
)
def test_score_sites_and_mixtures_are_unbiased(guide, slope, settings):
    """t-test of value and gradient against the exact ELBO."""
    vector = onp.array([0.2, -0.3, 0.5, 0.1, onp.log(0.8)])
    params = {"logits": vector[:3], "m": vector[3], "s": vector[4]}
    exact = [exact_switch_elbo(vector, slope), *grad(exact_switch_elbo)(vector, slope)]
    require_mean(replicates(switch_model, guide, params, 150, **settings), exact)


class Given:
    """A generator that hands out the rows of given noise, a site at a time."""

    def __init__(self, *noise):
        self.noise = iter(noise)

    def random(self, shape):
        return onp.reshape(next(self.noise), shape)

    standard_normal = random


@pytest.mark.parametrize("guide", [switch_guide, late_guide])
@pytest.mark.parametrize("estimator", ["mixed", "stl", "score", {"shift": "score"}])
def test_one_by_one_and_all_at_once_are_the_same_on_the_same_noise(guide, estimator):
    u, eps = rng(1).random((4, 3)), rng(2).standard_normal((4, 1))
    params = {"logits": onp.array([0.2, -0.3, 0.5]), "m": 0.1, "s": -0.2}
    together, one_by_one = (
        ppl.elbo_and_gradient(
            switch_model, guide, params, (Y,), given, num_particles=4, estimator=estimator,
            vectorize_particles=vectorize,
        )
        for vectorize, given in [
            (True, Given(u, eps)),
            (False, Given(*(row for m in range(4) for row in (u[m], eps[m])))),
        ]
    )  # fmt: skip
    onp.testing.assert_allclose(together[0], one_by_one[0], rtol=1e-12)
    for name in params:
        onp.testing.assert_allclose(together[1][name], one_by_one[1][name], rtol=1e-10, atol=1e-12)


def plated_model(x):
    with ppl.plate("rows", len(x)):
        z = ppl.sample("z", ppl.Bernoulli(0.4))
        ppl.sample("x", ppl.Normal(LOCS[z.astype(int)], 1.0), obs=x)


def plated_guide(x, scale=1.0):
    with ppl.plate("rows", len(x)):
        ppl.sample("z", ppl.Bernoulli(logits=ppl.param("logits", onp.zeros(len(x)))))


def test_a_row_answers_for_its_own_cost_only():
    """Other data in the last row leaves the gradient of the first rows as it is, bit for bit."""
    params = {"logits": onp.array([0.2, -0.3, 0.5])}
    far = onp.append(Y[:2], 100.0)
    for vectorize in (False, True):
        settings = {"num_particles": 3, "vectorize_particles": vectorize}
        one, two = (
            gradient(plated_model, plated_guide, params, (x,), rng(), **settings)["logits"]
            for x in (Y, far)
        )
        onp.testing.assert_array_equal(one[:2], two[:2])
        assert one[2] != two[2]


def test_a_model_parameter_has_the_gradient_of_the_log_likelihood():
    def learned(y):
        mu = ppl.sample("mu", ppl.Normal(ppl.param("prior", 1.0), 2.0))
        with ppl.plate("rows", len(y)):
            ppl.sample("y", ppl.Normal(mu, 1.0), obs=y)

    def fixed(y):
        ppl.sample("mu", ppl.Normal(0.5, 0.1))

    for name in ("mixed", "stl", "score"):
        params = ppl.init_params(learned, fixed, (Y,))
        got = gradient(learned, fixed, params, (Y,), rng(2), num_particles=2, estimator=name)
        mu = 0.5 + 0.1 * rng(2).standard_normal(2)
        assert got["prior"] == pytest.approx(onp.mean(mu - 1.0) / 4.0, rel=1e-10)


# --- subsamples, refusals


def rows_model(y, size):
    mu = ppl.sample("mu", ppl.Normal(0.0, 3.0))
    with ppl.plate("rows", len(y), size) as idx:
        z = ppl.sample("z", ppl.Normal(mu, 1.0))
        ppl.sample("y", ppl.Normal(z, 0.5), obs=y[idx])


def rows_guide(y, size):
    ppl.sample("mu", ppl.Normal(0.3, 0.5))
    m = ppl.param("m", onp.linspace(-1.0, 1.0, len(y)))
    with ppl.plate("rows", len(y), size) as idx:
        ppl.sample("z", ppl.Normal(m[idx], 0.3))


def test_model_and_guide_share_the_subsample_and_its_scale_is_unbiased():
    """t-test against the full data's ELBO in closed form."""
    m = onp.linspace(-1.0, 1.0, 3)
    values = [
        ppl.elbo_values(
            rows_model, rows_guide, {"m": m}, (Y, 2), rng(s), num_particles=8,
            vectorize_particles=True,
        ).mean()
        for s in range(400)
    ]  # fmt: skip
    exact = (
        densities.normal(0.3, 0.0, 3.0) - 0.5 * 0.25 / 9.0
        + onp.sum(densities.normal(m, 0.3, 1.0) - 0.5 * (0.09 + 0.25))
        + onp.sum(densities.normal(Y, m, 0.5) - 0.5 * 0.09 / 0.25)
        + 0.5 * (1 + densities.LOG_2PI) * 4 + onp.log(0.5) + 3 * onp.log(0.3)
    )  # fmt: skip
    require_mean(onp.array(values)[:, None], exact)


def _elbo(model, guide, *args, **settings):
    return ppl.elbo_and_gradient(model, guide, {}, args, rng(), **settings)


def test_refusals():
    with pytest.raises(ValueError, match=r"'z' has no pathwise gradient.*score.*config_enumerate"):
        _elbo(plated_model, plated_guide, Y, estimator="reparam")
    with pytest.raises(ValueError, match="estimator must be one of mixed"):
        _elbo(plated_model, plated_guide, Y, estimator="magic")
    with pytest.raises(ValueError, match="num_particles must be at least 1, got 0"):
        _elbo(plated_model, plated_guide, Y, num_particles=0)
    with pytest.raises(ValueError, match="'z' is missing in the guide; it is discrete"):
        _elbo(plated_model, lambda x: None, Y)
    with pytest.raises(ValueError, match=r"'mu' has shape \(\) in the model, \(3,\) in the guide"):
        _elbo(
            lambda: ppl.sample("mu", ppl.Normal()),
            lambda: ppl.sample("mu", ppl.Normal(onp.zeros(3))),
        )


def test_a_value_that_is_not_finite_names_the_site():
    def narrow():
        ppl.sample("mu", ppl.Uniform(0.0, 1.0))

    with pytest.raises(
        NonFiniteError, match="site 'mu' in the model must be finite, got -inf"
    ) as e:
        _elbo(narrow, lambda: ppl.sample("mu", ppl.Normal(5.0, 0.1)))
    assert e.value.coordinate == "mu"
