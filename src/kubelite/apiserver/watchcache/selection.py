"""Which objects a list or a watch wants: namespace, label selector, field selector.

What: `Selection.matches(entry)`. Why: one place decides for lists, watches and collection deletes alike. Flow:
handlers parse the query into a Selection; caches ask it. `key` is equal for selections that match alike, so that
watchers share their bytes.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.watchcache.entry import Entry
from kubelite.machinery.kind import Kind


class Selection:
    """`labels` and `fields` are parsed selectors or None; `name` narrows to one object."""

    __slots__ = ("everything", "fields", "key", "kind", "labels", "name", "namespace")

    def __init__(
        self,
        kind: Kind,
        namespace: str = "",
        name: str = "",
        labels: Any = None,
        fields: Any = None,
        key: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.labels = labels
        self.fields = fields
        self.key = (namespace, name, *key)
        self.everything = labels is None and fields is None and not name
        """Nothing but the namespace restricts it: counting what is left needs no looking."""

    def matches(self, entry: Entry) -> bool:
        if self.namespace and entry.namespace != self.namespace:
            return False
        if self.name and entry.name != self.name:
            return False
        custom = self.kind.custom
        if custom is not None and not self.everything:
            entry = custom.view(entry) or entry
        if self.labels is not None and not self.labels.matches(entry.labels):
            return False
        return self.fields is None or bool(self.fields.matches(entry.fields(self.kind)))
