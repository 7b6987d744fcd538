"""The same models written for NumPyro, from the descriptions and not from our densities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.stats import nbinom

from posteriors._curves import GP_X
from posteriors._hierarchies import GROUPS

Twin = Callable[[Any], None]


def normal_mean_sd(data: Any) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 10.0))
    sd = numpyro.sample("sd", dist.HalfNormal(5.0))
    numpyro.sample("x", dist.Normal(mu, sd), obs=data)


def mixture(data: Any) -> None:
    weight = numpyro.sample("weight", dist.Beta(2.0, 2.0))
    low = numpyro.sample("low", dist.Normal(0.0, 5.0))
    gap = numpyro.sample("gap", dist.Gamma(2.0, 0.5))
    labels = dist.Categorical(probs=jnp.stack([weight, 1.0 - weight]))
    parts = dist.Normal(jnp.stack([low, low + gap]), 1.0)
    numpyro.sample("x", dist.MixtureSameFamily(labels, parts), obs=data)


def funnel(data: Any) -> None:
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    numpyro.sample("x", dist.Normal(0.0, jnp.exp(v / 2.0)).expand([9]).to_event(1))


def banana(data: Any) -> None:
    x = numpyro.sample("x", dist.Normal(0.0, 2.0))
    numpyro.sample("y", dist.Normal(x**2 / 4.0, 0.5))


def two_modes(data: Any) -> None:
    location = numpyro.sample("location", dist.Normal(0.5, 10.0))
    numpyro.sample("x", dist.Cauchy(location, 0.5), obs=data)


def linear_known_sd(data: Any, noise_sd: float = 1.5) -> None:
    columns = data["X"].shape[1]
    beta = numpyro.sample("beta", dist.Normal(0.0, 5.0).expand([columns]).to_event(1))
    numpyro.sample("y", dist.Normal(data["X"] @ beta, noise_sd), obs=data["y"])


def linear_correlated(data: Any) -> None:
    linear_known_sd(data, 1.0)


def linear_unknown_sd(data: Any) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 5.0).expand([6]).to_event(1))
    sd = numpyro.sample("sd", dist.HalfNormal(3.0))
    numpyro.sample("y", dist.Normal(data["X"] @ beta, sd), obs=data["y"])


def robust_regression(data: Any) -> None:
    a = numpyro.sample("a", dist.Normal(0.0, 5.0))
    b = numpyro.sample("b", dist.Normal(0.0, 5.0))
    scale = numpyro.sample("scale", dist.HalfNormal(3.0))
    numpyro.sample("y", dist.StudentT(4.0, a + b * data["x"], scale), obs=data["y"])


def logistic(data: Any) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 2.5).expand([5]).to_event(1))
    numpyro.sample("y", dist.BernoulliLogits(data["X"] @ beta), obs=data["y"])


def poisson(data: Any) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 2.0).expand([4]).to_event(1))
    numpyro.sample("y", dist.Poisson(jnp.exp(data["X"] @ beta)), obs=data["y"])


def negative_binomial(data: Any) -> None:
    beta = numpyro.sample("beta", dist.Normal(0.0, 2.0).expand([3]).to_event(1))
    phi = numpyro.sample("phi", dist.Gamma(2.0, 0.5))
    # NumPyro's NegativeBinomial2 is exact to 8 digits only, by way of the beta function.
    success = phi / (phi + jnp.exp(data["X"] @ beta))
    numpyro.factor("y", jnp.sum(nbinom.logpmf(data["y"], phi, success)))


def bioassay(data: Any) -> None:
    a = numpyro.sample("a", dist.Normal(0.0, 2.0))
    b = numpyro.sample("b", dist.Normal(10.0, 10.0))
    deaths = dist.Binomial(data["animals"].astype(int), logits=a + b * data["log_dose"])
    numpyro.sample("deaths", deaths, obs=data["deaths"])


def beta_binomial(data: Any) -> None:
    p = numpyro.sample("p", dist.Beta(2.0, 2.0))
    numpyro.sample("y", dist.Binomial(data["trials"].astype(int), p), obs=data["successes"])


def die(data: Any) -> None:
    p = numpyro.sample("p", dist.Dirichlet(jnp.full(5, 2.0)))
    numpyro.sample("y", dist.Categorical(p), obs=jnp.argmax(data, axis=1))


def ordinal(data: Any) -> None:
    ordered = dist.constraints.ordered_vector
    cut = numpyro.sample("cut", dist.ImproperUniform(ordered, (), (3,)))
    numpyro.factor("prior", jnp.sum(dist.Normal(0.0, 3.0).log_prob(cut)))
    slope = numpyro.sample("slope", dist.Normal(0.0, 2.0))
    answer = jnp.argmax(data["answer"], axis=1)
    numpyro.sample("y", dist.OrderedLogistic(slope * data["x"], cut), obs=answer)


def eight_schools_centered(data: Any) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    theta = numpyro.sample("theta", dist.Normal(mu, tau).expand([8]).to_event(1))
    numpyro.sample("effect", dist.Normal(theta, data["error"]), obs=data["effect"])


def eight_schools_noncentered(data: Any) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([8]).to_event(1))
    numpyro.sample("effect", dist.Normal(mu + tau * z, data["error"]), obs=data["effect"])


def radon_centered(data: Any, centered: bool = True) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 3.0))
    tau = numpyro.sample("tau", dist.HalfNormal(1.0))
    if centered:
        level = numpyro.sample("level", dist.Normal(mu, tau).expand([GROUPS]).to_event(1))
    else:
        z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([GROUPS]).to_event(1))
        level = mu + tau * z
    slope = numpyro.sample("slope", dist.Normal(0.0, 2.0))
    sd = numpyro.sample("sd", dist.HalfNormal(2.0))
    county = jnp.argmax(data["county"], axis=1)
    numpyro.sample("y", dist.Normal(level[county] + slope * data["x"], sd), obs=data["y"])


def radon_noncentered(data: Any) -> None:
    radon_centered(data, centered=False)


def irt_2pl(data: Any) -> None:
    people, items = data.shape
    ability = numpyro.sample("ability", dist.Normal(0.0, 1.0).expand([people]).to_event(1))
    difficulty = numpyro.sample("difficulty", dist.Normal(0.0, 1.5).expand([items]).to_event(1))
    slope = numpyro.sample("slope", dist.LogNormal(0.0, 0.5).expand([items]).to_event(1))
    logits = slope * (ability[:, None] - difficulty)
    numpyro.sample("y", dist.BernoulliLogits(logits), obs=data)


def ar1(data: Any) -> None:
    a = numpyro.sample("a", dist.Normal(0.0, 2.0))
    rho = numpyro.sample("rho", dist.Uniform(-1.0, 1.0))
    sd = numpyro.sample("sd", dist.HalfNormal(2.0))
    numpyro.sample("now", dist.Normal(a + rho * data["before"], sd), obs=data["now"])


def gaussian_process(data: Any) -> None:
    scale = numpyro.sample("scale", dist.LogNormal(0.0, 0.7))
    length = numpyro.sample("length", dist.LogNormal(0.0, 0.7))
    sd = numpyro.sample("sd", dist.LogNormal(-1.5, 0.7))
    distance = jnp.abs(GP_X[:, None] - GP_X)
    K = scale**2 * jnp.exp(-((distance / length) ** 2) / 2.0) + sd**2 * jnp.eye(len(GP_X))
    numpyro.sample("y", dist.MultivariateNormal(jnp.zeros(len(GP_X)), K), obs=data[0])


def weibull_censored(data: Any) -> None:
    shape = numpyro.sample("shape", dist.LogNormal(0.0, 1.0))
    a = numpyro.sample("a", dist.Normal(0.0, 2.0))
    b = numpyro.sample("b", dist.Normal(0.0, 1.0))
    scale = jnp.exp(a + b * data["x"])
    died = data["died"] == 1.0
    density = dist.Weibull(scale, shape).log_prob(data["t"])
    survival = -((data["t"] / scale) ** shape)
    numpyro.factor("t", jnp.sum(jnp.where(died, density, survival)))


TWINS: dict[str, Twin] = {
    twin.__name__: twin
    for twin in (
        normal_mean_sd,
        mixture,
        funnel,
        banana,
        two_modes,
        linear_known_sd,
        linear_unknown_sd,
        linear_correlated,
        robust_regression,
        logistic,
        poisson,
        negative_binomial,
        bioassay,
        beta_binomial,
        die,
        ordinal,
        eight_schools_centered,
        eight_schools_noncentered,
        radon_centered,
        radon_noncentered,
        irt_2pl,
        ar1,
        gaussian_process,
        weibull_censored,
    )
}
