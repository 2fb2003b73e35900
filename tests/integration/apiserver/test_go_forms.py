"""Forms that clients see because upstream is written in Go: defaults behind pointers, zeros left out, numbers, methods."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.apienv import ApiEnv
from tests.integration.apiserver.objects import DEPLOYMENTS, MAPS, PODS, deployment, pod
from tests.integration.custom_resources.definitions import definition, established

FOLDER = {"name": "v", "hostPath": {"path": "/tmp"}}
CRONTABS = "/apis/stable.example.com/v1/namespaces/default/crontabs"


@pytest.mark.parametrize("path", [PODS, f"{PODS}/p", f"{PODS}/p/log", "/api/v1/nodes"])
async def test_head_of_built_in_kinds_is_refused(api: ApiEnv, path: str) -> None:
    await api.post(PODS, pod("p"))
    assert (await api.request("HEAD", path)).status == 405


async def test_head_of_custom_resources_and_other_paths_is_answered(api: ApiEnv) -> None:
    await established(api, definition())
    for path in (CRONTABS, "/healthz", "/openapi/v2"):
        assert (await api.request("HEAD", path)).status == 200


async def test_the_type_of_a_folder_is_empty_unless_it_is_said(api: ApiEnv) -> None:
    body = pod("p")
    body["spec"]["volumes"] = [FOLDER]
    made = (await api.post(PODS, body)).json()
    assert made["spec"]["volumes"][0]["hostPath"] == {"path": "/tmp", "type": ""}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp"}}
    volume = await api.post("/api/v1/persistentvolumes", {"metadata": {"name": "v"}, "spec": spec})
    assert volume.json()["spec"]["hostPath"] == {"path": "/tmp", "type": ""}


async def store_without_types(api: ApiEnv, key: str) -> None:
    """As an older server stored it."""
    found, _ = await api.store.get(key)
    assert found is not None
    body = found.value.replace(b'"path":"/tmp","type":""', b'"path":"/tmp"')
    assert body != found.value
    await api.store.update(key, body, found.revision)


async def test_objects_that_were_stored_without_that_default_can_still_be_changed(api: ApiEnv) -> None:
    body = pod("p")
    body["spec"]["volumes"] = [FOLDER]
    await api.post(PODS, body)
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp"}}
    await api.post("/api/v1/persistentvolumes", {"metadata": {"name": "v"}, "spec": spec})
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    template = {"spec": {**body["spec"], "restartPolicy": "Never"}}
    made = await api.post(jobs, {"metadata": {"name": "j"}, "spec": {"template": template}})
    assert made.status == 201, made.body
    for key in (
        "/registry/pods/test/p",
        "/registry/persistentvolumes/v",
        "/registry/jobs/default/j",
    ):
        await store_without_types(api, key)
    for path in (f"{PODS}/p", "/api/v1/persistentvolumes/v", f"{jobs}/j"):
        reply = await api.patch(path, {"metadata": {"labels": {"a": "b"}}})
        assert reply.status == 200, reply.body
    running = await api.patch(f"{PODS}/p/status", {"status": {"phase": "Running"}})
    assert running.status == 200, running.body


async def test_zeros_of_a_status_are_left_out(api: ApiEnv) -> None:
    await api.post(DEPLOYMENTS, deployment("d"))
    counts = {"replicas": 1, "readyReplicas": 0, "unavailableReplicas": 0, "collisionCount": 0, "observedGeneration": 1}
    changed = (await api.patch(f"{DEPLOYMENTS}/d/status", {"status": counts})).json()
    assert changed["status"] == {"replicas": 1, "collisionCount": 0, "observedGeneration": 1}
    owners = [one for one in changed["metadata"]["managedFields"] if one.get("subresource") == "status"]
    assert set(owners[0]["fieldsV1"]["f:status"]) == {"f:replicas", "f:collisionCount", "f:observedGeneration"}


async def test_numbers_of_custom_resources_are_written_as_go_writes_them(api: ApiEnv) -> None:
    await established(api, definition())
    values = '"large":1e21,"small":0.00000025,"whole":1e20,"fraction":2.50,"edge":9223372036854775807'
    over = '"over":18446744073709551615'
    body = f'{{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{{"name":"a"}},"spec":{{{values},{over}}}}}'
    made = await api.post(CRONTABS, body.encode())
    assert made.status == 201, made.body
    for reply in (made, await api.get(f"{CRONTABS}/a")):
        for text in (
            b'"large":1e+21',
            b'"small":2.5e-7',
            b'"whole":100000000000000000000',
            b'"fraction":2.5',
            b'"edge":9223372036854775807',
            b'"over":18446744073709552000',
        ):
            assert text in reply.body


async def test_a_fraction_inside_an_annotation_stays_as_it_is(api: ApiEnv) -> None:
    text = json.dumps({"spec": {"x": 1.0, "y": [2.0], "z": 'a"1.0,b'}})
    made = await api.post(MAPS, {"metadata": {"name": "m", "annotations": {"last": text}}, "data": {"k": '"1.0,'}})
    assert made.json()["metadata"]["annotations"] == {"last": text}
    assert made.json()["data"] == {"k": '"1.0,'}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"spec": {"replicas": 2**31}}, "2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (
            {"metadata": {"generation": 2**63}},
            "9223372036854775808 into Go struct field ObjectMeta.metadata.generation of type int64",
        ),
        (
            {"metadata": {"generation": -(2**63) - 1}},
            "-9223372036854775809 into Go struct field ObjectMeta.metadata.generation of type int64",
        ),
    ],
)
@pytest.mark.parametrize("way", ["create", "merge", "strategic"])
async def test_numbers_that_do_not_fit_are_refused(api: ApiEnv, body: Any, text: str, way: str) -> None:
    await api.post(DEPLOYMENTS, deployment("d"))
    if way == "create":
        whole = deployment("e")
        merged = {**whole, **{key: {**whole[key], **value} for key, value in body.items()}}
        reply = await api.post(DEPLOYMENTS, merged)
    else:
        reply = await api.patch(f"{DEPLOYMENTS}/d", body, way)
    # What a patch makes of an object is judged like a field of it.
    assert reply.status == (400 if way == "create" else 422)
    assert f"json: cannot unmarshal number {text}" in reply.json()["message"]


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
@pytest.mark.parametrize("kind", ["custom", "built-in"])
async def test_numbers_beyond_every_float_are_bad_requests(api: ApiEnv, number: str, kind: str) -> None:
    if kind == "custom":
        await established(api, definition())
        body = f'{{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{{"name":"a"}},"spec":{{"x":{number}}}}}'
        reply = await api.post(CRONTABS, body.encode())
    else:
        body = (
            f'{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"a"}},"spec":{{"replicas":{number}}}}}'
        )
        reply = await api.post(DEPLOYMENTS, body.encode())
    assert reply.status == 400, reply.body
    assert f"json: cannot unmarshal number {number} into Go" in reply.json()["message"]


async def test_a_port_that_does_not_fit_is_a_bad_request(api: ApiEnv) -> None:
    spec = {"ports": [{"port": 80, "targetPort": 2**31}]}
    reply = await api.post("/api/v1/namespaces/default/services", {"metadata": {"name": "s"}, "spec": spec})
    assert (reply.status, "json: cannot unmarshal number 2147483648 into Go" in reply.json()["message"]) == (400, True)
