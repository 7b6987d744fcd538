"""The words of docs/nbgrader.md: how grader and nbgrader fit, and why plain nbgrader differs."""

HEAD = """\
# The grader and nbgrader

Written by `docs/nbgrader_differences.py`. The lessons are nbgrader assignments: its metadata, its
`generate_assignment`, `validate`, `autograde` and `generate_feedback` work on this tree. Our grader
runs the same check cells elsewhere and enters what it finds into nbgrader's gradebook.

## What stands in the gradebook

`autograder grade` writes `out/gradebook.db`, a gradebook of nbgrader's with nothing added:

| field | what we enter |
|---|---|
| `auto_score` of a check cell | the exercise's points, all sub-checks; empty if not judged |
| `auto_comment` of an answer | the sub-checks, "values 2/2, slope 0/1", and the tier of isolation |
| `auto_score` of an open question | 0 if it was left as it was, else empty |
| `needs_manual_grade` | where a score is empty, or ours changed beneath one given by hand |
| `timestamp`, `late_submission_penalty` | the time of the hand-in in UTC, the points lost |
| `email`, `lms_user_id` of a student | what the platform's file says |

`manual_score`, `extra_credit` and `manual_comment` belong to people: grading again never touches
them, and they come back into the feedback and the exports.

## Open questions in formgrader

`autograder formgrade --out out` opens nbgrader's formgrader on the folder of results. Choose the
lesson, its notebook, a hand-in; type points and a comment; both are saved as you leave the field.
The column "Submissions" counts a folder that is not used here, and stays 0. Then run
`autograder grade` again: it grades nothing anew and brings points and comments into the feedback.

formgrader shows students' notebooks in your browser, next to a Jupyter server. So the notebooks in
`out/autograded/` are not the ones that were handed in: outputs are text and checked PNG or JPEG
pictures, HTML, SVG and scripts are left out, and Markdown that a student has written cannot become
a tag, a link or a diagram (a space stands after `<`, and between `]` and `(`). What the student has
not changed in the lesson is left out, but for the question before each answer. Formulas are set by
the course's own MathJax, where nbgrader takes it from the network: the pages may load nothing from
another host.

## Where plain `nbgrader autograde` differs

The example class, and an honest hand-in broken in further ways, went through both graders, nbgrader
with one hand-in at a time: in one batch, some of these stop all that come after them. The numbers
are points for the exercises; "none" means that there is no score. {same} of {all} hand-ins get the
same from both, and all that are whole and honest are among them.
"""

TAIL = """\
Where both give the same points to a hand-in that is "partly graded", nbgrader has entered 0 for
the exercise that did not finish; ours leaves it empty, and says why.

What the table does not show: nbgrader's own feedback prints the hidden tests; in nbgrader's kernel
a hand-in can read your files, the gradebook and the solutions ([attacks](attacks.md) tells what it
can do here); an endless loop takes a minute for each cell that it touches.
"""

_TWICE = "two cells with one id are an error to nbgrader; ours takes the copy that was filled in"
_DIED = "the kernel died, and nbgrader drops the whole hand-in with it; ours runs the rest again"

REASONS: dict[tuple[str, str], str] = {
    ("ingrid-østby", "05_bbvi"): f"Python is ended after an answer: {_DIED}",
    ("mei-ling-tan", "05_bbvi"): f"Python is ended before an answer: {_DIED}, E5.5 stays empty",
    ("noah-cohen", "01_elbo"): _TWICE,
    ("noah-cohen", "02_cavi"): _TWICE,
    ("Łukasz Nowak", "02_cavi"): (
        "the file is named 02_cavi (1).ipynb, and nbgrader finds no notebook in the folder"
    ),
    ("a thread that writes", "05_bbvi"): (
        "what a thread writes to stderr counts against the check that is running, so this score "
        "depends on the time; to ours, output is not part of the answer"
    ),
    ("metadata of a later version", "05_bbvi"): (
        "one cell claims to be of a later nbgrader, which refuses the notebook; ours needs the id"
    ),
    ("no answer, and a patched checker", "05_bbvi"): (
        "checks run in the student's own Python, where they can be replaced; ours run elsewhere"
    ),
}
