"""Real kubectl changes a Deployment by apply: every directive of its patches, and the move from client side to server side."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.integration.clients.kubectl import VERSIONS, Kubectl, kubectl_of
from tests.integration.controllers.manager import World

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(params=VERSIONS)
def kubectl(world: World, request: pytest.FixtureRequest) -> Kubectl:
    return kubectl_of(request.param, world)


def deployment() -> dict[str, Any]:
    """With lists of every kind that kubectl merges."""
    env = [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}, {"name": "THREE", "value": "3"}]
    containers = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1", "env": env}]
    pod = {"containers": containers, "volumes": [{"name": "v", "emptyDir": {}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "finalizers": ["example.com/a", "example.com/b"]},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        },
    }


def changed() -> dict[str, Any]:
    """Another strategy, another order, another source of the volume, and less of everything."""
    wanted = copy.deepcopy(deployment())
    wanted["metadata"]["finalizers"] = ["example.com/b"]
    wanted["spec"]["strategy"] = {"type": "Recreate"}
    pod = wanted["spec"]["template"]["spec"]
    pod["containers"].reverse()
    pod["containers"][0]["env"] = [{"name": "TWO", "value": "2"}, {"name": "ONE", "value": "1"}]
    pod["volumes"] = [{"name": "v", "configMap": {"name": "settings"}}]
    return wanted


async def stored(kubectl: Kubectl) -> dict[str, Any]:
    return dict(json.loads(await kubectl("get deployment web -o json --show-managed-fields")))


async def test_the_directives_of_a_patch_do_what_the_file_says(kubectl: Kubectl) -> None:
    await kubectl("apply -f -", deployment())
    sent = await kubectl.run("apply -f - --v=9", changed())
    assert sent.code == 0, sent.err
    directives = (
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/env",
        "$patch",
        "$deleteFromPrimitive",
    )
    assert [one for one in directives if one not in sent.err] == [], (
        "kubectl sends another patch than this test is about"
    )
    now = await stored(kubectl)
    pod = now["spec"]["template"]["spec"]
    assert now["metadata"]["finalizers"] == ["example.com/b"]
    assert now["spec"]["strategy"] == {"type": "Recreate"}
    assert [one["name"] for one in pod["containers"]] == ["b", "a"]
    assert [one["name"] for one in pod["containers"][0]["env"]] == ["TWO", "ONE"]
    assert pod["volumes"] == [{"name": "v", "configMap": {"name": "settings", "defaultMode": 420}}]
    assert await kubectl("apply -f -", changed()) == "deployment.apps/web unchanged\n"


async def test_what_was_applied_on_the_clients_side_moves_to_the_server(kubectl: Kubectl) -> None:
    await kubectl("apply -f -", deployment())
    wanted = deployment()
    wanted["metadata"]["finalizers"] = ["example.com/b"]
    pod = wanted["spec"]["template"]["spec"]
    pod["containers"] = [{"name": "b", "image": "b:2", "env": pod["containers"][1]["env"][:2]}]
    assert await kubectl("apply --server-side -f -", wanted) == "deployment.apps/web serverside-applied\n"
    now = await stored(kubectl)
    pod = now["spec"]["template"]["spec"]
    assert [(one["name"], one["image"]) for one in pod["containers"]] == [("b", "b:2")], "the old file's is gone"
    assert [one["name"] for one in pod["containers"][0]["env"]] == ["ONE", "TWO"]
    assert now["metadata"]["finalizers"] == ["example.com/b"]
    owners = {(one["manager"], one["operation"]) for one in now["metadata"]["managedFields"]}
    assert ("kubectl", "Apply") in owners
    assert not any(name == "kubectl-client-side-apply" for name, _ in owners)
    applied = json.loads(now["metadata"]["annotations"][LAST_APPLIED])
    assert [one["image"] for one in applied["spec"]["template"]["spec"]["containers"]] == ["b:2"]
    # And back: the annotation is kept up to date, so the client's side finds nothing to change.
    await kubectl("apply -f -", wanted)
    assert (await stored(kubectl))["spec"] == now["spec"]
