"""What `kubelite up` can be told, and the places where a cluster keeps its files.

What: `Config` (flags) and `Paths`. Why: the names are fixed so that scripts can rely on them, and stand in one place.
"""

from __future__ import annotations

import json
import pathlib
import socket
from dataclasses import asdict, dataclass

from kubelite.api import constants


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a machine's part of the cluster; they are kept and used again by the next `up`."""

    node_name: str = ""
    """Name of this machine's node; empty takes the host name."""
    node_ip: str = ""
    """Address of this machine's node; empty takes the one of the default route."""
    join: str = ""
    """Tar made by `kubelite node-bundle` on the control plane: run this machine as a node of that cluster."""
    etcd_servers: str = ""
    """Comma-separated etcd URLs to keep the cluster's state in; empty keeps it in an embedded SQLite file."""
    etcd_cafile: str = ""
    """CA file for the connection to etcd."""
    etcd_certfile: str = ""
    """Client certificate for the connection to etcd."""
    etcd_keyfile: str = ""
    """Client key for the connection to etcd."""
    service_cidr: str = constants.SERVICE_CIDR
    """Range of the Services' virtual addresses."""
    pod_cidr: str = constants.POD_CIDR
    """Range of all pods' addresses; each node gets a /24 of it."""
    load_balancer_pool: str = ""
    """Addresses for Services of type LoadBalancer, in the network of the nodes: CIDRs, FIRST-LAST ranges and addresses."""
    scheduler_config: str = ""
    """A KubeSchedulerConfiguration file for this cluster's scheduler."""
    scheduler_plugin_dir: str = ""
    """A folder of Python files with scheduling rules of your own; see docs/scheduler-plugins.md."""
    cluster_dns: str = constants.CLUSTER_DNS_IP
    """Virtual address of the cluster's DNS server."""
    cgroup_root: str = ""
    """Cgroup below which pods are put; empty takes /kubelite/NODE. Nodes that share a machine need one each."""
    wait: int = 60
    """Seconds to wait for the node to become Ready; 0 returns as soon as the processes run."""


class Paths:
    """Fixed places. `KUBELITE_ROOT`-like settings do not exist: nodes that share a machine have mount namespaces."""

    etc = pathlib.Path(constants.ETC)
    pki = etc / "pki"
    lib = pathlib.Path(constants.LIB)
    run = pathlib.Path(constants.RUN)
    log = pathlib.Path(constants.LOG)
    admin = etc / "admin.kubeconfig"
    cluster = etc / "cluster.json"
    groups = run / "processes.json"
    supervisor = run / "supervisor.pid"
    host = lib / "host-before.json"
    database = lib / "db" / "state.sqlite"
    containerd_root = lib / "containerd"
    containerd_state = run / "containerd"
    socket = pathlib.Path(constants.CONTAINERD_SOCKET)
    kubelet = lib / "kubelet"
    pod_logs = pathlib.Path("/var/log/pods")
    container_logs = pathlib.Path("/var/log/containers")
    cni = pathlib.Path("/etc/cni/net.d/10-kubelite.conflist")
    cni_state = pathlib.Path("/var/lib/cni")

    @staticmethod
    def kubeconfig(user: str) -> pathlib.Path:
        return Paths.etc / f"{user}.kubeconfig"


def node_address() -> str:
    """The address from which this machine reaches the default route; raises OSError with a hint if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; the kernel only picks the route.
            probe.connect(("198.51.100.1", 9))
        except OSError as error:
            raise OSError("this machine has no default route: name its address with --node-ip") from error
        return str(probe.getsockname()[0])


def complete(config: Config) -> Config:
    """The config with the node's name and address filled in, and paths that hold wherever a process starts."""
    values = asdict(config)
    values["node_name"] = config.node_name or socket.gethostname().lower()
    values["node_ip"] = config.node_ip or node_address()
    for name in ("scheduler_config", "scheduler_plugin_dir"):
        values[name] = str(pathlib.Path(values[name]).absolute()) if values[name] else ""
    values["cgroup_root"] = config.cgroup_root or f"/kubelite/{values['node_name']}"
    return Config(**values)


def save(config: Config) -> None:
    Paths.cluster.parent.mkdir(parents=True, exist_ok=True)
    Paths.cluster.write_text(json.dumps(asdict(config), indent=2) + "\n")


def load() -> Config | None:
    """What the last `up` saved; None on a machine that never ran one."""
    try:
        return Config(**json.loads(Paths.cluster.read_text()))
    except FileNotFoundError:
        return None
