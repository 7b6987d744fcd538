"""Laws that every variational family obeys, on a table of families."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import jacobian
from autograd.test_util import check_grads
from scipy import integrate, stats

from vi_lib import storage
from vi_lib._check import ShapeError, SupportError
from vi_lib.families import CouplingFlow, FullRank, LowRank, MeanField, Mixture

GAUSSIANS = {
    "mean_field_1": MeanField(1),
    "mean_field_3": MeanField(3),
    "full_rank_1": FullRank(1),
    "full_rank_2": FullRank(2),
    "full_rank_4": FullRank(4),
    "low_rank_1_1": LowRank(1, 1),
    "low_rank_2_1": LowRank(2, 1),
    "low_rank_5_2": LowRank(5, 2),
    "low_rank_4_4": LowRank(4, 4),
}
OTHERS = {
    "mixture_1_1": Mixture(1, 1),
    "mixture_1_3": Mixture(1, 3),
    "mixture_2_2": Mixture(2, 2),
    "mixture_3_4": Mixture(3, 4),
    "flow_2": CouplingFlow(2, layers=2, hidden=3),
    "flow_3": CouplingFlow(3, layers=3, hidden=2),
    "flow_5": CouplingFlow(5, layers=1, hidden=4),
}
FAMILIES = {**GAUSSIANS, **OTHERS}


def table(select=lambda q: True, families=FAMILIES):
    chosen = {name: q for name, q in families.items() if select(q)}
    return pytest.mark.parametrize("q", chosen.values(), ids=chosen.keys())


def lam_for(q, seed=0, leading=()):
    """Generic parameters: around the start, so that the draws have a scale of about one."""
    noise = np.random.default_rng(seed).standard_normal((*leading, q.num_params))
    return q.init() + 0.4 * noise


def noise_for(q, seed=0, leading=()):
    return np.random.default_rng(seed + 100).standard_normal((*leading, q.noise_dim))


# --- the density ---------------------------------------------------------------------------------


@table(lambda q: q.dim == 1)
def test_density_integrates_to_one_in_one_dimension(q):
    lam = lam_for(q, 3)
    mass, _ = integrate.quad(
        lambda z: np.exp(q.log_prob(lam, np.array([z]))), -np.inf, np.inf, epsabs=1e-12
    )
    assert mass == pytest.approx(1.0, abs=1e-9)


@table(lambda q: q.dim == 2)
@pytest.mark.slow
def test_density_integrates_to_one_in_two_dimensions(q):
    """The trapezoidal rule on a fine grid; spectrally accurate for such smooth functions."""
    lam = lam_for(q, 3)
    mean, sd = q.mean(lam), q.sd(lam)
    x, y = (np.linspace(m - 16 * s, m + 16 * s, 1501) for m, s in zip(mean, sd, strict=True))
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    mass = np.exp(q.log_prob(lam, points)).sum() * (x[1] - x[0]) * (y[1] - y[0])
    assert mass == pytest.approx(1.0, abs=1e-8)


@table(lambda q: q.noise_dim == q.dim)
def test_density_is_that_of_the_transported_noise(q):
    """With z = t(eps), log q(z) = log N(eps) - log |det dt/deps|, exactly."""
    lam = lam_for(q, 4)
    for eps in noise_for(q, 4, (5,)):
        z = q.transport(lam, eps)
        _, log_det = np.linalg.slogdet(jacobian(lambda eps: q.transport(lam, eps))(eps))
        want = stats.norm.logpdf(eps).sum() - log_det
        np.testing.assert_allclose(q.log_prob(lam, z), want, rtol=1e-9, atol=1e-9)


@table(families=GAUSSIANS)
def test_gaussian_density_entropy_and_moments_agree_with_scipy(q):
    lam = lam_for(q, 5)
    reference = stats.multivariate_normal(q.mean(lam), q.cov(lam))
    z = noise_for(MeanField(q.dim), 1, (6,))
    np.testing.assert_allclose(q.log_prob(lam, z), reference.logpdf(z).reshape(6), rtol=1e-11)
    np.testing.assert_allclose(q.entropy(lam), reference.entropy(), rtol=1e-12, atol=1e-13)


@table(families=GAUSSIANS)
def test_gaussian_draws_are_affine_in_the_noise_with_the_stated_moments(q):
    """Draws are z = mean + A eps with A A' = cov: exact, no draws needed."""
    lam = lam_for(q, 6)
    units = np.eye(q.noise_dim)
    mean = q.transport(lam, np.zeros(q.noise_dim))
    A = (q.transport(lam, units) - mean).T
    np.testing.assert_allclose(mean, q.mean(lam), rtol=1e-14)
    np.testing.assert_allclose(A @ A.T, q.cov(lam), rtol=1e-12, atol=1e-13)
    eps = noise_for(q, 6, (4,))
    np.testing.assert_allclose(q.transport(lam, eps), mean + eps @ A.T, rtol=1e-11, atol=1e-12)


# --- draws ---------------------------------------------------------------------------------------


@table()
@pytest.mark.slow
def test_draws_have_the_stated_moments_and_entropy(q):
    """t-tests, Bonferroni over 1 + D + D² quantities: false-alarm rate 1e-6 a family."""
    lam = lam_for(q, 5)
    z = q.transport(lam, q.noise(np.random.default_rng(11), 100_000))
    centred = z - q.mean(lam)
    products = (centred[:, :, None] * centred[:, None, :]).reshape(len(z), -1)
    samples, truth = np.column_stack([z, products]), [*q.mean(lam), *q.cov(lam).ravel()]
    if q in GAUSSIANS.values():
        samples = np.column_stack([samples, -q.log_prob(lam, z)])
        truth = [*truth, q.entropy(lam)]
    result = stats.ttest_1samp(samples, truth, axis=0)
    assert np.min(result.pvalue) > 1e-6 / len(truth)


@table()
@pytest.mark.slow
def test_importance_weights_of_a_gaussian_average_to_one(q):
    """E_q[p / q] = 1 for a normalised p narrower than q: draws and density belong together.

    A t-test of false-alarm rate 1e-6 a family.
    """
    lam = lam_for(q, 8)
    z = q.transport(lam, q.noise(np.random.default_rng(12), 100_000))
    target = stats.multivariate_normal(q.mean(lam), 0.3 * q.cov(lam))
    weights = np.exp(target.logpdf(z) - q.log_prob(lam, z))
    assert stats.ttest_1samp(weights, 1.0).pvalue > 1e-6


@table()
def test_the_marginal_sds_are_the_roots_of_the_diagonal(q):
    lam = lam_for(q, 9, (3,))
    diagonal = np.diagonal(q.cov(lam), axis1=-2, axis2=-1)
    np.testing.assert_allclose(q.sd(lam) ** 2, diagonal, rtol=1e-12)


# --- broadcasting and derivatives ----------------------------------------------------------------

SHAPES = [((), ()), ((), (4,)), ((4,), ()), ((4,), (4,)), ((3,), (2, 3)), ((2, 1), (2, 3))]


@table()
@pytest.mark.parametrize(("lam_shape", "eps_shape"), SHAPES)
@pytest.mark.slow
def test_batched_parameters_equal_a_loop(q, lam_shape, eps_shape):
    lam, eps = lam_for(q, 20, lam_shape), noise_for(q, 21, eps_shape)
    z = q.transport(lam, eps)
    log_q = q.log_prob(lam, z)
    full = np.broadcast_shapes(lam_shape, eps_shape)
    assert z.shape == (*full, q.dim)
    assert np.shape(log_q) == full
    rows = np.broadcast_to(lam, (*full, q.num_params))
    noise = np.broadcast_to(eps, (*full, q.noise_dim))
    for index in np.ndindex(full):
        np.testing.assert_allclose(z[index], q.transport(rows[index], noise[index]), rtol=1e-10)
        one = q.log_prob(rows[index], z[index])
        np.testing.assert_allclose(log_q[index], one, rtol=1e-9)
    methods = [q.mean, q.sd, q.cov] + ([q.entropy] if q in GAUSSIANS.values() else [])
    for index in np.ndindex(lam_shape):
        for method in methods:
            one = method(lam[index])
            np.testing.assert_allclose(method(lam)[index], one, rtol=1e-11, atol=1e-13)


def central_differences(f, lam, step=1e-5):
    flat = lam.ravel()
    units = np.eye(flat.size)
    ups, downs = (
        np.stack([f((flat + s * step * u).reshape(lam.shape)) for u in units]) for s in (1.0, -1.0)
    )
    return np.moveaxis((ups - downs) / (2.0 * step), 0, -1)


@table()
@pytest.mark.parametrize("leading", [(), (2,)])
def test_derivatives_of_draws_and_of_the_density(q, leading):
    """Against central differences of the values; the error of those is about 1e-9."""
    lam, eps = lam_for(q, 30, leading), noise_for(q, 31, (2,))
    # Draws of other parameters, so that a derivative at a fixed point is tested as well.
    z = q.transport(lam_for(q, 32), noise_for(q, 33, (2,)))
    functions = {
        "transport": lambda lam: q.transport(lam, eps).ravel(),
        "log_prob": lambda lam: q.log_prob(lam, z),
        "along the draws": lambda lam: q.log_prob(lam, q.transport(lam, eps)),
    }
    if q in GAUSSIANS.values():
        functions["entropy"] = lambda lam: anp.reshape(q.entropy(lam), -1)
    for name, f in functions.items():
        f = f if name != "transport" else lambda lam: anp.ravel(q.transport(lam, eps))
        got = jacobian(f)(lam).reshape(np.size(f(lam)), -1)
        want = central_differences(f, lam)
        np.testing.assert_allclose(got, want, rtol=2e-7, atol=2e-7, err_msg=name)


@table()
@pytest.mark.parametrize("leading", [(), (2,)])
def test_derivatives_of_the_moments(q, leading):
    """In a random direction; a flow's moments take too long for all of them."""

    def moments(lam):
        return sum(anp.sum(anp.sin(part)) for part in (q.mean(lam), q.sd(lam), q.cov(lam)))

    check_grads(moments, modes=["rev"], order=1)(lam_for(q, 36, leading))


@table()
def test_derivatives_with_respect_to_the_point(q):
    """The slope of log q at a point; stl and control variates need it."""
    lam, z = lam_for(q, 34), lam_for(MeanField(q.dim), 35)[: q.dim]
    f = lambda z: anp.reshape(q.log_prob(lam, z), 1)  # noqa: E731
    got = jacobian(f)(z).reshape(1, -1)
    np.testing.assert_allclose(got, central_differences(f, z), rtol=2e-7, atol=2e-7)


# --- start, packing, storage, errors -------------------------------------------------------------


@table()
def test_init_has_the_mean_and_the_sd_asked_for(q):
    lam = q.init()
    assert lam.shape == (q.num_params,)
    np.testing.assert_allclose(q.mean(lam), np.zeros(q.dim), atol=1e-13)
    np.testing.assert_allclose(q.sd(lam), np.ones(q.dim), rtol=1e-12)
    mean, sd = np.arange(q.dim) - 0.5, 10.0 ** (np.arange(q.dim) - 1.0)
    lam = q.init(mean, sd)
    np.testing.assert_allclose(q.mean(lam), mean, rtol=1e-12, atol=1e-12 * sd[-1])
    np.testing.assert_allclose(q.sd(lam), sd, rtol=1e-12)
    np.testing.assert_array_equal(lam, q.init(list(mean), list(sd)))


@table(families=OTHERS)
def test_an_entropy_without_closed_form_raises_and_says_what_to_use(q):
    with pytest.raises(NotImplementedError, match=r"has no closed form: use .*reparam, stl, score"):
        q.entropy(q.init())


@table()
@pytest.mark.parametrize("leading", [(), (5,), (2, 3)])
def test_pack_and_unpack_are_inverse(q, leading):
    lam = lam_for(q, 40, leading)
    np.testing.assert_allclose(q.pack(*q.unpack(lam)), lam, rtol=1e-13, atol=1e-15)


@table()
def test_saved_and_loaded_it_is_the_same(q, tmp_path):
    lam = lam_for(q, 41)
    storage.write(tmp_path / "q.npz", {"q": q, "lam": lam})
    back = storage.read(tmp_path / "q.npz")
    assert back["q"] == q
    assert type(back["q"]) is type(q)
    eps = noise_for(q, 41, (3,))
    np.testing.assert_array_equal(back["q"].transport(back["lam"], eps), q.transport(lam, eps))


@table()
def test_noise_is_standard_normal_rows_from_the_generator(q):
    eps = q.noise(np.random.default_rng(3), 7)
    want = np.random.default_rng(3).standard_normal((7, q.noise_dim))
    np.testing.assert_array_equal(eps, want)


@table()
def test_wrong_shapes_and_values_raise(q):
    lam = q.init()
    P, E, D = q.num_params, q.noise_dim, q.dim
    for call, error, message in [
        (lambda: q.unpack(np.zeros(P + 1)), ShapeError, rf"takes lam \(\.\.\., {P}\), got"),
        (lambda: q.mean(np.float64(1.0)), ShapeError, r"got \(\)"),
        (lambda: q.sd(np.zeros((2, P - 1))), ShapeError, "takes lam"),
        (lambda: q.cov(np.zeros((P, 2 * P))), ShapeError, "takes lam"),
        (lambda: q.transport(np.zeros(P + 1), np.zeros(E)), ShapeError, "takes lam"),
        (lambda: q.log_prob(np.zeros(P + 1), np.zeros(D)), ShapeError, "takes lam"),
        (lambda: q.transport(lam, np.zeros((3, E + 1))), ShapeError, "eps must have shape"),
        (lambda: q.log_prob(lam, np.zeros((3, D + 1))), ShapeError, "z must have shape"),
        (lambda: q.log_prob(lam, np.float64(0.0)), ShapeError, "z must have shape"),
        (lambda: q.init(np.zeros(D + 1)), ShapeError, "mean must be a number or"),
        (lambda: q.init(0.0, np.ones(D + 1)), ShapeError, "sd must be a number or"),
        (lambda: q.init(sd=0.0), SupportError, "sd must be positive"),
        (lambda: q.init(sd=np.nan), SupportError, "sd must be positive"),
    ]:
        with pytest.raises(error, match=message):
            call()
