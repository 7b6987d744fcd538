"""For all tests: one headless Chromium, Debian's, and property tests that repeat."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest

# The same examples in every run, and no limit on the time of one: a busy machine is not a failure.
hypothesis.settings.register_profile("course", derandomize=True, deadline=None)
hypothesis.settings.load_profile("course")

# A shell that runs the tests in the background has them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CHROMIUM = shutil.which("chromium")
MISSING = "Debian's chromium is not installed: `apt-get install chromium`"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


#: Files that take minutes come first, so that no process is left alone with one in the end.
LONG_FILES = ("test_crashes.py", "test_combinations.py", "test_example_class.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sample N`, for `make quick`."""
    parser.addoption(
        "--sample", type=int, metavar="N", help="of each test, run N cases that lie all over it"
    )


@pytest.hookimpl(trylast=True)  # after the selection by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the long files first, for `--dist loadfile --no-loadscope-reorder`; take the sample."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)
    wanted = config.getoption("--sample")
    if wanted is None:
        return
    cases: dict[Any, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault((item.path, getattr(item, "originalname", item.name)), []).append(item)
    kept = {
        item
        for several in cases.values()
        for item in (several[i * len(several) // wanted] for i in range(wanted))
    }
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


@pytest.fixture(autouse=True)
def _same_global_noise() -> None:
    """Directions of autograd's `check_grads` are of NumPy's global state: the same in every run."""
    np.random.seed(0)  # noqa: NPY002


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped, and says so, where it is missing."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()
