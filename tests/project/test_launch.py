"""Launch links: where they lead exists, and what Binder and Colab need is in the repository."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))
from launch import Repository, origin, repository, with_launch  # noqa: E402

#: What a Colab notebook can import before anything is installed, of what the lessons need.
AT_COLAB = {"IPython", "PIL", "matplotlib", "numpy", "scipy"}
HERE = Repository("ada", "vi-course", "main")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/ada/vi-course",
        "https://github.com/ada/vi-course.git",
        "https://github.com/ada/vi-course/",
        "git@github.com:ada/vi-course.git",
        "ssh://git@github.com/ada/vi-course.git",
    ],
)
def test_addresses_of_one_repository(address: str) -> None:
    assert repository(address) == HERE


@pytest.mark.parametrize("address", ["", "vi-course", "https://example.org/ada/x", "../clone"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"expected https://github.com/OWNER/NAME, got "):
        repository(address)


def test_the_links_lead_to_the_students_notebook() -> None:
    path = "lessons/05_bbvi/05_bbvi.ipynb"
    assert (ROOT / path).exists()
    assert HERE.colab(path).endswith("/github/ada/vi-course/blob/main/" + path)
    assert HERE.binder(path).endswith("/gh/ada/vi-course/main?urlpath=lab/tree/" + path)
    other = Repository("ada", "vi-course", "autumn/2027")
    assert "/vi-course/autumn%2F2027?" in other.binder(path)


def test_the_links_stand_below_the_title() -> None:
    text = with_launch("# 5 · Title\n\nText.", HERE, "05_bbvi")
    title, links, *_ = text.split("\n\n")
    assert title == "# 5 · Title"
    assert links.count("](https://") == 2
    assert text.endswith("</details>\n\n\nText.")
    assert HERE.install() in text
    with pytest.raises(ValueError, match="05_bbvi to start with a title, got 'Text'"):
        with_launch("Text", HERE, "05_bbvi")


def test_the_origin_of_a_clone_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert origin(tmp_path) is None
    add = ["git", "-C", str(tmp_path), "remote"]
    subprocess.run([*add, "add", "origin", "https://github.com/ada/vi-course.git"], check=True)
    assert origin(tmp_path) == HERE
    head = ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]
    subprocess.run(["git", "-C", str(tmp_path), *head], check=True)
    assert origin(tmp_path) == Repository("ada", "vi-course", "trunk")
    subprocess.run([*add, "set-url", "origin", "/somewhere/else"], check=True)
    assert origin(tmp_path) is None


def test_a_wrong_repository_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "site" / "assemble.py"), str(tmp_path / "new")]
    done = subprocess.run(
        [*command, "--repository", "x"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "expected https://github.com/OWNER/NAME, got 'x'" in done.stderr
    assert not (tmp_path / "new").exists()


def test_binder_installs_the_lock_and_the_course() -> None:
    folder = ROOT / ".binder"
    lines = (folder / "requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if not line.startswith("#")]
    assert (folder / line.removeprefix("-r ")).resolve() == ROOT / "requirements.lock.txt"
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = (folder / "runtime.txt").read_text().strip()
    assert version == about["project"]["requires-python"].replace(">=", "python-")
    assert "--no-deps" in (folder / "postBuild").read_text()
    for name in ("postBuild", "start"):
        assert os.access(folder / name, os.X_OK), name


def test_binder_starts_jupyter_as_students_see_it() -> None:
    command = [str(ROOT / ".binder" / "start"), "printenv", "JUPYTER_CONFIG_PATH"]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": "/etc/other"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{ROOT}/.jupyter:/etc/other"
    assert (ROOT / ".jupyter").is_dir()


def _imports() -> str:
    """All imports of the lessons, as a program; those of a quotation are not there."""
    found = set()
    for path in (ROOT / "solutions").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.add(ast.unparse(node))
    return "\n".join(sorted(found))


def test_the_lessons_import_nothing_that_colab_lacks_but_autograd() -> None:
    ours = {"autograd", "autograder", "vi_lib"}
    program = (
        f"import sys, importlib.metadata\nbefore = set(sys.modules)\n{_imports()}\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name for name in done.stdout.split() if not name.startswith("_")}
    # What these need themselves comes with them.
    helpers = {
        "charset_normalizer",
        "cycler",
        "cython_runtime",
        "dateutil",
        "fontTools",
        "kiwisolver",
    }
    helpers |= {"mpl_toolkits", "packaging", "pyparsing", "six"}
    assert ours <= loaded
    assert loaded - set(sys.stdlib_module_names) - helpers - ours <= AT_COLAB
