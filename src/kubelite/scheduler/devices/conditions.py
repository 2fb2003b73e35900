"""Whether the devices that a claim was given are ready to be used.

What: `readiness(claim)`. Why: a device can name conditions that its driver reports in the claim's status only after the device
was given (`bindingConditions`), and such that say it never will be (`bindingFailureConditions`); the pod is bound once all of the
first are true.
Upstream: plugins/dynamicresources, isClaimReadyForBinding.
"""

from __future__ import annotations

from enum import Enum

from kubelite.api.types import resource_v1 as v1
from kubelite.scheduler.devices.inventory import results_of


class Readiness(Enum):
    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"


def failure_of(claim: v1.ResourceClaim) -> str:
    """The words for the first condition that says a device never will be ready."""
    said = {(d.driver, d.pool, d.device, d.shareID): d.conditions for d in claim.status.devices}
    for result in results_of(claim.status.allocation):
        for condition in said.get((result.driver, result.pool, result.device, result.shareID), []):
            if condition.status == "True" and condition.type in result.bindingFailureConditions:
                message = (condition.message or "").replace("\\", "\\\\").replace('"', '\\"')
                return f'claim {claim.metadata.name} binding failed: reason={condition.reason}, message="{message}"'
    return f"claim {claim.metadata.name} binding failed"


def readiness(claim: v1.ResourceClaim) -> Readiness:
    """What the drivers say of all devices of an allocated claim."""
    said = {(d.driver, d.pool, d.device, d.shareID): d.conditions for d in claim.status.devices}
    found = Readiness.READY
    for result in results_of(claim.status.allocation):
        if not result.bindingConditions:
            continue
        conditions = said.get((result.driver, result.pool, result.device, result.shareID), [])
        true = {condition.type for condition in conditions if condition.status == "True"}
        if true & set(result.bindingFailureConditions):
            return Readiness.FAILED
        if not true >= set(result.bindingConditions):
            found = Readiness.WAITING
    return found
