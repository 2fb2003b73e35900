"""Resource use of node, pods and containers: /stats/summary and /metrics/resource.

What: `Stats.summary` and `Stats.resource_metrics`. Why: `top` and the autoscaler read them.
Flow: CRI statistics and /proc → JSON or
metrics text, made on request. A rate (usageNanoCores) that the runtime does not give is made from two readings.
Source: kubelet/pkg/apis/stats/v1alpha1/types.go, pkg/kubelet/metrics/collectors/resource_metrics.go.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from kubelite.kubelet.interfaces import Context

NAME: Final = "io.kubernetes.container.name"
POD_UID: Final = "io.kubernetes.pod.uid"
POD_NAME: Final = "io.kubernetes.pod.name"
POD_NAMESPACE: Final = "io.kubernetes.pod.namespace"
TICK: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
MIN_RATE_NANOSECONDS: Final = 1_000_000_000


class Stats:
    """Readings of one kubelet; keeps the last reading of each counter for rates."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last: dict[str, tuple[int, int, int]] = {}
        """Container id (or `node`) → time and counter of the reading a rate starts from, and the last rate."""

    def _rate(self, key: str, now: int, counter: int) -> int:
        then, before, rate = self._last.get(key, (0, 0, 0))
        if then and now - then < MIN_RATE_NANOSECONDS:
            return rate
        rate = max(0, (counter - before) * 1_000_000_000 // (now - then)) if then and now > then else 0
        self._last[key] = now, counter, rate
        return rate

    async def summary(self) -> dict[str, Any]:
        """The `Summary` object."""
        readings = list(await self._context.runtime.container_stats())
        living = {reading.attributes.id for reading in readings} | {"node"}
        for key in self._last.keys() - living:
            del self._last[key]
        pods: dict[str, dict[str, Any]] = {}
        for reading in readings:
            labels = reading.attributes.labels
            pod = pods.setdefault(
                labels[POD_UID],
                {
                    "podRef": {
                        "name": labels[POD_NAME],
                        "namespace": labels[POD_NAMESPACE],
                        "uid": labels[POD_UID],
                    },
                    "containers": [],
                },
            )
            pod["containers"].append(self._container(reading))
        for pod in pods.values():
            _add_sums(pod)
        return {"node": self._node(), "pods": list(pods.values())}

    def _container(self, reading: Any) -> dict[str, Any]:
        cpu, memory, layer = reading.cpu, reading.memory, reading.writable_layer
        counter = int(cpu.usage_core_nano_seconds.value)
        rate = int(cpu.usage_nano_cores.value) or self._rate(reading.attributes.id, int(cpu.timestamp), counter)
        used = {"time": _time(memory.timestamp), "workingSetBytes": int(memory.working_set_bytes.value)}
        if memory.usage_bytes.value:
            used["usageBytes"] = int(memory.usage_bytes.value)
            used["rssBytes"] = int(memory.rss_bytes.value)
        return {
            "name": reading.attributes.labels[NAME],
            "startTime": _time(cpu.timestamp),
            "cpu": {"time": _time(cpu.timestamp), "usageNanoCores": rate, "usageCoreNanoSeconds": counter},
            "memory": used,
            "rootfs": {"time": _time(layer.timestamp), "usedBytes": int(layer.used_bytes.value)},
        }

    def _node(self) -> dict[str, Any]:
        now = time.time_ns()
        counter, boot = _node_cpu()
        total, free, cached = _node_memory()
        disk = os.statvfs(self._context.config.root_dir)
        return {
            "nodeName": self._context.node_name,
            "startTime": _time(boot * 1_000_000_000),
            "cpu": {
                "time": _time(now),
                "usageNanoCores": self._rate("node", now, counter),
                "usageCoreNanoSeconds": counter,
            },
            "memory": {
                "time": _time(now),
                "availableBytes": free + cached,
                "usageBytes": total - free,
                "workingSetBytes": total - free - cached,
            },
            "fs": {
                "time": _time(now),
                "availableBytes": disk.f_bavail * disk.f_frsize,
                "capacityBytes": disk.f_blocks * disk.f_frsize,
                "usedBytes": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
                "inodesFree": disk.f_ffree,
                "inodes": disk.f_files,
                "inodesUsed": disk.f_files - disk.f_ffree,
            },
        }

    async def resource_metrics(self) -> str:
        """The text that metrics-server scrapes."""
        summary = await self.summary()
        node = summary["node"]
        lines = _family("node_cpu_usage_seconds_total", "counter", [("", _seconds(node))])
        lines += _family("node_memory_working_set_bytes", "gauge", [("", node["memory"]["workingSetBytes"])])
        cpu, memory, pod_cpu, pod_memory = [], [], [], []
        for pod in summary["pods"]:
            of_pod = f'namespace="{pod["podRef"]["namespace"]}",pod="{pod["podRef"]["name"]}"'
            pod_cpu.append((f"{{{of_pod}}}", _seconds(pod)))
            pod_memory.append((f"{{{of_pod}}}", pod["memory"]["workingSetBytes"]))
            for container in pod["containers"]:
                labels = f'{{container="{container["name"]}",{of_pod}}}'
                cpu.append((labels, _seconds(container)))
                memory.append((labels, container["memory"]["workingSetBytes"]))
        lines += _family("container_cpu_usage_seconds_total", "counter", cpu)
        lines += _family("container_memory_working_set_bytes", "gauge", memory)
        lines += _family("pod_cpu_usage_seconds_total", "counter", pod_cpu)
        lines += _family("pod_memory_working_set_bytes", "gauge", pod_memory)
        lines += _family("resource_scrape_error", "gauge", [("", 0)])
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [f"# TYPE {name} {kind}", *(f"{name}{labels} {value}" for labels, value in samples)]


def _seconds(value: dict[str, Any]) -> float:
    return float(value["cpu"]["usageCoreNanoSeconds"]) / 1e9


def _add_sums(pod: dict[str, Any]) -> None:
    containers = pod["containers"]
    first = containers[0]
    pod["startTime"] = first["startTime"]
    pod["cpu"] = {
        "time": first["cpu"]["time"],
        "usageNanoCores": sum(one["cpu"]["usageNanoCores"] for one in containers),
        "usageCoreNanoSeconds": sum(one["cpu"]["usageCoreNanoSeconds"] for one in containers),
    }
    pod["memory"] = {
        "time": first["memory"]["time"],
        "workingSetBytes": sum(one["memory"]["workingSetBytes"] for one in containers),
    }


def _time(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds / 1e9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _node_cpu() -> tuple[int, int]:
    """(nanoseconds of CPU used since boot, time of boot in seconds)."""
    used = boot = 0
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0] == "cpu":
                numbers = [int(word) for word in words[1:9]]
                # Idle and waiting for disks are not use.
                used = (sum(numbers) - numbers[3] - numbers[4]) * TICK
            elif words[0] == "btime":
                boot = int(words[1])
    return used, boot


def _node_memory() -> tuple[int, int, int]:
    """(total, free, reclaimable cache) in bytes."""
    values = {}
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            values[name] = int(rest.split()[0]) * 1024
    return values["MemTotal"], values["MemFree"], values.get("Inactive(file)", 0)
