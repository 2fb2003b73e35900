"""The HTTP side of an upgrade: which protocol is asked for, and the bytes of the answer. Pure.

What: `Upgrade` (what the request asks), `response_head`, `websocket_accept`. Why: the kubelet, the API server, a CRI shim and
the clients negotiate by the same rules. Flow: request headers → `parse` → `choose` → response bytes. Rules: RFC 6455 section
4.2; apimachinery/pkg/util/httpstream (`Handshake`, `negotiateProtocol`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

SPDY: Final = "SPDY/3.1"
PROTOCOL_HEADER: Final = "x-stream-protocol-version"
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a client asks for: `transport`, its `protocols` in order of preference, and the WebSocket key."""

    transport: Literal["spdy", "websocket"]
    protocols: tuple[str, ...]
    key: str = ""


class UpgradeRefused(ValueError):
    """The request cannot be upgraded; `code` is the HTTP status to answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def header_list(values: Iterable[str]) -> tuple[str, ...]:
    """The items of a header that may be repeated or hold a comma-separated list."""
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())


def parse(headers: Sequence[tuple[str, str]]) -> Upgrade | None:
    """The upgrade that request headers (lower-case names, repeats kept) ask for; None: an ordinary request."""

    def values(name: str) -> list[str]:
        return [value for key, value in headers if key == name]

    connection = {item.lower() for item in header_list(values("connection"))}
    wanted = {item.lower() for item in header_list(values("upgrade"))}
    if "upgrade" not in connection or not wanted:
        return None
    if "websocket" in wanted:
        key = next(iter(values("sec-websocket-key")), "")
        if not key or "13" not in header_list(values("sec-websocket-version")):
            raise UpgradeRefused(400, "unsupported WebSocket version or missing key")
        return Upgrade("websocket", header_list(values("sec-websocket-protocol")), key)
    if SPDY.lower() in wanted:
        return Upgrade("spdy", header_list(values(PROTOCOL_HEADER)))
    raise UpgradeRefused(400, f"unable to upgrade: unsupported upgrade protocol {', '.join(sorted(wanted))}")


def choose(upgrade: Upgrade, supported: Sequence[str]) -> str:
    """The first protocol the client names that is supported; "" when it names none. Raises UpgradeRefused (403)."""
    if not upgrade.protocols:
        return ""
    for protocol in upgrade.protocols:
        if protocol in supported:
            return protocol
    asked = " ".join(upgrade.protocols)
    raise UpgradeRefused(
        403,
        f"unable to upgrade: unable to negotiate protocol: client supports [{asked}], server accepts [{' '.join(supported)}]",
    )


def websocket_accept(key: str) -> str:
    """The Sec-WebSocket-Accept value for a key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def response_head(upgrade: Upgrade, protocol: str) -> bytes:
    """The 101 answer."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"]
    if upgrade.transport == "spdy":
        lines.append(f"Upgrade: {SPDY}")
        if protocol:
            lines.append(f"X-Stream-Protocol-Version: {protocol}")
    else:
        lines += ["Upgrade: websocket", f"Sec-WebSocket-Accept: {websocket_accept(upgrade.key)}"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def request_headers(upgrade: Upgrade) -> list[tuple[str, str]]:
    """The headers with which a client asks for `upgrade`."""
    headers = [("Connection", "Upgrade")]
    if upgrade.transport == "spdy":
        headers.append(("Upgrade", SPDY))
        headers += [("X-Stream-Protocol-Version", protocol) for protocol in upgrade.protocols]
        return headers
    headers += [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", upgrade.key)]
    if upgrade.protocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(upgrade.protocols)))
    return headers


def accepted_protocol(upgrade: Upgrade, status: int, headers: Mapping[str, str]) -> str:
    """The protocol of a 101 answer (lower-case header names). Raises UpgradeRefused when the answer is not a proper one."""
    if status != 101:
        raise UpgradeRefused(status, f"unable to upgrade connection: status {status}")
    if upgrade.transport == "spdy":
        if headers.get("upgrade", "").lower() != SPDY.lower():
            raise UpgradeRefused(502, "unable to upgrade connection: the server did not switch to SPDY/3.1")
        return headers.get(PROTOCOL_HEADER, "")
    if headers.get("sec-websocket-accept") != websocket_accept(upgrade.key):
        raise UpgradeRefused(502, "unable to upgrade connection: wrong Sec-WebSocket-Accept")
    return headers.get("sec-websocket-protocol", "")
