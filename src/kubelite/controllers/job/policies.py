"""What a Job's policies say about a failed pod and about the indexes that succeeded (pure).

Upstream: pkg/controller/job (pod_failure_policy.go, success_policy.go).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubelite.api.types.batch_v1 import PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, SuccessPolicy
from kubelite.controllers.job.indexset import IndexSet


class Verdict(NamedTuple):
    """What becomes of a failure: `action` of the rule that matched ("" for none), and the message if the Job fails by it."""

    action: str = ""
    counts: bool = True
    message: str = ""


def judge(policy: PodFailurePolicy | None, pod: Any) -> Verdict:
    """The first rule that matches decides; a failure that no rule matches counts."""
    for index, rule in enumerate(policy.rules if policy is not None else ()):
        if rule.onExitCodes is not None:
            container = _by_exit_code(pod, rule.onExitCodes)
            if container is None:
                continue
            code = container.state.terminated.exitCode
            text = f"Container {container.name} for pod {_name(pod)} failed with exit code {code}"
        else:
            condition = _by_condition(pod, rule.onPodConditions)
            if not condition:
                continue
            text = f"Pod {_name(pod)} has condition {condition}"
        message = f"{text} matching {rule.action} rule at index {index}" if rule.action == "FailJob" else ""
        return Verdict(rule.action, rule.action != "Ignore", message)
    return Verdict()


def _name(pod: Any) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _by_exit_code(pod: Any, wanted: PodFailurePolicyOnExitCodesRequirement) -> Any | None:
    for status in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
        if wanted.containerName and wanted.containerName != status.name:
            continue
        ended = status.state.terminated if status.state is not None else None
        code = ended.exitCode if ended is not None else 0
        if not code:
            continue
        if (code in wanted.values) == (wanted.operator == "In"):
            return status
    return None


def _by_condition(pod: Any, patterns: Any) -> str:
    for found in pod.status.conditions:
        for pattern in patterns:
            if found.type == pattern.type and found.status == (pattern.status or "True"):
                return str(found.type)
    return ""


def success(policy: SuccessPolicy | None, completions: int, succeeded: IndexSet) -> str:
    """The message that a rule is met, "" if none is."""
    for number, rule in enumerate(policy.rules if policy is not None else ()):
        if rule.succeededIndexes:
            wanted = IndexSet.parse(rule.succeededIndexes, completions)
            needed = len(wanted) if rule.succeededCount is None else rule.succeededCount
            met = wanted.shared(succeeded) >= needed
        else:
            met = rule.succeededCount is not None and len(succeeded) >= rule.succeededCount
        if met:
            return f"Matched rules at index {number}"
    return ""
