"""Endpoints and EndpointSlices follow services and their pods, on a real API server."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World, eventually, running

NAMES = ("endpoints-controller", "endpointslice-controller")
SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb"
ENDPOINTS = "/api/v1/namespaces/default/endpoints"


def service(**spec: Any) -> dict:
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    return {
        "metadata": {"name": "web", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def pod(name: str, port: int = 8080) -> dict:
    container = {"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": port}]}
    return {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"containers": [container]}}


async def report(world: World, name: str, ip: str, ready: bool, since: str = "2026-01-01T00:00:00Z") -> None:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]}
    reply = await world.api.patch(f"{PODS}/{name}/status", {"status": status})
    assert reply.status == 200, reply.body


async def view(world: World) -> tuple[Any, Any]:
    """({address: (ready, serving, terminating)} of all slices, (ready, not ready) addresses of the Endpoints)."""
    states = {}
    for piece in await world.items(SLICES):
        for endpoint in piece.get("endpoints") or []:
            conditions = endpoint["conditions"]
            states[endpoint["addresses"][0]] = tuple(conditions[k] for k in ("ready", "serving", "terminating"))
    subsets = (await world.get(f"{ENDPOINTS}/web")).get("subsets") or [{}]
    old = tuple([a["ip"] for a in subsets[0].get(kind, [])] for kind in ("addresses", "notReadyAddresses"))
    return states, old


async def test_endpoints_follow_readiness_and_deletion_of_pods():
    async with running(*NAMES) as world:
        await world.create(SERVICES, service())
        for name, ip, ready in (("a", "10.0.0.1", True), ("b", "10.0.0.2", False)):
            await world.create(PODS, pod(name))
            await report(world, name, ip, ready)
        on, off = (True, True, False), (False, False, False)

        async def seen(states: Any, old: Any) -> bool:
            assert await view(world) == (states, old)
            return True

        await eventually(lambda: seen({"10.0.0.1": on, "10.0.0.2": off}, (["10.0.0.1"], ["10.0.0.2"])))
        await report(world, "b", "10.0.0.2", True)
        await eventually(lambda: seen({"10.0.0.1": on, "10.0.0.2": on}, (["10.0.0.1", "10.0.0.2"], [])))

        (piece,) = await world.items(SLICES)
        assert piece["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        assert piece["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
        assert piece["metadata"]["labels"]["team"] == "a"
        assert piece["endpoints"][0]["targetRef"]["kind"] == "Pod"

        await world.delete(f"{SERVICES}/web")

        async def gone() -> bool:
            return await world.get(f"{ENDPOINTS}/web") is None

        await eventually(gone)


async def test_endpoints_say_when_the_change_was_that_they_are_written_for():
    async with running(*NAMES) as world:
        made = await world.create(SERVICES, service())

        def told(moment: str, ready: int) -> Any:
            async def seen() -> bool:
                old = await world.get(f"{ENDPOINTS}/web")
                found = [*await world.items(SLICES), *([old] if old is not None else [])]
                key = "endpoints.kubernetes.io/last-change-trigger-time"
                states, _ = await view(world) if old is not None else ({}, ())
                marks = [one["metadata"].get("annotations", {}).get(key) for one in found]
                return marks == [moment, moment] and len(states) == ready

            return seen

        await eventually(told(made["metadata"]["creationTimestamp"], 0))
        await world.create(PODS, pod("a"))
        await report(world, "a", "10.0.0.1", True, "2100-01-01T00:00:05Z")
        await eventually(told("2100-01-01T00:00:05Z", 1))


async def test_pods_with_other_port_numbers_get_a_slice_of_their_own():
    async with running(*NAMES) as world:
        await world.create(SERVICES, service())
        for name, ip, port in (("a", "10.0.0.1", 8080), ("b", "10.0.0.2", 9090)):
            await world.create(PODS, pod(name, port))
            await report(world, name, ip, True)

        async def apart() -> bool:
            pieces = await world.items(SLICES)
            found = {p["ports"][0]["port"]: [e["addresses"][0] for e in p["endpoints"]] for p in pieces}
            subsets = (await world.get(f"{ENDPOINTS}/web"))["subsets"]
            return found == {8080: ["10.0.0.1"], 9090: ["10.0.0.2"]} and len(subsets) == 2

        await eventually(apart)


async def test_a_service_without_pods_has_one_empty_slice_and_headless_is_labelled():
    async with running(*NAMES) as world:
        await world.create(SERVICES, service(clusterIP="None", publishNotReadyAddresses=True))

        async def empty() -> bool:
            (piece,) = await world.items(SLICES)
            labels = (await world.get(f"{ENDPOINTS}/web"))["metadata"]["labels"]
            return not piece.get("endpoints") and "service.kubernetes.io/headless" in labels

        await eventually(empty)
        await world.create(PODS, pod("a"))
        await report(world, "a", "10.0.0.1", False)

        async def published() -> bool:
            return await view(world) == ({"10.0.0.1": (True, False, False)}, (["10.0.0.1"], []))

        await eventually(published)
        assert len(await world.items(SLICES)) == 1


async def test_hand_written_endpoints_are_mirrored_as_slices():
    async with running(*NAMES, "endpointslice-mirroring-controller") as world:
        body = service()
        del body["spec"]["selector"]
        await world.create(SERVICES, body)
        subset = {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"name": "http", "port": 80}]}
        await world.create(ENDPOINTS, {"metadata": {"name": "web"}, "subsets": [subset]})

        async def mirrored(*wanted: str) -> bool:
            pieces = [
                p for p in await world.items(SLICES) if p["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
            ]
            return [e["addresses"][0] for p in pieces for e in p["endpoints"]] == list(wanted)

        await eventually(lambda: mirrored("192.0.2.1"))
        subset["addresses"] = [{"ip": "192.0.2.2"}]
        await world.merge(f"{ENDPOINTS}/web", {"subsets": [subset]})
        await eventually(lambda: mirrored("192.0.2.2"))
        await world.delete(f"{ENDPOINTS}/web")
        await eventually(mirrored)


async def test_a_service_that_asks_for_it_gets_hints_in_proportion_to_the_zones():
    async with running(*NAMES) as world:
        for name, zone in (("n1", "a"), ("n2", "b")):
            labels = {"topology.kubernetes.io/zone": zone}
            await world.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
            conditions = [{"type": "Ready", "status": "True"}]
            status = {"allocatable": {"cpu": "4"}, "conditions": conditions}
            await world.merge(f"/api/v1/nodes/{name}/status", {"status": status})
        body = service()
        body["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
        await world.create(SERVICES, body)
        for number, node in enumerate(["n1", "n1", "n1", "n2"]):
            made = pod(f"p{number}")
            made["spec"]["nodeName"] = node
            await world.create(PODS, made)
            await report(world, f"p{number}", f"10.0.0.{number + 1}", True)

        async def hints() -> list[str]:
            endpoints = [one for piece in await world.items(SLICES) for one in piece.get("endpoints") or []]
            return sorted(one["hints"]["forZones"][0]["name"] if "hints" in one else "" for one in endpoints)

        async def shared() -> bool:
            return await hints() == ["a", "a", "b", "b"]

        await eventually(shared)
        told = "Topology Aware Hints has been enabled, addressType: IPv4"
        await eventually(lambda: _told(world, "TopologyAwareHintsEnabled", told))

        await world.merge("/api/v1/nodes/n2/status", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}})

        async def gone() -> bool:
            return await hints() == [""] * 4

        await eventually(gone)
        why = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
        await eventually(lambda: _told(world, "TopologyAwareHintsDisabled", f"{why}, addressType: IPv4"))


async def _told(world: World, reason: str, message: str) -> bool:
    return message in await world.events(reason)
