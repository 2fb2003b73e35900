"""The chain that every request passes, in one function.

What: `Chain.handle`, the application of the HTTP protocol; `Chain._steps` is the chain. Why: the order (who, may they, is
there room, do it) is the security of the server and must be readable at a glance. Flow: request info → authentication → audit
→ impersonation → flow control → authorization → handler. `_steps` is a generator that yields whatever has to be awaited: as
long as nothing has to be, the request is answered at once and no task is made. `handle` never raises. Source of the order:
apiserver/pkg/server/config.go, DefaultBuildHandlerChain.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Generator
from itertools import count
from time import perf_counter
from types import CoroutineType
from typing import Any, Protocol

from kubelite.apiserver import metrics
from kubelite.apiserver.flowcontrol import Gate
from kubelite.apiserver.flowcontrol.inflight import READING
from kubelite.apiserver.flowcontrol.refusal import TooMany
from kubelite.apiserver.handlers import compress, impersonation, inprotobuf, pretty
from kubelite.apiserver.handlers.answers import attributes_of, failure, refuse, status_response, warning
from kubelite.apiserver.handlers.dispatch import Dispatcher
from kubelite.apiserver.handlers.info import is_long_running, request_info
from kubelite.apiserver.request import (
    Attributes,
    Authenticator,
    Authorizer,
    Handler,
    PathHandlers,
    Request,
    RequestInfo,
    Response,
    UserInfo,
)
from kubelite.machinery import errors, times
from kubelite.machinery.errors import StatusError

__all__ = ["Chain", "attributes_of", "failure", "refuse", "status_response", "warning"]

Steps = Generator[Awaitable[Any], Any, Response]
_ids = count(1)
_ID_START = f"{os.urandom(4).hex()}-{os.urandom(2).hex()}-4{os.urandom(2).hex()[1:]}-a{os.urandom(2).hex()[1:]}-"
SHUTTING_DOWN = "The apiserver is shutting down, please try again later."
MOST_ID = 64


class Auditor(Protocol):
    """The audit log, as the chain sees it."""

    def begin(self, request: Request, user: UserInfo) -> None:
        """Decides whether the request is audited (`request.audit`) and notes its arrival."""

    def decided(self, request: Request, allowed: bool, reason: str) -> None:
        """Notes what the authorizer said of an audited request."""

    def refused(self, request: Request, answer: Response) -> None:
        """Notes a request whose credentials were no good."""

    def finish(self, request: Request, answer: Response, *, panic: bool) -> Response:
        """Notes the answer of an audited request; the answer to send."""

    def broke_off(self, request: Request) -> None:
        """Notes an audited request whose handler was cancelled."""


class Tracing(Protocol):
    """Traces, as the chain sees them."""

    def begin(self, request: Request) -> None: ...

    def enter(self, request: Request) -> None:
        """The present task works for this request from now on."""

    def finish(self, request: Request, status: int) -> None: ...


class Aggregation(Protocol):
    """Other servers' group versions, as the chain sees them."""

    @property
    def remotes(self) -> Collection[Any]:
        """Empty while there are none."""

    def handler(self, request: Request) -> Handler | None:
        """What passes the request on; None for this server's own."""

    def serves(self, info: RequestInfo) -> bool:
        """Whether another server has such a resource."""


class Chain:
    """`refusal` builds the 403 for a user and attributes. `auditor` and `tracing` cost nothing while they are None."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        refusal: Callable[[UserInfo, Attributes, str], StatusError],
        dispatcher: Dispatcher,
        paths: PathHandlers,
        *,
        gate: Gate,
        timeout: float,
        auditor: Auditor | None = None,
        tracing: Tracing | None = None,
        aggregation: Aggregation | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._refusal = refusal
        self._dispatcher = dispatcher
        self._exact = {path: handler for path, handler in paths.items() if not path.endswith("/") or path == "/"}
        self._below = sorted((path for path in paths if path.endswith("/") and path != "/"), key=len, reverse=True)
        self._paths = paths
        self._gate = gate
        self._timeout = timeout
        self._auditor = auditor
        self._tracing = tracing
        self._aggregation = aggregation
        self.closed = False
        """Refuses every request with 429 and Retry-After: the server is about to end."""

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """The answer, or an awaitable of it. Every failure is an answer too."""
        request.started = perf_counter()
        try:
            self._identify(request)
            request.info = request_info(request)
            if self._tracing is not None:
                self._tracing.begin(request)
            steps = self._steps(request)
            waiting = steps.send(None)
        except StopIteration as done:
            return self._finish(request, done.value)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a Status
            return self._fail(request, error)
        return self._later(request, steps, waiting)

    def _steps(self, request: Request) -> Steps:
        """The chain. Yields what has to be awaited and gets the result; raises what the steps raise."""
        if self.closed:
            raise errors.too_many_requests(SHUTTING_DOWN, 5)
        user = self._authenticator.authenticate(request)
        if user is not None and not isinstance(user, UserInfo):
            user = yield user
        if user is None:
            raise errors.unauthorized()
        if self._auditor is not None:
            self._auditor.begin(request, user)
        acting = impersonation.apply(request, user, self._authorizer, self._refusal, lambda: attributes_of(request))
        if not isinstance(acting, UserInfo):
            acting = yield acting
        request.user = acting
        info = request.info
        long = info.is_resource and is_long_running(info, request)
        if not long:
            request.deadline = self._deadline(request)
        held: Any = self._gate.enter(request, long=long)
        if isinstance(held, CoroutineType):
            held = yield held
        try:
            yield from self._authorize(request, acting)
            answer = self._handler(request)(request)
            if not isinstance(answer, Response):
                answer = yield answer
            return answer
        finally:
            if held is not None:
                held.leave()

    def _handler(self, request: Request) -> Handler:
        """Another server's, or this one's own for resources and for paths."""
        if self._aggregation is not None and self._aggregation.remotes:
            found = self._aggregation.handler(request)
            if found is not None:
                return found
        return self._dispatcher.handle if request.info.is_resource else self._path(request)

    def _serves(self, info: RequestInfo) -> bool:
        """Whether this server or another one has such a resource: only then its names may label metrics."""
        others = self._aggregation
        return self._dispatcher.serves(info) or (others is not None and bool(others.remotes) and others.serves(info))

    def _authorize(self, request: Request, user: UserInfo) -> Generator[Awaitable[Any], Any, None]:
        """Raises 403 if the user may not."""
        attributes = attributes_of(request)
        decision = self._authorizer.authorize(user, attributes)
        if not isinstance(decision, tuple):
            decision = yield decision
        if request.audit is not None:
            yield from self._explain(request, attributes, decision)
        if not decision[0]:
            raise self._refusal(user, attributes, decision[1])

    def _explain(
        self, request: Request, attributes: Attributes, decision: tuple[bool, str]
    ) -> Generator[Awaitable[Any], Any, None]:
        """Tells the audit log what was decided, with the reason of a success, which `authorize` leaves out."""
        reason = decision[1]
        review = getattr(self._authorizer, "review", None)
        if decision[0] and not reason and review is not None:
            found = review(request.user, attributes)
            if isinstance(found, Awaitable):
                found = yield found
            reason = getattr(found, "reason", "")
        if self._auditor is not None:
            self._auditor.decided(request, decision[0], reason)

    @staticmethod
    def _identify(request: Request) -> None:
        """Every request has an id, its client's or ours, and is answered with it."""
        asked = request.headers.get("audit-id", "")
        known = asked[:MOST_ID] if asked.isprintable() and asked.isascii() else ""
        request.audit_id = known or f"{_ID_START}{next(_ids):012x}"
        request.reply_head = b"Audit-Id: %b\r\n" % request.audit_id.encode()

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

    async def _later(self, request: Request, steps: Steps, waiting: Awaitable[Any]) -> Response:
        """Goes on with the steps in a task of the request's own."""
        counted = metrics.IN_FLIGHT[request.info.verb in READING]
        counted.enter()
        timer = self._timer(request)
        if self._tracing is not None:
            self._tracing.enter(request)
        try:
            while True:
                try:
                    value = await waiting
                except BaseException as error:  # noqa: BLE001 - the steps themselves say what becomes of it
                    waiting = steps.throw(error)
                else:
                    waiting = steps.send(value)
                if timer is None:
                    timer = self._timer(request)
        except StopIteration as done:
            finished = self._finish(request, done.value)
        except asyncio.CancelledError:
            self._broke_off(request)
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a Status
            finished = self._fail(request, error)
        finally:
            counted.leave()
            if timer is not None:
                timer.cancel()
        return finished if isinstance(finished, Response) else await finished

    @staticmethod
    def _timer(request: Request) -> asyncio.TimerHandle | None:
        """Ends a request at the second that its client named; the listener's sweep ends the others."""
        if not request.deadline or "timeout=" not in request.raw_query:
            return None
        task = asyncio.current_task()
        if task is None:
            return None
        return asyncio.get_running_loop().call_at(request.deadline, task.cancel)

    def _fail(self, request: Request, error: Exception) -> Response | Awaitable[Response]:
        answer = failure(request, error)
        if self._auditor is not None and request.audit is None and answer.status == 401:
            self._auditor.refused(request, answer)
        if answer.status in (429, 500, 504):
            metrics.terminated(request.info, answer.status, self._serves)
        known = isinstance(error, StatusError | TooMany) or answer.status != 500
        return self._finish(request, answer, panic=not known)

    def _broke_off(self, request: Request) -> None:
        """The task was cancelled: the time is over, or the client is gone."""
        metrics.observe(request, None, perf_counter() - request.started, self._serves, code=504)
        metrics.terminated(request.info, 504, self._serves)
        if request.audit is not None and self._auditor is not None:
            self._auditor.broke_off(request)
        if self._tracing is not None:
            self._tracing.finish(request, 504)

    def _finish(self, request: Request, answer: Response, *, panic: bool = False) -> Response | Awaitable[Response]:
        """Metrics, warnings, audit, protobuf, compression."""
        metrics.observe(request, answer, perf_counter() - request.started, self._serves)
        if request.warnings:
            answer.headers = [
                *answer.headers,
                *(("Warning", warning(text)) for text in dict.fromkeys(request.warnings)),
            ]
        if request.audit is not None and self._auditor is not None:
            answer = self._auditor.finish(request, answer, panic=panic)
        if self._tracing is not None:
            self._tracing.finish(request, answer.status)
        if inprotobuf.wanted(request):
            return inprotobuf.encoded(request, answer)
        if answer.takeover is None and pretty.wanted(request, answer):
            answer = pretty.indented(answer)
        if answer.takeover is None and compress.wanted(request, answer):
            return compress.compressed(answer)
        return answer
