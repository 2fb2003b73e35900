"""Rollouts, labels, events and refusals against objects made for them: byte for byte what the real kubectl prints."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.manifests import DEPLOYMENT, EVERYTHING, TEMPLATE
from tests.integration.cli.test_against_kubectl import KUBECTL, kubectl

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl of that version to compare with")

LINES = (
    "describe node node-1",
    "label cm settings a=b=c",
    "label cm settings x=y a=b=c",
    "annotate cm settings a- b=c --dry-run=client",
    "label cm settings a- --dry-run=server",
    "label cm settings a-",
    "annotate cm settings a-",
    "annotate cm settings a- --dry-run=server",
    "annotate cm settings b=c=d --dry-run=client",
    "get cs",
    "describe cs",
    "get cs.example.com",
    "get pods,cs",
    "delete cs x",
    "get deploy,ns -A",
    "get ns,deploy -A",
    "get deploy,ns,clusterroles -A --no-headers",
    "get deploy,ns",
    "get leases,ns -A",
    "delete cm nope --dry-run=client",
    "get ns -A",
    "get deploy,ns -A -o wide --show-labels",
    "rollout history rs/web-1",
    "rollout status rs/web-1",
    "rollout undo rs/web-1",
    "rollout history pod/web-0",
    "rollout pause rs/web-1",
    "rollout restart rs/web-1",
    "rollout history deploy/web",
    "rollout history deploy/web --revision=1",
    "rollout history deploy/web --revision=2",
    "rollout history deploy/web --revision=7",
    "rollout undo deploy/web --dry-run=client",
    "rollout undo deploy/web --to-revision=1 --dry-run=client",
    "rollout undo deploy/web --to-revision=2 --dry-run=client",
    "rollout undo deploy/web --to-revision=9",
    "rollout undo deploy/paused",
    "rollout undo deploy/paused --dry-run=client",
)


def _revision(owner: dict[str, Any], number: int, image: str) -> dict[str, Any]:
    """A replica set of the deployment, as its controller would have made it."""
    template = copy.deepcopy(TEMPLATE)
    template["metadata"]["labels"]["pod-template-hash"] = str(number)
    container = template["spec"]["containers"][0]
    container |= {"image": image, "env": [{"name": "A", "value": "b"}], "args": ["x", "y"]}
    container["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    meta = owner["metadata"]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
    annotations = {"deployment.kubernetes.io/revision": str(number)}
    template["metadata"]["annotations"] = {"note": "x" * 200, "other": "short"}
    if number == 1:
        annotations["kubernetes.io/change-cause"] = "first of all"
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{number}",
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [reference | {"controller": True}],
        },
        "spec": {"replicas": 0, "selector": {"matchLabels": template["metadata"]["labels"]}, "template": template},
    }


def _event(name: str, uid: str, reason: str) -> dict[str, Any]:
    when = "2020-01-01T00:00:00Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "node-1", "uid": uid},
        "reason": reason,
        "type": "Normal",
        "message": reason,
        "source": {"component": "test"},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }


async def _fill(cli: Cli) -> None:
    applied = await cli("apply -f -", EVERYTHING)
    assert applied.code == 0, applied.err
    paused = copy.deepcopy(DEPLOYMENT)
    paused["metadata"]["name"] = "paused"
    paused["spec"]["paused"] = True
    await cli("apply -f -", paused)
    for name in ("web", "paused"):
        owner = (await cli.api.get(f"/apis/apps/v1/namespaces/default/deployments/{name}")).json()
        for number, image in ((1, "nginx:1"), (2, "nginx:2")):
            made = await cli("create -f -", _revision(owner, number, image))
            assert made.code == 0, made.err
    uid = (await cli("get node node-1 -o jsonpath={.metadata.uid}")).out
    for event in (_event("of-the-name", "node-1", "Starting"), _event("of-the-uid", uid, "RegisteredNode")):
        made = await cli("create -f -", event)
        assert made.code == 0, made.err


async def test_prints_what_kubectl_prints_about_these(cli: Cli) -> None:
    await _fill(cli)
    absent = cli.api.directory / "absent.yaml"
    absent.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: absent\n")
    lines = [
        *LINES,
        f"delete -f {absent}",
        f"delete -f {absent} --ignore-not-found",
        f"delete -f {absent} --dry-run=client",
    ]
    different = []
    for line in lines:
        # An age may pass to the next second between the two: the second comparison decides.
        for _ in range(3):
            ours = await cli(line)
            code, out, err = await kubectl(cli, line)
            theirs = (code, out, err.replace("'kubectl ", "'kubelite "))
            if (ours.code, ours.out, ours.err) == theirs:
                break
        else:
            different.append((line, (ours.code, ours.out, ours.err), theirs))
    assert different == []
