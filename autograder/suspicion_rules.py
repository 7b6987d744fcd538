"""What a person should look at in a student's code: tables for `suspicion`.

They hold what an answer of this course has no use for. None of it is forbidden: the sandbox is what
protects the grader, and it does not read code.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = _words("""
    _ctypes _posixsubprocess _socket _thread aiohttp ast asyncio atexit base64 builtins cffi
    cloudpickle code codeop concurrent ctypes dask dill dis distributed faulthandler fcntl ftplib
    gc http httpx imp importlib inspect ipykernel IPython.core IPython.terminal jupyter_client
    linecache marshal mmap multiprocessing nbclient nbformat nbgrader nt pathos pdb pickle
    pkgutil posix psutil pty pydoc requests resource runpy sched select selectors
    shelve shutil signal smtplib socket socketserver sqlite3 ssl subprocess symtable syslog
    telnetlib threading trace traceback tracemalloc unittest.mock urllib urllib3 webbrowser
    winreg xmlrpc zipimport zmq
""")
"""Modules that an answer has no use for; the name of a package stands for its modules, too."""

LIBRARIES = _words(
    "numpy scipy autograd matplotlib autograder vi_lib builtins sys os warnings math"
)
"""Modules that belong to somebody else: an answer does not assign to what is in them."""

OPEN_TO_ALL = frozenset({"autograder.checks.check", "autograder.checks.grade"})
"""What a notebook may use of the autograder."""

DOTTED = _words("""
    sys._getframe sys._current_frames sys._current_exceptions sys.settrace sys.setprofile
    sys.modules sys.meta_path sys.path_hooks sys.path_importer_cache sys.addaudithook
    sys.excepthook sys.unraisablehook sys.displayhook sys.breakpointhook sys.setrecursionlimit
    sys.stdin sys.__stdout__ sys.__stderr__ sys.__stdin__ sys.exc_info sys.setswitchinterval
    os.system os.popen os.fork os.forkpty os.kill os.killpg os.posix_spawn os.posix_spawnp
    os.startfile os.getppid os.ptrace os.setsid os.setpgid os.setuid os.setgid
    os.wait os.waitpid os.open os.read os.write os.dup os.dup2 os.pipe os.close os.closerange
    os.sendfile os.fdopen os.remove os.unlink os.rename os.replace os.link os.symlink os.chmod
    os.chown os.mkfifo os.mknod os.truncate os.rmdir os.removedirs os.chroot os.mount
    os.unshare os.setns os.memfd_create os.register_at_fork os.putenv os.scandir os.walk
    os.fwalk os.readlink numpy.ctypeslib numpy.memmap numpy.lib.format
    types.CodeType types.FunctionType types.FrameType threading.settrace
""")
"""Names of libraries that an answer has no use for. (What ends Python shows by itself.)"""

STARTS = ("os.exec", "os.spawn", "autograder.")
"""The same, by how they start."""

ATTRIBUTES = _words("""
    _getframe _current_frames settrace setprofile addaudithook tb_frame tb_next f_back f_globals
    f_locals f_code f_builtins f_trace gi_frame gi_code cr_frame ag_frame co_code co_consts co_names
    __subclasses__ __globals__ __code__ __closure__ __builtins__ __bases__ __mro__ __base__
    __loader__ __spec__ __import__ __reduce__ __reduce_ex__ __getattribute__ __traceback__
    __self__ __func__ __wrapped__ __defaults__ __kwdefaults__ __array_interface__
""")
"""Attributes that lead from a value to frames, code, or the interpreter, whoever has them."""

SHELL = _words("""
    system getoutput getoutput_split run_cell run_code ex user_ns ast_transformers
    input_transformers_post set_custom_exc showtraceback events kernel
""")
"""What `get_ipython()` has beyond magics."""

METHODS = frozenset({"__reduce__", "__reduce_ex__", "__getattribute__", "__class__", "__del__"})
"""Special methods that no answer defines."""

RUNS_TEXT = frozenset({"eval", "exec", "compile", "__import__", "breakpoint"})
"""Built-in functions that run a text as code."""

WRITES = _words("""
    write_text write_bytes unlink symlink_to hardlink_to rename rmdir touch mkdir chmod
""")
"""Methods of a path that change the disk."""

PATH = re.compile(
    r"(?:/|~/?)(?:proc|etc|home|root|tmp|usr|var|dev|sys|run|mnt|opt|srv|Users|private)(?:/|$)"
    r"|~[\w-]*/|(?:\.{1,2}/)*\.\.(?:[/\\]|$)|[A-Za-z]:\\|\\\\\w"
    r"|.*(?:gradebook\.db|nbgrader_config|id_rsa|id_ed25519|\.ssh/|\bsolutions/|\bhandins/)"
)
"""A text that is a path outside of the notebook's own folder, or names what is the grader's."""

PACKED = re.compile(r"[A-Za-z0-9+/=_-]{200,}|(?:\\x[0-9a-fA-F]{2}){40,}")
"""A long text without spaces, as code looks when it is packed."""

TO_THE_GRADER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,4}(?:instructions?|prompts?|rubrics?)\b"
    r"|\b(?:give|award|assign|grant|return|report)\s+(?:\w+\s+){0,4}"
    r"(?:full|maximum|max|top|perfect|all)\s+(?:\w+\s+)?(?:marks?|points|credits?|scores?|grades?)\b"
    r"|\bmark\s+(?:\w+\s+){0,4}as\s+(?:correct|passed|right)\b"
    r"|\byou are (?:now )?(?:an? )?(?:\w+ )?(?:ai|llm|language model|assistant|chatbot|grader)\b"
    r"|\b(?:dear|hello|attention|note to(?: the)?) (?:\w+ )?(?:grader|ai|llm|assistant|chatbot)\b"
    r"|\bsystem prompt\b|<\|im_(?:start|end)\|>|\[/?INST\]|</?(?:system|instructions?)>",
    re.IGNORECASE,
)
"""A text that seems to be written for whoever, or whatever, grades."""

HIDDEN = re.compile(
    "[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Characters that cannot be seen, or that reorder what stands around them."""

COMMAND = re.compile(
    r"^[ \t]*(?:\w[\w, ]*= *)?!(?!=| *(?:pip|conda|mamba|ls|pwd|python3? --?[vV]))(?P<line>.*\S)"
    r"|^[ \t]*%%?(?P<magic>bash|sh|script|system|sx|writefile|file|run|load|perl|ruby|edit)\b",
    re.MULTILINE,
)
"""A line that runs a program of the system, or writes a file. (Here, none of them is run.)

A line that begins with `!=` goes on with the comparison of the line above.
"""
