"""Label and field selectors of a request, as a `Selection`.

What: `selection_of(request, kind)`. Why: a selector that means nothing gets its 400 before anything is read. Flow:
lists, watches and collection deletes call it. Texts follow apimachinery/pkg/runtime/conversion.go and registry's
field label conversions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kubelite.apiserver.request import Request
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery import errors, fields, labels
from kubelite.machinery.kind import Kind


@lru_cache(maxsize=1024)
def _labels(text: str) -> Any:
    selector = labels.parse(text)
    return None if selector.empty else selector


def selection_of(request: Request, kind: Kind) -> Selection:
    """What the request selects. Raises StatusError 400 for a bad selector or an unknown field."""
    namespace = request.info.namespace if kind.namespaced else ""
    if "elector" not in request.raw_query:
        return Selection(kind.storage_kind, namespace, request.info.name)
    label_text, field_text = request.param("labelSelector"), request.param("fieldSelector")
    try:
        label_selector = _labels(label_text) if label_text else None
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    field_selector, name, rest = _fields(kind, field_text, namespace)
    return Selection(
        kind.storage_kind, namespace, request.info.name or name, label_selector, field_selector, (label_text, rest)
    )


def _fields(kind: Kind, text: str, namespace: str) -> tuple[Any, str, str]:
    """(selector or None, name that it demands, text): `metadata.name=x` alone needs no looking at fields."""
    if not text:
        return None, "", ""
    try:
        selector = fields.parse(text)
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    for requirement in selector.requirements:
        name = requirement.field
        if name not in ("metadata.name", "metadata.namespace") and name not in kind.selectable:
            raise errors.bad_request(_unknown_field(kind, name))
    wanted = selector.exact("metadata.name") or ""
    if wanted and len(selector.requirements) == 1:
        return None, wanted, ""
    return (None if selector.empty else _stored(kind, selector)), wanted, text


def _unknown_field(kind: Kind, name: str) -> str:
    """Upstream's kinds with fields of their own say it in other words than those without (runtime/conversion.go)."""
    if kind.selectable or kind.custom is not None:
        return f"field label not supported: {name}"
    return f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _stored(kind: Kind, selector: fields.FieldSelector) -> fields.FieldSelector:
    """The selector in the field names of the stored version: two labels name one field if they share its function."""
    if kind.stored_as is None:
        return selector
    names = {read: name for name, read in kind.storage_kind.selectable.items()}
    translated = []
    for requirement in selector.requirements:
        read = kind.selectable.get(requirement.field)
        name = names.get(read, requirement.field) if read is not None else requirement.field
        translated.append(requirement._replace(field=name))
    return fields.FieldSelector(translated)
