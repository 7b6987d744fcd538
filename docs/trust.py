"""Measure whether fits know when they are wrong, and write docs/trust.md.

Run as `PYTHONPATH=tests python docs/trust.py`, a quarter of an hour on two cores; with `--render`,
only the page is written again from docs/trust.json, for a change of the words in trust_notes.py.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from posteriors.measure import BAD_RATIO, BAD_SHIFT, fit
from posteriors.models import CASES
from trust_notes import NOTES

from vi_lib import NonFiniteError
from vi_lib._trust import KHAT_DRAWS

METHODS = {
    "mean_field": "mean-field",
    "full_rank": "full-rank",
    "low_rank": "low-rank",
    "linear_response": "DADVI, LR",
}
STORED, PAGE = (Path(__file__).with_suffix(ending) for ending in (".json", ".md"))
LEVELS = ("trust", "caution", "do not trust")

HEAD = """\
# Does a fit know when it is wrong?

Written by `docs/trust.py`. Every result carries a verdict on itself, `result.trust`, from what the
fit has measured: k-hat and the spread of its importance weights, how it ended, what was not
finite. Here the verdict is compared with the truth, for {models} posteriors of the kind found in
posteriordb (`tests/posteriors`) whose moments are exact ({exact}) or come from long NUTS runs of
another library ({nuts}). All fits are run with the defaults and seed 0, and nothing was tuned.

**A bad fit**, by definition, has a mean that is off by more than {shift:g} posterior sds, or an sd
that is wrong by more than a factor {ratio:g}, in any coordinate, on the unconstrained scale, where
the families live. Why these: {shift:g} sds is the Monte Carlo error of 25 independent draws from
the posterior, more than anybody would accept from a sampler; with an sd too small by a factor
{ratio:g} a 95 % interval covers 81 %. Mean-field fits of moderately correlated posteriors pass;
those whose error bars would mislead do not.

- **off**: largest error of a mean, in posterior sds.
- **sd ratio**: smallest and largest sd of the fit, divided by the posterior's. DADVI's are those of
  linear response (LR), its means those of mean-field; its verdict is about q, which is mean-field.
- **spread**: sd of the log importance weights, in nats.
- **alarm**: the verdict "do not trust" is one. It is *true* if the fit is bad and *false* if it is
  not; a bad fit that the verdict lets pass as "trust" is *missed*. "caution" names a remedy
  (importance resampling) and is counted apart: on a bad fit it is a *warning*, on a good one
  *care*.
"""


def measure(name: str, method: str) -> dict[str, Any]:
    """One row."""
    np.seterr(all="ignore")
    row: dict[str, Any] = {"model": name, "method": method, "dim": CASES[name].model.dim}
    try:
        got = fit(name, method)
    except (NonFiniteError, np.linalg.LinAlgError) as error:
        return row | {"error": f"{type(error).__name__}: {error}"}
    return row | {
        "shift": got.worst_shift,
        "low": float(got.ratio.min()),
        "high": float(got.ratio.max()),
        "khat": float(got.result.khat),
        "spread": float(got.result.elbo_se * np.sqrt(KHAT_DRAWS)),
        "verdict": got.level,
        "why": got.result.trust.sentence,
        "bad": got.bad,
    }


def kind(row: dict[str, Any]) -> str:
    """What the verdict was worth."""
    if "error" in row:
        return "raised"
    bad = {"trust": "**missed**", "caution": "warning", "do not trust": "true"}
    good = {"trust": "rightly trusted", "caution": "care", "do not trust": "**false**"}
    return (bad if row["bad"] else good)[row["verdict"]]


def line(row: dict[str, Any]) -> str:
    """One line of the table."""
    start = f"| {row['model']} | {row['dim']} | {METHODS[row['method']]} | "
    if "error" in row:
        return start + "| | | | raised an error | | raised |"
    fitted = "bad" if row["bad"] else "good"
    return start + (
        f"{row['shift']:.2f} | {row['low']:.2f}–{row['high']:.2f} | {row['khat']:.2f} | "
        f"{row['spread']:.2f} | {row['verdict']} | {fitted} | {kind(row)} |"
    )


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """Counts for each method and for all."""
    columns = ("true", "warning", "**missed**", "**false**", "care", "rightly trusted", "raised")
    titles = ("true alarms", "warnings", "missed", "false alarms", "care", "rightly trusted")
    lines = [
        "| method | bad fits | " + " | ".join(titles) + " | raised |",
        "|---|---|" + "---|" * len(columns),
    ]
    for method, title in [*METHODS.items(), ("", "**all**")]:
        mine = [row for row in rows if method in ("", row["method"])]
        counts = [sum(kind(row) == column for row in mine) for column in columns]
        bad = sum(row.get("bad", False) for row in mine)
        lines.append(f"| {title} | {bad} | " + " | ".join(map(str, counts)) + " |")
    return lines


def page(rows: list[dict[str, Any]]) -> str:
    """The whole text."""
    from posteriors.measure import reference

    sources = [entry["source"].startswith("exact") for entry in reference().values()]
    head = HEAD.format(
        models=len(sources),
        exact=sum(sources),
        nuts=len(sources) - sum(sources),
        shift=BAD_SHIFT,
        ratio=BAD_RATIO,
    )
    table = [
        "| model | D | method | off | sd ratio | k-hat | spread | verdict | fit | alarm |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(line, rows),
    ]
    wrong = [row for row in rows if kind(row) in ("**missed**", "**false**", "raised")]
    notes = []
    for row in wrong:
        title = f"**{row['model']}, {METHODS[row['method']]}: {kind(row).strip('*')}.**"
        note = NOTES.get((row["model"], row["method"]), "Not explained yet.")
        notes.append(f"{title} {note}")
    parts = [
        head,
        "## In short\n",
        *summary(rows),
        "\n## Every fit\n",
        *table,
        "\n## Each miss, false alarm and error\n",
        "\n\n".join(notes),
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Measure, unless told only to render, and write the page."""
    if "--render" not in sys.argv:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = "1"
        pairs = [(name, method) for name in CASES for method in METHODS]
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            rows = list(pool.map(measure, *zip(*pairs, strict=True)))
        STORED.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    rows = json.loads(STORED.read_text(encoding="utf-8"))
    PAGE.write_text(page(rows), encoding="utf-8")
    missing = {
        (row["model"], row["method"])
        for row in rows
        if kind(row) in ("**missed**", "**false**", "raised")
    } - set(NOTES)
    if missing:
        sys.exit(f"trust_notes.py does not explain {sorted(missing)}")


if __name__ == "__main__":
    main()
