"""Short-hand for writing roles as data.

What: `rule` and `urls` make PolicyRules, `role` and `binding` ClusterRoles and ClusterRoleBindings, from space-separated words.
Why: sixty roles are read as a table. Flow: `policy` and `controller_policy` use it, `objects` collects the result.
"""

from __future__ import annotations

from kubelite.api.types.meta_v1 import LabelSelector, ObjectMeta
from kubelite.api.types.rbac_v1 import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

GROUP = "rbac.authorization.k8s.io"
DEFAULTS_LABEL = "kubernetes.io/bootstrapping"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
READ = "get list watch"
WRITE = "create delete deletecollection patch update"
EVENTS = "create patch update"


def rule(verbs: str, resources: str, groups: str = "core", names: str = "") -> PolicyRule:
    """A rule for resources; the group `core` stands for ""."""
    return PolicyRule(
        verbs=verbs.split(),
        apiGroups=["" if group == "core" else group for group in groups.split()],
        resources=resources.split(),
        resourceNames=names.split(),
    )


def urls(verbs: str, paths: str) -> PolicyRule:
    """A rule for paths that are no resources."""
    return PolicyRule(verbs=verbs.split(), nonResourceURLs=paths.split())


def record_events() -> PolicyRule:
    """What every component may do that tells of its work."""
    return rule(EVENTS, "events", "core events.k8s.io")


def _metadata(name: str, namespace: str = "", labels: dict[str, str] | None = None) -> ObjectMeta:
    return ObjectMeta(
        name=name,
        namespace=namespace,
        labels={DEFAULTS_LABEL: "rbac-defaults", **(labels or {})},
        annotations={AUTOUPDATE: "true"},
    )


def role(name: str, *rules: PolicyRule, aggregate_to: str = "") -> ClusterRole:
    """A default ClusterRole; `aggregate_to` names the user-facing role (admin, edit, view) that takes its rules in."""
    labels = {f"{GROUP}/aggregate-to-{aggregate_to}": "true"} if aggregate_to else None
    return ClusterRole(metadata=_metadata(name, labels=labels), rules=list(rules))


def aggregated(name: str, sources: list[str], rules: list[PolicyRule], aggregate_to: str = "") -> ClusterRole:
    """A ClusterRole that is the union of those labelled for it; the union of the default ones is written out."""
    labels = {f"{GROUP}/aggregate-to-{aggregate_to}": "true"} if aggregate_to else None
    selectors = [LabelSelector(matchLabels={f"{GROUP}/aggregate-to-{source}": "true"}) for source in sources]
    return ClusterRole(
        metadata=_metadata(name, labels=labels),
        aggregationRule=AggregationRule(clusterRoleSelectors=selectors),
        rules=rules,
    )


def subject(text: str) -> Subject:
    """`User/name`, `Group/name` or `ServiceAccount/namespace/name`."""
    kind, _, name = text.partition("/")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition("/")
        return Subject(kind=kind, name=name, namespace=namespace)
    return Subject(kind=kind, apiGroup=GROUP, name=name)


def binding(name: str, role_name: str, *subjects: str) -> ClusterRoleBinding:
    """A default ClusterRoleBinding; subjects as in `subject`."""
    return ClusterRoleBinding(
        metadata=_metadata(name),
        roleRef=RoleRef(apiGroup=GROUP, kind="ClusterRole", name=role_name),
        subjects=[subject(text) for text in subjects],
    )


def local_role(namespace: str, name: str, *rules: PolicyRule) -> Role:
    """A default Role in one of the system namespaces."""
    return Role(metadata=_metadata(name, namespace), rules=list(rules))


def local_binding(namespace: str, name: str, role_name: str, *subjects: str) -> RoleBinding:
    """A default RoleBinding to a Role of the same namespace."""
    return RoleBinding(
        metadata=_metadata(name, namespace),
        roleRef=RoleRef(apiGroup=GROUP, kind="Role", name=role_name),
        subjects=[subject(text) for text in subjects],
    )
