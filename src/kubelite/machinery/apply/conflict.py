"""Conflicts: fields that an apply would take from their owners, in upstream's words.

What: `Conflict`, and the texts of the 409 that lists them. Why: people decide by this text whether to force. Flow: `updater`
raises `Conflicts`, `registry.applied` answers with it. Source: structured-merge-diff merge/conflict.go,
apimachinery/pkg/util/managedfields/internal/conflict.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kubelite.machinery.apply import element, fieldset
from kubelite.machinery.apply.fieldset import Tree
from kubelite.machinery.apply.managers import Manager

CAUSE = "FieldManagerConflict"


class Conflict(NamedTuple):
    manager: str
    """As texts show it."""
    path: str


class Conflicts(Exception):
    """What stands against an apply, by manager."""

    def __init__(self, by_manager: Mapping[Manager, Tree]) -> None:
        super().__init__("conflicts")
        self.by_manager = dict(by_manager)

    @property
    def fields(self) -> Tree:
        """All fields in conflict."""
        found: Tree = {}
        for tree in self.by_manager.values():
            found = fieldset.union(found, tree)
        return found

    def without(self, allowed: Tree) -> Conflicts:
        """The conflicts that are left when those on some fields do not count."""
        rest = {manager: fieldset.difference(tree, allowed) for manager, tree in self.by_manager.items()}
        return Conflicts({manager: tree for manager, tree in rest.items() if tree})

    def listed(self) -> list[Conflict]:
        """By manager, the fields of each in canonical order."""
        return [
            Conflict(manager.shown(), element.path_text(path))
            for manager, tree in sorted(self.by_manager.items(), key=lambda item: item[0])
            for path in fieldset.paths(tree)
        ]

    def message(self) -> str:
        """The text of the 409."""
        found = self.listed()
        if len(found) == 1:
            return f"Apply failed with 1 conflict: conflict with {found[0].manager}: {found[0].path}"
        lines = []
        for manager in dict.fromkeys(conflict.manager for conflict in found):
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {conflict.path}" for conflict in found if conflict.manager == manager]
        return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)

    def causes(self) -> list[dict[str, Any]]:
        """The causes of the Status."""
        return [
            {"reason": CAUSE, "message": f"conflict with {conflict.manager}", "field": conflict.path}
            for conflict in self.listed()
        ]
