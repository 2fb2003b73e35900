"""Create, read and update: identity, revisions, conflicts, strictness, dry run."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.integration.apiserver.objects import DEPLOYMENTS, MAPS, config_map, deployment


async def test_a_created_object_has_the_servers_metadata_and_reads_back_the_same(api: ApiEnv) -> None:
    made = await api.post(MAPS, config_map("a", k="v"))
    assert made.status == 201
    metadata = made.json()["metadata"]
    assert metadata["uid"] and metadata["resourceVersion"] and metadata["creationTimestamp"]
    assert metadata["namespace"] == "test"
    assert (await api.get(f"{MAPS}/a")).json() == made.json()


async def test_generate_name_completes_the_prefix(api: ApiEnv) -> None:
    body = config_map("")
    body["metadata"] = {"generateName": "x-"}
    name = (await api.post(MAPS, body)).json()["metadata"]["name"]
    assert name.startswith("x-") and len(name) == 7


async def test_a_second_object_of_the_name_is_refused(api: ApiEnv) -> None:
    await api.post(MAPS, config_map("a"))
    reply = await api.post(MAPS, config_map("a"))
    assert (reply.status, reply.json()["reason"]) == (409, "AlreadyExists")
    assert reply.json()["message"] == 'configmaps "a" already exists'


async def test_a_resource_version_on_create_is_refused(api: ApiEnv) -> None:
    body = config_map("a")
    body["metadata"]["resourceVersion"] = "5"
    reply = await api.post(MAPS, body)
    assert reply.status == 400
    assert reply.json()["message"] == "resourceVersion should not be set on objects to be created"


async def test_an_update_with_a_stale_revision_conflicts_and_an_unconditional_one_does_not(api: ApiEnv) -> None:
    first = (await api.post(MAPS, config_map("a", k="1"))).json()
    first["data"]["k"] = "2"
    assert (await api.put(f"{MAPS}/a", first)).status == 200
    first["data"]["k"] = "3"
    reply = await api.put(f"{MAPS}/a", first)
    assert (reply.status, reply.json()["reason"]) == (409, "Conflict")
    assert reply.json()["message"].endswith("please apply your changes to the latest version and try again")
    del first["metadata"]["resourceVersion"]
    assert (await api.put(f"{MAPS}/a", first)).json()["data"] == {"k": "3"}


async def test_an_update_that_changes_nothing_keeps_the_revision(api: ApiEnv) -> None:
    first = (await api.post(MAPS, config_map("a", k="1"))).json()
    assert (await api.put(f"{MAPS}/a", first)).json() == first


async def test_identity_cannot_be_changed(api: ApiEnv) -> None:
    made = (await api.post(MAPS, config_map("a"))).json()
    other = {**made, "metadata": {**made["metadata"], "name": "b"}}
    reply = await api.put(f"{MAPS}/a", other)
    assert reply.status == 400
    assert reply.json()["message"] == "the name of the object (b) does not match the name on the URL (a)"
    other = {**made, "metadata": {**made["metadata"], "uid": "something-else"}}
    assert (await api.put(f"{MAPS}/a", other)).status == 409
    other = {**made, "metadata": {**made["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}}
    assert (await api.put(f"{MAPS}/a", other)).status == 422
    other = {**made, "metadata": {**made["metadata"], "namespace": "default"}}
    assert (await api.put(f"{MAPS}/a", other)).status == 400


async def test_generation_counts_changes_of_the_spec_only(api: ApiEnv) -> None:
    made = (await api.post(DEPLOYMENTS, deployment("d"))).json()
    assert made["metadata"]["generation"] == 1
    labelled = await api.patch(f"{DEPLOYMENTS}/d", {"metadata": {"labels": {"x": "y"}}})
    assert labelled.json()["metadata"]["generation"] == 1
    scaled = await api.patch(f"{DEPLOYMENTS}/d", {"spec": {"replicas": 5}})
    assert scaled.json()["metadata"]["generation"] == 2


async def test_the_generation_of_a_deployment_counts_its_annotations_which_its_replica_sets_get(api: ApiEnv) -> None:
    await api.post(DEPLOYMENTS, deployment("d"))
    note = {"metadata": {"annotations": {"kubernetes.io/change-cause": "a new image"}}}
    assert (await api.patch(f"{DEPLOYMENTS}/d", note)).json()["metadata"]["generation"] == 2
    seen = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}
    shown = (await api.patch(f"{DEPLOYMENTS}/d/status", seen)).json()["metadata"]
    assert shown["generation"] == 2 and shown["annotations"] == {
        **note["metadata"]["annotations"],
        **seen["metadata"]["annotations"],
    }


async def test_unknown_fields_are_refused_warned_about_or_ignored(api: ApiEnv) -> None:
    body = {**config_map("a"), "dat": {}}
    strict = await api.post(MAPS, body, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert 'unknown field "dat"' in strict.json()["message"]
    warned = await api.post(MAPS, body)
    assert warned.status == 201
    assert 'unknown field \\"dat\\"' in warned.headers["warning"]
    ignored = await api.post(MAPS, {**config_map("b"), "dat": {}}, query={"fieldValidation": "Ignore"})
    assert ignored.status == 201 and "warning" not in ignored.headers
    wrong = await api.post(MAPS, body, query={"fieldValidation": "Never"})
    assert wrong.status == 422


async def test_a_dry_run_writes_nothing(api: ApiEnv) -> None:
    reply = await api.post(MAPS, config_map("a"), query={"dryRun": "All"})
    assert reply.status == 201 and reply.json()["metadata"]["uid"]
    assert (await api.get(f"{MAPS}/a")).status == 404
    await api.post(MAPS, config_map("a", k="1"))
    changed = await api.patch(f"{MAPS}/a", {"data": {"k": "2"}}, query={"dryRun": "All"})
    assert changed.json()["data"] == {"k": "2"}
    assert (await api.delete(f"{MAPS}/a", query={"dryRun": "All"})).status == 200
    assert (await api.get(f"{MAPS}/a")).json()["data"] == {"k": "1"}


async def test_yaml_is_read_and_written(api: ApiEnv) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  k: v\n"
    made = await api.post(MAPS, text, headers={"content-type": "application/yaml"})
    assert made.status == 201
    shown = await api.get(f"{MAPS}/y", headers={"accept": "application/yaml"})
    assert shown.headers["content-type"] == "application/yaml" and b"k: v" in shown.body


async def test_the_newer_group_takes_complete_events_only_and_changes_nothing_but_the_series(api: ApiEnv) -> None:
    path = "/apis/events.k8s.io/v1/namespaces/test/events"
    body = {
        "metadata": {"name": "n"},
        "regarding": {"kind": "Pod", "namespace": "test", "name": "p"},
        "deprecatedCount": 1,
        "type": "Odd",
    }
    refused = await api.post(path, body)
    causes = {(cause["field"], cause["reason"]) for cause in refused.json()["details"]["causes"]}
    assert refused.status == 422
    assert {
        ("eventTime", "FieldValueRequired"),
        ("type", "FieldValueInvalid"),
        ("count", "FieldValueInvalid"),
    } <= causes
    whole = {
        **{key: body[key] for key in ("metadata", "regarding")},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Normal",
        "reason": "Testing",
        "action": "Test",
        "note": "words",
        "reportingController": "example.com/c",
        "reportingInstance": "c-1",
    }
    assert (await api.post(path, whole)).status == 201
    refused = await api.patch(f"{path}/n", {"note": "other words"})
    assert refused.status == 422 and "message: Invalid value" in refused.json()["message"]
    assert (await api.patch("/api/v1/namespaces/test/events/n", {"message": "other words"})).status == 200


async def test_who_asks_is_told_when(api: ApiEnv) -> None:
    reply = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert reply.json()["metadata"]["creationTimestamp"].endswith("Z")
    assert reply.json()["status"]["userInfo"]["username"] == "admin"


async def test_events_of_both_groups_are_the_same_objects(api: ApiEnv) -> None:
    body = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "test", "name": "p"},
        "reason": "Testing",
        "message": "words",
        "type": "Normal",
    }
    assert (await api.post("/api/v1/namespaces/test/events", body)).status == 201
    other = (await api.get("/apis/events.k8s.io/v1/namespaces/test/events/e")).json()
    assert other["apiVersion"] == "events.k8s.io/v1"
    assert other["note"] == "words" and other["regarding"]["name"] == "p"
    path = "/apis/events.k8s.io/v1/namespaces/test/events"
    series = {"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}
    assert (await api.patch(f"{path}/e", {"series": series})).json()["series"] == series
    assert (await api.get("/api/v1/namespaces/test/events/e")).json()["series"] == series
    found = await api.get(path, query={"fieldSelector": "regarding.name=p"})
    assert [item["metadata"]["name"] for item in found.json()["items"]] == ["e"], found.body
    assert not (await api.get(path, query={"fieldSelector": "regarding.name=q"})).json()["items"]
