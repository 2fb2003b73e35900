"""One leader at a time, on the real API server."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.api.coordination.lease import LEASE
from kubelite.client.client import Client
from kubelite.client.leaderelection import LeadershipLost, Timing, lead
from kubelite.machinery.errors import StatusError
from tests.apienv import api_server
from tests.integration.controllers.manager import eventually

FAST = Timing(lease=1.0, renew=0.6, retry=0.05)


async def test_the_second_takes_over_at_once_when_the_first_releases_and_after_expiry_when_it_dies():
    async with api_server() as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "kube-system"}})
        client = Client.from_config(api.client_config(), user_agent="test")
        leading: list[str] = []

        def candidate(name: str) -> asyncio.Task[None]:
            async def work() -> None:
                leading.append(name)
                try:
                    await asyncio.Event().wait()
                finally:
                    leading.remove(name)

            return asyncio.create_task(lead(client, "the-lease", name, work, timing=FAST))

        async def leads(name: str) -> bool:
            assert len(leading) < 2
            return leading == [name]

        first = candidate("first")
        await eventually(lambda: leads("first"))
        second = candidate("second")
        first.cancel()
        await eventually(lambda: leads("second"))
        lease = await client.get(LEASE, "the-lease", "kube-system")
        assert (lease.spec.holderIdentity, lease.spec.leaseTransitions) == ("second", 1)

        stolen = await client.get(LEASE, "the-lease", "kube-system")
        stolen.spec.holderIdentity, stolen.spec.leaseDurationSeconds = "dead", 1
        while True:
            try:
                await client.update(LEASE, stolen)
                break
            except StatusError:
                fresh = await client.get(LEASE, "the-lease", "kube-system")
                stolen.metadata.resourceVersion = fresh.metadata.resourceVersion
        with pytest.raises(LeadershipLost):
            await asyncio.wait_for(second, 10)
        assert leading == []

        third = candidate("third")
        await eventually(lambda: leads("third"))
        third.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        await client.close()


async def test_the_end_of_the_work_is_the_end_of_leading_and_its_error_comes_through():
    async with api_server() as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "kube-system"}})
        client = Client.from_config(api.client_config(), user_agent="test")

        async def work() -> None:
            raise ValueError("fault of the work")

        with pytest.raises(ValueError, match="fault of the work"):
            await lead(client, "the-lease", "me", work, timing=FAST)
        lease = await client.get(LEASE, "the-lease", "kube-system")
        assert not lease.spec.holderIdentity
        await client.close()
