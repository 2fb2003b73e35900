"""Answers that the network gives in the API server's place."""

from __future__ import annotations

import json


def reply(code: int, reason: str, message: str, *headers: str) -> bytes:
    """A whole HTTP answer with a Status."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    body = json.dumps(status).encode()
    lines = [f"HTTP/1.1 {code} X", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CONFLICT = reply(
    409,
    "Conflict",
    "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
)
TIMEOUT = reply(504, "Timeout", "Timeout: request did not complete within the allotted timeout")
REFUSALS = (
    reply(429, "TooManyRequests", "the server is overloaded, please try again later", "retry-after: 1"),
    reply(500, "InternalError", "Internal error occurred: etcdserver: leader changed"),
    reply(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
)
