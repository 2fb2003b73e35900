"""The chain that every request passes, in one function.

What: `Chain.handle`, the application of the HTTP protocol. Why: the order (who, may they, is there room, do it) is
the security of the server and must be readable at a glance. Flow: request info → authentication → impersonation →
flow control → authorization → handler; `audit` sees the beginning and the end. It answers synchronously as long as
nothing has to be awaited, and never raises. Source of the order: apiserver/pkg/server/config.go,
DefaultBuildHandlerChain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

import msgspec

from kubelite.apiserver.handlers import compress, impersonation, inprotobuf
from kubelite.apiserver.handlers.dispatch import Dispatcher
from kubelite.apiserver.handlers.info import is_long_running, request_info
from kubelite.apiserver.metrics import observe
from kubelite.apiserver.request import (
    Attributes,
    Authenticator,
    Authorizer,
    Handler,
    PathHandlers,
    Request,
    Response,
    UserInfo,
)
from kubelite.machinery import errors, times
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError, Unavailable
from kubelite.util.log import get_logger

log = get_logger(__name__)

READING = frozenset(("get", "list", "watch", "head", "options"))
Audit = Callable[[str, Request, Response | None], None]
"""("RequestReceived" or "ResponseComplete", request, response)."""


@dataclass(slots=True)
class InFlight:
    """Requests that are being awaited now, of one sort, and how many may be."""

    limit: int
    now: int = 0


class Chain:
    """`refusal` builds the 403 for a user and attributes."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        refusal: Callable[[UserInfo, Attributes, str], StatusError],
        dispatcher: Dispatcher,
        paths: PathHandlers,
        *,
        max_reading: int,
        max_writing: int,
        timeout: float,
        audit: Audit | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._refusal = refusal
        self._dispatcher = dispatcher
        self._exact = {path: handler for path, handler in paths.items() if not path.endswith("/") or path == "/"}
        self._below = sorted((path for path in paths if path.endswith("/") and path != "/"), key=len, reverse=True)
        self._paths = paths
        self._reading = InFlight(max_reading)
        self._writing = InFlight(max_writing)
        self._timeout = timeout
        self._audit = audit

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """The answer, or an awaitable of it. Every failure is an answer too."""
        request.started = perf_counter()
        try:
            request.info = request_info(request)
            if self._audit is not None:
                self._audit("RequestReceived", request, None)
            user = self._authenticator.authenticate(request)
            if user is not None and not isinstance(user, UserInfo):
                return self._finish_later(request, self._slowly(request, user))
            return self._authenticated(request, user)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a Status
            return self._finish(request, failure(request, error))

    def _authenticated(self, request: Request, user: UserInfo | None) -> Response | Awaitable[Response]:
        """From the known user on, at once as long as nothing has to be asked elsewhere. Raises what the steps raise."""
        acting = self._acting(request, user)
        if not isinstance(acting, UserInfo):
            return self._finish_later(request, self._slowly(request, acting=acting))
        room = self._enter(request, acting)
        attributes = attributes_of(request)
        decision = self._authorizer.authorize(acting, attributes)
        if not isinstance(decision, tuple):
            return self._finish_later(request, self._slowly(request, decision=decision), room=room)
        if not decision[0]:
            raise self._refusal(acting, attributes, decision[1])
        answer = self._dispatch(request)
        if isinstance(answer, Response):
            return self._finish(request, answer)
        return self._finish_later(request, answer, room=room)

    async def _slowly(
        self,
        request: Request,
        user: Awaitable[UserInfo | None] | None = None,
        acting: Awaitable[UserInfo] | None = None,
        decision: Awaitable[tuple[bool, str]] | None = None,
    ) -> Response:
        """The same steps, from the first one that has to wait: a webhook or a provider's keys are being asked."""
        room: InFlight | None = None
        if decision is None:
            found = await acting if acting is not None else self._acting(request, await user if user else None)
            found = found if isinstance(found, UserInfo) else await found
            room = self._enter(request, found)
            said = self._authorizer.authorize(found, attributes_of(request))
            allowed, reason = said if isinstance(said, tuple) else await said
        else:
            allowed, reason = await decision
        if not allowed:
            assert request.user is not None
            raise self._refusal(request.user, attributes_of(request), reason)
        answer = self._dispatch(request)
        if isinstance(answer, Response):
            return answer
        return await (_counted(answer, room) if room is not None else answer)

    def _acting(self, request: Request, user: UserInfo | None) -> UserInfo | Awaitable[UserInfo]:
        if user is None:
            raise errors.unauthorized()
        return impersonation.apply(request, user, self._authorizer, self._refusal, lambda: attributes_of(request))

    def _enter(self, request: Request, user: UserInfo) -> InFlight | None:
        """Notes the user, and finds room and a deadline for the request; None for long-running ones."""
        request.user = user
        info = request.info
        if info.is_resource and is_long_running(info, request):
            return None
        room = self._reading if info.verb in READING else self._writing
        if room.now >= room.limit:
            raise errors.too_many_requests("The apiserver has received too many requests, please try again later.")
        request.deadline = self._deadline(request)
        return room

    def _dispatch(self, request: Request) -> Response | Awaitable[Response]:
        return self._dispatcher.handle(request) if request.info.is_resource else self._path(request)(request)

    def _deadline(self, request: Request) -> float:
        seconds = self._timeout
        if "timeout=" in request.raw_query:
            text = request.param("timeout")
            try:
                asked = times.parse_duration(text) if text else 0.0
            except ValueError:
                raise errors.bad_request(f'invalid timeout specified in the request URL: "{text}"') from None
            seconds = min(seconds, asked) if asked > 0 else seconds
        return asyncio.get_running_loop().time() + seconds

    def _path(self, request: Request) -> Handler:
        path = request.path
        handler = self._exact.get(path) or self._exact.get(path.rstrip("/"))
        if handler is None:
            for prefix in self._below:
                if path.startswith(prefix) or path == prefix[:-1]:
                    return self._paths[prefix]
            raise errors.path_not_found()
        return handler

    async def _finish_later(
        self, request: Request, work: Awaitable[Response], *, room: InFlight | None = None
    ) -> Response:
        if room is not None:
            room.now += 1
        try:
            answer = await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a Status
            answer = failure(request, error)
        finally:
            if room is not None:
                room.now -= 1
        finished = self._finish(request, answer)
        return finished if isinstance(finished, Response) else await finished

    def _finish(self, request: Request, answer: Response) -> Response | Awaitable[Response]:
        """Metrics, warnings, protobuf, compression, audit."""
        observe(
            request.info, answer.status or 101, perf_counter() - request.started, dry_run="dryRun" in request.raw_query
        )
        if request.warnings:
            answer.headers = [
                *answer.headers,
                *(("Warning", warning(text)) for text in dict.fromkeys(request.warnings)),
            ]
        if self._audit is not None:
            self._audit("ResponseComplete", request, answer)
        if inprotobuf.wanted(request):
            return inprotobuf.encoded(request, answer)
        if answer.takeover is None and compress.wanted(request, answer):
            return compress.compressed(answer)
        return answer


async def _counted(work: Awaitable[Response], room: InFlight) -> Response:
    room.now += 1
    try:
        return await work
    finally:
        room.now -= 1


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
    if isinstance(error, Unavailable):
        return status_response(errors.service_unavailable(f"the store cannot answer now: {error}"))
    if isinstance(error, TimeoutError):
        return status_response(errors.timeout("request did not complete within the allotted timeout"))
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
