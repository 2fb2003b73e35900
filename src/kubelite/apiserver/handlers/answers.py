"""Answers that the handler chain makes itself: failures as Status objects, warnings as headers.

What: functions from an exception or a refusal to a `Response`. Why: whatever goes wrong, the client gets a Status in
upstream's words. Flow: `chain` and the HTTP protocol's refusals. Source: apiserver/pkg/endpoints/handlers/responsewriters.
"""

from __future__ import annotations

import msgspec

from kubelite.apiserver.flowcontrol import refusal
from kubelite.apiserver.flowcontrol.refusal import TooMany
from kubelite.apiserver.request import Attributes, Request, Response
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError, Unavailable
from kubelite.util.log import get_logger

log = get_logger(__name__)

TIMED_OUT = "request did not complete within the allotted timeout"


def warning(text: str) -> str:
    """A Warning header's value, quoted as RFC 7234 wants it."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


def attributes_of(request: Request) -> Attributes:
    """What the authorizer is asked."""
    info = request.info
    if not info.is_resource:
        return Attributes(info.verb, is_resource=False, path=info.path)
    selects = info.verb in ("list", "watch", "deletecollection")
    return Attributes(
        info.verb,
        info.namespace,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.name,
        True,
        info.path,
        request.param("labelSelector") if selects else "",
        request.param("fieldSelector") if selects else "",
    )


def failure(request: Request, error: Exception) -> Response:
    """A Status for whatever was raised; an error that is not ours is logged and becomes 500."""
    if isinstance(error, StatusError):
        return status_response(error)
    if isinstance(error, TooMany):
        return refusal.answer(error)
    if isinstance(error, Unavailable):
        return status_response(errors.service_unavailable(f"the store cannot answer now: {error}"))
    if isinstance(error, TimeoutError):
        return status_response(errors.timeout(TIMED_OUT))
    if isinstance(error, StoreError):
        return status_response(errors.internal_error(str(error)))
    log.exception("a handler failed", error, method=request.method, path=request.path)
    return status_response(errors.internal_error(f"{type(error).__name__}: {error}"))


def status_response(error: StatusError) -> Response:
    """The error as an answer, with Retry-After where it says when to come back."""
    headers: list[tuple[str, str]] = []
    retry = error.details.get("retryAfterSeconds")
    if retry:
        headers.append(("Retry-After", str(retry)))
    if error.code == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Response(error.code, msgspec.json.encode(error.status()), headers=headers)


def refuse(code: int, text: str, limit: int = 0) -> Response:
    """The answer to a request that the protocol could not read or that took too long."""
    known = {
        400: ("BadRequest", text),
        413: ("RequestEntityTooLarge", f"Request entity too large: limit is {limit}"),
        431: ("RequestHeaderFieldsTooLarge", text),
        504: ("Timeout", f"Timeout: {text}"),
    }
    reason, message = known.get(code, ("", text))
    return status_response(StatusError(code, reason, message))
