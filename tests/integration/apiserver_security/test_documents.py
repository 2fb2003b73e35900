"""Discovery and OpenAPI as clients fetch them."""

from __future__ import annotations

from tests.apienv import ApiEnv

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_aggregated_discovery_comes_in_one_document_that_can_be_kept(api: ApiEnv) -> None:
    first = await api.get("/apis", headers={"accept": f"{AGGREGATED},application/json"})
    assert first.headers["content-type"] == AGGREGATED
    assert first.json()["kind"] == "APIGroupDiscoveryList"
    again = await api.get("/apis", headers={"accept": AGGREGATED, "if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_plain_discovery_is_the_default(api: ApiEnv) -> None:
    assert (await api.get("/api")).json()["versions"] == ["v1"]
    groups = {group["name"] for group in (await api.get("/apis")).json()["groups"]}
    assert {"apps", "rbac.authorization.k8s.io"} <= groups
    resources = (await api.get("/apis/apps/v1")).json()
    assert resources["groupVersion"] == "apps/v1"
    assert "deployments/scale" in {row["name"] for row in resources["resources"]}
    assert (await api.get("/apis/none.example.org/v1")).status == 404


async def test_the_openapi_index_leads_to_documents(api: ApiEnv) -> None:
    index = (await api.get("/openapi/v3")).json()["paths"]
    document = await api.get(index["api/v1"]["serverRelativeURL"])
    assert document.json()["openapi"] == "3.0.0"
    assert (await api.get("/openapi/v3/apis/none/v1")).status == 404


async def test_metrics_count_requests_by_what_they_asked_for(api: ApiEnv) -> None:
    await api.get("/api/v1/namespaces/default/pods")
    text = (await api.get("/metrics")).body.decode()
    assert "# TYPE apiserver_request_total counter" in text
    wanted = 'apiserver_request_total{verb="LIST",dry_run="",group="",version="v1",resource="pods"'
    assert any(line.startswith(wanted) and 'scope="namespace"' in line for line in text.splitlines())


async def test_the_root_lists_the_paths(api: ApiEnv) -> None:
    paths = (await api.get("/")).json()["paths"]
    assert {"/", "/api", "/api/v1", "/apis/apps/v1", "/healthz", "/metrics", "/openapi/v2", "/version"} <= set(paths)
    assert (await api.get("/", token="")).status == 403
