"""A resource under way: the object, and the names that it had on its way.

What: `Resource`. Why: a prefix or a hash changes a name, and what refers to the old one must follow. Flow: `build` makes them,
`transformers` rename, `references` read `names`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kubelite.cli.session import Object


@dataclass(slots=True)
class Resource:
    """`object` is changed in place. `hashed`: its content becomes a suffix of its name."""

    object: Object
    names: list[str] = field(default_factory=list)
    """The names it had before the present one, oldest first."""
    namespaces: list[str] = field(default_factory=list)
    hashed: bool = False

    @property
    def kind(self) -> str:
        return str(self.object.get("kind", ""))

    @property
    def group(self) -> str:
        head, slash, _ = str(self.object.get("apiVersion", "")).partition("/")
        return head if slash else ""

    @property
    def name(self) -> str:
        return str(self.metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace", ""))

    @property
    def metadata(self) -> dict[str, Any]:
        found = self.object.setdefault("metadata", {})
        return found if isinstance(found, dict) else {}

    def rename(self, name: str) -> None:
        if name != self.name:
            self.names.append(self.name)
            self.metadata["name"] = name

    def move(self, namespace: str) -> None:
        self.namespaces.append(self.namespace)
        self.metadata["namespace"] = namespace

    def answers_to(self, name: str) -> bool:
        return name == self.name or name in self.names


def places(obj: Any, path: str, *, create: bool = False) -> Iterator[tuple[dict[str, Any], str]]:
    """(parent, key) of every place that `path` leads to: `spec/template/spec/containers[]/image`.

    With `create` the maps on the way and the last key are made where they are missing; otherwise only present keys are given.
    """
    head, _, rest = path.partition("/")
    key = head.removesuffix("[]")
    if not isinstance(obj, dict):
        return
    if not rest:
        if create or key in obj:
            yield obj, key
        return
    inner = obj.get(key)
    if head.endswith("[]"):
        for one in inner if isinstance(inner, list) else ():
            yield from places(one, rest, create=create)
        return
    if inner is None and create:
        inner = obj[key] = {}
    yield from places(inner, rest, create=create)
