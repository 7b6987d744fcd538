"""Students' code in a process of its own: what it sees, what it may use, how it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import caged
import numpy as np
import pytest

from autograder.checks.answer import Call, Outcome
from autograder.sandbox.cells import Code, plain_python
from autograder.sandbox.client import CannotStart, Zygote
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.remote import RemoteAnswer
from autograder.sandbox.session import Loss, Program, Session
from autograder.sandbox.tiers import chosen_tier

QUICK = Limits(seconds=4.0)
USUAL = Limits(seconds=20.0)
Start = Callable[..., Session]


@pytest.fixture(scope="module", params=caged.each("ABC"))
def zygote(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    found = caged.zygote_of(request.param)
    yield found
    found.close()


@pytest.fixture
def start(zygote: Zygote) -> Iterator[Start]:
    sessions = []

    def begin(*cells: str, limits: Limits = USUAL, **program: Any) -> Session:
        code = tuple(Code(number, source) for number, source in enumerate(cells, 1))
        sessions.append(Session(zygote, Program(code, **program), limits))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.drop()


def call(session: Session, name: str, *args: Any) -> Outcome:
    return RemoteAnswer(session).perform(Call(name, args))


def value(session: Session, name: str, *args: Any) -> Any:
    outcome = call(session, name, *args)
    assert outcome.fault is None, outcome.fault
    return outcome.value


def loss(session: Session, name: str, *args: Any) -> Loss:
    answer = RemoteAnswer(session)
    outcome = answer.perform(Call(name, args))
    assert answer.loss is not None
    assert outcome.fault is not None
    assert outcome.fault.kind == answer.loss.kind
    return answer.loss


# What a child is.


def test_a_child_knows_no_check_and_no_grader(start: Start) -> None:
    session = start("import sys\ndef modules():\n    return '\\n'.join(sys.modules)")
    loaded = value(session, "modules").split("\n")
    assert "vi_lib" in loaded
    ours = {name for name in loaded if name.startswith("autograder.")}
    assert not {n for n in ours if "lesson" in n or "bank" in n or "gradebook" in n}, ours
    assert not {n for n in ours if n.split(".")[1] not in ("checks", "sandbox")}, ours
    assert not {"nbgrader", "sqlalchemy"} & set(loaded)


def test_a_child_starts_in_an_empty_directory_with_few_variables(start: Start) -> None:
    session = start(
        "import os\n"
        "def here():\n    return os.getcwd(), os.listdir('.'), os.environ['HOME']\n"
        "def variables():\n    return sorted(os.environ)\n"
        "def is_open(number):\n"
        "    try: return bool(os.fstat(number))\n"
        "    except OSError: return False\n"
        "def descriptors():\n    return [n for n in range(4096) if is_open(n)]\n"
        "def leader():\n    return os.getsid(0) == os.getpid() == os.getpgrp()"
    )
    folder, files, home = value(session, "here")
    assert files == []
    assert home == folder
    assert Path(folder) != Path.cwd()
    assert value(session, "variables") == ["HOME", "MPLCONFIGDIR", "TMPDIR"]
    assert len(value(session, "descriptors")) == 4  # three standard ones and the socket
    assert value(session, "leader") is True
    assert session.child is not None
    own = session.child.folder
    assert own == ("" if session.zygote.tier == "A" else folder)
    session.drop()
    assert not own or not Path(own).exists()


def test_two_runs_draw_the_same_global_random_numbers(start: Start) -> None:
    cell = "import random\nimport numpy as np\nx = np.random.rand(), random.random()"
    runs = [start(f"{cell}\ndef f():\n    return x") for _ in range(2)]
    assert value(runs[0], "f") == value(runs[1], "f")


@pytest.mark.slow
def test_a_child_ends_with_its_zygote_and_the_next_one_is_forked_by_a_new_one() -> None:
    zygote = Zygote()
    session = Session(zygote, Program((Code(1, "def f():\n    return 1.0"),)), USUAL)
    try:
        assert value(session, "f") == 1.0
        assert zygote.process is not None
        assert session.child is not None
        first = zygote.process
        first.kill()
        assert _gone(session.child.pid)
        assert loss(session, "f").kind == "crashed"
        assert value(session, "f") == 1.0
        assert zygote.process is not first
    finally:
        session.drop()
        zygote.close()


def test_a_zygote_killed_while_it_starts_is_started_again() -> None:
    zygote = Zygote()
    zygote.start()
    try:
        assert zygote.process is not None
        first = zygote.process
        first.kill()
        session = Session(zygote, Program((Code(1, "def f():\n    return 1.0"),)), USUAL)
        assert value(session, "f") == 1.0
        assert zygote.process is not first
        session.drop()
    finally:
        zygote.close()


def test_a_zygote_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    zygote = Zygote()
    with pytest.raises(CannotStart, match="does not start"):
        zygote.fork(QUICK)


def test_a_zygote_that_hangs_while_it_starts_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python, starts = tmp_path / "python", tmp_path / "starts"
    python.write_text(f"#!/bin/sh\necho started >> {starts}\nexec sleep 60\n")
    python.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr("autograder.sandbox.client._START_SECONDS", 1.0)
    zygote = Zygote(chosen_tier())
    monkeypatch.setattr(zygote, "close", lambda: _close_at_once(zygote))
    with pytest.raises(CannotStart, match="says nothing"):
        zygote.fork(QUICK)
    assert starts.read_text() == "started\n"


def _close_at_once(zygote: Zygote) -> None:
    """What hangs does not end when the line is closed: there is no use in waiting for that."""
    assert zygote.process is not None
    zygote.process.kill()
    Zygote.close(zygote)


# Cells.


def test_cells_share_names_and_go_on_after_an_error(start: Start) -> None:
    session = start(
        "import numpy as np\nk = 2.0",
        "before = 1\n1 / 0\nafter = 1",
        "def g(:\n    pass",
        "import sys\nsys.exit(1)",
        "def f(x):\n    return k * np.sum(x) + before",
        "raise KeyboardInterrupt",
    )
    assert value(session, "f", np.ones(3)) == 7.0
    assert {number: e.error_type for number, e in session.errors.items()} == {
        2: "ZeroDivisionError",
        3: "SyntaxError",
        4: "SystemExit",
        6: "KeyboardInterrupt",
    }
    assert session.errors[2].line == 2
    assert not session.losses


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline",
        "!rm -rf everything",
        "files = !ls",
        "%load_ext autoreload\n%autoreload 2",
        "%%html\n<b>no Python</b>",
        "%%bash\necho no Python",
        "np?",
        "display(1)",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))",
        "get_ipython().run_line_magic('matplotlib', 'widget')",
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1]); plt.show(); plt.pause(.01)",
        "from __future__ import annotations\ndef h(x: Undefined): pass",
        "import warnings\nwarnings.warn('careful')",
        "from autograder.checks import check, grade\ncheck('E1.1', globals())\ngrade('E', {})",
        "x = '''\n%not a magic\n'''\nassert '%not' in x",
        "import sys\nprint('x' * 10**8)\nprint('y' * 10**6, file=sys.stderr)",
        "if __name__ != '__main__': raise ValueError",
    ],
)
def test_cells_that_need_a_notebook_run_without_one(start: Start, cell: str) -> None:
    session = start("import numpy as np", cell, "def f():\n    return 1.0")
    assert value(session, "f") == 1.0
    assert not session.errors, session.errors


@pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 1", "%%capture out"])
def test_code_after_a_timing_magic_runs(start: Start, magic: str) -> None:
    session = start(f"{magic}\ndef f():\n    return 1.0")
    assert value(session, "f") == 1.0


def test_plain_python_is_left_as_it_is() -> None:
    source = "x = 5 % 3\ny = '!ls'\n"
    assert plain_python(source) is source


def test_input_finds_no_keyboard(start: Start) -> None:
    session = start("x = input()", "def f():\n    return input()")
    outcome = call(session, "f")
    assert session.errors[1].error_type == "EOFError"
    assert outcome.fault is not None
    assert outcome.fault.error_type == "EOFError"


def test_a_missing_name_is_explained_by_its_cell(start: Start) -> None:
    session = start("x = 1\ndef f(x):\n    retrun x")
    outcome = call(session, "f")
    assert outcome.fault is not None
    assert outcome.fault.kind == "missing"
    assert "its cell stopped in line 3 with SyntaxError" in outcome.fault.message
    assert not RemoteAnswer(session).has("f")


def test_the_line_of_an_error_is_shown(start: Start) -> None:
    session = start("def f(x):\n    y = 2 * x\n    return y.nothing")
    outcome = call(session, "f", np.ones(2))
    assert outcome.fault is not None
    assert "(line 3 of your cell: return y.nothing)" in outcome.fault.message


def test_demonstrations_run_only_if_something_needs_their_names(start: Start) -> None:
    demos = {"demos": frozenset([2]), "demo_names": frozenset(["table"])}
    cells = ("k = 1.0", "table = 5.0\nk = 2.0")
    without = start(*cells, "def f():\n    return k", **demos)
    assert value(without, "f") == 1.0
    in_call = start(*cells, "def f():\n    return table", **demos)
    assert value(in_call, "f") == 5.0
    in_cell = start(*cells, "x = table", "def f():\n    return x + k", **demos)
    assert value(in_cell, "f") == 7.0


# Limits and crashes.

FIND_THE_SOCKET = """
import os
for descriptor in range(3, 100):
    try: os.fstat(descriptor)
    except OSError: continue
    break
"""
CRASHES = {
    "exit": "import os\n    os._exit(3)",
    "kill": "import os\n    os.kill(os.getpid(), 9)",
    "segfault": "import ctypes\n    ctypes.string_at(0)",
    "abort": "import os\n    os.abort()",
    "close the socket": "import os\n    os.closerange(3, 100)",
    "write to the socket": "os.write(descriptor, bytes(100))",
    "forge a length": "os.write(descriptor, b'\\xff' * 64)",
}


@pytest.mark.parametrize("how", CRASHES)
def test_a_call_that_crashes_costs_itself_only(start: Start, how: str) -> None:
    session = start(
        FIND_THE_SOCKET,
        f"def f():\n    {CRASHES[how]}",
        "def g():\n    return 1.0",
    )
    assert loss(session, "f").kind == "crashed"
    assert value(session, "g") == 1.0
    assert not session.losses


@pytest.mark.parametrize("how", ["exit", "kill", "segfault"])
def test_a_cell_that_crashes_is_left_out_from_that_statement_on(start: Start, how: str) -> None:
    crash = CRASHES[how].replace("\n    ", "\n")
    session = start(f"def f():\n    return 1.0\n{crash}\ndef g():\n    return 2.0", "h = abs")
    assert value(session, "f") == 1.0
    assert value(session, "h", -1.0) == 1.0
    assert loss(session, "g").kind == "crashed"
    assert "cell 1, line 4," in session.losses[1].sentence


def test_a_loop_costs_a_tenth_of_the_time(start: Start) -> None:
    limits = Limits(seconds=4.0)
    session = start(
        "def f():\n    while True:\n        pass", "def g():\n    return 1.0", limits=limits
    )
    started = time.monotonic()
    found = loss(session, "f")
    assert found == Loss("timed out", "`f` did not finish within 0.4 s")
    assert 0.4 <= time.monotonic() - started < 4.0
    assert value(session, "g") == 1.0
    assert session.time.left <= 3.61  # processor time is counted in hundredths of a second


@pytest.mark.slow
@pytest.mark.parametrize(
    "loop",
    [
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import time\ntime.sleep(3600)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import numpy as np\nnp.linalg.svd(np.ones((4000, 4000)))",
        "while True: print('x' * 1000)",
        "import threading\nthreading.Event().wait()",
    ],
)
def test_a_cell_that_does_not_end_is_left_out(start: Start, loop: str) -> None:
    session = start("def f():\n    return 1.0", loop, "def g():\n    return 2.0", limits=QUICK)
    assert value(session, "f") == 1.0
    assert value(session, "g") == 2.0
    assert session.losses[2].kind == "timed out"


@pytest.mark.slow
def test_a_notebook_of_loops_leaves_time_for_what_is_asked(start: Start) -> None:
    session = start(*["while True: pass"] * 8, "def f():\n    return 1.0", limits=QUICK)
    assert value(session, "f") == 1.0
    assert {found.kind for found in session.losses.values()} == {"timed out"}
    assert len(session.losses) == 8
    assert session.time.left >= 1.0


@pytest.mark.slow
def test_a_notebook_ends_when_its_time_is_used_up(start: Start) -> None:
    loop = "def f():\n    while True:\n        try:\n            while True: pass\n"
    session = start(f"{loop}        except BaseException: pass", limits=Limits(seconds=1.0))
    started = time.monotonic()
    found = [loss(session, "f") for _ in range(14)]
    assert found[0] == Loss("timed out", "`f` did not finish within 0.1 s")
    assert found[-1] == Loss("timed out", "the notebook took longer than 1 s")
    assert time.monotonic() - started < 30.0
    assert loss(session, "f") == found[-1]


def test_too_much_memory_costs_itself_only(start: Start) -> None:
    limits = Limits(20.0, memory=1024 * MIB)
    hog = "hog = []\n{}while True:\n{}    hog.append(bytearray(10**8))"
    session = start(
        "def f():\n    " + hog.format("    ", "    "),
        hog.format("", ""),
        "import numpy as np\ndef g():\n    return np.ones(10**9)",
        "def h():\n    return float(np.ones(10**6).sum())",
        limits=limits,
    )
    assert loss(session, "f").kind == "out of memory"
    assert loss(session, "g").sentence == "`g` needed more than 1024 MiB of memory"
    assert value(session, "h") == 1e6
    assert session.losses[2].kind == "out of memory"


def test_endless_recursion_is_an_error_like_others(start: Start) -> None:
    session = start("def f():\n    return f()", "f()")
    outcome = call(session, "f")
    assert outcome.fault is not None
    assert outcome.fault.error_type == "RecursionError"
    assert session.errors[2].error_type == "RecursionError"


@pytest.mark.slow
def test_a_result_that_is_too_large_is_not_passed_on(start: Start) -> None:
    session = start(
        "import numpy as np\n"
        "def f():\n    return np.ones(10**7)\n"
        "def g():\n    return [np.ones(10**6)] * 20\n"
        "def h():\n    return list(range(2 * 10**6))\n"
        "def i():\n    return 'x' * 10**7\n"
        "def j():\n    return 1.0",
        limits=Limits(seconds=90.0),
    )
    for name in "fghi":
        outcome = call(session, name)
        assert outcome.fault is not None, name
        assert outcome.fault.kind == "not a value", outcome.fault
    assert value(session, "j") == 1.0


def test_threads_may_go_on_until_the_end(start: Start) -> None:
    session = start(
        "import threading, sys\n"
        "def noise():\n    while True: print('noise', file=sys.stderr)\n"
        "threading.Thread(target=noise).start()",
        "def f():\n    return 1.0",
    )
    assert value(session, "f") == 1.0


def test_files_are_limited_in_size_and_number(start: Start) -> None:
    session = start(
        "def f():\n    with open('big', 'wb') as file:\n"
        "        for _ in range(200): file.write(bytes(10**6))",
        "def g():\n    return len([open('/dev/null') for _ in range(10_000)])",
    )
    for name in "fg":
        outcome = call(session, name)
        assert outcome.fault is not None
        assert outcome.fault.error_type == "OSError"


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_all_files_together_are_limited(start: Start) -> None:
    session = start(
        "import time\n"
        "def f():\n"
        "    for n in range(10): open(f'{n}', 'wb').write(bytes(10**7))\n"
        "    time.sleep(9)",
        "def g():\n    for n in range(5000): open(f'{n}', 'w').close()\n    time.sleep(9)",
        "def h():\n    open('x', 'wb').write(bytes(10**7))\n    return 1.0",
        limits=Limits(seconds=90.0),
    )
    if session.zygote.tier == "A":  # the kernel says no at once
        for name in "fg":
            outcome = call(session, name)
            assert outcome.fault is not None
            assert outcome.fault.error_type == "OSError"
            session.drop()
    else:
        assert "its files took more than 64 MiB" in loss(session, "f").sentence
        assert "it made more than 4096 files, or hid some" in loss(session, "g").sentence
    assert value(session, "h") == 1.0


def test_a_zygote_whose_grader_is_gone_cleans_up_and_ends() -> None:
    zygote = Zygote()
    session = Session(zygote, Program((Code(1, "def f():\n    return 1.0"),)), USUAL)
    assert value(session, "f") == 1.0
    child, process = session.child, zygote.process
    assert child is not None
    assert process is not None
    assert not child.folder or Path(child.folder).exists()
    zygote.close()  # as when the grader is killed: its end of the socket is closed
    child.sock.close()
    assert process.returncode == 0
    assert _gone(child.pid)
    assert not child.folder or not Path(child.folder).exists()
