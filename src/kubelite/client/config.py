"""Where the API server is and who asks: kubeconfig files, contexts, and the service account of a pod.

What: `load_kubeconfig`, `in_cluster` and `default_config`, each returning a frozen `ClientConfig`.
Why: every process and command finds its server the same way as kubectl does (client-go/tools/clientcmd).
Flow: files (merged: the first file that sets a name wins) → context → cluster and user → `ClientConfig` →
`ssl_context()` and `credentials.Credentials`. PyYAML is imported only when a file is read.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubelite.client.errors import ConfigError

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
EMPTY = "no configuration has been provided, try setting KUBERNETES_MASTER environment variable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """A command that prints an ExecCredential (client.authentication.k8s.io)."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    provide_cluster_info: bool = False
    install_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """One server and one identity. PEM data is bytes; a path wins nothing over data: data is used when both are set."""

    server: str
    ca_file: str = ""
    ca_data: bytes = b""
    cert_file: str = ""
    cert_data: bytes = b""
    key_file: str = ""
    key_data: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    exec: ExecPlugin | None = None
    namespace: str = "default"
    context: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    impersonate_user: str = ""
    impersonate_uid: str = ""
    impersonate_groups: tuple[str, ...] = ()

    def ssl_context(self, cert: tuple[bytes, bytes] | None = None) -> ssl.SSLContext | None:
        """The TLS settings, or None for an http:// server. `cert` (certificate, key) replaces the configured pair."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.ca_data:
            context.load_verify_locations(cadata=self.ca_data.decode())
        elif self.ca_file:
            context.load_verify_locations(cafile=self.ca_file)
        else:
            context.load_default_certs()
        if cert is not None:
            _load_pair(context, *cert)
        elif self.cert_data or self.key_data:
            _load_pair(
                context,
                self.cert_data or Path(self.cert_file).read_bytes(),
                self.key_data or Path(self.key_file).read_bytes(),
            )
        elif self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        return context


def _load_pair(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    """`load_cert_chain` reads files only: the pair lives in memory behind a file name for the length of the call."""
    file = os.memfd_create("client-certificate")
    try:
        os.write(file, cert.rstrip() + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)


def kubeconfig_paths(path: str = "") -> list[Path]:
    """The files to read, in order: `path`, or those that KUBECONFIG lists, or ~/.kube/config."""
    if path:
        return [Path(path)]
    listed = os.environ.get("KUBECONFIG", "")
    if listed:
        return [Path(part) for part in dict.fromkeys(listed.split(os.pathsep)) if part]
    return [Path.home() / ".kube" / "config"]


def read_kubeconfig(path: str = "") -> dict[str, Any]:
    """The merged kubeconfig as plain data; file names inside it are made absolute. A named file must exist."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    for wanted in ("clusters", "users", "contexts"):
        merged[wanted] = []
    merged["current-context"] = ""
    for file in kubeconfig_paths(path):
        try:
            text = file.read_text()
        except FileNotFoundError:
            if path:
                raise ConfigError(f"stat {path}: no such file or directory") from None
            continue
        except OSError as error:
            raise ConfigError(f'error loading config file "{file}": {error.strerror}') from error
        _merge(merged, _parse(text, file), file.parent)
    return merged


def _parse(text: str, file: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ConfigError(f'error loading config file "{file}": {error}') from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f'error loading config file "{file}": it holds no mapping')
    return document


_PATHS = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
    "contexts": ("context", ()),
}


def _merge(merged: dict[str, Any], document: Mapping[str, Any], folder: Path) -> None:
    if not merged["current-context"]:
        merged["current-context"] = str(document.get("current-context") or "")
    for section, (inner, paths) in _PATHS.items():
        known = {entry["name"] for entry in merged[section]}
        for entry in document.get(section) or []:
            if not isinstance(entry, dict) or entry.get("name") is None or entry["name"] in known:
                continue
            body = dict(entry.get(inner) or {})
            for key in paths:
                if body.get(key):
                    body[key] = str(folder.absolute() / body[key])
            merged[section].append({"name": str(entry["name"]), inner: body})


def _named(document: Mapping[str, Any], section: str, name: str) -> dict[str, Any] | None:
    inner = _PATHS[section][0]
    for entry in document[section]:
        if entry["name"] == name:
            found: dict[str, Any] = entry[inner]
            return found
    return None


def load_kubeconfig(path: str = "", context: str | None = None, *, cluster: str = "", user: str = "") -> ClientConfig:
    """The configuration of `context` (the current one by default) in the kubeconfig at `path` ("" for kubectl's places)."""
    document = read_kubeconfig(path)
    chosen = context or document["current-context"]
    settings = _named(document, "contexts", chosen) if chosen else {}
    if settings is None:
        raise ConfigError(f'context "{chosen}" does not exist')
    cluster_name = cluster or str(settings.get("cluster") or "")
    user_name = user or str(settings.get("user") or "")
    if not cluster_name and not chosen:
        raise ConfigError(EMPTY)
    found = _named(document, "clusters", cluster_name)
    if found is None:
        raise ConfigError(f'cluster "{cluster_name}" does not exist')
    identity = _named(document, "users", user_name) if user_name else {}
    if identity is None:
        raise ConfigError(f'auth info "{user_name}" does not exist')
    return _config(found, identity, str(settings.get("namespace") or "default"), chosen)


def load_identities(path: str) -> tuple[dict[str, ClientConfig], str]:
    """Every user of the kubeconfig at `path` by name, and the name of the current context's ("" for none).

    A file that says only who somebody is has no clusters: `server` is for the caller to put in.
    """
    document = read_kubeconfig(path)
    anywhere = {"server": "https://localhost"}
    found = {entry["name"]: _config(anywhere, entry["user"], "default", "") for entry in document["users"]}
    current = _named(document, "contexts", document["current-context"]) or {}
    return found, str(current.get("user") or "")


def _data(body: Mapping[str, Any], key: str) -> bytes:
    text = body.get(key) or ""
    try:
        return base64.b64decode(text, validate=False)
    except ValueError as error:
        raise ConfigError(f"illegal base64 data in {key}") from error


def _config(cluster: Mapping[str, Any], user: Mapping[str, Any], namespace: str, context: str) -> ClientConfig:
    for section, key in ((cluster, "proxy-url"), (user, "auth-provider")):
        if section.get(key):
            raise ConfigError(f'the kubeconfig field "{key}" is not supported')
    server = str(cluster.get("server") or "").rstrip("/")
    if not server:
        raise ConfigError(f'no server found for cluster in context "{context}"')
    if "://" not in server:
        server = f"http://{server}"
    return ClientConfig(
        server=server,
        ca_file=str(cluster.get("certificate-authority") or ""),
        ca_data=_data(cluster, "certificate-authority-data"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        cert_file=str(user.get("client-certificate") or ""),
        cert_data=_data(user, "client-certificate-data"),
        key_file=str(user.get("client-key") or ""),
        key_data=_data(user, "client-key-data"),
        token=str(user.get("token") or ""),
        token_file=str(user.get("tokenFile") or ""),
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        exec=_exec_plugin(user.get("exec")),
        impersonate_user=str(user.get("as") or ""),
        impersonate_uid=str(user.get("as-uid") or ""),
        impersonate_groups=tuple(user.get("as-groups") or ()),
        namespace=namespace,
        context=context,
    )


def _exec_plugin(body: Mapping[str, Any] | None) -> ExecPlugin | None:
    if not body:
        return None
    env: Sequence[Mapping[str, str]] = body.get("env") or ()
    return ExecPlugin(
        command=str(body.get("command") or ""),
        args=tuple(str(arg) for arg in body.get("args") or ()),
        env=tuple((item["name"], item["value"]) for item in env),
        api_version=str(body.get("apiVersion") or "client.authentication.k8s.io/v1"),
        provide_cluster_info=bool(body.get("provideClusterInfo")),
        install_hint=str(body.get("installHint") or ""),
    )


def in_cluster(folder: str = SERVICE_ACCOUNT) -> ClientConfig:
    """The configuration of a process in a pod, from its service account and environment."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "")
    root = Path(folder)
    if not host or not port or not (root / "token").exists():
        raise ConfigError(
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"
        )
    namespace = root / "namespace"
    return ClientConfig(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca_file=str(root / "ca.crt"),
        token_file=str(root / "token"),
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
    )


def default_config(path: str = "", context: str | None = None) -> ClientConfig:
    """The kubeconfig where there is one, otherwise the pod's service account."""
    if path or context or any(file.exists() for file in kubeconfig_paths()):
        return load_kubeconfig(path, context)
    try:
        return in_cluster()
    except ConfigError:
        raise ConfigError(EMPTY) from None
