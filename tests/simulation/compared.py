"""Whether a forecast is what happened: the last step of foretold.py, on what a case has left (`Record`), as often as wanted.

What: `compare(record)` → `Verdict`. Where the scheduler had to take one of several equally good nodes, the forecast is told which
(witness.py): that is a die. "right" is a forecast of which nothing else was told. If it differs, it is made again on the same
snapshot:

- "right in the order seen": told in which order pods came, asked quotas, were taken up by the scheduler, and when it knew (at
  once, or one pod later) that victims had gone, and nothing else, it is right. Who is first is up to clocks; what else a
  forecast gets wrong, this does not make right.
- "one of the outcomes it warned of": the forecast said that this depends on timing, and in one of a hundred random orders it is
  what happened. A forecast that warns, and that no such order makes right, is wrong.
- everything else is "wrong".
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from kubelite.cli.flags import Parsed
from kubelite.cli.session import Session, Streams
from kubelite.cmd.questions import asking, snapshot
from kubelite.cmd.questions.whatif import Options
from kubelite.scheduler.forecast import Choices, Forecast, by_priority
from kubelite.scheduler.offline import Simulation
from tests.simulation import worlds
from tests.simulation.truth import Object
from tests.simulation.witness import NEVER, Queue, Seen, as_decided, as_they_asked, as_they_came, group_of_info

SHUFFLES = 100
TOLD = ("nodeName", "priority", "nodeSelector", "affinity", "topologySpreadConstraints", "tolerations")
RIGHT, ORDER, DECLARED, WRONG = "right", "right in the order seen", "one of the outcomes it warned of", "wrong"
SPACE = worlds.SPACE


class Verdict(msgspec.Struct):
    """How one case went, and what differs from the plain forecast."""

    kind: str
    text: str = ""
    action: str = ""


@dataclass
class Attempt:
    """One forecast: what differs from what happened, and whether it says that it may be otherwise."""

    wrong: str
    declared: bool


@dataclass
class Record:
    """What a case has left: the question, the snapshot it was asked of, what then happened."""

    seed: int
    action: worlds.Action
    taken: bytes
    seen: Seen


def compare(record: Record) -> Verdict:
    """How the case went."""
    plain, kind = forecast(record), record.action.kind
    if not plain.wrong:
        return Verdict(RIGHT, "", kind)
    for known in SEEN:
        if not forecast(record, known).wrong:
            return Verdict(ORDER, plain.wrong, kind)
    if plain.declared:
        for number in range(SHUFFLES):
            if not forecast(record, Known(shuffle=Random(number))).wrong:
                return Verdict(DECLARED, plain.wrong, kind)
    return Verdict(WRONG, f"{plain.wrong}{', which it warned of' if plain.declared else ''}", kind)


@dataclass(frozen=True)
class Known:
    """What the forecast is told of what clocks decide: the order in which pods came, were taken up; when victims had gone."""

    came: bool = False
    decided: bool = False
    gone: bool = False
    late: int = 0
    """How many pods the scheduler takes up until it knows who has gone."""
    one_by_one: bool = False
    """Each was taken up before the next had come."""
    shuffle: Random | None = None


SEEN = [
    Known(True, decided, gone, late, one_by_one)
    for one_by_one in (False, True)
    for gone, late in ((False, 0), (True, 0), (True, 1))
    for decided in (False, True)
]


def forecast(record: Record, known: Known = Known(), story: str = "") -> Attempt:
    """What `whatif` says."""
    act, seen, shuffle = record.action, record.seen, known.shuffle
    session = Session(Parsed({"namespace": SPACE}, [], frozenset()), Streams(io.StringIO(), io.StringIO()))
    question = asking.Question(Options((), snapshot="taken"), session, snapshot.load(record.taken, "taken"))
    room = Room(seen, question.simulation, known)
    order: Queue = by_priority
    if known.decided:
        order = as_decided(seen)
    elif known.came:
        order = as_they_came(seen, set(question.simulation.pending), at_once=not known.one_by_one)
    if known.came:
        question.makers.order = as_they_asked(seen)
    if shuffle is not None:
        order = question.makers.order = lambda queue: shuffle.sample(queue, len(queue))
    stay = room.stay if known.gone or shuffle is not None else Choices().stay
    question.choices = Choices(room.node, room.promised, order, stay)
    room.forecast = made = _asked(question, act)
    result = made.run()
    wrong = _differences(seen.places, room.places())
    if story:
        print(f"{story}: {wrong or 'right'}", *result.pods, result.gone, result.blocked, result.preempted, sep="\n  ")
        print("  refused", question.admission.refused)
    text = f"{act.kind} {act.node}: {wrong}" if wrong else ""
    return Attempt(text, result.depends_on_timing or question.makers.contended)


def tell(record: Record) -> None:
    """What happened, and what was foretold."""
    print(f"case {record.seed}: {record.action}")
    taken = snapshot.load(record.taken, "taken")
    for kind in ("Node", "ResourceQuota", "PodDisruptionBudget"):
        for one in taken.objects(kind):
            print(kind, one["metadata"]["name"], one["spec"], one.get("status") if kind != "Node" else "")
    for pod in taken.objects("Pod"):
        spec = {key: value for key, value in pod["spec"].items() if key in TOLD}
        asked = pod["spec"]["containers"][0]["resources"].get("requests")
        print("pod", pod["metadata"]["name"], pod["metadata"].get("labels", {}).get("app"), asked, spec)
    print(*(f"{one.time:.3f} {one.key} {one[3:]}" for one in record.seen.sights), sep="\n")
    forecast(record, story="plain")
    forecast(record, Known(came=True, decided=True, gone=True), story="in the order seen")


def _asked(question: asking.Question, act: worlds.Action) -> Forecast:
    if act.kind == "quota":
        question.admission.quotas.change(SPACE, "q", act.hard, {})
        return question.quota([])
    if act.kind == "apply":
        return question.create([_manifest(resource, body) for resource, body in act.objects])
    if act.kind == "taint":
        taints = act.removed or act.taints
        gone = bool(act.removed)
        return question.taint(act.node, [(one["key"], one.get("value", ""), one["effect"], gone) for one in taints])
    return question.drain(act.node) if act.kind == "drain" else question.lose(act.node)


def _manifest(resource: str, body: Object) -> Object:
    kind, version = worlds.KINDS[resource]
    return {"apiVersion": version, "kind": kind, **body}


class Room:
    """Chooses between equally good nodes as the scheduler did."""

    def __init__(self, seen: Seen, simulation: Simulation, known: Known) -> None:
        self.seen, self.simulation, self._shuffle = seen, simulation, known.shuffle
        self.promises = seen.promises
        self.stays, self._late = seen.stays, known.late
        self.forecast: Forecast | None = None

    def pods(self) -> list[tuple[Any, str]]:
        """All pods with their nodes."""
        table = self.simulation.world.nodes
        found = [
            (info, table.names[at]) for at, pods in enumerate(table.pods) for info in pods.values() if table.names[at]
        ]
        return found + [(info, "") for info in (self.forecast.waiting if self.forecast else ())]

    def places(self) -> dict[str, Counter[str]]:
        places: dict[str, Counter[str]] = {}
        for info, node in self.pods():
            places.setdefault(group_of_info(info), Counter())[node] += 1
        return places

    def node(self, info: Any, equal: Sequence[str]) -> str:
        group = group_of_info(info)
        left = Counter(self.seen.places.get(group, Counter()))
        left.subtract(node for other, node in self.pods() if group_of_info(other) == group and node)
        return next((node for node in equal if left[node] > 0), equal[0])

    def stay(self, info: Any) -> int:
        if self._shuffle is not None:
            return self._shuffle.randrange(4)
        mine = self.stays.get(group_of_info(info), [])
        return mine.pop(0) + self._late if mine else NEVER

    def promised(self, info: Any, equal: Sequence[str]) -> str:
        promised = self.promises.get(group_of_info(info), [])
        if self._shuffle is not None:
            return self._shuffle.choice(equal)
        return next((promised.pop(at) for at, node in enumerate(promised) if node in equal), equal[0])


def _differences(real: dict[str, Counter[str]], foretold: dict[str, Counter[str]]) -> str:
    nothing: Counter[str] = Counter()
    return "; ".join(
        f"{group} is on {_shown(real.get(group, nothing))}, not {_shown(foretold.get(group, nothing))}"
        for group in sorted({*real, *foretold})
        if real.get(group, nothing) != foretold.get(group, nothing)
    )


def _shown(places: Counter[str]) -> str:
    return ", ".join(f"{number} x {node or 'pending'}" for node, number in sorted(places.items())) or "nothing"
