"""Lists of a class: reading what platforms export, and finding the students in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.rosters import BadRoster, Known, Person, known, matched, read_roster, roster

MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 101,Ada Lovelace,ada@x.edu,,,100,Yes,"Sunday, 1 March 2026, 10:00 AM UTC",-,\n'
    "Participant 102,Bo,,,,100,Yes,-,-,\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,05_bbvi (7)\n"
    ",,,,,Manual Posting\n"
    "    Points Possible,,,,,21\n"
    '"Lovelace, Ada",4001,s1,ada@x.edu,A,\n'
    '"Student, Test",4002,,7f3,A,\n'
)


def test_moodle_s_grading_worksheet() -> None:
    found = roster(MOODLE.encode("utf-8-sig"), "Grades.csv")
    assert found.kind == "moodle"
    assert found.people == (
        Person(1, "Ada Lovelace", "ada@x.edu", "101", submitted="2026-03-01T10:00:00Z"),
        Person(2, "Bo", "", "102"),
    )


def test_moodle_in_another_language_and_with_semicolons() -> None:
    text = "ID;Vollständiger Name;E-Mail-Adresse;Status;Bewertung\nTeilnehmer/in7;Bo;b@x;;\n"
    found = roster(text.encode("cp1252"), "Bewertungen.csv")
    assert (found.kind, found.delimiter) == ("moodle", ";")
    assert found.people == (Person(1, "Bo", "b@x", "7"),)


def test_canvas_gradebook() -> None:
    found = roster(CANVAS.encode(), "Grades.csv")
    assert found.kind == "canvas"
    assert found.people == (
        Person(3, "Lovelace, Ada", "ada@x.edu", "4001", "ada@x.edu"),
        Person(4, "Student, Test", "", "4002", "7f3"),
    )
    names = "LastName,FirstName,ID,SIS Login ID,Section\nLovelace,Ada,4001,ada,A\n"
    assert roster(names.encode(), "g.csv").people[0].name == "Lovelace, Ada"


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("name,email\nAda,a@x\n", Person(1, "Ada", "a@x")),
        ("First name,Last name,ID number\nAda,Lovelace,77\n", Person(1, "Ada Lovelace", "", "77")),
        ("student_id,id\nada,1\n", Person(1, "", "", "ada")),
    ],
)
def test_any_table_of_names(text: str, person: Person) -> None:
    found = roster(text.encode(), "class.csv")
    assert (found.kind, found.people) == ("table", (person,))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n1,2\n", b"\xff\xfe", b"\0" * 9])
def test_what_is_no_list_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "g.csv"
    path.write_bytes(data)
    with pytest.raises(BadRoster, match="Expected") as error:
        read_roster(path)
    assert "\n" not in str(error.value)


def test_a_missing_list_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadRoster, match=r"in none.csv: No such file"):
        read_roster(tmp_path / "none.csv")


def who(platform_id: str = "", email: str = "", *names: str) -> Known:
    return known(platform_id, (email,), names)


ADA = Person(1, "Lovelace, Ada", "ada@x.edu", "101")


@pytest.mark.parametrize(
    "student",
    [
        who("101"),
        who("", "ADA@x.edu"),
        who("", "", "Ada Lovelace"),
        who("", "", "ada-lovelace"),
        who("", "", "LOVELACE, ada"),
        who("", "", "ada"),  # what stands before the @
    ],
)
def test_students_are_found_by_any_name(student: Known) -> None:
    bo = Person(2, "Bo", "bo@x.edu", "102")
    assert matched([ADA, bo], {"s": student}) == {"s": ADA}


def test_the_surest_name_decides() -> None:
    other = Person(2, "Ada Lovelace", "a2@x.edu", "102")
    assert matched([ADA, other], {"s": who("102", "", "Ada Lovelace")}) == {"s": other}
    both = {"s": who("101", "", "Ada Lovelace"), "t": who("", "", "Ada Lovelace")}
    assert matched([ADA, other], both) == {"s": ADA, "t": other}


def test_a_name_that_two_share_tells_nobody() -> None:
    twin = Person(2, "Ada Lovelace", "a2@x.edu", "102")
    assert matched([ADA, twin], {"s": who("", "", "Ada Lovelace")}) == {}
    assert (
        matched([ADA], {"s": who("", "", "Ada Lovelace"), "t": who("", "", "ada lovelace")}) == {}
    )
    assert matched([ADA], {"s": who("", "", "Bo"), "t": who()}) == {}


def test_a_composed_name_is_found_by_its_decomposed_form() -> None:
    zoe = Person(1, "Zoe\u0308 Müller")
    assert matched([zoe], {"s": who("", "", "Zoë Müller")}) == {"s": zoe}
