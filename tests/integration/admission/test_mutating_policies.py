"""MutatingAdmissionPolicy, as the conformance entries and upstream's documentation describe it."""

from __future__ import annotations

import pytest

from tests.apienv import api_server
from tests.integration.admission.hookserver import CONFIGMAPS, create, rule
from tests.integration.admission.policies import DEPLOYMENT_RULE, MUTATING, bound, deploy, mutating
from tests.integration.custom_resources.definitions import custom, definition, established, path, spec_schema, version


async def test_should_mutate_a_deployment() -> None:
    async with api_server() as api:
        policy = mutating("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}", rules=[DEPLOYMENT_RULE])
        await bound(api, policy)
        reply = await deploy(api, replicas=2)
        assert reply.status == 201, reply.body
        assert reply.json()["spec"]["replicas"] == 3


async def test_should_mutate_a_deployment_with_annotations() -> None:
    async with api_server() as api:
        text = 'Object{metadata: Object.metadata{annotations: {"my-foo-annotation": "myAnnotationValue"}}}'
        await bound(api, mutating(text, rules=[DEPLOYMENT_RULE]))
        found = (await deploy(api, annotations={"own": "1"})).json()
        assert found["metadata"]["annotations"] == {"own": "1", "my-foo-annotation": "myAnnotationValue"}


async def test_lists_merge_by_their_keys_and_defaults_are_filled_in() -> None:
    async with api_server() as api:
        text = """Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
            initContainers: [Object.spec.template.spec.initContainers{name: "mesh", image: "proxy"}]}}}}"""
        await bound(api, mutating(text, rules=[DEPLOYMENT_RULE]))
        spec = (await deploy(api)).json()["spec"]["template"]["spec"]
        assert [one["name"] for one in spec["containers"]] == ["c"]
        assert spec["initContainers"][0]["terminationMessagePolicy"] == "File"


async def test_json_patches_and_mutations_are_applied_in_order() -> None:
    async with api_server() as api:
        policy = mutating(
            "[JSONPatch{op: 'test', path: '/data/here', value: 'yes'}, "
            "JSONPatch{op: 'add', path: '/metadata/annotations', value: {'a': '1'}}]",
            "[JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('b/c'), "
            "value: object.metadata.annotations.a + '2'}]",
            patch=True,
        )
        await bound(api, policy)
        assert (await create(api)).json()["metadata"]["annotations"] == {"a": "1", "b/c": "12"}
        refused = await create(api, "other", here="no")
        assert refused.status == 403 and "denied request: JSON Patch: " in refused.json()["message"]


async def test_atomic_fields_and_unknown_fields_are_refused_in_apply_configurations() -> None:
    async with api_server() as api:
        rules = [DEPLOYMENT_RULE]
        atomic = 'Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"l": "v"}}}}'
        await bound(api, mutating(atomic, rules=rules, matchConditions=[_named("atomic")]))
        unknown = "Object{spec: Object.spec{replicasx: 1}}"
        await bound(api, mutating(unknown, name="unknown", rules=rules, matchConditions=[_named("unknown")]))
        mixed = "Object{spec: Object.specx{replicas: 1}}"
        await bound(api, mutating(mixed, name="mixed", rules=rules, matchConditions=[_named("mixed")]))
        reply = await deploy(api, "atomic")
        assert reply.status == 403 and reply.json()["reason"] == "Invalid"
        assert reply.json()["message"] == (
            "policy 'policy' with binding 'policy-binding' denied request: error applying patch: invalid "
            "ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector"
        )
        assert (
            (await deploy(api, "unknown"))
            .json()["message"]
            .endswith(
                "error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared "
                "in schema"
            )
        )
        assert (
            (await deploy(api, "mixed"))
            .json()["message"]
            .endswith(
                'type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path '
                "from root Object type"
            )
        )
        assert (await deploy(api, "free")).status == 201


def _named(name: str) -> dict[str, str]:
    return {"name": "named", "expression": f"object.metadata.name == '{name}'"}


@pytest.mark.parametrize(("policy", "status"), [("Fail", 403), ("Ignore", 201)])
async def test_a_mutation_that_fails_counts_as_the_failure_policy_says(policy: str, status: int) -> None:
    async with api_server() as api:
        await bound(api, mutating("Object{data: {'a': object.data.missing}}", failurePolicy=policy))
        reply = await create(api)
        assert reply.status == status, reply.body
        if status == 201:
            assert reply.json()["data"] == {"here": "yes"}


async def test_parameters_and_variables_are_seen() -> None:
    async with api_server() as api:
        await create(api, "values", extra="seven")
        policy = mutating(
            "Object{data: {'extra': variables.extra}}",
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            variables=[{"name": "extra", "expression": "params.data.extra"}],
        )
        await bound(api, policy, paramRef={"name": "values", "parameterNotFoundAction": "Deny"})
        assert (await create(api)).json()["data"] == {"here": "yes", "extra": "seven"}


async def test_an_earlier_policy_is_called_again_when_a_later_one_changed_the_object() -> None:
    async with api_server() as api:
        count = "Object{data: {'seen': has(object.data.seen) ? object.data.seen + 'x' : 'x'}}"
        await bound(api, mutating(count, name="a", reinvocationPolicy="IfNeeded"))
        await bound(api, mutating("Object{data: {'late': 'yes'}}", name="b"))
        await bound(api, mutating("Object{data: {'once': 'yes'}}", name="c"))
        data = (await create(api)).json()["data"]
        assert data["seen"] == "xx" and data["late"] == "yes"


async def test_custom_resources_are_mutated_and_pruned() -> None:
    async with api_server() as api:
        schema = spec_schema(host={"type": "string"}, port={"type": "integer", "default": 80})
        await established(api, definition(versions=[version(schema=schema)]))
        policy = mutating(
            "Object{spec: Object.spec{host: 'h'}}",
            rules=[rule("crontabs", group="stable.example.com", operations="CREATE")],
        )
        await bound(api, policy)
        reply = await api.post(path(), custom("one", spec={}))
        assert reply.status == 201, reply.body
        assert reply.json()["spec"] == {"host": "h", "port": 80}


async def test_what_is_the_servers_cannot_be_mutated() -> None:
    async with api_server() as api:
        texts = ["uid: 'other'", "deletionTimestamp: '2020-01-01T00:00:00Z'", "resourceVersion: '7'"]
        await bound(api, mutating(*(f"Object{{metadata: Object.metadata{{{one}}}}}" for one in texts)))
        made = await create(api)
        assert made.status == 201, made.body
        metadata = made.json()["metadata"]
        assert metadata["uid"] != "other" and "deletionTimestamp" not in metadata
        assert (await api.get(f"{CONFIGMAPS}/cm")).json()["metadata"]["resourceVersion"] == metadata["resourceVersion"]


async def test_values_that_are_no_json_are_refused_also_in_custom_resources() -> None:
    async with api_server() as api:
        await established(api, definition())
        about = rule("crontabs", group="stable.example.com", operations="CREATE")
        text = "[JSONPatch{op: 'add', path: '/spec', value: {'a': quantity('1')}}]"
        await bound(api, mutating(text, rules=[about], patch=True))
        reply = await api.post(path(), custom("one", spec={}))
        assert reply.status == 403
        assert reply.json()["message"].endswith("denied request: unsupported value of type kubernetes.Quantity")


async def test_expressions_must_be_objects_or_patches() -> None:
    async with api_server() as api:
        reply = await api.post(MUTATING, mutating('"teapot"'))
        assert reply.status == 422
        causes = reply.json()["details"]["causes"]
        assert [one["field"] for one in causes] == ["spec.mutations[0].applyConfiguration.expression"]
        assert causes[0]["message"].endswith("must evaluate to Object")
        reply = await api.post(MUTATING, mutating("[1]", patch=True))
        assert reply.json()["details"]["causes"][0]["message"].endswith("must evaluate to list(JSONPatch)")
