"""Networks: layers by hand, scales of the first weights, samples of weights, gradients."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy import stats

from vi_lib._check import ShapeError
from vi_lib.amortised import count_parameters, init_mlp, mlp, pack, relu, shapes_of, unpack
from vi_lib.amortised.mlp import mlp_shapes

SIZES = (3, 5, 4, 2)


def net(seed=0, sizes=SIZES, **options):
    rng = np.random.default_rng(seed)
    params = init_mlp(sizes, rng, **options)
    # Biases start at 0; a test that forgot them would not see it.
    return {name: rng.standard_normal(value.shape) for name, value in params.items()}


def by_hand(params, x, activation):
    out = []
    for row in x:
        h = row
        for layer in (1, 2, 3):
            W, b = params[f"W{layer}"], params[f"b{layer}"]
            h = np.array([sum(h[i] * W[i, j] for i in range(len(h))) + b[j] for j in range(len(b))])
            h = activation(h) if layer < 3 else h
        out.append(h)
    return np.array(out)


@pytest.mark.parametrize("activation", [np.tanh, lambda h: np.maximum(h, 0.0)])
def test_layers_by_hand(activation):
    params, x = net(), np.random.default_rng(1).standard_normal((6, 3))
    ours = {np.tanh: anp.tanh}.get(activation, relu)
    np.testing.assert_allclose(
        mlp(params, x, ours), by_hand(params, x, activation), rtol=1e-12, atol=1e-13
    )


def test_leading_axes_of_the_input_are_kept():
    params, x = net(), np.random.default_rng(1).standard_normal((2, 4, 3))
    got = mlp(params, x)
    assert got.shape == (2, 4, 2)
    for k in range(2):
        np.testing.assert_allclose(got[k], mlp(params, x[k]), rtol=1e-13)
    np.testing.assert_allclose(mlp(params, x[0, 0]), got[0, 0], rtol=1e-13)


def test_samples_of_weights_are_as_many_nets():
    x = np.random.default_rng(1).standard_normal((6, 3))
    flat = np.random.default_rng(2).standard_normal((7, count_parameters(net())))
    got = mlp(flat, x, sizes=SIZES)
    assert got.shape == (7, 6, 2)
    for row, want in zip(flat, got, strict=True):
        one = unpack(row, mlp_shapes(SIZES))
        np.testing.assert_allclose(mlp(one, x), want, rtol=1e-12)


def test_pack_and_unpack_undo_each_other():
    params = net()
    flat = pack(params)
    again = unpack(flat, shapes_of(params))
    assert list(again) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    for name, value in params.items():
        np.testing.assert_array_equal(again[name], value)
    np.testing.assert_array_equal(pack(again), flat)
    # Row by row: the first entries are the first input's weights.
    np.testing.assert_array_equal(flat[:5], params["W1"][0])


def test_parameters_are_counted_with_biases():
    assert count_parameters(net()) == (3 * 5 + 5) + (5 * 4 + 4) + (4 * 2 + 2)
    assert count_parameters({"log_sd": np.array(0.0)}) == 1


@pytest.mark.parametrize("sizes", [SIZES, (2, 1)])
def test_gradients_equal_finite_differences(sizes):
    x = np.random.default_rng(1).standard_normal((4, sizes[0]))
    flat = np.random.default_rng(2).standard_normal((2, count_parameters(net(sizes=sizes))))

    def f(flat):
        return anp.sum(anp.sin(mlp(flat, x, sizes=sizes)))

    gradient, step = grad(f)(flat), 1e-5
    for index in np.ndindex(flat.shape):
        shift = np.zeros_like(flat)
        shift[index] = step
        want = (f(flat + shift) - f(flat - shift)) / (2 * step)
        assert gradient[index] == pytest.approx(want, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("scheme", "variance"), [("glorot", 2 / 500), ("he", 2 / 200)])
def test_first_weights_have_the_variance_of_their_scheme(scheme, variance):
    """Chi-square: 60 000 weights tell both schemes from each other and from 1 / fan_in."""
    params = init_mlp((200, 300, 1), np.random.default_rng(3), scheme)
    W = params["W1"]
    p = stats.chi2.cdf(np.sum(W**2) / variance, W.size)
    assert 5e-7 < p < 1 - 5e-7  # false alarm 1e-6
    assert not params["b1"].any()


def test_prefix_keeps_two_nets_in_one_dict():
    a, b = net(0), net(1)
    both = {**{f"a_{k}": v for k, v in a.items()}, **{f"b_{k}": v for k, v in b.items()}}
    x = np.ones((2, 3))
    np.testing.assert_array_equal(mlp(both, x, prefix="b_"), mlp(b, x))
    assert list(init_mlp((2, 1), np.random.default_rng(0), prefix="a_")) == ["a_W1", "a_b1"]


def test_relu_has_gradient_zero_or_one():
    np.testing.assert_array_equal(relu(np.array([-2.0, 0.0, 3.0])), [0.0, 0.0, 3.0])
    np.testing.assert_array_equal(
        grad(lambda x: anp.sum(relu(x)))(np.array([-2.0, 0.0, 3.0])), [0.0, 0.0, 1.0]
    )


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: mlp_shapes((3,)), ValueError, "two or more whole numbers"),
        (lambda: mlp_shapes((3, 0)), ValueError, "at least 1, got"),
        (lambda: mlp_shapes((3, 2.0)), ValueError, "whole numbers"),
        (lambda: init_mlp((2, 1), np.random.default_rng(0), "xavier"), ValueError, "'xavier'"),
        (lambda: mlp(net(), np.ones((2, 4))), ShapeError, r"x must have shape \(\.\.\., 3\)"),
        (lambda: mlp(np.ones(7), np.ones((2, 3)), sizes=SIZES), ShapeError, "flat must have"),
        (lambda: mlp({"w": np.ones(1)}, np.ones((2, 3))), ShapeError, "must hold W1, got w"),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()
