"""The version 2 document of everything, put together of parts: the built-in kinds, each group version of custom resources, each
extension server.

What: `Whole` keeps the parts in both forms and answers. Why: making all of it takes a tenth of a second of the loop in which
every request waits, and with each definition only one small part changes. Flow: scheme and extensions → parts, kept as long as
what they are made of stays → names that are taken → pieces → one gzip file. A path or definition that is there already stays:
other servers' definitions with the same name and another content get names of their own.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from kubelite.apiserver.openapi.pieces import Piece, assemble, piece
from kubelite.machinery.kind import Kind


class Content(NamedTuple):
    """What a part brings."""

    paths: Mapping[str, Any]
    definitions: Mapping[str, Any]


class Taken(NamedTuple):
    """Names of earlier parts: paths, and definitions with the hash of their content."""

    paths: set[str]
    definitions: dict[str, int]


class Form(NamedTuple):
    """A part as it stands in the document."""

    paths: Piece
    definitions: Piece


class Part:
    """`digest` names what it is made of, `make` gives its content beside what is taken."""

    def __init__(self, digest: bytes, make: Callable[[Taken], Content]) -> None:
        self.digest = digest
        self._make = make
        self._names: tuple[frozenset[str], dict[str, int]] | None = None
        self._forms: dict[bool, Form] = {}

    def form(self, taken: Taken, *, protobuf: bool) -> Form:
        """The part, made if need be; its names are taken from now on."""
        found = self._forms.get(protobuf)
        if found is None or self._names is None:
            content = self._make(taken)
            self._names = frozenset(content.paths), {name: mark(one) for name, one in content.definitions.items()}
            found = self._forms[protobuf] = _in_protobuf(content) if protobuf else _in_json(content)
        taken.paths.update(self._names[0])
        taken.definitions.update(self._names[1])
        return found


def mark(definition: Any) -> int:
    """Equal for equal definitions, within this process."""
    return hash(msgspec.json.encode(definition, order="sorted"))


def _in_json(content: Content) -> Form:
    return Form(*(piece(msgspec.json.encode(dict(sorted(one.items())))[1:-1]) for one in content))


def _in_protobuf(content: Content) -> Form:
    from kubelite.apiserver.openapi import protobuf

    paths, definitions = protobuf.encode_parts(content.paths, content.definitions)
    return Form(piece(paths), piece(definitions))


class Whole:
    """`head` is everything but paths and definitions."""

    def __init__(self, head: Mapping[str, Any], parts: Sequence[Part]) -> None:
        self._head = head
        self._parts = parts
        digest = hashlib.sha512()
        for part in parts:
            digest.update(part.digest)
        self.hash = digest.hexdigest().upper()
        self._packed: dict[bool, bytes] = {}

    def packed(self, *, protobuf: bool) -> bytes:
        """The document, compressed (gzip)."""
        found = self._packed.get(protobuf)
        if found is None:
            taken = Taken(set(), {})
            forms = [part.form(taken, protobuf=protobuf) for part in self._parts]
            pieces = self._protobuf(forms) if protobuf else self._json(forms)
            found = self._packed[protobuf] = assemble(pieces)
        return found

    def _json(self, forms: Sequence[Form]) -> Iterator[Piece]:
        yield piece(b'{"swagger":' + msgspec.json.encode(self._head["swagger"]) + b',"paths":{')
        yield from _with_commas([one.paths for one in forms])
        yield piece(b'},"definitions":{')
        yield from _with_commas([one.definitions for one in forms])
        rest = {key: value for key, value in self._head.items() if key != "swagger"}
        yield piece(b"}," + msgspec.json.encode(rest)[1:])

    def _protobuf(self, forms: Sequence[Form]) -> Iterator[Piece]:
        from kubelite.apiserver.openapi import protobuf

        paths, definitions = [one.paths for one in forms], [one.definitions for one in forms]
        before, between, after = protobuf.encode_frame(
            self._head, sum(one.size for one in paths), sum(one.size for one in definitions)
        )
        yield from (piece(before), *paths, piece(between), *definitions, piece(after))


def _with_commas(pieces: Sequence[Piece]) -> Iterator[Piece]:
    comma, started = piece(b","), False
    for one in pieces:
        if one.size:
            if started:
                yield comma
            yield one
            started = True


# -- what parts are made of


def built_in(kinds: Sequence[Kind], digest: bytes) -> Part:
    """The part of the kinds that never change."""

    def make(taken: Taken) -> Content:
        from kubelite.apiserver.openapi.documents import v2_content

        return Content(*v2_content(kinds))

    return Part(digest, make)


def custom(kinds: Sequence[Kind], digest: bytes) -> Part:
    """The part of one group version of custom resources."""

    def make(taken: Taken) -> Content:
        from kubelite.apiserver.openapi.documents import v2_content

        paths, definitions = v2_content(kinds)
        return Content(paths, {name: one for name, one in definitions.items() if name not in taken.definitions})

    return Part(digest, make)


def foreign(packed: bytes, digest: bytes) -> Part:
    """The part that another server gave, `packed` with gzip."""

    def make(taken: Taken) -> Content:
        from kubelite.apiserver.aggregator.learned import beside

        return Content(*beside(msgspec.json.decode(gzip.decompress(packed)), taken.paths, taken.definitions, mark))

    return Part(digest, make)
