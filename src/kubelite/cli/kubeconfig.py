"""Kubeconfig files as documents that are read, changed and written back.

What: `load`, `save`, `entry` and the rules which file is meant. Why: the `config` verbs change files, while
`kubelite.client.config` only reads them. Flow: file → document with every section → changed by a verb → file of mode 0600,
replaced as a whole. Follows client-go/tools/clientcmd/config.go.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.options import ADMIN_KUBECONFIG
from kubelite.cli.session import Object
from kubelite.client.config import kubeconfig_paths

INNER = {"clusters": "cluster", "users": "user", "contexts": "context"}
"""Section → the key of an entry's body."""


def target_path(given: str) -> Path:
    """The file that changes are written to; `given` is --kubeconfig."""
    paths = kubeconfig_paths(given)
    return next((path for path in paths if path.exists()), paths[0])


def readable(given: str) -> str:
    """The file to read: kubectl's, or the one that `up` writes."""
    if not given and not os.environ.get("KUBECONFIG") and not any(path.exists() for path in kubeconfig_paths()):
        return ADMIN_KUBECONFIG if os.access(ADMIN_KUBECONFIG, os.R_OK) else ""
    return given


def load(path: Path) -> Object:
    """The document at `path`, empty sections included. Raises CliError."""
    from kubelite.machinery import yamlcodec

    document: Any = {}
    if path.exists():
        try:
            document = yamlcodec.load(path.read_bytes()) or {}
        except yamlcodec.YAMLError as error:
            raise CliError(f'error loading config file "{path}": {error}') from error
    base: Object = {"apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": ""}
    for section in INNER:
        base[section] = []
    return base | {key: value for key, value in document.items() if value is not None}


def save(path: Path, document: Object) -> None:
    """Write the whole document in place of the file. Raises CliError."""
    from kubelite.cli.printers import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(yaml.render(document))
        temporary.replace(path)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    finally:
        temporary.unlink(missing_ok=True)


def entry(document: Object, section: str, name: str) -> Object | None:
    """The named entry of a section."""
    return next((one for one in document[section] if one.get("name") == name), None)
