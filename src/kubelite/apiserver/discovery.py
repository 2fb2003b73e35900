"""What this server serves, for clients to find out: /api, /apis, every group and version, and all of it in one document.

What: documents derived from the scheme, built when first asked for and kept as bytes with their ETags until kinds come or
go. Why: every client starts here. Flow: `path_handlers(config, registry)` → handlers by path; `Accept` decides between the
plain and the aggregated form. Sources:
apiserver/pkg/endpoints/discovery (plain, aggregated); priorities of groups:
pkg/controlplane/apiserver and cmd/kube-apiserver/app/aggregator.go.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Any, Protocol

import msgspec

from kubelite.apiserver.aggregator import NOBODY, Published, priorities
from kubelite.apiserver.config import Config
from kubelite.apiserver.handlers import negotiate
from kubelite.apiserver.handlers.read import body_response
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind, Subresource
from kubelite.machinery.scheme import Scheme

AGGREGATED = ("v2", "v2beta1")


class Foreign(Protocol):
    """A group version that another server serves, as its documents say."""

    @property
    def fresh(self) -> bool:
        """What is known is its present state."""

    @property
    def learned(self) -> Any:
        """With `resources`, as the aggregated document lists them."""


class Extension(Protocol):
    """Where such a group version stands among the others."""

    @property
    def group(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def group_priority(self) -> int: ...

    @property
    def version_priority(self) -> int: ...

    @property
    def remote(self) -> Any: ...


Served = list[Kind] | Foreign
Groups = dict[str, dict[str, Served]]


def groups_of(scheme: Scheme, extensions: Iterable[Extension] = ()) -> dict[str, dict[str, Any]]:
    """group → version → served kinds (or what another server has), in the order in which clients should prefer them."""
    found: Groups = {}
    ranks: dict[str, int] = {}
    places: dict[tuple[str, str], int] = {}
    for kind in scheme:
        if kind.verbs:
            kinds = found.setdefault(kind.group, {}).setdefault(kind.version, [])
            if isinstance(kinds, list):
                kinds.append(kind)
            ranks[kind.group] = priorities.group_priority(kind.group)
            places[kind.group, kind.version] = priorities.version_priority(kind.group, kind.version)
    for one in extensions:
        found.setdefault(one.group, {})[one.version] = one.remote
        ranks[one.group] = max(ranks.get(one.group, 0), one.group_priority)
        places[one.group, one.version] = one.version_priority
    return {
        group: {
            version: _in_order(found[group][version])
            for version in sorted(found[group], key=lambda name: priorities.version_key(name, places[group, name]))
        }
        for group in sorted(found, key=lambda name: priorities.group_key(name, ranks[name]))
    }


def _in_order(served: Served) -> Served:
    return sorted(served, key=lambda kind: kind.plural) if isinstance(served, list) else served


def _group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


# -- the plain documents


def resource_list(group: str, version: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    """The APIResourceList of one group version."""
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        rows.append(_resource(kind))
        rows += [_subresource(kind, sub) for sub in sorted(kind.subresources, key=lambda sub: sub.name)]
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if group else {}),
        "groupVersion": _group_version(group, version),
        "resources": rows,
    }


def _resource(kind: Kind) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular_name,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if kind.stored or kind.stored_as is not None:
        stored = kind.storage_kind
        text = f"{stored.group}/{stored.version}/{stored.kind}"
        row["storageVersionHash"] = base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
    return row


def _subresource(kind: Kind, sub: Subresource) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"{kind.plural}/{sub.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": sub.kind or kind.kind,
        "verbs": sorted(sub.verbs),
    }
    if sub.version:
        row["group"], row["version"] = sub.group, sub.version
    return row


def group_document(group: str, versions: Iterable[str]) -> dict[str, Any]:
    """The APIGroup of one group."""
    rows = [{"groupVersion": _group_version(group, version), "version": version} for version in versions]
    return {"name": group, "versions": rows, "preferredVersion": rows[0]}


# -- the aggregated documents


def aggregated(version: str, groups: Mapping[str, Mapping[str, Served]]) -> dict[str, Any]:
    """The APIGroupDiscoveryList (`version` v2 or v2beta1) of some groups."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [_aggregated_version(one, served) for one, served in versions.items()],
            }
            for group, versions in groups.items()
        ],
    }


def _aggregated_version(version: str, served: Served) -> dict[str, Any]:
    if isinstance(served, list):
        resources = [_aggregated_resource(kind) for kind in served]
        return {"version": version, "resources": resources, "freshness": "Current"}
    shown: dict[str, Any] = {"version": version}
    if served.learned.resources:
        shown["resources"] = served.learned.resources
    return {**shown, "freshness": "Current" if served.fresh else "Stale"}


def _place(kind: Kind) -> dict[str, str]:
    """Custom resources name their group and version, built-in kinds leave it to what is around them."""
    return {"group": kind.group, "version": kind.version} if kind.custom is not None else {"group": "", "version": ""}


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    row: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {**_place(kind), "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular_name,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if kind.subresources:
        row["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    **(_place(kind) if not sub.version else {"group": sub.group, "version": sub.version}),
                    "kind": sub.kind or kind.kind,
                },
                "verbs": sorted(sub.verbs),
            }
            for sub in sorted(kind.subresources, key=lambda sub: sub.name)
        ]
    return row


# -- serving


class Document:
    """A JSON document that is made on first use and kept, with the hash that names its content."""

    def __init__(self, make: Callable[[], Any], content_type: str = "application/json") -> None:
        self._make = make
        self.content_type = content_type

    @cached_property
    def body(self) -> bytes:
        return msgspec.json.encode(self._make())

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha512(self.body).hexdigest().upper()}"'

    def answer(self, request: Request, *, tagged: bool = False) -> Response:
        """The document; with `tagged`, 304 for a client that has it."""
        if not tagged:
            if self.content_type == "application/json":
                return self._in_form(request)
            return Response(200, self.body, self.content_type, (("Cache-Control", "no-cache, private"),))
        headers = (("ETag", self.etag), ("Vary", "Accept"), ("Cache-Control", "public"))
        if self.etag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
            return Response(304, b"", self.content_type, headers)
        return Response(200, self.body, self.content_type, headers)

    def _in_form(self, request: Request) -> Response:
        """As JSON, YAML or protobuf. Raises StatusError 406 for a client that takes none of them."""
        wanted = negotiate.choose(request.headers.get("accept", ""), tables=False)
        headers = (("Cache-Control", "no-cache, private"),)
        if wanted.protobuf:
            from kubelite.api import wire

            body = wire.encode({"apiVersion": "v1", **msgspec.json.decode(self.body)})
            return Response(200, body, negotiate.PROTOBUF, headers)
        return body_response(self.body, yaml=wanted.yaml)


def _negotiated(plain: Document, forms: Mapping[str, Document]) -> Handler:
    """A handler that gives the aggregated form to clients that prefer it."""

    def handle(request: Request) -> Response:
        only_get(request)
        for clause in request.headers.get("accept", "").split(","):
            media, _, rest = clause.partition(";")
            parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
            if media.strip() == "application/json" and parameters.get("as") == "APIGroupDiscoveryList":
                found = forms.get(parameters.get("v", ""))
                if found is not None and parameters.get("g") == "apidiscovery.k8s.io":
                    return found.answer(request, tagged=True)
            elif media.strip() in ("application/json", "*/*", "application/*"):
                break
        return plain.answer(request)

    return handle


def only_get(request: Request) -> None:
    """Raises StatusError 405 for other methods."""
    if request.method not in ("GET", "HEAD"):
        raise errors.path_method_not_allowed()


def _plain(document: Document) -> Handler:
    def handle(request: Request) -> Response:
        only_get(request)
        return document.answer(request)

    return handle


class Discovery:
    """The documents of a scheme, made anew when kinds came or went; each is built when first asked for."""

    def __init__(self, registry: Any, others: Published, address: str) -> None:
        self._registry = registry
        self._others = others
        self._address = address
        self._generation = (-1, -1)
        self._table: dict[str, Handler] = {}

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Any path of /api or /apis that names no resource. Raises StatusError 404."""
        handler = self.table().get(request.path.rstrip("/"))
        if handler is None:
            raise errors.path_not_found()
        return handler(request)

    def table(self) -> Mapping[str, Handler]:
        """Path → handler, for the kinds that there are now."""
        scheme, others = self._registry.scheme, self._others
        if (scheme.generation, others.generation) != self._generation:
            self._generation = (scheme.generation, others.generation)
            self._table = self._build(groups_of(scheme, others.extensions()))
        return self._table

    def _build(self, groups: dict[str, dict[str, Any]]) -> dict[str, Handler]:
        core, others = {"": groups.get("", {})}, {name: one for name, one in groups.items() if name}
        versions = {
            "kind": "APIVersions",
            "versions": list(core[""]),
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._address}],
        }
        listed = {"kind": "APIGroupList", "apiVersion": "v1"}
        made: dict[str, Handler] = {
            "/api": _negotiated(Document(lambda: versions), _forms(core)),
            "/apis": _negotiated(
                Document(lambda: {**listed, "groups": [group_document(name, one) for name, one in others.items()]}),
                _forms(others),
            ),
        }
        for group, found in groups.items():
            if group:
                made[f"/apis/{group}"] = _plain(Document(partial(_group_alone, group, found)))
            for version, kinds in found.items():
                if not isinstance(kinds, list):
                    continue  # the other server has that document
                path = f"/apis/{group}/{version}" if group else f"/api/{version}"
                made[path] = _plain(Document(partial(resource_list, group, version, kinds)))
        return made


def _group_alone(group: str, versions: Iterable[str]) -> dict[str, Any]:
    return {"kind": "APIGroup", "apiVersion": "v1", **group_document(group, versions)}


def path_handlers(config: Config, registry: Any, others: Published = NOBODY) -> Mapping[str, Handler]:
    """Handlers for every discovery path of the scheme."""
    address = f"{config.advertise_address or config.bind_address}:{config.secure_port}"
    discovery = Discovery(registry, others, address)
    handlers: dict[str, Handler] = dict.fromkeys(("/api", "/api/", "/apis", "/apis/"), discovery.handle)
    return handlers


def index_handler(handlers: Mapping[str, Handler], registry: Any, others: Published = NOBODY) -> Handler:
    """The handler of "/": every path that has one, in order. Source: apiserver/pkg/server/routes/index.go."""
    fixed = {path.rstrip("/") or "/" for path in (*handlers, "/")}

    def document() -> Any:
        found = set(fixed)
        for group, versions in groups_of(registry.scheme, others.extensions()).items():
            root = f"/apis/{group}" if group else "/api"
            found |= {root, *(f"{root}/{version}" for version in versions)}
        found |= {f"/openapi/v3{path}" for path in found if path.count("/") >= (3 if path.startswith("/apis") else 2)}
        return {"paths": sorted(found)}

    def handle(request: Request) -> Response:
        only_get(request)
        return Document(document).answer(request)

    return handle


def _forms(groups: Mapping[str, Mapping[str, Served]]) -> dict[str, Document]:
    return {
        version: Document(
            lambda version=version: aggregated(version, groups),  # type: ignore[misc]
            f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList",
        )
        for version in AGGREGATED
    }
