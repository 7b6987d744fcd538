"""Start the course: `python start.py`. Further words go to its commands, such as `check`.

This file runs in any Python, so that one that is too old can say so.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOO_OLD = """\
The course needs Python 3.11 or later, and this is Python {0}.{1}: {2}
If a newer one is installed, start with its name, such as  python3.12 start.py
(on Windows  py -3.12 start.py ). Else install it from python.org or your system's packages."""
ALONE = """\
start.py has been taken out of the course, or the zip is not unpacked yet.
Unpack the whole zip (on Windows: right click, Extract All), and start from the new folder."""

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(TOO_OLD.format(sys.version_info[0], sys.version_info[1], sys.executable))
if not os.path.isfile(os.path.join(HERE, "autograder", "starting", "command.py")):
    sys.exit(ALONE)

sys.path.insert(0, HERE)

from autograder.starting.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], HERE))
