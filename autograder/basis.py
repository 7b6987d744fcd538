"""What the record of a hand-in depends on, as hashes by kind: whatever changes, one says what.

A record's basis is a text such as "hand-in:90ab… check:12cd… grader:… library:… limits:…". Code is
hashed as far as it is used: for a lesson its own checks and its part of the bank, and what the
grader needs to judge, but not what only writes reports. Which module uses which is read from the
text of the modules, and rather too many are found than too few.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from autograder.checks.own import own_files
from autograder.collect import HandIn
from autograder.sandbox.limits import Limits

PACKAGE = Path(__file__).parent
KINDS = {
    "hand-in": "the hand-in changed",
    "check": "the check changed",
    "grader": "the grader changed",
    "library": "the library changed",
    "limits": "the limits or the tier changed",
}
_DOTTED = re.compile(r"\bautograder\.([\w.]+)")
_FROM_TOP = re.compile(r"\bfrom autograder import \(?([\w\s,]+)")
_WORD = re.compile(r"\b[a-z]\w*\b")
_JUDGES = ("jobs.py",)
_LESSON = "checks/lesson{}.py"
_TAKEN = re.compile(r"collect\b|collecting/|checks/bank/|checks/lesson\d")


def basis(
    hand_in: HandIn, data: bytes, files: Mapping[str, bytes], rules: Mapping[str, str]
) -> str:
    """What the record of a hand-in depends on; `rules` are those of its lesson."""
    told = [hand_in.student, hand_in.lesson, *hand_in.notes, hand_in.status or "", hand_in.sentence]
    contents = [
        data,
        *(part for item in sorted(files.items()) for part in (item[0].encode(), item[1])),
    ]
    own = _hash("\0".join(told).encode("utf-8", "replace"), *contents)
    return " ".join(f"{kind}:{found}" for kind, found in {"hand-in": own, **rules}.items())


def rules(lesson: str, root: Path, limits: Limits, tier: str) -> dict[str, str]:
    """The hashes that all hand-ins of a lesson have in common; "" for one that does not exist."""
    notebooks = [root / wing / lesson / f"{lesson}.ipynb" for wing in ("solutions", "lessons")]
    contents = [path.read_bytes() for path in notebooks if path.is_file()]
    return {
        "check": _hash(_check_code(lesson).encode(), *_own_checks(lesson), *contents),
        "grader": _grader_code(),
        "library": _library(),
        "limits": _hash(f"{limits} {tier}".encode()),
    }


def code_hash(lesson: str) -> str:
    """What processes must have in common that grade hand-ins of the same lesson."""
    told = (_check_code(lesson), _grader_code(), _library())
    return _hash(*(part.encode() for part in told), *_own_checks(lesson))


def what_changed(before: str, after: str) -> tuple[str, ...]:
    """The kinds in which two bases differ, in words."""
    old, new = _parts(before), _parts(after)
    if not old:
        return ("graded by another version",)
    return tuple(words for kind, words in KINDS.items() if old.get(kind) != new.get(kind))


def _parts(found: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in found.split() if ":" in part)


@functools.cache
def _check_code(lesson: str) -> str:
    start = _LESSON.format(lesson[:2])
    return _hash_files(_used([start]) - _judging()) if start in _texts() else ""


def _own_checks(lesson: str) -> list[bytes]:
    return [path.read_bytes() for path in own_files(lesson[:2])]


@functools.cache
def _grader_code() -> str:
    return _hash_files(_judging())


@functools.cache
def _judging() -> frozenset[str]:
    return frozenset(name for name in _used(_JUDGES) if not _TAKEN.match(name))


@functools.cache
def _library() -> str:
    import vi_lib

    folder = Path(str(vi_lib.__file__)).parent
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".csv", ".gz"))
    packages = [f"{name} {version(name)}" for name in ("numpy", "scipy", "autograd")]
    told = "\0".join([sys.version, *packages, *(str(p.relative_to(folder)) for p in found)])
    return _hash(told.encode(), *(path.read_bytes() for path in found))


@functools.cache
def _texts() -> Mapping[str, str]:
    """The grader's modules by their path inside of the package."""
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
        for path in PACKAGE.rglob("*.py")
    }


def _used(start: Iterable[str]) -> frozenset[str]:
    """The modules that some modules use, with these and with what those use in turn."""
    found, new = set[str](), set(start)
    while new:
        found |= new
        new = {used for name in new for used in _named_in(_texts()[name])} - found
    return frozenset(found)


@functools.cache
def _named_in(text: str) -> frozenset[str]:
    """The modules that a text names: as autograder.a.b, or as b after a package autograder.a."""
    found = set[str]()
    words: frozenset[str] | None = None
    found |= {f"{w}.py" for line in _FROM_TOP.findall(text) for w in _WORD.findall(line)}
    found &= _texts().keys()
    for dotted in set(_DOTTED.findall(text)):
        path = dotted.replace(".", "/")
        found |= {f"{path}.py", f"{path}/__init__.py"} & _texts().keys()
        if f"{path}/__init__.py" in _texts():
            words = words or frozenset(_WORD.findall(text))
            found |= {f"{path}/{word}.py" for word in words} & _texts().keys()
    return frozenset(found)


def _hash_files(names: Iterable[str]) -> str:
    return _hash(*(part.encode() for name in sorted(names) for part in (name, _texts()[name])))


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]
