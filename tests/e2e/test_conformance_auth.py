"""Behaviours of sig-auth that only real containers show: what is mounted in them."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import WEB_1

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]


def start(cluster: Cluster, namespace: str, **spec: Any) -> None:
    """The pod `test` with its containers, once it is ready."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "test", "labels": {"app": "test"}}, "spec": spec}
    cluster.apply(json.dumps(body), namespace)
    cluster.ready("app=test", 1, namespace)


def read(cluster: Cluster, namespace: str, container: str, path: str) -> str:
    return cluster.kubelite("exec", "-n", namespace, "test", "-c", container, "--", "cat", path)


def reviewed(cluster: Cluster, token: str) -> dict[str, Any]:
    """The server's word on a token."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    words = ("create", "--validate=false", "-o", "json", "-f", "-")
    found: dict[str, Any] = json.loads(cluster.kubelite(*words, stdin=json.dumps(review)))["status"]
    return found


def test_serviceaccounts_should_mount_an_api_token_into_pods(cluster: Cluster, namespace: str) -> None:
    """All three containers of a pod find token, authority and namespace; the token is the account's.

    [sig-auth] ServiceAccounts should mount an API token into pods [Conformance]
    """
    cluster.kubelite("create", "serviceaccount", "mount-test", "-n", namespace)
    names = ("token-test", "root-ca-test", "namespace-test")
    containers = [{"name": name, "image": WEB_1, "command": SLEEP} for name in names]
    start(cluster, namespace, serviceAccountName="mount-test", terminationGracePeriodSeconds=1, containers=containers)
    token = read(cluster, namespace, "token-test", f"{FOLDER}/token")
    authority = read(cluster, namespace, "root-ca-test", f"{FOLDER}/ca.crt")
    assert read(cluster, namespace, "namespace-test", f"{FOLDER}/namespace") == namespace
    status = reviewed(cluster, token)
    assert (status["authenticated"], status.get("error", "")) == (True, "")
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:mount-test"
    extra = status["user"]["extra"]
    pod = cluster.get("pod", "test", "-n", namespace)
    assert extra["authentication.kubernetes.io/pod-name"] == ["test"]
    assert extra["authentication.kubernetes.io/pod-uid"] == [pod["metadata"]["uid"]]
    assert extra["authentication.kubernetes.io/node-name"] == [pod["spec"]["nodeName"]]
    groups = {"system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"}
    assert set(status["user"]["groups"]) == groups
    published = cluster.get("configmap", "kube-root-ca.crt", "-n", namespace)["data"]["ca.crt"]
    assert authority == published


def test_serviceaccounts_should_mount_projected_service_account_token(cluster: Cluster, namespace: str) -> None:
    """A projected volume has a token that the server knows, which its container can read and print.

    [sig-auth] ServiceAccounts should mount projected service account token [Conformance]
    """
    source = {"serviceAccountToken": {"path": "test", "expirationSeconds": 3600}}
    mount = {"name": "mount-token", "mountPath": "/test"}
    command = ["sh", "-c", "echo \"content: $(cat /test/test)\"; trap 'exit 0' TERM; sleep 1000 & wait"]
    start(
        cluster,
        namespace,
        terminationGracePeriodSeconds=1,
        volumes=[{"name": "mount-token", "projected": {"sources": [source]}}],
        containers=[{"name": "reader", "image": WEB_1, "command": command, "volumeMounts": [mount]}],
    )
    printed = eventually(lambda: cluster.kubelite("logs", "-n", namespace, "test"))
    token = printed.partition("content: ")[2].strip()
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == f"system:serviceaccount:{namespace}:default"
    assert claims["kubernetes.io"]["pod"]["name"] == "test"
    assert reviewed(cluster, token)["authenticated"] is True
