"""How endpoints are spread over slices: pure, shared by the controllers that write slices.

Why: endpoints stay in their slice, so that one change rewrites one slice. Source: k8s.io/endpointslice reconciler.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubelite.api.types.discovery_v1 import Endpoint, EndpointPort, EndpointSlice

MAX_ENDPOINTS = 100

Ports = tuple[tuple[str, int, str, str], ...]
"""(name, port, protocol, appProtocol) of each port, in order."""


def ports_of(piece: EndpointSlice) -> Ports:
    """The ports of a slice, comparable."""
    return tuple(
        sorted((port.name or "", port.port or 0, port.protocol or "TCP", port.appProtocol) for port in piece.ports)
    )


def distribute(
    wanted: Mapping[str, Endpoint], present: Iterable[EndpointSlice]
) -> list[tuple[EndpointSlice | None, list[Endpoint]]]:
    """Each present slice with its new content, then new slices (None) for the rest.

    Endpoints stay in their slice; new ones fill slices that change anyway, then one more present slice, then new ones.
    """
    left = dict(wanted)
    layout: list[tuple[EndpointSlice | None, list[Endpoint]]] = []
    changing: list[list[Endpoint]] = []
    quiet: list[list[Endpoint]] = []
    for piece in sorted(present, key=lambda piece: piece.metadata.name):
        old = piece.endpoints or []
        content = [left.pop(one.addresses[0]) for one in old if one.addresses and one.addresses[0] in left]
        layout.append((piece, content))
        (quiet if content == old else changing).append(content)
    rest = [left[address] for address in left]
    for content in changing:
        _fill(content, rest)
    for content in sorted(quiet, key=len, reverse=True):
        if rest and len(content) + min(len(rest), MAX_ENDPOINTS) <= MAX_ENDPOINTS:
            _fill(content, rest)
    while rest:
        layout.append((None, rest[:MAX_ENDPOINTS]))
        rest = rest[MAX_ENDPOINTS:]
    return layout


def _fill(content: list[Endpoint], rest: list[Endpoint]) -> None:
    room = MAX_ENDPOINTS - len(content)
    content.extend(rest[:room])
    del rest[:room]


def slice_ports(ports: Ports) -> list[EndpointPort]:
    """The ports as a slice carries them."""
    return [
        EndpointPort(name=name, port=number, protocol=protocol, appProtocol=application)
        for name, number, protocol, application in ports
    ]
