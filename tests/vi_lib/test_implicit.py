"""The gamma quantile's derivative in the shape: high-precision references and other identities."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad
from scipy import special

from vi_lib._implicit import (
    gamma_cdf_shape_derivative,
    gamma_log_quantile,
    gamma_log_quantile_slope,
)

# (shape, log x, d log x / d shape at fixed F(x; shape)), the last from central differences of
# fourth order of the regularized incomplete gamma function in the shape with 90 digits, with a step
# of 1e-25 times the shape. The x have F(x) = 1e-12, 0.03, 0.5, 0.6, 0.97, 1 - 1e-9, 1 - 1e-15.
REFERENCE = np.array(
    [
        (0.01, -2763.6711423874613, 276311.02569295926),
        (0.01, -351.22482052660513, 35066.39350687365),
        (0.01, -69.88374885060149, 6932.286339273282),
        (0.01, -51.65159317120603, 5109.070771333735),
        (0.01, -3.5877503823286236, 313.85943090265147),
        (0.01, 2.601341730813164, 7.163162423316867),
        (0.01, 3.2829657015601303, 3.762205418622639),
        (0.05, -553.1574837686161, 11053.192775546324),
        (0.05, -70.66821939644484, 1403.4074881028994),
        (0.05, -14.40000453039861, 278.0433484913581),
        (0.05, -10.753553573717737, 205.1187337823271),
        (0.05, -0.7365080973881982, 19.98106396236664),
        (0.05, 2.715802746108896, 1.4533151347437598),
        (0.05, 3.3450157903430298, 0.8154196223606406),
        (0.3, -92.46398641812137, 307.64931843084855),
        (0.3, -12.04910452292419, 39.59990184443034),
        (0.3, -2.615501067658653, 8.779627922280326),
        (0.3, -1.957206184290928, 6.9560528829847135),
        (0.3, 0.5643538785944309, 1.9371130796905383),
        (0.3, 2.8669588265953148, 0.3518963370702614),
        (0.3, 3.434565175234597, 0.2198219266729025),
        (1.0, -27.63102111592805, 28.053805451040795),
        (1.0, -3.491366950083787, 3.9821170722569845),
        (1.0, -0.366512920581664, 1.3965934762369347),
        (1.0, -0.08742157179075517, 1.2246851377041446),
        (1.0, 1.2546349002858597, 0.5881295948074301),
        (1.0, 3.031257023948918, 0.17635233776094647),
        (1.0, 3.5421057967989706, 0.12007907312082587),
        (2.5, -10.572011684519262, 4.670102356131398),
        (2.5, -0.7951179047115327, 0.8856561018207616),
        (2.5, 0.7773642843279395, 0.45774031384269026),
        (2.5, 0.9423223645333346, 0.4219442561647277),
        (2.5, 1.8225002975658067, 0.2624758541479016),
        (2.5, 3.232624748981913, 0.10749637181481377),
        (2.5, 3.684339958709492, 0.07838629335539052),
        (17.0, 0.43080285263838786, 0.1566574524210979),
        (17.0, 2.315610647244735, 0.07608977436278637),
        (17.0, 2.8134819352483165, 0.059991449029101106),
        (17.0, 2.8748019765415473, 0.0581768507352911),
        (17.0, 3.240778595383064, 0.04811607100780039),
        (17.0, 3.9945947496287553, 0.03142763255291346),
        (17.0, 4.2862183104317815, 0.026331633491563856),
        (100.0, 3.8041264329175073, 0.014558042325947082),
        (100.0, 4.407393980408604, 0.011039817522057746),
        (100.0, 4.6018332738776095, 0.01003340489398286),
        (100.0, 4.627096452910337, 0.009907270218439719),
        (100.0, 4.78444623899212, 0.009145606121506653),
        (100.0, 5.147907414043151, 0.007543031327967576),
        (100.0, 5.304292513314346, 0.006919762896477048),
        (1000.0, 6.676376948018979, 0.001120332892482016),
        (1000.0, 6.84734214743128, 0.0010306824403436166),
        (1000.0, 6.907421909847787, 0.0010003334049339134),
        (1000.0, 6.915423876004905, 0.0009963366468639886),
        (1000.0, 6.9663221937029025, 0.0009711641984597969),
        (1000.0, 7.091303477403291, 0.0009111835055753988),
        (1000.0, 7.148499480522046, 0.0008846001955003481),
        (100000.0, 11.490594329556174, 1.0112088093145726e-05),
        (100000.0, 11.506968630259648, 1.0029830459788358e-05),
        (100000.0, 11.512922131633315, 1.0000033333404936e-05),
        (100000.0, 11.513723179670002, 9.996028616827985e-06),
        (100000.0, 11.518863841689958, 9.970354120542105e-06),
        (100000.0, 11.531829121895061, 9.905796013259064e-06),
        (100000.0, 11.537930546346777, 9.875512091599473e-06),
    ]
)
U = np.array([1e-300, 1e-12, 1e-4, 0.03, 0.3, 0.5, 0.6, 0.75, 0.97, 1 - 1e-4, 1 - 1e-9])
SHAPES = [0.05, 0.3, 0.7, 1.0, 1.6, 6.0, 60.0, 1000.0]


def test_slope_against_90_digits():
    shape, log_x, want = REFERENCE.T
    error = np.abs(gamma_log_quantile_slope(log_x, shape) / want - 1.0)
    assert np.max(error[shape <= 1000.0]) < 1e-13
    assert np.max(error) < 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_slope_against_differences_of_the_quantile(shape):
    """Central differences of fourth order; their own error is about 1e-10."""
    u = U[(U > 1e-5) & (U < 0.9999)]
    h = 1e-3 * shape
    near, far = (
        gamma_log_quantile(u, shape + k * h) - gamma_log_quantile(u, shape - k * h) for k in (1, 2)
    )
    difference = (8.0 * near - far) / (12.0 * h)
    got = elementwise_grad(gamma_log_quantile, 1)(u, shape * np.ones(len(u)))
    np.testing.assert_allclose(got, difference, rtol=2e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_cdf_derivative_against_differences_of_the_cdf(shape):
    u = np.array([0.03, 0.3, 0.6, 0.97])
    log_x = gamma_log_quantile(u, shape)
    x, h = np.exp(log_x), 1e-3 * min(shape, shape**0.5)
    near, far = (
        special.gammainc(shape + k * h, x) - special.gammainc(shape - k * h, x) for k in (1, 2)
    )
    got = gamma_cdf_shape_derivative(log_x, shape)
    np.testing.assert_allclose(got, (8.0 * near - far) / (12.0 * h), rtol=2e-9)
    assert np.all(got < 0.0)


def test_slope_far_below_one_is_elementary():
    """Where F(x) = x^a / Γ(a + 1), log x = (log u + log Γ(a + 1)) / a."""
    for shape in (0.01, 0.05, 0.3):
        log_x = gamma_log_quantile(1e-100, shape)
        want = (special.digamma(shape + 1.0) - log_x) / shape
        assert gamma_log_quantile_slope(log_x, shape) == pytest.approx(want, rel=1e-13)


def test_mean_slope_is_trigamma():
    """E[log x] = digamma(a), so the mean of d log x / da over u is trigamma(a)."""
    v = np.linspace(-36.0, 36.0, 1441)
    u = special.expit(v)
    weight = u * special.expit(-v) * (v[1] - v[0])
    for shape in (0.3, 1.0, 8.0, 300.0):
        slope = gamma_log_quantile_slope(gamma_log_quantile(u, shape), shape)
        assert np.sum(weight * slope) == pytest.approx(special.polygamma(1, shape), rel=1e-11)


@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_invert_the_cdf_and_join_smoothly(shape):
    log_x = gamma_log_quantile(U, shape)
    assert np.all(np.diff(log_x) > 0.0)
    seen = log_x > -600.0
    np.testing.assert_allclose(special.gammainc(shape, np.exp(log_x[seen])), U[seen], rtol=2e-12)
    # around x = exp(-39), where one formula takes over from the other, a quantile is a power
    edge = special.gammainc(shape, np.exp(-39.0)) if shape < 8.0 else 0.0
    if edge > 0.0:
        both = gamma_log_quantile(edge * np.array([1.0 - 1e-6, 1.0 + 1e-6]), shape)
        np.testing.assert_allclose(np.diff(both), 2e-6 / shape, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_in_the_probability(shape):
    u = np.array([0.03, 0.3, 0.6, 0.97])
    got = elementwise_grad(gamma_log_quantile)(u, shape)
    near, far = (
        gamma_log_quantile(u + k * 1e-4, shape) - gamma_log_quantile(u - k * 1e-4, shape)
        for k in (1, 2)
    )
    np.testing.assert_allclose(got, (8.0 * near - far) / 12e-4, rtol=1e-8)


def test_gradients_keep_the_shapes_of_the_arguments():
    shape = np.array([[0.4], [3.0]])
    u = np.array([0.1, 0.5, 0.9])

    def total(u, shape):
        return anp.sum(gamma_log_quantile(u, shape))

    by_hand = gamma_log_quantile_slope(gamma_log_quantile(u, shape), shape)
    assert by_hand.shape == (2, 3)
    np.testing.assert_allclose(grad(total, 1)(u, shape)[:, 0], by_hand.sum(1), rtol=1e-14)
    assert grad(total, 0)(u, shape).shape == (3,)
    assert np.ndim(grad(total, 1)(0.5, 2.0)) == 0


def test_a_second_derivative_is_refused():
    def slope(shape):
        return grad(lambda a: gamma_log_quantile(0.5, a))(shape)

    with pytest.raises(NotImplementedError, match="gamma_log_quantile_slope"):
        grad(slope)(2.0)
