"""The file of --admission-control-config-file: settings of single plugins.

What: `load(path)` gives plugin name → its configuration. Why: a few plugins have rules of their own, such as
exempt users. Flow: YAML of kind AdmissionConfiguration → each plugin's `configuration`, or the file at its `path`. Source:
apiserver/pkg/admission/config.go.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubelite.machinery import yamlcodec

VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1")


def load(path: str) -> dict[str, dict[str, Any]]:
    """Raises ValueError for a file that cannot be read or understood; {} without a path."""
    if not path:
        return {}
    document = _read(Path(path))
    if document.get("kind") != "AdmissionConfiguration" or document.get("apiVersion") not in VERSIONS:
        raise ValueError(f"{path}: want kind AdmissionConfiguration of {VERSIONS[0]}")
    found: dict[str, dict[str, Any]] = {}
    for plugin in document.get("plugins") or ():
        name = plugin.get("name")
        if not name or name in found:
            raise ValueError(f"{path}: plugins[].name must be set and unique, not {name!r}")
        configuration = plugin.get("configuration")
        if configuration is None and plugin.get("path"):
            configuration = _read(Path(path).parent / plugin["path"])
        found[name] = configuration or {}
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yamlcodec.load(path.read_bytes())
    except (OSError, yamlcodec.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path}: not a mapping")
    return document


def only(configuration: dict[str, Any], known: tuple[str, ...], plugin: str) -> dict[str, Any]:
    """The configuration, if it has no other fields. Raises ValueError that names the one that is not known."""
    for name in configuration:
        if name not in (*known, "apiVersion", "kind"):
            raise ValueError(f"configuration of {plugin}: unknown field {name!r}, known are {', '.join(known)}")
    return configuration
