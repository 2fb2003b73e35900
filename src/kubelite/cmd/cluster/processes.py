"""The processes of a machine: what to run, with which flags, and how to tell that each is healthy.

What: `wanted(config)` lists them in the order of their start. Why: the supervisor, `status` and `down` read one list.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from kubelite.api import constants
from kubelite.cmd.cluster import certificates, containerd
from kubelite.cmd.cluster.config import Config, Paths


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its command line, and the URL that answers 200 while it is healthy ("" where there is none)."""

    name: str
    argv: tuple[str, ...]
    health: str = ""


def _component(name: str, health: str = "", **flags: str) -> Process:
    words = tuple(f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items() if value)
    return Process(name, (sys.executable, "-m", "kubelite.cmd.main", name, *words), health)


def _local(port: int, path: str = "/healthz") -> str:
    return f"http://127.0.0.1:{port}{path}"


def _apiserver(config: Config) -> Process:
    pki = Paths.pki
    return _component(
        "apiserver",
        f"https://{config.node_ip}:{constants.APISERVER_PORT}/readyz",
        bind_address="0.0.0.0",
        secure_port=str(constants.APISERVER_PORT),
        advertise_address=config.node_ip,
        data_path="" if config.etcd_servers else str(Paths.database),
        etcd_servers=config.etcd_servers,
        etcd_cafile=config.etcd_cafile,
        etcd_certfile=config.etcd_certfile,
        etcd_keyfile=config.etcd_keyfile,
        tls_cert_file=f"{pki}/apiserver.crt",
        tls_private_key_file=f"{pki}/apiserver.key",
        client_ca_file=f"{pki}/ca.crt",
        service_account_key_file=f"{pki}/sa.pub",
        service_account_signing_key_file=f"{pki}/sa.key",
        service_account_issuer=f"https://kubernetes.default.svc.{constants.CLUSTER_DOMAIN}",
        requestheader_client_ca_file=f"{pki}/front-proxy-ca.crt",
        requestheader_allowed_names=certificates.FRONT_PROXY,
        requestheader_uid_headers="X-Remote-Uid",
        proxy_client_cert_file=f"{pki}/{certificates.FRONT_PROXY}.crt",
        proxy_client_key_file=f"{pki}/{certificates.FRONT_PROXY}.key",
        kubelet_client_certificate=f"{pki}/apiserver-kubelet-client.crt",
        kubelet_client_key=f"{pki}/apiserver-kubelet-client.key",
        kubelet_certificate_authority=f"{pki}/ca.crt",
        service_cluster_ip_range=config.service_cidr,
        service_node_port_range=f"{constants.NODE_PORT_FIRST}-{constants.NODE_PORT_LAST}",
    )


def _cloud(config: Config) -> list[Process]:
    """Only for those who have addresses to give away."""
    if not config.load_balancer_pool:
        return []
    return [
        _component(
            "cloud-controller-manager",
            _local(constants.CLOUD_CONTROLLER_MANAGER_PORT),
            kubeconfig=str(Paths.kubeconfig("cloud-controller-manager")),
            load_balancer_pool=config.load_balancer_pool,
        )
    ]


def _control_plane(config: Config) -> list[Process]:
    return [
        _apiserver(config),
        _component(
            "controller-manager",
            _local(constants.CONTROLLER_MANAGER_PORT),
            kubeconfig=str(Paths.kubeconfig("controller-manager")),
            root_ca_file=f"{Paths.pki}/ca.crt",
            cluster_signing_cert_file=f"{Paths.pki}/ca.crt",
            cluster_signing_key_file=f"{Paths.pki}/ca.key",
            service_account_private_key_file=f"{Paths.pki}/sa.key",
            cluster_cidr=config.pod_cidr,
        ),
        *_cloud(config),
        _component(
            "scheduler",
            _local(constants.SCHEDULER_PORT),
            kubeconfig=str(Paths.kubeconfig("scheduler")),
            config=config.scheduler_config,
            plugin_dir=config.scheduler_plugin_dir,
        ),
        _component(
            "dns",
            kubeconfig=str(Paths.kubeconfig("dns")),
            listen_address=config.node_ip,
            cluster_domain=constants.CLUSTER_DOMAIN,
        ),
    ]


def _node(config: Config) -> list[Process]:
    return [
        Process("containerd", ("containerd", "--config", str(containerd.CONFIG), "--log-level", "warn")),
        _component(
            "kubelet",
            _local(constants.KUBELET_HEALTHZ_PORT),
            kubeconfig=str(Paths.kubeconfig("kubelet")),
            hostname_override=config.node_name,
            node_ip=config.node_ip,
            address=config.node_ip,
            container_runtime_endpoint=f"unix://{Paths.socket}",
            root_dir=str(Paths.kubelet),
            cgroup_root=config.cgroup_root,
            cluster_dns=config.cluster_dns,
            cluster_domain=constants.CLUSTER_DOMAIN,
            client_ca_file=f"{Paths.pki}/ca.crt",
            tls_cert_file=f"{Paths.pki}/kubelet.crt",
            tls_private_key_file=f"{Paths.pki}/kubelet.key",
        ),
        _component(
            "network",
            kubeconfig=str(Paths.kubeconfig("network")),
            node_name=config.node_name,
            cluster_cidr=config.pod_cidr,
            cni_conf_file=str(Paths.cni),
        ),
        _component(
            "proxy",
            _local(constants.PROXY_HEALTHZ_PORT),
            kubeconfig=str(Paths.kubeconfig("proxy")),
            hostname_override=config.node_name,
            cluster_cidr=config.pod_cidr,
        ),
    ]


def wanted(config: Config) -> list[Process]:
    """The processes of this machine. A machine that joined a cluster runs a node's processes only."""
    node = _node(config)
    if config.join:
        return node
    plane = _control_plane(config)
    # The slow starters first: everything else waits for the API server, the kubelet also for containerd.
    return [plane[0], node[0], *plane[1:], *node[1:]]
