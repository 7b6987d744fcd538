"""Archives and names that mean harm: what is not safe is refused, and nobody else pays for it."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import pytest
from handin_files import found, one, places, tarred, written, zipped

from autograder.collect import NoHandIns, read_notebook
from autograder.collecting import archives, entries, kinds
from autograder.collecting.ids import is_plain, mended, told_apart

FILE = "_assignsubmission_file"
HONEST = {f"Bo_2{FILE}/05_bbvi.ipynb": b"bo"}


def moodle(tmp_path: Path, inner: bytes, name: str = "work.zip") -> Path:
    """A Moodle download in which Ada hands in an archive, and Bo a notebook."""
    data = zipped({f"Ada_1{FILE}/{name}": inner, **HONEST})
    return written(tmp_path / "VI-05_bbvi-1.zip", data)


def refused(tmp_path: Path, inner: bytes, name: str = "work.zip") -> str:
    """Why Ada's archive is refused; Bo's notebook is read all the same."""
    source = moodle(tmp_path, inner, name)
    ada, bo = found(source).hand_ins
    assert (ada.student, ada.status) == ("Ada", "refused")
    assert read_notebook(source, bo) == b"bo"
    return ada.sentence


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "not a regular file"),
        (tarfile.BLKTYPE, "not a regular file"),
        (tarfile.FIFOTYPE, "not a regular file"),
        (tarfile.GNUTYPE_SPARSE, "not a regular file"),
    ],
)
def test_a_tar_gives_regular_files_only(tmp_path: Path, kind: bytes, words: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:") as archive:
        info = tarfile.TarInfo("05_bbvi.ipynb")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert words in refused(tmp_path, packed.getvalue(), "work.tar")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_zip_gives_regular_files_only(tmp_path: Path, mode: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("05_bbvi.ipynb")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "it is" in refused(tmp_path, packed.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "../../../05_bbvi.ipynb",
        "/etc/05_bbvi.ipynb",
        "//server/share/05_bbvi.ipynb",
        "C:\\05_bbvi.ipynb",
        "C:05_bbvi.ipynb",
        "a/../../05_bbvi.ipynb",
        "..\\05_bbvi.ipynb",
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_lead_nowhere_else(tmp_path: Path, name: str, kind: str) -> None:
    data = {name: b"1"}
    inner = zipped(data) if kind == "zip" else tarred(data)
    assert "leads out of the archive" in refused(
        tmp_path, inner, "w.zip" if kind == "zip" else "w.tgz"
    )


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"05_bbvi.ipynb": b"1"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    assert "encrypted" in refused(tmp_path, bytes(data))


def test_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"05_bbvi.ipynb": b"1"}))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", data, data.index(mark) + offset, 19)
    assert "cannot be read" in refused(tmp_path, bytes(data))


def overlapping(count: int) -> bytes:
    """A zip whose entries are all the same bytes."""
    data = zipped({"05_bbvi.ipynb": bytes(10**6)})
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    directory = data[start:end] * count
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, count, count, len(directory))
    return data[:start] + directory + bytes(tail)


def test_files_that_overlap_are_refused(tmp_path: Path) -> None:
    assert "overlap, as in a zip bomb" in refused(tmp_path, overlapping(50))
    with pytest.raises(NoHandIns, match="overlap"):
        found(written(tmp_path / "own.zip", overlapping(2)))


def test_a_ratio_is_refused(tmp_path: Path) -> None:
    assert "300 times" in refused(tmp_path, zipped({"05_bbvi.ipynb": bytes(2 * 10**7)}))
    packed = tarred({"05_bbvi.ipynb": bytes(3 * 10**7)})
    assert "unpacks to more than" in refused(tmp_path, packed, "work.tar.gz")


def test_a_total_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        archives, "bounds", lambda depth: kinds.Bounds(99, 10**6 if depth else 10**9)
    )
    noise = os.urandom(6 * 10**5)
    inner = zipped({"05_bbvi.ipynb": noise, "05_bbvi (1).ipynb": noise})
    assert "unpacks to more than" in refused(tmp_path, inner)


def test_a_number_of_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ENTRIES", 100)
    inner = zipped({f"{i}.txt": b"" for i in range(11)} | {"05_bbvi.ipynb": b"1"})
    assert "more than 10 files" in refused(tmp_path, inner)
    nested = zipped({f"{i}.zip": zipped({f"{j}.ipynb": b"" for j in range(9)}) for i in range(9)})
    assert "more than 10 files" in refused(tmp_path, nested)


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    inner = zipped({"05_bbvi.ipynb": b"1"})
    for _ in range(3):
        inner = zipped({"deeper.zip": inner})
    assert "an archive within 3 others" in refused(tmp_path, inner)


def test_an_archive_that_holds_itself_ends(tmp_path: Path) -> None:
    data = zipped({"a.zip": b"", "05_bbvi.ipynb": b"1"})
    for _ in range(20):  # not quite itself, but as deep as it is looked into
        data = zipped({"a.zip": data, "05_bbvi.ipynb": b"1"})
    source = moodle(tmp_path, data)
    assert read_notebook(source, found(source).hand_ins[0]) == b"1"


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    whole = zipped({"05_bbvi.ipynb": os.urandom(2000), "b.txt": b"2"})
    start = whole.index(b"PK\x01\x02")
    directory = bytearray(whole)
    directory[start : start + 40] = b"\xff" * 40
    for data in (whole[:1000], bytes(directory), b"PK\x03\x04", b"", b"<html>", b"\x1f\x8b\x08"):
        assert "it is damaged" in refused(tmp_path, data)


@pytest.mark.parametrize("seed", range(40))
def test_any_damage_is_survived(tmp_path: Path, seed: int) -> None:
    import random

    chance = random.Random(seed)
    kind = chance.choice(["zip", "tar.gz", "tar", "tar.bz2", "tar.xz"])
    files = {"05_bbvi.ipynb": b"{}" * 300, "x/util.py": b"1", "in.zip": zipped({"a": b"1"})}
    mode = {"tar": "w:", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
    data = bytearray(zipped(files) if kind == "zip" else tarred(files, mode[kind]))
    for _ in range(chance.choice([1, 5, 40])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    source = moodle(tmp_path, bytes(data), f"work.{kind}")
    hand_ins = {hand_in.student: hand_in for hand_in in found(source).hand_ins}
    assert set(hand_ins) == {"Ada", "Bo"}
    if hand_ins["Ada"].status is None:
        with contextlib.suppress(ValueError):
            assert len(read_notebook(source, hand_ins["Ada"])) < 10**6
    assert read_notebook(source, hand_ins["Bo"]) == b"bo"


def test_of_two_entries_with_one_name_the_last_counts(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ada/05_bbvi/05_bbvi.ipynb", b"first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("ada/05_bbvi/05_bbvi.ipynb", b"last")
    source = written(tmp_path / "class.zip", packed.getvalue())
    assert read_notebook(source, one(source)) == b"last"


def test_of_two_entries_the_last_is_looked_at(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("05_bbvi.ipynb", b"first")
        info = zipfile.ZipInfo("05_bbvi.ipynb")
        info.external_attr = 0o120777 << 16
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(info, "/etc/passwd")
    assert "a link" in refused(tmp_path, packed.getvalue())


def test_names_in_utf_8_that_do_not_say_so_are_read(tmp_path: Path) -> None:
    data = zipped({"zoë/05_bbvi/05_bbvi.ipynb": b"1"})
    flagged = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        flagged[data.index(mark) + offset] &= ~0x08 & 0xFF
    source = written(tmp_path / "class.zip", bytes(flagged))
    assert (one(source).student, read_notebook(source, one(source))) == ("zoë", b"1")


def test_a_student_s_archive_cannot_speak_for_another(tmp_path: Path) -> None:
    stamp = "2026-03-01 10:00:00 UTC"
    inner = {
        "Bo/05_bbvi/05_bbvi.ipynb": b"evil",
        f"Bo_2{FILE}/05_bbvi.ipynb": b"evil",
        f"Bo+05_bbvi+{stamp}+x/05_bbvi.ipynb": b"evil",
        "bo_4002_90010_05_bbvi.ipynb": b"evil",
        "submission_metadata.yml": b"submission_1:\n  :submitters:\n  - :name: Bo\n",
        "submission_1/05_bbvi.ipynb": b"evil",
    }
    source = moodle(tmp_path, zipped(inner))
    ada, bo = found(source).hand_ins
    assert (ada.student, bo.student) == ("Ada", "Bo")
    assert read_notebook(source, bo) == b"bo"


@pytest.mark.parametrize(
    "inner",
    [
        {"Bo/05_bbvi/05_bbvi.ipynb": b"evil", "Eve/05_bbvi/05_bbvi.ipynb": b"evil"},
        {f"Bo_2{FILE}/05_bbvi.ipynb": b"evil"},
        {"Bo+05_bbvi+2026-03-01 10:00:00 UTC+x/05_bbvi.ipynb": b"evil"},
        {"Bo_4002_90010_05_bbvi.ipynb": b"evil"},
        {"Bo_05_bbvi.ipynb": b"evil", "Eve_05_bbvi.ipynb": b"evil"},
        {"05_bbvi/Bo.ipynb": b"evil", "05_bbvi/Eve.ipynb": b"evil"},
        {"../Bo/05_bbvi/05_bbvi.ipynb": b"evil"},
    ],
)
@pytest.mark.parametrize("around", ["", "homework/"])
def test_one_of_the_zips_of_a_class_cannot_speak_for_others(
    tmp_path: Path, inner: dict[str, bytes], around: str
) -> None:
    for name in ("Bo", "Ida", "Uma"):
        own = zipped({f"{around}05_bbvi/05_bbvi.ipynb": b"own"})
        written(tmp_path / "class" / f"{name}.zip", own)
    written(tmp_path / "class" / "Ada.zip", zipped(inner))
    collection = found(tmp_path / "class")
    hand_ins = {hand_in.student: hand_in for hand_in in collection.hand_ins}
    assert set(hand_ins) == {"Ada", "Bo", "Ida", "Uma"}
    for name in ("Bo", "Ida", "Uma"):
        assert read_notebook(tmp_path / "class", hand_ins[name]) == b"own"


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "Zoë Müller",
        "李雷",
        "o'brien+x@uni.edu",
        "-rf",
        "--out",
        "$(x)",
        "a b%20c",
        "Ann (7)",
    ],
)
def test_a_name_that_is_possible_stays(name: str) -> None:
    assert mended(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("*", "a?", "[ab]", "a/b", "..", ".", "", " ", "a\\b", "C:", "a\nb", "a\0b", "a\x1b[2J"),
        *(
            "ada\u202exfdp",
            "\u200eada",
            "nul",
            "NUL.txt",
            "com1",
            "ada.",
            "ada ",
            " ada",
            "x" * 300,
        ),
        *('"quoted"', "<b>", "a|b", "\ud800"),
    ],
)
def test_a_name_that_is_not_possible_everywhere_is_mended(name: str) -> None:
    mine = mended(name)
    assert mine != name
    assert mended(mine) == mine
    assert 0 < len(mine) <= 110
    assert mine.isprintable()
    assert mended(name + "?") != mine


def test_names_that_differ_in_capitals_only_are_told_apart() -> None:
    names = told_apart(["ada", "Ada", "ADA", "bo", "Bo Li"])
    assert (names["ada"], names["bo"], names["Bo Li"]) == ("ada", "bo", "Bo Li")
    assert len({name.casefold() for name in names.values()}) == 5
    assert told_apart(["Ada"]) == {"Ada": "Ada"}


def test_ada_and_ada_are_two_students(tmp_path: Path) -> None:
    files = {f"{name}/05_bbvi/05_bbvi.ipynb": name.encode() for name in ("ada", "Ada")}
    source = written(tmp_path / "class.zip", zipped(files))
    big, small = found(source).hand_ins
    assert (small.student, big.student[:4]) == ("ada", "Ada-")
    assert read_notebook(source, big) == b"Ada"
    assert any("capitals only" in remark for remark in found(source).remarks)


def test_two_forms_of_an_accent_are_one_student(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "zoë")
    files = {"zoë/05_bbvi/05_bbvi.ipynb": b"1", f"{decomposed}/02_cavi/02_cavi.ipynb": b"2"}
    source = written(tmp_path / "class.zip", zipped(files))
    assert places(source) == [("zoë", "02_cavi"), ("zoë", "05_bbvi")]
    assert [read_notebook(source, h) for h in found(source).hand_ins] == [b"2", b"1"]


def test_a_strange_name_is_mended_and_remarked(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({"*/05_bbvi/05_bbvi.ipynb": b"1"}))
    assert one(source).student.startswith("_-")
    assert found(source).remarks == (f"The student called '*' is written {one(source).student!r}.",)


def test_names_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({"ada/05_bbvi/05_bbvi\x1b[2J.ipynb": b"1"}))
    assert one(source).status == "refused"
    assert "control characters" in one(source).sentence
    assert one(source).notes[0].isprintable()
    long = {f"{'x' * 300}/05_bbvi/05_bbvi.ipynb": b"1"}
    assert "longer than" in one(written(tmp_path / "b.zip", zipped(long))).sentence


def test_a_path_of_many_folders_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({"ada/05_bbvi/" + "d/" * 30 + "a.ipynb": b"1"}))
    assert "under more than" in one(source).sentence


@pytest.mark.parametrize("name", ["util.py", "data 1.csv", "größe.txt"])
def test_plain_names_of_helper_files(name: str) -> None:
    assert is_plain(name)
    assert not is_plain(f"-{name}")
    assert not is_plain(f".{name}")
    assert not is_plain(f"{name}*")


def test_archives_stay_open_but_not_many(tmp_path: Path) -> None:
    for i in range(40):
        written(tmp_path / "class" / f"s{i:02}.zip", zipped({"05_bbvi.ipynb": b"%d" % i}))
    hand_ins = found(tmp_path / "class").hand_ins
    assert [read_notebook(tmp_path / "class", h) for h in hand_ins] == [
        b"%d" % i for i in range(40)
    ]
    assert len(archives._OPEN) <= 32


def test_an_archive_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    source = written(tmp_path / "a.zip", zipped({"ada/05_bbvi/05_bbvi.ipynb": b"old"}))
    hand_in = one(source)
    assert read_notebook(source, hand_in) == b"old"
    written(tmp_path / "a.zip", zipped({"ada/05_bbvi/05_bbvi.ipynb": b"newer"}))
    assert read_notebook(source, hand_in) == b"newer"
