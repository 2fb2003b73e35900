"""The description of the API in the OpenAPI format: /openapi/v2, /openapi/v3 and a document per group version.

`path_handlers` gives the handlers. The hash that names a document is that of what it is made of, so the index costs no
document; documents are built when first asked for and kept compressed (gzip), as nearly all clients take them so. Source:
kube-openapi pkg/handler and pkg/handler3.
"""

from __future__ import annotations

import gzip
import hashlib
import operator
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from email.utils import formatdate
from functools import cached_property, partial
from typing import Any

import msgspec

from kubelite.apiserver.aggregator import NOBODY, Published
from kubelite.apiserver.config import Config
from kubelite.apiserver.openapi import whole
from kubelite.apiserver.openapi.whole import Part, Whole
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

JSON_TYPES = ("application/json", "*/*", "application/*")
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PROTOBUF_ANSWER = PROTOBUF.replace("@", ".")
"""What answers are labelled with: "@" may not stand in a media type, though clients ask with it."""
YEAR_SECONDS = 31536000
YEAR = f"public, max-age={YEAR_SECONDS}, immutable"


class Document:
    """One version 3 document. `make` builds it; `parts` is what it is made of, for its hash."""

    def __init__(self, make: Callable[[], Any], parts: Callable[[], Sequence[bytes]]) -> None:
        self._make = make
        self._parts = parts

    @cached_property
    def hash(self) -> str:
        """The name of this content."""
        digest = hashlib.sha512()
        for part in self._parts():
            digest.update(part)
        return digest.hexdigest().upper()

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(msgspec.json.encode(self._make()), 6, mtime=0)

    def answer(self, request: Request) -> Response:
        """The document, or 304 for a client that has it. Raises StatusError 406 for one that takes no form of it."""
        check_accept(request)
        return packed_answer(request, lambda: self._packed, self.hash, "application/json")


def _headers(request: Request, name: str) -> list[tuple[str, str]]:
    """Whoever asks for a document by its hash may keep it."""
    found = [("ETag", f'"{name}"'), ("Vary", "Accept"), ("Vary", "Accept-Encoding")]
    if request.param("hash") != name:
        return [*found, ("Cache-Control", "no-cache, private")]
    return [*found, ("Cache-Control", YEAR), ("Expires", formatdate(time.time() + YEAR_SECONDS, usegmt=True))]


def packed_answer(request: Request, make: Callable[[], bytes], name: str, content_type: str) -> Response:
    """A document that `make` gives compressed, as the client takes it; 304 for a client that has it."""
    headers = _headers(request, name)
    if f'"{name}"' in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers=headers)
    packed = make()
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(200, packed, content_type, [*headers, ("Content-Encoding", "gzip")])
    return Response(200, gzip.decompress(packed), content_type, headers)


def check_accept(request: Request) -> None:
    """Raises StatusError 406 for a client that takes no JSON: version 3 has no other form here."""
    accept = request.headers.get("accept", "")
    offered = [clause.partition(";")[0].strip() for clause in accept.split(",")]
    if accept and not any(one in JSON_TYPES for one in offered):
        raise errors.not_acceptable(("application/json",))


def _ingredients(kinds: Sequence[Kind]) -> list[bytes]:
    """What documents about these kinds are made of: schema files, texts, schemas of definitions, and what the kinds declare."""
    from kubelite.api import descriptions, enums
    from kubelite.apiserver.openapi.schemas import raw_file

    built_in = [kind for kind in kinds if kind.custom is None]
    modules = sorted({kind.type.__module__.rpartition(".")[2] for kind in built_in} | {"core_v1", "meta_v1"})
    declared = [
        repr((kind.api_version, kind.kind, kind.plural, kind.verbs, kind.subresources)).encode() for kind in kinds
    ]
    defined = [kind.custom.digest for kind in kinds if kind.custom is not None]
    return [*(raw_file(module) for module in modules), enums.raw(), descriptions.digest(), *declared, *defined]


class Foreign:
    """The version 3 document of a group version that another server serves."""

    def __init__(self, packed: bytes, name: str) -> None:
        self._packed = packed
        self.hash = name

    def answer(self, request: Request) -> Response:
        """As `Document.answer`."""
        return packed_answer(request, lambda: self._packed, self.hash, "application/json")


_Parts = dict[Hashable, tuple[Sequence[Any], Part]]


class Documents:
    """The documents of a scheme. When kinds come or go, those of other group versions stay as they are."""

    def __init__(self, registry: Any, others: Published) -> None:
        self._registry = registry
        self._others = others
        self._generation = (-1, -1)
        self._v3: dict[str, tuple[tuple[int, ...], Document | Foreign]] = {}
        self._v2: _Parts = {}
        """The parts of the version 2 document, with what they are made of."""
        self._whole: Whole | None = None
        self._index = b""

    def _refresh(self) -> None:
        scheme = self._registry.scheme
        if (scheme.generation, self._others.generation) == self._generation:
            return
        self._generation = (scheme.generation, self._others.generation)
        groups: dict[str, list[Kind]] = {}
        for kind in scheme:
            if kind.verbs:
                path = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
                groups.setdefault(path, []).append(kind)
        before, self._v3 = self._v3, {}
        for path, kinds in sorted(groups.items()):
            same = tuple(id(kind) for kind in kinds)
            known = before.get(path)
            self._v3[path] = known if known is not None and known[0] == same else (same, _v3(kinds))
        for one in self._others.extensions():
            path = f"apis/{one.group}/{one.version}" if one.group else f"api/{one.version}"
            self._v3.pop(path, None)
            learned = one.remote.learned
            if learned.v3 and one.remote.available:
                self._v3[path] = ((), Foreign(learned.v3, learned.v3_hash))
        self._v3 = dict(sorted(self._v3.items()))
        self._whole, self._index = None, b""

    def v2(self, request: Request) -> Response:
        """/openapi/v2."""
        self._refresh()
        if self._whole is None:
            from kubelite.apiserver.openapi.documents import V2_HEAD

            self._whole = Whole(V2_HEAD, self._parts())
        known = self._whole
        binary = PROTOBUF in request.headers.get("accept", "")
        if not binary:
            check_accept(request)
        content_type = PROTOBUF_ANSWER if binary else "application/json"
        return packed_answer(request, lambda: known.packed(protobuf=binary), known.hash, content_type)

    def _parts(self) -> list[Part]:
        """The parts of the version 2 document. Those that nothing happened to are the same as before."""
        kinds = [kind for kind in self._registry.scheme if kind.verbs]
        groups: dict[Hashable, list[Any]] = {"": [kind for kind in kinds if kind.custom is None]}
        for kind in kinds:
            if kind.custom is not None:
                groups.setdefault((kind.group, kind.version), []).append(kind)
        before, self._v2 = self._v2, {}
        for key, found in groups.items():
            self._keep(before, key, found, partial(_part_of, found))
        for one in self._others.extensions():
            learned = one.remote.learned
            if one.remote.available and learned.v2:
                made_of = [*(part for _, part in self._v2.values()), learned.v2]  # its names depend on theirs
                make = partial(whole.foreign, learned.v2, learned.v2_hash.encode())
                self._keep(before, (one.group, one.version, "foreign"), made_of, make)
        return [part for _, part in self._v2.values()]

    def _keep(self, before: _Parts, key: Hashable, made_of: Sequence[Any], make: Callable[[], Part]) -> None:
        """Takes a part over if it was made of the same things, else makes it."""
        known = before.get(key)
        same = known is not None and len(known[0]) == len(made_of) and all(map(operator.is_, known[0], made_of))
        self._v2[key] = known if known is not None and same else (made_of, make())

    def index(self, request: Request) -> Response:
        """/openapi/v3."""
        check_accept(request)
        self._refresh()
        if not self._index:
            paths = {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.hash}"}
                for path, (_, document) in self._v3.items()
            }
            self._index = msgspec.json.encode({"paths": paths})
        etag = f'"{hashlib.sha512(self._index).hexdigest().upper()}"'
        headers = (("ETag", etag), ("Vary", "Accept"), ("Cache-Control", "no-cache, private"))
        if etag in request.headers.get("if-none-match", ""):
            return Response(304, b"", headers=headers)
        return Response(200, self._index, headers=headers)

    def v3(self, request: Request) -> Response:
        """/openapi/v3/PATH. Raises StatusError 404."""
        self._refresh()
        found = self._v3.get(request.path.removeprefix("/openapi/v3/").rstrip("/"))
        if found is None:
            raise errors.path_not_found()
        return found[1].answer(request)


def _part_of(kinds: Sequence[Kind]) -> Part:
    """The part of the version 2 document that is about built-in kinds, or about a group version of custom resources."""
    digest = hashlib.sha512(b"".join(_ingredients(kinds))).digest()
    built_in = not kinds or kinds[0].custom is None
    return (whole.built_in if built_in else whole.custom)(kinds, digest)


def path_handlers(config: Config, registry: Any, others: Published = NOBODY) -> Mapping[str, Handler]:
    """Handlers for both versions. `others`: what other servers serve."""
    documents = Documents(registry, others)
    return {"/openapi/v2": documents.v2, "/openapi/v3": documents.index, "/openapi/v3/": documents.v3}


def _v3(kinds: Sequence[Kind]) -> Document:
    def make() -> Any:
        from kubelite.apiserver.openapi.documents import v3_document

        return v3_document(kinds)

    return Document(make, lambda: _ingredients(kinds))
