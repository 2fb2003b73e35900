"""The default roles of the controllers, one per controller: system:controller:<name>.

What: a table from controller to rules. Why: kubelite's controller manager acts as one user that holds all of them; a manager
that uses a service account per controller, as upstream's can, finds the accounts bound too.
Flow: `objects` writes them on start. The rules are those of plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go.
"""

from __future__ import annotations

from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule
from kubelite.apiserver.bootstrap.component_policy import MANAGER
from kubelite.apiserver.bootstrap.rules import READ, binding, record_events, role, rule

PREFIX = "system:controller:"
SYNC = "get list watch update patch"

TABLE: dict[str, tuple[PolicyRule, ...]] = {
    "attachdetach-controller": (
        rule("list watch", "persistentvolumes persistentvolumeclaims"),
        rule(READ, "nodes"),
        rule("patch update", "nodes/status"),
        rule("list watch", "pods"),
        rule("create delete get list watch", "volumeattachments", "storage.k8s.io"),
        rule(READ, "csidrivers csinodes", "storage.k8s.io"),
    ),
    "clusterrole-aggregation-controller": (
        rule("escalate get list patch update watch", "clusterroles", "rbac.authorization.k8s.io"),
    ),
    "cronjob-controller": (
        rule("get list watch update", "cronjobs", "batch"),
        rule("create delete get list patch update watch", "jobs", "batch"),
        rule("update", "cronjobs/status cronjobs/finalizers", "batch"),
        rule("list delete", "pods"),
    ),
    "daemon-set-controller": (
        rule(READ, "daemonsets", "apps extensions"),
        rule("update", "daemonsets/status daemonsets/finalizers", "apps extensions"),
        rule("list watch", "nodes"),
        rule("create delete list patch watch", "pods"),
        rule("create", "pods/binding"),
        rule("create delete get list patch update watch", "controllerrevisions", "apps"),
    ),
    "deployment-controller": (
        rule("get list watch update", "deployments", "apps extensions"),
        rule("update", "deployments/status deployments/finalizers", "apps extensions"),
        rule("create delete get list patch update watch", "replicasets", "apps extensions"),
        rule("get list update watch", "pods"),
    ),
    "disruption-controller": (
        rule(READ, "deployments replicasets statefulsets", "apps extensions"),
        rule(READ, "replicationcontrollers"),
        rule(READ, "poddisruptionbudgets", "policy"),
        rule("update", "poddisruptionbudgets/status", "policy"),
        rule("patch update", "pods/status"),
        rule("get", "*/scale", "*"),
    ),
    "endpoint-controller": (
        rule(READ, "services pods"),
        rule("create delete get list update", "endpoints"),
        rule("create", "endpoints/restricted"),
    ),
    "endpointslice-controller": (
        rule(READ, "services pods nodes"),
        rule("update", "services/finalizers"),
        rule("create delete get list update", "endpointslices", "discovery.k8s.io"),
        rule("create", "endpointslices/restricted", "discovery.k8s.io"),
    ),
    "endpointslicemirroring-controller": (
        rule(READ, "services endpoints"),
        rule("update", "services/finalizers endpoints/finalizers"),
        rule("create delete get list update", "endpointslices", "discovery.k8s.io"),
        rule("create", "endpointslices/restricted", "discovery.k8s.io"),
    ),
    "ephemeral-volume-controller": (
        rule("update", "pods/finalizers"),
        rule(READ, "pods"),
        rule("create get list watch", "persistentvolumeclaims"),
    ),
    "expand-controller": (
        rule("get list patch update watch", "persistentvolumes"),
        rule("patch update", "persistentvolumeclaims/status"),
        rule(READ, "persistentvolumeclaims"),
        rule(READ, "storageclasses", "storage.k8s.io"),
    ),
    "generic-garbage-collector": (rule("delete get list patch update watch", "*", "*"),),
    "horizontal-pod-autoscaler": (
        rule(READ, "horizontalpodautoscalers", "autoscaling"),
        rule("update", "horizontalpodautoscalers/status", "autoscaling"),
        rule("get update", "*/scale", "*"),
        rule("list", "pods"),
        rule("list", "pods", "metrics.k8s.io"),
        rule("get list", "*", "custom.metrics.k8s.io external.metrics.k8s.io"),
    ),
    "job-controller": (
        rule("get list patch update watch", "jobs", "batch"),
        rule("update", "jobs/status jobs/finalizers", "batch"),
        rule("create delete list patch watch", "pods"),
    ),
    "local-path-provisioner": (
        rule("create delete get list update watch", "persistentvolumes"),
        rule("get list update watch", "persistentvolumeclaims"),
        rule(READ, "nodes"),
        rule("delete", "nodes/proxy"),
        rule("create get list watch", "storageclasses", "storage.k8s.io"),
    ),
    "namespace-controller": (
        rule("delete get list watch", "namespaces"),
        rule("update", "namespaces/finalize namespaces/status"),
        rule("delete deletecollection get list", "*", "*"),
    ),
    "node-controller": (
        rule("delete get list patch update watch", "nodes"),
        rule("patch update", "nodes/status"),
        rule("patch update", "pods/status"),
        rule("delete get list watch", "pods"),
        rule(READ, "leases", "coordination.k8s.io"),
    ),
    "persistent-volume-binder": (
        rule("create delete get list update watch", "persistentvolumes"),
        rule("update", "persistentvolumes/status persistentvolumeclaims/status"),
        rule("get list update watch", "persistentvolumeclaims"),
        rule("create delete get list watch", "pods"),
        rule(READ, "storageclasses", "storage.k8s.io"),
        rule("create delete get", "endpoints services"),
        rule(READ, "nodes"),
    ),
    "pod-garbage-collector": (
        rule("delete list watch", "pods"),
        rule("get list watch", "nodes"),
        rule("patch", "pods/status"),
    ),
    "pv-protection-controller": (rule("get list update watch", "persistentvolumes"),),
    "pvc-protection-controller": (rule("get list update watch", "persistentvolumeclaims"), rule(READ, "pods")),
    "replicaset-controller": (
        rule("get list update watch", "replicasets", "apps extensions"),
        rule("update", "replicasets/status replicasets/finalizers", "apps extensions"),
        rule("create delete list patch watch", "pods"),
    ),
    "replication-controller": (
        rule("get list update watch", "replicationcontrollers"),
        rule("update", "replicationcontrollers/status replicationcontrollers/finalizers"),
        rule("create delete list patch watch", "pods"),
    ),
    "resource-claim-controller": (
        rule(READ, "pods"),
        rule("update", "pods/finalizers"),
        rule("create delete get list watch", "resourceclaims", "resource.k8s.io"),
        rule(READ, "resourceclaimtemplates", "resource.k8s.io"),
        rule("patch update", "resourceclaims resourceclaims/status", "resource.k8s.io"),
        rule("patch update", "pods/status"),
    ),
    "resourcequota-controller": (rule("list watch", "*", "*"), rule("update", "resourcequotas/status")),
    "root-ca-cert-publisher": (
        rule("create update", "configmaps"),
        rule(READ, "configmaps namespaces"),
    ),
    "route-controller": (rule("list watch", "nodes"), rule("patch", "nodes/status")),
    "selinux-warning-controller": (
        rule(READ, "persistentvolumes persistentvolumeclaims pods"),
        rule(READ, "csidrivers", "storage.k8s.io"),
    ),
    "service-account-controller": (rule("create", "serviceaccounts"), rule(READ, "serviceaccounts namespaces")),
    "service-cidrs-controller": (
        rule("get list patch update watch", "servicecidrs", "networking.k8s.io"),
        rule("patch update", "servicecidrs/finalizers servicecidrs/status", "networking.k8s.io"),
        rule(READ, "ipaddresses", "networking.k8s.io"),
    ),
    "service-controller": (
        rule(READ, "services"),
        rule("patch update", "services/status"),
        rule("list watch", "nodes"),
    ),
    "statefulset-controller": (
        rule("list watch", "pods"),
        rule(READ, "statefulsets", "apps"),
        rule("update", "statefulsets/status statefulsets/finalizers", "apps"),
        rule("create delete get patch update", "pods"),
        rule("create delete get list patch update watch", "controllerrevisions", "apps"),
        rule("create get list watch update delete", "persistentvolumeclaims"),
    ),
    "ttl-after-finished-controller": (rule("delete get list watch", "jobs", "batch"),),
    "ttl-controller": (rule("list patch update watch", "nodes"),),
    "validatingadmissionpolicy-status-controller": (
        rule(READ, "validatingadmissionpolicies", "admissionregistration.k8s.io"),
        rule("get patch update", "validatingadmissionpolicies/status", "admissionregistration.k8s.io"),
    ),
    "volumeattributesclass-protection-controller": (
        rule(READ, "persistentvolumes persistentvolumeclaims"),
        rule("get list update watch", "volumeattributesclasses", "storage.k8s.io"),
    ),
    "legacy-service-account-token-cleaner": (
        rule("get", "configmaps", names="kube-apiserver-legacy-service-account-token-tracking"),
        rule("delete patch update", "secrets"),
    ),
    "certificate-controller": (
        rule("delete get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        rule("update", "certificatesigningrequests/approval certificatesigningrequests/status", "certificates.k8s.io"),
        rule("approve sign", "signers", "certificates.k8s.io"),
        rule("create", "subjectaccessreviews", "authorization.k8s.io"),
    ),
}


STORAGE_VERSIONS: dict[str, tuple[PolicyRule, ...]] = {
    "storage-version-garbage-collector": (
        rule(READ, "leases", "coordination.k8s.io"),
        rule("delete get list patch update watch", "storageversions", "internal.apiserver.k8s.io"),
        rule("get patch update", "storageversions/status", "internal.apiserver.k8s.io"),
    ),
}
"""What a controller needs only where API servers report storage versions."""


def _table(reporting: bool) -> dict[str, tuple[PolicyRule, ...]]:
    return {**TABLE, **STORAGE_VERSIONS} if reporting else TABLE


def cluster_roles(reporting: bool = False) -> list[ClusterRole]:
    """One role per controller; all may record events. `reporting`: API servers report storage versions."""
    found = []
    for name, rules in _table(reporting).items():
        # Upstream's has no right to record events: it never does.
        events = () if name in STORAGE_VERSIONS else (record_events(),)
        found.append(role(PREFIX + name, *rules, *events))
    return found


def cluster_bindings(reporting: bool = False) -> list[ClusterRoleBinding]:
    """Each role is held by the controller's service account and by the controller manager's user."""
    names = _table(reporting)
    return [binding(PREFIX + name, PREFIX + name, f"ServiceAccount/kube-system/{name}", MANAGER) for name in names]
