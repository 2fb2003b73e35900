"""Deletes finished Jobs when their time has run out.

Flow: a Job with `ttlSecondsAfterFinished` that has finished → wait → the Job as the server has it → delete with its pods, in the
foreground. Source: pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from datetime import timedelta

from kubelite.api.batch.job import JOB
from kubelite.api.types.batch_v1 import Job
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.ttlafterfinished.plan import seconds_left
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "ttl-after-finished-controller"
DELAYS = "ttl_after_finished_controller_job_deletion_duration_seconds"
BUCKETS = tuple(0.1 * 2**power for power in range(14))
log = get_logger(__name__)


class TtlAfterFinishedController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._jobs: Informer[Job] = context.informers.get(JOB)
        text = "The time it took to delete the job since it became eligible for deletion"
        self._delays = context.metrics.histogram(DELAYS, text, buckets=BUCKETS)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._jobs, _limited)

    async def run(self) -> None:
        await self.loop.run(self._jobs)

    async def reconcile(self, key: str) -> Result | None:
        """Delete one Job if its time has run out."""
        cached = self._jobs.get(key)
        left = seconds_left(cached, self._clock.now()) if cached is not None else None
        if left is None:
            return None
        if left > 0:
            return Result(left)
        namespace, name = split_key(key)
        try:
            job = await self._client.get(JOB, name, namespace, type=Job)
            left = seconds_left(job, self._clock.now())  # its time may have been prolonged
            if left is None:
                return None
            if left > 0:
                return Result(left)
            log.info("Deleting a finished Job", job=key)
            preconditions = Preconditions(uid=job.metadata.uid, resourceVersion=job.metadata.resourceVersion)
            options = DeleteOptions(propagationPolicy="Foreground", preconditions=preconditions)
            due = self._clock.now() + timedelta(seconds=left)
            await self._client.delete(JOB, name, namespace, options=options)
            self._delays.observe((self._clock.now() - due).total_seconds())
        except StatusError as error:
            if error.code != 404:
                raise
        return None


def _limited(change: Change[Job]) -> list[str]:
    new = change.new
    return [object_key(new)] if new is not None and new.spec.ttlSecondsAfterFinished is not None else []
