"""The body of an answer whose pieces come one by one.

What: `send_chunks`. Why: logs and proxied streams have no length and no end in sight; the client's pace is theirs. Flow:
`protocol` writes the head, then awaits this in the request's task.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from kubelite.apiserver.http import wire


async def send_chunks(
    transport: asyncio.Transport,
    pieces: AsyncIterator[bytes],
    *,
    chunked: bool,
    writable: Callable[[], asyncio.Future[None] | None],
) -> bool:
    """Writes the pieces as the client reads; False if the body was broken off. `writable` is what to wait for, if anything."""
    try:
        async for piece in pieces:
            if transport.is_closing():
                return False
            transport.write(wire.chunk(piece) if chunked else piece)
            waiter = writable()
            if waiter is not None:
                await waiter
    except (asyncio.CancelledError, Exception):  # noqa: BLE001 - the head is out: breaking off is all that can tell the client
        transport.abort()
        return False
    finally:
        close_pieces = getattr(pieces, "aclose", None)
        if close_pieces is not None:
            await close_pieces()
    if chunked:
        transport.write(wire.LAST_CHUNK)
    return True
