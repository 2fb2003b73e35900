"""Faults to inject as objects: each names what to create, which question to ask, and the cause that must come out.

What: `FAULTS`, and `inject(api, fault)`. Objects are written through the API; a `status` goes through the subresource; `owner`
("ReplicaSet/web-1") becomes an ownerReference with the right uid; `delete` asks for deletion afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubelite.cmd.questions.places import CLUSTER_WIDE, path
from tests.apienv import ApiEnv

Object = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """`ask`: what `kubelite why` is given. `scheduled`: let the real scheduler look at pod p first."""

    name: str
    ask: str
    cause: str
    objects: tuple[Object, ...] = ()
    delete: tuple[str, ...] = ()
    scheduled: bool = False
    says: str = ""
    """Words that the answer must contain."""
    extra: Object = field(default_factory=dict)


async def inject(api: ApiEnv, fault: Fault) -> None:
    """Creates the objects of a fault."""
    uids: dict[str, str] = {}
    for given in fault.objects:
        obj = dict(given)
        kind, status, owner = obj.pop("kind"), obj.pop("status", None), obj.pop("owner", "")
        meta = dict(obj.get("metadata") or {})
        if owner:
            owner_kind, _, owner_name = owner.partition("/")
            group = {"Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}.get(owner_kind, "apps/v1")
            meta["ownerReferences"] = [
                {"apiVersion": group, "kind": owner_kind, "name": owner_name, "uid": uids[owner], "controller": True}
            ]
        obj["metadata"] = meta
        namespace = "" if kind in CLUSTER_WIDE else meta.get("namespace", "default")
        if kind == "Lease":
            namespace = meta["namespace"]
            await api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        reply = await api.post(path(kind, namespace), obj)
        assert reply.status == 201, reply.body
        uids[f"{kind}/{meta['name']}"] = reply.json()["metadata"]["uid"]
        where = path(kind, namespace, meta["name"])
        if status is not None:
            if kind == "Deployment" or "observedGeneration" in status:
                status = {"observedGeneration": reply.json()["metadata"].get("generation"), **status}
            reply = await api.patch(f"{where}/status", {"status": status})
            assert reply.status == 200, reply.body
        if kind == "Node":
            # Admission taints a new node as not ready; what the fault says counts.
            spec = obj.get("spec") or {}
            reply = await api.patch(where, {"spec": {"taints": spec.get("taints")}})
            assert reply.status == 200, reply.body
    for one in fault.delete:
        kind, _, name = one.partition("/")
        reply = await api.delete(path(kind, "" if kind in CLUSTER_WIDE else "default", name))
        assert reply.status in (200, 202), reply.body


# --- objects in a line ------------------------------------------------------------------------------------------------

OLD = "2020-01-01T00:00:00Z"


def condition(type_: str, status: str = "False", reason: str = "", message: str = "") -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": OLD}


def node(name: str = "n1", cpu: str = "4", labels: Object | None = None, *, ready: str = "True", **more: Any) -> Object:
    amounts = {"cpu": cpu, "memory": "8Gi", "pods": more.pop("pods", "110")}
    conditions = [condition("Ready", ready, more.pop("reason", ""), more.pop("message", ""))]
    conditions += more.pop("conditions", [])
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": more,
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": conditions},
    }


def container(**more: Any) -> Object:
    return {"name": "c", "image": "example.test/c:1", **more}


def pod(name: str = "p", cpu: str = "100m", **more: Any) -> Object:
    meta = {"name": name, "labels": more.pop("labels", {}), **more.pop("metadata", {})}
    made: Object = {"kind": "Pod", "metadata": meta}
    for key in ("status", "owner"):
        if key in more:
            made[key] = more.pop(key)
    containers = more.pop("containers", [container(resources={"requests": {"cpu": cpu}})])
    return {**made, "spec": {"containers": containers, **more}}


def state(name: str = "c", *, ready: bool = False, restarts: int = 0, last: Object | None = None, **now: Any) -> Object:
    found = {"name": name, "ready": ready, "restartCount": restarts, "image": "", "imageID": "", "state": now}
    return found | ({"lastState": {"terminated": last}} if last else {})


def on_node(*states: Object, phase: str = "Pending", init: tuple[Object, ...] = (), **more: Any) -> Object:
    """A pod on n1 with these containers."""
    status: Object = {"phase": phase, "conditions": more.pop("conditions", [condition("PodScheduled", "True")])}
    status["conditions"] = [*status["conditions"], condition("Ready")]
    if states:
        status["containerStatuses"] = list(states)
    if init:
        status["initContainerStatuses"] = list(init)
    status |= more.pop("status", {})
    return pod(nodeName="n1", status=status, **more)


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return state(waiting={"reason": reason, "message": message}, **more)


def crash(code: int, reason: str = "Error", message: str = "") -> Object:
    ended = {"exitCode": code, "reason": reason, "message": message, "startedAt": OLD, "finishedAt": OLD}
    return waiting("CrashLoopBackOff", "back-off 40s", restarts=4, last=ended)


def event(reason: str, message: str, about: str = "Pod/p", path_: str = "spec.containers{c}") -> Object:
    kind, _, name = about.partition("/")
    involved = {"kind": kind, "name": name, "namespace": "default"} | ({"fieldPath": path_} if kind == "Pod" else {})
    return {
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}"},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": OLD,
    }


def claim(name: str = "data", phase: str = "Pending", **spec: Any) -> Object:
    base = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": base | spec,
        "status": {"phase": phase},
    }


def volume(name: str = "v", size: str = "1Gi", **spec: Any) -> Object:
    base = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, "hostPath": {"path": "/tmp/v"}}
    return {"kind": "PersistentVolume", "metadata": {"name": name}, "spec": base | spec}


def storage_class(name: str, provisioner: str, mode: str = "Immediate") -> Object:
    return {
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
    }


def using(name: str = "data") -> Object:
    return {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": name}}]}


TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "example.test/c:1"}]},
}
SELECTOR = {"matchLabels": {"app": "web"}}


def workload(kind: str, name: str = "web", status: Object | None = None, **spec: Any) -> Object:
    base: Object = {"selector": SELECTOR, "template": TEMPLATE}
    if kind == "StatefulSet":
        base["serviceName"] = "web"
    return {
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": base | spec,
        "status": status or {},
    }


def job(status: Object, **spec: Any) -> Object:
    labels = {"job": "j"}
    template = {"metadata": {"labels": labels}, "spec": TEMPLATE["spec"] | {"restartPolicy": "Never"}}
    mine = {"template": template, "manualSelector": True, "selector": {"matchLabels": labels}}
    return {"kind": "Job", "metadata": {"name": "j"}, "spec": mine | spec, "status": status}


def autoscaler(*conditions: Object) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    measured = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    metrics = [{"type": "Resource", "resource": measured}]
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": metrics},
        "status": {"conditions": list(conditions), "currentReplicas": 1, "desiredReplicas": 1},
    }


def cron_job(**spec: Any) -> Object:
    template = {"spec": TEMPLATE["spec"] | {"restartPolicy": "Never"}}
    wanted = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}} | spec
    return {"kind": "CronJob", "metadata": {"name": "tick"}, "spec": wanted}


def budget(**status: Any) -> Object:
    counts = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 1, "expectedPods": 1}
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": SELECTOR},
        "status": {**counts, "observedGeneration": 1, **status},
    }


def service(selector: Object | None, **spec: Any) -> Object:
    ports = spec.pop("ports", [{"port": 80}])
    return {"kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": selector, "ports": ports, **spec}}


def refused(message: str) -> tuple[Object, ...]:
    """A Deployment whose ReplicaSet may not create pods."""
    failed = condition("ReplicaFailure", "True", "FailedCreate", message)
    return (
        workload("Deployment"),
        workload("ReplicaSet", "web-1", {"replicas": 0, "observedGeneration": 1, "conditions": [failed]})
        | {"owner": "Deployment/web"},
    )
