"""The revisions of a workload: a deployment's replica sets and which of them is the present one, others' ControllerRevisions.

What: `revisions`, `replica_sets`, `new_and_old`, `revision`. Why: describe and rollout speak of the same history. Flow: LIST by
selector → those the workload owns → by revision. Follows kubectl/pkg/util/deployment/deployment.go,
kubectl/pkg/polymorphichelpers/history.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli.builder import Item
from kubelite.cli.session import Object, Session

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
HASH = "pod-template-hash"


def revision(obj: Object) -> int:
    """The revision that the deployment controller wrote on a replica set or deployment; 0 for none."""
    text = str(((obj.get("metadata") or {}).get("annotations") or {}).get(REVISION) or "0")
    return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Revision:
    """An earlier or the present template; `object` is what `-o` prints, `patch` brings the template back."""

    object: Object
    template: Object
    cause: str = ""
    patch: Object | None = None

    @property
    def is_replica_set(self) -> bool:
        return self.patch is None


async def revisions(session: Session, item: Item) -> dict[int, Revision]:
    """The revisions by number."""
    found = {}
    if item.resource.kind == "Deployment":
        for one in await replica_sets(session, item):
            found[revision(one)] = Revision(one, one["spec"]["template"], _cause(one))
        return found
    for one in await _owned(session, item, "controllerrevisions"):
        patch = one.get("data") or {}
        template = dict((patch.get("spec") or {}).get("template") or {})
        template.pop("$patch", None)
        then = item.object | {"spec": item.object["spec"] | {"template": template}}
        found[int(one.get("revision") or 0)] = Revision(then, template, _cause(one), patch)
    return found


def _cause(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(CHANGE_CAUSE) or "")


async def replica_sets(session: Session, item: Item) -> list[Object]:
    """The replica sets that the deployment controls."""
    return await _owned(session, item, "replicasets")


async def _owned(session: Session, item: Item, word: str) -> list[Object]:
    """The objects that the workload selects and controls."""
    from kubelite.cli.describe.text import selector_text

    resources = await session.resources()
    uid = item.object["metadata"].get("uid")
    selector = selector_text(item.object["spec"].get("selector"))
    found = await session.list(resources.named(word), item.namespace, labelSelector=selector)
    return [
        one
        for one in found
        if any(
            owner.get("uid") == uid and owner.get("controller")
            for owner in one["metadata"].get("ownerReferences") or ()
        )
    ]


async def new_and_old(session: Session, item: Item) -> tuple[Object | None, list[Object]]:
    """(the replica set with the deployment's template, the others)."""
    found = await replica_sets(session, item)
    wanted = template_of(item.object)
    matching = sorted(
        (one for one in found if template_of(one) == wanted), key=lambda one: one["metadata"]["creationTimestamp"]
    )
    new = matching[0] if matching else None
    return new, [one for one in found if one is not new]


def template_of(obj: Object) -> Object:
    """The pod template without the label that the controller adds."""
    return plain((obj.get("spec") or {}).get("template") or {})


def plain(template: Object) -> Object:
    """The template without what is not its author's."""
    metadata = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    metadata.pop("creationTimestamp", None)
    return template | {"metadata": metadata | {"labels": labels}}
