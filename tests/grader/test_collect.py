"""Finding hand-ins in folders and zips, and refusing what is not safe to read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from autograder.collect import HandIn, NoHandIns, collect, lesson_named, read_notebook
from autograder.collecting import entries as module

LESSONS = ("02_cavi", "05_bbvi")
Pack = Callable[[Mapping[str, bytes]], Path]


def folder(top: Path, files: Mapping[str, bytes]) -> Path:
    top.mkdir()
    for name, data in files.items():
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return top


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    if request.param == "folder":
        return lambda files: folder(tmp_path / "class", files)
    return lambda files: packed(tmp_path / "class.zip", files)


def one(source: Path) -> HandIn:
    (found,) = collect(source, LESSONS).hand_ins
    return found


STUDENTS = ("ada", "Zoë Müller", "李雷", "o'brien+x@uni.edu", "-rf", "a b%20c", "--out", "$(x)")


def test_students_may_be_called_anything(pack: Pack) -> None:
    files = {f"{name}/05_bbvi/05_bbvi.ipynb": name.encode() for name in STUDENTS}
    source = pack(files)
    found = collect(source, LESSONS).hand_ins
    assert [hand_in.student for hand_in in found] == sorted(STUDENTS)
    for hand_in in found:
        assert hand_in.status is None
        assert read_notebook(source, hand_in) == hand_in.student.encode()


def test_a_folder_around_all_students_does_not_matter(pack: Pack) -> None:
    source = pack(
        {
            "class/ada/05_bbvi/05_bbvi.ipynb": b"1",
            "class/bob/02_cavi/02_cavi.ipynb": b"2",
            "__MACOSX/class/ada/05_bbvi/._05_bbvi.ipynb": b"",
            "class/.DS_Store": b"",
        }
    )
    places = [(h.student, h.lesson) for h in collect(source, LESSONS).hand_ins]
    assert places == [("ada", "05_bbvi"), ("bob", "02_cavi")]


@pytest.mark.parametrize(
    "name",
    [
        "05_bbvi-Copy1.ipynb",
        "05_bbvi (1).ipynb",
        "05_bbvi(12).ipynb",
        "05_bbvi-1.ipynb",
        "05_BBVI.IPYNB",
        "05_bbvi-Copy1 (2).ipynb",
        "05_bbvi.ipynb.txt",
        "final version.ipynb",
        "inner/05_bbvi.ipynb",
    ],
)
def test_a_renamed_notebook_is_found_and_noted(pack: Pack, name: str) -> None:
    hand_in = one(pack({f"ada/05_bbvi/{name}": b"1"}))
    assert hand_in.status is None
    assert hand_in.name.endswith(name)
    assert bool(hand_in.notes) == ("inner" not in name)


def test_of_several_notebooks_the_best_named_counts(pack: Pack) -> None:
    files = dict.fromkeys(["notes", "05_bbvi (1)", "05_bbvi", "02_cavi", "zz"], b"1")
    hand_in = one(pack({f"ada/05_bbvi/{name}.ipynb": data for name, data in files.items()}))
    assert hand_in.name == "ada/05_bbvi/05_bbvi.ipynb"
    assert "05_bbvi (1).ipynb" in hand_in.notes[0]


def test_of_equally_named_notebooks_the_newest_counts(tmp_path: Path) -> None:
    names = ["05_bbvi (1).ipynb", "05_bbvi (2).ipynb", "05_bbvi-Copy1.ipynb"]
    source = folder(tmp_path / "class", {f"ada/05_bbvi/{name}": b"1" for name in names})
    for age, name in enumerate([names[1], names[0], names[2]]):
        os.utime(source / "ada/05_bbvi" / name, (10**9 - age, 10**9 - age))
    assert one(source).name == f"ada/05_bbvi/{names[1]}"


def test_two_spellings_of_a_lesson_are_one_hand_in(pack: Pack) -> None:
    hand_in = one(pack({"ada/05_bbvi/05_bbvi.ipynb": b"1", "ada/05_BBVI/05_bbvi.ipynb": b"2"}))
    assert (hand_in.student, hand_in.lesson) == ("ada", "05_bbvi")


def test_a_notebook_without_a_lesson_folder_is_placed_by_its_name(pack: Pack) -> None:
    hand_in = one(pack({"ada/05_bbvi-1.ipynb": b"1"}))
    assert (hand_in.lesson, hand_in.status) == ("05_bbvi", None)


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({"ada/05_bbvi/": b""}, "not a notebook", "found nothing"),
        ({"ada/05_bbvi/answer.pdf": b"1"}, "not a notebook", "only answer.pdf"),
        ({"ada/09_x/09_x.ipynb": b"1"}, "wrong lesson", "no lesson '09_x': expected 02_cavi"),
        ({"ada/holiday.ipynb": b"1"}, "wrong lesson", "no lesson 'holiday'"),
    ],
)
def test_what_is_missing_is_said(
    pack: Pack, files: dict[str, bytes], status: str, words: str
) -> None:
    hand_in = one(pack(files))
    assert hand_in.status == status
    assert words in hand_in.sentence


def test_stray_files_are_remarked_or_ignored(pack: Pack) -> None:
    found = collect(
        pack(
            {
                "ada/05_bbvi/05_bbvi.ipynb": b"1",
                "readme.txt": b"",
                "stray.ipynb": b"1",
                "ada/05_bbvi/.ipynb_checkpoints/05_bbvi-checkpoint.ipynb": b"2",
            }
        ),
        LESSONS,
    )
    assert len(found.hand_ins) == 1
    assert not found.hand_ins[0].notes
    assert found.remarks == ("stray.ipynb lies outside of a student's folder and was left out.",)


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(b"secret")
    source = folder(tmp_path / "class", {"ada/05_bbvi/": b"", "bob/": b""})
    (source / "ada/05_bbvi/05_bbvi.ipynb").symlink_to(secret)
    (source / "bob/05_bbvi").symlink_to(tmp_path)
    (source / "eve").symlink_to(tmp_path)
    found = collect(source, LESSONS)
    assert [(h.student, h.status) for h in found.hand_ins] == [
        ("ada", "refused"),
        ("bob", "refused"),
    ]
    assert "link" in found.hand_ins[0].sentence
    assert found.remarks == ("eve was refused: it is a link to another place, not a file.",)
    with pytest.raises(ValueError, match="cannot be read"):
        read_notebook(source, HandIn("ada", "05_bbvi", "ada/05_bbvi/05_bbvi.ipynb"))


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    source = folder(tmp_path / "class", {"ada/05_bbvi/": b""})
    os.mkfifo(source / "ada/05_bbvi/05_bbvi.ipynb")
    assert one(source).status == "refused"


@pytest.mark.parametrize(
    "name",
    [
        "../../ada/05_bbvi/05_bbvi.ipynb",
        "/ada/05_bbvi/05_bbvi.ipynb",
        "C:/ada/05_bbvi/05_bbvi.ipynb",
        "ada/05_bbvi/../05_bbvi.ipynb",
        "..\\ada\\05_bbvi\\05_bbvi.ipynb",
    ],
)
def test_paths_that_lead_out_of_a_zip_are_refused(tmp_path: Path, name: str) -> None:
    hand_in = one(packed(tmp_path / "class.zip", {name: b"1"}))
    assert (hand_in.student, hand_in.lesson) == ("ada", "05_bbvi")
    assert hand_in.status == "refused"
    assert "leads out of the archive" in hand_in.sentence


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        info = zipfile.ZipInfo("ada/05_bbvi/05_bbvi.ipynb")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert one(tmp_path / "class.zip").status == "refused"


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(tmp_path / "bomb.zip", {"ada/05_bbvi/05_bbvi.ipynb": bytes(2 * 10**7)})
    assert "300 times its size" in one(bomb).sentence
    monkeypatch.setattr(module, "MAX_BYTES", 10**6)
    assert "larger than" in one(bomb).sentence
    with pytest.raises(ValueError, match="larger than"):
        read_notebook(bomb, HandIn("ada", "05_bbvi", "ada/05_bbvi/05_bbvi.ipynb"))


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    source = folder(tmp_path / "class", {"ada/05_bbvi/05_bbvi.ipynb": bytes(11)})
    assert one(source).status == "refused"


def test_a_damaged_file_in_a_zip_is_reported(tmp_path: Path) -> None:
    path = packed(tmp_path / "class.zip", {"ada/05_bbvi/05_bbvi.ipynb": b"0123456789" * 100})
    data = bytearray(path.read_bytes())
    data[60:70] = b"\xff" * 10
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read"):
        read_notebook(path, one(path))


@pytest.mark.parametrize("kind", ["missing", "empty folder", "empty zip", "text", "stray"])
def test_nothing_to_grade_is_one_sentence(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "class"
    if kind == "empty folder":
        source.mkdir()
    elif kind == "empty zip":
        packed(source, {})
    elif kind == "text":
        source.write_text("hello")
    elif kind == "stray":
        folder(source, {"readme.txt": b""})
    with pytest.raises(NoHandIns, match="Expected") as error:
        collect(source, LESSONS)
    assert "\n" not in str(error.value)


def test_lessons_are_recognised_by_name() -> None:
    assert lesson_named("05_BBVI copy 2.ipynb", LESSONS) == "05_bbvi"
    assert lesson_named("05_bbvi_solution", LESSONS) is None
    assert lesson_named("", LESSONS) is None
