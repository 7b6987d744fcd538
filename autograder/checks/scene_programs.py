"""The programs of lesson 9's scenes, each written with the words of an answer.

The distributions are those of `vi_lib.ppl`. In a plate they bring their rows along, so it does not
matter whether a plate expands them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np

from vi_lib.densities import gamma as gamma_density
from vi_lib.densities import normal
from vi_lib.ppl import Gamma, Normal, Uniform

Words = Any
Program = Callable[..., Any]


def temperature(words: Words, mean: float = 15.0, sd: float = 2.0, noise: float = 1.0) -> Program:
    """Temp ~ N(mean, sd), sensor ~ N(temp, noise)."""

    def model(sensor: Any) -> Any:
        temp = words.sample("temp", Normal(mean, sd))
        words.sample("sensor", Normal(temp, noise), obs=sensor)
        return temp

    return model


def known_temperature(words: Words, temp: float) -> Program:
    """The same with an observed temperature."""

    def model(sensor: Any) -> None:
        words.sample("temp", Normal(15.0, 2.0), obs=temp)
        words.sample("sensor", Normal(temp, 1.0), obs=sensor)

    return model


def kinds(words: Words, mean: float, shape: float) -> Program:
    """A number, a positive number, a vector, and data that depend on all three."""

    def model(y: Any) -> None:
        level = words.sample("level", Normal(mean, 2.0))
        spread = words.sample("spread", Gamma(shape, 2.0))
        effect = words.sample("effect", Normal(np.zeros(len(y)), 0.7))
        words.sample("y", Normal(level + effect, spread), obs=y)

    return model


def pair(words: Words, mean: float) -> Program:
    """A ~ N(mean, 1), b ~ N(a, 2), and a datum that depends on both."""

    def model(y: Any) -> None:
        a = words.sample("a", Normal(mean, 1.0))
        b = words.sample("b", Normal(a, 2.0))
        words.sample("y", Normal(a - b, 1.5), obs=y)

    return model


def days(words: Words, size: int) -> Program:
    """Lesson 9's readings on some of `size` days, with a temperature for each and their mean."""

    def model(y: Any) -> None:
        mean = words.sample("mean_temp", Normal(15.0, 2.0))
        with words.plate("days", size, len(y)):
            temp = words.sample("temp", Normal(mean, np.full(len(y), 2.0)))
            words.sample("sensor", Normal(temp, 1.0), obs=y)

    return model


def data_only(words: Words, mean: float, sd: float) -> Program:
    """Two observed sites, a number and an array; none is drawn."""

    def model(number: Any, y: Any) -> None:
        words.sample("number", Normal(mean, sd), obs=number)
        words.sample("y", Normal(mean, sd), obs=y)

    return model


def parameters(words: Words, m: float, s: float) -> Program:
    """A free and a positive parameter, the latter asked for twice, and data."""

    def model(y: Any) -> None:
        centre = words.param("m", m)
        words.param("s", s, "positive")
        width = words.param("s", 3.0 * s, "positive")
        words.sample("y", Normal(centre, width), obs=y)

    return model


def plates(words: Words, size: int, length: int) -> Program:
    """A site before, in and after a plate of which `length` rows of `size` are looked at."""

    def model(y: Any) -> None:
        words.sample("before", Normal(0.3, 1.0), obs=0.9)
        with words.plate("rows", size, length) as rows:
            words.sample("chosen", Normal(np.zeros(length), 100.0), obs=np.asarray(rows, float))
            words.sample("y", Normal(np.full(length, 0.4), 1.3), obs=y[:length])
        words.sample("after", Normal(0.3, 1.0), obs=0.9)

    return model


def weighed(words: Words, size: int, length: int) -> Program:
    """`plates` without a look at which rows there are."""

    def model(y: Any) -> None:
        words.sample("before", Normal(0.3, 1.0), obs=0.9)
        with words.plate("rows", size, length):
            words.sample("y", Normal(np.full(length, 0.4), 1.3), obs=y[:length])

    return model


def plates_and_a_site(words: Words, size: int, length: int) -> Program:
    """A latent level, and a subsample of data."""

    def model(y: Any) -> None:
        level = words.sample("level", Normal(0.0, 1.0))
        with words.plate("rows", size, length):
            words.sample("y", Normal(level + np.zeros(length), 1.3), obs=y)

    return model


def guide_of_temperature(words: Words, m: float, s: float) -> Program:
    """q(temp) = N(m, s) with two parameters."""

    def guide(sensor: Any) -> None:
        words.sample("temp", Normal(words.param("m", m), words.param("s", s, "positive")))

    return guide


def mixed(words: Words, low: float, high: float) -> Program:
    """Latent sites of four supports, one of them a vector, and data."""

    def model(y: Any) -> None:
        words.sample("free", Normal(1.0, 2.0))
        words.sample("positive", Gamma(3.0, 2.0))
        words.sample("share", Uniform(low, high))
        words.sample("several", Gamma(np.array([2.0, 3.0, 4.0]), 1.0))
        words.sample("y", Normal(0.0, 1.0), obs=y)

    return model


def guided_by_param(words: Words, start: float) -> Program:
    """The temperature with a parameter in the model: the prior's mean."""

    def model(sensor: Any) -> None:
        temp = words.sample("temp", Normal(words.param("mean_temp", start), 2.0))
        words.sample("sensor", Normal(temp, 1.0), obs=sensor)

    return model


def gaussian_gamma(words: Words, prior: dict[str, float]) -> Program:
    """The Gaussian with unknown mean and precision."""

    def model(x: Any) -> None:
        mu = words.sample("mu", Normal(prior["mu0"], prior["tau0"] ** -0.5))
        gamma = words.sample("gamma", Gamma(prior["alpha0"], prior["beta0"]))
        with words.plate("rows", len(x)):
            words.sample("x", Normal(mu + np.zeros(len(x)), gamma**-0.5), obs=x)

    return model


def days_log_joint(values: dict[str, Any], readings: Any) -> Any:
    """The log joint of `days` with all of its rows, by hand."""
    mean, temp = values["mean_temp"], values["temp"]
    prior = anp.sum(normal(mean, 15.0, 2.0)) + anp.sum(normal(temp, mean, 2.0))
    return prior + anp.sum(normal(readings, temp, 1.0))


def gaussian_log_ratio(
    sites: Any, best: dict[str, float], look: Callable[[Any, str], Any]
) -> float:
    """Log q(mu, gamma) of a trace minus that of a Gaussian times a Gamma."""
    log_q = sum(float(np.sum(look(sites[name], "log_prob"))) for name in ("mu", "gamma"))
    mu, gamma = (np.sum(look(sites[name], "value")) for name in ("mu", "gamma"))
    log_best = normal(mu, best["nu_q"], best["tau_q"] ** -0.5)
    return float(log_q - log_best - gamma_density(gamma, best["alpha_q"], best["beta_q"]))


def whole_plate(words: Words, size: int) -> Program:
    """A plate with all of its rows."""

    def model(y: Any) -> None:
        with words.plate("rows", size) as rows:
            words.sample("chosen", Normal(np.zeros(size), 100.0), obs=np.asarray(rows, float))
            words.sample("y", Normal(np.full(size, 0.4), 1.3), obs=y)

    return model


def nested_plates(words: Words, outer: int, few: int, inner: int, less: int) -> Program:
    """`less` of `inner` rows in a plate of `few` of `outer`, which is the last axis."""

    def model(y: Any) -> None:
        with words.plate("columns", outer, few):
            words.sample("x", Normal(np.zeros(few), 1.0), obs=y[0])
            with words.plate("rows", inner, less):
                words.sample("y", Normal(np.zeros((less, few)), 1.0), obs=y)
            words.sample("z", Normal(np.zeros(few), 1.0), obs=y[1])

    return model


def twice(words: Words, name: str) -> Program:
    """The same name for two sites."""

    def model(*_: Any) -> None:
        words.sample(name, Normal(0.0, 1.0), obs=0.1)
        words.sample(name, Normal(0.0, 1.0), obs=0.2)

    return model


def drawn(words: Words, name: str) -> Program:
    """A single site that must be drawn."""

    def model(*_: Any) -> None:
        words.sample(name, Normal(0.0, 1.0))

    return model


def one_observed(words: Words, name: str) -> Program:
    """A single observed site."""

    def model(*_: Any) -> None:
        words.sample(name, Normal(0.2, 1.1), obs=0.5)

    return model


def stumbles(words: Words, in_plate: bool) -> Program:
    """A program that raises `ZeroDivisionError` half-way, perhaps inside a plate."""

    def model(*_: Any) -> Any:
        words.sample("first", Normal(0.0, 1.0), obs=0.3)
        if in_plate:
            with words.plate("rows", 9, 3):
                return 1 / 0
        return 1 / 0

    return model


def sites(words: Words, *listed: tuple[str, str, bool, int]) -> Program:
    """Sites as listed: name, kind, whether observed, and length (0 for a number)."""

    def model(*_: Any) -> None:
        for name, kind, observed, length in listed:
            if kind == "param":
                words.param(name, 0.5)
                continue
            shape = (length,) if length else ()
            dist = (
                Gamma(np.full(shape, 3.0), 2.0) if kind == "gamma" else Normal(np.zeros(shape), 1.0)
            )
            words.sample(name, dist, obs=np.full(shape, 0.4) if observed else None)

    return model


PROGRAMS: dict[str, Callable[..., Program]] = {
    function.__name__: function
    for function in (
        temperature, known_temperature, kinds, pair, days, data_only,
        weighed, plates_and_a_site, guide_of_temperature,
        mixed, guided_by_param, gaussian_gamma, parameters, plates, whole_plate,
        nested_plates, twice, drawn, one_observed, stumbles, sites,
    )
}  # fmt: skip
