"""Binds a pod's claims before the pod: writes what was decided and waits for the volume controller.

What: `VolumeBinder.bind` puts the claim into each chosen volume, asks for volumes to be made for the others (annotation
`selected-node`), and returns when all are bound. Why: a pod must not start before its volumes exist. The wait ends after
`bindTimeoutSeconds` or when the request to make a volume is taken back: then the pod is placed anew.
Upstream: plugins/volumebinding BindPodVolumes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import SELECTED_NODE, Binding, Claim, Storage, Volume, key_of
from kubelite.util.log import get_logger

log = get_logger(__name__)
MERGE = {"Content-Type": "application/merge-patch+json"}


class VolumeBinder:
    """The writes for claims and volumes."""

    def __init__(self, client: Client, storage: Storage) -> None:
        self.client, self.storage = client, storage
        self._moved = asyncio.Event()

    def changed(self) -> None:
        """Something about storage is different: those who wait look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def bind(self, info: PodInfo, node: str, binding: Binding) -> bool:
        """Whether all claims are bound; False: the pod has to be placed anew."""
        try:
            for claim, volume in binding.static:
                await self._take(claim, volume)
            for claim in binding.dynamic:
                await self._ask(claim, node)
            async with asyncio.timeout(binding.seconds):
                return await self._bound(binding, node)
        except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Could not bind the volumes of a pod", pod=info.key, node=node, error=error)
            return False

    async def _take(self, claim: Claim, volume: Volume) -> None:
        if volume.spec.claimRef is not None and volume.spec.claimRef.uid:
            return
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
        await self._patch(path, {"metadata": head, "spec": {"claimRef": ref}})

    async def _ask(self, claim: Claim, node: str) -> None:
        if claim.metadata.annotations.get(SELECTED_NODE) == node:
            return
        meta = claim.metadata
        path = f"/api/v1/namespaces/{meta.namespace}/persistentvolumeclaims/{meta.name}"
        await self._patch(path, {"metadata": {"uid": meta.uid, "annotations": {SELECTED_NODE: node}}})

    async def _patch(self, path: str, body: dict[str, Any]) -> None:
        await self.client.request("PATCH", path, body=msgspec.json.encode(body), headers=MERGE)

    async def _bound(self, binding: Binding, node: str) -> bool:
        claims = [claim for claim, _ in binding.static] + list(binding.dynamic)
        asked = {key_of(claim): False for claim in binding.dynamic}
        while True:
            moved = self._moved
            present = [self.storage.claims.get(key_of(claim)) for claim in claims]
            if any(claim is None or claim.metadata.deletionTimestamp is not None for claim in present):
                return False
            found = [claim for claim in present if claim is not None]
            if all(claim.bound for claim in found):
                return True
            for claim in found:
                key = key_of(claim)
                if key not in asked or claim.bound:
                    continue
                selected = claim.metadata.annotations.get(SELECTED_NODE)
                if asked[key] and selected != node:
                    # The provisioner gave up on this node.
                    return False
                asked[key] = asked[key] or selected == node
            await moved.wait()
