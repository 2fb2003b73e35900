"""The audit log at work: what happens to a request's record as the request goes on.

What: `Auditor`, which the handler chain tells of each stage. Why: the chain stays readable, and costs nothing while auditing
is off. Flow: `begin` decides the level → RequestReceived → `decided` → `finish`: ResponseComplete, or for streams
ResponseStarted now and ResponseComplete when the stream ends. Each event goes to every backend. Source:
apiserver/pkg/endpoints/filters/audit.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from kubelite.apiserver import metrics
from kubelite.apiserver.audit import event as events
from kubelite.apiserver.audit import policy as levels
from kubelite.apiserver.audit.event import Record
from kubelite.apiserver.audit.policy import COMPLETE, PANIC, RECEIVED, STARTED, Policy
from kubelite.apiserver.request import Request, Response, UserInfo

DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
FAILED_SECONDS = 504
Backend = Callable[[bytes, dict[str, Any]], None]
"""(the event's line, the event)."""

EVENTS = metrics.REGISTRY.counter(
    "apiserver_audit_event_total", "Counter of audit events generated and sent to the audit backend."
)
LEVELS = metrics.REGISTRY.counter(
    "apiserver_audit_level_total", "Counter of policy levels for audit events (1 per request).", ("level",)
)
ERRORS = metrics.REGISTRY.counter(
    "apiserver_audit_error_total",
    "Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.",
    ("plugin",),
)


class Auditor:
    """Implements `handlers.chain.Auditor`."""

    def __init__(self, policy: Policy, backends: Sequence[Backend]) -> None:
        self._policy = policy
        self._backends = tuple(backends)

    def begin(self, request: Request, user: UserInfo) -> None:
        self._start(request, user)

    def _start(self, request: Request, user: UserInfo | None) -> Record | None:
        decision = self._policy.decide(user, request.info)
        LEVELS.inc(levels.LEVELS[decision.level])
        if not decision.level:
            return None
        record = request.audit = Record(decision, request, user, events.now_text())
        if decision.level and request.body and request.info.is_resource:
            self._keep_body(record)
        sent, record.sent = record.sent, None  # the object is told once the answer is known
        self._emit(record, RECEIVED)
        record.sent = sent
        return record

    @staticmethod
    def _keep_body(record: Record) -> None:
        request = record.request
        kind = request.headers.get("content-type", "")
        if request.info.verb == "create" and "json" in kind:
            record.named = events.names_in(request.body)
        if record.decision.level >= levels.LEVELS.index(levels.REQUEST):
            managed = record.decision.omit_managed_fields
            record.sent = events.object_in(request.body, kind, without_managed_fields=managed)

    def decided(self, request: Request, allowed: bool, reason: str) -> None:
        request.annotations[DECISION] = "allow" if allowed else "forbid"
        request.annotations[REASON] = reason

    def refused(self, request: Request, answer: Response) -> None:
        record = self._start(request, None)
        if record is not None:
            record.status = events.status_in(answer)

    def finish(self, request: Request, answer: Response, *, panic: bool) -> Response:
        record: Record = request.audit
        record.status = events.status_in(answer)
        if panic:
            record.status = {
                "metadata": {},
                "status": "Failure",
                "message": "APIServer panic'd",
                "reason": "InternalError",
                "code": 500,
            }
            self._emit(record, PANIC)
            return answer
        if answer.takeover is not None:
            return self._follow(record, answer, answer.takeover)
        body = answer.body
        if not isinstance(body, bytes | list):
            self._emit(record, STARTED)
            answer.body = self._piecewise(record, body)
            return answer
        if not answer.status:
            self._emit(record, STARTED)
        elif record.decision.level == levels.LEVELS.index(levels.REQUEST_RESPONSE) and request.info.is_resource:
            joined = body if isinstance(body, bytes) else b"".join(body)
            managed = record.decision.omit_managed_fields
            record.response = events.object_in(joined, answer.content_type, without_managed_fields=managed)
        self._emit(record, COMPLETE)
        return answer

    def _follow(self, record: Record, answer: Response, start: Callable[[Any], None]) -> Response:
        """A watch: complete when its stream ends."""
        connection = record.request.connection

        def takeover(sink: Any) -> None:
            self._emit(record, STARTED)
            start(sink)
            stream = getattr(connection, "stream", None)
            if stream is None or stream.closed:
                self._emit(record, COMPLETE)
            else:
                stream.on_closed = lambda: self._emit(record, COMPLETE)

        return Response(answer.status, answer.body, answer.content_type, answer.headers, takeover)

    async def _piecewise(self, record: Record, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces:
                yield piece
        finally:
            close_pieces = getattr(pieces, "aclose", None)
            if close_pieces is not None:
                await close_pieces()
            self._emit(record, COMPLETE)

    def broke_off(self, request: Request) -> None:
        record: Record = request.audit
        record.status = {
            "metadata": {},
            "status": "Failure",
            "message": "Timeout: request did not complete within the allotted timeout",
            "reason": "Timeout",
            "code": FAILED_SECONDS,
        }
        self._emit(record, COMPLETE)

    def _emit(self, record: Record, stage: str) -> None:
        if stage in record.decision.omit_stages:
            return
        EVENTS.inc()
        value = events.event(record, stage)
        line = msgspec.json.encode(value) + b"\n"
        for backend in self._backends:
            backend(line, value)
