"""How an old version of a kind is declared: from the kind it became.

What: `older(stored, ...)` makes the `Kind` of another version. Why: names, rules, columns and scale are those of the stored
kind; an old version adds its defaults, its form and a warning. Flow: body → the old version's defaults and form → `to_stored`
→ the stored kind's write path. No short names and no categories: `kubectl get all` and `get deploy` mean the present version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.machinery.kind import Kind

Convert = Callable[[Any], Any]


def _same(obj: Any) -> Any:
    return obj


def with_defaults(set_defaults: Callable[[Any], None]) -> Convert:
    """For a version whose form is that of the stored kind: its own defaults, before those of the stored kind."""

    def to_stored(obj: Any) -> Any:
        set_defaults(obj)
        return obj

    return to_stored


def warning(api_version: str, kind: Kind, deprecated: str, removed: str) -> str:
    """Upstream's words about a version that goes (k8s.io/apiserver/pkg/endpoints/deprecation)."""
    return (
        f"{api_version} {kind.kind} is deprecated in v{deprecated}+, unavailable in v{removed}+; "
        f"use {kind.api_version} {kind.kind}"
    )


def older(
    stored: Kind,
    version: str,
    deprecated: str,
    removed: str,
    *,
    group: str = "",
    type_: type[Any] | None = None,
    to_stored: Convert = _same,
    from_stored: Convert = _same,
) -> Kind:
    """Another version of `stored`; `group` where that was another one. `deprecated` and `removed` are upstream's releases."""
    group = group or stored.group
    return Kind(
        group=group,
        version=version,
        kind=stored.kind,
        plural=stored.plural,
        type=type_ or stored.type,
        namespaced=stored.namespaced,
        verbs=stored.verbs,
        subresources=stored.subresources,
        storage_prefix=stored.storage_prefix,
        stored_as=stored,
        to_stored=to_stored,
        from_stored=from_stored,
        validate=stored.validate,
        validate_update=stored.validate_update,
        validate_status_update=stored.validate_status_update,
        check_name=stored.check_name,
        create_on_update=stored.create_on_update,
        deprecation=warning(f"{group}/{version}", stored, deprecated, removed),
        scale=stored.scale,
        columns=stored.columns,
        row=stored.row,
        selectable=stored.selectable,
    )
