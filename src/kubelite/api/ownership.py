"""Who can own which field of a kind: its Shape for server-side apply, and the fields that a write does not set.

What: `shape_of(kind)`, `ignored(kind, subresource)`. Why: built-in kinds have their schemas in files, custom ones bring their
own; both meet here. Flow: `registry.ownership` asks for every write; shapes are made once per kind. Sources: the OpenAPI of
Kubernetes 1.36, GetResetFields of each registry strategy, apimachinery/pkg/util/managedfields/internal/stripmeta.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from kubelite.api import schemas
from kubelite.machinery.apply import fieldset, scale, shape
from kubelite.machinery.apply.fieldset import Tree
from kubelite.machinery.apply.shape import Shape
from kubelite.machinery.kind import Kind

STRIPPED_META = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
"""Metadata that nobody owns, like apiVersion and kind."""

_STRIPPED = fieldset.of_paths(
    [("f:apiVersion",), ("f:kind",), *(("f:metadata", f"f:{name}") for name in STRIPPED_META)]
)

SCALE_IGNORED = fieldset.union(_STRIPPED, fieldset.of_paths([("f:status",)]))
"""What a write of a Scale does not set."""

_ALWAYS = frozenset(("metadata", "spec", "status", "template", "strategy", "updateStrategy", "source", "loadBalancer"))
"""Fields that are structs, not pointers, in upstream's types, so that even the empty object has them."""
_ALWAYS_TOO = frozenset(
    (
        "PersistentVolumeClaimSpec.resources",
        "NodeStatus.nodeInfo",
        "NodeStatus.daemonEndpoints",
        "NodeDaemonEndpoints.kubeletEndpoint",
        "CustomResourceDefinitionStatus.acceptedNames",
        "ComponentStatus.conditions",
    )
)
_POINTERS = frozenset(
    (
        "ReplicationControllerSpec.template",
        "JobTemplateSpec.metadata",
        "TopologySpreadConstraint.template",
        "PersistentVolumeSpec.source",
    )
)
_KEY_DEFAULTS: dict[str, dict[str, Any]] = {
    "io.k8s.api.core.v1.ContainerPort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.ServicePort": {"protocol": "TCP"},
    "io.k8s.api.core.v1.LocalObjectReference": {"name": ""},
}
"""Defaults of list keys, which the schema files do not have."""


def _always(type_name: str, field: str, schema: Mapping[str, Any]) -> bool:
    path = f"{type_name.rpartition('.')[2]}.{field}"
    return "$ref" in schema and (field in _ALWAYS or path in _ALWAYS_TOO) and path not in _POINTERS


@cache
def _definition(name: str) -> Mapping[str, Any]:
    found = schemas.definition(name)
    defaults = _KEY_DEFAULTS.get(name)
    if not defaults:
        return found
    properties = {
        key: {**inner, "default": defaults[key]} if key in defaults else inner
        for key, inner in found["properties"].items()
    }
    return {**found, "properties": properties}


@cache
def _built_in(api_version: str, kind: str) -> Shape:
    name = schemas.openapi_name(api_version, kind)
    if name is None:
        return shape.of_custom(None, _definition)
    return shape.of_openapi({"$ref": f"#/$defs/{name}"}, _definition, _always)


def custom(schema: Mapping[str, Any] | None) -> Shape:
    """The shape of a custom resource by its openAPIV3Schema; without one every map is granular and every list atomic."""
    return shape.of_custom(schema, _definition)


__all__ = ["custom", "ignored", "scale", "scale_shape", "shape_of"]


def shape_of(kind: Kind) -> Shape:
    """How the fields of a kind merge."""
    return kind.apply_shape() if kind.apply_shape is not None else _built_in(kind.api_version, kind.kind)


@cache
def scale_shape() -> Shape:
    """The shape of autoscaling/v1 Scale."""
    return _built_in("autoscaling/v1", "Scale")


@cache
def _ignored(has_status: bool, custom_kind: bool, subresource: str) -> Tree:
    paths: list[tuple[str, ...]] = []
    if subresource == "status":
        paths = [("f:spec",), ("f:metadata",)] if custom_kind else [("f:spec",)]
    elif has_status and subresource != "scale":
        paths = [("f:status",)]
    return fieldset.union(_STRIPPED, fieldset.of_paths(paths))


def ignored(kind: Kind, subresource: str) -> Tree:
    """The fields that a write of the object (or of a subresource) leaves without an owner."""
    return _ignored(kind.has_status, kind.apply_shape is not None, subresource)
