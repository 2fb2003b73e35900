"""Health check node ports: how a load balancer learns whether this node has endpoints of a Service.

What: one tiny HTTP server for each `healthCheckNodePort`, 200 with a local endpoint, 503 without. Why: with
externalTrafficPolicy Local a node without endpoints drops packets, so load balancers must not send it any.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping

from kubelite.util import http1
from kubelite.util.log import get_logger

log = get_logger(__name__)


class HealthPorts:
    """The open ports, and what each answers."""

    def __init__(self) -> None:
        self._servers: dict[int, asyncio.Server] = {}
        self._answers: dict[int, tuple[str, int]] = {}

    def answer(self, port: int) -> tuple[int, str]:
        service, count = self._answers[port]
        namespace, _, name = service.partition("/")
        body = {"service": {"namespace": namespace, "name": name}, "localEndpoints": count}
        return (200 if count else 503), json.dumps(body)

    async def apply(self, wanted: Mapping[int, tuple[str, int]]) -> None:
        """Opens and closes ports as wanted; a port that is taken is reported and tried again at the next call."""
        self._answers = dict(wanted)
        for port in [p for p in self._servers if p not in wanted]:
            self._servers.pop(port).close()
        for port in wanted:
            if port in self._servers:
                continue
            try:
                routes = {"/": functools.partial(self.answer, port)}
                self._servers[port] = await http1.serve(f"0.0.0.0:{port}", routes)
            except OSError as error:
                log.warning("Cannot open a health check port", port=port, service=wanted[port][0], error=error)

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()
