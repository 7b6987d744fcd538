"""Write reference.json, about 10 minutes: `make reference`.

Each model is sampled by NumPyro's NUTS in float64, in its non-centred form where it has one. Where
the moments are known exactly, by a closed form or a sum over a grid of NumPyro's density, they
replace those of the draws, whose distance from them is kept in standard errors.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpyro
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import potential_energy

from posteriors import exact
from posteriors._case import Case
from posteriors._hierarchies import GROUPS
from posteriors.models import CASES
from posteriors.twins import TWINS

PATH = Path(__file__).with_name("reference.json")
CHAINS, WARMUP, DRAWS = 4, 2_000, 10_000
#: Models whose draws come from another form of the same posterior.
NONCENTERED = {"eight_schools_centered": "theta", "radon_centered": "level"}
ON_A_GRID = (
    "ar1",
    "beta_binomial",
    "bioassay",
    "gaussian_process",
    "mixture",
    "normal_mean_sd",
    "robust_regression",
    "two_modes",
    "weibull_censored",
)


def density(case: Case) -> exact.LogDensity:
    """NumPyro's log joint on the unconstrained scale, as a function of our zeta (S, D)."""
    twin, layout = TWINS[case.name], case.model.layout

    def one(zeta: Any) -> Any:
        sites, first = {}, 0
        for name, param in layout.params.items():
            sites[name] = zeta[first : first + param.dim].reshape(param.zeta_shape)
            first += param.dim
        return -potential_energy(twin, (case.model.data,), {}, sites)

    many = jax.jit(jax.vmap(one))
    return lambda zeta: np.asarray(many(zeta))


def flat(theta: dict[str, Any]) -> np.ndarray:
    """Join name -> (S, *shape) to (S, D)."""
    return np.concatenate([np.reshape(v, (len(v), -1)) for v in theta.values()], axis=1)


def sample(case: Case) -> tuple[np.ndarray, int]:
    """Draws of zeta (chains, draws, D) and the number of divergent transitions."""
    third = NONCENTERED.get(case.name)
    twin = TWINS[case.name.replace("centered", "noncentered") if third else case.name]
    kernel = NUTS(twin, target_accept_prob=0.95, dense_mass=case.model.dim <= 10)
    mcmc = MCMC(
        kernel,
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(jax.random.PRNGKey(1), case.model.data, extra_fields=("diverging",))
    got = {k: np.asarray(v, dtype=float) for k, v in mcmc.get_samples().items()}
    if third:
        got[third] = got["mu"][:, None] + got["tau"][:, None] * got.pop("z")
    zeta = case.model.unconstrain({name: got[name] for name in case.model.params})
    divergent = int(np.sum(mcmc.get_extra_fields()["diverging"]))
    return zeta.reshape(CHAINS, DRAWS, -1), divergent


def known(case: Case, draws: np.ndarray) -> tuple[str, dict[str, exact.Moments]] | None:
    """How the moments are known exactly, and the means and sds on both scales."""
    data: Any = case.model.data
    if case.name in ("linear_known_sd", "linear_correlated"):
        mean, cov = exact.gaussian_posterior(data, 1.5 if case.name == "linear_known_sd" else 1.0)
        pair = mean, np.sqrt(np.diagonal(cov))
        return "exact: conjugate", {"zeta": pair, "theta": pair}
    if case.name == "funnel":
        pair = np.zeros(10), np.array([3.0] + [np.exp(9.0 / 4.0)] * 9)
        return "exact: closed form", {"zeta": pair, "theta": pair}
    if case.name == "banana":  # Var x^2 = 2 sd^4
        pair = np.array([0.0, 1.0]), np.array([2.0, np.sqrt(2.0 * 16.0 / 16.0 + 0.25)])
        return "exact: closed form", {"zeta": pair, "theta": pair}
    if case.name == "linear_unknown_sd":
        return "exact: conjugate given sd, sum over sd", exact.unknown_noise(data)
    if case.name == "die":
        return "exact: conjugate", exact.dirichlet(2.0 + data.sum(axis=0))
    if case.name in ON_A_GRID:
        moments = exact.grid(density(case), lambda z: flat(case.model.constrain(z)), draws)
        return f"exact: sum over a grid in {case.model.dim} dimensions", moments
    return None


def table(names: tuple[str, ...], *columns: np.ndarray) -> dict[str, list[float]]:
    """Name -> [mean, sd, standard error of the mean]."""
    rows = zip(*columns, strict=True)
    return {name: [float(f"{x:.10g}") for x in row] for name, row in zip(names, rows, strict=True)}


def entry(case: Case) -> dict[str, Any]:
    """All that is stored of one model."""
    model, started = case.model, time.time()
    points = np.random.default_rng(5).normal(0.0, 0.7, size=(5, model.dim))
    theirs = density(case)(points)
    np.testing.assert_allclose(model.log_p(points), theirs, rtol=1e-10)
    zeta, divergent = sample(case)
    theta = flat(model.constrain(zeta.reshape(-1, model.dim))).reshape(CHAINS, DRAWS, -1)
    scales = {"zeta": zeta, "theta": theta}
    ess = {scale: effective_sample_size(draws) for scale, draws in scales.items()}
    found = {s: (d.mean(axis=(0, 1)), d.std(axis=(0, 1))) for s, d in scales.items()}
    error = {scale: found[scale][1] / np.sqrt(ess[scale]) for scale in scales}
    source, moments, distance = "NUTS", found, None
    exactly = known(case, zeta.reshape(-1, model.dim))
    if exactly is not None:
        source, moments = exactly
        distance = float(np.max(np.abs(found["zeta"][0] - moments["zeta"][0]) / error["zeta"]))
        error = {scale: np.zeros(len(mean)) for scale, (mean, _) in moments.items()}
    written = {
        "source": source,
        "draws": CHAINS * DRAWS,
        "divergent": divergent,
        "rhat": round(float(np.max(split_gelman_rubin(zeta))), 5),
        "ess": round(float(np.min(ess["zeta"]))),
        "nuts_from_exact_in_standard_errors": distance and round(distance, 2),
        "zeta": table(model.layout.coordinates, *moments["zeta"], error["zeta"]),
        "theta": table(model.names, *moments["theta"], error["theta"]),
        "log_p": [[np.round(z, 6).tolist(), 0.0] for z in points],
    }
    for pair in written["log_p"]:
        pair[1] = float(density(case)(np.array([pair[0]]))[0])
    shown = {k: written[k] for k in ("source", "divergent", "rhat", "ess")}
    print(case.name, shown, distance, f"{time.time() - started:.0f} s", flush=True)
    return written


def main() -> None:
    """Make the entries named on the command line, or all of them."""
    jax.config.update("jax_enable_x64", True)
    assert GROUPS == 20
    stored = json.loads(PATH.read_text()) if PATH.exists() else {"models": {}}
    stored["made_with"] = {"numpyro": numpyro.__version__, "jax": jax.__version__}
    for name in sys.argv[1:] or CASES:
        stored["models"][name] = entry(CASES[name])
        stored["models"] = {n: stored["models"][n] for n in CASES if n in stored["models"]}
        PATH.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
