"""nbgrader's gradebook classes, imported in a quarter of the time that `import nbgrader` takes.

nbgrader's package loads its server extensions, and they a web server and nbconvert; a checker of
JSON schemas builds the grammar of web addresses. None of it is needed to write a gradebook. What
others import later is complete, but for that one check of jsonschema's.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE, _GRAMMAR = "nbgrader", "rfc3987_syntax"


@contextlib.contextmanager
def _standing_in(name: str, module: Any) -> Iterator[None]:
    """A module under this name for a while, unless the real one is loaded already.

    What was loaded as part of it is forgotten with it: who imports the real one gets it whole.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = module
    try:
        yield
    finally:
        for found in [found for found in sys.modules if f"{found}.".startswith(f"{name}.")]:
            del sys.modules[found]


def _bare_package() -> ModuleType:
    """The package without what its __init__ loads."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    return importlib.util.module_from_spec(spec)


# An entry None makes an import fail: jsonschema then leaves out that one check of a format.
with _standing_in(_PACKAGE, _bare_package()), _standing_in(_GRAMMAR, None):
    api = importlib.import_module("nbgrader.api")

PACKAGE = Path(str(api.__file__)).parent
"""The folder of nbgrader."""
Base = api.Base
Comment = api.Comment
Grade = api.Grade
Gradebook = api.Gradebook
GradeCell = api.GradeCell
SolutionCell = api.SolutionCell
Student = api.Student
SubmittedAssignment = api.SubmittedAssignment
SubmittedNotebook = api.SubmittedNotebook
