"""What the status of a definition should say, and whether its kind is served.

What: `plan(definition, others, delayed)` → the changes of the status. Pure. Why: with several servers each decides alike,
and the same state leads to the same answer. Flow: `follower` calls it for every changed definition and writes what differs.
Sources: apiextensions-apiserver/pkg/controller/{status,establish,apiapproval}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kubelite.api.apiextensions.definition_validation import APPROVAL, approval_state
from kubelite.api.types.apiextensions_v1 import CustomResourceDefinitionCondition as Condition
from kubelite.apiserver.crd.names import decide
from kubelite.machinery import meta

ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"
CONFORMANT = "KubernetesAPIApprovalPolicyConformant"

Edit = Callable[[Any], None]


def is_true(definition: Any, type_: str) -> bool:
    """Whether a condition is there and true."""
    return meta.is_true(definition.status.conditions, type_)


def is_served(definition: Any) -> bool:
    """Whether objects of its kind can be asked for."""
    return is_true(definition, ESTABLISHED) or is_true(definition, NAMES_ACCEPTED)


def plan(definition: Any, others: Iterable[Any], now: str, *, establish: bool) -> Edit | None:
    """An edit of the definition that makes its status right; None if it is. `establish`: the delay is over."""
    decision = decide(definition, others)
    wanted = [
        Condition(
            type=NAMES_ACCEPTED,
            status="True" if decision.accepted else "False",
            reason=decision.reason,
            message=decision.message,
        )
    ]
    established = meta.condition(definition.status.conditions, ESTABLISHED)
    if established is None or established.status != "True":
        wanted.append(_established(decision.accepted, establish))
    approval = _approval(definition)
    if approval is not None:
        wanted.append(approval)
    if decision.names == definition.status.acceptedNames and not any(_differs(definition, one) for one in wanted):
        return None

    def edit(obj: Any) -> None:
        obj.status.acceptedNames = decision.names
        for one in wanted:
            set_condition(obj, one, now)

    return edit


def _established(accepted: bool, establish: bool) -> Condition:
    if not accepted:
        return Condition(type=ESTABLISHED, status="False", reason="NotAccepted", message="not all names are accepted")
    text = "the initial names have been accepted"
    if establish:
        return Condition(type=ESTABLISHED, status="True", reason="InitialNamesAccepted", message=text)
    return Condition(type=ESTABLISHED, status="False", reason="Installing", message=text)


def _approval(definition: Any) -> Condition | None:
    """For groups of Kubernetes' own: whether somebody approved the definition."""
    if not f".{definition.spec.group}".endswith((".k8s.io", ".kubernetes.io")):
        return None
    state, why = approval_state(definition)
    text = definition.metadata.annotations.get(APPROVAL, "")
    if state == "missing":
        return Condition(type=CONFORMANT, status="False", reason="MissingAnnotation", message=why)
    if state == "invalid":
        return Condition(type=CONFORMANT, status="False", reason="InvalidAnnotation", message=why)
    if state == "bypassed":
        message = f'not approved: "{text}"'
        return Condition(type=CONFORMANT, status="False", reason="UnapprovedAnnotation", message=message)
    return Condition(type=CONFORMANT, status="True", reason="ApprovedAnnotation", message=f"approved in {text}")


def _differs(definition: Any, wanted: Condition) -> bool:
    found = meta.condition(definition.status.conditions, wanted.type)
    return found is None or (found.status, found.reason, found.message) != (
        wanted.status,
        wanted.reason,
        wanted.message,
    )


def set_condition(definition: Any, wanted: Condition, now: str) -> None:
    """Puts a condition in; its time changes with its status only."""
    new = Condition(type=wanted.type, status=wanted.status, reason=wanted.reason, message=wanted.message)
    conditions = definition.status.conditions
    found = meta.condition(conditions, wanted.type)
    if found is None:
        new.lastTransitionTime = now
        conditions.append(new)
        return
    new.lastTransitionTime = found.lastTransitionTime if found.status == wanted.status else now
    conditions[conditions.index(found)] = new
