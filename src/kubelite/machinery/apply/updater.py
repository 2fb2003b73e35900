"""The updater: what a write does to the ownership of fields, and what an apply does to the object.

What: `update` (a manager changed an object: what it changed is its own now) and `apply` (a manager states what it wants: its
fields are merged in, those it no longer names go unless somebody else owns them, and others' fields are conflicts). Why: these
are the two rules of server-side apply; everything else is bookkeeping. Flow: plain objects, `Managed` and a Shape in, the
same out. Source: structured-merge-diff merge/update.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubelite.machinery.apply import compare, fieldset, merge
from kubelite.machinery.apply.compare import ABSENT, Comparison
from kubelite.machinery.apply.conflict import Conflicts
from kubelite.machinery.apply.element import SELF
from kubelite.machinery.apply.fieldset import LEAF, Tree
from kubelite.machinery.apply.managers import Managed, Manager, Owned
from kubelite.machinery.apply.shape import MAP, Shape

Object = dict[str, Any]


class View(NamedTuple):
    """A version of the objects: how its fields are shaped, and how an object of the written version looks in it."""

    shape: Shape
    convert: Callable[[Object], Object]
    restore: Callable[[Object], Object]


Views = Callable[[str], View | None]
"""apiVersion → the view; None for a version that is not served (any more)."""


def same(document: Object) -> Object:
    """The conversion between a version and itself."""
    return document


class Updater(NamedTuple):
    """`api_version`: of the write; `views` knows it and others; `ignored`: fields that the write cannot set."""

    shape: Shape
    api_version: str
    views: Views
    ignored: Tree = LEAF

    def view(self, api_version: str) -> View | None:
        return View(self.shape, same, same) if api_version == self.api_version else self.views(api_version)

    def update(self, live: Object, new: Object, managed: Managed, manager: Manager) -> tuple[Managed, bool]:
        """The managers after `manager` changed `live` to `new`, and whether it took any field."""
        managed = self._reconciled(live, managed)
        changed = self._compare(self.shape, live, new)
        touched = fieldset.union(changed.added, changed.modified)
        managed = self._given_up(live, new, changed, managed, None, force=True)
        if touched:
            own = managed.get(manager)
            fields = fieldset.union(own.fields, touched) if own else touched
            managed[manager] = Owned(fields, self.api_version, own.time if own else None)
        return managed, bool(touched)

    def apply(
        self, live: Object, config: Object, managed: Managed, manager: Manager, *, force: bool
    ) -> tuple[Object | None, Managed]:
        """The object (None if nothing changes) and its managers after `manager` applied `config`. Raises Conflicts."""
        managed = dict(self._reconciled(live, managed))
        before = managed.get(manager)
        merged = merge.merge(self.shape, live, config)
        named = fieldset.recursive_difference(compare.field_set(self.shape, config), self.ignored)
        managed[manager] = Owned(named, self.api_version, before.time if before else None)
        if before is not None and self._drops(before, named):
            merged = self._pruned(merged, managed, manager, before)
        changed = self._compare(self.shape, live, merged)
        managed = self._given_up(live, merged, changed, managed, manager, force=force)
        return (None if live == merged else merged), managed

    def _drops(self, before: Owned, named: Tree) -> bool:
        """Whether a manager applied something the last time that it does not name now."""
        return before.api_version != self.api_version or bool(fieldset.difference(before.fields, named))

    def _compare(self, shape: Shape, old: Object, new: Object) -> Comparison:
        changed = compare.compare(shape, old, new)
        if not self.ignored:
            return changed
        return Comparison(*(fieldset.recursive_difference(tree, self.ignored) for tree in changed))

    def _given_up(
        self, live: Object, new: Object, changed: Comparison, managed: Managed, manager: Manager | None, *, force: bool
    ) -> Managed:
        """Takes what changed from all but `manager`. Raises Conflicts unless forced."""
        out: Managed = {}
        conflicts: dict[Manager, Tree] = {}
        seen: dict[str, tuple[Tree, Tree] | None] = {
            self.api_version: (fieldset.union(changed.modified, changed.added), changed.removed)
        }
        for owner, owned in managed.items():
            version = owned.api_version
            if version not in seen:
                seen[version] = self._seen_in(version, live, new)
            found = seen[version]
            if owner == manager:
                out[owner] = owned
                continue
            if found is None:
                # A version that is not served any more takes its managers with it.
                continue
            fields = owned.fields
            if not force:
                conflict = fieldset.intersection(fields, found[0])
                if conflict:
                    conflicts[owner] = conflict
            fields = fieldset.difference(fieldset.difference(fields, found[0]), found[1])
            if fields:
                out[owner] = owned._replace(fields=fields)
        if conflicts:
            raise Conflicts(conflicts)
        if manager is not None and not out[manager].fields:
            del out[manager]
        return out

    def _seen_in(self, version: str, live: Object, new: Object) -> tuple[Tree, Tree] | None:
        view = self.view(version)
        if view is None:
            return None
        changed = self._compare(view.shape, view.convert(live), view.convert(new))
        return fieldset.union(changed.modified, changed.added), changed.removed

    def _reconciled(self, live: Object, managed: Managed) -> Managed:
        """Owners of what is below a field that is atomic now own that field."""
        out = managed
        for owner, owned in managed.items():
            view = self.view(owned.api_version)
            fields = owned.fields if view is None else reconcile(view.shape, owned.fields)
            if fields is not owned.fields:
                out = dict(out) if out is managed else out
                out[owner] = owned._replace(fields=fields)
        return out

    def _pruned(self, merged: Object, managed: Managed, manager: Manager, last: Owned) -> Object:
        """Without what the manager applied the last time, not this time, and nobody owns."""
        view = self.view(last.api_version)
        if view is None:
            return merged
        shape, whole = view.shape, view.convert(merged)
        before = with_structs(shape, last.fields)
        pruned = _present(merge.remove(shape, whole, before))
        for version, owned in self._owned_by_version(managed, last.api_version):
            other = self.view(version)
            if other is not None:
                there, here = other.convert(view.restore(whole)), other.convert(view.restore(pruned))
                kept = _add_back(other.shape, there, here, owned)
                pruned = view.convert(other.restore(kept))
        was = with_structs(shape, compare.field_set(shape, whole))
        now = with_structs(shape, compare.field_set(shape, pruned))
        gone = fieldset.intersection(fieldset.difference(was, now), before)
        return view.restore(_present(merge.remove(shape, whole, gone)))

    def _owned_by_version(self, managed: Managed, first: str) -> list[tuple[str, Tree]]:
        """What all managers own together, in each version; the version that is pruned in comes first."""
        by_version: dict[str, Tree] = {}
        for owned in managed.values():
            by_version[owned.api_version] = fieldset.union(by_version.get(owned.api_version, {}), owned.fields)
        return sorted(by_version.items(), key=lambda item: item[0] != first)


def _present(value: Any) -> Object:
    return {} if value is ABSENT else value


def _add_back(shape: Shape, whole: Object, pruned: Object, owned: Tree) -> Object:
    """`pruned` with what `whole` has and `owned` names."""
    was = with_structs(shape, compare.field_set(shape, whole))
    stays = fieldset.union(
        with_structs(shape, compare.field_set(shape, pruned)),
        with_structs(shape, owned),
    )
    return _present(merge.remove(shape, whole, fieldset.difference(was, stays)))


def with_structs(shape: Shape | None, tree: Tree) -> Tree:
    """The set, and with every member the named fields (not map entries or list items) on the way to it."""
    out: Tree = {}
    fields = shape.fields if shape is not None and shape.kind == MAP else {}
    for name, node in tree.items():
        if name == SELF or not node:
            out[name] = node
            continue
        declared = fields.get(name[2:]) if name[:2] == "f:" else None
        below = with_structs(declared[1] if declared else _item(shape, name), node)
        out[name] = {SELF: LEAF, **below} if declared else below
    return out


def _item(shape: Shape | None, name: str) -> Shape | None:
    return None if shape is None else shape.item


def reconcile(shape: Shape | None, tree: Tree) -> Tree:
    """The set as it is now that some fields became atomic: their owners own them as a whole."""
    if shape is None or not tree:
        return tree
    out = tree
    for name, node in tree.items():
        if name == SELF or not node:
            continue
        known = shape.fields.get(name[2:]) if name[:2] == "f:" else None
        inner = known[1] if known else shape.item
        if inner is None:
            continue
        fixed = LEAF if inner.atomic else reconcile(inner, node)
        if fixed is not node:
            out = dict(out) if out is tree else out
            out[name] = fixed
    return out
