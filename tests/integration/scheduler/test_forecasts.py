"""What `whatif` predicts is what the running scheduler then does: random clusters and actions, through the API.

Each case: a cluster, a snapshot of it as `whatif` takes it, an action done for real with the scheduler off, then the scheduler. A
choice between equally good nodes may be any of those that the forecast names; after it the forecast goes on from the real choice.
Where several pods preempt at once, which the forecast says, the outcome depends on timing and is not compared.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from kubelite.cmd.questions import snapshot as snapshots
from kubelite.cmd.questions.newpods import Admission
from kubelite.scheduler.forecast import SUFFIX, Choices, Forecast
from tests.apienv import ApiEnv
from tests.integration.cli.conftest import Cli, cli
from tests.integration.scheduler.world import PODS, scheduling

__all__ = ["cli"]
Object = dict[str, Any]
HOST, ZONE = "kubernetes.io/hostname", "zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
QUIET = 0.3
"""Seconds without a change after which nothing more is expected."""
CASES, A_TEST = 40, 10


def make_node(rng: random.Random, name: str) -> Object:
    amounts = {"cpu": f"{rng.randint(4, 12) * 500}m", "memory": "8Gi", "pods": "20"}
    taints = [{"key": "team", "value": "a", "effect": "NoSchedule"}] if rng.random() < 0.15 else []
    meta = {"name": name, "labels": {HOST: name, ZONE: rng.choice("ab"), "disk": rng.choice(("ssd", "hdd"))}}
    return {"metadata": meta, "spec": {"taints": taints}, "status": {"allocatable": amounts, "capacity": amounts}}


def make_pod(rng: random.Random, name: str, **more: Any) -> Object:
    requests = {"cpu": f"{rng.randint(2, 30) * 100}m", "memory": f"{rng.randint(1, 20) * 64}Mi"}
    spec: Object = {
        "containers": [{"name": "c", "image": "example.test/c:1", "resources": {"requests": requests}}],
        **more,
    }
    app = rng.choice("xyz")
    term = {"topologyKey": rng.choice((HOST, ZONE)), "labelSelector": {"matchLabels": {"app": rng.choice("xyz")}}}
    dice = rng.random()
    if dice < 0.12:
        spec["affinity"] = {"podAntiAffinity": {REQUIRED: [term]}}
    elif dice < 0.2:
        spec["affinity"] = {"podAffinity": {REQUIRED: [term]}}
    elif dice < 0.32:
        rule = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "topologyKey": ZONE}
        spec["topologySpreadConstraints"] = [rule | {"labelSelector": {"matchLabels": {"app": app}}}]
    elif dice < 0.42:
        spec["nodeSelector"] = {"disk": "ssd"}
    if rng.random() < 0.2:
        spec["tolerations"] = [{"key": "team", "operator": "Exists"}]
    return {"metadata": {"name": name, "labels": {"app": app}}, "spec": spec}


async def build(api: ApiEnv, rng: random.Random) -> list[str]:
    """Nodes and the pods on them; the names of the nodes."""
    names = [f"n{number}" for number in range(rng.randint(2, 5))]
    room = {}
    for name in names:
        node = make_node(rng, name)
        assert (await api.post("/api/v1/nodes", node)).status == 201
        await api.patch(f"/api/v1/nodes/{name}/status", {"status": node["status"]})
        await api.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": node["spec"]["taints"]}})
        room[name] = int(node["status"]["allocatable"]["cpu"][:-1])
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "o", "uid": "u-1", "controller": True}
    for number in range(rng.randint(0, 8)):
        where = rng.choice(names)
        pod = make_pod(rng, f"a{number}", nodeName=where)
        asked = int(pod["spec"]["containers"][0]["resources"]["requests"]["cpu"][:-1])
        if asked > room[where]:
            continue
        room[where] -= asked
        if rng.random() < 0.7:
            pod["metadata"]["ownerReferences"] = [owner]
        assert (await api.post(PODS, pod)).status == 201
        await api.patch(f"{PODS}/a{number}/status", {"status": {"phase": "Running"}})
    return names


async def clear(api: ApiEnv) -> None:
    for pod in (await api.get(PODS)).json()["items"]:
        await api.delete(f"{PODS}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
    for node in (await api.get("/api/v1/nodes")).json()["items"]:
        await api.delete(f"/api/v1/nodes/{node['metadata']['name']}")


async def leave(api: ApiEnv, pod: Object, again: list[Object]) -> None:
    """A pod goes; what its controller would make comes later."""
    meta = pod["metadata"]
    assert (await api.delete(f"{PODS}/{meta['name']}", {"gracePeriodSeconds": 0})).status == 200
    if meta.get("ownerReferences"):
        fresh = {key: meta[key] for key in ("labels", "ownerReferences") if key in meta}
        spec = {key: value for key, value in pod["spec"].items() if key not in ("nodeName", "priority")}
        again.append({"metadata": {"name": meta["name"] + SUFFIX, **fresh}, "spec": spec})


async def act(api: ApiEnv, action: str, node: str, new: list[Object]) -> None:
    """The action for real."""
    there = [pod for pod in (await api.get(PODS)).json()["items"] if pod["spec"].get("nodeName") == node]
    again = list(new)
    if action == "taint":
        taint = [{"key": "team", "value": "b", "effect": "NoExecute"}]
        assert (await api.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": taint}})).status == 200
        there = [pod for pod in there if not any(t.get("key") == "team" for t in pod["spec"].get("tolerations", ()))]
    if action == "drain":
        assert (await api.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})).status == 200
    if action != "apply":
        for pod in sorted(there, key=lambda one: str(one["metadata"]["name"])):
            await leave(api, pod, again)
    if action == "lose":
        assert (await api.delete(f"/api/v1/nodes/{node}")).status == 200
    for pod in again:
        assert (await api.post(PODS, pod)).status == 201


def settled(pods: dict[str, Object]) -> bool:
    """Whether nothing is under way: every pod has a node, or was refused one and promised none."""
    for pod in pods.values():
        if pod["metadata"].get("deletionTimestamp"):
            return False
        if not pod["spec"].get("nodeName"):
            told = any(c["type"] == "PodScheduled" for c in pod["status"].get("conditions", ()))
            if not told or pod["status"].get("nominatedNodeName"):
                return False
    return True


async def observe(api: ApiEnv) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What the scheduler makes of it: pod → node, pod → promises on the way.

    Pods that it deletes stop at once, as if there were kubelets.
    """
    pods: dict[str, Object] = {}
    promised: dict[str, list[str]] = {}
    async with asyncio.timeout(20), scheduling(api, leader_elect=False), api.watch(PODS) as events:
        while True:
            try:
                event = await events.next(QUIET if settled(pods) and pods else 15)
            except TimeoutError:
                return {name: pod["spec"].get("nodeName", "") for name, pod in pods.items()}, promised
            name = event["object"]["metadata"]["name"]
            pods[name] = event["object"]
            promise, seen = event["object"]["status"].get("nominatedNodeName"), promised.setdefault(name, [])
            if promise and promise not in seen[-1:]:
                seen.append(promise)
            if event["type"] == "DELETED":
                del pods[name]
            elif event["object"]["metadata"].get("deletionTimestamp"):
                again: list[Object] = []
                await leave(api, event["object"], again)
                for pod in again:
                    assert (await api.post(PODS, pod)).status == 201


TIMING = "depends on timing"


async def case(cli: Cli, seed: int) -> str:
    """What differs; "" if the forecast was right, TIMING if it did not commit itself."""
    rng = random.Random(seed)
    api = cli.api
    await clear(api)
    names = await build(api, rng)
    action, node = rng.choice(("apply", "apply", "drain", "lose", "taint")), rng.choice(names)
    ranks = ("", "", "high")
    new = [make_pod(rng, f"b{n:02}", priorityClassName=rng.choice(ranks)) for n in range(rng.randint(1, 9))]
    new = new if action == "apply" or rng.random() < 0.5 else []
    taken = snapshots.load((await cli("whatif snapshot")).out.encode(), "snapshot")
    await act(api, action, node, new)
    if not (await api.get(PODS)).json()["items"]:
        return ""
    real, promised = await observe(api)

    def choose(info: Any, equal: tuple[str, ...]) -> str:
        chosen = real.get(info.pod.metadata.name, "")
        return chosen if chosen in equal else equal[0]

    def choose_room(info: Any, equal: tuple[str, ...]) -> str:
        seen = promised.get(info.pod.metadata.name, [])
        return next((seen.pop(at) for at, node in enumerate(seen) if node in equal), equal[0])

    forecast = Forecast(taken.simulation(), Choices(choose, choose_room))
    if action == "taint":
        forecast.taint(node, "team", "", "", remove=True)
        forecast.taint(node, "team", "b", "NoExecute")
    elif action != "apply":
        getattr(forecast, action)(node)
    # The scheduler starts with a list, which is sorted by name: what is made again comes before what is new.
    created = [{"kind": "Pod", **pod} for pod in new]
    forecast.apply(Admission(taken).pods(created, "default"))
    result = forecast.run()
    if result.depends_on_timing:
        return TIMING
    wrong = []
    for outcome in result.pods:
        name = outcome.pod.partition("/")[2]
        if name in real and outcome.node != real[name]:
            wrong.append(f"{name} is on {real[name] or 'no node'}, not {outcome.node or 'pending'}: {outcome.why}")
    victims = {key.partition("/")[2] for key in result.preempted if not key.endswith(SUFFIX)}
    there = set(real)
    wrong += [f"{name} was not preempted" for name in victims & there]
    return f"seed {seed}, {action} {node}: {'; '.join(wrong)}" if wrong else ""


@pytest.mark.parametrize("first", range(0, CASES, A_TEST))
async def test_forecasts_come_true(cli: Cli, first: int) -> None:
    body = {"metadata": {"name": "high"}, "value": 100}
    assert (await cli.api.post("/apis/scheduling.k8s.io/v1/priorityclasses", body)).status == 201
    found = [await case(cli, seed) for seed in range(first, first + A_TEST)]
    assert [one for one in found if one not in ("", TIMING)] == []
    assert found.count(TIMING) <= A_TEST // 4
