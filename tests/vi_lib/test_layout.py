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
    "vectors": Layout(
        {
            "pi": Param((3,), "simplex"),
            "mu": Param((), "real"),
            "rows": Param((2, 2, 4), "simplex"),
            "cut": Param((2, 3), "ordered"),
            "sd": Param((), "positive"),
        }
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
    for name in ("numbers", "arrays", "chosen transform"):
        assert LAYOUTS[name].coordinates == LAYOUTS[name].names


def test_a_simplex_has_a_coordinate_less_than_entries():
    layout = Layout({"pi": Param((2, 3), "simplex"), "cut": Param((2,), "ordered")})
    assert layout.names == (
        "pi[0,0]", "pi[0,1]", "pi[0,2]", "pi[1,0]", "pi[1,1]", "pi[1,2]", "cut[0]", "cut[1]",
    )  # fmt: skip
    assert layout.coordinates == (
        "pi.stick[0,0]", "pi.stick[0,1]", "pi.stick[1,0]", "pi.stick[1,1]", "cut[0]", "cut[1]",
    )  # fmt: skip
    assert layout.dim == 6
    theta = layout.constrain(onp.zeros(6))
    onp.testing.assert_allclose(theta["pi"], onp.full((2, 3), 1 / 3), rtol=1e-15)
    onp.testing.assert_allclose(theta["cut"], [0.0, 1.0], rtol=1e-15)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_names_count_entries_and_coordinates_count_dim(layout):
    assert len(layout.coordinates) == len(set(layout.coordinates)) == layout.dim
    assert len(layout.names) == sum(param.size for param in layout.params.values())


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
        """The entries of theta; of a simplex all but the last, which the others determine."""
        theta = layout.constrain(zeta)
        free = (
            theta[name][..., :-1] if param.support == "simplex" else theta[name]
            for name, param in layout.params.items()
        )
        return np.concatenate([np.ravel(v) for v in free])

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
