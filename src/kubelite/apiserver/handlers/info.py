"""What a URL asks for: verb, group, version, resource, subresource, namespace, name.

What: `request_info(request)`. Why: authorization, admission and dispatch decide on these words, not on paths. Flow:
first step of the chain. Pure. Source: apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from kubelite.apiserver.request import Request, RequestInfo
from kubelite.machinery import fields

VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NAMESPACE_SUBRESOURCES = ("status", "finalize")
TRUE = ("true", "1", "True", "TRUE", "t", "T", "")


def request_info(request: Request) -> RequestInfo:
    """The request's info; anything that is no resource path has the lower-case method as its verb."""
    path = request.path
    parts = path.strip("/").split("/")
    other = RequestInfo(path, request.method.lower())
    if "//" in path:
        return other
    if parts[0] == "api":
        if len(parts) < 3:
            return other
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis":
        if len(parts) < 4:
            return other
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return other
    verb = VERBS.get(request.method, request.method.lower())
    if rest[0] in ("watch", "proxy") and len(rest) > 1:
        verb = "watch" if rest[0] == "watch" else "proxy"
        rest = rest[1:]
    info = RequestInfo(path, verb, True, group, version)
    if rest[0] == "namespaces" and len(rest) > 1:
        info.namespace = rest[1]
        if len(rest) > 2 and rest[2] not in NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    info.resource = rest[0]
    if len(rest) > 1:
        info.name = rest[1]
    if len(rest) > 2:
        info.subresource = rest[2]
        info.rest = "/".join(rest[3:])
    if not info.name:
        _collection_verb(info, request)
    return info


def _collection_verb(info: RequestInfo, request: Request) -> None:
    """Without a name, get means list or watch, and delete means deletecollection."""
    if info.verb == "get":
        info.verb = "list"
        if request.raw_query:
            wanted = request.query.get("watch")
            if wanted and wanted[0] in TRUE:
                info.verb = "watch"
    elif info.verb == "delete":
        info.verb = "deletecollection"
    if info.verb in ("list", "watch", "deletecollection") and "fieldSelector" in request.raw_query:
        try:
            name = fields.parse(request.param("fieldSelector")).exact("metadata.name")
        except ValueError:
            return
        if name:
            info.name = name


def is_long_running(info: RequestInfo, request: Request) -> bool:
    """Requests without a time limit: watches and streams to and from nodes."""
    if info.verb in ("watch", "proxy"):
        return True
    if info.subresource in ("attach", "exec", "portforward", "proxy"):
        return True
    return info.subresource == "log" and request.param("follow") in TRUE and "follow" in request.query
