"""What every worker works with.

Why protocols: the real kubelet gives parts that speak CRI, `kubelite simulate` parts that only pretend; workers see no
difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.admit import Rejection
from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import ProbeManager
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.plan import Plan
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.status.manager import StatusManager

if TYPE_CHECKING:
    from kubelite.kubelet.crashloop import CrashLoop
    from kubelite.kubelet.runtime.sync import Outcome


class Observer(Protocol):
    async def observe(self, uid: str) -> ObservedPod:
        """What runs of this pod now."""


class Runtime(Protocol):
    crashes: CrashLoop

    async def sync(self, pod: Pod, observed: ObservedPod, plan: Plan, host_ips: Sequence[str]) -> Outcome:
        """Does what the plan says."""

    def note_waits(self, pod: Pod, plan: Plan) -> dict[str, tuple[str, str]]:
        """Tells of the containers in back-off; container → (reason, message)."""


class Launcher(Protocol):
    @property
    def hooking(self) -> Set[str]:
        """Ids of containers whose postStart hook runs now."""


class Stopper(Protocol):
    async def pod(self, pod: Pod, observed: ObservedPod, grace: int) -> None:
        """Stops all containers and sandboxes; returns when it was done or given up."""


class Cleaner(Protocol):
    async def remove_pod(self, pod: Pod, observed: ObservedPod) -> None:
        """Removes what a pod leaves behind."""


class Cgroups(Protocol):
    def remove_pod(self, uid: str) -> bool:
        """Removes the pod's cgroups; whether nothing of them is left."""


class Volumes(Protocol):
    async def update(self, pod: Pod) -> None:
        """Refreshes contents that may have changed."""

    async def unmount(self, pod_uid: str) -> None:
        """Tears down everything of this pod."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Shared by all workers of one kubelet."""

    config: Config
    observer: Observer
    runtime: Runtime
    launcher: Launcher
    stopper: Stopper
    cleaner: Cleaner
    cgroups: Cgroups
    volumes: Volumes
    probes: ProbeManager
    statuses: StatusManager
    reporter: Reporter
    admit: Callable[[Pod], Rejection | None]
    network_problem: Callable[[], str]
    """What keeps the runtime's network from being ready, "" when it is."""
    host_ips: Callable[[], Sequence[str]]
    runtime_name: Callable[[], str]
