"""Laws that every transform obeys, elementwise or of whole vectors: one table, exact references."""

from __future__ import annotations

from decimal import Decimal, localcontext

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian

from vi_lib import densities, storage
from vi_lib._check import ShapeError, SupportError
from vi_lib._special import gammaln
from vi_lib.layout import Layout, Param
from vi_lib.model import Model
from vi_lib.transforms import (
    Identity,
    Log,
    Logit,
    Ordered,
    Simplex,
    Softplus,
    VectorTransform,
)

EPS = np.finfo(float).eps
TABLE = [
    Identity(), Log(), Softplus(), Logit(0.0, 1.0), Logit(-3.0, 5.0), Simplex(), Ordered(),
]  # fmt: skip
VECTOR = TABLE[5:]
every = pytest.mark.parametrize("transform", TABLE, ids=repr)
VALUES = [-40.0, -39.7, -20.3, -3.1, -0.2, 0.0, 0.4, 2.9, 20.1, 37.3, 40.0]


def exact_sigmoid(t):
    return 1 / (1 + (-t).exp())


def exact(transform, zeta):
    """Inverse and log-determinant from the definitions, with 80 digits."""
    with localcontext() as context:
        context.prec = 80
        z = [Decimal(float(v)) for v in zeta]
        if isinstance(transform, Simplex):
            left, theta, log_det, K = Decimal(1), [], Decimal(0), len(z) + 1
            for k, value in enumerate(z, start=1):
                fraction = exact_sigmoid(value - Decimal(K - k).ln())
                theta.append(left * fraction)
                log_det += (fraction * (1 - fraction) * left).ln()
                left *= 1 - fraction
            return [*theta, left], log_det
        if isinstance(transform, Ordered):
            theta = [z[0]]
            for value in z[1:]:
                theta.append(theta[-1] + value.exp())
            return theta, sum(z[1:], Decimal(0))
        if isinstance(transform, Identity):
            return z, Decimal(0)
        if isinstance(transform, Log):
            return [v.exp() for v in z], sum(z, Decimal(0))
        if isinstance(transform, Softplus):
            slopes = [exact_sigmoid(v) for v in z]
            return [(1 + v.exp()).ln() for v in z], sum((s.ln() for s in slopes), Decimal(0))
        a, width = Decimal(transform.a), Decimal(transform.b) - Decimal(transform.a)
        theta = [a + width * exact_sigmoid(v) for v in z]
        slopes = [width * exact_sigmoid(v) * exact_sigmoid(-v) for v in z]
        return theta, sum((s.ln() for s in slopes), Decimal(0))


def points(size=3):
    """Every value alone in each place, and rows of random tails."""
    rng = np.random.default_rng(0)
    yield from (np.roll([v] + [0.3] * (size - 1), k) for v in VALUES for k in range(size))
    yield from rng.choice(VALUES, size=(20, size))


@every
def test_tails_are_exact_out_to_40(transform):
    """A few roundings of the logarithms, whose size is at most that of all |zeta| together.

    Logit's ends and Ordered's sums are rounded at the size of the numbers that are added.
    """
    for zeta in points():
        theta, log_det = exact(transform, zeta)
        want = np.array([float(v) for v in theta])
        got = transform.inverse(zeta)
        size = np.sum(np.abs(zeta)) + 8.0
        ends = max(abs(transform.a), abs(transform.b)) if isinstance(transform, Logit) else 0.0
        added = np.max(np.abs(want)) if isinstance(transform, Ordered) else ends
        bound = EPS * (size * np.abs(want) + 4 * added)
        if isinstance(transform, Logit) and transform.a == 0.0:
            bound = EPS * size * np.abs(want)  # nothing is added to a small number
        assert np.all(np.abs(got - want) <= bound), (zeta, got, want)
        assert abs(transform.log_abs_det_jacobian(zeta) - float(log_det)) <= 4 * EPS * size


@every
def test_both_round_trips(transform):
    rng = np.random.default_rng(1)
    zeta = rng.uniform(-6.0, 6.0, (40, 2, 4))
    theta = transform.inverse(zeta)
    # Rounding theta moves zeta by |d zeta / d theta| eps: at most e^6 times the largest entry, and
    # 8 / 5 e^6 for Logit(-3, 5); for Ordered the sum may be 3 e^6.
    bound = EPS * np.exp(6.0) * (8.0 + np.max(np.abs(theta)))
    assert np.max(np.abs(transform.forward(theta) - zeta)) <= bound
    np.testing.assert_allclose(
        transform.inverse(transform.forward(theta)), theta, rtol=50 * EPS, atol=20 * EPS
    )


@pytest.mark.parametrize("zeta", [[-40.0, -40.0, -40.0], [40.0, 40.0, 40.0], [-40.0, 40.0, 3.0]])
def test_a_simplex_comes_back_from_its_corners(zeta):
    """All pieces but one are below 1e-17, and 1 - sum would have lost them."""
    zeta = np.array(zeta)
    theta = Simplex().inverse(zeta)
    assert np.sort(theta)[-2] < 1e-15
    np.testing.assert_allclose(Simplex().forward(theta), zeta, rtol=4 * EPS)


@every
@pytest.mark.parametrize("size", [1, 2, 5])
def test_log_det_is_that_of_autograds_jacobian(transform, size):
    for seed in range(5):
        zeta = 2.0 * np.random.default_rng(seed).standard_normal(size)
        J = jacobian(transform.inverse)(zeta)[:size]
        sign, want = np.linalg.slogdet(J)
        got = transform.log_abs_det_jacobian(zeta)
        assert sign == 1.0
        assert got == pytest.approx(want, rel=1e-12, abs=1e-12)


@every
def test_log_det_is_finite_and_differentiable_far_out(transform):
    for zeta in (np.full(3, 800.0), np.full(3, -800.0), np.array([-800.0, 0.0, 800.0])):
        assert np.isfinite(transform.log_abs_det_jacobian(zeta))
        slope = grad(transform.log_abs_det_jacobian)(zeta)
        assert np.all(np.isfinite(slope))


def dirichlet(theta, alpha):
    constant = gammaln(np.sum(alpha)) - np.sum(gammaln(alpha))
    return constant + anp.sum((alpha - 1.0) * anp.log(theta), axis=-1)


@pytest.mark.parametrize(
    ("transform", "log_density", "size"),
    [
        (Identity(), lambda t: anp.sum(densities.normal(t, 0.3, 1.5), axis=-1), 1),
        (Log(), lambda t: anp.sum(densities.gamma(t, 2.0, 3.0), axis=-1), 1),
        (Softplus(), lambda t: anp.sum(densities.gamma(t, 2.0, 3.0), axis=-1), 1),
        (Logit(0.0, 1.0), lambda t: np.log(6.0) + anp.sum(np.log(t) + np.log(1 - t), axis=-1), 1),
        (Logit(-3.0, 5.0), lambda t: 0.0 * anp.sum(t, axis=-1) - np.log(8.0), 1),
        (Simplex(), lambda t: dirichlet(t, np.array([2.0, 0.7])), 1),
        (Simplex(), lambda t: dirichlet(t, np.array([2.0, 1.5, 3.0])), 2),
        (
            Ordered(),  # two sorted normal draws: density 2 on the ordered half of the plane
            lambda t: np.log(2.0) + anp.sum(densities.normal(t), axis=-1),
            2,
        ),
    ],
    ids=lambda value: "" if callable(value) else repr(value),
)
def test_a_transformed_density_integrates_to_one(transform, log_density, size):
    """The trapezoidal rule on analytic functions that decay at least exponentially: 1e-10."""
    grid = np.linspace(-35.0, 35.0, 70001 if size == 1 else 701)
    zeta = np.stack(np.meshgrid(*[grid] * size, indexing="ij"), axis=-1)
    if isinstance(transform, Ordered):
        zeta = zeta - np.array([0.0, 5.0])  # the gap's logarithm has a long left tail only
    if isinstance(transform, Logit):
        zeta = zeta[np.abs(zeta[..., 0]) < 34.0]  # log(1 - theta) needs theta < 1
    values = log_density(transform.inverse(zeta)) + transform.log_abs_det_jacobian(zeta)
    mass = np.sum(np.exp(values)) * (grid[1] - grid[0]) ** size
    assert mass == pytest.approx(1.0, abs=1e-9)


def test_simplex_at_zero_is_uniform():
    for K in (2, 3, 7):
        theta = Simplex().inverse(np.zeros((2, K - 1)))
        np.testing.assert_allclose(theta, np.full((2, K), 1.0 / K), rtol=4 * EPS)
        np.testing.assert_allclose(Simplex().forward(np.full(K, 1.0 / K)), 0.0, atol=8 * EPS)


def test_simplex_sums_to_one_and_its_log_never_underflows():
    zeta = np.random.default_rng(2).uniform(-40.0, 40.0, (500, 6))
    np.testing.assert_allclose(np.sum(Simplex().inverse(zeta), axis=-1), 1.0, rtol=100 * EPS)
    log_theta = Simplex().log_inverse(np.array([-900.0, 900.0, 900.0]))
    np.testing.assert_allclose(
        log_theta, [-900 - np.log(3), 0.0, -900 + np.log(2), -1800 + np.log(2)], rtol=1e-15
    )


def test_ordered_starts_free_and_increases():
    zeta = np.array([[-7.0, 0.0, np.log(2.0)], [3.0, -1.0, 1.0]])
    theta = Ordered().inverse(zeta)
    np.testing.assert_allclose(theta[0], [-7.0, -6.0, -4.0], rtol=1e-15)
    assert np.all(np.diff(theta, axis=-1) > 0.0)
    assert Ordered().forward(np.array([2.0, 2.0]))[1] == -np.inf
    np.testing.assert_array_equal(Ordered().inverse(np.array([4.2])), [4.2])


@every
def test_gradients_flow_through_forward(transform):
    zeta = np.array([0.2, -0.4])
    theta = transform.inverse(zeta)

    def f(theta):
        return anp.sum(anp.sin(transform.forward(theta) + np.array([0.1, 0.7])))

    def along(zeta):
        return f(transform.inverse(zeta))  # forward undoes inverse: the chain rule must give cos

    assert np.all(np.isfinite(grad(f)(theta)))
    np.testing.assert_allclose(grad(along)(zeta), np.cos(zeta + np.array([0.1, 0.7])), rtol=1e-12)


@every
def test_only_vector_transforms_have_another_size(transform):
    assert isinstance(transform, VectorTransform) == (transform in VECTOR)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Simplex().forward(np.array([0.5, 0.6])),
            SupportError,
            "sum to 1, got the sum 1.1",
        ),
        (lambda: Simplex().forward(np.array([1.5, -0.5])), SupportError, "positive, got -0.5"),
        (lambda: Simplex().forward(np.array([1.0, 0.0])), SupportError, "positive, got 0.0"),
        (lambda: Simplex().forward(np.array([np.nan, 0.5])), SupportError, "positive, got nan"),
        (lambda: Simplex().forward(np.array([1.0])), ShapeError, "at least 2 entries, got 1"),
        (lambda: Simplex().forward(1.0), ShapeError, "theta must be a vector"),
        (lambda: Simplex().inverse(1.0), ShapeError, "zeta must be a vector"),
        (lambda: Ordered().forward(np.array([1.0, 0.5])), SupportError, "got 1.0 before 0.5"),
        (lambda: Ordered().forward(np.array([1.0, np.nan])), SupportError, "got nan"),
        (lambda: Ordered().forward(1.0), ShapeError, "theta must be a vector"),
        (lambda: Ordered().inverse(1.0), ShapeError, "zeta must be a vector"),
        (lambda: Ordered().log_abs_det_jacobian(1.0), ShapeError, "zeta must be a vector"),
        (
            lambda: Layout({"pi": Param((), "simplex")}),
            ShapeError,
            r"parameter 'pi': Simplex\(\) needs a vector: shape \(..., K\), got \(\)",
        ),
        (lambda: Layout({"c": Param((), "ordered")}), ShapeError, r"'c': Ordered\(\) needs"),
        (
            lambda: Layout({"pi": Param((4, 1), "simplex")}),
            ShapeError,
            "parameter 'pi': a simplex has at least 2 entries, got 1",
        ),
        (
            lambda: Layout({"pi": Param((2,), "simplex")}).unconstrain({"pi": [0.5, 0.6]}),
            SupportError,
            r"theta\['pi'\]: a simplex's entries must sum to 1",
        ),
    ],
)
def test_what_is_outside_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_evidence_of_counts_on_the_unconstrained_scale():
    """Dirichlet prior, categorical data: the integral of the joint density over zeta is known."""
    alpha, counts = np.array([1.5, 0.8, 2.0]), np.array([3, 0, 7])
    model = Model(
        {"pi": Param((3,), "simplex")},
        lambda theta: densities.dirichlet(theta["pi"], alpha),
        lambda theta, y: densities.categorical_logits(y, anp.log(theta["pi"])[:, None, :]),
        np.repeat(np.arange(3), counts),
    )
    grid = np.linspace(-45.0, 45.0, 301)
    zeta = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    evidence = np.sum(np.exp(model.log_p(zeta))) * (grid[1] - grid[0]) ** 2
    beta = alpha + counts
    want = gammaln(np.sum(alpha)) - gammaln(np.sum(beta)) + np.sum(gammaln(beta) - gammaln(alpha))
    assert np.log(evidence) == pytest.approx(want, abs=1e-10)
    slope = grad(lambda z: anp.sum(model.log_p(z)))(np.array([[0.3, -0.4], [1.0, 0.0]]))
    assert slope.shape == (2, 2)


def test_a_layout_with_vectors_can_be_saved(tmp_path):
    layout = Layout({"pi": Param((3,), "simplex"), "cut": Param((2,), transform=Ordered())})
    storage.write(tmp_path / "layout.npz", {"layout": layout, "transforms": [*TABLE]})
    back = storage.read(tmp_path / "layout.npz")
    assert back["layout"].coordinates == layout.coordinates
    assert back["transforms"] == TABLE
