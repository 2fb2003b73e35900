"""The questions of `whatif` on snapshots made by hand: what controllers and quotas make of what is asked."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from kubelite.cli.flags import Parsed
from kubelite.cli.session import Session, Streams
from kubelite.cmd.questions.asking import Question
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.cmd.questions.whatif import Options
from kubelite.scheduler.forecast import Result

Object = dict[str, Any]
HOST = "kubernetes.io/hostname"


def node(name: str, cpu: str) -> Object:
    return {
        "metadata": {"name": name, "labels": {HOST: name}},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }


def workload(kind: str, name: str, cpu: str = "1", replicas: int = 1, **spec: Any) -> Object:
    labels = {"name": name}
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    found = {"selector": {"matchLabels": labels}, "template": template}
    if kind != "DaemonSet":
        found["replicas"] = replicas
    meta = {"name": name, "namespace": "default", "uid": f"u-{name}"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": found}


def new(kind: str, name: str, *args: Any, **more: Any) -> Object:
    """As in a manifest."""
    made = workload(kind, name, *args, **more)
    made["metadata"] = {"name": name}
    return made


def pod_of(owner: Object, name: str, on: str, **more: Any) -> Object:
    by = {"apiVersion": "apps/v1", "kind": owner["kind"], "controller": True}
    by |= {key: owner["metadata"][key] for key in ("name", "uid")}
    template = owner["spec"]["template"]
    meta = {"name": name, "namespace": "default", "uid": f"u-{name}", "ownerReferences": [by]}
    spec = template["spec"] | ({"nodeName": on} if on else {}) | more
    return {"metadata": meta | template["metadata"], "spec": spec, "status": {"phase": "Running"}}


def quota(pods: int, used: int) -> Object:
    hard = {"pods": str(pods)}
    meta = {"name": "q", "namespace": "default"}
    return {"metadata": meta, "spec": {"hard": hard}, "status": {"hard": hard, "used": {"pods": str(used)}}}


def question(**lists: list[Object]) -> Question:
    found = {
        "Node": [],
        "Pod": [],
        "ReplicaSet": [],
        "PriorityClass": [{"metadata": {"name": "high"}, "value": 9}],
    } | lists
    taken = Snapshot({kind: json.dumps({"items": items}).encode() for kind, items in found.items()})
    session = Session(Parsed({"namespace": "default"}, [], frozenset()), Streams(io.StringIO(), io.StringIO()))
    return Question(Options((), snapshot="taken"), session, taken)


def places(result: Result) -> dict[str, str]:
    return {one.pod.partition("/")[2]: one.node for one in result.pods}


def test_the_pods_of_a_new_deployment_are_spread_as_their_replica_set_would_have_them() -> None:
    asked = question(Node=[node("large", "64"), node("small", "4")])
    assert sorted(places(asked.create([new("Deployment", "web", replicas=2)]).run()).values()) == ["large", "small"]


def test_more_replicas_of_a_deployment_are_spread_with_those_that_it_has() -> None:
    deployment = workload("Deployment", "web")
    old = workload("ReplicaSet", "web-1")
    labels = {"name": "web", "pod-template-hash": "1"}
    old["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "uid": "u-web", "controller": True}]
    old["spec"] |= {"selector": {"matchLabels": labels}}
    old["spec"]["template"] = old["spec"]["template"] | {"metadata": {"labels": labels}}
    there = [pod_of(old, "web-1-a", "large")]
    lists = {"Deployment": [deployment], "ReplicaSet": [old], "Node": [node("large", "64"), node("small", "4")]}
    result = question(Pod=there, **lists).create([new("Deployment", "web", replicas=2)]).run()
    assert places(result) == {"web-new-1": "small"}


def test_what_a_preemption_leaves_of_a_quota_is_for_replicas_that_were_refused() -> None:
    there = workload("ReplicaSet", "low", "4")
    there["spec"]["replicas"] = 0  # nobody makes the victim again
    lists = {"ReplicaSet": [there], "Pod": [pod_of(there, "low-a", "n", priority=0)], "ResourceQuota": [quota(2, 1)]}
    made = new("ReplicaSet", "web", "2", 2, priorityClassName="high")
    asked = question(Node=[node("n", "4")], **lists)
    result = asked.create([made]).run()
    assert places(result) == {"web-1": "n", "web-2": "n"}
    assert asked.admission.refused == {}


@pytest.mark.parametrize(("pods", "warned"), [(2, True), (9, False)])
def test_a_quota_that_is_not_enough_for_two_workloads_makes_it_depend_on_who_asks_first(
    pods: int, warned: bool
) -> None:
    asked = question(Node=[node("n", "16")], ResourceQuota=[quota(pods, 0)])
    asked.create([new("ReplicaSet", "a", replicas=2), new("ReplicaSet", "b")]).run()
    assert asked.makers.contended == warned


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_preempted_pods_of_a_new_workload_come_again(kind: str) -> None:
    asked = question(Node=[node("n", "4")])
    forecast = asked.create([new(kind, "low", "3"), new("ReplicaSet", "high", "3", priorityClassName="high")])
    forecast.choices = type(forecast.choices)(order=lambda queue: sorted(queue, key=lambda info: info.priority))
    result = forecast.run()
    (victim,) = result.preempted
    again = next(one for one in result.pods if one.pod == f"{victim}-again")
    assert (again.node, again.instead_of) == ("", "n")


def test_pods_that_a_workload_lacks_are_asked_for_once() -> None:
    short = workload("ReplicaSet", "short", replicas=2)
    low = workload("ReplicaSet", "low", "4")
    low["spec"]["replicas"] = 0
    lists = {"ReplicaSet": [short, low], "Pod": [pod_of(low, "low-a", "n", priority=0)], "ResourceQuota": [quota(2, 1)]}
    asked = question(Node=[node("n", "4")], **lists)
    asked.admission.quotas.change("default", "q", {"pods": "9"}, {})
    result = asked.quota([new("ReplicaSet", "web", "3", priorityClassName="high")]).run()
    assert places(result) == {"web-1": "n", "short-new-1": "n", "short-new-2": ""}
