"""`config view`, `get-contexts`, `get-clusters`, `get-users`, `current-context`: what kubeconfig files say, merged.

Flow: the files of --kubeconfig, $KUBECONFIG or ~/.kube/config → one document → secrets hidden → text.
Follows kubectl/pkg/cmd/config.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubelite.cli import printers
from kubelite.cli.failures import CliError, not_supported
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.kubeconfig import INNER, entry, readable
from kubelite.cli.options import OUTPUT, PRINT
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table
from kubelite.cli.verbs.config.base import Options, command
from kubelite.client.config import read_kubeconfig

_HIDDEN = ("token", "password")


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


def _get(section: str) -> Callable[[Options, Session], Any]:
    async def run(opts: Options, session: Session) -> int:
        document = read_kubeconfig(readable(opts.path))
        session.print("NAME")
        for name in sorted(one["name"] for one in document[section]):
            session.print(name)
        return 0

    return run


VIEW = command(
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
)
GET_CONTEXTS = command(
    "get-contexts",
    "Describe one or many contexts",
    "get-contexts [(-o|--output=)name)]",
    run_get_contexts,
    "get-contexts",
    (OUTPUT, Flag("no-headers", "Don't print headers.", type="bool")),
)
CURRENT_CONTEXT = command(
    "current-context", "Display the current-context", "current-context", run_current, "current-context"
)
GET_CLUSTERS = command(
    "get-clusters", "Display clusters defined in the kubeconfig", "get-clusters", _get("clusters"), "get-clusters"
)
GET_USERS = command("get-users", "Display users defined in the kubeconfig", "get-users", _get("users"), "get-users")
