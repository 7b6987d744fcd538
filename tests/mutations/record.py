"""Which mutants a test has noticed: docs/mutations.json, and the page made from it."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from equivalent import EQUIVALENT
from mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "vi_lib"
STORE = ROOT / "docs" / "mutations.json"
PAGE = ROOT / "docs" / "mutations.md"
KINDS = ("sign", "square", "jacobian", "entropy", "scale")
#: Modules without formulas: figures, files, messages.
LEFT_OUT = {"_check", "_fit_checks", "_marginals", "datasets", "figure", "flipbook", "latent_plots",
            "plots", "storage"}  # fmt: skip


def name_of(path: Path) -> str:
    """`families`, `ppl.handlers`."""
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts)


def modules(wanted: Sequence[str] = ()) -> list[Path]:
    """Paths of the modules to mutate, all of them by default.

    Raises:
        SystemExit: naming a module that does not exist.
    """
    paths = {name_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}
    if unknown := set(wanted) - set(paths):
        raise SystemExit(f"no module {', '.join(sorted(unknown))} in vi_lib")
    chosen = wanted or [n for n in paths if n not in LEFT_OUT and not n.endswith("__init__")]
    return [paths[name] for name in chosen]


def keyed(path: Path) -> Iterator[tuple[str, Mutant]]:
    """Yield each mutant of a module with a key that does not depend on its line."""
    seen: Counter[str] = Counter()
    for mutant in mutants(path):
        seen[mutant.label] += 1
        text = f"{mutant.label} #{seen[mutant.label]}"
        yield hashlib.sha256(text.encode()).hexdigest()[:10], mutant


def load() -> dict[str, set[str]]:
    """Return module -> keys of the mutants that a test has noticed."""
    text = STORE.read_text(encoding="utf-8") if STORE.exists() else ""
    return {name: set(keys) for name, keys in json.loads(text or "{}").items()}


def add(noticed: Mapping[str, set[str]]) -> None:
    """Add to the record, forget mutants that no longer exist, and write the page."""
    # The store locks itself: a lock file that is removed would let two writers in.
    with STORE.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = load()
        everything = [(name_of(p), key, m) for p in modules() for key, m in keyed(p)]
        exist = {(name, key) for name, key, _ in everything}
        for name, keys in noticed.items():
            record.setdefault(name, set()).update(keys)
        kept = {n: sorted(k for k in ks if (n, k) in exist) for n, ks in sorted(record.items())}
        lines = [f'"{name}": {json.dumps(keys)}' for name, keys in kept.items() if keys]
        STORE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        PAGE.write_text(_page(everything, record), encoding="utf-8")


def _page(everything: Sequence[tuple[str, str, Mutant]], record: Mapping[str, set[str]]) -> str:
    same = [(n, m) for n, _, m in everything if (n, m.label) in EQUIVALENT]
    open_ = [
        (n, m) for n, key, m in everything
        if key not in record.get(n, set()) and (n, m.label) not in EQUIVALENT
    ]  # fmt: skip
    made = Counter((name, mutant.kind) for name, _, mutant in everything)
    same_in, open_in = Counter(n for n, _ in same), Counter(n for n, _ in open_)
    lines = [
        "# Mutations",
        "",
        "Written by `python tests/mutations/run.py`, which puts one mistake at a time into the",
        "library's formulas and runs the tests until one fails. Kinds of mistake: a flipped",
        "*sign*; an sd for a variance (*square*); a forgotten *jacobian*, *entropy* or factor",
        "N/B (*scale*).",
        "",
        f"{len(everything)} mutants: {len(everything) - len(same) - len(open_)} noticed,"
        f" {len(same)} that change nothing (listed below), {len(open_)} not noticed or not run.",
        "",
        "| module | " + " | ".join(KINDS) + " | change nothing | not noticed |",
        "|---" * (len(KINDS) + 3) + "|",
    ]
    for name in sorted({name for name, _, _ in everything}):
        counts = " | ".join(str(made[name, kind] or "") for kind in KINDS)
        lines.append(f"| {name} | {counts} | {same_in[name] or ''} | {open_in[name]} |")
    if open_:
        lines += ["", "## Not noticed, or not yet run", ""]
        lines += [f"- {name}:{m.line} `{m.label}`" for name, m in open_]
    lines += ["", "## Changes that change nothing", ""]
    lines += [f"- {n}:{m.line} `{m.label}`: {EQUIVALENT[n, m.label]}" for n, m in same]
    return "\n".join(lines) + "\n"
