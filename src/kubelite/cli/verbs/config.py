"""`config`: read and change kubeconfig files.

Flow: the file of --kubeconfig, $KUBECONFIG or ~/.kube/config → changed document → written back with mode 0600.
Follows kubectl/pkg/cmd/config. Reading merges all files; changes go to the first one.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubelite.cli import printers
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, not_supported
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.kubeconfig import INNER, entry, load, readable, save, target_path
from kubelite.cli.options import OUTPUT, PRINT, REFUSED_PRINT
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.client.config import read_kubeconfig

_HIDDEN = ("token", "password")


@dataclass(frozen=True, slots=True)
class Options:
    """The file asked for, the arguments and the flags."""

    path: str
    args: tuple[str, ...]
    parsed: Parsed


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(parsed.text("kubeconfig"), tuple(parsed.args), parsed)


def _name(opts: Options, usage: str = "") -> str:
    if len(opts.args) != 1:
        raise UsageError(usage or f"Unexpected args: [{' '.join(opts.args)}]")
    return opts.args[0]


def _printer(parsed: Parsed) -> printers.Printer:
    return printers.make(
        parsed.text("output") or "yaml",
        allow_missing=parsed.on("allow-missing-template-keys"),
        show_managed=parsed.on("show-managed-fields"),
    )


async def run_view(opts: Options, session: Session) -> int:
    parsed = opts.parsed
    if not parsed.on("merge"):
        raise not_supported("flag --merge=false")
    document = read_kubeconfig(readable(opts.path))
    if parsed.on("minify"):
        document = _minified(document, parsed.text("context"))
    if parsed.on("flatten"):
        _flatten(document)
    elif not parsed.on("raw"):
        _redact(document)
    shown: Object = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    shown |= {key: document.get(key) or None for key in ("clusters", "contexts", "users")}
    shown["current-context"] = document.get("current-context", "")
    session.write(_printer(parsed)(shown))
    return 0


def _minified(document: Object, context: str) -> Object:
    wanted = context or document["current-context"]
    found = entry(document, "contexts", wanted)
    if found is None:
        raise CliError("cannot locate context " + wanted if wanted else "current-context must exist in order to minify")
    inner = found["context"]
    return document | {
        "contexts": [found],
        "clusters": [one for one in document["clusters"] if one["name"] == inner.get("cluster")],
        "users": [one for one in document["users"] if one["name"] == inner.get("user")],
        "current-context": wanted,
    }


def _redact(document: Object) -> None:
    for one in document["users"]:
        for key in list(one["user"]):
            if key in _HIDDEN:
                one["user"][key] = "REDACTED"
            elif key.endswith("-data"):
                one["user"][key] = "DATA+OMITTED"
    for one in document["clusters"]:
        if "certificate-authority-data" in one["cluster"]:
            one["cluster"]["certificate-authority-data"] = "DATA+OMITTED"


def _flatten(document: Object) -> None:
    fields = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key")}
    for section, keys in fields.items():
        for one in document[section]:
            body = one[INNER[section]]
            for key in keys:
                if body.get(key):
                    body[f"{key}-data"] = base64.b64encode(Path(body.pop(key)).read_bytes()).decode()


async def run_get_contexts(opts: Options, session: Session) -> int:
    document = read_kubeconfig(readable(opts.path))
    names = list(opts.args) or sorted(one["name"] for one in document["contexts"])
    if opts.parsed.text("output") not in ("", "name"):
        raise CliError("output must be one of '' or 'name': " + opts.parsed.text("output"))
    rows, missing = [], []
    for name in names:
        found = entry(document, "contexts", name)
        if found is None:
            missing.append(f"context {name} not found")
            continue
        inner = found["context"]
        current = "*" if name == document["current-context"] else ""
        rows.append([current, name, inner.get("cluster", ""), inner.get("user", ""), inner.get("namespace", "")])
    if opts.parsed.text("output") == "name":
        for row in rows:
            session.print(row[1])
    else:
        header = None if opts.parsed.on("no-headers") else ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]
        session.write(table(header, rows)[0])
    if missing:
        raise CliError("; ".join(missing))
    return 0


async def run_current(opts: Options, session: Session) -> int:
    current = read_kubeconfig(readable(opts.path))["current-context"]
    if not current:
        raise CliError("current-context is not set")
    session.print(current)
    return 0


async def run_use(opts: Options, session: Session) -> int:
    name = _name(opts)
    document = load(target_path(opts.path))
    if entry(document, "contexts", name) is None:
        raise CliError(f'no context exists with the name: "{name}"')
    document["current-context"] = name
    save(target_path(opts.path), document)
    session.print(f'Switched to context "{name}".')
    return 0


def _get(section: str) -> Callable[[Options, Session], Any]:
    async def run(opts: Options, session: Session) -> int:
        document = read_kubeconfig(readable(opts.path))
        session.print("NAME")
        for name in sorted(one["name"] for one in document[section]):
            session.print(name)
        return 0

    return run


def _set(section: str, word: str) -> Callable[[Options, Session], Any]:
    async def run(opts: Options, session: Session) -> int:
        parsed, document = opts.parsed, load(target_path(opts.path))
        name = document["current-context"] if section == "contexts" and parsed.on("current") else _name(opts)
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
        name, document = _name(opts), load(target_path(opts.path))
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


async def run_unset(opts: Options, session: Session) -> int:
    path, document = _name(opts), load(target_path(opts.path))
    parts = path.split(".")
    if parts[0] == "current-context":
        document["current-context"] = ""
    elif parts[0] in INNER and len(parts) >= 2:
        found = entry(document, parts[0], parts[1])
        if found is not None and len(parts) == 2:
            document[parts[0]].remove(found)
        elif found is not None:
            found[INNER[parts[0]]].pop(".".join(parts[2:]), None)
    elif parts[0] in INNER:
        document[parts[0]] = []
    else:
        raise CliError(f"unable to parse {path}: no such property")
    save(target_path(opts.path), document)
    session.print(f'Property "{path}" unset.')
    return 0


def _command(
    name: str,
    summary: str,
    usage: str,
    run: Any,
    examples: str,
    flags: tuple[Flag, ...] = (),
    refused: tuple[str, ...] = (),
) -> Command:
    return Command(
        name=name,
        summary=summary,
        usage=f"config {usage}",
        examples=((summary, f"config {examples}"),),
        flags=flags,
        refused=refused,
        complete=complete,
        run=run,
    )


_EMBED = Flag("embed-certs", "Write the certificates' contents into the file.", type="bool")
VIEW = _command(
    "view",
    "Display merged kubeconfig settings",
    "view [flags]",
    run_view,
    "view --minify",
    (
        *PRINT,
        Flag("flatten", "Put certificates into the output.", type="bool"),
        Flag("minify", "Only what the current context uses.", type="bool"),
        Flag("raw", "Show certificates, tokens and passwords.", type="bool"),
        Flag("merge", "Merge all files; --merge=false is not supported.", type="bool", default=True),
    ),
    REFUSED_PRINT,
)
GET_CONTEXTS = _command(
    "get-contexts",
    "Describe one or many contexts",
    "get-contexts [(-o|--output=)name)]",
    run_get_contexts,
    "get-contexts",
    (OUTPUT, Flag("no-headers", "Don't print headers.", type="bool")),
)
CURRENT_CONTEXT = _command(
    "current-context", "Display the current-context", "current-context", run_current, "current-context"
)
USE_CONTEXT = _command(
    "use-context",
    "Set the current-context in a kubeconfig file",
    "use-context CONTEXT_NAME",
    run_use,
    "use-context minikube",
)
SET_CONTEXT = _command(
    "set-context",
    "Set a context entry in kubeconfig",
    "set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
    _set("contexts", "Context"),
    "set-context gce --user=cluster-admin",
    (Flag("current", "Modify the current context.", type="bool"),),
)
SET_CLUSTER = _command(
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
SET_CREDENTIALS = _command(
    "set-credentials",
    "Set a user entry in kubeconfig",
    "set-credentials NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token]",
    _set("users", "User"),
    "set-credentials cluster-admin --client-key=~/.kube/admin.key",
    (_EMBED,),
    _EXEC,
)
GET_CLUSTERS = _command(
    "get-clusters", "Display clusters defined in the kubeconfig", "get-clusters", _get("clusters"), "get-clusters"
)
GET_USERS = _command("get-users", "Display users defined in the kubeconfig", "get-users", _get("users"), "get-users")
DELETE_CONTEXT = _command(
    "delete-context",
    "Delete the specified context",
    "delete-context NAME",
    _delete("contexts", "context"),
    "delete-context x",
)
DELETE_CLUSTER = _command(
    "delete-cluster",
    "Delete the specified cluster",
    "delete-cluster NAME",
    _delete("clusters", "cluster"),
    "delete-cluster x",
)
DELETE_USER = _command(
    "delete-user", "Delete the specified user", "delete-user NAME", _delete("users", "user"), "delete-user x"
)
RENAME_CONTEXT = _command(
    "rename-context", "Rename a context", "rename-context CONTEXT_NAME NEW_NAME", run_rename, "rename-context old new"
)
UNSET = _command(
    "unset", "Unset an individual value in a kubeconfig file", "unset PROPERTY_NAME", run_unset, "unset current-context"
)
_NAMES = (
    "current-context",
    "delete-cluster",
    "delete-context",
    "delete-user",
    "get-clusters",
    "get-contexts",
    "get-users",
    "rename-context",
    "set-cluster",
    "set-context",
    "set-credentials",
    "unset",
    "use-context",
    "view",
)
COMMAND = Command(
    name="config",
    summary="Modify kubeconfig files",
    usage="config SUBCOMMAND",
    subcommands={name: f"kubelite.cli.verbs.config:{name.upper().replace('-', '_')}" for name in _NAMES},
)
