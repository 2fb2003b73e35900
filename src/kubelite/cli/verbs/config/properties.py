"""`config set PROPERTY VALUE` and `config unset PROPERTY`: one value of a kubeconfig file, named by a path with dots.

Flow: `users.admin.token` → section, entry (whose name may have dots), field → the document changed → written back.
Follows kubectl/pkg/cmd/config/{set,unset,navigation_step_parser}.go.
"""

from __future__ import annotations

import base64
import binascii

from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag
from kubelite.cli.kubeconfig import INNER, entry, load, save, target_path
from kubelite.cli.session import Object, Session
from kubelite.cli.verbs.config.base import Options, command, one_name

_FIELDS = {
    "clusters": (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority",
        "certificate-authority-data",
        "proxy-url",
        "disable-compression",
    ),
    "users": (
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "act-as",
        "act-as-uid",
        "username",
        "password",
    ),
    "contexts": ("cluster", "user", "namespace"),
}
_WRITTEN = {"act-as": "as", "act-as-uid": "as-uid"}
"""Property → the key in the file, where they differ."""
_SWITCHES = ("insecure-skip-tls-verify", "disable-compression")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def _value(field: str, text: str, raw: bool) -> str | bool:
    """The value of a field as the file has it. Raises CliError."""
    if field in _SWITCHES:
        if text not in _TRUE + _FALSE:
            raise CliError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text in _TRUE
    if not field.endswith("-data"):
        return text
    if raw:
        return base64.b64encode(text.encode()).decode()
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except binascii.Error as error:
        raise CliError(f"error decoding input value: {error}") from error


def change(document: Object, path: str, text: str, raw: bool) -> None:
    """Set the property `path` of a kubeconfig document. Raises CliError for one that does not exist."""
    section, _, rest = path.partition(".")
    if path in ("current-context", "kind", "apiVersion"):
        document[path] = text
        return
    if path == "preferences.colors":
        document["preferences"] = (document.get("preferences") or {}) | {"colors": _value(_SWITCHES[0], text, raw)}
        return
    if section not in INNER:
        raise CliError(f"unable to parse {path} after [] at api.Config")
    name, _, field = rest.rpartition(".")
    if not name:
        raise CliError(f"can't set {path} to a value: it is no single field")
    if field not in _FIELDS[section]:
        raise CliError(f'unable to parse {path}: "{field}" is no field of {section} that can be set')
    value = _value(field, text, raw)
    found = entry(document, section, name)
    if found is None:
        found = {"name": name, INNER[section]: {}}
        document[section] = sorted([*document[section], found], key=lambda one: str(one["name"]))
    found[INNER[section]][_WRITTEN.get(field, field)] = value


async def run_set(opts: Options, session: Session) -> int:
    if len(opts.args) != 2:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    path, text = opts.args
    document = load(target_path(opts.path))
    change(document, path, text, opts.parsed.on("set-raw-bytes"))
    save(target_path(opts.path), document)
    session.print(f'Property "{path}" set.')
    return 0


async def run_unset(opts: Options, session: Session) -> int:
    path, document = one_name(opts), load(target_path(opts.path))
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


SET = command(
    "set",
    "Set an individual value in a kubeconfig file",
    "set PROPERTY_NAME PROPERTY_VALUE",
    run_set,
    "set clusters.my-cluster.server https://1.2.3.4",
    (Flag("set-raw-bytes", "Write a '-data' value as it is given, which is base64 otherwise.", type="bool"),),
)
UNSET = command(
    "unset", "Unset an individual value in a kubeconfig file", "unset PROPERTY_NAME", run_unset, "unset current-context"
)
