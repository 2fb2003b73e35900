"""EventRateLimit: events come no faster than what was configured, so that they cannot fill the store.

What: token buckets for the server, each namespace, user, or source and object. Flow: a new or changed Event takes a token
from each bucket; without one it is refused with 429. Source: plugin/pkg/admission/eventratelimit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.admission.settings import only
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

TYPES = ("Server", "Namespace", "User", "SourceAndObject")
CACHE = 4096
"""How many buckets a limit keeps; the ones that were not used for longest are forgotten."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Limit:
    type: str
    qps: float
    burst: int
    size: int
    buckets: OrderedDict[Any, _Bucket] = field(default_factory=OrderedDict)

    def take(self, key: Any, now: float) -> bool:
        """Whether there was a token."""
        bucket = self.buckets.pop(key, None) or _Bucket(self.burst, now)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.qps)
        bucket.at = now
        self.buckets[key] = bucket
        if len(self.buckets) > self.size:
            self.buckets.popitem(last=False)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class EventRateLimit(Plugin):
    """`now` is a monotonic clock in seconds. Raises ValueError for a configuration that makes no sense."""

    name = "EventRateLimit"
    default = False

    def __init__(self, now: Callable[[], float], configuration: dict[str, Any] | None = None) -> None:
        self._now = now
        self._limits = []
        for one in only(configuration or {}, ("limits",), self.name).get("limits") or ():
            settings = only(one, ("type", "qps", "burst", "cacheSize"), self.name)
            qps, burst = settings.get("qps") or 0, settings.get("burst") or 0
            if settings.get("type") not in TYPES or qps <= 0 or burst < qps:
                raise ValueError(
                    f"configuration of {self.name}: want a type of {', '.join(TYPES)} and 0 < qps <= burst: {one}"
                )
            self._limits.append(_Limit(settings["type"], qps, burst, settings.get("cacheSize") or CACHE))

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Event" and operation in (CREATE, UPDATE) and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        if request.dry_run:
            return
        now = self._now()
        refused = [limit.type for limit in self._limits if not limit.take(_key(limit.type, request), now)]
        if refused:
            raise errors.too_many_requests(f"limit reached on type {' and '.join(refused)} for key")


def _key(type_: str, request: AdmissionRequest) -> Any:
    if type_ == "Server":
        return ""
    if type_ == "Namespace":
        return request.namespace
    if type_ == "User":
        return request.user.name if request.user is not None else ""
    event = request.object
    about, source = event.involvedObject, event.source
    return (
        source.component if source else "", source.host if source else "", about.kind, about.namespace, about.name,
        about.uid, about.apiVersion,
    )  # fmt: skip
