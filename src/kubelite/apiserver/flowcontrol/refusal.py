"""The answer to a request for which there is no room.

What: `TooMany` and `answer`. Why: clients know this text and header, and a Status object would cost more than it tells. Flow:
a gate raises it, the chain answers. Source: apiserver/pkg/server/filters/maxinflight.go, tooManyRequests.
"""

from __future__ import annotations

from kubelite.apiserver.request import Response

TEXT = b"Too many requests, please try again later.\n"


class TooMany(Exception):
    """429; `seconds` is when to come back, `head` are header lines of the flow that was full."""

    def __init__(self, seconds: int, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason


def answer(error: TooMany) -> Response:
    """429 in plain text, with Retry-After."""
    return Response(
        429,
        TEXT,
        "text/plain; charset=utf-8",
        (("Retry-After", str(error.seconds)), ("X-Content-Type-Options", "nosniff")),
    )
