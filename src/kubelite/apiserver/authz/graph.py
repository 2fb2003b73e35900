"""What each node's pods refer to: the relations that decide what a kubelet may read.

What: `PodGraph`, fed by the caches, asked with `has`. Why: a request is on its way; walking all pods would take
milliseconds.
Flow: pods, persistent volumes, volume attachments and resource slices in, one change at a time; node <- pod <-
secret, configmap, claim, account; node <- pod <- claim <- volume <- secret; node <- attachment, slice. Mirror pods
relate to nothing but their node: a kubelet writes them itself. Source:
plugin/pkg/auth/authorizer/node/{graph,graph_populator}.go, pkg/api/persistentvolume/util.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import Container, EphemeralContainer, Pod, Volume

Reference = tuple[str, str, str]
"""(resource, namespace, name)"""

MIRROR = "kubernetes.io/config.mirror"
HIDDEN = ("controllerPublishSecretRef", "controllerExpandSecretRef")
"""Secrets of a volume that only controllers need."""


def references(pod: Pod) -> set[Reference]:
    """The pod itself and the objects of its namespace that it needs on its node."""
    namespace, spec = pod.metadata.namespace, pod.spec
    found: set[Reference] = {("pods", namespace, pod.metadata.name)}
    if MIRROR in pod.metadata.annotations:
        return found
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
    claims = [one.resourceClaimName for one in spec.resourceClaims]
    claims += [one.resourceClaimName for one in pod.status.resourceClaimStatuses]
    if pod.status.extendedResourceClaimStatus is not None:
        claims.append(pod.status.extendedResourceClaimStatus.resourceClaimName)
    found.update(("resourceclaims", namespace, name) for name in claims)
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
    if volume.azureFile is not None:
        yield "secrets", volume.azureFile.secretName
    for old in (
        volume.cephfs,
        volume.cinder,
        volume.flexVolume,
        volume.iscsi,
        volume.rbd,
        volume.scaleIO,
        volume.storageos,
    ):
        if old is not None and old.secretRef is not None:
            yield "secrets", old.secretRef.name
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


def volume_secrets(spec: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(namespace, name) of the secrets that a node needs to mount a persistent volume."""
    claim = spec.get("claimRef") or {}
    home = str(claim.get("namespace") or "")
    found: set[tuple[str, str]] = set()
    for source in spec.values():
        if not isinstance(source, dict):
            continue
        for key, value in source.items():
            if key.lower().endswith("secretref") and key not in HIDDEN and isinstance(value, dict):
                found.add((str(value.get("namespace") or home), str(value.get("name") or "")))
    azure = spec.get("azureFile")
    if isinstance(azure, dict):
        found.add((str(azure.get("secretNamespace") or home), str(azure.get("secretName") or "")))
    return {one for one in found if one[1]}


class PodGraph:
    """For every node, how many of its pods refer to each object; and what hangs on claims, volumes and nodes."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[Reference, int]] = {}
        self._pods: dict[tuple[str, str], tuple[str, set[Reference]]] = {}
        self._volumes: dict[str, tuple[tuple[str, str] | None, set[tuple[str, str]]]] = {}
        self._secrets: dict[tuple[str, str], set[str]] = {}
        self._placed: dict[tuple[str, str], str] = {}

    def set_volume(self, namespace: str, name: str, body: bytes | None) -> None:
        """Adds, replaces or (None) removes a PersistentVolume."""
        _, secrets = self._volumes.pop(name, (None, set()))
        for secret in secrets:
            volumes = self._secrets[secret]
            volumes.discard(name)
            if not volumes:
                del self._secrets[secret]
        if body is None:
            return
        spec = msgspec.json.decode(body).get("spec") or {}
        claim = spec.get("claimRef") or {}
        bound = (str(claim.get("namespace") or ""), str(claim["name"])) if claim.get("name") else None
        secrets = volume_secrets(spec) if bound else set()
        self._volumes[name] = (bound, secrets)
        for secret in secrets:
            self._secrets.setdefault(secret, set()).add(name)

    def set_attachment(self, namespace: str, name: str, body: bytes | None) -> None:
        """Adds, replaces or removes a VolumeAttachment."""
        self._place("volumeattachments", name, body)

    def set_slice(self, namespace: str, name: str, body: bytes | None) -> None:
        """Adds, replaces or removes a ResourceSlice."""
        self._place("resourceslices", name, body)

    def _place(self, resource: str, name: str, body: bytes | None) -> None:
        node = _node_name(body).spec.nodeName if body is not None else ""
        if node:
            self._placed[resource, name] = node
        else:
            self._placed.pop((resource, name), None)

    def set_body(self, namespace: str, name: str, body: bytes | None) -> None:
        """Like `set_pod` with stored bytes. Once bound, a pod's references stay the same, so status changes cost little."""
        known = self._pods.get((namespace, name))
        if body is None:
            self.set_pod(namespace, name, None)
        elif (known is None or b'"ephemeralContainers"' in body or b"esourceClaimStatus" in body) and _node_name(
            body
        ).spec.nodeName:
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
        """Whether the object is related to the node."""
        if resource in ("volumeattachments", "resourceslices"):
            return self._placed.get((resource, name)) == node
        wanted = self._nodes.get(node)
        if not wanted:
            return False
        if resource == "persistentvolumes":
            return self._has_volume(wanted, name)
        if (resource, namespace, name) in wanted:
            return True
        if resource != "secrets":
            return False
        return any(self._has_volume(wanted, volume) for volume in self._secrets.get((namespace, name), ()))

    def _has_volume(self, wanted: Mapping[Reference, int], name: str) -> bool:
        bound = self._volumes.get(name, (None, None))[0]
        return bound is not None and ("persistentvolumeclaims", *bound) in wanted
