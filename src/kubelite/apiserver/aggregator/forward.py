"""One request for an extension API server, passed on.

What: `forward(remote, request)`. Why: the extension server sees the request as it came, but for who asks: that this server has
found out, and says so in headers that its certificate vouches for. Flow: request without credentials and without the client's
own claims → TLS → the answer as it comes, piece by piece at the client's pace; upgrades are joined byte by byte.
Sources: kube-aggregator/pkg/apiserver/handler_proxy.go, apimachinery/pkg/util/proxy/upgradeaware.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from kubelite.apiserver.aggregator.backend import Backend, Unreachable, user_headers
from kubelite.apiserver.aggregator.remote import Remote
from kubelite.apiserver.connect import splice
from kubelite.apiserver.connect.passing import answer_headers, request_lines, target_of
from kubelite.apiserver.registry.ask import LOOPBACK
from kubelite.apiserver.request import Request, Response
from kubelite.client.errors import ConnectionFailed
from kubelite.client.transport import Stream

START_SECONDS = 60.0
NO_REDIRECT = b"the backend attempted to redirect this request, which is not permitted"
_NAMED = ("x-remote-user", "x-remote-uid", "x-remote-group")


def plain_error(status: int, text: str) -> Response:
    """An error of the way itself, as Go's http.Error words it."""
    headers = (("X-Content-Type-Options", "nosniff"),)
    return Response(status, text.encode() + b"\n", "text/plain; charset=utf-8", headers)


async def forward(remote: Remote, request: Request) -> Response:
    """The extension server's answer; 503 where there is none."""
    if not remote.available:
        return plain_error(503, "service unavailable")
    lines = _lines(request)
    try:
        if request.is_upgrade:
            return await _upgrade(remote.backend, request, lines)
        return await _exchange(remote.backend, request, lines)
    except Unreachable as error:
        remote.look()
        return plain_error(503, f"error trying to reach service: {error}")


def _lines(request: Request) -> list[str]:
    """The header lines of the request as it is sent on."""
    claimed = [
        name for name in request.headers if name in _NAMED or name.startswith(("x-remote-extra-", "impersonate-"))
    ]
    lines = request_lines(request, without=(*claimed, "audit-id"))
    lines += user_headers(request.user or LOOPBACK)
    lines.append(f"Audit-Id: {request.audit_id}")
    return lines


async def _exchange(backend: Backend, request: Request, lines: list[str]) -> Response:
    stream = await backend.stream(request.method, target_of(request), lines, request.body, START_SECONDS)
    if 300 <= stream.status < 400 and stream.headers.get("location"):
        stream.close()
        return Response(502, NO_REDIRECT, "text/plain; charset=utf-8")
    content_type = stream.headers.get("content-type", "")
    headers = answer_headers(stream)
    if request.method == "HEAD" or stream.status in (204, 304):
        stream.close()
        return Response(stream.status, b"", content_type, headers)
    return Response(stream.status, _pieces(stream), content_type, headers)


async def _pieces(stream: Stream) -> AsyncIterator[bytes]:
    try:
        async for piece in stream:
            yield piece
    finally:
        stream.close()


async def _upgrade(backend: Backend, request: Request, lines: list[str]) -> Response:
    head = splice.upgrade_head(request, backend.name, target_of(request), lines)
    try:
        return await splice.upgrade(request, backend.connect, head, "the extension API server")
    except (OSError, TimeoutError, ConnectionFailed) as error:
        raise Unreachable(str(error)) from error
