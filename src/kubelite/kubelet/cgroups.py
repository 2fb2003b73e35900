"""Cgroups of pods: kubepods, one below it for each quality of service, one a pod; cgroup v1, hybrid and v2.

What: `Cgroups.ensure_pod` makes and sizes them, `remove_pod` kills what is left and removes them. Why: a pod's containers
share its limits, and a lost process is found through its pod's cgroup. Paths are relative to the root of each hierarchy, as
the runtime wants them in `cgroup_parent` (driver cgroupfs).
Upstream: pkg/kubelet/cm/pod_container_manager_linux.go, qos_container_manager_linux.go, cgroup_manager_linux.go.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from kubelite.api.logic.podresources import qos_class
from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.runtime import resources
from kubelite.util.log import get_logger

log = get_logger(__name__)

V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids", "hugetlb")


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where cgroups live: v1 controller → mount point (also `name=systemd`), and the v2 mount point ("" for none)."""

    v1: Mapping[str, str]
    v2: str

    @property
    def unified(self) -> bool:
        """Only v2 controls anything."""
        return "memory" not in self.v1 and bool(self.v2)

    @property
    def mounts(self) -> tuple[str, ...]:
        return (*dict.fromkeys(self.v1.values()), *((self.v2,) if self.v2 else ()))


def find_hierarchies(mounts: str = "/proc/self/mounts") -> Hierarchies:
    """The cgroup file systems of this machine."""
    v1: dict[str, str] = {}
    v2 = ""
    with open(mounts) as file:
        for line in file:
            _, point, kind, options = line.split()[:4]
            if kind == "cgroup2":
                v2 = v2 or point
            elif kind == "cgroup":
                for option in options.split(","):
                    if option in _V1_CONTROLLERS or option.startswith("name="):
                        v1.setdefault(option, point)
    return Hierarchies(v1, v2)


_V1_CONTROLLERS = frozenset(
    ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "hugetlb", "perf_event", "net_cls",
     "net_prio", "rdma", "misc")
)  # fmt: skip


def pod_path(root: str, qos: str, uid: str) -> str:
    """`/kubepods/burstable/pod<uid>` below the cgroup root."""
    parts = [root.rstrip("/"), "kubepods"]
    if qos != "Guaranteed":
        parts.append(qos.lower())
    return "/".join((*parts, f"pod{uid}"))


def pod_limits(pod: Pod) -> dict[str, int]:
    """`shares`, `quota` and `memory` (0: none) of a pod's cgroup (ResourceConfigForPod)."""
    sums = resources.sandbox_resources(pod)
    if qos_class(pod) == "BestEffort":
        return {"shares": resources.MIN_SHARES, "quota": 0, "memory": 0}
    return {
        "shares": int(sums["cpu_shares"]),
        "quota": int(sums["cpu_quota"]),
        "memory": int(sums["memory_limit_in_bytes"]),
    }


class Cgroups:
    """Of one kubelet, below `root` in every hierarchy."""

    def __init__(self, root: str = "/", hierarchies: Hierarchies | None = None) -> None:
        self.root = "/" + root.strip("/") if root.strip("/") else ""
        self.hierarchies = hierarchies or find_hierarchies()

    @property
    def unified(self) -> bool:
        return self.hierarchies.unified

    def ensure_root(self) -> None:
        """kubepods and its two classes."""
        for path in ("kubepods", "kubepods/besteffort", "kubepods/burstable"):
            self._make(f"{self.root}/{path}")
        self._size(f"{self.root}/kubepods/besteffort", {"shares": resources.MIN_SHARES, "quota": 0, "memory": 0})

    def ensure_pod(self, pod: Pod) -> str:
        """Makes and sizes the pod's cgroup; its path for the runtime."""
        path = pod_path(self.root, qos_class(pod), pod.metadata.uid)
        self._make(path)
        self._size(path, pod_limits(pod))
        return path

    def pod_uids(self) -> set[str]:
        """Pods that have a cgroup, in any hierarchy."""
        found: set[str] = set()
        for mount in self.hierarchies.mounts:
            for below in ("kubepods", "kubepods/burstable", "kubepods/besteffort"):
                with contextlib.suppress(OSError):
                    entries = os.listdir(f"{mount}{self.root}/{below}")
                    found.update(entry[3:] for entry in entries if entry.startswith("pod"))
        return found

    def remove_pod(self, uid: str) -> bool:
        """Kills what still runs in the pod's cgroups and removes them; False while something is left."""
        gone = True
        for mount in self.hierarchies.mounts:
            for qos in ("Guaranteed", "Burstable", "BestEffort"):
                gone &= _remove_tree(mount + pod_path(self.root, qos, uid))
        return gone

    def remove_root(self) -> None:
        """Removes kubepods when no pod is left; for clean shutdowns."""
        for mount in self.hierarchies.mounts:
            _remove_tree(f"{mount}{self.root}/kubepods")

    def _make(self, path: str) -> None:
        for mount in self.hierarchies.mounts:
            if os.path.isdir(mount + path):
                continue
            os.makedirs(mount + path, exist_ok=True)
            if mount == self.hierarchies.v1.get("cpuset"):
                _inherit_cpuset(mount, path)
            elif mount == self.hierarchies.v2 and self.unified:
                _enable_controllers(mount, path)

    def _size(self, path: str, limits: Mapping[str, int]) -> None:
        if self.unified:
            base = self.hierarchies.v2 + path
            _write(f"{base}/cpu.weight", str(resources.weight(limits["shares"])))
            quota = str(limits["quota"]) if limits["quota"] else "max"
            _write(f"{base}/cpu.max", f"{quota} {resources.QUOTA_PERIOD}")
            _write(f"{base}/memory.max", str(limits["memory"] or "max"))
            return
        cpu, memory = self.hierarchies.v1.get("cpu"), self.hierarchies.v1.get("memory")
        if cpu:
            _write(f"{cpu}{path}/cpu.shares", str(limits["shares"]))
            _write(f"{cpu}{path}/cpu.cfs_quota_us", str(limits["quota"] or -1))
        if memory:
            _write(f"{memory}{path}/memory.limit_in_bytes", str(limits["memory"] or -1))


def _write(path: str, text: str) -> None:
    """Writes unless it is so already; a kernel that lacks the file or refuses is told of, not fatal."""
    try:
        with open(path) as file:
            if file.read().strip() == text:
                return
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        log.debug("Cgroup setting refused", path=path, value=text, error=error)


def _inherit_cpuset(mount: str, path: str) -> None:
    """A new cpuset has no CPU and no memory node: it takes its parent's, from the top down."""
    current = mount
    for part in path.strip("/").split("/"):
        parent, current = current, f"{current}/{part}"
        for name in ("cpuset.cpus", "cpuset.mems"):
            with contextlib.suppress(OSError), open(f"{parent}/{name}") as source:
                value = source.read().strip()
                with open(f"{current}/{name}") as target:
                    if target.read().strip():
                        continue
                _write(f"{current}/{name}", value)


def _enable_controllers(mount: str, path: str) -> None:
    """v2: a child has only the controllers that each of its ancestors hands down."""
    current = mount
    for part in ("", *path.strip("/").split("/")):
        current = f"{current}/{part}" if part else current
        with contextlib.suppress(OSError), open(f"{current}/cgroup.controllers") as file:
            available = set(file.read().split())
            for controller in V2_CONTROLLERS:
                if controller in available:
                    with contextlib.suppress(OSError), open(f"{current}/cgroup.subtree_control", "w") as control:
                        control.write(f"+{controller}")


def _remove_tree(path: str) -> bool:
    """rmdir from the leaves up, killing members; True when the path is gone."""
    if not os.path.isdir(path):
        return True
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            _kill_members(directory)
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    return not os.path.isdir(path)


def _kill_members(directory: str) -> None:
    with contextlib.suppress(OSError), open(f"{directory}/cgroup.procs") as file:
        for pid in file.read().split():
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(pid), signal.SIGKILL)
