"""What every worker works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.admit import Rejection
from kubelite.kubelet.cgroups import Cgroups
from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import ProbeManager, VolumeManager
from kubelite.kubelet.runtime.cleaner import Cleaner
from kubelite.kubelet.runtime.launcher import Launcher
from kubelite.kubelet.runtime.observer import Observer
from kubelite.kubelet.runtime.reporter import Reporter
from kubelite.kubelet.runtime.stopper import Stopper
from kubelite.kubelet.runtime.sync import Runtime
from kubelite.kubelet.status.manager import StatusManager


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
    volumes: VolumeManager
    probes: ProbeManager
    statuses: StatusManager
    reporter: Reporter
    admit: Callable[[Pod], Rejection | None]
    network_problem: Callable[[], str]
    """What keeps the runtime's network from being ready, "" when it is."""
    host_ips: Callable[[], Sequence[str]]
    runtime_name: Callable[[], str]
