"""API priority and fairness: both kinds with every operation."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.conformance.harness import VERBS, every_operation, find_resources

GROUP = "flowcontrol.apiserver.k8s.io"
ROOT = f"/apis/{GROUP}/v1"
RULE = {
    "subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


async def found(api: ApiEnv, plural: str) -> None:
    """Discovery has the resource and its status, with the verbs."""
    resources = await find_resources(api, GROUP, "v1", [plural, f"{plural}/status"])
    assert set(resources[plural]["verbs"]) >= VERBS
    assert set(resources[f"{plural}/status"]["verbs"]) == {"get", "patch", "update"}


async def test_api_priority_and_fairness_should_support_flowschema_api_operations(api: ApiEnv) -> None:
    """Flow schemas are in discovery and take every operation, also on their status.

    [sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]
    """
    await found(api, "flowschemas")
    spec = {
        "matchingPrecedence": 10000,
        "priorityLevelConfiguration": {"name": "global-default"},
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [RULE],
    }
    await every_operation(api, f"{ROOT}/flowschemas", {"spec": spec}, ["status"])


async def test_api_priority_and_fairness_should_support_prioritylevelconfiguration_api_operations(api: ApiEnv) -> None:
    """Priority levels are in discovery and take every operation, also on their status.

    [sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]
    """
    await found(api, "prioritylevelconfigurations")
    limited = {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}
    body = {"spec": {"type": "Limited", "limited": limited}}
    await every_operation(api, f"{ROOT}/prioritylevelconfigurations", body, ["status"])
