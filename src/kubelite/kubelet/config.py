"""The settings of the kubelet, one field per flag."""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.api import constants
from kubelite.api.logic import localpath


@dataclass(frozen=True, slots=True)
class Config:
    """Every path is a setting, so that several kubelets can live on one machine."""

    kubeconfig: str = f"{constants.ETC}/kubelet.kubeconfig"
    """How to reach the API server; its user is system:node:NAME."""
    hostname_override: str = ""
    """The node's name; empty: the host name in lower case."""
    node_ip: str = ""
    """The node's InternalIP, or two separated by a comma; empty: the address of the default route."""
    container_runtime_endpoint: str = f"unix://{constants.CONTAINERD_SOCKET}"
    """Socket of the CRI runtime."""
    image_service_endpoint: str = ""
    """Socket of the CRI image service; empty: that of the runtime."""
    root_dir: str = f"{constants.LIB}/kubelet"
    """Directory of pods, volumes and plugins."""
    local_volume_dir: str = localpath.DIRECTORY
    """Directory of the volumes that are provisioned on this node; the controller manager's is the same."""
    pod_log_dir: str = "/var/log/pods"
    """Directory of container logs."""
    container_log_dir: str = "/var/log/containers"
    """Directory of the links that log collectors follow; empty: no links."""
    cgroup_root: str = "/"
    """Cgroup below which kubepods is made, in every hierarchy."""
    cgroups_per_qos: bool = True
    """Make a cgroup for each pod; false: the runtime's default parent is used."""
    cluster_dns: tuple[str, ...] = (constants.CLUSTER_DNS_IP,)
    """Resolvers of pods with dnsPolicy ClusterFirst."""
    cluster_domain: str = constants.CLUSTER_DOMAIN
    """Domain of the cluster."""
    resolv_conf: str = "/etc/resolv.conf"
    """The resolver file that pods with dnsPolicy Default copy."""
    address: str = "0.0.0.0"
    """Address of the HTTPS server."""
    port: int = constants.KUBELET_PORT
    """Port of the HTTPS server."""
    tls_cert_file: str = ""
    """Serving certificate; empty: a self-signed one is made in root_dir/pki."""
    tls_private_key_file: str = ""
    """Key of the serving certificate."""
    client_ca_file: str = ""
    """CA of clients; empty: no client certificate is accepted."""
    anonymous_auth: bool = False
    """Let unauthenticated requests through as system:anonymous."""
    authorization_mode: str = "Webhook"
    """Webhook asks the API server for each request; AlwaysAllow asks nobody."""
    healthz_bind_address: str = f"127.0.0.1:{constants.KUBELET_HEALTHZ_PORT}"
    """Address of plain-HTTP health checks; empty: none."""
    max_pods: int = 110
    """Pods that may run here at once."""
    register_node: bool = True
    """Create the Node object when it is absent."""
    register_with_taints: tuple[str, ...] = ()
    """Taints of a newly created Node: key=value:effect."""
    node_labels: tuple[str, ...] = ()
    """Labels of the Node: key=value."""
    system_reserved: str = ""
    """Resources kept for the system: cpu=100m,memory=200Mi."""
    kube_reserved: str = ""
    """Resources kept for the node's own daemons."""
    node_status_update_frequency: float = 10.0
    """Seconds between looks at the node's state."""
    node_status_report_frequency: float = 300.0
    """Seconds after which an unchanged node status is written again."""
    node_lease_duration_seconds: int = 40
    """Duration of the node's Lease; it is renewed every quarter of it."""
    sync_frequency: float = 60.0
    """Seconds between two syncs of a running pod when nothing happens."""
    image_gc_high_threshold: int = 85
    """Percent of disk use at which unused images are removed."""
    image_gc_low_threshold: int = 80
    """Percent of disk use at which the removal of images stops."""
    image_minimum_gc_age: float = 120.0
    """Seconds an unused image is kept at least."""
    max_dead_containers_per_container: int = 1
    """Dead containers kept for each container of a live pod."""
    serialize_image_pulls: bool = False
    """Pull one image at a time."""
    max_parallel_image_pulls: int = 5
    """Image pulls at once."""
    allowed_unsafe_sysctls: tuple[str, ...] = ()
    """Patterns of sysctls beyond the safe set."""
    seccomp_default: bool = False
    """RuntimeDefault is the seccomp profile of containers that name none."""
    container_log_max_size: str = "10Mi"
    """Size at which a container's log is rotated."""
    container_log_max_files: int = 5
    """Log files kept for each container."""
    crash_loop_max_delay: float = 300.0
    """Longest wait in seconds between restarts of a crashing container."""
