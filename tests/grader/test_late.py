"""Late days, extensions and free days, to the second and across changes of the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.late import (
    Late,
    explain,
    explained,
    keep,
    penalties,
    policy_in,
    unknown_times,
    unused_rows,
)
from autograder.late_policy import BadPolicy, Policy, policy, read_policy
from autograder.records import Record

LESSONS = ("02_cavi", "05_bbvi", "07_advi")
HEAD = "lesson,student,due,free_days,percent_per_day,cap,zone,submitted\n"


def record(
    submitted: str,
    student: str = "ada",
    lesson: str = "05_bbvi",
    *,
    points: float = 20.0,
    email: str = "",
    notes: tuple[str, ...] = (),
) -> Record:
    return Record(
        student, lesson, "graded", "", points, points, submitted=submitted, email=email, notes=notes
    )


def rules(*lines: str) -> Policy:
    return policy(HEAD + "\n".join(lines), lessons=LESSONS)


def late(found: Policy, *records: Record) -> Late | None:
    return penalties(records, found).get((records[-1].student, records[-1].lesson))


@pytest.mark.parametrize(
    ("submitted", "days", "penalty"),
    [
        ("2026-02-01T00:00:00Z", 0, 0.0),
        ("2026-03-01T22:59:59Z", 0, 0.0),
        ("2026-03-01T23:00:00Z", 0, 0.0),
        ("2026-03-01T23:00:01Z", 1, 2.0),
        ("2026-03-02T23:00:00Z", 1, 2.0),
        ("2026-03-02T23:00:01Z", 2, 4.0),
        ("2026-03-08T22:00:00Z", 7, 10.0),
        ("2027-03-08T22:00:00Z", 372, 10.0),
    ],
)
def test_days_are_24_hours_and_one_begun_counts(submitted: str, days: int, penalty: float) -> None:
    found = late(rules("05_bbvi,,2026-03-02 00:00,,10,50,Europe/Berlin,"), record(submitted))
    assert (found.days, found.penalty) == (days, penalty) if found else days == 0


def test_the_sentence_says_all_of_it() -> None:
    found = late(
        rules("*,,,3,10%,,Europe/Berlin,", "05_bbvi,,2026-03-01 23:59,1,,,,"),
        record("2026-03-07T00:00:00Z"),
    )
    assert found == Late(
        6,
        4.0,
        "Handed in 2026-03-07 01:00 Europe/Berlin, 6 days after 2026-03-01 23:59 Europe/Berlin; "
        "1 free day of this lesson used; 3 free days used, 0 of 3 left; "
        "20% of 20 points taken off, which is 4.",
    )


@pytest.mark.parametrize(
    ("due", "submitted", "days"),
    [
        # The clocks go forward on 29 March at 2:00: the 24 hours after 12:00 end at 13:00.
        ("2026-03-28 12:00", "2026-03-29T11:00:00Z", 1),
        ("2026-03-28 12:00", "2026-03-29T11:00:01Z", 2),
        # And back on 25 October at 3:00.
        ("2026-10-24 12:00", "2026-10-25T10:00:00Z", 1),
        ("2026-10-24 12:00", "2026-10-25T10:00:01Z", 2),
        # 2:30 comes twice that night: the second time is meant.
        ("2026-10-25 02:30", "2026-10-25T01:30:00Z", 0),
        ("2026-10-25 02:30", "2026-10-25T01:30:01Z", 1),
        # 2:30 does not come at all: half past three on the new clock is meant.
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z", 0),
        ("2026-03-29 02:30", "2026-03-29T01:30:01Z", 1),
    ],
)
def test_changes_of_the_clock(due: str, submitted: str, days: int) -> None:
    found = late(rules(f"05_bbvi,,{due},,10,,Europe/Berlin,"), record(submitted))
    assert (found.days if found else 0) == days


def test_a_time_of_ones_own_in_the_same_zone_is_compared_in_utc() -> None:
    found = late(
        rules(
            "05_bbvi,,2026-03-28 12:00,,10,,Europe/Berlin,",
            "05_bbvi,ada,,,,,Europe/Berlin,2026-03-29 13:00",
        ),
        record(""),
    )
    assert found is not None
    assert found.days == 1


@pytest.mark.parametrize(
    "due",
    [
        "2026-03-01 10:00",
        "2026-03-01T10:00:00Z",
        "2026-03-01 10:00 UTC",
        "2026-03-01 11:00 Europe/Berlin",
        "2026-03-01 11:00 +0100",
        "01.03.2026 10:00",
        "1 March 2026, 10:00 AM",
    ],
)
def test_ways_to_write_a_time(due: str) -> None:
    found = rules(f'05_bbvi,,"{due}",,10,,,')
    assert late(found, record("2026-03-01T10:00:00Z")) is None
    assert late(found, record("2026-03-01T10:00:01Z")) is not None


def test_a_day_lasts_until_it_ends() -> None:
    for day in ("2026-03-01", "1.3.2026"):
        found = rules(f"05_bbvi,,{day},,10,,Europe/Berlin,")
        assert late(found, record("2026-03-01T22:59:59Z")) is None
        assert late(found, record("2026-03-01T23:00:00Z")) is not None


def test_an_extension_moves_the_due_time_of_one_student() -> None:
    found = rules("05_bbvi,,2026-03-01,,10,,,", "05_bbvi,ADA@x.edu,2026-03-05,,,,,")
    assert late(found, record("2026-03-05T12:00:00Z", email="ada@x.edu")) is None
    assert late(found, record("2026-03-05T12:00:00Z", "bo")) is not None
    after = late(found, record("2026-03-06T12:00:00Z", email="ada@x.edu"))
    assert after is not None
    assert (after.days, after.penalty) == (1, 2.0)


def test_free_days_are_spent_in_the_order_of_the_due_times() -> None:
    found = rules(
        "*,,,3,10,,,",
        "07_advi,,2026-03-20,,,,,",
        "02_cavi,,2026-03-01,,,,,",
        "05_bbvi,,2026-03-10,,,,,",
    )
    records = [
        record("2026-03-22T12:00:00Z", lesson="07_advi"),
        record("2026-03-03T12:00:00Z", lesson="02_cavi"),
        record("2026-03-12T12:00:00Z", lesson="05_bbvi"),
    ]
    costs = penalties(records, found)
    assert {lesson: cost.penalty for (_, lesson), cost in costs.items()} == {
        "02_cavi": 0.0,
        "05_bbvi": 2.0,
        "07_advi": 4.0,
    }
    assert "2 free days used, 1 of 3 left" in costs["ada", "02_cavi"].sentence
    assert "1 free day used, 0 of 3 left" in costs["ada", "05_bbvi"].sentence
    assert "free day" not in costs["ada", "07_advi"].sentence


def test_each_student_has_the_whole_budget_and_some_more() -> None:
    found = rules("*,,,1,10,,,", "*,bo,,5,,,,", "05_bbvi,,2026-03-01,,,,,")
    records = [record("2026-03-04T12:00:00Z", student) for student in ("ada", "bo", "eve")]
    costs = penalties(records, found)
    assert {student: cost.penalty for (student, _), cost in costs.items()} == {
        "ada": 4.0,
        "bo": 0.0,
        "eve": 4.0,
    }


def test_no_days_are_spent_where_lateness_costs_nothing() -> None:
    found = rules("*,,,1,10,,,", "02_cavi,,2026-03-01,,0,,,", "05_bbvi,,2026-03-01,,,,,")
    records = [record("2026-03-02T12:00:00Z", lesson=lesson) for lesson in LESSONS[:2]]
    assert "1 free day used" in penalties(records, found)["ada", "05_bbvi"].sentence
    assert "no points taken off" in penalties(records, found)["ada", "02_cavi"].sentence


def test_a_missing_time_costs_nothing_and_is_said() -> None:
    found = rules("05_bbvi,,2026-03-01,,10,,,")
    records = [record(""), record("nonsense", "bo"), record("", lesson="02_cavi")]
    assert penalties(records, found) == {}
    assert unknown_times(records, found) == (
        "The times of 2 hand-ins are not known, and nothing is taken off: ada 05_bbvi, bo 05_bbvi."
    )
    assert "time of 1 hand-in is" in unknown_times(records[:1], found)
    assert unknown_times(records[2:], found) == ""


def test_what_canvas_marks_as_late_is_to_be_looked_at() -> None:
    found = rules("05_bbvi,,2026-03-01,,10,,,")
    marked = record("", notes=("Canvas marks this hand-in as late.",))
    cost = late(found, marked)
    assert cost is not None
    assert (cost.days, cost.penalty) == (1, 0.0)
    timed = rules("05_bbvi,,2026-03-01,,10,,,", "05_bbvi,ada,,,,,,2026-03-03 12:00")
    cost = late(timed, marked)
    assert cost is not None
    assert (cost.days, cost.penalty) == (2, 4.0)


def test_a_lesson_without_a_due_time_is_never_late() -> None:
    assert late(rules("*,,,3,10,,,"), record("2030-01-01T00:00:00Z")) is None
    assert late(Policy(), record("2030-01-01T00:00:00Z")) is None


def test_rows_that_fit_nobody_are_named() -> None:
    found = rules("05_bbvi,ada,2026-03-01,,,,,", "05_bbvi,bo,2026-03-01,,,,,", "*,eve,,3,,,,")
    assert {rule.student for rule in unused_rows([record("")], found)} == {"bo", "eve"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "row 1: expected the columns lesson,"),
        ("student,due\n", "(lesson is needed), got student, due"),
        ("lesson,dew\n", "got lesson, dew"),
        (HEAD + "05_bbvi,,tomorrow,,,,,", "row 2, column due: expected a time such as 2026-03-01"),
        (HEAD + "05_bbvi,,3/1/2026,,,,,", "row 2, column due"),
        (HEAD + "\n05_bbvi,,2026-02-30,,,,,", "row 3, column due"),
        (HEAD + "05_bbvi,,2026-03-01 10:00 Mars/Base,,,,,", "column due"),
        (HEAD + "05_bbvi,,,,,,Europe/Atlantis,", "column zone: expected a time zone such as"),
        (HEAD + "05_bbvi,,,,,,../../etc/passwd,", "column zone"),
        (HEAD + "05_bbvi,,,1.5,,,,", "column free_days: expected whole days, got '1.5'"),
        (HEAD + "05_bbvi,,,-1,,,,", "column free_days: expected a number from 0 to 1000"),
        (HEAD + "05_bbvi,,,,120,,,", "column percent_per_day: expected a number from 0 to 100"),
        (HEAD + "05_bbvi,,,,nan,,,", "column percent_per_day"),
        (HEAD + "05_bbvi,,,,10,1e9,,", "column cap"),
        (HEAD + "09_x,,,,,,,", "column lesson: expected one of 02_cavi, 05_bbvi, 07_advi, or *"),
        (HEAD + ",ada,,,,,,", "column lesson"),
        (HEAD + "*,,2026-03-01,,,,,", "column due: expected nothing in a row for all lessons"),
        (HEAD + "05_bbvi,,,,,,,2026-03-01", "column submitted"),
        (HEAD + "05_bbvi,,,,,,,\n05_BBVI,,,,,,,", "row 3: expected one row for 05_bbvi"),
    ],
)
def test_what_is_not_right_is_named_by_row_and_column(text: str, words: str) -> None:
    with pytest.raises(BadPolicy) as error:
        policy(text, "late.csv", LESSONS)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("late.csv, row ")


def test_a_spreadsheet_s_ways_are_read(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    text = "Lesson;Due;Percent per day;Cap\r\n05_bbvi;01.03.2026;12,5 %;50%\r\n;;;\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    cost = late(read_policy(path, LESSONS), record("2026-03-02T12:00:00Z"))
    assert cost is not None
    assert cost.penalty == 2.5
    path.write_bytes(text.replace(";", "\t").encode("utf-16"))
    assert read_policy(path, LESSONS).rules
    with pytest.raises(BadPolicy, match="Expected a late policy in none"):
        read_policy(tmp_path / "none")


def test_the_policy_is_said_in_words() -> None:
    found = rules(
        "*,,,3,10,50,Europe/Berlin,",
        "05_bbvi,,2026-03-01 23:59,1,,,,",
        "05_bbvi,Bo,2026-03-04,2,0,,,",
    )
    assert explained(found, LESSONS[:2]) == [
        "02_cavi: no due time, so nothing is late.",
        "05_bbvi: due 2026-03-01 23:59 Europe/Berlin, 1 free day; 10% of the points for each day "
        "begun, at most 50%.",
        "3 free days for each student over all lessons.",
        "Bo, 05_bbvi: due 2026-03-04 23:59:59 Europe/Berlin, 2 free days, no points are taken off.",
    ]


def test_a_policy_is_kept_with_the_results(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(HEAD + "05_bbvi,,2026-03-01,,10,,,\n", encoding="utf-8")
    assert policy_in(tmp_path / "out") is None
    kept = keep(path, tmp_path / "out")
    assert kept.read_bytes() == path.read_bytes()
    assert policy_in(tmp_path / "out", LESSONS) == read_policy(path, LESSONS)
    assert keep(kept, tmp_path / "out") == kept


def test_the_command_explains_or_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "late.csv"
    path.write_text(HEAD + "05_bbvi,,2026-03-01,,10,,,\n", encoding="utf-8")
    assert explain(path, LESSONS) == 0
    assert "05_bbvi: due 2026-03-01 23:59:59 UTC; 10%" in capsys.readouterr().out
    assert explain(path, LESSONS, tmp_path / "none") == 2
    assert "found no record" in capsys.readouterr().err


def test_the_example_in_the_manual_is_a_policy() -> None:
    text = (Path(__file__).parents[2] / "docs" / "lms.md").read_text(encoding="utf-8")
    table = text[text.index("| lesson | student | due") :].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    found = policy("\n".join(",".join(row) for row in (cells[0], *cells[2:])), lessons=LESSONS)
    assert len(found.rules) == 5
    assert found.budget(()) == 3
    cost = late(found, record("2026-03-05T12:00:00Z", "Ada Lovelace"))
    assert cost is not None
    assert "1 free day used" in cost.sentence
