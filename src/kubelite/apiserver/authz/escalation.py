"""Nobody grants what they do not have: the checks on writes of Roles and bindings.

What: `check_role` (verb `escalate` lifts it) and `check_binding` (verb `bind` lifts it).
Why: without them, whoever may write roles is an administrator.
Flow: the admission chain calls them for roles and bindings of rbac.authorization.k8s.io with the object about to be
written. Rules follow pkg/registry/rbac/{role,rolebinding}/policybased/storage.go and
pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol

import msgspec

from kubelite.api.logic import rbac
from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.request import Attributes, Authorizer, UserInfo
from kubelite.machinery import errors

GROUP = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
AnyRole = Role | ClusterRole
AnyBinding = RoleBinding | ClusterRoleBinding
EVERYTHING = (
    PolicyRule(apiGroups=["*"], resources=["*"], verbs=["*"]),
    PolicyRule(nonResourceURLs=["*"], verbs=["*"]),
)


class Judge(Protocol):
    """Raises StatusError 403 unless the check is lifted."""

    def __call__(self, *, lifted: bool) -> None: ...


def check_role(
    index: RoleIndex, authorizer: Authorizer, user: UserInfo, role: AnyRole, namespace: str, old: AnyRole | None
) -> Awaitable[None] | None:
    """Raises 403 if the role gives permissions that the user lacks (labels count: they feed aggregated roles)."""
    if MASTERS in user.groups or (old is not None and only_collection_changes(role, old)):
        return None
    resource = "roles" if namespace else "clusterroles"
    name = role.metadata.name

    def judge(*, lifted: bool) -> None:
        if lifted:
            return
        complaint = _complaint(index, user, role.rules, namespace)
        if complaint:
            raise errors.forbidden(GROUP, resource, name, complaint)
        aggregates = _aggregation(role) is not None or (old is not None and _aggregation(old) is not None)
        if aggregates and _complaint(index, user, EVERYTHING, namespace):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise errors.forbidden(GROUP, resource, name, why)

    return _unless_lifted(authorizer, user, "escalate", namespace, resource, name, judge)


def check_binding(
    index: RoleIndex,
    authorizer: Authorizer,
    user: UserInfo,
    binding: AnyBinding,
    namespace: str,
    old: AnyBinding | None,
) -> Awaitable[None] | None:
    """Raises 403 if the binding gives a role with permissions that the user lacks; 404 if that role does not exist."""
    ref = binding.roleRef
    if MASTERS in user.groups or ref is None or (old is not None and only_collection_changes(binding, old)):
        return None
    resource = "rolebindings" if namespace else "clusterrolebindings"
    bound = "roles" if ref.kind == "Role" else "clusterroles"

    def judge(*, lifted: bool) -> None:
        if lifted:
            return
        rules = index.rules_of(ref, namespace)
        if rules is None:
            raise errors.not_found(GROUP, ref.kind.lower(), ref.name)
        complaint = _complaint(index, user, rules, namespace)
        if complaint:
            raise errors.forbidden(GROUP, resource, binding.metadata.name, complaint)

    return _unless_lifted(authorizer, user, "bind", namespace, bound, ref.name, judge)


def only_collection_changes(new: AnyRole | AnyBinding, old: AnyRole | AnyBinding) -> bool:
    """Whether an update touches nothing but what the garbage collector needs: owners and finalizers."""
    before = old.metadata
    metadata = msgspec.structs.replace(
        new.metadata,
        ownerReferences=before.ownerReferences,
        finalizers=before.finalizers,
        managedFields=before.managedFields,
        resourceVersion=before.resourceVersion,
    )
    return msgspec.structs.replace(new, metadata=metadata) == old


def _aggregation(role: AnyRole) -> object:
    return role.aggregationRule if isinstance(role, ClusterRole) else None


def _unless_lifted(
    authorizer: Authorizer, user: UserInfo, verb: str, namespace: str, resource: str, name: str, judge: Judge
) -> Awaitable[None] | None:
    """Judges, knowing whether the user has the verb that lifts the check."""
    attributes = Attributes(
        verb=verb, namespace=namespace, group=GROUP, version="v1", resource=resource, name=name, is_resource=True
    )
    decision = authorizer.authorize(user, attributes)
    if isinstance(decision, tuple):
        judge(lifted=decision[0])
        return None
    return _judge_later(decision, judge)


async def _judge_later(decision: Awaitable[tuple[bool, str]], judge: Judge) -> None:
    judge(lifted=(await decision)[0])


def _complaint(index: RoleIndex, user: UserInfo, wanted: Sequence[PolicyRule], namespace: str) -> str:
    lacking = rbac.uncovered(index.rules_for(user, namespace), wanted)
    if not lacking:
        return ""
    groups = "[" + " ".join(f'"{group}"' for group in user.groups) + "]"
    rows = sorted({rbac.compact_text(rule) for rule in _merged(lacking)})
    listed = "\n".join(rows)
    return f'user "{user.name}" (groups={groups}) is attempting to grant RBAC permissions not currently held:\n{listed}'


def _merged(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """Smallest rules joined again where they differ in the verb only."""
    joined: dict[tuple[tuple[str, ...], ...], PolicyRule] = {}
    for rule in rules:
        key = (tuple(rule.apiGroups), tuple(rule.resources), tuple(rule.nonResourceURLs), tuple(rule.resourceNames))
        if key in joined:
            joined[key].verbs += [verb for verb in rule.verbs if verb not in joined[key].verbs]
        else:
            joined[key] = PolicyRule(
                apiGroups=rule.apiGroups,
                resources=rule.resources,
                nonResourceURLs=rule.nonResourceURLs,
                resourceNames=rule.resourceNames,
                verbs=list(rule.verbs),
            )
    return list(joined.values())
