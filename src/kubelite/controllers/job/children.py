"""The pods of Jobs: adopted with the finalizer by which they are counted, given up and released without it.

Upstream: pkg/controller/job (adoption), removeTrackingFinalizerPatch, syncOrphanPod.
"""

from __future__ import annotations

from typing import Any

from kubelite.client.client import Client
from kubelite.client.informer import Informer
from kubelite.controllers.children import Children
from kubelite.controllers.claims import adopt_patch, release_patch
from kubelite.controllers.job.pods import FINALIZER, has_finalizer
from kubelite.controllers.kinds import JOB, POD
from kubelite.controllers.objects import Pod
from kubelite.machinery.errors import StatusError

_REMOVE = {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}


async def _patch(client: Client, pod: Any, patch: dict[str, Any]) -> bool:
    """False if the pod is gone, or another one has its name.

    A conflict is an error: the pod may be there and still have its finalizer or its owner, and nothing would look again.
    """
    meta = pod.metadata
    try:
        await client.patch(POD, meta.name, patch, meta.namespace, patch_type="strategic", type=Pod)
    except StatusError as error:
        if error.code in (404, 422):
            return False
        raise
    return True


async def remove_finalizer(client: Client, pod: Any) -> bool:
    """Let the pod go; False if it is gone already. After a conflict it would be counted a second time, if that were no error."""
    if not has_finalizer(pod):
        return True
    return await _patch(client, pod, {"metadata": {"uid": pod.metadata.uid, **_REMOVE}})


class JobChildren(Children):
    """Children with a finalizer."""

    def __init__(self, client: Client, jobs: Informer[Any], pods: Informer[Pod]) -> None:
        super().__init__(client, JOB, jobs, pods)
        self._api = client

    async def adopt(self, owner: Any, pod: Pod) -> bool:
        patch = adopt_patch(owner, JOB, pod)
        patch["metadata"]["finalizers"] = [FINALIZER]
        return await _patch(self._api, pod, patch)

    async def release(self, owner: Any, pod: Pod) -> None:
        patch = release_patch(owner, pod)
        patch["metadata"] |= _REMOVE
        await _patch(self._api, pod, patch)
