"""The revisions of a deployment: its replica sets, and which of them is the present one.

What: `replica_sets`, `new_and_old`, `revision`. Why: describe and rollout speak of the same history. Flow: LIST of replica sets
by selector → those the deployment owns → sorted by revision. Follows kubectl/pkg/util/deployment/deployment.go.
"""

from __future__ import annotations

from kubelite.cli.builder import Item
from kubelite.cli.session import Object, Session

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
HASH = "pod-template-hash"


def revision(obj: Object) -> int:
    """The revision that the deployment controller wrote on a replica set or deployment; 0 for none."""
    text = str(((obj.get("metadata") or {}).get("annotations") or {}).get(REVISION) or "0")
    return int(text) if text.isdigit() else 0


async def replica_sets(session: Session, item: Item) -> list[Object]:
    """The replica sets that the deployment controls."""
    from kubelite.cli.describe.text import selector_text

    resources = await session.resources()
    uid = item.object["metadata"].get("uid")
    selector = selector_text(item.object["spec"].get("selector"))
    found = await session.list(resources.named("replicasets"), item.namespace, labelSelector=selector)
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
    template: Object = (obj.get("spec") or {}).get("template") or {}
    metadata = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    metadata.pop("creationTimestamp", None)
    return template | {"metadata": metadata | {"labels": labels}}
