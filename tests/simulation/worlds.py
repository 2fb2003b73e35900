"""Random workloads and random questions for foretold.py, as objects that people write."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.api import Api
from tests.simulation.kubelet import Machine
from tests.simulation.truth import Object, Truth

SPACE = "foretold"
EFFECTS = ("NoSchedule", "NoExecute")
LONGEST = 30
"""Seconds that a pod may tolerate a taint."""
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
KINDS = {
    "deployments": ("Deployment", "apps/v1"),
    "statefulsets": ("StatefulSet", "apps/v1"),
    "replicasets": ("ReplicaSet", "apps/v1"),
    "daemonsets": ("DaemonSet", "apps/v1"),
    "pods": ("Pod", "v1"),
}


@dataclass
class Action:
    """What is asked and then done."""

    kind: str
    node: str = ""
    objects: list[tuple[str, Object]] = field(default_factory=list)
    taints: list[Object] = field(default_factory=list)
    removed: list[Object] = field(default_factory=list)
    hard: dict[str, str] = field(default_factory=dict)


def pod_spec(rng: Random, app: str, *, plain: bool = False) -> Object:
    """The spec of a template: sizes, priorities, rules about company, spreading, tolerations."""
    requests = {"cpu": f"{rng.randint(1, 9)}00m", "memory": f"{rng.randint(1, 12) * 64}Mi"}
    spec: Object = {
        "containers": [{"name": "main", "image": "x", "resources": {"requests": requests}}],
        "terminationGracePeriodSeconds": 0,
    }
    if rng.random() < 0.3:
        spec["priorityClassName"] = rng.choice(("high", "low"))
    if rng.random() < 0.25:
        toleration: Object = {"key": "team", "operator": "Exists"}
        if rng.random() < 0.5:
            toleration |= {"effect": "NoExecute", "tolerationSeconds": rng.choice((10, LONGEST))}
        spec["tolerations"] = [toleration]
    if not plain:
        spec |= _company(rng, app)
    return spec


def _company(rng: Random, app: str) -> Object:
    other = {"labelSelector": {"matchLabels": {"app": rng.choice("xyz")}}}
    own = {"labelSelector": {"matchLabels": {"app": app}}}
    dice = rng.random()
    if dice < 0.12:
        return {"affinity": {"podAntiAffinity": {REQUIRED: [own | {"topologyKey": rng.choice((HOST, HOST, ZONE))}]}}}
    if dice < 0.2:
        return {"affinity": {"podAffinity": {REQUIRED: [other | {"topologyKey": rng.choice((HOST, ZONE))}]}}}
    if dice < 0.3:
        term = {"weight": rng.randint(1, 100), "podAffinityTerm": other | {"topologyKey": HOST}}
        return {"affinity": {rng.choice(("podAffinity", "podAntiAffinity")): {PREFERRED: [term]}}}
    if dice < 0.45:
        rule = {"maxSkew": rng.randint(1, 2), "topologyKey": rng.choice((HOST, ZONE))}
        rule["whenUnsatisfiable"] = rng.choice(("DoNotSchedule", "ScheduleAnyway"))
        return {"topologySpreadConstraints": [rule | own]}
    if dice < 0.55:
        return {"nodeSelector": {ZONE: "zone-0"}}
    return {}


def workload(rng: Random, resource: str, name: str) -> Object:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    app = rng.choice("xyz")
    labels = {"app": app, "name": name}
    template = {"metadata": {"labels": labels}, "spec": pod_spec(rng, app, plain=resource == "daemonsets")}
    spec: Object = {"selector": {"matchLabels": {"name": name}}, "template": template}
    if resource != "daemonsets":
        spec["replicas"] = rng.randint(1, 4)
    if resource == "statefulsets":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
        if rng.random() < 0.4:
            asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            spec["volumeClaimTemplates"] = [{"metadata": {"name": "d"}, "spec": asked | {"storageClassName": "local"}}]
    return {"metadata": {"name": name}, "spec": spec}


def bare_pod(rng: Random, name: str) -> Object:
    app = rng.choice("xyz")
    return {"metadata": {"name": name, "labels": {"app": app}}, "spec": pod_spec(rng, app)}


async def build(api: Api, rng: Random, nodes: list[str]) -> None:
    """Classes, volumes, workloads, budgets, a quota, a taint."""
    client = api.client
    await api.create("namespaces", {"metadata": {"name": SPACE}})
    for name, value in (("high", 100), ("low", -10)):
        await _post(client, "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value})
    local = {"metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner"}
    await _post(client, "/apis/storage.k8s.io/v1/storageclasses", local | {"volumeBindingMode": "WaitForFirstConsumer"})
    for node in nodes:
        for number in range(rng.randint(0, 3)):
            await _post(client, "/api/v1/persistentvolumes", _volume(f"{node}-v{number}", node))
    if rng.random() < 0.3:
        taints = _taints("a", rng.choice(EFFECTS), closed=True)
        await api.patch("nodes", {"spec": {"taints": taints}}, "", rng.choice(nodes))
    if rng.random() < 0.4:
        hard = {"pods": str(rng.randint(3, 14)), "requests.cpu": f"{rng.randint(2, 8)}"}
        await api.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}}, SPACE)
    for number in range(rng.randint(2, 5)):
        resource = rng.choice(("deployments", "deployments", "statefulsets", "replicasets", "daemonsets"))
        await api.create(resource, workload(rng, resource, f"w{number}"), SPACE)
        if rng.random() < 0.4 and resource != "daemonsets":
            await api.create("poddisruptionbudgets", _budget(rng, f"w{number}"), SPACE)
    for number in range(rng.randint(0, 3)):
        try:
            await api.create("pods", bare_pod(rng, f"a{number}"), SPACE)
        except Exception as error:
            if "exceeded quota" not in str(error):
                raise


async def _post(client: Any, path: str, body: Object) -> None:
    import json

    await client.request("POST", path, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def _volume(name: str, node: str) -> Object:
    term = {"matchExpressions": [{"key": HOST, "operator": "In", "values": [node]}]}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local"}
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    return {"metadata": {"name": name}, "spec": spec | affinity | {"local": {"path": f"/mnt/{name}"}}}


def _budget(rng: Random, name: str) -> Object:
    limit = rng.choice(({"minAvailable": 1}, {"minAvailable": "50%"}, {"maxUnavailable": 1}, {"maxUnavailable": 0}))
    more = {"unhealthyPodEvictionPolicy": "AlwaysAllow"} if rng.random() < 0.3 else {}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"name": name}}, **limit, **more}}


def action(rng: Random, machines: list[Machine], truth: Truth) -> Action:
    """What will be asked and done."""
    nodes = [machine.name for machine in machines]
    has_quota = bool(truth.of("resourcequotas", SPACE))
    kind = rng.choice(("apply", "drain", "drain", "lose", "taint", "taint", *(("quota", "quota") if has_quota else ())))
    if kind == "apply":
        made = [
            (resource, workload(rng, resource, f"n{n}"))
            for n, resource in enumerate(
                rng.choices(("deployments", "statefulsets", "daemonsets"), (3, 2, 1), k=rng.randint(1, 3))
            )
        ]
        return Action(kind, objects=made)
    if kind == "quota":
        return Action(kind, hard={"pods": str(rng.randint(3, 25)), "requests.cpu": f"{rng.randint(2, 16)}"})
    node = rng.choice(nodes)
    if kind != "taint":
        return Action(kind, node)
    present = next(one for one in truth.of("nodes") if one["metadata"]["name"] == node)["spec"].get("taints") or []
    if present:
        return Action(kind, node, removed=present)
    some_stay_for_a_while = any(
        "tolerationSeconds" in one
        for pod in truth.of("pods", SPACE)
        for one in pod["spec"].get("tolerations", ())
        if one.get("key") == "team"
    )
    return Action(kind, node, taints=_taints("b", rng.choice(EFFECTS), closed=some_stay_for_a_while))


def _taints(value: str, effect: str, *, closed: bool) -> list[Object]:
    """`closed`: who must leave because of NoExecute cannot come back, as a pod that tolerates it for a while could, for ever."""
    effects = (effect, "NoSchedule") if closed and effect == "NoExecute" else (effect,)
    return [{"key": "team", "value": value, "effect": one} for one in effects]
