"""`config set-*`, `use-context`, `rename-context`, `delete-*`: change the entries of a kubeconfig file.

Flow: the file of --kubeconfig, $KUBECONFIG or ~/.kube/config → changed document → written back with mode 0600.
Follows kubectl/pkg/cmd/config. Of several files the first one that exists is changed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.kubeconfig import INNER, entry, load, save, target_path
from kubelite.cli.session import Object, Session
from kubelite.cli.verbs.config.base import Options, command, one_name


async def run_use(opts: Options, session: Session) -> int:
    name = one_name(opts)
    document = load(target_path(opts.path))
    if entry(document, "contexts", name) is None:
        raise CliError(f'no context exists with the name: "{name}"')
    document["current-context"] = name
    save(target_path(opts.path), document)
    session.print(f'Switched to context "{name}".')
    return 0


def _set(section: str, word: str) -> Callable[[Options, Session], Any]:
    async def run(opts: Options, session: Session) -> int:
        parsed, document = opts.parsed, load(target_path(opts.path))
        name = document["current-context"] if section == "contexts" and parsed.on("current") else one_name(opts)
        found = entry(document, section, name)
        done = "modified" if found is not None else "created"
        if found is None:
            found = {"name": name, INNER[section]: {}}
            document[section].append(found)
        _change(found[INNER[section]], section, parsed)
        document[section].sort(key=lambda one: str(one["name"]))
        save(target_path(opts.path), document)
        session.print(f'{word} "{name}" {"set" if section != "contexts" else done}.')
        return 0

    return run


_FIELDS = {
    "clusters": ("server", "tls-server-name", "proxy-url", "certificate-authority", "insecure-skip-tls-verify"),
    "users": ("token", "username", "password", "client-certificate", "client-key"),
    "contexts": ("cluster", "user", "namespace"),
}


def _change(body: Object, section: str, parsed: Parsed) -> None:
    embed = bool(parsed.values.get("embed-certs", False))
    for field in _FIELDS[section]:
        if field not in parsed.given:
            continue
        value = parsed.values[field]
        if embed and field in ("certificate-authority", "client-certificate", "client-key"):
            body.pop(field, None)
            body[f"{field}-data"] = base64.b64encode(Path(str(value)).read_bytes()).decode()
        elif value in ("", False):
            body.pop(field, None)
        else:
            file = field in ("certificate-authority", "client-certificate", "client-key")
            body[field] = os.path.abspath(str(value)) if file else value


def _delete(section: str, word: str) -> Callable[[Options, Session], Any]:
    async def run(opts: Options, session: Session) -> int:
        name, document = one_name(opts), load(target_path(opts.path))
        found = entry(document, section, name)
        if found is None:
            raise CliError(f"cannot delete {word} {name}, not in {target_path(opts.path)}")
        document[section].remove(found)
        if section == "contexts" and document["current-context"] == name:
            session.warn(
                'warning: this removed your active context, use "kubelite config use-context" to select a different one'
            )
        save(target_path(opts.path), document)
        session.print(f"deleted {word} {name} from {target_path(opts.path)}")
        return 0

    return run


async def run_rename(opts: Options, session: Session) -> int:
    if len(opts.args) != 2:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    old, new = opts.args
    document = load(target_path(opts.path))
    found = entry(document, "contexts", old)
    if found is None:
        raise CliError(f'cannot rename the context "{old}", it\'s not in {target_path(opts.path)}')
    if entry(document, "contexts", new) is not None:
        raise CliError(
            f'cannot rename the context "{old}", the context "{new}" already exists in {target_path(opts.path)}'
        )
    found["name"] = new
    if document["current-context"] == old:
        document["current-context"] = new
    save(target_path(opts.path), document)
    session.print(f'Context "{old}" renamed to "{new}".')
    return 0


_EMBED = Flag("embed-certs", "Write the certificates' contents into the file.", type="bool")
USE_CONTEXT = command(
    "use-context",
    "Set the current-context in a kubeconfig file",
    "use-context CONTEXT_NAME",
    run_use,
    "use-context minikube",
)
SET_CONTEXT = command(
    "set-context",
    "Set a context entry in kubeconfig",
    "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
    _set("contexts", "Context"),
    "set-context gce --user=cluster-admin",
    (Flag("current", "Modify the current context.", type="bool"),),
)
SET_CLUSTER = command(
    "set-cluster",
    "Set a cluster entry in kubeconfig",
    "set-cluster NAME [--server=server] [--certificate-authority=path/to/certificate/authority]",
    _set("clusters", "Cluster"),
    "set-cluster e2e --server=https://1.2.3.4",
    (_EMBED, Flag("proxy-url", "A proxy; refused when the file is used.")),
)
_EXEC = (
    "--auth-provider",
    "--auth-provider-arg",
    "--exec-api-version",
    "--exec-arg",
    "--exec-command",
    "--exec-env",
    "--exec-interactive-mode",
    "--exec-provide-cluster-info",
)
SET_CREDENTIALS = command(
    "set-credentials",
    "Set a user entry in kubeconfig",
    "set-credentials NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token]",
    _set("users", "User"),
    "set-credentials cluster-admin --client-key=~/.kube/admin.key",
    (_EMBED,),
    _EXEC,
)
DELETE_CONTEXT = command(
    "delete-context",
    "Delete the specified context",
    "delete-context NAME",
    _delete("contexts", "context"),
    "delete-context x",
)
DELETE_CLUSTER = command(
    "delete-cluster",
    "Delete the specified cluster",
    "delete-cluster NAME",
    _delete("clusters", "cluster"),
    "delete-cluster x",
)
DELETE_USER = command(
    "delete-user", "Delete the specified user", "delete-user NAME", _delete("users", "user"), "delete-user x"
)
RENAME_CONTEXT = command(
    "rename-context", "Rename a context", "rename-context CONTEXT_NAME NEW_NAME", run_rename, "rename-context old new"
)
