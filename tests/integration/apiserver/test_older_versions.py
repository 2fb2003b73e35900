"""Old API versions over HTTP: what users wrote long ago is taken, converted, warned of and read back in both versions."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from kubelite.api import scheme
from kubelite.machinery import codec
from tests.apienv import ApiEnv

SEEDS = pathlib.Path(__file__).resolve().parents[4] / "shared" / "seed-manifests"
REFUSED = {
    "02-replicaset-extensions-v1beta1": 'ReplicaSet.apps "frontend" is invalid: spec.template.metadata.labels: Invalid value: '
    '{"app":"guestbook","tier":"frontend"}: `selector` does not match template `labels`'
}
OLD = "/apis/extensions/v1beta1/namespaces/test/deployments"
NEW = "/apis/apps/v1/namespaces/test/deployments"


def seeds() -> list[Any]:
    found = sorted(path.stem for path in SEEDS.glob("*.yaml"))
    return found or [pytest.param("none", marks=pytest.mark.skip(reason="no seed manifests"))]


@pytest.mark.parametrize("name", seeds())
async def test_a_seed_manifest_is_accepted_or_refused_by_name(api: ApiEnv, name: str) -> None:
    document = codec.decode_yaml((SEEDS / f"{name}.yaml").read_bytes())
    kind = scheme().by_kind(document["apiVersion"], document["kind"])
    assert kind is not None
    reply = await api.post(kind.path("test" if kind.namespaced else ""), document)
    if name in REFUSED:
        assert (reply.status, reply.json()["message"]) == (422, REFUSED[name])
    else:
        assert reply.status == 201, reply.body
        assert reply.json()["apiVersion"] == document["apiVersion"]
    assert ("is deprecated in v1." in reply.headers.get("warning", "")) == ("beta" in document["apiVersion"])


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"metadata": {"name": "d"}, "spec": {"template": template, **spec}}


async def test_both_versions_see_one_object(api: ApiEnv) -> None:
    async with api.watch(NEW) as new, api.watch(OLD) as old:
        made = (await api.post(OLD, deployment())).json()
        for watch, version in ((new, "apps/v1"), (old, "extensions/v1beta1")):
            event = await watch.next()
            assert (event["type"], event["object"]["apiVersion"]) == ("ADDED", version)
            assert event["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    changed = await api.patch(f"{OLD}/d", {"spec": {"replicas": 3}})
    assert changed.json()["apiVersion"] == "extensions/v1beta1"
    assert (await api.get(f"{NEW}/d")).json()["spec"]["replicas"] == 3
    assert [item["metadata"]["name"] for item in (await api.get(OLD)).json()["items"]] == ["d"]
    assert (await api.delete(f"{OLD}/d?propagationPolicy=Background")).status == 200
    assert (await api.get(f"{NEW}/d")).status == 404


async def test_an_old_deployment_is_scaled(api: ApiEnv) -> None:
    await api.post(OLD, deployment())
    scale = (await api.get(f"{OLD}/d/scale")).json()
    assert scale["status"]["selector"] == "app=a"
    assert (await api.put(f"{OLD}/d/scale", {**scale, "spec": {"replicas": 5}})).status == 200
    assert (await api.get(f"{NEW}/d")).json()["spec"]["replicas"] == 5


async def test_containers_merge_by_name_in_a_patch_of_an_old_version(api: ApiEnv) -> None:
    await api.post(OLD, deployment())
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "j"}]}}}}
    strategic = "application/strategic-merge-patch+json"
    changed = await api.request("PATCH", f"{OLD}/d", patch, headers={"Content-Type": strategic})
    containers = changed.json()["spec"]["template"]["spec"]["containers"]
    assert sorted(one["name"] for one in containers) == ["c", "side"]


async def test_fields_of_the_present_version_are_unknown_to_an_old_one(api: ApiEnv) -> None:
    path = "/apis/networking.k8s.io/v1beta1/namespaces/test/ingresses"
    spec = {"backend": {"serviceName": "s", "servicePort": 80}, "defaultBackend": {}}
    reply = await api.post(f"{path}?fieldValidation=Strict", {"metadata": {"name": "i"}, "spec": spec})
    assert reply.status == 400 and 'unknown field "spec.defaultBackend"' in reply.json()["message"]


@pytest.mark.parametrize(
    "path", ["apis/extensions/v1beta1", "apis/networking.k8s.io/v1beta1", "apis/autoscaling/v2beta1"]
)
async def test_old_versions_are_in_openapi_with_what_kubectl_asks_for(api: ApiEnv, path: str) -> None:
    text = (await api.get(f"/openapi/v3/{path}")).body.decode()
    document = json.loads(text)
    patched = [item["patch"] for name, item in document["paths"].items() if "patch" in item and "/scale" not in name]
    assert patched
    for operation in patched:
        assert "fieldValidation" in {parameter["name"] for parameter in operation.get("parameters", ())}
        assert path.endswith(operation["x-kubernetes-group-version-kind"]["version"])
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert referred <= document["components"]["schemas"].keys()
