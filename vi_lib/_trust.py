"""Whether to believe a fit, from what the fit itself has measured.

Pareto k-hat of fresh importance weights p / q says how far q is from the posterior where q puts its
draws. Below 1/2 the weights have a finite variance and q is close; up to

    min(1 - 1 / log10 S, 0.7),    S draws,

importance sampling still repairs q; above it does not. Three things k-hat is not:

- It is joint: with many correlated coordinates it can be large although every mean is near.
- It is the tail of the weights whatever their spread: where only q's far tails are too light it can
  be large although all weights are nearly 1, and for a Gaussian whose mean is one sd off it is
  small. So the spread of the log weights, the ELBO's standard error times sqrt S, is weighed with
  it: for nearly Gaussian posteriors a spread of delta nats bounds the error of every mean by delta
  posterior sds, and the relative error of every sd by delta / sqrt 2.
- It sees what q sees: a mode that q misses leaves no draw, no large weight and no trace.

Sources: Vehtari, Simpson, Gelman, Yao and Gabry, Pareto Smoothed Importance Sampling (JMLR 2024),
for the threshold; Yao, Vehtari, Simpson and Gelman (ICML 2018) for k-hat as a verdict on a
variational fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Level = Literal["trust", "caution", "do not trust"]

#: Draws from which the k-hat of a result is computed.
KHAT_DRAWS = 1000
#: Up to here the importance weights have a finite variance.
CLOSE = 0.5
#: Up to this sd of the log weights, in nats, all weights are alike, whatever the shape of their
#: tail: no mean is off by more than a fifth of a sd, no sd by more than a seventh of itself.
SMALL_SPREAD = 0.2
#: Beyond this sd of the log weights, in nats, a mean may be off by half a posterior sd; KL(q || p)
#: is about sd^2 / 2, an eighth of a nat.
LARGE_SPREAD = 0.5
#: An ELBO with a larger standard error, in nats, ranks no models.
LARGE_ERROR = 1.0
#: Leaving out draws where log p is not finite truncates q; up to this share it hardly matters.
FEW_SKIPPED = 0.01
#: The factor of a full-rank Gaussian has D (D + 1) / 2 entries: beyond this D, a few directions.
MANY = 200

OPENING: dict[Level, str] = {
    "trust": "Trust this fit",
    "caution": "Use this fit with caution",
    "do not trust": "Do not trust this fit",
}
#: What the ending says against a fit: level, and what to do.
ENDINGS: dict[str, tuple[Level, str]] = {
    "MAX_ITERS": ("caution", "it stopped before it had settled, so run more iterations first"),
    "MAX_DRAWS": ("caution", "its draws are too few for the error asked for, so allow more"),
    "INTERRUPTED": ("caution", "it was interrupted, so let it finish first"),
    "NON_FINITE": ("do not trust", "a value was not finite, so mend the log density first"),
}


@dataclass(frozen=True)
class Trust:
    """A verdict on a fit.

    Attributes:
        level: `"trust"`, `"caution"` or `"do not trust"`.
        reasons: Why, and what to do, the gravest first; at least one.
    """

    level: Level
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The verdict with its reasons, one sentence."""
        return f"{OPENING[self.level]}: {'; '.join(self.reasons)}."

    def __str__(self) -> str:
        return self.sentence


def khat_threshold(num_draws: int) -> float:
    """Return min(1 - 1 / log10 S, 0.7), the largest k-hat at which S draws still give estimates.

    Raises:
        ValueError: for fewer than 11 draws, which support no k at all.
    """
    if num_draws <= 10:
        raise ValueError(f"num_draws must be more than 10, got {num_draws}")
    return min(1.0 - 1.0 / math.log10(num_draws), 0.7)


def judge(
    *,
    status: str,
    khat: float,
    elbo: float,
    elbo_se: float,
    skipped: int = 0,
    iterations: int = 0,
    family: str = "",
    dim: int = 1,
    num_draws: int = KHAT_DRAWS,
) -> Trust:
    """Weigh what is known of a fit.

    Args:
        status: Name of its `Status`.
        khat: Pareto k-hat, NaN if unknown.
        elbo: The final ELBO, nats.
        elbo_se: Its standard error from the same draws as `khat`, nats.
        skipped: Iterations left out because a value was not finite.
        iterations: All iterations.
        family: Class name of q, for the advice.
        dim: Number of coordinates D, for the advice.
        num_draws: Draws behind `khat`.
    """
    against = []
    if status in ENDINGS:
        against.append(ENDINGS[status])
    if not (math.isfinite(elbo) and math.isfinite(elbo_se)):
        against.append(
            ("do not trust", "the ELBO is not finite on fresh draws, so log p fails where q goes")
        )
    spread = elbo_se * math.sqrt(num_draws)
    against += _against_khat(khat, spread, khat_threshold(num_draws), family, dim)
    if iterations and skipped / iterations > FEW_SKIPPED:
        share = f"{skipped} of {iterations} iterations were skipped as not finite"
        against.append(("caution", f"{share}, which truncates q, so mend the log density there"))
    if elbo_se > LARGE_ERROR:
        error = f"the ELBO is uncertain by {elbo_se:.2g} nats"
        against.append(("caution", f"{error}, so do not compare models by it"))
    if not against:
        near = f"its log weights vary by only {spread:.2f} nats, so q is near the posterior"
        return Trust("trust", (near + (", but for its far tails" if khat > CLOSE else ""),))
    against.sort(key=lambda item: item[0] == "caution")  # stable: the gravest first
    return Trust(against[0][0], tuple(reason for _, reason in against))


def _against_khat(
    khat: float, spread: float, threshold: float, family: str, dim: int
) -> list[tuple[Level, str]]:
    if math.isnan(khat):
        return [("caution", "k-hat is unknown, so nothing has compared q with the posterior")]
    if spread <= SMALL_SPREAD or (khat <= CLOSE and not spread > LARGE_SPREAD):
        return []
    if khat <= CLOSE:
        off = f"the log weights vary by {spread:.2g} nats, and a mean may be off by as many sds"
        return [("caution", f"{off}, so correct the draws by importance resampling")]
    if khat <= threshold:
        between = f"k-hat {khat:.2f} is between {CLOSE} and {threshold:.2f}"
        return [("caution", f"{between}, so correct the draws by importance resampling")]
    above = f"k-hat {khat:.2f} is above {threshold:.2f}"
    if spread <= LARGE_SPREAD:
        bulk = f"the log weights vary by {spread:.2f} nats only, so the bulk of q is near"
        return [("caution", f"{above} but {bulk}: do not rely on its tails, which are too light")]
    return [("do not trust", f"{above}, so q is far from the posterior: {_remedy(family, dim)}")]


def _remedy(family: str, dim: int) -> str:
    if family == "MeanField":
        richer = "low_rank" if dim > MANY else "full_rank"
        return f'try family="{richer}" or reparameterise the model'
    return "reparameterise the model or take a richer family"
