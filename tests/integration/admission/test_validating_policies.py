"""ValidatingAdmissionPolicy, as the conformance entries and upstream's documentation describe it."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.admission.hookserver import config_map, create, rule
from tests.integration.admission.policies import DEPLOYMENT_RULE, DEPLOYMENTS, VALIDATING, bound, deploy, validating
from tests.integration.custom_resources.definitions import (
    custom,
    definition,
    established,
    path,
    spec_schema,
    until,
    version,
)


async def test_should_validate_against_a_deployment() -> None:
    async with api_server() as api:
        policy = validating("object.spec.replicas > 1", "object.spec.replicas <= 10", rules=[DEPLOYMENT_RULE])
        await bound(api, policy)
        refused = await deploy(api, "one", replicas=1)
        assert refused.status == 422
        said = refused.json()
        message = "ValidatingAdmissionPolicy 'policy' with binding 'policy-binding' denied request: "
        message += "failed expression: object.spec.replicas > 1"
        assert said["message"] == f'deployments.apps "one" is forbidden: {message}'
        assert said["reason"] == "Invalid"
        assert said["details"] == {
            "name": "one",
            "group": "apps",
            "kind": "deployments",
            "causes": [{"message": message}],
        }
        assert (await deploy(api, "two", replicas=2)).status == 201
        assert (await api.patch(f"{DEPLOYMENTS}/two", {"spec": {"replicas": 11}})).status == 422


async def test_should_allow_expressions_to_refer_variables() -> None:
    async with api_server() as api:
        variables = [
            {"name": "replicas", "expression": "object.spec.replicas"},
            {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
        ]
        rules = [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]
        await bound(api, validating(*rules, rules=[DEPLOYMENT_RULE], variables=variables))
        assert "variables.oddReplicas" in (await deploy(api, "even", replicas=4)).json()["message"]
        assert (await deploy(api, "odd", replicas=3)).status == 201


async def test_messages_come_from_the_expression_then_the_text_then_the_rule() -> None:
    async with api_server() as api:
        rules = [
            {"expression": "object.data.n != '1'", "messageExpression": "'n is ' + object.data.n", "message": "plain"},
            {"expression": "object.data.n != '2'", "messageExpression": "object.data.missing + ''", "message": "plain"},
            {"expression": "object.data.n != '3'", "reason": "Forbidden"},
        ]
        await bound(api, validating(*rules))
        assert (await create(api, n="1")).json()["message"].endswith("denied request: n is 1")
        assert (await create(api, n="2")).json()["message"].endswith("denied request: plain")
        last = await create(api, n="3")
        assert last.status == 403 and last.json()["reason"] == "Forbidden"
        assert last.json()["message"].endswith("failed expression: object.data.n != '3'")
        assert (await create(api, n="4")).status == 201


@pytest.mark.parametrize(("policy", "status"), [("Fail", 422), ("Ignore", 201)])
async def test_an_expression_that_fails_counts_as_the_failure_policy_says(policy: str, status: int) -> None:
    async with api_server() as api:
        await bound(api, validating("object.data.missing == 'x'", failurePolicy=policy))
        reply = await create(api)
        assert reply.status == status
        if status == 422:
            why = "expression 'object.data.missing == 'x'' resulted in error: no such key: missing"
            assert reply.json()["message"].endswith(f"denied request: {why}")


async def test_a_binding_may_warn_and_audit_instead() -> None:
    async with api_server() as api:
        await bound(api, validating("false"), validationActions=["Warn", "Audit"])
        reply = await create(api)
        assert reply.status == 201
        warned = "Validation failed for ValidatingAdmissionPolicy 'policy' with binding 'policy-binding': "
        assert f"{warned}failed expression: false" in reply.headers["warning"]


async def test_match_conditions_and_excluded_rules_leave_requests_out() -> None:
    async with api_server() as api:
        conditions = [{"name": "not-me", "expression": "!object.metadata.name.startsWith('skip')"}]
        policy = validating("false", matchConditions=conditions)
        policy["spec"]["matchConstraints"]["excludeResourceRules"] = [rule(operations="*", resourceNames=["spared"])]
        await bound(api, policy)
        assert (await create(api, "skip-1")).status == 201
        assert (await create(api, "spared")).status == 201
        assert (await create(api, "other")).status == 422


async def test_a_binding_narrows_its_policy_by_namespace_labels_and_object_labels() -> None:
    async with api_server() as api:
        match = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "strict"}},
            "objectSelector": {"matchLabels": {"checked": "yes"}},
        }
        await bound(api, validating("false"), matchResources=match)
        await api.post("/api/v1/namespaces", {"metadata": {"name": "strict"}})
        labelled = config_map("a")
        labelled["metadata"]["labels"] = {"checked": "yes"}
        strict = "/api/v1/namespaces/strict/configmaps"
        assert (await api.post(strict, labelled)).status == 422
        assert (await api.post(strict, config_map("b"))).status == 201
        assert (await api.post("/api/v1/namespaces/default/configmaps", labelled)).status == 201


async def test_the_request_its_namespace_and_its_author_can_be_asked_about() -> None:
    async with api_server() as api:
        await bound(
            api,
            validating(
                "request.operation == 'CREATE' && request.userInfo.username == 'admin' && request.name == 'cm'",
                "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == request.namespace",
                "oldObject == null && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'",
                "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()",
                "authorizer.requestResource.check('delete').allowed()",
                "!authorizer.serviceAccount('default', 'nobody').group('').resource('nodes').check('delete').allowed()",
                rules=[rule(operations="CREATE")],
            ),
        )
        reply = await create(api)
        assert reply.status == 201, reply.body


async def _with_params(api: ApiEnv, **ref: object) -> None:
    policy = validating(
        "object.data.n <= params.data.most",
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        matchConditions=[{"name": "has-n", "expression": "'n' in object.data"}],
    )
    await bound(api, policy, paramRef={"parameterNotFoundAction": "Deny", **ref})


async def test_parameters_are_found_by_name_in_the_namespace_of_the_request() -> None:
    async with api_server() as api:
        await create(api, "limits", most="5")
        await _with_params(api, name="limits")
        assert (await create(api, "fine", n="3")).status == 201
        assert (await create(api, "much", n="7")).status == 422


async def test_every_parameter_that_a_selector_finds_is_asked() -> None:
    async with api_server() as api:
        for name, most in (("a", "5"), ("b", "2")):
            body = config_map(name, most=most)
            body["metadata"]["labels"] = {"limit": "yes"}
            assert (await api.post("/api/v1/namespaces/default/configmaps", body)).status == 201
        await _with_params(api, selector={"matchLabels": {"limit": "yes"}}, namespace="default")
        assert (await create(api, "fine", n="1")).status == 201
        assert (await create(api, "much", n="3")).status == 422


@pytest.mark.parametrize(("action", "status"), [("Deny", 422), ("Allow", 201)])
async def test_missing_parameters_deny_or_allow(action: str, status: int) -> None:
    async with api_server() as api:
        await _with_params(api, name="missing", parameterNotFoundAction=action)
        reply = await create(api, n="1")
        assert reply.status == status
        if status == 422:
            why = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
            assert reply.json()["message"].endswith(why)


async def test_a_param_kind_that_nobody_serves_is_the_policys_fault() -> None:
    async with api_server() as api:
        kind = {"apiVersion": "rules.example.com/v1", "kind": "ReplicaLimit"}
        ref = {"name": "x", "parameterNotFoundAction": "Deny"}
        await bound(api, validating("params == null", paramKind=kind), paramRef=ref)
        why = "ValidatingAdmissionPolicy 'policy' denied request: failed to configure policy: failed to find resource "
        why += "referenced by paramKind: 'rules.example.com/v1, Kind=ReplicaLimit'"
        assert (await create(api)).json()["message"].endswith(why)


async def test_custom_resources_are_parameters_and_objects() -> None:
    async with api_server() as api:
        await established(api, definition())
        await api.post(path(), custom("limit", spec={"most": 3}))
        kind = {"apiVersion": "stable.example.com/v1", "kind": "CronTab"}
        policy = validating(
            "!has(object.spec.n) || object.spec.n <= params.spec.most",
            paramKind=kind,
            rules=[rule("crontabs", group="stable.example.com")],
        )
        await bound(api, policy, paramRef={"name": "limit", "parameterNotFoundAction": "Deny"})
        assert (await api.post(path(), custom("few", spec={"n": 3}))).status == 201
        assert (await api.post(path(), custom("many", spec={"n": 4}))).status == 422


async def test_policies_are_not_subject_to_policies() -> None:
    async with api_server() as api:
        rules = [rule("*", group="admissionregistration.k8s.io")]
        await bound(api, validating("false", rules=rules))
        assert (await api.delete(f"{VALIDATING}/policy")).status == 200


async def test_deletions_show_the_old_object() -> None:
    async with api_server() as api:
        await bound(
            api, validating("oldObject.data.keep != 'yes' && object == null", rules=[rule(operations="DELETE")])
        )
        await create(api, "kept", keep="yes")
        await create(api, "gone", keep="no")
        base = "/api/v1/namespaces/default/configmaps"
        assert (await api.delete(f"{base}/kept")).status == 422
        assert (await api.delete(f"{base}/gone")).status == 200


async def test_expressions_that_do_not_compile_are_refused_with_their_path() -> None:
    async with api_server() as api:
        policy = validating(
            {"expression": "object.x ==", "messageExpression": "1"},
            "object.metadata.name",
            matchConditions=[{"name": "a", "expression": "params.x"}],
            variables=[{"name": "v", "expression": "variables.w"}],
            auditAnnotations=[{"key": "k", "valueExpression": "1"}],
        )
        reply = await api.post(VALIDATING, policy)
        assert reply.status == 422
        causes = {one["field"]: one["message"] for one in reply.json()["details"]["causes"]}
        assert set(causes) == {
            "spec.matchConditions[0].expression",
            "spec.validations[0].expression",
            "spec.validations[0].messageExpression",
            "spec.validations[1].expression",
            "spec.variables[0].expression",
            "spec.auditAnnotations[0].valueExpression",
        }
        assert "compilation failed: ERROR: <input>:1:" in causes["spec.validations[0].expression"]
        assert "undeclared reference to 'params'" in causes["spec.matchConditions[0].expression"]
        assert causes["spec.validations[1].expression"].endswith("must evaluate to bool")
        assert causes["spec.validations[0].messageExpression"].endswith("must evaluate to string")
        assert "undefined field 'w'" in causes["spec.variables[0].expression"]


async def test_types_are_checked_into_the_status() -> None:
    async with api_server() as api:
        await established(api, definition(versions=[version(schema=spec_schema(n={"type": "integer"}))]))
        rules = [DEPLOYMENT_RULE, rule("pods"), rule("crontabs", group="stable.example.com")]
        expressions = ["object.spec.replicas > 1", "object.metadata.labels['a'] == 'b'"]
        assert (await api.post(VALIDATING, validating(*expressions, rules=rules))).status == 201
        found = await until(api, f"{VALIDATING}/policy", lambda reply: "observedGeneration" in reply.json()["status"])
        status = found.json()["status"]
        assert status["observedGeneration"] == 1
        (warning,) = status["typeChecking"]["expressionWarnings"]
        assert warning["fieldRef"] == "spec.validations[0].expression"
        assert "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'" in warning["warning"]
        assert "stable.example.com/v1, Kind=CronTab: ERROR:" in warning["warning"]
        assert "apps/v1, Kind=Deployment" not in warning["warning"]
        change = [{"op": "replace", "path": "/spec/validations", "value": [{"expression": "true"}]}]
        await api.patch(f"{VALIDATING}/policy", change, "json")
        found = await until(
            api, f"{VALIDATING}/policy", lambda reply: reply.json()["status"]["observedGeneration"] == 2
        )
        assert found.json()["status"].get("typeChecking") in ({}, None)


async def test_audit_annotations_and_failures_are_in_the_audit_log(tmp_path: pathlib.Path) -> None:
    log, rules = tmp_path / "audit.log", tmp_path / "policy.yaml"
    rules.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
    async with api_server(audit_log_path=str(log), audit_policy_file=str(rules)) as api:
        notes = [
            {"key": "high", "valueExpression": "'n: ' + object.data.n"},
            {"key": "none", "valueExpression": "null"},
        ]
        await bound(api, validating("object.data.n == '1'", auditAnnotations=notes), validationActions=["Audit"])
        assert (await create(api, n="2")).status == 201
    events = [json.loads(line) for line in log.read_text().splitlines()]
    (made,) = [
        one for one in events if one["requestURI"].endswith("/configmaps") and one["stage"] == "ResponseComplete"
    ]
    assert made["annotations"]["policy/high"] == "n: 2" and "policy/none" not in made["annotations"]
    (failure,) = json.loads(made["annotations"]["validation.policy.admission.k8s.io/validation_failure"])
    assert failure == {
        "message": "failed expression: object.data.n == '1'",
        "policy": "policy",
        "binding": "policy-binding",
        "expressionIndex": 0,
        "validationActions": ["Audit"],
    }
