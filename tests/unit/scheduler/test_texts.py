"""What is said of a pod that fits nowhere, a row for each plugin: the whole FailedScheduling event and PodScheduled condition."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.offline import Simulation, Verdict
from kubelite.scheduler.plugins.registry import FILTERS
from tests.unit.scheduler.world import failure, info, scheduler
from tests.unit.scheduler.world import node as plain_node

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
Manifest = dict[str, Any]
NO_HELP = (
    "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)
NO_VICTIMS = (
    "no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
)


def node(**spec: Any) -> Manifest:
    amounts = {"cpu": "1", "memory": "1Gi", "pods": "110"}
    meta = {"name": "a", "labels": {HOST: "a", ZONE: "z"}}
    return {"kind": "Node", "metadata": meta, "spec": spec, "status": {"allocatable": amounts}}


def pod(name: str = "p", labels: dict[str, str] | None = None, requests: Any = None, **spec: Any) -> Manifest:
    containers = [{"name": "c", "resources": {"requests": requests or {}}, **spec.pop("container", {})}]
    meta = {"name": name, "namespace": "default", "uid": name, "labels": labels or {}}
    body = {"schedulerName": "default-scheduler", "containers": containers, **spec}
    return {"kind": "Pod", "metadata": meta, "spec": body}


def claim(volume: str = "", mode: str = "ReadWriteOnce") -> Manifest:
    meta = {"name": "data", "namespace": "default", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
    spec = {"accessModes": [mode], "volumeName": volume, "storageClassName": "s"}
    return {"kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec, "status": {"phase": "Bound"}}


def volume(labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    return {"kind": "PersistentVolume", "metadata": {"name": "v", "labels": labels or {}}, "spec": spec}


def terms(app: str, key: str = HOST) -> dict[str, Any]:
    return {REQUIRED: [{"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}]}


USES = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
PORT = {"container": {"ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]}}
DISK = {"volumes": [{"name": "v", "gcePersistentDisk": {"pdName": "d"}}]}
HERE = {"nodeName": "a"}
APP = {"app": "web"}
CSI = {"csi": {"driver": "d.example.com", "volumeHandle": "h"}}
CSI_NODE = {
    "kind": "CSINode",
    "metadata": {"name": "a"},
    "spec": {"drivers": [{"name": "d.example.com", "nodeID": "a", "allocatable": {"count": 0}}]},
}
ELSEWHERE = {
    "required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": HOST, "operator": "In", "values": ["b"]}]}]}
}
SPREAD = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}
SPREAD |= {"labelSelector": {"matchLabels": APP}}
RESTARTS = {"container": {"restartPolicyRules": [{"action": "RestartAllContainers"}]}}
ROWS: list[tuple[str, list[Manifest], Manifest, str]] = [
    ("NodeUnschedulable", [node(unschedulable=True)], pod(), f"1 node(s) were unschedulable. {NO_HELP}"),
    ("NodeName", [node()], pod(nodeName="b"), f"1 node(s) didn't match the requested node name. {NO_HELP}"),
    (
        "TaintToleration",
        [node(taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])],
        pod(),
        f"1 node(s) had untolerated taint(s). {NO_HELP}",
    ),
    (
        "NodeAffinity",
        [node()],
        pod(nodeSelector={"disk": "ssd"}),
        f"1 node(s) didn't match Pod's node affinity/selector. {NO_HELP}",
    ),
    (
        "NodePorts",
        [node(), pod("other", **PORT, **HERE)],
        pod(**PORT),
        f"1 node(s) didn't have free ports for the requested pod ports. {NO_VICTIMS}",
    ),
    (
        "NodeResourcesFit",
        [node(), pod("other", requests={"cpu": "900m"}, **HERE)],
        pod(requests={"cpu": "200m", "memory": "1Mi"}),
        f"1 Insufficient cpu. {NO_VICTIMS}",
    ),
    ("NodeResourcesFit", [node()], pod(requests={"memory": "2Gi"}), f"1 Insufficient memory. {NO_HELP}"),
    (
        "VolumeRestrictions",
        [node(), pod("other", **DISK, **HERE)],
        pod(**DISK),
        f"1 node(s) had no available disk. {NO_VICTIMS}",
    ),
    (
        "VolumeRestrictions",
        [node(), claim("v", "ReadWriteOncePod"), volume(), pod("other", **USES, **HERE)],
        pod(**USES),
        "1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode. " + NO_VICTIMS,
    ),
    (
        "NodeVolumeLimits",
        [node(), CSI_NODE, claim("v"), volume(**CSI)],
        pod(**USES),
        f"1 node(s) exceed max volume count. {NO_VICTIMS}",
    ),
    (
        "VolumeBinding",
        [node(), claim("v"), volume(nodeAffinity=ELSEWHERE)],
        pod(**USES),
        f"1 node(s) didn't match PersistentVolume's node affinity. {NO_HELP}",
    ),
    # DynamicResources has not looked at the pod then, which upstream tells in these two words.
    ("VolumeBinding", [node()], pod(**USES), 'persistentvolumeclaim "data" not found. not found'),
    (
        "VolumeZone",
        [node(), claim("v"), volume(labels={ZONE: "other"})],
        pod(**USES),
        f"1 node(s) had no available volume zone. {NO_HELP}",
    ),
    (
        "PodTopologySpread",
        [node(), pod("other", labels=APP, **HERE)],
        pod(labels=APP, topologySpreadConstraints=[SPREAD]),
        f"1 node(s) didn't match pod topology spread constraints. {NO_VICTIMS}",
    ),
    (
        "InterPodAffinity",
        [node()],
        pod(affinity={"podAffinity": terms("web")}),
        f"1 node(s) didn't match pod affinity rules. {NO_HELP}",
    ),
    (
        "InterPodAffinity",
        [node(), pod("other", labels=APP, **HERE)],
        pod(affinity={"podAntiAffinity": terms("web")}),
        f"1 node(s) didn't match pod anti-affinity rules. {NO_VICTIMS}",
    ),
    (
        "InterPodAffinity",
        [node(), pod("other", affinity={"podAntiAffinity": terms("web")}, **HERE)],
        pod(labels=APP),
        f"1 node(s) didn't satisfy existing pods anti-affinity rules. {NO_VICTIMS}",
    ),
    (
        "DynamicResources",
        [node()],
        pod(resourceClaims=[{"name": "gpu", "resourceClaimName": "g"}]),
        f'resourceclaim.resource.k8s.io "g" not found. {NO_HELP}',
    ),
    (
        "NodeDeclaredFeatures",
        [node()],
        pod(**RESTARTS),
        f"1 node(s) didn't match Pod's required features. {NO_HELP}",
    ),
]


@pytest.mark.parametrize(("plugin", "objects", "wanted", "text"), ROWS, ids=[f"{r[0]}-{i}" for i, r in enumerate(ROWS)])
def test_the_words_of_each_plugin(plugin: str, objects: list[Manifest], wanted: Manifest, text: str) -> None:
    found: Verdict = Simulation(objects=objects, seed=1).schedule(wanted)
    assert (found.node, found.plugins) == ("", {plugin})
    assert found.message == f"0/1 nodes are available: {text}"


def test_each_filter_has_its_row() -> None:
    assert {row[0] for row in ROWS} == set(FILTERS)


def test_a_pod_that_must_not_preempt_says_so_instead() -> None:
    found: Diagnosis = failure(
        scheduler(plain_node("a", cpu="1")), info("p", requests={"cpu": "2"}, preemptionPolicy="Never")
    )
    assert found.message() == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )
