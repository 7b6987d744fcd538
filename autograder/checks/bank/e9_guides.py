"""Guides of the Gaussian model, right ones and wrong ones, as programs in an answer's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
from autograd.tracer import getval

from autograder.checks.bank.e9_words import Hook
from vi_lib.ppl import Gamma, LogNormal, Normal


def shape_and_rate(words: dict[str, Any]) -> Hook:
    def gaussian_gamma_guide(*args: Any) -> None:
        param, sample = words["param"], words["sample"]
        mean, sd = param("nu_q", 0.0), param("sd_q", 1.0, "positive")
        shape, rate = param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")
        sample("mu", Normal(mean, sd))
        sample("gamma", Gamma(shape, rate))

    return gaussian_gamma_guide


def guide_of(make: Hook) -> Hook:
    """A guide maker from a function of (param, sample)."""

    def of(words: dict[str, Any]) -> Hook:
        def gaussian_gamma_guide(*args: Any) -> None:
            make(words["param"], words["sample"], *args)

        return gaussian_gamma_guide

    return of


@dataclass
class _Rejection:
    """A Gamma whose draws do not know the parameters."""

    shape: Any
    rate: Any
    support = "positive"

    def sample(self, rng: Any) -> Any:
        return rng.gamma(float(getval(self.shape)), 1.0 / float(getval(self.rate)))

    def log_prob(self, v: Any) -> Any:
        return Gamma(self.shape, self.rate).log_prob(v)


def rejection(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    shape, rate = param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")
    sample("gamma", _Rejection(shape, rate))


def normal_gamma(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    sample("gamma", Normal(param("alpha_q", 2.0), param("beta_q", 0.5, "positive")))


def constants(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(0.0, 1.0))
    sample("gamma", Gamma(2.0, 2.0))


def sd_for_gamma(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    sample("sd", Gamma(param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")))


def data_too(param: Hook, sample: Hook, *args: Any) -> None:
    mu = sample("mu", Normal(param("nu_q", 0.0), param("sd_q", 1.0, "positive")))
    gamma = sample(
        "gamma", Gamma(param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive"))
    )
    sample("x", Normal(mu, gamma**-0.5), obs=args[0])


def mean_and_shape(param: Hook, sample: Hook, *args: Any) -> None:
    sample("mu", Normal(param("a", 0.5), param("b", 0.5, "positive")))
    shape, mean = param("c", 2.0, "positive"), param("d", 1.0, "positive")
    sample("gamma", Gamma(shape, shape / mean))


def precision_shape_and_mean(param: Hook, sample: Hook, *args: Any) -> None:
    nu, prec = param("nu_q", 0.0), param("tau_q", 1.0, "positive")
    shape, mean = param("alpha_q", 1.0, "positive"), param("mean_q", 1.0, "positive")
    sample("mu", Normal(nu, prec**-0.5))
    sample("gamma", Gamma(shape, shape / mean))


def log_normal(param: Hook, sample: Hook, *args: Any) -> None:
    sample("gamma", LogNormal(param("m", 0.0), param("s", 0.5, "positive")))
    sample("mu", Normal(param("nu", 0.0), np.exp(param("log_sd", 0.0))))
