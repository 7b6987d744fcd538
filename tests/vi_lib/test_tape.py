"""Recorded functions are the functions, bit for bit, and what cannot be recorded is not."""

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import core, make_vjp
from autograd.extend import defvjp, primitive
from autograd.tracer import Box, getval
from numpy.random import default_rng
from posteriors.models import CASES

from vi_lib import FullRank, MeanField, Model, Param, advi, densities
from vi_lib._replay import Replay, ReplayLinear
from vi_lib._step_gradient import StepGradient
from vi_lib._tape import Unrecordable, record
from vi_lib.estimators import reparam, reparam_entropy, score, stop_gradient, values_and_gradient

X, Y = default_rng(0).standard_normal((2, 4, 3))


def gradient(function):
    def of(*arrays):
        back, value = make_vjp(lambda x: function(x, *arrays[1:]))(arrays[0])
        return value, back(np.ones(np.shape(value)))

    return of


def same(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        onp.testing.assert_array_equal(a, b)


@primitive
def halved(x):
    return x / 2.0


defvjp(halved, lambda ans, x: lambda g: g / 2.0)

FUNCTIONS = {
    "arithmetic": lambda x, y: (2.0 * x - y) ** 2 / (1.0 + y**2) + x**1 - (-x),
    "sums and means": lambda x, y: np.sum(x * y, axis=0) + np.mean(x, axis=0) + np.sum(x) * y[0],
    "kept axes": lambda x, y: x - np.mean(x, axis=1, keepdims=True) + np.sum(y, 0, keepdims=True),
    "a mean over two axes": lambda x, y: np.mean(x * y, axis=(0, 1)),
    "slices": lambda x, y: x[:, 0] * x[:, -1] + x[1:2, 1] * y[..., 2] + x[:, None, 0][:, 0],
    "a place taken twice": lambda x, y: x[np.array([0, 0, 1, 3])] * y,
    "a mask": lambda x, y: x[onp.array([True, False, True, True])] * y[1:],
    "pieces": lambda x, y: np.concatenate([x, y * x, np.reshape(x, (-1, 3))], axis=0),
    "stacked": lambda x, y: np.stack([x, y * x], axis=-1),
    "an array of numbers": lambda x, y: np.array([x[0, 0], 2.0, np.sum(y * x)]),
    "turned": lambda x, y: np.transpose(x) @ y + np.dot(x.T, x) + x.T.reshape(3, 4) @ y,
    "chosen by value": lambda x, y: np.where(x > y, np.exp(x), x * y) + np.maximum(x, 0.0),
    "largest": lambda x, y: np.max(x * y, axis=1) + np.abs(x[:, 0]),
    "stable": lambda x, y: np.logaddexp(x, y) + np.log1p(np.exp(-np.abs(x))) + np.tanh(x),
    "linear algebra": lambda x, y: (
        np.linalg.solve(np.dot(x.T, x) + np.eye(3), np.dot(y.T, x))
        + np.linalg.cholesky(np.dot(x.T, x) + np.eye(3))
    ),
    "a determinant": lambda x, y: np.linalg.slogdet(np.dot(x.T, x) + np.eye(3))[1] * y,
    "einsum": lambda x, y: np.einsum("ij,kj->ik", x, y),
    "a negative base": lambda x, y: np.power(-2, np.round(y)) * x,
    "repeated": lambda x, y: np.exp(x) * np.exp(x) + np.exp(x) / np.exp(y),
    "looks at shapes": lambda x, y: x * len(x) + x.shape[1] + x.ndim + x.size + np.ndim(y),
    "an own derivative": lambda x, y: halved(x * y) + halved(x),
    "constant in the end": lambda x, y: 0.0 * x + 3.0,
    "a loop": lambda x, y: sum(x[k] * y[k] for k in range(len(x))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_of_a_gradient_is_the_gradient(name):
    function = gradient(FUNCTIONS[name])
    run = record(function, X, Y).run
    for x, y in ((X, Y), (Y, X), (3.0 * X, X - 1.0), (X, Y)):
        same(run(x, y), function(x, y))


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "linear algebra"])
def test_a_program_of_a_product_with_the_hessian_is_the_product(name):
    """In two parts: what depends on the point alone, and what depends on the direction."""

    def slope(x):
        return gradient(lambda x: np.sum(np.sin(FUNCTIONS[name](x, Y))))(x)[1]

    def product(x, v):
        back, g = make_vjp(slope)(x)
        return g, back(v)

    run = record(product, X, later=(Y,)).run
    for x in (Y, X + 1.0):
        g, then = run(x)
        for v in (X, Y, X * Y):
            same((g, then(v)), product(x, v))


LOOKING = {
    "a branch": lambda x: x if x[0, 0] > 0 else -x,
    "a branch on a sum": lambda x: x if np.sum(x) > 0 else -x,
    "any": lambda x: x if np.any(x > 9) else -x,
    "a condition on a whole array": lambda x: x if (x * x).all() else -x,
    "float": lambda x: x * float(x[0, 0]),
    "int": lambda x: x * int(np.sum(x)),
    "an index by value": lambda x: x[int(x[0, 0] > 0)],
    "an index that is a value": lambda x: x[np.argmax(x[:, 0])],
    "stop_gradient": lambda x: x * stop_gradient(x),
    "getval": lambda x: x * getval(x),
    "the value itself": lambda x: x * x._value,
    "a list": lambda x: x * np.array(getval(x).tolist()),
    "max of Python": lambda x: x * max(x[0, 0], x[0, 1]),
    "asarray": lambda x: x * onp.asarray(x),
    "round": lambda x: x * round(x[0, 0]),
    "a loop until": lambda x: next(x * k for k in range(99) if np.sum(x) < k),
    "a mask by value": lambda x: np.sum(x[x > 0]),
    "the mean of some": lambda x: np.mean(x[x > 0]),
    "places by value": lambda x: np.sum(x) * len(np.flatnonzero(x > 0)),
    "a format": lambda x: x * len(f"{x[0, 0]}"),
}


@pytest.mark.parametrize("name", LOOKING)
def test_what_looks_at_values_is_not_recorded(name):
    with pytest.raises(Unrecordable):
        record(LOOKING[name], X)


@pytest.mark.parametrize(
    "name",
    ["a branch", "any", "stop_gradient", "getval", "a loop until", "a mask by value"],
)
def test_and_is_called_as_it_is(name):
    replay = Replay(LOOKING[name])
    for x in (X, Y, -X, -Y, X + 1.0):
        same((replay(x),), (LOOKING[name](x),))


def test_autograd_is_left_as_it_was():
    before = dict(Box.type_mappings), set(Box.types), core.sparse_add, core.VSpace.mut_add
    record(gradient(FUNCTIONS["slices"]), X, Y)
    with pytest.raises(Unrecordable):
        record(LOOKING["a branch"], X)
    with pytest.raises(ZeroDivisionError):
        record(lambda x: x / (1 // 0), X)
    assert before == (dict(Box.type_mappings), set(Box.types), core.sparse_add, core.VSpace.mut_add)
    same(gradient(FUNCTIONS["slices"])(X, Y), record(gradient(FUNCTIONS["slices"]), X, Y).run(X, Y))


def test_constants_stay_what_they_were():
    """Autograd adds up gradients in place; those of constants would grow with each run."""
    function = gradient(lambda x: x[:, 0] + x[:, 1] * 2.0 + x[:, 0] + np.sum(x))
    run = record(function, X).run
    same(run(Y), run(Y))
    same(run(Y), function(Y))


def test_each_shape_has_its_own_program():
    replay = Replay(lambda x: np.sum(x**2) + x.shape[0])
    for _ in range(3):
        for x in (X, X[:2]):
            assert replay(x) == onp.sum(x**2) + len(x)
    assert set(replay._known) == {((4, 3),), ((2, 3),)}
    assert None not in replay._known.values()


def test_random_numbers_of_its_own_keep_a_function_from_being_recorded():
    rng = default_rng(0)
    replay = Replay(lambda x: x + rng.standard_normal())
    assert len({float(replay(X)[0, 0]) for _ in range(6)}) == 6


def test_a_function_that_changes_later_is_an_error():
    weight = [1.0]
    replay = Replay(lambda x: weight[0] * x)
    for _ in range(3):
        replay(X)
    weight[0] = 2.0
    with pytest.raises(ValueError, match="another value for the same arguments"):
        replay(X)


def test_a_gradient_with_products_follows_the_point():
    def curved(x):
        back, g = make_vjp(lambda x: gradient(lambda x: np.sum(np.exp(x) * Y))(x)[1])(x)
        return g, back

    replay = ReplayLinear(curved)
    for x in (X, Y, X + 0.5, Y - 0.5):
        g, product = replay(x)
        h = np.exp(x) * Y
        onp.testing.assert_allclose([g, product(X), product(Y)], [h, h * X, h * Y], rtol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("family", [MeanField, FullRank])
@pytest.mark.parametrize("name", CASES)
def test_every_model_of_the_library_can_be_recorded(name, family):
    model, rng = CASES[name].model, default_rng(0)
    q = family(model.dim)
    step = StepGradient(reparam_entropy, model.log_p, q)
    lam, eps = q.init() + 0.1 * rng.standard_normal(q.num_params), q.noise(rng, 4)
    run = record(lambda lam, eps: step._gradient(model.log_p, lam, eps), lam, eps).run
    for _ in range(3):
        lam, eps = lam + 0.1 * rng.standard_normal(q.num_params), q.noise(rng, 4)
        same(run(lam, eps), values_and_gradient(reparam_entropy, lam, model.log_p, q, eps))


REGRESSION = Model(
    {"beta": Param((3,)), "sd": Param(support="positive")},
    lambda theta: (
        np.sum(densities.normal(theta["beta"]), axis=1) + densities.half_normal(theta["sd"])
    ),
    lambda theta, data: densities.normal(
        data["y"], np.dot(theta["beta"], data["x"].T), theta["sd"][:, None]
    ),
    {"x": default_rng(1).standard_normal((40, 3)), "y": default_rng(2).standard_normal(40)},
)


@pytest.mark.parametrize("estimator", [reparam, reparam_entropy])
def test_a_minibatch_is_an_argument_of_the_program(estimator):
    q, rng = MeanField(REGRESSION.dim), default_rng(0)
    step, lam = StepGradient(estimator, REGRESSION.log_p, q), q.init()
    for _ in range(6):
        eps, batch = q.noise(rng, 3), REGRESSION.minibatch(rng.choice(40, 8, replace=False))
        same(step(batch, lam, eps), values_and_gradient(estimator, lam, batch, q, eps))
        lam = lam + 0.1 * rng.standard_normal(len(lam))
    assert len(step._batches) == 1


@pytest.mark.parametrize(
    ("estimator", "log_p"),
    [(score, REGRESSION.log_p), (reparam, lambda zeta: REGRESSION.log_p(zeta))],
)
def test_other_estimators_and_plain_functions_are_called_as_they_are(estimator, log_p):
    assert not StepGradient(estimator, log_p, MeanField(REGRESSION.dim))._known


def test_a_fit_takes_the_same_steps_with_and_without():
    options = {"max_iters": 60, "stop": None, "progress": False}
    recorded = advi(REGRESSION, rng=default_rng(3), **options)
    from vi_lib.fit import fit

    plain = fit(
        lambda zeta: REGRESSION.log_p(zeta),
        MeanField(REGRESSION.dim),
        rng=default_rng(3),
        layout=REGRESSION.layout,
        **options,
    )
    same((recorded.lam, recorded.history), (plain.lam, plain.history))


def test_what_boxes_cannot_do_is_no_fault_of_the_function():
    replay = Replay(lambda x: x * x.tobytes()[0])
    for x in (X, Y, X, Y):
        same((replay(x),), (x * x.tobytes()[0],))
