"""Who may use the kubelet's API: client certificates and tokens, then a SubjectAccessReview, both answers cached.

What: `Gate.check`. Why: exec and logs of every pod of the node lie behind this door. Flow: TLS peer or bearer token → user → verb
and node subresource → the API server's yes or no. Source: pkg/kubelet/server/auth.go, apiserver delegating authn and authz.
Caches: 1 024 entries each; allowed 5 min, denied 30 s, tokens 2 min.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec

from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.http.http1 import HttpError, Request
from kubelite.kubelet.interfaces import Context
from kubelite.machinery.errors import StatusError

V = TypeVar("V")
ALLOWED_SECONDS: Final = 300.0
DENIED_SECONDS: Final = 30.0
TOKEN_SECONDS: Final = 120.0
CACHE_SIZE: Final = 1024
SUPERUSERS: Final = "system:masters"
VERBS: Final = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
SUBRESOURCES: Final = (("/stats", "stats"), ("/metrics", "metrics"), ("/logs", "log"), ("/checkpoint", "checkpoint"))
FINE_GRAINED: Final = (("/pods", "pods"), ("/runningpods", "pods"), ("/healthz", "healthz"), ("/configz", "configz"))


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict, hash=False)


ANONYMOUS: Final = User("system:anonymous", ("system:unauthenticated",))


class _Cache(Generic[V]):
    """Answers with an end; the oldest go when it is full."""

    def __init__(self) -> None:
        self._items: OrderedDict[object, tuple[float, V]] = OrderedDict()

    def get(self, key: object) -> V | None:
        item = self._items.get(key)
        return item[1] if item is not None and time.monotonic() < item[0] else None

    def put(self, key: object, value: V, seconds: float) -> None:
        self._items[key] = time.monotonic() + seconds, value
        self._items.move_to_end(key)
        while len(self._items) > CACHE_SIZE:
            self._items.popitem(last=False)


class Gate:
    """Authentication and authorization of one kubelet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tokens: _Cache[User] = _Cache()
        self._answers: _Cache[bool] = _Cache()

    async def check(self, request: Request) -> User:
        """The user, when the request is allowed. Raises HttpError 401 or 403, 500 when nobody can be asked."""
        user = await self._authenticate(request)
        if self._context.config.authorization_mode == "AlwaysAllow" or SUPERUSERS in user.groups:
            return user
        verb = VERBS.get(request.method, request.method.lower())
        names = subresources(request.path)
        for name in names:
            if await self._allowed(user, verb, name):
                return user
        shown = " ".join(names)
        text = f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{shown}])\n"
        raise HttpError(403, text)

    async def _authenticate(self, request: Request) -> User:
        peer: Any = request.writer.get_extra_info("peercert")
        if peer:
            return certificate_user(peer)
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme.lower() == "bearer" and token:
            user = await self._token_user(token.strip())
            if user is not None:
                return user
        elif self._context.config.anonymous_auth:
            return ANONYMOUS
        raise HttpError(401, "Unauthorized")

    async def _token_user(self, token: str) -> User | None:
        key = hashlib.sha256(token.encode()).digest()
        user = self._tokens.get(key)
        if user is None:
            answer = await self._ask("authentication.k8s.io", "TokenReview", "tokenreviews", {"token": token})
            status = answer.get("status") or {}
            if not status.get("authenticated"):
                return None
            about = status.get("user") or {}
            name, groups = str(about.get("username", "")), tuple(about.get("groups") or ())
            user = User(name, groups, str(about.get("uid", "")), about.get("extra") or {})
            self._tokens.put(key, user, TOKEN_SECONDS)
        return user

    async def _allowed(self, user: User, verb: str, subresource: str) -> bool:
        key = (user.name, user.groups, verb, subresource)
        known = self._answers.get(key)
        if known is not None:
            return known
        attributes = {
            "verb": verb,
            "version": "v1",
            "resource": "nodes",
            "subresource": subresource,
            "name": self._context.node_name,
        }
        spec: dict[str, Any] = {"user": user.name, "groups": list(user.groups), "resourceAttributes": attributes}
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = dict(user.extra)
        answer = await self._ask("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", spec)
        allowed = bool((answer.get("status") or {}).get("allowed"))
        self._answers.put(key, allowed, ALLOWED_SECONDS if allowed else DENIED_SECONDS)
        return allowed

    async def _ask(self, group: str, kind: str, plural: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": spec}
        try:
            answer = await self._context.client.request(
                "POST",
                f"/apis/{group}/v1/{plural}",
                body=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
            )
        except (StatusError, ConnectionFailed) as error:
            raise HttpError(500, f"Authorization error: {error}\n") from error
        value: dict[str, Any] = msgspec.json.decode(answer.body)
        return value


def certificate_user(peer: Mapping[str, Any]) -> User:
    """The user of a verified client certificate: common name, organizations as groups."""
    pairs = [pair for part in peer.get("subject", ()) for pair in part]
    name = next((value for key, value in pairs if key == "commonName"), "")
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return User(name, (*groups, "system:authenticated"))


def subresources(path: str) -> tuple[str, ...]:
    """The subresources of nodes, any of which opens `path`."""
    for prefix, name in SUBRESOURCES:
        if path == prefix or path.startswith(prefix + "/"):
            return (name,)
    for prefix, name in FINE_GRAINED:
        if path == prefix or path.startswith(prefix + "/"):
            return (name, "proxy")
    return ("proxy",)
