"""The cluster's keys: one authority, a certificate a component, and the kubeconfig files that carry them.

What: writes `/etc/kubelite/pki` and `/etc/kubelite/*.kubeconfig`, keeping what is there and valid.
Why: TLS and identities are on from the first start. Users and groups are those that the bootstrap RBAC roles name.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import pathlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kubelite.api import constants
from kubelite.cmd.cluster.config import Config, Paths
from kubelite.util.tls import Authority, KeyPair, expires, new_key, public_key, write_private

RENEW_BEFORE = timedelta(days=30)
COMPONENT_USERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "admin": ("kubernetes-admin", ("system:masters",)),
    "controller-manager": ("system:kube-controller-manager", ()),
    "cloud-controller-manager": ("system:kubelite-cloud-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "proxy": ("system:kube-proxy", ()),
    "dns": ("system:kubelite-dns", ()),
    "network": ("system:kubelite-network", ()),
}
NODE_USERS = ("proxy", "network")
FRONT_PROXY = "front-proxy-client"


def service_address(config: Config) -> str:
    """The first address of the service range: the `kubernetes` Service."""
    return str(ipaddress.ip_network(config.service_cidr)[1])


def server_url(config: Config) -> str:
    return f"https://{config.node_ip}:{constants.APISERVER_PORT}"


def kubeconfig_text(server: str, ca: bytes, user: str, pair: KeyPair) -> str:
    """A kubeconfig with everything inside, as JSON (which is YAML)."""

    def data(value: bytes) -> str:
        return base64.b64encode(value).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubelite", "cluster": {"server": server, "certificate-authority-data": data(ca)}}],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": data(pair.certificate), "client-key-data": data(pair.key)},
            }
        ],
        "contexts": [{"name": "kubelite", "context": {"cluster": "kubelite", "user": user}}],
        "current-context": "kubelite",
        "preferences": {},
    }
    return json.dumps(document, indent=2) + "\n"


def _fresh(path: pathlib.Path) -> bool:
    return path.exists() and expires(path.read_bytes()) - datetime.now(UTC) > RENEW_BEFORE


def _keep_pair(name: str, pair: KeyPair) -> None:
    write_private(Paths.pki / f"{name}.key", pair.key)
    write_private(Paths.pki / f"{name}.crt", pair.certificate)


def authority() -> Authority:
    return Authority.load_or_create(Paths.pki / "ca.crt", Paths.pki / "ca.key", "kubelite-ca")


def issue_front_proxy() -> None:
    """What the API server shows extension API servers: an authority of its own, as it lets its client speak for anybody."""
    if not _fresh(Paths.pki / f"{FRONT_PROXY}.crt"):
        own = Authority.load_or_create(
            Paths.pki / "front-proxy-ca.crt", Paths.pki / "front-proxy-ca.key", "kubelite-front-proxy-ca"
        )
        _keep_pair(FRONT_PROXY, own.issue_client(FRONT_PROXY))


def issue_control_plane(config: Config) -> None:
    """Everything that the machine with the API server needs, its own node included."""
    ca = authority()
    issue_front_proxy()
    stamp = Paths.pki / "issued-for.json"
    wanted = json.dumps([config.node_name, config.node_ip, config.service_cidr])
    complete = all(Paths.kubeconfig(name).exists() for name in COMPONENT_USERS)
    if complete and stamp.exists() and stamp.read_text() == wanted and _fresh(Paths.pki / "apiserver.crt"):
        return
    hosts = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{constants.CLUSTER_DOMAIN}",
        "localhost",
        config.node_name,
        "127.0.0.1",
        config.node_ip,
        service_address(config),
    ]
    _keep_pair("apiserver", ca.issue_server("kube-apiserver", hosts))
    _keep_pair("apiserver-kubelet-client", ca.issue_client("kube-apiserver-kubelet-client", ("system:masters",)))
    if not (Paths.pki / "sa.key").exists():
        key = new_key()
        write_private(Paths.pki / "sa.key", key)
        write_private(Paths.pki / "sa.pub", public_key(key))
    for name, (user, groups) in COMPONENT_USERS.items():
        text = kubeconfig_text(server_url(config), ca.pair.certificate, user, ca.issue_client(user, groups))
        write_private(Paths.kubeconfig(name), text.encode())
    for name, data in node_files(ca, server_url(config), config.node_name, (config.node_ip, "127.0.0.1")).items():
        write_private(Paths.etc / name, data)
    write_private(stamp, wanted.encode())


def node_files(ca: Authority, server: str, node: str, addresses: Sequence[str]) -> dict[str, bytes]:
    """The files of one node, by their path below /etc/kubelite."""
    user = f"system:node:{node}"
    serving = ca.issue_server(user, [node, "localhost", *addresses], ("system:nodes",))
    client = ca.issue_client(user, ("system:nodes",))
    return {
        "kubelet.kubeconfig": kubeconfig_text(server, ca.pair.certificate, user, client).encode(),
        "pki/kubelet.crt": serving.certificate,
        "pki/kubelet.key": serving.key,
    }
