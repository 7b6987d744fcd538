"""A limit on the time of some code in this process: an endless loop ends in an exception.

What counts is the code's own time: a busy machine does not make it late, up to three times over,
as in the grader. The main thread is interrupted by a timer of the system; elsewhere, and where a
system knows no such timers, a second thread has the exception raised. Code that catches everything
is interrupted again and again; code that never returns to Python cannot be.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator

TICK = 0.2
"""Seconds between two looks at the clock."""
_SLOWEST = 3.0


class TooLong(BaseException):
    """The time is up. No `Exception`, so that `except Exception` in the code does not hide it."""


def own_time() -> Callable[[], tuple[float, float]]:
    """A clock that starts now: seconds that passed, and those of them in which the process ran."""
    wall, cpu = time.monotonic(), time.process_time()
    return lambda: (time.monotonic() - wall, time.process_time() - cpu)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TooLong` in this thread when the block has used up so many seconds of its own."""
    clock = own_time()

    def late() -> bool:
        wall, cpu = clock()
        return min(wall, cpu) >= seconds or wall >= _SLOWEST * seconds

    in_main = threading.current_thread() is threading.main_thread()
    way = _by_timer if in_main and hasattr(signal, "setitimer") else _by_thread
    with way(late):
        yield


@contextlib.contextmanager
def _by_timer(late: Callable[[], bool]) -> Iterator[None]:
    over = False

    def tick(*_: object) -> None:
        if not over and late():
            raise TooLong

    before = signal.signal(signal.SIGALRM, tick)
    timer = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _by_thread(late: Callable[[], bool]) -> Iterator[None]:
    over = threading.Event()
    target = ctypes.c_ulong(threading.get_ident())
    raise_there = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch() -> None:
        while not over.wait(TICK):
            if late():
                raise_there(target, ctypes.py_object(TooLong))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        while watcher.is_alive():
            with contextlib.suppress(TooLong):  # one that comes too late
                over.set()
                watcher.join()
