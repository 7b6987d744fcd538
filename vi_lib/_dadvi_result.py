"""What `dadvi` hands back: a result, the error of its means and linear-response covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vi_lib import storage
from vi_lib._check import Array
from vi_lib._trust import KHAT_DRAWS, Trust
from vi_lib.diagnostics.psis import khat
from vi_lib.estimators import LogDensity, reparam
from vi_lib.families import Family
from vi_lib.layout import Layout
from vi_lib.result import Result, Status, fresh_stream


@dataclass(frozen=True, eq=False)
class DadviResult:
    """The outcome of `dadvi`. Everything is on the *unconstrained* scale but `sample`, `summary`.

    Attributes:
        result: q, how the search ended, the ELBO from fresh draws, k-hat.
        mean_error: Standard error of each mean of q (D,), in zeta's units: its distance from the
            mean that infinitely many draws would give, not from the posterior's. NaN if the search
            did not end, inf without a strict maximum.
        lr_index: Coordinates of the linear-response covariance, K of them.
        lr_cov: Their covariance (K, K); NaN if the search did not end in a strict maximum.
        eps: The frozen draws (M, D).
        rounds: Number of draws and largest error of a mean, in posterior sds, of each round.
    """

    result: Result
    mean_error: Array
    lr_index: tuple[int, ...]
    lr_cov: Array
    eps: Array
    rounds: tuple[tuple[int, float], ...]

    @property
    def num_draws(self) -> int:
        """Number of frozen draws M of the last round."""
        return len(self.eps)

    @property
    def lr_sd(self) -> Array:
        """Linear-response standard deviations (K,)."""
        return np.sqrt(np.diagonal(self.lr_cov))

    @property
    def family(self) -> Family:
        """The family q."""
        return self.result.family

    @property
    def layout(self) -> Layout:
        """Names, shapes and supports of the parameters."""
        return self.result.layout

    @property
    def status(self) -> Status:
        """How the search ended."""
        return self.result.status

    @property
    def elbo(self) -> float:
        """ELBO from fresh draws, nats; on the frozen ones it is too high."""
        return self.result.elbo

    @property
    def elbo_se(self) -> float:
        """Its standard error, nats."""
        return self.result.elbo_se

    @property
    def khat(self) -> float:
        """Pareto k-hat of fresh draws."""
        return self.result.khat

    @property
    def lam(self) -> Array:
        """Parameters of q (P,)."""
        return self.result.lam

    @property
    def mean(self) -> Array:
        """Mean of q (D,)."""
        return self.result.mean

    @property
    def sd(self) -> Array:
        """Standard deviations of q (D,), too small where a mean-field q hides correlations."""
        return self.result.sd

    @property
    def trust(self) -> Trust:
        """Whether to believe q, as for every result."""
        return self.result.trust

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each parameter from q, on its own scale: name -> `(n, *shape)`."""
        return self.result.sample(rng, n)

    def sample_lr(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draw n values of each parameter from N(mean, lr_cov) on the unconstrained scale.

        The means are those of q; sds and correlations are the linear-response ones.

        Returns:
            Name -> `(n, *shape)`, on the parameters' own scale.

        Raises:
            ValueError: If the covariance of some coordinates was not computed, or is NaN.
        """
        if sorted(self.lr_index) != list(range(self.family.dim)):
            raise ValueError(
                f"lr_cov covers {len(self.lr_index)} of {self.family.dim} coordinates: call dadvi"
                " with lr_for=range(dim)"
            )
        if not np.all(np.isfinite(self.lr_cov)):
            raise ValueError(f"there is no linear response: {self.result.reason}")
        shift = rng.standard_normal((n, self.family.dim)) @ np.linalg.cholesky(self.lr_cov).T
        zeta = np.tile(self.mean, (n, 1))
        zeta[:, list(self.lr_index)] += shift
        return self.layout.constrain(zeta)

    def summary(self, rng: np.random.Generator | None = None) -> str:
        """The summary of q, and a table of zeta with linear response and the means' errors."""
        names = self.result.layout.coordinates
        width = max(len(name) for name in (*names, "unconstrained"))
        titles = ("mean", "draw_error", "sd_q", "sd_lr")
        rows = [f"{'unconstrained':<{width}}" + "".join(f"{title:>12}" for title in titles)]
        lr_sd = dict(zip(self.lr_index, self.lr_sd, strict=True))
        for d, name in enumerate(names):
            numbers = (self.mean[d], self.mean_error[d], self.sd[d], lr_sd.get(d, math.nan))
            rows.append(f"{name:<{width}}" + "".join(f"{number:>12.4g}" for number in numbers))
        drawn = f"On {self.num_draws} frozen draws; sd_lr is the linear-response sd:"
        return "\n".join([self.result.summary(rng), "", drawn, *rows])

    def save(self, path: str | Path) -> None:
        """Write the result to one .npz file without pickle.

        Raises:
            TypeError: If a transform is not one of the library.
        """
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        inner = {f.name: getattr(self.result, f.name) for f in fields(Result)}
        storage.write(path, {**parts, "result": inner})

    @classmethod
    def load(cls, path: str | Path) -> DadviResult:
        """Read a result that `save` wrote.

        Raises:
            ValueError: If the file is none.
        """
        parts = storage.read(path, {"Status": Status})
        if not isinstance(parts, dict) or set(parts) != {f.name for f in fields(cls)}:
            raise ValueError(f"{path} is not a saved DadviResult: it holds {', '.join(parts)}")
        return cls(**{**parts, "result": Result(**parts["result"])})


def finish(
    log_p: LogDensity,
    q: Family,
    lam: Array,
    *,
    status: Status,
    reason: str,
    history: Sequence[float],
    layout: Layout,
    rng: np.random.Generator,
    mean_error: Array | None,
    lr_cov: Array | None,
    lr_index: tuple[int, ...],
    eps: Array,
    rounds: tuple[tuple[int, float], ...],
) -> DadviResult:
    """Judge q by fresh draws and put everything together; what is unknown is NaN."""
    state = rng.bit_generator.state
    noise = q.noise(fresh_stream(state), KHAT_DRAWS)
    with np.errstate(all="ignore"):
        log_w = reparam(lam, log_p, q, noise)
        elbo, elbo_se = float(np.mean(log_w)), float(np.std(log_w, ddof=1) / KHAT_DRAWS**0.5)
    usable = bool(np.all(np.isfinite(log_w)))
    values = np.array(history, dtype=float)
    result = Result(
        family=q,
        lam=lam,
        status=status,
        reason=reason,
        elbo=elbo,
        elbo_se=elbo_se,
        history=np.column_stack([values, np.full(len(values), np.nan)]),
        skipped=(),
        layout=layout,
        optimizer_state=None,
        rng_state=state,
        khat=khat(log_w) if usable else math.nan,
    )
    size = len(lr_index)
    return DadviResult(
        result=result,
        mean_error=np.full(q.dim, np.nan) if mean_error is None else mean_error,
        lr_index=lr_index,
        lr_cov=np.full((size, size), np.nan) if lr_cov is None else lr_cov,
        eps=eps,
        rounds=rounds,
    )
