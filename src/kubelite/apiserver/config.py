"""The API server's settings: one frozen value, from which flags and `--help` are generated.

What: every knob with its default. Why: tests, the supervisor and the command line build the same value. Flow:
`cmd/apiserver.py` parses flags into it, `server.run` and the parts' `build(config, registry)` read it. The names are
kube-apiserver's where it has the same flag.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.api import constants


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one API server process."""

    bind_address: str = "0.0.0.0"
    """Address to listen on."""
    secure_port: int = constants.APISERVER_PORT
    """Port to listen on; 0 takes a free one."""
    advertise_address: str = ""
    """Address under which clients reach this server; "" takes the bind address or the default route's."""
    tls_cert_file: str = ""
    """Serving certificate (PEM). Without it the server speaks plain HTTP, and only on a loopback address."""
    tls_private_key_file: str = ""
    """Key of the serving certificate (PEM)."""
    client_ca_file: str = ""
    """CA that signs client certificates (PEM); "" turns client certificates off."""
    etcd_servers: str = ""
    """Comma-separated etcd endpoints; "" uses the embedded store."""
    etcd_cafile: str = ""
    """CA of etcd's serving certificate."""
    etcd_certfile: str = ""
    """Client certificate for etcd."""
    etcd_keyfile: str = ""
    """Key of the client certificate for etcd."""
    data_path: str = constants.LIB + "/db/kubelite.db"
    """File of the embedded SQLite store; "memory" keeps everything in memory."""

    service_cluster_ip_range: str = constants.SERVICE_CIDR
    """CIDR of the service addresses."""
    service_node_port_range: str = f"{constants.NODE_PORT_FIRST}-{constants.NODE_PORT_LAST}"
    """Ports for services of type NodePort, both ends included."""

    authorization_mode: str = "Node,RBAC"
    """Comma-separated authorizers in order: Node, RBAC, AlwaysAllow, AlwaysDeny."""
    anonymous_auth: bool = True
    """Admit requests without credentials as system:anonymous."""
    token_auth_file: str = ""
    """CSV of static tokens: token,user,uid,"group1,group2"."""
    enable_bootstrap_token_auth: bool = False
    """Accept the tokens of Secrets of type bootstrap.kubernetes.io/token in kube-system."""
    service_account_issuer: str = "https://kubernetes.default.svc.cluster.local"
    """Issuer in service account tokens."""
    service_account_key_file: str = ""
    """Public key or keys (PEM) that verify service account tokens."""
    service_account_signing_key_file: str = ""
    """Private key (PEM) that signs service account tokens."""
    api_audiences: str = ""
    """Comma-separated audiences of service account tokens; "" takes the issuer."""
    enable_admission_plugins: str = ""
    """Comma-separated admission plugins to run besides the default ones."""
    disable_admission_plugins: str = ""
    """Comma-separated default admission plugins to leave out."""

    kubelet_client_certificate: str = ""
    """Client certificate for calls to kubelets (logs, exec)."""
    kubelet_client_key: str = ""
    """Key of the client certificate for calls to kubelets."""
    kubelet_certificate_authority: str = ""
    """CA of the kubelets' serving certificates; "" accepts any."""

    max_requests_inflight: int = 400
    """Reading requests that may wait at a time; more get 429."""
    max_mutating_requests_inflight: int = 200
    """Writing requests that may be under way at a time; more get 429."""
    request_timeout_seconds: float = 60.0
    """Time after which a request that is not long-running gets 504."""
    min_request_timeout_seconds: int = 1800
    """A watch without timeoutSeconds ends after this long, up to twice as long."""
    max_request_body_bytes: int = 3 * 1024 * 1024
    """A larger body gets 413."""
    event_ttl_seconds: int = 3600
    """How long Events are kept."""
    watch_history: int = 4096
    """Events per resource that a watch can resume from."""
    compaction_interval_seconds: float = 300.0
    """How often history older than this interval is dropped from the store; 0 never."""
    shutdown_seconds: float = 10.0
    """How long a stopping server waits for requests under way."""
