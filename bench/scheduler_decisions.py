"""The scheduler's decisions alone: `python -m bench.scheduler_decisions [--nodes 5000] [--pods 1000]`.

What: a cluster in arrays (nodes in 3 zones, two placed pods each), then pods of each kind placed one after the other, each
counted on its node before the next. Prints decisions a second, the median and the 99th percentile of one. Why: the goals are
0.5 ms for a plain pod and 2 ms with every constraint at 5 000 nodes. Preemption: every node is full of pods of lower priority;
victims go at once.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import World
from kubelite.scheduler.measured import Measures
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info
from kubelite.scheduler.profile import default_profile

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
Spec = dict[str, Any]


def node(number: int) -> Node:
    name = f"node-{number:05d}"
    labels = {HOST: name, ZONE: f"zone-{number % 3}", "disk": "ssd" if number % 2 else "hdd"}
    return msgspec.convert(
        {
            "metadata": {"name": name, "labels": labels},
            "status": {"allocatable": {"cpu": "32", "memory": "64Gi", "pods": "110"}},
        },
        Node,
    )


def pod(name: str, spec: Spec, cpu: str = "100m", priority: int = 0, app: str = "bench") -> PodInfo:
    container = {
        "name": "app",
        "image": "example.test/app:1",
        "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}},
    }
    body = {
        "metadata": {"name": name, "namespace": "bench", "uid": name, "labels": {"app": app}},
        "spec": {"schedulerName": "default-scheduler", "priority": priority, "containers": [container], **spec},
    }
    return pod_info(msgspec.convert(body, Pod))


def node_affinity() -> Spec:
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    soft = {"weight": 10, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["zone-1"]}]}}
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}, PREFERRED: [soft]}}}


def spread() -> Spec:
    selector = {"matchLabels": {"app": "bench"}}
    hard = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    soft = {"maxSkew": 1, "topologyKey": HOST, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
    return {"topologySpreadConstraints": [hard, soft]}


def neighbours(kind: str) -> Spec:
    key = HOST if kind == "podAntiAffinity" else ZONE
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": "bench"}}}
    soft = {"weight": 10, "podAffinityTerm": {**term, "topologyKey": ZONE}}
    return {"affinity": {kind: {REQUIRED: [term], PREFERRED: [soft]}}}


def everything() -> Spec:
    affinity = {**node_affinity()["affinity"], **neighbours("podAntiAffinity")["affinity"]}
    tolerations = [{"key": "k", "operator": "Exists"}]
    return {"affinity": affinity, "tolerations": tolerations, "nodeSelector": {"disk": "ssd"}, **spread()}


KINDS: dict[str, Callable[[], Spec]] = {
    "basic": dict,
    "node affinity": node_affinity,
    "topology spread": spread,
    "pod affinity": lambda: neighbours("podAffinity"),
    "pod anti-affinity": lambda: neighbours("podAntiAffinity"),
    "every constraint": everything,
}


def world(nodes: int, cpu: str, each: int) -> Scheduler:
    made = Measures().scheduler(World(), default_profile())
    for number in range(nodes):
        one = node(number)
        made.nodes.set_node(one)
        for i in range(each):
            info = pod(f"old-{number}-{i}", {}, cpu, app=f"old-{number % 50}")
            made.nodes.add_pod(info, one.metadata.name)
    return made


def row(mark: str, times: list[float]) -> None:
    times.sort()
    rate = len(times) / sum(times)
    middle, high = statistics.median(times) * 1e3, times[int(len(times) * 0.99)] * 1e3
    print(f"{mark:22}{rate:9.0f} /s   p50 {middle:6.3f} ms   p99 {high:7.3f} ms", flush=True)


def place(mark: str, spec: Spec, nodes: int, pods: int) -> None:
    made, times = world(nodes, "100m", 2), []
    for number in range(pods):
        info = pod(f"p-{number}", spec)
        began = time.process_time()
        result = made.place(info)
        assert isinstance(result, str), result.message()
        made.nodes.add_pod(info, result)
        times.append(time.process_time() - began)
    row(mark, times)


def preempt(nodes: int, pods: int) -> None:
    """The nodes are full; each pod drives one out, which goes at once, and takes its room."""
    made, times = world(nodes, "3", 10), []
    for number in range(pods):
        info = pod(f"p-{number}", {}, "3", priority=10)
        began = time.process_time()
        result = made.place(info)
        assert not isinstance(result, str)
        found = result.preemption
        assert found is not None, result.message()
        for victim in found.victims:
            made.nodes.remove_pod(victim, found.node)
        made.world.nominations.promise(info, found.node)
        again = made.place(info)
        assert again == found.node
        made.world.nominations.drop(info.key)
        made.nodes.add_pod(info, again)
        times.append(time.process_time() - began)
    row("preemption", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    gc.set_threshold(50_000, 20, 20)
    print(f"{chosen.nodes} nodes, {chosen.pods} pods of each kind, CPU time", flush=True)
    for mark, make in KINDS.items():
        if chosen.only in mark:
            place(mark, make(), chosen.nodes, chosen.pods)
    if chosen.only in "preemption":
        preempt(chosen.nodes, chosen.pods)


if __name__ == "__main__":
    main()
