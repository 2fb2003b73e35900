"""Reads what an explanation needs, through the API only: `Reader(session).about(kind, namespace, name)` → `Facts`.

What: the object, its events, and what it depends on; of ConfigMaps and Secrets only whether they are there. Why: rules see
values, so the rule and the reading are tested apart. Flow: the object → its pods → the first that is not well → its node, claims
and references; all nodes and pods only for a pod that no node takes. What may not be read is left out and said once.
"""

from __future__ import annotations

import contextlib
import gc
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kubelite.api.logic.why import claims
from kubelite.api.logic.why.model import Facts, Object, Placement, controlled, name_of, selects, spec, status
from kubelite.api.logic.why.pod import references, unhappy, worst_first
from kubelite.cli.session import Session
from kubelite.cmd.questions.fetch import Fetch
from kubelite.cmd.questions.places import CLUSTER_WIDE, LIVING, ONLY_METADATA, PLACES, SIMULATED, STORAGE, path
from kubelite.cmd.questions.rules import rules
from kubelite.machinery.errors import StatusError

if TYPE_CHECKING:
    from kubelite.scheduler.offline import Simulation

OWNERS = (
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "PodDisruptionBudget",
)


class Reader:
    """Fills facts by reading, each thing once."""

    def __init__(self, session: Session, config: str = "", plugin_dir: str = "") -> None:
        """`config` and `plugin_dir`: the scheduler's, if it has any."""
        self.session, self.config, self.plugin_dir = session, config, plugin_dir
        self.facts = Facts(datetime.now(UTC))
        self._refused: set[str] = set()

    # single objects and lists

    async def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """An object, None if it is not there or may not be read."""
        key = (kind, namespace, name)
        if key in self.facts.known:
            return self.facts.objects.get(key)
        headers = ONLY_METADATA if kind in ("ConfigMap", "Secret") else None
        try:
            found = await self.session.json("GET", path(kind, namespace, name), headers=headers)
        except StatusError as error:
            if error.code == 404:
                self.facts.known.add(key)
            else:
                self._tell(kind, error)
            return None
        self.facts.add(kind, found)
        return found

    async def list(self, kind: str, namespace: str = "", labels: str = "", fields: str = "") -> None:
        """Objects of a kind; without selectors the facts know that there are no others."""
        if self.facts.read(kind, namespace):
            return
        query = {k: v for k, v in (("labelSelector", labels), ("fieldSelector", fields)) if v}
        try:
            found = await self.session.json("GET", path(kind, namespace), query=query)
        except StatusError as error:
            self._tell(kind, error)
            return
        for obj in found.get("items") or ():
            self.facts.add(kind, obj)
        if not query:
            self.facts.whole.add((kind, namespace))

    def _tell(self, kind: str, error: StatusError) -> None:
        if error.code == 404 or kind in self._refused:
            return
        self._refused.add(kind)
        self.session.warn(f"Cannot read {PLACES[kind][1]} ({error.reason}): the answer may say less.")

    # what a question is about

    async def about(self, kind: str, namespace: str, name: str) -> Facts:
        """Everything that the rules look at for one object. Raises StatusError if it cannot be read."""
        obj = await self.session.json("GET", path(kind, namespace, name))
        self.facts.add(kind, obj)
        await self._around(kind, obj)
        return self.facts

    async def _around(self, kind: str, obj: Object) -> None:
        if kind != "Pod":
            await self.events(kind, obj)
        if kind == "Pod":
            await self.pod(obj)
        elif kind == "Node":
            await self.node(obj)
        elif kind == "Service":
            await self.service(obj)
        elif kind == "PersistentVolumeClaim":
            await self.claim(obj)
        elif kind in OWNERS:
            await self.workload(kind, obj)
        elif kind == "CronJob":
            await self.cron_job(obj)

    async def all_of(self, kind: str, namespace: str) -> Facts:
        """The same for every object of a kind, in few requests."""
        await self.list(kind, namespace)
        await self.list("Event", namespace, fields="type!=Normal")
        await self.list("Pod", namespace)
        for other in ("Node", "PersistentVolumeClaim", "ReplicaSet", *STORAGE):
            if kind != "Namespace":
                await self.list(other, "" if other in CLUSTER_WIDE else namespace)
        if kind == "Node":
            await self.list("Lease", "kube-node-lease")
            await self.list("PodDisruptionBudget")
        if kind == "Service":
            await self.list("EndpointSlice", namespace)
        if kind == "CronJob":
            await self.list("Job", namespace)
        if any(_unplaced(pod) for pod in self.facts.all("Pod", namespace)):
            await self.scheduler()
        return self.facts

    async def events(self, kind: str, obj: Object) -> None:
        namespace = (obj.get("metadata") or {}).get("namespace") or ""
        fields = f"involvedObject.kind={kind},involvedObject.name={name_of(obj)}"
        await self.list("Event", namespace, fields=fields)

    async def pod(self, pod: Object) -> None:
        namespace, node = str(pod["metadata"].get("namespace") or ""), str(spec(pod).get("nodeName") or "")
        await self.events("Pod", pod)
        if _unplaced(pod):
            await self.scheduler()
            await self._claims(pod, namespace)
            return
        if node:
            await self.get("Node", "", node)
            await self.get("Lease", "kube-node-lease", node)
        if unhappy(pod) and status(pod).get("phase") == "Pending":
            for kind, name in references(pod):
                await self.get(kind, namespace, name)
            await self._claims(pod, namespace)
        if unhappy(pod):
            await self._last_lines(pod, namespace)

    async def _claims(self, pod: Object, namespace: str) -> None:
        for name in claims.names(pod):
            claim = await self.get("PersistentVolumeClaim", namespace, name)
            if claim is not None and status(claim).get("phase") != "Bound":
                await self.events("PersistentVolumeClaim", claim)
                for kind in STORAGE:
                    await self.list(kind)

    async def _last_lines(self, pod: Object, namespace: str) -> None:
        """The last line of containers that have ended, where logs may be read."""
        states = [*(status(pod).get("initContainerStatuses") or ()), *(status(pod).get("containerStatuses") or ())]
        for state in states:
            ended = (state.get("lastState") or {}).get("terminated")
            now = (state.get("state") or {}).get("terminated") or {}
            if not (ended or now.get("exitCode")):
                continue
            query = {"container": str(state.get("name")), "tailLines": "1", "limitBytes": "400"}
            if ended and "waiting" in (state.get("state") or {}):
                query["previous"] = "true"
            with contextlib.suppress(StatusError, OSError, TimeoutError):
                answer = await self.session.request("GET", path("Pod", namespace, name_of(pod)) + "/log", query=query)
                line = answer.body.decode("utf-8", "replace").strip()
                self.facts.last_lines[name_of(pod), str(state.get("name"))] = line

    async def node(self, node: Object) -> None:
        await self.get("Lease", "kube-node-lease", name_of(node))
        if spec(node).get("unschedulable"):
            await self.list("Pod", fields=f"spec.nodeName={name_of(node)},{LIVING}")
            await self.list("PodDisruptionBudget")

    async def claim(self, claim: Object) -> None:
        for kind in STORAGE:
            await self.list(kind)
        await self.list("Pod", str(claim["metadata"].get("namespace") or ""))

    async def service(self, service: Object) -> None:
        namespace = str(service["metadata"].get("namespace") or "")
        wanted = spec(service).get("selector") or {}
        if not wanted:
            await self.list("EndpointSlice", namespace, labels=f"kubernetes.io/service-name={name_of(service)}")
            return
        await self.list("Pod", namespace, labels=",".join(f"{key}={value}" for key, value in wanted.items()))
        pods = self.facts.all("Pod", namespace)
        if not pods:
            await self.list("Pod", namespace)
            return
        bad = worst_first(pods)
        if bad and len(bad) == len(pods):
            await self.pod(bad[0])

    async def workload(self, kind: str, obj: Object) -> None:
        namespace = str(obj["metadata"].get("namespace") or "")
        wanted = spec(obj).get("selector") or {}
        if kind == "ReplicationController":
            wanted = {"matchLabels": wanted}
        labels = ",".join(f"{key}={value}" for key, value in (wanted.get("matchLabels") or {}).items())
        if kind == "Deployment":
            await self.list("ReplicaSet", namespace, labels=labels)
            for owned in controlled(self.facts.all("ReplicaSet", namespace), obj):
                if spec(owned).get("replicas"):
                    await self.events("ReplicaSet", owned)
        if kind == "DaemonSet":
            await self.list("Node")
        await self.list("Pod", namespace, labels=labels)
        mine = [p for p in self.facts.all("Pod", namespace) if selects(wanted, p["metadata"].get("labels") or {})]
        for pod in worst_first(mine)[:1]:
            await self.pod(pod)

    async def cron_job(self, obj: Object) -> None:
        namespace = str(obj["metadata"].get("namespace") or "")
        await self.list("Job", namespace)
        mine = controlled(self.facts.all("Job", namespace), obj)
        if mine:
            last = max(mine, key=lambda job: str(job["metadata"].get("creationTimestamp") or ""))
            await self.events("Job", last)
            await self.workload("Job", last)

    # the scheduler's own code

    async def scheduler(self) -> None:
        """Reads the whole cluster into the scheduler's tables, and lets the rules ask it."""
        if self.facts.place is not None:
            return
        fetch = Fetch(self.session, SIMULATED, ("kubelite.cmd.questions.placement",))
        gc.disable()  # nothing of what is read is garbage
        try:
            await fetch.loaded()
            from kubelite.cmd.questions.placement import placement
            from kubelite.scheduler.offline import Simulation

            chosen = rules(self.session, self.config, self.plugin_dir, code=2)
            simulation = Simulation(chosen.configuration, plugins=chosen.plugins)
            if not await self._fill(simulation, fetch):
                return
        finally:
            gc.enable()
            await fetch.close()

        def place(pod: Object) -> Placement:
            return placement(simulation, pod)

        self.facts.place = place

    async def _fill(self, simulation: Simulation, fetch: Fetch) -> bool:
        """Whether nodes and pods could be read."""
        for kind in SIMULATED:
            body = await fetch.found(kind)
            if isinstance(body, StatusError):
                self._tell(kind, body)
                if kind in ("Node", "Pod"):
                    return False
                continue
            simulation.add_list(kind, body)
            if kind in ("Node", *STORAGE):
                self._keep(kind, body)
        return True

    def _keep(self, kind: str, body: bytes) -> None:
        import msgspec

        for obj in msgspec.json.decode(body, type=dict[str, Any]).get("items") or ():
            self.facts.add(kind, obj)
        self.facts.whole.add((kind, ""))


def _unplaced(pod: Object) -> bool:
    unfinished = status(pod).get("phase") not in ("Succeeded", "Failed")
    gone = (pod.get("metadata") or {}).get("deletionTimestamp")
    return unfinished and not gone and not spec(pod).get("nodeName") and not spec(pod).get("schedulingGates")
