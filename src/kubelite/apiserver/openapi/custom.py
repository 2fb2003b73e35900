"""The definitions of custom resources in the published documents.

What: `definitions(kind)` gives the kind's schema and its list's. Why: kubectl explains and checks custom resources as it
does built-in ones, by what is published. Flow: schema of the version → metadata, apiVersion and kind put in → `Schemas`.
Version 2 has no alternatives, no nullable values, and clients refuse unknown fields wherever it names properties, so that
is left out there. Source: apiextensions-apiserver/pkg/controller/openapi/{builder,v2}.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.openapi.schemas import META, SOURCE_REF
from kubelite.machinery.kind import Kind

API_VERSION = {
    "type": "string",
    "description": "APIVersion defines which version of the schema this representation has, with its group.",
}
KIND = {"type": "string", "description": "The kind of object, in CamelCase; it cannot be changed."}
METADATA = "Standard object's metadata: its names, labels and history."
_ALTERNATIVES = ("oneOf", "anyOf", "allOf", "not", "nullable")


def definition_name(kind: Kind) -> str:
    """`com.example.stable.v1.CronTab`."""
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def definitions(kind: Kind, *, v2: bool) -> dict[str, dict[str, Any]]:
    """The definitions of a kind and of its list, with references as the schema files have them."""
    assert kind.custom is not None
    name = definition_name(kind)
    gvk = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    listed = {**gvk, "kind": kind.custom.list_kind}
    whole = {**_schema(kind.custom.schema, v2=v2), "x-kubernetes-group-version-kind": [gvk]}
    items = {"type": "array", "items": {"$ref": SOURCE_REF + name}, "description": f"The objects of kind {kind.kind}."}
    return {
        name: whole,
        f"{name}List": {
            "type": "object",
            "description": f"{kind.custom.list_kind} is a list of {kind.kind}",
            "required": ["items"],
            "properties": {
                "apiVersion": API_VERSION,
                "items": items,
                "kind": KIND,
                "metadata": _reference("ListMeta", "Standard metadata of the list.", v2=v2),
            },
            "x-kubernetes-group-version-kind": [listed],
        },
    }


def _reference(name: str, description: str, *, v2: bool) -> dict[str, Any]:
    reference = {"$ref": f"{SOURCE_REF}{META}{name}"}
    return {**reference, "description": description} if v2 else {"allOf": [reference], "description": description}


def _schema(schema: dict[str, Any] | None, *, v2: bool) -> dict[str, Any]:
    # Properties of a schema that keeps unknown fields would make clients of version 2 refuse those fields.
    if schema is None or (v2 and schema.get("x-kubernetes-preserve-unknown-fields")):
        kept = {key: value for key, value in (schema or {}).items() if key in ("description", "type")}
        kept.setdefault("type", "object")
        return kept if v2 else {**kept, "x-kubernetes-preserve-unknown-fields": True}
    return _with_meta(_published(schema, v2=v2), v2=v2)


def _with_meta(schema: dict[str, Any], *, v2: bool) -> dict[str, Any]:
    """What every object has, also an embedded one."""
    own = {"apiVersion": API_VERSION, "kind": KIND, "metadata": _reference("ObjectMeta", METADATA, v2=v2)}
    return {**schema, "properties": {**schema.get("properties", {}), **own}}


def _published(schema: Any, *, v2: bool) -> Any:
    """A schema with all below it, as the version of the documents can say it."""
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    open_end = v2 and (schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("nullable"))
    for key, value in schema.items():
        if v2 and (key in _ALTERNATIVES or (open_end and key in ("properties", "items", "additionalProperties"))):
            continue
        if key == "properties":
            found[key] = {name: _published(one, v2=v2) for name, one in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            found[key] = _published(value, v2=v2)
        elif key in ("allOf", "anyOf", "oneOf"):
            found[key] = [_published(one, v2=v2) for one in value]
        else:
            found[key] = value
    if v2 and (schema.get("nullable") or schema.get("x-kubernetes-int-or-string")):
        found.pop("type", None)
    if schema.get("x-kubernetes-embedded-resource") and not open_end:
        return _with_meta(found, v2=v2)
    return found
