"""sample, param and plate under the handlers: who sees what, and what is refused."""

from __future__ import annotations

import numpy as onp
import pytest
from scipy import stats

from vi_lib import ppl
from vi_lib.ppl import primitives

Y = onp.arange(10.0)


def temp_model(sensor=18.0):
    temp = ppl.sample("temp", ppl.Normal(15.0, 2.0))
    return ppl.sample("sensor", ppl.Normal(temp, 1.0), obs=sensor)


def rows_model(y, size=None):
    mu = ppl.sample("mu", ppl.Normal(0.0, 3.0))
    with ppl.plate("rows", len(y), size) as idx:
        z = ppl.sample("z", ppl.Normal(mu, 1.0))
        ppl.sample("y", ppl.Normal(z, 0.5), obs=y[idx])


def rng(seed=0):
    return onp.random.default_rng(seed)


@pytest.fixture(autouse=True)
def _no_handler_is_left_behind():
    yield
    assert primitives.STACK == []


def test_a_trace_has_every_site_with_its_entries():
    sites = ppl.trace(temp_model, rng())()
    assert list(sites) == ["temp", "sensor"]
    for name, site in sites.items():
        entries = {"type", "name", "value", "dist", "observed", "scale", "log_prob"}
        assert entries <= set(site)
        assert (site["type"], site["name"], site["scale"]) == ("sample", name, 1.0)
    assert sites["sensor"]["observed"]
    assert sites["sensor"]["value"] == 18.0
    assert not sites["temp"]["observed"]


@pytest.mark.parametrize("t", [12.0, 15.0, 17.4, 18.0, 30.0])
def test_log_joint_of_the_temperature_model(t):
    joint = ppl.log_joint(ppl.trace(ppl.condition(temp_model, {"temp": t}))())
    expected = stats.norm(15.0, 2.0).logpdf(t) + stats.norm(t, 1.0).logpdf(18.0)
    assert joint == pytest.approx(expected, rel=1e-12)


def test_draws_come_from_the_given_generator_alone():
    one = ppl.trace(temp_model, rng(1))()["temp"]["value"]
    assert one == 15.0 + 2.0 * rng(1).standard_normal()
    with ppl.seed(None, rng(1)):
        assert ppl.trace(temp_model)()["temp"]["value"] == one


def test_the_innermost_generator_wins():
    inner = ppl.trace(ppl.seed(temp_model, rng(1)), rng(2))()
    assert inner["temp"]["value"] == ppl.trace(temp_model, rng(1))()["temp"]["value"]


def test_without_a_generator_the_site_is_named():
    with pytest.raises(ValueError, match="'temp' must be drawn and there is no generator"):
        temp_model()


def test_replay_takes_latent_values_and_keeps_observations():
    first = ppl.trace(temp_model, rng())()
    again = ppl.trace(ppl.replay(temp_model, first))(17.0)
    assert again["temp"]["value"] == first["temp"]["value"]
    assert again["sensor"]["value"] == 17.0


def test_replay_draws_a_missing_site_afresh():
    sites = ppl.trace(ppl.replay(temp_model, {}), rng(3))()
    assert sites["temp"]["value"] == ppl.trace(temp_model, rng(3))()["temp"]["value"]


def test_replay_refuses_a_value_that_was_data():
    data = ppl.trace(ppl.condition(temp_model, {"temp": 15.0}))()
    with pytest.raises(ValueError, match="'temp' is observed in the replayed program"):
        ppl.trace(ppl.replay(temp_model, data), rng())()


def test_condition_observes_and_uncondition_forgets():
    sites = ppl.trace(ppl.condition(temp_model, {"temp": 15.0}))()
    assert sites["temp"]["observed"]
    sites = ppl.trace(ppl.uncondition(temp_model), rng())()
    assert not sites["sensor"]["observed"]
    assert sites["sensor"]["value"] != 18.0


def test_block_hides_from_the_handlers_outside():
    assert list(ppl.trace(ppl.block(ppl.seed(temp_model, rng())))()) == []
    hidden = ppl.trace(ppl.block(ppl.seed(temp_model, rng()), hide=["temp"]))()
    assert list(hidden) == ["sensor"]


def test_nested_handlers_see_the_same_site():
    inner = {}

    def program():
        inner.update(ppl.trace(temp_model)())

    outer = ppl.trace(program, rng())()
    assert outer.keys() == inner.keys()
    assert outer["temp"]["value"] == inner["temp"]["value"]


def test_handlers_are_restored_after_an_exception():
    def broken():
        with ppl.plate("rows", 3), ppl.plate("columns", 2):
            ppl.sample("x", ppl.Normal())
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        ppl.trace(ppl.replay(broken, {}), rng())()
    assert primitives.STACK == []
    with pytest.raises(ValueError, match="no generator"):
        temp_model()


def test_handlers_are_restored_after_a_loop_that_breaks():
    def program():
        for i in ppl.plate("rows", 3):
            ppl.sample(f"x_{i}", ppl.Normal())
            break
        return ppl.sample("after", ppl.Normal())

    sites = ppl.trace(program, rng())()
    assert list(sites) == ["rows", "x_0", "after"]
    assert sites["after"]["scale"] == 1.0


def test_a_loop_that_is_abandoned_takes_nothing_else_from_the_stack():
    with ppl.seed(temp_model, rng()):
        rows = iter(ppl.plate("rows", 3))
        assert next(rows) == 0
        assert len(primitives.STACK) == 2
    assert primitives.STACK == []
    with ppl.seed(temp_model, rng()) as outer:
        rows.close()
        assert [outer] == primitives.STACK


def test_an_exception_in_a_loop_over_a_plate():
    def broken():
        for i in ppl.plate("rows", 3):
            raise RuntimeError(f"in row {i}")

    with pytest.raises(RuntimeError, match="in row 0"):
        ppl.trace(broken, rng())()
    assert primitives.STACK == []


def test_a_name_twice_is_refused():
    def twice():
        ppl.sample("x", ppl.Normal())
        ppl.sample("x", ppl.Normal())

    with pytest.raises(ValueError, match="site 'x' occurs twice"):
        ppl.trace(twice, rng())()


def test_a_parameter_may_be_asked_for_twice_and_has_one_value():
    def program():
        return ppl.param("a", 2.0, "positive") - ppl.param("a", 2.0, "positive")

    assert ppl.seed(program, rng())() == 0.0
    assert list(ppl.trace(program)()) == ["a"]


@pytest.mark.parametrize(
    ("constraint", "init", "zeta"),
    [("real", -1.5, -1.5), ("positive", 2.0, onp.log(2.0)), ("unit", 0.25, onp.log(1 / 3)),
     ((1.0, 3.0), 2.0, 0.0)],
)  # fmt: skip
def test_parameters_live_on_their_constraint_and_are_stored_on_the_real_line(
    constraint, init, zeta
):
    def program():
        return ppl.param("a", init, constraint)

    site = ppl.trace(program)()["a"]
    assert (site["type"], site["dist"]) == ("param", None)
    assert site["value"] == init
    assert site["init"] == pytest.approx(zeta, abs=1e-12)
    assert ppl.substitute(program, {"a": site["init"]})() == pytest.approx(init, rel=1e-12)
    assert ppl.substitute(program, {"b": 0.0})() == init


def test_a_simplex_parameter_has_one_coordinate_less():
    def program():
        return ppl.param("w", [0.2, 0.3, 0.5], "simplex")

    site = ppl.trace(program)()["w"]
    assert site["init"].shape == (2,)
    back = ppl.substitute(program, {"w": site["init"]})()
    onp.testing.assert_allclose(back, [0.2, 0.3, 0.5], rtol=1e-12)


def test_deterministic_values_are_recorded_and_weigh_nothing():
    def program():
        x = ppl.sample("x", ppl.Normal())
        ppl.deterministic("twice", 2.0 * x)

    sites = ppl.trace(program, rng())()
    assert sites["twice"]["value"] == 2.0 * sites["x"]["value"]
    assert ppl.log_joint(sites) == sites["x"]["log_prob"]


# --- plates


def test_a_plate_has_independent_rows_and_expands_the_distribution():
    sites = ppl.trace(rows_model, rng())(Y)
    assert sites["z"]["value"].shape == (10,)
    assert onp.unique(sites["z"]["value"]).size == 10
    assert sites["z"]["log_prob"].shape == (10,)
    assert sites["rows"]["type"] == "plate"
    onp.testing.assert_array_equal(sites["rows"]["value"], onp.arange(10))


def test_a_plate_equals_the_loop():
    def loop(y):
        mu = ppl.sample("mu", ppl.Normal(0.0, 3.0))
        for i in ppl.plate("rows", len(y)):
            z = ppl.sample(f"z_{i}", ppl.Normal(mu, 1.0))
            ppl.sample(f"y_{i}", ppl.Normal(z, 0.5), obs=y[i])

    rows = ppl.trace(rows_model, rng())(Y)
    values = {"mu": rows["mu"]["value"]} | {f"z_{i}": z for i, z in enumerate(rows["z"]["value"])}
    looped = ppl.trace(ppl.condition(loop, values))(Y)
    assert ppl.log_joint(looped) == pytest.approx(ppl.log_joint(rows), rel=1e-12)


@pytest.mark.parametrize("size", [1, 4, 10])
def test_a_subsample_is_scaled_by_n_over_b(size):
    sites = ppl.trace(rows_model, rng())(Y, size)
    idx = sites["rows"]["value"]
    assert idx.shape == (size,)
    for s in range(20):  # without replacement
        rows = ppl.trace(rows_model, rng(s))(Y, size)["rows"]["value"]
        assert onp.unique(rows).shape == (size,)
    assert sites["y"]["scale"] == sites["z"]["scale"] == 10 / size
    assert sites["mu"]["scale"] == 1.0
    expected = stats.norm(0.0, 3.0).logpdf(sites["mu"]["value"]) + 10 / size * sum(
        stats.norm(sites["mu"]["value"], 1.0).logpdf(z) + stats.norm(z, 0.5).logpdf(y)
        for z, y in zip(sites["z"]["value"], Y[idx], strict=True)
    )
    assert ppl.log_joint(sites) == pytest.approx(expected, rel=1e-12)


def test_the_mean_over_all_subsamples_is_the_full_log_joint():
    z, total = rng(1).standard_normal(10), []
    for i in range(10):
        rows = {"type": "plate", "observed": False, "value": onp.array([i])}
        values = ppl.condition(rows_model, {"mu": 0.3, "z": z[[i]]})
        total.append(ppl.log_joint(ppl.trace(ppl.replay(values, {"rows": rows}))(Y, 1)))
    full = ppl.log_joint(ppl.trace(ppl.condition(rows_model, {"mu": 0.3, "z": z}))(Y))
    assert onp.mean(total) == pytest.approx(full, rel=1e-12)


def test_a_loop_over_a_subsample_is_scaled_too():
    def loop():
        for i in ppl.plate("rows", 10, 2):
            ppl.sample(f"x_{i}", ppl.Normal())

    sites = ppl.trace(loop, rng())()
    assert [s["scale"] for s in sites.values() if s["type"] == "sample"] == [5.0, 5.0]


def test_replay_repeats_the_subsample():
    first = ppl.trace(rows_model, rng(1))(Y, 3)
    again = ppl.trace(ppl.replay(rows_model, first), rng(2))(Y, 3)
    onp.testing.assert_array_equal(again["rows"]["value"], first["rows"]["value"])
    assert ppl.log_joint(again) == ppl.log_joint(first)
    with pytest.raises(ValueError, match="plate 'rows' has 4 rows here and 3"):
        ppl.trace(ppl.replay(rows_model, first), rng(2))(Y, 4)


def test_nested_plates_multiply():
    def program():
        columns = ppl.plate("columns", 4, 2)
        with ppl.plate("rows", 10, 5):
            ppl.sample("r", ppl.Normal())
            with columns:
                ppl.sample("x", ppl.Normal())
        with columns:
            ppl.sample("c", ppl.Normal())

    sites = ppl.trace(program, rng())()
    assert sites["x"]["value"].shape == (2, 5)
    assert sites["x"]["scale"] == 4.0
    assert (sites["r"]["value"].shape, sites["r"]["scale"]) == ((5,), 2.0)
    assert (sites["c"]["value"].shape, sites["c"]["scale"]) == ((2,), 2.0)


def test_events_stay_to_the_right_of_the_rows():
    def program(y):
        with ppl.plate("rows", 3):
            ppl.sample("w", ppl.Normal(onp.zeros(2), 1.0).to_event(1))
            ppl.sample("y", ppl.MultivariateNormal(onp.zeros(2), onp.eye(2)), obs=y)

    sites = ppl.trace(program, rng())(onp.zeros((3, 2)))
    assert sites["w"]["value"].shape == (3, 2)
    assert sites["w"]["log_prob"].shape == sites["y"]["log_prob"].shape == (3,)


def test_two_plates_of_vectors_take_an_axis_each():
    def program(y):
        with ppl.plate("rows", 3), ppl.plate("columns", 2):
            ppl.sample("y", ppl.Normal(onp.zeros((3, 5)), 1.0).to_event(1), obs=y)

    y = rng().standard_normal((2, 3, 5))
    sites = ppl.trace(program, rng())(y)
    onp.testing.assert_allclose(sites["y"]["log_prob"], stats.norm.logpdf(y).sum(-1), rtol=1e-12)
    with pytest.raises(ValueError, match="'y' has 4 rows on axis -2, where plate 'columns' has 2"):
        ppl.trace(program, rng())(onp.zeros((4, 3, 5)))


def _in_plate(dist, obs=None):
    def program():
        with ppl.plate("rows", 4):
            ppl.sample("x", dist, obs=obs)

    return program


@pytest.mark.parametrize(
    ("program", "match"),
    [
        (_in_plate(ppl.Normal(onp.zeros(3))), "site 'x' has 3 rows .* plate 'rows' has 4"),
        (_in_plate(ppl.Normal(), onp.zeros(3)), "site 'x' has 3 rows"),
        (lambda: rows_model(onp.zeros((10, 3))), "site 'y' has 3 rows"),
        (lambda: ppl.plate("rows", 4, 5), "plate 'rows' needs 1 <= subsample_size <= size"),
        (lambda: ppl.plate("rows", 4, 0), "plate 'rows' needs"),
        (lambda: ppl.plate("rows", 4, dim=1), "plate 'rows': dim is counted from the right"),
        (lambda: ppl.sample("x", ppl.Normal), "site 'x' needs a distribution, got <class"),
        (lambda: ppl.sample("x", 3.0), "site 'x' needs a distribution, got 3.0"),
        (lambda: ppl.sample(3, ppl.Normal()), "must be a string, got 3"),
        (lambda: ppl.sample("x", ppl.Poisson(2.0), obs=-1), "site 'x': obs must lie in 'count'"),
        (lambda: ppl.sample("x", ppl.Normal(), obs=onp.nan), "site 'x': obs must lie in 'real'"),
        (lambda: ppl.param("a", -1.0, "positive"), "param 'a'"),
        (lambda: ppl.param("a", 0.0, "positive"), "param 'a' must lie inside 'positive'"),
        (lambda: ppl.param("a", 1.0, "happy"), "param 'a': support must be"),
        (
            ppl.condition(lambda: ppl.sample("x", ppl.Gamma(2.0)), {"x": -1.0}),
            "site 'x': the value",
        ),
        (lambda: ppl.sample("x", ppl.Normal(onp.zeros(3)), obs=onp.zeros(2)), "site 'x'"),
    ],
)
def test_misuse_names_the_site(program, match):
    with pytest.raises(ValueError, match=match):
        ppl.trace(program, rng())()


def test_a_plate_inside_itself_is_refused():
    def program():
        rows = ppl.plate("rows", 3)
        with rows, rows:
            pass

    with pytest.raises(ValueError, match="'rows' is entered inside itself"):
        ppl.trace(program, rng())()
    with pytest.raises(ValueError, match="axis -1 belongs to a plate around it"):
        ppl.seed(_clash, rng())()


def _clash():
    with ppl.plate("a", 3, dim=-1), ppl.plate("b", 2, dim=-1):
        pass


def test_a_handler_without_a_function_is_a_context_only():
    with pytest.raises(ValueError, match="wraps no function"):
        ppl.Handler()()
