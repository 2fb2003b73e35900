"""The sandbox of a pod as CRI wants it described.

What: `render` makes a `PodSandboxConfig`; `hostname_of` the host name and domain. Pure apart from what is handed in.
Upstream: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go, pkg/kubelet/kubelet_pods.go:GeneratePodHostNameAndDomain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import DnsConfig, SyncError
from kubelite.kubelet.runtime import names, resources, security
from kubelite.rpc import cri_v1_pb2 as pb

MAX_HOSTNAME = 63
PROTOCOLS = {"": pb.TCP, "TCP": pb.TCP, "UDP": pb.UDP, "SCTP": pb.SCTP}
SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
)


@dataclass(frozen=True, slots=True)
class HostName:
    name: str
    domain: str
    """`sub.ns.svc.cluster.local` when the pod has a subdomain, else ""."""


def hostname_of(pod: Pod, config: Config, node_hostname: str) -> HostName:
    """What the containers of the pod call themselves."""
    spec = pod.spec
    if spec.hostnameOverride is not None:
        return HostName(spec.hostnameOverride, "")
    name = spec.hostname or pod.metadata.name[:MAX_HOSTNAME].rstrip("-.")
    domain = ""
    if spec.subdomain:
        domain = f"{spec.subdomain}.{pod.metadata.namespace}.svc.{config.cluster_domain}"
    if spec.hostNetwork:
        return HostName(node_hostname, "")
    if spec.setHostnameAsFQDN and domain:
        full = f"{name}.{domain}"
        if len(full) > 64:
            text = f"Failed to construct FQDN from Pod hostname and cluster domain, FQDN {full} is too long (64 characters is the max, {len(full)} characters requested)"  # noqa: E501
            raise SyncError("FailedCreatePodSandBox", text)
        return HostName(full, domain)
    return HostName(name, domain)


def render(pod: Pod, attempt: int, *, config: Config, dns: DnsConfig, hostname: HostName, cgroup_parent: str) -> Any:
    """The `PodSandboxConfig`; the same for RunPodSandbox and for each CreateContainer."""
    meta = pod.metadata
    sandbox = pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(name=meta.name, namespace=meta.namespace, uid=meta.uid, attempt=attempt),
        hostname="" if pod.spec.hostNetwork else hostname.name,
        log_directory=names.pod_log_dir(config.pod_log_dir, meta.namespace, meta.name, meta.uid),
        dns_config=pb.DNSConfig(servers=dns.servers, searches=dns.searches, options=dns.options),
        port_mappings=[] if pod.spec.hostNetwork else _port_mappings(pod),
        labels=names.pod_labels(pod),
        annotations=meta.annotations,
    )
    sandbox.linux.cgroup_parent = cgroup_parent
    sandbox.linux.security_context.CopyFrom(security.sandbox_context(pod, config.root_dir))
    if pod.spec.securityContext is not None:
        for sysctl in pod.spec.securityContext.sysctls:
            sandbox.linux.sysctls[sysctl.name.replace("/", ".")] = sysctl.value
    sandbox.linux.resources.CopyFrom(pb.LinuxContainerResources(**resources.sandbox_resources(pod)))
    return sandbox


def _port_mappings(pod: Pod) -> list[Any]:
    sidecars = [c for c in pod.spec.initContainers if c.restartPolicy == "Always"]
    return [
        pb.PortMapping(
            protocol=PROTOCOLS[port.protocol],
            container_port=port.containerPort or 0,
            host_port=port.hostPort or 0,
            host_ip=port.hostIP,
        )
        for container in (*sidecars, *pod.spec.containers)
        for port in container.ports
    ]


def forbidden_sysctls(pod: Pod, allowed: tuple[str, ...]) -> list[str]:
    """Sysctls that this node does not permit, for admission (SysctlForbidden)."""
    context = pod.spec.securityContext
    if context is None:
        return []
    names_ = [sysctl.name.replace("/", ".") for sysctl in context.sysctls]
    return [name for name in names_ if name not in SAFE_SYSCTLS and not _matches(name, allowed)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name == p or (p.endswith("*") and name.startswith(p[:-1])) for p in patterns)
