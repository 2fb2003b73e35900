"""Objects inside custom resources: `x-kubernetes-embedded-resource` says that a field holds a whole object.

What: `validate_embedded` checks apiVersion, kind and metadata of each. Why: what is embedded will be created by somebody; a
name that no server takes should be refused here. Flow: last of the schema's checks. Source:
apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from kubelite.api.meta import validate_metadata
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldError, shown
from kubelite.machinery.kind import Kind
from kubelite.machinery.structural.schema import Node

_CLUSTER = Kind(
    group="",
    version="v1",
    kind="Embedded",
    plural="embedded",
    type=ObjectMeta,
    namespaced=False,
    check_name=names.for_prefix(names.path_segment),
)
_NAMESPACED = replace(_CLUSTER, namespaced=True)
_MIXED = "may have mixed case, but should otherwise match: "


def validate_embedded(value: Any, node: Node, path: str) -> list[FieldError]:
    """The mistakes in all embedded objects below `value`."""
    out: list[FieldError] = []
    if not node.embeds:
        return out
    if isinstance(value, dict):
        if node.embedded:
            _validate_object(value, path, out)
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                known = node.of_key(key)
                if known is not None:
                    out += validate_embedded(inner, known, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and node.items is not None:
        for index, element in enumerate(value):
            if isinstance(element, dict | list):
                out += validate_embedded(element, node.items, f"{path}[{index}]")
    return out


def _invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", path, f"Invalid value: {shown(value)}: {detail}")


def _validate_object(value: dict[str, Any], path: str, out: list[FieldError]) -> None:
    for key in ("apiVersion", "kind"):
        found = value.get(key)
        if found is None:
            out.append(FieldError("FieldValueRequired", f"{path}.{key}", "Required value: must not be empty"))
        elif not isinstance(found, str):
            out.append(_invalid(f"{path}.{key}", found, "must be a string"))
        elif not found:
            out.append(_invalid(f"{path}.{key}", found, "must not be empty"))
        elif key == "apiVersion" and found.count("/") > 1:
            out.append(_invalid(f"{path}.apiVersion", found, f"unexpected GroupVersion string: {found}"))
        elif key == "kind":
            out += [_invalid(f"{path}.kind", found, _MIXED + why) for why in names.dns1035_label(found.lower())]
    metadata = value.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        out.append(_invalid(f"{path}.metadata", metadata, "must be an object"))
        return
    try:
        typed = msgspec.convert({key: one for key, one in metadata.items() if one is not None}, ObjectMeta)
    except msgspec.ValidationError as error:
        out.append(_invalid(f"{path}.metadata", metadata, str(error)))
        return
    typed.name = typed.name or "fakename"
    kind = _NAMESPACED if typed.namespace else _CLUSTER
    out += [FieldError(one.type, f"{path}.{one.field}", one.text) for one in validate_metadata(typed, kind)]
