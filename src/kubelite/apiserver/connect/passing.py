"""What of a request and of an answer is passed on: everything but what belongs to one connection.

What: `request_lines`, `answer_headers` and `target_of`. Why: proxied pods, services, nodes and extension servers see the request
as it came, and the client sees their answer as it was. Flow: `proxy` and `aggregator.forward` use all three. Source:
net/http/httputil.ReverseProxy (hop-by-hop headers).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from kubelite.apiserver.request import Request
from kubelite.client.transport import Stream

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
NOT_FORWARDED = HOP_BY_HOP | {"authorization", "content-length", "expect", "host"}
NOT_RETURNED = HOP_BY_HOP | {"audit-id", "content-length", "content-type", "date"}
PATH = "/:@!$&'()*+,;=~-._"
"""What may stand in a path without an escape."""
REPEATED = ("x-stream-protocol-version", "sec-websocket-protocol")
"""Headers that clients repeat, one value to a line; servers look for them so."""


def target_of(request: Request, path: str = "") -> str:
    """Path and query as the client sent them; `path` is the decoded end of the request's path, if only that is wanted."""
    shown = request.raw_path or quote(request.path, safe=PATH)
    if path:
        # Escapes make the raw path longer: what is in front of the wanted end is the same number of path segments.
        before = request.path[: len(request.path) - len(path)].count("/")
        shown = "/" + "/".join(shown.split("/")[before + 1 :])
    return f"{shown}?{request.raw_query}" if request.raw_query else shown


def request_lines(request: Request, *, without: Collection[str] = ()) -> list[str]:
    """The header lines that are passed on, with where the request came from."""
    named = {one.strip().lower() for one in request.headers.get("connection", "").split(",")}
    lines = []
    for name, value in request.headers.items():
        if name in NOT_FORWARDED or name in named or name in without or name == "x-forwarded-for":
            continue
        values = [one.strip() for one in value.split(",")] if name in REPEATED else [value]
        lines += [f"{name.title()}: {one}" for one in values]
    if request.connection is not None:
        before = request.headers.get("x-forwarded-for")
        address = request.connection.peer_address
        lines.append(f"X-Forwarded-For: {f'{before}, {address}' if before else address}")
    return lines


def answer_headers(stream: Stream) -> list[tuple[str, str]]:
    """The headers of an answer that are passed on; repeated ones stay repeated."""
    found = []
    for raw_name, raw_value in stream.pairs:
        name = raw_name.decode("latin-1")
        if name.lower() not in NOT_RETURNED:
            found.append(("Cache-Control" if name.lower() == "cache-control" else name, raw_value.decode("latin-1")))
    return found
