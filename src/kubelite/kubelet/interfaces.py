"""The seams inside the kubelet: what the sync loop asks of volumes, environment, probes, HTTP, and what it offers them.

What: protocols and the values that cross them. Why: each part is built and tested alone; the loop decides, these act.
Flow: `server.py` makes one `Context`, then calls `build(context)` of the packages `kubelite.kubelet.volumes`,
`kubelite.kubelet.env`, `kubelite.kubelet.probes` and `kubelite.kubelet.http`; each returns the object whose protocol
stands below, and its `run()` is supervised for the life of the kubelet (it returns only when cancelled; nothing to do: wait
forever). Pods passed in belong to the informer's cache: never change them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kubelite.api.types.core_v1 import Container, EphemeralContainer, Node, Pod

if TYPE_CHECKING:
    from kubelite.client.client import Client
    from kubelite.kubelet.config import Config

AnyContainer = Container | EphemeralContainer


class SyncError(Exception):
    """A pod or container cannot be started now; the kubelet reports it and tries again with back-off.

    `reason` is the word shown as the container's waiting reason or the event's reason (`CreateContainerConfigError`,
    `FailedMount`, ...), the message is what the user reads.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Recorder(Protocol):
    """Writes events; `kubelite.client.recorder.Recorder` bound to the kubelet."""

    def event(self, kind: Any, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        """Queue one event about `obj` of `kind`; `field_path` is such as `spec.containers{web}`. Never blocks."""


# --- what the kubelet offers


@dataclass(frozen=True, slots=True)
class ContainerHandle:
    """One container of a pod as the runtime knows it."""

    name: str
    id: str
    """The bare CRI id, without `containerd://`."""
    state: str
    """`created`, `running`, `exited` or `unknown`."""
    attempt: int
    log_path: str
    """Absolute path of its CRI log file (may not exist yet)."""
    exit_code: int = 0
    started_at: float = 0.0
    """Seconds since the epoch, 0.0 when it never started."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


class Runtime(Protocol):
    """The container runtime, for probes and for the HTTP endpoints. Errors: `StatusError` or `kubelite.kubelet.cri.CriError`."""

    async def containers(self, pod_uid: str) -> Sequence[ContainerHandle]:
        """All containers of the pod, newest attempt first."""

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float) -> ExecResult:
        """Run to the end; raises TimeoutError after `timeout` seconds (0: no limit)."""

    async def exec_url(
        self, container_id: str, command: Sequence[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        """The streaming URL of the runtime for this exec (SPDY or WebSocket upgrade)."""

    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str: ...

    async def reopen_log(self, container_id: str) -> None:
        """The container's log was renamed: write to a new file of the old name."""

    async def port_forward_url(self, pod_uid: str, ports: Sequence[int]) -> str: ...

    async def container_stats(self) -> Sequence[Any]:
        """`runtime.v1.ContainerStats` messages of all containers."""

    async def sandbox_stats(self) -> Sequence[Any]:
        """`runtime.v1.PodSandboxStats` messages, empty when the runtime has no such call."""

    async def image_fs(self) -> Sequence[Any]:
        """`runtime.v1.FilesystemUsage` messages of the image file systems."""


class Pods(Protocol):
    """The pods bound to this node, as last seen from the API (or admitted from elsewhere)."""

    def list(self) -> Sequence[Pod]: ...

    def get(self, uid: str) -> Pod | None: ...

    def find(self, namespace: str, name: str) -> Pod | None: ...

    def status(self, uid: str) -> Any:
        """The `PodStatus` last computed here, newer than the API's; None when there is none."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of the kubelet may use."""

    config: Config
    node_name: str
    client: Client
    recorder: Recorder
    runtime: Runtime
    pods: Pods
    node: Callable[[], Node | None]
    """The node object as last read from or written to the API; None before registration."""
    resync: Callable[[str], None]
    """Ask for a sync of the pod with this uid soon (a probe result changed, a volume became ready). Never blocks."""
    registered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever the node object was registered (again); the volumes, which write into it, clear it."""


# --- what the kubelet needs


class VolumeManager(Protocol):
    """Makes a pod's volumes appear as directories (or files) of the host below `<root_dir>/pods/<uid>/volumes`."""

    async def mount(self, pod: Pod) -> Mapping[str, str]:
        """Set up every volume of the pod; volume name → host path. Idempotent: called before each container start.

        Raises SyncError("FailedMount", ...) while something is missing (a secret, a claim not bound).
        """

    def sub_path(self, pod: Pod, volume: str, container: str, index: int, source: str, path: str) -> str:
        """The host path to mount for sub-path `path` of the volume at `source`; `index` is the mount's place in the container.
        Raises SyncError("CreateContainerConfigError", ...)."""

    async def update(self, pod: Pod) -> None:
        """Refresh contents that may have changed (configMap, secret, projected token). Called on each sync of a running pod,
        so it must be cheap when nothing changed and must not wait for the network when its cache can answer."""

    async def unmount(self, pod_uid: str) -> None:
        """Tear down everything of this pod, also after a kubelet restart; idempotent. When it returns, nothing is
        mounted below `<root_dir>/pods/<uid>` and the directory may be removed."""

    async def reconstruct(self) -> Sequence[str]:
        """At start: uids of the pods that have volumes on disk."""

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DnsConfig:
    servers: Sequence[str] = ()
    searches: Sequence[str] = ()
    options: Sequence[str] = ()


class Environment(Protocol):
    async def make_env(
        self, pod: Pod, container: AnyContainer, *, pod_ips: Sequence[str], host_ips: Sequence[str]
    ) -> Mapping[str, str]:
        """Variables in order: service links, envFrom, env (expanded). SyncError("CreateContainerConfigError", ...)."""

    def dns(self, pod: Pod) -> DnsConfig:
        """The pod's resolver settings by dnsPolicy and dnsConfig; raises SyncError when they cannot be built."""

    async def run(self) -> None: ...


SUCCESS = "success"
FAILURE = "failure"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """A container to be probed; a new `container_id` starts its probes afresh."""

    container: Container
    container_id: str
    running: bool
    started_at: float


class ProbeManager(Protocol):
    """Runs liveness, readiness and startup probes. A change of a result calls `context.resync(uid)`; events (Unhealthy,
    ProbeWarning) are its own. Liveness and readiness wait until the startup probe of the same container succeeded."""

    def sync(self, pod: Pod, pod_ip: str, targets: Sequence[ProbeTarget]) -> None:
        """The pod's containers now; starts, restarts and stops workers as needed. Called on each sync; never blocks."""

    def terminating(self, pod_uid: str) -> None:
        """The pod is being stopped: no more liveness and startup probes, readiness goes on."""

    def remove(self, pod_uid: str) -> None:
        """The pod's containers are gone: stop everything and forget the results."""

    def result(self, pod_uid: str, container_name: str, container_id: str, kind: str) -> str | None:
        """SUCCESS, FAILURE or UNKNOWN of `kind` (`liveness`, `readiness`, `startup`) for this very container id; None when
        no result exists yet. Containers without such a probe: the caller decides and does not ask."""

    async def run(self) -> None: ...


class HttpServer(Protocol):
    """The kubelet's HTTPS API on `config.address:config.port`: logs, exec, attach, port-forward, pods, stats, health."""

    async def run(self) -> None:
        """Serve until cancelled; raises OSError when the port cannot be bound."""
