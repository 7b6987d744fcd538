"""What a fit hands back: the approximation, how it ended, and all that is needed to go on."""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vi_lib import storage
from vi_lib._check import Array, require_shape
from vi_lib._trust import KHAT_DRAWS, Trust, judge, khat_threshold
from vi_lib.families import Family
from vi_lib.layout import Layout

#: Draws of `summary`: the Monte Carlo error of a mean is then 1 % of the posterior sd.
SUMMARY_DRAWS = 10_000
HDI_MASS = 0.94


class Status(enum.Enum):
    """How a fit ended, as a sentence that says what to do."""

    CONVERGED = "Converged: the stopping rule was met."
    COMPLETED = (
        "Completed: all iterations were run, and no stopping rule was set; look at the ELBO trace."
    )
    MAX_ITERS = (
        "Not converged: max_iters was reached before the stopping rule was met; if the ELBO still"
        " rises, continue with fit(..., resume=result), if it only wobbles, take more draws."
    )
    NON_FINITE = (
        "Stopped: the ELBO or its gradient was not finite; the parameters are those before. Check"
        " the log density at the draw named, start nearer to the posterior or take smaller steps."
    )
    INTERRUPTED = "Interrupted from the keyboard: continue with fit(..., resume=result)."
    MAX_DRAWS = (
        "Not converged: max_draws was reached before the means were as exact as asked; their error"
        " is reported, so take more draws or accept it."
    )


class Fitted(Protocol):
    """What every result has, of whichever algorithm: q, its parameters, draws and a verdict."""

    @property
    def family(self) -> Family:
        """The variational family q."""

    @property
    def lam(self) -> Array:
        """Its parameters (P,)."""

    @property
    def layout(self) -> Layout:
        """Names, shapes and supports of the parameters."""

    @property
    def status(self) -> Status:
        """How the fit ended."""

    @property
    def elbo(self) -> float:
        """ELBO from fresh draws, nats."""

    @property
    def elbo_se(self) -> float:
        """Its standard error, nats."""

    @property
    def khat(self) -> float:
        """Pareto k-hat of fresh draws."""

    @property
    def trust(self) -> Trust:
        """Whether to believe the fit."""

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each parameter: name -> `(n, *shape)`."""


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a fit; with `fit(..., resume=result)` it goes on as if never stopped.

    Attributes:
        family: The variational family q.
        lam: Its parameters (P,).
        status: How the fit ended.
        reason: What was seen when it ended, in words.
        elbo: ELBO estimated from draws that the fit did not use, in nats.
        elbo_se: Its Monte Carlo standard error, in nats.
        history: ELBO estimate and standard error of each step (K, 2), in nats.
        skipped: Iterations left out because a value was not finite; they are not in `history`.
        layout: Names, shapes and supports of the parameters.
        optimizer_state: State of the step rule after the last step.
        rng_state: State of the bit generator after the last step.
        khat: Pareto shape of the importance weights of fresh draws; NaN where it was not computed.
        loop_state: What the loop needs to go on, beyond the optimiser and the generator.
    """

    family: Family
    lam: Array
    status: Status
    reason: str
    elbo: float
    elbo_se: float
    history: Array
    skipped: tuple[int, ...]
    layout: Layout
    optimizer_state: Any = field(repr=False)
    rng_state: Mapping[str, Any] = field(repr=False)
    khat: float = math.nan
    loop_state: Any = field(default=None, repr=False)

    @property
    def iterations(self) -> int:
        """Iterations run, those that were skipped included."""
        return len(self.history) + len(self.skipped)

    @property
    def converged(self) -> bool:
        """Whether the stopping rule was met."""
        return self.status is Status.CONVERGED

    @property
    def mean(self) -> Array:
        """Mean of q (D,) on the *unconstrained* scale, exact; `summary` has the other one."""
        return self.family.mean(self.lam)

    @property
    def sd(self) -> Array:
        """Standard deviations of q (D,) on the *unconstrained* scale, exact."""
        return self.family.sd(self.lam)

    @property
    def cov(self) -> Array:
        """Covariance of q (D, D) on the *unconstrained* scale, exact."""
        return self.family.cov(self.lam)

    @property
    def trust(self) -> Trust:
        """Whether to believe the fit and why: level and reasons, from what the fit has measured."""
        return judge(
            status=self.status.name,
            khat=self.khat,
            elbo=self.elbo,
            elbo_se=self.elbo_se,
            skipped=len(self.skipped),
            iterations=self.iterations,
            family=type(self.family).__name__,
            dim=self.family.dim,
        )

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each parameter on its own scale: name -> `(n, *shape)`."""
        return self.layout.constrain(self._zeta(rng, n))

    def summary(self, rng: np.random.Generator | None = None) -> str:
        """A text: whether to believe the fit, how it ended, the ELBO, a line for each coordinate.

        Mean, sd and the interval of highest density (94 %) are those of the parameters themselves,
        not of their transforms, from 10 000 draws; `mc_error` is the standard error of the mean.

        Args:
            rng: Source of the draws; by default a stream that belongs to this result, so the same
                result prints the same table.
        """
        zeta = self._zeta(fresh_stream(self.rng_state) if rng is None else rng, SUMMARY_DRAWS)
        theta = np.concatenate(
            [draws.reshape(len(zeta), -1) for draws in self.layout.constrain(zeta).values()], axis=1
        )
        low, high = hdi(theta, HDI_MASS)
        sd = theta.std(axis=0, ddof=1)
        columns = (theta.mean(axis=0), sd, sd / np.sqrt(len(theta)), low, high)
        titles = (
            "mean",
            "sd",
            "mc_error",
            f"hdi_{(1 - HDI_MASS) / 2:.0%}",
            f"hdi_{(1 + HDI_MASS) / 2:.0%}",
        )
        width = max(len(name) for name in (*self.layout.names, "parameter"))
        rows = [f"{'parameter':<{width}}" + "".join(f"{title:>11}" for title in titles)]
        for name, *numbers in zip(self.layout.names, *columns, strict=True):
            rows.append(f"{name:<{width}}" + "".join(f"{number:>11.4g}" for number in numbers))
        skipped = f", {len(self.skipped)} of them skipped as not finite" if self.skipped else ""
        return "\n".join(
            [
                self.trust.sentence,
                self.status.value,
                f"After {self.iterations} iterations{skipped}: {self.reason}.",
                f"ELBO {self.elbo:.3f} ± {self.elbo_se:.3f} nats (standard error, fresh draws)",
                *self._khat_line(),
                "",
                *rows,
            ]
        )

    def save(self, path: str | Path) -> None:
        """Write the result to one .npz file of arrays and a JSON text; no pickle is involved.

        Raises:
            TypeError: If family, transforms or optimiser state are not those of the library.
        """
        storage.write(path, {name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """Read a result that `save` wrote.

        Raises:
            ValueError: If the file is none.
        """
        parts = storage.read(path, {"Status": Status})
        # Files from before these two fields lack them, and the defaults say as much.
        if set(cls.__dataclass_fields__) - set(parts) - {"khat", "loop_state"} or (
            set(parts) - set(cls.__dataclass_fields__)
        ):
            raise ValueError(f"{path} is not a saved Result: it holds {', '.join(parts)}")
        return cls(**{**parts, "skipped": tuple(parts["skipped"])})

    def _khat_line(self) -> list[str]:
        if math.isnan(self.khat):
            return []
        usable = f"usable below {khat_threshold(KHAT_DRAWS):.2f}"
        return [f"k-hat {self.khat:.2f} ({usable}; it cannot see a mode that q misses)"]

    def _zeta(self, rng: np.random.Generator, n: int) -> Array:
        return self.family.transport(self.lam, self.family.noise(rng, n))


def hdi(draws: Array, mass: float) -> tuple[Array, Array]:
    """The shortest interval that holds the fraction `mass` of the draws (S, D), per column.

    Returns:
        Lower ends (D,) and upper ends (D,).

    Raises:
        ShapeError: Unless draws is (S, D).
    """
    require_shape("draws", draws, ("S", "D"))
    ordered = np.sort(draws, axis=0)
    inside = int(np.ceil(mass * len(ordered)))
    lengths = ordered[inside - 1 :] - ordered[: len(ordered) - inside + 1]
    first = np.argmin(lengths, axis=0)
    columns = np.arange(draws.shape[1])
    return ordered[first, columns], ordered[first + inside - 1, columns]


def fresh_stream(rng_state: Mapping[str, Any]) -> np.random.Generator:
    """A generator that depends on a bit generator's state but shares no number with it.

    `Generator.spawn` would not do: its children depend on the seed sequence, which a restored
    generator no longer has.
    """
    digest = hashlib.sha256(storage.text(rng_state).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def restore_generator(rng_state: Mapping[str, Any]) -> np.random.Generator:
    """The generator whose bit generator has this state."""
    bit_generator = getattr(np.random, rng_state["bit_generator"])()
    bit_generator.state = rng_state
    return np.random.Generator(bit_generator)
