"""Binds a pod's claims before the pod: writes what was decided and waits for the volume controller.

What: `VolumeBinder.bind` puts the claim into each chosen volume, asks for volumes to be made for the others (annotation
`selected-node`), and returns when all are bound. Why: a pod must not start before its volumes exist. The wait ends after
`bindTimeoutSeconds`, when the request to make a volume is taken back, or when a volume is for another claim or for other nodes
after all: then the pod is placed anew.
Upstream: plugins/volumebinding BindPodVolumes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.binding import BindingFailed
from kubelite.scheduler.nodes import NodeTable
from kubelite.scheduler.plugins.volume_binding import reaches
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import SELECTED_NODE, Binding, Claim, Meta, Storage, Volume, key_of
from kubelite.util.log import get_logger

log = get_logger(__name__)
MERGE = {"Content-Type": "application/merge-patch+json"}


class VolumeBinder:
    """The writes for claims and volumes."""

    def __init__(self, client: Client, storage: Storage, nodes: NodeTable) -> None:
        self.client, self.storage, self.nodes = client, storage, nodes
        self._moved = asyncio.Event()

    def changed(self) -> None:
        """Something about storage is different: those who wait look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def bind(self, info: PodInfo, node: str, binding: Binding) -> None:
        """Returns when all claims are bound. Raises BindingFailed."""
        try:
            written = {volume.metadata.name: await self._take(claim, volume) for claim, volume in binding.static}
            for claim in binding.dynamic:
                await self._ask(claim, node)
        except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Could not bind the volumes of a pod", pod=info.key, node=node, error=error)
            raise BindingFailed(str(error)) from None
        try:
            async with asyncio.timeout(binding.seconds):
                await self._bound(binding, node, written)
        except (BindingFailed, TimeoutError) as error:
            text = str(error) if isinstance(error, BindingFailed) else "context deadline exceeded"
            log.warning("The volumes of a pod were not bound", pod=info.key, node=node, error=text)
            raise BindingFailed(f"binding volumes: {text}") from None

    async def _take(self, claim: Claim, volume: Volume) -> int:
        """Puts the claim into a volume; the volume's version since."""
        if volume.spec.claimRef is not None and volume.spec.claimRef.uid:
            return version(volume.metadata)
        meta = claim.metadata
        ref = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        }
        head = {
            "resourceVersion": volume.metadata.resourceVersion,
            "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"},
        }
        path = f"/api/v1/persistentvolumes/{volume.metadata.name}"
        return await self._patch(path, {"metadata": head, "spec": {"claimRef": ref}})

    async def _ask(self, claim: Claim, node: str) -> None:
        if claim.metadata.annotations.get(SELECTED_NODE) == node:
            return
        meta = claim.metadata
        path = f"/api/v1/namespaces/{meta.namespace}/persistentvolumeclaims/{meta.name}"
        await self._patch(path, {"metadata": {"uid": meta.uid, "annotations": {SELECTED_NODE: node}}})

    async def _patch(self, path: str, body: dict[str, Any]) -> int:
        """Writes, and gives the version of what was written."""
        answer = await self.client.request("PATCH", path, body=msgspec.json.encode(body), headers=MERGE)
        return version(msgspec.json.decode(answer.body, type=_Written).metadata)

    async def _bound(self, binding: Binding, node: str, written: dict[str, int]) -> None:
        """Returns when all claims are bound. Raises BindingFailed when that cannot be hoped for."""
        asked = {key_of(claim): False for claim in binding.dynamic}
        while True:
            moved = self._moved
            done = [self._volume_taken(claim, volume, node, written) for claim, volume in binding.static]
            for claim in binding.dynamic:
                current = self._claim(claim, "failed to check provisioning pvc")
                key, selected = key_of(claim), current.metadata.annotations.get(SELECTED_NODE)
                if asked[key] and selected != node and not current.bound:
                    raise BindingFailed(f'provisioning failed for PVC "{claim.metadata.name}"')
                asked[key] = asked[key] or selected == node
                done.append(self._volume_made(current, node))
            if all(done):
                return
            await moved.wait()

    def _claim(self, claim: Claim, attempt: str) -> Claim:
        current = self.storage.claims.get(key_of(claim))
        if current is None:
            raise BindingFailed(f'{attempt}: could not find v1.PersistentVolumeClaim "{key_of(claim)}"')
        if current.metadata.deletionTimestamp is not None:
            raise BindingFailed(f'{attempt}: persistentvolumeclaim "{claim.metadata.name}" is being deleted')
        return current

    def _volume_taken(self, claim: Claim, volume: Volume, node: str, written: dict[str, int]) -> bool:
        """Whether a claim is bound to the volume that was chosen for it."""
        name = volume.metadata.name
        known = self.storage.volumes.get(name)
        if known is None:
            raise BindingFailed(f'failed to check binding: could not find v1.PersistentVolume "{name}"')
        current = self._claim(claim, "failed to check binding")
        if version(known.metadata) < written[name]:
            # The watch has not told of it yet.
            return False
        self._check_reach(known, node)
        if known.spec.claimRef is None or not known.spec.claimRef.uid:
            raise BindingFailed(f'ClaimRef got reset for pv "{name}"')
        return current.bound

    def _volume_made(self, claim: Claim, node: str) -> bool:
        """Whether a volume was made for the claim, where the node reaches it."""
        if claim.spec.volumeName:
            volume = self.storage.volumes.get(claim.spec.volumeName)
            if volume is None:
                return False
            self._check_reach(volume, node)
        return claim.bound

    def _check_reach(self, volume: Volume, node: str) -> None:
        position = self.nodes.index.get(node)
        found = self.nodes.objects[position] if position is not None else None
        if found is not None and not reaches(volume, found):
            name = volume.metadata.name
            raise BindingFailed(
                f'pv "{name}" node affinity doesn\'t match node "{node}": no matching NodeSelectorTerms'
            )


class _Written(msgspec.Struct):
    metadata: Meta


def version(meta: Meta) -> int:
    """The resourceVersion as a number that grows."""
    return int(meta.resourceVersion) if meta.resourceVersion.isdecimal() else 0
