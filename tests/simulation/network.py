"""Connections between simulated processes: bytes that arrive later, twice, or not at all.

What: `Network.listen` and `connect` join real asyncio protocols (the API server's and the client's own HTTP code) in
memory. Why: the whole path of a request is the product's; only the wire is simulated. Flow: `write` → `Weather` says
how long it takes and what goes wrong → the peer's `data_received`, in order. Within one connection bytes are never
reordered, as TCP promises.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.process import CURRENT, Process
from tests.simulation.replies import CONFLICT, REFUSALS, TIMEOUT

UNACKNOWLEDGED_SECONDS = 30.0


@dataclass
class Weather:
    """What the network does now; probabilities are for each request or each watch event."""

    rng: Random
    counts: Counter[str] = field(default_factory=Counter)
    slow: float = 0.0
    """Requests that take seconds."""
    unsent: float = 0.0
    """Connections that break before the request arrives."""
    unanswered: float = 0.0
    """Connections that break after the request was carried out."""
    silent: float = 0.0
    """Requests that are carried out, and whose answer never comes."""
    timeouts: float = 0.0
    """Requests that are carried out and answered with 504."""
    conflicts: float = 0.0
    """Updates that are answered with 409."""
    refusals: float = 0.0
    """Requests that are answered with 429, 500 or 503."""
    cut: float = 0.0
    """Watches that break before an event."""
    repeat: float = 0.0
    """Watch events that come twice."""
    lag: dict[str, float] = field(default_factory=dict)
    """Seconds by which the watch events for a process are late."""
    lost: set[str] = field(default_factory=set)
    """Processes that cannot reach the API server."""

    def clear(self) -> None:
        """No more faults."""
        self.slow = self.unsent = self.unanswered = self.silent = self.timeouts = 0.0
        self.conflicts = self.refusals = self.cut = self.repeat = 0.0
        self.lag.clear()
        self.lost.clear()

    def strikes(self, name: str, probability: float) -> bool:
        """Whether the fault happens now; counted."""
        if probability and self.rng.random() < probability:
            self.counts[name] += 1
            return True
        return False


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: Network, protocol: Any, process: Process | None, link: Link, near: bool) -> None:
        super().__init__()
        self._network = network
        self.protocol = protocol
        self.process = process
        self.context = process.context if process is not None else contextvars.copy_context()
        self.link = link
        self.near = near
        """Whether this is the client's end."""
        self.arrival = 0.0
        """When the last bytes sent to this end arrive."""
        self.closed = False
        self._paused = False
        self._held: list[bytes] = []

    @property
    def peer(self) -> End:
        return self.link.server if self.near else self.link.client

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        if not self.closed and data:
            self._network.carry(self, bytes(data))

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        held, self._held = self._held, []
        if held:
            asyncio.get_running_loop().call_soon(self.receive, b"".join(held), context=self.context)

    def receive(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self.closed:
            return
        if self._paused:
            self._held.append(data)
        else:
            self.protocol.data_received(data)

    def close(self) -> None:
        """Closes in order: the peer gets what was written first."""
        self._end(None)
        peer = self.peer
        self._network.later(peer, peer._end, None)

    def abort(self) -> None:
        self.close()

    def _end(self, error: Exception | None) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self._tell_lost, error, context=self.context)

    def _tell_lost(self, error: Exception | None) -> None:
        if self.process is None or self.process.alive:
            self.protocol.connection_lost(error)

    def reset(self) -> None:
        """The connection breaks for both, and what is under way is lost."""
        error = ConnectionResetError(104, "Connection reset by peer")
        self._end(error)
        self.peer._end(error)


class Link:
    """A connection: its two ends, and what the network has in mind for the answer to the present request."""

    def __init__(self) -> None:
        self.client: End
        self.server: End
        self.watching = False
        self.answer: bytes | None = None
        """What comes instead of the server's answer; b"" for nothing."""
        self.cut_on_answer = False
        self.broken = False
        """Something could not be delivered."""


class Listening:
    """What `create_server` returns."""

    def __init__(self, network: Network, place: str) -> None:
        self._network = network
        self._place = place
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self._place.rpartition(":")[2]))

    def close(self) -> None:
        self._network.listeners.pop(self._place, None)

    async def wait_closed(self) -> None:
        return


class Network:
    """All connections of a run."""

    def __init__(self, weather: Weather, note: Callable[[str], None]) -> None:
        self.weather = weather
        self.listeners: dict[str, tuple[Any, Process | None]] = {}
        self.requests = 0
        self.on_request: Callable[[Process | None, str, str, bytes], None] = lambda process, method, path, data: None
        self._note = note

    def listen(self, factory: Any, place: str) -> Listening:
        """Opens a port of the process that asks."""
        process = CURRENT.get()
        if place in self.listeners:
            raise OSError(98, "Address already in use")
        self.listeners[place] = (factory, process)
        listening = Listening(self, place)
        if process is not None:
            process.on_death.append(listening.close)
        return listening

    async def connect(self, factory: Any, place: str) -> tuple[End, Any]:
        """Opens a connection for the process that asks."""
        process = CURRENT.get()
        await asyncio.sleep(0.0002)
        found = self.listeners.get(place)
        if process is not None and process.name in self.weather.lost:
            await asyncio.sleep(10)
            raise OSError(113, "No route to host")
        if found is None:
            raise ConnectionRefusedError(111, "Connection refused")
        make, owner = found
        link = Link()
        link.client = End(self, factory(), process, link, near=True)
        link.server = End(self, None, owner, link, near=False)
        link.server.protocol = link.server.context.run(make)
        for end in (link.client, link.server):
            if end.process is not None:
                end.process.on_death.append(end.reset)
        link.server.context.run(link.server.protocol.connection_made, link.server)
        link.client.protocol.connection_made(link.client)
        return link.client, link.client.protocol

    def later(self, end: End, action: Callable[..., None], *args: Any, seconds: float = 0.0) -> None:
        """Does something at `end` after all that was sent to it before."""
        loop = asyncio.get_running_loop()
        end.arrival = max(end.arrival + 1e-6, loop.time() + 0.0001 + seconds)
        loop.call_at(end.arrival, action, *args, context=end.context)

    def carry(self, sender: End, data: bytes) -> None:
        """Brings bytes to the other end, or not."""
        name = sender.link.client.process.name if sender.link.client.process is not None else ""
        link = sender.link
        if name in self.weather.lost or link.broken:
            if not link.broken:  # bytes are missing from now on: TCP gives up after a while
                link.broken = True
                self.later(link.client, link.client.reset, seconds=UNACKNOWLEDGED_SECONDS)
            return
        if sender.near:
            self._request(sender, data, name)
        else:
            self._answer(sender, data, name)

    def _request(self, sender: End, data: bytes, name: str) -> None:
        link, weather = sender.link, self.weather
        self.requests += 1
        line = data[: data.find(b"\r\n")].decode()
        self._note(f"{name} {line}")
        method, path, _ = line.split(" ", 2)
        self.on_request(link.client.process, method, path, data)
        link.watching, link.answer, link.cut_on_answer = "watch=true" in line, None, False
        seconds = weather.rng.random() * 0.001
        if weather.strikes("slow request", weather.slow):
            seconds += weather.rng.random() * 8
        if link.watching:
            return self.later(link.server, link.server.receive, data, seconds=seconds)
        if method in ("PUT", "PATCH") and weather.strikes("conflict", weather.conflicts):
            return self.later(sender, sender.receive, CONFLICT)
        if weather.strikes("refusal", weather.refusals):
            return self.later(sender, sender.receive, weather.rng.choice(REFUSALS))
        if weather.strikes("lost before", weather.unsent):
            return self.later(sender, sender.reset)
        if weather.strikes("lost after", weather.unanswered):
            link.cut_on_answer = True
        elif weather.strikes("silence after", weather.silent):
            link.answer = b""
        elif weather.strikes("504 after", weather.timeouts):
            link.answer = TIMEOUT
        self.later(link.server, link.server.receive, data, seconds=seconds)
        return None

    def _answer(self, sender: End, data: bytes, name: str) -> None:
        link, weather = sender.link, self.weather
        seconds = weather.rng.random() * 0.001
        if data[9:10] in b"45" and data.startswith(b"HTTP/1.1 "):
            self._note(
                f"{name} gets {data[9:12].decode()} {data.partition(b'message')[2][:300].decode(errors='replace')}"
            )
        if link.cut_on_answer:
            self.later(link.client, link.client.reset)
            return
        if link.answer is not None:
            instead, link.answer = link.answer, b""
            if instead:
                self.later(link.client, link.client.receive, instead)
            return
        if link.watching and not data.startswith(b"HTTP/1.1"):
            seconds += weather.lag.get(name, 0.0)
            if weather.strikes("watch cut", weather.cut):
                self.later(link.client, link.client.reset)
                return
            if data.count(b'{"type"') == 1 and weather.strikes("event repeated", weather.repeat):
                self.later(link.client, link.client.receive, data, seconds=seconds)
        self.later(link.client, link.client.receive, data, seconds=seconds)
