"""The heads of requests: what is refused before a handler sees it.

What: pure functions over the target and the headers. Why: a request that two readers could understand differently is
how requests are smuggled; it is refused here, in one place. Flow: `protocol` calls them as it parses. Rules and texts
follow Go's net/http and net/url, which upstream serves with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from kubelite.apiserver.request import Request

MAX_HEAD = 1 << 20
MAX_HEADERS = 1000

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


def split_target(target: bytes) -> tuple[str, str, str]:
    """(decoded path, raw query, what is wrong or "") of a request's target, which may name a scheme and host (net/url)."""
    raw, _, query = target.partition(b"?")
    path = raw.decode("latin-1")
    if not path.startswith("/") and "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    if "%" not in path:
        return path, query.decode("latin-1"), ""
    bad = _BAD_ESCAPE.search(path)
    if bad is not None:
        return path, "", f'invalid URL escape "{bad[0]}"'
    return unquote(path), query.decode("latin-1"), ""


def raw_path(target: bytes) -> str:
    """The path of a request's target with its escapes."""
    path = target.partition(b"?")[0].decode("latin-1")
    return path if path.startswith("/") else "/" + path.partition("://")[2].partition("/")[2]


def mistake_of(headers: Mapping[str, str], version: str, body_limit: int) -> tuple[int, str] | None:
    """(status, words) for a head that is refused; None for a good one. `version` is "1.1" or what stood there."""
    length, expect = headers.get("content-length", ""), headers.get("expect", "")
    if version not in ("1.1", "1.0"):
        return 400, "malformed HTTP version"
    if "host" not in headers and version == "1.1":
        return 400, "missing required Host header"
    if expect and expect.lower() != "100-continue":
        return 417, "expectation failed"
    if length.isdigit() and int(length) > body_limit:
        return 413, ""
    return None


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether the head announces a body."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


def without_upgrade(request: Request, target: bytes) -> bytes:
    """The head of a request as it would be had its client not asked for another protocol.

    The parser takes the body of a request that asks for an upgrade for the other protocol; nothing here upgrades with a body.
    """
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1"]
    for name, values in request.headers.items():
        if name not in ("upgrade", "connection"):
            lines += [f"{name}: {value}".encode("latin-1") for value in values.split("\n")]
    return b"\r\n".join([*lines, b"", b""])
