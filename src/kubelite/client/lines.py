"""The events of a watch are lines: cuts a byte stream into them.

Why: chunks end anywhere; an event may span several or share one with a hundred others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Stream

MAX_EVENT_BYTES = 64 << 20


async def event_lines(stream: Stream) -> AsyncIterator[bytes]:
    """The lines of a stream. One line may be as long as the largest object, and no longer."""
    rest = b""
    async for chunk in stream:
        lines = (rest + chunk if rest else chunk).split(b"\n")
        rest = lines.pop()
        if len(rest) > MAX_EVENT_BYTES:
            raise ConnectionFailed("a watch event is too large", sent=True)
        for line in lines:
            if line:
                yield line
    if rest.strip():
        yield rest
