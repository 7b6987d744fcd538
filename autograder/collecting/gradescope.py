"""Gradescope's export: folders `submission_123456789` and a file of metadata beside them.

`submission_metadata.yml` has for each folder `:submitters:` with `:name:`, `:sid:` and `:email:`,
and `:created_at:`, the time of the submission. A group's submission counts for each of its members.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from autograder.collecting import times
from autograder.collecting.entries import Entry
from autograder.collecting.found import Found
from autograder.collecting.platforms import lesson_of

METADATA = "submission_metadata.yml"
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Submission:
    """Who has handed in a folder, and when."""

    submitters: tuple[Submitter, ...]
    submitted: str = ""


@dataclass(frozen=True)
class Submitter:
    """A member of the group that has handed in, mostly a group of one."""

    name: str
    sid: str = ""
    email: str = ""


def submissions(data: bytes) -> Mapping[str, Submission]:
    """The submissions by the names of their folders; `ValueError` with the reason if unreadable."""
    try:
        found = _load(data)
    except Exception as error:  # a damaged file raises errors of many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"it cannot be read ({reason})") from None
    if not isinstance(found, dict):
        raise ValueError("it does not list submissions")
    read = {str(name): _submission(item) for name, item in found.items() if isinstance(item, dict)}
    return {name: submission for name, submission in read.items() if submission.submitters}


def _load(data: bytes) -> Any:
    import yaml

    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 2**20} MB")
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):
        """Takes Ruby's own kinds of values for what they hold, and makes nothing of them."""

    def plain(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("!", plain)
    Loader.add_multi_constructor("tag:yaml.org,2002:ruby/", plain)
    return yaml.load(data, Loader)


def _submission(item: Mapping[Any, Any]) -> Submission:
    listed = item.get(":submitters")
    people = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    submitters = tuple(
        Submitter(name, _text(person.get(":sid")), _text(person.get(":email")))
        for person in people
        if (name := _text(person.get(":name")) or _text(person.get(":email")))
    )
    return Submission(submitters, _time(item.get(":created_at")))


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""


def _time(value: Any) -> str:
    if isinstance(value, datetime):
        return times.iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, dict):  # a time of Rails with its zone
        value = value.get("utc", "")
        return _time(value) if not isinstance(value, dict) else ""
    with contextlib.suppress(TypeError):
        if found := times.parse(str(value or "")):
            return times.iso(found)
    return ""


def founds(
    entry: Entry, folders: Mapping[tuple[str, ...], Submission], lessons: Sequence[str], top: str
) -> list[Found]:
    """A file of an export, once for each who handed it in; none if it is not in `folders`."""
    for i in range(1, len(entry.parts)):
        submission = folders.get(entry.parts[:i])
        if submission is None:
            continue
        around = (top, *entry.parts[: i - 1])
        below = entry.parts[i:]
        return [
            Found(
                replace(entry, parts=below),
                "Gradescope",
                person.name,
                lesson_of(below, around, lessons),
                "/".join((*around, entry.parts[i - 1])),
                entry.parts[: i - 1],
                key=person.sid or person.email,
                submitted=submission.submitted,
                time_from=METADATA if submission.submitted else "",
                email=person.email,
                platform_id=person.sid,
            )
            for person in submission.submitters
        ]
    return []
