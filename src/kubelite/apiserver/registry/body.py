"""Request bodies to typed objects: media type, version and kind, strictness.

What: `decode_body` for create and update, `check_unknown` for patched documents. Why: every wrong body gets its 400
or 415 here, before anything else looks at it. Flow: bytes → typed object of the URL's kind, with apiVersion and kind
filled in. Texts follow apiserver/pkg/endpoints/handlers/{create,update,rest}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.registry.ask import IGNORE, STRICT, WARN, Ask
from kubelite.machinery import codec, errors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Custom, Kind

JSON_TYPES = frozenset(("application/json", ""))
YAML_TYPES = frozenset(("application/yaml", "application/x-yaml", "text/yaml"))
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTED = ("application/json", "application/yaml", PROTOBUF)
SUMMARY = 30
"""How much of an unreadable body its error shows."""


def media_type(header: str) -> str:
    """The type without its parameters, lower case; "" only for an absent header."""
    return header.partition(";")[0].strip().lower() or header


def decode_body(
    body: bytes, content_type: str, type_: Any, api_version: str, kind: str, ask: Ask, custom: Custom | None = None
) -> Any:
    """The body as `type_`, pruned if it is `custom`. Raises StatusError 400 (malformed, other kind, strict mistakes) or 415."""
    media = media_type(content_type)
    mistakes: list[str] = []
    try:
        if media in JSON_TYPES:
            body = b"{}" if body.strip() == b"null" else body
            obj = codec.decode(body, type_)
            raw = body
        elif media in YAML_TYPES:
            document = codec.decode_yaml(body, mistakes)
            document = {} if document is None else document
            obj = codec.convert(document, type_)
            raw = codec.encode(document)
        elif media == PROTOBUF:
            from kubelite.api import wire

            raw = codec.encode(wire.decode(body, kind))
            obj = codec.decode(raw, type_)
        else:
            raise errors.unsupported_media_type(ACCEPTED)
    except StatusError as error:
        raise _unrecognized(error, body, kind) from None
    _check_kind(obj, api_version, kind)
    obj.apiVersion, obj.kind = api_version, kind
    unknown = custom.coerce(obj) if custom is not None else []
    if ask.field_validation != IGNORE:
        report(mistakes + codec.strict_errors(raw, type_) + unknown, ask, kind, api_version)
    return obj


def _unrecognized(error: StatusError, body: bytes, kind: str) -> StatusError:
    """An error in a body of which not even the kind could be read, with its beginning; any other error as it is."""
    text = error.message.removeprefix("the object provided is unrecognized: ")
    if not text.startswith((codec.NO_KIND, "json: ", "error converting YAML")):
        return error
    shown = body[:SUMMARY]
    summary = shown.decode(errors="replace") if shown[:1] == b"{" else shown.hex()
    summary = f"{summary} ..." if len(body) > SUMMARY else summary or "<empty>"
    return errors.bad_request(f"the object provided is unrecognized (must be of type {kind}): {text} ({summary})")


def _check_kind(obj: Any, api_version: str, kind: str) -> None:
    """A body may leave out its apiVersion and kind, but not contradict the URL (`api_version` "": of any version)."""
    found_version, found = obj.apiVersion or api_version, obj.kind or kind
    if found == kind and (found_version == api_version or not api_version):
        return
    why = _why_other(found_version, found, kind)
    if not why:
        raise errors.bad_request(
            f"the API version in the data ({found_version}) does not match the expected API version ({api_version})"
        )
    version = found_version.rpartition("/")[2]
    raise errors.bad_request(f'{found} in version "{version}" cannot be handled as a {kind}: {why}')


def _why_other(api_version: str, found: str, kind: str) -> str:
    """Why an object of another kind or version is not taken; "" if it is the same kind in another version."""
    from kubelite.api import scheme

    if api_version.count("/") > 1:
        return f"unexpected GroupVersion string: {api_version}"
    version = api_version.rpartition("/")[2]
    if scheme().by_kind(api_version, found) is None:
        shown = f'version "{api_version}"' if api_version else "the internal version"
        return f'no kind "{found}" is registered for {shown} in scheme "pkg/api/legacyscheme/scheme.go:30"'
    if found == kind:
        return ""
    return f"converting ({version}.{found}) to ({kind}): unknown conversion"


def report(mistakes: list[str], ask: Ask, kind: str, api_version: str) -> None:
    """Refuses or warns, as the client asked. Raises StatusError 400."""
    if not mistakes or ask.field_validation == IGNORE:
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
    # As many bytes again: no field was unknown, or an empty struct that was written for the first time hides it. That is
    # good enough where the consequence is a warning, at a third of the cost; components send thousands of status patches.
    probably_clean = ask.field_validation == WARN and len(codec.encode(obj)) == len(raw)
    unknown = kind.custom.coerce(obj) if kind.custom is not None else []
    if ask.field_validation != IGNORE and not (probably_clean and not unknown):
        report(codec.strict_errors(raw, kind.type) + unknown, ask, kind.kind, kind.api_version)
    return obj
