"""Pods made and removed on behalf of a controller, with the events that tell of it.

What: `PodControl.create`, `delete`, `adopt`, `release`, and `slow_start` for batches.
Why: every workload controller does the same four things and users know the events by heart.
Flow: a controller's plan → these calls → the API server and the recorder. Texts and batch sizes follow
pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from kubelite.api.types.core_v1 import Pod, PodTemplateSpec
from kubelite.api.types.meta_v1 import DeleteOptions, OwnerReference, Preconditions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.recorder import Recorder
from kubelite.controllers.claims import adopt_patch, owner_reference, release_patch
from kubelite.controllers.context import gather_errors
from kubelite.controllers.kinds import POD
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


def is_terminating_namespace(error: Exception) -> bool:
    """True for the refusal to create in a namespace that is being deleted: nothing to retry, nothing to report."""
    if not isinstance(error, StatusError):
        return False
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes", ()))


def pod_of(template: PodTemplateSpec, owner: Any, kind: Kind) -> Pod:
    """The pod that `template` describes, owned by `owner`."""
    pod = Pod(spec=template.spec)
    meta = pod.metadata
    meta.namespace = owner.metadata.namespace
    meta.generateName = f"{owner.metadata.name}-"
    meta.labels = template.metadata.labels
    meta.annotations = template.metadata.annotations
    meta.finalizers = template.metadata.finalizers
    meta.ownerReferences = [OwnerReference(**owner_reference(owner, kind))]
    return pod


class PodControl:
    """The hands of one controller."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self._client = client
        self._recorder = recorder

    async def create(self, template: PodTemplateSpec, owner: Any, kind: Kind, prefix: str = "") -> None:
        """Create one pod and report it on `owner`; its name begins with `prefix` if given, else with the owner's name."""
        wanted = pod_of(template, owner, kind)
        if prefix:
            wanted.metadata.generateName = prefix
        try:
            pod = await self._client.create(POD, wanted)
        except (StatusError, ConnectionFailed) as error:
            if not is_terminating_namespace(error):
                self._recorder.event(kind, owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(kind, owner, "Normal", "SuccessfulCreate", f"Created pod: {pod.metadata.name}")

    async def delete(self, pod: Any, owner: Any, kind: Kind) -> None:
        """Delete this very pod; one that is gone already counts as an error 404 of the caller's."""
        meta = pod.metadata
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(POD, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code == 409:  # another pod bears the name by now: ours is gone
                raise StatusError(404, "NotFound", error.message) from error
            if error.code != 404:
                self._recorder.event(kind, owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        except ConnectionFailed as error:
            self._recorder.event(kind, owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(kind, owner, "Normal", "SuccessfulDelete", f"Deleted pod: {meta.name}")


async def adopt(client: Client, owner: Any, kind: Kind, child: Any, child_kind: Kind) -> bool:
    """Make `owner` the controller of `child`; False if the child is gone."""
    meta = child.metadata
    patch = adopt_patch(owner, kind, child)
    return await _patch_owner(client, child_kind, meta, patch, gone=(404,))


async def release(client: Client, owner: Any, child: Any, child_kind: Kind) -> bool:
    """Give `child` up; False if it is gone or was given up before."""
    meta = child.metadata
    return await _patch_owner(client, child_kind, meta, release_patch(owner, child), gone=(404, 422))


async def _patch_owner(client: Client, kind: Kind, meta: Any, patch: Any, *, gone: tuple[int, ...]) -> bool:
    try:
        await client.patch(kind, meta.name, patch, meta.namespace, patch_type="strategic")
    except StatusError as error:
        if error.code in gone:
            return False
        raise
    return True


async def slow_start(count: int, job: Callable[[], Awaitable[None]], first: int = 1) -> tuple[int, Exception | None]:
    """Run `job` `count` times in batches of 1, 2, 4 …; stops after a batch with an error.

    Returns how many succeeded and the first error. A request that is always refused is thus made once, not `count` times.
    """
    succeeded, size = 0, first
    while count > 0:
        size = min(size, count)
        errors = await gather_errors([job() for _ in range(size)])
        succeeded += size - len(errors)
        if errors:
            return succeeded, errors[0]
        count -= size
        size *= 2
    return succeeded, None
