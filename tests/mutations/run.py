"""Mutation testing: does the test suite notice every mistake in every formula of the library?

    python tests/mutations/run.py [MODULE ...]      e.g. families ppl.handlers; all by default

For each mutant a process is forked in which the mutated module stands in for the real one, and the
tests of vi_lib run until one fails: first those of the module itself, then, unless modules are
named, all the others. A mutant that no test notices is listed, unless it is known to change nothing
(EQUIVALENT says why). What was noticed is kept in docs/mutations.json, so only new formulas take
time; docs/mutations.md is the same for readers.
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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType

import pytest
from equivalent import EQUIVALENT, FIRST
from mutants import Mutant
from record import LIBRARY, add, keyed, load, modules, name_of
from tqdm import tqdm

TESTS = LIBRARY.parent / "tests" / "vi_lib"
#: Seconds after which a mutant counts as noticed: it hangs.
PATIENCE = 240
#: Exit codes of pytest: all passed; none selected.
PASSED = {0, 5}
#: Exit code of a child in which pytest did not run.
BROKEN = 70
MARKS = ("not browser and not slow", "slow and not browser")
CHECK = (LIBRARY / "_check.py").read_text(encoding="utf-8")


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
        RuntimeError: if pytest itself could not run, or the library is already loaded here, so
            that no mutant could stand in for a part of it.
    """
    if "vi_lib" in sys.modules:
        raise RuntimeError("vi_lib is loaded already: run the mutants in a process of their own")
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
    """Run the mutants; the exit code says whether any survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="also those that were noticed before")
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    _warm_up()
    paths, whole = modules(options.modules), not options.modules
    _require_green(paths, whole)
    record = {} if options.again else load()
    jobs = [(name_of(path), path, key, mutant) for path in paths for key, mutant in keyed(path)]
    jobs = [j for j in jobs if j[2] not in record.get(j[0], ())]
    jobs = [j for j in jobs if (j[0], j[3].label) not in EQUIVALENT]
    found: dict[str, set[str]] = {}

    def judge(job: tuple[str, Path, str, Mutant]) -> bool:
        name, path, key, mutant = job
        seen = noticed(name, path, mutant, whole)
        if seen:
            found.setdefault(name, set()).add(key)
        return seen

    try:
        with ThreadPoolExecutor(options.workers) as pool:
            verdicts = list(tqdm(pool.map(judge, jobs), total=len(jobs)))
    finally:
        add(found)
    for (name, _, _, mutant), seen in zip(jobs, verdicts, strict=True):
        print(f"{'killed  ' if seen else 'SURVIVED'} {name}:{mutant.line} {mutant.label}")
    print(f"{sum(verdicts)} of {len(jobs)} killed")
    return 0 if all(verdicts) else 1


def _warm_up() -> None:
    """Load what every child needs, so that a fork has it; nothing of the library itself."""
    import arviz  # noqa: F401
    import autograd.numpy  # noqa: F401
    import scipy.integrate
    import scipy.optimize
    import scipy.stats  # noqa: F401

    assert not any(name.startswith("vi_lib") for name in sys.modules)


if __name__ == "__main__":
    sys.exit(main())
