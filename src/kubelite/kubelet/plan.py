"""What to do about a pod: its spec and what runs, in; a `Plan` of actions, out. Pure.

Why: every decision of the kubelet about containers stands here, and is tested without a runtime.
Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go:computePodActions, computeInitContainerActions, getContainersToReset,
doBackOff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kubelite.api.types.core_v1 import Container, Pod
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import FAILURE, SUCCESS, AnyContainer
from kubelite.kubelet.observed import CREATED, EXITED, RUNNING, UNKNOWN, ObservedContainer, ObservedPod

ProbeResult = Callable[[str, str, str], str | None]
"""(container name, container id, `liveness` | `startup`) → result."""

Remaining = Callable[[str, float], tuple[float, float]]
"""(container name, seconds at which it ended) → (seconds to wait, the whole wait), (0, 0) for none."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop one container; `reason` is "" or the probe that failed (`liveness`, `startup`), `message` goes to the event."""

    container_id: str
    name: str
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reset:
    """Remove one container, so that the pod starts anew in its sandbox; `kill` if it may still run."""

    container_id: str
    name: str
    kill: bool


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container; `attempt` is its restart count, `finished_at` when the previous one ended (0.0: there was none)."""

    name: str
    attempt: int
    finished_at: float = 0.0
    replaces: str = ""
    """Id of a container that was made but never started: it is removed first, and its attempt is used again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A container that waits in CrashLoopBackOff for `seconds` more of a wait of `whole` seconds."""

    name: str
    seconds: float
    whole: float


@dataclass(frozen=True, slots=True)
class Plan:
    """In this order: kill the pod (all containers and sandboxes), or single containers; make a sandbox; start containers.

    A plan with `reset` says nothing else: what is next is planned when those containers are gone.
    """

    reset: tuple[Reset, ...] = ()
    kill_pod: bool = False
    create_sandbox: bool = False
    sandbox_attempt: int = 0
    kill: tuple[Kill, ...] = ()
    start_ephemeral: tuple[Start, ...] = ()
    start_init: tuple[Start, ...] = ()
    start: tuple[Start, ...] = ()
    waits: tuple[Wait, ...] = ()
    initialized: bool = False

    @property
    def idle(self) -> bool:
        """Nothing to do now."""
        acts = self.kill_pod or self.create_sandbox or self.kill or self.start_ephemeral or self.start_init
        return not (acts or self.start or self.reset)


@dataclass(slots=True)
class _Draft:
    pod: Pod
    observed: ObservedPod
    probe: ProbeResult
    kill_pod: bool = False
    kill: list[Kill] = field(default_factory=list)
    start_init: list[Start] = field(default_factory=list)
    start: list[Start] = field(default_factory=list)
    ephemeral: list[Start] = field(default_factory=list)

    def next_start(self, name: str) -> Start:
        last = self.observed.latest(name)
        if last is None:
            return Start(name, 0)
        if last.state == CREATED and not last.started_at:
            return Start(name, last.attempt, replaces=last.id)
        ended = last if last.state == EXITED else self.observed.previous(name)
        return Start(name, last.attempt + 1, ended.finished_at / 1e9 if ended and ended.state == EXITED else 0.0)


def compute_plan(pod: Pod, observed: ObservedPod, probe: ProbeResult, remaining: Remaining) -> Plan:
    """The actions that bring what runs closer to what the spec asks; called again after they were done."""
    reset = _plan_reset(pod, observed)
    if reset:
        return Plan(reset=reset)
    changed, attempt = sandbox_changed(pod, observed)
    draft = _Draft(pod, observed, probe)
    if changed:
        plan = _plan_new_sandbox(draft, attempt)
    else:
        plan = _plan_containers(draft)
    return _hold_back(plan, remaining)


def _plan_reset(pod: Pod, observed: ObservedPod) -> tuple[Reset, ...]:
    """All containers but ephemeral ones, if the exit of one asks for a restart of all.

    Those that ask go last: as long as one is there, the reset is not done, whoever was interrupted in it.
    """
    causes = {container.id for container in podspec.restart_causes(pod, observed)}
    if not causes:
        return ()
    found = [
        Reset(seen.id, seen.name, kill=seen.state != EXITED)
        for container in (*pod.spec.initContainers, *pod.spec.containers)
        for seen in observed.containers
        if seen.name == container.name
    ]
    return tuple(sorted(found, key=lambda one: one.container_id in causes))


def sandbox_changed(pod: Pod, observed: ObservedPod) -> tuple[bool, int]:
    """Whether a new sandbox is needed, and its attempt number."""
    newest = observed.sandbox
    if newest is None:
        return True, 0
    if sum(1 for s in observed.sandboxes if s.ready) > 1 or not newest.ready:
        return True, newest.attempt + 1
    if newest.host_network != podspec.is_host_network(pod):
        return True, newest.attempt + 1
    if not newest.host_network and not newest.ips:
        return True, newest.attempt + 1
    return False, newest.attempt


def _plan_new_sandbox(draft: _Draft, attempt: int) -> Plan:
    pod, observed = draft.pod, draft.observed
    kill_pod = observed.alive
    never = pod.spec.restartPolicy == "Never"
    if never and attempt != 0 and observed.containers:
        return Plan(kill_pod=kill_pod)
    wanted = [c for c in pod.spec.containers if _wanted_in_new_sandbox(draft, c)]
    if not wanted and observed.containers:
        return Plan(kill_pod=kill_pod)
    if pod.spec.initContainers:
        draft.start_init.append(draft.next_start(pod.spec.initContainers[0].name))
    else:
        draft.start.extend(draft.next_start(c.name) for c in wanted)
    return Plan(
        kill_pod=kill_pod,
        create_sandbox=True,
        sandbox_attempt=attempt,
        start_init=tuple(draft.start_init),
        start=tuple(draft.start),
    )


def _wanted_in_new_sandbox(draft: _Draft, container: Container) -> bool:
    last = draft.observed.latest(container.name)
    if last is None or last.state != EXITED:
        return True
    return podspec.restarts_after_exit(draft.pod, container, last.exit_code)


def _plan_containers(draft: _Draft) -> Plan:
    pod, observed = draft.pod, draft.observed
    for ephemeral in pod.spec.ephemeralContainers:
        if observed.latest(ephemeral.name) is None:
            draft.ephemeral.append(Start(ephemeral.name, 0))
    initialized = _plan_init(draft)
    if initialized and not draft.kill_pod:
        _plan_main(draft)
    if draft.kill_pod:
        return Plan(kill_pod=True, initialized=initialized)
    return Plan(
        kill=tuple(draft.kill),
        start_ephemeral=tuple(draft.ephemeral),
        start_init=tuple(draft.start_init),
        start=tuple(draft.start),
        initialized=initialized,
    )


# --- init containers


def has_initialized_before(pod: Pod, observed: ObservedPod) -> bool:
    """A main container was made in the present sandbox: every init container has done its part."""
    sandbox = observed.sandbox
    names = {c.name for c in pod.spec.containers}
    return sandbox is not None and any(c.name in names and c.sandbox_id == sandbox.id for c in observed.containers)


def _plan_init(draft: _Draft) -> bool:
    """Plans init containers; whether the main containers may run."""
    pod, observed = draft.pod, draft.observed
    if has_initialized_before(pod, observed):
        for container in pod.spec.initContainers:
            if podspec.is_restartable_init(container):
                _plan_sidecar(draft, container, _in_sandbox(observed, container))
        return True
    statuses = [_in_sandbox(observed, c) for c in pod.spec.initContainers]
    furthest = max((i for i, status in enumerate(statuses) if status is not None), default=-1)
    for index, (container, status) in enumerate(zip(pod.spec.initContainers, statuses, strict=True)):
        if podspec.is_restartable_init(container):
            if not _plan_sidecar(draft, container, status) and index >= furthest:
                return False
        elif index >= furthest and not _plan_run_once(draft, container, status):
            return False
    return True


def _in_sandbox(observed: ObservedPod, container: AnyContainer) -> ObservedContainer | None:
    sandbox = observed.sandbox
    last = observed.latest(container.name)
    return last if last is not None and sandbox is not None and last.sandbox_id == sandbox.id else None


def _plan_run_once(draft: _Draft, container: Container, status: ObservedContainer | None) -> bool:
    """An ordinary init container; whether it has succeeded."""
    if status is None:
        draft.start_init.append(draft.next_start(container.name))
        return False
    if status.state == RUNNING:
        return False
    if status.state == EXITED and status.exit_code == 0:
        return True
    if status.state == EXITED and not _init_may_retry(draft.pod, container, status.exit_code):
        draft.kill_pod = True
        return False
    if status.state == UNKNOWN:
        message = f'Init container is in "{status.state}" state, try killing it before restart'
        draft.kill.append(Kill(status.id, container.name, message))
    draft.start_init.append(draft.next_start(container.name))
    return False


def _init_may_retry(pod: Pod, container: Container, exit_code: int) -> bool:
    """restartPolicy Always means OnFailure for an init container."""
    return podspec.restarts_after_exit(pod, container, exit_code)


def _plan_sidecar(draft: _Draft, container: Container, status: ObservedContainer | None) -> bool:
    """A restartable init container; whether it has started, so that the next one may."""
    if status is None or status.state in (EXITED, CREATED):
        draft.start_init.append(draft.next_start(container.name))
        return False
    if status.state == UNKNOWN:
        message = f'Init container is in "{status.state}" state, try killing it before restart'
        draft.kill.append(Kill(status.id, container.name, message))
        draft.start_init.append(draft.next_start(container.name))
        return False
    kill = _reason_to_kill(draft, container, status, "Init container")
    if kill is not None:
        draft.kill.append(replace(kill, message=kill.message + ", will be restarted"))
        draft.start_init.append(draft.next_start(container.name))
        return False
    return container.startupProbe is None or draft.probe(container.name, status.id, "startup") == SUCCESS


# --- main containers


def _plan_main(draft: _Draft) -> None:
    keep = 0
    for container in draft.pod.spec.containers:
        status = draft.observed.latest(container.name)
        if status is None or status.state != RUNNING:
            if podspec.should_be_started(draft.pod, container, status):
                if status is not None and status.state == UNKNOWN:
                    message = f'Container is in "{status.state}" state, try killing it before restart'
                    draft.kill.append(Kill(status.id, container.name, message))
                draft.start.append(draft.next_start(container.name))
            continue
        kill = _reason_to_kill(draft, container, status, "Container")
        if kill is None:
            keep += 1
        elif kill.reason == "" or draft.pod.spec.restartPolicy != "Never" or container.restartPolicy == "Always":
            draft.kill.append(replace(kill, message=kill.message + ", will be restarted"))
            draft.start.append(draft.next_start(container.name))
        else:
            draft.kill.append(kill)
    if keep == 0 and not draft.start and not draft.kill:
        draft.kill_pod = True


def _reason_to_kill(draft: _Draft, container: Container, status: ObservedContainer, what: str) -> Kill | None:
    if status.hash and status.hash != podspec.container_hash(container):
        return Kill(status.id, container.name, f"{what} {container.name} definition changed")
    for kind, defined in (("liveness", container.livenessProbe), ("startup", container.startupProbe)):
        if defined is not None and draft.probe(container.name, status.id, kind) == FAILURE:
            return Kill(status.id, container.name, f"{what} {container.name} failed {kind} probe", kind)
    return None


# --- back-off


def _hold_back(plan: Plan, remaining: Remaining) -> Plan:
    """Takes containers in CrashLoopBackOff out of the plan and names them as waits."""
    if not any(start.finished_at for start in (*plan.start, *plan.start_init)):
        return plan
    waits: list[Wait] = []

    def ready(starts: tuple[Start, ...]) -> tuple[Start, ...]:
        kept = []
        for start in starts:
            seconds, whole = remaining(start.name, start.finished_at) if start.finished_at else (0.0, 0.0)
            if seconds > 0:
                waits.append(Wait(start.name, seconds, whole))
            else:
                kept.append(start)
        return tuple(kept)

    start_init, start = ready(plan.start_init), ready(plan.start)
    if plan.create_sandbox and waits and not start and not start_init:
        # A sandbox without a container would only be torn down by nothing: it waits with its containers.
        return Plan(kill_pod=plan.kill_pod, waits=tuple(waits))
    return replace(plan, start_init=start_init, start=start, waits=tuple(waits))
