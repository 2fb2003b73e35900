"""The extension points of the scheduler, over columns of nodes.

What: `FilterPlugin` and `ScorePlugin`, the world they look at, the state of one attempt, and the `Diagnosis` of a pod that fits
nowhere. Why: a plugin is a name and pure functions, as in the Kubernetes scheduling framework; here a filter answers for all
nodes in one call. Flow: `narrow` → the only nodes to look at, by name → `filter` → a mask of the nodes that pass (None: all do)
→ only when nothing is left, `explain` → the words of the FailedScheduling event, and `trial` → what taking pods away changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kubelite.api.types.resource_v1 import ResourceClaim
from kubelite.scheduler.budgets import Budgets
from kubelite.scheduler.devices.inventory import Inventory
from kubelite.scheduler.domains import PodCounts
from kubelite.scheduler.events import Listener
from kubelite.scheduler.nodes import Mask, NodeTable
from kubelite.scheduler.nominations import Nominations
from kubelite.scheduler.owners import Owners
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import Storage

MAX_NODE_SCORE = 100
Scores = npt.NDArray[np.float64]


class World:
    """Everything that plugins can look at; shared by all profiles."""

    def __init__(self, nodes: NodeTable | None = None) -> None:
        self.nodes = NodeTable() if nodes is None else nodes
        self.counts = PodCounts(self.nodes)
        self.namespaces: dict[str, dict[str, str]] = {}
        """Labels of the namespaces, for namespace selectors."""
        self.nominations = Nominations(self.nodes)
        self.budgets = Budgets()
        self.owners = Owners()
        self.storage = Storage()
        self.devices = Inventory()


@dataclass(slots=True)
class Cycle:
    """One attempt to place one pod. Plugins keep under their name what `filter` worked out for later steps."""

    pod: PodInfo
    world: World
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def nodes(self) -> NodeTable:
        return self.world.nodes

    @property
    def counts(self) -> PodCounts:
        return self.world.counts

    @property
    def namespaces(self) -> dict[str, dict[str, str]]:
        return self.world.namespaces


class PodRefused(Exception):
    """No node can be right for this pod, whatever they are like (an unsuccessful PreFilter)."""

    def __init__(self, text: str, *plugins: str) -> None:
        super().__init__(text)
        self.text, self.plugins = text, plugins


class AttemptFailed(Exception):
    """Something kept the pod from being judged (a status that is an error); the text is for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """A reason for which a plugin rejected nodes."""

    text: str
    """Empty where none was given: the nodes are not told of."""
    nodes: Mask | None = None
    """The nodes it holds for; None: all that the plugin rejected."""
    hopeless: Mask | bool = True
    """Where taking pods away cannot help (UnschedulableAndUnresolvable)."""


class Trial(Protocol):
    """One plugin's view of one node while pods are taken away from it and given back in thought."""

    def take(self, info: PodInfo) -> None:
        """The pod is no longer on the node."""

    def give(self, info: PodInfo) -> None:
        """The pod is back."""

    def refusals(self) -> list[str]:
        """Why the pod still cannot go there; empty when it can."""


class FilterPlugin(Listener):
    """Rejects nodes. What is not overridden says: all nodes pass, and pods on them do not matter."""

    world: World | None = None
    """What hints look at; set by the scheduler that runs the plugin."""
    narrows = False
    """Whether `narrow` does anything: the others are not even asked."""

    def __init_subclass__(cls) -> None:
        cls.narrows = cls.narrow is not FilterPlugin.narrow

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        """The only nodes that come into question, None for all (PreFilterResult)."""
        return None

    def filter(self, cycle: Cycle) -> Mask | None:
        """Which nodes the pod may go to; None where the plugin has nothing to say about this pod."""
        return None

    def explain(self, cycle: Cycle) -> list[Why]:
        """Why `filter` rejected what it rejected, in upstream's words; a node can have several reasons."""
        return []

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        """A view of the node without some of its pods; None where pods do not matter to this plugin and pod."""
        return None


class ScorePlugin(Protocol):
    name: str

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """0 to 100 for each node, compared over the `fitting` ones; None where all are alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """The nodes that one plugin rejected, all earlier plugins having let them pass, and why."""

    plugin: str
    out: Mask
    why: tuple[Why, ...]

    def hopeless(self) -> Mask:
        """The nodes among them where taking pods away cannot help."""
        found = np.zeros(len(self.out), bool)
        for reason in self.why:
            found |= (self.out if reason.nodes is None else self.out & reason.nodes) & reason.hopeless
        return found

    def counted(self) -> Iterable[tuple[str, int]]:
        for reason in self.why:
            number = int(np.count_nonzero(self.out if reason.nodes is None else self.out & reason.nodes))
            if number and reason.text:
                yield reason.text, number

    def of(self, position: int) -> list[str]:
        """The reasons of one node."""
        if not self.out[position]:
            return []
        return [r.text for r in self.why if r.text and (r.nodes is None or r.nodes[position])]


@dataclass(frozen=True, slots=True)
class Preemption:
    """The node that becomes free for the pod once these pods are gone."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int = 0
    """Victims whose disruption budgets do not allow it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why no node was found, and what was tried then."""

    total: int
    rejections: tuple[Rejection, ...] = ()
    refused: str = ""
    """The reason that holds for all nodes alike."""
    plugins: frozenset[str] = frozenset()
    """Plugins whose verdict must change before another attempt makes sense."""
    preemption: Preemption | None = None
    outcome: str = ""
    """What the attempts to make room came to, if they found nothing."""
    unused: ResourceClaim | None = None
    """A claim whose devices, of no use to the pod where they are, are given back."""
    withdrawn: bool = False
    """An earlier nomination of the pod is no longer good for anything."""

    @property
    def reasons(self) -> Counter[str]:
        """How many nodes gave each reason."""
        found: Counter[str] = Counter()
        for rejection in self.rejections:
            for text, number in rejection.counted():
                found[text] += number
        return found

    def message(self) -> str:
        """`0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu. …` (framework.FitError)."""
        if not self.total:
            return "no nodes available to schedule pods"
        text = fit_error(self.total, self.reasons) if not self.refused else f"{available(self.total)}: {self.refused}."
        return f"{text} {self.outcome}" if self.outcome else text


def available(total: int) -> str:
    return f"0/{total} nodes are available"


def fit_error(total: int, reasons: Counter[str]) -> str:
    """The number of nodes for each reason, sorted as text."""
    if not reasons:
        return f"{available(total)}:"
    parts = sorted(f"{count} {reason}" for reason, count in reasons.items())
    return f"{available(total)}: {', '.join(parts)}."


def normalize(values: Scores, fitting: Mask, *, reverse: bool = False) -> Scores | None:
    """Scales to 0..100 by the largest value among the fitting nodes (DefaultNormalizeScore); None if all are alike."""
    among = values[fitting]
    largest = float(among.max()) if among.size else 0.0
    if largest <= 0 or float(among.min()) == largest:
        return None
    scaled = np.floor(values * MAX_NODE_SCORE / largest)
    return MAX_NODE_SCORE - scaled if reverse else scaled
