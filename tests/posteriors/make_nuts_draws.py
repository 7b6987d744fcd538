"""Write vi_lib/data/normal_100_nuts.csv, half a minute: `make reference`.

NumPyro's NUTS in float64 on the model of lesson 7 and its 100 data. Draws far enough apart to be
nearly independent are kept, few enough for a small file.
"""

from __future__ import annotations

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS

from vi_lib import datasets, oracles

CHAINS, WARMUP, DRAWS, EVERY = 4, 1_000, 5_000, 10


def model(x: np.ndarray) -> None:
    """Mu ~ N(0, sd=1), sd ~ HalfNormal(1), x_i ~ N(mu, sd)."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 1.0))
    sd = numpyro.sample("sd", dist.HalfNormal(1.0))
    numpyro.sample("x", dist.Normal(mu, sd), obs=x)


def main() -> None:
    """Sample, look at the chains, write the file."""
    numpyro.enable_x64()
    x = datasets.load("normal_100")["x"]
    mcmc = MCMC(
        NUTS(model),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(jax.random.PRNGKey(7), x)
    chains = {k: np.asarray(v, float) for k, v in mcmc.get_samples(group_by_chain=True).items()}
    oracle = oracles.NormalMeanSd(x)
    for i, name in enumerate(("mu", "sd")):
        draws = chains[name]
        print(name, f"rhat {split_gelman_rubin(draws):.4f} ess {effective_sample_size(draws):.0f}")
        print("  mean, sd", draws.mean(), draws.std(), " exact", oracle.mean[i], oracle.sd[i])
    kept = np.stack([chains[name][:, ::EVERY].ravel() for name in ("mu", "sd")], axis=1)
    print("kept", kept.shape, kept.mean(axis=0), kept.std(axis=0, ddof=1))
    rhat = max(float(split_gelman_rubin(draws)) for draws in chains.values())
    ess = min(float(effective_sample_size(draws)) for draws in chains.values())
    head = (
        f"# {len(kept)} posterior draws of mu ~ N(0, sd=1), sd ~ HalfNormal(1), x_i ~ N(mu, sd)\n"
        f"# for the x of normal_100, by the no-U-turn sampler of NumPyro {numpyro.__version__}:\n"
        f"# every {EVERY}th of {CHAINS} chains of {DRAWS} draws (rhat {rhat:.4f}, effective draws\n"
        f"# of all: {ess:.0f}), four digits kept. tests/posteriors/make_nuts_draws.py makes them.\n"
    )
    lines = "".join(f"{mu:.4f},{sd:.4f}\n" for mu, sd in kept)
    path = datasets._FOLDER / "normal_100_nuts.csv"
    path.write_text(head + "mu,sd\n" + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
