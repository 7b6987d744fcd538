"""What is shown of a student's notebook: its cells with outputs that can do no harm.

A notebook is data of unknown origin. Of its cells only the text is taken, of its outputs only plain
text and checked pictures, all of bounded size; metadata are made anew from the lesson.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder.lesson import Lesson, text_of
from autograder.pictures import Picture, picture_in

MAX_CELLS = 2000
MAX_SOURCE = 50_000
"""Characters of one cell."""
MAX_OUTPUTS = 20
MAX_OUTPUT = 4000
"""Characters of the text in one output."""

Role = Literal["answer", "check", "question", "lesson", "own"]
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Output:
    """Text or a picture; `left_out` says what stood there and is not shown."""

    text: str = ""
    picture: Picture | None = None
    left_out: str = ""


@dataclass(frozen=True)
class OwnCell:
    """A cell as it is shown.

    `role` is "answer", "check" or "question" for the graded cells, whose `grade_id` occurs only
    once; "lesson" for cells that are as they were released, "own" for all others.
    """

    source: str
    is_code: bool
    role: Role
    grade_id: str = ""
    outputs: tuple[Output, ...] = ()
    attachments: Mapping[str, Picture] = field(default_factory=dict)
    cut: bool = False


def own_cells(data: bytes | None, lesson: Lesson) -> tuple[OwnCell, ...]:
    """The cells of a notebook, none if the bytes are no notebook. Never raises."""
    items = list(_items(data))[:MAX_CELLS] if data else []
    counts = _counting(items, lesson)
    return tuple(_cell(item, counts.get(index, ""), lesson) for index, item in enumerate(items))


def _items(data: bytes) -> Iterator[dict[str, Any]]:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        found = json.loads(data.decode(encoding, "replace"))
    except (ValueError, RecursionError):
        return
    notebook = found if isinstance(found, dict) else {}
    cells = notebook.get("cells")
    if not isinstance(cells, list):  # the old format 3
        sheets = notebook.get("worksheets")
        cells = [
            cell
            for sheet in (sheets if isinstance(sheets, list) else ())
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    yield from (c for c in cells if isinstance(c, dict) and isinstance(c.get("cell_type"), str))


def _counting(items: list[dict[str, Any]], lesson: Lesson) -> dict[int, str]:
    """Which cell stands for each grade id: of several copies the last that was filled in."""
    found: dict[str, int] = {}
    for index, item in enumerate(items):
        grade_id = _grade_id(item)
        if grade_id not in lesson.ids:
            continue
        stub = lesson.stubs.get(grade_id, "").strip()
        if grade_id not in found or _source(item).strip() not in ("", stub):
            found[grade_id] = index
    return {index: grade_id for grade_id, index in found.items()} | _by_name(items, found, lesson)


def _by_name(
    items: list[dict[str, Any]], found: Mapping[str, int], lesson: Lesson
) -> dict[int, str]:
    """Answers whose cell has lost its id, by the functions that they define."""
    more: dict[int, str] = {}
    for task in lesson.tasks:
        if task.answer_id in found:
            continue
        names = "|".join(map(re.escape, task.exercise.names))
        defines = re.compile(rf"^(?:def|class)\s+(?:{names})\b", re.MULTILINE)
        for index, item in enumerate(items):
            taken = index in found.values() or index in more
            if _is_code(item) and not taken and defines.search(_source(item)):
                more[index] = task.answer_id
                break
    return more


def _cell(item: dict[str, Any], grade_id: str, lesson: Lesson) -> OwnCell:
    source = _source(item)
    is_code = _is_code(item)
    role = _role(source, grade_id, lesson)
    hidden = role == "check"  # what a check has printed can be forged; the verdicts are ours
    return OwnCell(
        source=source[:MAX_SOURCE],
        is_code=is_code,
        role=role,
        grade_id=grade_id,
        outputs=_outputs(item.get("outputs")) if is_code and not hidden else (),
        attachments={} if is_code else _attachments(item.get("attachments")),
        cut=len(source) > MAX_SOURCE,
    )


def _role(source: str, grade_id: str, lesson: Lesson) -> Role:
    if grade_id in lesson.questions:
        return "question"
    if any(grade_id == task.answer_id for task in lesson.tasks):
        return "answer"
    if grade_id or source in lesson.checks:
        return "check"
    return "lesson" if source in lesson.released else "own"


def _grade_id(item: dict[str, Any]) -> str:
    metadata = item.get("metadata")
    found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = found.get("grade_id") if isinstance(found, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def _is_code(item: dict[str, Any]) -> bool:
    return item["cell_type"] == "code"


def _source(item: dict[str, Any]) -> str:
    return plain(text_of(item.get("source", item.get("input", ""))), MAX_SOURCE + 1)


def _outputs(found: Any) -> tuple[Output, ...]:
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    shown = [_output(item) for item in items[:MAX_OUTPUTS]]
    if len(items) > MAX_OUTPUTS:
        shown.append(Output(left_out=f"{len(items) - MAX_OUTPUTS} more outputs"))
    return tuple(shown)


def _output(item: dict[str, Any]) -> Output:
    if item.get("output_type") == "stream":
        return _text(text_of(item.get("text")))
    if item.get("output_type") in ("error", "pyerr"):
        return _text(f"{text_of(item.get('ename'))}: {text_of(item.get('evalue'))}")
    bundle = item.get("data")
    if not isinstance(bundle, dict):
        return Output()
    if picture := picture_in(bundle):
        return Output(picture=picture)
    text = text_of(bundle.get("text/plain"))
    kind = next((kind for kind in bundle if kind.startswith(("image/", "video/", "audio/"))), "")
    if kind:
        return Output(left_out="a picture that cannot be shown here")
    return _text(text) if text.strip() else Output(left_out="an output that cannot be shown here")


def _text(text: str) -> Output:
    shown = plain(text, MAX_OUTPUT)
    more = len(text) - MAX_OUTPUT
    return Output(shown, left_out=f"{more} more characters" if more > 0 else "")


def _attachments(found: Any) -> dict[str, Picture]:
    if not isinstance(found, dict):
        return {}
    bundles = {name: bundle for name, bundle in found.items() if isinstance(bundle, dict)}
    pictures = {name: picture_in(bundle) for name, bundle in list(bundles.items())[:MAX_OUTPUTS]}
    return {name: picture for name, picture in pictures.items() if picture}


def plain(text: str, limit: int) -> str:
    """At most `limit` characters of a text, without colours, control characters, surrogates."""
    shown = _ANSI.sub("", text[: 4 * limit]).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("�", shown)[:limit].encode("utf-8", "replace").decode()
