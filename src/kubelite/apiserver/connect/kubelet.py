"""Where a node's kubelet listens, and connections to it.

What: `Kubelets` finds the address in the Node object, and opens streams and raw upgraded connections with the API server's client
certificate. Why: logs, exec, attach and port-forward all end at the kubelet of the pod's node.
Flow: node name → Node (cached) → address and port → TLS. One pool of connections per kubelet, made on first use; at most
`MAX_NODES` pools, the oldest is closed beyond that. Source: pkg/kubelet/client/kubelet_client.go.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.api import constants
from kubelite.api.types.core_v1 import Node
from kubelite.apiserver.config import Config
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Stream, Transport
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")
MAX_NODES = 512
START_SECONDS = 30.0
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """A kubelet's host and port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


def place_of(node: Node) -> Place:
    """Where the kubelet of a node listens. Raises StatusError 500 for a node without an address."""
    addresses = node.status.addresses
    host = next((one.address for kind in PREFERRED for one in addresses if one.type == kind and one.address), "")
    if not host:
        known = [f"{one.type}:{one.address}" for one in addresses]
        raise StatusError(500, "", f"no preferred addresses found; known addresses: {known}")
    endpoints = node.status.daemonEndpoints
    endpoint = endpoints.kubeletEndpoint if endpoints is not None else None
    port = endpoint.Port if endpoint is not None and endpoint.Port else constants.KUBELET_PORT
    return Place(host, port)


class Kubelets:
    """Connections to all kubelets."""

    def __init__(self, config: Config, registry: Any) -> None:
        self._config = config
        self._registry = registry
        self._transports: OrderedDict[Place, Transport] = OrderedDict()

    def place(self, node_name: str) -> Place:
        """Where a node's kubelet listens. Raises StatusError 404 for a node that is not there."""
        kind = self._registry.scheme.by_resource("", "v1", "nodes")
        node = self._registry.cached(kind, "", node_name) if kind is not None else None
        if node is None:
            raise errors.not_found("", "nodes", node_name)
        return place_of(node)

    async def stream(
        self, place: Place, method: str, target: str, headers: Sequence[str] = (), body: bytes = b""
    ) -> Stream:
        """An HTTP exchange whose answer is read as it comes, whatever its status. Raises StatusError 500 if there is none."""
        transport = self.transport(place)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {transport.host}", *headers]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            return await transport.stream(head, body, START_SECONDS)
        except ConnectionFailed as error:
            raise _unreachable(method, place, target, str(error)) from error

    async def connect(self, place: Place, protocol: asyncio.Protocol, target: str) -> asyncio.Transport:
        """A raw connection that speaks `protocol`."""
        transport = self.transport(place)
        context = transport.ssl_context()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                opened, _ = await loop.create_connection(
                    lambda: protocol,
                    place.host,
                    place.port,
                    ssl=context,
                    server_hostname=place.host if context else None,
                )
        except (OSError, TimeoutError) as error:
            raise _unreachable("GET", place, target, f"dial tcp {place.host}:{place.port}: {error}") from error
        return opened

    def transport(self, place: Place) -> Transport:
        """The pool of connections to a kubelet."""
        transport = self._transports.get(place)
        if transport is None:
            config = self._config
            transport = self._transports[place] = Transport(
                ClientConfig(
                    server=place.url,
                    ca_file=config.kubelet_certificate_authority,
                    insecure=not config.kubelet_certificate_authority,
                    cert_file=config.kubelet_client_certificate,
                    key_file=config.kubelet_client_key,
                )
            )
            if len(self._transports) > MAX_NODES:
                _, oldest = self._transports.popitem(last=False)
                closing = asyncio.ensure_future(oldest.close())
                closing.add_done_callback(lambda done: done.exception())
        return transport


def _unreachable(method: str, place: Place, target: str, why: str) -> StatusError:
    """500 in the words of Go's HTTP client, which people search for."""
    return StatusError(500, "", f'{method.title()} "{place.url}{target}": {why}')
