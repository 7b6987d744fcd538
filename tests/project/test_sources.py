"""docs/references.md names every source that is cited, docs/notation.md every symbol in use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.notebooks import all_names, solution_text

ROOT = Path(__file__).parents[2]
YEAR = re.compile(r"\b(?:19[0-9]\d|20[0-3]\d)\b")
BRACKET = re.compile(r"\(([^()]+)\)")
NUMBERS = {int(name[:2]): name for name in all_names(ROOT)}


@dataclass(frozen=True)
class Source:
    """An entry of the list of references."""

    names: tuple[str, ...]
    title: str
    year: str | None
    lessons: frozenset[int]
    modules: frozenset[str]


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w ]", " ", text).lower().split())


def source(entry: str) -> Source:
    text = " ".join(entry.split())
    if "*" not in text:
        authors, title, rest = "", "", text
    else:
        authors, title, rest = text.split("*", 2)
    found = re.search(r"Lessons? ([\d, ]+)", rest)
    numbers = re.findall(r"\d+", found[1]) if found else []
    years = YEAR.findall(rest.split(". Lesson")[0])
    return Source(
        names=tuple(re.findall(r"[A-Z][\w-]*[a-zà-ÿ][\w-]*", authors)),
        title=title,
        year=years[-1] if years else None,
        lessons=frozenset(map(int, numbers)),
        modules=frozenset(re.findall(r"`([\w.]+)`", rest)) - {"pyro.contrib.minipyro"},
    )


TEXT = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
SOURCES = [source(entry) for entry in re.split(r"\n- |\n\n#", TEXT) if " *" in entry]


def lesson_list(number: int) -> str:
    """The references of a lesson, in one line."""
    text = solution_text(NUMBERS[number], ROOT).read_text(encoding="utf-8")
    return " ".join(text.split("# ## References", 1)[1].replace("\n#", "\n").split())


def module_path(name: str) -> Path:
    path = ROOT / "vi_lib" / Path(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules() -> Iterator[tuple[str, str]]:
    """Every module's name and text, in one line."""
    for path in sorted((ROOT / "vi_lib").rglob("*.py")):
        parts = path.relative_to(ROOT / "vi_lib").with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        yield name, " ".join(path.read_text(encoding="utf-8").split())


def test_the_list_is_whole_and_each_source_stands_once() -> None:
    titles = [plain(s.title) for s in SOURCES]
    assert len(set(titles)) == len(titles) > 80
    for entry in SOURCES:
        assert entry.names, entry
        assert entry.lessons or entry.modules, entry


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_what_a_lesson_names_is_in_the_list(number: int) -> None:
    text = lesson_list(number)
    ours = {plain(s.title): s for s in SOURCES}
    for title in re.findall(r"(?<!in )\*([^*]+)\*", text):  # not the book around an article
        assert plain(title) in ours, title
        assert number in ours[plain(title)].lessons, title
    for entry in SOURCES:
        if number in entry.lessons:
            assert plain(entry.title) in plain(text), entry
            assert entry.year is None or entry.year in text, entry


def citations() -> list[tuple[str, str, str]]:
    """Where a docstring cites: module, year, and the words about it."""
    found = []
    for name, text in modules():
        for match in BRACKET.finditer(text):
            # The shape of an array, (2000,), is no year.
            if re.search(r"[A-Za-z]", match[1]) or YEAR.fullmatch(match[1]):
                for year in YEAR.finditer(match[1]):
                    end = match.start(1) + year.end()
                    found.append((name, year[0], text[max(0, end - 240) : end]))
    return found


def test_what_a_docstring_cites_is_in_the_list() -> None:
    assert len(citations()) > 80
    for module, year, words in citations():
        about = [s for s in SOURCES if s.year == year and any(n in words for n in s.names)]
        assert any(module in s.modules for s in about), (module, year, words[-90:])


def test_a_module_of_the_list_cites_the_source() -> None:
    texts = dict(modules())
    for entry in SOURCES:
        for module in entry.modules:
            assert module_path(module).exists(), module
            named = entry.names[0] in texts[module] or entry.title in texts[module]
            assert named, (module, entry.title)
            assert entry.year is None or entry.year in texts[module], (module, entry.title)


# The index of notation.

SYMBOLS = re.compile(r"^\| .*\| \[(\d+)\]\(\.\./lessons/(\w+)/\2\.ipynb\) \|$", re.M)
ROWS = [
    (match[0].split(" | "), int(match[1]), match[2])
    for match in SYMBOLS.finditer((ROOT / "docs" / "notation.md").read_text(encoding="utf-8"))
]


def own_names(name: str) -> set[str]:
    """The names in the tables of symbols of a lesson."""
    text = solution_text(name, ROOT).read_text(encoding="utf-8")
    table = re.search(r"# \| symbol \| in code \| meaning \|\n((?:# \|.*\n)+)", text)
    rows = table[1].split("\n")[1:] if table else []
    return {
        found
        for row in rows
        if row
        for found in re.findall(
            r"`([A-Za-z][\w.]*)`", row.removeprefix("# |").replace("\\|", "").split(" | ")[1]
        )
    }


def test_each_row_names_a_lesson_that_uses_its_names() -> None:
    assert len(ROWS) > 60
    for cells, number, lesson in ROWS:
        assert NUMBERS[number] == lesson, cells
        text = solution_text(lesson, ROOT).read_text(encoding="utf-8")
        for code in re.findall(r"`([\w.]+)`", cells[1]):
            assert re.search(rf"\b{re.escape(code)}\b", text), (code, lesson)


def test_every_name_of_a_lessons_table_has_a_row_with_the_first_lesson() -> None:
    ours: dict[str, list[int]] = {}
    for cells, number, _ in ROWS:
        for code in re.findall(r"`([\w.]+)`", cells[1]):
            ours.setdefault(code, []).append(number)
    listed: dict[str, list[int]] = {}
    for number, lesson in sorted(NUMBERS.items()):
        for code in own_names(lesson):
            listed.setdefault(code, []).append(number)
    assert sorted(set(listed) - set(ours)) == []
    wrong = []
    for code, numbers in ours.items():
        if code in listed:  # lesson 0 lists what all share: it counts where no other does
            later = [number for number in listed[code] if number > 0]
            if min(numbers) != (later or listed[code])[0]:
                wrong.append((code, numbers, listed[code]))
    assert wrong == []
