"""A paragraph for each fit whose verdict was wrong, by model and method."""

from __future__ import annotations

NOTES: dict[tuple[str, str], str] = {}
