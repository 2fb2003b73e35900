"""HTTP through the API server to a pod, a service or a node: the `proxy` subresource.

What: handlers of pods/proxy, services/proxy and nodes/proxy, for plain requests and for upgrades. Why: people and tools reach
what runs in the cluster with nothing but their API credentials. Flow: `[scheme:]name[:port]` → a place (pod address, a
ready endpoint of the service, the kubelet) → request without the client's credentials → answer as it comes, with
redirects led back through the proxy. Sources: pkg/registry/core/{pod,service,node}, apimachinery/pkg/util/net/port_split.go,
apimachinery/pkg/util/proxy, pkg/proxy/util (IsProxyableIP).
"""

from __future__ import annotations

import asyncio
import ipaddress
import posixpath
import random
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from kubelite.api.types.core_v1 import Pod, Service
from kubelite.api.types.discovery_v1 import Endpoint, EndpointSlice
from kubelite.apiserver.connect import splice
from kubelite.apiserver.connect.kubelet import CONNECT_SECONDS, START_SECONDS, Kubelets, Place
from kubelite.apiserver.connect.passing import PATH, answer_headers, request_lines, target_of
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Stream, Transport
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

MAX_PLACES = 256
SCHEMES = ("", "http", "https")


def split_name(text: str, what: str) -> tuple[str, str, str]:
    """(scheme, name, port) of `[scheme:]name[:port]`. Raises StatusError 400 for any other form."""
    parts = text.split(":")
    scheme, name, port = "", parts[0], ""
    if len(parts) == 2:
        name, port = parts
    elif len(parts) == 3:
        scheme, name, port = parts
    if len(parts) > 3 or not name or scheme not in SCHEMES:
        raise errors.bad_request(f'invalid {what} request "{text}"')
    return scheme, name, port


class Proxy:
    """The handlers. Connections are kept for the `MAX_PLACES` places that were used last."""

    def __init__(self, kubelets: Kubelets, registry: Any) -> None:
        self._kubelets = kubelets
        self._registry = registry
        self._transports: OrderedDict[str, Transport] = OrderedDict()

    def handlers(self) -> dict[tuple[str, str, str], Handler]:
        """By (group, resource, subresource)."""
        return {
            ("", "pods", "proxy"): self.pod,
            ("", "services", "proxy"): self.service,
            ("", "nodes", "proxy"): self.node,
        }

    async def pod(self, request: Request) -> Response:
        """To a port of a pod; the first declared one where none is given."""
        scheme, name, port = split_name(request.info.name, "pod")
        pod: Pod = await self._get("pods", name, request.info.namespace)
        check_address(pod.status.podIP)
        ports = [one for container in pod.spec.containers for one in container.ports]
        named = {one.name: one.containerPort for one in ports if one.name}
        default = 443 if scheme == "https" else 80
        first = (ports[0].containerPort if ports else None) or default
        return await self._forward(request, scheme, pod.status.podIP, named.get(port) or _number(port, first))

    async def service(self, request: Request) -> Response:
        """To a ready endpoint of a service: one that is a pod of its namespace, as nobody may lead this server elsewhere."""
        scheme, name, port = split_name(request.info.name, "service")
        service: Service = await self._get("services", name, request.info.namespace)
        if port.isdigit():
            wanted = next((one for one in service.spec.ports if one.port == int(port)), None)
            if wanted is None:
                raise errors.service_unavailable(f'no service port {int(port)} found for service "{name}"')
            port = wanted.name
        slices = self._registry.scheme.by_resource("discovery.k8s.io", "v1", "endpointslices")
        found: list[EndpointSlice] = self._registry.cached_list(slices, request.info.namespace) if slices else []
        own = [one for one in found if one.metadata.labels.get("kubernetes.io/service-name") == name]
        places = [place for one in own for place in _ready(one, port)]
        random.shuffle(places)
        for endpoint, number in places:
            if self._is_pod(endpoint, request.info.namespace):
                check_address(endpoint.addresses[0])
                return await self._forward(request, scheme, endpoint.addresses[0], number)
        raise errors.service_unavailable(f'no endpoints available for service "{request.info.name}"')

    def _is_pod(self, endpoint: Endpoint, namespace: str) -> bool:
        target = endpoint.targetRef
        if target is None or target.kind != "Pod" or target.namespace not in ("", namespace):
            return False
        kind = self._registry.scheme.by_resource("", "v1", "pods")
        pod: Pod | None = self._registry.cached(kind, namespace, target.name)
        return pod is not None and endpoint.addresses[0] in (pod.status.podIP, *(one.ip for one in pod.status.podIPs))

    async def node(self, request: Request) -> Response:
        """To a node's kubelet, or to another port of the node."""
        scheme, name, port = split_name(request.info.name, "node")
        place = self._kubelets.place(name)
        if port and port != str(place.port):
            await check_host(place.host)
            return await self._forward(request, scheme, place.host, _number(port, 0))
        return await self._exchange(
            request, self._kubelets.transport(place), lambda dialogue: self._kubelets.connect(place, dialogue, "/")
        )

    async def _get(self, resource: str, name: str, namespace: str) -> Any:
        kind = self._registry.scheme.by_resource("", "v1", resource)
        return await self._registry.get(kind, name, namespace)

    async def _forward(self, request: Request, scheme: str, address: str, port: int) -> Response:
        server = f"{scheme or 'http'}://{_host(address)}:{port}"
        transport = self._transports.get(server)
        if transport is None:
            transport = self._transports[server] = Transport(ClientConfig(server=server, insecure=True))
            if len(self._transports) > MAX_PLACES:
                _, oldest = self._transports.popitem(last=False)
                await oldest.close()
        else:
            self._transports.move_to_end(server)
        used = transport
        return await self._exchange(request, used, lambda dialogue: _connect(used, Place(address, port), dialogue))

    async def _exchange(self, request: Request, transport: Transport, connect: splice.Connect) -> Response:
        rest = request.path.partition(f"/{request.info.name}/proxy")[2]
        if not rest and request.method in ("GET", "HEAD") and not request.is_upgrade:
            location = f"{quote(request.path, safe=PATH)}/" + (f"?{request.raw_query}" if request.raw_query else "")
            return Response(301, b"", "", (("Location", location),))
        target = target_of(request, rest) if rest else f"/?{request.raw_query}" if request.raw_query else "/"
        prefix = request.path[: len(request.path) - len(rest)]
        lines = [
            *request_lines(request, without=("x-forwarded-uri",)),
            f"X-Forwarded-Uri: {quote(request.path, safe=PATH)}",
        ]
        try:
            if request.is_upgrade:
                head = splice.upgrade_head(request, transport.host, target, lines)
                return await splice.upgrade(request, connect, head, "the service")
            stream = await transport.stream(_head(request, transport, target, lines), request.body, START_SECONDS)
        except (ConnectionFailed, OSError, TimeoutError) as error:
            raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: {error}") from error
        headers = [
            (name, redirected(value, target, transport.host, prefix) if name.lower() == "location" else value)
            for name, value in answer_headers(stream)
            if not name.lower().startswith("access-control-allow-")
        ]
        content_type = stream.headers.get("content-type", "")
        if request.method == "HEAD" or stream.status in (204, 304):
            stream.close()
            return Response(stream.status, b"", content_type, headers)
        return Response(stream.status, _pieces(stream), content_type, headers)


def _head(request: Request, transport: Transport, target: str, lines: list[str]) -> bytes:
    first = [f"{request.method} {target} HTTP/1.1", f"Host: {transport.host}"]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        first.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*first, *lines, "", ""]).encode("latin-1", "replace")


def redirected(location: str, target: str, host: str, prefix: str) -> str:
    """Where a redirect leads through the proxy; one to another host, or to where the proxy is already, stays."""
    resolved = urlsplit(urljoin(f"//{host}{target}", location))
    if (resolved.netloc and resolved.netloc != host) or not resolved.path.startswith("/"):
        return location
    if resolved.path.startswith(prefix):
        return urlunsplit(("", "", *resolved[2:]))
    path = posixpath.normpath(prefix + resolved.path)
    if resolved.path.endswith("/"):
        path += "/"
    return urlunsplit(("", "", path, *resolved[3:]))


def _number(port: str, default: int) -> int:
    """Raises StatusError 503 for a port that is none: nothing can be reached there."""
    if not port:
        return default
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise errors.service_unavailable(f"error trying to reach service: dial tcp: lookup tcp/{port}: unknown port")
    return int(port)


async def _connect(transport: Transport, place: Place, protocol: asyncio.Protocol) -> asyncio.Transport:
    """A raw connection, as `transport` would make one."""
    context: ssl.SSLContext | None = transport.ssl_context()
    async with asyncio.timeout(CONNECT_SECONDS):
        opened, _ = await asyncio.get_running_loop().create_connection(
            lambda: protocol, place.host, place.port, ssl=context, server_hostname=place.host if context else None
        )
    return opened


async def check_host(host: str) -> None:
    """As `check_address`, for what may be a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError as error:
            raise errors.bad_request(f"lookup {host}: {error}") from None
        for one in found:
            check_address(str(one[4][0]))
        return
    check_address(host)


def check_address(address: str) -> None:
    """Refuses addresses that mean this machine or its link: a pod's status must not lead into the server's own host."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise errors.bad_request("address not allowed") from None
    if found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        raise errors.bad_request("address not allowed")


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _ready(one: EndpointSlice, port_name: str) -> list[tuple[Endpoint, int]]:
    numbers = [port.port for port in one.ports if (port.name or "") == port_name and port.port]
    return [
        (endpoint, number)
        for endpoint in one.endpoints or ()
        if endpoint.addresses and (endpoint.conditions is None or endpoint.conditions.ready is not False)
        for number in numbers
    ]


async def _pieces(stream: Stream) -> AsyncIterator[bytes]:
    try:
        async for piece in stream:
            yield piece
    finally:
        stream.close()
