"""`patches`: strategic merge and JSON patches of the resources that they name or select.

What: `apply`. Why: a variant changes what it must and keeps the rest. Flow: file or text → a list is a JSON patch,
a mapping a strategic merge patch (a JSON merge patch for kinds without a schema). Rules: kustomize api/internal/builtins.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.kustomize.load import entry, inside
from kubelite.cli.kustomize.resource import Resource

_TARGET = dict.fromkeys(("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"), str)
_PATCH: dict[str, type] = {"path": str, "patch": str, "target": dict, "options": dict}


def apply(fields: dict[str, Any], directory: Path, resources: list[Resource]) -> None:
    """Patches `resources` in place. Raises CliError for a patch that fits nothing."""
    for raw in fields.get("patchesStrategicMerge") or ():
        text = str(raw)
        is_file = "\n" not in text and (directory / text).is_file()
        _apply(
            text if not is_file else inside(directory, text).read_text(), None, {}, resources, "patchesStrategicMerge"
        )
    for raw in (*(fields.get("patches") or ()), *(fields.get("patchesJson6902") or ())):
        patch = entry(raw, "patches", _PATCH)
        if bool(patch.get("path")) == bool(patch.get("patch")):
            raise CliError("patch must specify one and only one of patch and path")
        text = patch.get("patch") or _contents(inside(directory, str(patch["path"])))
        target = patch.get("target")
        selector = None if target is None else entry(target, "target", _TARGET)
        _apply(text, selector, patch.get("options") or {}, resources, str(patch.get("path") or "patches"))


def _contents(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise CliError(f"failed to get the patch file from path({path}): {(error.strerror or '').lower()}") from error


def _apply(
    text: str, target: dict[str, Any] | None, options: dict[str, Any], resources: list[Resource], source: str
) -> None:
    from kubelite.machinery import yamlcodec

    try:
        documents = [one for one in yamlcodec.load_all(text.encode()) if one is not None]
    except yamlcodec.YAMLError as error:
        raise CliError(f"unable to parse patch of {source}: {error}") from error
    for document in documents:
        if isinstance(document, list):
            if target is None:
                raise CliError(f"must specify a target for JSON patch {source}")
            for resource in _selected(target, resources):
                _json(document, resource)
            continue
        if not isinstance(document, dict):
            raise CliError(f"unable to parse SM or JSON patch from {source}")
        chosen = _named(document, resources) if target is None else _selected(target, resources)
        if target is None and not chosen:
            name = (document.get("metadata") or {}).get("name")
            raise CliError(
                f"no resource matches strategic merge patch "
                f'"{document.get("kind")}.{document.get("apiVersion")}/{name}.[noNs]": no matches for Id'
            )
        for resource in chosen:
            _strategic(document, resource, options, resources)


def _named(patch: dict[str, Any], resources: list[Resource]) -> list[Resource]:
    metadata = patch.get("metadata") or {}
    group = str(patch.get("apiVersion", "")).rpartition("/")[0]
    return [
        one
        for one in resources
        if one.kind == patch.get("kind")
        and one.group == group
        and one.answers_to(str(metadata.get("name")))
        and metadata.get("namespace") in (None, one.namespace, *one.namespaces)
    ]


def _selected(target: dict[str, Any], resources: list[Resource]) -> list[Resource]:
    from kubelite.machinery import labels

    def fits(pattern: str | None, *values: str) -> bool:
        return not pattern or any(re.fullmatch(pattern, value) for value in values)

    found = []
    for one in resources:
        version = str(one.object.get("apiVersion", "")).rpartition("/")[2]
        if not (fits(target.get("kind"), one.kind) and fits(target.get("group"), one.group)):
            continue
        if not (fits(target.get("version"), version) and fits(target.get("name"), one.name, *one.names)):
            continue
        if not fits(target.get("namespace"), one.namespace, *one.namespaces):
            continue
        chosen = True
        for field, values in (("labelSelector", "labels"), ("annotationSelector", "annotations")):
            if target.get(field):
                chosen &= labels.parse(str(target[field])).matches(one.metadata.get(values) or {})
        if chosen:
            found.append(one)
    return found


def _json(patch: list[Any], resource: Resource) -> None:
    from kubelite.machinery import jsonpatch

    try:
        changed = jsonpatch.apply(resource.object, patch)
    except Exception as error:  # whatever does not fit is the patch's fault
        raise CliError(f"replace operation does not apply: {error}") from error
    resource.object.clear()
    resource.object.update(changed)


def _strategic(patch: dict[str, Any], resource: Resource, options: dict[str, Any], resources: list[Resource]) -> None:
    from kubelite.api.schemas import patch_schema
    from kubelite.machinery import mergepatch, strategicpatch

    if patch.get("$patch") == "delete":
        resources.remove(resource)
        return
    name, kind, version = resource.name, resource.kind, resource.object.get("apiVersion")
    try:
        schema = patch_schema(str(version), kind)
    except KeyError:
        changed = mergepatch.apply(resource.object, patch)
    else:
        changed = strategicpatch.apply(resource.object, patch, schema)
    if not options.get("allowNameChange"):
        changed.setdefault("metadata", {})["name"] = name
    if not options.get("allowKindChange"):
        changed |= {"kind": kind, "apiVersion": version}
    resource.object.clear()
    resource.object.update(changed)
