"""The search for ADVI's step scale eta (Kucukelbir et al., JMLR 2017).

The step rule of ADVI leaves one number to choose. The paper tries {100, 10, 1, 0.1, 0.01} for a few
iterations each and keeps what reaches the highest ELBO. Here every candidate starts at the same
parameters and sees the same noise, and the ELBO that decides is an average over fresh draws, again
the same for all, with its standard error: not the last value of a run, which is luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vi_lib._check import Array, require_positive
from vi_lib.estimators import Estimator, LogDensity, reparam
from vi_lib.families import Family
from vi_lib.fit import fit
from vi_lib.optimizers import advi_step
from vi_lib.result import Status

CANDIDATES = (100.0, 10.0, 1.0, 0.1, 0.01)


@dataclass(frozen=True, eq=False)
class EtaSearch:
    """What `search_eta` found. C candidates.

    Attributes:
        eta: the candidate with the highest ELBO, for `advi_step(eta)`.
        candidates: the step scales tried (C,).
        elbo: ELBO after the trial (C,), nats; -inf for a candidate that diverged.
        elbo_se: its standard error (C,), nats.
        diverged: why a candidate is out of the running, or "" (C,).
        start: ELBO of the parameters that all started from, nats.
    """

    eta: float
    candidates: tuple[float, ...]
    elbo: Array
    elbo_se: Array
    diverged: tuple[str, ...]
    start: float

    def summary(self) -> str:
        """Return a table, one line for each candidate."""
        lines = [f"{'eta':>8}{'ELBO':>14}{'se':>10}   (started at {self.start:.5g} nats)"]
        for eta, elbo, se, why in zip(
            self.candidates, self.elbo, self.elbo_se, self.diverged, strict=True
        ):
            mark = "  <- chosen" if eta == self.eta else ""
            lines.append(f"{eta:>8g}{elbo:>14.5g}{se:>10.2g}{mark}{'   ' + why if why else ''}")
        return "\n".join(lines)


def search_eta(
    log_p: LogDensity,
    q: Family,
    lam: Array | None = None,
    *,
    rng: np.random.Generator,
    candidates: Sequence[float] = CANDIDATES,
    num_iters: int = 50,
    num_draws: int = 10,
    estimator: Estimator = reparam,
    corrected: bool = True,
) -> EtaSearch:
    """Try each eta for a few ADVI steps from the same start and choose by the ELBO reached.

    A candidate has diverged if something in its trial was not finite, or if it ends below the
    start by more than two standard errors of the difference, as if from independent draws.

    Args:
        log_p: log density (M, D) -> (M,), nats.
        q: the family.
        lam: the start (P,), by default `q.init()`.
        rng: source of one seed, which all candidates share.
        candidates: step scales.
        num_iters: iterations of each trial.
        num_draws: draws of each gradient.
        estimator: as for `fit`.
        corrected: as for `advi_step`.

    Returns:
        the search's result; `result.eta` is the choice.

    Raises:
        ValueError: if there is no candidate, or all of them have diverged.
        SupportError: unless all candidates are positive.
    """
    if not len(candidates):
        raise ValueError("candidates must hold at least one step scale, got none")
    require_positive("candidates", candidates)
    etas = tuple(float(eta) for eta in candidates)
    seed = int(rng.integers(2**63))

    def trial(eta: float, iters: int) -> tuple[float, float, str]:
        result = fit(
            log_p,
            q,
            lam,
            estimator=estimator,
            optimizer=advi_step(eta, corrected=corrected),
            num_draws=num_draws,
            max_iters=iters,
            stop=None,
            rng=np.random.default_rng(seed),
            on_nonfinite="stop",
            progress=False,
        )
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        if result.status is Status.NON_FINITE:
            return -np.inf, np.nan, result.reason
        if not np.isfinite(result.elbo):
            return -np.inf, np.nan, f"the ELBO after {iters} iterations is {result.elbo}"
        return result.elbo, result.elbo_se, ""

    start, start_se, _ = trial(etas[0], 0)
    elbo, elbo_se, diverged = [], [], []
    for eta in etas:
        value, se, why = trial(eta, num_iters)
        if not why and value < start - 2.0 * np.hypot(se, start_se):
            why = f"it fell from {start:.5g} nats at the start"
        elbo.append(value)
        elbo_se.append(se)
        diverged.append(why)
    running = [-np.inf if why else value for value, why in zip(elbo, diverged, strict=True)]
    if all(diverged):
        reasons = "; ".join(f"eta = {e:g}: {why}" for e, why in zip(etas, diverged, strict=True))
        raise ValueError(
            f"no step scale works, all {len(etas)} candidates diverged. Check the log density,"
            f" start nearer to the posterior or try smaller ones. {reasons}"
        )
    return EtaSearch(
        eta=etas[int(np.argmax(running))],
        candidates=etas,
        elbo=np.array(elbo),
        elbo_se=np.array(elbo_se),
        diverged=tuple(diverged),
        start=start,
    )
