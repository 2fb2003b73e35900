"""Facts about the machine that do not change while the kubelet runs.

Upstream: cadvisor's machine info, pkg/kubelet/nodestatus/setters.go.
"""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}


@dataclass(frozen=True, slots=True)
class Machine:
    hostname: str
    cpus: int
    memory_bytes: int
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str
    architecture: str
    swap_bytes: int


def read_machine() -> Machine:
    """Reads /proc, /sys and /etc once."""
    memory = _meminfo()
    return Machine(
        hostname=socket.gethostname(),
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=memory.get("MemTotal", 0),
        machine_id=_line("/etc/machine-id"),
        system_uuid=_line("/sys/class/dmi/id/product_uuid") or _line("/etc/machine-id"),
        boot_id=_line("/proc/sys/kernel/random/boot_id"),
        kernel=platform.release(),
        os_image=_os_image(),
        architecture=ARCHITECTURES.get(platform.machine(), platform.machine()),
        swap_bytes=memory.get("SwapTotal", 0),
    )


def available_memory() -> int:
    """Bytes of memory that could be used now."""
    return _meminfo().get("MemAvailable", 0)


def lowest_oom_score() -> int:
    """The least oom_score_adj this process may give: its own, unless it holds CAP_SYS_RESOURCE."""
    try:
        with open("/proc/self/status") as file:
            effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
        with open("/proc/self/oom_score_adj") as file:
            own = int(file.read())
    except (OSError, StopIteration, ValueError):
        return 0
    return -1000 if effective & (1 << 24) else max(0, own)


def default_address() -> str:
    """The source address of the default route, else of the first global address; "" without any."""
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
                return str(probe.getsockname()[0])
            except OSError:
                continue
    return ""


def _meminfo() -> dict[str, int]:
    values = {}
    with open("/proc/meminfo") as file:
        for line in file:
            name, rest = line.split(":", 1)
            values[name] = int(rest.split()[0]) * 1024
    return values


def _line(path: str) -> str:
    try:
        with open(path) as file:
            return file.readline().strip()
    except OSError:
        return ""


def _os_image() -> str:
    try:
        with open("/etc/os-release") as file:
            for line in file:
                if line.startswith("PRETTY_NAME="):
                    return line.split("=", 1)[1].strip().strip('"')
    except OSError:
        pass
    return "linux"
