"""One look at a container: HTTP, TCP, gRPC or a command.

What: one function for each kind of look, returning (outcome, text). Why: workers decide when, these look.
Flow: address → socket → outcome.
Texts as upstream: pkg/probe/{http,tcp,grpc,exec}. Nothing is reused between looks: a probe must not be kept healthy by an
old connection.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from kubelite.api.types.base import IntOrString
from kubelite.api.types.core_v1 import ContainerPort, GRPCAction, HTTPGetAction, TCPSocketAction

MAX_BODY: Final = 10 * 1024
MAX_HEAD: Final = 64 * 1024
USER_AGENT: Final = "kube-probe/1.36"
GRPC_STATES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class Outcome(Enum):
    """`WARNING` counts as success and is told; `UNKNOWN` (the look itself failed) counts as nothing."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


Look = tuple[Outcome, str]


def port_number(port: IntOrString | None, ports: Sequence[ContainerPort]) -> int:
    """A port by number or by name among the container's. Raises ValueError."""
    if isinstance(port, str) and not port.isdigit():
        found = next((one.containerPort for one in ports if one.name == port), None)
        if found is None:
            raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax')
        return found
    number = int(port or 0)
    if not 0 < number < 65536:
        raise ValueError(f"invalid port number: {number}")
    return number


def joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def tcp(action: TCPSocketAction, pod_ip: str, ports: Sequence[ContainerPort], seconds: float) -> Look:
    """Healthy when a connection opens."""
    host, port = action.host or pod_ip, port_number(action.port, ports)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        return Outcome.FAILURE, f"dial tcp {joined(host, port)}: {_dial_text(error)}"
    writer.close()
    return Outcome.SUCCESS, ""


def _dial_text(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    text = getattr(error, "strerror", None) or str(error)
    return f"connect: {text[:1].lower()}{text[1:]}"


async def http(action: HTTPGetAction, pod_ip: str, ports: Sequence[ContainerPort], seconds: float) -> Look:
    """Healthy when the answer is 2xx or 3xx; redirects within the host are followed."""
    host, port = action.host or pod_ip, port_number(action.port, ports)
    scheme = (action.scheme or "HTTP").lower()
    path = action.path or "/"
    headers = {header.name: header.value for header in action.httpHeaders}
    target = path if path.startswith("/") else f"/{path}"
    url = f"{scheme}://{joined(host, port)}{target}"
    try:
        async with asyncio.timeout(seconds):
            for _ in range(10):
                status, location, body = await _get(scheme, host, port, target, headers)
                if status not in (301, 302, 303, 307, 308) or not location:
                    break
                parts = urlsplit(location)
                if parts.hostname and parts.hostname != host:
                    text = f"Probe terminated redirects, Response body: {body}"
                    return Outcome.WARNING, text
                scheme, port = parts.scheme or scheme, parts.port or port
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            else:
                return Outcome.FAILURE, f'Get "{url}": stopped after 10 redirects'
    except TimeoutError:
        text = f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        return Outcome.FAILURE, text
    except ssl.SSLError as error:
        return Outcome.FAILURE, f'Get "{url}": tls: {error.reason or error}'
    except (OSError, asyncio.IncompleteReadError) as error:
        reached = isinstance(error, asyncio.IncompleteReadError | ConnectionResetError)
        return Outcome.FAILURE, f'Get "{url}": ' + (
            "EOF" if reached else f"dial tcp {joined(host, port)}: {_dial_text(error)}"
        )
    except ValueError as error:
        return Outcome.FAILURE, f'Get "{url}": net/http: HTTP/1.x transport connection broken: {error}'
    if 200 <= status < 400:
        return Outcome.SUCCESS, body
    return Outcome.FAILURE, f"HTTP probe failed with statuscode: {status}"


_tls: ssl.SSLContext | None = None


def _unverified() -> ssl.SSLContext:
    """Probes check health, not identity, as upstream."""
    global _tls
    if _tls is None:
        _tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _tls.check_hostname = False
        _tls.verify_mode = ssl.CERT_NONE
    return _tls


async def _get(scheme: str, host: str, port: int, target: str, headers: dict[str, str]) -> tuple[int, str, str]:
    """(status, location, the first bytes of the body) of one GET on a new connection."""
    tls = _unverified() if scheme == "https" else None
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=MAX_HEAD)
    try:
        names = {name.lower() for name in headers}
        lines = [f"GET {target} HTTP/1.1"]
        if "host" not in names:
            lines.append(f"Host: {joined(host, port)}")
        if "user-agent" not in names:
            lines.append(f"User-Agent: {USER_AGENT}")
        if "accept" not in names:
            lines.append("Accept: */*")
        lines += [
            f"{name}: {value}"
            for name, value in headers.items()
            if value or name.lower() not in ("accept", "user-agent")
        ]
        writer.write(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1", "replace"))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise ValueError("server response headers exceeded limit") from error
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
            raise ValueError(f'malformed HTTP response "{first[:100]}"')
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)
        }
        body = await _body(reader, int(words[1]), fields)
        return int(words[1]), fields.get("location", ""), body.decode("utf-8", "replace")
    finally:
        writer.transport.abort()


async def _body(reader: asyncio.StreamReader, status: int, fields: dict[str, str]) -> bytes:
    """The first bytes of the body, to its end as the headers tell it: a server may keep the connection open."""
    if status in (204, 304):
        return b""
    if "chunked" in fields.get("transfer-encoding", "").lower():
        body = b""
        while len(body) < MAX_BODY and (size := int((await reader.readline()).split(b";")[0], 16)):
            body += await reader.readexactly(size)
            await reader.readline()
        return body[:MAX_BODY]
    length = fields.get("content-length", "")
    if length.isdigit():
        return await reader.readexactly(min(int(length), MAX_BODY))
    body = b""
    while len(body) < MAX_BODY and (data := await reader.read(MAX_BODY - len(body))):
        body += data
    return body


async def grpc(action: GRPCAction, pod_ip: str, seconds: float) -> Look:
    """Healthy when `grpc.health.v1.Health/Check` answers SERVING. The messages are two fields: encoded by hand."""
    import grpc as library
    import grpc.aio

    address = joined(pod_ip, action.port or 0)
    name = (action.service or "").encode()
    request = b"\x0a" + _varint(len(name)) + name if name else b""
    options = (
        ("grpc.primary_user_agent", USER_AGENT),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
    )
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            answer: bytes = await check(request, timeout=seconds, wait_for_ready=False)
        except grpc.aio.AioRpcError as error:
            code = error.code()
            if code == library.StatusCode.UNIMPLEMENTED:
                protocol = "the grpc health protocol (grpc.health.v1.Health)"
                text = f"error: this server does not implement {protocol}: {error.details()}"
            elif code == library.StatusCode.DEADLINE_EXCEEDED:
                text = f"timeout: health rpc did not complete within {seconds:g}s"
            elif code == library.StatusCode.UNAVAILABLE:
                text = f'timeout: failed to connect service "{address}" within {seconds:g}s: {error.details()}'
            else:
                text = f"error: health rpc probe failed: {error.details()}"
            return Outcome.FAILURE, text
    state = _status(answer)
    if state == 1:
        return Outcome.SUCCESS, "service healthy"
    return Outcome.FAILURE, f'service unhealthy (responded with "{GRPC_STATES.get(state, state)}")'


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _status(message: bytes) -> int:
    """Field 1 (a varint) of a HealthCheckResponse; absent is 0."""
    if len(message) < 2 or message[0] != 0x08:
        return 0
    return message[1]
