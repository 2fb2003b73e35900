"""Bytes ⇄ objects: JSON and YAML in, typed objects or plain dicts out, and JSON out.

What: one decoder per type, tolerant of nulls as Go is, and errors that say where. Why: every request body, stored object and
manifest passes here; the common case must cost no more than msgspec itself. Flow: bytes → `decode` (typed) or
`decode_generic` (plain) → logic → `encode` → bytes. Whatever arrives, the failure is a StatusError 400, never a crash.
Texts follow encoding/json and apimachinery/pkg/runtime/serializer/json as nearly as a different decoder can.
"""

from __future__ import annotations

import decimal
import json
import math
import re
from typing import Any, TypeVar

import msgspec

from kubelite.machinery import times, yamlcodec
from kubelite.machinery.errors import StatusError, bad_request, unsupported_media_type
from kubelite.machinery.moments import with_canonical_times
from kubelite.machinery.shapes import Shape, shape_of, without_nulls
from kubelite.machinery.strict import field_errors, strict_errors, unknown_fields
from kubelite.machinery.unstructured import Unstructured, dec_hook, enc_hook, of_document, sealed

__all__ = [
    "JSON",
    "YAML",
    "clone",
    "convert",
    "decode",
    "decode_generic",
    "decode_yaml",
    "encode",
    "encode_whole",
    "field_errors",
    "from_generic",
    "json_kind",
    "strict_errors",
    "to_generic",
    "unknown_fields",
]

T = TypeVar("T")

JSON = "application/json"
YAML = "application/yaml"
_YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")
ACCEPTED = (JSON, YAML)
MAX_DEPTH = 400
"""Deepest nesting taken; upstream's limit is 10000, far beyond any real object."""

NO_KIND = "couldn't get version/kind; json parse error: "
_TYPE_META = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'

_encoder = msgspec.json.Encoder(enc_hook=enc_hook)
_generic = msgspec.json.Decoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

encode = _encoder.encode
"""A typed or plain object as compact JSON bytes."""

_FREE = (Unstructured, dict)
"""What may have any number anywhere; generated types have hardly any that is no integer."""
_WHOLE = re.compile(rb"\.0[,}\]]")
"""One search for the pattern takes a fifth of three for texts."""
_ODD = re.compile(rb"\.0[,}\]]|[:,\[]-?(?:\d{19}|[\d.]+e)")
_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e-?\d+)?(?=[,}\]])')


def encode_whole(obj: Any) -> bytes:
    """As `encode`, but with numbers as Go writes them: 1.0 is 1 (its clients read no fraction into an integer), 1e21 is 1e+21."""
    value = _encoder.encode(obj)
    if _WHOLE.search(value) or (type(obj) in _FREE and _ODD.search(value)):
        return _NUMBERS.sub(_go_number, value)
    return value


def _go_number(found: re.Match[bytes]) -> bytes:
    """A number as encoding/json writes it; of strings nothing is changed. What is too large for an int64 is a float64 there."""
    text = found[0]
    if text[:1] == b'"' or (text.isdigit() and len(text) < 19):
        return text
    is_whole = text.lstrip(b"-").isdigit()
    if is_whole and len(text) <= 20 and -(2**63) <= int(text) < 2**63:
        return text
    number = float(text)
    return text if math.isinf(number) else go_float(number).encode()


def go_float(number: float) -> str:
    """The shortest text of a finite float64, with an exponent below 1e-6 and from 1e21 on."""
    sign, digits, exponent = decimal.Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return "-0" if sign else "0"
    text, point = "".join(map(str, digits)), len(digits) + exponent  # 0.TEXT times ten to the power of `point`
    minus = "-" if sign else ""
    if -6 < point <= 21:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{text}"
        if len(text) <= point:
            return minus + text + "0" * (point - len(text))
        return f"{minus}{text[:point]}.{text[point:]}"
    power = point - 1
    rest = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{rest}e{power:+d}"


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_, dec_hook=dec_hook)
    return decoder


def decode(body: bytes, type_: type[T]) -> T:
    """`body` (JSON) as an object of `type_`; unknown fields are skipped. Raises StatusError 400."""
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoder(type_)
    try:
        return decoder.decode(body)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        # A null, a wrong type or no JSON at all: the slow path finds out which.
        pass
    return convert(_parse(body), type_)


def decode_generic(body: bytes, content_type: str = JSON, duplicates: list[str] | None = None) -> dict[str, Any]:
    """`body` as a plain object; the media type decides between JSON and YAML. Raises StatusError 400 or 415.

    Of YAML, texts about repeated keys are added to `duplicates`; of JSON, `strict_errors` finds them.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media in _YAML_TYPES or media.endswith("+yaml"):
        document = decode_yaml(body, duplicates)
    elif media in (JSON, "") or media.endswith("+json"):
        document = _parse(body)
    else:
        raise unsupported_media_type(ACCEPTED)
    if not isinstance(document, dict):
        raise _no_object(document)
    return document


def decode_yaml(body: bytes | str, duplicates: list[str] | None = None) -> Any:
    """The first YAML (or JSON) document of `body` as plain values. Raises StatusError 400."""
    try:
        return yamlcodec.load(body, duplicates)
    except yamlcodec.YAMLError as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from None


def convert(document: Any, type_: type[T]) -> T:
    """A plain object as an object of `type_`; nulls count as absent. Raises StatusError 400."""
    if type_ is Unstructured:
        return _unstructured(document)  # type: ignore[return-value]
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        if not isinstance(document, dict):
            raise _no_object(document)
        _check_type_meta(document)
    try:
        shape = shape_of(type_)
        clean = with_canonical_times(without_nulls(document, shape), shape)
        return msgspec.convert(_sealed(clean, shape), type_)
    except msgspec.ValidationError as error:
        raise _cannot_unmarshal(document, type_, _go_text(str(error), shape, document)) from None
    except RecursionError:
        raise bad_request("json: exceeded max depth") from None
    except (ValueError, UnicodeError, OverflowError) as error:
        raise bad_request(f"json: {error}") from None


from_generic = convert


def _sealed(document: Any, shape: Shape) -> Any:
    """The document with the fields of managers as bytes, wherever there is metadata: also in templates and lists."""
    if shape.kind == "struct" and isinstance(document, dict):
        inside = sealed(document) if "managedFields" in shape.fields else document
        fields = shape.fields
        return {key: _sealed(inner, fields[key]) if key in fields else inner for key, inner in inside.items()}
    if shape.kind == "list" and isinstance(document, list):
        return [_sealed(item, shape.item) for item in document]
    if shape.kind == "dict" and isinstance(document, dict):
        return {key: _sealed(inner, shape.item) for key, inner in document.items()}
    return document


class _Envelope(msgspec.Struct):
    """Gives errors in metadata the path that upstream names."""

    metadata: Any = None


def _unstructured(document: Any) -> Unstructured:
    """A plain object as Unstructured: nulls in its metadata count as absent, nulls elsewhere are values."""
    if not isinstance(document, dict):
        raise _no_object(document)
    _check_type_meta(document)
    type_ = Unstructured.metadata_type
    shape = shape_of(type_)
    metadata = document.get("metadata")
    try:
        clean = with_canonical_times(without_nulls({} if metadata is None else metadata, shape), shape)
        return of_document({**document, "metadata": msgspec.convert(sealed(clean), type_)})
    except msgspec.ValidationError as error:
        text = _go_text(str(error), shape, metadata).replace(
            "Go struct field ObjectMeta.", "Go struct field ObjectMeta.metadata."
        )
        raise _cannot_unmarshal(document, Unstructured, text) from None


def to_generic(obj: Any) -> Any:
    """A typed object as plain dicts, lists and scalars."""
    return _generic.decode(_encoder.encode(obj))


def clone(obj: T) -> T:
    """A deep copy of a typed object."""
    return _decoder(type(obj)).decode(_encoder.encode(obj))


def _parse(body: bytes) -> Any:
    try:
        document = _generic.decode(body)
    except RecursionError:
        raise bad_request("the object provided is unrecognized: json: exceeded max depth") from None
    except (msgspec.DecodeError, UnicodeError, ValueError) as error:
        text = str(error).removeprefix("JSON is malformed: ")
        if text.startswith("Number out of range"):
            raise _no_float(body) from None
        text = "unexpected end of JSON input" if text == "Input data was truncated" else text
        raise bad_request(f"{NO_KIND}{text}") from None
    if _depth_exceeds(document, MAX_DEPTH):
        raise bad_request("the object provided is unrecognized: json: exceeded max depth")
    return document


_EXPONENTS = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?[eE]\+?\d+)')


def _no_float(body: bytes) -> StatusError:
    """About a number that is larger than every float64."""
    found = (one[1] for one in _EXPONENTS.finditer(body) if one[1] and math.isinf(float(one[1])))
    number = next(found, b"").decode()
    text = f"json: cannot unmarshal number {number} into Go value of type float64"
    try:
        document = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        document = None
    return _cannot_unmarshal(document, Unstructured, text)


def _depth_exceeds(document: Any, limit: int) -> bool:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _no_object(document: Any) -> StatusError:
    return bad_request(f"{NO_KIND}json: cannot unmarshal {json_kind(document)} into Go value of type {_TYPE_META}")


def _check_type_meta(document: dict[str, Any]) -> None:
    """The first things that are read of a body are its apiVersion and kind."""
    for key in ("apiVersion", "kind"):
        value = document.get(key)
        if value is not None and not isinstance(value, str):
            found = json_kind(value)
            raise bad_request(f"{NO_KIND}json: cannot unmarshal {found} into Go struct field .{key} of type string")


def _cannot_unmarshal(document: Any, type_: Any, text: str) -> StatusError:
    name = getattr(type_, "__name__", str(type_))
    version, kind = "v1", name
    if isinstance(document, dict):
        version = str(document.get("apiVersion") or version)
        kind = str(document.get("kind") or kind)
    name = kind if type_ is Unstructured else name
    return bad_request(f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind}: {text}')


_KINDS = {
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "bool",
    "array": "array",
    "object": "object",
    "null": "null",
}
_BAD_TIME = re.compile(r"Expected `str` matching regex .* - at `\$(?P<path>[^`]*)`")
_EXPECTED = re.compile(
    r"Expected `(?P<want>[^`]*)`(?: [<>]= -?\d+)?(?:, got `(?P<got>[^`]*)`)?(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?"
)


def json_kind(value: Any) -> str:
    """What encoding/json calls a value: null, bool, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _at(document: Any, path: str) -> Any:
    """The value at a path such as `.status.conditions[0].lastTransitionTime`; None where it cannot be followed."""
    value = document
    for name, index in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", path):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            inside = isinstance(value, list) and index.isdigit() and int(index) < len(value)
            value = value[int(index)] if inside else None
    return value


def _bad_time(value: Any) -> str:
    """Go's words for a text that is no time (time.Parse); the part that does not parse is the whole text."""
    shown = json.dumps(value, ensure_ascii=False)
    part = times.out_of_range(value) if isinstance(value, str) else ""
    if part:
        return f"parsing time {shown}: {part} out of range"
    return f'parsing time {shown} as "2006-01-02T15:04:05Z07:00": cannot parse {shown} as "2006"'


def _go_text(message: str, shape: Shape, document: Any) -> str:
    """msgspec's complaint in the words of encoding/json: innermost struct, dotted path, wanted type."""
    bad_time = _BAD_TIME.match(message)
    if bad_time is not None:
        return _bad_time(_at(document, bad_time["path"]))
    found = _EXPECTED.match(message)
    if found is None:
        return f"json: {message}"
    struct, want, value = shape.name, shape, document
    names: list[str] = []
    for name, index in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", found["path"] or ""):
        if want.kind == "struct" and name:
            struct = want.name
            names.append(name)
            want = want.fields.get(name, shape_of(Any))
            value = value.get(name) if isinstance(value, dict) else None
        else:
            want = want.item if want.kind in ("list", "dict") else want
            value = (
                value[int(index)] if index.isdigit() and isinstance(value, list) and int(index) < len(value) else None
            )
    got = _KINDS.get(found["got"] or "", found["got"] or "number")
    if got == "number" and isinstance(value, int | float) and want.kind in ("int", "float"):
        got = f"number {value}"
    if want.kind == "any" and found["want"] == "int" and isinstance(value, int):  # a port: it decodes itself
        return f"json: cannot unmarshal number {value} into Go value of type int32"
    wanted = want.name if want.kind != "any" else (found["want"] or "").replace(" | null", "")
    if want.kind == "struct":
        wanted = f"v1.{want.name}"
    if not names:
        return f"json: cannot unmarshal {got} into Go value of type {wanted}"
    return f"json: cannot unmarshal {got} into Go struct field {struct}.{'.'.join(names)} of type {wanted}"
