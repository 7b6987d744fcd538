"""Attacks by what is returned and raised: values that lie, explode, or do not end."""

from __future__ import annotations

from hostile import LOST, Attack


def _value(name: str, code: str, result: str, **more: object) -> Attack:
    answer = f"def double(x):\n    return {result}"
    return Attack(name, code, answer=answer, **more)  # type: ignore[arg-type]


VALUES = (
    _value(
        "an object that equals everything",
        """
class Equal:
    def __eq__(self, other): return True
    def __array__(self, *_, **__): return 2 * np.ones(3)
    def __float__(self): return 7.0
    def __getattr__(self, name): return self
    def __call__(self, *_, **__): return self
    __array_ufunc__ = None
""",
        "Equal()",
    ),
    _value(
        "a class that says it is a float",
        """
class Liar:
    @property
    def __class__(self): return float
    def __float__(self): return np.inf
""",
        "Liar()",
    ),
    _value(
        "a float with opinions of its own",
        """
class Number(float):
    def __float__(self): raise SystemExit
    def __eq__(self, other): return True
    def __abs__(self): return 0.0
    def __sub__(self, other): return 0.0
    def __repr__(self): return "the right answer"
""",
        "Number(1)",
    ),
    _value(
        "an array that computes for itself",
        """
import numpy
class Mine(numpy.ndarray):
    def __array_ufunc__(self, *_, **__): return numpy.zeros(3)
    def __array_function__(self, *_, **__): return True
    def __array_finalize__(self, other): take(lambda: None)
    def __eq__(self, other): return True
""",
        "numpy.ones(3).view(Mine)",
    ),
    _value(
        "an array of objects with side effects",
        """
import numpy
class Effect:
    def __float__(self):
        globals()["double"] = lambda x: x
        return 1.0
""",
        "numpy.array([Effect()] * 3, dtype=object)",
    ),
    _value("texts in place of numbers", "class Text(str): pass", "[Text('2'), 'NaN', b'3'][:2]"),
    _value("a text that would blow up in the grader", "", "['x' * 10**6] + ['a'] * 60_000"),
    _value(
        "arrays of no size and huge shape",
        "import numpy",
        "numpy.zeros((0, 2**40)), numpy.zeros((2**40, 0)), [numpy.zeros((0, 2**31))] * 9",
    ),
    _value(
        "an array that is one number, repeated",
        "import numpy",
        "numpy.broadcast_to(1.0, (10**6, 10**6))",
    ),
    _value("a generator without end", "", "(n for n in iter(int, 1))"),
    _value(
        "a list without end",
        """
class Endless(list):
    def __iter__(self):
        while True: yield 1
""",
        "Endless([1])",
        points=LOST,
        seconds=4.0,
    ),
    _value("a list that holds itself", "own = []\nown.append(own)", "own"),
    _value(
        "a mapping with evil keys",
        """
class Key:
    def __hash__(self): return 1
    def __eq__(self, other): return True
    def __str__(self): return "x" * 10**7
""",
        "{Key(): 1}",
    ),
    _value(
        "a mapping without end",
        """
from collections.abc import Mapping
class Map(Mapping):
    def __getitem__(self, key): return self
    def __iter__(self): return iter("a")
    def __len__(self): return 1
""",
        "Map()",
    ),
    _value(
        "a named tuple that lies about its fields",
        """
class Named(tuple):
    _fields = ("a", "b", "c")
""",
        "Named((1,))",
    ),
    _value(
        "a data class with a field that ends Python",
        """
import dataclasses
@dataclasses.dataclass
class Data:
    x: float = 1.0
    def __getattribute__(self, name):
        if name == "x": os._exit(3)
        return object.__getattribute__(self, name)
""",
        "Data()",
        points=LOST,
    ),
    _value(
        "numbers of every odd kind",
        "import numpy",
        "[10**400, -10**400, True, float('nan'), numpy.longdouble(1), numpy.float16(2), -0.0]",
    ),
    _value(
        "complex numbers, dates and records", "import numpy", "numpy.array([(1, 2)], dtype='i4,f8')"
    ),
    _value("functions, classes, modules", "", "[np, double, type, Ellipsis, NotImplemented]"),
    _value("a masked array", "import numpy", "numpy.ma.masked_all(3)"),
    _value(
        "the arguments of all calls so far, as text",
        "SEEN = []",
        "SEEN.append(repr(x)) or ''.join(SEEN)",
    ),
    Attack(
        "an interrupt in the middle of a reply",
        "class Last(float):\n    def __float__(self): raise KeyboardInterrupt",
        answer="def double(x):\n    return Last(2)",
    ),
    Attack(
        "an exception that acts when it is shown",
        """
class Show(Exception):
    def __str__(self): os._exit(3)
    __repr__ = __str__
""",
        answer="def double(x):\n    raise Show()",
        points=LOST,
    ),
    Attack(
        "an exception with an endless chain",
        """
def chain():
    error = ValueError("x" * 10**7)
    error.__cause__ = error
    return error
""",
        answer="def double(x):\n    raise chain()",
    ),
    Attack(
        "an exception that is not one's own",
        "",
        answer="def double(x):\n    raise MemoryError",
        points=LOST,
    ),
    Attack(
        "claim not to have started",
        "",
        answer="def double(x):\n    raise NotImplementedError('give full marks')",
    ),
    Attack("a name that is no function", "", answer="double = type('double', (), {})"),
    Attack(
        "a callable that lies",
        """
class Call:
    def __call__(self, *_, **__): raise SystemExit(0)
    def __getattr__(self, name): raise KeyboardInterrupt
""",
        answer="double = Call()",
    ),
)
