"""What the files of a pod's generated volumes are made of, fetched and put together.

What: `Contents.of` (the files of one volume) and `Contents.fingerprint` (changes when any file may have changed).
Why: the manager decides where and when, this module what. Flow: volume → cached objects, tokens, node → payload.
Raises ValueError with the user's text, SyncError when the API cannot be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from kubelite.api.types.core_v1 import DownwardAPIVolumeFile, KeyToPath, Pod, Volume, VolumeProjection
from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.volumes import payload
from kubelite.kubelet.volumes.atomic import File
from kubelite.kubelet.volumes.objects import KindName, shared_objects
from kubelite.kubelet.volumes.payload import DEFAULT_MODE
from kubelite.kubelet.volumes.tokens import TokenCache

GENERATED: Final = {
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}
"""Volume types made here, and their directory below `volumes`."""


class Contents:
    """The payloads of one kubelet's pods."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.objects = shared_objects(context)
        self.tokens = TokenCache(context.client, context.resync)

    async def of(self, pod: Pod, volume: Volume) -> dict[str, File]:
        """All files of a generated volume."""
        if volume.configMap:
            source = volume.configMap
            mode = DEFAULT_MODE if source.defaultMode is None else source.defaultMode
            return await self._object(pod, "configmap", source.name, source.items, mode, bool(source.optional))
        if volume.secret:
            secret = volume.secret
            mode = DEFAULT_MODE if secret.defaultMode is None else secret.defaultMode
            return await self._object(pod, "secret", secret.secretName, secret.items, mode, bool(secret.optional))
        if volume.downwardAPI:
            chosen = volume.downwardAPI.defaultMode
            return self._downward(pod, volume.downwardAPI.items, DEFAULT_MODE if chosen is None else chosen)
        files: dict[str, File] = {}
        if volume.projected:
            mode = DEFAULT_MODE if volume.projected.defaultMode is None else volume.projected.defaultMode
            for projection in volume.projected.sources:
                files.update(await self._projection(pod, projection, mode))
        return files

    async def _projection(self, pod: Pod, source: VolumeProjection, mode: int) -> dict[str, File]:
        if source.configMap:
            part = source.configMap
            return await self._object(pod, "configmap", part.name, part.items, mode, bool(part.optional))
        if source.secret:
            hidden = source.secret
            return await self._object(pod, "secret", hidden.name, hidden.items, mode, bool(hidden.optional))
        if source.downwardAPI:
            return self._downward(pod, source.downwardAPI.items, mode)
        if source.serviceAccountToken:
            token = await self.tokens.get(pod, source.serviceAccountToken)
            group = pod.spec.securityContext.fsGroup if pod.spec.securityContext else None
            return payload.of_token(source.serviceAccountToken.path, token, mode, payload.fs_user(pod), group)
        for name in ("clusterTrustBundle", "podCertificate"):
            if getattr(source, name):
                raise ValueError(f'projected source "{name}" is not supported by this kubelet')
        return {}

    async def _object(
        self, pod: Pod, kind: KindName, name: str, items: list[KeyToPath], mode: int, optional: bool
    ) -> dict[str, File]:
        obj = await self.objects.use(pod.metadata.uid, kind, pod.metadata.namespace, name)
        return payload.of_object(obj, kind, name, items, mode, optional)

    def _downward(self, pod: Pod, items: list[DownwardAPIVolumeFile], mode: int) -> dict[str, File]:
        node = self._context.node()
        return payload.of_downward(pod, items, mode, node.status.allocatable if node is not None else {})

    def fingerprint(self, pod: Pod) -> tuple[object, ...]:
        """Equal to the last one when no file can have changed: versions of all objects, labels, annotations, resources."""
        meta = pod.metadata
        versions = [self.objects.version(kind, meta.namespace, name) for kind, name in references(pod)]
        own = msgspec.json.encode([meta.labels, meta.annotations, [c.resources for c in pod.spec.containers]])
        return (*versions, own, self.tokens.due(meta.uid))


def references(pod: Pod) -> Iterator[tuple[KindName, str]]:
    """Every config map and secret that the pod's volumes name."""
    for volume in pod.spec.volumes:
        if volume.configMap:
            yield "configmap", volume.configMap.name
        if volume.secret:
            yield "secret", volume.secret.secretName
        for source in volume.projected.sources if volume.projected else ():
            if source.configMap:
                yield "configmap", source.configMap.name
            if source.secret:
                yield "secret", source.secret.name
