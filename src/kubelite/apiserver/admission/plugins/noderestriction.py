"""NodeRestriction: a kubelet changes its own Node, its own Lease, and the pods bound to it; nothing of its neighbours.

Its own CSINode and ResourceSlices count too. Source: plugin/pkg/admission/noderestriction/admission.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kubelite.api.types.authentication_v1 import TokenRequest
from kubelite.api.types.core_v1 import Node, PersistentVolumeClaim, Pod
from kubelite.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Plugin, denied
from kubelite.apiserver.authz.node import NODE_LEASES, node_of
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind

MIRROR = "kubernetes.io/config.mirror"
RESTRICTED_SUFFIX = "node-restriction.kubernetes.io"
KUBELET_LABELS = {
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
}
KUBELET_LABEL_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
RESOURCES = {"Pod", "Node", "Lease", "ServiceAccount", "PersistentVolumeClaim", "CSINode", "ResourceSlice"}

PodByName = Callable[[str, str], Pod | None]
AudienceCheck = Callable[[AdmissionRequest, Pod], Awaitable[None]]


class NodeRestriction(Plugin):
    """`pod` finds a pod by namespace and name; `audience` refuses tokens for audiences that the pod does not use."""

    name = "NodeRestriction"

    def __init__(self, pod: PodByName, audience: AudienceCheck) -> None:
        self._pod = pod
        self._audience = audience

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind in RESOURCES and operation in (CREATE, UPDATE, DELETE)

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        node = node_of(request.user) if request.user is not None else ""
        if not node:
            return None
        kind, subresource = request.kind.kind, request.subresource
        if kind == "Pod":
            self._pods(request, node)
        elif kind == "Node":
            _nodes(request, node)
        elif kind == "Lease":
            _leases(request, node)
        elif kind == "PersistentVolumeClaim":
            _claims(request, node)
        elif kind == "CSINode":
            _csi_nodes(request, node)
        elif kind == "ResourceSlice":
            _slices(request, node)
        elif kind == "ServiceAccount" and subresource == "token":
            return self._audience(request, self._tokens(request, node))
        return None

    def _pods(self, request: AdmissionRequest, node: str) -> None:
        if request.subresource == "eviction":
            self._own_pod(request, node, f"node '{node}' can only evict pods with spec.nodeName set to itself")
        elif request.subresource == "status":
            old: Pod = request.old
            if old.spec.nodeName != node:
                raise denied(
                    request, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
                )
            if request.object.metadata.labels != old.metadata.labels:
                raise denied(request, f'node "{node}" cannot update labels through pod status')
        elif request.subresource:
            raise denied(
                request, f"unexpected pod subresource {request.subresource!r}, only 'status' and 'eviction' are allowed"
            )
        elif request.operation == CREATE:
            _mirror_pod(request, node)
        elif request.operation == DELETE:
            self._own_pod(request, node, f'node "{node}" can only delete pods with spec.nodeName set to itself')
        else:
            raise denied(
                request,
                f"unexpected operation {request.operation}, node {node!r} can only create and delete mirror pods",
            )

    def _own_pod(self, request: AdmissionRequest, node: str, why: str) -> None:
        pod = request.old or self._pod(request.namespace, request.name)
        if pod is not None and pod.spec.nodeName != node:
            raise denied(request, why)

    def _tokens(self, request: AdmissionRequest, node: str) -> Pod:
        """The pod that the token is for."""
        asked: TokenRequest = request.object
        bound = asked.spec.boundObjectRef
        if bound is None or bound.kind != "Pod" or bound.apiVersion != "v1" or not bound.name:
            raise denied(request, "node requested token not bound to a pod")
        if not bound.uid:
            raise denied(request, "node requested token with a pod binding without a uid")
        pod = self._pod(request.namespace, bound.name)
        if pod is None:
            raise denied(request, f'pod "{bound.name}" not found')
        if pod.metadata.uid != bound.uid:
            raise denied(
                request, f"the UID in the bound object reference ({bound.uid}) does not match the UID in record"
            )
        if pod.spec.nodeName != node:
            raise denied(request, "node requested token bound to a pod scheduled on a different node")
        return pod


def _mirror_pod(request: AdmissionRequest, node: str) -> None:
    pod: Pod = request.object
    if MIRROR not in pod.metadata.annotations:
        raise denied(request, f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods')
    if pod.spec.nodeName != node:
        raise denied(request, f'node "{node}" can only create pods with spec.nodeName set to itself')
    owners = pod.metadata.ownerReferences
    if len(owners) > 1:
        raise denied(request, f'node "{node}" can only create pods with a single owner reference set to itself')
    for owner in owners:
        if (owner.apiVersion, owner.kind, owner.name) != ("v1", "Node", node):
            raise denied(request, f'node "{node}" can only create pods with an owner reference set to itself')


def _nodes(request: AdmissionRequest, node: str) -> None:
    name = request.name or (request.object.metadata.name if request.object is not None else "")
    if name != node:
        raise denied(request, f'node "{node}" is not allowed to modify node "{name}"')
    new: Node | None = request.object
    old: Node | None = request.old
    if new is None or request.operation == DELETE:
        return
    if request.operation == CREATE:
        if new.spec.configSource is not None:
            raise denied(request, "cannot create with non-nil configSource")
        before: dict[str, str] = {}
    else:
        before = old.metadata.labels if old is not None else {}
        if old is not None and old.spec.taints != new.spec.taints:
            raise denied(request, f'node "{node}" is not allowed to modify taints')
    forbidden = sorted(
        label
        for label in {*before, *new.metadata.labels}
        if before.get(label) != new.metadata.labels.get(label)
        and not _may_set(label, creating=request.operation == CREATE)
    )
    if forbidden:
        raise denied(request, f"is not allowed to modify labels: {', '.join(forbidden)}")


def _may_set(label: str, *, creating: bool) -> bool:
    domain, slash, _ = label.partition("/")
    if not slash:
        return True
    if domain == RESTRICTED_SUFFIX or domain.endswith("." + RESTRICTED_SUFFIX):
        return False
    if label in KUBELET_LABELS:
        return True
    if any(domain == one or domain.endswith("." + one) for one in KUBELET_LABEL_DOMAINS):
        return True
    reserved = any(domain == one or domain.endswith("." + one) for one in ("kubernetes.io", "k8s.io"))
    return not reserved


def _claims(request: AdmissionRequest, node: str) -> None:
    """A volume that has grown on its node: size and state of that, nothing else."""
    if request.subresource != "status":
        raise denied(request, "may only update PVC status")
    if request.operation != UPDATE:
        raise denied(request, f'unexpected operation "{request.operation}"')
    if _claim_rest(request.object) != _claim_rest(request.old):
        raise denied(
            request, f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
        )


def _claim_rest(claim: PersistentVolumeClaim) -> PersistentVolumeClaim:
    """All that a kubelet must leave as it is."""
    rest = codec.clone(claim)
    rest.metadata.resourceVersion, rest.metadata.managedFields = "", []
    rest.status.capacity, rest.status.conditions = {}, []
    rest.status.allocatedResources, rest.status.allocatedResourceStatuses = {}, {}
    return rest


def _csi_nodes(request: AdmissionRequest, node: str) -> None:
    name = request.name or (request.object.metadata.name if request.object is not None else "")
    if name != node:
        raise denied(request, "can only access CSINode with the same name as the requesting node")


def _slices(request: AdmissionRequest, node: str) -> None:
    """Updates are the node authorizer's, which knows whose slice it is."""
    if request.operation == CREATE and request.object.spec.nodeName != node:
        raise denied(request, "can only create ResourceSlice with the same NodeName as the requesting node")
    if request.operation == DELETE and request.old is not None and request.old.spec.nodeName != node:
        raise denied(request, "can only delete ResourceSlice with the same NodeName as the requesting node")


def _leases(request: AdmissionRequest, node: str) -> None:
    if request.namespace != NODE_LEASES:
        raise denied(request, f'can only access leases in the "{NODE_LEASES}" system namespace')
    name = request.name or (request.object.metadata.name if request.object is not None else "")
    if name != node:
        raise denied(request, "can only access leases with the same name as the requesting node")
