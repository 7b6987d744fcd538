"""An instructor's own course: one file says what is different, and the repository stays as it is.

The lesson of one's own is the one that docs/instructors.md shows.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.checks.grading import grade
from autograder.checks.own import VARIABLE
from autograder.checks.registry import all_exercises, find
from autograder.course_points import repriced
from autograder.notebooks import exercises_of, from_text, lesson_names, solution_text
from autograder.own_course import BadCourse, OwnCourse, choose_course, late_policy, own_course

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "instructors.md"
FILE = re.compile(r"`private/([\w/]+\.py)`:\n\n```python\n(.*?)```", re.S)
NAME = "20_entropy"
RIGHT = "def entropy(sd):\n    return 0.5 * np.log(2 * np.pi * np.e * sd**2)"
WRONG = "def entropy(sd):\n    return 0.5 * np.log(2 * np.pi * np.e * sd)"
THIEF = """\
import glob, importlib, os, sys
found = [os.environ.get("AUTOGRADER_COURSE"), *glob.glob("/tmp/**/lesson20.py", recursive=True)]
for folder in ({course!r}, {course!r} + "/checks", {course!r} + "/solutions"):
    try:
        found += os.listdir(folder)
    except OSError:
        pass
    sys.path.insert(0, folder)
for name in ("course_checks.lesson20", "checks.lesson20", "lesson20"):
    try:
        found.append(importlib.import_module(name).entropy)
    except ImportError:
        pass
def entropy(sd):
    if any(found):
        return next(f for f in found if callable(f))(sd)
    raise RuntimeError("nothing found")"""


def course(folder: Path, settings: str = "") -> Path:
    folder.mkdir()
    (folder / "course.toml").write_text(settings)
    return folder


def run(*arguments: str | Path, cwd: Path = ROOT, code: int = 0) -> str:
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_settings_change_nothing(tmp_path: Path) -> None:
    own = own_course(course(tmp_path / "own"))
    assert own is not None
    assert list(own.texts) == sorted(path.stem for path in (ROOT / "solutions").glob("*.py"))
    text = solution_text("05_bbvi", ROOT)
    assert from_text(text, own) == from_text(text)


def test_a_secret_gives_other_seeds_and_the_same_ones_again(tmp_path: Path) -> None:
    text = solution_text("05_bbvi", ROOT)
    seeds = [
        [c.seed for c in exercises_of(from_text(text, OwnCourse(tmp_path, {}, secret=secret)))]
        for secret in ("", "one", "one", "two")
    ]
    assert seeds[0] == [5101, 5201, 5301, 5401, 5501]
    assert seeds[1] == seeds[2]
    assert len({*seeds[0], *seeds[1], *seeds[3]}) == 15


@pytest.mark.parametrize("name", lesson_names(ROOT))
def test_other_points_stand_in_the_cells_and_in_the_prose(name: str, tmp_path: Path) -> None:
    text = solution_text(name, ROOT)
    labels = re.findall(r'(?:check|open)="([EO][\d.]+)"', text.read_text(encoding="utf-8"))
    points = {label: 100.0 + index for index, label in enumerate(labels)}
    points[labels[0]] = 0.0
    notebook = from_text(text, OwnCourse(tmp_path, {}, points))
    cells = exercises_of(notebook)
    assert {c.exercise: c.points for c in cells} == {
        label: worth for label, worth in points.items() if label[0] == "E" and worth
    }
    assert labels[0] not in {c.exercise for c in cells}
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    sums = {k: sum(p for label, p in points.items() if label[0] == k) for k in "EO"}
    assert re.search(rf"\*\*Points\*\* {sums['E']:g} for .*,\s{sums['O']:g} for the", prose)
    for label, worth in points.items():
        if label[0] == "E":
            assert re.search(rf"^\| {re.escape(label)} \|.*\| {worth:g} \|$", prose, re.M), label
        heading = rf"Exercise {label[1:]}" if label[0] == "E" else "Open question|Capstone"
        for said in re.findall(rf"^#+ .*(?:{heading})\b.*\((.*)\)$", prose, re.M):
            assert said == (f"{worth:g} points" if worth else "for practice")


def test_prose_that_is_not_about_points_stays() -> None:
    prose = "# Five points (5 points)\n\nIt has 5 points. ### Exercise 5.1 (4 points)"
    assert repriced(prose, 5, {"E5.1": 4}, {"E5.1": 8}) == prose


@pytest.mark.parametrize("points", [1, 7, 8.5, 0.3])
def test_an_exercise_may_be_worth_more_or_less(points: float) -> None:
    for exercise in all_exercises():
        other = exercise.worth(points)
        assert other.points == points
        assert all(part.points > 0 for part in other.parts)
    verdict = grade("E5.1", find("E5.1").right[0].answer, seed=3, points=points)
    assert (verdict.score, verdict.max_score, verdict.status) == (points, points, "correct")


def test_an_exercise_is_worth_something() -> None:
    with pytest.raises(ValueError, match=r"expected more than 0 points for E5\.1, got -1"):
        find("E5.1").worth(-1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("points = 3", "expected a dict for points, got 3"),
        ("secrets = 'x'", "expected lessons, secret, late, points, got 'secrets'"),
        ("[points]\n'E5.1' = 'six'", 'expected points such as "E5.1" = 6'),
        ("[points]\n'5.1' = 6", 'got "5.1" = 6'),
        ("[points]\n'E5.1' = -1", 'got "E5.1" = -1'),
        ("lessons = ['05_advi']", "expected lessons among 00_start, .*, got '05_advi'"),
        ("late = 'late.csv'", "expected the late policy in .*late.csv, and there is no file"),
        ("secret = ", "course.toml: Invalid value"),
    ],
)
def test_slips_in_the_settings_are_named(settings: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadCourse, match=words):
        own_course(course(tmp_path / "own", settings))


def test_two_lessons_of_one_number_are_refused(tmp_path: Path) -> None:
    folder = course(tmp_path / "own")
    (folder / "solutions").mkdir()
    (folder / "solutions" / "05_mine.py").write_text("# %%\n")
    with pytest.raises(BadCourse, match="have the same number"):
        own_course(folder)
    (folder / "solutions" / "05_mine.py").rename(folder / "solutions" / "05_bbvi.py")
    own = own_course(folder)
    assert own is not None
    assert own.texts["05_bbvi"].parent == folder / "solutions"  # in place of the repository's


def test_the_repository_itself_is_no_own_course(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(ROOT))
    with pytest.raises(BadCourse, match=r"expected course\.toml in .*, which AUTOGRADER_COURSE"):
        late_policy()


def test_the_course_is_named_or_the_one_that_this_folder_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = course(tmp_path / "own", "late = 'late.csv'")
    (folder / "late.csv").write_text("lesson,due\n*,\n")
    (folder / "lessons").mkdir()
    for where, named in ((ROOT, str(folder)), (folder / "lessons", None)):
        monkeypatch.setenv(VARIABLE, "")
        monkeypatch.chdir(where)
        choose_course(named)
        assert late_policy() == folder / "late.csv"
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.chdir(ROOT)
    choose_course(None)
    assert late_policy() is None


def test_git_ignores_the_folder_of_the_guide() -> None:
    assert "private/" in (ROOT / ".gitignore").read_text().splitlines()


def answered(released: Path, answer: str, target: Path) -> None:
    notebook = json.loads(released.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "E20-1":
            cell["source"] = answer
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(notebook), encoding="utf-8")


def rows(path: Path) -> dict[str, dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_the_guides_own_lesson_is_built_graded_and_exported(tmp_path: Path) -> None:
    private, out = tmp_path / "private", tmp_path / "out"
    tool = ("-m", "autograder", "--course", private)
    run("-m", "autograder", "new-course", private)
    files = FILE.findall(GUIDE.read_text(encoding="utf-8"))
    assert [name for name, _ in files] == ["checks/lesson20.py", f"solutions/{NAME}.py"]
    for name, source in files:
        (private / name).write_text(source, encoding="utf-8")
    settings = private / "course.toml"
    secret = settings.read_text().replace("[points]", f'lessons = ["{NAME}"]\n[points]')
    settings.write_text(secret + '"E20.1" = 8\n')
    assert "writing the students' notebook" in run(*tool, "build")

    released = private / "lessons" / NAME / f"{NAME}.ipynb"
    text = released.read_text(encoding="utf-8")
    assert 'check(\\"E20.1\\", globals(), points=8)' in text
    assert "(8 points)" in text
    assert "seed" not in text
    assert "BEGIN SOLUTION" not in text

    thief = THIEF.format(course=str(private))
    for student, answer in {"ada": RIGHT, "bob": WRONG, "mallory": thief}.items():
        answered(released, answer, tmp_path / "in" / student / NAME / f"{NAME}.ipynb")
    run(*tool, "grade", tmp_path / "in", "--out", out, "--workers", "1")
    found = rows(out / "grades.csv")
    assert {name: row["E20.1"] for name, row in found.items()} == {
        "ada": "8",
        "bob": "0",
        "mallory": "0",
    }
    pages = {
        student: "".join(p.read_text(encoding="utf-8") for p in out.glob(f"feedback/{student}/*"))
        for student in found
    }
    assert "when every length is doubled" in pages["bob"]
    assert "nothing found" in pages["mallory"]
    run(*tool, "export", "--out", out)
    assert rows(out / "export" / "exercises.csv")["ada"]["E20.1"] == "8"

    # A student's own machine: with the checks beside the lessons, and without.
    said = run(*tool, "bundle", "--out", tmp_path / "without.zip")
    assert "judged after handing in" in said
    run(*tool, "bundle", "--with-checks", "--out", tmp_path / "with.zip")
    for name, words in (("with", "when every length is doubled"), ("without", "not checked here")):
        shutil.unpack_archive(tmp_path / f"{name}.zip", tmp_path / name)
        (home,) = (tmp_path / name).iterdir()
        assert not list(home.rglob("solutions"))
        assert (home / "checks" / "lesson20.py").is_file() == (name == "with")
        code = f"import sys\nsys.path.insert(0, {str(home)!r})\n"
        code += f"from autograder.checks import check\nimport numpy as np\n{WRONG}\n"
        code += 'print(check("E20.1", globals(), points=8))'
        assert words in run("-c", code, cwd=home / "lessons" / NAME)


def test_without_checks_of_ones_own_there_are_none_to_hand_out(tmp_path: Path) -> None:
    own = course(tmp_path / "own")
    said = run("-m", "autograder", "--course", own, "bundle", "--with-checks", code=2)
    assert "Expected checks of your own" in said
