"""The user-facing default roles: cluster-admin, admin, edit, view and what feeds them.

What: ClusterRoles as data. Why: users bind people to these names in every Kubernetes cluster.
Flow: `objects` writes them on start. The rules are those of plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.
"""

from __future__ import annotations

from kubelite.api.types.rbac_v1 import ClusterRole, PolicyRule
from kubelite.apiserver.bootstrap.rules import READ, WRITE, aggregated, role, rule, urls

VIEW_RULES: tuple[PolicyRule, ...] = (
    rule(
        READ,
        "pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints"
        " persistentvolumeclaims persistentvolumeclaims/status configmaps",
    ),
    rule(
        READ,
        "limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status"
        " replicationcontrollers/status pods/log",
    ),
    rule(READ, "namespaces"),
    rule(READ, "endpointslices", "discovery.k8s.io"),
    rule(
        READ,
        "controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments"
        " deployments/status deployments/scale replicasets replicasets/status replicasets/scale",
        "apps",
    ),
    rule(READ, "horizontalpodautoscalers horizontalpodautoscalers/status", "autoscaling"),
    rule(READ, "jobs cronjobs cronjobs/status jobs/status", "batch"),
    rule(
        READ,
        "daemonsets daemonsets/status deployments deployments/status deployments/scale ingresses ingresses/status replicasets"
        " replicasets/status replicasets/scale replicationcontrollers/scale networkpolicies",
        "extensions",
    ),
    rule(READ, "poddisruptionbudgets poddisruptionbudgets/status", "policy"),
    rule(READ, "networkpolicies ingresses ingresses/status", "networking.k8s.io"),
    rule(READ, "resourceclaims resourceclaims/status resourceclaimtemplates", "resource.k8s.io"),
)

EDIT_RULES: tuple[PolicyRule, ...] = (
    rule(READ, "pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy"),
    rule("impersonate", "serviceaccounts"),
    rule(WRITE, "pods pods/attach pods/proxy pods/exec pods/portforward pods/resize"),
    rule("create", "pods/eviction"),
    rule(
        WRITE,
        "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy"
        " persistentvolumeclaims configmaps secrets events",
    ),
    rule("create", "serviceaccounts/token"),
    rule(
        WRITE,
        "statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets"
        " replicasets/scale",
        "apps",
    ),
    rule(WRITE, "horizontalpodautoscalers", "autoscaling"),
    rule(WRITE, "jobs cronjobs", "batch"),
    rule(
        WRITE,
        "daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale"
        " replicationcontrollers/scale networkpolicies",
        "extensions",
    ),
    rule(WRITE, "poddisruptionbudgets", "policy"),
    rule(WRITE, "networkpolicies ingresses", "networking.k8s.io"),
    rule(f"{WRITE} {READ}", "leases", "coordination.k8s.io"),
    rule(WRITE, "resourceclaims resourceclaimtemplates", "resource.k8s.io"),
)

ADMIN_RULES: tuple[PolicyRule, ...] = (
    rule("create", "localsubjectaccessreviews", "authorization.k8s.io"),
    rule(f"{WRITE} {READ}", "roles rolebindings", "rbac.authorization.k8s.io"),
)


def roles() -> list[ClusterRole]:
    """The user-facing roles, with the aggregated ones already summed up."""
    edit, view = list(EDIT_RULES), list(VIEW_RULES)
    return [
        role("cluster-admin", rule("*", "*", "*"), urls("*", "*")),
        role("system:aggregate-to-admin", *ADMIN_RULES, aggregate_to="admin"),
        role("system:aggregate-to-edit", *EDIT_RULES, aggregate_to="edit"),
        role("system:aggregate-to-view", *VIEW_RULES, aggregate_to="view"),
        aggregated("admin", ["admin"], [*ADMIN_RULES, *edit, *view]),
        aggregated("edit", ["edit"], [*edit, *view], aggregate_to="admin"),
        aggregated("view", ["view"], view, aggregate_to="edit"),
    ]
