"""Bytes from the server → typed objects.

What: `decoder(type)` and `decode_object(body, type)`, with decoders kept per type.
Why: building a decoder costs more than using it; and a Go server may write null where our types have an empty list or
string, which the plain decoder refuses. Flow: fast decode; a refused body is decoded again without its nulls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from kubelite.client.errors import ConnectionFailed

T = TypeVar("T")


@lru_cache(maxsize=512)
def _plain(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


@lru_cache(maxsize=512)
def _decoder(type_: Any) -> Callable[[bytes | msgspec.Raw], Any]:
    fast = _plain(type_).decode

    def decode(data: bytes | msgspec.Raw) -> Any:
        try:
            return fast(data)
        except msgspec.ValidationError:
            return _without_nulls(bytes(data), type_)

    return decode


def decoder(type_: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """A function from JSON to `type_`; raises `msgspec.DecodeError` for bytes that are not such an object."""
    return _decoder(cast(Any, type_))


def decode_object(body: bytes, type_: type[T]) -> T:
    """The object in an answer's body; a body that is none counts as a broken answer."""
    try:
        return decoder(type_)(body)
    except msgspec.DecodeError as error:
        raise ConnectionFailed(f"unable to decode the server's answer: {error}", sent=True) from error


def _without_nulls(data: bytes, type_: Any) -> Any:
    return msgspec.convert(_strip(msgspec.json.decode(data)), type_)


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strip(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_strip(item) for item in value]
    return value
