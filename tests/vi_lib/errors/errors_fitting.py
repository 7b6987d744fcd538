"""Errors of estimators, step rules, stopping rules, the loop and its results."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import autograd.numpy as anp
import numpy as np

from vi_lib import (
    FullRank,
    MeanField,
    NonFiniteError,
    Result,
    ShapeError,
    SupportError,
    advi,
    bbvi,
    dadvi,
    estimators,
    fit,
    optimizers,
    oracles,
    pathwise,
    stopping,
    storage,
)
from vi_lib.advi import advi_gradients, advi_mean_field
from vi_lib.dadvi import DadviResult
from vi_lib.eta import search_eta
from vi_lib.fit import Stages
from vi_lib.transforms import Identity

from errors_models import MODEL, rng  # isort: skip

nan, inf = np.nan, np.inf
Q = MeanField(2)
DISTINCT = np.array([[0.0, 1.0], [2.0, 3.0]])
LAM, EPS = np.zeros(4), np.ones((6, 2))
PAIR = SimpleNamespace(mean=np.zeros(2), sd=np.ones(2))
TARGET = oracles.CorrelatedGaussian(LAM, np.eye(4))
DATA = {"x": np.ones(3), "y": np.ones(3)}


def standard(z):
    return -0.5 * anp.sum(z**2, axis=-1)


def hole(z):
    return standard(z) + nan


def saved(value, load, name="mine.npz"):
    """Load what was written under a name that ends in mine.npz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        storage.write(path, value)
        load(path)


def save(result):
    with tempfile.TemporaryDirectory() as folder:
        result.save(Path(folder) / "it.npz")


def text_file(load):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.npz"
        path.write_text("no zip")
        load(path)


def short(log_p=standard, q=Q, **options):
    return fit(log_p, q, rng=rng(), **{"max_iters": 2, "stop": None, **options})


def mean_field(transforms, rate=0.1):
    return advi_mean_field(standard, transforms, LAM[:2], 1, rng(), rate)


def four_values(lam, log_p, q, eps):
    return log_p(q.transport(lam, eps))[:4]


def steep(z):
    return anp.sum(-anp.exp(50.0 * z) - anp.exp(-50.0 * z), axis=-1)


#: Not something that storage knows.
STRANGE = replace(short(), optimizer_state={"k": object()})


ROWS = [
    # estimators
    ("estimators.values_and_gradient",
     lambda: estimators.values_and_gradient(estimators.reparam, LAM, standard, Q, np.ones((6, 3))),
     ShapeError, ("eps must have shape (M, 2)", "got (6, 3)")),
    ("estimators.values_and_gradient",
     lambda: estimators.values_and_gradient(four_values, LAM, standard, Q, EPS),
     ShapeError, ("must have shape (6,)", "got (4,)")),
    ("estimators.per_draw_gradients",
     lambda: estimators.per_draw_gradients(estimators.reparam, LAM[:3], standard, Q, EPS),
     ShapeError, ("lam must have shape (4,)", "got (3,)")),
    ("estimators.gradient_variance",
     lambda: estimators.gradient_variance(estimators.reparam, LAM, standard, Q, rng(), 1, 5),
     ValueError, ("num_rep must be at least 2", "got 1")),
    ("estimators.score_cv", lambda: estimators.score_cv(LAM, standard, Q, EPS[:1]),
     ShapeError, ("at least 2 draws", "got eps of shape (1, 2)")),
    ("estimators.score_cv_optimal", lambda: estimators.score_cv_optimal(LAM, standard, Q, EPS[:1]),
     ShapeError, ("at least 2 draws", "got eps of shape (1, 2)")),
    ("estimators.explicit_gradient",
     lambda: estimators.explicit_gradient(lambda *_: EPS)(LAM, standard, Q, EPS),
     ShapeError, ("must return the pair (values, gradient)", "got <class 'numpy.ndarray'>")),
    ("estimators.rao_blackwell",
     lambda: estimators.rao_blackwell(np.negative)(np.zeros(5), standard, FullRank(2), EPS),
     TypeError, ("factorised family", "got FullRank(dim=2)")),
    ("estimators.rao_blackwell",
     lambda: estimators.rao_blackwell(standard)(LAM, standard, Q, EPS),
     ShapeError, ("terms must have shape (6, 2)", "got (6,)")),
    ("estimators.check_terms", lambda: estimators.check_terms(standard, standard, EPS),
     ShapeError, ("terms must have shape (6, 2)", "got (6,)")),
    ("estimators.check_terms",
     lambda: estimators.check_terms(lambda z: 0.0 * z, standard, DISTINCT),
     ValueError, ("changes log_p by", "the terms by 0")),
    ("estimators.check_estimator",
     lambda: estimators.check_estimator(estimators.reparam, TARGET, Q),
     ShapeError, ("family has dim 2", "the oracle 4")),
    ("estimators.check_estimator",
     lambda: estimators.check_estimator(estimators.reparam, oracles.Banana(), FullRank(2), rng()),
     ValueError, ("log_evidence + log N(theta; mean, cov)", "got Banana")),
    ("estimators.importance_weighted_bound",
     lambda: estimators.importance_weighted_bound(np.float64(1.0)),
     ShapeError, ("first axis", "got ()")),
    ("estimators.doubly_reparameterized_bound",
     lambda: estimators.doubly_reparameterized_bound(np.ones((0, 3))),
     ShapeError, ("first axis", "got (0, 3)")),
    ("estimators.renyi_bound", lambda: estimators.renyi_bound(np.ones((0, 3)), 0.5),
     ShapeError, ("first axis", "got (0, 3)")),
    ("estimators.renyi_bound", lambda: estimators.renyi_bound(np.ones(3), inf),
     ValueError, ("alpha must be finite", "got inf")),
    ("estimators.iwae", lambda: estimators.iwae(0),
     ValueError, ("num_samples must be at least 1", "got 0")),
    ("estimators.dreg", lambda: estimators.dreg(0),
     ValueError, ("num_samples must be at least 1", "got 0")),
    ("estimators.renyi", lambda: estimators.renyi(0.5, 0),
     ValueError, ("num_samples must be at least 1", "got 0")),
    ("estimators.renyi", lambda: estimators.renyi(nan, 1),
     ValueError, ("alpha must be finite", "got nan")),
    # optimizers and stopping rules
    ("optimizers.sgd", lambda: optimizers.sgd(-0.1),
     SupportError, ("rate must be positive", "got -0.1")),
    ("optimizers.rmsprop", lambda: optimizers.rmsprop(0.0),
     SupportError, ("rate must be positive", "got 0.0")),
    ("optimizers.rmsprop", lambda: optimizers.rmsprop(decay=1.0),
     ValueError, ("decay must be in [0, 1)", "got 1.0")),
    ("optimizers.adam", lambda: optimizers.adam(0.0),
     SupportError, ("rate must be positive", "got 0.0")),
    ("optimizers.adam", lambda: optimizers.adam(beta2=1.5),
     ValueError, ("beta2 must be in [0, 1)", "got 1.5")),
    ("optimizers.advi_step", lambda: optimizers.advi_step(eta=-1.0),
     SupportError, ("eta must be positive", "got -1.0")),
    ("optimizers.advi_step", lambda: optimizers.advi_step(alpha=0.0),
     ValueError, ("alpha must be in (0, 1]", "got 0.0")),
    ("optimizers.advi_step_size", lambda: optimizers.advi_step_size(0, LAM, None, 0.1),
     ValueError, ("counted from 1", "got 0")),
    ("optimizers.advi_step_size", lambda: optimizers.advi_step_size(2, LAM, None, 0.1),
     ValueError, ("needed from k = 2 on", "got None at k = 2")),
    ("optimizers.polynomial_average", lambda: optimizers.polynomial_average(-1.0),
     ValueError, ("power must not be negative", "got -1.0")),
    ("optimizers.robbins_monro", lambda: optimizers.robbins_monro(0.0, 0.7),
     SupportError, ("rho0 must be positive", "got 0.0")),
    ("optimizers.robbins_monro", lambda: optimizers.robbins_monro(1.0, 0.7, -1.0),
     ValueError, ("delay must not be negative", "got -1.0")),
    ("optimizers.robbins_monro", lambda: optimizers.robbins_monro(1.0, 0.7)(0),
     ValueError, ("counted from 1", "got 0")),
    ("stopping.plateau", lambda: stopping.plateau(window=3),
     ValueError, ("window >= 4", "got window=3")),
    ("stopping.plateau", lambda: stopping.plateau(z=0.0),
     SupportError, ("z must be positive", "got 0.0")),
    ("stopping.no_progress", lambda: stopping.no_progress(patience=0),
     ValueError, ("patience >= 1", "patience=0")),
    ("stopping.relative_elbo", lambda: stopping.relative_elbo(tol=-1.0),
     SupportError, ("tol must be positive", "got -1.0")),
    ("stopping.relative_elbo", lambda: stopping.relative_elbo(window=0),
     ValueError, ("window must be at least 1", "got 0")),
    # eta and fit
    ("eta.search_eta", lambda: search_eta(standard, Q, rng=rng(), candidates=()),
     ValueError, ("at least one step scale", "got none")),
    ("eta.search_eta",
     lambda: search_eta(steep, MeanField(1), np.array([0.0, 1.1]), rng=rng(), candidates=(100.0,)),
     ValueError, ("no step scale works", "eta = 100: ")),
    ("eta.search_eta", lambda: search_eta(standard, Q, rng=rng(), candidates=(1.0, -0.1)),
     SupportError, ("candidates must be positive", "got -0.1")),
    ("fit.Stages", lambda: Stages(factor=1.5), ValueError, ("0 < factor < 1", "factor=1.5")),
    ("fit.fit", lambda: short(hole), NonFiniteError, ("log_p is nan at draw 0", "z[0] = ")),
    ("fit.fit", lambda: short(lambda z: z),
     ShapeError, ("values (M,)", "gave shape (3, 2)")),
    ("fit.fit", lambda: short(num_draws=0), ValueError, ("num_draws must be at least 1", "got 0")),
    ("fit.fit", lambda: fit(standard, FullRank(2), resume=short()),
     ValueError, ("is a fit of MeanField(dim=2)", "got the family FullRank(dim=2)")),
    # results and files
    ("result.Result.save", lambda: save(STRANGE),
     TypeError, ("only numbers, texts, arrays", "object")),
    ("result.Result.load", lambda: saved({"lam": LAM}, Result.load),
     ValueError, ("not a saved Result", "holds lam")),
    ("dadvi.DadviResult.save", lambda: save(replace(dadvi(MODEL, rng=rng()), result=STRANGE)),
     TypeError, ("only numbers, texts, arrays", "object")),
    ("dadvi.DadviResult.load", lambda: saved({"lam": LAM}, DadviResult.load),
     ValueError, ("not a saved DadviResult", "holds lam")),
    ("dadvi.DadviResult.sample_lr", lambda: dadvi(MODEL, lr_for=[0], rng=rng()).sample_lr(rng(), 1),
     ValueError, ("lr_for=range(dim)", "covers 1 of 2 coordinates")),
    ("storage.write", lambda: saved({"f": len}, storage.read),
     TypeError, ("only numbers, texts, arrays", "cannot save a builtin_function_or_method")),
    ("storage.read", lambda: text_file(storage.read),
     ValueError, ("mine.npz was not written by vi_lib", "it is no archive of arrays")),
    # advi and dadvi
    ("advi.advi", lambda: advi(MODEL, "normalizing"),
     ValueError, ("family must be", "got 'normalizing'")),
    ("advi.advi", lambda: advi(MODEL, batch_size=9),
     ValueError, ("between 1 and the 4 observations", "got 9")),
    ("advi.advi", lambda: advi(MODEL, MeanField(3)),
     ShapeError, ("model has 2 coordinates", "MeanField(dim=3) has 3")),
    ("advi.advi", lambda: advi(MODEL, start={"sd": -1.0}),
     SupportError, ("must be in [0.0, inf]", "got -1.0")),
    ("advi.advi_gradients", lambda: advi_gradients(standard, LAM, LAM, EPS),
     ShapeError, ("eps must have shape (M, 4)", "got (6, 2)")),
    ("advi.advi_mean_field", lambda: mean_field([Identity()]),
     ShapeError, ("one transform per coordinate, 2", "got 1")),
    ("advi.advi_mean_field", lambda: mean_field([Identity()] * 2, rate=-1.0),
     SupportError, ("rate must be positive", "got -1.0")),
    ("dadvi.dadvi", lambda: dadvi(hole, Q), NonFiniteError, ("log_p is nan at draw 0", "z[0] = ")),
    ("dadvi.dadvi", lambda: dadvi(MODEL, MeanField(3)),
     ShapeError, ("model has 2 coordinates", "MeanField(dim=3) has 3")),
    ("dadvi.dadvi", lambda: dadvi(MODEL, num_draws=7),
     ValueError, ("even and at least 2", "got 7")),
    ("dadvi.dadvi", lambda: dadvi(standard, FullRank(2), num_draws=2),
     ValueError, ("at least 4 frozen draws", "got 2")),
    # bbvi
    ("bbvi.bbvi", lambda: bbvi.bbvi(standard, LAM, LAM[:3], 1, 2, 0.1, rng()),
     ShapeError, ("log_sd must have shape (4,)", "got (3,)")),
    ("bbvi.bbvi", lambda: bbvi.bbvi(standard, LAM + nan, LAM, 1, 2, 0.1, rng()),
     NonFiniteError, ("left the finite numbers in step 0", "mu = nan")),
    ("bbvi.control_variate", lambda: bbvi.control_variate(EPS, EPS[:5]),
     ShapeError, ("h must have shape (6, 2)", "got (5, 2)")),
    ("bbvi.control_variate", lambda: bbvi.control_variate(EPS[:1], EPS[:1]),
     ShapeError, ("S >= 2", "got (1, 2)")),
    ("bbvi.evidence_lower_bound",
     lambda: bbvi.evidence_lower_bound(DATA | {"y": np.ones(2)}, PAIR, PAIR, 1.0),
     ShapeError, ("y must have shape (3,)", "got (2,)")),
    ("bbvi.evidence_lower_bound", lambda: bbvi.evidence_lower_bound(DATA, PAIR, PAIR, -1.0),
     SupportError, ("noise_sd must be positive", "got -1.0")),
    ("bbvi.score_function_gradient",
     lambda: bbvi.score_function_gradient(standard, LAM, np.ones(4), EPS),
     ShapeError, ("theta must have shape (S, 4)", "got (6, 2)")),
    ("bbvi.score_function_gradient",
     lambda: bbvi.score_function_gradient(standard, LAM[:2], np.zeros(2), EPS),
     SupportError, ("sd must be positive", "got 0.0")),
    ("bbvi.score_gaussian", lambda: bbvi.score_gaussian(LAM, LAM, -1.0),
     SupportError, ("sd must be positive", "got -1.0")),
    # pathwise
    ("pathwise.reparameterization_gradient",
     lambda: pathwise.reparameterization_gradient(standard, LAM[:2], np.ones(2), EPS),
     ShapeError, ("grad_log_joint(theta) must have shape (6, 2)", "got (6,)")),
    ("pathwise.reparameterization_gradient",
     lambda: pathwise.reparameterization_gradient(np.negative, LAM[:2], np.zeros(2), EPS),
     SupportError, ("sd must be positive", "got 0.0")),
    ("pathwise.path_derivative_gradient",
     lambda: pathwise.path_derivative_gradient(np.negative, LAM, np.ones(4), EPS),
     ShapeError, ("eps must have shape (S, 4)", "got (6, 2)")),
    ("pathwise.path_derivative_gradient",
     lambda: pathwise.path_derivative_gradient(np.negative, LAM[:2], np.zeros(2), EPS),
     SupportError, ("sd must be positive", "got 0.0")),
    ("pathwise.gradient_variance",
     lambda: pathwise.gradient_variance(lambda _: LAM, 1, rng()),
     ValueError, ("at least 2", "got 1")),
    ("pathwise.gradient_variance",
     lambda: pathwise.gradient_variance(lambda _: EPS, 3, rng()),
     ShapeError, ("must have shape (3, P)", "got (3, 6, 2)")),
    ("pathwise.gradient_variance",
     lambda: pathwise.gradient_variance(lambda _: LAM + nan, 2, rng()),
     NonFiniteError, ("the estimates must be finite", "got nan")),
]  # fmt: skip
