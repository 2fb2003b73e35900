"""The kustomization file: read, checked, refused by name where a field is not supported.

What: `load(directory)` gives the fields. Why: a field that is silently ignored would deploy something else
than was meant. Flow: YAML → a mapping with the types that `TYPES` says. Rules: kustomize api/types/kustomization.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError, not_supported

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
TYPES: dict[str, type] = {
    "apiVersion": str,
    "kind": str,
    "metadata": dict,
    "resources": list,
    "bases": list,
    "components": list,
    "namespace": str,
    "namePrefix": str,
    "nameSuffix": str,
    "labels": list,
    "commonLabels": dict,
    "commonAnnotations": dict,
    "images": list,
    "replicas": list,
    "configMapGenerator": list,
    "secretGenerator": list,
    "generatorOptions": dict,
    "patches": list,
    "patchesStrategicMerge": list,
    "patchesJson6902": list,
}
REFUSED = (
    "buildMetadata", "configurations", "crds", "generators", "helmCharts", "helmChartInflationGenerator", "helmGlobals",
    "openapi", "replacements", "sortOptions", "transformers", "validators", "vars",
)  # fmt: skip
_GO_NAMES = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}


def load(directory: Path) -> dict[str, Any]:
    """The fields of the directory's kustomization. Raises CliError."""
    from kubelite.machinery import yamlcodec

    found = [directory / name for name in FILES if (directory / name).is_file()]
    if not found:
        shown = " or ".join((", ".join(f"'{name}'" for name in FILES[:-1]), f"'{FILES[-1]}'"))
        raise CliError(f"unable to find one of {shown} in directory '{directory}'")
    if len(found) > 1:
        raise CliError(f"Found multiple kustomization files: {directory}")
    try:
        fields = yamlcodec.load(found[0].read_bytes()) or {}
    except yamlcodec.YAMLError as error:
        raise CliError(f"invalid Kustomization: {error}") from error
    if not isinstance(fields, dict):
        raise CliError("invalid Kustomization: the file is not a mapping")
    check(fields)
    return fields


def inside(directory: Path, path: str) -> Path:
    """The file, which must be in or below the directory. Raises CliError for one that is elsewhere."""
    found, root = (directory / path).resolve(), directory.resolve()
    if not found.is_relative_to(root):
        raise CliError(f"security; file '{found}' is not in or below '{root}'")
    return directory / path


def check(fields: dict[str, Any]) -> None:
    """Raises CliError for fields that do not exist, are not supported, or have another type."""
    for name, value in fields.items():
        if name in REFUSED:
            raise not_supported(f"the kustomization field {name}")
        wanted = TYPES.get(name)
        if wanted is None:
            raise CliError(f'invalid Kustomization: json: unknown field "{name}"')
        if value is not None and not isinstance(value, wanted):
            go_type = "string" if wanted is str else "[]string" if wanted is list else "map[string]string"
            raise CliError(
                f"invalid Kustomization: json: cannot unmarshal {_GO_NAMES.get(type(value), 'object')} into Go struct field "
                f"Kustomization.{name} of type {go_type}"
            )
    for name in ("commonLabels", "commonAnnotations"):
        for value in (fields.get(name) or {}).values():
            if not isinstance(value, str):
                raise CliError(
                    f"invalid Kustomization: json: cannot unmarshal {_GO_NAMES.get(type(value), 'object')} into Go struct field "
                    f"Kustomization.{name} of type string"
                )


def entry(value: Any, where: str, known: Mapping[str, type]) -> dict[str, Any]:
    """One element of a list of the file, with only the known fields of the right types. Raises CliError."""
    if not isinstance(value, dict):
        raise CliError(f"invalid Kustomization: an element of {where} is not a mapping")
    for name, content in value.items():
        if name not in known:
            raise CliError(f'invalid Kustomization: json: unknown field "{name}" in {where}')
        if content is not None and not isinstance(content, known[name]):
            raise CliError(
                f"invalid Kustomization: json: cannot unmarshal {_GO_NAMES.get(type(content), 'object')} into Go struct field "
                f"{where}.{name}"
            )
    return value
