"""Behaviours of sig-apps that only real containers show: what answers, and what is restarted where it is."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import WEB_1

FAIL_ONCE = "if [ -e /data/foo ]; then exit 0; fi; touch /data/foo; exit 1"


def serve(cluster: Cluster, namespace: str, body: dict[str, Any]) -> None:
    """Makes the owner of two pods `basic` and asks each of them for its name."""
    cluster.apply(json.dumps(body), namespace)
    pods = cluster.ready("name=basic", 2, namespace)
    for pod in pods:
        assert pod["metadata"]["ownerReferences"][0]["kind"] == body["kind"]
        answer = cluster.fetch(f"http://{pod['status']['podIP']}:8080/")
        assert answer == f"one {pod['metadata']['name']}"


def template() -> dict[str, Any]:
    return {"metadata": {"labels": {"name": "basic"}}, "spec": {"containers": [{"name": "basic", "image": WEB_1}]}}


def test_replicaset_should_serve_a_basic_image(cluster: Cluster, namespace: str) -> None:
    """Every replica of a set answers with its own name.

    [sig-apps] ReplicaSet should serve a basic image on each replica with a public image [Conformance]
    """
    spec = {"replicas": 2, "selector": {"matchLabels": {"name": "basic"}}, "template": template()}
    body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "my-hostname-basic"}, "spec": spec}
    serve(cluster, namespace, body)


def test_replicationcontroller_should_serve_a_basic_image(cluster: Cluster, namespace: str) -> None:
    """Every replica of a controller answers with its own name.

    [sig-apps] ReplicationController should serve a basic image on each replica with a public image [Conformance]
    """
    spec = {"replicas": 2, "selector": {"name": "basic"}, "template": template()}
    body = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "my-hostname-basic"}}
    serve(cluster, namespace, {**body, "spec": spec})


def test_job_should_run_a_job_to_completion_when_tasks_sometimes_fail_and_are_locally_restarted(
    cluster: Cluster, namespace: str
) -> None:
    """Containers that fail once are restarted in their pods, with what is in their volumes, and all pods end well.

    [sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]
    """
    mounts = [{"name": "data", "mountPath": "/data"}]
    container = {"name": "c", "image": WEB_1, "command": ["sh", "-c", FAIL_ONCE], "volumeMounts": mounts}
    pod = {"restartPolicy": "OnFailure", "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}
    spec = {"parallelism": 2, "completions": 4, "backoffLimit": 999, "template": {"spec": pod}}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fail-once-local"}, "spec": spec}
    cluster.apply(json.dumps(body), namespace)

    def done() -> Any:
        status = cluster.get("job", "fail-once-local", "-n", namespace)["status"]
        return status if status.get("completionTime") else None

    status = eventually(done, 90, lambda: cluster.kubelite("get", "pods", "-n", namespace, check=False))
    assert status["succeeded"] == 4 and status.get("failed", 0) == 0
    restarts = [one["status"]["containerStatuses"][0]["restartCount"] for one in cluster.pods("job-name", namespace)]
    assert restarts == [1] * 4
