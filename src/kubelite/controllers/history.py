"""Revisions of a workload's template: ControllerRevisions of StatefulSets and DaemonSets.

What: making, comparing, numbering and cutting them (pure), and `History`, which keeps them on the server.
Why: a rollback is an old template that becomes present again; its revision is found and gets the next number.
Flow: owner → `snapshot` → equal revision found, renumbered or made → old ones beyond the limit deleted. Upstream:
pkg/controller/history.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from kubelite.api.types.apps_v1 import ControllerRevision
from kubelite.api.types.core_v1 import PodTemplateSpec
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.client.client import Client
from kubelite.client.informer import Informer
from kubelite.controllers.claims import adopt_patch, owner_reference
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import CONTROLLER_REVISION
from kubelite.machinery import codec, hashing, labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import controller_of

HASH = "controller.kubernetes.io/hash"
POD_LABEL = "controller-revision-hash"
LONGEST_PREFIX = 223
BY_NAMESPACE = "namespace"
_sorted = msgspec.json.Encoder(order="sorted").encode


def data_of(template: PodTemplateSpec) -> dict[str, Any]:
    """What a revision stores: a strategic patch that puts this template in place of another."""
    # Sorted, as upstream stores it: kubectl compares the text with its own.
    data: dict[str, Any] = msgspec.json.decode(
        _sorted({"spec": {"template": {**codec.to_generic(template), "$patch": "replace"}}})
    )
    return data


def template_of(revision: ControllerRevision) -> PodTemplateSpec:
    """The template that a revision stores. Raises ValueError if it stores none."""
    try:
        stored = revision.data["spec"]["template"]
        return codec.convert({key: value for key, value in stored.items() if key != "$patch"}, PodTemplateSpec)
    except (TypeError, KeyError, AttributeError, StatusError) as error:
        raise ValueError(f"revision {revision.metadata.name} holds no template: {error}") from None


def number(revision: ControllerRevision) -> int:
    return revision.revision or 0


def by_age(revisions: Iterable[ControllerRevision]) -> list[ControllerRevision]:
    """Oldest first: by number, then by time and name."""
    return sorted(revisions, key=lambda r: (number(r), r.metadata.creationTimestamp or "", r.metadata.name))


def next_number(revisions: Iterable[ControllerRevision]) -> int:
    return max((number(revision) for revision in revisions), default=0) + 1


def snapshot(owner: Any, kind: Kind, revision: int, collisions: int, label: str = HASH) -> ControllerRevision:
    """The revision for the present template of `owner`; `collisions` makes another name of the same data."""
    data = data_of(owner.spec.template)
    word = hashing.safe_encode(str(hashing.object_hash(data, str(collisions) if collisions else "")))
    made = ControllerRevision(data=data, revision=revision)
    made.metadata.name = f"{owner.metadata.name[:LONGEST_PREFIX]}-{word}"
    made.metadata.namespace = owner.metadata.namespace
    made.metadata.labels = {**owner.spec.template.metadata.labels, label: word}
    made.metadata.annotations = dict(owner.metadata.annotations)
    made.metadata.ownerReferences = [OwnerReference(**owner_reference(owner, kind))]
    return made


def equal(revisions: Iterable[ControllerRevision], wanted: ControllerRevision) -> ControllerRevision | None:
    """The newest of `revisions` with the same data."""
    found = None
    for revision in by_age(revisions):
        if revision.data == wanted.data:
            found = revision
    return found


def surplus(
    revisions: Iterable[ControllerRevision], live: Iterable[str], limit: int | None, key: Callable[[Any], str]
) -> list[ControllerRevision]:
    """The oldest revisions beyond `limit` among those that nothing uses; `live` are the values of `key` in use."""
    used = set(live)
    idle = [revision for revision in by_age(revisions) if key(revision) not in used]
    if limit is None or limit < 0:
        return []
    return idle[: max(len(idle) - limit, 0)]


class History:
    """The revisions of the owners of one kind, on the server."""

    def __init__(self, context: Context, kind: Kind, label: str = HASH) -> None:
        self._client: Client = context.client
        self._kind = kind
        self._label = label
        self.informer: Informer[ControllerRevision] = context.informers.get(CONTROLLER_REVISION)
        if BY_NAMESPACE not in self.informer.indexes:
            self.informer.add_indexers({BY_NAMESPACE: lambda revision: (revision.metadata.namespace,)})

    async def of(self, owner: Any, may_adopt: Callable[[], Any]) -> list[ControllerRevision]:
        """The owner's revisions, oldest first; those without an owner are adopted."""
        selector = labels.from_label_selector(owner.spec.selector)
        found, orphans = [], []
        for revision in self.informer.by_index(BY_NAMESPACE, owner.metadata.namespace):
            controller = controller_of(revision)
            if controller is not None:
                if controller.uid == owner.metadata.uid:
                    found.append(revision)
            elif selector.matches(revision.metadata.labels):
                orphans.append(revision)
        orphans = [revision for revision in orphans if revision.metadata.deletionTimestamp is None]
        if orphans and owner.metadata.deletionTimestamp is None and await may_adopt():
            for revision in orphans:
                fresh = await self._adopt(owner, revision)
                if fresh is not None:
                    found.append(fresh)
        return by_age(found)

    async def _adopt(self, owner: Any, revision: ControllerRevision) -> ControllerRevision | None:
        meta = revision.metadata
        patch = adopt_patch(owner, self._kind, revision)
        try:
            return await self._client.patch(
                CONTROLLER_REVISION, meta.name, patch, meta.namespace, patch_type="strategic"
            )
        except StatusError as error:
            if error.code in (404, 422):
                return None
            raise

    async def present(
        self, owner: Any, revisions: Sequence[ControllerRevision], collisions: int
    ) -> tuple[ControllerRevision, int]:
        """(the revision of the present template, which is made or renumbered where it must be; the collisions so far)."""
        wanted = snapshot(owner, self._kind, next_number(revisions), collisions, self._label)
        same = equal(revisions, wanted)
        if same is None:
            return await self._create(owner, wanted, collisions)
        if number(same) == number(wanted) - 1 and same.metadata.name == by_age(revisions)[-1].metadata.name:
            return same, collisions
        changed = copy.copy(same)
        changed.revision = wanted.revision
        return await self._client.update(CONTROLLER_REVISION, changed), collisions

    async def _create(self, owner: Any, wanted: ControllerRevision, collisions: int) -> tuple[ControllerRevision, int]:
        while True:
            try:
                return await self._client.create(CONTROLLER_REVISION, wanted), collisions
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
            meta = wanted.metadata
            existing: ControllerRevision = await self._client.get(CONTROLLER_REVISION, meta.name, meta.namespace)
            if existing.data == wanted.data:
                return existing, collisions
            collisions += 1
            wanted = snapshot(owner, self._kind, number(wanted), collisions, self._label)

    async def delete(self, revision: ControllerRevision) -> None:
        """Delete a revision; one that is gone is fine."""
        meta = revision.metadata
        try:
            await self._client.delete(CONTROLLER_REVISION, meta.name, meta.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
