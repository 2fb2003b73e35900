"""Strategic merge patch: a merge patch in which lists merge by key, with directives for what a merge cannot say.

What: `apply` a patch to a document; `create` (three-way) makes the patch of `kubectl apply`. Why: `kubectl patch`, `apply`
and `edit` send it for every built-in kind. Flow: plain document, plain patch and the kind's `PatchSchema` in, new plain
document out; the inputs of `apply` stay as they are.
Directives: `$patch: replace|delete`, `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
Rules, order of elements and texts follow apimachinery/pkg/util/strategicpatch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.machinery import jsontree
from kubelite.machinery.apply.typed import go_text
from kubelite.machinery.errors import bad_request
from kubelite.machinery.patchschema import UNKNOWN, PatchSchema
from kubelite.machinery.strategicdiff import create

__all__ = ["PatchSchema", "apply", "create", "merge_into"]

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder/"
DELETE_FROM = "$deleteFromPrimitiveList/"
_DIRECTIVES = (PATCH, RETAIN_KEYS, SET_ORDER, DELETE_FROM)
_BAD_PATCH = "invalid JSON document"
_BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
_BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
_BAD_SET_ORDER = "invalid patch format of setElementOrder list"


def apply(document: Any, patch: Any, schema: PatchSchema | None) -> Any:
    """A patched copy of `document`. Raises StatusError 400 with upstream's text for a patch that makes no sense."""
    if not isinstance(patch, dict) or not isinstance(document, dict):
        raise bad_request(_BAD_PATCH)
    return merge_into(jsontree.copy(document), patch, schema)


def merge_into(document: Any, patch: Any, schema: PatchSchema | None) -> Any:
    """`apply` for a caller that owns `document` and does not need it any more: the result is made of it, and not of `patch`."""
    if not isinstance(patch, dict) or not isinstance(document, dict):
        raise bad_request(_BAD_PATCH)
    return _merge_map(document, patch, schema or UNKNOWN)


def _merge_map(original: dict[str, Any], patch: dict[str, Any], schema: PatchSchema) -> dict[str, Any]:
    """Changes `original` in place and returns it, or what replaces it."""
    if PATCH in patch:
        directive = patch[PATCH]
        if directive == "replace":
            return _plain_map(patch)
        if directive == "delete":
            return {}
        # Maps merge anyway: upstream takes no directive that says so.
        raise bad_request(f"unknown patch type: {directive} in map: {go_text(_without(patch, PATCH))}")
    directives = [key for key in patch if key[:1] == "$"]
    if directives:
        patch = _prepared(original, patch, directives, schema)
    for key, value in patch.items():
        if directives and key.startswith(DELETE_FROM):
            _delete_from(original, key.removeprefix(DELETE_FROM), value)
        elif value is None:
            original.pop(key, None)
        elif type(value) is not dict and type(value) is not list:
            original[key] = value
        elif key not in original:
            _take(original, key, value)
        else:
            original[key] = _merge_value(original[key], value, schema.field(key))
    return original


def _prepared(
    original: dict[str, Any], patch: dict[str, Any], directives: list[str], schema: PatchSchema
) -> dict[str, Any]:
    """Drops what is not retained and merges the lists that have an order; the patch without these directives and lists."""
    rest = dict(patch)
    if RETAIN_KEYS in patch:
        _retain(original, rest)
    for key in directives:
        if key.startswith(SET_ORDER):
            _merge_ordered(original, rest, key, schema)
    return rest


def _merge_value(old: Any, new: Any, schema: PatchSchema) -> Any:
    if isinstance(old, dict) and isinstance(new, dict) and not schema.replaces:
        return _merge_map(old, new, schema)
    if isinstance(old, list) and isinstance(new, list) and schema.merges:
        return _merge_list(old, new, schema)
    kept, value = _plain(new)
    return value if kept else None


def _take(original: dict[str, Any], key: str, value: Any) -> None:
    """A value for a field that is not there: directives and nulls in it mean nothing."""
    kept, plain = _plain(value)
    if kept:
        original[key] = plain


def _plain(value: Any) -> tuple[bool, Any]:
    """(whether it stays, the value without directives and without null fields)."""
    if isinstance(value, dict):
        return (False, None) if value.get(PATCH) == "delete" else (True, _plain_map(value))
    return True, _plain_list(value) if isinstance(value, list) else value


def _plain_list(value: list[Any]) -> list[Any]:
    out = []
    for item in value:
        kept, plain = _plain(item)
        if kept:
            out.append(plain)
    return out


def _plain_map(value: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, inner in value.items():
        if inner is None or (key[:1] == "$" and key.startswith(_DIRECTIVES)):
            continue
        if type(inner) is dict:
            if inner.get(PATCH) != "delete":
                out[key] = _plain_map(inner)
        else:
            out[key] = _plain_list(inner) if type(inner) is list else inner
    return out


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key != name}


def _retain(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """Fields that `$retainKeys` does not name are dropped; it must name all that the patch sets."""
    names = patch.pop(RETAIN_KEYS)
    if not isinstance(names, list):
        raise bad_request(_BAD_RETAIN_KEYS)
    for key, value in patch.items():
        if value is not None and not key.startswith("$") and key not in names:
            raise bad_request(_BAD_RETAIN_KEYS)
    for key in [key for key in original if key not in names]:
        del original[key]


def _delete_from(original: dict[str, Any], field: str, values: Any) -> None:
    if not isinstance(values, list):
        raise bad_request(_BAD_PRIMITIVE_LIST)
    old = original.get(field)
    if isinstance(old, list):
        original[field] = [item for item in old if item not in values]


def _merge_ordered(original: dict[str, Any], patch: dict[str, Any], directive: str, schema: PatchSchema) -> None:
    """Merges one list and then puts it in the order that `$setElementOrder/<list>` asks for."""
    field = directive.removeprefix(SET_ORDER)
    order = patch.pop(directive)
    if not isinstance(order, list):
        raise bad_request(_BAD_SET_ORDER)
    here = schema.field(field)
    identity = _identity(here.merge_key)
    old, has_old = original.get(field), isinstance(original.get(field), list)
    new, has_new = patch.get(field), isinstance(patch.get(field), list)
    if has_new:
        _check_order(new or [], order, identity)
        del patch[field]
    if has_old and has_new:
        before = list(old or [])
        merged = _merge_list(old or [], new or [], here) if here.merges else _plain(new)[1]
    elif has_old:
        before = merged = list(old or [])
    elif has_new:
        before, merged = [], _plain(new)[1]
    else:
        return
    original[field] = _in_order(merged, order, before, identity)


def _check_order(patch: list[Any], order: list[Any], identity: Callable[[Any], Any]) -> None:
    """The items of the patch must stand in the order of the directive (deletions may stand anywhere)."""
    wanted = [identity(item) for item in order]
    position = -1
    for item in patch:
        if isinstance(item, dict) and item.get(PATCH) == "delete":
            continue
        found = identity(item)
        if found not in wanted[max(position, 0) :]:
            raise bad_request(
                f"The order in patch list:\n{patch}\n doesn't match {SET_ORDER.rstrip('/')} list:\n{order}\n"
            )
        position = wanted.index(found, max(position, 0))


def _identity(merge_key: str) -> Callable[[Any], Any]:
    """What makes two items the same one: the value under the merge key, or the primitive itself."""
    if not merge_key:
        return _hashable

    def of(item: Any) -> Any:
        if not isinstance(item, dict):
            raise bad_request(_BAD_PATCH)
        if merge_key not in item:
            shown = " ".join(f"{key}:{item[key]}" for key in sorted(item))
            raise bad_request(f"map: map[{shown}] does not contain declared merge key: {merge_key}")
        value = item[merge_key]
        return value if type(value) is str else _hashable(value)

    return of


def _hashable(value: Any) -> Any:
    # 1 and true are different JSON values but equal in Python.
    return (type(value).__name__, repr(value)) if isinstance(value, (bool, dict, list)) else value


def _merge_list(original: list[Any], patch: list[Any], schema: PatchSchema) -> list[Any]:
    identity = _identity(schema.merge_key)
    if not schema.merge_key:
        if any(isinstance(item, (dict, list)) for item in patch):
            raise bad_request(_BAD_PRIMITIVE_LIST)
        merged = original + [item for item in dict.fromkeys(patch) if item not in original]
        return _in_order(merged, patch, original, identity)
    if not all(isinstance(item, dict) for item in patch):
        raise bad_request(_BAD_PATCH)
    if any(item.get(PATCH) == "replace" for item in patch):
        return [_plain_map(item) for item in patch if item.keys() != {PATCH}]
    _check_item_directives(patch)
    deleted = {identity(item) for item in patch if item.get(PATCH) == "delete"}
    before = [identity(item) for item in original]
    merged, names = list(original), list(before)
    if deleted:
        merged = [item for item, name in zip(original, before, strict=True) if name not in deleted]
        names = [name for name in before if name not in deleted]
    wanted = _merge_items(merged, names, [item for item in patch if item.get(PATCH) != "delete"], schema)
    return _arranged(merged, names, wanted, before)


def _merge_items(merged: list[Any], names: list[Any], changes: list[Any], schema: PatchSchema) -> list[Any]:
    """Merges items that are there and adds those that are not, in place; the names of the changes."""
    identity = _identity(schema.merge_key)
    items = schema.item()
    places = _ranks(names)
    wanted = []
    for change in changes:
        name = identity(change)
        wanted.append(name)
        at = places.get(name)
        if at is None:
            places[name] = len(merged)
            merged.append(_plain_map(change))
            names.append(identity(merged[-1]))
        else:
            merged[at] = _merge_map(merged[at], change, items)
            names[at] = identity(merged[at])
    return wanted


def _check_item_directives(patch: list[dict[str, Any]]) -> None:
    """Items of a list are deleted or replaced; nothing else can be said of them."""
    for item in patch:
        directive = item.get(PATCH, "delete")
        if directive == "merge":
            raise bad_request("merging lists cannot yet be specified in the patch")
        if directive != "delete":
            raise bad_request(f"unknown patch type: {directive} in map: {go_text(item)}")


def _in_order(merged: list[Any], order: list[Any], before: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """`_arranged`, for items whose names are not known yet."""
    wanted, old = list(map(identity, order)), list(map(identity, before))
    return _arranged(merged, list(map(identity, merged)), wanted, old)


def _arranged(merged: list[Any], names: list[Any], wanted: list[Any], before: list[Any]) -> list[Any]:
    """Items that `wanted` names stand in its order; the others keep their old place before their old successor."""
    ranks, old, last = _ranks(wanted), _ranks(before), len(before)
    if names == before and len(old) == last and list(filter(ranks.__contains__, names)) == wanted:
        return merged  # nothing is new, and nothing moves
    pairs = list(zip(names, merged, strict=True))
    named = sorted((pair for pair in pairs if pair[0] in ranks), key=lambda pair: ranks[pair[0]])
    others = [(old.get(name, last), item) for name, item in pairs if name not in ranks]
    others.sort(key=lambda pair: pair[0])
    out: list[Any] = []
    at = 0
    for name, item in named:
        place = old.get(name)
        while at < len(others) and place is not None and others[at][0] < place:
            out.append(others[at][1])
            at += 1
        out.append(item)
    return out + [item for _, item in others[at:]]


def _ranks(names: list[Any]) -> dict[Any, int]:
    """The place of each name, the first where it is repeated."""
    ranks: dict[Any, int] = {}
    for place, name in enumerate(names):
        ranks.setdefault(name, place)
    return ranks
