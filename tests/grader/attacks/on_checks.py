"""Attacks on the grading: patched libraries and checks, hooks; and looking for what is hidden."""

from __future__ import annotations

from hostile import LOST, Attack
from on_wire import FORGE

PATCHES = (
    Attack(
        "make every comparison true",
        """
        import builtins, numpy, math, doctest, unittest
        yes, nothing = (lambda *_, **__: True), (lambda *_, **__: None)
        numpy.testing.assert_allclose = numpy.testing.assert_array_equal = nothing
        numpy.allclose = numpy.isclose = numpy.array_equal = numpy.all = yes
        np.allclose = np.isclose = np.array_equal = np.all = yes
        math.isclose = yes
        unittest.TestCase.assertEqual = nothing
        builtins.abs = lambda x: 0
        """,
    ),
    Attack(
        "patch the checks where this process has them",
        """
        import autograder.checks, autograder.checks.grading as grading
        import autograder.checks.compare as compare
        class Full:
            score = max_score = 4.0
        grading.grade = autograder.checks.grade = lambda *_, **__: Full()
        grading._run = lambda *_: (Full(), "", None, "")
        compare.close = compare.require = lambda *_, **__: None
        compare.Mismatch.__init__ = lambda *_, **__: None
        grading.PartResult = grading.Verdict = lambda *_, **__: Full()
        """,
    ),
    Attack(
        "patch how answers are called and sent",
        """
        import autograder.checks.answer as answer, autograder.checks.values as values
        import autograder.sandbox.child as child, autograder.sandbox.wire as wire
        class Fine:
            value, fault, mutated, global_random, used, seconds = True, None, (), False, (), 0.0
        answer.perform = child.perform = lambda *_: answer.Outcome(value=True)
        values.plain = wire.plain = lambda value, *_: value
        """,
        points={"E5.1": 0.0, "E5.2": 0.0, "E5.3": 0.0},
    ),
    Attack(
        "send pickles instead of values",
        """
        import pickle, autograder.sandbox.wire as wire
        class Boom:
            def __reduce__(self):
                return os.system, ("touch " + WORLD + "/boom",)
        data = pickle.dumps(Boom())
        wire.send = lambda sock, *_, **__: sock.sendall(len(data).to_bytes(8, "little") + data)
        """,
        points=LOST,
    ),
    Attack(
        "pickles where libraries send them",
        """
        import pickle
        class Boom:
            def __reduce__(self):
                return os.system, ("touch " + WORLD + "/boom",)
        real = pickle.dumps
        pickle.dump = lambda value, file, *_: file.write(real(Boom()))
        pickle.dumps = lambda *_, **__: real(Boom())
        """,
    ),
    Attack(
        "patch JSON and sockets",
        """
        json.dumps = lambda *_, **__: "{}"
        socket.socket.settimeout = lambda *_: None
        """,
        points=LOST,
    ),
    Attack(
        "patch the gradient",
        """
        import autograd, autograder.checks.answer as answer
        autograd.grad = answer.grad = lambda f: lambda x: 2 * np.asarray(x)
        """,
    ),
    Attack(
        "patch built-in functions",
        """
        import builtins
        builtins.isinstance = lambda *_: True
        builtins.len = lambda x: 0
        builtins.callable = lambda x: True
        """,
        points=LOST,
    ),
    Attack(
        "rewrite the cells before they run",
        """
        import ast
        shell = get_ipython()
        class Swallow(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.Pass()
        shell.ast_transformers = [Swallow()]
        shell.input_transformers_post = [lambda lines: []]
        shell.showtraceback = lambda *_, **__: None
        shell.events.register("pre_run_cell", lambda *_: None)
        real = ast.parse
        ast.parse = lambda source, *a, **k: real(source.replace("np.asarray(x)", "2 * x"), *a, **k)
        """,
    ),
    Attack(
        "trace and profile everything",
        """
        import threading
        SEEN = set()
        def spy(frame, event, argument):
            SEEN.update(repr(c) for c in frame.f_code.co_consts)
            SEEN.update(repr(v)[:200] for v in list(frame.f_locals.values()) if type(v) is str)
            return spy
        sys.settrace(spy)
        threading.settrace(spy)
        """,
        answer="def double(x):\n    take(lambda: [s for s in SEEN if 'hush' in s])\n"
        "    sys.settrace(spy)\n    return np.asarray(x)",
    ),
    Attack(
        "hooks that run at the end",
        """
        import atexit, signal, faulthandler, weakref, gc
        def last(*_):
            open(MARK, "w").write("still here")
            double.__code__ = (lambda x: 2 * x).__code__
        atexit.register(last)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, last)
        sys.excepthook = sys.unraisablehook = last
        gc.callbacks.append(lambda *_: None)
        """,
    ),
    Attack(
        "import hooks and modules that pose as others",
        """
        import types
        fake = types.ModuleType("autograder.checks")
        fake.grade = fake.check = lambda *_, **__: 4.0
        for name in list(sys.modules):
            if name.startswith("autograder.checks.") and "inputs" not in name:
                sys.modules[name] = fake
        sys.modules["autograder.checks"] = fake
        class Finder:
            def find_spec(self, name, path=None, target=None):
                return None
        sys.meta_path.insert(0, Finder())
        sys.path.insert(0, os.getcwd())
        """,
    ),
)

INSIGHT = (
    Attack(
        "climb the frames",
        """
        def climb():
            frame, found = sys._getframe(), []
            while frame is not None:
                for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
                    if name in ("lesson", "task", "exercise", "verdicts", "record", "seed", "rng"):
                        found.append(name)
                    if type(value).__name__ in ("Lesson", "Task", "Exercise", "Part", "Verdict"):
                        found.append(name)
                frame = frame.f_back
            return found
        take(climb)
        """,
        answer="def double(x):\n    take(climb)\n    return np.asarray(x)",
    ),
    Attack(
        "look through all objects",
        """
        import gc
        def look():
            known = ("Lesson", "Task", "Exercise", "Verdict", "Record", "Recorder", "HandIn")
            return [type(o).__name__ for o in gc.get_objects() if type(o).__name__ in known]
        take(look)
        def code():
            return [o for o in gc.get_objects() if type(o).__name__ == "function"
                    and ("toy" in o.__module__ or "lesson" in o.__module__)]
        take(code)
        take(lambda: [m for m in sys.modules if "lesson" in m or "bank" in m or "grade." in m])
        """,
        answer="def double(x):\n    take(look)\n    take(code)\n    return np.asarray(x)",
    ),
    Attack(
        "all subclasses, and what is behind a traceback",
        """
        def classes():
            names = ("Lesson", "Task", "Zygote", "Session", "RemoteAnswer", "Record")
            todo, found = [object], set()
            while todo:
                kind = todo.pop()
                if kind not in found and kind is not type:
                    found.add(kind)
                    todo += kind.__subclasses__()
            return [kind for kind in found if kind.__name__ in names]
        take(classes)
        def behind():
            try:
                1 / 0
            except ZeroDivisionError as error:
                frame = error.__traceback__.tb_frame
                while frame.f_back:
                    frame = frame.f_back
                return [n for n in frame.f_globals if "lesson" in n.lower() or "seed" in n]
        take(behind)
        """,
    ),
    Attack(
        "other hand-ins that the same zygote ran",
        """
        import gc
        def earlier():
            return [o for o in gc.get_objects() if type(o) is dict and "HONEST_NEIGHBOUR" in o]
        take(earlier)
        take(lambda: [n for n in glob.glob("/tmp/handin-*") if n != os.getcwd()])
        """,
        stopped="AB",
        sure=False,
    ),
    Attack(
        "descriptors that were left open",
        """
        def left():
            found = []
            for number in range(3, 300):
                try:
                    found.append((number, oct(os.fstat(number).st_mode)))
                except OSError:
                    pass
            return found[1:]
        take(left)
        """,
    ),
    Attack(
        "what the pipe still holds",
        FORGE
        + """
import fcntl, termios, struct
def waiting():
    data = fcntl.ioctl(PIPE, termios.FIONREAD, b"    ")
    return struct.unpack("i", data)[0]
take(waiting)
def peek():
    sock = socket.socket(fileno=os.dup(PIPE))
    return sock.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT)
take(peek)
""",
    ),
)
