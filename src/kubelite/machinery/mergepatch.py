"""JSON merge patch (RFC 7396): a document that looks like the change.

What: `apply` returns a patched copy, `create` the patch between two documents. Why: the default patch of many clients, and the
only one besides JSON patch for custom resources. Flow: plain documents in, plain document out.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.errors import bad_request


def apply(document: Any, patch: Any) -> Any:
    """A patched copy of `document`; parts that do not change are shared with it. Raises StatusError 400."""
    if not isinstance(patch, dict):
        raise bad_request("json: cannot unmarshal into Go value of type map[string]interface {}")
    return _merge(document, patch)


def _merge(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    out = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _merge(out.get(key), value)
    return out


def create(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The smallest patch that makes `new` of `old`; both must be free of nulls."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key in old and before == value and type(before) is type(value):
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            patch[key] = create(before, value)
        else:
            patch[key] = value
    return patch
