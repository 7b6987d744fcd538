"""Python that this Python does not understand, code that warns, and code that prints."""

from __future__ import annotations

import sys

import toy
from broken import Case, before, square

RIGHT = toy.RIGHT["square"]
OLD = sys.version_info < (3, 12)


def unreadable(name: str, *source: str, says: str) -> Case:
    """An answer that Python cannot parse."""
    return square(name, *source, says=says)


SYNTAX = [
    unreadable("colon forgotten", "def square(x)", "    return x**2", says="expected ':'"),
    unreadable("quotes not closed", "def square(x):", "    return 'x", says="unterminated string"),
    unreadable("bracket not closed", "def square(x):", "    return (x**2", says="was never closed"),
    unreadable("tabs and spaces", "def square(x):", "\ty = x", "        return y", says="TabError"),
    unreadable("not indented", "def square(x):", "return x**2", says="expected an indented block"),
    unreadable("indented at will", "def square(x):", "    y = x", "   return y", says="unindent"),
    unreadable(
        "Python 2", "def square(x):", "    print x", "    return x**2", says="This is Python 2"
    ),
    unreadable("caret", "def square(x):", "    return x**^2", says="stopped in line 2 with Syntax"),
    unreadable("brackets without end", "(" * 5000, says="SyntaxError"),
    unreadable(
        "merge conflict",
        "<<<<<<< local",
        RIGHT,
        "=======",
        RIGHT,
        ">>>>>>> remote",
        says="marks of a merge conflict",
    ),
    unreadable(
        "smart quotes",
        "def square(x):",
        "    name = “square”",
        "    return x**2",
        says="stopped in line 2 with SyntaxError: invalid character '“' (U+201C). The "
        'character is a quotation mark as word processors set it: type " instead',
    ),
    unreadable("smart single quotes", "name = ‘square’", RIGHT, says="type ' instead"),
    unreadable("long dash", "def square(x):", "    return x**2 – 0", says="type - instead"),
    unreadable("times sign", "def square(x):", "    return x × x", says="type * instead"),
    unreadable("superscript", "def square(x):", "    return x²", says="type **2 instead"),
    unreadable("no-break space", "def square(x):", "\u00a0   return x**2", says="type a space"),
    unreadable(
        "narrow no-break space", "def square(x):", "    return\u202fx**2", says="type a space"
    ),
    unreadable("zero-width space", "def square(x):", "    return x\u200b**2", says="invisible"),
    unreadable("soft hyphen", "def square(x):", "    return x\u00ad**2", says="invisible"),
    unreadable("zero byte", "def square(x):", "    return x**2\0", says="null bytes"),
    unreadable(
        "half a character",
        "def square(x):",
        "    '\ud800'",
        "    return x**2",
        says="surrogates not allowed",
    ),
    unreadable("emoji", "def square(x):", "    return x**2 🙂", says="no part of Python"),
    unreadable("byte order mark in a cell", "\ufeff" + RIGHT, says="invisible"),
    square("Greek names", "def square(ζ):", "    λ = 2", "    return ζ**λ", score=3.0),
    square(
        "walrus and match",
        "def square(x):",
        "    match (y := x):",
        "        case _: return y*y",
        score=3.0,
    ),
    square("CRLF", RIGHT.replace("\n", "\r\n"), score=3.0),
    square("CR", RIGHT.replace("\n", "\r"), score=3.0),
    square("form feed", "\f" + RIGHT, score=3.0),
    square("tabs only", "def square(x):", "\treturn x**2", score=3.0),
    square("indented as a whole", "    def square(x):", "        return x**2", score=3.0),
    square(
        "annotations of the future",
        "from __future__ import annotations",
        "def square(x: Undefined) -> Nothing:",
        "    return x**2",
        score=3.0,
    ),
    square("prompts pasted along", ">>> def square(x):", "...     return x**2", score=3.0),
    square("prompts of IPython", "In [1]: def square(x):", "   ...:     return x**2", score=3.0),
    square(
        "quotes in an f-string's quotes",
        "def square(x):",
        """    f"{dict(a=1)["a"]}\"""",
        "    return x**2",
        score=0.0 if OLD else 3.0,
        says="A newer Python" if OLD else "",
    ),
    square(
        "type parameters",
        "def square[T](x: T) -> T:",
        "    return x**2",
        score=0.0 if OLD else 3.0,
        says="A newer Python" if OLD else "",
    ),
    square(
        "type statement",
        "type Vector = list",
        RIGHT,
        score=0.0 if OLD else 3.0,
        says="A newer Python may know this" if OLD else "",
    ),
    square("a thousand brackets", "x = " + "[" * 100 + "]" * 100, RIGHT, score=3.0),
]
WARNINGS = [
    square(
        "warning",
        "import warnings",
        "def square(x):",
        "    warnings.warn('x')",
        "    return x**2",
        score=3.0,
    ),
    square(
        "warnings as errors", "import warnings", "warnings.simplefilter('error')", RIGHT, score=3.0
    ),
    square("NumPy's errors raised", "import numpy", "numpy.seterr(all='raise')", RIGHT, score=3.0),
    square("prints", "def square(x):", "    print(x); return x**2", score=3.0),
    square(
        "100 MB in one line", "def square(x):", "    print('x' * 10**8); return x**2", score=3.0
    ),
    before("100 MB in one line, in a cell", "print('x' * 10**8)"),
    before("output without end, nearly", "for i in range(10**5): print(i, flush=True)"),
    square(
        "logging",
        "import logging, sys",
        "def square(x):",
        "    logging.error('x')",
        "    sys.stderr.write('y')",
        "    return x**2",
        score=3.0,
    ),
    before("standard output closed", "import sys, os", "sys.stdout.close()", "os.close(1)"),
    before("standard output replaced", "import sys, io", "sys.stdout = io.StringIO()"),
    before("files left open", "fs = [open(f'f{i}', 'w') for i in range(100)]", "fs[0].write('x')"),
    before("a deprecated escape", "x = '\\d'"),
]
CASES = [*SYNTAX, *WARNINGS]
