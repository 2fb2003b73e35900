"""Apply over HTTP: who owns what after applies, updates, patches and scaling, and what is refused."""

from __future__ import annotations

import json
from typing import Any

from tests.apienv import ApiEnv, Reply
from tests.integration.custom_resources.definitions import established

DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"
MAPS = "/api/v1/namespaces/test/configmaps"
PODS = "/api/v1/namespaces/test/pods"
SERVICES = "/api/v1/namespaces/test/services"


def deployment(*, replicas: int | None = None, image: str = "app:1", **container: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {"containers": [{"name": "c", "image": image, **container}]},
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def config_map(name: str = "m", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def apply(api: ApiEnv, path: str, body: Any, manager: str = "alpha", **query: str) -> Reply:
    return await api.patch(path, body, "apply", query={"fieldManager": manager, **query})


def owners(obj: dict[str, Any]) -> dict[tuple[str, str, str], Any]:
    """(manager, operation, subresource) → fields."""
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", [])
    }


async def test_an_apply_creates_what_is_absent_and_owns_only_what_it_names(api: ApiEnv) -> None:
    created = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    assert created.status == 201
    assert created.json()["spec"]["strategy"]["type"] == "RollingUpdate"
    assert owners(created.json()) == {
        ("alpha", "Apply", ""): {
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:template": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}, "f:name": {}}}},
                },
            }
        }
    }
    again = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    assert (again.status, again.json()) == (200, created.json())


async def test_a_created_object_belongs_to_its_creator_as_a_whole(api: ApiEnv) -> None:
    made = await api.post(DEPLOYMENTS, deployment(), headers={"user-agent": "tool/1.2 (linux)"})
    entry = made.json()["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("tool", "Update", "apps/v1")
    spec = entry["fieldsV1"]["f:spec"]
    assert spec["f:strategy"]["f:rollingUpdate"] == {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}
    assert "." not in spec["f:strategy"]
    assert "." not in spec["f:template"]["f:spec"]["f:containers"]
    assert "f:metadata" not in entry["fieldsV1"]


async def test_a_conflict_names_fields_and_managers_and_force_takes_them(api: ApiEnv) -> None:
    await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=2))
    refused = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=3, image="app:2"), "beta")
    assert refused.status == 409
    status = refused.json()
    assert status["reason"] == "Conflict"
    assert status["message"] == (
        'Apply failed with 2 conflicts: conflicts with "alpha":\n'
        '- .spec.replicas\n- .spec.template.spec.containers[name="c"].image'
    )
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "alpha"', "field": ".spec.replicas"},
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "alpha"',
            "field": '.spec.template.spec.containers[name="c"].image',
        },
    ]
    taken = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=3), "beta", force="true")
    assert taken.json()["spec"]["replicas"] == 3
    assert "f:replicas" not in owners(taken.json())["alpha", "Apply", ""]["f:spec"]


async def test_one_conflict_with_an_updater_is_told_in_one_line(api: ApiEnv) -> None:
    await api.post(MAPS, config_map(k="1"), query={"fieldManager": "maker"})
    refused = await apply(api, f"{MAPS}/m", config_map(k="2"))
    assert refused.json()["message"] == 'Apply failed with 1 conflict: conflict with "maker" using v1: .data.k'


async def test_the_same_value_is_shared_and_survives_until_its_last_owner_leaves(api: ApiEnv) -> None:
    await apply(api, f"{MAPS}/m", config_map(a="1", b="1"))
    assert (await apply(api, f"{MAPS}/m", config_map(b="1", c="1"), "beta")).status == 200
    left = await apply(api, f"{MAPS}/m", config_map(a="1"))
    assert left.json()["data"] == {"a": "1", "b": "1", "c": "1"}
    gone = await apply(api, f"{MAPS}/m", config_map(c="1"), "beta")
    assert gone.json()["data"] == {"a": "1", "c": "1"}
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    emptied = await apply(api, f"{MAPS}/m", bare, "beta")
    assert emptied.json()["data"] == {"a": "1"}
    assert [manager for manager, _, _ in owners(emptied.json())] == ["alpha"]


async def test_two_appliers_share_a_list_by_key_and_each_removes_its_own_items(api: ApiEnv) -> None:
    def service(*ports: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": list(ports)}}

    http, dns_tcp, dns_udp = (
        {"name": "http", "port": 80},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    )
    assert (await apply(api, f"{SERVICES}/s", service(http))).status == 201
    both = await apply(api, f"{SERVICES}/s", service(dns_tcp, dns_udp), "beta")
    assert [port["name"] for port in both.json()["spec"]["ports"]] == ["http", "dns-tcp", "dns"]
    assert set(owners(both.json())["beta", "Apply", ""]["f:spec"]["f:ports"]) == {
        'k:{"port":53,"protocol":"TCP"}',
        'k:{"port":53,"protocol":"UDP"}',
    }
    less = await apply(api, f"{SERVICES}/s", service(dns_udp), "beta")
    assert [port["name"] for port in less.json()["spec"]["ports"]] == ["http", "dns"]


async def test_two_appliers_share_a_set(api: ApiEnv) -> None:
    def guarded(*finalizers: str) -> dict[str, Any]:
        metadata = {"name": "m", "finalizers": list(finalizers)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    assert (await apply(api, f"{MAPS}/m", guarded("example.com/a", "example.com/b"))).status == 201
    both = await apply(api, f"{MAPS}/m", guarded("example.com/b", "example.com/c"), "beta")
    assert both.json()["metadata"]["finalizers"] == ["example.com/a", "example.com/b", "example.com/c"]
    less = await apply(api, f"{MAPS}/m", guarded("example.com/a"))
    assert less.json()["metadata"]["finalizers"] == ["example.com/a", "example.com/b", "example.com/c"]
    assert 'v:"example.com/b"' in owners(less.json())["beta", "Apply", ""]["f:metadata"]["f:finalizers"]


async def test_an_atomic_field_has_one_owner_as_a_whole(api: ApiEnv) -> None:
    await apply(api, f"{DEPLOYMENTS}/d", deployment(args=["a"], command=["x"]))
    refused = await apply(api, f"{DEPLOYMENTS}/d", deployment(args=["b"]), "beta")
    assert refused.json()["message"].endswith('.spec.template.spec.containers[name="c"].args')


async def test_a_list_item_that_no_applier_names_any_more_goes(api: ApiEnv) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    await apply(api, f"{DEPLOYMENTS}/d", deployment(env=env))
    less = await apply(api, f"{DEPLOYMENTS}/d", deployment(env=env[1:]))
    assert less.json()["spec"]["template"]["spec"]["containers"][0]["env"] == env[1:]
    none = await apply(api, f"{DEPLOYMENTS}/d", deployment())
    assert "env" not in none.json()["spec"]["template"]["spec"]["containers"][0]


async def test_a_write_takes_what_it_changes_and_nothing_else(api: ApiEnv) -> None:
    await apply(api, f"{MAPS}/m", config_map(a="1", b="1"))
    patched = await api.patch(f"{MAPS}/m", {"data": {"b": "2", "c": "3"}}, query={"fieldManager": "editor"})
    assert owners(patched.json()) == {
        ("alpha", "Apply", ""): {"f:data": {"f:a": {}}},
        ("editor", "Update", ""): {"f:data": {"f:b": {}, "f:c": {}}},
    }
    dropped = await api.patch(f"{MAPS}/m", {"data": {"c": None}}, query={"fieldManager": "editor"})
    assert owners(dropped.json())["editor", "Update", ""] == {"f:data": {"f:b": {}}}
    same = await api.patch(f"{MAPS}/m", {"data": {"b": "2"}}, query={"fieldManager": "third"})
    assert same.json() == dropped.json()


async def test_status_and_spec_have_owners_of_their_own(api: ApiEnv) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert (await api.post(PODS, pod)).status == 201
    patch = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    running = await api.patch(f"{PODS}/p/status", patch, "strategic", query={"fieldManager": "kubelet"})
    assert owners(running.json())["kubelet", "Update", "status"] == {
        "f:status": {
            "f:conditions": {".": {}, 'k:{"type":"Ready"}': {".": {}, "f:status": {}, "f:type": {}}},
            "f:phase": {},
        }
    }
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"nodeName": "elsewhere"},
        "status": {"message": "hello"},
    }
    applied = await apply(api, f"{PODS}/p/status", body)
    assert applied.status == 200
    assert applied.json()["status"]["message"] == "hello"
    assert "nodeName" not in applied.json()["spec"]
    assert owners(applied.json())["alpha", "Apply", "status"] == {"f:status": {"f:message": {}}}
    assert (await apply(api, f"{PODS}/absent/status", {**body, "metadata": {"name": "absent"}})).status == 404


async def test_who_scales_owns_the_replicas(api: ApiEnv) -> None:
    await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))
    await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 4}}, query={"fieldManager": "scaler"})
    found = (await api.get(f"{DEPLOYMENTS}/d")).json()
    assert owners(found)["scaler", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners(found)["alpha", "Apply", ""]["f:spec"]
    refused = await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))
    assert refused.json()["message"] == (
        'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas'
    )


async def test_a_scale_can_be_applied(api: ApiEnv) -> None:
    await apply(api, f"{DEPLOYMENTS}/d", deployment(replicas=1))
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 5}}
    refused = await apply(api, f"{DEPLOYMENTS}/d/scale", scale, "beta")
    assert refused.json()["message"] == 'Apply failed with 1 conflict: conflict with "alpha": .spec.replicas'
    forced = await apply(api, f"{DEPLOYMENTS}/d/scale", scale, "beta", force="true")
    assert (forced.status, forced.json()["spec"]["replicas"]) == (200, 5)
    found = (await api.get(f"{DEPLOYMENTS}/d")).json()
    assert owners(found)["beta", "Apply", "scale"] == {"f:spec": {"f:replicas": {}}}


async def test_a_dry_run_answers_and_writes_nothing(api: ApiEnv) -> None:
    assert (await apply(api, f"{MAPS}/m", config_map(a="1"), dryRun="All")).status == 201
    assert (await api.get(f"{MAPS}/m")).status == 404


async def test_clients_may_forget_all_owners_but_not_by_accident(api: ApiEnv) -> None:
    made = (await apply(api, f"{MAPS}/m", config_map(a="1"))).json()
    without = {**made, "metadata": {k: v for k, v in made["metadata"].items() if k != "managedFields"}}
    kept = (await api.put(f"{MAPS}/m", without)).json()
    assert kept["metadata"]["managedFields"] == made["metadata"]["managedFields"]
    assert (await api.patch(f"{MAPS}/m", {"metadata": {"managedFields": []}})).json() == made
    reset = (await api.patch(f"{MAPS}/m", {"metadata": {"managedFields": [{}]}})).json()
    assert "managedFields" not in reset["metadata"]
    untracked = (await api.patch(f"{MAPS}/m", {"data": {"b": "2"}})).json()
    assert "managedFields" not in untracked["metadata"]
    first = await apply(api, f"{MAPS}/m", config_map(a="1"))
    assert owners(first.json()) == {
        ("alpha", "Apply", ""): {"f:data": {"f:a": {}}},
        ("before-first-apply", "Update", ""): {"f:data": {".": {}, "f:a": {}, "f:b": {}}},
    }


async def test_managed_fields_that_make_no_sense_are_replaced_by_the_known_ones(api: ApiEnv) -> None:
    made = (await apply(api, f"{MAPS}/m", config_map(a="1"))).json()
    broken = {**made, "metadata": {**made["metadata"], "managedFields": [{"operation": "Fly"}]}}
    assert (await api.put(f"{MAPS}/m", broken)).json() == made


async def test_an_apply_that_cannot_be_is_refused_by_name(api: ApiEnv) -> None:
    path = f"{MAPS}/m"
    unnamed = await api.patch(path, config_map(), "apply")
    assert unnamed.status == 422
    assert unnamed.json()["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )
    other = await apply(api, path, {**config_map(), "kind": "Secret"})
    assert (other.status, other.json()["message"]) == (400, "invalid object type: /v1, Kind=Secret")
    elsewhere = await apply(api, path, config_map("other"))
    assert elsewhere.json()["message"] == "the name of the object (other) does not match the name on the URL (m)"
    managed = {**config_map(), "metadata": {"name": "m", "managedFields": []}}
    assert (await apply(api, path, managed)).json()["message"] == "metadata.managedFields must be nil"
    identified = {**config_map(), "metadata": {"name": "m", "uid": "u-1"}}
    refused = await apply(api, path, identified)
    assert refused.status == 409
    assert (
        "uid mismatch: the provided object specified uid u-1, and no existing object was found"
        in refused.json()["message"]
    )
    text = await api.patch(path, b"{", "apply", query={"fieldManager": "a"})
    assert text.status == 400
    assert text.json()["message"].startswith("error decoding YAML: ")
    cbor = await api.request(
        "PATCH", path, b"\xa0", headers={"content-type": "application/apply-patch+cbor"}, query={"fieldManager": "a"}
    )
    assert cbor.status == 415
    assert "application/apply-patch+yaml" in cbor.json()["message"]


async def test_unknown_fields_and_wrong_types_are_refused_whatever_the_validation(api: ApiEnv) -> None:
    unknown = deployment(surprise=1)
    for validation in ("Strict", "Warn", "Ignore"):
        refused = await apply(api, f"{DEPLOYMENTS}/d", unknown, fieldValidation=validation)
        assert refused.status == 400
        assert refused.json()["message"] == (
            "failed to create typed patch object (/d; apps/v1, Kind=Deployment): "
            '.spec.template.spec.containers[name="c"].surprise: field not declared in schema'
        )
    wrong = await apply(api, f"{MAPS}/m", {**config_map(), "data": {"a": 1}})
    assert wrong.json()["message"].endswith(".data.a: expected string, got &value.valueUnstructured{Value:1}")
    twice = deployment(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])
    repeated = await apply(api, f"{DEPLOYMENTS}/d", twice)
    assert repeated.json()["message"].endswith('.env: duplicate entries for key [name="A"]')


async def test_repeated_keys_of_yaml_are_an_error_only_when_strict(api: ApiEnv) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: x}\ndata: {b: x}\n"
    strict = await apply(api, f"{MAPS}/m", text, fieldValidation="Strict")
    assert strict.status == 400
    assert strict.json()["message"].startswith("error strict decoding YAML: ")
    assert (await apply(api, f"{MAPS}/m", text)).status == 201


async def test_more_than_ten_updaters_share_one_entry(api: ApiEnv) -> None:
    await api.post(MAPS, config_map(k="0"), query={"fieldManager": "m0"})
    for number in range(1, 13):
        await api.patch(f"{MAPS}/m", {"data": {f"k{number}": "x"}}, query={"fieldManager": f"m{number:02}"})
    found = (await api.get(f"{MAPS}/m")).json()
    assert len(found["metadata"]["managedFields"]) == 10
    assert ("ancient-changes", "Update", "") in owners(found)


async def test_kubectl_keeps_the_annotation_of_its_client_side_past(api: ApiEnv) -> None:
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1"}}'
    old = config_map(a="1")
    old["metadata"]["annotations"] = {annotation: text}
    await api.post(MAPS, old, query={"fieldManager": "kubectl-client-side-apply"})
    assert (await apply(api, f"{MAPS}/m", config_map(a="2"), "other")).status == 409
    taken = await apply(api, f"{MAPS}/m", config_map(a="2"), "kubectl")
    assert taken.status == 200
    kept = taken.json()["metadata"]["annotations"][annotation]
    assert kept == '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"m"}}\n'


async def test_custom_resources_merge_by_their_schema(api: ApiEnv) -> None:
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "v": {"type": "integer"}},
    }
    listed = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": item,
    }
    spec = {"type": "object", "properties": {"count": {"type": "integer"}, "parts": listed}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"scale": {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.count"}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version],
        },
    }
    await established(api, definition)
    path = "/apis/example.com/v1/namespaces/test/things/t"

    def thing(**spec: Any) -> dict[str, Any]:
        return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}

    first = await apply(api, path, thing(count=1, parts=[{"name": "x", "v": 1}]))
    assert first.status == 201, first.body
    both = await apply(api, path, thing(parts=[{"name": "y"}]), "beta")
    assert both.json()["spec"]["parts"] == [{"name": "x", "v": 1}, {"name": "y"}]
    refused = await apply(api, path, thing(count=2), "beta")
    assert refused.json()["message"] == 'Apply failed with 1 conflict: conflict with "alpha": .spec.count'
    unknown = await apply(api, path, thing(nope=2), "beta")
    assert unknown.json()["message"].endswith("Kind=Thing): .spec.nope: field not declared in schema")
    scaled = await api.patch(f"{path}/scale", {"spec": {"replicas": 5}}, query={"fieldManager": "scaler"})
    assert scaled.status == 200, scaled.body
    found = (await api.get(path)).json()
    assert owners(found)["scaler", "Update", "scale"] == {"f:spec": {"f:count": {}}}
    assert "f:count" not in owners(found)["alpha", "Apply", ""]["f:spec"]


async def test_entries_that_are_sent_back_with_spaces_are_those_that_were_read(api: ApiEnv) -> None:
    await api.post(MAPS, config_map(a="1", b="1"))
    await apply(api, f"{MAPS}/m", config_map(c="1"), fieldManager="other")
    found = (await api.get(f"{MAPS}/m")).json()
    found["data"]["a"] = "2"
    spaced = json.dumps(found, indent=3).encode()
    written = (await api.put(f"{MAPS}/m", spaced, query={"dryRun": "All"})).json()
    compact = json.dumps(found, separators=(",", ":")).encode()
    assert owners((await api.put(f"{MAPS}/m", compact, query={"dryRun": "All"})).json()) == owners(written)
    assert written["data"]["a"] == "2" and len(written["metadata"]["managedFields"]) == 2
    found["metadata"]["managedFields"] = [found["metadata"]["managedFields"][0]]
    fewer = (await api.put(f"{MAPS}/m", json.dumps(found, indent=3).encode())).json()
    assert owners(fewer) != owners(written)
