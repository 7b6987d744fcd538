"""Distributions of whole numbers.

No gradient passes through their draws: sum over the values (`enumerate_support`,
`vi_lib.ppl.enumeration`) or use the score function (`vi_lib.ppl.elbo`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as np
import numpy as onp

from vi_lib import densities
from vi_lib._check import Array, ShapeError, SupportError, plain
from vi_lib._special import gammaln
from vi_lib.ppl._continuous import Shape, batch
from vi_lib.ppl._distribution import Distribution, check_parameters

#: How far probabilities may miss the sum 1.
SLACK = 1e-8


@dataclass(frozen=True, eq=False)
class Poisson(Distribution):
    """Counts with mean `rate`.

    Raises:
        SupportError: If a rate is negative.
    """

    rate: Any
    support = "count"

    def __post_init__(self) -> None:
        check_parameters(self, "rate")

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw counts, as floats."""
        return rng.poisson(plain(self.rate), batch(self, shape)).astype(float)

    def log_prob(self, v: Array) -> Array:
        """Return v log rate - rate - log v!, nats."""
        return densities.poisson(v, self.rate)


@dataclass(frozen=True, eq=False)
class Bernoulli(Distribution):
    """0 or 1; give the probability of 1 (strictly between) or its log odds.

    Raises:
        ValueError: Unless exactly one of the two is given.
        SupportError: If a probability is not in (0, 1).
    """

    probs: Any = None
    logits: Any = None
    support = range(2)

    def __post_init__(self) -> None:
        check_parameters(self)
        _require_one(self, self.probs, self.logits)

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw [u < p], as floats."""
        chance = onp.exp(-onp.logaddexp(0.0, -plain(_log_odds(self.probs, self.logits))))
        return onp.asarray(rng.random(batch(self, shape)) < chance, dtype=float)

    def log_prob(self, v: Array) -> Array:
        """Return v logits - log(1 + exp(logits)), nats."""
        return densities.bernoulli_logits(v, _log_odds(self.probs, self.logits))

    def enumerate_support(self) -> Array:
        """Return all values, (2,)."""
        return onp.arange(2)


@dataclass(frozen=True, eq=False)
class Binomial(Distribution):
    """Number of ones in `total` independent Bernoulli draws.

    Raises:
        ValueError: Unless exactly one of `probs` and `logits` is given.
        SupportError: If a probability is not in (0, 1).
    """

    total: Any
    probs: Any = None
    logits: Any = None

    def __post_init__(self) -> None:
        check_parameters(self, "total")
        _require_one(self, self.probs, self.logits)

    @property
    def support(self) -> range:
        """0 to the largest `total`."""
        return range(int(onp.max(self.total)) + 1)

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw counts, as floats."""
        chance = onp.exp(-onp.logaddexp(0.0, -plain(_log_odds(self.probs, self.logits))))
        return onp.asarray(rng.binomial(self.total, chance, batch(self, shape)), dtype=float)

    def log_prob(self, v: Array) -> Array:
        """Return log(total choose v) + v logits - total log(1 + exp(logits)), nats."""
        logits = _log_odds(self.probs, self.logits)
        n, inside = onp.asarray(self.total), plain(v) <= self.total
        v = np.where(inside, v, 0.0)
        ways = gammaln(n + 1.0) - gammaln(v + 1.0) - gammaln(n - v + 1.0)
        return np.where(inside, ways + v * logits - n * np.logaddexp(0.0, logits), -onp.inf)

    def enumerate_support(self) -> Array:
        """Return all values, (largest total + 1,); the impossible ones have probability 0."""
        return onp.arange(int(onp.max(self.total)) + 1)


@dataclass(frozen=True, eq=False)
class Categorical(Distribution):
    """0 to K - 1; the last axis of `probs` (summing to 1) or `logits` (any real numbers) is K.

    Raises:
        ValueError: Unless exactly one of the two is given.
        SupportError: If probabilities are negative or do not sum to 1.
        ShapeError: Unless there is a probability for each value, on the last axis.
    """

    probs: Any = None
    logits: Any = None

    def __post_init__(self) -> None:
        check_parameters(self)
        given = _require_one(self, self.probs, self.logits, interval=False)
        if not onp.ndim(given):
            raise ShapeError("Categorical needs one probability for each value (..., K), got ()")
        if self.probs is not None:
            check_parameters(self, "probs")
            total = onp.sum(given, axis=-1)
            if onp.any(onp.abs(total - 1.0) > SLACK):
                raise SupportError(f"Categorical's probs must sum to 1, got {total}")

    @property
    def support(self) -> range:
        """0 to K - 1."""
        return range(onp.shape(plain(self.probs if self.logits is None else self.logits))[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The parameters' shape without its last axis."""
        return onp.shape(plain(self.probs if self.logits is None else self.logits))[:-1]

    def sample(self, rng: onp.random.Generator, shape: Shape = None) -> Array:
        """Draw by inverting the cumulative probabilities, as whole numbers."""
        cumulative = onp.cumsum(onp.exp(plain(self._log_probs())), axis=-1)
        below = rng.random(batch(self, shape))[..., None] > cumulative[..., :-1]
        return onp.sum(below, axis=-1)

    def log_prob(self, v: Array) -> Array:
        """Return log probs[v], nats; -inf outside of 0 to K - 1."""
        log_probs = self._log_probs()
        chosen = onp.asarray(plain(v))[..., None] == onp.arange(log_probs.shape[-1])
        picked = np.sum(np.where(chosen, log_probs, 0.0), axis=-1)
        return np.where(onp.any(chosen, axis=-1), picked, -onp.inf)

    def enumerate_support(self) -> Array:
        """Return all values, (K,)."""
        return onp.arange(len(self.support))

    def _log_probs(self) -> Array:
        if self.logits is None:
            with onp.errstate(divide="ignore"):  # log 0 = -inf is right
                return np.log(np.asarray(self.probs))
        shifted = self.logits - onp.max(plain(self.logits), axis=-1, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def _require_one(dist: Distribution, probs: Any, logits: Any, interval: bool = True) -> Array:
    name = type(dist).__name__
    if (probs is None) == (logits is None):
        raise ValueError(f"{name} takes probs or logits, exactly one of the two")
    given = onp.asarray(plain(logits if probs is None else probs))
    if interval and probs is not None and onp.any((given <= 0.0) | (given >= 1.0)):
        raise SupportError(f"{name}'s probs must lie strictly between 0 and 1, got {given}")
    return given


def _log_odds(probs: Any, logits: Any) -> Array:
    return np.log(probs) - np.log1p(-probs) if logits is None else logits
