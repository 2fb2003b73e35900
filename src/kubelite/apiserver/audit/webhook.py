"""The audit log as batches of events, sent to a server.

What: `Webhook.add` queues an event, `Webhook.run` sends. Why: a slow or dead server must not slow down requests. Flow: a
bounded queue of encoded events → batches of at most `batch` events, or what there is after `wait` seconds → POST of an
EventList, tried again `TRIES` times with growing pauses, then dropped. When the queue is full the event is dropped. Whatever
is dropped is counted. Source: apiserver/plugin/pkg/audit/buffered, apiserver/plugin/pkg/audit/webhook.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from kubelite.client.config import load_kubeconfig
from kubelite.client.credentials import Credentials
from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Transport
from kubelite.util.log import get_logger

log = get_logger(__name__)

TRIES = 4
FACTOR = 1.5
SEND_SECONDS = 30.0
CLOSE_SECONDS = 5.0
HEAD = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['


class Webhook:
    """`dropped` is called with the number of events that were given up."""

    def __init__(
        self, config_file: str, *, buffer: int, batch: int, wait: float, backoff: float, dropped: Callable[[int], None]
    ) -> None:
        config = load_kubeconfig(config_file)
        self._transport = Transport(config, max_connections=2)
        self._credentials = Credentials(config)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(buffer)
        self._batch, self._wait, self._backoff = batch, wait, backoff
        self._dropped = dropped
        self._gathered: list[bytes] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, event: bytes) -> None:
        """Queues an encoded event; drops it if the queue is full."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._dropped(1)

    async def run(self) -> None:
        """Sends batches; never returns."""
        while True:
            await self._gather()
            batch, self._gathered = self._gathered, []
            self._idle.clear()
            try:
                await self._send(batch)
            finally:
                self._idle.set()

    async def _gather(self) -> None:
        """The next batch: full, or what there is in time."""
        self._gathered.append(await self._queue.get())
        try:
            async with asyncio.timeout(self._wait):
                while len(self._gathered) < self._batch:
                    self._gathered.append(await self._queue.get())
        except TimeoutError:
            return

    async def _send(self, events: Sequence[bytes]) -> None:
        body = b"%b%b]}" % (HEAD, b",".join(events))
        pause = self._backoff
        for attempt in range(1, TRIES + 1):
            try:
                status = await self._post(body)
                if status < 300:
                    return
                problem = f"the server answered {status}"
                if 400 <= status < 500 and status != 429:
                    break
            except (ConnectionFailed, OSError, TimeoutError) as error:
                problem = str(error)
            if attempt < TRIES:
                await asyncio.sleep(pause)
                pause *= FACTOR
        log.error("Audit events were given up", events=len(events), reason=problem)
        self._dropped(len(events))

    async def _post(self, body: bytes) -> int:
        transport = self._transport
        lines = [
            f"POST {transport.prefix or '/'} HTTP/1.1",
            f"Host: {transport.host}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        head = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + await self._credentials.headers()
        return (await transport.request(head + b"\r\n", body, SEND_SECONDS)).status

    async def close(self) -> None:
        """Sends what is left, for a few seconds, and closes the connections."""
        left, self._gathered = self._gathered, []
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._idle.wait()
                for start in range(0, len(left), self._batch):
                    await self._send(left[start : start + self._batch])
        except TimeoutError:
            self._dropped(len(left))
        await self._transport.close()
