"""An index over Roles and bindings that answers in microseconds.

What: `RoleIndex` holds the rules of every role and, per namespace, which roles each user and group is bound to; from
that it compiles and remembers one `Permissions` table per caller and namespace.
Why: walking all bindings for each request costs milliseconds with a thousand of them.
Flow: the watch caches feed `set_role` and `set_binding` one change at a time; each change forgets the compiled
tables, the next decision compiles the one that it needs. Bounded: `MAX_COMPILED` tables, all dropped when full. Rules
follow plugin/pkg/auth/authorizer/rbac/rbac.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubelite.api.logic import rbac
from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef
from kubelite.apiserver.request import Attributes, UserInfo

MAX_COMPILED = 4096
SubjectKey = tuple[str, str]
Compiled = tuple[rbac.Permissions, tuple[str, ...]]
"""What is allowed, and what to say about roles that do not exist."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One way in which a subject gets a role: through which binding, with which role, by which name."""

    binding: str
    ref: RoleRef
    subject: SubjectKey


class RoleIndex:
    """Roles and bindings of the whole cluster; "" is the namespace of the cluster-scoped ones."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], list[PolicyRule]] = {}
        self._grants: dict[str, dict[SubjectKey, dict[str, RoleRef]]] = {}
        self._subjects: dict[tuple[str, str], list[SubjectKey]] = {}
        self._compiled: dict[tuple[str, tuple[str, ...], str], Compiled] = {}

    def set_role(self, namespace: str, name: str, role: Role | ClusterRole | None) -> None:
        """Adds, replaces or (None) removes a Role, or with namespace "" a ClusterRole."""
        if role is None:
            self._rules.pop((namespace, name), None)
        else:
            self._rules[namespace, name] = role.rules
        self._compiled.clear()

    def set_binding(self, namespace: str, name: str, binding: RoleBinding | ClusterRoleBinding | None) -> None:
        """Adds, replaces or (None) removes a RoleBinding, or with namespace "" a ClusterRoleBinding."""
        grants = self._grants.setdefault(namespace, {})
        for subject in self._subjects.pop((namespace, name), ()):
            held = grants.get(subject)
            if held is not None:
                held.pop(name, None)
                if not held:
                    del grants[subject]
        if binding is not None and binding.roleRef is not None:
            keys = [rbac.subject_key(subject, namespace) for subject in binding.subjects]
            subjects = list(dict.fromkeys(key for key in keys if key is not None))
            self._subjects[namespace, name] = subjects
            for subject in subjects:
                grants.setdefault(subject, {})[name] = binding.roleRef
        if not grants:
            del self._grants[namespace]
        self._compiled.clear()

    def rules_of(self, ref: RoleRef, namespace: str) -> list[PolicyRule] | None:
        """The rules of the role that a binding in `namespace` refers to; None if there is no such role."""
        return self._rules.get((namespace if ref.kind == "Role" else "", ref.name))

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        """The decision, without reasons."""
        a = attributes
        cluster = self._permissions(user, "")
        if not a.is_resource:
            return cluster.allows_url(a.verb, a.path)
        if cluster.allows(a.verb, a.group, a.resource, a.subresource, a.name):
            return True
        if not a.namespace or a.namespace not in self._grants:
            return False
        return self._permissions(user, a.namespace).allows(a.verb, a.group, a.resource, a.subresource, a.name)

    def explain(self, user: UserInfo, attributes: Attributes) -> str:
        """Why a request is allowed, in upstream's words; "" if it is not. Slower than `allows`."""
        a = attributes
        for namespace in ("", a.namespace) if a.namespace and a.is_resource else ("",):
            for grant in self._grants_of(user, namespace):
                table = rbac.Permissions(self.rules_of(grant.ref, namespace) or ())
                if a.is_resource:
                    allowed = table.allows(a.verb, a.group, a.resource, a.subresource, a.name)
                else:
                    allowed = table.allows_url(a.verb, a.path)
                if allowed:
                    return _reason(grant, namespace)
        return ""

    def missing(self, user: UserInfo, namespace: str) -> str:
        """Which roles the user is bound to that do not exist, as the reason of a refusal; "" if all exist."""
        absent = self._compile(user, "")[1]
        if namespace:
            absent = (*absent, *self._compile(user, namespace)[1])
        if not absent:
            return ""
        return f"RBAC: {absent[0]}" if len(absent) == 1 else f"RBAC: [{', '.join(absent)}]"

    def rules_for(self, user: UserInfo, namespace: str) -> list[PolicyRule]:
        """Every rule that the user has in a namespace, cluster-wide ones included."""
        return [
            rule
            for one in (("", namespace) if namespace else ("",))
            for grant in self._grants_of(user, one)
            for rule in self.rules_of(grant.ref, one) or ()
        ]

    def _grants_of(self, user: UserInfo, namespace: str) -> Iterator[Grant]:
        grants = self._grants.get(namespace)
        if not grants:
            return
        for subject in _identities(user):
            for binding, ref in grants.get(subject, {}).items():
                yield Grant(binding, ref, subject)

    def _permissions(self, user: UserInfo, namespace: str) -> rbac.Permissions:
        return self._compile(user, namespace)[0]

    def _compile(self, user: UserInfo, namespace: str) -> Compiled:
        """What the user's roles allow together, and which of them do not exist."""
        key = (user.name, user.groups, namespace)
        known = self._compiled.get(key)
        if known is None:
            rules: list[PolicyRule] = []
            absent: list[str] = []
            for grant in self._grants_of(user, namespace):
                found = self.rules_of(grant.ref, namespace)
                if found is None:
                    absent.append(f'{grant.ref.kind.lower()}.rbac.authorization.k8s.io "{grant.ref.name}" not found')
                else:
                    rules += found
            if len(self._compiled) >= MAX_COMPILED:
                self._compiled.clear()
            known = self._compiled[key] = (rbac.Permissions(rules), tuple(absent))
        return known


def _identities(user: UserInfo) -> Iterable[SubjectKey]:
    yield rbac.USER, user.name
    for group in user.groups:
        yield rbac.GROUP, group


def _reason(grant: Grant, namespace: str) -> str:
    kind, name = grant.subject
    shown = f'{kind} "{name}"'
    account = rbac.service_account_of(name) if kind == rbac.USER else None
    if account is not None:
        shown = f'ServiceAccount "{account[1]}/{account[0]}"'
    if namespace:
        binding = f'RoleBinding "{grant.binding}/{namespace}"'
    else:
        binding = f'ClusterRoleBinding "{grant.binding}"'
    return f'RBAC: allowed by {binding} of {grant.ref.kind} "{grant.ref.name}" to {shown}'
