"""Clients that speak protobuf: bodies, answers, watches, and the real kubectls whose typed commands send it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from typing import Any

import pytest

from kubelite.api import wire
from kubelite.machinery import protobuf
from kubelite.machinery.protobufwriter import write_envelope
from tests import kubectls
from tests.apienv import ADMIN_TOKEN, ApiEnv, Reply, api_server, read_reply
from tests.integration.controllers.manager import running
from tests.integration.controllers.test_deployment import NAMES
from tests.integration.custom_resources.definitions import (
    CRDS,
    custom,
    definition,
    path,
    spec_schema,
    until_condition,
    version,
)

PROTOBUF = "application/vnd.kubernetes.protobuf"
SENT = {"content-type": PROTOBUF}
ONLY = {"accept": PROTOBUF}
PODS = "/api/v1/namespaces/test/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "one"}]}}


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, **spec},
    }


def pod(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": TEMPLATE["spec"]}


def read(reply: Reply) -> dict[str, Any]:
    assert reply.headers["content-type"] == PROTOBUF
    return wire.decode(reply.body)


async def test_a_body_is_stored_as_its_json_would_be(api: ApiEnv):
    reply = await api.post(DEPLOYMENTS, wire.encode(deployment(replicas=0, minReadySeconds=0)), headers=SENT)
    assert reply.status == 201
    stored = (await api.get(f"{DEPLOYMENTS}/web")).json()
    again = await api.post(DEPLOYMENTS, {**deployment(replicas=0), "metadata": {"name": "json"}})
    assert stored["spec"] == again.json()["spec"]
    assert stored["spec"]["replicas"] == 0


async def test_every_body_that_is_no_object_may_be_protobuf(api: ApiEnv):
    for name in ("a", "b", "c"):
        assert (await api.post(PODS, wire.encode(pod(name)), headers=SENT)).status == 201
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    assert (await api.post("/api/v1/nodes", wire.encode(node), headers=SENT)).status == 201
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "a"},
        "target": {"kind": "Node", "name": "n"},
    }
    assert (await api.post(f"{PODS}/a/binding", wire.encode(binding), headers=SENT)).status == 201
    assert (await api.get(f"{PODS}/a")).json()["spec"]["nodeName"] == "n"

    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "b"}}
    reply = await api.post(f"{PODS}/b/eviction", wire.encode(eviction), headers=SENT)
    assert reply.status == 201, reply.body

    options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "other"}}
    assert (await api.delete(f"{PODS}/c", wire.encode(options), headers=SENT)).status == 409
    del options["preconditions"]
    assert (await api.delete(f"{PODS}/c", wire.encode(options), headers=SENT)).status == 200

    await api.post(DEPLOYMENTS, deployment())
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web", "namespace": "test"},
        "spec": {"replicas": 3},
    }
    assert (await api.put(f"{DEPLOYMENTS}/web/scale", wire.encode(scale), headers=SENT)).status == 200
    assert (await api.get(f"{DEPLOYMENTS}/web")).json()["spec"]["replicas"] == 3

    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    }
    reply = await api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", wire.encode(review), headers=SENT)
    assert reply.json()["status"]["allowed"] is True


async def test_a_token_is_given_for_a_request_in_protobuf(api: ApiEnv):
    accounts = "/api/v1/namespaces/test/serviceaccounts"
    await api.post(accounts, {"metadata": {"name": "sa"}})
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    reply = await api.post(f"{accounts}/sa/token", wire.encode(wanted), headers={**SENT, **ONLY})
    assert reply.status == 201
    assert read(reply)["status"]["token"].count(".") == 2


async def test_a_definition_in_protobuf_is_that_in_json(api: ApiEnv):
    schema = spec_schema(
        count={"type": "integer", "minimum": 0.5, "maximum": 10, "default": 3, "enum": [3, 4]},
        rows={"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
        open={"type": "object", "additionalProperties": True},
    )
    column = {"name": "Count", "type": "integer", "jsonPath": ".spec.count"}
    crd = definition(versions=[version(schema=schema, additionalPrinterColumns=[column])])
    reply = await api.post(CRDS, wire.encode(crd), headers={**SENT, **ONLY})
    assert reply.status == 201
    assert read(reply)["spec"]["versions"] == crd["spec"]["versions"]
    await until_condition(api, crd["metadata"]["name"], "Established")
    assert (await api.post(path(), custom("one", spec={}))).json()["spec"] == {"count": 3}
    assert read(await api.get(CRDS, headers=ONLY))["items"][0]["spec"]["names"]["listKind"] == "CronTabList"


async def test_who_takes_json_too_gets_json(api: ApiEnv):
    for accept in (f"{PROTOBUF},application/json", f"{PROTOBUF}, */*"):
        assert (await api.get("/api/v1/namespaces/test", headers={"accept": accept})).json()["kind"] == "Namespace"


async def test_who_takes_only_protobuf_gets_objects_lists_and_failures_in_it(api: ApiEnv):
    await api.post(PODS, pod("a"))
    json_list = (await api.get(PODS)).json()
    found = read(await api.get(PODS, headers=ONLY))
    assert found["kind"] == "PodList"
    assert found["metadata"]["resourceVersion"] == json_list["metadata"]["resourceVersion"]
    assert found["items"][0]["spec"] == json_list["items"][0]["spec"]
    assert read(await api.get(f"{PODS}/a", headers=ONLY))["metadata"] == json_list["items"][0]["metadata"]
    missing = await api.get(f"{PODS}/nothing", headers=ONLY)
    assert missing.status == 404
    assert (read(missing)["kind"], read(missing)["code"]) == ("Status", 404)
    partial = await api.get(f"{PODS}/a", headers={"accept": f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"})
    assert (read(partial)["kind"], read(partial)["metadata"]["name"]) == ("PartialObjectMetadata", "a")


async def test_a_large_list_is_complete_in_protobuf(api: ApiEnv):
    for number in range(60):
        await api.post(
            "/api/v1/namespaces/test/configmaps", {"metadata": {"name": f"c{number}"}, "data": {"k": "x" * 2000}}
        )
    found = read(await api.get("/api/v1/namespaces/test/configmaps", headers=ONLY))
    assert sorted(item["metadata"]["name"] for item in found["items"]) == sorted(f"c{number}" for number in range(60))


async def test_a_table_has_no_protobuf_form(api: ApiEnv):
    reply = await api.get(PODS, headers={"accept": f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1"})
    assert reply.status == 406


RAW_EVENT = {
    "e.Event": protobuf.message("e.Event", [[1, "type", "string"], [2, "object", "e.Raw"]], is_object=False),
    "e.Raw": protobuf.message("e.Raw", [[1, "raw", "bytes"]], is_object=False),
}


def events(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The whole events in the body of a watch."""
    import base64

    out = []
    while len(data) >= 4 and len(data) >= 4 + (size := int.from_bytes(data[:4], "big")):
        event = protobuf.read_message(RAW_EVENT.__getitem__, "e.Event", data[4 : 4 + size])
        out.append((event["type"], wire.decode(base64.b64decode(event["object"]["raw"]))))
        data = data[4 + size :]
    assert not data
    return out


async def test_a_watch_sends_length_delimited_events_beside_one_in_json(api: ApiEnv):
    await api.post(PODS, pod("first"))
    reader, writer = await api.connect()
    head = f"GET {PODS}?watch=true&timeoutSeconds=1 HTTP/1.1\r\nhost: x\r\naccept: {PROTOBUF}\r\n"
    writer.write(f"{head}authorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode())
    async with api.watch(PODS) as beside:
        assert (await beside.next())["object"]["metadata"]["name"] == "first"
        await api.post(PODS, pod("second"))
        seen = await beside.next()
    reply = await read_reply(reader)
    writer.close()
    assert reply.headers["content-type"] == f"{PROTOBUF};stream=watch"
    found = events(reply.body)
    assert [(type_, shown["metadata"]["name"]) for type_, shown in found] == [("ADDED", "first"), ("ADDED", "second")]
    assert found[1][1]["metadata"] == seen["object"]["metadata"]


BAD = [
    pytest.param(b"not protobuf", 400, "expected prefix [107 56 115 0]", id="no magic"),
    pytest.param(b"k8s\x00", 400, "empty body", id="only magic"),
    pytest.param(b"k8s\x00\x0a\xff", 400, "unexpected EOF", id="cut off"),
    pytest.param(wire.encode(pod("x"))[:-9], 400, "EOF", id="truncated"),
    pytest.param(write_envelope("v1", "Pod", b"\x12\x05\x12\x03\x08\x01\x02"), 400, "wrong wireType", id="wrong type"),
    pytest.param(write_envelope("v1", "Secret", b""), 400, "cannot be handled as a Pod", id="another kind"),
    pytest.param(write_envelope("apps/v1", "Pod", b""), 400, "no kind", id="another group"),
    pytest.param(write_envelope("v1", "Pod", b""), 422, "spec.containers", id="nothing set"),
    pytest.param(write_envelope("x.example.com/v1", "Pod", b""), 415, "unknown format", id="no table"),
]


@pytest.mark.parametrize(("body", "code", "text"), BAD)
async def test_a_bad_body_is_refused(api: ApiEnv, body: bytes, code: int, text: str):
    reply = await api.post(PODS, body, headers=SENT)
    assert (reply.status, reply.json()["code"]) == (code, code)
    assert text in reply.json()["message"]


# From 1.32 on kubectl's typed commands send protobuf.
KUBECTLS = kubectls.some("1.32", "1.33") or [path for path in [shutil.which("kubectl")] if path]


@pytest.fixture(params=KUBECTLS or [None], ids=lambda path: os.path.basename(path or "none"))
def kubectl(request: pytest.FixtureRequest) -> str:
    if request.param is None:
        pytest.skip("kubectl is not installed")
    path: str = request.param
    return path


COMMANDS = (
    "create namespace made",
    "create deployment web --image=one --replicas=2 --port=80",
    "create configmap cm --from-literal=key=value",
    "create secret generic s --from-literal=key=value",
    "create secret docker-registry r --docker-server=x --docker-username=u --docker-password=p",
    "create serviceaccount sa",
    "create token sa --duration=1h",
    "create role r --verb=get --resource=pods",
    "create rolebinding rb --role=r --serviceaccount=made:sa",
    "create clusterrole cr --verb=list --resource=nodes",
    "create clusterrolebinding crb --clusterrole=cr --user=x",
    "create priorityclass pc --value=-5 --description=low",
    "create service clusterip ci --tcp=80:8080",
    "create service nodeport np --tcp=80:http",
    "create service externalname en --external-name=example.com",
    "expose deployment web --name=exposed",
    "run p --image=one",
    "scale deployment web --replicas=0",
    "set image deployment/web one=two",
    "rollout restart deployment/web",
    "delete pod p --now",
    "auth can-i get pods",
)


async def run(path: str, config: str, *words: str, namespace: str = "made") -> str:
    """One command; fails the test if it fails."""
    process = await asyncio.create_subprocess_exec(
        *(path, "--kubeconfig", config, "-n", namespace, "--cache-dir", f"{config}.cache", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{' '.join(words)}: {complaint.decode()}"
    return output.decode()


async def test_typed_commands_of_kubectl_succeed(kubectl: str):
    # kubectl sends no token over plain HTTP.
    async with api_server(tls=True) as api:
        config = api.kubeconfig()
        for command in COMMANDS:
            await run(kubectl, config, *command.split())
        base = "/api/v1/namespaces/made"
        assert (await api.get(f"{base}/configmaps/cm")).json()["data"] == {"key": "value"}
        assert (await api.get(f"{base}/secrets/s")).json()["data"] == {"key": "dmFsdWU="}
        assert (await api.get(f"{base}/services/np")).json()["spec"]["ports"][0]["targetPort"] == "http"
        assert (await api.get(f"{base}/services/ci")).json()["spec"]["ports"][0]["targetPort"] == 8080
        assert (await api.get("/apis/scheduling.k8s.io/v1/priorityclasses/pc")).json()["value"] == -5
        web = (await api.get("/apis/apps/v1/namespaces/made/deployments/web")).json()["spec"]
        assert web["replicas"] == 0
        assert web["template"]["spec"]["containers"][0]["image"] == "two"
        assert "kubectl.kubernetes.io/restartedAt" in web["template"]["metadata"]["annotations"]


async def test_rollouts_are_followed_and_undone(kubectl: str):
    async with running(*NAMES, kubelet=True, tls=True) as world:
        config = world.api.kubeconfig()

        async def here(*words: str) -> str:
            return await run(kubectl, config, *words, namespace="default")

        follow = ("rollout", "status", "deployment/web", "--timeout=30s")
        await here("create", "deployment", "web", "--image=one", "--replicas=2")
        assert "successfully rolled out" in await here(*follow)
        await here("set", "image", "deployment/web", "one=two")
        assert "successfully rolled out" in await here(*follow)
        await here("rollout", "undo", "deployment/web")
        assert "successfully rolled out" in await here(*follow)
        assert {pod["spec"]["containers"][0]["image"] for pod in await world.pods()} == {"one"}


async def test_what_kubectl_prints_before_it_sends_is_what_is_stored(kubectl: str):
    async with api_server(tls=True) as api:
        config = api.kubeconfig()
        await run(kubectl, config, "create", "namespace", "made")
        words = ("create", "deployment", "web", "--image=one", "--replicas=3", "--port=80")
        printed = json.loads(await run(kubectl, config, *words, "--dry-run=client", "-o", "json"))
        assert (await api.post("/apis/apps/v1/namespaces/made/deployments", printed)).status == 201
        from_json = (await api.get("/apis/apps/v1/namespaces/made/deployments/web")).json()["spec"]
        await api.delete("/apis/apps/v1/namespaces/made/deployments/web")
        await run(kubectl, config, *words)
        assert (await api.get("/apis/apps/v1/namespaces/made/deployments/web")).json()["spec"] == from_json
