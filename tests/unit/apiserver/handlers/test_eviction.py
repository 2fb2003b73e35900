"""What a refused eviction is told."""

from __future__ import annotations

import pytest

from kubelite.api.types.meta_v1 import Condition
from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.apiserver.handlers.eviction import _take
from kubelite.machinery.errors import StatusError

NOT_NOW = "The disruption budget web does not allow evicting pods currently"


@pytest.mark.parametrize(
    ("healthy", "desired", "reason", "message", "cause"),
    [
        (3, 3, "InsufficientPods", "", "The disruption budget web needs 3 healthy pods and has 3 currently"),
        (3, 3, "Other", "why", "The disruption budget web needs 3 healthy pods and has 3 currently"),
        (0, 0, "SyncFailed", "no scale", f"{NOT_NOW} because it failed sync: no scale"),
        (4, 3, "SyncFailed", "no scale", f"{NOT_NOW} because it failed sync: no scale"),
        (4, 3, "Other", "why", f"{NOT_NOW} (Other): why"),
        (4, 3, "Other", "", NOT_NOW),
    ],
)
def test_the_cause_is_what_the_budgets_controller_found(
    healthy: int, desired: int, reason: str, message: str, cause: str
) -> None:
    budget = PodDisruptionBudget()
    budget.metadata.name = "web"
    budget.status.currentHealthy, budget.status.desiredHealthy = healthy, desired
    budget.status.conditions = [Condition(type="DisruptionAllowed", status="False", reason=reason, message=message)]
    with pytest.raises(StatusError) as refused:
        _take(budget, "p", "2030-01-01T00:00:00Z")
    assert refused.value.code == 429
    assert refused.value.details["causes"] == [{"reason": "DisruptionBudget", "message": cause}]
