"""What an admission plugin is, and how it refuses.

What: the base `Plugin`, the refusal `denied`, and the retryable lookups' narrow reader. Why: a plugin is a name, the requests
it looks at, and one or two small methods. Flow: `chain` asks `handles` once per kind of request and remembers the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


class Plugin:
    """Does nothing; subclasses override what they need. A method may answer at once or return an awaitable."""

    name = ""
    """Upstream's name, as in --enable-admission-plugins."""
    default = True
    """Runs unless it is turned off; others run only where they are turned on."""

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        """Whether `mutate` and `validate` are to be called for such requests."""
        return True

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        """Changes `request.object` in place, idempotently, or raises a StatusError."""
        return None

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        """Raises a StatusError to refuse; changes nothing."""
        return None

    async def close(self) -> None:
        """Lets go of what is outside the process."""


def denied(request: AdmissionRequest, why: str) -> errors.StatusError:
    """403 that names the object (apiserver/pkg/admission/errors.go)."""
    return errors.forbidden(request.kind.group, request.kind.plural, _shown_name(request.name, request.object), why)


def _shown_name(name: str, obj: Any) -> str:
    if name or obj is None:
        return name or "Unknown"
    return obj.metadata.name or obj.metadata.generateName or "Unknown"
