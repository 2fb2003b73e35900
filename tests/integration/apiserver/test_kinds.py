"""Kinds of workload, network, extension, protection, storage and devices: written, watched, changed, refused and removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apienv import ApiEnv
from tests.integration.apiserver.kind_samples import GROWS, SAMPLES, Sample, request_pem
from tests.integration.apiserver.workload_samples import GROWING, WORKLOADS

EVERY = {**SAMPLES, **WORKLOADS}
every = pytest.mark.parametrize("sample", EVERY.values(), ids=EVERY.keys())
CSR = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@every
async def test_an_object_is_kept_watched_changed_and_removed(api: ApiEnv, sample: Sample) -> None:
    one = f"{sample.path}/{sample.name}"
    async with api.watch(sample.path) as watch:
        made = await api.post(sample.path, sample.document())
        assert made.status == 201, made.body
        read, written = (await api.get(one)).json(), made.json()
        assert read.get("spec") == written.get("spec")
        assert read["metadata"]["uid"] == written["metadata"]["uid"]
        changed = await api.patch(one, sample.update)
        assert changed.status == 200, changed.body
        assert changed.json()["metadata"]["resourceVersion"] != made.json()["metadata"]["resourceVersion"]
        assert sample.name in [item["metadata"]["name"] for item in (await api.get(sample.path)).json()["items"]]
        assert (await api.delete(f"{one}?propagationPolicy=Background")).status == 200
        # What may be in use is protected by a finalizer, which a controller takes away.
        await api.patch(one, {"metadata": {"finalizers": None}})
        seen = []
        while "DELETED" not in seen:
            event = await watch.next()
            if event["object"]["metadata"]["name"] == sample.name:
                seen.append(event["type"])
    # Definitions are also changed by the server, which accepts their names.
    assert list(dict.fromkeys(seen)) == ["ADDED", "MODIFIED", "DELETED"]


@every
async def test_a_forbidden_change_is_refused_with_upstreams_words(api: ApiEnv, sample: Sample) -> None:
    await api.post(sample.path, sample.document())
    change, words = sample.wrong
    refused = await api.patch(f"{sample.path}/{sample.name}", change)
    assert refused.status == 422 and words in refused.json()["message"], refused.body


@every
async def test_the_generation_grows_where_upstream_counts_it(api: ApiEnv, sample: Sample) -> None:
    await api.post(sample.path, sample.document())
    changed = await api.patch(f"{sample.path}/{sample.name}", sample.update)
    resource = sample.path.rpartition("/")[2]
    expected = {"csidrivers": 1}.get(resource, 2 if resource in {*GROWS, *GROWING} else None)
    assert changed.json()["metadata"].get("generation") == expected


def _holds(found: Any, wanted: Any) -> bool:
    """Whether everything that was written is there; conditions may have got times and company."""
    if not isinstance(wanted, list):
        return bool(found == wanted)
    return all(any(one.items() <= other.items() for other in found) for one in wanted)


@pytest.mark.parametrize(
    "sample", [one for one in EVERY.values() if one.status], ids=[key for key, one in EVERY.items() if one.status]
)
async def test_status_and_spec_are_written_apart(api: ApiEnv, sample: Sample) -> None:
    one = f"{sample.path}/{sample.name}"
    made = (await api.post(sample.path, {**sample.document(), "status": sample.status})).json()
    first = next(iter(sample.status))
    assert made.get("status", {}).get(first) != sample.status[first], "a client does not create a status"
    written = await api.patch(f"{one}/status", {"status": sample.status, "spec": sample.update.get("spec", {})})
    assert written.status == 200, written.body
    found = written.json()
    assert found["spec"] == made["spec"]
    assert _holds(found["status"][first], sample.status[first])
    kept = (await api.patch(one, {"status": None, **sample.update})).json()
    assert _holds(kept["status"][first], sample.status[first])


@every
async def test_a_table_has_a_cell_for_each_column(api: ApiEnv, sample: Sample) -> None:
    await api.post(sample.path, sample.document())
    table = (
        await api.request("GET", sample.path, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    ).json()
    assert table["rows"]
    for row in table["rows"]:
        assert len(row["cells"]) == len(table["columnDefinitions"])


async def test_the_requester_is_known_to_the_server_only(api: ApiEnv) -> None:
    spec = {"request": request_pem(), "signerName": "example.com/s", "usages": ["client auth"], "username": "root"}
    made = (await api.post(CSR, {"metadata": {"name": "mine"}, "spec": spec})).json()
    assert made["spec"]["username"] == "admin" and "system:authenticated" in made["spec"]["groups"]


async def test_only_approval_approves_and_nothing_takes_it_back(api: ApiEnv) -> None:
    await api.post(CSR, SAMPLES["certificatesigningrequests"].document())
    approved = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Tested"}]}}
    refused = await api.patch(f"{CSR}/sample/status", approved)
    assert refused.status == 422 and 'may not add a condition of type "Approved"' in refused.json()["message"]
    done = await api.patch(f"{CSR}/sample/approval", approved)
    assert done.status == 200 and done.json()["status"]["conditions"][0]["lastUpdateTime"]
    undone = await api.patch(f"{CSR}/sample/approval", {"status": {"conditions": []}})
    assert undone.status == 422 and "may not remove a condition" in undone.json()["message"]


async def test_a_bound_claim_grows_and_never_shrinks_below_what_it_has(api: ApiEnv) -> None:
    sample = SAMPLES["persistentvolumeclaims"]
    one = f"{sample.path}/sample"
    grows = {"metadata": {"name": "growing"}, "provisioner": "example.com/disks", "allowVolumeExpansion": True}
    await api.post("/apis/storage.k8s.io/v1/storageclasses", grows)
    document = sample.document()
    await api.post(sample.path, {**document, "spec": {**document["spec"], "storageClassName": "growing"}})
    await api.patch(f"{one}/status", {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
    grown = await api.patch(one, {"spec": {"resources": {"requests": {"storage": "3Gi"}}}})
    assert grown.status == 200, grown.body
    assert (await api.patch(one, {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})).status == 200
    refused = await api.patch(one, {"spec": {"resources": {"requests": {"storage": "1Gi"}}}})
    assert refused.status == 422 and "field can not be less than status.capacity" in refused.json()["message"]


async def test_component_statuses_say_who_cannot_be_reached(api: ApiEnv) -> None:
    reply = await api.get("/api/v1/componentstatuses")
    assert [item["metadata"]["name"] for item in reply.json()["items"]] == ["controller-manager", "scheduler"]
    assert "ComponentStatus is deprecated" in reply.headers["warning"]
    assert (await api.get("/api/v1/componentstatuses/none")).status == 404


async def test_devices_of_others_are_given_in_labelled_namespaces_only(api: ApiEnv) -> None:
    path = "/apis/resource.k8s.io/v1/namespaces/{}/resourceclaims"
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpus", "adminAccess": True, "allocationMode": "All"}}
    claim = {"metadata": {"name": "all"}, "spec": {"devices": {"requests": [request]}}}
    refused = await api.post(path.format("default"), claim)
    assert (
        refused.status == 422 and "spec.devices.requests[0].exactly.adminAccess: Forbidden" in refused.json()["message"]
    )
    labels = {"resource.kubernetes.io/admin-access": "true"}
    await api.post("/api/v1/namespaces", {"metadata": {"name": "admins", "labels": labels}})
    assert (await api.post(path.format("admins"), claim)).status == 201
