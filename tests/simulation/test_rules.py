"""Each rule of the simulation speaks when it is broken, and is silent when it is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelite.storage.interface import Event
from tests.simulation.dependents import STORM_WRITES, CronRuns, Dependents, Storms
from tests.simulation.leaders import OneLeader
from tests.simulation.placement import ClosedNodes, DaemonPods, Victims, misplaced
from tests.simulation.process import Process
from tests.simulation.rules import Quota
from tests.simulation.truth import Rule, Truth
from tests.simulation.volumes import Volumes, storage_questions


class World:
    """A truth that is told by hand; `now` is its clock."""

    def __init__(self, *rules: type[Rule]) -> None:
        self.now = 0.0
        self.truth = Truth(lambda: self.now, lambda text: None)
        self.truth.rules = [rule(self.truth) for rule in rules]
        self._revision = 0

    def write(self, resource: str, key: str, body: dict[str, Any] | None) -> None:
        self._revision += 1
        value = json.dumps(body).encode() if body is not None else None
        self.truth.see(Event(f"/registry/{resource}/{key}", value, None, self._revision, self._revision))

    @property
    def said(self) -> list[str]:
        return self.truth.violations


def one(name: str, spec: dict[str, Any] | None = None, *, old: bool = True, **meta: Any) -> dict[str, Any]:
    born = datetime.now(UTC) - timedelta(hours=int(old))
    metadata = {"name": name, "namespace": "a", "uid": meta.pop("uid", f"uid-{name}"), **meta}
    metadata.setdefault("creationTimestamp", born.isoformat())
    return {"metadata": metadata, "spec": spec or {}, "status": {}}


def pod(name: str, spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    return one(name, {"containers": [{"name": "c"}], **(spec or {})}, **meta)


def owned_by(uid: str, kind: str = "ReplicaSet") -> list[dict[str, Any]]:
    return [{"uid": uid, "kind": kind, "controller": True, "blockOwnerDeletion": True}]


def lease(holder: str) -> dict[str, Any]:
    return {"metadata": {"name": "l"}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}}


LEASE = "kube-system/kube-scheduler"


@pytest.mark.parametrize(("seconds", "broken"), [(5.0, True), (15.5, False)])
def test_a_lease_is_not_taken_before_it_has_run_out(seconds: float, broken: bool) -> None:
    world = World(OneLeader)
    world.write("leases", LEASE, lease("a"))
    world.now = seconds
    world.write("leases", LEASE, lease("b"))
    assert bool(world.said) is broken


def test_a_lease_that_was_given_back_is_taken_at_once() -> None:
    world = World(OneLeader)
    for holder in ("a", "", "b"):
        world.write("leases", LEASE, lease(holder))
    assert world.said == []


def test_who_lost_the_lease_must_not_write() -> None:
    world = World(OneLeader)
    rule = world.truth.rules[0]
    assert isinstance(rule, OneLeader)
    first, second = Process("scheduler-a"), Process("scheduler-b")
    for process, holder in ((first, b"a"), (second, b"b")):
        rule.sent(process, "PUT", "/apis/x/leases/kube-scheduler", b'{"holderIdentity":"%s"}' % holder)
    world.write("leases", LEASE, lease("b"))
    rule.sent(second, "POST", "/api/v1/namespaces/a/pods/p/binding", b"")
    rule.sent(first, "GET", "/api/v1/pods", b"")
    assert world.said == []
    rule.sent(first, "POST", "/api/v1/namespaces/a/pods/p/binding", b"")
    assert len(world.said) == 1


@pytest.mark.parametrize("finalizer", ["orphan", "foregroundDeletion"])
@pytest.mark.parametrize("left", [True, False])
def test_an_owner_goes_after_its_dependents(finalizer: str, left: bool) -> None:
    world = World(Dependents)
    world.write("deployments", "a/d", one("d", finalizers=[finalizer]))
    references = owned_by("uid-d" if left else "uid-other")
    world.write("replicasets", "a/r", one("r", ownerReferences=references))
    world.write("deployments", "a/d", None)
    assert bool(world.said) is left


@pytest.mark.parametrize(("policy", "broken"), [("Forbid", True), ("Allow", False)])
def test_a_cron_job_that_forbids_it_runs_one_job(policy: str, broken: bool) -> None:
    world = World(CronRuns)
    world.write("cronjobs", "a/c", one("c", {"concurrencyPolicy": policy}))
    for name in ("c-1", "c-2"):
        world.write("jobs", f"a/{name}", one(name, ownerReferences=owned_by("uid-c", "CronJob")))
    assert bool(world.said) is broken


def test_writes_without_end_are_a_storm() -> None:
    world = World(Storms)
    for number in range(STORM_WRITES):
        world.now += 0.01
        world.write("pods", "a/p", pod("p", old=bool(number)))
    assert world.said == []
    for _ in range(STORM_WRITES):
        world.write("pods", "a/p", pod("p"))
    assert len(world.said) == 1


CLOSED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("waited", "tolerations", "broken"),
    [
        pytest.param(200, [], True, id="intolerant"),
        pytest.param(5, [], False, id="just-closed"),
        pytest.param(200, [{**CLOSED, "operator": "Exists"}], False, id="of-a-daemon-set"),
        pytest.param(200, [{"operator": "Exists"}], False, id="everything"),
        pytest.param(200, [{**CLOSED, "operator": "Equal", "value": "x"}], True, id="another-value"),
        pytest.param(200, [{"key": "other", "operator": "Exists"}], True, id="another-key"),
        pytest.param(200, [{**CLOSED, "effect": "NoExecute", "operator": "Exists"}], True, id="another-effect"),
    ],
)
def test_no_pod_goes_to_a_node_that_has_long_been_closed(
    waited: float, tolerations: list[dict[str, str]], broken: bool
) -> None:
    world = World(ClosedNodes)
    world.write("minions", "n", one("n", {"taints": [CLOSED]}))
    world.now = waited
    world.write("pods", "a/p", pod("p", {"tolerations": tolerations}))
    world.write("pods", "a/p", pod("p", {"tolerations": tolerations, "nodeName": "n"}))
    assert bool(world.said) is broken


@pytest.mark.parametrize(("important", "broken"), [(1000, False), (0, True)])
def test_a_pod_is_displaced_for_one_that_matters_more(important: int, broken: bool) -> None:
    world = World(Victims)
    world.write("pods", "a/waits", pod("waits", {"priority": important}))
    world.write("pods", "a/runs", pod("runs", {"nodeName": "n"}))
    gone = pod("runs", {"nodeName": "n"})
    gone["status"] = {"conditions": [{"type": "DisruptionTarget", "reason": "PreemptionByScheduler"}]}
    world.write("pods", "a/runs", gone)
    assert bool(world.said) is broken


@pytest.mark.parametrize(("surge", "broken"), [(0, True), (1, False)])
def test_a_daemon_set_has_one_pod_on_a_node(surge: int, broken: bool) -> None:
    world = World()
    world.truth.rules = [DaemonPods(world.truth, lambda: 0)]
    world.write("daemonsets", "a/d", one("d", {"updateStrategy": {"rollingUpdate": {"maxSurge": surge}}}))
    for name in ("d-1", "d-2"):
        world.write("pods", f"a/{name}", pod(name, {"nodeName": "n"}, ownerReferences=owned_by("uid-d", "DaemonSet")))
    assert bool(world.said) is broken


@pytest.mark.parametrize(("cpu", "broken"), [("600m", True), ("400m", False)])
def test_a_namespace_stays_within_its_quota_of_cpu(cpu: str, broken: bool) -> None:
    world = World(Quota)
    world.write("resourcequotas", "a/q", one("q", {"hard": {"requests.cpu": "1"}}))
    for name in ("p-1", "p-2"):
        world.write("pods", f"a/{name}", pod(name, {"containers": [{"resources": {"requests": {"cpu": cpu}}}]}))
    assert bool(world.said) is broken


def claim(name: str, volume: str = "") -> dict[str, Any]:
    return one(name, {"volumeName": volume} if volume else {})


def disk(claimed_by: str = "", node: str = "n") -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    spec: dict[str, Any] = {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    if claimed_by:
        spec["claimRef"] = {"uid": claimed_by}
    return one("disk", spec)


def user(node: str) -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
    return pod("p", {"volumes": volumes, **({"nodeName": node} if node else {})})


def test_a_volume_and_a_claim_stay_together() -> None:
    world = World(Volumes)
    world.write("persistentvolumes", "disk", disk())
    world.write("persistentvolumes", "disk", disk("uid-c"))
    world.write("persistentvolumeclaims", "a/c", claim("c"))
    world.write("persistentvolumeclaims", "a/c", claim("c", "disk"))
    assert world.said == []
    world.write("persistentvolumes", "disk", disk("uid-other"))
    world.write("persistentvolumeclaims", "a/c", claim("c", "another"))
    world.write("persistentvolumeclaims", "a/d", claim("d", "another"))
    assert len(world.said) == 3


@pytest.mark.parametrize(("node", "bound", "broken"), [("n", True, False), ("far", True, True), ("n", False, True)])
def test_a_pod_runs_where_its_volume_is(node: str, bound: bool, broken: bool) -> None:
    world = World(Volumes)
    for name in ("n", "far"):
        world.write("minions", name, one(name, labels={"kubernetes.io/hostname": name}))
    world.write("persistentvolumes", "disk", disk("uid-c"))
    world.write("persistentvolumeclaims", "a/c", claim("c", "disk" if bound else ""))
    world.write("pods", "a/p", user(""))
    world.write("pods", "a/p", user(node))
    assert bool(world.said) is broken


@pytest.mark.parametrize(("node", "broken"), [("n", True), ("", False)])
def test_a_claim_outlives_the_pod_that_uses_it(node: str, broken: bool) -> None:
    world = World(Volumes)
    world.write("persistentvolumes", "disk", disk("uid-c"))
    world.write("persistentvolumeclaims", "a/c", claim("c", "disk"))
    world.write("pods", "a/p", user(node))
    world.write("persistentvolumeclaims", "a/c", None)
    assert bool(world.said) is broken


def test_at_the_end_phases_tell_who_belongs_to_whom() -> None:
    volume, bound = disk("uid-c"), claim("c", "disk")
    volume["status"], bound["status"] = {"phase": "Bound"}, {"phase": "Bound"}
    assert list(storage_questions([volume], [bound], [])) == []
    assert len(list(storage_questions([volume], [], []))) == 1
    assert len(list(storage_questions([volume], [claim("c")], []))) == 2


@pytest.mark.parametrize(("important", "asks"), [(1000, True), (0, False)])
def test_at_the_end_no_pod_waits_that_could_displace_another(important: int, asks: bool) -> None:
    node = one("n")
    node["status"] = {"allocatable": {"cpu": "1", "pods": "10"}}
    whole = {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}
    pods = [pod("runs", {"nodeName": "n", **whole}), pod("waits", {"priority": important, **whole})]
    assert bool(list(misplaced(pods, [node]))) is asks
