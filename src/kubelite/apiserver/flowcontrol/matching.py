"""Which FlowSchema a request belongs to, and to which of its flows.

What: pure functions over a FlowSchema's spec, the user and the request info. Why: matching is looked up for every kind of
request once and remembered by `controller`, so it may be plain. Flow: schemas in the order of their precedence → the first
that matches → its distinguisher. Source: apiserver/pkg/util/flowcontrol/rule.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from kubelite.api.types.flowcontrol_v1 import (
    FlowSchema,
    FlowSchemaSpec,
    NonResourcePolicyRule,
    ResourcePolicyRule,
    Subject,
)
from kubelite.apiserver.request import RequestInfo, UserInfo

ACCOUNT = "system:serviceaccount:"


def in_order(schemas: Iterable[FlowSchema]) -> list[FlowSchema]:
    """The order in which schemas are tried: precedence, then name."""
    return sorted(schemas, key=lambda schema: (schema.spec.matchingPrecedence or 1000, schema.metadata.name))


def matches(spec: FlowSchemaSpec, user: UserInfo, info: RequestInfo) -> bool:
    """Whether one of the rules fits both the user and the request."""
    for rule in spec.rules:
        if not any(_is_subject(subject, user) for subject in rule.subjects):
            continue
        if info.is_resource:
            if any(_fits_resource(one, info) for one in rule.resourceRules):
                return True
        elif any(_fits_path(one, info) for one in rule.nonResourceRules):
            return True
    return False


def _is_subject(subject: Subject, user: UserInfo) -> bool:
    if subject.kind == "User":
        return subject.user is not None and subject.user.name in ("*", user.name)
    if subject.kind == "Group":
        return subject.group is not None and (subject.group.name == "*" or subject.group.name in user.groups)
    account = subject.serviceAccount
    if subject.kind != "ServiceAccount" or account is None:
        return False
    if account.name == "*":
        return user.name.startswith(f"{ACCOUNT}{account.namespace}:")
    return user.name == f"{ACCOUNT}{account.namespace}:{account.name}"


def _has(names: Sequence[str], name: str) -> bool:
    return name in names or "*" in names


def _fits_resource(rule: ResourcePolicyRule, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (_has(rule.verbs, info.verb) and _has(rule.apiGroups, info.group) and _has(rule.resources, resource)):
        return False
    return _has(rule.namespaces, info.namespace) if info.namespace else bool(rule.clusterScope)


def _fits_path(rule: NonResourcePolicyRule, info: RequestInfo) -> bool:
    if not _has(rule.verbs, info.verb):
        return False
    return any(
        info.path.startswith(pattern[:-1]) if pattern.endswith("*") else info.path == pattern
        for pattern in rule.nonResourceURLs
    )


def distinguisher(spec: FlowSchemaSpec, user: UserInfo, info: RequestInfo) -> str:
    """What tells the flows of a schema apart: the user, the namespace, or nothing."""
    method = spec.distinguisherMethod.type if spec.distinguisherMethod is not None else ""
    return user.name if method == "ByUser" else info.namespace if method == "ByNamespace" else ""


def hand(schema: str, flow: str, queues: int, size: int) -> tuple[int, ...]:
    """The queues of a flow: `size` different ones out of `queues`, dealt by the flow's hash (shuffle sharding)."""
    digest = hashlib.sha256(f"{schema}\0{flow}".encode()).digest()
    value = int.from_bytes(digest[:8], "little")
    deck = list(range(queues))
    dealt = []
    for _ in range(min(size, queues)):
        value, card = divmod(value, len(deck))
        dealt.append(deck.pop(card))
    return tuple(dealt)
