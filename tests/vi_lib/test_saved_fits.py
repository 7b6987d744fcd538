"""Fits as people use them: saved, opened elsewhere, continued, repeated with the same seed."""

from __future__ import annotations

import subprocess
import sys

import numpy as onp
import pytest

from vi_lib import densities
from vi_lib.advi import advi
from vi_lib.dadvi import DadviResult, dadvi
from vi_lib.model import Model, Param
from vi_lib.predictive import posterior_predictive
from vi_lib.result import Result
from vi_lib.storage import text

MODEL_CODE = """
import numpy as onp
from vi_lib import densities
from vi_lib.advi import advi
from vi_lib.dadvi import dadvi
from vi_lib.model import Model, Param
x = onp.random.default_rng(7).standard_normal(30)
model = Model(
    {"mu": Param((1,)), "p": Param((), "unit"), "sd": Param((), "positive")},
    lambda t: densities.normal(t["mu"][:, 0]) + densities.half_normal(t["sd"]),
    lambda t, x: densities.normal(x, t["mu"] + t["p"][:, None], t["sd"][:, None]),
    x,
    lambda t, x, rng: t["mu"] + t["sd"][:, None] * rng.standard_normal((len(t["mu"]), len(x))),
)
"""
X = onp.random.default_rng(7).standard_normal(30)
MODEL = Model(
    {"mu": Param((1,)), "p": Param((), "unit"), "sd": Param((), "positive")},
    lambda t: densities.normal(t["mu"][:, 0]) + densities.half_normal(t["sd"]),
    lambda t, x: densities.normal(x, t["mu"] + t["p"][:, None], t["sd"][:, None]),
    X,
    lambda t, x, rng: t["mu"] + t["sd"][:, None] * rng.standard_normal((len(t["mu"]), len(x))),
)
FAMILIES = ["mean_field", "full_rank", "low_rank"]


def rng(seed=0):
    return onp.random.default_rng(seed)


def contents(result):
    """Everything that a result holds, in one text, exactly."""
    return text({name: getattr(result, name) for name in result.__dataclass_fields__})


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", MODEL_CODE + code], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.slow
def test_a_saved_fit_is_the_same_bit_for_bit_and_continues_the_same(family, tmp_path):
    options = {"max_iters": 25, "stop": None, "batch_size": 10}
    before = advi(MODEL, family, rng=rng(), **options)
    before.save(tmp_path / "fit.npz")
    after = Result.load(tmp_path / "fit.npz")
    assert contents(after) == contents(before)
    again, afresh = (advi(MODEL, family, resume=r, **options) for r in (before, after))
    assert contents(again) == contents(afresh)
    whole = advi(MODEL, family, rng=rng(), **{**options, "max_iters": 50})
    onp.testing.assert_array_equal(afresh.lam, whole.lam)
    onp.testing.assert_array_equal(
        posterior_predictive(MODEL, after, rng(1), 20),
        posterior_predictive(MODEL, before, rng(1), 20),
    )


def test_a_saved_fit_opens_in_another_process(tmp_path):
    fit = advi(MODEL, "full_rank", rng=rng(), max_iters=25, stop=None)
    fit.save(tmp_path / "fit.npz")
    code = "from vi_lib.result import Result; print(Result.load('fit.npz').summary())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.stdout.rstrip("\n") == fit.summary()


def test_the_same_seed_gives_the_same_bits_in_another_process():
    code = (
        "for family in ('mean_field', 'full_rank', 'low_rank'):\n"
        "    r = advi(model, family, rng=onp.random.default_rng(3), max_iters=20, stop=None)\n"
        "    print(r.lam.tobytes().hex(), r.elbo.hex(), float(r.khat).hex())\n"
        "r = dadvi(model, rng=onp.random.default_rng(3))\n"
        "print(r.lam.tobytes().hex(), r.elbo.hex(), r.lr_cov.tobytes().hex())\n"
    )
    here = []
    for family in FAMILIES:
        r = advi(MODEL, family, rng=rng(3), max_iters=20, stop=None)
        here.append(f"{r.lam.tobytes().hex()} {r.elbo.hex()} {float(r.khat).hex()}")
    d = dadvi(MODEL, rng=rng(3))
    here.append(f"{d.lam.tobytes().hex()} {d.elbo.hex()} {d.lr_cov.tobytes().hex()}")
    assert run(code).splitlines() == here


def test_a_saved_deterministic_fit_is_the_same_bit_for_bit(tmp_path):
    before = dadvi(MODEL, "full_rank", rng=rng())
    before.save(tmp_path / "fit.npz")
    after = DadviResult.load(tmp_path / "fit.npz")
    assert contents(after.result) == contents(before.result)
    onp.testing.assert_array_equal(after.lr_cov, before.lr_cov)
    warm = dadvi(MODEL, "full_rank", lam=after.lam, rng=rng())
    onp.testing.assert_allclose(warm.lam, before.lam, atol=1e-5)
