"""What a kubelet may do beyond what everybody may: read what its pods refer to, and nothing of other nodes' pods.

What: `NodeMode`, an authorizer for users `system:node:<name>` of the group system:nodes; `PodGraph`, what each node's pods
refer to.
Why: a node that is taken over must not read every secret of the cluster.
Flow: the pod cache feeds `PodGraph.set_pod`; a get of a secret, configmap, claim or account is allowed if a pod of that node
names it. Other rights are the rules of the role system:node. Source: plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kubelite.api.logic.rbac import Permissions
from kubelite.api.types.core_v1 import Container, EphemeralContainer, Pod, Volume
from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.apiserver.request import Attributes, UserInfo

NODES = "system:nodes"
USER_PREFIX = "system:node:"
Reference = tuple[str, str, str]
"""(resource, namespace, name)"""

GUARDED = {"secrets", "configmaps", "persistentvolumeclaims", "serviceaccounts"}
NODE_LEASES = "kube-node-lease"


def node_of(user: UserInfo) -> str:
    """The node that a user is the kubelet of; "" for other users (nodeidentifier.NewDefaultNodeIdentifier)."""
    if user.name.startswith(USER_PREFIX) and NODES in user.groups:
        return user.name[len(USER_PREFIX) :]
    return ""


def references(pod: Pod) -> set[Reference]:
    """The objects of its namespace that a pod needs on its node."""
    namespace, spec = pod.metadata.namespace, pod.spec
    found: set[Reference] = set()
    if spec.serviceAccountName:
        found.add(("serviceaccounts", namespace, spec.serviceAccountName))
    found.update(("secrets", namespace, one.name) for one in spec.imagePullSecrets)
    containers: list[Container | EphemeralContainer] = [
        *spec.initContainers,
        *spec.containers,
        *spec.ephemeralContainers,
    ]
    for container in containers:
        found.update((resource, namespace, name) for resource, name in _of_container(container))
    for volume in spec.volumes:
        found.update((resource, namespace, name) for resource, name in _of_volume(volume, pod.metadata.name))
    return {one for one in found if one[2]}


def _of_container(container: Container | EphemeralContainer) -> Iterator[tuple[str, str]]:
    for source in container.envFrom:
        if source.secretRef is not None:
            yield "secrets", source.secretRef.name
        if source.configMapRef is not None:
            yield "configmaps", source.configMapRef.name
    for variable in container.env:
        value = variable.valueFrom
        if value is not None and value.secretKeyRef is not None:
            yield "secrets", value.secretKeyRef.name
        if value is not None and value.configMapKeyRef is not None:
            yield "configmaps", value.configMapKeyRef.name


def _of_volume(volume: Volume, pod: str) -> Iterator[tuple[str, str]]:
    if volume.secret is not None:
        yield "secrets", volume.secret.secretName
    if volume.configMap is not None:
        yield "configmaps", volume.configMap.name
    if volume.persistentVolumeClaim is not None:
        yield "persistentvolumeclaims", volume.persistentVolumeClaim.claimName
    if volume.ephemeral is not None:
        yield "persistentvolumeclaims", f"{pod}-{volume.name}"
    if volume.csi is not None and volume.csi.nodePublishSecretRef is not None:
        yield "secrets", volume.csi.nodePublishSecretRef.name
    for source in volume.projected.sources if volume.projected is not None else ():
        if source.secret is not None:
            yield "secrets", source.secret.name
        if source.configMap is not None:
            yield "configmaps", source.configMap.name


class _PlacedSpec(msgspec.Struct, gc=False):
    nodeName: str = ""


class _Placed(msgspec.Struct, gc=False):
    spec: _PlacedSpec


_node_name = msgspec.json.Decoder(_Placed).decode
_pod = msgspec.json.Decoder(Pod).decode


class PodGraph:
    """For every node, how many of its pods refer to each object."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[Reference, int]] = {}
        self._pods: dict[tuple[str, str], tuple[str, set[Reference]]] = {}

    def set_body(self, namespace: str, name: str, body: bytes | None) -> None:
        """Like `set_pod` with stored bytes. Once bound, a pod's references stay the same, so status changes cost little."""
        known = self._pods.get((namespace, name))
        if body is None:
            self.set_pod(namespace, name, None)
        elif (known is None or b'"ephemeralContainers"' in body) and _node_name(body).spec.nodeName:
            self.set_pod(namespace, name, _pod(body))

    def set_pod(self, namespace: str, name: str, pod: Pod | None) -> None:
        """Adds, replaces or (None) removes a pod."""
        node, wanted = ("", set[Reference]()) if pod is None else (pod.spec.nodeName, references(pod))
        before = self._pods.pop((namespace, name), None)
        if before is not None and before == (node, wanted):
            self._pods[namespace, name] = before
            return
        if before is not None:
            self._count(before[0], before[1], -1)
        if node:
            self._count(node, wanted, 1)
            self._pods[namespace, name] = (node, wanted)

    def _count(self, node: str, wanted: set[Reference], by: int) -> None:
        counts = self._nodes.setdefault(node, {})
        for one in wanted:
            counts[one] = counts.get(one, 0) + by
            if not counts[one]:
                del counts[one]
        if not counts:
            del self._nodes[node]

    def has(self, node: str, resource: str, namespace: str, name: str) -> bool:
        """Whether a pod of the node refers to the object."""
        return (resource, namespace, name) in self._nodes.get(node, ())


class NodeMode:
    """The authorizer: `rules` are those of the role system:node."""

    def __init__(self, graph: PodGraph, rules: list[PolicyRule]) -> None:
        self._graph = graph
        self._rules = Permissions(rules)

    def allows(self, user: UserInfo, attributes: Attributes) -> bool:
        node = node_of(user)
        if not node:
            return False
        a = attributes
        if not a.is_resource:
            return False
        if a.group == "" and a.resource in GUARDED and a.subresource != "status":
            return self._allows_guarded(node, a)
        if a.group == "coordination.k8s.io" and a.resource == "leases":
            return a.namespace == NODE_LEASES and (a.verb == "create" or a.name == node) and a.verb in _LEASE_VERBS
        if a.group == "" and a.resource == "pods" and not self._allows_pods(node, a):
            return False
        return self._rules.allows(a.verb, a.group, a.resource, a.subresource, a.name)

    def _allows_guarded(self, node: str, a: Attributes) -> bool:
        if a.resource == "serviceaccounts" and a.subresource == "token":
            return a.verb == "create" and self._graph.has(node, a.resource, a.namespace, a.name)
        if a.verb not in ("get", "list", "watch") or a.subresource:
            return False
        return bool(a.name) and self._graph.has(node, a.resource, a.namespace, a.name)

    def _allows_pods(self, node: str, a: Attributes) -> bool:
        """Lists and watches must select the node's own pods."""
        if a.verb not in ("list", "watch") or a.name:
            return True
        return f"spec.nodeName={node}" in a.field_selector.replace("==", "=").split(",")

    def reason(self, user: UserInfo, attributes: Attributes, *, allowed: bool) -> str:
        node = node_of(user)
        if allowed or not node or attributes.resource not in GUARDED or not attributes.is_resource:
            return ""
        if attributes.verb not in ("get", "list", "watch"):
            return ""
        if not attributes.name:
            return "No Object name found"
        return f"no relationship found between node '{node}' and this object"


_LEASE_VERBS = {"get", "create", "update", "patch", "delete"}
