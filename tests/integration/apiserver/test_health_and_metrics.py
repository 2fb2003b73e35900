"""Health checks, /version and metrics, under upstream's names."""

from __future__ import annotations

import pytest

from tests.apienv import api_server

HOOKS = ("rbac/bootstrap-roles", "priority-and-fairness-config-producer", "start-system-namespaces-controller")


async def test_checks_are_listed_excluded_and_asked_one_by_one() -> None:
    async with api_server() as api:
        for endpoint in ("livez", "readyz", "healthz"):
            assert (await api.get(f"/{endpoint}")).body == b"ok"
            lines = (await api.get(f"/{endpoint}", query={"verbose": ""})).body.decode().splitlines()
            assert lines[-1] == f"{endpoint} check passed"
            assert {"[+]ping ok", "[+]etcd ok", *(f"[+]poststarthook/{name} ok" for name in HOOKS)} <= set(lines)
        lines = (await api.get("/readyz", query={"verbose": "", "exclude": "etcd"})).body.decode().splitlines()
        assert "[+]etcd excluded: ok" in lines and "[+]informer-sync ok" in lines and "[+]shutdown ok" in lines
        assert (await api.get("/livez/poststarthook/rbac/bootstrap-roles")).body == b"ok"
        assert (await api.get("/livez/nothing")).status == 404


async def test_outcomes_of_checks_are_metrics_of_their_own() -> None:
    async with api_server() as api:
        await api.get("/readyz")
        text = (await api.get("/metrics/slis")).body.decode()
        assert 'kubernetes_healthcheck{name="etcd",type="readyz"} 1' in text
        assert 'kubernetes_healthchecks_total{name="etcd",type="readyz",status="success"}' in text


METRICS = (
    'apiserver_request_total{verb="POST",dry_run="",group="",version="v1",resource="namespaces",subresource="",'
    'scope="cluster",component="apiserver",code="201"}',
    'apiserver_request_duration_seconds_bucket{verb="POST",group="",version="v1",resource="namespaces"',
    'apiserver_request_sli_duration_seconds_count{verb="POST"',
    'apiserver_response_sizes_sum{verb="GET",group="",version="v1",resource="namespaces"',
    'apiserver_current_inflight_requests{request_kind="readOnly"}',
    'apiserver_resource_objects{group="",resource="namespaces"}',
    'apiserver_storage_objects{resource="namespaces"}',
    'apiserver_longrunning_requests{verb="WATCH",group="",version="v1",resource="namespaces"',
    'apiserver_flowcontrol_dispatched_requests_total{priority_level="exempt",flow_schema="exempt"}',
    'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245',
    'apiserver_flowcontrol_request_execution_seconds_count{priority_level="exempt",flow_schema="exempt",type="regular"}',
    'etcd_request_duration_seconds_bucket{operation="create",resource="namespaces"',
    'authentication_attempts{result="success"}',
    'authenticated_user_requests{username="admin"}',
    'apiserver_watch_events_total{group="",version="v1",resource="namespaces"}',
    'apiserver_admission_step_admission_duration_seconds_count{operation="CREATE",rejected="false",type="admit"}',
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    'kubernetes_build_info{git_version="v1.36',
)


async def test_metrics_have_the_names_that_dashboards_know() -> None:
    async with api_server() as api:
        assert (await api.post("/api/v1/namespaces", {"metadata": {"name": "a"}})).status == 201
        assert (await api.get("/api/v1/namespaces/a")).status == 200
        async with api.watch("/api/v1/namespaces") as watch:
            await api.post("/api/v1/namespaces", {"metadata": {"name": "b"}})
            while (await watch.next())["object"]["metadata"]["name"] != "b":
                pass
            reply = await api.get("/metrics")
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = reply.body.decode().splitlines()
    for wanted in METRICS:
        assert any(line.startswith(wanted) for line in lines), wanted
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


async def test_paths_that_nobody_serves_make_no_label_values() -> None:
    async with api_server() as api:
        for number in range(5):
            assert (await api.get(f"/made/up/{number}")).status == 404
        text = (await api.get("/metrics")).body.decode()
        assert "made" not in text


@pytest.mark.parametrize("path", ["/debug/pprof/", "/debug/pprof/heap"])
async def test_profiles_of_go_are_refused_by_name(path: str) -> None:
    async with api_server() as api:
        reply = await api.get(path)
        assert reply.status == 404 and "py-spy" in reply.json()["message"]


async def test_every_answer_has_an_audit_id() -> None:
    async with api_server() as api:
        first, second = await api.get("/version"), await api.get("/api/v1/nothing")
        assert first.headers["audit-id"] != second.headers["audit-id"]
        asked = await api.get("/version", headers={"audit-id": "mine"})
        assert asked.headers["audit-id"] == "mine"
