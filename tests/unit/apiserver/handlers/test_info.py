"""What a URL asks for."""

from __future__ import annotations

import pytest

from kubelite.apiserver.handlers.info import is_long_running, request_info
from kubelite.apiserver.request import Request

CASES = [
    ("GET", "/api/v1/pods", "", "list", "", "v1", "pods", "", "", ""),
    ("GET", "/api/v1/namespaces/a/pods", "watch=true", "watch", "", "v1", "pods", "", "a", ""),
    ("GET", "/api/v1/namespaces/a/pods/p", "", "get", "", "v1", "pods", "", "a", "p"),
    ("GET", "/api/v1/namespaces/a/pods/p/log", "", "get", "", "v1", "pods", "log", "a", "p"),
    ("GET", "/api/v1/namespaces/a", "", "get", "", "v1", "namespaces", "", "a", "a"),
    ("PUT", "/api/v1/namespaces/a/finalize", "", "update", "", "v1", "namespaces", "finalize", "a", "a"),
    ("GET", "/api/v1/namespaces/a/status", "", "get", "", "v1", "namespaces", "status", "a", "a"),
    ("POST", "/apis/apps/v1/namespaces/a/deployments", "", "create", "apps", "v1", "deployments", "", "a", ""),
    ("PATCH", "/apis/apps/v1/namespaces/a/deployments/d", "", "patch", "apps", "v1", "deployments", "", "a", "d"),
    ("DELETE", "/api/v1/nodes", "", "deletecollection", "", "v1", "nodes", "", "", ""),
    ("DELETE", "/api/v1/nodes/n", "", "delete", "", "v1", "nodes", "", "", "n"),
    ("GET", "/api/v1/watch/pods", "", "watch", "", "v1", "pods", "", "", ""),
    ("GET", "/api/v1/pods", "fieldSelector=metadata.name%3Dp", "list", "", "v1", "pods", "", "", "p"),
    ("HEAD", "/api/v1/nodes/n", "", "get", "", "v1", "nodes", "", "", "n"),
]


@pytest.mark.parametrize(
    ("method", "path", "query", *["verb", "group", "version", "resource", "subresource", "namespace", "name"]), CASES
)
def test_resource_paths(
    method: str,
    path: str,
    query: str,
    verb: str,
    group: str,
    version: str,
    resource: str,
    subresource: str,
    namespace: str,
    name: str,
) -> None:
    info = request_info(Request(method, path, query))
    assert info.is_resource
    found = (info.verb, info.group, info.version, info.resource, info.subresource, info.namespace, info.name)
    assert found == (verb, group, version, resource, subresource, namespace, name)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/version", "//"]
)
def test_other_paths_name_no_resource(path: str) -> None:
    info = request_info(Request("GET", path))
    assert (info.is_resource, info.verb) == (False, "get")


def test_what_follows_a_subresource_is_kept() -> None:
    info = request_info(Request("GET", "/api/v1/namespaces/a/services/s/proxy/x/y"))
    assert (info.subresource, info.rest) == ("proxy", "x/y")


@pytest.mark.parametrize(
    ("path", "query", "long"),
    [
        ("/api/v1/pods", "watch=1", True),
        ("/api/v1/pods", "", False),
        ("/api/v1/namespaces/a/pods/p/exec", "", True),
        ("/api/v1/namespaces/a/pods/p/log", "", False),
        ("/api/v1/namespaces/a/pods/p/log", "follow=true", True),
        ("/api/v1/namespaces/a/pods/p/log", "follow=false", False),
    ],
)
def test_long_running_requests(path: str, query: str, long: bool) -> None:
    request = Request("GET", path, query)
    assert is_long_running(request_info(request), request) is long
