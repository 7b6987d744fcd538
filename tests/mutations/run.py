"""Mutation testing: does the test suite notice every mistake in every formula of the library?

    python tests/mutations/run.py [MODULE ...]      e.g. families ppl.handlers; all by default

For each mutant a process is forked in which the mutated module stands in for the real one, and the
tests of vi_lib run until one fails: first those of the module itself, then, unless modules are
named, all the others. A mutant that no test notices is listed, unless it is known to change nothing
(EQUIVALENT says why). A run of all modules writes docs/mutations.md.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import io
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType

import pytest
from equivalent import EQUIVALENT, FIRST
from mutants import Mutant, mutants
from tqdm import tqdm

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "vi_lib"
TESTS = ROOT / "tests" / "vi_lib"
REPORT = ROOT / "docs" / "mutations.md"
#: Modules without formulas: figures, files, messages.
LEFT_OUT = {"_check", "_fit_checks", "_marginals", "datasets", "figure", "flipbook", "latent_plots",
            "plots", "storage"}  # fmt: skip
#: Seconds after which a mutant counts as noticed: it hangs.
PATIENCE = 240
#: Exit codes of pytest: all passed; none selected.
PASSED = {0, 5}
#: Exit code of a child in which pytest did not run.
BROKEN = 70
MARKS = ("not browser and not slow", "slow and not browser")
CHECK = (LIBRARY / "_check.py").read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    """`families`, `ppl.handlers`."""
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts)


def modules(wanted: Sequence[str]) -> list[Path]:
    """Paths of the modules to mutate.

    Raises:
        SystemExit: naming a module that does not exist.
    """
    paths = {name_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}
    if unknown := set(wanted) - set(paths):
        raise SystemExit(f"no module {', '.join(sorted(unknown))} in vi_lib")
    chosen = wanted or [n for n in paths if n not in LEFT_OUT and not n.endswith("__init__")]
    return [paths[name] for name in chosen]


def own_tests(name: str) -> list[Path]:
    """Test files of a module: those named in FIRST, or like it."""
    stem = name.split(".")[-1].removeprefix("_")
    found = [TESTS / file for file in FIRST.get(name, ())]
    found += [p for p in sorted(TESTS.rglob("test_*.py")) if stem in p.stem and p not in found]
    return found


class Stand(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Imports the mutated source in place of one module."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = f"vi_lib.{name}", path, source

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the one module."""
        if name != self.name:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated source."""
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def noticed(name: str, path: Path, mutant: Mutant, whole: bool) -> bool:
    """Whether some test fails on the mutant: of the module's own, or of the whole library."""
    own = own_tests(name)
    rest = [p for p in sorted(TESTS.rglob("test_*.py")) if p not in own]
    rest = [p for p in rest if p.stem not in ("test_layers", "test_plots", "test_flipbook")]
    stages = [(own, MARKS[0]), (own, MARKS[1])]
    if whole:
        stages += [(rest, MARKS[0]), (rest, MARKS[1])]
    return any(files and _fails(name, path, mutant.source, files, marks) for files, marks in stages)


def _fails(name: str, path: Path, source: str, files: list[Path], marks: str) -> bool:
    """Whether a test of these files fails when `source` stands in for the module.

    Raises:
        RuntimeError: if pytest itself could not run.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        code = BROKEN
        with suppress(BaseException):
            sys.meta_path.insert(0, Stand(name, path, source))
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                code = pytest.main([*map(str, files), "-x", "-q", "-m", marks, "--assert=plain",
                                    "-p", "no:cacheprovider", "-p", "no:xdist"])  # fmt: skip
        os._exit(code)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code == BROKEN:
                raise RuntimeError(f"pytest did not run for {name}")
            return code not in PASSED
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _require_green(paths: Sequence[Path], whole: bool) -> None:
    """The tests must pass on the library as it is, or every mutant would count as noticed.

    Raises:
        SystemExit: naming the module whose own tests fail.
    """
    for path in paths:
        name, source = name_of(path), path.read_text(encoding="utf-8")
        own = own_tests(name)
        if own and _fails(name, path, source, own, MARKS[0]):
            raise SystemExit(f"the tests of {name} fail without any mutant")
    everything = sorted(TESTS.rglob("test_*.py"))
    if whole and _fails("_check", LIBRARY / "_check.py", CHECK, everything, MARKS[0]):
        raise SystemExit("the tests of vi_lib fail without any mutant")


def main() -> int:
    """Run all mutants; the exit code says whether any survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    _warm_up()
    paths, whole = modules(options.modules), not options.modules
    _require_green(paths, whole)
    jobs = [(name_of(p), p, m) for p in paths for m in mutants(p)]
    unknown = [j for j in jobs if (j[0], j[2].label) not in EQUIVALENT]
    with ThreadPoolExecutor(options.workers) as pool:
        found = list(tqdm(pool.map(lambda job: noticed(*job, whole), unknown), total=len(unknown)))
    survivors = [job for job, seen in zip(unknown, found, strict=True) if not seen]
    for (name, _, mutant), seen in zip(unknown, found, strict=True):
        print(f"{'killed  ' if seen else 'SURVIVED'} {name}:{mutant.line} {mutant.label}")
    print(f"{len(unknown) - len(survivors)} of {len(unknown)} killed,"
          f" {len(jobs) - len(unknown)} known to change nothing")  # fmt: skip
    if whole:
        REPORT.write_text(report(jobs, survivors), encoding="utf-8")
    return 1 if survivors else 0


def _warm_up() -> None:
    """Load what every child needs, so that a fork has it; nothing of the library itself."""
    import arviz  # noqa: F401
    import autograd.numpy  # noqa: F401
    import scipy.integrate
    import scipy.optimize
    import scipy.stats  # noqa: F401

    assert not any(name.startswith("vi_lib") for name in sys.modules)


def report(
    jobs: Sequence[tuple[str, Path, Mutant]], survivors: Sequence[tuple[str, Path, Mutant]]
) -> str:
    """The page docs/mutations.md."""
    kinds = ("sign", "square", "jacobian", "entropy", "scale")
    made = Counter((name, mutant.kind) for name, _, mutant in jobs)
    alive = Counter(name for name, _, _ in survivors)
    same = Counter(name for name, _, m in jobs if (name, m.label) in EQUIVALENT)
    names = sorted({name for name, _, _ in jobs})
    lines = [
        "# Mutations",
        "",
        "Written by `python tests/mutations/run.py`, which puts one mistake at a time into the",
        "library's formulas and runs the tests until one fails. Kinds of mistake: a flipped",
        "*sign*; an sd for a variance (*square*); a forgotten *jacobian*, *entropy* or factor",
        "N/B (*scale*).",
        "",
        f"{len(jobs)} mutants, {len(survivors)} not noticed,"
        f" {sum(same.values())} that change nothing (listed below).",
        "",
        "| module | " + " | ".join(kinds) + " | change nothing | not noticed |",
        "|---" * (len(kinds) + 3) + "|",
    ]
    for name in names:
        counts = [str(made[name, kind] or "") for kind in kinds]
        lines.append(
            f"| {name} | " + " | ".join(counts) + f" | {same[name] or ''} | {alive[name]} |"
        )
    if survivors:
        lines += ["", "## Not noticed", ""]
        lines += [f"- {name}:{m.line} `{m.label}`" for name, _, m in survivors]
    lines += ["", "## Changes that change nothing", ""]
    for name, _, mutant in jobs:
        if reason := EQUIVALENT.get((name, mutant.label)):
            lines.append(f"- {name}:{mutant.line} `{mutant.label}`: {reason}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
