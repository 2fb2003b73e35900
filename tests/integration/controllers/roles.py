"""The rights that the tests give controllers: those of their own default roles, and the manager's right to read everything.

What: `grant(api, names)` binds the roles of some controllers to the user of `CONTROLLERS_TOKEN`. Why: every test of a controller
is then a test of its role too: what the role forgets, the controller cannot do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from kubelite.controllers.registry import CONTROLLERS
from tests.apienv import CONTROLLERS_TOKEN, ApiEnv

RBAC = "/apis/rbac.authorization.k8s.io/v1"
USER = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "controllers"}]
PREFIX = "system:controller:"
_OTHER = {
    "bootstrap-signer-controller": (),
    "certificatesigningrequest-approving-controller": ("certificate-controller",),
    "certificatesigningrequest-cleaner-controller": ("certificate-controller",),
    "certificatesigningrequest-signing-controller": ("certificate-controller",),
    "daemonset-controller": ("daemon-set-controller",),
    "endpoints-controller": ("endpoint-controller",),
    "endpointslice-mirroring-controller": ("endpointslicemirroring-controller",),
    "garbage-collector-controller": ("generic-garbage-collector",),
    "horizontal-pod-autoscaler-controller": ("horizontal-pod-autoscaler",),
    "legacy-serviceaccount-token-cleaner-controller": ("legacy-service-account-token-cleaner",),
    "local-path-provisioner-controller": ("local-path-provisioner",),
    "node-ipam-controller": ("node-controller",),
    "node-lifecycle-controller": ("node-controller",),
    "persistentvolume-attach-detach-controller": ("attachdetach-controller",),
    "persistentvolume-binder-controller": ("persistent-volume-binder",),
    "persistentvolume-expander-controller": ("expand-controller",),
    "persistentvolume-protection-controller": ("pv-protection-controller",),
    "persistentvolumeclaim-protection-controller": ("pvc-protection-controller",),
    "pod-garbage-collector-controller": ("pod-garbage-collector",),
    "replicationcontroller-controller": ("replication-controller",),
    "resourceclaim-controller": ("resource-claim-controller",),
    "root-ca-certificate-publisher-controller": ("root-ca-cert-publisher",),
    "service-cidr-controller": ("service-cidrs-controller",),
    "serviceaccount-controller": ("service-account-controller",),
    "serviceaccount-token-controller": (),
    "storageversion-garbage-collector-controller": ("storage-version-garbage-collector",),
    "taint-eviction-controller": ("node-controller",),
    "token-cleaner-controller": (),
}
"""Controllers whose ClusterRole has another name, or that have none."""
_WHOLE = {
    "serviceaccount-token-controller": "system:kube-controller-manager",
    "cloud": "system:kubelite-cloud-controller-manager",
}
_NAMESPACED = {
    "bootstrap-signer-controller": (("kube-system", "bootstrap-signer"), ("kube-public", "bootstrap-signer")),
    "token-cleaner-controller": (("kube-system", "token-cleaner"),),
}


def cluster_roles(name: str) -> list[str]:
    """The ClusterRoles of a controller."""
    found = [PREFIX + role for role in _OTHER.get(name, (name,) if name in CONTROLLERS else ())]
    return [*found, _WHOLE[name]] if name in _WHOLE else found


def namespaced_roles(name: str) -> list[tuple[str, str]]:
    """(namespace, name) of the Roles of a controller."""
    return [(namespace, PREFIX + role) for namespace, role in _NAMESPACED.get(name, ())]


async def grant(api: ApiEnv, names: Iterable[str]) -> None:
    """Returns when the rights are there."""
    reading = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"]}]
    await _post(api, f"{RBAC}/clusterroles", {"metadata": {"name": "tests:reader"}, "rules": reading})
    roles = ["tests:reader", *dict.fromkeys(role for name in names for role in cluster_roles(name))]
    for namespace, role in dict.fromkeys(pair for name in names for pair in namespaced_roles(name)):
        await _bind(api, f"{RBAC}/namespaces/{namespace}/rolebindings", "Role", role)
    for role in reversed(roles):
        await _bind(api, f"{RBAC}/clusterrolebindings", "ClusterRole", role)
    for _ in range(1000):
        if (await api.get("/api/v1/nodes", token=CONTROLLERS_TOKEN)).status == 200:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the roles have no effect")


async def _bind(api: ApiEnv, path: str, kind: str, role: str) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    await _post(api, path, {"metadata": {"name": f"tests:{role}"}, "roleRef": reference, "subjects": USER})


async def _post(api: ApiEnv, path: str, body: Any) -> None:
    reply = await api.post(path, body)
    assert reply.status in (201, 409), reply.body  # a store may outlive a server
