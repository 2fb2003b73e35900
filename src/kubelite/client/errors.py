"""What can go wrong between a client and the API server, besides a `StatusError`.

What: `ConnectionFailed`, raised when no answer came, and `status_error`, which reads the answer of a failed request.
Why: callers must tell "the server said no" (a `StatusError`) from "nobody knows whether it happened" (this module).
Flow: `transport` and `client` raise; informers, controllers and commands catch.
"""

from __future__ import annotations

import msgspec

from kubelite.machinery.errors import StatusError


class ConnectionFailed(Exception):
    """No complete answer arrived. `sent` says whether the request may have been executed; `refused` that nobody listens."""

    def __init__(self, message: str, *, sent: bool = False, refused: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.refused = refused


class ConfigError(Exception):
    """A kubeconfig that cannot be used; the text says why."""


_REASONS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "the server has asked for the client to provide credentials"),
    403: ("Forbidden", "the server does not allow access to the requested resource"),
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    406: ("NotAcceptable", "the server was unable to respond with a content type that the client supports"),
    409: ("Conflict", "the server reported a conflict"),
    410: ("Expired", "the requested version is gone"),
    413: ("RequestEntityTooLarge", "the request is too large"),
    415: ("UnsupportedMediaType", "the server does not understand the media type of the request"),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "an error on the server has prevented the request from succeeding"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing it"),
}


def status_error(code: int, body: bytes) -> StatusError:
    """The error in an answer of `code` >= 400: the server's `Status` object, or one made from the code and the text."""
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status":
        return StatusError.from_status(document, code)
    reason, message = _REASONS.get(code, ("", f"the server responded with the status code {code}"))
    text = body[:2048].decode("utf-8", "replace").strip()
    if text and code not in (401, 404):
        message = f"{message} ({text})"
    return StatusError(code, reason, message)
