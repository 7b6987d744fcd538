"""Training runs of the VAE: what they reach, that they repeat, and what they refuse."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest

from vi_lib import datasets
from vi_lib._check import NonFiniteError, ShapeError, SupportError
from vi_lib.amortised import (
    amortization_gap,
    binarise,
    encode,
    fit_vae,
    kl_diag_gaussian_standard,
    mlp_decoder,
    refine,
    relu,
    train_vae,
    vae_elbo,
)
from vi_lib.result import Status


def digits():
    """1500 binary images to train on, 297 to test."""
    x = binarise(datasets.load("digits")["X"])
    order = np.random.default_rng(0).permutation(len(x))
    return x[order[:1500]], x[order[1500:]]


def small(num=60):
    return (np.random.default_rng(0).random((num, 12)) < 0.3).astype(float)


def test_ink_is_black_or_white():
    x = datasets.load("digits")["X"]
    binary = binarise(x)
    assert set(np.unique(binary)) == {0.0, 1.0}
    np.testing.assert_array_equal(binary, (x > 7.5) * 1.0)
    np.testing.assert_array_equal(binarise(np.array([1.0, 2.0]), 2.0), [0.0, 1.0])
    with pytest.raises(NonFiniteError):
        binarise(np.array([np.nan]))


@pytest.mark.slow
def test_a_short_training_reaches_the_published_bound():
    """360 steps: -22.5 to -21.7 over seeds 0 to 9 when measured; independent pixels have -25.2."""
    train, test = digits()
    params = train_vae(train, (64, 64, 2), 360, np.random.default_rng(1))
    eps = np.random.default_rng(2).standard_normal((20, len(test), 2))
    elbo = vae_elbo(params, test, eps)
    p = np.clip(train.mean(axis=0), 1e-3, 1 - 1e-3)
    pixels = np.mean(np.sum(test * np.log(p) + (1 - test) * np.log(1 - p), axis=1))
    assert pixels < -25
    assert elbo > -23.5
    # Both latent coordinates carry information: neither posterior has collapsed onto the prior.
    lam = encode(params, test)
    per_coordinate = [
        np.mean(kl_diag_gaussian_standard(lam[:, [d]], lam[:, [2 + d]])) for d in (0, 1)
    ]
    assert min(per_coordinate) > 0.5


@pytest.mark.slow
def test_encoder_leaves_a_gap_that_refining_closes():
    """Both ELBOs from the same noise; the gap's mean over 60 images in standard errors."""
    train, test = digits()
    params = train_vae(train, (64, 64, 2), 360, np.random.default_rng(1))
    gap = amortization_gap(params, test[:60], np.random.default_rng(3), num_steps=100).gap
    assert np.mean(gap) > 5 * np.std(gap, ddof=1) / np.sqrt(len(gap))
    assert np.mean(gap > 0.0) > 0.9


def test_training_repeats_itself_and_resumes(tmp_path):
    x, options = small(), {"batch_size": 16, "warmup_steps": 6, "num_draws": 2}
    whole = fit_vae(x, (12, 5, 2), 10, np.random.default_rng(0), **options)
    again = train_vae(x, (12, 5, 2), 10, np.random.default_rng(0), **options)
    part = fit_vae(x, (12, 5, 2), 4, np.random.default_rng(0), **options)
    part.save(tmp_path / "part.npz")
    rest = fit_vae(x, (12, 5, 2), 6, resume=type(part).load(tmp_path / "part.npz"), **options)
    for name, value in whole.params.items():
        np.testing.assert_array_equal(again[name], value)
        np.testing.assert_array_equal(rest.params[name], value)
    np.testing.assert_array_equal(rest.history, whole.history)


def test_an_interrupted_training_returns_what_it_has():
    def interrupt(record):
        if record.step == 3:
            raise KeyboardInterrupt

    training = fit_vae(small(), (12, 5, 2), 10, np.random.default_rng(0), callbacks=[interrupt])
    assert training.status is Status.INTERRUPTED
    assert len(training.history) == 3
    assert mlp_decoder(training.params, np.zeros((1, 2))).shape == (1, 12)


def test_first_value_is_the_bound_of_the_first_batch_without_kl():
    """The warm-up starts at beta = 0; batch and noise come from the generator in this order."""
    x = small()
    seen = fit_vae(x, (12, 5, 2), 1, np.random.default_rng(7), batch_size=16, warmup_steps=5)
    rng = np.random.default_rng(7)
    params = fit_vae(x, (12, 5, 2), 0, rng).params
    rows = rng.permutation(60)[:16]
    want = vae_elbo(params, x[rows], rng.standard_normal((1, 16, 2)), 0.0)
    np.testing.assert_allclose(seen.history, [want], rtol=1e-13)


@pytest.mark.parametrize(
    "options",
    [
        {"activation": relu, "scheme": "he"},
        {"scale": "softplus"},
        {"decoder_sizes": (2, 12)},
        {"beta": 0.5, "num_draws": 3},
        {"log_lik": lambda x, mean: -anp.sum((x - mean) ** 2, axis=-1)},
    ],
)
@pytest.mark.slow
def test_every_architecture_improves(options):
    """200 steps on 60 images gain at least half a nat, from seeds where they gained 1 or more."""
    training = fit_vae(small(), (12, 8, 2), 200, np.random.default_rng(0), batch_size=60, **options)
    assert training.history[-20:].mean() > training.history[:5].mean() + 0.5


def test_refining_never_touches_the_decoder_and_needs_no_gradient_of_it():
    params = train_vae(small(), (12, 5, 2), 50, np.random.default_rng(0))
    before = {name: value.copy() for name, value in params.items()}
    lam = refine(params, small()[:7], np.random.default_rng(1), num_steps=5)
    assert lam.shape == (7, 4)
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: train_vae(3.0 * small(), (12, 5, 2), 1, np.random.default_rng(0)),
            SupportError,
            "pixels 0 or 1, got 3.0: binarise",
        ),
        (
            lambda: train_vae(small(), (13, 5, 2), 1, np.random.default_rng(0)),
            ShapeError,
            r"x must have shape \(N, 13\), got \(60, 12\)",
        ),
        (
            lambda: fit_vae(small(), (12, 5, 2), 1, np.random.default_rng(0),
                            resume=fit_vae(small(), (12, 5, 2), 1)),
            ValueError,
            "leave both out",
        ),
    ],
)  # fmt: skip
def test_errors_say_what_came(call, error, match):
    with pytest.raises(error, match=match):
        call()
