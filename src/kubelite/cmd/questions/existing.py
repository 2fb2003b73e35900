"""What of a manifest is new where a workload of its name exists: only the replicas that it has not yet.

What: `Existing(snapshot, namespace).rest_of(object)` is the object with the replicas that would come, None if none would. Why: to
apply a file again creates nothing. One whose template differs is rolled out: all its replicas count as new, beside the old ones,
which is what the roll-out needs at most; `notes` says so.
"""

from __future__ import annotations

from typing import Any

from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.cmd.questions.templates import COUNTS
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

Object = dict[str, Any]


class Existing:
    """The workloads of a snapshot."""

    def __init__(self, snapshot: Snapshot, namespace: str) -> None:
        self.snapshot, self.namespace = snapshot, namespace
        self.notes: list[str] = []

    def rest_of(self, obj: Object) -> Object | None:
        """What of the object would be new."""
        kind, name = str(obj.get("kind") or ""), str((obj.get("metadata") or {}).get("name") or "")
        old = self._find(obj, kind, name)
        if old is None:
            return obj
        if kind in ("Pod", "Job"):
            self.notes.append(f"{kind.lower()}/{name} exists already")
            return None
        if not _same_template(obj, old):
            note = "its new pods count beside the old ones, as a roll-out needs at most"
            self.notes.append(f"{kind.lower()}/{name} exists with another template: {note}")
            return obj
        if kind == "DaemonSet":
            self.notes.append(f"{kind.lower()}/{name} exists already")
            return None
        return self._more(obj, old, kind, name)

    def _find(self, obj: Object, kind: str, name: str) -> Object | None:
        where = (obj.get("metadata") or {}).get("namespace") or self.namespace
        if kind not in (*COUNTS, "DaemonSet", "Pod"):
            return None
        for one in self.snapshot.objects(kind):
            if (one["metadata"].get("namespace"), one["metadata"]["name"]) == (where, name):
                return one
        return None

    def _more(self, obj: Object, old: Object, kind: str, name: str) -> Object | None:
        counts = [one["spec"].get("replicas") for one in (obj, old)]
        wanted, there = (1 if count is None else int(count) for count in counts)
        if wanted < there:
            self.notes.append(
                f"{kind.lower()}/{name} would lose {there - wanted} of its pods, whose room does not count yet"
            )
        if wanted <= there:
            return None
        spec = obj["spec"] | {"replicas": wanted - there}
        if kind == "StatefulSet":
            start = int((spec.get("ordinals") or {}).get("start") or 0)
            return obj | {"spec": spec | {"ordinals": {"start": start + there}}}
        if kind == "Deployment":
            spec |= {"template": self._template_of_now(old) or spec.get("template")}
        return obj | {
            "metadata": obj["metadata"] | {"name": f"{name}-new", "uid": old["metadata"].get("uid")},
            "spec": spec,
        }

    def _template_of_now(self, deployment: Object) -> Object | None:
        """That of its newest ReplicaSet, whose pods the new ones are spread with."""
        found = [
            one
            for one in self.snapshot.objects("ReplicaSet")
            for owner in one["metadata"].get("ownerReferences") or ()
            if owner.get("controller") and owner["uid"] == deployment["metadata"].get("uid")
        ]
        newest = max(found, key=_revision, default=None)
        return newest["spec"].get("template") if newest is not None else None


def _revision(replica_set: Object) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "")
    return int(text) if text.isdigit() else 0


def _same_template(obj: Object, old: Object) -> bool:
    """Whether both make the same pods, after defaults."""
    from kubelite.api import scheme

    kind = scheme().by_kind(str(obj.get("apiVersion") or ""), str(obj.get("kind") or ""))
    if kind is None:
        return False
    made = []
    for one in (obj, old):
        try:
            typed = codec.convert({**one, "apiVersion": kind.api_version, "kind": kind.kind}, kind.type)
        except StatusError:
            return False
        kind.set_defaults(typed)
        made.append(codec.to_generic(typed.spec.template))
    return bool(made[0] == made[1])
