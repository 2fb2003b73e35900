"""CustomResourcePublishOpenAPI: what is published of custom resources, and what kubectl makes of it."""

from __future__ import annotations

import asyncio
import json
import pathlib
from typing import Any

import pytest

from tests import kubectls
from tests.apienv import ApiEnv, api_server
from tests.integration.custom_resources.definitions import (
    changed,
    custom,
    definition,
    established,
    path,
    until,
    version,
)

NAME = "crontabs.stable.example.com"
DEFINITION = "com.example.stable.v1.CronTab"
CHOSEN = kubectls.some("1.27", "1.33")
SCHEMA = {
    "type": "object",
    "description": "A job at times.",
    "properties": {
        "spec": {
            "type": "object",
            "description": "What is wanted.",
            "required": ["cronSpec"],
            "properties": {
                "cronSpec": {"type": "string", "description": "When it runs."},
                "maybe": {"type": "string", "nullable": True},
                "either": {"x-kubernetes-int-or-string": True},
            },
        }
    },
}


async def _v2(api: ApiEnv) -> dict[str, Any]:
    return dict((await api.get("/openapi/v2")).json())


async def _v3(api: ApiEnv, group_version: str) -> dict[str, Any]:
    reply = await api.get(f"/openapi/v3/apis/{group_version}")
    assert reply.status == 200, reply.body
    return dict(reply.json())


async def test_works_for_crd_with_validation_schema() -> None:
    async with api_server() as api:
        before = (await api.get("/openapi/v3")).json()["paths"]
        await established(api, definition(versions=[version(schema=SCHEMA)]))
        index = (await api.get("/openapi/v3")).json()["paths"]
        assert set(index) - set(before) == {"apis/stable.example.com/v1"}
        assert {key: index[key] for key in before} == before, "other documents keep their hashes"
        document = await _v3(api, "stable.example.com/v1")
        schema = document["components"]["schemas"][DEFINITION]
        gvk = {"group": "stable.example.com", "kind": "CronTab", "version": "v1"}
        assert schema["x-kubernetes-group-version-kind"] == [gvk]
        assert schema["properties"]["spec"]["properties"]["cronSpec"]["description"] == "When it runs."
        assert set(schema["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
        operation = document["paths"]["/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"]["patch"]
        assert operation["x-kubernetes-group-version-kind"] == gvk
        v2 = (await _v2(api))["definitions"][DEFINITION]["properties"]["spec"]["properties"]
        assert "nullable" not in v2["maybe"] and "type" not in v2["either"]


async def test_a_document_is_fetched_by_its_hash_and_kept() -> None:
    async with api_server() as api:
        await established(api, definition(versions=[version(schema=SCHEMA)]))
        url = (await api.get("/openapi/v3")).json()["paths"]["apis/stable.example.com/v1"]["serverRelativeURL"]
        reply = await api.get(url)
        assert reply.status == 200 and "immutable" in reply.headers["cache-control"]
        await changed(api, NAME, {"spec": {"names": {"shortNames": ["ct"]}}})
        index = await until(api, "/openapi/v3", lambda found: url.encode() not in found.body)
        assert "apis/stable.example.com/v1" in index.json()["paths"]


async def test_works_for_crd_preserving_unknown_fields_at_the_schema_root() -> None:
    async with api_server() as api:
        await established(api, definition())
        v2 = (await _v2(api))["definitions"][DEFINITION]
        assert v2["type"] == "object" and "properties" not in v2
        v3 = (await _v3(api, "stable.example.com/v1"))["components"]["schemas"][DEFINITION]
        assert v3["x-kubernetes-preserve-unknown-fields"] is True


async def test_works_for_multiple_crds_of_different_groups_versions_and_kinds() -> None:
    async with api_server() as api:
        schema = version(schema=SCHEMA)
        await established(api, definition(versions=[schema, version("v2", schema=SCHEMA, storage=False)]))
        await established(api, definition("tabs", "Tab", versions=[schema]))
        await established(api, definition("other", "Other", group="other.example.com", versions=[schema]))
        names = set((await _v2(api))["definitions"])
        assert {
            "com.example.stable.v1.CronTab",
            "com.example.stable.v2.CronTab",
            "com.example.stable.v1.Tab",
            "com.example.other.v1.Other",
        } <= names


async def test_updates_the_published_spec_when_one_version_gets_renamed_or_is_not_served_any_more() -> None:
    async with api_server() as api:
        versions = [version(schema=SCHEMA), version("v2", schema=SCHEMA, storage=False)]
        await established(api, definition(versions=versions))
        await changed(api, NAME, [{"op": "replace", "path": "/spec/versions/1/name", "value": "v3"}], "json")
        await until(api, path(version="v3"), lambda reply: reply.status == 200)
        names = set((await _v2(api))["definitions"])
        assert "com.example.stable.v3.CronTab" in names and "com.example.stable.v2.CronTab" not in names
        await changed(api, NAME, [{"op": "replace", "path": "/spec/versions/1/served", "value": False}], "json")
        await until(api, path(version="v3"), lambda reply: reply.status == 404)
        assert "com.example.stable.v3.CronTab" not in set((await _v2(api))["definitions"])
        assert (await api.get("/openapi/v3/apis/stable.example.com/v3")).status == 404


async def _kubectl(api: ApiEnv, program: str, *words: str, stdin: Any = None) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        program,
        "--kubeconfig",
        api.kubeconfig(),
        f"--cache-dir={api.directory / 'cache'}",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(json.dumps(stdin).encode() if stdin is not None else b"")
    return process.returncode or 0, out.decode()


@pytest.mark.skipif(not CHOSEN, reason="the versions of kubectl are not installed")
@pytest.mark.parametrize("program", CHOSEN, ids=[pathlib.Path(one).name for one in CHOSEN])
async def test_kubectl_explains_checks_and_applies_custom_resources(program: str) -> None:
    async with api_server(tls=True) as api:
        columns = [{"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"}]
        one = version(schema=SCHEMA, additionalPrinterColumns=columns)
        await established(api, definition(versions=[one], names={"shortNames": ["ct"]}))
        code, text = await _kubectl(api, program, "explain", "ct.spec")
        assert code == 0, text
        assert "What is wanted." in text and "cronSpec" in text and "When it runs." in text
        good = custom("one", spec={"cronSpec": "* *"})
        good["metadata"]["namespace"] = "default"
        code, text = await _kubectl(api, program, "apply", "-f", "-", stdin=good)
        assert (code, text.strip()) == (0, "crontab.stable.example.com/one created")
        bad = {**good, "spec": {"cronSpec": "* *", "unknown": 1}}
        code, text = await _kubectl(api, program, "apply", "-f", "-", stdin=bad)
        assert code == 1 and 'unknown field "spec.unknown"' in text
        code, text = await _kubectl(api, program, "apply", "--validate=false", "-f", "-", stdin=bad)
        assert code == 0, text
        code, text = await _kubectl(api, program, "get", "ct")
        assert code == 0 and text.split() == ["NAME", "SPEC", "one", "*", "*"]
        code, text = await _kubectl(api, program, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=good)
        assert code == 0, text
        code, text = await _kubectl(api, program, "delete", "ct", "one")
        assert code == 0, text


async def test_fields_that_are_kept_though_unknown_are_valid_for_kubectl() -> None:
    if not CHOSEN:
        pytest.skip("kubectl is not installed")
    async with api_server(tls=True) as api:
        await established(api, definition())
        free = custom("one", spec={"anything": {"goes": [1]}}, more=True)
        code, text = await _kubectl(api, CHOSEN[-1], "apply", "-n", "default", "-f", "-", stdin=free)
        assert code == 0, text
        code, text = await _kubectl(api, CHOSEN[-1], "explain", "crontabs")
        assert code == 0 and "KIND:       CronTab" in text
