"""Layout: names, round trips, Jacobians, refusals."""

from __future__ import annotations

import autograd.numpy as np
import numpy as onp
import pytest
from autograd import jacobian

from vi_lib._check import ShapeError, SupportError
from vi_lib.layout import Layout, Param, unnamed
from vi_lib.transforms import Softplus

LAYOUTS = {
    "numbers": Layout({"mu": Param(), "sd": Param(support="positive")}),
    "arrays": Layout(
        {"beta": Param((3,)), "w": Param((2, 2), "unit"), "a": Param((), (-2.0, 5.0))}
    ),
    "chosen transform": Layout({"sd": Param((2,), "positive", transform=Softplus())}),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())


def test_names_follow_the_coordinates():
    assert LAYOUTS["numbers"].names == ("mu", "sd")
    assert LAYOUTS["arrays"].names == (
        "beta[0]", "beta[1]", "beta[2]", "w[0,0]", "w[0,1]", "w[1,0]", "w[1,1]", "a",
    )  # fmt: skip
    assert unnamed(2).names == ("z[0]", "z[1]")


@layouts
@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_round_trip_and_shapes(layout, leading):
    zeta = onp.random.default_rng(0).standard_normal((*leading, layout.dim))
    theta = layout.constrain(zeta)
    assert {n: v.shape for n, v in theta.items()} == {
        n: (*leading, *p.shape) for n, p in layout.params.items()
    }
    onp.testing.assert_allclose(layout.unconstrain(theta), zeta, rtol=1e-10)
    assert layout.log_abs_det_jacobian(zeta).shape == leading


@layouts
def test_jacobian_is_that_of_constrain(layout):
    zeta = onp.random.default_rng(1).standard_normal(layout.dim)

    def flat(zeta):
        return np.concatenate([np.ravel(v) for v in layout.constrain(zeta).values()])

    expected = onp.linalg.slogdet(jacobian(flat)(zeta))[1]
    assert layout.log_abs_det_jacobian(zeta) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Layout({}), SupportError, "at least one parameter"),
        (lambda: Layout({"k": Param((), "integer")}), SupportError, "'k' is discrete.*Sum it out"),
        (lambda: Layout({"s": Param((), "positve")}), SupportError, "parameter 's': support must"),
        (lambda: Layout({"s": Param((), (2.0, 1.0))}), SupportError, "parameter 's': Logit"),
        (
            lambda: LAYOUTS["numbers"].constrain(onp.zeros((3, 4))),
            ShapeError,
            r"zeta must have shape \(..., 2\), got \(3, 4\)",
        ),
        (
            lambda: LAYOUTS["numbers"].unconstrain({"mu": 0.0}),
            ShapeError,
            "must hold the parameters mu, sd, got mu",
        ),
        (
            lambda: LAYOUTS["numbers"].unconstrain({"mu": 0.0, "sd": -1.0}),
            SupportError,
            r"theta\['sd'\]: .* got -1.0",
        ),
        (
            lambda: LAYOUTS["arrays"].unconstrain({"beta": [1.0], "w": 0, "a": 0}),
            ShapeError,
            r"theta\['beta'\] must have shape",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()
