"""A container runtime that only pretends: what the kubelet's pod workers are given instead of CRI.

What: `PretendedRuntime` keeps, for each pod uid, the `ObservedPod` that a real runtime would report, and changes it as the
script says: `sync` starts (it waits as a pull and a start would), timers end containers, `Stopper` stops them. Why: plan,
back-off, status and deletion stay the kubelet's own code. Flow: worker → `sync` → new `ObservedPod` → worker looks; a timer
→ `wake(uid)` → worker. One object serves all nodes of the process; nothing here does I/O.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from kubelite.api.types.core_v1 import ContainerStatus, Pod
from kubelite.cmd.simulate.addresses import Addresses
from kubelite.cmd.simulate.script import Script
from kubelite.kubelet.crashloop import CrashLoop
from kubelite.kubelet.interfaces import AnyContainer, SyncError
from kubelite.kubelet.observed import EXITED, RUNNING, ObservedContainer, ObservedPod, ObservedSandbox
from kubelite.kubelet.plan import Plan, Reset, Start
from kubelite.kubelet.podspec import container_hash, find_container, grace_period, is_host_network, is_restartable_init
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.runtime.sync import RESET, Outcome
from kubelite.machinery import times

NAME = "simulated"
KILLED = 137
NOTHING_MORE = 3600.0
"""Seconds to the next look at a pod of which nothing is expected; a timer or a change wakes it before."""
KEPT_DEAD = 1
"""Dead containers kept for each name, as a kubelet's housekeeping does."""


@dataclass(slots=True)
class _Pod:
    observed: ObservedPod
    script: Script
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    """Of containers whose records were removed: the number of the next one."""


class PretendedRuntime:
    """`wake(uid)` is called when a container ended or became ready by itself."""

    def __init__(self, script: Script, reporter: Reporter, wake: Callable[[str], None], origin: str = "") -> None:
        self.crashes = CrashLoop()
        self.hooking: Set[str] = frozenset()
        self._script = script
        self._reporter = reporter
        self._wake = wake
        self._pods: dict[str, _Pod] = {}
        self._addresses = Addresses(origin)

    def __len__(self) -> int:
        return len(self._pods)

    async def observe(self, uid: str) -> ObservedPod:
        """What runs of this pod now."""
        known = self._pods.get(uid)
        return known.observed if known is not None else ObservedPod(uid)

    def note_waits(self, pod: Pod, plan: Plan) -> dict[str, tuple[str, str]]:
        return self._reporter.waits(pod, plan)

    def adopt(self, pod: Pod) -> None:
        """Takes the containers that an earlier process left running for running: the API's status says which."""
        uid, status = pod.metadata.uid, pod.status
        if uid in self._pods or not any(item.containerID for item in status.containerStatuses):
            return
        now = time.time_ns()
        ips = tuple(item.ip for item in status.podIPs)
        for ip in ips:
            self._addresses.reserve(ip)
        box = ObservedSandbox(_id(uid, "box"), 0, status.phase == "Running", now, is_host_network(pod), ips)
        seen = (_seen(pod, item, box.id, now) for item in (*status.initContainerStatuses, *status.containerStatuses))
        found = [container for container in seen if container is not None]
        known = _Pod(ObservedPod(uid, "", "", (box,), tuple(found)), self._script_of(pod))
        self._pods[uid] = known
        for container in found:
            if container.state == RUNNING:
                self._arm(known, pod, container)

    # --- up

    async def sync(self, pod: Pod, observed: ObservedPod, plan: Plan, host_ips: Sequence[str]) -> Outcome:
        """Does what the plan says; starts take their time here."""
        outcome = Outcome(reasons=self._reporter.waits(pod, plan))
        for wait in plan.waits:
            outcome.retry_in(wait.seconds + 0.05)
        if plan.reset:
            self._reset(self._known(pod), pod, plan.reset)
            return outcome
        if plan.kill_pod:
            await self.pod(pod, observed, grace_period(pod))
            if not plan.create_sandbox:
                return outcome
        try:
            known = self._known(pod)
        except ValueError as error:
            outcome.error = SyncError("CreatePodSandboxError", str(error))
            self._reporter.pod(pod, "Warning", "FailedCreatePodSandBox", str(error))
            return outcome
        for kill in plan.kill:
            self._reporter.container(pod, kill.name, "Normal", "Killing", kill.message)
            self._end(known, kill.container_id, KILLED)
        if plan.create_sandbox:
            self._make_sandbox(known, pod, plan.sandbox_attempt)
        for start in (*plan.start_ephemeral, *plan.start_init, *plan.start):
            await self._start(known, pod, start)
        outcome.retry_in(NOTHING_MORE)
        return outcome

    def _reset(self, known: _Pod, pod: Pod, resets: Sequence[Reset]) -> None:
        gone = {reset.container_id for reset in resets}
        for reset in resets:
            if reset.kill:
                self._reporter.container(pod, reset.name, "Normal", "Killing", RESET)
            self._end(known, reset.container_id, KILLED)
        for container in known.observed.containers:
            if container.id in gone:
                known.attempts[container.name] = max(known.attempts.get(container.name, 0), container.attempt + 1)
        left = tuple(c for c in known.observed.containers if c.id not in gone)
        known.observed = replace(known.observed, containers=left)

    def _known(self, pod: Pod) -> _Pod:
        known = self._pods.get(pod.metadata.uid)
        if known is None:
            meta = pod.metadata
            known = _Pod(ObservedPod(meta.uid, meta.namespace, meta.name), self._script.of(pod))
            self._pods[meta.uid] = known
        return known

    def _script_of(self, pod: Pod) -> Script:
        try:
            return self._script.of(pod)
        except ValueError:
            return self._script

    def _make_sandbox(self, known: _Pod, pod: Pod, attempt: int) -> None:
        host = is_host_network(pod)
        before = known.observed.sandbox
        ips = before.ips if before is not None and not host else () if host else (self._addresses.take(),)
        box = ObservedSandbox(_id(pod.metadata.uid, "box", attempt), attempt, True, time.time_ns(), host, ips)
        known.observed = replace(known.observed, sandboxes=(box,))

    async def _start(self, known: _Pod, pod: Pod, start: Start) -> None:
        kind, spec = _kind_of(pod, start.name)
        attempt = start.attempt or known.attempts.get(start.name, 0)
        step = known.script.step(pod, kind, start.name, attempt)
        await asyncio.sleep(step.start)
        now = time.time_ns()
        box = known.observed.sandbox
        made = ObservedContainer(
            id=_id(pod.metadata.uid, start.name, attempt),
            sandbox_id=box.id if box is not None else "",
            name=start.name,
            attempt=attempt,
            state=RUNNING,
            created_at=now,
            started_at=now,
            image=spec.image,
            image_id=spec.image,
            hash=container_hash(spec),
        )
        same = [c for c in known.observed.containers if c.name == start.name][:KEPT_DEAD]
        others = tuple(c for c in known.observed.containers if c.name != start.name)
        known.observed = replace(known.observed, containers=(made, *same, *others))
        self._reporter.container(pod, start.name, "Normal", "Created", "Container created")
        self._reporter.container(pod, start.name, "Normal", "Started", "Container started")
        if start.finished_at:
            self.crashes.started(pod.metadata.uid, start.name, start.finished_at, time.time())
        self._arm(known, pod, made)

    def _arm(self, known: _Pod, pod: Pod, container: ObservedContainer) -> None:
        """Sets the timer that ends the container."""
        step = known.script.step(pod, _kind_of(pod, container.name)[0], container.name, container.attempt)
        if step.run is not None:
            loop = asyncio.get_running_loop()
            known.timers[container.id] = loop.call_later(step.run, self._ended, known, container.id, step.code)

    def _ended(self, known: _Pod, container_id: str, code: int) -> None:
        self._end(known, container_id, code)
        self._wake(known.observed.uid)

    def _end(self, known: _Pod, container_id: str, code: int) -> None:
        timer = known.timers.pop(container_id, None)
        if timer is not None:
            timer.cancel()
        known.observed = replace(known.observed, containers=tuple(_ending(known.observed, {container_id}, code)))

    # --- down

    async def pod(self, pod: Pod, observed: ObservedPod, grace: int) -> None:
        """Stops all containers, then the sandbox."""
        known = self._pods.get(pod.metadata.uid)
        if known is None:
            return
        running = {c.id for c in known.observed.running}
        if running:
            for container in known.observed.running:
                text = f"Stopping container {container.name}"
                self._reporter.container(pod, container.name, "Normal", "Killing", text)
            await asyncio.sleep(known.script.stopping(pod, grace))
        for timer in known.timers.values():
            timer.cancel()
        known.timers.clear()
        ended = tuple(_ending(known.observed, running, 0 if grace else KILLED))
        boxes = tuple(replace(box, ready=False) for box in known.observed.sandboxes)
        known.observed = replace(known.observed, containers=ended, sandboxes=boxes)

    async def remove_pod(self, pod: Pod, observed: ObservedPod) -> None:
        """Forgets the pod."""
        known = self._pods.pop(pod.metadata.uid, None)
        if known is None:
            return
        for timer in known.timers.values():
            timer.cancel()
        for box in known.observed.sandboxes:
            for ip in box.ips:
                self._addresses.release(ip)

    # --- readiness

    def ready_in(self, pod: Pod, name: str, container_id: str) -> float:
        """Seconds until the container passes its readiness probe; not positive: it does."""
        known = self._pods.get(pod.metadata.uid)
        container = next((c for c in known.observed.containers if c.id == container_id), None) if known else None
        if known is None or container is None:
            return 1.0
        return container.started_at / 1e9 + known.script.readiness(pod, name) - time.time()


def _seen(pod: Pod, item: ContainerStatus, sandbox_id: str, now: int) -> ObservedContainer | None:
    """The container that this status tells of; None for one that was never made."""
    spec = find_container(pod, item.name)
    state = item.state
    if spec is None or not item.containerID or state is None or (state.running is None and state.terminated is None):
        return None
    ended = state.terminated
    began = ended.startedAt if ended is not None else state.running.startedAt if state.running is not None else None
    return ObservedContainer(
        id=item.containerID.rpartition("/")[2],
        sandbox_id=sandbox_id,
        name=item.name,
        attempt=item.restartCount or 0,
        state=RUNNING if ended is None else EXITED,
        created_at=now,
        started_at=_nanoseconds(began) or now,
        finished_at=(_nanoseconds(ended.finishedAt) or now) if ended is not None else 0,
        exit_code=(ended.exitCode or 0) if ended is not None else 0,
        reason=(ended.reason or "") if ended is not None else "",
        image=item.image or "",
        image_id=item.imageID or "",
        hash=container_hash(spec[1]),
    )


def _nanoseconds(text: str | None) -> int:
    return int(times.parse(text).timestamp()) * 1_000_000_000 if text else 0


def _kind_of(pod: Pod, name: str) -> tuple[str, AnyContainer]:
    found = find_container(pod, name)
    if found is None:
        raise SyncError("RunContainerError", f"container {name} is not in the spec")
    kind, spec = found
    return ("sidecar" if kind == "init" and is_restartable_init(spec) else kind), spec


def _ending(observed: ObservedPod, ids: Set[str], code: int) -> Iterator[ObservedContainer]:
    """The containers, those of `ids` that run ended now."""
    now = time.time_ns()
    for container in observed.containers:
        if container.id in ids and container.state == RUNNING:
            reason = "Completed" if code == 0 else "Error"
            yield replace(container, state=EXITED, finished_at=now, exit_code=code, reason=reason)
        else:
            yield container


def _id(*words: object) -> str:
    """64 hexadecimal digits, as runtimes name containers."""
    return blake2b("\0".join(map(str, words)).encode(), digest_size=32).hexdigest()
