"""What an extension API server says of itself: its resources, and their description in the OpenAPI format.

What: `learn` asks for the documents of one group version, `resources_of_list` and `beside` bring them into the form in which
this server publishes them. Why: clients find out about extension servers where they find out about everything else. Flow:
`remote` calls it whenever the server was found available, about once a minute; what cannot be learned keeps its last
state and is shown as stale. Sources: apiserver/pkg/endpoints/discovery/aggregated, kube-aggregator/pkg/apiserver/
handler_discovery.go, kube-aggregator/pkg/controllers/openapi{,v3}.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api.types.apiregistration_v1 import APIServiceSpec
from kubelite.apiserver.aggregator.availability import discovery_path
from kubelite.apiserver.aggregator.backend import Answer, Backend, Unreachable

SECONDS = 10.0
AGGREGATED = ", ".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


@dataclass(slots=True)
class Learned:
    """The documents of one group version. Hashes and bytes are empty as long as nothing was learned."""

    resources: tuple[dict[str, Any], ...] = ()
    """As the aggregated discovery document lists them."""
    v3: bytes = b""
    """Compressed (gzip)."""
    v3_hash: str = ""
    v2: bytes = b""
    """Compressed (gzip): the paths and definitions of this group version alone."""
    v2_hash: str = ""


async def learn(spec: APIServiceSpec, backend: Backend, listed: bytes, known: Learned) -> Learned:
    """Everything anew; `listed` is the plain resource list. Raises Unreachable if even the resources cannot be learned."""
    found = await _aggregated(spec, backend)
    resources = found if found is not None else resources_of_list(listed)
    v3, v3_hash = await _or_known(_v3(spec, backend, known), (known.v3, known.v3_hash))
    v2, v2_hash = await _or_known(_v2(spec, backend, known), (known.v2, known.v2_hash))
    return Learned(tuple(resources), v3, v3_hash, v2, v2_hash)


async def _or_known(asking: Awaitable[tuple[bytes, str]], known: tuple[bytes, str]) -> tuple[bytes, str]:
    """A schema that cannot be had hides no resources: what is known of it stays."""
    try:
        return await asking
    except (Unreachable, TimeoutError):
        return known


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Unreachable("a document is no JSON") from None
    if not isinstance(found, dict):
        raise Unreachable("a document is no object")
    return found


async def _aggregated(spec: APIServiceSpec, backend: Backend) -> list[dict[str, Any]] | None:
    """The resources from the server's own aggregated document; None if it has none."""
    answer = await backend.ask("/apis", AGGREGATED, SECONDS)
    if answer.status != 200 or "APIGroupDiscoveryList" not in answer.headers.get("content-type", ""):
        return None
    for item in _objects(_decoded(answer.body).get("items")):
        metadata = item.get("metadata")
        if not isinstance(metadata, dict) or metadata.get("name", "") != spec.group:
            continue
        for version in _objects(item.get("versions")):
            if version.get("version") == spec.version:
                return _objects(version.get("resources"))
    return None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def resources_of_list(body: bytes) -> list[dict[str, Any]]:
    """A plain APIResourceList as the aggregated document has its resources. Raises Unreachable if it is none."""
    document = _decoded(body)
    group, _, version = str(document.get("groupVersion", "")).rpartition("/")
    rows: dict[str, dict[str, Any]] = {}
    subresources: list[tuple[str, str, dict[str, Any]]] = []
    for one in _objects(document.get("resources")):
        name, _, sub = str(one.get("name", "")).partition("/")
        response = {
            "group": one.get("group") or group,
            "version": one.get("version") or version,
            "kind": one.get("kind", ""),
        }
        verbs = one.get("verbs") or []
        if sub:
            subresources.append((name, sub, {"subresource": sub, "responseKind": response, "verbs": verbs}))
            continue
        row: dict[str, Any] = {
            "resource": name,
            "responseKind": response,
            "scope": "Namespaced" if one.get("namespaced") else "Cluster",
            "singularResource": one.get("singularName") or str(one.get("kind", "")).lower(),
            "verbs": verbs,
        }
        row.update({key: one[key] for key in ("shortNames", "categories") if one.get(key)})
        rows[name] = row
    for name, _, found in subresources:
        if name in rows:
            rows[name].setdefault("subresources", []).append(found)
    return list(rows.values())


# -- OpenAPI


async def _optional(backend: Backend, target: str) -> Answer | None:
    """A document that a server need not have."""
    answer = await backend.ask(target, "application/json", SECONDS)
    return answer if answer.status == 200 else None


async def _v3(spec: APIServiceSpec, backend: Backend, known: Learned) -> tuple[bytes, str]:
    """The document of the group version and its hash; what is known if its address says that it is the same."""
    index = await _optional(backend, "/openapi/v3")
    if index is None:
        return b"", ""
    paths = _decoded(index.body).get("paths")
    entry = paths.get(discovery_path(spec)[1:]) if isinstance(paths, dict) else None
    url = entry.get("serverRelativeURL") if isinstance(entry, dict) else None
    if not isinstance(url, str) or not url.startswith("/"):
        return b"", ""
    name = hashlib.sha512(url.encode()).hexdigest().upper()
    if "hash=" in url and name == known.v3_hash:
        return known.v3, name
    found = await _optional(backend, url)
    if found is None:
        return b"", ""
    document = gzip.compress(msgspec.json.encode(_decoded(found.body)), 6, mtime=0)
    return document, name if "hash=" in url else hashlib.sha512(document).hexdigest().upper()


async def _v2(spec: APIServiceSpec, backend: Backend, known: Learned) -> tuple[bytes, str]:
    """The part of the server's version 2 document that is about this group version."""
    found = await _optional(backend, "/openapi/v2")
    if found is None:
        return b"", ""
    name = hashlib.sha512(found.body).hexdigest().upper()
    if name == known.v2_hash:
        return known.v2, name
    part = part_of_v2(_decoded(found.body), discovery_path(spec))
    return gzip.compress(msgspec.json.encode(part), 6, mtime=0), name


def part_of_v2(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The paths at and below `path`, with the definitions that they use."""
    paths = document.get("paths")
    definitions = document.get("definitions")
    kept = {
        name: item
        for name, item in (paths.items() if isinstance(paths, dict) else ())
        if name.rstrip("/") == path or name.startswith(f"{path}/")
    }
    source = definitions if isinstance(definitions, dict) else {}
    return {"paths": kept, "definitions": _closure(kept, source)}


REFERENCE = "#/definitions/"


def _closure(start: Any, source: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    todo = list(references(start))
    while todo:
        name = todo.pop()
        if name not in found and name in source:
            found[name] = source[name]
            todo += references(source[name])
    return dict(sorted(found.items()))


def references(value: Any) -> set[str]:
    """Names of the definitions that a value refers to."""
    found: set[str] = set()
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            reference = one.get("$ref")
            if isinstance(reference, str) and reference.startswith(REFERENCE):
                found.add(reference[len(REFERENCE) :])
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return found


def beside(
    part: Mapping[str, Any], paths: Container[str], definitions: Mapping[str, int], mark: Callable[[Any], int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths and definitions of a part that are not there yet. `definitions` have the marks of their contents.

    A path that is there already stays; a definition of the same name with another content gets a name of its own.
    """
    theirs = part["definitions"]
    renamed: dict[str, str] = {}
    for name, content in theirs.items():
        if name in definitions and definitions[name] != mark(content):
            renamed[name] = _free_name(name, {*definitions, *theirs})
    new = {
        renamed.get(name, name): _with_names(content, renamed)
        for name, content in theirs.items()
        if name in renamed or name not in definitions
    }
    return {path: _with_names(item, renamed) for path, item in part["paths"].items() if path not in paths}, new


def _free_name(name: str, taken: Container[str]) -> str:
    number = 2
    while f"{name}_v{number}" in taken:
        number += 1
    return f"{name}_v{number}"


def _with_names(value: Any, renamed: Mapping[str, str]) -> Any:
    """The value with references to the new names."""
    if not renamed:
        return value
    if isinstance(value, dict):
        out = {key: _with_names(one, renamed) for key, one in value.items()}
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(REFERENCE):
            name = reference[len(REFERENCE) :]
            out["$ref"] = REFERENCE + renamed.get(name, name)
        return out
    return [_with_names(one, renamed) for one in value] if isinstance(value, list) else value
