"""A valid object of every stored kind, with the path of its collection."""

from __future__ import annotations

from typing import Any

NS = "/namespaces/test"
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
CONTAINERS = [{"name": "c", "image": "busybox:1"}]


def _object(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "seeded"}, **fields}


def _template() -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": CONTAINERS}}


def _workload(api_version: str, kind: str) -> dict[str, Any]:
    selector = {"app": "a"} if kind == "ReplicationController" else {"matchLabels": {"app": "a"}}
    return _object(api_version, kind, spec={"replicas": 1, "selector": selector, "template": _template()})


def _binding(kind: str) -> dict[str, Any]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}
    return _object("rbac.authorization.k8s.io/v1", kind, roleRef=role, subjects=[subject])


def _event(api_version: str) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "test", "name": "p", "apiVersion": "v1"}
    if api_version == "v1":
        return _object("v1", "Event", involvedObject=about, reason="R", type="Normal")
    return merge_name(
        _object(
            api_version,
            "Event",
            regarding=about,
            reason="R",
            type="Normal",
            action="A",
            reportingController="k8s.io/c",
            reportingInstance="i",
            eventTime="2026-01-01T00:00:00.000000Z",
        ),
        "seeded-new",
    )


def merge_name(obj: dict[str, Any], name: str) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "name": name}}


RBAC = "/apis/rbac.authorization.k8s.io/v1"
VALID: dict[str, tuple[str, dict[str, Any]]] = {
    "ConfigMap": (f"/api/v1{NS}/configmaps", _object("v1", "ConfigMap", data={"k": "v"})),
    "Secret": (f"/api/v1{NS}/secrets", _object("v1", "Secret", type="Opaque", data={"k": "dg=="})),
    "ServiceAccount": (f"/api/v1{NS}/serviceaccounts", _object("v1", "ServiceAccount")),
    "Pod": (f"/api/v1{NS}/pods", _object("v1", "Pod", spec={"containers": CONTAINERS})),
    "PodTemplate": (f"/api/v1{NS}/podtemplates", _object("v1", "PodTemplate", template=_template())),
    "Service": (
        f"/api/v1{NS}/services",
        _object("v1", "Service", spec={"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80}]}),
    ),
    "Endpoints": (
        f"/api/v1{NS}/endpoints",
        _object("v1", "Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]),
    ),
    "Event": (f"/api/v1{NS}/events", _event("v1")),
    "NewEvent": (f"/apis/events.k8s.io/v1{NS}/events", _event("events.k8s.io/v1")),
    "ReplicationController": (f"/api/v1{NS}/replicationcontrollers", _workload("v1", "ReplicationController")),
    "Namespace": ("/api/v1/namespaces", _object("v1", "Namespace")),
    "Node": ("/api/v1/nodes", _object("v1", "Node", spec={"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]})),
    "ControllerRevision": (
        f"/apis/apps/v1{NS}/controllerrevisions",
        _object("apps/v1", "ControllerRevision", data={"a": 1}, revision=1),
    ),
    "Deployment": (f"/apis/apps/v1{NS}/deployments", _workload("apps/v1", "Deployment")),
    "ReplicaSet": (f"/apis/apps/v1{NS}/replicasets", _workload("apps/v1", "ReplicaSet")),
    "Lease": (
        f"/apis/coordination.k8s.io/v1{NS}/leases",
        _object("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "h", "leaseDurationSeconds": 10}),
    ),
    "EndpointSlice": (
        f"/apis/discovery.k8s.io/v1{NS}/endpointslices",
        _object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            addressType="IPv4",
            endpoints=[{"addresses": ["10.0.0.1"]}],
            ports=[{"name": "http", "port": 80, "protocol": "TCP"}],
        ),
    ),
    "Role": (f"{RBAC}{NS}/roles", _object("rbac.authorization.k8s.io/v1", "Role", rules=RULES)),
    "RoleBinding": (f"{RBAC}{NS}/rolebindings", _binding("RoleBinding")),
    "ClusterRole": (f"{RBAC}/clusterroles", _object("rbac.authorization.k8s.io/v1", "ClusterRole", rules=RULES)),
    "ClusterRoleBinding": (f"{RBAC}/clusterrolebindings", _binding("ClusterRoleBinding")),
    "PriorityClass": (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        _object("scheduling.k8s.io/v1", "PriorityClass", value=1000),
    ),
}
"""By kind: the collection's path and an object named `seeded` (the newer event: `seeded-new`)."""


def path_of(kind: str) -> str:
    return VALID[kind][0]


def one(kind: str) -> str:
    """The path of the seeded object."""
    path, obj = VALID[kind]
    return f"{path}/{obj['metadata']['name']}"


def plural(kind: str) -> str:
    return path_of(kind).rpartition("/")[2]


def resource(kind: str) -> str:
    """The name in error texts: `deployments.apps`."""
    group = VALID[kind][1]["apiVersion"].rpartition("/")[0].removeprefix("events.k8s.io")
    return f"{plural(kind)}.{group}" if group else plural(kind)


def qualified_kind(kind: str) -> str:
    """The name in validation errors: `Deployment.apps`."""
    obj = VALID[kind][1]
    group = obj["apiVersion"].rpartition("/")[0]
    return f"{obj['kind']}.{group}" if group else str(obj["kind"])


def is_namespaced(kind: str) -> bool:
    return "/namespaces/" in path_of(kind)
