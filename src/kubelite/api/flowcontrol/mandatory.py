"""The two flow schemas and two priority levels that every cluster has, and that nobody can change.

What: the fixed specs of `exempt` and `catch-all`. Why: validation compares with them, and whoever writes the bootstrap objects
takes them from here. Flow: made on first use. Upstream: apiserver/pkg/apis/flowcontrol/bootstrap/default.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kubelite.api.types import flowcontrol_v1 as v1

EXEMPT, CATCH_ALL = "exempt", "catch-all"


def _everything(*groups: str) -> list[v1.PolicyRulesWithSubjects]:
    return [
        v1.PolicyRulesWithSubjects(
            subjects=[v1.Subject(kind="Group", group=v1.GroupSubject(name=name)) for name in groups],
            resourceRules=[
                v1.ResourcePolicyRule(
                    verbs=["*"], apiGroups=["*"], resources=["*"], clusterScope=True, namespaces=["*"]
                )
            ],
            nonResourceRules=[v1.NonResourcePolicyRule(verbs=["*"], nonResourceURLs=["*"])],
        )
    ]


@cache
def flow_schemas() -> Mapping[str, v1.FlowSchemaSpec]:
    """Name → spec. Shared: callers must not change it."""
    return {
        EXEMPT: v1.FlowSchemaSpec(
            matchingPrecedence=1,
            priorityLevelConfiguration=v1.PriorityLevelConfigurationReference(name=EXEMPT),
            rules=_everything("system:masters"),
        ),
        CATCH_ALL: v1.FlowSchemaSpec(
            matchingPrecedence=10000,
            priorityLevelConfiguration=v1.PriorityLevelConfigurationReference(name=CATCH_ALL),
            distinguisherMethod=v1.FlowDistinguisherMethod(type="ByUser"),
            rules=_everything("system:unauthenticated", "system:authenticated"),
        ),
    }


@cache
def priority_levels() -> Mapping[str, v1.PriorityLevelConfigurationSpec]:
    """Name → spec. Shared: callers must not change it."""
    return {
        EXEMPT: v1.PriorityLevelConfigurationSpec(
            type="Exempt",
            exempt=v1.ExemptPriorityLevelConfiguration(nominalConcurrencyShares=0, lendablePercent=0),
        ),
        CATCH_ALL: v1.PriorityLevelConfigurationSpec(
            type="Limited",
            limited=v1.LimitedPriorityLevelConfiguration(
                nominalConcurrencyShares=5, lendablePercent=0, limitResponse=v1.LimitResponse(type="Reject")
            ),
        ),
    }
