"""The official Python client creates, watches and deletes a Deployment."""

from __future__ import annotations

import json
import sys

from tests.e2e.conftest import Cluster

PROGRAM = """
import json, sys
from kubernetes import client, config, watch
config.load_kube_config("/etc/kubelite/admin.kubeconfig")
namespace = sys.argv[1]
apps, core = client.AppsV1Api(), client.CoreV1Api()
container = client.V1Container(name="web", image="kubelite.test/web:1", ports=[client.V1ContainerPort(container_port=8080)])
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels={"app": "py"}), spec=client.V1PodSpec(containers=[container]))
spec = client.V1DeploymentSpec(replicas=2, selector=client.V1LabelSelector(match_labels={"app": "py"}), template=template)
made = apps.create_namespaced_deployment(namespace, client.V1Deployment(metadata=client.V1ObjectMeta(name="py"), spec=spec))
seen = []
for event in watch.Watch().stream(apps.list_namespaced_deployment, namespace, timeout_seconds=60,
                                  resource_version=made.metadata.resource_version):
    status = event["object"].status
    seen.append([event["type"], status.available_replicas or 0])
    if status.available_replicas == 2:
        break
pods = core.list_namespaced_pod(namespace, label_selector="app=py").items
logs = core.read_namespaced_pod_log(pods[0].metadata.name, namespace)
scale = apps.patch_namespaced_deployment_scale("py", namespace, {"spec": {"replicas": 1}})
try:
    core.read_namespaced_config_map("absent", namespace)
except client.ApiException as error:
    refused = [error.status, json.loads(error.body)["reason"]]
apps.delete_namespaced_deployment("py", namespace)
print(json.dumps({"seen": seen, "logs": logs, "scale": scale.spec.replicas, "refused": refused,
                  "version": client.VersionApi().get_code().git_version}))
"""


def test_the_official_python_client_runs_a_deployment(cluster: Cluster, namespace: str) -> None:
    done = cluster.machine.run(sys.executable, "-c", PROGRAM, namespace)
    result = json.loads(done.stdout)
    assert result["seen"][-1] == ["MODIFIED", 2]
    assert [count for _, count in result["seen"]] == sorted(count for _, count in result["seen"])
    assert result["logs"].startswith("web one listens on 8080")
    assert result["scale"] == 1
    assert result["refused"] == [404, "NotFound"]
    assert result["version"].startswith("v1.36")
