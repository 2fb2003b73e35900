"""Asking a webhook whether somebody may do something.

What: `WebhookMode.decide`. Why: organizations have policies of their own beside RBAC. Flow: match conditions (CEL)
choose the requests; a SubjectAccessReview goes to the endpoint of a kubeconfig; permissions and refusals are
remembered for their own times. A webhook that fails or is slow has no opinion, or denies if its `failurePolicy` says
so; nothing is remembered of it.
Source: apiserver/plugin/pkg/authorizer/webhook/webhook.go.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.apiserver.authn.expressions import Expression, ExpressionFailed
from kubelite.apiserver.authn.remote import RemoteFailed, Webhook
from kubelite.apiserver.authz.chain import Decision, Remote
from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery import fields, labels
from kubelite.util.log import get_logger

log = get_logger(__name__)

GROUP = "authorization.k8s.io"
REMEMBERED = 8192
MAX_KEY = 10_000
"""Longer questions (in characters) are not remembered (maxControllerAttrCacheSize)."""
NO_OPINION = Decision(False)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """How a webhook is asked. `allowed_seconds` and `refused_seconds`: how long its decisions are remembered; 0 not at all."""

    name: str = ""
    version: str = "v1"
    allowed_seconds: float = 300.0
    refused_seconds: float = 30.0
    deny_on_failure: bool = False
    conditions: tuple[Expression, ...] = ()


class WebhookMode(Remote):
    """The authorizer."""

    def __init__(self, webhook: Webhook, settings: WebhookSettings) -> None:
        if settings.version not in ("v1", "v1beta1"):
            raise ValueError(f"unsupported webhook authorizer version {settings.version!r}, known are v1 and v1beta1")
        self.webhook = webhook
        self._settings = settings
        self._known: OrderedDict[str, tuple[float, Decision]] = OrderedDict()

    def unlisted(self, user: UserInfo) -> str:
        """Why the rights cannot be listed."""
        return "webhook authorizer does not support user rule resolution"

    async def decide(self, user: UserInfo, attributes: Attributes) -> Decision:
        """Its decision; a failure is `Decision.error`."""
        spec = review_spec(user, attributes)
        skipped = self._unmatched(spec)
        if skipped is not None:
            return skipped
        key = repr(spec)
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            decision = _decision(await self.webhook.ask(self._review(spec)))
        except RemoteFailed as error:
            log.warning("An authorization webhook failed", webhook=self._settings.name, error=str(error))
            return Decision(False, denied=self._settings.deny_on_failure, error=str(error))
        self._remember(key, decision)
        return decision

    def _review(self, spec: dict[str, Any]) -> dict[str, Any]:
        version = self._settings.version
        if version == "v1beta1":
            spec = {("group" if name == "groups" else name): value for name, value in spec.items()}
        return {
            "kind": "SubjectAccessReview",
            "apiVersion": f"{GROUP}/{version}",
            "metadata": {},
            "spec": spec,
            "status": {"allowed": False},
        }

    def _remember(self, key: str, decision: Decision) -> None:
        seconds = self._settings.allowed_seconds if decision.allowed else self._settings.refused_seconds
        if seconds <= 0 or len(key) > MAX_KEY:
            return
        self._known[key] = (time.monotonic() + seconds, decision)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _unmatched(self, spec: dict[str, Any]) -> Decision | None:
        """The decision for a request that the webhook is not to be asked about; None if it is."""
        failure = ""
        for condition in self._settings.conditions:
            try:
                if condition.value({"request": spec}) is not True:
                    return NO_OPINION
            except ExpressionFailed as error:
                failure = failure or str(error)
        if not failure:
            return None
        return Decision(False, denied=self._settings.deny_on_failure, error=failure)


def review_spec(user: UserInfo, a: Attributes) -> dict[str, Any]:
    """The spec of a SubjectAccessReview (v1); empty fields are left out."""
    spec: dict[str, Any] = {"user": user.name}
    if a.is_resource:
        parts: dict[str, Any] = {
            "namespace": a.namespace,
            "verb": a.verb,
            "group": a.group,
            "version": a.version,
            "resource": a.resource,
            "subresource": a.subresource,
            "name": a.name,
        }
        parts = {name: value for name, value in parts.items() if value}
        parts |= _selectors(a)
        spec["resourceAttributes"] = parts
    else:
        spec["nonResourceAttributes"] = {"path": a.path, "verb": a.verb}
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra.items()}
    if user.uid:
        spec["uid"] = user.uid
    return spec


def _selectors(a: Attributes) -> dict[str, Any]:
    """The selectors as requirements; one that cannot be read narrows nothing and is left out."""
    found: dict[str, Any] = {}
    try:
        if a.field_selector:
            requirements = [_field(one) for one in fields.parse(a.field_selector).requirements]
            found["fieldSelector"] = {"requirements": requirements}
    except ValueError:
        pass
    try:
        if a.label_selector:
            found["labelSelector"] = {"requirements": _labels(labels.parse(a.label_selector).requirements)}
    except ValueError:
        pass
    return {name: value for name, value in found.items() if value["requirements"]}


def _field(requirement: Any) -> dict[str, Any]:
    return {
        "key": requirement.field,
        "operator": "NotIn" if requirement.op == "!=" else "In",
        "values": [requirement.value],
    }


OPERATORS = {
    "=": "In",
    "==": "In",
    "in": "In",
    "!=": "NotIn",
    "notin": "NotIn",
    "exists": "Exists",
    "!": "DoesNotExist",
}


def _labels(requirements: Sequence[Any]) -> list[dict[str, Any]]:
    found = []
    for one in requirements:
        operator = OPERATORS.get(one.operator, "")
        if operator:
            values = sorted(one.values)
            found.append({"key": one.key, "operator": operator, **({"values": values} if values else {})})
    return found


def _decision(review: dict[str, Any]) -> Decision:
    status = review.get("status")
    if not isinstance(status, dict):
        raise RemoteFailed("the webhook's answer has no status")
    allowed, denied = status.get("allowed") is True, status.get("denied") is True
    if allowed and denied:
        raise RemoteFailed("webhook subject access review returned both allow and deny response")
    return Decision(allowed, str(status.get("reason") or ""), denied, "")
