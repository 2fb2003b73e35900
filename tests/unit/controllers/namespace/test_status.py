"""What a namespace says of its end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubelite.controllers.kinds import POD
from kubelite.controllers.namespace.status import Progress, conditions, unexpected

NOW = datetime(2030, 1, 2, tzinfo=UTC)
STALE = "metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1"
ALL = "unable to retrieve the complete list of server APIs"


@pytest.mark.parametrize(
    ("progress", "type_", "reason", "message"),
    [
        (
            Progress(discovery=[STALE]),
            "NamespaceDeletionDiscoveryFailure",
            "DiscoveryFailed",
            f"Discovery failed for some groups, 1 failing: {ALL}: {STALE}",
        ),
        (
            Progress(deletion=["b is no", "a is no"]),
            "NamespaceDeletionContentFailure",
            "ContentDeletionFailed",
            "Failed to delete all resource types, 2 remaining: a is no, b is no",
        ),
        (
            Progress(resources={"widgets.example.com": 2, "pods.": 1}),
            "NamespaceContentRemaining",
            "SomeResourcesRemain",
            "Some resources are remaining: pods. has 1 resource instances, widgets.example.com has 2 resource instances",
        ),
        (
            Progress(finalizers={"example.com/a": 2, "b": 1}),
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: b in 1 resource instances, "
            "example.com/a in 2 resource instances",
        ),
    ],
)
def test_what_holds_a_namespace_up_is_said_in_one_condition(
    progress: Progress, type_: str, reason: str, message: str
) -> None:
    found = conditions(progress, [], NOW)
    assert [(one.type, one.reason, one.message) for one in found if one.status == "True"] == [(type_, reason, message)]


def test_what_nothing_holds_and_does_not_go_is_a_failure() -> None:
    assert unexpected("team", POD) == "unexpected items still remain in namespace: team for gvr: /v1, Resource=pods"
