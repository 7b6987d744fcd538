"""The two guides name what there is: commands, targets, files, wings, generated files, settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from autograder.own_course import own_course

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = {name: (DOCS / f"{name}.md").read_text() for name in ("instructors", "maintainers")}
MAINTAINERS = GUIDES["maintainers"]
ROW = re.compile(r"^\| (`.+) \| (.*) \| (.*) \|$", re.M)
TABLE = {
    name: row[2]
    for row in ROW.finditer(MAINTAINERS[MAINTAINERS.index("## Generated files") :])
    for name in re.findall(r"`([^`]+)`", row[1])
}
each_guide = pytest.mark.parametrize("guide", GUIDES)


def code(guide: str) -> str:
    """What the guide sets as code, in line or in blocks."""
    text = GUIDES[guide]
    blocks = [*re.findall(r"^ {4}.*$", text, re.M), *re.findall(r"```\w*\n(.*?)```", text, re.S)]
    return "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks])


@each_guide
def test_commands_and_targets_exist(guide: str) -> None:
    source = "".join(path.read_text() for path in (ROOT / "autograder").glob("c*.py"))
    commands = set(re.findall(r'add_parser\(\s*"([\w-]+)"', source))
    found = re.findall(r"\bautograder (?:--course \S+ )?([a-z][\w-]*)", code(guide))
    assert found
    assert set(found) <= commands
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code(guide))) <= targets


@each_guide
def test_files_of_the_repository_exist(guide: str) -> None:
    wings = "autograder|benchmarks|docs|solutions|tests|vi_lib|\\.jupyter|\\.github|\\.ci"
    for found in re.findall(rf"(?<![\w/.])(?:{wings})/[\w./*-]*\w", code(guide)):
        assert any(ROOT.glob(found)), found


def test_options_exist() -> None:
    source = "".join(path.read_text() for path in (ROOT / "autograder").glob("c*.py"))
    for option in re.findall(r"\bautograder .*?(--[a-z-]+)", code("instructors")):
        assert f'"{option}"' in source, option


def test_the_settings_of_the_guide_are_right(tmp_path: Path) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", GUIDES["instructors"], re.S)
    (tmp_path / "course.toml").write_text(settings)
    (tmp_path / "late.csv").write_text("")
    own = own_course(tmp_path)
    assert own is not None
    assert list(own.texts) == tomllib.loads(settings)["lessons"]
    assert own.points == {"E5.1": 8.0, "E5.4": 0.0, "O5": 10.0}


def test_each_wing_of_the_tests_has_a_row() -> None:
    wings = {f"tests/{p.name}" for p in (ROOT / "tests").iterdir() if any(p.glob("test_*.py"))}
    wings |= {f"tests/grader/{p.parent.name}" for p in (ROOT / "tests/grader").glob("*/test_*.py")}
    rows = {
        name: share
        for name, share in re.findall(r"^\| `(tests/[\w/]+)` \| .* \| (.*) \|$", MAINTAINERS, re.M)
    }
    assert set(rows) == wings
    shares = [int(m[1]) for share in rows.values() if (m := re.fullmatch(r"(\d+) %", share))]
    assert 98 <= sum(shares) <= 102


def test_every_generated_file_is_in_the_table_with_a_command_that_exists() -> None:
    made = [*DOCS.rglob("*.json"), *DOCS.glob("*.png"), *DOCS.glob("api/*.md")]
    made += [p for p in DOCS.glob("*.md") if re.search(r"\b[Ww]ritten\s+by `", p.read_text())]
    made += [DOCS / "attacks.md", ROOT / "tests/posteriors/reference.json"]
    made += [ROOT / "requirements.lock.txt", ROOT / "tests/peers/requirements.lock.txt"]
    made = [path for path in made if path.name not in ("maintainers.md", "statuses.md")]
    listed = {path for name in TABLE for path in ROOT.glob(name)}
    assert [str(path) for path in made if path not in listed] == []
    for name, command in TABLE.items():
        assert any(ROOT.glob(name)), name
        for script in re.findall(r"\S+\.py\b", command):
            assert (ROOT / script).is_file(), script


def test_every_script_that_writes_a_page_is_in_the_table() -> None:
    scripts = [*(ROOT / "docs").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    scripts = [
        p for p in scripts if re.search(r"\bRun as `.*\bpython (docs|benchmarks)/", p.read_text())
    ]
    assert len(scripts) >= 7
    commands = " ".join(TABLE.values())
    for path in scripts:
        assert str(path.relative_to(ROOT)) in commands, path


@each_guide
def test_the_readme_and_the_site_lead_to_the_guide(guide: str) -> None:
    assert f"docs/{guide}.md" in (ROOT / "README.md").read_text()
    assert re.search(rf"^{guide}$", (ROOT / "docs/site/index.md").read_text(), re.M)


def test_the_version_is_said_twice_and_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = re.search(r"^version: *[\"']?([\w.]+)", (ROOT / "CITATION.cff").read_text(), re.M)
    assert cited is not None
    assert cited[1] == project["version"]
