"""The kinds that a CustomResourceDefinition declares, one for each served version.

What: `kinds_of(definition, family)`. Why: from here on a custom resource is a kind like any other: discovery, RBAC,
watches, tables and the CLI read its declaration. Flow: definition → `Kind` with the rules, columns, selectors and
subresources of the version. Source of columns: apiextensions-apiserver/pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from kubelite.api.columns import UNKNOWN
from kubelite.apiserver.crd.family import Family
from kubelite.apiserver.crd.rules import CustomRules, at
from kubelite.apiserver.crd.served import Served
from kubelite.machinery import codec, jsonpath, times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.jsonpathparser import JSONPathError
from kubelite.machinery.kind import ALL_VERBS, STATUS_VERBS, Column, Kind, ScalePaths, Subresource
from kubelite.machinery.unstructured import Unstructured

NAME = Column(name="Name", format="name", description="Name of the object, unique within a namespace.")
AGE_PATH = ".metadata.creationTimestamp"
AGE = Column(name="Age", type="date", description="How long the object exists.")


def kinds_of(definition: Any, family: Family) -> tuple[list[Kind], Kind]:
    """(the kinds of the served versions, the kind of the stored version, which need not be served)."""
    made = {version.name: _kind(definition, version, family) for version in definition.spec.versions}
    served = [made[version.name] for version in definition.spec.versions if version.served]
    return served, made[family.storage_version]


def _kind(definition: Any, version: Any, family: Family) -> Kind:
    served = Served(family, version.name)
    names = definition.status.acceptedNames or definition.spec.names
    sub = version.subresources
    scale = sub.scale if sub is not None else None
    has_status = sub is not None and sub.status is not None
    columns, row = _table(version.additionalPrinterColumns)
    return Kind(
        group=family.group,
        version=version.name,
        kind=names.kind,
        plural=names.plural,
        singular=names.singular,
        short_names=tuple(names.shortNames),
        categories=tuple(names.categories),
        type=Unstructured,
        namespaced=definition.spec.scope == "Namespaced",
        verbs=ALL_VERBS,
        subresources=_subresources(has_status, scale),
        storage_prefix=f"{family.group}/{names.plural}",
        custom=served,
        set_defaults=served.set_defaults,
        **_rules(CustomRules(served, has_status=has_status, scale=scale)),
        has_generation=True,
        unconditional_update=False,
        scale=_scale(scale) if scale is not None else None,
        apply_shape=partial(family.shape, version.name),
        columns=columns,
        row=row,
        selectable=_selectable(version),
        deprecation=_deprecation(family, version, names.kind),
    )


def _rules(rules: CustomRules) -> dict[str, Any]:
    return {
        "warnings": rules.warnings,
        "validate": rules.validate,
        "validate_update": rules.validate_update,
        "validate_status_update": rules.validate_update,
        "prepare_create": rules.prepare_create,
        "prepare_update": rules.prepare_update,
        "prepare_status_update": rules.prepare_status_update,
    }


def _subresources(has_status: bool, scale: Any) -> tuple[Subresource, ...]:
    found = []
    if has_status:
        found.append(Subresource(name="status", verbs=STATUS_VERBS))
    if scale is not None:
        found.append(Subresource(name="scale", verbs=STATUS_VERBS, kind="Scale", group="autoscaling", version="v1"))
    return tuple(found)


def _deprecation(family: Family, version: Any, kind: str) -> str:
    if not version.deprecated:
        return ""
    return version.deprecationWarning or f"{family.api_version(version.name)} {kind} is deprecated"


def _selectable(version: Any) -> Mapping[str, Callable[[Any], str]]:
    """`spec.color` for the path `.spec.color`."""
    return {one.jsonPath.removeprefix("."): partial(_selected, one.jsonPath) for one in version.selectableFields}


def _selected(path: str, obj: Unstructured) -> str:
    value = at(obj.content, path)
    if value is None or isinstance(value, dict | list):
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


# -- scale


def _scale(paths: Any) -> ScalePaths:
    spec, status, selector = paths.specReplicasPath, paths.statusReplicasPath, paths.labelSelectorPath

    def spec_replicas(obj: Unstructured) -> int:
        found = at(obj.content, spec)
        if found is None:
            raise StatusError(
                500, "InternalError", f'Internal error occurred: the spec replicas field "{spec}" does not exist'
            )
        return int(found)

    def set_replicas(obj: Unstructured, number: int) -> None:
        *steps, last = spec.removeprefix(".").split(".")
        place = obj.content
        for step in steps:
            inner = place.get(step)
            if not isinstance(inner, dict):
                inner = place[step] = {}
            place = inner
        place[last] = number

    return ScalePaths(
        spec_replicas=spec_replicas,
        status_replicas=lambda obj: int(at(obj.content, status) or 0),
        selector=lambda obj: str(at(obj.content, selector) or "") if selector else "",
        set_replicas=set_replicas,
        path=tuple(spec.removeprefix(".").split(".")),
    )


# -- tables


def _table(declared: Any) -> tuple[tuple[Column, ...], Callable[[Any, datetime], list[Any]]]:
    columns = [
        Column(
            name=one.name,
            type=one.type,
            format=one.format,
            priority=one.priority or 0,
            description=one.description or f"Custom resource definition column (in JSONPath format): {one.jsonPath}",
        )
        for one in declared
    ]
    paths = [one.jsonPath for one in declared]
    if not declared:
        columns, paths = [AGE], [AGE_PATH]
    types = [column.type for column in columns]
    templates: list[Any] = []

    def row(obj: Unstructured, now: datetime) -> list[Any]:
        if not templates:
            templates.extend(_template(path) for path in paths)
        document = codec.to_generic(obj)
        return [obj.metadata.name, *(_cell(t, kind, document, now) for t, kind in zip(templates, types, strict=True))]

    return (NAME, *columns), row


def _template(path: str) -> Any:
    try:
        return jsonpath.compile(f"{{{path}}}", allow_missing=True)
    except JSONPathError:
        return None


def _cell(template: Any, type_: str, document: Any, now: datetime) -> Any:
    """A column's value: of its type, or nothing."""
    try:
        found = template.find(document) if template is not None else []
    except JSONPathError:
        return None
    if not found or found[0] is None:
        return None
    value = found[0]
    if type_ == "string":
        return value if isinstance(value, str) else _text(template, document)
    if type_ == "date":
        return _age(value, now)
    if type_ == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if type_ == "integer" else float(value)


def _text(template: Any, document: Any) -> Any:
    try:
        return template.execute(document)
    except JSONPathError:
        return None


def _age(value: Any, now: datetime) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return times.age_of(value, now)
    except ValueError:
        return UNKNOWN
