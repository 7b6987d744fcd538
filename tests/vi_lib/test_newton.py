"""Newton ascent: known maxima, units, saddle points, points where the function is not finite."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vi_lib._newton import ascend, model_step, solve

RNG = np.random.default_rng(0)


class Quadratic:
    """b'x - ½ x'A x."""

    def __init__(self, A, b, unit=1.0):
        self.A, self.b, self.unit = A, b, unit * np.ones(len(b))

    def value(self, x):
        return float(self.b @ x - 0.5 * x @ self.A @ x)

    def gradient(self, x):
        return self.b - self.A @ x, lambda v: -self.A @ v

    def scale(self, x):
        return self.unit


class Rosenbrock(Quadratic):
    """Minus Rosenbrock's valley, maximum 0 at (1, 1)."""

    def __init__(self):
        self.unit = np.ones(2)

    def value(self, x):
        return -float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)

    def gradient(self, x):
        a, b = x
        g = np.array([2 * (1 - a) + 400 * a * (b - a**2), -200 * (b - a**2)])
        H = np.array([[-2 + 400 * b - 1200 * a**2, 400 * a], [400 * a, -200.0]])
        return g, lambda v: H @ v


class Saddle(Quadratic):
    """x² - x⁴ in each coordinate: a minimum at 0, maxima at ±1/√2."""

    def __init__(self):
        self.unit = np.ones(2)

    def value(self, x):
        return float(np.sum(x**2 - x**4))

    def gradient(self, x):
        return 2 * x - 4 * x**3, lambda v: (2 - 12 * x**2) * v


class Bounded(Quadratic):
    """log x - x, not defined for x <= 0; maximum at 1."""

    def __init__(self):
        self.unit = np.full(1, 100.0)

    def value(self, x):
        return math.log(x[0]) - x[0] if x[0] > 0 else math.nan

    def gradient(self, x):
        return 1 / x - 1, lambda v: -v / x**2


def random_problem(dim=30):
    A = RNG.standard_normal((dim, dim))
    scale = np.logspace(-3, 3, dim)
    return (A @ A.T / dim + 0.1 * np.eye(dim)) / np.outer(scale, scale), scale


def test_a_quadratic_function_in_the_right_units():
    A, scale = random_problem()
    b = RNG.standard_normal(30) / scale
    end = ascend(Quadratic(A, b, scale), np.zeros(30), max_steps=50)
    assert end.settled
    np.testing.assert_allclose(end.x / scale, np.linalg.solve(A, b) / scale, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-6, 1e4])
def test_the_path_does_not_depend_on_the_scale_of_the_coordinates(factor):
    A, scale = random_problem()
    b = RNG.standard_normal(30) / scale
    one = ascend(Quadratic(A, b, scale), np.zeros(30), max_steps=50)
    other = ascend(Quadratic(A / factor**2, b / factor, factor * scale), np.zeros(30), max_steps=50)
    assert one.steps == other.steps
    np.testing.assert_allclose(other.x / factor / scale, one.x / scale, rtol=1e-6, atol=1e-9)


def test_a_curved_valley():
    end = ascend(Rosenbrock(), np.array([-1.2, 1.0]), max_steps=100)
    assert end.settled
    # A promised gain below 1e-9 over the least curvature, .4, leaves 7e-5 at most.
    np.testing.assert_allclose(end.x, [1.0, 1.0], atol=7e-5)


def test_it_leaves_a_minimum_by_positive_curvature():
    end = ascend(Saddle(), np.array([1e-3, -1e-3]), max_steps=100)
    assert end.settled
    np.testing.assert_allclose(np.abs(end.x), math.sqrt(0.5), atol=1e-8)


def test_steps_to_where_the_function_is_not_defined_are_refused_and_counted():
    end = ascend(Bounded(), np.array([5.0]), max_steps=100)
    assert end.settled
    assert end.refused > 0
    assert end.x == pytest.approx(1.0, abs=1e-6)


def test_it_tells_and_stops_when_told():
    seen = []
    end = ascend(Rosenbrock(), np.array([-1.2, 1.0]), max_steps=3, tell=seen.append)
    assert [point.steps for point in seen] == [1, 2, 3]
    assert not end.settled
    values = [point.value for point in seen]
    assert values == sorted(values)


def test_the_step_stays_in_the_ball_and_promises_what_the_model_says():
    A, scale = random_problem(6)
    A = A * np.outer(scale, scale)
    g = RNG.standard_normal(6)
    longest = np.linalg.norm(model_step(g, lambda v: -A @ v, np.ones(6), 1e6)[0])
    for radius in (0.1, 0.5, 0.9 * longest, 1.1 * longest):
        step, gain, inside = model_step(g, lambda v: -A @ v, np.ones(6), radius)
        assert np.linalg.norm(step) <= radius * (1 + 1e-12)
        assert inside == (radius > longest)
        if not inside:
            assert np.linalg.norm(step) == pytest.approx(radius, rel=1e-12)
        assert gain == pytest.approx(g @ step - 0.5 * step @ A @ step, rel=1e-12)
        assert gain >= 0.5 * min(radius, 0.1) * np.linalg.norm(g)  # not less than along g


@pytest.mark.parametrize("size", [1e-4, 1e-2, 10.0])
def test_the_residual_is_reduced_by_the_root_of_the_gradient_and_no_further(size):
    """Step k of conjugate gradients is the maximum over the span of g, Ag, ..., A^(k-1) g."""
    A, scale = random_problem()
    A = A * np.outer(scale, scale)
    g = RNG.standard_normal(30)
    g *= size / np.linalg.norm(g)
    products = []
    step, _, _ = model_step(g, lambda v: (products.append(1), -A @ v)[1], np.ones(30), 1e6)
    residuals, basis = [], np.empty((30, 0))
    for _ in range(30):
        new = g if not basis.size else A @ basis[:, -1]
        basis = np.linalg.qr(np.column_stack([basis, new]))[0]
        best = basis @ np.linalg.solve(basis.T @ A @ basis, basis.T @ g)
        residuals.append(np.linalg.norm(g - A @ best))
    needed = 1 + next(k for k, r in enumerate(residuals) if r <= size * min(0.5, size**0.5))
    assert len(products) == needed
    assert np.linalg.norm(g - A @ step) == pytest.approx(residuals[needed - 1], rel=1e-6)


def test_solve_divides_by_minus_the_hessian():
    A, scale = random_problem()
    b = RNG.standard_normal(30) / scale
    got = solve(lambda v: -A @ v, b, scale)
    np.testing.assert_allclose(got / scale, np.linalg.solve(A, b) / scale, rtol=1e-5, atol=1e-7)
    with pytest.raises(ArithmeticError, match="curves upwards"):
        solve(lambda v: A @ v, b, scale)
    with pytest.raises(ArithmeticError, match="did not reach"):
        solve(lambda v: -A @ v, b, scale, max_steps=2)
