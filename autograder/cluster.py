"""Grading on a cluster: the workers of a dask.distributed scheduler, through the same schedule."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from autograder.schedule import ExecutorLost, Site

PATIENCE = 30.0
"""Seconds to wait for the scheduler, and then for its first worker."""
_PER_THREAD = 2
_MISSING = (
    "Grading on a cluster needs dask.distributed, which is not installed here: "
    'pip install "distributed>=2024.1".'
)


class _Cluster(Executor):
    """dask's executor, but for jobs that are all different, and shut down as others are."""

    def __init__(self, client: Any):
        self._client = client
        self._executor = client.get_executor(pure=False)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._executor.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)


@contextlib.contextmanager
def on_cluster(address: str, patience: float = PATIENCE) -> Iterator[Site]:
    """A site on a cluster's workers; `ExecutorLost` if the scheduler or its workers are missing.

    The scheduler gives a job to another worker when one is lost, and gives it up when several were
    lost with it in hand.
    """
    try:
        import distributed
        from distributed.comm import get_address_host_port
    except ImportError:
        raise ExecutorLost(_MISSING) from None
    with _quiet():
        try:
            get_address_host_port(address, strict=True)  # half a client would linger
            client = distributed.Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise ExecutorLost(
                f"Expected a dask scheduler at {address!r}, but: {error}. "
                "Start one with `dask scheduler`."
            ) from None
        executor = _Cluster(client)
        try:
            try:
                client.wait_for_workers(1, timeout=patience)
            except TimeoutError:
                raise ExecutorLost(
                    f"The scheduler at {address!r} has no workers: start one with "
                    f"`dask worker {address} --nthreads 1`."
                ) from None
            yield Site(
                executor,
                lambda: _PER_THREAD * max(sum(client.nthreads().values()), 1),
                (distributed.KilledWorker,),
                shows_start=False,
            )
        except BaseException:
            executor.shutdown(wait=False)
            raise
        finally:
            client.close(timeout=5.0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Lost workers and connections are told by the results, not by the library's log."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
