"""Reading and answering the objects that are asked about and not kept.

What: `read` a typed body, `created` the answer. Why: reviews and token requests share one form: POST, typed body, 201 with the
same object. Flow: the handlers of `access` and `tokens` use both.
"""

from __future__ import annotations

from typing import Any, TypeVar

from kubelite.apiserver.registry.ask import LOOPBACK, Ask
from kubelite.apiserver.registry.body import decode_body
from kubelite.apiserver.request import Request, Response
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

T = TypeVar("T")


def read(request: Request, type_: type[T], api_version: str) -> T:
    """The body as `type_`, whose name is its kind. Raises StatusError 400, 405 or 415."""
    if request.info.verb != "create":
        raise StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    ask = Ask(request.user or LOOPBACK, field_validation=request.param("fieldValidation") or "Warn")
    ask.warnings = request.warnings
    content_type = request.headers.get("content-type", "")
    found: T = decode_body(request.body, content_type, type_, api_version, type_.__name__, ask)
    return found


def created(obj: Any) -> Response:
    return Response(201, codec.encode(obj))
