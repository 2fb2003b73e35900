"""Large bodies, sent in bursts.

What: `grouped` joins many small pieces to fewer large ones, when they are sent and not before; `BURST` is how much one client
gets before others have their turn; `Sending` is what is left of an answer. Why: each write costs TLS and the transport a little,
whatever its size; a list of 100 000 pods that is joined at once costs 300 MB, and sent at once it would keep everybody waiting.
Flow: `http.protocol` sends lists so, and `watchcache.watcher` the initial events of a watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

GROUP = 48 * 1024
"""Bytes of one write: few enough that what TLS makes of them stays in the processor's cache."""
BURST = 2 << 20


def grouped(pieces: Iterable[bytes], size: int = GROUP) -> Iterator[bytes]:
    """The same bytes in pieces of at least `size` bytes, but the last; none is empty."""
    held: list[bytes] = []
    have = 0
    for piece in pieces:
        held.append(piece)
        have += len(piece)
        if have >= size:
            yield held[0] if len(held) == 1 else b"".join(held)
            held, have = [], 0
    if have:
        yield b"".join(held)


class Sending:
    """The rest of an answer; `keep` is whether the connection stays open after it."""

    __slots__ = ("_due", "_pieces", "keep")

    def __init__(self, pieces: Iterable[bytes], keep: bool) -> None:
        self._pieces = grouped(pieces)
        self._due = False
        self.keep = keep

    def burst(self, transport: asyncio.Transport, blocked: Callable[[], object]) -> bool:
        """Writes until it is others' turn or `blocked` says that the client must read first; True if nothing is left."""
        self._due = False
        sent = 0
        while sent < BURST and blocked() is None:
            piece = next(self._pieces, None)
            if piece is None:
                return True
            transport.write(piece)
            sent += len(piece)
        return False

    def later(self, loop: asyncio.AbstractEventLoop, go_on: Callable[[], None]) -> None:
        """Has it go on in the next turn of the loop, once however often it is asked."""
        if not self._due:
            self._due = True
            loop.call_soon(go_on)
