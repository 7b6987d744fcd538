"""The command `autograder new-course`: a folder for a course of one's own."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from autograder.own_course import REPOSITORY, SETTINGS

_SETTINGS = """\
# What is different in this course. After a change: autograder --course THIS_FOLDER build

# The hidden inputs are made from this. Keep it to yourself, and keep it until the last regrading.
secret = "{secret}"

# The lessons, in place of all.
# lessons = ["01_elbo", "05_bbvi"]

# Due times and penalties, a table in this folder.
# late = "late.csv"

# Other points; 0 leaves an exercise in the lesson, for practice.
[points]
# "E5.1" = 6
# "O5" = 10
"""
_CONFIG = """\

# nbgrader's own commands find the checks and the settings of this course, too.
import os  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ.setdefault("AUTOGRADER_COURSE", str(Path(__file__).parent))
"""


def new_course(folder: Path) -> int:
    """Write the folder of an own course; return the exit code: 0, or 2 if there is something."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"Expected a new folder, or an empty one, got {str(folder)!r}.")
        for name in ("solutions", "lessons", "checks"):
            (folder / name).mkdir(parents=True)
        settings = folder / SETTINGS
        settings.touch(mode=0o600)
        settings.write_text(_SETTINGS.format(secret=secrets.token_hex(16)), encoding="utf-8")
        config = (REPOSITORY / "nbgrader_config.py").read_text(encoding="utf-8")
        (folder / "nbgrader_config.py").write_text(config + _CONFIG, encoding="utf-8")
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"settings: {settings}\nnext: autograder --course {folder} build")
    return 0
