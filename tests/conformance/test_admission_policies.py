"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy: their API, and what they deny and change."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import VERBS, every_operation, find_resources, good, namespace
from tests.integration.admission.hookserver import REGISTRATION
from tests.integration.admission.policies import DEPLOYMENT_RULE, bound, mutating, validating

GROUP = "admissionregistration.k8s.io"
SELECTED = {"namespaceSelector": {"matchLabels": {"policies": "true"}}}
ANNOTATION = 'Object{metadata: Object.metadata{annotations: {"my-foo-annotation": "myAnnotationValue"}}}'


def only_here(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy for the namespace of the test alone."""
    policy["spec"]["matchConstraints"] |= SELECTED
    return policy


async def workload(api: ApiEnv, plural: str, name: str, replicas: int, **metadata: Any) -> Any:
    """Creates a deployment or a replica set; the answer."""
    labels = {"app": "nginx"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": name, "labels": labels, **metadata}, "spec": spec}
    return await api.post(f"/apis/apps/v1/namespaces/conformance/{plural}", body)


async def supported(api: ApiEnv, plural: str, spec: dict[str, Any], *subresources: str) -> None:
    """Discovery has the resource; every operation works."""
    found = await find_resources(api, GROUP, "v1", [plural, *(f"{plural}/{one}" for one in subresources)])
    assert set(found[plural]["verbs"]) >= VERBS
    await every_operation(api, f"{REGISTRATION}/{plural}", {"spec": spec}, subresources)


async def test_validatingadmissionpolicy_should_support_validatingadmissionpolicy_api_operations(api: ApiEnv) -> None:
    """Policies are in discovery and take every operation, also on their status.

    [sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API
    operations [Conformance]
    """
    policy = validating("object.spec.replicas <= 100", rules=[DEPLOYMENT_RULE])
    await supported(api, "validatingadmissionpolicies", policy["spec"], "status")


async def test_should_support_validatingadmissionpolicybinding_api_operations(api: ApiEnv) -> None:
    """Bindings are in discovery and take every operation.

    [sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support
    ValidatingAdmissionPolicyBinding API operations [Conformance]
    """
    spec = {"policyName": "replicalimit-policy.example.com", "validationActions": ["Deny"]}
    await supported(api, "validatingadmissionpolicybindings", spec)


async def test_validatingadmissionpolicy_should_validate_against_a_deployment(api: ApiEnv) -> None:
    """A policy of deployments denies one with too few replicas, and leaves replica sets and other namespaces alone.

    [sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment
    [Conformance]
    """
    await namespace(api, policies="true")
    expression = "'wants replicas > 1, got ' + string(object.spec.replicas)"
    validation = {"expression": "object.spec.replicas > 1", "messageExpression": expression}
    await bound(api, only_here(validating(validation, rules=[DEPLOYMENT_RULE])), matchResources=SELECTED)
    refused = await workload(api, "deployments", "marker-deployment", 1)
    assert (refused.status, refused.json()["reason"]) == (422, "Invalid")
    assert refused.json()["message"].endswith("denied request: wants replicas > 1, got 1")
    good(await workload(api, "deployments", "replicated", 2), 201)
    good(await workload(api, "replicasets", "non-replicated", 1), 201)


async def test_validatingadmissionpolicy_should_allow_expressions_to_refer_variables(api: ApiEnv) -> None:
    """Variables build on one another, and validations and messages on them.

    [sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables.
    [Conformance]
    """
    await namespace(api, policies="true")
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
    ]
    rules = [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]
    policy = validating(*rules, rules=[DEPLOYMENT_RULE], variables=variables)
    await bound(api, only_here(policy), matchResources=SELECTED)
    refused = await workload(api, "deployments", "marker-deployment", 1)
    assert refused.json()["message"].endswith("failed expression: variables.replicas > 1")
    good(await workload(api, "deployments", "replicated", 3), 201)
    even = await workload(api, "deployments", "even-replicas", 2)
    assert (even.status, even.json()["reason"]) == (422, "Invalid")
    assert even.json()["message"].endswith("failed expression: variables.oddReplicas")


async def test_mutatingadmissionpolicy_should_support_mutatingadmissionpolicy_api_operations(api: ApiEnv) -> None:
    """Mutating policies are in discovery and take every operation.

    [sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API
    operations [Conformance]
    """
    await supported(api, "mutatingadmissionpolicies", mutating(ANNOTATION, rules=[DEPLOYMENT_RULE])["spec"])


async def test_should_support_mutatingadmissionpolicybinding_api_operations(api: ApiEnv) -> None:
    """Bindings of mutating policies are in discovery and take every operation.

    [sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding
    API operations [Conformance]
    """
    await supported(api, "mutatingadmissionpolicybindings", {"policyName": "replicalimit-policy.example.com"})


async def test_mutatingadmissionpolicy_should_mutate_a_deployment(api: ApiEnv) -> None:
    """A bound policy changes the spec of the deployments of its namespace, and defaults fill in what it adds.

    [sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment [Conformance]
    """
    await namespace(api, policies="true")
    added = """Object{spec: Object.spec{replicas: 3, template: Object.spec.template{spec: Object.spec.template.spec{
        initContainers: [Object.spec.template.spec.initContainers{name: "added", image: "busybox"}]}}}}"""
    await bound(api, only_here(mutating(added, rules=[DEPLOYMENT_RULE])), matchResources=SELECTED)
    spec = good(await workload(api, "deployments", "test-deployment", 2), 201)["spec"]
    assert spec["replicas"] == 3
    assert [one["name"] for one in spec["template"]["spec"]["containers"]] == ["nginx"]
    (init,) = spec["template"]["spec"]["initContainers"]
    assert (init["name"], init["terminationMessagePolicy"]) == ("added", "File")
    other = good(await workload(api, "replicasets", "test-set", 2), 201)
    assert other["spec"]["replicas"] == 2


async def test_mutatingadmissionpolicy_should_mutate_a_deployment_with_annotations(api: ApiEnv) -> None:
    """A bound policy adds an annotation to those that a deployment has.

    [sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment with annotations
    [Conformance]
    """
    await namespace(api, policies="true")
    await bound(api, only_here(mutating(ANNOTATION, rules=[DEPLOYMENT_RULE])), matchResources=SELECTED)
    made = good(await workload(api, "deployments", "test-deployment", 2, annotations={"own": "1"}), 201)
    assert made["metadata"]["annotations"] == {"own": "1", "my-foo-annotation": "myAnnotationValue"}
    assert good(await workload(api, "replicasets", "other", 1), 201)["metadata"].get("annotations", {}) == {}
