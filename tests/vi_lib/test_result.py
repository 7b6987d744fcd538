"""Results: the sentence, the table, samples by name, files without pickle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vi_lib import storage
from vi_lib.families import FullRank, MeanField
from vi_lib.layout import Layout, Param
from vi_lib.result import Result, Status, fresh_stream, hdi, restore_generator
from vi_lib.transforms import Softplus

LAYOUT = Layout({"beta": Param((2,)), "sd": Param((), "positive")})


def make(**changes):
    arguments = {
        "family": MeanField(3),
        "lam": np.array([1.0, -2.0, 0.5, 0.0, -1.0, -0.7]),
        "status": Status.CONVERGED,
        "reason": "the ELBO stood still",
        "elbo": -12.3456,
        "elbo_se": 0.0123,
        "history": np.array([[-20.0, 1.0], [-12.5, 0.5]]),
        "skipped": (),
        "layout": LAYOUT,
        "optimizer_state": {"k": 2, "s": np.array([0.1, 0.2])},
        "rng_state": np.random.default_rng(7).bit_generator.state,
        **changes,
    }
    return Result(**arguments)


def test_summary_starts_with_what_happened_and_what_to_do():
    lines = make(status=Status.MAX_ITERS, skipped=(4,)).summary().splitlines()
    assert lines[0].startswith("Use this fit with caution: it stopped before it had settled")
    assert lines[1] == Status.MAX_ITERS.value
    assert "resume=result" in lines[1]
    assert lines[2] == (
        "After 3 iterations, 1 of them skipped as not finite: the ELBO stood still."
    )
    assert lines[3] == "ELBO -12.346 ± 0.012 nats (standard error, fresh draws)"
    assert lines[5].split() == ["parameter", "mean", "sd", "mc_error", "hdi_3%", "hdi_97%"]
    assert [line.split()[0] for line in lines[6:]] == ["beta[0]", "beta[1]", "sd"]


def test_summary_is_about_the_parameters_not_their_transforms():
    mean, sd, mc_error, low, high = map(float, make().summary().splitlines()[-1].split()[1:])
    m, s = 0.5, np.exp(-0.7)
    exact_sd = np.exp(m + s**2 / 2) * np.sqrt(np.expm1(s**2))
    # The table has four digits; 5 standard errors are a false alarm in two million runs.
    assert abs(mean - np.exp(m + s**2 / 2)) < 5 * exact_sd / 100 + 5e-4
    assert mc_error == pytest.approx(sd / 100, rel=1e-3)
    inside = np.diff(stats.lognorm(s, scale=np.exp(m)).cdf([low, high]))[0]
    # 94 % of the draws lie inside; the interval was chosen by the same draws, hence 6 errors.
    assert abs(inside - 0.94) < 6 * np.sqrt(0.94 * 0.06 / 10_000)


def test_summary_is_the_same_each_time_and_follows_its_generator():
    result = make()
    assert result.summary() == result.summary() == make().summary()
    assert result.summary(np.random.default_rng(0)) != result.summary(np.random.default_rng(1))


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
def test_every_status_is_a_sentence(status):
    assert status.value.endswith(".")
    assert status.value[0].isupper()
    assert make(status=status).converged is (status is Status.CONVERGED)


def test_sample_by_name_on_the_scale_of_the_parameters():
    draws = make().sample(np.random.default_rng(0), 20_000)
    assert {name: value.shape for name, value in draws.items()} == {
        "beta": (20_000, 2),
        "sd": (20_000,),
    }
    assert draws["sd"].min() > 0
    z = (np.log(draws["sd"]).mean() - 0.5) / (np.exp(-0.7) / np.sqrt(20_000))
    assert abs(z) < 4.5  # false alarm 7e-6


def test_mean_and_sd_are_those_of_q():
    np.testing.assert_array_equal(make().mean, [1.0, -2.0, 0.5])
    np.testing.assert_allclose(make().sd, np.exp([0.0, -1.0, -0.7]))
    np.testing.assert_allclose(make().cov, np.diag(np.exp([0.0, -2.0, -1.4])))


@pytest.mark.parametrize("mass", [0.5, 0.94])
def test_hdi_is_the_shortest_interval(mass):
    # Quantiles of an exponential: its shortest interval starts at 0.
    draws = stats.expon.ppf((np.arange(10_000) + 0.5) / 10_000)
    low, high = hdi(np.column_stack([draws[::-1], -draws]), mass)
    np.testing.assert_allclose(low, [0.0, -stats.expon.ppf(mass)], atol=1e-3)
    np.testing.assert_allclose(high, [stats.expon.ppf(mass), 0.0], atol=1e-3)


BIT_GENERATORS = [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64]


@pytest.mark.parametrize("bit_generator", BIT_GENERATORS)
@pytest.mark.parametrize("family", [MeanField(3), FullRank(3)], ids=["mean field", "full rank"])
def test_a_file_brings_everything_back(tmp_path, bit_generator, family):
    lam = np.random.default_rng(0).standard_normal(family.num_params)
    layout = Layout({"w": Param((2,), "positive", Softplus()), "p": Param((), (0.0, 2.0))})
    rng = np.random.Generator(bit_generator(3))
    before = make(
        family=family, lam=lam, layout=layout, skipped=(2, 5), elbo_se=np.nan,
        rng_state=rng.bit_generator.state, khat=0.25, loop_state={"last": lam, "stage": 2},
    )  # fmt: skip
    before.save(tmp_path / "fit.npz")
    after = Result.load(tmp_path / "fit.npz")
    assert after.family == family
    assert after.layout == layout
    assert (after.status, after.reason, after.skipped) == (Status.CONVERGED, before.reason, (2, 5))
    np.testing.assert_array_equal(after.lam, lam)
    np.testing.assert_array_equal(after.history, before.history)
    np.testing.assert_array_equal(after.optimizer_state["s"], before.optimizer_state["s"])
    assert after.optimizer_state["k"] == 2
    assert (after.khat, after.loop_state["stage"]) == (0.25, 2)
    np.testing.assert_array_equal(after.loop_state["last"], lam)
    assert after.summary() == before.summary()
    np.testing.assert_array_equal(
        restore_generator(after.rng_state).standard_normal(5), rng.standard_normal(5)
    )


def test_the_file_has_the_name_that_was_asked_for(tmp_path):
    make().save(tmp_path / "fit.result")
    assert [path.name for path in tmp_path.iterdir()] == ["fit.result"]


def test_fresh_stream_depends_on_the_state_alone():
    state = np.random.default_rng(1).bit_generator.state
    a, b = fresh_stream(state), fresh_stream(restore_generator(state).bit_generator.state)
    np.testing.assert_array_equal(a.standard_normal(4), b.standard_normal(4))
    other = np.random.default_rng(2).bit_generator.state
    assert fresh_stream(other).standard_normal() != fresh_stream(state).standard_normal()
    assert fresh_stream(state).standard_normal() != restore_generator(state).standard_normal()


def test_a_file_from_before_khat_still_opens(tmp_path):
    result = make(khat=0.3, loop_state={"average": np.arange(6.0)})
    fields = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    del fields["khat"], fields["loop_state"]
    storage.write(tmp_path / "old.npz", fields)
    old = Result.load(tmp_path / "old.npz")
    assert np.isnan(old.khat)
    assert old.loop_state is None
    assert old.trust.level == "caution"
    assert "k-hat is unknown" in old.summary().splitlines()[0]
    without = {name: value for name, value in fields.items() if name != "lam"}
    for fields_of_another in ({"elbo": 1.0}, without, fields | {"khat": 0.0, "loss": 0.0}):
        storage.write(tmp_path / "other.npz", fields_of_another)
        with pytest.raises(ValueError, match=r"other.npz is not a saved Result: it holds .*elbo"):
            Result.load(tmp_path / "other.npz")


def test_summary_says_what_khat_is_and_what_it_cannot_see():
    lines = make(khat=0.123).summary().splitlines()
    assert lines[0] == (
        "Trust this fit: its log weights vary by only 0.39 nats, so q is near the posterior."
    )
    assert lines[4] == "k-hat 0.12 (usable below 0.67; it cannot see a mode that q misses)"


def test_unknown_classes_are_not_saved(tmp_path):
    with pytest.raises(TypeError, match="cannot save a object"):
        make(optimizer_state={"x": object()}).save(tmp_path / "fit.npz")
    with pytest.raises(TypeError, match="cannot save a ndarray"):
        make(optimizer_state={"x": np.array([None])}).save(tmp_path / "fit.npz")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("text.npz", "arrays.npz", "array.npy"):
        with pytest.raises(ValueError, match=f"{name} was not written by vi_lib"):
            Result.load(tmp_path / name)


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="was not written by vi_lib"):
        Result.load(tmp_path / "evil.npy")
