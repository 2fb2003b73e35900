"""What a running scheduler tells those who scrape it."""

from __future__ import annotations

import asyncio

from tests.apienv import api_server
from tests.fuzz.process import free_port
from tests.integration.controllers.manager import eventually
from tests.integration.scheduler.world import World, scheduling


async def scrape(port: int, path: str) -> list[str]:
    """The lines of an exposition."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    assert head.startswith("HTTP/1.1 200 "), head
    return body.splitlines()


async def test_a_scheduler_tells_of_its_work_its_requests_and_the_pods_resources() -> None:
    port = free_port()
    async with api_server() as api, scheduling(api, healthz_bind_address=f"127.0.0.1:{port}", leader_elect=True):
        world = World(api)
        await world.node("a")
        await world.pod("p", cpu="250m")
        assert await world.placed("p") == "a"

        async def told() -> bool:
            lines = await scrape(port, "/metrics")
            profile = 'profile="default-scheduler"'
            points = {
                point: f'{{extension_point="{point}",status="Success",{profile}}} 1' for point in ("Filter", "Bind")
            }
            name = "scheduler_framework_extension_point_duration_seconds_count"
            wanted = [f"{name}{labels}" for labels in points.values()]
            wanted += [
                'leader_election_master_status{name="kube-scheduler"} 1',
                'scheduler_cache_size{type="nodes"} 1',
                'scheduler_event_handling_duration_seconds_count{event="AssignedPodAdd"} 1',
            ]
            assert [line for line in wanted if line not in lines] == []
            requests = [line for line in lines if line.startswith("rest_client_requests_total{")]
            assert any('code="201"' in line and 'method="POST"' in line for line in requests)
            return any(line.startswith("rest_client_request_duration_seconds_count{") for line in lines)

        await eventually(told)
        known = 'namespace="default",pod="p",node="a",scheduler="default-scheduler",priority="0"'
        request = f'kube_pod_resource_request{{{known},resource="cpu",unit="cores"}} 0.25'

        async def asked() -> bool:
            return request in await scrape(port, "/metrics/resources")

        await eventually(asked)
