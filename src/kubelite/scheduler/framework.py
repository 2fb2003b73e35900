"""The extension points of the scheduler, over columns of nodes.

What: `FilterPlugin` and `ScorePlugin`, the cycle's state they share, and the `Diagnosis` of a pod that fits nowhere.
Why: a plugin is a name and pure functions, as in the Kubernetes scheduling framework; here a filter answers for all nodes in
one call. Flow: `filter` → a mask of the nodes that pass (None: all do) → for rejected nodes, only when nothing is left,
`reasons` → the words of the FailedScheduling event.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kubelite.scheduler.domains import PodCounts
from kubelite.scheduler.nodes import Mask, NodeTable
from kubelite.scheduler.pods import PodInfo

MAX_NODE_SCORE = 100
Scores = npt.NDArray[np.float64]


@dataclass(slots=True)
class Cycle:
    """One attempt to place one pod. Plugins keep under their name what `filter` worked out for `reasons` and `score`."""

    pod: PodInfo
    nodes: NodeTable
    counts: PodCounts
    namespaces: dict[str, dict[str, str]]
    """Labels of the namespaces, for namespace selectors."""
    state: dict[str, Any] = field(default_factory=dict)


class FilterPlugin(Protocol):
    name: str

    def filter(self, cycle: Cycle) -> Mask | None:
        """Which nodes the pod may go to; None where the plugin has nothing to say about this pod."""

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        """Why the plugin rejected the node at `position`, in upstream's words."""


class ScorePlugin(Protocol):
    name: str

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """0 to 100 for each node, compared over the `fitting` ones; None where all are alike."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why no node was found: how many nodes gave each reason."""

    total: int
    reasons: Counter[str]
    plugins: frozenset[str]

    def message(self) -> str:
        """`0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.` (framework.FitError)."""
        text = f"0/{self.total} nodes are available"
        if not self.reasons:
            return f"{text}." if self.total else "no nodes available to schedule pods"
        parts = sorted(f"{count} {reason}" for reason, count in self.reasons.items())
        return f"{text}: {', '.join(parts)}."


def normalize(values: Scores, fitting: Mask, *, reverse: bool = False) -> Scores | None:
    """Scales to 0..100 by the largest value among the fitting nodes (DefaultNormalizeScore); None if all are alike."""
    among = values[fitting]
    largest = float(among.max()) if among.size else 0.0
    if largest <= 0 or float(among.min()) == largest:
        return None
    scaled = values * (MAX_NODE_SCORE / largest)
    return MAX_NODE_SCORE - scaled if reverse else scaled
