"""The default roles of components: what scheduler, controllers, nodes, proxy, DNS and network may do.

What: ClusterRoles, Roles and bindings as data. Why: each process has an identity of its own and no more rights than it needs.
Flow: `objects` writes them on start. The rules are those of plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go; the users
system:kubelite-dns, system:kubelite-network and system:kubelite-cloud-controller-manager are kubelite's own.
"""

from __future__ import annotations

from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from kubelite.apiserver.bootstrap.rules import (
    READ,
    binding,
    local_binding,
    local_role,
    record_events,
    role,
    rule,
    urls,
)

PUBLIC_PATHS = "/healthz /livez /readyz /version /version/"
DISCOVERY_PATHS = "/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*"
LEASES = "coordination.k8s.io"
SCHEDULER = "User/system:kube-scheduler"
MANAGER = "User/system:kube-controller-manager"


def _reviews() -> tuple[PolicyRule, ...]:
    return (
        rule("create", "tokenreviews", "authentication.k8s.io"),
        rule("create", "subjectaccessreviews localsubjectaccessreviews", "authorization.k8s.io"),
    )


def _everyone() -> list[ClusterRole]:
    return [
        role("system:discovery", urls("get", DISCOVERY_PATHS)),
        role("system:public-info-viewer", urls("get", PUBLIC_PATHS)),
        role(
            "system:basic-user",
            rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", "authorization.k8s.io"),
            rule("create", "selfsubjectreviews", "authentication.k8s.io"),
        ),
        role(
            "system:monitoring",
            urls("get", "/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*"),
        ),
        role(
            "system:auth-delegator",
            rule("create", "tokenreviews", "authentication.k8s.io"),
            rule("create", "subjectaccessreviews", "authorization.k8s.io"),
        ),
        role("system:kube-aggregator", rule(READ, "services endpoints")),
        role("system:heapster", rule(READ, "events pods nodes namespaces"), rule(READ, "deployments", "extensions")),
        role(
            "system:service-account-issuer-discovery",
            urls(
                "get",
                "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
            ),
        ),
        role("system:persistent-volume-provisioner", *_provisioner()),
    ]


def _provisioner() -> tuple[PolicyRule, ...]:
    return (
        rule("get list watch create delete", "persistentvolumes"),
        rule("get list watch update", "persistentvolumeclaims"),
        rule(READ, "storageclasses", "storage.k8s.io"),
        rule("watch", "events"),
        record_events(),
    )


def _nodes() -> list[ClusterRole]:
    return [
        role(
            "system:kubelet-api-admin",
            rule("get list watch proxy", "nodes"),
            rule(
                "*",
                "nodes/proxy nodes/metrics nodes/stats nodes/log nodes/spec nodes/checkpoint"
                " nodes/configz nodes/healthz nodes/pods",
            ),
        ),
        role(
            "system:node",
            *_reviews(),
            rule(READ, "services"),
            rule("create get list watch", "nodes"),
            rule("patch update", "nodes/status"),
            rule("patch update delete", "nodes"),
            record_events(),
            rule(READ, "pods"),
            rule("create delete", "pods"),
            rule("patch update", "pods/status"),
            rule("create", "pods/eviction"),
            rule(READ, "secrets configmaps"),
            rule("get", "persistentvolumeclaims persistentvolumes"),
            rule("get update patch", "persistentvolumeclaims/status"),
            rule("get", "endpoints"),
            rule("create get list watch", "certificatesigningrequests", "certificates.k8s.io"),
            rule("create delete get patch update", "leases", LEASES),
            rule("get", "volumeattachments", "storage.k8s.io"),
            rule("create", "serviceaccounts/token"),
            rule("get", "serviceaccounts"),
            rule(READ, "csidrivers", "storage.k8s.io"),
            rule("create delete get patch update", "csinodes", "storage.k8s.io"),
            rule(READ, "runtimeclasses", "node.k8s.io"),
            rule("get", "resourceclaims", "resource.k8s.io"),
            rule("deletecollection list watch create delete get patch update", "resourceslices", "resource.k8s.io"),
        ),
        role(
            "system:node-proxier",
            rule("list watch", "services endpoints"),
            rule(READ, "nodes"),
            rule("list watch", "servicecidrs", "networking.k8s.io"),
            rule("list watch", "endpointslices", "discovery.k8s.io"),
            record_events(),
        ),
    ]


def _beside_nodes() -> list[ClusterRole]:
    return [
        role("system:node-problem-detector", rule("get", "nodes"), rule("patch", "nodes/status"), record_events()),
        role(
            "system:node-bootstrapper",
            rule("create get list watch", "certificatesigningrequests", "certificates.k8s.io"),
        ),
        role(
            "system:kubelite-cloud-controller-manager",
            record_events(),
            rule("create", "leases", LEASES),
            rule("get update patch list watch", "leases", LEASES),
            rule(READ, "services nodes"),
            rule(READ, "endpointslices", "discovery.k8s.io"),
            rule("patch", "services/status nodes nodes/status"),
            rule("delete", "nodes"),
        ),
        role("system:kube-dns", rule("list watch", "services endpoints")),
        role(
            "system:kubelite-dns",
            rule("list watch", "services endpoints namespaces pods"),
            rule("get", "nodes"),
            rule("list watch", "endpointslices", "discovery.k8s.io"),
        ),
        role(
            "system:kubelite-network",
            rule(READ, "nodes namespaces pods"),
            rule("patch update", "nodes/status nodes"),
            rule("list watch", "networkpolicies", "networking.k8s.io"),
            record_events(),
        ),
    ]


def _masters() -> list[ClusterRole]:
    return [
        role(
            "system:kube-scheduler",
            record_events(),
            rule("create", "leases", LEASES),
            rule("get update patch list watch", "leases", LEASES, "kube-scheduler"),
            rule(READ, "nodes"),
            rule("delete get list watch", "pods"),
            rule("create", "bindings pods/binding"),
            rule("patch update", "pods/status"),
            rule(READ, "replicationcontrollers services"),
            rule(READ, "replicasets", "apps extensions"),
            rule(READ, "statefulsets", "apps"),
            rule(READ, "poddisruptionbudgets", "policy"),
            rule("get list watch update patch", "persistentvolumeclaims persistentvolumes"),
            *_reviews(),
            rule(READ, "csinodes csidrivers csistoragecapacities storageclasses volumeattachments", "storage.k8s.io"),
            rule(READ, "namespaces"),
            rule(READ, "priorityclasses", "scheduling.k8s.io"),
            rule(READ, "resourceclaims deviceclasses resourceslices", "resource.k8s.io"),
            rule("get list watch update patch", "resourceclaims resourceclaims/status", "resource.k8s.io"),
            rule("create delete", "resourceclaims", "resource.k8s.io"),
            rule("get list watch update patch", "pods/finalizers"),
        ),
        role(
            "system:volume-scheduler",
            rule("get list watch patch update", "persistentvolumes persistentvolumeclaims"),
            rule(READ, "storageclasses", "storage.k8s.io"),
        ),
        role(
            "system:kube-controller-manager",
            record_events(),
            rule("create", "leases", LEASES),
            rule("get update patch list watch", "leases", LEASES),
            rule("create", "secrets serviceaccounts"),
            rule("delete", "secrets"),
            rule("get", "configmaps namespaces secrets serviceaccounts"),
            rule("update", "configmaps secrets serviceaccounts"),
            *_reviews(),
            rule("list watch", "*", "*"),
            rule("create", "serviceaccounts/token"),
        ),
    ]


def _certificates() -> list[ClusterRole]:
    """Who may ask for certificates that are approved without a person, and who may approve which signers' certificates."""
    group, prefix = "certificates.k8s.io", "system:certificates.k8s.io"
    signers = ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown")
    return [
        *(
            role(
                f"{prefix}:certificatesigningrequests:{name}",
                rule("create", f"certificatesigningrequests/{name}", group),
            )
            for name in ("nodeclient", "selfnodeclient")
        ),
        *(
            role(f"{prefix}:{name}-approver", rule("approve", "signers", group, f"kubernetes.io/{name}"))
            for name in signers
        ),
    ]


def cluster_roles() -> list[ClusterRole]:
    """The roles of components and of everyone."""
    return [*_everyone(), *_nodes(), *_beside_nodes(), *_masters(), *_certificates()]


def cluster_bindings() -> list[ClusterRoleBinding]:
    """Who has which of the default roles."""
    everyone = ("Group/system:authenticated", "Group/system:unauthenticated")
    return [
        binding("cluster-admin", "cluster-admin", "Group/system:masters"),
        binding("system:monitoring", "system:monitoring", "Group/system:monitoring"),
        binding("system:discovery", "system:discovery", "Group/system:authenticated"),
        binding("system:basic-user", "system:basic-user", "Group/system:authenticated"),
        binding("system:public-info-viewer", "system:public-info-viewer", *everyone),
        binding("system:node-proxier", "system:node-proxier", "User/system:kube-proxy"),
        binding("system:kube-controller-manager", "system:kube-controller-manager", MANAGER),
        binding("system:kube-scheduler", "system:kube-scheduler", SCHEDULER),
        binding("system:volume-scheduler", "system:volume-scheduler", SCHEDULER),
        binding("system:kube-dns", "system:kube-dns", "ServiceAccount/kube-system/kube-dns"),
        binding("system:kubelite-dns", "system:kubelite-dns", "User/system:kubelite-dns"),
        binding(
            "system:kubelite-cloud-controller-manager",
            "system:kubelite-cloud-controller-manager",
            "User/system:kubelite-cloud-controller-manager",
        ),
        binding("system:kubelite-network", "system:kubelite-network", "User/system:kubelite-network"),
        binding(
            "system:service-account-issuer-discovery",
            "system:service-account-issuer-discovery",
            "Group/system:serviceaccounts",
        ),
        binding("system:node", "system:node"),
    ]


def local_roles() -> list[Role]:
    """Roles in the system namespaces."""
    return [
        local_role(
            "kube-system",
            "extension-apiserver-authentication-reader",
            rule(READ, "configmaps", names="extension-apiserver-authentication"),
        ),
        local_role("kube-system", "system:controller:bootstrap-signer", rule(READ, "secrets")),
        local_role(
            "kube-system", "system:controller:token-cleaner", rule("get list watch delete", "secrets"), record_events()
        ),
        local_role(
            "kube-system",
            "system::leader-locking-kube-controller-manager",
            rule("watch", "configmaps"),
            rule("get update", "configmaps", names="kube-controller-manager"),
        ),
        local_role(
            "kube-system",
            "system::leader-locking-kube-scheduler",
            rule("watch", "configmaps"),
            rule("get update", "configmaps", names="kube-scheduler"),
        ),
        local_role(
            "kube-public",
            "system:controller:bootstrap-signer",
            rule(READ, "configmaps"),
            rule("update", "configmaps", names="cluster-info"),
            record_events(),
        ),
    ]


def local_bindings() -> list[RoleBinding]:
    """Bindings in the system namespaces."""
    signer = "ServiceAccount/kube-system/bootstrap-signer"
    return [
        local_binding(
            "kube-system",
            "system::extension-apiserver-authentication-reader",
            "extension-apiserver-authentication-reader",
            MANAGER,
            SCHEDULER,
        ),
        local_binding(
            "kube-system",
            "system::leader-locking-kube-controller-manager",
            "system::leader-locking-kube-controller-manager",
            MANAGER,
            "ServiceAccount/kube-system/kube-controller-manager",
        ),
        local_binding(
            "kube-system",
            "system::leader-locking-kube-scheduler",
            "system::leader-locking-kube-scheduler",
            SCHEDULER,
            "ServiceAccount/kube-system/kube-scheduler",
        ),
        local_binding(
            "kube-system", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer", signer
        ),
        local_binding(
            "kube-system",
            "system:controller:token-cleaner",
            "system:controller:token-cleaner",
            "ServiceAccount/kube-system/token-cleaner",
        ),
        local_binding(
            "kube-public", "system:controller:bootstrap-signer", "system:controller:bootstrap-signer", signer
        ),
    ]
