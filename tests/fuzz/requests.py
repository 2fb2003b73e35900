"""One request from a seed and a number.

What: `make(documents, seed, number)` always gives the same request for the same arguments, whatever was sent before. Why: a finding
is repeated by its number. Flow: an operation of the documents (or a custom resource, a definition, a policy, or nonsense) →
path, query, headers, body.
"""

# ruff: noqa: E501 - a table is a table
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from kubelite.api import wire
from tests.fuzz import definitions, words
from tests.fuzz.documents import Documents, Operation
from tests.fuzz.samples import right_objects
from tests.fuzz.values import Maker

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
ACCEPTS = [
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    YAML, PROTOBUF, "application/cbor", "text/html", "*/*", "*/*;q=0", "application/json;q=x", ",", ";", "a/b/c", "application/json;as=X;v=v1;g=y",
    "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch", "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "é",
]  # fmt: skip
MEDIA = [
    JSON,
    YAML,
    PROTOBUF,
    "application/cbor",
    "text/plain",
    "",
    "application/json; charset=utf-16",
    "a",
    "application/xml",
    *PATCHES.values(),
]
JSON_OPS = ("add", "replace", "remove", "test", "copy", "move", "x", "")


@dataclass(frozen=True)
class FuzzRequest:
    """What is sent. `target` is the encoded path and query."""

    number: int
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def streams(self) -> bool:
        """Whether the answer may go on for as long as the client listens."""
        return "watch" in self.target or "follow" in self.target

    def shown(self) -> str:
        """For a report: short and readable."""
        return f"#{self.number} {self.method} {self.target[:300]} {self.headers} {self.body[:400]!r}"


def make(documents: Documents, seed: int, number: int) -> FuzzRequest:
    """The request of this number."""
    random = Random(f"{seed}:{number}")
    maker = Maker(documents, random)
    draw = random.random()
    if draw < 0.12:
        method, path, body, media = _custom_resource(random, maker)
        query = _query(random, words.QUERY_NAMES)
    elif draw < 0.14:
        method, path, body, media = (
            random.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "X")),
            _nonsense(random),
            maker.free(3),
            JSON,
        )
        query = _query(random, words.QUERY_NAMES)
    else:
        operation = random.choice(documents.operations)
        method, path = operation.method, _path(operation, random)
        body, media = _body(operation, random, maker)
        query = _query(random, operation.parameters or words.QUERY_NAMES)
        if random.random() < 0.01:
            method = random.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"))
    data, media = _bytes(body, media, random)
    headers = _headers(random, media if data else "")
    if query:
        path += "?" + urlencode(query, doseq=True, errors="surrogatepass")
    return FuzzRequest(
        number, method, path, headers, data if method not in ("GET", "HEAD") or random.random() < 0.05 else b""
    )


def _path(operation: Operation, random: Random) -> str:
    def fill(match: re.Match[str]) -> str:
        if random.random() < 0.03:
            return quote(random.choice(words.BAD_NAMES), safe="")
        choices = words.NAMESPACES if match[1] == "namespace" else words.NAMES
        return str(choices[0] if random.random() < 0.6 else random.choice(choices))

    return re.sub(r"\{(\w+)\}", fill, operation.path)


def _nonsense(random: Random) -> str:
    pieces = ["api", "apis", "v1", "namespaces", "test", "pods", "seeded", "status", "apps", "openapi", "v3", "healthz", "metrics", "..", "", "%00", "%ff", "é", "x" * 3000, "proxy", "watch", "version", "logs", "readyz", "fuzz.example.com", "debug"]  # fmt: skip
    return "/" + "/".join(quote(random.choice(pieces), safe="%") for _ in range(random.randint(0, 7)))


def _query(random: Random, names: Any) -> list[tuple[str, str]]:
    count = random.choice((0, 0, 0, 1, 1, 2, 3, 6))
    found = []
    for _ in range(count):
        name = (
            random.choice(tuple(names))
            if random.random() < 0.95
            else random.choice(("x", "", "é", "container", "command", "path"))
        )
        choices = words.OF_FIELD.get(name, ["", "x", "1", "true"])
        found.append(
            (name, str(random.choice(choices)) if random.random() < 0.9 else str(random.choice(words.ABSURD))[:2000])
        )
    return found


def _headers(random: Random, media: str) -> dict[str, str]:
    headers = {"content-type": media} if media else {}
    draw = random.random()
    if draw < 0.25:
        headers["accept"] = random.choice(ACCEPTS)
    elif draw < 0.27:
        headers["accept-encoding"] = "gzip"
    elif draw < 0.30:
        headers["content-type"] = random.choice(MEDIA)
    elif draw < 0.31:
        headers["authorization"] = random.choice(
            ("", "Bearer", "Bearer x.y.z", "Basic eA==", "Bearer " + "e30." * 3, "é")
        )
    elif draw < 0.33:
        headers["impersonate-user"] = random.choice(
            ("a", "system:node:seeded", "system:serviceaccount:test:default", "system:serviceaccount:x", "")
        )
    elif draw < 0.335:
        headers[random.choice(("impersonate-group", "impersonate-uid", "impersonate-extra-%zz"))] = "x"
    elif draw < 0.34:
        headers["content-encoding"] = random.choice(("gzip", "br", "x"))
    elif draw < 0.345:
        headers["upgrade"], headers["connection"] = random.choice(
            (("websocket", "upgrade"), ("SPDY/3.1", "Upgrade"), ("x", "upgrade"))
        )
    return headers


def _body(operation: Operation, random: Random, maker: Maker) -> tuple[Any, str]:
    """The document and its media type."""
    if operation.method == "GET":
        return None, ""
    if operation.method == "PATCH":
        return _patch(operation, random, maker)
    if operation.method == "DELETE":
        options = maker.value(maker.documents.schema(operation.schema)) if random.random() < 0.4 else None
        return options, JSON
    document = _document(operation, random, maker)
    draw = random.random()
    if draw < 0.45:
        document = maker.damage(document)
    return document, JSON if random.random() < 0.8 else random.choice((YAML, PROTOBUF))


def _collection(path: str) -> str:
    return path.partition("/{name}")[0]


def _document(operation: Operation, random: Random, maker: Maker) -> Any:
    """A right object of the operation's kind, or one made from its schema."""
    known = right_objects().get(_collection(operation.path), ())
    if (
        known
        and operation.subresource in ("", "status", "finalize", "resize", "ephemeralcontainers")
        and random.random() < 0.5
    ):
        document = json.loads(json.dumps(random.choice(known)))
        if random.random() < 0.8 and "." not in document["metadata"]["name"]:
            document["metadata"]["name"] = words.NAMES[0] if random.random() < 0.5 else random.choice(words.NAMES)
        extra = random.random()
        if extra < 0.3:
            other = maker.value(maker.documents.schema(operation.schema))
            if isinstance(other, dict):
                document = {**other, **document}
                if isinstance(other.get("spec"), dict) and isinstance(document.get("spec"), dict):
                    document["spec"] = {**other["spec"], **document["spec"]}
        return document
    schema = maker.documents.of_kind(operation.api_version, operation.kind) or operation.schema
    document = maker.value(maker.documents.schema(schema))
    if isinstance(document, dict) and random.random() < 0.95:
        document["apiVersion"], document["kind"] = operation.api_version, operation.kind
        if not isinstance(document.get("metadata"), dict) or random.random() < 0.8:
            document["metadata"] = {"name": words.NAMES[0] if random.random() < 0.5 else random.choice(words.NAMES)}
    return document


def _patch(operation: Operation, random: Random, maker: Maker) -> tuple[Any, str]:
    kind = random.choice(tuple(PATCHES))
    document = _document(operation, random, maker)
    if random.random() < 0.5:
        document = maker.damage(document)
    if kind == "json":
        return _json_patch(document, random, maker), PATCHES[kind]
    if kind == "apply":
        return document, PATCHES[kind]
    if isinstance(document, dict) and random.random() < 0.7:
        wanted = random.sample(sorted(document), min(len(document), random.randint(0, 2)))
        document = {name: document[name] for name in wanted}
    if kind == "strategic" and isinstance(document, dict) and random.random() < 0.3:
        document = _directives(document, random)
    return document, PATCHES[kind]


def _directives(document: Any, random: Random) -> Any:
    """Strategic directives at random places."""
    if isinstance(document, dict):
        out = {key: _directives(value, random) for key, value in document.items()}
        if random.random() < 0.3:
            key = random.choice(
                (
                    "$patch",
                    "$retainKeys",
                    *(f"$setElementOrder/{name}" for name in out),
                    *(f"$deleteFromPrimitiveList/{name}" for name in out),
                )
            )
            out[key] = random.choice(("delete", "replace", "merge", "x", [], ["a"], [{"name": "c"}], None, 1, {}))
        return out
    return [_directives(one, random) for one in document] if isinstance(document, list) else document


def _json_patch(document: Any, random: Random, maker: Maker) -> Any:
    if random.random() < 0.05:
        return maker.absurd()
    paths = ["", "/", "/metadata", "/metadata/labels/a", "/metadata/labels", "/spec", "/spec/x~1y", "/spec/a~2", "/metadata/finalizers/-", "/metadata/finalizers/0", "/spec/containers/0/image", "/spec/containers/-1", "/spec/containers/99999999999999999999", "x", "/metadata/name", "/metadata/uid", "/apiVersion", "/kind", "/status"]  # fmt: skip
    paths += [f"/{key}" for key in document] if isinstance(document, dict) else []
    steps = []
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        value = (
            document.get(random.choice(sorted(document)))
            if isinstance(document, dict) and document and random.random() < 0.5
            else maker.absurd()
        )
        step = {
            "op": random.choice(JSON_OPS[:6]) if random.random() < 0.9 else random.choice(JSON_OPS),
            "path": random.choice(paths),
            "from": random.choice(paths),
            "value": value,
        }
        steps.append({key: step[key] for key in step if random.random() < 0.95})
    return steps


def _custom_resource(random: Random, maker: Maker) -> tuple[str, str, Any, str]:
    draw = random.random()
    if draw < 0.2:
        body = definitions.definition(random, maker)
        if random.random() < 0.3:
            return "PATCH", f"{definitions.CRDS}/{body['metadata']['name']}", body, PATCHES["merge"]
        return "POST", definitions.CRDS, maker.damage(body) if random.random() < 0.2 else body, JSON
    if draw < 0.3:
        body = definitions.policy(random)
        return "POST", definitions.POLICIES, maker.damage(body) if random.random() < 0.2 else body, JSON
    if draw < 0.35:
        return "POST", definitions.BINDINGS, definitions.binding(random), JSON
    if draw < 0.38:
        return "DELETE", random.choice((definitions.CRDS, definitions.POLICIES, definitions.BINDINGS)), None, JSON
    plural = random.choice(definitions.PLURALS)
    body = definitions.custom(random, maker, plural)
    if random.random() < 0.4:
        body = maker.damage(body)
    path = f"/apis/{definitions.GROUP}/{random.choice(('v1', 'v1', 'v1', 'v2'))}/namespaces/test/{plural}"
    method = random.choice(("GET", "POST", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE"))
    if method in ("PUT", "PATCH") or random.random() < 0.2:
        path += f"/{random.choice(words.NAMES)}" + random.choice(("", "", "", "/status", "/scale"))
    if method == "PATCH":
        kind = random.choice(tuple(PATCHES))
        return method, path, _json_patch(body, random, maker) if kind == "json" else body, PATCHES[kind]
    return method, path, body, JSON if random.random() < 0.9 else YAML


def _bytes(document: Any, media: str, random: Random) -> tuple[bytes, str]:
    """The body as sent: mostly the document, at times something that no reader wants."""
    if document is None and not media:
        return b"", ""
    draw = random.random()
    if media == PROTOBUF:
        try:
            data = wire.encode(document)
        except Exception:  # noqa: BLE001 - what cannot be written as protobuf goes as JSON under its name
            data = json.dumps(document).encode()
        return (_scratched(data, random) if draw < 0.3 else data), media
    if media in (YAML, PATCHES["apply"]) and draw < 0.5:
        try:
            data = yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass")
        except yaml.YAMLError:
            data = json.dumps(document).encode()
    else:
        data = b"" if document is None else json.dumps(document).encode()
    if draw > 0.95:
        data = _twisted(data, random)
    elif draw > 0.93:
        data = _scratched(data, random)
    return data, media


def _scratched(data: bytes, random: Random) -> bytes:
    """A few wrong bytes, or too few."""
    out = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if out:
            at = random.randrange(len(out))
            draw = random.random()
            if draw < 0.5:
                out[at] = random.randrange(256)
            elif draw < 0.8:
                out[at:at] = random.randbytes(random.randint(1, 4))
            else:
                del out[at:]
    return bytes(out)


def _twisted(data: bytes, random: Random) -> bytes:
    """Texts that are hard for readers of JSON and YAML."""
    draw = random.randrange(9)
    if draw == 0:
        return data.replace(b"{", b'{"metadata":{"name":"twice"},"spec":null,', 1)
    if draw == 1:
        return re.sub(rb": \d+", lambda _: b": 1e99999", data, count=1)
    if draw == 2:
        return re.sub(rb": \"", lambda _: b': "\\ud800', data, count=1)
    if draw == 3:
        depth = random.choice((50, 500, 5000, 100000))
        return b'{"metadata":' * depth + b"1" + b"}" * depth
    if draw == 4:
        return b"[" * random.choice((100, 20000)) + data
    if draw == 5:
        return b"a: &a [x,x,x,x]\n" + b"".join(
            b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n" % (98 + n, 98 + n, *(97 + n,) * 6) for n in range(9)
        )
    if draw == 6:
        return b"!!python/object/apply:os.system ['true']\n--- \n" + data
    if draw == 7:
        return b"\xef\xbb\xbf" + data
    return re.sub(rb": \d+", lambda _: b": " + b"9" * random.choice((20, 400, 5000)), data, count=2)
