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


def quota(name: str, pods: int) -> Body:
    return {"metadata": {"name": name}, "spec": {"hard": {"pods": str(pods)}}}
