"""Who makes a pod again when it goes, and what workloads lack: by the objects of a snapshot, as their controllers would.

What: `Makers(snapshot, admission, simulation)(pod)` is the pod that comes in place of one that goes, on its owner's present
template and after admission, or why none comes; `lacking(namespace)` what workloads would create if they might; `daemons(node)`
what daemon sets would put on a node. Why: a pod whose owner is gone, finished, scaled down or refused by a quota comes back
nowhere, whatever its ownerReference says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import DaemonSet
from kubelite.cmd.questions.newpods import Admission
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.cmd.questions.templates import COUNTS, MAKER, first_ordinal, replica, template_of, wanted
from kubelite.machinery import codec
from kubelite.scheduler.forecast import NOBODY, REMADE, SUFFIX, again
from kubelite.scheduler.offline import Simulation
from kubelite.scheduler.pods import Owner, Pod, PodInfo, pod_info

Object = dict[str, Any]
WORDS = {
    "ReplicaSet": "replica set",
    "ReplicationController": "replication controller",
    "StatefulSet": "stateful set",
    "Job": "job",
    "DaemonSet": "daemon set",
}
UNWANTED = "its daemon set wants none here any more"
BACKOFF_LIMIT = 6
FINISHED = ("Complete", "Failed", "SuccessCriteriaMet", "FailureTarget")


class Makers:
    """The controllers of one snapshot."""

    def __init__(self, snapshot: Snapshot, admission: Admission, simulation: Simulation) -> None:
        self.snapshot, self.admission, self.simulation = snapshot, admission, simulation
        self._owners: dict[str, dict[tuple[str, str], Object]] = {}
        self._living: Counter[str] = Counter()
        self._names: dict[str, set[str]] = {}
        self._targets: dict[str, Counter[str]] = {}
        """Uid of a DaemonSet → how many pods of it are on a node, or can go nowhere else."""
        self._ended: Counter[str] = Counter()
        self._freed: set[str] = set()
        """Namespaces in which quotas allow more than before."""
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._got: dict[str, set[str]] = {}
        """Namespace → who made pods."""
        self._came: list[PodInfo] = []
        self._new: set[str] = set()
        """The uids of workloads that are not in the snapshot: `Admission.denied` has what they lack."""
        self.order: Callable[[list[Object]], list[Object]] = list
        """In which order those ask who want what a quota has left; whoever has seen it may say it."""
        table = simulation.world.nodes
        for pods in (*table.pods, simulation.pending):
            for info in pods.values():
                self._note(info)

    def _note(self, info: PodInfo) -> None:
        owner = _owner_of(info)
        if owner is None:
            return
        self._names.setdefault(owner.uid, set()).add(info.pod.metadata.name)
        if info.pod.metadata.deletionTimestamp is None:
            self._living[owner.uid] += 1
        if owner.kind == "DaemonSet":
            self._targets.setdefault(owner.uid, Counter())[_target(info)] += 1

    def came(self, pods: Iterable[Object]) -> None:
        """These were created."""
        for stored in pods:
            meta = stored["metadata"]
            owners = meta.get("ownerReferences") or ()
            self._got.setdefault(meta["namespace"], set()).add(owners[0]["uid"] if owners else meta["name"])
            if owners:
                self._numbers[meta["namespace"], owners[0]["name"]] += 1
                self._note(pod_info(msgspec.convert(stored, Pod)))

    def owners(self, kind: str) -> dict[tuple[str, str], Object]:
        """All workloads of a kind by namespace and name."""
        if kind not in self._owners:
            objects = self.snapshot.objects(kind)
            found = {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}
            self._owners[kind] = {key: one | {"kind": kind} for key, one in found.items()}
        return self._owners[kind]

    def learn(self, new: Iterable[Object], namespace: str) -> None:
        """Workloads that manifests create make their pods again, too."""
        for obj in new:
            kind = MAKER.get(str(obj.get("kind")), str(obj.get("kind")))
            if kind in WORDS:
                meta = {"namespace": namespace, **{key: value for key, value in obj["metadata"].items() if value}}
                meta["uid"] = meta.get("uid") or meta["name"]
                self._new.add(meta["uid"])
                made = obj | {"kind": kind, "metadata": meta, "spec": template_of(obj)}
                self.owners(kind)[meta["namespace"], meta["name"]] = made

    # what comes in place of a pod

    def __call__(self, info: PodInfo) -> PodInfo | str:
        """The pod that comes in place of this one, or why none does."""
        meta = info.pod.metadata
        if self.admission.quotas.release(meta.namespace, meta.name):
            self._freed.add(meta.namespace)
        owner = _owner_of(info)
        if owner is None:
            return NOBODY
        word = WORDS.get(owner.kind)
        if word is None:
            static = owner.kind == "Node"
            return "a static pod goes with its node" if static else f"whatif does not know what {owner.kind} does"
        if owner.kind == "DaemonSet":
            return self._daemon_again(info, owner.name)
        if owner.kind not in self.snapshot.lists and owner.uid not in self._new:
            return again(info) if owner.kind in REMADE else NOBODY
        obj = self.owners(owner.kind).get((meta.namespace, owner.name))
        if obj is None or obj["metadata"].get("uid") != owner.uid:
            return f"its {word} {owner.name} is gone"
        self._living[owner.uid] -= 1
        self._names.get(owner.uid, set()).discard(meta.name)
        why = self._refuses(obj, info, word) or ""
        return why or self._make(obj, info)

    def _daemon_again(self, info: PodInfo, name: str) -> PodInfo | str:
        """A daemon set makes another for the same node, if it still wants one there."""
        meta, node = info.pod.metadata, _target(info)
        obj = self.owners("DaemonSet").get((meta.namespace, name))
        if obj is None:
            return UNWANTED
        targets = self._targets.get(obj["metadata"]["uid"], Counter())
        targets[node] -= 1
        if obj["metadata"].get("deletionTimestamp") or node not in self.nodes_of(obj) or targets[node] > 0:
            return UNWANTED
        return self._admit(replica(obj, "DaemonSet", f"{meta.name}{SUFFIX}", node), meta.namespace, first=True)

    def _refuses(self, obj: Object, info: PodInfo, word: str) -> str:
        """Why the controller makes none."""
        name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
        if obj["metadata"].get("deletionTimestamp"):
            return f"its {word} {name} is being deleted"
        if obj["kind"] == "Job":
            return self._job_refuses(obj, name, uid)
        if obj["kind"] == "StatefulSet":
            number = info.pod.metadata.name.rpartition("-")[2]
            first = first_ordinal(obj)
            inside = number.isdigit() and first <= int(number) < first + wanted(obj)
            return "" if inside else f"its {word} {name} is being scaled down"
        return f"its {word} {name} has enough pods" if self._living[uid] >= wanted(obj) else ""

    def _job_refuses(self, obj: Object, name: str, uid: str) -> str:
        status, spec = obj.get("status") or {}, obj.get("spec") or {}
        if any(one["type"] in FINISHED and one["status"] == "True" for one in status.get("conditions") or ()):
            return f"its job {name} has finished"
        if not _ignores_disruption(spec):
            self._ended[uid] += 1
            limit = spec.get("backoffLimit")
            if int(status.get("failed") or 0) + self._ended[uid] > (BACKOFF_LIMIT if limit is None else int(limit)):
                return f"its job {name} fails: the pod counts as failed, and backoffLimit is reached"
        return f"its job {name} has enough pods" if self._living[uid] >= wanted(obj) else ""

    def _make(self, obj: Object, info: PodInfo) -> PodInfo | str:
        old = info.pod.metadata
        name = old.name if obj["kind"] == "StatefulSet" else f"{old.name}{SUFFIX}"
        made = replica(obj, obj["kind"], name)
        if obj["kind"] == "StatefulSet" and _is_of_old_revision(obj, info):
            return again(info)  # what the partition keeps on the old template
        made["metadata"]["uid"] = f"{old.uid}{SUFFIX}"
        return self._admit(made, old.namespace, first=True)

    def _admit(self, made: Object, namespace: str, *, first: bool = False) -> PodInfo | str:
        """The pod, created; why it is refused. `first`: it is made at once in place of another, mostly before others ask."""
        if first:
            self._let_in_before(made, namespace)
        key = f"{namespace}/{made['metadata']['name']}"
        known, denied = len(self.admission.made), key in self.admission.denied
        stored = self.admission.pod(made, namespace)
        if stored is None:
            why = self.admission.refused[key] if denied else self.admission.refused.pop(key)
            return f"another is refused: {why}"
        for claim in self.admission.made[known:]:
            self.simulation.add(claim)
        self.admission.refused.pop(key, None)
        self.admission.denied.pop(key, None)
        self.came([stored])
        return pod_info(msgspec.convert(stored, Pod))

    def _let_in_before(self, made: Object, namespace: str) -> None:
        """Those get what a pod leaves free who are known to have asked before its successor."""
        if self.order is list or namespace not in self._freed:
            return
        mine = made["metadata"]["ownerReferences"][0]["uid"]
        others = [one for one in self.lacking(namespace) if one["metadata"]["ownerReferences"][0]["uid"] != mine]
        for one in self.order([made, *others]):
            if one is made:
                return
            found = self._admit(one, namespace)
            if not isinstance(found, str):
                self._came.append(found)

    def more(self) -> list[PodInfo]:
        """The pods that workloads lack and quotas now allow, as others have gone."""
        for namespace in sorted(self._freed):
            for made in self.order(list(self.lacking(namespace))):
                found = self._admit(made, namespace)
                if not isinstance(found, str):
                    self._came.append(found)
        self._freed.clear()
        came, self._came = self._came, []
        return came

    @property
    def contended(self) -> bool:
        """Several want what a quota has left, and it is not enough for all: who asks first gets it."""
        for namespace, got in self._got.items():
            if not self.admission.quotas.of(namespace):
                continue
            hungry = {one["metadata"]["ownerReferences"][0]["uid"] for one in self.lacking(namespace)}
            for made, where in self.admission.denied.values():
                if where == namespace and not made["metadata"].get("ownerReferences"):
                    hungry.add(made["metadata"]["name"])
            if hungry and len(hungry | got) > 1:
                return True
        return False

    # what is missing now

    def lacking(self, namespace: str) -> Iterator[Object]:
        """The pods that workloads of a namespace would create now if they were allowed to."""
        for kind in COUNTS:
            for (where, name), obj in self.owners(kind).items() if kind != "Deployment" else ():
                if where != namespace or obj["metadata"].get("deletionTimestamp") or self._is_new(obj):
                    continue
                yield from self._missing(obj, kind, name)
        for (where, name), obj in self.owners("DaemonSet").items():
            for node in self.nodes_of(obj) if where == namespace and not self._is_new(obj) else ():
                if not self._has_daemon(obj, node):
                    yield replica(obj, "DaemonSet", f"{name}-{node}", node)
        for made, where in list(self.admission.denied.values()):
            if where == namespace and made["metadata"].get("ownerReferences"):
                yield made

    def _is_new(self, obj: Object) -> bool:
        return obj["metadata"].get("uid") in self._new

    def _missing(self, obj: Object, kind: str, name: str) -> Iterator[Object]:
        uid = str(obj["metadata"].get("uid") or "")
        if kind == "StatefulSet":
            there, first = self._names.get(uid, set()), first_ordinal(obj)
            names = [f"{name}-{number}" for number in range(first, first + wanted(obj))]
            yield from (replica(obj, kind, one) for one in names if one not in there)
            return
        if kind == "Job":
            conditions = (obj.get("status") or {}).get("conditions") or ()
            if any(one["type"] in FINISHED and one["status"] == "True" for one in conditions):
                return
        last = self._numbers[obj["metadata"].get("namespace", ""), name]
        for number in range(1, wanted(obj) - self._living[uid] + 1):
            yield replica(obj, kind, f"{name}-new-{last + number}")

    # daemons

    def nodes_of(self, obj: Object) -> list[str]:
        """The nodes where a pod of this DaemonSet belongs."""
        from kubelite.controllers.daemonset.nodes import Placement

        placement = Placement(codec.convert({"apiVersion": "apps/v1", **obj}, DaemonSet))
        table = self.simulation.world.nodes
        nodes = {node.metadata.name: node for _, node in table.positions()}
        return [name for name in sorted(nodes) if placement.verdict(nodes[name]).run]

    def unwanted(self, node: str, *, gone: bool = False) -> list[PodInfo]:
        """Pods of daemon sets that wait for this node and may not even wait: its taints say NoExecute, or it is `gone`."""
        from kubelite.controllers.daemonset.nodes import Placement

        table, found = self.simulation.world.nodes, []
        for info in self.simulation.pending.values():
            owner = _owner_of(info)
            obj = self.owners("DaemonSet").get((info.pod.metadata.namespace, owner.name)) if owner is not None else None
            if obj is None or owner is None or owner.kind != "DaemonSet" or not _is_for(info, node):
                continue
            placement = Placement(codec.convert({"apiVersion": "apps/v1", **obj}, DaemonSet))
            if gone or not placement.verdict(table.objects[table.index[node]]).stay:
                found.append(info)
        return found

    def _has_daemon(self, obj: Object, node: str) -> bool:
        return self._targets.get(str(obj["metadata"].get("uid")), Counter())[node] > 0

    def daemons(self, node: str) -> Iterator[Object]:
        """The pods that daemon sets would put on a node where they have none."""
        for (_, name), obj in self.owners("DaemonSet").items():
            if not self._has_daemon(obj, node) and node in self.nodes_of(obj):
                yield replica(obj, "DaemonSet", f"{name}-{node}", node)


def _owner_of(info: PodInfo) -> Owner | None:
    return next((one for one in info.pod.metadata.ownerReferences if one.controller), None)


def _target(info: PodInfo) -> str:
    """The node where a pod of a DaemonSet is, or will be."""
    from kubelite.controllers.daemonset.nodes import target_of

    return info.pod.spec.nodeName or target_of(info.pod) or ""


def _is_for(info: PodInfo, node: str) -> bool:
    from kubelite.controllers.daemonset.nodes import target_of

    return target_of(info.pod) == node


def _ignores_disruption(spec: Object) -> bool:
    """Whether the job does not count a pod as failed that was taken away (podFailurePolicy)."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        types = [one.get("type") for one in rule.get("onPodConditions") or ()]
        if podstatus.DISRUPTION_TARGET in types:
            return bool(rule.get("action") == "Ignore")
    return False


def _is_of_old_revision(obj: Object, info: PodInfo) -> bool:
    """Whether a rolling update leaves the pod's ordinal as it was."""
    status = obj.get("status") or {}
    if status.get("currentRevision") == status.get("updateRevision"):
        return False
    rolling = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    number = info.pod.metadata.name.rpartition("-")[2]
    return number.isdigit() and int(number) < int(rolling.get("partition") or 0)
