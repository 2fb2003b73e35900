"""What runs for a pod, as the runtime says: values without behaviour of their own.

What: `ObservedPod` with its sandboxes and containers, newest first. Why: plan and status are pure functions of the pod and
of this. Flow: `runtime/observer.py` makes them from CRI messages; times are nanoseconds since the epoch, 0 for never.
"""

from __future__ import annotations

from dataclasses import dataclass

CREATED = "created"
RUNNING = "running"
EXITED = "exited"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ObservedSandbox:
    id: str
    attempt: int
    ready: bool
    created_at: int
    host_network: bool = False
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    id: str
    sandbox_id: str
    name: str
    attempt: int
    """The restart count: 0 for the first one of its name."""
    state: str
    created_at: int
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    hash: str = ""
    log_path: str = ""
    grace: int | None = None
    """terminationGracePeriodSeconds of its pod, for when the API knows the pod no more."""
    user: tuple[int, int, tuple[int, ...]] | None = None
    """uid, gid and supplementary groups of the first process, where the runtime tells."""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """Sandboxes and containers of one pod uid, each newest first."""

    uid: str
    namespace: str = ""
    name: str = ""
    sandboxes: tuple[ObservedSandbox, ...] = ()
    containers: tuple[ObservedContainer, ...] = ()

    @property
    def sandbox(self) -> ObservedSandbox | None:
        """The newest sandbox."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def ips(self) -> tuple[str, ...]:
        """Addresses of the newest sandbox, while it is ready."""
        return self.sandboxes[0].ips if self.sandboxes and self.sandboxes[0].ready else ()

    def latest(self, name: str) -> ObservedContainer | None:
        """The newest container of this name in any sandbox."""
        return next((c for c in self.containers if c.name == name), None)

    def previous(self, name: str) -> ObservedContainer | None:
        """The one before the newest."""
        same = [c for c in self.containers if c.name == name]
        return same[1] if len(same) > 1 else None

    @property
    def running(self) -> tuple[ObservedContainer, ...]:
        """Containers that may have a process: running, or in a state the runtime does not know."""
        return tuple(c for c in self.containers if c.state in (RUNNING, UNKNOWN))

    @property
    def alive(self) -> bool:
        """A container runs or a sandbox is ready."""
        return bool(self.running) or any(s.ready for s in self.sandboxes)
