"""The conditions of a namespace that is being deleted: what could not be found out, not be deleted, or is left.

What: `conditions(Progress, old, now)`, pure. Why: a namespace that hangs must say by what.
Source: pkg/controller/namespace/deletion/status_condition_utils.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kubelite.api.types.core_v1 import NamespaceCondition
from kubelite.machinery import times
from kubelite.machinery.kind import Kind


@dataclass(slots=True)
class Progress:
    """What one attempt found: texts of failures, and what is left per resource and per finalizer."""

    discovery: list[str] = field(default_factory=list)
    deletion: list[str] = field(default_factory=list)
    resources: dict[str, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    graces: list[int] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing is left and nothing is unknown."""
        return not (self.discovery or self.deletion or self.resources)


def unexpected(namespace: str, kind: Kind) -> str:
    """The failure of objects that were deleted, are held by nothing, and are there."""
    resource = f"{kind.group}/{kind.version}, Resource={kind.plural}"
    return f"unexpected items still remain in namespace: {namespace} for gvr: {resource}"


def conditions(progress: Progress, old: Sequence[NamespaceCondition], now: datetime) -> list[NamespaceCondition]:
    """The condition list to write."""
    wanted = (
        _condition(
            "NamespaceDeletionDiscoveryFailure",
            "DiscoveryFailed",
            _undiscovered(progress.discovery),
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        _condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            "",
            "",
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        _condition(
            "NamespaceDeletionContentFailure",
            "ContentDeletionFailed",
            _undeleted(progress.deletion),
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        _condition(
            "NamespaceContentRemaining",
            "SomeResourcesRemain",
            _counts("Some resources are remaining: ", progress.resources, "{0} has {1} resource instances"),
            ("ContentRemoved", "All content successfully removed"),
        ),
        _condition(
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            _counts(
                "Some content in the namespace has finalizers remaining: ",
                progress.finalizers,
                "{0} in {1} resource instances",
            ),
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    )
    return _merge(old, wanted, times.now_text(now))


def _undiscovered(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    why = f"unable to retrieve the complete list of server APIs: {', '.join(sorted(texts))}"
    return f"Discovery failed for some groups, {len(texts)} failing: {why}"


def _undeleted(texts: Sequence[str]) -> str:
    return f"Failed to delete all resource types, {len(texts)} remaining: {', '.join(sorted(texts))}" if texts else ""


def _counts(title: str, counts: Mapping[str, int], form: str) -> str:
    if not counts:
        return ""
    return title + ", ".join(form.format(name, counts[name]) for name in sorted(counts))


def _condition(type_: str, bad: str, message: str, good: tuple[str, str]) -> NamespaceCondition:
    if message:
        return NamespaceCondition(type=type_, status="True", reason=bad, message=message)
    return NamespaceCondition(type=type_, status="False", reason=good[0], message=good[1])


def _merge(
    old: Sequence[NamespaceCondition], wanted: Sequence[NamespaceCondition], now: str
) -> list[NamespaceCondition]:
    """`wanted` with the transition times of `old` where nothing changed; conditions of others are kept."""
    known = {condition.type: condition for condition in old}
    for condition in wanted:
        before = known.get(condition.type)
        same = before is not None and before.status == condition.status
        condition.lastTransitionTime = before.lastTransitionTime if same and before is not None else now
    names = {condition.type for condition in wanted}
    return [*(condition for condition in old if condition.type not in names), *wanted]
