"""The training loop: epochs, the same bits again, interrupts, files, errors."""

from __future__ import annotations

import io
import sys

import autograd.numpy as anp
import numpy as np
import pytest

from vi_lib._check import NonFiniteError, ShapeError
from vi_lib.amortised import Training, train
from vi_lib.optimizers import adam, sgd
from vi_lib.result import Status

N = 10
DATA = np.random.default_rng(0).standard_normal((N, 2))


def start():
    return {"centre": np.zeros(2), "log_sd": np.array(0.3)}


def objective(params, rows, eps, step):
    error = DATA[rows] - params["centre"] - 0.1 * eps
    return -anp.mean(anp.sum(error**2, axis=-1)) * anp.exp(-params["log_sd"]) - params["log_sd"]


def noise(rng, batch):
    return rng.standard_normal((batch, 2))


def run(params="start", seed=0, **options):
    params = start() if params == "start" else params
    if options.get("resume") is None:
        options["rng"] = np.random.default_rng(seed)
    options = {"noise": noise, "batch_size": 3, "optimizer": adam(0.05), **options}
    return train(objective, params, N, **options)


def same(a, b):
    assert list(a.params) == list(b.params)
    for name, value in a.params.items():
        np.testing.assert_array_equal(value, b.params[name])
    np.testing.assert_array_equal(a.history, b.history)
    np.testing.assert_array_equal(a.order, b.order)
    assert a.rng_state == b.rng_state


def test_a_step_is_plain_ascent_on_the_batch():
    calls = []

    def watched(params, rows, eps, step):
        calls.append((rows, eps, step))
        return objective(params, rows, eps, step)

    training = train(watched, start(), N, noise=noise, batch_size=4, num_steps=1,
                     optimizer=sgd(0.1), rng=np.random.default_rng(1))  # fmt: skip
    (rows, eps, step) = calls[0]
    assert (len(rows), eps.shape, step) == (4, (4, 2), 0)
    error = DATA[rows] - 0.1 * eps
    want = 0.1 * 2.0 * np.mean(error, axis=0) * np.exp(-0.3)
    np.testing.assert_allclose(training.params["centre"], want, rtol=1e-12)
    square = np.mean(np.sum(error**2, axis=-1)) * np.exp(-0.3)
    assert training.params["log_sd"] == pytest.approx(0.3 + 0.1 * (square - 1.0), rel=1e-12)
    np.testing.assert_allclose(training.history, [-square - 0.3], rtol=1e-12)


def test_each_epoch_sees_each_row_at_most_once_and_batches_are_full():
    seen = []

    def watched(params, rows, eps, step):
        seen.append(rows)
        return objective(params, rows, eps, step)

    train(watched, start(), N, noise=noise, batch_size=3, num_steps=9,
          rng=np.random.default_rng(1))  # fmt: skip
    for epoch in range(3):
        rows = np.concatenate(seen[3 * epoch : 3 * epoch + 3])
        assert len(set(rows)) == 9
    assert not np.array_equal(seen[0], seen[3])


def test_same_seed_same_bits_and_the_caller_s_arrays_stay():
    params = start()
    same(run(params, num_steps=20), run(num_steps=20))
    np.testing.assert_array_equal(params["centre"], np.zeros(2))
    assert not np.array_equal(run(num_steps=2).history, run(num_steps=2, seed=1).history)


@pytest.mark.parametrize("first", [0, 1, 3, 7])
def test_resumed_equals_uninterrupted(first, tmp_path):
    whole = run(num_steps=12)
    part = run(num_steps=first)
    part.save(tmp_path / "part.npz")
    for state in (part, Training.load(tmp_path / "part.npz")):
        same(run(None, resume=state, num_steps=12 - first), whole)


def test_an_interrupt_returns_what_there_is_and_can_be_resumed():
    def interrupt(record):
        if record.step == 5:
            raise KeyboardInterrupt

    part = run(num_steps=12, callbacks=[interrupt])
    assert part.status is Status.INTERRUPTED
    assert len(part.history) == 5
    same(run(None, resume=part, num_steps=7), run(num_steps=12))


def test_an_interrupt_inside_a_step_leaves_no_half_step():
    def broken(params, rows, eps, step):
        if step == 6:
            raise KeyboardInterrupt
        return objective(params, rows, eps, step)

    part = train(broken, start(), N, noise=noise, batch_size=3, num_steps=12,
                 optimizer=adam(0.05), rng=np.random.default_rng(0))  # fmt: skip
    assert (part.status, len(part.history)) == (Status.INTERRUPTED, 6)
    same(run(None, resume=part, num_steps=6), run(num_steps=12))


def test_callbacks_see_each_step():
    records = []
    training = run(num_steps=4, callbacks=[records.append])
    assert [record.step for record in records] == [1, 2, 3, 4]
    np.testing.assert_array_equal([record.value for record in records], training.history)
    np.testing.assert_array_equal(records[-1].params["centre"], training.params["centre"])
    assert training.status is Status.COMPLETED


@pytest.mark.parametrize("progress", [True, False, None])
def test_progress_is_for_terminals(monkeypatch, progress):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    run(num_steps=3, progress=progress)
    assert ("3/3" in sys.stderr.getvalue()) is bool(progress)


def nan_at(step_of_nan, what):
    def bad(params, rows, eps, step):
        value = objective(params, rows, eps, step)
        if step < step_of_nan:
            return value
        return (
            value * np.nan if what == "value" else value + anp.sum(anp.sqrt(0 * params["log_sd"]))
        )

    return bad


@pytest.mark.parametrize(
    ("what", "name", "match"),
    [("value", None, "^step 4: the objective"), ("gradient", "log_sd", "^step 4: .* for log_sd")],
)
def test_errors_name_step_and_parameter(what, name, match):
    with pytest.raises(NonFiniteError, match=match) as caught:
        train(nan_at(3, what), start(), N, noise=noise, batch_size=3, rng=np.random.default_rng(0))
    assert (caught.value.iteration, caught.value.coordinate) == (4, name)


def test_an_exploding_step_is_named():
    with pytest.raises(NonFiniteError, match=r"^step 1: the step"):
        run(num_steps=2, optimizer=lambda g, s: (g * np.inf, s))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: run(batch_size=11), ValueError, r"batch_size must lie in 1\.\.10, got 11"),
        (lambda: run(batch_size=0), ValueError, "got 0"),
        (lambda: run(num_steps=-1), ValueError, "at least 0, got -1"),
        (lambda: run(None), ValueError, "params are needed"),
        (lambda: run(resume=run(num_steps=1)), ValueError, "leave both out"),
        (
            lambda: train(lambda p, r, e, k: p["centre"], start(), N, batch_size=2),
            ShapeError,
            r"the objective must have shape \(\), got \(2,\)",
        ),
    ],
)
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_a_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(2))
    with pytest.raises(ValueError, match="was not written by vi_lib"):
        Training.load(tmp_path / "other.npz")
