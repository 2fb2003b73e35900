"""The objects that simulated people write."""

from __future__ import annotations

from random import Random
from typing import Any

Body = dict[str, Any]


def _template(name: str, rng: Random, policy: str = "Always", fails: float = 0.0) -> Body:
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": f"{rng.randint(1, 4)}00m"}}}
    spec: Body = {"containers": [container], "restartPolicy": policy}
    spec["terminationGracePeriodSeconds"] = rng.choice((0, 2, 10))
    # Sooner than the usual five minutes, so that lost nodes are left within the run.
    spec["tolerations"] = [
        {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 20}
        for what in ("not-ready", "unreachable")
    ]
    return {"metadata": {"labels": {"app": name}, "annotations": {"simulation/fails": str(fails)}}, "spec": spec}


def _selector(name: str) -> Body:
    return {"matchLabels": {"app": name}}


STATIC, LOCAL = "static", "local"
"""Storage classes: volumes that are there, and volumes that are made where the first pod goes."""
BLOCKED = ("kubernetes.io/no-provisioner", "kubelite.io/local-path")


def storage_classes() -> list[Body]:
    return [
        {
            "metadata": {"name": name},
            "provisioner": provisioner,
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Retain",
        }
        for name, provisioner in zip((STATIC, LOCAL), BLOCKED, strict=True)
    ]


def volume(number: int, node: str) -> Body:
    """A volume on a node."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": STATIC,
        "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": f"/disks/{number}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    return {"metadata": {"name": f"disk-{number}"}, "spec": spec}


def claim_template(rng: Random) -> Body:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": rng.choice((STATIC, LOCAL)),
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {"metadata": {"name": "data"}, "spec": spec}


def urgent() -> Body:
    return {"metadata": {"name": "urgent"}, "value": 1000}


def limits() -> Body:
    """Containers that ask for nothing ask for this."""
    item = {"type": "Container", "defaultRequest": {"cpu": "150m"}, "default": {"cpu": "500m"}}
    return {"metadata": {"name": "limits"}, "spec": {"limits": [item]}}


def deployment(name: str, rng: Random) -> Body:
    strategy: Body = {"type": "Recreate"}
    if rng.random() < 0.85:
        surge, unavailable = rng.choice((0, 1, 2, "25%", "50%")), rng.choice((0, 1, "25%"))
        if surge == 0 and unavailable in (0, "25%"):
            unavailable = 1
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    spec = {
        "replicas": rng.randint(1, 5),
        "selector": _selector(name),
        "template": _template(name, rng),
        "strategy": strategy,
        "minReadySeconds": rng.choice((0, 0, 3)),
        "revisionHistoryLimit": rng.choice((0, 2, 10)),
    }
    return {"metadata": {"name": name}, "spec": spec}


def statefulset(name: str, rng: Random) -> Body:
    template = _template(name, rng)
    # Without a grace period a pod's object goes before its processes do: no identity is safe then.
    template["spec"]["terminationGracePeriodSeconds"] = 5
    spec = {
        "replicas": rng.randint(1, 4),
        "serviceName": name,
        "selector": _selector(name),
        "template": template,
        "podManagementPolicy": rng.choice(("OrderedReady", "OrderedReady", "Parallel")),
    }
    return {"metadata": {"name": name}, "spec": spec}


def daemonset(name: str, rng: Random) -> Body:
    rolling = rng.choice(({"maxUnavailable": 1}, {"maxUnavailable": "50%"}, {"maxUnavailable": 0, "maxSurge": 1}))
    template = _template(name, rng)
    template["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "50m"
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {
        "metadata": {"name": name},
        "spec": {"selector": _selector(name), "template": template, "updateStrategy": strategy},
    }


def _job_spec(name: str, rng: Random) -> Body:
    spec: Body = {
        "template": _template(name, rng, "Never", rng.choice((0.0, 0.2, 0.5))),
        "parallelism": rng.randint(1, 4),
        "completions": rng.randint(1, 6),
        "backoffLimit": rng.randint(0, 4),
        "podReplacementPolicy": rng.choice(("TerminatingOrFailed", "Failed")),
    }
    if rng.random() < 0.5:
        spec["completionMode"] = "Indexed"
    return spec


def job(name: str, rng: Random) -> Body:
    return {"metadata": {"name": name}, "spec": _job_spec(name, rng)}


def dress(kind: str, body: Body, rng: Random, *, volumes: bool, priorities: bool, defaults: bool) -> Body:
    """Adds what the run's mix has: claims, importance, and requests that are left to the namespace's defaults."""
    spec = body["spec"]["jobTemplate"]["spec"] if kind == "cronjob" else body["spec"]
    pod = spec["template"]["spec"]
    if priorities and rng.random() < 0.35:
        pod["priorityClassName"] = "urgent"
    if defaults and rng.random() < 0.5:
        del pod["containers"][0]["resources"]
    if volumes and kind == "statefulset" and rng.random() < 0.8:
        spec["volumeClaimTemplates"] = [claim_template(rng)]
        policy = {what: rng.choice(("Retain", "Delete")) for what in ("whenDeleted", "whenScaled")}
        spec["persistentVolumeClaimRetentionPolicy"] = policy
    return body


def cronjob(name: str, rng: Random) -> Body:
    spec = {
        "schedule": rng.choice(("* * * * *", "*/2 * * * *")),
        "concurrencyPolicy": rng.choice(("Allow", "Forbid", "Replace")),
        "jobTemplate": {"spec": _job_spec(name, rng)},
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
    }
    return {"metadata": {"name": name}, "spec": spec}


def budget(name: str, least: int) -> Body:
    return {"metadata": {"name": name}, "spec": {"minAvailable": least, "selector": _selector(name)}}


def quota(name: str, **hard: str) -> Body:
    return {"metadata": {"name": name}, "spec": {"hard": {key.replace("_", "."): text for key, text in hard.items()}}}
