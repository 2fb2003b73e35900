"""What is left to do for a namespace that is being deleted: pure.

What: which kinds to empty next, and whether the namespace may go. Why: pods go first, since they use all the rest (their
secrets, their service account) until they have stopped. Source: pkg/controller/namespace/deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelite.machinery.kind import Kind

FINALIZER = "kubernetes"


def order(kinds: Iterable[Kind]) -> tuple[list[Kind], list[Kind]]:
    """(pods, everything else that lives in namespaces), without what cannot be deleted."""
    usable = [kind for kind in kinds if kind.namespaced]
    first = [kind for kind in usable if kind.plural == "pods" and not kind.group]
    return first, [kind for kind in usable if kind not in first]


def remaining_finalizers(finalizers: Sequence[str]) -> list[str]:
    """The namespace's own finalizers once ours is done."""
    return [name for name in finalizers if name != FINALIZER]


def retry_seconds(grace_periods: Iterable[int]) -> float:
    """When to look again while pods are stopping: half of the longest time one may take, and a second."""
    longest = max(grace_periods, default=0)
    return min(longest / 2 + 1, 15.0)
