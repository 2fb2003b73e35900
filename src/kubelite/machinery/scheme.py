"""`Scheme`: looks kinds up by the names that people and programs use.

What: an index over the `Kind` declarations, to which kinds can be added at run time.
Why: a URL has (group, version, plural), a body (apiVersion, kind), a shell user
a short name. Flow: `kubelite.api.scheme()` builds one; it refuses two kinds that claim one name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubelite.machinery.kind import Kind


class Scheme:
    """The registry of kinds. `generation` grows with every change, for those who keep something derived from it."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.kinds: tuple[Kind, ...] = ()
        self.generation = 0
        self.listeners: list[Callable[[], None]] = []
        """Called after each change."""
        self._by_resource: dict[tuple[str, str, str], Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        self.change(add=kinds)

    def add(self, kind: Kind) -> None:
        """Takes a kind in at run time. Raises ValueError if its names are taken."""
        self.change(add=(kind,))

    def remove(self, kind: Kind) -> None:
        """Forgets a kind; one that is not there is no error."""
        self.change(remove=(kind,))

    def change(self, *, add: Iterable[Kind] = (), remove: Iterable[Kind] = ()) -> None:
        """Removes, then adds, in one step. Raises ValueError for two kinds that claim one name."""
        gone = {id(kind) for kind in remove}
        kept = [kind for kind in self.kinds if id(kind) not in gone]
        # Copies, so that a conflict leaves everything as it was and readers see the old names or the new ones.
        by_resource = {key: kind for key, kind in self._by_resource.items() if id(kind) not in gone}
        by_kind = {key: kind for key, kind in self._by_kind.items() if id(kind) not in gone}
        for kind in add:
            resource = (kind.group, kind.version, kind.plural)
            named = (kind.api_version, kind.kind)
            if resource in by_resource or named in by_kind:
                raise ValueError(f"two declarations of {kind.api_version} {kind.kind}")
            by_resource[resource] = kind
            by_kind[named] = kind
            kept.append(kind)
        self.kinds, self._by_resource, self._by_kind = tuple(kept), by_resource, by_kind
        self.generation += 1
        for listener in self.listeners:
            listener()

    def copy(self) -> Scheme:
        """Another scheme with the same kinds: what one server adds, another does not see."""
        return Scheme(self.kinds)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self.kinds)

    def by_resource(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_resource.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        return self._by_kind.get((api_version, kind))

    def by_name(self, name: str) -> Kind | None:
        """`pods`, `pod`, `po`, `deployments.apps` or `deployment.v1.apps`: the first kind that answers to it."""
        word, _, qualifier = name.lower().partition(".")
        for kind in self.kinds:
            if not kind.verbs:
                continue
            if qualifier and qualifier not in (kind.group, f"{kind.version}.{kind.group}", kind.version):
                continue
            if word in (kind.plural, kind.singular_name, *kind.short_names):
                return kind
        return None
