"""What there is to steal, to change and to reach: files of an instructor, ports, processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import toy


@dataclass
class World:
    """An instructor's folder, in which everything holds the secret; open to every user."""

    folder: Path
    mark: str
    secret: str

    def settings(self) -> dict[str, object]:
        """What an attacker knows of it."""
        return {"WORLD": str(self.folder), "MARK": self.mark, "SECONDS": str(int(self.mark, 36))}

    def digest(self) -> dict[str, str]:
        """All files of the instructor: contents, links, modes."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            content = os.readlink(path) if path.is_symlink() else ""
            if path.is_file():
                content += hashlib.sha256(path.read_bytes()).hexdigest()
            status = path.lstat()
            key = str(path.relative_to(self.folder))
            found[key] = f"{content} {status.st_mode:o} {status.st_mtime_ns} {status.st_nlink}"
        return found


@contextlib.contextmanager
def world() -> Iterator[World]:
    """A world that lasts for one attack."""
    folder = Path(tempfile.mkdtemp(prefix="world-")).resolve()
    made = World(folder, f"m{secrets.token_hex(5)}", f"hush-{secrets.token_hex(8)}")
    try:
        _furnish(made)
        yield made
    finally:
        shutil.rmtree(folder)


def _furnish(made: World) -> None:
    right = f"# {made.secret}\ndef double(x):\n    return 2 * np.asarray(x)\n"
    notebook = json.loads(toy.notebook(toy.cells(double=right)))
    files = {
        "solutions/answers.py": right,
        "solutions/05_toy.ipynb": json.dumps(notebook),
        "handins/ada/05_toy/05_toy.ipynb": json.dumps(notebook),
        "out/records/ada.json": json.dumps({"student": "ada", "key": made.secret}),
        "home/.ssh/id_rsa": f"-----BEGIN KEY-----\n{made.secret}\n",
        "home/.bashrc": f"# {made.secret}\n",
        "site-packages/lib.py": f"# {made.secret}\n",
        "nbgrader_config.py": f"# {made.secret}\n",
    }
    for name, text in files.items():
        path = made.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with contextlib.closing(sqlite3.connect(made.folder / "gradebook.db")) as database, database:
        database.execute("create table grade (student text, score real, remark text)")
        database.execute("insert into grade values ('ada', 9.5, ?)", (made.secret,))
    for path in (made.folder, *made.folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


@dataclass
class Listeners:
    """Sockets of this process that nobody should reach, of every kind there is on one machine."""

    folder: Path
    sockets: dict[str, socket.socket] = field(default_factory=dict)

    def settings(self) -> dict[str, object]:
        """The addresses, which an attacker may know."""
        return {name: sock.getsockname() for name, sock in self.sockets.items()}

    def contacts(self) -> list[str]:
        """What has arrived since the last time."""
        found = []
        for name, sock in self.sockets.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    if sock.type == socket.SOCK_DGRAM:
                        sock.recvfrom(1000)
                    else:
                        sock.accept()[0].close()
                    found.append(name)
        return found


@contextlib.contextmanager
def listening() -> Iterator[Listeners]:
    """Listen until the block ends."""
    with tempfile.TemporaryDirectory(prefix="sockets-") as folder:
        os.chmod(folder, 0o755)
        found = Listeners(Path(folder))
        unix = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram"}
        places: list[tuple[str, int, int, Any]] = [
            ("TCP", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("UDP", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("TCP6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
        ]
        for kind, name in unix.items():
            path = f"{folder}/{name}"
            places.append((f"UNIX_{name}".upper(), socket.AF_UNIX, kind, path))
            hidden = b"\0" + secrets.token_hex(8).encode()
            places.append((f"ABSTRACT_{name}".upper(), socket.AF_UNIX, kind, hidden))
        with contextlib.ExitStack() as stack:
            for name, family, kind, address in places:
                sock = stack.enter_context(socket.socket(family, kind))
                try:
                    sock.bind(address)
                except OSError:  # no IPv6 here
                    continue
                if kind == socket.SOCK_STREAM:
                    sock.listen()
                sock.setblocking(False)
                if isinstance(address, str):
                    os.chmod(address, 0o777)
                found.sockets[name] = sock
            yield found


def processes(mark: str, seconds: str) -> list[str]:
    """The processes of an attack that still run: by the name that its first process took."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            name = (folder / "comm").read_text().strip()
            line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            if state not in "ZX" and (name == mark or seconds in line):
                found.append(f"{folder.name} {name} {line}")
    return found


def left_behind(mark: str) -> list[Path]:
    """Files of an attack in places that everybody may write to, or that belong to the user."""
    places = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/dev/mqueue"), Path("/")]
    places += [Path.home(), Path.cwd(), Path(np.__file__).parent, Path(tempfile.gettempdir())]
    names = [path for place in places if place.is_dir() for path in _listed(place)]
    return sorted({path for path in names if mark in path.name})


def _listed(place: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(place.iterdir())
    return []
