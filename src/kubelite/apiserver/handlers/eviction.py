"""Whether a pod may be evicted now: what PodDisruptionBudgets say, and the note on the pod that it was evicted.

What: `permit` takes one disruption from the pod's budget or refuses with 429; `mark` sets the condition DisruptionTarget. Why:
the budget is written by compare-and-swap before the pod is deleted, so that evictions at the same time cannot both have the last
disruption. Source: pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.policy.disruption_budget import ALWAYS_ALLOW, POD_DISRUPTION_BUDGET
from kubelite.api.types.core_v1 import PodCondition
from kubelite.api.types.meta_v1 import Preconditions
from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.apiserver.registry.registry import Registry
from kubelite.machinery import errors, labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import set_condition

MOST_DISRUPTED = 2000
RETRY_SECONDS = 10
_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def _is_free(pod: Any) -> bool:
    """Whether no budget protects the pod: it does not run, or goes already."""
    ended = pod.status.phase in (podstatus.SUCCEEDED, podstatus.FAILED, podstatus.PENDING)
    return ended or pod.metadata.deletionTimestamp is not None


def _budgets(registry: Registry, pod: Any) -> list[PodDisruptionBudget]:
    if not pod.metadata.labels:
        return []
    return [
        budget
        for budget in registry.cached_list(POD_DISRUPTION_BUDGET, pod.metadata.namespace)
        if budget.spec.selector is not None
        and labels.from_label_selector(budget.spec.selector).matches(pod.metadata.labels)
    ]


def _is_unhealthy_and_free(budget: PodDisruptionBudget, pod: Any) -> bool:
    """Whether a pod that is not ready may go without using up a disruption."""
    if podstatus.is_ready(pod):
        return False
    if budget.spec.unhealthyPodEvictionPolicy == ALWAYS_ALLOW:
        return True
    desired = budget.status.desiredHealthy or 0
    return desired > 0 and (budget.status.currentHealthy or 0) >= desired


def _refusal(cause: str, *, retry: int = 0) -> StatusError:
    error = errors.too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.", retry)
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry:
        details["retryAfterSeconds"] = retry
    return StatusError(error.code, error.reason, error.message, details)


def _cause(budget: PodDisruptionBudget) -> str:
    """Why the budget allows nothing. What its controller could not count is not believed."""
    status, name = budget.status, budget.metadata.name
    said = next((c for c in status.conditions if c.type == "DisruptionAllowed" and c.status == "False"), None)
    why = said.message if said is not None else ""
    if said is not None and why and said.reason == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {why}"
    desired, healthy = status.desiredHealthy or 0, status.currentHealthy or 0
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    text = f"The disruption budget {name} does not allow evicting pods currently"
    return f"{text} ({said.reason}): {why}" if said is not None and why else text


def _take(budget: PodDisruptionBudget, name: str, now: str) -> None:
    """Use up one disruption, in place. Raises StatusError 403 or 429."""
    status = budget.status
    if (status.observedGeneration or 0) < (budget.metadata.generation or 0):
        cause = f"The disruption budget {budget.metadata.name} is still being processed by the server."
        raise _refusal(cause, retry=RETRY_SECONDS)
    kind, allowed = POD_DISRUPTION_BUDGET, status.disruptionsAllowed or 0
    if allowed < 0:
        raise errors.forbidden(kind.group, kind.plural, budget.metadata.name, "pdb disruptions allowed is negative")
    if len(status.disruptedPods) > MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden(kind.group, kind.plural, budget.metadata.name, why)
    if allowed == 0:
        raise _refusal(_cause(budget))
    status.disruptionsAllowed = allowed - 1
    status.disruptedPods = {**status.disruptedPods, name: now}
    for condition in status.conditions if allowed == 1 else ():
        if condition.type == "DisruptionAllowed":
            condition.status, condition.reason, condition.lastTransitionTime = "False", "InsufficientPods", now


async def permit(registry: Registry, pod: Any, *, dry_run: bool) -> None:
    """Take a disruption from the pod's budget, if one protects it. Raises StatusError 403, 429 or 500."""
    if _is_free(pod):
        return
    found = _budgets(registry, pod)
    if len(found) > 1:
        raise StatusError(500, "InternalError", _MANY)
    if not found or _is_unhealthy_and_free(found[0], pod):
        return
    now = registry.now_text()
    if dry_run:
        _take(found[0], pod.metadata.name, now)
        return
    meta = found[0].metadata
    await registry.change(
        POD_DISRUPTION_BUDGET,
        meta.name,
        meta.namespace,
        lambda budget: _take(budget, pod.metadata.name, now),
        subresource="status",
    )


def is_meant(wanted: Preconditions | None, pod: Any) -> bool:
    """Whether the preconditions of the deletion hold for the pod."""
    if wanted is None:
        return True
    meta = pod.metadata
    return wanted.uid in (None, "", meta.uid) and wanted.resourceVersion in (None, "", meta.resourceVersion)


async def mark(registry: Registry, kind: Kind, pod: Any, wanted: Preconditions | None) -> None:
    """Say on the pod why it goes: whoever made it may tell a disruption from a failure.

    A precondition on the pod's version is set to the version with the note.
    """
    made = PodCondition(
        type=podstatus.DISRUPTION_TARGET,
        status="True",
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
        observedGeneration=pod.metadata.generation,
    )

    def edit(found: Any) -> None:
        set_condition(found.status.conditions, made, registry.now_text())

    meta = pod.metadata
    marked = await registry.change(kind, meta.name, meta.namespace, edit, subresource="status")
    if wanted is not None and wanted.resourceVersion:
        wanted.resourceVersion = marked.metadata.resourceVersion
