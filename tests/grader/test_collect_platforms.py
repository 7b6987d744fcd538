"""The layouts of Moodle, Canvas, Gradescope, nbgrader's exchange, and folders named by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from handin_files import LESSONS, folder, found, one, places, tarred, written, zipped

from autograder.collect import collect, read_files, read_notebook
from autograder.rosters import roster

FILE = "_assignsubmission_file"
IN_5 = b'{"cells": [{"metadata": {"nbgrader": {"grade_id": "E5-1-check"}}}]}'
Pack = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture(params=["zip", "tar.gz", "folder", "zip in a folder", "tar in a zip"])
def download(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    """A download as it is, unpacked, or within something else."""

    def pack(files: Mapping[str, bytes]) -> Path:
        if request.param == "folder":
            return folder(tmp_path / "download", files)
        if request.param == "zip in a folder":
            return folder(tmp_path / "week", {"VI-05_bbvi-82.zip": zipped(files)})
        if request.param == "tar in a zip":
            packed = zipped({"VI-05_bbvi-82.tgz": tarred(files)})
            return written(tmp_path / "all.zip", packed)
        data = zipped(files) if request.param == "zip" else tarred(files)
        return written(tmp_path / f"download.{request.param}", data)

    return pack


def test_moodle_with_folders(download: Pack) -> None:
    source = download(
        {
            f"Ada Lovelace_101{FILE}/05_bbvi.ipynb": b"ada",
            f"Bo O'Brien-Smith_102{FILE}_/05_bbvi (1).ipynb": b"bo",  # before Moodle 4.1
            "Ada Lovelace_101_assignsubmission_onlinetext/onlinetext.html": b"<p>hello",
        }
    )
    collection = found(source)
    assert collection.recognised == ("a Moodle download of 2 students",)
    assert collection.remarks == ("This is a Moodle download of 2 students.",)
    ada, bo = collection.hand_ins
    assert (ada.student, ada.lesson, ada.platform_id) == ("Ada Lovelace", "05_bbvi", "101")
    assert (bo.student, bo.platform_id) == ("Bo O'Brien-Smith", "102")
    assert not ada.notes
    assert "named 05_bbvi (1).ipynb" in bo.notes[0]
    assert read_notebook(source, ada) == b"ada"
    assert read_notebook(source, bo) == b"bo"


def test_moodle_without_folders(download: Pack) -> None:
    source = download(
        {
            f"Ada Lovelace_101{FILE}_05_bbvi.ipynb": b"1",
            f"Ada Lovelace_101{FILE}_data.csv": b"2",
            f"Bo_102{FILE}_data.csv": b"3",
            f"Bo_102{FILE}_05_bbvi.ipynb": b"4",
        }
    )
    ada, _ = found(source).hand_ins
    assert (ada.student, ada.notes) == ("Ada Lovelace", ())
    assert read_files(source, ada) == {"data.csv": b"2"}


def test_moodle_without_names(tmp_path: Path) -> None:
    files = {f"Participant_{number}{FILE}/05_bbvi.ipynb": b"1" for number in (7, 8)}
    source = written(tmp_path / "a.zip", zipped(files))
    assert places(source) == [("Participant (7)", "05_bbvi"), ("Participant (8)", "05_bbvi")]


def test_two_who_share_a_name_are_told_apart(tmp_path: Path) -> None:
    files = {f"Ann Lee_{number}{FILE}/05_bbvi.ipynb": b"1" for number in (7, 8)}
    collection = found(written(tmp_path / "a.zip", zipped(files)))
    assert [h.student for h in collection.hand_ins] == ["Ann Lee (7)", "Ann Lee (8)"]
    assert "Several are called Ann Lee: a number follows the name." in collection.remarks


def test_one_name_in_two_assignments_is_one_student(tmp_path: Path) -> None:
    for number, lesson in enumerate(LESSONS):
        data = zipped({f"Ann Lee_{number}{FILE}/{lesson}.ipynb": b"1"})
        written(tmp_path / "week" / f"VI-{lesson}-9.zip", data)
    assert places(tmp_path / "week") == [("Ann Lee", lesson) for lesson in LESSONS]


def test_a_student_s_own_zip_is_looked_into(tmp_path: Path) -> None:
    inner = zipped({"homework/05_bbvi.ipynb": b"1", "homework/util.py": b"2", "x/notes.txt": b""})
    source = written(tmp_path / "a.zip", zipped({f"Ada_1{FILE}/work.zip": inner}))
    hand_in = one(source)
    assert (hand_in.student, hand_in.status) == ("Ada", None)
    assert read_notebook(source, hand_in) == b"1"
    assert read_files(source, hand_in) == {"util.py": b"2"}


def test_only_typed_text_is_no_notebook(tmp_path: Path) -> None:
    files = {
        "Ada_1_assignsubmission_onlinetext/onlinetext.html": b"<p>",
        f"Bo_2{FILE}/05_bbvi.ipynb": b"1",
    }
    ada = found(written(tmp_path / "a.zip", zipped(files))).hand_ins[0]
    assert ada.status == "not a notebook"
    assert "only text that was typed into Moodle" in ada.sentence


@pytest.mark.parametrize(
    ("zip_name", "files", "lesson"),
    [
        ("VI 2026-05 BBVI-12.zip", {"my answer.ipynb": b"1"}, "05_bbvi"),
        ("download.zip", {"my answer.ipynb": IN_5}, "05_bbvi"),
        ("download.zip", {"homework/05_bbvi/a.ipynb": b"1"}, "05_bbvi"),
        ("download.zip", {"answer.pdf": b"1"}, "05_bbvi"),  # as the others of this download
        ("VI-05_bbvi-1.zip", {"02_cavi.ipynb": b"1"}, "02_cavi"),
    ],
)
def test_the_lesson_is_told_by_names_or_by_the_notebook(
    tmp_path: Path, zip_name: str, files: dict[str, bytes], lesson: str
) -> None:
    handed = {f"Ada_1{FILE}/{name}": data for name, data in files.items()}
    handed[f"Bo_2{FILE}/05_bbvi.ipynb"] = b"1"
    source = written(tmp_path / zip_name, zipped(handed))
    assert places(source)[0] == ("Ada", lesson)


def test_the_notebook_tells_its_lesson_where_no_name_does(tmp_path: Path) -> None:
    files = {f"Ada_1{FILE}/my answer.ipynb": IN_5, f"Bo_2{FILE}/02_cavi.ipynb": b"1"}
    source = written(tmp_path / "download.zip", zipped(files))
    assert places(source) == [("Ada", "05_bbvi"), ("Bo", "02_cavi")]


def test_files_of_another_hand_in_do_not_come_along(tmp_path: Path) -> None:
    first = {f"Ada_1{FILE}/05_bbvi.ipynb": b"1", f"Ada_1{FILE}/util.py": b"1"}
    second = {f"Ada_2{FILE}/05_bbvi.ipynb": b"2", f"Ada_2{FILE}/other.py": b"2"}
    source = folder(tmp_path / "week", {"a.zip": zipped(first), "b.zip": zipped(second)})
    hand_in = one(source)
    number = read_notebook(source, hand_in)
    assert read_files(source, hand_in) == {"util.py" if number == b"1" else "other.py": number}


def test_a_lesson_that_nothing_tells_is_said(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({f"Ada_1{FILE}/homework.ipynb": b"1"}))
    assert one(source).status == "wrong lesson"
    assert "no lesson 'homework'" in one(source).sentence


WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Last modified (submission)
Participant 101,Ada Lovelace,ada@x.edu,,,"Sunday, 1 March 2026, 10:00 AM"
Participant 102,Bo,,,,-
"""


@pytest.mark.parametrize("beside", [True, False])
def test_moodle_s_worksheet_gives_times_and_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        files = {f"{name}{FILE}/05_bbvi.ipynb": b"1" for name in ("Ada Lovelace_101", "Bo_102")}
        written(tmp_path / "week" / "a.zip", zipped(files))
        if beside:
            written(tmp_path / "week" / "Grades.csv", WORKSHEET.encode("utf-8-sig"))
        rosters = [] if beside else [roster(WORKSHEET.encode(), "Grades.csv")]
        ada, bo = collect(tmp_path / "week", LESSONS, rosters).hand_ins
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (ada.submitted, ada.email) == ("2026-03-01T09:00:00Z", "ada@x.edu")
    assert ada.time_from == "Moodle's grading worksheet"
    assert (bo.submitted, bo.email) == ("", "")


def test_a_worksheet_in_a_student_s_folder_tells_nothing(tmp_path: Path) -> None:
    files = {f"Ada_101{FILE}/05_bbvi.ipynb": b"1", f"Ada_101{FILE}/Grades.csv": WORKSHEET.encode()}
    source = written(tmp_path / "week" / "a.zip", zipped(files)).parent
    assert one(source).submitted == ""


def test_canvas(download: Pack) -> None:
    source = download(
        {
            "lovelaceada_LATE_4001_90011_05_bbvi.ipynb": b"ada",
            "o_brienbo_4002_90012_05_bbvi-1.ipynb": b"second",
            "o_brienbo_4002_90010_05_bbvi.ipynb": b"first",
            "o_brienbo_4002_90013_data-1.csv": b"new",
            "o_brienbo_4002_90009_data.csv": b"old",
            "李雷_late_4003_90014_05_bbvi (1)-12.ipynb": b"x",
        }
    )
    ada, bo, li = found(source).hand_ins
    assert found(source).recognised == ("a Canvas download of 3 students",)
    assert (ada.student, ada.platform_id) == ("lovelaceada-4001", "4001")
    assert ada.notes == ("Canvas marks this hand-in as late.",)
    assert (bo.student, bo.attempt) == ("o_brienbo-4002", 1)
    assert read_notebook(source, bo) == b"second"
    assert not any("named" in note for note in bo.notes)
    assert read_files(source, bo) == {"data.csv": b"new", "data-1.csv": b"new"}
    assert li.attempt == 12
    assert "named 05_bbvi (1).ipynb" in li.notes[0]


def test_canvas_takes_the_newest_of_resubmissions(tmp_path: Path) -> None:
    files = {f"ada_4001_9{i:04}_05_bbvi-{i}.ipynb": b"%d" % i for i in (2, 10, 9)}
    source = written(tmp_path / "submissions.zip", zipped(files))
    assert read_notebook(source, one(source)) == b"10"


GRADESCOPE = """---
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '77'
    :email: ada@x.edu
  - :name: Bo
    :sid: '78'
    :email: bo@x.edu
  :created_at: 2026-03-01 10:00:00.999999999 -08:00
  :results: !ruby/object:ActiveSupport::HashWithIndifferentAccess {tests: []}
submission_12:
  :submitters:
  - :name: Ada Lovelace
    :email: other@x.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-03-02 00:00:00 Z
"""


def test_gradescope(download: Pack) -> None:
    top = "assignment_1_export"
    source = download(
        {
            f"{top}/submission_metadata.yml": GRADESCOPE.encode(),
            f"{top}/submission_11/05_bbvi.ipynb": b"both",
            f"{top}/submission_11/util.py": b"u",
            f"{top}/submission_12/05_bbvi.ipynb": b"other",
        }
    )
    assert found(source).recognised == ("an export of Gradescope of 3 students",)
    ada, other, bo = found(source).hand_ins
    assert (ada.student, other.student, bo.student) == (
        "Ada Lovelace (77)",
        "Ada Lovelace (other@x.edu)",
        "Bo",
    )
    assert (ada.submitted, ada.email, ada.platform_id) == (
        "2026-03-01T18:00:00Z",
        "ada@x.edu",
        "77",
    )
    assert bo.submitted == ada.submitted
    assert other.submitted == "2026-03-02T00:00:00Z"
    assert read_notebook(source, bo) == b"both"
    assert read_files(source, bo) == {"util.py": b"u"}


@pytest.mark.parametrize("text", ["[1", "- 1", "a: &a [*a]\nb: *a", "x: !!python/name:os.system"])
def test_gradescope_with_damaged_metadata(tmp_path: Path, text: str) -> None:
    source = folder(
        tmp_path / "export",
        {"submission_metadata.yml": text.encode(), "submission_11/05_bbvi.ipynb": b"1"},
    )
    assert places(source) == [("submission_11", "05_bbvi")]


STAMP = "2026-03-0{} 10:00:00.5 UTC"


def test_the_exchange_and_its_newest_hand_in(download: Pack) -> None:
    ada = "vi/inbound/ada+x@uni.edu+05_bbvi+" + STAMP
    source = download(
        {
            f"{ada.format(1)}+c2Vj-_A/05_bbvi.ipynb": b"first",
            f"{ada.format(2)}+c2Vj-_B/05_bbvi.ipynb": b"second",
            f"{ada.format(2)}+c2Vj-_B/util.py": b"u",
            f"{ada.format(2)}+c2Vj-_B/timestamp.txt": b"2026-03-02 10:00:00.5 UTC",
            "vi/inbound/bo+02_cavi+2026-03-01 10:00:00 +0100/02_cavi.ipynb": b"bo",
            "vi/outbound/05_bbvi/05_bbvi.ipynb": b"released",
        }
    )
    ada_, bo = found(source).hand_ins
    assert (ada_.student, ada_.submitted) == ("ada+x@uni.edu", "2026-03-02T10:00:00Z")
    assert ada_.notes == ("Of 2 hand-ins, the one of 2026-03-02T10:00:00Z counts.",)
    assert read_notebook(source, ada_) == b"second"
    assert read_files(source, ada_) == {"util.py": b"u"}
    assert (bo.student, bo.lesson, bo.submitted) == ("bo", "02_cavi", "2026-03-01T09:00:00Z")


def test_the_last_hand_in_with_a_notebook_counts(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "inbound",
        {
            f"ada+05_bbvi+{STAMP.format(1)}+x/05_bbvi.ipynb": b"1",
            f"ada+05_bbvi+{STAMP.format(2)}+y/timestamp.txt": b"",
        },
    )
    assert one(source).submitted == "2026-03-01T10:00:00Z"


def test_nbgrader_s_own_folders(download: Pack) -> None:
    source = download(
        {
            "ada/05_bbvi/05_bbvi.ipynb": b"1",
            "ada/05_bbvi/timestamp.txt": b"2026-03-01 11:00:00 Europe/Berlin",
            "bo/05_bbvi/05_bbvi.ipynb": b"2",
            "bo/05_bbvi/timestamp.txt": b"yesterday",
        }
    )
    ada, bo = found(source).hand_ins
    assert (ada.submitted, ada.time_from) == ("2026-03-01T10:00:00Z", "timestamp.txt")
    assert (ada.files, bo.submitted) == ((), "")


@pytest.mark.parametrize(
    ("files", "students"),
    [
        (["ada/05_bbvi/05_bbvi.ipynb", "bo/02_cavi/02_cavi.ipynb"], "ada bo"),
        (["ada/05_bbvi.ipynb", "bo/05_bbvi (2).ipynb"], "ada bo"),
        (["all/class/ada/05_bbvi/a.ipynb", "all/class/bo/05_bbvi/b.ipynb"], "ada bo"),
        (
            ["g1/ada/05_bbvi/a.ipynb", "g1/bo/05_bbvi/a.ipynb", "g2/eve/02_cavi/b.ipynb"],
            "ada bo eve",
        ),
        (["class/ada/05_bbvi.ipynb", "class/bo/05_bbvi.ipynb"], "ada bo"),
        (["05_bbvi/ada.ipynb", "05_bbvi/bo.ipynb", "02_cavi/ada.ipynb"], "ada ada bo"),
        (["class/05_bbvi/ada.ipynb", "class/05_bbvi/bo.ipynb"], "ada bo"),
        (["05_bbvi/ada/05_bbvi.ipynb", "05_bbvi/bo/answer.ipynb"], "ada bo"),
        (["05_bbvi/ada_05_bbvi.ipynb", "05_bbvi/05_bbvi-bo.ipynb"], "ada bo"),
        (["ada_05_bbvi.ipynb", "bo-05_BBVI.ipynb", "05_bbvi_eve (1).ipynb"], "ada bo eve"),
        (["class/ada_05_bbvi.ipynb", "class/bo_05_bbvi.ipynb"], "ada bo"),
        (["05_bbvi_77001.ipynb", "05_bbvi_77002.ipynb"], "77001 77002"),
        (["ada/ada_05_bbvi.ipynb", "bo/05_bbvi_final.ipynb"], "ada bo"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_folders_named_by_hand(tmp_path: Path, kind: str, files: list[str], students: str) -> None:
    handed = dict.fromkeys(files, b"1")
    source = tmp_path / "source"
    if kind == "folder":
        folder(source, handed)
    else:
        written(source, zipped(handed) if kind == "zip" else tarred(handed))
    hand_ins = found(source).hand_ins
    assert sorted(hand_in.student for hand_in in hand_ins) == students.split()
    assert all(hand_in.status is None for hand_in in hand_ins)


def test_one_zip_per_student(tmp_path: Path) -> None:
    files = {
        "ada.zip": zipped({"05_bbvi.ipynb": b"1"}),
        "bo.tar.gz": tarred({"05_bbvi/05_bbvi.ipynb": b"2"}),
        "eve.zip": zipped({"eve/05_bbvi.ipynb": b"3"}),  # zipped with its folder
        "ida.zip": zipped({"homework/05_bbvi/05_bbvi.ipynb": b"4"}),
    }
    source = folder(tmp_path / "class", files)
    assert [student for student, _ in places(source)] == ["ada", "bo", "eve", "ida"]


def test_the_folder_of_a_single_student(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "ada", {"05_bbvi/05_bbvi.ipynb": b"1", "02_cavi/02_cavi.ipynb": b"2"}
    )
    assert places(source) == [("ada", "02_cavi"), ("ada", "05_bbvi")]
    alone = folder(tmp_path / "bo", {"05_bbvi.ipynb": b"1"})
    assert places(alone) == [("bo", "05_bbvi")]


def test_files_beside_the_notebook(download: Pack) -> None:
    source = download(
        {
            "ada/05_bbvi/05_bbvi.ipynb": b"1",
            "ada/05_bbvi/util.py": b"u",
            "ada/05_bbvi/other.ipynb": b"2",
            "ada/05_bbvi/.hidden": b"3",
            "ada/05_bbvi/deep/x.py": b"4",
            "ada/05_bbvi/-rf": b"5",
            "ada/02_cavi/02_cavi.ipynb": b"6",
            "bo/05_bbvi/05_bbvi.ipynb": b"7",
            "bo/05_bbvi/bo.py": b"8",
        }
    )
    ada = next(h for h in found(source).hand_ins if h.student == "ada" and h.lesson == "05_bbvi")
    assert read_files(source, ada) == {"util.py": b"u"}


def test_helper_files_are_bounded(tmp_path: Path) -> None:
    files = {f"ada/05_bbvi/f{i:03}.txt": b"x" for i in range(150)}
    many = folder(tmp_path / "many", {"ada/05_bbvi/05_bbvi.ipynb": b"1", **files})
    assert len(one(many).files) == 100
    assert "only 100 are used" in one(many).notes[0]
    big = {f"ada/05_bbvi/f{i}.txt": bytes(4 * 2**20) for i in range(4)}
    large = folder(tmp_path / "large", {"ada/05_bbvi/05_bbvi.ipynb": b"1", **big})
    assert one(large).file_names == ("f0.txt", "f1.txt")


def test_several_downloads_in_one_folder(tmp_path: Path) -> None:
    source = folder(
        tmp_path / "week",
        {
            "VI-02_cavi-1.zip": zipped({f"Ada_1{FILE}/02_cavi.ipynb": b"1"}),
            "submissions.zip": zipped({"bobo_4001_90001_05_bbvi.ipynb": b"1"}),
            "late/05_bbvi/05_bbvi.ipynb": b"by e-mail",
        },
    )
    collection = found(source)
    assert [hand_in.student for hand_in in collection.hand_ins] == ["Ada", "bobo-4001", "late"]
    assert collection.recognised == (
        "a Canvas download of 1 student",
        "a Moodle download of 1 student",
        "folders of 1 student",
    )


def test_the_date_of_a_file_is_not_the_time_of_a_hand_in(tmp_path: Path) -> None:
    source = folder(tmp_path / "class", {"ada/05_bbvi/05_bbvi.ipynb": b"1"})
    os.utime(source / "ada/05_bbvi/05_bbvi.ipynb", (1.7e9, 1.7e9))
    assert (one(source).submitted, one(source).modified) == ("", 1.7e9)
