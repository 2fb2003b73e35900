"""The one error tree of the API: `StatusError` and a constructor for each reason.

What: an exception that is the `Status` object which Kubernetes puts on the wire.
Why: server, client and CLI speak of the same failures; the server raises them, the wire carries them, the client raises
them again. Flow: raised anywhere → `StatusError.status()` → JSON → `StatusError.from_status()`.
The texts follow apimachinery/pkg/api/errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.machinery.fielderrors import FieldError


class StatusError(Exception):
    """A failed request, as the API reports it.

    `code` is the HTTP status, `reason` the machine-readable word, `details` the `Status.details` object (name, group,
    kind, uid, causes, retryAfterSeconds).
    """

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: dict[str, Any] = dict(details or {})

    def status(self) -> dict[str, Any]:
        """The `Status` object, ready to be encoded."""
        out: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        if not self.details:
            del out["details"]
        if not self.reason:
            del out["reason"]
        return out

    @classmethod
    def from_status(cls, status: Mapping[str, Any], code: int = 0) -> StatusError:
        """The error that a `Status` object from the wire stands for; `code` is used when the object has none."""
        return cls(
            int(status.get("code") or code or 500),
            str(status.get("reason") or ""),
            str(status.get("message") or ""),
            status.get("details") or {},
        )


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, or `pods` for the core group."""
    return f"{resource}.{group}" if group else resource


def _details(group: str, resource: str, name: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name, "group": group, "kind": resource}
    details.update(more)
    return {key: value for key, value in details.items() if value}


def not_found(group: str, resource: str, name: str) -> StatusError:
    message = f'{qualified(resource, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(group, resource, name))


def path_not_found() -> StatusError:
    """404 for a URL that names no resource."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def path_method_not_allowed() -> StatusError:
    """405 for a URL that knows other methods."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def already_exists(group: str, resource: str, name: str) -> StatusError:
    message = f'{qualified(resource, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(group, resource, name))


def conflict(group: str, resource: str, name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(group, resource, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def modified(group: str, resource: str, name: str) -> StatusError:
    """409 for a stale resourceVersion."""
    return conflict(group, resource, name, MODIFIED)


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 with a cause per field; `kind` is the kind's name ("Deployment"), not the resource."""
    texts = [str(error) for error in errors]
    unique = list(dict.fromkeys(texts))
    summary = unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
    message = (
        f'{qualified(kind, group)} "{name}" is invalid: {summary}'
        if unique
        else f'{qualified(kind, group)} "{name}" is invalid'
    )
    causes = [{"reason": e.type, "message": e.body(), "field": e.field} for e in errors]
    return StatusError(422, "Invalid", message, _details(group, kind, name, causes=causes))


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> StatusError:
    return StatusError(401, "Unauthorized", message)


def forbidden(group: str, resource: str, name: str, why: str) -> StatusError:
    if not resource:
        return StatusError(403, "Forbidden", f"forbidden: {why}")
    subject = f'{qualified(resource, group)} "{name}"' if name else qualified(resource, group)
    return StatusError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(group, resource, name))


def method_not_allowed(group: str, resource: str, verb: str) -> StatusError:
    message = f'{verb} is not supported on resources of kind "{qualified(resource, group)}"'
    return StatusError(405, "MethodNotAllowed", message, _details(group, resource, ""))


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return StatusError(415, "UnsupportedMediaType", message)


def expired(message: str) -> StatusError:
    """410 for a compacted list continuation or resource version."""
    return StatusError(410, "Expired", message)


def gone(message: str) -> StatusError:
    return StatusError(410, "Gone", message)


def too_large(limit: int) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def too_many_requests(message: str, retry_after: int = 1) -> StatusError:
    return StatusError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after})


def timeout(message: str, retry_after: int = 0) -> StatusError:
    details = {"retryAfterSeconds": retry_after} if retry_after else {}
    return StatusError(504, "Timeout", f"Timeout: {message}", details)


def server_timeout(group: str, resource: str, verb: str, retry_after: int) -> StatusError:
    message = f"The {verb} operation against {qualified(resource, group)} could not be completed at this time, please try again."
    return StatusError(500, "ServerTimeout", message, _details(group, resource, verb, retryAfterSeconds=retry_after))


def too_large_resource_version(wanted: int, current: int) -> StatusError:
    """504 for a list at a revision the server has not reached (storage.NewTooLargeResourceVersionError)."""
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return StatusError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def service_unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def internal_error(message: str) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})
