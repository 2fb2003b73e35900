"""The table that `kubectl get pods` shows.

What: the columns, and the cells of a pod, above all the one word of STATUS. Flow: a typed Pod and the present time in, a list
of cells out. Upstream: pkg/printers/internalversion printPod.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kubelite.api.types import core_v1 as v1
from kubelite.machinery import times
from kubelite.machinery.kind import Column

NONE = "<none>"

COLUMNS = (
    Column(name="Name", format="name", description="Name of the pod, unique within its namespace."),
    Column(name="Ready", description="Containers that are ready, out of all that run for the pod's whole life."),
    Column(name="Status", description="What the pod is doing, in one word."),
    Column(name="Restarts", description="How often containers were restarted, and when the last one was."),
    Column(name="Age", description="How long the pod exists."),
    Column(name="IP", priority=1, description="The pod's first address."),
    Column(name="Node", priority=1, description="The node the pod is bound to."),
    Column(name="Nominated Node", priority=1, description="The node where room is being made for the pod."),
    Column(name="Readiness Gates", priority=1, description="Readiness gates that are fulfilled, out of all."),
)


class _Tally:
    """Restarts and readiness, counted while the containers are walked through."""

    __slots__ = ("last", "ready", "restarts")

    def __init__(self) -> None:
        self.restarts = 0
        self.last = ""
        self.ready = 0

    def add(self, status: v1.ContainerStatus) -> None:
        self.restarts += status.restartCount or 0
        last = status.lastState.terminated if status.lastState is not None else None
        if last is not None and last.finishedAt and last.finishedAt > self.last:
            self.last = last.finishedAt

    def text(self, now: datetime) -> str:
        """`3 (5m ago)`, or just the number where no time is known."""
        if self.restarts and self.last:
            return f"{self.restarts} ({times.age_of(self.last, now)} ago)"
        return str(self.restarts)


def row(pod: v1.Pod, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    word, ready, total, restarts = _summary(pod)
    status = pod.status
    return [
        pod.metadata.name,
        f"{ready}/{total}",
        word,
        restarts.text(now),
        times.age_of(pod.metadata.creationTimestamp, now),
        (status.podIPs[0].ip if status.podIPs else "") or NONE,
        pod.spec.nodeName or NONE,
        status.nominatedNodeName or NONE,
        _readiness_gates(pod),
    ]


def status_word(pod: v1.Pod) -> str:
    """The word of the STATUS column."""
    return _summary(pod)[0]


def _summary(pod: v1.Pod) -> tuple[str, int, int, _Tally]:
    """(status word, ready containers, containers that count, restarts)."""
    status = pod.status
    word = status.reason or status.phase
    if any(c.type == "PodScheduled" and c.reason == "SchedulingGated" for c in status.conditions):
        word = "SchedulingGated"
    sidecars = {c.name for c in pod.spec.initContainers if c.restartPolicy == "Always"}
    total = len(pod.spec.containers) + len(sidecars)

    during_init, sidecar_tally = _Tally(), _Tally()
    init_word = _initializing(pod, sidecars, during_init, sidecar_tally)
    tally = during_init
    if init_word:
        word = init_word
    if not init_word or _is_true(status.conditions, "Initialized"):
        tally = sidecar_tally
        word, running = _containers(status.containerStatuses, tally, word)
        if word == "Completed" and running:
            word = "Running" if _is_true(status.conditions, "Ready") else "NotReady"
    ready = sidecar_tally.ready
    if pod.metadata.deletionTimestamp is not None:
        if status.reason == "NodeLost":
            word = "Unknown"
        elif status.phase not in ("Succeeded", "Failed"):
            word = "Terminating"
    return word, ready, total, tally


def _initializing(pod: v1.Pod, sidecars: set[str], tally: _Tally, sidecar_tally: _Tally) -> str:
    """`Init:…` for the first init container that is not done, "" once all are; counts on the way."""
    for position, status in enumerate(pod.status.initContainerStatuses):
        tally.add(status)
        sidecar = status.name in sidecars
        if sidecar:
            sidecar_tally.add(status)
        state = status.state
        terminated = state.terminated if state is not None else None
        waiting = state.waiting if state is not None else None
        if terminated is not None and not terminated.exitCode:
            continue
        if sidecar and status.started:
            sidecar_tally.ready += 1 if status.ready else 0
            continue
        if terminated is not None:
            return f"Init:{_terminated_word(terminated)}"
        if waiting is not None and waiting.reason and waiting.reason != "PodInitializing":
            return f"Init:{waiting.reason}"
        return f"Init:{position}/{len(pod.spec.initContainers)}"
    return ""


def _containers(statuses: list[v1.ContainerStatus], tally: _Tally, word: str) -> tuple[str, bool]:
    """(the word of the first container that has one, whether any container runs and is ready); counts on the way."""
    running = False
    for status in reversed(statuses):
        tally.add(status)
        state = status.state
        if state is None:
            continue
        if state.waiting is not None and state.waiting.reason:
            word = state.waiting.reason
        elif state.terminated is not None:
            word = _terminated_word(state.terminated)
        elif status.ready and state.running is not None:
            running = True
            tally.ready += 1
    return word, running


def _terminated_word(terminated: v1.ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    if terminated.signal:
        return f"Signal:{terminated.signal}"
    return f"ExitCode:{terminated.exitCode or 0}"


def _is_true(conditions: Iterable[v1.PodCondition], type_: str) -> bool:
    return any(c.type == type_ and c.status == "True" for c in conditions)


def _readiness_gates(pod: v1.Pod) -> str:
    gates = pod.spec.readinessGates
    if not gates:
        return NONE
    met = sum(1 for gate in gates if _is_true(pod.status.conditions, gate.conditionType))
    return f"{met}/{len(gates)}"
