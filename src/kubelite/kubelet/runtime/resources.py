"""Requests and limits as cgroup numbers. Pure.

Upstream: pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos/policy.go, kuberuntime_container_linux.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.interfaces import AnyContainer
from kubelite.machinery import quantity

MIN_SHARES = 2
MAX_SHARES = 262144
SHARES_PER_CPU = 1024
QUOTA_PERIOD = 100_000
MIN_QUOTA = 1000
GUARANTEED_OOM = -997
BEST_EFFORT_OOM = 1000


def milli(resources: Mapping[str, Quantity], name: str) -> int:
    """Thousandths of a resource, 0 when absent."""
    return quantity.milli(resources[name]) if name in resources else 0


def amount(resources: Mapping[str, Quantity], name: str) -> int:
    """Whole units of a resource, 0 when absent."""
    return quantity.value(resources[name]) if name in resources else 0


def shares(milli_cpu: int) -> int:
    """cpu.shares for a request in thousandths of a CPU."""
    if milli_cpu == 0:
        return MIN_SHARES
    return max(MIN_SHARES, min(MAX_SHARES, milli_cpu * SHARES_PER_CPU // 1000))


def quota(milli_cpu: int, period: int = QUOTA_PERIOD) -> int:
    """cpu.cfs_quota_us for a limit in thousandths of a CPU; 0 for no limit."""
    if milli_cpu == 0:
        return 0
    return max(MIN_QUOTA, milli_cpu * period // 1000)


def weight(cpu_shares: int) -> int:
    """cpu.weight of cgroup v2 for cpu.shares of v1."""
    return 1 + (cpu_shares - 2) * 9999 // 262142


def oom_score(pod: Pod, container: AnyContainer, qos: str, memory_capacity: int) -> int:
    """oom_score_adj: the smaller the share of memory asked for, the sooner it is killed."""
    if (pod.spec.priority or 0) >= 2_000_000_000 or qos == "Guaranteed":
        return GUARANTEED_OOM
    if qos == "BestEffort":
        return BEST_EFFORT_OOM
    request = amount(container.resources.requests, "memory") if container.resources else 0
    score = 1000 - (1000 * request) // max(1, memory_capacity)
    if int(score) < 1000 + GUARANTEED_OOM:
        return 1000 + GUARANTEED_OOM
    return score - 1 if score == BEST_EFFORT_OOM else score


def container_resources(
    pod: Pod, container: AnyContainer, qos: str, memory_capacity: int, *, lowest_oom: int, cgroup_v2: bool
) -> dict[str, Any]:
    """Fields of CRI's `LinuxContainerResources`; `lowest_oom` is what this process may set at least."""
    requests = container.resources.requests if container.resources else {}
    limits = container.resources.limits if container.resources else {}
    cpu_request = milli(requests, "cpu") if "cpu" in requests else milli(limits, "cpu")
    fields: dict[str, Any] = {
        "cpu_shares": shares(cpu_request),
        "oom_score_adj": max(lowest_oom, oom_score(pod, container, qos, memory_capacity)),
        "memory_limit_in_bytes": amount(limits, "memory"),
        "cpu_period": QUOTA_PERIOD,
        "cpu_quota": quota(milli(limits, "cpu")),
    }
    if cgroup_v2:
        fields["unified"] = {"memory.oom.group": "1"}
    return fields


def sandbox_resources(pod: Pod) -> dict[str, Any]:
    """The sum of the containers' limits, for runtimes that size the sandbox itself."""
    cpu_request = cpu_limit = memory_limit = 0
    unlimited_cpu = unlimited_memory = False
    for container in pod.spec.containers:
        requests = container.resources.requests if container.resources else {}
        limits = container.resources.limits if container.resources else {}
        cpu_request += milli(requests, "cpu")
        cpu_limit += milli(limits, "cpu")
        memory_limit += amount(limits, "memory")
        unlimited_cpu |= "cpu" not in limits
        unlimited_memory |= "memory" not in limits
    return {
        "cpu_shares": shares(cpu_request),
        "cpu_period": QUOTA_PERIOD,
        "cpu_quota": 0 if unlimited_cpu else quota(cpu_limit),
        "memory_limit_in_bytes": 0 if unlimited_memory else memory_limit,
    }
