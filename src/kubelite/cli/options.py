"""The flags that every verb takes: where the server is, who asks, which namespace.

What: `GLOBAL_FLAGS`, the flags of resource selection and files shared by verbs, and `client_config`, which turns the global
ones into a `ClientConfig`. Why: kubectl takes them before or after the verb, for each verb alike.
Flow: `Parsed` → `client_config` → `session.Session`. Rules follow cli-runtime/pkg/genericclioptions/config_flags.go.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from kubelite.cli.flags import Flag, Parsed
from kubelite.client.config import ClientConfig, in_cluster, kubeconfig_paths, load_kubeconfig
from kubelite.client.errors import ConfigError

ADMIN_KUBECONFIG = "/etc/kubelite/admin.kubeconfig"
"""What `kubelite up` writes; the default where kubectl would have none."""

GLOBAL_FLAGS = (
    Flag("as", "Username to impersonate for the operation."),
    Flag("as-group", "Group to impersonate, may be repeated.", type="array"),
    Flag("as-uid", "UID to impersonate for the operation."),
    Flag("certificate-authority", "Path to a cert file for the certificate authority."),
    Flag("client-certificate", "Path to a client certificate file for TLS."),
    Flag("client-key", "Path to a client key file for TLS."),
    Flag("cluster", "The name of the kubeconfig cluster to use."),
    Flag("context", "The name of the kubeconfig context to use."),
    Flag("insecure-skip-tls-verify", "If true, the server's certificate is not checked.", type="bool"),
    Flag("kubeconfig", "Path to the kubeconfig file to use for CLI requests."),
    Flag("namespace", "If present, the namespace scope for this CLI request.", short="n"),
    Flag("password", "Password for basic authentication to the API server."),
    Flag("request-timeout", "How long to wait for a single server request: 1s, 2m, 3h; 0 for ever.", default="0"),
    Flag("server", "The address and port of the Kubernetes API server.", short="s"),
    Flag("tls-server-name", "Server name to use for server certificate validation."),
    Flag("token", "Bearer token for authentication to the API server."),
    Flag("user", "The name of the kubeconfig user to use."),
    Flag("username", "Username for basic authentication to the API server."),
    Flag("v", "Number for the log level verbosity; from 6 on each request is shown.", short="v", type="int"),
    Flag("warnings-as-errors", "Treat warnings from the server as errors.", type="bool"),
    Flag("help", "Show help for the command.", short="h", type="bool"),
)
REFUSED_GLOBAL = (
    "--cache-dir",
    "--disable-compression",
    "--log-flush-frequency",
    "--match-server-version",
    "--profile",
    "--profile-output",
    "--vmodule",
)

ALL_NAMESPACES = Flag("all-namespaces", "Across all namespaces.", short="A", type="bool")
SELECTOR = Flag("selector", "Selector (label query) to filter on: '=', '==', '!=', 'in', 'notin'.", short="l")
FIELD_SELECTOR = Flag("field-selector", "Selector (field query) to filter on: '=', '==', '!='.")
FILENAME = Flag("filename", "Files, directories, URLs, or - for stdin.", short="f", type="slice")
RECURSIVE = Flag("recursive", "Process the directory used in -f, --filename recursively.", short="R", type="bool")
KUSTOMIZE = Flag("kustomize", "Process the kustomization directory; not together with -f or -R.", short="k")
OUTPUT = Flag(
    "output", "Output format: json, yaml, name, go-template=..., jsonpath=..., custom-columns=..., wide.", short="o"
)
TEMPLATE = Flag("template", "Template or template file for -o=go-template, -o=go-template-file, -o=jsonpath and so on.")
ALLOW_MISSING = Flag("allow-missing-template-keys", "Ignore keys a template does not find.", type="bool", default=True)
SHOW_MANAGED = Flag("show-managed-fields", "Keep the managedFields in JSON or YAML output.", type="bool")
DRY_RUN = Flag("dry-run", 'Must be "none", "server", or "client".', default="none", bare="unchanged")
VALIDATE = Flag("validate", "Validate the input: strict, warn or ignore.", default="strict", bare="strict")
ALL = Flag("all", "Select all resources in the namespace of the specified resource types.", type="bool")
LOCAL = Flag("local", "Work on the given files without asking the server.", type="bool")
CHUNK_SIZE = Flag("chunk-size", "Return large lists in chunks; 0 for all at once.", type="int", default=500)
CASCADE = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}
"""Values of --cascade → propagation policies."""
FILES = (FILENAME, RECURSIVE, KUSTOMIZE)
PRINT = (OUTPUT, TEMPLATE, ALLOW_MISSING, SHOW_MANAGED)


_TEMPLATED = {
    "go-template",
    "go-template-file",
    "template",
    "templatefile",
    "jsonpath",
    "jsonpath-file",
    "jsonpath-as-json",
}


def join_template(parsed: Parsed) -> None:
    """Makes `-o FORMAT --template TEXT` the same as `-o FORMAT=TEXT`; without a format it is a Go template."""
    template = parsed.values.get("template", "")
    output = parsed.values.get("output") or "go-template"
    if template and output in _TEMPLATED:
        parsed.values["output"] = f"{output}={template}"


class Kustomization(str):
    """A directory given with -k, among the files."""

    __slots__ = ()


def join_kustomization(parsed: Parsed) -> None:
    """Makes the directory of -k one of the files."""
    if parsed.values.get("kustomize"):
        parsed.values["filename"] = (*parsed.values["filename"], Kustomization(parsed.values["kustomize"]))


def field_manager(default: str) -> Flag:
    return Flag("field-manager", "Name of the manager used to track field ownership.", default=default)


def _base(parsed: Parsed) -> ClientConfig:
    path, server = parsed.text("kubeconfig"), parsed.text("server")
    context = parsed.text("context") or None
    if not path and not any(file.exists() for file in kubeconfig_paths()):
        if not os.environ.get("KUBECONFIG") and os.access(ADMIN_KUBECONFIG, os.R_OK):
            path = ADMIN_KUBECONFIG
        elif server:
            return ClientConfig(server=server)
        else:
            try:
                return in_cluster()
            except ConfigError:
                return ClientConfig(server="http://localhost:8080")
    user = parsed.values["user"]  # `create rolebinding` has a --user of its own, a list
    try:
        return load_kubeconfig(
            path, context, cluster=parsed.text("cluster"), user=user if isinstance(user, str) else ""
        )
    except ConfigError as error:
        if server and "does not exist" not in str(error):
            return ClientConfig(server=server)
        if str(error).startswith("no configuration has been provided"):
            return ClientConfig(server="http://localhost:8080")
        raise


def client_config(parsed: Parsed) -> ClientConfig:
    """The kubeconfig's settings with the global flags over them. Raises ConfigError."""
    config = _base(parsed)
    texts = {
        "server": "server",
        "certificate-authority": "ca_file",
        "tls-server-name": "tls_server_name",
        "namespace": "namespace",
        "username": "username",
        "password": "password",
        "as": "impersonate_user",
        "as-uid": "impersonate_uid",
    }
    changes: dict[str, object] = {field: parsed.text(flag) for flag, field in texts.items() if parsed.text(flag)}
    if parsed.text("server") and "://" not in parsed.text("server"):
        changes["server"] = f"http://{parsed.text('server')}"
    if parsed.text("certificate-authority"):
        changes["ca_data"] = b""
    if parsed.text("client-certificate"):
        changes |= {"cert_file": parsed.text("client-certificate"), "cert_data": b"", "key_data": b""}
    if parsed.text("client-key"):
        changes |= {"key_file": parsed.text("client-key"), "key_data": b""}
    if parsed.text("token"):
        changes |= {"token": parsed.text("token"), "token_file": "", "exec": None}
    if parsed.on("insecure-skip-tls-verify"):
        changes |= {"insecure": True}
    if parsed.many("as-group"):
        changes["impersonate_groups"] = parsed.many("as-group")
    for file in (changes.get("cert_file"), changes.get("key_file"), changes.get("ca_file")):
        if file and not Path(str(file)).exists():
            raise ConfigError(f"unable to read {file}: open {file}: no such file or directory")
    return replace(config, **changes)  # type: ignore[arg-type]
