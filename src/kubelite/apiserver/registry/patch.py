"""Patches: a body of one of the patch types becomes a change of the present object.

What: `patcher(kind, type, patch, ask)` returns the function that `update` applies, again after a race. Why: JSON,
merge and strategic merge patches differ only in how they are applied to the plain object. Flow: typed object → plain
→ patch → typed. Server-side apply is in `applied`. Source: apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from kubelite.apiserver.registry.ask import Ask
from kubelite.apiserver.registry.body import convert_document
from kubelite.apiserver.registry.update import Change
from kubelite.machinery import codec, errors, fielderrors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind

TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}
APPLY = "application/apply-patch+yaml"
MAX_OPERATIONS = 10_000
SHOWN = 10_000
"""How much of a document that does not decode its error shows."""


def patch_type(media: str) -> str:
    """The short name of a patch media type. Raises StatusError 415, also for apply patches in CBOR."""
    found = TYPES.get(media)
    if found is None:
        raise errors.unsupported_media_type((*TYPES, APPLY))
    return found


def read_patch(body: bytes, kind_of_patch: str) -> Any:
    """The patch as plain values. Raises StatusError 400 or 413."""
    try:
        patch = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.bad_request(f"error decoding patch: {error}") from None
    if kind_of_patch == "json":
        if not isinstance(patch, list):
            found = codec.json_kind(patch)
            raise errors.bad_request(
                f"error decoding patch: json: cannot unmarshal {found} into Go value of type []interface {{}}"
            )
        if len(patch) > MAX_OPERATIONS:
            raise StatusError(
                413,
                "RequestEntityTooLarge",
                f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}",
            )
    elif not isinstance(patch, dict):
        found = codec.json_kind(patch)
        raise errors.bad_request(
            f"error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )
    return patch


def patcher(kind: Kind, kind_of_patch: str, patch: Any, ask: Ask, subresource: str = "") -> Change:
    """A function from the present object's bytes to the patched object; it raises StatusError where the patch does not fit."""
    without_spec = subresource == "status" and kind.custom is None and kind.from_stored is None and _spares_spec(patch)

    def change(body: bytes) -> Any:
        if without_spec:
            with contextlib.suppress(StatusError):  # what does not fit is told with the whole object
                return patched(_without_spec(kind, body, patch))
        return patched(_served(kind, body, patch))

    def patched(present: Any) -> Any:
        try:
            document = _apply(kind, kind_of_patch, present, patch)
        except RecursionError:
            raise errors.bad_request("error decoding patch: json: exceeded max depth") from None
        if not isinstance(document, dict):
            raise errors.bad_request("the patched object is no JSON object")
        _check_identity(kind, document)
        with fitting(document):
            obj = convert_document(document, kind, ask)
        if kind.to_stored is None:
            return obj
        stored = kind.to_stored(obj)
        stored.apiVersion, stored.kind = kind.storage_kind.api_version, kind.storage_kind.kind
        return stored

    return change


class fitting:
    """Turns the error of a patched document that does not decode into upstream's 422, which shows the document."""

    __slots__ = ("_document",)

    def __init__(self, document: Any) -> None:
        self._document = document

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, StatusError) and error.code == 400:
            why = error.message.partition(" cannot be handled as a ")[2].partition(": ")[2] or error.message
            shown = codec.encode(self._document)[:SHOWN].decode(errors="ignore")
            raise errors.invalid("", "", "", [fielderrors.invalid(Path("patch"), shown, why)]) from None


_sections = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_plain = msgspec.json.Decoder().decode


def _served(kind: Kind, body: bytes, patch: Any) -> Any:
    """The stored object as plain values of the version that the client patches."""
    if kind.from_stored is None:
        return _opened(body, patch) if isinstance(patch, dict) else _plain(body)
    obj = kind.from_stored(codec.decode(body, kind.storage_kind.type))
    obj.apiVersion, obj.kind = kind.api_version, kind.kind
    return codec.to_generic(obj)


def _opened(body: bytes, patch: dict[str, Any]) -> dict[str, Any]:
    """The object with those parts as plain values that the patch mentions; the rest stays bytes.

    A status patch, the most frequent write of all, so reads and writes neither the spec nor the fields of managers.
    """
    document: dict[str, Any] = _sections(body)
    names = {name.rpartition("/")[2] if name.startswith("$") else name for name in patch}
    if "$retainKeys" in patch or "$patch" in patch:
        return _plain(body)  # type: ignore[no-any-return]
    for name, value in document.items():
        if name in names or name in ("apiVersion", "kind"):
            document[name] = _metadata(value, patch) if name == "metadata" else _plain(value)
    return document


def _spares_spec(patch: Any) -> bool:
    return isinstance(patch, dict) and not any(name == "spec" or name.startswith("$") for name in patch)


def _without_spec(kind: Kind, body: bytes, patch: dict[str, Any]) -> dict[str, Any]:
    """The object to patch the status of, with an empty spec: `prepare_status_update` puts the old one there in the end anyway."""
    document = _opened(body, patch)
    if "spec" in document:
        empty = _empty_specs.get(kind.type)
        if empty is None:
            empty = _empty_specs[kind.type] = msgspec.Raw(codec.encode(kind.type().spec))
        document["spec"] = empty
    return document


_empty_specs: dict[Any, msgspec.Raw] = {}


def _metadata(text: msgspec.Raw, patch: dict[str, Any]) -> Any:
    inner = patch.get("metadata")
    if not isinstance(inner, dict) or any(name.startswith("$") or name == "managedFields" for name in inner):
        return _plain(text)
    metadata: dict[str, Any] = _sections(text)
    return {name: value if name == "managedFields" else _plain(value) for name, value in metadata.items()}


def _check_identity(kind: Kind, document: dict[str, Any]) -> None:
    """A patch changes neither the kind nor, by mistake, the resourceVersion to something that is no text."""
    for field, words, value in (("apiVersion", "API version", kind.api_version), ("kind", "kind", kind.kind)):
        if document.setdefault(field, value) != value:
            raise errors.bad_request(
                f"the {words} in the data ({document[field]}) does not match the expected {words} ({value})"
            )


def _apply(kind: Kind, kind_of_patch: str, document: Any, patch: Any) -> Any:
    from kubelite.machinery import jsonpatch, mergepatch, strategicpatch

    try:
        if kind_of_patch == "json":
            return jsonpatch.apply(document, patch)
        if kind_of_patch == "merge":
            return mergepatch.apply(document, patch)
        from kubelite.api.schemas import patch_schema

        return strategicpatch.merge_into(document, patch, patch_schema(kind.api_version, kind.kind))
    except StatusError:
        raise
    except (ValueError, KeyError, IndexError, TypeError) as error:
        text = f"the server rejected our request due to an error in our request: {error}"
        raise StatusError(422, "Invalid", text) from None
