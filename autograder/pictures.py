"""Pictures out of a student's notebook: shown only if they are what they say, and not too large.

Only PNG and JPEG pass, by their first bytes and their size in pixels; a few bytes of a picture can
unpack to gigabytes in a browser. SVG and HTML can hold scripts and never pass. Figures of the
course's own library come as HTML that wraps one PNG: the PNG is taken out.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 500_000
"""The size of the largest picture that is shown."""
MAX_SIDE = 4096
MAX_PIXELS = 8_000_000
_KINDS = ("image/png", "image/jpeg")
_LIBRARY_FIGURE = re.compile(
    r'\s*<img alt="[^"<>]*"(?: style="[^"<>]*")? '
    r'src="data:image/png;base64,([A-Za-z0-9+/=\s]+)">\s*'
)
_CAPTION = "Figure: "


@dataclass(frozen=True)
class Picture:
    """A picture that was checked: its MIME type, its base64 text, and what it shows, if known."""

    kind: str
    text: str
    alt: str = ""

    @property
    def source(self) -> str:
        """A data URI."""
        return f"data:{self.kind};base64,{self.text}"


def picture_in(bundle: Mapping[str, Any]) -> Picture | None:
    """The picture of an output or attachment (MIME type to content), if there is one to show."""
    for kind in _KINDS:
        if kind in bundle and (found := checked(kind, _joined(bundle[kind]))):
            return found
    wrapped = _LIBRARY_FIGURE.fullmatch(_joined(bundle.get("text/html", ""))[: 2 * MAX_BYTES])
    if wrapped and (found := checked("image/png", wrapped[1])):
        caption = _joined(bundle.get("text/plain", ""))
        alt = caption.removeprefix(_CAPTION)[:1000] if caption.startswith(_CAPTION) else ""
        return Picture(found.kind, found.text, alt)
    return None


def checked(kind: str, text: str) -> Picture | None:
    """A picture in base64 whose bytes are of that kind and of a bearable size, else None."""
    if len(text) > 2 * MAX_BYTES:
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    size = {"image/png": _png_size, "image/jpeg": _jpeg_size}[kind](data)
    if size is None or len(data) > MAX_BYTES:
        return None
    width, height = size
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        return None
    return Picture(kind, base64.b64encode(data).decode("ascii"))


def _png_size(data: bytes) -> tuple[int, int] | None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first frame header of a JPEG."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _joined(content: Any) -> str:
    if isinstance(content, list):
        content = "".join(part for part in content if isinstance(part, str))
    return content if isinstance(content, str) else ""
