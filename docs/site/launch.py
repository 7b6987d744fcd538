"""Links that open a lesson at Colab or on Binder, for a repository at GitHub.

They lead to the students' notebooks in lessons/. Binder builds the environment of .binder/ in the
repository. Colab has NumPy, SciPy and Matplotlib; the course itself is installed by a cell that the
page shows, without the course's JupyterLab and nbgrader, which would disturb Colab's own.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_ADDRESS = re.compile(
    r"(?:https://github\.com/|git@github\.com:|ssh://git@github\.com/)"
    r"(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?"
)
COLAB = "https://colab.research.google.com/github"
BINDER = "https://mybinder.org/v2/gh"


@dataclass(frozen=True)
class Repository:
    """A public repository at GitHub, and the branch whose notebooks are opened."""

    owner: str
    name: str
    branch: str = "main"

    def colab(self, path: str) -> str:
        """Where Colab opens a notebook of the repository."""
        return f"{COLAB}/{self.owner}/{self.name}/blob/{quote(self.branch)}/{quote(path)}"

    def binder(self, path: str) -> str:
        """Where Binder opens a notebook of the repository in JupyterLab."""
        branch = quote(self.branch, safe="")
        return f"{BINDER}/{self.owner}/{self.name}/{branch}?urlpath=lab/tree/{quote(path)}"

    def install(self) -> str:
        """The cell that installs the course at Colab."""
        address = f"git+https://github.com/{self.owner}/{self.name}@{self.branch}"
        return f"%pip install --quiet autograd\n%pip install --quiet --no-deps {address}"


def repository(address: str, branch: str = "main") -> Repository:
    """The repository of an address.

    Raises:
        ValueError: If the address is not one of a repository at GitHub.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if not found:
        raise ValueError(f"expected https://github.com/OWNER/NAME, got {address!r}")
    return Repository(found["owner"], found["name"], branch)


def origin(folder: Path) -> Repository | None:
    """The repository that a clone came from, if it is at GitHub, with its main branch."""
    address = _git(folder, "remote", "get-url", "origin")
    if not address or not _ADDRESS.fullmatch(address):
        return None
    head = _git(folder, "symbolic-ref", "--short", "refs/remotes/origin/HEAD") or "origin/main"
    return repository(address, head.removeprefix("origin/"))


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:  # the course was unpacked where there is no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def launch_text(where: Repository, lesson: str) -> str:
    """What a lesson's page says below its title."""
    path = f"lessons/{lesson}/{lesson}.ipynb"
    return (
        f"Work on this lesson in your browser: [Open in Colab]({where.colab(path)}) · "
        f"[Open in Binder]({where.binder(path)}). Download your notebook before you leave, both "
        "forget it.\n\n"
        "<details><summary>The first cell at Colab</summary>\n\n"
        "Colab does not know the course. Add a cell at the top, run it once, and delete it before "
        f"you hand in:\n\n```\n{where.install()}\n```\n\n</details>\n"
    )


def with_launch(text: str, where: Repository, lesson: str) -> str:
    """The first cell of a lesson with its links below the title."""
    title, newline, rest = text.partition("\n")
    if not title.startswith("# "):
        raise ValueError(
            f"expected the first cell of {lesson} to start with a title, got {title!r}"
        )
    return f"{title}\n\n{launch_text(where, lesson)}{newline}{rest}"
