"""The events of the audit log.

What: `Record`, what is known of one audited request, and `event(record, stage)`, its JSON. Why: the shape is upstream's, so
that tools that read Kubernetes' audit logs work. Flow: `auditor` fills a record as the request goes on. Objects go in as the
bytes that they came as wherever they are JSON. Source: apiserver/pkg/apis/audit/v1/types.go, apiserver/pkg/audit/request.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.apiserver.audit.policy import API_VERSION, LEVELS, REQUEST, Decision
from kubelite.apiserver.request import Request, RequestInfo, Response, UserInfo

MOST_AGENT = 1024
PATCHES = "patch.webhook.admission.k8s.io/"
"""Annotations that say what a webhook changed."""


@dataclass(slots=True)
class Record:
    """One audited request."""

    decision: Decision
    request: Request
    user: UserInfo | None
    received: str
    status: dict[str, Any] | None = None
    response: Any = None
    """The answer's object, if the level keeps it."""
    sent: Any = None
    """The request's object, if the level keeps it."""
    named: dict[str, str] = field(default_factory=dict)
    """Name, namespace and so on that only the object tells."""


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def source_ips(request: Request) -> list[str]:
    """Where the request came from, as far as proxies tell: the farthest first."""
    found = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",") if one.strip()]
    real = request.headers.get("x-real-ip", "").strip()
    if real and real not in found:
        found.append(real)
    peer = request.connection.peer_address if request.connection is not None else ""
    if peer and (not found or found[-1] != peer):
        found.append(peer)
    return found


def user_value(user: UserInfo) -> dict[str, Any]:
    """A user as authentication.k8s.io/v1 UserInfo."""
    out: dict[str, Any] = {"username": user.name}
    if user.uid:
        out["uid"] = user.uid
    if user.groups:
        out["groups"] = list(user.groups)
    if user.extra:
        out["extra"] = {key: list(values) for key, values in user.extra.items()}
    return out


def _object_ref(info: RequestInfo, named: dict[str, str]) -> dict[str, str]:
    found = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": info.name,
        "uid": "",
        "apiGroup": info.group,
        "apiVersion": info.version,
        "resourceVersion": "",
        "subresource": info.subresource,
    }
    for key, value in named.items():
        found[key] = found.get(key) or value
    return {key: value for key, value in found.items() if value}


def event(record: Record, stage: str) -> dict[str, Any]:
    """The event of a stage."""
    request, info = record.request, record.request.info
    query = f"?{request.raw_query}" if request.raw_query else ""
    out: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": API_VERSION,
        "level": LEVELS[record.decision.level],
        "auditID": request.audit_id,
        "stage": stage,
        "requestURI": f"{request.path}{query}",
        "verb": info.verb,
        "user": user_value(record.user) if record.user is not None else {},
    }
    acting = request.user
    if acting is not None and record.user is not None and acting is not record.user:
        out["impersonatedUser"] = user_value(acting)
    out["sourceIPs"] = source_ips(request)
    agent = request.headers.get("user-agent", "")
    if agent:
        out["userAgent"] = agent if len(agent) <= MOST_AGENT else f"{agent[:MOST_AGENT]}...TRUNCATED"
    if info.is_resource:
        out["objectRef"] = _object_ref(info, record.named)
    if record.status is not None:
        out["responseStatus"] = record.status
    if record.sent is not None:
        out["requestObject"] = record.sent
    if record.response is not None:
        out["responseObject"] = record.response
    out["requestReceivedTimestamp"] = record.received
    out["stageTimestamp"] = now_text()
    annotations = _annotations(request, record.decision.level)
    if annotations:
        out["annotations"] = annotations
    return out


def _annotations(request: Request, level: int) -> dict[str, str]:
    """Without the patches of webhooks where the objects are not to be kept either."""
    if level >= LEVELS.index(REQUEST):
        return dict(request.annotations)
    return {key: text for key, text in request.annotations.items() if not key.startswith(PATCHES)}


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""


class _Named(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def names_in(body: bytes) -> dict[str, str]:
    """What the object of a request says of itself."""
    try:
        metadata = msgspec.json.decode(body, type=_Named).metadata
    except (msgspec.DecodeError, msgspec.ValidationError):
        return {}
    found = msgspec.structs.asdict(metadata)
    return {key: value for key, value in found.items() if value}


def object_in(body: bytes, content_type: str, *, without_managed_fields: bool) -> Any:
    """An object for the log; None for what is no object (text, a stream)."""
    if not body:
        return None
    if "protobuf" in content_type:
        return _of_protobuf(body)
    if "yaml" in content_type:
        import yaml

        try:
            return _stripped(yaml.safe_load(body), without_managed_fields)
        except yaml.YAMLError:
            return None
    if "json" not in content_type and content_type:
        return None
    try:
        if not without_managed_fields or b'"managedFields"' not in body:
            msgspec.json.decode(body, type=msgspec.Raw)
            return msgspec.Raw(body)
        return _stripped(msgspec.json.decode(body), without_managed_fields)
    except msgspec.DecodeError:
        return None


def _of_protobuf(body: bytes) -> Any:
    from kubelite.api import wire
    from kubelite.machinery.errors import StatusError

    try:
        return wire.decode(body)
    except (StatusError, ValueError):
        return None


def _stripped(value: Any, wanted: bool) -> Any:
    if wanted and isinstance(value, dict):
        for one in (value, *(value.get("items") or ())):
            if isinstance(one, dict) and isinstance(one.get("metadata"), dict):
                one["metadata"].pop("managedFields", None)
    return value


def status_in(answer: Response) -> dict[str, Any]:
    """`responseStatus`: the code, and for a failure what the Status says."""
    code = answer.status or 101
    out: dict[str, Any] = {"metadata": {}}
    if code >= 400 and isinstance(answer.body, bytes) and answer.body.startswith(b'{"kind":"Status"'):
        found = msgspec.json.decode(answer.body)
        out.update({key: found[key] for key in ("status", "message", "reason", "details") if key in found})
    out["code"] = code
    return out
