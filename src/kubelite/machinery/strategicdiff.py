"""The making of strategic merge patches: the three-way patch of a client-side `kubectl apply`.

What: `create(original, modified, current, schema)` is the patch that brings `current` to `modified`, deleting only what
`original` (the last applied configuration) had. Why: fields that others own must survive an apply.
Flow: deletions from original → modified, changes from current → modified, joined into one patch with its directives.
Rules follow apimachinery/pkg/util/strategicpatch (CreateThreeWayMergePatch, diffMaps, diffLists).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubelite.machinery.patchschema import UNKNOWN, PatchSchema

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder/"
DELETE_FROM = "$deleteFromPrimitiveList/"

Map = dict[str, Any]


class _Options(NamedTuple):
    """Which half of a difference is wanted."""

    deletions: bool
    changes: bool


def create(original: Map | None, modified: Map, current: Map, schema: PatchSchema | None) -> Map:
    """The three-way patch; `original` None means that nothing was applied before. {} means nothing to do."""
    here = schema or UNKNOWN
    changes = _diff_map(current, modified, here, _Options(deletions=False, changes=True))
    deletions = _diff_map(original or {}, modified, here, _Options(deletions=True, changes=False))
    return _join(deletions, changes, here)


def create_two_way(original: Map, modified: Map, schema: PatchSchema | None) -> Map:
    """The patch that makes `modified` of `original`."""
    return _diff_map(original, modified, schema or UNKNOWN, _Options(deletions=True, changes=True))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


def _diff_map(old: Map, new: Map, schema: PatchSchema, options: _Options) -> Map:
    patch: Map = {}
    for key, before in old.items():
        if new.get(key) is None:
            if options.deletions and (key not in new or before is not None):
                patch[key] = None
            continue
        after = new[key]
        here = schema.field(key)
        if isinstance(before, dict) and isinstance(after, dict) and not here.replaces:
            inner = _diff_map(before, after, here, options)
            if inner:
                patch[key] = inner
        elif isinstance(before, list) and isinstance(after, list) and here.merges:
            _diff_list(patch, key, before, after, here, options)
        elif options.changes and not _same(before, after):
            patch[key] = after
    if options.changes:
        patch.update({key: value for key, value in new.items() if key not in old and value is not None})
    if schema.retains_keys:
        kept = sorted(key for key, value in new.items() if value is not None)
        if kept and (patch or any(key not in old for key in kept)):
            patch[RETAIN_KEYS] = kept
    return patch


def _diff_list(patch: Map, key: str, old: list[Any], new: list[Any], schema: PatchSchema, options: _Options) -> None:
    merge_key = schema.merge_key
    if merge_key and not all(isinstance(item, dict) and merge_key in item for item in [*old, *new]):
        # Such a list cannot be merged by key; upstream fails here, replacing the list is what the user meant.
        if options.changes and not _same(old, new):
            patch[key] = [{PATCH: "replace"}, *new] if all(isinstance(item, dict) for item in new) else new
        return
    if merge_key:
        changes = _diff_items(old, new, schema, options)
        order: list[Any] = [{merge_key: item[merge_key]} for item in new]
        moved = [item[merge_key] for item in old] != [item[merge_key] for item in new]
        gone: list[Any] = []
    else:
        changes = [item for item in new if item not in old] if options.changes else []
        gone = [item for item in old if item not in new] if options.deletions else []
        order, moved = list(new), old != new
    if changes:
        patch[key] = changes
    if gone:
        patch[DELETE_FROM + key] = gone
    found = bool(changes or gone)
    if order and ((options.deletions and (found or moved)) or (options.changes and found)):
        patch[SET_ORDER + key] = order


def _diff_items(old: list[Map], new: list[Map], schema: PatchSchema, options: _Options) -> list[Any]:
    merge_key, items = schema.merge_key, schema.item()
    before = {_name(item[merge_key]): item for item in old}
    after = {_name(item[merge_key]) for item in new}
    changes: list[Any] = []
    for item in new:
        name = _name(item[merge_key])
        if name not in before:
            if options.changes:
                changes.append(item)
            continue
        inner = _diff_map(before[name], item, items, options)
        if inner:
            changes.append({**inner, merge_key: item[merge_key]})
    if options.deletions:
        gone = [item for name, item in before.items() if name not in after]
        changes += [{PATCH: "delete", merge_key: item[merge_key]} for item in gone]
    return changes


def _name(value: Any) -> str:
    return repr(value)


def _join(deletions: Map, changes: Map, schema: PatchSchema) -> Map:
    """One patch out of the two halves; both come from the same `modified`, so their directives agree."""
    out = dict(deletions)
    for key, value in changes.items():
        here = schema.field(key)
        before = out.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            out[key] = _join(before, value, here)
        elif (
            isinstance(before, list)
            and isinstance(value, list)
            and here.merges
            and here.merge_key
            and not key.startswith("$")
        ):
            out[key] = _join_items(before, value, here)
        else:
            out[key] = value
    for key in [key for key in out if key.startswith(SET_ORDER)]:
        field = key.removeprefix(SET_ORDER)
        if isinstance(out.get(field), list):
            out[field] = _sorted(out[field], out[key], schema.field(field).merge_key)
    return out


def _join_items(deletions: list[Any], changes: list[Any], schema: PatchSchema) -> list[Any]:
    merge_key, items = schema.merge_key, schema.item()
    if any(merge_key not in item for item in [*deletions, *changes]):
        return changes
    out = list(deletions)
    for change in changes:
        at = next((i for i, item in enumerate(out) if _same(item[merge_key], change[merge_key])), None)
        if at is None:
            out.append(change)
        else:
            out[at] = _join(out[at], change, items)
    return out


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Changes in the order of the directive, deletions last."""
    wanted = [_name(item[merge_key] if merge_key else item) for item in order]

    def place(item: Any) -> int:
        if merge_key and (item.get(PATCH) == "delete" or merge_key not in item):
            return len(wanted)
        name = _name(item[merge_key] if merge_key else item)
        return wanted.index(name) if name in wanted else len(wanted)

    return sorted(items, key=place)
