"""Answers that are alike: fingerprints of code that survive new names, comments and layout.

Code becomes tokens in which the author's own names and all numbers and strings are one token each.
Every run of K tokens is hashed, and of each W neighbouring hashes the smallest is kept: so any
shared run of K + W - 1 tokens leaves at least one shared fingerprint (S. Schleimer, D. S. Wilkerson
and A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003).

A short honest answer is alike by nature. So code that everybody has been given or that is known to
be typical does not count (stubs, solutions, the banks of typical answers), what many in the class
have counts little, and a pair is named only if enough unusual code is left that they share.
"""

from __future__ import annotations

import builtins
import functools
import keyword
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

K, W = 10, 5
"""Tokens in a run, and how many neighbouring runs give one fingerprint."""
MIN_TOKENS = 75.0
"""A pair is named if it shares about this many tokens of unusual code ..."""
MIN_SHARE = 0.6
"""... and they are this share of the unusual code of the shorter of the two."""
MIN_COPIED = 40.0
"""An answer is nearly the library's if it shares about this many tokens with it."""

Fingerprints = frozenset[int]
_TOKEN = re.compile(
    r"""(?P<text>[rbfuRBFU]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
      | (?P<comment>\#[^\n]*)
      | (?P<number>(?:\d[\w.]*|\.\d\w*)(?:(?<=[eE])[+-]\d+)?)
      | (?P<member>\.[^\W\d]\w*)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>\*\*=?|//=?|[-+*/%@&|^<>=!:]=|->|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
_KEPT = frozenset([*keyword.kwlist, *dir(builtins), "np", "numpy", "anp", "scipy", "autograd"])


@dataclass(frozen=True)
class Alike:
    """Two students whose answers are alike: where, and about how many tokens of unusual code."""

    first: str
    second: str
    exercises: tuple[str, ...]
    tokens: int
    share: float


def tokens(source: str) -> tuple[str, ...]:
    """The tokens of Python code, in any state, without names, values, comments and docstrings."""
    found = []
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup
        if kind == "text":
            line = source[source.rfind("\n", 0, match.start()) + 1 : match.start()]
            if line.strip():  # a text that begins a line is a docstring
                found.append("'")
        elif kind == "number":
            found.append("0")
        elif kind == "name":
            found.append(match[0] if match[0] in _KEPT else "x")
        elif kind != "comment":
            found.append(match[0])
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def fingerprints(source: str) -> Fingerprints:
    """The fingerprints of some code: of each W neighbouring hashes the smallest."""
    found = tokens(source)
    hashes = [
        zlib.crc32("\0".join(found[at : at + K]).encode("utf-8", "replace"))
        for at in range(len(found) - K + 1)
    ]
    if len(hashes) <= W:
        return frozenset(hashes and [min(hashes)])
    return frozenset(min(hashes[at : at + W]) for at in range(len(hashes) - W + 1))


def all_runs(sources: Iterable[str]) -> Fingerprints:
    """The hashes of all runs of K tokens: what is to be left out of fingerprints."""
    found = set()
    for source in sources:
        items = tokens(source)
        for at in range(len(items) - K + 1):
            found.add(zlib.crc32("\0".join(items[at : at + K]).encode("utf-8", "replace")))
    return frozenset(found)


def unusual(
    answers: Mapping[str, Mapping[str, str]], common: Fingerprints
) -> dict[str, dict[int, str]]:
    """By student, the fingerprints that are not common, each with its exercise."""
    found = {
        student: {
            mark: exercise
            for exercise, source in own.items()
            for mark in fingerprints(source) - common
        }
        for student, own in answers.items()
    }
    return {student: marks for student, marks in found.items() if marks}


def weights(marks: Mapping[str, Mapping[int, str]], students: int) -> dict[int, float]:
    """How much a fingerprint says: 1 if two students have it, 0 if as many as the limit have.

    The limit is a quarter of the class, at least 6 and at most 30 students.
    """
    counts: dict[int, int] = defaultdict(int)
    for own in marks.values():
        for mark in own:
            counts[mark] += 1
    limit = min(max(students / 4, 6.0), 30.0)
    return {
        mark: min(max(math.log(limit / count) / math.log(limit / 2), 0.0), 1.0)
        for mark, count in counts.items()
    }


def alike(answers: Mapping[str, Mapping[str, str]], common: Fingerprints) -> list[Alike]:
    """Pairs of students whose answers to a lesson (source by exercise) are alike, the most first.

    `common` are the hashes of code that counts for nothing.
    """
    marks = unusual(answers, common)
    weight = weights(marks, len(answers))
    holders: dict[int, list[str]] = defaultdict(list)
    for student in sorted(marks):
        for mark in marks[student]:
            holders[mark].append(student)
    shared: dict[tuple[str, str], float] = defaultdict(float)
    for mark, students in holders.items():
        for pair in combinations(students, 2) if weight[mark] else ():
            shared[pair] += weight[mark]
    totals = {student: sum(weight[mark] for mark in own) for student, own in marks.items()}
    found = []
    for (first, second), value in shared.items():
        count = value * (W + 1) / 2  # a fingerprint stands for so many tokens on average
        share = value / min(totals[first], totals[second])
        if count >= MIN_TOKENS and share >= MIN_SHARE:
            both = marks[first].keys() & marks[second].keys()
            exercises = tuple(sorted({marks[first][mark] for mark in both}))
            found.append(Alike(first, second, exercises, round(count), share))
    return sorted(found, key=lambda pair: (-pair.tokens, pair.first, pair.second))


def copied(
    answers: Mapping[str, Mapping[str, str]],
    library: Mapping[str, Fingerprints],
    common: Fingerprints,
) -> list[tuple[str, str, str]]:
    """Answers that are nearly a function of the library: student, exercise and the function."""
    found = []
    for student, own in sorted(answers.items()):
        for exercise, source in own.items():
            marks = fingerprints(source) - common
            for name, runs in library.items():
                same = len(marks & runs)
                if same * (W + 1) / 2 >= MIN_COPIED and same >= MIN_SHARE * len(marks):
                    found.append((student, exercise, name))
                    break
    return found


def groups(pairs: Sequence[Alike]) -> list[tuple[str, ...]]:
    """Students that are connected by pairs, in groups, the largest first."""
    group = {name: {name} for pair in pairs for name in (pair.first, pair.second)}
    for pair in pairs:
        joined = group[pair.first] | group[pair.second]
        for name in joined:
            group[name] = joined
    found = {tuple(sorted(names)) for names in group.values()}
    return sorted(found, key=lambda names: (-len(names), names))
