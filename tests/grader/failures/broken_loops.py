"""Hand-ins that loop and hang, in functions and in cells, and do not let themselves be stopped."""

from __future__ import annotations

import toy
from broken import NOTHING, SQUARE_LOST, Case, all_alike, before, edited, file, right, square

RIGHT = toy.RIGHT["square"]
SPIN = ("def spin():", "    while True: pass")
STUBBORN = ("while True:", "    try: spin()", "    except BaseException: pass")
LOOP = "def {}(x):\n    while True: pass"


def indented(source: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"    {line}" for line in source)


def loops(name: str, *source: str, says: str = "`square` did not finish within 0.4 s") -> Case:
    """An answer that does not come back."""
    return square(name, *source, score=None, says=says)


def hangs(name: str, *source: str, note: str = "did not finish within") -> Case:
    """A right hand-in with a cell at the top that does not end."""
    return before(name, *source, note=note)


def kept_back() -> bytes:
    """A right answer that needs what stands below a loop."""
    answer = "def total(x):\n    return np.sum(double(x)) * one"
    return file([toy.code("while True: pass\none = 1"), *right(total=answer)])


LOOPS = [
    loops("loop in the function", "def square(x):", "    while True: pass"),
    loops("loop that ignores everything", *SPIN, "def square(x):", *indented(STUBBORN)),
    loops(
        "loop that ignores signals",
        "import signal",
        "def square(x):",
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "    while True: pass",
    ),
    loops("sleep in the function", "import time", "def square(x):", "    time.sleep(3600)"),
    loops(
        "loop in a generator",
        "def forever():",
        "    while True: yield 1",
        "def square(x):",
        "    return sum(forever())",
    ),
    loops(
        "loop in a comprehension",
        "import itertools",
        "def square(x):",
        "    return [i for i in itertools.count() if i < 0]",
    ),
    loops(
        "loop in a property",
        "class A:",
        "    @property",
        "    def y(self):",
        "        while True: pass",
        "def square(x):",
        "    return A().y",
    ),
    loops(
        "loop in a repr",
        "class A:",
        "    def __repr__(self):",
        "        while True: pass",
        "def square(x):",
        "    return f'{A()}'",
    ),
    loops(
        "loop in the text of an error",
        "class Odd(Exception):",
        "    def __str__(self):",
        "        while True: pass",
        "def square(x):",
        "    raise Odd",
    ),
    loops(
        "loop in the array of a result",
        "class Odd(dict):",
        "    def items(self):",
        "        while True: pass",
        "def square(x):",
        "    return Odd(a=1)",
    ),
    loops(
        "a call for ever",
        "def square(x):",
        "    return other(x)",
        "def other(x):",
        "    while True: x = x + 1",
    ),
    loops(
        "a list of lists of itself",
        "def square(x):",
        "    l = []",
        "    l += [l] * 10",
        "    return l",
    ),
    loops("huge power", "def square(x):", "    return 7 ** (10**9)"),
    loops(
        "large decomposition",
        "import numpy",
        "def square(x):",
        "    numpy.linalg.svd(numpy.ones((3000, 3000)))",
    ),
    loops(
        "regular expression",
        "import re",
        "def square(x):",
        "    return re.match(r'(a+)+$', 'a' * 60 + 'b')",
    ),
    loops(
        "waiting for a lock",
        "import threading",
        "lock = threading.Lock()",
        "lock.acquire()",
        "def square(x):",
        "    with lock: return x**2",
    ),
    loops(
        "waiting for a thread",
        "import threading",
        "def forever():",
        "    while True: pass",
        "def square(x):",
        "    t = threading.Thread(target=forever)",
        "    t.start(); t.join()",
    ),
    loops(
        "waiting for a queue", "import queue", "def square(x):", "    return queue.Queue().get()"
    ),
    loops(
        "printing without end", "def square(x):", "    while True: print('x' * 1000, flush=True)"
    ),
    loops("sorting what changes", "def square(x):", "    l = [1]", "    for i in l: l.append(i)"),
    loops(
        "sleeping a little, often",
        "import time",
        "def square(x):",
        "    for _ in range(1000): time.sleep(0.05)",
        "    return x**2",
    ),
    square(
        "loop for numbers only",
        "def square(x):",
        "    while np.ndim(x) == 0: pass",
        "    return x**2",
        score=3.0,
    ),
    Case(
        "every answer loops",
        all_alike(LOOP),
        "timed out",
        NOTHING,
        "Nothing could be judged: `double` did not finish within 0.4 s",
    ),
    Case(
        "two answers loop",
        file(right(square=LOOP.format("square"), total=LOOP.format("total"))),
        "partly graded",
        {"E5.1": 4.0},
        "4 of 9.5 points, not counting what could not be judged",
    ),
]
CELLS = [
    hangs("loop in a cell", "while True: pass", note="Left out: code cell 1, line 1, did not"),
    hangs("loop in a cell that ignores everything", *SPIN, *STUBBORN),
    hangs(
        "loop that ignores signals in a cell",
        "import signal",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "while True: pass",
    ),
    hangs("sleep in a cell", "import time", "time.sleep(3600)"),
    hangs("loop in a decorator", "def deco(f):", "    while True: pass", "@deco", "def g(): pass"),
    hangs(
        "loop in a default", "def forever():", "    while True: pass", "def g(x=forever()): pass"
    ),
    hangs("loop in a class body", "class A:", "    while True: pass"),
    hangs(
        "loop in a del",
        "class A:",
        "    def __del__(self):",
        "        while True: pass",
        "a = A()",
        "a = None",
    ),
    hangs("loop in a cell's magic", "%%time", "while True: pass"),
    hangs("waiting for an event", "import threading", "threading.Event().wait()"),
    hangs("huge power in a cell", "x = 7 ** (10**9)"),
    hangs(
        "a figure without end",
        "import matplotlib.pyplot as plt",
        "while True: plt.plot([1]); plt.pause(0.01)",
    ),
    Case(
        "loop below the answer",
        file(right(square=f"{RIGHT}\nwhile True: pass")),
        note="Left out: the cell of E5.2, line 3, did not finish within 1 s",
    ),
    Case(
        "loop above the answer",
        file(right(square=f"while True: pass\n{RIGHT}")),
        "partly graded",
        SQUARE_LOST,
        "The cell of E5.2, line 1, did not finish within 1 s",
    ),
    Case(
        "a name that a loop kept back",
        kept_back(),
        "partly graded",
        {"E5.1": 4.0, "E5.2": 3.0},
        "Code cell 1, line 1, did not finish within 1 s",
    ),
    Case(
        "loop among the imports",
        edited(lambda cells: cells[1].update(source="while True: pass\nimport numpy as np")),
        "partly graded",
        {"E5.2": 3.0},
        "Code cell 1, line 1, did not finish",
    ),
    Case(
        "loop in a helper",
        file(right(square=f"import helper\n{RIGHT}")),
        "partly graded",
        SQUARE_LOST,
        "The cell of E5.2, line 1,",
        files={"helper.py": b"while True: pass"},
    ),
    Case(
        "six loops in cells",
        file([*[toy.code("while True: pass")] * 6, *right()]),
        note="Left out: code cell 6, line 1, did not finish",
    ),
]
CASES = [*LOOPS, *CELLS]
