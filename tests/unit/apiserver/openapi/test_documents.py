"""The OpenAPI documents: what kubectl looks for in them."""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from kubelite import api
from kubelite.apiserver import openapi
from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.machinery.errors import StatusError


@pytest.fixture(scope="module")
def handlers() -> dict[str, Handler]:
    return dict(openapi.path_handlers(Config(), SimpleNamespace(scheme=api.scheme())))


def ask(handlers: dict[str, Handler], path: str, query: str = "", **headers: str) -> Response:
    handler = handlers.get(path) or handlers["/openapi/v3/"]
    answer = handler(Request("GET", path, query, {name.replace("_", "-"): value for name, value in headers.items()}))
    assert isinstance(answer, Response)
    return answer


def document(handlers: dict[str, Handler], path: str) -> Any:
    body = ask(handlers, path).body
    assert isinstance(body, bytes)
    return json.loads(body)


def test_the_index_names_documents_by_their_hash(handlers: dict[str, Handler]) -> None:
    paths = document(handlers, "/openapi/v3")["paths"]
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    path, _, query = url.partition("?")
    answer = ask(handlers, path, query)
    headers = dict(answer.headers)
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["ETag"].strip('"') == query.removeprefix("hash=")
    assert ask(handlers, path, query, if_none_match=headers["ETag"]).status == 304


@pytest.mark.parametrize("facts", ["kubelite.api.enums.raw", "kubelite.api.descriptions.digest"])
def test_other_facts_make_another_hash(
    facts: str, handlers: dict[str, Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document(handlers, "/openapi/v3")["paths"]["apis/apps/v1"]
    monkeypatch.setattr(facts, lambda: b"others")
    others = dict(openapi.path_handlers(Config(), SimpleNamespace(scheme=api.scheme())))
    assert document(others, "/openapi/v3")["paths"]["apis/apps/v1"] != before


def test_patches_say_that_they_understand_field_validation(handlers: dict[str, Handler]) -> None:
    paths = document(handlers, "/openapi/v3/apis/apps/v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert patch["x-kubernetes-action"] == "patch"
    assert "fieldValidation" in [one["name"] for one in patch["parameters"]]


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1"])
def test_every_reference_leads_somewhere(handlers: dict[str, Handler], path: str) -> None:
    whole = document(handlers, path)
    known = whole.get("definitions") or whole["components"]["schemas"]
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                found.add(node["$ref"].rpartition("/")[2])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(whole)
    assert found
    assert found - set(known) == set()


def test_operation_ids_are_unique(handlers: dict[str, Handler]) -> None:
    paths = document(handlers, "/openapi/v2")["paths"]
    ids = [one["operationId"] for item in paths.values() for one in item.values() if isinstance(one, dict)]
    assert len(ids) == len(set(ids))


def test_schemas_keep_the_keys_that_merging_needs(handlers: dict[str, Handler]) -> None:
    schemas = document(handlers, "/openapi/v3/api/v1")["components"]["schemas"]
    ports = schemas["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    pod = schemas["io.k8s.api.core.v1.Pod"]
    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]


def test_documents_are_compressed_for_clients_that_ask(handlers: dict[str, Handler]) -> None:
    answer = ask(handlers, "/openapi/v2", accept_encoding="gzip")
    assert dict(answer.headers)["Content-Encoding"] == "gzip"
    assert isinstance(answer.body, bytes)
    assert json.loads(gzip.decompress(answer.body))["swagger"] == "2.0"


def test_version_2_is_offered_as_protobuf_and_version_3_is_not(handlers: dict[str, Handler]) -> None:
    binary = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    answer = ask(handlers, "/openapi/v2", accept=binary)
    assert answer.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert isinstance(answer.body, bytes) and answer.body.startswith(b"\x0a\x032.0")
    with pytest.raises(StatusError) as found:
        ask(handlers, "/openapi/v3", accept=binary)
    assert found.value.code == 406


@pytest.mark.parametrize("version", ["2", "3"])
def test_both_versions_name_the_values_of_fields(handlers: dict[str, Handler], version: str) -> None:
    if version == "2":
        definitions = document(handlers, "/openapi/v2")["definitions"]
    else:
        definitions = document(handlers, "/openapi/v3/api/v1")["components"]["schemas"]
    policy = definitions["io.k8s.api.core.v1.PodSpec"]["properties"]["restartPolicy"]
    assert policy["enum"] == ["Always", "Never", "OnFailure"]
    assert policy["description"].endswith('\n\nPossible enum values:\n - `"Always"`\n - `"Never"`\n - `"OnFailure"`')
    modes = definitions["io.k8s.api.core.v1.PersistentVolumeClaimSpec"]["properties"]["accessModes"]
    assert modes["items"]["enum"] == ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
    assert "enum" not in modes and "Possible" not in modes["description"]
    claim = definitions["io.k8s.api.core.v1.PersistentVolumeClaimStatus"]["properties"]
    assert "NodeResizePending" in claim["allocatedResourceStatuses"]["additionalProperties"]["enum"]
    kind = definitions["io.k8s.api.core.v1.HostPathVolumeSource"]["properties"]["type"]
    assert kind["enum"][0] == "", "the empty value is a value"


def test_values_of_fields_are_part_of_what_names_a_document(
    handlers: dict[str, Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document(handlers, "/openapi/v3")
    monkeypatch.setattr("kubelite.api.enums.raw", lambda: b"other values")
    other = dict(openapi.path_handlers(Config(), SimpleNamespace(scheme=api.scheme())))
    assert document(other, "/openapi/v3") != before
