"""Processes that carry out calls, as an executor that outlives its processes.

The pool of the standard library is lost as a whole when one of its processes dies, and does not say
which call was its last. Here each process has one call in hand at a time: if it dies, that call
fails with `WorkerLost`, the others go on, and a new process takes its place.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from autograder.sandbox.client import CannotStart

_TRIES = 3
_PATIENCE = 10.0


class WorkerLost(RuntimeError):
    """The process that carried out a call died before it was done."""


@dataclass(frozen=True)
class _Call:
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class _Worker:
    process: ForkServerProcess
    line: Connection

    def carry_out(self, call: _Call) -> tuple[bool, Any]:
        """Whether the call returned, and what it returned or raised; `EOFError` if it died."""
        self.line.send((call.function, call.arguments))
        return self.line.recv()

    def dismiss(self) -> None:
        """Have the process end in an orderly way, and wait for it."""
        with contextlib.suppress(OSError):
            self.line.send(None)
        self.process.join(_PATIENCE)
        self.kill()

    def kill(self) -> None:
        """End the process now, if it has not ended yet."""
        if self.process.exitcode is None:
            self.process.kill()
        self.process.join()
        self.line.close()


class Workers(Executor):
    """`count` processes, each of which runs `begin` first and `end` last."""

    def __init__(
        self,
        count: int,
        context: ForkServerContext,
        begin: Callable[[], object],
        end: Callable[[], object],
    ):
        self._context, self._begin, self._end = context, begin, end
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._at_work: set[_Worker] = set()
        self._starting = threading.Lock()  # also keeps `_killed` and `_at_work` in step
        self._closed = self._killed = False
        self._threads = [threading.Thread(target=self._tend, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def processes(self) -> list[int]:
        """The ids of the processes at work."""
        return [worker.process.pid or 0 for worker in list(self._at_work)]

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a process call a function that it can import, with arguments that can be pickled."""
        if self._closed:
            raise RuntimeError("these workers have been dismissed")
        future: Future[Any] = Future()
        call = functools.partial(function, **kwargs) if kwargs else function
        self._calls.put(_Call(future, call, args))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the calls end and the processes go; without `wait`, kill the processes now."""
        if cancel_futures or not wait:
            self._cancel()
        self.close()
        if not wait:
            with self._starting:
                self._killed = True
                for worker in self._at_work:
                    worker.process.kill()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Take no more calls, and let each process go when there is none left for it."""
        if not self._closed:
            self._closed = True
            for _ in self._threads:
                self._calls.put(None)

    def _cancel(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call.future.cancel()

    def _tend(self) -> None:
        """Hand calls to a process, and to the next one if it dies; in a thread of its own."""
        worker: _Worker | None = None
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._hire()
                returned, value = worker.carry_out(call)
            except (EOFError, OSError):
                self._bury(worker)
                worker = None
                call.future.set_exception(WorkerLost("The process that did the work has died."))
            except Exception as error:  # it cannot start, or a value cannot be pickled
                self._bury(worker)
                worker = None
                call.future.set_exception(error)
            else:
                if returned:
                    call.future.set_result(value)
                else:
                    call.future.set_exception(value)
        if worker is not None:
            worker.dismiss()
            self._bury(worker)

    def _hire(self) -> _Worker:
        """A process that is ready; `CannotStart` if one after the other dies before it is."""
        for _ in range(_TRIES):
            with contextlib.suppress(EOFError, OSError):
                return self._start()
        raise CannotStart("The processes that grade do not start: each dies at once.")

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        with self._starting:  # multiprocessing's own lists are not for several threads
            if self._killed:
                raise CannotStart("The processes that grade have been stopped.")
            process = self._context.Process(
                target=_serve, args=(theirs, self._begin, self._end), daemon=True
            )
            process.start()
            worker = _Worker(process, ours)
            self._at_work.add(worker)
        theirs.close()
        try:
            fault = ours.recv()
        except (EOFError, OSError):
            self._bury(worker)
            raise
        if fault is not None:
            self._bury(worker)
            raise fault
        return worker

    def _bury(self, worker: _Worker | None) -> None:
        """End a process and forget it."""
        if worker is not None:
            worker.kill()
            with self._starting:
                self._at_work.discard(worker)


def _serve(line: Connection, begin: Callable[[], object], end: Callable[[], object]) -> None:
    """The life of a process: carry out calls until there are no more, or nobody waits for them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent alone
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        begin()
    except Exception as error:
        with contextlib.suppress(Exception):
            end()
        line.send(CannotStart(f"The processes that grade do not start: {error}"))
        return
    line.send(None)
    with contextlib.suppress(EOFError, OSError):
        while (call := line.recv()) is not None:
            function, arguments = call
            try:
                reply = True, function(*arguments)
            except Exception as error:
                reply = False, error
            _send(line, reply)
    end()


def _send(line: Connection, reply: tuple[bool, Any]) -> None:
    try:
        line.send(reply)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
        line.send((False, RuntimeError(f"The result cannot be sent: {error}. It is {reply[1]!r}.")))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
