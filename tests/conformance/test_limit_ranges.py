"""LimitRange: what pods get that ask for nothing, and ranges of several namespaces at once."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import eventually, good, namespace, seen, updated_object

DEFAULTS = {
    "type": "Container",
    "min": {"cpu": "50m", "memory": "100Mi", "ephemeral-storage": "100Gi"},
    "max": {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"},
    "defaultRequest": {"cpu": "100m", "memory": "200Mi", "ephemeral-storage": "200Gi"},
    "default": {"cpu": "300m", "memory": "300Mi", "ephemeral-storage": "300Gi"},
}


def pod(name: str, requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "pause", "image": "x", "resources": resources}]},
    }


def resources(found: Any) -> tuple[dict[str, str], dict[str, str]]:
    got = found["spec"]["containers"][0]["resources"]
    return got["requests"], got["limits"]


async def test_limitrange_should_create_a_limitrange_with_defaults_and_ensure_pod_has_those_defaults_applied(
    api: ApiEnv,
) -> None:
    """[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied.
    [Conformance]"""
    place = await namespace(api)
    ranges, pods = f"{place}/limitranges", f"{place}/pods"
    async with api.watch(ranges) as watch:
        made = good(await api.post(ranges, {"metadata": {"name": "limits"}, "spec": {"limits": [DEFAULTS]}}), 201)
        assert (await seen(watch, "ADDED", "limits"))["metadata"]["uid"] == made["metadata"]["uid"]
    assert good(await api.get(f"{ranges}/limits"))["spec"]["limits"] == [DEFAULTS]

    plain = good(await api.post(pods, pod("no-resources")), 201)
    assert resources(plain) == (DEFAULTS["defaultRequest"], DEFAULTS["default"])
    partly = good(await api.post(pods, pod("partial", {"cpu": "150m", "memory": "150Mi"}, {"cpu": "300m"})), 201)
    assert resources(partly) == (
        {"cpu": "150m", "memory": "150Mi", "ephemeral-storage": "200Gi"},
        {"cpu": "300m", "memory": "300Mi", "ephemeral-storage": "300Gi"},
    )
    for name, amounts in (("less", {"cpu": "10m"}), ("more", {"cpu": "600m"})):
        assert (await api.post(pods, pod(name, amounts, amounts))).status == 403

    def lower(found: Any) -> None:
        found["spec"]["limits"][0]["min"] = {"cpu": "9m", "memory": "20Mi"}

    await updated_object(api, f"{ranges}/limits", lower)

    async def accepted() -> bool:
        return (await api.post(pods, pod("less", {"cpu": "10m"}, {"cpu": "10m"}))).status == 201

    await eventually(accepted)
    assert (await api.post(pods, pod("more", {"cpu": "600m"}, {"cpu": "600m"}))).status == 403
    good(await api.delete(f"{ranges}/limits"), 200)
    assert (await api.get(f"{ranges}/limits")).status == 404

    async def unlimited() -> bool:
        return (await api.post(pods, pod("more", {"cpu": "600m"}, {"cpu": "600m"}))).status == 201

    await eventually(unlimited)


async def test_limitrange_should_list_patch_and_delete_a_limitrange_by_collection(api: ApiEnv) -> None:
    """[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]"""
    label = {"labelSelector": "e2e-limitrange=this"}
    places = [await namespace(api, name) for name in ("first", "second")]
    for place in places:
        body = {"metadata": {"name": "limits", "labels": {"e2e-limitrange": "this"}}, "spec": {"limits": [DEFAULTS]}}
        good(await api.post(f"{place}/limitranges", body), 201)
    everywhere = good(await api.get("/api/v1/limitranges", query=label))["items"]
    assert [one["metadata"]["namespace"] for one in everywhere] == ["first", "second"]
    assert len(good(await api.get(f"{places[0]}/limitranges", query=label))["items"]) == 1

    changed = {**DEFAULTS, "min": {**DEFAULTS["min"], "cpu": "40m"}}  # type: ignore[dict-item]
    patch = {"metadata": {"labels": {"patched": "yes"}}, "spec": {"limits": [changed]}}
    patched = good(await api.patch(f"{places[0]}/limitranges/limits", patch, "strategic"))
    assert patched["metadata"]["labels"] == {"e2e-limitrange": "this", "patched": "yes"}
    assert patched["spec"]["limits"][0]["min"]["cpu"] == "40m"

    only = {"labelSelector": "patched=yes"}
    good(await api.request("DELETE", f"{places[0]}/limitranges", query=only), 200)
    left = good(await api.get("/api/v1/limitranges", query=label))["items"]
    assert [one["metadata"]["namespace"] for one in left] == ["second"]
