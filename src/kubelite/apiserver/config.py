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
    """Comma-separated authorizers in order: Node, RBAC, Webhook, AlwaysDeny; AlwaysAllow only with the unsafe flag."""
    unsafe_allow_everything: bool = False
    """Accept the authorization mode AlwaysAllow, with which everybody may do everything. For tests only."""
    authorization_config: str = ""
    """AuthorizationConfiguration file (apiserver.config.k8s.io) with the authorizers, instead of --authorization-mode."""
    authorization_webhook_config_file: str = ""
    """Kubeconfig of the webhook that the mode Webhook asks."""
    authorization_webhook_version: str = "v1beta1"
    """Version of the SubjectAccessReview sent to the webhook: v1 or v1beta1."""
    authorization_webhook_cache_authorized_ttl: str = "5m0s"
    """How long the webhook's permissions are remembered."""
    authorization_webhook_cache_unauthorized_ttl: str = "30s"
    """How long the webhook's refusals are remembered."""
    anonymous_auth: bool = True
    """Admit requests without credentials as system:anonymous."""
    authentication_config: str = ""
    """AuthenticationConfiguration file (apiserver.config.k8s.io): JWT issuers and conditions for anonymous requests."""
    authentication_token_webhook_config_file: str = ""
    """Kubeconfig of the webhook that reviews bearer tokens."""
    authentication_token_webhook_version: str = "v1beta1"
    """Version of the TokenReview sent to the webhook: v1 or v1beta1."""
    authentication_token_webhook_cache_ttl: str = "2m0s"
    """How long the webhook's answers are remembered."""
    oidc_issuer_url: str = ""
    """OpenID Connect issuer whose ID tokens are accepted (https)."""
    oidc_client_id: str = ""
    """Audience that ID tokens must have."""
    oidc_ca_file: str = ""
    """CA of the issuer's certificate (PEM); "" takes the system's."""
    oidc_username_claim: str = "sub"
    """Claim that is the user name."""
    oidc_username_prefix: str = ""
    """Prefix of user names; "" puts the issuer before claims other than email, "-" puts nothing."""
    oidc_groups_claim: str = ""
    """Claim that lists the groups."""
    oidc_groups_prefix: str = ""
    """Prefix of groups."""
    oidc_required_claim: tuple[str, ...] = ()
    """Claims that tokens must have, as name=value."""
    oidc_signing_algs: tuple[str, ...] = ("RS256",)
    """Signature algorithms that are accepted."""
    requestheader_client_ca_file: str = ""
    """CA of the client certificates of authenticating proxies (PEM); "" trusts no proxy."""
    requestheader_allowed_names: tuple[str, ...] = ()
    """Common names of proxies; empty allows every certificate of that CA."""
    requestheader_username_headers: tuple[str, ...] = ("x-remote-user",)
    """Headers in which proxies name the user."""
    requestheader_uid_headers: tuple[str, ...] = ()
    """Headers in which proxies give the user's uid."""
    requestheader_group_headers: tuple[str, ...] = ("x-remote-group",)
    """Headers in which proxies name groups."""
    requestheader_extra_headers_prefix: tuple[str, ...] = ("x-remote-extra-",)
    """Prefixes of the headers in which proxies give extras."""
    token_auth_file: str = ""
    """CSV of static tokens: token,user,uid,"group1,group2"."""
    enable_bootstrap_token_auth: bool = False
    """Accept the tokens of Secrets of type bootstrap.kubernetes.io/token in kube-system."""
    service_account_issuer: tuple[str, ...] = ("https://kubernetes.default.svc.cluster.local",)
    """Issuer in service account tokens; tokens of further ones are accepted too."""
    service_account_key_file: tuple[str, ...] = ()
    """Files with public keys (PEM) that verify service account tokens; by default the signing key's."""
    service_account_jwks_uri: str = ""
    """Address of the key set in the issuer's discovery document; "" takes this server's."""
    service_account_max_token_expiration: str = "0s"
    """Longest life of a service account token, at least an hour; 0s sets no limit."""
    service_account_extend_token_expiration: bool = True
    """Let the tokens that are injected in pods live a year, and warn when they are used longer than asked for."""
    service_account_signing_key_file: str = ""
    """Private key (PEM) that signs service account tokens."""
    api_audiences: str = ""
    """Comma-separated audiences of service account tokens; "" takes the issuer."""
    enable_admission_plugins: str = ""
    """Comma-separated admission plugins to run besides the default ones."""
    disable_admission_plugins: str = ""
    """Comma-separated default admission plugins to leave out."""
    admission_control_config_file: str = ""
    """File of kind AdmissionConfiguration with the settings of single admission plugins."""

    kubelet_client_certificate: str = ""
    """Client certificate for calls to kubelets (logs, exec)."""
    kubelet_client_key: str = ""
    """Key of the client certificate for calls to kubelets."""
    kubelet_certificate_authority: str = ""
    """CA of the kubelets' serving certificates; "" accepts any."""

    proxy_client_cert_file: str = ""
    """Client certificate that extension API servers see; its authority is the request-header CA that they trust."""
    proxy_client_key_file: str = ""
    """Key of the client certificate for extension API servers."""

    enable_priority_and_fairness: bool = True
    """Share the server's seats by FlowSchemas and PriorityLevelConfigurations; false: only count requests in flight."""
    max_requests_inflight: int = 400
    """With priority and fairness: part of the seats; without: reading requests that may be under way, more get 429."""
    max_mutating_requests_inflight: int = 200
    """With priority and fairness: part of the seats; without: writing requests that may be under way, more get 429."""
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
    shutdown_delay_duration: str = "0s"
    """How long a stopping server goes on serving while /readyz already fails, so that load balancers turn away from it."""
    shutdown_send_retry_after: bool = False
    """Answer requests on open connections with 429 and Retry-After once the port is closed."""

    audit_policy_file: str = ""
    """Policy of the audit log (audit.k8s.io/v1, YAML); "" turns auditing off."""
    audit_log_path: str = ""
    """File of the audit log, one JSON object a line; "-" is the standard output."""
    audit_log_maxage: int = 0
    """Days after which rotated audit logs are removed; 0 never."""
    audit_log_maxbackup: int = 0
    """Rotated audit logs to keep; 0 all."""
    audit_log_maxsize: int = 100
    """Megabytes at which the audit log is rotated."""
    audit_log_compress: bool = False
    """Compress rotated audit logs with gzip."""
    audit_webhook_config_file: str = ""
    """Kubeconfig of the server that audit events are sent to."""
    audit_webhook_batch_buffer_size: int = 10000
    """Audit events that may wait to be sent; more are dropped and counted."""
    audit_webhook_batch_max_size: int = 400
    """Audit events in one request to the webhook."""
    audit_webhook_batch_max_wait: str = "30s"
    """Time after which a batch that is not full is sent."""
    audit_webhook_initial_backoff: str = "10s"
    """Time before a failed batch is sent again; it doubles with each of the four tries."""
    audit_webhook_truncate_max_event_size: int = 102400
    """Bytes of one audit event for the webhook; the objects of a larger one are left out."""

    encryption_provider_config: str = ""
    """EncryptionConfiguration (apiserver.config.k8s.io/v1, YAML) for data at rest; "" stores everything as it is."""
    encryption_provider_config_automatic_reload: bool = False
    """Take over changes of the encryption configuration without a restart."""
    feature_gates: str = ""
    """Comma-separated NAME=true or NAME=false: APIServerIdentity (on) keeps a Lease for each server, StorageVersionAPI
    (off) serves StorageVersions, in which each server says how it stores."""
    tracing_config_file: str = ""
    """TracingConfiguration (apiserver.config.k8s.io/v1, YAML); needs the extra "tracing". "" turns traces off."""
