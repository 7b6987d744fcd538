"""Lists of a class as platforms export them: Canvas' gradebook, Moodle's grading worksheet.

Both come back as import files, so their columns and rows are kept as they are. Also any table with
a column for names, addresses or ids will do.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.collecting import times

Kind = Literal["moodle", "canvas", "table"]
MAX_BYTES = 20 * 2**20
_PARTICIPANT = re.compile(r"\D*?\s*(\d+)")
_IDENTIFIER = (
    "identifier",
    "id",
    "identificador",
    "identifiant",
    "identificatore",
    "identifikator",
)
_NAME = ("full name", "vollständiger name", "nom complet", "nombre completo", "nome completo")
_NAMES = (*_NAME, "name", "student", "nombre", "nom")
_EMAIL = ("email address", "e-mail-adresse", "email", "e-mail", "adresse de courriel", "mail")
_TIME = ("last modified (submission)", "zuletzt geändert (abgabe)")
_IDS = ("student id", "student_id", "id", "id number", "username", "sid", "matrikelnummer")


class BadRoster(ValueError):
    """A list of a class that cannot be used, for a reason that the sentence says."""


Known = tuple[frozenset[str], ...]
"""What somebody is called, in a form that can be compared: from the surest to the least sure."""


def known(platform_id: str, addresses: Iterable[str], names: Iterable[str]) -> Known:
    """The id of a platform; addresses and logins; names; what stands before the @."""
    addresses = tuple(addresses)
    local = [address.partition("@")[0] for address in addresses]
    levels = [(platform_id,), addresses, tuple(names), (*local, *names)]
    return tuple(frozenset(key for one in level if (key := _plain(one))) for level in levels)


@dataclass(frozen=True)
class Person:
    """A row of a list: who it is, under all the names that the list gives."""

    row: int
    name: str = ""
    email: str = ""
    platform_id: str = ""
    login: str = ""
    submitted: str = ""

    @property
    def known(self) -> Known:
        """All that this person may be called."""
        last, comma, first = self.name.partition(",")
        names = (self.name, f"{first} {last}") if comma else (self.name,)
        return known(self.platform_id, (self.email, self.login), names)


@dataclass(frozen=True)
class Roster:
    """A list of a class, with its rows as they are; the first is the heading."""

    kind: Kind
    rows: tuple[tuple[str, ...], ...]
    people: tuple[Person, ...]
    delimiter: str = ","
    source: str = ""

    @property
    def heading(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.rows[0]


def read_roster(path: Path) -> Roster:
    """A list of a class from a file; `BadRoster` if it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadRoster(f"Expected a list of the class in {path.name}: {error.strerror}.") from None
    return roster(data, path.name)


def roster(data: bytes, source: str) -> Roster:
    """A list of a class from the bytes of a CSV; `BadRoster` if it is none."""
    rows, delimiter = _rows(data, source)
    if not rows:
        raise BadRoster(f"Expected a list of the class in {source}, and the file is empty.")
    heading = [_plain(cell) for cell in rows[0]]
    if _is_canvas(heading):
        return Roster("canvas", rows, tuple(_canvas(rows)), delimiter, source)
    if _is_moodle(heading, rows):
        return Roster("moodle", rows, tuple(_moodle(heading, rows)), delimiter, source)
    people = tuple(_people(heading, rows))
    if not people:
        raise BadRoster(
            f"Expected a column for names, e-mail addresses or ids in {source}, "
            f"got {', '.join(rows[0])!r}."
        )
    return Roster("table", rows, people, delimiter, source)


def matched(people: Sequence[Person], students: Mapping[str, Known]) -> dict[str, Person]:
    """The person of each student who can be told.

    The surest thing that two have in common decides. A name that two people share tells nobody, and
    a person who fits two students equally well stands for neither.
    """
    found: dict[str, Person] = {}
    for level in range(len(known("", (), ()))):
        left = [person for person in people if person not in found.values()]
        by_key: dict[str, list[Person]] = defaultdict(list)
        for person in left:
            for key in person.known[level]:
                by_key[key].append(person)
        fits: dict[str, Person] = {}
        for student in sorted(set(students) - set(found)):
            fitting = {p for key in students[student][level] for p in by_key.get(key, ())}
            if len(fitting) == 1:
                fits[student] = fitting.pop()
        counts = Counter(person.row for person in fits.values())
        found |= {student: p for student, p in fits.items() if counts[p.row] == 1}
    return found


def _rows(data: bytes, source: str) -> tuple[tuple[tuple[str, ...], ...], str]:
    if len(data) > MAX_BYTES:
        raise BadRoster(f"Expected a list of the class in {source}, and it is too large.")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeError:
        text = data.decode("cp1252", "replace")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise BadRoster(f"Expected a table in {source}, got {error}.") from None
    return tuple(tuple(row) for row in found if any(cell.strip() for cell in row)), delimiter


def _is_canvas(heading: Sequence[str]) -> bool:
    return heading[:2] == ["student", "id"] or heading[:3] == ["lastname", "firstname", "id"]


def _is_moodle(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    filled = [row[0] for row in rows[1:] if row]
    numbered = bool(filled) and all(_PARTICIPANT.fullmatch(cell.strip()) for cell in filled)
    known_heading = heading[0] in _IDENTIFIER and len(heading) > 3
    return known_heading and (numbered or not filled) and not all(c.isdigit() for c in filled)


def _canvas(rows: Sequence[Sequence[str]]) -> Iterable[Person]:
    heading = [_plain(cell) for cell in rows[0]]
    for i, row in enumerate(rows[1:], 1):
        cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
        name = cells.get("student", "")
        if "lastname" in cells:
            name = f"{cells['lastname']}, {cells.get('firstname', '')}"
        if not cells.get("id", "").isdigit():
            continue  # the rows of points possible and of what is posted by hand
        login = cells.get("sis login id", "")
        email = login if "@" in login else ""
        yield Person(i, name, email, cells["id"], login)


def _moodle(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[Person]:
    name, email, time = (_column(heading, names) for names in (_NAME, _EMAIL, _TIME))
    for i, row in enumerate(rows[1:], 1):
        number = _PARTICIPANT.fullmatch(row[0].strip())
        cell = {key: row[at].strip() for key, at in enumerate((name, email, time)) if at < len(row)}
        moment = times.parse(cell.get(2, ""), None)
        yield Person(
            i,
            cell.get(0, ""),
            cell.get(1, ""),
            number[1] if number else "",
            submitted=times.iso(moment) if moment else "",
        )


def _people(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[Person]:
    name, email, number = (_column(heading, names) for names in (_NAMES, _EMAIL, _IDS))
    first, last = (_column(heading, (f"{which} name",)) for which in ("first", "last"))
    for i, row in enumerate(rows[1:], 1):
        cell = [
            row[at].strip() if at < len(row) else "" for at in (name, email, number, first, last)
        ]
        whole = cell[0] or f"{cell[3]} {cell[4]}".strip()
        if whole or cell[1] or cell[2]:
            yield Person(i, whole, cell[1], cell[2])


def _column(heading: Sequence[str], names: Sequence[str]) -> int:
    """The first column of one of these names; one that no row has if there is none."""
    plain = [_plain(name) for name in names]
    return next((heading.index(name) for name in plain if name in heading), 10**6)


def _plain(text: str) -> str:
    """For comparing: without case, and without signs between words."""
    whole = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", whole).strip()
