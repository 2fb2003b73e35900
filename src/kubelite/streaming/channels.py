"""WebSocket channels: several byte streams in one WebSocket, told apart by the first byte of each message.

What: `ChannelSet`, one task that deals messages out to `Channel`s (ByteStreams), and the sending side of each.
Why: `channel.k8s.io` and its versions carry stdin, stdout, stderr, error and resize this way. Flow: message → channel inbox;
channel write → message. A full inbox stops the reading. Source: apimachinery/pkg/util/httpstream/wsstream,
apimachinery/pkg/util/remotecommand (version 5 adds channel 255: "this channel is closed").
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Collection
from typing import Final

from kubelite.streaming.bytestream import CHUNK, Inbox
from kubelite.streaming.websocket import WebSocket

CLOSE_SIGNAL: Final = 255


class Channel:
    """One channel of a ChannelSet."""

    def __init__(self, owner: ChannelSet, number: int) -> None:
        self.number = number
        self.inbox = Inbox()
        self._owner = owner

    async def read(self) -> bytes:
        return await self.inbox.get()

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), CHUNK):
            await self._owner.send(self.number, data[at : at + CHUNK])

    async def finish(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._owner.signal_end(self.number)

    async def close(self) -> None:
        self.inbox.discard()


class ChannelSet:
    """The channels of one WebSocket; `base64` for the text form, `half_close` from version 5 on."""

    def __init__(self, socket: WebSocket, count: int, *, base64: bool = False, half_close: bool = False) -> None:
        self._socket = socket
        self._base64 = base64
        self._half_close = half_close
        self.channels = [Channel(self, number) for number in range(count)]
        self.closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, ignored: Collection[int] = ()) -> None:
        """Begin to receive; what arrives for the channels in `ignored` is dropped."""
        for number in ignored:
            self.channels[number].inbox.discard()
        self._task = asyncio.create_task(self._receive_loop())

    async def _receive_loop(self) -> None:
        try:
            while message := await self._socket.receive():
                await self._deal(message.data)
        except (ConnectionError, TimeoutError, OSError, binascii.Error):
            return  # A broken connection ends every channel, which their readers see.
        finally:
            self.closed.set()
            for channel in self.channels:
                channel.inbox.end()

    async def _deal(self, data: bytes) -> None:
        if not data:
            return
        number = data[0]
        if self._base64:
            number -= ord("0")
            data = b"\0" + base64.b64decode(data[1:], validate=True)
        if number == CLOSE_SIGNAL and self._half_close:
            if len(data) > 1 and data[1] < len(self.channels):
                self.channels[data[1]].inbox.end()
        elif 0 <= number < len(self.channels):
            await self.channels[number].inbox.put(data[1:])

    async def send(self, number: int, data: bytes) -> None:
        """One message on a channel; `data` may be empty."""
        if self._base64:
            await self._socket.send(bytes((ord("0") + number,)) + base64.b64encode(data), text=True)
        else:
            await self._socket.send(bytes((number,)) + data)

    async def signal_end(self, number: int) -> None:
        """Tell the server that nothing more comes on this channel, where the protocol can say so.

        Only clients say it: kubectl complains of a server that does.
        """
        if self._half_close and self._socket.is_client:
            await self._socket.send(bytes((CLOSE_SIGNAL, number)))

    async def close(self) -> None:
        """Say goodbye, wait a little for the peer's answer, stop."""
        await self._socket.say_goodbye()
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.closed.wait()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._socket.close()
