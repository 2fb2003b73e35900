"""What all connections of a listener share.

What: `Server` and the type of the application. Why: the listener makes one and every connection reads it. Flow:
`listener` → `protocol`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubelite.apiserver.request import Request, Response

if TYPE_CHECKING:
    from kubelite.apiserver.http.protocol import HttpProtocol

App = Callable[[Request], Response | Awaitable[Response]]
"""Answers a request; never raises."""


@dataclass(slots=True)
class Server:
    """What all connections of a listener share."""

    app: App
    refuse: Callable[[int, str], Response]
    """(status, words) → the answer to a request that could not be read."""
    body_limit: int
    connections: set[HttpProtocol]
    stopping: bool = False
    separate: tuple[str, ...] = ("impersonate-",)
    """Beginnings of header names whose repeated values are kept apart, by a line feed instead of a comma."""
