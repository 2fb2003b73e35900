"""What `whatif` says: a table for people, a `Forecast` object for programs, and the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from kubelite.cli import printers
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.scheduler.forecast import NOBODY, Outcome, Result

API_VERSION = "kubelite.io/v1alpha1"
SHOWN_EQUAL = 3
LISTED_EQUAL = 20
"""Equally good nodes that programs are told by name."""


@dataclass(slots=True)
class Answer:
    """Everything there is to say. `flags`: what `kubelite drain` would ask for."""

    result: Result
    refused: dict[str, str]
    notes: list[str]
    flags: list[str] = field(default_factory=list)
    drained: str = ""


def show(output: str, session: Session, answer: Answer) -> int:
    """Prints it. Exit code: 0 everything would have a place, 1 something would stay Pending, be refused or be blocked."""
    if output:
        session.write(printers.make(output, typed=True)(shown(answer)))
    else:
        session.write(text(answer))
    result = answer.result
    return int(any(not outcome.node for outcome in result.pods) or bool(answer.refused) or bool(result.blocked))


# what a drain would ask for


class _Volume(msgspec.Struct):
    emptyDir: dict[str, Any] | None = None


class _Spec(msgspec.Struct):
    nodeName: str = ""
    volumes: list[_Volume] = []


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec


def drain_flags(snapshot: Snapshot, result: Result, node: str) -> list[str]:
    """Without these, `kubelite drain` refuses."""
    found = []
    if result.stay:
        found.append("--ignore-daemonsets")
    if any(why == NOBODY for why in result.gone.values()):
        found.append("--force")
    pods = [pod for pod in snapshot.typed("Pod", _Pod) if pod.spec.nodeName == node]
    with_data = {
        f"{p.metadata.namespace}/{p.metadata.name}" for p in pods if any(v.emptyDir is not None for v in p.spec.volumes)
    }
    if with_data - set(result.stay):
        found.append("--delete-emptydir-data")
    return found


# for people


def text(answer: Answer) -> str:
    """A table, a line that sums up, and notes."""
    result, refused = answer.result, answer.refused
    rows = [[one.pod, one.node or "<none>", one.why or _note(one)] for one in result.pods]
    rows += [[key, "<refused>", why] for key, why in refused.items()]
    rows += [[key, "<stays>", f"cannot be evicted: {why}"] for key, why in result.blocked.items()]
    rows += [[key, "<gone>", why] for key, why in result.gone.items()]
    rows += [[key, "<gone>", f"preempted by {by}"] for key, by in result.preempted.items()]
    rows += [[key, "<stays>", "daemon sets' and static pods are not drained"] for key in result.stay]
    lines = [f"{note}.\n" for note in answer.notes]
    if answer.flags:
        lines.append(f"To do it: kubelite drain {answer.drained} {' '.join(answer.flags)}\n")
    if not rows:
        return "".join(["No pod would move.\n", *lines])
    placed = sum(1 for outcome in result.pods if outcome.node)
    summary = f"{placed} placed, {len(result.pods) - placed} pending"
    for count, word in ((len(refused), "refused"), (len(result.blocked), "blocked"), (len(result.gone), "gone")):
        summary += f", {count} {word}" if count else ""
    if result.depends_on_timing:
        summary += ". Pods are preempted for others: who gets which room depends on when they stop"
    return "".join([table(["POD", "NODE", "WHY"], rows)[0], f"{summary}. Nothing was written.\n", *lines])


def _note(one: Outcome) -> str:
    parts = [f"instead of {one.instead_of}"] if one.instead_of else []
    if one.after:
        parts.append(f"after {one.after:.0f}s (tolerationSeconds)")
    if one.once:
        parts.append(f"once the disruption budget {one.once} allows it again")
    if len(one.equal) > 1:
        others = list(islice((name for name in one.equal if name != one.node), SHOWN_EQUAL))
        left = len(one.equal) - 1 - len(others)
        parts.append(f"or {', '.join(others)}{f' and {left} more' if left else ''}: equally good")
    if one.victims:
        parts.append(f"preempts {', '.join(one.victims)}")
    return ", ".join(parts)


# for programs


def shown(answer: Answer) -> Object:
    """As an object; what is empty of a pod is left out."""
    result, pods = answer.result, []
    for one in result.pods:
        more: Object = {
            "equal": list(islice(one.equal, LISTED_EQUAL)),
            "equalCount": len(one.equal) if len(one.equal) > LISTED_EQUAL else 0,
            "why": one.why,
            "insteadOf": one.instead_of,
            "afterSeconds": one.after,
            "onceAllowedBy": one.once,
            "victims": list(one.victims),
        }
        pods.append({"pod": one.pod, "node": one.node} | {key: value for key, value in more.items() if value})
    return {
        "apiVersion": API_VERSION,
        "kind": "Forecast",
        "pods": pods,
        "refused": answer.refused,
        "blocked": result.blocked,
        "preempted": result.preempted,
        "dependsOnTiming": result.depends_on_timing,
        "gone": result.gone,
        "stay": result.stay,
        "notes": answer.notes,
        **({"drainFlags": answer.flags} if answer.drained else {}),
    }
