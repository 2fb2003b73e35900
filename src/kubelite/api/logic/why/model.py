"""What explanations are made of: `Facts` (what was read), `Cause` (one link of the chain), `Answer`.

What: facts are plain objects as the API serves them; a `Cause` has a code for scripts, a sentence, and the one command that
helps. Why: rules that see only values can be tested by injecting any fault as an object. Flow: the reader fills `Facts` →
rules return causes → `Answer.next` is the step of the deepest cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import labels as selectors
from kubelite.machinery import times

Object = dict[str, Any]
Key = tuple[str, str, str]
SEVERAL = 5
"""Names that are listed before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something is so, because of something else."""

    code: str
    """Stable, for scripts: `InsufficientResources`."""
    text: str
    """A sentence without full stop."""
    step: str = ""
    """The one command to type next."""
    details: tuple[str, ...] = ()
    because: Cause | None = None

    @property
    def root(self) -> Cause:
        """The deepest cause that is known."""
        return self if self.because is None else self.because.root

    @property
    def next(self) -> str:
        """The step of the deepest cause that has one."""
        return (self.because.next if self.because is not None else "") or self.step

    def due_to(self, because: Cause | None) -> Cause:
        return replace(self, because=because)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is the matter with one object; nothing if `causes` is empty."""

    kind: str
    namespace: str
    name: str
    state: str
    causes: tuple[Cause, ...] = ()
    uid: str = ""

    @property
    def next(self) -> str:
        return next((cause.next for cause in self.causes if cause.next), "")


@dataclass(frozen=True, slots=True)
class Placement:
    """What the scheduler's own code says about a pod now."""

    node: str = ""
    message: str = ""
    refused: str = ""
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Node → why it does not take the pod."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """Resource → how much the pod asks for."""
    free: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Short resource → (most that is free on a node, most that a node has)."""
    too_large: frozenset[str] = frozenset()
    """Resources of which even the largest empty node has too little."""
    counted: bool = False
    """The keys of `reasons` are numbers of nodes, not names."""
    victims: tuple[str, ...] = ()
    room_on: str = ""
    """The node that preemption would make room on."""


@dataclass(slots=True)
class Facts:
    """Everything that was read. `known` keys without object are known not to exist."""

    now: datetime
    objects: dict[Key, Object] = field(default_factory=dict)
    known: set[Key] = field(default_factory=set)
    whole: set[tuple[str, str]] = field(default_factory=set)
    """(kind, namespace) read as whole lists; namespace "" for all."""
    place: Callable[[Object], Placement] | None = None
    last_lines: dict[tuple[str, str], str] = field(default_factory=dict)
    """(pod, container) → the last line of its log."""
    scheduler_names: frozenset[str] = frozenset({"default-scheduler"})

    def add(self, kind: str, obj: Object) -> None:
        key = (kind, str(meta(obj).get("namespace") or ""), str(meta(obj).get("name") or ""))
        self.objects[key] = obj
        self.known.add(key)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((kind, namespace, name))

    def missing(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it was looked for and is not there."""
        key = (kind, namespace, name)
        read = key in self.known or (kind, namespace) in self.whole or (kind, "") in self.whole
        return read and key not in self.objects

    def all(self, kind: str, namespace: str = "") -> list[Object]:
        """Those that were read; of all namespaces for ""."""
        return [o for (k, ns, _), o in self.objects.items() if k == kind and (not namespace or ns == namespace)]

    def read(self, kind: str, namespace: str = "") -> bool:
        """Whether the whole list is known."""
        return (kind, namespace) in self.whole or (kind, "") in self.whole

    def events(self, kind: str, obj: Object, *reasons: str) -> list[Object]:
        """Events about an object, the latest first; only those with these reasons, if any are given."""
        uid, name, namespace = meta(obj).get("uid"), meta(obj).get("name"), meta(obj).get("namespace") or ""
        found = []
        for event in self.all("Event"):
            about = event.get("involvedObject") or {}
            if about.get("kind") != kind or about.get("name") != name or (about.get("namespace") or "") != namespace:
                continue
            if about.get("uid") and uid and about["uid"] not in (uid, name):
                continue
            if not reasons or event.get("reason") in reasons:
                found.append(event)
        return sorted(found, key=event_time, reverse=True)

    def seconds_since(self, text: str | None) -> float:
        """0 for no time."""
        return (self.now - times.parse(text)).total_seconds() if text else 0.0

    def age(self, text: str | None) -> str:
        return times.age(max(0.0, self.seconds_since(text)))


def event_time(event: Object) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def meta(obj: Object) -> Object:
    return obj.get("metadata") or {}


def spec(obj: Object) -> Object:
    return obj.get("spec") or {}


def status(obj: Object) -> Object:
    return obj.get("status") or {}


def name_of(obj: Object) -> str:
    return str(meta(obj).get("name") or "")


def namespace_of(obj: Object) -> str:
    return str(meta(obj).get("namespace") or "")


def flag(obj: Object) -> str:
    """` -n NAMESPACE`, for commands about a namespaced object."""
    namespace = namespace_of(obj)
    return f" -n {namespace}" if namespace and namespace != "default" else ""


def condition(obj: Object, type_: str) -> Object:
    """The condition of that type, {} if there is none."""
    return next((c for c in status(obj).get("conditions") or () if c.get("type") == type_), {})


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) selects these labels; a bad one selects nothing."""
    try:
        typed = msgspec.convert(selector or {}, LabelSelector)
        return selectors.from_label_selector(typed).matches(labels)
    except ValueError:
        return False


def controlled(objects: Iterable[Object], owner: Object) -> list[Object]:
    """The objects that `owner` controls."""
    uid = meta(owner).get("uid")
    return [o for o in objects if any(r.get("uid") == uid and uid for r in meta(o).get("ownerReferences") or ())]


def finalizers_left(word: str, obj: Object) -> Cause:
    """An object that is deleted, but held by finalizers; `word` is its type for commands."""
    finalizers = meta(obj).get("finalizers") or ()
    text = f"it waits for finalizers to be removed by whoever set them: {listed(finalizers)}"
    force = f'kubelite patch {word} {name_of(obj)}{flag(obj)} --type=merge -p \'{{"metadata":{{"finalizers":null}}}}\''
    details = (f"if that program is gone for good, and what it would clean up with it: {force}",)
    return Cause("Finalizers", text, f"kubelite get {word} {name_of(obj)}{flag(obj)} -o yaml", details)


def listed(names: Iterable[str]) -> str:
    """`a, b and 3 more`."""
    found = list(names)
    if len(found) <= SEVERAL:
        return ", ".join(found)
    return f"{', '.join(found[:SEVERAL])} and {len(found) - SEVERAL} more"


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
