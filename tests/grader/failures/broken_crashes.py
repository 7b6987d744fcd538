"""Hand-ins that end Python, eat memory, and leave threads and processes behind."""

from __future__ import annotations

import toy
from broken import NOTHING, SQUARE_LOST, Case, all_alike, before, file, right, square

RIGHT = toy.RIGHT["square"]
QUIT = "def {}(x):\n    import os; os._exit(0)"
HOG = "def {}(x):\n    return [0] * 10**11"


def dies(name: str, *source: str, says: str = "`square` ended Python") -> Case:
    """An answer that ends the process."""
    return square(name, *source, score=None, says=says)


def eats(name: str, *source: str) -> Case:
    """An answer that needs more memory than there is."""
    return square(name, *source, score=None, says="MiB of memory")


CRASHES = [
    dies(
        "os._exit",
        "import os",
        "def square(x):",
        "    os._exit(0)",
        says="`square` ended Python (exit code 0)",
    ),
    dies(
        "kills itself",
        "import os, signal",
        "def square(x):",
        "    os.kill(os.getpid(), signal.SIGTERM)",
        "    import time; time.sleep(9)",
        says="`square` ",
    ),
    dies("segmentation fault", "import ctypes", "def square(x):", "    ctypes.string_at(0)"),
    dies("abort", "import os", "def square(x):", "    os.abort()"),
    dies(
        "stack overflow in C",
        "import sys",
        "class A:",
        "    def __repr__(self): return repr(self)",
        "def square(x):",
        "    sys.setrecursionlimit(10**9)",
        "    repr(A())",
    ),
    dies(
        "stack overflow in a thread",
        "import sys, threading",
        "class A:",
        "    def __repr__(self): return repr(self)",
        "def square(x):",
        "    sys.setrecursionlimit(10**9)",
        "    threading.stack_size(2**18)",
        "    t = threading.Thread(target=repr, args=(A(),)); t.start(); t.join()",
    ),
    dies(
        "closes all files",
        "import os",
        "def square(x):",
        "    os.closerange(0, 4096)",
        "    return x**2",
    ),
    before("os._exit in a cell", "import os", "os._exit(3)", note="ended Python (exit code 3)"),
    before(
        "segmentation fault in a cell",
        "import ctypes",
        "ctypes.string_at(0)",
        note="Left out: code cell 1, line 2, ended Python",
    ),
    before("abort in a cell", "import os", "os.abort()", note="ended Python"),
    before("alarm in a cell", "import signal", "signal.alarm(1)"),
    before(
        "alarm that raises",
        "import signal",
        "def stop(*_): raise TimeoutError",
        "signal.signal(signal.SIGALRM, stop)",
        "signal.setitimer(signal.ITIMER_REAL, 0.005)",
    ),
    Case(
        "crash below the answer",
        file(right(square=f"{RIGHT}\nimport os; os._exit(1)")),
        note="Left out: the cell of E5.2, line 3, ended Python",
    ),
    Case(
        "crash above the answer",
        file(right(square=f"import os\nos.abort()\n{RIGHT}")),
        "partly graded",
        SQUARE_LOST,
        "The cell of E5.2, line 2, ended Python",
    ),
    Case(
        "five crashes in cells",
        file([*[toy.code("import os; os._exit(1)")] * 5, *right()]),
        note="Left out: code cell 5, line 1, ended Python",
    ),
    Case(
        "crash in a helper",
        file(right(square=f"import helper\n{RIGHT}")),
        "partly graded",
        SQUARE_LOST,
        "ended Python",
        files={"helper.py": b"import os; os._exit(1)"},
    ),
    Case(
        "every answer crashes",
        all_alike(QUIT),
        "crashed",
        NOTHING,
        "Nothing could be judged: `double` ended Python (exit code 0)",
    ),
]
MEMORY = [
    eats("array", "import numpy", "def square(x):", "    return numpy.ones(10**12)"),
    eats(
        "arrays",
        "import numpy",
        "kept = []",
        "def square(x):",
        "    while True: kept.append(numpy.zeros(10**8))",
    ),
    eats("list", "def square(x):", "    return [0] * 10**11"),
    eats("text", "def square(x):", "    return 'x' * 10**11"),
    eats("raised by hand", "def square(x):", "    raise MemoryError"),
    before(
        "array in a cell",
        "import numpy",
        "kept = []",
        "while True: kept.append(numpy.zeros(10**8))",
        note="line 3, needed more than",
    ),
    before("text in a cell", "x = 'x' * 10**11", note="MiB of memory"),
    square(
        "kept from call to call",
        "import numpy",
        "kept = []",
        "def square(x):",
        "    kept.append(numpy.zeros(10**7))",
        "    return x**2",
        score=3.0,
    ),
    Case(
        "every answer eats memory",
        all_alike(HOG),
        "out of memory",
        NOTHING,
        "Nothing could be judged: `double` needed more than",
    ),
]
THREADS = [
    before(
        "noise on stderr",
        "import threading, sys",
        "def noise():",
        "    while True: print('x', file=sys.stderr)",
        "threading.Thread(target=noise, daemon=True).start()",
    ),
    before(
        "a thread that is no daemon",
        "import threading, time",
        "threading.Thread(target=time.sleep, args=(3600,)).start()",
    ),
    before(
        "a busy thread",
        "import threading",
        "def busy():",
        "    while True: pass",
        "threading.Thread(target=busy).start()",
    ),
    before(
        "a thread that raises",
        "import threading",
        "def fail(): 1 / 0",
        "threading.Thread(target=fail).start()",
    ),
    before(
        "forty threads",
        "import threading, time",
        "for _ in range(40): threading.Thread(target=time.sleep, args=(99,)).start()",
    ),
    before("a timer", "import threading, os", "threading.Timer(999, os.abort).start()"),
    before(
        "a thread pool",
        "from concurrent.futures import ThreadPoolExecutor",
        "assert list(ThreadPoolExecutor(4).map(abs, range(9))) == list(range(9))",
    ),
    square(
        "threads in the answer",
        "from concurrent.futures import ThreadPoolExecutor",
        "def square(x):",
        "    with ThreadPoolExecutor(2) as pool:",
        "        return pool.submit(lambda: x**2).result()",
        score=3.0,
    ),
    before("processes", "import subprocess", "subprocess.Popen(['sleep', '600'])"),
    before(
        "forks",
        "import os, time",
        "for _ in range(20):",
        "    if os.fork() == 0: time.sleep(600); os._exit(0)",
    ),
    before("at the end", "import atexit, time", "atexit.register(time.sleep, 3600)"),
    before("a trace function", "import sys", "sys.settrace(lambda *_: None)"),
]
CASES = [*CRASHES, *MEMORY, *THREADS]
