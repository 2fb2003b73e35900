"""Request bodies to typed objects: media type, version and kind, strictness.

What: `decode_body` for create and update, `check_unknown` for patched documents. Why: every wrong body gets its 400
or 415 here, before anything else looks at it. Flow: bytes → typed object of the URL's kind, with apiVersion and kind
filled in. Texts follow apiserver/pkg/endpoints/handlers/{create,update,rest}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.registry.ask import IGNORE, STRICT, Ask
from kubelite.machinery import codec, errors
from kubelite.machinery.kind import Kind

JSON_TYPES = frozenset(("application/json", ""))
YAML_TYPES = frozenset(("application/yaml", "application/x-yaml", "text/yaml"))
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTED = ("application/json", "application/yaml")


def media_type(header: str) -> str:
    """The type without its parameters, lower case."""
    return header.partition(";")[0].strip().lower()


def decode_body(body: bytes, content_type: str, type_: Any, api_version: str, kind: str, ask: Ask) -> Any:
    """The body as `type_`. Raises StatusError 400 (malformed, other kind, strict mistakes) or 415."""
    media = media_type(content_type)
    if media in JSON_TYPES:
        obj = codec.decode(body, type_)
        raw = body
    elif media in YAML_TYPES:
        document = codec.decode_generic(body, "application/yaml")
        obj = codec.convert(document, type_)
        raw = codec.encode(document)
    elif media == PROTOBUF:
        from kubelite.api import wire

        raw = codec.encode(wire.decode(body, kind))
        obj = codec.decode(raw, type_)
    else:
        raise errors.unsupported_media_type(ACCEPTED)
    _check_kind(obj, api_version, kind)
    obj.apiVersion, obj.kind = api_version, kind
    if ask.field_validation != IGNORE:
        _report(codec.strict_errors(raw, type_), ask, kind, api_version)
    return obj


def _check_kind(obj: Any, api_version: str, kind: str) -> None:
    """A body may leave out its apiVersion and kind, but not contradict the URL (`api_version` "": of any version)."""
    if api_version and obj.apiVersion and obj.apiVersion != api_version:
        raise errors.bad_request(
            f"the API version in the data ({obj.apiVersion}) does not match the expected API version ({api_version})"
        )
    if obj.kind and obj.kind != kind:
        version = api_version.rpartition("/")[2]
        raise errors.bad_request(
            f'{obj.kind} in version "{version}" cannot be handled as a {kind}: the kind in the data ({obj.kind}) does not match '
            f"the expected kind ({kind})"
        )


def _report(mistakes: list[str], ask: Ask, kind: str, api_version: str) -> None:
    if not mistakes:
        return
    if ask.field_validation == STRICT:
        version = api_version.rpartition("/")[2]
        raise errors.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: {codec.field_errors(mistakes)}'
        )
    ask.warnings.extend(mistakes)


def convert_document(document: dict[str, Any], kind: Kind, ask: Ask) -> Any:
    """A patched document as the kind's type, with its unknown fields reported.

    Going through bytes is cheaper than walking the document: both decoders run in C.
    """
    raw = codec.encode(document)
    obj = codec.decode(raw, kind.type)
    if ask.field_validation != IGNORE:
        _report(codec.strict_errors(raw, kind.type), ask, kind.kind, kind.api_version)
    return obj
