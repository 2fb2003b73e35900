"""HTTP through the API server to a pod, a service or a node: the `proxy` subresource.

What: handlers of pods/proxy, services/proxy and nodes/proxy, for plain requests; upgrades are refused.
Why: people and tools reach what runs in the cluster with nothing but their API credentials.
Flow: `[scheme:]name[:port]` → a place (pod address, a ready endpoint of the service, the kubelet) → request without the client's
credentials → answer as it comes. Sources: pkg/registry/core/{pod,service,node}/rest, apimachinery/pkg/util/net/port_split.go,
pkg/proxy/util (IsProxyableIP).
"""

from __future__ import annotations

import ipaddress
import random
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from kubelite.api.types.core_v1 import Pod, Service
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.apiserver.connect.admitting import admit
from kubelite.apiserver.connect.kubelet import START_SECONDS, Kubelets, Place
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Stream, Transport
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

NOT_FORWARDED = {
    "authorization", "connection", "content-length", "host", "keep-alive", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
NOT_RETURNED = {"connection", "content-length", "keep-alive", "transfer-encoding", "trailer", "content-type"}
MAX_PLACES = 256


def split_name(text: str) -> tuple[str, str, str]:
    """(scheme, name, port) of `[scheme:]name[:port]`. Raises StatusError 400 for any other form."""
    parts = text.split(":")
    scheme, name, port = "", parts[0], ""
    if len(parts) == 2:
        name, port = parts
    elif len(parts) == 3:
        scheme, name, port = parts
    if len(parts) > 3 or not name or scheme not in ("", "http", "https"):
        raise errors.bad_request(f'invalid request "{text}"')
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
        scheme, name, port = split_name(request.info.name)
        await self._admit(request, "PodProxyOptions")
        pod: Pod = await self._get("pods", name, request.info.namespace)
        if not pod.status.podIP:
            raise errors.service_unavailable(f'pod "{name}" has no address')
        check_address(pod.status.podIP)
        declared = [one.containerPort for container in pod.spec.containers for one in container.ports]
        named = {
            one.name: one.containerPort for container in pod.spec.containers for one in container.ports if one.name
        }
        number = named.get(port) or (int(port) if port.isdigit() else None) or (declared[0] if declared else 80)
        return await self._forward(request, f"{scheme or 'http'}://{_host(pod.status.podIP)}:{number}")

    async def service(self, request: Request) -> Response:
        """To a ready endpoint of a service."""
        scheme, name, port = split_name(request.info.name)
        await self._admit(request, "ServiceProxyOptions")
        service: Service = await self._get("services", name, request.info.namespace)
        wanted = next(
            (
                one
                for one in service.spec.ports
                if port in (one.name, str(one.port)) or (not port and len(service.spec.ports) == 1)
            ),
            None,
        )
        if wanted is None:
            raise errors.service_unavailable(f'no service port "{port}" found for service "{name}"')
        slices = self._registry.scheme.by_resource("discovery.k8s.io", "v1", "endpointslices")
        places: list[tuple[str, int]] = []
        found: list[EndpointSlice] = self._registry.cached_list(slices, request.info.namespace) if slices else []
        for one in found:
            if one.metadata.labels.get("kubernetes.io/service-name") == name:
                places += _ready(one, wanted.name)
        if not places:
            raise errors.service_unavailable(f'no endpoints available for service "{request.info.name}"')
        address, number = random.choice(places)
        check_address(address)
        return await self._forward(request, f"{scheme or 'http'}://{_host(address)}:{number}")

    async def node(self, request: Request) -> Response:
        """To a node's kubelet, or to another port of the node."""
        _, name, port = split_name(request.info.name)
        await self._admit(request, "NodeProxyOptions")
        place = self._kubelets.place(name)
        if port and int(port) != place.port:
            return await self._forward(request, f"http://{_host(place.host)}:{port}")
        return await self._exchange(request, self._kubelets.transport(place), place)

    async def _admit(self, request: Request, kind: str) -> None:
        rest = request.path.partition(f"/{request.info.name}/proxy")[2]
        options = {"kind": kind, "apiVersion": "v1", **({"path": rest} if rest else {})}
        await admit(self._registry, request, options)

    async def _get(self, resource: str, name: str, namespace: str) -> Any:
        kind = self._registry.scheme.by_resource("", "v1", resource)
        return await self._registry.get(kind, name, namespace)

    async def _forward(self, request: Request, server: str) -> Response:
        transport = self._transports.get(server)
        if transport is None:
            transport = self._transports[server] = Transport(ClientConfig(server=server, insecure=True))
            if len(self._transports) > MAX_PLACES:
                _, oldest = self._transports.popitem(last=False)
                await oldest.close()
        else:
            self._transports.move_to_end(server)
        return await self._exchange(request, transport, None)

    async def _exchange(self, request: Request, transport: Transport, place: Place | None) -> Response:
        rest = request.path.partition(f"/{request.info.name}/proxy")[2]
        if not rest and request.method in ("GET", "HEAD"):
            location = f"{request.path}/" + (f"?{request.raw_query}" if request.raw_query else "")
            return Response(301, b"", "text/html; charset=utf-8", (("Location", location),))
        if request.is_upgrade:
            raise errors.bad_request("upgraded connections are not proxied by this server")
        target = quote(rest or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{request.raw_query}" if request.raw_query else "")
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {transport.host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in NOT_FORWARDED]
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(request.body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            stream = await transport.stream(head, request.body, START_SECONDS)
        except ConnectionFailed as error:
            raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: {error}") from error
        headers = [(name, value) for name, value in stream.headers.items() if name not in NOT_RETURNED]
        content_type = stream.headers.get("content-type", "application/octet-stream")
        if request.method == "HEAD" or stream.status in (204, 304):
            stream.close()
            return Response(stream.status, b"", content_type, headers)
        return Response(stream.status, _pieces(stream), content_type, headers)


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


def _ready(one: EndpointSlice, port_name: str) -> list[tuple[str, int]]:
    numbers = [port.port for port in one.ports if (port.name or "") == port_name and port.port]
    return [
        (endpoint.addresses[0], number)
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
