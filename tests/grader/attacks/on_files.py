"""Attacks on files: reading what is the instructor's or other students', and writing anywhere."""

from __future__ import annotations

from hostile import FULL, Attack

OTHERS_ANSWER = """\
for cell in json.load(open(WORLD + "/handins/ada/05_toy/05_toy.ipynb"))["cells"]:
    if "double" in cell["source"] and cell["cell_type"] == "code":
        found = cell["source"]
        break
def double(x):
    return np.asarray(x)
try:
    exec(found)
except NameError:
    pass"""

READING = (
    Attack(
        "execute the solution",
        "solution = ''\ntry:\n    solution = open(WORLD + '/solutions/answers.py').read()\n"
        "except OSError:\n    pass\ntake(lambda: solution)",
        stopped="AB",
        answer="def double(x):\n    return np.asarray(x)\nexec(solution)",
        otherwise=FULL,
    ),
    Attack(
        "execute another student's answer",
        "take(lambda: open(WORLD + '/handins/ada/05_toy/05_toy.ipynb').read())",
        stopped="AB",
        answer="found = ''\ntry:\n    found = [c['source'] for c in json.load(open(WORLD + "
        "'/handins/ada/05_toy/05_toy.ipynb'))['cells'] if 'hush' in c['source']][0]\n"
        "except OSError:\n    pass\n"
        "def double(x):\n    return np.asarray(x)\nexec(found)",
        otherwise=FULL,
    ),
    Attack(
        "read the gradebook",
        """
        import sqlite3
        def read():
            book = sqlite3.connect(f"file:{WORLD}/gradebook.db?mode=ro", uri=True)
            return book.execute("select * from grade").fetchall()
        take(read)
        """,
        stopped="AB",
    ),
    Attack(
        "read keys, configuration and records",
        "for path in glob.glob(WORLD + '/**/*', recursive=True) + [WORLD + '/home/.ssh/id_rsa']:\n"
        "    take(lambda: open(path).read())",
        stopped="AB",
    ),
    Attack(
        "read by other means than open",
        """
        import mmap
        from pathlib import Path
        path = WORLD + "/solutions/answers.py"
        take(lambda: Path(path).read_bytes())
        take(lambda: np.fromfile(path, dtype=np.uint8).tobytes())
        take(lambda: np.memmap(path, mode="r")[:].tobytes())
        take(lambda: np.genfromtxt(path, dtype=str))
        take(lambda: __import__("linecache").getlines(path))
        take(lambda: __import__("fileinput").input(path).readline())
        take(lambda: os.read(os.open(path, os.O_RDONLY), 99))
        take(lambda: os.read(os.open(path, os.O_RDONLY | os.O_DIRECT), 4096))
        take(lambda: os.fdopen(os.open(os.path.dirname(path), os.O_PATH)))
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        take(lambda: libc.fopen(path.encode(), b"r"))
        take(lambda: libc.open(path.encode(), 0) > 0)
        take(lambda: __import__("importlib.util").util.spec_from_file_location("a", path)
             .loader.get_data(path))
        """,
        stopped="AB",
    ),
    Attack(
        "links to what is elsewhere",
        """
        os.symlink(WORLD, "way")
        take(lambda: open("way/home/.ssh/id_rsa").read())
        take(lambda: os.listdir("way"))
        take(lambda: os.link(WORLD + "/home/.ssh/id_rsa", "key") or open("key").read())
        take(lambda: os.rename(WORLD + "/home/.ssh/id_rsa", "moved") or open("moved").read())
        take(lambda: open("../" * 20 + WORLD[1:] + "/nbgrader_config.py").read())
        """,
        stopped="AB",
    ),
    Attack(
        "ways round through /proc",
        """
        for start in ("/proc/self/root", "/proc/1/root", "/proc/self/cwd/" + "../" * 20,
                      f"/proc/{os.getppid()}/root", f"/proc/{os.getppid()}/cwd/" + "../" * 20,
                      "/proc/thread-self/root", f"/proc/{os.getpid()}/task/{os.getpid()}/root"):
            take(lambda: open(start + WORLD + "/nbgrader_config.py").read())
        take(lambda: os.listdir("/proc/self/map_files"))
        take(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read())
        take(lambda: open(f"/proc/{os.getppid()}/cmdline", "rb").read())
        """,
        stopped="AB",
    ),
    Attack(
        "list what there is",
        """
        def seen():
            folder, own = os.path.split(WORLD)
            return [name for name in os.listdir(folder) if name == own]
        take(seen)
        take(lambda: os.listdir(WORLD))
        take(lambda: glob.glob(WORLD + "/*"))
        take(lambda: list(os.walk(WORLD)))
        """,
        stopped="AB",
    ),
    Attack(
        "ask whether a file is there, and how large",
        "take(lambda: os.stat(WORLD + '/gradebook.db').st_size)\n"
        "take(lambda: os.path.exists(WORLD + '/home/.ssh/id_rsa'))",
        stopped="A",
    ),
    Attack(
        "read the system's files about users",
        "for name in ('passwd', 'group', 'hostname', 'hosts', 'shadow', 'machine-id'):\n"
        "    take(lambda: open('/etc/' + name).read())\n"
        "import pwd\ntake(lambda: pwd.getpwall())",
        stopped="AB",
    ),
    Attack(
        "read the secrets in the environment",
        "take(lambda: [v for k, v in os.environ.items() if 'MALLORY' in k or 'hush' in v])\n"
        "take(lambda: ctypes.CDLL(None).getenv(b'MALLORY_TOKEN'))\n"
        "take(lambda: b'MALLORY' in open('/proc/self/environ', 'rb').read())",
    ),
    Attack(
        "import the checks with their references",
        "take(lambda: __import__('autograder.checks.lesson05'))\n"
        "take(lambda: __import__('autograder.checks.bank.e5_1'))\n"
        "take(lambda: __import__('autograder.lesson'))\n"
        "take(lambda: __import__('autograder.notebooks'))",
        stopped="AB",
    ),
    Attack(
        "read the grader's own source",
        "import autograder.checks.answer as module\n"
        "home = os.path.dirname(os.path.dirname(module.__file__))\n"
        "for name in ('grade.py', 'checks/lesson05.py', 'checks/bank/e5_1.py'):\n"
        "    take(lambda: open(os.path.join(home, name)).read())",
        stopped="AB",
    ),
    Attack(
        "memory and disks as files",
        "for name in ('mem', 'kmem', 'kmsg', 'port', 'sda', 'vda', 'nvme0n1', 'disk', 'tty'):\n"
        "    take(lambda: os.open('/dev/' + name, os.O_RDONLY))\n"
        "for name in ('kcore', 'kallsyms', 'keys', 'sched_debug', '1/maps', '1/mem'):\n"
        "    take(lambda: open('/proc/' + name, 'rb').read(9))",
        stopped="AB",
        sure=False,
    ),
)

WRITING = (
    Attack(
        "write a record, a solution, a configuration",
        """
        for name in ("out/records/ada.json", "out/records/mallory.json", "solutions/answers.py",
                     "nbgrader_config.py", "home/.bashrc", "site-packages/lib.py", "new"):
            take(lambda: open(WORLD + "/" + name, "w").write("mine"))
            take(lambda: open(WORLD + "/" + name, "a").write("mine"))
        """,
        stopped="AB",
    ),
    Attack(
        "give yourself points in the gradebook",
        """
        import sqlite3
        def enter():
            with sqlite3.connect(WORLD + "/gradebook.db") as book:
                book.execute("insert into grade values ('mallory', 9.5, '')")
                return book.execute("update grade set score = 0 where student = 'ada'").rowcount
        take(enter)
        """,
        stopped="AB",
    ),
    Attack(
        "change files without opening them to write",
        """
        key = WORLD + "/out/records/ada.json"
        def emptied():
            os.close(os.open(key, os.O_RDONLY | os.O_TRUNC))
            return os.path.getsize(key) == 0
        take(emptied)
        for change in (
            lambda: os.truncate(WORLD + "/nbgrader_config.py", 3),
            lambda: os.chmod(WORLD + "/home/.bashrc", 0o4777),
            lambda: os.utime(WORLD + "/home/.bashrc", (0, 0)),
            lambda: os.rename(WORLD + "/solutions/answers.py", WORLD + "/solutions/a.py"),
            lambda: os.replace(WORLD + "/home/.bashrc", WORLD + "/home/.ssh/id_rsa"),
            lambda: os.unlink(WORLD + "/solutions/05_toy.ipynb"),
            lambda: os.mkdir(WORLD + "/solutions/mine"),
            lambda: os.rmdir(WORLD + "/solutions/mine"),
            lambda: os.symlink("/", WORLD + "/way"),
            lambda: os.link(WORLD + "/gradebook.db", WORLD + "/copy.db"),
            lambda: os.mkfifo(WORLD + "/pipe"),
            lambda: os.setxattr(WORLD + "/gradebook.db", "user.mallory", b"1"),
            lambda: os.chown(WORLD + "/gradebook.db", os.getuid(), os.getgid()),
        ):
            take(lambda: change() is None)
        """,
        stopped="AB",
    ),
    Attack(
        "leave a file where everybody may",
        """
        for place in ("/dev/shm/", "/var/tmp/", os.path.dirname(WORLD) + "/"):
            if place.rstrip("/") != os.getcwd():
                take(lambda: open(place + MARK, "w").write("mine"))
        """,
        stopped="AB",
    ),
    Attack(
        "leave a file in the own folder",
        "for name in (MARK, '.' + MARK, 'numpy.py', 'sitecustomize.py', 'usercustomize.py'):\n"
        "    open(name, 'w').write('raise SystemExit')\n"
        "os.makedirs('a/b/c')\nos.symlink('/', 'a/b/c/root')\nos.chmod('a/b', 0o000)",
    ),
    Attack(
        "write into the installed libraries",
        "import autograder, matplotlib, vi_lib\n"
        "for library in (np, matplotlib, vi_lib, autograder, os):\n"
        "    home = os.path.dirname(getattr(library, '__file__', None) or library.__path__[0])\n"
        "    take(lambda: open(f'{home}/{MARK}.py', 'w').write('mine'))\n"
        "take(lambda: open(f'{sys.prefix}/{MARK}', 'w').write('mine'))",
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "write into the user's home",
        "import pwd\nhomes = ['/root', '/home', os.path.expanduser('~root')]\n"
        "try:\n    homes.append(pwd.getpwuid(os.getuid()).pw_dir)\nexcept KeyError:\n    pass\n"
        "for home in homes:\n"
        "    take(lambda: open(f'{home}/{MARK}', 'w').write('mine'))",
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "write to the kernel's files",
        """
        for name, text in (("self/oom_score_adj", "-1000"), ("sys/kernel/core_pattern", "|/x"),
                           ("sys/kernel/domainname", "x"), ("self/uid_map", "0 0 1"),
                           ("self/setgroups", "allow"), ("sys/vm/overcommit_memory", "1"),
                           ("sysrq-trigger", "h")):
            take(lambda: os.open("/proc/" + name, os.O_WRONLY))
        take(lambda: os.mkdir("/sys/fs/cgroup/" + MARK) is None)
        """,
        stopped="AB",
        tried="AB",
    ),
    Attack(
        "helper files that pose as libraries",
        "take(lambda: sys.modules['json'].__file__.startswith(os.getcwd()))",
        files={
            name: b"def __getattr__(name):\n    return lambda *_, **__: True\n"
            for name in ("json.py", "numpy.py", "autograder.py", "vi_lib.py", "traceback.py")
        },
    ),
    Attack(
        "helper files whose names lead elsewhere",
        "take(lambda: os.path.exists('/tmp/' + MARK) or os.path.exists('../' + MARK))\n"
        "take(lambda: open(WORLD + '/planted').read())",
        files={"../planted": b"x", "/tmp/planted": b"x", "..": b"", "a/b": b"", "x\0y": b""},
    ),
)
