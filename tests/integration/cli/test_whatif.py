"""`kubelite whatif` against a real API server: what it says, and that it writes nothing."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.faults import SELECTOR, Fault, Object, inject, node, pod, storage_class, volume, workload

HOST = "kubernetes.io/hostname"


def on(name: str, where: str, **more: Any) -> Object:
    return pod(name, nodeName=where, status={"phase": "Running"}, labels={"app": "web"}, **more)


def budget(allowed: int) -> Object:
    status = {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 1}
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"selector": SELECTOR, "minAvailable": 1},
        "status": status | {"observedGeneration": 1},
    }


def owned() -> tuple[Object, ...]:
    """Two nodes; a replica set with two pods on n1."""
    pods = tuple(on(f"web-{n}", "n1") | {"owner": "ReplicaSet/web"} for n in range(2))
    return (node("n1"), node("n2"), workload("ReplicaSet", status={"replicas": 2}, replicas=2), *pods)


async def versions(cli: Cli) -> dict[str, str]:
    """Everything's resource version."""
    found = {}
    for path in ("/api/v1/nodes", "/api/v1/pods", "/apis/apps/v1/replicasets", "/api/v1/resourcequotas"):
        for item in (await cli.api.get(path)).json()["items"]:
            found[f"{path}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
    return found


DEPLOYMENT = workload("Deployment", "new", replicas=3) | {"apiVersion": "apps/v1"}
DEPLOYMENT["spec"]["template"] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "example.test/c:1", "resources": {"limits": {"cpu": "3"}}}]},
}


async def test_the_pods_of_a_deployment_are_placed_after_defaults(cli: Cli) -> None:
    await inject(cli.api, Fault("", "", "", (node("n1"), node("n2"))))
    before = await versions(cli)
    result = await cli("whatif apply -f -", DEPLOYMENT)
    assert result.err == ""
    assert result.code == 1
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[:2] for line in lines[1:4]] == [
        ["default/new-1", "n1"],
        ["default/new-2", "n2"],
        ["default/new-3", "<none>"],
    ]
    assert "2 Insufficient cpu" in result.out
    assert result.out.endswith("2 placed, 1 pending. Nothing was written.\n")
    assert await versions(cli) == before


async def test_the_pods_of_a_new_deployment_are_spread_though_another_node_has_more_room(cli: Cli) -> None:
    await inject(cli.api, Fault("", "", "", (node("n1", cpu="64"), node("n2"))))
    made = DEPLOYMENT | {"spec": {**DEPLOYMENT["spec"], "replicas": 2}}
    found = json.loads((await cli("whatif apply -f - -o json", made)).out)["pods"]
    assert sorted(one["node"] for one in found) == ["n1", "n2"]


async def test_what_a_preempted_pod_leaves_of_a_quota_is_wanted_by_several(cli: Cli) -> None:
    low, full = workload("ReplicaSet", replicas=1), {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
    classes = [{"metadata": {"name": "high"}, "value": 100}]
    await inject(
        cli.api, Fault("", "", "", (node("n1", cpu="3"), low, on("web-0", "n1") | {"owner": "ReplicaSet/web"}))
    )
    await cli.api.post("/apis/scheduling.k8s.io/v1/priorityclasses", classes[0])
    await cli.api.post("/api/v1/namespaces/default/resourcequotas", full)
    made = DEPLOYMENT | {"spec": {**DEPLOYMENT["spec"], "replicas": 2}}
    made["spec"]["template"] = {**made["spec"]["template"]}
    made["spec"]["template"]["spec"] = {**made["spec"]["template"]["spec"], "priorityClassName": "high"}
    result = await cli("whatif quota q --hard=pods=2 -f -", made)
    assert "who asks first gets it" in result.out


async def test_a_node_in_the_files_counts(cli: Cli) -> None:
    more = {"apiVersion": "v1", **node("n9")}
    assert (await cli("whatif apply -f -", DEPLOYMENT | {"spec": {**DEPLOYMENT["spec"], "replicas": 1}})).code == 1
    both = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [more, DEPLOYMENT | {"spec": {**DEPLOYMENT["spec"], "replicas": 1}}],
    }
    result = await cli("whatif apply -f - -o json", both)
    assert (result.code, json.loads(result.out)["pods"]) == (0, [{"pod": "default/new-1", "node": "n9"}])


async def test_a_drain_tells_what_moves_and_what_blocks_it(cli: Cli) -> None:
    await inject(
        cli.api, Fault("", "", "", (*owned(), pod("alone", nodeName="n1", status={"phase": "Running"}), budget(1)))
    )
    before = await versions(cli)
    result = await cli("whatif drain n1 -o json")
    answer = json.loads(result.out)
    assert result.code == 0, result.out
    assert answer["pods"] == [
        {"pod": "default/web-0-again", "node": "n2", "insteadOf": "n1"},
        {"pod": "default/web-1-again", "node": "n2", "insteadOf": "n1", "onceAllowedBy": "web"},
    ]
    assert answer["gone"] == {"default/alone": "nobody makes it again"}
    assert answer["drainFlags"] == ["--force"]
    assert await versions(cli) == before


async def test_a_budget_without_room_blocks_a_drain(cli: Cli) -> None:
    await inject(cli.api, Fault("", "", "", (*owned(), budget(0))))
    result = await cli("whatif drain n1 -o json")
    assert (result.code, json.loads(result.out)["pods"]) == (1, [])
    why = "the disruption budget web allows no more disruptions"
    assert json.loads(result.out)["blocked"] == {"default/web-0": why, "default/web-1": why}


async def test_a_lost_node_and_a_taint_move_everything(cli: Cli) -> None:
    await inject(cli.api, Fault("", "", "", (*owned(), budget(0))))
    for question in ("lose n1", "taint n1 k=v:NoExecute", "taint n1 k=v:NoSchedule k=v:NoExecute"):
        result = await cli(f"whatif {question} -o json")
        assert (result.code, {one["node"] for one in json.loads(result.out)["pods"]}) == (0, {"n2"}), question


async def test_a_snapshot_is_asked_instead_of_the_cluster(cli: Cli, tmp_path: pathlib.Path) -> None:
    await inject(cli.api, Fault("", "", "", owned()))
    file = tmp_path / "snapshot.json"
    file.write_text((await cli("whatif snapshot")).out)
    for path in ("pods/web-0", "pods/web-1"):
        await cli.api.delete(f"/api/v1/namespaces/default/{path}", {"gracePeriodSeconds": 0})
    assert len(json.loads((await cli(f"whatif lose n1 --snapshot {file} -o json")).out)["pods"]) == 2
    assert (await cli("whatif lose n1")).out == "No pod would move.\n"


async def test_a_smaller_quota_refuses_and_a_larger_one_lets_in(cli: Cli) -> None:
    lacking = workload("ReplicaSet", "short", {"replicas": 0, "observedGeneration": 1}, replicas=3)
    await inject(cli.api, Fault("", "", "", (node("n1"), on("old", "n1"), lacking)))
    result = await cli("whatif quota team --hard=pods=2")
    assert result.code == 1
    assert "exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2" in result.out
    assert [line.split() for line in result.out.splitlines()[-2:]][1] == ["pods", "1", "2", "2"]
    assert (await cli("whatif quota team --hard=pods=4")).code == 0


async def test_the_schedulers_configuration_counts(cli: Cli, tmp_path: pathlib.Path) -> None:
    await inject(cli.api, Fault("", "", "", (node("n1", taints=[{"key": "k", "effect": "NoSchedule"}]),)))
    head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
    config = tmp_path / "config.yaml"
    config.write_text(head + "profiles:\n- plugins: {filter: {disabled: [{name: TaintToleration}]}}\n")
    one = {"apiVersion": "v1", **pod("p")}
    assert (await cli("whatif apply -f -", one)).code == 1
    assert (await cli(f"whatif apply -f - --config {config}", one)).code == 0
    config.write_text(head + "extenders:\n- {urlPrefix: 'http://example.test', filterVerb: f}\n")
    assert (
        "extenders, whose answers cannot be known here" in (await cli(f"whatif apply -f - --config {config}", one)).err
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("whatif drain n9", 'nodes "n9" not found'),
        ("whatif drain", "one node"),
        ("whatif apply", "with -f FILENAME"),
        ("whatif taint n1 k=v:Never", "invalid taint spec"),
        ("whatif lose n1 --snapshot /nowhere", "cannot read /nowhere"),
        ("whatif lose n1 --snapshot -", "is no snapshot"),
        ("whatif quota q --hard=pods", "RESOURCE=AMOUNT"),
    ],
)
async def test_questions_without_sense_are_refused(cli: Cli, line: str, words: str) -> None:
    result = await cli(line, "{}")
    assert (result.code, result.out) == (1, "")
    assert words in result.err


async def test_manifests_that_are_no_pods_are_refused(cli: Cli) -> None:
    bad = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": "none"}}
    result = await cli("whatif apply -f -", bad)
    assert (result.code, result.out) == (1, "")
    assert "cannot be read" in result.err


# --- who comes again, on which template, and what comes with it ------------------------------------------------------------


async def test_a_pod_comes_again_only_if_its_owner_would_make_it(cli: Cli) -> None:
    few = workload("ReplicaSet", "few", {"replicas": 2}, replicas=1)
    alone = {"labels": {"app": "web"}, "nodeName": "n1", "status": {"phase": "Running"}, "owner": "ReplicaSet/few"}
    mine = workload("StatefulSet", "db", {"replicas": 2}, replicas=1)
    ordinals = [pod(f"db-{n}", nodeName="n1", status={"phase": "Running"}, owner="StatefulSet/db") for n in range(2)]
    two = [pod(f"few-{n}", **alone) for n in range(2)]
    await inject(cli.api, Fault("", "", "", (node("n1"), node("n2"), few, *two, mine, *ordinals)))
    answer = json.loads((await cli("whatif lose n1 -o json")).out)
    assert {one["pod"] for one in answer["pods"]} == {"default/few-1-again", "default/db-0"}
    assert answer["gone"] == {
        "default/few-0": "its replica set few has enough pods",
        "default/db-1": "its stateful set db is being scaled down",
    }


async def test_a_pod_comes_again_on_its_owners_present_template(cli: Cli) -> None:
    large = workload("ReplicaSet", status={"replicas": 1}, replicas=1)
    large["spec"]["template"] = DEPLOYMENT["spec"]["template"]
    await inject(
        cli.api,
        Fault("", "", "", (node("n1"), node("n2", cpu="2"), large, on("web-0", "n1") | {"owner": "ReplicaSet/web"})),
    )
    result = await cli("whatif lose n1")
    assert (result.code, "1 Insufficient cpu" in result.out) == (1, True)


async def test_of_a_workload_that_exists_only_more_replicas_are_new(cli: Cli) -> None:
    there = workload("Deployment", "new", {"replicas": 1}, replicas=1)
    there["spec"]["template"] = DEPLOYMENT["spec"]["template"]
    await inject(cli.api, Fault("", "", "", (node("n1"), node("n2"), there)))
    result = await cli("whatif apply -f - -o json", DEPLOYMENT)
    assert [one["pod"] for one in json.loads(result.out)["pods"]] == ["default/new-new-1", "default/new-new-2"]
    assert (await cli("whatif apply -f -", DEPLOYMENT | {"spec": {**DEPLOYMENT["spec"], "replicas": 1}})).code == 0


STORAGE = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "local"}


async def test_claims_of_a_stateful_set_need_volumes_and_quota(cli: Cli) -> None:
    affinity = {
        "required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": HOST, "operator": "In", "values": ["n2"]}]}]}
    }
    local = volume("v", storageClassName="local", nodeAffinity=affinity) | {"status": {"phase": "Available"}}
    provisioner = storage_class("local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer")
    await inject(cli.api, Fault("", "", "", (node("n1"), node("n2"), provisioner, local)))
    made = workload("StatefulSet", "db", replicas=2) | {"apiVersion": "apps/v1"}
    made["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "d"}, "spec": STORAGE}]
    found = json.loads((await cli("whatif apply -f - -o json", made)).out)["pods"]
    assert [(one["pod"], one["node"]) for one in found] == [("default/db-0", "n2"), ("default/db-1", "")]
    result = await cli("whatif quota few --hard=requests.storage=1536Mi,count/statefulsets.apps=1 -f -", made)
    assert (
        "exceeded quota: few, requested: requests.storage=1Gi, used: requests.storage=1Gi, limited: requests.storage=1536Mi"
        in result.out
    )
    result = await cli("whatif quota few --hard=count/statefulsets.apps=0 -f - -o json", made)
    assert list(json.loads(result.out)["refused"]) == ["statefulset/default/db"]


async def test_pods_that_ask_for_devices_wait_for_them(cli: Cli) -> None:
    group = "/apis/resource.k8s.io/v1"
    await inject(cli.api, Fault("", "", "", (node("n1"), node("n2"))))
    kinds = [("deviceclasses", {"metadata": {"name": "gpu"}, "spec": {}})]
    pool = {"name": "n2", "generation": 1, "resourceSliceCount": 1}
    devices = {"driver": "x.example", "nodeName": "n2", "pool": pool, "devices": [{"name": "gpu-0"}]}
    kinds.append(("resourceslices", {"metadata": {"name": "s"}, "spec": devices}))
    request = {"name": "g", "exactly": {"deviceClassName": "gpu"}}
    template = {"metadata": {"name": "one"}, "spec": {"spec": {"devices": {"requests": [request]}}}}
    kinds.append(("namespaces/default/resourceclaimtemplates", template))
    for plural, body in kinds:
        reply = await cli.api.post(f"{group}/{plural}", body)
        assert reply.status == 201, reply.body
    made = DEPLOYMENT | {
        "spec": {"replicas": 2, "selector": SELECTOR, "template": workload("ReplicaSet")["spec"]["template"]}
    }
    spec = {"resourceClaims": [{"name": "c", "resourceClaimTemplateName": "one"}], **made["spec"]["template"]["spec"]}
    made["spec"]["template"] = made["spec"]["template"] | {"spec": spec}
    found = json.loads((await cli("whatif apply -f - -o json", made)).out)["pods"]
    assert [one["node"] for one in found] == ["n2", ""]
    assert "cannot allocate all claims" in found[1]["why"]


async def test_user_plugins_and_the_configuration_count_for_both_questions(cli: Cli, tmp_path: pathlib.Path) -> None:
    body = "        return [node['metadata']['name'] != 'n1' for node in nodes]\n"
    (tmp_path / "p.py").write_text(
        f"class Plugin:\n    name = 'N'\n    reason = 'not n1'\n    def filter(self, pod, nodes):\n{body}"
    )
    await inject(cli.api, Fault("", "", "", (node("n1"), pod("p"))))
    one = {"apiVersion": "v1", **pod("q")}
    assert (await cli("whatif apply -f -", one)).code == 0
    result = await cli(f"whatif apply -f - --plugin-dir {tmp_path}", one)
    assert (result.code, "1 not n1" in result.out) == (1, True)
    assert "PluginRefused" in (await cli(f"why pod/p --plugin-dir {tmp_path} -o json")).out
    assert (await cli("why pod/p --plugin-dir /nowhere")).code == 2
    assert (await cli("why pod/p --config /nowhere")).code == 2
