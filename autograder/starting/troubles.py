"""What can keep the course from starting, in words that say what to do."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path, PurePath

_LONG = 100
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Max retries exceeded|"
    r"name resolution|Name or service not known|getaddrinfo failed|nodename nor servname|"
    r"Network is unreachable|Connection refused|\(from versions: none\)"
)
_CAUSES = (
    (
        re.compile(r"DO NOT MATCH THE HASHES|HashMismatch", re.IGNORECASE),
        "A package is not the one that the course was tested with, so nothing was installed. "
        "Try again; if it comes again, something between you and the package index changes files.",
    ),
    (
        re.compile(
            r"No space left on device|Errno 28|WinError 112|not enough space", re.IGNORECASE
        ),
        "The disk is full: the course needs about 800 MB.",
    ),
    (
        re.compile(r"Errno 13|WinError 5\b|Permission denied|Access is denied", re.IGNORECASE),
        "A file may not be written. Close other programs that use this folder, and try again.",
    ),
    (
        re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLError"),
        "The connection to the package index is not trusted: a proxy or virus scanner may stand in "
        "between, or this Python lacks its certificates.",
    ),
    (
        _NO_NETWORK,
        "The packages cannot be reached. The first start needs the network; later ones do not. "
        "Behind a proxy, set HTTPS_PROXY first.",
    ),
    (
        re.compile(r"Failed (?:to build|building)|Microsoft Visual C\+\+|error: subprocess-exited"),
        "A package has no ready-made files for this Python ({python}). Take a version from 3.11 "
        "to 3.13, of 64 bits.",
    ),
)


class Trouble(Exception):
    """The course cannot be started, for a reason that the sentences say."""


def look_around(root: Path) -> None:
    """`Trouble` if the folder is none that the course can live in."""
    if sentence := in_archive(root):
        raise Trouble(sentence)
    if os.name == "nt" and len(str(root)) > _LONG:
        raise Trouble(
            f"The path of this folder is longer than {_LONG} characters, too long for some of the "
            f"packages on Windows. Move it, to C:\\vi-course for example: {root}"
        )
    try:
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise Trouble(
            f"Nothing can be written into {root} ({error.strerror}). Move the folder to where you "
            "may write, such as your documents."
        ) from None


def in_archive(root: PurePath) -> str:
    """What to say if the folder is a view into a zip; "" if it is not."""
    if any(re.search(r"\.zip$|^7zO[0-9A-F]+$|^Rar\$", part) for part in root.parts):
        return (
            "This looks like the inside of a zip. Unpack it first (on Windows: right click, "
            "Extract All), and start from the new folder."
        )
    return ""


def need_venv() -> None:
    """`Trouble` if this Python cannot make an environment, as on a bare Debian."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Trouble(
            f"This Python lacks its module {missing[0]}, which makes an environment for the "
            f"course. On Debian and Ubuntu: sudo apt install python{version}-venv"
        )


def why_not_installed(said: str) -> str:
    """The reason in pip's output, in a sentence."""
    for pattern, sentence in _CAUSES:
        if pattern.search(said):
            return sentence.format(python=sys.version.split()[0])
    lines = [line for line in said.splitlines() if line.strip()]
    return "pip could not install the packages. It said: " + " ".join(lines[-2:])
