"""Options and forms of reads: refusals, selectors, indentation, compression, negotiation of lists, watches and discovery."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.apienv import ApiEnv

MAPS = "/api/v1/namespaces/test/configmaps"
PODS = "/api/v1/namespaces/test/pods"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;g=meta.k8s.io;v="
PARTIAL = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v={}"


async def add_map(api: ApiEnv, name: str = "m", **data: str) -> Any:
    made = await api.post(MAPS, {"metadata": {"name": name}, "data": data})
    assert made.status == 201
    return made.json()


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        (
            "resourceVersionMatch=Bad&continue=x",
            [
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
                "resourceVersionMatch is forbidden when continue is provided",
                'Unsupported value: "Bad": supported values: "Exact", "NotOlderThan", ""',
            ],
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=0&sendInitialEvents=true",
            [
                'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
                "sendInitialEvents is forbidden for list",
            ],
        ),
        (
            "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
            [
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                'Unsupported value: "Exact": supported values: "NotOlderThan"',
            ],
        ),
        (
            "watch=1&resourceVersionMatch=NotOlderThan&continue=x",
            [
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                "resourceVersionMatch is forbidden when continue is provided",
            ],
        ),
    ],
)
async def test_every_mistake_of_the_options_is_named(api: ApiEnv, query: str, messages: list[str]) -> None:
    answer = await api.get(f"{MAPS}?{query}")
    assert answer.status == 422
    causes = [cause["message"] for cause in answer.json()["details"]["causes"]]
    assert [cause.removeprefix("Forbidden: ") for cause in causes] == messages


async def test_initial_events_end_with_a_bookmark_only_where_bookmarks_are_allowed(api: ApiEnv) -> None:
    await add_map(api)
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&labelSelector=!x"
    for bookmarks, types in (("true", ["ADDED", "BOOKMARK"]), ("false", ["ADDED"])):
        body = (await api.get(f"{MAPS}?{query}&fieldSelector=metadata.name=m&allowWatchBookmarks={bookmarks}")).body
        assert [json.loads(line)["type"] for line in body.splitlines()] == types


async def test_answers_are_indented_for_people(api: ApiEnv) -> None:
    made = await add_map(api)
    indented = json.dumps(made, indent=2).encode()
    assert (await api.get(f"{MAPS}/m?pretty=true")).body == indented
    assert (await api.get(f"{MAPS}/m", headers={"User-Agent": "curl/8.5.0"})).body == indented
    assert b"\n" not in (await api.get(f"{MAPS}/m?pretty=false", headers={"User-Agent": "curl/8.5.0"})).body
    assert (await api.get(f"{MAPS}?pretty=1")).body.startswith(b'{\n  "kind": "ConfigMapList",\n')
    assert (await api.get(f"{MAPS}/none?pretty=1")).body.startswith(b'{\n  "kind": "Status",\n')
    assert (await api.get("/apis?pretty=1")).body.startswith(b'{\n  "kind": "APIGroupList",\n')


async def test_only_large_answers_are_compressed(api: ApiEnv) -> None:
    await add_map(api, "small", a="x" * 1000)
    await add_map(api, "large", a="x" * 140_000)
    accept = {"Accept-Encoding": "gzip"}
    assert "content-encoding" not in (await api.get(f"{MAPS}/small", headers=accept)).headers
    large = await api.get(f"{MAPS}/large", headers=accept)
    assert large.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(large.body))["metadata"]["name"] == "large"
    assert "content-encoding" not in (await api.get(f"{MAPS}/large")).headers


async def test_head_says_of_documents_what_get_would_and_is_refused_for_objects(api: ApiEnv) -> None:
    await add_map(api)
    for path in ("/apis", "/openapi/v3", "/version"):
        got, head = await api.get(path), await api.request("HEAD", path)
        assert (head.status, head.body) == (got.status, b"")
        assert head.headers["content-length"] == str(len(got.body))
    for path in (MAPS, f"{MAPS}/m", f"{MAPS}/none"):
        assert (await api.request("HEAD", path)).status == 405


STREAMS = "only the following media types are accepted: application/json;stream=watch, "
STREAMS += "application/vnd.kubernetes.protobuf;stream=watch"
PLAIN = "only the following media types are accepted: application/json, application/yaml, "
PLAIN += "application/vnd.kubernetes.protobuf"


@pytest.mark.parametrize(
    ("target", "accept", "message"),
    [
        (f"{MAPS}?watch=1", "application/yaml", STREAMS),
        (f"{MAPS}?watch=1", "image/png", STREAMS),
        (MAPS, "image/png", PLAIN),
        (MAPS, f"{TABLE}v2", PLAIN),
        (MAPS, f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1", PLAIN),
        ("/apis", "image/png", PLAIN),
        ("/apis/apps/v1", "application/json;as=Table;g=meta.k8s.io;v=v1", PLAIN),
    ],
)
async def test_what_cannot_be_given_is_refused_by_name(api: ApiEnv, target: str, accept: str, message: str) -> None:
    answer = await api.get(target, headers={"Accept": accept})
    assert (answer.status, answer.json()["reason"], answer.json()["message"]) == (406, "NotAcceptable", message)


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps", "/apis/apps/v1", "/api/v1"])
async def test_discovery_comes_as_protobuf_and_yaml_too(api: ApiEnv, path: str) -> None:
    binary = await api.get(path, headers={"Accept": PROTOBUF})
    assert (binary.status, binary.headers["content-type"], binary.body[:4]) == (200, PROTOBUF, b"k8s\0")
    assert (await api.get(path, headers={"Accept": f"{PROTOBUF}, application/json"})).json()["kind"]
    assert (await api.get(path, headers={"Accept": "application/yaml"})).body.decode().count("kind: API") == 1


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_tables_come_in_both_versions_for_lists_gets_and_watches(api: ApiEnv, version: str) -> None:
    await add_map(api, a="1")
    accept = {"Accept": TABLE + version}
    group = f"meta.k8s.io/{version}"
    for include, kind in (("", "PartialObjectMetadata"), ("Object", "ConfigMap"), ("None", None)):
        for path in (f"{MAPS}/m?", f"{MAPS}?limit=1&"):
            table = (await api.get(f"{path}includeObject={include}", headers=accept)).json()
            assert (table["kind"], table["apiVersion"]) == ("Table", group)
            assert table["rows"][0]["cells"][:2] == ["m", 1]
            assert table["rows"][0].get("object", {}).get("kind") == kind
    events = (await api.get(f"{MAPS}?watch=1&timeoutSeconds=1&includeObject=None", headers=accept)).body.splitlines()
    assert json.loads(events[0])["object"]["apiVersion"] == group


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_metadata_comes_in_both_versions_for_lists_gets_and_watches(api: ApiEnv, version: str) -> None:
    await add_map(api, a="1")
    group = f"meta.k8s.io/{version}"
    listed = (await api.get(MAPS, headers={"Accept": PARTIAL.format("List", version)})).json()
    assert (listed["kind"], listed["apiVersion"]) == ("PartialObjectMetadataList", group)
    one = (await api.get(f"{MAPS}/m", headers={"Accept": PARTIAL.format("", version)})).json()
    assert (one["kind"], one["apiVersion"], "data" in one) == ("PartialObjectMetadata", group, False)
    query = "watch=1&timeoutSeconds=1&resourceVersion=0"
    event = (await api.get(f"{MAPS}?{query}", headers={"Accept": PARTIAL.format("", version)})).body.splitlines()[0]
    assert json.loads(event)["object"]["apiVersion"] == group


async def test_an_unknown_part_of_table_rows_is_refused(api: ApiEnv) -> None:
    answer = await api.get(f"{MAPS}?includeObject=All", headers={"Accept": f"{TABLE}v1"})
    why = """includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty"""
    assert (answer.status, answer.json()["message"]) == (400, f"Unable to convert to Table as requested: {why}")


SELECTED = {
    "spec.nodeName=n1": True,
    "spec.host=n1": True,
    "spec.nodeName=": False,
    "spec.restartPolicy=Always": True,
    "spec.schedulerName=default-scheduler": True,
    "spec.serviceAccountName=": True,
    "spec.hostNetwork=false": True,
    "spec.hostNetwork!=false": False,
    "status.phase=Pending,spec.nodeName!=n2": True,
    "status.podIP=": True,
    "status.podIPs=": True,
    "status.nominatedNodeName=x": False,
    "metadata.name=p,metadata.namespace=test": True,
    "metadata.namespace!=test": False,
}


async def test_pods_are_selected_by_every_field_that_upstream_knows(api: ApiEnv) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}}
    assert (await api.post(PODS, pod)).status == 201
    for selector, found in SELECTED.items():
        answer = await api.get("/api/v1/pods", query={"fieldSelector": selector})
        assert (selector, len(answer.json()["items"])) == (selector, int(found))
    refused = await api.get(PODS, query={"fieldSelector": "spec.hostname=x"})
    assert (refused.status, refused.json()["message"]) == (400, "field label not supported: spec.hostname")
