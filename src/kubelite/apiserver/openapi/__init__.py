"""The description of the API in the OpenAPI format: /openapi/v2, /openapi/v3 and a document per group version.

`path_handlers` gives the handlers. The hash that names a document is that of what it is made of, so the index costs no document;
documents are built when first asked for and kept compressed (gzip), as nearly all clients take them so.
Source: kube-openapi pkg/handler and pkg/handler3.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

JSON_TYPES = ("application/json", "*/*", "application/*")
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
PROTOBUF_ANSWER = PROTOBUF.replace("@", ".")
"""What answers are labelled with: "@" may not stand in a media type, though clients ask with it."""
YEAR = "public, max-age=31536000, immutable"


class Document:
    """One document. `make` builds it; `parts` is what it is made of, for its hash."""

    def __init__(
        self, make: Callable[[], Any], parts: Callable[[], Sequence[bytes]], *, protobuf: bool = False
    ) -> None:
        self._make = make
        self._parts = parts
        self._protobuf = protobuf

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

    @cached_property
    def _packed_protobuf(self) -> bytes:
        from kubelite.apiserver.openapi import protobuf

        return gzip.compress(protobuf.encode(self._make()), 6, mtime=0)

    def answer(self, request: Request) -> Response:
        """The document, or 304 for a client that has it. Raises StatusError 406 for one that takes no form of it."""
        binary = self._protobuf and PROTOBUF in request.headers.get("accept", "")
        content_type = PROTOBUF_ANSWER if binary else "application/json"
        if not binary:
            check_accept(request)
        headers = [("ETag", f'"{self.hash}"'), ("Vary", "Accept"), ("Vary", "Accept-Encoding")]
        if request.param("hash") == self.hash:
            headers.append(("Cache-Control", YEAR))
        else:
            headers.append(("Cache-Control", "no-cache, private"))
        if f'"{self.hash}"' in request.headers.get("if-none-match", ""):
            return Response(304, b"", headers=headers)
        packed = self._packed_protobuf if binary else self._packed
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
    """What documents about these kinds are made of: schema files, and what the kinds declare."""
    from kubelite.apiserver.openapi.schemas import raw_file

    modules = sorted({kind.type.__module__.rpartition(".")[2] for kind in kinds} | {"core_v1", "meta_v1"})
    declared = [
        repr((kind.api_version, kind.kind, kind.plural, kind.verbs, kind.subresources)).encode() for kind in kinds
    ]
    return [*(raw_file(module) for module in modules), *declared]


def path_handlers(config: Config, registry: Any) -> Mapping[str, Handler]:
    """Handlers for both versions."""
    served = [kind for kind in registry.scheme if kind.verbs]
    groups: dict[str, list[Kind]] = {}
    for kind in served:
        path = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
        groups.setdefault(path, []).append(kind)
    documents = {path: _v3(kinds) for path, kinds in sorted(groups.items())}

    def everything() -> Any:
        from kubelite.apiserver.openapi.documents import v2_document

        return v2_document(served)

    whole = Document(everything, lambda: _ingredients(served), protobuf=True)
    index: list[bytes] = []

    def show_index(request: Request) -> Response:
        check_accept(request)
        if not index:
            paths = {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.hash}"}
                for path, document in documents.items()
            }
            index.append(msgspec.json.encode({"paths": paths}))
        etag = f'"{hashlib.sha512(index[0]).hexdigest().upper()}"'
        headers = (("ETag", etag), ("Vary", "Accept"), ("Cache-Control", "no-cache, private"))
        if etag in request.headers.get("if-none-match", ""):
            return Response(304, b"", headers=headers)
        return Response(200, index[0], headers=headers)

    handlers: dict[str, Handler] = {"/openapi/v2": whole.answer, "/openapi/v3": show_index}
    for path, document in documents.items():
        handlers[f"/openapi/v3/{path}"] = document.answer
    return handlers


def _v3(kinds: Sequence[Kind]) -> Document:
    def make() -> Any:
        from kubelite.apiserver.openapi.documents import v3_document

        return v3_document(kinds)

    return Document(make, lambda: _ingredients(kinds))
