"""Which handler serves a resource request.

What: `Dispatcher.handle`. Why: the verb, the kind's declared verbs and the subresource decide, in one readable place.
Flow: last step of the chain. Subresources and resources without storage come from the tables of `connect` and
`subresources`; the rest is generic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kubelite.api import wire
from kubelite.apiserver.handlers import inprotobuf, negotiate, read, subresources, watch, write
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.request import Request, RequestInfo, ResourceHandlers, Response
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

ResourceHandler = Callable[[Registry, Request, Kind], Response | Awaitable[Response]]

VERBS: dict[str, ResourceHandler] = {
    "get": read.get,
    "list": read.list_,
    "create": write.post,
    "update": write.put,
    "patch": write.patch,
    "delete": write.delete_one,
    "deletecollection": write.delete_collection,
}


def _check_place(info: RequestInfo, kind: Kind) -> None:
    """Whether the kind has the verb where the URL asks for it. Raises StatusError 404 or 405."""
    if not kind.verbs or (not kind.stored and kind.stored_as is None):
        raise errors.path_not_found()
    if info.verb not in kind.verbs:
        raise errors.path_method_not_allowed()
    if info.verb in ("update", "patch") and not info.name:
        raise errors.path_method_not_allowed()
    if (kind.namespaced and info.verb == "create" and not info.namespace) or (info.verb == "create" and info.name):
        raise errors.path_method_not_allowed()
    if info.verb == "deletecollection" and kind.namespaced and not info.namespace:
        raise errors.path_method_not_allowed()
    if not kind.namespaced and info.namespace and kind.plural != "namespaces":
        raise errors.path_not_found()
    if kind.namespaced and not info.namespace and info.name and info.verb not in ("list", "watch", "deletecollection"):
        raise errors.path_not_found()


def _check_protobuf(request: Request, kind: Kind) -> None:
    """Refuses a write whose answer could not be given in the form that is asked for. Raises StatusError 406."""
    info = request.info
    writes = info.verb in ("create", "update", "patch") and info.subresource in ("", "status")
    if writes and inprotobuf.wanted(request) and not wire.message_of(kind.api_version, kind.kind):
        raise errors.not_acceptable(wire.TEXT_TYPES)


CUSTOM_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")


def _check_custom(request: Request, kind: Kind) -> None:
    """What custom resources cannot do. Raises StatusError 405 while the definition goes, 415 for strategic patches."""
    info = request.info
    if info.verb == "patch" and "strategic-merge" in request.headers.get("content-type", ""):
        raise errors.unsupported_media_type(CUSTOM_PATCHES)
    if info.verb == "create" and kind.custom is not None and kind.custom.terminating:
        error = errors.method_not_allowed(kind.group, kind.plural, info.verb)
        error.message = f"{info.verb} not allowed while custom resource definition is terminating"
        raise error


class Dispatcher:
    """`handlers`: (group, resource, subresource) → handler, asked before the generic verbs."""

    def __init__(self, registry: Registry, handlers: ResourceHandlers, minimum_watch_seconds: int) -> None:
        self._registry = registry
        self._handlers = handlers
        self._watch_seconds = minimum_watch_seconds

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Raises StatusError 404 for what does not exist, 405 for what it cannot do."""
        info = request.info
        kind = self._registry.scheme.by_resource(info.group, info.version, info.resource)
        if kind is None or (info.rest and (info.group, info.resource, info.subresource) not in self._handlers):
            raise errors.path_not_found()
        if kind.custom is not None:
            _check_custom(request, kind)
        elif request.method == "HEAD" and info.subresource != "proxy":
            raise errors.path_method_not_allowed()  # routes of built-in kinds name their methods, upstream too
        special = self._handlers.get((info.group, info.resource, info.subresource))
        if special is not None and not info.subresource and kind.verbs and info.verb not in kind.verbs:
            raise errors.path_method_not_allowed()
        _check_protobuf(request, kind)
        if kind.deprecation:
            request.warnings.append(kind.deprecation)
        if special is not None:
            if info.verb == "create" and not info.subresource:
                negotiate.choose(request.headers.get("accept", ""), tables=False)
            return special(request)
        if info.subresource:
            return self._subresource(request, kind)
        _check_place(info, kind)
        if info.verb == "watch":
            return watch.watch(self._registry, request, kind, self._watch_seconds)
        return VERBS[info.verb](self._registry, request, kind)

    def serves(self, info: RequestInfo) -> bool:
        """Whether there is such a resource, or it is a path outside of them."""
        if not info.is_resource:
            return True
        kind = self._registry.scheme.by_resource(info.group, info.version, info.resource)
        known = kind is not None and (
            not info.subresource or any(s.name == info.subresource for s in kind.subresources)
        )
        return known or (info.group, info.resource, info.subresource) in self._handlers

    def _subresource(self, request: Request, kind: Kind) -> Response | Awaitable[Response]:
        info = request.info
        declared = next((s for s in kind.subresources if s.name == info.subresource), None)
        if declared is None:
            raise errors.path_not_found()
        if info.verb not in declared.verbs:
            raise errors.path_method_not_allowed()
        handler = subresources.HANDLERS.get(info.subresource, subresources.unsupported)
        return handler(self._registry, request, kind)
