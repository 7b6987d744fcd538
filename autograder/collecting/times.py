"""Times of hand-ins as platforms write them, and the one way in which they are kept."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

_FORMATS = (
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y %H:%M",
    "%A, %d %B %Y, %I:%M %p",
    "%A, %d %B %Y, %H:%M",
    "%A, %B %d, %Y, %I:%M %p",
    "%d %B %Y, %I:%M %p",
)
_WITH_ZONE = re.compile(r"(.*(?:\d|[ap]m))\s*(?:([+-]\d\d:?\d\d)|\s([a-z][\w/+-]*))", re.IGNORECASE)


def iso(time: datetime) -> str:
    """In UTC and whole seconds, such as 2026-03-01T10:00:00Z. Parts of a second are dropped."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> datetime | None:
    """What `iso` wrote; None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


def parse(text: str, zone: tzinfo | None = UTC) -> datetime | None:
    """A time with the zone that it names, or else in `zone`; None if it is none.

    No zone stands for that of this machine.

    It may be 2026-03-01T10:00:00Z, 2026-03-01 10:00:00.123 UTC, 2026-03-01 10:00 Europe/Berlin, or
    a time in Moodle's English: Sunday, 1 March 2026, 10:00 AM.
    """
    plain = " ".join(text.split())
    with contextlib.suppress(ValueError):
        return _in(datetime.fromisoformat(plain), zone)
    named = _WITH_ZONE.fullmatch(plain)
    if named and (named[3] or "").casefold() not in ("am", "pm"):
        time = parse(named[1], zone)
        found = _zone(named[2] or named[3])
        return time.replace(tzinfo=found) if time and found else None
    for form in _FORMATS:
        with contextlib.suppress(ValueError):
            return _in(datetime.strptime(plain, form), zone)
    return None


def _in(time: datetime, zone: tzinfo | None) -> datetime:
    if time.tzinfo:
        return time
    return time.replace(tzinfo=zone) if zone else time.astimezone()


def _zone(name: str) -> tzinfo | None:
    if name[0] in "+-":
        return datetime.strptime(name.replace(":", ""), "%z").tzinfo
    try:
        return ZoneInfo(name)
    except Exception:  # a name that is none raises errors of several kinds
        return None
