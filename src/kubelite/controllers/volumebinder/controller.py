"""Does what `claims` and `volumes` say, one write after the other.

Flow: key of a claim or volume → step → write → step … until nothing is left to write → events. One worker: a choice among
volumes must see the choices before it. Every write carries the version that it was made from: whatever changed meanwhile wins,
and the key comes again. Pending claims are looked at every `Config.pvclaimbinder_sync_period` seconds, for their events.
Source: pkg/controller/volume/persistentvolume.
"""

from __future__ import annotations

from typing import Any

from kubelite.client.controller import Controller, Result
from kubelite.controllers.context import Context
from kubelite.controllers.volumebinder.claims import InvalidBinding, claim_step
from kubelite.controllers.volumebinder.step import Absent, Notice, Step, Write
from kubelite.controllers.volumebinder.view import CLAIM, VOLUME, View
from kubelite.controllers.volumebinder.volumes import volume_step
from kubelite.machinery.errors import StatusError

NAME = "persistentvolume-binder-controller"
COMPONENT = "persistentvolume-controller"
"""The source of its events."""
MAX_STEPS = 20
"""More writes in a row than any claim or volume needs."""


class VolumeBinder:
    """See the module."""

    def __init__(self, context: Context, period: float) -> None:
        self._client, self._period = context.client, period
        self._recorder = context.recorder(COMPONENT)
        self._view = View(context)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._view.claims, self._view.woken_by_claim)
        self.loop.watch(self._view.volumes, self._view.woken_by_volume)
        self.loop.watch(self._view.classes, self._view.woken_by_class)

    async def run(self) -> None:
        view = self._view
        await self.loop.run(view.claims, view.volumes, view.classes, view.pods)

    async def reconcile(self, key: str) -> Result | None:
        """Bring one claim or volume as far as it can come now."""
        for _ in range(MAX_STEPS):
            try:
                step = self._next(key)
            except InvalidBinding as error:
                self._tell(error.notice)
                raise
            if step.absent is not None and not await self._is_absent(step.absent):
                return Result(1.0)  # the watch will tell
            for notice in step.notices:
                self._tell(notice)
            if step.write is None:
                return Result(self._period) if step.again else None
            await self._do(step.write)
        return Result(self._period)

    def _tell(self, notice: Notice) -> None:
        self._recorder.event(notice.kind, notice.obj, notice.type, notice.reason, notice.message)

    def _next(self, key: str) -> Step:
        if key.startswith(CLAIM):
            claim = self._view.claim(key.removeprefix(CLAIM))
            return claim_step(claim, self._view) if claim is not None else Step()
        volume = self._view.volume(key.removeprefix(VOLUME))
        return volume_step(volume, self._view) if volume is not None else Step()

    async def _do(self, write: Write) -> None:
        self._view.wrote(await self._client.update(write.kind, write.obj, subresource=write.subresource))

    async def _is_absent(self, absent: Absent) -> bool:
        try:
            found: Any = await self._client.get(absent.kind, absent.name, absent.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return True
        return bool(absent.uid) and found.metadata.uid != absent.uid
