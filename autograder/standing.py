"""How far a student is: for each lesson what the visible checks say of the notebook as it is saved.

A notebook in which nothing is answered is told by its text. Any other runs as in
`autograder check`, and what came of it is kept in a hidden file beside the lessons, with a hash of
the notebook's cells, the files beside it and the code of the checks: it runs again when one of them
changes, and not when only outputs do.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.commands import NOT_HERE, with_files
from autograder.facts import Facts, facts_of
from autograder.notebook_file import Cell, read_cells
from autograder.tables import write_whole

if TYPE_CHECKING:
    from autograder.sandbox.client import Zygote

CACHE = ".progress.json"
SECONDS = 60.0
"""For a notebook's own code, as `autograder check` has it."""
Said = Mapping[str, tuple[str, float]]
"""The status and the points of each exercise."""
_EMPTY = ("not started", "not defined")


@dataclass(frozen=True)
class Standing:
    """How far a student is in a lesson; `note` says why that is not known, or not wholly."""

    facts: Facts
    said: Said
    note: str = ""
    stale: bool = False

    @property
    def points(self) -> float:
        """The points reached; those of a lesson for practice count nowhere."""
        reached = (said[1] for name, said in self.said.items() if self.facts.points.get(name))
        return float(round(sum(reached), 6))

    @property
    def possible(self) -> float:
        """The points of all exercises."""
        return float(round(sum(self.facts.points.values()), 6))

    @property
    def states(self) -> tuple[str, ...]:
        """For each exercise, in order: "done", "begun" or "untouched"."""
        found = (self.said.get(name, ("not started", 0.0))[0] for name in self.facts.builds)
        return tuple(
            "done" if status == "correct" else "untouched" if status in _EMPTY else "begun"
            for status in found
        )

    def count(self, state: str) -> int:
        """How many exercises are in a state."""
        return self.states.count(state)


@dataclass(frozen=True)
class _Look:
    """A notebook as it is now: its standing, or the hash under which it is to be kept."""

    standing: Standing
    path: Path
    data: bytes = b""
    key: str = ""


def standings(
    folder: Path,
    names: Sequence[str],
    judge: Callable[[Path, bytes, str], Said] | None = None,
    watch: Callable[[str, int, int], None] = lambda name, at, total: None,
) -> list[Standing]:
    """The standing of each lesson; `judge` runs a notebook that has changed.

    Without `judge` nothing runs: what has changed is marked as stale. `watch` is told which lesson
    is run, and how many have been of how many. What `judge` raises as a `ValueError` becomes a
    note on the lesson.
    """
    kept = _load(folder)
    looks = [_look(folder / name / f"{name}.ipynb", facts_of(name), kept) for name in names]
    changed = [look for look in looks if look.key]
    found = {look.standing.facts.name: look.standing for look in looks}
    for at, look in enumerate(changed if judge else ()):
        facts = look.standing.facts
        watch(facts.name, at, len(changed))
        try:
            said = judge(look.path, look.data, facts.name)  # type: ignore[misc]
        except ValueError as error:
            found[facts.name] = Standing(facts, {}, str(error))
            continue
        found[facts.name] = Standing(facts, said)
        kept[facts.name] = {"key": look.key, "said": {k: list(v) for k, v in said.items()}}
        _save(folder, kept)
    return [found[name] for name in names]


def _look(path: Path, facts: Facts, kept: Mapping[str, Any]) -> _Look:
    try:
        data = path.read_bytes()
        cells = read_cells(data)[0]
    except OSError:
        return _Look(Standing(facts, {}, f"There is no notebook {path.name}."), path)
    except ValueError as error:
        return _Look(Standing(facts, {}, str(error)), path)
    if is_untouched(cells, facts):
        return _Look(Standing(facts, {}), path)
    key = _key(cells, path, facts.name)
    said = _said(kept.get(facts.name), key)
    if said is not None:
        return _Look(Standing(facts, said), path)
    note = "This lesson has changed since it was last looked at."
    return _Look(Standing(facts, {}, note, stale=True), path, data, key)


def is_untouched(cells: Sequence[Cell], facts: Facts) -> bool:
    """Whether all answers are as they were released, and no other cell answers in their stead."""
    from autograder.sandbox.program import binds

    answers = {c.grade_id: c.source.strip() for c in cells if c.grade_id in facts.stubs}
    if answers != {grade_id: stub.strip() for grade_id, stub in facts.stubs.items()}:
        return False
    rest = [c.source for c in cells if c.kind == "code" and c.grade_id not in facts.stubs]
    return not any(binds(source, name) for source in rest for name in facts.asked)


def _key(cells: Sequence[Cell], path: Path, name: str) -> str:
    from autograder.basis import code_hash
    from autograder.commands import beside

    texts = [[cell.kind, cell.source, cell.grade_id] for cell in cells]
    digest = hashlib.sha256(code_hash(name).encode())
    digest.update(json.dumps(texts).encode())
    for file, data in beside(path).items():
        digest.update(json.dumps([file, len(data)]).encode() + data)
    return digest.hexdigest()[:24]


def _load(folder: Path) -> dict[str, Any]:
    """What is kept; nothing if the file is missing or no longer whole."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / CACHE).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _save(folder: Path, kept: Mapping[str, Any]) -> None:
    """Keep it. In a folder that cannot be written, the notebooks run again next time."""
    with contextlib.suppress(OSError):
        write_whole(folder / CACHE, json.dumps(kept, indent=1, sort_keys=True).encode())


def _said(entry: Any, key: str) -> Said | None:
    if not isinstance(entry, dict) or entry.get("key") != key:
        return None
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        return {str(k): (str(v[0]), float(v[1])) for k, v in entry["said"].items()}
    return None


@contextlib.contextmanager
def judging() -> Iterator[Callable[[Path, bytes, str], Said]]:
    """A judge of notebooks, which starts when it is first asked."""
    zygote: Zygote | None = None

    def judge(path: Path, data: bytes, name: str) -> Said:
        try:
            import resource  # noqa: F401  (what the sandbox is made of; Windows has none of it)
        except ImportError:
            raise ValueError(NOT_HERE) from None
        from autograder.lesson import lesson_for_students
        from autograder.sandbox.client import Zygote
        from autograder.sandbox.limits import Limits
        from autograder.submission import read_submission
        from autograder.verdicts import verdicts_of

        nonlocal zygote
        lesson = lesson_for_students(name)
        submission = with_files(read_submission(data, lesson), path)
        zygote = zygote or Zygote()
        verdicts = verdicts_of(submission, lesson, zygote, Limits(seconds=SECONDS))
        return {verdict.exercise: (verdict.status, verdict.score) for verdict in verdicts}

    try:
        yield judge
    finally:
        if zygote is not None:
            zygote.close()
