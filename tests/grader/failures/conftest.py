"""The zygote that all of these hand-ins share, as in a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.jobs import own_zygote


@pytest.fixture(scope="session", autouse=True)
def _own_zygote() -> Iterator[None]:
    yield
    own_zygote().close()
