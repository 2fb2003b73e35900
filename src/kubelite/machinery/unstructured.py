"""Objects of kinds that are known only at run time: typed metadata, everything else as plain values.

What: `Unstructured`, which the write path handles like a generated type. Why: the rules about metadata (owners, finalizers,
labels) are the same for all kinds and want a type; what a custom resource has besides is a matter of its schema, which is data.
Flow: `codec.decode(body, Unstructured)` → `.metadata`, `.content` → `codec.encode`, with `metadata` first as in every stored
object. The metadata's class lies a layer above: `kubelite.api.meta` puts it in with `bind`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

RESERVED = ("metadata", "apiVersion", "kind")


class Unstructured:
    """`content` is every field but apiVersion, kind and metadata; it is the object's own."""

    __slots__ = ("apiVersion", "content", "kind", "metadata")

    metadata_type: ClassVar[Any] = None
    """The class of `metadata`; set once by `bind`."""

    def __init__(
        self, metadata: Any = None, apiVersion: str = "", kind: str = "", content: dict[str, Any] | None = None
    ) -> None:
        self.metadata = metadata if metadata is not None else self.metadata_type()
        self.apiVersion = apiVersion
        self.kind = kind
        self.content: dict[str, Any] = {} if content is None else content

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Unstructured)
            and self.apiVersion == other.apiVersion
            and self.kind == other.kind
            and self.metadata == other.metadata
            and self.content == other.content
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Unstructured({self.apiVersion} {self.kind} {getattr(self.metadata, 'name', '')})"

    def document(self) -> dict[str, Any]:
        """The object in wire order; the values are shared, not copied, and the metadata is the typed one."""
        return {"metadata": self.metadata, "apiVersion": self.apiVersion, "kind": self.kind, **self.content}


def bind(metadata_type: type[Any]) -> None:
    """Says what class the metadata of unstructured objects has."""
    Unstructured.metadata_type = metadata_type


def of_document(document: dict[str, Any]) -> Unstructured:
    """A plain object as Unstructured; takes the dict over. Raises msgspec.ValidationError for metadata that is none."""
    metadata = msgspec.convert(sealed(document.pop("metadata", None) or {}), Unstructured.metadata_type)
    api_version, kind = document.pop("apiVersion", "") or "", document.pop("kind", "") or ""
    if not isinstance(api_version, str) or not isinstance(kind, str):
        raise msgspec.ValidationError("Expected `str` for apiVersion and kind")
    return Unstructured(metadata, api_version, kind, document)


def sealed(metadata: Any) -> Any:
    """Plain metadata with the fields of its managers as bytes, which is how ObjectMeta holds them."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("managedFields"), list):
        return metadata
    entries = [
        {**entry, "fieldsV1": msgspec.Raw(msgspec.json.encode(entry["fieldsV1"]))}
        if isinstance(entry, dict)
        and entry.get("fieldsV1") is not None
        and not isinstance(entry["fieldsV1"], msgspec.Raw)
        else entry
        for entry in metadata["managedFields"]
    ]
    return {**metadata, "managedFields": entries}


def dec_hook(type_: Any, value: Any) -> Any:
    """For msgspec decoders: makes Unstructured of a plain object."""
    if type_ is Unstructured and isinstance(value, dict):
        return of_document(value)
    raise msgspec.ValidationError(f"Expected `object`, got `{type(value).__name__}`")


def enc_hook(obj: Any) -> Any:
    """For msgspec encoders: the wire form of Unstructured."""
    if isinstance(obj, Unstructured):
        return obj.document()
    raise TypeError(f"objects of type {type(obj).__name__} cannot be encoded")
