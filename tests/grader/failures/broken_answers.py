"""Functions that return anything, take anything, remember, or spoil what they are given."""

from __future__ import annotations

import toy
from broken import NO_SQUARE, Case, file, right, square

NP = "import autograd.numpy as np"
TRUE_NP = "import numpy"


def takes(name: str, *source: str, score: float = 0.0, says: str = "") -> Case:
    """An answer with another signature."""
    return square(name, *source, score=score, says=says)


SIGNATURES = [
    takes("no argument", "def square():", "    return 4", says="takes 0 positional arguments"),
    takes(
        "one too many", "def square(x, power):", "    return x**power", says="missing 1 required"
    ),
    takes("one more with a default", "def square(x, power=2):", "    return x**power", score=3.0),
    takes("by keyword only", "def square(*, x):", "    return x**2", says="positional argument"),
    takes("any arguments", "def square(*args, **kwargs):", "    return args[0]**2", score=3.0),
    takes("another name of the argument", "def square(value):", "    return value**2", score=3.0),
    takes("a lambda", "square = lambda x: x**2", score=3.0),
    takes(
        "a partial function",
        "from functools import partial",
        "square = partial(lambda p, x: x**p, 2)",
        score=3.0,
    ),
    takes(
        "a callable object",
        "class Square:",
        "    def __call__(self, x): return x**2",
        "square = Square()",
        score=3.0,
    ),
    takes(
        "a class instead of a function",
        "class square:",
        "    def __init__(self, x): self.x = x",
        says="an object of type square",
    ),
    takes(
        "a vectorised function",
        TRUE_NP,
        "@numpy.vectorize",
        "def square(x):",
        "    return x**2",
        score=3.0,
    ),
    takes(
        "a cached function",
        "from functools import lru_cache",
        "@lru_cache",
        "def square(x):",
        "    return x**2",
        score=1.0,
        says="unhashable",
    ),
    takes(
        "a wrapper",
        "import functools",
        "def jit(f):",
        "    @functools.wraps(f)",
        "    def inner(*a): return f(*a)",
        "    return inner",
        "@jit",
        "def square(x):",
        "    return x**2",
        score=3.0,
    ),
    takes(
        "a wrapper that forgets",
        "def jit(f):",
        "    def inner(*a): f(*a)",
        "    return inner",
        "@jit",
        "def square(x):",
        "    return x**2",
        says="None",
    ),
    takes(
        "a wrapper that returns nothing",
        "def jit(f): pass",
        "@jit",
        "def square(x):",
        "    return x**2",
        says="cannot be called",
    ),
    takes("a generator function", "def square(x):", "    yield x**2", says="type generator"),
    takes("a coroutine", "async def square(x):", "    return x**2", says="type coroutine"),
    takes("a NumPy function", TRUE_NP, "square = numpy.square", score=3.0),
    takes("an autograd function", NP, "square = np.square", score=3.0),
    takes("a number", "square = 3", says="cannot be called"),
    takes(
        "a property of a class",
        "class A:",
        "    @property",
        "    def f(self): return lambda x: x**2",
        "square = A().f",
        score=3.0,
    ),
    takes(
        "recursive to a point",
        "def square(x, n=50):",
        "    return x**2 if n == 0 else square(x, n - 1)",
        score=3.0,
    ),
]
BEHAVIOUR = [
    square(
        "the second call fails",
        "calls = []",
        "def square(x):",
        "    calls.append(1)",
        "    if len(calls) > 1: raise RuntimeError('once is enough')",
        "    return x**2",
        score=2.0,
        says="once is enough",
    ),
    square(
        "right but for the gradient",
        TRUE_NP,
        "def square(x):",
        "    return numpy.asarray(numpy.array(x, dtype=float))**2",
        score=2.0,
    ),
    square(
        "changes its input",
        "def square(x):",
        "    x *= x",
        "    return x",
        score=1.0,
        says="in place",
    ),
    square(
        "changes its input and restores it",
        "def square(x):",
        "    y = x.copy()",
        "    y *= x",
        "    return y",
        score=2.0,
    ),
    square(
        "seeds the global generator",
        TRUE_NP,
        "def square(x):",
        "    numpy.random.seed(0)",
        "    return x**2",
        score=1.0,
        says="global random state",
    ),
    square(
        "draws from the global generator",
        TRUE_NP,
        "def square(x):",
        "    return x**2 + 0 * numpy.random.rand()",
        says="global random state",
    ),
    square("seeds in the cell", TRUE_NP, "numpy.random.seed(3)", toy.RIGHT["square"], score=3.0),
    square(
        "counts its calls",
        "n = 0",
        "def square(x):",
        "    global n",
        "    n += 1",
        "    return x**2",
        score=3.0,
    ),
    square("raises", "def square(x):", "    raise ValueError('no')", says="raised ValueError: no"),
    square(
        "raises nothing known",
        "class Odd(BaseException): pass",
        "def square(x):",
        "    raise Odd",
        says="raised Odd",
    ),
    square("asserts", "def square(x):", "    assert False, 'no vectors'", says="no vectors"),
    square("interrupts", "def square(x):", "    raise KeyboardInterrupt", says="KeyboardInterrupt"),
    square("exits", "def square(x):", "    import sys; sys.exit(0)", says="SystemExit"),
    square("quits", "def square(x):", "    quit()", says="raised SystemExit"),
    square("ends a generator", "def square(x):", "    raise GeneratorExit", says="GeneratorExit"),
    square("stops an iteration", "def square(x):", "    raise StopIteration", says="StopIteration"),
    square(
        "raises a group",
        "def square(x):",
        "    raise ExceptionGroup('g', [ValueError('x')])",
        says="raised ExceptionGroup",
    ),
    square(
        "raises what cannot be told",
        "class Odd(Exception):",
        "    def __str__(self): raise ValueError('no')",
        "def square(x):",
        "    raise Odd",
        says="raised",
    ),
    square(
        "raises a long story",
        "def square(x):",
        "    raise ValueError('x' * 10**7)",
        says="raised ValueError: xxx",
    ),
    square(
        "raises half a character",
        "def square(x):",
        "    raise ValueError('\\ud800')",
        says="raised ValueError",
    ),
    square(
        "raises control characters",
        "def square(x):",
        "    raise ValueError('\\x1b[31m\\x00')",
        says="raised ValueError",
    ),
    square(
        "recursion without end", "def square(x):", "    return square(x)", says="RecursionError"
    ),
    square(
        "recursion in two",
        "def square(x):",
        "    return other(x)",
        "def other(x):",
        "    return square(x)",
        says="RecursionError",
    ),
    square(
        "too little stack",
        "import sys",
        "sys.setrecursionlimit(40)",
        toy.RIGHT["square"],
        score=3.0,
    ),
    square(
        "not started", "def square(x):", "    raise NotImplementedError", says="not started yet"
    ),
    square(
        "swallows its own error",
        "def square(x):",
        "    try: return y**2",
        "    except Exception: return x**2",
        score=3.0,
    ),
    square(
        "reads what is not there",
        "def square(x):",
        "    return open('/etc/shadow2').read()",
        says="Only files handed in beside the notebook",
    ),
    Case(
        "all answers raise",
        file(right(**{n: f"def {n}(x): 1 / 0" for n in toy.RIGHT})),
        scores=dict.fromkeys(NO_SQUARE, 0.0),
        says="ZeroDivisionError",
    ),
]
CASES = [*SIGNATURES, *BEHAVIOUR]
