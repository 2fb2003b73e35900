"""What is done now and then: orphans, dead containers, unused images.

What: `Housekeeper.run()` makes a round each minute (images each fifth). Why: nothing that a pod left may stay,
also when the kubelet was killed in the middle of removing it. Upstream: pkg/kubelet/kubelet_pods.go:HandlePodCleanups,
pkg/kubelet/images/image_gc_manager.go.
"""

from __future__ import annotations

import asyncio
import os
import time

from kubelite.kubelet.cgroups import Cgroups
from kubelite.kubelet.config import Config
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import VolumeManager
from kubelite.kubelet.pleg import Pleg
from kubelite.kubelet.podworkers.manager import PodWorkers
from kubelite.kubelet.runtime.cleaner import Cleaner
from kubelite.kubelet.runtime.observer import Observer
from kubelite.util.log import get_logger

log = get_logger(__name__)

ROUND = 60.0
IMAGES_EVERY = 5


class Housekeeper:
    """One per kubelet."""

    def __init__(
        self,
        config: Config,
        cri: Cri,
        observer: Observer,
        pleg: Pleg,
        workers: PodWorkers,
        cleaner: Cleaner,
        cgroups: Cgroups,
        volumes: VolumeManager,
    ) -> None:
        self._config = config
        self._cri = cri
        self._observer = observer
        self._pleg = pleg
        self._workers = workers
        self._cleaner = cleaner
        self._cgroups = cgroups
        self._volumes = volumes
        self._unused_since: dict[str, float] = {}

    async def run(self) -> None:
        """Never returns. Starts with a round, once pods and runtime are known."""
        rounds = 0
        while True:
            await self._pleg.listed.wait()
            try:
                await self.adopt_orphans()
                await self._trim_pods()
                if rounds % IMAGES_EVERY == 0:
                    await self.collect_images()
            except (CriError, OSError) as error:
                log.warning("Housekeeping failed", error=error)
            rounds += 1
            await asyncio.sleep(ROUND)

    async def adopt_orphans(self) -> None:
        """Pods that runtime, cgroups or disk know but no worker looks after are taken down."""
        known = {worker.uid for worker in self._workers.all()}
        disk = set(await asyncio.to_thread(self._cleaner.pod_directories))
        disk.update(await self._volumes.reconstruct())
        if self._config.cgroups_per_qos:
            disk |= await asyncio.to_thread(self._cgroups.pod_uids)
        for uid in (self._pleg.uids | disk) - known:
            if uid:
                self._workers.adopt_orphan(await self._observer.observe(uid))
        await asyncio.to_thread(self._cleaner.remove_orphan_logs, known | self._pleg.uids | disk)

    async def _trim_pods(self) -> None:
        for worker in self._workers.all():
            observed = await self._observer.observe(worker.uid)
            await self._cleaner.trim(worker.pod, observed)

    # --- images

    async def collect_images(self) -> None:
        """Above the high threshold removes unused images, longest unused first, down to the low one."""
        usage = await asyncio.to_thread(self._image_disk)
        images = await self._cri.list_images()
        used = {c.image_ref for c in await self._cri.list_containers()}
        now = time.monotonic()
        unused = {}
        for image in images:
            if image.id not in used and not image.pinned and not (set(image.repo_digests) & used):
                unused[image.id] = self._unused_since.get(image.id, now)
        self._unused_since = unused
        if usage is None or usage[0] * 100 < usage[1] * self._config.image_gc_high_threshold:
            return
        goal = usage[0] - usage[1] * self._config.image_gc_low_threshold // 100
        sizes = {image.id: int(image.size) for image in images}
        for image_id, since in sorted(unused.items(), key=lambda item: item[1]):
            if goal <= 0:
                break
            if now - since < self._config.image_minimum_gc_age:
                continue
            log.info("Removing an unused image", image=image_id, size=sizes[image_id])
            await self._cri.remove_image(image_id)
            goal -= sizes[image_id]

    def _image_disk(self) -> tuple[int, int] | None:
        """(used, total) bytes of the file system that holds the images."""
        try:
            disk = os.statvfs(self._config.root_dir)
        except OSError:
            return None
        total = disk.f_blocks * disk.f_frsize
        return total - disk.f_bavail * disk.f_frsize, total
