"""Eviction: the deletion of a pod, if PodDisruptionBudgets allow it, with a note on the pod that it was evicted.

What: `permit` takes one disruption from the pod's budget or refuses with 429; `mark` sets the condition DisruptionTarget;
`evict` is both and the deletion. Why: the budget is written by compare-and-swap before the pod is deleted, so that evictions at
the same time cannot both have the last disruption; and a pod that may go because it is not ready must not have become ready
meanwhile. Source: pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from kubelite.api.logic import podstatus
from kubelite.api.policy.disruption_budget import ALWAYS_ALLOW, POD_DISRUPTION_BUDGET
from kubelite.api.types.core_v1 import PodCondition
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.apiserver.registry import delete
from kubelite.apiserver.registry.ask import Ask
from kubelite.apiserver.registry.registry import Registry
from kubelite.machinery import codec, errors, labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import set_condition

MOST_DISRUPTED = 2000
RETRY_SECONDS = 10
TRIES = 20
PAUSE = 0.05
"""Seconds between two tries at a pod that changes."""
_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


class Guard(NamedTuple):
    """`as_seen`: the pod may go only in the state in which it was seen; in another, `budget` protects it."""

    as_seen: bool = False
    budget: str = ""


def _is_free(pod: Any) -> bool:
    """Whether no budget protects the pod: it does not run, or goes already."""
    ended = pod.status.phase in (podstatus.SUCCEEDED, podstatus.FAILED, podstatus.PENDING)
    return ended or pod.metadata.deletionTimestamp is not None


def _budgets(registry: Registry, pod: Any) -> list[PodDisruptionBudget]:
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


def _not_yet(budget: str) -> StatusError:
    return _refusal(f"The disruption budget {budget} is still being processed by the server.", retry=RETRY_SECONDS)


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
        raise _not_yet(budget.metadata.name)
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


async def permit(registry: Registry, pod: Any, *, dry_run: bool) -> Guard:
    """Take a disruption from the pod's budget, if one protects it. Raises StatusError 403, 429 or 500."""
    if _is_free(pod):
        return Guard(as_seen=pod.status.phase == podstatus.PENDING and pod.metadata.deletionTimestamp is None)
    found = _budgets(registry, pod)
    if len(found) > 1:
        raise StatusError(500, "InternalError", _MANY)
    if not found:
        return Guard()
    if _is_unhealthy_and_free(found[0], pod):
        return Guard(as_seen=True, budget=found[0].metadata.name)
    now = registry.now_text()
    if dry_run:
        _take(found[0], pod.metadata.name, now)
        return Guard()
    meta = found[0].metadata
    await registry.change(
        POD_DISRUPTION_BUDGET,
        meta.name,
        meta.namespace,
        lambda budget: _take(budget, pod.metadata.name, now),
        subresource="status",
    )
    return Guard()


def _check(wanted: Preconditions | None, pod: Any) -> None:
    """Raises StatusError 409 where the preconditions of the deletion do not hold for the pod."""
    meta = pod.metadata
    if wanted is None:
        return
    if wanted.uid not in (None, "", meta.uid):
        text = f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({meta.uid})"
        raise errors.conflict("", "Pod", meta.name, f"{text}. The object might have been deleted and then recreated")
    if wanted.resourceVersion not in (None, "", meta.resourceVersion):
        seen = f"the ResourceVersion in record ({meta.resourceVersion}). The object might have been modified"
        text = f"the ResourceVersion in the precondition ({wanted.resourceVersion}) does not match {seen}"
        raise errors.conflict("", "Pod", meta.name, text)


async def mark(registry: Registry, kind: Kind, pod: Any, wanted: Preconditions | None) -> None:
    """Say on the pod why it goes: whoever made it may tell a disruption from a failure. Raises StatusError 409.

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
        _check(wanted, found)
        set_condition(found.status.conditions, made, registry.now_text())

    meta = pod.metadata
    marked = await registry.change(kind, meta.name, meta.namespace, edit, subresource="status")
    if wanted is not None and wanted.resourceVersion:
        wanted.resourceVersion = marked.metadata.resourceVersion


async def evict(
    registry: Registry, kind: Kind, key: tuple[str, str], options: DeleteOptions | None, ask: Ask, *, dry_run: bool
) -> None:
    """Delete the pod with this namespace and name as `options` ask. Raises StatusError."""
    for left in reversed(range(TRIES)):
        pod = await registry.get(kind, key[1], key[0])
        final = codec.clone(options) if options is not None else DeleteOptions()
        wanted = final.preconditions
        _check(wanted, pod)
        insisted = wanted is not None and bool(wanted.resourceVersion)
        guard = await permit(registry, pod, dry_run=dry_run)
        if guard.as_seen and not insisted:
            final.preconditions = wanted = wanted or Preconditions()
            wanted.resourceVersion = pod.metadata.resourceVersion
        try:
            if not dry_run:
                await mark(registry, kind, pod, wanted)
            await delete.delete(registry, kind, *key, final, ask)
            return
        except StatusError as error:
            if error.code != 409 or insisted or not guard.as_seen or not left:
                raise
            if guard.budget:
                raise _not_yet(guard.budget) from error
        await asyncio.sleep(PAUSE)
