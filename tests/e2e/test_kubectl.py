"""Real kubectl, oldest and newest: the everyday verbs against a real cluster."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually, kubectl

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: "IMAGE", ports: [{containerPort: 8080}]}
"""


@dataclass
class Kubectl:
    """One version of kubectl, in one namespace of the cluster."""

    cluster: Cluster
    argv: tuple[str, ...]

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.cluster.machine.run(*self.argv, *words, **options)


@pytest.fixture(params=[27, 33], ids=lambda minor: f"1.{minor}")
def run(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> Kubectl:
    config = "--kubeconfig=/etc/kubelite/admin.kubeconfig"
    return Kubectl(cluster, (kubectl(request.param), config, "-n", namespace))


def test_a_deployment_from_apply_to_delete(run: Kubectl, cluster: Cluster, namespace: str) -> None:
    assert (
        run("apply", "-f", "-", stdin=WEB.replace("IMAGE", "kubelite.test/web:1")).stdout
        == "deployment.apps/web created\n"
    )
    assert "successfully rolled out" in run("rollout", "status", "deployment/web", "--timeout=60s").stdout
    wide = run("get", "deployment", "web", "-o", "wide").stdout.splitlines()
    assert wide[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[:4] == ["web", "2/2", "2", "2"]
    assert run("get", "pods", "-o", "jsonpath={.items[*].status.phase}").stdout == "Running Running"
    assert "kind: Deployment" in run("get", "deployment", "web", "-o", "yaml").stdout
    described = run("describe", "deployment", "web").stdout
    assert "ScalingReplicaSet" in described
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in described

    assert (
        run("apply", "-f", "-", stdin=WEB.replace("IMAGE", "kubelite.test/web:2")).stdout
        == "deployment.apps/web configured\n"
    )
    run("rollout", "status", "deployment/web", "--timeout=60s")
    assert run("rollout", "undo", "deployment/web").stdout == "deployment.apps/web rolled back\n"
    run("rollout", "status", "deployment/web", "--timeout=60s")
    images = run("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image}").stdout
    assert images == "kubelite.test/web:1"

    assert run("delete", "deployment", "web").stdout.startswith('deployment.apps "web" deleted')
    eventually(lambda: "No resources found" in run("get", "pods").stderr, 30)


def test_logs_are_followed_until_the_pod_ends(run: Kubectl) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "talker"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "talker",
                    "image": "kubelite.test/web:1",
                    "command": ["sh", "-c", "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done"],
                }
            ],
        },
    }
    run("apply", "-f", "-", stdin=json.dumps(pod))
    eventually(lambda: run("get", "pod", "talker", "-o", "jsonpath={.status.phase}").stdout in ("Running", "Succeeded"))
    followed = run("logs", "-f", "talker").stdout.splitlines()
    assert followed == [f"line {i}" for i in range(1, 6)]
    assert run("logs", "talker", "--tail=2").stdout.splitlines() == ["line 4", "line 5"]
    eventually(lambda: run("get", "pod", "talker", "--no-headers").stdout.split()[2] == "Completed")


def test_exec_port_forward_and_attach(run: Kubectl, cluster: Cluster) -> None:
    run("run", "web", "--image=kubelite.test/web:1", "--port=8080")
    run("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    done = run("exec", "-i", "web", "--", "sh", "-c", "cat; echo error >&2; exit 7", stdin="typed\n", check=False)
    assert (done.stdout, done.returncode) == ("typed\n", 7)
    assert "error" in done.stderr
    assert "discarding" not in done.stderr

    forward = subprocess.Popen(
        cluster.machine.argv(*run.argv, "port-forward", "pod/web", "18080:8080"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert forward.stdout is not None
        assert "Forwarding from 127.0.0.1:18080" in forward.stdout.readline()
        assert eventually(lambda: cluster.fetch("http://127.0.0.1:18080/", check=False), 10).startswith("one web")
    finally:
        forward.terminate()
        forward.wait()


def test_commands_that_create(run: Kubectl) -> None:
    for words in (
        ("create", "deployment", "made", "--image=kubelite.test/web:1"),
        ("create", "configmap", "made", "--from-literal=a=b"),
        ("create", "secret", "generic", "made", "--from-literal=a=b"),
        ("create", "serviceaccount", "made"),
        ("create", "role", "made", "--verb=get", "--resource=pods"),
        ("create", "rolebinding", "made", "--role=made", "--serviceaccount=default:made"),
        ("expose", "deployment", "made", "--port=80", "--target-port=8080"),
        ("scale", "deployment", "made", "--replicas=0"),
        ("label", "deployment", "made", "tier=web"),
        ("annotate", "deployment", "made", "note=hello"),
    ):
        assert run(*words).returncode == 0
    assert run("auth", "can-i", "get", "pods", "--as=system:serviceaccount:default:made").stdout.strip() == "yes"
    assert "FIELDS:" in run("explain", "deployment.spec").stdout
    assert "deployments" in run("api-resources").stdout


def test_mistakes_are_named(run: Kubectl) -> None:
    done = run("apply", "-f", "-", stdin=WEB.replace("IMAGE", "web").replace("replicas: 2", "replicaz: 2"), check=False)
    assert done.returncode == 1
    assert 'unknown field "spec.replicaz"' in done.stderr
    done = run("get", "pod", "absent", check=False)
    assert done.stderr == 'Error from server (NotFound): pods "absent" not found\n'
