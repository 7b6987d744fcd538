"""An answer that lives in a notebook's kernel: no call takes for ever, and no text stays unread.

The grader has both from the process in which it runs a hand-in. Here a call that does not end is
stopped, and the text of the cell that was run last is looked at: after a slip of the pen Python
keeps the version before it, or none, and neither is what the student looks at.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder.checks.answer import Call, Fault, Outcome, perform
from autograder.checks.patience import TooLong, limited, own_time

CALL_SECONDS = 10.0
"""A call's own time; in the grader it has 6 seconds, on a machine that may be faster."""
EXERCISE_SECONDS = 30.0


@dataclass
class KernelAnswer:
    """A notebook's names as an `Answer`, for one exercise.

    After a call that was stopped no further one is tried: each would take as long.
    """

    namespace: Mapping[str, Any]
    call_seconds: float = CALL_SECONDS
    left: float = EXERCISE_SECONDS
    late: Fault | None = None

    def has(self, name: str) -> bool:
        """Whether the name is bound to something callable."""
        return callable(self.namespace.get(name))

    def perform(self, call: Call) -> Outcome:
        """Call the student's code here, unless its latest version cannot be read."""
        if self.late is not None:
            return Outcome(fault=self.late)
        unread = unread_version(self.namespace.get("In"), call.target)
        if unread:
            return Outcome(fault=Fault("missing", unread))
        seconds, clock = min(self.call_seconds, max(self.left, 0.0)), own_time()
        try:
            with limited(seconds):
                return perform(self.namespace, call)
        except TooLong:
            self.late = Fault("timed out", _too_long(call, seconds))
            return Outcome(fault=self.late)
        finally:
            self.left -= min(clock())


def _too_long(call: Call, seconds: float) -> str:
    whose = call.target if call.method is None else f"{call.target}.{call.method}"
    return (
        f"`{whose}` did not come to an end within {seconds:.3g} s and was stopped. "
        "Is there a loop whose condition stays true?"
    )


def unread_version(inputs: Any, name: str) -> str:
    """A sentence if the cell that was run last to define a name is no Python, else "".

    `inputs` is what IPython keeps as `In`: the text of all cells, in the order they were run.
    """
    if not isinstance(inputs, list):
        return ""
    defines = re.compile(rf"^[ \t]*(?:def|class)[ \t]+{re.escape(name)}\b", re.MULTILINE)
    texts = (text for text in reversed(inputs) if isinstance(text, str))
    latest = next((text for text in texts if defines.search(text)), "")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(latest)
    except SyntaxError as error:
        return _unreadable(name, error)
    except (ValueError, RecursionError, MemoryError):
        return ""
    return ""


def _unreadable(name: str, error: SyntaxError) -> str:
    line = (error.text or "").strip().replace("`", "'")[:80]
    shown = f": `{line}`" if line else ""
    return (
        f"Python cannot read the cell that defines `{name}`: {error.msg} "
        f"(line {error.lineno}{shown}). Mend it, run it, then run this cell again."
    )
