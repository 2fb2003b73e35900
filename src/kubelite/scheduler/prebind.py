"""What is done between the choice of a node and the binding: volumes are made or bound, devices are given to claims.

What: `Prebinder.run` tells which node is expected (status.nominatedNodeName), then does the work of the plugins; `recall` ends it
early. Why: the work can take minutes: others should see where the pod will go, and who needs the room, or sees the pod or the
node vanish, must be able to stop it; such a pod is placed anew. Upstream: schedule_one.go bindingCycle,
framework/runtime pods_in_prebind_map.go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kubelite.scheduler.binding import BindingFailed, patch_status
from kubelite.scheduler.claims import ClaimBinder
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import Binding
from kubelite.scheduler.volumes import VolumeBinder

VOLUMES, DEVICES = "VolumeBinding", "DynamicResources"
CANCELLED = "context canceled"


@dataclass(slots=True)
class Underway:
    """One pod's work."""

    work: asyncio.Task[None]
    node: str
    why: str = ""
    """Why it was recalled."""


class Prebinder:
    """The work for all pods that are between choice and binding, by the uid of the pod."""

    def __init__(self, volumes: VolumeBinder, claims: ClaimBinder) -> None:
        self.volumes, self.claims = volumes, claims
        self.underway: dict[str, Underway] = {}

    async def run(self, info: PodInfo, node: str, binding: Binding) -> None:
        """Returns when the pod can be bound. Raises BindingFailed."""
        found = Underway(asyncio.create_task(self._work(info, node, binding)), node)
        self.underway[info.uid] = found
        try:
            await found.work
        except asyncio.CancelledError:
            if not found.why:
                raise
            step = VOLUMES if binding.static or binding.dynamic else DEVICES
            text = f"binding volumes: {found.why}" if step == VOLUMES else found.why
            raise BindingFailed(f'running PreBind plugin "{step}": {text}') from None
        finally:
            del self.underway[info.uid]

    async def _work(self, info: PodInfo, node: str, binding: Binding) -> None:
        if info.pod.status.nominatedNodeName != node:
            await patch_status(self.volumes.client, info, {"nominatedNodeName": node})
        step = VOLUMES
        try:
            if binding.static or binding.dynamic:
                await self.volumes.bind(info, node, binding)
            step = DEVICES
            if binding.devices:
                await self.claims.bind(info, node, binding.devices, binding.devices_seconds)
        except BindingFailed as failure:
            raise BindingFailed(f'running PreBind plugin "{step}": {failure}') from None

    def recall(self, uid: str, why: str = CANCELLED) -> bool:
        """Ends the work for a pod, which is then placed anew; False: there is none, or it is done."""
        return self._end(self.underway.get(uid), why)

    def node_gone(self, name: str) -> None:
        """Nothing more is done for pods that were to go there."""
        for found in list(self.underway.values()):
            if found.node == name:
                self._end(found, f'failed to get node "{name}": node "{name}" not found')

    @staticmethod
    def _end(found: Underway | None, why: str) -> bool:
        if found is None or found.work.done():
            return False
        found.why = found.why or why
        return found.work.cancel()
