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
