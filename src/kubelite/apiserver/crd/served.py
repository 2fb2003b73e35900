"""`Served`: one version of a custom resource, from the store's bytes to what clients see and back.

What: the `Custom` of a kind (see machinery.kind): views, conversion, pruning, defaults. Why: the store has objects of any
version that was ever the stored one, written under older schemas; every reader gets them in the version of its URL, with
the defaults of today. Flow: entry → defaults of the version it was stored in → conversion → pruning → view, kept at the
entry; object → pruning → conversion → stored bytes. Source:
apiextensions-apiserver/pkg/apiserver/customresource_handler.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

import msgspec

from kubelite.apiserver.crd.family import Family
from kubelite.apiserver.watchcache.entry import Entry
from kubelite.machinery import codec
from kubelite.machinery.structural.defaulting import set_defaults
from kubelite.machinery.structural.pruning import prune
from kubelite.machinery.unstructured import Unstructured

KEPT_VIEWS = 4
AT_ONCE = 500
"""Objects that go to a conversion webhook in one review."""

_decode = msgspec.json.Decoder().decode


class Served:
    """The version `version` of `family`."""

    def __init__(self, family: Family, version: str) -> None:
        self.family = family
        self.version = version
        self.api_version = family.api_version(version)

    @property
    def list_kind(self) -> str:
        return self.family.list_kind

    @property
    def digest(self) -> bytes:
        """Names the state of the definition."""
        return self.family.digest

    @property
    def schema(self) -> dict[str, Any] | None:
        """The version's schema as the definition has it."""
        return self.family.schema(self.version)

    @property
    def terminating(self) -> bool:
        return self.family.terminating

    # -- reading

    def view(self, entry: Entry) -> Entry | None:
        """The entry in this version; None if the webhook has not been asked yet."""
        for token, seen in entry.views:
            if token is self:
                return entry if seen is None else seen
        document = _decode(entry.body)
        if self.family.converter is not None and document.get("apiVersion") != self.api_version:
            return None
        self._fill(document)
        document["apiVersion"] = self.api_version
        return self._keep(entry, document)

    def prepare(self, entries: Iterable[Entry]) -> Awaitable[None] | None:
        """Asks the webhook for views that are missing; None if none is."""
        if self.family.converter is None:
            return None
        missing = [entry for entry in entries if self.view(entry) is None]
        return self._convert_entries(missing) if missing else None

    async def _convert_entries(self, entries: Sequence[Entry]) -> None:
        assert self.family.converter is not None
        for start in range(0, len(entries), AT_ONCE):
            part = entries[start : start + AT_ONCE]
            documents = [_decode(entry.body) for entry in part]
            for document in documents:
                self._fill(document)
            converted = await self.family.converter.convert(documents, self.api_version, single=len(entries) == 1)
            for entry, document in zip(part, converted, strict=True):
                self._keep(entry, document)

    def _fill(self, document: dict[str, Any]) -> None:
        """The defaults of the version that an object is stored in."""
        version = str(document.get("apiVersion", "")).rpartition("/")[2]
        set_defaults(document, self.family.node(version))

    def _keep(self, entry: Entry, document: dict[str, Any]) -> Entry:
        prune(document, self.family.node(self.version), root=True)
        metadata = document.pop("metadata")
        body = codec.encode_whole({"metadata": metadata, **document})
        seen = None
        if body != entry.body or self.version != self.family.storage_version:
            seen = Entry(entry.key, entry.namespace, entry.name, entry.revision, body, stale=True)
        entry.views = (*entry.views[1 - KEPT_VIEWS :], (self, seen))
        return entry if seen is None else seen

    # -- writing

    def coerce(self, obj: Unstructured) -> list[str]:
        """Prunes a request's object; the unknown fields."""
        dropped = prune(obj.content, self.family.node(self.version), root=True)
        return [f'unknown field "{path}"' for path in dropped]

    def set_defaults(self, obj: Unstructured) -> None:
        """Prunes (admission may have added what is not in the schema) and fills in the defaults of this version."""
        node = self.family.node(self.version)
        prune(obj.content, node, root=True)
        set_defaults(obj.content, node)

    async def encode(self, obj: Unstructured) -> bytes:
        """The object as it is stored."""
        family = self.family
        stored = family.api_version(family.storage_version)
        if obj.apiVersion == stored:
            return codec.encode_whole(obj)
        document = codec.to_generic(obj)
        if family.converter is not None:
            document = (await family.converter.convert([document], stored, single=True))[0]
        document["apiVersion"] = stored
        prune(document, family.node(family.storage_version), root=True)
        metadata = document.pop("metadata")
        return codec.encode_whole({"metadata": metadata, **document})
