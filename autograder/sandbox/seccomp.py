"""A filter of system calls for students' code: what it needs is allowed, all else is refused.

Refused means EPERM ("Operation not permitted"), except that calls which libraries try first and can
do without fail as on an older kernel (ENOSYS). Threads may be started, processes may not; no other
program can be run, no socket made, no signal sent to another process.
"""

from __future__ import annotations

import ctypes
import errno
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.sandbox import linux, syscalls

_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_REFUSE, _ABSENT = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _GREATER, _AT_LEAST, _ANY_BIT = 0x15, 0x25, 0x35, 0x45
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000
_NEWEST = 448
"""Calls with higher numbers are so new that libraries can do without them."""
_MODE_FILTER = 1
_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020080
_O_TRUNC, _O_ACCMODE = 0o1000, 0o3
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_QUERY = 0xFFFFFFFF
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)
"""F_DUPFD to F_SETLKW, F_DUPFD_CLOEXEC, F_GETPIPE_SZ: nothing that sends signals."""
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS (isatty), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_PRCTL = (3, 15, 16, 21, 23, 39)
"""Reading settings, and the name of a thread."""

_ITSELF = 0x7FABCDEF
"""Stands for the pid of the process; no instruction holds these bytes, nor is it ever a pid."""

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True)
class Policy:
    """What differs between tiers.

    `first`: the process is the first one of its namespace, to which the kernel does not deliver the
    signals it sends to itself; what would have ended it ends it all the same. `alone`: no file but
    the process's own can be written to or owned, so that calls which change them are harmless.
    """

    first: bool
    alone: bool


def program(policy: Policy, machine: str = "") -> bytes:
    """The filter for any process, but for its pid, as the kernel reads it."""
    machine = machine or syscalls.this_machine()
    groups = [syscalls.FILES, syscalls.WAITING, syscalls.MEMORY, syscalls.SIGNALS]
    groups += [syscalls.ITSELF, syscalls.SOCKETS]
    if policy.alone:
        groups.append(syscalls.ATTRIBUTES)
    checks = _checks(policy)
    code = [
        _load(_ARCH_AT),
        (_EQUAL, 1, 0, syscalls.AUDIT_ARCH[machine]),
        _result(_KILL),
        _load(_NUMBER_AT),
        *([(_AT_LEAST, 0, 1, _X32), _result(_KILL)] if machine == "x86_64" else []),
    ]
    allowed = [n for group in groups for n in syscalls.numbers(group, machine).values()]
    for low, high in _ranges(allowed):
        code += [(_AT_LEAST, 0, 2, low), (_GREATER, 1, 0, high), _result(_ALLOW)]
    for name, call in syscalls.numbers(syscalls.CHECKED, machine).items():
        code += [(_EQUAL, 0, len(checks[name]), call), *checks[name]]
    for call in syscalls.numbers(syscalls.ABSENT, machine).values():
        code += [(_EQUAL, 0, 1, call), _result(_ABSENT)]
    code += [(_GREATER, 0, 1, _NEWEST), _result(_ABSENT), _result(_REFUSE)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def for_process(filter_program: bytes, pid: int) -> bytes:
    """The filter for the process with this pid."""
    return filter_program.replace(_ITSELF.to_bytes(4, "little"), pid.to_bytes(4, "little"))


def install(filter_program: bytes) -> None:
    """Hold this thread, and all that it starts, to a filter for ever."""
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    head = struct.pack("=H6xQ", len(filter_program) // 8, ctypes.addressof(buffer))
    linux.syscall("seccomp", _MODE_FILTER, 0, head)


def _checks(policy: Policy) -> dict[str, Sequence[Instruction]]:
    """For each checked call the instructions that come to a result from its arguments."""
    return {
        "open": _unless_emptied(1),
        "openat": _unless_emptied(2),
        "clone": [
            _argument(0),
            (_ANY_BIT, 2, 0, _CLONE_NEW),
            (_ANY_BIT, 0, 1, _CLONE_THREAD),
            _result(_ALLOW),
            _result(_REFUSE),
        ],
        "fcntl": _one_of(1, _FCNTL),
        "ioctl": _one_of(1, _IOCTL),
        "kill": _to_itself(1, policy),
        "tgkill": _to_itself(2, policy),
        "rt_sigqueueinfo": _to_itself(1, policy),
        "rt_tgsigqueueinfo": _to_itself(2, policy),
        "prctl": _one_of(0, _PRCTL),
        "prlimit64": _one_of(0, (0, _ITSELF)),
        "sched_setaffinity": _one_of(0, (0, _ITSELF)),
        "personality": _one_of(0, (_QUERY,)),
        "socketpair": [
            _argument(1),  # a pair of datagram sockets could send to others by their address
            (_AND, 0, 0, _SOCK_TYPE),
            (_EQUAL, 0, 2, _SOCK_STREAM),
            _argument(0),
            (_EQUAL, 1, 0, _AF_UNIX),
            _result(_REFUSE),
            _result(_ALLOW),
        ],
        "sendto": [
            _argument(4),
            (_EQUAL, 0, 3, 0),
            _argument(4, high=True),
            (_EQUAL, 0, 1, 0),
            _result(_ALLOW),
            _result(_REFUSE),
        ],
    }


def _unless_emptied(flags: int) -> list[Instruction]:
    """Opening only to read must not empty a file, which the oldest Landlock does not prevent."""
    return [
        _argument(flags),
        (_AND, 0, 0, _O_TRUNC | _O_ACCMODE),
        (_EQUAL, 0, 1, _O_TRUNC),
        _result(_REFUSE),
        _result(_ALLOW),
    ]


def _to_itself(signal_argument: int, policy: Policy) -> list[Instruction]:
    """A signal to this process; 0 stands for its group, of which it is the only member."""
    fatal: list[Instruction] = [
        _argument(signal_argument),
        (_EQUAL, 1, 0, signal.SIGKILL),
        (_EQUAL, 0, 1, signal.SIGABRT),
        _result(_KILL),
    ]
    return [
        _argument(0),
        (_EQUAL, 2, 0, _ITSELF),
        (_EQUAL, 1, 0, 0),
        _result(_REFUSE),
        *(fatal if policy.first else []),
        _result(_ALLOW),
    ]


def _one_of(argument: int, values: Sequence[int]) -> list[Instruction]:
    tests: list[Instruction] = [
        (_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)
    ]
    return [_argument(argument), *tests, _result(_REFUSE), _result(_ALLOW)]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(index: int, *, high: bool = False) -> Instruction:
    """Load the lower half of an argument: all that the kernel looks at, unless it is an address."""
    return _load(_ARGUMENTS_AT + 8 * index + 4 * high)


def _result(value: int) -> Instruction:
    return (_RETURN, 0, 0, value)


def _ranges(values: Sequence[int]) -> list[tuple[int, int]]:
    """The values as ranges without gaps."""
    found: list[tuple[int, int]] = []
    for value in sorted(values):
        if found and value == found[-1][1] + 1:
            found[-1] = found[-1][0], value
        else:
            found.append((value, value))
    return found
