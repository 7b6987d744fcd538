"""What a page does while a browser shows it."""

from __future__ import annotations

from typing import Any


def watch(page: Any) -> tuple[list[str], list[str]]:
    """Lists that fill with the page's requests and with what it writes to the console."""
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    return requests, complaints


def faults(page: Any) -> list[tuple[str, str]]:
    """What axe finds: the rule that is violated, and the first element that does so."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in found]
